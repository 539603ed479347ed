//! The TCP handshake's steps.

use super::notes::Notes;
use crate::packet::Segment;
use crate::story::{Ending, EndingKind, Moment, Note, Opening, Stage, Story};
use crate::tcp::{HandshakeStep, Observation, Role};
use crate::tls::Basis;

/// Adds the step of the TCP handshake that a segment is.
pub(super) fn on_segment(
    moment: Moment,
    segment: &Segment<'_>,
    observation: &Observation,
    story: &mut Story,
    notes: &mut Notes,
) {
    if observation.offer.is_some_and(|offer| offer.joins) {
        story.opening.is_subflow = true;
        story.expects_tls = false;
    }
    match observation.step {
        Some(HandshakeStep::Syn) => {
            story.opening.add_syn(moment);
            if story.opening.known_by == Opening::Ports {
                story.opening.known_by = Opening::Syn;
            }
            story.reach(Stage::Syn, Basis::Decoded);
            let asks_fast_open = observation.offer.is_some_and(|offer| offer.fast_open);
            if asks_fast_open || segment.header.payload_len.is_some_and(|len| len > 0) {
                notes.push(Note::FastOpen);
            }
        }
        Some(HandshakeStep::SynAck) => {
            story.opening.add_syn_ack(moment);
            story.reach(Stage::SynAck, Basis::Decoded);
            story.path.round_trips.record_opening(moment, &story.opening);
            if observation.newly_acked > 1 {
                count_fast_open(story);
            }
        }
        Some(HandshakeStep::Ack) => establish(moment, story),
        None => {}
    }
    // A RST whose numbers are beyond the handshake's ends a connection that was open.
    if story.stage == Stage::SynAck
        && (story.missing.lacks(Role::Client) || story.missing.lacks(Role::Server))
    {
        establish(moment, story);
    }
    if observation.role == Role::Server && story.stage == Stage::SynAck && observation.step.is_none() {
        if observation.flags.syn() {
            notes.push(Note::SimultaneousOpen);
        } else if observation.new_bytes > 0 || observation.newly_acked > 0 {
            // In a capture of one direction only, a server that continues proves the client's acknowledgement.
            withdraw_silence(story);
            establish(moment, story);
        }
    }
}

fn establish(moment: Moment, story: &mut Story) {
    withdraw_refusal(story);
    story.opening.established.get_or_insert(moment);
    story.reach(Stage::TcpEstablished, Basis::Decoded);
    count_fast_open(story);
}

/// The SYN-ACK was acknowledged at a time that the capture does not show, and what followed came on the open connection.
fn withdraw_silence(story: &mut Story) {
    if story.opening.syn_ack.count > 1 {
        return;
    }
    let is_early = |ending: &Ending| ending.stage == Stage::SynAck;
    story.endings.retain(|ending| !(is_early(ending) && matches!(ending.what, EndingKind::Silence(_))));
    for ending in story.endings.iter_mut().filter(|ending| is_early(ending)) {
        ending.stage = Stage::TcpEstablished;
    }
}

/// A ClientHello that a SYN carried counts once the server took it, or the client sends it again on the open connection
/// (RFC 7413, 3.1 and 4.2.2).
fn count_fast_open(story: &mut Story) {
    if let Some(hello) = &story.tls.client_hello {
        story.reach(Stage::ClientHello, hello.basis);
    }
}

/// A client that completes the handshake did not take an earlier RST for an answer: it sent its SYN again, or the RST did
/// not reach it.
fn withdraw_refusal(story: &mut Story) {
    let opening = &mut story.opening;
    story.endings.retain(|ending| {
        let is_refusal = ending.by == Role::Server
            && ending.stage == Stage::Syn
            && matches!(ending.what, EndingKind::Reset(_));
        if is_refusal {
            opening.refused_before.get_or_insert(ending.moment);
        }
        !is_refusal
    });
}
