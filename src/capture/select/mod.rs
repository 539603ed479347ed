//! Target selection: which packets the analysis sees.
//!
//! It happens twice: before decoding [`Prefilter`] drops the frames that certainly do not matter, after it
//! [`Target::admits`] decides exactly. The expression of `--filter` is the user's own, and is applied as it is.

mod prefilter;

#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use ipnet::IpNet;

pub use prefilter::{AsEthernet, Prefilter, syntax_error};

use super::About;
use crate::packet::{Content, Host, Name, Names, Neighbour, Other, Packet, Segment};

/// What helps with libpcap's error. A name that the resolver does not know may be one of the capture's.
fn hint(message: &str) -> &'static str {
    if message.starts_with("unknown host") {
        "--host NAME, which looks for the name in the capture first"
    } else {
        "man pcap-filter"
    }
}

/// What the user wants to see: nothing given admits everything.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Target {
    hosts: Vec<SelectedHost>,
    /// Hosts that were given by name: a text may call them so.
    names: Vec<NamedPlace>,
    /// The first of these names that has no address, and why.
    unresolved: Option<(String, String)>,
    ports: Vec<u16>,
    filter: Option<String>,
}

/// A host that was given by name, perhaps with a port of its own.
#[derive(Clone, PartialEq, Eq, Debug)]
struct NamedPlace {
    name: String,
    port: Option<u16>,
}

/// Hosts that were given by one value, perhaps with a port of their own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct SelectedHost {
    network: IpNet,
    port: Option<u16>,
}

impl SelectedHost {
    /// Whether it is one host.
    fn is_single(self) -> bool {
        self.network.prefix_len() == self.network.max_prefix_len()
    }
}

/// Why a target can't be selected.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// A name has no address.
    #[error("--host {name}: no address is known for that name ({reason})\n  try: give its IP address")]
    Unresolved {
        /// As given.
        name: String,
        /// The resolver's text.
        reason: String,
    },
    /// An address prefix that is not valid.
    #[error("--host {text}: not an address prefix\n  try: 10.106.66.0/24 or 2001:db8::/32")]
    BadPrefix {
        /// As given.
        text: String,
    },
    /// libpcap does not accept the expression.
    #[error("--filter '{expression}': {message} (link type {link_type})\n  try: {}", hint(.message))]
    BadFilter {
        /// As given.
        expression: String,
        /// libpcap's text.
        message: String,
        /// The link type for which it was compiled, by its number in the tcpdump.org registry.
        link_type: u32,
    },
    /// A BPF expression reads frames, and text has none.
    #[error(
        "{file}: --filter can't be applied to tcpdump's text, which holds no frames\n  try: --host and --port"
    )]
    TextHasNoFrames {
        /// The file as the user named it.
        file: String,
    },
}

impl Target {
    /// From the values of `--host`, `--port` and `--filter`. A host may have a port of its own after it (`192.0.2.1:8443`).
    /// Names are resolved here, once. One that has no address may still be what a text calls a host: see
    /// [`check`](Self::check).
    ///
    /// # Errors
    /// When a host is no address prefix although it looks like one.
    pub fn new(hosts: &[String], ports: &[u16], filter: Option<String>) -> Result<Self, TargetError> {
        Self::resolving(hosts, ports, filter, Self::look_up)
    }

    /// The addresses that the system's resolver has for a name.
    ///
    /// # Errors
    /// Why it has none, in the resolver's words.
    pub fn look_up(name: &str) -> Result<Vec<IpAddr>, String> {
        let addresses = (name, 0).to_socket_addrs().map_err(|error| error.to_string())?;
        Ok(addresses.map(|address| address.ip()).collect())
    }

