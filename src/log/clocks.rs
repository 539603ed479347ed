//! Which clock a line's time is of.
//!
//! Times compare only within one clock: one host, one zone as the log writes it, one layer. Syslog's prefix and the time after it are two
//! layers, since a container may have another zone than its host. Times with an offset are one clock whatever the offset is, for they
//! are turned into UTC as they are read.

use super::calendar::Dating;
use super::quarter::nearest_quarter;
use super::quote::Quote;
use super::stamp::Zone;
use super::text::head;
use crate::limits;
use crate::time::SECOND;

/// A clock of the logs, as an index into [`Logs::clocks`](super::Logs::clocks).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ClockId(u16);

impl ClockId {
    /// The index.
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// The zone of a clock, as the log writes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LogZone {
    /// Offsets, or one that the user gave: times are UTC.
    Utc,
    /// An abbreviation, which alone identifies no zone. Times are counted as if they were UTC.
    Named(Quote),
    /// None. Times are counted as if they were UTC.
    Unstated,
}

/// A clock of the logs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogClock {
    /// The host, where the log names it.
    pub host: Option<Quote>,
    /// The zone.
    pub zone: LogZone,
    /// How much of their dates the lines give.
    pub dating: Dating,
    /// The log, as an index into the groups of files that continue each other.
    pub log: u16,
    /// Whether it is the clock of syslog's prefix.
    pub is_prefix: bool,
    /// The folder of the log, as an index; nginx's logs name no host, and those of one folder are one host's.
    pub folder: Option<u16>,
    /// The offset from UTC that its lines have, in seconds east of it; nothing if they have none, or several.
    pub written: Option<i32>,
    /// How far syslog's prefix is ahead of it, in nanoseconds, as a multiple of 15 minutes; nothing if lines have no prefix, or
    /// contradict each other.
    pub(super) prefix: Prefix,
}

/// How far syslog's prefix is ahead of another clock.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) enum Prefix {
    #[default]
    Unseen,
    Ahead(i64),
    Several,
}

impl LogClock {
    /// By how many nanoseconds this clock is ahead of another one of the same host, where the logs themselves show it: by the same
    /// prefix of syslog before lines of both, or by the offset that nginx writes in its access log and leaves out of its error log.
    pub(super) fn ahead_of(&self, other: &Self) -> Option<i64> {
        let is_utc = |clock: &Self| clock.zone == LogZone::Utc;
        if self.is_of_same_host(other) && self.host.is_none() {
            return match (is_utc(self), is_utc(other)) {
                (true, true) => Some(0),
                (false, true) => Some(i64::from(other.written?) * SECOND),
                (true, false) => Some(i64::from(self.written?) * -SECOND),
                (false, false) => (self.zone == other.zone).then_some(0),
            };
        }
        let after_prefix = |clock: &Self| match clock.prefix {
            _ if clock.is_prefix => Some(0),
            Prefix::Ahead(by) => Some(by),
            Prefix::Unseen | Prefix::Several => None,
        };
        if self.host.is_some() && self.host == other.host && self.log == other.log {
            return Some(after_prefix(other)? - after_prefix(self)?);
        }
        None
    }

    /// Whether both are clocks of one host, as far as the logs show it.
    pub(super) fn is_of_same_host(&self, other: &Self) -> bool {
        match (&self.host, &other.host) {
            (Some(one), Some(other)) => one == other,
            (None, None) => self.folder.is_some() && self.folder == other.folder,
            _ => false,
        }
    }
}

/// All clocks of the logs.
#[derive(Clone, Debug, Default)]
pub(super) struct Clocks {
    list: Vec<LogClock>,
    /// What they are recognised by: host and zone as written.
    keys: Vec<(Box<str>, Box<str>)>,
    latest: usize,
    /// Lines whose clock is one too many.
    pub beyond: u64,
}

/// What a line's clock is recognised by.
#[derive(Clone, Copy)]
pub(super) struct ClockKey<'a> {
    pub log: u16,
    pub host: Option<&'a str>,
    /// `None` if times are UTC.
    pub zone: Option<Zone<'a>>,
    pub dating: Dating,
    pub is_prefix: bool,
    pub folder: Option<u16>,
    /// The offset from UTC as it is written, in seconds.
    pub written: Option<i32>,
}

impl Clocks {
    /// A line of this clock has a prefix of syslog whose time is this many nanoseconds later.
    pub fn note_prefix(&mut self, id: ClockId, later: i64) {
        let Some(clock) = self.list.get_mut(id.index()) else { return };
        let ahead = nearest_quarter(later);
        clock.prefix = match clock.prefix {
            Prefix::Unseen => Prefix::Ahead(ahead),
            Prefix::Ahead(known) if known == ahead => Prefix::Ahead(ahead),
            _ => Prefix::Several,
        };
    }

    /// Takes in the offset that another line of a clock has.
    fn seen(&mut self, index: usize, key: &ClockKey) -> ClockId {
        self.latest = index;
        if let Some(clock) = self.list.get_mut(index)
            && clock.written != key.written
        {
            clock.written = None;
        }
        ClockId(index as u16)
    }

