//! Whether a tool kept only the first packets of each connection, and how many.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use crate::packet::Host;
use crate::story::Stage;

/// A capture that holds the first packets of each connection holds its opening and a word of each side, and seldom more than this.
const PACKETS_EACH: RangeInclusive<u64> = 5..=40;

/// Connections that hang at one place of the TLS handshake have as many packets as each other, up to here. After it, how often each
/// side acknowledges differs.
const ALIKE: u64 = 6;

/// On how many servers connections have to hang in the same way until that is no coincidence.
const MANY_SERVERS: usize = 4;

/// What counts of a connection at the capture's end.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, in any combination")]
pub(super) struct AtTheEnd {
    pub(super) server: Host,
    pub(super) stage: Stage,
    /// Segments of both sides.
    pub(super) segments: u64,
    /// Whether neither end has anything more to say.
    pub(super) is_closed: bool,
    /// Whether nobody ended it, and no stall shows in it.
    pub(super) is_open_to_its_last_packet: bool,
    /// Whether it ends where a server that hangs leaves it: all that both sides sent was acknowledged, and the server owes an answer of
    /// which no byte came.
    pub(super) is_unanswered: bool,
    /// From which byte on one side reports that it lacks bytes of the other.
    pub(super) lacks_from: Option<u32>,
    /// Whether packets of it came in another order than they were sent in.
    pub(super) is_reordered: bool,
}

/// How many packets of each connection the capture holds at most, where it seems to hold only the first ones: no connection has
/// more, and several that nobody ended, and in which no stall shows, have as many. Connections that fail alike may have as many too, so
/// those have to differ in where they got, to be of many servers, or to be past the first steps without another that got as far and
/// stopped earlier. A tool that counts packets stops anywhere; where most of them stop after a request that was acknowledged and not
/// answered, their servers hang, and where most of them stop at the same hole, which the receiver reports, the path loses the same packet of
/// each, unless the capture shows that it reorders them.
/// `most_before` is the most that a connection had which left earlier.
pub(super) fn packets_each<I: Iterator<Item = AtTheEnd>>(
    connections: impl Fn() -> I,
    most_before: u64,
) -> Option<u32> {
    let most = connections().map(|connection| connection.segments).max()?;
    if !PACKETS_EACH.contains(&most) || most < most_before {
        return None;
    }
    let cut = || {
        let open = connections().filter(|connection| connection.is_open_to_its_last_packet);
        open.filter(|connection| connection.segments == most)
    };
    let servers: BTreeSet<_> = cut().map(|connection| connection.server).collect();
    let stages: BTreeSet<_> = cut().map(|connection| connection.stage).collect();
    let stopped_earlier = || {
        connections().filter(|connection| !connection.is_closed).any(|connection| {
            connection.segments < most
                && servers.contains(&connection.server)
                && stages.iter().any(|stage| connection.stage >= *stage)
        })
    };
    let are_most = |count: usize| 2 * count > cut().count();
    let do_hang = most > ALIKE
        && stages.len() == 1
        && servers.len() < MANY_SERVERS
        && are_most(cut().filter(|connection| connection.is_unanswered).count());
    let do_lose = !connections().any(|connection| connection.is_reordered)
        && most_frequent(cut().filter_map(|connection| connection.lacks_from)).is_some_and(|from| {
            are_most(cut().filter(|connection| connection.lacks_from == Some(from)).count())
        });
    let is_cut = cut().count() >= 2
        && !do_hang
        && !do_lose
        && (stages.len() > 1 || servers.len() >= MANY_SERVERS || most > ALIKE && !stopped_earlier());
    u32::try_from(most).ok().filter(|_| is_cut)
}

