//! `slow`, by the time that the whole attempt took. The code and its page are the verdict's, which is about TLS alone.

use super::addresses;
use crate::analysis::Judged;
use crate::probe::outcome::{Conclusion, Outcome};
use crate::verdict::Severity;

pub(super) fn conclude(outcome: &Outcome) -> Option<Conclusion> {
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
    let (part, longest) = spent.longest();
    let conclusion = Conclusion::critical(
        "slow",
        format!("it took {}, {longest} {part}", spent.total),
        format!("Everything was answered, later than within {most} ({option})."),
        &["Look at the part that took longest: `-v` shows the times of all steps."],
    );
    Some(Conclusion { severity, ..conclusion })
}
