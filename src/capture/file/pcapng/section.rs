//! A section: its byte order, its interfaces, and the packets of both.

use std::ops::Range;

use pcap_parser::pcapng::{
    parse_interfacedescriptionblock_be, parse_interfacedescriptionblock_le,
    parse_interfacestatisticsblock_be, parse_interfacestatisticsblock_le,
};
use pcap_parser::{OptionCode, PcapNGOption};

use super::block::{PACKET, SIMPLE_PACKET, kind_of};
use crate::capture::file::link_type;
use crate::capture::file::order::Order;
use crate::limits;
use crate::time::Timestamp;

/// What a section has described so far.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) order: Order,
    pub(super) interfaces: Vec<Interface>,
    /// Whether this program wrote it. Others leave times out of a file, and let its statistics be those of the whole capture.
    pub(super) is_own: bool,
    /// When the capture ended.
    pub(super) end: Option<Timestamp>,
}

/// An interface of a section.
#[derive(Clone, Debug)]
pub(super) struct Interface {
    pub(super) link_type: u32,
    /// 0 if there is no limit.
    pub(super) snaplen: u32,
    /// `if_tsresol`, of which the top bit chooses between powers of 10 and of 2.
    pub(super) resolution: u8,
    /// `if_tsoffset` in seconds.
    pub(super) offset: i64,
    pub(super) dropped: Option<u64>,
}

/// A packet in the buffer.
#[derive(Debug)]
pub(super) struct Located {
    /// Bytes of the block.
    pub(super) block_len: usize,
    /// Where in the block the frame is.
    pub(super) frame: Range<usize>,
    pub(super) link_type: u32,
    pub(super) wire_len: u32,
    pub(super) at: Timestamp,
}

/// What a block of packets turned out to be.
pub(super) enum Packet {
    Good(Located),
    /// Contradictory, and why.
    Damaged(String),
    /// A packet of an interface that was never described.
    Homeless(u32),
}

impl Section {
    /// The section that begins with this block.
    pub(super) fn begun_by(block: &[u8], order: Order) -> Self {
        Self { order, interfaces: Vec::new(), is_own: is_own(block, order), end: None }
    }

    /// Reads the packet of a block.
    pub(super) fn packet(&self, block: &[u8], last_at: Timestamp) -> Packet {
        let order = self.order;
        let kind = kind_of(block, order);
        let (index, fixed) = match kind {
            SIMPLE_PACKET => (0, 12),
            PACKET => (u32::from(order.u16(block, 8)), 28),
            _ => (order.u32(block, 8), 28),
        };
        // The length is repeated in the last 4 bytes.
        let Some(room) = block.len().checked_sub(fixed + 4) else {
            return Packet::Damaged(format!("{} bytes are too few for a packet", block.len()));
        };
        let Some(interface) = self.interfaces.get(index as usize) else { return Packet::Homeless(index) };
        let (captured, wire_len, at) = if kind == SIMPLE_PACKET {
            // Draft, 4.4: the captured length is not given; it is the least of these three.
            let wire_len = order.u32(block, 8);
            let snaplen = if interface.snaplen == 0 { u32::MAX } else { interface.snaplen };
            (room.min(wire_len.min(snaplen) as usize), wire_len, last_at)
        } else {
            let units = u64::from(order.u32(block, 12)) << 32 | u64::from(order.u32(block, 16));
            (order.u32(block, 20) as usize, order.u32(block, 24), interface.instant(units))
        };
        if captured > room || captured > limits::FRAME_BYTES {
            return Packet::Damaged(format!("it claims {captured} captured bytes and has room for {room}"));
        }
        let frame = fixed..fixed + captured;
        Packet::Good(Located { block_len: block.len(), frame, link_type: interface.link_type, wire_len, at })
    }

