//! Sentences of this program that quote what names somebody.

use std::net::IpAddr;

use super::StandIns;

/// Words of this program that have the form of a host's name.
const OWN_WORDS: [&str; 1] = ["resolv.conf"];

impl StandIns {
    /// Replaces phrases, each by its counterpart, then addresses, then words that have a stand-in or the form of a host's name.
    pub(super) fn sentence(&mut self, sentence: &str, phrases: &[(String, String)]) -> String {
        let mut phrases: Vec<_> = phrases.iter().filter(|(phrase, _)| phrase.len() > 1).collect();
        // What contains another one comes before it.
        phrases.sort_by_key(|(phrase, _)| std::cmp::Reverse(phrase.len()));
        self.pieces(sentence, &phrases)
    }

    /// What is between phrases is looked at by itself: a stand-in has none.
    fn pieces(&mut self, sentence: &str, phrases: &[&(String, String)]) -> String {
        for (index, (phrase, stand_in)) in phrases.iter().enumerate() {
            if let Some((before, after)) = sentence.split_once(phrase.as_str()) {
                let before = self.pieces(before, phrases.get(index + 1..).unwrap_or_default());
                return before + stand_in + &self.pieces(after, phrases.get(index..).unwrap_or_default());
            }
        }
        let is_of_address = |letter: char| letter.is_ascii_hexdigit() || ".:".contains(letter);
        let mut replaced = String::with_capacity(sentence.len());
        for (word, is_word) in runs(sentence, is_of_address) {
            match self.place(word).filter(|_| is_word) {
                Some(place) => replaced.push_str(&place),
                None => replaced.push_str(word),
            }
        }
        let is_of_name = |letter: char| letter.is_alphanumeric() || "._-".contains(letter);
        let named = runs(&replaced, is_of_name)
            .map(|(word, is_word)| if is_word { self.word(word) } else { word.to_owned() });
        named.collect()
    }

    /// An address, perhaps with a port, and with what ends a sentence after it.
    pub(super) fn place(&mut self, word: &str) -> Option<String> {
        let text = word.trim_end_matches(['.', ':']);
        let end = word.get(text.len()..).unwrap_or_default();
        if let Ok(address) = text.parse::<IpAddr>() {
            return Some(format!("{}{end}", self.address(address)));
        }
        let (host, port) = text.rsplit_once(':')?;
        let address = host.parse::<std::net::Ipv4Addr>().ok()?;
        Some(format!("{}:{port}{end}", self.address(address.into())))
    }

    fn word(&mut self, word: &str) -> String {
        let text = word.trim_end_matches('.');
        let end = word.get(text.len()..).unwrap_or_default();
        let is_known = self.names.contains_key(text);
        let is_name = || {
            let last = text.rsplit_once('.').map(|(_, last)| last).unwrap_or_default();
            let has_form = last.len() > 1 && last.starts_with(char::is_alphabetic);
            has_form && !OWN_WORDS.contains(&text)
        };
        if is_known || is_name() { self.name(text) + end } else { word.to_owned() }
    }
}

/// A text in runs of characters that are, and that are not, of this kind.
fn runs(text: &str, is_of_kind: impl Fn(char) -> bool) -> impl Iterator<Item = (&str, bool)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let is_word = is_of_kind(rest.chars().next()?);
        let len = rest.find(|letter| is_of_kind(letter) != is_word).unwrap_or(rest.len());
        let (run, after) = rest.split_at(len);
        rest = after;
        Some((run, is_word))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_and_names_of_a_sentence_are_replaced_and_its_own_words_stay() {
        let mut stand_ins = StandIns::default();
        stand_ins.written_host("ssm");
        let mut of = |text: &str| stand_ins.sentence(text, &[("/bank/x".to_owned(), "/path-1".to_owned())]);
        for (sentence, redacted) in [
            ("connect to 10.9.0.2:8443", "connect to 192.0.2.1:8443"),
            ("connect to [fd00::9:2]:8443", "connect to [2001:db8::1]:8443"),
            (
                "asked 10.9.0.3:53 for ssm.bank.test: NOERROR: 10.9.0.2, in 0.3 s",
                "asked 192.0.2.2:53 for h2xxx.example: NOERROR: 192.0.2.1, in 0.3 s",
            ),
            ("asked 10.9.0.3:53 for ssm: no answer", "asked 192.0.2.2:53 for h1x: no answer"),
            ("/etc/resolv.conf has no server. TLS 1.3 is.", "/etc/resolv.conf has no server. TLS 1.3 is."),
            ("asked 10.9.0.3:53 for ssm.xn--p1ai: NXDOMAIN", "asked 192.0.2.2:53 for h3xx.example: NXDOMAIN"),
            ("GET /bank/x", "GET /path-1"),
            ("a tunnel to ssm.bank.test.", "a tunnel to h2xxx.example."),
        ] {
            assert_eq!(of(sentence), redacted);
        }
    }

    proptest! {
        #[test]
        fn any_sentence_is_redacted_without_a_panic(sentence: String, phrase: String) {
            StandIns::default().sentence(&sentence, &[(phrase, "x".to_owned())]);
        }

        #[test]
        fn no_name_or_address_is_left(name in "[a-z]{2,9}[.][a-z0-9]{1,9}[.]test", address: [u8; 4], before in "[a-z ,(]{0,9} ", after in "[ ,):.]?") {
            prop_assume!(address[0] != 127 && address[0] < 224 && address != [0; 4]);
            let address = std::net::Ipv4Addr::from(address);
            prop_assume!(!address.is_documentation());
            let sentence = format!("{before}{name}{after} {address}{after}");
            let redacted = StandIns::default().sentence(&sentence, &[]);
            prop_assert!(!redacted.contains(&name), "{}", redacted);
            prop_assert!(!redacted.split([' ', ',', ')', ':']).any(|word| word.trim_end_matches('.') == address.to_string()), "{}", redacted);
        }
    }
}
