//! What a certificate's key may be used for (RFC 5280, 4.2.1.3), as far as TLS asks.

use std::fmt;

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;

/// The names of the bits, in their order.
const NAMES: [&str; 9] = [
    "digitalSignature",
    "nonRepudiation",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "keyCertSign",
    "cRLSign",
    "encipherOnly",
    "decipherOnly",
];

const DIGITAL_SIGNATURE: u16 = 1;
const KEY_ENCIPHERMENT: u16 = 1 << 2;
const KEY_AGREEMENT: u16 = 1 << 4;
const CERTIFICATE_SIGNATURE: u16 = 1 << 5;

/// The extension's bits, the first of them the lowest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyUsage(pub u16);

impl KeyUsage {
    /// That of a certificate; absent if it has no such extension, and any use is allowed.
    pub(super) fn of(certificate: &X509Certificate<'_>) -> Option<Self> {
        certificate.extensions().iter().find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::KeyUsage(usage) => Some(Self(usage.flags)),
            _ => None,
        })
    }

    /// Whether the key may sign a handshake, which ECDHE, DHE and TLS 1.3 need (RFC 8422, 5.3, RFC 8446, 4.4.2.2). Java and
    /// browsers ask for it.
    pub fn has_signature(self) -> bool {
        self.0 & DIGITAL_SIGNATURE != 0
    }

    /// Whether the key may sign certificates (RFC 5280, 6.1.4 n). webpki does not look at it; OpenSSL, Java and GnuTLS do.
    pub(super) fn may_sign_certificates(self) -> bool {
        self.0 & CERTIFICATE_SIGNATURE != 0
    }

    /// Whether OpenSSL takes it for a server's, whatever the key exchange (its `check_purpose_ssl_server`).
    pub fn is_of_server(self) -> bool {
        self.0 & (DIGITAL_SIGNATURE | KEY_ENCIPHERMENT | KEY_AGREEMENT) != 0
    }
}

impl fmt::Display for KeyUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = NAMES.iter().enumerate().filter(|(bit, _)| self.0 >> bit & 1 == 1);
        let names: Vec<_> = names.map(|(_, name)| *name).collect();
        f.write_str(if names.is_empty() { "nothing" } else { "" })?;
        f.write_str(&names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn java_asks_for_a_signature_and_openssl_for_any_use_of_a_server() {
        for (bits, has_signature, is_of_server, text) in [
            (0b1, true, true, "digitalSignature"),
            (0b100, false, true, "keyEncipherment"),
            (0b1_0000, false, true, "keyAgreement"),
            (0b10, false, false, "nonRepudiation"),
            (0b110_0000, false, false, "keyCertSign, cRLSign"),
            (0, false, false, "nothing"),
        ] {
            let usage = KeyUsage(bits);
            assert_eq!(
                (usage.has_signature(), usage.is_of_server()),
                (has_signature, is_of_server),
                "{text}"
            );
            assert_eq!(usage.to_string(), text);
        }
    }
}
