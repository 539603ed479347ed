//! Hosts: an address, or in text a name that stands for one.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// A host as packets name it.
///
/// Frames hold addresses. A text may hold names instead, from a reverse look-up or from an author who hides his addresses;
/// the name itself is in the [`Names`] of the packet's source. A name is never resolved: the same spelling is the same
/// host, and nothing else is known of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Host {
    /// An address.
    Address(IpAddr),
    /// A name, by its key in [`Names`].
    Name(NameKey),
}

impl Host {
    /// The address, where it is one.
    pub fn address(self) -> Option<IpAddr> {
        match self {
            Self::Address(address) => Some(address),
            Self::Name(_) => None,
        }
    }

    /// Whether it is the unspecified address (RFC 4291, 2.5.2; RFC 1122, 3.2.1.3), which is nobody's.
    pub fn is_unspecified(self) -> bool {
        self.address().is_some_and(|address| address.is_unspecified())
    }

    /// Whether it is an IPv6 address. What a name stands for is not known.
    pub fn is_ipv6(self) -> bool {
        self.address().is_some_and(|address| address.is_ipv6())
    }
}

impl From<IpAddr> for Host {
    fn from(address: IpAddr) -> Self {
        Self::Address(address)
    }
}

impl From<Ipv4Addr> for Host {
    fn from(address: Ipv4Addr) -> Self {
        Self::Address(address.into())
    }
}

impl From<Ipv6Addr> for Host {
    fn from(address: Ipv6Addr) -> Self {
        Self::Address(address.into())
    }
}

impl From<[u8; 4]> for Host {
    fn from(address: [u8; 4]) -> Self {
        Self::Address(address.into())
    }
}

impl From<[u8; 16]> for Host {
    fn from(address: [u8; 16]) -> Self {
        Self::Address(address.into())
    }
}

/// A name's key. Those of several files that are read as one capture differ.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NameKey {
    /// The file, as in [`Origin`](super::Origin).
    pub file: u16,
    /// The name's place among those of the file.
    pub index: u16,
}

/// What a text calls a host.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Name {
    /// As it is spelled: `licence.example.net`, `<SERVER>`, `10.1.xx.5`.
    pub host: Box<str>,
    /// A service whose port is not known. Name and service are one end of a connection then, whose port is 0.
    pub service: Option<Box<str>>,
    /// Its address, where a packet shows both.
    pub address: Option<IpAddr>,
}

/// The names that hosts have in a text. Frames have none.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Names {
    /// In the order of their keys.
    names: Vec<(NameKey, Arc<Name>)>,
}

impl Names {
    /// No names, which is what every source of frames has.
    pub const NONE: &'static Self = &Self { names: Vec::new() };

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// What a host is called; `None` for an address, and for a name of another source.
    pub fn get(&self, host: Host) -> Option<&Name> {
        self.find(host).map(|(_, name)| &**name)
    }

    /// The host's address: its own, or the one that a packet showed for its name.
    pub fn address(&self, host: Host) -> Option<IpAddr> {
        host.address().or_else(|| self.get(host)?.address)
    }

    /// The port as a number, unless only the name of its service is known.
    pub fn port(&self, host: Host, port: u16) -> Option<u16> {
        let is_named = self.get(host).is_some_and(|name| name.service.is_some());
        (!is_named).then_some(port)
    }

