use std::io::{Cursor, Read, Write};

use proptest::collection::vec;
use proptest::prelude::*;

use super::builder::Builder;
use super::order::Order;
use super::*;
use crate::capture::{About, Record};

/// A frame as a test compares it: nanoseconds, link type, wire length, bytes.
type Seen = (i64, u32, u32, Vec<u8>);

const LITTLE_AND_BIG: [Order; 2] = [Order::Little, Order::Big];

fn open_bytes(bytes: &[u8]) -> Result<Box<dyn Source>, ReadError> {
    read("test", 0, Cursor::new(bytes.to_vec()), Some(bytes.len() as u64))
}

fn drain(source: &mut dyn Source) -> Result<Vec<Seen>, ReadError> {
    let mut seen = Vec::new();
    while let Some(record) = source.next_record()? {
        let Record::Frame(frame) = record else { panic!("a capture file holds frames") };
        seen.push((frame.at.nanos(), frame.link_type, frame.wire_len, frame.bytes.to_vec()));
        assert_eq!((frame.number, frame.origin.number), (seen.len() as u64, seen.len() as u64));
    }
    Ok(seen)
}

fn read_all(bytes: &[u8]) -> (Vec<Seen>, About) {
    let mut source = open_bytes(bytes).expect("a capture");
    let seen = drain(&mut *source).expect("readable");
    (seen, source.about())
}

fn refusal(bytes: &[u8]) -> ReadError {
    open_bytes(bytes).err().expect("not a capture")
}

fn notes(about: &About) -> Vec<&str> {
    about.notes.iter().map(|note| note.text.as_str()).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory is writable")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("memory is writable")
}

/// Ten packets of 30 bytes, a second apart; each takes 46 bytes after the header of 24.
fn ten_packets() -> Vec<u8> {
    (0..10)
        .fold(Builder::pcap(), |file, index| file.record(1_700_000_000 + index, 5, &[index as u8 + 1; 30]))
        .bytes
}

#[test]
fn pcap_is_read_in_both_byte_orders_and_resolutions() {
    for order in LITTLE_AND_BIG {
        for (magic, nanos, digits) in [(0xa1b2_c3d4, 7_000, 6), (0xa1b2_3c4d, 7, 9)] {
            let file = Builder::pcap_with(order, magic, 4, 1).record(1, 7, b"frame");
            let (seen, about) = read_all(&file.bytes);
            assert_eq!(seen, [(1_000_000_000 + nanos, 1, 5, b"frame".to_vec())]);
            assert_eq!(
                (about.digits, about.files[0].snaplen, about.files[0].packets),
                (digits, Some(65_535), 1)
            );
            assert_eq!(about.notes, []);
        }
    }
    let (_, about) = read_all(&ten_packets());
    assert_eq!(about.files[0].format, "pcap (µs, little-endian)");
}

#[test]
fn a_patched_libpcaps_longer_record_headers_are_skipped() {
    let file = Builder::pcap_with(Order::Little, 0xa1b2_cd34, 4, 1);
    let file = file.u32(1).u32(0).u32(3).u32(9).raw(&[0; 8]).raw(b"abc");
    assert_eq!(read_all(&file.bytes).0, [(1_000_000_000, 1, 9, b"abc".to_vec())]);
}

#[test]
fn lengths_are_in_the_order_of_the_files_version() {
    for (minor, lengths) in [(2, [9, 3]), (3, [9, 3]), (3, [3, 9]), (4, [3, 9])] {
        let file = Builder::pcap_with(Order::Little, 0xa1b2_c3d4, minor, 1);
        let file = file.u32(1).u32(0).u32(lengths[0]).u32(lengths[1]).raw(b"abc");
        assert_eq!(
            read_all(&file.bytes).0,
            [(1_000_000_000, 1, 9, b"abc".to_vec())],
            "2.{minor} {lengths:?}"
        );
    }
}

