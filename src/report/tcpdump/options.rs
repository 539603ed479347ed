//! TCP options between the brackets of `options [...]` (tcpdump, print-tcp.c).

use std::fmt::{self, Write};

use super::hex::{be, write_hex};
use super::mptcp;
use crate::packet::Flags;

/// How the list ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// Whole, the bracket closed.
    Whole,
    /// With an option whose length can't be; nothing more is printed of the segment.
    Bad,
}

/// Bytes that an option's printer lacks.
struct Short;

/// The segment that the options belong to, as far as some options' text depends on it.
#[derive(Clone, Copy)]
pub(super) struct Context {
    pub flags: Flags,
    pub sack_base: u32,
    pub is_payload_captured: bool,
    pub has_payload_byte: bool,
}

/// Prints `, options [...]`.
pub(super) fn write(
    out: &mut (impl Write + ?Sized),
    options: &[u8],
    context: Context,
) -> Result<End, fmt::Error> {
    out.write_str(", options [")?;
    let mut rest = options;
    let mut is_first = true;
    while let Some((&kind, after_kind)) = rest.split_first() {
        if !is_first {
            out.write_char(',')?;
        }
        let (len, data) = match (kind, after_kind.split_first()) {
            (0 | 1, _) => (1, after_kind),
            // tcpdump reads the length from the byte after the header.
            (_, None) if !context.has_payload_byte => {
                out.write_str(" [|tcp]")?;
                return Ok(End::Bad);
            }
            (_, Some((&len, data))) if (2..=rest.len()).contains(&usize::from(len)) => {
                (usize::from(len), data)
            }
            _ => return bad(out, is_first),
        };
        write_name(out, kind)?;
        let Ok(used) = write_data(out, kind, data, len, context)? else {
            return bad(out, is_first);
        };
        let stated = if kind < 2 { 1 } else { used + 2 };
        if stated != len {
            write!(out, "[len {len}]")?;
        }
        rest = data.get(used..).unwrap_or_default();
        is_first = false;
        if kind == 0 {
            break;
        }
    }
    out.write_char(']')?;
    Ok(End::Whole)
}

fn bad(out: &mut (impl Write + ?Sized), is_first: bool) -> Result<End, fmt::Error> {
    out.write_str(if is_first { "[bad opt]" } else { "[bad opt]]" })?;
    Ok(End::Bad)
}

fn write_name(out: &mut (impl Write + ?Sized), kind: u8) -> fmt::Result {
    out.write_str(match kind {
        0 => "eol",
        1 => "nop",
        2 => "mss",
        3 => "wscale",
        4 => "sackOK",
        5 => "sack",
        6 => "echo",
        7 => "echoreply",
        8 => "TS",
        11 => "cc",
        12 => "ccnew",
        13 => "",
        19 => "md5",
        20 => "scps",
        28 => "uto",
        29 => "tcp-ao",
        30 => "mptcp",
        34 => "tfo",
        254 => "exp",
        kind => return write!(out, "unknown-{kind}"),
    })
}

