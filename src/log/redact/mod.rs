//! The one place that covers secrets in a log's words: passwords, client ids and secrets, tokens, cookies, keys.
//!
//! Whatever looks like one is covered. A word too many costs a reader little, a token in a report that is sent to a vendor costs an
//! account. Names of users stay: the fault is often theirs.

mod known;
mod names;
mod spoken;

use std::ops::Range;

pub(super) use self::known::Known;
use self::names::{ends_like, next_name, secret_name};
use self::spoken::spoken;
use super::text::find;

/// The replacement for a secret.
pub(super) const COVER: &str = "[secret]";

/// Names that sentences end with too: `Failed to get a token: Connection refused`. A word of letters after them is no secret.
const ALSO_WORDS: &[&str] = &["token", "credential", "signature", "pass"];

/// Names whose secret is the rest of the line: header fields of several words (RFC 9110, 11.6.2; RFC 6265, 4.2).
const TO_THE_END: &[&str] = &["authorization", "cookie"];

/// What programs put where a secret was, and this one; the closing bracket is not part of the value.
const COVERS: &[&str] =
    &["[secret", "[filtered", "[redacted", "[hidden", "[masked", "[removed", "[FILTERED]", "[secret]"];

/// Schemes of an `Authorization` field that may be written without its name.
const SCHEMES: &[&str] = &["bearer ", "basic ", "digest ", "negotiate ", "ntlm "];

/// `text` with its secrets covered.
#[cfg(test)]
pub(super) fn covered(text: &str) -> String {
    covered_and_known(text, &mut Known::default())
}

/// `text` with its secrets covered, which `known` takes in.
pub(super) fn covered_and_known(text: &str, known: &mut Known) -> String {
    let mut secrets = Vec::new();
    named(text, &mut secrets);
    spoken(text, &mut secrets);
    schemes(text, &mut secrets);
    user_information(text, &mut secrets);
    user_option(text, &mut secrets);
    keys(text, &mut secrets);
    token_like(text, &mut secrets);
    secrets.sort_unstable_by_key(|secret| (secret.start, secret.end));
    let mut safe = String::with_capacity(text.len());
    let mut from = 0;
    for secret in secrets {
        if secret.end <= from {
            continue;
        }
        known.note(text.get(secret.clone()).unwrap_or_default());
        if secret.start >= from {
            safe.push_str(text.get(from..secret.start).unwrap_or_default());
            safe.push_str(COVER);
        }
        from = secret.end;
    }
    safe.push_str(text.get(from..).unwrap_or_default());
    safe
}

/// `name=value`, `"name": "value"`, `name => 'value'`, `<name>value</name>`, `--name value`.
fn named(text: &str, secrets: &mut Vec<Range<usize>>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(Range { start, end }) = next_name(bytes, at) {
        at = end;
        let name = &bytes[start..at];
        let option = text.get(..start).is_some_and(|before| before.ends_with("--"));
        if two_words(text, start, &mut at) || secret_name(name) {
            let name = text.get(start..at).unwrap_or_default();
            if let Some(value) = value_after(text, at, name, option) {
                at = value.end.max(at);
                secrets.push(value);
            }
        }
    }
}

/// `Client ID: ...`, `client secret = ...`: names of two words.
fn two_words(text: &str, start: usize, at: &mut usize) -> bool {
    const NAMES: [&str; 7] =
        ["client id", "pass phrase", "api key", "access key", "private key", "session id", "secret key"];
    let Some(rest) = text.get(start..).filter(|_| text.as_bytes().get(*at) == Some(&b' ')) else {
        return false;
    };
    let begins = |name: &&&str| rest.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name));
    let known = NAMES.iter().find(begins);
    *at = known.map_or(*at, |name| start + name.len());
    known.is_some()
}

