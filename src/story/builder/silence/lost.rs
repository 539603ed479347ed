//! Whether what is missing in a silence was lost on the path or by the capture.

use super::Silences;
use super::awaited::{Awaited, data_repeats};
use crate::packet::Viewpoint;
use crate::story::{Moment, Silence, Stage, Story};
use crate::tcp::Role;
use crate::time::Elapsed;

/// A sender repeats what is not acknowledged after 1 s at the latest, or 3 s where the SYN was repeated (RFC 6298, 2.1
/// and 5.7).
const RETRANSMISSION_DUE: Elapsed = Elapsed::from_millis(3_000);

impl Silences {
    /// Whether a silence up to the capture's end is the capture's own: what was sent last is neither acknowledged nor sent
    /// again, although a sender does that within [`RETRANSMISSION_DUE`].
    ///
    /// SYNs are left out: programs that look for open ports send one and no more.
    pub(super) fn is_truncated(
        &self,
        silence: &Silence,
        of: Awaited,
        viewpoint: Viewpoint,
        story: &Story,
    ) -> bool {
        let is_outstanding =
            !(story.data.client.is_all_acknowledged && story.data.server.is_all_acknowledged);
        let is_overdue = match of {
            Awaited::Acknowledgement => story.data[silence.awaited_from.other()]
                .unacknowledged
                .is_some_and(|waiting| waiting.is_repeat_overdue(silence.until)),
            Awaited::RestOfAnswer => story.data.server.unacknowledged.is_some(),
            Awaited::Step | Awaited::LaterAnswer => {
                // What was said in clear before TLS, or the beginning of a ClientHello, and nobody acknowledged.
                let is_said = story.stage == Stage::TcpEstablished
                    && (story.data.client.unacknowledged.is_some()
                        || story.data.server.unacknowledged.is_some());
                (story.stage >= Stage::ClientHello || is_said)
                    && story.one_sided().is_none_or(|seen| {
                        seen == silence.awaited_from.other()
                            && story.missing.acked_unseen[silence.awaited_from] <= 1
                    })
                    && data_repeats(story) == self.repeats_at_progress
            }
        };
        // A socket does not show repeats.
        viewpoint == Viewpoint::Wire
            && is_outstanding
            && is_overdue
            && !is_lost_before_the_capture(story)
            && silence.until - story.last.at >= RETRANSMISSION_DUE
    }
}

/// Whether the capture lacks the acknowledgement of what was sent last before a silence: the sender, which was there to end the
/// connection, never sent it again, and nothing that the receiver sent after it shows that it was not received.
pub(super) fn is_ack_unseen(silence: &Silence, story: &Story) -> bool {
    let sent = &story.data[silence.awaited_from.other()];
    let is_overdue = |last: Moment| {
        let is_repeat = |repeat: &Moment| story.order.is_after(repeat.number, last.number);
        silence.until - last.at >= RETRANSMISSION_DUE && !sent.repeats.moments.iter().any(is_repeat)
    };
    // A segment of the receiver acknowledges it, or does not: no text shows its number.
    let is_hidden = sent.unacknowledged.zip(sent.acked_unknown).is_some_and(|(waiting, unknown)| {
        waiting.repeats == 0 && story.order.is_after(unknown.number, waiting.since.number)
    });
    !silence.is_acknowledged
        && !sent.is_left_out
        && sent.reported_hole.is_none()
        && (is_hidden || sent.last.is_some_and(is_overdue))
}

/// Whether the only side whose packets are captured continues without sending its last data again: the other side has it.
pub(super) fn is_ack_unseen_in_one_direction(silence: &Silence, story: &Story) -> bool {
    let shown = Silence { until: story.last.at, ..*silence };
    story.one_sided() == Some(silence.awaited_from.other()) && is_ack_unseen(&shown, story)
}

/// Whether later bytes show that earlier ones were lost before they could be captured: the receiver lacks them as well, and
/// says so by SACK or by not acknowledging beyond them. What is sent again is lost at the same place, unless segments of full size get
/// through there.
///
/// It says so at once (RFC 5681, 4.2): where nothing of the receiver follows, the capture lacks that as well. A capture that lacks a
/// connection's beginning may lack its end too.
fn is_lost_before_the_capture(story: &Story) -> bool {
    let is_lost = |role: Role| {
        let (data, receiver) = (&story.data[role], role.other());
        let last_of_receiver = story.parties[receiver].last_path.map(|path| path.number);
        let is_confirmed = story.traffic.counters[receiver].duplicate_acks > 0
            || last_of_receiver.is_none()
            || last_of_receiver > data.last.map(|last| last.number);
        let is_reported = data.reported_hole.is_some() || data.unfilled_hole.is_some() && is_confirmed;
        is_reported && !gets_full_segments_through(role, story)
    };
    story.stage > Stage::None && (is_lost(Role::Client) || is_lost(Role::Server))
}

