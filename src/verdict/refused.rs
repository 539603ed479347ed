//! A RST answered the SYN.

use super::words::{advice, purpose, reset_reason};
use super::{Actor, Code, JudgementSettings, Rule, Severity, Verdict};
use crate::story::{Ending, EndingKind, ResetFacts, Stage, Story};
use crate::tcp::Role;

/// `refused`.
pub(super) const RULE: Rule = Rule {
    code: Code::Refused,
    severity: Severity::Critical,
    summary: "a RST answered the SYN: nothing listens on that port, or a firewall rejects",
    page: include_str!("../../docs/verdicts/refused.md"),
    judge,
};

const REPORTS: [&str; 2] =
    ["ECONNREFUSED (Connection refused)", "java.net.ConnectException: Connection refused"];

fn judge(story: &Story, _: &JudgementSettings) -> Option<Verdict> {
    let ending = story.endings.iter().find(|ending| matches!(ending.what, EndingKind::Reset(_)))?;
    let EndingKind::Reset(reset) = &ending.what else { return None };
    if ending.stage != Stage::Syn || ending.by != Role::Server {
        return None;
    }
    let (server, port) = (story.host(Role::Server), story.port(Role::Server));
    let headline = format!("{}{server} refused the connection to port {port}", purpose::prefix(story));
    let answered = answered_anyway(story, ending, reset);
    if let Some(syn_ack) = answered {
        let headline =
            format!("forged RST in reply to the SYN: {server} accepted the same SYN on port {port}");
        return Some(
            Verdict::new(&RULE, Actor::Path, story.basis, headline)
                .cause("rst-injected")
                .explain(format!(
                    "A RST answered the SYN, and in packet {syn_ack} the server answers the same SYN with a SYN-ACK: a host \
                     that refuses a connection does not open it. A device on the path that resets connections is \
                     the likely sender."
                ))
                .reported(&REPORTS)
                .proved_by(story.opening.syn.numbers().take(2).chain([ending.moment.number, syn_ack]))
                .advise(&[
                    "Look for a firewall, intrusion prevention or proxy on the path that resets this traffic, and ask for its log.",
                    "Capture on the server too: if it did not send the RST, none leaves there.",
                ]),
        );
    }
    let reason = reset_reason::sentence(story, ending);
    let first: &[_] = if reason.is_some() { &[reset_reason::ADVICE] } else { &[] };
    let why = reason.unwrap_or_else(|| {
        "A RST answered the SYN: the address is reachable, and no process listens on the port (RFC 9293, 3.5.2), or a \
         firewall replies with its address."
            .to_owned()
    });
    Some(
        Verdict::new(&RULE, Actor::Server, story.basis, headline)
            .explain(format!("{why}{}", purpose::scan(story)))
            .reported(&REPORTS)
            .advise(first)
            .proved_by(story.opening.syn.numbers().take(2).chain([ending.moment.number]))
            .advise(&[
                "Check on the server that the service runs and listens on this port and address (`ss -ltn`).",
                advice::port(story),
                "If the service listens, look for a firewall that rejects with a TCP reset.",
            ]),
    )
}

/// The SYN-ACK with which the server answers the SYN that the RST answered, too.
fn answered_anyway(story: &Story, refusal: &Ending, reset: &ResetFacts) -> Option<u64> {
    let syn_ack = reset.continued_in?;
    let is_new =
        |syn: u64| story.order.is_after(syn, refusal.moment.number) && !story.order.is_after(syn, syn_ack);
    let is_syn_ack = story.opening.syn_ack.numbers().any(|number| number == syn_ack);
    (is_syn_ack && !story.opening.syn.numbers().any(is_new)).then_some(syn_ack)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::script::talk::{self, Talk, ssm};
    use crate::tcp::Role::Client;

    #[test]
    fn a_rst_that_answers_the_syn_is_the_server_s_word() {
        let story = Story::at(Stage::Syn).rst_with(Role::Server, |reset| reset.hop_limit = Some(61));
        let verdict = story.verdict();
        assert_eq!(verdict.is(), ("refused", Actor::Server, None));
        assert_eq!(verdict.evidence, [1, 2]);
        assert!(verdict.headline.contains("198.51.100.20") && verdict.headline.contains("8443"));
        assert!(verdict.mentions("ECONNREFUSED"));
        assert!(!verdict.mentions("ETIMEDOUT") && !verdict.mentions("reset by peer"));
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
    fn the_port_of_a_licence_server_is_no_matter_of_other_services() {
        let advised = |port| {
            let story = Talk::to_port(port).syn().segment(Role::Server, "R.", 0, &[]).story(0);
            story.verdict().advice(&story).any(|text| text.contains("SSM On-Prem"))
        };
        assert_eq!([8443, 443, 25, 22].map(advised), [true, true, false, false]);
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
    fn a_server_that_answers_the_same_syn_after_its_rst_did_not_send_it() {
        let refused = ssm().syn().segment(Role::Server, "R.", 0, &[]);
        for talk in [
            refused.clone().wait(40).syn_ack(),
            refused.clone().wait(40).syn_ack().segment(Client, "R", 1, &[]),
            refused.clone().wait(40).syn_ack().wait(1_000).syn_ack(),
        ] {
            let verdict = talk.verdict(0);
            assert_eq!(verdict.is(), ("refused", Actor::Path, Some("rst-injected")));
            assert_eq!(verdict.evidence, [1, 2, 3]);
        }
        // It answers the next SYN: the service came up meanwhile.
        let later = refused.wait(500).syn().syn_ack().verdict(0);
        assert_ne!(later.cause.as_deref(), Some("rst-injected"));
    }

    #[test]
    fn a_rst_that_acknowledges_something_else_refuses_nothing() {
        let stray = ssm().syn().segment_with(Role::Server, "R.", 0, 70_000_000, &[], |_| {});
        assert_eq!(stray.code(0), "in-progress");
    }
}
