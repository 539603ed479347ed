//! TLS by rustls, over a connection whose bytes are on the tape.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustls::client::{ResolvesClientCert, Resumption};
use rustls::pki_types::{ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, ClientConfig, ClientConnection, Error, HandshakeKind, PeerIncompatible, SignatureScheme,
};
use tracing::debug;

use super::after_handshake::{FIRST_WORDS, VERDICT, first_words, last_words, settled};
use super::demands::{Demands, Unmet};
use super::overheard::Overheard;
use super::verifier::{Accepted, Verifier};
use crate::cert::{Anchors, Date, NameSource, Pin, Wanted};
use crate::limits;
use crate::probe::broken::broken_by;
use crate::probe::net::socket::{Channel, words};
use crate::probe::quote;
use crate::probe::step::Phase;
use crate::story::EndpointKnowledge;
use crate::tcp::Role;
use crate::tls::{AlertDescription, Version};

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
    /// The server's key must be one of these; any key is accepted if the list is empty.
    pub pins: Vec<Pin>,
    /// What is demanded of the server's certificate beyond what clients do.
    pub demands: Demands,
    /// The certificate that the probe shows if it is asked for one.
    pub identity: Option<Arc<Identity>>,
    /// Whether a second connection is to resume the first one's session.
    pub resumes: bool,
}

/// The certificate and key that the probe shows.
pub type Identity = CertifiedKey;

/// TLS as the plan wants it, for one or more connections.
pub(in crate::probe) struct Tls {
    config: Arc<ClientConfig>,
    verifier: Arc<Verifier>,
    resolver: Arc<IdentityResolver>,
    peer: Peer,
}

/// Who TLS is spoken with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::probe) enum Peer {
    /// The server.
    Server,
    /// The proxy, before it is asked for a tunnel.
    Proxy,
}

impl Peer {
    fn name(self) -> &'static str {
        match self {
            Self::Server => "the server",
            Self::Proxy => "the proxy",
        }
    }

    fn phase(self) -> Phase {
        match self {
            Self::Server => Phase::Tls,
            Self::Proxy => Phase::Proxy,
        }
    }
}

/// An established connection.
pub(in crate::probe) type Established = ClientConnection;

/// How a handshake ended.
pub(in crate::probe) enum Handshake {
    /// It is complete, after this time; what the check listened for afterwards is no part of that.
    Complete(Box<Established>, Duration),
    /// It is not; the tape shows what happened.
    Failed(Failed),
}

/// Why a handshake is not complete, as far as packets do not show it.
#[derive(Default)]
pub(in crate::probe) struct Failed {
    /// Whether the server refuses what the check offers, or knows none of its versions.
    pub(in crate::probe) is_no_choice: bool,
    /// What of the server's bytes is no TLS, or not what the protocol has there, if that ended it.
    pub(in crate::probe) violation: Option<String>,
    /// The pin of the server's key if it is not one of those that are wanted, or why it has none.
    pub(in crate::probe) unpinned: Option<String>,
    /// The demand that the server's certificate does not meet.
    pub(in crate::probe) unmet: Option<Unmet>,
    /// The alert by which the server refused the client's certificate, or its lack, after the handshake.
    pub(in crate::probe) refusal: Option<AlertDescription>,
}

impl TlsPlan {
    /// How many versions rustls speaks.
    pub(in crate::probe) const VERSIONS: usize = 2;
}

impl Tls {
    /// Notes on the tape how TLS was established.
    fn note_established(&self, connection: &Established, plan: &TlsPlan, channel: &mut Channel<'_>) {
        let kind = match connection.handshake_kind() {
            Some(HandshakeKind::Resumed) => ", session resumed",
            _ if !plan.pins.is_empty() => ", and the server's public key is a pinned one",
            _ => "",
        };
        let with = if self.peer == Peer::Proxy { " with the proxy" } else { "" };
        channel.tape().note(format!("TLS is established{with}{kind}"));
        if self.lacks_identity() {
            let peer = self.peer.name();
            channel.tape().note(format!("{peer} asked for a client certificate and got none"));
        }
    }

    /// Whether the server asked for a client certificate in the last handshake, and there is none to show.
    pub(in crate::probe) fn lacks_identity(&self) -> bool {
        self.resolver.identity.is_none() && self.resolver.was_asked.load(Ordering::Relaxed)
    }

    /// The random of a ClientHello.
    pub(in crate::probe) fn random(&self) -> [u8; 32] {
        let mut random = [0; 32];
        // Without a source of random numbers rustls would not have come this far; nothing secret depends on these.
        let _ = self.verifier.provider.secure_random.fill(&mut random);
        random
    }

