//! Judging on a thread of its own, while another reads.

use std::io;
use std::panic;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, Scope, ScopedJoinHandle};

use super::here::Here;
use super::{Judge, Left, Why};
use crate::analysis::Event;
use crate::analysis::summary::Tally;
use crate::limits;

/// What is handed over.
enum Handoff {
    Connection(Left, Why),
    Progress(u64, Option<u64>),
}

/// Hands connections over, in batches, to a thread that judges them in the order in which they come.
pub(super) struct Worker<'scope> {
    batch: Vec<Handoff>,
    over: SyncSender<Vec<Handoff>>,
    thread: ScopedJoinHandle<'scope, io::Result<Tally>>,
}

impl<'scope> Worker<'scope> {
    /// Begins a thread that takes the place of `here`, which is returned where there can be none.
    pub(super) fn begin<'env>(
        scope: &'scope Scope<'scope, 'env>,
        here: Box<Here<'env>>,
    ) -> Result<Self, Box<Here<'env>>> {
        let (over, handed_over) = sync_channel(limits::HANDOVERS);
        // The judge follows its thread, since it would be lost with a thread that can't be begun.
        let (place, placed) = sync_channel(1);
        let work = move || judge(&placed, handed_over);
        match thread::Builder::new().name("judge".to_owned()).spawn_scoped(scope, work) {
            Ok(thread) => {
                place.send(here).map_err(|unsent| unsent.0)?;
                Ok(Self { batch: Vec::with_capacity(limits::HANDED_OVER), over, thread })
            }
            Err(_) => Err(here),
        }
    }

    fn hand_over(&mut self, next: Vec<Handoff>) -> io::Result<()> {
        // The other thread ended because it could not write, and `finish` reports why.
        self.over.send(std::mem::replace(&mut self.batch, next)).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Judge for Worker<'_> {
    fn submit(&mut self, left: Left, why: Why) -> io::Result<()> {
        self.batch.push(Handoff::Connection(left, why));
        if self.batch.len() < limits::HANDED_OVER {
            return Ok(());
        }
        self.hand_over(Vec::with_capacity(limits::HANDED_OVER))
    }

    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        match event {
            Event::Progress(read, of) => {
                self.batch.push(Handoff::Progress(*read, *of));
                self.hand_over(Vec::with_capacity(limits::HANDED_OVER))
            }
            // Everything else is of packets, or of a capture that is watched, and then there is no other thread.
            _ => Ok(()),
        }
    }

    fn finish(mut self: Box<Self>) -> io::Result<Tally> {
        let handed_over = self.hand_over(Vec::new());
        let Self { over, thread, .. } = *self;
        // With the last sender the other thread comes to its end.
        drop(over);
        let tally = thread.join().unwrap_or_else(|panic| panic::resume_unwind(panic))?;
        handed_over.map(|()| tally)
    }
}

/// Judges what is handed over until nothing can come any more.
fn judge(placed: &Receiver<Box<Here<'_>>>, handed_over: Receiver<Vec<Handoff>>) -> io::Result<Tally> {
    let Ok(mut here) = placed.recv() else { return Ok(Tally::default()) };
    for handoff in handed_over.into_iter().flatten() {
        match handoff {
            Handoff::Connection(left, why) => here.submit(left, why)?,
            Handoff::Progress(read, of) => here.event(&Event::Progress(read, of))?,
        }
    }
    here.finish()
}

/// Judges where packets are read, until connections have to make room, and on another thread from then on.
pub(super) struct WhenCrowded<'scope, 'env> {
    /// Where a thread can be begun; nothing once that was tried.
    scope: Option<&'scope Scope<'scope, 'env>>,
    /// Until the thread has it.
    here: Option<Box<Here<'env>>>,
    worker: Option<Box<Worker<'scope>>>,
}

impl<'scope, 'env> WhenCrowded<'scope, 'env> {
    pub(super) fn new(scope: &'scope Scope<'scope, 'env>, here: Box<Here<'env>>) -> Self {
        Self { scope: Some(scope), here: Some(here), worker: None }
    }

    fn part(&mut self) {
        if let (Some(scope), Some(here)) = (self.scope.take(), self.here.take()) {
            match Worker::begin(scope, here) {
                Ok(worker) => self.worker = Some(Box::new(worker)),
                Err(here) => self.here = Some(here),
            }
        }
    }

    fn judge(&mut self) -> Option<&mut dyn Judge> {
        let here = self.here.as_mut().map(|here| -> &mut dyn Judge { here.as_mut() });
        self.worker.as_mut().map(|worker| -> &mut dyn Judge { worker.as_mut() }).or(here)
    }
}

impl Judge for WhenCrowded<'_, '_> {
    fn submit(&mut self, left: Left, why: Why) -> io::Result<()> {
        if why == Why::Evicted && self.scope.is_some() {
            self.part();
        }
        self.judge().map_or(Ok(()), |judge| judge.submit(left, why))
    }

    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        self.judge().map_or(Ok(()), |judge| judge.event(event))
    }

    fn finish(self: Box<Self>) -> io::Result<Tally> {
        match (self.worker, self.here) {
            (Some(worker), _) => worker.finish(),
            (None, Some(here)) => here.finish(),
            (None, None) => Ok(Tally::default()),
        }
    }
}
