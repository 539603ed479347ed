//! The strip in time as a picture: a lane for each kind of outcome, over an axis of time.

use std::collections::BTreeSet;

use super::listing::Listing;
use super::verdict;
use crate::report::Style;
use crate::report::human::judgement;
use crate::report::human::strip::Mark;
use crate::report::text::clock;
use crate::report::text::words::{count, grouped};
use crate::time::{Clock, SECOND, Timestamp};
use crate::verdict::{Code, Severity};

/// Connections that have a mark of their own each; more share spans of time.
const SINGLE: usize = 240;

/// Spans of time where connections share them.
const SPANS: usize = 120;

/// Kinds of outcome that have a lane, the worst first.
const LANES: usize = 10;

/// How high a lane's highest mark is, in pixels, and where its base is.
const HIGHEST: u64 = 18;
const BASE: u64 = 21;

/// Ticks of the axis, at most.
const TICKS: i64 = 5;

/// What the picture shows.
pub(super) struct Moments {
    pub(super) lanes: Vec<Lane>,
    pub(super) ticks: Vec<Tick>,
    /// The label of the axis: the time zone.
    pub(super) axis: String,
    pub(super) begin: String,
    pub(super) end: String,
    pub(super) note: Option<String>,
}

/// The connections with one outcome.
pub(super) struct Lane {
    pub(super) class: &'static str,
    pub(super) word: &'static str,
    pub(super) title: String,
    pub(super) count: String,
    pub(super) marks: Vec<Spot>,
}

/// A connection, or several of one span of time.
pub(super) struct Spot {
    /// From the left, in percent.
    pub(super) x: String,
    pub(super) y: u64,
    pub(super) width: &'static str,
    pub(super) height: u64,
    pub(super) title: String,
    /// Where the connection is shown.
    pub(super) href: Option<String>,
}

/// A time on the axis.
pub(super) struct Tick {
    pub(super) x: String,
    pub(super) label: String,
    /// On which side of the tick the label is.
    pub(super) class: &'static str,
}

impl Moments {
    /// Creates the moments of these connections in order of time; `ids` are shown in full.
    pub(super) fn of(
        marks: &[Mark],
        listing: &Listing,
        ids: &BTreeSet<u64>,
        clock: Clock,
        style: &Style,
    ) -> Option<Self> {
        let (first, last) = (marks.first()?.at, marks.last()?.at);
        let is_timed = clock != Clock::Absent && last > first;
        let span = if is_timed { (last - first).nanos() } else { marks.len() as i64 - 1 }.max(1);
        let place = |index: usize, at: Timestamp| {
            let offset = if is_timed { (at - first).nanos() } else { index as i64 };
            offset as f64 / span as f64
        };
        let mut kinds: Vec<Kind<'_>> = Vec::new();
        for (index, mark) in marks.iter().enumerate() {
            let spot = (place(index, mark.at), mark);
            match kinds.iter_mut().find(|(_, code, _)| *code == mark.code) {
                Some((.., spots)) => spots.push(spot),
                None => kinds.push((mark.severity, mark.code, vec![spot])),
            }
        }
        kinds.sort_by_key(|(severity, code, spots)| {
            (std::cmp::Reverse(severity.urgency()), std::cmp::Reverse(spots.len()), *code)
        });
        let left: usize = kinds.iter().skip(LANES).map(|(.., spots)| spots.len()).sum();
        let are_single = marks.len() <= SINGLE;
        let time = |at| clock::time_of_day(at, clock, 0, &style.zone).unwrap_or_default();
        let lanes = kinds.iter().take(LANES).map(|(severity, code, spots)| Lane {
            class: verdict::class(*severity),
            word: judgement::word(*severity),
            title: code.to_string(),
            count: grouped(spots.len() as u64),
            marks: if are_single { single(spots, listing, ids, style) } else { spans(spots, ids, &time) },
        });
        let lanes = lanes.collect();
        let how =
            if are_single { None } else { Some("each bar is a span of time, as high as it has connections") };
        let left =
            (left > 0).then(|| format!("{} of further kinds not shown", count(left as u64, "connection")));
        let note: Vec<_> = how.map(str::to_owned).into_iter().chain(left).collect();
        Some(Self {
            lanes,
            ticks: if is_timed { ticks(first, last, clock, style) } else { Vec::new() },
            axis: if clock == Clock::Utc { clock::zone_name(first, &style.zone) } else { "time".to_owned() },
            begin: time(first),
            end: time(last),
            note: (!note.is_empty()).then(|| format!("{}.", note.join("; "))),
        })
    }
}

