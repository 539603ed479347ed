//! Where trust anchors come from: a file that the user names, else the system's store, else Mozilla's, which is built in.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use anyhow::{Context, bail};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
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
        bail!("{name} holds no certificate in PEM; openssl x509 -inform DER -in FILE converts one from DER");
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
    CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>().with_context(why)
}

fn bytes(certificates: &[CertificateDer<'_>]) -> Vec<Vec<u8>> {
    certificates.iter().map(|certificate| certificate.to_vec()).collect()
}
