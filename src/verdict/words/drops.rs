//! The reserve that a capture with drops puts on a silence.

use std::borrow::Cow;

use crate::story::Story;

/// A text, and behind it what [`caveat`] adds.
pub(in crate::verdict) fn with_caveat(story: &Story, text: &'static str) -> Cow<'static, str> {
    match caveat(story) {
        caveat if caveat.is_empty() => Cow::Borrowed(text),
        caveat => format!("{text}{caveat}").into(),
    }
}

/// Says that a silence may be the capture's fault, where packets were dropped.
pub(in crate::verdict) fn caveat(story: &Story) -> String {
    match story.capture.dropped {
        Some(dropped) if dropped > 0 => format!(
            " The capture dropped {dropped} packets, so the missing answer may have come without being captured."
        ),
        _ => String::new(),
    }
}
