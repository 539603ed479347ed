//! The rungs of a ladder: what is drawn between client and server in each row, and tcpdump's lines for it.

use std::collections::BTreeSet;

use crate::analysis::Judged;
use crate::limits;
use crate::packet::Flags;
use crate::report::human::dropped::dropped;
use crate::report::human::ladder::{Deltas, three_digits};
use crate::report::human::logs;
use crate::report::human::packet::{printed, printer};
use crate::report::human::page::Page;
use crate::report::human::row::{Arrow, Awaited, Kind, Row};
use crate::report::human::timeline::connection_rows;
use crate::report::tcpdump::{self, Numbering};
use crate::report::text::clock;
use crate::report::text::words::count;
use crate::story::{Entry, Item, Note, Seen, Stage, Story};
use crate::tcp::Role;
use crate::time::{Clock, Timestamp};
use crate::verdict::Verdict;

/// Where the lines of client, device and server are, in percent of the width.
const CLIENT: u8 = 8;
const DEVICE: u8 = 50;
const SERVER: u8 = 92;

/// Digits after the second that are shown.
pub(super) const DIGITS: u8 = 6;

/// Digits of the time since which something was awaited.
const SINCE_DIGITS: u8 = 3;

/// A row of the ladder.
#[derive(Default)]
pub(super) struct Rung {
    /// What begins here.
    pub(super) band: Option<&'static str>,
    /// Its further classes, each after a space.
    pub(super) class: String,
    pub(super) label: String,
    pub(super) at: String,
    pub(super) delta: String,
    pub(super) is_fault: bool,
    /// Whether it holds a packet that proves the verdict.
    pub(super) is_proof: bool,
    /// The packets of the evidence in it, by their numbers.
    pub(super) anchors: Vec<u64>,
    pub(super) lane: Option<Lane>,
    /// What the drawing shows, in words.
    pub(super) spoken: String,
    /// What it means.
    pub(super) text: Vec<String>,
    /// Its packets as tcpdump prints them.
    pub(super) raw: Vec<String>,
}

/// What is drawn between client and server.
pub(super) enum Lane {
    Arrow(Drawn),
    /// Words in the middle.
    Text(String),
    /// Several packets.
    Bulk(String),
    /// What belongs to the client alone.
    Beside(String),
}

/// An arrow, with its ends in percent of the width.
pub(super) struct Drawn {
    pub(super) from: u8,
    pub(super) to: u8,
    pub(super) y: u8,
    pub(super) text_y: u8,
    pub(super) class: &'static str,
    pub(super) label: String,
    /// The label above it: how long a silence lasted.
    pub(super) above: Option<String>,
    pub(super) is_lost: bool,
    pub(super) is_repeat: bool,
    /// Whether bytes before the packet's are missing.
    pub(super) has_hole: bool,
}

impl Drawn {
    pub(super) fn new(from: u8, to: u8, class: &'static str, label: String) -> Self {
        Self {
            from,
            to,
            y: 22,
            text_y: 16,
            class,
            label,
            above: None,
            is_lost: false,
            is_repeat: false,
            has_hole: false,
        }
    }

    /// The place of its label: in the middle, or to one side of the line of a device.
    pub(super) fn middle(&self, has_device: bool) -> u8 {
        let middle = self.from.midpoint(self.to);
        if has_device && middle == DEVICE { self.from.midpoint(DEVICE) } else { middle }
    }

    /// Where the hatching of a hole begins, in pixels from the arrow's tail.
    pub(super) fn hole(&self) -> i8 {
        if self.to > self.from { 14 } else { -38 }
    }
}

/// What a ladder shows.
pub(super) struct Rungs {
    pub(super) rows: Vec<Rung>,
    /// The device between client and server, if one was seen there.
    pub(super) device: Option<String>,
    /// What marks mean that occur.
    pub(super) key: Option<String>,
}

impl Rungs {
    /// Creates the rungs of a connection.
    pub(super) fn of(judged: &Judged, page: Page<'_>) -> Self {
        let Judged { story, verdict, .. } = judged;
        let items = story.timeline.items(usize::MAX);
        if items.is_empty() {
            return Self { rows: Vec::new(), device: None, key: None };
        }
        let rows = connection_rows(judged, &items, page, false);
        let mut drawing = Drawing {
            story,
            verdict,
            items: &items,
            page,
            printer: tcpdump::LineStyle {
                is_verbose: false,
                ..printer(page.style, story.capture.clock, page.digits, story.capture.is_text)
            },
            numbering: Numbering::default(),
            deltas: Deltas::default(),
            device: device(story, verdict),
            dropped: dropped(&items),
            stage: Stage::None,
            band: None,
            is_repeated: false,
            is_incomplete: false,
        };
        let (mut lines, mut rungs) = (logs::Rows::new(story), Vec::new());
        let most = limits::PAGE_ROWS;
        for row in rows.iter().take(most) {
            if row.at.is_some() {
                while let Some(line) = lines.next_before(row.at) {
                    rungs.push(log(logs::line_text(line, &drawing.printer)));
                }
            }
            rungs.push(drawing.rung(row));
        }
        while let Some(line) = lines.next_before(None) {
            rungs.push(log(logs::line_text(line, &drawing.printer)));
        }
        let mut key = Vec::new();
        if rows.len() > most {
            key.push(format!("{} more not shown", count((rows.len() - most) as u64, "row")));
        }
        if drawing.is_repeated {
            key.push("three heads: sent again".to_owned());
        }
        if drawing.is_incomplete {
            key.push("hatched: bytes before it are missing".to_owned());
        }
        let key = (!key.is_empty()).then(|| format!("{}.", key.join("; ")));
        Self { rows: rungs, device: drawing.device, key }
    }
}

