//! One HTML page to attach and to pass on: the answer, the strip in time, the groups, a ladder of each connection that is shown with
//! what proves the fault, and the table of all connections. It can be read without its script, and loads nothing.
//!
//! The page is written part by part, so that a large one is not held. What it says comes from the same functions as on a
//! terminal; templates and drawings are here.

mod attempt;
mod escaper;
mod listing;
mod lookup;
mod moments;
mod packets;
mod policy;
mod prose;
mod section;
mod shown;
mod transfer;
mod verdict;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::{self, Write};

use askama::Template;

use self::attempt::Attempt;
use self::listing::Listing;
use self::moments::Moments;
use self::section::Section;
use self::transfer::Room;
use self::verdict::class;
use super::collection::Collection;
use super::page::Page;
use super::{capture, check, judgement, logs, overview};
use crate::analysis::{Bounds, Event, Group, GroupKey, Judged, Needs, Redaction, Sink};
use crate::limits;
use crate::probe::CheckOutcome;
use crate::report::text::clock;
use crate::report::text::escape::escaped;
use crate::report::text::words::{PacketNames, count};
use crate::report::{End, Origins, Report, Style, nothing};
use crate::time::Clock;
use crate::verdict::Severity;

/// Digits after the second in times of packets of a check, as tcpdump prints them.
const DIGITS: u8 = 6;

/// What one page shows.
#[derive(Clone)]
pub struct HtmlPage {
    collection: Collection,
    listing: Listing,
    style: Style,
}

impl HtmlPage {
    /// For a capture of one file or several.
    pub fn new(has_files: bool, style: Style, bounds: &Bounds) -> Self {
        // A browser has all characters and breaks lines itself.
        let style = Style { is_ascii: false, is_east_asian: false, ..style };
        let collection =
            Collection::new(has_files, style.detail.clone()).within(bounds).at_most(limits::PAGE_CONNECTIONS);
        Self { collection, listing: Listing::default(), style }
    }

    /// Takes in a connection that is another report's.
    pub fn see(&mut self, judged: &Judged) {
        self.listing.add(judged);
        self.collection.see(judged);
    }

    /// Writes the page once everything is known.
    ///
    /// # Errors
    /// When it can't be written, as of the other function.
    pub fn write(self, end: &End<'_>, out: &mut dyn Write) -> io::Result<()> {
        self.write_with(end, None, out)
    }

    /// Writes the page while the capture runs. `left_out` of the open connections that fail are not in it.
    pub fn write_so_far(self, end: &End<'_>, left_out: usize, out: &mut dyn Write) -> io::Result<()> {
        let room = match left_out {
            0 => String::new(),
            some => format!(" There was no room for {} of them.", count(some as u64, "connection")),
        };
        let remark = format!(
            "The capture is still running: this is what is known so far. Open connections are listed only if they fail.{room}"
        );
        self.write_with(end, Some(remark), out)
    }

    fn write_with(mut self, end: &End<'_>, so_far: Option<String>, out: &mut dyn Write) -> io::Result<()> {
        self.collection.sort();
        self.collection.name_packets(&end.summary.about.files);
        let Self { collection, listing, style } = self;
        match &end.check {
            Some(check) => write_check(check.outcome, check.verbosity, listing, end, &style, out)?,
            None => write_capture(&collection, listing, end, so_far, &style, out)?,
        }
        out.flush()
    }
}

impl Sink for HtmlPage {
    fn needs(&self) -> Needs {
        self.collection.needs()
    }

    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        self.collection.event(event)
    }

    fn connection(&mut self, judged: Judged) -> io::Result<()> {
        self.listing.add(&judged);
        self.collection.connection(judged)
    }
}

/// Writes one page when everything is known.
pub struct HtmlReport<W> {
    page: HtmlPage,
    out: W,
}

impl<W: Write> HtmlReport<W> {
    /// Writes this page.
    pub fn new(page: HtmlPage, out: W) -> Self {
        Self { page, out }
    }
}

impl<W: Write + Send> Sink for HtmlReport<W> {
    fn needs(&self) -> Needs {
        self.page.needs()
    }

    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        self.page.event(event)
    }

    fn connection(&mut self, judged: Judged) -> io::Result<()> {
        self.page.connection(judged)
    }
}

impl<W: Write + Send> Report for HtmlReport<W> {
    fn finish(self: Box<Self>, end: &End<'_>) -> io::Result<()> {
        let Self { page, mut out } = *self;
        page.write(end, &mut out)
    }
}

/// The top of the page: the answer, when it happened, and the groups.
#[derive(Template, Default)]
#[template(path = "page_begin.html", config = "src/report/human/html/askama.toml")]
struct Begin<'a> {
    policy: String,
    style: &'static str,
    version: &'static str,
    class: &'static str,
    word: &'static str,
    headline: String,
    translation: Option<(&'static str, &'static str)>,
    places: Vec<String>,
    /// What the page leaves out, while the capture runs.
    so_far: Option<String>,
    strip: Option<Moments>,
    /// The first is the table's header.
    groups: Vec<GroupRow>,
    left_out: Option<String>,
    checks: Vec<&'static str>,
    attempt: Option<Attempt<'a>>,
}

