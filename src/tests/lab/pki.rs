//! Certificates of every kind that a client refuses, made for each test.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, RevocationReason, RevokedCertParams,
    date_time_ymd,
};

/// The name in the good certificates.
pub const NAME: &str = "ssm.test";

/// An authority, and the certificates that it issued.
pub struct Pki {
    folder: PathBuf,
    pem: String,
    authority: Issuer<'static, KeyPair>,
}

impl Pki {
    pub fn new(folder: &Path) -> Self {
        Self::named(folder, "Test Authority")
    }

    pub fn named(folder: &Path, name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let pem = certificate.pem();
        fs::write(folder.join("ca.pem"), &pem).unwrap();
        Self { folder: folder.to_owned(), pem, authority: Issuer::new(params, key) }
    }

    /// The authority's certificate.
    pub fn authority(&self) -> String {
        self.folder.join("ca.pem").display().to_string()
    }

    /// A certificate for a name, and its key, as files.
    pub fn issue(&self, file: &str, name: &str, change: impl FnOnce(&mut CertificateParams)) -> [String; 2] {
        let mut params = params(name);
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.authority).unwrap();
        self.written(file, &certificate.pem(), &key)
    }

    /// The authority's certificate, in PEM.
    pub fn certificate(&self) -> String {
        self.pem.clone()
    }

    /// Its list of revoked certificates, in PEM: those with these serial numbers.
    pub fn list(&self, serials: &[u8]) -> String {
        let revoked = serials.iter().map(|serial| RevokedCertParams {
            serial_number: vec![*serial].into(),
            revocation_time: date_time_ymd(2026, 1, 2),
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2026, 1, 1),
            next_update: date_time_ymd(4000, 1, 1),
            crl_number: vec![1].into(),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.authority).unwrap().pem().unwrap()
    }

    pub fn good(&self) -> [String; 2] {
        self.issue("good", NAME, |_| {})
    }

    pub fn expired(&self) -> [String; 2] {
        self.issue("expired", NAME, |params| {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2021, 1, 1);
        })
    }

    pub fn self_signed(&self) -> [String; 2] {
        let key = KeyPair::generate().unwrap();
        let certificate = params(NAME).self_signed(&key).unwrap();
        self.written("self-signed", &certificate.pem(), &key)
    }

    fn written(&self, file: &str, certificate: &str, key: &KeyPair) -> [String; 2] {
        let paths = ["pem", "key"].map(|end| self.folder.join(format!("{file}.{end}")));
        fs::write(&paths[0], certificate).unwrap();
        fs::write(&paths[1], key.serialize_pem()).unwrap();
        paths.map(|path| path.display().to_string())
    }
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name = named(name);
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}
