//! The default report: each connection's packets as tcpdump prints them, what they mean beside them, and the verdict.

use std::io::{self, Write};

use super::collection::{Collection, MANY, has_failed};
use super::logs::{self, Rows};
use super::notes::Notes;
use super::packet::{printer, write_note, write_packet};
use super::{capture, chain, table};
use crate::analysis::{Bounds, Event, Judged, Needs, Sink, Summary};
use crate::finding::Weight;
use crate::report::tcpdump::Numbering;
use crate::report::text::clock;
use crate::report::text::ends;
use crate::report::text::words::{BOLD, DIM, PROSE_COLUMNS, PacketNames, amount, count, style_of, wrapped};
use crate::report::{End, Report, Style};
use crate::story::{Entry, Item, Note, Stage, Story};
use crate::tcp::Role;
use crate::tls::Basis;
use crate::verdict::{Actor, Verdict};

/// A run of more unremarkable packets than this is one line.
const LONGEST_RUN: usize = 6;

/// Columns of the verdict's labels.
const LABEL_COLUMNS: usize = 10;

/// Collects connections, and writes them with their packets once all are known.
pub struct TimelineReport<W> {
    collection: Collection,
    style: Style,
    out: W,
}

impl<W: Write> TimelineReport<W> {
    /// For a capture of one file or several.
    pub fn new(out: W, has_files: bool, style: Style, bounds: &Bounds) -> Self {
        let collection = Collection::new(has_files, style.shows_all).within(bounds);
        Self { collection, style, out }
    }
}

impl<W: Write + Send> Sink for TimelineReport<W> {
    fn connection(&mut self, judged: Judged) -> io::Result<()> {
        self.collection.connection(judged)
    }

    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        self.collection.event(event)
    }

    fn needs(&self) -> Needs {
        self.collection.needs()
    }
}

impl<W: Write + Send> Report for TimelineReport<W> {
    fn finish(mut self: Box<Self>, end: &End<'_>) -> io::Result<()> {
        self.collection.sort();
        write(&self.collection, end.summary, &self.style, &mut self.out)?;
        self.out.flush()
    }
}

/// Writes the connections and, after them, what there is to say about the capture.
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
    let is_many = collection.connections.len() > MANY && !style.shows_all;
    if is_many {
        table::write_connections(collection, summary, style, out)?;
        writeln!(out)?;
    }
    for judged in collection.connections.iter().filter(|judged| !is_many || has_failed(judged)) {
        write_connection(judged, summary.about.digits, &names, style, out)?;
    }
    capture::write(collection, summary, out)?;
    if let Some(logs) = &summary.logs {
        logs::write(logs, false, out)?;
    }
    if is_many && !collection.connections.iter().all(has_failed) {
        writeln!(out, "{DIM}Packets are shown of connections that failed; --all shows all.{DIM:#}")?;
    }
    Ok(())
}

/// One connection: its packets and the verdict.
pub(super) fn write_connection(
    judged: &Judged,
    digits: u8,
    names: &PacketNames<'_>,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let story = &judged.story;
    write_heading(story, digits, style, out)?;
    let items = story.timeline.items(LONGEST_RUN);
    let label = |entry: &Entry| names.at(entry.moment.number, entry.origin);
    let packets = items.iter().filter_map(|item| match item {
        Item::Packet(entry) => Some(label(entry).len()),
        Item::Fold { .. } => None,
    });
    let indent = packets.max().unwrap_or(0).max(3);
    let printer = printer(style, story.capture.clock, digits, story.capture.is_text);
    let mut numbering = Numbering::default();
    let mut notes = Notes::new(story, names);
    let mut rows = Rows::new(story);
    let mut previous = None;
    for item in &items {
        match item {
            Item::Fold { packets, bytes, first, until } => {
                rows.write_before(Some(first.at), indent, &printer, out)?;
                let (packets, bytes) = (count(*packets, "packet"), amount(*bytes));
                let elapsed = *until - first.at;
                writeln!(out, "{:indent$}  {DIM}… {packets}, {bytes}, {elapsed} …{DIM:#}", "")?;
                previous = Some(*until);
            }
            Item::Packet(entry) => {
                rows.write_before(Some(entry.moment.at), indent, &printer, out)?;
                for note in &entry.notes {
                    if let Note::Silence(silence) = note {
                        write_note(&[notes.silence(silence)], indent, out)?;
                    }
                }
                write_packet(entry, &story.names, &label(entry), indent, &printer, &mut numbering, out)?;
                let after = previous.map(|previous| entry.moment.at - previous);
                write_note(&notes.about(entry, after), indent, out)?;
                previous = Some(entry.moment.at);
            }
        }
    }
    rows.write_before(None, indent, &printer, out)?;
    write_end(story, &notes, indent, out)?;
    writeln!(out)?;
    write_judgement(judged, names, style, out)
}

/// The verdict, what else is worth knowing, and the certificates.
pub(super) fn write_judgement(
    judged: &Judged,
    names: &PacketNames<'_>,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    write_verdict(judged, names, out)?;
    write_certificates(&judged.story, names, style, out)?;
    writeln!(out)
}

