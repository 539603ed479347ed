//! Plain HTTP: where the server's latest answer ends, or whether its last chunk came, and whether the client's first request has an end.

use std::num::NonZeroU64;

use crate::packet::Segment;
use crate::story::{AnswerPart, Moment, Story};
use crate::tcp::{Observation, SegmentKind};
use crate::tls::{ChunkPlace, Plain};

/// What ends a body in chunks, after the last chunk or its trailers (RFC 9112, 7.1).
const END: &[u8; 4] = b"\r\n\r\n";

/// What is known of the latest answer's end.
#[derive(Clone, Debug, Default)]
pub(super) struct PlainAnswer {
    chunks: Option<Chunks>,
    /// Whether the client's latest request asks for a header alone.
    is_head: bool,
    /// The server's last data.
    last: Option<u64>,
    /// An answer's header that has no end so far.
    header: Option<Header>,
    /// What came before the answer's first bytes did.
    ahead: Ahead,
}

/// Data of an answer whose first bytes were captured after it, or are missing.
#[derive(Clone, Copy, Debug, Default)]
struct Ahead {
    /// The request that it answers, if it is a later one.
    asked: Option<u64>,
    bytes: u64,
}

/// A server that names a chunk's size has its data: a larger one is announced for a stream without a known end.
const LARGEST_BUFFERED: u64 = 1 << 20;

/// A header that is split over segments: whether its last line so far is empty.
#[derive(Clone, Copy, Debug, Default)]
struct Header {
    is_line_empty: bool,
}

impl Header {
    /// Whether the header's end is still to come after these bytes. Some servers end lines with LF alone, or with more than one CR
    /// (RFC 9112, 2.2).
    fn lacks_its_end(&mut self, bytes: &[u8]) -> bool {
        bytes.iter().all(|byte| match byte {
            b'\n' => !std::mem::replace(&mut self.is_line_empty, true),
            b'\r' => true,
            _ => {
                self.is_line_empty = false;
                true
            }
        })
    }
}

/// A body in chunks, of which the last bytes are kept.
#[derive(Clone, Copy, Debug, Default)]
struct Chunks {
    tail: [u8; END.len()],
    place: ChunkPlace,
    /// Bytes of it are missing, or came late.
    is_unknown: bool,
}

impl PlainAnswer {
    /// The client sent another request after one that was answered.
    pub(super) fn on_later_request(&mut self, payload: &[u8]) {
        self.is_head = payload.starts_with(b"HEAD ");
    }

    /// Whether the payload belongs to an answer whose first bytes were not captured so far.
    fn is_ahead(&mut self, segment: &Segment<'_>, observation: &Observation, story: &Story) -> bool {
        let asked = story.later_plain_request.map(|asked| asked.number);
        if self.ahead.asked != asked {
            self.ahead = Ahead { asked, bytes: 0 };
        }
        let is_late = observation.kind == SegmentKind::OutOfOrder;
        let is_ahead =
            observation.gap > 0 || self.ahead.bytes > 0 && !(is_late && Plain::is_answer(segment.payload));
        if is_ahead {
            self.ahead.bytes = self.ahead.bytes.saturating_add(observation.new_bytes.into());
        }
        is_ahead
    }

