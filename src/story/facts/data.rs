//! What one side sent: its payload, of whichever protocol.

use super::{Moment, Observed, Repeats};
use crate::packet::{Flags, Segment, SegmentHeader, Seq, TcpOptions};
use crate::tcp::{Endpoint, HandshakeStep, Observation, SegmentKind};
use crate::time::{Elapsed, Timestamp};
use crate::tls::{Basis, Plain};

/// One side's payload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DataFacts {
    /// The first of it.
    pub first: Option<Moment>,
    /// Whether the snapshot length left so little of its first segment that it may be TLS as well as a request for a tunnel or for TLS.
    pub is_beginning_hidden: bool,
    /// The last of it that was new.
    pub last: Option<Moment>,
    /// Bytes of it that were new.
    pub bytes: u64,
    /// Where the last of it ends that was new.
    end: Option<Seq>,
    /// The last segment whose length no text shows, though it has a PSH or a tool names its content: the side sent something.
    pub sent_unknown: Option<Moment>,
    /// Retransmissions of it.
    pub repeats: Repeats,
    /// Segments of it that came after later ones, and filled a hole of the capture.
    pub late: Repeats,
    /// Whether everything that this side sent was acknowledged.
    pub is_all_acknowledged: bool,
    /// Sequence numbers that this side sent and that were not acknowledged; a FIN takes one.
    pub outstanding: u32,
    /// What of it waits to be acknowledged.
    pub unacknowledged: Option<Unacknowledged>,
    /// Retransmissions of its FIN, until everything is acknowledged.
    pub fin_repeats: Repeats,
    /// What this side shows to have sent after all that the capture holds of it and the other side acknowledged.
    pub sent_unseen: Option<SentUnseen>,
    /// Whether a segment of the other side that was captured after the last of it acknowledges less.
    pub is_left_out: bool,
    /// The last segment of the other side that acknowledges something of it which no text shows: its line was cut, or is a row of the
    /// protocol above.
    pub acked_unknown: Option<Moment>,
    /// The packet in which the other side closed its receive window, as long as the window is closed.
    pub closed_window: Option<Moment>,
    /// A hole in the stream that nobody filled: the offsets of its first byte and of the first byte after it.
    pub unfilled_hole: Option<(u32, u32)>,
    /// The largest segment of this side that came after its latest hole, in bytes.
    pub largest_after_hole: u32,
    /// A hole in the stream that the other side reports, by SACK or by duplicate ACKs, and that was not filled since: the offsets of
    /// its first byte and of the first byte after it, and the first packet that reports it. Duplicate ACKs don't name it, so it is
    /// inferred from them.
    pub reported_hole: Option<Observed<(u32, u32)>>,
    /// The same of one that a segment filled as far as the capture shows, until bytes after it are acknowledged.
    pub filled_hole: Option<Observed<(u32, u32)>>,
    /// The last segment that filled a hole of the capture: its first byte, the first byte after it, and when it came.
    filler: Option<(Seq, Seq, Timestamp)>,
}

/// What the sequence number of a bare acknowledgement shows that its sender had sent by then.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SentUnseen {
    /// How many bytes.
    pub bytes: u32,
    /// The acknowledgement.
    pub shown_by: Moment,
}

/// Payload that its receiver did not acknowledge.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unacknowledged {
    /// The packet since which it waits: its first one, or the latest acknowledgement, which left it out.
    pub since: Moment,
    /// Its latest retransmission.
    pub last_repeat: Option<Moment>,
    /// How often it was sent again since then.
    pub repeats: u64,
    /// Bytes of it that came since then, as far as retransmissions don't show that they were acknowledged.
    pub bytes: u32,
    /// The sequence number that the earliest of the data sent again has, and how often that was.
    repeated: Option<(Seq, u64)>,
}

/// Retransmissions that show that an acknowledgement is overdue. A single one may be a probe, or have crossed the
/// acknowledgement.
const TELLING_REPEATS: u64 = 2;

/// A retransmission follows the one before it within this time, whatever came before it (RFC 6298, 2.1 and 5.7).
const SHORTEST_DUE: Elapsed = Elapsed::from_millis(3_000);

