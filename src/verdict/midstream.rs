//! The capture does not show the beginning, and nothing else shows the outcome.

use super::{Actor, Rule, Settings, Severity, Verdict};
use crate::story::{Opening, Story};

/// `midstream`.
pub(super) const RULE: Rule = Rule {
    code: "midstream",
    severity: Severity::Unknown,
    summary: "neither SYN nor SYN-ACK nor ClientHello is in the capture, and nothing else tells the outcome",
    page: include_str!("../../docs/verdicts/midstream.md"),
    judge,
};

fn judge(story: &Story, _: &Settings) -> Option<Verdict> {
    if story.opening.known_by != Opening::Ports || story.tls.server_hello.is_some() {
        return None;
    }
    Some(
        Verdict::new(&RULE, Actor::Unknown, story.basis, "the capture began after this connection did: nothing can be said of its opening")
            .explain(
                "Neither a SYN, nor a SYN-ACK, nor a ClientHello is there. Packets like these are often the rest of an \
                 older connection. Which end is the client is taken from the port numbers.",
            )
            .proved_by([story.first.number])
            .advise(&["Start the capture before the connection is opened."]),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::Stage;
    use crate::story::script::talk::{self, exchange, ssm};
    use crate::tcp::Role::{Client, Server};

    #[test]
    fn without_a_beginning_nothing_is_decided() {
        for story in [
            Story::at(Stage::None),
            Story::at(Stage::None).fin(Client),
            Story::at(Stage::None).rst(Server),
            Story::at(Stage::None).more(60_000),
        ] {
            let verdict = story.verdict();
            assert_eq!(verdict.is(), ("midstream", Actor::Unknown, None));
            assert_eq!((verdict.severity, &verdict.evidence[..]), (Severity::Unknown, &[1][..]));
            assert!(!verdict.mentions("reset") && !verdict.mentions("closed"));
        }
    }

    #[test]
    fn a_syn_ack_a_hello_or_the_server_s_hello_is_a_beginning() {
        for known_by in [Opening::SynAck, Opening::ClientHello] {
            let story = Story::at(Stage::None).but(|story| story.opening.known_by = known_by);
            assert_eq!(story.verdict().code, "in-progress");
        }
        let hello = Story::at(Stage::ServerHello).but(|story| story.opening.known_by = Opening::Ports);
        assert_eq!(hello.verdict().code, "in-progress");
        let alert = Story::at(Stage::None).alert(Server, 40);
        assert_eq!(alert.verdict().code, "tls-alert");
    }

    #[test]
    fn data_without_a_beginning_is_midstream_whatever_ends_it() {
        let middle = ssm().segment(Server, "P.", 5_000, &talk::data()).ack(Client);
        assert_eq!(middle.code(60_000), "midstream");
        assert_eq!(middle.story(60_000).stage, Stage::None);
        assert_eq!(middle.rst(Server).code(0), "midstream");
        assert_eq!(exchange().code(60_000), "healthy");
    }
}
