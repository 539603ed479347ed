//! What the neighbours of a group show: the other connections of its server, and those of its clients.
//!
//! These are facts, counted over the whole capture. A verdict rests on its own connection alone, so none of them reaches a rule;
//! the reports word them.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::hop_limits::OtherDistance;
use super::isolation::Isolation;
use super::scan::{self, Scan};
use super::servers::{Dealings, Presented, ServerSummary, Times};
use super::traits::Difference;
use super::{Group, GroupKey, Summary};
use crate::limits;
use crate::packet::{Host, Moment};
use crate::time::Elapsed;
use crate::verdict::{Code, Severity};

/// The neighbours of a group of failures.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, in any combination")]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupContext {
    /// All connections to the server.
    pub all: u64,
    /// Those to which it answered with a SYN-ACK. If the group has none, these are other connections.
    pub answered: Others,
    /// Those that are ok.
    pub worked: Others,
    /// What became of the certificates that the group's clients refused; nothing if that is not known.
    pub certificates: Option<RefusedCertificates>,
    /// How the RSTs that refused the group's connections differ from the host's other packets, where another device sent them.
    pub other_distance: Option<OtherDistance>,
    /// The span after which each client tries again, where all of them wait equally long.
    pub retried_after: Option<Elapsed>,
    /// Its client, to which nobody replied.
    pub isolation: Option<Isolation>,
    /// The port scan that it is part of.
    pub scan: Option<Scan>,
    /// Whether its clients did without these connections.
    pub is_spare: bool,
    /// The span in which all failed, where others were answered, or worked, before and after it alone.
    pub outage: Option<Outage>,
    /// Whether most of its clients appear once: that no other connection is theirs follows from that.
    pub are_single: bool,
    /// The network that all of its clients are in, and no client whose SYN was answered.
    pub network: Option<Network>,
    /// Whether its connections were ended by the clients themselves.
    pub is_client_s_act: bool,
    /// What its clients asked for, and those whose connections are ok did not.
    pub difference: Option<Difference>,
    /// What servers chose for the connections of the group, and for none that is ok.
    pub chosen_difference: Option<Difference>,
    /// Whether the server completed a TLS handshake on any connection.
    pub speaks_tls: bool,
    /// Who sent the ICMP errors that decided, with the connections of each.
    pub senders: Vec<(Host, u64)>,
}

/// A fault with a beginning and an end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outage {
    /// The first packet of the first connection that failed.
    pub from: Moment,
    /// The first packet of the last one.
    pub to: Moment,
    /// Connections that were answered, or worked, before it.
    pub before: u64,
    /// Those after it.
    pub after: u64,
    /// Another server that failed in the same way at the same time.
    pub alike: Option<(Host, u16)>,
}

/// Addresses that begin alike.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Network {
    /// The first address.
    pub address: IpAddr,
    /// Bits that all have in common.
    pub bits: u32,
}

/// Other connections of a group's server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Others {
    /// How many, with the first and the last packet that shows it.
    pub times: Times,
    /// When they were, compared with the group's; nothing if there are none.
    pub when: Option<RelativeTime>,
    /// Whose they are.
    pub clients: Clients,
}

/// When other connections were.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RelativeTime {
    /// All before the group's first one: something changed then.
    Before,
    /// Some between the group's connections, and none after them.
    Between,
    /// Some before or between the group's connections, and some after all of them.
    Around,
    /// All after the group's last one.
    After,
}

/// Whose other connections are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Clients {
    /// Each client of the group has some.
    Same,
    /// Some clients of the group have some.
    Some,
    /// No client of the group has any.
    Others,
    /// Not all clients were counted.
    Unknown,
}

/// The certificates that the clients of a group refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RefusedCertificates {
    /// Others accepted the same one.
    SameAccepted {
        /// Its name.
        title: String,
        /// The connections.
        times: Times,
        /// When they were, compared with the group's.
        when: Option<RelativeTime>,
        /// Whose they are.
        clients: Clients,
    },
    /// The ones that were accepted are others.
    OthersAccepted {
        /// The names of those that the group refused.
        refused: Vec<String>,
        /// The names of those that were accepted.
        accepted: Vec<String>,
        /// The packets that present these.
        times: Times,
        /// When these were presented, compared with the ones that were refused.
        when: RelativeTime,
    },
}

