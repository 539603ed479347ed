//! An ICMP error came while the connection stood.

use super::{Finding, Weight, finding};
use crate::story::{IcmpFact, Stage, Story};

/// `icmp-error`. What answers the SYN is a verdict, and reports of a packet's size are evidence of others.
pub(super) fn find(story: &Story) -> Option<Finding> {
    let counts = |fact: &&IcmpFact| fact.stage > Stage::Syn && !fact.says_too_big();
    let first = story.path.icmp_errors.iter().find(counts)?;
    let version = if first.from.is_ipv4() { "ICMP" } else { "ICMPv6" };
    finding(
        "icmp-error",
        Weight::Warning,
        format!(
            "{} sent an {version} error (type {}, code {}) about the {}'s packets while the connection stood. It does not end \
             a connection (RFC 1122, 4.2.3.9), and names somebody on the way who could or would not pass them on.",
            first.from, first.icmp_type, first.code, first.quotes
        ),
        story.path.icmp_errors.iter().filter(counts).map(|fact| fact.moment.number),
    )
}
