//! What must not be shown: passwords, client secrets, tokens.
//!
//! Who repeats a secret may spell it in another way: as a form, a URL, JSON or HTML has it, in base64 or in hexadecimal. This module is the only
//! place that knows the spellings.

mod spelling;

use std::fmt;
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use self::spelling::lengths;

/// What replaces a secret.
const COVER: &str = "[secret]";

/// Fewest characters of a secret that count as its beginning where a text ends.
const LEAST_BEGUN: usize = 4;

/// The longest spelling of a character: `%25` several times over, or an entity.
const LONGEST_SPELLING: usize = 12;

/// Shortest hexadecimal form that is looked for.
const LEAST_HEXADECIMAL: usize = 8;

/// Shortest part of a secret's base64 that is looked for: less occurs by chance.
const LEAST_BASE64: usize = 4;

/// The same in base32, whose letters are those of words.
const LEAST_BASE32: usize = 8;

/// Fewest characters of a secret that are covered where a peer cut it: fewer may be a word of the peer's own.
const LEAST_CUT: usize = 8;

/// What a form leaves as it is (application/x-www-form-urlencoded).
const FORM: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_');

/// A text that is never printed, and whose memory is overwritten when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>, Cut);

/// Whether a beginning of a secret is secret.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cut {
    Secret,
    /// It begins with a user's name.
    Name,
}

