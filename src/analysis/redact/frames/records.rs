//! One direction of a connection, without names: TLS records, what comes before them, and what of either stays.

use super::super::StandIns;
use crate::limits;
use crate::tls::{RecordContent, RecordHeader, handshake_kind};

/// Bytes of a record's header, and of a handshake message's.
const RECORD_HEADER: usize = 5;
const MESSAGE_HEADER: usize = 4;

/// Bytes of a heartbeat that are its kind and length (RFC 6520, 4).
const HEARTBEAT_HEADER: usize = 3;

/// Bytes that stay, by their places in the stream, in its order.
#[derive(Debug, Default)]
pub(super) struct Kept {
    bytes: Vec<u8>,
    /// Place in the stream, place in `bytes`, length.
    pieces: Vec<(i64, usize, usize)>,
}

impl Kept {
    fn add(&mut self, at: i64, bytes: &[u8]) {
        match self.pieces.last_mut() {
            Some((from, _, len)) if *from + *len as i64 == at => *len += bytes.len(),
            _ => self.pieces.push((at, self.bytes.len(), bytes.len())),
        }
        self.bytes.extend_from_slice(bytes);
    }

    fn size(&self) -> usize {
        self.bytes.len() + self.pieces.len() * size_of::<(i64, usize, usize)>()
    }

    /// Writes what stays over `payload`, whose first byte is at `at` in the stream.
    pub(super) fn overlay(&self, at: i64, payload: &mut [u8]) {
        let end = at + payload.len() as i64;
        let first = self.pieces.partition_point(|(from, _, len)| from + *len as i64 <= at);
        for (from, place, len) in self.pieces.get(first..).unwrap_or_default() {
            if *from >= end {
                break;
            }
            let skipped = (at - from).max(0) as usize;
            let target = (from - at).max(0) as usize;
            let kept = self.bytes.get(place + skipped..place + len).unwrap_or_default();
            let room = payload.get_mut(target..).unwrap_or_default();
            let both = kept.len().min(room.len());
            if let (Some(room), Some(kept)) = (room.get_mut(..both), kept.get(..both)) {
                room.copy_from_slice(kept);
            }
        }
    }
}

/// What the bytes are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mode {
    /// No TLS so far.
    Plain,
    Tls,
    /// Where the next record begins is unknown.
    Lost,
}

/// A record that is being read.
#[derive(Clone, Copy, Debug)]
struct Record {
    content: RecordContent,
    len: usize,
    left: usize,
    /// Whether a handshake record is in clear; unknown before its first bytes.
    is_clear: Option<bool>,
}

/// Reads a direction in the order of its bytes.
#[derive(Debug)]
pub(super) struct Records {
    pub(super) kept: Kept,
    at: i64,
    mode: Mode,
    /// Whether any byte came.
    pub(super) has_begun: bool,
    header: Vec<u8>,
    record: Option<Record>,
    /// A handshake message as far as it came, and where its bytes are in the stream.
    message: Vec<u8>,
    places: Vec<(i64, usize)>,
    is_encrypted: bool,
}

impl Default for Records {
    fn default() -> Self {
        Self {
            kept: Kept::default(),
            at: 0,
            mode: Mode::Plain,
            has_begun: false,
            header: Vec::new(),
            record: None,
            message: Vec::new(),
            places: Vec::new(),
            is_encrypted: false,
        }
    }
}

impl Records {
    /// Bytes that it holds in memory.
    pub(super) fn size(&self) -> usize {
        self.kept.size() + self.message.len() + self.places.len() * size_of::<(i64, usize)>()
    }

