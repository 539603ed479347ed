//! Port scans, and connections that their client did not need: what only the neighbours of a group show.

use std::collections::BTreeSet;

use super::{Group, GroupKey, Summary};
use crate::packet::Host;
use crate::time::Elapsed;
use crate::verdict::{Actor, Code, Reach};

/// Ports of one host that a client tries without sending a byte before it is called a scan.
const PORTS: usize = 8;

/// The ports of system services (RFC 6335, 6). Programs that open many ports of one host, such as passive FTP, use higher ones.
const SYSTEM_PORTS: u16 = 1_024;

/// Connections that began within this time of one that succeeded were opened together with it.
const TOGETHER: Elapsed = Elapsed::from_millis(5_000);

/// A client that tries port after port of one host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Scan {
    /// The client.
    pub client: Host,
    /// The ports of the host on which every attempt ended without data.
    pub ports: u64,
    /// Whether there are more than were counted.
    pub has_more: bool,
}

impl Scan {
    /// The scan that a group is part of, if it is part of one.
    pub(super) fn of(summary: &Summary, key: &GroupKey, group: &Group) -> Option<Self> {
        let host = key.server.0;
        let client = group.clients.first().copied().filter(|_| group.clients.len() == 1)?;
        let is_of_scan = |key: &GroupKey, group: &Group| {
            key.server.0 == host && is_without_data(key.code) && group.clients.contains(&client)
        };
        if !is_of_scan(key, group) {
            return None;
        }
        let groups = summary.groups.worst_first().into_iter();
        let own: BTreeSet<u16> =
            groups.filter(|(key, group)| is_of_scan(key, group)).map(|(key, _)| key.server.1).collect();
        let servers = summary.servers.range((host, 0)..=(host, u16::MAX));
        let tried = servers.filter(|(_, server)| server.codes.keys().all(|code| may_be_without_data(*code)));
        let (mut ports, mut system_ports) = (0, 0);
        for ((_, port), _) in tried {
            ports += 1;
            system_ports += usize::from(*port < SYSTEM_PORTS);
        }
        let has_more = summary.connections_to_others > 0;
        (own.len() >= PORTS && system_ports >= PORTS).then_some(Self { client, ports, has_more })
    }
}

/// Whether the clients of a group did without its connections: each succeeded on others to the same server at the same time, and
/// closed these itself, as browsers do that open more than they need.
pub(super) fn are_spare(summary: &Summary, key: &GroupKey, group: &Group) -> bool {
    let is_closed = matches!(key.code, Code::ClosedEarly | Code::ClientSilent) && key.actor == Actor::Client;
    let Some(server) = summary.servers.get(&key.server).filter(|_| is_closed) else { return false };
    let Some((began, ended)) = group.course.began.first.zip(group.course.began.last) else { return false };
    let is_together = |client: &Host| {
        let worked = server.clients.get(client).map(|dealings| dealings.worked);
        let worked = worked.and_then(|worked| worked.first.zip(worked.last));
        worked.is_some_and(|(first, last)| began.at - last.at <= TOGETHER && first.at - ended.at <= TOGETHER)
    };
    !group.clients.is_empty() && group.clients.iter().all(is_together)
}

/// Whether a scan's attempts end with this code.
fn is_without_data(code: Code) -> bool {
    matches!(code.reach(), Reach::Unopened | Reach::MaybeWithoutData)
}

fn may_be_without_data(code: Code) -> bool {
    is_without_data(code) || code.reach() == Reach::Unknown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::{Dealings, Judged, ServerSummary, Times};
    use crate::packet::Moment;
    use crate::story::script::talk::{Talk, ssm};
    use crate::tcp::Role::Client;
    use crate::time::Timestamp;

    fn judged(talk: &Talk) -> Judged {
        let story = talk.story(4_000);
        Judged { verdict: story.verdict(), story, findings: Vec::new() }
    }

    /// What is counted of these attempts.
    fn summary(talks: &[Talk]) -> Summary {
        let mut summary = Summary::default();
        for talk in talks {
            let judged = judged(talk);
            summary.groups.add(&judged);
            let server = &judged.story.parties.server;
            let codes = [(judged.verdict.code, 1)].into();
            summary
                .servers
                .insert((server.host, server.port), ServerSummary { codes, ..ServerSummary::default() });
        }
        summary
    }

    #[test]
    fn a_client_that_tries_port_after_port_scans() {
        let unanswered = |port: u16| Talk::to_port(port).syn();
        let scanned = |ports: &[u16]| {
            let talks: Vec<_> = ports.iter().map(|port| unanswered(*port)).collect();
            let summary = summary(&talks);
            let (key, group) = summary.groups.worst_first()[0];
            Scan::of(&summary, key, group).map(|scan| scan.ports)
        };
        assert_eq!(scanned(&[21, 22, 23, 25, 53, 80, 110, 443, 8443]), Some(9));
        assert_eq!(scanned(&[21, 22, 23, 25, 53, 80, 110]), None);
        // Passive FTP behind a firewall.
        assert_eq!(scanned(&[21, 50001, 50002, 50003, 50004, 50005, 50006, 50007, 50008]), None);
    }

    #[test]
    fn what_its_client_did_without_is_spare() {
        let is_spare = |talk: &Talk, worked_at: i64| {
            let mut summary = summary(std::slice::from_ref(talk));
            let server = summary.servers.values_mut().next().expect("a server");
            let at = Timestamp::from_parts(1_700_000_000 + worked_at, 0);
            let worked = Times::of([Moment { number: 9, at }]);
            let client = judged(talk).story.parties.client.host;
            server.clients.insert(client, Dealings { worked, ..Dealings::default() });
            let (key, group) = summary.groups.worst_first()[0];
            are_spare(&summary, key, group)
        };
        let closed = ssm().open().fin(Client);
        assert!(
            is_spare(&closed, 1)
                && is_spare(&closed, -2)
                && !is_spare(&closed, 60)
                && !is_spare(&closed, -60)
        );
        assert!(is_spare(&ssm().open(), 1));
        assert!(!is_spare(&ssm().open().fin(crate::tcp::Role::Server), 1) && !is_spare(&ssm().syn(), 1));
    }
}
