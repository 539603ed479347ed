//! Several files as one capture in time order, as a ring buffer's files are.
//!
//! Records of one file keep the order in which they are stored; between files the earlier one goes first, and of equally
//! early ones that of the file given first.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::Path;

use etherparse::ip_number;

use super::{About, Frame, Handles, ReadError, Record, Source, file};
use crate::limits;
use crate::packet::{Content, Names, Other, Packet, Segment, SegmentHeader};
use crate::time::{Clock, Timestamp};

/// What could be opened of several files.
pub struct Opened {
    /// As one capture; nothing if none could be opened.
    pub source: Option<Box<dyn Source>>,
    /// Why the others could not.
    pub failed: Vec<ReadError>,
}

/// Opens all `paths` and reads them as one capture. `-` is standard input.
///
/// # Errors
/// For the first path that can't be opened or is no capture, and when the files' clocks can't be compared.
pub fn open<P: AsRef<Path>>(paths: &[P]) -> Result<Box<dyn Source>, ReadError> {
    let Opened { source, failed } = open_all(paths, &Handles::default(), false)?;
    match (failed.into_iter().next(), source) {
        (Some(error), _) => Err(error),
        (None, Some(source)) => Ok(source),
        (None, None) => Ok(Box::new(Merged::new(Vec::new())?)),
    }
}

/// Opens those of `paths` that can be read, as one capture; those in `handles` are open already. `-` is standard input, and can
/// be given once. With `reads_ahead` each file's first record is read at once, so that the clock of a text is known before its
/// first packet.
///
/// # Errors
/// When the files are too many, and when their clocks can't be compared.
pub fn open_all<P: AsRef<Path>>(
    paths: &[P],
    handles: &Handles,
    reads_ahead: bool,
) -> Result<Opened, ReadError> {
    if paths.len() > limits::FILES {
        return Err(ReadError {
            file: format!("{} files", paths.len()),
            what: format!("more than the {} that are read at once", limits::FILES),
            hint: Some("join them first: mergecap -w joined.pcapng FILE...".to_owned()),
        });
    }
    let mut failed = Vec::new();
    let mut sources = Vec::with_capacity(paths.len());
    let mut has_standard_input = false;
    for path in paths {
        let is_standard_input = path.as_ref() == Path::new("-");
        if is_standard_input && has_standard_input {
            let what = "is given twice, and standard input can be read once".to_owned();
            failed.push(ReadError { file: "-".to_owned(), what, hint: None });
            continue;
        }
        has_standard_input |= is_standard_input;
        match file::open(path.as_ref(), sources.len() as u16, handles) {
            Ok(source) => sources.push(source),
            Err(error) => failed.push(error),
        }
    }
    let source = match <[_; 1]>::try_from(sources) {
        Ok([only]) if !reads_ahead => Some(only),
        Ok(only) => Some(Box::new(Merged::new(only.into())?) as Box<dyn Source>),
        Err(sources) if sources.is_empty() => None,
        Err(sources) => Some(Box::new(Merged::new(sources)?) as Box<dyn Source>),
    };
    Ok(Opened { source, failed })
}

/// Sources read as one.
pub struct Merged {
    inputs: Vec<Waiting>,
    /// When each source's next record was captured, and the source; the earliest comes out first.
    queue: BinaryHeap<Reverse<(Timestamp, usize)>>,
    /// The source whose record was returned last, and whose next one is not read yet.
    spent: Option<usize>,
    number: u64,
}

/// A source with its next record in hand.
struct Waiting {
    source: Box<dyn Source>,
    next: Option<Held>,
    /// The bytes of `next`; the same memory serves record after record.
    bytes: Vec<u8>,
}

