//! What the findings about certificates have in common.

use super::{Finding, Weight, finding};
use crate::cert::{Examination, Fault, NameSource};
use crate::story::{Stage, Story};
use crate::tcp::Role;

/// The faults of one kind, as one finding.
pub(super) fn find(story: &Story, is_meant: fn(&Fault) -> bool) -> Option<Finding> {
    let found: Vec<_> = story.certificate_faults().filter(|(_, fault)| is_meant(fault)).collect();
    let (examination, fault) = *found.first()?;
    let when = story.certificates_at();
    let mut sentences: Vec<_> = found.iter().map(|(_, fault)| fault.sentence(when)).collect();
    let is_refused = story.is_certificate_refused();
    let is_uncertain = is_uncertain(examination, fault) && !is_refused;
    let is_accepted = story.stage >= Stage::ClientFinished;
    sentences.extend(match (is_uncertain, is_accepted) {
        (true, true) => Some(format!("This client accepts it, and may have its reason: {}.", reason(fault))),
        (true, false) => Some(format!("That may be no fault: {}.", reason(fault))),
        (false, true) => Some("This client went on all the same.".to_owned()),
        (false, false) => None,
    });
    // What this client says to a certificate that it refuses stands in the verdict.
    let is_settled = is_refused || is_accepted && is_uncertain;
    if !is_settled {
        sentences.push(format!("Clients say: {}.", fault.reported().join("; ").trim_end_matches('.')));
    }
    let weight = if is_uncertain { Weight::Info } else { Weight::Warning };
    let said = story.tls.certificates[Role::Server].as_ref();
    finding(fault.code(), weight, sentences.join(" "), said.map(|said| said.moment.number))
}

/// Whether the fault rests on something that may be otherwise for the client: its trust store, the name that it used.
fn is_uncertain(examination: &Examination, fault: &Fault) -> bool {
    match fault {
        Fault::SelfSigned { .. } | Fault::UnknownIssuer { .. } => !examination.is_store_chosen,
        Fault::NameMismatch { wanted, .. } => wanted.source == NameSource::Address,
        Fault::Expired { .. } | Fault::NotYetValid { .. } | Fault::Weak { .. } => false,
    }
}

/// Why such a fault may be none.
fn reason(fault: &Fault) -> &'static str {
    match fault {
        Fault::NameMismatch { .. } => {
            "the address may be translated on the way, and Java sends no name that has no dot (--name checks against a name)"
        }
        _ => "clients have trust stores of their own (--ca-file checks against one)",
    }
}
