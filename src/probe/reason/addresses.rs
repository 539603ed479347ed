//! Several addresses of a host, of which some can't be connected to: clients try the next.

use std::net::IpAddr;

use crate::analysis::Judged;
use crate::packet::Host;
use crate::probe::outcome::{CheckOutcome, Conclusion};
use crate::story::Stage;
use crate::verdict::{Reach, Severity};

/// What follows from one connection, by its index. An address that a client passes over is worth a warning, unless every
/// address is to work.
pub(super) fn of_connection(outcome: &CheckOutcome, index: usize, judged: &Judged) -> Conclusion {
    let severity = outcome.unmapped.get(index).copied().unwrap_or(judged.verdict.severity);
    let conclusion = Conclusion { severity, ..Conclusion::of_connection(index, judged) };
    let conclusion = outcome.mapped(conclusion);
    let conclusion = match address(judged).filter(IpAddr::is_unspecified) {
        Some(own) if conclusion.severity != Severity::Ok => unspecified(own, conclusion),
        _ => conclusion,
    };
    match passed_over_for(outcome, judged) {
        Some((dead, next)) => passed_over(dead, &others_dead(outcome, dead), next, conclusion),
        None => with_others(outcome, judged, conclusion),
    }
}

/// A fault of what is not an address of any host: this one itself was asked.
fn unspecified(own: IpAddr, conclusion: Conclusion) -> Conclusion {
    let mut advice = vec![BLOCKED.to_owned()];
    advice.extend(conclusion.advice);
    Conclusion {
        headline: format!("{}; {own} is this host itself", conclusion.headline),
        advice,
        ..conclusion
    }
}

const BLOCKED: &str =
    "Look at what the name resolves to: resolvers that block names answer 0.0.0.0 or :: for them.";

/// A fault of an address that is not passed over, with the other addresses that fail too.
fn with_others(outcome: &CheckOutcome, judged: &Judged, conclusion: Conclusion) -> Conclusion {
    match fail_too(outcome, judged) {
        Some(others) if conclusion.severity == Severity::Critical => {
            Conclusion { headline: format!("{}{others}", conclusion.headline), ..conclusion }
        }
        _ => conclusion,
    }
}

/// The other addresses that TCP did not open either, and how many were not tried, in words that follow those about the one of
/// `judged`; absent where there are none, or where TCP opened this one.
pub(super) fn fail_too(outcome: &CheckOutcome, judged: &Judged) -> Option<String> {
    let own = address(judged).filter(|_| !is_open(judged))?;
    let dead = listed(&others_dead(outcome, own));
    Some(dead + &untried(outcome)).filter(|words| !words.is_empty())
}

/// How many addresses were not tried, in words that follow those about others.
fn untried(outcome: &CheckOutcome) -> String {
    match outcome.untried.len() {
        0 => String::new(),
        1 => "; 1 more was not tried in time".to_owned(),
        count => format!("; {count} more were not tried in time"),
    }
}

/// Addresses that fail too, as many as a status line has room for.
fn listed(dead: &[IpAddr]) -> String {
    match dead {
        [] => String::new(),
        [only] => format!("; {only} fails too"),
        [one, two] => format!("; {one} and {two} fail too"),
        [one, others @ ..] => format!("; {one} and {} others fail too", others.len()),
    }
}

/// The address of a connection that TCP did not open, and the one that clients pass it over for, if they do.
pub(super) fn passed_over_for(outcome: &CheckOutcome, judged: &Judged) -> Option<(IpAddr, IpAddr)> {
    let dead = address(judged).filter(|_| !is_open(judged) && !outcome.tries_all_addresses)?;
    let next = outcome.connections.iter().find(|other| is_open(other) && address(other) != Some(dead));
    Some((dead, next.and_then(address)?))
}

/// What follows from an address to which this host sent nothing. Where another one was asked, what became of that says more.
pub(super) fn not_sent(outcome: &CheckOutcome, dead: IpAddr, conclusion: Conclusion) -> Conclusion {
    let conclusion = outcome.mapped(conclusion);
    let others = others_dead(outcome, dead);
    let next = outcome.connections.iter().find(|judged| is_open(judged)).and_then(address);
    if let Some(next) = next.filter(|_| !outcome.tries_all_addresses) {
        return passed_over(dead, &others, next, conclusion);
    }
    let was_asked = !outcome.connections.is_empty() && !outcome.tries_all_addresses;
    let severity = match conclusion.severity {
        Severity::Critical if was_asked => Severity::Warning,
        severity => severity,
    };
    let headline = format!("{}{}{}", conclusion.headline, listed(&others), untried(outcome));
    Conclusion { severity, headline, ..conclusion }
}

/// Further addresses that TCP did not open, each once.
fn others_dead(outcome: &CheckOutcome, dead: IpAddr) -> Vec<IpAddr> {
    let unopened = outcome.connections.iter().filter(|judged| !is_open(judged)).filter_map(address);
    let unsent = outcome.not_sent.iter().map(|(address, _)| *address);
    let mut others = Vec::new();
    for other in unopened.chain(unsent).filter(|other| *other != dead) {
        if !others.contains(&other) {
            others.push(other);
        }
    }
    others
}

