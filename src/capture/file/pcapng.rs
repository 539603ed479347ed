//! The pcapng format: blocks in sections, each section with its own byte order and interfaces
//! (draft-ietf-opsawg-pcapng).
//!
//! The blocks that describe are parsed by `pcap-parser`. Packets are read in place, since that crate gathers every
//! block's options in a vector.

use std::io;
use std::ops::Range;

use pcap_parser::pcapng::{
    parse_interfacedescriptionblock_be, parse_interfacedescriptionblock_le,
    parse_interfacestatisticsblock_be, parse_interfacestatisticsblock_le,
};
use pcap_parser::{OptionCode, PcapNGOption};

use crate::capture::{About, Frame, ReadError, Record, Source};
use crate::limits;
use crate::packet::Origin;
use crate::time::Timestamp;

use super::account::Account;
use super::input::Input;
use super::link_type;
use super::order::Order;

/// A section header's type, the same in both byte orders.
pub(super) const SECTION_HEADER: u32 = 0x0a0d_0d0a;
/// What tells a section's byte order, at byte 8 of its header.
const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
const INTERFACE_DESCRIPTION: u32 = 1;
/// Obsolete; its interface has 16 bits, and the other 16 count drops.
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const NAME_RESOLUTION: u32 = 4;
const INTERFACE_STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;
const JOURNAL_EXPORT: u32 = 9;
const DECRYPTION_SECRETS: u32 = 10;

/// Bytes of the smallest block: type, length, and length again.
const SMALLEST_BLOCK: usize = 12;
/// Bytes of a block with packet that surround the frame: at most 64 KiB of options, and the fixed fields.
const AROUND_FRAME: usize = 66 * 1024;

/// A pcapng file being read.
pub(super) struct Pcapng {
    input: Input,
    account: Account,
    section: Section,
    /// Packets that interfaces of earlier sections dropped.
    dropped_before: Option<u64>,
    /// When the packet before was captured, for blocks that do not tell.
    last_at: Timestamp,
    is_over: bool,
}

/// What a section has told so far.
#[derive(Debug)]
struct Section {
    order: Order,
    interfaces: Vec<Interface>,
}

/// An interface of a section.
#[derive(Clone, Debug)]
struct Interface {
    link_type: u32,
    /// 0 where there is no limit.
    snaplen: u32,
    /// `if_tsresol`, of which the top bit chooses between powers of 10 and of 2.
    resolution: u8,
    /// `if_tsoffset` in seconds.
    offset: i64,
    dropped: Option<u64>,
}

/// A packet in the buffer.
#[derive(Debug)]
struct Located {
    /// Bytes of the block.
    block_len: usize,
    /// Where in the block the frame is.
    frame: Range<usize>,
    link_type: u32,
    wire_len: u32,
    at: Timestamp,
}

/// What a block of packets turned out to be.
enum Packet {
    Good(Located),
    /// Contradictory, and why.
    Damaged(String),
    /// Of an interface that was never described.
    Homeless(u32),
}

impl Pcapng {
    /// Reads `input`, which begins with a section header.
    pub(super) fn open(mut input: Input, mut account: Account) -> Result<Self, ReadError> {
        input.fill(SMALLEST_BLOCK).map_err(|error| account.unreadable(&input, &error))?;
        let Some(order) = order_of(input.available()) else {
            return Err(ReadError {
                file: account.file.name,
                what: "begins like pcapng, but its section header has no byte-order magic at byte 8"
                    .to_owned(),
                hint: Some(
                    "transfer the file again in binary mode: this is what a text-mode transfer does"
                        .to_owned(),
                ),
            });
        };
        account.file.format = super::format_name("pcapng", &[order.name()], &input);
        let section = Section { order, interfaces: Vec::new() };
        Ok(Self { input, account, section, dropped_before: None, last_at: Timestamp::ZERO, is_over: false })
    }

