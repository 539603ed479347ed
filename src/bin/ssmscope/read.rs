//! `ssmscope read`: opens the captures, analyses them, and prints what was asked for.

use std::fmt;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::net::IpAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use jiff::tz::TimeZone;
use ssmscope::analysis::{
    self, CertificateSettings, Cost, Event, Judged, Needs, Settings, Sink, Summary, Watching,
};
use ssmscope::capture::merge::Merged;
use ssmscope::capture::{About, ReadError, Source, Target, TargetError, file};
use ssmscope::cert::{NameSource, Wanted};
use ssmscope::report::human::{table, timeline};
use ssmscope::report::machine::json;
use ssmscope::report::monitoring::{nagios, prometheus};
use ssmscope::report::{Collection, Monitored, Style, Thresholds, Worst, tcpdump};
use ssmscope::time::Elapsed;
use ssmscope::verdict::{self, Status};
use ssmscope::{limits, probe};

use crate::args::{Bounds, Judgement, Output, Read, Selection};
use crate::complain;
use crate::observers::Observed;
use crate::observers::follow::{self, Following};
use crate::observers::progress::Progress;
use crate::plugin::{self, Deadline};
use crate::system::textfile::Textfile;
use crate::system::{signals, trust};

/// Columns of a table where no terminal tells its own.
const COLUMNS: u16 = 80;

/// What is written at once where there is much to write.
const BLOCK_BYTES: usize = 64 * 1024;

/// Runs the command and yields its exit status.
pub fn run(options: &Read) -> anyhow::Result<Status> {
    let deadline = plugin::patience(options.timeout, options.output)
        .map(|patience| Deadline::after(patience, options.output));
    let textfile = options.textfile.as_deref().map(Textfile::begin).transpose()?;
    let thresholds = Thresholds {
        warning: options.warning,
        critical: options.critical,
        slow_after: options.judgement.slow_after,
    };
    let words = options.selection.words();
    let mut reading = Reading { options, thresholds: &thresholds, words: words.as_deref(), deadline };
    let mut worst = Worst::default();
    let outcome = reading.open_and_read(&mut worst);
    if let Some(textfile) = textfile {
        // What can't be told is news as well, and what was told before must not stand.
        let nothing = Outcome { summary: Summary::default(), failed: Vec::new(), status: Status::Unknown };
        let outcome = outcome.as_ref().unwrap_or(&nothing);
        textfile.finish(&reading.monitored(&worst, &outcome.summary, outcome.status, &outcome.failed))?;
    }
    Ok(outcome?.status)
}

/// What came of it.
struct Outcome {
    summary: Summary,
    /// The files that could not be opened.
    failed: Vec<ReadError>,
    status: Status,
}

/// One run of the command.
struct Reading<'o> {
    options: &'o Read,
    thresholds: &'o Thresholds,
    words: Option<&'o str>,
    deadline: Option<Deadline>,
}

