//! Two files in turn: while one is written, the other holds what came before. A process that is killed leaves both.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;

use super::RecorderSettings;
use super::files;
use super::frames::Frames;
use crate::capture::save;
use crate::time::{Elapsed, Timestamp};

/// How long after a failure writing is tried again.
const RETRY_AFTER: Elapsed = Elapsed::from_millis(10_000);

/// The ring on disk.
pub(super) struct DiskRing {
    settings: RecorderSettings,
    current: usize,
    writer: Option<Open>,
    failed_at: Option<Timestamp>,
    last: Timestamp,
}

/// The file that is written. What is encoded in memory is written at once, so that many packets cost one system call.
struct Open {
    encoded: save::Writer<Vec<u8>>,
    file: File,
    /// Bytes in the file.
    len: u64,
}

impl Open {
    fn write(&mut self) -> io::Result<()> {
        let bytes = self.encoded.get_mut();
        self.file.write_all(bytes)?;
        self.len += bytes.len() as u64;
        bytes.clear();
        Ok(())
    }
}

impl DiskRing {
    /// Opens the ring. The files of an earlier run become `before-0.pcapng` and `before-1.pcapng`.
    pub(super) fn begin(settings: &RecorderSettings) -> io::Result<Self> {
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

    /// Writes frames. What went wrong, if that is news.
    pub(super) fn frames(&mut self, frames: &Frames) -> Option<String> {
        let last = frames.kept().last()?.at;
        self.last = last;
        let is_due = self.failed_at.is_some_and(|failed| last - failed >= RETRY_AFTER);
        let outcome = match &self.writer {
            None if !is_due => return None,
            _ => self.write(frames),
        };
        match outcome {
            Ok(()) => self.failed_at.take().map(|_| "the ring is written again".to_owned()),
            Err(error) => {
                // Half a block at its end would spoil the file.
                if let Some(open) = self.writer.take() {
                    let _ = open.file.set_len(open.len);
                }
                let is_news = self.failed_at.replace(last).is_none();
                let path = self.path();
                is_news.then(|| {
                    format!("{}: the ring can't be written: {error}; the analysis continues", path.display())
                })
            }
        }
    }

    /// Closes the ring with the number of packets that were dropped.
    pub(super) fn finish(&mut self, dropped: u64) -> Option<String> {
        let last = self.last;
        let open = self.writer.as_mut()?;
        let written = open.encoded.statistics(last, Some(dropped)).and_then(|()| open.write());
        written.err().map(|error| format!("{}: {error}", self.path().display()))
    }

    fn write(&mut self, frames: &Frames) -> io::Result<()> {
        for kept in frames.kept() {
            let is_full =
                self.writer.as_ref().is_some_and(|open| open.encoded.written() >= self.settings.ring_file());
            if is_full && let Some(mut open) = self.writer.take() {
                open.write()?;
                self.current = 1 - self.current;
            }
            let mut open = match self.writer.take() {
                Some(open) => open,
                None => self.open()?,
            };
            let encoded = open.encoded.frame(&frames.frame(kept), None);
            self.writer = Some(open);
            encoded?;
        }
        self.writer.as_mut().map_or(Ok(()), Open::write)
    }

    fn open(&self) -> io::Result<Open> {
        let path = self.path();
        // Always a new file: an existing one is removed, never written to.
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = files::create(&path)?;
        let encoded = save::Writer::new(
            Vec::new(),
            &self.settings.device,
            self.settings.snaplen,
            self.settings.remark,
        )?;
        let mut open = Open { encoded, file, len: 0 };
        open.write()?;
        Ok(open)
    }

    fn path(&self) -> PathBuf {
        self.settings.folder.join(format!("ring-{}.pcapng", self.current))
    }
}
