//! Questions that got no usable answer: about a name's addresses by DNS, about a link address by ARP or neighbour discovery.

use std::collections::{BTreeMap, VecDeque};

use schemars::JsonSchema;
use serde::Serialize;

use super::Lookups;
use crate::capture::Target;
use crate::limits;
use crate::packet::{DnsMessage, Host, Moment, Names, NoAddress};
use crate::time::{Elapsed, Timestamp};

/// RCODE 3: no such name (RFC 1035, 4.1.1).
const NXDOMAIN: u8 = 3;

/// How long a neighbour has for its reply, as long as hosts wait before they ask again (RFC 4861, 10: RETRANS_TIMER).
const NEIGHBOR_REPLY: Elapsed = Elapsed::from_millis(1_000);

/// Questions of a name that wait for their answers: its types of address, each asked of a few resolvers.
const OPEN: usize = 8;

/// What was wrong with the answers to a question.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LookupFault {
    /// The resolver says that the name does not exist, or has no address.
    NameUnknown,
    /// The resolver failed, or refused to answer.
    ResolverFailed,
    /// No resolver answered.
    ResolverSilent,
    /// Nobody replied to ARP or neighbour discovery.
    NeighborSilent,
}

impl LookupFault {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::NameUnknown, Self::ResolverFailed, Self::ResolverSilent, Self::NeighborSilent];

    /// Its code.
    pub fn name(self) -> &'static str {
        match self {
            Self::NameUnknown => "name-unknown",
            Self::ResolverFailed => "resolver-failed",
            Self::ResolverSilent => "resolver-silent",
            Self::NeighborSilent => "neighbor-silent",
        }
    }
}

/// A question that got no usable answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unanswered {
    /// What was wrong.
    pub fault: LookupFault,
    /// Whether it counts for the exit status: where no connection was judged, and the question is about what was selected.
    pub is_critical: bool,
    /// What was looked for.
    pub subject: LookupSubject,
    /// Who asked, where it was one host.
    pub client: Option<Host>,
    /// Packets in which it was asked.
    pub asked: u64,
    /// The first question.
    pub first: Moment,
    /// The last one.
    pub last: Moment,
    /// The first question for the other type of address: most clients ask for A and AAAA.
    pub other_type: Option<Moment>,
    /// How often a question was repeated, the first time and the last.
    pub repeated: Option<(u64, Moment, Moment)>,
    /// The answer that shows what was wrong, where there was one.
    pub answered: Option<Moment>,
    /// The packets that show it: the first and the last question, and the answer.
    pub evidence: Vec<u64>,
}

/// What a question is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LookupSubject {
    /// A name, asked of this resolver, with what it answered.
    Name(String, Host, Option<NoAddress>),
    /// A host on the link.
    Neighbor(Host),
}

/// How often an address was looked for by ARP or neighbour discovery.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Search {
    /// Questions.
    pub asked: u64,
    /// Answers.
    pub answered: u64,
    /// The first question.
    pub first: Option<Moment>,
    /// The second question.
    pub second: Option<Moment>,
    /// The last question.
    pub last: Option<Moment>,
    /// Who asked; nothing if several did.
    pub asker: Option<Host>,
}

/// What was asked in a capture, and when it ended.
#[derive(Clone, Copy)]
pub(in crate::analysis) struct Questions<'a> {
    pub(in crate::analysis) lookups: &'a Lookups,
    pub(in crate::analysis) neighbours: &'a BTreeMap<Host, Search>,
    pub(in crate::analysis) names: &'a Names,
    /// Whether a connection was judged.
    pub(in crate::analysis) has_connections: bool,
    pub(in crate::analysis) end: Timestamp,
}

/// What became of the names that clients asked for, up to [`limits::LOOKUP_COURSES`].
#[derive(Clone, Debug, Default)]
pub(super) struct Courses {
    /// By client and name, in small letters (RFC 4343).
    by_name: BTreeMap<(Host, String), Course>,
    /// The same keys, the oldest first.
    order: VecDeque<(Host, String)>,
    given_up: u64,
}