impl Reading<'_> {
    fn open_and_read(&mut self, worst: &mut Worst) -> anyhow::Result<Outcome> {
        let options = self.options;
        let target = target(&options.selection)?;
        let keeps_timeline = options.output == Output::Timeline;
        let is_waited_for = follow::is_waited_for(options)?;
        let watching = if is_waited_for { Watching::WhenIdle } else { Watching::Never };
        let judges_apart = thread::available_parallelism().is_ok_and(|cores| cores.get() > 1);
        let settings = Settings {
            keeps_timeline,
            watching,
            judges_apart,
            ..settings(&options.judgement, options.bounds)?
        };
        let Opened { source, failed } = if is_waited_for {
            match follow::open(options) {
                Ok(source) => Opened { source: Some(Box::new(source)), failed: Vec::new() },
                Err(error) => Opened { source: None, failed: vec![error] },
            }
        } else {
            open(&options.files, options.output)?
        };
        let ends = if is_waited_for { Some(signals::ends()?) } else { None };
        let Some(mut source) = source else {
            self.tell(&failed);
            let summary = Summary::default();
            self.report(worst, &summary, Status::Unknown, &failed, &mut io::stdout())?;
            return Ok(Outcome { summary, failed, status: Status::Unknown });
        };
        target.check(&source.about())?;
        let outcome = self.read(source.as_mut(), &target, &settings, &failed, ends.as_deref(), worst);
        self.tell(&failed);
        let summary = outcome?;
        if let Some(failure) = &summary.error {
            plugin::aside(options.output, format_args!("ssmscope: {failure}"));
        }
        let status = self.exit_status(worst, &summary, &failed);
        Ok(Outcome { summary, failed, status })
    }

    /// A critical verdict outweighs a file that could not be read.
    fn exit_status(&self, worst: &Worst, summary: &Summary, failed: &[ReadError]) -> Status {
        let is_critical = summary.severities.contains_key(&verdict::Severity::Critical);
        let verdicts = if failed.is_empty() || is_critical { summary.status() } else { Status::Unknown };
        if self.options.output == Output::Nagios { self.thresholds.status(worst, verdicts) } else { verdicts }
    }

    /// Analyses the capture and writes the report.
    fn read(
        &mut self,
        source: &mut dyn Source,
        target: &Target,
        settings: &Settings,
        failed: &[ReadError],
        ends: Option<&AtomicBool>,
        worst: &mut Worst,
    ) -> io::Result<Summary> {
        let options = self.options;
        let is_verbose = options.verbose > 0;
        let about = source.about();
        let names: Vec<_> = about.files.iter().map(|file| file.name.clone()).collect();
        let mut out = BufWriter::new(anstream::AutoStream::auto(io::stdout()));
        let mut analyse = |sink: &mut dyn Sink| {
            let mut progress = Progress::begin();
            let mut observed = Observed { observers: vec![&mut progress, &mut *worst], report: sink };
            let stop = || ends.is_some_and(|ends| ends.load(Ordering::Relaxed));
            let summary = analysis::analyse_until(source, target.clone(), settings, &mut observed, &stop);
            if let Some(deadline) = &self.deadline {
                deadline.meet();
            }
            summary
        };
        let (summary, written) = match options.output {
            Output::Json => {
                // It has no styles that would have to be taken out where there is no terminal, which looks at every byte.
                let out = BufWriter::with_capacity(BLOCK_BYTES, io::stdout());
                let mut report = json::Report::new(out, &names);
                let summary = analyse(&mut report)?;
                let written = report.finish(&summary, failed);
                (summary, written)
            }
            Output::Tcpdump => {
                let mut packets = Packets::new(&mut out, &about, is_verbose);
                let summary = analyse(&mut packets)?;
                packets.tell_bounds();
                (summary, Ok(()))
            }
            Output::Nagios | Output::Prometheus => {
                let summary = analyse(&mut Nothing)?;
                let status = self.exit_status(worst, &summary, failed);
                let written = self.report(worst, &summary, status, failed, &mut out);
                (summary, written)
            }
            Output::Timeline if settings.watching == Watching::WhenIdle => {
                let mut report = Following::new(&mut out, style(is_verbose, options.all), &settings.bounds);
                let summary = analyse(&mut report)?;
                let written = report.finish(&summary);
                (summary, written)
            }
            Output::Table => {
                let rows = BufWriter::with_capacity(BLOCK_BYTES, io::stdout());
                let mut report = table::Report::new(rows, names.len() > 1, style(is_verbose, options.all));
                let summary = analyse(&mut report)?;
                let written = report.finish(&summary, &mut out);
                (summary, written)
            }
            Output::Timeline => {
                let mut collection = Collection::new(names.len() > 1, options.all).within(&settings.bounds);
                let summary = analyse(&mut collection)?;
                collection.sort();
                let style = style(is_verbose, options.all);
                let written = timeline::write(&collection, &summary, &style, &mut out);
                (summary, written)
            }
        };
        match written.and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(summary),
        }
    }

    /// Writes the form for monitoring, if it is one of these that was asked for.
    fn report(
        &self,
        worst: &Worst,
        summary: &Summary,
        status: Status,
        failed: &[ReadError],
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let monitored = self.monitored(worst, summary, status, failed);
        match self.options.output {
            Output::Nagios => nagios::write(&monitored, out),
            Output::Prometheus => prometheus::write(&monitored, out),
            _ => Ok(()),
        }
    }

    fn monitored<'a>(
        &'a self,
        worst: &'a Worst,
        summary: &'a Summary,
        status: Status,
        unopened: &'a [ReadError],
    ) -> Monitored<'a> {
        Monitored {
            worst,
            summary,
            status,
            unopened,
            target: self.words,
            thresholds: self.thresholds,
            attempt: None,
        }
    }

    fn tell(&self, failed: &[ReadError]) {
        for error in failed {
            plugin::aside(self.options.output, format_args!("ssmscope: {error}"));
        }
    }
}

/// A report that is made from what monitoring asks for alone.
pub struct Nothing;

impl Sink for Nothing {
    fn needs(&self) -> Needs {
        Needs { packets: false, findings: false, per_connection: Cost::Low }
    }

    fn connection(&mut self, _: Judged) -> io::Result<()> {
        Ok(())
    }
}

/// The traffic that options select.
pub fn target(selection: &Selection) -> Result<Target, TargetError> {
    let mut hosts = selection.host.clone();
    // The C library looks names up with the help of plug-ins, which a static binary must not depend on.
    if cfg!(target_feature = "crt-static") {
        hosts = hosts.into_iter().map(found).collect::<Result<Vec<_>, _>>()?.concat();
    }
    Target::new(&hosts, &selection.port, selection.filter.clone())
}

