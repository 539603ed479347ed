//! `--html`: the page besides any other output, in a file that is replaced when the page is whole.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, BufWriter};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, ensure};
use ssmscope::analysis::{Event, Interim, Judged, Needs, Redaction, Sink};
use ssmscope::capture::About;
use ssmscope::limits;
use ssmscope::report::human::html::HtmlPage;
use ssmscope::report::{self, End, Form, Occasion, Provenance, Style};
use ssmscope::verdict::Severity;

use crate::args::Selection;
use crate::exit;
use crate::observers::Observer;
use crate::system::files::NewFile;

/// The file of a page, while nothing is in it.
pub struct PageFile {
    path: PathBuf,
    file: NewFile,
}

impl PageFile {
    /// Begins the file, so that a folder that can't be written is an error at once. `is_put_later` is whether the process can put it into
    /// its place later.
    ///
    /// # Errors
    /// When it can't be written, and when it is one of `others`: an input, or another output.
    pub fn begin<'a>(
        path: &Path,
        others: impl IntoIterator<Item = &'a Path>,
        is_put_later: bool,
    ) -> anyhow::Result<Self> {
        let name = path.display();
        ensure!(path != Path::new("-"), "--html takes the name of a file; -o html writes to standard output");
        for other in others {
            ensure!(!is_same_file(path, other), "--html {name}: this command already uses that file");
        }
        let file = begin(path, is_put_later)?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Begins the page, of the connections that are shown.
    pub fn begin_page<'o>(
        self,
        style: Style,
        occasion: Occasion<'_>,
        selection: Option<&'o Selection>,
    ) -> Page<'o> {
        let shown = report::page(style, occasion);
        Page { path: self.path, file: Some(self.file), shown, selection, so_far: None }
    }
}

fn begin(path: &Path, is_put_later: bool) -> anyhow::Result<NewFile> {
    NewFile::begin(path, is_put_later).with_context(|| format!("--html {}: can't be written", path.display()))
}

/// Whether two names lead to one file, of which there need be none yet. Devices and pipes may be written to by several.
pub fn is_same_file(path: &Path, other: &Path) -> bool {
    match (fs::metadata(path), fs::metadata(other)) {
        (Ok(one), Ok(other)) => one.is_file() && (one.dev(), one.ino()) == (other.dev(), other.ino()),
        (Err(_), Err(_)) => path == other,
        _ => false,
    }
}

/// A page that sees what the report gets.
pub struct Page<'o> {
    path: PathBuf,
    /// Begun again for each page that is written while the capture runs; nothing if that failed.
    file: Option<NewFile>,
    shown: HtmlPage,
    /// Which connections are; all of them where nothing is selected.
    selection: Option<&'o Selection>,
    so_far: Option<SoFar>,
}

/// What writing a page needs while the capture runs.
struct SoFar {
    /// Is set when somebody wants the page.
    is_wanted: Arc<AtomicBool>,
    form: Form,
    provenance: Provenance,
    interim: Interim,
    /// Open connections that fail, by their first packets; nothing but that it fails where there is no room.
    open: BTreeMap<u64, Option<Box<Judged>>>,
    /// How many of them are kept.
    kept: u32,
}

impl Page<'_> {
    fn shows(&self, judged: &Judged) -> bool {
        self.selection.is_none_or(|selection| selection.shows(&judged.verdict))
    }

    /// Writes the page each time that `is_wanted` is set while this capture runs.
    pub fn when_wanted(
        &mut self,
        is_wanted: Arc<AtomicBool>,
        about: About,
        form: Form,
        provenance: Provenance,
        redaction: Option<Redaction>,
    ) {
        let interim = Interim::new(about, redaction);
        self.so_far = Some(SoFar { is_wanted, form, provenance, interim, open: BTreeMap::new(), kept: 0 });
    }

    /// Writes the page and puts it into its place. Where the end is not known, since the report could not be written until then, the page
    /// shows what is.
    ///
    /// # Errors
    /// When it can't be written, and then what was there still is.
    pub fn finish(mut self, end: Option<&End<'_>>) -> anyhow::Result<()> {
        let Some(end) = end else {
            self.write_so_far();
            return Ok(());
        };
        let file = self.file.map_or_else(|| begin(&self.path, true), Ok)?;
        put(file, |out| self.shown.write(end, out))
            .with_context(|| format!("--html {}: can't be written", self.path.display()))
    }

    /// Writes the page with what is known so far. A failure is reported, and the capture continues.
    fn write_so_far(&mut self) {
        let Some(so_far) = &self.so_far else { return };
        let mut page = self.shown.clone();
        let open: Vec<_> = so_far.open.values().flatten().map(|judged| &**judged).collect();
        let shown = open.iter().filter(|judged| self.shows(judged));
        shown.for_each(|judged| page.see(judged));
        let summary = so_far.interim.summary(open.iter().copied());
        let end = End { provenance: &so_far.provenance, ..End::of(&summary) };
        let left_out = so_far.open.len() - open.len();
        let file = self.file.take().map_or_else(|| begin(&self.path, true), Ok);
        let written = file.and_then(|file| {
            put(file, |out| page.write_so_far(&end, left_out, out))
                .with_context(|| format!("--html {}: can't be written", self.path.display()))
        });
        match written.and_then(|()| begin(&self.path, true)) {
            Ok(next) => self.file = Some(next),
            Err(error) => exit::aside(so_far.form, format_args!("ssmscope: {error:#}")),
        }
    }
}

/// Fills a file and puts it into its place.
fn put(file: NewFile, write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> io::Result<()> {
    write(&mut BufWriter::new(file.file()))?;
    file.finish()
}

impl Observer for Page<'_> {
    fn connection(&mut self, judged: &Judged) {
        if let Some(so_far) = &mut self.so_far {
            so_far.interim.connection(judged);
            so_far.close(judged.story.first.number);
        }
        if self.shows(judged) {
            self.shown.see(judged);
        }
    }

    fn event(&mut self, event: &Event<'_>) {
        // It writes nothing yet.
        let _ = self.shown.event(event);
        let Some(so_far) = &mut self.so_far else { return };
        so_far.interim.event(event);
        match event {
            Event::Known(judged) => so_far.know(judged),
            Event::Frame(_) | Event::Idle(..) if so_far.is_wanted.swap(false, Ordering::Relaxed) => {
                self.write_so_far();
            }
            _ => {}
        }
    }

    fn needs(&self) -> Needs {
        self.shown.needs()
    }
}

impl SoFar {
    /// Takes in what is known of an open connection.
    fn know(&mut self, judged: &Judged) {
        let number = judged.story.first.number;
        self.close(number);
        if matches!(judged.verdict.severity, Severity::Critical | Severity::Warning) {
            let has_room = self.kept < limits::PAGE_CONNECTIONS;
            self.kept += u32::from(has_room);
            self.open.insert(number, has_room.then(|| Box::new(judged.clone())));
        }
    }

    fn close(&mut self, number: u64) {
        if let Some(Some(_)) = self.open.remove(&number) {
            self.kept -= 1;
        }
    }
}