#[test]
fn link_types_are_named_by_their_registered_number() {
    for (network, link_type) in [(12, 101), (14, 101), (11, 100), (0x2400_0001, 1), (108, 108)] {
        let file = Builder::pcap_with(Order::Little, 0xa1b2_c3d4, 4, network).record(1, 0, b"x");
        assert_eq!(read_all(&file.bytes).0[0].1, link_type);
    }
}

#[test]
fn odd_values_are_values() {
    let file = Builder::pcap()
        .record(1, 0, b"")
        .record(1, 2_500_000, b"late fraction")
        .u32(2)
        .u32(0)
        .u32(3)
        .u32(1)
        .raw(b"abc")
        .record(4_000_000_000, 0, b"far in the future")
        .record(5, 0, b"far in the past");
    let (seen, about) = read_all(&file.bytes);
    let lengths: Vec<_> = seen.iter().map(|frame| (frame.0 / 1_000_000, frame.2, frame.3.len())).collect();
    assert_eq!(
        lengths,
        [(1000, 0, 0), (3500, 13, 13), (2000, 1, 3), (4_000_000_000_000, 17, 17), (5000, 15, 15)]
    );
    assert_eq!(about.notes, []);
}

#[test]
fn a_capture_without_packets_is_one() {
    for bytes in [Builder::pcap().bytes, Builder::pcapng(Order::Big).bytes] {
        let (seen, about) = read_all(&bytes);
        assert_eq!((seen.len(), about.notes.len(), about.files[0].packets), (0, 0, 0));
    }
}

#[test]
fn pcapng_interfaces_keep_their_link_type_resolution_and_offset() {
    for order in LITTLE_AND_BIG {
        let hundred = if order == Order::Little { 100u64.to_le_bytes() } else { 100u64.to_be_bytes() };
        let file = Builder::pcapng(order)
            .interface(1, 128, &[])
            .interface(101, 0, &[(9, &[9])])
            .interface(113, 96, &[(9, &[0x8a]), (14, &hundred)])
            .packet(0, 1_000_001, b"micro")
            .packet(1, 1_000_000_001, b"nano")
            .packet(2, 1536, b"binary")
            .block(0x0000_0b0b, b"unknown!")
            .packet(0, 2_000_000, b"micro");
        let (seen, about) = read_all(&file.bytes);
        assert_eq!(
            seen,
            [
                (1_000_001_000, 1, 5, b"micro".to_vec()),
                (1_000_000_001, 101, 4, b"nano".to_vec()),
                // 1536 / 2^10 s after 100 s.
                (101_500_000_000, 113, 6, b"binary".to_vec()),
                (2_000_000_000, 1, 5, b"micro".to_vec()),
            ]
        );
        assert_eq!((about.digits, about.files[0].snaplen), (9, Some(96)));
        assert_eq!(about.notes, []);
    }
}

#[test]
fn pcapng_sections_may_differ_in_byte_order_and_count_interfaces_again() {
    let file = Builder::pcapng(Order::Little)
        .interface(1, 0, &[])
        .packet(0, 5, b"one")
        .section(Order::Big)
        .interface(113, 0, &[])
        .packet(0, 6, b"two");
    let (seen, _) = read_all(&file.bytes);
    assert_eq!(seen, [(5000, 1, 3, b"one".to_vec()), (6000, 113, 3, b"two".to_vec())]);
}

#[test]
fn simple_and_obsolete_packet_blocks_are_packets() {
    let simple = [&9u32.to_le_bytes()[..], b"cut_"].concat();
    let obsolete = [[0, 0, 7, 0], [0; 4], [5, 0, 0, 0], [3, 0, 0, 0], [8, 0, 0, 0], *b"abc\0"].concat();
    let file = Builder::pcapng(Order::Little).interface(1, 4, &[]).block(2, &obsolete).block(3, &simple);
    let (seen, _) = read_all(&file.bytes);
    // A simple packet has no time: that of the one before is used.
    assert_eq!(seen, [(5000, 1, 8, b"abc".to_vec()), (5000, 1, 9, b"cut_".to_vec())]);
}

