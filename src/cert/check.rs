//! The check of a chain, by webpki's rules where they are a client's, and by the certificates' own fields elsewhere.
//!
//! rustls's own verifier ends at the first fault, as a client does. Who looks for a cause wants all of them, so its parts are
//! asked one by one: the path at a time when all of it is valid, the name, and the dates.

use std::sync::Arc;
use std::time::Duration;

use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, RootCertStore};
use sha2::{Digest, Sha256};

use super::certificate::{Certificate, Details};
use super::date::{Date, VerificationTime};
use super::fault::{Fault, Weakness};
use super::host_name::name_fault;
use super::issuance;
use super::key_usage::KeyUsage;
use super::objection::{is_about_authority, objection};
use super::trust::Anchors;
use super::wanted::{NameSource, Wanted};
use crate::limits;
use crate::tls::CertificateMessage;

/// What a client makes of a server's certificates.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Examination {
    /// The certificates, the server's own first.
    pub certificates: Arc<[Certificate]>,
    /// Further ones that were not looked at.
    pub further: u32,
    /// Bytes of the Certificate message.
    pub message_len: u32,
    /// Whether the whole message was captured.
    pub is_whole: bool,
    /// The name that the certificate was compared with; absent if it is not known.
    pub wanted: Option<Wanted>,
    /// Whether the dates were checked, which needs a capture with dates.
    pub is_dated: bool,
    /// The store that the issuer was looked for in.
    pub store: Option<String>,
    /// Whether the user chose that store.
    pub is_store_chosen: bool,
    /// Whether the issuer is trusted, whatever the dates.
    pub issuer: Issuer,
    /// What a client objects to.
    pub faults: Vec<Fault>,
    /// The place of the first certificate to end, of those that the chain needs.
    pub first_to_end: Option<usize>,
}

/// Whether the chain leads to somebody who is trusted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Issuer {
    /// It does.
    Trusted,
    /// It leads nowhere: the server's certificate signed itself.
    SelfSigned,
    /// It ends at somebody who is not in the store.
    Unknown,
    /// It does by signatures, and the server's own certificate is a CA certificate (CA:TRUE): webpki refuses that, and OpenSSL and
    /// Java take it.
    Authority,
    /// It can't be followed, for this reason.
    Refused(String),
    /// It was not checked, for this reason.
    Unchecked(&'static str),
}

impl Issuer {
    /// Why the chain is refused, regardless of its signer.
    pub fn refusal(&self) -> Option<&str> {
        match self {
            Self::Authority => Some("the server's own certificate is a CA certificate (CA:TRUE)"),
            Self::Refused(why) => Some(why),
            Self::Trusted | Self::SelfSigned | Self::Unknown | Self::Unchecked(_) => None,
        }
    }
}

impl Examination {
    /// Whether a fault must be one for the client too. Its trust store may be another than the system's, and the server's
    /// address may be translated on the way.
    pub fn is_certain(&self, fault: &Fault) -> bool {
        match fault {
            Fault::SelfSigned { .. } | Fault::UnknownIssuer { .. } => self.is_store_chosen,
            Fault::NameMismatch { wanted, .. } => wanted.source != NameSource::Address,
            Fault::Expired { .. }
            | Fault::NotYetValid { .. }
            | Fault::KeyUsage { .. }
            | Fault::Weak { .. } => true,
        }
    }
}

/// Examines a server's Certificate message as a client would that wanted this name and looked at it then. What is not
/// known is not checked.
pub fn examine(
    message: &CertificateMessage,
    wanted: Option<Wanted>,
    when: Option<VerificationTime>,
    anchors: Option<&Anchors>,
) -> Examination {
    verify(message, read(message), when, anchors).examine(message, wanted)
}

/// The certificates of a message.
pub fn read(message: &CertificateMessage) -> Arc<[Certificate]> {
    message.chain.iter().map(|der| Certificate::read(der)).collect()
}

