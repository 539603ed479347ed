//! What the packets that a timeline folds did to the streams: a course in few samples, for a picture of a long transfer.

use crate::limits;
use crate::packet::{SegmentHeader, Seq, TcpOptions};
use crate::tcp::{PerRole, Role};
use crate::time::{Elapsed, Timestamp};

/// Consecutive packets of one side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sample {
    /// When the first of them was captured.
    pub first: Timestamp,
    /// When the last of them was captured.
    pub until: Timestamp,
    /// How many they are.
    pub packets: u32,
    /// What they sent for the first time: the first byte, and the first byte after it.
    pub sent: Option<(Seq, Seq)>,
    /// What the last of them sent again.
    pub again: Option<(Seq, Seq)>,
    /// How many of them were retransmissions.
    pub repeats: u32,
    /// What the last of them acknowledges of the other side.
    pub acked: Option<Seq>,
    /// The window that it announces, not scaled.
    pub window: Option<u16>,
    /// The first block that the last of them with SACK reports (RFC 2018, 4: the most recent one).
    pub sacked: Option<(Seq, Seq)>,
}

impl Sample {
    /// Creates the sample of one packet, which may be a retransmission.
    pub fn of(at: Timestamp, header: &SegmentHeader, is_repeat: bool) -> Self {
        let len = header.payload_len.unwrap_or(0);
        let bytes = header.tcp.seq.filter(|_| len > 0).map(|seq| (seq, seq + len));
        let flags = header.tcp.flags.unwrap_or_default();
        let says = flags.ack() && !flags.rst();
        let blocks = header.tcp.options.as_ref().filter(|options| !options.are_usual());
        Self {
            first: at,
            until: at,
            packets: 1,
            sent: bytes.filter(|_| !is_repeat),
            again: bytes.filter(|_| is_repeat),
            repeats: u32::from(is_repeat),
            acked: header.tcp.ack.filter(|_| says),
            window: header.tcp.window.filter(|_| says),
            sacked: blocks.map(TcpOptions::sack_blocks).and_then(|mut blocks| blocks.next()),
        }
    }

    /// Takes the sample that follows in.
    fn join(&mut self, next: &Self) {
        self.until = next.until;
        self.packets = self.packets.saturating_add(next.packets);
        self.sent = match (self.sent, next.sent) {
            (Some((from, to)), Some((next_from, next_to))) => {
                let begin = if next_from.is_before(from) { next_from } else { from };
                Some((begin, to.later(next_to)))
            }
            (own, other) => own.or(other),
        };
        self.again = next.again.or(self.again);
        self.repeats = self.repeats.saturating_add(next.repeats);
        self.acked = next.acked.or(self.acked);
        self.window = next.window.or(self.window);
        self.sacked = next.sacked.or(self.sacked);
    }
}

/// The samples of both sides; none unless they are asked for.
#[derive(Clone, Debug, Default)]
pub struct Samples {
    are_kept: bool,
    sides: PerRole<Vec<Sample>>,
}

impl Samples {
    /// From now on they are kept.
    pub(super) fn keep(&mut self) {
        self.are_kept = true;
    }

    /// Adds what the next packet of a side did. The oldest samples share one where there are too many, so that the latest stay exact.
    pub(super) fn add(&mut self, role: Role, sample: impl FnOnce() -> Sample) {
        if !self.are_kept {
            return;
        }
        let samples = &mut self.sides[role];
        if samples.len() >= limits::SAMPLES {
            thin(samples);
        }
        samples.push(sample());
    }

    /// Those of one side, in the order of time.
    pub fn of(&self, role: Role) -> &[Sample] {
        &self.sides[role]
    }

    /// Bytes of memory that they take.
    pub(super) fn held_bytes(&self) -> usize {
        (self.sides.client.len() + self.sides.server.len()) * size_of::<Sample>()
    }

    pub(super) fn swap_roles(&mut self) {
        self.sides.swap();
    }
}

/// Joins neighbours in the older half, up to as many packets as leave it some tens of samples. Pauses between them remain as long as
/// there is room.
fn thin(samples: &mut Vec<Sample>) {
    /// A pause that a person would notice.
    const PAUSE: Elapsed = Elapsed::from_millis(500);
    let before = samples.len();
    join_neighbours(samples, |one, next| next.first - one.until < PAUSE);
    if samples.len() > before - before / 8 {
        join_neighbours(samples, |_, _| true);
    }
}

