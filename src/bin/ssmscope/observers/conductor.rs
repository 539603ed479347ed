//! What conducts a live capture.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ssmscope::analysis::{Event, Judged, Needs};
use ssmscope::capture::{About, Frame, Target};
use ssmscope::packet::{Content, Packet};
use ssmscope::recorder::Recorder;
use ssmscope::report::Form;
use ssmscope::time::{Elapsed, Timestamp};
use ssmscope::verdict::{Code, Severity, Status};

use super::Observer;
use super::passed_on::PassedOn;
use crate::args::{Live, Until};
use crate::exit;
use crate::system::deadline;
use crate::system::signals::Signals;

/// Saves frames, has failures recorded, reports what happens outside the report, and knows when enough is known.
pub struct Conductor<'o> {
    options: &'o Live,
    /// What is captured on.
    device: String,
    signals: Signals,
    passed_on: PassedOn,
    /// When it ends, whatever comes.
    longest: Option<Elapsed>,
    began: Instant,
    /// Frames that came, whatever they are.
    packets: u64,
    dropped: u64,
    last_at: Timestamp,
    /// When the last packet came of a connection that is selected, or an error about one.
    last_selected: Option<Instant>,
    /// Whether it was reported that none came.
    has_reported_absence: bool,
    /// What the names and addresses of `--host` were taken for.
    networks: String,
    reported_notes: usize,
    /// Open connections with a verdict, by the number of their first packet.
    known: HashMap<u64, Severity>,
    /// Connections that have, or had, a verdict.
    with_verdict: u64,
    codes: BTreeMap<Code, u64>,
    /// Those of the connections that ended.
    severities: BTreeSet<Severity>,
    done: Arc<AtomicBool>,
}

impl<'o> Conductor<'o> {
    /// From now on.
    pub fn new(
        options: &'o Live,
        device: &str,
        target: &Target,
        signals: Signals,
        passed_on: PassedOn,
    ) -> Self {
        Self {
            options,
            device: device.to_owned(),
            signals,
            passed_on,
            longest: deadline::patience(options.duration, options.rendering.output),
            began: Instant::now(),
            packets: 0,
            dropped: 0,
            last_at: Timestamp::ZERO,
            last_selected: None,
            has_reported_absence: false,
            networks: target.networks(),
            reported_notes: 0,
            known: HashMap::new(),
            with_verdict: 0,
            codes: BTreeMap::new(),
            severities: BTreeSet::new(),
            done: Arc::default(),
        }
    }

