//! What is done with one of many captures.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::libc::{O_NOCTTY, O_NOFOLLOW, O_NONBLOCK};
use ssmscope::analysis::{self, Judged, Redaction, Settings, Summary};
use ssmscope::capture::{self, Handles, Opened, ReadError, Target};
use ssmscope::report::many::{CaptureResult, WorstConnection};
use ssmscope::report::{self, End, Form, Occasion, Out, Provenance, Style};

use super::join::Capture;
use super::outputs::Outputs;
use super::queue::Turn;
use super::walk::{Found, NOT_REGULAR};
use crate::args::Batch;
use crate::observers::shown::OnlyShown;
use crate::observers::{Observer, Observers};
use crate::provenance;

/// What threads need to know.
pub struct Work<'b> {
    pub options: &'b Batch,
    pub form: Form,
    pub style: Style,
    pub settings: Settings,
    pub target: Target,
    pub into: Option<Outputs>,
    pub captures: &'b [Capture],
    pub numbers: FileNumbers,
    /// Bytes of memory that a capture may use.
    pub share: usize,
}

/// How many files of the run precede those of each capture.
pub struct FileNumbers(Vec<usize>);

impl FileNumbers {
    /// Creates the work of captures, in their order.
    pub fn of(captures: &[Capture]) -> Self {
        let before = captures.iter().scan(0, |files, capture| {
            let before = *files;
            *files += capture.len();
            Some(before)
        });
        Self(before.collect())
    }

    fn before(&self, index: usize) -> usize {
        self.0.get(index).copied().unwrap_or_default()
    }
}

/// A capture whose files are open.
struct Files {
    names: Vec<PathBuf>,
    handles: Handles,
    /// The files with their digests.
    provenance: Provenance,
    /// That of the capture.
    sha256: Option<String>,
    /// Why the others could not be opened.
    failed: Vec<ReadError>,
    /// Stand-ins for what they name, where these are asked for.
    redaction: Option<Redaction>,
}

