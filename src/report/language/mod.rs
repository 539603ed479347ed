//! One line for each verdict in languages other than English. A language is a file: `code<tab>text` in each line.

use std::fmt;

/// A language that reports can add a line in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Language(&'static Texts);

/// What there is in a language.
#[derive(PartialEq, Eq)]
struct Texts {
    code: &'static str,
    lines: &'static str,
}

/// All languages, each a file here.
static LANGUAGES: [Texts; 1] = [Texts { code: "ja", lines: include_str!("ja.txt") }];

impl Language {
    /// A language by its name, or by that of a locale: `ja`, `ja_JP.UTF-8`.
    pub fn of(name: &str) -> Option<Self> {
        let code = name.split(['_', '-', '.', '@']).next().unwrap_or(name);
        LANGUAGES.iter().find(|texts| texts.code.eq_ignore_ascii_case(code)).map(Self)
    }

    /// The names of all languages.
    pub fn codes() -> impl Iterator<Item = &'static str> {
        LANGUAGES.iter().map(|texts| texts.code)
    }

    /// Its code: `ja`.
    pub fn code(self) -> &'static str {
        self.0.code
    }

    /// What a verdict's code means.
    pub fn line(self, code: &str) -> Option<&'static str> {
        self.0
            .lines
            .lines()
            .find_map(|line| line.split_once('\t').filter(|(of, _)| *of == code))
            .map(|(_, text)| text)
    }
}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::RULES;

    #[test]
    fn every_language_has_a_line_for_every_code_and_no_other() {
        for language in LANGUAGES.iter().map(Language) {
            for rule in RULES {
                assert!(
                    language.line(rule.code.name()).is_some_and(|line| !line.is_empty()),
                    "{language:?} {}",
                    rule.code
                );
            }
            let lines = language.0.lines.lines().filter(|line| !line.starts_with('#'));
            assert_eq!(lines.count(), RULES.len(), "{language:?}");
        }
    }

    #[test]
    fn a_locale_names_its_language() {
        assert_eq!(Language::of("ja_JP.UTF-8"), Language::of("ja"));
        assert!(
            Language::of("JA").is_some() && Language::of("C.UTF-8").is_none() && Language::of("").is_none()
        );
    }
}
