//! Whom a client may trust.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};

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
    /// The SHA-256 of each, for clients trust a server's certificate too that is itself in their store.
    pub(super) fingerprints: BTreeSet<[u8; 32]>,
}

impl Anchors {
    /// A store of certificates in DER. Those that are none are left out.
    pub fn new(name: impl Into<String>, is_chosen: bool, certificates: &[Vec<u8>]) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates.iter().map(|der| CertificateDer::from(der.as_slice())));
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

impl fmt::Debug for Anchors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} certificates)", self.name, self.len())
    }
}
