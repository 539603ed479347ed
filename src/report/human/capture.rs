//! Facts about the capture as a whole, and the count, which is the last line of every report.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::collection::Collection;
use super::glyphs::Glyphs;
use super::judgement::{files, when, write_headline, write_place, write_translation, write_why};
use super::ladder::Ladder;
use super::prose::{prose, write_in, write_labelled, write_next};
use super::{lookup, overview};
use crate::analysis::{Failure, LookupFault, LookupSubject, Summary, Unanswered};
use crate::packet::{Host, Other};
use crate::report::tcpdump::ShownHost;
use crate::report::text::escape::escaped;
use crate::report::text::numbers::times;
use crate::report::text::words::{BOLD, DIM, count, grouped, style_of, wrapped};
use crate::report::text::{kinds as by_kind, lookups};
use crate::report::{Style, nothing};
use crate::verdict::{Code, Severity};

/// Most neighbours of one kind that are named.
const NEIGHBOURS: usize = 3;

/// Most names without an address that are shown one by one.
const NAMES: usize = 3;

/// Kinds of other traffic that the count names.
const KINDS: usize = 3;

/// The smallest snapshot length that truncates no Ethernet frame, VLAN tags included.
const WHOLE_FRAME: u32 = 1522;

/// Writes what was odd about the capture, and the count.
///
/// # Errors
/// When `out` can't be written.
pub(super) fn write(
    collection: &Collection,
    summary: &Summary,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    // A selection that can't be applied is bad usage, and an error of its own.
    if matches!(summary.error, Some(Failure::Select(_))) {
        return Ok(());
    }
    write_notes(collection, summary, style, out)?;
    write_count(summary, style, out)
}

/// Writes what was odd about the capture, and what to check where it has no connection.
///
/// # Errors
/// When `out` can't be written.
pub(super) fn write_notes(
    collection: &Collection,
    summary: &Summary,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    if summary.connections == 0 {
        write_nothing(summary, style, out)?;
    }
    let glyphs = Glyphs::of(style);
    let lines = lines(collection, summary);
    for line in &lines {
        for (index, line) in wrapped(&glyphs.text(line), prose(style) - 11).iter().enumerate() {
            let label = if index == 0 { "Capture" } else { "" };
            writeln!(out, "{DIM}{label:11}{line}{DIM:#}")?;
        }
    }
    if lines.is_empty() { Ok(()) } else { writeln!(out) }
}

/// The totals: connections by outcome, and packets.
pub(super) fn counts(summary: &Summary) -> (String, String) {
    let mut parts = Vec::new();
    let all = overview::but_leftovers(summary);
    for (severity, what) in [
        (Severity::Critical, "failed"),
        (Severity::Warning, "with a warning"),
        (Severity::Ok, "ok"),
        (Severity::Unknown, "undecided"),
    ] {
        let left = if severity == Severity::Unknown { summary.connections - all } else { 0 };
        let some = summary.severities.get(&severity).copied().unwrap_or(0).saturating_sub(left);
        if some > 0 {
            let kinds = kinds(summary, severity, left);
            parts.push(format!("{} {what}{kinds}", grouped(some)));
        }
    }
    let counted = count(all, "connection");
    if let Some(lookup) = nothing::lookup(summary) {
        parts.push(format!("a lookup failed ({})", lookup.code()));
    }
    let mut text = if parts.is_empty() { counted } else { format!("{counted}: {}", parts.join(", ")) };
    if all < summary.connections {
        let left = summary.connections - all;
        text = format!("{text}; {} of older connections not judged", count(left, "leftover"));
    }
    (text, packets(summary))
}

/// Writes the count.
fn write_count(summary: &Summary, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let glyphs = Glyphs::of(style);
    let (text, packets) = counts(summary);
    let worst = [Severity::Critical, Severity::Warning]
        .into_iter()
        .find(|severity| summary.severities.contains_key(severity))
        .map_or(BOLD, style_of);
    let columns = prose(style);
    let (text, packets) = (glyphs.text(&text), glyphs.text(&packets));
    if text.chars().count() + 3 + packets.chars().count() <= columns {
        let (head, rest) =
            text.split_once(" (").map_or((&*text, String::new()), |(head, rest)| (head, format!(" ({rest}")));
        return writeln!(out, "{worst}{head}{worst:#}{rest}   {DIM}{packets}{DIM:#}");
    }
    let lines = wrapped(&text, columns);
    let fits = |line: &String| line.chars().count() + 3 + packets.chars().count() <= columns;
    let is_joined = lines.last().is_some_and(fits);
    for (index, line) in lines.iter().enumerate() {
        let packets = if is_joined && index + 1 == lines.len() {
            format!("   {DIM}{packets}{DIM:#}")
        } else {
            String::new()
        };
        writeln!(out, "{worst}{line}{worst:#}{packets}")?;
    }
    if is_joined {
        return Ok(());
    }
    for line in wrapped(&packets, columns) {
        writeln!(out, "{DIM}{line}{DIM:#}")?;
    }
    Ok(())
}

