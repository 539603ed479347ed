//! The IP header in front of a segment (tcpdump, print-ip.c and print-ip6.c).

use std::fmt::{self, Write};
use std::net::Ipv4Addr;

use super::hex::be;
use crate::packet::{Checksum, FragmentField, IpHeader, IpVersion};

/// Prints `IP ` or `IP6 `, and in verbose style the header's fields: on a line of their own for IPv4.
pub(super) fn write(out: &mut (impl Write + ?Sized), ip: &IpHeader, is_verbose: bool) -> fmt::Result {
    let is_v6 = ip.version == IpVersion::V6;
    out.write_str(if is_v6 { "IP6 " } else { "IP " })?;
    if !is_verbose {
        return Ok(());
    }
    if is_v6 {
        return write_v6_fields(out, ip);
    }
    let mut fields = Fields { out, is_open: false };
    write_v4_fields(&mut fields, ip)?;
    if fields.is_open { fields.out.write_str(")\n    ") } else { Ok(()) }
}

/// A parenthesis that opens with its first field.
struct Fields<'a, W: ?Sized> {
    out: &'a mut W,
    is_open: bool,
}

impl<W: Write + ?Sized> Fields<'_, W> {
    fn add(&mut self, field: fmt::Arguments<'_>) -> fmt::Result {
        self.out.write_str(if self.is_open { ", " } else { "(" })?;
        self.is_open = true;
        self.out.write_fmt(field)
    }
}

fn write_v4_fields(fields: &mut Fields<'_, impl Write + ?Sized>, ip: &IpHeader) -> fmt::Result {
    if let Some(tos) = ip.traffic_class {
        // RFC 3168, 5: the lowest two bits.
        let ecn = ["", ",ECT(1)", ",ECT(0)", ",CE"][usize::from(tos & 0x03)];
        fields.add(format_args!("tos 0x{tos:x}{ecn}"))?;
    }
    if let Some(ttl) = ip.hop_limit.filter(|ttl| *ttl > 0) {
        fields.add(format_args!("ttl {ttl}"))?;
    }
    if let Some(id) = ip.id {
        fields.add(format_args!("id {id}"))?;
    }
    if let Some(fragment) = ip.fragment {
        fields.add(format_args!("offset {}, flags [{}]", fragment.offset(), FragmentFlags(fragment)))?;
    }
    if let Some(protocol) = ip.protocol {
        fields.add(format_args!("proto {} ({protocol})", protocol_name(protocol)))?;
    }
    if let Some(length) = ip.length {
        fields.add(format_args!("length {length}"))?;
    }
    if !ip.options.as_bytes().is_empty() {
        fields.add(format_args!("options ("))?;
        write_options(fields.out, ip.options.as_bytes())?;
        fields.out.write_char(')')?;
    }
    if let Checksum::Incorrect { found, expected } = ip.checksum {
        fields.add(format_args!("bad cksum {found:x} (->{expected:x})!"))?;
    }
    Ok(())
}

fn write_v6_fields(out: &mut (impl Write + ?Sized), ip: &IpHeader) -> fmt::Result {
    let mut fields = Fields { out, is_open: false };
    if let Some(class) = ip.traffic_class.filter(|class| *class > 0) {
        fields.add(format_args!("class 0x{class:02x}"))?;
    }
    if let Some(label) = ip.flow_label.filter(|label| *label > 0) {
        fields.add(format_args!("flowlabel 0x{label:05x}"))?;
    }
    if let Some(hop_limit) = ip.hop_limit {
        fields.add(format_args!("hlim {hop_limit}"))?;
    }
    if let Some(protocol) = ip.protocol {
        fields.add(format_args!("next-header {} ({protocol})", protocol_name(protocol)))?;
    }
    match ip.length {
        // No comma precedes it.
        Some(length) if fields.is_open => write!(fields.out, " payload length: {length}")?,
        Some(length) => fields.add(format_args!("payload length: {length}"))?,
        None => {}
    }
    if fields.is_open { fields.out.write_str(") ") } else { Ok(()) }
}

/// `DF`, or several as in `+, DF`, or `none`.
struct FragmentFlags(FragmentField);

impl fmt::Display for FragmentFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(field) = self;
        let flags =
            [(field.more_fragments(), "+"), (field.dont_fragment(), "DF"), (field.reserved(), "rsvd")];
        let mut set = flags.iter().filter(|(is_set, _)| *is_set).map(|(_, name)| name);
        f.write_str(set.next().unwrap_or(&"none"))?;
        set.try_for_each(|name| write!(f, ", {name}"))
    }
}

/// tcpdump's name of an IP protocol (ipproto.c).
fn protocol_name(protocol: u8) -> &'static str {
    match protocol {
        0 => "Options",
        1 => "ICMP",
        2 => "IGMP",
        4 => "IPIP",
        6 => "TCP",
        8 => "EGP",
        9 => "IGRP",
        17 => "UDP",
        33 => "DCCP",
        41 => "IPv6",
        43 => "Routing",
        44 => "Fragment",
        46 => "RSVP",
        47 => "GRE",
        50 => "ESP",
        51 => "AH",
        55 => "Mobile IP",
        58 => "ICMPv6",
        62 => "Mobile IP (old)",
        88 => "EIGRP",
        89 => "OSPF",
        103 => "PIM",
        108 => "Compressed IP",
        112 => "VRRP",
        113 => "PGM",
        132 => "SCTP",
        135 => "Mobility",
        143 => "Ethernet",
        _ => "unknown",
    }
}

