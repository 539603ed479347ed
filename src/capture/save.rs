//! Frames saved as pcapng. Each block is written whole and at once, so that whatever ends the program leaves a file that is
//! good up to its last packet but one.
//!
//! The format is that of draft-ietf-opsawg-pcapng.

use std::io::{self, Write};

use super::Frame;
use crate::time::Timestamp;

const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const INTERFACE_STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;

const END_OF_OPTIONS: u16 = 0;
const COMMENT: u16 = 1;
/// In a section header: the program that wrote it.
const USER_APPLICATION: u16 = 4;
/// In an interface description: its name, and the power of ten that times are counted in.
const INTERFACE_NAME: u16 = 2;
const TIME_RESOLUTION: u16 = 9;
/// In interface statistics: when the capture ended, and packets that the operating system dropped. Those that the interface dropped are
/// counted with them.
const END_TIME: u16 = 3;
const DROPPED_BY_SYSTEM: u16 = 7;

/// Writes one section of pcapng.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    device: String,
    snaplen: u32,
    /// Link types of the interfaces that are described, in their order.
    link_types: Vec<u32>,
    block: Vec<u8>,
    written: u64,
}

impl<W: Write> Writer<W> {
    /// Begins a section for frames of this device, whose name may be empty, with a comment for the file's reader.
    ///
    /// # Errors
    /// When `out` can't be written.
    pub fn new(out: W, device: &str, snaplen: u32, comment: Option<&str>) -> io::Result<Self> {
        let device = device.to_owned();
        let mut writer = Self { out, device, snaplen, link_types: Vec::new(), block: Vec::new(), written: 0 };
        writer.begin(SECTION_HEADER);
        // Byte order, version 1.0, and a length that is not given.
        writer.block.extend(0x1a2b_3c4d_u32.to_le_bytes());
        writer.block.extend([1, 0, 0, 0]);
        writer.block.extend(u64::MAX.to_le_bytes());
        if let Some(comment) = comment {
            writer.option(COMMENT, comment.as_bytes());
        }
        writer.option(USER_APPLICATION, concat!("ssmscope ", env!("CARGO_PKG_VERSION")).as_bytes());
        writer.option(END_OF_OPTIONS, &[]);
        writer.end()?;
        Ok(writer)
    }

    /// Writes a frame, with a comment on it.
    ///
    /// # Errors
    /// When `out` can't be written. What it then holds of the block is for the caller to cut off.
    pub fn frame(&mut self, frame: &Frame<'_>, comment: Option<&str>) -> io::Result<()> {
        let interface = self.interface(frame.link_type)?;
        self.begin(ENHANCED_PACKET);
        self.block.extend(interface.to_le_bytes());
        self.time(frame.at);
        self.block.extend((frame.bytes.len() as u32).to_le_bytes());
        self.block.extend(frame.wire_len.to_le_bytes());
        self.block.extend_from_slice(frame.bytes);
        self.pad();
        if let Some(comment) = comment {
            self.option(COMMENT, comment.as_bytes());
            self.option(END_OF_OPTIONS, &[]);
        }
        self.end()
    }

    /// Writes that the capture ended then, and how many packets were dropped, where that is known.
    ///
    /// # Errors
    /// When `out` can't be written.
    pub fn statistics(&mut self, at: Timestamp, dropped: Option<u64>) -> io::Result<()> {
        for interface in 0..self.link_types.len() as u32 {
            self.begin(INTERFACE_STATISTICS);
            self.block.extend(interface.to_le_bytes());
            self.time(at);
            let nanos = at.nanos().max(0) as u64;
            let words = [(nanos >> 32) as u32, nanos as u32].map(u32::to_le_bytes);
            self.option(END_TIME, words.as_flattened());
            if let Some(dropped) = dropped {
                self.option(DROPPED_BY_SYSTEM, &dropped.to_le_bytes());
            }
            self.option(END_OF_OPTIONS, &[]);
            self.end()?;
        }
        Ok(())
    }

