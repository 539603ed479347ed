//! The signals that a running process gets.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGXFSZ};
use signal_hook::flag;
use ssmscope::verdict::Status;

/// Signals that wait to be looked at.
pub struct Signals {
    /// SIGINT or SIGTERM: end. A second one ends at once.
    pub ends: Arc<AtomicBool>,
    /// SIGUSR1: print a summary.
    pub summary: Arc<AtomicBool>,
    /// SIGUSR1: write the page as well.
    pub page: Arc<AtomicBool>,
    /// SIGHUP: open files again.
    pub reopen: Arc<AtomicBool>,
}

impl Signals {
    /// From now on.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn register() -> io::Result<Self> {
        let signals =
            Self { ends: ends()?, summary: Arc::default(), page: Arc::default(), reopen: Arc::default() };
        flag::register(SIGUSR1, Arc::clone(&signals.summary))?;
        flag::register(SIGUSR1, Arc::clone(&signals.page))?;
        flag::register(SIGHUP, Arc::clone(&signals.reopen))?;
        Ok(signals)
    }
}

/// Has a file that may not grow (setrlimit(2), RLIMIT_FSIZE; LimitFSIZE= of a unit) be an error of writing, as a full disk is. By default
/// SIGXFSZ ends the process.
pub fn outlive_file_limits() {
    // Where the system refuses, the default stays.
    let _ = flag::register(SIGXFSZ, Arc::default());
}

/// Is set by the first SIGINT or SIGTERM. The second one ends the process.
///
/// # Errors
/// When the system refuses.
pub fn ends() -> io::Result<Arc<AtomicBool>> {
    let ends = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // The order matters: the first signal finds the flag unset, and only then sets it.
        flag::register_conditional_shutdown(signal, i32::from(Status::Unknown.code()), Arc::clone(&ends))?;
        flag::register(signal, Arc::clone(&ends))?;
    }
    Ok(ends)
}
