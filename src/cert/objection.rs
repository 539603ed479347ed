//! Why webpki does not follow a chain.

use rustls::CertificateError;

/// Whether webpki ends at the server's own certificate because it is an authority's.
pub(super) fn is_about_authority(error: &CertificateError) -> bool {
    matches!(error, CertificateError::Other(other) if format!("{:?}", other.0) == "CaUsedAsEndEntity")
}

/// Why webpki does not follow a chain.
pub(super) fn objection(error: &CertificateError) -> String {
    #[expect(deprecated, reason = "both forms of the error mean the same")]
    match error {
        CertificateError::BadSignature => {
            "a signature in the chain is wrong, or its key too short".to_owned()
        }
        CertificateError::UnsupportedSignatureAlgorithm
        | CertificateError::UnsupportedSignatureAlgorithmContext { .. }
        | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "a signature in the chain is of a kind that webpki refuses".to_owned()
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "the certificate's extended key usage does not name servers".to_owned()
        }
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => {
            "the certificates of the chain are never all valid at once".to_owned()
        }
        CertificateError::UnhandledCriticalExtension => {
            "a certificate of the chain has a critical extension that is not known here".to_owned()
        }
        CertificateError::Other(other) => by_webpki(&format!("{:?}", other.0)),
        other => by_webpki(&format!("{other:?}")),
    }
}

/// What webpki's name of an error means; its type is not exported.
fn by_webpki(name: &str) -> String {
    match name {
        "EndEntityUsedAsCa" => "a certificate that is no authority's signed another (CA:FALSE)",
        "PathLenConstraintViolated" => "the chain is longer than an authority in it allows (path length)",
        "NameConstraintViolation" => {
            "the name is not one that an authority of the chain may sign (name constraints)"
        }
        "SignatureAlgorithmMismatch" => "a certificate of the chain names two signature algorithms",
        "UnsupportedCriticalExtension" => {
            "a certificate of the chain has a critical extension that is not known here"
        }
        _ => return format!("webpki says {name}"),
    }
    .to_owned()
}
