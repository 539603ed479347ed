//! Where trust anchors come from: a file that the user names, else the system's store, else Mozilla's, which is built in.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use anyhow::{Context, anyhow, bail};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};
use ssmscope::cert::{Anchors, Trust};

use super::files;

/// The system's certificates, read while its files could still be opened.
static SYSTEM: OnceLock<Vec<CertificateDer<'static>>> = OnceLock::new();

/// The anchors of a PEM file, or those of the system, which are made of its certificates when the first chain is seen. The
/// certificates themselves are read now, if they are needed at all.
pub fn anchors(file: Option<&Path>, is_needed: bool) -> anyhow::Result<Trust> {
    Ok(match file {
        Some(file) => Trust::Anchors(Arc::new(of_file(file)?)),
        None if is_needed => {
            system();
            Trust::WhenNeeded(of_system)
        }
        None => Trust::Nobody,
    })
}

fn system() -> &'static [CertificateDer<'static>] {
    SYSTEM.get_or_init(|| rustls_native_certs::load_native_certs().certs)
}

/// The anchors of a PEM file, or those of the system: what a program that runs here trusts.
pub fn own_anchors(file: Option<&Path>) -> anyhow::Result<Anchors> {
    if let Some(file) = file {
        return of_file(file);
    }
    let mut anchors = of_system();
    anchors.is_chosen = true;
    Ok(anchors)
}

fn of_file(file: &Path) -> anyhow::Result<Anchors> {
    let name = file.display().to_string();
    let certificates = certificates(file)?;
    if certificates.is_empty() {
        bail!(
            "{name} holds no certificate in PEM (-----BEGIN CERTIFICATE-----); if it is DER, openssl x509 -inform DER -in FILE converts it"
        );
    }
    Ok(Anchors::new(name, true, &bytes(&certificates)))
}

/// What OpenSSL's clients would find, `SSL_CERT_FILE` and `SSL_CERT_DIR` included. Where that is nothing, as on a system that
/// only a static binary was copied to, what Mozilla's browsers trust; the store's name says so.
fn of_system() -> Anchors {
    let certificates = system();
    if certificates.is_empty() {
        let built_in = bytes(webpki_root_certs::TLS_SERVER_ROOT_CERTS);
        return Anchors::new("Mozilla's trust store, since the system has none", false, &built_in);
    }
    Anchors::new("the system's trust store", false, &bytes(certificates))
}

/// The certificates of a PEM file.
///
/// # Errors
/// When it can't be read, is far larger than such a file is, or holds what is no PEM.
pub fn certificates(file: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let why = || format!("can't read certificates from {}", file.display());
    let pem = files::read_bounded(file, files::CERTIFICATE_BYTES).with_context(why)?;
    of_pem(&pem).with_context(why)
}

/// The certificates in these bytes, whichever of OpenSSL's labels they have (PEM_read_bio_X509_AUX(3)), after a byte order mark or not.
fn of_pem(pem: &[u8]) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let pem = pem.strip_prefix(b"\xef\xbb\xbf").unwrap_or(pem);
    let mut text = String::from_utf8_lossy(pem).into_owned();
    for label in [" TRUSTED CERTIFICATE-----", " X509 CERTIFICATE-----"] {
        text = text.replace(label, " CERTIFICATE-----");
    }
    let certificates = CertificateDer::pem_slice_iter(text.as_bytes()).collect::<Result<Vec<_>, _>>();
    let certificates = certificates.map_err(|error| match error {
        pem::Error::MissingSectionEnd { .. } => anyhow!("a block lacks its end (-----END CERTIFICATE-----)"),
        error => error.into(),
    })?;
    Ok(certificates.into_iter().map(without_trust).collect())
}

/// A certificate without what OpenSSL adds to one that it trusts for some purposes.
fn without_trust(certificate: CertificateDer<'static>) -> CertificateDer<'static> {
    let len = match *certificate {
        // DER with a length in two bytes; a shorter one is no certificate.
        [0x30, 0x82, high, low, ..] => 4 + usize::from(u16::from_be_bytes([high, low])),
        _ => certificate.len(),
    };
    match certificate.get(..len) {
        Some(own) if len < certificate.len() => CertificateDer::from(own.to_vec()),
        _ => certificate,
    }
}

fn bytes(certificates: &[CertificateDer<'_>]) -> Vec<Vec<u8>> {
    certificates.iter().map(|certificate| certificate.to_vec()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = "MIIBADCB";

    fn block(label: &str) -> String {
        format!("-----BEGIN {label}-----\n{BODY}\n-----END {label}-----\n")
    }

    #[test]
    fn each_label_that_openssl_takes_is_a_certificate_s() {
        for label in ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"] {
            assert_eq!(of_pem(block(label).as_bytes()).unwrap().len(), 1, "{label}");
        }
        let marked = [b"\xef\xbb\xbf", block("CERTIFICATE").as_bytes()].concat();
        assert_eq!(of_pem(&marked).unwrap().len(), 1);
        assert!(of_pem(block("PRIVATE KEY").as_bytes()).unwrap().is_empty());
        let cut = of_pem(b"-----BEGIN CERTIFICATE-----\nMIIB\n").unwrap_err().to_string();
        assert!(cut.contains("lacks its end"), "{cut}");
    }

    #[test]
    fn what_follows_a_trusted_certificate_is_no_part_of_it() {
        let bytes = [&[0x30, 0x82, 0, 3, 1, 2, 3][..], &[0x30, 0]].concat();
        assert_eq!(without_trust(CertificateDer::from(bytes)).len(), 7);
        assert_eq!(without_trust(CertificateDer::from(vec![0x30, 0x82, 0, 9, 1])).len(), 5);
    }
}