/// A record whose bytes are held apart.
pub(super) enum Held {
    /// Without its bytes.
    Frame(Frame<'static>),
    /// A packet of a text.
    Printed(Box<Detached>),
    /// Another capture of a text begins.
    NextCapture,
    /// The capture ended then.
    End(Timestamp),
}

/// A packet of which the bytes are held apart, and of a segment the headers too.
pub(super) struct Detached {
    /// A segment is nothing here.
    packet: Packet<'static>,
    /// A segment's headers, and the lengths of its payload and of the printed bytes after it, which what was decoded follows.
    segment: Option<(SegmentHeader, usize, usize)>,
    /// What its source calls the hosts that it mentions.
    names: Names,
}

impl Held {
    /// When it was captured.
    pub(super) fn at(&self) -> Timestamp {
        match self {
            Self::Frame(frame) => frame.at,
            Self::Printed(detached) => detached.packet.at,
            Self::NextCapture => Timestamp::ZERO,
            Self::End(at) => *at,
        }
    }
}

impl Merged {
    /// Merges sources, each with the file index of its place here.
    ///
    /// # Errors
    /// When a source's first record can't be read, or two sources' clocks can't be compared.
    pub fn new(sources: Vec<Box<dyn Source>>) -> Result<Self, ReadError> {
        let inputs =
            sources.into_iter().map(|source| Waiting { source, next: None, bytes: Vec::new() }).collect();
        let mut merged = Self { inputs, queue: BinaryHeap::new(), spent: None, number: 0 };
        for index in 0..merged.inputs.len() {
            merged.advance(index)?;
        }
        merged.check_clocks()?;
        Ok(merged)
    }

    /// Takes the next record of a source in hand.
    fn advance(&mut self, index: usize) -> Result<(), ReadError> {
        // Several files are one capture, whatever each of them holds.
        let is_alone = self.inputs.len() == 1;
        let Some(input) = self.inputs.get_mut(index) else { return Ok(()) };
        let mut record = input.source.next_record()?;
        while !is_alone && matches!(record, Some(Record::NextCapture)) {
            record = input.source.next_record()?;
        }
        input.next = match record {
            Some(Record::NextCapture) => Some(Held::NextCapture),
            // How long another file's capture lasted shows nothing of this one's.
            Some(Record::Idle(at)) if is_alone => Some(Held::End(at)),
            None | Some(Record::Idle(_)) => return Ok(()),
            Some(Record::Frame(frame)) => {
                input.bytes.clear();
                input.bytes.extend_from_slice(frame.bytes);
                Some(Held::Frame(Frame { bytes: &[], ..frame }))
            }
            Some(Record::Printed(packet)) => {
                Some(Held::Printed(Box::new(Detached::of(packet, &mut input.bytes))))
            }
        };
        if let Some(next) = &input.next {
            self.queue.push(Reverse((next.at(), index)));
        }
        Ok(())
    }

    /// Whether all files that hold packets count their time from the same zero.
    fn check_clocks(&self) -> Result<(), ReadError> {
        let mut captures = self.inputs.iter().map(|input| input.source.about()).filter(has_packets);
        let Some(first) = captures.next() else { return Ok(()) };
        match captures.find(|about| about.clock != first.clock) {
            None => Ok(()),
            Some(other) => Err(ReadError {
                file: format!("{} and {}", name_of(&first), name_of(&other)),
                what: format!(
                    "can't be put in time order: the first has {}, the second {}",
                    describe(first.clock),
                    describe(other.clock)
                ),
                hint: Some("read them one at a time, or print both with tcpdump -tttt".to_owned()),
            }),
        }
    }
}

impl Source for Merged {
    fn next_record(&mut self) -> Result<Option<Record<'_>>, ReadError> {
        if let Some(spent) = self.spent.take() {
            self.advance(spent)?;
        }
        let Some(Reverse((_, index))) = self.queue.pop() else { return Ok(None) };
        self.spent = Some(index);
        let Some(Waiting { next, bytes, .. }) = self.inputs.get_mut(index) else { return Ok(None) };
        // Each capture of a text counts its own packets.
        self.number = if matches!(next, Some(Held::NextCapture)) { 0 } else { self.number + 1 };
        let number = self.number;
        Ok(next.as_ref().map(|held| match held {
            Held::NextCapture => Record::NextCapture,
            Held::End(at) => Record::Idle(*at),
            Held::Frame(frame) => Record::Frame(Frame { number, bytes, ..*frame }),
            Held::Printed(packet) => Record::Printed(Packet { number, ..packet.attached(bytes) }),
        }))
    }

    fn about(&self) -> About {
        let mut all = About::default();
        for about in self.inputs.iter().map(|input| input.source.about()) {
            if has_packets(&about) {
                all.clock = about.clock;
            }
            all.files.extend(about.files);
            all.digits = all.digits.max(about.digits);
            all.dropped = all.dropped.into_iter().chain(about.dropped).reduce(u64::saturating_add);
            all.notes.extend(about.notes);
            // If there are several, packets have other numbers here.
            if self.inputs.len() == 1 {
                all.unread = about.unread;
            }
        }
        all
    }

