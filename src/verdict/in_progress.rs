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

/// What to say when no rule found anything: the capture ended too early.
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
    if let Some(ending) = story.decisive().filter(|ending| story.lacks_other_half_of(ending)) {
        return half(story, ending, reached);
    }
    let (headline, explanation) = match story.missing.lost_sight {
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

/// What to say where the ending hangs on packets of the side that the capture lacks.
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