/// An acknowledgement that is captured so soon after a segment was sent before that arrived.
const CROSSING: Elapsed = Elapsed::from_millis(1);

impl Unacknowledged {
    fn since(since: Moment) -> Self {
        Self { since, last_repeat: None, repeats: 0, bytes: 0, repeated: None }
    }

    /// A retransmission from this sequence number on, and up to where new data was sent. A sender whose timer expires repeats the first
    /// data that is unacknowledged (RFC 6298, 5.4), so what precedes it was acknowledged. One repeat may be a probe of the end (RFC 8985,
    /// 7.3).
    fn repeat(&mut self, moment: Moment, seq: Option<Seq>, end: Option<Seq>) {
        self.repeats += 1;
        self.last_repeat = Some(moment);
        let Some((seq, end)) = seq.zip(end) else { return };
        let count = match self.repeated {
            Some((earliest, _)) if earliest.is_before(seq) => return,
            Some((earliest, count)) if earliest == seq => count + 1,
            _ => 1,
        };
        self.repeated = Some((seq, count));
        if self.is_bounded() {
            self.bytes = self.bytes.min(end - seq);
        }
    }

    /// Whether retransmissions show how much of it there is at most.
    fn is_bounded(&self) -> bool {
        self.repeated.is_some_and(|(_, count)| count >= TELLING_REPEATS)
    }

    /// Whether its sender shows by retransmissions that it waits for the acknowledgement.
    pub fn is_repeated(&self) -> bool {
        self.repeats >= TELLING_REPEATS
    }

    /// Whether its sender shows for the time in which an unacknowledged segment is repeated at the latest that it has no acknowledgement.
    pub fn is_repeated_for_long(&self) -> bool {
        self.is_repeated() && self.last_repeat.is_some_and(|last| last.at - self.since.at >= SHORTEST_DUE)
    }

    /// Whether its sender should have sent it again by `at`: the time between retransmissions doubles at most (RFC 6298, 5.5).
    pub fn is_repeat_overdue(&self, at: Timestamp) -> bool {
        let last = self.last_repeat.unwrap_or(self.since).at;
        at - last > (last - self.since.at).times(3).max(SHORTEST_DUE)
    }
}

impl DataFacts {
    /// Sequence numbers that this side sent and that nothing shows to have been acknowledged, a FIN's one perhaps among them.
    pub(in crate::story) fn owed(&self) -> u32 {
        match self.unacknowledged {
            Some(waiting) if waiting.is_bounded() => waiting.bytes.saturating_add(1),
            // With one direction only, no acknowledgement is known.
            waiting => self.outstanding.max(waiting.map_or(0, |waiting| waiting.bytes)),
        }
    }

    /// Records the payload of a segment of this side.
    pub(in crate::story) fn record(
        &mut self,
        moment: Moment,
        segment: &Segment<'_>,
        observation: &Observation,
    ) {
        let is_again = matches!(observation.kind, SegmentKind::Retransmission { .. });
        if is_again && observation.flags.fin() && !self.is_all_acknowledged {
            self.fin_repeats.add(moment);
        }
        let has_content = observation.flags.has(Flags::PSH) || !segment.decoded.is_empty();
        if segment.header.payload_len.is_none() && has_content {
            self.sent_unknown = Some(moment);
        }
        if observation.new_bytes > 0 {
            if self.first.is_none() {
                let is_cut =
                    segment.header.payload_len.is_some_and(|len| len as usize > segment.payload.len());
                self.is_beginning_hidden = is_cut && Plain::may_be_hidden(segment.payload);
            }
            self.first.get_or_insert(moment);
            self.last = Some(moment);
            self.is_left_out = false;
            let len = segment.header.payload_len.unwrap_or(0);
            let end = segment.header.tcp.seq.map(|seq| seq + len);
            if observation.kind == SegmentKind::OutOfOrder {
                self.late.add(moment);
                self.filler = segment.header.tcp.seq.zip(end).map(|(from, to)| (from, to, moment.at));
            }
            if end.is_some_and(|end| self.end.is_none_or(|known| end.is_after(known))) {
                self.end = end;
            }
            self.record_after_hole(len, observation);
            self.bytes += u64::from(observation.new_bytes);
            if !self.is_all_acknowledged {
                let waiting = self.unacknowledged.get_or_insert(Unacknowledged::since(moment));
                waiting.bytes = waiting.bytes.saturating_add(observation.new_bytes);
            }
        } else if is_again && segment.header.payload_len != Some(0) {
            self.repeats.add(moment);
            if let Some(waiting) = &mut self.unacknowledged {
                waiting.repeat(moment, segment.header.tcp.seq, self.end);
            }
        }
    }

