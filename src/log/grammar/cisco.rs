//! Messages of Cisco's devices, of which those about licences matter.
//!
//! ```text
//! *Jan 13 11:14:46.123: %SMART_LIC-3-COMM_FAILED: Communications failure with ... : Unable to resolve server hostname/domain name
//! Mar 31 17:29:43.447 CST: %SMART_LIC-6-REPORTING_REQUIRED: ...
//! 000123: .Mar 24 20:17:03.508: %SMART_LIC-3-COMM_FAILED: ...
//! RP/0/RP0/CPU0:Jul  1 11:53:58.601 UTC: smartlicserver[397]: %LICENSE-SMART_LIC-3-COMM_FAILED : ...
//! ```
//!
//! `*` before the time marks a clock that was never set, `.` one that has lost its server. Whatever syslog puts in front is taken off
//! before. A device gives the end of an attempt only.

use super::{Entry, Fact, Grammar, Level};
use crate::log::stamp::{self, Cursor};

/// Reads one line, or what follows syslog's prefix.
pub(super) fn read(text: &str) -> Option<Entry<'_>> {
    // What may precede the message: a sequence number, a host, a node, the time, a process.
    const WIDEST: usize = 160;
    let at = crate::log::text::head(text, WIDEST).find('%')?;
    let (before, message) = text.split_at_checked(at)?;
    let mut cursor = Cursor(message.get(1..)?);
    let name = cursor.0.split([':', ' ']).next()?;
    let (facility, severity, mnemonic) = parts(name)?;
    cursor.eat(name)?;
    let _ = cursor.spaces(0);
    let _ = cursor.eat(":");
    let _ = cursor.spaces(0);
    let mut entry = Entry::new(Grammar::Cisco, cursor.0);
    entry.level = Level::of_severity(severity);
    entry.source = Some(name);
    (entry.outer, entry.stamp) = times(before);
    entry.host = host(before);
    if facility.ends_with("SMART_LIC")
        || facility.ends_with("SMART_LIC_UTILITY")
        || facility.ends_with("CALL_HOME")
    {
        entry.fact = Fact::Licence { mnemonic };
    }
    Some(entry)
}

/// Reads a line of a debug command, which names no facility: `000124: *Mar 27 14:03:36.887 UTC: AAA/BIND(00001F7E): text`.
pub(super) fn debugging(line: &str) -> Option<Entry<'_>> {
    let mut cursor = Cursor(line);
    let mut ahead = cursor;
    let is_numbered = ahead.number(1, 9).is_some() && ahead.eat(": ").is_some();
    if is_numbered {
        cursor = ahead;
    }
    let is_marked = cursor.eat_any(b"*.").is_some();
    let (stamp, rest) = stamp::month_day(cursor.0, true)?;
    let text = rest.strip_prefix(": ")?;
    (is_numbered || is_marked || stamp.digits == 3).then_some(())?;
    let mut entry = Entry::new(Grammar::Cisco, text);
    entry.stamp = Some(stamp);
    entry.level = Level::Debug;
    Some(entry)
}

/// `LICENSE-SMART_LIC-3-COMM_FAILED`: facility, with a subfacility perhaps, severity, mnemonic.
fn parts(name: &str) -> Option<(&str, u32, &str)> {
    let is_word = |word: &str| {
        !word.is_empty()
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    };
    let at = name.as_bytes().windows(3).position(|three| matches!(three, [b'-', b'0'..=b'7', b'-']))?;
    let (facility, rest) = name.split_at_checked(at)?;
    let severity = rest.as_bytes().get(1)?.checked_sub(b'0')?;
    let mnemonic = rest.get(3..)?;
    (is_word(facility) && (is_word(mnemonic) || mnemonic.is_empty())).then_some((
        facility,
        u32::from(severity),
        mnemonic,
    ))
}

/// The times in what precedes the message, each after a space, a colon or a mark: that of syslog's prefix, where a server put one there,
/// and the device's own, which is the last.
fn times(before: &str) -> (Option<stamp::Stamp<'_>>, Option<stamp::Stamp<'_>>) {
    let is_start = |index: usize| {
        index == 0 || matches!(before.as_bytes().get(index - 1), Some(b' ' | b':' | b'*' | b'.'))
    };
    let months = before.char_indices().filter(|(index, next)| next.is_ascii_alphabetic() && is_start(*index));
    let mut read = months.filter_map(|(index, _)| stamp::month_day(before.get(index..)?, true));
    let iso = || {
        before
            .char_indices()
            .find_map(|(index, _)| is_start(index).then(|| stamp::iso(before.get(index..)?)).flatten())
    };
    let Some((first, _)) = read.next().or_else(iso) else { return (None, None) };
    match read.next_back() {
        Some((own, _)) => (Some(first), Some(own)),
        None => (None, Some(first)),
    }
}

