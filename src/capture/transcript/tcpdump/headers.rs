//! The IP header and the two ends of a packet, found among its lines, and those of the packet inside a tunnel's.

use std::borrow::Cow;

use super::draft::{Draft, MOST_WRAPS};
use super::link::{Link, MOST_WORDS, Network, begins_header, strip_ip_word};
use super::suffix::Suffix;
use super::{ip, tcp};
use crate::capture::transcript::ends::{End, Port, Spelled};
use crate::capture::transcript::hexdump;
use crate::packet::{Host, IpHeader, IpVersion};
use std::net::IpAddr;

/// The headers before a packet's TCP or ICMP words, and where those words are.
#[derive(Clone)]
pub struct Headers {
    /// What `-v` prints in parentheses.
    pub ip: Option<ip::Printed>,
    /// Whether the line names IPv6.
    is_v6: bool,
    /// The words of the two ends: hosts, and after the last dot their ports if there are some.
    source: Box<str>,
    destination: Box<str>,
    /// The ends that these words are, with their ports if there are some.
    pub ends: (End, End),
    /// What follows the ends on their line.
    pub body: String,
    /// Index of the first line after the body.
    pub next: usize,
}

/// Whether these words are a tunnel's, after the addresses of its ends.
fn begins_tunnel(words: &str) -> bool {
    ["GRE", "gre-proto", "VXLAN", "Geneve", "OTV"].iter().any(|tunnel| words.starts_with(tunnel))
}

impl Headers {
    /// The headers in `text`, and where that is not all of them, in the lines from `next` on.
    pub fn find(draft: &Draft, text: &str, mut next: usize) -> Option<Self> {
        let mut text = Cow::Borrowed(text);
        if text.is_empty() {
            let (below, after) = Self::below(draft, next)?;
            (text, next) = (below.into(), after);
        }
        let mut ip = None;
        if begins_header(&text) {
            let (printed, rest) = close_parenthesis(draft, &text, &mut next)?;
            ip = Some(printed);
            text = rest.into();
        }
        if let Some(ends) = ip::read_ends(&text) {
            return Some(Self::of(draft, ip, ends, next));
        }
        // What follows the header may be an author's note.
        if !text.is_empty()
            && let Some(wrapped) = Self::wrapped(draft, ip, &text, next)
        {
            return Some(wrapped);
        }
        ip?;
        // The address line is below, perhaps after blank lines and prose, but not after a quoted header.
        let is_quote = |index: &usize| {
            let text = draft.text(*index);
            begins_header(strip_ip_word(text).unwrap_or(text))
        };
        (next..draft.len()).take_while(|index| !is_quote(index)).find_map(|index| {
            let text = draft.text(index);
            match ip::read_ends(text) {
                Some(ends) => Some(Self::of(draft, ip, ends, index + 1)),
                None => Self::wrapped(draft, ip, text, index + 1),
            }
        })
    }

    /// The next line that is not empty, without the word before it, and the index of the one after it.
    fn below(draft: &Draft, next: usize) -> Option<(String, usize)> {
        let index =
            (next..(next + MOST_WRAPS).min(draft.len())).find(|index| !draft.text(*index).is_empty())?;
        let text = draft.text(index);
        (!hexdump::is_hex_line(text)).then(|| (strip_ip_word(text).unwrap_or(text).to_owned(), index + 1))
    }

    /// The headers of the packet inside this tunnel's, if the lines show one.
    pub fn inner(&self, draft: &Draft) -> Option<Self> {
        let body = self.body.as_str();
        if body.starts_with("ICMP") || body.starts_with("Flags") {
            return None;
        }
        if let Some(text) = strip_ip_word(body).or_else(|| ip::ends(body).map(|_| body)) {
            return Self::find(draft, text, self.next);
        }
        // UDP's checksum remark may precede a tunnel's name.
        let name =
            body.strip_prefix('[').and_then(|after| after.split_once("] ")).map_or(body, |(_, name)| name);
        if !begins_tunnel(name) {
            return None;
        }
        Self::inner_of(draft, body, self.next)
            .or_else(|| {
                let Network::Ip(text) = Link::split(draft.text(self.next)).network else { return None };
                Self::find(draft, text, self.next + 1)
            })
            .or_else(|| self.inner_of_wrapped(draft))
    }

    /// The headers after a colon in `body`, a tunnel's words; the lines from `next` on follow it.
    fn inner_of(draft: &Draft, body: &str, next: usize) -> Option<Self> {
        body.match_indices(": ").take(MOST_WORDS).find_map(|(at, _)| {
            let after = body.get(at + 2..)?;
            Self::find(draft, strip_ip_word(after).unwrap_or(after), next)
        })
    }

    /// The same where a terminal wrapped the tunnel's words.
    fn inner_of_wrapped(&self, draft: &Draft) -> Option<Self> {
        /// Lines beyond the first that a tunnel's words and the ends after them may take.
        const MOST_LINES: usize = 5;
        let mut ways = vec![self.body.clone()];
        for index in self.next..(self.next + MOST_LINES).min(draft.len()) {
            ways = ways.iter().flat_map(|way| draft.joined(way, index)).collect();
            if let Some(inner) = ways.iter().find_map(|way| Self::inner_of(draft, way, index + 1)) {
                return Some(inner);
            }
        }
        None
    }

