//! The TCP connection is established, and the client sends nothing.

use super::words::{drops, evidence};
use super::{Actor, Code, JudgementSettings, Rule, Severity, Verdict};
use crate::story::{EndingKind, Moment, Silence, Stage, Story};
use crate::tcp::Role;
use crate::time::Elapsed;

/// `client-silent`.
pub(super) const RULE: Rule = Rule {
    code: Code::ClientSilent,
    severity: Severity::Critical,
    summary: "the TCP connection was established, and the client sent nothing",
    page: include_str!("../../docs/verdicts/client-silent.md"),
    judge,
};

fn judge(story: &Story, _: &JudgementSettings) -> Option<Verdict> {
    let ending = story.decisive()?;
    let EndingKind::Silence(silence) = &ending.what else { return None };
    if ending.by == Role::Server && silence.is_acknowledged && story.is_greeting_owed_inside_tls() {
        return Some(greeting(story, silence).proved_by(evidence::handshake_packets(story)));
    }
    let may_have_spoken = story.data.client.sent_unknown.is_some();
    if ending.stage != Stage::TcpEstablished || ending.by != Role::Client || may_have_spoken {
        return None;
    }
    // What the server sent and the client did not acknowledge is not the client's silence.
    if story.data.server.first.is_some() && !silence.is_acknowledged && story.prelude.is_none() {
        return None;
    }
    if may_lack_greeting(story) || story.is_ended_by_greeting(silence) {
        return None;
    }
    if story.is_greeting_owed() {
        return Some(greeting(story, silence));
    }
    if let Some((acknowledged, again)) = not_taken(story) {
        return Some(server_not_taking(story, silence, acknowledged, again));
    }
    if let Some(closed) = story.data.client.closed_window {
        return Some(may_not_send(story, silence, closed));
    }
    let (when, then) = match &story.prelude {
        Some(prelude) if prelude.is_agreed() && prelude.protocol.is_proxy() => {
            ("after the proxy opened the tunnel", "no ClientHello followed the proxy's answer")
        }
        Some(prelude) if prelude.is_agreed() => {
            ("after the server agreed to start TLS", "no ClientHello followed the server's answer")
        }
        Some(_) => ("after the proxy's answer", "the client did not send the next step towards a tunnel"),
        None if story.is_inside_client_hello() => {
            ("after the beginning of its ClientHello", "the rest of the ClientHello did not follow")
        }
        None => ("after the TCP handshake", "the client sent no data"),
    };
    // Seen at the server, what the client sent may have been lost before.
    let is_at_server = story.parties.client.was_forwarded() == Some(true)
        && story.parties.server.was_forwarded() == Some(false);
    let why = if is_at_server {
        "The capture was made at the server: the client had nothing to send, it hung, or what it sent was lost on the path."
    } else if story.is_inside_client_hello() {
        "The client program hung while it wrote, or the rest was lost before the capture point."
    } else {
        "Either the client had nothing to send (port check, idle pool connection), or it hung before its first write."
    };
    Some(
        Verdict::new(
            &RULE,
            Actor::Client,
            story.basis,
            if is_at_server {
                format!("nothing came from the client for {} {when}", silence.elapsed())
            } else {
                format!("the client sent nothing for {} {when}", silence.elapsed())
            },
        )
        .explain(format!("The TCP connection is established, but {then}. {why}{}", drops::caveat(story)))
        .proved_by(evidence::opening_packets(story).chain([silence.since.number]))
        .advise(&[
            "Check the client program: a thread dump of a Java client shows what it waits for.",
            "A monitoring probe that only opens the port looks like this and is not a fault.",
        ]),
    )
}

/// The acknowledgement of a SYN-ACK that the server nevertheless sent again and again, and the last time it did so. A single repeat may
/// have crossed the acknowledgement.
fn not_taken(story: &Story) -> Option<(Moment, Moment)> {
    const TELLING: u64 = 3;
    let opening = &story.opening;
    let (acknowledged, again) = opening.established.zip(opening.last_syn_ack)?;
    let is_silent = story.data.client.first.is_none() && story.data.server.first.is_none();
    let is_repeated = opening.syn_ack.count >= TELLING && again.at - acknowledged.at >= REPEATED;
    (is_silent && is_repeated).then_some((acknowledged, again))
}

