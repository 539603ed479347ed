//! The authorities that a client may trust.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::certificate::Details;
use super::date::Date;

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
    /// What webpki does not keep of each of them, in the same order.
    authorities: Vec<Authority>,
    /// The SHA-256 of each, authority or not, for clients trust a server's certificate too that is itself in their store.
    pub(super) fingerprints: BTreeSet<[u8; 32]>,
}

/// Who a trust anchor is, and until when.
#[derive(Clone)]
struct Authority {
    subject: String,
    title: String,
    until: Date,
}

impl Anchors {
    /// A store of certificates in DER. Those that are not certificates are left out. One that may not sign others is trusted as itself and
    /// vouches for no other.
    pub fn new(name: impl Into<String>, is_chosen: bool, certificates: &[Vec<u8>]) -> Self {
        let mut roots = RootCertStore::empty();
        let mut authorities = Vec::new();
        for der in certificates {
            let Ok((_, certificate)) = X509Certificate::from_der(der) else { continue };
            if is_authority(&certificate) && roots.add(CertificateDer::from(der.as_slice())).is_ok() {
                let details = Details::of(&certificate);
                let title = details.title().to_owned();
                let until = details.not_after.unwrap_or(Date(i64::MAX));
                authorities.push(Authority { subject: details.subject, title, until });
            }
        }
        let fingerprints = certificates.iter().map(|der| Sha256::digest(der).into()).collect();
        Self { name: name.into(), is_chosen, roots, authorities, fingerprints }
    }

    /// Those that have not ended at that time; nothing if none has ended.
    pub(super) fn current(&self, at: Date) -> Option<RootCertStore> {
        if self.authorities.iter().all(|authority| authority.until >= at) {
            return None;
        }
        let all = self.roots.roots.iter().zip(&self.authorities);
        let current = all.filter(|(_, authority)| authority.until >= at).map(|(root, _)| root.clone());
        Some(RootCertStore { roots: current.collect() })
    }

    /// The title and the end of the authority with this subject, if it has ended.
    pub(super) fn ended(&self, subject: &str, at: Date) -> Option<(&str, Date)> {
        let ended = self.authorities.iter().filter(|authority| authority.until < at);
        let of_it =
            ended.filter(|authority| authority.subject == subject).max_by_key(|authority| authority.until);
        of_it.map(|authority| (authority.title.as_str(), authority.until))
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
fn is_authority(certificate: &X509Certificate<'_>) -> bool {
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
