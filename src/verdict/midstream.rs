//! The capture does not show the beginning, and nothing else shows the outcome.

use std::borrow::Cow;

use super::words::{icmp_error, reset_reason};
use super::{Actor, Code, JudgementSettings, Rule, Severity, Verdict};
use crate::story::{Ending, Opening, Story, Unacknowledged};
use crate::tcp::Role;
use crate::tls::Basis;

/// `midstream`.
pub(super) const RULE: Rule = Rule {
    code: Code::Midstream,
    severity: Severity::Unknown,
    summary: "neither SYN nor SYN-ACK nor ClientHello is in the capture, and nothing else shows the outcome",
    page: include_str!("../../docs/verdicts/midstream.md"),
    judge,
};

fn judge(story: &Story, _: &JudgementSettings) -> Option<Verdict> {
    if story.is_leftover() {
        return Some(leftover(story));
    }
    if story.opening.known_by != Opening::Ports || story.tls.server_hello.is_some() {
        return None;
    }
    // Text without the data shows no more than lengths and directions.
    let basis = if story.capture.is_text { story.basis.max(Basis::Inferred) } else { story.basis };
    let reset = reset_with_reason(story);
    let says_why = || {
        reset
            .as_ref()
            .map(|(ending, _)| (format!("the {}'s RST gives a reason", ending.by), ending.moment.number))
    };
    let (symptom, shown) = says_why().or_else(|| symptom(story)).unzip();
    let has_no_flags = story.capture.is_text && !story.opening.shows_flags;
    let (beginning, explanation, advice) = if has_no_flags { NO_FLAGS } else { ALREADY_OPEN };
    let headline = match symptom {
        Some(symptom) => Cow::Owned(format!("{beginning}; {symptom}")),
        None => Cow::Borrowed(beginning),
    };
    let verdict = Verdict::new(&RULE, Actor::Unknown, basis, headline)
        .proved_by([story.first.number].into_iter().chain(shown));
    Some(match reset {
        Some((_, reason)) => {
            verdict.explain(format!("{reason} {explanation}")).advise(&[reset_reason::ADVICE]).advise(advice)
        }
        None => verdict.explain(explanation).advise(advice),
    })
}

/// The RST that gives a reason, and that in a sentence.
fn reset_with_reason(story: &Story) -> Option<(&Ending, String)> {
    story.endings.iter().find_map(|ending| Some((ending, reset_reason::sentence(story, ending)?)))
}

/// Headline, explanation and advice where segments show their flags.
const ALREADY_OPEN: (&str, &str, &[&str]) = (
    "the connection was already open when the capture started",
    "There is no SYN, no SYN-ACK and no ClientHello: often the rest of an older connection. The client is taken to be the end with \
     the higher port.",
    &["Start the capture before the connection is opened."],
);

/// The same where they don't.
const NO_FLAGS: (&str, &str, &[&str]) = (
    "the text shows no TCP flags, so how the connection began is unknown",
    "tcpdump -q prints no flags: a SYN, a FIN and a RST look like any other segment. The client is taken to be the end with the \
     higher port.",
    &["Capture again without -q."],
);

/// What the packets nevertheless show, and the packet that shows it.
fn symptom(story: &Story) -> Option<(String, u64)> {
    let of_side = |role: Role| {
        let data = &story.data[role];
        let waiting = data.unacknowledged.filter(Unacknowledged::is_repeated);
        match (data.closed_window, waiting) {
            (Some(closed), _) => {
                let words = format!("zero window of the {} for {}", role.other(), story.last.at - closed.at);
                Some((words, closed.number))
            }
            (None, Some(Unacknowledged { since, last_repeat: Some(last), repeats, .. })) => {
                let words = format!(
                    "{repeats} retransmissions of the {role} in {} without an ACK",
                    last.at - since.at
                );
                Some((words, last.number))
            }
            _ => None,
        }
    };
    let too_big = || {
        let fact = story.path.icmp_errors.iter().find(|fact| fact.says_too_big())?;
        let words = format!(
            "{} reports \"{}\" for the {}'s packets",
            story.names.show(fact.from),
            fact.too_big(),
            fact.quotes
        );
        Some((words, fact.moment.number))
    };
    let rejected = || {
        let (fact, meaning) =
            story.path.icmp_errors.iter().find_map(|fact| Some((fact, icmp_error::meaning(fact)?)))?;
        let words = format!(
            "{} rejected a packet of the {}: ICMP \"{}\"",
            story.names.show(fact.from),
            fact.quotes,
            meaning.words
        );
        Some((words, fact.moment.number))
    };
    of_side(Role::Client).or_else(|| of_side(Role::Server)).or_else(too_big).or_else(rejected)
}

