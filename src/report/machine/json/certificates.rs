//! Certificates in JSON.

use schemars::JsonSchema;
use serde::Serialize;

use crate::cert::{self, Examination, Issuer, NameSource};
use crate::story::{Story, Unseen};
use crate::tcp::Role;

/// What was seen of certificates. Only SSL 3.0 to TLS 1.2 send them in clear.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Certificates")]
pub struct CertificatesObject {
    /// The server's certificates, its own first; null where none was captured, and then `certificates_unseen` says why.
    pub certificates: Option<Vec<CertificateObject>>,
    /// Further certificates of the message that were not looked at.
    pub further_certificates: u32,
    /// Why there are none.
    pub certificates_unseen: Option<Unseen>,
    /// Bytes of the server's Certificate message; null where it was not seen.
    pub certificate_message_length: Option<u32>,
    /// What a client makes of them.
    pub certificate_check: Option<CertificateCheck>,
    /// The packet in which the server asked for a client certificate in clear.
    pub client_certificate_request: Option<u64>,
    /// The client's certificates, empty where it sent a message with none; null where none was seen.
    pub client_certificates: Option<Vec<CertificateObject>>,
}

/// A certificate. Everything but its fingerprint is null where it is not X.509.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Certificate")]
pub struct CertificateObject {
    /// The subject: what the certificate identifies.
    pub subject: Option<String>,
    /// Who signed it.
    pub issuer: Option<String>,
    /// Hosts' names and addresses that it is for.
    pub names: Option<Vec<String>>,
    /// Further names, where there are very many.
    pub further_names: Option<usize>,
    /// The first second at which it is valid, in RFC 3339.
    pub not_before: Option<String>,
    /// The last.
    pub not_after: Option<String>,
    /// Its key: `RSA 2048`, `P-256`, `Ed25519`, or an object identifier.
    pub key: Option<String>,
    /// How it is signed: `RSA with SHA-256`, or an object identifier.
    pub signature: Option<String>,
    /// Whether it may sign others.
    pub is_ca: Option<bool>,
    /// Whether subject and issuer are the same.
    pub is_self_issued: Option<bool>,
    /// The SHA-256 of its DER in hexadecimal digits.
    pub sha256: String,
    /// The SHA-256 of its public key in the form that `check --pin` and curl's `--pinnedpubkey` take: `sha256//` and base64.
    pub pin: Option<String>,
}

/// What a client makes of the server's certificates.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CertificateCheck {
    /// The name that the certificate must contain; null where it is not known.
    pub name: Option<String>,
    /// How that name is known.
    pub name_from: Option<NameSource>,
    /// The store in which the issuer was looked for; null without one.
    pub store: Option<String>,
    /// Whether the chain leads to somebody in the store, whatever its dates.
    pub issuer: Trusted,
    /// Why it is not known, or can't be followed.
    pub why: Option<String>,
    /// Whether the dates were checked, which needs a capture with dates.
    pub are_dates_checked: bool,
    /// Codes of the findings about it.
    pub faults: Vec<&'static str>,
}

/// Whether the issuer is trusted.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Trusted {
    /// It is.
    Trusted,
    /// The server's certificate signed itself.
    SelfSigned,
    /// It is not in the store.
    Unknown,
    /// The chain can't be followed.
    Refused,
    /// It was not checked.
    Unchecked,
}

impl CertificatesObject {
    pub(super) fn of(story: &Story) -> Self {
        let examination = story.tls.examination.as_deref();
        let clients = story.tls.certificates[Role::Client].as_ref();
        Self {
            certificates: examination
                .map(|examination| examination.certificates.iter().map(certificate).collect())
                .filter(|certificates: &Vec<_>| !certificates.is_empty()),
            further_certificates: examination.map_or(0, |examination| examination.further),
            certificates_unseen: story.certificates_unseen(),
            certificate_message_length: examination
                .map(|examination| examination.message_len)
                .or_else(|| story.tls.unfinished_certificate.map(|(len, _)| len)),
            certificate_check: examination.map(check),
            client_certificate_request: story.tls.certificate_request.map(|moment| moment.number),
            client_certificates: clients.filter(|said| said.what.is_whole).map(|said| {
                said.what.chain.iter().map(|der| certificate(&cert::Certificate::read(der))).collect()
            }),
        }
    }
}

fn certificate(certificate: &cert::Certificate) -> CertificateObject {
    let details = certificate.details.as_ref();
    let text = |of: fn(&cert::Details) -> String| details.map(of);
    CertificateObject {
        subject: text(|details| details.subject.clone()),
        issuer: text(|details| details.issuer.clone()),
        names: details.map(|details| details.names.clone()),
        further_names: details.map(|details| details.further_names),
        not_before: details.and_then(|details| details.not_before).map(cert::Date::machine_readable),
        not_after: details.and_then(|details| details.not_after).map(cert::Date::machine_readable),
        key: text(cert::Details::key_text),
        signature: text(|details| details.signature.clone()),
        is_ca: details.map(|details| details.is_ca),
        is_self_issued: details.map(|details| details.is_self_issued),
        sha256: certificate.fingerprint(),
        pin: text(|details| details.pin.to_string()),
    }
}

fn check(examination: &Examination) -> CertificateCheck {
    let (issuer, why) = match &examination.issuer {
        Issuer::Trusted => (Trusted::Trusted, None),
        Issuer::SelfSigned => (Trusted::SelfSigned, None),
        Issuer::Unknown => (Trusted::Unknown, None),
        Issuer::Authority | Issuer::Refused(_) => {
            (Trusted::Refused, examination.issuer.refusal().map(str::to_owned))
        }
        Issuer::Unchecked(why) => (Trusted::Unchecked, Some((*why).to_owned())),
    };
    let mut faults: Vec<_> = examination.faults.iter().map(cert::Fault::code).collect();
    faults.dedup();
    CertificateCheck {
        name: examination.wanted.as_ref().map(|wanted| wanted.name.clone()),
        name_from: examination.wanted.as_ref().map(|wanted| wanted.source),
        store: examination.store.clone(),
        issuer,
        why,
        are_dates_checked: examination.is_dated,
        faults,
    }
}
