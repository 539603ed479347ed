//! The capture itself lost packets.

use super::{Finding, Weight, finding};
use crate::story::Story;

/// `capture-drops`.
pub(super) fn find(story: &Story) -> Option<Finding> {
    let dropped = story.capture.dropped.filter(|dropped| *dropped > 0)?;
    finding(
        "capture-drops",
        Weight::Warning,
        format!("The capture dropped {dropped} packets: what seems missing may have been on the wire."),
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
}
