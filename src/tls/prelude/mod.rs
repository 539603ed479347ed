//! What may precede TLS on the same connection: a proxy that is asked for a tunnel, or a protocol that begins
//! in clear and is asked to start TLS.
//!
//! HTTP CONNECT is recognised by its first line with the other plain protocols ([`super::plain`]), since it shows in
//! printed text too. The others are followed here, from whole payloads and from what a snaplen leaves: their messages
//! are short and begin where segments do.

mod bytes;
mod ldap;
mod lines;
mod listing;
mod postgres;
mod proxy_header;
mod socks;
mod xmpp;

use std::fmt;

pub(super) use proxy_header::after_proxy_header;
pub use socks::reply as socks5_reply;

use self::listing::Listing;
use super::basis::Basis;
use crate::limits;
use crate::tcp::{Delivery, PerRole, Role};

/// A protocol that may precede TLS.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Prelude {
    /// A tunnel through an HTTP proxy (RFC 9110, 9.3.6).
    Connect,
    /// A tunnel through a SOCKS4 or SOCKS4a proxy.
    Socks4,
    /// A tunnel through a SOCKS5 proxy (RFC 1928).
    Socks5,
    /// STARTTLS of SMTP (RFC 3207).
    Smtp,
    /// STARTTLS of IMAP (RFC 9051, 6.2.1).
    Imap,
    /// STLS of POP3 (RFC 2595, 4).
    Pop3,
    /// AUTH TLS of FTP (RFC 4217, 4).
    Ftp,
    /// The StartTLS operation of LDAP (RFC 4511, 4.14).
    Ldap,
    /// `<starttls/>` of XMPP (RFC 6120, 5).
    Xmpp,
    /// SSLRequest of PostgreSQL (its protocol, 53.2.10).
    Postgres,
}

impl Prelude {
    /// Whether a proxy is asked for a tunnel, rather than the server itself to start TLS.
    pub fn is_proxy(self) -> bool {
        matches!(self, Self::Connect | Self::Socks4 | Self::Socks5)
    }
}

/// What asks for the tunnel, or for TLS.
impl fmt::Display for Prelude {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "HTTP CONNECT",
            Self::Socks4 => "SOCKS4",
            Self::Socks5 => "SOCKS5",
            Self::Smtp => "SMTP STARTTLS",
            Self::Imap => "IMAP STARTTLS",
            Self::Pop3 => "POP3 STLS",
            Self::Ftp => "FTP AUTH TLS",
            Self::Ldap => "LDAP StartTLS",
            Self::Xmpp => "XMPP STARTTLS",
            Self::Postgres => "PostgreSQL SSLRequest",
        })
    }
}

/// A step of a prelude.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PreludeStep {
    /// The client asked, and the server has to answer.
    Asked,
    /// The server wants another step of the client.
    Continued,
    /// The server agreed: TLS may follow.
    Agreed,
    /// The server refused.
    Refused(Refusal),
}

/// Why no TLS may follow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// The reply's number, where the protocol has numbers.
    pub code: Option<u16>,
    /// What the reply means.
    pub reason: &'static str,
}

/// What the unread bytes of one side begin with.
enum Heard {
    /// Something that needs more bytes to be understood.
    Incomplete,
    /// This many bytes that are no step.
    Passed(usize),
    /// This many bytes that are a step.
    Step(usize, PreludeStep),
}

/// How far a prelude is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
enum State {
    /// Nothing was asked for.
    #[default]
    Open,
    Socks4Asked,
    Socks5(socks::Stage),
    /// TLS was asked for in this protocol; the tag is IMAP's.
    Asked(Prelude, Vec<u8>),
    /// Nothing more is to come.
    Over,
}

/// Follows both sides until TLS begins.
#[derive(Clone, Debug, Default)]
pub(super) struct Listener {
    state: State,
    /// Bytes of each side that are no whole message yet.
    pending: PerRole<Vec<u8>>,
    /// Bytes heard of each side.
    heard: PerRole<u32>,
    /// What a server that speaks first lists.
    listing: Option<Box<Listing>>,
    /// Whether the client asked for TLS although the server's list lacks it.
    is_unlisted: bool,
}

impl Listener {
    /// Whether something was asked for, and the server has not decided yet.
    pub(super) fn is_owed_an_answer(&self) -> bool {
        !matches!(self.state, State::Open | State::Over)
    }

    /// Whether the client has just asked for TLS although the server's list lacks it; afterwards no more.
    pub(super) fn takes_unlisted(&mut self) -> bool {
        std::mem::take(&mut self.is_unlisted)
    }

    /// Follows what a server lists that speaks first, until TLS is asked for.
    fn follow_list(&mut self, role: Role, delivery: &Delivery<'_>) {
        if self.state != State::Open {
            self.listing = None;
            return;
        }
        let speaks_first = role == Role::Server && self.heard.client == 0 && self.heard.server == 0;
        if speaks_first && delivery.bytes.first().is_some_and(u8::is_ascii_graphic) {
            self.listing = Some(Box::default());
        }
        if let Some(listing) = &mut self.listing {
            listing.take(role, delivery);
        }
    }

