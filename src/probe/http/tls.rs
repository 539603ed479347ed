//! TLS by rustls, over a connection whose bytes are on the tape.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{fmt, io};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, HandshakeKind,
    OtherError, SignatureScheme,
};
use tracing::debug;

use crate::cert::{self, Anchors, Examination, Fault, Issuer, NameSource, Wanted, Weakness, When};
use crate::limits;
use crate::probe::net::socket::Channel;
use crate::story::EndpointKnowledge;
use crate::tcp::Role;
use crate::time::{Clock, Timestamp};
use crate::tls::{AlertDescription, CertificateMessage};

/// How long a TLS 1.3 server may take to refuse a client's certificate, which it does after the client's Finished.
const VERDICT: Duration = Duration::from_secs(1);

/// How much longer than the handshake took its first words are waited for otherwise.
const FIRST_WORDS: Duration = Duration::from_millis(100);

/// How TLS is spoken.
#[derive(Clone, Debug)]
pub struct TlsPlan {
    /// The versions that are offered.
    pub versions: Vec<&'static rustls::SupportedProtocolVersion>,
    /// The server's name in the ClientHello; none is sent where the host is an address, or where it is empty.
    pub server_name: Option<String>,
    /// The name that the certificate must contain.
    pub wanted: String,
    /// Application protocols that are offered.
    pub protocols: Vec<String>,
    /// The authorities that the probe trusts.
    pub anchors: Arc<Anchors>,
    /// What is accepted of a certificate although a client would refuse it.
    pub accepted: Accepted,
    /// The certificate that the probe shows if it is asked for one.
    pub identity: Option<Arc<Identity>>,
    /// Whether a second connection is to resume the first one's session.
    pub resumes: bool,
}

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
            Fault::NotYetValid { .. } | Fault::Weak { .. } => false,
        }
    }
}

/// The certificate and key that the probe shows.
pub type Identity = CertifiedKey;

/// TLS as the plan wants it, for one or more connections.
pub(in crate::probe) struct Tls {
    config: Arc<ClientConfig>,
    verifier: Arc<Verifier>,
    resolver: Arc<IdentityResolver>,
}

/// An established connection.
pub(in crate::probe) type Established = ClientConnection;

/// How a handshake ended.
pub(in crate::probe) enum Handshake {
    /// It is complete.
    Complete(Box<Established>),
    /// It is not; the tape shows what happened. Whether what the check offers was refused, or what the server chose.
    Failed { is_no_choice: bool },
}

impl TlsPlan {
    /// How many versions rustls speaks.
    pub(in crate::probe) const VERSIONS: usize = 2;
}

impl Tls {
    /// The random of a ClientHello.
    pub(in crate::probe) fn random(&self) -> [u8; 32] {
        let mut random = [0; 32];
        // Without a source of random numbers rustls would not have come this far; nothing secret depends on these.
        let _ = self.verifier.provider.secure_random.fill(&mut random);
        random
    }

