//! Names that clients asked for, and the addresses that they got: which name a connection's server was looked up by, and which
//! questions got no usable answer.

mod unanswered;

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use crate::limits;
use crate::packet::{DnsMessage, Host, Moment};
use unanswered::Courses;
pub use unanswered::{LookupFault, LookupSubject, Search, Unanswered};
pub(super) use unanswered::{Questions, unanswered};

/// Answers that are kept of one client for one address: a name is asked for again when its answer has expired. The first half are those of
/// the connections that a report shows as examples.
const ANSWERS: usize = 8;

/// Lookups that were answered.
#[derive(Clone, Debug, Default)]
pub struct Lookups {
    /// Questions that wait for their answer, the oldest first.
    asked: VecDeque<((Host, Host, u16), Moment)>,
    /// By client and address, the latest last.
    found: BTreeMap<(Host, IpAddr), Vec<Found>>,
    /// The same keys, the oldest first.
    order: VecDeque<(Host, IpAddr)>,
    courses: Courses,
}

/// An answer that contains an address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// The name that was asked for.
    pub name: String,
    /// Who answered.
    pub resolver: Host,
    /// The question, where it was captured.
    pub asked: Option<Moment>,
    /// The answer.
    pub answered: Moment,
    /// The packet of the next answer, if that one is not kept.
    pub superseded: Option<u64>,
}

impl Lookups {
    /// Takes in a question or an answer.
    #[inline(never)]
    pub(super) fn add(&mut self, lookup: &DnsMessage, moment: Moment) {
        self.courses.add(lookup, moment);
        let key = (lookup.client, lookup.resolver, lookup.id);
        if !lookup.is_answer {
            // A question that is sent again began with the first.
            if !self.asked.iter().any(|(known, _)| *known == key) {
                if self.asked.len() >= limits::LOOKUPS_ASKED {
                    self.asked.pop_front();
                }
                self.asked.push_back((key, moment));
            }
            return;
        }
        let place = self.asked.iter().position(|(known, _)| *known == key);
        let asked = place.and_then(|place| self.asked.remove(place)).map(|(_, moment)| moment);
        for address in &lookup.addresses {
            let found = Found {
                name: lookup.name.clone(),
                resolver: lookup.resolver,
                asked,
                answered: moment,
                superseded: None,
            };
            self.keep((lookup.client, *address), found);
        }
    }

    fn keep(&mut self, key: (Host, IpAddr), found: Found) {
        if !self.found.contains_key(&key) {
            if self.order.len() >= limits::LOOKUPS_FOUND
                && let Some(oldest) = self.order.pop_front()
            {
                self.found.remove(&oldest);
            }
            self.order.push_back(key);
        }
        let answers = self.found.entry(key).or_default();
        if answers.len() >= ANSWERS {
            let removed = answers.remove(ANSWERS / 2);
            if let Some(before) = answers.get_mut(ANSWERS / 2 - 1) {
                before.superseded.get_or_insert(removed.answered.number);
            }
        }
        answers.push(found);
    }

    /// Names that were asked for and are not followed to an answer, because too many were.
    pub fn given_up(&self) -> u64 {
        self.courses.given_up()
    }

    /// The same lookups between other hosts, for other names.
    pub(super) fn redact(
        &mut self,
        mut host: impl FnMut(Host) -> Host,
        mut name: impl FnMut(&str) -> String,
    ) {
        let Self { asked, found, order, courses } = self;
        courses.forget();
        for ((client, resolver, _), _) in asked {
            (*client, *resolver) = (host(*client), host(*resolver));
        }
        let key = |(client, address): (Host, IpAddr), host: &mut dyn FnMut(Host) -> Host| {
            (host(client), host(address.into()).address().unwrap_or(address))
        };
        for each in order.iter_mut() {
            *each = key(*each, &mut host);
        }
        for (of, answers) in std::mem::take(found) {
            let answers = answers.into_iter().map(|answer| {
                let Found { name: asked_for, resolver, .. } = &answer;
                Found { name: name(asked_for), resolver: host(*resolver), ..answer }
            });
            let answers = answers.collect();
            found.insert(key(of, &mut host), answers);
        }
    }