    /// New payload of the server came.
    pub(super) fn on_server_data(
        &mut self,
        moment: Moment,
        segment: &Segment<'_>,
        observation: &Observation,
        story: &mut Story,
    ) {
        let before = self.last;
        let is_first = before.is_none() && story.is_body_owed();
        let is_later = story
            .later_plain_request
            .zip(before)
            .is_some_and(|(asked, before)| story.order.is_after(asked.number, before));
        if (is_first || is_later) && self.is_ahead(segment, observation, story) {
            return;
        }
        let ahead = std::mem::take(&mut self.ahead).bytes;
        self.last = Some(moment.number);
        let mut body = segment.payload;
        if is_first || is_later {
            let new = u64::from(observation.new_bytes).saturating_add(ahead);
            let begin = story.data.server.bytes.saturating_sub(new);
            let has_body = is_first || !self.is_head;
            let len = Plain::answer_len(segment.payload).filter(|_| has_body);
            story.plain_answer_end = len.and_then(|len| NonZeroU64::new(begin + len));
            self.chunks = (has_body && Plain::is_chunked_answer(segment.payload)).then(Chunks::default);
            body = Plain::after_header(segment.payload).unwrap_or_default();
            self.header = Plain::is_answer(segment.payload).then(Header::default);
        }
        let is_known = segment.header.payload_len == Some(segment.payload.len() as u32)
            && observation.kind != SegmentKind::OutOfOrder
            && observation.gap == 0;
        self.header = self.header.take().filter(|_| is_known);
        let is_open = self.header.as_mut().is_some_and(|header| header.lacks_its_end(segment.payload));
        self.header = self.header.take().filter(|_| is_open);
        let has_last_chunk = self.chunks.as_mut().is_none_or(|chunks| {
            chunks.is_unknown |= !is_known;
            !chunks.lack_their_end(body)
        });
        let is_inside_chunk =
            self.chunks.is_some_and(|chunks| chunks.place.is_inside_chunk(LARGEST_BUFFERED));
        story.plain_answer_lacks = match (is_open, has_last_chunk) {
            (true, _) => Some(AnswerPart::HeaderEnd),
            (false, false) if is_inside_chunk => Some(AnswerPart::ChunkEnd),
            (false, false) => Some(AnswerPart::LastChunk),
            (false, true) => None,
        };
    }
}

/// What is known of the client's first request's end.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PlainRequest {
    /// The header, as long as it has no end.
    header: Option<Header>,
    chunks: Option<Chunks>,
}

impl PlainRequest {
    /// New payload of the client came.
    pub(super) fn on_client_data(
        &mut self,
        moment: Moment,
        segment: &Segment<'_>,
        observation: &Observation,
        story: &mut Story,
    ) {
        let is_first = story.data.client.first == Some(moment);
        if !is_first && story.plain_request_lacks.is_none() {
            return;
        }
        if is_first {
            story.plain_request_end = Plain::request_len(segment.payload).and_then(NonZeroU64::new);
        }
        let mut body = segment.payload;
        if is_first && Plain::begins_header(segment.payload) {
            self.header = Some(Header::default());
            self.chunks = Plain::is_chunked_request(segment.payload).then(Chunks::default);
            body = Plain::after_header(segment.payload).unwrap_or_default();
        }
        let is_known = segment.header.payload_len == Some(segment.payload.len() as u32)
            && observation.kind != SegmentKind::OutOfOrder
            && observation.gap == 0;
        if !is_known {
            (self.header, self.chunks) = (None, None);
        }
        let is_open = self.header.as_mut().is_some_and(|header| header.lacks_its_end(segment.payload));
        self.header = self.header.filter(|_| is_open);
        let lacks_chunk = self.chunks.as_mut().is_some_and(|chunks| chunks.lack_their_end(body));
        story.plain_request_lacks = match (is_open, lacks_chunk) {
            (true, _) => Some(AnswerPart::HeaderEnd),
            (false, true) => Some(AnswerPart::LastChunk),
            (false, false) => None,
        };
    }
}

impl Chunks {
    /// Whether the last chunk is still to come after these bytes, as far as is known.
    fn lack_their_end(&mut self, bytes: &[u8]) -> bool {
        self.place = if self.is_unknown { ChunkPlace::End } else { self.place.after(bytes) };
        for byte in bytes.iter().skip(bytes.len().saturating_sub(END.len())) {
            self.tail.rotate_left(1);
            self.tail[END.len() - 1] = *byte;
        }
        !self.is_unknown && self.tail != *END && !self.tail.ends_with(b"\n\n")
    }
}

#[cfg(test)]
mod tests {
    use crate::story::script::talk::Talk;
    use crate::tcp::Role::{Client, Server};
    use crate::verdict::Actor;

