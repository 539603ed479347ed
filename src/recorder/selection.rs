//! Which packets belong into the files of all failures that are due: one pass over the packets in memory, however many failures
//! there are.

use std::collections::{HashMap, VecDeque};

use smallvec::SmallVec;

use super::RecorderSettings;
use super::frames::{Kept, Snapshot};
use super::memory::Memory;
use super::recording::Recording;
use crate::limits;
use crate::packet::Host;
use crate::tcp::Key;
use crate::time::Timestamp;

/// Failures that are written now, and the packets of all of them.
#[derive(Default)]
pub(super) struct Selection {
    pub(super) packets: Snapshot,
    /// Those that have no file yet, the oldest first.
    pub(super) waiting: VecDeque<Selected>,
}

/// A failure, and the places of the packets for its file, in ascending order.
pub(super) struct Selected {
    pub(super) recording: Recording,
    pub(super) places: Vec<usize>,
    pub(super) lacks: Lacks,
}

/// What a file does not hold, though it belongs there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Lacks {
    /// The connection's first packets, or some that came when the disk was too slow.
    pub(super) beginning: bool,
    /// Packets in the middle, or lookups beyond the bound.
    pub(super) middle: bool,
    /// Other connections' packets, where they were asked for.
    pub(super) others: bool,
}

/// Few failures have anything in common.
type Indexes = SmallVec<[u32; 2]>;

/// Which failures a packet may belong to.
#[derive(Default)]
struct Owners {
    connections: HashMap<Key, Indexes>,
    evidence: HashMap<u64, Indexes>,
    hosts: HashMap<Host, Indexes>,
}

impl Owners {
    fn of(due: &[Recording]) -> Self {
        let mut owners = Self::default();
        for (index, recording) in due.iter().enumerate() {
            let index = index as u32;
            owners.connections.entry(recording.key).or_default().push(index);
            for number in &recording.evidence {
                owners.evidence.entry(*number).or_default().push(index);
            }
            for host in recording.ends {
                owners.hosts.entry(host).or_default().push(index);
            }
        }
        owners
    }

    /// Adds the packet at a place to each failure that it belongs to: as its connection's, as an error about one of its packets, as
    /// evidence, or as a lookup of one of its ends.
    fn add(&mut self, kept: &Kept, place: usize, due: &[Recording], own: &mut [Own]) {
        let connection = kept.key.and_then(|key| self.connections.get(&key)).into_iter().flatten();
        let connection = connection.filter(|index| {
            due.get(**index as usize).is_some_and(|recording| kept.number >= recording.first)
        });
        let evidence = self.evidence.get(&kept.number).into_iter().flatten();
        for index in connection.chain(evidence) {
            if let Some(own) = own.get_mut(*index as usize) {
                own.put(place, kept.cost());
            }
        }
        for host in &kept.looked_up {
            let Some(indexes) = self.hosts.get_mut(host) else { continue };
            indexes.retain(|index| {
                let (recording, own) = (due.get(*index as usize), own.get_mut(*index as usize));
                let (Some(recording), Some(own)) = (recording, own) else { return false };
                !recording.is_near(kept.at) || own.put_lookup(place, kept.cost())
            });
        }
    }
}

/// A failure's own packets.
#[derive(Default)]
struct Own {
    places: Vec<usize>,
    costs: Vec<u64>,
    /// What they cost together, in bytes.
    cost: u64,
    lookups: usize,
    lacks_lookups: bool,
}

impl Own {
    fn put(&mut self, place: usize, cost: u64) {
        if self.places.last() != Some(&place) {
            self.places.push(place);
            self.costs.push(cost);
            self.cost += cost;
        }
    }

    /// Returns whether there may be more of them.
    fn put_lookup(&mut self, place: usize, cost: u64) -> bool {
        self.lookups += 1;
        self.lacks_lookups = self.lookups > limits::RECORDED_LOOKUPS;
        if !self.lacks_lookups {
            self.put(place, cost);
        }
        !self.lacks_lookups
    }

    /// Leaves packets in the middle out, where all of them cost more than `most` bytes, but none that `proves`. The return value is whether
    /// some are missing.
    fn cut(&mut self, most: u64, proves: impl Fn(usize) -> bool) -> bool {
        let fitting = |costs: &mut dyn Iterator<Item = &u64>| {
            let mut left = most / 2;
            costs.take_while(|cost| left.checked_sub(**cost).map(|less| left = less).is_some()).count()
        };
        if self.cost <= most {
            return self.lacks_lookups;
        }
        let head = fitting(&mut self.costs.iter());
        let tail = self.places.len() - fitting(&mut self.costs.iter().rev());
        let mut index = 0;
        self.places.retain(|place| {
            index += 1;
            index <= head || index > tail || proves(*place)
        });
        true
    }
}

