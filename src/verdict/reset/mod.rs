//! A RST ended the connection before the exchange was complete.

mod complete;
mod sender;
mod sentences;

use super::words::{evidence, icmp_error, reset_reason};
use super::{Actor, Code, JudgementSettings, Rule, Severity, Verdict};
use crate::story::{Ending, EndingKind, ResetFacts, Stage, Story};
use crate::tcp::Role;
use complete::{
    is_answer_outstanding, is_cut_off, is_download_cut_off, is_idle, is_message_lost, is_prelude_pending,
    is_reply_refused, is_window_closed, missed_reply,
};
use sender::{actor, forged_in_that_moment, forgery, is_continued_after_forgery};
use sentences::{advice, explain, headline, place};

/// `reset`.
pub(super) const RULE: Rule = Rule {
    code: Code::Reset,
    severity: Severity::Critical,
    summary: "a RST ended it before the exchange was complete",
    page: include_str!("../../../docs/verdicts/reset.md"),
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

fn judge(story: &Story, _: &JudgementSettings) -> Option<Verdict> {
    let ending = story.reset_after_close().or_else(|| story.decisive())?;
    let ending = forged_in_that_moment(story, ending).unwrap_or(ending);
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
        && story.begun_request().is_none()
        && !is_reply_refused(story, ending)
        && !is_download_cut_off(story, ending)
        && !(ending.by == Role::Server
            && (is_answer_outstanding(story) || story.data.server.reported_hole.is_some()))
        && !(ending.by == Role::Server && (story.later_request().is_some() || is_window_closed(story)));
    let is_idle = is_idle(story, ending);
    let is_plain_exchange = is_plain_exchange(story, ending, facts);
    let is_one_way_in_clear = ending.by == Role::Client && story.is_one_way_in_clear();
    let is_refusal = ending.stage == Stage::Syn && ending.by == Role::Server;
    let is_after_midstream = ending.stage == Stage::None;
    let is_over = is_complete || is_idle || is_plain_exchange || is_one_way_in_clear;
    if is_over || is_refusal || is_after_midstream {
        return None;
    }
    // What the RST answers, and what shows that its sender had it.
    let hello = story.tls.client_hello.as_ref().map(|hello| hello.moment);
    let answered = hello.into_iter().chain(story.tls.hello_acknowledged);
    let answered = answered.filter(|_| ending.stage == Stage::ClientHello).map(|moment| moment.number);
    let evidence = evidence::opening_packets(story).chain(answered).chain([ending.moment.number]);
    let place = place(story, ending);
    let both = story.reset_of_the_other_end(ending);
    let proxied = answered_by_proxy(story, ending);
    let reason = reset_reason::sentence(story, ending).map(|reason| format!("{reason} ")).unwrap_or_default();
    let verdict = match forgery(ending, facts).filter(|_| proxied.is_none()) {
        Some(signs) => forged(story, ending, facts, &format!("{reason}{}", signs.join(" "))),
        None => match (both, proxied) {
            (Some(other), _) => Verdict::new(
                &RULE,
                Actor::Path,
                story.basis,
                format!("both ends received a RST at once {place}"),
            )
            .explain(format!(
                "{reason}No host answers a RST with a RST: two at once, one with each end's address, come from a device between \
                 client and server that ends connections."
            ))
            .proved_by([other.moment.number])
            .advise(&ON_THE_PATH),
            (None, Some(syn_ack)) => refused_behind_proxy(story, syn_ack),
            (None, None) => Verdict::new(&RULE, actor(story, ending, facts), story.basis, headline(story, ending, place))
                .explain(explain(story, ending, facts))
                .advise(advice(story, ending, facts)),
        },
    };
    let verdict = icmp_error::near_reset(story, ending, verdict);
    // A client that ends it itself does not hear of a peer's reset.
    let is_its_own = ending.by == Role::Client && verdict.actor == Actor::Client;
    let reports = if is_its_own { &[][..] } else { &REPORTS };
    Some(verdict.proved_by(evidence).reported(reports))
}

/// Whether both sides spoke in clear, and the RST cut nothing off.
fn is_plain_exchange(story: &Story, ending: &Ending, facts: &ResetFacts) -> bool {
    story.tls.client_hello.is_none()
        && !(ending.by == Role::Server
            && story.stage >= Stage::ServerHello
            && story.tls.is_inside_record.server)
        && story.reset_after_close().is_none()
        && !is_prelude_pending(story, ending)
        && !(ending.by == Role::Server && story.lacks_agreed_tls())
        && !is_cut_off(story, ending, facts)
        && !missed_reply(story, ending)
        && !is_continued_after_forgery(ending, facts)
        && !is_message_lost(story, ending, facts)
        // A client that leaves soon may not care for the reply.
        && (story.open_plain_request().is_none()
            || ending.by == Role::Client && story.is_dialogue_of_requests())
        && !(ending.by == Role::Server && (story.is_plain_answer_cut() || story.is_last_chunk_owed()))
        && story.data.client.first.is_some()
        && story.data.server.first.is_some()
}

/// Something on the path sent the RST, as these signs show.
fn forged(story: &Story, ending: &Ending, facts: &ResetFacts, signs: &str) -> Verdict {
    let headline = format!(
        "forged RST {1}: it has the {0}'s address, but the {0} did not send it",
        ending.by,
        place(story, ending)
    );
    Verdict::new(&RULE, Actor::Path, story.basis, headline)
        .cause("rst-injected")
        .explain(format!("{signs} A device on the path that resets connections is the likely sender."))
        .proved_by(facts.continued_in)
        .advise(&ON_THE_PATH)
}

/// The SYN-ACK of a SYN proxy, which announces a window of 0 bytes until the server itself has answered, where the server's RST follows
/// it. Its TTL and options are not the server's, so nothing shows a forged RST. What acknowledges the client's data had reached the server.
fn answered_by_proxy(story: &Story, ending: &Ending) -> Option<u64> {
    let offer = story.parties.server.offer.filter(|offer| offer.window == Some(0))?;
    let client = &story.data.client;
    let has_data =
        client.first.is_some() && client.is_all_acknowledged || story.tls.hello_acknowledged.is_some();
    let is_refusal = ending.by == Role::Server && story.data.server.first.is_none() && !has_data;
    is_refusal.then_some(offer.number)
}

fn refused_behind_proxy(story: &Story, syn_ack: u64) -> Verdict {
    let headline = "a SYN proxy answered for the server, and the server refused the connection";
    Verdict::new(&RULE, Actor::Server, story.basis, headline)
        .explain(format!(
            "The SYN-ACK in packet {syn_ack} announces a window of 0 bytes, as a SYN proxy (firewall, load balancer) does until it has \
             reached the server. Then a RST came: the server refused the proxy's connection, or the proxy could not open one.",
        ))
        .proved_by([syn_ack])
        .advise(&[
            "Check that the service is running on the server and listens on port PORT.",
            "Read the log of the firewall or load balancer in front of the server.",
        ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::script::talk::{self, Talk, exchange, handshake, ssm};
    use crate::tcp::Role::{Client, Server};
    use crate::time::Elapsed;

    #[test]
    fn a_client_that_resets_hears_of_no_reset_and_the_other_end_does() {
        let client = Story::at(Stage::ServerHello).rst(Client).verdict();
        assert!(!client.client_reports.iter().any(|report| report.contains("ECONNRESET")));
        let server = Story::at(Stage::ServerHello).rst(Server).verdict();
        assert!(server.client_reports[0].contains("ECONNRESET"));
    }

    #[test]
    fn a_rst_within_a_later_request_s_first_record_cuts_it_off() {
        let record = talk::encrypted(16_000);
        let begun = exchange().ack(Client).wait(1_000).say(Client, &record[..1_448]);
        assert_eq!(begun.clone().rst(Server).verdict(0).is(), ("reset", Actor::Server, None));
        assert_eq!(begun.clone().rst(Client).code(0), "reset");
        // An early answer, and what was on its way to it.
        let refused = begun.clone().say(Server, &talk::data()).say(Client, &record[1_448..2_896]).ack(Server);
        assert_eq!(refused.clone().rst(Server).code(0), "healthy");
        assert_eq!(refused.fin(Server).fin(Client).code(0), "healthy");
        assert_eq!(exchange().ack(Client).wait(1_000).rst(Server).code(0), "healthy");
    }

    #[test]
    fn a_rst_before_the_last_chunk_cuts_the_answer_off() {
        let asked = || Talk::to_port(80).open().say(Client, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\nabc";
        assert_eq!(asked().say(Server, chunked).ack(Client).rst(Server).code(0), "reset");
        let whole = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
        assert_eq!(asked().say(Server, whole).ack(Client).rst(Server).code(0), "plaintext");
    }

    #[test]
    fn an_answer_that_is_not_repeated_was_acknowledged() {
        let answer = b"HTTP/1.1 304 Not Modified\r\n\r\n";
        let asked = || Talk::to_port(80).open().say(Client, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(asked().say(Server, answer).wait(120_000).rst(Server).code(0), "plaintext");
        assert_eq!(asked().say(Server, answer).rst(Server).code(0), "reset");
        let repeated = asked().say(Server, answer).wait(300).repeat(Server).wait(120_000);
        assert_eq!(repeated.rst(Server).code(0), "reset");
        // A filter left the acknowledgements out.
        let dialogue = |talk: Talk| talk.say(Client, &[1; 147]).say(Server, &[2; 146]);
        let filtered = dialogue(dialogue(dialogue(Talk::to_port(27_000).syn().syn_ack())));
        assert_eq!(filtered.rst(Server).code(0), "plaintext");
    }

    #[test]
    fn a_client_s_rst_in_place_of_the_reply_to_a_later_request_is_reset() {
        let asked = |talk: Talk| talk.say(Client, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").ack(Server);
        let kept =
            asked(Talk::to_port(80).open()).say(Server, b"HTTP/1.1 204 No\r\n\r\n").ack(Client).wait(1_000);
        assert_eq!(asked(kept.clone()).wait(300).rst(Client).verdict(0).is(), ("reset", Actor::Client, None));
        assert_eq!(kept.rst(Client).code(0), "plaintext");
    }

    #[test]
    fn a_rst_or_fin_after_an_agreement_to_start_tls_comes_before_tls() {
        for agreed in [talk::starttls(b"220 go ahead\r\n"), talk::postgres(b'S')] {
            assert_eq!(agreed.clone().rst(Server).code(0), "reset");
            assert_eq!(agreed.clone().fin(Server).code(0), "closed-early");
            let begun = agreed.say(Client, &talk::client_hello()[..20]);
            assert_eq!(begun.clone().rst(Server).code(0), "reset");
            assert_eq!(begun.fin(Server).code(0), "closed-early");
        }
        // A tunnel may be used without TLS, and by a server that speaks alone.
        let greeted = talk::socks5(0).say(Server, b"13 Nov\r\n").ack(Client);
        assert_eq!(greeted.clone().rst(Server).code(0), "plaintext");
        assert_eq!(greeted.fin(Server).code(0), "plaintext");
        let clear =
            talk::socks5(0).say(Client, b"GET / HTTP/1.1\r\n\r\n").say(Server, b"HTTP/1.1 204 No\r\n\r\n");
        assert_eq!(clear.ack(Client).rst(Server).code(0), "plaintext");
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
    fn a_rst_that_gives_its_reason_is_explained_by_it() {
        let hello = ssm().open().say(Client, &talk::client_hello()).ack(Server);
        let (seq, ack) = (hello.next(Server), hello.next(Client));
        let reset = |text: &[u8]| hello.clone().segment_with(Server, "R.", seq, ack, text, |_| {}).verdict(0);
        let with = reset(b"Blocked by policy 7\x1b[2J");
        assert_eq!(with.is(), ("reset", Actor::Server, None));
        let explanation = &with.explanation;
        assert!(
            explanation.starts_with("The RST gives a reason: \"Blocked by policy 7\\u{1b}[2J\"."),
            "{explanation}"
        );
        assert!(!with.mentions("SNI") && with.mentions("ask whoever runs what it names"));
        for without in [reset(b""), reset(&[0x33, 0xaa, 0, 1])] {
            assert!(!without.mentions("reason") && without.mentions("SNI"), "{}", without.explanation);
        }
        let refused = ssm().syn().segment_with(Server, "R.", 0, 1, b"not on Sundays", |_| {}).verdict(0);
        assert_eq!(refused.is(), ("refused", Actor::Server, None));
        assert!(refused.mentions("\"not on Sundays\"") && !refused.mentions("no process listens"));
    }

    #[test]
    fn a_rst_before_the_exchange_is_complete_is_reported_with_its_sender() {
        let hello = ssm().open().say(Client, &talk::client_hello());
        let server = hello.clone().rst(Server);
        assert_eq!(server.verdict(0).is(), ("reset", Actor::Server, None));
        assert_eq!(server.story(0).stage, Stage::ClientHello);
        let client = hello.say(Server, &talk::server_flight()).rst(Client).verdict(0);
        assert_eq!(client.is(), ("reset", Actor::Client, None));
        assert_eq!(exchange().rst(Server).code(0), "healthy");
    }

    #[test]
    fn a_client_s_rst_at_its_syn_s_own_number_ends_the_attempt() {
        let aborted = ssm().open().segment(Client, "R.", 0, &[]);
        assert_eq!(aborted.verdict(0).is(), ("reset", Actor::Client, None));
        assert_ne!(exchange().segment(Client, "R.", 0, &[]).code(0), "reset");
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
    fn a_record_that_is_cut_off_is_no_answer_where_the_capture_begins_late() {
        let request = talk::encrypted(112);
        let begun =
            ssm().segment(Server, "P.", 5_000, &talk::finished()).segment(Client, "P.", 800, &request);
        let cut = begun.ack(Server).say(Server, &talk::encrypted(5_000)[..40]).ack(Client).rst(Server);
        assert_eq!(cut.verdict(0).is(), ("reset", Actor::Server, None));
    }

    #[test]
    fn a_rst_after_which_its_receiver_continues_unseen_was_ignored() {
        let flight = [talk::server_hello_13(), talk::encrypted(200), talk::encrypted(53)].concat();
        let hello = ssm().open().say(Client, &talk::client_hello()).say(Server, &flight);
        let shaken = hello.say(Client, &talk::encrypted(53)).ack(Server);
        let forged = shaken.clone().segment(Server, "R", shaken.next(Server) + 100, &[]);
        let goes_on = forged.clone().wait(30).say(Client, &talk::data()).say(Server, &talk::encrypted(300));
        let left = goes_on.clone().say(Client, &talk::close_notify()).fin(Server);
        assert_ne!(left.only(Server).code(0), "reset");
        // What was on its way when it came is acknowledged once.
        assert_eq!(goes_on.only(Server).verdict(0).is().0, "reset");
    }

    #[test]
    fn a_rst_after_unseen_bytes_that_may_be_the_handshake_s_end_proves_nothing() {
        let reset = Story::at(Stage::TlsEstablished).rst(Client);
        assert_eq!(reset.clone().verdict().code, "reset");
        let unseen = reset.but(|story| {
            story.basis = crate::tls::Basis::Inferred;
            story.missing.acked_unseen.client = 93;
        });
        assert_ne!(unseen.verdict().code, "reset");
    }

    #[test]
    fn a_client_that_answers_a_forged_rst_is_no_reason_wherever_its_rst_is_captured() {
        let asked = handshake().say(Client, &talk::data());
        let forge = |talk: Talk| {
            let (seq, ack) = (talk.next(Server), talk.next(Client));
            talk.segment_with(Server, "R", seq, ack, &[], |header| header.ip.hop_limit = Some(99))
        };
        let answered = |talk: Talk| talk.say(Server, &talk::encrypted(288));
        let in_order = answered(forge(asked.clone())).rst(Client);
        let mut after = answered(forge(asked.rst(Client)));
        let at = after.packets[after.packets.len() - 3].id.moment.at;
        for packet in after.packets.iter_mut().rev().take(2) {
            packet.id.moment.at = at;
        }
        for talk in [in_order, after] {
            let verdict = talk.verdict(0);
            assert_eq!(verdict.is(), ("reset", Actor::Path, Some("rst-injected")), "{}", verdict.headline);
        }
    }

    #[test]
    fn after_the_syn_ack_of_a_syn_proxy_the_server_s_own_rst_is_no_forgery() {
        let answered = |window: u16| {
            let syn_ack = ssm().syn().segment_with(Server, "S.", 0, 1, &[], |header| {
                (header.ip.hop_limit, header.tcp.window) = (Some(64), Some(window));
                header.tcp.options = Some(crate::packet::TcpOptions::from_wire(&talk::ALL_OPTIONS));
            });
            let reset = syn_ack.ack(Client).segment_with(Server, "R.", 1, 1, &[], |header| {
                (header.ip.hop_limit, header.ip.id, header.tcp.window) = (Some(63), Some(0), Some(0));
            });
            reset.verdict(0)
        };
        let refused = answered(0);
        assert_eq!(refused.is(), ("reset", Actor::Server, None), "{}", refused.headline);
        assert!(refused.headline.contains("SYN proxy") && !refused.mentions("forged"), "{refused:?}");
        assert_eq!(answered(65_160).is(), ("reset", Actor::Path, Some("rst-injected")));
    }
}
