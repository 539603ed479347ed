//! Packets captured while an attempt is made, and held to be analysed and saved afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use tracing::debug;

use crate::capture::{About, Frame, ReadError, Record, Source};
use crate::limits;
use crate::packet::Origin;
use crate::time::Timestamp;

/// A capture that runs in a thread of its own.
pub(in crate::probe) struct SideCapture {
    ends: Arc<AtomicBool>,
    thread: JoinHandle<Captured>,
}

/// What was captured.
#[derive(Debug, Default)]
pub struct Captured {
    frames: Vec<Kept>,
    about: About,
    end: Timestamp,
    /// Frames that were not kept because there were too many.
    pub unkept: u64,
    /// Why the capture ended early.
    pub error: Option<ReadError>,
}

#[derive(Debug)]
struct Kept {
    at: Timestamp,
    link_type: u32,
    wire_len: u32,
    bytes: Vec<u8>,
}

impl SideCapture {
    /// Begins to hold what comes. These bytes are covered wherever a frame contains them: they are secret.
    pub(in crate::probe) fn begin(source: Box<dyn Source + Send>, covered: Vec<u8>) -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&ends);
        let thread = thread::spawn(move || listen(source, &is_over, &covered));
        Self { ends, thread }
    }

    /// Ends it, with the packets that have arrived by now.
    pub(in crate::probe) fn end(self) -> Captured {
        self.ends.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_default()
    }
}

fn listen(mut source: Box<dyn Source + Send>, ends: &AtomicBool, covered: &[u8]) -> Captured {
    let mut captured = Captured::default();
    let mut bytes_kept = 0;
    let mut is_stopped = false;
    loop {
        if !is_stopped && ends.load(Ordering::Relaxed) {
            is_stopped = true;
            if !source.stop() {
                break;
            }
        }
        match source.next_record() {
            Ok(Some(Record::Frame(frame))) => {
                captured.end = captured.end.max(frame.at);
                bytes_kept += frame.bytes.len();
                if bytes_kept > limits::PROBE_CAPTURE_BYTES {
                    captured.unkept += 1;
                    continue;
                }
                let mut bytes = frame.bytes.to_vec();
                crate::probe::secret::cover(&mut bytes, covered);
                let Frame { at, link_type, wire_len, .. } = frame;
                captured.frames.push(Kept { at, link_type, wire_len, bytes });
            }
            Ok(Some(Record::Idle(at))) => captured.end = captured.end.max(at),
            Ok(Some(Record::Printed(_) | Record::NextCapture)) => {}
            Ok(None) => break,
            Err(error) => {
                captured.error = Some(error);
                break;
            }
        }
    }
    source.refresh();
    captured.about = source.about();
    debug!(frames = captured.frames.len(), unkept = captured.unkept, error = ?captured.error, "captured on the side");
    captured
}

impl Captured {
    /// The frames, numbered as the analysis numbers them.
    pub fn frames(&self) -> impl Iterator<Item = Frame<'_>> {
        self.frames.iter().enumerate().map(|(index, kept)| kept.frame(index))
    }

    /// What is known of the capture.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// When it ended.
    pub fn end(&self) -> Timestamp {
        self.end
    }

    /// The frames as a capture to be read.
    pub(in crate::probe) fn source(&self) -> Replay<'_> {
        Replay { captured: self, next: 0 }
    }
}

impl Kept {
    fn frame(&self, index: usize) -> Frame<'_> {
        let number = index as u64 + 1;
        Frame {
            number,
            origin: Origin { file: 0, number },
            at: self.at,
            link_type: self.link_type,
            wire_len: self.wire_len,
            bytes: &self.bytes,
        }
    }
}

/// Captured frames, read one after the other.
pub(in crate::probe) struct Replay<'c> {
    captured: &'c Captured,
    next: usize,
}

impl Source for Replay<'_> {
    fn next_record(&mut self) -> Result<Option<Record<'_>>, ReadError> {
        let index = self.next;
        self.next += 1;
        Ok(match self.captured.frames.get(index) {
            Some(kept) => Some(Record::Frame(kept.frame(index))),
            None if index == self.captured.frames.len() => Some(Record::Idle(self.captured.end)),
            None => None,
        })
    }

    fn about(&self) -> About {
        self.captured.about.clone()
    }

    fn progress(&self) -> (u64, Option<u64>) {
        (0, None)
    }
}
