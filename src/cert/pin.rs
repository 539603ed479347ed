//! Pins of public keys, as curl's `--pinnedpubkey` has them.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

/// What a pin begins with: the digest's name.
const SHA256: &str = "sha256//";

/// The SHA-256 of a public key's DER (SubjectPublicKeyInfo, RFC 5280, 4.1). A certificate that is renewed with the same key keeps it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Pin(pub [u8; 32]);

impl Pin {
    /// Creates the pin of a public key.
    pub fn of_key(der: &[u8]) -> Self {
        Self(Sha256::digest(der).into())
    }

    /// Creates the pin of a certificate's public key; `None` if it is not X.509.
    pub fn of_certificate(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        Some(Self::of_key(certificate.public_key().raw))
    }

    /// From `sha256//` and the digest in base64.
    pub fn parse(text: &str) -> Option<Self> {
        let digest = STANDARD.decode(text.strip_prefix(SHA256)?).ok()?;
        Some(Self(digest.try_into().ok()?))
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SHA256}{}", STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cert::samples::sample;

    #[test]
    fn a_pin_is_that_of_the_key_as_openssl_and_curl_compute_it() {
        // openssl x509 -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64
        let pin = Pin::of_certificate(&sample("server")).unwrap();
        assert_eq!(pin.to_string(), "sha256//lvk7S+cxi13NqwQkg6BpWhui+0f+NHiKSwfoaVf5BNA=");
        assert_eq!(Pin::parse(&pin.to_string()), Some(pin));
        assert_eq!(Pin::of_certificate(b"no certificate"), None);
    }

    #[test]
    fn what_is_no_digest_of_32_bytes_is_no_pin() {
        let digest = STANDARD.encode([7; 32]);
        assert_eq!(Pin::parse(&format!("sha256//{digest}")), Some(Pin([7; 32])));
        for text in [
            "",
            "sha256//",
            &digest,
            "sha256//AAAA",
            "sha1//AAAA",
            &format!("sha256//{digest} "),
            &format!("SHA256//{digest}"),
        ] {
            assert_eq!(Pin::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_have_a_pin_or_none(der: Vec<u8>, text: String) {
            let _ = (Pin::of_certificate(&der), Pin::parse(&text));
        }
    }
}