/// Joins neighbours in the older half that `may_join`.
fn join_neighbours(samples: &mut Vec<Sample>, may_join: impl Fn(&Sample, &Sample) -> bool) {
    /// Two neighbours together have more packets than one may have, so that twice as many are left at most.
    const OLDER: u64 = limits::SAMPLES as u64 / 8;
    let older = samples.len() / 2;
    let packets: u64 = samples[..older].iter().map(|sample| u64::from(sample.packets)).sum();
    let most = packets.div_ceil(OLDER);
    let mut last = 0;
    for index in 1..older {
        let next = samples[index];
        let together = u64::from(samples[last].packets) + u64::from(next.packets);
        if together <= most && may_join(&samples[last], &next) {
            samples[last].join(&next);
        } else {
            last += 1;
            samples[last] = next;
        }
    }
    samples.drain((last + 1).min(older)..older);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(from: u32, second: i64) -> Sample {
        Sample {
            first: Timestamp::from_parts(second, 0),
            until: Timestamp::from_parts(second, 0),
            packets: 1,
            sent: Some((Seq(from), Seq(from) + 1_000)),
            again: None,
            repeats: 0,
            acked: None,
            window: None,
            sacked: None,
        }
    }

    fn download(packets: u32) -> Samples {
        let mut samples = Samples::default();
        samples.keep();
        for index in 0..packets {
            samples.add(Role::Server, || sent(index.wrapping_mul(1_000), i64::from(index)));
        }
        samples
    }

    #[test]
    fn a_long_transfer_has_few_samples_that_cover_all_of_it_and_the_latest_are_exact() {
        let samples = download(100_000);
        let kept = samples.of(Role::Server);
        assert!(kept.len() <= limits::SAMPLES);
        assert_eq!(kept.iter().map(|sample| u64::from(sample.packets)).sum::<u64>(), 100_000);
        let ends = |sample: &Sample| sample.sent.map(|(from, to)| (from.0, to.0));
        assert!(kept.windows(2).all(|two| ends(&two[0]).map(|end| end.1) == ends(&two[1]).map(|end| end.0)));
        assert_eq!(kept.first().and_then(ends).map(|end| end.0), Some(0));
        assert_eq!(kept.last().and_then(ends).map(|end| end.1), Some(100_000_000));
        assert!(kept[kept.len() - limits::SAMPLES / 2 + 1..].iter().all(|sample| sample.packets == 1));
        assert!(kept.iter().all(|sample| sample.packets < 10_000), "no sample has most of the transfer");
    }

    #[test]
    fn a_pause_within_the_transfer_is_not_lost_in_a_sample() {
        let mut samples = Samples::default();
        samples.keep();
        for index in 0..5_000_u32 {
            let pause = if index < 2_000 { 0 } else { 8_000 };
            let at = Timestamp::from_nanos((i64::from(index) + pause) * 1_000_000);
            samples.add(Role::Server, || Sample { first: at, until: at, ..sent(index * 1_000, 0) });
        }
        let kept = samples.of(Role::Server);
        assert!(kept.iter().all(|sample| sample.until - sample.first < Elapsed::from_millis(1_000)));
        assert!(kept.len() <= limits::SAMPLES);
    }

    #[test]
    fn however_many_pauses_there_are_the_samples_are_bounded() {
        let kept = download(1_000);
        assert!(kept.of(Role::Server).len() <= limits::SAMPLES);
    }

    #[test]
    fn what_is_joined_says_what_its_last_packets_said() {
        let again = Sample { sent: None, again: Some((Seq(5), Seq(9))), repeats: 1, ..sent(0, 2) };
        let answered =
            Sample { acked: Some(Seq(7)), window: Some(3), sacked: Some((Seq(8), Seq(9))), ..again };
        let mut joined = sent(0, 1);
        for next in [again, answered, sent(1_000, 3)] {
            joined.join(&next);
        }
        let all = Sample { sent: Some((Seq(0), Seq(2_000))), repeats: 2, packets: 4, ..answered };
        assert_eq!(joined, Sample { first: sent(0, 1).first, until: sent(0, 3).until, ..all });
    }

    #[test]
    fn nothing_is_kept_unless_it_is_asked_for() {
        let mut samples = Samples::default();
        samples.add(Role::Client, || panic!("nobody needs it"));
        assert_eq!(samples.held_bytes(), 0);
    }
}