impl Secret {
    /// Takes a text as a secret.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text), Cut::Secret)
    }

    /// What a user's name and password are sent as, and the password: the longest first, so that a shorter one leaves no rest of it.
    pub(super) fn of_login(user: &str, password: &Self) -> Vec<Self> {
        let named = |text: String| Self(Zeroizing::new(text), Cut::Name);
        let plain = named(format!("{user}:{}", password.expose()));
        let sent = named(STANDARD_NO_PAD.encode(plain.expose()));
        vec![sent, plain, password.clone()]
    }

    /// The text, to be sent to its recipient.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// A text of a peer without this secret, should the peer have repeated it, however it is spelled.
    pub fn cover(&self, text: &str) -> String {
        let mut covered = String::with_capacity(text.len());
        let mut from = 0;
        for place in self.places(text.as_bytes()) {
            covered.push_str(text.get(from..place.start).unwrap_or_default());
            covered.push_str(COVER);
            from = place.end;
        }
        covered.push_str(text.get(from..).unwrap_or_default());
        covered
    }

    /// The same of a text that may end in the middle of the secret.
    pub(super) fn cover_cut(&self, text: &str) -> String {
        if let Some(at) = self.cut_short(text.as_bytes()) {
            return format!("{}{COVER}", self.cover(text.get(..at).unwrap_or_default()));
        }
        let covered = self.cover(text);
        match self.begun(covered.as_bytes()) {
            Some(at) => format!("{}{COVER}", covered.get(..at).unwrap_or_default()),
            None => covered,
        }
    }

    /// Where the secret begins if these bytes end in the middle of it.
    fn begun(&self, text: &[u8]) -> Option<usize> {
        let needles = self.needles();
        (0..text.len()).find(|at| {
            let rest = text.get(*at..).unwrap_or_default();
            needles.iter().any(|needle| needle.is_begun(rest))
        })
    }

    /// Where the secret begins if these bytes end in the middle of it, and what came of it is enough to be covered: the rest may be a part of
    /// an escape.
    fn cut_short(&self, text: &[u8]) -> Option<usize> {
        let at = self.begun(text)?;
        self.places(text).iter().any(|place| place.start == at).then_some(at)
    }

    /// Writes `*` over this secret wherever these bytes contain it, however it is spelled.
    pub(super) fn cover_bytes(&self, bytes: &mut [u8]) {
        for place in self.places(bytes) {
            if let Some(part) = bytes.get_mut(place) {
                part.fill(b'*');
            }
        }
    }

    /// The same of bytes that may end in the middle of the secret.
    pub(super) fn cover_cut_bytes(&self, bytes: &mut [u8]) {
        let cut_short = self.cut_short(bytes);
        self.cover_bytes(bytes);
        if let Some(rest) = cut_short.or_else(|| self.begun(bytes)).and_then(|at| bytes.get_mut(at..)) {
            rest.fill(b'*');
        }
    }

    /// Where the secret is, in order and apart from each other.
    pub(super) fn places(&self, text: &[u8]) -> Vec<Range<usize>> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let needles = self.needles();
        let mut places = Vec::new();
        let mut at = 0;
        while at < text.len() {
            let rest = text.get(at..).unwrap_or_default();
            match needles.iter().filter_map(|needle| needle.spelled(rest)).max() {
                Some(len) if len > 0 => {
                    places.push(at..at + len);
                    at += len;
                }
                _ => at += 1,
            }
        }
        places
    }

    /// What is looked for.
    fn needles(&self) -> Vec<Needle> {
        let mut needles = self.in_base64();
        needles.extend(self.in_base32());
        let halves = self.0.bytes().flat_map(|byte| [byte >> 4, byte & 0xf]);
        let hexadecimal: String = halves.filter_map(|half| char::from_digit(half.into(), 16)).collect();
        if hexadecimal.len() >= LEAST_HEXADECIMAL {
            needles.push(Needle::new(hexadecimal, Encoding::Hexadecimal));
        }
        let plain =
            Needle { text: self.0.clone(), encoding: Encoding::Plain, may_be_cut: self.1 == Cut::Secret };
        needles.push(plain);
        needles
    }

    /// What is certain in its base64, and in that of the spellings that are sent in base64: in Basic it is form-encoded (RFC 6749, 2.3.1),
    /// in an object of JSON escaped, and what is in base64 already may be encoded once more.
    fn in_base64(&self) -> Vec<Needle> {
        let form = percent_encoding::utf8_percent_encode(&self.0, FORM).to_string();
        let json = serde_json::to_string(&*self.0).unwrap_or_default();
        let json = json.trim_matches('"');
        let mut texts = vec![self.0.clone()];
        for text in [form.replace("%20", "+"), form.clone(), json.to_owned(), json.replace('/', "\\/")] {
            if !texts.iter().any(|known| **known == text) {
                texts.push(Zeroizing::new(text));
            }
        }
        let mut encoded: Vec<_> = texts.iter().flat_map(|text| certain_base64(text.as_bytes())).collect();
        let again = certain_base64(self.0.as_bytes());
        let again = again.iter().filter(|text| text.len() >= LEAST_BASE32);
        let twice: Vec<_> = again.flat_map(|text| certain_base64(text.as_bytes())).collect();
        encoded.extend(twice);
        encoded.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
        encoded.dedup();
        encoded.iter().map(|text| Needle::new(text.to_string(), Encoding::Base64)).collect()
    }

    /// What is certain in its base32, where five bytes begin at one of five places (RFC 4648, 6).
    fn in_base32(&self) -> Vec<Needle> {
        const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let mut needles = Vec::new();
        for before in 0..5 {
            let bytes = Zeroizing::new([&[0; 4][..before], self.0.as_bytes()].concat());
            let bit = |at: usize| bytes.get(at / 8).map_or(0, |byte| byte >> (7 - at % 8) & 1);
            let letter = |at: usize| (0..5).fold(0, |value, next| value << 1 | bit(at * 5 + next));
            let certain = (before * 8).div_ceil(5)..bytes.len() * 8 / 5;
            let text: String = certain.map(|at| char::from(ALPHABET[usize::from(letter(at) & 31)])).collect();
            if text.len() >= LEAST_BASE32 {
                needles.push(Needle::new(text, Encoding::Base32));
            }
        }
        needles
    }
}

/// What is certain in the base64 of these bytes, of either alphabet, whatever precedes and follows them: three bytes begin at one of
/// three places (RFC 4648, 4).
fn certain_base64(text: &[u8]) -> Vec<Zeroizing<String>> {
    let mut encoded = Vec::new();
    for before in 0..3 {
        let bytes = Zeroizing::new([&[0; 2][..before], text].concat());
        let certain = (before * 8).div_ceil(6)..bytes.len() * 8 / 6;
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            let text = Zeroizing::new(engine.encode(bytes.as_slice()));
            let certain = text.get(certain.clone()).unwrap_or_default();
            if certain.len() >= LEAST_BASE64 {
                encoded.push(Zeroizing::new(certain.to_owned()));
            }
        }
    }
    encoded
}

/// How a secret is encoded where it is looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    /// Not at all; in any case.
    Plain,
    /// In base64, over one or several lines.
    Base64,
    /// In base32 of any case, over one or several lines.
    Base32,
    /// In hexadecimal digits of any case, with or without separators.
    Hexadecimal,
}

