//! What a file looks like that is not a capture, so that the error can name it.

/// What a file's first bytes look like, and what to do about it.
pub(super) struct Looks {
    /// What it is, with its article.
    pub(super) what: &'static str,
    /// What to try.
    pub(super) hint: &'static str,
}

const CONVERT: &str = "convert it: editcap -F pcapng FILE converted.pcapng";
const DECOMPRESS: &str = "decompress it first; gzip and zstd need no decompressing";
const EXTRACT: &str = "extract it and give the capture inside";
const WRONG_FILE: &str = "give a pcap or pcapng file, or tcpdump's text";

/// Magic bytes at the start of a file, what they mean, and what to try (Wireshark, wiretap/*.c; file(1)).
const SIGNATURES: [(&[u8], &str, &str); 25] = [
    (b"snoop\0\0\0", "a snoop capture (Solaris)", CONVERT),
    (b"GMBU", "a Microsoft Network Monitor capture", CONVERT),
    (b"RTSS", "a Microsoft Network Monitor 1 capture", CONVERT),
    (b"TRSNIFF data    \x1a", "a Sniffer capture", CONVERT),
    (b"XCP\0", "a NetXRay capture", CONVERT),
    (b"btsnoop\0", "a Bluetooth btsnoop capture, in which there is no TCP", WRONG_FILE),
    (b"\x7fVeriWave", "a VeriWave capture", CONVERT),
    (b"iptrace 1.0", "an iptrace capture (AIX)", CONVERT),
    (b"iptrace 2.0", "an iptrace capture (AIX)", CONVERT),
    (b"#!/", "a script", WRONG_FILE),
    (b"\x7fELF", "an ELF program", WRONG_FILE),
    (b"MZ", "a Windows program", WRONG_FILE),
    (b"PK\x03\x04", "a ZIP archive", EXTRACT),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", EXTRACT),
    (b"Rar!", "a RAR archive", EXTRACT),
    (b"BZh", "bzip2-compressed", DECOMPRESS),
    (b"\xfd7zXZ\0", "xz-compressed", DECOMPRESS),
    (b"\x04\x22\x4d\x18", "lz4-compressed", DECOMPRESS),
    (b"\x89PNG", "a PNG image: a picture of a capture can't be read", WRONG_FILE),
    (b"\xff\xd8\xff", "a JPEG image: a picture of a capture can't be read", WRONG_FILE),
    (b"GIF8", "a GIF image: a picture of a capture can't be read", WRONG_FILE),
    (b"%PDF", "a PDF document", "copy its text into a plain text file"),
    (b"SQLite format 3\0", "an SQLite database", WRONG_FILE),
    (b"\xfe\xff", "text in UTF-16", "convert it: iconv -f UTF-16 -t UTF-8 FILE > converted.txt"),
    (b"\xff\xfe", "text in UTF-16", "convert it: iconv -f UTF-16 -t UTF-8 FILE > converted.txt"),
];

/// What the first bytes look like; `None` when they look like nothing known.
pub(super) fn looks_like(head: &[u8]) -> Option<Looks> {
    if let Some((_, what, hint)) = SIGNATURES.iter().find(|(signature, ..)| head.starts_with(signature)) {
        return Some(Looks { what, hint });
    }
    if head.get(257..262) == Some(b"ustar") {
        return Some(Looks { what: "a tar archive", hint: EXTRACT });
    }
    if looks_like_erf(head) {
        return Some(Looks { what: "perhaps an ERF capture (Endace)", hint: CONVERT });
    }
    if !looks_like_text(head) {
        return None;
    }
    let start: Vec<u8> = head.trim_ascii_start().iter().take(256).map(u8::to_ascii_lowercase).collect();
    Some(match start.as_slice() {
        [b'<', b'!', b'd', b'o', b'c', ..] | [b'<', b'h', b't', b'm', b'l', ..] => Looks {
            what: "an HTML page",
            hint: "it may be a login page saved in place of the capture: open it in a browser",
        },
        [b'<', ..] => Looks { what: "XML", hint: WRONG_FILE },
        [b'{', ..] => Looks { what: "JSON", hint: WRONG_FILE },
        // A prompt may begin with a bracket as well.
        [b'[', rest @ ..]
            if matches!(rest.trim_ascii_start(), [b'{' | b'[' | b'"' | b']' | b'-' | b'0'..=b'9', ..]) =>
        {
            Looks { what: "JSON", hint: WRONG_FILE }
        }
        _ => Looks {
            what: "text, and no line of it is a packet of a form that is read",
            hint: "paste the lines that tcpdump prints, time and addresses included",
        },
    })
}

/// Whether the first record is one of ERF's: it has no magic, but types and lengths that fit (Endace, ERF types).
fn looks_like_erf(head: &[u8]) -> bool {
    let Some([kind, _, high, low]) = head.get(8..12).and_then(<[u8]>::first_chunk::<4>) else { return false };
    let record_len = usize::from(u16::from_be_bytes([*high, *low]));
    let following = head.get(record_len + 8..record_len + 9);
    // A second record of the same type follows the first within the bytes at hand.
    matches!(kind & 0x7f, 1..=48) && record_len >= 16 && following == Some(&[*kind])
}

/// Whether the bytes are text in UTF-8 as far as they go.
fn looks_like_text(head: &[u8]) -> bool {
    let head = head.get(..1024).unwrap_or(head);
    let is_utf8 = match std::str::from_utf8(head) {
        Ok(_) => true,
        // A character that the end of the excerpt cuts.
        Err(error) => error.error_len().is_none(),
    };
    let is_printable = |byte: &u8| *byte >= b' ' || matches!(byte, b'\t' | b'\n' | b'\r' | 0x1b | 0x0c);
    is_utf8 && head.iter().all(is_printable)
}
