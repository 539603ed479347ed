//! What must not be shown: passwords, client secrets, tokens.

use std::fmt;

use zeroize::Zeroizing;

/// What replaces a secret.
const COVER: &str = "[secret]";

/// A text that is never printed, and whose memory is overwritten when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a text as a secret.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text, to be sent to its recipient.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// A text of a peer without this secret, should the peer have repeated it.
    pub fn cover(&self, text: &str) -> String {
        if self.0.is_empty() { text.to_owned() } else { text.replace(self.expose(), COVER) }
    }
}

/// Writes `*` over these bytes wherever they occur.
pub(super) fn cover(bytes: &mut [u8], secret: &[u8]) {
    if secret.is_empty() {
        return;
    }
    let mut from = 0;
    while let Some(place) =
        bytes.get(from..).and_then(|rest| rest.windows(secret.len()).position(|part| part == secret))
    {
        let end = from + place + secret.len();
        if let Some(part) = bytes.get_mut(from + place..end) {
            part.fill(b'*');
        }
        from = end;
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(COVER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_in_no_text() {
        let secret = Secret::new("correct horse".to_owned());
        assert_eq!(format!("{secret:?}"), "[secret]");
        assert_eq!(secret.cover("no user has correct horse"), "no user has [secret]");
        assert_eq!(Secret::new(String::new()).cover("as it is"), "as it is");
    }

    #[test]
    fn secret_bytes_are_covered_wherever_they_stand() {
        let mut bytes = b"ab-abc-ab".to_vec();
        cover(&mut bytes, b"ab");
        assert_eq!(bytes, b"**-**c-**");
        cover(&mut bytes, b"");
        cover(&mut bytes, b"longer than all of it");
        assert_eq!(bytes, b"**-**c-**");
    }
}
