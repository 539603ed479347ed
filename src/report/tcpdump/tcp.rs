//! The TCP segment after the IP header, and the text that it carries (tcpdump, print-tcp.c).

use std::fmt::{self, Write};

use super::ends::DottedEnd;
use super::numbering::{FIXED_LEN, Numbers, is_cut_in_fixed_part};
use super::options::{self, End};
use super::text::{self, Protocol};
use crate::packet::{Checksum, Flags, FragmentField, Names, SegmentHeader};

/// Prints from the addresses on.
pub(super) fn write(
    out: &mut (impl Write + ?Sized),
    names: &Names,
    header: &SegmentHeader,
    payload: &[u8],
    numbers: Numbers,
    is_verbose: bool,
) -> fmt::Result {
    let (ip, tcp) = (&header.ip, &header.tcp);
    let source = DottedEnd(names, ip.source, tcp.source_port);
    let destination = DottedEnd(names, ip.destination, tcp.destination_port);
    write!(out, "{source} > {destination}: ")?;
    if is_cut_in_fixed_part(header) {
        return out.write_str(" [|tcp]");
    }
    let Some(flags) = tcp.flags else {
        // All that `tcpdump -q` prints.
        out.write_str("tcp")?;
        return header.payload_len.map_or(Ok(()), |len| write!(out, " {len}"));
    };
    write!(out, "Flags [{flags}]")?;
    // A fragment's checksum covers the others too, so tcpdump does not look at it.
    let is_fragment = ip.fragment.is_some_and(FragmentField::more_fragments);
    match tcp.checksum {
        Checksum::Correct(found) if is_verbose && !is_fragment => {
            write!(out, ", cksum 0x{found:04x} (correct)")?;
        }
        Checksum::Incorrect { found, expected } if is_verbose && !is_fragment => {
            write!(out, ", cksum 0x{found:04x} (incorrect -> 0x{expected:04x})")?;
        }
        _ => {}
    }
    let payload_len = header.payload_len.unwrap_or_default();
    let moves_on = payload_len > 0 || flags.syn() || flags.fin() || flags.rst();
    if let Some(seq) = numbers.seq.filter(|_| is_verbose || moves_on) {
        write!(out, ", seq {seq}")?;
        if payload_len > 0 {
            write!(out, ":{}", seq.wrapping_add(payload_len))?;
        }
    }
    if let Some(ack) = numbers.ack.filter(|_| flags.ack()) {
        write!(out, ", ack {ack}")?;
    }
    if let Some(window) = tcp.window {
        write!(out, ", win {window}")?;
    }
    if flags.has(Flags::URG) {
        write!(out, ", urg {}", tcp.urgent)?;
    }
    match tcp.options {
        Some(list) if !list.as_bytes().is_empty() => {
            let context = options::Context {
                flags,
                sack_base: numbers.sack_base,
                is_payload_captured: payload.len() as u64 >= u64::from(payload_len),
                has_payload_byte: !payload.is_empty(),
            };
            if options::write(out, list.as_bytes(), context)? == End::Bad {
                return Ok(());
            }
        }
        None if tcp.header_len.is_some_and(|len| len > FIXED_LEN) => {
            return out.write_str(", options [ [|tcp]");
        }
        _ => {}
    }
    let Some(payload_len) = header.payload_len else {
        return Ok(());
    };
    write!(out, ", length {payload_len}")?;
    // A transcript's segments have a length and no bytes: nothing can be said of what they carry.
    if payload_len == 0 || payload.is_empty() {
        return Ok(());
    }
    if flags.rst() && is_verbose {
        return text::write_reset_reason(out, payload, payload_len);
    }
    match Protocol::between(tcp.source_port, tcp.destination_port) {
        Some(protocol) => protocol.write(out, payload, payload_len, is_verbose),
        None => Ok(()),
    }
}
