//! The picture of a transfer that stalls, after tcptrace's time-sequence graph: bytes over time, with what was acknowledged, how far the
//! receiver's window reached, and what it reported to have.

mod events;
mod paths;
mod scale;
mod stall;
mod words;

use self::events::{Events, What};
use self::paths::Paths;
use self::scale::{Bytes, Times, percent};
use self::stall::{Stall, Why};
use self::words::Words;
use crate::analysis::Judged;
use crate::limits;
use crate::report::human::page::Page;
use crate::report::text::clock;
use crate::report::text::words::{amount, grouped};
use crate::story::Story;
use crate::tcp::Role;
use crate::time::{Clock, Timestamp};
use crate::verdict::Code;

/// Digits after the second in times, as in the ladder's "since".
const DIGITS: u8 = 3;

/// Nearer than this share of the width, a label of the time axis would touch its neighbour, in thousandths.
const APART: f64 = 230.0;

/// How many pictures a page may still have.
pub(in crate::report::human::html) struct Room(usize);

impl Default for Room {
    fn default() -> Self {
        Self(limits::PAGE_TRANSFERS)
    }
}

impl Room {
    /// Where no picture is to be drawn.
    pub(in crate::report::human::html) fn none() -> Self {
        Self(0)
    }
}

/// What a page shows of a transfer.
pub(in crate::report::human::html) enum Transfer {
    Drawn(Box<Picture>),
    /// There are too many.
    LeftOut,
}

/// A picture, with places in thousandths of its width and height unless stated otherwise.
pub(in crate::report::human::html) struct Picture {
    pub(in crate::report::human::html) sender: Role,
    pub(in crate::report::human::html) receiver: Role,
    /// What happened, in sentences.
    pub(in crate::report::human::html) text: String,
    /// Which times and bytes are drawn.
    pub(in crate::report::human::html) extent: String,
    pub(in crate::report::human::html) paths: Paths,
    /// The stall's left side and its width, and its middle, in percent.
    pub(in crate::report::human::html) stall: (String, String, String),
    pub(in crate::report::human::html) label: String,
    pub(in crate::report::human::html) levels: Vec<Level>,
    pub(in crate::report::human::html) ticks: Vec<Tick>,
    /// What is drawn, by its class, in words.
    pub(in crate::report::human::html) key: Vec<(&'static str, String)>,
    /// What is not drawn as it was.
    pub(in crate::report::human::html) notes: Vec<String>,
}

/// A labelled number of bytes.
pub(in crate::report::human::html) struct Level {
    /// From the top, in percent.
    pub(in crate::report::human::html) y: String,
    pub(in crate::report::human::html) label: String,
}

impl Level {
    fn of(level: u64, bytes: Bytes) -> Self {
        let label = match level {
            0..1_000 => grouped(level),
            1_000..1_000_000 => format!("{} kB", thousands(level, 1_000)),
            1_000_000..1_000_000_000 => format!("{} MB", thousands(level, 1_000_000)),
            _ => format!("{} GB", thousands(level, 1_000_000_000)),
        };
        Self { y: percent(bytes.y(level)), label }
    }
}

/// A labelled time.
pub(in crate::report::human::html) struct Tick {
    /// From the left, in percent.
    pub(in crate::report::human::html) x: String,
    pub(in crate::report::human::html) label: String,
    /// On which side of the tick the label is.
    pub(in crate::report::human::html) class: &'static str,
}

impl Transfer {
    /// Creates the picture of a connection on which a side's bytes stall; if both do, of the side that stalls for longer.
    pub(in crate::report::human::html) fn of(
        judged: &Judged,
        page: Page<'_>,
        room: &mut Room,
    ) -> Option<Self> {
        let Judged { story, verdict, .. } = judged;
        // Where packets are missing, what they acknowledged is as well.
        let is_partial = story.one_sided().is_some() || verdict.code == Code::CaptureGap;
        if is_partial || story.capture.clock == Clock::Absent {
            return None;
        }
        let found = [Role::Client, Role::Server].into_iter().filter_map(|sender| {
            let events = Events::of(story, sender)?;
            let stall = Stall::find(&events, story, sender)?;
            Some((sender, events, stall))
        });
        let (sender, events, stall) = found.max_by_key(|(_, _, stall)| stall.elapsed())?;
        if room.0 == 0 {
            return Some(Self::LeftOut);
        }
        room.0 -= 1;
        let plan = Plan { story, page, sender, events: &events, stall: &stall };
        Some(Self::Drawn(Box::new(plan.picture(&verdict.evidence))))
    }
}

/// What a picture is made of.
struct Plan<'a> {
    story: &'a Story,
    page: Page<'a>,
    sender: Role,
    events: &'a Events,
    stall: &'a Stall,
}

