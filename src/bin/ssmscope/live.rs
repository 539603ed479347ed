//! `ssmscope live`: opens the device, gives root's rights up, and reports until it is told to end.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{File, OpenOptions};
use std::io::{self, LineWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Context;
use comfy_table::Table;
use comfy_table::presets::UTF8_FULL;
use ssmscope::analysis::{self, Judged, Settings, Sink, Summary, Watching};
use ssmscope::capture::live::{self as device, Options};
use ssmscope::capture::{About, Frame, Source, Target, save};
use ssmscope::packet::{Content, Packet};
use ssmscope::recorder::{self, Recorder};
use ssmscope::report::human::stream::{Stream, Times};
use ssmscope::report::human::table;
use ssmscope::report::machine::json;
use ssmscope::report::monitoring::{nagios, prometheus};
use ssmscope::report::{Monitored, Thresholds, Worst};
use ssmscope::story::{Entry, Silence, Story};
use ssmscope::time::{Clock, Elapsed, Timestamp};
use ssmscope::verdict::Severity;

use crate::args::{Live, Output, Until};
use crate::read::{self, Packets};
use crate::system::privileges;
use crate::system::signals::Signals;
use crate::system::textfile::Textfile;
use crate::{UNKNOWN, plugin};

/// Digits after the second in the report for people.
const MICROSECONDS: u8 = 6;

/// Runs the command and yields its exit status.
pub fn run(options: &Live) -> anyhow::Result<u8> {
    let outcome = capture(options);
    if let (Err(_), Some(path)) = (&outcome, &options.textfile) {
        // What can't be told is news as well, and what was told before must not stand. The error tells more than a second one.
        let words = options.selection.words();
        let _ = Textfile::begin(path).and_then(|textfile| {
            textfile.finish(&Monitored {
                worst: &Worst::default(),
                summary: &Summary::default(),
                status: UNKNOWN,
                unopened: &[],
                target: words.as_deref(),
                thresholds: &Thresholds::default(),
                attempt: None,
            })
        });
    }
    outcome
}

fn capture(options: &Live) -> anyhow::Result<u8> {
    let output = options.output;
    // Names are resolved where the user is, the device is opened where it is.
    let target = read::target(&options.selection)?;
    if let Some(name) = &options.netns {
        privileges::enter_namespace(name)?;
    }
    let mut device = device::Live::open(
        Options {
            device: options.interface.clone(),
            snaplen: options.snaplen,
            buffer_kib: options.buffer_size,
            is_promiscuous: options.promiscuous,
        },
        &target,
    )?;
    let user = privileges::give_up(options.user.as_deref())?;
    let settings = Settings {
        keeps_timeline: options.output == Output::Timeline,
        watching: Watching::Always,
        ..read::settings(&options.judgement, options.bounds)?
    };
    let saving = options.write.as_deref().map(|path| Saving::begin(path, options)).transpose()?;
    let recorder = options.record.as_deref().map(|folder| recorder(folder, options)).transpose()?;
    let textfile = options.textfile.as_deref().map(Textfile::begin).transpose();
    let textfile = textfile.context("--user names whose rights files are opened with")?;
    let signals = Signals::register()?;
    let as_user = user.map(|name| format!(", as user {name}")).unwrap_or_default();
    let listening = format_args!("ssmscope: listening on {}{as_user}; Ctrl-C ends it", options.interface);
    plugin::aside(output, listening);

    let about = device.about();
    let out = LineWriter::new(anstream::AutoStream::auto(io::stdout()));
    let mut conductor = Conductor::new(options, &target, signals, saving, recorder);
    // As tcpdump prints them, whatever the capture tells.
    let times = Times { clock: Clock::Utc, digits: MICROSECONDS, is_text: false };
    let is_verbose = options.verbose > 0;
    let style = read::style(is_verbose, true);
    let outcome = match output {
        Output::Timeline => {
            let report = Stream::new(out, style, times);
            let mut report = if options.quiet_healthy { report.quiet(options.interval) } else { report };
            let summary = conductor.analyse(&mut device, target, &settings, &mut report);
            summary.and_then(|summary| report.finish(&summary).map(|()| summary))
        }
        Output::Json => {
            let mut report = json::Report::new(out, std::slice::from_ref(&options.interface));
            let summary = conductor.analyse(&mut device, target, &settings, &mut report);
            summary.and_then(|summary| report.finish(&summary, &[]).map(|()| summary))
        }
        Output::Table => {
            let mut out = out;
            let mut report = table::Report::new(io::stdout(), false, style);
            let summary = conductor.analyse(&mut device, target, &settings, &mut report);
            summary.and_then(|summary| {
                report.finish(&summary, &mut out)?;
                out.flush().map(|()| summary)
            })
        }
        Output::Nagios | Output::Prometheus => {
            conductor.analyse(&mut device, target, &settings, &mut read::Nothing)
        }
        Output::Tcpdump => {
            let mut report = Packets::new(out, &about, is_verbose);
            conductor.analyse(&mut device, target, &settings, &mut report)
        }
    };
    conductor.finish(&device.about());
    let summary = match outcome {
        Ok(summary) => summary,
        // Nobody reads on: what is known by then counts.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(conductor.status()),
        Err(error) => return Err(error.into()),
    };
    if let Some(failure) = &summary.error {
        plugin::aside(output, format_args!("ssmscope: {failure}"));
    }
    monitor(options, &conductor.worst, &summary, textfile)
}

/// Writes what was asked for of the forms for monitoring, and yields the exit status.
fn monitor(
    options: &Live,
    worst: &Worst,
    summary: &Summary,
    textfile: Option<Textfile>,
) -> anyhow::Result<u8> {
    let slow_after = options.judgement.slow_after;
    let thresholds = Thresholds { warning: options.warning, critical: options.critical, slow_after };
    let words = options.selection.words();
    let status = match options.output {
        Output::Nagios => thresholds.status(worst, summary.exit_status()),
        _ => summary.exit_status(),
    };
    let thresholds = &thresholds;
    let monitored = Monitored {
        worst,
        summary,
        status,
        unopened: &[],
        target: words.as_deref(),
        thresholds,
        attempt: None,
    };
    match options.output {
        Output::Nagios => nagios::write(&monitored, &mut io::stdout())?,
        Output::Prometheus => prometheus::write(&monitored, &mut io::stdout())?,
        _ => {}
    }
    if let Some(textfile) = textfile {
        textfile.finish(&monitored)?;
    }
    Ok(status)
}

/// `ssmscope interfaces`.
pub fn interfaces(netns: Option<&str>) -> anyhow::Result<u8> {
    if let Some(name) = netns {
        privileges::enter_namespace(name)?;
    }
    let devices = device::devices()?;
    if devices.is_empty() {
        anstream::eprintln!("ssmscope: libpcap lists no interface; capturing may need CAP_NET_RAW");
        return Ok(UNKNOWN);
    }
    let mut table = Table::new();
    table.load_style(UTF8_FULL).set_header(["Interface", "State", "Addresses", "Description"]);
    for device in devices {
        let description = device.description.unwrap_or_default();
        table.add_row([device.name, device.state, device.addresses.join("\n"), description]);
    }
    anstream::println!("{table}");
    Ok(0)
}

/// Stands between the analysis and the report: saves frames, and knows when enough is known.
struct Conductor<'o> {
    options: &'o Live,
    signals: Signals,
    saving: Option<Saving>,
    recorder: Option<Recorder>,
    /// When it ends, whatever comes.
    longest: Option<Elapsed>,
    began: Instant,
    /// Frames that came, whatever they are.
    packets: u64,
    dropped: u64,
    last_at: Timestamp,
    /// When the last packet came of a connection that is selected, or an error about one.
    last_selected: Option<Instant>,
    /// Whether it was said that none came.
    told_absence: bool,
    /// What the names and addresses of `--host` were taken for.
    networks: String,
    told_notes: usize,
    /// Open connections with a verdict, by the number of their first packet.
    known: HashMap<u64, Severity>,
    /// Connections that have, or had, a verdict.
    with_verdict: u64,
    codes: BTreeMap<&'static str, u64>,
    /// Of the connections that ended.
    severities: BTreeSet<Severity>,
    saw_awaited: bool,
    worst: Worst,
}

