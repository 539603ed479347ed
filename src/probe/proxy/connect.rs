//! CONNECT: the tunnel through an HTTP proxy.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::named::Proxy;
use super::tunnel::Tunnel;
use crate::limits;
use crate::probe::http::exchange::{self, Failure};
use crate::probe::http::head;
use crate::probe::net::socket::Channel;
use crate::probe::tape::Tape;

/// Asks for a tunnel to a host and port (RFC 9110, 9.3.6).
pub(super) fn open(channel: &mut Channel<'_>, proxy: &Proxy, authority: &str) -> io::Result<Tunnel> {
    let mut request = Zeroizing::new(format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n"));
    if let Some(credentials) = proxy.credentials() {
        channel.cover(proxy.in_clear());
        for part in ["Proxy-Authorization: Basic ", &credentials, "\r\n"] {
            request.push_str(part);
        }
    }
    request.push_str("\r\n");
    channel.write_all(request.as_bytes())?;
    let mut came = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let len = match channel.read(&mut buffer) {
            Err(error) if !came.is_empty() && error.kind() != io::ErrorKind::TimedOut => {
                return Ok(Tunnel::unread(
                    Failure::CutShort(came.len(), error).of("CONNECT", channel.tape()),
                ));
            }
            read => read?,
        };
        came.extend_from_slice(buffer.get(..len).unwrap_or_default());
        match answer(&came, channel.tape()) {
            Some((mut tunnel, rest)) => {
                let status =
                    tunnel.status.map_or("what is no HTTP".to_owned(), |status| format!("status {status}"));
                let mut after = came.get(rest..).unwrap_or_default().to_vec();
                if tunnel.is_page && tunnel.is_success() {
                    // The type of a content that a tunnel does not have says nothing (RFC 9110, 9.3.6): a page comes with its bytes.
                    if after.is_empty() && channel.waits_until(Instant::now() + PAGE)? {
                        let len = channel.read(&mut buffer)?;
                        after.extend_from_slice(buffer.get(..len).unwrap_or_default());
                    }
                    tunnel.is_page = after.contains(&b'<');
                }
                channel.unread(&after);
                let offers = match tunnel.schemes.as_slice() {
                    [] => String::new(),
                    schemes => format!(", and takes {}", schemes.join(", ")),
                };
                channel.tape().note(format!("the proxy answers {status}{offers}"));
                return Ok(tunnel);
            }
            None if came.is_empty() && len == 0 => return Ok(Tunnel::default()),
            None if len == 0 => {
                let ended = io::ErrorKind::UnexpectedEof.into();
                return Ok(Tunnel::unread(
                    Failure::CutShort(came.len(), ended).of("CONNECT", channel.tape()),
                ));
            }
            None if came.len() > limits::HTTP_ANSWER_HEAD_BYTES => {
                return Ok(Tunnel::unread(head::too_long(&came).of("CONNECT", channel.tape())));
            }
            None => {}
        }
    }
}

/// How long the page is awaited that a proxy's answer announces in place of a tunnel.
const PAGE: Duration = Duration::from_millis(500);

/// What an answer's head contains without what the tape hides, once it is whole or can't be one, and the length of what precedes the tunnel's bytes.
fn answer(bytes: &[u8], tape: &Tape) -> Option<(Tunnel, usize)> {
    let (len, mut head) = match head::head(bytes) {
        Ok(head) => head?,
        Err(failure) => return Some((Tunnel::unread(failure.of("CONNECT", tape)), bytes.len())),
    };
    head.cover(tape);
    let schemes = head.headers.get_all("proxy-authenticate").iter().filter_map(|value| {
        let text = String::from_utf8_lossy(value.as_bytes());
        let scheme = text.split_whitespace().next()?;
        Some(scheme.chars().take(limits::PEER_WORDS).collect())
    });
    // A tunnel's answer has no content (RFC 9110, 9.3.6), and so no type.
    let kind = head.headers.get("content-type").and_then(|value| value.to_str().ok());
    let is_page = kind.is_some_and(|kind| kind.to_ascii_lowercase().contains("html"));
    let target = exchange::redirect(head.status, &head.headers);
    let (status, schemes) = (Some(head.status), schemes.collect());
    Some((Tunnel { status, schemes, is_page, target, ..Tunnel::default() }, len))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::probe::secret::Secret;

    fn answer(bytes: &[u8]) -> Option<(Tunnel, usize)> {
        super::answer(bytes, &Tape::begin())
    }

    #[test]
    fn a_secret_in_a_proxy_s_answer_is_covered_before_it_is_cut() {
        let mut tape = Tape::begin();
        tape.hide(Secret::new("t0ken-of-joe".to_owned()));
        let long = "a".repeat(limits::PEER_WORDS - 3);
        for text in [
            format!("HTTP/1.1 407 No\r\nProxy-Authenticate: {long}t0ken-of-joe\r\n\r\n"),
            format!("HTTP/1.1 302 No\r\nLocation: /{}t0ken-of-joe\r\n\r\n", &long[..96]),
            format!("SSH-2.0-{}t0ken-of-joe\r\n", &long[..50]),
        ] {
            let tunnel = super::answer(text.as_bytes(), &tape).unwrap().0;
            assert!(!format!("{tunnel:?}").contains("t0"), "{tunnel:?}");
        }
    }

    #[test]
    fn an_answer_is_read_when_its_head_is_whole() {
        assert_eq!(answer(b"HTTP/1.1 407 No"), None);
        let tunnel = |bytes: &[u8]| answer(bytes).expect("a whole answer").0;
        let refused = tunnel(
            b"HTTP/1.1 407 No\r\nProxy-Authenticate: Negotiate\r\nProxy-Authenticate: Basic realm=x\r\n\r\n",
        );
        let schemes = vec!["Negotiate".to_owned(), "Basic".to_owned()];
        assert_eq!(refused, Tunnel { status: Some(407), schemes, ..Tunnel::default() });
        assert!(tunnel(b"HTTP/1.0 200 OK\r\n\r\n").is_open());
        let portal = tunnel(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>");
        assert!(portal.is_success() && !portal.is_open());
        let other = tunnel(b"SSH-2.0-x\r\n");
        assert_eq!(other.status, None);
        assert!(other.unread.is_some_and(|why| why.contains("SSH-2.0-x")));
    }

    #[test]
    fn an_informational_answer_is_followed_by_the_final_one_and_that_by_the_tunnel_s_bytes() {
        let informed = b"HTTP/1.1 100 Continue\r\n\r\n";
        assert_eq!(answer(informed), None);
        let all = [&informed[..], b"HTTP/1.1 200 OK\r\n\r\nSSH-2.0-x\r\n"].concat();
        let (tunnel, len) = answer(&all).expect("a whole answer");
        assert!(tunnel.is_open());
        assert_eq!(&all[len..], b"SSH-2.0-x\r\n");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_as_an_answer(bytes: Vec<u8>) {
            let _ = answer(&bytes);
        }
    }
}
