//! ICMP errors that were captured before the segment which they answer, as by a card with several receive queues: they wait for it, for
//! a moment.

use std::collections::VecDeque;

use super::early::WAITS;
use crate::limits;
use crate::packet::{Direction, Filtered, IcmpError, Names, Origin};
use crate::story::{Moment, PacketId};
use crate::tcp::Key;
use crate::time::Timestamp;

/// Errors that wait, in the order in which they were captured.
#[derive(Debug, Default)]
pub(in crate::analysis) struct EarlyErrors {
    waiting: VecDeque<EarlyError>,
    /// Those that waited for nothing.
    given_up: u64,
}

/// An error that owns its bytes.
#[derive(Debug)]
pub(in crate::analysis) struct EarlyError {
    key: Key,
    moment: Moment,
    origin: Origin,
    direction: Option<Direction>,
    filtered: Option<Filtered>,
    error: IcmpError<'static>,
    quoted_bytes: Box<[u8]>,
}

impl EarlyError {
    pub(in crate::analysis) fn id(&self) -> PacketId<'static> {
        let Self { moment, origin, direction, filtered, .. } = *self;
        PacketId { moment, origin, names: Names::NONE, direction, filtered }
    }

    pub(in crate::analysis) fn error(&self) -> IcmpError<'_> {
        IcmpError { quoted_bytes: &self.quoted_bytes, ..self.error.clone() }
    }
}

impl EarlyErrors {
    /// Keeps an error about a connection between these sockets of which no segment was taken in yet.
    pub(in crate::analysis) fn add(&mut self, key: Key, id: PacketId<'_>, error: &IcmpError<'_>) {
        let PacketId { moment, origin, direction, filtered, .. } = id;
        self.give_up_before(moment.at);
        if self.waiting.len() >= limits::EARLY_ERRORS {
            self.waiting.pop_front();
            self.given_up += 1;
        }
        let (quoted_bytes, error) = (error.quoted_bytes.into(), error.clone().without_quoted_bytes());
        self.waiting.push_back(EarlyError { key, moment, origin, direction, filtered, error, quoted_bytes });
    }

    /// Takes the oldest one out that is about a connection between these sockets, at `now`.
    pub(in crate::analysis) fn take(&mut self, key: &Key, now: Timestamp) -> Option<EarlyError> {
        self.give_up_before(now);
        let index = self.waiting.iter().position(|early| early.key == *key)?;
        self.waiting.remove(index)
    }

    /// Whether none waits.
    pub(in crate::analysis) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How many found no connection, or found none so far.
    pub(in crate::analysis) fn without_connection(&self) -> u64 {
        self.given_up + self.waiting.len() as u64
    }

    fn give_up_before(&mut self, now: Timestamp) {
        while self
            .waiting
            .front()
            .is_some_and(|oldest| (now - oldest.moment.at).nanos().abs() > WAITS.nanos())
        {
            self.waiting.pop_front();
            self.given_up += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{Checksum, IpHeader, Quoted};
    use crate::story::script::talk::Talk;
    use crate::time::Elapsed;

    /// The SYN of a connection to this port, and an ICMP error about it that is captured this much later.
    fn refused(port: u16, millis: i64) -> (Key, PacketId<'static>, IcmpError<'static>) {
        let talk = Talk::to_port(port).syn();
        let packet = &talk.packets[0];
        let (ip, tcp) = (packet.header.ip, packet.header.tcp);
        let error = IcmpError {
            ip: IpHeader::between(ip.destination, ip.source),
            icmp_type: 3,
            code: 13,
            length: None,
            checksum: Checksum::Unseen,
            mtu: None,
            pointer: None,
            quoted: Quoted {
                source: ip.source,
                destination: ip.destination,
                source_port: Some(tcp.source_port),
                destination_port: Some(tcp.destination_port),
                seq: tcp.seq,
                protocol: Some(6),
            },
            quoted_bytes: &[],
            quoted_segment: None,
        };
        let mut id = packet.id;
        id.moment.at += Elapsed::from_millis(millis);
        (Key::of(&packet.header), id, error)
    }

    #[test]
    fn an_error_waits_a_moment_for_the_segment_that_it_answers() {
        let mut early = EarlyErrors::default();
        let (key, id, error) = refused(8443, 0);
        let (other, ..) = refused(8444, 0);
        early.add(key, id, &error);
        assert!(early.take(&other, id.moment.at).is_none());
        assert_eq!(early.take(&key, id.moment.at).map(|early| early.id().moment), Some(id.moment));
        assert!(early.is_empty() && early.without_connection() == 0);
        early.add(key, id, &error);
        assert!(early.take(&key, id.moment.at + Elapsed::from_millis(900)).is_none());
        assert_eq!(early.without_connection(), 1);
    }

    #[test]
    fn what_waits_is_bounded_and_counted() {
        let mut early = EarlyErrors::default();
        for _ in 0..limits::EARLY_ERRORS + 3 {
            let (key, id, error) = refused(8443, 0);
            early.add(key, id, &error);
        }
        assert_eq!((early.waiting.len(), early.given_up), (limits::EARLY_ERRORS, 3));
    }
}
