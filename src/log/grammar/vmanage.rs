//! vManage's `vmanage-server.log` and `vmanage-appserver.log`.
//!
//! ```text
//! 13-Jan-2023 17:29:02,775 IST INFO [um8_vManage] [SmartLicensingUtil] (default task-24) |default| text
//! 11-June-2026 03:53:37,310 EDT INFO  [uuid] [server] [Class] (default task-40704) |default| text
//! 11-June-2026 07:53:37,310 UTC INFO  [server] (MSC service thread 1-2) WFLYSRV0010: text
//! ```
//!
//! The number of brackets grew with the releases. The class is the last one before the thread, and the host the one before it; a
//! single one is the host, as the application server writes it.

use super::{Entry, Grammar, Level};
use crate::log::stamp::{self, Cursor};

/// Reads one line; cut anywhere after its time, it is read as far as it goes.
pub(super) fn read(line: &str) -> Option<Entry<'_>> {
    let (stamp, rest) = stamp::day_month_year(line)?;
    // Tomcat's logs begin in the same way, with a dot before the milliseconds; Redis' lines have spaces in the date.
    let time = line.get(..line.len() - rest.len())?;
    (stamp.digits == 3 && time.contains('-') && time.contains(',')).then_some(())?;
    let mut entry = Entry::new(Grammar::VmanageServer, rest);
    entry.stamp = Some(stamp);
    let mut cursor = Cursor(rest);
    cursor.spaces(0)?;
    entry.level = Level::of(cursor.word());
    let (mut brackets, mut last, mut before) = (0, None, None);
    loop {
        cursor.spaces(0)?;
        let Some(inside) = cursor.enclosed("[", b']') else { break };
        before = last.replace(inside);
        brackets += 1;
    }
    if let Some((thread, is_cut)) = thread(&mut cursor) {
        entry.thread = Some(thread);
        entry.is_thread_cut = is_cut;
    }
    let _ = cursor.spaces(0);
    let tenant = cursor.enclosed("|", b'|');
    let _ = cursor.spaces(0);
    entry.text = cursor.0;
    let is_appserver =
        brackets == 1 && tenant.is_none() && (entry.thread.is_some() || cursor.0.starts_with("WFLY"));
    if is_appserver {
        entry.grammar = Grammar::VmanageAppserver;
        entry.host = last;
        entry.source = cursor.0.split_once(':').map(|(code, _)| code).filter(|code| code.starts_with("WFLY"));
    } else if brackets == 1 {
        entry.host = last;
    } else {
        (entry.host, entry.source) = (before, last);
    }
    Some(entry)
}

/// `(default task-24)`. The application server's threads have spaces and dashes, and parentheses of their own:
/// `(ServerService Thread Pool -- 78 (x))`. Also whether the line is cut within it.
fn thread<'a>(cursor: &mut Cursor<'a>) -> Option<(&'a str, bool)> {
    let inside = cursor.0.strip_prefix('(')?;
    let mut depth = 1;
    let bytes = inside.as_bytes();
    let end = memchr::memchr2_iter(b'(', b')', bytes).find(|index| {
        depth += if bytes[*index] == b'(' { 1 } else { -1 };
        depth == 0
    });
    let thread = inside.get(..end.unwrap_or(inside.len()))?;
    cursor.0 = inside.get(thread.len() + 1..).unwrap_or_default();
    Some((thread, end.is_none()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::stamp::Zone;

    #[test]
    fn two_brackets_are_the_host_and_the_class() {
        let line = "13-Jan-2023 17:29:03,490 IST ERROR [um8_vManage] [RestAPIClient] (default task-24) |default| Failed to";
        let entry = read(line).expect("a line");
        assert_eq!(entry.grammar, Grammar::VmanageServer);
        assert_eq!(
            (entry.host, entry.source, entry.thread),
            (Some("um8_vManage"), Some("RestAPIClient"), Some("default task-24"))
        );
        assert_eq!((entry.level, entry.text), (Level::Error, "Failed to"));
        assert_eq!(entry.stamp.expect("a time").zone, Zone::Named("IST"));
    }

    #[test]
    fn a_third_bracket_in_front_changes_neither() {
        let line = "11-June-2026 03:53:37,310 EDT INFO  [5f0c9ad2-0f5e-4c9e] [server] [SettingsManager] (default task-40704) |default| x";
        let entry = read(line).expect("a line");
        assert_eq!(
            (entry.host, entry.source, entry.thread),
            (Some("server"), Some("SettingsManager"), Some("default task-40704"))
        );
        assert_eq!((entry.level, entry.text), (Level::Info, "x"));
    }

    #[test]
    fn the_application_server_names_no_class() {
        let line = "11-June-2026 07:53:37,310 UTC INFO  [vmanage] (ServerService Thread Pool -- 78) WFLYSRV0010: Deployed \"x.war\"";
        let entry = read(line).expect("a line");
        assert_eq!(entry.grammar, Grammar::VmanageAppserver);
        assert_eq!((entry.host, entry.source), (Some("vmanage"), Some("WFLYSRV0010")));
        assert_eq!(entry.thread, Some("ServerService Thread Pool -- 78"));
    }

    #[test]
    fn a_line_that_is_cut_is_read_as_far_as_it_goes() {
        let line = "13-Jan-2023 17:29:03,491 IST ERROR [um8_vManage] [SmartLicensingIntegrationRestfulResource] (default ta";
        for (len, host, source, thread) in [
            (
                line.len(),
                Some("um8_vManage"),
                Some("SmartLicensingIntegrationRestfulResource"),
                Some("default ta"),
            ),
            (80, Some("um8_vManage"), Some("SmartLicensingIntegrationRestf"), None),
            (45, Some("um8_vMana"), None, None),
            (34, None, None, None),
            (24, None, None, None),
        ] {
            let entry = read(&line[..len]).unwrap_or_else(|| panic!("{len}"));
            assert_eq!((entry.host, entry.source, entry.thread), (host, source, thread), "{len}");
        }
    }

    #[test]
    fn what_only_begins_like_it_is_left_to_others() {
        assert!(read("13-Jan-2023 17:29:02.7 INFO [main] x").is_none());
        assert!(read("13-Jan-2023 17:29:02.775 INFO [main] org.example.Foo.bar x").is_none());
        assert!(read("13 Jan 2023 11:14:09.049 * 100 changes").is_none());
    }
}
