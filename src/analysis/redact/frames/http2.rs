//! HTTP/2 in clear (RFC 9113), without names: frames keep their headers, and what controls the connection. Fields have others in their
//! place that are as long, but for a response's status. Data is blank.

use crate::tls::{HTTP2_PREFACE, http2_kind as kind};

/// Length, type, flags and stream (RFC 9113, 4.1).
const HEADER: usize = 9;

/// The frame begins with the length of its padding; of DATA, HEADERS and PUSH_PROMISE (RFC 9113, 6.1).
const PADDED: u8 = 0x8;
/// A dependency and a weight follow that; of HEADERS (RFC 9113, 6.2).
const WITH_PRIORITY: u8 = 0x20;

/// One direction, where it is in its frames.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// Bytes of the preface that are still to come.
    preface: usize,
    header: [u8; HEADER],
    /// How many bytes of the header came.
    have: usize,
    /// The length of the body, and how much of it came.
    len: usize,
    done: usize,
    /// The length of the padding, where the frame has one.
    padding: usize,
    /// Bytes of the status at the beginning of the fields.
    status: usize,
    /// The identifier of the latest setting.
    setting: [u8; 2],
}

impl Frames {
    /// What the first bytes of a direction begin: a client's preface, or a server's settings (RFC 9113, 3.4).
    pub(super) fn begun_by(bytes: &[u8]) -> Option<Self> {
        const LEAST: usize = 4;
        const SETTING: u32 = 6;
        if bytes.starts_with(HTTP2_PREFACE) {
            return Some(Self { preface: HTTP2_PREFACE.len(), ..Self::default() });
        }
        let [0, high, low, kind::SETTINGS, ref rest @ ..] = *bytes else { return None };
        let rest = rest.get(..rest.len().min(HEADER - LEAST))?;
        let is_whole = u32::from_be_bytes([0, 0, high, low]).is_multiple_of(SETTING);
        (is_whole && rest.iter().all(|byte| *byte == 0)).then(Self::default)
    }

    /// Takes the next bytes. `keep` gets what stays of them, each with its place in them.
    pub(super) fn take(&mut self, bytes: &[u8], keep: &mut dyn FnMut(usize, &[u8])) {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let wanted = match (self.preface, self.have) {
                (1.., _) => self.preface,
                (0, HEADER) => self.len - self.done,
                (0, have) => HEADER - have,
            };
            let own = rest.get(..wanted.min(rest.len())).unwrap_or_default();
            if self.preface > 0 {
                self.preface -= own.len();
                keep(at, own);
            } else if self.have < HEADER {
                self.take_header(own);
                keep(at, own);
            } else {
                keep(at, &self.body(own));
                self.done += own.len();
            }
            self.end_frame();
            at += own.len();
        }
    }

    /// Passes over bytes that are not in the capture. Returns whether it is known where the next frame begins.
    pub(super) fn skip(&mut self, len: u64) -> bool {
        let is_inside = self.have == HEADER && len <= (self.len - self.done) as u64;
        if is_inside {
            self.done += len as usize;
            self.end_frame();
        }
        is_inside
    }

    fn end_frame(&mut self) {
        if self.have == HEADER && self.done == self.len {
            self.have = 0;
        }
    }

    fn take_header(&mut self, bytes: &[u8]) {
        if let Some(room) = self.header.get_mut(self.have..self.have + bytes.len()) {
            room.copy_from_slice(bytes);
        }
        self.have += bytes.len();
        let [high, middle, low, ..] = self.header;
        self.len = u32::from_be_bytes([0, high, middle, low]) as usize;
        (self.done, self.padding, self.status) = (0, 0, 0);
    }

    /// What stays of the next bytes of a body: nothing, or their beginning.
    fn body(&mut self, bytes: &[u8]) -> Vec<u8> {
        let [_, _, _, kind, flags, ..] = self.header;
        let up_to = |len: usize| {
            bytes.get(..len.saturating_sub(self.done).min(bytes.len())).unwrap_or_default().to_vec()
        };
        match kind {
            kind::DATA if flags & PADDED != 0 => up_to(1),
            kind::RST_STREAM | kind::WINDOW_UPDATE => up_to(4),
            kind::PRIORITY => up_to(5),
            // What follows the error is text.
            kind::GOAWAY => up_to(8),
            kind::PING => vec![0; bytes.len()],
            kind::SETTINGS => self.settings(bytes),
            kind::HEADERS | kind::PUSH_PROMISE | kind::CONTINUATION => self.fields(bytes),
            _ => Vec::new(),
        }
    }

    /// Settings with an identifier of RFC 9113, 6.5.2, and of its extensions.
    fn settings(&mut self, bytes: &[u8]) -> Vec<u8> {
        const KNOWN: std::ops::RangeInclusive<u16> = 1..=9;
        let place = self.done;
        let keep = |(at, byte): (usize, &u8)| match (place + at) % 6 {
            part @ 0..2 => {
                self.setting[part] = *byte;
                *byte
            }
            _ if KNOWN.contains(&u16::from_be_bytes(self.setting)) => *byte,
            _ => 0,
        };
        bytes.iter().enumerate().map(keep).collect()
    }

    /// A block of fields, and what is in front of it and after it.
    fn fields(&mut self, bytes: &[u8]) -> Vec<u8> {
        let [_, _, _, kind, flags, ..] = self.header;
        let is_padded = flags & PADDED != 0 && kind != kind::CONTINUATION;
        let front = match kind {
            kind::HEADERS if flags & WITH_PRIORITY != 0 => 5,
            kind::PUSH_PROMISE => 4,
            _ => 0,
        };
        let begin = usize::from(is_padded) + front;
        if let Some(padding) = bytes.first().filter(|_| is_padded && self.done == 0) {
            self.padding = usize::from(*padding);
        }
        if let Some(block) = begin.checked_sub(self.done).and_then(|from| bytes.get(from..))
            && kind == kind::HEADERS
        {
            self.status = status_len(block);
        }
        let begin = begin + self.status;
        let end = self.len.saturating_sub(self.padding);
        let keep = |(at, byte): (usize, &u8)| match self.done + at {
            place if place < begin => *byte,
            place if place < end => filler(place - begin, end - begin),
            _ => 0,
        };
        bytes.iter().enumerate().map(keep).collect()
    }
}