/// Whether segments of a side that are as large as any came after what is lost: a path that drops large ones is not the reason.
fn gets_full_segments_through(role: Role, story: &Story) -> bool {
    /// The MSS of Ethernet without options, in bytes.
    const USUAL: u32 = 1_460;
    /// TCP's largest options, which the offered size does not count (RFC 6691, 2).
    const OPTIONS: u32 = 40;
    let offered = story.parties[role.other()].maximum_segment_size.map_or(USUAL, u32::from);
    story.data[role].largest_after_hole + OPTIONS >= offered
}

#[cfg(test)]
mod tests {
    use crate::story::script::talk::{self, Talk, handshake, ssm};
    use crate::tcp::Role::{Client, Server};
    use crate::verdict::Actor;

    #[test]
    fn an_acknowledgement_without_its_number_is_no_missing_one() {
        let asked = handshake().say(Client, &talk::data()).ack(Server);
        let left = |is_cut: bool| {
            let mut talk = asked.clone().wait(4_500).say(Client, &talk::close_notify()).fin(Client);
            let place = talk.packets.len() - 3;
            talk.packets[place].header.tcp.ack = talk.packets[place].header.tcp.ack.filter(|_| !is_cut);
            talk.story(0).verdict()
        };
        assert_eq!(left(false).is(), ("no-response", Actor::Server, None));
        assert_eq!(left(true).is(), ("no-response", Actor::Server, None), "{:?}", left(true));
        // What is sent again was not acknowledged.
        let mut lost = asked.wait(300).repeat(Client).wait(600).repeat(Client).wait(4_500).fin(Client);
        let place = lost.packets.len() - 4;
        lost.packets[place].header.tcp.ack = None;
        assert_eq!(lost.story(0).verdict().actor, Actor::Path);
    }

    #[test]
    fn a_hole_that_the_receiver_has_too_is_no_gap_of_the_capture() {
        let hello = ssm().open().say(Client, &talk::client_hello()).ack(Server);
        let tail =
            hello.segment(Server, "P.", 2_900, &[9; 200]).segment_with(Client, ".", 206, 1, &[], |_| {});
        let story = tail.story(20_000);
        assert_eq!(story.missing.truncated_after, None);
        assert_eq!(story.silence().map(|silence| silence.awaited_from), Some(Server));
    }

    #[test]
    fn a_hole_after_which_nothing_of_the_receiver_follows_is_the_capture_s() {
        let hello = ssm().open().say(Client, &talk::client_hello()).ack(Server);
        let story = hello.segment(Server, "P.", 2_900, &[9; 200]).story(20_000);
        assert!(story.missing.truncated_after.is_some() && story.silence().is_none());
    }

    #[test]
    fn who_acknowledges_less_than_was_sent_did_not_get_it() {
        let asked = handshake().say(Client, &talk::data());
        let (seq, old) = (asked.next(Server), asked.next(Client) - 1);
        let is_unseen = |talk: Talk| talk.story(0).silence().map(|silence| silence.is_ack_unseen);
        let update = |talk: Talk| {
            talk.segment_with(Server, ".", seq, old, &[], |header| header.tcp.window = Some(9_000))
        };
        let left = |talk: Talk| talk.wait(9_000).fin(Client);
        assert_eq!(is_unseen(left(asked.clone())), Some(true));
        assert_eq!(is_unseen(left(update(asked.clone()))), Some(false));
        assert_eq!(is_unseen(update(asked.clone().wait(9_000)).fin(Client)), Some(false));
        // The server's own end shows what it got.
        let closed = asked.clone().wait(9_000).segment_with(Server, "F.", seq, old, &[], |_| {});
        assert_eq!(is_unseen(closed), Some(false));
        assert_eq!(is_unseen(asked.wait(9_000).fin(Server)), Some(true));
    }
}
