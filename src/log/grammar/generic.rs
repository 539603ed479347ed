//! Lines of which the time is understood and nothing else: any program's.
//!
//! ```text
//! 2023-01-13T11:17:01.123Z text              RFC 3339
//! 2023-01-13 11:17:01,123 ERROR [class] (thread) text
//! [13/Jan/2023:11:17:01 +0000] text
//! Fri Jan 13 11:17:01 2023 text
//! Jan 13 11:17:01 text                       syslog's time without its host
//! 1673608621.123 text
//! ```
//!
//! They are shown beside a connection by their time, and never tied to it.

use super::{Entry, Grammar, Level};
use crate::log::stamp::{self, Stamp};

/// Reads one line.
pub(super) fn read(line: &str) -> Option<Entry<'_>> {
    let inside = line.strip_prefix('[').unwrap_or(line);
    let (stamp, rest) = any_time(inside)?;
    Some(entry(stamp, rest))
}

/// What stands behind syslog's prefix and has a time of its own.
pub(super) fn with_own_time(text: &str) -> Option<Entry<'_>> {
    let (stamp, rest) = stamp::iso(text)?;
    Some(entry(stamp, rest))
}

fn any_time(text: &str) -> Option<(Stamp<'_>, &str)> {
    match text.bytes().next()? {
        b'0'..=b'9' => stamp::iso(text)
            .or_else(|| stamp::slashed(text))
            .or_else(|| stamp::day_month_year(text))
            .or_else(|| stamp::access(text))
            .or_else(|| stamp::epoch(text)),
        _ => stamp::weekday(text).or_else(|| stamp::month_day(text, true)),
    }
}

fn entry<'a>(stamp: Stamp<'a>, rest: &'a str) -> Entry<'a> {
    let rest = rest.trim_start_matches([']', ' ', '\t', ':', ',', '-', '|']);
    let word =
        rest.trim_start_matches(['[', '<']).split([' ', ']', '>', ':', ',']).next().unwrap_or_default();
    let level = Level::of(word);
    // A bare level is no part of what the line says.
    let text = rest.strip_prefix(word).filter(|_| level != Level::Unknown);
    let mut entry =
        Entry::new(Grammar::Generic, text.map_or(rest, |text| text.trim_start_matches([' ', ':', '\t'])));
    entry.stamp = Some(stamp);
    entry.level = level;
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_usual_time_places_a_line() {
        for (line, level) in [
            ("2023-01-13T11:17:01.123Z ERROR x", Level::Error),
            ("2015-10-18 18:01:47,978 INFO [main] org.apache.hadoop.Foo: x", Level::Info),
            ("2015-07-29 17:41:44,747 - WARN  [QuorumPeer] - x", Level::Warning),
            ("[Sun Dec 04 04:47:44 2005] [notice] workerEnv.init() ok", Level::Info),
            ("[13/Jan/2023:11:17:01 +0000] x", Level::Unknown),
            ("2016-09-28 04:30:30, Info                  CBS    x", Level::Info),
            ("Jan 13 11:17:01 x", Level::Unknown),
            ("13-Jan-2023 17:29:02.775 INFO [main] org.apache.catalina.Foo x", Level::Info),
            ("1673608621.123 x", Level::Unknown),
        ] {
            let entry = read(line).unwrap_or_else(|| panic!("{line}"));
            assert_eq!((entry.grammar, entry.level), (Grammar::Generic, level), "{line}");
        }
        for line in ["2023", "at 2023-01-13", "Janet 13 11:17:01", "12:34:56 x", "(x)"] {
            assert!(read(line).is_none(), "{line}");
        }
    }
}
