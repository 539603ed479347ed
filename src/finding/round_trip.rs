//! How far away the server is.

use super::{Finding, Weight, finding};
use crate::story::Story;

/// `round-trip`: from the SYN to its SYN-ACK, and from data to its acknowledgement.
pub(super) fn find(story: &Story) -> Option<Finding> {
    match (story.path.round_trips.handshake, story.path.round_trips.data) {
        (Some((opening, syn, syn_ack)), Some((data, ack))) => finding(
            "round-trip",
            Weight::Info,
            format!("RTT: {opening} (SYN to SYN-ACK), {data} (data to ACK)"),
            [syn, syn_ack, ack],
        ),
        (Some((opening, syn, syn_ack)), None) => {
            finding("round-trip", Weight::Info, format!("RTT: {opening} (SYN to SYN-ACK)"), [syn, syn_ack])
        }
        (None, Some((data, ack))) => {
            finding("round-trip", Weight::Info, format!("RTT: {data} (data to ACK)"), [ack])
        }
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::script::talk::{self, ssm};
    use crate::tcp::Role::{Client, Server};

    #[test]
    fn what_the_opening_and_the_first_data_show_is_reported() {
        let open = ssm().open().finding("round-trip").expect("a finding");
        assert_eq!(open.is(), (Weight::Info, &[1, 2][..]));
        assert!(open.text.contains("10.0 ms") && !open.text.contains("data"), "{}", open.text);
        let data = ssm().open().say(Client, &talk::client_hello()).wait(30).ack(Server);
        let both = data.finding("round-trip").expect("a finding");
        assert_eq!(both.evidence, [1, 2, 5]);
        assert!(both.text.contains("10.0 ms") && both.text.contains("40.0 ms"), "{}", both.text);
    }

    #[test]
    fn a_syn_that_was_repeated_measures_nothing() {
        assert_eq!(ssm().syn().finding("round-trip"), None);
        assert_eq!(ssm().syn().wait(1_000).syn().syn_ack().finding("round-trip"), None);
    }
}
