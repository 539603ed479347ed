//! `--timeout`: the end of the program's own time.

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use ssmscope::report::Form;
use ssmscope::time::Elapsed;
use ssmscope::verdict::Status;

use crate::exit;

/// The time that the plugins' guidelines give a plugin, where the user gives it none.
const PATIENCE: Elapsed = Elapsed::from_millis(10_000);

/// How long the run may take: what the user gave, and a plugin's usual patience where nothing was given.
pub fn patience(given: Option<Elapsed>, form: Form) -> Option<Elapsed> {
    given.or_else(|| (form == Form::Nagios).then_some(PATIENCE))
}

/// Ends the process when its time is up, with status unknown: nothing is known of what was to be judged.
pub struct Deadline {
    is_over: Arc<AtomicBool>,
}

impl Deadline {
    /// Begins to count.
    pub fn after(patience: Elapsed, form: Form) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let is_met = Arc::clone(&is_over);
        thread::spawn(move || {
            thread::sleep(patience.into());
            if is_met.swap(true, Ordering::SeqCst) {
                return;
            }
            let why = format!("timed out after {patience}, before all was read; --timeout allows more");
            exit::fail(form == Form::Nagios, &why);
            process::exit(i32::from(Status::Unknown.code()));
        });
        Self { is_over }
    }

    /// Ends it: everything was read. Does not return where the time was up before.
    pub fn meet(&self) {
        if self.is_over.swap(true, Ordering::SeqCst) {
            loop {
                thread::park();
            }
        }
    }
}
