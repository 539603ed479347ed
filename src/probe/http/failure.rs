//! Why a request has no answer, and what came instead.

use std::io;

use zeroize::Zeroizing;

use super::tls;
use crate::probe::quote;
use crate::probe::tape::Tape;

/// What a record of TLS is instead of an answer.
pub(in crate::probe) const TLS_RECORD: &str = "is a TLS record";

/// Why there is no answer.
#[derive(Debug)]
pub(in crate::probe) enum Failure {
    /// The connection ended, or nothing came.
    Io(io::Error),
    /// The answer's head ended in its middle: after this many bytes, and in this way.
    CutShort(usize, io::Error),
    /// Only informational answers came (RFC 9110, 15.2), the last of them with this status, until the connection ended in this way.
    NoFinal(u16, io::Error),
    /// The answer's header is beyond what is read, in these words, and the bytes that came.
    TooLong(String, Zeroizing<Vec<u8>>),
    /// The answer's header can't be read: why, and the bytes that came.
    Malformed(String, Zeroizing<Vec<u8>>),
    /// Nothing was sent.
    NotSent(String),
    /// What came is no HTTP.
    NotHttp(Zeroizing<Vec<u8>>),
    /// It came before anything was asked.
    Unasked(Zeroizing<Vec<u8>>),
    /// It was sent before the server had any of the request.
    Overtook(Zeroizing<Vec<u8>>),
    /// After the answer, which had this status, another one came.
    Followed(u16, Zeroizing<Vec<u8>>),
}

impl Failure {
    /// How the connection ended where no byte of an answer had come.
    pub(in crate::probe) fn unanswered(&self) -> Option<io::ErrorKind> {
        match self {
            Self::Io(error) => Some(error.kind()),
            _ => None,
        }
    }

    /// The outcome of a request, in words that follow `asked`: `GET /`. What the tape hides is not among them.
    pub(in crate::probe) fn of(&self, asked: &str, tape: &Tape) -> String {
        match self {
            Self::Io(error) if error.kind() == io::ErrorKind::TimedOut => format!("no answer to {asked}"),
            Self::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                format!("no answer to {asked}: the server closed the connection")
            }
            Self::Io(error) => format!("no answer to {asked}: {}", tls::ended(error)),
            Self::CutShort(len, error) => {
                format!("the header of the answer to {asked} is incomplete after {len} bytes: {}", how(error))
            }
            Self::NoFinal(status, error) => {
                format!("only informational answers ({status}) came to {asked}: {}", how(error))
            }
            Self::TooLong(what, came) => {
                let line = quote::line(came.trim_ascii_start(), tape);
                format!(
                    "the header of the answer to {asked} {what} that this check reads; it begins \"{line}\""
                )
            }
            Self::Malformed(why, came) => {
                let line = quote::line(came.trim_ascii_start(), tape);
                format!("the header of the answer to {asked} is malformed: {why}; it begins \"{line}\"")
            }
            Self::NotSent(why) => format!("{asked} can't be sent: {why}"),
            Self::Unasked(came) => {
                let line = quote::line(came.trim_ascii_start(), tape);
                format!("the server answered before {asked} was sent: \"{line}\"")
            }
            Self::Overtook(came) => {
                let line = quote::line(came.trim_ascii_start(), tape);
                format!("the server sent an answer before {asked} had reached it: \"{line}\"")
            }
            Self::Followed(status, came) => {
                let line = quote::line(came.trim_ascii_start(), tape);
                format!("the server sent a second answer after the one to {asked} ({status}): \"{line}\"")
            }
            Self::NotHttp(came) => {
                format!("the answer to {asked} is not HTTP/1.1: it {}", what_it_is(came, tape))
            }
        }
    }
}

/// How a connection ended before something was whole, in words that fit a server and a proxy.
fn how(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::TimedOut => "time was over".to_owned(),
        io::ErrorKind::UnexpectedEof => "the connection was closed".to_owned(),
        io::ErrorKind::ConnectionReset => "the connection was reset".to_owned(),
        _ => tls::ended(error),
    }
}

/// What bytes are that begin no answer of HTTP/1.
fn what_it_is(came: &[u8], tape: &Tape) -> String {
    /// RFC 9113, 4.1 and 6.5: a SETTINGS frame, on stream 0, begins what either side sends.
    const SETTINGS: u8 = 4;
    /// RFC 9113, 6.8: or it ends the connection at once.
    const GOAWAY: u8 = 7;
    let is_http2 =
        matches!(came, [_, _, _, SETTINGS | GOAWAY, _, 0, 0, 0, 0, ..]) || came.starts_with(b"PRI * HTTP/2");
    if is_http2 {
        return "is HTTP/2 frames".to_owned();
    }
    if matches!(came, [0x14..=0x17, 3, 0..=4, ..]) {
        return TLS_RECORD.to_owned();
    }
    let is_page = came.trim_ascii_start().starts_with(b"<");
    let kind = if is_page { "is a page without a header, as of HTTP/0.9, and " } else { "" };
    format!("{kind}begins \"{}\"", quote::begin(came, tape))
}
