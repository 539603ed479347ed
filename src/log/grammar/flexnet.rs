//! FlexNet's debug log: lmgrd and the vendors' daemons.
//!
//! ```text
//! 21:53:14 (lmgrd) Server's System Date and Time: Sat Nov 06 2021 21:53:14 KST
//! 21:53:14 (lmgrd) Started MLM (internet tcp_port 42249 pid 10861)
//!  4:29:00 (MLM) OUT: "MATLAB" user@host
//! 16:06:37 (MLM) TIMESTAMP 4/8/2019
//! 14:46:39 (vendor) DENIED: FEATURE user@host  [vendor] (Licensed number of users already reached. (-4,342))
//! 2026-09-05T12:13:14-04:00 (MLM) DENIED: "MATLAB" user@host  (Licensed number of users already reached. (-4,342))
//! ```
//!
//! Lines have no date; banners and `TIMESTAMP` lines give it. A vendor's daemon listens on a port of its own, which changes with each
//! start unless it is fixed, and which firewalls therefore drop.

use super::{Entry, Fact, Grammar, Level};
use crate::log::stamp::{self, Cursor, Date};

/// Reads one line.
pub(super) fn read(line: &str) -> Option<Entry<'_>> {
    let (stamp, rest) =
        stamp::time_only(line).or_else(|| stamp::iso(line)).or_else(|| stamp::slashed(line))?;
    let mut cursor = Cursor(rest);
    cursor.spaces(1)?;
    cursor.0.starts_with('(').then_some(())?;
    let daemon = cursor.enclosed("(", b')')?;
    let is_daemon = !daemon.is_empty()
        && daemon.len() <= 40
        && daemon.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    is_daemon.then_some(())?;
    let text = cursor.0.trim_start();
    let text = text
        .strip_prefix("(@")
        .and_then(|rest| rest.split_once("@)"))
        .map_or(text, |(_, rest)| rest.trim_start());
    let mut entry = Entry::new(Grammar::FlexNet, text);
    entry.stamp = Some(stamp);
    entry.source = Some(daemon);
    entry.fact = fact(daemon, text);
    entry.level = match entry.fact {
        Fact::Checkout { is_granted: false, .. } => Level::Error,
        _ => Level::Info,
    };
    Some(entry)
}

fn fact<'a>(daemon: &'a str, text: &'a str) -> Fact<'a> {
    port(daemon, text).or_else(|| day(text)).or_else(|| checkout(text)).unwrap_or_default()
}

/// `lmgrd tcp-port 27000`, `Listening port: 27000`, `Started MLM (internet tcp_port 42249 pid 10861)`, `MLM using TCP-port 42249`.
fn port<'a>(daemon: &'a str, text: &'a str) -> Option<Fact<'a>> {
    let number = |text: &str| {
        let digits = text.split(|next: char| !next.is_ascii_digit()).next()?;
        digits.parse().ok().filter(|port| *port > 0)
    };
    if let Some(rest) = text.strip_prefix("Started ") {
        let (vendor, rest) = rest.split_once(" (internet tcp_port ")?;
        return Some(Fact::Port { daemon: vendor, port: number(rest)? });
    }
    if let Some(rest) = text.strip_prefix("Listening port: ") {
        return Some(Fact::Port { daemon, port: number(rest)? });
    }
    let (name, rest) = text.split_once(" using TCP-port ").or_else(|| text.split_once(" tcp-port "))?;
    (!name.contains(' ')).then_some(Fact::Port { daemon: name, port: number(rest)? })
}

/// The day that a banner or a `TIMESTAMP` line gives; the latter in the order of the United States.
fn day(text: &str) -> Option<Fact<'_>> {
    let after = |mark: &str| text.strip_prefix(mark);
    if let Some(written) = after("Server's System Date and Time: ").or_else(|| after("Start-Date: ")) {
        return stamp::weekday(written)?.0.date.map(Fact::Day);
    }
    let written = after("TIMESTAMP ")
        .or_else(|| Some(&text[text.find(" started on ")? + 1..]).and_then(|rest| rest.rsplit('(').next()))?;
    let mut cursor = Cursor(written);
    let month = cursor.number(1, 2)?;
    cursor.eat("/")?;
    let day = cursor.number(1, 2)?;
    cursor.eat("/")?;
    let year = cursor.number(4, 4)? as i32;
    Date::new(Some(year), month, day).map(Fact::Day)
}

