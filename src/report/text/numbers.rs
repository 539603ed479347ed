//! How numbers are written in sentences.

/// `1 packet`, `1,204 packets`.
pub(in crate::report) fn count(number: u64, one: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {one}{plural}", grouped(number))
}

/// `once`, `twice`, `1,204 times`.
#[cfg(feature = "command")]
pub(in crate::report) fn times(number: u64) -> String {
    match number {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        number => format!("{} times", grouped(number)),
    }
}

/// `1,204`.
pub(in crate::report) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "command")]
    #[test]
    fn how_often_has_words_of_its_own() {
        assert_eq!([1, 2, 3_000].map(times), ["once", "twice", "3,000 times"]);
    }

    #[test]
    fn numbers_are_grouped_and_their_nouns_agree() {
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!((count(1, "packet").as_str(), count(0, "packet").as_str()), ("1 packet", "0 packets"));
    }
}
