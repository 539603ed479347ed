//! What the ways in are tried with first: the captures of `testdata/`, and what they hold in the form that each way takes.

use std::io::{self, Cursor};

use ssmscope::analysis::{self, Judged, Needs, Settings, Sink};
use ssmscope::capture::{self, Frame, Record, Target};
use ssmscope::decode::Decoder;
use ssmscope::packet::{Content, Segment};

use super::targets::LINK_TYPES;

/// The seeds of the way in that has this name.
pub fn of(way: &str, captures: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let each = |seed: fn(&[u8]) -> Vec<u8>| captures.iter().map(|capture| seed(capture)).collect();
    match way {
        "capture" | "reader" => captures.to_vec(),
        "text" => texts(captures),
        "frames" => each(frames),
        "conversation" => each(conversation),
        "certificates" => each(certificates),
        "payload" => captures.iter().flat_map(|capture| payloads(capture)).collect(),
        "answer" => answers(),
        "log" => logs(),
        _ => panic!("there is no way in called {way}"),
    }
}

/// The captures that are text, and the samples of each family of text.
fn texts(captures: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let samples = concat!(env!("CARGO_MANIFEST_DIR"), "/src/capture/transcript/samples");
    let samples = std::fs::read_dir(samples).expect("a folder").flatten();
    let samples = samples.map(|sample| std::fs::read(sample.path()).expect("a sample"));
    let is_text = |bytes: &&Vec<u8>| capture::transcript::looks_like_transcript(bytes);
    captures.iter().filter(is_text).cloned().chain(samples).collect()
}

/// Logs of each grammar: those of the room, and their lines one by one.
fn logs() -> Vec<Vec<u8>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/log/samples");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).expect("samples").flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    files.sort();
    let files: Vec<Vec<u8>> = files.iter().map(|path| std::fs::read(path).expect("a sample")).collect();
    let lines =
        files.iter().flat_map(|file| file.chunk_by(|byte, _| *byte != b'\n').step_by(17).map(<[u8]>::to_vec));
    lines.chain(files.clone()).collect()
}

/// Answers of a resolver: an address after an alias, one of IPv6, and none (RFC 1035, 4.1; RFC 3596, 2.2).
fn answers() -> Vec<Vec<u8>> {
    const NO_ERROR: u8 = 0;
    const NAME_ERROR: u8 = 3;
    const A: u8 = 1;
    const CNAME: u8 = 5;
    const AAAA: u8 = 28;
    /// Pointers to the question's name, and to the part of it after the first label.
    const ASKED: [u8; 2] = [0xc0, 12];
    const DOMAIN: [u8; 2] = [0xc0, 16];
    let message = |code: u8, record: u8, records: &[(u8, &[u8], &[u8])]| {
        let mut bytes = vec![0x12, 0x34, 0x81, 0x80 | code, 0, 1, 0, records.len() as u8, 0, 0, 0, 0];
        bytes.extend(b"\x03ssm\x07example\x00");
        bytes.extend([0, record, 0, 1]);
        for (record, owner, data) in records {
            bytes.extend_from_slice(owner);
            bytes.extend([0, *record, 0, 1, 0, 0, 0, 60, 0, data.len() as u8]);
            bytes.extend_from_slice(data);
        }
        bytes
    };
    let alias = [&b"\x04host"[..], &DOMAIN].concat();
    let address_v6 = [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    vec![
        message(NO_ERROR, A, &[(CNAME, &ASKED, &alias), (A, &alias, &[192, 0, 2, 7])]),
        message(NO_ERROR, AAAA, &[(AAAA, &ASKED, &address_v6)]),
        message(NAME_ERROR, A, &[]),
    ]
}

/// Hands out a capture's frames.
fn for_each_frame(bytes: &[u8], mut take: impl FnMut(&Frame<'_>)) {
    let Ok(mut source) = capture::file::read("seed", 0, Cursor::new(bytes.to_vec()), None) else { return };
    while let Ok(Some(record)) = source.next_record() {
        if let Record::Frame(frame) = record {
            take(&frame);
        }
    }
}

fn for_each_segment(bytes: &[u8], mut take: impl FnMut(&Segment<'_>)) {
    let mut decoder = Decoder::new();
    for_each_frame(bytes, |frame| {
        if let Content::Segment(segment) = decoder.decode(frame).content {
            take(&segment);
        }
    });
}

fn frames(capture: &[u8]) -> Vec<u8> {
    let mut seed = Vec::new();
    for_each_frame(capture, |frame| {
        let link_type = LINK_TYPES.iter().position(|link_type| *link_type == frame.link_type);
        seed.push(link_type.expect("a link type that is read") as u8);
        seed.extend((frame.bytes.len() as u16).to_be_bytes());
        seed.push((frame.wire_len as usize - frame.bytes.len()).min(255) as u8);
        seed.extend_from_slice(frame.bytes);
    });
    seed
}

fn conversation(capture: &[u8]) -> Vec<u8> {
    const TO_8443: u8 = 1;
    const SERVER: u8 = 0x80;
    const MILLISECOND: u8 = 1;
    let mut seed = vec![TO_8443];
    let mut client = None;
    for_each_segment(capture, |segment| {
        let port = segment.header.tcp.source_port;
        let is_client = *client.get_or_insert(port) == port;
        let flags = segment.header.tcp.flags.unwrap_or_default().0 & 0x7f;
        seed.extend([flags | if is_client { 0 } else { SERVER }, MILLISECOND, 0, 0]);
        seed.extend((segment.payload.len() as u16 & 0x3fff).to_be_bytes());
        seed.extend_from_slice(segment.payload);
    });
    seed
}

fn payloads(capture: &[u8]) -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for_each_segment(capture, |segment| {
        if segment.payload.first().is_some_and(u8::is_ascii_graphic) {
            let port = [segment.header.tcp.source_port, segment.header.tcp.destination_port];
            let port = port.into_iter().min().unwrap_or_default().to_be_bytes();
            let flags = segment.header.tcp.flags.unwrap_or_default().0;
            seeds.push([&port, &[flags][..], segment.payload].concat());
        }
    });
    seeds
}

fn certificates(capture: &[u8]) -> Vec<u8> {
    struct Chains(Vec<u8>);

    impl Sink for Chains {
        fn needs(&self) -> Needs {
            Needs::ALL
        }

        fn connection(&mut self, judged: Judged) -> io::Result<()> {
            let certificates = judged.story.tls.certificates;
            for said in [certificates.client, certificates.server].into_iter().flatten() {
                for der in &said.what.chain {
                    self.0.extend((der.len() as u16).to_be_bytes());
                    self.0.extend_from_slice(der);
                }
            }
            Ok(())
        }
    }

    let mut chains = Chains(Vec::new());
    if let Ok(mut source) = capture::file::read("seed", 0, Cursor::new(capture.to_vec()), None) {
        let everything = Target::new(&[], &[], None).expect("no selection");
        analysis::analyse(&mut *source, everything, &Settings::default(), &mut chains).expect("memory");
    }
    chains.0
}