impl Work<'_> {
    /// Bytes of memory that a capture may need. What analysis keeps is less than this many times the packets' bytes, of which
    /// compressed files have several times their own; the smallest connection takes 4 KB, for two packets of 60 bytes.
    pub fn needed(&self, index: usize) -> usize {
        const LEAST: usize = 8 * 1024 * 1024;
        const TIMES: u64 = 64;
        const COMPRESSED: u64 = 10;
        let bytes = |found: &Found| {
            let mut file = open(found).ok()?;
            let bytes = file.metadata().ok()?.len();
            let mut head = [0; 2];
            file.read_exact(&mut head).ok()?;
            // RFC 1952, 2.3.1, and RFC 8878, 3.1.1.
            let is_compressed = matches!(head, [0x1f, 0x8b] | [0x28, 0xb5]);
            Some(bytes.saturating_mul(if is_compressed { COMPRESSED } else { 1 }))
        };
        let bytes: u64 = self.captures[index].iter().filter_map(bytes).fold(0, u64::saturating_add);
        let needed = usize::try_from(bytes.saturating_mul(TIMES)).unwrap_or(usize::MAX);
        needed.saturating_add(LEAST).min(self.share)
    }

    /// Reads the capture whose turn it is, and reports on it.
    ///
    /// # Errors
    /// When results can't be written.
    pub fn on(&self, turn: &mut Turn<'_, '_>) -> io::Result<CaptureResult> {
        let capture = &self.captures[turn.index];
        let mut files = Files::of(capture);
        let sha256 = files.sha256.clone();
        let source = self.name(turn.index, sha256.as_deref());
        if let Some(redaction) = self.redaction(turn.index) {
            files = files.redacted(redaction);
        }
        let entry = match &self.into {
            None => {
                turn.write_all(report::heading(self.form, &source).as_bytes())?;
                let out = Out { plain: Box::new(BufWriter::new(turn)), styled: Box::new(io::sink()) };
                self.analyse(files, out, false)?.0
            }
            Some(into) => match turn.earlier(sha256.as_deref()) {
                Some(first) => {
                    let same_as = self.name(first, sha256.as_deref());
                    CaptureResult { same_as: Some(same_as), ..CaptureResult::default() }
                }
                None => self.written(into, files)?,
            },
        };
        Ok(CaptureResult { source, sha256, ..entry })
    }

    /// The stand-ins of a capture, where they are asked for. Each has its own: captures are read at the same time, and an output in
    /// the folder may be of an earlier run. The numbers of files are those in the run where outputs are of this run.
    fn redaction(&self, index: usize) -> Option<Redaction> {
        let before = if self.into.is_some() { 0 } else { self.numbers.before(index) };
        let redaction = self.options.redacting.redact.then(|| Redaction::of_one(before))?;
        for found in &self.captures[index] {
            redaction.file(&found.path.display().to_string());
        }
        Some(redaction)
    }

    /// What a capture is called: its first file. Where results are redacted, that is its number in the run, or the beginning of its
    /// output's name.
    fn name(&self, index: usize, sha256: Option<&str>) -> String {
        /// Digits of a digest that name an output.
        const DIGITS: usize = 16;
        if !self.options.redacting.redact {
            let first = self.captures.get(index).and_then(|capture| capture.first());
            return first.map_or_else(String::new, |found| Path::display(&found.path).to_string());
        }
        match sha256.and_then(|digest| digest.get(..DIGITS)).filter(|_| self.into.is_some()) {
            Some(digits) => digits.to_owned(),
            None => Redaction::file_of(self.numbers.before(index) + 1),
        }
    }

    /// Has the capture's output in the folder.
    fn written(&self, into: &Outputs, files: Files) -> io::Result<CaptureResult> {
        let Some(sha256) = files.sha256.clone() else {
            let out = Out { plain: Box::new(io::sink()), styled: Box::new(io::sink()) };
            return Ok(self.analyse(files, out, true)?.0);
        };
        // What could not be opened may be there the next time.
        let is_whole = files.failed.is_empty();
        if let Some(entry) = into.existing(&sha256).filter(|_| is_whole) {
            return Ok(entry);
        }
        let output = into.begin(&sha256)?;
        let (entry, has_output) = {
            let file = output.file();
            let plain = Box::new(BufWriter::new(file));
            let styled = Box::new(BufWriter::new(anstream::StripStream::new(file.try_clone()?)));
            self.analyse(files, Out { plain, styled }, true)?
        };
        if is_whole {
            into.keep(&sha256, has_output.then_some(output), &entry)?;
        }
        Ok(entry)
    }

    /// Reads a capture and reports on it. The return value is also whether there was anything to report.
    fn analyse(&self, files: Files, out: Out<'_>, is_alone: bool) -> io::Result<(CaptureResult, bool)> {
        let Files { names, handles, provenance, mut failed, redaction, .. } = files;
        let selection = &self.options.selection;
        let reads_ahead = selection.from.is_some() || selection.to.is_some();
        let opened = capture::open_all(&names, &handles, reads_ahead)
            .unwrap_or_else(|error| Opened { source: None, failed: vec![error] });
        let Opened { mut source, failed: unread } = match &redaction {
            Some(redaction) => redaction.opened(opened),
            None => opened,
        };
        failed.extend(unread);
        let about = source.as_ref().map(|source| source.about()).unwrap_or_default();
        let window = self.settings.window.as_ref();
        // What was selected is in the error.
        let fits = self.target.check(&about).map_err(|error| match &redaction {
            Some(_) => "what is selected can't be looked for in it".to_owned(),
            None => error.to_string(),
        });
        let fits = fits.and_then(|()| {
            window.map_or(Ok(()), |window| window.check(about.clock)).map_err(|error| error.to_string())
        });
        if let (Err(what), Some(file)) = (fits, about.files.first()) {
            failed.push(ReadError { file: file.name.clone(), what, hint: None });
            source = None;
        }
        let bounds = &self.settings.bounds;
        let occasion = if is_alone {
            Occasion::Read(&about, bounds, &provenance)
        } else {
            Occasion::Batch(&about, bounds, &provenance)
        };
        let mut report = report::open(self.form, out, self.style.clone(), occasion);
        let mut worst = WorstSeen::default();
        let has_output = source.is_some() || self.form.shows_unread();
        let mut summary = Summary::default();
        let settings = Settings { redaction: redaction.clone(), ..self.settings.clone() };
        if let Some(mut source) = source {
            let mut shown = OnlyShown::new(selection, None, report.as_mut());
            let mut sink = Observers { observers: vec![&mut worst], report: &mut shown };
            summary = analysis::analyse(source.as_mut(), self.target.clone(), &settings, &mut sink)?;
        }
        let selected = match &redaction {
            Some(redaction) => redaction.target(&self.target),
            None => self.target.clone(),
        };
        if has_output {
            report.finish(&End {
                unopened: &failed,
                target: selection.words().filter(|_| redaction.is_none()).as_deref(),
                selected: Some(&selected),
                provenance: &provenance,
                ..End::of(&summary)
            })?;
        }
        let names_files = names.len() > 1;
        let unread = failed.first().map(|error| {
            if names_files { format!("{}: {}", error.file, error.what) } else { error.what.clone() }
        });
        let failure = summary.error.as_ref().map(|failure| match failure {
            analysis::Failure::Read(error) if !names_files => error.what.clone(),
            failure => failure.to_string(),
        });
        let entry = CaptureResult {
            packets: summary.packets,
            skipped: summary.skipped,
            codes: summary.codes,
            severities: summary.severities,
            worst: worst.worst.map(|(_, worst)| worst),
            error: unread.or(failure),
            ..CaptureResult::default()
        };
        Ok((entry, has_output))
    }
}

