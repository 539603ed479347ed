//! The server's certificates, examined as the report does, and what is accepted of them.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};
use tracing::debug;

use super::demands::{Demands, Presented, Unmet};
use crate::cert::{self, Anchors, Date, Examination, Fault, Issuer, Pin, VerificationTime, Wanted, Weakness};
use crate::limits;
use crate::time::{Clock, Timestamp};
use crate::tls::CertificateMessage;

/// Faults of a certificate that are accepted; any other still ends the handshake.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Accepted {
    /// Whose signature it may have.
    pub issuer: AcceptedIssuer,
    /// Whether its validity may be over.
    pub is_expired: bool,
    /// Whether it may be for another name.
    pub is_misnamed: bool,
}

/// Whose signature a certificate may have.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum AcceptedIssuer {
    /// That of somebody in the trust store.
    #[default]
    Trusted,
    /// Its own too.
    Itself,
    /// Anybody's.
    Anybody,
}

impl Accepted {
    /// Whether anything is.
    pub fn is_any(self) -> bool {
        self != Self::default()
    }

    /// Whether a fault is among them.
    fn includes(self, fault: &Fault) -> bool {
        match fault {
            Fault::UnknownIssuer { .. } => self.issuer == AcceptedIssuer::Anybody,
            Fault::SelfSigned { .. } => self.issuer >= AcceptedIssuer::Itself,
            Fault::Expired { .. } => self.is_expired,
            Fault::NameMismatch { .. } => self.is_misnamed,
            Fault::NotYetValid { .. } | Fault::KeyUsage { .. } | Fault::Weak { .. } => false,
        }
    }
}

/// Looks at the server's certificates as the report does, so that what is refused here is what it explains.
pub(super) struct Verifier {
    pub wanted: Wanted,
    pub anchors: Arc<Anchors>,
    pub accepted: Accepted,
    /// The server's key must be one of these, if there are any.
    pub pins: Vec<Pin>,
    pub provider: Arc<CryptoProvider>,
    /// What is demanded beyond what clients do.
    pub demands: Demands,
    /// What is worth saying of the certificates that came last, and the demand that they do not meet.
    pub looked_at: Mutex<(Vec<String>, Option<Unmet>)>,
    /// The certificates that came last.
    pub chain: Mutex<Option<Arc<CertificateMessage>>>,
    /// The pin of the key that came last, if it is not one of those.
    pub unpinned: Mutex<Option<String>>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        staple: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let message = Arc::new(message(own, intermediates));
        *self.chain.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&message));
        let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let when = VerificationTime::of(Timestamp::from_parts(seconds, 0), Clock::Utc);
        let examination = cert::examine(&message, Some(self.wanted.clone()), when, Some(&self.anchors));
        debug!(issuer = ?examination.issuer, faults = ?examination.faults, "certificates examined");
        let objection = match &examination.issuer {
            Issuer::Refused(why) => {
                // What expired says more than a chain that was never valid as a whole.
                let fault = objectionable(&examination, self.accepted);
                let dated =
                    fault.filter(|fault| matches!(fault, Fault::Expired { .. } | Fault::NotYetValid { .. }));
                dated
                    .and_then(|fault| objection(fault, false))
                    .or(Some(CertificateError::Other(OtherError(Arc::new(Why(why.clone()))))))
            }
            Issuer::Authority if self.accepted.issuer != AcceptedIssuer::Anybody => {
                let fault = objectionable(&examination, self.accepted);
                let why = examination.issuer.refusal().unwrap_or_default().to_owned();
                fault
                    .and_then(|fault| objection(fault, false))
                    .or(Some(CertificateError::Other(OtherError(Arc::new(Why(why))))))
            }
            Issuer::Unchecked(why) => {
                Some(CertificateError::Other(OtherError(Arc::new(Why((*why).to_owned())))))
            }
            _ => objectionable(&examination, self.accepted)
                .and_then(|fault| objection(fault, examination.issuer == Issuer::Trusted)),
        };
        let unpinned = self.unpinned(own);
        let objection = objection.or_else(|| {
            let why = format!("its public key, {}, matches no --pin", unpinned.as_ref()?);
            Some(CertificateError::Other(OtherError(Arc::new(Why(why)))))
        });
        *self.unpinned.lock().unwrap_or_else(PoisonError::into_inner) = unpinned;
        let presented =
            Presented { chain: &message.chain, staple, anchors: &self.anchors, now: Date(seconds) };
        let (remarks, unmet) = self.demands.look_at(presented);
        // What any client refuses comes first.
        let unmet = unmet.filter(|_| objection.is_none());
        let objection = objection.or_else(|| match unmet.as_ref()? {
            Unmet { is_revoked: true, .. } => Some(CertificateError::Revoked),
            Unmet { headline, .. } => {
                Some(CertificateError::Other(OtherError(Arc::new(Why(headline.clone())))))
            }
        });
        *self.looked_at.lock().unwrap_or_else(PoisonError::into_inner) = (remarks, unmet);
        match objection {
            Some(objection) => Err(Error::InvalidCertificate(objection)),
            None => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl Verifier {
    /// The first of the user's demands that these certificates do not meet, whoever signed them. Without certificates, and without the
    /// response that is stapled to them, none is known to be met.
    pub(super) fn unmet_by(&self, chain: &[Vec<u8>], now: Date) -> Option<Unmet> {
        let unknown = |headline: &str, explanation: &str| Unmet {
            headline: headline.to_owned(),
            explanation: explanation.to_owned(),
            advice: Vec::new(),
            is_revoked: false,
        };
        let Some(own) = chain.first() else {
            let has_demands = !self.pins.is_empty() || self.demands != Demands::default();
            return has_demands.then(|| {
                unknown(
                    "its certificate is not known to meet what the options demand",
                    "TLS 1.3 encrypts the certificate, so --pin, --crl-file, --min-rsa-bits and --require-staple can't be applied.",
                )
            });
        };
        if let Some(pin) = self.unpinned(&own.as_slice().into()) {
            let headline = format!("the server's public key is {pin}, which is not pinned (--pin)");
            return Some(unknown(&headline, "No request was sent."));
        }
        let demands = Demands { wants_staple: false, ..self.demands.clone() };
        let presented = Presented { chain, staple: &[], anchors: &self.anchors, now };
        demands.look_at(presented).1.or_else(|| {
            self.demands.wants_staple.then(|| {
                unknown(
                    "it is not known whether it staples an OCSP response",
                    "The second ClientHello asks for none, and --require-staple demands one.",
                )
            })
        })
    }

    /// The pin of a certificate's key, if it is not one of those that are wanted.
    fn unpinned(&self, own: &CertificateDer<'_>) -> Option<String> {
        match Pin::of_certificate(own) {
            _ if self.pins.is_empty() => None,
            Some(pin) if self.pins.contains(&pin) => None,
            Some(pin) => Some(pin.to_string()),
            None => Some("one that can't be read".to_owned()),
        }
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "certificates for {}", self.wanted.name)
    }
}

