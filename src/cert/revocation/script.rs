//! An authority with its lists and responses, for tests.

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CrlDistributionPoint, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevocationReason,
    RevokedCertParams, SerialNumber, SigningKey, date_time_ymd,
};

use x509_parser::prelude::{FromDer, X509Certificate};

use super::Issuers;
use super::der::sequence;
use crate::cert::{Anchors, Date};

/// 2026-06-15, noon.
pub(super) const NOW: Date = Date(1_781_524_800);
const DAY: i64 = 86_400;
/// Where the authority publishes its list, by its certificates.
pub(super) const POINT: &str = "http://ca.example/1.crl";

/// Who issues certificates, and says which of them are revoked.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: Vec<u8>,
    anchors: Anchors,
}

/// Somebody who signs responses in its place.
pub(super) struct Delegate {
    certificate: Vec<u8>,
    key: KeyPair,
}

/// What a response says.
#[derive(Clone, Copy)]
pub(super) enum Said {
    Good,
    Revoked,
    Held,
    Unknown,
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec!["ssm.example".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    (params.not_before, params.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(2027, 1, 1));
    params
}

impl Authority {
    pub(super) fn new(name: &str) -> Self {
        let mut params = params(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().der().to_vec();
        let anchors = Anchors::new("the test's store", true, std::slice::from_ref(&certificate));
        Self { issuer: Issuer::new(params, key), certificate, anchors }
    }

    /// Who may have signed: it is trusted, and not sent.
    pub(super) fn issuers(&self) -> Issuers<'_> {
        assert!(!self.certificate.is_empty());
        Issuers { chain: &[], anchors: &self.anchors }
    }

    /// A server's certificate with this serial number, always of the same content.
    pub(super) fn issue(&self, serial: u8) -> Vec<u8> {
        let mut params = params("ssm");
        params.serial_number = Some(SerialNumber::from(vec![serial]));
        params.crl_distribution_points = vec![CrlDistributionPoint { uris: vec![POINT.to_owned()] }];
        params.signed_by(&KeyPair::generate().unwrap(), &self.issuer).unwrap().der().to_vec()
    }

    pub(super) fn delegate(&self, may_sign: bool) -> Delegate {
        let mut params = params("responder");
        let usage =
            if may_sign { ExtendedKeyUsagePurpose::OcspSigning } else { ExtendedKeyUsagePurpose::ServerAuth };
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().unwrap();
        Delegate { certificate: params.signed_by(&key, &self.issuer).unwrap().der().to_vec(), key }
    }

    /// A list in PEM of these serial numbers, from and until these numbers of days from now.
    pub(super) fn list(&self, serials: &[u8], from: i64, until: i64) -> String {
        self.signed(serials, from, until).pem().unwrap()
    }

    pub(super) fn list_der(&self, serials: &[u8], from: i64, until: i64) -> Vec<u8> {
        self.signed(serials, from, until).der().to_vec()
    }

    fn signed(&self, serials: &[u8], from: i64, until: i64) -> rcgen::CertificateRevocationList {
        let in_days = |days: i64| {
            date_time_ymd(2026, 6, 15) + std::time::Duration::from_secs(366 * DAY as u64)
                - std::time::Duration::from_secs(((366 - days) * DAY) as u64)
        };
        let revoked = serials.iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from(vec![*serial]),
            revocation_time: in_days(-100),
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: in_days(from),
            next_update: in_days(until),
            crl_number: SerialNumber::from(vec![1]),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap()
    }
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut der = sequence(content);
    der[0] = tag;
    der
}

/// A time this number of days from now.
fn time(days: i64) -> Vec<u8> {
    let text = Date(NOW.0 + days * DAY).machine_readable().replace(['-', ':', 'T'], "");
    element(0x18, text.as_bytes())
}

/// A response about a serial number (RFC 6960, 4.2.1), from and until these numbers of days from now.
pub(super) fn response(
    authority: &Authority,
    by: Option<&Delegate>,
    serial: u8,
    said: Said,
    [from, until]: [i64; 2],
) -> Vec<u8> {
    let sha1 = sequence(b"\x06\x05\x2b\x0e\x03\x02\x1a\x05\0");
    let hash = element(0x04, &[3; 20]);
    let id = sequence(&[sha1, hash.clone(), hash, element(0x02, &[serial])].concat());
    let status = match said {
        Said::Good => vec![0x80, 0],
        Said::Revoked => element(0xa1, &[time(-100), element(0xa0, b"\x0a\x01\x01")].concat()),
        Said::Held => element(0xa1, &[time(-100), element(0xa0, b"\x0a\x01\x06")].concat()),
        Said::Unknown => vec![0x82, 0],
    };
    let single = sequence(&[id, status, time(from), element(0xa0, &time(until))].concat());
    let responder = element(0xa2, &element(0x04, &[3; 20]));
    let data = sequence(&[responder, time(from), sequence(&single)].concat());
    let key = by.map_or(authority.issuer.key(), |delegate| &delegate.key);
    let signature = [vec![0], key.sign(&data).unwrap()].concat();
    let ecdsa_with_sha256 = sequence(b"\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02");
    let certificates = by.map(|delegate| element(0xa0, &sequence(&delegate.certificate))).unwrap_or_default();
    let basic = sequence(&[data, ecdsa_with_sha256, element(0x03, &signature), certificates].concat());
    let kind = b"\x06\x09\x2b\x06\x01\x05\x05\x07\x30\x01\x01";
    let bytes = sequence(&[&kind[..], &element(0x04, &basic)].concat());
    sequence(&[b"\x0a\x01\0".to_vec(), element(0xa0, &bytes)].concat())
}

/// An extension (RFC 5280, 4.1).
pub(super) fn extension(id: &[u8], is_critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if is_critical { b"\x01\x01\xff" } else { b"" };
    sequence(&[&element(0x06, id), critical, &element(0x04, value)].concat())
}

/// An issuing distribution point of this content (RFC 5280, 5.2.5).
pub(super) fn issuing_point(is_critical: bool, content: &[u8]) -> Vec<u8> {
    extension(&[0x55, 0x1d, 28], is_critical, &sequence(content))
}

/// A list in DER of serial numbers, each with its entry's extensions, from and until these numbers of days from now (RFC 5280, 5.1).
pub(super) fn listing(
    authority: &Authority,
    entries: &[(u8, &[u8])],
    extensions: &[u8],
    [from, until]: [i64; 2],
) -> Vec<u8> {
    let optional = |content: &[u8]| if content.is_empty() { Vec::new() } else { sequence(content) };
    let entries = entries.iter().map(|(serial, extensions)| {
        sequence(&[element(0x02, &[*serial]), time(-100), optional(extensions)].concat())
    });
    let entries = optional(&entries.collect::<Vec<_>>().concat());
    let extensions = Some(optional(extensions)).filter(|list| !list.is_empty());
    let extensions = extensions.map(|list| element(0xa0, &list)).unwrap_or_default();
    let (_, own) = X509Certificate::from_der(&authority.certificate).unwrap();
    let issuer = own.subject().as_raw().to_vec();
    let algorithm = sequence(b"\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02");
    let parts =
        [element(0x02, &[1]), algorithm.clone(), issuer, time(from), time(until), entries, extensions];
    let signed = sequence(&parts.concat());
    let signature = [vec![0], authority.issuer.key().sign(&signed).unwrap()].concat();
    sequence(&[signed, algorithm, element(0x03, &signature)].concat())
}
