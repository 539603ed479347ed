//! Words of a log as they leave this room: their secrets covered, their length bounded, nothing escaped.

use std::fmt;

use super::redact::{self, Known};
use super::text::head;
use crate::limits;

/// A log's own words, their secrets covered.
///
/// It is hostile text: anyone who can make a server log a line controls its content. So it has no `Display`, and what
/// [`raw`](Self::raw) returns must be escaped where it is printed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Quote(Box<str>);

impl Quote {
    /// Keeps `text` for as long as it is in this room, where most of what is kept at first is not kept in the end.
    /// [`seal`](Self::seal) is for those that leave.
    pub(super) fn held(text: &str) -> Self {
        // What is cut off may be the end of a secret, which is then covered up to the cut.
        Self(head(text.trim_end(), limits::LOG_TEXT_BYTES).into())
    }

    /// Covers the secrets, unless they are to be shown; `known` takes them in.
    pub(super) fn seal(&mut self, shows_secrets: bool, known: &mut Known) {
        if !shows_secrets {
            self.0 = redact::covered_and_known(&self.0, known).into();
        }
    }

    /// Covers secrets that are known from elsewhere in the logs.
    pub(super) fn cover(&mut self, known: &Known) {
        if let Some(safe) = known.covered(&self.0) {
            self.0 = safe.into();
        }
    }

    /// Keeps `text`, sealed.
    pub(super) fn new(text: &str, shows_secrets: bool) -> Self {
        let mut quote = Self::held(text);
        quote.seal(shows_secrets, &mut Known::default());
        quote
    }

    /// Replaces these words by others.
    pub fn replace(&mut self, words: impl FnOnce(&str) -> String) {
        self.0 = words(&self.0).into();
    }

    /// The words, not escaped.
    pub fn raw(&self) -> &str {
        &self.0
    }

    /// Bytes that it takes.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// With control characters written out, as every `Debug` of a text.
impl fmt::Debug for Quote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_and_their_secrets_covered() {
        let long = "ü".repeat(limits::LOG_TEXT_BYTES);
        assert_eq!(Quote::new(&long, false).len(), limits::LOG_TEXT_BYTES);
        assert_eq!(Quote::new("password=x", false).raw(), "password=[secret]");
        assert_eq!(Quote::new("password=x", true).raw(), "password=x");
    }
}