    /// The host for people: its address, or its name.
    pub fn show(&self, host: Host) -> impl fmt::Display + '_ {
        HostDisplay { names: self, host }
    }

    /// The port for people: its number, or its service's name.
    pub fn show_port(&self, host: Host, port: u16) -> impl fmt::Display + '_ {
        match self.get(host).and_then(|name| name.service.as_deref()) {
            Some(service) => ShownPort::Service(service),
            None => ShownPort::Number(port),
        }
    }

    /// Takes over what `others` know of a host, if it is a name.
    pub fn adopt(&mut self, others: &Self, host: Host) {
        if let Some((key, name)) = others.find(host) {
            self.set(*key, Arc::clone(name));
        }
    }

    /// What these hosts are called.
    #[must_use]
    pub fn only(&self, hosts: &[Host]) -> Self {
        let mut few = Self::default();
        if !self.is_empty() {
            for host in hosts {
                few.adopt(self, *host);
            }
        }
        few
    }

    /// Takes over everything that `others` know.
    pub fn adopt_all(&mut self, others: &Self) {
        for (key, name) in &others.names {
            self.set(*key, Arc::clone(name));
        }
    }

    /// The same hosts by other names.
    #[must_use]
    pub fn renamed(&self, mut rename: impl FnMut(&Name) -> Name) -> Self {
        Self { names: self.names.iter().map(|(key, name)| (*key, Arc::new(rename(name)))).collect() }
    }

    /// Gives a key its name.
    pub fn set(&mut self, key: NameKey, name: Arc<Name>) {
        match self.place(key) {
            Ok(index) => self.names[index].1 = name,
            Err(index) => self.names.insert(index, (key, name)),
        }
    }

    fn find(&self, host: Host) -> Option<&(NameKey, Arc<Name>)> {
        match host {
            Host::Name(key) => self.names.get(self.place(key).ok()?),
            Host::Address(_) => None,
        }
    }

    fn place(&self, key: NameKey) -> Result<usize, usize> {
        // The keys of one file count its names, so that a whole file's table is found at once.
        let guess = usize::from(key.index);
        if self.names.get(guess).is_some_and(|(known, _)| *known == key) {
            return Ok(guess);
        }
        self.names.binary_search_by_key(&key, |(known, _)| *known)
    }
}

/// A host for people.
struct HostDisplay<'a> {
    names: &'a Names,
    host: Host,
}

impl fmt::Display for HostDisplay<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.host, self.names.get(self.host)) {
            (Host::Address(address), _) => fmt::Display::fmt(&address, f),
            (Host::Name(_), Some(name)) => f.pad(&name.host),
            (Host::Name(_), None) => f.pad("?"),
        }
    }
}

/// A port for people.
enum ShownPort<'a> {
    Number(u16),
    Service(&'a str),
}

impl fmt::Display for ShownPort<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(port) => fmt::Display::fmt(port, f),
            Self::Service(service) => f.pad(service),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_costs_a_host_no_room() {
        assert_eq!(size_of::<Host>(), size_of::<IpAddr>() + 1);
    }

    #[test]
    fn names_are_shown_as_they_are_spelled_and_addresses_as_numbers() {
        let key = |index| NameKey { file: 1, index };
        let mut names = Names::default();
        let server = Name { host: "<SERVER>".into(), ..Name::default() };
        let named = Name {
            host: "10.0.0.1".into(),
            service: Some("licence".into()),
            address: Some(IpAddr::from([10, 0, 0, 1])),
        };
        names.set(key(7), Arc::new(named));
        names.set(key(3), Arc::new(server));
        let show = |host: Host, port| format!("{}:{}", names.show(host), names.show_port(host, port));
        assert_eq!(show(Host::Name(key(3)), 443), "<SERVER>:443");
        assert_eq!(show(Host::Name(key(7)), 0), "10.0.0.1:licence");
        assert_eq!(show([10, 0, 0, 2].into(), 80), "10.0.0.2:80");
        assert_eq!(names.address(Host::Name(key(7))), Some([10, 0, 0, 1].into()));
        assert_eq!((names.port(Host::Name(key(7)), 0), names.port(Host::Name(key(3)), 9)), (None, Some(9)));
        let mut few = Names::default();
        few.adopt(&names, Host::Name(key(7)));
        few.adopt(&names, Host::Name(key(7)));
        few.adopt(&names, [10, 0, 0, 2].into());
        assert_eq!((few.len(), few.get(Host::Name(key(3)))), (1, None));
    }
}