    fn progress(&self) -> (u64, Option<u64>) {
        self.inputs
            .iter()
            .map(|input| input.source.progress())
            .fold((0, Some(0)), |(read, total), (more, size)| {
                (read + more, total.and_then(|total| Some(total + size?)))
            })
    }
}

impl Detached {
    /// A packet whose bytes go into `bytes`.
    pub(super) fn of(packet: Packet<'_>, bytes: &mut Vec<u8>) -> Self {
        let Packet { number, origin, at, wire_len, is_cut, direction, filtered, cooked_type, names, content } =
            packet;
        let names = names.only(&content.hosts());
        bytes.clear();
        let mut segment = None;
        let content = match content {
            Content::Segment(Segment { header, payload, printed, decoded }) => {
                segment = Some((*header, payload.len(), printed.len()));
                bytes.extend_from_slice(payload);
                bytes.extend_from_slice(printed);
                bytes.extend_from_slice(decoded.as_bytes());
                Content::Other(Other::IpProtocol(ip_number::TCP.0))
            }
            Content::IcmpError(error) => {
                bytes.extend_from_slice(error.quoted_bytes);
                Content::IcmpError(Box::new(error.without_quoted_bytes()))
            }
            Content::Neighbour(neighbour) => Content::Neighbour(neighbour),
            Content::Lookup(lookup) => Content::Lookup(lookup),
            Content::Other(Other::Printed(word)) => {
                Content::Other(Other::Printed(Cow::Owned(word.into_owned())))
            }
            Content::Other(other) => Content::Other(other),
        };
        let packet = Packet {
            number,
            origin,
            at,
            wire_len,
            is_cut,
            direction,
            filtered,
            cooked_type,
            names: Names::NONE,
            content,
        };
        Self { packet, segment, names }
    }

    /// The same with other numbers, `before` later.
    pub(super) fn numbered(mut self, before: u64) -> Self {
        self.packet.number += before;
        self.packet.origin.number = self.packet.number;
        self
    }

    /// The packet with its bytes again.
    pub(super) fn attached<'a>(&'a self, bytes: &'a [u8]) -> Packet<'a> {
        let mut packet: Packet<'a> = Packet { names: &self.names, ..self.packet.clone() };
        if let Some((header, payload_len, printed_len)) = &self.segment {
            let (payload, rest) = bytes.split_at_checked(*payload_len).unwrap_or_default();
            let (printed, decoded) = rest.split_at_checked(*printed_len).unwrap_or_default();
            let decoded = std::str::from_utf8(decoded).unwrap_or_default();
            packet.content = Content::Segment(Segment { header, payload, printed, decoded });
        } else if let Content::IcmpError(error) = &mut packet.content {
            error.quoted_bytes = bytes;
        }
        packet
    }
}

fn has_packets(about: &About) -> bool {
    about.files.iter().any(|file| file.packets > 0)
}

fn name_of(about: &About) -> &str {
    about.files.first().map_or("", |file| file.name.as_str())
}

