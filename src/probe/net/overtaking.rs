//! Whether an answer was sent before the server had any of the request.
//!
//! Whatever a server's TCP sends acknowledges what it has (RFC 9293, 3.10.7.4). So what was read while nothing of the request was
//! acknowledged was sent without it. The reverse is not known: an acknowledgement may come in between.

use super::counters::counters;
use crate::probe::tape::TapedConnection;

/// What is known of a request and its answer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Overtaking {
    /// The bytes of the request that were sent so far, until its answer begins.
    asked: Option<u64>,
    /// Whether none of them was acknowledged when something was read last.
    is_overtaken: bool,
}

impl Overtaking {
    /// A request is sent from now on.
    pub(super) fn begins(&mut self) {
        *self = Self { asked: Some(0), is_overtaken: false };
    }

    /// Bytes of it were sent.
    pub(super) fn sent(&mut self, len: usize) {
        self.asked = self.asked.map(|asked| asked + len as u64);
    }

    /// Something was read. Where the kernel does not say what was acknowledged, the request was.
    pub(super) fn read(&mut self, connection: &TapedConnection) {
        if let Some(asked) = self.asked.filter(|asked| *asked > 0) {
            let counted = counters(connection);
            self.is_overtaken = counted.is_some_and(|counted| u64::from(counted.unacknowledged) >= asked);
        }
    }

    /// Whether what was read last was sent without the request. Nothing is watched afterwards.
    pub(super) fn ends(&mut self) -> bool {
        self.asked = None;
        self.is_overtaken
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::time::{Duration, Instant};

    use nix::sys::socket::{setsockopt, sockopt};

    use super::super::connect::{Connected, connect};
    use super::*;
    use crate::probe::net::socket::Channel;
    use crate::probe::tape::Tape;

    /// What was read, and whether it had been sent before any of the request arrived, where what came before the request fills the
    /// server's buffer or not.
    fn answered(is_full: bool) -> Option<(String, bool)> {
        const BUFFER: usize = 4_096;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        setsockopt(&listener, sockopt::RcvBuf, &BUFFER).unwrap();
        let mut tape = Tape::begin();
        let until = Instant::now() + Duration::from_secs(5);
        let Connected::Up(stream, taped) = connect(&mut tape, listener.local_addr().unwrap(), until) else {
            panic!("not connected")
        };
        let (mut peer, _) = listener.accept().unwrap();
        let mut channel = Channel::new(stream, taped, &mut tape, until, Duration::from_secs(1));
        counters(channel.connection())?;
        if is_full {
            channel.write_all(&vec![0; 8 * BUFFER]).unwrap();
        }
        channel.asks();
        channel.write_all(b"GET /").unwrap();
        if !is_full {
            peer.read_exact(&mut [0; 5]).unwrap();
        }
        peer.write_all(b"HTTP/1.1").unwrap();
        let mut came = [0; 64];
        let len = channel.read(&mut came).unwrap();
        Some((String::from_utf8(came[..len].to_vec()).unwrap(), channel.was_overtaken()))
    }

    #[test]
    fn an_answer_that_was_sent_before_any_of_the_request_had_arrived_is_noticed() {
        for is_full in [true, false] {
            let Some(answered) = answered(is_full) else {
                eprintln!("skipped: the kernel does not say what was acknowledged");
                return;
            };
            assert_eq!(answered, ("HTTP/1.1".to_owned(), is_full));
        }
    }
}
