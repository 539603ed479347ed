//! The ends of a packet as text shows them: a host by number or by name, and a port by number, by its service's name, or not
//! at all.

use std::net::{IpAddr, Ipv4Addr};

use super::services;

/// A host as it is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Spelled {
    Address(IpAddr),
    /// A name, or an address with hidden parts.
    Name(Box<str>),
}

impl Spelled {
    /// The host that `word` is; `None` if no host is written so.
    pub fn parse(word: &str) -> Option<Self> {
        if let Ok(address) = word.parse() {
            return Some(Self::Address(address));
        }
        // A zone (RFC 4007, 11) names an interface of the capturing machine.
        if let Some((address, _)) = word.split_once('%')
            && let Ok(address) = address.parse()
        {
            return Some(Self::Address(address));
        }
        (is_name(word) || is_hidden(word)).then(|| Self::Name(word.into()))
    }

    pub fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Address(address) => Some(*address),
            Self::Name(_) => None,
        }
    }
}

/// What follows a host's name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Port {
    /// Nothing.
    None,
    /// A port, by number or by a registered name.
    Number(u16),
    /// A name that is not registered.
    Service(Box<str>),
}

impl Port {
    /// The port that `word` is.
    pub fn parse(word: &str) -> Option<Self> {
        if let Ok(number) = word.parse() {
            return Some(Self::Number(number));
        }
        if let Some(number) = services::port(word) {
            return Some(Self::Number(number));
        }
        is_service(word).then(|| Self::Service(word.into()))
    }

    pub fn number(&self) -> Option<u16> {
        match self {
            Self::Number(port) => Some(*port),
            Self::None | Self::Service(_) => None,
        }
    }
}

/// A host with its port, if one is shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct End {
    pub host: Spelled,
    pub port: Port,
}

impl End {
    /// The two ends of a segment: in each word the last dot comes before the port. Where it is not clear that a name ends with
    /// a port, the other end decides: two ends without a number have lost their ports.
    pub fn pair(source: &str, destination: &str) -> Option<(Self, Self)> {
        let [source, destination] = [source, destination].map(EndSpelling::of);
        let (source, destination) = (source?, destination?);
        let is_clear = |reading: &EndSpelling| matches!(reading.with_port.as_ref(), Some(end) if end.port.number().is_some());
        let has_ports = is_clear(&source) || is_clear(&destination);
        Some((source.end(has_ports)?, destination.end(has_ports)?))
    }
}

/// A word, read with a port after its last dot and without.
struct EndSpelling {
    with_port: Option<End>,
    bare: Option<Spelled>,
}

impl EndSpelling {
    fn of(word: &str) -> Option<Self> {
        // Nearly every end is an IPv4 address and a port's number, and can be read in no other way.
        if let Some((host, port)) = word.rsplit_once('.')
            && let (Ok(host), Ok(port)) = (host.parse::<Ipv4Addr>(), port.parse())
        {
            let end = End { host: Spelled::Address(host.into()), port: Port::Number(port) };
            return Some(Self { with_port: Some(end), bare: None });
        }
        // As people write it, and tools other than tcpdump.
        if let Some((host, port)) = word.rsplit_once(':')
            && let (Ok(host), Ok(port)) = (host.parse::<Ipv4Addr>(), port.parse())
        {
            let end = End { host: Spelled::Address(host.into()), port: Port::Number(port) };
            return Some(Self { with_port: Some(end), bare: None });
        }
        let bare = Spelled::parse(word);
        // After a zone the last dot comes before the port too.
        let has_zone = word.split_once('%').is_some_and(|(_, zone)| zone.contains('.'));
        let is_address = !has_zone && bare.as_ref().is_some_and(|bare| bare.address().is_some());
        let is_whole = is_address || is_masked_address(word);
        let with_port = word.rsplit_once('.').filter(|_| !is_whole).and_then(|(host, port)| {
            let host = Spelled::parse(host)?;
            Some(End { host, port: Port::parse(port)? })
        });
        (with_port.is_some() || bare.is_some()).then_some(Self { with_port, bare })
    }

    /// The end, in a pair of which one end has a port for certain or none has.
    fn end(self, has_ports: bool) -> Option<End> {
        match (self.with_port, self.bare) {
            (Some(end), bare) if has_ports || bare.is_none() || end.host.address().is_some() => Some(end),
            (_, bare) => Some(End { host: bare?, port: Port::None }),
        }
    }
}

/// Whether `word` is an IPv4 address of which parts were hidden: four parts, each of them a number or a mask, and at least
/// one of each.
fn is_masked_address(word: &str) -> bool {
    let is_number = |part: &str| part.parse::<u8>().is_ok();
    let is_mask = |part: &str| {
        let is_letter = |letter: char| "xX*#?_-nN".contains(letter) || letter.is_ascii_digit();
        !part.is_empty() && part.len() <= 3 && !is_number(part) && part.chars().all(is_letter)
    };
    let parts = word.split('.');
    parts.clone().count() == Ipv4Addr::BITS as usize / 8
        && parts.clone().all(|part| is_number(part) || is_mask(part))
        && parts.clone().any(is_mask)
}

/// Longest name of a host, in bytes: that of DNS (RFC 1035, 2.3.4).
const MOST_NAME_BYTES: usize = 255;

