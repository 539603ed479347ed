//! A segment in words: its name by its flags and what its data is part of.

use crate::packet::SegmentHeader;
use crate::story::{Note, Stage, Story};
use crate::tcp::Role;

/// Names a segment by its flags, where the words on its notes don't.
pub(super) fn name_segment(words: &mut Vec<String>, header: &SegmentHeader, notes: &[Note], payload: &[u8]) {
    let flags = header.tcp.flags.unwrap_or_default();
    let has_payload = header.payload_len.unwrap_or(0) > 0;
    let is_named = !words.is_empty();
    let name = if flags.rst() {
        "RST"
    } else if flags.fin() && !(is_named && is_repeat(notes)) {
        "FIN"
    } else if is_named {
        let is_ack = !has_payload && !flags.syn() && matches!(notes, [Note::RoundTrip(_)]);
        if is_ack { "ACK" } else { return }
    } else if flags.syn() {
        if flags.ack() { "SYN-ACK" } else { "SYN" }
    } else if is_change_of_cipher(payload) {
        "ChangeCipherSpec"
    } else if has_payload {
        return;
    } else {
        "ACK"
    };
    words.insert(0, name.to_owned());
}

/// Whether a segment has one record and that changes the cipher (RFC 5246, 7.1); with TLS 1.3 it means nothing (RFC 8446, D.4).
fn is_change_of_cipher(payload: &[u8]) -> bool {
    matches!(payload, [20, 3, 0..=4, 0, 1, 1])
}

/// What the data of a segment without a step of its own is part of, at a stage of TLS.
pub(super) fn part_of_tls(story: &Story, role: Role, stage: Stage) -> Option<&'static str> {
    story.tls.client_hello.as_ref()?;
    match (stage, role) {
        (Stage::TlsEstablished | Stage::ApplicationData, _) => Some("encrypted data"),
        (Stage::ServerHello, Role::Server) => Some("server's flight"),
        (Stage::ServerHello | Stage::ServerFlightComplete | Stage::ClientFinished, Role::Client) => {
            Some("client's flight")
        }
        _ => None,
    }
}

/// Whether a segment says no more than that it repeats another one.
pub(super) fn is_repeat(notes: &[Note]) -> bool {
    matches!(notes, [.., Note::Retransmission(_)] | [Note::Retransmission(_), ..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::script::talk::{exchange, handshake};

    #[test]
    fn data_is_part_of_a_side_s_flight_and_then_of_what_is_encrypted() {
        let story = exchange().story(0);
        for (stage, role, words) in [
            (Stage::ClientHello, Role::Client, None),
            (Stage::ServerHello, Role::Server, Some("server's flight")),
            (Stage::ServerFlightComplete, Role::Client, Some("client's flight")),
            (Stage::TlsEstablished, Role::Server, Some("encrypted data")),
        ] {
            assert_eq!(part_of_tls(&story, role, stage), words, "{stage:?}");
        }
        // Without a ClientHello nothing shows that it is TLS.
        let mut unknown = handshake().story(0);
        unknown.tls.client_hello = None;
        assert_eq!(part_of_tls(&unknown, Role::Server, Stage::TlsEstablished), None);
    }
}
