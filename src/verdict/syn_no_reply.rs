//! The SYN and its repeats were never answered.

use std::borrow::Cow;

use super::words::{advice, drops, purpose};
use super::{Actor, Code, JudgementSettings, Rule, Severity, Verdict};
use crate::packet::Viewpoint;
use crate::story::{Ending, EndingKind, Stage, Story};
use crate::tcp::Role;
use crate::time::Elapsed;

/// What clients report that get no reply to their SYNs.
const CLIENT_REPORTS: [&str; 3] = [
    "ETIMEDOUT (Connection timed out)",
    "java.net.SocketTimeoutException: connect timed out",
    "java.net.ConnectException: Connection timed out",
];

/// `syn-no-reply`.
pub(super) const RULE: Rule = Rule {
    code: Code::SynNoReply,
    severity: Severity::Critical,
    summary: "the SYN, and its repeats, got no answer at all",
    page: include_str!("../../docs/verdicts/syn-no-reply.md"),
    judge,
};

fn judge(story: &Story, _: &JudgementSettings) -> Option<Verdict> {
    let is_answer =
        |ending: &Ending| ending.by == Role::Server && !matches!(ending.what, EndingKind::Silence(_));
    if story.is_syn_dropped() && !story.endings.iter().any(is_answer) {
        return Some(dropped(story));
    }
    let ending = story.decisive()?;
    let EndingKind::Silence(silence) = &ending.what else { return None };
    if ending.stage != Stage::Syn {
        return None;
    }
    // The capture may continue long after the last SYN.
    let span = story.opening.syn_span();
    let times = match (story.capture.viewpoint, story.opening.syn.count) {
        (Viewpoint::Socket, _) => format!("the SYN and its repeats in {}", silence.elapsed()),
        (Viewpoint::Wire, 1) => "one SYN".to_owned(),
        (Viewpoint::Wire, count) if span > Elapsed::ZERO => format!("{count} SYNs in {span}"),
        (Viewpoint::Wire, count) => format!("{count} SYNs"),
    };
    let previous_connection = story.opening.previous_connection.server.first();
    let back = match (previous_connection, story.opening.syn.count) {
        (Some(_), _) => "only packets of an older connection came back".to_owned(),
        (None, 1) if story.capture.viewpoint == Viewpoint::Wire => {
            format!("nothing came back for {}", silence.elapsed())
        }
        (None, _) => "nothing came back".to_owned(),
    };
    let headline = format!("{}no reply to the SYN ({times}, {back})", purpose::prefix(story));
    let explanation = match previous_connection {
        Some(previous_connection) => format!(
            "Packet {} comes from the server and does not acknowledge the SYN: the server, or a device in front of it, \
             still holds an older connection between the same ports. A client whose RST gets through to it can open the \
             next one (RFC 9293, 3.5.1); here nothing followed.{}",
            previous_connection.number,
            drops::caveat(story)
        )
        .into(),
        None => nothing_came(story),
    };
    let explanation = match purpose::scan(story) {
        "" => explanation,
        scan => format!("{explanation}{scan}").into(),
    };
    Some(
        Verdict::new(&RULE, Actor::Unknown, story.basis, headline)
            .explain(explanation)
            .reported(&CLIENT_REPORTS)
            .proved_by(
                story
                    .opening
                    .syn
                    .numbers()
                    .chain(previous_connection.map(|previous_connection| previous_connection.number)),
            )
            .advise(match story.capture.unquoted_icmp_error {
                Some(_) => &[
                    "Print the packets with `tcpdump -v`: it shows for which packet an ICMP error was sent.",
                    "Look at the device that sent the ICMP error: it is on the path.",
                    "Capture on the server: does the SYN arrive, and does a SYN-ACK leave?",
                ],
                None => &advice::PATH_TO_SERVER,
            }),
    )
}