/// Whether a host may be called so: a name, or what people write in place of one.
fn is_name(word: &str) -> bool {
    let is_mark = |letter: char| {
        is_block(letter)
            || matches!(
                letter,
                '-' | '_' | '.' | ':' | '%' | '<' | '>' | '[' | ']' | '{' | '}' | '$' | '*' | '#' | '@'
            )
            || matches!(letter, '?' | '!' | '+' | '~' | '&' | '/' | '=')
    };
    let is_letter = |letter: char| letter.is_alphanumeric() || is_mark(letter);
    let has_letter =
        |letter: char| letter.is_alphabetic() || is_block(letter) || matches!(letter, '*' | '#' | '?' | '$');
    // `10-9-29-68`, as clouds call their machines.
    let is_dashed = || word.split('-').count() == 4 && word.split('-').all(|part| part.parse::<u8>().is_ok());
    word.len() <= MOST_NAME_BYTES
        && (word.contains(has_letter) || is_dashed() || is_invented_address(word) || is_network(word))
        && word.chars().all(is_letter)
        && !word.starts_with('.')
        && !word.ends_with('.')
        && !word.contains("..")
}

/// Whether `letter` blackens an address: the block elements of Unicode, and its squares.
fn is_block(letter: char) -> bool {
    matches!(letter, '\u{2580}'..='\u{259f}' | '\u{25a0}' | '\u{25ac}' | '\u{25ae}' | '\u{2b1b}')
}

/// Whether `word` is the network that an author wrote in place of a host of it: `10.0.0.0/24`.
fn is_network(word: &str) -> bool {
    let Some((address, bits)) = word.split_once('/') else { return false };
    address.parse::<Ipv4Addr>().is_ok() && bits.parse::<u32>().is_ok_and(|bits| bits <= Ipv4Addr::BITS)
}

/// Whether `word` is what an author put in parentheses in place of a host: `(..)`, `(server)`.
fn is_hidden(word: &str) -> bool {
    const LONGEST: usize = 64;
    let inside = word.strip_prefix('(').and_then(|word| word.strip_suffix(')'));
    let is_letter = |letter: char| letter.is_alphanumeric() || "._-*:".contains(letter);
    inside.is_some_and(|inside| (1..=LONGEST).contains(&inside.len()) && inside.chars().all(is_letter))
}

/// Whether `word` is an IPv4 address that no host has, as authors write in place of their own: one of its numbers is above 255.
fn is_invented_address(word: &str) -> bool {
    let is_number =
        |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
    word.split('.').count() == Ipv4Addr::BITS as usize / 8
        && word.split('.').all(is_number)
        && word.split('.').any(|part| part.parse::<u8>().is_err())
}

/// Whether a service may be called so: RFC 6335, 5.1, and the underscores and plus signs of older lists.
fn is_service(word: &str) -> bool {
    // The longest in use have some 40 letters.
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_+".contains(&byte);
    word.len() <= 40 && word.bytes().all(is_letter) && word.bytes().any(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(source: &str, destination: &str) -> [(String, String); 2] {
        let show = |end: End| {
            let host = match end.host {
                Spelled::Address(address) => format!("={address}"),
                Spelled::Name(name) => name.into(),
            };
            let port = match end.port {
                Port::None => String::new(),
                Port::Number(port) => port.to_string(),
                Port::Service(service) => service.into(),
            };
            (host, port)
        };
        let (source, destination) = End::pair(source, destination).expect("two ends");
        [show(source), show(destination)]
    }

    #[test]
    fn an_end_is_a_number_a_name_or_a_placeholder() {
        let client = "10.0.0.1.40000";
        for (word, host, port) in [
            ("10.0.0.2.443", "=10.0.0.2", "443"),
            ("10.0.0.2.https", "=10.0.0.2", "443"),
            ("10.0.0.2.licence", "=10.0.0.2", "licence"),
            ("2001:db8::2.443", "=2001:db8::2", "443"),
            ("fe80::2%eth0.443", "=fe80::2", "443"),
            ("licence.example.net.https", "licence.example.net", "443"),
            ("licence.example.net.vendor-x", "licence.example.net", "vendor-x"),
            ("<SERVER>.443", "<SERVER>", "443"),
            ("$B.443", "$B", "443"),
            ("x.x.x.x.443", "x.x.x.x", "443"),
            ("10.1.xx.5.443", "10.1.xx.5", "443"),
            ("***.***.***.***.443", "***.***.***.***", "443"),
            ("[MY_IP].example.net.443", "[MY_IP].example.net", "443"),
            ("ec2-XX.XXX.compute.443", "ec2-XX.XXX.compute", "443"),
            ("remote.host.ip.21080", "remote.host.ip", "21080"),
            ("10-9-29-68.443", "10-9-29-68", "443"),
            ("99.336.74.209.443", "99.336.74.209", "443"),
            ("99.336.74.209", "99.336.74.209", ""),
            ("(..).443", "(..)", "443"),
            ("\u{2588}\u{2588}\u{2588}\u{2588}.443", "\u{2588}\u{2588}\u{2588}\u{2588}", "443"),
            (
                "\u{2588}\u{2588}.\u{2588}.\u{2588}.\u{2588}.443",
                "\u{2588}\u{2588}.\u{2588}.\u{2588}.\u{2588}",
                "443",
            ),
            ("10.0.0.0/24.443", "10.0.0.0/24", "443"),
            ("10.0.0.0/24", "10.0.0.0/24", ""),
            ("(server).443", "(server)", "443"),
            ("10.1.xx.5", "10.1.xx.5", ""),
            ("SERVER", "SERVER", ""),
        ] {
            assert_eq!(pair(client, word)[1], (host.to_owned(), port.to_owned()), "{word}");
        }
    }

    #[test]
    fn two_names_without_a_number_have_lost_their_ports() {
        let none = String::new();
        for (source, destination) in
            [("host.example.net", "licence.example.net"), ("x.x.x.x", "y.y.y.y"), ("<CLIENT>", "<SERVER>")]
        {
            let [one, other] = pair(source, destination);
            assert_eq!((one, other), ((source.into(), none.clone()), (destination.into(), none.clone())));
        }
        assert_eq!(End::pair("a,b", "10.0.0.1.443"), None);
    }
}