/// Connections with one outcome, each with its place in time from 0 to 1.
type Kind<'a> = (Severity, Code, Vec<(f64, &'a Mark)>);

/// A place in percent, within 1 and 99 so that marks at the ends are whole.
fn percent(place: f64) -> String {
    format!("{:.2}", 1.0 + 98.0 * place.clamp(0.0, 1.0))
}

/// A mark for each connection.
fn single(spots: &[(f64, &Mark)], listing: &Listing, ids: &BTreeSet<u64>, style: &Style) -> Vec<Spot> {
    let spot = |(place, mark): &(f64, &Mark)| Spot {
        x: percent(*place),
        y: BASE - HIGHEST,
        width: "5",
        height: HIGHEST,
        title: listing.words(mark.id, style).unwrap_or_else(|| format!("#{}", mark.id)),
        href: ids.contains(&mark.id).then(|| format!("#c{}", mark.id)),
    };
    spots.iter().map(spot).collect()
}

/// A bar for each span of time that has connections.
fn spans(spots: &[(f64, &Mark)], ids: &BTreeSet<u64>, time: &dyn Fn(Timestamp) -> String) -> Vec<Spot> {
    let mut spans: Vec<Vec<&Mark>> = vec![Vec::new(); SPANS];
    for (place, mark) in spots {
        let index = ((place * SPANS as f64) as usize).min(SPANS - 1);
        spans[index].push(mark);
    }
    let most = spans.iter().map(Vec::len).max().unwrap_or(1).max(1) as u64;
    let bars = spans.iter().enumerate().filter_map(|(index, marks)| {
        let (first, last) = (marks.first()?, marks.last()?);
        let height = (HIGHEST * marks.len() as u64).div_ceil(most).max(2);
        let until = if first.at == last.at { String::new() } else { format!(" – {}", time(last.at)) };
        let shown = marks.iter().find(|mark| ids.contains(&mark.id));
        Some(Spot {
            x: percent(index as f64 / SPANS as f64),
            y: BASE - height,
            width: "0.7%",
            height,
            title: format!("{}{until}: {}", time(first.at), count(marks.len() as u64, "connection")),
            href: shown.map(|mark| format!("#c{}", mark.id)),
        })
    });
    bars.collect()
}