/// What became of one name.
#[derive(Clone, Debug)]
struct Course {
    asked: u64,
    first: Moment,
    last: Moment,
    /// Whether the first question was for IPv6 addresses.
    is_ipv6: bool,
    /// The first question for the other type.
    other_type: Option<Moment>,
    /// How often a type was asked for again, the first time and the last.
    repeated: Option<(u64, Moment, Moment)>,
    /// Who was asked last.
    resolver: Host,
    /// Questions that wait for their answers, by id, with the first packet of each.
    open: Vec<(u16, Moment)>,
    /// Whether an address came.
    is_resolved: bool,
    /// The answer that says most, and who gave it.
    failure: Option<(NoAddress, Host, Moment)>,
}

impl Courses {
    /// Takes in a question or an answer about addresses.
    pub(super) fn add(&mut self, lookup: &DnsMessage, moment: Moment) {
        if !lookup.is_for_addresses {
            return;
        }
        let key = (lookup.client, lookup.name.to_ascii_lowercase());
        if let Some(course) = self.by_name.get_mut(&key) {
            course.add(lookup, moment);
            return;
        }
        // An answer whose question is not in the capture shows that somebody asked, not since when.
        if lookup.is_answer {
            return;
        }
        if self.order.len() >= limits::LOOKUP_COURSES
            && let Some(oldest) = self.order.pop_front()
        {
            let is_open = self.by_name.remove(&oldest).is_some_and(|course| !course.is_resolved);
            self.given_up += u64::from(is_open);
        }
        self.order.push_back(key.clone());
        let mut course = Course {
            asked: 0,
            first: moment,
            last: moment,
            is_ipv6: lookup.is_ipv6,
            other_type: None,
            repeated: None,
            resolver: lookup.resolver,
            open: Vec::new(),
            is_resolved: false,
            failure: None,
        };
        course.add(lookup, moment);
        self.by_name.insert(key, course);
    }

    /// Whether the client asked at once for the same name with or without a domain after it, and got an address, as resolvers ask in
    /// turn that have a list of domains to search (resolv.conf(5)).
    fn is_searched(&self, client: Host, name: &str, failed: &Course) -> bool {
        /// From the answer that there is no such name to the next question.
        const AT_ONCE: Elapsed = Elapsed::from_millis(1_000);
        let Some((_, _, answered)) = failed.failure else { return false };
        let found = |course: &Course| {
            let later = course.first.at - answered.at;
            course.is_resolved && course.first.number > failed.first.number && later <= AT_ONCE
        };
        let mut shorter = name;
        while let Some((host, _)) = shorter.rsplit_once('.') {
            shorter = host;
            if self.by_name.get(&(client, shorter.to_owned())).is_some_and(found) {
                return true;
            }
        }
        let longer = format!("{name}.");
        self.by_name
            .range((client, longer.clone())..)
            .take_while(|((asker, other), _)| *asker == client && other.starts_with(&longer))
            .any(|(_, course)| found(course))
    }

    pub(super) fn given_up(&self) -> u64 {
        self.given_up
    }

    /// Forgets the names, but for how many were given up.
    pub(super) fn forget(&mut self) {
        *self = Self { given_up: self.given_up, ..Self::default() };
    }
}

impl Course {
    fn add(&mut self, lookup: &DnsMessage, moment: Moment) {
        if !lookup.is_answer {
            self.asked += 1;
            self.last = moment;
            if lookup.is_ipv6 != self.is_ipv6 && self.other_type.is_none() {
                self.other_type = Some(moment);
            } else if self.asked > 1 {
                let (count, first, _) = self.repeated.unwrap_or((0, moment, moment));
                self.repeated = Some((count + 1, first, moment));
            }
            self.resolver = lookup.resolver;
            if self.open.len() < OPEN && !self.open.iter().any(|(id, _)| *id == lookup.id) {
                self.open.push((lookup.id, moment));
            }
            return;
        }
        self.open.retain(|(id, _)| *id != lookup.id);
        let Some(failure) = lookup.failure else {
            self.is_resolved = true;
            return;
        };
        if self.failure.is_none_or(|(known, ..)| weight(known) < weight(failure)) {
            self.failure = Some((failure, lookup.resolver, moment));
        }
    }

