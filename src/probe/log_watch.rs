//! Logs that are read while an attempt is made: programs write about it meanwhile, and a moment afterwards.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::log::Follower;
use crate::time::{Elapsed, Timestamp};

/// How long the lines about an attempt are waited for once it is over: programs log an outcome as soon as they know it, and what
/// collects their lines keeps them back for a moment.
pub const LINE_DUE: Elapsed = Elapsed::from_millis(3_000);

/// How often the logs are read. The moment at which a line is read shows the zone of its clock.
const EVERY: Duration = Duration::from_millis(100);

/// A thread that reads logs.
pub(super) struct LogWatch {
    ends: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl LogWatch {
    /// Begins to read. `began` is the time at `started`, on the attempt's clock.
    pub fn begin(follower: Arc<Mutex<Follower>>, began: Timestamp, started: Instant) -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&ends);
        let thread = thread::spawn(move || {
            let mut over: Option<Instant> = None;
            loop {
                let now = began + Elapsed::from_secs_f64(started.elapsed().as_secs_f64());
                // What can't be read any further is in the log's notes.
                let _ = follower.lock().unwrap_or_else(PoisonError::into_inner).read_on(now);
                if over.is_some_and(|over| over.elapsed() >= Duration::from(LINE_DUE)) {
                    return;
                }
                if over.is_none() && is_over.load(Ordering::Relaxed) {
                    over = Some(Instant::now());
                }
                thread::sleep(EVERY);
            }
        });
        Self { ends, thread }
    }

    /// Waits for the lines about what is over by now.
    pub fn end(self) {
        self.ends.store(true, Ordering::Relaxed);
        // A thread that failed has read nothing more.
        let _ = self.thread.join();
    }
}
