//! Captures damaged on purpose: as a whole, record by record, line by line, and in the fields that readers trust.

use std::io::{Read, Write};
use std::ops::Range;

use super::support::random::Random;

/// A capture in the pieces that its form has.
#[derive(Clone, Debug)]
pub struct Seed {
    form: Form,
    /// The file's header, if it has one, then its records, blocks or lines.
    parts: Vec<Vec<u8>>,
}

/// What a file is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    Pcap,
    Pcapng,
    Text,
}

/// Numbers at the ends of what fields hold.
const EXTREMES: [u32; 14] = [
    0,
    1,
    0x7f,
    0xff,
    0x7fff,
    0xffff,
    0x1_0000,
    0x3_ffff,
    0x4_0000,
    0x00ff_ffff,
    0x0100_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
];

/// What could drive a terminal, a page, a table program or a plugin's reader, or deceive their user.
const INJECTIONS: [&str; 10] = [
    "\u{1b}[2J\u{1b}]0;title\u{7}",
    "\u{9b}31m",
    "\u{202e}moc.elpmaxe",
    "\u{200b}\u{feff}",
    "=cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
    "&#x1b;[8m&#10;&#x202e;",
    "| critical=0;;;0",
    "\r\n\r\nHTTP/1.1 200 OK",
    "%s%n\\u0000\\x1b",
];

impl Seed {
    /// Takes a file of `testdata/` apart, unpacked if need be.
    pub fn of(bytes: &[u8]) -> Self {
        let bytes = unpacked(bytes);
        let form = match bytes.get(..4) {
            Some([0x0a, 0x0d, 0x0d, 0x0a]) => Form::Pcapng,
            Some(magic) if magic.contains(&0xa1) && magic.contains(&0xb2) => Form::Pcap,
            _ => Form::Text,
        };
        let mut parts = Vec::new();
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let len = match form {
                Form::Pcap if parts.is_empty() => 24,
                Form::Pcap => 16 + number(rest, 8) as usize,
                Form::Pcapng => number(rest, 4) as usize,
                Form::Text => rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |end| end + 1),
            };
            let (part, after) = rest.split_at(len.clamp(1, rest.len()));
            parts.push(part.to_vec());
            rest = after;
        }
        Self { form, parts }
    }
}

/// One of the seeds, damaged in some way, perhaps together with others.
pub fn mutated(seeds: &[Seed], random: &mut Random) -> Vec<u8> {
    let mut seed = pick(seeds, random).clone();
    if random.once_in(6) {
        splice(&mut seed, seeds, random);
    }
    for _ in 0..random.of(0..6) {
        match seed.form {
            Form::Text => damage_lines(&mut seed.parts, random),
            Form::Pcap | Form::Pcapng => damage_records(&mut seed, random),
        }
    }
    let mut bytes = seed.parts.concat();
    if random.once_in(4) {
        damage_bytes(&mut bytes, &pick(seeds, random).parts.concat(), random);
    }
    match random.of(0..40) {
        0 => bytes = gzip(&bytes),
        1 => bytes = zstd::encode_all(bytes.as_slice(), 1).expect("memory is writable"),
        _ => return bytes,
    }
    if random.once_in(2) {
        damage_bytes(&mut bytes, &pick(seeds, random).parts.concat(), random);
    }
    bytes
}

/// Puts in records of other captures, of another form too.
fn splice(seed: &mut Seed, seeds: &[Seed], random: &mut Random) {
    for _ in 0..random.of(1..4) {
        let other = pick(seeds, random);
        let from = random.of(0..other.parts.len());
        let until = random.of(from..other.parts.len()) + 1;
        let at = random.of(0..seed.parts.len() + 1);
        seed.parts.splice(at..at, other.parts[from..until].iter().cloned());
    }
}

fn damage_records(seed: &mut Seed, random: &mut Random) {
    let header = if seed.form == Form::Pcap { 16 } else { 28 };
    let parts = &mut seed.parts;
    if parts.is_empty() {
        return;
    }
    let at = random.of(0..parts.len());
    match random.of(0..14) {
        0 => drop(parts.remove(at)),
        1 => {
            let part = parts[at].clone();
            (0..1 << random.of(0..8)).for_each(|_| parts.insert(at, part.clone()));
        }
        2 => {
            let other = random.of(0..parts.len());
            parts.swap(at, other);
        }
        3 => parts[at..].reverse(),
        4 => {
            let len = parts[at].len();
            parts[at].truncate(random.of(0..len + 1));
        }
        // Times far apart, in one record or in all that follow.
        5 => set(&mut parts[at], time_field(seed.form, random), random),
        6 => {
            let field = time_field(seed.form, random);
            let value = random.next() as u32;
            parts[at..].iter_mut().for_each(|part| put(part, field, value));
        }
        // Lengths and types that a reader might believe.
        7 | 8 => {
            let field = random.of(0..header / 4) * 4;
            set(&mut parts[at], field, random);
        }
        // Within the frame: any byte, or a number at its extreme.
        9 | 10 => {
            let part = &mut parts[at];
            for _ in 0..1 << random.of(0..5) {
                if part.len() > header {
                    let place = random.of(header..part.len());
                    part[place] = random.next() as u8;
                }
            }
        }
        11 => {
            let part = &mut parts[at];
            if part.len() > header + 4 {
                let place = random.of(header..part.len() - 3);
                let value = random.pick(&EXTREMES).to_be_bytes();
                let range = place..place + random.pick(&[1, 2, 4]);
                part[range.clone()].copy_from_slice(&value[4 - range.len()..]);
            }
        }
        // The same bit in every frame: an address, a port or a flag of the whole capture.
        12 => {
            let place = header + random.of(0..60);
            let mask = 1 << random.of(0..8);
            for part in parts {
                if let Some(byte) = part.get_mut(place) {
                    *byte ^= mask;
                }
            }
        }
        _ => {
            let part = &mut parts[at];
            let text = random.pick(&INJECTIONS).as_bytes();
            if part.len() > header + text.len() {
                let place = random.of(header..part.len() - text.len());
                part[place..place + text.len()].copy_from_slice(text);
            }
        }
    }
}