    /// What is wrong at the end of a capture; nothing if an address came, or may still come.
    fn fault(&self, end: Timestamp, stall_after: Elapsed) -> Option<LookupFault> {
        if self.is_resolved {
            return None;
        }
        let is_over = self.open.first().is_none_or(|(_, asked)| end - asked.at >= stall_after);
        match self.failure {
            Some((NoAddress::Rcode(NXDOMAIN), ..)) => Some(LookupFault::NameUnknown),
            _ if !is_over => None,
            Some((NoAddress::Rcode(_), ..)) => Some(LookupFault::ResolverFailed),
            // The name may have an address of the type that got no answer.
            Some((NoAddress::NoRecord, ..)) if self.open.is_empty() => Some(LookupFault::NameUnknown),
            _ => Some(LookupFault::ResolverSilent),
        }
    }
}

/// How much an answer says of a name: that it does not exist, that the resolver failed, that a type of record is missing.
fn weight(failure: NoAddress) -> u8 {
    match failure {
        NoAddress::Rcode(NXDOMAIN) => 2,
        NoAddress::Rcode(_) => 1,
        NoAddress::NoRecord => 0,
    }
}

/// The questions of a capture that got no usable answer, in the order of their first packets.
pub(in crate::analysis) fn unanswered(
    questions: Questions<'_>,
    target: &Target,
    stall_after: Elapsed,
) -> Vec<Unanswered> {
    let Questions { lookups, neighbours, names, has_connections, end } = questions;
    let mut found = Vec::new();
    for ((client, name), course) in &lookups.courses.by_name {
        let Some(fault) = course.fault(end, stall_after) else { continue };
        let (answer, resolver, answered) = match course.failure {
            Some((failure, resolver, moment)) if fault != LookupFault::ResolverSilent => {
                (Some(failure), resolver, Some(moment))
            }
            _ => (None, course.resolver, None),
        };
        found.push(Unanswered {
            fault,
            is_critical: !has_connections
                && target.is_about_name(name)
                && !(target.is_everything() && lookups.courses.is_searched(*client, name, course)),
            subject: LookupSubject::Name(name.clone(), resolver, answer),
            client: Some(*client),
            asked: course.asked,
            first: course.first,
            last: course.last,
            other_type: course.other_type,
            repeated: course.repeated,
            answered,
            evidence: evidence([Some(course.first), Some(course.last), answered]),
        });
    }
    let mut askers = neighbours.values().map(|search| search.asker);
    let one = askers.next().flatten();
    // Replies go to the asker alone: where several ask, the capture may be of a place that none of them passes.
    let sees_replies = one.is_some() && askers.all(|asker| asker == one);
    for (host, search) in neighbours {
        let (Some(first), Some(last)) = (search.first, search.last) else { continue };
        if search.answered > 0 || end - first.at < NEIGHBOR_REPLY {
            continue;
        }
        let is_selected = if target.is_everything() { sees_replies } else { target.names_host(names, *host) };
        found.push(Unanswered {
            fault: LookupFault::NeighborSilent,
            is_critical: !has_connections && is_selected,
            subject: LookupSubject::Neighbor(*host),
            client: search.asker,
            asked: search.asked,
            first,
            last,
            other_type: None,
            repeated: search.second.map(|second| (search.asked - 1, second, last)),
            answered: None,
            evidence: evidence([Some(first), Some(last), None]),
        });
    }
    found.sort_by_key(|unanswered| unanswered.first.number);
    found
}

