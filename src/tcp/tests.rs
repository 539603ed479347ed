//! The bystander's view of conversations, state by state.

use proptest::prelude::*;

use super::{HandshakeStep, HoleKind, Observation, ResetFit, Role, SegmentKind, TcpConnection};
use crate::packet::Flags;
use crate::story::script::talk::Talk;
use Role::{Client, Server};

/// Who sent the bytes, which, and the hole before them.
type Delivered = (Role, Vec<u8>, Option<HoleKind>);

/// Runs a conversation. Returns what each segment was, and each side's delivered bytes with their holes.
fn run(talk: &Talk) -> (TcpConnection, Vec<Observation>, Vec<Delivered>) {
    let mut connection = TcpConnection::new(&talk.packets[0].header, Client);
    let (mut observations, mut delivered) = (vec![], vec![]);
    for packet in &talk.packets {
        let moment = packet.id.moment;
        observations.push(connection.observe(
            moment.number,
            moment.at,
            &packet.segment(),
            &mut |role, delivery| {
                delivered.push((role, delivery.bytes.to_vec(), delivery.hole.map(|hole| hole.kind)));
            },
        ));
    }
    (connection, observations, delivered)
}

fn kinds(talk: &Talk) -> Vec<SegmentKind> {
    run(talk).1.iter().map(|observation| observation.kind).collect()
}

fn last(talk: &Talk) -> Observation {
    *run(talk).1.last().expect("a conversation has packets")
}

// ---- opening ----

#[test]
fn a_syn_that_is_captured_after_what_follows_it_opens_no_other_connection() {
    let whole = Talk::to_port(8443).open();
    let (syn, syn_ack, ack) = (&whole.packets[0], &whole.packets[1], &whole.packets[2]);
    for order in [[syn_ack, syn, ack], [ack, syn, syn_ack], [ack, syn_ack, syn]] {
        let mut talk = whole.clone();
        talk.packets = order.map(Clone::clone).to_vec();
        let mut connection = TcpConnection::new(&talk.packets[0].header, Role::Client);
        if talk.packets[0].header.tcp.flags.is_some_and(Flags::syn) {
            connection = TcpConnection::new(&talk.packets[0].header, Role::Server);
        }
        for packet in &talk.packets {
            assert!(!connection.is_reopened_by(&packet.header), "{:?}", packet.header.tcp);
            let moment = packet.id.moment;
            connection.observe(moment.number, moment.at, &packet.segment(), &mut |_, _| {});
        }
        assert_eq!(connection.ends.client.counters.retransmissions, 0);
    }
    // A new connection begins beyond the numbers of the one before.
    let mut old = TcpConnection::new(&ack.header, Role::Client);
    old.observe(1, ack.id.moment.at, &ack.segment(), &mut |_, _| {});
    let again = Talk::to_port(8443).starting_at(70_000_000, 90_000_000).syn();
    assert!(old.is_reopened_by(&again.packets[0].header));
}

#[test]
fn the_opening_s_steps_are_reported_and_its_round_trips_measured() {
    let (connection, observations, _) = run(&Talk::to_port(8443).open());
    let steps: Vec<_> = observations.iter().map(|observation| observation.step).collect();
    assert_eq!(steps, [Some(HandshakeStep::Syn), Some(HandshakeStep::SynAck), Some(HandshakeStep::Ack)]);
    assert_eq!(observations[1].round_trip.map(crate::time::Elapsed::nanos), Some(10_000_000));
    assert!(connection.is_established());
}

#[test]
fn a_repeated_syn_is_a_retransmission_and_voids_the_round_trip() {
    let talk = Talk::to_port(8443).syn().wait(1000).syn().syn_ack();
    let (_, observations, _) = run(&talk);
    assert_eq!(observations[1].kind, SegmentKind::Retransmission { of: Some(1) });
    assert_eq!(observations[2].round_trip, None);
}

