//! `-w` with `--redact`: packets rewritten, with stand-ins for addresses and names and without what is encrypted.
//!
//! A packet is written from its decoded headers, without tunnels and with link addresses and checksums that are made of the
//! stand-ins. Its payload has its length. What TLS shows stays in it (headers of records, messages in clear, alerts), and the words by
//! which protocols before TLS are recognised; all else is blank. Names are replaced where they are, over any split into segments, so
//! the packets are read twice: to learn what each direction contains, and to write them.

mod anew;
mod around;
mod binary;
mod build;
mod clear;
mod der;
mod dns;
mod http2;
mod kept;
mod messages;
mod passing;
mod plain;
mod records;
mod stream;

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::Redaction;
use crate::decode;
use crate::limits;
use crate::packet::{Content, Host, Packet, Segment, SegmentHeader};
use anew::{explaining, is_reset, rewritten};
pub use build::NewFrame;
pub use passing::PassingFrames;
use stream::Stream;

/// What replaces a byte that is left out.
const BLANK: u8 = 0xff;

/// A direction of a connection: the number of its first packet, and who sends.
type Way = (u64, Host, u16);

/// Packets without names. It is only looked up.
#[derive(Debug)]
pub struct NamelessFrames {
    redaction: Redaction,
    streams: HashMap<Way, Stream, RandomState>,
    /// Bytes that the streams hold.
    size: usize,
    /// Segments of which nothing was learned because of [`limits::REWRITTEN_BYTES`].
    unlearned: u64,
}

impl NamelessFrames {
    /// With these stand-ins.
    pub fn new(redaction: &Redaction) -> Self {
        Self { redaction: redaction.clone(), streams: HashMap::default(), size: 0, unlearned: 0 }
    }

    /// The stand-in of a host that a report mentioned; nothing if none did.
    pub fn known(&self, host: Host) -> Option<Host> {
        self.redaction.stand_ins().known(host)
    }

    /// Takes in what a packet of a connection contains. `connection` is the number of the connection's first packet.
    pub fn learn(&mut self, connection: u64, segment: &Segment<'_>) {
        if self.size > limits::REWRITTEN_BYTES {
            self.unlearned += u64::from(!segment.payload.is_empty());
            return;
        }
        let way = way(connection, segment.header);
        let before = self.streams.get(&way).map_or(0, Stream::size);
        let stream = self.streams.entry(way).or_default();
        stream.learn(segment.header, segment.payload, &mut self.redaction.stand_ins());
        self.size = (self.size + stream.size()).saturating_sub(before);
    }

    /// No more packets are to be learned from.
    pub fn learned(&mut self) {
        let mut stand_ins = self.redaction.stand_ins();
        let mut ways: Vec<_> = self.streams.iter_mut().collect();
        // Stand-ins are numbered in an order that each run has.
        ways.sort_by_key(|(way, _)| **way);
        for (_, stream) in ways {
            stream.learned(&mut stand_ins);
        }
    }

    /// Segments of whose payload nothing is left, because too much was to be remembered.
    pub fn unlearned(&self) -> u64 {
        self.unlearned
    }

    /// The frame that takes the place of a packet of this connection, or of one that explains connections; nothing if it is of
    /// neither kind.
    pub fn frame(&mut self, connection: Option<u64>, packet: &Packet<'_>) -> Option<NewFrame> {
        let carried = match &packet.content {
            Content::Segment(segment) => {
                if let Some(connection) = connection {
                    self.segment(connection, segment)
                } else {
                    // A lookup that is a part of a connection which is not written.
                    let lookup = Content::Lookup(Box::new(decode::lookup_over_tcp(segment)?));
                    explaining(&self.redaction, &Packet { content: lookup, ..*packet })?
                }
            }
            _ => explaining(&self.redaction, packet)?,
        };
        Some(carried.framed(packet.direction))
    }

    fn segment(&mut self, connection: u64, segment: &Segment<'_>) -> build::Carried {
        let captured = segment.payload.len();
        let payload = if is_reset(segment) {
            plain::masked(segment.payload)
        } else {
            match self.streams.get_mut(&way(connection, segment.header)) {
                Some(stream) => stream.payload(segment.header, captured),
                None => vec![BLANK; captured],
            }
        };
        rewritten(&self.redaction, segment.header, &payload)
    }
}

fn way(connection: u64, header: &SegmentHeader) -> Way {
    (connection, header.ip.source, header.tcp.source_port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::{Flags, IpHeader, Seq, TcpHeader};

    #[test]
    fn what_is_remembered_is_bounded_and_what_is_not_is_counted() {
        let mut frames = NamelessFrames::new(&Redaction::default());
        // The beginning of a message that is as long as one can be, on each of many connections.
        let mut payload = vec![22, 3, 3, 0x40, 0, 11, 1, 0, 0];
        payload.resize(16_384, 7);
        let mut connection = 0;
        while frames.unlearned() < 10 {
            let mut tcp = TcpHeader::between(50_000, 443);
            (tcp.seq, tcp.flags) = (Some(Seq(1)), Some(Flags(Flags::ACK)));
            let ip = IpHeader::between([10, 0, 0, 1], [10, 0, 0, 2]);
            let header = SegmentHeader { ip, tcp, payload_len: Some(payload.len() as u32) };
            frames.learn(
                connection,
                &Segment { header: &header, payload: &payload, printed: &[], decoded: "" },
            );
            connection += 1;
            assert!(connection < 20_000, "there is no bound");
        }
        let size: usize = frames.streams.values().map(Stream::size).sum();
        assert_eq!(size, frames.size);
        assert!(size < limits::REWRITTEN_BYTES + 2 * payload.len(), "{size}");
    }
}
