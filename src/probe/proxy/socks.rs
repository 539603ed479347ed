//! SOCKS5 (RFC 1928): the tunnel through such a proxy, with user name and password (RFC 1929) where it wants them.

use std::io::{self, Read, Write};
use std::net::IpAddr;

use zeroize::Zeroizing;

use super::named::Proxy;
use super::tunnel::Tunnel;
use crate::probe::net::socket::{Channel, words};
use crate::probe::quote;
use crate::probe::secret::Secret;
use crate::probe::tape::Tape;
use crate::tls::socks5_reply;

const VERSION: u8 = 5;
/// The version of the login (RFC 1929, 2); some proxies answer it with that of SOCKS, and clients accept that.
const LOGIN_VERSION: u8 = 1;
const NO_LOGIN: u8 = 0;
const PASSWORD: u8 = 2;
const NONE_ACCEPTABLE: u8 = 0xff;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// What the proxy is to connect to.
#[derive(Clone, Copy)]
pub(super) enum Target<'a> {
    /// A name, which the proxy looks up.
    Name(&'a str),
    /// An address.
    Address(IpAddr),
}

/// How a conversation ends without a tunnel.
enum Stop {
    /// The connection ended, or nothing came.
    Broken(io::Error),
    /// By what came, or by a close in place of it.
    Ended(Tunnel),
}

/// A message of the proxy's, once it is whole or can't be one: what it says, and its length.
type Heard<T> = Option<Result<(T, usize), Unread>>;

/// Why a message can't be read.
#[derive(PartialEq, Eq, Debug)]
enum Unread {
    /// It is of another protocol.
    Strange,
    /// For this reason, in a sentence.
    Why(String),
}

/// Asks for a tunnel. What comes after the reply is the server's.
pub(super) fn open(
    channel: &mut Channel<'_>,
    proxy: &Proxy,
    target: Target<'_>,
    port: u16,
) -> io::Result<Tunnel> {
    channel.cover(proxy.in_clear());
    let mut talk = Talk { channel, came: Vec::new() };
    match talk.greet(proxy).and_then(|()| talk.ask(target, port)) {
        Ok(()) => {
            talk.channel.unread(&talk.came);
            Ok(Tunnel::replied(0))
        }
        Err(Stop::Ended(tunnel)) => Ok(tunnel),
        Err(Stop::Broken(error)) => Err(error),
    }
}

/// A conversation with a proxy.
struct Talk<'c, 't> {
    channel: &'c mut Channel<'t>,
    /// What came and is not read yet.
    came: Vec<u8>,
}

impl Talk<'_, '_> {
    /// Offers ways to log in, and takes the one that the proxy chooses.
    fn greet(&mut self, proxy: &Proxy) -> Result<(), Stop> {
        let login = proxy.user.as_deref().zip(proxy.password.as_ref());
        let greeting: &[u8] =
            if login.is_some() { &[VERSION, 2, NO_LOGIN, PASSWORD] } else { &[VERSION, 1, NO_LOGIN] };
        self.send(greeting)?;
        let method = self.hear("the SOCKS5 greeting", |came| method(came, login.is_some()))?;
        match (method, login) {
            (NONE_ACCEPTABLE, _) => {
                self.channel.tape().note("the proxy accepts none of the ways to log in that were offered");
                Err(Stop::Ended(Tunnel::replied(NONE_ACCEPTABLE)))
            }
            (PASSWORD, Some((user, password))) => self.log_in(user, password),
            _ => {
                self.channel.tape().note("the proxy wants no login");
                Ok(())
            }
        }
    }

    fn log_in(&mut self, user: &str, password: &Secret) -> Result<(), Stop> {
        self.channel.tape().note("the proxy wants a user name and a password");
        let mut message = Zeroizing::new(vec![LOGIN_VERSION]);
        for part in [user, password.expose()] {
            message.push(length(part)?);
            message.extend_from_slice(part.as_bytes());
        }
        self.send(&message)?;
        match self.hear("the login", login_status)? {
            0 => Ok(()),
            status => {
                let text = format!("the proxy rejects user name and password (status {status})");
                self.channel.tape().note(text);
                Err(Stop::Ended(Tunnel::default()))
            }
        }
    }

