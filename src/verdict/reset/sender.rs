//! Who sent the RST: the end whose address it has, or a device on the path.

use crate::story::{Ending, EndingKind, IpTraits, ResetFacts, Stage, Story};
use crate::tcp::Role;
use crate::time::Elapsed;
use crate::verdict::Actor;

/// Whose RST it is. A client's kernel that knows no such connection, although its program had it, was made to forget it: by its own end,
/// or by a RST, which the capture lacks.
pub(super) fn actor(story: &Story, ending: &Ending, facts: &ResetFacts) -> Actor {
    let is_orphan = ending.by == Role::Client
        && facts.is_stateless
        && ending.stage > Stage::SynAck
        && !story.is_port_check()
        && !story.has_scanner_syn();
    if is_orphan || story.may_have_waited(ending) { Actor::Unknown } else { Actor::from(ending.by) }
}

/// Round trips below this do not show who is nearer.
pub(super) const MEASURABLE: Elapsed = Elapsed::from_millis(2);

/// Why the RST cannot come, or hardly comes, from the end whose address it carries: Weaver, Sommer and Paxson,
/// "Detecting Forged TCP Reset Packets", NDSS 2009. One weak sign alone is not enough.
///
/// A scanner writes its own packets, with any TTL and without options, and its kernel, which did not send the SYN, resets what
/// comes back: such a RST has the kernel's form, and the scanner may continue.
pub(super) fn forgery(ending: &Ending, facts: &ResetFacts) -> Option<Vec<String>> {
    let mut signs = Vec::new();
    let mut weight = 0;
    let mut usual: Vec<u8> = facts.usual_hop_limits.into_iter().flatten().collect();
    usual.dedup();
    let is_kernel_s = ending.by == Role::Client && ending.stage == Stage::SynAck && facts.is_stateless;
    let fits_path = facts.hop_limit.is_some_and(|hop_limit| usual.contains(&hop_limit))
        && facts
            .after_trigger
            .zip(facts.shortest_round_trip)
            .is_none_or(|(after, trip)| after.times(2) >= trip);
    if let Some(number) = facts.continued_in {
        signs.push(format!("In packet {number} the same side continues as if it had sent no RST."));
        let may_be_a_scanner = is_kernel_s || ending.by == Role::Client && fits_path;
        weight += if may_be_a_scanner { 1 } else { 2 };
    }
    if let Some(hop_limit) = facts.hop_limit
        && !is_kernel_s
        && !usual.is_empty()
        && usual.iter().all(|usual| *usual != hop_limit)
    {
        let others: Vec<String> = usual.iter().map(ToString::to_string).collect();
        signs.push(format!(
            "The RST has TTL {hop_limit}; the same side's other packets have {}.",
            others.join(" and ")
        ));
        weight += 1;
    }
    if let (Some(after), Some(shortest)) = (facts.after_trigger, facts.shortest_round_trip)
        && after.times(2) < shortest
        && shortest > MEASURABLE
    {
        signs.push(format!(
            "It arrived {after} after the packet that it answers, sooner than an RTT of {shortest} allows."
        ));
        weight += 1;
    }
    if facts.is_stateless && facts.usual_timestamps && !is_kernel_s {
        signs.push(
            "It has no TCP options and window 0, as sent by a device that does not have the connection."
                .to_owned(),
        );
        weight += 1;
    }
    (weight >= 2).then_some(signs)
}

/// Whether the server continues after a RST with its address that it did not send: the exchange was not over.
pub(super) fn is_continued_after_forgery(ending: &Ending, facts: &ResetFacts) -> bool {
    ending.by == Role::Server && facts.continued_in.is_some() && forgery(ending, facts).is_some()
}

/// The forged RST of the other end that was captured in one moment with this one, which answers it or what came after it: a card with
/// several queues delivers both in any order.
pub(super) fn forged_in_that_moment<'a>(story: &'a Story, ending: &Ending) -> Option<&'a Ending> {
    const MOMENT: Elapsed = Elapsed::from_millis(1);
    let is_reset = matches!(ending.what, EndingKind::Reset(_));
    story.endings.iter().filter(|_| is_reset).find(|other| {
        let is_forged = matches!(&other.what, EndingKind::Reset(facts) if forgery(other, facts).is_some());
        let apart = other.moment.at - ending.moment.at;
        is_forged && other.by != ending.by && apart.nanos().abs() <= MOMENT.nanos()
    })
}

