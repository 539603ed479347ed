//! Lines that can be nothing but a packet list's, or come before its first packet.

use super::detail::Detail;
use super::fields::Fields;
use super::row::Row;
use super::table;
use crate::capture::transcript::scan::split_rare;

/// Whether `text` can be nothing but a line of a packet list.
pub(super) fn is_certain(text: &str) -> bool {
    let is_table_row = || table::cells(text).is_some_and(|cells| table::row(&cells, None).is_some());
    Row::parse(text).is_some()
        || Row::is_start(text)
        || Detail::begin(text).is_some()
        || Detail::is_ip_line(text)
        || Fields::of_header(text).is_some()
        || is_table_row()
}

/// Whether `text` begins with a row that has its number, its time and both hosts.
pub fn is_numbered_row(text: &str) -> bool {
    Row::parse(text).is_some_and(|row| row.number.is_some() && row.time.is_some())
}

/// Whether a command of tshark's has a display filter on flags, on its analysis, or on one direction, which leaves out replies.
pub(super) fn is_selective(text: &str) -> bool {
    let filter =
        [" -Y", " -R"].iter().find_map(|option| split_rare(text, option)).map_or("", |(_, filter)| filter);
    let is_one_way = |one: &str, other: &str| filter.contains(one) != filter.contains(other);
    ["tcp.flags", "tcp.analysis", "tcp.len"].iter().any(|field| filter.contains(field))
        || is_one_way("ip.src", "ip.dst")
        || is_one_way("tcp.srcport", "tcp.dstport")
}

/// Whether `text` comes before a capture's first packet.
pub(super) fn is_beginning(text: &str) -> bool {
    let is_command = ["tshark ", "ethanalyzer "].iter().any(|name| {
        split_rare(text, name).is_some_and(|(before, after)| {
            let before = before.trim_end();
            let is_prompt = before.is_empty()
                || before.ends_with(['#', '$', '>', '%', '\u{276f}', '\u{2717}'])
                || before.ends_with("sudo");
            is_prompt && after.starts_with(['-', 'l'])
        })
    });
    is_command || text.starts_with("Capturing on ")
}
