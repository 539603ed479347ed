//! `ssmscope live`: opens the device, gives root's rights up, and reports until it is asked to end.

use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Context, bail, ensure};
use ssmscope::analysis::{Event, Judged, Needs, Redaction, Settings, Sink, Watching};
use ssmscope::capture::live::{self as device, Options};
use ssmscope::capture::{Source, Target};
use ssmscope::limits;
use ssmscope::recorder::{self, Recorder};
use ssmscope::report::{self, Detail, Occasion, Style};
use ssmscope::verdict::Status;

use crate::args::Live;
use crate::observers::Observer;
use crate::observers::conductor::Conductor;
use crate::observers::passed_on::PassedOn;
use crate::observers::saving::Saving;
use crate::observers::shown::OnlyShown;
use crate::observers::status::StatusLine;
use crate::page::{PageFile, is_same_file};
use crate::run::{self, Done, Results, Run};
use crate::system::deadline::{self, Deadline};
use crate::system::files;
use crate::system::privileges::{self, As, Later};
use crate::system::signals::Signals;
use crate::{exit, input, logs};

/// Runs the command and returns its exit status.
pub fn run(options: &Live) -> anyhow::Result<Status> {
    let slow_after = options.judgement.timing.slow_after;
    let run = Run::new(options.rendering.form()?, &options.monitoring, slow_after, options.selection.words())
        .redacting(options.redacting, "live")?;
    run.alerting_as_plugin().finish_after(|run| capture(options, run))
}

/// What is ready when the process has given its rights up, before the first packet is read.
struct Prepared {
    interface: String,
    device: Box<dyn Source>,
    target: Target,
    settings: Settings,
    style: Style,
    saving: Option<Saving>,
    recorder: Option<Recorder>,
    page: Option<PageFile>,
    /// The user that the process became, where it changed that.
    user: Option<String>,
}

fn prepare(options: &Live, run: &mut Run<'_>) -> anyhow::Result<Prepared> {
    // Names are resolved where the user is, the device is opened where it is.
    let naming = deadline::patience(options.duration, run.form).map(|most| Deadline::after(most, run.form));
    let target = privileges::without_rights(|| input::target(&options.selection, run.form))?;
    target.check_names()?;
    if let Some(deadline) = naming {
        deadline.meet();
    }
    if let Some(name) = &options.netns {
        privileges::enter_namespace(name)?;
    }
    let interface = interface(options, &target)?;
    let device = open(options, &interface, &target, run.redaction.as_ref())?;
    let style = run::style(&options.rendering, Detail::Examples);
    let settings = Settings {
        redaction: run.redaction.clone(),
        keeps_timeline: run.form.has_packets() || options.page.html.is_some(),
        keeps_samples: run.form.draws_transfers() || options.page.html.is_some(),
        watching: Watching::Always,
        ..input::settings(
            &options.judgement,
            options.bounds,
            &options.selection,
            run.examines() || options.record.is_some() || options.page.html.is_some(),
        )?
    };
    let html = options.page.html.as_deref();
    let logs: Vec<&Path> = options.logs.log.iter().map(AsRef::as_ref).collect();
    let is_a_log = |path: &Path| logs.iter().any(|log| is_same_file(path, log));
    ensure!(!options.write.as_deref().is_some_and(is_a_log), "-w names a log that is followed");
    let handles = logs::handles(&logs)?;
    let written = [options.write.as_deref(), options.monitoring.textfile.as_deref(), html];
    let later = Later {
        user: As::User(options.user.as_deref()),
        captures: true,
        follows: &logs,
        writes: &written.into_iter().flatten().collect::<Vec<_>>(),
        records: options.record.as_deref(),
        ..Later::default()
    };
    // What is written is redacted as the report is.
    let redaction = run.redaction.clone();
    let name = redaction.as_ref().map_or_else(|| interface.clone(), |redaction| redaction.file(&interface));
    let remark = redaction.as_ref().map(|_| Redaction::SENTENCE);
    let (user, saving, recorder, page) = privileges::end(&later, None, |user| {
        let saving =
            options.write.as_deref().map(|path| Saving::begin(path, &name, remark, options)).transpose()?;
        let recorder =
            options.record.as_deref().map(|folder| recorder(folder, &name, remark, options)).transpose()?;
        let others = [options.write.as_deref(), options.monitoring.textfile.as_deref()];
        let others = || others.into_iter().flatten().chain(logs.iter().copied());
        let page = html.map(|path| PageFile::begin(path, others(), true)).transpose();
        run.begin_textfile()
            .and(page)
            .map(|page| (user.map(str::to_owned), saving, recorder, page))
            .context(privileges::USER)
    })?;
    // Its thread is restricted as the process is.
    let recorder = recorder.map(|prepared| prepared.start(privileges::only_write)).transpose()?;
    let logs = logs::followed(&options.logs, limits::LOG_FOLLOWED_ATTEMPTS, &handles)?;
    let settings = Settings { logs, ..settings };
    Ok(Prepared { interface, device, target, settings, style, saving, recorder, page, user })
}

