//! What a captured certificate shows of the alert by which a client refused it.

use crate::cert::{Fault, Issuer};
use crate::story::{EndingKind, Story};
use crate::tcp::Role;
use crate::tls::{AlertDescription, Version};

/// The packet that completed the server's certificates, where the client refused them.
pub(in crate::verdict) fn packet(story: &Story) -> Option<u64> {
    let observed =
        story.tls.certificates[Role::Server].as_ref().filter(|_| story.is_certificate_refused())?;
    Some(observed.moment.number)
}

/// What the captured certificate shows of the client's objection.
#[derive(Default)]
pub(in crate::verdict) struct CertificateReport {
    /// Sentences, each after a space.
    pub(in crate::verdict) explanation: String,
    /// What the client will have reported; empty if the certificate shows nothing.
    pub(in crate::verdict) reports: Vec<String>,
    /// What mends it; empty likewise.
    pub(in crate::verdict) advice: Vec<&'static str>,
}

impl CertificateReport {
    fn add(&mut self, story: &Story, fault: &Fault) {
        self.explanation.push(' ');
        self.explanation.push_str(&fault.sentence(story.certificates_at()));
        self.reports.extend(fault.reported());
        if !self.advice.contains(&fault.remedy()) {
            self.advice.push(fault.remedy());
        }
    }
}

/// What the certificate shows of a client that ended after the handshake without a request: some libraries look at the
/// certificate only then, libcurl at its names for example.
pub(in crate::verdict) fn shown_after_handshake(story: &Story) -> CertificateReport {
    let mut shown = CertificateReport::default();
    if !is_left_unused(story) {
        return shown;
    }
    for (found, fault) in story.certificate_faults() {
        if found.is_certain(fault) {
            shown.add(story, fault);
        }
    }
    shown
}

/// Whether a client ended after a TLS 1.3 handshake without a request, where the certificate is encrypted.
pub(in crate::verdict) fn may_be_hidden(story: &Story) -> bool {
    story.tls.version().is_some_and(Version::is_tls13)
        && story.tls.certificates.server.is_none()
        && is_left_unused(story)
}

/// Whether the client ended the connection and had sent no data.
fn is_left_unused(story: &Story) -> bool {
    let is_client_first = story.endings.first().is_some_and(|ending| {
        let is_end = matches!(
            ending.what,
            EndingKind::CloseNotify | EndingKind::Fin | EndingKind::Reset(_) | EndingKind::Alert { .. }
        );
        ending.by == Role::Client && is_end
    });
    is_client_first && story.tls.application_data.client.count == 0
}

/// What the certificate shows of an alert that `by` sent.
pub(in crate::verdict) fn shown(story: &Story, by: Role, alert: AlertDescription) -> CertificateReport {
    let mut shown = CertificateReport::default();
    if by != Role::Client {
        return shown;
    }
    for (_, fault) in story.certificate_faults().filter(|(_, fault)| ends_in(fault, alert)) {
        shown.add(story, fault);
    }
    if shown.explanation.is_empty() && alert.0 == CERTIFICATE_UNKNOWN {
        // Applications with checks of their own send this for any fault.
        story.certificate_faults().for_each(|(_, fault)| shown.add(story, fault));
    }
    let issuer = story.tls.examination.as_ref().map(|found| &found.issuer);
    if let (true, Some(why)) = (shown.explanation.is_empty(), issuer.and_then(Issuer::refusal)) {
        shown.explanation = format!(" The chain cannot be verified up to a trusted CA: {why}.");
        shown.advice.push("Have the server's certificate and its intermediates reissued to current rules.");
    }
    let is_dated = story.tls.examination.as_ref().is_some_and(|found| found.is_dated && found.is_whole);
    if shown.explanation.is_empty() && alert.0 == CERTIFICATE_EXPIRED && is_dated {
        shown.explanation.push_str(
            " By the capture's clock, every certificate that the server sent was valid. Either a CA in the client's trust \
             store has expired, or (if the capture was made elsewhere) the client's clock is wrong.",
        );
        shown.advice.push(
            "Compare the client's clock with the capture's, and look for expired CAs in its trust store.",
        );
    }
    shown
}

/// Whether a client may end in this alert over that fault: OpenSSL by its x509table (ssl/statem/statem_lib.c), JSSE by
/// CertificateMessage.java, which sends certificate_unknown for issuers and names.
fn ends_in(fault: &Fault, alert: AlertDescription) -> bool {
    match alert.0 {
        BAD_CERTIFICATE => {
            matches!(fault, Fault::NotYetValid { .. } | Fault::NameMismatch { .. } | Fault::Weak { .. })
        }
        UNSUPPORTED_CERTIFICATE => matches!(fault, Fault::KeyUsage { .. } | Fault::Weak { .. }),
        // rustls sends it for both (its error.rs), as RFC 5246, 7.2.2 defines it: "or is not currently valid".
        CERTIFICATE_EXPIRED => matches!(fault, Fault::Expired { .. } | Fault::NotYetValid { .. }),
        CERTIFICATE_UNKNOWN => {
            !matches!(fault, Fault::Expired { .. } | Fault::NotYetValid { .. } | Fault::Weak { .. })
        }
        UNKNOWN_CA => matches!(fault, Fault::UnknownIssuer { .. } | Fault::SelfSigned { .. }),
        _ => false,
    }
}

const BAD_CERTIFICATE: u8 = 42;
const UNSUPPORTED_CERTIFICATE: u8 = 43;
const CERTIFICATE_EXPIRED: u8 = 45;
const CERTIFICATE_UNKNOWN: u8 = 46;
const UNKNOWN_CA: u8 = 48;