/// The verdict on a late segment of an older connection and the RST that answers it.
fn leftover(story: &Story) -> Verdict {
    let counters = &story.traffic.counters;
    let is_alone = counters.client.segments == 0 || counters.server.segments == 0;
    let (headline, explanation) = if is_alone {
        (
            "left over from an older connection: a RST without the segment that it answers",
            "There is no SYN, and no segment that the RST could answer. A kernel sends such a RST for a late segment of a \
             connection that it no longer has; it is not a fault. The capture does not show that segment.",
        )
    } else if story.opening.syn_ack.count > 0 {
        (
            "left over: one SYN-ACK without a SYN, and the RST in reply",
            "The capture has no SYN before the SYN-ACK, and the kernel that receives it has no such connection, so it replies \
             with a RST. A late copy of a SYN-ACK leads to that, and so may a SYN of another host that used this address.",
        )
    } else {
        (
            "left over from an older connection: one late segment and the RST in reply",
            "There is no SYN. One side sends a late segment, and the other side's kernel, which no longer has the connection, \
             replies with a RST. Ended connections leave such packets; they are not a fault.",
        )
    };
    Verdict::new(&RULE, Actor::Unknown, story.basis, headline)
        .explain(explanation)
        .proved_by([story.first.number, story.last.number])
        .advise(&["Check the connections that begin in this capture."])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::SegmentHeader;
    use crate::story::script::talk::{self, exchange, ssm};
    use crate::story::{ResetReason, Stage};
    use crate::tcp::Role::{Client, Server};

    #[test]
    fn without_a_beginning_nothing_is_decided() {
        let ends: [fn(Story) -> Story; 4] =
            [|story| story, |story| story.fin(Client), |story| story.rst(Server), |story| story.more(60_000)];
        for story in ends.into_iter().map(|end| end(Story::at(Stage::None))) {
            let verdict = story.verdict();
            assert_eq!(verdict.is(), ("midstream", Actor::Unknown, None));
            assert_eq!((verdict.severity, &verdict.evidence[..]), (Severity::Unknown, &[1][..]));
            assert!(!verdict.mentions("reset") && !verdict.mentions("closed"));
        }
    }

    #[test]
    fn a_rst_that_gives_a_reason_is_the_first_thing_to_follow() {
        let story = Story::at(Stage::None).rst(Server).but(|story| {
            let number = story.endings[0].moment.number;
            story.reset_reason =
                Some(ResetReason { number, text: "BIG-IP: [0x2409a71:704] Flow expired".into() });
        });
        let verdict = story.verdict();
        assert_eq!(verdict.is(), ("midstream", Actor::Unknown, None));
        assert!(verdict.headline.ends_with("; the server's RST gives a reason"), "{}", verdict.headline);
        assert!(verdict.explanation.contains("Flow expired"), "{}", verdict.explanation);
        assert_eq!(verdict.evidence, [1, 2]);
        assert_eq!(verdict.advice(&story).next().as_deref(), Some(reset_reason::ADVICE));
    }

    #[test]
    fn text_shows_no_more_than_lengths() {
        let basis =
            |is_text| Story::at(Stage::None).but(|story| story.capture.is_text = is_text).verdict().basis;
        assert_eq!((basis(false), basis(true)), (Basis::Decoded, Basis::Inferred));
    }

    #[test]
    fn a_syn_ack_a_hello_or_the_server_s_hello_is_a_beginning() {
        for known_by in [Opening::SynAck, Opening::ClientHello] {
            let story = Story::at(Stage::None).but(|story| story.opening.known_by = known_by);
            assert_eq!(story.verdict().code, "in-progress");
        }
        let hello = Story::at(Stage::ServerHello).but(|story| story.opening.known_by = Opening::Ports);
        assert_eq!(hello.verdict().code, "in-progress");
        let alert = Story::at(Stage::None).alert(Server, 40);
        assert_eq!(alert.verdict().code, "tls-alert");
    }

    #[test]
    fn what_the_packets_show_anyway_is_in_the_headline() {
        let sent = ssm().segment(Client, "P.", 5_000, &talk::data());
        let alone = sent.clone().wait(300).repeat(Client).wait(600).repeat(Client).wait(1_200).repeat(Client);
        let verdict = alone.verdict(1_000);
        assert_eq!(verdict.code.name(), "midstream");
        assert!(verdict.headline.contains("3 retransmissions of the client in 2."), "{}", verdict.headline);
        let (seq, ack) = (1, sent.next(Client));
        let close = |header: &mut crate::packet::SegmentHeader| header.tcp.window = Some(0);
        let closed = sent.clone().segment_with(Server, ".", seq, ack, &[], close).wait(24_000).ack(Client);
        assert!(
            closed.verdict(0).headline.contains("zero window of the server for 24"),
            "{}",
            closed.verdict(0).headline
        );
        assert!(sent.ack(Server).verdict(0).headline.contains("was already open"));
    }

    #[test]
    fn a_late_segment_and_the_stateless_rst_that_answers_it_are_left_over() {
        let stateless = |header: &mut SegmentHeader| {
            header.ip.id = Some(0);
            header.tcp.window = Some(0);
        };
        for payload in
            [talk::data(), talk::client_hello(), talk::alert(40).to_vec(), b"GET / HTTP/1.1\r\n".to_vec()]
        {
            let late = ssm().segment(Client, "P.", 5_000, &payload);
            let answered = late.clone().segment_with(Server, "R", 1, 0, &[], stateless);
            let verdict = answered.verdict(60_000);
            assert_eq!(verdict.is(), ("midstream", Actor::Unknown, None), "{}", verdict.headline);
            assert!(verdict.headline.contains("left over"), "{}", verdict.headline);
            let again = late.wait(400).repeat(Client).segment_with(Server, "R", 1, 0, &[], stateless);
            assert_eq!(again.code(0), "midstream");
        }
        // A connection that was opened is judged.
        let opened = ssm().open().say(Client, &talk::client_hello());
        assert_eq!(opened.segment_with(Server, "R", 1, 0, &[], stateless).code(0), "reset");
    }

    #[test]
    fn a_rst_alone_answers_nothing_that_the_capture_shows() {
        let stateless = |header: &mut SegmentHeader| {
            header.ip.id = Some(0);
            header.tcp.window = Some(0);
        };
        let verdict = ssm().segment_with(Client, "R", 1, 0, &[], stateless).verdict(0);
        assert_eq!(verdict.is(), ("midstream", Actor::Unknown, None));
        assert!(verdict.headline.contains("without the segment that it answers"), "{}", verdict.headline);
        assert!(!verdict.mentions("One side sends a late segment"), "{}", verdict.explanation);
    }

    #[test]
    fn where_no_flags_are_shown_no_syn_is_missed() {
        let of_text = |shows_flags| {
            let story = Story::at(Stage::None).but(|story| {
                story.capture.is_text = true;
                story.opening.shows_flags = shows_flags;
            });
            story.verdict()
        };
        let verdict = of_text(false);
        assert!(
            verdict.headline.contains("shows no TCP flags") && verdict.mentions("without -q"),
            "{}",
            verdict.headline
        );
        assert!(!verdict.mentions("There is no SYN"), "{}", verdict.explanation);
        assert!(of_text(true).mentions("There is no SYN"));
    }

    #[test]
    fn data_without_a_beginning_is_midstream_whatever_ends_it() {
        let middle = ssm().segment(Server, "P.", 5_000, &talk::data()).ack(Client);
        assert_eq!(middle.code(60_000), "midstream");
        assert_eq!(middle.story(60_000).stage, Stage::None);
        assert_eq!(middle.rst(Server).code(0), "midstream");
        assert_eq!(exchange().code(60_000), "healthy");
    }
}
