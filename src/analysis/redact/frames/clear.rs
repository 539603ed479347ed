//! What one direction contains in clear: lines of text, bodies of HTTP, frames of HTTP/2, and messages of other protocols.

use super::super::StandIns;
use super::http2::Frames;
use super::kept::Kept;
use super::{binary, plain};
use crate::limits;
use crate::tls::ChunkPlace;

/// What it speaks.
#[derive(Debug, Default)]
enum Form {
    /// Messages that are no text, as far as is known; text may follow, as after SOCKS.
    #[default]
    Messages,
    /// Messages of a protocol that stays: what looks like text in them is none.
    MessagesAlone,
    /// Its lines are read whole, since a word may be split between segments.
    Text,
    Http2(Box<Frames>),
    /// Frames of HTTP/2, and it is unknown where the next one begins.
    Lost,
}

/// The header of an HTTP message that is being read.
#[derive(Clone, Copy, Debug)]
struct Header {
    has_body: bool,
    is_chunked: bool,
    length: Option<u64>,
}

/// The body of an HTTP message that is being read.
#[derive(Clone, Copy, Debug)]
enum Body {
    /// This many bytes are still to come.
    Length(u64),
    Chunks(ChunkPlace),
}

/// Reads a direction in the order of its bytes.
#[derive(Debug, Default)]
pub(super) struct Clear {
    form: Form,
    has_begun: bool,
    /// The last line as far as it came, up to the place that is read.
    line: Vec<u8>,
    header: Option<Header>,
    body: Option<Body>,
    /// Nothing of that body came so far.
    is_body_due: bool,
}

impl Clear {
    /// Bytes of a line that waits for its end.
    pub(super) fn held(&self) -> usize {
        self.line.len()
    }

    /// Whether no TLS can follow (RFC 9113, 3.3).
    pub(super) fn excludes_tls(&self) -> bool {
        matches!(self.form, Form::Http2(_) | Form::Lost)
    }

    /// Takes the next bytes, which begin at `at`.
    pub(super) fn take(&mut self, bytes: &[u8], at: i64, kept: &mut Kept, names: &mut StandIns) {
        self.recognise(bytes);
        self.has_begun = true;
        match &mut self.form {
            Form::Text => self.take_text(bytes, at, kept, names),
            Form::Messages | Form::MessagesAlone => {
                let mut own = bytes.to_vec();
                names.binary_bytes(&mut own);
                kept.add(at, &own);
            }
            Form::Http2(frames) => frames.take(bytes, &mut |place, own| kept.add(at + place as i64, own)),
            Form::Lost => {}
        }
    }

    fn recognise(&mut self, bytes: &[u8]) {
        if !matches!(self.form, Form::Messages) {
            return;
        }
        let is_first = !self.has_begun;
        if let Some(frames) = Frames::begun_by(bytes).filter(|_| is_first) {
            self.form = Form::Http2(Box::new(frames));
        } else if plain::is_text(bytes) {
            self.form = Form::Text;
        } else if is_first && binary::stays(bytes) {
            self.form = Form::MessagesAlone;
        }
    }

    /// Passes over bytes that are not in the capture, from `at` on.
    pub(super) fn skip(&mut self, len: u64, at: i64, kept: &mut Kept, names: &mut StandIns) {
        self.end_line(at, kept, names);
        (self.header, self.is_body_due) = (None, false);
        self.body = match self.body {
            Some(Body::Length(left)) if len <= left => Some(Body::Length(left - len)),
            Some(Body::Chunks(ChunkPlace::Chunk(left))) if len < left => {
                Some(Body::Chunks(ChunkPlace::Chunk(left - len)))
            }
            _ => None,
        };
        if let Form::Http2(frames) = &mut self.form
            && !frames.skip(len)
        {
            self.form = Form::Lost;
        }
    }

    /// Takes text: lines that are whole are done with, and the beginning of one waits for its end, as long as it is no longer than lines
    /// are. The first bytes are of the line that waits.
    fn take_text(&mut self, mut bytes: &[u8], mut at: i64, kept: &mut Kept, names: &mut StandIns) {
        while !bytes.is_empty() {
            let rest = match self.body {
                Some(body) => self.take_body(body, bytes, at, kept),
                None => self.take_line(bytes, at, kept, names),
            };
            at += (bytes.len() - rest.len()) as i64;
            bytes = rest;
        }
    }