impl Plan<'_> {
    fn picture(&self, evidence: &[u64]) -> Picture {
        let &Self { sender, stall, events, .. } = self;
        let bytes = self.bytes();
        let first = self.first(bytes.lowest);
        let last = self.story.last.at.max(stall.until);
        let mut moments: Vec<_> = events.of.iter().flat_map(|event| [event.at, event.until]).collect();
        moments.sort_unstable();
        let times = Times::of(first, stall, last, &moments);
        let paths = Paths::of(events, (&times, first, last), bytes, evidence, self.page.names);
        let words = Words { sender, stall, began: self.time(stall.from) };
        let (from, until) = (times.x(stall.from.max(first)), times.x(stall.until));
        let span = format!("{} to {}", self.time(first), self.time(last));
        let unit = if events.counts_from_syn { "" } else { ", counted from the first one in the capture" };
        Picture {
            sender,
            receiver: sender.other(),
            text: words.sentences(),
            extent: format!(
                "Time runs to the right, from {span}. Bytes of the {sender} rise from {} to {}{unit}.",
                grouped(bytes.lowest),
                grouped(bytes.highest),
            ),
            stall: (percent(from), percent(until - from), percent(from.midpoint(until))),
            label: words.label(),
            levels: bytes.levels().into_iter().map(|level| Level::of(level, bytes)).collect(),
            ticks: self.ticks(&times, first, last),
            key: self.key(&paths),
            notes: self.notes(&times, bytes, &paths),
            paths,
        }
    }

    /// Which bytes are shown: those of the transfer, from where it began after the latest idle time before the stall.
    fn bytes(&self) -> Bytes {
        let (mut lowest, mut highest) = (u64::MAX, 0);
        for event in &self.events.of {
            match &event.what {
                What::Sent(from, to) | What::Again(from, to) => {
                    lowest = lowest.min(*from);
                    highest = highest.max(*to);
                }
                What::Acked { to, sacked, .. } => {
                    highest = sacked.iter().fold(highest.max(*to), |highest, (_, to)| highest.max(*to));
                }
            }
        }
        // A hole before the first byte that was seen is part of what waits.
        Bytes::of(lowest.min(self.stall.acked), highest, self.stall)
    }

    /// When the first of the bytes from `lowest` on were sent.
    fn first(&self, lowest: u64) -> Timestamp {
        let sends = |what: &What| match what {
            What::Sent(_, to) | What::Again(_, to) => *to > lowest,
            What::Acked { .. } => false,
        };
        let first = self.events.of.iter().find(|event| sends(&event.what)).map(|event| event.at);
        first.map_or(self.stall.from, |first| first.min(self.stall.from))
    }

    fn time(&self, at: Timestamp) -> String {
        let zone = &self.page.style.zone;
        clock::time_of_day(at, self.story.capture.clock, DIGITS, zone).unwrap_or_default()
    }

    /// The beginning and the end, and those of the stall where there is room for their labels.
    fn ticks(&self, times: &Times, first: Timestamp, last: Timestamp) -> Vec<Tick> {
        let mut ticks = vec![(times.x(first), first, "first"), (times.x(last), last, "last")];
        for at in [self.stall.from, self.stall.until] {
            let x = times.x(at);
            if at > first && at < last && ticks.iter().all(|(other, ..)| (other - x).abs() >= APART) {
                ticks.push((x, at, ""));
            }
        }
        ticks.sort_by_key(|(_, at, _)| *at);
        let tick = |(x, at, class): (f64, Timestamp, &'static str)| Tick {
            x: percent(x),
            label: self.time(at),
            class,
        };
        ticks.into_iter().map(tick).collect()
    }

    /// What is drawn, in words.
    fn key(&self, paths: &Paths) -> Vec<(&'static str, String)> {
        let (sender, receiver) = (self.sender, self.sender.other());
        let bytes = match sender {
            Role::Client => "client",
            Role::Server => "server",
        };
        let mut key = vec![(bytes, format!("sent by the {sender}"))];
        for (is_there, class, text) in [
            (!paths.again.is_empty(), "again", "R: sent again".to_owned()),
            (!paths.acked.is_empty(), "acked", format!("acknowledged by the {receiver}")),
            (!paths.edge.is_empty(), "edge", format!("end of the {receiver}'s window")),
            (paths.has_closed, "closed", "Z: window closed".to_owned()),
            (!paths.sacked.is_empty(), "sacked", "S: SACK, received beyond a hole".to_owned()),
            (true, "stalled", "stall".to_owned()),
        ] {
            if is_there {
                key.push((class, text));
            }
        }
        key
    }

    fn notes(&self, times: &Times, bytes: Bytes, paths: &Paths) -> Vec<String> {
        let mut notes = Vec::new();
        if !times.is_even {
            notes.push(
                "Time runs evenly within the stall only: the packets before and after it are spread out"
                    .to_owned(),
            );
        }
        if bytes.lowest > 1 && self.events.of.iter().any(|event| is_below(&event.what, bytes.lowest)) {
            notes.push(format!("what was sent before byte {} is not drawn", grouped(bytes.lowest)));
        }
        if let Some(edge) =
            self.stall.edge.filter(|edge| *edge > bytes.highest && self.stall.why != Why::Closed)
        {
            let beyond = amount(edge - bytes.highest);
            notes.push(format!("the {}'s window ends {beyond} above the picture", self.sender.other()));
        } else if !self.events.has_window {
            notes.push("the scale of the window is not in the capture, so its end is not drawn".to_owned());
        }
        if paths.most_packets > 1 {
            notes.push(format!(
                "a line may stand for up to {} packets",
                grouped(u64::from(paths.most_packets))
            ));
        }
        if paths.unlabelled > 0 {
            notes.push(format!(
                "{} marks have no letter, since there are too many",
                grouped(paths.unlabelled)
            ));
        }
        notes
    }
}

