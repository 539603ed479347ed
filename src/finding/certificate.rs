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
    let is_accepted = story.stage >= Stage::ClientFinished;
    let is_uncertain = is_uncertain(examination, fault) && !is_refused;
    if is_uncertain {
        sentences.push(caveat(fault).to_owned());
    }
    if is_accepted {
        sentences.push("This client went on all the same.".to_owned());
    }
    // What this client says to a certificate that it refuses stands in the verdict.
    if !is_refused && !(is_accepted && is_uncertain) {
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

fn caveat(fault: &Fault) -> &'static str {
    match fault {
        Fault::NameMismatch { .. } => {
            "That is no fault if the address was translated on the way, or if the client used a name without a dot, which Java does \
             not send: --name NAME checks against it."
        }
        _ => {
            "That is no fault if the client has a trust store of its own, as it must have for a private authority: --ca-file FILE \
             checks against that."
        }
    }
}
