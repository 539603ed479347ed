//! The SYN offered TCP options that the SYN-ACK does not accept.

use super::{Finding, Weight, finding};
use crate::story::Story;

/// `options-stripped`: SACK, timestamps, window scale.
pub(super) fn find(story: &Story) -> Option<Finding> {
    let (offered, answered) = (story.parties.client.offer?, story.parties.server.offer?);
    let options = [
        (offered.selective_acknowledgement, answered.selective_acknowledgement, "selective acknowledgement"),
        (offered.timestamps, answered.timestamps, "timestamps"),
        (offered.window_scale, answered.window_scale, "window scaling"),
    ];
    let missing: Vec<_> =
        options.into_iter().filter_map(|(asked, got, name)| (asked && !got).then_some(name)).collect();
    let (last, rest) = missing.split_last()?;
    let names = if rest.is_empty() { (*last).to_owned() } else { format!("{} and {last}", rest.join(", ")) };
    let them = if missing == ["timestamps"] || missing.len() > 1 { "them" } else { "it" };
    finding(
        "options-stripped",
        Weight::Info,
        format!(
            "The SYN offers {names}, and the SYN-ACK does not accept {them}: the server does not use {them}, or a device in between (a \
             SYN proxy, a firewall that normalises TCP) removed {them}. Not a fault, but transfers over a long or lossy path \
             get slower."
        ),
        [offered.number, answered.number],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::script::talk::{ALL_OPTIONS, MSS, opened};

    #[test]
    fn each_option_that_is_offered_and_not_accepted_is_named() {
        let found = opened(("S", &ALL_OPTIONS), ("S.", &MSS)).finding("options-stripped").expect("a finding");
        assert_eq!(found.is(), (Weight::Info, &[1, 2][..]));
        for option in ["selective acknowledgement", "timestamps", "window scaling"] {
            assert!(found.text.contains(option), "{}", found.text);
        }
        let text = "offers selective acknowledgement, timestamps and window scaling, and the SYN-ACK does not accept them:";
        assert!(found.text.contains(text), "{}", found.text);
        // Maximum segment size, and SACK permitted.
        let some =
            opened(("S", &ALL_OPTIONS), ("S.", &ALL_OPTIONS[..6])).finding("options-stripped").unwrap();
        assert!(some.text.contains("timestamps") && !some.text.contains("selective"), "{}", some.text);
    }

    #[test]
    fn what_is_accepted_or_was_not_offered_is_no_finding() {
        for talk in [opened(("S", &ALL_OPTIONS), ("S.", &ALL_OPTIONS)), opened(("S", &MSS), ("S.", &MSS))] {
            assert_eq!(talk.finding("options-stripped"), None);
        }
    }
}
