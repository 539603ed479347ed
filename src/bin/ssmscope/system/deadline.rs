//! `--output nagios`: what a monitoring system is told where there is no report, all of it on standard output.

use std::ffi::OsStr;
use std::io;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use ssmscope::report::monitoring::nagios;
use ssmscope::time::Elapsed;
use ssmscope::verdict::Status;

use crate::args::Output;
use crate::complain;

/// The time that the plugins' guidelines give a plugin, where the user gives it none.
const PATIENCE: Elapsed = Elapsed::from_millis(10_000);

/// Whether the arguments ask for it, however bad the rest of them is.
pub fn is_asked_for<T: AsRef<OsStr>>(arguments: impl Iterator<Item = T>) -> bool {
    let mut is_form = false;
    for argument in arguments {
        let Some(argument) = argument.as_ref().to_str() else { continue };
        if argument == "--" {
            return false;
        }
        let form = match argument.strip_prefix("--") {
            Some(long) => long.strip_prefix("output").map(|form| form.strip_prefix('=').unwrap_or(form)),
            // Short options may stand together, and the last may have its value behind it.
            None => argument.strip_prefix('-').and_then(|short| {
                let (_, form) = short.split_once('o')?;
                Some(form.strip_prefix('=').unwrap_or(form))
            }),
        };
        if form == Some("nagios") || (is_form && argument == "nagios") {
            return true;
        }
        is_form = form == Some("");
    }
    false
}

/// Prints that nothing can be told, and why.
pub fn tell_unknown(why: &str) {
    // Who does not listen is not told.
    let _ = nagios::write_unknown(why, &mut io::stdout());
}

/// Says on standard error what goes on beside the report. A plugin has standard output only, for its report.
pub fn aside(output: Output, text: impl std::fmt::Display) {
    if output != Output::Nagios {
        complain(&text.to_string());
    }
}

/// How long the run may take: what the user gave, and a plugin's usual patience where nothing was given.
pub fn patience(given: Option<Elapsed>, output: Output) -> Option<Elapsed> {
    given.or_else(|| (output == Output::Nagios).then_some(PATIENCE))
}

/// The end of the program's own time, at which it says so and ends: status unknown, since nothing is known of what was to be
/// judged.
pub struct Deadline {
    is_over: Arc<AtomicBool>,
}

impl Deadline {
    /// Begins to count.
    pub fn after(patience: Elapsed, output: Output) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let is_reported = Arc::clone(&is_over);
        thread::spawn(move || {
            thread::sleep(patience.into());
            if is_reported.swap(true, Ordering::SeqCst) {
                return;
            }
            let why = format!("timed out after {patience}, before all was read; --timeout allows more");
            if output == Output::Nagios {
                tell_unknown(&why);
            }
            aside(output, format_args!("ssmscope: {why}"));
            process::exit(i32::from(Status::Unknown.code()));
        });
        Self { is_over }
    }

    /// Ends it: the report is there. Does not return where the time was up before.
    pub fn meet(&self) {
        if self.is_over.swap(true, Ordering::SeqCst) {
            loop {
                thread::park();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_recognised_in_every_spelling() {
        let asks = |line: &str| is_asked_for(line.split(' '));
        for line in
            ["read -o nagios x", "read --output nagios", "read --output=nagios", "-onagios", "-vo nagios"]
        {
            assert!(asks(line), "{line}");
        }
        for line in ["read nagios", "read -o json nagios", "read -- -o nagios", "read --only nagios"] {
            assert!(!asks(line), "{line}");
        }
    }
}
