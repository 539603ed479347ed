//! The capture ended before anything was decided.

use super::words::evidence;
use super::{Actor, Rule, Settings, Severity, Verdict};
use crate::packet::Viewpoint;
use crate::story::{Ending, Stage, Story};
use crate::time::{Clock, Elapsed};

/// `in-progress`.
pub(super) const RULE: Rule = Rule {
    code: "in-progress",
    severity: Severity::Unknown,
    summary: "the capture ends shortly after the last step, with nothing wrong so far",
    page: include_str!("../../docs/verdicts/in-progress.md"),
    judge,
};

#[expect(clippy::unnecessary_wraps, reason = "every rule has this type")]
fn judge(story: &Story, _: &Settings) -> Option<Verdict> {
    Some(undecided(story))
}

/// The verdict when no rule found anything: the capture ended too early.
pub(super) fn undecided(story: &Story) -> Verdict {
    let after = story.capture.end - story.last.at;
    let reached = match story.stage {
        Stage::None | Stage::Syn => "the SYN",
        Stage::SynAck => "the SYN-ACK",
        Stage::TcpEstablished => "the TCP handshake",
        Stage::ClientHello => "the ClientHello",
        Stage::ServerHello => "the ServerHello",
        Stage::ServerFlightComplete => "the server's flight",
        Stage::ClientFinished => "the client's Finished",
        Stage::TlsEstablished => "the TLS handshake",
        Stage::ApplicationData => "the first data",
    };
    let ends = match story.capture.clock {
        Clock::Absent => "the capture has no times".to_owned(),
        _ if story.capture.viewpoint == Viewpoint::Socket => {
            format!("the check ended {after} after its last step")
        }
        _ if after <= Elapsed::ZERO => "the capture ends with this connection's last packet".to_owned(),
        _ => format!("the capture ends {after} after this connection's last packet"),
    };
    if let Some(ending) = story.decisive().filter(|ending| story.depends_on_missing_side(ending)) {
        return half(story, ending, reached);
    }
    let (headline, explanation) = match story.missing.truncated_after {
        Some(last) if story.capture.dropped_until.is_some_and(|at| at >= last.at) => (
            format!("normal as far as {reached}; the capture dropped packets after that"),
            format!(
                "Nothing is wrong up to {reached}. Packet {} is this connection's last one, {after} before the capture ends, and \
                 meanwhile the capture dropped packets: the rest may have come without being captured.",
                last.number
            ),
        ),
        Some(last) => (
            format!("normal as far as {reached}; the rest is missing from the capture"),
            format!(
                "Nothing is wrong up to {reached}. Packet {} is this connection's last one, {after} before the capture ends. \
                 Data was unacknowledged then, and its sender would have sent it again: packets are missing from the \
                 capture, and it can't tell how this went on.",
                last.number
            ),
        ),
        None => (
            format!("normal as far as {reached}; the {} ends there", name_of(story.capture.viewpoint)),
            format!(
                "Nothing is wrong up to {reached}, and {ends}, too soon to call the missing rest a fault. This does not mean \
                 that the handshake was completed."
            ),
        ),
    };
    Verdict::new(&RULE, Actor::Unknown, story.basis, headline)
        .explain(explanation)
        .proved_by(evidence::handshake_packets(story).chain([story.first.number, story.last.number]))
        .advise(match story.capture.viewpoint {
            Viewpoint::Wire => {
                &["Capture for longer: until the client reports its error, and some seconds more."]
            }
            Viewpoint::Socket => &["Give the check more time."],
        })
}

fn name_of(viewpoint: Viewpoint) -> &'static str {
    match viewpoint {
        Viewpoint::Wire => "capture",
        Viewpoint::Socket => "check",
    }
}