    /// Takes the next bytes. `is_start` is whether a segment begins with them.
    pub(super) fn take(&mut self, mut bytes: &[u8], is_start: bool, names: &mut StandIns) {
        if is_start && self.mode != Mode::Tls && begins_tls(bytes, !self.has_begun) {
            self.mode = Mode::Tls;
        }
        let is_first = !self.has_begun;
        self.has_begun |= !bytes.is_empty();
        if is_first && let Some(hello) = old_hello(bytes, names) {
            self.kept.add(self.at, &hello);
            self.at += hello.len() as i64;
            // TLS may follow.
            self.mode = Mode::Lost;
            bytes = &[];
        }
        while !bytes.is_empty() {
            bytes = match self.mode {
                Mode::Tls => self.take_tls(bytes, names),
                Mode::Plain => self.take_plain(bytes, names),
                Mode::Lost => {
                    self.at += bytes.len() as i64;
                    &[]
                }
            };
        }
    }

    /// Passes over bytes that are not in the capture.
    pub(super) fn skip(&mut self, len: u64, names: &mut StandIns) {
        if len == 0 {
            return;
        }
        self.at += len as i64;
        if self.mode != Mode::Tls {
            return;
        }
        self.flush(names);
        match &mut self.record {
            Some(record) if len <= record.left as u64 => {
                record.left -= len as usize;
                record.is_clear.get_or_insert(false);
                // The rest of a message without its beginning.
                record.is_clear = record.is_clear.map(|_| false);
                if record.left == 0 {
                    self.record = None;
                }
            }
            _ => self.lose(),
        }
    }

    /// Ends: of a message that is not whole, what is there stays.
    pub(super) fn finish(&mut self, names: &mut StandIns) {
        self.flush(names);
        self.header = Vec::new();
    }

    fn lose(&mut self) {
        self.mode = Mode::Lost;
        self.record = None;
        self.header.clear();
    }

    fn take_plain<'a>(&mut self, bytes: &'a [u8], names: &mut StandIns) -> &'a [u8] {
        let end =
            (1..bytes.len()).find(|at| is_hello(bytes.get(*at..).unwrap_or_default())).unwrap_or(bytes.len());
        let (own, rest) = bytes.split_at(end);
        let mut own = own.to_vec();
        names.plain_bytes(&mut own);
        self.kept.add(self.at, &own);
        self.at += end as i64;
        if !rest.is_empty() {
            self.mode = Mode::Tls;
        }
        rest
    }

    fn take_tls<'a>(&mut self, bytes: &'a [u8], names: &mut StandIns) -> &'a [u8] {
        let Some(mut record) = self.record else { return self.take_header(bytes) };
        let (body, rest) = bytes.split_at(bytes.len().min(record.left));
        let done = record.len - record.left;
        match record.content {
            RecordContent::ChangeCipherSpec => {
                self.kept.add(self.at, body);
                self.is_encrypted = true;
            }
            // In clear, it has two bytes (RFC 8446, 6).
            RecordContent::Alert if record.len == 2 => self.kept.add(self.at, body),
            RecordContent::Heartbeat => {
                let head = HEARTBEAT_HEADER.saturating_sub(done).min(body.len());
                self.kept.add(self.at, body.get(..head).unwrap_or_default());
            }
            RecordContent::Handshake => {
                let is_clear = *record.is_clear.get_or_insert_with(|| self.is_in_clear(body, record.len));
                if is_clear {
                    self.take_message(body, names);
                }
            }
            RecordContent::Alert | RecordContent::ApplicationData => {}
        }
        // Taking a message has not moved the place.
        self.at += body.len() as i64;
        record.left -= body.len();
        self.record = Some(record).filter(|record| record.left > 0);
        rest
    }

    fn take_header<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let (head, rest) = bytes.split_at(bytes.len().min(RECORD_HEADER - self.header.len()));
        self.header.extend_from_slice(head);
        self.at += head.len() as i64;
        if self.header.len() < RECORD_HEADER {
            return rest;
        }
        let Some(parsed) = RecordHeader::parse(&self.header) else {
            self.lose();
            return rest;
        };
        self.kept.add(self.at - RECORD_HEADER as i64, &self.header);
        self.header.clear();
        let len = usize::from(parsed.body_len);
        let record = Record { content: parsed.content, len, left: len, is_clear: None };
        self.record = Some(record).filter(|record| record.left > 0);
        rest
    }

    /// Whether a handshake record is in clear: before the change of cipher it is if it can be, and behind it a hello is that follows a
    /// request for another one (RFC 8446, 4.1.4).
    fn is_in_clear(&self, body: &[u8], record_len: usize) -> bool {
        if !self.message.is_empty() {
            return true;
        }
        let is_hello = |kind| matches!(kind, handshake_kind::CLIENT_HELLO | handshake_kind::SERVER_HELLO);
        match *body {
            [kind, high, middle, low, ..] => {
                let len = u32::from_be_bytes([0, high, middle, low]) as usize;
                let is_known = handshake_kind::is_known(kind) && len <= limits::HANDSHAKE_MESSAGE_BYTES;
                is_known && (!self.is_encrypted || (is_hello(kind) && len + MESSAGE_HEADER <= record_len))
            }
            [kind, ..] => !self.is_encrypted && handshake_kind::is_known(kind),
            [] => false,
        }
    }

    fn take_message(&mut self, mut body: &[u8], names: &mut StandIns) {
        let mut at = self.at;
        while !body.is_empty() {
            let len = self.message_len();
            let wanted = len.map_or(MESSAGE_HEADER, |len| len + MESSAGE_HEADER) - self.message.len();
            let (own, rest) = body.split_at(body.len().min(wanted));
            self.message.extend_from_slice(own);
            self.places.push((at, own.len()));
            at += own.len() as i64;
            body = rest;
            match self.message_len() {
                Some(len) if self.message.len() == len + MESSAGE_HEADER => self.flush(names),
                // No message: this record, and those that follow, are read no further.
                Some(len) if len > limits::HANDSHAKE_MESSAGE_BYTES => {
                    self.flush(names);
                    return;
                }
                _ => {}
            }
        }
    }

    fn message_len(&self) -> Option<usize> {
        let [_, high, middle, low, ..] = *self.message.as_slice() else { return None };
        Some(u32::from_be_bytes([0, high, middle, low]) as usize)
    }

    /// Keeps a message, as far as it came, without what it names.
    fn flush(&mut self, names: &mut StandIns) {
        let mut message = std::mem::take(&mut self.message);
        let places = std::mem::take(&mut self.places);
        if let Some((header, body)) = message.split_at_mut_checked(MESSAGE_HEADER) {
            names.handshake(header[0], body);
        }
        let mut from = 0;
        for (at, len) in places {
            self.kept.add(at, message.get(from..from + len).unwrap_or_default());
            from += len;
        }
    }
}