/// The first repeat of a SYN-ACK is due after 1 s (RFC 6298, 2.1), the second one 2 s later.
const REPEATED: Elapsed = Elapsed::from_millis(2_500);

/// The server repeated a SYN-ACK that the client had acknowledged.
fn server_not_taking(story: &Story, silence: &Silence, acknowledged: Moment, again: Moment) -> Verdict {
    let count = story.opening.syn_ack.count;
    Verdict::new(
        &RULE,
        Actor::Unknown,
        story.basis,
        format!(
            "the client sent nothing for {}, and the server repeated its SYN-ACK although it was acknowledged",
            silence.elapsed()
        ),
    )
    .explain(format!(
        "The client acknowledged the SYN-ACK in packet {}, and the server, which sent it {count} times, did not take the \
         acknowledgement. Its listen queue is full because its program does not accept connections, or the acknowledgement was lost \
         on the path. A server that waits for the client's first data before it accepts (TCP_DEFER_ACCEPT) does the same to a client \
         that sends none.{}",
        acknowledged.number,
        drops::caveat(story)
    ))
    .proved_by(evidence::opening_packets(story).chain([acknowledged.number, again.number]))
    .advise(&[
        "Look at the queue on the server, on Linux with `ss -ltn`: it is full where Recv-Q exceeds Send-Q.",
        "Capture on the server: does the acknowledgement arrive?",
    ])
}

/// The server closed its window in `closed`, and so the client could not send.
fn may_not_send(story: &Story, silence: &Silence, closed: Moment) -> Verdict {
    let elapsed = silence.until - closed.at;
    Verdict::new(
        &RULE,
        Actor::Server,
        story.basis,
        format!("the server kept its receive window closed for {elapsed}, and the client may not send"),
    )
    .explain(format!(
        "Packet {} announces a window of 0 bytes, and no later packet opened it (RFC 9293, 3.8.6). A firewall or load balancer that \
         answers the SYN for the server does this until it reaches the server; a server does it while its program does not \
         read.{}",
        closed.number,
        drops::caveat(story)
    ))
    .reported(&["java.net.SocketTimeoutException: Read timed out"])
    .proved_by(evidence::opening_packets(story).chain([closed.number, silence.since.number]))
    .advise(&[
        "Look for a SYN proxy in front of the server (firewall, load balancer, SYN flood protection) and check whether it reaches \
         the server.",
        "Check the server's load: its kernel accepts connections that its program does not serve.",
    ])
}

/// Whether a greeting is owed, and the capture may lack it: it lacks the SYN-ACK that the client acknowledged.
pub(super) fn may_lack_greeting(story: &Story) -> bool {
    story.is_greeting_owed() && story.one_sided() == Some(Role::Client)
}

