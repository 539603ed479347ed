//! The logs read with a capture: which of the named files they are, and logs on their own.

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use ssmscope::analysis::{LogInput, LogSource, LogSummary, Summary};
use ssmscope::capture::{Handles, ReadError};
use ssmscope::log::{self, Follower, tie::TieSettings};
use ssmscope::report::{self, Form, Occasion, Style};

use crate::args::{Logs, Read};
use crate::page::PageFile;
use crate::run::{self, Done, Results, Run};

/// The files that were named, by what they hold.
pub struct Named {
    pub captures: Vec<String>,
    pub logs: Option<LogInput>,
}

/// Sorts the files: what was named as a log and is a capture is read as one. What is neither is reported as unread. `threads` read the
/// logs.
pub fn named(options: &Read, handles: &Handles, threads: usize, run: &mut Run<'_>) -> Named {
    let given = &options.logs;
    let mut captures = options.files.clone();
    if given.log.is_empty() {
        return Named { captures, logs: None };
    }
    let mut files = Vec::new();
    let mut input = input(given, handles);
    input.reading.threads = threads;
    for path in &given.log {
        // Standard input can be looked at only once.
        let is_log = if path == Path::new("-") { Ok(true) } else { log::is_log_file(path, &input.reading) };
        match is_log {
            Ok(true) => files.push(path.clone()),
            Ok(false) => captures.push(path.display().to_string()),
            Err(error) => run.unopened.push(error),
        }
    }
    let has_logs = !files.is_empty() || captures.is_empty();
    let input = LogInput { source: LogSource::Files(files), ..input };
    Named { captures, logs: has_logs.then_some(input) }
}

/// Opens the logs that are to be followed.
///
/// # Errors
/// When one is a pipe, which would have to be waited for.
pub fn handles(logs: &[&Path]) -> anyhow::Result<Handles> {
    let is_waited_for = |path: &&&Path| fs::metadata(path).is_ok_and(|about| about.file_type().is_fifo());
    if let Some(pipe) = logs.iter().find(is_waited_for) {
        anyhow::bail!("--log {}: is a pipe, and only files that grow can be followed", pipe.display());
    }
    Ok(Handles::open(logs))
}

/// The logs that are followed while packets come.
///
/// `kept` attempts of each are kept.
///
/// # Errors
/// When one can't be, or is no log.
pub fn followed(given: &Logs, kept: usize, handles: &Handles) -> Result<Option<LogInput>, ReadError> {
    if given.log.is_empty() {
        return Ok(None);
    }
    let input = input(given, handles);
    let follower = Follower::open(&given.log, input.reading.clone())?.keeping(kept);
    Ok(Some(LogInput { source: LogSource::Followed(Arc::new(Mutex::new(follower))), ..input }))
}

fn input(given: &Logs, handles: &Handles) -> LogInput {
    let reading = log::LogSettings {
        formats: given.log_format.clone(),
        zones: given.log_zone.clone(),
        shows_secrets: given.log_secrets,
        handles: handles.clone(),
        ..log::LogSettings::default()
    };
    let offsets = given.log_offset.iter().map(|offset| (None, *offset)).collect();
    let tying = TieSettings { offsets, ..TieSettings::default() };
    LogInput { reading, tying, ..LogInput::default() }
}

/// Lists the attempts of logs on their own.
pub fn alone(named: &Named, style: Style, page: Option<PageFile>, run: &mut Run<'_>) -> anyhow::Result<Done> {
    let forms = Form::ALL.into_iter().filter(|form| form.has_attempts()).map(Form::name);
    anyhow::ensure!(
        run.form.has_attempts(),
        "logs without a capture are printed as one of these: {}",
        forms.collect::<Vec<_>>().join(", ")
    );
    let mut results = Results::default();
    if let Some(input) = named.logs.as_ref().filter(|input| !input.source.files().is_empty()) {
        match LogSummary::alone(input) {
            Ok(mut logs) => {
                if let Some(redaction) = &run.redaction {
                    redaction.logs(&mut logs);
                }
                let is_redacted = run.redaction.is_some();
                results.summary = Summary { logs: Some(Box::new(logs)), is_redacted, ..Summary::default() };
            }
            Err(error) => run.unopened.push(error),
        }
    }
    // There is nothing to report about a log that can't be read, least of all about a capture.
    if results.summary.logs.is_none() && !run.form.shows_unread() {
        return Ok(Done::Reported(Box::new(results)));
    }
    let bounds = ssmscope::analysis::Bounds::default();
    let about = ssmscope::capture::About::default();
    let occasion = Occasion::Read(&about, &bounds, &run.provenance);
    let page = page.map(|file| file.begin_page(style.clone(), occasion, None));
    let report = report::open(run.form, run::blocks(), style, occasion);
    run.finish(report, &results)?;
    page.map_or(Ok(()), |page| page.finish(Some(&run.end(&results))))?;
    Ok(Done::Reported(Box::new(results)))
}
