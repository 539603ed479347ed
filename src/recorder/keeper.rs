//! The recorder's thread: it keeps packets, and writes the ring and the files of failures, however long a disk takes.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError};
use std::time::Instant;

use super::RecorderSettings;
use super::batch::Batch;
use super::counts::{Counts, add};
use super::failures::Failures;
use super::memory::Memory;
use super::recording::Recording;
use super::ring::DiskRing;
use super::selection::{Selection, select};
use crate::limits;
use crate::time::{Elapsed, Timestamp};
use crate::verdict::Code;

/// How often a packet may be written into files of connections that are not its own, on average; as many rings of them may
/// be written at once. Many failures in heavy traffic would otherwise fill the disk.
const OTHERS_SHARE: u64 = 4;

/// Between two passes over the packets in memory, by the capture's clock: failures of that time are due together.
const PASS_EVERY: Elapsed = Elapsed::from_millis(250);

/// What the thread works on.
pub(super) struct Keeper {
    settings: RecorderSettings,
    memory: Memory,
    disk: DiskRing,
    failures: Failures,
    /// Failures after which enough must follow first.
    awaited: Vec<Recording>,
    /// Failures whose packets are selected, and that are written one after the other.
    selection: Selection,
    passed_at: Option<Timestamp>,
    /// Bytes of other connections' packets that may be written.
    others_left: u64,
    dropped: u64,
    /// Whether the last failure could not be written.
    is_failing: bool,
    /// Whether it was reported that more failures wait for their files than may.
    reported_bound: bool,
    counts: Arc<Counts>,
    news: Sender<String>,
}

impl Keeper {
    /// Opens the ring, and looks what is in the folder.
    ///
    /// # Errors
    /// When the folder can't be read or written.
    pub(super) fn begin(
        settings: &RecorderSettings,
        counts: Arc<Counts>,
        news: Sender<String>,
    ) -> io::Result<Self> {
        Ok(Self {
            memory: Memory::of(settings.size),
            disk: DiskRing::begin(settings)?,
            failures: Failures::in_folder(settings)?,
            awaited: Vec::new(),
            selection: Selection::default(),
            passed_at: None,
            others_left: settings.size.saturating_mul(OTHERS_SHARE),
            dropped: 0,
            is_failing: false,
            reported_bound: false,
            settings: settings.clone(),
            counts,
            news,
        })
    }

    /// Works until the last batch, or until nobody sends any more. Between two files it takes in what has come, so that the queue
    /// is as short as it can be.
    pub(super) fn run(mut self, queue: &Receiver<Batch>) {
        loop {
            let received = if self.selection.waiting.is_empty() {
                queue.recv().map_err(|_| TryRecvError::Disconnected)
            } else {
                queue.try_recv()
            };
            match received {
                Ok(batch) => {
                    let ends = batch.ends;
                    self.take(batch);
                    if let Some(until) = ends {
                        return self.finish(until);
                    }
                }
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => return,
            }
            self.write_next();
        }
    }

    /// Takes a batch in, and selects the packets of what is due.
    fn take(&mut self, batch: Batch) {
        let news = self.disk.frames(&batch.frames);
        self.report(news);
        let bytes = OTHERS_SHARE.saturating_mul(batch.frames.cost());
        let most = self.settings.size.saturating_mul(OTHERS_SHARE);
        self.others_left = self.others_left.saturating_add(bytes).min(most);
        self.memory.push(batch.frames, batch.lost);
        self.dropped = self.dropped.max(batch.dropped);
        for failure in batch.failures {
            self.await_more(failure);
        }
        if let Some(now) = batch.now {
            self.pass(now);
        }
    }

    fn await_more(&mut self, failure: Recording) {
        if self.awaited.len() < limits::RECORDINGS {
            self.awaited.push(failure);
            return;
        }
        add(&self.counts.too_many, 1);
        if !std::mem::replace(&mut self.reported_bound, true) {
            let bound = limits::RECORDINGS;
            self.report(Some(format!(
                "{bound} failures wait for their files; further ones get none meanwhile"
            )));
        }
    }

    /// The capture's time has come this far.
    fn pass(&mut self, now: Timestamp) {
        let is_soon = |passed: Timestamp| now >= passed && now - passed < PASS_EVERY;
        if !self.selection.waiting.is_empty()
            || self.awaited.iter().all(|failure| failure.due > now)
            || self.passed_at.is_some_and(is_soon)
        {
            return;
        }
        self.passed_at = Some(now);
        self.select(|failure| failure.due <= now);
    }

    fn select(&mut self, is_due: impl Fn(&Recording) -> bool) {
        let (due, awaited) = std::mem::take(&mut self.awaited).into_iter().partition(is_due);
        self.awaited = awaited;
        self.selection = select(due, &self.memory, &self.settings, &mut self.others_left);
    }

    /// Writes the next file.
    fn write_next(&mut self) {
        let Some(failure) = self.selection.waiting.pop_front() else { return };
        let (packets, failures) = (&self.selection.packets, &mut self.failures);
        let written = failure.write(packets, &self.settings, self.dropped, || failures.number());
        self.on_written(failure.recording.code, written);
        if self.selection.waiting.is_empty() {
            self.selection = Selection::default();
        }
    }

    /// What went wrong is reported once, until it goes right again.
    fn on_written(&mut self, code: Code, written: io::Result<PathBuf>) {
        match written {
            Ok(file) => {
                self.is_failing = false;
                add(&self.counts.recorded, 1);
                self.report(Some(format!("{code} recorded in {}", file.display())));
                let news = self.failures.add(file);
                self.report(news);
            }
            Err(error) => {
                add(&self.counts.unwritten, 1);
                if !std::mem::replace(&mut self.is_failing, true) {
                    let folder = self.settings.folder.display();
                    self.report(Some(format!(
                        "{folder}: {code} could not be recorded: {error}; the analysis continues"
                    )));
                }
            }
        }
    }

    /// Writes what still waits, as far as there is time for it.
    fn finish(&mut self, until: Instant) {
        while Instant::now() < until {
            if self.selection.waiting.is_empty() {
                if self.awaited.is_empty() {
                    break;
                }
                self.select(|_| true);
            }
            self.write_next();
        }
        add(&self.counts.late, (self.selection.waiting.len() + self.awaited.len()) as u64);
        let news = self.disk.finish(self.dropped);
        self.report(news);
    }

    fn report(&self, news: Option<String>) {
        // Nobody listens any more where the recorder was given up.
        let _ = news.map(|news| self.news.send(news));
    }
}
