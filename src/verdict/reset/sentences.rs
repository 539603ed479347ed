//! What is written about a RST: where it came, what it means, and what to do.

use super::complete::{is_prelude_pending, is_window_closed, missed_reply};
use super::sender::sender;
use crate::story::{Ending, ResetFacts, Stage, Story};
use crate::tcp::{ResetFit, Role};
use crate::time::{Clock, Elapsed};
use crate::verdict::words::{purpose, reset_reason, timeless};

pub(super) fn headline(story: &Story, ending: &Ending, place: &str) -> String {
    match (ending.by, ending.stage, &story.tls.client_hello) {
        (Role::Server, Stage::ClientHello, Some(hello)) if story.capture.clock != Clock::Absent => {
            let after = ending.moment.at - hello.moment.at;
            // Time across a step of the capture's clock means nothing.
            let is_measured = story.capture.clock_step.is_none() && after >= Elapsed::ZERO;
            let after = if is_measured { format!(", {after} after it") } else { String::new() };
            format!("the server answered the ClientHello with a RST{after}")
        }
        _ => format!("{}the {} reset the connection {place}", purpose::prefix(story), ending.by),
    }
}

pub(super) fn place(story: &Story, ending: &Ending) -> &'static str {
    match ending.stage {
        Stage::TcpEstablished if story.is_port_check() => "without a byte of data",
        // More than the SYN was acknowledged.
        Stage::TcpEstablished if story.missing.acked_unseen.client > 1 => {
            "after the client's first data, which was not captured"
        }
        Stage::None | Stage::Syn => "before any reply to the SYN",
        Stage::SynAck => "right after the SYN-ACK",
        Stage::TcpEstablished if story.lacks_agreed_tls() => {
            let is_proxy = story.prelude.as_ref().is_some_and(|prelude| prelude.protocol.is_proxy());
            if is_proxy {
                "after the tunnel was open, before the ClientHello was complete"
            } else {
                "after it had agreed to start TLS, before the ClientHello was complete"
            }
        }
        Stage::TcpEstablished if story.is_plain_answer_cut() || story.is_last_chunk_owed() => {
            "before its reply was complete"
        }
        Stage::TcpEstablished
            if story.open_plain_request().is_some() || story.reset_after_close().is_some() =>
        {
            "after a request, before any reply to it"
        }
        Stage::ApplicationData if ending.by == Role::Server && is_window_closed(story) => {
            "while the client kept its receive window closed"
        }
        Stage::ApplicationData if story.was_answered() && story.tls.is_inside_record.server => {
            "before the server's reply was complete"
        }
        Stage::TcpEstablished if is_prelude_pending(story, ending) => {
            let is_proxy = story.prelude.as_ref().is_some_and(|prelude| prelude.protocol.is_proxy());
            if is_proxy {
                "after the request for a tunnel, before any reply to it"
            } else {
                "after the request to start TLS, before any reply to it"
            }
        }
        Stage::TcpEstablished if missed_reply(story, ending) => "before the server's reply reached it",
        Stage::TcpEstablished if story.is_inside_client_hello() => {
            "in the middle of the client's ClientHello"
        }
        Stage::TcpEstablished if !story.expects_tls && story.data.client.first.is_some() => {
            "after the client's data"
        }
        Stage::TcpEstablished => "after the TCP handshake, before any TLS",
        Stage::ClientHello => "after the ClientHello, before any reply",
        Stage::ServerHello | Stage::ServerFlightComplete => "in the TLS handshake, after the ServerHello",
        Stage::ClientFinished => "in the TLS handshake, after the client's Finished",
        Stage::TlsEstablished => "right after the TLS handshake",
        Stage::ApplicationData if story.begun_request().is_some() => "in the middle of a later request",
        Stage::ApplicationData if story.later_request().is_some() => {
            "after a later request, before any reply to it"
        }
        Stage::ApplicationData if story.was_answered() => "before the server's reply was complete",
        Stage::ApplicationData => "after the request, before any reply",
    }
}

