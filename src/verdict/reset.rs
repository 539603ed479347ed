//! A RST ended the connection before the exchange was complete.

use super::words::{evidence, icmp_error, purpose};
use super::{Actor, Code, Rule, Settings, Severity, Verdict};
use crate::story::{Ending, EndingKind, IpTraits, Moment, ResetFacts, Stage, Story};
use crate::tcp::{ResetFit, Role};
use crate::time::{Clock, Elapsed};

/// `reset`.
pub(super) const RULE: Rule = Rule {
    code: Code::Reset,
    severity: Severity::Critical,
    summary: "a RST ended it before the exchange was complete",
    page: include_str!("../../docs/verdicts/reset.md"),
    judge,
};

const REPORTS: [&str; 3] = [
    "ECONNRESET (Connection reset by peer)",
    "java.net.SocketException: Connection reset",
    "javax.net.ssl.SSLException: Connection reset",
];

const ON_THE_PATH: [&str; 2] = [
    "Look for a firewall, intrusion prevention or proxy on the path that resets this traffic, and ask for its log.",
    "Capture on the other side too: a host that did not send the RST shows none leaving.",
];

fn judge(story: &Story, _: &Settings) -> Option<Verdict> {
    let ending = story.reset_after_close().or_else(|| story.decisive())?;
    let EndingKind::Reset(facts) = &ending.what else { return None };
    // What a side sends beyond a RST with its address did not reach the other side.
    // An answer whose last record lacks its end was not complete.
    // A client that waits for no answers has none to miss.
    let is_one_way =
        ending.by == Role::Client && story.speaks_one_way() && story.data.client.is_all_acknowledged;
    let is_complete = ending.stage == Stage::ApplicationData
        && (story.was_answered() || is_one_way)
        && facts.continued_in.is_none()
        && !story.tls.is_inside_record.server
        && !(ending.by == Role::Server && story.later_request().is_some());
    let is_idle = is_idle(story, ending);
    let is_plain_exchange = story.tls.client_hello.is_none()
        && !(ending.by == Role::Server
            && story.tls.server_hello.is_some()
            && story.tls.is_inside_record.server)
        && story.reset_after_close().is_none()
        && !is_cut_off(story, ending, facts)
        && !missed_reply(story, ending)
        && !(ending.by == Role::Server
            && (story.open_plain_request().is_some() || story.is_plain_answer_cut()))
        && story.data.client.first.is_some()
        && story.data.server.first.is_some();
    let is_refusal = ending.stage == Stage::Syn && ending.by == Role::Server;
    let is_after_midstream = ending.stage == Stage::None;
    if is_complete || is_idle || is_plain_exchange || is_refusal || is_after_midstream {
        return None;
    }
    // What the RST answers, and what shows that its sender had it.
    let hello = story.tls.client_hello.as_ref().map(|hello| hello.moment);
    let answered = hello.into_iter().chain(story.tls.hello_acknowledged);
    let answered = answered.filter(|_| ending.stage == Stage::ClientHello).map(|moment| moment.number);
    let evidence = evidence::opening_packets(story).chain(answered).chain([ending.moment.number]);
    let place = place(story, ending);
    let both = story.reset_of_the_other_end(ending);
    let verdict = match forgery(ending, facts) {
        Some(signs) => Verdict::new(&RULE, Actor::Path,
            story.basis,
            format!("forged RST {place}: it has the {0}'s address, but the {0} did not send it", ending.by),
        )
        .cause("rst-injected")
        .explain(format!("{} A device on the path that resets connections is the likely sender.", signs.join(" ")))
        .proved_by(facts.continued_in)
        .advise(&ON_THE_PATH),
        None => match both {
            Some(other) => Verdict::new(
                &RULE,
                Actor::Path,
                story.basis,
                format!("both ends received a RST at once {place}, and no host answers a RST with a RST"),
            )
            .explain(
                "Two RSTs at once, one with each end's address, come from a device between client and server that ends \
                 connections.",
            )
            .proved_by([other.moment.number])
            .advise(&ON_THE_PATH),
            None => Verdict::new(&RULE, actor(story, ending, facts), story.basis, headline(story, ending, place))
                .explain(explain(story, ending, facts))
                .advise(advice(ending, facts)),
        },
    };
    let verdict = icmp_error::beside_reset(story, ending, verdict);
    // A client that ends it itself does not hear of a peer's reset.
    let is_its_own = ending.by == Role::Client && verdict.actor == Actor::Client;
    let reports = if is_its_own { &[][..] } else { &REPORTS };
    Some(verdict.proved_by(evidence).reported(reports))
}

