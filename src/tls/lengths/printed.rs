//! What the characters show that `tcpdump -A` prints of a payload: '.' replaces whatever can't be printed.

use crate::tls::plain::{Plain, PlainKind};
use crate::tls::{AlertDescription, RECORD_HEADER_BYTES};

/// A byte as tcpdump prints it (print-ascii.c).
fn shown(byte: u8) -> u8 {
    match byte {
        b'\t' | b'\n' | b' '..=b'~' => byte,
        _ => b'.',
    }
}

/// How well characters fit a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fit {
    /// They can't be that message.
    No,
    /// They may be.
    Maybe,
    /// Headers and lengths are where they must be, but none of them shows.
    Likely,
    /// Headers and lengths are where they must be.
    Surely,
}

/// Whether a segment of `len` bytes, of which these characters were printed, begins with a ClientHello.
pub(super) fn client_hello(printed: &[u8], len: u32) -> Fit {
    let [
        content,
        major,
        minor,
        record_high,
        record_low,
        kind,
        high,
        middle,
        low,
        hello_major,
        hello_minor,
        ..,
    ] = *printed
    else {
        return if printed.first().is_none_or(|first| *first == b'.') { Fit::Maybe } else { Fit::No };
    };
    if [content, major, minor, kind, high, hello_major, hello_minor] != *b"......." {
        // SSLv2's: a length with its highest bit set, message type 1, version 3.x (RFC 5246, E.2).
        let may_be_old = [content, minor, record_high, record_low] == *b"....";
        return if may_be_old { Fit::Maybe } else { Fit::No };
    }
    if has_suites(printed) {
        return Fit::Surely;
    }
    // One record fills the segment, and one message the record: then both lengths are known. It takes one that can be
    // printed to distinguish them from other bytes.
    let Some(message) = len.checked_sub(9) else { return Fit::No };
    let [.., record_hi, record_lo] = (message + 4).to_be_bytes();
    let [.., message_hi, message_lo] = message.to_be_bytes();
    let expected = [record_hi, record_lo, message_hi, message_lo].map(shown);
    let is_shown = expected.iter().any(|shown| *shown != b'.');
    match [record_high, record_low, middle, low] == expected {
        true if is_shown => Fit::Surely,
        true => Fit::Likely,
        false => Fit::Maybe,
    }
}

/// Whether the list of a ClientHello's cipher suites is where it must be: after a random of 32 bytes and a session id of none or
/// of 32 (RFC 5246, 7.4.1.2). A suite's first byte is no letter, but in GREASE (RFC 8701), and enough of the second ones are those
/// of usual suites.
fn has_suites(printed: &[u8]) -> bool {
    /// Headers 9, version 2, random 32.
    const SESSION_ID: usize = 43;
    /// Second bytes of the usual AES suites, as characters.
    const USUAL: &[u8] = b"+,/0#$'(35<=9gk2";
    let list = match printed.get(SESSION_ID) {
        Some(b' ') => SESSION_ID + 1 + 32 + 2,
        Some(b'.') => SESSION_ID + 1 + 2,
        _ => return false,
    };
    let (pairs, _) = printed.get(list..).unwrap_or_default().as_chunks::<2>();
    let suites = pairs.iter().take_while(|[first, second]| *first == b'.' || first == second);
    suites.filter(|[first, second]| *first == b'.' && USUAL.contains(second)).take(3).count() == 3
}

/// The protocol of printed text, where it is certain: a record header would begin with bytes that can't be printed.
pub(super) fn plain(printed: &[u8]) -> Option<Plain> {
    let is_text = |byte: &u8| matches!(byte, b' '..=b'~') && *byte != b'.';
    let is_certain = printed.len() >= 4 && printed.iter().take(4).all(is_text);
    let plain = is_certain.then(|| Plain::recognise(printed))?;
    (plain.kind != PlainKind::Text || is_line_of_text(printed)).then_some(plain)
}

/// Whether no more than an ellipsis of a line's beginning may be bytes that can't be printed. Where lines were wrapped, a few letters of
/// what is encrypted may be taken for a payload's first ones.
fn is_line_of_text(printed: &[u8]) -> bool {
    const BEGINNING: usize = 60;
    const MORE_THAN_AN_ELLIPSIS: &[u8] = b"....";
    let line = printed.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let beginning = line.get(..BEGINNING).unwrap_or(line);
    !beginning.windows(MORE_THAN_AN_ELLIPSIS.len()).any(|letters| letters == MORE_THAN_AN_ELLIPSIS)
}

