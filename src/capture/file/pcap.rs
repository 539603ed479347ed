//! The pcap format: a header of 24 bytes, then records of 16 bytes and a frame each (draft-ietf-opsawg-pcap).

use std::io;

use crate::capture::{About, Frame, ReadError, Record, Source};
use crate::limits;
use crate::packet::Origin;
use crate::time::Timestamp;

use super::account::Account;
use super::input::Input;
use super::link_type;
use super::order::Order;

/// Bytes of the file header.
const FILE_HEADER: usize = 24;

/// A pcap file being read.
pub(super) struct Pcap {
    input: Input,
    account: Account,
    layout: Layout,
    link_type: u32,
    /// Largest captured length that needs no second look.
    snaplen: u32,
    /// Seconds of the record before, which damage is recognised by.
    last_seconds: Option<u32>,
    is_over: bool,
}

/// How this file's records are laid out.
#[derive(Clone, Copy, Debug)]
struct Layout {
    order: Order,
    /// Bytes of a record's header.
    header_len: usize,
    /// Fractions in a second: 10^6 or 10^9.
    fractions: u32,
    lengths: Lengths,
}

/// Which of a record's two lengths comes first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Lengths {
    /// The captured one.
    CapturedFirst,
    /// The smaller is the captured one.
    Unsure,
    /// The one on the wire.
    WireFirst,
}

/// A record's header.
#[derive(Clone, Copy, Debug)]
struct Header {
    seconds: u32,
    fraction: u32,
    captured: u32,
    wire: u32,
}

/// The variant of the format that a magic number stands for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Magic {
    order: Order,
    fractions: u32,
    header_len: usize,
}

impl Magic {
    /// By the first four bytes.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        [Order::Little, Order::Big].into_iter().find_map(|order| {
            let (fractions, header_len) = match order.u32(head, 0) {
                0xa1b2_c3d4 => (1_000_000, 16),
                0xa1b2_3c4d => (1_000_000_000, 16),
                // Alexey Kuznetsov's patched libpcap: interface, protocol and packet type follow in 8 bytes
                // (libpcap, sf-pcap.c, `pcap_sf_patched_pkthdr`).
                0xa1b2_cd34 => (1_000_000, 24),
                _ => return None,
            };
            Some(Self { order, fractions, header_len })
        })
    }
}

impl Pcap {
    /// Reads the file header of `input`, which begins with `magic`.
    pub(super) fn open(mut input: Input, mut account: Account, magic: Magic) -> Result<Self, ReadError> {
        let Magic { order, fractions, header_len } = magic;
        let is_whole = input.fill(FILE_HEADER).map_err(|error| account.unreadable(&input, &error))?;
        if !is_whole {
            return Err(ReadError {
                file: account.file.name,
                what: format!(
                    "a pcap file of {} bytes: it ends in its own header of {FILE_HEADER} bytes",
                    input.available().len()
                ),
                hint: Some(
                    "capture again; stop tcpdump with Ctrl-C, or give it -U when it may be killed".to_owned(),
                ),
            });
        }
        let header = input.available();
        let (major, minor) = (order.u16(header, 4), order.u16(header, 6));
        let snaplen = order.u32(header, 16);
        let link_type = link_type::of_header(order.u32(header, 20));
        // libpcap, sf-pcap.c: before 2.3 the lengths were swapped, in 2.3 some writers did, and so did DG/UX in 543.0.
        let lengths = match (major, minor) {
            (2, 3) => Lengths::Unsure,
            (2, 0..3) | (543, 0) => Lengths::WireFirst,
            _ => Lengths::CapturedFirst,
        };
        input.skip(FILE_HEADER);

        let is_nano = fractions > 1_000_000;
        account.digits = if is_nano { 9 } else { 6 };
        account.file.snaplen = (snaplen > 0).then_some(snaplen);
        let resolution = if is_nano { "ns" } else { "µs" };
        account.file.format = super::format_name("pcap", &[resolution, order.name()], &input);
        Ok(Self {
            input,
            account,
            layout: Layout { order, header_len, fractions, lengths },
            link_type,
            snaplen: if snaplen == 0 { u32::MAX } else { snaplen },
            last_seconds: None,
            is_over: false,
        })
    }

    /// The header of the next record, which is then in memory as a whole.
    fn locate(&mut self) -> io::Result<Option<Header>> {
        let header_len = self.layout.header_len;
        while !self.is_over {
            let offset = self.input.offset();
            if !self.input.fill(header_len)? {
                let present = self.input.available().len();
                self.account.note_end(&self.input, offset, present, header_len);
                self.is_over = true;
                break;
            }
            let header = self.layout.header(self.input.available());
            let whole = header_len + header.captured as usize;
            if self.is_ordinary(header) {
                if self.input.fill(whole)? {
                    return Ok(Some(header));
                }
                let present = self.input.available().len();
                self.account.note_end(&self.input, offset, present, whole);
                self.is_over = true;
            } else if self.is_odd_but_right(header)? {
                return Ok(Some(header));
            } else {
                self.is_over = !self.resynchronize(header)?;
            }
        }
        Ok(None)
    }

