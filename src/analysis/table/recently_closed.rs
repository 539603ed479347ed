//! Connections that left the table a short while ago.

use std::collections::HashMap;

use super::Bounds;
use crate::packet::{Flags, SegmentHeader, Seq};
use crate::tcp::{Connection, Key};
use crate::time::{Elapsed, Timestamp};

/// How long a judged connection is remembered, so that its late packets do not look like a new one: the time that TCP itself
/// waits (RFC 9293, 3.4.2: two maximum segment lifetimes; Linux waits 60 s).
const REMEMBERED: Elapsed = Elapsed::from_millis(60_000);

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

/// The initial sequence numbers of each connection, as far as they were captured.
type Closed = HashMap<Key, [Option<Seq>; 2], foldhash::fast::RandomState>;

impl RecentlyClosed {
    pub(in crate::analysis) fn new(bounds: &Bounds) -> Self {
        Self {
            latest: Closed::default(),
            earlier: Closed::default(),
            since: Timestamp::ZERO,
            most: bounds.recently_closed_each(),
        }
    }

    pub(in crate::analysis) fn add(&mut self, connection: &Connection, now: Timestamp) {
        if now - self.since >= REMEMBERED || self.latest.len() >= self.most / 2 {
            self.earlier = std::mem::take(&mut self.latest);
            self.since = now;
        }
        let ends = &connection.ends;
        self.latest.insert(connection.key(), [ends.client.initial, ends.server.initial]);
    }

    /// Whether a segment that belongs to no connection in the table is a late one of a connection that was judged. A SYN or SYN-ACK
    /// is one if it has that connection's number.
    pub(in crate::analysis) fn contains(&self, key: &Key, header: &SegmentHeader) -> bool {
        let Some(initial) = self.latest.get(key).or_else(|| self.earlier.get(key)) else { return false };
        let is_syn = header.tcp.flags.is_some_and(Flags::syn);
        !is_syn || header.tcp.seq.is_some_and(|seq| initial.contains(&Some(seq)))
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
            let mut connection = Connection::new(&talk.packets[0].header, Role::Client);
            for packet in &talk.packets {
                let moment = packet.id.moment;
                connection.observe(moment.number, moment.at, &packet.segment(), &mut |_, _| {});
            }
            connection
        };
        let mut closed = RecentlyClosed::new(&Bounds::default());
        let begin = Timestamp::from_parts(1_700_000_000, 0);
        closed.add(&connection(8443), begin);
        assert!(closed.contains(&key, late));
        assert!(!closed.contains(&key, syn) && !closed.contains(&key, answer));
        // Late copies of its own SYN and SYN-ACK.
        assert!(fin.packets[..2].iter().all(|copy| closed.contains(&key, &copy.header)));
        closed.add(&connection(1), begin + REMEMBERED);
        assert!(closed.contains(&key, late));
        closed.add(&connection(2), begin + REMEMBERED.doubled());
        assert!(!closed.contains(&key, late) && closed.contains(&other(1), late));
    }

    #[test]
    fn no_more_closed_connections_are_remembered_than_the_bound_allows() {
        let bounds = Bounds { memory: Bounds::LEAST_MEMORY, ..Bounds::default() };
        let mut closed = RecentlyClosed::new(&bounds);
        let mut header = Talk::to_port(8443).syn().packets[0].header;
        for number in 0..2 * bounds.recently_closed_each() as u32 {
            let client = std::net::Ipv4Addr::from(0xc000_0200 + number);
            header.ip.source = client.into();
            closed.add(&Connection::new(&header, Role::Client), Timestamp::ZERO);
            assert!(closed.latest.len() + closed.earlier.len() <= bounds.recently_closed_each());
        }
    }
}
