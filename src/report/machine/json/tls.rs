//! What TLS showed of a connection, in JSON.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Serialize;

use super::certificates::CertificatesObject;
use crate::report::machine::values::both;
use crate::story::{EndingKind, Observed, Stage, Story};
use crate::tcp::{PerRole, Role};
use crate::tls::{Basis, CipherSuite, ClientHello, NamedGroup, Version};

/// What TLS showed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Tls")]
pub struct TlsObject {
    /// The version agreed on.
    pub version: Option<String>,
    /// The cipher suite agreed on, by its name in the IANA registry; numbers without a known name are written as `0xabcd`,
    /// here and below.
    pub cipher_suite: Option<String>,
    /// The key exchange group agreed on.
    pub group: Option<String>,
    /// The application protocol agreed on; TLS 1.3 encrypts it.
    pub alpn_chosen: Option<String>,
    /// Whether the server resumed an earlier session; null where the hellos don't show it.
    pub is_resumed: Option<bool>,
    /// The server's name that the client asked for.
    pub server_name: Option<String>,
    /// Application protocols offered; null where they were not captured.
    pub alpn: Option<Vec<String>>,
    /// Versions offered, highest first; null where they were not captured.
    pub versions_offered: Option<Vec<Cow<'static, str>>>,
    /// Cipher suites offered; null where they were not captured.
    pub cipher_suites_offered: Option<Vec<Cow<'static, str>>>,
    /// Key exchange groups offered; null where they were not captured.
    pub groups_offered: Option<Vec<Cow<'static, str>>>,
    /// Groups for which the client brought a key share; null where they were not captured.
    pub key_shares_offered: Option<Vec<Cow<'static, str>>>,
    /// The client's JA4 fingerprint; null where the ClientHello was not captured whole.
    pub ja4: Option<String>,
    /// Bytes of the ClientHello.
    pub client_hello_length: Option<u32>,
    /// Whether the client offered to resume a session; null where that was not captured.
    pub offers_resumption: Option<bool>,
    /// How: by `session-id`, `ticket`, `pre-shared-key`.
    pub resumption_offered: Vec<&'static str>,
    /// Whether the client announced early data; null where that was not captured.
    pub offers_early_data: Option<bool>,
    /// Whether the server asked for another ClientHello.
    pub was_retried: bool,
    /// The key exchange group that it asked for.
    pub retry_group: Option<String>,
    /// The steps that were taken.
    pub steps: Vec<TlsStep>,
    /// What the size of the client's flight fits, where only lengths are known: version, key exchange, cipher family.
    /// With several readings one of them is true.
    pub size_readings: Vec<String>,
    /// Application data records of each side.
    pub application_data: PerRole<u64>,
    /// Alerts.
    pub alerts: Vec<Alert>,
    /// What was seen of certificates.
    #[serde(flatten)]
    pub certificates: CertificatesObject,
}

/// A step of the TLS handshake.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct TlsStep {
    /// The stage that it reached.
    pub stage: Stage,
    /// The packet that completed it.
    pub packet: u64,
    /// How it is known.
    pub basis: Basis,
}

/// An alert.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Alert {
    /// Who sent it.
    pub by: Role,
    /// The packet.
    pub packet: u64,
    /// Its name in the TLS registry; null where only its size shows that it is one.
    pub description: Option<String>,
    /// Its number there.
    pub number: Option<u8>,
    /// How it is known.
    pub basis: Basis,
}

