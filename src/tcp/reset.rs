//! A RST: whether its receiver takes it, and what its numbers show.

use super::arrival::Arrival;
use super::connection::State;
use super::{Observation, ResetFit, Role, TcpConnection};
use crate::packet::SegmentHeader;

impl TcpConnection {
    /// How a RST of `role` fits what the other end expects.
    pub(super) fn reset_fit(&self, role: Role, header: &SegmentHeader) -> ResetFit {
        // RFC 9293, 3.10.7.3: in SYN-SENT a RST counts if it acknowledges the SYN.
        if self.state == State::SynSent && role == Role::Server {
            return ResetFit::Exact;
        }
        let (sender, receiver) = (&self.ends[role], &self.ends[role.other()]);
        let expected = match (sender.acked, sender.stream.next()) {
            (Some(acked), Some(next)) => Some(acked.later(next)),
            (acked, next) => acked.or(next),
        };
        let (Some(seq), Some(expected)) = (header.tcp.seq, expected) else { return ResetFit::Exact };
        // A client that gives up before it sends data may reset at its SYN's own number: whether or not the server obeys, nobody
        // is left to speak to.
        if role == Role::Client && sender.initial == Some(seq) && sender.counters.bytes == 0 {
            return ResetFit::Exact;
        }
        let distance = i64::from(seq.distance_from(expected));
        let acked = sender.acked.map_or(0, |acked| i64::from(acked.distance_from(expected)));
        // The receiver may not have got what the capture saw, nor may the capture have seen its last acknowledgement.
        let unsure = sender.next.map_or(0, |next| i64::from(next.distance_from(expected)));
        let scale = match (sender.window_scale, receiver.window_scale) {
            // RFC 7323, 2.2: windows are scaled if both ends offer it.
            (Some(None), _) | (_, Some(None)) => 0,
            // RFC 7323, 2.3: at most 14.
            (_, Some(Some(scale))) => scale.min(14),
            (_, None) => 14,
        };
        let window = i64::from(receiver.window.unwrap_or(u16::MAX)) << scale;
        if (acked..=unsure.max(1)).contains(&distance) {
            ResetFit::Exact
        } else if (0..window).contains(&distance) {
            ResetFit::InWindow
        } else {
            ResetFit::Outside
        }
    }

    /// What a RST's own numbers show of bytes that the capture never saw. It changes no end's position, since it may be forged.
    pub(super) fn read_reset(&self, arrival: &Arrival<'_>, observation: &mut Observation) {
        let (tcp, role) = (&arrival.header().tcp, arrival.role);
        observation.ahead = tcp.seq.map_or(0, |seq| self.ends[role].bytes_before(seq));
        if let (Some(ack), true) = (tcp.ack, arrival.flags.ack()) {
            observation.acked_unseen = self.ends[role.other()].bytes_before(ack);
        }
    }
}
