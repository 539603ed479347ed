//! Data, of either side, or keep-alive probes that get no acknowledgement.

use super::RULE;
use crate::story::{Ending, EndingKind, LONGEST_FAREWELL, Silence, Stage, Story, UnansweredProbes};
use crate::tcp::Role;
use crate::verdict::words::{advice, drops, icmp_error, path_mtu, sent_unseen};
use crate::verdict::{Actor, JudgementSettings, Verdict};

/// Data that a router reports as too big and that was sent again and again, on a connection whose beginning the capture lacks.
pub(super) fn too_big(story: &Story, settings: &JudgementSettings) -> Option<Verdict> {
    let stage = story.stage;
    [Role::Server, Role::Client].into_iter().filter(|_| stage == Stage::None).find_map(|sender| {
        let data = &story.data[sender];
        // From the first of it to the last retransmission: the capture may hold more of the connection.
        let waiting = data.unacknowledged;
        let since = waiting.map(|waiting| waiting.since).or(data.first)?;
        let last = waiting.and_then(|waiting| waiting.last_repeat).unwrap_or(story.last);
        let elapsed = last.at - since.at;
        if data.repeats.count < 2 || elapsed < settings.stall_after {
            return None;
        }
        let verdict = Verdict::new(
            &RULE,
            Actor::Path,
            story.basis,
            format!("the {sender}'s data was not acknowledged for {elapsed}"),
        );
        let sign = path_mtu::sign(story, sender)?;
        Some(
            sign.explain(verdict)
                .reported(&[
                    "the client's own read timeout",
                    "java.net.SocketTimeoutException: Read timed out",
                ])
                .proved_by(data.repeats.numbers().take(4)),
        )
    })
}

/// The side that is awaited closed its receive window, so that the other could not send. A host with a closed window answers each probe
/// of it (RFC 9293, 3.8.6.1), so nothing is lost.
pub(super) fn window_closed(story: &Story, ending: &Ending, silence: &Silence) -> Option<Verdict> {
    let reader = silence.awaited_from;
    let closed = story.data[reader.other()].closed_window?;
    let is_up =
        matches!(ending.stage, Stage::TcpEstablished | Stage::TlsEstablished | Stage::ApplicationData);
    let elapsed = silence.until - closed.at;
    is_up.then(|| {
        Verdict::new(
            &RULE,
            Actor::from(reader),
            story.basis,
            format!("the {reader} kept its receive window closed for {elapsed}"),
        )
        .explain(format!(
            "Packet {} announces a window of 0 bytes, and no later packet opened it: the {reader}'s program does not read what it was \
             sent. Nothing was lost in transit.{}",
            closed.number,
            drops::caveat(story)
        ))
        .reported(&["java.net.SocketTimeoutException: Read timed out"])
        .proved_by([closed.number, silence.since.number])
        .advise(advice::server_process(story))
    })
}

/// Data in the middle of a conversation was sent again and again, and nothing of it was acknowledged.
pub(super) fn undelivered(story: &Story, ending: &Ending, silence: &Silence) -> Option<Verdict> {
    let sender = silence.awaited_from.other();
    let is_begun = match ending.stage {
        // With one direction only, the beginning is missing too.
        Stage::None => {
            story.traffic.counters[silence.awaited_from].segments > 0 && !is_farewell(story, sender)
        }
        Stage::TcpEstablished => sender == Role::Server || story.data.server.first.is_some(),
        Stage::TlsEstablished | Stage::ApplicationData => {
            (sender == Role::Server || story.was_answered()) && !story.is_farewell_outstanding(sender)
        }
        _ => false,
    };
    if silence.is_acknowledged
        || !is_begun
        || story.prelude.is_some() && ending.stage == Stage::TcpEstablished
    {
        return None;
    }
    let repeats = match repeats_within(story, sender, silence) {
        0 => String::new(),
        1 => " and was retransmitted once".to_owned(),
        count => format!(" and was retransmitted {count} times"),
    };
    let headline = format!("the {sender}'s data was unacknowledged for {}{repeats}", silence.elapsed());
    let verdict = Verdict::new(&RULE, Actor::Path, story.basis, headline);
    let verdict = match path_mtu::sign(story, sender) {
        Some(sign) => sign.explain(verdict),
        None => verdict
            .explain(format!(
                "The connection worked until then. Since then the {sender}'s data, or every ACK of the {}, is lost in \
                 transit: the path broke, a firewall or NAT dropped its state for the connection, or that host is down.{}",
                sender.other(),
                drops::caveat(story)
            ))
            .advise(&advice::PATH_OF_CONNECTION),
    };
    Some(
        icmp_error::in_silence(story, silence, verdict)
            .reported(&["java.net.SocketTimeoutException: Read timed out"])
            .proved_by([silence.since.number])
            .proved_by(
                story.data[sender]
                    .unacknowledged
                    .and_then(|waiting| waiting.last_repeat)
                    .map(|moment| moment.number),
            )
            .proved_by(story.data[sender].repeats.numbers().take(4)),
    )
}

