//! Judging on a thread of its own, while another reads.
//!
//! What left the table goes over in the order in which it left, and one thread judges and tells it in that order, so the
//! results are those of one thread, byte for byte. Of a connection that is nothing but a SYN that SYN goes over, and its story
//! is made where it is judged: that is most of the work on a scan.

use std::io;
use std::panic;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::Judging;
use crate::analysis::table::{Budget, HalfOpen, TrackedConnection};
use crate::analysis::{Analysis, Court, Judged, Reading, Settings, Sink};
use crate::limits;
use crate::story::{CaptureFacts, Story};

/// What goes over to the thread that judges.
enum Left {
    /// A connection's story, to its end.
    Story(Box<Story>),
    /// A connection of which only the SYN was seen, and what the capture lacks for it.
    Syn(HalfOpen, CaptureFacts),
    /// Input consumed so far, in bytes, and in all where that is known.
    Progress(u64, Option<u64>),
}

/// Where what left waits for the thread that judges.
pub(in crate::analysis) struct Handover {
    batch: Vec<Left>,
    over: SyncSender<Vec<Left>>,
}

impl Handover {
    pub(in crate::analysis) fn story(&mut self, story: Box<Story>) -> io::Result<()> {
        self.push(Left::Story(story))
    }

    pub(in crate::analysis) fn syn(&mut self, half_open: HalfOpen, facts: CaptureFacts) -> io::Result<()> {
        self.push(Left::Syn(half_open, facts))
    }

    fn push(&mut self, left: Left) -> io::Result<()> {
        self.batch.push(left);
        if self.batch.len() < limits::HANDED_OVER { Ok(()) } else { self.flush() }
    }

    /// Hands over what waits.
    pub(in crate::analysis) fn flush(&mut self) -> io::Result<()> {
        let next = Vec::with_capacity(limits::HANDED_OVER);
        // The other thread ended because it could not write, and says so itself.
        self.over.send(std::mem::replace(&mut self.batch, next)).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

/// Stands for the sink where it is on the other thread.
struct Elsewhere {
    over: SyncSender<Vec<Left>>,
}

impl Sink for Elsewhere {
    fn connection(&mut self, _: Judged) -> io::Result<()> {
        Ok(())
    }

    fn progress(&mut self, read: u64, of: Option<u64>) {
        // Where nobody listens any more, the next connection is not taken either.
        let _ = self.over.send(vec![Left::Progress(read, of)]);
    }
}

/// Reads on to the capture's end while another thread judges what leaves. Where there can be no other, this one does both.
pub(in crate::analysis) fn read_to_end(
    analysis: &mut Analysis<'_>,
    reading: &mut Reading<'_>,
    sink: &mut dyn Sink,
) -> io::Result<()> {
    let settings = analysis.settings;
    let (over, left) = sync_channel(limits::HANDOVERS);
    let (begin, begun) = sync_channel(1);
    let outcome = thread::scope(|scope| {
        let judge = |sink| move || judge(&begun, left, settings, sink);
        let judge =
            thread::Builder::new().name("judge".to_owned()).spawn_scoped(scope, judge(&mut *sink)).ok()?;
        let handover = Handover { batch: Vec::new(), over: over.clone() };
        if let Court::Here(judging) = std::mem::replace(&mut analysis.court, Court::Apart(handover)) {
            let _ = begin.send(judging);
        }
        let read = analysis.read_to_end(reading, &mut Elsewhere { over });
        // With the handover the last sender goes, and the other thread comes to its end.
        analysis.court = Court::Here(Judging::new(settings));
        let judged = judge.join().unwrap_or_else(|panic| panic::resume_unwind(panic));
        Some(judged.and_then(|judging| {
            analysis.court = Court::Here(judging);
            read
        }))
    });
    outcome.unwrap_or_else(|| analysis.read_to_end(reading, sink))
}

/// Judges what comes over until nothing can come any more, with what was judged before.
fn judge<'s>(
    begun: &Receiver<Judging<'s>>,
    left: Receiver<Vec<Left>>,
    settings: &'s Settings,
    sink: &mut dyn Sink,
) -> io::Result<Judging<'s>> {
    let mut judging = begun.recv().unwrap_or_else(|_| Judging::new(settings));
    for left in left.into_iter().flatten() {
        match left {
            Left::Story(story) => judging.end(story, sink)?,
            Left::Syn(half_open, facts) => {
                let track = TrackedConnection::from_half_open(&half_open, settings, &mut Budget::default());
                judging.end(track.finish(facts), sink)?;
            }
            Left::Progress(read, of) => sink.progress(read, of),
        }
    }
    Ok(judging)
}
