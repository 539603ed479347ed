//! One direction of a connection, without names: TLS records, what comes before them, and what of either stays.

use super::super::StandIns;
use super::BLANK;
use super::clear::Clear;
use super::kept::Kept;
use crate::limits;
use crate::tls::{CipherSuite, RecordContent, RecordHeader, handshake_kind};

/// Bytes of a record's header, and of a handshake message's.
const RECORD_HEADER: usize = 5;
const MESSAGE_HEADER: usize = 4;

/// Bytes of a heartbeat that are its kind and length (RFC 6520, 4).
const HEARTBEAT_HEADER: usize = 3;

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
    /// Bytes of a message whose beginning was no longer waited with: they are blank.
    unread: usize,
    clear: Clear,
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
            unread: 0,
            clear: Clear::default(),
        }
    }
}

impl Records {
    /// Bytes that it holds in memory.
    pub(super) fn size(&self) -> usize {
        self.kept.size()
            + self.message.len()
            + self.clear.held()
            + self.places.len() * size_of::<(i64, usize)>()
    }

    /// Takes the next bytes. `is_start` is whether a segment begins with them.
    pub(super) fn take(&mut self, mut bytes: &[u8], is_start: bool, names: &mut StandIns) {
        let excludes_tls = self.clear.excludes_tls();
        if is_start && self.mode != Mode::Tls && !excludes_tls && begins_tls(bytes, !self.has_begun) {
            self.end_line(names);
            self.mode = Mode::Tls;
        }
        let is_first = !self.has_begun;
        self.has_begun |= !bytes.is_empty();
        if is_first
            && self.mode == Mode::Plain
            && let Some(len) = old_hello_len(bytes)
        {
            let (hello, rest) = bytes.split_at(len.min(bytes.len()));
            let is_whole = hello.len() == len;
            let hello = old_hello(hello, names);
            self.kept.add(self.at, &hello);
            self.at += hello.len() as i64;
            self.mode = if is_whole { Mode::Tls } else { Mode::Lost };
            bytes = rest;
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
        self.clear.skip(len, self.at, &mut self.kept, names);
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
        self.end_line(names);
        self.flush(names);
        self.header = Vec::new();
    }

    /// From where on what stays may still depend on what follows.
    pub(super) fn open_from(&self) -> i64 {
        let held = self.header.len() + self.clear.held();
        self.places.first().map_or(self.at - held as i64, |(at, _)| *at)
    }

    /// The same as [`Self::finish`], and more follows: of a message that is not whole, the rest will be blank.
    pub(super) fn settle(&mut self, names: &mut StandIns) {
        self.end_line(names);
        if !self.message.is_empty() {
            match self.message_len() {
                Some(len) => self.unread = (len + MESSAGE_HEADER).saturating_sub(self.message.len()),
                None => self.lose(),
            }
            self.flush(names);
        }
        if let [20..=24] | [20..=24, 3, ..] = *self.header {
            self.kept.add(self.at - self.header.len() as i64, &self.header);
        }
    }

    fn lose(&mut self) {
        self.unread = 0;
        self.mode = Mode::Lost;
        self.record = None;
        self.header.clear();
    }

    fn take_plain<'a>(&mut self, bytes: &'a [u8], names: &mut StandIns) -> &'a [u8] {
        let begins_hello = |at: &usize| is_hello(bytes.get(*at..).unwrap_or_default());
        let end = (1..bytes.len()).filter(|_| !self.clear.excludes_tls()).find(begins_hello);
        let (own, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
        self.clear.take(own, self.at, &mut self.kept, names);
        self.at += own.len() as i64;
        if !rest.is_empty() {
            self.end_line(names);
            self.mode = Mode::Tls;
        }
        rest
    }

    /// Keeps a line in clear as far as it came.
    fn end_line(&mut self, names: &mut StandIns) {
        self.clear.end_line(self.at, &mut self.kept, names);
    }