impl<'o> Conductor<'o> {
    fn new(
        options: &'o Live,
        target: &Target,
        signals: Signals,
        saving: Option<Saving>,
        recorder: Option<Recorder>,
    ) -> Self {
        Self {
            options,
            signals,
            saving,
            recorder,
            longest: plugin::patience(options.duration, options.output),
            began: Instant::now(),
            packets: 0,
            dropped: 0,
            last_at: Timestamp::ZERO,
            last_selected: None,
            told_absence: false,
            networks: target.networks(),
            told_notes: 0,
            known: HashMap::new(),
            with_verdict: 0,
            codes: BTreeMap::new(),
            severities: BTreeSet::new(),
            saw_awaited: false,
            worst: Worst::default(),
        }
    }

    fn analyse(
        &mut self,
        device: &mut dyn Source,
        target: Target,
        settings: &Settings,
        report: &mut dyn Sink,
    ) -> io::Result<Summary> {
        analysis::analyse(device, target, settings, &mut Conducted { conductor: self, report })
    }

    fn finish(&mut self, about: &About) {
        let dropped = about.dropped.unwrap_or(0);
        if let Some(saving) = &mut self.saving {
            saving.statistics(self.last_at, dropped);
        }
        self.tell_notes(about);
        if let Some(recorder) = &mut self.recorder {
            recorder.dropped(dropped);
            recorder.finish();
            tell_news(recorder, self.options.output);
        }
    }

