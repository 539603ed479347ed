//! Known words that are spelt like an unknown one.

use strsim::levenshtein;

/// The known words nearest to a word, nearest first, at most `most`.
pub fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>, most: usize) -> Vec<&'a str> {
    let word = word.to_lowercase();
    let mut near: Vec<_> = known.map(|known| (levenshtein(&word, known), known)).collect();
    near.sort_by_key(|(distance, _)| *distance);
    near.into_iter().take(most).map(|(_, known)| known).collect()
}

/// The nearest of some words, if it is nearly the same: at most two letters apart, and not the word itself.
pub fn near<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = nearest(word, known, 1).first().copied()?;
    (1..=2).contains(&levenshtein(word, near)).then_some(near)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_comes_first() {
        assert_eq!(nearest("Raed", ["live", "read", "check"].into_iter(), 1), ["read"]);
    }
}
