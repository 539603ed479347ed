//! The dialogue before TLS on a server whose protocol begins in clear: STARTTLS, in the words of each protocol.
//!
//! The request is made whether or not the server lists it, so that the server's own answer decides. Clients that look at the list do
//! not ask where it lacks TLS, so that is a warning.

mod dialogue;
mod heard;
mod ldap;
mod lines;
mod postgres;
mod xmpp;

use std::io;

use self::dialogue::Reply;
use self::heard::Heard;
use crate::probe::net::socket::Channel;
use crate::probe::step::Phase;

/// A protocol that is asked for TLS.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StartTls {
    /// SMTP (RFC 3207).
    Smtp,
    /// IMAP (RFC 9051, 6.2.1).
    Imap,
    /// POP3 (RFC 2595, 4).
    Pop3,
    /// FTP (RFC 4217, 4).
    Ftp,
    /// LDAP (RFC 4511, 4.14).
    Ldap,
    /// PostgreSQL (its protocol, 53.2.10).
    Postgres,
    /// XMPP (RFC 6120, 5).
    Xmpp,
}

impl StartTls {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Smtp, Self::Imap, Self::Pop3, Self::Ftp, Self::Ldap, Self::Postgres, Self::Xmpp];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Smtp => "smtp",
            Self::Imap => "imap",
            Self::Pop3 => "pop3",
            Self::Ftp => "ftp",
            Self::Ldap => "ldap",
            Self::Postgres => "postgres",
            Self::Xmpp => "xmpp",
        }
    }

    /// The port that IANA registers for it.
    pub fn port(self) -> u16 {
        match self {
            Self::Smtp => 25,
            Self::Imap => 143,
            Self::Pop3 => 110,
            Self::Ftp => 21,
            Self::Ldap => 389,
            Self::Postgres => 5432,
            Self::Xmpp => 5222,
        }
    }
}

/// What the server answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::probe) enum Answer {
    /// TLS may begin.
    Agrees,
    /// In these words, if it is text.
    Refuses(Option<String>),
    /// TLS may begin, but further bytes came in clear: how many so far, and what they are, if it is text.
    Injects(usize, Option<String>),
}

/// What a server that speaks first must send.
pub(in crate::probe) const GREETING: &str = "a greeting";

/// What a server left open.
pub(in crate::probe) struct Unanswered {
    pub(in crate::probe) error: io::Error,
    /// What it said last, if it is text.
    pub(in crate::probe) words: Option<String>,
    /// What it had to say: [`GREETING`], or an answer.
    pub(in crate::probe) awaited: String,
}

/// Asks for TLS.
///
/// # Errors
/// When the connection ends before the server has answered, or time is over.
pub(in crate::probe) fn open(
    channel: &mut Channel<'_>,
    protocol: StartTls,
    host: &str,
) -> Result<Answer, Unanswered> {
    channel.tape().enter(Phase::StartTls);
    channel.tape().note(format!("ask for TLS in the words of {}", protocol.name()));
    let mut heard = Heard::new(channel);
    let answer = match protocol {
        StartTls::Smtp => lines::smtp(&mut heard),
        StartTls::Imap => lines::imap(&mut heard),
        StartTls::Pop3 => lines::pop3(&mut heard),
        StartTls::Ftp => lines::ftp(&mut heard),
        StartTls::Ldap => ldap::open(&mut heard),
        StartTls::Postgres => postgres::open(&mut heard),
        StartTls::Xmpp => xmpp::open(&mut heard, host),
    };
    let awaited = if heard.has_asked() {
        format!("the request for TLS ({})", protocol.name())
    } else {
        GREETING.to_owned()
    };
    let came = heard.since();
    let came = if protocol == StartTls::Xmpp { xmpp::error(&came) } else { &came };
    let words = heard::words(came, channel.tape()).or_else(|| postgres::error(came, channel.tape()));
    let reply = match answer {
        Ok(reply) => reply,
        Err(error) => return Err(Unanswered { error, words, awaited }),
    };
    let does = if reply == Reply::Refuses { "refuses TLS" } else { "agrees to TLS" };
    channel.tape().note(format!("the server {does}"));
    let rest = match reply {
        Reply::Refuses => return Ok(Answer::Refuses(words)),
        Reply::AgreesAndSends(rest) => rest,
        Reply::Agrees => channel.came_by_now().map_err(|error| Unanswered { error, words: None, awaited })?,
    };
    if rest.is_empty() {
        return Ok(Answer::Agrees);
    }
    let words = heard::words(&rest, channel.tape());
    Ok(Answer::Injects(rest.len(), words))
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::io::{Read, Write};

    use proptest::prelude::*;

    use super::*;

    /// A server that says these things, one after each request; the first at once, if the protocol wants it so.
    pub(super) struct Script {
        says: VecDeque<Vec<u8>>,
        pub(super) heard: Vec<u8>,
    }

    impl Script {
        pub(super) fn new<T: AsRef<[u8]>>(says: &[T]) -> Self {
            let says = says.iter().map(|text| text.as_ref().to_vec()).collect();
            Self { says, heard: Vec::new() }
        }
    }

    impl Read for Script {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let Some(mut next) = self.says.pop_front() else { return Ok(0) };
            let rest = next.split_off(next.len().min(buffer.len()));
            buffer[..next.len()].copy_from_slice(&next);
            if !rest.is_empty() {
                self.says.push_front(rest);
            }
            Ok(next.len())
        }
    }

    impl Write for Script {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.heard.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    proptest! {
        #[test]
        fn any_answers_are_read_to_an_end(says: Vec<Vec<u8>>) {
            let _ = lines::smtp(&mut Script::new(&says));
            let _ = lines::imap(&mut Script::new(&says));
            let _ = lines::pop3(&mut Script::new(&says));
            let _ = lines::ftp(&mut Script::new(&says));
            let _ = ldap::open(&mut Script::new(&says));
            let _ = postgres::open(&mut Script::new(&says));
            let _ = xmpp::open(&mut Script::new(&says), "ssm.example");
        }
    }

    #[test]
    fn an_answer_without_an_end_is_bounded() {
        let endless = vec![vec![b'x'; 1024]; 64];
        assert_eq!(lines::smtp(&mut Script::new(&endless)).unwrap_err().kind(), io::ErrorKind::InvalidData);
        let none: [&str; 0] = [];
        assert_eq!(lines::smtp(&mut Script::new(&none)).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
