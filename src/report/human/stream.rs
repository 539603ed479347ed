//! The report while packets come: each packet as tcpdump prints it, a silence while it lasts, and each verdict as soon as it
//! is known.

use std::collections::HashMap;
use std::io::{self, Write};

use super::capture;
use super::collection::{Collection, has_failed};
use super::glyphs::Glyphs;
use super::ladder::Ladder;
use super::notes::{self, Noted, Notes};
use super::packet::{printer, write_lines};
use super::page::Page;
use super::{judgement, logs, prose, rows, timeline};
use crate::analysis::{Event, Judged, Needs, Sink, Summary};
use crate::report::tcpdump::Numbering;
use crate::report::text::clock;
use crate::report::text::ends;
use crate::report::text::words::{DIM, PacketNames, grouped, wrapped};
use crate::report::{Detail, End, Origins, Report, Style};
use crate::story::{Entry, LogLine, LogTie, Seen, Silence, Story};
use crate::tcp::Role;
use crate::time::{Clock, Elapsed, Timestamp};
use crate::verdict::Code;

/// Digits after the second that tcpdump prints.
pub(super) const MICROSECONDS: u8 = 6;

/// Columns of packet numbers; longer ones push their line to the right.
const INDENT: usize = 5;

/// Writes what happens as it happens.
pub struct Stream<W> {
    out: W,
    style: Style,
    times: TimeForm,
    /// Connections that are shown, by the number of their first packet. Never iterated.
    shown: HashMap<u64, PrintedConnection>,
    /// The first packet's number of the connection that the latest row belongs to.
    latest: Option<u64>,
    quiet: Option<Quiet>,
}

/// What the capture's packets are like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimeForm {
    /// What its times count from.
    pub clock: Clock,
    /// Digits after the second that are shown.
    pub digits: u8,
    /// Whether it is text, without payload.
    pub is_text: bool,
}

/// What was shown of a connection.
#[derive(Default)]
struct PrintedConnection {
    noted: Noted,
    numbering: Numbering,
    previous: Option<Timestamp>,
    code: Option<Code>,
}

/// Only failures are shown, and now and then a line that says how many connections there were.
struct Quiet {
    every: Elapsed,
    since: Option<Timestamp>,
    connections: u64,
    failures: u64,
}

impl<W: Write> Stream<W> {
    /// A report on a capture with `times` of this kind.
    pub fn new(out: W, style: Style, times: TimeForm) -> Self {
        Self { out, style, times, shown: HashMap::new(), latest: None, quiet: None }
    }

    /// A report on a capture that is being made, of failures only where `quiet` is how often a line says how many connections
    /// there were.
    pub fn live(out: W, style: Style, quiet: Option<Elapsed>) -> Self {
        // As tcpdump prints them, whatever the capture has.
        let times = TimeForm { clock: Clock::Utc, digits: MICROSECONDS, is_text: false };
        let quiet = quiet.map(|every| Quiet { every, since: None, connections: 0, failures: 0 });
        Self { quiet, ..Self::new(out, style, times) }
    }

    /// Writes what there is to say about the capture as a whole.
    pub(super) fn end(mut self, summary: &Summary) -> io::Result<()> {
        writeln!(self.out)?;
        if let Some(logs) = &summary.logs {
            logs::write(logs, false, &mut self.out)?;
            writeln!(self.out)?;
        }
        capture::write(&Collection::new(false, Detail::Examples), summary, &self.style, &mut self.out)?;
        self.out.flush()
    }

    fn time(&self, at: Timestamp) -> String {
        let TimeForm { clock, digits, .. } = self.times;
        clock::time_of_day(at, clock, digits, &self.style.zone).unwrap_or_default()
    }

    /// A line for an interval that is over, where only failures are shown.
    fn write_interval(&mut self, at: Timestamp) -> io::Result<()> {
        let Some(quiet) = &mut self.quiet else { return Ok(()) };
        let since = *quiet.since.get_or_insert(at);
        if at - since < quiet.every {
            return Ok(());
        }
        let (connections, failures) = (grouped(quiet.connections), grouped(quiet.failures));
        (quiet.since, quiet.connections, quiet.failures) = (Some(at), 0, 0);
        let time = self.time(at);
        writeln!(
            self.out,
            "{DIM}{time}  in the last {}: connections {connections}, failed {failures}{DIM:#}",
            at - since
        )?;
        self.out.flush()
    }

    /// The verdict, unless the same was printed before.
    fn write_known(&mut self, judged: &Judged) -> io::Result<()> {
        let key = judged.story.first.number;
        let shown = self.shown.entry(key).or_default();
        let before = shown.code.replace(judged.verdict.code);
        if before == Some(judged.verdict.code) || (self.quiet.is_some() && !has_failed(judged)) {
            return Ok(());
        }
        writeln!(self.out)?;
        let origins = Origins::default();
        let names = PacketNames::new(&[], &origins);
        if self.quiet.is_some() {
            let (digits, style) = (self.times.digits, &self.style);
            let page = Page { summary: None, names: &names, digits, style };
            timeline::write_connection(judged, "", "", page, &mut self.out)?;
        } else {
            judgement::write_heading(judged, "", "", &self.style, &mut self.out)?;
            writeln!(self.out)?;
            judgement::write(judged, None, &names, &self.style, &mut self.out)?;
        }
        writeln!(self.out)?;
        self.out.flush()
    }