    #[test]
    fn an_answer_whose_first_segments_were_swapped_has_the_length_that_its_header_names() {
        let answer = |body: &[u8]| [&b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n"[..], body].concat();
        let swapped = |talk: Talk, bytes: &[u8], parts: usize| {
            let mut talk = talk;
            let first = talk.packets.len();
            for part in bytes.chunks(bytes.len().div_ceil(parts)) {
                talk = talk.say(Server, part);
            }
            let times: Vec<_> = talk.packets[first..].iter().map(|packet| packet.id).collect();
            talk.packets[first..].reverse();
            for (packet, id) in talk.packets[first..].iter_mut().zip(times) {
                packet.id = id;
            }
            talk.ack(Client)
        };
        let asked = |talk: Talk| talk.say(Client, b"GET / HTTP/1.1\r\n\r\n");
        for parts in [2, 3, 4] {
            let first = |body: &[u8]| swapped(asked(Talk::to_port(80).open()), &answer(body), parts);
            let closed = |talk: Talk| talk.fin(Server).fin(Client).ack(Server).verdict(0);
            assert_eq!(closed(first(&[b'x'; 2000])).code, "plaintext");
            assert_eq!(closed(first(&[b'x'; 1500])).code, "no-response");
            let later = |body: &[u8]| swapped(asked(first(&[b'x'; 2000])), &answer(body), parts);
            assert_eq!(closed(later(&[b'x'; 2000])).code, "plaintext");
            assert_eq!(closed(later(&[b'x'; 1500])).code, "no-response");
        }
    }

    #[test]
    fn a_server_owes_nothing_before_a_request_s_end() {
        let begun = |bytes: &[u8]| Talk::to_port(80).open().say(Client, bytes).ack(Server);
        let header = b"GET / HTTP/1.1\r\nHost: a\r\n";
        let chunked = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
        for (bytes, end) in [(&header[..], &b"\r\n"[..]), (chunked, b"0\r\n\r\n")] {
            assert_eq!(begun(bytes).code(60_000), "in-progress");
            assert_eq!(begun(bytes).wait(60_000).say(Client, b"X").ack(Server).code(9_000), "in-progress");
            let left = begun(bytes).wait(12_000).fin(Client).fin(Server).ack(Client).verdict(0);
            assert_eq!(left.is(), ("no-response", Actor::Client, None), "{}", left.headline);
            let closed = begun(bytes).wait(12_000).fin(Server).fin(Client).verdict(0);
            assert_eq!(closed.is(), ("no-response", Actor::Client, None), "{}", closed.headline);
            let at_once = begun(bytes).wait(100).fin(Server).fin(Client).verdict(0);
            assert_eq!(at_once.is(), ("no-response", Actor::Server, None), "{}", at_once.headline);
            let whole = begun(bytes).wait(5_000).say(Client, end).ack(Server);
            assert_eq!(whole.verdict(9_000).is(), ("no-response", Actor::Server, None));
        }
        // HTTP/0.9 has no header, and who awaits consent has sent all that it can.
        assert_eq!(begun(b"GET /\r\n").code(9_000), "no-response");
        let waits = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n";
        assert_eq!(begun(waits).code(9_000), "no-response");
    }

    #[test]
    fn a_server_that_stops_within_a_chunk_has_begun_its_reply_and_one_that_stops_between_chunks_may_pause() {
        let asked = || Talk::to_port(80).open().say(Client, b"GET / HTTP/1.1\r\n\r\n");
        let begun = |body: &[u8]| {
            let header = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            asked().say(Server, header).say(Server, body).ack(Client)
        };
        let within = || begun(b"7d0\r\nhello");
        for verdict in [within().verdict(4_000), within().wait(12_000).fin(Client).verdict(0)] {
            assert_eq!(verdict.is(), ("no-response", Actor::Server, None), "{}", verdict.headline);
            assert!(verdict.headline.contains("in the middle of its reply"), "{}", verdict.headline);
        }
        assert_eq!(within().wait(500).fin(Client).fin(Server).code(0), "plaintext");
        for streaming in [&b"5\r\nhello\r\n"[..], b"5\r\nhello", b"7fffffff\r\nhello"] {
            assert_eq!(begun(streaming).wait(12_000).fin(Client).fin(Server).code(0), "plaintext");
        }
        let mut cut = within().wait(12_000).fin(Client);
        cut.packets[5].payload.truncate(3);
        assert_eq!(cut.code(0), "plaintext");
    }
}
