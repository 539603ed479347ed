//! A log's bytes, unpacked, as bounded lines.

use std::io::{self, BufRead, BufReader, Read};

use crate::capture::transcript::{Decoded, is_utf16};
use crate::limits;

/// A file or pipe that is read by lines. Nothing is read twice, so a pipe serves as well as a file.
pub(super) struct Input {
    reader: BufReader<Box<dyn Read + Send>>,
    /// How it is compressed: `gzip`, `zstd`.
    pub compression: Option<&'static str>,
    /// Whether its text is in UTF-16, which is read as UTF-8.
    pub is_utf16: bool,
    /// Why unpacking ended early.
    pub trouble: Option<String>,
    line: Vec<u8>,
    /// Lines that were longer than [`limits::LOG_LINE_BYTES`], whose ends were not kept.
    pub overlong: u64,
}

impl Input {
    /// Unpacks what is compressed, by its first bytes.
    ///
    /// # Errors
    /// When the first bytes can't be read.
    pub fn new(reader: impl Read + Send + 'static) -> io::Result<Self> {
        let mut first = BufReader::with_capacity(limits::RECOGNITION_BYTES, reader);
        // RFC 1952, 2.3.1; RFC 8878, 3.1.1.
        let compression = match first.fill_buf()? {
            [0x1f, 0x8b, 8, ..] => Some("gzip"),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some("zstd"),
            _ => None,
        };
        let reader: Box<dyn Read + Send> = match compression {
            Some("gzip") => Box::new(flate2::bufread::MultiGzDecoder::new(first)),
            Some(_) => Box::new(zstd::Decoder::with_buffer(first)?),
            None => Box::new(first),
        };
        let mut reader = BufReader::with_capacity(limits::RECOGNITION_BYTES, reader);
        // What can't be unpacked is found out when it is read.
        let is_utf16 = reader.fill_buf().is_ok_and(is_utf16);
        if is_utf16 {
            let text: Box<dyn Read + Send> = Box::new(Decoded::new(reader));
            reader = BufReader::with_capacity(limits::RECOGNITION_BYTES, text);
        }
        Ok(Self { reader, compression, is_utf16, trouble: None, line: Vec::new(), overlong: 0 })
    }

