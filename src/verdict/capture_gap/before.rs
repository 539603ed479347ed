//! What the capture lacks of what preceded an ending or answered a request.

use crate::story::{AnswerDoubt, Ending, Story};
use crate::verdict::JudgementSettings;

/// The server's bytes after a request that may be no answer, where nothing is wrong with the rest.
pub(super) fn unseen_answer(story: &Story, settings: &JudgementSettings) -> Option<(String, String)> {
    let Some(AnswerDoubt::Unseen(acked)) = story.answer_doubt(settings.stall_after) else { return None };
    Some((
        "what the server sent last is missing from the capture".to_owned(),
        format!(
            "Packet {} proves that the server sent bytes after the TLS handshake that are not in the capture. Session tickets and \
             alerts have their size, and so it is unknown whether they answered a request.",
            acked.number
        ),
    ))
}

/// What the client sent first on a connection without TLS.
pub(super) fn first_words(story: &Story) -> Option<(String, String)> {
    story.lacks_first_words().then(|| {
        (
            "the client's first bytes are missing from the capture".to_owned(),
            "Acknowledgements prove that the client sent bytes that the capture does not hold, before anything that shows the protocol. \
             Whether it asked for TLS, or a proxy for a tunnel, is unknown."
                .to_owned(),
        )
    })
}

/// A silence that the sender's RST ended, of which the capture lacks an acknowledgement and perhaps more.
pub(super) fn unseen_reply(ending: &Ending, reached: &str) -> (String, String) {
    let (receiver, sender) = (ending.by, ending.by.other());
    (
        format!("the {receiver}'s ACK is missing from the capture, and its reply may be as well"),
        format!(
            "Nothing is certainly wrong up to {reached}. The {sender} did not send its last data again, as it would have done without \
             an ACK, so the capture missed that. The {sender}'s RST acknowledges nothing, and so it is unknown whether a reply came \
             with it."
        ),
    )
}

/// A silence that ended with a RST whose number is ahead of what the capture holds of its sender.
pub(super) fn sent_ahead(reset: &Ending, reached: &str) -> (String, String) {
    let (by, number) = (reset.by, reset.moment.number);
    (
        format!("what the {by} sent last is missing from the capture"),
        format!(
            "Nothing is certainly wrong up to {reached}. The sequence number of the {by}'s RST in packet {number} is ahead of all that the \
             capture holds of the {by}: it had sent more, a reply perhaps."
        ),
    )
}

