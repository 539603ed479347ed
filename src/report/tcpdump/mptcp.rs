//! The Multipath TCP option (RFC 8684, 3; tcpdump, print-mptcp.c).

use std::fmt::{self, Write};
use std::net::{Ipv4Addr, Ipv6Addr};

use super::hex::{be, write_hex};
use crate::packet::Flags;

/// Prints the option from its `data`, which follows kind and length; whether its length fits its subtype.
pub(super) fn write(out: &mut (impl Write + ?Sized), data: &[u8], flags: Flags) -> Result<bool, fmt::Error> {
    let [subtype, after_subtype @ ..] = data else {
        return Ok(false);
    };
    let names = ["capable", "join", "dss", "add-addr", "rem-addr", "prio", "fail", "fast-close"];
    let name = names.get(usize::from(subtype >> 4)).unwrap_or(&"unknown");
    write!(out, " {} {name}", data.len() + 2)?;
    let low_bits = subtype & 0x0f;
    match (subtype >> 4, after_subtype) {
        (0, rest) => capable(out, low_bits, rest, flags),
        (1, rest) => join(out, low_bits, rest, flags),
        (2, [bits, rest @ ..]) if !flags.syn() => dss(out, *bits, rest),
        (3, [id, rest @ ..]) => add_address(out, low_bits, *id, rest),
        (4, ids) if !ids.is_empty() => {
            out.write_str(" id")?;
            ids.iter().try_for_each(|id| write!(out, " {id}"))?;
            Ok(true)
        }
        (5, id @ ([] | [_])) => {
            out.write_str(if low_bits & 1 == 1 { " backup" } else { " non-backup" })?;
            id.iter().try_for_each(|id| write!(out, " id {id}"))?;
            Ok(true)
        }
        (6, [_, seq @ ..]) if seq.len() == 8 => write!(out, " seq {}", be(seq)).map(|()| true),
        (7, [_, key @ ..]) if key.len() == 8 => write!(out, " key 0x{:x}", be(key)).map(|()| true),
        (8.., _) => Ok(true),
        _ => Ok(false),
    }
}

/// MP_CAPABLE (RFC 8684, 3.1).
fn capable(
    out: &mut (impl Write + ?Sized),
    version: u8,
    rest: &[u8],
    flags: Flags,
) -> Result<bool, fmt::Error> {
    let [bits, keys @ ..] = rest else {
        return Ok(false);
    };
    let fits = match keys.len() {
        0 | 8 => flags.syn(),
        16 | 18 => flags.ack() && !flags.syn(),
        _ => false,
    };
    if !fits {
        return Ok(false);
    }
    if version > 1 {
        write!(out, " Unknown Version ({version})")?;
        return Ok(true);
    }
    write!(out, " v{version}")?;
    if bits & 0x80 != 0 {
        out.write_str(" csum")?;
    }
    if let Some((sender, after)) = keys.split_at_checked(8) {
        write!(out, " {{0x{:x}", be(sender))?;
        if let Some(receiver) = after.get(..8) {
            write!(out, ",0x{:x}", be(receiver))?;
        }
        out.write_char('}')?;
    }
    Ok(true)
}

/// MP_JOIN (RFC 8684, 3.2).
fn join(
    out: &mut (impl Write + ?Sized),
    low_bits: u8,
    rest: &[u8],
    flags: Flags,
) -> Result<bool, fmt::Error> {
    let [id, rest @ ..] = rest else {
        return Ok(false);
    };
    let has_id = match rest.len() {
        8 if flags.syn() => true,
        12 if flags.syn() && flags.ack() => true,
        20 if flags.ack() => false,
        _ => return Ok(false),
    };
    if has_id {
        if low_bits & 1 == 1 {
            out.write_str(" backup")?;
        }
        write!(out, " id {id}")?;
    }
    match rest.len() {
        8 => write!(out, " token 0x{:x} nonce 0x{:x}", be(&rest[..4]), be(&rest[4..]))?,
        12 => write!(out, " hmac 0x{:x} nonce 0x{:x}", be(&rest[..8]), be(&rest[8..]))?,
        _ => {
            out.write_str(" hmac 0x")?;
            write_hex(out, rest)?;
        }
    }
    Ok(true)
}

/// DSS (RFC 8684, 3.3).
fn dss(out: &mut (impl Write + ?Sized), bits: u8, mut rest: &[u8]) -> Result<bool, fmt::Error> {
    let mut take = |bytes: usize| {
        let (number, after) = rest.split_at_checked(bytes)?;
        rest = after;
        Some(be(number))
    };
    let has = |bit: u8| bits & bit != 0;
    if has(0x10) {
        out.write_str(" fin")?;
    }
    if has(0x01) {
        out.write_str(" ack ")?;
        let Some(ack) = take(if has(0x02) { 8 } else { 4 }) else {
            return Ok(false);
        };
        write!(out, "{ack}")?;
    }
    if has(0x04) {
        out.write_str(" seq ")?;
        for (name, bytes) in [("", if has(0x08) { 8 } else { 4 }), (" subseq ", 4), (" len ", 2)] {
            let Some(number) = take(bytes) else {
                return Ok(false);
            };
            write!(out, "{name}{number}")?;
        }
        if let Some(checksum) = take(2) {
            write!(out, " csum 0x{checksum:x}")?;
        }
    }
    Ok(rest.is_empty())
}

/// ADD_ADDR (RFC 8684, 3.4.1).
fn add_address(
    out: &mut (impl Write + ?Sized),
    low_bits: u8,
    id: u8,
    rest: &[u8],
) -> Result<bool, fmt::Error> {
    let (is_v4, has_port, has_hmac) = match rest.len() {
        4 => (true, false, false),
        6 => (true, true, false),
        12 => (true, false, true),
        14 => (true, true, true),
        16 => (false, false, false),
        18 => (false, true, false),
        24 => (false, false, true),
        26 => (false, true, true),
        _ => return Ok(false),
    };
    let version = match low_bits {
        6 => "v0-ip6",
        4 => "v0-ip4",
        1 => "v1-echo",
        0 => "v1",
        _ => "[bad version/echo]",
    };
    write!(out, " {version} id {id}")?;
    let (address, after) = rest.split_at(if is_v4 { 4 } else { 16 });
    match <[u8; 16]>::try_from(address) {
        Ok(octets) => write!(out, " {}", Ipv6Addr::from(octets))?,
        Err(_) => write!(out, " {}", Ipv4Addr::from(be(address) as u32))?,
    }
    if has_port {
        write!(out, ":{}", be(&after[..2]))?;
    }
    if has_hmac {
        write!(out, " hmac 0x{:x}", be(&after[after.len() - 8..]))?;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_subtype_is_named_and_a_wrong_length_is_noticed() {
        let mut out = String::new();
        assert!(write(&mut out, &[0x01, 0x81, 0, 0, 0, 0, 0, 0, 0, 9], Flags(Flags::SYN)).unwrap());
        assert_eq!(out, " 12 capable v1 csum {0x9}");
        assert!(!write(&mut out, &[0x01, 0x81, 0], Flags(Flags::SYN)).unwrap());
    }

    proptest! {
        #[test]
        fn any_bytes_are_printable(data in proptest::collection::vec(any::<u8>(), 0..=38), bits: u8) {
            let mut out = String::new();
            write(&mut out, &data, Flags(bits)).unwrap();
            prop_assert!(out.chars().all(|c| (' '..='~').contains(&c)));
        }
    }
}
