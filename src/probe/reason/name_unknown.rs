//! `name-unknown`: the resolver says that the name does not exist, or has no address.

use super::Reason;
use crate::probe::net::dns::{Family, LookupOutcome, Resolution};
use crate::probe::outcome::{CheckOutcome, Conclusion};
use crate::verdict::Severity;

/// The reason.
pub(super) const REASON: Reason = Reason {
    code: "name-unknown",
    severity: Severity::Critical,
    summary: "the resolver says that the name does not exist, or has no address",
    page: include_str!("../../../docs/reasons/name-unknown.md"),
    conclude,
};

fn conclude(outcome: &CheckOutcome) -> Option<Conclusion> {
    let found = outcome.resolution.as_ref()?;
    let name = &found.name;
    let server = found.server.map(|server| server.to_string()).unwrap_or_default();
    let code = found.rcode.as_deref().unwrap_or_default();
    if let (LookupOutcome::NoSuchName, Some(target)) = (found.outcome, target(found)) {
        return Some(Conclusion::critical(
            REASON.code,
            format!("{name} is an alias of {target}, and there is no name {target}"),
            format!(
                "The resolver {server} answered {code}, with a CNAME record that leads to a name that does not exist."
            ),
            &["Correct the CNAME record of the zone, or add the name that it leads to."],
        ));
    }
    let (headline, explanation, advice): (String, String, &[&str]) = match found.outcome {
        LookupOutcome::NoSuchName => (
            format!("there is no name {name}"),
            format!(
                "The resolver {server} answered {code}: no such name, with or without the domains of resolv.conf."
            ),
            &[
                "Check the spelling of the host name and of its domain.",
                "Check that this resolver knows the zone: a name of an internal one is not known outside.",
            ],
        ),
        LookupOutcome::BadName => (
            format!("{name} is no name that can be asked for"),
            "A label of a name has at most 63 bytes, a name 255 (RFC 1035, 2.3.4).".to_owned(),
            &["Check the spelling of the host's name."],
        ),
        LookupOutcome::AliasLoop => (
            format!("the aliases of {name} lead in a circle"),
            format!(
                "The resolver {server} answered {code} with CNAME records that never reach a name with an address."
            ),
            &[
                "Correct the CNAME records of the zone: one of them must point to a name with an A or AAAA record.",
            ],
        ),
        LookupOutcome::Literal if !found.addresses.is_empty() => return None,
        LookupOutcome::Literal => (
            format!("{name} is no {} address", family(found)),
            "An address needs no resolver, and belongs to one family.".to_owned(),
            &["Leave -4 and -6 away."],
        ),
        LookupOutcome::NoAddress => {
            let advice: &[&str] = if found.family.is_some() {
                &["Leave -4 and -6 away, or add the missing A or AAAA record."]
            } else {
                &["Add an A or AAAA record for the name, or ask for the name that has one."]
            };
            (
                format!("{name}{} has no {} address", alias_of(found), family(found)),
                format!("The resolver {server} knows the name and answered {code} without an address."),
                advice,
            )
        }
        LookupOutcome::Found
        | LookupOutcome::Given
        | LookupOutcome::HostsFile
        | LookupOutcome::Failed
        | LookupOutcome::Silent => return None,
    };
    Some(Conclusion::critical(REASON.code, headline, explanation, advice))
}

/// What a name is an alias of, in words that follow it.
fn alias_of(found: &Resolution) -> String {
    target(found).map(|of| format!(", an alias of {of},")).unwrap_or_default()
}

/// What a name is an alias of. With a domain of resolv.conf appended, it is no alias.
fn target(found: &Resolution) -> Option<&str> {
    let target = found.canonical.as_deref()?;
    (!target.to_ascii_lowercase().starts_with(&found.name.to_ascii_lowercase())).then_some(target)
}

/// The families that were asked for.
fn family(found: &Resolution) -> &'static str {
    match found.family {
        Some(Family::V4) => "IPv4",
        Some(Family::V6) => "IPv6",
        None => "IPv4 or IPv6",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::reason::tests::{attempt, found, is, looked_up};

    #[test]
    fn a_name_without_an_address_is_named_with_what_its_resolver_says() {
        for (lookup, words) in [
            (LookupOutcome::NoSuchName, "there is no name ssm.example"),
            (LookupOutcome::NoAddress, "ssm.example has no IPv4 or IPv6 address"),
            (LookupOutcome::AliasLoop, "the aliases of ssm.example lead in a circle"),
            (LookupOutcome::BadName, "ssm.example is no name that can be asked for"),
        ] {
            let outcome = looked_up(found(lookup));
            assert_eq!(is(&outcome), ("name-unknown", Severity::Critical), "{lookup:?}");
            let conclusion = outcome.conclusion();
            assert_eq!(conclusion.headline, words);
            assert!(!conclusion.explanation.contains("no resolver answered"), "{lookup:?}");
        }
        let only = Resolution { family: Some(Family::V6), ..found(LookupOutcome::NoAddress) };
        let conclusion = looked_up(only).conclusion();
        assert!(conclusion.headline.ends_with("no IPv6 address"), "{}", conclusion.headline);
        assert!(conclusion.advice[0].contains("-4 and -6"), "{:?}", conclusion.advice);
        let literal = Resolution {
            family: Some(Family::V4),
            name: "2001:db8::1".into(),
            ..found(LookupOutcome::Literal)
        };
        assert!(looked_up(literal).conclusion().headline.contains("is no IPv4 address"));
    }

    #[test]
    fn an_alias_of_a_name_that_does_not_exist_is_no_missing_name() {
        let target = Some("nx.example".to_owned());
        let outcome = CheckOutcome {
            resolution: Some(Resolution { canonical: target, ..found(LookupOutcome::NoSuchName) }),
            ..attempt(Vec::new())
        };
        let conclusion = outcome.conclusion();
        assert_eq!(
            conclusion.headline,
            "ssm.example is an alias of nx.example, and there is no name nx.example"
        );
        // A domain of resolv.conf makes no alias of a name.
        let searched = Some("ssm.example.lab.example".to_owned());
        let outcome = CheckOutcome {
            resolution: Some(Resolution { canonical: searched, ..found(LookupOutcome::NoSuchName) }),
            ..attempt(Vec::new())
        };
        assert_eq!(outcome.conclusion().headline, "there is no name ssm.example");
    }
}
