//! The caveat on a silence in a capture with drops.

use std::borrow::Cow;

use crate::story::Story;

/// A text, followed by the [`caveat`].
pub(in crate::verdict) fn with_caveat(story: &Story, text: &'static str) -> Cow<'static, str> {
    match caveat(story) {
        caveat if caveat.is_empty() => Cow::Borrowed(text),
        caveat => format!("{text}{caveat}").into(),
    }
}

/// A sentence on drops, where packets were dropped: a silence may be the capture's fault.
pub(in crate::verdict) fn caveat(story: &Story) -> String {
    match story.capture.dropped {
        Some(dropped) if dropped > 0 => format!(
            " The capture dropped {dropped} packets: the reply may have arrived without being captured."
        ),
        _ => String::new(),
    }
}
