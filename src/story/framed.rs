//! A request inside TLS that got nothing but HTTP/2's control frames.

use super::{Moment, Story};

impl Story {
    /// The client's last message inside TLS, after others that were answered, if the connection ended with nothing after it but records as
    /// short as HTTP/2's control frames.
    pub(in crate::story) fn framed_request(&self) -> Option<Moment> {
        self.tls.turns.framed().filter(|_| self.was_answered() && !self.endings.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use crate::story::script::talk;
    use crate::tcp::Role::{Client, Server};

    #[test]
    fn a_request_that_gets_a_control_frame_alone_may_have_been_refused() {
        let begun = |protocols: &[u8]| {
            let hello = talk::client_hello_with(&[(45, &[1, 1]), (16, protocols)]);
            let flight = [talk::server_hello_13(), talk::encrypted(200), talk::encrypted(53)].concat();
            let shaken = talk::ssm().open().say(Client, &hello).say(Server, &flight);
            let asked = shaken.say(Client, &talk::encrypted(53)).say(Client, &talk::encrypted(150));
            asked.say(Server, &talk::encrypted(900)).ack(Client)
        };
        let code = |protocols: &[u8], asked: u16, answer: &[u16]| {
            let asked = begun(protocols).wait(500).say(Client, &talk::encrypted(asked + 17));
            let answered =
                answer.iter().fold(asked, |talk, len| talk.say(Server, &talk::encrypted(len + 17)));
            answered.ack(Client).wait(40).fin(Client).fin(Server).code(0)
        };
        let [h2, http] = [&b"\x00\x03\x02h2"[..], &b"\x00\x09\x08http/1.1"[..]];
        // HTTP/2 compresses the header of a later request to a few bytes.
        assert_eq!((code(h2, 60, &[13]), code(h2, 21, &[13])), ("in-progress", "in-progress"));
        // The reply follows, and other replies have other sizes.
        for answer in [&[13, 90][..], &[13, 13, 40], &[12], &[90]] {
            assert_eq!(code(h2, 60, answer), "healthy", "{answer:?}");
        }
        // A ping with a window update gets its acknowledgement, and HTTP/1 has no such frames.
        assert_eq!((code(h2, 30, &[17]), code(http, 60, &[13])), ("healthy", "healthy"));
    }
}