/// A line of the groups' table.
struct GroupRow {
    class: &'static str,
    cells: [String; 9],
    /// Where the example is.
    href: Option<String>,
}

/// The bottom of the page: all connections, and how it was made.
#[derive(Template)]
#[template(path = "page_end.html", config = "src/report/human/html/askama.toml")]
struct Ending<'a> {
    script: &'static str,
    version: &'static str,
    zone: String,
    unshown: Option<String>,
    listing: listing::Table,
    logs: Option<Vec<String>>,
    counts: String,
    packets: String,
    notes: Vec<String>,
    files: Vec<String>,
    /// How many packets the capture lost.
    drops: String,
    inputs: Vec<(&'a str, Cow<'a, str>)>,
    command: &'a str,
}

/// Writes a template's text.
fn write(template: &impl Template, out: &mut dyn Write) -> io::Result<()> {
    let mut out = out;
    Template::write_into(template, &mut out).map_err(io::Error::other)
}

fn write_capture(
    collection: &Collection,
    listing: Listing,
    end: &End<'_>,
    so_far: Option<String>,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let summary = end.summary;
    let names = PacketNames::new(&summary.about.files, &collection.origins);
    let page = Page { summary: Some(summary), names: &names, digits: summary.about.digits, style };
    let groups = collection.groups(summary);
    let mut shown = shown::of(collection, summary, &groups, style);
    let all = shown.len();
    let (sections, some) = section::of_all(&shown, page, limits::PAGE_SECTION_BYTES)?;
    shown.truncate(some);
    let ids: BTreeSet<u64> = shown.iter().map(|(judged, _)| judged.story.id).collect();
    write(&Begin { so_far, ..begin(collection, &groups, &ids, &listing, page, end) }, out)?;
    out.write_all(&sections)?;
    let lookup = nothing::unanswered(summary).filter(|_| summary.connections == 0 && summary.error.is_none());
    if let Some(found) = lookup {
        write(&Section::of_lookup(found, page, summary), out)?;
    }
    let unshown = shown::others(collection, summary, (&shown, all), style);
    let ending = ending(end, unshown, listing.table(summary, &ids, style), style);
    write(&Ending { notes: capture::lines(collection, summary), ..ending }, out)
}

/// The top of a page on a capture.
fn begin<'a>(
    collection: &Collection,
    groups: &[(&GroupKey, &Group)],
    ids: &BTreeSet<u64>,
    listing: &Listing,
    page: Page<'_>,
    end: &End<'_>,
) -> Begin<'a> {
    let (summary, style) = (end.summary, page.style);
    let file = judgement::files(summary);
    let one = collection.connections.first().filter(|_| summary.connections == 1);
    let (severity, headline, translation, places) = match one {
        _ if end.logs_alone().is_some() => {
            (Severity::Unknown, "logs without a capture".to_owned(), None, Vec::new())
        }
        _ if summary.connections == 0 && summary.error.is_some() => {
            (Severity::Unknown, "stopped before any connection was read".to_owned(), None, vec![file])
        }
        _ if summary.connections == 0 => {
            let line = nothing::lookup(summary).and_then(|lookup| verdict::translation(lookup.code(), style));
            let span = if summary.has_window { overview::span(summary, style) } else { String::new() };
            (nothing::severity(summary), nothing::why(summary), line, vec![span, file])
        }
        Some(judged) => {
            let verdict = &judged.verdict;
            let text = format!("{}: {}", judgement::title(verdict), verdict.headline);
            let when = judgement::when(judged.story.first.at, judged.story.capture.clock, style);
            (
                verdict.severity,
                text,
                verdict::translation(&judgement::line_name(verdict), style),
                vec![when, file],
            )
        }
        None => {
            let (severity, text) = overview::headline(summary);
            let places = vec![overview::who(summary, groups), overview::span(summary, style), file];
            (severity, text, None, places)
        }
    };
    let has_many = summary.connections > 1;
    let mut table = if has_many { overview::table(summary, groups, style) } else { Vec::new() };
    let mut rows: Vec<GroupRow> = Vec::new();
    for (index, cells) in table.drain(..).enumerate() {
        let group = index.checked_sub(1).and_then(|index| groups.get(index));
        rows.push(GroupRow {
            class: group.map_or("", |(key, _)| class(key.severity)),
            cells,
            href: group
                .filter(|(_, group)| ids.contains(&group.example))
                .map(|(_, group)| format!("#c{}", group.example)),
        });
    }
    Begin {
        places: places.into_iter().filter(|place| !place.is_empty()).collect(),
        strip: if has_many {
            Moments::of(&collection.marks, listing, ids, summary.about.clock, style)
        } else {
            None
        },
        groups: rows,
        left_out: overview::left_out(summary, groups).filter(|_| has_many),
        // What to check about a lookup is printed with it.
        checks: if summary.connections == 0
            && summary.error.is_none()
            && end.logs_alone().is_none()
            && nothing::unanswered(summary).is_none()
        {
            capture::checks(summary)
        } else {
            Vec::new()
        },
        ..Begin::new(severity, headline, translation)
    }
}

