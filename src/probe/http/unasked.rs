//! An answer that comes before anything was asked, or that the server sent before it had the request.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::exchange::Answer;
use super::failure::Failure;
use super::head::{Early, begins_answer, early};
use super::tls::Established;
use crate::limits;
use crate::probe::net::socket::Channel;

/// How long the check listens before a request, at least and at most: a server that speaks first does so at once, and its words take as
/// long as others on the path did. After session tickets, Nagle's algorithm holds them until this host's delayed ACK, for 40 ms.
const LISTENS: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(100)];

/// How long it listens before all of its requests together: a good check takes no longer because of it.
const LISTENS_IN_ALL: Duration = Duration::from_millis(150);

/// How long it listens where an answer seems to have begun.
const LISTENS_ON: Duration = Duration::from_secs(1);

/// What it means that an answer came for which nobody had asked.
pub(in crate::probe) fn meaning(failure: &Failure) -> String {
    let how = match failure {
        Failure::Overtook(_) => "Its packets acknowledged nothing of the request.",
        Failure::Followed(..) => "The check had sent one request, with Connection: close.",
        _ => "The check sent nothing, no secret either.",
    };
    format!(
        "TCP and TLS are fine. The server sent an unsolicited response: it may belong to another request, and a client must not take it \
         for its own (RFC 9112, 9.2). {how}"
    )
}

/// Listens before a request is sent, after it has listened for some time before others. What came and begins no answer is returned, for
/// it to be read as the request's: it shows what the server is. Where there is no time left to listen, what is there already counts.
///
/// # Errors
/// When an answer began.
pub(in crate::probe) fn listen(
    established: &mut Established,
    channel: &mut Channel<'_>,
    listened: Duration,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let began = Instant::now();
    let first = time_for(channel.age(), listened);
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
    if begins_answer(&came) { Err(Failure::Unasked(came)) } else { Ok(came) }
}

/// How long to listen on a connection of this age, where the check has listened for that time on others.
fn time_for(age: Duration, listened: Duration) -> Duration {
    let [least, most] = LISTENS;
    let left = LISTENS_IN_ALL.saturating_sub(listened);
    if left < least { Duration::ZERO } else { age.clamp(least, most).min(left) }
}

/// What a request is sent over. What came before it is read first, and an answer that the server sent before it had any of the request
/// is noticed.
pub(in crate::probe) struct Asking<'a, 't> {
    before: Zeroizing<Vec<u8>>,
    established: &'a mut Established,
    channel: &'a mut Channel<'t>,
    has_come: bool,
    /// What came first, if it begins an answer and was sent too early.
    overtook: Option<Zeroizing<Vec<u8>>>,
}

impl<'a, 't> Asking<'a, 't> {
    /// These bytes came before.
    pub(in crate::probe) fn after(
        before: Zeroizing<Vec<u8>>,
        established: &'a mut Established,
        channel: &'a mut Channel<'t>,
    ) -> Self {
        channel.asks();
        Self { before, established, channel, has_come: false, overtook: None }
    }

    /// The outcome. An answer that was sent before the server had the request does not count.
    pub(in crate::probe) fn judge(self, answer: Result<Answer, Failure>) -> Result<Answer, Failure> {
        self.overtook.map_or(answer, |came| Err(Failure::Overtook(came)))
    }
}

impl Read for Asking<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.before.is_empty() {
            let len = self.before.as_slice().read(buffer)?;
            self.before.drain(..len);
            return Ok(len);
        }
        let len = match rustls::Stream::new(self.established, self.channel).read(buffer) {
            Ok(len) => len,
            // What came before the error counts, and the error stays.
            Err(error) => self.established.reader().read(buffer).ok().filter(|len| *len > 0).ok_or(error)?,
        };
        if !self.has_come && len > 0 {
            self.has_come = true;
            let came = buffer.get(..len).unwrap_or_default();
            if self.channel.was_overtaken() && begins_answer(came) {
                self.overtook = Some(Zeroizing::new(came.to_vec()));
            }
        }
        Ok(len)
    }
}

impl Write for Asking<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        rustls::Stream::new(self.established, self.channel).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        rustls::Stream::new(self.established, self.channel).flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::tape::Tape;

    #[test]
    fn only_what_begins_an_answer_is_one() {
        assert_eq!(early(b"HTTP/1.1 200 OK\x1b[2J\r\nX: y\r\n\r\nok", false), Early::Answer);
        // The SETTINGS of HTTP/2 come first by right.
        assert_eq!(early(b"\0\0\0\x04\0\0\0\0\0", true), Early::Other);
        assert_eq!(early(b"SSH-2.0-x\r\n", true), Early::Other);
        assert_eq!(early(b"HTTP/2 200\r\n", false), Early::Other);
        let failure = Failure::Unasked(Zeroizing::new(b"\r\nHTTP/1.1 200 OK\x1b\r\n".to_vec()));
        let text = failure.of("GET /", &Tape::begin());
        assert!(text.ends_with(r#"answered before GET / was sent: "HTTP/1.1 200 OK\u{1b}""#), "{text}");
    }

    #[test]
    fn the_time_for_listening_is_shared_by_all_requests() {
        let [zero, short, long] = [0, 50, 100].map(Duration::from_millis);
        assert_eq!([zero, short, long].map(|listened| time_for(zero, listened)), [short; 3]);
        assert_eq!(time_for(Duration::from_secs(1), zero), long);
        assert_eq!(time_for(Duration::from_secs(1), long), short);
        assert_eq!(time_for(Duration::from_secs(1), LISTENS_IN_ALL), zero);
    }

    #[test]
    fn an_answer_may_begin_with_empty_lines_or_come_in_parts() {
        for begin in [&b"\r\n"[..], b"\n", b"\n\r\n", b""] {
            let whole = [begin, b"HTTP/1.1 200 OK\r\n"].concat();
            assert_eq!(early(&whole, false), Early::Answer);
            let part = [begin, b"HTTP/"].concat();
            assert_eq!(early(&part, false), Early::Perhaps);
            assert_eq!(early(&part, true), Early::Answer);
            assert_eq!(early(begin, true), Early::Perhaps);
        }
    }
}
