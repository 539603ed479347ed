//! One certificate, read.

use std::fmt::Write as _;
use std::net::IpAddr;

use sha2::{Digest, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{AttributeTypeAndValue, SubjectPublicKeyInfo, X509Name};

use super::date::Date;
use super::key_usage::KeyUsage;
use super::oid;
use super::pin::Pin;
use crate::limits;

/// A certificate as it was sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Certificate {
    /// The SHA-256 of its DER, by which people and programs compare certificates.
    pub sha256: [u8; 32],
    /// Its contents; absent if it is no X.509 certificate.
    pub details: Option<Details>,
}

/// What a certificate contains (RFC 5280, 4.1). Names are raw: what is printed must be escaped.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Details {
    /// Its owner: `O=Example, CN=ssm.example`.
    pub subject: String,
    /// Who signed it, in the same form.
    pub issuer: String,
    /// The subject's common name, which counts as a host's name where there are no alternative names.
    pub common_name: Option<String>,
    /// Subject alternative names: hosts' names, `*` included, and addresses.
    pub names: Vec<String>,
    /// Further ones beyond [`limits::CERTIFICATE_NAMES`].
    pub further_names: usize,
    /// The first second at which it is valid.
    pub not_before: Option<Date>,
    /// The last.
    pub not_after: Option<Date>,
    /// The kind of its key: `RSA`, `P-256`, `Ed25519`; an object identifier where it is unknown.
    pub key: String,
    /// The RSA modulus's length in bits; other kinds have theirs in their name.
    pub rsa_bits: Option<usize>,
    /// What the key may be used for; absent if nothing restricts it.
    pub usage: Option<KeyUsage>,
    /// The digest of its key, by which clients pin it.
    pub pin: Pin,
    /// How it is signed: `RSA with SHA-256`; an object identifier where that is unknown.
    pub signature: String,
    /// Whether it may sign others.
    pub is_ca: bool,
    /// Whether subject and issuer are the same, as of a self-signed certificate.
    pub is_self_issued: bool,
    /// The identifier of its key (RFC 5280, 4.2.1.2); absent if it has none, or one longer than any digest.
    pub(crate) own_key: Option<Vec<u8>>,
    /// The identifier of the key that signed it (RFC 5280, 4.2.1.1), with the same restriction.
    pub(crate) issuer_key: Option<Vec<u8>>,
}

impl Certificate {
    /// Reads DER.
    pub fn read(der: &[u8]) -> Self {
        let details = X509Certificate::from_der(der).ok().map(|(_, certificate)| Details::of(&certificate));
        Self { sha256: Sha256::digest(der).into(), details }
    }

    /// The SHA-256 in hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        self.sha256.iter().fold(String::new(), |mut text, byte| {
            // Writing to a string can't fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

impl Details {
    pub(super) fn of(certificate: &X509Certificate<'_>) -> Self {
        /// The longest digest in use, SHA-512's.
        const DIGEST_BYTES: usize = 64;
        let (own_key, issuer_key) = key_identifiers(certificate);
        let identifier = |key: Option<&[u8]>| key.filter(|key| key.len() <= DIGEST_BYTES).map(<[u8]>::to_vec);
        let mut details = Self {
            subject: name(certificate.subject()),
            issuer: name(certificate.issuer()),
            common_name: certificate.subject().iter_common_name().last().map(value),
            not_before: Some(Date(certificate.validity().not_before.timestamp())),
            not_after: Some(Date(certificate.validity().not_after.timestamp())),
            usage: KeyUsage::of(certificate),
            pin: Pin::of_key(certificate.public_key().raw),
            signature: oid::word(&oid::SIGNATURES, &certificate.signature_algorithm.algorithm.to_id_string()),
            is_ca: certificate.is_ca(),
            // By name, and by key where the certificate has both keys' identifiers.
            is_self_issued: certificate.subject().as_raw() == certificate.issuer().as_raw()
                && own_key.zip(issuer_key).is_none_or(|(own, issuer)| own == issuer),
            own_key: identifier(own_key),
            issuer_key: identifier(issuer_key),
            ..Self::default()
        };
        (details.key, details.rsa_bits) = key(certificate.public_key());
        for extension in certificate.extensions() {
            if let ParsedExtension::SubjectAlternativeName(alternatives) = extension.parsed_extension() {
                for name in alternatives.general_names.iter().filter_map(host) {
                    if details.names.len() < limits::CERTIFICATE_NAMES {
                        details.names.push(name);
                    } else {
                        details.further_names += 1;
                    }
                }
            }
        }
        details
    }