fn damage_lines(parts: &mut Vec<Vec<u8>>, random: &mut Random) {
    if parts.is_empty() {
        return;
    }
    let at = random.of(0..parts.len());
    match random.of(0..9) {
        0 => drop(parts.remove(at)),
        1 => {
            let part = parts[at].clone();
            (0..1 << random.of(0..8)).for_each(|_| parts.insert(at, part.clone()));
        }
        2 => {
            for index in (1..parts.len()).rev() {
                parts.swap(index, random.of(0..index + 1));
            }
        }
        3 => {
            let len = parts[at].len();
            parts[at].truncate(random.of(0..len + 1));
        }
        4 => drop(parts[at].pop()),
        5 => {
            let place = random.of(0..parts[at].len() + 1);
            let text = random.pick(&INJECTIONS).bytes();
            drop(parts[at].splice(place..place, text));
        }
        // A number at its extreme, or one that is longer than any.
        6 => {
            let number = random.pick(&EXTREMES).to_string().repeat(random.pick(&[1, 1, 2, 9]));
            if let Some(range) = digits(&parts[at], random) {
                let number = if random.once_in(2) { number } else { "9".repeat(range.len()) };
                drop(parts[at].splice(range, number.bytes()));
            }
        }
        // One word in place of another.
        7 => {
            let words: Vec<_> = parts[at].split(|byte| *byte == b' ').map(<[u8]>::to_vec).collect();
            let other = random.of(0..parts.len());
            let mut taken: Vec<_> = parts[other].split(|byte| *byte == b' ').map(<[u8]>::to_vec).collect();
            let (from, to) = (random.of(0..words.len()), random.of(0..taken.len()));
            taken[to].clone_from(&words[from]);
            parts[other] = taken.join(&b' ');
        }
        _ => {
            let len = parts[at].len();
            if len > 0 {
                parts[at][random.of(0..len)] = random.next() as u8;
            }
        }
    }
}

/// Damage that knows nothing of forms.
pub fn damage_bytes(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    match random.of(0..4) {
        0 => bytes.truncate(random.of(0..bytes.len() + 1)),
        1 => {
            bytes.extend_from_slice(&other[random.of(0..other.len())..]);
        }
        2 if !bytes.is_empty() => {
            let from = random.of(0..bytes.len());
            let until = random.of(from..bytes.len()) + 1;
            drop(bytes.drain(from..until));
        }
        _ => {}
    }
    if bytes.is_empty() {
        return;
    }
    for _ in 0..1 << random.of(0..6) {
        let place = random.of(0..bytes.len());
        bytes[place] ^= 1 << random.of(0..8);
    }
}

/// The place in a part of one of the two halves of its time.
fn time_field(form: Form, random: &mut Random) -> usize {
    let first = if form == Form::Pcap { 0 } else { 12 };
    first + 4 * random.of(0..2)
}

/// Sets a field of four bytes to a number at its extreme, in either byte order.
fn set(part: &mut [u8], field: usize, random: &mut Random) {
    let value = random.pick(&EXTREMES);
    put(part, field, if random.once_in(2) { value } else { value.swap_bytes() });
}

fn put(part: &mut [u8], field: usize, value: u32) {
    if let Some(bytes) = part.get_mut(field..field + 4) {
        bytes.copy_from_slice(&value.to_le_bytes());
    }
}

/// One of the numbers in a line.
fn digits(line: &[u8], random: &mut Random) -> Option<Range<usize>> {
    let start = random.of(0..line.len().max(1));
    let from = start + line.get(start..)?.iter().position(u8::is_ascii_digit)?;
    let len = line.get(from..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
    Some(from..from + len)
}

fn number(bytes: &[u8], at: usize) -> u32 {
    let bytes = bytes.get(at..at + 4).and_then(|bytes| bytes.first_chunk()).copied();
    bytes.map_or(0, u32::from_le_bytes)
}

fn pick<'a>(seeds: &'a [Seed], random: &mut Random) -> &'a Seed {
    &seeds[random.of(0..seeds.len())]
}

fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let mut unpacked = Vec::new();
    match bytes.get(..4) {
        Some([0x1f, 0x8b, ..]) => {
            flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut unpacked).expect("gzip");
            unpacked
        }
        Some([0x28, 0xb5, 0x2f, 0xfd]) => zstd::decode_all(bytes).expect("zstd"),
        _ => bytes.to_vec(),
    }
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory is writable")
}