/// Who sent an ICMP error; a device that nobody knows, where a RST was forged.
fn device(story: &Story, verdict: &Verdict) -> Option<String> {
    if let Some(error) = story.path.icmp_errors.first() {
        return Some(format!("{} (ICMP)", story.names.show(error.from)));
    }
    is_forged(verdict).then(|| "unknown device".to_owned())
}

fn is_forged(verdict: &Verdict) -> bool {
    verdict.cause.as_deref() == Some("rst-injected")
}

fn log(text: String) -> Rung {
    Rung { class: " log".to_owned(), text: vec![text], ..Rung::default() }
}

pub(super) fn line_of(role: Role) -> u8 {
    match role {
        Role::Client => CLIENT,
        Role::Server => SERVER,
    }
}

pub(super) fn class_of(role: Role) -> &'static str {
    match role {
        Role::Client => "client",
        Role::Server => "server",
    }
}

/// What is known while the rows of one connection are drawn.
struct Drawing<'a> {
    story: &'a Story,
    verdict: &'a Verdict,
    items: &'a [Item],
    page: Page<'a>,
    printer: tcpdump::LineStyle,
    numbering: Numbering,
    deltas: Deltas,
    device: Option<String>,
    /// Packets that a device dropped, as its ICMP errors show.
    dropped: BTreeSet<u64>,
    /// What the rows so far reached.
    stage: Stage,
    band: Option<&'static str>,
    is_repeated: bool,
    is_incomplete: bool,
}

