//! Captures of any size, made on the spot: for benches, for tests of bounds, and for the plot of docs/performance.md.
//!
//! A recorded exchange is played again and again by other clients at other times, checksums put right; scans and long
//! transfers are made up. The same call gives the same bytes.

use std::io::{self, Write};

/// A recorded TLS 1.2 exchange: Ethernet, IPv4, pcap in microseconds and little-endian.
const RECORDED: &[u8] = include_bytes!("../../testdata/healthy/tls12/capture.pcap");

const GLOBAL_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;
const ETHERNET: usize = 14;
const IPV4: usize = 20;
/// Where TCP begins in a frame.
const TCP: usize = ETHERNET + IPV4;
/// The server's port.
const PORT: u16 = 8443;
/// The first packet's time, in seconds since the epoch.
const BEGIN: u64 = 1_700_000_000;
/// Connections that are open at the same time.
const AT_ONCE: u64 = 64;
/// Between the first packets of two connections, in microseconds.
const APART: u64 = 100;

/// What a capture is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Workload {
    /// This many TLS connections to one server, one after the other, 64 at a time.
    Connections(u64),
    /// The same, but only one in a thousand is to that server.
    Needle(u64),
    /// This many SYNs without an answer, 50,000 a second.
    Scan(u64),
    /// One TLS connection whose server sends this many segments of 1,448 bytes.
    Bulk(u64),
}

/// The capture's bytes.
#[allow(dead_code, reason = "benches write to files")]
pub fn made(workload: Workload) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(workload, &mut bytes).expect("memory takes it");
    bytes
}

/// Writes the capture.
///
/// # Errors
/// When `out` can't be written.
pub fn write(workload: Workload, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(&RECORDED[..GLOBAL_HEADER])?;
    match workload {
        Workload::Connections(count) => connections(count, |_| SERVER, out),
        Workload::Needle(count) => {
            connections(count, |index| if index % 1000 == 500 { SERVER } else { OTHER }, out)
        }
        Workload::Scan(count) => scan(count, out),
        Workload::Bulk(segments) => bulk(segments, out),
    }
}

const SERVER: [u8; 4] = [203, 0, 113, 10];
const OTHER: [u8; 4] = [203, 0, 113, 200];

/// A frame of the recording, and its time after the first one in microseconds.
fn recorded() -> Vec<(u64, Vec<u8>)> {
    let mut frames = Vec::new();
    let mut at = GLOBAL_HEADER;
    let mut begin = None;
    while let Some(header) = RECORDED.get(at..at + RECORD_HEADER) {
        let number = |from: usize| {
            u32::from_le_bytes([header[from], header[from + 1], header[from + 2], header[from + 3]])
        };
        let micros = u64::from(number(0)) * 1_000_000 + u64::from(number(4));
        let len = number(8) as usize;
        let frame = RECORDED[at + RECORD_HEADER..at + RECORD_HEADER + len].to_vec();
        frames.push((micros - *begin.get_or_insert(micros), frame));
        at += RECORD_HEADER + len;
    }
    frames
}

fn record(micros: u64, frame: &[u8], out: &mut dyn Write) -> io::Result<()> {
    let seconds = (BEGIN + micros / 1_000_000) as u32;
    let len = frame.len() as u32;
    for field in [seconds, (micros % 1_000_000) as u32, len, len] {
        out.write_all(&field.to_le_bytes())?;
    }
    out.write_all(frame)
}

/// A client's address and port by its number.
fn client(index: u64) -> ([u8; 4], u16) {
    let [.., high, middle, low] = (index / 50_000).to_be_bytes();
    ([10, high, middle, low], 10_000 + (index % 50_000) as u16)
}

fn connections(count: u64, server: impl Fn(u64) -> [u8; 4], out: &mut dyn Write) -> io::Result<()> {
    let frames = recorded();
    let lasts = frames.last().map_or(0, |(micros, _)| *micros) + AT_ONCE * APART;
    for begin in (0..count).step_by(AT_ONCE as usize) {
        let start = begin / AT_ONCE * lasts;
        let mut batch: Vec<_> = (begin..count.min(begin + AT_ONCE))
            .flat_map(|index| {
                let offset = start + (index - begin) * APART;
                frames.iter().enumerate().map(move |(order, (micros, _))| (offset + micros, index, order))
            })
            .collect();
        batch.sort_unstable();
        for (micros, index, order) in batch {
            let mut frame = frames[order].1.clone();
            play_as(&mut frame, client(index), server(index));
            record(micros, &frame, out)?;
        }
    }
    Ok(())
}

/// Puts other ends into a frame of the recording.
fn play_as(frame: &mut [u8], (address, port): ([u8; 4], u16), server: [u8; 4]) {
    let is_from_server = frame[TCP..TCP + 2] == PORT.to_be_bytes();
    let (source, destination) = if is_from_server { (server, address) } else { (address, server) };
    let place = if is_from_server { TCP + 2 } else { TCP };
    frame[place..place + 2].copy_from_slice(&port.to_be_bytes());
    frame[ETHERNET + 12..ETHERNET + 16].copy_from_slice(&source);
    frame[ETHERNET + 16..ETHERNET + 20].copy_from_slice(&destination);
    put_checksums(frame);
}

