//! XMPP: a stream is opened, and `<starttls/>` is answered by `<proceed/>` (RFC 6120, 5.4).

use std::io::{self, Read, Write};

use super::dialogue::{answer, ask};

const START: &[u8] = b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";

pub(super) fn open(channel: &mut (impl Read + Write), host: &str) -> io::Result<bool> {
    // A host's name has no character that XML would have escaped.
    let stream = format!(
        "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' \
         to='{host}' version='1.0'>"
    );
    ask(channel, stream.as_bytes())?;
    // A server without TLS does not list it (RFC 6120, 5.4.1).
    let has_starttls = answer(channel, |came| {
        let whole = ["</stream:features>", "<stream:features/>", "</stream:stream>", "<stream:error"];
        first(came, &whole).map(|_| first(came, &["<starttls"]).is_some())
    })?;
    if !has_starttls {
        return Ok(false);
    }
    ask(channel, START)?;
    Ok(answer(channel, |came| first(came, &["<proceed", "<failure", "</stream:stream>", "<stream:error"]))?
        == 0)
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
        assert!(open(&mut server, "ssm.example").unwrap());
        assert!(server.heard.ends_with(START));
        assert!(!open(&mut Script::new(&[features, "<failure/></stream:stream>"]), "ssm.example").unwrap());
        assert!(!open(&mut Script::new(&["<stream:error/></stream:stream>"]), "ssm.example").unwrap());
    }
}
