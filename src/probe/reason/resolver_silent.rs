//! `resolver-silent`: no resolver answered.

use super::Reason;
use crate::probe::net::dns::NO_ANSWER;
use crate::probe::net::dns::{LookupOutcome, Resolution};
use crate::probe::outcome::{CheckOutcome, Conclusion};
use crate::verdict::Severity;

/// The reason.
pub(super) const REASON: Reason = Reason {
    code: "resolver-silent",
    severity: Severity::Critical,
    summary: "no resolver answered",
    page: include_str!("../../../docs/reasons/resolver-silent.md"),
    conclude,
};

fn conclude(outcome: &CheckOutcome) -> Option<Conclusion> {
    let found = outcome.resolution.as_ref()?;
    if found.outcome != LookupOutcome::Silent {
        return in_part(found);
    }
    let asked: Vec<_> = found.servers.iter().map(ToString::to_string).collect();
    Some(Conclusion::critical(
        REASON.code,
        match found.failure.as_deref().filter(|failure| *failure != NO_ANSWER) {
            Some(failure) => {
                format!("no usable answer for {} from {}: {failure}", found.name, resolvers(&asked))
            }
            None => {
                format!("no answer for {} within {} from {}", found.name, found.elapsed, resolvers(&asked))
            }
        },
        format!(
            "Asked: {}. The last question got this: {}. So no packet went to the host.",
            asked.join(", "),
            found.failure.as_deref().unwrap_or(NO_ANSWER)
        ),
        &[
            "Check the resolvers of /etc/resolv.conf, the route to them, and port 53, by UDP and by TCP, on the path.",
            "With the address instead of the name, DNS is left out.",
        ],
    ))
}

/// The resolvers that were asked, the first of them by its address.
fn resolvers(asked: &[String]) -> String {
    match asked {
        [] => "any resolver".to_owned(),
        [only] => format!("the resolver {only}"),
        [first, others @ ..] => format!("the resolver {first} and {} more", others.len()),
    }
}

/// A silence although addresses were found: of one resolver, or for one record type.
fn in_part(found: &Resolution) -> Option<Conclusion> {
    if found.outcome != LookupOutcome::Found {
        return None;
    }
    let fault = found.faults.iter().find(|fault| fault.rcode.is_none())?;
    let (server, name) = (fault.server, &found.name);
    let took = found.elapsed;
    let headline = match (&fault.record, &fault.cut) {
        (Some(record), Some(why)) => format!(
            "the resolver {server} cuts its answer for the {record} records of {name} (TC), and by TCP {why}"
        ),
        (Some(record), None) => {
            format!("the resolver {server} did not answer for the {record} records of {name} within {took}")
        }
        (None, _) => format!(
            "the resolver {server} does not answer; another one has the address of {name}, after {took}"
        ),
    };
    let conclusion = Conclusion::critical(
        REASON.code,
        headline,
        "The address was found, but clients wait for the missing answer with each new name: 5 s by default (resolv.conf(5), \
         timeout), before they ask the next resolver or do without."
            .to_owned(),
        &["Repair the resolver, or take it out of /etc/resolv.conf.", "Check port 53, by UDP and by TCP, on the path to it."],
    );
    Some(Conclusion { severity: Severity::Warning, ..conclusion })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::reason::tests::{found, is, looked_up};

    #[test]
    fn a_resolver_that_fails_differs_from_one_that_is_silent() {
        let failed = Resolution { rcode: Some("SERVFAIL".to_owned()), ..found(LookupOutcome::Failed) };
        let outcome = looked_up(failed);
        assert_eq!(is(&outcome), ("resolver-failed", Severity::Critical));
        assert!(outcome.conclusion().headline.contains("SERVFAIL"));
        let silent =
            Resolution { rcode: None, failure: Some("no answer".into()), ..found(LookupOutcome::Silent) };
        let outcome = looked_up(silent);
        assert_eq!(is(&outcome), ("resolver-silent", Severity::Critical));
        let conclusion = outcome.conclusion();
        assert!(conclusion.explanation.contains("Asked: 192.0.2.53:53"), "{}", conclusion.explanation);
        assert!(!conclusion.explanation.contains("SERVFAIL"), "{}", conclusion.explanation);
        let cut = "its answer for A by UDP is cut (TC), and by TCP it refuses the connection";
        let cut = Resolution { rcode: None, failure: Some(cut.into()), ..found(LookupOutcome::Silent) };
        let headline = looked_up(cut).conclusion().headline;
        assert!(headline.ends_with("is cut (TC), and by TCP it refuses the connection"), "{headline}");
        assert!(!headline.contains("no resolver answered"), "{headline}");
    }
}
