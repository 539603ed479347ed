//! What this host did with the check's packets before they reached the wire, as its own capture shows.

use crate::story::{Stage, Story};
use crate::tcp::Role;
use crate::time::Elapsed;
use crate::verdict::{Actor, Code, Severity, Verdict};

/// What became of the check's packets on this host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::probe) enum OwnPackets {
    /// Nothing was captured, or packets were dropped by the capture.
    Unknown,
    /// A capture on the interface holds none of them.
    Absent,
    /// A capture holds those that left, and none was dropped.
    Whole,
}

/// Nothing of the check is in its own capture: neither a SYN nor what the system took for an answer was on that interface.
pub(super) fn absent(verdict: &mut Verdict) {
    let (headline, why) = match verdict.code {
        Code::Refused => (
            "the connection was refused, and no SYN left this host by the captured interface",
            "The system's call failed as if a RST had come, and the capture holds neither the SYN nor a RST",
        ),
        Code::SynNoReply => (
            "no reply to the SYN, and none left this host by the captured interface",
            "The system sent the SYN, and the capture does not hold it",
        ),
        _ => return,
    };
    if verdict.severity != Severity::Critical {
        return;
    }
    verdict.actor = Actor::Client;
    verdict.headline = headline.into();
    verdict.explanation =
        format!("{why}: a filter of this host's own stops it, or its packets take another interface.").into();
    verdict.change_advice(|advice| *advice = vec![OWN_FILTER, INTERFACE]);
}

/// Whether the capture holds the connection's opening and nothing that the client sent over it.
pub(super) fn is_kept_back(story: &Story) -> bool {
    story.stage == Stage::TcpEstablished
        && story.data[Role::Client].first.is_none()
        && story.data[Role::Server].first.is_none()
}

/// The ClientHello was written, and did not leave.
pub(super) fn kept_back(verdict: &mut Verdict, waited: Elapsed) {
    verdict.code = Code::NoServerHello;
    verdict.severity = Severity::Critical;
    verdict.actor = Actor::Client;
    verdict.cause = None;
    verdict.headline =
        format!("the ClientHello, which the check wrote {waited} before, did not leave this host").into();
    verdict.explanation = "The check wrote its ClientHello, and the capture on this host's interface holds the TCP handshake and no data. A \
                           filter of this host's own drops or rejects it: the server got nothing to answer."
        .into();
    verdict.client_reports = vec!["java.net.SocketTimeoutException: Read timed out".into()];
    verdict.change_advice(|advice| *advice = vec![OWN_FILTER]);
}

const OWN_FILTER: &str = "Look at this host's own firewall: `nft list ruleset`, `iptables -S OUTPUT`.";
const INTERFACE: &str = "See by which interface its packets leave: `ip route get SERVER`.";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tcp::Role::Server;

    #[test]
    fn where_no_packet_of_the_check_left_the_host_is_looked_at() {
        for story in [Story::at(Stage::Syn).rst(Server), Story::at(Stage::Syn).silent_for(8_000, Server)] {
            let mut verdict = story.verdict();
            let code = verdict.code;
            absent(&mut verdict);
            assert_eq!((verdict.code, verdict.actor), (code, Actor::Client));
            assert!(verdict.headline.contains("left this host"), "{}", verdict.headline);
        }
        // What was answered left.
        let mut verdict = Story::at(Stage::ClientHello).rst(Server).verdict();
        absent(&mut verdict);
        assert_eq!(verdict.actor, Actor::Server);
    }

    #[test]
    fn a_client_hello_that_was_written_and_not_captured_was_kept_back_by_this_host() {
        let story = Story::at(Stage::TcpEstablished);
        assert!(is_kept_back(&story) && !is_kept_back(&Story::at(Stage::ClientHello)));
        let mut verdict = story.verdict();
        kept_back(&mut verdict, Elapsed::from_millis(3_100));
        assert_eq!((verdict.code, verdict.actor), (Code::NoServerHello, Actor::Client));
    }
}
