//! An ICMP error came while the connection was up.

use super::{Finding, Weight, finding};
use crate::packet::IpVersion;
use crate::story::{IcmpFact, Stage, Story};

/// `icmp-error`. What answers the SYN is a verdict, and reports of a packet's size are evidence of others.
pub(super) fn find(story: &Story) -> Option<Finding> {
    let counts = |fact: &&IcmpFact| fact.stage > Stage::Syn && !fact.says_too_big();
    let first = story.path.icmp_errors.iter().find(counts)?;
    let version = if first.version == IpVersion::V4 { "ICMP" } else { "ICMPv6" };
    finding(
        "icmp-error",
        Weight::Warning,
        format!(
            "{} sent an {version} error (type {}, code {}) about the {}'s packets while the connection was established. \
             It does not end a connection (RFC 1122, 4.2.3.9); it names a device on the path that did not forward them.",
            story.names.show(first.from),
            first.icmp_type,
            first.code,
            first.quotes
        ),
        story.path.icmp_errors.iter().filter(counts).map(|fact| fact.moment.number),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_while_the_connection_is_open_names_its_sender() {
        let found = Story::at(Stage::ClientHello).icmp([203, 0, 113, 9], 3, 1).finding("icmp-error");
        let found = found.expect("a finding");
        assert_eq!(found.is(), (Weight::Warning, &[5][..]));
        assert!(found.text.contains("203.0.113.9") && found.text.contains("type 3, code 1"));
        assert!(!found.text.contains("ICMPv6"), "{}", found.text);
    }

    #[test]
    fn an_answer_to_the_syn_and_a_report_of_a_size_are_evidence_of_verdicts() {
        for (stage, code) in [(Stage::Syn, 1), (Stage::ClientHello, 4)] {
            let story = Story::at(stage).icmp([203, 0, 113, 9], 3, code);
            assert_eq!(story.finding("icmp-error"), None, "{stage}");
        }
    }
}