fn is_below(what: &What, lowest: u64) -> bool {
    matches!(what, What::Sent(from, _) if *from < lowest)
}

/// Thousands or millions with as few digits as the value has.
fn thousands(value: u64, unit: u64) -> String {
    let (whole, rest) = (value / unit, value % unit);
    let fraction = format!("{:0digits$}", rest, digits = unit.ilog10() as usize);
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() { grouped(whole) } else { format!("{}.{fraction}", grouped(whole)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::text::words::PacketNames;
    use crate::report::{Origins, Style};
    use crate::story::script::talk::{ALL_OPTIONS, Talk, opened};
    use crate::tcp::Role::{Client, Server};

    fn style() -> Style {
        Style { columns: 100, ..crate::report::tests::style(false) }
    }

    /// An answer whose last segment is sent three times and never acknowledged.
    fn stalled() -> Talk {
        let window = |talk: Talk| {
            let (seq, ack) = (talk.next(Client), talk.next(Server));
            talk.segment_with(Client, ".", seq, ack, &[], |header| header.tcp.window = Some(8))
        };
        let begun = opened(("S", &ALL_OPTIONS), ("S.", &ALL_OPTIONS)).then_tls();
        let sent = window(begun.say(Server, &[7; 600])).say(Server, &[7; 700]);
        [300, 600, 1_200, 2_400].into_iter().fold(sent, |talk, pause| talk.wait(pause).repeat(Server))
    }

    fn transfer(talk: &Talk, room: &mut Room) -> Option<Transfer> {
        let story = talk.story(0);
        let verdict = story.verdict();
        let judged = Judged { story, verdict, findings: Vec::new() };
        let (origins, style) = (Origins::default(), style());
        let names = PacketNames::of_steps(&origins);
        Transfer::of(&judged, Page { summary: None, names: &names, digits: DIGITS, style: &style }, room)
    }

    fn picture(talk: &Talk) -> Picture {
        match transfer(talk, &mut Room::default()) {
            Some(Transfer::Drawn(picture)) => *picture,
            _ => panic!("no picture"),
        }
    }

    #[test]
    fn what_was_sent_again_and_acknowledged_and_the_window_are_drawn_and_named() {
        let picture = picture(&stalled());
        assert_eq!((picture.sender, picture.receiver), (Server, Client));
        assert!(
            picture.text.contains("acknowledged nothing new for 4.5") && picture.text.contains("4 times"),
            "{}",
            picture.text
        );
        assert!(picture.label.starts_with("no progress for 4.5"), "{}", picture.label);
        let classes: Vec<_> = picture.key.iter().map(|(class, _)| *class).collect();
        assert_eq!(classes, ["server", "again", "acked", "edge", "stalled"]);
        let letters: Vec<_> = picture
            .paths
            .marks
            .iter()
            .filter(|mark| mark.class == "again")
            .map(|mark| mark.label.as_str())
            .collect();
        assert_eq!(letters, ["R"; 4]);
        assert_eq!(picture.paths.again.matches('M').count(), 4, "{}", picture.paths.again);
    }

    #[test]
    fn every_place_is_within_the_picture() {
        let picture = picture(&stalled());
        let Paths { sent, again, sacked, acked, edge, .. } = &picture.paths;
        for path in [sent, again, sacked, acked, edge] {
            let numbers =
                path.split(|letter: char| !letter.is_ascii_digit()).filter(|number| !number.is_empty());
            assert!(
                numbers.map(|number| number.parse::<u32>().unwrap()).all(|place| place <= 1_000),
                "{path}"
            );
        }
        let places = picture.paths.marks.iter().flat_map(|mark| [&mark.x, &mark.y]);
        let places = places
            .chain(picture.ticks.iter().map(|tick| &tick.x))
            .chain(picture.levels.iter().map(|level| &level.y));
        assert!(
            places.map(|place| place.parse::<f64>().unwrap()).all(|place| (0.0..=100.0).contains(&place))
        );
        let (left, width) =
            (picture.stall.0.parse::<f64>().unwrap(), picture.stall.1.parse::<f64>().unwrap());
        assert!(left >= 12.0 && width >= 30.0 && left + width <= 100.0);
    }

    #[test]
    fn a_page_has_a_limited_number_of_pictures() {
        let mut room = Room(1);
        assert!(matches!(transfer(&stalled(), &mut room), Some(Transfer::Drawn(_))));
        assert!(matches!(transfer(&stalled(), &mut room), Some(Transfer::LeftOut)));
    }

    #[test]
    fn a_transfer_that_does_not_stall_has_no_picture() {
        let talk =
            opened(("S", &ALL_OPTIONS), ("S.", &ALL_OPTIONS)).then_tls().say(Server, &[7; 600]).ack(Client);
        assert!(transfer(&talk.wait(9_000), &mut Room::default()).is_none());
        assert!(
            transfer(&stalled().only(Server), &mut Room::default()).is_none(),
            "one side alone shows none"
        );
    }

    #[test]
    fn bytes_are_labelled_with_as_few_digits_as_they_have() {
        let texts = [(27_500, 1_000), (2_000, 1_000), (1_050_000, 1_000_000), (3_000_000_000, 1_000_000_000)];
        assert_eq!(texts.map(|(value, unit)| thousands(value, unit)), ["27.5", "2", "1.05", "3"]);
    }
}