/// Round times between the first and the last.
fn ticks(first: Timestamp, last: Timestamp, clock: Clock, style: &Style) -> Vec<Tick> {
    /// Steps between ticks, in seconds.
    const STEPS: [i64; 20] = [
        1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400,
        604_800, 31_536_000,
    ];
    let span = (last - first).nanos();
    let label = |at, digits| clock::time_of_day(at, clock, digits, &style.zone).unwrap_or_default();
    let x = |at: Timestamp| percent((at - first).nanos() as f64 / span.max(1) as f64);
    let Some(step) = STEPS.into_iter().find(|step| span / (step * SECOND) < TICKS) else {
        // More years than a round step has.
        let date = |at| {
            let text = clock::date_and_time(at, clock, 0, &style.zone).unwrap_or_default();
            text.split(' ').next().unwrap_or_default().to_owned()
        };
        let tick = |at, class| Tick { x: x(at), label: date(at), class };
        return vec![tick(first, "first"), tick(last, "last")];
    };
    if span < 2 * SECOND {
        let tick = |at, class| Tick { x: x(at), label: label(at, 3), class };
        return vec![tick(first, "first"), tick(last, "last")];
    }
    // Whole hours of the zone, where it differs from UTC by whole minutes, are whole minutes of UTC.
    let step = step * SECOND;
    let mut at = first.nanos().div_euclid(step).saturating_mul(step);
    let mut ticks = Vec::new();
    while at <= last.nanos() && ticks.len() <= TICKS as usize + 1 {
        if at >= first.nanos() {
            let here = Timestamp::from_nanos(at);
            let place = (here - first).nanos() as f64 / span as f64;
            let class = if place < 0.08 {
                "first"
            } else if place > 0.92 {
                "last"
            } else {
                ""
            };
            let text = if step >= 86_400 * SECOND {
                let date = clock::date_and_time(here, clock, 0, &style.zone).unwrap_or_default();
                date.split(' ').next().unwrap_or_default().to_owned()
            } else if step >= 60 * SECOND {
                let text = label(here, 0);
                text.rsplit_once(':').map_or(text.clone(), |(minutes, _)| minutes.to_owned())
            } else {
                label(here, 0)
            };
            ticks.push(Tick { x: x(here), label: text, class });
        }
        let Some(next) = at.checked_add(step) else { break };
        at = next;
    }
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn style() -> Style {
        Style { columns: 100, ..crate::report::tests::style(false) }
    }

    fn mark(second: i64, code: Code, severity: Severity) -> Mark {
        Mark { at: Timestamp::from_parts(second, 0), id: second as u64 + 1, code, severity }
    }

    fn of(marks: &[Mark], clock: Clock) -> Moments {
        Moments::of(marks, &Listing::default(), &BTreeSet::from([1]), clock, &style()).unwrap()
    }

    #[test]
    fn each_kind_has_a_lane_the_worst_first_and_few_connections_a_mark_each() {
        let marks: Vec<_> = (0..60)
            .map(|second| match second % 10 {
                0 => mark(second, Code::Refused, Severity::Critical),
                _ => mark(second, Code::Healthy, Severity::Ok),
            })
            .collect();
        let picture = of(&marks, Clock::Utc);
        let lanes: Vec<_> =
            picture.lanes.iter().map(|lane| (lane.title.as_str(), lane.marks.len())).collect();
        assert_eq!(lanes, [("refused", 6), ("healthy", 54)]);
        assert_eq!(picture.lanes[0].marks[0].href.as_deref(), Some("#c1"));
        let labels: Vec<_> = picture.ticks.iter().map(|tick| tick.label.as_str()).collect();
        assert_eq!(labels, ["00:00:00", "00:00:15", "00:00:30", "00:00:45"]);
    }

    #[test]
    fn many_connections_share_spans_and_the_picture_is_bounded() {
        let marks: Vec<_> = (0..100_000).map(|second| mark(second, Code::Healthy, Severity::Ok)).collect();
        let picture = of(&marks, Clock::Utc);
        assert_eq!(picture.lanes[0].marks.len(), SPANS);
        assert!(picture.note.is_some() && picture.ticks.len() <= 6);
    }

    #[test]
    fn decades_are_labelled_at_their_ends() {
        let marks = [0, 1_500_000_000].map(|second| mark(second, Code::Healthy, Severity::Ok));
        let labels: Vec<_> = of(&marks, Clock::Utc).ticks.into_iter().map(|tick| tick.label).collect();
        assert_eq!(labels, ["1970-01-01", "2017-07-14"]);
    }

    #[test]
    fn times_at_the_ends_of_time_have_a_picture() {
        for clock in [Clock::Utc, Clock::TimeOfDay, Clock::SinceFirst, Clock::Absent] {
            let at =
                |nanos| Mark { at: Timestamp::from_nanos(nanos), ..mark(0, Code::Healthy, Severity::Ok) };
            for (one, other) in [(0, 0), (i64::MIN, i64::MAX), (i64::MIN, i64::MIN + 1), (-1, i64::MAX)] {
                let _ = of(&[at(one), at(other)], clock);
            }
        }
    }
}