/// The value of a name that ends at `at`.
fn value_after(text: &str, at: usize, name: &str, is_option: bool) -> Option<Range<usize>> {
    let rest = text.get(at..)?;
    let trimmed = unmarked(rest);
    let has_space = rest.starts_with(' ');
    let separators = ["=>", ":=", "==", "::", "->", "=", ":", ">", "%3D", "%3d"];
    let separator = separators.iter().find(|mark| trimmed.starts_with(**mark));
    let after = match separator {
        Some(mark) => trimmed.get(mark.len()..)?,
        // `--client-secret VALUE`
        None if is_option && has_space => trimmed,
        None => return None,
    };
    let value = after.trim_start_matches(['\\', ' ', '\t', '\u{a0}']);
    let value = value.strip_prefix("&quot;").unwrap_or(value);
    // A list, all of which is secret: `"passwords":["a","b"]`.
    if let Some(list) = value.strip_prefix('[').filter(|list| list.starts_with(['"', '\''])) {
        let start = text.len() - list.len();
        return Some(start..start + list.find(']').unwrap_or(list.len()));
    }
    let quote = value.chars().next().filter(|first| matches!(first, '"' | '\''));
    let value = quote.map_or(value, |_| &value[1..]);
    let start = text.len() - value.len();
    let to_the_end = TO_THE_END.iter().any(|field| find(name, field).is_some());
    let len = match quote {
        Some(quote) => quoted_len(value, quote),
        None if to_the_end => {
            // `-H 'Authorization: ...'`: the rest of what is quoted.
            let opened = text.get(..at).and_then(|before| before.strip_suffix(name)?.chars().next_back());
            let closes = |next: char| {
                matches!(next, '\r' | '\n')
                    || next == '"' && opened == Some('"')
                    || next == '\'' && opened == Some('\'')
            };
            value.find(closes).unwrap_or(value.len())
        }
        None => value
            .find(|next: char| {
                next.is_whitespace() || matches!(next, ',' | ';' | '&' | '"' | '\'' | '<' | '}' | ')' | ']')
            })
            .unwrap_or(value.len()),
    };
    let value = value.get(..len)?;
    let is_plain =
        ["", "null", "nil", "none", "true", "false"].iter().any(|plain| value.eq_ignore_ascii_case(plain));
    let may_be_word = quote.is_none()
        && after.starts_with(' ')
        && ALSO_WORDS.iter().any(|word| ends_like(name.as_bytes(), word.as_bytes()));
    let is_word = may_be_word && value.len() < 20 && value.bytes().all(|byte| byte.is_ascii_alphabetic());
    let is_covered = COVERS.iter().any(|cover| value.eq_ignore_ascii_case(cover))
        || value.bytes().all(|byte| byte == b'*');
    // `/oauth/token: 401 Unauthorized`
    let is_status = may_be_word && value.len() == 3 && value.bytes().all(|byte| byte.is_ascii_digit());
    let is_label = !to_the_end && is_label(text, start..start + len);
    (!is_plain && !is_covered && !is_word && !is_status && !is_label).then_some(start..start + len)
}

/// What follows the marks that close a name.
fn unmarked(mut text: &str) -> &str {
    loop {
        text = text.trim_start_matches(['"', '\'', '\\', ' ', '\t', '\u{a0}', '[', ']', '*']);
        match text.strip_prefix("&quot;") {
            Some(rest) => text = rest,
            None => return text,
        }
    }
}

/// Whether a value is the name of another secret, whose value follows: `get token: client_secret: "X"`, `token: --password X`. A
/// password may be such a word itself, so that a mark or an option's dashes have to say that it is a name.
fn is_label(text: &str, value: Range<usize>) -> bool {
    let (Some(word), Some(after)) = (text.get(value.clone()), text.get(value.end..)) else { return false };
    let option = word.trim_start_matches('-');
    let name = option.trim_end_matches([':', '=', '>', '\\']);
    if two_words(text, value.start, &mut value.end.clone()) {
        return true;
    }
    let is_marked = name.len() < option.len() || unmarked(after).starts_with([':', '=']);
    // `user[password]=X`
    let name = name.rsplit(['[', '.', '{']).next().unwrap_or(name);
    secret_name(name.as_bytes()) && (is_marked || word.starts_with("--"))
}

/// Up to the closing quote, past those that a backslash precedes.
fn quoted_len(value: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, next) in value.char_indices() {
        match next {
            // JSON inside JSON: `\"token\":\"...\"` ends with the next `\"`.
            _ if is_escaped && next == quote => return at - 1,
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if next == quote => return at,
            _ => {}
        }
    }
    value.len()
}

