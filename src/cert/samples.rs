//! The certificates of `samples/`, for tests.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// A sample by its name, in DER.
pub(crate) fn sample(name: &str) -> Vec<u8> {
    let pem = match name {
        "authority" => include_str!("samples/authority.pem"),
        "intermediate" => include_str!("samples/intermediate.pem"),
        "server" => include_str!("samples/server.pem"),
        "nameless" => include_str!("samples/nameless.pem"),
        "weak" => include_str!("samples/weak.pem"),
        "self-signed" => include_str!("samples/self-signed.pem"),
        _ => panic!("no sample {name}"),
    };
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec()
}