/// A SYN that a firewall dropped, as its own text says: no further time has to pass.
fn dropped(story: &Story) -> Verdict {
    let (count, span) = (story.opening.syn.count, story.opening.syn_span());
    let which = if story.opening.syns_dropped == count { "" } else { "the last one " };
    let times = match count {
        1 => "one SYN".to_owned(),
        _ if span > Elapsed::ZERO => format!("{count} SYNs in {span}"),
        _ => format!("{count} SYNs"),
    };
    let number = story.opening.last_syn.map_or(story.first.number, |syn| syn.number);
    let headline =
        format!("{}no reply to the SYN ({times}, {which}dropped by a firewall)", purpose::prefix(story));
    let explanation = format!(
        "The text is a firewall's own, and it says that the firewall dropped packet {number}. If the rule also rejects (pf's \"block \
         return\"), the client received a RST or an ICMP error, which such a text does not show.{}",
        purpose::scan(story)
    );
    Verdict::new(&RULE, Actor::Unknown, story.basis, headline)
        .explain(explanation)
        .reported(&CLIENT_REPORTS)
        .proved_by(story.opening.syn.numbers().chain([number]))
        .advise(&[
            "Read the rule or the reason that the text names, and change the rule if this connection is wanted.",
            "Capture on both sides of the firewall: does a later SYN get through, and does a SYN-ACK come back?",
        ])
}

