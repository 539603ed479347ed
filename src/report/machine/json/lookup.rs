//! A question without a usable answer, in JSON.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Serialize;

use super::SCHEMA;
use crate::analysis::{LookupFault, LookupSubject, Summary as Figures, Unanswered};
use crate::report::machine::values::name;
use crate::report::text::clock;

/// A question in the traffic that got no usable answer: of DNS about a name's addresses, of ARP or neighbour discovery about a
/// host on the link.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Lookup")]
pub struct LookupObject {
    /// The version of this form.
    pub schema: u8,
    /// What was wrong.
    pub code: LookupFault,
    /// What it means for the exit status.
    pub severity: LookupSeverity,
    /// The name whose address was asked for, or what a text calls the host; null where there is an address.
    pub name: Option<String>,
    /// The host that was looked for on the link; null where a name was asked for.
    pub ip: Option<IpAddr>,
    /// Who asked; null where several did.
    pub client: Option<IpAddr>,
    /// The resolver that answered, or that was asked last; null where none was asked.
    pub resolver: Option<IpAddr>,
    /// The first question's time, in the form of a connection's start.
    pub start: Option<String>,
    /// The packets that show it, counted from 1: the first and the last question, and the answer.
    pub evidence: Vec<u64>,
}

/// What a question without a usable answer means for the exit status.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LookupSeverity {
    /// No connection was judged, and the question is about what was selected, or nothing was selected.
    Critical,
    /// Worth knowing.
    Info,
}

impl LookupObject {
    pub(super) fn of(figures: &Figures, found: &Unanswered) -> Self {
        let (about, names) = (&figures.about, &figures.names);
        let (named, ip, resolver) = match &found.subject {
            LookupSubject::Name(asked, resolver, _) => (Some(asked.clone()), None, names.address(*resolver)),
            LookupSubject::Neighbor(host) => (name(names, *host), names.address(*host), None),
        };
        Self {
            schema: SCHEMA,
            code: found.fault,
            severity: if found.is_critical { LookupSeverity::Critical } else { LookupSeverity::Info },
            name: named,
            ip,
            client: found.client.and_then(|client| names.address(client)),
            resolver,
            start: clock::machine_readable(found.first.at, about.clock, about.digits),
            evidence: found.evidence.clone(),
        }
    }
}
