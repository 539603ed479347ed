//! Secrets that no mark separates from their names: commands of Cisco's devices, sentences, and JSON that names a field apart from its
//! value.

use std::ops::Range;

use super::names::{ends_like, is_name, next_name, secret_name};

/// Finds them in `text`.
pub(super) fn spoken(text: &str, secrets: &mut Vec<Range<usize>>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(Range { start, end }) = next_name(bytes, at) {
        at = end;
        let (before, name, after) = (&text[..start], &text[start..at], &text[at..]);
        let value = quoted(name, after).or_else(|| command(before, name, after));
        let value = value.or_else(|| sentence(name, after)).or_else(|| field(before, name, after));
        let value = value.or_else(|| adjoining(before, name, after));
        secrets.extend(value.map(|value| at + value.start..at + value.end));
    }
}

/// `idtoken "X"`, `secret 'X' invalid`.
fn quoted(name: &str, after: &str) -> Option<Range<usize>> {
    let value = after.strip_prefix(' ')?.trim_start();
    let quote = value.chars().next().filter(|first| matches!(first, '"' | '\''))?;
    let inside = value[1..].split(quote).next().filter(|inside| inside.len() > 3)?;
    let start = after.len() - value.len() + 1;
    secret_name(name.as_bytes()).then_some(start..start + inside.len())
}

/// `enable secret 9 X`, `username admin password 7 X`, `snmp-server community X RO`, `license smart trust idtoken X all`.
fn command(before: &str, name: &str, after: &str) -> Option<Range<usize>> {
    /// What a command that holds a key begins with.
    const KEYED: [&str; 4] = ["tacacs", "radius", "isakmp", "ikev2"];
    let is = |names: &[&str]| names.iter().any(|known| ends_like(name.as_bytes(), known.as_bytes()));
    let is_keyed = is(&["key"]) && KEYED.iter().any(|begin| before.contains(begin));
    let is_certain = is_keyed || is(&["idtoken"]) || is(&["community"]) && before.ends_with("snmp-server ");
    let is_likely = is(&["psk", "passphrase", "api_key", "token"]);
    let mut words = words(after);
    let first = words.next()?;
    // Cisco's types of encryption have one digit.
    let is_type = first.len() == 1 && after[first.clone()].starts_with(|digit: char| digit.is_ascii_digit());
    let value = if is_type { words.next()? } else { first };
    let is_typed = is_type && is(&["secret", "password", "key", "key_string"]);
    let is_value = is_certain || is_typed || is_likely && is_no_word(&after[value.clone()]);
    is_value.then_some(value)
}

/// `password is X`, `Password for 'admin' is: X`. A word of letters says what is the matter with it.
fn sentence(name: &str, after: &str) -> Option<Range<usize>> {
    /// Words between the name and what it is.
    const BETWEEN: usize = 4;
    if !secret_name(name.as_bytes()) || !after.starts_with(' ') {
        return None;
    }
    let mut words = words(after);
    let is = |word: &Range<usize>| matches!(&after[word.clone()], "is" | "is:" | "was" | "was:");
    words.by_ref().take(BETWEEN).find(is)?;
    words.next().filter(|value| is_no_word(&after[value.clone()]))
}

/// `"name":"password","value":"X"`, `"password":{"value":"X"}`; an OAuth code or a Digest's response, which have names of other things.
fn field(before: &str, name: &str, after: &str) -> Option<Range<usize>> {
    const MD5: usize = 32;
    let (mark, value) = after.split_once([':', '='])?;
    if mark.len() > 2 || !mark.bytes().all(|byte| matches!(byte, b'"' | b' ')) {
        return None;
    }
    let value = value.trim_start_matches([' ', '"']);
    let end = value.find([' ', '"', '\'', '&', ',', ';', '}']).unwrap_or(value.len());
    let start = after.len() - value.len();
    let value = &value[..end];
    let is_secret = match name {
        "value" => {
            let before = before.trim_end_matches(['"', ',', ':', '{', ' ']);
            let from = before.rfind(|letter: char| !letter.is_ascii() || !is_name(letter as u8));
            let named = before.get(from.map_or(0, |at| at + 1)..).unwrap_or_default();
            !named.is_empty() && secret_name(named.as_bytes())
        }
        "code" => before.ends_with(['?', '&']) && !value.bytes().all(|byte| byte.is_ascii_digit()),
        "sig" | "psk" => true,
        "response" => value.len() == MD5 && value.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "auth" => value.contains(':'),
        "AUTH" => has_digits(value),
        _ => false,
    };
    (is_secret && end > 0).then_some(start..start + end)
}