    /// The same, with names resolved by `resolve`, which returns a name's addresses or why it has none.
    ///
    /// # Errors
    /// When a host is no address prefix although it looks like one.
    pub fn resolving(
        hosts: &[String],
        ports: &[u16],
        filter: Option<String>,
        resolve: impl Fn(&str) -> Result<Vec<IpAddr>, String>,
    ) -> Result<Self, TargetError> {
        let mut target = Self { ports: ports.to_vec(), filter, ..Self::default() };
        for host in hosts {
            let (host, port) = split_port(host);
            if let Some(network) = network(host)? {
                target.hosts.push(SelectedHost { network, port });
                continue;
            }
            match resolve(host) {
                Ok(addresses) => {
                    let places =
                        addresses.into_iter().map(|address| SelectedHost { network: address.into(), port });
                    target.hosts.extend(places);
                }
                Err(reason) => {
                    target.unresolved.get_or_insert_with(|| (host.to_owned(), reason));
                }
            }
            target.names.push(NamedPlace { name: host.to_owned(), port });
        }
        target.hosts.sort_unstable();
        target.hosts.dedup();
        Ok(target)
    }

    /// Whether a value of `--host`, without its port, is a name.
    pub fn is_name(host: &str) -> bool {
        matches!(network(host), Ok(None))
    }

    /// An address in each of the selected networks, or what the expression names alone with `host`.
    pub fn addresses(&self) -> Vec<IpAddr> {
        if !self.hosts.is_empty() {
            return self.hosts.iter().map(|place| place.network.addr()).collect();
        }
        let mut words = self.filter.as_deref().unwrap_or_default().split_whitespace();
        let mut found = Vec::new();
        while let Some(word) = words.next() {
            if word == "host" {
                found.extend(words.next().and_then(|host| host.trim_end_matches(')').parse::<IpAddr>().ok()));
            }
        }
        found
    }

    /// The addresses and prefixes that `--host` was taken for, for people.
    pub fn networks(&self) -> String {
        let name = |place: &SelectedHost| {
            let host = place.network;
            if place.is_single() { host.addr().to_string() } else { host.to_string() }
        };
        let mut names: Vec<_> = self.hosts.iter().map(name).collect();
        names.dedup();
        names.join(", ")
    }

    /// What a server is called, where it is one of a bounded number: its address, where that was selected by itself, and its
    /// port, where ports were selected too. Nothing of any other server.
    pub fn server_label(&self, address: IpAddr, port: u16) -> Option<String> {
        let is_it = |place: &&SelectedHost| {
            place.is_single()
                && place.network.addr() == address
                && place.port.is_none_or(|selected| selected == port)
        };
        let place = self.hosts.iter().find(is_it)?;
        match place.port {
            None if self.ports.is_empty() => Some(address.to_string()),
            None if !self.ports.contains(&port) => None,
            _ => Some(SocketAddr::new(address, port).to_string()),
        }
    }

    /// The hosts that are selected by themselves, by the addresses that `of` gives them, with the same ports.
    #[must_use]
    pub fn of_single_hosts(&self, mut of: impl FnMut(IpAddr) -> IpAddr) -> Self {
        let singles = self.hosts.iter().filter(|place| place.is_single());
        let hosts = singles
            .map(|place| SelectedHost { network: of(place.network.addr()).into(), ..*place })
            .collect();
        Self { hosts, ports: self.ports.clone(), ..Self::default() }
    }

    /// Whether this target can be selected from that capture.
    ///
    /// # Errors
    /// When `--filter` is given and a file is text, and when a name has no address and no file is text.
    pub fn check(&self, about: &About) -> Result<(), TargetError> {
        match about.files.iter().find(|file| file.is_text) {
            Some(text) if self.filter.is_some() => {
                Err(TargetError::TextHasNoFrames { file: text.name.clone() })
            }
            Some(_) => Ok(()),
            None => self.check_names(),
        }
    }

    /// Whether each name has an address, as frames need it.
    ///
    /// # Errors
    /// When one has none.
    pub fn check_names(&self) -> Result<(), TargetError> {
        let Some((name, reason)) = self.unresolved.clone() else { return Ok(()) };
        Err(TargetError::Unresolved { name, reason })
    }