/// The number that is more than half of all, if there is one; some number of them if not (the vote of Boyer and Moore).
fn most_frequent(numbers: impl Iterator<Item = u32>) -> Option<u32> {
    let (number, lead) = numbers.fold((0, 0_u64), |(number, lead), other| match lead {
        0 => (other, 1),
        _ if number == other => (number, lead + 1),
        _ => (number, lead - 1),
    });
    (lead > 0).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An open connection to a server, by the last part of its address.
    fn open(server: u8, stage: Stage, segments: u64) -> AtTheEnd {
        AtTheEnd {
            server: [198, 51, 100, server].into(),
            stage,
            segments,
            is_closed: false,
            is_open_to_its_last_packet: true,
            is_unanswered: false,
            lacks_from: None,
            is_reordered: false,
        }
    }

    fn each(connections: &[AtTheEnd]) -> Option<u32> {
        packets_each(|| connections.iter().copied(), 0)
    }

    #[test]
    fn connections_that_got_differently_far_in_as_many_packets_are_cut() {
        let [hello, data] = [Stage::ClientHello, Stage::ApplicationData].map(|stage| open(1, stage, 6));
        assert_eq!(each(&[hello, data]), Some(6));
        assert_eq!((each(&[hello]), each(&[])), (None, None));
        let closed = AtTheEnd { is_closed: true, is_open_to_its_last_packet: false, ..data };
        assert_eq!(each(&[hello, closed]), None, "one that ended was not cut");
    }

    #[test]
    fn one_connection_with_more_packets_shows_that_all_are_whole() {
        let cut = [open(1, Stage::ClientHello, 6), open(1, Stage::ApplicationData, 6)];
        assert_eq!(each(&[&cut[..], &[open(1, Stage::ApplicationData, 7)]].concat()), None);
        assert_eq!(packets_each(|| cut.into_iter(), 6), Some(6));
        assert_eq!(packets_each(|| cut.into_iter(), 7), None, "it left earlier");
    }

    #[test]
    fn connections_that_hang_alike_in_the_first_steps_are_no_proof_unless_their_servers_are_many() {
        let to =
            |servers: u8| (1..=servers).map(|server| open(server, Stage::ClientHello, 6)).collect::<Vec<_>>();
        assert_eq!((each(&to(3)), each(&to(4))), (None, Some(6)));
        let one = [open(1, Stage::ClientHello, 6); 4];
        assert_eq!(each(&one), None);
    }

    #[test]
    fn connections_past_the_first_steps_are_cut_unless_another_stopped_earlier() {
        let cut = [open(1, Stage::ServerHello, 10); 2];
        let with = |other: AtTheEnd| each(&[&cut[..], &[other]].concat());
        assert_eq!(each(&cut), Some(10));
        assert_eq!(with(open(1, Stage::ServerHello, 9)), None);
        assert_eq!(with(open(1, Stage::ClientHello, 9)), Some(10), "it did not get as far");
        assert_eq!(with(open(2, Stage::ServerHello, 9)), Some(10), "it is another server's");
        assert_eq!(with(AtTheEnd { is_closed: true, ..open(1, Stage::ServerHello, 9) }), Some(10));
    }

    #[test]
    fn connections_that_most_of_all_lack_an_answer_hang() {
        let hangs = AtTheEnd { is_unanswered: true, ..open(1, Stage::ApplicationData, 14) };
        let other = AtTheEnd { is_unanswered: false, ..hangs };
        assert_eq!(each(&[hangs, hangs]), None);
        assert_eq!(each(&[hangs, hangs, other]), None);
        assert_eq!(each(&[hangs, other]), Some(14));
        assert_eq!(each(&[hangs, hangs, AtTheEnd { stage: Stage::ServerHello, ..other }]), Some(14));
        let of = |server: u8| AtTheEnd { server: [198, 51, 100, server].into(), ..hangs };
        assert_eq!(each(&[of(1), of(2), of(3)]), None);
        assert_eq!(each(&[of(1), of(2), of(3), of(4)]), Some(14), "many servers do not hang alike");
    }

    #[test]
    fn connections_that_most_of_all_stop_at_a_reported_hole_lose_the_same_packet() {
        let loses = AtTheEnd { lacks_from: Some(1), ..open(1, Stage::ClientHello, 7) };
        let other = open(1, Stage::ClientHello, 7);
        assert_eq!((each(&[loses, loses]), each(&[loses, loses, other])), (None, None));
        assert_eq!((each(&[loses, other]), each(&[other, other])), (Some(7), Some(7)));
        // One path may lead to many servers, and to each of them at another time.
        let of = |server: u8, stage: Stage| AtTheEnd { lacks_from: Some(1), ..open(server, stage, 7) };
        assert_eq!(each(&[1, 2, 3, 4].map(|server| of(server, Stage::ClientHello))), None);
        assert_eq!(each(&[of(1, Stage::ClientHello), of(2, Stage::ApplicationData)]), None);
        let elsewhere = AtTheEnd { lacks_from: Some(1_449), ..loses };
        assert_eq!(each(&[elsewhere, loses, loses]), None);
        // What is late is missing for a moment, at other places or where the path reorders packets.
        assert_eq!(each(&[loses, elsewhere]), Some(7));
        assert_eq!(
            each(&[loses, loses, AtTheEnd { is_reordered: true, segments: 6, ..of(2, Stage::Syn) }]),
            Some(7)
        );
    }

    #[test]
    fn few_packets_and_many_are_nothing_that_a_tool_keeps() {
        let cut = |segments| [Stage::TcpEstablished, Stage::ClientHello].map(|at| open(1, at, segments));
        for (segments, kept) in [(4, None), (5, Some(5)), (40, Some(40)), (41, None)] {
            assert_eq!(each(&cut(segments)), kept, "{segments}");
        }
    }
}