/// An alert's description, where its last byte can be printed; '.' is ambiguous.
pub(super) fn alert(printed: &[u8]) -> Option<AlertDescription> {
    let (start, code) = (printed.get(..6)?, *printed.get(6)?);
    (start == b"......" && code != b'.').then_some(AlertDescription(code))
}

/// How many bytes of a segment of `len` bytes are a TLS 1.3 client's Finished, with the ChangeCipherSpec and the empty
/// Certificate that may precede it: the low byte of its record's length can be printed, and is that of no key exchange
/// (RFC 8446, 4.4.4).
pub(super) fn finished_13(printed: &[u8], len: u32) -> Option<u32> {
    const CHANGE_CIPHER_SPEC: usize = super::sizes::CHANGE_CIPHER_SPEC as usize;
    const EMPTY_CERTIFICATE: usize = super::sizes::EMPTY_CERTIFICATE as usize;
    let of_record = |printed: &[u8]| match printed {
        [b'.', b'.', b'.', b'.', body @ (53 | 69 | 85), ..] => Some(RECORD_HEADER_BYTES + u32::from(*body)),
        _ => None,
    };
    let begins = |before: usize| {
        let finished = of_record(printed.get(before..)?)?;
        printed.get(..before)?.iter().take(10).all(|shown| *shown == b'.').then_some(finished + before as u32)
    };
    // What follows it in the segment is a record: its type and version can't be printed.
    let may_follow = |finished: u32| {
        let after = printed.iter().skip(finished as usize).take(3);
        finished <= len && after.copied().all(|shown| shown == b'.')
    };
    let places = [0, CHANGE_CIPHER_SPEC, CHANGE_CIPHER_SPEC + EMPTY_CERTIFICATE];
    places.into_iter().find_map(begins).filter(|finished| may_follow(*finished))
}

/// The server name of a ClientHello, where its extension is among the printed bytes: every length before the name
/// must be printed as its number would be (RFC 6066, 3).
pub(super) fn server_name(printed: &[u8]) -> Option<String> {
    /// Type and length of the extension, length of the list, type and length of the name.
    const HEADERS: usize = 9;
    /// Version, random and the shortest lists precede it.
    const EARLIEST: usize = 50;
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    (EARLIEST..printed.len()).find_map(|begin| {
        let headers = printed.get(begin - HEADERS..begin)?;
        let rest = printed.get(begin..)?;
        let most = rest.iter().take_while(|byte| is_part(byte)).count().min(253);
        // The longest name that fits: what follows it may look like a shorter one's end.
        (4..=most).rev().find_map(|len| {
            let name = std::str::from_utf8(rest.get(..len)?).ok()?;
            let numbers = [0, 0, 0, len + 5, 0, len + 3, 0, 0, len];
            let fits = numbers.iter().zip(headers).all(|(number, seen)| shown(*number as u8) == *seen);
            let is_ended = rest.get(len).is_none_or(|next| *next == b'.');
            (fits && is_ended && is_host_name(name)).then(|| name.to_owned())
        })
    })
}

