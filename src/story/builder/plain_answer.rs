//! The server's answers in plain HTTP: where the latest one ends, or whether its last chunk came.

use std::num::NonZeroU64;

use crate::packet::Segment;
use crate::story::{AnswerPart, Moment, Story};
use crate::tcp::{Observation, SegmentKind};
use crate::tls::Plain;

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
}

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
    /// Bytes of it are missing, or came late.
    is_unknown: bool,
}

impl PlainAnswer {
    /// The client sent another request after one that was answered.
    pub(super) fn on_later_request(&mut self, payload: &[u8]) {
        self.is_head = payload.starts_with(b"HEAD ");
    }

    /// New payload of the server came.
    pub(super) fn on_server_data(
        &mut self,
        moment: Moment,
        segment: &Segment<'_>,
        observation: &Observation,
        story: &mut Story,
    ) {
        let before = self.last.replace(moment.number);
        let is_first = before.is_none() && story.is_body_owed();
        let is_later = story
            .later_plain_request
            .zip(before)
            .is_some_and(|(asked, before)| story.order.is_after(asked.number, before));
        let mut body = segment.payload;
        if is_first || is_later {
            let begin = story.data.server.bytes.saturating_sub(observation.new_bytes.into());
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
        story.plain_answer_lacks = match (is_open, has_last_chunk) {
            (true, _) => Some(AnswerPart::HeaderEnd),
            (false, false) => Some(AnswerPart::LastChunk),
            (false, true) => None,
        };
    }
}

impl Chunks {
    /// Whether the last chunk is still to come after these bytes, as far as is known.
    fn lack_their_end(&mut self, bytes: &[u8]) -> bool {
        for byte in bytes.iter().skip(bytes.len().saturating_sub(END.len())) {
            self.tail.rotate_left(1);
            self.tail[END.len() - 1] = *byte;
        }
        !self.is_unknown && self.tail != *END && !self.tail.ends_with(b"\n\n")
    }
}
