//! What there is to say about the capture as a whole.

use std::io::{self, Write};

use super::collection::Collection;
use crate::analysis::Summary;
use crate::report::tcpdump::ShownHost;
use crate::report::text::escape::escaped;
use crate::report::text::words::{BOLD, PROSE_COLUMNS, count, grouped, wrapped};

/// Most neighbours that are named one by one.
const NEIGHBOURS: usize = 10;

/// Writes what was read, what was odd about it, what was not followed, and what came of it.
///
/// # Errors
/// When `out` can't be written.
pub(super) fn write(collection: &Collection, summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    if summary.connections == 0 {
        write_nothing(summary, out)?;
    }
    writeln!(out, "{BOLD}Capture{BOLD:#}")?;
    for (index, file) in summary.about.files.iter().enumerate() {
        let snaplen = file.snaplen.filter(|snaplen| *snaplen < WHOLE_FRAME);
        let snaplen = snaplen.map(|bytes| format!(", {bytes} bytes of each at most")).unwrap_or_default();
        let packets = count(file.packets, "packet");
        write_line(&format!("{}: {}, {packets}{snaplen}", escaped(&file.name), file.format), out)?;
        for note in summary.about.notes.iter().filter(|note| usize::from(note.file) == index) {
            write_line(&note.text, out)?;
        }
    }
    for line in lines(collection, summary) {
        write_line(&line, out)?;
    }
    Ok(())
}

/// A snapshot length of so many bytes cuts nothing that is told here: the largest Ethernet frame with tags.
const WHOLE_FRAME: u32 = 1522;

fn lines(collection: &Collection, summary: &Summary) -> Vec<String> {
    let mut lines = Vec::new();
    if summary.connections > 0 {
        let codes: Vec<_> =
            summary.codes.iter().map(|(code, count)| format!("{code} {}", grouped(*count))).collect();
        lines.push(format!("{}: {}", count(summary.connections, "connection"), codes.join(", ")));
    }
    if summary.skipped > 0 {
        lines.push(format!("{} left out by the selection", count(summary.skipped, "packet")));
    }
    match summary.about.dropped {
        Some(dropped) if dropped > 0 => lines.push(format!(
            "{} dropped while capturing: what seems to be missing may have been there",
            count(dropped, "packet")
        )),
        _ => {}
    }
    if summary.clock_steps > 0 {
        lines.push(format!(
            "the capture's clock stepped {}: no silence is measured across a step",
            count(summary.clock_steps, "time")
        ));
    }
    let others: Vec<_> =
        summary.others.iter().map(|(kind, count)| format!("{kind} {}", grouped(*count))).collect();
    if !others.is_empty() {
        lines.push(format!("not followed: {}", others.join(", ")));
    }
    if summary.icmp_without_connection > 0 {
        lines.push(format!(
            "{} about packets of no connection in the capture",
            count(summary.icmp_without_connection, "ICMP error")
        ));
    }
    let unanswered: Vec<_> = crate::report::unanswered(summary).collect();
    for (host, asked) in unanswered.iter().take(NEIGHBOURS) {
        let host = ShownHost(&summary.names, *host);
        lines.push(format!(
            "host {host} was looked for {} and never answered: it is not on the link, or is down",
            count(*asked, "time")
        ));
    }
    if unanswered.len() > NEIGHBOURS {
        lines.push(format!("{} more hosts were looked for in vain", unanswered.len() - NEIGHBOURS));
    }
    for (what, count) in crate::report::bounds_reached(summary, &collection.origins) {
        lines.push(format!("{} {what}", grouped(count)));
    }
    if collection.without_packets > 0 {
        lines.push(format!(
            "{} without packets, for want of room; --max-memory gives more",
            count(collection.without_packets, "connection")
        ));
    }
    if collection.uncollected > 0 {
        lines.push(format!(
            "{} only counted, not shown; --output json shows all",
            count(collection.uncollected, "connection")
        ));
    }
    lines
}

/// Nothing to judge: what was there instead, and what to check.
fn write_nothing(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    if summary.error.is_some() {
        return writeln!(out, "{BOLD}Reading ended before there was a connection to judge.{BOLD:#}\n");
    }
    let text = crate::report::nothing::why(summary);
    writeln!(out, "{BOLD}{text}{BOLD:#}")?;
    let mut checks = Vec::new();
    if summary.skipped > 0 {
        checks.push("Check --host, --port and --filter: they left out packets.");
    }
    if crate::report::unanswered(summary).next().is_some() {
        checks.push(
            "The host was looked for on the link and did not answer: check that it is up, and its address.",
        );
    }
    checks.push("Was the right interface captured? `tcpdump -i any` sees them all.");
    checks.push("Is a proxy configured in the client? Then its address is what to look for.");
    checks.push(
        "Did the capture's own filter leave the connection out, or was the request made at another time?",
    );
    checks.push("Did the client get as far as connecting? A name that does not resolve ends before TCP.");
    for check in checks {
        write_line(check, out)?;
    }
    writeln!(out)
}

fn write_line(text: &str, out: &mut dyn Write) -> io::Result<()> {
    for (index, line) in wrapped(text, PROSE_COLUMNS - 4).iter().enumerate() {
        writeln!(out, "  {} {line}", if index == 0 { "-" } else { " " })?;
    }
    Ok(())
}
