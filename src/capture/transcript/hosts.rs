//! What a text calls hosts, and which addresses it shows for names.

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::ends::{End, Port, Spelled};
use crate::limits::TRANSCRIPT_NAMES;
use crate::packet::{Host, Name, NameKey, Names};

/// The hosts of one text by their spelling.
#[derive(Debug, Default)]
pub struct Hosts {
    file: u16,
    /// What packets refer to.
    pub names: Names,
    known: HashMap<Box<str>, Known, RandomState>,
    /// Addresses of names that were in use before a packet showed them.
    aliases: HashMap<IpAddr, NameKey, RandomState>,
    /// Ends that were not kept because there were too many names.
    pub refused: u64,
}

/// The spelling by which a name is known: names of hosts are the same in any case (RFC 4343). What is in a name's place is not:
/// `<SERVER>` and `<server>`, `x.x.x.x` and `X.X.X.X` may be two hosts.
fn canonical(name: &str) -> Cow<'_, str> {
    const WORD: usize = 3;
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    let is_word = |word: &[u8]| word.iter().all(u8::is_ascii_alphabetic);
    let has_upper = name.bytes().any(|byte| byte.is_ascii_uppercase());
    let is_name = has_upper && name.bytes().all(is_letter) && name.as_bytes().windows(WORD).any(is_word);
    if is_name { name.to_ascii_lowercase().into() } else { name.into() }
}

/// What is known of a name.
#[derive(Debug, Default)]
struct Known {
    /// Its key, once packets refer to it.
    key: Option<NameKey>,
    /// Its address, where a packet shows both.
    address: Option<IpAddr>,
    /// Keys of its services that are not registered.
    services: Vec<(Box<str>, NameKey)>,
}

impl Hosts {
    /// Creates the table of file number `file` of the capture.
    pub fn new(file: u16) -> Self {
        Self { file, ..Self::default() }
    }

    /// The host that is spelled so; `None` if there are too many names.
    pub fn host(&mut self, spelled: &Spelled) -> Option<Host> {
        let name = match spelled {
            Spelled::Address(address) => {
                let alias = self.aliases.get(address);
                return Some(alias.map_or(Host::Address(*address), |key| Host::Name(*key)));
            }
            Spelled::Name(name) => name,
        };
        let known = canonical(name);
        match self.known.get(&*known) {
            Some(Known { key: Some(key), .. }) => Some(Host::Name(*key)),
            Some(Known { address: Some(address), .. }) => Some(Host::Address(*address)),
            _ => {
                let key = self.add(Name { host: name.clone(), ..Name::default() })?;
                self.known.entry(known.into()).or_default().key = Some(key);
                Some(Host::Name(key))
            }
        }
    }

    /// The host and port of an end; `None` if it shows no port, or there are too many names.
    pub fn end(&mut self, end: &End) -> Option<(Host, u16)> {
        match &end.port {
            Port::None => None,
            Port::Number(port) => Some((self.host(&end.host)?, *port)),
            Port::Service(service) => Some((self.service(&end.host, service)?, 0)),
        }
    }

    fn service(&mut self, spelled: &Spelled, service: &str) -> Option<Host> {
        let host: Box<str> = match spelled {
            Spelled::Address(address) => address.to_string().into(),
            Spelled::Name(name) => name.clone(),
        };
        let by = canonical(&host);
        let known = self.known.get(&*by);
        let mut services = known.iter().flat_map(|known| &known.services);
        if let Some((_, key)) = services.find(|(name, _)| &**name == service) {
            return Some(Host::Name(*key));
        }
        let address = spelled.address().or(known.and_then(|known| known.address));
        let by = Box::from(by);
        let key = self.add(Name { host, service: Some(service.into()), address })?;
        self.known.entry(by).or_default().services.push((service.into(), key));
        Some(Host::Name(key))
    }

    /// Whether packets refer to `spelled` by a name.
    pub fn is_in_use(&self, spelled: &Spelled) -> bool {
        match spelled {
            Spelled::Address(address) => self.aliases.contains_key(address),
            Spelled::Name(name) => self.known.get(&*canonical(name)).is_some_and(|known| known.key.is_some()),
        }
    }

