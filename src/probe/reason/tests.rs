//! Which reason applies, which of several is the conclusion, and what it must not say.

use super::*;
use crate::analysis::{Judged, Summary};
use crate::packet::Host;
use crate::probe::net::dns::{Family, Lookup, Resolution, ResolverFault};
use crate::probe::states::States;
use crate::probe::{Alerts, PageAnswer, PhaseDurations};
use crate::story::{Stage, Story};
use crate::tcp::Role;
use crate::time::{Elapsed, Timestamp};
use crate::verdict::Actor;

fn found(outcome: Lookup) -> Resolution {
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

fn healthy() -> Story {
    Story::at(Stage::ApplicationData).answered()
}

/// The same connection to another address.
fn to(last: u8, story: Story) -> Story {
    story.but(|story| story.parties.server.host = Host::Address([198, 51, 100, last].into()))
}

fn refused() -> Story {
    Story::at(Stage::Syn).rst(Role::Server)
}

/// An attempt with these connections.
fn attempt(stories: Vec<Story>) -> Outcome {
    let connections: Vec<_> = stories.into_iter().map(judged).collect();
    Outcome {
        host: "ssm.example".to_owned(),
        port: 8443,
        began: Timestamp::ZERO,
        alerts: Alerts::default(),
        states: States::default(),
        spent: PhaseDurations { total: Elapsed::from_millis(100), ..PhaseDurations::default() },
        steps: Vec::new(),
        resolution: None,
        order: Vec::new(),
        untried: Vec::new(),
        tries_all_addresses: false,
        not_sent: None,
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

fn looked_up(resolution: Resolution) -> Outcome {
    Outcome { resolution: Some(resolution), ..attempt(Vec::new()) }
}

fn is(outcome: &Outcome) -> (&'static str, Severity) {
    let conclusion = outcome.conclusion();
    (conclusion.reason, conclusion.severity)
}

fn page(is_expected: bool) -> PageAnswer {
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
fn a_name_without_an_address_is_named_with_what_its_resolver_says() {
    for (lookup, words) in [
        (Lookup::NoSuchName, "there is no name ssm.example"),
        (Lookup::NoAddress, "ssm.example has no IPv4 or IPv6 address"),
        (Lookup::AliasLoop, "the aliases of ssm.example lead in a circle"),
        (Lookup::BadName, "ssm.example is no name that can be asked for"),
    ] {
        let outcome = looked_up(found(lookup));
        assert_eq!(is(&outcome), ("name-unknown", Severity::Critical), "{lookup:?}");
        let conclusion = outcome.conclusion();
        assert_eq!(conclusion.headline, words);
        assert!(!conclusion.explanation.contains("no resolver answered"), "{lookup:?}");
    }
    let only = Resolution { family: Some(Family::V6), ..found(Lookup::NoAddress) };
    let conclusion = looked_up(only).conclusion();
    assert!(conclusion.headline.ends_with("no IPv6 address"), "{}", conclusion.headline);
    assert!(conclusion.advice[0].contains("-4 and -6"), "{:?}", conclusion.advice);
    let literal =
        Resolution { family: Some(Family::V4), name: "2001:db8::1".into(), ..found(Lookup::Literal) };
    assert!(looked_up(literal).conclusion().headline.contains("is no IPv4 address"));
}

#[test]
fn a_resolver_that_fails_differs_from_one_that_is_silent() {
    let failed = Resolution { rcode: Some("SERVFAIL".to_owned()), ..found(Lookup::Failed) };
    let outcome = looked_up(failed);
    assert_eq!(is(&outcome), ("resolver-failed", Severity::Critical));
    assert!(outcome.conclusion().headline.contains("SERVFAIL"));
    let silent = Resolution { rcode: None, failure: Some("no answer".into()), ..found(Lookup::Silent) };
    let outcome = looked_up(silent);
    assert_eq!(is(&outcome), ("resolver-silent", Severity::Critical));
    let conclusion = outcome.conclusion();
    assert!(conclusion.explanation.contains("Asked: 192.0.2.53:53"), "{}", conclusion.explanation);
    assert!(!conclusion.explanation.contains("SERVFAIL"), "{}", conclusion.explanation);
    let cut = "its answer for A by UDP is cut (TC), and by TCP it refuses the connection";
    let cut = Resolution { rcode: None, failure: Some(cut.into()), ..found(Lookup::Silent) };
    let headline = looked_up(cut).conclusion().headline;
    assert!(headline.ends_with("is cut (TC), and by TCP it refuses the connection"), "{headline}");
    assert!(!headline.contains("no resolver answered"), "{headline}");
}

#[test]
fn a_resolver_that_fails_in_part_is_a_warning_next_to_a_server_that_answers() {
    let fault = |record: Option<&str>, rcode: Option<&str>| ResolverFault {
        server: "192.0.2.54:53".parse().unwrap(),
        record: record.map(str::to_owned),
        rcode: rcode.map(str::to_owned),
        cut: None,
    };
    for (fault, reason, words) in [
        (fault(Some("AAAA"), Some("SERVFAIL")), "resolver-failed", "answers SERVFAIL for the AAAA records"),
        (fault(None, Some("REFUSED")), "resolver-failed", "another one has its address"),
        (fault(Some("AAAA"), None), "resolver-silent", "did not answer for the AAAA records"),
        (fault(None, None), "resolver-silent", "192.0.2.54:53 does not answer; another one has the address"),
    ] {
        let addresses = vec!["198.51.100.20".parse().unwrap()];
        let resolution = Resolution { faults: vec![fault], addresses, ..found(Lookup::Found) };
        let outcome = Outcome { resolution: Some(resolution), ..attempt(vec![healthy()]) };
        assert_eq!(is(&outcome), (reason, Severity::Warning), "{words}");
        assert!(outcome.conclusion().headline.contains(words), "{}", outcome.conclusion().headline);
        // A failure of the connection is graver.
        let outcome = Outcome { resolution: outcome.resolution, ..attempt(vec![refused()]) };
        assert_eq!(is(&outcome), ("refused", Severity::Critical), "{words}");
    }
    let sound = Outcome { resolution: Some(found(Lookup::Found)), ..attempt(vec![healthy()]) };
    assert_eq!(is(&sound), ("healthy", Severity::Ok));
}

#[test]
fn an_address_that_was_left_in_the_middle_of_its_syn_answers_nobody() {
    let dead = || Story::at(Stage::Syn).silent_for(8_000, Role::Server);
    let outcome = attempt(vec![to(1, dead()), to(2, dead()), to(3, Story::at(Stage::Syn))]);
    assert_eq!(is(&outcome), ("syn-no-reply", Severity::Critical));
}

#[test]
fn an_alias_of_a_name_that_does_not_exist_is_no_missing_name() {
    let target = Some("nx.example".to_owned());
    let outcome = Outcome {
        resolution: Some(Resolution { canonical: target, ..found(Lookup::NoSuchName) }),
        ..attempt(Vec::new())
    };
    let conclusion = outcome.conclusion();
    assert_eq!(conclusion.headline, "ssm.example is an alias of nx.example, and there is no name nx.example");
    // A domain of resolv.conf makes no alias of a name.
    let searched = Some("ssm.example.lab.example".to_owned());
    let outcome = Outcome {
        resolution: Some(Resolution { canonical: searched, ..found(Lookup::NoSuchName) }),
        ..attempt(Vec::new())
    };
    assert_eq!(outcome.conclusion().headline, "there is no name ssm.example");
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
    let all = Outcome { tries_all_addresses: true, ..attempt(vec![to(1, refused()), to(2, healthy())]) };
    assert_eq!(is(&all), ("refused", Severity::Critical));
    // Nobody answers at all.
    assert_eq!(is(&attempt(vec![to(1, refused()), to(2, refused())])), ("refused", Severity::Critical));
    // An address that answers and fails is not passed over.
    let alert = Story::at(Stage::ClientHello).alert(Role::Server, 40);
    assert_eq!(is(&attempt(vec![to(1, alert), to(2, healthy())])), ("tls-alert", Severity::Critical));
}

#[test]
fn what_this_host_did_not_send_is_its_own_and_a_warning_where_another_address_answers() {
    let not_sent = || Some(("198.51.100.9".parse().unwrap(), "Network is unreachable".to_owned()));
    let outcome = Outcome { not_sent: not_sent(), ..attempt(Vec::new()) };
    assert_eq!(is(&outcome), ("not-sent", Severity::Critical));
    let conclusion = outcome.conclusion();
    assert_eq!(conclusion.actor, Actor::Client);
    assert!(conclusion.advice[0].contains("ip route get 198.51.100.9"), "{:?}", conclusion.advice);
    let outcome = Outcome { not_sent: not_sent(), ..attempt(vec![healthy()]) };
    assert_eq!(is(&outcome), ("not-sent", Severity::Warning));
}

#[test]
fn nothing_done_is_unknown_and_gives_way_to_what_kept_the_check_from_it() {
    let outcome = attempt(Vec::new());
    assert_eq!(is(&outcome), ("nothing-done", Severity::Unknown));
    assert_eq!(is(&looked_up(found(Lookup::NoSuchName))).0, "name-unknown");
}

#[test]
fn a_page_that_is_not_as_expected_is_the_server_s_behind_a_sound_connection() {
    let outcome = Outcome { page: Some(page(false)), ..attempt(vec![healthy()]) };
    assert_eq!(is(&outcome), ("page-unexpected", Severity::Critical));
    assert_eq!(outcome.conclusion().actor, Actor::Server);
    let outcome = Outcome { page: Some(page(true)), ..attempt(vec![healthy()]) };
    assert_eq!(is(&outcome), ("healthy", Severity::Ok));
    // A connection that failed comes first: there the page has its cause.
    let reset = Story::at(Stage::ApplicationData).rst(Role::Server);
    let outcome = Outcome { page: Some(page(false)), ..attempt(vec![reset]) };
    assert_eq!(is(&outcome).0, "reset");
}

#[test]
fn a_threshold_of_time_is_about_what_was_done() {
    let alerts = Alerts { time_warning: Some(Elapsed::from_millis(50)), ..Alerts::default() };
    let outcome = Outcome { alerts, ..attempt(vec![healthy()]) };
    assert_eq!(is(&outcome), ("slow", Severity::Warning));
    assert!(outcome.conclusion().headline.starts_with("it took 100"), "{}", outcome.conclusion().headline);
    let critical = Alerts { time_critical: Some(Elapsed::from_millis(60)), ..alerts };
    assert_eq!(is(&Outcome { alerts: critical, ..attempt(vec![healthy()]) }), ("slow", Severity::Critical));
    let patient = Alerts { time_warning: Some(Elapsed::from_millis(200)), ..Alerts::default() };
    assert_eq!(is(&Outcome { alerts: patient, ..attempt(vec![healthy()]) }), ("healthy", Severity::Ok));
    // An address that clients pass over does not hide it.
    let second = attempt(vec![to(1, refused()), to(2, healthy())]);
    assert_eq!(is(&Outcome { alerts: critical, ..second }), ("slow", Severity::Critical));
    // A failure is not slow.
    assert_eq!(is(&Outcome { alerts: critical, ..attempt(vec![refused()]) }).0, "refused");
}

#[test]
fn a_severity_that_the_user_gives_changes_the_severity_and_not_the_reason() {
    let states = States::of([("refused", Severity::Warning)]).unwrap();
    let mut outcome = Outcome { states: states.clone(), ..attempt(vec![refused()]) };
    outcome.connections[0].verdict.severity = Severity::Warning;
    assert_eq!(is(&outcome), ("refused", Severity::Warning));
    assert_eq!(outcome.conclusion().replaced(), Some(Severity::Critical));
    assert_eq!(outcome.conclusion().state_option().as_deref(), Some("--state refused=warning"));
    let other = Outcome { states, resolution: Some(found(Lookup::NoSuchName)), ..attempt(Vec::new()) };
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

#[test]
fn an_address_that_was_to_be_tried_and_was_not_is_no_success() {
    let untried = || vec!["198.51.100.9".parse().unwrap(), "198.51.100.10".parse().unwrap()];
    let one = Outcome { untried: untried(), ..attempt(vec![healthy()]) };
    assert_eq!(is(&one), ("healthy", Severity::Ok));
    let all = |story| Outcome { untried: untried(), tries_all_addresses: true, ..attempt(vec![story]) };
    assert_eq!(is(&all(healthy())), ("nothing-done", Severity::Unknown));
    let headline = all(healthy()).conclusion().headline;
    assert_eq!(headline, "time was over before 198.51.100.9 and 1 more address could be tried");
    assert_eq!(is(&all(refused())), ("refused", Severity::Critical));
}