/// The packets' times and costs, to find those of a span of time without another pass.
#[derive(Default)]
struct Line {
    /// The latest time up to each packet: a device may deliver packets a little out of order.
    times: Vec<Timestamp>,
    /// What the packets before each one cost together; one more than there are packets.
    costs: Vec<u64>,
}

impl Line {
    fn put(&mut self, kept: &Kept) {
        let time = self.times.last().map_or(kept.at, |last| kept.at.max(*last));
        self.times.push(time);
        let before = self.costs.last().copied().unwrap_or(0);
        if self.costs.is_empty() {
            self.costs.push(0);
        }
        self.costs.push(before + kept.cost());
    }

    /// Adds the other packets of a failure's time to its own, unless that takes more than `left` bytes, or more than `most` together. Returns
    /// what the others cost.
    fn add_others(&self, recording: &Recording, own: &mut Own, most: u64, left: u64) -> Option<u64> {
        let begin = self.times.partition_point(|time| *time < recording.from);
        let end = self.times.partition_point(|time| *time <= recording.due);
        let cost = |place: usize| self.costs.get(place).copied().unwrap_or(0);
        let is_within = |place: usize| (begin..end).contains(&place);
        let shared = own.places.iter().zip(&own.costs).filter(|(place, _)| is_within(**place));
        let others = cost(end).saturating_sub(cost(begin)).saturating_sub(shared.map(|(_, cost)| cost).sum());
        if others > left || others + own.cost > most {
            return None;
        }
        own.places.retain(|place| !is_within(*place));
        own.places.extend(begin..end);
        own.places.sort_unstable();
        Some(others)
    }
}