/// Writes the IPv4 and the TCP checksum (RFC 791, 3.1 and RFC 9293, 3.1).
fn put_checksums(frame: &mut [u8]) {
    let end = ETHERNET + usize::from(u16::from_be_bytes([frame[ETHERNET + 2], frame[ETHERNET + 3]]));
    frame[ETHERNET + 10..ETHERNET + 12].fill(0);
    let ip = checksum(0, &frame[ETHERNET..TCP]);
    frame[ETHERNET + 10..ETHERNET + 12].copy_from_slice(&ip);
    frame[TCP + 16..TCP + 18].fill(0);
    let pseudo_header = 6 + (end - TCP) as u64 + words(&frame[ETHERNET + 12..TCP]);
    let tcp = checksum(pseudo_header, &frame[TCP..end]);
    frame[TCP + 16..TCP + 18].copy_from_slice(&tcp);
}

fn checksum(start: u64, bytes: &[u8]) -> [u8; 2] {
    let mut sum = start + words(bytes);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!(sum as u16)).to_be_bytes()
}

fn words(bytes: &[u8]) -> u64 {
    bytes.chunks(2).map(|pair| u64::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| u64::from(*low))).sum()
}

/// A segment in a frame.
fn frame(
    from_server: bool,
    client: ([u8; 4], u16),
    seq: u32,
    ack: u32,
    flags: u8,
    payload: &[u8],
) -> Vec<u8> {
    let mut bytes = vec![2; 12];
    bytes.extend([8, 0, 0x45, 0]);
    bytes.extend(((2 * IPV4 + payload.len()) as u16).to_be_bytes());
    bytes.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
    let ends = [(client.0, client.1), (SERVER, PORT)];
    let (source, destination) = if from_server { (ends[1], ends[0]) } else { (ends[0], ends[1]) };
    bytes.extend(source.0.into_iter().chain(destination.0));
    bytes.extend(source.1.to_be_bytes().into_iter().chain(destination.1.to_be_bytes()));
    bytes.extend(seq.to_be_bytes().into_iter().chain(ack.to_be_bytes()));
    bytes.extend([0x50, flags, 0xfa, 0xf0, 0, 0, 0, 0]);
    bytes.extend(payload);
    put_checksums(&mut bytes);
    bytes
}

const SYN: u8 = 2;
const ACK: u8 = 16;

fn scan(count: u64, out: &mut dyn Write) -> io::Result<()> {
    const MICROS: u64 = 20;
    for index in 0..count {
        record(index * MICROS, &frame(false, client(index), index as u32, 0, SYN, &[]), out)?;
    }
    Ok(())
}

/// The recorded exchange up to the last data, then application data in records of the greatest length.
fn bulk(segments: u64, out: &mut dyn Write) -> io::Result<()> {
    const SEGMENT: usize = 1_448;
    const RECORD_BODY: usize = 16_384 + 24;
    const FIN_OR_RST: u8 = 5;
    const EVERY: u64 = 2;
    let client = client(0);
    let (mut seq, mut ack, mut at) = (0, 0, 0);
    for (micros, mut recorded) in recorded() {
        if recorded[TCP + 13] & FIN_OR_RST != 0 {
            break;
        }
        play_as(&mut recorded, client, SERVER);
        let number =
            |from: usize| recorded[from..from + 4].iter().fold(0, |all, byte| all << 8 | u32::from(*byte));
        let is_from_server = recorded[TCP..TCP + 2] == PORT.to_be_bytes();
        let header = usize::from(recorded[TCP + 12] >> 4) * 4;
        let total = usize::from(u16::from_be_bytes([recorded[ETHERNET + 2], recorded[ETHERNET + 3]]));
        let next =
            number(TCP + 4) + (total - IPV4 - header) as u32 + u32::from(recorded[TCP + 13] & SYN != 0);
        *if is_from_server { &mut seq } else { &mut ack } = next;
        record(micros, &recorded, out)?;
        at = micros;
    }
    let mut of_record = 0;
    for index in 0..segments {
        let mut payload = vec![0x5a; SEGMENT];
        let mut place = 0;
        while place < SEGMENT {
            if of_record == 0 {
                let [high, low] = (RECORD_BODY as u16).to_be_bytes();
                for (byte, value) in payload[place..].iter_mut().zip([23, 3, 3, high, low]) {
                    *byte = value;
                }
                // A header that is cut by the segment's end is written again at the next one's beginning: never reached,
                // since the rest of a record is padded to that end.
                of_record = RECORD_BODY + 5;
            }
            let taken = of_record.min(SEGMENT - place);
            of_record -= taken;
            place += taken;
            if of_record == 0 && SEGMENT - place < 5 {
                payload.truncate(place);
                break;
            }
        }
        at += 12;
        record(at, &frame(true, client, seq, ack, ACK, &payload), out)?;
        seq = seq.wrapping_add(payload.len() as u32);
        if index % EVERY == 1 {
            at += 1;
            record(at, &frame(false, client, ack, seq, ACK, &[]), out)?;
        }
    }
    Ok(())
}
