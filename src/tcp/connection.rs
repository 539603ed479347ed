//! One connection: takes the segments of either end, determines what each was, and emits delivered bytes in order.

use super::arrival::Arrival;
use super::endpoint::Digest;
use super::observation::{HandshakeStep, Observation, ResetFit, SegmentKind};
use super::sequence::{compare_with_expected, is_keep_alive};
use super::{Delivery, Endpoint, Hole, HoleKind, Key, PerRole, Role};
use crate::packet::{Flags, OpeningOptions, Segment, SegmentHeader, Seq, TcpOptions};
use crate::time::Timestamp;

/// A connection between two ends, each with its own state.
#[derive(Clone, Debug)]
pub struct TcpConnection {
    /// The two ends.
    pub ends: PerRole<Endpoint>,
    /// Whether both ends sent a SYN before either was answered (RFC 9293, 3.5, figure 7).
    pub is_simultaneous_open: bool,
    /// Whether a challenge ACK of an older connection answered the SYN.
    is_challenged: bool,
    pub(super) state: State,
}

/// How far the opening got, as the packets show it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    /// No SYN was seen: the capture began later.
    Midstream,
    /// The client's SYN was seen (SYN-SENT).
    SynSent,
    /// The server's SYN-ACK was seen (SYN-RECEIVED).
    SynReceived,
    /// The client acknowledged it (ESTABLISHED).
    Established,
}

/// More data than any SYN carries, in bytes: an IP datagram's largest size.
const SYN_DATA_BYTES: i32 = 65_535;

impl TcpConnection {
    /// Bytes that the segments take which are remembered of both ends.
    pub const REMEMBERED_BYTES: usize = 2 * Endpoint::REMEMBERED_BYTES;

    /// A connection of which `segment` is the first one seen, sent by `role`.
    pub fn new(header: &SegmentHeader, role: Role) -> Self {
        let source = Endpoint::new(header.ip.source, header.tcp.source_port);
        let destination = Endpoint::new(header.ip.destination, header.tcp.destination_port);
        let ends = match role {
            Role::Client => PerRole { client: source, server: destination },
            Role::Server => PerRole { client: destination, server: source },
        };
        let state = match header.tcp.flags {
            Some(flags) if flags.syn() && !flags.ack() => State::SynSent,
            _ => State::Midstream,
        };
        Self { ends, is_simultaneous_open: false, is_challenged: false, state }
    }

    /// What makes a segment one of this connection's.
    pub fn key(&self) -> Key {
        let end = |end: &Endpoint| (end.host, end.port);
        Key::between(end(&self.ends.client), end(&self.ends.server))
    }

    /// Which end sent a segment.
    pub fn role_of(&self, header: &SegmentHeader) -> Role {
        let client = &self.ends.client;
        if header.ip.source == client.host && header.tcp.source_port == client.port {
            Role::Client
        } else {
            Role::Server
        }
    }

    /// Whether the opening is complete, or lies before the capture.
    pub fn is_established(&self) -> bool {
        matches!(self.state, State::Established | State::Midstream)
    }

    /// Exchanges the roles, when content shows who the client really is.
    pub fn swap_roles(&mut self) {
        self.ends.swap();
    }

    /// Whether a segment opens a new connection between the same sockets: a SYN that is no repeat of this one's.
    pub fn is_reopened_by(&self, header: &SegmentHeader) -> bool {
        let Some(flags) = header.tcp.flags.filter(|flags| flags.syn() && !flags.rst()) else {
            return self.state == State::Midstream && self.is_over_before(header);
        };
        let end = &self.ends[self.role_of(header)];
        match (header.tcp.seq, end.initial) {
            (Some(seq), Some(initial)) if seq == initial => false,
            // Captured after what follows it, as by a card with several queues; after its sender's own RST nothing follows.
            (Some(seq), None)
                if end.began_at(seq) && !end.last_sent().is_some_and(|sent| sent.flags.rst()) =>
            {
                false
            }
            // The other end's SYN crossing ours is one connection (RFC 9293, 3.5, figure 7).
            (_, None) if self.state == State::SynSent => false,
            // A cut text line has no number: a SYN that is not yet answered is being repeated.
            (None, _) if matches!(self.state, State::SynSent | State::SynReceived) => false,
            // A SYN-ACK with another number while the handshake runs is a second answer, not a new connection.
            _ if flags.ack() => {
                let was_reset = end.last_sent().is_some_and(|sent| sent.flags.rst());
                self.state == State::Midstream && (end.next.is_some() || was_reset)
            }
            _ => true,
        }
    }

