//! Packets captured while an attempt is made, and held to be analysed and saved afterwards.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use tracing::debug;

use crate::analysis::Redaction;
use crate::capture::{About, Frame, ReadError, Record, Source};
use crate::decode::Decoder;
use crate::limits;
use crate::packet::{Content, Origin, Seq};
use crate::probe::secret::Secret;
use crate::time::Timestamp;

/// A capture that runs in a thread of its own.
pub(in crate::probe) struct SideCapture {
    ends: Arc<AtomicBool>,
    thread: JoinHandle<Captured>,
}

/// What was captured.
#[derive(Debug, Default)]
pub struct Captured {
    frames: Vec<Kept>,
    about: About,
    end: Timestamp,
    /// Frames that were not kept because there were too many.
    pub unkept: u64,
    /// Why the capture ended early.
    pub error: Option<ReadError>,
}

#[derive(Debug)]
struct Kept {
    at: Timestamp,
    link_type: u32,
    wire_len: u32,
    bytes: Vec<u8>,
}

impl Captured {
    /// The same without the names of what was captured on. Its frames are what they were.
    pub(in crate::probe) fn redacted(self, redaction: &Redaction) -> Self {
        let Self { frames, about, end, unkept, error } = self;
        Self {
            frames,
            about: redaction.about(&about),
            end,
            unkept,
            error: error.map(|error| redaction.error(error)),
        }
    }
}

impl SideCapture {
    /// Begins to hold what comes. These secrets are covered wherever frames contain them.
    pub(in crate::probe) fn begin(source: Box<dyn Source + Send>, covered: Vec<Secret>) -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&ends);
        let thread = thread::spawn(move || listen(source, &is_over, &covered));
        Self { ends, thread }
    }

    /// Ends it, with the packets that have arrived by now.
    pub(in crate::probe) fn end(self) -> Captured {
        self.ends.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_default()
    }
}

fn listen(mut source: Box<dyn Source + Send>, ends: &AtomicBool, covered: &[Secret]) -> Captured {
    let mut captured = Captured::default();
    let mut bytes_kept = 0;
    let mut is_stopped = false;
    loop {
        if !is_stopped && ends.load(Ordering::Relaxed) {
            is_stopped = true;
            if !source.stop() {
                break;
            }
        }
        match source.next_record() {
            Ok(Some(Record::Frame(frame))) => {
                captured.end = captured.end.max(frame.at);
                bytes_kept += frame.bytes.len();
                if bytes_kept > limits::PROBE_CAPTURE_BYTES {
                    captured.unkept += 1;
                    continue;
                }
                let mut bytes = frame.bytes.to_vec();
                for secret in covered {
                    secret.cover_bytes(&mut bytes);
                }
                let Frame { at, link_type, wire_len, .. } = frame;
                captured.frames.push(Kept { at, link_type, wire_len, bytes });
            }
            Ok(Some(Record::Idle(at))) => captured.end = captured.end.max(at),
            Ok(Some(Record::Printed(_) | Record::NextCapture)) => {}
            Ok(None) => break,
            Err(error) => {
                captured.error = Some(error);
                break;
            }
        }
    }
    cover_across_frames(&mut captured.frames, covered);
    source.refresh();
    captured.about = source.about();
    debug!(frames = captured.frames.len(), unkept = captured.unkept, error = ?captured.error, "captured on the side");
    captured
}

/// Covers what is secret where it is split over several segments. Streams are read as far as a request for a tunnel can reach.
fn cover_across_frames(frames: &mut [Kept], secrets: &[Secret]) {
    /// The secret is in the first thing that is sent; half of it is for segments that are captured before that.
    const WINDOW: i32 = 2 * limits::HTTP_HEAD_BYTES as i32;
    if secrets.is_empty() {
        return;
    }
    let mut decoder = Decoder::new();
    let mut streams: BTreeMap<_, (Seq, Vec<Piece>)> = BTreeMap::new();
    for (index, kept) in frames.iter().enumerate() {
        let frame = kept.frame(index);
        let packet = decoder.decode(&frame);
        let Content::Segment(segment) = packet.content else { continue };
        let (ip, tcp) = (&segment.header.ip, &segment.header.tcp);
        let (Some(seq), false) = (tcp.seq, segment.payload.is_empty()) else { continue };
        // A payload that was put together of fragments lies elsewhere.
        let begin = segment.payload.as_ptr().addr().checked_sub(kept.bytes.as_ptr().addr());
        let Some(begin) = begin.filter(|begin| begin + segment.payload.len() <= kept.bytes.len()) else {
            continue;
        };
        let key = (
            format!("{:?}", ip.source),
            tcp.source_port,
            format!("{:?}", ip.destination),
            tcp.destination_port,
        );
        let (first, pieces) = streams.entry(key).or_insert((seq, Vec::new()));
        let offset = seq.distance_from(*first).saturating_add(WINDOW / 2);
        if (0..WINDOW).contains(&offset) {
            pieces.push(Piece { index, begin, len: segment.payload.len(), offset: offset as usize });
        }
    }
    for (_, pieces) in streams.into_values() {
        let len = pieces.iter().map(|piece| piece.offset + piece.len).max().unwrap_or(0);
        let mut stream = vec![0; len];
        for piece in &pieces {
            let bytes = frames[piece.index].bytes.get(piece.begin..piece.begin + piece.len);
            if let (Some(into), Some(bytes)) = (stream.get_mut(piece.offset..piece.offset + piece.len), bytes)
            {
                into.copy_from_slice(bytes);
            }
        }
        for place in secrets.iter().flat_map(|secret| secret.places(&stream)) {
            for piece in &pieces {
                let from = place.start.max(piece.offset);
                let until = place.end.min(piece.offset + piece.len);
                if from < until
                    && let Some(part) = frames[piece.index]
                        .bytes
                        .get_mut(piece.begin + from - piece.offset..piece.begin + until - piece.offset)
                {
                    part.fill(b'*');
                }
            }
        }
    }
}

