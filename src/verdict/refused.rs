//! A RST answered the SYN.

use super::{Actor, Rule, Settings, Severity, Verdict};
use crate::story::{EndingKind, Stage, Story};
use crate::tcp::Role;

/// `refused`.
pub(super) const RULE: Rule = Rule {
    code: "refused",
    severity: Severity::Critical,
    summary: "a RST answered the SYN: nothing listens on that port, or a firewall says so",
    page: include_str!("../../docs/verdicts/refused.md"),
    judge,
};

fn judge(story: &Story, _: &Settings) -> Option<Verdict> {
    let ending = story.endings.iter().find(|ending| matches!(ending.what, EndingKind::Reset(_)))?;
    let EndingKind::Reset(reset) = &ending.what else { return None };
    if ending.stage != Stage::Syn || ending.by != Role::Server {
        return None;
    }
    let server = &story.parties.server;
    let headline = format!("{} refused the connection to port {}", server.address, server.port);
    let hop_limit = match reset.hop_limit {
        Some(hop_limit) => format!(
            " Its TTL is {hop_limit}: compare it with other packets of that host, since a firewall's RST comes from \
             another distance."
        ),
        None => String::new(),
    };
    Some(
        Verdict::new(&RULE, Actor::Server, story.basis, headline)
            .explain(format!(
                "The SYN was answered by a RST: the address is reachable, and no process listens on the port (RFC \
                 9293, 3.5.2), or a firewall answers in its name.{hop_limit}"
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