    /// Learns how many packets an interface dropped, and when the capture ended. The counters count from the start of the capture, so the
    /// last block holds.
    pub(super) fn learn_statistics(&mut self, block: &[u8]) {
        let parsed = match self.order {
            Order::Little => parse_interfacestatisticsblock_le(block),
            Order::Big => parse_interfacestatisticsblock_be(block),
        };
        let Ok((_, statistics)) = parsed else { return };
        let Some(interface) = self.interfaces.get_mut(statistics.if_id as usize) else { return };
        let order = self.order;
        let dropped = [OptionCode::IsbIfDrop, OptionCode::IsbOsDrop]
            .into_iter()
            .filter_map(|code| value(&statistics.options, code).filter(|bytes| bytes.len() == 8))
            .map(|bytes| order.u64(bytes, 0))
            .reduce(u64::saturating_add);
        interface.dropped = dropped.or(interface.dropped);
        let end = value(&statistics.options, END_TIME).filter(|bytes| self.is_own && bytes.len() == 8);
        let end = end.map(|bytes| {
            let units = u64::from(order.u32(bytes, 0)) << 32 | u64::from(order.u32(bytes, 4));
            interface.instant(units)
        });
        self.end = self.end.max(end);
    }
}

impl Interface {
    pub(super) fn from_block(block: &[u8], order: Order) -> Option<Self> {
        let parsed = match order {
            Order::Little => parse_interfacedescriptionblock_le(block),
            Order::Big => parse_interfacedescriptionblock_be(block),
        };
        let (_, described) = parsed.ok()?;
        let options = &described.options;
        Some(Self {
            link_type: link_type::of_header(described.linktype.0 as u32),
            snaplen: described.snaplen,
            // Draft, 4.2: microseconds unless an option says otherwise.
            resolution: value(options, OptionCode::IfTsresol).and_then(<[u8]>::first).copied().unwrap_or(6),
            offset: value(options, OptionCode::IfTsoffset).map_or(0, |bytes| order.u64(bytes, 0) as i64),
            dropped: None,
        })
    }

    /// The instant that `units` of this interface's clock mean.
    pub(super) fn instant(&self, units: u64) -> Timestamp {
        let nanos = match self.resolution {
            6 => units.saturating_mul(1000).try_into().unwrap_or(i64::MAX),
            9 => units.try_into().unwrap_or(i64::MAX),
            resolution => {
                let exponent = u32::from(resolution & 0x7f);
                let per_second = if resolution & 0x80 == 0 {
                    // 10^39 and more exceed 128 bits: such a unit is nothing at all.
                    10u128.checked_pow(exponent).unwrap_or(u128::MAX)
                } else {
                    1u128 << exponent
                };
                i64::try_from(u128::from(units) * 1_000_000_000 / per_second).unwrap_or(i64::MAX)
            }
        };
        Timestamp::from_parts(self.offset, nanos)
    }

    /// Digits after the second that its timestamps are printed with.
    pub(super) fn digits(&self) -> u8 {
        match self.resolution {
            // Up to 10^-6, or 2^-20, which is about as long.
            0..=6 | 0x80..=0x94 => 6,
            _ => 9,
        }
    }
}

/// When an interface's capture ended (draft, 4.6).
const END_TIME: OptionCode = OptionCode(3);

/// Whether a section header names this program as its writer (draft, 4.1).
fn is_own(block: &[u8], order: Order) -> bool {
    const OPTIONS: usize = 24;
    const END: u16 = 0;
    const USER_APPLICATION: u16 = 4;
    let mut rest = block.get(OPTIONS..block.len().saturating_sub(4)).unwrap_or_default();
    while rest.len() >= 4 {
        let (code, len) = (order.u16(rest, 0), usize::from(order.u16(rest, 2)));
        match code {
            END => return false,
            USER_APPLICATION => {
                return rest.get(4..4 + len).is_some_and(|name| name.starts_with(b"ssmscope "));
            }
            _ => rest = rest.get(4 + len.next_multiple_of(4)..).unwrap_or_default(),
        }
    }
    false
}

/// An option's value without its padding.
fn value<'a>(options: &'a [PcapNGOption<'_>], code: OptionCode) -> Option<&'a [u8]> {
    options.iter().find(|option| option.code == code)?.as_bytes().ok()
}