/// A name of two labels at least, the last one of letters.
fn is_host_name(name: &str) -> bool {
    let mut labels = name.rsplit('.');
    let is_top = |label: &str| label.len() >= 2 && label.bytes().all(|byte| byte.is_ascii_alphabetic());
    labels.next().is_some_and(is_top)
        && name.contains('.')
        && name.split('.').all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn show(bytes: &[u8]) -> Vec<u8> {
        bytes.iter().copied().map(shown).collect()
    }

    fn hello_of(len: u16, minor: u8) -> Vec<u8> {
        let mut bytes = vec![22, 3, minor];
        bytes.extend((len - 5).to_be_bytes());
        bytes.extend([1, 0]);
        bytes.extend((len - 9).to_be_bytes());
        bytes.extend([3, 3]);
        bytes.resize(62, 0x80);
        bytes
    }

    #[test]
    fn a_client_hello_shows_its_lengths() {
        for len in [109, 130, 553] {
            assert_eq!(client_hello(&show(&hello_of(len, 1)), u32::from(len)), Fit::Surely, "{len}");
        }
        assert_eq!(client_hello(&show(&hello_of(130, 1)), 600), Fit::Maybe);
        // Lengths of 512 and 508 are printed as dots, as anything else may be.
        assert_eq!(client_hello(&show(&hello_of(517, 1)), 517), Fit::Likely);
        assert_eq!(client_hello(&show(&[0x80, 0x2e, 1, 3, 1, 0, 0x15, 0, 0, 0, 0x10]), 48), Fit::Maybe);
        assert_eq!(client_hello(b"GET / HTTP/1.1", 200), Fit::No);
        assert_eq!(client_hello(b"", 200), Fit::Maybe);
    }

    #[test]
    fn a_client_hello_is_known_by_its_cipher_suites() {
        let hello = |session_id: &[u8], suites: &[u8]| {
            let mut bytes = hello_of(138, 1);
            bytes.truncate(43);
            bytes.resize(43, 0x80);
            bytes.push(session_id.len() as u8);
            bytes.extend(session_id);
            bytes.extend([0, suites.len() as u8]);
            bytes.extend(suites);
            client_hello(&show(&bytes), 138)
        };
        let usual = [0x13, 1, 0xc0, 0x2c, 0xc0, 0x30, 0, 0x9f, 0xcc, 0xa9, 0xc0, 0x2b];
        assert_eq!(hello(&[], &usual), Fit::Surely);
        assert_eq!(hello(&[0x80; 32], &[&[0x3a, 0x3a], &usual[..]].concat()), Fit::Surely);
        // Two of the usual ones may be there by chance, and other bytes are no suites.
        assert_eq!(hello(&[], &usual[..8]), Fit::Likely);
        assert_eq!(hello(&[], b"a,b,c0d0e+f+"), Fit::Likely);
    }

    #[test]
    fn letters_before_many_bytes_that_can_t_be_printed_are_no_text() {
        assert_eq!(plain(b"qrstuvwxyz{|}~......./...+..(..%0..!0").map(|plain| plain.kind), None);
        for (text, kind) in [
            (&b"220 mail ready...\r\n"[..], PlainKind::Text),
            (b"HTTP/1.1 400 Bad\r\n\r\n......", PlainKind::HttpResponse(400)),
            (b"SSH-2.0-x\r\n.........", PlainKind::Ssh),
            (b"hello\n............", PlainKind::Text),
        ] {
            assert_eq!(plain(text).map(|plain| plain.kind), Some(kind), "{text:?}");
        }
    }

    #[test]
    fn a_printable_alert_is_named() {
        assert_eq!(alert(&show(&[21, 3, 3, 0, 2, 2, 40])), Some(AlertDescription(40)));
        assert_eq!(alert(&show(&[21, 3, 3, 0, 2, 2, 46])), None);
        assert_eq!(alert(b"HTTP/1."), None);
    }

    #[test]
    fn a_finished_of_tls13_shows_its_length_where_no_key_exchange_s_is() {
        let change = [20, 3, 3, 0, 1, 1];
        let empty_certificate = [&[23, 3, 3, 0, 25][..], &[0x80; 25]].concat();
        for body in [53, 69, 85] {
            let finished = [&[23, 3, 3, 0, body][..], &[0x80; 20]].concat();
            let len = 5 + u32::from(body);
            assert_eq!(finished_13(&show(&finished), 200), Some(len));
            assert_eq!(finished_13(&show(&[&change[..], &finished].concat()), 200), Some(6 + len));
            let after = [&change[..], &empty_certificate, &finished].concat();
            assert_eq!(finished_13(&show(&after), 200), Some(36 + len));
            assert_eq!(finished_13(&show(&finished), len - 1), None);
        }
        for key_exchange in [37, 70, 102] {
            assert_eq!(finished_13(&show(&[22, 3, 3, 0, key_exchange, 16]), 126), None);
        }
        // The length of a client's Certificate may have the same low byte, and no record begins where the Finished would end.
        let certificate = [&[22, 3, 3, 3, 69, 11][..], &[0x80; 68], b"C=DE, O=Lab"].concat();
        assert_eq!(finished_13(&show(&certificate), 1_204), None);
    }

    #[test]
    fn the_server_name_is_known_by_the_lengths_before_it() {
        let name = b"ssm.example.net";
        let len = name.len() as u8;
        let mut hello = vec![0x80; 60];
        hello.extend([0, 0, 0, len + 5, 0, len + 3, 0, 0, len]);
        hello.extend(name);
        hello.extend([0, 23, 0, 0, 0, 10]);
        assert_eq!(server_name(&show(&hello)).as_deref(), Some("ssm.example.net"));
        // A length of 33 would be printed as it is.
        hello[68] = b'!';
        assert_eq!(server_name(&show(&hello)), None);
    }

    proptest! {
        #[test]
        fn any_characters_are_read(printed: Vec<u8>, len: u32) {
            let _ = (client_hello(&printed, len), plain(&printed), alert(&printed), finished_13(&printed, len));
            if let Some(name) = server_name(&printed) {
                prop_assert!(is_host_name(&name));
            }
        }
    }
}
