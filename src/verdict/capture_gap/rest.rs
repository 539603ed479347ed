//! A capture that continues without the connection.

use crate::story::{Ending, EndingKind, Stage, Story};

/// The capture continues without the connection, whose last packet is `last`.
pub(super) fn cut_short(story: &Story, reached: &str, last: u64) -> (String, String) {
    let after = story.capture.end - story.last.at;
    if let Some(each) = story.capture.packets_each.filter(|each| u64::from(*each) == story.segments()) {
        return (
            format!("the capture seems to hold no more than the first {each} packets of each connection"),
            format!(
                "Nothing is wrong up to {reached}. This connection ends with its packet number {each} (packet {last}), \
                 as others here do, and none has more: either only the first {each} packets of each connection were captured, or all of \
                 them stopped at the same place."
            ),
        );
    }
    if story.capture.lost_others {
        return (
            "the capture lost packets of several connections then".to_owned(),
            format!(
                "Nothing is wrong up to {reached}. Packet {last} is this connection's last one, {after} before the capture ends. Within \
                 a second of it, packets of other connections are missing from the capture, as their ACKs prove: the rest of this one \
                 may have come without being captured."
            ),
        );
    }
    if story.capture.dropped_until.is_some_and(|at| at >= story.last.at) {
        (
            "the capture dropped packets after that".to_owned(),
            format!(
                "Nothing is wrong up to {reached}. Packet {last} is this connection's last one, {after} before the \
                 capture ends, and meanwhile the capture dropped packets: the rest may have come without being \
                 captured."
            ),
        )
    } else {
        (
            "the rest is missing from the capture".to_owned(),
            format!(
                "Nothing is wrong up to {reached}. Packet {last} is this connection's last one, {after} before the \
                 capture ends. Data was unacknowledged then, and its sender would have sent it again: packets are \
                 missing from the capture, so what happened next is unknown."
            ),
        )
    }
}