/// How far the IP ids of a host's packets are apart while it sends few others.
pub(super) const NEAR: u16 = 64;

/// Compares the RST's TTL and IP ID with those of the same side's packet before it, in a sentence; and whether they show that
/// this side sent it.
pub(super) fn sender(by: Role, facts: &ResetFacts) -> (String, bool) {
    let (Some(hop_limit), Some(previous)) = (facts.hop_limit, facts.previous) else {
        return (String::new(), false);
    };
    let IpTraits { number, hop_limit: before, .. } = previous;
    if hop_limit != before {
        let text = format!(
            " The RST has TTL {hop_limit}, and the {by}'s packet {number} has TTL {before}: a different sender or path."
        );
        return (text, false);
    }
    match (facts.id, previous.id) {
        (Some(id), Some(last)) if id != 0 && last != 0 && (1..=NEAR).contains(&id.wrapping_sub(last)) => {
            let text = format!(
                " TTL {hop_limit} and IP ID {id} continue packet {number} ({before}, {last}): the {by} sent this RST \
                 itself."
            );
            (text, true)
        }
        _ => (
            format!(" The RST has TTL {hop_limit}, like packet {number}: nothing suggests another sender."),
            false,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::SegmentHeader;
    use crate::story::script::talk::{self, ssm};
    use crate::tcp::Role::{Client, Server};

    #[test]
    fn two_signs_make_a_rst_forged_and_one_does_not() {
        let other_distance = |reset: &mut ResetFacts| {
            reset.hop_limit = Some(61);
            reset.usual_hop_limits = [Some(55), Some(55)];
        };
        let too_soon = |reset: &mut ResetFacts| {
            reset.after_trigger = Some(Elapsed::from_millis(1));
            reset.shortest_round_trip = Some(Elapsed::from_millis(40));
        };
        let without_socket = |reset: &mut ResetFacts| {
            reset.is_stateless = true;
            reset.usual_timestamps = true;
        };
        let hello = || Story::at(Stage::ClientHello);
        for sign in [other_distance, too_soon, without_socket] {
            assert_eq!(hello().rst_with(Server, sign).verdict().is(), ("reset", Actor::Server, None));
        }
        let both = |reset: &mut ResetFacts| {
            other_distance(reset);
            too_soon(reset);
        };
        let forged = hello().rst_with(Server, both).verdict();
        assert_eq!(forged.is(), ("reset", Actor::Path, Some("rst-injected")));
        assert!(forged.mentions("TTL 61") && forged.mentions("40.0 ms"), "{}", forged.explanation);
        // A client whose own RST was forged learns nothing about a RST of its own.
        assert!(forged.client_reports[0].contains("ECONNRESET"));
    }

    #[test]
    fn a_scanner_s_kernel_resets_what_it_did_not_send_and_forges_nothing() {
        let kernel = |reset: &mut ResetFacts| {
            (reset.hop_limit, reset.usual_hop_limits) = (Some(64), [Some(3), None]);
            (reset.is_stateless, reset.usual_timestamps) = (true, true);
        };
        let scanned = || Story::at(Stage::SynAck);
        assert_eq!(scanned().rst_with(Client, kernel).verdict().is(), ("reset", Actor::Client, None));
        let continued = scanned().rst_with(Client, |reset| {
            kernel(reset);
            reset.continued_in = Some(4);
        });
        assert_eq!(continued.verdict().is(), ("reset", Actor::Client, None));
        // With a TTL and a delay that fit, the same host sent both.
        let fits = |reset: &mut ResetFacts| {
            (reset.hop_limit, reset.usual_hop_limits) = (Some(64), [Some(64), Some(64)]);
            reset.continued_in = Some(9);
        };
        let hello = || Story::at(Stage::ClientHello);
        assert_eq!(hello().rst_with(Client, fits).verdict().actor, Actor::Client);
        assert_eq!(hello().rst_with(Server, fits).verdict().actor, Actor::Path);
    }

    #[test]
    fn a_client_whose_kernel_knows_no_such_connection_was_made_to_forget_it() {
        let orphan = |reset: &mut ResetFacts| reset.is_stateless = true;
        let verdict = Story::at(Stage::ServerHello).rst_with(Client, orphan).verdict();
        assert_eq!(verdict.is(), ("reset", Actor::Unknown, None));
        assert_eq!(Story::at(Stage::ServerHello).rst_with(Server, orphan).verdict().actor, Actor::Server);
        assert_eq!(Story::at(Stage::ServerHello).rst(Client).verdict().actor, Actor::Client);
    }

    #[test]
    fn ttl_and_ip_id_are_compared_with_the_packet_before() {
        let with = |hop_limit, id, last: Option<u16>| {
            let story = Story::at(Stage::ClientHello).rst_with(Server, |reset| {
                reset.hop_limit = Some(hop_limit);
                reset.id = id;
                reset.previous = Some(IpTraits { number: 5, hop_limit: 63, service: None, id: last });
            });
            story.verdict().explanation.into_owned()
        };
        let own = with(63, Some(2), Some(u16::MAX));
        assert!(
            own.ends_with(
                "TTL 63 and IP ID 2 continue packet 5 (63, 65535): the server sent this RST itself."
            ),
            "{own}"
        );
        for (id, last) in [(None, None), (Some(0), Some(0)), (Some(900), Some(5)), (Some(5), Some(5))] {
            let alike = with(63, id, last);
            assert!(alike.ends_with("nothing suggests another sender."), "{alike}");
        }
        let other = with(61, Some(2), Some(1));
        assert!(other.contains("TTL 61") && other.ends_with("a different sender or path."), "{other}");
        assert!(!Story::at(Stage::ClientHello).rst(Server).verdict().mentions("TTL"));
    }

    #[test]
    fn a_side_that_sends_data_beyond_its_rst_is_enough() {
        let story = Story::at(Stage::ClientHello).rst_with(Server, |reset| reset.continued_in = Some(7));
        let verdict = story.verdict();
        assert_eq!(verdict.is(), ("reset", Actor::Path, Some("rst-injected")));
        assert_eq!(verdict.evidence, [1, 2, 3, 4, 5, 7]);
    }

    #[test]
    fn one_weak_sign_does_not_make_a_rst_forged() {
        let other_distance = |header: &mut SegmentHeader| header.ip.hop_limit = Some(61);
        let hello = ssm().open().say(Client, &talk::client_hello());
        let verdict = hello.segment_with(Server, "R.", 1, 206, &[], other_distance).verdict(0);
        assert_eq!(verdict.is(), ("reset", Actor::Server, None));
    }

    #[test]
    fn a_side_that_talks_on_did_not_send_the_rst() {
        let hello = ssm().open().say(Client, &talk::client_hello());
        let verdict = hello.segment(Server, "R", 1, &[]).say(Server, &talk::server_flight()).verdict(0);
        assert_eq!(verdict.is(), ("reset", Actor::Path, Some("rst-injected")));
    }

    #[test]
    fn what_is_captured_with_a_rst_may_have_been_sent_before_it() {
        let both = |hop_limit: u8| {
            let hello = ssm().open().say(Client, &talk::client_hello());
            let next = hello.next(Server);
            let mut talk = hello
                .segment_with(Server, "R", next, 0, &[], |header| header.ip.hop_limit = Some(hop_limit))
                .say(Server, &talk::server_flight());
            let last = talk.packets.len() - 1;
            talk.packets[last].id.moment.at =
                talk.packets[last - 1].id.moment.at + Elapsed::from_nanos(200_000);
            talk.story(0).endings.iter().find_map(|ending| match ending.what {
                EndingKind::Reset(facts) => Some(facts.continued_in.is_some()),
                _ => None,
            })
        };
        // With another host's TTL it is a forged one.
        assert_eq!((both(55), both(61)), (Some(false), Some(true)));
    }

    #[test]
    fn a_syn_ack_after_the_reset_shows_that_the_server_sent_none() {
        let talk = ssm().open().rst(Server).wait(1_000).syn_ack();
        let verdict = talk.verdict(0);
        assert_eq!(verdict.is(), ("reset", Actor::Path, Some("rst-injected")));
    }
}