    fn ask(&mut self, target: Target<'_>, port: u16) -> Result<(), Stop> {
        let mut request = vec![VERSION, CONNECT, 0];
        match target {
            Target::Address(IpAddr::V4(address)) => {
                request.push(IPV4);
                request.extend(address.octets());
            }
            Target::Address(IpAddr::V6(address)) => {
                request.push(IPV6);
                request.extend(address.octets());
            }
            Target::Name(name) => {
                request.extend([NAME, length(name)?]);
                request.extend_from_slice(name.as_bytes());
            }
        }
        request.extend(port.to_be_bytes());
        self.send(&request)?;
        match self.hear("the SOCKS5 request", reply)? {
            0 => {
                self.channel.tape().note("the proxy opens the tunnel");
                Ok(())
            }
            code => {
                self.channel.tape().note(format!("the proxy answers {code}: {}", socks5_reply(code)));
                Err(Stop::Ended(Tunnel::replied(code)))
            }
        }
    }

    fn send(&mut self, message: &[u8]) -> Result<(), Stop> {
        self.channel.write_all(message).map_err(Stop::Broken)
    }

    /// Reads until a message is whole. `asked` is what it answers.
    fn hear<T>(&mut self, asked: &str, read: impl Fn(&[u8]) -> Heard<T>) -> Result<T, Stop> {
        let ended = |came: usize, how: &str| {
            let bytes = if came == 1 { "byte" } else { "bytes" };
            let why = format!("the answer to {asked} is incomplete after {came} {bytes}: {how}");
            Stop::Ended(Tunnel::unread(why))
        };
        loop {
            match read(&self.came) {
                Some(Ok((what, len))) => {
                    self.came.drain(..len.min(self.came.len()));
                    return Ok(what);
                }
                Some(Err(unread)) => {
                    let why = match unread {
                        Unread::Strange => strange(&self.came, asked, self.channel.tape()),
                        Unread::Why(why) => why,
                    };
                    return Err(Stop::Ended(Tunnel::unread(why)));
                }
                None => {}
            }
            let mut buffer = [0; 1024];
            match self.channel.read(&mut buffer) {
                Ok(0) if self.came.is_empty() => return Err(Stop::Ended(Tunnel::default())),
                Ok(0) => return Err(ended(self.came.len(), "the proxy closed")),
                Ok(len) => self.came.extend_from_slice(buffer.get(..len).unwrap_or_default()),
                Err(error) if self.came.is_empty() => return Err(Stop::Broken(error)),
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    return Err(ended(self.came.len(), "nothing more came until the check gave up"));
                }
                Err(error) => return Err(ended(self.came.len(), &words(&error))),
            }
        }
    }
}

/// The length of a part of a message, in its one byte.
fn length(part: &str) -> Result<u8, Stop> {
    let error = |_| Stop::Broken(io::Error::other("longer than SOCKS5 can carry"));
    u8::try_from(part.len()).map_err(error)
}

/// The way to log in that the proxy chooses (RFC 1928, 3).
fn method(came: &[u8], has_login: bool) -> Heard<u8> {
    match *came {
        [VERSION, method @ (NO_LOGIN | NONE_ACCEPTABLE), ..] => Some(Ok((method, 2))),
        [VERSION, PASSWORD, ..] if has_login => Some(Ok((PASSWORD, 2))),
        [VERSION, method, ..] => {
            let name = match method {
                1 => " (GSSAPI)",
                PASSWORD => " (user name and password)",
                _ => "",
            };
            let why = format!("the proxy chose login method {method}{name}, which the check did not offer");
            Some(Err(Unread::Why(why)))
        }
        [] | [VERSION] => None,
        _ => Some(Err(Unread::Strange)),
    }
}

/// Whether the proxy accepts user name and password: 0 if it does (RFC 1929, 2).
fn login_status(came: &[u8]) -> Heard<u8> {
    match *came {
        [LOGIN_VERSION | VERSION, status, ..] => Some(Ok((status, 2))),
        [] | [LOGIN_VERSION | VERSION] => None,
        _ => Some(Err(Unread::Strange)),
    }
}