    /// The addresses that resolvers gave a name, to whomever.
    pub fn addresses_of(&self, name: &str) -> impl Iterator<Item = IpAddr> {
        let is_it = move |(_, answers): &(&(Host, IpAddr), &Vec<Found>)| {
            answers.iter().any(|found| found.name.eq_ignore_ascii_case(name))
        };
        self.found.iter().filter(is_it).map(|((_, address), _)| *address)
    }

    /// The last answer with this address that the client got before a packet; nothing if that one is not kept.
    pub fn before(&self, client: Host, address: IpAddr, packet: u64) -> Option<&Found> {
        let answers = self.found.get(&(client, address))?;
        let latest = answers.iter().rev().find(|found| found.answered.number < packet)?;
        latest.superseded.is_none_or(|next| packet <= next).then_some(latest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    const SERVER: [u8; 4] = [198, 51, 100, 20];

    fn lookup(id: u16, address: Option<[u8; 4]>) -> DnsMessage {
        let (client, resolver) = ([192, 0, 2, 10].into(), [192, 0, 2, 53].into());
        let addresses = address.into_iter().map(IpAddr::from).collect::<Vec<_>>();
        let is_answer = !addresses.is_empty();
        let name = "ssm.example".to_owned();
        DnsMessage {
            client,
            resolver,
            id,
            name,
            is_for_addresses: true,
            is_ipv6: false,
            is_answer,
            addresses,
            failure: None,
        }
    }

    fn moment(number: u64) -> Moment {
        Moment { number, at: Timestamp::from_nanos(number as i64) }
    }

    #[test]
    fn an_answer_is_found_by_client_and_address_if_it_came_before() {
        let mut lookups = Lookups::default();
        lookups.add(&lookup(1, None), moment(1));
        lookups.add(&lookup(1, None), moment(2));
        lookups.add(&lookup(1, Some(SERVER)), moment(3));
        let client = [192, 0, 2, 10].into();
        let found = lookups.before(client, SERVER.into(), 4).expect("an answer");
        assert_eq!((found.asked.map(|asked| asked.number), found.answered.number), (Some(1), 3));
        assert_eq!(lookups.before(client, SERVER.into(), 3), None, "it came later");
        assert_eq!(lookups.before([192, 0, 2, 11].into(), SERVER.into(), 9), None, "of another client");
    }

    #[test]
    fn the_first_and_the_last_answers_are_kept() {
        let mut lookups = Lookups::default();
        for second in 0..12 {
            lookups.add(&lookup(second, None), moment(10 * u64::from(second) + 1));
            lookups.add(&lookup(second, Some(SERVER)), moment(10 * u64::from(second) + 2));
        }
        let before = |packet| {
            lookups.before([192, 0, 2, 10].into(), SERVER.into(), packet).map(|found| found.answered.number)
        };
        assert_eq!((before(5), before(35)), (Some(2), Some(32)));
        assert_eq!((before(45), before(75)), (None, None), "an older one is not the connection's");
        assert_eq!((before(85), before(115), before(999)), (Some(82), Some(112), Some(112)));
    }

    #[test]
    fn questions_and_answers_are_bounded() {
        let mut lookups = Lookups::default();
        for number in 0..10_000_u64 {
            let id = (number % 65_536) as u16;
            lookups.add(&lookup(id, None), moment(2 * number));
            let [.., a, b] = number.to_be_bytes();
            if number % 2 == 0 {
                lookups.add(&lookup(id, Some([10, 0, a, b])), moment(2 * number + 1));
            }
        }
        assert!(lookups.asked.len() <= limits::LOOKUPS_ASKED);
        assert!(lookups.found.len() <= limits::LOOKUPS_FOUND && lookups.order.len() == lookups.found.len());
    }
}
