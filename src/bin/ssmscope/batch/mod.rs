//! `ssmscope batch`: finds the captures, has threads read them, and reports on all.

mod join;
mod outputs;
mod queue;
mod walk;
mod work;

use std::num::NonZeroUsize;
use std::path::Path;
use std::thread;

use anyhow::{Context, ensure};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ssmscope::analysis::{Bounds, Settings, Watching};
use ssmscope::report::many::Totals;
use ssmscope::report::{self, Detail, Form, Style};
use ssmscope::verdict::Status;

use crate::args::Batch;
use crate::system::files;
use crate::system::privileges::{self, As, Later};
use crate::{exit, input, provenance, run};

use join::join;
use outputs::Outputs;
use queue::{Output, Queue};
use walk::Walk;
use work::{FileNumbers, Work};

/// What can't be read, or written, in this form.
fn check_inputs(options: &Batch, form: Form) -> anyhow::Result<()> {
    ensure!(
        !form.is_of_one_input() || options.into.is_some(),
        "-o {} writes a file for each capture: --into FOLDER says where to",
        form.name()
    );
    ensure!(
        options.paths.iter().all(|path| path != Path::new("-")),
        "batch reads files and folders; for standard input: ssmscope read -"
    );
    Ok(())
}

/// Runs the command and returns its exit status.
pub fn run(options: &Batch) -> anyhow::Result<Status> {
    let form = options.rendering.form()?;
    check_inputs(options, form)?;
    run::redaction(options.redacting, form)?;
    let mut style = run::style(&options.rendering, Detail::Examples);
    if options.into.is_some() {
        // Outputs that stay don't depend on the terminal.
        style.columns = run::COLUMNS;
    }
    let share = share(options.bounds.max_memory);
    let settings = input::settings(&options.judgement, options.bounds, &options.selection, true)?;
    let settings = Settings {
        keeps_timeline: form.has_packets(),
        keeps_samples: form.draws_transfers(),
        watching: Watching::Never,
        // Each thread has captures of its own.
        threads: 1,
        bounds: Bounds { memory: share, ..settings.bounds },
        ..settings
    };
    if let Some(folder) = &options.into {
        files::make_folder(folder).with_context(|| format!("{}: can't be made", folder.display()))?;
    }
    let written = options.into.as_ref().map(|folder| folder.join("output"));
    let later = Later { user: As::Owner(written.as_deref()), walks: &options.paths, ..Later::default() };
    let (target, into) = privileges::end(&later, None, |_| {
        let into = options.into.as_deref().map(|folder| {
            Outputs::prepare(folder, form, made_by(options, &style))
                .with_context(|| format!("{}: can't be written to", folder.display()))
        });
        Ok((input::target(&options.selection, form)?, into.transpose()?))
    })?;
    let walk = Walk::of(&options.paths, options.into.as_deref());
    if walk.links > 0 {
        let plural = if walk.links == 1 { "" } else { "s" };
        exit::complain(format_args!("ssmscope: {} symbolic link{plural} not followed", walk.links));
    }
    let captures = join(walk.found, &options.join, options.join_rings);
    let shared = report::open_many(shared_form(form, options), run::blocks(), &style)?;
    let mut totals = Totals::default();
    totals.summary.is_redacted = options.redacting.redact;
    let output = Output { each: run::blocks().plain, shared, totals };
    let queue = Queue::new(captures.len(), options.bounds.max_memory, output);
    let numbers = FileNumbers::of(&captures);
    let work = Work { options, form, style, settings, target, into, captures: &captures, numbers, share };
    let progress = progress(captures.len());
    let work_through = || {
        while let Some(mut turn) = queue.take(|index| work.needed(index)) {
            match work.on(&mut turn) {
                Ok(entry) => turn.finish(&entry),
                Err(error) => turn.abandon(error),
            }
            progress.inc(1);
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads(options, captures.len()) {
            // With fewer threads than asked for, the outputs are the same.
            if thread::Builder::new().spawn_scoped(scope, work_through).is_err() {
                break;
            }
        }
        work_through();
    });
    progress.finish_and_clear();
    match queue.finish() {
        // Nobody reads the results any more, and which of the captures were read is not known.
        Err(error) if run::is_reader_gone(&error) => Ok(Status::Unknown),
        finished => Ok(finished?.status()),
    }
}

/// Where each capture has an output of its own, standard output has a row for each.
fn shared_form(form: Form, options: &Batch) -> Form {
    if options.into.is_some() { Form::Table } else { form }
}

/// The memory that one capture may use: the same for every number of threads, since reaching it changes results.
fn share(memory: usize) -> usize {
    (memory / 4).max(Bounds::LEAST_MEMORY)
}

/// The version, and a digest of the options that change an output.
fn made_by(options: &Batch, style: &Style) -> String {
    // A new option changes an output until it is known not to.
    let Batch {
        selection,
        judgement,
        bounds,
        rendering,
        redacting,
        join,
        join_rings,
        paths: _,
        jobs: _,
        into: _,
    } = options;
    let all = format!("{:?}", (selection, judgement, bounds, rendering, redacting, join, join_rings, style));
    format!("{} {}", env!("CARGO_PKG_VERSION"), provenance::digest_of(all.as_bytes()))
}

fn threads(options: &Batch, captures: usize) -> usize {
    let cores = || thread::available_parallelism().map_or(1, NonZeroUsize::get);
    options.jobs.map_or_else(cores, usize::from).min(captures)
}

fn progress(captures: usize) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(captures as u64), ProgressDrawTarget::stderr());
    match ProgressStyle::with_template("read {pos} of {len} {wide_bar} {eta} left") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
