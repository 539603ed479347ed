//! Which packet an error is about that does not show it: a SYN without an answer, or data without an acknowledgement.

use super::{Key, Streams};

/// A SYN of one side of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub key: Key,
    pub side: usize,
    pub nanos: Option<i64>,
    pub row: u64,
}

/// An error of a router or a firewall comes within a round trip.
const AT_ONCE: i64 = 200_000_000;

/// That of a host whose neighbour does not answer comes when it has asked for it three times, once a second (RFC 4861, 7.2.2).
const NEIGHBOUR_FAILS: i64 = 4_000_000_000;

impl<T> Streams<T> {
    /// The packet that an error to `host` is about, where no other can be meant: a SYN that was not answered, of several to one
    /// target the first, or if `is_data` what was not acknowledged. Its target, source port and destination port.
    pub fn unanswered(
        &mut self,
        host: &str,
        nanos: Option<i64>,
        is_data: bool,
    ) -> Option<(String, Option<(String, String)>)> {
        let Self { known, latest, asked, .. } = self;
        let end = |(key, side): &(Key, usize)| {
            let stream = known.get(key).filter(|stream| stream.hosts[*side] == host)?;
            Some((stream.hosts[1 - side].clone(), stream.ports_of(*side)))
        };
        if is_data {
            let unacknowledged =
                latest.iter().rev().flat_map(|key| [(*key, 0), (*key, 1)]).filter(|(key, side)| {
                    known.get(key).is_some_and(|stream| stream.is_unanswered(*side) && !stream.is_over())
                });
            let mut found = unacknowledged.filter_map(|asked| end(&asked));
            let first = found.next()?;
            return found.all(|(target, _)| target == first.0).then_some(first);
        }
        let waits = |asked: &&Asked| {
            known
                .get(&asked.key)
                .is_some_and(|stream| stream.hosts[asked.side] == host && stream.is_unanswered(asked.side))
        };
        let within = |most: i64| {
            let is_recent =
                move |asked: &&Asked| nanos.zip(asked.nanos).is_none_or(|(now, then)| now - then <= most);
            asked.iter().filter(waits).filter(is_recent)
        };
        let mut candidates = within(AT_ONCE).collect::<Vec<_>>();
        if candidates.is_empty() {
            candidates = within(NEIGHBOUR_FAILS).collect();
        }
        let first = **candidates.first()?;
        let (target, ports) = end(&(first.key, first.side))?;
        let is_only = candidates
            .iter()
            .all(|asked| end(&(asked.key, asked.side)).is_some_and(|(other, _)| other == target));
        if !is_only {
            return None;
        }
        asked.retain(|asked| *asked != first);
        Some((target, ports))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::transcript::tools::wireshark::streams::Segment;
    use crate::packet::Flags;

    #[test]
    fn an_error_is_about_the_first_of_the_latest_syns_to_one_target() {
        let mut streams = Streams::default();
        let take = |streams: &mut Streams<()>, target: &str, port: &str, nanos: i64| {
            let segment = Segment {
                source: "192.0.2.1".to_owned(),
                destination: target.to_owned(),
                ports: Some((port.to_owned(), "443".to_owned())),
                flags: Some(Flags(Flags::SYN)),
                seq: Some(0),
                nanos: Some(nanos),
                ..Segment::default()
            };
            streams.take(segment, ());
        };
        let second = 1_000_000_000;
        let port = |streams: &mut Streams<()>, nanos: i64| {
            let (_, ports) = streams.unanswered("192.0.2.1", Some(nanos), false)?;
            ports.map(|(source, _)| source)
        };
        assert_eq!(port(&mut streams, 0), None);
        take(&mut streams, "198.51.100.5", "50000", 0);
        take(&mut streams, "198.51.100.5", "50001", 1);
        take(&mut streams, "198.51.100.5", "50002", 10 * second);
        take(&mut streams, "198.51.100.5", "50003", 10 * second);
        assert_eq!(port(&mut streams, 10 * second).as_deref(), Some("50002"));
        assert_eq!(port(&mut streams, 10 * second).as_deref(), Some("50003"));
        assert_eq!(port(&mut streams, 10 * second), None, "the others are too old");
        take(&mut streams, "198.51.100.5", "50004", 20 * second);
        take(&mut streams, "198.51.100.6", "50005", 20 * second);
        assert_eq!(port(&mut streams, 23 * second), None, "one of two targets");
    }
}