/// Selects the packets of failures that are due. Other connections' packets, where they are asked for, may cost `others_left` bytes in all.
pub(super) fn select(
    due: Vec<Recording>,
    memory: &Memory,
    settings: &RecorderSettings,
    others_left: &mut u64,
) -> Selection {
    let mut packets = memory.snapshot();
    let mut owners = Owners::of(&due);
    let mut own: Vec<Own> = due.iter().map(|_| Own::default()).collect();
    let mut line = Line::default();
    for (place, kept) in packets.iter().enumerate() {
        owners.add(kept, place, &due, &mut own);
        if settings.with_others {
            line.put(kept);
        }
    }
    let most = settings.most_of_a_failure();
    let mut waiting = VecDeque::new();
    for (recording, mut own) in due.into_iter().zip(own) {
        let is_evidence =
            |place| packets.at(place).is_some_and(|(_, kept)| recording.evidence.contains(&kept.number));
        let mut lacks = Lacks {
            beginning: !memory.holds_from(recording.first),
            middle: own.cut(most, is_evidence),
            others: false,
        };
        if settings.with_others {
            let others = line.add_others(&recording, &mut own, most, *others_left);
            lacks.others = others.is_none();
            *others_left -= others.unwrap_or(0);
        }
        waiting.push_back(Selected { recording, places: own.places, lacks });
    }
    packets.keep_only(|range| {
        waiting.iter().any(|selected| {
            let next = selected.places.partition_point(|place| *place < range.start);
            selected.places.get(next).is_some_and(|place| range.contains(place))
        })
    });
    Selection { packets, waiting }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;
    use crate::capture::Frame;
    use crate::packet::Origin;
    use crate::recorder::frames::Frames;
    use crate::time::Elapsed;

    fn settings(with_others: bool) -> RecorderSettings {
        RecorderSettings {
            folder: "/nonexistent".into(),
            size: 64 * 1024 * 1024,
            per_hour: 1,
            with_others,
            before: Elapsed::ZERO,
            after: Elapsed::ZERO,
            device: String::new(),
            snaplen: 65_535,
            remark: None,
        }
    }

    fn host(number: u8) -> Host {
        Host::Address(Ipv4Addr::new(192, 0, 2, number).into())
    }

    fn ends(port: u16) -> [(Host, u16); 2] {
        [(host(1), port), (host(2), 8443)]
    }

    /// A packet a second: of the connection from this port, or a lookup of the host of this number.
    fn memory(packets: &[(Option<u16>, u8)], len: usize) -> Memory {
        let mut memory = Memory::of(1024 * 1024 * 1024);
        for (index, (port, looked_up)) in packets.iter().enumerate() {
            let mut frames = Frames::default();
            let (number, at) = (index as u64 + 1, Timestamp::from_parts(index as i64 + 1, 0));
            let bytes = vec![0; len];
            let origin = Origin::default();
            frames.push(&Frame { number, origin, at, link_type: 1, wire_len: 60, bytes: &bytes });
            let key = port.map(|port| Key::between(ends(port)[0], ends(port)[1]));
            frames.set(key, &[host(*looked_up)]);
            memory.push(frames, None);
        }
        memory
    }

    fn numbers(selection: &Selection) -> Vec<Vec<u64>> {
        let number = |place: &usize| selection.packets.at(*place).map_or(0, |(_, kept)| kept.number);
        selection.waiting.iter().map(|selected| selected.places.iter().map(number).collect()).collect()
    }

    proptest! {
        #[test]
        fn each_failure_gets_what_it_would_get_alone(
            packets in proptest::collection::vec((proptest::option::of(1u16..5), 0u8..6), 1..60),
            failures in proptest::collection::vec((1u16..5, 1u64..50, 1u64..60, [1i64..60, 1i64..60]), 1..6),
            with_others in any::<bool>(),
        ) {
            let memory = memory(&packets, 10);
            let made = || failures.iter().map(|(port, first, evidence, seconds)| {
                Recording::by_hand(ends(*port), *first, &[*evidence], *seconds)
            });
            let expected: Vec<Vec<u64>> = made().zip(&failures).map(|(failure, (port, first, evidence, _))| {
                let belongs = |(number, (of, looked_up)): &(u64, &(Option<u16>, u8))| {
                    let is_near = failure.is_near(Timestamp::from_parts(*number as i64, 0));
                    let is_own = *of == Some(*port) && number >= first || number == evidence;
                    is_own || is_near && (with_others || [1, 2].contains(looked_up))
                };
                (1..).zip(&packets).filter(belongs).map(|(number, _)| number).collect()
            }).collect();
            let selection = select(made().collect(), &memory, &settings(with_others), &mut u64::MAX.clone());
            prop_assert_eq!(numbers(&selection), expected);
        }
    }

    #[test]
    fn a_connection_that_is_too_long_keeps_its_beginning_its_end_and_the_evidence() {
        let memory = memory(&[(Some(1), 9); 100], 840);
        let failure = Recording::by_hand(ends(1), 1, &[50], [0, 200]);
        let selected = |size| {
            let settings = RecorderSettings { size, ..settings(false) };
            let selection = select(vec![failure_of(&failure)], &memory, &settings, &mut 0);
            (numbers(&selection).remove(0), selection.waiting[0].lacks.middle)
        };
        assert_eq!(selected(1_000_000), ((1..=100).collect(), false));
        // Three eighths of this are what ten packets cost.
        let kept = [1, 2, 3, 4, 5, 50, 96, 97, 98, 99, 100].to_vec();
        assert_eq!(selected(26_670), (kept, true));
    }

    fn failure_of(failure: &Recording) -> Recording {
        let seconds = [failure.from, failure.due].map(|time| time.nanos() / 1_000_000_000);
        Recording::by_hand(ends(1), failure.first, &failure.evidence, seconds)
    }

    #[test]
    fn other_connections_packets_are_left_out_when_too_many_of_them_were_written() {
        let memory = memory(&[(Some(1), 9), (Some(3), 9), (Some(1), 9), (Some(3), 9)], 40);
        let due = || (0..3).map(|_| Recording::by_hand(ends(1), 1, &[], [0, 3])).collect();
        let mut left = 450;
        let selection = select(due(), &memory, &settings(true), &mut left);
        // The other connection's packet of that time costs 200 bytes.
        assert_eq!(numbers(&selection), [vec![1, 2, 3], vec![1, 2, 3], vec![1, 3]]);
        assert_eq!((left, selection.waiting[2].lacks.others), (50, true));
    }

    #[test]
    fn lookups_of_a_failure_are_bounded() {
        let count = limits::RECORDED_LOOKUPS + 50;
        let memory = memory(&vec![(None, 2); count], 10);
        let due = vec![Recording::by_hand(ends(1), 1, &[], [0, i64::from(u16::MAX)])];
        let selection = select(due, &memory, &settings(false), &mut 0);
        assert_eq!(selection.waiting[0].places.len(), limits::RECORDED_LOOKUPS);
        assert!(selection.waiting[0].lacks.middle);
    }
}
