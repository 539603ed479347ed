//! The default report: what happened, the packets that show it with their meaning, what follows from them, and the count.

use std::io::{self, Write};

use super::among::among;
use super::collection::Collection;
use super::ladder::Ladder;
use super::logs::{self, Rows};
use super::packet::{printer, write_lines};
use super::page::Page;
use super::row::Row;
use super::rows::rows;
use super::{before, capture, example, fold, judgement, overview, prose};
use crate::analysis::{Group, GroupKey, Judged, Summary};
use crate::report::tcpdump::Numbering;
use crate::report::text::words::{DIM, PacketNames, grouped};
use crate::report::{Detail, Style};
use crate::story::Item;

/// Columns in front of a log's lines.
const LOG_INDENT: usize = 6;

/// Writes the answer, the connections that are shown, and the count.
///
/// # Errors
/// When `out` can't be written.
pub fn write(
    collection: &Collection,
    summary: &Summary,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    if let (Some(logs), true) = (&summary.logs, summary.about.files.is_empty()) {
        return logs::write(logs, true, out);
    }
    let names = PacketNames::new(&summary.about.files, &collection.origins);
    let page = Page { summary: Some(summary), names: &names, digits: summary.about.digits, style };
    let file = judgement::files(summary);
    match style.detail {
        _ if summary.connections == 0 => {}
        Detail::One(id) | Detail::Whole(id) if collection.connections.is_empty() => {
            writeln!(
                out,
                "There is no connection {id}: they are numbered from 1 to {}.\n",
                summary.connections
            )?;
        }
        Detail::One(_) | Detail::Whole(_) => write_all(collection, summary, page, out)?,
        _ if summary.connections == 1 => {
            for judged in &collection.connections {
                write_connection(judged, "", &file, page, out)?;
                writeln!(out)?;
            }
        }
        Detail::All => {
            overview::write(collection, summary, style, out)?;
            writeln!(out)?;
            write_all(collection, summary, page, out)?;
        }
        Detail::Examples => {
            if let Some(only) = overview::only(collection, summary) {
                write_connection(only, "", &file, page, out)?;
                writeln!(out)?;
            } else {
                overview::write(collection, summary, style, out)?;
                writeln!(out)?;
                write_examples(collection, summary, page, out)?;
            }
        }
    }
    if let Some(logs) = &summary.logs {
        logs::write(logs, false, out)?;
        writeln!(out)?;
    }
    capture::write(collection, summary, style, out)?;
    if style.detail == Detail::Examples && summary.connections > 1 {
        write_hint(collection, summary, style, out)?;
    }
    Ok(())
}

/// Writes every connection that is kept.
fn write_all(
    collection: &Collection,
    summary: &Summary,
    page: Page<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    for judged in &collection.connections {
        let (id, all) = (grouped(judged.story.id), grouped(summary.connections));
        let what = format!(" (#{id} of {all})");
        write_among(judged, None, &what, page, out)?;
        writeln!(out)?;
    }
    Ok(())
}

/// Writes a failure of each kind: in full where there is one kind only.
fn write_examples(
    collection: &Collection,
    summary: &Summary,
    page: Page<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let groups = overview::failing(collection, summary);
    for (key, group) in &groups {
        let Some(judged) = collection.example(key) else { continue };
        if groups.len() == 1 {
            let times = if group.count > 1 {
                format!(" ×{}, #{}", group.count, judged.story.id)
            } else {
                format!(" (#{})", judged.story.id)
            };
            write_among(judged, Some((key, group)), &times, page, out)?;
        } else {
            example::write(judged, (key, group), summary, page, out)?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Writes a connection in full with what its neighbours show.
fn write_among(
    judged: &Judged,
    group: Option<(&GroupKey, &Group)>,
    what: &str,
    page: Page<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let (judged, others) = among(judged, group, page.summary, page.style);
    write_connection(&judged, what, "", page, out)?;
    match others {
        Some(others) => prose::write_labelled("Others", &others, page.style, out),
        None => Ok(()),
    }
}

/// How to see more than is shown.
fn write_hint(
    collection: &Collection,
    summary: &Summary,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let groups = collection.groups(summary);
    let Some((_, first)) = groups.first() else { return Ok(()) };
    // The example of an only group is above in full.
    let one = match overview::failing(collection, summary).as_slice() {
        [_] => "--connection N (another in full)".to_owned(),
        _ => format!("--connection {} (one in full)", first.example),
    };
    let text = format!("More: {one}, --all (every one), -o table");
    let text =
        if text.len() <= prose::prose(style) { text } else { "More: --connection N, --all".to_owned() };
    writeln!(out, "{DIM}{text}{DIM:#}")
}

/// Writes one connection: what happened, its packets, and what follows from them.
pub(super) fn write_connection(
    judged: &Judged,
    what: &str,
    file: &str,
    page: Page<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    judgement::write_heading(judged, what, file, page.style, out)?;
    write_body(judged, page, out)
}

/// Writes a connection whose verdict stands above: its ends, its packets, and what follows from them.
pub(super) fn write_answered(judged: &Judged, page: Page<'_>, out: &mut dyn Write) -> io::Result<()> {
    judgement::write_ends(judged, "", page.style, out)?;
    write_body(judged, page, out)
}

fn write_body(judged: &Judged, page: Page<'_>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out)?;
    write_packets(judged, page, out)?;
    writeln!(out)?;
    judgement::write(judged, page.summary, page.names, page.style, out)
}

/// A connection's rows, with what preceded it; `is_tight` folds more of them.
pub(super) fn connection_rows(judged: &Judged, items: &[Item], page: Page<'_>, is_tight: bool) -> Vec<Row> {
    let Page { summary, names, style, .. } = page;
    let Judged { story, verdict, .. } = judged;
    let is_whole = matches!(style.detail, Detail::All | Detail::Whole(_));
    let mut shown = rows(story, verdict, items, names, is_tight, is_whole);
    if shown.len() + before::len(story, verdict, summary) > fold::ROWS && !is_whole {
        shown = rows(story, verdict, items, names, true, false);
    }
    before::add(&mut shown, story, verdict, summary, names);
    shown
}

/// Writes a connection's packets, a row for each or for several.
pub(super) fn write_packets(judged: &Judged, page: Page<'_>, out: &mut dyn Write) -> io::Result<()> {
    let Page { digits, style, .. } = page;
    let story = &judged.story;
    let items = story.timeline.items(usize::MAX);
    if items.is_empty() {
        return writeln!(out, "{DIM}     (its packets were not kept){DIM:#}");
    }
    let has_block = story.tls.examination.as_deref().is_some_and(|found| !found.faults.is_empty());
    let rows = connection_rows(judged, &items, page, has_block);
    let number = rows.iter().map(|row| row.label.chars().count()).max().unwrap_or(0);
    let mut ladder = Ladder::new(style, story.capture.clock, digits, number);
    ladder.write_header(out)?;
    let printer = printer(style, story.capture.clock, digits, story.capture.is_text);
    let mut numbering = Numbering::default();
    let mut lines = Rows::new(story);
    for row in &rows {
        if row.at.is_some() {
            lines.write_before(row.at, LOG_INDENT, &printer, out)?;
        }
        ladder.write(row, out)?;
        if style.verbosity == 0 {
            continue;
        }
        for index in &row.items {
            if let Item::Packet(entry) = &items[*index] {
                write_lines(entry, &story.names, &printer, &mut numbering, style, out)?;
            }
        }
    }
    lines.write_before(None, LOG_INDENT, &printer, out)?;
    logs::write_beyond(story, LOG_INDENT, out)
}