/// `password X`, `passwd (X)`, `password;X`: what has letters and digits is no word of a sentence. After a command, any word is the value.
fn adjoining(before: &str, name: &str, after: &str) -> Option<Range<usize>> {
    const PASSWORDS: [&str; 11] = [
        "password",
        "passwd",
        "pwd",
        "passcode",
        "passwort",
        "kennwort",
        "secret",
        "pre_shared_key",
        "authentication_key",
        "key_string",
        "requirepass",
    ];
    /// Marks and spaces between the name and its value.
    const MARKS: usize = 3;
    // Commands of SMTP, POP and Redis, whose names are words otherwise.
    let is_upper = matches!(name, "PASS" | "AUTH");
    if !is_upper && !PASSWORDS.iter().any(|known| ends_like(name.as_bytes(), known.as_bytes())) {
        return None;
    }
    let is_mark =
        |mark: &char| matches!(mark, ' ' | '\t' | '(' | '[' | '<' | '{' | ';' | ',' | '|' | '`' | '»' | '“');
    let marks: usize = after.chars().take(MARKS).take_while(is_mark).map(char::len_utf8).sum();
    let value = after.get(marks..).filter(|_| marks > 0)?;
    let len = value
        .find(|end: char| end.is_whitespace() || r#",;"'`|<>)]}&”«"#.contains(end))
        .unwrap_or(value.len());
    // IOS: `%PARSER-5-CFGLOG_LOGGEDCMD: User:admin  logged command:enable password X`.
    let command = before.trim_end().trim_end_matches("enable").trim_end();
    let is_command =
        command.ends_with("command:") && value.len() == len && len > 0 && !value.starts_with('*');
    (is_command || has_digits(&value[..len])).then_some(marks..marks + len)
}

/// Whether something has letters and digits, and is neither a method's name nor a duration.
fn has_digits(value: &str) -> bool {
    const LEAST: usize = 5;
    const METHODS: [&str; 18] = [
        "md5", "sha1", "sha2", "sha224", "sha256", "sha384", "sha512", "base64", "utf8", "utf16", "oauth2",
        "pbkdf2", "argon2", "argon2id", "pkcs8", "pkcs12", "x509", "ascii85",
    ];
    let value = value.trim_end_matches(['.', '!', '?']);
    let has = |what: fn(&char) -> bool| value.chars().any(|letter| what(&letter));
    let is_method = || {
        let plain: String = value.chars().filter(|letter| !matches!(letter, '-' | '_')).collect();
        METHODS.iter().any(|method| plain.eq_ignore_ascii_case(method))
    };
    let unit = value.trim_start_matches(|digit: char| digit.is_ascii_digit() || digit == '.');
    value.len() >= LEAST
        && has(char::is_ascii_digit)
        && has(|letter| letter.is_alphabetic())
        && !value.contains(['/', ':', '(', '='])
        && (unit.len() > 2 || unit.len() == value.len())
        && !is_method()
}

/// The words after a name, as far as one space separates each.
fn words(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = text.get(at..)?.strip_prefix(' ')?;
        let end = rest.find([' ', ',', ';', '"', ')']).unwrap_or(rest.len());
        let start = at + 1;
        at = start + end;
        (end > 0).then_some(start..at)
    })
}