    /// Records how large a segment got through after a hole.
    fn record_after_hole(&mut self, len: u32, observation: &Observation) {
        if observation.gap > 0 {
            self.largest_after_hole = len;
        } else if observation.kind == SegmentKind::Ordinary && self.largest_after_hole > 0 {
            self.largest_after_hole = self.largest_after_hole.max(len);
        }
    }

    /// Records what the number of a bare acknowledgement shows that this side sent. Bytes that come later may be those, and so may
    /// a FIN, which takes one number.
    pub(in crate::story) fn record_sent_unseen(&mut self, moment: Moment, observation: &Observation) {
        let is_fin = observation.is_first_fin && observation.ahead == 0;
        if observation.new_bytes > 0 || is_fin && self.sent_unseen.is_some_and(|sent| sent.bytes == 1) {
            self.sent_unseen = None;
        } else if observation.ahead_of_bare_ack > 0 {
            // The first that shows them says since when.
            let bytes = observation.ahead_of_bare_ack;
            let known = self.sent_unseen.filter(|sent| sent.bytes == bytes);
            self.sent_unseen = Some(known.unwrap_or(SentUnseen { bytes, shown_by: moment }));
        }
    }

    /// Records what a segment of the other side acknowledges of this one, `end`, and whether it closes its window, as the SYN-ACK of a device
    /// does that still connects to the server itself.
    pub(in crate::story) fn record_acknowledgement(
        &mut self,
        moment: Moment,
        end: &Endpoint,
        header: &SegmentHeader,
        observation: &Observation,
    ) {
        if observation.acked_unseen > 0 {
            self.sent_unseen = None;
        }
        if observation.newly_acked > 0 && self.unacknowledged.is_some() {
            self.unacknowledged = (!self.is_all_acknowledged).then(|| Unacknowledged::since(moment));
        }
        if self.is_all_acknowledged && self.fin_repeats.count > 0 {
            self.fin_repeats = Repeats::default();
        }
        // All but a connection's first segment and a RST acknowledge (RFC 9293, 3.10.7.4).
        if header.tcp.ack.is_none() && header.tcp.flags.is_none_or(Flags::ack) && observation.reset.is_none()
        {
            self.acked_unknown = Some(moment);
        }
        // A RST may acknowledge all of it, and completes nothing by that.
        let is_less =
            |ack: Seq| observation.reset.is_none() || end.next.is_none_or(|next| ack.is_before(next));
        self.is_left_out |= header.tcp.ack.is_some_and(is_less) && self.last.is_some();
        self.is_left_out &= !self.is_all_acknowledged;
        // The window of a RST means nothing.
        if observation.reset.is_some() {
            return;
        }
        let is_closed_syn_ack =
            observation.step == Some(HandshakeStep::SynAck) && header.tcp.window == Some(0);
        if !observation.is_zero_window && !is_closed_syn_ack {
            self.closed_window = None;
        } else if self.closed_window.is_none() {
            self.closed_window = Some(moment);
        }
    }

    /// A segment of this side, `end`, brings the first byte of the reported hole, and the capture lacked that byte too: the hole counts
    /// only if it is reported again, as the segment was lost after it was captured. A byte that the capture holds twice was lost there
    /// before.
    pub(in crate::story) fn forget_filled_hole(
        &mut self,
        end: &Endpoint,
        header: &SegmentHeader,
        observation: &Observation,
    ) {
        let Some(Observed { what: (from, _), .. }) = self.reported_hole else { return };
        let (Some(seq), Some(len), SegmentKind::OutOfOrder) =
            (header.tcp.seq, header.payload_len, observation.kind)
        else {
            return;
        };
        let begin = end.relative(seq).unwrap_or(seq.0);
        if from.wrapping_sub(begin) < len {
            self.filled_hole = self.reported_hole.take();
        }
    }

