//! What a share of connections needs from outside: the count of all connections, and the judge.

use std::io;

use crate::analysis::judge::{Departed, Judge};
use crate::analysis::{Event, Judged};

/// Set in the id of a connection that is not numbered yet. The other bits are the number of the packet that began it.
const PROVISIONAL: u64 = 1 << 63;

/// Whether a connection with this id is not numbered yet.
pub(super) fn is_provisional(id: u64) -> bool {
    id & PROVISIONAL != 0
}

/// Takes what leaves a share.
pub(in crate::analysis) trait Outlet {
    /// The id of a connection that begins with this packet.
    fn begins(&mut self, number: u64) -> u64;

    /// A connection leaves.
    ///
    /// # Errors
    /// When output can't be written.
    fn leaves(&mut self, left: Departed) -> io::Result<()>;

    /// This is known of a connection that stays.
    ///
    /// # Errors
    /// When output can't be written.
    fn stays(&mut self, _judged: Judged) -> io::Result<()> {
        Ok(())
    }

    /// Something is to be reported at once.
    ///
    /// # Errors
    /// When output can't be written.
    fn reports(&mut self, event: &Event<'_>) -> io::Result<()>;
}

/// Has what leaves judged at once.
pub(in crate::analysis) struct AtOnce<'a> {
    /// Connections that began.
    pub(super) begun: &'a mut u64,
    pub(super) judge: &'a mut dyn Judge,
}

impl Outlet for AtOnce<'_> {
    fn begins(&mut self, _: u64) -> u64 {
        *self.begun += 1;
        *self.begun
    }

    fn leaves(&mut self, left: Departed) -> io::Result<()> {
        self.judge.submit(left)
    }

    fn stays(&mut self, judged: Judged) -> io::Result<()> {
        self.judge.stays(judged)
    }

    fn reports(&mut self, event: &Event<'_>) -> io::Result<()> {
        self.judge.event(event)
    }
}

/// Keeps what leaves a share until the other shares are as far, and numbers connections then.
#[derive(Default)]
pub(super) struct Departures {
    /// The number of the packet that is being taken in.
    now: u64,
    /// The numbers of the packets that began connections, in order.
    begun: Vec<u64>,
    left: Vec<Departure>,
}

/// A connection that left.
struct Departure {
    /// The packet that made it leave, and the connection's first one.
    order: (u64, u64),
    left: Departed,
}

impl Departures {
    /// What follows leaves because of this packet.
    pub(super) fn record(&mut self, number: u64) {
        self.now = number;
    }
}

impl Outlet for Departures {
    fn begins(&mut self, number: u64) -> u64 {
        self.begun.push(number);
        PROVISIONAL | number
    }

    fn leaves(&mut self, left: Departed) -> io::Result<()> {
        self.left.push(Departure { order: (self.now, left.first()), left });
        Ok(())
    }

    /// Nothing is reported at once where several shares are followed at a time.
    fn reports(&mut self, _: &Event<'_>) -> io::Result<()> {
        Ok(())
    }
}

/// The numbers of connections that several shares began in the same stretch of a capture.
pub(super) struct Numbering {
    /// Connections that began before.
    before: u64,
    /// The packets that began these, in order.
    begun: Vec<u64>,
}

impl Numbering {
    /// Numbers connections that began after `before` others.
    pub(super) fn of<'a>(before: u64, all: impl Iterator<Item = &'a mut Departures>) -> Self {
        let mut begun = Vec::new();
        for departures in all {
            begun.append(&mut departures.begun);
        }
        #[expect(
            clippy::stable_sort_primitive,
            reason = "each share's are in order, and a stable sort merges such runs"
        )]
        begun.sort();
        Self { before, begun }
    }

    /// Connections that began up to now.
    pub(super) fn begun(&self) -> u64 {
        self.before + self.begun.len() as u64
    }

    /// The id that takes the place of this one.
    pub(super) fn id(&self, id: u64) -> u64 {
        if !is_provisional(id) {
            return id;
        }
        let number = id & !PROVISIONAL;
        self.before + 1 + self.begun.partition_point(|begun| *begun < number) as u64
    }
}

/// What left several shares in the same stretch of a capture, in the order in which a single share would have emitted it.
pub(super) fn in_order<'a>(
    all: impl Iterator<Item = &'a mut Departures>,
    numbering: &Numbering,
) -> Vec<Departed> {
    let mut left = Vec::new();
    for departures in all {
        left.append(&mut departures.left);
    }
    // They are large: places are sorted, and each is moved once.
    left.sort_by_cached_key(|departure| departure.order);
    left.into_iter().map(|departure| departure.left.numbered(|id| numbering.id(id))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::CaptureFacts;
    use crate::story::script::talk::ssm;

    fn left(first: u64, id: u64) -> Departed {
        let mut story = ssm().syn().story_in(CaptureFacts::default());
        (story.first.number, story.id) = (first, id);
        Departed::Story(story)
    }

    fn ids(left: Vec<Departed>) -> Vec<(u64, u64)> {
        let id = |left| match left {
            Departed::Story(story) => (story.first.number, story.id),
            Departed::HalfOpen(half_open, _) => (half_open.number(), half_open.ordinal()),
        };
        left.into_iter().map(id).collect()
    }

    #[test]
    fn connections_of_several_shares_are_numbered_and_ordered_as_those_of_one() {
        let mut shares = [Departures::default(), Departures::default()];
        let provisional = [(0, 11), (1, 12), (1, 15), (0, 17)].map(|(share, number): (usize, u64)| {
            shares[share].record(number);
            (share, number, shares[share].begins(number))
        });
        // Those of packets 15 and 17 leave because of packets 18 and 19; one that began long ago because of 16.
        for (packet, (share, first, id)) in [(19, provisional[2]), (18, provisional[3]), (16, (0, 3, 2))] {
            shares[share].record(packet);
            shares[share].leaves(left(first, id)).unwrap();
        }
        let numbering = Numbering::of(4, shares.iter_mut());
        assert_eq!(numbering.begun(), 8);
        assert_eq!(provisional.map(|(.., id)| numbering.id(id)), [5, 6, 7, 8]);
        assert_eq!(ids(in_order(shares.iter_mut(), &numbering)), [(3, 2), (17, 8), (15, 7)]);
        assert!(ids(in_order(shares.iter_mut(), &numbering)).is_empty());
    }
}