    /// Its key with the length: `RSA 2048`, `P-256`.
    pub fn key_text(&self) -> String {
        match self.rsa_bits {
            Some(bits) => format!("{} {bits}", self.key),
            None => self.key.clone(),
        }
    }

    /// What people call it: its common name, or the whole subject.
    pub fn title(&self) -> &str {
        self.common_name.as_deref().unwrap_or(&self.subject)
    }
}

/// The identifiers of a certificate's own key and of the one that signed it (RFC 5280, 4.2.1.1 and 4.2.1.2).
fn key_identifiers<'a>(certificate: &'a X509Certificate<'_>) -> (Option<&'a [u8]>, Option<&'a [u8]>) {
    let mut own = None;
    let mut issuer = None;
    for extension in certificate.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(key) => own = Some(key.0),
            ParsedExtension::AuthorityKeyIdentifier(key) => {
                issuer = key.key_identifier.as_ref().map(|key| key.0);
            }
            _ => {}
        }
    }
    (own, issuer)
}

/// A name in the order in which it is encoded, as OpenSSL prints it.
fn name(name: &X509Name<'_>) -> String {
    let attribute = |attribute: &AttributeTypeAndValue<'_>| {
        let kind = oid::word(&oid::ATTRIBUTES, &attribute.attr_type().to_id_string());
        format!("{kind}={}", value(attribute))
    };
    kept(name.iter_attributes().map(attribute).collect::<Vec<_>>().join(", "))
}

/// As much of a text as is kept, and `…` for the rest.
fn kept(mut text: String) -> String {
    if text.len() > limits::CERTIFICATE_TEXT_BYTES {
        let end = (0..=limits::CERTIFICATE_TEXT_BYTES).rev().find(|place| text.is_char_boundary(*place));
        text.truncate(end.unwrap_or(0));
        text.push('…');
    }
    text
}

/// RFC 5280, 4.1.2.4: UTF8String and PrintableString as a rule, BMPString in old certificates.
fn value(attribute: &AttributeTypeAndValue<'_>) -> String {
    const BMP_STRING: u32 = 30;
    let bytes = attribute.as_slice();
    if attribute.attr_value().header.tag().0 == BMP_STRING {
        let units = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
        return kept(
            char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect(),
        );
    }
    kept(String::from_utf8_lossy(bytes).into_owned())
}

/// The alternative names that a TLS client compares.
fn host(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some(kept((*name).to_owned())),
        GeneralName::IPAddress(bytes) => {
            let four = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            let address = four.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from)).ok()?;
            Some(address.to_string())
        }
        _ => None,
    }
}

fn key(info: &SubjectPublicKeyInfo<'_>) -> (String, Option<usize>) {
    let algorithm = info.algorithm.algorithm.to_id_string();
    match info.parsed() {
        Ok(PublicKey::RSA(key)) => {
            let zeros = key.modulus.iter().take_while(|byte| **byte == 0).count();
            let modulus = &key.modulus[zeros..];
            let unused = modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
            ("RSA".to_owned(), Some(modulus.len() * 8 - unused))
        }
        Ok(PublicKey::EC(_)) => {
            let curve = info.algorithm.parameters.as_ref().and_then(|curve| curve.as_oid().ok());
            let curve = curve.map(|curve| oid::word(&oid::CURVES, &curve.to_id_string()));
            (curve.unwrap_or_else(|| "EC".to_owned()), None)
        }
        _ => (oid::word(&oid::KEYS, &algorithm), None),
    }
}