    /// Records what the other side reports not to have got of this one, `end`, although later bytes came: by SACK (RFC 2018, 4), or
    /// by a duplicate ACK at a hole that the capture has as well (RFC 5681, 4.2).
    pub(in crate::story) fn record_reported_hole(
        &mut self,
        moment: Moment,
        end: &Endpoint,
        header: &SegmentHeader,
        observation: &Observation,
    ) {
        let (Some(ack), Some(options)) = (header.tcp.ack, &header.tcp.options) else { return };
        // An older acknowledgement that comes late reports nothing about now.
        if end.acked.is_some_and(|acked| ack.is_before(acked)) {
            return;
        }
        // A SYN has nothing to report.
        if observation.offer.is_some() {
            self.reported_hole = None;
            return;
        }
        // Where its SYN was not captured, bytes are counted as on the wire.
        let offset = |seq: Seq| end.relative(seq).unwrap_or(seq.0);
        let is_known = |hole: &&Observed<(u32, u32)>| hole.what.0 == offset(ack);
        let known = self.reported_hole.as_ref().or(self.filled_hole.as_ref()).filter(is_known);
        let is_duplicate = observation.kind == SegmentKind::DuplicateAck || known.is_some();
        let at_hole = || end.hole().filter(|(from, _)| is_duplicate && *from == ack).map(|(_, to)| to);
        let until = if options.are_usual() { None } else { nearest_block(options, ack) };
        let reported = until.map(|to| (to, Basis::Decoded)).or_else(|| Some((at_hole()?, Basis::Inferred)));
        let reported = reported.map(|(to, basis)| Observed {
            what: (offset(ack), offset(to)),
            moment: known.map_or(moment, |known| known.moment),
            basis,
        });
        let has_crossed = self.filler.is_some_and(|(from, to, at)| {
            moment.at - at < CROSSING && !ack.is_before(from) && ack.is_before(to)
        });
        if has_crossed {
            (self.reported_hole, self.filled_hole) = (None, reported);
            return;
        }
        self.reported_hole = reported;
        let is_reported = self.reported_hole.is_some();
        self.filled_hole = self.filled_hole.take().filter(|hole| !is_reported && hole.what.0 == offset(ack));
    }
}

/// Where the first block begins that a receiver reports beyond `ack`. Blocks below it report duplicates (RFC 2883).
fn nearest_block(options: &TcpOptions, ack: Seq) -> Option<Seq> {
    let blocks = options.sack_blocks().filter(|(left, _)| left.is_after(ack));
    blocks.map(|(left, _)| left).min_by_key(|left| *left - ack)
}