    /// By a plan.
    pub(in crate::probe) fn new(plan: &TlsPlan) -> Result<Self, Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = Arc::new(Verifier {
            wanted: Wanted { name: plan.wanted.clone(), source: NameSource::Target },
            anchors: Arc::clone(&plan.anchors),
            accepted: plan.accepted,
            provider: Arc::clone(&provider),
            chain: Mutex::new(None),
        });
        let resolver =
            Arc::new(IdentityResolver { identity: plan.identity.clone(), was_asked: AtomicBool::new(false) });
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&plan.versions)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&verifier) as _)
            .with_client_cert_resolver(Arc::clone(&resolver) as _);
        config.alpn_protocols = plan.protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        config.enable_sni = plan.server_name.is_some();
        config.resumption = if plan.resumes {
            Resumption::in_memory_sessions(limits::PROBE_SESSIONS)
        } else {
            Resumption::disabled()
        };
        Ok(Self { config: Arc::new(config), verifier, resolver })
    }

    /// Performs the handshake. Returns also what the packets do not show.
    pub(in crate::probe) fn shake_hands(
        &self,
        plan: &TlsPlan,
        channel: &mut Channel<'_>,
        awaits_verdict: bool,
    ) -> (Handshake, EndpointKnowledge) {
        channel.tape().enter(crate::probe::step::Phase::Tls);
        let mut knowledge = EndpointKnowledge::of(channel.connection().client);
        *self.verifier.chain.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let name = plan.server_name.as_ref().unwrap_or(&plan.wanted);
        let name = ServerName::try_from(name.trim_end_matches('.').to_owned());
        let connection = name
            .map_err(|_| Error::General("no server name".to_owned()))
            .and_then(|name| ClientConnection::new(Arc::clone(&self.config), name));
        let mut connection = match connection {
            Ok(connection) => connection,
            Err(error) => {
                channel.tape().note(format!("no TLS: {error}"));
                return (Handshake::Failed { is_no_choice: false }, knowledge);
            }
        };
        let began = Instant::now();
        let mut outcome = Ok(());
        while connection.is_handshaking() && outcome.is_ok() {
            outcome = connection.complete_io(channel).map(|_| ());
        }
        let was_asked = self.resolver.was_asked.load(Ordering::Relaxed);
        if outcome.is_ok() && (awaits_verdict || was_asked) {
            // Nothing follows where the verdict is all that is awaited, so closing asks for it.
            let patience = if was_asked && !awaits_verdict { VERDICT } else { began.elapsed() + FIRST_WORDS };
            outcome = first_words(&mut connection, channel, patience);
            if outcome.is_ok() && was_asked && awaits_verdict && connection.tls13_tickets_received() == 0 {
                outcome = last_words(&mut connection, channel);
            }
        }
        knowledge.certificates = self.verifier.chain.lock().unwrap_or_else(PoisonError::into_inner).take();
        debug!(
            version = ?connection.protocol_version(),
            suite = ?connection.negotiated_cipher_suite().map(|suite| suite.suite()),
            kind = ?connection.handshake_kind(),
            was_asked_for_certificate = self.resolver.was_asked.load(Ordering::Relaxed),
            error = ?outcome.as_ref().err(),
            "handshake"
        );
        knowledge.protocol =
            connection.alpn_protocol().map(|protocol| String::from_utf8_lossy(protocol).into_owned());
        match outcome {
            Ok(()) => {
                knowledge.is_read = true;
                let kind = match connection.handshake_kind() {
                    Some(HandshakeKind::Resumed) => ", session resumed",
                    _ => "",
                };
                channel.tape().note(format!("TLS is established{kind}"));
                (Handshake::Complete(Box::new(connection)), knowledge)
            }
            Err(error) => {
                knowledge.alert = alert(&error);
                knowledge.is_read = knowledge.alert.is_some();
                knowledge.acks_unobservable = channel.acks_unobservable();
                channel.tape().note(ended(&error));
                let is_no_choice = connection.negotiated_cipher_suite().is_none() && is_no_choice(&error);
                (Handshake::Failed { is_no_choice }, knowledge)
            }
        }
    }
}

