//! Only one side's packets are in the capture.

use super::{Finding, Weight, finding};
use crate::story::Story;

/// `one-sided`.
pub(super) fn find(story: &Story) -> Option<Finding> {
    let role = story.one_sided()?;
    finding(
        "one-sided",
        Weight::Warning,
        format!(
            "Only the {role}'s packets are in the capture, although the {}'s must have been sent: forward and return path \
             differ, or the filter removed one direction. What the {} sent is unknown.",
            role.other(),
            role.other()
        ),
        [story.first.number],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::script::talk::{exchange, ssm};
    use crate::tcp::Role::{Client, Server};

    #[test]
    fn the_side_that_is_missing_is_named() {
        for (seen, missing) in [(Client, "the server's must"), (Server, "the client's must")] {
            let talk = exchange().ack(Client).only(seen);
            let found = talk.finding("one-sided").expect("a finding");
            assert_eq!(found.severity, Weight::Warning);
            assert_eq!(found.evidence, [talk.packets[0].id.moment.number]);
            assert!(found.text.contains(missing), "{}", found.text);
        }
    }

    #[test]
    fn a_syn_that_nobody_answers_is_not_one_sided() {
        assert_eq!(ssm().syn().finding("one-sided"), None);
        assert_eq!(exchange().finding("one-sided"), None);
    }
}