    /// The bytes that come first, as many as have come.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn head(&mut self) -> io::Result<&[u8]> {
        if self.compression.is_some()
            && let Err(error) = self.reader.fill_buf()
        {
            self.trouble = Some(error.to_string());
            return Ok(&[]);
        }
        self.reader.fill_buf()
    }

    /// The next whole line, without its end; `None` if no more input has arrived. A partial line is kept until the
    /// rest comes, or until [`last_line`](Self::last_line) asks for it.
    ///
    /// # Errors
    /// When the file can't be read. Data that can't be unpacked is an end, with a [`trouble`](Self::trouble).
    pub fn next_line(&mut self) -> io::Result<Option<&[u8]>> {
        if self.line.last() == Some(&b'\n') {
            self.line.clear();
        }
        loop {
            let room = limits::LOG_LINE_BYTES.saturating_sub(self.line.len());
            // One byte more, for the line's end.
            let read = (&mut self.reader).take(room as u64 + 1).read_until(b'\n', &mut self.line);
            match read {
                Ok(0) => return Ok(None),
                Ok(_) if self.line.last() == Some(&b'\n') => return Ok(Some(trimmed(&self.line))),
                Ok(_) if self.line.len() > limits::LOG_LINE_BYTES => {
                    self.overlong += 1;
                    self.line.truncate(limits::LOG_LINE_BYTES);
                    if !self.skip_line()? {
                        return Ok(None);
                    }
                    self.line.push(b'\n');
                    return Ok(Some(trimmed(&self.line)));
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if self.compression.is_some() => {
                    self.trouble = Some(error.to_string());
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// The line that no line end closes.
    pub fn last_line(&mut self) -> Option<&[u8]> {
        if self.line.is_empty() || self.line.last() == Some(&b'\n') {
            return None;
        }
        self.line.push(b'\n');
        Some(trimmed(&self.line))
    }

    /// Passes over the rest of a line; whether it ended.
    fn skip_line(&mut self) -> io::Result<bool> {
        loop {
            let available = match self.reader.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if self.compression.is_some() => {
                    self.trouble = Some(error.to_string());
                    return Ok(false);
                }
                Err(error) => return Err(error),
            };
            if available.is_empty() {
                return Ok(false);
            }
            let end = available.iter().position(|byte| *byte == b'\n');
            let used = end.map_or(available.len(), |end| end + 1);
            self.reader.consume(used);
            if end.is_some() {
                return Ok(true);
            }
        }
    }
}

/// A line without its end, of either kind.
fn trimmed(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};
    use std::sync::{Arc, Mutex};

    use super::*;

    fn lines(bytes: Vec<u8>) -> (Vec<Vec<u8>>, Input) {
        let mut input = Input::new(Cursor::new(bytes)).expect("bytes");
        let mut lines = Vec::new();
        while let Some(line) = input.next_line().expect("lines") {
            lines.push(line.to_vec());
        }
        lines.extend(input.last_line().map(<[u8]>::to_vec));
        (lines, input)
    }

    #[test]
    fn lines_end_as_unix_and_as_windows_end_them() {
        assert_eq!(lines(b"a\r\n\nb".to_vec()).0, [b"a".to_vec(), b"".to_vec(), b"b".to_vec()]);
        assert_eq!(lines(Vec::new()).0, Vec::<Vec<u8>>::new());
    }

    #[test]
    fn a_line_without_end_is_cut_and_counted() {
        let long = vec![b'x'; limits::LOG_LINE_BYTES * 3];
        let (read, input) = lines([long.as_slice(), b"\nend\n"].concat());
        assert_eq!(read.iter().map(Vec::len).collect::<Vec<_>>(), [limits::LOG_LINE_BYTES, 3]);
        assert_eq!(input.overlong, 1);
        let (read, _) = lines(long);
        assert_eq!(read.iter().map(Vec::len).collect::<Vec<_>>(), [limits::LOG_LINE_BYTES]);
    }

    #[test]
    fn compressed_logs_are_unpacked_and_damage_ends_them() {
        let mut packed = Vec::new();
        for part in [b"a\nb", b"c\nd"] {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(part).expect("memory");
            packed.extend(encoder.finish().expect("memory"));
        }
        let (read, input) = lines(packed.clone());
        assert_eq!(
            (read, input.compression),
            (vec![b"a".to_vec(), b"bc".to_vec(), b"d".to_vec()], Some("gzip"))
        );
        packed.truncate(packed.len() - 3);
        let (read, input) = lines(packed);
        assert_eq!(read.first(), Some(&b"a".to_vec()));
        assert!(input.trouble.is_some());
        let zstd = zstd::encode_all(&b"a\nb\n"[..], 1).expect("memory");
        assert_eq!(lines(zstd).0.len(), 2);
    }

    #[test]
    fn text_in_utf16_is_read_as_utf8_whether_it_has_a_mark_or_is_packed() {
        let text = "10.66.76.81 - - a \u{e4}\r\nb\r\n";
        let wide = |mark: bool| -> Vec<u8> {
            let mark = mark.then_some(0xfeff);
            mark.into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
        };
        for (bytes, mark) in [
            (wide(false), ""),
            (wide(true), "\u{feff}"),
            (zstd::encode_all(&wide(true)[..], 1).expect("memory"), "\u{feff}"),
        ] {
            let (read, input) = lines(bytes);
            let first = format!("{mark}10.66.76.81 - - a \u{e4}");
            assert_eq!((read, input.is_utf16), (vec![first.into_bytes(), b"b".to_vec()], true));
        }
        assert!(!lines(text.as_bytes().to_vec()).1.is_utf16);
    }

    /// A file that grows between reads.
    #[derive(Clone, Default)]
    struct Growing(Arc<Mutex<Vec<u8>>>);

    impl Read for Growing {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let mut bytes = self.0.lock().expect("one thread");
            let count = bytes.len().min(into.len());
            into[..count].copy_from_slice(&bytes[..count]);
            bytes.drain(..count);
            Ok(count)
        }
    }

    #[test]
    fn a_line_that_grows_is_read_when_it_is_whole() {
        let file = Growing::default();
        let grow = |text: &str| file.0.lock().expect("one thread").extend(text.bytes());
        grow("a\nb");
        let mut input = Input::new(file.clone()).expect("bytes");
        assert_eq!(input.next_line().expect("lines"), Some(&b"a"[..]));
        assert_eq!(input.next_line().expect("lines"), None);
        grow("c\nd");
        assert_eq!(input.next_line().expect("lines"), Some(&b"bc"[..]));
        assert_eq!(input.next_line().expect("lines"), None);
        assert_eq!(input.last_line(), Some(&b"d"[..]));
    }
}
