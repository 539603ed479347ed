//! Which hosts talk to each other, as far as it was printed: by it the address or port that ends a cut line is believed or
//! not.

use std::collections::{BTreeSet, VecDeque};
use std::net::Ipv4Addr;

use crate::limits::{TRANSCRIPT_CONVERSATIONS, TRANSCRIPT_PEERS, TRANSCRIPT_UNANSWERED};
use crate::packet::Host;

/// Which hosts talk to each other.
#[derive(Debug, Default)]
pub struct Peers {
    /// Each host with the addresses (port 0) and the ends that it talks to.
    known: BTreeSet<(Host, (Host, u16))>,
    /// The latest SYNs without an answer so far: who asks, and which address.
    unanswered: VecDeque<(Host, Host)>,
}

impl Peers {
    /// These two ends talk to each other.
    pub fn add(&mut self, one: (Host, u16), other: (Host, u16)) {
        if self.known.len() < 4 * TRANSCRIPT_CONVERSATIONS {
            self.known.extend([(one.0, other), (one.0, (other.0, 0)), (other.0, one), (other.0, (one.0, 0))]);
        }
    }

    /// Whether `host` has talked to `address`, at `port` if that is given.
    pub fn has(&self, host: Host, address: Host, port: Option<u16>) -> bool {
        self.known.contains(&(host, (address, port.unwrap_or(0))))
    }

    /// The only address that `host` has talked to and that is written with this beginning, or the only one of several
    /// that it has asked and got no answer from; `None` for none or several, and where there are too many to look through.
    pub fn only(&self, host: Host, start: &str) -> Option<Host> {
        let fits = |host: &Host| host.address().is_some_and(|address| address.to_string().starts_with(start));
        let mut known = self
            .known
            .range((host, (Host::from(Ipv4Addr::UNSPECIFIED), 0))..)
            .take_while(|(known, _)| *known == host)
            .map(|(_, (address, _))| *address);
        let peers: Vec<_> = known.by_ref().take(TRANSCRIPT_PEERS).collect();
        if known.next().is_some() {
            return None;
        }
        let peers = peers.into_iter();
        let unanswered =
            self.unanswered.iter().filter(|(asker, _)| *asker == host).map(|(_, address)| *address);
        single(peers.filter(fits)).or_else(|| single(unanswered.filter(fits)))
    }

    /// `host` sent a SYN to `address`.
    pub fn on_syn(&mut self, host: Host, address: Host) {
        self.on_answer(host, address);
        self.unanswered.push_back((host, address));
        if self.unanswered.len() > TRANSCRIPT_UNANSWERED {
            self.unanswered.pop_front();
        }
    }

    /// Something about `address` came back to `host`: from itself, or as an error.
    pub fn on_answer(&mut self, host: Host, address: Host) {
        self.unanswered.retain(|pair| *pair != (host, address));
    }
}

/// The address that all of these are; `None` for none and for different ones.
fn single(mut addresses: impl Iterator<Item = Host>) -> Option<Host> {
    let first = addresses.next()?;
    addresses.all(|other| other == first).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_address_is_the_only_one_without_an_answer() {
        let mut peers = Peers::default();
        let address = |text: &str| Host::from(text.parse::<std::net::IpAddr>().expect("an address"));
        let (host, one, other) = (address("2001:db8::9"), address("2001:db8:1::1"), address("2001:db8:1::2"));
        let ask = |peers: &mut Peers, port: u16, target: Host| {
            peers.on_syn(host, target);
            peers.add((host, port), (target, 80));
        };
        ask(&mut peers, 40_000, one);
        assert_eq!(peers.only(host, "2001:db8:1"), Some(one));
        ask(&mut peers, 40_001, other);
        assert_eq!(peers.only(host, "2001:db8:1"), None);
        peers.on_answer(host, one);
        assert_eq!(peers.only(host, "2001:db8:1"), Some(other));
        assert_eq!(peers.only(host, "2001:db9"), None);
    }
}
