//! Searching in text without regard to case, and cutting it.

/// The first bytes of `text`, whole characters, `most` at most.
pub(super) fn head(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// Whether `text` contains `needle`, which is lower-case ASCII, in any case.
pub(super) fn contains(text: &str, needle: &str) -> bool {
    find(text, needle).is_some()
}

/// Where `text` contains `needle`, lower-case ASCII, in any case.
pub(super) fn find(text: &str, needle: &str) -> Option<usize> {
    let first = *needle.as_bytes().first()?;
    let (bytes, needle) = (text.as_bytes(), needle.as_bytes());
    let begins = bytes.get(..(bytes.len() + 1).checked_sub(needle.len())?)?;
    memchr::memchr2_iter(first, first.to_ascii_uppercase(), begins)
        .find(|at| bytes.get(*at..at + needle.len()).is_some_and(|piece| piece.eq_ignore_ascii_case(needle)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_at_a_whole_character() {
        assert_eq!(head("aü", 2), "a");
        assert_eq!(head("aü", 3), "aü");
    }

    #[test]
    fn words_are_found_in_any_case() {
        assert_eq!(find("x Connect Timed Out", "connect timed out"), Some(2));
        assert!(!contains("time", "timed"));
        assert_eq!(
            (find("timed", "timed"), find("", "t"), find("xTIMED", "timed")),
            (Some(0), None, Some(1))
        );
    }
}
