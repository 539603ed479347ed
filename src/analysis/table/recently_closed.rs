//! Connections that left the table a short while ago.

use std::collections::HashMap;

use super::Bounds;
use crate::packet::{Flags, SegmentHeader, Seq};
use crate::tcp::{Key, TcpConnection};
use crate::time::{Elapsed, Timestamp};

/// How long a judged connection is remembered, so that its late packets do not look like a new one: the time that TCP itself
/// waits (RFC 9293, 3.4.2: two maximum segment lifetimes; Linux waits 60 s).
const REMEMBERED: Elapsed = Elapsed::from_millis(60_000);

/// A copy of a SYN that comes later than this after the end of its connection is none: a scanner sends the same SYN again.
pub(super) const COPIED_WITHIN: Elapsed = Elapsed::from_millis(1_000);

/// Connections that were judged while others continued, by their sockets: a late packet of one of them begins no new
/// connection.
///
/// They are kept in two maps, of which the older one is dropped as a whole: of each connection the pair of sockets and the numbers
/// of its SYN and SYN-ACK are kept, for one to two times [`REMEMBERED`].
#[derive(Debug)]
pub(in crate::analysis) struct RecentlyClosed {
    latest: Closed,
    earlier: Closed,
    /// When `latest` was begun.
    since: Timestamp,
    most: usize,
}

/// What is known of each connection.
type Closed = HashMap<Key, Numbers, foldhash::fast::RandomState>;

/// The initial sequence numbers of a connection whose copies did not come yet, and when it was judged.
#[derive(Clone, Copy, Debug)]
struct Numbers {
    initial: [Option<Seq>; 2],
    at: Timestamp,
}

impl RecentlyClosed {
    pub(in crate::analysis) fn new(bounds: &Bounds) -> Self {
        Self {
            latest: Closed::default(),
            earlier: Closed::default(),
            since: Timestamp::ZERO,
            most: bounds.recently_closed_each(),
        }
    }

    pub(in crate::analysis) fn add(&mut self, connection: &TcpConnection, now: Timestamp) {
        if now - self.since >= REMEMBERED || self.latest.len() >= self.most / 2 {
            self.earlier = std::mem::take(&mut self.latest);
            self.since = now;
        }
        let ends = &connection.ends;
        let initial = [ends.client.initial, ends.server.initial];
        self.latest.insert(connection.key(), Numbers { initial, at: now });
    }

    /// Whether a segment that belongs to no connection in the table is a late one of a connection that was judged. A SYN or SYN-ACK
    /// is one if it has that connection's number, comes at once and is the only one.
    pub(in crate::analysis) fn take_late(
        &mut self,
        key: &Key,
        header: &SegmentHeader,
        at: Timestamp,
    ) -> bool {
        let Some(closed) = self.latest.get_mut(key).or_else(|| self.earlier.get_mut(key)) else {
            return false;
        };
        if !header.tcp.flags.is_some_and(Flags::syn) {
            return true;
        }
        let is_its = |initial: &&mut Option<Seq>| initial.is_some() && **initial == header.tcp.seq;
        let copied = closed.initial.iter_mut().find(is_its).filter(|_| at - closed.at <= COPIED_WITHIN);
        copied.is_some_and(|initial| initial.take().is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::script::talk::Talk;
    use crate::tcp::Role;

    #[test]
    fn a_closed_connection_is_remembered_for_a_minute_at_least_and_a_new_syn_begins_another() {
        let talk = Talk::to_port(8443).starting_at(70_000, 80_000).syn().syn_ack();
        let (syn, answer) = (&talk.packets[0].header, &talk.packets[1].header);
        let fin = Talk::to_port(8443).open().fin(crate::tcp::Role::Client);
        let late = &fin.packets.last().unwrap().header;
        let key = Key::of(syn);
        let other = |port| Key::of(&Talk::to_port(port).syn().packets[0].header);
        let connection = |port| {
            let talk = Talk::to_port(port).open();
            let mut connection = TcpConnection::new(&talk.packets[0].header, Role::Client);
            for packet in &talk.packets {
                let moment = packet.id.moment;
                connection.observe(moment.number, moment.at, &packet.segment(), &mut |_, _| {});
            }
            connection
        };
        let mut closed = RecentlyClosed::new(&Bounds::default());
        let begin = Timestamp::from_parts(1_700_000_000, 0);
        closed.add(&connection(8443), begin);
        assert!(closed.take_late(&key, late, begin));
        assert!(!closed.take_late(&key, syn, begin) && !closed.take_late(&key, answer, begin));
        // Late copies of its own SYN and SYN-ACK.
        let copies = &fin.packets[..2];
        let soon = begin + COPIED_WITHIN;
        assert!(copies.iter().all(|copy| closed.take_late(&key, &copy.header, soon)));
        // A SYN that is sent again, or later, is a new attempt with the same number.
        assert!(copies.iter().all(|copy| !closed.take_late(&key, &copy.header, soon)));
        closed.add(&connection(8443), begin);
        let later = soon + Elapsed::from_millis(1);
        assert!(copies.iter().all(|copy| !closed.take_late(&key, &copy.header, later)));
        closed.add(&connection(1), begin + REMEMBERED);
        assert!(closed.take_late(&key, late, begin));
        closed.add(&connection(2), begin + REMEMBERED.doubled());
        assert!(!closed.take_late(&key, late, begin) && closed.take_late(&other(1), late, begin));
    }

    #[test]
    fn no_more_closed_connections_are_remembered_than_the_bound_allows() {
        let bounds = Bounds { memory: Bounds::LEAST_MEMORY, ..Bounds::default() };
        let mut closed = RecentlyClosed::new(&bounds);
        let mut header = Talk::to_port(8443).syn().packets[0].header;
        for number in 0..2 * bounds.recently_closed_each() as u32 {
            let client = std::net::Ipv4Addr::from(0xc000_0200 + number);
            header.ip.source = client.into();
            closed.add(&TcpConnection::new(&header, Role::Client), Timestamp::ZERO);
            assert!(closed.latest.len() + closed.earlier.len() <= bounds.recently_closed_each());
        }
    }
}
