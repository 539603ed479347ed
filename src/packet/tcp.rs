//! The TCP header and its options.

use std::fmt;

use super::{Checksum, Seq};

/// A TCP header (RFC 9293, 3.1). What a text line does not print is absent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TcpHeader {
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// Sequence number. In a transcript it counts from the conversation's first number where that number is not known.
    pub seq: Option<Seq>,
    /// Acknowledgement number, whatever the ACK flag says.
    pub ack: Option<Seq>,
    /// How far that is from the other side's SYN, where a transcript shows this distance but not the SYN's number.
    pub ack_since_syn: Option<u32>,
    /// Flags; absent when a line of `tcpdump -q` prints none.
    pub flags: Option<Flags>,
    /// Receive window as in the header, not scaled.
    pub window: Option<u16>,
    /// Urgent pointer.
    pub urgent: u16,
    /// Header length in bytes, options included.
    pub header_len: Option<u8>,
    /// The checksum as found.
    pub checksum: Checksum,
    /// The options; absent when the line was cut before them.
    pub options: Option<TcpOptions>,
}

impl TcpHeader {
    /// A header of which only the ports are known.
    pub fn between(source_port: u16, destination_port: u16) -> Self {
        Self {
            source_port,
            destination_port,
            seq: None,
            ack: None,
            ack_since_syn: None,
            flags: None,
            window: None,
            urgent: 0,
            header_len: None,
            checksum: Checksum::Unseen,
            options: None,
        }
    }
}

/// The TCP flags (RFC 9293, 3.1; NS by RFC 8311 is not printed by tcpdump 4.99 and not kept).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Flags(pub u8);

impl Flags {
    /// No more data from the sender.
    pub const FIN: u8 = 0x01;
    /// Synchronise sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Reset the connection.
    pub const RST: u8 = 0x04;
    /// Push.
    pub const PSH: u8 = 0x08;
    /// The acknowledgement number counts.
    pub const ACK: u8 = 0x10;
    /// The urgent pointer counts.
    pub const URG: u8 = 0x20;
    /// ECN-Echo (RFC 3168).
    pub const ECE: u8 = 0x40;
    /// Congestion window reduced (RFC 3168).
    pub const CWR: u8 = 0x80;

    /// Whether all of `bits` are set.
    pub fn has(self, bits: u8) -> bool {
        self.0 & bits == bits
    }

    /// FIN is set.
    pub fn fin(self) -> bool {
        self.has(Self::FIN)
    }

    /// SYN is set.
    pub fn syn(self) -> bool {
        self.has(Self::SYN)
    }

    /// RST is set.
    pub fn rst(self) -> bool {
        self.has(Self::RST)
    }

    /// ACK is set.
    pub fn ack(self) -> bool {
        self.has(Self::ACK)
    }

    /// From tcpdump's letters between the brackets of `Flags [...]`: `S`, `F`, `P`, `R`, `.` and so on, or `none`.
    pub fn from_letters(letters: &str) -> Option<Self> {
        if letters == "none" {
            return Some(Self(0));
        }
        letters.chars().try_fold(Self(0), |flags, letter| {
            let bit = LETTERS.iter().find(|(_, known)| *known == letter)?.0;
            Some(Self(flags.0 | bit))
        })
    }
}

/// tcpdump's letter for each flag, in the order in which it prints them (tcpdump, print-tcp.c, `tcp_flag_values`).
const LETTERS: [(u8, char); 8] = [
    (Flags::FIN, 'F'),
    (Flags::SYN, 'S'),
    (Flags::RST, 'R'),
    (Flags::PSH, 'P'),
    (Flags::ACK, '.'),
    (Flags::URG, 'U'),
    (Flags::ECE, 'E'),
    (Flags::CWR, 'W'),
];

/// As tcpdump prints them between the brackets: `S.`, `P.`, `none`.
impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return write!(f, "none");
        }
        LETTERS.iter().filter(|(bit, _)| self.has(*bit)).try_for_each(|(_, letter)| write!(f, "{letter}"))
    }
}

/// Header option bytes, at most 40 of them in IPv4 and TCP alike.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct OptionBytes {
    bytes: [u8; 40],
    len: u8,
}