#[test]
fn the_last_statistics_of_each_interface_report_what_was_dropped() {
    for order in LITTLE_AND_BIG {
        let number =
            |value: u64| if order == Order::Little { value.to_le_bytes() } else { value.to_be_bytes() };
        let file = Builder::pcapng(order)
            .interface(1, 0, &[])
            .statistics(0, &[(5, &number(1)), (7, &number(2))])
            .statistics(0, &[(5, &number(10)), (7, &number(20))])
            .section(order)
            .interface(1, 0, &[])
            .statistics(0, &[(7, &number(400))]);
        assert_eq!(read_all(&file.bytes).1.dropped, Some(430));
    }
    assert_eq!(read_all(&ten_packets()).1.dropped, None);
}

#[test]
fn compressed_files_are_read_member_by_member() {
    let plain = ten_packets();
    let (expected, _) = read_all(&plain);
    let (first, second) = plain.split_at(100);
    for (bytes, name) in [
        ([gzip(first), gzip(second)].concat(), "pcap (µs, little-endian, gzip)"),
        ([zstd(first), zstd(second)].concat(), "pcap (µs, little-endian, zstd)"),
    ] {
        let (seen, about) = read_all(&bytes);
        assert_eq!((seen, about.notes.len()), (expected.clone(), 0));
        assert_eq!(about.files[0].format, name);
    }
}