    /// A packet shows the address of `spelled`.
    pub fn learn(&mut self, spelled: &Spelled, address: IpAddr) {
        let Spelled::Name(name) = spelled else { return };
        let key = canonical(name);
        if self.known.len() >= TRANSCRIPT_NAMES && !self.known.contains_key(&*key) {
            return;
        }
        let known = self.known.entry(key.into()).or_default();
        if known.address.replace(address) == Some(address) {
            return;
        }
        if let Some(key) = known.key {
            self.names.set(key, Arc::new(Name { host: name.clone(), service: None, address: Some(address) }));
            self.aliases.entry(address).or_insert(key);
        }
    }

    fn add(&mut self, name: Name) -> Option<NameKey> {
        let index = self.names.len();
        if index >= TRANSCRIPT_NAMES {
            self.refused += 1;
            return None;
        }
        let key = NameKey { file: self.file, index: index as u16 };
        self.names.set(key, Arc::new(name));
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(word: &str) -> End {
        let (end, _) = End::pair(word, "10.0.0.9.40000").expect("an end");
        end
    }

    #[test]
    fn the_same_spelling_is_the_same_host() {
        let mut hosts = Hosts::new(3);
        let server = hosts.end(&end("<SERVER>.443"));
        assert_eq!(hosts.end(&end("<SERVER>.https")), server);
        assert_ne!(hosts.end(&end("<Server>.443")), server);
        let (host, _) = server.expect("an end");
        assert_eq!(hosts.names.get(host).map(|name| &*name.host), Some("<SERVER>"));
        assert_eq!(hosts.host(&Spelled::Name("<SERVER>".into())), Some(host));
        assert_eq!(hosts.end(&end("<SERVER>")), None);
    }

    #[test]
    fn a_host_s_name_is_the_same_in_any_case_and_a_mask_is_not() {
        let mut hosts = Hosts::default();
        for (one, other, is_same) in [
            ("Licence.example.net.443", "licence.EXAMPLE.net.443", true),
            ("SERVER.443", "server.443", true),
            ("x.x.x.x.443", "X.X.X.X.443", false),
            ("$A.443", "$a.443", false),
            ("Licence.example.net.vendor-x", "licence.example.net.vendor-x", true),
        ] {
            assert_eq!(hosts.end(&end(one)) == hosts.end(&end(other)), is_same, "{one} {other}");
        }
        let (host, _) = hosts.end(&end("licence.example.net.443")).expect("an end");
        assert_eq!(hosts.names.get(host).map(|name| &*name.host), Some("Licence.example.net"));
    }

    #[test]
    fn an_unregistered_service_is_an_end_of_its_own() {
        let mut hosts = Hosts::default();
        let service = hosts.end(&end("10.0.0.1.vendor-x"));
        assert_eq!(hosts.end(&end("10.0.0.1.vendor-x")), service);
        assert_ne!(hosts.end(&end("10.0.0.1.vendor-y")), service);
        let (host, port) = service.expect("an end");
        assert_eq!(
            (hosts.names.address(host), hosts.names.port(host, port)),
            (Some([10, 0, 0, 1].into()), None)
        );
    }

    #[test]
    fn an_address_that_a_packet_shows_is_the_name_s() {
        let (address, name) = (IpAddr::from([10, 0, 0, 1]), Spelled::Name("server".into()));
        let mut early = Hosts::default();
        early.learn(&name, address);
        assert_eq!(early.host(&name), Some(Host::Address(address)));
        let mut late = Hosts::default();
        let host = late.host(&name);
        assert!(late.is_in_use(&name));
        late.learn(&name, address);
        assert_eq!(late.host(&Spelled::Address(address)), host);
        assert_eq!(late.names.address(host.expect("a host")), Some(address));
    }

    #[test]
    fn names_are_bounded() {
        let mut hosts = Hosts::default();
        for number in 0..=TRANSCRIPT_NAMES {
            hosts.host(&Spelled::Name(format!("host-{number}").into()));
        }
        assert_eq!((hosts.names.len(), hosts.refused), (TRANSCRIPT_NAMES, 1));
    }
}
