//! Many connections at once: how many failed, when, and a line for each group of those that ended in the same way.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::net::IpAddr;

use unicode_width::UnicodeWidthStr;

use super::collection::{self, Collection, LINES};
use super::glyphs::Glyphs;
use super::grid::{self, grid};
use super::judgement::{self, when, word, write_headline, write_place};
use super::ladder::columns;
use super::strip::Strip;
use crate::analysis::{Group, GroupKey, Judged, Summary};
use crate::packet::Host;
use crate::report::Style;
use crate::report::text::neighbours::{self, Conclusion};
use crate::report::text::words::{DIM, count, grouped, style_of, wrapped};
use crate::report::text::{clock, ends, escape::escaped, kinds};
use crate::verdict::Severity;

/// Failures that are shown below the groups' table.
const EXAMPLES: usize = 4;

/// Examples where more groups failed than have a line, so that the report stays within some 60 rows.
const EXAMPLES_OF_MANY: usize = 3;

/// Writes the answer: how many failed, between which hosts, when, and in which ways.
pub(super) fn write(
    collection: &Collection,
    summary: &Summary,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let (severity, text) = headline(summary);
    let groups = collection.groups(summary);
    write_headline(severity, &text, style, out)?;
    if groups.is_empty() && !summary.groups.is_empty() {
        write_place(&[span(summary, style), judgement::files(summary)], style, out)?;
        let text = format!(
            "None of the {} is of the kind that was asked for.",
            count(summary.connections, "connection")
        );
        return writeln!(out, "\n{text}");
    }
    write_place(&[who(summary, &groups), span(summary, style), judgement::files(summary)], style, out)?;
    writeln!(out)?;
    write_strip(collection, summary, style, out)?;
    write_groups(summary, &groups, style, out)
}

fn of(summary: &Summary, severity: Severity) -> u64 {
    summary.severities.get(&severity).copied().unwrap_or(0)
}

/// Connections without the leftovers of older ones, unless that is all there is.
pub(super) fn but_leftovers(summary: &Summary) -> u64 {
    match summary.connections.saturating_sub(summary.groups.leftovers) {
        0 => summary.connections,
        others => others,
    }
}

/// The only connection that is no leftover of an older one, where others are.
pub(super) fn only<'c>(collection: &'c Collection, summary: &Summary) -> Option<&'c Judged> {
    let is_other = |judged: &&Judged| !judged.story.is_leftover();
    let is_alone = but_leftovers(summary) == 1 && summary.connections > 1;
    collection.connections.iter().find(is_other).filter(|_| is_alone)
}

/// What it all comes to.
pub(super) fn headline(summary: &Summary) -> (Severity, String) {
    let all = but_leftovers(summary);
    let ways = |severity| {
        let kinds = kinds::of(summary, severity);
        match kinds.as_slice() {
            [] => String::new(),
            [only] => format!(": {}", only.title),
            kinds => format!(", in {} ways", kinds.len()),
        }
    };
    for (severity, what) in [(Severity::Critical, "failed"), (Severity::Warning, "need a look")] {
        let some = of(summary, severity);
        if some > 0 {
            let text = format!("{} of {} {what}{}", grouped(some), count(all, "connection"), ways(severity));
            return (severity, text);
        }
    }
    let left = summary.connections - all;
    let (fine, open) = (of(summary, Severity::Ok), of(summary, Severity::Unknown).saturating_sub(left));
    match (fine, open) {
        (0, _) => (
            Severity::Unknown,
            format!("none of {} can be judged{}", count(all, "connection"), ways(Severity::Unknown)),
        ),
        (_, 0) => (Severity::Ok, format!("{}, none failed", count(all, "connection"))),
        _ => (
            Severity::Ok,
            format!("{} of {} are ok, {} undecided", grouped(fine), count(all, "connection"), grouped(open)),
        ),
    }
}