/// Whether no more is unacknowledged than a close_notify, the longest of which is Java's, and the FIN after it: nothing is owed to who left.
fn is_farewell(story: &Story, sender: Role) -> bool {
    const CLOSE_NOTIFY: u32 = 40;
    let left = story.endings.iter().any(|end| end.by == sender && matches!(end.what, EndingKind::Fin));
    left && story.data[sender].unacknowledged.is_some_and(|waiting| waiting.bytes <= CLOSE_NOTIFY)
}

/// The client left although the server had sent more, on a path that lost packets: the number of its FIN or RST shows that it did not get
/// what was sent long before.
pub(super) fn left_without(story: &Story, settings: &JudgementSettings) -> Option<Verdict> {
    let left = story.endings.first().filter(|end| end.by == Role::Client)?;
    let data = &story.data.server;
    let last = data.last?;
    let is_up = matches!(left.stage, Stage::None | Stage::TcpEstablished | Stage::ApplicationData);
    let is_leaving = matches!(left.what, EndingKind::Fin | EndingKind::Reset(_));
    let waited = left.moment.at - last.at;
    let is_lost = is_up
        && is_leaving
        && waited >= settings.stall_after
        && data.is_left_out
        && data.outstanding > 1
        && data.repeats.count > 0
        && data.closed_window.is_none()
        && data.reported_hole.is_none()
        && (story.data.client.first.is_some() || left.stage == Stage::None)
        && story.traffic.keep_alives.count == 0
        && story.one_sided().is_none()
        && story.order.is_after(left.moment.number, last.number);
    is_lost.then(|| {
        Verdict::new(
            &RULE,
            Actor::Path,
            story.basis,
            format!("the server's data was unacknowledged for {waited}, and then the client left without it"),
        )
        .explain(format!(
            "The client acknowledges less in packet {} than the server had sent up to packet {}: what the server sent was lost in \
             transit.{}",
            left.moment.number,
            last.number,
            drops::caveat(story)
        ))
        .reported(&["the client's own read timeout", "java.net.SocketTimeoutException: Read timed out"])
        .advise(&advice::PATH_OF_CONNECTION)
        .proved_by([last.number, left.moment.number])
    })
}

/// How often a side sent its unacknowledged data again during a silence.
fn repeats_within(story: &Story, sender: Role, silence: &Silence) -> u64 {
    let data = &story.data[sender];
    let repeats = data.unacknowledged.map_or(0, |waiting| waiting.repeats);
    // If there are many, not all are kept one by one.
    let later = data.repeats.moments.iter().filter(|repeat| repeat.at > silence.until).count() as u64;
    repeats.saturating_sub(later)
}

/// The client left after a silence, and the number of an ACK of the server's shows that more of its answer had been sent by then.
pub(super) fn answer_lost(story: &Story, settings: &JudgementSettings) -> Option<Verdict> {
    let lost = sent_unseen::of_server(story)?;
    let left = story.endings.first().filter(|end| end.by == Role::Client)?;
    let is_up = matches!(left.stage, Stage::TcpEstablished | Stage::ApplicationData);
    let last = story.data.server.last?;
    let waited = left.moment.at - last.at;
    // A server answers a close_notify with its own.
    let is_farewell = left.stage == Stage::ApplicationData
        && lost.bytes <= LONGEST_FAREWELL
        && story.order.is_after(lost.shown_by.number, left.moment.number);
    let is_lost = is_up
        && !is_farewell
        && matches!(left.what, EndingKind::Fin | EndingKind::CloseNotify)
        && story.data.client.first.is_some()
        && waited >= settings.stall_after
        && story.missing.gap.server == 0
        && !story.missing.lacks(Role::Server);
    is_lost.then(|| {
        Verdict::new(
            &RULE,
            Actor::Path,
            story.basis,
            format!("the rest of the server's reply was lost: nothing arrived for {waited}"),
        )
        .explain(format!("{}{}", sent_unseen::sentence(Role::Server, lost), drops::caveat(story)))
        .reported(&["java.net.SocketTimeoutException: Read timed out"])
        .proved_by([last.number, left.moment.number, lost.shown_by.number])
        .advise(&sent_unseen::ADVICE)
    })
}