/// The result for a chain, whichever name a client wanted: the part of an examination that takes time.
#[derive(Clone, Debug)]
pub struct Verification {
    /// The examination without a name.
    nameless: Examination,
    /// Where the name's fault belongs among the others.
    place: usize,
    /// That the key may not sign handshakes, which is a fault where the client lets the server do nothing else.
    usage: Option<Fault>,
    /// That the authority that vouches for it has ended, which is a fault where its store is the client's.
    root: Option<Fault>,
}

impl Verification {
    /// The examination for this name. The message is the one that was verified.
    pub fn examine(&self, message: &CertificateMessage, wanted: Option<Wanted>) -> Examination {
        let mut examination = Examination { wanted, ..self.nameless.clone() };
        let own = examination.certificates.first().and_then(|own| own.details.as_ref());
        if let (Some(own), Some(wanted)) = (own, &examination.wanted)
            && let Some(fault) = name_fault(message.chain.first(), own, wanted)
        {
            examination.faults.insert(self.place, fault);
        }
        // A bystander's client may offer RSA key exchange, for which the server only decrypts. A check does not.
        let is_check = examination.wanted.as_ref().is_some_and(|wanted| wanted.source == NameSource::Target);
        examination.faults.extend(self.usage.clone().filter(|_| is_check));
        examination.faults.extend(self.root.clone().filter(|_| is_check));
        examination
    }
}

/// Verifies the chain of a message that contains these certificates.
pub fn verify(
    message: &CertificateMessage,
    certificates: Arc<[Certificate]>,
    when: Option<VerificationTime>,
    anchors: Option<&Anchors>,
) -> Verification {
    let mut examination = Examination {
        certificates,
        further: message.further,
        message_len: message.len,
        is_whole: message.is_whole,
        wanted: None,
        is_dated: when.is_some(),
        store: anchors.map(|anchors| anchors.name.clone()),
        is_store_chosen: anchors.is_some_and(|anchors| anchors.is_chosen),
        issuer: Issuer::Unchecked("no certificate was captured whole"),
        faults: Vec::new(),
        first_to_end: None,
    };
    let path = path(&examination.certificates);
    let may_sign = |place: &usize| {
        let details =
            examination.certificates.get(*place).and_then(|certificate| certificate.details.as_ref());
        details.and_then(|details| details.usage).is_none_or(KeyUsage::may_sign_certificates)
    };
    let (signers, others): (Vec<_>, Vec<_>) =
        intermediates(&examination.certificates, &path).into_iter().partition(may_sign);
    let ders = |places: Vec<usize>| places.into_iter().map(|place| message.chain[place].as_slice()).collect();
    let own = message.chain.first().map(Vec::as_slice);
    let chain = Chain { own, intermediates: ders(signers), others: ders(others), path };
    let Some(own) = chain.path.first().copied() else {
        return Verification { nameless: examination, place: 0, usage: None, root: None };
    };
    let mut faults = Vec::new();
    let (found, is_accepted) = match anchors {
        Some(_) if !message.is_whole => {
            (Issuer::Unchecked("the chain was cut off by the capture"), chain.is_accepted(anchors, when))
        }
        Some(anchors) => chain.issuer(anchors, when),
        None => (Issuer::Unchecked("no trust store was given"), false),
    };
    // An expired certificate that the client can do without harms nobody, the server's own excepted.
    let needed = if is_accepted { 1 } else { chain.path.len() };
    for details in chain.path.iter().take(needed).filter(|details| is_own_or_issued(details, own)) {
        let is_own = std::ptr::eq(*details, own);
        faults.extend(when.and_then(|when| date_fault(details, is_own, when)));
    }
    let place = faults.len();
    faults.extend(issuer_fault(&found, &chain, anchors));
    for details in chain.path.iter().filter(|details| is_own_or_issued(details, own)) {
        faults.extend(weaknesses(details, std::ptr::eq(*details, own)));
    }
    // Java does not ask this of a certificate that is trusted for itself.
    let is_trusted_itself = own.is_self_issued || anchors.is_some_and(|anchors| chain.is_pinned(anchors));
    let usage = own.usage.filter(|usage| !usage.has_signature() && !is_trusted_itself);
    let usage = usage.map(|usage| Fault::KeyUsage { of: own.title().to_owned(), usage });
    let root = anchors.zip(when).filter(|_| found == Issuer::Trusted);
    let root = root.and_then(|(anchors, when)| chain.ended_root(anchors, when));
    let first_to_end = chain.first_to_end(anchors.zip(when).filter(|_| is_accepted));
    let is_first = |certificate: &Certificate| {
        let details = certificate.details.as_ref();
        details.zip(first_to_end).is_some_and(|(details, first)| std::ptr::eq(details, first))
    };
    examination.first_to_end = examination.certificates.iter().position(is_first);
    examination.issuer = found;
    examination.faults = faults;
    Verification { nameless: examination, place, usage, root }
}