/// What an ending means depends on what came before the last step.
pub(super) fn what_preceded(story: &Story, ending: &Ending, reached: &str) -> (String, String) {
    let acked = story.missing.acked_unseen;
    let cut = story.traffic.counters.server.cut_bytes;
    let number = ending.moment.number;
    if acked.client == 0 && acked.server == 0 && cut > 0 {
        let sent = if story.tls.early_data.is_some() { "sent" } else { "may have sent" };
        return (
            "the snaplen cut off what preceded its end".to_owned(),
            format!(
                "Nothing is certainly wrong up to {reached}. Packet {number} ends the connection. The client {sent} \
                 early data, and the snaplen cut off {cut} bytes from the server: whether they answered it is unknown."
            ),
        );
    }
    (
        "what preceded its end is missing from the capture".to_owned(),
        format!(
            "Nothing is certainly wrong up to {reached}. Packet {number} ends the connection, and what it means \
             depends on what preceded it: bytes before it are missing from the capture ({} of the client and {} of the \
             server were acknowledged without being captured).",
            acked.client, acked.server
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::script::talk::{self, Talk, handshake, ssm};
    use crate::story::{EndingKind, Stage};
    use crate::tcp::Role::{Client, Server};
    use crate::verdict::{Actor, Severity};

    #[test]
    fn a_record_of_an_alert_s_size_or_a_fin_after_a_gap_proves_nothing() {
        let alert = Story::at(Stage::ServerFlightComplete)
            .ends(EndingKind::EncryptedAlert { basis: crate::tls::Basis::Inferred }, Server);
        assert_eq!(alert.clone().verdict().code, "tls-alert");
        let alert = alert.but(|story| story.missing.acked_unseen.client = 93).verdict();
        assert_eq!(alert.code, "capture-gap");
        assert!(alert.explanation.contains("93 of the client"), "{}", alert.explanation);
        let fin = Story::at(Stage::ServerHello).fin(Server);
        assert_eq!(fin.clone().verdict().code, "closed-early");
        assert_eq!(fin.but(|story| story.missing.gap.server = 541).verdict().code, "capture-gap");
        let rst = Story::at(Stage::ApplicationData).rst(Server);
        assert_eq!(rst.clone().verdict().code, "reset");
        let last = rst.last;
        assert_ne!(rst.but(|story| story.missing.fin.server = Some(last)).verdict().code, "reset");
    }

    #[test]
    fn a_server_that_closes_after_cut_data_may_have_answered_early_data() {
        let closed = Story::at(Stage::ServerHello).fin(Server);
        let closed = closed.but(|story| {
            story.tls.early_data = story.tls.client_hello.as_ref().map(|hello| hello.moment);
            story.traffic.counters.server.cut_bytes = 300;
        });
        assert_eq!(closed.verdict().code, "capture-gap");
    }

    /// A TLS 1.3 handshake and a request of 150 bytes.
    fn asked_13() -> Talk {
        let flight = [talk::server_hello_13(), talk::encrypted(200), talk::encrypted(53)].concat();
        let hello = ssm().open().say(Client, &talk::client_hello()).say(Server, &flight);
        hello.say(Client, &talk::encrypted(53)).say(Client, &talk::encrypted(150)).ack(Server)
    }

    /// The same without the packet at this place, counted from the end.
    fn without(mut talk: Talk, from_end: usize) -> Talk {
        let place = talk.packets.len() - from_end;
        talk.packets.remove(place);
        talk
    }

    #[test]
    fn bytes_that_may_be_tickets_or_an_alert_are_no_answer_where_the_capture_lacks_them() {
        let ticket = talk::encrypted(250);
        let tickets = || asked_13().say(Server, &ticket).say(Server, &ticket).ack(Client);
        for ended in [tickets().wait(6_000).fin(Client), tickets().fin(Server), tickets().rst(Server)] {
            assert!(matches!(ended.code(0), "no-response" | "reset"), "{}", ended.code(0));
            for lost in [3, 4] {
                // One of the pair is missing, or its place shows that it was a record of that size.
                let verdict = without(ended.clone(), lost).verdict(0);
                assert_eq!(verdict.severity, Severity::Unknown, "{}", verdict.headline);
            }
        }
        // An alert, and the side that gets it leaves at once.
        let refused = asked_13().say(Server, &talk::encrypted(19)).fin(Client).fin(Server);
        let verdict = without(refused, 3).verdict(0);
        assert_eq!(verdict.is(), ("capture-gap", Actor::Unknown, None), "{}", verdict.headline);
        assert!(verdict.mentions("unknown whether they answered"), "{}", verdict.explanation);
        let answered = asked_13().say(Server, &talk::encrypted(2_000)).ack(Client).wait(6_000).fin(Client);
        assert_eq!(without(answered, 3).code(0), "healthy");
    }

    #[test]
    fn what_answers_a_request_that_is_not_in_the_capture_is_an_answer() {
        let answered = handshake().say(Client, &talk::data()).say(Server, &talk::data());
        for ended in [answered.clone().rst(Client), answered.clone().fin(Server), answered.wait(9_000)] {
            assert_eq!(ended.code(9_000), "healthy");
            let mut lost = ended;
            lost.packets.remove(7);
            assert_eq!(lost.code(9_000), "healthy");
        }
    }

    #[test]
    fn where_a_fault_is_in_doubt_nothing_is_called_well() {
        let begun = handshake().say(Client, &talk::data()).ack(Server);
        let record = talk::encrypted(9_000);
        let parts = record.chunks(1_400).take(4).fold(begun, |talk, part| talk.say(Server, part).ack(Client));
        let cut = parts.rst(Client);
        assert_eq!(cut.code(0), "reset");
        // Without a part in the middle of the answer.
        assert_eq!(without(cut, 7).code(0), "capture-gap");
    }

    #[test]
    fn where_each_packet_carries_data_a_missing_acknowledgement_shows_nothing() {
        let mut pushed = asked_13().say(Server, &talk::encrypted(300)).say(Client, &talk::encrypted(150));
        assert_eq!(pushed.clone().wait(5_000).fin(Client).code(0), "no-response");
        pushed.packets.retain(|packet| !packet.payload.is_empty());
        assert!(!matches!(pushed.code(5_000), "no-response"), "{}", pushed.code(5_000));
        // Without the ServerHello, what follows may be anything.
        let closed = pushed.say(Client, &talk::encrypted(19));
        assert_ne!(without(closed, 6).code(0), "tls-alert");
    }

    #[test]
    fn where_the_client_s_first_bytes_are_missing_the_protocol_is_unknown() {
        let connect = Talk::to_port(3128).open().say(Client, b"CONNECT ssm.example:8443 HTTP/1.1\r\n\r\n");
        let refused = connect.clone().say(Server, b"HTTP/1.1 403 Forbidden\r\n\r\n").fin(Server).fin(Client);
        assert_eq!(refused.code(0), "proxy-refused");
        let verdict = without(refused, 4).verdict(0);
        assert_eq!(verdict.is(), ("capture-gap", Actor::Unknown, None), "{}", verdict.headline);
        // A page answers a plain request.
        let page = connect.say(Server, b"HTTP/1.1 200 OK\r\n\r\n").fin(Server).fin(Client);
        assert_eq!(without(page, 4).code(0), "plaintext");
    }

    #[test]
    fn a_client_that_closes_after_bytes_that_are_missing_had_spoken() {
        let left = ssm().open().say(Client, &talk::client_hello()).ack(Server).wait(8_000).fin(Client);
        assert_eq!(left.code(0), "no-server-hello");
        assert_eq!(without(left, 3).code(0), "capture-gap");
    }

    #[test]
    fn an_alert_s_size_means_little_where_the_client_hello_may_have_had_early_data() {
        let alert = Story::at(Stage::TlsEstablished)
            .ends(EndingKind::EncryptedAlert { basis: crate::tls::Basis::Inferred }, Server);
        assert_eq!(alert.clone().verdict().code, "tls-alert");
        assert_ne!(alert.but(|story| story.tls.client_hello = None).verdict().code, "tls-alert");
    }

    /// A TLS 1.3 handshake whose server's flight is one record, and whose client sends an empty Certificate.
    fn without_a_certificate() -> Talk {
        let flight = [talk::server_hello_13(), talk::encrypted(1_300)].concat();
        let hello = ssm().open().say(Client, &talk::client_hello()).say(Server, &flight);
        hello.say(Client, &talk::encrypted(61))
    }

    #[test]
    fn an_alert_about_what_the_capture_lacks_of_the_client_is_no_healthy_end() {
        let refused = without_a_certificate().say(Server, &talk::encrypted(19));
        let left = refused.say(Client, &talk::encrypted(81)).fin(Client).rst(Server);
        assert_eq!(left.code(0), "tls-alert");
        // Without the client's flight, and without the alert.
        for lost in [5, 4] {
            let verdict = without(left.clone(), lost).verdict(0);
            assert_eq!(verdict.severity, Severity::Unknown, "{lost}: {}", verdict.headline);
        }
    }

    #[test]
    fn the_end_of_the_server_s_flight_is_no_answer_however_late_the_capture_has_it() {
        let flight = [talk::server_hello_13(), talk::encrypted(200), talk::encrypted(53)].concat();
        let (one, other) = flight.split_at(flight.len() - 27);
        let hello = ssm().open().say(Client, &talk::client_hello_with(&[(45, &[1, 1])]));
        let shaken = hello.say(Server, one).say(Server, other).ack(Client).say(Client, &talk::encrypted(53));
        let ticket = talk::encrypted(250);
        let asked = shaken.say(Server, &ticket).say(Client, &talk::encrypted(150)).say(Server, &ticket);
        let left = asked.ack(Client).wait(6_000).fin(Client);
        assert_eq!(left.code(0), "no-response");
        // Without the second part of the flight.
        let verdict = without(left, 8).verdict(0);
        assert!(verdict.severity != Severity::Ok, "{}", verdict.headline);
    }
}
