//! One stream, and what its rows with numbers show of those without.

use crate::capture::transcript::tools::options::Options;
use crate::capture::transcript::tools::wireshark::info::Analysis;
use crate::packet::Flags;

/// A segment as its row shows it, and then as the streams complete it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    pub source: String,
    pub destination: String,
    /// Source and destination port.
    pub ports: Option<(String, String)>,
    pub flags: Option<Flags>,
    pub seq: Option<u32>,
    pub ack: Option<u32>,
    /// The window as Wireshark shows it; once completed, as in the header.
    pub window: Option<u32>,
    pub payload_len: Option<u32>,
    /// Bytes of the frame.
    pub frame_len: Option<u32>,
    pub options: Options,
    pub analysis: Analysis,
    /// Who speaks, as the words of the protocol above show.
    pub speaker: Option<Speaker>,
    /// Bytes of payload that the words of the protocol above may have, where they have few sizes.
    pub usual_sizes: &'static [u32],
    /// Nanoseconds of its row's time.
    pub nanos: Option<i64>,
}

/// Who sends a segment, by what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// A client's first words: a ClientHello.
    ClientFirst,
    Client,
    /// A server's first words: a ServerHello.
    ServerFirst,
    Server,
    /// Either, after the first words of both.
    Later,
}

/// One connection, as far as its rows show it. The host that sorts first has side 0.
#[expect(clippy::struct_excessive_bools, reason = "each is something that a row showed")]
#[derive(Clone, Debug, Default)]
pub struct Stream {
    pub hosts: [String; 2],
    pub ports: Option<[String; 2]>,
    pub sides: [Side; 2],
    /// What is added to relative numbers: a connection on the same ports as one before gets others.
    pub base: u32,
    pub is_v6: bool,
    /// The side of the SYN.
    pub client: Option<usize>,
    pub saw_syn: bool,
    pub saw_syn_ack: bool,
    pub is_reset: bool,
    /// When a row of it came last.
    pub used: u64,
}

#[derive(Clone, Debug, Default)]
pub struct Side {
    /// The number that is expected next.
    pub next: Option<u32>,
    /// What the other side acknowledged.
    pub acked: Option<u32>,
    /// Number and length of the last segment with payload.
    pub last: Option<(u32, u32)>,
    /// Bytes of a frame besides its payload, by a segment after the SYN.
    pub overhead: Option<u32>,
    /// The same without any options, by the SYN.
    pub bare: Option<u32>,
    /// Number of its SYN, and bytes of that frame.
    pub syn: Option<(u32, Option<u32>)>,
    /// The scale that its SYN names.
    pub scale: Option<u8>,
    pub has_timestamps: bool,
    pub is_finished: bool,
    /// Whether a segment of unknown length came last, so that the next one's number is not known.
    pub is_adrift: bool,
}

/// Added to a reused connection's numbers for each before it; far enough to be another connection's.
pub const INCARNATION: u32 = 1 << 28;

/// Bytes of a frame's headers at most: Ethernet with a VLAN tag, IPv6, and TCP with all of its options.
pub const MOST_HEADERS: u32 = 18 + 40 + 60;

/// Ethernet pads frames to this many bytes, and IPv4 and TCP without options take this much of one.
const SHORTEST_FRAME: u32 = 60;
const PLAIN_OVERHEAD: u32 = 54;

/// By which IPv6's header is longer than IPv4's, in bytes.
const MORE_IN_V6: u32 = 20;

/// Bytes of timestamps with their padding (RFC 7323, appendix A).
const TIMESTAMPS: u32 = 12;

impl Side {
    /// Whether it sent payload: a SYN is none.
    pub fn has_spoken(&self) -> bool {
        self.last.is_some_and(|(seq, _)| self.syn.is_none_or(|(syn, _)| syn != seq))
    }
}

impl Stream {
    /// Whether nothing more can come.
    pub fn is_over(&self) -> bool {
        self.is_reset || self.sides.iter().all(|side| side.is_finished)
    }

    pub fn ports_of(&self, side: usize) -> Option<(String, String)> {
        let [first, second] = self.ports.clone()?;
        Some(if side == 0 { (first, second) } else { (second, first) })
    }

