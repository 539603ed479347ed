//! One line for each verdict, each lookup without a usable answer and each reason of a check, in languages other than English. A language is a file: `code<tab>text` in each line, or `code/actor<tab>text` where a verdict that blames this actor means something else.

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

    /// What the code of a verdict, a lookup or a reason means; of `code/actor` what the code means with this actor.
    pub fn line(self, code: &str) -> Option<&'static str> {
        let line = |wanted: &str| {
            let mut lines = self.0.lines.lines();
            lines.find_map(|line| line.split_once('\t').filter(|(of, _)| *of == wanted).map(|(_, text)| text))
        };
        line(code).or_else(|| line(code.split_once('/')?.0))
    }
}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.code)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::analysis::LookupFault;
    use crate::probe::REASONS;
    use crate::verdict::RULES;

    #[test]
    fn every_language_has_a_line_for_every_code_and_no_other() {
        for language in LANGUAGES.iter().map(Language) {
            let verdicts = RULES.into_iter().map(|rule| rule.code.name());
            let lookups = LookupFault::ALL.into_iter().map(LookupFault::name);
            let reasons = REASONS.into_iter().map(|reason| reason.code);
            let codes: BTreeSet<_> = verdicts.chain(lookups).chain(reasons).collect();
            for code in &codes {
                assert!(language.line(code).is_some_and(|line| !line.is_empty()), "{language:?} {code}");
            }
            let lines = language.0.lines.lines().filter(|line| !line.starts_with('#'));
            let named: BTreeSet<_> = lines.filter_map(|line| line.split(['/', '\t']).next()).collect();
            assert_eq!(named, codes, "{language:?}");
        }
    }

    #[test]
    fn who_is_silent_is_said_by_name() {
        let language = Language::of("ja").expect("Japanese");
        let line = |name| language.line(name).expect("a line");
        assert_eq!(line("client-silent/client"), line("client-silent"));
        assert!(
            line("client-silent/server").contains("サーバー") && !line("client-silent").contains("サーバー")
        );
        assert_eq!(language.line("nothing/server"), None);
    }

    #[test]
    fn a_locale_names_its_language() {
        assert_eq!(Language::of("ja_JP.UTF-8"), Language::of("ja"));
        assert!(
            Language::of("JA").is_some() && Language::of("C.UTF-8").is_none() && Language::of("").is_none()
        );
    }
}