/// `Bearer eyJ...` without a name in front.
fn schemes(text: &str, secrets: &mut Vec<Range<usize>>) {
    for scheme in SCHEMES {
        let mut from = 0;
        while let Some(at) = text.get(from..).and_then(|rest| find(rest, scheme)) {
            let start = from + at + scheme.len();
            let rest = text.get(start..).unwrap_or_default();
            let len = rest.bytes().take_while(|byte| is_token(*byte) || matches!(byte, b'/' | b'.')).count();
            let is_word = rest.bytes().take(len).all(|byte| byte.is_ascii_lowercase());
            if len >= 8 && !is_word {
                secrets.push(start..start + len);
            }
            from = start;
        }
    }
}

/// `https://user:password@host` (RFC 3986, 3.2.1).
fn user_information(text: &str, secrets: &mut Vec<Range<usize>>) {
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find("://")) {
        let start = from + at + 3;
        let rest = text.get(start..).unwrap_or_default();
        let authority = rest.find(['/', '?', '#', ' ', '"', '\'', '>', ')']).map_or(rest, |end| &rest[..end]);
        if let Some(len) = authority.rfind('@') {
            secrets.push(start..start + len);
        }
        from = start;
    }
}

/// `curl -u user:password`.
fn user_option(text: &str, secrets: &mut Vec<Range<usize>>) {
    for option in [" -u ", " --user ", " --proxy-user "] {
        let mut from = 0;
        while let Some(at) = text.get(from..).and_then(|rest| rest.find(option)) {
            let start = from + at + option.len();
            let rest = text.get(start..).unwrap_or_default();
            let word = rest.split([' ', '"', '\'']).next().unwrap_or_default();
            if let Some(colon) = word.find(':').filter(|colon| colon + 1 < word.len()) {
                secrets.push(start + colon + 1..start + word.len());
            }
            from = start;
        }
    }
}

/// A key in PEM (RFC 7468) after its first line, and lines of nothing but base64.
fn keys(text: &str, secrets: &mut Vec<Range<usize>>) {
    if let Some(at) = find(text, "private key-----") {
        let start = at + "private key-----".len();
        if start < text.len() {
            secrets.push(start..text.len());
        }
    }
    let line = text.trim();
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    if line.len() >= 40 && line.bytes().all(is_base64) && line.bytes().any(|byte| byte.is_ascii_digit()) {
        let start = text.len() - text.trim_start().len();
        secrets.push(start..start + line.len());
    }
}

/// Runs of characters that look like chance: client ids, tokens, hashes.
fn token_like(text: &str, secrets: &mut Vec<Range<usize>>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        while bytes.get(at).is_some_and(|byte| is_token(*byte)) {
            at += 1;
        }
        let run = &bytes[start..at];
        if looks_random(run) {
            // The parts of a JSON Web Token (RFC 7519) hang together by dots.
            while run.starts_with(b"eyJ")
                && bytes.get(at).is_some_and(|byte| is_token(*byte) || *byte == b'.')
            {
                at += 1;
            }
            secrets.push(start..at);
        }
        at += usize::from(at == start);
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+' | b'=' | b'~')
}