    /// By a plan.
    pub(in crate::probe) fn new(plan: &TlsPlan, peer: Peer) -> Result<Self, Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        plan.demands.prepare(&plan.anchors);
        let verifier = Arc::new(Verifier {
            wanted: Wanted { name: plan.wanted.clone(), source: NameSource::Target },
            anchors: Arc::clone(&plan.anchors),
            accepted: plan.accepted,
            pins: plan.pins.clone(),
            demands: plan.demands.clone(),
            looked_at: Mutex::default(),
            provider: Arc::clone(&provider),
            chain: Mutex::new(None),
            unpinned: Mutex::new(None),
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
        Ok(Self { config: Arc::new(config), verifier, resolver, peer })
    }

    /// Performs the handshake. Returns also what the packets do not show.
    pub(in crate::probe) fn shake_hands(
        &self,
        plan: &TlsPlan,
        channel: &mut Channel<'_>,
        awaits_verdict: bool,
    ) -> (Handshake, EndpointKnowledge) {
        channel.tape().enter(self.peer.phase());
        channel.begins_tls();
        let mut knowledge = EndpointKnowledge::of(channel.connection().client);
        self.forget();
        let name = plan.server_name.as_ref().unwrap_or(&plan.wanted);
        let name = ServerName::try_from(name.trim_end_matches('.').to_owned());
        let connection = name
            .map_err(|_| Error::General("no server name".to_owned()))
            .and_then(|name| ClientConnection::new(Arc::clone(&self.config), name));
        let mut connection = match connection {
            Ok(connection) => connection,
            Err(error) => {
                channel.tape().note(format!("no TLS: {error}"));
                return (Handshake::Failed(Failed::default()), knowledge);
            }
        };
        let began = Instant::now();
        let mut outcome = Ok(());
        let mut overheard = Overheard::new(channel);
        while connection.is_handshaking() && outcome.is_ok() {
            outcome = connection.complete_io(&mut overheard).map(|_| ());
        }
        let (first_version, begin) = (overheard.version(), overheard.begin());
        let took = began.elapsed();
        let unmet = self.looked_at(channel);
        let was_asked = self.resolver.was_asked.load(Ordering::Relaxed);
        if outcome.is_ok() && (awaits_verdict || was_asked) {
            // A ticket is the first that a server sends to a client that it accepts.
            let patience = if was_asked { VERDICT } else { began.elapsed() + FIRST_WORDS };
            outcome = first_words(&mut connection, channel, patience);
            if outcome.is_ok() && awaits_verdict {
                outcome = settled(&mut connection, channel);
            }
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
                self.note_established(&connection, plan, channel);
                (Handshake::Complete(Box::new(connection), took), knowledge)
            }
            Err(error) => {
                knowledge.alert = alert(&error);
                knowledge.is_read = knowledge.alert.is_some();
                knowledge.acks_unobservable = channel.acks_unobservable();
                channel.tape().note(ended_by(self.peer, &error));
                let by_server = knowledge.alert.filter(|(by, _)| *by == Role::Server);
                let refusal = by_server.filter(|_| was_asked && !connection.is_handshaking());
                let refusal = refusal.map(|(_, alert)| alert);
                let mut failed = Failed { unmet, refusal, ..self.failed(&connection, &error, first_version) };
                if failed.violation.is_some() && !begins_record(&begin) {
                    failed.violation = Some(format!("{NO_TLS}\"{}\"", quote::short(&begin, channel.tape())));
                }
                (Handshake::Failed(failed), knowledge)
            }
        }
    }
}

impl Tls {
    /// Forgets the certificates of the connection before.
    fn forget(&self) {
        let Verifier { unpinned, chain, looked_at, .. } = &*self.verifier;
        *unpinned.lock().unwrap_or_else(PoisonError::into_inner) = None;
        *chain.lock().unwrap_or_else(PoisonError::into_inner) = None;
        *looked_at.lock().unwrap_or_else(PoisonError::into_inner) = Default::default();
    }

    /// The first of the user's demands that these certificates do not meet, which came outside a handshake that looks at them.
    pub(in crate::probe) fn unmet_by(&self, chain: &[Vec<u8>]) -> Option<Unmet> {
        self.verifier.unmet_by(chain, Date(UnixTime::now().as_secs() as i64))
    }