/// A segment's payload in a frame, and its place in the stream.
struct Piece {
    index: usize,
    begin: usize,
    len: usize,
    offset: usize,
}

impl Captured {
    /// The frames, numbered as the analysis numbers them.
    pub fn frames(&self) -> impl Iterator<Item = Frame<'_>> {
        self.frames.iter().enumerate().map(|(index, kept)| kept.frame(index))
    }

    /// What is known of the capture.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// Whether it kept all that came, to its end.
    pub(in crate::probe) fn is_whole(&self) -> bool {
        self.unkept == 0 && self.error.is_none()
    }

    /// When it ended.
    pub fn end(&self) -> Timestamp {
        self.end
    }

    /// The frames as a capture to be read.
    pub(in crate::probe) fn source(&self) -> Replay<'_> {
        Replay { captured: self, next: 0 }
    }
}

impl Kept {
    fn frame(&self, index: usize) -> Frame<'_> {
        let number = index as u64 + 1;
        Frame {
            number,
            origin: Origin { file: 0, number },
            at: self.at,
            link_type: self.link_type,
            wire_len: self.wire_len,
            bytes: &self.bytes,
        }
    }
}

/// Captured frames, read one after the other.
pub(in crate::probe) struct Replay<'c> {
    captured: &'c Captured,
    next: usize,
}

impl Source for Replay<'_> {
    fn next_record(&mut self) -> Result<Option<Record<'_>>, ReadError> {
        let index = self.next;
        self.next += 1;
        Ok(match self.captured.frames.get(index) {
            Some(kept) => Some(Record::Frame(kept.frame(index))),
            None if index == self.captured.frames.len() => Some(Record::Idle(self.captured.end)),
            None => None,
        })
    }

    fn about(&self) -> About {
        self.captured.about.clone()
    }

    fn progress(&self) -> (u64, Option<u64>) {
        (0, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An Ethernet frame with a segment of this payload.
    fn kept(seq: u32, payload: &[u8]) -> Kept {
        let mut bytes = Vec::new();
        let builder = etherparse::PacketBuilder::ethernet2([2; 6], [4; 6]);
        let builder = builder.ipv4([192, 0, 2, 1], [192, 0, 2, 2], 64).tcp(40_000, 3128, seq, 1_000);
        builder.write(&mut bytes, payload).unwrap();
        Kept { at: Timestamp::ZERO, link_type: 1, wire_len: bytes.len() as u32, bytes }
    }

    #[test]
    fn a_secret_is_covered_across_segments_in_any_order_and_repeated() {
        let secret = "am9lOnB3LW9mLWpvZQ==";
        let request = format!("CONNECT x HTTP/1.1\r\nProxy-Authorization: Basic {secret}\r\n\r\n");
        let (begin, end) = request.split_at(request.find("LW9m").unwrap());
        for first in [7_u32, u32::MAX - 20] {
            let second = first.wrapping_add(begin.len() as u32);
            let mut frames = [
                kept(second, end.as_bytes()),
                kept(first, begin.as_bytes()),
                kept(second.wrapping_add(2), &end.as_bytes()[2..]),
            ];
            cover_across_frames(&mut frames, &[Secret::new(secret.to_owned())]);
            let texts = frames.each_ref().map(|kept| String::from_utf8_lossy(&kept.bytes).into_owned());
            assert!(texts[1].ends_with("Basic ********"), "{texts:?}");
            assert!(texts[0].ends_with("************\r\n\r\n"), "{texts:?}");
            assert!(texts[2].ends_with("**********\r\n\r\n") && !texts[2].contains("9m"), "{texts:?}");
        }
    }
}