impl GroupContext {
    /// Creates the context of a group of failures; `None` for other groups, and if its server is not listed. Several captures in
    /// one text may show one connection twice, or different networks, so they are no neighbours.
    pub fn of(summary: &Summary, key: &GroupKey, group: &Group) -> Option<Self> {
        if key.severity != Severity::Critical || summary.captures_in_text > 1 {
            return None;
        }
        let server = summary.servers.get(&key.server)?;
        let others = |of: fn(&Dealings) -> &Times| Others {
            times: *of(&server.all),
            when: when(of(&server.all), &group.course.began),
            clients: clients_with(server, group, |dealings| of(dealings).count > 0),
        };
        Some(Self {
            all: server.codes.values().sum(),
            answered: others(|dealings| &dealings.answered),
            worked: others(|dealings| &dealings.worked),
            certificates: certificates(server, group),
            other_distance: group.course.refusal_hop_limits.compare(summary.hop_limits_of(key.server.0)),
            retried_after: group.course.regular_span(),
            isolation: Isolation::of(summary, key, group),
            scan: Scan::of(summary, key, group),
            is_spare: scan::are_spare(summary, key, group),
            outage: outage(summary, key, group),
            are_single: group.course.are_mostly_single(),
            network: network(server, group),
            is_client_s_act: group.course.client_acts == group.count,
            difference: group.course.traits.compare(&server.worked_traits),
            chosen_difference: group.course.traits.compare_chosen(&server.worked_traits),
            speaks_tls: server.handshakes > 0,
            senders: group.course.senders.iter().map(|(sender, count)| (*sender, *count)).collect(),
        })
    }
}

/// Failures that it takes to speak of an outage: one or two in a row may be chance.
const OUTAGE: u64 = 3;

/// The span in which all failed, where the server did better before and after it alone.
fn outage(summary: &Summary, key: &GroupKey, group: &Group) -> Option<Outage> {
    let own = span_between(summary, key, group)?;
    let others = summary.groups.worst_first().into_iter().filter(|(other, _)| {
        (other.code, &other.cause) == (key.code, &key.cause) && other.server.0 != key.server.0
    });
    let mut others = others.filter_map(|(other, group)| Some((other, span_between(summary, other, group)?)));
    let is_meanwhile = |other: &Outage| other.from.at <= own.to.at && own.from.at <= other.to.at;
    let alike = others.find(|(_, other)| is_meanwhile(other)).map(|(other, _)| other.server);
    Some(Outage { alike, ..own })
}

fn span_between(summary: &Summary, key: &GroupKey, group: &Group) -> Option<Outage> {
    let server = summary.servers.get(&key.server).filter(|_| group.count >= OUTAGE)?;
    let (from, to) = (group.course.began.first?, group.course.began.last?);
    let spans = match key.code {
        Code::SynNoReply | Code::Refused => &server.answered,
        _ => &server.worked,
    };
    let (before, after) = spans.around(from, to)?;
    Some(Outage { from, to, before, after, alike: None })
}

/// The network of the group's clients, where no client whose SYN the server answered is in it.
fn network(server: &ServerSummary, group: &Group) -> Option<Network> {
    if server.has_further_clients || group.clients.len() >= limits::GROUP_CLIENTS || group.clients.len() < 2 {
        return None;
    }
    let addresses: Option<Vec<_>> = group.clients.iter().map(|client| client.address()).collect();
    let addresses = addresses?;
    let (first, rest) = addresses.split_first()?;
    let is_v6 = first.is_ipv6();
    // An administrator's networks are of these sizes; what is wider says little.
    let (most, least) = if is_v6 { (64, 48) } else { (24, 16) };
    let bits = rest.iter().map(|other| common_bits(*first, *other)).min()?.min(most);
    let is_free = server
        .clients
        .iter()
        .filter(|(_, dealings)| dealings.answered.count > 0)
        .all(|(client, _)| client.address().is_some_and(|address| common_bits(*first, address) < bits));
    if bits < least || !is_free {
        return None;
    }
    let address = match first {
        IpAddr::V4(first) => IpAddr::from((u32::from(*first) & (u32::MAX << (32 - bits))).to_be_bytes()),
        IpAddr::V6(first) => IpAddr::from((u128::from(*first) & (u128::MAX << (128 - bits))).to_be_bytes()),
    };
    Some(Network { address, bits })
}

/// With how many equal bits two addresses begin; those of different versions with none.
fn common_bits(one: IpAddr, other: IpAddr) -> u32 {
    match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => (u32::from(one) ^ u32::from(other)).leading_zeros(),
        (IpAddr::V6(one), IpAddr::V6(other)) => (u128::from(one) ^ u128::from(other)).leading_zeros(),
        _ => 0,
    }
}

