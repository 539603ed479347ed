//! What is printed, by who reads it: `human`, `machine`, `monitoring`, and `tcpdump` for its own lines; `text` holds what they
//! share. [`open`] is the one place that knows all forms.
//!
//! This room knows how a reader wants to see things, and escapes whatever came from the wire. It decides nothing: which
//! packets matter and what went wrong is known before anything arrives here.

mod form;
pub mod human;
pub mod machine;
pub mod monitoring;
pub mod tcpdump;
#[cfg(test)]
mod tests;
pub mod text;

use std::io::{self, Write};

use jiff::tz::TimeZone;

pub use form::{Form, NoForm, Subject};
pub use human::Collection;
pub use monitoring::{BadRange, MonitoringDigest, Range, Thresholds};
pub use text::Origins;

use crate::analysis::{Bounds, Cost, Judged, Needs, Sink, Summary};
use crate::capture::{About, ReadError};
use crate::limits;
use crate::packet::{Host, Other};
use crate::probe::Outcome;
use crate::time::Elapsed;
use crate::verdict::Status;
use human::check;
use human::follow::Following;
use human::stream::Stream;
use human::table::TableReport;
use human::timeline::TimelineReport;
use machine::json::JsonReport;
use monitoring::{nagios, prometheus};
use tcpdump::Packets;
use text::words;

/// A report that is being written. It takes connections as they are judged.
pub trait Report: Sink {
    /// Writes what is left once everything is known.
    ///
    /// # Errors
    /// When the output can't be written.
    fn finish(self: Box<Self>, end: &End<'_>) -> io::Result<()>;

    /// What is to be said beside the report and not in it: which bound of its own it reached.
    fn remark(&self) -> Option<String> {
        None
    }
}

/// Where a report goes. Both lead to the same place: a report that writes to both flushes the one before it goes on with the
/// other.
pub struct Out<'o> {
    /// Takes text without styles.
    pub plain: Box<dyn Write + Send + 'o>,
    /// Takes text with styles, and takes them out where they are not wanted.
    pub styled: Box<dyn Write + Send + 'o>,
}

/// How the reports for people are written. Colour is in them always; the writer takes it out where it is not wanted.
#[derive(Clone, Debug)]
pub struct Style {
    /// The zone in which times are shown, the system's as a rule.
    pub zone: TimeZone,
    /// Whether packets are printed as with `tcpdump -vv`, in two lines.
    pub is_verbose: bool,
    /// Whether every connection's packets are shown, however many there are.
    pub shows_all: bool,
    /// Columns that tables may take: the terminal's, or 80.
    pub columns: u16,
}

/// On what occasion a report is written.
#[derive(Clone, Copy, Debug)]
pub enum Occasion<'a> {
    /// A capture is read to its end.
    Read(&'a About, &'a Bounds),
    /// A capture is read whose writer may pause.
    Follow(&'a About, &'a Bounds),
    /// A capture is made. In the timeline, only failures are shown and a line per interval, where one is given.
    Live(&'a About, Option<Elapsed>),
    /// A server was checked.
    Check,
}

/// What is known when all connections were judged.
#[derive(Clone, Copy, Debug)]
pub struct End<'a> {
    /// The capture, or the check's connections, in figures.
    pub summary: &'a Summary,
    /// Files that could not be read at all.
    pub unopened: &'a [ReadError],
    /// The check whose connections these are.
    pub check: Option<Check<'a>>,
    /// What monitoring needs of the connections.
    pub digest: &'a MonitoringDigest,
    /// When the user wants to be alerted.
    pub thresholds: &'a Thresholds,
    /// What was to be watched, in the user's words.
    pub target: Option<&'a str>,
}

/// An active check.
#[derive(Clone, Copy, Debug)]
pub struct Check<'a> {
    /// What came of it.
    pub outcome: &'a Outcome,
    /// How much is wanted beside a plugin's status line: 1 what happened and why, 2 what to do as well, 3 the steps as well.
    pub verbosity: u8,
}

impl End<'_> {
    /// What it all comes to.
    pub fn status(&self) -> Status {
        self.thresholds.status(self.digest, self.verdicts())
    }

    /// What the verdicts come to, thresholds aside.
    pub fn verdicts(&self) -> Status {
        if let Some(check) = &self.check {
            return check.outcome.status();
        }
        let is_unread = self.summary.error.is_some() || !self.unopened.is_empty();
        Status::of(self.summary.severities.keys().copied(), is_unread)
    }
}