#[test]
fn a_compressed_file_that_is_cut_counts_as_far_as_it_goes() {
    let noise: Vec<u8> =
        (0..40_000u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let file = noise.chunks(1000).fold(Builder::pcap(), |file, frame| file.record(1, 0, frame));
    let whole = gzip(&file.bytes);
    let (seen, about) = read_all(&whole[..whole.len() / 2]);
    assert!((10..30).contains(&seen.len()), "{} packets", seen.len());
    assert_eq!(about.notes.len(), 1);
    assert!(about.notes[0].text.starts_with("its gzip data ends early"), "{:?}", about.notes);
}

#[test]
fn a_cut_last_packet_is_said_once_with_its_offset() {
    let bytes = ten_packets();
    let (seen, about) = read_all(&bytes[..bytes.len() - 7]);
    assert_eq!(seen.len(), 9);
    assert_eq!(
        notes(&about),
        [
            "the file is cut off: of the record at byte 438 only 39 of 46 bytes are there; the packets before it (9) count"
        ]
    );
}

#[test]
fn damage_in_the_middle_costs_only_the_damaged_packet() {
    let (expected, _) = read_all(&ten_packets());
    // The fourth record: its captured length, its whole header, and a length that leads into later records.
    for (at, garbage) in [(8, vec![0xff; 4]), (0, vec![0xee; 16]), (8, vec![100, 0, 0, 0]), (0, vec![0; 16])]
    {
        let mut bytes = ten_packets();
        let record = 24 + 3 * 46;
        bytes[record + at..record + at + garbage.len()].copy_from_slice(&garbage);
        let (seen, about) = read_all(&bytes);
        assert_eq!(seen, [&expected[..3], &expected[4..]].concat(), "garbage {garbage:02x?} at {at}");
        assert_eq!(
            notes(&about),
            [
                "damaged at byte 162, after packet 3: 46 bytes were skipped up to byte 208, and the packets in them \
              are missing"
            ]
        );
    }
}

#[test]
fn damage_without_an_end_stops_the_reading_with_a_note() {
    let bytes = [ten_packets(), vec![0xff; 5000]].concat();
    let (seen, about) = read_all(&bytes);
    assert_eq!(seen.len(), 10);
    assert_eq!(about.notes.len(), 1);
    assert!(about.notes[0].text.starts_with("damaged at byte 484, after packet 10"), "{:?}", about.notes);
}

#[test]
fn a_damaged_pcapng_block_is_skipped() {
    let start = Builder::pcapng(Order::Little).interface(1, 0, &[]).packet(0, 1, b"good").bytes;
    let file =
        || Builder::pcapng(Order::Little).interface(1, 0, &[]).packet(0, 1, b"good").packet(0, 2, b"lost");
    // Its first length 0, absurd, and larger than the file; and the length at its end.
    for (at, len) in [(4, 0u32), (4, u32::MAX), (4, 4000), (32, 7)] {
        let mut bytes = file().packet(0, 3, b"well").packet(0, 4, b"done").bytes;
        bytes[start.len() + at..start.len() + at + 4].copy_from_slice(&len.to_le_bytes());
        let (seen, about) = read_all(&bytes);
        let frames: Vec<_> = seen.iter().map(|frame| frame.3.as_slice()).collect();
        assert_eq!(frames, [b"good", b"well", b"done"], "length {len} at {at}");
        assert_eq!(about.notes.len(), 1, "{:?}", about.notes);
    }
    let unknown_interface = file().packet(7, 3, b"lost").packet(0, 3, b"well").bytes;
    let (seen, about) = read_all(&unknown_interface);
    assert_eq!((seen.len(), about.notes.len()), (3, 1));
}

#[test]
fn many_damaged_places_are_counted() {
    let file = Builder::pcapng(Order::Little).interface(1, 0, &[]).packet(0, 0, b"!");
    let (_, about) = read_all(&(0..20).fold(file, |file, _| file.packet(9, 0, b"?")).bytes);
    assert_eq!(about.notes.len(), limits::DAMAGE_NOTES + 1);
    assert_eq!(notes(&about).last(), Some(&"12 further damaged places were skipped"));
}

#[test]
fn a_pcapng_packet_before_any_interface_is_an_error() {
    let mut source = open_bytes(&Builder::pcapng(Order::Little).packet(0, 0, b"?").bytes).expect("pcapng");
    let error = drain(&mut *source).expect_err("no link type").to_string();
    assert!(error.contains("precedes any interface description"), "{error}");
}

#[test]
fn what_is_no_capture_is_named() {
    for (bytes, what) in [
        (&b""[..], "is empty: 0 bytes"),
        (b"\x7fELF\x02\x01", "an ELF program"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"\x89PNG\r\n", "a PNG image"),
        (b"<!DOCTYPE html><html>", "an HTML page"),
        (b"snoop\0\0\0\0\0\0\x02", "a snoop capture"),
        (b"BZh9", "bzip2-compressed"),
        (b"Dear colleague,\n", "text, and no line of it is a packet"),
        (&[0x99, 1, 2, 3], "it begins with 99 01 02 03"),
        (&[0xd4, 0xc3, 0xb2, 0xa1, 2], "ends in its own header"),
    ] {
        let error = refusal(bytes);
        assert!(error.what.contains(what), "{error}");
        assert!(error.hint.is_some(), "{error}");
    }
    assert!(refusal(&gzip(b"")).what.contains("gzip-compressed nothing"));
    assert!(refusal(&gzip(b"\x7fELF")).what.contains("inside its gzip data"));
    assert!(refusal(&gzip(b"words")[..8]).what.contains("damaged from the start"));
}

#[test]
fn text_is_read_whether_compressed_or_not() {
    let text = b"$ tcpdump\n12:15:06.407513 IP 192.0.2.1.5000 > 198.51.100.2.8443: Flags [S], seq 1, win 1, length 0\n";
    for (bytes, format) in [(text.to_vec(), "tcpdump text"), (gzip(text), "tcpdump text (gzip)")] {
        let total = Some(bytes.len() as u64);
        let mut source = open_bytes(&bytes).expect("a transcript");
        assert!(matches!(source.next_record(), Ok(Some(Record::Printed(_)))));
        assert!(matches!(source.next_record(), Ok(None)));
        assert_eq!(
            (source.about().files[0].format.as_str(), source.progress()),
            (format, (bytes.len() as u64, total))
        );
    }
}

#[test]
fn directories_and_missing_files_are_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let error = open(directory.path(), 0, &Handles::default()).err().expect("no file");
    assert_eq!(error.what, "is a directory");
    let error = open(&directory.path().join("absent"), 0, &Handles::default()).err().expect("no file");
    assert!(error.what.starts_with("can't be read"), "{error}");
}