    /// Notes what is worth saying of the certificates, and returns the demand that they do not meet.
    fn looked_at(&self, channel: &mut Channel<'_>) -> Option<Unmet> {
        let mut looked_at = self.verifier.looked_at.lock().unwrap_or_else(PoisonError::into_inner);
        let (remarks, unmet) = std::mem::take(&mut *looked_at);
        for remark in remarks {
            channel.tape().note(remark);
        }
        unmet
    }

    /// What packets do not show of a handshake that this error ended, after a ServerHello of that version.
    fn failed(&self, connection: &Established, error: &io::Error, version: Option<Version>) -> Failed {
        let is_undecided = connection.negotiated_cipher_suite().is_none();
        Failed {
            is_no_choice: is_undecided && is_no_choice(error, version),
            violation: violation(error).or_else(|| strange_version(error, version)),
            unpinned: self.verifier.unpinned.lock().unwrap_or_else(PoisonError::into_inner).take(),
            unmet: None,
            refusal: None,
        }
    }
}

/// Whether client and server have no version, suite, group or signature in common, by an error before a suite is agreed on, and by
/// the version of a ServerHello that came. A server that breaks the protocol is asked nothing more.
fn is_no_choice(error: &io::Error, version: Option<Version>) -> bool {
    use rustls::AlertDescription::{
        HandshakeFailure, InsufficientSecurity, NoApplicationProtocol, ProtocolVersion,
    };
    match error.get_ref().and_then(|error| error.downcast_ref::<Error>()) {
        Some(Error::AlertReceived(alert)) => {
            matches!(alert, HandshakeFailure | InsufficientSecurity | NoApplicationProtocol | ProtocolVersion)
        }
        Some(Error::PeerIncompatible(PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig)) => true,
        // A server that knows no newer version answers with its own, whatever the extensions say (RFC 5246, E.1).
        Some(Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13)) => {
            version.is_some_and(is_old)
        }
        _ => false,
    }
}

/// TLS 1.0 and 1.1, which a client of that time completes.
fn is_old(version: Version) -> bool {
    matches!(version.0, 0x0301 | 0x0302)
}

/// What begins the words about an answer to the ClientHello that is no record of TLS.
pub(in crate::probe) const NO_TLS: &str = "bytes that are no TLS: ";

/// Whether bytes begin a record of TLS, as far as they go (RFC 8446, 5.1).
fn begins_record(bytes: &[u8]) -> bool {
    matches!(*bytes, [] | [20..=23] | [20..=23, 3, ..])
}

/// A version that no client offers, where that ended the handshake.
fn strange_version(error: &io::Error, version: Option<Version>) -> Option<String> {
    let error = error.get_ref().and_then(|error| error.downcast_ref::<Error>())?;
    let is_about_it = *error == Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13);
    let version = version.filter(|version| is_about_it && !is_old(*version))?;
    // The version of the field that all have; of what came in an extension it says nothing.
    Some(match version {
        Version::TLS12 => "a ServerHello that chooses a TLS version which was not offered".to_owned(),
        _ => format!("a ServerHello of {version}, which was not offered"),
    })
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

/// Why a handshake with the server, or what came after it, ended, in words.
pub(in crate::probe) fn ended(error: &io::Error) -> String {
    ended_by(Peer::Server, error)
}

/// Why a handshake, or what came after it, ended, in words.
fn ended_by(peer: Peer, error: &io::Error) -> String {
    let who = peer.name();
    match error.get_ref().and_then(|error| error.downcast_ref::<Error>()) {
        Some(Error::AlertReceived(alert)) => {
            format!("{who} sent the alert {}", AlertDescription(u8::from(*alert)))
        }
        Some(Error::InvalidCertificate(CertificateError::Other(why))) => {
            format!("the certificate is refused: {why}")
        }
        Some(Error::InvalidCertificate(_)) => "the certificate is refused".to_owned(),
        Some(error) => match broken_by(error) {
            Some(what) => format!("{who} sent {what}"),
            None => format!("TLS ended: {error}"),
        },
        None if error.kind() == io::ErrorKind::TimedOut => "no answer; given up".to_owned(),
        None if error.kind() == io::ErrorKind::UnexpectedEof => format!("{who} closed in the middle"),
        None if error.kind() == io::ErrorKind::ConnectionReset => format!("{who} reset the connection"),
        None => format!("TLS ended: {}", words(error)),
    }
}

/// What of the server's bytes is no TLS, or breaks the protocol, if an error is about that.
fn violation(error: &io::Error) -> Option<String> {
    error.get_ref().and_then(|error| error.downcast_ref::<Error>()).and_then(broken_by)
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