/// Whether something is no word of a sentence: digits or marks are in it, or capitals after its beginning.
fn is_no_word(value: &str) -> bool {
    /// A status of HTTP is shorter.
    const LEAST: usize = 4;
    let value = value.trim_matches(['\'', '.', ':', '!']);
    let is_odd = |byte: u8| !byte.is_ascii_lowercase() && byte != b'-' && byte != b'\'';
    let is_number = value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    value.len() >= LEAST
        && !is_number
        && value.bytes().skip(1).any(is_odd)
        && !value.contains(['/', ':', '(', '='])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::covered;

    #[test]
    fn a_secret_after_its_name_alone_is_covered() {
        for (text, safe) in [
            ("license smart trust idtoken Ab3 all", "license smart trust idtoken [secret] all"),
            ("license smart trust idtoken \"Ab3d\"", "license smart trust idtoken \"[secret]\""),
            ("enable secret 9 $9$abc", "enable secret 9 [secret]"),
            (
                "username admin privilege 15 password 7 0822",
                "username admin privilege 15 password 7 [secret]",
            ),
            ("snmp-server community public RO", "snmp-server community [secret] RO"),
            ("tacacs server key s3", "tacacs server key [secret]"),
            ("crypto isakmp key s3 address 10.0.0.1", "crypto isakmp key [secret] address 10.0.0.1"),
            (r#"{"password":{"value":"s3"}}"#, r#"{"password":[secret]"value":"[secret]"}}"#),
            (r#"{"name":"password","value":"s3"}"#, r#"{"name":"password","value":"[secret]"}"#),
            ("wifi psk=s3 here", "wifi psk=[secret] here"),
            ("passphrase s3cR3t used", "passphrase [secret] used"),
            ("secret 's3cR' invalid", "secret '[secret]' invalid"),
            ("Password for 'admin' is: s3cR3t", "Password for 'admin' is: [secret]"),
            ("password is s3cR3t", "password is [secret]"),
            ("token s3cR3t expired", "token [secret] expired"),
            ("Api-Key s3cR3t", "Api-Key [secret]"),
            ("GET /cb?code=s3&x=1", "GET /cb?code=[secret]&x=1"),
            ("x?sig=s3&y", "x?sig=[secret]&y"),
            ("qop=auth, response=\"6629fae49393a05397450978507c4ef1\"", "qop=auth, response=\"[secret]\""),
            ("auth=admin:s3", "auth=[secret]"),
            ("MAIL AUTH=q7zAm", "MAIL AUTH=[secret]"),
            ("enable password q7zAm", "enable password [secret]"),
            (" password cisco123", " password [secret]"),
            ("INFO passwd (q768J)", "INFO passwd ([secret])"),
            ("key-string q7zAm, key-string 7 q7z", "key-string [secret], key-string 7 [secret]"),
            ("PASS q7zAm", "PASS [secret]"),
            ("password;q7SqfM", "password;[secret]"),
            ("user, Password, q7SqfM.", "user, Password, [secret]"),
            ("password|q7SqfM|x", "password|[secret]|x"),
            ("get token: password [q7SqfM]", "get token: password [[secret]]"),
            ("wrong secret pass-w0rd for admin", "wrong secret [secret] for admin"),
            (
                "User:a  logged command:enable password cisco",
                "User:a  logged command:enable password [secret]",
            ),
            ("User:a  logged command:password cisco", "User:a  logged command:password [secret]"),
        ] {
            assert_eq!(covered(text), safe);
        }
    }

    #[test]
    fn sentences_about_a_secret_stay() {
        for text in [
            "password is wrong",
            "The token is expired",
            "token request failed",
            "unexpected token '<' in JSON",
            "secret is not known",
            "code=401 response=200",
            "password for admin is required",
            "token endpoint https://10.0.0.1:8443/oauth/token",
            "the key exchange failed with 10.0.0.1",
            "User:a  logged command:enable password *",
            "enable password authentication",
            "a secret, SHA-256 of it, took 150ms",
            "password, sha256 and md5",
            "password 150ms 1.5s (401) [8443] 10.0.0.1",
            "the password; see https://h1/x2",
            "AUTH=LOGIN AUTH=sha256",
        ] {
            assert_eq!(covered(text), text);
        }
    }

    proptest! {
        #[test]
        fn any_words_are_covered_without_panic(text in "(password|token|value|code|key|is|'|\"|:|=| |[a-zü0-9]{1,4}){0,20}") {
            let _ = covered(&text);
        }
    }
}
