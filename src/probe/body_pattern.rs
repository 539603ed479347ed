//! What the body of a page has to match.

use regex::bytes::{Regex, RegexBuilder};

use crate::limits;

/// A regular expression that a page's body must match somewhere, in the syntax of the `regex` crate: RE2's, which Go and
/// Prometheus have too. It takes linear time on any body.
#[derive(Clone, Debug)]
pub struct BodyPattern(Regex);

/// Why a text is no such expression.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BadPattern {
    /// What is wrong with it, and where.
    #[error("invalid regular expression: {0}")]
    Syntax(String),
    /// It needs more memory than it may.
    #[error("compiled, it takes more than {} KiB; use smaller repetitions", limits::BODY_PATTERN_BYTES / 1024)]
    TooLarge,
}

impl BodyPattern {
    /// Reads an expression.
    ///
    /// # Errors
    /// When it is not one, or too large.
    pub fn parse(text: &str) -> Result<Self, BadPattern> {
        let mut builder = RegexBuilder::new(text);
        builder.size_limit(limits::BODY_PATTERN_BYTES).dfa_size_limit(limits::BODY_PATTERN_CACHE_BYTES);
        builder.build().map(Self).map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => BadPattern::TooLarge,
            error => BadPattern::Syntax(in_one_line(&error.to_string())),
        })
    }

    /// The expression as it was written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether a body matches it.
    pub(super) fn is_in(&self, body: &[u8]) -> bool {
        self.0.is_match(body)
    }
}

impl PartialEq for BodyPattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for BodyPattern {}

/// The crate draws the expression, marks the place below it, and says why in the last line.
fn in_one_line(error: &str) -> String {
    /// Columns before the expression.
    const INDENT: usize = 4;
    let why = error.lines().rev().find_map(|line| line.strip_prefix("error: ")).unwrap_or(error);
    let is_mark =
        |line: &&str| line.trim_start().starts_with('^') && line.trim().chars().all(|mark| mark == '^');
    // An expression of several lines has another drawing.
    let mark = error.lines().nth(2).filter(is_mark).and_then(|line| line.find('^'));
    match mark.and_then(|column| column.checked_sub(INDENT)) {
        Some(before) => format!("{why}, at character {}", before + 1),
        None => why.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_in(pattern: &str, body: &[u8]) -> bool {
        BodyPattern::parse(pattern).unwrap().is_in(body)
    }

    #[test]
    fn a_word_matches_itself_and_an_expression_what_it_describes() {
        let body = b"<title>SSM On-Prem</title>\n<p>status: fine (7)</p>";
        for pattern in
            ["On-Prem", "status: (fine|ok)", "(?i)ssm on-prem", r"\(\d\)", "(?s)SSM.*fine", "(?m)^<p>"]
        {
            assert!(is_in(pattern, body), "{pattern}");
        }
        for pattern in ["on-prem", "SSM.*fine", "^<p>", "fine$", r"\d{2}"] {
            assert!(!is_in(pattern, body), "{pattern}");
        }
        // A body need not be UTF-8.
        assert!(is_in("M.nchen|caf", b"M\xfcnchen, caf\xe9"));
        assert!(is_in("", b""));
    }

    #[test]
    fn what_is_no_expression_is_named_in_one_line_with_its_place() {
        for (pattern, why) in [
            ("(a", "invalid regular expression: unclosed group, at character 1"),
            ("ab[c", "invalid regular expression: unclosed character class, at character 3"),
            ("é*a**(", "invalid regular expression: unclosed group, at character 6"),
            (
                r"(?=a)",
                "invalid regular expression: look-around, including look-ahead and look-behind, is not supported, at character 1",
            ),
            ("a\n(", "invalid regular expression: unclosed group"),
            (r"(\w{100}){100}", "compiled, it takes more than 2048 KiB; use smaller repetitions"),
        ] {
            let error = BodyPattern::parse(pattern).unwrap_err().to_string();
            assert_eq!(error, why, "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_an_expression_or_has_a_reason_in_one_line(text in "\\PC{0,20}|[a(){}\\[\\]*+?^$|\\\\.0-9,\n]{0,20}", body: Vec<u8>) {
            match BodyPattern::parse(&text) {
                Ok(pattern) => { let _ = pattern.is_in(&body); }
                Err(error) => prop_assert_eq!(error.to_string().lines().count(), 1),
            }
        }
    }
}
