//! Prose with code in it, as advice has it: `between backticks`.

/// The parts of a text, each with whether it is code.
pub(super) fn parts(text: &str) -> Vec<(bool, &str)> {
    let pieces: Vec<&str> = text.split('`').collect();
    // A backtick without a second one stands for itself.
    if pieces.len().is_multiple_of(2) {
        return vec![(false, text)];
    }
    pieces.into_iter().enumerate().map(|(index, piece)| (index % 2 == 1, piece)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_between_backticks() {
        assert_eq!(parts("run `a b`, then"), [(false, "run "), (true, "a b"), (false, ", then")]);
        assert_eq!(parts("one ` alone"), [(false, "one ` alone")]);
        assert_eq!(parts(""), [(false, "")]);
    }
}