    fn frame(&mut self, frame: &Frame<'_>) {
        self.packets += 1;
        self.last_at = frame.at;
        if let Some(saving) = &mut self.saving {
            saving.frame(frame);
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.frame(frame);
            tell_news(recorder, self.options.output);
        }
    }

    fn idle(&mut self, at: Timestamp, about: &About) {
        self.dropped = about.dropped.unwrap_or(0);
        if let Some(recorder) = &mut self.recorder {
            recorder.dropped(self.dropped);
            recorder.pass(at);
            tell_news(recorder, self.options.output);
        }
        self.tell_notes(about);
    }

    fn packet(&mut self, packet: &Packet<'_>) {
        if let Some(recorder) = &mut self.recorder {
            recorder.packet(packet);
        }
        if matches!(packet.content, Content::Segment(_) | Content::IcmpError(_)) {
            self.last_selected = Some(Instant::now());
        }
    }

    /// Says once that no connection's packet came in time. Neighbours that look for each other are no sign of the client.
    fn tell_absence(&mut self) {
        let is_late = || self.began.elapsed() >= Duration::from(self.options.expect_within);
        if self.last_selected.is_none() && !self.told_absence && is_late() {
            self.told_absence = true;
            let text = nothing_seen(self.options, &self.networks, self.packets);
            plugin::aside(self.options.output, text);
        }
    }

    /// The exit status by what is known so far.
    fn status(&self) -> u8 {
        let has = |severity| {
            self.severities.contains(&severity) || self.known.values().any(|known| *known == severity)
        };
        if has(Severity::Critical) { 2 } else { u8::from(has(Severity::Warning)) }
    }

    fn tell_notes(&mut self, about: &About) {
        for note in about.notes.iter().skip(self.told_notes) {
            plugin::aside(self.options.output, format_args!("ssmscope: {}", note.text));
        }
        self.told_notes = about.notes.len();
    }

    /// Takes a verdict in, known before or not.
    fn verdict(&mut self, judged: &Judged, is_final: bool) {
        if let Some(recorder) = &mut self.recorder {
            recorder.judged(judged);
        }
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
        self.saw_awaited |= match self.options.until {
            Some(Until::Verdict) => true,
            Some(Until::Failure) => severity == Severity::Critical,
            Some(Until::Healthy) => matches!(severity, Severity::Ok | Severity::Warning),
            None => false,
        };
    }

    fn is_done(&mut self) -> bool {
        self.tell_absence();
        if self.signals.summary.swap(false, Ordering::Relaxed) {
            self.tell_summary();
        }
        if self.signals.reopen.swap(false, Ordering::Relaxed)
            && let Some(saving) = &mut self.saving
        {
            saving.reopen();
        }
        self.saw_awaited
            || self.signals.ends.load(Ordering::Relaxed)
            || self.options.count.is_some_and(|count| self.with_verdict >= count)
            || self.longest.is_some_and(|most| self.began.elapsed() >= Duration::from(most))
            || self.options.idle_exit.is_some_and(|most| {
                self.last_selected.unwrap_or(self.began).elapsed() >= Duration::from(most)
            })
    }

    fn tell_summary(&self) {
        let codes: Vec<_> = self.codes.iter().map(|(code, count)| format!("{code} {count}")).collect();
        let codes = if codes.is_empty() { "none yet".to_owned() } else { codes.join(", ") };
        let elapsed = Elapsed::from_secs_f64(self.began.elapsed().as_secs_f64());
        plugin::aside(
            self.options.output,
            format_args!(
                "ssmscope: {} packets in {elapsed}, {} dropped; verdicts of connections that ended: {codes}",
                self.packets, self.dropped
            ),
        );
    }
}

