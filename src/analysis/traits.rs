//! What clients asked for and offered, and what servers chose: what may differ between connections that fail and others that are ok.

use std::collections::BTreeSet;

use crate::limits;
use crate::story::Story;
use crate::tls::Prelude;

/// What the clients of several connections asked for and offered, and what the servers chose.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Traits {
    targets: Values,
    names: Values,
    versions: Values,
    agreed: Values,
    suites: Values,
}

/// The values of one trait, up to [`limits::TRAIT_VALUES`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Values {
    known: BTreeSet<Option<String>>,
    /// Whether a connection does not show it, or there are more.
    is_incomplete: bool,
}

/// What may differ.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trait {
    /// The host and port that a proxy is asked for.
    Target,
    /// The server's name in the ClientHello (SNI).
    Name,
    /// The highest version of TLS that is offered.
    Version,
    /// The version of TLS that the server chose.
    Agreed,
    /// The cipher suite that the server chose.
    Suite,
}

/// What all connections of a group have in common and no connection that is ok has.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// What it is.
    pub what: Trait,
    /// The values of those that failed; nothing is the absence of a name.
    pub failed: Vec<Option<String>>,
    /// The values of those that are ok.
    pub worked: Vec<Option<String>>,
}

impl Values {
    /// Takes in a value, or the absence of one.
    fn add(&mut self, value: Option<&str>) {
        let value = value.map(str::to_owned);
        if self.known.contains(&value) {
            return;
        }
        if self.known.len() < limits::TRAIT_VALUES {
            self.known.insert(value);
        } else {
            self.is_incomplete = true;
        }
    }

    /// Takes in a connection whose value is not known.
    fn miss(&mut self) {
        self.is_incomplete = true;
    }

    fn add_known(&mut self, value: Option<String>) {
        match value {
            Some(value) => self.add(Some(&value)),
            None => self.miss(),
        }
    }

    fn differ(&self, others: &Self) -> bool {
        let is_whole = |values: &Self| !values.is_incomplete && !values.known.is_empty();
        is_whole(self) && is_whole(others) && self.known.is_disjoint(&others.known)
    }
}

impl Traits {
    /// Takes in a connection.
    pub(super) fn add(&mut self, story: &Story) {
        let is_tunnel = story.prelude.as_ref().is_some_and(|prelude| prelude.protocol == Prelude::Connect);
        let line =
            story.plain.client.as_ref().filter(|_| is_tunnel).map(|observed| observed.what.line.as_str());
        let target = line.and_then(|line| line.strip_prefix("CONNECT ")?.split(' ').next());
        match target {
            Some(target) => self.targets.add(Some(target)),
            None => self.targets.miss(),
        }
        let hello = story.tls.client_hello.as_ref().map(|observed| &observed.what);
        let hello = hello.filter(|hello| hello.is_whole || hello.server_name.is_some());
        match hello {
            Some(hello) => self.names.add(hello.server_name.as_deref()),
            None => self.names.miss(),
        }
        let version = hello.filter(|hello| hello.is_whole).and_then(|hello| hello.versions.first());
        self.versions.add_known(version.map(ToString::to_string));
        let chosen = story.tls.server_hello.as_ref().map(|observed| &observed.what);
        self.agreed.add_known(chosen.and_then(|hello| hello.version).map(|version| version.to_string()));
        self.suites.add_known(chosen.and_then(|hello| hello.cipher_suite).map(|suite| suite.to_string()));
    }

    /// What differs between these connections and `worked`, what is most likely to decide first.
    pub(super) fn compare(&self, worked: &Self) -> Option<Difference> {
        let all = [
            (Trait::Target, &self.targets, &worked.targets),
            (Trait::Name, &self.names, &worked.names),
            (Trait::Version, &self.versions, &worked.versions),
        ];
        first_difference(&all)
    }

    /// What servers chose differently.
    pub(super) fn compare_chosen(&self, worked: &Self) -> Option<Difference> {
        first_difference(&[
            (Trait::Agreed, &self.agreed, &worked.agreed),
            (Trait::Suite, &self.suites, &worked.suites),
        ])
    }
}

/// The first trait of which those that failed have other values than those that are ok.
fn first_difference(traits: &[(Trait, &Values, &Values)]) -> Option<Difference> {
    let (what, failed, worked) = traits.iter().find(|(_, own, others)| own.differ(others))?;
    let list = |values: &Values| values.known.iter().cloned().collect();
    Some(Difference { what: *what, failed: list(failed), worked: list(worked) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(known: &[Option<&str>]) -> Values {
        let mut values = Values::default();
        for value in known {
            values.add(*value);
        }
        values
    }

    #[test]
    fn values_differ_where_all_are_known_and_none_is_common() {
        let one = values(&[Some("a"), Some("b")]);
        assert!(one.differ(&values(&[Some("c"), None])));
        assert!(!one.differ(&values(&[Some("b"), Some("c")])), "a common one");
        assert!(!one.differ(&Values::default()), "no other");
        let mut unknown = values(&[Some("c")]);
        unknown.miss();
        assert!(!one.differ(&unknown), "one is not known");
        let names: Vec<_> = (0..=limits::TRAIT_VALUES).map(|name| name.to_string()).collect();
        let many: Vec<_> = names.iter().map(|name| Some(name.as_str())).collect();
        assert!(!one.differ(&values(&many)), "not all are kept");
    }

    #[test]
    fn the_target_of_a_proxy_counts_more_than_a_name() {
        let of = |target, name| Traits {
            targets: values(&[Some(target)]),
            names: values(&[Some(name)]),
            versions: values(&[Some("TLS 1.3")]),
            ..Traits::default()
        };
        let what = |one: Traits, other: Traits| one.compare(&other).map(|difference| difference.what);
        assert_eq!(what(of("a:443", "a"), of("b:443", "b")), Some(Trait::Target));
        assert_eq!(what(of("a:443", "a"), of("a:443", "b")), Some(Trait::Name));
        assert_eq!(what(of("a:443", "a"), of("a:443", "a")), None);
    }

    #[test]
    fn the_version_that_a_server_chose_counts_more_than_the_suite_which_follows_from_it() {
        let of = |version, suite| Traits {
            agreed: values(&[Some(version)]),
            suites: values(&[Some(suite)]),
            ..Traits::default()
        };
        let what = |one: Traits, other: Traits| one.compare_chosen(&other).map(|difference| difference.what);
        assert_eq!(what(of("TLS 1.2", "a"), of("TLS 1.3", "b")), Some(Trait::Agreed));
        assert_eq!(what(of("TLS 1.2", "a"), of("TLS 1.2", "b")), Some(Trait::Suite));
        assert_eq!(what(of("TLS 1.2", "a"), of("TLS 1.2", "a")), None);
        assert_eq!(Traits::default().compare_chosen(&of("TLS 1.2", "a")), None);
    }
}