impl Default for OptionBytes {
    fn default() -> Self {
        Self { bytes: [0; 40], len: 0 }
    }
}

impl OptionBytes {
    pub(super) fn from_wire(wire: &[u8]) -> Self {
        let len = wire.len().min(40);
        let mut bytes = [0; 40];
        bytes[..len].copy_from_slice(&wire[..len]);
        Self { bytes, len: len as u8 }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// TCP options as they are in the header.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TcpOptions {
    bytes: OptionBytes,
}

impl TcpOptions {
    /// From the bytes between the fixed header and the payload; what exceeds 40 bytes is not kept.
    pub fn from_wire(bytes: &[u8]) -> Self {
        Self { bytes: OptionBytes::from_wire(bytes) }
    }

    /// The options' bytes, padding included.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.as_bytes()
    }

    /// Each option in turn, up to the end-of-list option or damage, which are the last item.
    pub fn iter(&self) -> impl Iterator<Item = TcpOption<'_>> {
        let mut rest = Some(self.as_bytes());
        std::iter::from_fn(move || {
            let (option, after) = TcpOption::split_first(rest?)?;
            rest = match option {
                TcpOption::EndOfList | TcpOption::Damaged => None,
                _ => Some(after),
            };
            Some(option)
        })
    }

    /// What a SYN offers. If an option occurs twice, the first counts.
    pub fn opening(&self) -> OpeningOptions {
        let mut opening = OpeningOptions::default();
        for option in self.iter() {
            match option {
                TcpOption::MaximumSegmentSize(bytes) => {
                    opening.maximum_segment_size.get_or_insert(bytes);
                }
                TcpOption::WindowScale(shift) => {
                    opening.window_scale.get_or_insert(shift);
                }
                TcpOption::SackPermitted => opening.sack_permitted = true,
                TcpOption::Timestamps { .. } => opening.has_timestamps = true,
                TcpOption::FastOpen(_) => opening.fast_open = true,
                TcpOption::Unknown(MULTIPATH, [subtype, ..]) => opening.joins |= subtype >> 4 == MP_JOIN,
                _ => {}
            }
        }
        opening
    }

    /// Timestamp value and echo reply.
    pub fn timestamps(&self) -> Option<(u32, u32)> {
        self.iter().find_map(|option| match option {
            TcpOption::Timestamps { value, echo } => Some((value, echo)),
            _ => None,
        })
    }

    /// Whether there is nothing but timestamps (RFC 7323, appendix A), or nothing at all, as in most segments.
    pub fn are_usual(&self) -> bool {
        matches!(self.as_bytes(), [] | [1, 1, 8, 10, _, _, _, _, _, _, _, _])
    }

    /// The blocks of a selective acknowledgement, as first and after-last sequence numbers.
    pub fn sack_blocks(&self) -> impl Iterator<Item = (Seq, Seq)> + '_ {
        self.iter()
            .filter_map(|option| match option {
                TcpOption::Sack(blocks) => Some(blocks),
                _ => None,
            })
            .flat_map(|blocks| blocks.chunks_exact(8))
            .map(|block| (Seq(be32(&block[..4])), Seq(be32(&block[4..]))))
    }
}

/// What a SYN or SYN-ACK offers by its options.
#[expect(clippy::struct_excessive_bools, reason = "each is offered or not, in any combination")]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct OpeningOptions {
    /// Maximum segment size in bytes.
    pub maximum_segment_size: Option<u16>,
    /// Window scale as a shift count.
    pub window_scale: Option<u8>,
    /// Whether selective acknowledgement is permitted.
    pub sack_permitted: bool,
    /// Whether there are timestamps.
    pub has_timestamps: bool,
    /// Whether a TCP Fast Open cookie is asked for or given (RFC 7413).
    pub fast_open: bool,
    /// Whether it joins the connection to another one, as a further path of Multipath TCP (RFC 8684, 3.2).
    pub joins: bool,
}

/// The kind of Multipath TCP's options, and the subtype of the one that joins (RFC 8684, 3 and 8.1).
const MULTIPATH: u8 = 30;
const MP_JOIN: u8 = 1;

