//! The bytes of a file as UTF-8: PowerShell's `>` and Notepad write UTF-16 after a byte order mark.

use std::io::{self, BufRead, Read};

/// A file's bytes, decoded where they are UTF-16.
#[derive(Debug)]
pub struct Decoded<R> {
    reader: R,
    /// What a byte order mark shows; `None` before the first bytes.
    encoding: Option<Encoding>,
    /// Decoded bytes, and how many of them were consumed.
    buffer: Vec<u8>,
    at: usize,
    /// A byte whose other half is still to come, and a surrogate whose other half is.
    half: Option<u8>,
    surrogate: Option<u16>,
    /// Bytes of the file consumed so far.
    pub consumed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    AsIs,
    Utf16 { is_big_endian: bool },
}

/// Whether a file that begins with `first_bytes` is UTF-16, by its byte order mark or its first letters.
pub fn is_utf16(first_bytes: &[u8]) -> bool {
    matches!(Encoding::of(first_bytes), Encoding::Utf16 { .. })
}

impl Encoding {
    fn of(first_bytes: &[u8]) -> Self {
        match first_bytes {
            [0xff, 0xfe, ..] => Self::Utf16 { is_big_endian: false },
            [0xfe, 0xff, ..] => Self::Utf16 { is_big_endian: true },
            _ => Self::without_mark(first_bytes).unwrap_or(Self::AsIs),
        }
    }

    /// Where the mark is missing, the zeros of the first letters show UTF-16.
    fn without_mark(first_bytes: &[u8]) -> Option<Self> {
        const SHOWN: usize = 16;
        let shown = first_bytes.get(..SHOWN)?;
        let is_letter = |byte: u8| (b' '..=b'~').contains(&byte) || matches!(byte, b'\t' | b'\r' | b'\n');
        let has_zeros = |zero: usize| {
            shown.chunks_exact(2).all(|pair| matches!(pair, [one, two] if [*one, *two][zero] == 0 && is_letter([*one, *two][1 - zero])))
        };
        [1, 0].into_iter().find(|zero| has_zeros(*zero)).map(|zero| Self::Utf16 { is_big_endian: zero == 0 })
    }
}

impl<R: BufRead> Decoded<R> {
    pub fn new(reader: R) -> Self {
        Self { reader, encoding: None, buffer: Vec::new(), at: 0, half: None, surrogate: None, consumed: 0 }
    }

    /// The next bytes as UTF-8; none at the end of the file.
    pub fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let encoding = if let Some(encoding) = self.encoding {
            encoding
        } else {
            let encoding = Encoding::of(self.reader.fill_buf()?);
            *self.encoding.insert(encoding)
        };
        let Encoding::Utf16 { is_big_endian } = encoding else { return self.reader.fill_buf() };
        while self.at == self.buffer.len() {
            let available = self.reader.fill_buf()?;
            let used = available.len();
            self.at = 0;
            self.buffer.clear();
            if used == 0 {
                break;
            }
            let mut units = Vec::with_capacity(used / 2 + 1);
            units.extend(self.surrogate.take());
            for byte in available {
                let Some(first) = self.half.take() else {
                    self.half = Some(*byte);
                    continue;
                };
                let pair = [first, *byte];
                units.push(if is_big_endian { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) });
            }
            // The second of a pair of surrogates (RFC 2781, 2.1) may be in the next bytes.
            self.surrogate = units.pop_if(|last| (0xd800..0xdc00).contains(last));
            for letter in char::decode_utf16(units) {
                let letter = letter.unwrap_or(char::REPLACEMENT_CHARACTER);
                self.buffer.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
            }
            self.reader.consume(used);
            self.consumed += used as u64;
        }
        Ok(&self.buffer[self.at..])
    }

    /// Marks `count` of the bytes that [`Self::fill_buf`] returned as used.
    pub fn consume(&mut self, count: usize) {
        if self.encoding == Some(Encoding::AsIs) {
            self.reader.consume(count);
            self.consumed += count as u64;
        } else {
            self.at += count;
        }
    }
}

impl<R: BufRead> Read for Decoded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(into.len());
        into[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use proptest::prelude::*;

    use super::*;

    fn decoded(bytes: &[u8], at_once: usize) -> (String, u64) {
        let mut decoded = Decoded::new(BufReader::with_capacity(at_once, bytes));
        let mut text = Vec::new();
        loop {
            let available = decoded.fill_buf().expect("bytes in memory can be read");
            if available.is_empty() {
                break;
            }
            // Not all at once, as lines are read.
            let used = available.len().min(3);
            text.extend_from_slice(&available[..used]);
            decoded.consume(used);
        }
        (String::from_utf8_lossy(&text).into_owned(), decoded.consumed)
    }

    fn utf16(text: &str, is_big_endian: bool) -> Vec<u8> {
        let units = std::iter::once(0xfeff).chain(text.encode_utf16());
        units
            .flat_map(|unit: u16| if is_big_endian { unit.to_be_bytes() } else { unit.to_le_bytes() })
            .collect()
    }

    #[test]
    fn utf16_of_either_order_is_decoded_and_all_else_is_as_it_is() {
        let text = "10:00 a \u{2192} b\r\n\u{1f440} c\n";
        for at_once in [2, 3, 4, 5, 64] {
            for is_big_endian in [false, true] {
                let bytes = utf16(text, is_big_endian);
                let read = decoded(&bytes, at_once);
                assert_eq!(read, (format!("\u{feff}{text}"), bytes.len() as u64), "{at_once}");
            }
            assert_eq!(decoded(text.as_bytes(), at_once), (text.to_owned(), text.len() as u64));
        }
        let lines = "10:00:00.000000 IP a > b\n";
        for is_big_endian in [false, true] {
            let bytes = &utf16(lines, is_big_endian)[2..];
            assert_eq!(decoded(bytes, 64), (lines.to_owned(), bytes.len() as u64));
        }
        assert!(!is_utf16(&[0; 16]) && !is_utf16(b"10:00:00.000000 IP a > b"));
        assert!(is_utf16(&utf16("", false)) && is_utf16(&utf16("", true)) && !is_utf16(b"10:00"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_to_their_end(bytes: Vec<u8>, at_once in 1_usize..9) {
            for mark in [&b""[..], b"\xff\xfe", b"\xfe\xff"] {
                let bytes = [mark, &bytes].concat();
                prop_assert_eq!(decoded(&bytes, at_once).1, bytes.len() as u64);
            }
        }
    }
}
