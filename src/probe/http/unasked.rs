//! An answer that comes before anything was asked.

use std::io::BufRead;
use std::time::{Duration, Instant};

use super::exchange::Failure;
use super::tls::Established;
use crate::probe::net::socket::Channel;

/// How long the check listens before it asks, at least and at most: a server that speaks first does so at once, and its words take as long
/// as others on the path did. Behind session tickets, Nagle's algorithm holds them until this host's delayed ACK, for 40 ms.
const LISTENS: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(100)];

/// What it means that an answer was there before the request.
pub(in crate::probe) const MEANING: &str = "TCP and TLS are fine. An answer that nobody asked for belongs to another request, or to nobody; a client must not \
                                  take it for its own (RFC 9112, 9.2). The check sent nothing, no secret either.";

/// An answer that is there before the request was sent; nothing where the server is silent, ends the connection, or says something
/// that begins no answer, which the request then shows.
pub(in crate::probe) fn unasked(established: &mut Established, channel: &mut Channel<'_>) -> Option<Failure> {
    let [least, most] = LISTENS;
    let until = Instant::now() + channel.age().clamp(least, most);
    loop {
        let state = established.process_new_packets().ok()?;
        if state.plaintext_bytes_to_read() > 0 {
            break;
        }
        let is_open = !state.peer_has_closed() && channel.waits_until(until).ok()?;
        if !is_open || established.read_tls(channel).ok()? == 0 {
            return None;
        }
    }
    let mut reader = established.reader();
    of(reader.fill_buf().ok()?)
}

/// What bytes are that nobody asked for.
fn of(begin: &[u8]) -> Option<Failure> {
    const SHOWN: usize = 60;
    if !begin.starts_with(b"HTTP/1.") {
        return None;
    }
    let line = begin.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or(begin);
    let line = line.get(..SHOWN).unwrap_or(line);
    Some(Failure::Unasked(String::from_utf8_lossy(line).escape_debug().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_begins_an_answer_is_one() {
        let words = |bytes: &[u8]| of(bytes).map(|failure| failure.of("GET /"));
        let early = words(b"HTTP/1.1 200 OK\x1b[2J\r\nX: y\r\n\r\nok").unwrap();
        assert_eq!(early, "the server answered before GET / was sent: \"HTTP/1.1 200 OK\\u{1b}[2J\"");
        // The SETTINGS of HTTP/2 come first by right.
        assert_eq!(words(b"\0\0\0\x04\0\0\0\0\0"), None);
        assert_eq!(words(b"SSH-2.0-x\r\n"), None);
    }
}