/// How many bytes a response's status takes that begins a block: its number in HPACK's table, or three digits (RFC 7541, 6 and A).
fn status_len(block: &[u8]) -> usize {
    match *block {
        // With, without and never with a place in the table of later fields.
        [0x48 | 0x08 | 0x18, 3, b'1'..=b'5', b'0'..=b'9', b'0'..=b'9', ..] => 5,
        [0x88..=0x8e, ..] => 1,
        _ => 0,
    }
}

/// The byte at `at` of fields that replace `len` bytes: each is called `x` and consists of such (RFC 7541, 6.2.2).
fn filler(at: usize, len: usize) -> u8 {
    const WITHOUT_INDEX: u8 = 0;
    /// What precedes the value: the form, and two lengths with the name in between.
    const FRONT: usize = 4;
    /// The longest value whose length takes one byte (RFC 7541, 5.1).
    const VALUE: usize = 126;
    /// A field of one byte, whatever it says: the table's sixteenth.
    const SHORT: u8 = 0x90;
    let (field, place) = (at / (FRONT + VALUE), at % (FRONT + VALUE));
    let own = (len - field * (FRONT + VALUE)).min(FRONT + VALUE);
    match (own.checked_sub(FRONT), place) {
        (None, _) => SHORT,
        (Some(_), 0) => WITHOUT_INDEX,
        (Some(_), 1) => 1,
        (Some(value), 3) => value as u8,
        (Some(_), _) => b'x',
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::BLANK;
    use super::*;

    fn frame(kind: u8, flags: u8, body: &[u8]) -> Vec<u8> {
        [&[0, 0, body.len() as u8, kind, flags, 0, 0, 0, 1][..], body].concat()
    }

    /// What is left of a direction that comes in segments of these lengths.
    fn left(stream: &[u8], cuts: &[usize]) -> Vec<u8> {
        let mut bytes = vec![BLANK; stream.len()];
        let mut frames = Frames::begun_by(stream).unwrap_or_default();
        let (mut from, mut cuts) = (0, cuts.iter());
        while from < stream.len() {
            let to = cuts.next().map_or(stream.len(), |cut| (from + cut).min(stream.len()));
            frames.take(&stream[from..to], &mut |at, kept| {
                bytes[from + at..from + at + kept.len()].copy_from_slice(kept);
            });
            from = to;
        }
        bytes
    }

    #[test]
    fn what_controls_a_connection_stays_and_what_it_carries_does_not() {
        for (body, kind, flags, is) in [
            (&b"acmebank"[..], kind::DATA, 1, &[BLANK; 8][..]),
            (b"\x02acmeba\0\0", kind::DATA, PADDED, &[2, 255, 255, 255, 255, 255, 255, 255, 255]),
            (b"\0\x03\0\0\0d\xfa\xfaacme", kind::SETTINGS, 0, b"\0\x03\0\0\0d\xfa\xfa\0\0\0\0"),
            (b"acmebank", kind::PING, 0, &[0; 8]),
            (b"\0\0\0\x05\0\0\0\x0bbank", kind::GOAWAY, 0, b"\0\0\0\x05\0\0\0\x0b\xff\xff\xff\xff"),
            (b"\0\0\0\x08", kind::RST_STREAM, 0, b"\0\0\0\x08"),
            (b"\0\x01\0\0", kind::WINDOW_UPDATE, 0, b"\0\x01\0\0"),
            (b"acmebank", 10, 0, &[BLANK; 8]),
        ] {
            let stream = [HTTP2_PREFACE, &frame(kind, flags, body), &frame(4, 1, b"")].concat();
            let expected = [HTTP2_PREFACE, &frame(kind, flags, is), &frame(4, 1, b"")].concat();
            for cut in 0..stream.len() {
                assert_eq!(left(&stream, &[cut]), expected, "{kind} cut at {cut}");
            }
        }
    }

    #[test]
    fn of_fields_the_status_stays_and_others_of_their_length_follow_it() {
        let block = |flags: u8, body: &[u8]| left(&frame(kind::HEADERS, flags, body), &[])[HEADER..].to_vec();
        assert_eq!(block(4, b"\x88acmebank"), b"\x88\0\x01x\x04xxxx");
        assert_eq!(block(4, b"\x48\x03429ac"), b"\x48\x03429\x90\x90");
        assert_eq!(block(4, b"\x83acmebank"), b"\0\x01x\x05xxxxx");
        let padded = [b"\x02\0\0\0\x03\x0f\x88".as_slice(), b"acmebank", b"pp"].concat();
        assert_eq!(block(0x2c, &padded), b"\x02\0\0\0\x03\x0f\x88\0\x01x\x04xxxx\0\0");
        let long = block(4, &[b'a'; 200]);
        assert_eq!(long[..6], *b"\0\x01x\x7exx");
        assert_eq!(long[130..136], *b"\0\x01x\x42xx");
        let promised = left(&frame(kind::PUSH_PROMISE, 4, b"\0\0\0\x02acmebank"), &[]);
        assert_eq!(promised[HEADER..], *b"\0\0\0\x02\0\x01x\x04xxxx");
    }

    #[test]
    fn a_server_s_settings_begin_it_and_other_bytes_do_not() {
        let begins = |bytes: &[u8]| Frames::begun_by(bytes).is_some();
        assert!(begins(&[0, 0, 12, 4, 0, 0, 0, 0, 0, 0, 3]) && begins(&[0, 0, 0, 4]));
        for other in [&b""[..], b"PRI * HTTP/2.0\r\n", &[0, 0, 12], &[0, 0, 7, 4, 0], &[0, 0, 6, 4, 0, 0, 1]]
        {
            assert!(!begins(other), "{other:?}");
        }
    }

    #[test]
    fn after_missing_bytes_the_place_is_known_within_a_frame_only() {
        let mut frames = Frames::begun_by(&[0, 0, 12, 4]).unwrap();
        frames.take(&frame(kind::SETTINGS, 0, &[0; 12])[..11], &mut |_, _| ());
        assert!(frames.skip(10) && !frames.skip(1));
    }

    proptest! {
        #[test]
        fn what_stays_is_within_the_bytes(parts: Vec<Vec<u8>>, header: [u8; HEADER]) {
            let mut frames = Frames::begun_by(HTTP2_PREFACE).unwrap();
            for part in [HTTP2_PREFACE, &header].into_iter().chain(parts.iter().map(Vec::as_slice)) {
                frames.take(part, &mut |at, kept| assert!(at + kept.len() <= part.len()));
            }
        }
    }
}
