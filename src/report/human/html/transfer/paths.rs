//! The lines of the picture of a transfer, as SVG's path data, and its marks.

use std::fmt::Write;

use super::events::{Event, Events, What};
use super::scale::{Bytes, Times, percent};
use crate::limits;
use crate::report::text::words::PacketNames;
use crate::time::Timestamp;

/// Two labels nearer than this would cover each other, in thousandths of the width and of the height.
const NEAR: (f64, f64) = (24.0, 60.0);

/// How far a label is from what it names, in thousandths of the height.
const ASIDE: f64 = 45.0;

/// The lines of a picture, in a square of 1,000 by 1,000.
#[derive(Default)]
pub(in crate::report::human::html) struct Paths {
    /// Bytes sent for the first time.
    pub(in crate::report::human::html) sent: String,
    /// Bytes sent again.
    pub(in crate::report::human::html) again: String,
    /// What the receiver reports to have beyond a hole.
    pub(in crate::report::human::html) sacked: String,
    /// Up to where bytes were acknowledged.
    pub(in crate::report::human::html) acked: String,
    /// Up to where the receiver's window reached.
    pub(in crate::report::human::html) edge: String,
    pub(in crate::report::human::html) marks: Vec<Mark>,
    /// Whether a closed window is marked.
    pub(in crate::report::human::html) has_closed: bool,
    /// The most packets that one line stands for.
    pub(in crate::report::human::html) most_packets: u32,
    /// Marks without a label, beyond those that may have one.
    pub(in crate::report::human::html) unlabelled: u64,
}

/// A letter, or a packet's number, at a line.
pub(in crate::report::human::html) struct Mark {
    /// Places in percent.
    pub(in crate::report::human::html) x: String,
    pub(in crate::report::human::html) y: String,
    pub(in crate::report::human::html) class: &'static str,
    pub(in crate::report::human::html) label: String,
}

impl Mark {
    /// Half the width of the ring around it, in pixels.
    pub(in crate::report::human::html) fn half(&self) -> usize {
        /// The width of a character in the ring's type.
        const CHARACTER: usize = 4;
        5 + CHARACTER * self.label.chars().count()
    }

    /// The width of that ring.
    pub(in crate::report::human::html) fn width(&self) -> usize {
        2 * self.half()
    }

    /// How far the ring's middle is to the left of its line.
    pub(in crate::report::human::html) fn aside(&self) -> usize {
        /// Between the ring and the line.
        const GAP: usize = 4;
        self.half() + GAP
    }
}

/// A line of steps: it stays at a height until the next.
#[derive(Default)]
struct Stairs {
    path: String,
    /// The height that it has now.
    at: Option<f64>,
}

impl Stairs {
    fn step(&mut self, x: f64, y: f64) {
        match self.at {
            Some(before) if (before - y).abs() < 0.05 => return,
            Some(_) => put(&mut self.path, format_args!("H{x:.0}V{y:.0}")),
            None => put(&mut self.path, format_args!("M{x:.0} {y:.0}")),
        }
        self.at = Some(y);
    }

    /// The line ends here, and may begin again elsewhere.
    fn pause(&mut self, x: f64) {
        if self.at.take().is_some() {
            put(&mut self.path, format_args!("H{x:.0}"));
        }
    }
}

/// Adds to a path.
fn put(path: &mut String, part: std::fmt::Arguments<'_>) {
    // A string can be written.
    let _ = path.write_fmt(part);
}

/// What is known while lines are drawn.
struct Pen<'a> {
    times: &'a Times,
    bytes: Bytes,
    evidence: &'a [u64],
    names: &'a PacketNames<'a>,
    acked: Stairs,
    edge: Stairs,
    paths: Paths,
    /// Where labels are.
    taken: Vec<(f64, f64)>,
}

