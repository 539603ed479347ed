//! XMPP's negotiation of TLS (RFC 6120, 5.4.2).

use super::bytes::contains;
use super::{Heard, PreludeStep, Refusal};

/// What a client's XML begins with. Nothing if the bytes are no XML.
pub(super) fn hear_request(bytes: &[u8], is_cut: bool) -> Option<Heard> {
    if bytes.first() != Some(&b'<') {
        return None;
    }
    Some(hear(bytes, is_cut, &[(b"<starttls", PreludeStep::Asked)]))
}

/// What the server answers.
pub(super) fn hear_answer(bytes: &[u8], is_cut: bool) -> Heard {
    let refused = PreludeStep::Refused(Refusal { code: None, reason: "the server does not start TLS" });
    hear(bytes, is_cut, &[(b"<proceed", PreludeStep::Agreed), (b"<failure", refused)])
}

fn hear(bytes: &[u8], is_cut: bool, elements: &[(&[u8], PreludeStep)]) -> Heard {
    let is_complete = is_cut || bytes.trim_ascii_end().ends_with(b">");
    match elements.iter().find(|(element, _)| contains(bytes, element)) {
        _ if !is_complete => Heard::Incomplete,
        Some((_, step)) => Heard::Step(bytes.len(), *step),
        None => Heard::Passed(bytes.len()),
    }
}