/// Roots are trusted by being in a store: neither their dates nor their signatures count.
fn is_own_or_issued(details: &Details, own: &Details) -> bool {
    std::ptr::eq(details, own) || !details.is_self_issued
}

/// A chain with the way that leads from the server's own certificate up.
struct Chain<'a> {
    own: Option<&'a [u8]>,
    /// What webpki may build its path from.
    intermediates: Vec<&'a [u8]>,
    /// What it would build its path from too, and what may not sign certificates.
    others: Vec<&'a [u8]>,
    path: Vec<&'a Details>,
}

/// The server's own certificate, who issued it, who issued that, as far as they were sent.
fn path(certificates: &[Certificate]) -> Vec<&Details> {
    let mut path: Vec<&Details> =
        certificates.first().and_then(|own| own.details.as_ref()).into_iter().collect();
    while let Some(last) = path.last().filter(|last| !last.is_self_issued) {
        let is_known = |details: &Details| path.iter().any(|known| std::ptr::eq(*known, details));
        let issuer = issuers(certificates, last).find(|(_, details)| !is_known(details));
        match issuer {
            Some((_, issuer)) => path.push(issuer),
            None => break,
        }
    }
    path
}

/// The certificates whose subject is the issuer of this one, with their indices; those with the key identifier that it
/// names come first.
fn issuers<'a>(
    certificates: &'a [Certificate],
    of: &'a Details,
) -> impl Iterator<Item = (usize, &'a Details)> {
    let named = certificates
        .iter()
        .enumerate()
        .filter_map(|(place, certificate)| Some((place, certificate.details.as_ref()?)))
        .filter(|(_, details)| details.subject == of.issuer);
    let has_key = |details: &Details| of.issuer_key.is_some() && details.own_key == of.issuer_key;
    named
        .clone()
        .filter(move |(_, details)| has_key(details))
        .chain(named.filter(move |(_, details)| !has_key(details)))
}

/// The places of the certificates that webpki may build its path from: those of the path, and a second one of a name where a
/// certificate was renewed or signed by two.
///
/// webpki tries each path that names allow and checks its signatures, so the time that many certificates of one name take is
/// exponential in their number, up to a bound of its own that is far too high for a capture of many connections.
fn intermediates(certificates: &[Certificate], path: &[&Details]) -> Vec<usize> {
    let of_path = |details: &Details| path.iter().skip(1).any(|known| std::ptr::eq(*known, details));
    let placed = certificates.iter().enumerate().skip(1);
    let mut chosen: Vec<usize> = placed
        .filter(|(_, certificate)| certificate.details.as_ref().is_some_and(of_path))
        .map(|(place, _)| place)
        .take(limits::PATH_CERTIFICATES)
        .collect();
    // Each turn looks at one certificate's issuers, and those that it chooses get a turn of their own.
    let mut turns: Vec<usize> = std::iter::once(0).chain(chosen.iter().copied()).collect();
    let mut next = 0;
    while let Some(details) = turns.get(next).and_then(|place| certificates.get(*place)?.details.as_ref()) {
        next += 1;
        for (place, issuer) in issuers(certificates, details) {
            let is_namesake = |place: &&usize| {
                certificates[**place].details.as_ref().is_some_and(|known| known.subject == issuer.subject)
            };
            if chosen.len() >= limits::PATH_CERTIFICATES
                || chosen.iter().filter(is_namesake).count() >= limits::PATH_CERTIFICATES_OF_A_NAME
            {
                break;
            }
            if place != 0 && !chosen.contains(&place) {
                chosen.push(place);
                turns.push(place);
            }
        }
    }
    chosen
}