/// A SYN-ACK that its sender does not repeat was acknowledged: Linux repeats it after 1 s (RFC 6298, 2.1).
pub(super) fn acknowledgement(ending: &Ending) -> Option<(String, String)> {
    let is_it = matches!(ending.what, EndingKind::Silence(_)) && ending.stage == Stage::SynAck;
    is_it.then(|| {
        (
            "the client's acknowledgement is missing from the capture".to_owned(),
            "The server sent its SYN-ACK once. It would have repeated it had the client not acknowledged it: the \
             client's packets are missing from the capture, so what happened next is unknown."
                .to_owned(),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::CaptureFacts;
    use crate::story::script::talk::{self, Talk, exchange, ssm};
    use crate::tcp::Role::{Client, Server};

    #[test]
    fn a_syn_ack_that_is_not_repeated_was_acknowledged() {
        let answered = ssm().syn().syn_ack();
        assert_eq!(answered.code(2_000), "in-progress");
        assert_eq!(answered.code(60_000), "capture-gap");
        assert_eq!(answered.wait(1_000).syn_ack().code(60_000), "tcp-handshake-incomplete");
    }

    #[test]
    fn data_that_nobody_acknowledged_or_sent_again_means_that_the_capture_lacks_the_rest() {
        let hello = ssm().open().say(Client, &talk::client_hello());
        let cut = hello.story(60_000);
        assert_eq!((cut.verdict().code.name(), cut.stage), ("capture-gap", Stage::ClientHello));
        assert_eq!(cut.missing.truncated_after.map(|moment| moment.number), Some(4));
        assert!(cut.verdict().mentions("packets are missing from the capture"));
        let half = hello.clone().say(Server, &talk::server_flight()[..60]);
        assert_eq!(half.code(60_000), "capture-gap");
        // A sender that retransmits is there, and so is the capture.
        assert_eq!(hello.clone().wait(300).repeat(Client).code(60_000), "no-server-hello");
        assert_eq!(hello.ack(Server).code(60_000), "no-server-hello");
    }

    #[test]
    fn where_the_capture_holds_the_first_packets_alone_the_rest_is_missing() {
        let hello = ssm().open().say(Client, &talk::client_hello()).ack(Server);
        let verdict = |packets| {
            let end = hello.clone().wait(60_000).now;
            let capture = CaptureFacts { end, packets_each: Some(packets), ..CaptureFacts::default() };
            hello.story_in(capture).verdict()
        };
        assert_eq!(verdict(5).code.name(), "capture-gap");
        assert!(verdict(5).headline.contains("first 5 packets"), "{}", verdict(5).headline);
        assert_eq!(verdict(9).code.name(), "no-server-hello");
    }

    #[test]
    fn a_silence_during_which_the_capture_drops_packets_is_no_stall() {
        /// The code 8 s after the last packet, if packets were dropped until `drops_after` milliseconds after it.
        fn code(talk: &Talk, drops_after: i64) -> &'static str {
            let at = |millis| talk.clone().wait(millis).now;
            let (end, dropped_until) = (at(8_000), Some(at(drops_after)));
            let capture = CaptureFacts { end, dropped: Some(7), dropped_until, ..CaptureFacts::default() };
            talk.story_in(capture).verdict().code.name()
        }
        let silent = ssm().open().say(Client, &talk::client_hello()).ack(Server);
        assert_eq!(silent.code(8_000), "no-server-hello");
        assert_eq!(code(&silent, 2_000), "capture-gap");
        assert_eq!(code(&silent, -50), "no-server-hello");
        assert_eq!(code(&exchange(), 2_000), "healthy");
    }

    #[test]
    fn what_was_said_before_tls_and_never_sent_again_ends_the_capture_of_a_connection() {
        let asked = Talk::to_port(3128).open().say(Client, b"CONNECT ssm.example:8443 HTTP/1.1\r\n\r\n");
        let agreed = asked.ack(Server).say(Server, b"HTTP/1.1 200 OK\r\n\r\n");
        assert_eq!(agreed.code(60_000), "capture-gap");
        assert_eq!(agreed.ack(Client).code(60_000), "client-silent");
        let begun = ssm().open().say(Client, &talk::client_hello()[..90]);
        assert_eq!(begun.code(60_000), "capture-gap");
        assert_eq!(begun.ack(Server).code(60_000), "client-silent");
    }

    #[test]
    fn a_hole_after_which_full_segments_arrive_is_filled_where_the_capture_continues() {
        let asked = exchange().ack(Client).say(Client, &talk::data()).ack(Server);
        let (from, ack) = (asked.next(Server), asked.next(Client));
        let code = |bytes: usize| {
            let continued = asked.clone().segment(Server, ".", from + 1_448, &vec![7; bytes]);
            let reported = continued.segment_with(Client, ".", ack, from, &[], |_| {});
            reported.segment_with(Client, ".", ack, from, &[], |_| {}).code(60_000)
        };
        assert_eq!(code(1_448), "capture-gap");
        // On a path that drops large packets, the missing one never comes.
        assert_eq!(code(700), "no-response");
    }

    #[test]
    fn a_rst_that_acknowledges_nothing_leaves_open_what_came_with_a_missing_ack() {
        let asked = exchange().ack(Client).say(Client, &talk::data()).wait(4_000);
        let next = asked.next(Client);
        assert_eq!(asked.clone().segment(Client, "R", next, &[]).code(0), "capture-gap");
        assert_eq!(asked.segment(Client, "R.", next, &[]).code(0), "no-response");
    }

    #[test]
    fn packets_that_show_a_stall_are_no_mere_beginning_of_a_connection() {
        let hello = ssm().open().say(Client, &talk::client_hello());
        let again = (0..4).fold(hello, |talk, at| talk.wait(300 << at).repeat(Client));
        let packets_each = Some(again.packets.len() as u32);
        let end = again.clone().wait(60_000).now;
        let story = again.story_in(CaptureFacts { end, packets_each, ..CaptureFacts::default() });
        assert_eq!(story.verdict().code.name(), "no-server-hello");
    }

    #[test]
    fn a_silence_that_begins_where_the_capture_lost_packets_of_others_shows_nothing() {
        let asked = ssm().open().then_tls().wait(9_000).say(Client, &talk::data()).ack(Server);
        let hung = ssm().open().say(Client, &talk::client_hello()).ack(Server);
        let judged = |talk: &Talk, lost_others| {
            let end = talk.clone().wait(9_000).now;
            talk.story_in(CaptureFacts { end, lost_others, ..CaptureFacts::default() }).verdict()
        };
        assert_eq!(judged(&hung, false).code.name(), "no-server-hello");
        let verdict = judged(&hung, true);
        assert_eq!(verdict.code.name(), "capture-gap", "{}", verdict.headline);
        assert!(verdict.headline.contains("lost packets of several connections"), "{}", verdict.headline);
        // Somebody gave up on it, or repeats: the packets that are there show it.
        let end = |talk: Talk| judged(&talk, true).code.name();
        assert_eq!(end(hung.wait(8_000).fin(Client)), "no-server-hello");
        assert_eq!(end(asked.wait(8_000).fin(Client)), "no-response");
        assert_eq!(end(ssm().syn().wait(1_000).syn().wait(2_000).syn()), "syn-no-reply");
    }
}