/// The clients and servers.
pub(super) fn who(summary: &Summary, groups: &[(&GroupKey, &Group)]) -> String {
    let clients: BTreeSet<Host> =
        groups.iter().flat_map(|(_, group)| group.clients.iter().copied()).collect();
    let is_bound = groups.iter().any(|(_, group)| group.clients.len() >= crate::limits::GROUP_CLIENTS);
    let clients = match clients.iter().next() {
        Some(only) if clients.len() == 1 => escaped(&summary.names.show(*only).to_string()),
        _ if is_bound => format!("{} or more clients", clients.len()),
        _ => count(clients.len() as u64, "client"),
    };
    let servers = match summary.servers.keys().next() {
        Some((host, port)) if summary.servers.len() == 1 => ends::socket(&summary.names, *host, *port),
        first => {
            let is_bound = summary.connections_to_others > 0;
            let some = |what| match summary.servers.len() {
                all if is_bound => format!("{} or more {what}s", grouped(all as u64)),
                all => count(all as u64, what),
            };
            let is_one = |host: &Host| !is_bound && summary.servers.keys().all(|(other, _)| other == host);
            match first.filter(|(host, _)| is_one(host)) {
                Some((host, _)) => {
                    format!("{}, {}", escaped(&summary.names.show(*host).to_string()), some("port"))
                }
                None => some("server"),
            }
        }
    };
    format!("{clients} → {servers}")
}

/// From when to when.
pub(super) fn span(summary: &Summary, style: &Style) -> String {
    let clock = summary.about.clock;
    let Some(begin) = clock::date_and_time(summary.begin, clock, 0, &style.zone) else {
        return String::new();
    };
    let end = when(summary.end, clock, style);
    let date = begin.split_once(' ').map(|(date, _)| format!("{date} "));
    let is_changed = clock::changes_zone((summary.begin, summary.end), clock, &style.zone);
    let begin = if is_changed { when(summary.begin, clock, style) } else { begin };
    let end = date.and_then(|date| end.strip_prefix(&date)).unwrap_or(&end);
    format!("{begin} – {end}")
}

fn write_strip(
    collection: &Collection,
    summary: &Summary,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let glyphs = Glyphs::of(style);
    let clock = summary.about.clock;
    let span = (summary.begin, summary.end);
    let time = |at| clock::minute_within(at, span, clock, &style.zone).unwrap_or_default();
    let (Some(first), Some(last)) = (collection.marks.first(), collection.marks.last()) else {
        return Ok(());
    };
    let (begin, end) = (time(first.at), time(last.at));
    let room = columns(style).saturating_sub(5 + begin.len() + end.len() + 2);
    let Some(strip) = Strip::of(&collection.marks, room, glyphs.ok) else { return Ok(()) };
    writeln!(out, "     {begin} {} {end}", strip.text())?;
    let indent = 5 + begin.len() + 1;
    let room = columns(style) - indent;
    for line in wrapped(&strip.legend(glyphs.ok, room), room) {
        writeln!(out, "{:indent$}{DIM}{line}{DIM:#}", "")?;
    }
    writeln!(out)
}

/// The columns of the groups' table.
const COLUMNS: [&str; 9] = ["", "Count", "Verdict", "Fault", "Server", "Clients", "First", "Last", "Example"];
const SERVER: usize = 4;

/// Columns that are left out where there is less room than all of them need, the first one first.
const DISPENSABLE: [usize; 6] = [7, 5, 3, 6, 8, SERVER];