impl Files {
    fn of(capture: &Capture) -> Self {
        let (mut opened, mut failed, mut inputs) = (Vec::new(), Vec::new(), Vec::new());
        let mut digests = Vec::new();
        for found in capture {
            let file = found.path.display().to_string();
            let digested = open(found).and_then(|open| {
                let digest = provenance::digest(open.try_clone()).map_err(unreadable)?;
                (&open).rewind().map_err(unreadable)?;
                Ok((open, digest))
            });
            match digested {
                Ok((open, digest)) => {
                    opened.push((found.path.clone(), open));
                    digests.push(digest.clone());
                    inputs.push((file, Ok(digest)));
                }
                Err(what) => failed.push(ReadError { file, what, hint: None }),
            }
        }
        let sha256 = match digests.as_slice() {
            [] => None,
            [only] => Some(only.clone()),
            several => Some(provenance::digest_of(several.join("\n").as_bytes())),
        };
        let names = opened.iter().map(|(path, _)| path.clone()).collect();
        let provenance = Provenance { inputs, ..provenance::of_command() };
        Self { names, handles: Handles::of(opened), provenance, sha256, failed, redaction: None }
    }

    /// The same, with stand-ins for the files' names in what is reported of them.
    fn redacted(self, redaction: Redaction) -> Self {
        Self {
            provenance: provenance::redacted(&self.provenance, &redaction, "batch"),
            failed: self.failed.into_iter().map(|error| redaction.error(error)).collect(),
            redaction: Some(redaction),
            ..self
        }
    }
}

/// Opens a file, which may be another than the one that was found: nothing is waited for, and no device is read.
fn open(found: &Found) -> Result<File, String> {
    if let Some(error) = &found.error {
        return Err(error.clone());
    }
    let follow = if found.is_walked { O_NOFOLLOW } else { 0 };
    let file = OpenOptions::new().read(true).custom_flags(O_NONBLOCK | O_NOCTTY | follow).open(&found.path);
    let file = file.map_err(unreadable)?;
    if file.metadata().is_ok_and(|about| about.is_file()) { Ok(file) } else { Err(NOT_REGULAR.to_owned()) }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what map_err hands over")]
fn unreadable(error: io::Error) -> String {
    format!("can't be read: {error}")
}

/// The worst connection so far.
#[derive(Default)]
struct WorstSeen {
    /// With how bad it is; of equally bad ones, the one that began first is kept.
    worst: Option<((u8, std::cmp::Reverse<u64>), WorstConnection)>,
}

impl Observer for WorstSeen {
    fn connection(&mut self, judged: &Judged) {
        let Judged { story, verdict, .. } = judged;
        let rank = (verdict.severity.urgency(), std::cmp::Reverse(story.first.number));
        if self.worst.as_ref().is_none_or(|(worst, _)| *worst < rank) {
            let worst = WorstConnection {
                severity: verdict.severity,
                code: verdict.code,
                cause: verdict.cause.clone(),
                headline: verdict.headline.clone(),
            };
            self.worst = Some((rank, worst));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_file_that_changed_since_it_was_found_is_an_error_and_nothing_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("secret"), "").unwrap();
        symlink(at("secret"), at("link")).unwrap();
        nix::unistd::mkfifo(&at("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let found = |name: &str, is_walked| Found { path: at(name), is_walked, error: None };
        assert!(open(&found("gone", true)).unwrap_err().contains("No such file"));
        assert!(open(&found("link", true)).is_err(), "it became a link to somewhere else");
        assert!(open(&found("link", false)).is_ok(), "it was named");
        assert_eq!(open(&found("pipe", true)).unwrap_err(), NOT_REGULAR);
        assert_eq!(open(&found("", false)).unwrap_err(), NOT_REGULAR);
        let files = Files::of(&vec![found("secret", true), found("gone", true)]);
        assert_eq!((files.names.len(), files.failed.len()), (1, 1));
        // FIPS 180-4 of nothing.
        assert!(files.sha256.unwrap().starts_with("e3b0c44298fc1c14"));
    }
}