    /// Whether a segment that opens nothing is of a connection after this one, whose SYNs the capture lacks: its sender has reset this one,
    /// and its number is none that this one could have come to.
    fn is_over_before(&self, header: &SegmentHeader) -> bool {
        /// More bytes than are on their way at one time.
        const FAR: u32 = 1 << 24;
        let end = &self.ends[self.role_of(header)];
        end.last_sent().is_some_and(|sent| sent.flags.rst())
            && header.tcp.flags.is_some_and(|flags| !flags.rst())
            && header
                .tcp
                .seq
                .zip(end.next.or(end.acked))
                .is_some_and(|(seq, next)| seq.distance_from(next).unsigned_abs() > FAR)
    }

    /// Gives up the round trips that are being measured, since the capture's clock stepped.
    pub fn stop_timing(&mut self) {
        self.ends.client.stop_timing();
        self.ends.server.stop_timing();
    }

    /// Takes a segment in. Delivered bytes go to `emit` with the role of their sender, in stream order.
    pub fn observe(
        &mut self,
        number: u64,
        at: Timestamp,
        segment: &Segment<'_>,
        emit: &mut dyn FnMut(Role, Delivery<'_>),
    ) -> Observation {
        let header = segment.header;
        let role = self.role_of(header);
        let flags = header.tcp.flags.unwrap_or_default();
        let arrival = Arrival { number, at, role, flags, segment: *segment };
        let offer = if flags.syn() { header.tcp.options.as_ref().map(TcpOptions::opening) } else { None };
        let mut observation = Observation::ordinary(role, flags, offer);
        let digest = Digest::of(header);
        let repeats = |role: Role| self.ends[role].counters.retransmissions;
        let answers_repeat = flags.syn() && flags.ack() && repeats(role.other()) > repeats(role);
        let copy = self.ends[role].captured_before(header, at, digest, answers_repeat);
        if let Some(of) = copy.filter(|_| !self.answers_another(role, header, flags)) {
            self.ends[role].counters.duplicates += 1;
            observation.kind = SegmentKind::DuplicateCapture { of };
            return observation;
        }
        self.ends[role].counters.segments += 1;
        if self.is_stale(&arrival) {
            self.is_challenged |= role == Role::Server && !flags.rst();
            observation.kind = SegmentKind::PreviousConnection;
            return observation;
        }
        observation.step = self.step(&arrival, offer);
        if flags.rst() {
            let fit = self.reset_fit(role, header);
            observation.reset = Some(fit);
            if fit != ResetFit::Outside && self.state != State::SynSent {
                self.read_reset(&arrival, &mut observation);
            }
        }
        if !flags.rst() {
            self.take_acknowledgement(&arrival, &mut observation, emit);
            self.take_sequence(&arrival, &mut observation, emit);
        }
        self.ends[role].count_payload(segment);
        let end = &mut self.ends[role];
        end.counters.bytes += u64::from(observation.new_bytes);
        if let Some(window) = header.tcp.window {
            observation.is_zero_window = window == 0 && !flags.rst() && !flags.syn();
            end.counters.zero_windows += u64::from(observation.is_zero_window);
            end.window = Some(window);
        }
        end.remember(&arrival, digest);
        observation
    }

    /// Whether a RST answers another segment than the RSTs before it: a kernel answers each one for a socket that is gone, and its RSTs
    /// are alike.
    fn answers_another(&self, role: Role, header: &SegmentHeader, flags: Flags) -> bool {
        let is_stateless = flags.rst() && header.ip.id.is_none_or(|id| id == 0);
        let (last, resets) = self.ends[role].resets_after();
        is_stateless && self.ends[role.other()].sent_after(last) > resets
    }

    /// Bytes that it holds while holes before them may still be filled.
    pub fn waiting_bytes(&self) -> usize {
        self.ends.client.stream.waiting_bytes() + self.ends.server.stream.waiting_bytes()
    }

    /// Delivers what is buffered after holes without the missing bytes, which frees what it holds.
    pub fn give_holes_up(&mut self, emit: &mut dyn FnMut(Role, Delivery<'_>)) {
        for role in [Role::Client, Role::Server] {
            self.ends[role].stream.give_holes_up(&mut |delivery| emit(role, delivery));
        }
    }

    /// Whether the segment belongs to an older connection, while this one is being opened.
    ///
    /// RFC 9293, 3.10.7.3: in SYN-SENT only a segment that acknowledges the SYN, or carries one, is acceptable.
    fn is_stale(&self, arrival: &Arrival<'_>) -> bool {
        let (role, flags, header) = (arrival.role, arrival.flags, arrival.header());
        if self.state != State::SynSent || flags.syn() || header.tcp.flags.is_none() {
            return false;
        }
        match (role, self.ends.client.initial) {
            (Role::Server, initial) if flags.ack() => {
                // Data of the SYN may be acknowledged with it (Fast Open, RFC 7413), its later fragments included. A
                // cut text line has no number, but what answers a SYN without a SYN of its own is a challenge ACK.
                self.ends.server.initial.is_none()
                    && match (header.tcp.ack, initial) {
                        (Some(ack), Some(initial)) => {
                            !(1..=SYN_DATA_BYTES).contains(&ack.distance_from(initial))
                        }
                        (Some(_), None) => false,
                        (None, _) => !flags.rst(),
                    }
            }
            (Role::Server, _) => flags.rst() && !flags.ack(),
            // The client resets what an older connection's challenge ACK asked for, at that number, not at its own, and without an
            // acknowledgement (RFC 9293, 3.10.7.3).
            (Role::Client, initial) if flags.rst() && !flags.ack() => match (header.tcp.seq, initial) {
                (Some(seq), Some(initial)) => !(0..=1).contains(&seq.distance_from(initial)),
                _ => self.is_challenged,
            },
            (Role::Client, _) => false,
        }
    }

    /// The opening's transitions (RFC 9293, 3.5), as far as packets show them.
    fn step(&mut self, arrival: &Arrival<'_>, offer: Option<OpeningOptions>) -> Option<HandshakeStep> {
        let (role, flags, header) = (arrival.role, arrival.flags, arrival.header());
        if flags.rst() {
            // A client that has sent data and acknowledges a SYN-ACK got one, though the capture lacks it.
            let is_beyond_syn = self
                .ends
                .client
                .initial
                .zip(header.tcp.seq)
                .is_some_and(|(initial, seq)| seq.is_after(initial + 1));
            let is_proof = self.state == State::SynSent
                && role == Role::Client
                && flags.ack()
                && is_beyond_syn
                && header.tcp.ack.is_some_and(|ack| ack != Seq(0));
            if is_proof {
                self.state = State::Established;
            }
            return is_proof.then_some(HandshakeStep::Ack);
        }
        if flags.syn() {
            let end = &mut self.ends[role];
            end.initial = end.initial.or(header.tcp.seq);
            if let Some(options) = offer {
                end.maximum_segment_size = options.maximum_segment_size.or(end.maximum_segment_size);
                end.window_scale = Some(options.window_scale);
            }
        }
        match (self.state, role, flags.syn(), flags.ack()) {
            (_, Role::Client, true, false) => {
                if self.state == State::Midstream {
                    let is_late = self.ends.client.next.is_some() || self.ends.server.next.is_some();
                    self.state = if is_late { State::SynReceived } else { State::SynSent };
                }
                Some(HandshakeStep::Syn)
            }
            (State::SynSent, Role::Server, true, false) => {
                self.is_simultaneous_open = true;
                self.state = State::SynReceived;
                None
            }
            (_, Role::Server, true, true) => {
                if matches!(self.state, State::SynSent | State::Midstream) {
                    self.state = State::SynReceived;
                }
                Some(HandshakeStep::SynAck)
            }
            // A FIN that acknowledges nothing, as after a SYN that nobody answered, proves none.
            (State::SynSent, Role::Client, false, true) if flags.fin() && header.tcp.ack == Some(Seq(0)) => {
                None
            }
            (State::SynReceived | State::SynSent, Role::Client, false, true) => {
                // In a capture of one direction only, the client's ACK proves the SYN-ACK.
                self.state = State::Established;
                Some(HandshakeStep::Ack)
            }
            _ => None,
        }
    }

    fn take_acknowledgement(
        &mut self,
        arrival: &Arrival<'_>,
        observation: &mut Observation,
        emit: &mut dyn FnMut(Role, Delivery<'_>),
    ) {
        let Arrival { number, at, role, flags, .. } = *arrival;
        let header = arrival.header();
        let Some(ack) = header.tcp.ack.filter(|_| flags.ack()) else { return };
        let unseen = |len| {
            let hole = Some(Hole { len, kind: HoleKind::NotCaptured });
            Delivery { number, at, len: 0, bytes: &[], printed: &[], decoded: "", hole }
        };
        let opening_was_seen = self.ends[role].initial.is_some();
        let other = &mut self.ends[role.other()];
        if other.initial.is_none() && other.next.is_none() {
            // Nothing of the other end was seen yet: this is its position, unless the text counts it from its SYN.
            let since_syn = header.tcp.ack_since_syn.map_or(0, |since| since.saturating_sub(1));
            let acked = *other.acked.get_or_insert(ack + since_syn.wrapping_neg());
            // Who sends data waits for an answer, which begins where everything before it was acknowledged.
            if opening_was_seen || header.payload_len.is_some_and(|len| len > 0) {
                other.stream.begin_at(acked);
            }
            if other.acked.is_some_and(|acked| ack.is_after(acked)) {
                observation.acked_unseen = other.acked.map_or(0, |acked| ack - acked);
                observation.newly_acked = observation.acked_unseen;
                other.acked = Some(ack);
                emit(role.other(), unseen(observation.acked_unseen));
            }
            return;
        }
        let base = other.acked.or(other.initial).unwrap_or(ack);
        if !ack.is_after(base) && other.acked.is_some() {
            return;
        }
        observation.newly_acked = if ack.is_after(base) { ack - base } else { 0 };
        observation.acked_unseen = match other.next {
            Some(next) if ack.is_after(next) => ack - next.later(base),
            _ => 0,
        };
        other.acked = Some(ack);
        observation.round_trip = other.timed_by(ack, at);
        let role = role.other();
        if observation.acked_unseen > 0 {
            emit(role, unseen(observation.acked_unseen));
        }
        let mut in_holes = 0;
        other.stream.acknowledge(ack, &mut |delivery| {
            in_holes += delivery.hole.map_or(0, |hole| hole.len);
            emit(role, delivery);
        });
        observation.acked_unseen += in_holes;
    }

    fn take_sequence(
        &mut self,
        arrival: &Arrival<'_>,
        observation: &mut Observation,
        emit: &mut dyn FnMut(Role, Delivery<'_>),
    ) {
        let Arrival { number, at, role, flags, segment } = *arrival;
        let header = segment.header;
        let repeats_last_ack = self.repeats_last_ack(arrival);
        let is_established = self.is_established();
        let end = &mut self.ends[role];
        let len = header.payload_len.unwrap_or(0);
        let Some(seq) = header.tcp.seq else {
            // A cut line has no number; its length still counts as new.
            observation.new_bytes = len;
            return;
        };
        if is_keep_alive(end, seq, len, flags, is_established) {
            end.counters.keep_alives += 1;
            observation.kind = SegmentKind::KeepAlive;
            return;
        }
        end.begin_where_acknowledged(seq);
        let ahead = end.bytes_before(seq);
        let data_seq = if flags.syn() { seq + 1 } else { seq };
        end.stream.begin_at(data_seq);
        if len > 0 {
            let delivery = Delivery {
                number,
                at,
                len,
                bytes: segment.payload,
                printed: segment.printed,
                decoded: segment.decoded,
                hole: None,
            };
            let acked = end.acked;
            observation.new_bytes =
                end.stream.push(data_seq, delivery, acked, &mut |delivery| emit(role, delivery));
        }
        if flags.fin() && end.fin.is_none() {
            end.fin = Some(seq + len);
            observation.is_first_fin = true;
            observation.ahead = ahead;
        }
        let occupied = len + u32::from(flags.syn()) + u32::from(flags.fin());
        let end_seq = seq + occupied;
        if occupied == 0 && !flags.rst() {
            observation.ahead_of_bare_ack = ahead;
        }
        if occupied > 0 {
            compare_with_expected(end, seq..end_seq, flags.syn(), ahead, observation);
            if observation.kind == SegmentKind::Ordinary {
                end.start_timing(end_seq, at);
            }
        }
        if let Some(last_window) = repeats_last_ack {
            self.compare_windows(role, last_window, header.tcp.window, observation);
        }
        let end = &mut self.ends[role];
        // A bare acknowledgement sends nothing: a number ahead of what came shows that something is missing before it.
        end.next = Some(match end.next {
            Some(next) if occupied == 0 => next,
            next => next.map_or(end_seq, |next| next.later(end_seq)),
        });
    }

    /// Says what a bare acknowledgement of the same number as the one before is: a duplicate, or news of the window.
    fn compare_windows(&mut self, role: Role, last: u16, window: Option<u16>, observation: &mut Observation) {
        if Some(last) != window {
            if window.is_some() {
                observation.kind = SegmentKind::WindowUpdate;
            }
        } else if observation.newly_acked == 0 && !self.ends[role.other()].is_all_acknowledged() {
            observation.kind = SegmentKind::DuplicateAck;
            self.ends[role].counters.duplicate_acks += 1;
        }
    }

    /// The window that the sender announced last, if this is a bare acknowledgement of the same number.
    fn repeats_last_ack(&self, arrival: &Arrival<'_>) -> Option<u16> {
        let (flags, header) = (arrival.flags, arrival.header());
        let last = self.ends[arrival.role].last_sent()?;
        let is_bare = header.payload_len == Some(0) && flags.0 & !Flags::PSH == Flags::ACK;
        (is_bare && last.flags.ack() && last.ack == header.tcp.ack && last.has_seq).then_some(last.window?)
    }
}
