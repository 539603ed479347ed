//! A RST answered the SYN.

use super::{Actor, Code, Rule, Settings, Severity, Verdict};
use crate::story::{EndingKind, Stage, Story};
use crate::tcp::Role;

/// `refused`.
pub(super) const RULE: Rule = Rule {
    code: Code::Refused,
    severity: Severity::Critical,
    summary: "a RST answered the SYN: nothing listens on that port, or a firewall rejects",
    page: include_str!("../../docs/verdicts/refused.md"),
    judge,
};

fn judge(story: &Story, _: &Settings) -> Option<Verdict> {
    let ending = story.endings.iter().find(|ending| matches!(ending.what, EndingKind::Reset(_)))?;
    let EndingKind::Reset(reset) = &ending.what else { return None };
    if ending.stage != Stage::Syn || ending.by != Role::Server {
        return None;
    }
    let (server, port) = (story.host(Role::Server), story.port(Role::Server));
    let headline = format!("{server} refused the connection to port {port}");
    let hop_limit = match reset.hop_limit {
        Some(hop_limit) => format!(" The RST has TTL {hop_limit}."),
        None => String::new(),
    };
    Some(
        Verdict::new(&RULE, Actor::Server, story.basis, headline)
            .explain(format!(
                "A RST answered the SYN: the address is reachable, and no process listens on the port (RFC \
                 9293, 3.5.2), or a firewall replies with its address.{hop_limit}"
            ))
            .reported(&["ECONNREFUSED (Connection refused)", "java.net.ConnectException: Connection refused"])
            .proved_by(story.opening.syn.numbers().take(2).chain([ending.moment.number]))
            .advise(&[
                "Check on the server that the service runs and listens on this port and address (`ss -ltn`).",
                "Check that the port is the right one: SSM On-Prem serves HTTPS on 8443.",
                "If the service listens, look for a firewall that rejects with a TCP reset.",
            ]),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::script::talk::{self, ssm};
    use crate::tcp::Role::Client;

    #[test]
    fn a_rst_that_answers_the_syn_is_the_server_s_word() {
        let story = Story::at(Stage::Syn).rst_with(Role::Server, |reset| reset.hop_limit = Some(61));
        let verdict = story.verdict();
        assert_eq!(verdict.is(), ("refused", Actor::Server, None));
        assert_eq!(verdict.evidence, [1, 2]);
        assert!(verdict.headline.contains("198.51.100.20") && verdict.headline.contains("8443"));
        assert!(verdict.mentions("TTL 61") && verdict.mentions("ECONNREFUSED"));
        assert!(!verdict.mentions("ETIMEDOUT") && !verdict.mentions("reset by peer"));
        let unknown = Story::at(Stage::Syn).rst(Role::Server).verdict();
        assert!(!unknown.mentions("TTL"));
    }

    #[test]
    fn the_client_s_own_rst_and_one_after_the_syn_ack_refuse_nothing() {
        assert_eq!(Story::at(Stage::Syn).rst(Client).verdict().is(), ("reset", Actor::Client, None));
        for stage in [Stage::SynAck, Stage::TcpEstablished, Stage::ClientHello] {
            assert_eq!(Story::at(stage).rst(Role::Server).verdict().code, "reset", "{stage}");
        }
        let filtered = Story::at(Stage::Syn).icmp([203, 0, 113, 9], 3, 13);
        assert_eq!(filtered.verdict().code, "unreachable");
    }

    #[test]
    fn a_rst_that_acknowledges_the_syn_refuses_it() {
        let refused = ssm().syn().segment(Role::Server, "R.", 0, &[]);
        let verdict = refused.verdict(0);
        assert_eq!((verdict.code.name(), verdict.evidence), ("refused", vec![1, 2]));
        assert_eq!(refused.story(0).stage, Stage::Syn);
    }

    #[test]
    fn a_refused_syn_that_is_sent_again_and_let_in_refuses_nothing() {
        let refused = ssm().syn().segment(Role::Server, "R.", 0, &[]).wait(500).syn();
        assert_eq!(refused.clone().segment(Role::Server, "R.", 0, &[]).code(0), "refused");
        let let_in = refused.syn_ack().ack(Client).say(Client, &talk::client_hello()).story(0);
        assert_eq!((let_in.verdict().code.name(), let_in.stage), ("in-progress", Stage::ClientHello));
        assert_eq!(let_in.opening.refused_before.map(|rst| rst.number), Some(2));
    }

    #[test]
    fn a_rst_that_acknowledges_something_else_refuses_nothing() {
        let stray = ssm().syn().segment_with(Role::Server, "R.", 0, 70_000_000, &[], |_| {});
        assert_eq!(stray.code(0), "in-progress");
    }
}
