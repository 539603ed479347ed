//! `ssmscope read`: opens the captures, analyses them, and prints what was asked for.

use std::fmt;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use jiff::tz::TimeZone;
use ssmscope::analysis::{self, CertificateSettings, Judged, Settings, Sink, Summary, Watching};
use ssmscope::capture::merge::Merged;
use ssmscope::capture::{About, ReadError, Source, Target, TargetError, file};
use ssmscope::limits;
use ssmscope::packet::Packet;
use ssmscope::report::{Collection, Style, Worst, json, nagios, prometheus, table, tcpdump, timeline};
use ssmscope::verdict;

use crate::cli::{Judgement, Output, Read, Selection};
use crate::follow::{self, Following};
use crate::progress::Watched;
use crate::{UNKNOWN, signals, trust};

/// Columns of a table where no terminal tells its own.
const COLUMNS: u16 = 80;

/// Runs the command and yields its exit status.
pub fn run(options: &Read) -> anyhow::Result<u8> {
    let target = target(&options.selection)?;
    let keeps_timeline = options.output == Output::Timeline;
    let is_waited_for = follow::is_waited_for(options)?;
    let watching = if is_waited_for { Watching::WhenIdle } else { Watching::Never };
    let settings = Settings { keeps_timeline, watching, ..settings(&options.judgement)? };
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
        tell(&failed);
        let mut out = io::stdout();
        match options.output {
            Output::Nagios => {
                nagios::write(&Worst::default(), &Summary::default(), UNKNOWN, &failed, &mut out)?;
            }
            Output::Prometheus => {
                prometheus::write(&Worst::default(), &Summary::default(), UNKNOWN, &mut out)?;
            }
            _ => {}
        }
        return Ok(UNKNOWN);
    };
    target.check(&source.about())?;
    let outcome = read(source.as_mut(), &target, &settings, options, &failed, ends);
    tell(&failed);
    let summary = match outcome {
        Ok(summary) => summary,
        // Nobody reads on: that is no failure, and what is known of the verdicts by then is nothing.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(0),
        Err(error) => return Err(error.into()),
    };
    if let Some(failure) = &summary.error {
        anstream::eprintln!("ssmscope: {failure}");
    }
    Ok(exit_status(&summary, &failed))
}

/// A critical verdict outweighs a file that could not be read.
fn exit_status(summary: &Summary, failed: &[ReadError]) -> u8 {
    let is_critical = summary.severities.contains_key(&verdict::Severity::Critical);
    if failed.is_empty() || is_critical { summary.exit_status() } else { UNKNOWN }
}

/// Analyses the capture and writes the report.
fn read(
    source: &mut dyn Source,
    target: &Target,
    settings: &Settings,
    options: &Read,
    failed: &[ReadError],
    ends: Option<Arc<AtomicBool>>,
) -> io::Result<Summary> {
    let about = source.about();
    let names: Vec<_> = about.files.iter().map(|file| file.name.clone()).collect();
    let mut out = BufWriter::new(anstream::AutoStream::auto(io::stdout()));
    let analyse = |sink: &mut dyn Sink| {
        let mut watched = Watched::new(sink).ending_with(ends);
        analysis::analyse(source, target.clone(), settings, &mut watched)
    };
    let (summary, written) = match options.output {
        Output::Json => {
            let mut report = json::Report::new(&mut out, &names);
            let summary = analyse(&mut report)?;
            let written = report.finish(&summary, failed);
            (summary, written)
        }
        Output::Tcpdump => {
            let mut packets = Packets::new(&mut out, &about, options.verbose);
            (analyse(&mut packets)?, Ok(()))
        }
        Output::Nagios | Output::Prometheus => {
            let mut worst = Worst::default();
            let summary = analyse(&mut worst)?;
            let status = exit_status(&summary, failed);
            let written = match options.output {
                Output::Nagios => nagios::write(&worst, &summary, status, failed, &mut out),
                _ => prometheus::write(&worst, &summary, status, &mut out),
            };
            (summary, written)
        }
        Output::Timeline if settings.watching == Watching::WhenIdle => {
            let mut report = Following::new(&mut out, style(options.verbose, options.all));
            let summary = analyse(&mut report)?;
            let written = report.finish(&summary);
            (summary, written)
        }
        Output::Timeline | Output::Table => {
            let mut collection = Collection::new(names.len() > 1, options.all);
            let summary = analyse(&mut collection)?;
            collection.sort();
            let style = style(options.verbose, options.all);
            let written = match options.output {
                Output::Table => table::write(&collection, &summary, &style, &mut out),
                _ => timeline::write(&collection, &summary, &style, &mut out),
            };
            (summary, written)
        }
    };
    match written.and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(summary),
    }
}

/// The traffic that options select.
pub fn target(selection: &Selection) -> Result<Target, TargetError> {
    Target::new(&selection.host, &selection.port, selection.filter.clone())
}

/// The analysis that options ask for.
pub fn settings(judgement: &Judgement) -> anyhow::Result<Settings> {
    let mut settings = Settings {
        judging: verdict::Settings { slow_after: judgement.slow_after, stall_after: judgement.stall_after },
        certificates: CertificateSettings {
            name: judgement.name.clone(),
            trust: trust::anchors(judgement.ca_file.as_deref())?,
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
    for name in files {
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

fn tell(failed: &[ReadError]) {
    for error in failed {
        anstream::eprintln!("ssmscope: {error}");
    }
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
}

impl<W: Write> Sink for Packets<W> {
    fn packet(&mut self, packet: &Packet<'_>) -> io::Result<()> {
        self.text.clear();
        self.printer.print(packet, &mut self.text).map_err(|fmt::Error| io::ErrorKind::Other)?;
        self.out.write_all(self.text.as_bytes())
    }

    fn connection(&mut self, _: Judged) -> io::Result<()> {
        Ok(())
    }
}
