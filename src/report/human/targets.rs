//! Many servers that were checked: a line for each, those that failed first, then why and what to do, then the count.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::glyphs::Glyphs;
use super::grid::{grid, text};
use super::judgement::word;
use crate::analysis::Redaction;
use crate::limits;
use crate::probe::{Conclusion, Expiry};
use crate::report::text::escape::escaped;
use crate::report::text::words::{BOLD, DIM, count, grouped, style_of, wrapped};
use crate::report::{End, Style, TargetTotals, Targets};
use crate::verdict::Severity;

const HEADER: [&str; 5] = ["Result", "Target", "Took", "Cert", "What happened"];

/// How many came to what, in words.
const COUNTED: [(Severity, &str); 4] = [
    (Severity::Critical, "failed"),
    (Severity::Warning, "with a warning"),
    (Severity::Unknown, "undecided"),
    (Severity::Ok, "ok"),
];

/// Columns of the labels below the table.
const LABEL_COLUMNS: usize = 7;

/// Rows of the table, those that failed first: more would scroll the answer away. What is left out is counted, and named below where
/// it is not well; with `-v` all are there.
const ROWS: usize = 25;

/// Targets that are named together before the rest is counted: they are all in the table.
const NAMED: usize = 8;

/// Writes the table when all servers are checked.
pub struct TargetTable<W> {
    out: W,
    style: Style,
    rows: Vec<Row>,
    is_detailed: bool,
    /// One conclusion for each kind that is not well, with the targets that have it.
    kinds: BTreeMap<(&'static str, Option<String>), Kind>,
}

/// Servers of which the same is the matter.
struct Kind {
    /// That of the first.
    conclusion: Conclusion,
    targets: Vec<String>,
}

struct Row {
    urgency: u8,
    severity: Severity,
    cells: [String; 5],
}

impl<W: Write> TargetTable<W> {
    /// Without rows.
    pub fn new(out: W, style: Style) -> Self {
        Self { out, style, rows: Vec::new(), is_detailed: false, kinds: BTreeMap::new() }
    }

    fn write_table(&mut self) -> io::Result<()> {
        // The sort keeps the file's order among equals.
        self.rows.sort_by_key(|row| std::cmp::Reverse(row.urgency));
        let mut table = grid(HEADER, &[2, 3]);
        let most = if self.is_detailed { usize::MAX } else { ROWS };
        let (shown, folded) = self.rows.split_at(self.rows.len().min(most));
        for row in shown {
            table.add_row(row.cells.iter().map(String::as_str));
        }
        let glyphs = Glyphs::of(&self.style);
        for (index, line) in text(&table).lines().enumerate() {
            let line = glyphs.text(line);
            match index.checked_sub(1).and_then(|index| shown.get(index)) {
                Some(row) => {
                    let color = style_of(row.severity);
                    let (word, rest) = line.split_at(word(row.severity).len());
                    writeln!(self.out, "{color}{word}{color:#}{rest}")?;
                }
                None => writeln!(self.out, "{DIM}{line}{DIM:#}")?,
            }
        }
        if folded.is_empty() {
            return Ok(());
        }
        let of = |severity: Severity| folded.iter().filter(|row| row.severity == severity).count() as u64;
        let parts: Vec<_> = COUNTED
            .into_iter()
            .map(|(severity, what)| (of(severity), what))
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{} {what}", grouped(count)))
            .collect();
        let rows = count(folded.len() as u64, "further row");
        let line = format!("{rows}: {} (-v shows all)", parts.join(", "));
        writeln!(self.out, "{DIM}{}{DIM:#}", glyphs.text(&line))
    }

