//! Reasons in words, for people. Nothing of a log's own text is in them.

use std::fmt;

use super::{Objection, Support};
use crate::log::clock::OffsetUnknown;
use crate::log::pair::{Agreement, Explanation};

impl fmt::Display for Objection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoConnection => f.write_str("the name has no address, so no connection was tried"),
            Self::NoExchange => f.write_str("the capture shows no connection"),
            Self::OutsideCapture => f.write_str("it lies before or after the capture"),
            Self::OtherServer => f.write_str("the log names a server that the capture does not show"),
            Self::OtherClient(log, wire) => {
                write!(f, "the request came from {log}, and the client in the capture is {wire}")
            }
            Self::OtherProgram => f.write_str("another program made the attempt: the check writes no log"),
            Self::OtherRequest => f.write_str("the check asked for something else"),
            Self::TooShort { attempt, least } => {
                write!(f, "the attempt took {attempt}, and the connection takes at least {least}")
            }
            Self::OtherOutcome(log, _) => {
                write!(f, "no connection in the capture ended as the log says ({})", log.code())
            }
            Self::NothingThere => {
                f.write_str("no connection lies where the offset of the log's clock puts it")
            }
            Self::Offset(why) => why.fmt(f),
            Self::Ambiguous(exchanges) if exchanges.len() < 2 => {
                f.write_str("the connection that fits may be another line's")
            }
            Self::Ambiguous(exchanges) => write!(f, "{} connections fit equally well", exchanges.len()),
            Self::Taken(_) => f.write_str("the connection that fits is another attempt's"),
        }
    }
}

impl fmt::Display for OffsetUnknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTimes => f.write_str("the capture has no times"),
            Self::NothingFits => f.write_str("nothing in the capture fits any attempt in this log"),
            Self::TooFew(_) => {
                f.write_str("too few attempts fit to tell the offset of the log's clock from a coincidence")
            }
            Self::NotUnique(..) => f.write_str("two offsets of the log's clock fit equally well"),
            Self::SameHost { remainder, .. } => write!(
                f,
                "log and capture come from one host, and their clocks would be {remainder} off any multiple of 15 minutes"
            ),
        }
    }
}

impl fmt::Display for Support {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Within { attempt, exchange } => {
                write!(f, "the connection ({exchange}) lies within the attempt ({attempt})")
            }
            Self::AtItsEnd => f.write_str("the line was written when the exchange ended"),
            Self::Outlived(took) => {
                write!(
                    f,
                    "the program began when the request came, and took {took}: no client waited that long"
                )
            }
            Self::Votes(1) => f.write_str("the clocks' offset fits"),
            Self::Votes(votes) => write!(f, "{votes} attempts give the clocks the same offset"),
            Self::SameHost => f.write_str("log and capture come from one host, and the clocks agree"),
            Self::Server => f.write_str("the log names this server"),
            Self::Client => f.write_str("the log names this client"),
            Self::ClientPort => f.write_str("the log names the client's port"),
            Self::Outcome(Agreement::Explained(explanation)) => explanation.fmt(f),
            Self::Outcome(Agreement::Disagrees) => {
                f.write_str("the log names another outcome than the capture shows")
            }
            Self::Outcome(_) => f.write_str("log and capture show the same outcome"),
            Self::Order => f.write_str("several fit, and their order distinguishes them"),
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ConnectIncludesHandshake => {
                "the log's \"connect timed out\" includes the TLS handshake: the SYN was answered"
            }
            Self::ResetDuringHandshake => "the log's \"terminated the handshake\" was a RST",
            Self::AnswerIsEncrypted => "the refusal is inside the encrypted answer",
            Self::ClientClosed => "the client did not accept the certificate and closed the connection",
        })
    }
}
