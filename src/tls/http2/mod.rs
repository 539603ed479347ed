//! Frames of HTTP/2 in clear (RFC 9113, 4.1): one direction, of which a snapshot length may cut the bodies.

pub(crate) mod kind;

/// What a client sends first (RFC 9113, 3.4).
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Length, type, flags and stream.
const HEADER_BYTES: usize = 9;

/// The last stream and the error code of GOAWAY (RFC 9113, 6.8).
const GOAWAY_BYTES: usize = 8;

/// A frame's header, and of GOAWAY what it says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    /// Its type.
    pub(crate) kind: u8,
    flags: u8,
    /// Its stream; 0 is the connection.
    pub(crate) stream: u32,
    /// Of a whole GOAWAY: the last stream that its sender takes in, and the error code.
    pub(crate) goaway: Option<(u32, u32)>,
}

impl Frame {
    /// Whether its sender ends the stream with it; of DATA and HEADERS.
    pub(crate) fn ends_stream(&self) -> bool {
        const END_STREAM: u8 = 1;
        self.flags & END_STREAM != 0
    }

    /// Whether no CONTINUATION follows; of HEADERS.
    pub(crate) fn ends_headers(&self) -> bool {
        const END_HEADERS: u8 = 4;
        self.flags & END_HEADERS != 0
    }

    /// Whether it acknowledges one; of PING.
    pub(crate) fn is_acknowledgement(&self) -> bool {
        const ACK: u8 = 1;
        self.flags & ACK != 0
    }
}

/// Where a direction is in its frames.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Frames {
    header: [u8; HEADER_BYTES],
    /// How many bytes of the header came.
    have: usize,
    /// How many bytes of the body are still to come.
    left: u32,
    goaway: [u8; GOAWAY_BYTES],
    /// How many bytes of the GOAWAY came.
    has_of_goaway: usize,
}

impl Frames {
    /// Reads the next bytes, after which the capture lacks `cut` bytes. `on_frame` gets each frame when its header has come, and again,
    /// with `true`, when it is whole. Returns whether it is known where the next frame begins.
    pub(crate) fn read(&mut self, mut bytes: &[u8], cut: u32, mut on_frame: impl FnMut(Frame, bool)) -> bool {
        loop {
            if self.have < HEADER_BYTES {
                let (taken, rest) = bytes.split_at((HEADER_BYTES - self.have).min(bytes.len()));
                self.header[self.have..self.have + taken.len()].copy_from_slice(taken);
                self.have += taken.len();
                bytes = rest;
                if self.have < HEADER_BYTES {
                    return cut == 0;
                }
                let [high, middle, low, ..] = self.header;
                self.left = u32::from_be_bytes([0, high, middle, low]);
                self.has_of_goaway = 0;
                on_frame(self.frame(), false);
            }
            let (taken, rest) = bytes.split_at((self.left as usize).min(bytes.len()));
            bytes = rest;
            self.take_goaway(taken);
            self.left -= taken.len() as u32;
            if self.left > 0 {
                break;
            }
            on_frame(self.frame(), true);
            self.have = 0;
        }
        if cut > self.left {
            return false;
        }
        self.left -= cut;
        if self.left == 0 {
            on_frame(self.frame(), true);
            self.have = 0;
        }
        true
    }

    /// Whether a frame has begun and lacks its end.
    pub(crate) fn is_inside_frame(&self) -> bool {
        self.have > 0
    }

    fn take_goaway(&mut self, bytes: &[u8]) {
        if self.header[3] == kind::GOAWAY {
            let room = &mut self.goaway[self.has_of_goaway..];
            let len = room.len().min(bytes.len());
            room[..len].copy_from_slice(&bytes[..len]);
            self.has_of_goaway += len;
        }
    }

    fn frame(&self) -> Frame {
        let [_, _, _, kind, flags, a, b, c, d] = self.header;
        let number = |at: usize| {
            self.goaway[at..at + 4].iter().fold(0, |number: u32, byte| number << 8 | u32::from(*byte))
        };
        let goaway = (self.has_of_goaway == GOAWAY_BYTES).then(|| (number(0) & 0x7fff_ffff, number(4)));
        Frame { kind, flags, stream: u32::from_be_bytes([a, b, c, d]) & 0x7fff_ffff, goaway }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// HEADERS of stream 1 with three bytes, and GOAWAY with its last stream 5 and error 11.
    const BYTES: &[u8] =
        b"\x00\x00\x03\x01\x05\x00\x00\x00\x01abc\x00\x00\x08\x07\x00\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x0b";

    fn whole(parts: &[&[u8]]) -> Vec<Frame> {
        let (mut frames, mut found) = (Frames::default(), Vec::new());
        for part in parts {
            assert!(frames.read(part, 0, |frame, is_whole| found.extend(is_whole.then_some(frame))));
        }
        assert!(!frames.is_inside_frame());
        found
    }

    #[test]
    fn frames_are_found_wherever_segments_split_them() {
        for at in 0..BYTES.len() {
            let (one, other) = BYTES.split_at(at);
            let [headers, goaway] = whole(&[one, other])[..] else { panic!("{at}") };
            assert!((headers.kind, headers.stream) == (kind::HEADERS, 1), "{at}");
            assert!(headers.ends_stream() && headers.ends_headers(), "{at}");
            assert_eq!((goaway.kind, goaway.goaway), (kind::GOAWAY, Some((5, 11))), "{at}");
        }
    }

    #[test]
    fn what_is_cut_within_a_body_is_skipped_and_elsewhere_the_place_is_lost() {
        let mut frames = Frames::default();
        let mut count = 0;
        assert!(frames.read(&BYTES[..10], 2, |_, is_whole| count += u32::from(is_whole)));
        assert!(count == 1 && !frames.is_inside_frame());
        assert!(!Frames::default().read(&BYTES[..10], 3, |_, _| ()));
        assert!(!Frames::default().read(&BYTES[..5], 1, |_, _| ()));
    }

    proptest! {
        #[test]
        fn any_bytes_are_frames(parts: Vec<Vec<u8>>, cut: u32) {
            let mut frames = Frames::default();
            for part in parts {
                let _ = frames.read(&part, cut, |_, _| ());
            }
        }
    }
}