fn write_groups(
    summary: &Summary,
    groups: &[(&GroupKey, &Group)],
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let glyphs = Glyphs::of(style);
    let shown = &groups[..groups.len().min(LINES)];
    let prefix = shared_prefix(groups);
    let rows: Vec<[String; 9]> =
        shown.iter().map(|(key, group)| cells(summary, key, group, prefix.as_deref(), style)).collect();
    let mut kept: Vec<usize> =
        (0..COLUMNS.len()).filter(|column| *column != SERVER || summary.servers.len() > 1).collect();
    let lay_out = |kept: &[usize]| {
        let count = kept.iter().position(|column| COLUMNS[*column] == "Count").unwrap_or_default();
        let mut table = grid(COLUMNS, &[count]);
        table.set_header(kept.iter().map(|column| COLUMNS[*column]));
        for row in &rows {
            table.add_row(kept.iter().map(|column| row[*column].as_str()));
        }
        grid::text(&table)
    };
    let is_wide = |text: &str| text.lines().any(|line| line.width() > columns(style));
    let mut text = lay_out(&kept);
    for column in DISPENSABLE {
        if !is_wide(&text) {
            break;
        }
        kept.retain(|shown| *shown != column);
        text = lay_out(&kept);
    }
    let mut lines = text.lines();
    writeln!(out, "{DIM}{}{DIM:#}", lines.next().unwrap_or_default())?;
    for ((key, _), line) in shown.iter().zip(lines) {
        let (color, word) = (style_of(key.severity), word(key.severity));
        writeln!(out, "{color}{word}{color:#}{}", glyphs.text(line.strip_prefix(word).unwrap_or(line)))?;
    }
    if let Some(text) = left_out(summary, groups) {
        for line in wrapped(&text, columns(style).saturating_sub(8)) {
            writeln!(out, "{DIM}{:6}  {line}{DIM:#}", "")?;
        }
    }
    Ok(())
}

/// What has no line in the groups' table.
pub(super) fn left_out(summary: &Summary, groups: &[(&GroupKey, &Group)]) -> Option<String> {
    let hidden = groups.get(LINES..).unwrap_or_default();
    let sum = |groups: &[(&GroupKey, &Group)]| groups.iter().map(|(_, group)| group.count).sum::<u64>();
    let left = sum(hidden) + summary.groups.ungrouped;
    if left == 0 {
        return None;
    }
    // The worst are first.
    let is_failure = |severity| matches!(severity, Severity::Critical | Severity::Warning);
    let failing = &hidden[..hidden.iter().take_while(|(key, _)| is_failure(key.severity)).count()];
    let further = match (failing.len() as u64, sum(failing)) {
        (0, _) => count(left, "connection"),
        (groups, failed) => {
            let failing = format!("{} ({})", count(groups, "failing group"), count(failed, "connection"));
            match left - failed {
                0 => failing,
                others => format!("{failing} and {} in further groups", count(others, "connection")),
            }
        }
    };
    let text = if failing.is_empty() {
        format!("{further} in further groups")
    } else {
        format!("not listed: {further}")
    };
    Some(format!("{text}; -o table lists them"))
}

/// The groups' table in cells, with its header.
pub(super) fn table(summary: &Summary, groups: &[(&GroupKey, &Group)], style: &Style) -> Vec<[String; 9]> {
    let rows = groups.iter().take(LINES).map(|(key, group)| cells(summary, key, group, None, style));
    std::iter::once(COLUMNS.map(str::to_owned)).chain(rows).collect()
}

fn cells(
    summary: &Summary,
    key: &GroupKey,
    group: &Group,
    prefix: Option<&str>,
    style: &Style,
) -> [String; 9] {
    let span = (summary.begin, summary.end);
    let time = |at| clock::time_within(at, span, summary.about.clock, &style.zone).unwrap_or_default();
    let fault = if matches!(key.severity, Severity::Ok | Severity::Unknown) {
        "-"
    } else {
        let others = neighbours(summary, key, group, style);
        others.and_then(|others| others.actor).unwrap_or(key.actor).name()
    };
    [
        word(key.severity).to_owned(),
        grouped(group.count),
        escaped(&key.title()),
        fault.to_owned(),
        ends::socket(&summary.names, key.server.0, key.server.1),
        clients(summary, group, prefix),
        time(group.first),
        time(group.last),
        format!("#{}", group.example),
    ]
}

