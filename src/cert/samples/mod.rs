//! The certificates of this folder, for tests; `make.sh` makes them.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// A sample by its name, in DER.
pub(crate) fn sample(name: &str) -> Vec<u8> {
    let pem = match name {
        "authority" => include_str!("authority.pem"),
        "intermediate" => include_str!("intermediate.pem"),
        "server" => include_str!("server.pem"),
        "nameless" => include_str!("nameless.pem"),
        "weak" => include_str!("weak.pem"),
        "self-signed" => include_str!("self-signed.pem"),
        _ => panic!("no sample {name}"),
    };
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec()
}
