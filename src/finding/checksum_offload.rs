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
        if checksums.offloaded == checksums.incorrect {
            let count = checksums.incorrect;
            finding(
                "checksum-offload",
                Weight::Info,
                format!(
                    "{count} of the {role}'s TCP checksums are wrong in the way that transmit checksum offload leaves them: the \
                     network card fills them in after the capture. The capture was made on the {role}; this is no fault."
                ),
                examples,
            )
        } else {
            let (wrong, seen) = (checksums.incorrect, checksums.incorrect + checksums.correct);
            finding(
                "bad-checksums",
                Weight::Warning,
                format!(
                    "{wrong} of {seen} TCP checksums of the {role} are wrong, and not in the way that checksum offload leaves \
                     them: the packets were damaged or rewritten, and a receiver drops them."
                ),
                examples,
            )
        }
    })
}