/// Yields a byte at a time, and panics when it is asked for more after the last one.
struct LivePipe(Cursor<Vec<u8>>);

impl Read for LivePipe {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = self.0.read(into.get_mut(..1).unwrap_or_default())?;
        assert!(count > 0, "the reader waits for bytes that it does not need");
        Ok(count)
    }
}

#[test]
fn a_pipe_yields_each_record_as_it_comes() {
    for bytes in [ten_packets(), Builder::pcapng(Order::Big).interface(1, 0, &[]).packet(0, 9, b"now").bytes]
    {
        let count = read_all(&bytes).0.len();
        let mut source = read("-", 0, LivePipe(Cursor::new(bytes)), None).expect("a capture");
        for _ in 0..count {
            assert!(source.next_record().expect("readable").is_some());
        }
    }
}

#[test]
fn records_larger_than_the_buffer_are_read() {
    let large = vec![7; limits::FRAME_BYTES];
    let file = Builder::pcap().record(1, 0, &large).record(1, 0, &large).record(1, 0, b"x");
    let lengths: Vec<_> = read_all(&file.bytes).0.iter().map(|frame| frame.3.len()).collect();
    assert_eq!(lengths, [limits::FRAME_BYTES, limits::FRAME_BYTES, 1]);
}

/// Frames with times, for files that any cut or noise is applied to.
fn frames() -> impl Strategy<Value = Vec<(u32, Vec<u8>)>> {
    vec((0u32..3000, vec(any::<u8>(), 0..80)), 0..12)
}

fn files_of(frames: &[(u32, Vec<u8>)]) -> [Vec<u8>; 2] {
    let pcap = frames.iter().fold(Builder::pcap(), |file, (at, frame)| file.record(*at, 0, frame));
    let pcapng = Builder::pcapng(Order::Big).interface(1, 0, &[]);
    let pcapng = frames.iter().fold(pcapng, |file, (at, frame)| file.packet(0, u64::from(*at), frame));
    [pcap.bytes, pcapng.bytes]
}

proptest! {
    #[test]
    fn any_bytes_are_read_to_an_end(prefix in 0usize..4, noise in vec(any::<u8>(), 0..400)) {
        let starts = [
            Vec::new(),
            Builder::pcap().bytes,
            Builder::pcapng(Order::Little).interface(1, 0, &[]).bytes,
            Builder::pcapng(Order::Big).bytes,
        ];
        let bytes = [starts[prefix].as_slice(), &noise].concat();
        if let Ok(mut source) = open_bytes(&bytes) {
            if drain(&mut *source).is_ok() {
                prop_assert!(source.next_record().is_ok_and(|record| record.is_none()));
            }
            prop_assert!(source.about().notes.len() <= limits::DAMAGE_NOTES + 2);
        }
    }

    #[test]
    fn any_cut_leaves_the_packets_before_it(frames in frames(), cut in any::<prop::sample::Index>()) {
        for bytes in files_of(&frames) {
            let (whole, about) = read_all(&bytes);
            prop_assert_eq!(whole.len(), frames.len());
            prop_assert_eq!(about.notes.len(), 0);
            let cut = cut.index(bytes.len() + 1).max(28);
            let (left, about) = read_all(&bytes[..cut.min(bytes.len())]);
            prop_assert_eq!(&left[..], &whole[..left.len()]);
            prop_assert!(about.notes.len() <= 1, "{:?}", about.notes);
        }
    }

    #[test]
    fn any_changed_byte_is_survived(frames in frames(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        for mut bytes in files_of(&frames) {
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok(mut source) = open_bytes(&bytes) {
                let _ = drain(&mut *source);
                prop_assert!(source.next_record().is_ok_and(|record| record.is_none()));
            }
        }
    }
}
