//! Many servers that were checked, for monitoring: a plugin's status line with the count, or one page of metrics.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::nagios::{with_cause, write_line, write_status};
use super::prometheus::MetricsPage;
use crate::limits;
use crate::report::text::words::count;
use crate::report::{End, TargetTotals, Targets};
use crate::verdict::Severity;

/// Characters of the status line's list of what went wrong.
const KINDS: usize = 5;

/// Writes a plugin's output when all servers are checked.
pub struct PluginOfTargets<W> {
    out: W,
    /// What is below the status line, by how urgent it is, in the order of the file.
    below: Vec<(u8, Vec<String>)>,
    /// Servers by severity, reason and cause.
    kinds: BTreeMap<(Severity, String), u64>,
    /// Servers that have lines below.
    shown: BTreeMap<u8, usize>,
}

impl<W: Write> PluginOfTargets<W> {
    /// Without any server.
    pub fn new(out: W) -> Self {
        Self { out, below: Vec::new(), kinds: BTreeMap::new(), shown: BTreeMap::new() }
    }

    fn text(&self, totals: &TargetTotals) -> String {
        let (all, worst) = (totals.targets(), totals.worst());
        let some = totals.of(worst);
        let begin = match worst {
            Severity::Critical => format!("{some} of {all} failed"),
            Severity::Warning => format!("{some} of {all} need a look"),
            Severity::Ok => return format!("{some} of {all} ok"),
            Severity::Unknown => format!("{some} of {all} could not be checked"),
        };
        let mut kinds: Vec<_> = self
            .kinds
            .iter()
            .filter(|((severity, _), _)| *severity == worst)
            .map(|((_, kind), n)| (kind, n))
            .collect();
        kinds.sort_by_key(|(_, number)| std::cmp::Reverse(**number));
        let named = kinds.iter().take(KINDS).map(|(kind, number)| format!("{kind} {number}"));
        let named = named.collect::<Vec<_>>().join(", ");
        match kinds.len().saturating_sub(KINDS) {
            0 => format!("{begin}: {named}"),
            more => format!("{begin}: {named}, {}", count(more as u64, "more kind")),
        }
    }
}

impl<W: Write> Targets for PluginOfTargets<W> {
    fn target(&mut self, end: &End<'_>) -> io::Result<()> {
        let (Some(check), Some(target)) = (end.check, end.target) else { return Ok(()) };
        let conclusion = check.outcome.conclusion();
        let title = with_cause(conclusion.reason, conclusion.cause.as_deref());
        *self.kinds.entry((conclusion.severity, title.clone())).or_default() += 1;
        if conclusion.is_well() {
            return Ok(());
        }
        let urgency = conclusion.severity.urgency();
        // What is more than the output shows is counted, and not kept.
        let shown = self.shown.entry(urgency).or_default();
        *shown += 1;
        if *shown > limits::PLUGIN_FAILURES {
            return Ok(());
        }
        let option = conclusion.state_option().map(|option| format!(" ({option})")).unwrap_or_default();
        let mut lines = vec![format!("{target} {title}: {}{option}", conclusion.headline)];
        if check.verbosity >= 1 {
            lines.push(conclusion.explanation);
        }
        if check.verbosity >= 2 {
            lines.extend(conclusion.advice.iter().map(|advice| format!("- {advice}")));
        }
        self.below.push((urgency, lines));
        Ok(())
    }

    fn finish(mut self: Box<Self>, totals: &TargetTotals) -> io::Result<()> {
        let figures = [
            format!("targets={};;;0", totals.targets()),
            format!("ok={};;;0", totals.of(Severity::Ok)),
            format!("warning={};0;;0", totals.of(Severity::Warning)),
            format!("critical={};;0;0", totals.of(Severity::Critical)),
            format!("unknown={};;;0", totals.of(Severity::Unknown)),
            format!("time={:.6}s;;;0", totals.elapsed.as_secs_f64()),
        ];
        write_status(totals.status(), &self.text(totals), &figures.join(" "), &mut self.out)?;
        self.below.sort_by_key(|(urgency, _)| std::cmp::Reverse(*urgency));
        for (_, lines) in self.below.iter().take(limits::PLUGIN_FAILURES) {
            lines.iter().try_for_each(|line| write_line(line, &mut self.out))?;
        }
        let all: usize = self.shown.values().sum();
        let further = all.saturating_sub(limits::PLUGIN_FAILURES);
        if further > 0 {
            writeln!(self.out, "and {} more", count(further as u64, "target"))?;
        }
        self.out.flush()
    }
}

/// Writes one page of metrics when all servers are checked.
pub struct MetricsOfTargets<W> {
    out: W,
    page: MetricsPage,
}

impl<W: Write> MetricsOfTargets<W> {
    /// Without any server.
    pub fn new(out: W) -> Self {
        Self { out, page: MetricsPage::default() }
    }
}

impl<W: Write> Targets for MetricsOfTargets<W> {
    fn target(&mut self, end: &End<'_>) -> io::Result<()> {
        self.page.add(end);
        Ok(())
    }

    fn finish(mut self: Box<Self>, _: &TargetTotals) -> io::Result<()> {
        self.page.write(&mut self.out)?;
        self.out.flush()
    }
}
