//! ICMP and ICMPv6 errors (tcpdump, print-icmp.c and print-icmp6.c).

use std::fmt::{self, Write};

use super::ends::{DottedEnd, ShownHost};
use super::numbering::Numbers;
use super::{ip, quote, tcp};
use crate::packet::{Checksum, IcmpError, IpVersion, Names, SegmentHeader};

const TCP: u8 = 6;
const UDP: u8 = 17;

/// Whether the rest can be printed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Printed {
    Whole,
    /// The quote ended before what was to be printed.
    Cut,
}

/// Prints from the addresses on.
pub(super) fn write(
    out: &mut (impl Write + ?Sized),
    names: &Names,
    error: &IcmpError<'_>,
    numbers: impl FnOnce(&SegmentHeader) -> Numbers,
    is_verbose: bool,
) -> fmt::Result {
    let (source, destination) = (ShownHost(names, error.ip.source), ShownHost(names, error.ip.destination));
    write!(out, "{source} > {destination}: ")?;
    if error.ip.version == IpVersion::V6 {
        write_v6(out, names, error, is_verbose)
    } else {
        write_v4(out, names, error, numbers, is_verbose)
    }
}

fn write_v4(
    out: &mut (impl Write + ?Sized),
    names: &Names,
    error: &IcmpError<'_>,
    numbers: impl FnOnce(&SegmentHeader) -> Numbers,
    is_verbose: bool,
) -> fmt::Result {
    if error.icmp_type == 3 && error.code == 3 && is_port_cut(error) {
        return out.write_str(" [|icmp]");
    }
    out.write_str("ICMP ")?;
    match error.icmp_type {
        3 => write_v4_unreachable(out, names, error)?,
        4 => out.write_str("source quench")?,
        11 => match error.code {
            0 => out.write_str("time exceeded in-transit")?,
            1 => out.write_str("ip reassembly time exceeded")?,
            code => write!(out, "time exceeded-#{code}")?,
        },
        12 if error.code == 0 => write!(out, "parameter problem - octet {}", error.pointer.unwrap_or(0))?,
        12 => write!(out, "parameter problem - code {}", error.code)?,
        other => write!(out, "type-#{other}")?,
    }
    if let Some(length) = error.length {
        write!(out, ", length {length}")?;
    }
    if !is_verbose {
        return Ok(());
    }
    if let Checksum::Incorrect { found, expected } = error.checksum {
        write!(out, " (wrong icmp cksum {found:x} (->{expected:x})!)")?;
    }
    write_quote(out, names, error, numbers)
}

/// RFC 792; RFC 1122, 3.2.2.1; RFC 1812, 5.2.7.1.
fn write_v4_unreachable(
    out: &mut (impl Write + ?Sized),
    names: &Names,
    error: &IcmpError<'_>,
) -> fmt::Result {
    let to = ShownHost(names, error.quoted.destination);
    match error.code {
        0 => write!(out, "net {to} unreachable"),
        1 => write!(out, "host {to} unreachable"),
        2 => {
            write!(out, "{to} protocol")?;
            error.quoted.protocol.map_or(Ok(()), |protocol| write!(out, " {protocol}"))?;
            out.write_str(" unreachable")
        }
        3 => {
            write!(out, "{to}")?;
            match error.quoted.protocol {
                Some(TCP) => out.write_str(" tcp")?,
                Some(UDP) => out.write_str(" udp")?,
                Some(other) => write!(out, " protocol {other}")?,
                None => {}
            }
            out.write_str(" port")?;
            port(error).map_or(Ok(()), |port| write!(out, " {port}"))?;
            out.write_str(" unreachable")
        }
        4 => match error.mtu {
            Some(mtu) if mtu > 0 => write!(out, "{to} unreachable - need to frag (mtu {mtu})"),
            _ => write!(out, "{to} unreachable - need to frag"),
        },
        5 => write!(out, "{to} unreachable - source route failed"),
        6 => write!(out, "net {to} unreachable - unknown"),
        7 => write!(out, "host {to} unreachable - unknown"),
        8 => write!(out, "{to} unreachable - source host isolated"),
        9 => write!(out, "net {to} unreachable - admin prohibited"),
        10 => write!(out, "host {to} unreachable - admin prohibited"),
        11 => write!(out, "net {to} unreachable - tos prohibited"),
        12 => write!(out, "host {to} unreachable - tos prohibited"),
        13 => write!(out, "host {to} unreachable - admin prohibited filter"),
        14 => write!(out, "host {to} unreachable - host precedence violation"),
        15 => write!(out, "host {to} unreachable - precedence cutoff"),
        code => write!(out, "{to} unreachable - #{code}"),
    }
}