fn evidence(moments: [Option<Moment>; 3]) -> Vec<u64> {
    let mut numbers: Vec<_> = moments.into_iter().flatten().map(|moment| moment.number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::analysis::Summary;

    const STALL: Elapsed = Elapsed::from_millis(5_000);
    const NOBODY: NoAddress = NoAddress::Rcode(NXDOMAIN);
    const SERVFAIL: NoAddress = NoAddress::Rcode(2);

    /// Packets one second apart: ids that are asked for, and ids that are answered, by an address or not.
    enum Sent {
        Asked(u16),
        Address(u16),
        No(u16, NoAddress),
    }

    use Sent::{Address, Asked, No};

    /// What is found `later` seconds after the last of these packets.
    fn found(said: &[Sent], later: u64, target: &Target) -> Vec<Unanswered> {
        let mut summary = Summary::default();
        for (number, said) in (1..).zip(said) {
            let (id, is_answer) = match said {
                Asked(id) => (*id, false),
                Address(id) | No(id, _) => (*id, true),
            };
            let lookup = DnsMessage {
                client: [192, 0, 2, 10].into(),
                resolver: [192, 0, 2, 53].into(),
                id,
                name: "SSM.example".to_owned(),
                is_for_addresses: true,
                is_ipv6: false,
                is_answer,
                addresses: if matches!(said, Address(_)) {
                    vec![IpAddr::from([198, 51, 100, 20])]
                } else {
                    Vec::new()
                },
                failure: if let No(_, failure) = said { Some(*failure) } else { None },
            };
            summary.lookups.add(&lookup, moment(number));
        }
        summary.end = moment(said.len() as u64 + later).at;
        unanswered(of(&summary), target, STALL)
    }

    fn of(summary: &Summary) -> Questions<'_> {
        let Summary { lookups, neighbours, names, end, .. } = summary;
        Questions { lookups, neighbours, names, has_connections: false, end: *end }
    }

    fn moment(second: u64) -> Moment {
        Moment { number: second, at: Timestamp::from_nanos(second as i64 * 1_000_000_000) }
    }

    fn fault(said: &[Sent], later: u64) -> Option<(&'static str, Vec<u64>)> {
        let found = found(said, later, &Target::default());
        found.into_iter().next().map(|one| (one.fault.name(), one.evidence))
    }

    #[test]
    fn each_answer_and_none_has_its_code() {
        assert_eq!(fault(&[Asked(1), No(1, NOBODY)], 0), Some(("name-unknown", vec![1, 2])));
        assert_eq!(fault(&[Asked(1), No(1, SERVFAIL)], 0), Some(("resolver-failed", vec![1, 2])));
        assert_eq!(fault(&[Asked(1), Asked(1)], 4), Some(("resolver-silent", vec![1, 2])));
        assert_eq!(fault(&[Asked(1), Asked(1)], 3), None, "the answer may still come");
        assert_eq!(fault(&[Asked(1), Address(1)], 60), None);
    }

    #[test]
    fn an_address_of_either_type_is_an_answer() {
        let none = NoAddress::NoRecord;
        assert_eq!(fault(&[Asked(1), Asked(2), No(2, none), Address(1)], 9), None);
        assert_eq!(fault(&[Asked(1), Address(1), Asked(2), No(2, SERVFAIL)], 9), None);
        let neither = [Asked(1), Asked(2), No(2, none), No(1, none)];
        assert_eq!(fault(&neither, 0), Some(("name-unknown", vec![1, 2, 3])));
        let half = [Asked(1), Asked(2), No(2, none)];
        assert_eq!(fault(&half, 9), Some(("resolver-silent", vec![1, 2])));
    }

    #[test]
    fn the_question_for_the_other_type_of_address_is_no_repetition() {
        let mut summary = Summary::default();
        for (number, is_ipv6, failure) in
            [(1, false, None), (2, true, None), (3, false, Some(NOBODY)), (4, true, None), (5, true, None)]
        {
            let lookup = DnsMessage {
                client: [192, 0, 2, 10].into(),
                resolver: [192, 0, 2, 53].into(),
                id: number as u16,
                name: "ssm.example".to_owned(),
                is_for_addresses: true,
                is_ipv6,
                is_answer: failure.is_some(),
                addresses: Vec::new(),
                failure,
            };
            summary.lookups.add(&lookup, moment(number));
            if number == 3 {
                let found = unanswered(of(&summary), &Target::default(), STALL);
                assert_eq!((found[0].other_type, found[0].repeated), (Some(moment(2)), None));
            }
        }
        let found = unanswered(of(&summary), &Target::default(), STALL);
        assert_eq!(
            (found[0].other_type, found[0].repeated),
            (Some(moment(2)), Some((2, moment(4), moment(5))))
        );
        assert_eq!(found[0].evidence, [1, 3, 5], "in the order of packets");
    }

    #[test]
    fn the_answer_that_says_most_decides() {
        let said = [Asked(1), No(1, SERVFAIL), Asked(2), No(2, NOBODY)];
        assert_eq!(fault(&said, 0), Some(("name-unknown", vec![1, 3, 4])));
    }

    #[test]
    fn it_is_critical_for_what_was_selected_and_where_nothing_was() {
        let by_name = |name: &str| {
            Target::resolving(&[name.to_owned()], &[], None, |_| Err(String::new())).expect("a name")
        };
        let is_critical = |target: &Target| found(&[Asked(1), No(1, NOBODY)], 0, target)[0].is_critical;
        assert!(is_critical(&Target::default()));
        assert!(is_critical(&by_name("ssm.EXAMPLE")));
        assert!(!is_critical(&by_name("other.example")));
        let by_address = Target::new(&["198.51.100.20".to_owned()], &[], None).expect("an address");
        assert!(!is_critical(&by_address));
    }

    #[test]
    fn a_name_that_is_found_with_another_domain_is_not_missing() {
        let critical = |names: &[(&str, bool)]| {
            let mut summary = Summary::default();
            for (number, (name, is_found)) in (1u16..).zip(names) {
                for is_answer in [false, true] {
                    let lookup = DnsMessage {
                        client: [192, 0, 2, 10].into(),
                        resolver: [192, 0, 2, 53].into(),
                        id: number,
                        name: (*name).to_owned(),
                        is_for_addresses: true,
                        is_ipv6: false,
                        is_answer,
                        addresses: vec![],
                        failure: (is_answer && !is_found).then_some(NOBODY),
                    };
                    summary.lookups.add(&lookup, moment(u64::from(number)));
                }
            }
            summary.end = moment(60).at;
            let found = unanswered(of(&summary), &Target::default(), STALL);
            found.iter().filter(|found| found.is_critical).count()
        };
        assert_eq!(critical(&[("ssm.example.corp.test", false), ("ssm.example", true)]), 0);
        assert_eq!(critical(&[("ssm", false), ("ssm.corp.test", true)]), 0);
        assert_eq!(
            critical(&[("ssm", true), ("ssm.corp.test", false)]),
            1,
            "nobody asks on behind an address"
        );
        assert_eq!(
            critical(&[("ssm", false), ("a", true), ("b", true), ("ssm.corp.test", true)]),
            1,
            "too late"
        );
        assert_eq!(critical(&[("ssm.example.corp.test", false), ("ssm.example", false)]), 2);
        assert_eq!(critical(&[("ssm.example", false), ("ssm2.example", true)]), 1);
    }

    /// ARP: which host asks for which, and whether that one replies.
    fn neighbors(searches: &[([u8; 4], [u8; 4], bool)], target: &Target) -> Vec<bool> {
        let mut summary = Summary::default();
        for (number, (asker, host, replies)) in (1..).zip(searches) {
            let (host, asker) = (Host::from(*host), Some(Host::from(*asker)));
            for is_answer in [false, true].into_iter().take(1 + usize::from(*replies)) {
                let neighbour = crate::packet::Neighbour { target: host, asker, is_answer };
                summary.count_neighbour(&neighbour, moment(number), crate::packet::Names::NONE);
            }
        }
        summary.end = moment(60).at;
        unanswered(of(&summary), target, STALL).iter().map(|found| found.is_critical).collect()
    }

    #[test]
    fn a_silent_neighbor_is_critical_where_its_reply_would_be_seen() {
        const HERE: [u8; 4] = [192, 0, 2, 10];
        const THERE: [u8; 4] = [192, 0, 2, 20];
        const OTHER: [u8; 4] = [192, 0, 2, 30];
        let all = Target::default();
        assert_eq!(neighbors(&[(HERE, THERE, false), (HERE, OTHER, true)], &all), [true]);
        assert_eq!(neighbors(&[(HERE, THERE, false), (OTHER, HERE, false)], &all), [false, false]);
        let selected = Target::new(&["192.0.2.20".to_owned()], &[], None).expect("an address");
        assert_eq!(neighbors(&[(HERE, THERE, false), (THERE, OTHER, false)], &selected), [true, false]);
        let by_port = Target::new(&[], &[8443], None).expect("a port");
        assert_eq!(neighbors(&[(HERE, THERE, false)], &by_port), [false], "no host was selected");
    }

    #[test]
    fn names_that_are_followed_are_bounded() {
        let mut courses = Courses::default();
        for number in 0..2 * limits::LOOKUP_COURSES as u64 {
            let lookup = DnsMessage {
                client: [192, 0, 2, 10].into(),
                resolver: [192, 0, 2, 53].into(),
                id: number as u16,
                name: format!("{number}.example"),
                is_for_addresses: true,
                is_ipv6: false,
                is_answer: false,
                addresses: Vec::new(),
                failure: None,
            };
            courses.add(&lookup, moment(number));
        }
        assert_eq!(courses.by_name.len(), limits::LOOKUP_COURSES);
        assert_eq!(courses.given_up(), limits::LOOKUP_COURSES as u64);
    }
}