/// Reports what is captured until it is asked to end.
fn capture(options: &Live, run: &mut Run<'_>) -> anyhow::Result<Done> {
    let Prepared { interface, mut device, target, settings, style, saving, recorder, page, user } =
        prepare(options, run)?;
    let signals = Signals::register()?;
    let as_user = user.map(|name| format!(", as user {name}")).unwrap_or_default();
    let listening = format_args!("ssmscope: listening on {interface}{as_user}; Ctrl-C ends it");
    exit::aside(run.form, listening);

    let about = device.about();
    let quiet = options.quiet_healthy.then_some(options.interval);
    let mut page = page.map(|file| {
        let occasion = Occasion::Follow(&about, &settings.bounds);
        file.begin_page(style.clone(), occasion, Some(&options.selection))
    });
    if let Some(page) = &mut page {
        let (provenance, redaction) = (run.provenance.clone(), run.redaction.clone());
        page.when_wanted(Arc::clone(&signals.page), about.clone(), run.form, provenance, redaction);
    }
    let columns = style.columns;
    let mut report = report::open(run.form, run::lines(), style, Occasion::Live(&about, quiet));
    let passed_on = PassedOn::new(run.redaction.as_ref(), saving, recorder);
    let mut conductor = Conductor::new(options, &interface, &target, signals, passed_on);
    let done = conductor.done();
    let stop = || done.load(Ordering::Relaxed);
    let keeps_packets = options.record.is_some() || options.write.is_some();
    let mut shown = OnlyShown::new(&options.selection, None, report.as_mut());
    let mut enduring = Enduring { report: &mut shown, keeps_packets, has_failed: false };
    let mut status = StatusLine::new(&mut enduring, run.form, columns);
    let mut observers: Vec<&mut dyn Observer> = vec![&mut conductor];
    observers.extend(page.as_mut().map(|page| page as &mut dyn Observer));
    let analysed = run.analyse(device.as_mut(), target, &settings, &mut status, &mut observers, &stop);
    drop(status);
    let has_failed = enduring.has_failed;
    let reported = analysed.and_then(|summary| {
        let results = Results { summary, check: None };
        if has_failed {
            return Ok(results);
        }
        run.finish(report, &results).map(|()| results)
    });
    conductor.finish(&device.about());
    let end = reported.as_ref().ok().map(|results| run.end(results));
    let paged = page.map_or(Ok(()), |page| page.finish(end.as_ref()));
    match reported {
        // What nobody could read is not known to be well.
        Ok(_) if has_failed => Ok(Done::ReaderGone(match conductor.status_so_far() {
            Status::Critical => Status::Critical,
            _ => Status::Unknown,
        })),
        Ok(results) => paged.map(|()| Done::Reported(Box::new(results))),
        // What is known by then counts.
        Err(error) if run::is_reader_gone(&error) => Ok(Done::ReaderGone(conductor.status_so_far())),
        Err(error) => Err(error.into()),
    }
}

/// Opens the device, without its name where results are redacted.
fn open(
    options: &Live,
    interface: &str,
    target: &Target,
    redaction: Option<&Redaction>,
) -> anyhow::Result<Box<dyn Source>> {
    let options = Options {
        device: interface.to_owned(),
        snaplen: options.snaplen,
        buffer_kib: options.buffer_size,
        is_promiscuous: options.promiscuous,
    };
    let device: Box<dyn Source> = Box::new(device::Live::open(options, target)?);
    Ok(match redaction {
        Some(redaction) => redaction.source(device),
        None => device,
    })
}

/// The interface to capture on: the one that is named, or that leads to the hosts that are selected.
fn interface(options: &Live, target: &Target) -> anyhow::Result<String> {
    if let Some(name) = &options.interface {
        return Ok(name.clone());
    }
    let hosts = target.addresses();
    if !hosts.is_empty() {
        return Ok(device::towards(&hosts));
    }
    let mut text = "no interface given: use -i NAME, or --host HOST".to_owned();
    let devices = device::devices()?;
    if let Some(name) = &options.selection.filter
        && devices.iter().any(|device| device.name == *name)
    {
        bail!("{name} is an interface: ssmscope live -i {name}");
    }
    if !options.rendering.output.is_plugin() {
        for device in devices {
            let addresses = device.addresses.join(", ");
            // Writing to a string can't fail.
            let _ = write!(text, "\n  -i {:12} {:20} {addresses}", device.name, device.state);
        }
    }
    bail!("{text}")
}

/// A report whose write errors do not end a run that still saves packets.
struct Enduring<'r> {
    report: &'r mut dyn Sink,
    keeps_packets: bool,
    has_failed: bool,
}

impl Enduring<'_> {
    fn attempt(&mut self, write: impl FnOnce(&mut dyn Sink) -> io::Result<()>) -> io::Result<()> {
        if self.has_failed {
            return Ok(());
        }
        match write(self.report) {
            Err(error) if self.keeps_packets && !run::is_reader_gone(&error) => {
                self.has_failed = true;
                exit::complain(format_args!(
                    "ssmscope: the report can't be written: {error}; packets are still saved, and failures recorded"
                ));
                Ok(())
            }
            written => written,
        }
    }
}

impl Sink for Enduring<'_> {
    fn connection(&mut self, judged: Judged) -> io::Result<()> {
        self.attempt(|report| report.connection(judged))
    }

    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        self.attempt(|report| report.event(event))
    }

    fn needs(&self) -> Needs {
        self.report.needs()
    }
}

/// The flight recorder that was asked for.
fn recorder(
    folder: &Path,
    device: &str,
    remark: Option<&'static str>,
    options: &Live,
) -> anyhow::Result<recorder::Prepared> {
    let settings = recorder::RecorderSettings {
        folder: folder.to_owned(),
        size: options.record_size.saturating_mul(1024 * 1024),
        per_hour: options.record_per_hour,
        with_others: options.record_others,
        before: options.record_before,
        after: options.record_after,
        device: device.to_owned(),
        snaplen: options.snaplen,
        remark,
    };
    files::refuse_foreign_links(folder)
        .and_then(|()| recorder::Prepared::new(settings))
        .with_context(|| format!("{}: can't be recorded to; {}", folder.display(), privileges::USER))
}