/// A group's clients, by the last part of their addresses where they share the others.
fn clients(summary: &Summary, group: &Group, prefix: Option<&str>) -> String {
    const FEW: usize = 4;
    let all = group.clients.len();
    if all >= crate::limits::GROUP_CLIENTS {
        return format!("{all} or more");
    }
    let shown: Vec<_> =
        group.clients.iter().map(|host| escaped(&summary.names.show(*host).to_string())).collect();
    match (prefix, shown.as_slice()) {
        (_, [only]) if prefix.is_none() => only.clone(),
        (Some(prefix), some) if all <= FEW => {
            let short = some.iter().map(|host| host.strip_prefix(prefix).unwrap_or(host));
            short.collect::<Vec<_>>().join(" ")
        }
        _ => count(all as u64, "client"),
    }
}

/// The first three parts that all clients' IPv4 addresses share: `10.66.76`.
fn shared_prefix(groups: &[(&GroupKey, &Group)]) -> Option<String> {
    let mut hosts = groups.iter().flat_map(|(_, group)| group.clients.iter());
    let of = |host: &Host| match host {
        Host::Address(IpAddr::V4(address)) => {
            let [a, b, c, _] = address.octets();
            Some(format!("{a}.{b}.{c}"))
        }
        _ => None,
    };
    let first = of(hosts.next()?)?;
    let mut rest = hosts.peekable();
    rest.peek()?;
    rest.all(|host| of(host).as_deref() == Some(first.as_str())).then_some(first)
}

/// The groups of which an example is shown below the overview: those that failed, or, where nothing can be judged, those that are
/// undecided.
pub(super) fn failing<'s>(collection: &Collection, summary: &'s Summary) -> Vec<(&'s GroupKey, &'s Group)> {
    let groups = collection.groups(summary);
    let of = |severities: &[Severity]| {
        let mut shown: Vec<_> =
            groups.iter().filter(|(key, _)| severities.contains(&key.severity)).copied().collect();
        shown = collection::each_way_first(shown);
        shown.truncate(if shown.len() > LINES { EXAMPLES_OF_MANY } else { EXAMPLES });
        shown
    };
    let failed = of(&[Severity::Critical, Severity::Warning]);
    if failed.is_empty() && headline(summary).0 == Severity::Unknown {
        of(&[Severity::Unknown])
    } else {
        failed
    }
}

/// What the group's neighbours show, with times in the zone of the report.
pub(super) fn neighbours(
    summary: &Summary,
    key: &GroupKey,
    group: &Group,
    style: &Style,
) -> Option<Conclusion> {
    let span = (summary.begin, summary.end);
    let time = |at| clock::time_within(at, span, summary.about.clock, &style.zone);
    neighbours::conclude(summary, key, group, &time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::script::talk::{Talk, exchange};
    use crate::tcp::Role;

    #[test]
    fn failing_groups_without_a_line_are_counted_and_have_fewer_examples() {
        let judged = |talk: Talk, port: u16| {
            let mut story = talk.story(60_000);
            story.parties.server.port = port;
            Judged { verdict: story.verdict(), story, findings: Vec::new() }
        };
        let mut summary = Summary::default();
        let mut add = |refused: std::ops::Range<u16>, healthy: u16| {
            for port in refused {
                summary.groups.add(&judged(Talk::to_port(443).syn().rst(Role::Server), port));
            }
            for port in 0..healthy {
                summary.groups.add(&judged(exchange().fin(Role::Client).fin(Role::Server), 1_000 + port));
            }
            let groups = summary.groups.worst_first();
            (
                left_out(&summary, &groups),
                failing(&Collection::new(false, crate::report::Detail::Examples), &summary).len(),
            )
        };
        assert_eq!(add(0..4, 0), (None, 4));
        let (left, examples) = add(4..20, 0);
        assert_eq!(
            left.as_deref(),
            Some("not listed: 8 failing groups (8 connections); -o table lists them")
        );
        assert_eq!(examples, 3);
        let (left, _) = add(20..20, 5);
        assert_eq!(
            left.as_deref(),
            Some(
                "not listed: 8 failing groups (8 connections) and 5 connections in further groups; -o table lists them"
            )
        );
    }
}
