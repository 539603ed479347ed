//! The authorities that a client may trust.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, X509Certificate};

/// Where trust anchors come from. The room reads no files; its callers do.
#[derive(Clone, Debug, Default)]
pub enum Trust {
    /// Nowhere: issuers are not checked.
    #[default]
    Nobody,
    /// They are at hand.
    Anchors(Arc<Anchors>),
    /// They are fetched when the first chain is seen, since most captures show none.
    WhenNeeded(fn() -> Anchors),
}

impl Trust {
    /// The anchors, fetched if need be, once.
    pub fn anchors(&mut self) -> Option<Arc<Anchors>> {
        if let Self::WhenNeeded(fetch) = self {
            *self = Self::Anchors(Arc::new(fetch()));
        }
        match self {
            Self::Anchors(anchors) => Some(Arc::clone(anchors)),
            Self::Nobody | Self::WhenNeeded(_) => None,
        }
    }
}

/// Certificates that a client trusts.
#[derive(Clone)]
pub struct Anchors {
    /// What the store is called: a file's name, or `the system's trust store`.
    pub name: String,
    /// Whether the user chose it. Else it need not be the client's, and what it lacks is no fault.
    pub is_chosen: bool,
    /// As webpki takes them.
    pub(super) roots: RootCertStore,
    /// The SHA-256 of each, authority or not, for clients trust a server's certificate too that is itself in their store.
    pub(super) fingerprints: BTreeSet<[u8; 32]>,
}

impl Anchors {
    /// A store of certificates in DER. Those that are none are left out. One that may not sign others is trusted as itself and
    /// vouches for no other.
    pub fn new(name: impl Into<String>, is_chosen: bool, certificates: &[Vec<u8>]) -> Self {
        let mut roots = RootCertStore::empty();
        let authorities = certificates.iter().filter(|der| is_authority(der));
        roots.add_parsable_certificates(authorities.map(|der| CertificateDer::from(der.as_slice())));
        let fingerprints = certificates.iter().map(|der| Sha256::digest(der).into()).collect();
        Self { name: name.into(), is_chosen, roots, fingerprints }
    }

    /// Certificates in it.
    pub fn len(&self) -> usize {
        self.fingerprints.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.fingerprints.is_empty()
    }
}

/// Whether a certificate may sign others (RFC 5280, 4.2.1.9 and 4.2.1.3). webpki takes any that is in its store for an
/// authority, and the key of a server's own certificate would then vouch for every name.
fn is_authority(der: &[u8]) -> bool {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else { return false };
    let may_sign = match certificate.key_usage() {
        Ok(usage) => usage.is_none_or(|usage| usage.value.key_cert_sign()),
        Err(_) => false,
    };
    certificate.is_ca() && may_sign
}

impl fmt::Debug for Anchors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} certificates)", self.name, self.len())
    }
}
