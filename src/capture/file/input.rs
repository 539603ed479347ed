//! Bytes of a file or pipe, decompressed, in one buffer that is used again and again.

use std::cell::Cell;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

use crate::limits;

/// A stream of which a stretch is in memory. It never seeks, and never waits for more than was asked for.
pub(super) struct Input {
    reader: Box<dyn Read>,
    /// Whether `reader` decompresses, so that its errors mean damaged data rather than a failing disk.
    compression: Option<Compression>,
    progress: Progress,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Offset of `start` in the decompressed stream.
    offset: u64,
    is_at_end: bool,
    trouble: Option<String>,
    /// Whether a pause of the writer is reported as [`io::ErrorKind::WouldBlock`]; else it is waited out.
    reports_pauses: bool,
}

/// How a file is compressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Compression {
    /// RFC 1952, with any number of members.
    Gzip,
    /// RFC 8878, with any number of frames.
    Zstd,
}

impl Compression {
    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// By the first four bytes.
    fn of(head: &[u8]) -> Option<Self> {
        match head {
            // RFC 1952, 2.3.1: the magic, and 8 for deflate, the only method there is.
            [0x1f, 0x8b, 8, ..] => Some(Self::Gzip),
            // RFC 8878, 3.1.1 and 3.1.2: a frame, or a skippable frame before one.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// How far the file itself is read, compressed as it may be; shared by all that sits on top of it.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    read: Rc<Cell<u64>>,
    total: Option<u64>,
}

impl Progress {
    /// Bytes read, and bytes in all where that is known.
    pub(super) fn figures(&self) -> (u64, Option<u64>) {
        (self.read.get(), self.total)
    }
}

impl Input {
    /// Bytes as they are in the file.
    ///
    /// `total` is the file's size in bytes where it is known.
    pub(super) fn new(reader: impl Read + 'static, total: Option<u64>) -> Self {
        let read = Rc::new(Cell::new(0));
        let counted = Counted { reader, read: Rc::clone(&read) };
        Self::over(Box::new(counted), None, Progress { read, total })
    }

    /// The same bytes decompressed, where they are compressed.
    pub(super) fn decompressed(mut self) -> io::Result<Self> {
        self.fill(4)?;
        let progress = self.progress.clone();
        let compression = Compression::of(self.available());
        let reader: Box<dyn Read> = match compression {
            None => return Ok(self),
            Some(Compression::Gzip) => Box::new(flate2::bufread::MultiGzDecoder::new(self)),
            Some(Compression::Zstd) => Box::new(zstd::Decoder::with_buffer(self)?),
        };
        Ok(Self::over(reader, compression, progress))
    }

    fn over(reader: Box<dyn Read>, compression: Option<Compression>, progress: Progress) -> Self {
        Self {
            reader,
            compression,
            progress,
            buffer: vec![0; limits::READ_BUFFER_BYTES],
            start: 0,
            end: 0,
            offset: 0,
            is_at_end: false,
            trouble: None,
            reports_pauses: false,
        }
    }

    /// Reads on until at least `wanted` bytes are [`available`](Self::available); false when the stream ends before.
    ///
    /// # Errors
    /// When the file can't be read. Compressed data that can't be decompressed is an end with a
    /// [`trouble`](Self::trouble) instead: what came before it is good.
    pub(super) fn fill(&mut self, wanted: usize) -> io::Result<bool> {
        if self.end - self.start >= wanted { Ok(true) } else { self.read_on(wanted) }
    }

    #[cold]
    fn read_on(&mut self, wanted: usize) -> io::Result<bool> {
        while self.end - self.start < wanted {
            if self.is_at_end {
                return Ok(false);
            }
            if self.end == self.buffer.len() {
                self.buffer.copy_within(self.start..self.end, 0);
                self.end -= self.start;
                self.start = 0;
                if self.end == self.buffer.len() {
                    // Doubling only once it is full of real bytes: a length field alone allocates nothing.
                    self.buffer.resize(self.buffer.len() * 2, 0);
                }
            }
            match self.reader.read(self.buffer.get_mut(self.end..).unwrap_or_default()) {
                Ok(0) => self.is_at_end = true,
                Ok(count) => self.end += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && !self.reports_pauses => {}
                Err(error) if self.compression.is_some() => {
                    self.is_at_end = true;
                    self.trouble = Some(error.to_string());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// From now on a pause of the writer is an error of the kind [`io::ErrorKind::WouldBlock`]; reading may continue after it.
    pub(super) fn report_pauses(&mut self) {
        // Decompressors wait their input's pauses out.
        self.reports_pauses = self.compression.is_none();
    }

    /// The bytes that are in memory and not consumed.
    pub(super) fn available(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Consumes `header + len` bytes, which must be available, and returns the last `len` of them.
    pub(super) fn take(&mut self, header: usize, len: usize) -> &[u8] {
        let from = self.start + header;
        self.skip(header + len);
        self.buffer.get(from..self.start).unwrap_or_default()
    }

    /// Consumes `count` of the available bytes.
    pub(super) fn skip(&mut self, count: usize) {
        let count = count.min(self.end - self.start);
        self.start += count;
        self.offset += count as u64;
    }

    /// Offset of the first available byte in the decompressed stream.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Why decompressing stopped early.
    pub(super) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// A format's name for people: `pcap (µs, little-endian, gzip)`.
    pub(super) fn format_name(&self, format: &str, particulars: &[&str]) -> String {
        let compression = self.compression().map(Compression::name);
        let particulars: Vec<_> = particulars.iter().copied().chain(compression).collect();
        format!("{format} ({})", particulars.join(", "))
    }

    /// How it is compressed.
    pub(super) fn compression(&self) -> Option<Compression> {
        self.compression
    }

    /// How far the file is read.
    pub(super) fn progress(&self) -> &Progress {
        &self.progress
    }
}

impl Read for Input {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(into)?;
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Input {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.fill(1)?;
        Ok(self.available())
    }

    fn consume(&mut self, count: usize) {
        self.skip(count);
    }
}

/// Counts the bytes that pass.
struct Counted<R> {
    reader: R,
    read: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(into)?;
        self.read.set(self.read.get().saturating_add(count as u64));
        Ok(count)
    }
}