/// The server owes its greeting, in clear or inside TLS.
fn greeting(story: &Story, silence: &Silence) -> Verdict {
    let port = story.parties.server.port;
    let protocol = story.greeter().unwrap_or_default();
    let (established, handshake) = if silence.awaited_from == Role::Server {
        ("TLS is established", "TLS")
    } else {
        ("The TCP connection is established", "TCP")
    };
    Verdict::new(
        &RULE,
        Actor::Server,
        story.basis,
        format!("the server sent no greeting for {} after the {handshake} handshake", silence.elapsed()),
    )
    .explain(format!(
        "In {protocol} (port {port}) the server speaks first. {established}, but the server sent no \
         data: its kernel accepted the connection, and its program is busy, hung, or waiting for a lookup such as reverse \
         DNS.{}",
        drops::caveat(story)
    ))
    .reported(&["a timeout while it reads the server's greeting"])
    .proved_by(evidence::opening_packets(story).chain([silence.since.number]))
    .advise(&[
        "Read the service log at that time: overloaded, or waiting for DNS?",
        "Connect on the server itself: if the greeting comes at once there, the delay depends on the client's address.",
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::SegmentHeader;
    use crate::story::script::talk::{self, Talk, ssm};
    use crate::tcp::Role::{Client, Server};
    use crate::tls::PlainKind;

    #[test]
    fn a_server_that_repeats_an_acknowledged_syn_ack_may_not_take_the_acknowledgement() {
        let again = |talk: Talk, wait| talk.wait(wait).syn_ack().ack(Client);
        let opened = ssm().syn().syn_ack().ack(Client);
        let verdict = again(again(opened.clone(), 1_000), 2_000).verdict(4_000);
        assert_eq!(verdict.is(), ("client-silent", Actor::Unknown, None), "{}", verdict.headline);
        assert!(verdict.mentions("ss -ltn") && !verdict.mentions("thread dump"), "{verdict:?}");
        // One that crossed the acknowledgement, and a client that is silent.
        for talk in [again(opened.clone(), 1_000), opened.wait(4_000)] {
            assert_eq!(talk.verdict(4_000).is(), ("client-silent", Actor::Client, None));
        }
    }

    #[test]
    fn a_push_whose_length_no_text_shows_is_no_silence() {
        let pushed = ssm().open().segment_with(Client, "P.", 1, 1, &[], |header| header.payload_len = None);
        let story = pushed.wait(8_000).ack(Server).story(8_000);
        assert_ne!(story.verdict().code, "client-silent");
    }

    #[test]
    fn a_client_that_sends_nothing_after_the_tcp_handshake_is_silent() {
        let verdict = Story::at(Stage::TcpEstablished).silent_for(8_000, Client).acknowledged().verdict();
        assert_eq!(verdict.is(), ("client-silent", Actor::Client, None));
        assert_eq!(verdict.evidence, [1, 2, 3]);
        assert!(verdict.headline.contains("8.0 s"), "{}", verdict.headline);
        assert!(!verdict.mentions("server's process") && !verdict.mentions("ClientHello"));
    }

    #[test]
    fn who_gives_up_after_a_silence_does_not_hide_it() {
        for by in [Client, Server] {
            let silent = Story::at(Stage::TcpEstablished).silent_for(8_000, Client);
            assert_eq!(silent.clone().fin(by).verdict().code, "client-silent");
            assert_eq!(silent.rst(by).verdict().code, "client-silent");
        }
    }

    #[test]
    fn a_client_that_spoke_or_closed_at_once_is_not_silent() {
        let owed_by_server = Story::at(Stage::TcpEstablished)
            .on_port(80)
            .sends(Client, PlainKind::HttpRequest, "GET / HTTP/1.1")
            .silent_for(8_000, Server);
        assert_eq!(owed_by_server.verdict().code, "no-response");
        assert_eq!(Story::at(Stage::TcpEstablished).fin(Client).verdict().code, "closed-early");
        assert_eq!(Story::at(Stage::TcpEstablished).verdict().code, "in-progress");
    }

    #[test]
    fn a_client_that_says_nothing_is_silent_and_its_later_fin_does_not_hide_it() {
        assert_eq!(ssm().open().code(3_000), "client-silent");
        assert_eq!(ssm().open().wait(8_000).fin(Client).code(0), "client-silent");
        assert_eq!(ssm().open().wait(1_000).fin(Client).code(0), "closed-early");
        assert_eq!(ssm().open().story(3_000).stage, Stage::TcpEstablished);
    }

    #[test]
    fn a_client_that_gave_up_in_silence_was_silent_whatever_the_server_says_then() {
        let gave_up = ssm().open().wait(4_000).fin(Client);
        for observed in [&[21, 0, 0, 0, 2, 1, 0][..], b"220 mail ESMTP\r\n"] {
            assert_eq!(gave_up.clone().say(Server, observed).rst(Server).code(0), "client-silent");
        }
        assert_eq!(ssm().open().wait(4_000).say(Server, b"220 mail ESMTP\r\n").code(0), "not-tls");
    }

    #[test]
    fn the_first_half_of_a_client_hello_is_followed_by_nothing() {
        let begun = ssm().open().say(Client, &talk::client_hello()[..100]).ack(Server);
        let verdict = begun.verdict(8_000);
        assert_eq!(verdict.is(), ("client-silent", Actor::Client, None));
        assert!(verdict.mentions("rest of the ClientHello"));
    }

    #[test]
    fn an_unseen_fin_does_not_hide_a_silence() {
        let mut silent = ssm().open().wait(8_000).fin(Client).ack(Server).fin(Server);
        silent.packets.remove(3);
        assert_eq!(silent.verdict(0).is(), ("client-silent", Actor::Client, None));
    }

    #[test]
    fn the_beginning_of_a_client_hello_that_nobody_acknowledges_is_lost_on_the_path() {
        let begun = ssm().open().say(Client, &talk::client_hello()[..100]);
        let lost = begun.wait(300).repeat(Client).wait(600).repeat(Client).wait(1_200).repeat(Client);
        let verdict = lost.wait(2_400).fin(Client).verdict(0);
        assert_eq!(verdict.is(), ("no-response", Actor::Path, None), "{}", verdict.headline);
    }

    #[test]
    fn after_an_open_tunnel_and_an_agreed_starttls_the_client_s_hello_is_awaited() {
        for (talk, words) in [
            (talk::socks5(0), "after the proxy opened the tunnel"),
            (talk::starttls(b"220 Ready to start TLS\r\n"), "after the server agreed to start TLS"),
        ] {
            // The agreement is neither acknowledged nor sent again.
            assert_eq!(talk.code(60_000), "capture-gap");
            let verdict = talk.ack(Client).verdict(5_000);
            assert_eq!(verdict.is(), ("client-silent", Actor::Client, None));
            assert!(verdict.headline.contains(words), "{}", verdict.headline);
        }
    }

    #[test]
    fn seen_at_the_server_what_a_client_sends_may_be_lost_before() {
        let mut talk = ssm().open();
        for packet in &mut talk.packets {
            let is_client_s = packet.header.tcp.destination_port == 8443;
            packet.header.ip.hop_limit = Some(if is_client_s { 57 } else { 64 });
        }
        let verdict = talk.verdict(8_000);
        assert_eq!(verdict.is(), ("client-silent", Actor::Client, None));
        assert!(verdict.headline.starts_with("nothing came from the client"), "{}", verdict.headline);
        assert!(verdict.mentions("lost on the path"), "{verdict:?}");
    }

    #[test]
    fn a_client_whose_server_keeps_the_window_closed_may_not_send() {
        let closed = |header: &mut SegmentHeader| header.tcp.window = Some(0);
        let opened = ssm().syn().segment_with(Server, "S.", 0, 1, &[], closed).ack(Client);
        let ended = [opened.clone().wait(8_000).fin(Client), opened.clone().wait(8_000).rst(Server)];
        for verdict in ended.iter().map(|talk| talk.verdict(0)).chain([opened.verdict(8_000)]) {
            assert_eq!(verdict.is(), ("client-silent", Actor::Server, None));
            assert!(verdict.headline.contains("receive window closed for 8.0 s"), "{}", verdict.headline);
            assert!(verdict.evidence.contains(&2) && !verdict.mentions("thread dump"));
        }
        // A SYN proxy opens it when it has reached the server.
        let proxied = opened.ack(Server);
        assert_eq!(proxied.verdict(8_000).is(), ("client-silent", Actor::Client, None));
        assert_eq!(proxied.then_tls().code(60_000), "healthy");
    }

    #[test]
    fn on_a_port_where_the_server_speaks_first_its_greeting_is_owed() {
        let verdict = Talk::to_port(21).open().wait(5_000).fin(Server).verdict(0);
        assert_eq!(verdict.is(), ("client-silent", Actor::Server, None));
        assert!(verdict.headline.contains("no greeting for 5.0 s") && verdict.mentions("FTP"), "{verdict:?}");
        assert!(!verdict.mentions("thread dump"));
        let greeted = Talk::to_port(21).open().say(Server, b"220 ready\r\n").wait(5_000).fin(Server);
        assert_eq!(greeted.verdict(0).code, "plaintext");
        // A tarpit's, with which the capture ends.
        let late = Talk::to_port(25).open().wait(30_000).say(Server, b"220 mx\r\n");
        assert_ne!(late.verdict(0).code, "client-silent");
    }

    #[test]
    fn a_server_that_greets_inside_tls_owes_it_after_the_handshake() {
        let established = |port| Talk::to_port(port).open().shake_hands().ack(Client);
        for ended in [established(993).wait(30_000).fin(Client).fin(Server), established(995).wait(9_000)] {
            let verdict = ended.verdict(0);
            assert_eq!(verdict.is(), ("client-silent", Actor::Server, None), "{}", verdict.headline);
            assert!(verdict.headline.contains("no greeting") && verdict.mentions("TLS is established"));
        }
        // Who leaves soon did not wait for it, and a late greeting is one.
        assert_eq!(established(993).wait(900).fin(Client).fin(Server).code(0), "healthy");
        let late = established(993).wait(9_000).say(Server, &talk::data()).ack(Client);
        assert_eq!(late.fin(Client).code(0), "healthy");
        assert_eq!(established(8443).wait(30_000).fin(Client).fin(Server).code(0), "healthy");
    }
}
