//! Lines that give the time of day alone, as consoles show it, with a level that shows them to be a log's.
//!
//! ```text
//! 12:16:50,554 INFO  [org.example.Foo] (main) text      JBoss' console
//! 12:16:50.239 [main] DEBUG org.example.Foo - text      Logback
//! 12:16:50.239 | DEBUG | org.example.Foo | text
//! postgresql 14:32:47.13 INFO  ==> text                 Bitnami's containers
//! ```

use super::{Entry, generic};
use crate::log::stamp;

/// Reads one line.
pub(super) fn read(line: &str) -> Option<Entry<'_>> {
    let (stamp, rest) = stamp::time_only(line)?;
    let is_split = rest.starts_with([' ', '\t', ']', '|']);
    is_split.then(|| generic::entry(stamp, rest)).filter(|_| generic::has_level(rest))
}

/// Reads one line of a container of Bitnami's, which begins with its module.
pub(super) fn bitnami(line: &str) -> Option<Entry<'_>> {
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let len = line.bytes().take(40).take_while(|byte| is_name(*byte)).count();
    let after = line.get(len..)?.strip_prefix(' ')?.trim_start();
    read(after).filter(|entry| entry.stamp.is_some_and(|stamp| stamp.digits == 2))
}

/// Reads what stern shows after the pod and the container, where Bitnami's lines have no level always.
pub(super) fn in_pod(line: &str) -> Option<Entry<'_>> {
    let (stamp, rest) = stamp::time_only(line)?;
    let is_whole = stamp.digits >= 2 && (rest.is_empty() || rest.starts_with(' '));
    is_whole.then(|| generic::entry(stamp, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::grammar::Level;

    #[test]
    fn a_level_makes_a_time_of_day_a_line() {
        for (line, level) in [
            ("12:16:50,554 INFO  [org.example.Foo] (main) x", Level::Info),
            ("12:16:50.239 [main] WARN  org.example.Foo - x", Level::Warning),
            ("12:16:50.239 | ERROR | org.example.Foo | x", Level::Error),
            ("8:16:50 PM [error] x", Level::Error),
            ("12:16:50 DEBUG: x", Level::Debug),
        ] {
            let entry = read(line).unwrap_or_else(|| panic!("{line}"));
            let stamp = entry.stamp.expect("a time");
            assert_eq!((entry.level, stamp.date), (level, None), "{line}");
        }
        for line in [
            "12:16:50.554123 IP 192.0.2.7.5 > 192.0.2.8.6: Flags [S], seq 1",
            "12:16:50 error seen by the operator",
            "12:16:50 the handshake begins",
            "12:16:50,554",
            "12:16 INFO x",
            "    1 12:16:50.554 192.0.2.7 -> 192.0.2.8 TCP 66",
        ] {
            assert!(read(line).is_none(), "{line}");
        }
        assert!(bitnami("postgresql 14:32:47.13 INFO  ==> x").is_some());
        assert!(bitnami("finished 14:32:47.13 later").is_none());
        assert!(in_pod("14:32:47.13 Welcome").is_some() && in_pod("14:32:47 Welcome").is_none());
    }
}