    fn take_line<'a>(&mut self, bytes: &'a [u8], at: i64, kept: &mut Kept, names: &mut StandIns) -> &'a [u8] {
        let end = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| end + 1);
        let room = limits::REWRITTEN_LINE_BYTES - self.line.len();
        let (part, rest) = bytes.split_at(end.min(room));
        self.line.extend_from_slice(part);
        if part.ends_with(b"\n") || self.line.len() >= limits::REWRITTEN_LINE_BYTES {
            self.end_line(at + part.len() as i64, kept, names);
        }
        rest
    }

    /// Takes the beginning of what is there of a body. Nothing stays of it but its length, the ends of its lines, and the sizes of its
    /// chunks.
    fn take_body<'a>(&mut self, body: Body, bytes: &'a [u8], at: i64, kept: &mut Kept) -> &'a [u8] {
        let is_size = matches!(body, Body::Chunks(ChunkPlace::Size(_)));
        let is_begun = std::mem::take(&mut self.is_body_due);
        let is_of_body = |first: &u8| !is_size || first.is_ascii_hexdigit();
        // The answer to HEAD announces a body and has none.
        if is_begun && (plain::begins_message(bytes) || !bytes.first().is_some_and(is_of_body)) {
            self.body = None;
            return bytes;
        }
        let len = match body {
            Body::Length(left) | Body::Chunks(ChunkPlace::Chunk(left)) => {
                usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len())
            }
            Body::Chunks(_) => 1,
        };
        let (own, rest) = bytes.split_at(len);
        match own {
            [digit] if is_size && digit.is_ascii_hexdigit() => kept.add(at, own),
            _ => kept.add(at, &plain::masked(own)),
        }
        self.body = match body {
            Body::Length(left) => Some(left - len as u64).filter(|left| *left > 0).map(Body::Length),
            Body::Chunks(place) => {
                Some(place.after(own)).filter(|place| *place != ChunkPlace::End).map(Body::Chunks)
            }
        };
        rest
    }

    /// Keeps a line, as far as it came, without what it names.
    pub(super) fn end_line(&mut self, at: i64, kept: &mut Kept, names: &mut StandIns) {
        let mut line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.follow(&line);
            names.text_bytes(&mut line);
            kept.add(at - line.len() as i64, &line);
        }
    }

    /// Follows the lines of an HTTP message's header, to know its body.
    fn follow(&mut self, line: &[u8]) {
        if let Some(has_body) = plain::begins_http(line) {
            self.header = Some(Header { has_body, is_chunked: false, length: None });
            return;
        }
        let Some(header) = &mut self.header else { return };
        if !matches!(line, b"\r\n" | b"\n") {
            header.is_chunked |= plain::is_chunked(line);
            header.length = plain::body_len(line).or(header.length);
            return;
        }
        self.body = match *header {
            Header { has_body: false, .. } => None,
            Header { is_chunked: true, .. } => Some(Body::Chunks(ChunkPlace::default())),
            Header { length, .. } => length.filter(|length| *length > 0).map(Body::Length),
        };
        self.is_body_due = self.body.is_some();
        self.header = None;
    }
}

#[cfg(test)]
mod tests {
    use super::super::BLANK;
    use super::*;

    /// What is left of a direction that comes in these segments; of one that is empty, a byte is missing.
    fn left(segments: &[&[u8]]) -> Vec<u8> {
        let (mut clear, mut kept, mut names) = (Clear::default(), Kept::default(), StandIns::default());
        let mut at = 0;
        for segment in segments {
            if segment.is_empty() {
                clear.skip(1, at, &mut kept, &mut names);
                at += 1;
            }
            clear.take(segment, at, &mut kept, &mut names);
            at += segment.len() as i64;
        }
        clear.end_line(at, &mut kept, &mut names);
        let mut bytes = vec![BLANK; at as usize];
        kept.overlay(0, &mut bytes);
        bytes
    }

    const CHUNKED: &str = "HTTP/1.1 200 xx\r\nTransfer-Encoding: chunked\r\n\r\n";

    #[test]
    fn of_a_body_in_chunks_their_sizes_stay() {
        for (body, is) in [
            ("7d0\r\nacmebank", "7d0\r\nxxxxxxxx"),
            ("5;bank=a\r\nab\ncd\r\n0\r\nX: bank\r\n\r\n", "5;xxxx=x\r\nxx\nxx\r\n0\r\nx: xxxx\r\n\r\n"),
            ("4\r\nacme\r\nbank\r\nacme", "4\r\nxxxx\r\nbaxx\r\nxxxx"),
        ] {
            let (stream, expected) = (format!("{CHUNKED}{body}"), format!("{CHUNKED}{is}"));
            for cut in 1..stream.len() {
                let (one, other) = stream.as_bytes().split_at(cut);
                assert_eq!(String::from_utf8(left(&[one, other])).unwrap(), expected, "cut at {cut}");
            }
        }
    }

    #[test]
    fn what_follows_a_body_is_read_wherever_that_ends() {
        let message = |length: &str, body: &str| format!("HTTP/1.1 200 xx\r\n{length}\r\n\r\n{body}");
        for (stream, is) in [
            (
                message("Content-Length: 3", "200HTTP/1.1 404 No\r\n"),
                message("Content-Length: 3", "xxxHTTP/1.1 404 xx\r\n"),
            ),
            // The answers to HEAD.
            (
                message("Content-Length: 30", "HTTP/1.1 404 No\r\n"),
                message("Content-Length: 30", "HTTP/1.1 404 xx\r\n"),
            ),
            (format!("{CHUNKED}HTTP/1.1 404 No\r\n"), format!("{CHUNKED}HTTP/1.1 404 xx\r\n")),
            (
                "HTTP/1.1 304 No\r\nContent-Length: 9\r\n\r\n220 a\r\n".into(),
                "HTTP/1.1 304 xx\r\nContent-Length: 9\r\n\r\n220 x\r\n".into(),
            ),
        ] {
            assert_eq!(String::from_utf8(left(&[stream.as_bytes()])).unwrap(), is);
        }
        let begun = "POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n";
        let missing = left(&[begun.as_bytes(), b"a", b"", b"bcGET / HTTP/1.1\r\n"]);
        assert_eq!(missing, [begun.as_bytes(), b"x\xffxxGET / HTTP/1.1\r\n"].concat());
    }

    #[test]
    fn a_protocol_of_messages_has_no_text() {
        let start = b"\0\0\0\x10\0\x03\0\0user\0a\0\0";
        let expected = [&start[..8], &[BLANK; 8], b"s", &[BLANK; 11]].concat();
        assert_eq!(left(&[start, b"select bank\n"]), expected);
        // After SOCKS, another protocol follows.
        assert_eq!(left(&[b"\x05\x01\0", b"QUIT\r\n"]), b"\x05\x01\0QUIT\r\n");
    }

    #[test]
    fn where_the_place_of_http_2_s_frames_is_unknown_nothing_stays() {
        let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
        assert_eq!(left(&[&settings, b"", &settings]), [&settings[..], &[BLANK; 10]].concat());
    }
}
