//! Packets that a device on the path dropped.

use std::collections::BTreeSet;

use crate::packet::SegmentHeader;
use crate::story::{Item, Seen};

/// The packets that ICMP errors of others than the packets' receivers quote: the latest before the error with the quoted
/// segment's sequence number, and its IP id where one has it.
pub(super) fn dropped(items: &[Item]) -> BTreeSet<u64> {
    let mut sent: Vec<(u64, &SegmentHeader)> = Vec::new();
    let mut dropped = BTreeSet::new();
    for item in items {
        let Item::Packet(entry) = item else { continue };
        match &entry.seen {
            Seen::Segment { header, .. } => sent.push((entry.moment.number, header)),
            Seen::Icmp(error, _) => {
                let Some(quoted) = &error.quoted_segment else { continue };
                if error.ip.source == quoted.ip.destination {
                    continue;
                }
                let is_quoted = |header: &SegmentHeader| {
                    header.ip.source == quoted.ip.source
                        && quoted.tcp.seq.is_some()
                        && header.tcp.seq == quoted.tcp.seq
                };
                let mut alike = sent.iter().rev().filter(|(_, header)| is_quoted(header));
                let is_same = |(_, header): &&(u64, &SegmentHeader)| header.ip.id == quoted.ip.id;
                // A device on the way may have written another IP id.
                let found = alike.clone().find(is_same).or_else(|| alike.next());
                dropped.extend(found.map(|(number, _)| *number));
            }
        }
    }
    dropped
}
