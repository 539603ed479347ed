//! Wrong TCP checksums: of a network card that computes them, or real ones.

use super::{Finding, Weight, finding};
use crate::story::Story;
use crate::tcp::Role;

/// `checksum-offload`, or `bad-checksums` where the values don't fit it.
pub(super) fn find(story: &Story) -> Option<Finding> {
    [Role::Client, Role::Server].into_iter().find_map(|role| {
        let checksums = &story.parties[role].checksums;
        let examples = checksums.examples.into_iter().flatten();
        if checksums.incorrect == 0 {
            return None;
        }
        // Only one side is on the capturing host.
        let other = &story.parties[role.other()].checksums;
        let is_other_correct = other.correct > 0 && other.incorrect == 0;
        if checksums.offloaded == checksums.incorrect {
            let count = checksums.incorrect;
            let sums = if count == 1 { "1 TCP checksum".to_owned() } else { format!("{count} TCP checksums") };
            let them = if count == 1 { "it" } else { "them" };
            let text = if checksums.was_received || story.parties[role].was_forwarded() == Some(true) {
                format!(
                    "Checksum offload left {sums} of the {role} wrong: the capturing host received {them} like this, from a virtual \
                     machine, a container or a virtual device."
                )
            } else if checksums.is_opening_correct {
                format!(
                    "Checksum offload left {sums} of the {role} wrong: the capturing host merged segments that it received, or \
                     sent {them}."
                )
            } else if is_other_correct {
                format!("Captured on the {role}: checksum offload left {sums} wrong.")
            } else {
                format!(
                    "Checksum offload left {sums} of the {role} wrong: the capturing host sent {them}, or received {them} from a virtual \
                     machine, a container or a virtual device."
                )
            };
            finding("checksum-offload", Weight::Info, text, examples)
        } else {
            let (wrong, seen) = (checksums.incorrect, checksums.incorrect + checksums.correct);
            // What a receiver drops it does not acknowledge, and its sender repeats it.
            let data = &story.data[role];
            let is_received = data.first.is_some() && data.is_all_acknowledged && data.repeats.count == 0;
            let (weight, fate) = if is_received {
                (Weight::Info, "the receiver acknowledged all data, so the packets arrived as they should be")
            } else {
                (Weight::Warning, "the packets were damaged or rewritten, and a receiver drops them")
            };
            finding(
                "bad-checksums",
                weight,
                format!(
                    "{wrong} of the {role}'s {seen} TCP checksums are wrong, and not because of checksum offload: {fate}."
                ),
                examples,
            )
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::{ChecksumFacts, Stage};

    fn with(checksums: ChecksumFacts) -> Story {
        Story::at(Stage::TlsEstablished).but(|story| {
            story.parties.server.checksums = checksums;
            story.parties.client.checksums.correct = 3;
        })
    }

    #[test]
    fn checksums_that_offload_leaves_are_no_fault() {
        let checksums = ChecksumFacts {
            incorrect: 3,
            offloaded: 3,
            examples: [Some(2), Some(5)],
            ..ChecksumFacts::default()
        };
        let found = with(checksums).finding("checksum-offload").expect("a finding");
        assert_eq!(found.is(), (Weight::Info, &[2, 5][..]));
        assert!(
            found.text.starts_with("Captured on the server: ")
                && found.text.contains("3 TCP checksums")
                && found.text.contains("offload")
        );
        assert_eq!(with(checksums).finding("bad-checksums"), None);
    }

    #[test]
    fn where_both_sides_are_wrong_neither_is_the_place_of_the_capture() {
        let wrong = ChecksumFacts { incorrect: 1, offloaded: 1, ..ChecksumFacts::default() };
        for client in [wrong, ChecksumFacts::default()] {
            let found = with(wrong).but(|story| story.parties.client.checksums = client);
            let text = found.finding("checksum-offload").expect("a finding").text;
            assert!(!text.contains("Captured on") && text.contains("or received it"), "{text}");
        }
    }

    #[test]
    fn what_the_capturing_host_received_was_not_captured_at_its_sender() {
        let checksums =
            ChecksumFacts { incorrect: 3, offloaded: 3, was_received: true, ..ChecksumFacts::default() };
        let found = with(checksums).finding("checksum-offload").expect("a finding");
        assert!(
            !found.text.contains("Captured on the server") && found.text.contains("received"),
            "{}",
            found.text
        );
    }

    #[test]
    fn what_a_router_forwarded_was_not_captured_at_its_sender() {
        let checksums = ChecksumFacts { incorrect: 1, offloaded: 1, ..ChecksumFacts::default() };
        let text = |hop_limit| {
            let traits = crate::story::IpTraits { number: 2, hop_limit, service: None, id: None };
            let story = with(checksums).but(|story| story.parties.server.opening_path = Some(traits));
            story.finding("checksum-offload").expect("a finding").text
        };
        assert!(text(64).contains("Captured on the server"), "{}", text(64));
        assert!(!text(63).contains("Captured on the server"), "{}", text(63));
    }

    #[test]
    fn others_are_damage() {
        let checksums = ChecksumFacts {
            correct: 7,
            incorrect: 3,
            offloaded: 2,
            examples: [Some(2), Some(5)],
            ..ChecksumFacts::default()
        };
        let repeated = with(checksums).repeats(Role::Server, 1);
        let found = repeated.finding("bad-checksums").expect("a finding");
        assert_eq!(found.is(), (Weight::Warning, &[2, 5][..]));
        assert!(found.text.contains("3 of the server's 10"), "{}", found.text);
        assert_eq!(with(checksums).finding("checksum-offload"), None);
    }

    #[test]
    fn what_its_receiver_acknowledged_was_not_dropped() {
        let checksums = ChecksumFacts { correct: 7, incorrect: 3, ..ChecksumFacts::default() };
        let received = with(checksums).but(|story| story.data.server.first = Some(story.last));
        let found = received.finding("bad-checksums").expect("a finding");
        assert!(found.is().0 == Weight::Info && !found.text.contains("drops"), "{}", found.text);
        let repeated = received.repeats(Role::Server, 1).finding("bad-checksums").expect("a finding");
        assert!(repeated.text.contains("drops"), "{}", repeated.text);
    }

    #[test]
    fn segments_that_a_receiver_merged_do_not_show_where_the_capture_was_made() {
        let checksums = ChecksumFacts {
            is_opening_correct: true,
            incorrect: 3,
            offloaded: 3,
            ..ChecksumFacts::default()
        };
        let found = with(checksums).finding("checksum-offload").expect("a finding");
        assert!(found.text.contains("merged") && !found.text.contains("made on"), "{}", found.text);
    }

    #[test]
    fn correct_ones_are_no_finding() {
        let story = with(ChecksumFacts { correct: 9, ..ChecksumFacts::default() });
        assert_eq!((story.finding("checksum-offload"), story.finding("bad-checksums")), (None, None));
    }
}