#[test]
fn a_syn_with_another_number_opens_another_connection() {
    let first = Talk::to_port(8443).open();
    let (connection, ..) = run(&first);
    let again = Talk::to_port(8443).starting_at(77, 88).syn();
    assert!(connection.is_reopened_by(&again.packets[0].header));
    assert!(!connection.is_reopened_by(&first.packets[0].header));
}

#[test]
fn a_syn_after_its_sender_s_own_rst_opens_another_connection() {
    // An older connection's challenge ACK and the RST that it asks for, and the SYN again (RFC 9293, 3.10.7.3).
    let talk = Talk::to_port(8443).segment(Server, ".", 5, &[]).segment(Client, "R", 0, &[]);
    let mut connection = TcpConnection::new(&talk.packets[0].header, Role::Server);
    for packet in &talk.packets {
        connection.observe(packet.id.moment.number, packet.id.moment.at, &packet.segment(), &mut |_, _| {});
    }
    assert!(connection.is_reopened_by(&Talk::to_port(8443).syn().packets[0].header));
    // Where the capture lacks that SYN, the next segment has numbers of its own; a late one of this connection has not.
    let after = |seq: u32| {
        let next = Talk::to_port(8443).starting_at(seq, 90_000_000).segment(Client, ".", 1, &[]);
        connection.is_reopened_by(&next.packets[0].header)
    };
    let own = talk.packets[1].header.tcp.seq.expect("a number").0;
    assert!(after(own.wrapping_add(1 << 30)) && !after(own.wrapping_add(5)));
}

#[test]
fn both_ends_may_send_a_syn_before_either_is_answered() {
    let talk = Talk::to_port(8443).syn().segment(Server, "S", 0, &[]).segment(Client, "S.", 0, &[]);
    let (connection, ..) = run(&talk);
    assert!(connection.is_simultaneous_open);
    assert!(!connection.is_reopened_by(&talk.packets[1].header));
}

#[test]
fn data_of_the_syn_is_delivered_once_though_it_is_sent_again() {
    let talk = Talk::to_port(8443)
        .segment(Client, "S", 0, b"hello")
        .segment_with(Server, "S.", 0, 1, &[], |_| {})
        .segment(Client, "P.", 1, b"hello");
    let (_, observations, delivered) = run(&talk);
    assert_eq!(delivered, [(Client, b"hello".to_vec(), None)]);
    assert_eq!(observations[2].new_bytes, 0);
}

#[test]
fn what_remains_of_an_older_connection_is_stale_while_this_one_opens() {
    let talk = Talk::to_port(8443)
        .syn()
        .segment_with(Server, ".", 5_000, 400_000, &[], |_| {})
        .segment_with(Client, "R", 400_000, 0, &[], |_| {})
        .syn()
        .syn_ack();
    assert_eq!(kinds(&talk)[1..3], [SegmentKind::PreviousConnection, SegmentKind::PreviousConnection]);
    assert_eq!(last(&talk).step, Some(HandshakeStep::SynAck));
    // Cut lines show some of the numbers or none.
    for (hides_ack, hides_syn) in [(false, false), (true, false), (true, true)] {
        let mut short = talk.clone();
        short.packets[2].header.tcp.seq = None;
        if hides_ack {
            short.packets[1].header.tcp.ack = None;
        }
        if hides_syn {
            short.packets[0].header.tcp.seq = None;
        }
        assert_eq!(kinds(&short)[1..3], [SegmentKind::PreviousConnection, SegmentKind::PreviousConnection]);
        // Without the challenge it is the client's own.
        short.packets.remove(1);
        assert_ne!(kinds(&short)[1], SegmentKind::PreviousConnection);
    }
}

// ---- data ----

#[test]
fn retransmissions_name_the_packet_they_repeat() {
    let talk = Talk::to_port(8443).open().say(Client, b"request").wait(300).repeat(Client);
    assert_eq!(last(&talk).kind, SegmentKind::Retransmission { of: Some(4) });
    assert_eq!(last(&talk).new_bytes, 0);
}

