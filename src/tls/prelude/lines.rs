//! Protocols of lines that are asked to start TLS: SMTP, IMAP, POP3 and FTP.

use super::{Heard, Prelude, PreludeStep, Refusal};

/// A client's line, and IMAP's tag where it has one. Nothing if the bytes are no text.
pub(super) fn hear_request(bytes: &[u8], is_cut: bool) -> Option<(Prelude, Heard, Vec<u8>)> {
    if !bytes.first().is_some_and(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) {
        return None;
    }
    let Some((line, len)) = first_line(bytes, is_cut) else {
        return Some((Prelude::Smtp, Heard::Incomplete, Vec::new()));
    };
    let words: Vec<_> = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).take(3).collect();
    let is = |word: &[u8], wanted: &str| word.eq_ignore_ascii_case(wanted.as_bytes());
    let asked = match words.as_slice() {
        [command] if is(command, "STARTTLS") => Some((Prelude::Smtp, Vec::new())),
        [command] if is(command, "STLS") => Some((Prelude::Pop3, Vec::new())),
        [command, how] if is(command, "AUTH") && ["TLS", "TLS-C", "SSL"].iter().any(|name| is(how, name)) => {
            Some((Prelude::Ftp, Vec::new()))
        }
        [tag, command] if is(command, "STARTTLS") && is_tag(tag) => Some((Prelude::Imap, tag.to_vec())),
        _ => None,
    };
    Some(match asked {
        Some((protocol, tag)) => (protocol, Heard::Step(len, PreludeStep::Asked), tag),
        None => (Prelude::Smtp, Heard::Passed(len), Vec::new()),
    })
}

/// Whether a word can be a tag that a client writes: RFC 9051, 9 allows more, which clients don't use and which words of
/// other protocols have.
fn is_tag(word: &[u8]) -> bool {
    word.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

/// A server's line after the client asked.
pub(super) fn hear_answer(protocol: Prelude, tag: &[u8], bytes: &[u8], is_cut: bool) -> Heard {
    let Some((line, len)) = first_line(bytes, is_cut) else { return Heard::Incomplete };
    let answer = match protocol {
        Prelude::Smtp => numbered(line, 220),
        // RFC 4217, 4.1; 334 is what servers of the drafts reply.
        Prelude::Ftp => numbered(line, 234),
        Prelude::Pop3 => match line {
            [b'+', b'O', b'K', ..] => Some(PreludeStep::Agreed),
            [b'-', b'E', b'R', b'R', ..] => Some(refused(None)),
            _ => None,
        },
        _ => {
            let mut words = line.split(u8::is_ascii_whitespace);
            match (words.next(), words.next()) {
                (Some(first), Some(answer)) if first == tag => {
                    let is_agreed = answer.eq_ignore_ascii_case(b"OK");
                    Some(if is_agreed { PreludeStep::Agreed } else { refused(None) })
                }
                _ => None,
            }
        }
    };
    answer.map_or(Heard::Passed(len), |step| Heard::Step(len, step))
}

/// A reply of three digits (RFC 5321, 4.2): agreed if it is the wanted one. Only a reply's last line counts.
fn numbered(line: &[u8], wanted: u16) -> Option<PreludeStep> {
    let code = std::str::from_utf8(line.get(..3)?).ok()?.parse().ok()?;
    match line.get(3) {
        Some(b'-') => None,
        _ if code == wanted => Some(PreludeStep::Agreed),
        _ => Some(refused(Some(code))),
    }
}

fn refused(code: Option<u16>) -> PreludeStep {
    PreludeStep::Refused(Refusal { code, reason: "the server does not start TLS" })
}

/// The first line without its end, and its length with it. A line that the snaplen cut counts as far as it goes.
fn first_line(bytes: &[u8], is_cut: bool) -> Option<(&[u8], usize)> {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => Some((bytes.get(..end)?, end + 1)),
        None => is_cut.then_some((bytes, bytes.len())),
    }
}
