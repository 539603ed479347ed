//! SOCKS: version 4 and 4a (NEC's "SOCKS: A protocol for TCP proxy across firewalls", and its extension 4A), and
//! version 5 (RFC 1928) with user name and password (RFC 1929).

use super::{Heard, Prelude, PreludeStep, Refusal};

/// How far a SOCKS5 conversation got.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    /// The client offered ways to log in.
    Greeted,
    /// The server wants user name and password.
    LoginWanted,
    /// The client sent them.
    LoggingIn,
    /// The client may ask for a tunnel.
    Ready,
    /// It did.
    Asked,
    /// Another way to log in was agreed on, whose messages are not known.
    Unknown,
}

const VERSION_4: u8 = 4;
const VERSION_5: u8 = 5;
/// The version of the user name and password exchange (RFC 1929, 2).
const LOGIN_VERSION: u8 = 1;
const PASSWORD: u8 = 2;
const NONE_ACCEPTABLE: u8 = 0xff;

/// The first message of a client. Nothing if it can't be SOCKS.
pub(super) fn hear_greeting(bytes: &[u8], is_cut: bool) -> Option<(Prelude, Heard)> {
    match *bytes {
        [VERSION_4 | VERSION_5] | [VERSION_4, 1 | 2] => Some((Prelude::Socks5, Heard::Incomplete)),
        [VERSION_5, methods, ref rest @ ..] if methods > 0 => {
            let methods = usize::from(methods);
            match rest.len() {
                len if len == methods => {
                    Some((Prelude::Socks5, Heard::Step(2 + methods, PreludeStep::Asked)))
                }
                len if len < methods && !is_cut => Some((Prelude::Socks5, Heard::Incomplete)),
                // A client waits for the answer before it continues.
                _ => None,
            }
        }
        [VERSION_4, 1 | 2, ref rest @ ..] => {
            // Port 2, address 4, user name up to a zero; with 4a an address of 0.0.0.x and a host name up to a zero.
            let (Some(address), Some(names)) = (rest.get(2..6), rest.get(6..)) else {
                return (!is_cut).then_some((Prelude::Socks4, Heard::Incomplete));
            };
            let zeros = if address.starts_with(&[0, 0, 0]) && address != [0; 4] { 2 } else { 1 };
            let mut ends = names.iter().enumerate().filter(|(_, byte)| **byte == 0).map(|(place, _)| place);
            match ends.nth(zeros - 1) {
                Some(end) => Some((Prelude::Socks4, Heard::Step(2 + 6 + end + 1, PreludeStep::Asked))),
                None if is_cut => Some((Prelude::Socks4, Heard::Step(bytes.len(), PreludeStep::Asked))),
                None => Some((Prelude::Socks4, Heard::Incomplete)),
            }
        }
        _ => None,
    }
}

/// The reply to a SOCKS4 request: 8 bytes, of which the second is the code.
pub(super) fn hear_socks4_answer(bytes: &[u8]) -> Heard {
    const LEN: usize = 8;
    match *bytes {
        [0, 90, ..] if bytes.len() >= LEN => Heard::Step(LEN, PreludeStep::Agreed),
        [0, code @ 91..=93, ..] if bytes.len() >= LEN => {
            let reason = match code {
                92 => "it could not reach the client's identd",
                93 => "the client's identd names another user",
                _ => "the request was rejected or failed",
            };
            refused(LEN, code, reason)
        }
        [0] | [0, 90..=93, ..] => Heard::Incomplete,
        _ => Heard::Passed(bytes.len()),
    }
}

impl Stage {
    /// What the client sends after its greeting.
    pub(super) fn hear_client(&mut self, bytes: &[u8], is_cut: bool) -> Heard {
        match (*self, bytes) {
            (Self::LoginWanted, [LOGIN_VERSION, ..]) => {
                *self = Self::LoggingIn;
                Heard::Step(bytes.len(), PreludeStep::Asked)
            }
            (Self::Ready, [VERSION_5, 1..=3, 0, ..] | [VERSION_5, 1..=3] | [VERSION_5]) => {
                let len = match *bytes {
                    [_, _, _, 1, ..] => Some(10),
                    [_, _, _, 3, name, ..] => Some(7 + usize::from(name)),
                    [_, _, _, 4, ..] => Some(22),
                    _ => None,
                };
                match len {
                    Some(len) if bytes.len() >= len => {
                        *self = Self::Asked;
                        Heard::Step(len, PreludeStep::Asked)
                    }
                    _ if is_cut => {
                        *self = Self::Asked;
                        Heard::Step(bytes.len(), PreludeStep::Asked)
                    }
                    _ => Heard::Incomplete,
                }
            }
            _ => Heard::Passed(bytes.len()),
        }
    }

    /// What the server answers.
    pub(super) fn hear_server(&mut self, bytes: &[u8], is_cut: bool) -> Heard {
        match (*self, bytes) {
            (_, [_]) if !is_cut => Heard::Incomplete,
            (Self::Greeted, [VERSION_5, NONE_ACCEPTABLE, ..]) => {
                refused(2, NONE_ACCEPTABLE, "it accepts none of the ways to log in that the client offered")
            }
            (Self::Greeted, [VERSION_5, method, ..]) => {
                *self = match *method {
                    0 => Self::Ready,
                    PASSWORD => Self::LoginWanted,
                    _ => Self::Unknown,
                };
                Heard::Step(2, PreludeStep::Continued)
            }
            // Some proxies answer with the version of SOCKS.
            (Self::LoggingIn, [LOGIN_VERSION | VERSION_5, 0, ..]) => {
                *self = Self::Ready;
                Heard::Step(2, PreludeStep::Continued)
            }
            // The status is any but 0, and is no reply: it has no meaning of its own (RFC 1929, 2).
            (Self::LoggingIn, [LOGIN_VERSION | VERSION_5, _, ..]) => {
                let reason = "it rejected the user name or the password";
                Heard::Step(2, PreludeStep::Refused(Refusal { code: None, reason }))
            }
            (Self::Asked, [VERSION_5, 0, rest @ ..]) => {
                let len = match rest {
                    [_, 3, name, ..] => 7 + usize::from(*name),
                    [_, 4, ..] => 22,
                    [_] | [] | [_, 3] => usize::MAX,
                    _ => 10,
                };
                // What the server behind the proxy says first may follow.
                if bytes.len() >= len || is_cut {
                    Heard::Step(bytes.len().min(len), PreludeStep::Agreed)
                } else {
                    Heard::Incomplete
                }
            }
            (Self::Asked, [VERSION_5, code, ..]) => refused(bytes.len(), *code, reply(*code)),
            _ => Heard::Passed(bytes.len()),
        }
    }
}

fn refused(len: usize, code: u8, reason: &'static str) -> Heard {
    Heard::Step(len, PreludeStep::Refused(Refusal { code: Some(u16::from(code)), reason }))
}

/// What a reply of SOCKS5 says (RFC 1928, 6).
pub fn reply(code: u8) -> &'static str {
    match code {
        1 => "general SOCKS server failure",
        2 => "its rules forbid this target",
        3 => "it found the network unreachable",
        4 => "it found the host unreachable",
        5 => "the target refused the connection",
        6 => "the TTL expired on its way to the target",
        7 => "it does not know this command",
        8 => "it does not know this type of address",
        _ => "its reply has no defined meaning",
    }
}
