//! `ssmscope read`: opens the captures, analyses them, and prints what was asked for.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use ssmscope::analysis::{Settings, Summary, Watching};
use ssmscope::capture::{Handles, Opened, ReadError, Target};
use ssmscope::report::{self, Detail, Form, Occasion, Style};
use ssmscope::verdict::Status;

use crate::args::Read;
use crate::marked::Marked;
use crate::names::{self, Named};
use crate::observers::Observer;
use crate::observers::progress::Progress;
use crate::observers::shown::OnlyShown;
use crate::page::PageFile;
use crate::run::{self, Done, Results, Run};
use crate::system::deadline::{Deadline, patience};
use crate::system::privileges::{self, As, Later};
use crate::system::signals;
use crate::{exit, input, logs, no_match, provenance};

/// Runs the command and returns its exit status.
pub fn run(options: &Read) -> anyhow::Result<Status> {
    let form = options.rendering.form()?;
    let slow_after = options.judgement.timing.slow_after;
    let mut run = Run::new(form, &options.monitoring, slow_after, options.selection.words())
        .redacting(options.redacting, "read")?;
    run.deadline = patience(options.timeout, form).map(|patience| Deadline::after(patience, form));
    run.alerting_as_plugin().finish_after(|run| read(options, run))
}

/// What is ready when the process has given its rights up, before the first byte is read that somebody else wrote.
struct Prepared {
    /// Whether the writer of the capture may pause.
    may_pause: bool,
    handles: Handles,
    /// The same files, to be read a second time.
    again: Option<Handles>,
    marked: Option<Marked>,
    page: Option<PageFile>,
    target: Target,
    settings: Settings,
    style: Style,
    /// Is set when the user wants the end.
    ends: Option<Arc<AtomicBool>>,
}

fn prepare(options: &Read, run: &mut Run<'_>) -> anyhow::Result<Prepared> {
    if !run.form.has_verdicts() && (options.connection.is_some() || !options.selection.only.is_empty()) {
        exit::aside(
            run.form,
            format_args!(
                "ssmscope: -o {} prints every packet as it is read; -v prints those of the connections that are shown",
                run.form.name()
            ),
        );
    }
    let may_pause = input::may_pause(options)?;
    let redaction = run.redaction.clone();
    let logs = options.logs.log.iter().map(AsRef::as_ref);
    let named = || options.files.iter().map(Path::new).chain(logs.clone());
    let handles = Handles::open(named());
    let Placed { marked, page, owner_of, writes } = Placed::begin(options)?;
    // For what matches no selection, and for the packets that are to be written.
    let explains = !options.selection.options().is_empty() && !run.form.is_plugin() && redaction.is_none();
    let reads_again = marked.is_some() || (explains && !may_pause && named().all(Path::is_file));
    // What is written without names is read once more before that.
    let times = if marked.is_some() && redaction.is_some() { 2 } else { 1 };
    let again = reads_again.then(|| Handles::open((0..times).flat_map(|_| named())));
    // Captures that can be read twice are asked for the names of hosts before a resolver is.
    let names = names::selected(&options.selection);
    let asks_captures = !names.is_empty() && !may_pause && named().all(Path::is_file);
    let asked = asks_captures.then(|| Handles::open(named()));
    let is_hashed = run.form.names_inputs() || page.is_some();
    let hashed = is_hashed.then(|| Handles::open(named()));
    let threads =
        options.threads.or_else(|| thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let style = run::style(&options.rendering, detail(options));
    let examines = run.examines() || options.explain_decision || page.is_some();
    let settings = Settings {
        threads,
        redaction: redaction.clone(),
        ..input::settings(&options.judgement, options.bounds, &options.selection, examines)?
    };
    let ends = if may_pause { Some(signals::ends()?) } else { None };
    let followed: Vec<&Path> =
        options.files.first().filter(|_| options.follow).map(Path::new).into_iter().collect();
    let later = Later { user: As::Owner(owner_of), follows: &followed, writes: &writes, ..Later::default() };
    let deadline = run.deadline.take();
    let target = privileges::end(&later, deadline.as_ref(), |_| {
        run.begin_textfile()?;
        let Some(handles) = asked else { return Ok(input::target(&options.selection, run.form)?) };
        later.close_but_for_names();
        let named = named_in_captures(options, &handles, names, &settings)?;
        Ok(input::target_of(&options.selection, &named, run.form)?)
    });
    run.deadline = deadline;
    let target = target?;
    if let Some(hashed) = hashed {
        let files = named().filter(|_| !may_pause);
        run.provenance = provenance::of_files(files, &hashed);
    }
    if let Some(redaction) = &redaction {
        run.provenance = provenance::redacted(&run.provenance, redaction, "read");
    }
    Ok(Prepared { may_pause, handles, again, marked, page, target, settings, style, ends })
}

/// What the captures call by these names. Files that are no captures, or can't be read, are reported later.
fn named_in_captures(
    options: &Read,
    handles: &Handles,
    names: Vec<String>,
    settings: &Settings,
) -> Result<Named, ReadError> {
    let opened = input::open(options, &options.files, handles, false, false)?;
    Ok(match opened.source {
        Some(mut source) => Named::read(source.as_mut(), names, settings),
        None => Named::default(),
    })
}

fn read(options: &Read, run: &mut Run<'_>) -> anyhow::Result<Done> {
    let mut prepared = prepare(options, run)?;
    let Prepared { may_pause, page, .. } = &prepared;
    let named = logs::named(options, &prepared.handles, prepared.settings.threads, run);
    if named.captures.is_empty() && named.logs.is_some() {
        anyhow::ensure!(prepared.marked.is_none(), "-w writes packets, and logs contain none");
        return logs::alone(&named, prepared.style, prepared.page, run);
    }
    prepared.settings = Settings {
        keeps_timeline: run.form.has_packets() || page.is_some(),
        keeps_samples: run.form.draws_transfers() || page.is_some(),
        watching: if *may_pause && named.logs.is_none() { Watching::WhenIdle } else { Watching::Never },
        logs: named.logs,
        ..prepared.settings
    };
    report(options, &named.captures, prepared, run)
}

/// Reads the captures and reports on them.
fn report(
    options: &Read,
    captures: &[String],
    prepared: Prepared,
    run: &mut Run<'_>,
) -> anyhow::Result<Done> {
    let Prepared { may_pause, handles, again, mut marked, page, target, settings, style, ends } = prepared;
    let opened = input::open(options, captures, &handles, may_pause, target.check_names().is_err())?;
    let Opened { source, failed } = match &run.redaction {
        Some(redaction) => redaction.opened(opened),
        None => opened,
    };
    run.unopened.extend(failed);
    let about = source.as_ref().map(|source| source.about()).unwrap_or_default();
    let occasion = if may_pause {
        Occasion::Follow(&about, &settings.bounds)
    } else {
        Occasion::Read(&about, &settings.bounds, &run.provenance)
    };
    let mut page = page.map(|file| file.begin_page(style.clone(), occasion, Some(&options.selection)));
    let mut report = if options.explain_decision {
        report::decisions(run::blocks(), settings.judging)
    } else {
        report::open(run.form, run::blocks(), style, occasion)
    };
    let mut results = Results::default();
    if let Some(mut source) = source {
        target.check(&about)?;
        settings.window.as_ref().map_or(Ok(()), |window| window.check(about.clock))?;
        let stop = || ends.as_ref().is_some_and(|ends| ends.load(Ordering::Relaxed));
        let mut progress = Progress::begin();
        let one = options.connection.filter(|_| run.form.lists());
        let mut shown = OnlyShown::new(&options.selection, marked.as_mut(), report.as_mut()).one(one);
        let mut observers: Vec<&mut dyn Observer> = vec![&mut progress];
        observers.extend(page.as_mut().map(|page| page as &mut dyn Observer));
        results.summary =
            run.analyse(source.as_mut(), target, &settings, &mut shown, &mut observers, &stop)?;
        let nothing_shown = shown.nothing_shown(results.summary.connections);
        run.finish(report, &results)?;
        page.map_or(Ok(()), |page| page.finish(Some(&run.end(&results))))?;
        if let Some(nothing) = nothing_shown {
            exit::aside(run.form, format_args!("ssmscope: {nothing}"));
        }
        if let Some(handles) = again {
            read_again(options, (captures, &handles), &settings, &results.summary, marked, run.form)?;
        }
    } else if run.form.shows_unread() {
        run.finish(report, &results)?;
    }
    Ok(Done::Reported(Box::new(results)))
}

/// The files that are written besides the report, while the process has all of its rights.
struct Placed<'o> {
    marked: Option<Marked>,
    page: Option<PageFile>,
    /// The file whose folder's owner the process becomes: it can put a file into its place there.
    owner_of: Option<&'o Path>,
    writes: Vec<&'o Path>,
}

