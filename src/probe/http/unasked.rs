//! An answer that comes before anything was asked.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::exchange::Failure;
use super::tls::Established;
use crate::limits;
use crate::probe::net::socket::Channel;

/// How long the check listens before it asks, at least and at most: a server that speaks first does so at once, and its words take as long
/// as others on the path did. Behind session tickets, Nagle's algorithm holds them until this host's delayed ACK, for 40 ms.
const LISTENS: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(100)];

/// How long it listens where an answer seems to have begun.
const LISTENS_ON: Duration = Duration::from_secs(1);

/// How an answer of HTTP/1 begins (RFC 9112, 4).
const BEGIN: &[u8] = b"HTTP/1.";

/// What it means that an answer was there before the request.
pub(in crate::probe) const MEANING: &str = "TCP and TLS are fine. The server sent an unsolicited response: it may belong to another request, and a client \
                                  must not take it for its own (RFC 9112, 9.2). The check sent nothing, no secret either.";

/// What bytes are that came before the request.
#[derive(PartialEq, Eq, Debug)]
enum Early {
    /// They may begin an answer; nothing may have come.
    Perhaps,
    /// They begin no answer.
    Other,
    /// They begin an answer, with this line.
    Answer(String),
}

/// Listens before a request is sent. What came and begins no answer is returned, for it to be read as the request's: it shows what
/// the server is. Only a patient check waits; else only what is there already counts.
///
/// # Errors
/// When an answer began.
pub(in crate::probe) fn listen(
    established: &mut Established,
    channel: &mut Channel<'_>,
    is_patient: bool,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let [least, most] = LISTENS;
    let began = Instant::now();
    let first = if is_patient { channel.age().clamp(least, most) } else { Duration::ZERO };
    let mut came = Zeroizing::new(Vec::new());
    loop {
        // An error stays, and the request reports it.
        let Ok(state) = established.process_new_packets() else { break };
        let is_open = !state.peer_has_closed();
        if state.plaintext_bytes_to_read() > 0 {
            let mut text = Zeroizing::new(vec![0; state.plaintext_bytes_to_read()]);
            let Ok(len) = established.reader().read(&mut text) else { break };
            came.extend_from_slice(text.get(..len).unwrap_or_default());
        }
        let until = began + if came.is_empty() { first } else { LISTENS_ON };
        let is_settled = early(&came, false) != Early::Perhaps || came.len() >= limits::HTTP_HEAD_BYTES;
        if is_settled || !is_open || !channel.waits_until(until).unwrap_or(false) {
            break;
        }
        if !established.read_tls(channel).is_ok_and(|len| len > 0) {
            break;
        }
    }
    // The line that is shown is cut, and no part of a secret may be left.
    let covered = channel.tape().cover(&String::from_utf8_lossy(&came));
    match early(covered.as_bytes(), true) {
        Early::Answer(line) => Err(Failure::Unasked(line)),
        Early::Perhaps | Early::Other => Ok(came),
    }
}

/// What bytes are; where no more come, the begin of an answer is one. Empty lines before it do not count (RFC 9112, 2.2).
fn early(came: &[u8], is_all: bool) -> Early {
    const SHOWN: usize = 60;
    let blank = came.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let begin = came.get(blank..).unwrap_or_default();
    let is_begun = !begin.is_empty() && BEGIN.starts_with(begin);
    if !(begin.starts_with(BEGIN) || is_all && is_begun) {
        return if begin.is_empty() || is_begun { Early::Perhaps } else { Early::Other };
    }
    let line = begin.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or(begin);
    let line = line.get(..SHOWN).unwrap_or(line);
    Early::Answer(String::from_utf8_lossy(line).escape_debug().to_string())
}

/// A stream, before which what came earlier is read.
pub(in crate::probe) struct Resumed<S> {
    before: Zeroizing<Vec<u8>>,
    stream: S,
}

impl<S> Resumed<S> {
    /// One that begins with these bytes.
    pub(in crate::probe) fn new(before: Zeroizing<Vec<u8>>, stream: S) -> Self {
        Self { before, stream }
    }
}

impl<S: Read> Read for Resumed<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.before.is_empty() {
            return self.stream.read(buffer);
        }
        let len = self.before.as_slice().read(buffer)?;
        self.before.drain(..len);
        Ok(len)
    }
}

impl<S: Write> Write for Resumed<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn only_what_begins_an_answer_is_one() {
        let line = r"HTTP/1.1 200 OK\u{1b}[2J".to_owned();
        assert_eq!(early(b"HTTP/1.1 200 OK\x1b[2J\r\nX: y\r\n\r\nok", false), Early::Answer(line));
        // The SETTINGS of HTTP/2 come first by right.
        assert_eq!(early(b"\0\0\0\x04\0\0\0\0\0", true), Early::Other);
        assert_eq!(early(b"SSH-2.0-x\r\n", true), Early::Other);
        assert_eq!(early(b"HTTP/2 200\r\n", false), Early::Other);
        let failure = Failure::Unasked("HTTP/1.1 200 OK".to_owned());
        assert!(failure.of("GET /").ends_with("answered before GET / was sent: \"HTTP/1.1 200 OK\""));
    }

    #[test]
    fn an_answer_may_begin_with_empty_lines_or_come_in_parts() {
        for begin in [&b"\r\n"[..], b"\n", b"\n\r\n", b""] {
            let whole = [begin, b"HTTP/1.1 200 OK\r\n"].concat();
            assert_eq!(early(&whole, false), Early::Answer("HTTP/1.1 200 OK".to_owned()));
            let part = [begin, b"HTTP/"].concat();
            assert_eq!(early(&part, false), Early::Perhaps);
            assert_eq!(early(&part, true), Early::Answer("HTTP/".to_owned()));
            assert_eq!(early(begin, true), Early::Perhaps);
        }
    }

    #[test]
    fn what_came_earlier_is_read_first() {
        let mut stream = Resumed::new(Zeroizing::new(b"SSH".to_vec()), Cursor::new(b"-2.0".to_vec()));
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        assert_eq!(text, "SSH-2.0");
    }
}