/// The quoted packet, on lines of its own; only TCP's is printed.
fn write_quote(
    out: &mut (impl Write + ?Sized),
    names: &Names,
    error: &IcmpError<'_>,
    numbers: impl FnOnce(&SegmentHeader) -> Numbers,
) -> fmt::Result {
    if let Some(header) = &error.quoted_segment {
        out.write_str("\n\t")?;
        ip::write(out, &header.ip, true)?;
        let payload = quote::payload(error.quoted_bytes, header);
        return tcp::write(out, names, header, payload, numbers(header), true);
    }
    let Some((header, after)) = quote::ip_header(error.quoted_bytes) else {
        return Ok(());
    };
    if header.protocol != Some(TCP) {
        return Ok(());
    }
    out.write_str("\n\t")?;
    ip::write(out, &header, true)?;
    if header.fragment.is_some_and(|fragment| fragment.offset() > 0) {
        let (source, destination) = (ShownHost(names, header.source), ShownHost(names, header.destination));
        return write!(out, "{source} > {destination}: ip-proto-{TCP}");
    }
    if let Some(header) = quote::cut_segment(header, after) {
        return tcp::write(out, names, &header, &[], numbers(&header), true);
    }
    // RFC 792: routers need not quote more than 8 bytes, which are the ports and the sequence number.
    let Some([source_high, source_low, high, low]) = after.first_chunk() else {
        let (source, destination) = (ShownHost(names, header.source), ShownHost(names, header.destination));
        return write!(out, "{source} > {destination}: [|tcp]");
    };
    let source = DottedEnd(names, header.source, u16::from_be_bytes([*source_high, *source_low]));
    let destination = DottedEnd(names, header.destination, u16::from_be_bytes([*high, *low]));
    write!(out, "{source} > {destination}:  [|tcp]")
}

/// RFC 4443, 3.
fn write_v6(
    out: &mut (impl Write + ?Sized),
    names: &Names,
    error: &IcmpError<'_>,
    is_verbose: bool,
) -> fmt::Result {
    match error.checksum {
        Checksum::Correct(_) if is_verbose => out.write_str("[icmp6 sum ok] ")?,
        Checksum::Incorrect { found, expected } if is_verbose => {
            write!(out, "[bad icmp6 cksum 0x{found:04x} -> 0x{expected:04x}!] ")?;
        }
        _ => {}
    }
    out.write_str("ICMP6, ")?;
    let printed = match error.icmp_type {
        1 => write_v6_unreachable(out, names, error)?,
        2 => {
            out.write_str("packet too big")?;
            error.mtu.map_or(Ok(()), |mtu| write!(out, ", mtu {mtu}"))?;
            Printed::Whole
        }
        3 => {
            out.write_str("time exceeded in-transit")?;
            match error.code {
                0 => write!(out, " for {}", ShownHost(names, error.quoted.destination))?,
                1 => out.write_str(" (reassembly)")?,
                code => write!(out, ", unknown code ({code})")?,
            }
            Printed::Whole
        }
        4 => {
            out.write_str("parameter problem")?;
            match error.code {
                // Each is followed by the octet at fault, which is not kept.
                0 => out.write_str(", erroneous")?,
                1 => out.write_str(", next header")?,
                2 => out.write_str(", option")?,
                3 => out.write_str(", incomplete header chain")?,
                code => write!(out, ", code-#{code}")?,
            }
            Printed::Whole
        }
        other => {
            write!(out, "unknown icmp6 type ({other})")?;
            Printed::Whole
        }
    };
    match error.length.filter(|_| !is_verbose && printed == Printed::Whole) {
        Some(length) => write!(out, ", length {length}"),
        None => Ok(()),
    }
}

fn write_v6_unreachable(
    out: &mut (impl Write + ?Sized),
    names: &Names,
    error: &IcmpError<'_>,
) -> Result<Printed, fmt::Error> {
    let quoted = &error.quoted;
    let to = ShownHost(names, quoted.destination);
    out.write_str("destination unreachable, ")?;
    match error.code {
        0 => write!(out, "unreachable route {to}")?,
        // tcpdump prints this one with a space too many.
        1 => write!(out, " unreachable prohibited {to}")?,
        2 => write!(out, "beyond scope {to}, source address {}", ShownHost(names, quoted.source))?,
        3 => write!(out, "unreachable address {to}")?,
        4 if is_port_cut(error) => {
            out.write_str("unreachable port [|icmp6]")?;
            return Ok(Printed::Cut);
        }
        4 => {
            write!(out, "unreachable port, {to}")?;
            match quoted.protocol {
                Some(TCP) => out.write_str(" tcp")?,
                Some(UDP) => out.write_str(" udp")?,
                _ => {}
            }
            out.write_str(" port")?;
            port(error).map_or(Ok(()), |port| write!(out, " {port}"))?;
        }
        code => write!(out, "unknown unreach code ({code})")?,
    }
    Ok(Printed::Whole)
}

/// The quoted destination port, or what tcpdump takes for it in a protocol without ports.
fn port(error: &IcmpError<'_>) -> Option<u16> {
    error.quoted.destination_port.or_else(|| {
        quote::ip_header(error.quoted_bytes).and_then(|(_, after)| {
            after.get(2..).and_then(|bytes| bytes.first_chunk()).copied().map(u16::from_be_bytes)
        })
    })
}

/// Whether the quote is there, and too short for a port. In text there are no bytes, so a missing port is left out.
fn is_port_cut(error: &IcmpError<'_>) -> bool {
    !error.quoted_bytes.is_empty() && port(error).is_none()
}