    /// Reads on to the next packet, which is then in memory as a whole.
    fn locate(&mut self) -> Result<Option<Located>, ReadError> {
        while !self.is_over {
            let block_len = match self.next_block() {
                Ok(Some(block_len)) => block_len,
                Ok(None) => break,
                Err(error) => {
                    self.is_over = true;
                    return Err(self.account.unreadable(&self.input, &error));
                }
            };
            let block = self.input.available().get(..block_len).unwrap_or_default();
            match kind_of(block, self.section.order) {
                SECTION_HEADER => self.begin_section(order_of(block).unwrap_or(self.section.order)),
                INTERFACE_DESCRIPTION => self.describe_interface(block_len),
                INTERFACE_STATISTICS => self.section.count_drops(block),
                ENHANCED_PACKET | PACKET | SIMPLE_PACKET => match self.section.packet(block, self.last_at) {
                    Packet::Good(located) => return Ok(Some(located)),
                    Packet::Damaged(why) => self.note_bad_block(&why),
                    Packet::Homeless(interface) => self.note_homeless(interface)?,
                },
                _ => {}
            }
            self.input.skip(block_len);
        }
        Ok(None)
    }

    /// Brings the next whole block into memory and tells its length; `None` at the end.
    fn next_block(&mut self) -> io::Result<Option<usize>> {
        while !self.is_over {
            if !self.input.fill(SMALLEST_BLOCK)? {
                let present = self.input.available().len();
                self.account.note_end(&self.input, self.input.offset(), present, SMALLEST_BLOCK);
                self.is_over = true;
                break;
            }
            let order = order_of(self.input.available()).unwrap_or(self.section.order);
            let claimed = order.u32(self.input.available(), 4) as usize;
            // A length must be a multiple of 4 (draft, 3.1); writers exist that leave the padding uncounted.
            let padded = claimed.next_multiple_of(4);
            if (SMALLEST_BLOCK..=limits::PCAPNG_BLOCK_BYTES).contains(&claimed) {
                self.input.fill(padded)?;
                let bytes = self.input.available();
                let is_closed_at = |len: &usize| is_closed(bytes, order, claimed, *len);
                if let Some(len) = [claimed, padded].into_iter().find(is_closed_at) {
                    return Ok(Some(len));
                }
            }
            self.is_over = !self.resynchronize(claimed)?;
        }
        Ok(None)
    }

    /// Searches for the next plausible block after one that does not end where it claims; false when there is none.
    fn resynchronize(&mut self, claimed: usize) -> io::Result<bool> {
        let damage_at = self.input.offset();
        let bytes = self.input.available();
        let is_sound = is_believable(bytes, order_of(bytes).unwrap_or(self.section.order), claimed);
        let packets = self.account.file.packets;
        for _ in 0..limits::RESYNC_BYTES {
            self.input.skip(1);
            if !self.input.fill(SMALLEST_BLOCK)? {
                break;
            }
            let bytes = self.input.available();
            let order = order_of(bytes).unwrap_or(self.section.order);
            let len = order.u32(bytes, 4) as usize;
            if !is_known(kind_of(bytes, order)) || !is_believable(bytes, order, len) || !len.is_multiple_of(4)
            {
                continue;
            }
            if self.input.fill(len)? && is_closed(self.input.available(), order, len, len) {
                let found_at = self.input.offset();
                self.account.note_damage(format!(
                    "damaged at byte {damage_at}, after packet {packets}: {} bytes were skipped up to byte {found_at}, \
                     and the packets in them are missing",
                    found_at - damage_at
                ));
                return Ok(true);
            }
        }
        let searched = self.input.offset() + self.input.available().len() as u64 - damage_at;
        let ends_inside = !self.input.fill(SMALLEST_BLOCK)? && searched < claimed as u64;
        if ends_inside && (is_sound || self.input.trouble().is_some()) {
            self.account.note_end(&self.input, damage_at, searched as usize, claimed);
        } else {
            self.account.note_damage(format!(
                "damaged at byte {damage_at}, after packet {packets}: the block there claims {claimed} bytes, and no \
                 plausible block was found in the {searched} bytes from there, so the rest is not read"
            ));
        }
        Ok(false)
    }

