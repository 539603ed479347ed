//! A client to which nobody replied: what only its connections to several hosts show.

use std::collections::BTreeSet;

use super::{Group, GroupKey, Summary};
use crate::packet::Host;
use crate::verdict::Code;

/// Hosts without a reply that it takes: two may be down at once.
const HOSTS: usize = 3;

/// A client whose SYNs got no reply from any host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Isolation {
    /// The client.
    pub client: Host,
    /// The hosts that it tried.
    pub hosts: u64,
}

impl Isolation {
    /// The isolation of a group's one client, if no packet of the capture shows a reply to it.
    pub(super) fn of(summary: &Summary, key: &GroupKey, group: &Group) -> Option<Self> {
        let client = group.clients.first().copied().filter(|_| group.clients.len() == 1)?;
        let is_silent = |code: &Code| *code == Code::SynNoReply;
        let is_known = summary.groups.ungrouped == 0
            || summary.servers.values().all(|server| server.codes.keys().all(is_silent));
        if !is_silent(&key.code) || !is_known || summary.connections_to_others > 0 {
            return None;
        }
        let groups = || {
            let groups = summary.groups.worst_first().into_iter();
            groups.filter(|(_, group)| group.clients.contains(&client))
        };
        if !groups().all(|(key, _)| is_silent(&key.code)) {
            return None;
        }
        let hosts: BTreeSet<Host> = groups().map(|(key, _)| key.server.0).collect();
        (hosts.len() >= HOSTS).then_some(Self { client, hosts: hosts.len() as u64 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Judged;
    use crate::story::script::talk::Talk;
    use crate::tcp::Role;

    fn found(silent: u8, further: Option<Talk>) -> Option<u64> {
        let mut summary = Summary::default();
        let mut add = |talk: Talk, host: u8| {
            let mut story = talk.story(60_000);
            story.parties[Role::Server].host = Host::from([192, 0, 2, host]);
            summary.groups.add(&Judged { verdict: story.verdict(), story, findings: Vec::new() });
        };
        (1..=silent).for_each(|host| add(Talk::to_port(443).syn(), host));
        if let Some(talk) = further {
            add(talk, 100);
        }
        let groups = summary.groups.worst_first();
        let (key, group) = groups.iter().find(|(key, _)| key.code == Code::SynNoReply)?;
        Isolation::of(&summary, key, group).map(|isolation| isolation.hosts)
    }

    #[test]
    fn nobody_replies_to_a_client_that_tries_several_hosts() {
        assert_eq!(found(2, None), None, "two may be down");
        assert_eq!(found(3, None), Some(3));
        assert_eq!(found(40, None), Some(40));
    }

    #[test]
    fn one_reply_shows_that_packets_reach_the_client() {
        assert_eq!(found(5, Some(Talk::to_port(443).syn().rst(Role::Server))), None);
        assert_eq!(found(5, Some(Talk::to_port(443).syn().syn_ack())), None);
    }
}
