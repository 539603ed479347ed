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
use super::recovery::{self, Damage};

/// Bytes of the file header.
const FILE_HEADER: usize = 24;

/// A pcap file being read.
pub(super) struct Pcap {
    input: Input,
    account: Account,
    layout: Layout,
    link_type: u32,
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
    /// Largest captured length that needs no second look.
    snaplen: u32,
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

/// The variant of the format that a magic number means.
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
        account.file.format = input.format_name("pcap", &[resolution, order.name()]);
        Ok(Self {
            input,
            account,
            layout: Layout {
                order,
                header_len,
                fractions,
                lengths,
                snaplen: if snaplen == 0 { u32::MAX } else { snaplen },
            },
            link_type,
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
            if self.layout.is_ordinary(header, self.last_seconds) {
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

    /// Whether an odd header is right nevertheless: a record follows it, or the end.
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
        let (layout, last_seconds) = (self.layout, self.last_seconds);
        let damage = Damage {
            unit: "record",
            smallest: layout.header_len,
            claimed: layout.header_len + damaged.captured as usize,
            claim: format!("{} captured bytes", damaged.captured),
            is_believable: damaged.captured as usize <= limits::FRAME_BYTES,
        };
        recovery::search(&mut self.input, &mut self.account, &damage, |input| {
            let header = layout.header(input.available());
            // An empty frame is no landmark: zeros look like one.
            Ok(header.captured > 0
                && layout.is_ordinary(header, last_seconds)
                && layout.leads_on(header, last_seconds, input)?)
        })
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

    /// Whether a header raises no doubt, `last_seconds` being those of the record before.
    fn is_ordinary(self, header: Header, last_seconds: Option<u32>) -> bool {
        let is_near = last_seconds
            .is_none_or(|last| u64::from(last.abs_diff(header.seconds)) <= limits::RESYNC_SECONDS);
        header.captured <= header.wire
            && header.captured <= self.snaplen
            && header.wire as usize <= limits::FRAME_BYTES
            && header.fraction < self.fractions
            && is_near
    }

    /// Whether another plausible record follows this one, which is the next of `input`, or the end of the file.
    fn leads_on(self, header: Header, last_seconds: Option<u32>, input: &mut Input) -> io::Result<bool> {
        let whole = self.header_len + header.captured as usize;
        if !input.fill(whole)? {
            return Ok(false);
        }
        if !input.fill(whole + self.header_len)? {
            return Ok(true);
        }
        let next = self.header(input.available().get(whole..).unwrap_or_default());
        let elapsed = u64::from(next.seconds.abs_diff(header.seconds));
        Ok(self.is_ordinary(next, last_seconds) && elapsed <= limits::RESYNC_SECONDS)
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
