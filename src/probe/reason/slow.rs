//! `slow`, by the time that the whole attempt took. The code and its page are the verdict's, which is about TLS alone.

use super::addresses;
use crate::analysis::Judged;
use crate::probe::outcome::{CheckOutcome, Conclusion};
use crate::story::Story;
use crate::tcp::Role;
use crate::verdict::{Actor, Severity};

pub(super) fn conclude(outcome: &CheckOutcome) -> Option<Conclusion> {
    // What was not done, or is not known, is not slow.
    let is_done = |(severity, judged): (&Severity, &Judged)| {
        matches!(severity, Severity::Ok | Severity::Warning)
            || addresses::passed_over_for(outcome, judged).is_some()
    };
    if outcome.unmapped.is_empty() || !outcome.unmapped.iter().zip(&outcome.connections).all(is_done) {
        return None;
    }
    let spent = &outcome.spent;
    let (severity, most) = outcome.alerts.of_time(spent.total)?;
    let option = if severity == Severity::Critical { "--crit-time" } else { "--warn-time" };
    let (part, longest, by) = spent.longest();
    // Packets that were lost delayed whatever waited for them.
    let lost = outcome.connections.iter().any(|judged| lost_packets(&judged.story));
    let actor = if lost && by == Actor::Server { Actor::Path } else { by };
    let conclusion = Conclusion::critical(
        "slow",
        format!("it took {}, {longest} {part}", spent.total),
        format!("Everything was answered, later than within {most} ({option})."),
        &[match (part, actor) {
            ("for finding the address", _) => RESOLVER,
            (_, Actor::Path) => PATH,
            _ => SERVER,
        }],
    );
    Some(Conclusion { severity, actor, ..conclusion })
}

/// Whether either side's segments were sent again, as far as the kernel or the packets show it.
fn lost_packets(story: &Story) -> bool {
    let by_kernel = story.path.counters.is_some_and(|counters| counters.retransmitted > 0);
    let by_packets = [Role::Client, Role::Server].iter().any(|role| story.data[*role].repeats.count > 0);
    by_kernel || by_packets
}

const RESOLVER: &str =
    "Look at the resolvers of this host: `-v` shows which was asked, and how long each took.";
const PATH: &str =
    "Look at the path: `-v` shows the times of all steps, and --capture which packets were lost.";
const SERVER: &str = "Read the server's log at that time; `-v` shows the times of all steps.";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::Alerts;
    use crate::probe::PhaseDurations;
    use crate::probe::reason::tests::{attempt, healthy, is, refused, to};
    use crate::story::Stage;
    use crate::time::Elapsed;

    #[test]
    fn whoever_took_longest_is_looked_at() {
        let ms = |millis| Some(Elapsed::from_millis(millis));
        for (spent, actor) in [
            (PhaseDurations { dns: ms(900), page: ms(20), ..PhaseDurations::default() }, Actor::Unknown),
            (PhaseDurations { connect: ms(900), page: ms(20), ..PhaseDurations::default() }, Actor::Path),
            (PhaseDurations { proxy: ms(900), page: ms(20), ..PhaseDurations::default() }, Actor::Path),
            (PhaseDurations { tls: ms(20), page: ms(900), ..PhaseDurations::default() }, Actor::Server),
        ] {
            assert_eq!(spent.longest().2, actor, "{spent:?}");
        }
    }

    #[test]
    fn what_was_sent_again_was_lost_on_the_path() {
        let story = Story::at(Stage::ApplicationData).answered();
        assert!(!lost_packets(&story));
        assert!(lost_packets(&story.repeats(Role::Client, 1)));
    }

    #[test]
    fn a_threshold_of_time_is_about_what_was_done() {
        let alerts = Alerts { time_warning: Some(Elapsed::from_millis(50)), ..Alerts::default() };
        let outcome = CheckOutcome { alerts, ..attempt(vec![healthy()]) };
        assert_eq!(is(&outcome), ("slow", Severity::Warning));
        assert!(
            outcome.conclusion().headline.starts_with("it took 100"),
            "{}",
            outcome.conclusion().headline
        );
        let critical = Alerts { time_critical: Some(Elapsed::from_millis(60)), ..alerts };
        assert_eq!(
            is(&CheckOutcome { alerts: critical, ..attempt(vec![healthy()]) }),
            ("slow", Severity::Critical)
        );
        let patient = Alerts { time_warning: Some(Elapsed::from_millis(200)), ..Alerts::default() };
        assert_eq!(
            is(&CheckOutcome { alerts: patient, ..attempt(vec![healthy()]) }),
            ("healthy", Severity::Ok)
        );
        // An address that clients pass over does not hide it.
        let second = attempt(vec![to(1, refused()), to(2, healthy())]);
        assert_eq!(is(&CheckOutcome { alerts: critical, ..second }), ("slow", Severity::Critical));
        // A failure is not slow.
        assert_eq!(is(&CheckOutcome { alerts: critical, ..attempt(vec![refused()]) }).0, "refused");
    }
}