    /// Whether this side may say such words now.
    pub fn admits(&self, side: usize, speaker: Option<Speaker>) -> bool {
        let client = self.client;
        let [spoke, heard] = [side, 1 - side].map(|side| self.sides[side].last.is_some());
        // The number of a SYN-ACK may be cut off, or its row be missing, and what the other side sent be acknowledged.
        let has_answer = self.saw_syn_ack || self.sides.iter().any(|side| side.acked.is_some());
        let heard = heard || has_answer;
        let is_client = client.is_none_or(|client| client == side);
        let is_server = client.is_none_or(|client| client != side);
        // Before the SYN-ACK there is no data but Fast Open's.
        let is_open = !self.saw_syn || has_answer;
        is_open
            && match speaker {
                None => true,
                // A second hello answers a HelloRetryRequest.
                Some(Speaker::ClientFirst) => is_client && (!spoke || heard),
                Some(Speaker::Client) => is_client && (spoke || !self.saw_syn),
                Some(Speaker::ServerFirst | Speaker::Server) => is_server && (heard || !self.saw_syn),
                Some(Speaker::Later) => heard || spoke || !self.saw_syn,
            }
    }

    /// Whether this side sent something that the other did not acknowledge.
    pub fn is_unanswered(&self, side: usize) -> bool {
        let own = &self.sides[side];
        match (own.syn, own.acked, own.next) {
            (Some(_), None, _) => true,
            (_, Some(acked), Some(next)) => later(next, acked) != acked,
            _ => false,
        }
    }

    /// Takes in a segment whose numbers are shown, and completes it.
    pub fn take(&mut self, side: usize, segment: &mut Segment) {
        let flags = segment.flags.unwrap_or_default();
        let is_new = flags.syn() && !flags.ack() && !segment.analysis.is_retransmission;
        if is_new && (segment.analysis.is_reuse || self.is_over()) {
            // A true number distinguishes it by itself.
            let is_first = self.sides.iter().all(|side| side.next.is_none());
            let more = if segment.seq == Some(0) && !is_first { INCARNATION } else { 0 };
            let base = self.base.wrapping_add(more);
            let (hosts, ports) = (std::mem::take(&mut self.hosts), self.ports.take());
            *self = Self { hosts, ports, base, used: self.used, ..Self::default() };
        }
        if flags.syn() && !flags.ack() {
            (self.saw_syn, self.client) = (true, Some(side));
            if self.is_reset {
                // A SYN that is repeated shows that the RST was the answer to an older connection, as its numbers are.
                self.is_reset = false;
                for side in &mut self.sides {
                    (side.next, side.acked) = (None, None);
                }
            }
        }
        self.saw_syn_ack |= flags.syn() && flags.ack();
        if segment.payload_len.is_none() && !flags.syn() {
            // A row that was cut before its length; a long frame has data.
            if is_bare(segment, flags) {
                segment.payload_len = Some(0);
            } else if segment.frame_len.is_some_and(|len| len > MOST_HEADERS) {
                segment.payload_len = self.payload_len(side, segment);
            }
        }
        self.learn(side, segment);
        segment.window = segment.window.and_then(|window| self.unscaled(side, window, flags));
        let base = self.base;
        segment.seq = segment.seq.map(|seq| seq.wrapping_add(base));
        segment.ack = segment.ack.map(|ack| ack.wrapping_add(base));
        segment.options.renumber(base);
        let len = segment.payload_len.unwrap_or(0);
        if let Some(seq) = segment.seq {
            self.note(side, seq, len + u32::from(flags.syn()) + u32::from(flags.fin()));
            self.sides[side].is_adrift = false;
            if flags.syn() {
                self.sides[side].syn = Some((seq, segment.frame_len));
            }
        }
        if let Some(ack) = segment.ack {
            let other = &mut self.sides[1 - side];
            other.acked = Some(other.acked.map_or(ack, |acked| later(acked, ack)));
            other.is_adrift = false;
        }
        self.is_reset |= flags.rst();
        self.sides[side].is_finished |= flags.fin();
    }

    /// What a row shows of the side's other frames.
    pub fn learn(&mut self, side: usize, segment: &Segment) {
        let flags = segment.flags.unwrap_or_default();
        let options = segment.options.bytes.as_slice();
        let own = &mut self.sides[side];
        if flags.syn() {
            own.scale = segment.options.window_scale;
            own.has_timestamps = segment.options.has_timestamps();
        }
        let (Some(frame_len), Some(payload_len)) = (segment.frame_len, segment.payload_len) else { return };
        let Some(overhead) = frame_len.checked_sub(payload_len) else { return };
        let is_padded = frame_len == SHORTEST_FRAME && overhead > PLAIN_OVERHEAD && options.is_empty();
        let overhead = if is_padded { PLAIN_OVERHEAD } else { overhead };
        if flags.syn() {
            own.bare = overhead.checked_sub(segment.options.len_in_syn());
        } else if !segment.options.has_sack() && !flags.rst() {
            own.overhead = Some(overhead);
        }
    }

