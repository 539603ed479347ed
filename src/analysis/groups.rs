//! Connections that ended in the same way: to one server, with one code, cause and actor.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::{Course, Judged};
use crate::limits;
use crate::packet::Host;
use crate::tcp::Role;
use crate::time::Timestamp;
use crate::verdict::{Actor, Code, Severity};

/// What the connections of a group have in common.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct GroupKey {
    /// Their severity.
    pub severity: Severity,
    /// Their code.
    pub code: Code,
    /// Their cause.
    pub cause: Option<Cow<'static, str>>,
    /// The side to examine.
    pub actor: Actor,
    /// The server's address and port.
    pub server: (Host, u16),
}

/// Connections that ended in the same way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Group {
    /// How many there are.
    pub count: u64,
    /// When the first of them began.
    pub first: Timestamp,
    /// When the last of them began.
    pub last: Timestamp,
    /// The number of the first of them.
    pub example: u64,
    /// Their clients, up to [`limits::GROUP_CLIENTS`].
    pub clients: BTreeSet<Host>,
    /// What is counted of them for [`GroupContext`](super::GroupContext).
    pub course: Course,
}

/// The groups of a capture, up to [`limits::GROUPS`].
#[derive(Clone, Debug, Default)]
pub struct Groups {
    known: BTreeMap<GroupKey, Group>,
    /// Connections that belong to none of these groups.
    pub ungrouped: u64,
    /// Leftovers of older connections among all: there is nothing about them to judge.
    pub leftovers: u64,
}

impl GroupKey {
    /// The group that a connection belongs to.
    pub fn of(judged: &Judged) -> Self {
        let (verdict, server) = (&judged.verdict, &judged.story.parties.server);
        Self {
            severity: verdict.severity,
            code: verdict.code,
            cause: verdict.cause.clone(),
            actor: verdict.actor,
            server: (server.host, server.port),
        }
    }

    /// The code and its cause, as they are searched for: `tls-alert unknown_ca`.
    pub fn title(&self) -> String {
        title(self.code, self.cause.as_deref())
    }
}

/// A code and its cause in the same way.
pub fn title(code: Code, cause: Option<&str>) -> String {
    cause.map_or_else(|| code.to_string(), |cause| format!("{code} {cause}"))
}

impl Groups {
    /// Takes in a connection. The return value is whether its group is one of those that are kept.
    pub fn add(&mut self, judged: &Judged) -> bool {
        let key = GroupKey::of(judged);
        let is_leftover = key.code == Code::Midstream && judged.story.is_leftover();
        self.leftovers += u64::from(is_leftover);
        if self.known.len() >= limits::GROUPS && !self.known.contains_key(&key) && !self.make_room_for(&key) {
            self.ungrouped += 1;
            return false;
        }
        let (story, at) = (&judged.story, judged.story.first.at);
        let group = self.known.entry(key).or_insert_with(|| Group {
            count: 0,
            first: at,
            last: at,
            example: story.id,
            clients: BTreeSet::new(),
            course: Course::default(),
        });
        group.course.add(judged);
        group.count += 1;
        group.first = group.first.min(at);
        group.last = group.last.max(at);
        group.example = group.example.min(story.id);
        if group.clients.len() < limits::GROUP_CLIENTS {
            group.clients.insert(story.parties[Role::Client].host);
        }
        true
    }

    /// Gives up the group that is least worth a look, the last of those, for one that is worth more: a worse one, or the first of its code
    /// and cause where several have another's.
    fn make_room_for(&mut self, key: &GroupKey) -> bool {
        let last_of = |is_given_up: &dyn Fn(&GroupKey) -> bool| {
            let given_up = self.known.iter().filter(|(known, _)| is_given_up(known));
            let least =
                given_up.min_by_key(|(known, group)| (known.severity.urgency(), Reverse(group.example)));
            least.map(|(known, _)| known.clone())
        };
        let urgency = key.severity.urgency();
        let is_alike = |one: &GroupKey, other: &GroupKey| one.code == other.code && one.cause == other.cause;
        let least = last_of(&|known| known.severity.urgency() < urgency).or_else(|| {
            if self.known.keys().any(|known| is_alike(known, key)) {
                return None;
            }
            last_of(&|known| {
                known.severity.urgency() == urgency
                    && self.known.keys().filter(|other| is_alike(known, other)).nth(1).is_some()
            })
        });
        let Some(least) = least else { return false };
        self.ungrouped += self.known.remove(&least).map_or(0, |group| group.count);
        true
    }

    /// The groups, failures first, the largest first among equals.
    pub fn worst_first(&self) -> Vec<(&GroupKey, &Group)> {
        let mut groups: Vec<_> = self.known.iter().collect();
        groups.sort_by_key(|(key, group)| {
            (Reverse(key.severity.urgency()), Reverse(group.count), group.example)
        });
        groups
    }

    /// A group, if it is kept.
    pub fn get(&self, key: &GroupKey) -> Option<&Group> {
        self.known.get(key)
    }

    /// The number of groups.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }
}

#[cfg(test)]
impl Group {
    /// Creates a group of these clients.
    pub(super) fn of_clients(clients: BTreeSet<Host>) -> Self {
        let (first, last) = (Timestamp::ZERO, Timestamp::ZERO);
        Self { count: clients.len() as u64, first, last, example: 1, clients, course: Course::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::script::talk::{Talk, exchange};

    #[test]
    fn a_failure_takes_the_place_of_what_is_well() {
        let judged = |talk: Talk, port: u16| {
            let mut story = talk.story(60_000);
            story.parties.server.port = port;
            story.id = u64::from(port);
            Judged { verdict: story.verdict(), story, findings: Vec::new() }
        };
        let healthy = || exchange().fin(Role::Client).fin(Role::Server);
        let mut groups = Groups::default();
        let all = limits::GROUPS as u16 + 20;
        for port in 1..=all {
            groups.add(&judged(healthy(), port));
        }
        assert_eq!((groups.len(), groups.ungrouped), (limits::GROUPS, 20));
        for port in 1..=10 {
            assert!(groups.add(&judged(Talk::to_port(443).syn().rst(Role::Server), 1_000 + port)));
        }
        assert_eq!((groups.len(), groups.ungrouped), (limits::GROUPS, 30));
        let worst = groups.worst_first();
        assert!(worst[..10].iter().all(|(key, _)| key.code == Code::Refused) && worst[10].1.example == 1);
        assert!(!groups.add(&judged(healthy(), 2_000)));
    }

    #[test]
    fn the_first_of_another_way_to_fail_takes_the_place_of_one_that_several_servers_share() {
        let mut groups = Groups::default();
        let mut add = |talk: Talk, port: u16| {
            let mut story = talk.story(60_000);
            story.parties.server.port = port;
            story.id = u64::from(port);
            groups.add(&Judged { verdict: story.verdict(), story, findings: Vec::new() })
        };
        for port in 1..=limits::GROUPS as u16 + 5 {
            assert_eq!(
                add(Talk::to_port(443).syn().rst(Role::Server), port),
                usize::from(port) <= limits::GROUPS
            );
        }
        assert!(add(Talk::to_port(443).syn(), 1_000));
        assert!(!add(Talk::to_port(443).syn(), 1_001), "one of its kind is there");
        assert_eq!((groups.len(), groups.ungrouped), (limits::GROUPS, 7));
        let codes: Vec<_> = groups.worst_first().iter().map(|(key, _)| key.code).collect();
        assert_eq!(codes.iter().filter(|code| **code == Code::SynNoReply).count(), 1);
    }
}