    /// Is set once enough is known.
    pub fn done(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.done)
    }

    /// What is left to do once the capture has ended.
    pub fn finish(&mut self, about: &About) {
        let dropped = about.dropped.unwrap_or(0);
        self.report_notes(about);
        let unlearned = self.passed_on.finish(self.last_at, dropped);
        if unlearned > 0 {
            exit::aside(
                self.options.rendering.output,
                format_args!("ssmscope: the payload of {unlearned} packets was not written"),
            );
        }
        if let Some(recorder) = self.passed_on.recorder() {
            report_news(recorder, self.options.rendering.output);
            if recorder.lacks_some() {
                report_counts(recorder, self.options.rendering.output);
            }
        }
    }

    fn frame(&mut self, frame: &Frame<'_>) {
        self.packets += 1;
        self.last_at = frame.at;
        self.passed_on.frame(frame);
        self.report_recorder();
        self.look();
    }

    fn idle(&mut self, at: Timestamp, about: &About) {
        self.dropped = about.dropped.unwrap_or(0);
        self.last_at = self.last_at.max(at);
        self.passed_on.idle(at, self.dropped);
        self.report_recorder();
        self.report_notes(about);
        self.look();
    }

    fn packet(&mut self, packet: &Packet<'_>) {
        self.passed_on.packet(packet);
        if matches!(packet.content, Content::Segment(_) | Content::IcmpError(_)) {
            self.last_selected = Some(Instant::now());
        }
    }

    fn report_recorder(&mut self) {
        if let Some(recorder) = self.passed_on.recorder() {
            report_news(recorder, self.options.rendering.output);
        }
    }

    /// Says once that no connection's packet came in time. Neighbours that look for each other are no sign of the client.
    fn report_absence(&mut self) {
        let is_late = || self.began.elapsed() >= Duration::from(self.options.expect_within);
        if self.last_selected.is_none() && !self.has_reported_absence && is_late() {
            self.has_reported_absence = true;
            let text = nothing_seen(self.options, &self.device, &self.networks, self.packets);
            exit::aside(self.options.rendering.output, text);
        }
    }

    /// The exit status where nobody reads the report any more, open connections included.
    pub fn status_so_far(&self) -> Status {
        exit::status_so_far(|severity| {
            self.severities.contains(&severity) || self.known.values().any(|known| *known == severity)
        })
    }

    fn report_notes(&mut self, about: &About) {
        for note in about.notes.iter().skip(self.reported_notes) {
            exit::aside(self.options.rendering.output, format_args!("ssmscope: {}", note.text));
        }
        self.reported_notes = about.notes.len();
    }

    /// Takes a verdict in, known before or not.
    fn verdict(&mut self, judged: &Judged, is_final: bool) {
        self.passed_on.judged(judged);
        let number = judged.story.first.number;
        let severity = judged.verdict.severity;
        let was_known = if is_final {
            self.severities.insert(severity);
            self.known.remove(&number).is_some()
        } else {
            self.known.insert(number, severity).is_some()
        };
        if severity == Severity::Unknown && !was_known {
            return;
        }
        self.with_verdict += u64::from(!was_known);
        let is_awaited = match self.options.until {
            Some(Until::Verdict) => true,
            Some(Until::Failure) => severity == Severity::Critical,
            Some(Until::Healthy) => matches!(severity, Severity::Ok | Severity::Warning),
            None => false,
        };
        if is_awaited || self.options.verdicts.is_some_and(|count| self.with_verdict >= count) {
            self.done.store(true, Ordering::Relaxed);
        }
    }

    /// Looks whether enough is known, and does what signals ask for.
    fn look(&mut self) {
        if self.done.load(Ordering::Relaxed) {
            return;
        }
        self.report_absence();
        if self.signals.summary.swap(false, Ordering::Relaxed) {
            self.report_summary();
        }
        if self.signals.reopen.swap(false, Ordering::Relaxed) {
            self.passed_on.reopen();
        }
        let is_done = self.signals.ends.load(Ordering::Relaxed)
            || self.longest.is_some_and(|most| self.began.elapsed() >= Duration::from(most))
            || self.options.idle_exit.is_some_and(|most| {
                self.last_selected.unwrap_or(self.began).elapsed() >= Duration::from(most)
            });
        if is_done {
            self.done.store(true, Ordering::Relaxed);
        }
    }

    fn report_summary(&mut self) {
        let codes: Vec<_> = self.codes.iter().map(|(code, count)| format!("{code} {count}")).collect();
        let codes = if codes.is_empty() { "none yet".to_owned() } else { codes.join(", ") };
        let elapsed = Elapsed::from_secs_f64(self.began.elapsed().as_secs_f64());
        exit::aside(
            self.options.rendering.output,
            format_args!(
                "ssmscope: {} packets in {elapsed}, {} dropped; verdicts of connections that ended: {codes}",
                self.packets, self.dropped
            ),
        );
        if let Some(recorder) = self.passed_on.recorder() {
            report_counts(recorder, self.options.rendering.output);
        }
    }
}

impl Observer for Conductor<'_> {
    fn connection(&mut self, judged: &Judged) {
        self.verdict(judged, true);
        *self.codes.entry(judged.verdict.code).or_default() += 1;
    }

    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Frame(frame) => self.frame(frame),
            Event::Packet(packet) => self.packet(packet),
            Event::Known(judged) => self.verdict(judged, false),
            Event::Idle(at, about) => self.idle(*at, about),
            Event::LogUnread(error) => {
                exit::aside(self.options.rendering.output, format_args!("ssmscope: {error}"));
            }
            Event::Entry(..) | Event::Silence(..) | Event::Tied(..) | Event::Progress(..) => {}
        }
    }

    fn needs(&self) -> Needs {
        // A recorded failure's file holds its findings, and its verdict in full.
        let records = self.options.record.is_some();
        Needs { findings: records, examinations: records, ..Needs::ALL }
    }
}

fn report_news(recorder: &mut Recorder, output: Form) {
    for news in recorder.news() {
        exit::aside(output, format_args!("ssmscope: {news}"));
    }
}

fn report_counts(recorder: &Recorder, output: Form) {
    exit::aside(output, format_args!("ssmscope: --record: {}", recorder.counted()));
}

/// What to check when the host's packets do not come; `others` came.
fn nothing_seen(options: &Live, device: &str, networks: &str, others: u64) -> String {
    let hosts = match options.selection.host.as_slice() {
        [] => String::new(),
        hosts => format!(" of {}", hosts.join(", ")),
    };
    let others = match others {
        0 => "and none that could explain it".to_owned(),
        count => format!("only {count} of other kinds (ARP, DNS, ICMP, other hosts)"),
    };
    let resolved = match networks {
        networks if networks == options.selection.host.join(", ") => String::new(),
        networks => format!("; here --host means {networks}"),
    };
    format!(
        "ssmscope: no TCP packet{hosts} within {} on {}, {others}. Check:\n  \
         - the interface: `ssmscope interfaces` lists them, and `-i any` captures on all\n  \
         - a proxy: traffic then goes to the proxy's address, and --host has to name that\n  \
         - the name: it may resolve to another address where the client runs{resolved}\n  \
         - --port and --filter: leave them away to see more\n  \
         - whether the client tries at all: a licence sync may run only once a day",
        options.expect_within, device
    )
}