/// Whose RST it is. A client's kernel that knows no such connection, although its program had it, was made to forget it: by its own end,
/// or by a RST, which the capture lacks.
fn actor(story: &Story, ending: &Ending, facts: &ResetFacts) -> Actor {
    let is_orphan = ending.by == Role::Client
        && facts.is_stateless
        && ending.stage > Stage::SynAck
        && !story.is_port_check()
        && !story.has_scanner_syn();
    if is_orphan { Actor::Unknown } else { Actor::from(ending.by) }
}

/// Whether TLS was established and nothing was asked, so that nothing was left to do. A RST that follows the handshake at once may be a
/// refusal: of the server's certificate, or of the client's.
fn is_idle(story: &Story, ending: &Ending) -> bool {
    let at_once = match ending.by {
        // Where the capture was made at the server, a round trip passes before it.
        Role::Client => {
            let round_trip = story.path.round_trips.shortest_to(Role::Client).unwrap_or(Elapsed::ZERO);
            Elapsed::from_nanos(Elapsed::from_millis(100).nanos().saturating_add(round_trip.nanos()))
        }
        Role::Server => Elapsed::from_millis(1_000),
    };
    let last = story.data.client.last.into_iter().chain(story.data.server.last).map(|last| last.at).max();
    ending.stage == Stage::TlsEstablished
        && story.tls.application_data.client.count == 0
        && story.data.client.is_all_acknowledged
        && last.is_some_and(|last| ending.moment.at - last >= at_once)
}

/// Whether a server resets a connection in clear before the client has all of its data: the client reports a hole, or it has sent
/// nothing since the last of it.
fn is_cut_off(story: &Story, ending: &Ending, facts: &ResetFacts) -> bool {
    let data = &story.data.server;
    let is_unanswered = |last: Moment| {
        let since = ending.moment.at - last.at;
        facts.after_trigger.is_none_or(|trigger| trigger > since)
    };
    ending.by == Role::Server
        && !data.is_all_acknowledged
        && (data.reported_hole.is_some() || data.last.is_some_and(is_unanswered))
}

/// Whether a client gives up that repeated its data after the server's reply to it, which nobody acknowledged: it never got one.
fn missed_reply(story: &Story, ending: &Ending) -> bool {
    let (client, server) = (&story.data.client, &story.data.server);
    ending.by == Role::Client
        && !server.is_all_acknowledged
        && client.repeats.count >= 2
        && client
            .repeats
            .moments
            .last()
            .zip(server.first)
            .is_some_and(|(repeat, reply)| story.order.is_after(repeat.number, reply.number))
}