/// Begins a report in a form.
pub fn open<'o>(form: Form, out: Out<'o>, style: Style, occasion: Occasion<'_>) -> Box<dyn Report + 'o> {
    let about = match occasion {
        Occasion::Read(about, _) | Occasion::Follow(about, _) | Occasion::Live(about, _) => about.clone(),
        Occasion::Check => About::default(),
    };
    let names: Vec<_> = about.files.iter().map(|file| file.name.clone()).collect();
    match (form, occasion) {
        (Form::Timeline, Occasion::Read(_, bounds)) => {
            Box::new(TimelineReport::new(out.styled, names.len() > 1, style, bounds))
        }
        (Form::Timeline, Occasion::Follow(_, bounds)) => Box::new(Following::new(out.styled, style, bounds)),
        (Form::Timeline, Occasion::Live(_, quiet)) => Box::new(Stream::live(out.styled, style, quiet)),
        (Form::Timeline, Occasion::Check) => {
            at_end(out.styled, move |end, out| check::write(end, &style, out))
        }
        (Form::Table, Occasion::Check) => {
            at_end(out.styled, move |end, out| check::write_table(end, &style, out))
        }
        (Form::Table, _) => Box::new(TableReport::new(out, names.len() > 1, style)),
        (Form::Json, _) => Box::new(JsonReport::new(out.plain, &names)),
        (Form::Nagios, _) => at_end(out.plain, nagios::write),
        (Form::Prometheus, _) => at_end(out.plain, prometheus::write),
        (Form::Tcpdump, _) => Box::new(Packets::new(out.styled, &about, &style)),
    }
}

/// A report that is written by `write` when everything is known.
fn at_end<'o>(
    out: Box<dyn Write + Send + 'o>,
    write: impl FnOnce(&End<'_>, &mut dyn Write) -> io::Result<()> + Send + 'o,
) -> Box<dyn Report + 'o> {
    Box::new(AtEnd { out, write })
}

struct AtEnd<'o, F> {
    out: Box<dyn Write + Send + 'o>,
    write: F,
}

impl<F: Send> Sink for AtEnd<'_, F> {
    fn connection(&mut self, _: Judged) -> io::Result<()> {
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs { packets: false, findings: false, per_connection: Cost::Low }
    }
}

impl<F: FnOnce(&End<'_>, &mut dyn Write) -> io::Result<()> + Send> Report for AtEnd<'_, F> {
    fn finish(self: Box<Self>, end: &End<'_>) -> io::Result<()> {
        let Self { mut out, write } = *self;
        write(end, &mut out)?;
        out.flush()
    }
}

/// Addresses that were looked for and never answered, with how often.
fn unanswered(summary: &Summary) -> impl Iterator<Item = (Host, u64)> + '_ {
    let in_vain = summary.neighbours.iter().filter(|(_, (asked, answered))| *asked > 0 && *answered == 0);
    in_vain.map(|(address, (asked, _))| (*address, *asked))
}

/// Why there is no connection to judge.
fn nothing_to_judge(summary: &Summary) -> String {
    if summary.packets == 0 {
        return "The capture holds no packets.".to_owned();
    }
    if summary.skipped == summary.packets {
        return "The selection left out every packet.".to_owned();
    }
    match portless(summary) {
        Some(text) => format!("{text}."),
        None => "There is no TCP connection in what was read.".to_owned(),
    }
}

/// The TCP packets of a text that belong to no connection because it shows no ports.
fn portless(summary: &Summary) -> Option<String> {
    let of =
        |is_between_names| summary.others.get(&Other::PortlessTcp { is_between_names }).copied().unwrap_or(0);
    let (named, all) = (of(true), of(true) + of(false));
    let packets = words::count(all, "TCP packet");
    let them = if all == 1 { "it" } else { "them" };
    (all > 0).then(|| {
        if named == all {
            format!("{packets} between names, no port shown in {them}")
        } else {
            format!("{packets}, a port not shown in {them}")
        }
    })
}

/// What a bound of the analysis affected, and how often; empty as a rule.
fn bounds_reached(summary: &Summary, origins: &Origins) -> Vec<(&'static str, u64)> {
    [
        ("connections judged before the capture's end because too many were open", summary.evicted),
        ("connections to servers that are not listed one by one", summary.connections_to_others),
        (
            "times that bytes were read without missing ones before them because too many waited",
            summary.holes_given_up,
        ),
        (
            "connections whose timelines are not whole because too many packets were kept",
            summary.timelines_given_up,
        ),
        ("certificate messages not looked at because too many were kept", summary.chains_given_up),
        ("handshake messages not read to their end because too many were kept", summary.messages_given_up),
        ("packets of kinds that are not counted one by one", summary.further_others),
        (
            "searches for addresses that are not counted because too many were looked for",
            summary.further_neighbours,
        ),
        (
            "steps of the capture's clock that are not remembered one by one",
            summary.clock_steps.saturating_sub(limits::CLOCK_STEPS as u64),
        ),
        ("fragmented datagrams given up", summary.fragments_given_up),
        ("packets whose file is not told because the files alternate too often", origins.unkept()),
    ]
    .into_iter()
    .filter(|(_, count)| *count > 0)
    .collect()
}
