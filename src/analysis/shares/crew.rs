//! The threads that follow shares and judge what leaves them.

use std::any::Any;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::thread::{self, Scope};

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::share::Share;
use crate::analysis::Event;
use crate::analysis::judge::{Judge, Left};

/// Work that any thread can do.
pub(super) enum Job<'env> {
    /// A share takes its part in.
    Follow(Box<Share<'env>>),
    /// What left is judged, in this order.
    Judge(Box<dyn Judge + 'env>, Vec<Handoff>),
}

/// What the judge gets.
pub(super) enum Handoff {
    Connection(Left),
    Progress(u64, Option<u64>),
}

/// Work that was done, and whether all output could be written.
pub(super) enum Done<'env> {
    Followed(Box<Share<'env>>, io::Result<()>),
    Judged(Box<dyn Judge + 'env>, io::Result<()>),
}

impl<'env> Job<'env> {
    fn work(self) -> Done<'env> {
        match self {
            Self::Follow(mut share) => {
                let outcome = share.take_in();
                Done::Followed(share, outcome)
            }
            Self::Judge(mut judge, handoffs) => {
                let outcome = handoffs.into_iter().try_for_each(|handoff| match handoff {
                    Handoff::Connection(left) => judge.submit(left),
                    Handoff::Progress(read, of) => judge.event(&Event::Progress(read, of)),
                });
                Done::Judged(judge, outcome)
            }
        }
    }
}

/// What a thread yields: work that was done, or what it panicked with.
type Outcome<'env> = Result<Done<'env>, Box<dyn Any + Send>>;

/// The thread that reads, which works too while it waits, and others where there are any.
pub(super) struct Crew<'env> {
    jobs: Sender<Job<'env>>,
    waiting: Receiver<Job<'env>>,
    done: Receiver<Outcome<'env>>,
    /// Jobs that are not done.
    outstanding: usize,
}

impl<'env> Crew<'env> {
    /// As many threads as asked for, the calling one among them, or as many as there can be.
    pub(super) fn begin<'scope>(scope: &'scope Scope<'scope, 'env>, threads: usize) -> Self {
        let (jobs, waiting) = unbounded::<Job<'env>>();
        let (finished, done) = unbounded();
        for number in 1..threads {
            let (waiting, finished) = (waiting.clone(), finished.clone());
            let work = move || {
                for job in waiting {
                    let outcome = panic::catch_unwind(AssertUnwindSafe(|| job.work()));
                    if finished.send(outcome).is_err() {
                        break;
                    }
                }
            };
            if thread::Builder::new().name(format!("follow-{number}")).spawn_scoped(scope, work).is_err() {
                break;
            }
        }
        Self { jobs, waiting, done, outstanding: 0 }
    }

    /// Gives work out.
    pub(super) fn give(&mut self, job: Job<'env>) {
        // It holds a receiver itself, so the channel is open.
        self.outstanding += usize::from(self.jobs.send(job).is_ok());
    }

    /// Waits for work to be done, and does some meanwhile; nothing when all is done.
    pub(super) fn next_done(&mut self) -> Option<Done<'env>> {
        self.outstanding = self.outstanding.checked_sub(1)?;
        if let Ok(job) = self.waiting.try_recv() {
            return Some(job.work());
        }
        match self.done.recv() {
            Ok(Ok(done)) => Some(done),
            Ok(Err(panic)) => panic::resume_unwind(panic),
            // Threads end when no more work can come, which this crew would have to be gone for.
            Err(_) => None,
        }
    }
}