/// What is looked for.
struct Needle {
    text: Zeroizing<String>,
    encoding: Encoding,
    /// Whether its beginning is looked for too.
    may_be_cut: bool,
}

impl Needle {
    fn new(text: String, encoding: Encoding) -> Self {
        Self { text: Zeroizing::new(text), encoding, may_be_cut: false }
    }

    /// Whether a text ends in the middle of it, which it spells from its beginning.
    fn is_begun(&self, text: &[u8]) -> bool {
        let mut ends = vec![0];
        for (spelled, character) in self.text.chars().enumerate() {
            let is_over = |end: &usize| {
                let rest = text.get(*end..).unwrap_or_default();
                // The spelling of a character may be cut too.
                rest.is_empty() || rest.len() < LONGEST_SPELLING && matches!(rest, [b'%' | b'\\' | b'&', ..])
            };
            if spelled >= LEAST_BEGUN && ends.iter().any(is_over) {
                return true;
            }
            ends = self.step(text, &ends, character);
            if ends.is_empty() {
                return false;
            }
        }
        false
    }

    /// How many bytes of a text spell it from its beginning, the most if there are several ways to read it.
    fn spelled(&self, text: &[u8]) -> Option<usize> {
        let first = text.first()?;
        let own = self.text.as_bytes().first()?;
        // Nearly everywhere nothing begins, and what was captured may be megabytes.
        let is_plain = self.encoding == Encoding::Plain;
        let is_escape =
            matches!(first, b'%' | b'\\' | b'&' | b'+') || is_plain && matches!(first, b'=' | 0xe3 | 0xef);
        if !own.eq_ignore_ascii_case(first) && !is_escape {
            return None;
        }
        let mut ends = vec![0];
        for (spelled, (at, character)) in self.text.char_indices().enumerate() {
            let next = self.step(text, &ends, character);
            if next.is_empty() {
                let beginning = self.text.get(..at).unwrap_or_default();
                let is_cut = self.may_be_cut && spelled >= LEAST_CUT && is_no_word(beginning);
                return ends.into_iter().max().filter(|_| is_cut);
            }
            ends = next;
        }
        ends.into_iter().max()
    }

    /// Where a character's spellings end that follow what ended there.
    fn step(&self, text: &[u8], ends: &[usize], character: char) -> Vec<usize> {
        let mut next = Vec::new();
        for end in ends {
            let rest = text.get(*end..).unwrap_or_default();
            let broken = if *end == 0 { 0 } else { breaks(rest, self.encoding) };
            for skipped in [0, broken].into_iter().take(1 + usize::from(broken > 0)) {
                let rest = rest.get(skipped..).unwrap_or_default();
                let lengths = lengths(rest, character, self.encoding != Encoding::Base64);
                next.extend(lengths.into_iter().map(|len| end + skipped + len));
            }
        }
        next.sort_unstable();
        next.dedup();
        next
    }
}

/// Whether the beginning of a secret is no word that a peer may use by chance: it has letters and digits.
fn is_no_word(beginning: &str) -> bool {
    let has = |what: fn(char) -> bool| beginning.chars().any(what);
    has(char::is_alphabetic) && has(|character| character.is_ascii_digit())
}

