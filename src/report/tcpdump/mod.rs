//! Packets as `tcpdump -nn` 4.99 prints them, in one line or, as with `-vv`, in two; byte for byte.
//!
//! What a packet does not show is left out with its separator, never made up. Nothing from the wire reaches the output
//! unescaped. Not reproduced are:
//!
//! - the text of the dissectors above TCP other than HTTP, SMTP, FTP, RTSP, WHOIS and SSH: the TCP part is printed;
//! - headers around the IP header that carries the packet: tunnels, IPv6 extension headers;
//! - the interface's name in a Linux cooked capture of version 2, which is that of the reading host: a question mark stands for it;
//! - of ICMP errors the quote of anything but TCP, and extensions (RFC 4884);
//! - the options of a frame that was cut among them, and the dissector's name where no byte of a payload was captured;
//! - the zero length of an IPv6 segment that was captured before segmentation: its real length is printed;
//! - the note that a frame is shorter than its IP header says, and the hex dump of an unknown ICMPv6 code;
//! - IP fragments, which tcpdump prints one by one: here their segment is printed once it is whole.

mod ends;
mod hex;
mod icmp;
mod ip;
mod mptcp;
mod numbering;
mod options;
#[cfg(feature = "command")]
mod packets;
mod quote;
mod tcp;
mod text;

use std::fmt::{self, Write};

use jiff::tz::TimeZone;

use super::text::clock;
use crate::packet::{Content, IcmpError, Names, Packet, SegmentHeader, TcpHeader};
use crate::time::{Clock, Timestamp};
#[cfg(feature = "command")]
pub(super) use ends::ShownHost;
pub use numbering::{Numbering, Numberings, Numbers};
#[cfg(feature = "command")]
pub use packets::Packets;

/// How packets are printed.
#[derive(Clone, Debug)]
pub struct LineStyle {
    /// As with `-vv`: the IP header, checksums, and all of a text protocol's lines.
    pub is_verbose: bool,
    /// Whether the packets are a text's, whose lines end where they were cut, and not frames that were.
    pub is_text: bool,
    /// What the capture's times count from.
    pub clock: Clock,
    /// Digits after the second: 6, or 9 as with `--nano`.
    pub digits: u8,
    /// The zone in which times are shown, the system's as a rule.
    pub zone: TimeZone,
}

/// Prints a whole capture's packets, one after the other.
#[derive(Debug)]
pub struct Printer {
    style: LineStyle,
    numberings: Numberings,
}

impl Printer {
    /// A printer that has seen no conversation.
    pub fn new(style: LineStyle) -> Self {
        Self { style, numberings: Numberings::default() }
    }

    /// Prints a segment or an ICMP error, and its newline; other packets are not printed.
    ///
    /// # Errors
    /// When `out` can't be written.
    pub fn print(&mut self, packet: &Packet<'_>, out: &mut dyn Write) -> fmt::Result {
        let numberings = &mut self.numberings;
        match &packet.content {
            Content::Segment(segment) => {
                let numbers = |header: &SegmentHeader| numberings.numbers(header);
                write_time(out, &self.style, packet.at)?;
                write_cooked(out, packet.cooked_type)?;
                write_segment_itself(
                    out,
                    &self.style,
                    packet.names,
                    segment.header,
                    segment.payload,
                    numbers,
                )?;
            }
            Content::IcmpError(error) => {
                let numbers = |header: &SegmentHeader| numberings.numbers(header);
                write_time(out, &self.style, packet.at)?;
                write_cooked(out, packet.cooked_type)?;
                write_icmp_error_itself(out, &self.style, packet.names, error, numbers)?;
            }
            Content::Neighbour(_) | Content::Lookup(_) | Content::Other(_) => return Ok(()),
        }
        out.write_char('\n')
    }

    /// The numberings, which know whether a bound was reached.
    pub fn numberings(&self) -> &Numberings {
        &self.numberings
    }
}

/// Prints a segment without a newline at its end. `payload` is what was captured of it, or an excerpt; `numbers` is asked
/// for the numbers to print.
///
/// # Errors
/// When `out` can't be written.
pub fn write_segment(
    out: &mut (impl Write + ?Sized),
    style: &LineStyle,
    at: Timestamp,
    names: &Names,
    header: &SegmentHeader,
    payload: &[u8],
    numbers: impl FnOnce(&SegmentHeader) -> Numbers,
) -> fmt::Result {
    write_time(out, style, at)?;
    write_segment_itself(out, style, names, header, payload, numbers)
}

fn write_segment_itself(
    out: &mut (impl Write + ?Sized),
    style: &LineStyle,
    names: &Names,
    header: &SegmentHeader,
    payload: &[u8],
    numbers: impl FnOnce(&SegmentHeader) -> Numbers,
) -> fmt::Result {
    ip::write(out, &header.ip, style.is_verbose)?;
    let is_cut_line = style.is_text && header.tcp.options.is_none();
    let header_len = header.tcp.header_len.filter(|_| !is_cut_line);
    let header = SegmentHeader { tcp: TcpHeader { header_len, ..header.tcp }, ..*header };
    tcp::write(out, names, &header, payload, numbers(&header), style.is_verbose)
}

/// Prints an ICMP or ICMPv6 error without a newline at its end. `numbers` is asked for those of a quoted segment, which
/// tcpdump counts as one of its conversation.
///
/// # Errors
/// When `out` can't be written.
pub fn write_icmp_error(
    out: &mut (impl Write + ?Sized),
    style: &LineStyle,
    at: Timestamp,
    names: &Names,
    error: &IcmpError<'_>,
    numbers: impl FnOnce(&SegmentHeader) -> Numbers,
) -> fmt::Result {
    write_time(out, style, at)?;
    write_icmp_error_itself(out, style, names, error, numbers)
}

fn write_icmp_error_itself(
    out: &mut (impl Write + ?Sized),
    style: &LineStyle,
    names: &Names,
    error: &IcmpError<'_>,
    numbers: impl FnOnce(&SegmentHeader) -> Numbers,
) -> fmt::Result {
    ip::write(out, &error.ip, style.is_verbose)?;
    icmp::write(out, names, error, numbers, style.is_verbose)
}

fn write_time(out: &mut (impl Write + ?Sized), style: &LineStyle, at: Timestamp) -> fmt::Result {
    match clock::time_of_day(at, style.clock, style.digits, &style.zone) {
        Some(time) => write!(out, "{time} "),
        None => Ok(()),
    }
}

/// Where a cooked capture of version 2 saw a packet, in the columns of print-sll.c. The header has an interface's index, of which
/// tcpdump makes the name that it has on the reading host; as for an index without a name, there is a question mark.
fn write_cooked(out: &mut (impl Write + ?Sized), packet_type: Option<u8>) -> fmt::Result {
    let Some(packet_type) = packet_type else { return Ok(()) };
    // linux/if_packet.h.
    let direction = match packet_type {
        0 => "In",
        1 => "B",
        2 => "M",
        3 => "P",
        4 => "Out",
        _ => "?",
    };
    write!(out, "{:<5} {direction:<3} ", "?")
}
