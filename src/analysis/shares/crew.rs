//! The threads that follow shares and judge what leaves them.

use std::any::Any;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::thread::{self, Scope};

use crossbeam_channel::{Receiver, Sender, select, unbounded};

use super::share::Share;
use crate::analysis::Event;
use crate::analysis::judge::{Departed, Judge};

/// Work that any thread can do.
pub(super) enum Job<'env> {
    /// A share takes its part in.
    Follow(Box<Share<'env>>),
    /// What left is judged, in this order.
    Judge(Box<dyn Judge + 'env>, Vec<Handoff>),
}

/// What the judge gets.
pub(super) enum Handoff {
    Connection(Departed),
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

/// A thread's result: finished work, or the panic payload.
type JobResult<'env> = Result<Done<'env>, Box<dyn Any + Send>>;

/// The thread that reads, which works too while it waits, and others where there are any.
pub(super) struct Crew<'env> {
    follow: Queue<'env>,
    judge: Queue<'env>,
    done: Receiver<JobResult<'env>>,
    /// Other threads than the one that reads.
    others: usize,
}

/// Work of one kind that waits for a thread.
struct Queue<'env> {
    give: Sender<Job<'env>>,
    take: Receiver<Job<'env>>,
    /// Jobs that were given out and are not known to be done.
    outstanding: usize,
}

impl<'env> Queue<'env> {
    fn new() -> Self {
        let (give, take) = unbounded();
        Self { give, take, outstanding: 0 }
    }

    fn give(&mut self, job: Job<'env>) {
        // It holds a receiver itself, so the channel is open.
        self.outstanding += usize::from(self.give.send(job).is_ok());
    }
}

impl<'env> Crew<'env> {
    /// As many threads as asked for, the calling one among them, or as many as there can be.
    pub(super) fn begin<'scope>(scope: &'scope Scope<'scope, 'env>, threads: usize) -> Self {
        let (follow, judge) = (Queue::new(), Queue::new());
        let (finished, done) = unbounded();
        let mut others = 0;
        while others + 1 < threads {
            let (follow, judge, finished) = (follow.take.clone(), judge.take.clone(), finished.clone());
            let name = format!("follow-{}", others + 1);
            let work = move || work_until_closed(&follow, &judge, &finished);
            if thread::Builder::new().name(name).spawn_scoped(scope, work).is_err() {
                break;
            }
            others += 1;
        }
        Self { follow, judge, done, others }
    }

    /// Whether the thread that reads has help.
    pub(super) fn has_help(&self) -> bool {
        self.others > 0
    }

    /// Gives work out.
    pub(super) fn give(&mut self, job: Job<'env>) {
        match job {
            Job::Follow(_) => self.follow.give(job),
            Job::Judge(..) => self.judge.give(job),
        }
    }

    /// Work that is done, without waiting for any.
    pub(super) fn done(&mut self) -> Option<Done<'env>> {
        self.done.try_recv().ok().map(|outcome| self.count(outcome))
    }

    /// Waits for work to be done, and follows shares meanwhile; nothing when all that were given out are followed.
    pub(super) fn done_while_following(&mut self) -> Option<Done<'env>> {
        (self.follow.outstanding > 0)
            .then(|| self.follow.take.try_recv().ok())
            .and_then(|job| self.do_or_wait(job))
    }

    /// Waits for work to be done, and judges meanwhile; nothing when all that left is judged.
    pub(super) fn done_while_judging(&mut self) -> Option<Done<'env>> {
        (self.judge.outstanding > 0)
            .then(|| self.judge.take.try_recv().ok())
            .and_then(|job| self.do_or_wait(job))
    }

    fn do_or_wait(&mut self, job: Option<Job<'env>>) -> Option<Done<'env>> {
        let outcome = match job {
            Some(job) => Ok(job.work()),
            // Threads end when the channel closes, that is, when the crew is dropped.
            None => self.done.recv().ok()?,
        };
        Some(self.count(outcome))
    }

    fn count(&mut self, outcome: JobResult<'env>) -> Done<'env> {
        let done = outcome.unwrap_or_else(|panic| panic::resume_unwind(panic));
        match done {
            Done::Followed(..) => self.follow.outstanding -= 1,
            Done::Judged(..) => self.judge.outstanding -= 1,
        }
        done
    }
}

/// Works until no more can come.
fn work_until_closed<'env>(
    follow: &Receiver<Job<'env>>,
    judge: &Receiver<Job<'env>>,
    finished: &Sender<JobResult<'env>>,
) {
    loop {
        let job = select! {
            recv(follow) -> job => job,
            recv(judge) -> job => job,
        };
        let Ok(job) = job else { break };
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| job.work()));
        if finished.send(outcome).is_err() {
            break;
        }
    }
}
