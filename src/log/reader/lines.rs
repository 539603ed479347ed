//! The lines of a file, as they are taken one by one: read, placed in time, and handed to the attempts.

use std::borrow::Cow;

use super::opened::EMPTY;
use crate::limits;
use crate::log::attempt::{Gatherer, Seen};
use crate::log::calendar::{Calendar, Dating, in_year_of};
use crate::log::clocks::{ClockId, ClockKey, Clocks};
use crate::log::grammar::{self, Entry, Fact, Grammar};
use crate::log::logs::LogFile;
use crate::log::settings::LogSettings;
use crate::log::stamp::{self, Stamp, Zone};
use crate::time::{Elapsed, SECOND, Timestamp};

/// Times with and without their zone are at most this far apart: from UTC-12 to UTC+14, and an hour for the clocks themselves. In
/// nanoseconds.
const WORLD: i64 = 27 * 3600 * SECOND;

/// A step back that is longer is no disorder between threads that write. In nanoseconds.
const STEP_BACK: i64 = 20 * 60 * SECOND;

/// The lines of a file, as they are taken one by one.
pub(super) struct Lines {
    pub file: u16,
    pub log: u16,
    pub folder: u16,
    pub calendar: Calendar,
    pub gatherer: Gatherer,
    pub clocks: Clocks,
    /// Whether the entry before is placed, so that lines that continue it are too.
    pub is_placed: bool,
    /// Whether the entry before is near the capture.
    pub is_near: bool,
    /// The latest entry's time.
    pub latest: Option<Timestamp>,
    /// The entry before: its clock, and its time in nanoseconds.
    pub previous: Option<(ClockId, i64)>,
    /// The time of the entry before is anything up to this much later, in nanoseconds.
    pub precision: i64,
    /// Lines whose two times contradict each other: how many, and the first.
    pub contradictions: Option<(u64, u64)>,
    /// Lines whose date may be either of two: how many, and the first.
    pub ambiguous: Option<(u64, u64)>,
    /// Messages of a device without a time, or with one since it was started: how many, and the first.
    pub timeless: Option<(u64, u64)>,
    /// Steps back of the clock: line, nanoseconds.
    pub steps: Vec<(u64, i64)>,
    pub further_steps: u64,
}

impl Lines {
    /// Takes the next line by its bytes.
    pub(super) fn take_bytes(&mut self, line: &[u8], about: &mut LogFile, settings: &LogSettings) {
        // Lossy conversion is slower also where nothing is lost.
        let text = str::from_utf8(line).map_or_else(|_| String::from_utf8_lossy(line), Cow::Borrowed);
        let entry = grammar::read(&text, &settings.formats);
        self.take(&text, entry.as_ref(), about, settings);
    }

    /// Takes the next line, as its grammar reads it; `None` is a line that continues the one above.
    pub(super) fn take(
        &mut self,
        text: &str,
        entry: Option<&Entry>,
        about: &mut LogFile,
        settings: &LogSettings,
    ) {
        about.lines += 1;
        let number = about.lines;
        let Some(entry) = entry else {
            // A line with a time in a form that is not read is no part of the one above.
            about.placed += u64::from(self.is_placed && !stamp::shows_time(text));
            if self.is_near {
                self.gatherer.continuation(text, number);
            }
            return;
        };
        if let Fact::Day(date) = entry.fact {
            self.calendar.begin_day(date);
        }
        self.is_placed = false;
        self.is_near = false;
        let Some((seen, has_date)) = self.place(entry, number, settings) else { return };
        about.placed += 1;
        if about.format == EMPTY {
            entry.grammar.name().clone_into(&mut about.format);
        }
        self.is_placed = true;
        about.span = Some(about.span.map_or((seen.at, seen.at), |(first, _)| (first, seen.at)));
        self.latest = Some(seen.at);
        self.note_step(&seen);
        self.is_near = !has_date
            || settings.window.is_none_or(|(from, to)| {
                let world = Elapsed::from_nanos(WORLD);
                seen.at + world >= from && to + world >= seen.at
            });
        about.far_away += u64::from(!self.is_near);
        self.gatherer.entry(&seen, settings, self.is_near);
    }

    /// The entry's place in time, and whether its day is known.
    pub(super) fn place<'a>(
        &mut self,
        entry: &'a Entry<'a>,
        number: u64,
        settings: &LogSettings,
    ) -> Option<(Seen<'a>, bool)> {
        let mut placed = |stamp: Stamp<'a>| self.calendar.place(&stamp).map(|at| (stamp, at));
        let own = entry.stamp.and_then(&mut placed);
        let outer = entry.outer.map(|outer| in_year_of(outer, entry.stamp)).and_then(&mut placed);
        let outer_at = outer.map(|(_, at)| at);
        let (stamp, (nanos, dating), is_prefix) = match (own, outer) {
            (Some((own, at)), Some((outer, outer_at))) => {
                let is_comparable = at.1 == Dating::Full && outer_at.1 == Dating::Full;
                if is_comparable && at.0.abs_diff(outer_at.0) > WORLD as u64 {
                    // No zone explains a day: one of them is wrong, and syslog's comes from the host's own clock.
                    self.contradictions.get_or_insert((0, number)).0 += 1;
                    (outer, outer_at, true)
                } else {
                    (own, at, false)
                }
            }
            (Some((own, at)), None) => (own, at, false),
            (None, Some((outer, at))) => (outer, at, true),
            (None, None) => {
                if entry.stamp.is_some() {
                    self.ambiguous.get_or_insert((0, number)).0 += 1;
                } else if entry.grammar == Grammar::Cisco {
                    self.timeless.get_or_insert((0, number)).0 += 1;
                }
                return None;
            }
        };
        let known =
            |name: &str| settings.zones.iter().find(|(zone, _)| zone == name).map(|(_, offset)| *offset);
        let offset = match stamp.zone {
            Zone::Offset(offset) => Some(offset),
            Zone::Named(name) => known(name),
            Zone::Unstated => known(""),
        };
        let key = ClockKey {
            log: self.log,
            host: entry.host,
            zone: offset.is_none().then_some(stamp.zone),
            dating,
            is_prefix,
            folder: matches!(entry.grammar, Grammar::NginxAccess | Grammar::NginxError)
                .then_some(self.folder),
            written: match stamp.zone {
                Zone::Offset(offset) => Some(offset),
                Zone::Named(_) | Zone::Unstated => None,
            },
        };
        let clock = self.clocks.id(&key, settings.shows_secrets)?;
        let at = nanos.saturating_sub(i64::from(offset.unwrap_or_default()) * SECOND);
        if let (Some((prefix, Dating::Full)), false, Dating::Full) = (outer_at, is_prefix, dating) {
            self.clocks.note_prefix(clock, prefix.saturating_sub(at));
        }
        let seen = Seen {
            entry,
            file: self.file,
            number,
            clock,
            is_utc: offset.is_some(),
            at: Timestamp::from_nanos(at),
            precision: Elapsed::from_nanos(stamp.precision()),
        };
        Some((seen, dating == Dating::Full))
    }

    pub(super) fn note_step(&mut self, seen: &Seen) {
        let at = seen.at.nanos();
        self.precision = seen.precision.nanos();
        if let Some((clock, before)) = self.previous.replace((seen.clock, at))
            && clock == seen.clock
            && before.saturating_sub(at) > STEP_BACK
        {
            if self.steps.len() < limits::LOG_NOTES {
                self.steps.push((seen.number, before - at));
            } else {
                self.further_steps += 1;
            }
        }
    }
}