    /// Starts a section: interfaces are counted anew, and the byte order may differ.
    fn begin_section(&mut self, order: Order) {
        self.dropped_before = self.dropped();
        self.section = Section { order, interfaces: Vec::new() };
    }

    /// Learns the interface that the block of `len` available bytes describes.
    fn describe_interface(&mut self, len: usize) {
        let block = self.input.available().get(..len).unwrap_or_default();
        let Some(interface) = Interface::from_block(block, self.section.order) else {
            self.note_bad_block("an interface description that can't be read");
            return;
        };
        if self.section.interfaces.len() >= limits::PCAPNG_INTERFACES {
            self.account.note(format!(
                "more than {} interfaces: packets of the further ones are missing",
                limits::PCAPNG_INTERFACES
            ));
            return;
        }
        let file = &mut self.account.file;
        if interface.snaplen > 0 {
            file.snaplen = Some(file.snaplen.map_or(interface.snaplen, |least| least.min(interface.snaplen)));
        }
        self.account.digits = self.account.digits.max(interface.digits());
        self.section.interfaces.push(interface);
    }

    /// Says that a block inside an intact frame of blocks makes no sense.
    fn note_bad_block(&mut self, why: &str) {
        let offset = self.input.offset();
        let packets = self.account.file.packets;
        self.account
            .note_damage(format!("the block at byte {offset}, after packet {packets}, was skipped: {why}"));
    }

    /// Says that a packet's interface is not described: an error where nothing explains it and nothing is lost by it.
    fn note_homeless(&mut self, interface: u32) -> Result<(), ReadError> {
        if !self.section.interfaces.is_empty() || self.account.file.packets > 0 || self.account.has_damage() {
            self.note_bad_block(&format!("its interface {interface} is not described"));
            return Ok(());
        }
        self.is_over = true;
        Err(ReadError {
            file: self.account.file.name.clone(),
            what: format!(
                "a packet stands at byte {}, and no interface is described before it, so its link type is unknown",
                self.input.offset()
            ),
            hint: Some(
                "write the capture again with dumpcap or tcpdump: the interface description is lost"
                    .to_owned(),
            ),
        })
    }

    /// Packets that all interfaces dropped, as far as they tell.
    fn dropped(&self) -> Option<u64> {
        let interfaces = self.section.interfaces.iter().filter_map(|interface| interface.dropped);
        self.dropped_before.into_iter().chain(interfaces).reduce(u64::saturating_add)
    }
}

