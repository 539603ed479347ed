//! Where trust anchors come from: a file that the user names, or the system's store.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use ssmscope::cert::{Anchors, Trust};

/// The anchors of a PEM file, or, when the first chain is seen, those of the system.
pub fn anchors(file: Option<&Path>) -> anyhow::Result<Trust> {
    Ok(match file {
        Some(file) => Trust::Anchors(Arc::new(of_file(file)?)),
        None => Trust::WhenNeeded(of_system),
    })
}

fn of_file(file: &Path) -> anyhow::Result<Anchors> {
    let name = file.display().to_string();
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certificates = read.with_context(|| format!("can't read certificates from {name}"))?;
    if certificates.is_empty() {
        bail!("{name} holds no certificate in PEM; openssl x509 -inform DER -in FILE converts one from DER");
    }
    Ok(Anchors::new(name, true, &bytes(&certificates)))
}

/// What OpenSSL's clients would find, `SSL_CERT_FILE` and `SSL_CERT_DIR` included. A store that can't be read is an empty
/// one, and its name says so.
fn of_system() -> Anchors {
    let certificates = bytes(&rustls_native_certs::load_native_certs().certs);
    let is_empty = if certificates.is_empty() { ", which is empty" } else { "" };
    Anchors::new(format!("the system's trust store{is_empty}"), false, &certificates)
}

fn bytes(certificates: &[CertificateDer<'_>]) -> Vec<Vec<u8>> {
    certificates.iter().map(|certificate| certificate.to_vec()).collect()
}
