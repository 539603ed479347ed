//! What the server said last, to be shown where it refuses.

use std::io::{self, Read, Write};

use crate::limits;
use crate::probe::tape::Tape;

/// Bytes of text for each control character: binary protocols have more of these.
const LEAST_TEXT: usize = 8;

/// A channel that keeps what came since the last request.
pub(super) struct Heard<'c, C> {
    channel: &'c mut C,
    came: Vec<u8>,
    has_asked: bool,
}

impl<'c, C> Heard<'c, C> {
    pub(super) fn new(channel: &'c mut C) -> Self {
        Self { channel, came: Vec::new(), has_asked: false }
    }

    /// Whether anything was asked.
    pub(super) fn has_asked(&self) -> bool {
        self.has_asked
    }

    /// What came since the last request.
    pub(super) fn since(self) -> Vec<u8> {
        self.came
    }
}

/// Bytes as one line of bounded length with control characters escaped, without what the tape hides, since a server may repeat what it was
/// sent; nothing if they are no text.
pub(super) fn words(bytes: &[u8], tape: &Tape) -> Option<String> {
    let text = tape.cover_cut(std::str::from_utf8(bytes).ok()?);
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let controls = words.chars().filter(|character| character.is_control()).count();
    let is_text = !words.is_empty() && controls * LEAST_TEXT <= words.len();
    let escaped = |character: char| {
        if character.is_control() { character.escape_unicode().to_string() } else { character.to_string() }
    };
    is_text.then(|| words.chars().take(limits::PEER_WORDS).map(escaped).collect())
}

impl<C: Read> Read for Heard<'_, C> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.channel.read(buffer)?;
        let room = limits::HTTP_HEAD_BYTES.saturating_sub(self.came.len());
        self.came.extend(buffer.iter().take(len.min(room)));
        Ok(len)
    }
}

impl<C: Write> Write for Heard<'_, C> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.came.clear();
        self.has_asked = true;
        self.channel.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.channel.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::super::dialogue::Reply;
    use super::super::lines;
    use super::super::tests::Script;
    use super::*;
    use crate::probe::secret::Secret;

    #[test]
    fn a_refusal_is_what_came_since_the_last_request() {
        let words = |says: &[&[u8]]| {
            let mut server = Script::new(says);
            let mut heard = Heard::new(&mut server);
            assert_eq!(lines::smtp(&mut heard).unwrap(), Reply::Refuses);
            super::words(&heard.since(), &Tape::begin())
        };
        let refused = words(&[b"220 mx\r\n", b"250 mx\r\n", b"454-TLS not\r\n454 available\r\n"]);
        assert_eq!(refused.as_deref(), Some("454-TLS not 454 available"));
        assert_eq!(words(&[b"554 not you\r\n"]).as_deref(), Some("554 not you"));
        assert_eq!(words(&[b"\x00\x01\xff\r\n"]), None);
        assert_eq!(words(&[b"5\x1b[2J\r\n"]), None);
        let hostile = words(&[b"554 not you\x1b[2J, never\r\n"]);
        assert_eq!(hostile.as_deref(), Some("554 not you\\u{1b}[2J, never"));
        let long = [b"554 ".to_vec(), vec![b'x'; 2_000], b"\r\n".to_vec()].concat();
        assert_eq!(words(&[&long]).map(|words| words.len()), Some(limits::PEER_WORDS));
    }

    #[test]
    fn a_secret_is_covered_before_words_are_cut() {
        let mut tape = Tape::begin();
        tape.hide(Secret::new("t0ken  of joe".to_owned()));
        for before in limits::PEER_WORDS - 13..limits::PEER_WORDS {
            let said = format!("{} t0ken  of joe", "a".repeat(before));
            assert!(!super::words(said.as_bytes(), &tape).unwrap().contains("t0"), "{before}");
        }
    }
}