impl Section {
    /// Reads the packet of a block.
    fn packet(&self, block: &[u8], last_at: Timestamp) -> Packet {
        let order = self.order;
        let kind = kind_of(block, order);
        let (index, fixed) = match kind {
            SIMPLE_PACKET => (0, 12),
            PACKET => (u32::from(order.u16(block, 8)), 28),
            _ => (order.u32(block, 8), 28),
        };
        // The length stands again in the last 4 bytes.
        let Some(room) = block.len().checked_sub(fixed + 4) else {
            return Packet::Damaged(format!("{} bytes are too few for a packet", block.len()));
        };
        let Some(interface) = self.interfaces.get(index as usize) else { return Packet::Homeless(index) };
        let (captured, wire_len, at) = if kind == SIMPLE_PACKET {
            // Draft, 4.4: the captured length is not told; it is the least of these three.
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

    /// Learns how many packets an interface dropped. The counters count from the start of the capture, so the last
    /// block holds.
    fn count_drops(&mut self, block: &[u8]) {
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
    }
}

impl Interface {
    fn from_block(block: &[u8], order: Order) -> Option<Self> {
        let parsed = match order {
            Order::Little => parse_interfacedescriptionblock_le(block),
            Order::Big => parse_interfacedescriptionblock_be(block),
        };
        let (_, described) = parsed.ok()?;
        let options = &described.options;
        Some(Self {
            link_type: link_type::of_header(described.linktype.0 as u32),
            snaplen: described.snaplen,
            // Draft, 4.2: microseconds unless told otherwise.
            resolution: value(options, OptionCode::IfTsresol).and_then(<[u8]>::first).copied().unwrap_or(6),
            offset: value(options, OptionCode::IfTsoffset).map_or(0, |bytes| order.u64(bytes, 0) as i64),
            dropped: None,
        })
    }

    /// The instant that `units` of this interface's clock stand for.
    fn instant(&self, units: u64) -> Timestamp {
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
    fn digits(&self) -> u8 {
        match self.resolution {
            // Up to 10^-6, or 2^-20, which is about as long.
            0..=6 | 0x80..=0x94 => 6,
            _ => 9,
        }
    }
}

impl Source for Pcapng {
    fn next_record(&mut self) -> Result<Option<Record<'_>>, ReadError> {
        let Some(located) = self.locate()? else { return Ok(None) };
        self.last_at = located.at;
        self.account.file.packets += 1;
        let number = self.account.file.packets;
        let block = self.input.take(0, located.block_len);
        Ok(Some(Record::Frame(Frame {
            number,
            origin: Origin { file: self.account.index(), number },
            at: located.at,
            link_type: located.link_type,
            wire_len: located.wire_len,
            bytes: block.get(located.frame).unwrap_or_default(),
        })))
    }

    fn about(&self) -> About {
        self.account.about(self.dropped())
    }

    fn progress(&self) -> (u64, Option<u64>) {
        self.input.progress().figures()
    }
}

/// The byte order that a section header tells; `None` for any other block.
fn order_of(block: &[u8]) -> Option<Order> {
    if Order::Little.u32(block, 0) != SECTION_HEADER {
        return None;
    }
    [Order::Little, Order::Big].into_iter().find(|order| order.u32(block, 8) == BYTE_ORDER_MAGIC)
}

/// A block's type.
fn kind_of(block: &[u8], order: Order) -> u32 {
    order.u32(block, 0)
}

/// Whether a block of `len` bytes repeats the length it `claimed` at its end.
fn is_closed(bytes: &[u8], order: Order, claimed: usize, len: usize) -> bool {
    bytes.len() >= len && order.u32(bytes, len - 4) as usize == claimed
}

/// Whether a block's beginning is such that its length can be believed although its end is not seen.
fn is_believable(bytes: &[u8], order: Order, len: usize) -> bool {
    let is_sized = (SMALLEST_BLOCK..=limits::FRAME_BYTES + AROUND_FRAME).contains(&len);
    match kind_of(bytes, order) {
        SECTION_HEADER => is_sized && len >= 28 && order_of(bytes).is_some(),
        ENHANCED_PACKET | PACKET => {
            // The captured length may itself be beyond the end.
            is_sized && len >= 32 && (bytes.len() < 24 || order.u32(bytes, 20) as usize <= len - 32)
        }
        // Their fixed fields and the two lengths; smaller ones are found by chance in a frame's own header.
        INTERFACE_DESCRIPTION | DECRYPTION_SECRETS => is_sized && len >= 20,
        INTERFACE_STATISTICS => is_sized && len >= 24,
        kind => is_sized && len >= 16 && is_known(kind),
    }
}

/// Whether blocks of this type are described in the draft or in Wireshark's registry.
fn is_known(kind: u32) -> bool {
    matches!(
        kind,
        SECTION_HEADER
            | INTERFACE_DESCRIPTION
            | PACKET
            | SIMPLE_PACKET
            | NAME_RESOLUTION
            | INTERFACE_STATISTICS
            | ENHANCED_PACKET
            | JOURNAL_EXPORT
            | DECRYPTION_SECRETS
            // Custom blocks, which copiers may keep or must drop.
            | 0x0bad
            | 0x4000_0bad
    )
}

/// An option's value without its padding.
fn value<'a>(options: &'a [PcapNGOption<'_>], code: OptionCode) -> Option<&'a [u8]> {
    options.iter().find(|option| option.code == code)?.as_bytes().ok()
}
