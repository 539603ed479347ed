//! What the tests of streams share: rows, and what becomes of them.

use super::{Segment, Streams};
use crate::capture::transcript::tools::wireshark::above::{speaker, usual_sizes};
use crate::capture::transcript::tools::wireshark::info::Info;

/// Rows as `SIDE LENGTH INFO`, where `>` is a row of the client; those without ports have none in their info.
pub(super) fn complete(rows: &[&str]) -> Vec<Segment> {
    let mut streams = Streams::default();
    let mut done = Vec::new();
    for row in rows {
        let (side, rest) = row.split_at(1);
        let (len, info) = rest.trim().split_once(' ').expect("a length");
        let info = Info::parse(info);
        let (source, destination) =
            if side == ">" { ("192.0.2.1", "198.51.100.5") } else { ("198.51.100.5", "192.0.2.1") };
        let segment = Segment {
            source: source.to_owned(),
            destination: destination.to_owned(),
            ports: info.ports.map(|(source, destination)| (source.to_owned(), destination.to_owned())),
            flags: info.flags,
            seq: info.seq,
            ack: info.ack,
            window: info.window,
            payload_len: info.payload_len,
            frame_len: len.parse().ok(),
            options: info.options,
            analysis: info.analysis,
            speaker: speaker("TLSv1.2", info.rest),
            usual_sizes: usual_sizes("TLSv1.2", info.rest),
            nanos: None,
        };
        streams.take(segment, ());
        done.extend(std::iter::from_fn(|| streams.next()).map(|(segment, ())| segment));
    }
    streams.flush();
    done.extend(std::iter::from_fn(|| streams.next()).map(|(segment, ())| segment));
    assert_eq!(done.len(), rows.len());
    done
}

pub(super) fn place(segment: &Segment) -> (Option<&str>, Option<u32>, Option<u32>) {
    (segment.ports.as_ref().map(|(source, _)| source.as_str()), segment.seq, segment.payload_len)
}

pub(super) const OPENING: [&str; 3] = [
    "> 74 50000 → 443 [SYN] Seq=0 Win=64240 Len=0 MSS=1460 SACK_PERM TSval=1 TSecr=0 WS=128",
    "< 74 443 → 50000 [SYN, ACK] Seq=0 Ack=1 Win=65160 Len=0 MSS=1460 SACK_PERM TSval=1 TSecr=1 WS=256",
    "> 66 50000 → 443 [ACK] Seq=1 Ack=1 Win=64256 Len=0 TSval=1 TSecr=1",
];