/// The server left after a silence, and the number of an ACK of the client's shows that it had sent more by then.
pub(super) fn request_lost(story: &Story, settings: &JudgementSettings) -> Option<Verdict> {
    let lost = sent_unseen::of_client(story)?;
    let left = story.endings.first().filter(|end| end.by == Role::Server)?;
    let waited = left.moment.at - lost.shown_by.at;
    let is_lost = left.stage >= Stage::TcpEstablished
        && matches!(left.what, EndingKind::Fin | EndingKind::CloseNotify)
        && waited >= settings.stall_after
        && story.missing.gap.client == 0
        && !story.missing.lacks(Role::Client);
    is_lost.then(|| {
        Verdict::new(
            &RULE,
            Actor::Path,
            story.basis,
            format!(
                "the client's data was lost: nothing of it arrived for {waited}, and then the server left"
            ),
        )
        .explain(format!("{}{}", sent_unseen::sentence(Role::Client, lost), drops::caveat(story)))
        .reported(&["java.net.SocketTimeoutException: Read timed out"])
        .proved_by([lost.shown_by.number, left.moment.number])
        .advise(&sent_unseen::ADVICE)
    })
}

/// Keep-alive probes that show a path that broke while the connection was idle. A host that is there answers each (RFC 9293, 3.8.4).
pub(super) fn unanswered_probes(story: &Story, settings: &JudgementSettings) -> Option<Verdict> {
    /// One or two may be lost on a path that works.
    const TELLING: u64 = 3;
    let UnansweredProbes { by: prober, probes } = &**story.traffic.unanswered_probes.as_ref()?;
    let prober = *prober;
    if probes.count < TELLING {
        return None;
    }
    let first = probes.first()?;
    // The prober's kernel or program ends what got no reply; a silence before the probes is of the same kind.
    let is_open = story.endings.iter().all(|end| match end.what {
        EndingKind::Silence(_) => true,
        EndingKind::Reset(_) | EndingKind::Fin => end.by == prober && end.moment.at >= first.at,
        // It ends what its sender says, and not yet the connection.
        EndingKind::CloseNotify => end.by == prober,
        _ => false,
    });
    let last = probes.moments.last().copied().unwrap_or(first);
    let until = story.last.at.max(last.at);
    let elapsed = until - first.at;
    let is_begun = story.stage > Stage::None && story.one_sided().is_none();
    if !is_open || !is_begun || elapsed < settings.stall_after {
        return None;
    }
    let other = prober.other();
    let silence =
        Silence { since: first, until, awaited_from: other, is_acknowledged: false, is_ack_unseen: false };
    let verdict = Verdict::new(
        &RULE,
        Actor::Path,
        story.basis,
        format!("{} keep-alive probes of the {prober} got no reply in {elapsed}", probes.count),
    )
    .explain(format!(
        "The {prober}'s keep-alive probes got no reply from the {other}: the path broke, a firewall or NAT dropped \
         its state for the connection, or the {other}'s host is down.{}",
        drops::caveat(story)
    ))
    .reported(&["ETIMEDOUT (Connection timed out)"])
    .proved_by(probes.numbers().take(4))
    .advise(&advice::PATH_OF_CONNECTION);
    Some(icmp_error::in_silence(story, &silence, verdict))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{SegmentHeader, TcpOptions};
    use crate::story::script::talk::{self, Talk, exchange, handshake, ssm};
    use crate::tcp::Role::{Client, Server};
    use crate::tls::PlainKind;

    /// A close_notify of TLS 1.2.
    const CLOSE_NOTIFY: [u8; 31] = {
        let mut record = [9; 31];
        (record[0], record[1], record[2], record[3], record[4]) = (21, 3, 3, 0, 26);
        record
    };

    #[test]
    fn a_close_notify_and_a_fin_that_nobody_acknowledges_are_no_lost_data() {
        let closing = |record: &[u8]| {
            let talk = exchange().ack(Client);
            let seq = talk.next(Server);
            [300, 600, 1_200, 2_400, 4_800].into_iter().fold(talk, |talk, wait| {
                let ack = talk.next(Client);
                talk.wait(wait).segment_with(Server, "FP.", seq, ack, record, |_| {})
            })
        };
        let left = closing(&CLOSE_NOTIFY).verdict(0);
        assert_eq!(left.code, "healthy", "{}", left.headline);
        assert_eq!(closing(&talk::encrypted(400)).code(0), "no-response");
        // No ACK is in the capture, but the timer repeats the first data that is unacknowledged.
        let lacks_acks = |mut talk: Talk| {
            let answer =
                talk.packets.iter().rposition(|packet| packet.payload.len() > 100).expect("the answer");
            talk.packets.remove(answer + 1);
            talk.code(0)
        };
        assert_eq!(lacks_acks(closing(&CLOSE_NOTIFY)), "healthy");
    }

    #[test]
    fn a_close_notify_that_the_capture_lacks_is_no_rest_of_the_reply() {
        let left = |bytes: u32| {
            let talk = exchange().ack(Client).wait(16_000).say(Client, &CLOSE_NOTIFY);
            let (seq, ack) = (talk.next(Server) + bytes, talk.next(Client));
            talk.segment_with(Server, ".", seq, ack, &[], |_| {}).verdict(0)
        };
        let closed = left(31);
        assert_ne!(closed.severity, crate::verdict::Severity::Critical, "{}", closed.headline);
        assert_eq!(left(1_400).is(), ("no-response", Actor::Path, None));
    }

    #[test]
    fn data_that_is_sent_again_without_an_ack_is_lost_on_the_path_whoever_sends_it() {
        for role in [Client, Server] {
            let begun = [
                exchange(),
                Talk::to_port(9100).open().say(Client, b"job").say(Server, b"ok"),
                ssm()
                    .segment(Server, "P.", 5_000, b"some")
                    .ack(Client)
                    .segment(Client, "P.", 1, b"bytes")
                    .ack(Server),
            ];
            for talk in begun {
                let sent = talk.ack(role.other()).ack(role).say(role, &[7; 64]);
                let lost = sent.wait(300).repeat(role).wait(600).repeat(role).wait(1_200).repeat(role);
                let verdict = lost.verdict(2_000);
                assert_eq!(verdict.is(), ("no-response", Actor::Path, None), "{}", verdict.headline);
                assert!(verdict.headline.contains("retransmitted 3 times"), "{}", verdict.headline);
                assert_ne!(lost.ack(role.other()).code(60_000), "no-response");
            }
        }
    }

    #[test]
    fn an_answer_that_is_lost_beyond_the_capture_is_the_path_s() {
        let get = b"GET / HTTP/1.1\r\n\r\n";
        let answered = Talk::to_port(80).open().say(Client, get).say(Server, b"HTTP/1.1 200 OK\r\n\r\n");
        let (seq, ack) = (answered.next(Client), 1);
        let left = |talk: Talk| talk.wait(2_000).segment_with(Client, "F.", seq, ack, &[], |_| {});
        let lost = answered.wait(300).repeat(Server).wait(600).repeat(Server).wait(1_200).repeat(Server);
        let verdict = left(lost).verdict(0);
        assert_eq!(verdict.is(), ("no-response", Actor::Path, None), "{}", verdict.headline);
    }

    #[test]
    fn data_that_a_router_reports_as_too_big_is_lost_in_the_middle_of_a_connection_too() {
        let story =
            Story::at(Stage::None).sends(Server, PlainKind::Binary, "").repeats(Server, 3).but(|story| {
                let first = story.data.server.first.expect("data");
                story.data.server.is_all_acknowledged = false;
                story.last.at = first.at + crate::time::Elapsed::from_millis(4_000);
            });
        let big = story.clone().icmp([203, 0, 113, 1], 3, 4).but(|story| {
            for fact in &mut story.path.icmp_errors {
                fact.quotes = Server;
            }
            story.last.at =
                story.data.server.first.expect("data").at + crate::time::Elapsed::from_millis(4_000);
        });
        assert_black_hole(&big.verdict());
        assert_eq!(story.verdict().code, "midstream");
    }

    #[track_caller]
    fn assert_black_hole(verdict: &Verdict) {
        let expected = ("no-response", Actor::Path, Some("pmtu-black-hole"));
        assert_eq!(verdict.is(), expected, "{}", verdict.headline);
    }

    #[test]
    fn what_the_client_reports_to_lack_is_lost_on_the_path() {
        // RFC 2018, 3: 500 bytes came, and not the 1,000 before them.
        let sack = |header: &mut SegmentHeader| {
            let ack = header.tcp.ack.unwrap();
            let block = [(ack + 1_000).0.to_be_bytes(), (ack + 1_500).0.to_be_bytes()].concat();
            header.tcp.options = Some(TcpOptions::from_wire(&[&[1, 1, 5, 10][..], &block].concat()));
        };
        let asked = handshake().say(Client, &talk::data()).ack(Server);
        let (seq, ack) = (asked.next(Client), asked.next(Server));
        let holed = asked.segment(Server, "P.", ack + 1_000, &[9; 500]).segment_with(
            Client,
            ".",
            seq,
            ack,
            &[],
            sack,
        );
        let left = holed.clone().wait(6_000).segment_with(Client, "F.", seq, ack, &[], sack);
        assert_black_hole(&left.verdict(0));
        assert_eq!(holed.segment(Server, "P.", ack, &[9; 1_000]).ack(Client).code(60_000), "healthy");
    }

    #[test]
    fn what_duplicate_acks_report_to_be_missing_is_lost_on_the_path() {
        // RFC 5681, 4.2: without SACK, each segment beyond the hole gets the same ACK again.
        let asked = handshake().say(Client, &talk::data()).ack(Server);
        let (seq, ack) = (asked.next(Client), asked.next(Server));
        let bare = |talk: Talk| talk.segment_with(Client, ".", seq, ack, &[], |_| {});
        let holed = bare(bare(asked.clone()).segment(Server, "P.", ack + 1_000, &[9; 500]));
        let left = holed.clone().wait(6_000).segment_with(Client, "F.", seq, ack, &[], |_| {});
        assert_black_hole(&left.verdict(0));
        assert_black_hole(&holed.verdict(6_000));
        assert_eq!(holed.segment(Server, "P.", ack, &[9; 1_000]).ack(Client).code(60_000), "healthy");
    }

    #[test]
    fn a_hole_in_the_middle_of_a_connection_is_lost_on_the_path() {
        let talk = ssm().segment(Server, "P.", 5_000, b"some").ack(Client).say(Client, b"bytes").ack(Server);
        let (seq, ack) = (talk.next(Client), talk.next(Server));
        let bare = |talk: Talk| talk.segment_with(Client, ".", seq, ack, &[], |_| {});
        let holed = bare(bare(talk).segment(Server, "P.", ack + 1_000, &[9; 500]));
        let left = holed.clone().wait(6_000).segment_with(Client, "F.", seq, ack, &[], |_| {});
        assert_eq!(left.verdict(0).is(), ("no-response", Actor::Path, None));
        // A capture that lacks the beginning may lack the end as well.
        assert_eq!(holed.code(6_000), "midstream");
        assert_eq!(holed.segment(Server, "P.", ack, &[9; 1_000]).ack(Client).code(60_000), "midstream");
    }

    #[test]
    fn keep_alive_probes_that_nobody_answers_show_a_broken_path() {
        let idle = exchange().ack(Client).ack(Server);
        let probe = |talk: Talk| {
            let seq = talk.next(Client) - 1;
            talk.wait(1_500).segment(Client, ".", seq, &[])
        };
        let probed = (0..4).fold(idle.wait(30_000), |talk, _| probe(talk));
        for ended in [probed.clone(), probed.clone().wait(1_500).rst(Client)] {
            let verdict = ended.verdict(500);
            assert_eq!(verdict.is(), ("no-response", Actor::Path, None), "{}", verdict.headline);
            assert!(verdict.headline.contains("4 keep-alive probes of the client"), "{}", verdict.headline);
        }
        assert_eq!(probed.clone().ack(Server).code(500), "healthy");
        // A request that is open does not make it the server's, nor does a FIN that nobody acknowledges make it good.
        assert_eq!(probed.fin(Client).verdict(500).is(), ("no-response", Actor::Path, None));
        let asked = handshake().say(Client, &talk::data()).ack(Server);
        let waiting = (0..4).fold(asked.wait(20_000), |talk, _| probe(talk)).verdict(500);
        assert_eq!(waiting.is(), ("no-response", Actor::Path, None), "{}", waiting.headline);
    }

    #[test]
    fn repeats_without_an_acknowledgement_count_whatever_else_the_capture_lacks() {
        let talk = exchange().ack(Client).segment(Client, "P.", exchange().next(Client), &talk::data());
        let gap = talk.segment(Server, ".", 90_000, &[]).ack(Server);
        let asked = gap.say(Client, &talk::data());
        let lost =
            asked.wait(300).repeat(Client).wait(700).repeat(Client).wait(1_400).repeat(Client).wait(2_800);
        assert_eq!(lost.repeat(Client).code(100), "no-response");
    }

    #[test]
    fn data_whose_sender_closed_after_it_is_lost_with_the_fin() {
        let asked = || exchange().ack(Client).wait(900).say(Client, &talk::data()).ack(Server);
        // The answer and the FIN after it.
        let answer = asked().say(Server, &talk::encrypted(1_200));
        let (seq, end) = (asked().next(Server), answer.next(Server));
        let closed = answer.segment_with(Server, "F.", end, asked().next(Client), &[], |_| {});
        let repeated = [300, 600, 1_200, 2_400].into_iter().fold(closed.clone(), |talk, millis| {
            talk.wait(millis).segment_with(
                Server,
                "P.",
                seq,
                asked().next(Client),
                &talk::encrypted(1_200),
                |_| {},
            )
        });
        let verdict = repeated.verdict(1_000);
        assert_eq!(verdict.is(), ("no-response", Actor::Path, None), "{}", verdict.headline);
        // A client that had closed, or that acknowledges, wants no more.
        assert_eq!(repeated.ack(Client).fin(Client).code(60_000), "healthy");
        // A request with the farewell in its segment.
        let done = exchange().ack(Client).ack(Server);
        let (from, last) = (done.next(Client), [talk::encrypted(180), talk::close_notify()].concat());
        let left = done.wait(900).say(Client, &last).fin(Client);
        let again = |talk: Talk, millis| talk.wait(millis).segment(Client, "P.", from, &last);
        let unheard = [300, 600, 1_200, 2_400].into_iter().fold(left, again).verdict(1_000);
        assert_eq!(unheard.is(), ("no-response", Actor::Path, None), "{}", unheard.headline);
        // If only a goodbye is missing, nothing is lost.
        let done = exchange().ack(Client).ack(Server);
        let (from, bye) = (done.next(Server), talk::close_notify());
        let said = done.say(Server, &bye).fin(Server);
        let unheard = (0..5).fold(said, |talk, _| talk.wait(900).segment(Server, "P.", from, &bye));
        assert_eq!(unheard.code(1_000), "healthy");
    }

    #[test]
    fn a_server_that_closes_its_window_does_not_read_and_nothing_is_lost() {
        let close = |header: &mut SegmentHeader| header.tcp.window = Some(0);
        let begun = handshake().say(Client, &talk::encrypted(1_200)).say(Client, &talk::encrypted(1_200));
        let (seq, ack) = (begun.next(Server), begun.next(Client));
        let shut = |talk: Talk| talk.segment_with(Server, ".", seq, ack, &[], close);
        let sent = shut(begun).say(Client, &talk::encrypted(1_200));
        let probed = [300, 600, 1_200, 2_400]
            .into_iter()
            .fold(sent, |talk, millis| shut(talk.wait(millis).repeat(Client)));
        let verdict = probed.wait(3_000).rst(Client).verdict(0);
        assert_eq!(verdict.is(), ("no-response", Actor::Server, None), "{}", verdict.headline);
        assert!(verdict.headline.contains("receive window closed"), "{}", verdict.headline);
        assert!(!verdict.mentions("firewall"), "{verdict:?}");
    }

    /// A request inside TLS and its sender's FIN, which the server acknowledges.
    fn half_closed() -> Talk {
        handshake().say(Client, &talk::data()).fin(Client).ack(Server)
    }

    #[test]
    fn an_answer_that_never_arrives_at_a_client_that_only_half_closed_is_lost() {
        let lost = |talk: Talk| {
            let talk = talk.wait(300).repeat(Server).wait(600).repeat(Server).wait(1_200).repeat(Server);
            talk.wait(2_400).repeat(Server).verdict(1_000)
        };
        let verdict = lost(half_closed().say(Server, &talk::data()));
        assert_eq!(verdict.is(), ("no-response", Actor::Path, None), "{}", verdict.headline);
        let plain = Talk::to_port(80).open().say(Client, b"GET / HTTP/1.0\r\n\r\n").fin(Client).ack(Server);
        let verdict = lost(plain.say(Server, b"HTTP/1.0 200 OK\r\n\r\n"));
        assert_eq!(verdict.is(), ("no-response", Actor::Path, None), "{}", verdict.headline);
        // A client that had its answer has left, and what follows matters to nobody.
        let answered = handshake().say(Client, &talk::data()).say(Server, &talk::data()).fin(Client);
        assert_eq!(lost(answered.ack(Server).say(Server, &talk::data())).code.name(), "healthy");
        assert_eq!(half_closed().say(Server, &talk::data()).ack(Client).fin(Server).code(9_000), "healthy");
    }

    #[test]
    fn a_hole_after_which_the_server_s_fin_came_is_no_less_lost() {
        let asked = handshake().say(Client, &talk::data()).ack(Server);
        let (from, ack) = (asked.next(Server), asked.next(Client));
        let tail = talk::encrypted(300);
        let closed = asked.segment_with(Server, "FP.", from + 9_000, ack, &tail, |_| {});
        let mut block = vec![1, 1, 5, 10];
        block.extend((900_000 + from + 9_000).to_be_bytes());
        block.extend((900_000 + from + 9_001 + tail.len() as u32).to_be_bytes());
        let report = |talk: Talk, flags: &str| {
            let options = TcpOptions::from_wire(&block);
            talk.segment_with(Client, flags, ack, from, &[], |header| header.tcp.options = Some(options))
        };
        let left = report(report(closed, ".").wait(10_000), "F.").verdict(0);
        assert_eq!((left.code.name(), left.actor), ("no-response", Actor::Path), "{}", left.headline);
    }

    #[test]
    fn of_the_client_s_packets_alone_a_request_that_is_sent_again_for_long_is_lost() {
        let asked_again = exchange().ack(Client).wait(1_000).say(Client, &talk::data());
        let repeated = |talk: Talk, times: u32| {
            (0..times).fold(talk, |talk, at| talk.wait(300 << at).repeat(Client)).only(Client).verdict(500)
        };
        for talk in [asked_again.clone(), asked_again.clone().fin(Client)] {
            let verdict = repeated(talk, 5);
            assert_eq!(verdict.is(), ("no-response", Actor::Path, None), "{}", verdict.headline);
        }
        // Its acknowledgement may be one of the packets that the capture lacks.
        let once = asked_again.wait(300).repeat(Client).wait(9_000).fin(Client).only(Client).verdict(0);
        assert_ne!(once.code.name(), "no-response");
    }

    #[test]
    fn the_rest_of_an_answer_that_the_server_s_own_number_shows_was_lost() {
        let begun = handshake().say(Client, &talk::data()).say(Server, &talk::data()).ack(Client);
        let left = |millis| {
            let left = begun.clone().wait(millis).fin(Client);
            let (client, server) = (left.next(Client), left.next(Server));
            left.segment_with(Server, ".", server + 23_168, client, &[], |_| {}).verdict(0)
        };
        let verdict = left(8_000);
        assert_eq!(verdict.is(), ("no-response", Actor::Path, None), "{}", verdict.headline);
        assert!(verdict.mentions("23168 bytes") && verdict.headline.contains("8.0 s"), "{verdict:?}");
        assert_eq!(left(300).code.name(), "healthy");
        assert_eq!(begun.wait(8_000).fin(Client).ack(Server).fin(Server).code(0), "healthy");
    }

    #[test]
    fn keep_alive_probes_after_a_close_notify_show_a_broken_path_too() {
        let closed = exchange().ack(Client).ack(Server).say(Client, &talk::close_notify()).ack(Server);
        let seq = closed.next(Client) - 1;
        let probed = (0..4).fold(closed, |talk, _| talk.wait(1_500).segment(Client, ".", seq, &[]));
        assert_eq!(probed.verdict(0).is(), ("no-response", Actor::Path, None));
    }
}
