//! Which reason applies, which of several is the conclusion, and what it must not say.

use super::*;
use crate::analysis::{Judged, Summary};
use crate::packet::Host;
use crate::probe::net::dns::{LookupOutcome, Resolution};
use crate::probe::states::States;
use crate::probe::{Alerts, PageAnswer, PhaseDurations};
use crate::story::{Stage, Story};
use crate::tcp::Role;
use crate::time::{Elapsed, Timestamp};

pub(super) fn found(outcome: LookupOutcome) -> Resolution {
    Resolution {
        name: "ssm.example".to_owned(),
        outcome,
        rcode: Some("NOERROR".to_owned()),
        failure: None,
        server: Some("192.0.2.53:53".parse().unwrap()),
        servers: vec!["192.0.2.53:53".parse().unwrap()],
        canonical: None,
        family: None,
        faults: Vec::new(),
        addresses: Vec::new(),
        elapsed: Elapsed::from_millis(7),
    }
}

fn judged(story: Story) -> Judged {
    let verdict = story.verdict();
    Judged { story: Box::new(story), verdict, findings: Vec::new() }
}

pub(super) fn healthy() -> Story {
    Story::at(Stage::ApplicationData).answered()
}

/// The same connection to another address.
pub(super) fn to(last: u8, story: Story) -> Story {
    story.but(|story| story.parties.server.host = Host::Address([198, 51, 100, last].into()))
}

pub(super) fn refused() -> Story {
    Story::at(Stage::Syn).rst(Role::Server)
}

/// An attempt with these connections.
pub(super) fn attempt(stories: Vec<Story>) -> CheckOutcome {
    let connections: Vec<_> = stories.into_iter().map(judged).collect();
    CheckOutcome {
        host: "ssm.example".to_owned(),
        port: 8443,
        zone: None,
        began: Timestamp::ZERO,
        alerts: Alerts::default(),
        states: States::default(),
        spent: PhaseDurations { total: Elapsed::from_millis(100), ..PhaseDurations::default() },
        steps: Vec::new(),
        resolution: None,
        order: Vec::new(),
        untried: Vec::new(),
        tries_all_addresses: false,
        not_sent: Vec::new(),
        proxy: None,
        unmapped: connections.iter().map(|judged| judged.verdict.severity).collect(),
        connections,
        captured: None,
        opaque: None,
        summary: Summary::default(),
        token: None,
        page: None,
    }
}

pub(super) fn looked_up(resolution: Resolution) -> CheckOutcome {
    CheckOutcome { resolution: Some(resolution), ..attempt(Vec::new()) }
}

pub(super) fn is(outcome: &CheckOutcome) -> (&'static str, Severity) {
    let conclusion = outcome.conclusion();
    (conclusion.reason, conclusion.severity)
}

pub(super) fn page(is_expected: bool) -> PageAnswer {
    let mut answer = PageAnswer {
        path: "/x".to_owned(),
        status: Some(500),
        is_expected,
        quoted: Vec::new(),
        unanswered: None,
        next: None,
        is_followed: false,
        headline: "/x answers 500".to_owned(),
        explanation: "It failed.".to_owned(),
        advice: Vec::new(),
    };
    if is_expected {
        answer.status = Some(200);
    }
    answer
}

#[test]
fn a_severity_that_the_user_gives_changes_the_severity_and_not_the_reason() {
    let states = States::of([("refused", Severity::Warning)]).unwrap();
    let mut outcome = CheckOutcome { states: states.clone(), ..attempt(vec![refused()]) };
    outcome.connections[0].verdict.severity = Severity::Warning;
    assert_eq!(is(&outcome), ("refused", Severity::Warning));
    assert_eq!(outcome.conclusion().replaced(), Some(Severity::Critical));
    assert_eq!(outcome.conclusion().state_option().as_deref(), Some("--state refused=warning"));
    let other =
        CheckOutcome { states, resolution: Some(found(LookupOutcome::NoSuchName)), ..attempt(Vec::new()) };
    assert_eq!(is(&other), ("name-unknown", Severity::Critical));
}

#[test]
fn every_reason_has_its_page_and_a_severity_of_its_own() {
    for reason in REASONS {
        assert!(reason.page.starts_with(&format!("# {}", reason.code)), "{}", reason.code);
        assert_eq!(severity_of(reason.code), Some((reason.code, reason.severity)));
    }
    assert_eq!(severity_of("no-such-code"), None);
}