    /// Takes what a side sent while neither speaks TLS. Returns those of its bytes that follow the last step in it.
    pub(super) fn take<'a>(
        &mut self,
        role: Role,
        delivery: &Delivery<'a>,
        emit: &mut dyn FnMut(Prelude, PreludeStep, Basis),
    ) -> &'a [u8] {
        self.follow_list(role, delivery);
        if self.state == State::Over || (role == Role::Server && self.state == State::Open) {
            self.heard[role] = self.heard[role].saturating_add(delivery.len);
            return &[];
        }
        if delivery.hole.is_some() {
            self.pending[role].clear();
        }
        let is_cut = delivery.len as usize > delivery.bytes.len();
        let mut pending = std::mem::take(&mut self.pending[role]);
        let is_beginning = self.heard.server == 0 && self.heard.client as usize == pending.len();
        pending.extend_from_slice(delivery.bytes);
        self.heard[role] = self.heard[role].saturating_add(delivery.len);
        let basis = if is_cut { Basis::Partial } else { Basis::Decoded };
        let mut place = 0;
        let mut after = 0;
        while let Some(rest) = pending.get(place..).filter(|rest| !rest.is_empty()) {
            let heard = match role {
                Role::Client => self.hear_client(rest, is_beginning && place == 0, is_cut),
                Role::Server => self.hear_server(rest, is_cut),
            };
            let Some((protocol, heard)) = heard else {
                place = pending.len();
                break;
            };
            match heard {
                Heard::Incomplete => break,
                Heard::Passed(len) => place += len.max(1),
                Heard::Step(len, step) => {
                    place += len.max(1);
                    after = pending.len().saturating_sub(place);
                    emit(protocol, step, basis);
                }
            }
        }
        pending.drain(..place.min(pending.len()));
        if is_cut || pending.len() > limits::PRELUDE_MESSAGE_BYTES {
            pending.clear();
        }
        if self.heard[role] as usize > limits::PRELUDE_BYTES {
            self.state = State::Over;
        }
        self.pending[role] = if self.state == State::Over { Vec::new() } else { pending };
        delivery
            .bytes
            .len()
            .checked_sub(after)
            .and_then(|from| delivery.bytes.get(from..))
            .unwrap_or_default()
    }

    /// What the client's bytes begin with; nothing if they are of no known protocol.
    fn hear_client(&mut self, bytes: &[u8], is_beginning: bool, is_cut: bool) -> Option<(Prelude, Heard)> {
        match &mut self.state {
            State::Open => {
                if is_beginning && let Some((protocol, heard)) = socks::hear_greeting(bytes, is_cut) {
                    if let Heard::Step(..) = heard {
                        self.state = match protocol {
                            Prelude::Socks4 => State::Socks4Asked,
                            _ => State::Socks5(socks::Stage::Greeted),
                        };
                    }
                    return Some((protocol, heard));
                }
                let (protocol, heard, tag) = postgres::hear_request(bytes)
                    .or_else(|| ldap::hear_request(bytes, is_cut))
                    .map(|(protocol, heard)| (protocol, heard, Vec::new()))
                    .or_else(|| {
                        xmpp::hear_request(bytes, is_cut).map(|heard| (Prelude::Xmpp, heard, Vec::new()))
                    })
                    .or_else(|| lines::hear_request(bytes, is_cut))?;
                if let Heard::Step(..) = heard {
                    self.state = State::Asked(protocol, tag);
                    self.is_unlisted = self.listing.take().is_some_and(|listing| listing.lacks(protocol));
                }
                Some((protocol, heard))
            }
            State::Socks5(stage) => Some((Prelude::Socks5, stage.hear_client(bytes, is_cut))),
            State::Socks4Asked | State::Asked(..) | State::Over => None,
        }
    }

    /// What the server's bytes begin with.
    fn hear_server(&mut self, bytes: &[u8], is_cut: bool) -> Option<(Prelude, Heard)> {
        let (protocol, heard) = match &mut self.state {
            State::Open | State::Over => return None,
            State::Socks4Asked => (Prelude::Socks4, socks::hear_socks4_answer(bytes)),
            State::Socks5(stage) => (Prelude::Socks5, stage.hear_server(bytes, is_cut)),
            State::Asked(Prelude::Postgres, _) => (Prelude::Postgres, postgres::hear_answer(bytes)),
            State::Asked(Prelude::Ldap, _) => (Prelude::Ldap, ldap::hear_answer(bytes, is_cut)?),
            State::Asked(Prelude::Xmpp, _) => (Prelude::Xmpp, xmpp::hear_answer(bytes, is_cut)),
            State::Asked(protocol, tag) => (*protocol, lines::hear_answer(*protocol, tag, bytes, is_cut)),
        };
        match heard {
            Heard::Step(_, PreludeStep::Agreed) => self.state = State::Over,
            Heard::Step(_, PreludeStep::Refused(_)) => {
                // A proxy ends the connection; a server continues in clear, and may be asked again.
                self.state = if protocol.is_proxy() { State::Over } else { State::Open };
            }
            _ => {}
        }
        Some((protocol, heard))
    }
}

#[cfg(test)]
mod tests;
