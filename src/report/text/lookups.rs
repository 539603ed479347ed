//! Questions that got no usable answer, in words.

use std::fmt;

use super::escape::escaped;
use super::numbers::times;
use crate::analysis::{LookupFault, LookupSubject, Unanswered};
use crate::packet::{Names, NoAddress};

/// The sentences about one.
pub(in crate::report) struct LookupText<'a> {
    found: &'a Unanswered,
    names: &'a Names,
}

/// A question of a capture with these names.
pub(in crate::report) fn of<'a>(found: &'a Unanswered, names: &'a Names) -> LookupText<'a> {
    LookupText { found, names }
}

impl LookupText<'_> {
    /// What happened.
    pub(in crate::report) fn headline(&self) -> String {
        match &self.found.subject {
            LookupSubject::Name(name, resolver, answer) => {
                let (name, resolver) = (escaped(name), self.names.show(*resolver));
                match answer {
                    Some(NoAddress::Rcode(3)) => {
                        format!("{name} does not exist (NXDOMAIN from {resolver})")
                    }
                    Some(NoAddress::Rcode(code)) => {
                        format!("the resolver {resolver} answered {} to {name}", Rcode(*code))
                    }
                    Some(NoAddress::NoRecord) => {
                        format!("{name} has no address (answer from {resolver})")
                    }
                    None => format!("the resolver {resolver} does not answer for {name}"),
                }
            }
            LookupSubject::Neighbor(host) => {
                let protocol = if host.is_ipv6() { "neighbor discovery" } else { "ARP" };
                format!("no reply to {protocol} for {}", self.names.show(*host))
            }
        }
    }

    /// What the answer says, where there was one.
    #[cfg(feature = "command")]
    pub(in crate::report) fn answer(&self) -> Option<String> {
        let LookupSubject::Name(_, _, Some(answer)) = &self.found.subject else { return None };
        Some(match answer {
            NoAddress::Rcode(3) => "NXDOMAIN: the name does not exist".to_owned(),
            NoAddress::Rcode(code) => Rcode(*code).to_string(),
            NoAddress::NoRecord => "the name has no address".to_owned(),
        })
    }

    /// Its code.
    pub(in crate::report) fn code(&self) -> &'static str {
        self.found.fault.name()
    }

    /// The code and what happened.
    pub(in crate::report) fn title(&self) -> String {
        format!("{}: {}", self.found.fault.name(), self.headline())
    }

    /// What the packets show, and what follows.
    pub(in crate::report) fn explanation(&self) -> String {
        let found = self.found;
        let client = found.client.map(|client| self.names.show(client).to_string());
        let client = client.as_deref().unwrap_or("several hosts");
        let (asked, name) = match found.other_type {
            Some(_) if found.repeated.is_none() => {
                ("once".to_owned(), "for each type of the name's addresses, A and AAAA")
            }
            Some(_) => (times(found.asked), "for the name's addresses, A and AAAA"),
            None => (times(found.asked), "for the name's address"),
        };
        let (question, answer) = match (&found.subject, found.fault) {
            (LookupSubject::Neighbor(_), _) => (
                "for its link address",
                "Without that nothing can be sent to it: it is down, or not on this link.",
            ),
            (LookupSubject::Name(..), LookupFault::ResolverSilent) => {
                (name, "No answer was captured, so the client has no address to send a SYN to.")
            }
            (LookupSubject::Name(..), LookupFault::ResolverFailed) => (
                name,
                "The resolver could not resolve the name, or refused to: the client has no address to send a SYN to.",
            ),
            (LookupSubject::Name(..), _) => (name, "The client has no address to send a SYN to."),
        };
        format!("{client} asked {asked} {question} ({}). {answer}", self.packets())
    }

    /// What to do next.
    pub(in crate::report) fn advice(&self) -> &'static [&'static str] {
        match self.found.fault {
            LookupFault::NameUnknown => &[
                "Check the spelling of the host name and of its domain.",
                "Check that this resolver knows the zone: a name of an internal one is not known outside.",
            ],
            LookupFault::ResolverFailed => {
                &["Look at the resolver: its forwarders, the zone's servers, its access list."]
            }
            LookupFault::ResolverSilent => &[
                "Check the client's resolvers, the route to them, and port 53 by UDP on the way.",
                "With the address in place of the name, DNS is left out.",
            ],
            LookupFault::NeighborSilent => &[
                "Is the host up, and on this link? Compare its address and prefix with the client's.",
                "Check the switch's port and VLAN.",
            ],
        }
    }

    /// One line for what is odd about a capture.
    pub(in crate::report) fn line(&self) -> String {
        format!("{} ({})", self.headline(), self.packets())
    }

    fn packets(&self) -> String {
        let mut numbers = self.found.evidence.clone();
        numbers.sort_unstable();
        let numbers: Vec<_> = numbers.iter().map(ToString::to_string).collect();
        let packets = if numbers.len() == 1 { "packet" } else { "packets" };
        format!("{packets} {}", numbers.join(", "))
    }
}

/// An RCODE by its name (RFC 1035, 4.1.1).
struct Rcode(u8);

impl fmt::Display for Rcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("FORMERR"),
            2 => f.write_str("SERVFAIL"),
            4 => f.write_str("NOTIMP"),
            5 => f.write_str("REFUSED"),
            code => write!(f, "RCODE {code}"),
        }
    }
}