    /// What a row shows of the side's other frames by the size of its words, where no row with numbers shows it.
    fn learn_by_size(&mut self, side: usize, segment: &Segment) {
        let is_known = self.sides.iter().any(|side| side.overhead.or(side.bare).is_some());
        let Some(frame_len) = segment.frame_len.filter(|_| !is_known) else { return };
        let plain = PLAIN_OVERHEAD + if self.is_v6 { MORE_IN_V6 } else { 0 };
        let is_usual = |overhead: &u32| {
            frame_len.checked_sub(*overhead).is_some_and(|len| segment.usual_sizes.contains(&len))
        };
        self.sides[side].overhead = [plain, plain + TIMESTAMPS].into_iter().find(is_usual);
    }

    /// The window as in the header: Wireshark multiplies where it saw both SYNs' scales.
    pub fn unscaled(&self, side: usize, window: u32, flags: Flags) -> Option<u32> {
        if flags.syn() || window == 0 {
            return Some(window);
        }
        if !self.saw_syn && !self.saw_syn_ack {
            // The window is in bytes, since the tool did not know the scale.
            return Some(window);
        }
        if !self.saw_syn || !self.saw_syn_ack {
            return None;
        }
        match (self.sides[side].scale, self.sides[1 - side].scale) {
            (Some(scale), Some(_)) => Some(window >> scale),
            _ => Some(window),
        }
    }

    /// Completes a segment that shows no numbers, by what comes next in its stream. Returns whether its place is still open.
    pub fn follow(&mut self, side: usize, segment: &mut Segment) -> bool {
        self.is_v6 = segment.source.contains(':');
        segment.ports = self.ports_of(side);
        segment.flags = Some(Flags(Flags::ACK));
        self.learn_by_size(side, segment);
        let len = self.payload_len(side, segment);
        segment.payload_len = len;
        let own = &self.sides[side];
        if let Some((seq, frame_len)) = own.syn
            && segment.analysis.is_retransmission
            && own.acked.is_none()
            && segment.frame_len == frame_len
        {
            // A row that was cut before its ports.
            segment.flags = Some(Flags(Flags::SYN));
            (segment.seq, segment.payload_len) = (Some(seq), Some(0));
            return false;
        }
        if segment.analysis.is_retransmission {
            // The same bytes as the last segment of this size.
            segment.seq = own.last.filter(|(_, last_len)| Some(*last_len) == len).map(|(seq, _)| seq);
            return false;
        }
        if segment.analysis.is_after_gap || segment.analysis.is_out_of_order {
            return true;
        }
        let next = match (own.next, own.acked) {
            (Some(next), Some(acked)) => Some(later(next, acked)),
            (next, acked) => next.or(acked),
        };
        if own.is_adrift {
            return false;
        }
        // Relative numbers begin at 1 after the SYN.
        let seq = next.unwrap_or(self.base.wrapping_add(1));
        segment.seq = Some(seq);
        self.note(side, seq, len.unwrap_or(0));
        self.sides[side].is_adrift = len.is_none();
        false
    }

    /// A segment's payload by the length of its frame.
    pub fn payload_len(&self, side: usize, segment: &Segment) -> Option<u32> {
        let frame_len = segment.frame_len;
        segment.payload_len.or_else(|| frame_len?.checked_sub(self.overhead(side, frame_len)))
    }

    /// Bytes of a frame of this side besides its payload.
    pub fn overhead(&self, side: usize, frame_len: Option<u32>) -> u32 {
        /// The hello of OpenSSL and browsers, padded to 512 bytes (RFC 7685, 4), in its record.
        const PADDED_HELLO: u32 = 517;
        let [own, other] = [side, 1 - side].map(|side| &self.sides[side]);
        let timestamps = if self.sides.iter().all(|side| side.has_timestamps) { TIMESTAMPS } else { 0 };
        let by_syn = own.bare.or(other.bare).map(|bare| bare + timestamps);
        own.overhead.or(other.overhead).or(by_syn).unwrap_or_else(|| {
            let plain = PLAIN_OVERHEAD + if self.is_v6 { MORE_IN_V6 } else { 0 };
            let is_padded_hello = frame_len == Some(plain + TIMESTAMPS + PADDED_HELLO);
            plain + if is_padded_hello { TIMESTAMPS } else { 0 }
        })
    }

    pub fn note(&mut self, side: usize, seq: u32, len: u32) {
        let own = &mut self.sides[side];
        let end = seq.wrapping_add(len);
        own.next = Some(own.next.map_or(end, |next| later(next, end)));
        if len > 0 {
            own.last = Some((seq, len));
        }
    }
}

