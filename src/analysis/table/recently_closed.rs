//! Connections that left the table a short while ago.

use std::collections::HashSet;

use super::Bounds;
use crate::packet::{Flags, SegmentHeader};
use crate::tcp::Key;
use crate::time::{Elapsed, Timestamp};

/// How long a judged connection is remembered, so that its late packets do not look like a new one: the time that TCP itself
/// waits (RFC 9293, 3.4.2: two maximum segment lifetimes; Linux waits 60 s).
const REMEMBERED: Elapsed = Elapsed::from_millis(60_000);

/// Connections that were judged while others continued, by their sockets: a late packet of one of them begins no new
/// connection.
///
/// They are kept in two sets, of which the older one is dropped as a whole: of each connection only the pair of sockets is
/// kept, for one to two times [`REMEMBERED`].
#[derive(Debug)]
pub(in crate::analysis) struct RecentlyClosed {
    latest: HashSet<Key, foldhash::fast::RandomState>,
    earlier: HashSet<Key, foldhash::fast::RandomState>,
    /// When `latest` was begun.
    since: Timestamp,
    most: usize,
}

impl RecentlyClosed {
    pub(in crate::analysis) fn new(bounds: &Bounds) -> Self {
        Self {
            latest: HashSet::default(),
            earlier: HashSet::default(),
            since: Timestamp::ZERO,
            most: bounds.recently_closed_each(),
        }
    }

    pub(in crate::analysis) fn add(&mut self, key: Key, now: Timestamp) {
        if now - self.since >= REMEMBERED || self.latest.len() >= self.most / 2 {
            self.earlier = std::mem::take(&mut self.latest);
            self.since = now;
        }
        self.latest.insert(key);
    }

    /// Whether a segment that belongs to no connection in the table is a late one of a connection that was judged.
    pub(in crate::analysis) fn contains(&self, key: &Key, header: &SegmentHeader) -> bool {
        let opens = header.tcp.flags.is_some_and(Flags::syn);
        !opens && (self.latest.contains(key) || self.earlier.contains(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::Host;
    use crate::story::script::talk::Talk;

    #[test]
    fn a_closed_connection_is_remembered_for_a_minute_at_least_and_a_new_syn_begins_another() {
        let talk = Talk::to_port(8443).syn().syn_ack();
        let (syn, answer) = (&talk.packets[0].header, &talk.packets[1].header);
        let fin = Talk::to_port(8443).open().fin(crate::tcp::Role::Client);
        let late = &fin.packets.last().unwrap().header;
        let key = Key::of(syn);
        let other = |port| Key::of(&Talk::to_port(port).syn().packets[0].header);
        let mut closed = RecentlyClosed::new(&Bounds::default());
        let begin = Timestamp::from_parts(1_700_000_000, 0);
        closed.add(key, begin);
        assert!(closed.contains(&key, late));
        assert!(!closed.contains(&key, syn) && !closed.contains(&key, answer));
        closed.add(other(1), begin + REMEMBERED);
        assert!(closed.contains(&key, late));
        closed.add(other(2), begin + REMEMBERED.doubled());
        assert!(!closed.contains(&key, late) && closed.contains(&other(1), late));
    }

    #[test]
    fn no_more_closed_connections_are_remembered_than_the_bound_allows() {
        let bounds = Bounds { memory: Bounds::LEAST_MEMORY, ..Bounds::default() };
        let mut closed = RecentlyClosed::new(&bounds);
        let server = (Host::from([198, 51, 100, 20]), 8443);
        for number in 0..2 * bounds.recently_closed_each() as u32 {
            let client = std::net::Ipv4Addr::from(0xc000_0200 + number);
            closed.add(Key::between((client.into(), 50_000), server), Timestamp::ZERO);
            assert!(closed.latest.len() + closed.earlier.len() <= bounds.recently_closed_each());
        }
    }
}