/// The fault that a certificate is refused for. As clients do, who signed it and when comes before the name that it is for.
pub(in crate::probe) fn objectionable(examination: &Examination, accepted: Accepted) -> Option<&Fault> {
    let is_verified = examination.issuer == Issuer::Trusted;
    let faults = examination.faults.iter().filter(|fault| !accepted.includes(fault));
    let mut faults = faults.filter(|fault| objection(fault, is_verified).is_some());
    let is_name = |fault: &&Fault| matches!(fault, Fault::NameMismatch { .. });
    let name = faults.clone().find(is_name);
    faults.find(|fault| !is_name(fault)).or(name)
}

/// What a fault is to rustls, which sends the alert that belongs to it.
fn objection(fault: &Fault, is_verified: bool) -> Option<CertificateError> {
    match fault {
        Fault::Expired { .. } => Some(CertificateError::Expired),
        // rustls would call it expired. OpenSSL answers it with the alert bad_certificate, as what follows.
        Fault::NotYetValid { .. } => Some(CertificateError::BadEncoding),
        Fault::NameMismatch { .. } => Some(CertificateError::NotValidForName),
        Fault::SelfSigned { .. } | Fault::UnknownIssuer { .. } => Some(CertificateError::UnknownIssuer),
        // webpki does not look at it.
        Fault::KeyUsage { .. } => Some(CertificateError::InvalidPurpose),
        // webpki, which refuses weak keys and signatures, has not looked at a chain that leads to nobody, and never at what
        // the server's own key signs: ring takes no signature by a shorter one.
        Fault::Weak { .. } if !is_verified => Some(CertificateError::BadEncoding),
        Fault::Weak { why: Weakness::ShortKey { is_authority: false, .. }, .. } => {
            Some(CertificateError::BadEncoding)
        }
        // What webpki does not take is refused as an issuer; the rest is worth a warning.
        Fault::Weak { .. } => None,
    }
}

/// A reason in words.
#[derive(Debug)]
struct Why(String);

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Why {}