    /// The same with what an old tcpdump prints of the IP header after the packet.
    pub fn with(&self, suffix: &Suffix) -> Cow<'_, Self> {
        if self.ip.is_some() || *suffix == Suffix::default() {
            return Cow::Borrowed(self);
        }
        Cow::Owned(Self { ip: Some(ip::Printed::of_suffix(suffix)), ..self.clone() })
    }

    /// The ends of a packet that has no ports.
    pub fn hosts(&self) -> Option<(Spelled, Spelled)> {
        Spelled::parse(&self.source).zip(Spelled::parse(&self.destination))
    }

    /// The IP header between two hosts.
    pub fn between(&self, source: Host, destination: Host) -> IpHeader {
        let mut header = self.ip.unwrap_or_default().between(source, destination);
        if self.is_v6 && source.address().or(destination.address()).is_none() {
            header.version = IpVersion::V6;
        }
        header
    }

    /// Bytes of TCP, header included, where the IP header leaves no doubt about its own length.
    pub fn tcp_bytes(&self) -> Option<u32> {
        self.ip?.tcp_bytes()
    }

    /// From the words of a line and the ends that they are.
    fn of(
        draft: &Draft,
        ip: Option<ip::Printed>,
        (words, ends): (ip::Words<'_>, (End, End)),
        next: usize,
    ) -> Self {
        let (source, destination, body) = words;
        let (body, next) = match Self::below(draft, next) {
            // Nothing of the packet's words is on the line.
            Some(below) if body.is_empty() => below,
            // A terminal broke the first of them.
            Some(_) if "Flags [".starts_with(body) => {
                let joined = draft.joined(body, next).into_iter().find(|joined| tcp::begins_flags(joined));
                joined.map_or_else(|| (body.to_owned(), next), |joined| (joined, next + 1))
            }
            _ => (body.to_owned(), next),
        };
        let is_v6 = body.starts_with("ICMP6")
            || body.starts_with("icmp6")
            || draft.text(0).starts_with("IP6")
            || draft.text(0).contains(" IP6 ")
            || draft.text(0).contains("IPv6");
        Self { ip, is_v6, source: source.into(), destination: destination.into(), ends, body, next }
    }

    /// From a line that a terminal wrapped before its colon. The words of TCP and ICMP show that the two lines belong together, or
    /// a second address with its port that only both of them have.
    fn wrapped(draft: &Draft, ip: Option<ip::Printed>, text: &str, next: usize) -> Option<Self> {
        if next >= draft.len() {
            return None;
        }
        let has_ports = |(source, destination): &(End, End)| {
            let ports = [&source.port, &destination.port];
            ports.iter().all(|port| **port != Port::None) && ports.iter().any(|port| port.number().is_some())
        };
        let is_bare = |word: &str| word.parse::<IpAddr>().is_ok();
        draft.joined(text, next).iter().find_map(|joined| {
            let (words, ends) = ip::read_ends(joined)?;
            let (source, destination, body) = words;
            let is_tcp = has_ports(&ends) && (tcp::begins_flags(body) || tcp::Printed::parse(body).is_some());
            let message = body
                .strip_prefix('[')
                .and_then(|after| after.split_once("] "))
                .map_or(body, |(_, message)| message);
            let is_named = message.starts_with("ICMP") || begins_tunnel(message);
            let is_of_hosts = is_bare(source) && is_bare(destination) && is_named;
            let is_split = || {
                let is_end = |end: &End| end.host.address().is_some() && end.port.number().is_some();
                let is_cut = text.rsplit(' ').next().is_some_and(|cut| cut.len() < destination.len());
                is_cut && is_end(&ends.0) && is_end(&ends.1) && !body.is_empty()
            };
            (is_tcp || is_of_hosts || is_split()).then(|| Self::of(draft, ip, (words, ends), next + 1))
        })
    }
}

/// The IP header in parentheses, joined with the lines below where a terminal wrapped it, and what follows it. `next` is the
/// index of the line below, and goes up with each line that is used.
fn close_parenthesis(draft: &Draft, text: &str, next: &mut usize) -> Option<(ip::Printed, String)> {
    let (printed, rest) = ip::Printed::parse(text)?;
    if let Some(rest) = rest {
        return Some((printed, rest.to_owned()));
    }
    let mut joined = text.to_owned();
    for index in *next..(*next + MOST_WRAPS).min(draft.len()) {
        if ip::ends(draft.text(index)).is_some() {
            break;
        }
        let [likely, unlikely] = draft.joined(&joined, index);
        for candidate in [&likely, &unlikely] {
            if let Some((whole, Some(rest))) = ip::Printed::parse(candidate)
                && whole.protocol.is_some()
                && whole.length.is_some()
            {
                *next = index + 1;
                return Some((whole, rest.to_owned()));
            }
        }
        joined = likely;
    }
    Some((printed, String::new()))
}
