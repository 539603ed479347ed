//! `--timeout`: the end of the program's own time.

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use ssmscope::report::Form;
use ssmscope::time::Elapsed;
use ssmscope::verdict::Status;

use crate::exit;

/// The time that the plugins' guidelines give a plugin, where the user gives it none.
const PATIENCE: Elapsed = Elapsed::from_millis(10_000);

/// How long the run may take: what the user gave, and a plugin's usual patience where nothing was given.
pub fn patience(given: Option<Elapsed>, form: Form) -> Option<Elapsed> {
    given.or_else(|| form.is_plugin().then_some(PATIENCE))
}

/// Orders to the thread that waits.
enum Order {
    /// Do this, then answer.
    Do(fn(), SyncSender<()>),
    /// End.
    End,
}

/// Ends the process when its time is up, with status unknown: nothing is known of what was to be judged.
pub struct Deadline {
    is_over: Arc<AtomicBool>,
    orders: Sender<Order>,
}

impl Deadline {
    /// Begins to count.
    pub fn after(patience: Elapsed, form: Form) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let is_met = Arc::clone(&is_over);
        let (orders, received) = channel();
        let until = Instant::now() + Duration::from(patience);
        thread::spawn(move || {
            loop {
                match received.recv_timeout(until.saturating_duration_since(Instant::now())) {
                    Ok(Order::Do(what, done)) => {
                        what();
                        let _ = done.send(());
                    }
                    Ok(Order::End) | Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => break,
                }
            }
            if is_met.swap(true, Ordering::SeqCst) {
                return;
            }
            let why = format!("timed out after {patience}, before all was read; --timeout allows more");
            exit::fail(form.is_plugin(), &why);
            process::exit(i32::from(Status::Unknown.code()));
        });
        Self { is_over, orders }
    }

    /// Has the waiting thread do something, and returns when that is done.
    pub fn have_its_thread(&self, what: fn()) {
        let (done, is_done) = sync_channel(1);
        if self.orders.send(Order::Do(what, done)).is_ok() {
            let _ = is_done.recv();
        }
    }

    /// Ends it: everything was read. Does not return where the time was up before.
    pub fn meet(&self) {
        if self.is_over.swap(true, Ordering::SeqCst) {
            loop {
                thread::park();
            }
        }
        let _ = self.orders.send(Order::End);
    }
}
