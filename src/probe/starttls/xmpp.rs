//! XMPP: a stream is opened, and `<starttls/>` is answered by `<proceed/>` (RFC 6120, 5.4).

use std::io::{self, Read, Write};

use super::dialogue::{Reply, answer, ask, last_answer};

const START: &[u8] = b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";

pub(super) fn open(channel: &mut (impl Read + Write), host: &str) -> io::Result<Reply> {
    // A host's name has no character that XML would have escaped.
    let stream = format!(
        "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' \
         to='{host}' version='1.0'>"
    );
    ask(channel, stream.as_bytes())?;
    // A server without TLS does not list it (RFC 6120, 5.4.1).
    let has_starttls = answer(channel, |came| {
        // Another protocol's words.
        if came.trim_ascii_start().first().is_some_and(|byte| *byte != b'<') {
            return Some(false);
        }
        let whole = ["</stream:features>", "<stream:features/>", "</stream:stream>", "<stream:error"];
        first(came, &whole).map(|_| first(came, &["<starttls"]).is_some())
    })?;
    if !has_starttls {
        return Ok(Reply::Refuses);
    }
    ask(channel, START)?;
    last_answer(channel, |came| {
        match first(came, &["<proceed", "<failure", "</stream:stream>", "<stream:error"])? {
            0 => Some((true, end_of_proceed(came)?)),
            _ => Some((false, came.len())),
        }
    })
    .map(Reply::of)
}

/// What came, from its error on: a stream's head is long, and says nothing.
pub(super) fn error(came: &[u8]) -> &[u8] {
    let at = |word: &[u8]| came.windows(word.len()).position(|part| part == word);
    let begin = at(b"<stream:error").or_else(|| at(b"<failure")).unwrap_or(0);
    came.get(begin..).unwrap_or_default()
}

/// Where `<proceed/>` ends, in either of its forms, with the space after it.
fn end_of_proceed(came: &[u8]) -> Option<usize> {
    let find = |from: usize, word: &[u8]| {
        let rest = came.get(from..)?;
        Some(from + rest.windows(word.len()).position(|part| part == word)? + word.len())
    };
    let mut end = find(find(0, b"<proceed")?, b">")?;
    if !came.get(..end)?.ends_with(b"/>") {
        end = find(end, b"</proceed>")?;
    }
    Some(end + came.get(end..)?.iter().take_while(|byte| byte.is_ascii_whitespace()).count())
}

/// Which of these words came, if any did.
fn first(came: &[u8], words: &[&str]) -> Option<usize> {
    let text = String::from_utf8_lossy(came);
    words.iter().position(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::super::tests::Script;
    use super::*;

    #[test]
    fn the_stream_s_answer_decides() {
        let features = "<stream:stream><stream:features><starttls/></stream:features>";
        let mut server = Script::new(&[features, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"]);
        assert_eq!(open(&mut server, "ssm.example").unwrap(), Reply::Agrees);
        assert!(server.heard.ends_with(START));
        let refused =
            open(&mut Script::new(&[features, "<failure/></stream:stream>"]), "ssm.example").unwrap();
        assert_eq!(refused, Reply::Refuses);
        for other in ["<stream:error/></stream:stream>", "220 mx ESMTP\r\n"] {
            assert_eq!(open(&mut Script::new(&[other]), "ssm.example").unwrap(), Reply::Refuses, "{other}");
        }
    }

    #[test]
    fn of_a_refusal_the_error_is_shown() {
        let came = b"<?xml version='1.0'?><stream:stream><stream:error><host-unknown/></stream:error>";
        assert!(error(came).starts_with(b"<stream:error><host-unknown/>"));
        assert_eq!(error(b"<stream:stream>"), b"<stream:stream>");
    }

    #[test]
    fn what_comes_after_proceed_is_not_overlooked() {
        let features = "<stream:stream><stream:features><starttls/></stream:features>";
        let says = |last: &str| open(&mut Script::new(&[features, last]), "ssm.example").unwrap();
        assert_eq!(says("<proceed xmlns='x'/>\r\n"), Reply::Agrees);
        assert_eq!(says("<proceed xmlns='x'></proceed>"), Reply::Agrees);
        assert_eq!(says("<proceed/><message/>"), Reply::AgreesAndSends(b"<message/>".to_vec()));
    }
}
