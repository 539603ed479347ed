//! A body in chunks (RFC 9112, 7.1), read as clients read it: a line may end in LF alone.

use crate::limits;

/// Where the next byte belongs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    /// In the digits of a chunk's size, of which there are this many so far.
    Size(usize),
    /// In the spaces after them.
    Space,
    /// In what may follow the size, up to the line's end.
    Extension,
    /// After the CR that ends a size's line.
    SizeEnd,
    /// In a chunk's data.
    Data,
    /// At the line's end after the data.
    DataEnd,
    /// After the CR of that.
    DataLf,
    /// At the beginning of a line after the last chunk.
    Trailer,
    /// In such a line.
    TrailerLine,
    /// After the CR of a line that is empty so far.
    LastEnd,
    /// After the body.
    Over,
}

/// What is no chunk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Broken {
    /// The size.
    Size,
    /// More data than the size says, or less.
    End,
    /// A line that is longer than is read.
    Line,
}

impl Broken {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Size => "the chunk size is invalid",
            Self::End => "a chunk's data does not end where its size says,",
            Self::Line => "a line between the chunks is longer than this check reads",
        }
    }
}

/// Follows the chunks.
#[derive(Clone, Debug)]
pub(super) struct Chunks {
    place: Place,
    /// The size that is read, and of a chunk's data what is still to come.
    left: u64,
    /// Bytes of the line, or of all lines after the last chunk.
    line: usize,
    /// Whether the size's line ended in CR and LF: data ends as it does, or its size is wrong.
    has_cr: bool,
}

impl Chunks {
    pub(super) fn new() -> Self {
        Self { place: Place::Size(0), left: 0, line: 0, has_cr: false }
    }

    /// Whether the body is whole.
    pub(super) fn is_over(&self) -> bool {
        self.place == Place::Over
    }

    /// Whether the last chunk has come, and only its end has not.
    pub(super) fn is_at_last(&self) -> bool {
        matches!(self.place, Place::Trailer | Place::TrailerLine | Place::LastEnd)
    }

    /// Takes bytes, and copies data to `text` as far as there is room. Returns how many were taken, and how many copied.
    ///
    /// # Errors
    /// When they are no chunks.
    pub(super) fn take(&mut self, came: &[u8], text: &mut [u8]) -> Result<(usize, usize), Broken> {
        let (mut taken, mut copied) = (0, 0);
        while let Some(rest) = came.get(taken..).filter(|rest| !rest.is_empty()) {
            if self.place == Place::Over {
                break;
            }
            if self.place != Place::Data {
                match self.byte(rest.first().copied().unwrap_or_default()) {
                    Ok(()) => taken += 1,
                    // What came before it counts, and it stays.
                    Err(_) if taken > 0 => break,
                    Err(broken) => return Err(broken),
                }
                continue;
            }
            let room = text.get_mut(copied..).unwrap_or_default();
            let left = usize::try_from(self.left).unwrap_or(usize::MAX);
            let len = rest.len().min(room.len()).min(left);
            if len == 0 {
                break;
            }
            for (to, from) in room.iter_mut().zip(rest.iter().take(len)) {
                *to = *from;
            }
            taken += len;
            copied += len;
            self.left -= len as u64;
            if self.left == 0 {
                self.place = Place::DataEnd;
            }
        }
        Ok((taken, copied))
    }

    /// Takes a byte that is no data.
    fn byte(&mut self, byte: u8) -> Result<(), Broken> {
        /// Digits of a size that fits: 64 bits.
        const DIGITS: usize = 16;
        self.line += 1;
        if self.line > limits::HTTP_HEAD_BYTES {
            return Err(Broken::Line);
        }
        self.place = match (self.place, byte) {
            (Place::Size(digits), _) if byte.is_ascii_hexdigit() && digits < DIGITS => {
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                self.left = self.left << 4 | u64::from(digit);
                Place::Size(digits + 1)
            }
            (Place::Size(0), _) => return Err(Broken::Size),
            (Place::Size(_) | Place::Space, b' ' | b'\t') => Place::Space,
            (Place::Size(_) | Place::Space, b'\r') => Place::SizeEnd,
            (Place::Size(_) | Place::Space | Place::Extension | Place::SizeEnd, b'\n') => self.begin(),
            (Place::Size(_) | Place::Space, b';') | (Place::Extension, _) => Place::Extension,
            (Place::Size(_) | Place::Space | Place::SizeEnd, _) => return Err(Broken::Size),
            (Place::DataEnd, b'\r') => Place::DataLf,
            (Place::DataEnd, b'\n') if !self.has_cr => self.end(),
            (Place::DataLf, b'\n') => self.end(),
            (Place::DataEnd | Place::DataLf, _) => return Err(Broken::End),
            (Place::Trailer, b'\r') => Place::LastEnd,
            (Place::Trailer | Place::LastEnd, b'\n') => Place::Over,
            (Place::TrailerLine, b'\n') => Place::Trailer,
            (Place::Trailer | Place::TrailerLine | Place::LastEnd, _) => Place::TrailerLine,
            // No line: `take` has these.
            (place @ (Place::Data | Place::Over), _) => place,
        };
        Ok(())
    }