impl Chain<'_> {
    /// Whether somebody trusted signed it, whatever its dates; and whether a client accepts it at that time.
    fn issuer(&self, anchors: &Anchors, when: Option<VerificationTime>) -> (Issuer, bool) {
        if self.is_pinned(anchors) {
            return (Issuer::Trusted, when.is_some());
        }
        let is_self_issued = self.path.first().is_some_and(|own| own.is_self_issued);
        let at = self.valid_time(when);
        let verified = self.verify(anchors, at);
        // Signatures are what costs: the same time is not asked about twice.
        let is_accepted = when.is_some_and(|when| {
            if when.latest == at { verified.is_ok() } else { self.verify(anchors, when.latest).is_ok() }
        });
        let issuer = match verified {
            Ok(()) => Issuer::Trusted,
            Err(_) if is_self_issued => Issuer::SelfSigned,
            Err(CertificateError::UnknownIssuer) if self.needs_others(anchors, at) => {
                Issuer::Refused("an authority of the chain may not sign certificates (keyUsage)".to_owned())
            }
            Err(CertificateError::UnknownIssuer) => Issuer::Unknown,
            Err(error) if is_about_authority(&error) => {
                let own = self.own.unwrap_or_default();
                let is_issued = issuance::leads_to_anchor(own, &self.intermediates, anchors);
                if is_issued { Issuer::Authority } else { Issuer::Unknown }
            }
            Err(error) => Issuer::Refused(objection(&error)),
        };
        (issuer, is_accepted)
    }

    /// Whether the chain leads to an anchor over what may not sign certificates.
    fn needs_others(&self, anchors: &Anchors, at: Date) -> bool {
        let all = [&self.intermediates[..], &self.others].concat();
        !self.others.is_empty() && self.verify_with(&anchors.roots, &all, at).is_ok()
    }

    /// That the trusted authority at its end has ended, and no other is there. webpki does not look at that; OpenSSL and Go do.
    fn ended_root(&self, anchors: &Anchors, when: VerificationTime) -> Option<Fault> {
        let current = anchors.current(when.earliest).filter(|_| !self.is_pinned(anchors))?;
        if self.verify_with(&current, &self.intermediates, self.valid_time(Some(when))).is_ok() {
            return None;
        }
        let mut issuers = self.path.iter().rev().map(|details| details.issuer.as_str());
        let (title, not_after) = issuers.find_map(|issuer| anchors.ended(issuer, when.earliest))?;
        Some(Fault::Expired { of: format!("{title} of {}", anchors.name), not_after, is_own: false })
    }

    /// The first of its certificates to end. Where the chain is accepted at a time, what it does without does not count: what has ended
    /// by then, and what leaves the rest acceptable when it ends.
    fn first_to_end(&self, accepted: Option<(&Anchors, VerificationTime)>) -> Option<&Details> {
        let (own, signers) = self.path.split_first()?;
        let own_end = own.not_after?;
        let mut earlier: Vec<(Date, &Details)> =
            signers.iter().filter_map(|details| Some((details.not_after?, *details))).collect();
        earlier.retain(|(end, _)| *end < own_end);
        earlier.sort_by_key(|(end, _)| *end);
        let is_needed = |end: Date| {
            accepted.is_none_or(|(anchors, when)| {
                end >= when.latest
                    && !self.is_pinned(anchors)
                    && self.verify(anchors, Date(end.0.saturating_add(1))).is_err()
            })
        };
        let first = earlier.into_iter().find(|(end, _)| is_needed(*end));
        Some(first.map_or(*own, |(_, details)| details))
    }

    /// Whether the server's own certificate is in the store.
    fn is_pinned(&self, anchors: &Anchors) -> bool {
        self.own.is_some_and(|own| anchors.fingerprints.contains(&<[u8; 32]>::from(Sha256::digest(own))))
    }

    /// Whether a client that trusts the anchors accepts it at that time, whatever its name.
    fn is_accepted(&self, anchors: Option<&Anchors>, when: Option<VerificationTime>) -> bool {
        anchors.zip(when).is_some_and(|(anchors, when)| {
            self.is_pinned(anchors) || self.verify(anchors, when.latest).is_ok()
        })
    }

    /// A time at which all certificates of the path are valid, the nearest to `when`, if there is one.
    fn valid_time(&self, when: Option<VerificationTime>) -> Date {
        let issued = self.path.iter().filter(|details| is_own_or_issued(details, self.path[0]));
        let from = issued.clone().filter_map(|details| details.not_before).max().unwrap_or(Date(0));
        let until = issued.filter_map(|details| details.not_after).min().unwrap_or(Date(i64::MAX));
        when.map_or(from, |when| when.latest).min(until).max(from)
    }

    fn verify(&self, anchors: &Anchors, at: Date) -> Result<(), CertificateError> {
        self.verify_with(&anchors.roots, &self.intermediates, at)
    }

    fn verify_with(
        &self,
        roots: &RootCertStore,
        intermediates: &[&[u8]],
        at: Date,
    ) -> Result<(), CertificateError> {
        let Some(own) = self.own else { return Err(CertificateError::BadEncoding) };
        let own = CertificateDer::from(own);
        let intermediates: Vec<_> = intermediates.iter().map(|der| CertificateDer::from(*der)).collect();
        let at = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(at.0).unwrap_or(0)));
        let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms.all;
        let verified = ParsedCertificate::try_from(&own).and_then(|own| {
            verify_server_cert_signed_by_trust_anchor(&own, roots, &intermediates, at, algorithms)
        });
        verified.map_err(|error| match error {
            rustls::Error::InvalidCertificate(error) => error,
            _ => CertificateError::BadEncoding,
        })
    }
}