fn headline(story: &Story, ending: &Ending, place: &str) -> String {
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

fn place(story: &Story, ending: &Ending) -> &'static str {
    match ending.stage {
        Stage::TcpEstablished if story.is_port_check() => "without a byte of data",
        // More than the SYN was acknowledged.
        Stage::TcpEstablished if story.missing.acked_unseen.client > 1 => {
            "after the client's first data, which was not captured"
        }
        Stage::None | Stage::Syn => "before any reply to the SYN",
        Stage::SynAck => "right after the SYN-ACK",
        Stage::TcpEstablished if story.is_plain_answer_cut() => "before its reply was complete",
        Stage::TcpEstablished
            if story.open_plain_request().is_some() || story.reset_after_close().is_some() =>
        {
            "after a request, before any reply to it"
        }
        Stage::ApplicationData if story.was_answered() && story.tls.is_inside_record.server => {
            "before the server's reply was complete"
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
        Stage::ApplicationData if story.later_request().is_some() => {
            "after a later request, before any reply to it"
        }
        Stage::ApplicationData if story.was_answered() => "before the server's reply was complete",
        Stage::ApplicationData => "after the request, before any reply",
    }
}

/// Round trips below this do not show who is nearer.
const MEASURABLE: Elapsed = Elapsed::from_millis(2);

/// Why the RST cannot come, or hardly comes, from the end whose address it carries: Weaver, Sommer and Paxson,
/// "Detecting Forged TCP Reset Packets", NDSS 2009. One weak sign alone is not enough.
///
/// A scanner writes its own packets, with any TTL and without options, and its kernel, which did not send the SYN, resets what
/// comes back: such a RST has the kernel's form, and the scanner may continue.
fn forgery(ending: &Ending, facts: &ResetFacts) -> Option<Vec<String>> {
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
            "Its TTL is {hop_limit}, that of the same side's other packets {}.",
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

fn explain(story: &Story, ending: &Ending, facts: &ResetFacts) -> String {
    let form = match ending.by {
        _ if !facts.is_stateless || story.has_scanner_syn() => "",
        Role::Server => {
            " It has no options and window 0, as sent by a host that has no such connection: the service was restarted, or a \
             device replies with its address."
        }
        Role::Client => {
            " It has no options and window 0, as sent by a host that has no such connection: the connection had ended there before, \
             by the client's own doing or by a RST that the capture lacks."
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
    format!("{why}{}{form}{fit}{sender}", purpose::scan(story))
}

/// How far the IP ids of a host's packets are apart while it sends few others.
const NEAR: u16 = 64;

/// Compares the RST's TTL and IP ID with those of the same side's packet before it, in a sentence; and whether they show that
/// this side sent it.
fn sender(by: Role, facts: &ResetFacts) -> (String, bool) {
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

fn advice(ending: &Ending, facts: &ResetFacts) -> &'static [&'static str] {
    let (_, is_own) = sender(ending.by, facts);
    match ending.by {
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
    use crate::story::script::talk::{self, Talk, exchange, handshake, ssm};
    use crate::tcp::Role::{Client, Server};
    use crate::tls::PlainKind;

    #[test]
    fn whose_rst_it_is_is_looked_at_and_where_it_came_is_told() {
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

    #[test]
    fn a_client_that_resets_hears_of_no_reset_and_the_other_end_does() {
        let client = Story::at(Stage::ServerHello).rst(Client).verdict();
        assert!(!client.client_reports.iter().any(|report| report.contains("ECONNRESET")));
        let server = Story::at(Stage::ServerHello).rst(Server).verdict();
        assert!(server.client_reports[0].contains("ECONNRESET"));
    }

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
        assert!(forged.mentions("TTL is 61") && forged.mentions("40.0 ms"), "{}", forged.explanation);
        // A client behind a forged RST of its own hears nothing of its own doing.
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
    fn a_rst_in_an_answer_counts_where_the_client_hello_is_not_in_the_capture() {
        let record = talk::encrypted(2_000);
        let begun = ssm().open().then_tls().say(Client, &talk::data()).say(Server, &record[..900]);
        let mut cut = begun.ack(Client).rst(Server);
        assert_eq!(cut.code(0), "reset");
        cut.packets.remove(3);
        assert_eq!(cut.code(0), "reset");
    }

    #[test]
    fn a_rst_to_each_end_in_one_moment_is_the_path_s() {
        let hello = || ssm().open().say(Client, &talk::client_hello());
        let both = |apart: i64| {
            let mut talk = hello().rst(Server).rst(Client);
            let last = talk.packets.len() - 1;
            talk.packets[last].id.moment.at =
                talk.packets[last - 1].id.moment.at + Elapsed::from_millis(apart);
            talk.verdict(0)
        };
        assert_eq!(both(1).is(), ("reset", Actor::Path, None));
        assert!(both(1).headline.starts_with("both ends"), "{}", both(1).headline);
        assert_eq!(both(80).is(), ("reset", Actor::Server, None));
        let rejected = Story::at(Stage::ClientHello).icmp([203, 0, 113, 9], 3, 13).rst(Server).verdict();
        assert_eq!(rejected.is(), ("reset", Actor::Path, Some("icmp-admin-prohibited")));
        assert!(rejected.mentions("203.0.113.9"));
    }

    #[test]
    fn a_rst_s_delay_counts_from_what_triggered_it_and_not_from_a_repeat() {
        let hello = ssm().open().say(Client, &talk::client_hello()).wait(300).repeat(Client);
        let story = hello.rst(Server).story(0);
        let EndingKind::Reset(facts) = story.endings[0].what else { panic!("{:?}", story.endings) };
        assert_eq!(facts.after_trigger, Some(Elapsed::from_millis(320)));
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
    fn a_rst_after_a_complete_exchange_an_orderly_end_or_a_silence_is_none() {
        let exchange = || Story::at(Stage::ApplicationData).answered();
        assert_eq!(exchange().rst(Client).verdict().code, "healthy");
        assert_eq!(exchange().fin(Server).rst(Client).verdict().code, "healthy");
        let silent = Story::at(Stage::ClientHello).silent_for(8_000, Server).rst(Client);
        assert_eq!(silent.verdict().code, "no-server-hello");
        let plain = Story::at(Stage::TcpEstablished)
            .on_port(80)
            .sends(Client, PlainKind::HttpRequest, "GET / HTTP/1.1")
            .sends(Server, PlainKind::HttpResponse(200), "HTTP/1.1 200 OK");
        assert_eq!(plain.rst(Client).verdict().code, "plaintext");
        assert_eq!(Story::at(Stage::Syn).rst(Server).verdict().code, "refused");
        assert_eq!(Story::at(Stage::None).rst(Server).verdict().code, "midstream");
    }

    #[test]
    fn a_plain_answer_that_its_server_resets_before_the_client_has_it_is_cut_off() {
        let answered = || talk::Talk::to_port(5_000).open().say(Client, b"question").say(Server, b"answer");
        assert_eq!(answered().rst(Server).verdict(0).is(), ("reset", Actor::Server, None));
        // What the client has, or leaves, was not cut off.
        assert_eq!(answered().ack(Client).rst(Server).code(0), "plaintext");
        assert_eq!(answered().rst(Client).code(0), "plaintext");
    }

    #[test]
    fn a_rst_with_data_comes_from_a_program_and_is_no_leftover() {
        let answered = |payload: &[u8]| {
            let hello = ssm().segment(Client, "P.", 1, &talk::client_hello());
            hello
                .segment_with(Server, "R.", 1, 206, payload, |header| {
                    (header.ip.id, header.tcp.window) = (Some(0), Some(0));
                })
                .code(0)
        };
        assert_eq!((answered(&[]), answered(b"blocked")), ("midstream", "reset"));
    }

    #[test]
    fn an_answer_whose_last_record_lacks_its_end_was_cut_off() {
        let cut = Story::at(Stage::ApplicationData).answered().rst(Server);
        let verdict = cut.but(|story| story.tls.is_inside_record.server = true).verdict();
        assert_eq!(verdict.is(), ("reset", Actor::Server, None));
        assert!(verdict.headline.contains("before the server's reply was complete"));
    }

    #[test]
    fn a_rst_before_the_exchange_is_complete_is_told_with_its_sender() {
        let hello = ssm().open().say(Client, &talk::client_hello());
        let server = hello.clone().rst(Server);
        assert_eq!(server.verdict(0).is(), ("reset", Actor::Server, None));
        assert_eq!(server.story(0).stage, Stage::ClientHello);
        let client = hello.say(Server, &talk::server_flight()).rst(Client).verdict(0);
        assert_eq!(client.is(), ("reset", Actor::Client, None));
        assert_eq!(exchange().rst(Server).code(0), "healthy");
    }

    #[test]
    fn one_weak_sign_does_not_make_a_rst_forged() {
        let other_distance = |header: &mut SegmentHeader| header.ip.hop_limit = Some(61);
        let hello = ssm().open().say(Client, &talk::client_hello());
        let verdict = hello.segment_with(Server, "R.", 1, 206, &[], other_distance).verdict(0);
        assert_eq!(verdict.is(), ("reset", Actor::Server, None));
    }

    #[test]
    fn a_client_s_rst_at_its_syn_s_own_number_ends_the_attempt() {
        let aborted = ssm().open().segment(Client, "R.", 0, &[]);
        assert_eq!(aborted.verdict(0).is(), ("reset", Actor::Client, None));
        assert_ne!(exchange().segment(Client, "R.", 0, &[]).code(0), "reset");
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

    #[test]
    fn a_client_that_repeats_itself_and_resets_did_not_get_the_reply() {
        let asked = Talk::to_port(20_000).open().say(Client, b"ask");
        let replied = asked.clone().say(Server, b"reply");
        let repeat = |talk: Talk| talk.segment_with(Client, "P.", 1, 1, b"ask", |_| {});
        let repeated = repeat(repeat(replied.clone().wait(300)).wait(600));
        let verdict = repeated.clone().rst(Client).verdict(0);
        assert_eq!(verdict.is(), ("reset", Actor::Client, None));
        assert!(
            verdict.headline.contains("reply reached it") && verdict.mentions("lost"),
            "{}",
            verdict.headline
        );
        // A client that has what it asked for may discard the rest.
        assert_eq!(replied.rst(Client).code(0), "plaintext");
        assert_eq!(repeated.ack(Client).rst(Client).code(0), "plaintext");
    }

    #[test]
    fn a_rst_some_time_after_a_handshake_on_which_nothing_was_asked_ends_nothing() {
        for (by, millis, code) in [
            (Client, 10, "reset"),
            (Client, 250, "healthy"),
            (Server, 250, "reset"),
            (Server, 5_000, "healthy"),
        ] {
            assert_eq!(
                handshake().ack(Server).ack(Client).wait(millis).rst(by).code(0),
                code,
                "{by} {millis}"
            );
        }
    }

    #[test]
    fn a_rst_that_its_receiver_ignores_ends_nothing() {
        let asked = handshake().say(Client, &talk::data()).ack(Server);
        // Whether what follows reaches the RST's number or not.
        for ahead in [50, 400] {
            let forged = asked.clone().segment(Server, "R", asked.next(Server) + ahead, &[]);
            assert_eq!(forged.code(0), "reset");
            let continued = forged.ack(Client).say(Server, &talk::encrypted(100));
            assert_eq!(continued.ack(Client).fin(Client).fin(Server).code(0), "healthy");
        }
    }

    #[test]
    fn a_rst_in_place_of_a_later_answer_counts_where_the_capture_lacks_an_earlier_one() {
        let message = |len: u16| talk::encrypted(len);
        let turn = |talk: Talk, _| {
            talk.wait(500).say(Client, &message(200)).wait(50).say(Server, &message(300)).ack(Client)
        };
        let mut talk = (0..4).fold(handshake(), turn);
        let lost = talk.packets.iter().rposition(|packet| packet.payload.len() > 300).unwrap();
        talk.packets.remove(lost - 3);
        let asked = talk.wait(500).say(Client, &message(200)).ack(Server).wait(50);
        assert_eq!(asked.clone().rst(Server).verdict(0).is(), ("reset", Actor::Server, None));
        let closed = asked.clone().fin(Server).ack(Client).fin(Client);
        assert_eq!(closed.verdict(0).is(), ("no-response", Actor::Server, None));
        // An answer that its own number shows was sent, and that the capture lacks, is none that was owed.
        let ahead = asked.next(Server) + 300;
        assert_ne!(asked.segment(Server, "R.", ahead, &[]).code(0), "reset");
    }
}
