//! Conversations followed as the driver follows them.

use super::Settings;
use super::clock::Eras;
use super::table::{Budget, TrackedConnection};
use crate::story::script::talk::{self, Talk, exchange, socks5, ssm, starttls};
use crate::story::{CaptureFacts, Story};
use crate::tcp::Role::{Client, Server};

/// The story of a conversation in a capture whose clock may step.
fn followed(talk: &Talk) -> Box<Story> {
    let settings = Settings::default();
    let mut clock = Eras::default();
    let mut track =
        TrackedConnection::new(1, talk.packets[0].id, &talk.packets[0].segment(), &Settings::default());
    for packet in &talk.packets {
        let moment = packet.id.moment;
        clock.note(moment.number, moment.at);
        if clock.stepped_since(track.story.so_far().last.number) {
            track.clock_stepped(moment);
        }
        track.segment(packet.id, &packet.segment(), &settings, &mut Budget::default(), &mut |_| {});
    }
    let (first, last) = (talk.packets[0].id.moment.number, talk.packets.len() as u64);
    let clock_step = clock.step_between(first, last);
    track.finish(CaptureFacts { end: talk.now, clock_step, ..CaptureFacts::default() })
}

/// The tests of rules fold their conversations without the driver.
#[test]
fn a_script_has_the_story_that_the_driver_builds() {
    for talk in [
        exchange().fin(Client).fin(Server),
        exchange().only(Server),
        ssm().open().say(Client, &talk::client_hello()).ack(Server).wait(8_000).rst(Client),
        ssm().segment(Server, "P.", 5_000, &talk::data()).ack(Client).rst(Server),
        socks5(0).then_tls(),
        starttls(b"454 TLS not available\r\n"),
    ] {
        let (driven, script) = (followed(&talk), talk.story(0));
        assert_eq!(format!("{driven:?}"), format!("{script:?}"));
    }
}

/// As a card with several receive queues delivers it.
#[test]
fn segments_that_are_captured_before_what_they_follow_wait_for_it() {
    let mut talks = vec![
        exchange().fin(Client).fin(Server),
        exchange().fin(Client).say(Server, &talk::data()).rst(Client),
        ssm().open().say(Client, &talk::client_hello()).ack(Server).wait(8_000).rst(Client),
        socks5(2).fin(Server).fin(Client),
        starttls(b"454 TLS not available\r\n").fin(Client).fin(Server),
    ];
    for talk in &mut talks {
        let wanted = followed(talk).verdict();
        for distance in 1..4 {
            for begin in 0..=distance {
                let mut swapped = talk.clone();
                for pair in swapped.packets[begin..].chunks_mut(distance + 1) {
                    let is_at_once = pair.last().unwrap().id.moment.at - pair[0].id.moment.at
                        < crate::time::Elapsed::from_millis(1);
                    if is_at_once {
                        pair.reverse();
                    }
                }
                for (index, packet) in swapped.packets.iter_mut().enumerate() {
                    packet.id.moment.number = index as u64 + 1;
                }
                let found = followed(&swapped).verdict();
                assert_eq!(found.is(), wanted.is(), "{distance} {begin}: {:?}", talk.packets.len());
            }
        }
    }
}

#[test]
fn no_silence_and_no_round_trip_is_measured_across_a_step_of_the_clock() {
    const DAYS: i64 = 20_000 * 86_400_000;
    let hello = ssm().open().say(Client, &talk::client_hello());
    let ended = hello.clone().wait(DAYS).ack(Server).rst(Client);
    assert_eq!(ended.code(0), "no-server-hello");
    let story = followed(&ended);
    assert_eq!((story.verdict().code.name(), story.path.round_trips.data), ("reset", None));
    let late = hello.wait(DAYS).say(Server, &talk::server_flight()).say(Client, &talk::client_flight());
    let late = late.say(Server, &talk::finished()).say(Client, &talk::data()).say(Server, &talk::data());
    assert_eq!(late.code(0), "slow");
    assert_eq!(followed(&late).verdict().code, "healthy");
}

/// A conversation's connection, while it is followed.
fn tracked(talk: &Talk) -> TrackedConnection {
    let settings = Settings::default();
    let mut track = TrackedConnection::new(1, talk.packets[0].id, &talk.packets[0].segment(), &settings);
    for packet in &talk.packets {
        track.segment(packet.id, &packet.segment(), &settings, &mut Budget::default(), &mut |_| {});
    }
    track
}

/// Embedded stacks and generators use the same numbers again.
#[test]
fn a_syn_with_the_old_number_after_both_fins_opens_another_connection_unless_it_is_a_copy() {
    let closed = exchange().fin(Client).fin(Server).ack(Client);
    let is_used_again = |talk: &Talk, millis| {
        let again = talk.clone().wait(millis).segment_with(Client, "S", 0, 0, &[], |_| {});
        let syn = again.packets.last().unwrap();
        tracked(talk).is_used_again_by(&syn.header, syn.id.moment.at)
    };
    assert!(is_used_again(&closed, 30_000) && !is_used_again(&closed, 10));
    assert!(!is_used_again(&exchange().fin(Client), 60_000));
}