fn nothing_came(story: &Story) -> Cow<'static, str> {
    // What two sentences have in common, as a text that needs no making: a scan leaves millions of such attempts.
    macro_rules! would_have_answered {
        () => {
            " A host that receives a SYN sends one of the first two, so the SYN or its reply is dropped silently: by a \
             firewall, because \
             the host is down, or because the accept queue is full (Linux then drops SYNs)."
        };
    }
    if let (None, Some(number)) = (story.path.icmp_errors.first(), story.capture.unquoted_icmp_error) {
        return format!(
            "There was no SYN-ACK and no RST. The ICMP error in packet {number} may be the answer: the text does not show which packet \
             it quotes."
        )
        .into();
    }
    match story.path.icmp_errors.first() {
        None => drops::with_caveat(
            story,
            concat!("There was no SYN-ACK, no RST and no ICMP error.", would_have_answered!()),
        ),
        // What does end an attempt has a verdict of its own.
        Some(icmp) => format!(
            "No SYN-ACK and no RST answered, and the ICMP message in packet {} (type {}, code {}, from {}) ends no \
             attempt.{}{}",
            icmp.moment.number,
            icmp.icmp_type,
            icmp.code,
            story.names.show(icmp.from),
            would_have_answered!(),
            drops::caveat(story)
        )
        .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{Filtered, SegmentHeader, Seq};
    use crate::story::script::talk::{self, ssm};
    use crate::tcp::Role::{Client, Server};

    #[test]
    fn a_syn_that_nobody_answers_names_each_of_its_repeats_and_nobody_to_blame() {
        let story = Story::at(Stage::Syn).but(|story| {
            let again = story.next(Client);
            story.opening.add_syn(again);
        });
        let verdict = story.silent_for(7_000, Server).verdict();
        assert_eq!(verdict.is(), ("syn-no-reply", Actor::Unknown, None));
        assert_eq!(verdict.evidence, [1, 2]);
        assert!(verdict.headline.contains("2 SYNs in 10.0 ms"), "{}", verdict.headline);
        assert!(verdict.mentions("ETIMEDOUT"));
        // What an answer would have shown is not claimed.
        assert!(!verdict.mentions("refused") && !verdict.mentions("older connection"));
        assert!(!verdict.mentions("dropped 0 packets"));
    }

    #[test]
    fn a_syn_that_a_firewall_reports_as_dropped_needs_no_silence() {
        let of = |syns: u64, dropped: u64| {
            Story::at(Stage::Syn).but(|story| {
                for _ in 1..syns {
                    let again = story.next(Client);
                    story.opening.add_syn(again);
                }
                story.opening.last_syn_filtered = Some(Filtered::Dropped);
                story.opening.syns_dropped = dropped;
            })
        };
        let verdict = of(1, 1).verdict();
        assert_eq!(verdict.is(), ("syn-no-reply", Actor::Unknown, None));
        assert!(verdict.headline.contains("(one SYN, dropped by a firewall)"), "{}", verdict.headline);
        assert!(of(2, 2).verdict().headline.contains("(2 SYNs in 10.0 ms, dropped by a firewall)"));
        assert!(of(2, 1).verdict().headline.contains("the last one dropped by a firewall)"));
        // The client gave up on it.
        assert_eq!(of(1, 1).fin(Client).verdict().code, "syn-no-reply");
        // What was let through and answered is not lost.
        assert_ne!(of(1, 1).rst(Server).verdict().code, "syn-no-reply");
    }

    #[test]
    fn a_syn_that_is_let_in_and_dropped_on_its_way_out_is_dropped() {
        let mut talk = ssm().syn();
        let mut out = talk.packets[0].clone();
        talk.packets[0].id.filtered = Some(Filtered::Passed);
        out.id.moment.number += 1;
        out.id.moment.at += Elapsed::from_nanos(100_000);
        out.id.filtered = Some(Filtered::Dropped);
        talk.packets.push(out);
        let verdict = talk.verdict(60_000);
        assert_eq!(verdict.code, "syn-no-reply");
        assert!(verdict.headline.contains("(one SYN, dropped by a firewall)"), "{}", verdict.headline);
    }

    #[test]
    fn a_log_of_what_was_let_through_shows_no_missing_reply() {
        let logged =
            Story::at(Stage::Syn).but(|story| story.missing.is_filter_log = true).silent_for(60_000, Server);
        let verdict = logged.verdict();
        assert_eq!(verdict.code, "capture-gap");
        assert!(verdict.mentions("firewall's log"), "{}", verdict.headline);
    }

    #[test]
    fn syns_have_the_time_between_the_first_and_the_last_of_them() {
        let repeated = ssm().syn().wait(990).syn().wait(1_990).syn();
        let later = repeated.clone().wait(600_000).segment(Client, "F", 1, &[]);
        for talk in [repeated.clone(), later] {
            let headline = talk.verdict(60_000).headline;
            assert!(headline.contains("3 SYNs in 3.0 s, nothing came back)"), "{headline}");
        }
        let one = ssm().syn().verdict(4_000).headline;
        assert!(one.contains("(one SYN, nothing came back for 4.0 s)"), "{one}");
        // No row of silence is between them.
        let notes = |talk: &talk::Talk| {
            let timeline = talk.story(0).timeline;
            let is_silence = |item: &crate::story::Item| {
                matches!(item, crate::story::Item::Packet(entry)
                    if entry.notes.iter().any(|note| matches!(note, crate::story::Note::Silence(_))))
            };
            timeline.items(usize::MAX).iter().map(is_silence).collect::<Vec<_>>()
        };
        assert_eq!(notes(&repeated.clone().wait(4_000).syn()), [false; 4]);
        assert_eq!(notes(&repeated.wait(4_000).syn_ack()), [false, false, false, true]);
    }

    #[test]
    fn an_icmp_error_about_an_unknown_packet_may_be_the_answer() {
        let story = ssm().syn().story_in(crate::story::CaptureFacts {
            end: ssm().now + Elapsed::from_millis(60_000),
            unquoted_icmp_error: Some(2),
            ..crate::story::CaptureFacts::default()
        });
        let verdict = story.verdict();
        assert_eq!(verdict.is(), ("syn-no-reply", Actor::Unknown, None));
        assert!(verdict.mentions("The ICMP error in packet 2 may be the answer"), "{}", verdict.explanation);
        assert!(!verdict.mentions("no ICMP error") && verdict.mentions("tcpdump -v"));
    }

    #[test]
    fn a_scanner_s_syn_is_a_port_scan() {
        let scan = ssm().segment_with(Client, "S", 0, 0, &[], |header: &mut SegmentHeader| {
            header.tcp.window = Some(1_024);
            header.tcp.options = Some(crate::packet::TcpOptions::from_wire(&[2, 4, 5, 180]));
        });
        let verdict = scan.verdict(4_000);
        assert_eq!(verdict.is(), ("syn-no-reply", Actor::Unknown, None));
        assert!(verdict.headline.starts_with("port scan: no reply to the SYN"), "{}", verdict.headline);
        assert!(verdict.mentions("nmap"));
        let refused = scan.segment(Server, "R.", 0, &[]).verdict(0);
        assert_eq!(refused.is(), ("refused", Actor::Server, None));
        assert!(refused.headline.starts_with("port scan: 198.51.100.20 refused"), "{}", refused.headline);
    }

    #[test]
    fn an_icmp_message_that_ends_no_attempt_is_named_and_ends_none() {
        // "Fragmentation needed" says nothing against the attempt.
        let story = Story::at(Stage::Syn).icmp([203, 0, 113, 9], 3, 4).silent_for(4_000, Server);
        let verdict = story.verdict();
        assert_eq!(verdict.code.name(), "syn-no-reply");
        assert!(verdict.explanation.contains("packet 2 (type 3, code 4, from 203.0.113.9)"));
        assert!(!verdict.mentions("no ICMP error"));
    }

    #[test]
    fn drops_of_the_capture_are_a_reserve() {
        let story = Story::at(Stage::Syn).silent_for(4_000, Server);
        let verdict = story.but(|story| story.capture.dropped = Some(12)).verdict();
        assert!(verdict.explanation.ends_with("may have arrived without being captured."));
        assert!(verdict.mentions("dropped 12 packets"));
    }

    #[test]
    fn with_a_syn_ack_a_rst_or_data_it_is_another_rule_s() {
        let silent = |stage| Story::at(stage).silent_for(4_000, Server).verdict().code;
        assert_eq!(silent(Stage::SynAck), "capture-gap");
        assert_eq!(silent(Stage::ClientHello), "no-server-hello");
        assert_eq!(Story::at(Stage::Syn).rst(Server).verdict().code, "refused");
        assert_eq!(Story::at(Stage::Syn).verdict().code, "in-progress");
    }

    #[test]
    fn a_syn_is_unanswered_only_after_the_stall_time() {
        assert_eq!(ssm().syn().code(2_900), "in-progress");
        assert_eq!(ssm().syn().code(3_000), "syn-no-reply");
        let repeated = ssm().syn().wait(1000).syn().wait(1000).syn();
        let verdict = repeated.verdict(2_000);
        assert_eq!((verdict.code.name(), verdict.evidence), ("syn-no-reply", vec![1, 2, 3]));
        assert_eq!(repeated.story(2_000).stage, Stage::Syn);
    }

    #[test]
    fn a_fin_that_follows_or_comes_with_an_unanswered_syn_closes_nothing() {
        assert_eq!(ssm().syn().segment(Client, "F", 1, &[]).code(4_000), "syn-no-reply");
        assert_eq!(ssm().segment(Client, "SF", 0, &[]).code(4_000), "syn-no-reply");
        let acknowledges_nothing = |header: &mut SegmentHeader| header.tcp.ack = Some(Seq(0));
        let fin = ssm().syn().segment_with(Client, "F.", 1, 0, &[], acknowledges_nothing);
        assert_eq!(fin.code(4_000), "syn-no-reply");
        assert_eq!(
            ssm().syn().segment(Client, "F", 1, &[]).segment_with(Server, "R.", 0, 1, &[], |_| {}).code(0),
            "refused"
        );
    }

    #[test]
    fn a_syn_with_a_client_hello_that_nobody_answers_got_no_reply() {
        let fast_open = ssm().segment(Client, "S", 0, &talk::client_hello());
        let unanswered = fast_open.clone().wait(1000).segment(Client, "S", 0, &[]).story(3_000);
        assert_eq!((unanswered.verdict().code.name(), unanswered.stage), ("syn-no-reply", Stage::Syn));
        assert_eq!(unanswered.one_sided(), None);
        assert_eq!(fast_open.clone().segment_with(Server, "R.", 0, 1, &[], |_| {}).code(0), "refused");
        let taken = fast_open.clone().segment_with(Server, "S.", 0, 206, &[], |_| {});
        assert_eq!(taken.story(0).stage, Stage::ClientHello);
        let not_taken = fast_open.segment_with(Server, "S.", 0, 1, &[], |_| {});
        assert_eq!(not_taken.code(3_000), "capture-gap");
        let again = not_taken.segment(Client, "P.", 1, &talk::client_hello()).ack(Server);
        assert_eq!(again.code(3_000), "no-server-hello");
    }

    #[test]
    fn what_an_older_connection_sends_back_answers_no_syn_and_is_named() {
        let challenged = ssm().syn().segment_with(Server, ".", 5_000, 70_000_000, &[], |_| {});
        let verdict = challenged.wait(1000).syn().verdict(3_000);
        assert_eq!(verdict.is(), ("syn-no-reply", Actor::Unknown, None));
        assert_eq!(verdict.evidence, [1, 2, 3]);
        assert!(verdict.explanation.contains("Packet 2 comes from the server"));
        assert!(!verdict.mentions("nothing came"));
    }
}
