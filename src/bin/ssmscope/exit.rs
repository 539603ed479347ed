//! How the process ends, and what it says on standard error.

use std::ffi::OsStr;
use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use ssmscope::report::Form;
use ssmscope::report::monitoring::nagios;
use ssmscope::report::text::escape;
use ssmscope::verdict::{Severity, Status};

/// A status as the system takes it.
pub fn code(status: Status) -> ExitCode {
    ExitCode::from(status.code())
}

/// Whether a status line is on the terminal. Other code that writes to standard error removes it first.
static IS_STATUS_SHOWN: AtomicBool = AtomicBool::new(false);

/// Shows a line on the terminal that is standard error, in place of the one before, until something else is printed.
pub fn show_status(line: &str) {
    IS_STATUS_SHOWN.store(true, Ordering::Relaxed);
    // A terminal that went away needs no line.
    let _ = io::stderr().write_all(format!("\r\x1b[2K{line}").as_bytes());
}

/// Removes that line, if it is there. The return value is whether it was.
pub fn clear_status() -> bool {
    let was_shown = IS_STATUS_SHOWN.swap(false, Ordering::Relaxed);
    if was_shown {
        let _ = io::stderr().write_all(b"\r\x1b[2K");
    }
    was_shown
}

/// Writes something to standard error, if that can be written. A file's name may hold what its content must not bring to a
/// terminal either.
pub fn complain(text: impl Display) {
    clear_status();
    let text = without_users(&text.to_string());
    let lines: Vec<_> = text.lines().map(escape::escaped).collect();
    // `eprintln!` would panic where the disk under standard error is full.
    let _ = writeln!(anstream::stderr().lock(), "{}", lines.join("\n"));
}

/// Prints to standard error what happens outside a report. A plugin has standard output only, for its report.
pub fn aside(form: Form, text: impl Display) {
    if !form.is_plugin() {
        complain(text);
    }
}

/// Ends a run that failed: a plugin says why on standard output, everything else on standard error.
pub fn fail(is_plugin: bool, why: &str) -> ExitCode {
    if is_plugin {
        print_unknown(why);
    } else {
        complain(format_args!("ssmscope: {why}"));
    }
    code(Status::Unknown)
}

/// Prints a plugin's line for a run that failed.
pub fn print_unknown(why: &str) {
    // A reader that went away needs no line.
    let _ = nagios::write_unknown(&without_users(why), &mut io::stdout());
}

/// Whether the arguments ask for a plugin's output, however bad the rest of them is.
pub fn is_plugin<T: AsRef<OsStr>>(arguments: impl Iterator<Item = T>) -> bool {
    let mut is_form = false;
    for argument in arguments {
        let Some(argument) = argument.as_ref().to_str() else { continue };
        if argument == "--" {
            return false;
        }
        let form = match argument.strip_prefix("--") {
            Some(long) => long.strip_prefix("output").map(|form| form.strip_prefix('=').unwrap_or(form)),
            // Short options may be combined, and the last may have its value after it.
            None => argument.strip_prefix('-').and_then(|short| {
                let (_, form) = short.split_once('o')?;
                Some(form.strip_prefix('=').unwrap_or(form))
            }),
        };
        let is_plugins = |name: &str| name.parse().is_ok_and(Form::is_plugin);
        if form.is_some_and(is_plugins) || (is_form && is_plugins(argument)) {
            return true;
        }
        is_form = form == Some("");
    }
    false
}

/// A text without the user's part of the URLs in it, which may hold a password.
pub fn without_users(text: &str) -> String {
    let mut covered = String::new();
    let mut parts = text.split("://");
    covered.push_str(parts.next().unwrap_or_default());
    for part in parts {
        covered.push_str("://");
        let end = part.find(|letter: char| letter.is_whitespace() || "/?#'\"".contains(letter));
        let authority = part.get(..end.unwrap_or(part.len())).unwrap_or_default();
        let user = authority.rfind('@').unwrap_or(0);
        covered.push_str(if user > 0 { "***" } else { "" });
        covered.push_str(part.get(user..).unwrap_or_default());
    }
    covered
}

/// The exit status where nobody reads the report any more: the worst failure that is known by then. That nothing failed so far
/// says little.
pub fn status_so_far(is_known: impl Fn(Severity) -> bool) -> Status {
    let failures = [Severity::Critical, Severity::Warning];
    failures.into_iter().find(|severity| is_known(*severity)).map_or(Status::Unknown, Status::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_s_part_of_a_url_is_not_repeated() {
        let error = "invalid value 'https://joe:pa55@host/x@y' for HOST; try https://host";
        assert_eq!(without_users(error), "invalid value 'https://***@host/x@y' for HOST; try https://host");
        assert_eq!(without_users("a@b, http://h/@ ://@"), "a@b, http://h/@ ://@");
    }

    #[test]
    fn a_plugin_is_recognised_in_every_spelling() {
        let asks = |line: &str| is_plugin(line.split(' '));
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