impl Paths {
    /// Creates the paths of all events between two times.
    pub(super) fn of(
        events: &Events,
        (times, first, last): (&Times, Timestamp, Timestamp),
        bytes: Bytes,
        evidence: &[u64],
        names: &PacketNames<'_>,
    ) -> Self {
        let mut pen = Pen {
            times,
            bytes,
            evidence,
            names,
            acked: Stairs::default(),
            edge: Stairs::default(),
            paths: Self::default(),
            taken: Vec::new(),
        };
        // Where lines are when the picture begins.
        let before = events.of.iter().rev().filter(|event| event.at < first);
        let known = before.clone().find(|event| matches!(event.what, What::Acked { .. }));
        for event in known.into_iter().chain(events.of.iter().filter(|event| event.at >= first)) {
            pen.draw(event, first);
        }
        let end = times.x(last);
        pen.acked.pause(end);
        pen.edge.pause(end);
        Self { acked: pen.acked.path, edge: pen.edge.path, ..pen.paths }
    }
}

impl Pen<'_> {
    fn draw(&mut self, event: &Event, first: Timestamp) {
        let (x, until) = (self.times.x(event.at.max(first)), self.times.x(event.until.max(first)));
        let bytes = self.bytes;
        let is_seen = |from: u64, to: u64| to > bytes.lowest && from < bytes.highest;
        match &event.what {
            What::Sent(from, to) if is_seen(*from, *to) => {
                self.paths.most_packets = self.paths.most_packets.max(event.packets);
                line(&mut self.paths.sent, (x, self.bytes.y(*from)), (until, self.bytes.y(*to)));
                self.prove(event, x, self.bytes.y(*to));
            }
            What::Again(from, to) if is_seen(*from, *to) => {
                let (from, to) = (self.bytes.y(*from), self.bytes.y(*to));
                line(&mut self.paths.again, (until, from), (until, to));
                self.label((until, to - ASIDE), "again", "R");
                self.prove(event, until, to);
            }
            What::Sent(..) | What::Again(..) => {}
            What::Acked { to, edge, sacked } => {
                let y = self.bytes.y(*to);
                self.acked.step(until, y);
                match edge {
                    Some(edge) if *edge <= self.bytes.highest => {
                        self.edge.step(until, self.bytes.y(*edge));
                        if edge == to {
                            self.paths.has_closed = true;
                            self.label((until, y - ASIDE), "closed", "Z");
                        }
                    }
                    _ => self.edge.pause(until),
                }
                for (from, to) in sacked.iter().filter(|(from, to)| is_seen(*from, *to)) {
                    let (from, to) = (self.bytes.y(*from), self.bytes.y(*to));
                    line(&mut self.paths.sacked, (until, from), (until, to));
                    self.label((until, to - ASIDE), "sacked", "S");
                }
                self.prove(event, until, y);
            }
        }
    }

    /// Numbers a packet of the evidence, to the left of its line.
    fn prove(&mut self, event: &Event, x: f64, y: f64) {
        let number = event.number.filter(|number| self.evidence.contains(number));
        if let Some(number) = number {
            self.label((x, y), "evidence", &self.names.of(number));
        }
    }

    /// Puts a label to a place, unless it would cover another one.
    fn label(&mut self, (x, y): (f64, f64), class: &'static str, label: &str) {
        let width = NEAR.0.max(label.chars().count() as f64 * NEAR.0 / 2.0);
        let middle = if class == "evidence" { x - width } else { x };
        let is_near =
            |(other, other_y): &(f64, f64)| (other - middle).abs() < width && (other_y - y).abs() < NEAR.1;
        if self.taken.iter().any(is_near) {
            return;
        }
        if self.paths.marks.len() >= limits::TRANSFER_LABELS {
            self.paths.unlabelled += 1;
            return;
        }
        self.taken.push((middle, y));
        self.paths.marks.push(Mark { x: percent(x), y: percent(y), class, label: label.to_owned() });
    }
}

/// Adds a straight line, unless the one before it ends where this one would.
fn line(path: &mut String, (from_x, from_y): (f64, f64), (x, y): (f64, f64)) {
    let begins = path.len();
    put(path, format_args!("M{from_x:.0} {from_y:.0}L{x:.0} {y:.0}"));
    // Several segments in one place of the picture are one line.
    if path[..begins].ends_with(&path[begins..]) {
        path.truncate(begins);
    }
}