#[test]
fn the_same_packet_captured_twice_is_no_retransmission() {
    let mut talk = Talk::to_port(8443).open().say(Client, b"request");
    let mut copy = talk.packets[3].clone();
    copy.header.ip.hop_limit = Some(63);
    talk.packets.push(copy);
    let (connection, observations, _) = run(&talk);
    assert_eq!(observations[4].kind, SegmentKind::DuplicateCapture { of: 4 });
    assert_eq!(connection.ends[Client].counters.retransmissions, 0);
}

#[test]
fn two_syns_that_arrive_together_get_two_answers() {
    // Linux writes the id 0 into a SYN-ACK, and IPv6 has none.
    let without_id = |header: &mut crate::packet::SegmentHeader| header.ip.id = Some(0);
    let mut talk =
        Talk::to_port(8443).syn().wait(1000).syn().segment_with(Server, "S.", 0, 1, &[], without_id);
    let answer = talk.packets[2].clone();
    talk.packets.push(answer.clone());
    assert_eq!(last(&talk).kind, SegmentKind::Retransmission { of: Some(3) });
    talk.packets.push(answer);
    assert_eq!(last(&talk).kind, SegmentKind::DuplicateCapture { of: 3 });
}

#[test]
fn a_segment_that_arrives_late_is_out_of_order_and_delivered_in_order() {
    let talk = Talk::to_port(8443).open().segment(Server, "P.", 4, b"def").segment(Server, "P.", 1, b"abc");
    let (_, observations, delivered) = run(&talk);
    assert_eq!(observations[3].gap, 3);
    assert_eq!(observations[4].kind, SegmentKind::OutOfOrder);
    let bytes: Vec<u8> = delivered.into_iter().flat_map(|(_, bytes, _)| bytes).collect();
    assert_eq!(bytes, b"abcdef");
}

#[test]
fn after_the_first_data_of_a_connection_that_was_open_the_answer_begins_where_it_was_acknowledged() {
    let answered =
        |talk: Talk| run(&talk.segment(Server, "P.", 3, b"def").segment(Server, ".", 0, b"abc").ack(Client));
    let asked = Talk::to_port(8443).segment(Client, "P.", 1, b"question");
    let (connection, observations, delivered) = answered(asked);
    assert_eq!((observations[1].gap, observations[2].kind), (3, SegmentKind::OutOfOrder));
    let bytes: Vec<u8> = delivered.into_iter().skip(1).flat_map(|(_, bytes, _)| bytes).collect();
    assert_eq!((&bytes[..], connection.ends.server.hole()), (&b"abcdef"[..], None));
    // A bare acknowledgement may follow what is on its way.
    let (_, observations, _) = answered(Talk::to_port(8443).segment(Client, ".", 1, b""));
    assert_eq!(observations[1].gap, 0);
}

#[test]
fn an_acknowledged_hole_is_the_capture_s_and_an_unacknowledged_one_waits() {
    let lost = Talk::to_port(8443).open().segment(Server, "P.", 4, b"def");
    let (connection, _, delivered) = run(&lost);
    assert!(delivered.is_empty());
    assert!(connection.ends[Server].hole().is_some());
    let (_, _, delivered) = run(&lost.ack(Client));
    assert_eq!(delivered, [(Server, b"def".to_vec(), Some(HoleKind::NotCaptured))]);
}

#[test]
fn bytes_acknowledged_and_never_seen_are_counted() {
    let talk = Talk::to_port(8443).open().segment_with(Client, ".", 1, 501, &[], |_| {});
    assert_eq!(last(&talk).acked_unseen, 500);
}

// ---- idling ----

#[test]
fn keep_alives_are_neither_data_nor_retransmissions() {
    let talk = Talk::to_port(8443).open().say(Client, b"request").ack(Server).wait(60_000);
    let probe = talk.next(Client) - 1;
    let bare = talk.clone().segment(Client, ".", probe, &[]);
    assert_eq!(last(&bare).kind, SegmentKind::KeepAlive);
    let with_a_byte = talk.segment(Client, ".", probe, b"x");
    assert_eq!(last(&with_a_byte).kind, SegmentKind::KeepAlive);
    assert_eq!(last(&with_a_byte).new_bytes, 0);
}