    /// Why and what to do, once for all servers with the same reason and cause.
    fn write_kinds(&mut self) -> io::Result<()> {
        let mut kinds: Vec<_> = std::mem::take(&mut self.kinds).into_iter().collect();
        // The gravest first, and of equally grave ones what most servers have.
        kinds.sort_by_key(|(_, kind)| {
            std::cmp::Reverse((kind.conclusion.severity.urgency(), kind.targets.len()))
        });
        for ((reason, cause), Kind { conclusion, targets }) in kinds {
            let color = style_of(conclusion.severity);
            let title = cause.map_or_else(|| reason.to_owned(), |cause| format!("{reason} {cause}"));
            let word = word(conclusion.severity);
            writeln!(self.out, "\n{color}{word}{color:#} {BOLD}{}{BOLD:#}", escaped(&title))?;
            let shown = targets.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
            let further = targets.len().saturating_sub(NAMED);
            let named = if further > 0 { format!("{shown} and {further} more") } else { shown };
            self.write_labelled("At", &named)?;
            // Names and dates in it are those of the first.
            let of = targets.first().filter(|_| targets.len() > 1);
            let of = of.map(|target| format!("({target}) ")).unwrap_or_default();
            self.write_labelled("Why", &format!("{of}{}", conclusion.explanation))?;
            if let Some(option) = conclusion.state_option() {
                self.write_labelled("State", &option)?;
            }
            for (index, advice) in conclusion.advice.iter().enumerate() {
                let label = if index == 0 { "Next" } else { "" };
                self.write_labelled(label, &format!("{}. {advice}", index + 1))?;
            }
        }
        Ok(())
    }

    fn write_labelled(&mut self, label: &str, text: &str) -> io::Result<()> {
        let columns = usize::from(self.style.columns).min(100).saturating_sub(LABEL_COLUMNS).max(40);
        let glyphs = Glyphs::of(&self.style);
        for (index, line) in wrapped(text, columns).iter().enumerate() {
            let label = if index == 0 { label } else { "" };
            writeln!(self.out, "{DIM}{label:LABEL_COLUMNS$}{DIM:#}{}", glyphs.text(line))?;
        }
        Ok(())
    }
}

impl<W: Write> Targets for TargetTable<W> {
    fn target(&mut self, end: &End<'_>) -> io::Result<()> {
        let (Some(check), Some(target)) = (end.check, end.target) else { return Ok(()) };
        let outcome = check.outcome;
        let conclusion = outcome.conclusion();
        let ends = outcome.connections.iter().filter_map(|judged| Expiry::of(&judged.story));
        let days = ends.min_by_key(|expiry| expiry.at).and_then(|expiry| expiry.days);
        let title = match &conclusion.cause {
            Some(cause) => format!("{} {cause}", conclusion.reason),
            None => conclusion.reason.to_owned(),
        };
        self.is_detailed |= check.verbosity > 0;
        let severity = conclusion.severity;
        let cells = [
            format!("{} {}", word(severity), escaped(&title)),
            escaped(target),
            outcome.spent.total.to_string(),
            days.map(|days| format!("{days:.0} d")).unwrap_or_default(),
            escaped(&conclusion.headline),
        ];
        self.rows.push(Row { urgency: severity.urgency(), severity, cells });
        if !conclusion.is_well() {
            let key = (conclusion.reason, conclusion.cause.clone());
            if self.kinds.len() < limits::GROUPS || self.kinds.contains_key(&key) {
                let kind = self.kinds.entry(key);
                let kind = kind.or_insert_with(|| Kind { conclusion, targets: Vec::new() });
                kind.targets.push(target.to_owned());
            }
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>, totals: &TargetTotals) -> io::Result<()> {
        self.write_table()?;
        self.write_kinds()?;
        let parts: Vec<_> = COUNTED
            .into_iter()
            .filter(|(severity, _)| totals.of(*severity) > 0)
            .map(|(severity, what)| format!("{} {what}", grouped(totals.of(severity))))
            .collect();
        let counted = count(totals.targets(), "target");
        writeln!(self.out, "\n{counted}: {}; in {}", parts.join(", "), totals.elapsed)?;
        if totals.summary.is_redacted {
            writeln!(self.out, "{}", Redaction::SENTENCE)?;
        }
        self.out.flush()
    }
}
