//! The files of failed connections. The oldest give way at the bound.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::RecorderSettings;
use super::files;
use crate::limits;

/// The files in the recorder's folder, those of earlier runs among them.
pub(super) struct Failures {
    /// Each failure's packets, with the bytes of these and of the JSON next to them; the oldest first.
    files: VecDeque<(PathBuf, u64)>,
    bytes: u64,
    /// The most bytes that they may take.
    most: u64,
    /// The number that the next file's name begins with.
    next: u64,
    /// Whether it was reported that older files are removed.
    has_removed: bool,
}

impl Failures {
    /// What is in the folder already. Older ones than the bound allows are removed with the next failure; what a killed process
    /// left unfinished, at once.
    ///
    /// # Errors
    /// When the folder can't be read.
    pub(super) fn in_folder(settings: &RecorderSettings) -> io::Result<Self> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&settings.folder)?.take(4 * limits::RECORDED_FILES) {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if files::is_part(&name) {
                let _ = fs::remove_file(&path);
            } else if let Some(number) = number(&name) {
                found.push((number, path));
            }
        }
        found.sort();
        let next = found.last().map_or(1, |(newest, _)| newest.saturating_add(1));
        let most = settings.failures();
        let mut failures = Self { files: VecDeque::new(), bytes: 0, most, next, has_removed: false };
        for (_, file) in found {
            failures.count(file);
        }
        Ok(failures)
    }

    /// The number for the name of a new file. None is used twice.
    pub(super) fn number(&mut self) -> u64 {
        let number = self.next;
        self.next = self.next.saturating_add(1);
        number
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
        let len = |path: &Path| fs::symlink_metadata(path).map_or(0, |found| found.len());
        let bytes = len(&file) + len(&file.with_extension("json"));
        self.bytes += bytes;
        self.files.push_back((file, bytes));
    }
}

/// The number that a failure's name begins with; nothing for a file of any other kind, which is nobody's to remove.
fn number(name: &str) -> Option<u64> {
    let mut parts = name.strip_suffix(".pcapng")?.splitn(4, '-');
    let (number, started, port, code) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_ours = number.len() >= 6
        && number.bytes().all(|byte| byte.is_ascii_digit())
        && started.len() == "20261130T041530Z".len()
        && started.ends_with('Z')
        && port.parse::<u16>().is_ok()
        && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    is_ours.then(|| number.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_failures_are_counted() {
        assert_eq!(number("000041-20261130T041530Z-57886-refused.pcapng"), Some(41));
        assert_eq!(number("1000041-20261130T041530Z-57886-no-server-hello.pcapng"), Some(1_000_041));
        for other in [
            "ring-0.pcapng",
            "before-1.pcapng",
            "2026-11-30.pcapng",
            "000041-20261130T041530Z-57886-My copy.pcapng",
            "000041-20261130T041530Z-57886-refused.json",
        ] {
            assert_eq!(number(other), None, "{other}");
        }
    }
}