fn date_fault(details: &Details, is_own: bool, when: VerificationTime) -> Option<Fault> {
    let of = details.title().to_owned();
    match (details.not_before, details.not_after) {
        (_, Some(not_after)) if when.earliest > not_after => Some(Fault::Expired { of, not_after, is_own }),
        (Some(not_before), _) if when.latest < not_before => Some(Fault::NotYetValid { of, not_before }),
        _ => None,
    }
}

fn issuer_fault(issuer: &Issuer, chain: &Chain<'_>, anchors: Option<&Anchors>) -> Option<Fault> {
    let (own, last) = (chain.path.first()?, chain.path.last()?);
    let store = anchors?.name.clone();
    match issuer {
        Issuer::SelfSigned => Some(Fault::SelfSigned { of: own.title().to_owned(), store }),
        Issuer::Unknown => Some(Fault::UnknownIssuer {
            issuer: last.issuer.clone(),
            store,
            is_issuer_sent: last.is_self_issued,
        }),
        Issuer::Trusted | Issuer::Authority | Issuer::Refused(_) | Issuer::Unchecked(_) => None,
    }
}

/// What is weak about a certificate of a chain, or about the server's own: its key signs the handshake, whatever else it may sign.
fn weaknesses(details: &Details, is_own: bool) -> impl Iterator<Item = Fault> {
    const LEAST_BITS: usize = 2_048;
    let of = details.title();
    let is_authority = !is_own;
    let short = details.rsa_bits.filter(|bits| *bits < LEAST_BITS);
    let key = short.map(|bits| Weakness::ShortKey { bits, is_authority });
    let is_weak = ["MD2", "MD5", "SHA-1"].into_iter().any(|hash| details.signature.ends_with(hash));
    // A certificate that signed itself is trusted for itself or not at all.
    let signature =
        (is_weak && !details.is_self_issued).then(|| Weakness::Signature(details.signature.clone()));
    key.into_iter().chain(signature).map(|why| Fault::Weak { of: of.to_owned(), why })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_s_own_short_key_is_weak_as_its_own_even_where_it_is_a_ca_s() {
        let details = Details { rsa_bits: Some(1_024), is_ca: true, ..Details::default() };
        for (is_own, is_authority) in [(true, false), (false, true)] {
            let found: Vec<_> = weaknesses(&details, is_own).collect();
            let why = Weakness::ShortKey { bits: 1_024, is_authority };
            assert_eq!(found, [Fault::Weak { of: details.title().to_owned(), why }]);
        }
    }
}