/// The verdict where the ending depends on the side that the capture lacks.
fn half(story: &Story, ending: &Ending, reached: &str) -> Verdict {
    let seen = story.one_sided().unwrap_or(ending.by);
    let unseen = seen.other();
    Verdict::new(
        &RULE,
        Actor::Unknown,
        story.basis,
        format!("normal as far as {reached}; the {unseen}'s packets are missing from the capture"),
    )
    .explain(format!(
        "Nothing is wrong up to {reached}. Only the {seen}'s packets are there, and they acknowledge {} bytes of the \
         {unseen} that the capture never saw: what the {unseen} said, and how this went on, can't be told.",
        story.missing.acked_unseen[unseen]
    ))
    .proved_by(evidence::handshake_packets(story).chain([story.first.number, ending.moment.number]))
    .advise(&["Capture where both directions pass: on the client or the server itself, on all interfaces (`-i any`)."])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::CaptureFacts;
    use crate::story::script::talk::{self, Talk, exchange, ssm};
    use crate::tcp::Role::{Client, Server};

    #[test]
    fn a_capture_that_ends_soon_after_the_last_step_decides_nothing() {
        for (stage, reached) in [
            (Stage::Syn, "the SYN"),
            (Stage::SynAck, "the SYN-ACK"),
            (Stage::ClientHello, "the ClientHello"),
            (Stage::ServerHello, "the ServerHello"),
            (Stage::ServerFlightComplete, "the server's flight"),
            (Stage::ClientFinished, "the client's Finished"),
        ] {
            let story = Story::at(stage).more(1_200);
            let verdict = story.verdict();
            assert_eq!(verdict.is(), ("in-progress", Actor::Unknown, None), "{stage}");
            assert_eq!(verdict.severity, Severity::Unknown);
            assert!(verdict.headline.contains(reached), "{}", verdict.headline);
            assert!(verdict.explanation.contains("1.2 s"), "{}", verdict.explanation);
            assert_eq!(
                (verdict.evidence.first(), verdict.evidence.last()),
                (Some(&1), Some(&story.last.number))
            );
            assert!(!verdict.mentions("dropped") && !verdict.mentions("missing from the capture"));
        }
    }

    #[test]
    fn a_silence_or_an_end_is_another_rule_s() {
        assert_eq!(Story::at(Stage::Syn).silent_for(3_000, Server).verdict().code, "syn-no-reply");
        assert_eq!(Story::at(Stage::SynAck).fin(Client).verdict().code, "closed-early");
        assert_eq!(Story::at(Stage::TlsEstablished).verdict().code, "healthy");
        assert_eq!(Story::at(Stage::None).verdict().code, "midstream");
    }

    #[test]
    fn a_check_is_given_more_time_and_a_capture_without_times_has_none() {
        let check = Story::at(Stage::ClientHello).but(|story| story.capture.viewpoint = Viewpoint::Socket);
        assert!(check.verdict().mentions("Give the check more time."));
        assert!(!check.verdict().mentions("Capture for longer"));
        let timeless = Story::at(Stage::ClientHello).but(|story| story.capture.clock = Clock::Absent);
        assert!(timeless.verdict().mentions("no times"));
    }

    #[test]
    fn what_hangs_on_the_side_that_the_capture_lacks_is_not_judged() {
        let client = |talk: Talk, seq: u32, ack: u32, payload: &[u8]| {
            talk.segment_with(Client, "P.", seq, ack, payload, |_| {})
        };
        let opened = ssm().syn().segment_with(Client, ".", 1, 1, &[], |_| {});
        let hello = client(opened, 1, 1, &talk::client_hello());
        let answered = client(hello.clone(), 206, 1_500, &talk::client_flight());
        for ended in [answered.clone().fin(Client), answered.clone().rst(Client), answered.clone()] {
            let verdict = ended.verdict(4_000);
            assert_eq!(verdict.code, "in-progress", "{}", verdict.headline);
            assert!(verdict.headline.contains("the server's packets are missing"));
        }
        // Of its own words nothing is missing.
        assert_eq!(hello.clone().fin(Client).code(0), "closed-early");
        assert_eq!(hello.wait(300).repeat(Client).code(4_000), "no-server-hello");
        let served = ssm().syn_ack().segment_with(Server, ".", 1, 206, &[], |_| {});
        assert_eq!(served.code(4_000), "in-progress");
        assert_eq!(served.clone().fin(Server).code(0), "closed-early");
        assert_eq!(served.rst(Server).code(0), "reset");
    }

    #[test]
    fn data_that_nobody_acknowledged_or_sent_again_means_that_the_capture_lacks_the_rest() {
        let hello = ssm().open().say(Client, &talk::client_hello());
        let cut = hello.story(60_000);
        assert_eq!((cut.verdict().code, cut.stage), ("in-progress", Stage::ClientHello));
        assert_eq!(cut.missing.truncated_after.map(|moment| moment.number), Some(4));
        assert!(cut.verdict().mentions("packets are missing from the capture"));
        let half = hello.clone().say(Server, &talk::server_flight()[..60]);
        assert_eq!(half.code(60_000), "in-progress");
        // Whoever sends again is there, and so is the capture.
        assert_eq!(hello.clone().wait(300).repeat(Client).code(60_000), "no-server-hello");
        assert_eq!(hello.ack(Server).code(60_000), "no-server-hello");
    }

    #[test]
    fn a_silence_during_which_the_capture_drops_packets_is_no_stall() {
        /// The code 8 s after the last packet, if packets were dropped until `drops_after` milliseconds after it.
        fn code(talk: &Talk, drops_after: i64) -> &'static str {
            let at = |millis| talk.clone().wait(millis).now;
            let (end, dropped_until) = (at(8_000), Some(at(drops_after)));
            let capture = CaptureFacts { end, dropped: Some(7), dropped_until, ..CaptureFacts::default() };
            talk.story_in(capture).verdict().code
        }
        let silent = ssm().open().say(Client, &talk::client_hello()).ack(Server);
        assert_eq!(silent.code(8_000), "no-server-hello");
        assert_eq!(code(&silent, 2_000), "in-progress");
        assert_eq!(code(&silent, -50), "no-server-hello");
        assert_eq!(code(&exchange(), 2_000), "healthy");
    }
}