/// The length of what may separate the characters of an encoding: ends of lines as any spelling has them, spaces, and colons between
/// hexadecimal digits.
fn breaks(text: &[u8], encoding: Encoding) -> usize {
    /// A line's end and some indentation.
    const MOST: usize = 16;
    if encoding == Encoding::Plain {
        // Where quoted-printable breaks a line (RFC 2045, 6.7).
        return [&b"=\r\n"[..], b"=\n"].iter().find(|end| text.starts_with(end)).map_or(0, |end| end.len());
    }
    let mut len = 0;
    for _ in 0..MOST {
        let rest = text.get(len..).unwrap_or_default();
        let spelled = |character: char| lengths(rest, character, false).into_iter().max();
        len += match rest.first() {
            Some(b'\r' | b'\n' | b' ' | b'\t') => 1,
            Some(b':' | b'-') if encoding == Encoding::Hexadecimal => 1,
            Some(b'%' | b'\\' | b'&') => ['\n', '\r', ' '].into_iter().find_map(spelled).unwrap_or(0),
            _ => 0,
        };
        if len == text.len() - rest.len() {
            break;
        }
    }
    len
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(COVER)
    }
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use proptest::prelude::*;

    use super::spelling::full_width;
    use super::*;

    #[test]
    fn a_secret_is_covered_in_hexadecimal_in_broken_base64_and_in_another_case() {
        let secret =
            Secret::new("a-secret-of-more-than-one-line-in-base64-at-60-columns-0123456789".to_owned());
        let encoded = STANDARD.encode(secret.expose());
        for (columns, end) in [(60, "\n"), (64, "\r\n"), (60, "\\n"), (76, "%0D%0A"), (20, "\\u000a  ")] {
            let lines: Vec<_> = encoded.as_bytes().chunks(columns).map(String::from_utf8_lossy).collect();
            let text = format!("no: {}", lines.join(end));
            let covered = secret.cover(&text);
            assert!(covered.starts_with("no: [secret]") && covered.len() < 26, "{text} {covered}");
        }
        let digits: Vec<_> = secret.expose().bytes().map(|byte| format!("{byte:02x}")).collect();
        for separator in ["", " ", ":", "\n"] {
            let text = digits.join(separator);
            assert_eq!(secret.cover(&text), "[secret]");
            assert_eq!(secret.cover(&text.to_uppercase()), "[secret]");
        }
        assert_eq!(secret.cover(&secret.expose().to_uppercase()), "[secret]");
        // What is plain has no separators.
        assert_eq!(Secret::new("ab cd".to_owned()).cover("a b c d"), "a b c d");
    }

    #[test]
    fn a_secret_shows_in_no_text() {
        let secret = Secret::new("correct horse".to_owned());
        assert_eq!(format!("{secret:?}"), "[secret]");
        assert_eq!(secret.cover("no user has correct horse"), "no user has [secret]");
        assert_eq!(Secret::new(String::new()).cover("as it is"), "as it is");
    }

    #[test]
    fn a_login_is_covered_as_a_whole() {
        let secrets = Secret::of_login("joe", &Secret::new("pa55word".to_owned()));
        let cover = |text: &str| secrets.iter().fold(text.to_owned(), |text, secret| secret.cover(&text));
        assert_eq!(cover("/x/am9lOnBhNTV3b3Jk/y"), "/x/[secret]/y");
        assert_eq!(cover("joe:pa55word, pa55word"), "[secret], [secret]");
    }

    #[test]
    fn secret_bytes_are_covered_wherever_they_are() {
        let covered = |bytes: &[u8], secret: &str| {
            let mut bytes = bytes.to_vec();
            Secret::new(secret.to_owned()).cover_bytes(&mut bytes);
            bytes
        };
        assert_eq!(covered(b"ab-abc-ab", "ab"), b"**-**c-**");
        assert_eq!(covered(b"**-**c-**", ""), b"**-**c-**");
        assert_eq!(covered(b"short", "longer than all of it"), b"short");
    }

    #[test]
    fn every_spelling_of_a_secret_is_covered() {
        let secret = Secret::new("p&s %\"ü/\\1".to_owned());
        for spelling in [
            "p&s %\"ü/\\1",
            "p%26s+%25%22%C3%BC%2F%5C1",
            "p%26s%20%25%22%c3%bc%2f%5c1",
            "p%2526s%2520%2525%2522%25c3%25bc%252f%255c1",
            r#"p&s %\"ü\/\\1"#,
            r#"p&s %\\\"ü/\\\\1"#,
            r"p\u0026s \u0025\u0022\u00FC\u002f\u005c1",
            "p&amp;s %&quot;&#252;/&#x5c;1",
        ] {
            assert_eq!(secret.cover(&format!("<{spelling}>")), "<[secret]>", "{spelling}");
        }
    }

    #[test]
    fn a_secret_is_covered_where_an_encoding_holds_an_encoding() {
        let text = "Zq8+vT/r4&w\"Xk=Lm9";
        let secret = Secret::new(text.to_owned());
        let escaped = |byte: fn(u8) -> String| text.bytes().map(byte).collect::<String>();
        let wide: String = text.chars().filter_map(full_width).collect();
        for spelling in [
            escaped(|byte| format!("\\{byte:03o}")),
            escaped(|byte| format!("={byte:02X}")),
            "Zq8+vT/r4&w=\r\n\"Xk=3DLm9".to_owned(),
            wide.clone(),
            wide.chars()
                .flat_map(|wide| format!("\\u{:04x}", u32::from(wide)).chars().collect::<Vec<_>>())
                .collect(),
        ] {
            assert_eq!(secret.cover(&format!("<{spelling}>")), "<[secret]>", "{spelling}");
        }
        let form = "Zq8%2BvT%2Fr4%26w%22Xk%3DLm9";
        let json = r#"{"a": 1, "client_secret": "Zq8+vT/r4&w\"Xk=Lm9"}"#;
        for inner in [form.to_owned(), format!("id:{form}"), json.to_owned(), STANDARD.encode(text)] {
            for before in ["", "x", "xy"] {
                let outer = STANDARD.encode(format!("{before}{inner}"));
                let covered = secret.cover(&outer);
                let left = inner.len() - inner.rfind("Zq8").unwrap_or(0);
                assert!(
                    covered.contains(COVER) && covered.len() + left < outer.len() + COVER.len(),
                    "{covered}"
                );
            }
        }
        // As Python's base64.b32encode has it.
        let base32 = "LJYTQK3WKQXXENBGO4RFQ2Z5JRWTS===";
        for spelling in [base32.to_owned(), base32.to_lowercase()] {
            assert!(secret.cover(&spelling).starts_with(COVER), "{spelling}");
        }
    }

    #[test]
    fn a_secret_that_a_peer_cut_is_covered_unless_its_beginning_is_a_word() {
        let secret = Secret::new("Zq8+vT/r4&w\"Xk=Lm9".to_owned());
        assert_eq!(secret.cover("client Zq8+vT/r4&w... is unknown"), "client [secret]... is unknown");
        assert_eq!(secret.cover("Zq8%2BvT%2Fr and Zq8+vT/"), "[secret] and Zq8+vT/");
        let worded = Secret::new("password-of-ssm-2026".to_owned());
        for text in ["password-of-ssm is wrong", "the password is wrong"] {
            assert_eq!(worded.cover(text), text);
        }
        for login in Secret::of_login("user01@example.net", &Secret::new("x9".to_owned())) {
            assert_eq!(login.cover("no user01@example.net here"), "no user01@example.net here");
        }
    }

    /// A secret's spellings, as servers have libraries write them.
    fn spellings(secret: &str) -> Vec<String> {
        let json = serde_json::to_string(secret).unwrap();
        let json = json[1..json.len() - 1].to_owned();
        let form: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        let url = percent_encoding::utf8_percent_encode(secret, percent_encoding::NON_ALPHANUMERIC);
        let units: Vec<_> = secret.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect();
        let twice = percent_encoding::utf8_percent_encode(&form, percent_encoding::NON_ALPHANUMERIC);
        vec![secret.to_owned(), json, url.to_string(), twice.to_string(), units.concat(), form]
    }

    proptest! {
        #[test]
        fn no_spelling_of_any_secret_is_left(secret in "\\PC{1,20}|[ -~]{1,20}", before in "[a-z ]{0,4}") {
            let covering = Secret::new(secret.clone());
            for spelling in spellings(&secret) {
                let covered = covering.cover(&format!("{before}{spelling}."));
                // What is around it may be the secret too, and is covered then.
                prop_assert!(covered.len() <= before.len() + COVER.len() * (2 + before.len()) + 1, "{} in {}", secret, covered);
            }
        }

        #[test]
        fn no_base64_of_any_secret_is_left(secret in "[!-~]{6,30}", user in "[a-z]{0,7}", after in "[a-z:]{0,3}") {
            let covering = Secret::new(secret.clone());
            let plain = format!("{user}:{secret}{after}");
            for text in [STANDARD.encode(&plain), URL_SAFE.encode(&plain)] {
                let covered = covering.cover(&text);
                prop_assert!(covered.contains(COVER), "{}", covered);
                prop_assert!(covered.replace(COVER, "").len() <= (user.len() + 1 + after.len()) * 4 / 3 + 8, "{}", covered);
            }
        }

        #[test]
        fn any_text_is_covered(secret: String, text: String, bytes: Vec<u8>) {
            let covering = Secret::new(secret);
            let _ = covering.cover(&text);
            let mut covered = bytes.clone();
            covering.cover_bytes(&mut covered);
            prop_assert_eq!(covered.len(), bytes.len());
        }
    }
}
