//! Bytes that a side shows to have sent, and that did not arrive.

use crate::story::{SentUnseen, Story};
use crate::tcp::Role;

/// What to try where a reply was lost in transit.
pub(in crate::verdict) const ADVICE: [&str; 3] = [
    "Capture on both sides at the same time: where are the packets of the reply lost?",
    "Check the MTU of tunnels and VPNs on the path, and that ICMP \"fragmentation needed\" and \"packet too big\" pass.",
    "Check firewalls and NATs between the two for drops on TCP port PORT, in both directions.",
];

/// The bytes of the server that its own acknowledgements show and nobody got. Where the client's packets are not in the capture, it may
/// have got them.
pub(in crate::verdict) fn of_server(story: &Story) -> Option<SentUnseen> {
    story.data[Role::Server].sent_unseen.filter(|_| story.one_sided().is_none())
}

/// The same of the client, as a capture near the server shows it. One byte may be a FIN.
pub(in crate::verdict) fn of_client(story: &Story) -> Option<SentUnseen> {
    let sent = story.data[Role::Client].sent_unseen?;
    (sent.bytes > 1 && story.one_sided().is_none()).then_some(sent)
}

/// How that is known, as the end of an explanation.
pub(in crate::verdict) fn sentence(by: Role, sent: SentUnseen) -> String {
    let bytes = match sent.bytes {
        1 => "1 byte".to_owned(),
        bytes => format!("{bytes} bytes"),
    };
    format!(
        "The sequence number of the {by}'s ACK in packet {} shows that the {by} had sent {bytes} more by then, which the {} never \
         acknowledged: they were lost in transit.",
        sent.shown_by.number,
        by.other()
    )
}
