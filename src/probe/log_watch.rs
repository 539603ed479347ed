//! Logs that are read while an attempt is made: programs write about it meanwhile, and a moment afterwards.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Builder, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, Sender, unbounded};

use crate::log::Follower;
use crate::time::{Elapsed, Timestamp};

/// How long the lines about an attempt are waited for once it is over: programs log an outcome as soon as they know it, and what
/// collects their lines keeps them back for a moment.
pub const LINE_DUE: Elapsed = Elapsed::from_millis(3_000);

/// How often the logs are read. The moment at which a line is read shows the zone of its clock.
const EVERY: Duration = Duration::from_millis(100);

/// A thread that reads logs.
pub(super) struct LogWatch {
    orders: Sender<bool>,
    /// None where the system has no more threads.
    thread: Option<JoinHandle<()>>,
}

impl LogWatch {
    /// Begins to read. `began` is the time by now, on the attempt's clock.
    pub fn begin(follower: Arc<Mutex<Follower>>, began: Timestamp) -> Self {
        let started = Instant::now();
        let (orders, received) = unbounded();
        let read = move || {
            let now = began + Elapsed::from_secs_f64(started.elapsed().as_secs_f64());
            // What can't be read any further is in the log's notes.
            let _ = follower.lock().unwrap_or_else(PoisonError::into_inner).read_on(now);
        };
        let watch = move || {
            let waits = loop {
                read();
                match received.recv_timeout(EVERY) {
                    Ok(waits) => break waits,
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            };
            let over = Instant::now();
            while waits && over.elapsed() < Duration::from(LINE_DUE) {
                thread::sleep(EVERY);
                read();
            }
        };
        Self { orders, thread: Builder::new().spawn(watch).ok() }
    }

    /// Ends it, once the lines about what is over by now have come if that is to be waited for.
    pub fn end(self, waits: bool) {
        // A thread that failed has read nothing more.
        let _ = self.orders.send(waits);
        let _ = self.thread.map(JoinHandle::join);
    }
}
