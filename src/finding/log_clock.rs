//! How far the clock of a tied log is from the capture's.

use super::{Finding, Weight, finding};
use crate::story::{LogTie, Story};
use crate::time::Elapsed;

/// A skew from which lines and packets can't be compared by eye.
const NOTICEABLE: Elapsed = Elapsed::from_millis(1_000);

/// `log-clock`: a warning where the skew is above five minutes, which is when certificates and tokens begin to fail.
pub(super) fn find(story: &Story) -> Option<Finding> {
    /// Kerberos' and most tokens' tolerance (RFC 4120, 8.2).
    const TOLERATED: Elapsed = Elapsed::from_millis(300_000);
    let tie = story.logs.iter().find(|tie| tie.zone != Elapsed::ZERO || size(tie.skew) >= NOTICEABLE)?;
    let weight = if size(tie.skew) > TOLERATED { Weight::Warning } else { Weight::Info };
    let file = tie.line()?.file.escape_debug().to_string();
    finding("log-clock", weight, format!("The times in \"{file}\" are the capture's {}.", offset(tie)), [])
}

/// `+ 5 h 30 min (zone) + 1.8 s (skew)`.
fn offset(tie: &LogTie) -> String {
    let minutes = size(tie.zone).nanos() / 60_000_000_000;
    let sign = |span: Elapsed| if span < Elapsed::ZERO { '-' } else { '+' };
    let zone = match (minutes / 60, minutes % 60) {
        (0, 0) => String::new(),
        (hours, 0) => format!("{} {hours} h (zone) ", sign(tie.zone)),
        (hours, minutes) => format!("{} {hours} h {minutes} min (zone) ", sign(tie.zone)),
    };
    // The attempts usually fix the offset to a few milliseconds; less than that is not skew.
    if size(tie.skew) < NOTICEABLE {
        return zone.trim_end().to_owned();
    }
    format!("{zone}{} {} (skew)", sign(tie.skew), size(tie.skew))
}

fn size(span: Elapsed) -> Elapsed {
    if span < Elapsed::ZERO { span.times(-1) } else { span }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{Agreement, AttemptOutcome, Side};
    use crate::story::Stage;
    use crate::story::script::log::tied;

    fn with(zone_minutes: i64, skew: i64) -> Option<Finding> {
        let story = Story::at(Stage::ApplicationData).answered().but(|story| {
            let mut tie = tied(Side::Client, AttemptOutcome::Succeeded, Agreement::Agrees, 1_000);
            (tie.zone, tie.skew) = (Elapsed::from_millis(zone_minutes * 60_000), Elapsed::from_millis(skew));
            story.logs.push(tie);
        });
        story.finding("log-clock")
    }

    #[test]
    fn zone_and_skew_are_distinguished() {
        let found = with(330, 1_800).expect("a finding");
        assert!(found.text.contains("+ 5 h 30 min (zone) + 1.8 s (skew)"), "{}", found.text);
        assert_eq!(found.severity, Weight::Info);
        let zone = with(330, 8).expect("a finding");
        assert!(zone.text.contains("+ 5 h 30 min (zone).") && !zone.text.contains("skew"), "{}", zone.text);
        let west = with(-480, -2_500).expect("a finding");
        assert!(west.text.contains("- 8 h (zone) - 2.5 s (skew)"), "{}", west.text);
    }

    #[test]
    fn clocks_that_agree_are_no_finding_and_a_skew_that_breaks_tokens_is_a_warning() {
        assert_eq!(with(0, 300), None);
        assert_eq!(with(0, 400_000).map(|found| found.severity), Some(Weight::Warning));
    }
}
