//! `ssmscope check`: has the attempt made, and prints its outcome; `plan` reads what the options name, `targets` checks many
//! servers.

mod plan;
mod targets;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::mem;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, bail};
use ssmscope::analysis::{PassingFrames, Redaction};
use ssmscope::capture::live::{self, Live};
use ssmscope::capture::{Source, Target, save};
use ssmscope::limits;
use ssmscope::probe::{self, CheckOutcome, Plan, Probe};
use ssmscope::report::text::escape::escaped;
use ssmscope::report::{self, Detail, Occasion, Style};
use ssmscope::time::Elapsed;
use ssmscope::verdict::Status;

use crate::args::{Check, Server};
use crate::logs;
use crate::observers::Observer;
use crate::page::PageFile;
use crate::run::{self, Done, Results, Run};
use crate::system::deadline::Deadline;
use crate::system::files;
use crate::system::privileges::{self, As, Later};
pub use plan::Materials;

/// Bytes captured of each packet: all of it.
const SNAPLEN: u32 = 262_144;

/// The kernel's buffer for the check's own packets, in KiB.
const BUFFER_KIB: u32 = 4_096;

/// What an attempt reads: names' addresses, resolvers, and what the kernel has not had acknowledged yet.
const READS: [&str; 3] = ["/etc/hosts", "/etc/resolv.conf", "/proc/thread-self/net"];

/// How much longer than `--timeout` the whole command may take: for the report, once the time is up.
const GRACE: Elapsed = Elapsed::from_millis(1_000);

/// Runs the command and returns its exit status.
pub fn run(options: &Check) -> anyhow::Result<Status> {
    let Some(server) = options.server() else { return targets::run(options) };
    let target = targets::name(&server, None);
    let slow_after = options.timing.slow_after;
    let mut run = Run::new(options.rendering.form()?, &options.monitoring, slow_after, Some(target))
        .redacting(options.redacting, "check")?;
    run.target = run
        .redaction
        .as_ref()
        .map_or(run.target, |redaction| Some(targets::redacted_name(&server, None, redaction)));
    // The attempt watches its own time, and says more; this ends what comes before it, as a file that is a silent pipe.
    let lines_due = if options.logs.log.is_empty() { Elapsed::ZERO } else { probe::LINE_DUE };
    let most = options.timeout.nanos().saturating_add(GRACE.nanos()).saturating_add(lines_due.nanos());
    let most = Elapsed::from_nanos(most);
    run.deadline = Some(Deadline::after(most, run.form));
    run.finish_after(|run| check(options, server, run))
}

fn check(options: &Check, server: Server<'_>, run: &mut Run<'_>) -> anyhow::Result<Done> {
    if let Some(contradiction) = options.contradiction() {
        bail!(contradiction);
    }
    let plan = Materials::read(options)?.redacting(run.redaction.clone()).plan(server)?;
    plan::all_known_are_used([&plan])?;
    // The steps show what matters of its own packets.
    let style = Style { verbosity: 0, ..run::style(&options.rendering, Detail::Examples) };
    let deadline = run.deadline.take();
    let outcome = attempt(options, &plan, deadline.as_ref(), run);
    run.deadline = deadline;
    let (mut outcome, page) = outcome?;
    if let Some(deadline) = &run.deadline {
        deadline.meet();
    }
    let mut page = page.map(|file| file.begin_page(style.clone(), Occasion::Check, None));
    let mut report = report::open(run.form, run::blocks(), style, Occasion::Check);
    for judged in &outcome.connections {
        run.digest.record(judged);
        if let Some(page) = &mut page {
            page.connection(judged);
        }
        // A reader that stops early has the status of the whole check.
        report
            .connection(judged.clone())
            .or_else(|error| if run::is_reader_gone(&error) { Ok(()) } else { Err(error) })?;
    }
    let summary = mem::take(&mut outcome.summary);
    let results = Results { summary, check: Some((outcome, options.rendering.verbose)) };
    run.finish(report, &results)?;
    page.map_or(Ok(()), |page| page.finish(Some(&run.end(&results))))?;
    Ok(Done::Reported(Box::new(results)))
}

