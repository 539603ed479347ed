//! `ssmscope live`: opens the device, gives root's rights up, and reports until it is told to end.

use std::io::{self, LineWriter, Write};
use std::path::Path;
use std::sync::atomic::Ordering;

use anyhow::Context;
use comfy_table::Table;
use comfy_table::presets::UTF8_FULL;
use ssmscope::analysis::{self, Settings, Sink, Summary, Watching};
use ssmscope::capture::Source;
use ssmscope::capture::live::{self as device, Options};
use ssmscope::recorder::{self, Recorder};
use ssmscope::report::human::stream::{Stream, Times};
use ssmscope::report::human::table;
use ssmscope::report::machine::json;
use ssmscope::report::monitoring::{nagios, prometheus};
use ssmscope::report::{Monitored, Thresholds, Worst};
use ssmscope::time::Clock;
use ssmscope::verdict::Status;

use crate::args::{Live, Output};
use crate::observers::Observed;
use crate::observers::conductor::Conductor;
use crate::observers::saving::Saving;
use crate::plugin;
use crate::read::{self, Packets};
use crate::system::privileges;
use crate::system::signals::Signals;
use crate::system::textfile::Textfile;

/// Digits after the second in the report for people.
const MICROSECONDS: u8 = 6;

/// Runs the command and yields its exit status.
pub fn run(options: &Live) -> anyhow::Result<Status> {
    let outcome = capture(options);
    if let (Err(_), Some(path)) = (&outcome, &options.textfile) {
        // What can't be told is news as well, and what was told before must not stand. The error tells more than a second one.
        let words = options.selection.words();
        let _ = Textfile::begin(path).and_then(|textfile| {
            textfile.finish(&Monitored {
                worst: &Worst::default(),
                summary: &Summary::default(),
                status: Status::Unknown,
                unopened: &[],
                target: words.as_deref(),
                thresholds: &Thresholds::default(),
                attempt: None,
            })
        });
    }
    outcome
}

fn capture(options: &Live) -> anyhow::Result<Status> {
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
    let done = conductor.done();
    let mut worst = Worst::default();
    let mut analyse = |report: &mut dyn Sink| {
        let mut observed = Observed { observers: vec![&mut conductor, &mut worst], report };
        let stop = || done.load(Ordering::Relaxed);
        analysis::analyse_until(&mut device, target.clone(), &settings, &mut observed, &stop)
    };
    let outcome = match output {
        Output::Timeline => {
            let report = Stream::new(out, style, times);
            let mut report = if options.quiet_healthy { report.quiet(options.interval) } else { report };
            let summary = analyse(&mut report);
            summary.and_then(|summary| report.finish(&summary).map(|()| summary))
        }
        Output::Json => {
            let mut report = json::Report::new(out, std::slice::from_ref(&options.interface));
            let summary = analyse(&mut report);
            summary.and_then(|summary| report.finish(&summary, &[]).map(|()| summary))
        }
        Output::Table => {
            let mut out = out;
            let mut report = table::Report::new(io::stdout(), false, style);
            let summary = analyse(&mut report);
            summary.and_then(|summary| {
                report.finish(&summary, &mut out)?;
                out.flush().map(|()| summary)
            })
        }
        Output::Nagios | Output::Prometheus => analyse(&mut read::Nothing),
        Output::Tcpdump => {
            let mut report = Packets::new(out, &about, is_verbose);
            analyse(&mut report)
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
    monitor(options, &worst, &summary, textfile)
}

/// Writes what was asked for of the forms for monitoring, and yields the exit status.
fn monitor(
    options: &Live,
    worst: &Worst,
    summary: &Summary,
    textfile: Option<Textfile>,
) -> anyhow::Result<Status> {
    let slow_after = options.judgement.slow_after;
    let thresholds = Thresholds { warning: options.warning, critical: options.critical, slow_after };
    let words = options.selection.words();
    let status = match options.output {
        Output::Nagios => thresholds.status(worst, summary.status()),
        _ => summary.status(),
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
pub fn interfaces(netns: Option<&str>) -> anyhow::Result<Status> {
    if let Some(name) = netns {
        privileges::enter_namespace(name)?;
    }
    let devices = device::devices()?;
    if devices.is_empty() {
        anstream::eprintln!("ssmscope: libpcap lists no interface; capturing may need CAP_NET_RAW");
        return Ok(Status::Unknown);
    }
    let mut table = Table::new();
    table.load_style(UTF8_FULL).set_header(["Interface", "State", "Addresses", "Description"]);
    for device in devices {
        let description = device.description.unwrap_or_default();
        table.add_row([device.name, device.state, device.addresses.join("\n"), description]);
    }
    anstream::println!("{table}");
    Ok(Status::Ok)
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
