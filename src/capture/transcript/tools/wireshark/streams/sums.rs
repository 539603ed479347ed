//! Which rows the bytes belong to that an acknowledgement shows and no row's number does.

use super::CANDIDATES;

/// Largest payload that is believed of a row that shows no length, in bytes.
pub(super) const MOST_PAYLOAD: u32 = 1 << 16;

/// The places of rows whose lengths add up to `missing`: one, or several in their order, the earliest first.
pub(super) fn adding_up(candidates: &[(usize, u32)], missing: u32) -> Vec<usize> {
    if missing == 0 || missing > MOST_PAYLOAD * CANDIDATES as u32 {
        return Vec::new();
    }
    if let Some((at, _)) = candidates.iter().find(|(_, len)| *len == missing) {
        return vec![*at];
    }
    let mut chosen = Vec::new();
    let mut steps = MOST_STEPS;
    if choose(candidates, missing, &mut chosen, &mut steps) { chosen } else { Vec::new() }
}

/// Sums that are tried; rows of several streams between two hosts seldom mix.
const MOST_STEPS: usize = 4096;

fn choose(candidates: &[(usize, u32)], missing: u32, chosen: &mut Vec<usize>, steps: &mut usize) -> bool {
    let Some(((at, len), rest)) = candidates.split_first() else { return false };
    let Some(left) = steps.checked_sub(1) else { return false };
    *steps = left;
    if *len > 0 && *len <= missing {
        chosen.push(*at);
        if *len == missing || choose(rest, missing - len, chosen, steps) {
            return true;
        }
        chosen.pop();
    }
    choose(rest, missing, chosen, steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_several_streams_are_distinguished() {
        let candidates = [(0, 1448), (1, 300), (2, 1448), (3, 200)];
        assert_eq!(adding_up(&candidates, 300), [1]);
        assert_eq!(adding_up(&candidates, 1748), [0, 1]);
        assert_eq!(adding_up(&candidates, 500), [1, 3]);
        assert!(adding_up(&candidates, 7).is_empty());
    }
}