    fn take_tls<'a>(&mut self, bytes: &'a [u8], names: &mut StandIns) -> &'a [u8] {
        let Some(mut record) = self.record else { return self.take_header(bytes) };
        let (body, rest) = bytes.split_at(bytes.len().min(record.left));
        let done = record.len - record.left;
        match record.content {
            RecordContent::ChangeCipherSpec => {
                // It has one byte (RFC 5246, 7.1).
                if record.len == 1 {
                    self.kept.add(self.at, body);
                }
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

    /// Whether a handshake record is in clear: before the change of cipher it is if it can be, and after it a hello is that follows a
    /// request for another one (RFC 8446, 4.1.4).
    fn is_in_clear(&self, body: &[u8], record_len: usize) -> bool {
        if !self.message.is_empty() || self.unread > 0 {
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
        let unread = self.unread.min(body.len());
        self.unread -= unread;
        at += unread as i64;
        body = body.get(unread..).unwrap_or_default();
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

/// Bytes of a hello of SSL 2 by which it is recognised: header, kind, and version, or whether the session is known.
const OLD_START: usize = 5;
const OLD_CLIENT: u8 = 1;
const OLD_SERVER: u8 = 4;

/// The length of a hello of SSL 2 that begins these bytes (RFC 6101, E.2).
fn old_hello_len(bytes: &[u8]) -> Option<usize> {
    let &[high, low, kind, major, minor, ..] = bytes else { return None };
    let is_version = matches!((major, minor), (0, 2) | (3, 0..=4));
    let is_one = high & 0x80 != 0 && (kind == OLD_CLIENT && is_version || kind == OLD_SERVER && major <= 1);
    is_one.then(|| (2 + (usize::from(high & 0x7f) << 8 | usize::from(low))).max(OLD_START))
}

/// The same without names, as far as it is there. The client's has ciphers, a session id and a challenge; the server's a certificate,
/// ciphers and an id of the connection.
fn old_hello(bytes: &[u8], names: &mut StandIns) -> Vec<u8> {
    const CIPHER: usize = 3;
    let mut hello = bytes.to_vec();
    let is_server = hello.get(2) == Some(&OLD_SERVER);
    let lengths = if is_server { OLD_START + 2 } else { OLD_START };
    let len_at = |at: usize| match bytes.get(at..at + 2) {
        Some([high, low]) => usize::from(u16::from_be_bytes([*high, *low])),
        _ => 0,
    };
    let (first, second) = (len_at(lengths), len_at(lengths + 2));
    let Some(rest) = hello.get_mut(lengths + 6..) else { return hello };
    let certificate_len = if is_server { first.min(rest.len()) } else { 0 };
    let ciphers_len = if is_server { second } else { first };
    let (certificate, rest) = rest.split_at_mut(certificate_len);
    names.certificate_bytes(certificate);
    let (ciphers, rest) = rest.split_at_mut(ciphers_len.min(rest.len()));
    for cipher in ciphers.chunks_mut(CIPHER) {
        let number = cipher.iter().fold(0, |number, byte| number << 8 | u32::from(*byte));
        if cipher.len() < CIPHER || CipherSuite(number).name().is_none() {
            cipher.fill(BLANK);
        }
    }
    let session_len = if is_server { 0 } else { second.min(rest.len()) };
    let (session, rest) = rest.split_at_mut(session_len);
    if !session.is_empty() {
        names.opaque(session);
    }
    rest.fill(BLANK);
    hello
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
    fn text_before_tls_is_masked_and_the_hello_after_it_found() {
        let hello = record(22, &[1, 0, 0, 4, 3, 3, 9, 9]);
        let stream = [b"a STARTTLS ann\r\n", hello.as_slice()].concat();
        // This hello has a part of its random value.
        let hello = record(22, &[1, 0, 0, 4, 3, 3, BLANK, BLANK]);
        assert_eq!(left(&stream, &[16]), [b"x STARTTLS xxx\r\n", hello.as_slice()].concat());
        assert_eq!(left(&stream, &[]), [b"x STARTTLS xxx\r\n", hello.as_slice()].concat());
    }

    #[test]
    fn words_in_clear_are_recognised_over_any_split() {
        let text = "HTTP/1.1 407 nécessaire\r\nProxy-Authenticate: Basic realm=bank\r\n\r\n454 x\r\na STARTTLS ann\r\nHT";
        let expected = left(text.as_bytes(), &[]);
        let shown = String::from_utf8_lossy(&expected);
        assert!(
            shown.starts_with("HTTP/1.1 407 x") && shown.ends_with("454 x\r\nx STARTTLS xxx\r\nHT"),
            "{shown}"
        );
        for cut in 1..text.len() {
            assert_eq!(left(text.as_bytes(), &[cut]), expected, "cut at {cut}");
        }
        assert_eq!(left(text.as_bytes(), &[1; 60]), expected);
    }

    #[test]
    fn what_follows_text_in_a_direction_of_text_keeps_the_ends_of_its_lines() {
        let answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let stream = [&answer[..], b"4\r\n\x00\x01ab\r\n0\r\n\r\n"].concat();
        assert!(left(&stream, &[answer.len()]).ends_with(b"\r\n\r\n"));
    }

    #[test]
    fn a_line_without_an_end_is_bounded() {
        let (mut records, mut names) = (Records::default(), StandIns::default());
        for _ in 0..100 {
            records.take(&[b'a'; 1_460], true, &mut names);
            assert!(records.clear.held() <= limits::REWRITTEN_LINE_BYTES);
        }
    }

    #[test]
    fn a_change_of_cipher_that_is_too_long_and_the_rest_of_an_old_hello_are_blank() {
        let stream = [record(20, b"acmebank"), record(21, &[2, 40])].concat();
        let mut expected = stream.clone();
        expected[5..13].fill(BLANK);
        assert_eq!(left(&stream, &[]), expected);
        let hello = |cipher: &[u8], session: &[u8], challenge: &[u8]| {
            let lengths = [0, cipher.len() as u8, 0, session.len() as u8, 0, challenge.len() as u8];
            let body = [&[1, 3, 1][..], &lengths, cipher, session, challenge].concat();
            [&[0x80, body.len() as u8][..], &body].concat()
        };
        let old = hello(&[0, 0, 0x2f, b'a', b'c', b'm', 7, 0, 0xc0], b"bank", b"challenge");
        let kept = hello(&[0, 0, 0x2f, 255, 255, 255, 7, 0, 0xc0], &[0, 0, 0, 1], &[BLANK; 9]);
        assert_eq!(left(&old, &[]), kept);
        // What is left of one that is cut off is recognised still.
        assert_eq!(left(&[0x80, 0x2e, 1, 0, 2], &[]), [0x80, 0x2e, 1, 0, 2]);
    }

    #[test]
    fn after_bytes_that_are_missing_the_place_is_known_within_a_record_only() {
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
