//! The pcapng format: blocks in sections, each section with its own byte order and interfaces
//! (draft-ietf-opsawg-pcapng).
//!
//! The blocks that describe are parsed by `pcap-parser`. Packets are read in place, since that crate gathers every
//! block's options in a vector.

mod block;
mod section;

use std::io;

use crate::capture::{About, Frame, ReadError, Record, Source};
use crate::limits;
use crate::packet::Origin;
use crate::time::Timestamp;

pub(super) use block::SECTION_HEADER;

use self::block::{
    ENHANCED_PACKET, INTERFACE_DESCRIPTION, INTERFACE_STATISTICS, PACKET, SIMPLE_PACKET, SMALLEST_BLOCK,
    is_believable, is_closed, is_known, kind_of, order_of,
};
use self::section::{Interface, Located, Packet, Section};
use super::account::Account;
use super::input::Input;
use super::recovery::{self, Damage};

/// A pcapng file being read.
pub(super) struct Pcapng {
    input: Input,
    account: Account,
    section: Section,
    /// Packets that interfaces of earlier sections dropped.
    dropped_before: Option<u64>,
    /// When the packet before was captured, for blocks without a time.
    last_at: Timestamp,
    is_over: bool,
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
        account.file.format = input.format_name("pcapng", &[order.name()]);
        let section = Section::begun_by(&[], order);
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
                SECTION_HEADER => {
                    self.dropped_before = self.dropped();
                    // Interfaces are counted from 0 again, and the byte order may differ.
                    self.section = Section::begun_by(block, order_of(block).unwrap_or(self.section.order));
                }
                INTERFACE_DESCRIPTION => self.describe_interface(block_len),
                INTERFACE_STATISTICS => self.section.learn_statistics(block),
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

    /// Brings the next whole block into memory and returns its length; `None` at the end.
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
        let current = self.section.order;
        let bytes = self.input.available();
        let damage = Damage {
            unit: "block",
            smallest: SMALLEST_BLOCK,
            claimed,
            claim: format!("{claimed} bytes"),
            is_believable: is_believable(bytes, order_of(bytes).unwrap_or(current), claimed),
        };
        recovery::search(&mut self.input, &mut self.account, &damage, |input| {
            let bytes = input.available();
            let order = order_of(bytes).unwrap_or(current);
            let len = order.u32(bytes, 4) as usize;
            if !is_known(kind_of(bytes, order)) || !is_believable(bytes, order, len) || !len.is_multiple_of(4)
            {
                return Ok(false);
            }
            Ok(input.fill(len)? && is_closed(input.available(), order, len, len))
        })
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
                "the packet at byte {} precedes any interface description, so its link type is unknown",
                self.input.offset()
            ),
            hint: Some(
                "write the capture again with dumpcap or tcpdump: the interface description is lost"
                    .to_owned(),
            ),
        })
    }

    /// Packets that all interfaces dropped, as far as statistics show.
    fn dropped(&self) -> Option<u64> {
        let interfaces = self.section.interfaces.iter().filter_map(|interface| interface.dropped);
        self.dropped_before.into_iter().chain(interfaces).reduce(u64::saturating_add)
    }
}

impl Source for Pcapng {
    fn next_record(&mut self) -> Result<Option<Record<'_>>, ReadError> {
        let Some(located) = self.locate()? else {
            let end = self.section.end.take().filter(|end| *end > self.last_at);
            return Ok(end.map(Record::Idle));
        };
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
