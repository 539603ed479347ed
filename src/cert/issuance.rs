//! Who issued a certificate, by names and signatures alone: for a server's own certificate that is an authority's (CA:TRUE), at
//! which webpki ends, and which OpenSSL and Java take.
//!
//! What is not judged here counts as not allowed: name constraints, and critical extensions that are not known.

use rustls::pki_types::TrustAnchor;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::trust::Anchors;
use crate::limits;

/// Whether a chain leads from a server's certificate to an anchor, whatever the dates.
pub(super) fn leads_to_anchor(own: &[u8], intermediates: &[&[u8]], anchors: &Anchors) -> bool {
    let read = |der| X509Certificate::from_der(der).ok().map(|(_, certificate)| certificate);
    let issuers: Vec<_> = intermediates.iter().filter_map(|der| read(der)).collect();
    let Some(own) = read(own).filter(is_for_servers) else { return false };
    let mut current = &own;
    for below in 0..=limits::PATH_CERTIFICATES {
        if anchors.roots.roots.iter().any(|anchor| is_signed_by_anchor(current, anchor)) {
            return true;
        }
        let mut signers = issuers.iter().filter(|issuer| may_sign(issuer, below));
        match signers.find(|issuer| is_signed_by(current, issuer)) {
            Some(issuer) => current = issuer,
            None => return false,
        }
    }
    false
}

fn is_signed_by(certificate: &X509Certificate<'_>, issuer: &X509Certificate<'_>) -> bool {
    certificate.issuer().as_raw() == issuer.subject().as_raw()
        && certificate.verify_signature(Some(issuer.public_key())).is_ok()
}

/// An anchor has the contents of its name and of its key, without the heads of the sequences.
fn is_signed_by_anchor(certificate: &X509Certificate<'_>, anchor: &TrustAnchor<'_>) -> bool {
    if anchor.name_constraints.is_some() || certificate.issuer().as_raw() != sequence(&anchor.subject) {
        return false;
    }
    let key = sequence(&anchor.subject_public_key_info);
    let key = SubjectPublicKeyInfo::from_der(&key);
    key.is_ok_and(|(_, key)| certificate.verify_signature(Some(&key)).is_ok())
}

/// Whether a certificate with this number of authorities between it and the server's own may be one of them (RFC 5280, 6.1.4).
fn may_sign(issuer: &X509Certificate<'_>, below: usize) -> bool {
    let constraints = issuer.basic_constraints().ok().flatten();
    let is_authority = constraints.is_some_and(|constraints| {
        constraints.value.ca
            && constraints.value.path_len_constraint.is_none_or(|most| below <= most as usize)
    });
    let usage = issuer.key_usage().ok().flatten();
    let is_restricted = issuer.name_constraints().map_or(true, |constraints| constraints.is_some());
    is_authority
        && usage.is_none_or(|usage| usage.value.key_cert_sign())
        && !is_restricted
        && is_understood(issuer)
}

fn is_for_servers(own: &X509Certificate<'_>) -> bool {
    let usage = own.extended_key_usage();
    is_understood(own) && usage.is_ok_and(|usage| usage.is_none_or(|usage| usage.value.server_auth))
}

fn is_understood(certificate: &X509Certificate<'_>) -> bool {
    let is_unknown = |parsed: &ParsedExtension<'_>| {
        matches!(parsed, ParsedExtension::UnsupportedExtension { .. } | ParsedExtension::ParseError { .. })
    };
    certificate
        .extensions()
        .iter()
        .all(|extension| !extension.critical || !is_unknown(extension.parsed_extension()))
}

/// A SEQUENCE of DER with these contents (X.690, 8.1.3).
fn sequence(contents: &[u8]) -> Vec<u8> {
    const SEQUENCE: u8 = 0x30;
    let len = contents.len();
    let mut der = match len {
        0..0x80 => vec![SEQUENCE, len as u8],
        0x80..0x100 => vec![SEQUENCE, 0x81, len as u8],
        _ => vec![SEQUENCE, 0x82, (len >> 8) as u8, len as u8],
    };
    der.extend_from_slice(contents);
    der
}

#[cfg(test)]
mod tests {
    use rcgen::{
        BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
        KeyUsagePurpose,
    };

    use super::*;

    fn authority(name: &str) -> CertificateParams {
        let mut params = CertificateParams::new(vec!["ssm.example".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
    }

    fn key() -> KeyPair {
        KeyPair::generate().unwrap()
    }

    /// Whether the server's certificate leads over this intermediate to the root.
    fn leads(intermediate: CertificateParams, own: &CertificateParams) -> bool {
        let root = CertifiedIssuer::self_signed(authority("Root"), key()).unwrap();
        let intermediate = CertifiedIssuer::signed_by(intermediate, key(), &root).unwrap();
        let own = own.signed_by(&key(), &intermediate).unwrap();
        let anchors = Anchors::new("a store", true, &[root.der().to_vec()]);
        let others =
            Anchors::new("a store", true, &[authority("Root").self_signed(&key()).unwrap().der().to_vec()]);
        assert!(
            !leads_to_anchor(own.der(), &[intermediate.der()], &others),
            "of the same name, with another key"
        );
        assert!(!leads_to_anchor(own.der(), &[], &anchors), "without the intermediate");
        leads_to_anchor(own.der(), &[intermediate.der()], &anchors)
    }

    #[test]
    fn a_chain_leads_to_an_anchor_by_signatures_of_authorities() {
        assert!(leads(authority("Intermediate"), &authority("ssm.example")));
        let short = || {
            let mut params = authority("Intermediate");
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
            params
        };
        assert!(leads(short(), &authority("ssm.example")), "no authority is between them");
    }

    #[test]
    fn what_may_not_sign_or_serve_leads_nowhere() {
        let mut no_authority = authority("Intermediate");
        no_authority.is_ca = IsCa::ExplicitNoCa;
        assert!(!leads(no_authority, &authority("ssm.example")));
        let mut no_signer = authority("Intermediate");
        no_signer.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        assert!(!leads(no_signer, &authority("ssm.example")));
        let mut of_clients = authority("ssm.example");
        of_clients.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        assert!(!leads(authority("Intermediate"), &of_clients));
        let mut constrained = authority("Intermediate");
        constrained.name_constraints = Some(rcgen::NameConstraints {
            permitted_subtrees: vec![rcgen::GeneralSubtree::DnsName("example".to_owned())],
            excluded_subtrees: Vec::new(),
        });
        assert!(!leads(constrained, &authority("ssm.example")));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_lead_nowhere(own: Vec<u8>, other: Vec<u8>) {
            let anchors = Anchors::new("a store", true, &[super::super::samples::sample("authority")]);
            proptest::prop_assert!(!leads_to_anchor(&own, &[&other], &anchors));
        }
    }
}
