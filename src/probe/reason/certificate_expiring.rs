//! `certificate-expiring`: a certificate of the server ends within the days of a threshold.

use super::{Reason, addresses};
use crate::probe::expiry::Expiry;
use crate::probe::outcome::{CheckOutcome, Conclusion};
use crate::verdict::{Actor, Severity};

/// The reason.
pub(super) const REASON: Reason = Reason {
    code: "certificate-expiring",
    severity: Severity::Warning,
    summary: "a certificate of the server ends within the days of `-w` or `-c`",
    page: include_str!("../../../docs/reasons/certificate-expiring.md"),
    conclude,
};

fn conclude(outcome: &CheckOutcome) -> Option<Conclusion> {
    let ends = outcome.connections.iter().filter_map(|judged| Some((judged, Expiry::of(&judged.story)?)));
    let (judged, expiry) = ends.min_by_key(|(_, expiry)| expiry.at)?;
    let of =
        addresses::which(outcome, judged).map(|address| format!("address {address}: ")).unwrap_or_default();
    let days = expiry.days?;
    let (severity, range) = outcome.alerts.of_days(days)?;
    let verb = if days < 0.0 { "ended" } else { "ends" };
    let whose = match expiry.place {
        0 => "the server's certificate".to_owned(),
        place => {
            let name = expiry.certificate.common_name.as_ref().unwrap_or(&expiry.certificate.subject);
            format!("certificate {} of the server's chain, {name},", place + 1)
        }
    };
    let option = if severity == Severity::Critical { "-c" } else { "-w" };
    let subject = &expiry.certificate.subject;
    let is_well = outcome.connections.iter().all(|judged| judged.verdict.severity == Severity::Ok);
    let well = if is_well { "The check itself went well. " } else { "" };
    let mut conclusion = Conclusion::critical(
        REASON.code,
        format!("{of}{whose} {verb} {} ({days:.1} days)", expiry.date()),
        format!(
            "{well}Of the certificates that the server sent, {subject} is the first to end, {}. The threshold is {range} days \
             ({option}).",
            expiry.at.machine_readable()
        ),
        &["Renew the certificate, and reload the server: it keeps the old one until then."],
    );
    conclusion.severity = severity;
    conclusion.actor = Actor::Server;
    Some(conclusion)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::cert::{Certificate, Date, Details, Examination};
    use crate::probe::Alerts;
    use crate::probe::range::Range;
    use crate::probe::reason::tests::{attempt, healthy, is, refused, to};
    use crate::story::{Stage, Story};
    use crate::tcp::Role;
    use crate::time::{Clock, Timestamp};

    /// The day of the checks: 2026-11-30.
    const TODAY: i64 = 1_796_000_000;

    /// A connection on which the server showed certificates that end after these numbers of days, its own first.
    fn showing(story: Story, days: &[i64]) -> Story {
        let certificate = |(place, days): (usize, &i64)| {
            let details = Details {
                subject: format!("CN=of place {place}, O=Example"),
                common_name: Some(format!("of place {place}")),
                not_after: Some(Date(TODAY + days * 86_400)),
                ..Details::default()
            };
            Certificate { sha256: [0; 32], details: Some(details) }
        };
        let first_to_end = (0..days.len()).min_by_key(|place| days[*place]);
        let certificates = days.iter().enumerate().map(certificate).collect();
        story.but(|story| {
            story.capture.clock = Clock::Utc;
            story.last.at = Timestamp::from_parts(TODAY, 0);
            let examination = Examination { certificates, first_to_end, ..Examination::by_hand(Vec::new()) };
            story.tls.examination = Some(Arc::new(examination));
        })
    }

    /// A check that warns below 30 days and is critical below 7.
    fn alerting(stories: Vec<Story>) -> CheckOutcome {
        let below = |days| Range::of_what_is_left(days).ok();
        let alerts = Alerts { expiry_warning: below("30"), expiry_critical: below("7"), ..Alerts::default() };
        CheckOutcome { alerts, ..attempt(stories) }
    }

    #[test]
    fn a_certificate_that_ends_within_a_threshold_has_its_severity_and_the_server_is_looked_at() {
        for (days, is_now) in [
            (60, ("healthy", Severity::Ok)),
            (20, ("certificate-expiring", Severity::Warning)),
            (3, ("certificate-expiring", Severity::Critical)),
            (-2, ("certificate-expiring", Severity::Critical)),
        ] {
            let outcome = alerting(vec![showing(healthy(), &[days])]);
            assert_eq!(is(&outcome), is_now, "{days} days");
        }
        let conclusion = alerting(vec![showing(healthy(), &[20])]).conclusion();
        assert_eq!(conclusion.actor, Actor::Server);
        assert_eq!(conclusion.headline, "the server's certificate ends 2026-12-20 (20.0 days)");
        assert!(conclusion.explanation.starts_with("The check itself went well. "), "{conclusion:?}");
        assert!(conclusion.explanation.ends_with("(-w)."), "{conclusion:?}");
    }

    #[test]
    fn a_certificate_that_has_ended_is_not_said_to_end() {
        let headline = alerting(vec![showing(healthy(), &[-2])]).conclusion().headline;
        assert_eq!(headline, "the server's certificate ended 2026-11-28 (-2.0 days)");
    }

    #[test]
    fn another_certificate_of_the_chain_is_named_by_its_place_and_its_name() {
        let headline = alerting(vec![showing(healthy(), &[300, 3])]).conclusion().headline;
        assert!(headline.starts_with("certificate 2 of the server's chain, of place 1, ends "), "{headline}");
    }

    #[test]
    fn of_several_addresses_the_one_whose_certificate_ends_first_is_named() {
        let both = vec![to(1, showing(healthy(), &[300])), to(2, showing(healthy(), &[3]))];
        let headline = alerting(both).conclusion().headline;
        assert!(headline.starts_with("address 198.51.100.2: the server's certificate ends "), "{headline}");
        let one = vec![to(1, showing(healthy(), &[3])), to(1, showing(healthy(), &[3]))];
        assert!(alerting(one).conclusion().headline.starts_with("the server's"), "one address");
    }

    #[test]
    fn nothing_is_alerted_without_a_threshold_or_without_a_certificate() {
        assert_eq!(is(&attempt(vec![showing(healthy(), &[-2])])), ("healthy", Severity::Ok));
        assert_eq!(is(&alerting(vec![healthy()])), ("healthy", Severity::Ok));
        // A text's times of day do not show how many days are left.
        let undated = showing(healthy(), &[3]).but(|story| story.capture.clock = Clock::TimeOfDay);
        assert_eq!(is(&alerting(vec![undated])), ("healthy", Severity::Ok));
    }

    #[test]
    fn a_failure_is_the_reason_and_not_the_certificate_s_end() {
        let reset = showing(Story::at(Stage::ApplicationData).rst(Role::Server), &[3]);
        let (own, of) = (is(&attempt(vec![reset.clone()])), is(&alerting(vec![reset])));
        assert_eq!((of, own.1), (own, Severity::Critical));
        // An address that clients pass over is a warning: the certificate that ends in three days is more.
        let passed = vec![to(1, refused()), to(2, showing(healthy(), &[3]))];
        let conclusion = alerting(passed).conclusion();
        assert_eq!((conclusion.reason, conclusion.severity), ("certificate-expiring", Severity::Critical));
        assert!(!conclusion.explanation.contains("went well"), "{conclusion:?}");
    }
}