    /// Whether a header raises no doubt.
    fn is_ordinary(&self, header: Header) -> bool {
        let is_near = self
            .last_seconds
            .is_none_or(|last| u64::from(last.abs_diff(header.seconds)) <= limits::RESYNC_SECONDS);
        header.captured <= header.wire
            && header.captured <= self.snaplen
            && header.wire as usize <= limits::FRAME_BYTES
            && header.fraction < self.layout.fractions
            && is_near
    }

    /// Whether an odd header is right all the same: a record follows it, or the end.
    fn is_odd_but_right(&mut self, header: Header) -> io::Result<bool> {
        let header_len = self.layout.header_len;
        let whole = header_len + header.captured as usize;
        if header.captured as usize > limits::FRAME_BYTES || !self.input.fill(whole)? {
            return Ok(false);
        }
        if !self.input.fill(whole + header_len)? {
            return Ok(true);
        }
        let next = self.input.available().get(whole..).unwrap_or_default();
        let is_blank = next.iter().take(header_len).all(|byte| *byte == 0);
        Ok(self.layout.header(next).captured as usize <= limits::FRAME_BYTES && !is_blank)
    }

    /// Searches for the next plausible record after a damaged one; false when there is none.
    fn resynchronize(&mut self, damaged: Header) -> io::Result<bool> {
        let header_len = self.layout.header_len;
        let damage_at = self.input.offset();
        for _ in 0..limits::RESYNC_BYTES {
            self.input.skip(1);
            if !self.input.fill(header_len)? {
                break;
            }
            let header = self.layout.header(self.input.available());
            // An empty frame is no landmark: zeros look like one.
            if header.captured > 0 && self.is_ordinary(header) && self.leads_on(header)? {
                let (found_at, packets) = (self.input.offset(), self.account.file.packets);
                self.account.note_damage(format!(
                    "damaged at byte {damage_at}, after packet {packets}: {} bytes were skipped up to byte {found_at}, \
                     and the packets in them are missing",
                    found_at - damage_at
                ));
                return Ok(true);
            }
        }
        let searched = self.input.offset() + self.input.available().len() as u64 - damage_at;
        let whole = header_len + damaged.captured as usize;
        let ends_inside = !self.input.fill(header_len)? && searched < whole as u64;
        if ends_inside && (damaged.captured as usize <= limits::FRAME_BYTES || self.input.trouble().is_some())
        {
            self.account.note_end(&self.input, damage_at, searched as usize, whole);
        } else {
            self.account.note_damage(format!(
                "damaged at byte {damage_at}, after packet {}: the record there claims {} captured bytes, \
                 and no plausible record was found in the {searched} bytes from there, so the rest is not read",
                self.account.file.packets,
                damaged.captured,
            ));
        }
        Ok(false)
    }

    /// Whether another plausible record follows this one, or the end of the file.
    fn leads_on(&mut self, header: Header) -> io::Result<bool> {
        let header_len = self.layout.header_len;
        let whole = header_len + header.captured as usize;
        if !self.input.fill(whole)? {
            return Ok(false);
        }
        if !self.input.fill(whole + header_len)? {
            return Ok(true);
        }
        let next = self.layout.header(self.input.available().get(whole..).unwrap_or_default());
        let elapsed = u64::from(next.seconds.abs_diff(header.seconds));
        Ok(self.is_ordinary(next) && elapsed <= limits::RESYNC_SECONDS)
    }
}

impl Layout {
    fn header(self, bytes: &[u8]) -> Header {
        let (fields, _) = bytes.first_chunk::<16>().unwrap_or(&[0; 16]).as_chunks::<4>();
        let field = |index: usize| self.order.number(fields.get(index).copied().unwrap_or_default());
        let [first, second] = [field(2), field(3)];
        let (captured, wire) = match self.lengths {
            Lengths::CapturedFirst => (first, second),
            Lengths::Unsure => (first.min(second), first.max(second)),
            Lengths::WireFirst => (second, first),
        };
        Header { seconds: field(0), fraction: field(1), captured, wire }
    }

    fn instant(self, header: Header) -> Timestamp {
        let nanos_per_fraction = 1_000_000_000 / self.fractions;
        Timestamp::from_parts(
            header.seconds.into(),
            i64::from(header.fraction) * i64::from(nanos_per_fraction),
        )
    }
}

impl Source for Pcap {
    fn next_record(&mut self) -> Result<Option<Record<'_>>, ReadError> {
        let header = match self.locate() {
            Ok(Some(header)) => header,
            Ok(None) => return Ok(None),
            Err(error) => {
                self.is_over = true;
                return Err(self.account.unreadable(&self.input, &error));
            }
        };
        self.last_seconds = Some(header.seconds);
        self.account.file.packets += 1;
        let number = self.account.file.packets;
        Ok(Some(Record::Frame(Frame {
            number,
            origin: Origin { file: self.account.index(), number },
            at: self.layout.instant(header),
            link_type: self.link_type,
            wire_len: header.wire,
            bytes: self.input.take(self.layout.header_len, header.captured as usize),
        })))
    }

    fn about(&self) -> About {
        self.account.about(None)
    }

    fn progress(&self) -> (u64, Option<u64>) {
        self.input.progress().figures()
    }
}
