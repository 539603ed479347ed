//! The files of failed connections. The oldest give way at the bound.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Settings;
use crate::limits;

/// The files in the recorder's folder, those of earlier runs among them.
pub(super) struct Failures {
    /// Each failure's packets, with the bytes of these and of the JSON next to them; the oldest first.
    files: VecDeque<(PathBuf, u64)>,
    bytes: u64,
    /// The most bytes that they may take.
    most: u64,
    /// Whether it was reported that older files are removed.
    has_removed: bool,
}

impl Failures {
    /// What is in the folder already. Older ones than the bound allows are removed with the next failure.
    ///
    /// # Errors
    /// When the folder can't be read.
    pub(super) fn in_folder(settings: &Settings) -> io::Result<Self> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&settings.folder)?.take(4 * limits::RECORDED_FILES) {
            let path = entry?.path();
            // The JSON is written last, and the ring has none.
            if path.extension().is_some_and(|found| found == "json") && path.with_extension("pcapng").exists()
            {
                files.push(path.with_extension("pcapng"));
            }
        }
        // A name begins with the time.
        files.sort();
        let mut failures =
            Self { files: VecDeque::new(), bytes: 0, most: settings.failures(), has_removed: false };
        for file in files {
            failures.count(file);
        }
        Ok(failures)
    }

    /// Another failure has a file. Returns what is to be reported.
    pub(super) fn add(&mut self, file: PathBuf) -> Option<String> {
        self.count(file);
        let mut removed = None;
        while self.files.len() > 1 && (self.bytes > self.most || self.files.len() > limits::RECORDED_FILES) {
            let Some((oldest, bytes)) = self.files.pop_front() else { break };
            self.bytes = self.bytes.saturating_sub(bytes);
            // Somebody may have moved it away.
            let _ = fs::remove_file(&oldest);
            let _ = fs::remove_file(oldest.with_extension("json"));
            removed = Some(oldest);
        }
        let folder = removed?.parent().map(Path::to_owned)?;
        let is_news = !std::mem::replace(&mut self.has_removed, true);
        is_news.then(|| {
            format!("{}: the oldest failures give way to newer ones, by --record-size", folder.display())
        })
    }

    fn count(&mut self, file: PathBuf) {
        let len = |path: &Path| fs::metadata(path).map_or(0, |found| found.len());
        let bytes = len(&file) + len(&file.with_extension("json"));
        self.bytes += bytes;
        self.files.push_back((file, bytes));
    }
}