/// What a clock's instants are, for people.
fn describe(clock: Clock) -> &'static str {
    match clock {
        Clock::Utc => "absolute times",
        Clock::LocalDateTime => "dates and times of an unknown zone",
        Clock::TimeOfDay => "times of day without a date",
        Clock::SinceFirst => "times since its first packet",
        Clock::Absent => "no times",
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::capture::FileAbout;
    use crate::capture::file::builder::Builder;
    use crate::packet::{Flags, IpHeader, Origin, SegmentHeader, TcpHeader};

    /// A capture file of frames of one byte at these seconds.
    fn file(index: u16, seconds: &[u32]) -> Box<dyn Source> {
        let file = seconds.iter().fold(Builder::pcap(), |file, at| file.record(*at, 0, &[*at as u8]));
        file::read(&format!("{index}.pcap"), index, Cursor::new(file.bytes), None).expect("a capture")
    }

    /// A transcript with one segment, whose payload is given.
    struct Text {
        clock: Clock,
        index: u16,
        left: u64,
        payload: Vec<u8>,
        header: Option<SegmentHeader>,
    }

    impl Source for Text {
        fn next_record(&mut self) -> Result<Option<Record<'_>>, ReadError> {
            let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
            self.left = left;
            let ip = IpHeader::between(IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::LOCALHOST));
            let tcp = TcpHeader { flags: Some(Flags(Flags::ACK)), ..TcpHeader::between(1, 2) };
            let content = Content::Segment(Segment {
                header: self.header.insert(SegmentHeader { ip, tcp, payload_len: None }),
                payload: &self.payload,
                printed: b"as -A prints it",
                decoded: "TLSv1.2: Server Hello",
            });
            let origin = Origin { file: self.index, number: 1 };
            let packet = Packet::new(1, Timestamp::from_parts(2, 0), content);
            Ok(Some(Record::Printed(Packet { origin, ..packet })))
        }

        fn about(&self) -> About {
            let file = FileAbout {
                name: "pasted.txt".to_owned(),
                packets: 1,
                is_text: true,
                ..FileAbout::default()
            };
            About { files: vec![file], clock: self.clock, digits: 9, ..About::default() }
        }

        fn progress(&self) -> (u64, Option<u64>) {
            (0, None)
        }
    }

    fn text(index: u16, clock: Clock) -> Box<dyn Source> {
        Box::new(Text { clock, index, left: 1, payload: b"payload".to_vec(), header: None })
    }

    /// File and number in it of each record, after checking that the merged numbers count from 1.
    fn origins(source: &mut dyn Source) -> Vec<(u16, u64)> {
        let mut origins = Vec::new();
        while let Some(record) = source.next_record().expect("readable") {
            let (number, origin, bytes) = match record {
                Record::Idle(_) | Record::NextCapture => panic!("files do not wait"),
                Record::Frame(frame) => (frame.number, frame.origin, frame.bytes),
                Record::Printed(Packet { number, origin, content: Content::Segment(segment), .. }) => {
                    assert_eq!(
                        (segment.payload, segment.printed, segment.decoded),
                        (&b"payload"[..], &b"as -A prints it"[..], "TLSv1.2: Server Hello")
                    );
                    (number, origin, segment.payload)
                }
                Record::Printed(_) => panic!("only segments were printed"),
            };
            assert!(!bytes.is_empty());
            origins.push((origin.file, origin.number));
            assert_eq!(number, origins.len() as u64);
        }
        origins
    }

    #[test]
    fn files_that_follow_one_another_are_joined_whatever_their_order() {
        let mut merged =
            Merged::new(vec![file(0, &[30, 31]), file(1, &[10, 11]), file(2, &[20])]).expect("one clock");
        assert_eq!(origins(&mut merged), [(1, 1), (1, 2), (2, 1), (0, 1), (0, 2)]);
        let about = merged.about();
        assert_eq!(about.files.iter().map(|file| file.packets).collect::<Vec<_>>(), [2, 2, 1]);
    }

    #[test]
    fn files_of_the_same_time_are_interleaved_and_equal_times_go_by_file() {
        let mut merged = Merged::new(vec![file(0, &[1, 3, 5]), file(1, &[1, 2, 5])]).expect("one clock");
        assert_eq!(origins(&mut merged), [(0, 1), (1, 1), (1, 2), (0, 2), (0, 3), (1, 3)]);
    }

    #[test]
    fn a_file_keeps_its_own_order() {
        let mut merged = Merged::new(vec![file(0, &[9, 1, 10]), file(1, &[5])]).expect("one clock");
        assert_eq!(origins(&mut merged), [(1, 1), (0, 1), (0, 2), (0, 3)]);
    }

    #[test]
    fn text_and_frames_of_the_same_clock_are_merged() {
        let mut merged = Merged::new(vec![file(0, &[1, 3]), text(1, Clock::Utc)]).expect("one clock");
        assert_eq!(origins(&mut merged), [(0, 1), (1, 1), (0, 2)]);
        assert_eq!(merged.about().digits, 9);
    }

    #[test]
    fn clocks_of_different_kinds_are_an_error_that_names_both_files() {
        let error = Merged::new(vec![file(0, &[1]), text(1, Clock::TimeOfDay)]).err().expect("two clocks");
        assert_eq!(error.file, "0.pcap and pasted.txt");
        // A file without packets does not count.
        assert!(Merged::new(vec![file(0, &[]), text(1, Clock::TimeOfDay)]).is_ok());
    }

    #[test]
    fn the_first_file_that_does_not_open_is_the_error() {
        let directory = tempfile::tempdir().expect("a directory");
        let good = directory.path().join("good");
        std::fs::write(&good, Builder::pcap().bytes).expect("writable");
        let error = open(&[good.clone(), directory.path().join("absent")]).err().expect("absent");
        assert!(error.file.ends_with("absent"), "{error}");
        assert!(open(&[good.clone(), good]).is_ok());
    }
}
