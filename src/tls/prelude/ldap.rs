//! LDAP's StartTLS operation (RFC 4511, 4.14), in the basic encoding rules.

use super::bytes::contains;
use super::{Heard, Prelude, PreludeStep, Refusal};

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const ENUMERATED: u8 = 0x0a;
const EXTENDED_REQUEST: u8 = 0x77;
const EXTENDED_RESPONSE: u8 = 0x78;
/// The operation's object identifier, which the request contains as text.
const START_TLS: &[u8] = b"1.3.6.1.4.1.1466.20037";

/// What a client's bytes begin with. Nothing if they are no LDAP message.
pub(super) fn hear_request(bytes: &[u8], is_cut: bool) -> Option<(Prelude, Heard)> {
    let heard = match message(bytes, is_cut)? {
        Message::Incomplete => Heard::Incomplete,
        Message::Whole { len, operation: EXTENDED_REQUEST, body } if contains(body, START_TLS) => {
            Heard::Step(len, PreludeStep::Asked)
        }
        Message::Whole { len, .. } => Heard::Passed(len),
    };
    Some((Prelude::Ldap, heard))
}

/// What the server answers.
pub(super) fn hear_answer(bytes: &[u8], is_cut: bool) -> Option<Heard> {
    Some(match message(bytes, is_cut)? {
        Message::Incomplete => Heard::Incomplete,
        Message::Whole { len, operation: EXTENDED_RESPONSE, body } => match *body {
            [ENUMERATED, 1, 0, ..] => Heard::Step(len, PreludeStep::Agreed),
            [ENUMERATED, 1, code, ..] => {
                let refusal =
                    Refusal { code: Some(u16::from(code)), reason: "the server does not start TLS" };
                Heard::Step(len, PreludeStep::Refused(refusal))
            }
            _ => Heard::Passed(len),
        },
        Message::Whole { len, .. } => Heard::Passed(len),
    })
}

enum Message<'a> {
    Incomplete,
    /// Its length, the operation's tag, and what of the operation's body was captured.
    Whole {
        len: usize,
        operation: u8,
        body: &'a [u8],
    },
}

/// An LDAPMessage: a sequence of message id and operation.
fn message(bytes: &[u8], is_cut: bool) -> Option<Message<'_>> {
    let (SEQUENCE, rest) = bytes.split_first().map(|(tag, rest)| (*tag, rest))? else { return None };
    let incomplete = || (!is_cut).then_some(Message::Incomplete);
    let Some((content_len, content)) = length(rest) else { return incomplete() };
    let len = bytes.len() - content.len() + content_len;
    if content.len() < content_len && !is_cut {
        return Some(Message::Incomplete);
    }
    let [INTEGER, id_len @ 1..=4, after @ ..] = content else { return None };
    let (operation, rest) = after.get(usize::from(*id_len)..)?.split_first()?;
    let (_, body) = length(rest)?;
    Some(Message::Whole { len: len.min(bytes.len()), operation: *operation, body })
}

/// A length (X.690, 8.1.3) of at most four bytes, and what follows it.
fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    match first {
        0..=0x7f => Some((usize::from(*first), rest)),
        0x81..=0x84 => {
            let (number, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            Some((number.iter().fold(0, |len, byte| len << 8 | usize::from(*byte)), rest))
        }
        _ => None,
    }
}