/// IPv4 options (RFC 791, 3.1), by IANA's numbers.
fn write_options(out: &mut (impl Write + ?Sized), options: &[u8]) -> fmt::Result {
    let mut rest = options;
    while let Some((&kind, after_kind)) = rest.split_first() {
        if rest.len() < options.len() {
            out.write_char(',')?;
        }
        match kind {
            0 => return out.write_str("EOL"),
            1 => {
                out.write_str("NOP")?;
                rest = after_kind;
                continue;
            }
            7 => out.write_str("RR")?,
            68 => out.write_str("timestamp")?,
            82 => out.write_str("traceroute")?,
            130 => out.write_str("security")?,
            131 => out.write_str("LSRR")?,
            137 => out.write_str("SSRR")?,
            148 => out.write_str("RA")?,
            kind => write!(out, "unknown {kind}")?,
        }
        // A kind that is the header's last byte has no length; tcpdump takes the byte after the header.
        let Some(&len) = after_kind.first() else {
            return Ok(());
        };
        let Some((option, after)) = rest.split_at_checked(len.into()).filter(|_| len >= 2) else {
            return write!(out, " [bad length {len}]");
        };
        match kind {
            7 | 131 | 137 => write_route(out, option)?,
            68 => write_timestamps(out, option)?,
            148 => match option {
                [_, _, high, low, ..] => match u16::from_be_bytes([*high, *low]) {
                    0 => {}
                    value => write!(out, " value {value}")?,
                },
                _ => write!(out, " [bad length {len}]")?,
            },
            _ => {}
        }
        rest = after;
    }
    Ok(())
}

fn write_route(out: &mut (impl Write + ?Sized), option: &[u8]) -> fmt::Result {
    let len = option.len();
    let Some(&pointer) = option.get(2) else {
        return write!(out, " [bad length {len}]");
    };
    if !(len + 1).is_multiple_of(4) {
        write!(out, " [bad length {len}]")?;
    }
    // Counted from 1 (RFC 791, 3.1).
    let next = usize::from(pointer).wrapping_sub(1);
    if next < 3 || next.wrapping_add(1) % 4 != 0 || next > len + 1 {
        write!(out, " [bad ptr {pointer}]")?;
    }
    option.get(3..).unwrap_or_default().chunks_exact(4).enumerate().try_for_each(|(hop, address)| {
        let comma = if next > 3 + hop * 4 { "," } else { "" };
        write!(out, " {}{comma}", Ipv4Addr::from(be(address) as u32))
    })
}

fn write_timestamps(out: &mut (impl Write + ?Sized), option: &[u8]) -> fmt::Result {
    let len = option.len();
    let &[_, _, pointer, overflow_and_kind, ref entries @ ..] = option else {
        return write!(out, "[bad length {len}]");
    };
    out.write_str(" TS{")?;
    let kind = overflow_and_kind & 0x0f;
    let entry_len = if kind == 0 { 4 } else { 8 };
    if entries.len() % entry_len != 0 {
        write!(out, "[bad length {len}]")?;
    }
    // Counted from 1 (RFC 791, 3.1).
    let next = usize::from(pointer).wrapping_sub(1);
    if next < 4 || next.wrapping_sub(4) % entry_len != 0 || next > len + 1 {
        write!(out, "[bad ptr {pointer}]")?;
    }
    let mut position = 0;
    match kind {
        0 => out.write_str("TSONLY")?,
        1 => out.write_str("TS+ADDR")?,
        3 => out.write_str("PRESPEC")?,
        kind => write!(out, "[bad ts type {kind}]")?,
    }
    if matches!(kind, 0 | 1 | 3) {
        position = 4;
        for entry in entries.chunks_exact(entry_len) {
            out.write_str(if next == position { " ^ " } else { " " })?;
            let (address, time) = entry.split_at(entry_len - 4);
            write!(out, "{}@", be(time))?;
            if !address.is_empty() {
                write!(out, "{}", Ipv4Addr::from(be(address) as u32))?;
            }
            position += entry_len;
        }
    }
    if next == position {
        out.write_str(" ^ ")?;
    }
    match overflow_and_kind >> 4 {
        0 => out.write_char('}'),
        hops => write!(out, " [{hops} hops not recorded]}} "),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::packet::IpOptions;

    fn header(source: &str, destination: &str) -> IpHeader {
        let address = |text: &str| text.parse::<std::net::IpAddr>().unwrap();
        IpHeader::between(address(source), address(destination))
    }

    fn printed(ip: &IpHeader) -> String {
        let mut out = String::new();
        write(&mut out, ip, true).unwrap();
        out
    }

    #[test]
    fn absent_fields_are_left_out_with_their_separators() {
        let v4 = header("10.0.0.1", "10.0.0.2");
        assert_eq!(printed(&v4), "IP ");
        let v4 = IpHeader { hop_limit: Some(64), length: Some(52), ..v4 };
        assert_eq!(printed(&v4), "IP (ttl 64, length 52)\n    ");
        let v6 = header("::1", "::2");
        assert_eq!(printed(&v6), "IP6 ");
        let v6 = IpHeader { length: Some(20), ..v6 };
        assert_eq!(printed(&v6), "IP6 (payload length: 20) ");
        let v6 = IpHeader { hop_limit: Some(64), flow_label: Some(7), ..v6 };
        assert_eq!(printed(&v6), "IP6 (flowlabel 0x00007, hlim 64 payload length: 20) ");
    }

    proptest! {
        #[test]
        fn any_options_are_printable(options in proptest::collection::vec(any::<u8>(), 0..=40)) {
            let ip = IpHeader { options: IpOptions::from_wire(&options), ..header("10.0.0.1", "10.0.0.2") };
            prop_assert!(printed(&ip).trim_end().chars().all(|c| (' '..='~').contains(&c)));
        }
    }
}