fn looks_random(run: &[u8]) -> bool {
    const HASH: usize = 40;
    const LONG: usize = 32;
    const SHORT: usize = 20;
    if run.starts_with(b"eyJ") && run.len() >= SHORT {
        return true;
    }
    if run.len() >= HASH && run.iter().all(u8::is_ascii_hexdigit) {
        return true;
    }
    // Amazon's names of access keys.
    if run.len() == SHORT && (run.starts_with(b"AKIA") || run.starts_with(b"ASIA")) {
        return true;
    }
    let has = |what: fn(&u8) -> bool| run.iter().any(what);
    if run.len() < SHORT
        || !has(u8::is_ascii_digit)
        || !has(u8::is_ascii_lowercase)
        || !has(u8::is_ascii_uppercase)
    {
        return false;
    }
    // Names have a number at their end or between words; chance puts digits everywhere.
    let changes = run
        .windows(2)
        .filter(|pair| {
            pair[0].is_ascii_digit() != pair[1].is_ascii_digit() && pair.iter().all(u8::is_ascii_alphanumeric)
        })
        .count();
    changes >= if run.len() >= LONG { 2 } else { 4 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_way_to_write_a_secret_is_covered() {
        for (text, safe) in [
            (
                r#"{"error":"x","client_id":"z92D","client_secret": "s3"}"#,
                r#"{"error":"x","client_id":"[secret]","client_secret": "[secret]"}"#,
            ),
            (
                "grant_type=password&client_id=abc&client_secret=def&username=admin&password=p%20w",
                "grant_type=password&client_id=[secret]&client_secret=[secret]&username=admin&password=[secret]",
            ),
            (
                r#"Parameters: {"client_id"=>"abc", "password"=>"[FILTERED]"}"#,
                r#"Parameters: {"client_id"=>"[secret]", "password"=>"[FILTERED]"}"#,
            ),
            ("Authorization: Bearer abc.def x", "Authorization: [secret]"),
            ("-H 'Authorization: Basic dXNlcjpwdw==' -k", "-H 'Authorization: [secret]' -k"),
            ("got Bearer abc123DEF for it", "got Bearer [secret] for it"),
            ("Set-Cookie: JSESSIONID=abc; Path=/", "Set-Cookie: [secret]"),
            ("https://admin:pw@proxy.example:3128/", "https://[secret]@proxy.example:3128/"),
            ("<ssmClientSecret>abc</ssmClientSecret>", "<ssmClientSecret>[secret]</ssmClientSecret>"),
            ("Client ID: abc, Client Secret = def", "Client ID: [secret], Client Secret = [secret]"),
            ("--client-secret abc --host h", "--client-secret [secret] --host h"),
            (r#"{\"access_token\":\"abc\",\"x\":1}"#, r#"{\"access_token\":\"[secret]\",\"x\":1}"#),
            ("id z92Dss3_SVnlhUXURJV97gdf03ukxSE5_shD3vB7llyl2YKAaJkGh8nbYSRWYCzN end", "id [secret] end"),
            ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-def_g end", "jwt [secret] end"),
            ("token d41d8cd98f00b204e9800998ecf8427ed41d8cd9 x", "token [secret] x"),
            ("license smart trust idtoken=AbC", "license smart trust idtoken=[secret]"),
            ("userPassword: 'it is'", "userPassword: '[secret]'"),
            ("-----BEGIN PRIVATE KEY-----MIIE", "-----BEGIN PRIVATE KEY-----[secret]"),
            ("password=\"a b c", "password=\"[secret]"),
            ("Cookie: a=1; session=\"cookS3cret\"; x", "Cookie: [secret]"),
            ("Authorization: Digest username=\"u\", response=\"6629\"", "Authorization: [secret]"),
            ("Set-Cookie: x; PASSWORD = \"upS3cret\"", "Set-Cookie: [secret]"),
            ("-H \"Cookie: a='b'; c\" -k", "-H \"Cookie: [secret]\" -k"),
            ("PASSWORD = \"upS3cret\" end", "PASSWORD = \"[secret]\" end"),
            ("password=[brackS3cret]", "password=[secret]]"),
            ("password: 123", "password: [secret]"),
            ("curl -u admin:hunter3 https://h/", "curl -u admin:[secret] https://h/"),
            (
                "pass=a pw=b --pass c passwort=d pass phrase: \"e\"",
                "pass=[secret] pw=[secret] --pass [secret] passwort=[secret] pass phrase: \"[secret]\"",
            ),
            ("key AKIAIOSFODNN7EXAMPLE end", "key [secret] end"),
            ("get token: client_secret: \"q7mk\", x", "get token: client_secret: \"[secret]\", x"),
            ("get token: client_secret=\"q7 mk\"", "get token: client_secret=\"[secret]\""),
            ("get token: client_secret\":\"q7mk\"", "get token: client_secret\":\"[secret]\""),
            ("get token: password = q7mk", "get token: password = [secret]"),
            ("get secret: --password q7mk", "get secret: --password [secret]"),
            ("the secret: Client ID: q7mk", "the secret: Client ID: [secret]"),
            ("password: secret", "password: [secret]"),
            ("get token: \"client_secret\"=>\"Hunt3r\"", "get token: \"client_secret\"=>\"[secret]\""),
            ("get token: \"idToken\":\"Hunt3r\"", "get token: \"idToken\":\"[secret]\""),
            ("get token: user[password]=Hunt3r", "get token: user[password]=[secret]"),
            ("password[]=Hunt3r", "password[]=[secret]"),
            ("get token: \"password\":[\"Hunt3r\",\"b\"]", "get token: \"password\":[[secret]]"),
            ("password:\tHunt3r", "password:\t[secret]"),
            ("password\u{a0}=\u{a0}Hunt3r", "password\u{a0}=\u{a0}[secret]"),
            ("password -> Hunt3r, password == Hunt3r", "password -> [secret], password == [secret]"),
            ("userPassword:: SHVudDNy", "userPassword:: [secret]"),
            ("&quot;password&quot;:&quot;Hunt3r&quot;", "&quot;password&quot;:&quot;[secret]&quot;"),
            ("secret_key_base: Hunt3r", "secret_key_base: [secret]"),
            ("WWW-Authenticate: NTLM TlRMTVNTUAAB", "WWW-Authenticate: NTLM [secret]"),
            ("password=token=q7mk", "password=[secret]"),
            ("Cookie: token= q7mk; b", "Cookie: [secret]"),
        ] {
            assert_eq!(covered(text), safe);
        }
    }

    #[test]
    fn the_words_that_explain_a_fault_stay() {
        for text in [
            "Failed to query https://198.51.100.20:8443/oauth/token: 401 Unauthorized",
            r#"Failed to authenticate user - 'admin'. {"error": "invalid_client", "error_description": "Client authentication failed due to unknown client"}"#,
            "method=POST path=/oauth/token format=json controller=Doorkeeper::TokensController action=create status=401 duration=23.91",
            "10.66.76.85 - - [13/Jan/2023:11:17:01 +0000] \"POST /oauth/token HTTP/1.1\" 401 53 \"-\" \"Java/17.0.15\"",
            "javax.net.ssl.SSLHandshakeException: PKIX path building failed: unable to find valid certification path to requested target",
            "\tat com.viptela.vmanage.server.SmartLicensingIntegrationRestfulResource$Proxy12.get(SmartLicensingUtil.java:112) [classes:]",
            "Connect to ssm.example:8443 [ssm.example/10.106.66.55] failed: Connection refused",
            "2023/07/13 11:17:01 [error] 47#47: *1576 connect() failed (111: Connection refused) while connecting to upstream, client: 10.66.76.85",
            "1.2.3.4 inside: nothing, beside: it, redesign: done",
            "Basic authentication failed for user",
            "RestAPI proxy settings: none",
            "Failed to get a token: Connection refused",
        ] {
            assert_eq!(covered(text), text);
        }
    }

    proptest! {
        #[test]
        fn no_secret_shows_whatever_surrounds_it(
            before in "[a-z ,:{}\\[\\]\"=]{0,30}",
            name in proptest::sample::select(vec!["password", "client_secret", "client_id", "access_token", "X-Auth-Token", "apiKey", "Authorization"]),
            separator in proptest::sample::select(vec!["=", ":", ": ", "=>", " = ", "\": \"", "\"=>\""]),
            secret in "S[0-9]{3}[A-Z0-9]{1,12}",
            after in "([ ,;&}].{0,30})?",
        ) {
            let text = format!("{before} {name}{separator}{secret}{after}");
            prop_assert!(!covered(&text).contains(&secret), "{:?}", covered(&text));
        }

        #[test]
        fn any_text_is_covered_without_panic(text in any::<String>(), mixed in "[a-z:=\"'\\\\ ->üA-Z0-9]{0,60}") {
            let _ = covered(&text);
            let safe = covered(&mixed);
            prop_assert!(covered(&safe).len() <= safe.len() + COVER.len() * mixed.len());
        }
    }
}
