//! Kubernetes' programs, which log with klog: `E1027 04:55:44.789086   24796 kubelet.go:2246] text`.
//!
//! The letter is the level, the digits after it month and day; there is no year and no zone.

use super::{Entry, Grammar, Level};
use crate::log::stamp::{self, Cursor};

/// Reads one line, or what follows syslog's prefix.
pub(super) fn read(text: &str) -> Option<Entry<'_>> {
    let level = match text.as_bytes() {
        [b'I', b'0'..=b'1', ..] => Level::Info,
        [b'W', b'0'..=b'1', ..] => Level::Warning,
        [b'E' | b'F', b'0'..=b'1', ..] => Level::Error,
        _ => return None,
    };
    let (stamp, rest) = stamp::digits_of_day(text.get(1..)?)?;
    (stamp.digits == 6).then_some(())?;
    let mut cursor = Cursor(rest);
    cursor.spaces(1)?;
    // The process or thread.
    cursor.number(1, 9)?;
    let _ = cursor.spaces(0);
    let (place, text) = match cursor.0.split_once("] ") {
        Some((place, text)) if !place.contains(' ') => (Some(place), text),
        _ => (None, cursor.0),
    };
    let mut entry = Entry::new(Grammar::Generic, text);
    entry.stamp = Some(stamp);
    entry.level = level;
    entry.source = place.map(|place| place.split_once(':').map_or(place, |(file, _)| file));
    Some(entry)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_letter_is_the_level_and_the_file_the_source() {
        let entry = read("E1027 04:55:44.789086   24796 agent.go:22] Error updating x").expect("a line");
        assert_eq!(
            (entry.level, entry.source, entry.text),
            (Level::Error, Some("agent.go"), "Error updating x")
        );
        for line in
            ["E1327 04:55:44.789086   1 a.go:2] x", "E1027 04:55:44 1 a.go:2] x", "E10", "Info 1", "I1"]
        {
            assert!(read(line).is_none(), "{line}");
        }
    }
}