impl Drawing<'_> {
    fn rung(&mut self, row: &Row) -> Rung {
        let entries: Vec<&Entry> = row
            .items
            .iter()
            .filter_map(|index| match self.items.get(*index) {
                Some(Item::Packet(entry)) => Some(&**entry),
                _ => None,
            })
            .collect();
        let delta = self.deltas.next(row);
        let band = self.band(row, &entries);
        let evidence: BTreeSet<u64> = self.verdict.evidence.iter().copied().collect();
        let anchors: Vec<u64> = entries
            .iter()
            .map(|entry| entry.moment.number)
            .filter(|number| evidence.contains(number))
            .collect();
        let (lane, spoken) = self.lane(row, &entries);
        let mut text: Vec<String> = row.text.iter().filter(|text| !text.is_empty()).cloned().collect();
        if let (Arrow::Gap(_, _, Some(awaited)), Some(first)) = (&row.arrow, text.first_mut())
            && let Some(since) = self.since(*awaited)
        {
            *first = format!("{first}, since {since}");
        }
        let mut class = String::new();
        for (is_it, name) in [
            (row.is_fault, " fault"),
            (row.is_dim, " dim"),
            (matches!(row.arrow, Arrow::Gap(..)), " silence"),
        ] {
            if is_it {
                class.push_str(name);
            }
        }
        Rung {
            band,
            class,
            label: if row.label == ":" { "⋮".to_owned() } else { row.label.clone() },
            at: self.time(row.at, self.page.digits.min(DIGITS)),
            delta: if matches!(row.arrow, Arrow::Gap(..)) { String::new() } else { delta },
            is_fault: row.is_fault,
            is_proof: !anchors.is_empty() && row.label != ":",
            anchors,
            lane: Some(lane),
            spoken,
            text,
            raw: self.raw(&entries),
        }
    }

    fn time(&self, at: Option<Timestamp>, digits: u8) -> String {
        let at =
            at.and_then(|at| clock::time_of_day(at, self.story.capture.clock, digits, &self.page.style.zone));
        at.unwrap_or_default()
    }

    fn since(&self, awaited: Awaited) -> Option<String> {
        let is_timed = self.story.capture.clock != Clock::Absent;
        is_timed.then(|| self.time(Some(awaited.since), SINCE_DIGITS))
    }

    /// The packets as tcpdump prints them.
    fn raw(&mut self, entries: &[&Entry]) -> Vec<String> {
        let mut lines = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            // The numbers of what follows depend on all of them.
            let text = printed(entry, &self.story.names, &self.printer, &mut self.numbering);
            if index < limits::PAGE_LINES {
                lines.push(text.trim_end().replace(['\n', '\t'], " "));
            }
        }
        if entries.len() > limits::PAGE_LINES {
            lines.push(format!("… {} more", count((entries.len() - limits::PAGE_LINES) as u64, "packet")));
        }
        lines
    }

    /// The part of the connection that begins with this row.
    fn band(&mut self, row: &Row, entries: &[&Entry]) -> Option<&'static str> {
        let before = self.stage;
        for note in entries.iter().flat_map(|entry| &entry.notes) {
            if let Note::Stage(stage, _) = note {
                self.stage = *stage;
            }
        }
        let has_data = entries.iter().any(|entry| match &entry.seen {
            Seen::Segment { header, .. } => header.payload_len.is_some_and(|len| len > 0),
            Seen::Icmp(..) => false,
        });
        let band = match (row.kind, before, self.stage) {
            (Kind::Closing, ..) => "Closing",
            (_, Stage::TlsEstablished | Stage::ApplicationData, _) => "Application",
            (_, _, Stage::None | Stage::Syn | Stage::SynAck | Stage::TcpEstablished) if !has_data => {
                if self.band.is_some_and(|band| band != "TCP") {
                    return None;
                }
                "TCP"
            }
            (_, _, Stage::None | Stage::Syn | Stage::SynAck | Stage::TcpEstablished) => {
                if self.story.tls.client_hello.is_some() { "Before TLS" } else { "Data" }
            }
            _ => "TLS",
        };
        if self.band == Some(band) || (self.band == Some("Closing") && row.kind != Kind::Data) {
            return None;
        }
        self.band = Some(band);
        self.band
    }

    /// What is drawn, and the same in words.
    fn lane(&mut self, row: &Row, entries: &[&Entry]) -> (Lane, String) {
        match &row.arrow {
            Arrow::From(role, label) | Arrow::Lost(role, label) => {
                let is_lost = matches!(row.arrow, Arrow::Lost(..));
                let is_repeat = row.kind == Kind::Repeat
                    || entries
                        .iter()
                        .any(|entry| entry.notes.iter().any(|note| matches!(note, Note::Retransmission(_))));
                let has_hole = entries.iter().any(|entry| {
                    entry.notes.iter().any(|note| matches!(note, Note::Gap(_) | Note::AckedUnseen(_)))
                });
                self.is_repeated |= is_repeat && !is_lost;
                self.is_incomplete |= has_hole;
                let (mut from, mut to) = (line_of(*role), line_of(role.other()));
                let is_reset = entries.iter().any(|entry| is_reset(entry));
                if is_reset && row.is_fault && is_forged(self.verdict) && self.device.is_some() {
                    from = DEVICE;
                }
                let is_dropped = self.device.is_some()
                    && entries.iter().any(|entry| self.dropped.contains(&entry.moment.number));
                if is_dropped {
                    to = DEVICE;
                } else if is_lost {
                    to = if to > from { 78 } else { 22 };
                }
                let is_lost = is_lost || is_dropped;
                let sent = match (is_lost, is_repeat) {
                    _ if is_dropped => ", dropped on the path",
                    (true, _) => ", no reply",
                    (_, true) => ", sent again",
                    _ => "",
                };
                let spoken = format!("{role} to {}, {label}{sent}: ", role.other());
                let drawn = Drawn {
                    is_lost,
                    is_repeat,
                    has_hole,
                    ..Drawn::new(from, to, class_of(*role), label.clone())
                };
                (Lane::Arrow(drawn), spoken)
            }
            Arrow::Gap(what, elapsed, awaited) => {
                let above = match elapsed {
                    Some(elapsed) if *what == "silence" => format!("{} of silence", three_digits(*elapsed)),
                    Some(elapsed) => format!("{what} for {}", three_digits(*elapsed)),
                    None => (*what).to_owned(),
                };
                let spoken = format!("{above}: ");
                let Some(awaited) = awaited.filter(|_| row.is_fault) else {
                    return (Lane::Text(above), spoken);
                };
                let (from, to) = (line_of(awaited.from), line_of(awaited.from.other()));
                let drawn = Drawn {
                    y: 28,
                    text_y: 44,
                    above: Some(above),
                    is_lost: true,
                    ..Drawn::new(from, to, "missing", "expected, did not come".to_owned())
                };
                (Lane::Arrow(drawn), spoken)
            }
            Arrow::Several(label) => (Lane::Bulk(label.clone()), format!("{label}: ")),
            Arrow::Other(label) => match entries.first().and_then(|entry| self.icmp(entry)) {
                Some(to) if self.device.is_some() => {
                    (Lane::Arrow(Drawn::new(DEVICE, to, "path", label.clone())), format!("{label}: "))
                }
                _ => (Lane::Beside(label.clone()), format!("{label}: ")),
            },
        }
    }

    /// The line of the side that an ICMP error was sent to.
    fn icmp(&self, entry: &Entry) -> Option<u8> {
        let Seen::Icmp(error, _) = &entry.seen else { return None };
        let is_server = error.ip.destination == self.story.parties.server.host;
        Some(if is_server { SERVER } else { CLIENT })
    }
}

fn is_reset(entry: &Entry) -> bool {
    match &entry.seen {
        Seen::Segment { header, .. } => header.tcp.flags.is_some_and(Flags::rst),
        Seen::Icmp(..) => false,
    }
}
