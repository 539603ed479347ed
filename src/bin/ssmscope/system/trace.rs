//! A maintainer's view into a run: what the probe and live capture decide and why, on standard error.
//!
//! `SSMSCOPE_TRACE=1` turns it on, or a level's name (`debug`, `trace`). It never contains a secret, and there is none of it
//! for single packets.

use std::{env, io};

use tracing::level_filters::LevelFilter;

/// The environment variable that turns it on.
const VARIABLE: &str = "SSMSCOPE_TRACE";

/// Turns it on, if the environment asks for it.
pub fn begin() {
    let level = env::var(VARIABLE).ok().and_then(|value| level_of(&value));
    if let Some(level) = level {
        // An event that can't be written is no reason to write, and panic, again.
        let lines = tracing_subscriber::fmt().with_max_level(level).with_writer(io::stderr).with_ansi(false);
        lines.log_internal_errors(false).init();
    }
}

/// The level that a value asks for; `None` for none.
fn level_of(value: &str) -> Option<LevelFilter> {
    match value {
        "" | "0" | "off" => None,
        "1" => Some(LevelFilter::DEBUG),
        name => Some(name.parse().unwrap_or(LevelFilter::DEBUG)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_or_a_level_turns_it_on() {
        assert_eq!([level_of(""), level_of("0"), level_of("off")], [None; 3]);
        assert_eq!([level_of("1"), level_of("debug"), level_of("yes")], [Some(LevelFilter::DEBUG); 3]);
        assert_eq!(level_of("trace"), Some(LevelFilter::TRACE));
    }
}