    /// Whether a decoded packet belongs to the target, or explains what befell it.
    pub fn admits(&self, packet: &Packet<'_>) -> bool {
        if self.is_any_endpoint() {
            return true;
        }
        let names = packet.names;
        match &packet.content {
            Content::Segment(Segment { header, .. }) => {
                self.has_endpoint(names, header.ip.source, Some(header.tcp.source_port))
                    || self.has_endpoint(names, header.ip.destination, Some(header.tcp.destination_port))
            }
            Content::IcmpError(error) => {
                let quoted = &error.quoted;
                self.has_endpoint(names, quoted.source, quoted.source_port)
                    || self.has_endpoint(names, quoted.destination, quoted.destination_port)
            }
            Content::Neighbour(Neighbour { target, asker, .. }) => {
                self.has_host(names, *target) || asker.is_some_and(|asker| self.has_host(names, asker))
            }
            // The server's name may have been asked of any resolver.
            Content::Lookup(_) | Content::Other(Other::Dns) => true,
            Content::Other(_) => false,
        }
    }

    fn is_any_endpoint(&self) -> bool {
        self.is_any_host() && self.ports.is_empty()
    }

    /// Whether nothing was selected.
    pub(crate) fn is_everything(&self) -> bool {
        self.is_any_endpoint() && self.filter.is_none()
    }

    fn has_endpoint(&self, names: &Names, host: Host, port: Option<u16>) -> bool {
        let port = port.and_then(|port| names.port(host, port));
        // A port that is not known may be the right one.
        let is_port = |port: Option<u16>, wanted: &[u16]| {
            wanted.is_empty() || port.is_none_or(|port| wanted.contains(&port))
        };
        if self.is_any_host() {
            return is_port(port, &self.ports);
        }
        let is_port_of =
            |own: Option<u16>| own.map_or_else(|| is_port(port, &self.ports), |own| is_port(port, &[own]));
        let is_place = |place: &SelectedHost, address: IpAddr| {
            place.network.contains(&address) && is_port_of(place.port)
        };
        let is_named =
            names.get(host).is_some_and(|name| self.places_of(name).any(|place| is_port_of(place.port)));
        is_named
            || names
                .address(host)
                .is_some_and(|address| self.hosts.iter().any(|place| is_place(place, address)))
    }

    /// Whether hosts were selected, and this is one of them.
    pub(crate) fn names_host(&self, names: &Names, host: Host) -> bool {
        !self.is_any_host() && self.has_host(names, host)
    }

    fn has_host(&self, names: &Names, host: Host) -> bool {
        if self.is_any_host() {
            return true;
        }
        let is_within = |address: IpAddr| self.hosts.iter().any(|place| place.network.contains(&address));
        names.address(host).is_some_and(is_within)
            || names.get(host).is_some_and(|name| self.places_of(name).next().is_some())
    }

    /// What was given for a host that a text calls so. DNS ignores case (RFC 4343).
    fn places_of<'a>(&'a self, name: &'a Name) -> impl Iterator<Item = &'a NamedPlace> {
        self.names.iter().filter(|place| place.name.eq_ignore_ascii_case(&name.host))
    }

    /// Whether a question of DNS about this name is about what was selected.
    pub(crate) fn is_about_name(&self, name: &str) -> bool {
        self.is_everything() || self.names.iter().any(|place| place.name.eq_ignore_ascii_case(name))
    }

    fn is_any_host(&self) -> bool {
        self.hosts.is_empty() && self.names.is_empty()
    }
}

/// A host and the port after it, if there is one: `192.0.2.1:8443`, `[2001:db8::1]:8443`, `ssm.example:8443`.
pub fn split_port(text: &str) -> (&str, Option<u16>) {
    let is_host = |host: &str| !host.contains(':') || host.starts_with('[') && host.ends_with(']');
    let split = text.rsplit_once(':').filter(|(host, _)| is_host(host));
    match split.and_then(|(host, port)| Some((host, port.parse().ok()?))) {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    }
}

/// The network that a value of `--host` means; nothing if it is a name.
fn network(host: &str) -> Result<Option<IpNet>, TargetError> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    // A zone (RFC 4007, 11) names an interface of this machine, and no packet shows it.
    let bare = bare.split_once('%').map_or(bare, |(address, _)| address);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Ok(Some(address.into()));
    }
    if !bare.contains('/') {
        return Ok(None);
    }
    let prefix = bare.parse::<IpNet>().map_err(|_| TargetError::BadPrefix { text: host.to_owned() })?;
    Ok(Some(prefix.trunc()))
}