impl TlsObject {
    /// Creates the object of a connection, if there was any TLS.
    pub(super) fn of(story: &Story) -> Option<Self> {
        let facts = &story.tls;
        let alerts: Vec<_> = story.endings.iter().filter_map(alert).collect();
        let steps = steps(story);
        if steps.is_empty() && alerts.is_empty() {
            return None;
        }
        let hello = facts.client_hello.as_ref().map(|observed| &observed.what);
        // A hello that was cut may have had what is not shown.
        let is_shown = |is_there: bool| is_there || hello.is_some_and(|hello| hello.is_whole);
        let list = |items: Vec<Cow<'static, str>>| Some(items).filter(|items| is_shown(!items.is_empty()));
        let offered = hello.map(|hello| {
            [
                (hello.offers_session_id(), "session-id"),
                (hello.offers_ticket, "ticket"),
                (hello.offers_pre_shared_key, "pre-shared-key"),
            ]
        });
        Some(Self {
            version: facts.version().map(|version| version.to_string()),
            cipher_suite: facts.cipher_suite().map(|suite| suite.to_string()),
            group: facts.group().map(|group| group.to_string()),
            alpn_chosen: facts.server_hello.as_ref().and_then(|observed| observed.what.alpn.clone()),
            is_resumed: facts.is_resumed(),
            server_name: hello.and_then(|hello| hello.server_name.clone()),
            alpn: hello.map(|hello| hello.alpn.clone()).filter(|items| is_shown(!items.is_empty())),
            versions_offered: hello.and_then(|hello| list(names(&hello.versions, Version::name))),
            cipher_suites_offered: hello
                .and_then(|hello| list(names(&hello.cipher_suites, CipherSuite::name))),
            groups_offered: hello.and_then(|hello| list(names(&hello.groups, NamedGroup::name))),
            key_shares_offered: hello.and_then(|hello| list(names(&hello.key_shares, NamedGroup::name))),
            ja4: hello.and_then(ClientHello::ja4),
            client_hello_length: hello.map(|hello| hello.len),
            offers_resumption: hello.map(ClientHello::offers_resumption).filter(|offers| is_shown(*offers)),
            resumption_offered: offered
                .into_iter()
                .flatten()
                .filter_map(|(offers, how)| offers.then_some(how))
                .collect(),
            offers_early_data: hello.map(|hello| hello.offers_early_data).filter(|offers| is_shown(*offers)),
            was_retried: facts.retry.is_some(),
            retry_group: facts.retry_group.map(|group| group.to_string()),
            steps,
            size_readings: facts
                .size_readings
                .iter()
                .flat_map(|observed| observed.what.iter().map(ToString::to_string))
                .collect(),
            application_data: both(|role| facts.application_data[role].count),
            alerts,
            certificates: CertificatesObject::of(story),
        })
    }
}

fn steps(story: &Story) -> Vec<TlsStep> {
    fn step<T>(stage: Stage, observed: Option<&Observed<T>>) -> Option<TlsStep> {
        observed.map(|observed| TlsStep { stage, packet: observed.moment.number, basis: observed.basis })
    }
    let tls = &story.tls;
    [
        step(Stage::ClientHello, tls.client_hello.as_ref()),
        step(Stage::ServerHello, tls.server_hello.as_ref()),
        step(Stage::ServerFlightComplete, tls.server_flight.as_ref()),
        step(Stage::ClientFinished, tls.client_finished.as_ref()),
        step(Stage::TlsEstablished, tls.established.as_ref()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn alert(ending: &crate::story::Ending) -> Option<Alert> {
    let (description, basis) = match &ending.what {
        EndingKind::Alert { description, basis } => (*description, *basis),
        EndingKind::EncryptedAlert { basis } => (None, *basis),
        _ => return None,
    };
    Some(Alert {
        by: ending.by,
        packet: ending.moment.number,
        description: description.map(|description| description.to_string()),
        number: description.map(|description| description.0),
        basis,
    })
}

/// Names, or numbers where there is none. A hello has dozens, and nearly all have names.
fn names<T: Copy + ToString>(
    items: &[T],
    name: impl Fn(T) -> Option<&'static str>,
) -> Vec<Cow<'static, str>> {
    let shown = |item: &T| name(*item).map_or_else(|| Cow::Owned(item.to_string()), Cow::Borrowed);
    items.iter().map(shown).collect()
}