/// The flight recorder that was asked for.
fn recorder(folder: &Path, options: &Live) -> anyhow::Result<Recorder> {
    let settings = recorder::Settings {
        folder: folder.to_owned(),
        size: options.record_size.saturating_mul(1024 * 1024),
        before: options.record_before,
        after: options.record_after,
        device: options.interface.clone(),
        snaplen: options.snaplen,
    };
    Recorder::new(settings).with_context(|| {
        format!("{}: can't be recorded to; --user names whose rights files are opened with", folder.display())
    })
}

fn tell_news(recorder: &mut Recorder, output: Output) {
    for news in recorder.news() {
        plugin::aside(output, format_args!("ssmscope: {news}"));
    }
}

/// What to check when the host's packets do not come; `others` came.
fn nothing_seen(options: &Live, networks: &str, others: u64) -> String {
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
        options.expect_within, options.interface
    )
}

/// The conductor with the report that it hands everything on to.
struct Conducted<'c, 'o> {
    conductor: &'c mut Conductor<'o>,
    report: &'c mut dyn Sink,
}

impl Sink for Conducted<'_, '_> {
    fn packet(&mut self, packet: &Packet<'_>) -> io::Result<()> {
        self.conductor.packet(packet);
        self.report.packet(packet)
    }

    fn frame(&mut self, frame: &Frame<'_>) -> io::Result<()> {
        self.conductor.frame(frame);
        self.report.frame(frame)
    }

    fn entry(&mut self, story: &Story, entry: &Entry) -> io::Result<()> {
        self.report.entry(story, entry)
    }

    fn silence(&mut self, story: &Story, silence: &Silence) -> io::Result<()> {
        self.report.silence(story, silence)
    }

    fn known(&mut self, judged: &Judged) -> io::Result<()> {
        self.conductor.verdict(judged, false);
        self.report.known(judged)
    }

    fn idle(&mut self, at: Timestamp, about: &About) -> io::Result<()> {
        self.conductor.idle(at, about);
        self.report.idle(at, about)
    }

    fn is_done(&mut self) -> bool {
        self.conductor.is_done()
    }

    fn connection(&mut self, judged: Judged) -> io::Result<()> {
        self.conductor.verdict(&judged, true);
        *self.conductor.codes.entry(judged.verdict.code).or_default() += 1;
        self.conductor.worst.take(&judged);
        self.report.connection(judged)
    }
}

/// A file that frames are saved to. What goes wrong with it is said once, and the analysis goes on.
struct Saving {
    path: PathBuf,
    output: Output,
    device: String,
    snaplen: u32,
    writer: Option<save::Writer<File>>,
    /// Bytes in the file before the writer's own.
    len_before: u64,
}

impl Saving {
    fn begin(path: &Path, options: &Live) -> anyhow::Result<Self> {
        let (device, snaplen) = (options.interface.clone(), options.snaplen);
        let file = File::create(path).with_context(|| {
            format!("{}: can't be written; --user names whose rights files are opened with", path.display())
        })?;
        let writer = save::Writer::new(file, &device, snaplen, None)
            .with_context(|| format!("{}: can't be written", path.display()))?;
        let (path, output) = (path.to_owned(), options.output);
        Ok(Self { path, output, device, snaplen, writer: Some(writer), len_before: 0 })
    }

    /// Goes on in a file of the same name, which is a new one if the old was moved away.
    fn reopen(&mut self) {
        let opened = OpenOptions::new().append(true).create(true).open(&self.path);
        let begun = opened.and_then(|file| {
            let len = file.metadata()?.len();
            Ok((save::Writer::new(file, &self.device, self.snaplen, None)?, len))
        });
        match begun {
            Ok((writer, len)) => (self.writer, self.len_before) = (Some(writer), len),
            Err(error) => self.give_up(&error),
        }
    }

    fn frame(&mut self, frame: &Frame<'_>) {
        if let Some(writer) = &mut self.writer
            && let Err(error) = writer.frame(frame, None)
        {
            self.give_up(&error);
        }
    }

    fn statistics(&mut self, at: Timestamp, dropped: u64) {
        if let Some(writer) = &mut self.writer
            && let Err(error) = writer.statistics(at, dropped)
        {
            self.give_up(&error);
        }
    }

    fn give_up(&mut self, error: &io::Error) {
        // Half a block at the end of a full disk would spoil what is there.
        if let Some(writer) = self.writer.take() {
            let len = self.len_before + writer.written();
            let _ = writer.into_inner().set_len(len);
        }
        plugin::aside(
            self.output,
            format_args!(
                "ssmscope: {}: saving stopped: {error}; the analysis goes on, and SIGHUP opens the file again",
                self.path.display()
            ),
        );
    }
}