#[test]
fn a_zero_window_and_its_update_are_reported() {
    let window =
        |window: u16| move |header: &mut crate::packet::SegmentHeader| header.tcp.window = Some(window);
    let full =
        Talk::to_port(8443).open().say(Server, b"data").segment_with(Client, ".", 1, 5, &[], window(0));
    assert!(last(&full).is_zero_window);
    let update = full.segment_with(Client, ".", 1, 5, &[], window(900));
    assert_eq!(last(&update).kind, SegmentKind::WindowUpdate);
}

#[test]
fn repeated_acknowledgements_with_data_outstanding_are_duplicate_acks() {
    let talk = Talk::to_port(8443)
        .open()
        .segment(Server, "P.", 4, b"def")
        .segment_with(Client, ".", 1, 1, &[], |_| {})
        .segment_with(Client, ".", 1, 1, &[], |_| {});
    assert_eq!(last(&talk).kind, SegmentKind::DuplicateAck);
}

// ---- closing ----

#[test]
fn a_fin_counts_once_and_its_data_is_delivered() {
    let talk = Talk::to_port(8443).open().segment(Server, "FP.", 1, b"bye").segment(Server, "FP.", 1, b"bye");
    let (_, observations, delivered) = run(&talk);
    assert_eq!(delivered, [(Server, b"bye".to_vec(), None)]);
    assert_eq!([observations[3].is_first_fin, observations[4].is_first_fin], [true, false]);
}

#[test]
fn a_rst_fits_exactly_in_the_window_or_not_at_all() {
    let talk = Talk::to_port(8443).open().say(Client, b"request").ack(Server);
    let next = talk.next(Server);
    for (seq, fit) in [
        (next, ResetFit::Exact),
        (next + 100, ResetFit::InWindow),
        (next.wrapping_sub(100), ResetFit::Outside),
        (next + 0x4000_0000, ResetFit::Outside),
    ] {
        let reset = talk.clone().segment_with(Server, "R", seq, 0, &[], |_| {});
        assert_eq!(last(&reset).reset, Some(fit), "at {seq}");
    }
}

#[test]
fn the_window_is_scaled_only_if_both_ends_offered_it() {
    let scale = |shift: Option<u8>| {
        let bytes = shift.map_or(vec![], |shift| vec![3, 3, shift]);
        move |header: &mut crate::packet::SegmentHeader| {
            header.tcp.options = Some(crate::packet::TcpOptions::from_wire(&bytes));
        }
    };
    // The client's window is 500.
    for (client, server, beyond, fit) in [
        (Some(7), Some(7), 500 << 7, ResetFit::Outside),
        (Some(7), Some(7), (500 << 7) - 1, ResetFit::InWindow),
        (Some(7), None, 500, ResetFit::Outside),
        (None, Some(7), 499, ResetFit::InWindow),
    ] {
        let talk = Talk::to_port(8443)
            .segment_with(Client, "S", 0, 0, &[], scale(client))
            .segment_with(Server, "S.", 0, 1, &[], scale(server))
            .ack(Client);
        let seq = talk.next(Server) + beyond;
        let reset = talk.segment_with(Server, "R", seq, 0, &[], |_| {});
        assert_eq!(last(&reset).reset, Some(fit), "{client:?} {server:?} {beyond}");
    }
}

// ---- sequence numbers ----

proptest! {
    #[test]
    fn a_conversation_reads_the_same_at_any_initial_sequence_number(client: u32, server: u32) {
        let script = |talk: Talk| {
            talk.open()
                .say(Client, b"request")
                .ack(Server)
                .segment(Server, "P.", 4, b"def")
                .segment(Server, "P.", 1, b"abc")
                .ack(Client)
                .repeat(Server)
                .fin(Client)
                .fin(Server)
                .ack(Client)
        };
        let (_, expected, bytes) = run(&script(Talk::to_port(8443)));
        let (_, observations, same_bytes) = run(&script(Talk::to_port(8443).starting_at(client, server)));
        prop_assert_eq!(observations, expected);
        prop_assert_eq!(same_bytes, bytes);
    }
}