/// The addresses of a host that is given by name; anything else is left as it is.
fn found(host: String) -> Result<Vec<String>, TargetError> {
    /// As long as an active check may take.
    const PATIENCE: Elapsed = Elapsed::from_millis(10_000);
    let is_name = host.chars().all(|character| character.is_alphanumeric() || "-._".contains(character));
    if !is_name || host.parse::<IpAddr>().is_ok() {
        return Ok(vec![host]);
    }
    let resolution = probe::find(&host, PATIENCE);
    if resolution.addresses.is_empty() {
        let why =
            resolution.rcode.or(resolution.failure).unwrap_or_else(|| "no resolver answered".to_owned());
        return Err(TargetError::Unresolved { name: host, reason: io::Error::other(why) });
    }
    Ok(resolution.addresses.iter().map(ToString::to_string).collect())
}

/// The analysis that options ask for.
pub fn settings(judgement: &Judgement, bounds: Bounds) -> anyhow::Result<Settings> {
    let mut settings = Settings {
        judging: verdict::Settings { slow_after: judgement.slow_after, stall_after: judgement.stall_after },
        certificates: CertificateSettings {
            wanted: judgement.name.clone().map(|name| Wanted { name, source: NameSource::Option }),
            trust: trust::anchors(judgement.ca_file.as_deref())?,
        },
        bounds: analysis::Bounds {
            connections: bounds.max_connections,
            memory: bounds.max_memory,
            ..analysis::Bounds::default()
        },
        ..Settings::default()
    };
    settings.tls_ports.extend(&judgement.tls_port);
    Ok(settings)
}

/// How reports for people are written here.
pub fn style(is_verbose: bool, shows_all: bool) -> Style {
    let terminal = io::stdout().is_terminal().then(terminal_size::terminal_size).flatten();
    Style {
        zone: TimeZone::system(),
        is_verbose,
        shows_all,
        columns: terminal.map_or(COLUMNS, |(terminal_size::Width(columns), _)| columns),
    }
}

/// What could be opened, as one capture, and what is wrong with the rest.
struct Opened {
    source: Option<Box<dyn Source>>,
    failed: Vec<ReadError>,
}

fn open(files: &[String], output: Output) -> Result<Opened, ReadError> {
    if files.len() > limits::FILES {
        return Err(ReadError {
            file: format!("{} files", files.len()),
            what: format!("more than the {} that are read at once", limits::FILES),
            hint: Some("join them first: mergecap -w joined.pcapng FILE...".to_owned()),
        });
    }
    let mut failed = Vec::new();
    let mut sources = Vec::new();
    for (index, name) in files.iter().enumerate() {
        if name == "-" && files[..index].contains(name) {
            failed.push(ReadError {
                file: name.clone(),
                what: "is given twice, and standard input can be read once".to_owned(),
                hint: None,
            });
            continue;
        }
        match file::open(Path::new(name), sources.len() as u16) {
            Ok(source) => sources.push(source),
            Err(error) => failed.push(error),
        }
    }
    // The merge holds each file's next record in hand, so it knows the clock of a text before its first packet is printed.
    let merges = sources.len() > 1 || output == Output::Tcpdump;
    let source = match sources.pop() {
        Some(only) if !merges => Some(only),
        Some(last) => {
            sources.push(last);
            Some(Box::new(Merged::new(sources)?) as Box<dyn Source>)
        }
        None => None,
    };
    Ok(Opened { source, failed })
}

/// Prints the packets alone.
pub struct Packets<W> {
    out: W,
    printer: tcpdump::Printer,
    text: String,
}

impl<W: Write> Packets<W> {
    /// Of a capture with times of this kind.
    pub fn new(out: W, about: &About, is_verbose: bool) -> Self {
        // tcpdump prints microseconds of every capture unless it is asked for more.
        const DIGITS: u8 = 6;
        let (clock, zone) = (about.clock, TimeZone::system());
        let is_text = about.files.iter().any(|file| file.is_text);
        let style = tcpdump::Style { is_verbose, is_text, clock, digits: DIGITS, zone };
        Self { out, printer: tcpdump::Printer::new(style), text: String::new() }
    }

    fn tell_bounds(&self) {
        let forgotten = self.printer.numberings().forgotten();
        if forgotten > 0 {
            complain(&format!(
                "ssmscope: more than {} conversations: the sequence numbers of the {forgotten} oldest count anew where they \
                 go on",
                limits::PRINTED_CONVERSATIONS
            ));
        }
    }
}

impl<W: Write + Send> Sink for Packets<W> {
    fn needs(&self) -> Needs {
        Needs { findings: false, ..Needs::default() }
    }

    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        match event {
            Event::Packet(packet) => {
                self.text.clear();
                self.printer.print(packet, &mut self.text).map_err(|fmt::Error| io::ErrorKind::Other)?;
                self.out.write_all(self.text.as_bytes())
            }
            Event::Idle(..) => self.out.flush(),
            _ => Ok(()),
        }
    }

    fn connection(&mut self, _: Judged) -> io::Result<()> {
        Ok(())
    }
}