/// Who speaks with whom, and when.
pub(super) fn write_heading(story: &Story, digits: u8, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let (client, server) = (ends::end(story, Role::Client), ends::end(story, Role::Server));
    writeln!(out, "{BOLD}{client} → {server}{BOLD:#}")?;
    let start = clock::date_and_time(story.first.at, story.capture.clock, digits, &style.zone);
    let start = start.map(|start| format!("{start}, ")).unwrap_or_default();
    let elapsed = story.last.at - story.first.at;
    writeln!(out, "{DIM}{start}{} in {elapsed}{DIM:#}", count(story.packets, "packet"))
}

/// How the packets end: in a silence up to the capture's end, or with the capture.
fn write_end(story: &Story, notes: &Notes<'_>, indent: usize, out: &mut dyn Write) -> io::Result<()> {
    let end = story.capture.end;
    // An ICMP error is an answer of its kind.
    let is_answered = story.stage == Stage::Syn && !story.path.icmp_errors.is_empty();
    let trailing =
        story.silence().filter(|silence| silence.until == end && end > story.last.at && !is_answered);
    match trailing {
        Some(silence) => write_note(&[format!("{}; the capture ends", notes.silence(silence))], indent, out),
        None if story.endings.is_empty() && !is_answered => {
            let rest = end - story.last.at;
            let after = if rest.nanos() > 0 { format!(" {rest} later") } else { " here".to_owned() };
            write_note(&[format!("the capture ends{after}")], indent, out)
        }
        None => Ok(()),
    }
}

fn write_verdict(judged: &Judged, names: &PacketNames<'_>, out: &mut dyn Write) -> io::Result<()> {
    let Judged { story, verdict, findings } = judged;
    let color = style_of(verdict.severity);
    writeln!(
        out,
        "{color}{} ({}){color:#} {BOLD}at {}{BOLD:#}",
        verdict.code, verdict.severity, story.stage
    )?;
    for line in wrapped(&verdict.headline, PROSE_COLUMNS) {
        writeln!(out, "{BOLD}{line}{BOLD:#}")?;
    }
    writeln!(out)?;
    write_labelled("Why", &verdict.explanation, out)?;
    if let Some(look) = look_at(verdict) {
        write_labelled("Look at", &look, out)?;
    }
    if !verdict.client_reports.is_empty() {
        let reports = verdict.client_reports.join("; ");
        write_labelled("Reported", &format!("the client will have said: {reports}"), out)?;
    }
    if !verdict.evidence.is_empty() {
        let basis = match verdict.basis {
            Basis::Decoded => "every byte needed was there",
            Basis::Partial => "some bytes were there, the rest told from lengths",
            Basis::Inferred => "inferred from lengths, directions and order",
        };
        write_labelled("Evidence", &format!("{} ({basis})", names.list(&verdict.evidence)), out)?;
    }
    for (index, advice) in verdict.advice.iter().enumerate() {
        let label = if index == 0 { "Do next" } else { "" };
        write_labelled(label, &format!("{}. {advice}", index + 1), out)?;
    }
    for (index, finding) in findings.iter().enumerate() {
        let label = if index == 0 { "Also" } else { "" };
        let weight = if finding.severity == Weight::Warning { "Warning: " } else { "" };
        let packets = match finding.evidence.as_slice() {
            [] => String::new(),
            evidence => format!(" ({})", names.list(evidence)),
        };
        write_labelled(label, &format!("{weight}{}{packets}", finding.text), out)?;
    }
    Ok(())
}

/// The server's certificates, or why none are to be seen.
fn write_certificates(
    story: &Story,
    names: &PacketNames<'_>,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    if let Some(missing) = chain::missing(story) {
        write_labelled("Chain", &missing, out)?;
    }
    if let Some(table) = chain::table(story, style.columns) {
        writeln!(out, "\n{table}")?;
    }
    if let Some(checked) = chain::checked(story) {
        write_labelled("Checked", &checked, out)?;
    }
    if let Some(client) = chain::client(story, names) {
        write_labelled("Client", &client, out)?;
    }
    Ok(())
}

fn look_at(verdict: &Verdict) -> Option<String> {
    let cause = verdict.cause.as_ref().map(|cause| format!(" (cause: {cause})")).unwrap_or_default();
    match verdict.actor {
        Actor::Unknown => verdict.cause.as_ref().map(|cause| format!("cause: {cause}")),
        Actor::Path => Some(format!("the path between the two{cause}")),
        actor => Some(format!("the {actor}{cause}")),
    }
}

/// Prose with a label in the margin.
pub(super) fn write_labelled(label: &str, text: &str, out: &mut dyn Write) -> io::Result<()> {
    for (index, line) in wrapped(text, PROSE_COLUMNS - LABEL_COLUMNS).iter().enumerate() {
        let label = if index == 0 { label } else { "" };
        writeln!(out, "{DIM}{label:LABEL_COLUMNS$}{DIM:#}{line}")?;
    }
    Ok(())
}
