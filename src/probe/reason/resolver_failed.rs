//! `resolver-failed`: the resolver failed, or refused to answer.

use super::Reason;
use crate::probe::net::dns::{LookupOutcome, Resolution};
use crate::probe::outcome::{CheckOutcome, Conclusion};
use crate::verdict::Severity;

/// The reason.
pub(super) const REASON: Reason = Reason {
    code: "resolver-failed",
    severity: Severity::Critical,
    summary: "the resolver failed, or refused to answer",
    page: include_str!("../../../docs/reasons/resolver-failed.md"),
    conclude,
};

fn conclude(outcome: &CheckOutcome) -> Option<Conclusion> {
    let found = outcome.resolution.as_ref()?;
    if found.outcome != LookupOutcome::Failed {
        return in_part(found);
    }
    let server = found.server.map(|server| server.to_string()).unwrap_or_default();
    let code = found.rcode.as_deref().unwrap_or_default();
    Some(Conclusion::critical(
        REASON.code,
        format!("the resolver {server} answered {code} to {}", found.name),
        format!(
            "The resolver {server} is reachable and could not, or would not, find the name out: {code}. SERVFAIL is its own \
             trouble with the servers of the zone (or with DNSSEC, or with aliases that lead in a circle), REFUSED its policy."
        ),
        &[ADVICE],
    ))
}

const ADVICE: &str = "Look at the resolver: its forwarders, the zone's servers, its access list.";

/// A failure although addresses were found: of one resolver, or of one record type.
fn in_part(found: &Resolution) -> Option<Conclusion> {
    if found.outcome != LookupOutcome::Found {
        return None;
    }
    let (fault, code) = found.faults.iter().find_map(|fault| Some((fault, fault.rcode.as_ref()?)))?;
    let (server, name) = (fault.server, &found.name);
    let (headline, explanation) = match &fault.record {
        Some(record) => (
            format!("the resolver {server} answers {code} for the {record} records of {name}, and has other addresses"),
            format!(
                "A name without {record} records gets NOERROR without an answer (RFC 4074, 4). Some clients take {code} for a \
                 failure of the name, or ask again and wait."
            ),
        ),
        None => (
            format!("the resolver {server} answered {code} to {name}; another one has its address"),
            "Clients ask the next resolver after such an answer. If that one fails too, the name cannot be found.".to_owned(),
        ),
    };
    let conclusion = Conclusion::critical(REASON.code, headline, explanation, &[ADVICE]);
    Some(Conclusion { severity: Severity::Warning, ..conclusion })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::net::dns::ResolverFault;
    use crate::probe::reason::tests::{attempt, found, healthy, is, refused};

    #[test]
    fn a_resolver_that_fails_in_part_is_a_warning_next_to_a_server_that_answers() {
        let fault = |record: Option<&str>, rcode: Option<&str>| ResolverFault {
            server: "192.0.2.54:53".parse().unwrap(),
            record: record.map(str::to_owned),
            rcode: rcode.map(str::to_owned),
            cut: None,
        };
        for (fault, reason, words) in [
            (
                fault(Some("AAAA"), Some("SERVFAIL")),
                "resolver-failed",
                "answers SERVFAIL for the AAAA records",
            ),
            (fault(None, Some("REFUSED")), "resolver-failed", "another one has its address"),
            (fault(Some("AAAA"), None), "resolver-silent", "did not answer for the AAAA records"),
            (
                fault(None, None),
                "resolver-silent",
                "192.0.2.54:53 does not answer; another one has the address",
            ),
        ] {
            let addresses = vec!["198.51.100.20".parse().unwrap()];
            let resolution = Resolution { faults: vec![fault], addresses, ..found(LookupOutcome::Found) };
            let outcome = CheckOutcome { resolution: Some(resolution), ..attempt(vec![healthy()]) };
            assert_eq!(is(&outcome), (reason, Severity::Warning), "{words}");
            assert!(outcome.conclusion().headline.contains(words), "{}", outcome.conclusion().headline);
            // A failure of the connection is graver.
            let outcome = CheckOutcome { resolution: outcome.resolution, ..attempt(vec![refused()]) };
            assert_eq!(is(&outcome), ("refused", Severity::Critical), "{words}");
        }
        let sound =
            CheckOutcome { resolution: Some(found(LookupOutcome::Found)), ..attempt(vec![healthy()]) };
        assert_eq!(is(&sound), ("healthy", Severity::Ok));
    }
}
