//! Two files in turn: while one is written, the other holds what came before. A process that is killed leaves both.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use super::Settings;
use crate::capture::{Frame, save};
use crate::time::{Elapsed, Timestamp};

/// How long after a failure writing is tried again.
const RETRY_AFTER: Elapsed = Elapsed::from_millis(10_000);

/// The ring on disk.
pub(super) struct DiskRing {
    settings: Settings,
    current: usize,
    writer: Option<save::Writer<File>>,
    failed_at: Option<Timestamp>,
    last: Timestamp,
}

impl DiskRing {
    /// Opens the ring. The files of an earlier run become `before-0.pcapng` and `before-1.pcapng`.
    pub(super) fn begin(settings: &Settings) -> io::Result<Self> {
        for index in 0..2 {
            let earlier = settings.folder.join(format!("ring-{index}.pcapng"));
            let kept = settings.folder.join(format!("before-{index}.pcapng"));
            match fs::rename(&earlier, kept) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        let mut ring = Self {
            settings: settings.clone(),
            current: 0,
            writer: None,
            failed_at: None,
            last: Timestamp::ZERO,
        };
        ring.writer = Some(ring.open()?);
        Ok(ring)
    }

    /// Writes a frame. What went wrong, if that is news.
    pub(super) fn frame(&mut self, frame: &Frame<'_>) -> Option<String> {
        self.last = frame.at;
        let is_due = self.failed_at.is_some_and(|failed| frame.at - failed >= RETRY_AFTER);
        let outcome = match &mut self.writer {
            Some(writer) if writer.written() < self.settings.ring_file() => writer.frame(frame, None),
            Some(_) => {
                self.current = 1 - self.current;
                self.begin_file(frame)
            }
            None if is_due => self.begin_file(frame),
            None => return None,
        };
        match outcome {
            Ok(()) => self.failed_at.take().map(|_| "the ring is written again".to_owned()),
            Err(error) => {
                // Half a block at its end would spoil the file.
                if let Some(writer) = self.writer.take() {
                    let len = writer.written();
                    let _ = writer.into_inner().set_len(len);
                }
                let is_news = self.failed_at.replace(frame.at).is_none();
                let path = self.path();
                is_news.then(|| {
                    format!("{}: the ring can't be written: {error}; the analysis goes on", path.display())
                })
            }
        }
    }

    /// Closes the ring with the number of packets that were dropped.
    pub(super) fn finish(&mut self, dropped: u64) -> Option<String> {
        let written = self.writer.as_mut()?.statistics(self.last, dropped);
        written.err().map(|error| format!("{}: {error}", self.path().display()))
    }

    fn begin_file(&mut self, frame: &Frame<'_>) -> io::Result<()> {
        self.writer = None;
        let mut writer = self.open()?;
        writer.frame(frame, None)?;
        self.writer = Some(writer);
        Ok(())
    }

    fn open(&self) -> io::Result<save::Writer<File>> {
        let path = self.path();
        // Always a new file: an existing one is removed, never written to.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        save::Writer::new(file, &self.settings.device, self.settings.snaplen, None)
    }

    fn path(&self) -> PathBuf {
        self.settings.folder.join(format!("ring-{}.pcapng", self.current))
    }
}
