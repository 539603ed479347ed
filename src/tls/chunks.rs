//! A body in chunks (RFC 9112, 7.1), byte by byte.

/// CR and LF.
const LINE_END_BYTES: u64 = 2;

/// Where in its chunks a body is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ChunkPlace {
    /// In the digits of a chunk's size: their value so far.
    Size(u64),
    /// In the rest of that line, of a chunk of this size.
    Line(u64),
    /// In a chunk, of which this many bytes are still to come, with the line's end.
    Chunk(u64),
    /// After the last chunk, or where it is not known.
    End,
}

impl Default for ChunkPlace {
    fn default() -> Self {
        Self::Size(0)
    }
}

impl ChunkPlace {
    /// Where it is after these bytes.
    pub(crate) fn after(mut self, mut bytes: &[u8]) -> Self {
        while let [byte, rest @ ..] = bytes {
            if let Self::Chunk(left) = self {
                let taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                bytes = &bytes[taken..];
                self = match left - taken as u64 {
                    0 => Self::Size(0),
                    left => Self::Chunk(left),
                };
                continue;
            }
            self = self.after_byte(*byte);
            bytes = rest;
        }
        self
    }

    /// Whether data of a chunk is still to come that was announced. The line's end after it may come with the next chunk.
    pub(crate) fn is_inside_chunk(self, largest: u64) -> bool {
        matches!(self, Self::Chunk(left) if (LINE_END_BYTES + 1..=largest).contains(&left))
    }

    /// Where it is after a byte that belongs to no chunk's data.
    fn after_byte(self, byte: u8) -> Self {
        /// No chunk is as large: what gives such a size is none.
        const LARGEST: u64 = 1 << 40;
        match (self, byte, (byte as char).to_digit(16)) {
            (Self::Size(size), _, Some(digit)) if size < LARGEST => Self::Size(size * 16 + u64::from(digit)),
            (Self::Size(0) | Self::Line(0), b'\n', _) => Self::End,
            (Self::Size(size) | Self::Line(size), b'\n', _) => Self::Chunk(size + LINE_END_BYTES),
            (Self::Size(size) | Self::Line(size), ..) if size < LARGEST => Self::Line(size),
            _ => Self::End,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_body_s_place_is_known_byte_by_byte() {
        for (bytes, place) in [
            (&b""[..], ChunkPlace::Size(0)),
            (b"1a", ChunkPlace::Size(26)),
            (b"5;a=1", ChunkPlace::Line(5)),
            (b"5\r\nhel", ChunkPlace::Chunk(4)),
            (b"5\r\nhello", ChunkPlace::Chunk(2)),
            (b"5\r\nhello\r\n", ChunkPlace::Size(0)),
            (b"5\r\nhello\r\n0\r\n", ChunkPlace::End),
            (b"ffffffffffffffffffff\r\n", ChunkPlace::End),
        ] {
            assert_eq!(ChunkPlace::default().after(bytes), place, "{bytes:?}");
            let in_parts = bytes.iter().fold(ChunkPlace::default(), |place, byte| place.after(&[*byte]));
            assert_eq!(in_parts, place, "{bytes:?}");
        }
    }

    #[test]
    fn a_chunk_of_which_the_line_s_end_alone_is_missing_is_whole() {
        let is_inside = |bytes: &[u8]| ChunkPlace::default().after(bytes).is_inside_chunk(100);
        assert!(is_inside(b"5\r\nhell") && !is_inside(b"5\r\nhello") && !is_inside(b"ff\r\nhello"));
    }

    proptest! {
        #[test]
        fn any_bytes_have_a_place(bytes: Vec<u8>) {
            let _ = ChunkPlace::default().after(&bytes);
        }
    }
}
