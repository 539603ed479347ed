//! What the user's terminal can show, by the locale.

use std::env;

/// Whether the locale's character set is UTF-8. Where no locale is set, as in a service's environment, it counts as such.
pub fn is_utf8() -> bool {
    let value =
        ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(env::var_os).find(|value| !value.is_empty());
    value.is_none_or(|value| names_utf8(&value.to_string_lossy()))
}

/// Whether its terminals may draw arrows and marks two columns wide, as fonts of Chinese, Japanese and Korean do (UAX #11).
pub fn is_east_asian() -> bool {
    let name = of("LC_CTYPE");
    ["ja", "ko", "zh"].iter().any(|language| name.starts_with(language))
}

/// The locale of messages, whose language the user reads: `ja_JP.UTF-8`.
pub fn language() -> String {
    of("LC_MESSAGES")
}

/// The locale of a category (POSIX.1-2017, 8.2); empty if none is set.
fn of(category: &str) -> String {
    let set =
        ["LC_ALL", category, "LANG"].into_iter().filter_map(env::var_os).find(|value| !value.is_empty());
    set.map(|value| value.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Whether a locale's name has UTF-8 as its character set (POSIX.1-2017, 8.2: `language[_territory][.codeset]`).
fn names_utf8(name: &str) -> bool {
    let codeset = name.split_once('.').map(|(_, codeset)| codeset.split('@').next().unwrap_or(codeset));
    codeset.is_some_and(|codeset| matches!(codeset.to_ascii_lowercase().as_str(), "utf-8" | "utf8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_names_its_character_set() {
        assert!(names_utf8("en_US.UTF-8") && names_utf8("C.utf8") && names_utf8("de_DE.utf8@euro"));
        assert!(
            !names_utf8("C")
                && !names_utf8("POSIX")
                && !names_utf8("de_DE.ISO-8859-1")
                && !names_utf8("ja_JP.eucJP")
        );
    }
}