impl Default for DataFacts {
    /// Nothing was sent, and so nothing waits to be acknowledged.
    fn default() -> Self {
        Self {
            first: None,
            is_beginning_hidden: false,
            last: None,
            bytes: 0,
            end: None,
            sent_unknown: None,
            acked_unknown: None,
            repeats: Repeats::default(),
            late: Repeats::default(),
            is_all_acknowledged: true,
            outstanding: 0,
            unacknowledged: None,
            fin_repeats: Repeats::default(),
            sent_unseen: None,
            is_left_out: false,
            closed_window: None,
            unfilled_hole: None,
            largest_after_hole: 0,
            reported_hole: None,
            filled_hole: None,
            filler: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::packet::{SegmentHeader, TcpOptions};
    use crate::story::Story;
    use crate::story::script::talk::{self, Talk, exchange};
    use crate::tcp::Role::{Client, Server};
    use crate::time::Elapsed;
    use crate::verdict::Actor;

    /// An answer whose first part, of 100 bytes, was lost: the client acknowledges up to it, twice.
    fn with_a_hole() -> (Talk, u32, u32) {
        let begun = exchange().ack(Client);
        let (from, ack) = (begun.next(Server), begun.next(Client));
        let after = begun.segment(Server, "P.", from + 100, &talk::encrypted(150));
        (again(again(after, ack, from), ack, from), from, ack)
    }

    fn again(talk: Talk, seq: u32, ack: u32) -> Talk {
        talk.segment_with(Client, ".", seq, ack, &[], |_: &mut SegmentHeader| {})
    }

    #[test]
    fn a_hole_that_is_reported_after_it_was_filled_is_as_old_as_its_first_report() {
        let (talk, from, ack) = with_a_hole();
        let filled = talk.clone().segment(Server, "P.", from, &[7; 100]);
        let first = talk.story(0).data.server.reported_hole.map(|hole| hole.moment.number);
        assert!(first.is_some());
        assert_eq!(filled.story(0).data.server.reported_hole, None);
        let lost = again(again(filled.clone().wait(9_000), ack, from), ack, from).story(0);
        let reported = lost.data.server.reported_hole.as_ref().map(|hole| hole.moment.number);
        // Without SACK, a hole that the capture does not have is no more than supposed.
        assert!(reported.is_none() || reported == first);
        assert!(again(filled, ack, from + 255).story(0).data.server.filled_hole.is_none());
    }

    #[test]
    fn what_fills_a_hole_and_is_lost_after_the_capture_is_missed_since_the_first_report() {
        let begun = exchange().ack(Client);
        let (from, ack) = (begun.next(Server), begun.next(Client));
        let after = talk::encrypted(150);
        let mut block = vec![1, 1, 5, 10];
        block.extend((900_000 + from + 100).to_be_bytes());
        block.extend((900_000 + from + 100 + after.len() as u32).to_be_bytes());
        let report = |talk: Talk, flags: &str| {
            let options = TcpOptions::from_wire(&block);
            talk.segment_with(Client, flags, ack, from, &[], |header| header.tcp.options = Some(options))
        };
        let reported = report(begun.segment(Server, "P.", from + 100, &after), ".");
        let filled = reported.clone().segment(Server, ".", from, &[7; 100]);
        let story = report(filled.clone().wait(9_000), "F.").story(0);
        let since = |story: &Story| story.data.server.reported_hole.as_ref().map(|hole| hole.moment.number);
        assert_eq!(since(&story), since(&reported.story(0)));
        assert_eq!((story.verdict().code.name(), story.verdict().actor), ("no-response", Actor::Path));
        assert_eq!(since(&filled.story(0)), None);
        // An acknowledgement may cross what fills the hole.
        let after = |micros: i64| {
            let mut crossed = report(filled.clone(), ".");
            let filler = crossed.packets[crossed.packets.len() - 2].id.moment.at;
            crossed.packets.last_mut().expect("the report").id.moment.at =
                filler + Elapsed::from_nanos(micros * 1_000);
            since(&crossed.story(0))
        };
        assert_eq!((after(66), after(5_000)), (None, since(&reported.story(0))));
    }

    #[test]
    fn a_segment_after_the_data_that_acknowledges_less_leaves_it_out() {
        let asked = exchange().ack(Client).say(Client, &talk::data());
        let (seq, end) = (asked.next(Server), asked.next(Client));
        let answered = |ack| {
            asked.clone().segment_with(Server, ".", seq, ack, &[], |_| {}).story(0).data.client.is_left_out
        };
        assert!(answered(end - 1) && !answered(end));
    }

    #[test]
    fn an_older_acknowledgement_that_comes_late_reports_no_hole() {
        let begun = exchange().ack(Client);
        let (from, ack) = (begun.next(Server), begun.next(Client));
        let sent = begun.segment(Server, "P.", from, &[7; 100]).segment(Server, "P.", from + 100, &[7; 100]);
        let done = sent.ack(Client);
        let mut block = vec![1, 1, 5, 10];
        block.extend((900_000 + from + 100).to_be_bytes());
        block.extend((900_000 + from + 200).to_be_bytes());
        let late = done.segment_with(Client, ".", ack, from, &[], |header| {
            header.tcp.options = Some(TcpOptions::from_wire(&block));
        });
        assert_eq!(late.story(0).data.server.reported_hole, None);
    }
}