pub(super) fn explain(story: &Story, ending: &Ending, facts: &ResetFacts) -> String {
    let form = match ending.by {
        _ if !facts.is_stateless || story.has_scanner_syn() => "",
        Role::Server => {
            " The RST has no options and window 0, as sent by a host that has no such connection: the service was restarted, or a \
             device replies with its address."
        }
        Role::Client if ending.stage <= Stage::SynAck => {
            " The RST has no options and window 0, as a kernel sends it for a connection that it did not open or has given up."
        }
        Role::Client => {
            " The RST has no options and window 0, as sent by a host that has no such connection: the connection had ended there \
             before, by the client's own doing or by a RST that the capture lacks."
        }
    };
    let fit = match facts.fit {
        ResetFit::InWindow => {
            " Its sequence number is in the window but not the next one, so a current receiver sends a challenge ACK \
             first (RFC 5961, 3)."
        }
        ResetFit::Exact | ResetFit::Outside => "",
    };
    let (sender, is_own) = sender(ending.by, facts);
    let why = match (ending.by, ending.stage) {
        (Role::Client, _) if story.is_port_check() => purpose::PORT_CHECK,
        (Role::Client, Stage::SynAck) if story.has_scanner_syn() => {
            "The port is open: the server answered the SYN, and the client's kernel, which had not sent it, reset the answer."
        }
        (Role::Client, Stage::SynAck) => {
            "The client answered the SYN-ACK with a RST: it had given up, or it does not know this attempt (a port \
             scanner, a health probe, or a stale reply)."
        }
        (Role::Client, Stage::Syn) => "The client gave up before any reply.",
        (Role::Client, Stage::TcpEstablished) if missed_reply(story, ending) => {
            "The client repeated its data after the server had replied, and never acknowledged the reply: it was lost on the \
             way to the client."
        }
        (Role::Client, Stage::TlsEstablished) => {
            "The client reset the connection without sending a request. Programs that check the certificate only after \
             the handshake, such as Wget, do this when they reject it; so does one that is killed."
        }
        (Role::Client, _) => {
            "The client's program or kernel reset the connection: the program was killed, it timed out, or it closed its \
             socket with unread data."
        }
        (Role::Server, Stage::ClientHello) if is_own => {
            "The server closed on the ClientHello without sending a TLS alert: a policy on the name (SNI) or the TLS \
             version, a service that does not speak TLS, or a crash."
        }
        (Role::Server, Stage::ClientHello) => {
            "The server (or a device using its address) closed on the ClientHello without sending a TLS alert: a policy \
             on the \
             name (SNI) or the TLS version, a service that does not speak TLS, or a crash."
        }
        (Role::Server, _) => "The server's program or kernel reset the connection.",
    };
    let reason = reset_reason::sentence(story, ending);
    let why = reason.as_deref().unwrap_or(why);
    format!("{why}{}{form}{fit}{sender}{}", purpose::scan(story), timeless::caveat(story, ending))
}

pub(super) fn advice(story: &Story, ending: &Ending, facts: &ResetFacts) -> &'static [&'static str] {
    let (_, is_own) = sender(ending.by, facts);
    match ending.by {
        _ if reset_reason::sentence(story, ending).is_some() => &[reset_reason::ADVICE],
        Role::Client if is_own => &["Read the client's log at that time."],
        Role::Client => &[
            "Read the client's log at that time.",
            "If the client's log reports a reset by the peer, a device between the two sent RSTs to both.",
        ],
        Role::Server => &[
            "Read the server's log at that time; if it has no record of the connection, look for a device in between.",
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::SegmentHeader;
    use crate::story::script::talk::ssm;
    use crate::tcp::Role::{Client, Server};
    use crate::verdict::Actor;

    #[test]
    fn the_sender_and_the_place_of_a_rst_are_reported() {
        for (stage, by, place) in [
            (Stage::SynAck, Client, "right after the SYN-ACK"),
            (Stage::TcpEstablished, Server, "before any TLS"),
            (Stage::ClientHello, Server, "answered the ClientHello with a RST"),
            (Stage::ServerHello, Client, "after the ServerHello"),
            (Stage::ApplicationData, Server, "before any reply"),
        ] {
            let story = Story::at(stage).rst(by);
            let (verdict, last) = (story.verdict(), story.last.number);
            assert_eq!(verdict.is(), ("reset", Actor::from(by), None), "{stage}");
            assert!(verdict.headline.contains(place), "{stage}: {}", verdict.headline);
            assert_eq!(verdict.evidence.last(), Some(&last));
            assert!(!verdict.mentions("did not send it"));
        }
    }

    #[test]
    fn a_port_check_and_a_scan_are_reported_as_what_they_are() {
        let check = ssm().open().rst(Client).verdict(0);
        assert_eq!(check.is(), ("reset", Actor::Client, None));
        assert!(check.headline.starts_with("port check: the client reset"), "{}", check.headline);
        assert!(check.mentions("health probe") && !check.mentions("killed"));
        let scanner_s = |header: &mut SegmentHeader| {
            header.tcp.window = Some(1_024);
            header.tcp.options = Some(crate::packet::TcpOptions::from_wire(&[2, 4, 5, 180]));
        };
        let scan = ssm().segment_with(Client, "S", 0, 0, &[], scanner_s);
        let scan = scan.syn_ack().segment(Client, "R", 1, &[]).verdict(0);
        assert_eq!(scan.is(), ("reset", Actor::Client, None));
        assert!(scan.headline.starts_with("port scan: the client reset"), "{}", scan.headline);
        assert!(scan.mentions("nmap") && scan.mentions("The port is open"));
        let aborted = ssm().syn().syn_ack().segment(Client, "R", 1, &[]).verdict(0);
        assert!(aborted.headline.starts_with("the client reset"), "{}", aborted.headline);
    }
}
