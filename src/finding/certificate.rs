//! The server's certificates: one finding for each kind of fault that the examination of the chain found.

use super::{Finding, Weight, finding};
use crate::cert::Fault;
use crate::story::Story;
use crate::tcp::Role;

/// The codes, in the order in which they are reported, and when there is such a fault.
pub(super) const CODES: [&str; 6] = [
    // No longer valid when the client looked at it.
    "certificate-expired",
    // Not valid yet when the client looked at it.
    "certificate-not-yet-valid",
    // Without the name that the client wanted.
    "certificate-name-mismatch",
    // Nobody in the trust store signed the chain.
    "certificate-unknown-issuer",
    // Signed by itself, and not in the trust store.
    "certificate-self-signed",
    // An RSA key or a signature that is too weak for today's clients.
    "certificate-weak",
];

/// The findings about the server's certificates.
pub(super) fn find(story: &Story) -> impl Iterator<Item = Finding> {
    CODES.into_iter().filter_map(|code| of_kind(story, code))
}

/// The faults of one kind, as one finding.
fn of_kind(story: &Story, code: &str) -> Option<Finding> {
    let found: Vec<_> = story.certificate_faults().filter(|(_, fault)| fault.code() == code).collect();
    let (examination, fault) = *found.first()?;
    let when = story.certificates_at();
    let mut sentences: Vec<_> = found.iter().map(|(_, fault)| fault.sentence(when)).collect();
    let is_refused = story.is_certificate_refused();
    let is_uncertain = !examination.is_certain(fault) && !is_refused;
    // Some libraries compare names only after the handshake.
    let is_accepted = story.tls.application_data.client.count > 0;
    sentences.extend(match (is_uncertain, is_accepted) {
        (true, true) => Some(format!("This client accepts it, and may have its reason: {}.", reason(fault))),
        (true, false) => Some(format!("That may be no fault: {}.", reason(fault))),
        (false, true) => Some("This client went on all the same.".to_owned()),
        (false, false) => None,
    });
    // What this client says to a certificate that it refuses stands in the verdict.
    let is_settled = is_refused || is_accepted && is_uncertain;
    if !is_settled {
        let others = if is_accepted { "Others" } else { "Clients" };
        sentences.push(format!("{others} say: {}.", fault.reported().join("; ").trim_end_matches('.')));
    }
    let weight = if is_uncertain { Weight::Info } else { Weight::Warning };
    let said = story.tls.certificates[Role::Server].as_ref();
    finding(fault.code(), weight, sentences.join(" "), said.map(|said| said.moment.number))
}

/// Why such a fault may be none.
fn reason(fault: &Fault) -> &'static str {
    match fault {
        Fault::NameMismatch { .. } => {
            "old clients send no name, Java sends none without a dot (--name checks against one), and the address may be translated on \
             the way"
        }
        _ => "clients have trust stores of their own (--ca-file checks against one)",
    }
}