    /// A packet, and what it means.
    fn entry(&mut self, story: &Story, entry: &Entry) -> io::Result<()> {
        if self.quiet.is_some() {
            return Ok(());
        }
        let TimeForm { clock, digits, is_text } = self.times;
        let origins = Origins::default();
        let names = PacketNames::new(&[], &origins);
        let is_first = self.shown.is_empty();
        let shown = self.shown.entry(story.first.number).or_default();
        let mut notes = Notes::resume(story, &names, shown.noted.of_text(is_text));
        let mut row = rows::passing(story, entry, &names, &mut notes);
        // Rows of several connections come in turn.
        let is_other = self.latest.replace(story.first.number) != Some(story.first.number);
        if is_other && !is_first {
            row.text.push(whose(story, entry));
        }
        let mut ladder = Ladder::new(&self.style, clock, digits, INDENT).after(shown.previous);
        if is_first {
            ladder.write_header(&mut self.out)?;
        }
        ladder.write(&row, &mut self.out)?;
        if self.style.verbosity > 0 {
            let printer = printer(&self.style, clock, digits, is_text);
            write_lines(entry, &story.names, &printer, &mut shown.numbering, &self.style, &mut self.out)?;
        }
        shown.previous = Some(entry.moment.at);
        shown.noted = notes.noted();
        self.out.flush()
    }

    /// A silence that lasts.
    fn silence(&mut self, story: &Story, silence: &Silence) -> io::Result<()> {
        if self.quiet.is_some() {
            return Ok(());
        }
        let since = self.time(silence.since.at);
        let (client, server) = (ends::end(story, Role::Client), ends::end(story, Role::Server));
        let awaited = notes::awaited(story, story.stage, silence);
        let text = format!("{} of silence, {awaited} since {since} ({client} → {server})", silence.elapsed());
        for line in wrapped(&Glyphs::of(&self.style).text(&text), prose::prose(&self.style) - INDENT - 3) {
            writeln!(self.out, "{:1$}{line}", "", INDENT + 3)?;
        }
        self.out.flush()
    }

    /// What a log reports of a connection: the line that names the outcome.
    fn tied(&mut self, connection: Option<u64>, fact: &LogTie) -> io::Result<()> {
        match fact.line().filter(|_| self.quiet.is_none()) {
            Some(line) => self.log_line(connection, line),
            None => Ok(()),
        }
    }

    /// Lines of logs that were written while a connection was open.
    fn log_lines(&mut self, story: &Story) -> io::Result<()> {
        if self.quiet.is_some() {
            return Ok(());
        }
        story.log_lines.iter().try_for_each(|line| self.log_line(Some(story.id), line))?;
        logs::write_beyond(story, INDENT, &mut self.out)
    }

    fn log_line(&mut self, connection: Option<u64>, line: &LogLine) -> io::Result<()> {
        let TimeForm { clock, digits, is_text } = self.times;
        let printer = printer(&self.style, clock, digits, is_text);
        let of = connection.map(|id| format!(" (connection {id})")).unwrap_or_default();
        let text = logs::line_text(line, &printer) + &of;
        for line in wrapped(&Glyphs::of(&self.style).text(&text), prose::prose(&self.style) - INDENT - 3) {
            writeln!(self.out, "{:1$}{line}", "", INDENT + 3)?;
        }
        self.out.flush()
    }
}

/// Whose packet it is: `of CLIENT`, `to CLIENT`.
fn whose(story: &Story, entry: &Entry) -> String {
    let is_of_server = matches!(&entry.seen, Seen::Segment { role: Role::Server, .. } | Seen::Icmp(..));
    format!("{} {}", if is_of_server { "to" } else { "of" }, ends::end(story, Role::Client))
}

impl<W: Write + Send> Sink for Stream<W> {
    fn needs(&self) -> Needs {
        Needs::ALL
    }

    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        match event {
            Event::Entry(story, entry) => self.entry(story, entry),
            Event::Silence(story, silence) => self.silence(story, silence),
            Event::Known(judged) => self.write_known(judged),
            Event::Tied(logs, tie, fact) => self.tied(logs.connections.get(tie.exchange).copied(), fact),
            Event::Idle(at, _) => self.write_interval(*at),
            Event::Packet(_) | Event::Frame(_) | Event::LogUnread(_) | Event::Progress(..) => Ok(()),
        }
    }

    fn connection(&mut self, judged: Judged) -> io::Result<()> {
        if let Some(quiet) = &mut self.quiet {
            quiet.connections += 1;
            quiet.failures += u64::from(has_failed(&judged));
        }
        self.log_lines(&judged.story)?;
        self.write_known(&judged)?;
        self.shown.remove(&judged.story.first.number);
        self.write_interval(judged.story.last.at)
    }
}

impl<W: Write + Send> Report for Stream<W> {
    fn finish(self: Box<Self>, end: &End<'_>) -> io::Result<()> {
        self.end(end.summary)
    }
}