/// The code of a reply (RFC 1928, 6). One that refuses is not read to its end, which some proxies leave out.
fn reply(came: &[u8]) -> Heard<u8> {
    let len = match *came {
        [VERSION, code @ 1..=u8::MAX, ..] => return Some(Ok((code, came.len()))),
        [VERSION, 0, _, IPV4, ..] => 10,
        [VERSION, 0, _, NAME, name, ..] => 7 + usize::from(name),
        [VERSION, 0, _, IPV6, ..] => 22,
        [] | [VERSION] | [VERSION, 0] | [VERSION, 0, _] | [VERSION, 0, _, NAME] => return None,
        [VERSION, 0, _, kind, ..] => {
            let why = format!(
                "the answer to the SOCKS5 request is malformed: its address is of the unknown type {kind}"
            );
            return Some(Err(Unread::Why(why)));
        }
        _ => return Some(Err(Unread::Strange)),
    };
    (came.len() >= len).then_some(Ok((0, len)))
}

/// An answer of another protocol, by what it is.
fn strange(came: &[u8], asked: &str, tape: &Tape) -> String {
    let text = quote::line(came, tape);
    let what = match *came {
        [0, 90..=93, ..] => "is of SOCKS4".to_owned(),
        [20..=23, 3, 0..=4, ..] => "is a TLS record".to_owned(),
        _ if came.starts_with(b"HTTP/") => format!("is HTTP, \"{text}\""),
        _ => format!("begins \"{text}\""),
    };
    format!("the answer to {asked} is not SOCKS5: it {what}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn why<T: std::fmt::Debug>(heard: Heard<T>) -> String {
        match heard.unwrap().unwrap_err() {
            Unread::Why(why) => why,
            Unread::Strange => panic!("of another protocol"),
        }
    }

    #[test]
    fn a_way_to_log_in_is_one_that_was_offered() {
        assert_eq!(method(&[5], true), None);
        assert_eq!(method(&[5, 0], true), Some(Ok((0, 2))));
        assert_eq!(method(&[5, 2], true), Some(Ok((2, 2))));
        assert_eq!(method(&[5, 0xff], false), Some(Ok((0xff, 2))));
        assert!(why(method(&[5, 2], false)).contains("login method 2 (user name and password)"));
        assert!(why(method(&[5, 1], true)).contains("GSSAPI"));
    }

    #[test]
    fn a_reply_is_read_to_the_end_of_its_address_and_a_refusal_at_once() {
        let bound = |kind: u8, len: usize| [&[5, 0, 0, kind][..], &vec![3; len]].concat();
        for (reply_of, len) in [(bound(1, 6), 10), (bound(3, 6), 10), (bound(4, 18), 22)] {
            assert_eq!(reply(&reply_of), Some(Ok((0, len))));
            assert_eq!(reply(&[&reply_of[..], b"SSH-2.0"].concat()), Some(Ok((0, len))));
            assert!((0..len).all(|cut| reply(&reply_of[..cut]).is_none()), "{reply_of:?}");
        }
        assert_eq!(reply(&[5, 5]), Some(Ok((5, 2))));
        assert!(why(reply(&[5, 0, 0, 9])).contains("unknown type 9"));
    }

    #[test]
    fn an_answer_of_another_protocol_is_named() {
        let mut tape = Tape::begin();
        tape.hide(Secret::new("t0ken-of-joe".to_owned()));
        for (came, what) in [
            (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], "is HTTP, \"HTTP/1.1 400 Bad Request\""),
            (&[0, 91, 0, 0], "is of SOCKS4"),
            (&[0x15, 3, 1, 0, 2, 2, 40], "is a TLS record"),
            (b"\x1b[2J", r#"begins "\u{1b}[2J""#),
            (b"SSH-2.0-x\r\n", "begins \"SSH-2.0-x\""),
            (b"no t0ken-of", "begins \"no [secret]\""),
        ] {
            assert_eq!(method(came, false), Some(Err(Unread::Strange)));
            assert_eq!(login_status(came), Some(Err(Unread::Strange)));
            assert_eq!(reply(came), Some(Err(Unread::Strange)));
            let text = strange(came, "the login", &tape);
            assert_eq!(text, format!("the answer to the login is not SOCKS5: it {what}"));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_in_any_split(bytes in proptest::collection::vec(prop_oneof![0..6_u8, any::<u8>()], 0..40)) {
            let ends = |read: &dyn Fn(&[u8]) -> bool| (0..=bytes.len()).position(|cut| read(&bytes[..cut]));
            for has_login in [true, false] {
                ends(&|came| method(came, has_login).is_some());
            }
            ends(&|came| login_status(came).is_some());
            ends(&|came| reply(came).is_some());
            if let Some(Ok((_, len))) = reply(&bytes) {
                prop_assert!(len <= bytes.len());
            }
        }
    }
}