/// The codes and causes of a severity, each with its number where there are several: ` (tls-alert unknown_ca 4, reset 1)`.
fn kinds(summary: &Summary, severity: Severity, leftovers: u64) -> String {
    if severity == Severity::Ok
        && summary
            .groups
            .worst_first()
            .iter()
            .all(|(key, _)| key.severity != Severity::Ok || key.code == Code::Healthy)
    {
        return String::new();
    }
    let mut kinds = by_kind::as_grouped(summary, severity);
    for kind in &mut kinds {
        if kind.title == Code::Midstream.name() {
            kind.count = kind.count.saturating_sub(leftovers);
        }
    }
    kinds.retain(|kind| kind.count > 0);
    let text: Vec<_> = match kinds.as_slice() {
        [] => return String::new(),
        [only] => vec![escaped(&only.title)],
        kinds => {
            kinds.iter().map(|kind| format!("{} {}", escaped(&kind.title), grouped(kind.count))).collect()
        }
    };
    format!(" ({})", text.join(", "))
}

/// The packets, and those of them that belong to no connection.
fn packets(summary: &Summary) -> String {
    let mut text = count(summary.packets, "packet");
    let others: u64 = summary.others.values().sum::<u64>() + summary.further_others;
    if others > 0 {
        let mut kinds: Vec<_> = summary.others.iter().collect();
        kinds.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let named: Vec<_> = kinds.iter().take(KINDS).map(|(kind, _)| escaped(&kind.to_string())).collect();
        let more = if kinds.len() > KINDS { ", …" } else { "" };
        let _ = write!(text, ", {} of them other traffic ({}{more})", grouped(others), named.join(", "));
    }
    if summary.skipped > 0 {
        let _ = write!(text, ", {} filtered out", grouped(summary.skipped));
    }
    let snaplen = summary.about.files.iter().filter_map(|file| file.snaplen).min();
    if let Some(snaplen) = snaplen.filter(|snaplen| *snaplen < WHOLE_FRAME) {
        let _ = write!(text, ", snaplen {snaplen}");
    }
    text
}