fn passed_over(dead: IpAddr, others: &[IpAddr], next: IpAddr, conclusion: Conclusion) -> Conclusion {
    let too = listed(others);
    // What the user declares to be ok is no warning either.
    let is_ok = conclusion.severity == Severity::Ok;
    Conclusion {
        severity: if is_ok { Severity::Ok } else { Severity::Warning },
        unmapped: conclusion.unmapped.map(|_| Severity::Warning),
        connection: None,
        headline: format!("address {dead}: {}{too}; {next} answers", conclusion.headline),
        explanation: format!(
            "{} Clients that try the next address get through, some only after a long wait; those that take the first one \
             fail. With --all-addresses this is critical.",
            conclusion.explanation
        ),
        advice: conclusion
            .advice
            .into_iter()
            .chain([format!("Or take the address {dead} out of DNS, if it is not to be used.")])
            .collect(),
        ..conclusion
    }
}

/// Whether TCP opened it. One that was left while its SYN was on the way shows nothing.
fn is_open(judged: &Judged) -> bool {
    judged.verdict.code.reach() != Reach::Unopened && judged.story.stage > Stage::Syn
}

/// The address, where a host has several: what is wrong is one's alone then.
pub(super) fn which(outcome: &CheckOutcome, judged: &Judged) -> Option<IpAddr> {
    let own = address(judged)?;
    let has_others = outcome.connections.iter().any(|other| address(other).is_some_and(|other| other != own));
    has_others.then_some(own)
}

fn address(judged: &Judged) -> Option<IpAddr> {
    match judged.story.parties.server.host {
        Host::Address(address) => Some(address),
        Host::Name(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::reason::tests::{attempt, healthy, is, refused, to};
    use crate::story::Story;
    use crate::tcp::Role;
    use crate::verdict::Actor;

    #[test]
    fn addresses_that_fail_too_are_named_as_far_as_there_is_room() {
        let dead: Vec<IpAddr> = (1..6).map(|last| IpAddr::from([192, 0, 2, last])).collect();
        assert_eq!(listed(&dead[..0]), "");
        assert_eq!(listed(&dead[..1]), "; 192.0.2.1 fails too");
        assert_eq!(listed(&dead[..2]), "; 192.0.2.1 and 192.0.2.2 fail too");
        assert_eq!(listed(&dead), "; 192.0.2.1 and 4 others fail too");
    }

    #[test]
    fn the_unspecified_address_is_what_blocking_resolvers_answer() {
        let refused = Conclusion::critical("refused", "refused".to_owned(), String::new(), &["Look."]);
        let conclusion = unspecified([0, 0, 0, 0].into(), Conclusion { actor: Actor::Server, ..refused });
        assert_eq!(conclusion.headline, "refused; 0.0.0.0 is this host itself");
        assert_eq!((conclusion.advice[0].as_str(), conclusion.advice.len()), (BLOCKED, 2));
    }

    #[test]
    fn an_address_that_was_left_in_the_middle_of_its_syn_answers_nobody() {
        let dead = || Story::at(Stage::Syn).silent_for(8_000, Role::Server);
        let outcome = attempt(vec![to(1, dead()), to(2, dead()), to(3, Story::at(Stage::Syn))]);
        assert_eq!(is(&outcome), ("syn-no-reply", Severity::Critical));
    }

    #[test]
    fn each_address_that_clients_pass_over_is_named() {
        let outcome = attempt(vec![to(9, refused()), to(8, refused()), to(8, refused()), to(7, healthy())]);
        let headline = outcome.conclusion().headline;
        assert!(headline.starts_with("address 198.51.100.9: "), "{headline}");
        assert!(headline.ends_with("; 198.51.100.8 fails too; 198.51.100.7 answers"), "{headline}");
    }

    #[test]
    fn an_address_that_clients_pass_over_is_a_warning_that_names_both() {
        let outcome = attempt(vec![to(1, refused()), to(2, healthy())]);
        assert_eq!(is(&outcome), ("refused", Severity::Warning));
        let headline = outcome.conclusion().headline;
        assert!(headline.starts_with("address 198.51.100.1: "), "{headline}");
        assert!(headline.ends_with("; 198.51.100.2 answers"), "{headline}");
        let all =
            CheckOutcome { tries_all_addresses: true, ..attempt(vec![to(1, refused()), to(2, healthy())]) };
        assert_eq!(is(&all), ("refused", Severity::Critical));
        // Nobody answers at all.
        assert_eq!(is(&attempt(vec![to(1, refused()), to(2, refused())])), ("refused", Severity::Critical));
        // An address that answers and fails is not passed over.
        let alert = Story::at(Stage::ClientHello).alert(Role::Server, 40);
        assert_eq!(is(&attempt(vec![to(1, alert), to(2, healthy())])), ("tls-alert", Severity::Critical));
    }
}
