//! The names that a secret follows.

use std::ops::Range;

/// Names that a secret follows, as the end of a longer name too (`ssm_client_secret`, `X-Auth-Token`). Lower case,
/// with `_` for any of `_`, `-`, space and nothing.
const NAMES: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "pass_phrase",
    "passwort",
    "kennwort",
    "pass",
    "pwd",
    "pw",
    "secret",
    "token",
    "client_id",
    "api_key",
    "app_key",
    "access_key",
    "private_key",
    "secret_key",
    "secret_key_base",
    "pre_shared_key",
    "authentication_key",
    "encryption_key",
    "key_string",
    "requirepass",
    "authorization",
    "cookie",
    "session_id",
    "credential",
    "credentials",
    "assertion",
    "saml_response",
    "csrf",
    "xsrf",
    "nonce",
    "auth_code",
    "authorization_code",
    "otp",
    "jwt",
    "bearer",
    "idtoken",
    "sid",
    "sign",
    "signature",
];

/// Where the first name at or after `from` is.
pub(super) fn next_name(bytes: &[u8], from: usize) -> Option<Range<usize>> {
    let start = from + bytes.get(from..)?.iter().position(u8::is_ascii_alphabetic)?;
    let len = bytes.get(start..)?.iter().take_while(|byte| is_name(**byte)).count();
    Some(start..start + len)
}

pub(super) fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// Whether a name ends like one of [`NAMES`].
pub(super) fn secret_name(name: &[u8]) -> bool {
    NAMES.iter().any(|secret| ends_like(name, secret.as_bytes()))
}

/// Compared from the end; `_` of the pattern is any separator or none, and what precedes has to end with a separator or be a
/// word of its own (`inside` is no `sid`, `clientSecret` is a `secret`).
pub(super) fn ends_like(name: &[u8], pattern: &[u8]) -> bool {
    let mut rest = name;
    // Plurals: `tokens`, `cookies`.
    if rest.last().is_some_and(|last| last.eq_ignore_ascii_case(&b's')) && !pattern.ends_with(b"s") {
        rest = &rest[..rest.len() - 1];
    }
    for wanted in pattern.iter().rev() {
        if *wanted == b'_' {
            if let [before @ .., b'_' | b'-'] = rest {
                rest = before;
            }
            continue;
        }
        match rest {
            [before @ .., last] if last.eq_ignore_ascii_case(wanted) => rest = before,
            _ => return false,
        }
    }
    let begins_at = rest.len();
    match rest {
        [] | [.., b'_' | b'-' | b'0'..=b'9'] => true,
        // A hump: `accessToken`. Short words need one, long ones need none: `userpassword`.
        [..] => name.get(begins_at).is_some_and(u8::is_ascii_uppercase) || pattern.len() > 5,
    }
}
