//! `not-sent`: this host sent nothing: it has no route, or a filter of its own.

use super::{Reason, addresses};
use crate::probe::outcome::{CheckOutcome, Conclusion};
use crate::verdict::{Actor, Severity};

/// The reason.
pub(super) const REASON: Reason = Reason {
    code: "not-sent",
    severity: Severity::Critical,
    summary: "this host sent nothing: it has no route, or a filter of its own",
    page: include_str!("../../../docs/reasons/not-sent.md"),
    conclude,
};

fn conclude(outcome: &CheckOutcome) -> Option<Conclusion> {
    let (address, why) = outcome.not_sent.first()?;
    let shown = outcome.zoned(*address);
    let link = shown.split_once('%').map(|(_, zone)| format!(" oif {zone}")).unwrap_or_default();
    let conclusion = Conclusion::critical(
        REASON.code,
        format!("this host sends nothing to {shown}: {why}"),
        "The system refused before a packet left: no route, a route that forbids, no neighbor that answers, a filter of its \
         own, or no address of that family."
            .to_owned(),
        &[format!("Look at `ip route get {address}{link}`, `ip neigh`, and this host's own firewall.")],
    );
    Some(addresses::not_sent(outcome, *address, Conclusion { actor: Actor::Client, ..conclusion }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::reason::tests::{attempt, healthy, is, refused};

    #[test]
    fn what_this_host_did_not_send_is_its_own_and_a_warning_where_another_address_answers() {
        let not_sent = || vec![("198.51.100.9".parse().unwrap(), "Network is unreachable".to_owned())];
        let outcome = CheckOutcome { not_sent: not_sent(), ..attempt(Vec::new()) };
        assert_eq!(is(&outcome), ("not-sent", Severity::Critical));
        let conclusion = outcome.conclusion();
        assert_eq!(conclusion.actor, Actor::Client);
        assert!(conclusion.advice[0].contains("ip route get 198.51.100.9"), "{:?}", conclusion.advice);
        // A link-local address is one of its link.
        let linked = CheckOutcome {
            not_sent: vec![("fe80::1".parse().unwrap(), "nobody answered".to_owned())],
            zone: Some("eth0".to_owned()),
            ..attempt(Vec::new())
        };
        let conclusion = linked.conclusion();
        assert_eq!(conclusion.headline, "this host sends nothing to fe80::1%eth0: nobody answered");
        assert!(conclusion.advice[0].contains("ip route get fe80::1 oif eth0"), "{:?}", conclusion.advice);
        let outcome = CheckOutcome { not_sent: not_sent(), ..attempt(vec![healthy()]) };
        assert_eq!(is(&outcome), ("not-sent", Severity::Warning));
    }

    #[test]
    fn what_another_address_answered_says_more_than_that_nothing_was_sent_to_this_one() {
        // A host without IPv6, and a server whose IPv4 address refuses.
        let not_sent = || vec![("2001:db8::9".parse().unwrap(), "Network is unreachable".to_owned())];
        let outcome = CheckOutcome { not_sent: not_sent(), ..attempt(vec![refused()]) };
        assert_eq!(is(&outcome), ("refused", Severity::Critical));
        assert!(outcome.conclusion().headline.ends_with("; 2001:db8::9 fails too"), "{outcome:?}");
        // Unless each address has to work.
        let outcome = CheckOutcome { tries_all_addresses: true, ..outcome };
        assert_eq!(is(&outcome), ("not-sent", Severity::Critical));
        // Of several, the others are named.
        let others = [1, 2].map(|last| ([192, 0, 2, last].into(), "nobody answered ARP for it".to_owned()));
        let outcome = CheckOutcome { not_sent: others.to_vec(), ..attempt(Vec::new()) };
        assert!(outcome.conclusion().headline.ends_with("for it; 192.0.2.2 fails too"), "{outcome:?}");
    }
}