/// Whether a row that was cut before its length is of a frame that has nothing but headers, with timestamps or without any options.
fn is_bare(segment: &Segment, flags: Flags) -> bool {
    let plain = PLAIN_OVERHEAD + if segment.source.contains(':') { MORE_IN_V6 } else { 0 };
    let is_header = segment.frame_len.is_some_and(|len| len == plain || len == plain + TIMESTAMPS);
    is_header && !flags.has(Flags::PSH)
}

/// The later of two sequence numbers.
pub fn later(one: u32, other: u32) -> u32 {
    if (one.wrapping_sub(other) as i32) > 0 { one } else { other }
}

#[cfg(test)]
mod tests {
    use super::super::script::{OPENING, complete};
    use super::*;

    #[test]
    fn the_handshake_alone_shows_the_overhead() {
        for (syn, answer, hello) in [
            (
                "> 74 50000 → 443 [SYN] Seq=0 Win=1 Len=0 MSS=1460 SACK_PERM TSval=1 TSecr=0 WS=128",
                "TSval=1 TSecr=1",
                583,
            ),
            ("> 74 50000 → 443 [SYN] Seq=0 Win=1 Len=0 MSS=1460 SACK_PERM TSval=1 TSecr=0 WS=128", "", 571),
            ("> 66 50000 → 443 [SYN] Seq=0 Win=1 Len=0 MSS=1460 WS=256 SACK_PERM", "", 571),
            ("> 62 50000 → 443 [SYN] Seq=0 Win=1 Len=0 MSS=1460 SACK_PERM", "", 571),
            ("> 46 50000 → 443 [SYN] Seq=0 Win=1 Len=0 MSS=1460", "", 559),
        ] {
            let answer = format!("< 90 443 → 50000 [SYN, ACK] Seq=0 Ack=1 Win=1 Len=0 {answer}");
            let done = complete(&[syn, &answer, &format!("> {hello} Client Hello")]);
            assert_eq!(done[2].payload_len, Some(517), "{syn}");
        }
    }

    #[test]
    fn a_reused_pair_of_ports_gets_other_numbers() {
        let rows = [
            OPENING[0],
            "< 54 443 → 50000 [RST, ACK] Seq=1 Ack=1 Win=0 Len=0",
            "> 74 [TCP Port numbers reused] 50000 → 443 [SYN] Seq=0 Win=1 Len=0",
            "< 54 443 → 50000 [RST, ACK] Seq=1 Ack=1 Win=0 Len=0",
            "> 74 [TCP Retransmission] [TCP Port numbers reused] 50000 → 443 [SYN] Seq=0 Win=1 Len=0",
        ];
        let done = complete(&rows);
        let numbers: Vec<_> = done.iter().map(|segment| (segment.seq, segment.ack)).collect();
        let again = INCARNATION;
        assert_eq!(
            numbers,
            [
                (Some(0), None),
                (Some(1), Some(1)),
                (Some(again), None),
                (Some(again + 1), Some(again + 1)),
                (Some(again), None)
            ]
        );
    }

    #[test]
    fn where_no_row_has_numbers_messages_of_few_sizes_show_the_overhead() {
        for (finished, overhead) in [("> 117", 66), ("> 105", 54)] {
            let done = complete(&[
                &format!("{finished} Change Cipher Spec, Encrypted Handshake Message"),
                "< 117 Change Cipher Spec, Encrypted Handshake Message",
                "> 200 Application Data",
            ]);
            assert_eq!(done[2].payload_len, Some(200 - overhead), "{finished}");
        }
    }

    #[test]
    fn rows_that_were_cut_before_their_lengths_are_those_of_their_frames() {
        let done = complete(&[
            "> 74 50000 → 443 [SYN] Seq=0...",
            "< 74 443 → 50000 [SYN, ACK] ...",
            "> 66 50000 → 443 [ACK] Seq=1...",
            "> 583 Client Hello",
            "< 66 443 → 50000 [ACK] Seq=5...",
            "< 166 Application Data",
        ]);
        let shown: Vec<_> = done.iter().map(|segment| (segment.seq, segment.payload_len)).collect();
        assert_eq!((shown[2], shown[3].1), ((None, Some(0)), Some(517)));
        assert_eq!((shown[4], shown[5].1), ((None, Some(0)), Some(100)));
    }

    #[test]
    fn a_repeated_syn_whose_row_was_cut_is_one() {
        let done = complete(&[OPENING[0], "> 74 [TCP Retransmission]", "> 66 [TCP Retransmission]"]);
        assert_eq!(
            (done[1].flags, done[1].seq, done[1].payload_len),
            (Some(Flags(Flags::SYN)), Some(0), Some(0))
        );
        assert_eq!(done[2].flags, Some(Flags(Flags::ACK)));
    }
}