/// Prints an option's data; how many bytes of `data`, which continues beyond the option, its kind takes.
fn write_data(
    out: &mut (impl Write + ?Sized),
    kind: u8,
    data: &[u8],
    len: usize,
    context: Context,
) -> Result<Result<usize, Short>, fmt::Error> {
    let used = match kind {
        0 | 1 | 4 => 0,
        2 | 20 | 28 => 2,
        3 => 1,
        6 | 7 | 11 | 12 | 13 => 4,
        8 => 8,
        19 => 16,
        _ => len - 2,
    };
    let Some(own) = data.get(..used) else {
        return Ok(Err(Short));
    };
    match (kind, own) {
        (2, &[high, low]) => write!(out, " {}", u16::from_be_bytes([high, low]))?,
        (3, &[shift]) => write!(out, " {shift}")?,
        (5, blocks) => write_sack(out, blocks, context.sack_base)?,
        (6 | 7 | 11 | 12 | 13, number) => write!(out, " {}", be(number))?,
        (8, stamps) => {
            let (value, echo) = stamps.split_at(4);
            write!(out, " val {} ecr {}", be(value), be(echo))?;
        }
        (19, digest) => {
            let reason = if context.is_payload_captured {
                "shared secret not supplied with -M"
            } else {
                "snaplen too short"
            };
            write!(out, " {reason}, can't check - ")?;
            write_hex(out, digest)?;
        }
        (20, &[capabilities, id]) => write!(out, " cap {capabilities:02x} id {id}")?,
        (28, number) => {
            let field = be(number);
            // RFC 5482, 3.3, with the granularity bit where tcpdump takes it for: the lowest one.
            let seconds = if field & 1 == 1 { (field >> 1) * 60 } else { field >> 1 };
            write!(out, " 0x{field:x} {seconds}")?;
        }
        (29, [key_id, next_key_id, mac @ ..]) => {
            write!(out, " keyid {key_id} rnextkeyid {next_key_id}")?;
            if !mac.is_empty() {
                out.write_str(" mac 0x")?;
                write_hex(out, mac)?;
            }
        }
        (29, _) => out.write_str(" (invalid)")?,
        (30, own) => {
            if !mptcp::write(out, own, context.flags)? {
                return Ok(Err(Short));
            }
        }
        (34, cookie) => {
            out.write_char(' ')?;
            write_fast_open(out, cookie)?;
        }
        // RFC 6994: an experiment's identifier; RFC 7413's is Fast Open.
        (254, [0xf9, 0x89, cookie @ ..]) => {
            out.write_str("-tfo")?;
            write_fast_open(out, cookie)?;
        }
        (254, [high, low, ..]) => write!(out, "-{high:02x}{low:02x}")?,
        (254, _) => return Ok(Err(Short)),
        (0 | 1 | 4, _) | (_, []) => {}
        (_, own) => {
            out.write_str(" 0x")?;
            write_hex(out, own)?;
        }
    }
    Ok(Ok(used))
}

fn write_sack(out: &mut (impl Write + ?Sized), blocks: &[u8], base: u32) -> fmt::Result {
    if !blocks.len().is_multiple_of(8) {
        return out.write_str(" invalid sack");
    }
    write!(out, " {} ", blocks.len() / 8)?;
    blocks.chunks_exact(8).try_for_each(|block| {
        let (first, after_last) = block.split_at(4);
        let edge = |bytes| (be(bytes) as u32).wrapping_sub(base);
        write!(out, "{{{}:{}}}", edge(first), edge(after_last))
    })
}

/// RFC 7413, 4.1.1: a cookie has an even length from 4 to 16 bytes, and none asks for one.
fn write_fast_open(out: &mut (impl Write + ?Sized), cookie: &[u8]) -> fmt::Result {
    match cookie.len() {
        0 => out.write_str(" cookiereq"),
        len if len % 2 == 1 || !(4..=16).contains(&len) => out.write_str(" (invalid)"),
        _ => {
            out.write_str(" cookie ")?;
            write_hex(out, cookie)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn printed(options: &[u8]) -> (String, End) {
        let context = Context {
            flags: Flags(Flags::ACK),
            sack_base: 1000,
            is_payload_captured: true,
            has_payload_byte: true,
        };
        let mut out = String::new();
        let end = write(&mut out, options, context).unwrap();
        (out, end)
    }

    #[test]
    fn options_are_printed_one_by_one_up_to_damage() {
        for (options, text) in [
            (&[2, 4, 5, 0xb4, 4, 2, 1, 3, 3, 7][..], ", options [mss 1460,sackOK,nop,wscale 7]"),
            (&[1, 1, 5, 10, 0, 0, 3, 233, 0, 0, 3, 234], ", options [nop,nop,sack 1 {1:2}]"),
            (&[0, 9, 9, 9], ", options [eol]"),
            (&[200, 4, 0xab, 1], ", options [unknown-200 0xab01]"),
            (&[34, 2, 1, 1], ", options [tfo  cookiereq,nop,nop]"),
            (&[1, 2, 9, 0], ", options [nop,[bad opt]]"),
            (&[2, 9, 0, 0], ", options [[bad opt]"),
        ] {
            let expected = if text.contains("bad") { End::Bad } else { End::Whole };
            assert_eq!(printed(options), (text.to_owned(), expected));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_printable(options in proptest::collection::vec(any::<u8>(), 0..=40)) {
            prop_assert!(printed(&options).0.chars().all(|c| (' '..='~').contains(&c)));
        }
    }
}