impl Begin<'_> {
    fn new(severity: Severity, headline: String, translation: Option<(&'static str, &'static str)>) -> Self {
        Self {
            policy: policy::policy(),
            style: policy::STYLE,
            version: env!("CARGO_PKG_VERSION"),
            class: class(severity),
            word: judgement::word(severity),
            headline,
            translation,
            ..Self::default()
        }
    }
}

/// The bottom of a page.
fn ending<'a>(end: &End<'a>, unshown: Option<String>, listing: listing::Table, style: &Style) -> Ending<'a> {
    let summary = end.summary;
    let (counts, packets) = capture::counts(summary);
    let zone = match summary.about.clock {
        Clock::Utc => clock::zone_name(summary.begin, &style.zone),
        Clock::LocalDateTime | Clock::TimeOfDay => "the zone of the text, which it does not name".to_owned(),
        Clock::SinceFirst => "seconds since the first packet".to_owned(),
        Clock::Absent => "no zone: the input has no times".to_owned(),
    };
    let files = summary.about.files.iter();
    Ending {
        script: policy::SCRIPT,
        version: env!("CARGO_PKG_VERSION"),
        zone,
        unshown,
        listing,
        logs: summary.logs.as_deref().map(|logs| log_lines(logs, end.logs_alone().is_some())),
        counts,
        packets,
        notes: Vec::new(),
        files: files
            .map(|file| {
                let snaplen = file.snaplen.map(|snaplen| format!(", snaplen {snaplen}")).unwrap_or_default();
                format!("{}, {}, {}{snaplen}", file.name, file.format, count(file.packets, "packet"))
            })
            .collect(),
        drops: match summary.about.dropped {
            Some(dropped) => format!("{} dropped while capturing", count(dropped, "packet")),
            None => "not recorded in the capture".to_owned(),
        },
        inputs: (end.provenance.inputs.iter())
            .map(|(name, digest)| {
                let digest = match digest {
                    Ok(digest) => Cow::Borrowed(digest.as_str()),
                    Err(why) => Cow::Owned(format!("none: {why}")),
                };
                (name.as_str(), digest)
            })
            .collect(),
        command: &end.provenance.command,
    }
}

/// What the logs read with the capture come to, as on a terminal.
fn log_lines(summary: &crate::analysis::LogSummary, are_alone: bool) -> Vec<String> {
    let mut text = Vec::new();
    // Memory can be written.
    let _ = logs::write(summary, are_alone, &mut text);
    let text = anstream::adapter::strip_bytes(&text).into_vec();
    String::from_utf8_lossy(&text).lines().skip(1).map(str::to_owned).collect()
}

fn write_check(
    outcome: &CheckOutcome,
    verbosity: u8,
    listing: Listing,
    end: &End<'_>,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let conclusion = outcome.conclusion();
    let code = match &conclusion.cause {
        Some(cause) => format!("{} {cause}", conclusion.reason),
        None => conclusion.reason.to_owned(),
    };
    let line = verdict::translation(conclusion.reason, style);
    let headline = format!("{code}: {}", conclusion.headline);
    let places = check::place(outcome, style).to_vec();
    let origins = Origins::default();
    let names = match &outcome.captured {
        Some(captured) => PacketNames::new(&captured.about().files, &origins),
        None => PacketNames::of_steps(&origins),
    };
    let attempt = Some(Attempt::of(outcome, &conclusion, &names, verbosity));
    write(&Begin { places, attempt, ..Begin::new(conclusion.severity, headline, line) }, out)?;
    let page = Page { summary: None, names: &names, digits: DIGITS, style };
    // The connection that decided comes first.
    let decisive = conclusion.connection.unwrap_or(0);
    let others = (0..outcome.connections.len()).filter(|index| *index != decisive);
    let order = std::iter::once(decisive).chain(others);
    let shown: Vec<_> = order
        .filter_map(|index| outcome.connections.get(index))
        .take(limits::PAGE_CONNECTIONS as usize)
        .collect();
    let mut room = Room::default();
    for judged in &shown {
        let section = match outcome.captured {
            Some(_) => Section::of(judged, None, None, page, &mut room),
            None => Section::of_steps(judged, page),
        };
        write(&section, out)?;
    }
    let ids = shown.iter().map(|judged| judged.story.id).collect();
    let table = listing.table(end.summary, &ids, style);
    let zone = clock::zone_name(outcome.began, &style.zone);
    let notes = outcome.captured.as_ref().and_then(|captured| captured.error.as_ref());
    let notes = notes.map(|error| format!("The capture ended early: {}", escaped(&error.to_string())));
    let redacted = end.summary.is_redacted.then(|| Redaction::SENTENCE.to_owned());
    let ending = ending(end, None, table, style);
    let ending = match outcome.captured {
        Some(_) => ending,
        // What the analysis read in place of packets is no file, and nothing of it can be dropped.
        None => Ending { packets: "No packets were captured.".to_owned(), files: Vec::new(), ..ending },
    };
    write(&Ending { zone, notes: redacted.into_iter().chain(notes).collect(), ..ending }, out)
}
