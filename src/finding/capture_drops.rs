//! The capture itself lost packets.

use super::{Finding, Weight, finding};
use crate::story::Story;

/// `capture-drops`.
pub(super) fn find(story: &Story) -> Option<Finding> {
    let dropped = story.capture.dropped.filter(|dropped| *dropped > 0)?;
    finding(
        "capture-drops",
        Weight::Warning,
        format!(
            "The capture dropped {dropped} packet{}: what seems missing may have been on the wire.",
            if dropped == 1 { "" } else { "s" }
        ),
        [],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::Stage;

    #[test]
    fn drops_are_reported_with_their_number_and_none_without_a_count() {
        let dropping = |dropped| {
            let story = Story::at(Stage::TlsEstablished).but(|story| story.capture.dropped = dropped);
            story.finding("capture-drops")
        };
        assert_eq!(dropping(None), None);
        assert_eq!(dropping(Some(0)), None);
        let found = dropping(Some(12)).expect("a finding");
        assert_eq!(found.is(), (Weight::Warning, &[][..]));
        assert!(found.text.contains("12 packets"), "{}", found.text);
    }

    #[test]
    fn drops_are_the_capture_s_and_no_loss_on_the_path() {
        let dropping =
            |dropped| Story::at(Stage::TlsEstablished).but(|story| story.capture.dropped = Some(dropped));
        let text = |dropped| dropping(dropped).finding("capture-drops").expect("a finding").text;
        assert!(text(1).contains("dropped 1 packet:"), "{}", text(1));
        assert!(!text(12).contains("lost") && !text(12).contains("path"), "{}", text(12));
        assert_eq!(dropping(12).finding("snaplen"), None);
        assert_eq!(dropping(12).finding("retransmissions"), None);
    }
}