/// Makes the attempt, with a capture of it if there is to be one. That needs a device, whose filter needs the servers' addresses;
/// without one, rights end before the first question to a resolver.
fn attempt(
    options: &Check,
    plan: &Plan,
    deadline: Option<&Deadline>,
    run: &mut Run<'_>,
) -> anyhow::Result<(CheckOutcome, Option<PageFile>)> {
    const SETUP: &str = "TLS can't be set up";
    let paths: Vec<&Path> = options.logs.log.iter().map(AsRef::as_ref).collect();
    let handles = logs::handles(&paths)?;
    let (textfile, html) = (options.monitoring.textfile.as_deref(), options.page.html.as_deref());
    let begin = |is_put_later: bool| {
        let others = || [textfile, options.save.as_deref()].into_iter().flatten();
        html.map(|path| PageFile::begin(path, others(), is_put_later)).transpose()
    };
    if !options.capture {
        let owner_of = textfile.or(html);
        let page = begin(html.is_none_or(|path| privileges::can_put_later(path, owner_of)))?;
        let later = Later {
            user: As::Owner(owner_of),
            uses_network: true,
            reads: &READS,
            follows: &paths,
            writes: &html.into_iter().collect::<Vec<_>>(),
            ..Later::default()
        };
        privileges::end(&later, deadline, |_| run.begin_textfile())?;
        let logs = logs::followed(&options.logs, limits::LOG_CHECK_ATTEMPTS, &handles)?;
        return Ok((Probe::begin(plan).context(SETUP)?.finish(None, logs), page));
    }
    let probe = privileges::without_rights(|| Probe::begin(plan)).context(SETUP)?;
    let device = listen(options, &probe.servers())?;
    let later = Later {
        user: As::User(options.user.as_deref()),
        uses_network: true,
        reads: &READS,
        follows: &paths,
        writes: &textfile.into_iter().chain(html).collect::<Vec<_>>(),
        ..Later::default()
    };
    let (saving, page) = privileges::end(&later, deadline, |_| {
        let page = run.begin_textfile().and_then(|()| begin(true));
        let page = page.context(privileges::USER)?;
        let saving = options.save.as_deref().map(|path| Ok((path, create(path)?))).transpose();
        saving.map(|saving: Option<_>| (saving, page))
    })?;
    let outcome = probe.finish(device, logs::followed(&options.logs, limits::LOG_CHECK_ATTEMPTS, &handles)?);
    if let Some((path, file)) = saving {
        save_to(file, &outcome, run.redaction.as_ref())
            .with_context(|| format!("{}: can't be written", path.display()))?;
    }
    Ok((outcome, page))
}

/// Opens the device over which the servers are reached, for their packets alone. Nothing if there are no servers.
fn listen(options: &Check, servers: &[SocketAddr]) -> anyhow::Result<Option<Box<dyn Source + Send>>> {
    let addresses: Vec<_> = servers.iter().map(SocketAddr::ip).collect();
    let Some(port) = servers.first().map(SocketAddr::port) else { return Ok(None) };
    let hosts: Vec<_> = addresses.iter().map(ToString::to_string).collect();
    let target = Target::new(&hosts, &[port], None)?;
    let device = options.interface.clone().unwrap_or_else(|| live::towards(&addresses));
    let device = Live::open(
        live::Options { device, snaplen: SNAPLEN, buffer_kib: BUFFER_KIB, is_promiscuous: false },
        &target,
    )?;
    Ok(Some(Box::new(device)))
}

fn create(path: &Path) -> anyhow::Result<File> {
    files::create_private(path)
        .with_context(|| format!("{}: can't be written; {}", path.display(), privileges::USER))
}

/// Saves what was captured, with the check's outcome as a comment; where results are redacted, without names.
fn save_to(file: File, outcome: &CheckOutcome, redaction: Option<&Redaction>) -> io::Result<()> {
    let Some(captured) = outcome.captured.as_ref().or(outcome.opaque.as_ref()) else { return Ok(()) };
    let conclusion = outcome.conclusion();
    let mut comment = escaped(&format!("{}: {}", conclusion.reason, conclusion.headline));
    if redaction.is_some() {
        comment = format!("{comment}\n{}", Redaction::SENTENCE);
    }
    let device = captured.about().files.first().map(|file| file.name.clone()).unwrap_or_default();
    let mut writer = save::Writer::new(BufWriter::new(file), &device, SNAPLEN, Some(&comment))?;
    match redaction {
        Some(redaction) => {
            let mut passing = PassingFrames::new(redaction);
            captured.frames().for_each(|frame| passing.hold(&frame));
            let mut written = Ok(());
            passing.finish(&mut |frame| {
                if written.is_ok() {
                    written = writer.frame(frame, None);
                }
            });
            written?;
        }
        None => captured.frames().try_for_each(|frame| writer.frame(&frame, None))?,
    }
    writer.statistics(captured.end(), captured.about().dropped)?;
    writer.into_inner().flush()
}