/// The node of IOS-XR, `RP/0/RP0/CPU0`.
fn host(before: &str) -> Option<&str> {
    let node = before.split([':', ' ']).find(|word| word.contains("/CPU") || word.contains("/ADMIN"))?;
    Some(node)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::stamp::Zone;

    #[test]
    fn each_form_of_the_time_is_read() {
        for (before, zone, year) in [
            ("*Jan 13 11:14:46.123: ", Zone::Unstated, None),
            (".Jan 13 11:14:46.123: ", Zone::Unstated, None),
            ("Jan 13 11:14:46.123 CST: ", Zone::Named("CST"), None),
            ("000123: *Jan 13 11:14:46.123: ", Zone::Unstated, None),
            ("45: R1: 000123: *Jan 13 2023 11:14:46.123 UTC: ", Zone::Offset(0), Some(2023)),
            ("RP/0/RP0/CPU0:Jan 13 11:14:46.123 UTC: smartlicserver[397]: ", Zone::Offset(0), None),
        ] {
            let line = format!(
                "{before}%LICENSE-SMART_LIC-3-COMM_FAILED : Communications failure : Unable to resolve"
            );
            let entry = read(&line).unwrap_or_else(|| panic!("{line}"));
            let stamp = entry.stamp.unwrap_or_else(|| panic!("{line}"));
            assert_eq!(
                (stamp.zone, stamp.date.expect("a date").year, stamp.digits),
                (zone, year, 3),
                "{line}"
            );
            assert!(matches!(entry.fact, Fact::Licence { mnemonic: "COMM_FAILED" }));
            assert_eq!(
                (entry.level, entry.text),
                (Level::Error, "Communications failure : Unable to resolve")
            );
        }
    }

    #[test]
    fn the_device_s_own_time_is_kept_apart_from_the_prefix() {
        let line = "Jun 12 10:11:13 10.1.1.1 1235: Jun 12 2024 10:11:12.5 CEST: %CALL_HOME-5-SL_MESSAGE_FAILED: Fail";
        let entry = read(line).expect("a line");
        let (outer, own) = (entry.outer.expect("a prefix"), entry.stamp.expect("a time"));
        assert_eq!((outer.digits, outer.date.expect("a date").year), (0, None));
        assert_eq!(
            (own.digits, own.date.expect("a date").year, own.zone),
            (1, Some(2024), Zone::Named("CEST"))
        );
        assert!(read("*Jun 12 10:11:12.5: %SYS-5-CONFIG_I: x").expect("a line").outer.is_none());
    }

    #[test]
    fn a_debug_command_s_lines_name_no_facility() {
        for (line, zone) in [
            ("*Mar 27 14:03:36.887: AAA/BIND(00001F7E): Bind i/f", Zone::Unstated),
            ("000124: *Mar 27 14:03:36.887 UTC: AAA/BIND(00001F7E): Bind i/f", Zone::Offset(0)),
            (".Mar 27 14:03:36: AAA/BIND(00001F7E): Bind i/f", Zone::Unstated),
            ("Mar 27 2023 14:03:36.887 CET: AAA/BIND(00001F7E): Bind i/f", Zone::Named("CET")),
        ] {
            let entry = debugging(line).unwrap_or_else(|| panic!("{line}"));
            assert_eq!((entry.level, entry.text), (Level::Debug, "AAA/BIND(00001F7E): Bind i/f"), "{line}");
            assert_eq!(entry.stamp.expect("a time").zone, zone);
        }
        for line in ["Mar 27 14:03:36: x", "* Mar 27 14:03:36.887: x", "124: x", "*Mar 27 14:03:36.887 x"] {
            assert!(debugging(line).is_none(), "{line}");
        }
    }

    #[test]
    fn a_message_without_a_time_has_none() {
        let entry = read(
            "%SMART_LIC-3-COMM_FAILED:Communications failure with the Cisco Smart Software Manager (CSSM)",
        )
        .expect("a line");
        assert_eq!(entry.stamp, None);
        assert!(entry.text.starts_with("Communications failure"));
    }

    #[test]
    fn other_facilities_are_read_and_no_licence_s() {
        let entry = read("*Jan 13 11:14:46.123: %SYS-5-CONFIG_I: Configured from console").expect("a line");
        assert!(matches!(entry.fact, Fact::None));
        assert_eq!(entry.level, Level::Info);
        let entry = read("*Jan 13 11:14:46.123: %CALL_HOME-5-SL_MESSAGE_FAILED: Fail to send (ERR 207 : Connection time out)").expect("a line");
        assert!(matches!(entry.fact, Fact::Licence { mnemonic: "SL_MESSAGE_FAILED" }));
        for line in ["100% of it", "%a-b-c: x", "*Jan 13 11:14:46.123: 50%-3-x y"] {
            assert!(read(line).is_none_or(|entry| matches!(entry.fact, Fact::None)), "{line}");
        }
    }
}