/// The certificates as the message that brought them.
fn message(own: &CertificateDer<'_>, intermediates: &[CertificateDer<'_>]) -> CertificateMessage {
    /// RFC 8446, 4.4.2: type and length of the message, an empty context, the list's length; before and after each
    /// certificate its length and that of its extensions, of which there are none as a rule.
    const FRAME: usize = 4 + 1 + 3;
    const ENTRY: usize = 3 + 2;
    let all: Vec<_> = std::iter::once(own).chain(intermediates).collect();
    let len = FRAME + all.iter().map(|der| ENTRY + der.len()).sum::<usize>();
    let chain: Vec<_> = all.iter().take(limits::CHAIN_CERTIFICATES).map(|der| der.to_vec()).collect();
    let further = (all.len() - chain.len()) as u32;
    CertificateMessage { len: len as u32, chain, further, is_whole: true }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cert::NameSource;
    use crate::cert::samples::sample;

    /// What a verifier that trusts nobody says to a certificate of these samples.
    fn verified(certificate: &str, host: &str, accepted: Accepted) -> Result<(), Error> {
        verified_with(certificate, host, accepted, Vec::new()).0
    }

    /// The same of one that wants a key with one of these pins, and the pin that it found instead.
    fn verified_with(
        certificate: &str,
        host: &str,
        accepted: Accepted,
        pins: Vec<Pin>,
    ) -> (Result<(), Error>, Option<String>) {
        let verifier = Verifier {
            wanted: Wanted { name: host.to_owned(), source: NameSource::Target },
            anchors: Arc::new(Anchors::new("the test's store", true, &[])),
            accepted,
            pins,
            demands: Demands::default(),
            looked_at: Mutex::default(),
            provider: Arc::new(rustls::crypto::ring::default_provider()),
            chain: Mutex::new(None),
            unpinned: Mutex::new(None),
        };
        let own = CertificateDer::from(sample(certificate));
        let name = ServerName::try_from(host.to_owned()).unwrap();
        // 2026-01-01: all samples are valid.
        let now = UnixTime::since_unix_epoch(Duration::from_secs(1_767_225_600));
        let verified = verifier.verify_server_cert(&own, &[], &name, &[], now).map(|_| ());
        (verified, verifier.unpinned.into_inner().unwrap())
    }

    #[test]
    fn a_key_that_is_not_pinned_is_refused_whatever_is_accepted() {
        let anybody = Accepted { issuer: AcceptedIssuer::Anybody, is_expired: true, is_misnamed: true };
        let own = Pin::of_certificate(&sample("server")).unwrap();
        let verified =
            |accepted, pins: &[Pin]| verified_with("server", "ssm.example", accepted, pins.to_vec());
        assert_eq!(verified(anybody, &[Pin([7; 32]), own]), (Ok(()), None));
        let (refused, found) = verified(anybody, &[Pin([7; 32])]);
        assert_eq!(found, Some(own.to_string()));
        let Err(Error::InvalidCertificate(CertificateError::Other(why))) = refused else {
            panic!("{refused:?}")
        };
        assert!(why.to_string().contains(&own.to_string()), "{why}");
        // A fault of the chain comes first, and a pin replaces no trust.
        let unknown = Err(Error::InvalidCertificate(CertificateError::UnknownIssuer));
        assert_eq!(verified(Accepted::default(), &[Pin([7; 32])]), (unknown.clone(), Some(own.to_string())));
        assert_eq!(verified(Accepted::default(), &[own]), (unknown, None));
    }

    #[test]
    fn only_the_faults_that_are_accepted_are_passed_over() {
        let nothing = Accepted::default();
        let anybody = Accepted { issuer: AcceptedIssuer::Anybody, ..nothing };
        let itself = Accepted { issuer: AcceptedIssuer::Itself, ..nothing };
        for (certificate, host, accepted, objection) in [
            ("server", "ssm.example", nothing, Some(CertificateError::UnknownIssuer)),
            ("server", "ssm.example", itself, Some(CertificateError::UnknownIssuer)),
            ("server", "ssm.example", anybody, None),
            ("server", "other.example", anybody, Some(CertificateError::NotValidForName)),
            ("server", "other.example", Accepted { is_misnamed: true, ..anybody }, None),
            ("self-signed", "ssm.example", nothing, Some(CertificateError::UnknownIssuer)),
            ("self-signed", "ssm.example", itself, None),
            // Regardless of its signer: a key of 1024 bits and SHA-1.
            ("weak", "ssm.example", anybody, Some(CertificateError::BadEncoding)),
        ] {
            let expected = objection.map_or(Ok(()), |error| Err(Error::InvalidCertificate(error)));
            assert_eq!(verified(certificate, host, accepted), expected, "{certificate} {host} {accepted:?}");
        }
    }
}
