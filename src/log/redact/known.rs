//! Secrets that were covered once: they are covered wherever else the same logs have them, though no name precedes them there.

use std::collections::HashMap;
use std::fmt;

use super::{COVER, names::secret_name};
use crate::limits;

/// The secrets of some logs, so far.
#[derive(Clone, Default)]
pub(in crate::log) struct Known {
    /// By the longest run of letters and digits in each: where in it that begins, and the secret.
    by_run: HashMap<Box<str>, Vec<(usize, Box<str>)>>,
    count: usize,
    /// Secrets that are not remembered, because there were too many.
    pub beyond: u64,
}

/// Without the secrets.
impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Known").field("count", &self.count).finish_non_exhaustive()
    }
}

impl Known {
    /// Remembers a secret. What may as well be a word of the log itself is left out: letters in lower case alone, and short numbers.
    pub fn note(&mut self, secret: &str) {
        for word in secret.split_whitespace() {
            let word = word.trim_matches([',', ';', '.', '"', '\'']);
            // Where the name was covered with its secret.
            let named = word.split_once(['=', ':']).filter(|(name, _)| secret_name(name.as_bytes()));
            let word = named.map_or(word, |(_, value)| value);
            if may_be_sought(word) {
                self.insert(word);
            }
        }
    }

    fn insert(&mut self, secret: &str) {
        let Some((at, run)) = runs(secret).max_by_key(|(_, run)| run.len()) else { return };
        let known =
            self.by_run.get(run).is_some_and(|known| known.iter().any(|(_, other)| **other == *secret));
        if known {
            return;
        }
        if self.count >= limits::LOG_SECRETS {
            self.beyond += 1;
            return;
        }
        self.count += 1;
        self.by_run.entry(run.into()).or_default().push((at, secret.into()));
    }

    /// Takes in those of another log.
    pub fn extend(&mut self, other: Self) {
        self.beyond += other.beyond;
        for (_, secret) in other.by_run.into_values().flatten() {
            self.insert(&secret);
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// `text` with these secrets covered; `None` if it has none of them.
    pub fn covered(&self, text: &str) -> Option<String> {
        let (mut safe, mut from) = (String::new(), 0);
        for (at, run) in runs(text) {
            let Some(known) = self.by_run.get(run) else { continue };
            let found = known.iter().find_map(|(offset, secret)| {
                let start = at.checked_sub(*offset).filter(|start| *start >= from)?;
                let end = start + secret.len();
                let is_apart = |next: Option<char>| next.is_none_or(|next| !next.is_ascii_alphanumeric());
                let is_it = text.get(start..end) == Some(&**secret)
                    && is_apart(text[..start].chars().next_back())
                    && is_apart(text[end..].chars().next());
                is_it.then_some((start, end))
            });
            let Some((start, end)) = found else { continue };
            safe.push_str(&text[from..start]);
            safe.push_str(COVER);
            from = end;
        }
        (from > 0).then(|| safe + &text[from..])
    }
}

/// Whether a secret is long and odd enough to be looked for.
fn may_be_sought(word: &str) -> bool {
    const SHORT_NUMBER: usize = 8;
    let lens = limits::LOG_SECRET_BYTES;
    let is_short_number = word.len() < SHORT_NUMBER && word.bytes().all(|byte| byte.is_ascii_digit());
    let is_word = word
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'-' | b'.' | b':' | b'/'));
    let is_named = word.contains(COVER) || secret_name(word.as_bytes());
    lens.contains(&word.len()) && !is_word && !is_short_number && !is_named
}

/// The runs of letters and digits of ASCII, each with its place.
fn runs(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let bytes = text.as_bytes();
        let start = at + bytes.get(at..)?.iter().position(u8::is_ascii_alphanumeric)?;
        let len = bytes.get(start..)?.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        at = start + len;
        Some((start, text.get(start..at)?))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn knowing(secrets: &[&str]) -> Known {
        let mut known = Known::default();
        for secret in secrets {
            known.note(secret);
        }
        known
    }

    #[test]
    fn a_secret_is_covered_wherever_it_is_a_word_of_its_own() {
        let known = knowing(&["7f2a9c", "S3cr3t!Value", "Bearer Zx81-long"]);
        for (text, safe) in [
            (
                "failed for client 7f2a9c secret S3cr3t!Value",
                Some("failed for client [secret] secret [secret]"),
            ),
            ("x=7f2a9c&y=Zx81-long", Some("x=[secret]&y=[secret]")),
            ("(7f2a9c)7f2a9c", Some("([secret])[secret]")),
            ("7f2a9cd and x7f2a9c, S3cr3t Value, zx81-long", None),
            ("", None),
        ] {
            assert_eq!(known.covered(text).as_deref(), safe, "{text}");
        }
    }

    #[test]
    fn what_may_be_a_word_of_the_log_is_not_looked_for() {
        for secret in ["admin", "unknown", "invalid_client", "12345", "234567", "password", "Pw1", ""] {
            assert!(knowing(&[secret]).is_empty(), "{secret}");
        }
        assert!(!knowing(&["12345678"]).is_empty() && !knowing(&["Change-me"]).is_empty());
    }

    #[test]
    fn secrets_are_bounded_and_counted_once() {
        let mut known = Known::default();
        for number in 0..limits::LOG_SECRETS + 5 {
            known.note(&format!("Secret{number}"));
            known.note(&format!("Secret{number}"));
        }
        assert_eq!((known.count, known.beyond), (limits::LOG_SECRETS, 10));
    }

    proptest! {
        #[test]
        fn any_text_is_searched(secret: String, text: String) {
            let known = knowing(&[&secret, "ab-12X"]);
            for text in [text.clone(), format!("{secret}{text}ab-12X{secret}")] {
                let _ = known.covered(&text);
            }
        }
    }
}