/// What was odd about the capture, a sentence for each.
pub(super) fn lines(collection: &Collection, summary: &Summary) -> Vec<String> {
    let mut lines = Vec::new();
    let are_several = summary.about.files.len() > 1;
    for note in &summary.about.notes {
        let file = summary.about.files.get(usize::from(note.file)).filter(|_| are_several);
        let file = file.map(|file| format!("{}: ", escaped(&file.name))).unwrap_or_default();
        lines.push(format!("{file}{}", note.text));
    }
    match summary.about.dropped {
        Some(dropped) if dropped > 0 => lines.push(format!(
            "{} dropped while capturing: what looks missing may have been there",
            count(dropped, "packet")
        )),
        _ => {}
    }
    if summary.holds_flags_only() {
        lines.push(
            "nothing but SYN, FIN and RST packets: a filter on flags left the data and the acknowledgements out, and few \
             failures show without them"
                .to_owned(),
        );
    }
    if summary.clock_steps > 0 {
        lines.push(format!(
            "the capture's clock stepped {}: no silence is measured across a step",
            times(summary.clock_steps)
        ));
    }
    if summary.icmp_without_connection > 0 {
        lines.push(format!(
            "{} for packets of no connection in the capture",
            count(summary.icmp_without_connection, "ICMP error")
        ));
    }
    lines.extend(unanswered(summary));
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

/// Which addresses and names were asked for without an answer.
fn unanswered(summary: &Summary) -> Vec<String> {
    let mut lines = Vec::new();
    // One is the report's subject.
    let subject = nothing::unanswered(summary).map(|found| &found.subject);
    let is_further = |host: Host| subject != Some(&LookupSubject::Neighbor(host));
    let unanswered: Vec<_> =
        crate::report::unanswered(summary).filter(|(host, _)| is_further(*host)).collect();
    for (protocol, is_v6) in [("ARP", false), ("Neighbor discovery", true)] {
        let hosts: Vec<_> = unanswered.iter().filter(|(host, _)| host.is_ipv6() == is_v6).collect();
        let shown =
            hosts.iter().take(NEIGHBOURS).map(|(host, _)| ShownHost(&summary.names, *host).to_string());
        let mut named = shown.collect::<Vec<_>>().join(", ");
        let whose = match hosts.len() {
            0 => continue,
            1 => "host down, or not on this link",
            _ => "hosts down, or not on this link",
        };
        if hosts.len() > NEIGHBOURS {
            let _ = write!(named, " and {}", count((hosts.len() - NEIGHBOURS) as u64, "more host"));
        }
        let asked = hosts.iter().map(|(_, asked)| asked).sum();
        lines.push(format!("{protocol} for {named}: {}, no reply ({whose})", count(asked, "request")));
    }
    let names: Vec<_> = summary
        .unanswered
        .iter()
        .filter(|found| !found.is_critical && found.fault != LookupFault::NeighborSilent)
        .collect();
    for found in names.iter().take(NAMES) {
        lines.push(format!("DNS: {}", lookups::of(found, &summary.names).line()));
    }
    if names.len() > NAMES {
        lines.push(format!("{} got no address", count((names.len() - NAMES) as u64, "more name")));
    }
    lines
}

/// Nothing to judge: what was there instead, and what to check.
fn write_nothing(summary: &Summary, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    if summary.error.is_some() {
        write_headline(Severity::Unknown, "stopped before any connection was read", style, out)?;
        return writeln!(out);
    }
    write_headline(nothing::severity(summary), &nothing::why(summary), style, out)?;
    if let Some(lookup) = nothing::lookup(summary) {
        write_translation(lookup.code(), style, out)?;
    }
    let found = nothing::unanswered(summary);
    let ends = found
        .map(|found| format!("{} → {}", lookup::client(found, summary), lookup::far_end(found, summary).0));
    let when = found.map(|found| when(found.first.at, summary.about.clock, style));
    let when = when.or_else(|| summary.has_window.then(|| overview::span(summary, style)));
    write_place(&[ends.unwrap_or_default(), when.unwrap_or_default(), files(summary)], style, out)?;
    writeln!(out)?;
    if let Some(found) = found {
        write_lookup(found, summary, style, out)?;
        write_why(&lookups::of(found, &summary.names).explanation(), style, out)?;
    }
    let checks: Vec<_> = checks(summary).into_iter().map(std::borrow::Cow::Borrowed).collect();
    write_next(&checks, style, out)?;
    for (index, text) in lookup::further(summary).iter().enumerate() {
        write_labelled(if index == 0 { "Also" } else { "" }, text, style, out)?;
    }
    if let Some(lookup) = nothing::lookup(summary) {
        write_in(DIM, DIM, "More", &format!("ssmscope explain {}", lookup.code()), style, out)?;
    }
    writeln!(out)
}

/// Writes the packets of a question that got no usable answer.
fn write_lookup(found: &Unanswered, summary: &Summary, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let rows = lookup::rows(found, summary);
    let number = rows.iter().map(|row| row.label.chars().count()).max().unwrap_or(0);
    let mut ladder = Ladder::new(style, summary.about.clock, summary.about.digits, number);
    ladder.write_header_to(lookup::far_end(found, summary).1, out)?;
    for row in &rows {
        ladder.write(row, out)?;
    }
    writeln!(out)
}

/// What to check where the capture has no connection.
pub(super) fn checks(summary: &Summary) -> Vec<&'static str> {
    if let Some(lookup) = nothing::lookup(summary) {
        return lookup.advice().to_vec();
    }
    if nothing::is_unread_text(summary) {
        return vec!["Capture the packets in a form that is read: the note under Capture names the command."];
    }
    // What was asked for is not in the capture, whatever else is.
    if summary.packets > 0 && summary.skipped == summary.packets {
        return vec!["Check --host, --port and the filter: they left out every packet."];
    }
    if summary.has_window {
        return vec!["Check --from and --to: the line above has the capture's own times."];
    }
    let mut checks = Vec::new();
    if summary.skipped > 0 {
        checks.push("Check --host, --port and the filter: they left out packets.");
    }
    if crate::report::unanswered(summary).next().is_some() {
        checks.push("Is the host up? Nothing replied to ARP or neighbor discovery for its address.");
    }
    if summary.others.keys().any(|other| matches!(other, Other::PortlessTcp { .. })) {
        checks.push("Print ports too: text without them cannot be assigned to connections.");
    }
    checks.push("Was the right interface captured? `tcpdump -i any` captures on all of them.");
    checks.push("Does the client use a proxy? Then capture the proxy's address.");
    checks
        .push("Did the capture's filter leave the connection out, or was the request made at another time?");
    checks.push("Did the name resolve? Without an address the client never sends a SYN.");
    checks
}