impl<'o> Placed<'o> {
    fn begin(options: &'o Read) -> anyhow::Result<Self> {
        let named = || options.files.iter().map(Path::new).chain(options.logs.log.iter().map(AsRef::as_ref));
        let textfile = options.monitoring.textfile.as_deref();
        let (html, write) = (options.page.html.as_deref(), options.write.as_deref());
        let owner_of = textfile.or(html).or(write);
        let is_put_later = |path| privileges::can_put_later(path, owner_of);
        let marked = write.map(|path| Marked::begin(path, named(), options.connection, is_put_later(path)));
        let page =
            html.map(|path| PageFile::begin(path, named().chain(write).chain(textfile), is_put_later(path)));
        let writes = html.into_iter().chain(write).collect();
        Ok(Self { marked: marked.transpose()?, page: page.transpose()?, owner_of, writes })
    }
}

/// Which connections are shown in full.
fn detail(options: &Read) -> Detail {
    match options.connection {
        Some(id) if options.all => Detail::Whole(id),
        Some(id) => Detail::One(id),
        None if options.all => Detail::All,
        None => Detail::Examples,
    }
}

/// Does what needs the input a second time: reports what was there where nothing matched, and writes packets.
fn read_again(
    options: &Read,
    (captures, handles): (&[String], &Handles),
    settings: &Settings,
    summary: &Summary,
    marked: Option<Marked>,
    form: Form,
) -> anyhow::Result<()> {
    let open = || input::open(options, captures, handles, false, false).map(|opened| opened.source);
    let Some(mut source) = open()? else { return Ok(()) };
    if settings.redaction.is_none()
        && let Some(seen) = no_match::seen(source.as_mut(), &options.selection, settings, summary)
    {
        exit::aside(form, format_args!("ssmscope: {seen}"));
    }
    // What was read of an input that can't be read to its end is written.
    if let Some(marked) = marked
        && !(marked.is_empty() && summary.error.is_some())
    {
        let nameless = match &settings.redaction {
            Some(redaction) => {
                let nameless = marked.learned(source.as_mut(), redaction);
                let Some(again) = open()? else { return Ok(()) };
                source = again;
                Some(nameless)
            }
            None => None,
        };
        let written = marked.finish(source.as_mut(), summary, nameless)?;
        exit::aside(form, format_args!("ssmscope: {written}"));
    }
    Ok(())
}