    /// Bytes of whole blocks that were written.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// What is written to. What was written may be taken away from it.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.out
    }

    /// What is written to.
    pub fn into_inner(self) -> W {
        self.out
    }

    /// The interface with frames of this link type; it is described when it is first needed.
    fn interface(&mut self, link_type: u32) -> io::Result<u32> {
        if let Some(known) = self.link_types.iter().position(|known| *known == link_type) {
            return Ok(known as u32);
        }
        self.begin(INTERFACE_DESCRIPTION);
        self.block.extend((link_type as u16).to_le_bytes());
        self.block.extend([0, 0]);
        self.block.extend(self.snaplen.to_le_bytes());
        let name = std::mem::take(&mut self.device);
        if !name.is_empty() {
            self.option(INTERFACE_NAME, name.as_bytes());
        }
        self.device = name;
        self.option(TIME_RESOLUTION, &[9]);
        self.option(END_OF_OPTIONS, &[]);
        self.end()?;
        self.link_types.push(link_type);
        Ok(self.link_types.len() as u32 - 1)
    }

    /// Begins a block; its length is filled in at its end.
    fn begin(&mut self, kind: u32) {
        self.block.clear();
        self.block.extend(kind.to_le_bytes());
        self.block.extend([0; 4]);
    }

    /// Times count nanoseconds since 1970; what lies before counts as its beginning.
    fn time(&mut self, at: Timestamp) {
        let nanos = at.nanos().max(0) as u64;
        self.block.extend(((nanos >> 32) as u32).to_le_bytes());
        self.block.extend((nanos as u32).to_le_bytes());
    }

    /// An option; longer texts than it can hold are cut where a character ends.
    fn option(&mut self, code: u16, value: &[u8]) {
        let mut len = value.len().min(usize::from(u16::MAX));
        while len < value.len() && len > 0 && value.get(len).is_some_and(|byte| byte & 0xc0 == 0x80) {
            len -= 1;
        }
        self.block.extend(code.to_le_bytes());
        self.block.extend((len as u16).to_le_bytes());
        self.block.extend_from_slice(value.get(..len).unwrap_or_default());
        self.pad();
    }

    fn pad(&mut self) {
        self.block.resize(self.block.len().next_multiple_of(4), 0);
    }

    fn end(&mut self) -> io::Result<()> {
        let len = (self.block.len() as u32 + 4).to_le_bytes();
        self.block.extend(len);
        if let Some(place) = self.block.get_mut(4..8) {
            place.copy_from_slice(&len);
        }
        self.out.write_all(&self.block)?;
        self.written += self.block.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;
    use crate::capture::{Record, file};
    use crate::packet::Origin;

    fn frame(number: u64, link_type: u32, nanos: i64, bytes: &[u8]) -> Frame<'_> {
        let at = Timestamp::from_nanos(nanos);
        let wire_len = bytes.len() as u32 + 7;
        Frame { number, origin: Origin { file: 0, number }, at, link_type, wire_len, bytes }
    }

    proptest! {
        #[test]
        fn what_is_saved_is_read_back(
            frames in proptest::collection::vec(
                (prop_oneof![Just(1u32), Just(113), Just(276)], 0i64..1 << 60, proptest::collection::vec(any::<u8>(), 0..90), any::<bool>()),
                1..20,
            )
        ) {
            let mut writer = Writer::new(Vec::new(), "eth0", 262_144, Some("why")).unwrap();
            for (link_type, nanos, bytes, has_comment) in &frames {
                writer.frame(&frame(1, *link_type, *nanos, bytes), has_comment.then_some("a word")).unwrap();
            }
            let latest = frames.iter().map(|(_, nanos, ..)| *nanos).max().unwrap_or(0);
            writer.statistics(Timestamp::from_nanos(latest + 7), Some(3)).unwrap();
            let written = Cursor::new(writer.into_inner());
            let mut source = file::read("saved", 0, written, None).unwrap();
            for (link_type, nanos, bytes, _) in &frames {
                let Some(Record::Frame(read)) = source.next_record().unwrap() else { panic!("a frame") };
                prop_assert_eq!((read.link_type, read.at.nanos(), read.bytes), (*link_type, *nanos, &bytes[..]));
                prop_assert_eq!(read.wire_len as usize, bytes.len() + 7);
            }
            let end = source.next_record().unwrap();
            prop_assert!(matches!(end, Some(Record::Idle(at)) if at.nanos() == latest + 7), "{:?}", end);
            prop_assert!(source.next_record().unwrap().is_none());
            prop_assert_eq!(source.about().dropped, Some(3 * frames.iter().map(|frame| frame.0).collect::<std::collections::BTreeSet<_>>().len() as u64));
            prop_assert!(source.about().notes.is_empty(), "{:?}", source.about().notes);
        }
    }

    #[test]
    fn long_comments_are_cut_where_a_character_ends() {
        let comment = "é".repeat(40_000);
        let mut writer = Writer::new(Vec::new(), "eth0", 100, Some(&comment)).unwrap();
        writer.frame(&frame(1, 1, 0, &[1, 2, 3]), None).unwrap();
        let mut source = file::read("saved", 0, Cursor::new(writer.into_inner()), None).unwrap();
        assert!(matches!(source.next_record(), Ok(Some(Record::Frame(_)))));
        assert!(source.about().notes.is_empty());
    }
}
