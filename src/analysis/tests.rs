//! Conversations followed as the driver follows them.

use super::Settings;
use super::clock::Eras;
use super::table::{Budget, TrackedConnection};
use crate::story::script::talk::{self, Talk, exchange, socks5, ssm, starttls};
use crate::story::{CaptureFacts, Story};
use crate::tcp::Role::{Client, Server};

/// The story of a conversation in a capture whose clock may step.
fn followed(talk: &Talk) -> Box<Story> {
    let mut clock = Eras::default();
    let mut track =
        TrackedConnection::new(1, talk.packets[0].id, &talk.packets[0].segment(), &Settings::default());
    for packet in &talk.packets {
        let moment = packet.id.moment;
        clock.note(moment.number, moment.at);
        if clock.stepped_since(track.story.so_far().last.number) {
            track.clock_stepped(moment);
        }
        track.segment(packet.id, &packet.segment(), &mut Budget::default());
    }
    let (first, last) = (talk.packets[0].id.moment.number, talk.packets.len() as u64);
    let clock_step = clock.step_between(first, last);
    track.finish(CaptureFacts { end: talk.now, clock_step, ..CaptureFacts::default() })
}

/// The tests of rules fold their conversations without the driver.
#[test]
fn a_script_has_the_story_that_the_driver_tells() {
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
