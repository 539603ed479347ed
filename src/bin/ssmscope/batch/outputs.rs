//! A folder with one output per capture, named by the capture's content. A note next to each, in a folder of their own, keeps what came
//! of it and how it was made, so that another run need not make it again.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use ssmscope::report::Form;
use ssmscope::report::many::{CaptureResult, WorstConnection};
use ssmscope::verdict::{self, Severity};

use crate::system::files::{self, NewFile};

/// Where the notes are, in the folder.
const NOTES: &str = ".ssmscope";

/// More bytes than a note has.
const NOTE_BYTES: u64 = 256 * 1024;

/// The folder.
pub struct Outputs {
    folder: PathBuf,
    extension: &'static str,
    /// The version and the options that outputs are made with. What was made with others is made again.
    made_by: String,
}

/// The outcome of a capture.
#[derive(Serialize, Deserialize)]
struct Note {
    made_by: String,
    /// Bytes of the output, by which a file that a crash of the system left without its content is recognised; nothing if there is none.
    bytes: Option<u64>,
    packets: u64,
    skipped: u64,
    codes: Vec<(String, u64)>,
    severities: Vec<(String, u64)>,
    worst: Option<(String, String, Option<String>, String)>,
    error: Option<String>,
}

impl Outputs {
    /// The folder for outputs in a form, which is made if it is not there. `made_by` is the version and the options.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn prepare(folder: &Path, form: Form, made_by: String) -> io::Result<Self> {
        for folder in [folder, &folder.join(NOTES)] {
            files::make_folder(folder)?;
        }
        Ok(Self { folder: folder.to_owned(), extension: form.extension(), made_by })
    }

    /// The outcome of the capture with this content, if its output is there already.
    pub fn existing(&self, sha256: &str) -> Option<CaptureResult> {
        let note = files::read_bounded(&self.note(sha256), NOTE_BYTES).ok()?;
        let note: Note = serde_json::from_slice(&note).ok()?;
        let is_whole = match note.bytes {
            Some(bytes) => fs::symlink_metadata(self.output(sha256)).is_ok_and(|about| about.size() == bytes),
            None => true,
        };
        (is_whole && note.made_by == self.made_by).then(|| entry(note)).flatten()
    }

    /// Begins the output of the capture with this content. It has no name yet.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn begin(&self, sha256: &str) -> io::Result<NewFile> {
        NewFile::begin(&self.output(sha256), true)
    }

    /// Keeps an output, and then its outcome. A run that ends between the two makes the output again.
    ///
    /// # Errors
    /// When that can't be written.
    pub fn keep(&self, sha256: &str, output: Option<NewFile>, entry: &CaptureResult) -> io::Result<()> {
        let note = self.note(sha256);
        let bytes =
            output.as_ref().map(|output| output.file().metadata()).transpose()?.map(|about| about.size());
        if let Some(output) = output {
            files::remove(&note)?;
            output.finish()?;
        }
        let new = NewFile::begin(&note, true)?;
        let mut file: &File = new.file();
        file.write_all(&serde_json::to_vec(&note_of(entry, bytes, &self.made_by))?)?;
        new.finish()
    }

    fn output(&self, sha256: &str) -> PathBuf {
        self.folder.join(format!("{sha256}.{}", self.extension))
    }

    fn note(&self, sha256: &str) -> PathBuf {
        self.folder.join(NOTES).join(format!("{sha256}.{}", self.extension))
    }
}

fn note_of(entry: &CaptureResult, bytes: Option<u64>, made_by: &str) -> Note {
    let severity = |severity: Severity| severity.name().to_owned();
    Note {
        made_by: made_by.to_owned(),
        bytes,
        packets: entry.packets,
        skipped: entry.skipped,
        codes: entry.codes.iter().map(|(code, count)| (code.name().to_owned(), *count)).collect(),
        severities: entry.severities.iter().map(|(of, count)| (severity(*of), *count)).collect(),
        worst: entry.worst.as_ref().map(|worst| {
            let cause = worst.cause.as_deref().map(str::to_owned);
            (
                severity(worst.severity),
                worst.code.name().to_owned(),
                cause,
                worst.headline.clone().into_owned(),
            )
        }),
        error: entry.error.clone(),
    }
}

/// What a note holds; nothing if it holds a word that this version does not know.
fn entry(note: Note) -> Option<CaptureResult> {
    let code = |name: &str| verdict::rule(name).map(|rule| rule.code);
    let severity = |name: &str| {
        let all = [Severity::Ok, Severity::Warning, Severity::Critical, Severity::Unknown];
        all.into_iter().find(|severity| severity.name() == name)
    };
    let worst = match note.worst {
        Some((of, name, cause, headline)) => Some(WorstConnection {
            severity: severity(&of)?,
            code: code(&name)?,
            cause: cause.map(Into::into),
            headline: headline.into(),
        }),
        None => None,
    };
    Some(CaptureResult {
        packets: note.packets,
        skipped: note.skipped,
        codes: note.codes.iter().map(|(name, count)| Some((code(name)?, *count))).collect::<Option<_>>()?,
        severities: (note.severities.iter())
            .map(|(name, count)| Some((severity(name)?, *count)))
            .collect::<Option<_>>()?,
        worst,
        error: note.error,
        ..CaptureResult::default()
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ssmscope::verdict::Code;

    use super::*;

    fn kept(into: &Outputs, sha256: &str) -> CaptureResult {
        let entry = CaptureResult {
            packets: 7,
            codes: BTreeMap::from([(Code::Refused, 1)]),
            severities: BTreeMap::from([(Severity::Critical, 1)]),
            worst: Some(WorstConnection {
                severity: Severity::Critical,
                code: Code::Refused,
                cause: Some("a".into()),
                headline: "b".into(),
            }),
            ..CaptureResult::default()
        };
        let output = into.begin(sha256).unwrap();
        let mut file: &File = output.file();
        file.write_all(b"output").unwrap();
        into.keep(sha256, Some(output), &entry).unwrap();
        entry
    }

    #[test]
    fn an_output_that_is_there_is_not_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("into");
        let into = Outputs::prepare(&path, Form::Json, "1".to_owned()).unwrap();
        assert_eq!(into.existing("ab"), None);
        let entry = kept(&into, "ab");
        assert_eq!(into.existing("ab"), Some(entry.clone()));
        assert_eq!(fs::read(path.join("ab.jsonl")).unwrap(), b"output");
        let other = Outputs::prepare(&path, Form::Json, "2".to_owned()).unwrap();
        assert_eq!(other.existing("ab"), None, "it was made with other options");
        kept(&other, "ab");
        assert_eq!((into.existing("ab"), other.existing("ab")), (None, Some(entry)));
        fs::write(path.join("ab.jsonl"), "").unwrap();
        assert_eq!(other.existing("ab"), None, "the output is not whole");
        fs::write(path.join(".ssmscope/ab.jsonl"), "{").unwrap();
        assert_eq!(other.existing("ab"), None, "the note is not whole");
        assert_eq!(fs::read_dir(&path).unwrap().count(), 2, "nothing else is left");
    }

    #[test]
    fn a_capture_without_an_output_is_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let into = Outputs::prepare(folder.path(), Form::Html, "1".to_owned()).unwrap();
        let entry = CaptureResult { error: Some("is no capture".to_owned()), ..CaptureResult::default() };
        into.keep("cd", None, &entry).unwrap();
        assert_eq!(into.existing("cd"), Some(entry));
    }
}