/// Whether bytes begin a record. A stream may begin with less than a header.
fn begins_tls(bytes: &[u8], is_first: bool) -> bool {
    match *bytes {
        [_, _, _, _, _, ..] => RecordHeader::parse(bytes).is_some(),
        [20..=24] | [20..=24, 3] | [20..=24, 3, 0..=4, ..] => is_first,
        _ => false,
    }
}

/// Whether bytes begin with a record that begins with a hello.
fn is_hello(bytes: &[u8]) -> bool {
    matches!(*bytes, [22, 3, 0..=4, _, _, handshake_kind::CLIENT_HELLO | handshake_kind::SERVER_HELLO, 0, ..])
}

/// A hello of SSL 2 that is all of these bytes, without names (RFC 6101, E.2; the server's has a certificate behind 11 bytes).
fn old_hello(bytes: &[u8], names: &mut StandIns) -> Option<Vec<u8>> {
    const CLIENT: u8 = 1;
    const SERVER: u8 = 4;
    let &[high, low, kind @ (CLIENT | SERVER), ..] = bytes else { return None };
    let len = 2 + (usize::from(high & 0x7f) << 8 | usize::from(low));
    if high & 0x80 == 0 || len != bytes.len() {
        return None;
    }
    let mut hello = bytes.to_vec();
    if kind == SERVER {
        let len = usize::from(u16::from_be_bytes([*bytes.get(7)?, *bytes.get(8)?]));
        names.certificate_bytes(hello.get_mut(13..13 + len)?);
    }
    Some(hello)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::BLANK;
    use super::*;

    fn record(content: u8, body: &[u8]) -> Vec<u8> {
        [&[content, 3, 3], &(body.len() as u16).to_be_bytes()[..], body].concat()
    }

    /// What is left of a stream that comes in segments of these lengths.
    fn left(stream: &[u8], cuts: &[usize]) -> Vec<u8> {
        let (mut records, mut names) = (Records::default(), StandIns::default());
        let mut rest = stream;
        for cut in cuts {
            let (segment, after) = rest.split_at((*cut).min(rest.len()));
            records.take(segment, true, &mut names);
            rest = after;
        }
        records.take(rest, true, &mut names);
        records.finish(&mut names);
        let mut bytes = vec![BLANK; stream.len()];
        records.kept.overlay(0, &mut bytes);
        bytes
    }

    /// A conversation's server: a certificate request that names "Corp", the end, encrypted bytes and an alert.
    fn stream() -> (Vec<u8>, Vec<u8>) {
        let name =
            |text: &[u8]| [&[0x30, 15, 0x31, 13, 0x30, 11, 6, 3, 0x55, 4, 10, 0x0c, 4][..], text].concat();
        let request = |text: &[u8]| [&[13, 0, 0, 23, 1, 64, 0, 19, 0, 17][..], &name(text)].concat();
        let of = |text: &[u8], ticket: u8, secret: u8| {
            let whole = [request(text), vec![14, 0, 0, 0]].concat();
            let (one, other) = whole.split_at(9);
            [
                record(22, one),
                record(22, other),
                record(20, &[1]),
                record(22, &[secret; 40]),
                record(23, &[ticket; 30]),
                record(21, &[2, 40]),
            ]
            .concat()
        };
        (of(b"Corp", 7, 9), of(b"h1xx", BLANK, BLANK))
    }

    #[test]
    fn headers_messages_in_clear_and_alerts_stay_without_names() {
        let (stream, expected) = stream();
        assert_eq!(left(&stream, &[]), expected);
    }

    #[test]
    fn text_before_tls_is_masked_and_the_hello_behind_it_found() {
        let hello = record(22, &[1, 0, 0, 4, 3, 3, 9, 9]);
        let stream = [b"a STARTTLS ann\r\n", hello.as_slice()].concat();
        assert_eq!(left(&stream, &[16]), [b"x STARTTLS xxx\r\n", hello.as_slice()].concat());
        assert_eq!(left(&stream, &[]), [b"x STARTTLS xxx\r\n", hello.as_slice()].concat());
    }

    #[test]
    fn behind_bytes_that_are_missing_the_place_is_known_within_a_record_only() {
        let (stream, expected) = stream();
        let (mut records, mut names) = (Records::default(), StandIns::default());
        // Inside the first encrypted record, 20 of its 40 bytes are not captured.
        let from = 5 + 9 + 5 + 22 + 6 + 5 + 10;
        records.take(&stream[..from], true, &mut names);
        records.skip(20, &mut names);
        records.take(&stream[from + 20..], true, &mut names);
        let mut bytes = vec![BLANK; stream.len()];
        records.kept.overlay(0, &mut bytes);
        assert_eq!(bytes, expected);
        records.skip(3, &mut names);
        records.take(&[1, 2, 3], false, &mut names);
        let mut after = vec![BLANK; 3];
        records.kept.overlay(stream.len() as i64 + 3, &mut after);
        assert_eq!(after, [BLANK; 3]);
    }

    proptest! {
        #[test]
        fn any_split_into_segments_leaves_the_same(cuts in proptest::collection::vec(1_usize..40, 0..12)) {
            let (stream, expected) = stream();
            prop_assert_eq!(left(&stream, &cuts), expected);
        }

        #[test]
        fn any_bytes_are_read_to_their_end(bytes: Vec<u8>, cuts in proptest::collection::vec(1_usize..40, 0..12)) {
            prop_assert_eq!(left(&bytes, &cuts).len(), bytes.len());
        }
    }
}