/// When `others` were, compared with `own`.
fn when(others: &Times, own: &Times) -> Option<RelativeTime> {
    let ((first, last), (from, to)) = ((others.first?, others.last?), (own.first?, own.last?));
    Some(if last.at < from.at {
        RelativeTime::Before
    } else if first.at > to.at {
        RelativeTime::After
    } else if last.at > to.at {
        RelativeTime::Around
    } else {
        RelativeTime::Between
    })
}

/// Which of the group's clients have something.
fn clients_with(server: &ServerSummary, group: &Group, has: impl Fn(&Dealings) -> bool) -> Clients {
    if server.has_further_clients || group.clients.len() >= limits::GROUP_CLIENTS {
        return Clients::Unknown;
    }
    let having = group.clients.iter().filter(|client| server.clients.get(*client).is_some_and(&has));
    part(having.count(), group.clients.len())
}

fn part(some: usize, all: usize) -> Clients {
    match some {
        0 => Clients::Others,
        _ if some == all => Clients::Same,
        _ => Clients::Some,
    }
}

/// What became of the certificates that the group's clients refused.
fn certificates(server: &ServerSummary, group: &Group) -> Option<RefusedCertificates> {
    let course = &group.course;
    let is_refusal = course.refusals == group.count;
    let is_counted = course.without_certificate == 0 && !server.has_further_certificates;
    if !is_refusal || !is_counted || course.certificates.is_empty() {
        return None;
    }
    let presented = |is_of_group: bool| {
        let all = server.certificates.iter();
        all.filter(move |(own, _)| course.certificates.contains(*own) == is_of_group).map(|(_, known)| known)
    };
    let accepted = |known: &&Presented| known.accepted.count > 0;
    if let Some(known) = presented(true).find(accepted) {
        let whose = group.clients.intersection(&known.accepted_by).count();
        let is_bound = |clients: &BTreeSet<Host>| clients.len() >= limits::GROUP_CLIENTS;
        let is_unknown = is_bound(&group.clients) || is_bound(&known.accepted_by);
        let clients = if is_unknown { Clients::Unknown } else { part(whose, group.clients.len()) };
        return Some(RefusedCertificates::SameAccepted {
            title: known.title.clone(),
            times: known.accepted,
            when: when(&known.accepted, &course.began),
            clients,
        });
    }
    let others: Vec<_> = presented(false).filter(accepted).collect();
    let titles = |of: &mut dyn Iterator<Item = &Presented>| {
        let titles: BTreeSet<_> = of.map(|known| known.title.clone()).collect();
        titles.into_iter().collect::<Vec<_>>()
    };
    let ends = |times: Times| times.first.into_iter().chain(times.last);
    let refused = Times::of(presented(true).flat_map(|known| ends(known.all)));
    let times = Times::of(others.iter().flat_map(|known| ends(known.all)));
    Some(RefusedCertificates::OthersAccepted {
        refused: titles(&mut presented(true)),
        accepted: titles(&mut others.iter().copied()),
        when: when(&times, &refused)?,
        times,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::analysis::Judged;
    use crate::packet::Moment;
    use crate::story::script::talk::Talk;
    use crate::tcp::Role;
    use crate::time::Timestamp;

    fn at(second: u64) -> Moment {
        Moment { number: second, at: Timestamp::from_parts(i64::try_from(second).unwrap_or_default(), 0) }
    }

    fn times(seconds: &[u64]) -> Times {
        Times::of(seconds.iter().map(|second| at(*second)))
    }

    #[test]
    fn a_refusal_s_ttl_is_compared_with_those_of_the_host_s_other_ports() {
        let judged = |port: u16, flags: &str, hop_limit: u8| {
            let talk = Talk::to_port(port).syn();
            let talk = talk.segment_with(Role::Server, flags, 0, 1, &[], |header| {
                header.ip.hop_limit = Some(hop_limit);
            });
            let story = talk.story(60_000);
            Judged { verdict: story.verdict(), story, findings: Vec::new() }
        };
        let found = |hop_limit: u8| {
            let mut summary = Summary::default();
            let refused = judged(8443, "R.", hop_limit);
            for one in [&refused, &judged(22, "S.", 60)] {
                let server = &one.story.parties.server;
                summary.servers.entry((server.host, server.port)).or_default().add(one, &mut 0);
                summary.groups.add(one);
            }
            let key = GroupKey::of(&refused);
            let group = summary.groups.get(&key).expect("a group");
            let found = GroupContext::of(&summary, &key, group).expect("a context").other_distance;
            found.map(|found| (found.resets, found.usual))
        };
        assert_eq!(found(240), Some((vec![240], vec![60])));
        assert_eq!(found(60), None);
    }

    #[test]
    fn other_captures_of_a_text_are_no_neighbours() {
        let refused = {
            let story =
                Talk::to_port(8443).syn().segment_with(Role::Server, "R.", 0, 1, &[], |_| {}).story(60_000);
            Judged { verdict: story.verdict(), story, findings: Vec::new() }
        };
        let mut summary = Summary::default();
        let server = &refused.story.parties.server;
        summary.servers.entry((server.host, server.port)).or_default().add(&refused, &mut 0);
        summary.groups.add(&refused);
        let key = GroupKey::of(&refused);
        for (captures, has_context) in [(0, true), (1, true), (2, false)] {
            summary.captures_in_text = captures;
            let group = summary.groups.get(&key).expect("a group");
            assert_eq!(GroupContext::of(&summary, &key, group).is_some(), has_context, "{captures}");
        }
    }

    #[test]
    fn a_network_is_that_of_the_failing_clients_alone() {
        let host = |address: &str| Host::Address(address.parse().expect("an address"));
        let of = |failing: &[&str], answered: &[&str]| {
            let worked = Dealings { answered: times(&[1]), worked: times(&[1]) };
            let clients = answered.iter().map(|client| (host(client), worked)).collect();
            let server = ServerSummary { clients, ..ServerSummary::default() };
            let group = Group::of_clients(failing.iter().map(|client| host(client)).collect());
            network(&server, &group).map(|network| format!("{}/{}", network.address, network.bits))
        };
        assert_eq!(of(&["10.1.2.10", "10.1.2.11"], &["10.1.3.9"]).as_deref(), Some("10.1.2.0/24"));
        assert_eq!(of(&["10.1.2.10", "10.1.2.11"], &["10.1.2.12"]), None, "others are in it");
        assert_eq!(of(&["10.1.2.10", "10.9.2.11"], &["11.1.2.12"]), None, "too wide");
        assert_eq!(of(&["10.1.2.10"], &["11.1.2.12"]), None, "one client is no network");
        assert_eq!(of(&["10.1.2.10", "2001:db8::1"], &["11.1.2.12"]), None);
        assert_eq!(
            of(&["2001:db8:1:2::1", "2001:db8:1:2::9"], &["2001:db8:1:3::1"]).as_deref(),
            Some("2001:db8:1:2::/64")
        );
    }

    #[test]
    fn others_are_before_between_around_or_after_a_group() {
        let own = times(&[10, 20]);
        let is = |seconds: &[u64]| when(&times(seconds), &own);
        assert_eq!(is(&[]), None);
        assert_eq!(is(&[1, 9]), Some(RelativeTime::Before));
        assert_eq!(is(&[1, 15]), Some(RelativeTime::Between));
        assert_eq!(is(&[1, 30]), Some(RelativeTime::Around));
        assert_eq!(is(&[15, 30]), Some(RelativeTime::Around));
        assert_eq!(is(&[21, 30]), Some(RelativeTime::After));
        assert_eq!(when(&times(&[20, 1]), &own), when(&times(&[1, 20]), &own), "in any order");
    }

    #[test]
    fn it_is_known_which_clients_have_other_connections_unless_some_were_not_counted() {
        let client = |last: u8| Host::Address([192, 0, 2, last].into());
        let worked = Dealings { answered: times(&[1]), worked: times(&[1]) };
        let mut server = ServerSummary {
            clients: BTreeMap::from([(client(1), worked), (client(2), Dealings::default())]),
            ..ServerSummary::default()
        };
        let of = |server: &ServerSummary, clients: &[u8]| {
            let clients = clients.iter().map(|last| client(*last)).collect();
            clients_with(server, &Group::of_clients(clients), |dealings| dealings.worked.count > 0)
        };
        assert_eq!(of(&server, &[1]), Clients::Same);
        assert_eq!(of(&server, &[1, 2]), Clients::Some);
        assert_eq!(of(&server, &[2, 3]), Clients::Others);
        server.has_further_clients = true;
        assert_eq!(of(&server, &[2, 3]), Clients::Unknown);
    }
}