    /// The clock of a line; `None` if there are too many already.
    pub fn id(&mut self, key: &ClockKey, shows_secrets: bool) -> Option<ClockId> {
        let host = head(key.host.unwrap_or_default(), limits::LOG_HOST_BYTES);
        let zone = match key.zone {
            None => "UTC",
            Some(Zone::Named(name)) => name,
            Some(_) => "",
        };
        let is_it = |clocks: &Self, index: usize| {
            let (clock, (known_host, known_zone)) = (&clocks.list[index], &clocks.keys[index]);
            clock.log == key.log
                && clock.is_prefix == key.is_prefix
                && clock.dating == key.dating
                && **known_host == *host
                && **known_zone == *zone
        };
        if self.latest < self.list.len() && is_it(self, self.latest) {
            return Some(self.seen(self.latest, key));
        }
        let index = match (0..self.list.len()).find(|index| is_it(self, *index)) {
            Some(index) => return Some(self.seen(index, key)),
            None if self.list.len() >= limits::LOG_CLOCKS => {
                self.beyond += 1;
                return None;
            }
            None => {
                self.keys.push((host.into(), zone.into()));
                self.list.push(LogClock {
                    host: key.host.map(|_| Quote::new(host, shows_secrets)),
                    zone: match key.zone {
                        None => LogZone::Utc,
                        Some(Zone::Named(name)) => LogZone::Named(Quote::new(name, true)),
                        Some(_) => LogZone::Unstated,
                    },
                    dating: key.dating,
                    log: key.log,
                    is_prefix: key.is_prefix,
                    folder: key.folder,
                    written: key.written,
                    prefix: Prefix::Unseen,
                });
                self.list.len() - 1
            }
        };
        self.latest = index;
        Some(ClockId(index as u16))
    }

    /// The clocks, in the order in which they were seen.
    pub fn list(&self) -> &[LogClock] {
        &self.list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_a_host_a_zone_and_a_layer() {
        let mut clocks = Clocks::default();
        let key = ClockKey {
            log: 0,
            host: Some("a"),
            zone: Some(Zone::Named("EST")),
            dating: Dating::Full,
            is_prefix: false,
            folder: None,
            written: None,
        };
        let first = clocks.id(&key, false);
        assert_eq!(clocks.id(&key, false), first);
        for other in [
            ClockKey { host: Some("b"), ..key },
            ClockKey { zone: Some(Zone::Named("EDT")), ..key },
            ClockKey { zone: None, ..key },
            ClockKey { is_prefix: true, ..key },
            ClockKey { log: 1, ..key },
        ] {
            assert_ne!(clocks.id(&other, false), first);
        }
        assert_eq!(clocks.id(&key, false), first);
        assert_eq!(clocks.list().len(), 6);
    }

    #[test]
    fn clocks_beyond_the_bound_are_counted() {
        let mut clocks = Clocks::default();
        for number in 0..limits::LOG_CLOCKS + 3 {
            let host = format!("host{number}");
            let key = ClockKey {
                log: 0,
                host: Some(&host),
                zone: None,
                dating: Dating::Full,
                is_prefix: false,
                folder: None,
                written: None,
            };
            assert_eq!(clocks.id(&key, false).is_some(), number < limits::LOG_CLOCKS);
        }
        assert_eq!(clocks.beyond, 3);
    }

    #[test]
    fn logs_show_how_far_two_clocks_of_a_host_are_apart() {
        const HOUR: i64 = 3_600 * SECOND;
        let mut clocks = Clocks::default();
        let key = ClockKey {
            log: 0,
            host: Some("ssm"),
            zone: None,
            dating: Dating::Full,
            is_prefix: false,
            folder: None,
            written: Some(0),
        };
        let access = clocks.id(&key, false).expect("a clock");
        let local = ClockKey { zone: Some(Zone::Unstated), written: None, ..key };
        let error = clocks.id(&local, false).expect("a clock");
        let prefix = clocks.id(&ClockKey { is_prefix: true, ..local }, false).expect("a clock");
        clocks.note_prefix(access, 2 * HOUR + SECOND);
        clocks.note_prefix(error, HOUR);
        let ahead = |clocks: &Clocks, one: ClockId, other: ClockId| {
            clocks.list()[one.index()].ahead_of(&clocks.list()[other.index()])
        };
        assert_eq!(ahead(&clocks, prefix, access), Some(2 * HOUR));
        assert_eq!(ahead(&clocks, error, access), Some(HOUR));
        // Daylight saving time began in between.
        clocks.note_prefix(error, 2 * HOUR);
        assert_eq!(ahead(&clocks, error, access), None);

        let mut clocks = Clocks::default();
        let key = ClockKey { host: None, folder: Some(0), written: Some(19_800), ..key };
        let access = clocks.id(&key, false).expect("a clock");
        let error = ClockKey { log: 1, zone: Some(Zone::Unstated), written: None, ..key };
        let error = clocks.id(&error, false).expect("a clock");
        assert_eq!(ahead(&clocks, error, access), Some(19_800 * SECOND));
        clocks.id(&ClockKey { written: Some(16_200), ..key }, false).expect("a clock");
        assert_eq!(ahead(&clocks, error, access), None);
    }
}