/// `OUT: "feature" user@host`, `DENIED: ...`, `UNSUPPORTED: "feature" (PORT_AT_HOST_PLUS   ) user@host  (reason (-18,327))`.
fn checkout(text: &str) -> Option<Fact<'_>> {
    let (word, rest) = text.split_once(": ")?;
    let is_granted = match word {
        "OUT" => true,
        "DENIED" | "UNSUPPORTED" => false,
        _ => return None,
    };
    let user = if let Some(quoted) = rest.strip_prefix('"') {
        let (_feature, user) = quoted.split_once('"')?;
        user
    } else {
        // Old daemons write no quotes; without a user after the first word it is a sentence.
        let (_feature, user) = rest.split_once(' ')?;
        let user = user.trim_start();
        let user = user
            .strip_prefix('(')
            .and_then(|rest| rest.split_once(')'))
            .map_or(user, |(_, rest)| rest.trim_start());
        user.split(' ').next().filter(|word| word.contains('@'))?;
        user
    };
    let host = user
        .split_once('@')
        .map(|(_, rest)| rest.split([' ', '\t']).next().unwrap_or(rest))
        .unwrap_or_default();
    Some(Fact::Checkout { is_granted, host })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ports_of_both_daemons_are_found() {
        for (line, daemon, port) in [
            ("21:53:14 (lmgrd) lmgrd tcp-port 27000", "lmgrd", 27000),
            ("21:53:14 (lmgrd) (@lmgrd-SLOG@) Listening port: 27000", "lmgrd", 27000),
            ("13:53:54 (lmgrd) Started covlicd (internet tcp_port 60185 pid 32023)", "covlicd", 60185),
            ("13:53:54 (lmgrd) covlicd using TCP-port 60185", "covlicd", 60185),
        ] {
            let entry = read(line).unwrap_or_else(|| panic!("{line}"));
            assert!(
                matches!(entry.fact, Fact::Port { daemon: found, port: number } if found == daemon && number == port),
                "{entry:?}"
            );
        }
    }

    #[test]
    fn the_day_is_found_in_banners_and_stamps() {
        for line in [
            " 4:29:00 (lmgrd) Server's System Date and Time: Tue Jul 08 2025 04:29:00 UTC",
            " 4:29:00 (lmgrd) (@lmgrd-SLOG@) Start-Date: Tue Jul 08 2025 04:29:00 UTC",
            " 4:29:00 (lmgrd) TIMESTAMP 7/8/2025",
            " 4:29:00 (lmgrd) FlexNet Licensing (v11.14.0.0 build 183228 x64_lsb) started on 1b9d285219c4 (linux) (7/8/2025)",
        ] {
            let entry = read(line.trim_start()).unwrap_or_else(|| panic!("{line}"));
            assert!(
                matches!(entry.fact, Fact::Day(Date { year: Some(2025), month: 7, day: 8 })),
                "{entry:?}"
            );
        }
    }

    #[test]
    fn what_was_granted_and_denied_names_the_client() {
        for (line, granted, client) in [
            (r#"16:07:10 (MLM) OUT: "MATLAB" jblow@gbpcx5cg64931v9  "#, true, "gbpcx5cg64931v9"),
            (
                r#"13:11:55 (parteklm) DENIED: "base" c@NCI-01978755-ML  (Licensed number of users already reached. (-4,342:10054 ""))"#,
                false,
                "NCI-01978755-ML",
            ),
            (
                r#"11:46:28 (parteklm) UNSUPPORTED: "x" (PORT_AT_HOST_PLUS   ) n@NCI-01831285  (License server system does not support this feature. (-18,327))"#,
                false,
                "NCI-01831285",
            ),
            (r#"2026-09-05T12:13:14-04:00 (MLM) OUT: "MATLAB" a@b"#, true, "b"),
            ("14:46:39 (vendord) DENIED: SUITE ops@pc-7  [vendord] ", false, "pc-7"),
            ("14:46:39 (vendord) OUT: SUITE-token ops@pc-7  [SUITE] ", true, "pc-7"),
        ] {
            let entry = read(line).unwrap_or_else(|| panic!("{line}"));
            assert!(
                matches!(entry.fact, Fact::Checkout { is_granted, host } if is_granted == granted && host == client),
                "{entry:?}"
            );
        }
    }

    #[test]
    fn a_time_in_a_sentence_is_no_line() {
        assert!(read("21:53:14 lmgrd").is_none());
        assert!(read("21:53:14 () x").is_none());
        let entry = read("21:53:14 (vendord) DENIED: no more licences for ops@pc-7").expect("a line");
        assert!(matches!(entry.fact, Fact::None), "{entry:?}");
    }
}