    /// What follows a size's line.
    fn begin(&mut self) -> Place {
        self.line = 0;
        self.has_cr = self.place == Place::SizeEnd;
        if self.left == 0 { Place::Trailer } else { Place::Data }
    }

    /// What follows a chunk.
    fn end(&mut self) -> Place {
        (self.left, self.line) = (0, 0);
        Place::Size(0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The data of a body that comes in pieces of this size, whether it is whole, and what follows it.
    fn read(body: &[u8], piece: usize) -> (Result<String, Broken>, bool, usize) {
        let mut chunks = Chunks::new();
        let (mut data, mut place) = (Vec::new(), 0);
        while place < body.len() && !chunks.is_over() {
            let end = body.len().min(place + piece);
            let mut text = [0; 7];
            match chunks.take(&body[place..end], &mut text) {
                Ok((taken, copied)) => {
                    place += taken;
                    data.extend_from_slice(&text[..copied]);
                }
                Err(broken) => return (Err(broken), false, 0),
            }
        }
        (Ok(String::from_utf8_lossy(&data).into_owned()), chunks.is_over(), body.len() - place)
    }

    #[test]
    fn chunks_are_read_as_clients_read_them() {
        for (body, data, is_whole, after) in [
            ("5\r\nhello\r\n0\r\n\r\n", "hello", true, 0),
            ("5\nhello\n0\n\n", "hello", true, 0),
            (
                "05 \t\r\nhello\r\nA;x=\"y;z\"\r\n, you all!\r\n00\r\nX: y\r\nZ: 1\n\r\nmore",
                "hello, you all!",
                true,
                4,
            ),
            ("5\r\nhello\r\n0\r\n", "hello", false, 0),
            ("5\r\nhello\r\n", "hello", false, 0),
            ("9\r\nhello", "hello", false, 0),
            ("", "", false, 0),
        ] {
            for piece in 1..=body.len().max(1) {
                assert_eq!(
                    read(body.as_bytes(), piece),
                    (Ok(data.to_owned()), is_whole, after),
                    "{body:?} by {piece}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_chunk_is_said_so() {
        for (body, broken) in [
            ("-5\r\nhello\r\n0\r\n\r\n", Broken::Size),
            ("0x5\r\nhello\r\n", Broken::Size),
            ("zz\r\n", Broken::Size),
            (";x\r\n", Broken::Size),
            ("\r\n5\r\nhello", Broken::Size),
            ("5 5\r\nhello", Broken::Size),
            ("5\rhello", Broken::Size),
            ("10000000000000005\r\nhello", Broken::Size),
            ("5\r\nhelloXX0\r\n\r\n", Broken::End),
            ("6\r\nhello\r\n0\r\n\r\n", Broken::End),
            ("5\r\nhello\r\r\n0\r\n\r\n", Broken::End),
        ] {
            assert_eq!(read(body.as_bytes(), 3).0, Err(broken), "{body:?}");
        }
    }

    #[test]
    fn lines_between_chunks_are_bounded() {
        let long = "y".repeat(limits::HTTP_HEAD_BYTES);
        for body in
            [format!("5;{long}"), format!("0\r\nX: {long}"), format!("0\r\n{}", "X\r\n".repeat(6_000))]
        {
            assert_eq!(read(body.as_bytes(), 1_000).0, Err(Broken::Line));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_chunks_or_none(body: Vec<u8>, digits in "[0-9a-f;\r\n ]{0,40}", piece in 1..9_usize) {
            let _ = read(&body, piece);
            let _ = read(digits.as_bytes(), piece);
        }
    }
}