fn be32(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

/// One TCP option (IANA "TCP Option Kind Numbers").
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TcpOption<'a> {
    /// Kind 0: nothing follows.
    EndOfList,
    /// Kind 1: padding.
    NoOperation,
    /// Kind 2, in bytes.
    MaximumSegmentSize(u16),
    /// Kind 3, as a shift count (RFC 7323).
    WindowScale(u8),
    /// Kind 4 (RFC 2018).
    SackPermitted,
    /// Kind 5: blocks of twice four bytes (RFC 2018).
    Sack(&'a [u8]),
    /// Kind 8 (RFC 7323).
    Timestamps {
        /// TSval.
        value: u32,
        /// TSecr.
        echo: u32,
    },
    /// Kind 34: the cookie, empty when one is asked for (RFC 7413).
    FastOpen(&'a [u8]),
    /// Any other kind, with its data.
    Unknown(u8, &'a [u8]),
    /// A length that does not fit: nothing after it can be read.
    Damaged,
}

impl<'a> TcpOption<'a> {
    /// The first option of these bytes, and what follows it.
    pub(crate) fn split_first(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (&kind, rest) = bytes.split_first()?;
        match kind {
            0 => return Some((Self::EndOfList, rest)),
            1 => return Some((Self::NoOperation, rest)),
            _ => {}
        }
        let Some(data_len) = rest.first().and_then(|len| usize::from(*len).checked_sub(2)) else {
            return Some((Self::Damaged, &[]));
        };
        let Some((data, after)) = rest[1..].split_at_checked(data_len) else {
            return Some((Self::Damaged, &[]));
        };
        let option = match (kind, data) {
            (2, [high, low]) => Self::MaximumSegmentSize(u16::from_be_bytes([*high, *low])),
            (3, [shift]) => Self::WindowScale(*shift),
            (4, []) => Self::SackPermitted,
            (5, blocks) if !blocks.is_empty() && blocks.len() % 8 == 0 => Self::Sack(blocks),
            (8, data) if data.len() == 8 => {
                Self::Timestamps { value: be32(&data[..4]), echo: be32(&data[4..]) }
            }
            (34, cookie) => Self::FastOpen(cookie),
            (kind, data) => Self::Unknown(kind, data),
        };
        Some((option, after))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn flags_are_written_as_tcpdump_writes_them_and_read_back() {
        for (bits, letters) in [(0x02, "S"), (0x12, "S."), (0x18, "P."), (0xc2, "SEW"), (0, "none")] {
            assert_eq!(Flags(bits).to_string(), letters);
            assert_eq!(Flags::from_letters(letters), Some(Flags(bits)));
        }
        assert_eq!(Flags::from_letters("Sx"), None);
    }

    #[test]
    fn a_linux_syn_s_options_are_read() {
        let options =
            TcpOptions::from_wire(&[2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 7, 0, 0, 0, 0, 1, 3, 3, 7]);
        let opening = OpeningOptions {
            maximum_segment_size: Some(1460),
            window_scale: Some(7),
            sack_permitted: true,
            has_timestamps: true,
            fast_open: false,
            joins: false,
        };
        assert_eq!(options.opening(), opening);
        // RFC 8684, 3.1 and 3.2: MP_CAPABLE, and MP_JOIN with its token and a random number.
        assert!(!TcpOptions::from_wire(&[30, 4, 0x01, 0x01]).opening().joins);
        assert!(TcpOptions::from_wire(&[30, 12, 0x10, 1, 9, 9, 9, 9, 7, 7, 7, 7]).opening().joins);
        assert_eq!(options.timestamps(), Some((7, 0)));
        assert_eq!(options.iter().count(), 5);
    }

    #[test]
    fn an_option_with_an_impossible_length_ends_the_list() {
        for damaged in [&[2u8][..], &[2, 0], &[2, 1], &[2, 40]] {
            assert_eq!(TcpOptions::from_wire(damaged).iter().collect::<Vec<_>>(), [TcpOption::Damaged]);
        }
    }

    proptest! {
        #[test]
        fn any_option_bytes_end(bytes: Vec<u8>) {
            prop_assert!(TcpOptions::from_wire(&bytes).iter().count() <= 40);
        }
    }
}
