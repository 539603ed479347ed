//! The capture's clock stepped within the connection.

use super::{Finding, Weight, finding};
use crate::story::Story;
use crate::time::Elapsed;

/// `clock-step`: no time across it can be trusted.
pub(super) fn find(story: &Story) -> Option<Finding> {
    let step = story.capture.clock_step?;
    let (direction, by) =
        if step.by < Elapsed::ZERO { ("went back", step.by.times(-1)) } else { ("jumped forward", step.by) };
    finding(
        "clock-step",
        Weight::Warning,
        format!(
            "The capture's clock {direction} by {by} during this connection: no duration or silence is measured across \
             that packet."
        ),
        [step.number],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::{ClockStep, Stage};

    #[test]
    fn a_step_of_the_clock_is_reported_with_its_direction() {
        let stepped = |millis| {
            let step = ClockStep { number: 2, by: Elapsed::from_millis(millis) };
            let story = Story::at(Stage::TcpEstablished).but(|story| story.capture.clock_step = Some(step));
            story.finding("clock-step").expect("a finding")
        };
        assert!(stepped(-5_000).text.contains("went back by 5"), "{}", stepped(-5_000).text);
        assert!(stepped(5_000).text.contains("jumped forward by 5"), "{}", stepped(5_000).text);
        assert_eq!(stepped(-5_000).is(), (Weight::Warning, &[2][..]));
        assert_eq!(Story::at(Stage::TcpEstablished).finding("clock-step"), None);
    }

    #[test]
    fn a_step_is_the_clock_s_and_blames_neither_side() {
        let step = ClockStep { number: 2, by: Elapsed::from_millis(5_000) };
        let story = Story::at(Stage::TcpEstablished).but(|story| story.capture.clock_step = Some(step));
        let text = story.finding("clock-step").expect("a finding").text;
        assert!(["client", "server", "lost", "slow"].iter().all(|word| !text.contains(word)), "{text}");
        assert_eq!(story.finding("capture-drops"), None);
        assert_eq!(story.finding("log-clock"), None);
    }
}