/// Waits for what the server sends first after the handshake: session tickets, or an alert.
fn first_words(
    connection: &mut Established,
    channel: &mut Channel<'_>,
    patience: Duration,
) -> io::Result<()> {
    let until = Instant::now() + patience;
    if connection.protocol_version() != Some(rustls::ProtocolVersion::TLSv1_3) {
        return Ok(());
    }
    while connection.tls13_tickets_received() == 0 && channel.waits_until(until)? {
        match connection.read_tls(channel) {
            Ok(0) => break,
            Ok(_) => connection.process_new_packets().map_err(io::Error::other).map(|_| ())?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Closes TLS, and reads what the server sends until it closes too. It has looked at the client's certificate before it reads the
/// close_notify, so an alert that refuses it comes first.
fn last_words(connection: &mut Established, channel: &mut Channel<'_>) -> io::Result<()> {
    let until = Instant::now() + VERDICT;
    if connection.protocol_version() != Some(rustls::ProtocolVersion::TLSv1_3) {
        return Ok(());
    }
    connection.send_close_notify();
    while connection.wants_write() {
        connection.write_tls(channel)?;
    }
    while channel.waits_until(until)? {
        if connection.read_tls(channel)? == 0 {
            break;
        }
        if connection.process_new_packets().map_err(io::Error::other)?.peer_has_closed() {
            break;
        }
    }
    Ok(())
}

/// Whether client and server have no version, suite, group or signature in common, by an error before a suite is agreed on.
fn is_no_choice(error: &io::Error) -> bool {
    use rustls::AlertDescription::{HandshakeFailure, InsufficientSecurity, ProtocolVersion};
    match error.get_ref().and_then(|error| error.downcast_ref::<Error>()) {
        Some(Error::AlertReceived(alert)) => {
            matches!(alert, HandshakeFailure | InsufficientSecurity | ProtocolVersion)
        }
        // The server chose what was not offered, as one does that knows no newer version.
        Some(Error::PeerIncompatible(_) | Error::PeerMisbehaved(_)) => true,
        _ => false,
    }
}

/// The alert that an error brought, or was answered with.
pub(in crate::probe) fn alert(error: &io::Error) -> Option<(Role, AlertDescription)> {
    let by_rustls = |alert: rustls::AlertDescription| AlertDescription(u8::from(alert));
    match error.get_ref()?.downcast_ref::<Error>()? {
        Error::AlertReceived(alert) => Some((Role::Server, by_rustls(*alert))),
        Error::InvalidCertificate(error) => Some((Role::Client, by_rustls(error.clone().into()))),
        _ => None,
    }
}

/// Why a handshake, or what came after it, ended, in words.
pub(in crate::probe) fn ended(error: &io::Error) -> String {
    match error.get_ref().and_then(|error| error.downcast_ref::<Error>()) {
        Some(Error::AlertReceived(alert)) => {
            format!("the server sent the alert {}", AlertDescription(u8::from(*alert)))
        }
        Some(Error::InvalidCertificate(CertificateError::Other(why))) => {
            format!("the certificate is refused: {why}")
        }
        Some(Error::InvalidCertificate(_)) => "the certificate is refused".to_owned(),
        Some(error) => format!("TLS ended: {error}"),
        None if error.kind() == io::ErrorKind::TimedOut => "no answer; given up".to_owned(),
        None if error.kind() == io::ErrorKind::UnexpectedEof => "the server closed in the middle".to_owned(),
        None => format!("TLS ended: {error}"),
    }
}

/// Looks at the server's certificates as the report does, so that what is refused here is what it explains.
struct Verifier {
    wanted: Wanted,
    anchors: Arc<Anchors>,
    accepted: Accepted,
    provider: Arc<CryptoProvider>,
    chain: Mutex<Option<Arc<CertificateMessage>>>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let message = Arc::new(message(own, intermediates));
        *self.chain.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&message));
        let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let when = When::of(Timestamp::from_parts(seconds, 0), Clock::Utc);
        let examination = cert::examine(&message, Some(self.wanted.clone()), when, Some(&self.anchors));
        debug!(issuer = ?examination.issuer, faults = ?examination.faults, "certificates examined");
        let objection = match &examination.issuer {
            Issuer::Refused(why) => Some(CertificateError::Other(OtherError(Arc::new(Why(why.clone()))))),
            Issuer::Unchecked(why) => {
                Some(CertificateError::Other(OtherError(Arc::new(Why((*why).to_owned())))))
            }
            _ => objectionable(&examination, self.accepted)
                .and_then(|fault| objection(fault, examination.issuer == Issuer::Trusted)),
        };
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

/// Shows the client's certificate, and notes that it was asked for.
#[derive(Debug)]
struct IdentityResolver {
    identity: Option<Arc<Identity>>,
    was_asked: AtomicBool,
}

impl ResolvesClientCert for IdentityResolver {
    fn resolve(&self, _: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.was_asked.store(true, Ordering::Relaxed);
        let identity = self.identity.as_ref()?;
        identity.key.choose_scheme(schemes)?;
        Some(Arc::clone(identity))
    }

    fn has_certs(&self) -> bool {
        self.identity.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cert::samples::sample;

    /// What a verifier that trusts nobody says to a certificate of these samples.
    fn verified(certificate: &str, host: &str, accepted: Accepted) -> Result<(), Error> {
        let verifier = Verifier {
            wanted: Wanted { name: host.to_owned(), source: NameSource::Target },
            anchors: Arc::new(Anchors::new("the test's store", true, &[])),
            accepted,
            provider: Arc::new(rustls::crypto::ring::default_provider()),
            chain: Mutex::new(None),
        };
        let own = CertificateDer::from(sample(certificate));
        let name = ServerName::try_from(host.to_owned()).unwrap();
        // 2026-01-01: all samples are valid.
        let now = UnixTime::since_unix_epoch(Duration::from_secs(1_767_225_600));
        verifier.verify_server_cert(&own, &[], &name, &[], now).map(|_| ())
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
            // Whoever signed it: a key of 1024 bits and SHA-1.
            ("weak", "ssm.example", anybody, Some(CertificateError::BadEncoding)),
        ] {
            let expected = objection.map_or(Ok(()), |error| Err(Error::InvalidCertificate(error)));
            assert_eq!(verified(certificate, host, accepted), expected, "{certificate} {host} {accepted:?}");
        }
    }
}
