//! What tcpdump prints before the network header: the interface and direction of `-i any`, the link header of `-e`, tags and
//! tunnels of the link layer, a process (macOS), a packet filter's rule (pflog).

use super::{icmp, ip, tcp};
use crate::capture::transcript::ends::End;
use crate::capture::transcript::scan::begins_with_mac;
use crate::packet::Direction;

/// Places in one line at which the packet inside may begin; tcpdump prints fewer words before it.
pub const MOST_WORDS: usize = 16;

/// Headers in front of one another in a line.
const MOST_HEADERS: usize = 8;

/// A packet's first line without its link header.
pub struct Link<'a> {
    pub direction: Option<Direction>,
    /// Bytes of the frame on the wire.
    pub wire_len: Option<u32>,
    /// The rule of a packet filter whose log this is.
    pub rule: Option<Rule<'a>>,
    pub network: Network<'a>,
}

/// What a packet filter did with a packet: `rule 0/0(match): block in on em0: `.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule<'a> {
    pub number: &'a str,
    /// `block`, `pass`, and rarer ones.
    pub action: &'a str,
    pub interface: &'a str,
}

/// What a packet's first line is about, link header removed.
pub enum Network<'a> {
    /// Text that begins with `(` or an end; empty if the line ends here.
    Ip(&'a str),
    /// What ARP says.
    Arp(&'a str),
    /// Anything else.
    Other(&'a str),
}

impl<'a> Link<'a> {
    /// Takes off what precedes the network header.
    pub fn split(text: &'a str) -> Self {
        let mut link = Self { direction: None, wire_len: None, rule: None, network: Network::Other(text) };
        if begins_with_numeric_ends(text) {
            link.network = Network::Ip(text);
            return link;
        }
        let mut rest = text;
        for _ in 0..MOST_HEADERS {
            if let Some(network) = named_network(rest) {
                link.network = network;
                return link;
            }
            if let Some((direction, after)) = split_direction(rest).or_else(|| split_process(rest)) {
                link.direction = direction.or(link.direction);
                rest = after;
            } else if let Some((rule, direction, after)) = split_rule(rest) {
                (link.rule, link.direction) = (Some(rule), direction);
                rest = after;
                if rest.is_empty() {
                    link.network = Network::Ip("");
                    return link;
                }
            } else if let Some(after) = split_tag(rest) {
                rest = after;
            } else {
                break;
            }
        }
        (link.wire_len, link.network) = ethernet(rest);
        // A packet filter logs IP alone; a terminal may have broken the line within its ends.
        if link.rule.is_some() && matches!(link.network, Network::Other(_)) {
            link.network = Network::Ip(rest);
        }
        link
    }
}

/// Whether `text` begins with `10.0.0.1.40000 > 10.0.0.2.443: `, as each line of Cisco ASA and of tcpdump before 3.9 does: what a
/// link header could be is not looked for then.
fn begins_with_numeric_ends(text: &str) -> bool {
    let after = after_numeric_end(text).and_then(|rest| after_numeric_end(rest.strip_prefix(" > ")?));
    after.is_some_and(|rest| rest.starts_with(": "))
        && begins_with_address(text.split(' ').next().unwrap_or(text))
}

/// What follows an IPv4 address and a port in numbers.
fn after_numeric_end(text: &str) -> Option<&str> {
    let len = text.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
    let (word, rest) = text.split_at_checked(len)?;
    (word.bytes().filter(|byte| *byte == b'.').count() == 4).then_some(rest)
}

/// A network header that begins with its name.
fn named_network(text: &str) -> Option<Network<'_>> {
    if let Some(text) = strip_ip_word(text) {
        return Some(Network::Ip(text));
    }
    (text.starts_with("ARP, ") || text.starts_with("arp ")).then_some(Network::Arp(text))
}

/// The link header that `-e` prints, if there is one, and what follows it.
fn ethernet(text: &str) -> (Option<u32>, Network<'_>) {
    if let Some((wire_len, rest)) = split_old_header(text) {
        let rest = split_tag(rest).unwrap_or(rest);
        let network = named_network(rest).or_else(|| match network_after(rest) {
            Network::Other(_) => None,
            network => Some(network),
        });
        return (wire_len, network.unwrap_or(Network::Ip(rest)));
    }
    let Some((link, mut rest)) = text.split_once(", length ").filter(|(link, _)| is_link_header(link)) else {
        return (None, network_after(text));
    };
    let Some((number, after)) = rest.split_once(": ").or_else(|| Some((rest.strip_suffix(':')?, ""))) else {
        return (None, Network::Other(text));
    };
    let wire_len = number.parse().ok();
    rest = after;
    let mut ether = link;
    while rest.starts_with("vlan ") {
        let Some((kind, after)) = split_vlan(rest) else { return (wire_len, Network::Other(text)) };
        (ether, rest) = (kind, after);
    }
    let network = if ether.contains("ARP") {
        Network::Arp(rest)
    } else if ether.contains("IPv4") || ether.contains("IPv6") {
        Network::Ip(strip_ip_word(rest).unwrap_or(skip_truncation(rest)))
    } else {
        match network_after(rest) {
            Network::Other(_) => {
                Network::Other(ether.split_once("ethertype ").map_or(ether, |(_, kind)| kind))
            }
            network => network,
        }
    };
    (wire_len, network)
}

/// `vlan 100, p 0, ethertype IPv4 (0x0800), 10.0.0.1...`, with `-q` `vlan 100, p 0, IPv4, 10.0.0.1...`: what the tag is before,
/// and the rest.
fn split_vlan(text: &str) -> Option<(&str, &str)> {
    let tagged =
        text.split_once("ethertype ").map(|(_, after)| after).or_else(|| text.splitn(3, ", ").nth(2))?;
    tagged.split_once(", ")
}

/// A tag that is printed without a link header: `vlan 100, p 0, ethertype IPv4 (0x0800), `; `802.1Q vlan#70 P0 ` of old ones;
/// `ethertype IPv4, `, which a header of another kind repeats.
fn split_tag(text: &str) -> Option<&str> {
    if text.starts_with("vlan ") {
        return split_vlan(text).map(|(_, after)| after);
    }
    if let Some(after) = text.strip_prefix("802.1Q vlan#") {
        // The number, and the priority.
        return after.splitn(3, ' ').nth(2).map(str::trim_start);
    }
    let after = text.strip_prefix("ethertype IPv4").or_else(|| text.strip_prefix("ethertype IPv6"))?;
    let after = after.strip_prefix(" (0x0800)").or_else(|| after.strip_prefix(" (0x86dd)")).unwrap_or(after);
    after.strip_prefix(", ").filter(|after| !after.starts_with("length "))
}

/// The link header as tcpdump before 3.8 and OpenBSD's print it: `0:1:2:3:4:5 6:7:8:9:a:b ip 74: `, `... 0800 74: `; of Cisco ASA and FTD
/// `0001.0203.0405 0607.0809.0a0b 0x0800 Length: 66`, with the packet on the next line.
fn split_old_header(text: &str) -> Option<(Option<u32>, &str)> {
    let is_address = |word: &str| {
        let is_hex = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_octet = |octet: &str| (1..=2).contains(&octet.len()) && is_hex(octet);
        let is_pair = |pair: &str| pair.len() == 4 && is_hex(pair);
        word.split(':').count() == 6 && word.split(':').all(is_octet)
            || word.split('.').count() == 3 && word.split('.').all(is_pair)
    };
    let mut words = text.splitn(4, ' ');
    let (source, destination) = (words.next()?, words.next()?);
    if !is_address(source) || !is_address(destination) {
        return None;
    }
    let (kind, rest) = (words.next()?, words.next()?);
    let (length, rest) = match rest.strip_prefix("Length: ") {
        Some(rest) => rest.split_once(':').unwrap_or((rest, "")),
        None => rest.split_once(':')?,
    };
    let is_ip = matches!(kind, "ip" | "ip6" | "0800" | "0x0800" | "86dd" | "0x86dd" | "8100" | "0x8100");
    is_ip.then_some((length.trim().parse().ok(), rest.trim_start()))
}

/// Whether `text` is what `-e` prints up to the frame's length: `02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype IPv4
/// (0x0800)`, with `-q` `..., IPv4`.
fn is_link_header(text: &str) -> bool {
    let is_named = || {
        let kind = text.rsplit_once(", ").map(|(_, kind)| kind);
        matches!(kind, Some("IPv4" | "IPv6" | "ARP" | "802.1Q" | "802.1Q-QinQ"))
    };
    text.contains("ethertype") || text.starts_with("AF ") || (begins_with_mac(text) && is_named())
}

/// The IP packet after headers that tcpdump prints before it: MPLS, PPPoE, a VLAN tag, a cooked header with `-q`.
fn network_after(text: &str) -> Network<'_> {
    let text = skip_truncation(text);
    for (at, _) in text.match_indices(" IP").take(MOST_WORDS) {
        let Some(inner) = text.get(at + 1..).and_then(strip_ip_word) else { continue };
        if inner.starts_with('(') || ip::ends(inner).is_some() {
            return Network::Ip(inner);
        }
    }
    let has_ends = |text: &str| {
        ip::read_ends(text).is_some_and(|((source, _, body), (one, other))| {
            let have_ports = one.port.number().is_some() && other.port.number().is_some();
            begins_with_address(source) || is_transport(body) || have_ports
        })
    };
    if text.starts_with('(')
        || has_ends(text)
        || has_bare_ends(text)
        || is_first_end(text)
        || is_cut_pair(text)
    {
        return Network::Ip(text);
    }
    // The words of a label's or a cooked header's parenthesis precede it.
    let inner = text.strip_prefix("MPLS ").or_else(|| text.strip_prefix("ifindex "));
    let inner = inner.and_then(|rest| {
        let after = rest.match_indices(") ").take(MOST_WORDS).filter_map(|(at, _)| rest.get(at + 2..));
        after.map(str::trim_start).find(|network| network.starts_with("(tos ") || has_ends(network))
    });
    inner.map_or(Network::Other(text), Network::Ip)
}

/// What follows `IP ` or `IP6 `, or `IP (0x0021), length 50: ` of PPP with `-e`.
pub fn strip_ip_word(text: &str) -> Option<&str> {
    // The first letter rules out most texts.
    if !text.starts_with(['I', 'i']) {
        return None;
    }
    let after = ["IP6", "IP", "ip6:", "ip:"].iter().find_map(|word| text.strip_prefix(word))?;
    // An author's placeholder may have taken the space.
    if !(after.is_empty() || after.starts_with([' ', '<', '['])) {
        return None;
    }
    let after = skip_truncation(after.trim_start());
    if after.starts_with("(0x") {
        return after.split_once(": ").map(|(_, network)| network.trim_start());
    }
    Some(after)
}

/// `truncated-ip - 4096 bytes missing! 10.0.0.1...`: the header promises more than the frame holds.
fn skip_truncation(text: &str) -> &str {
    let remark = text.strip_prefix("truncated-ip");
    remark.and_then(|remark| remark.split_once('!')).map_or(text, |(_, after)| after.trim_start())
}

/// `eth0  In  IP ...` of `-i any`; older ones print no interface, or `eth0 > ` and `eth0 < ` (3.4 to 3.6), or these without it. `B` and `M` are
/// received, `P` is others' traffic. A process may come between the interface and the direction.
fn split_direction(text: &str) -> Option<(Option<Direction>, &str)> {
    let mut rest = text;
    for _ in 0..3 {
        let (word, after) = rest.split_once(' ')?;
        let after = after.trim_start();
        match word {
            "In" | "B" | "M" => return Some((Some(Direction::Inbound), after)),
            "Out" => return Some((Some(Direction::Outbound), after)),
            "P" => return Some((None, after)),
            // Without an interface the time precedes them.
            ">" | "<" if ip::ends(after).is_some() => {
                let direction = if word == ">" { Direction::Outbound } else { Direction::Inbound };
                return Some((Some(direction), after));
            }
            "IP" | "IP6" | "ARP," => return None,
            _ => rest = after,
        }
    }
    None
}

/// `(en0, proc Google Chrome:244, svc BE, out) ` of macOS.
fn split_process(text: &str) -> Option<(Option<Direction>, &str)> {
    let (fields, after) = text.strip_prefix('(')?.split_once(')')?;
    let mut fields = fields.split(", ").skip(1).peekable();
    let is_process = |field: &&str| {
        field.starts_with("proc ") || field.starts_with("svc ") || *field == "in" || *field == "out"
    };
    fields.peek().filter(|field| is_process(field))?;
    let direction = fields.find_map(|field| match field {
        "in" => Some(Direction::Inbound),
        "out" => Some(Direction::Outbound),
        _ => None,
    });
    Some((direction, after.trim_start()))
}

/// `rule 0/0(match): block in on em0: `, of older ones `rule 0/(match) block in on em0: ` (tcpdump, print-pflog.c).
fn split_rule(text: &str) -> Option<(Rule<'_>, Option<Direction>, &str)> {
    let (number, after) = text.strip_prefix("rule ")?.split_once('(')?;
    let (_, after) = after.split_once(')')?;
    let mut after = after.strip_prefix(':').unwrap_or(after).trim_start();
    // `[uid 0, pid 1]`
    if after.starts_with('[') {
        after = after.split_once("] ")?.1;
    }
    let (action, after) = after.split_once(' ')?;
    let (direction, after) = after.split_once(" on ")?;
    let (interface, after) = after.split_once(": ").or_else(|| Some((after.strip_suffix(':')?, "")))?;
    let direction = match direction {
        "in" => Some(Direction::Inbound),
        "out" => Some(Direction::Outbound),
        _ => None,
    };
    // macOS prints the process after the interface.
    let after = match after.trim_start().strip_prefix("[uid ") {
        Some(process) => process.split_once("] ").map_or("", |(_, after)| after),
        None => after,
    };
    let number = number.trim_end_matches(|letter: char| letter == '/' || letter.is_whitespace());
    let is_word = |word: &str| !word.contains(' ') && !word.is_empty();
    (is_word(number) && is_word(action) && is_word(interface)).then_some((
        Rule { number, action, interface },
        direction,
        after.trim_start(),
    ))
}

/// Whether `text` can begin a packet where no times are printed (`-t`).
pub fn begins_untimed(text: &str) -> bool {
    let link = Link::split(text);
    match link.network {
        Network::Ip("") => link.rule.is_some() || link.wire_len.is_some(),
        Network::Ip(rest)
            if strip_ip_word(text).is_some()
                || link.rule.is_some()
                || text.contains("ethertype")
                || text.contains(" IP")
                || begins_with_mac(text) =>
        {
            is_ip_header(rest)
                || ip::ends(rest).is_some()
                || link.rule.is_some() && (is_first_end(rest) || is_cut_pair(rest))
        }
        Network::Ip(rest) => is_address_line(rest),
        Network::Arp(rest) => icmp::arp(rest).is_some(),
        Network::Other(_) => begins_with_mac(text) && text.contains(", ethertype "),
    }
}

/// Whether `text` is the parenthesis of an IP header, of which an author may have left out the first fields.
pub fn is_ip_header(text: &str) -> bool {
    ["(tos ", "(flowlabel ", "(class ", "(hlim ", "(ttl ", "(flags [", "(proto "]
        .iter()
        .any(|start| text.starts_with(start))
}

/// Whether `text` begins with a parenthesis that is no end: `(client).50000` is one.
pub fn begins_header(text: &str) -> bool {
    text.starts_with('(') && !text.split(' ').next().is_some_and(|word| word.contains(')'))
}

/// Whether `text` begins with two ends and the words of TCP or ICMP.
pub fn is_address_line(text: &str) -> bool {
    ip::ends(text).is_some_and(|(source, destination, body)| {
        let has_port = || {
            End::pair(source, destination).is_some_and(|(source, destination)| {
                source.port.number().or(destination.port.number()).is_some()
            })
        };
        let is_own =
            tcp::begins_flags(body) || (is_transport(body) && (has_port() || body.starts_with("icmp")));
        // What a tunnel without a name carries follows its ends (6in4).
        is_own || begins_with_address(source) && ip::ends(body).is_some_and(|(.., inner)| is_transport(inner))
    })
}

/// Whether `text` is two ends alone, as where a mail broke the line after them.
pub fn has_bare_ends(text: &str) -> bool {
    let text = strip_ip_word(text).unwrap_or(text);
    let is_number = |end: &End| end.port.number().is_some() || end.host.address().is_some();
    ip::ends(text).is_some_and(|(source, destination, body)| {
        let ends = End::pair(source, destination);
        body.is_empty()
            && ends.is_some_and(|(source, destination)| is_number(&source) || is_number(&destination))
    })
}

/// Whether `text` is the first end and no more, as where a mail broke the line before the second.
pub fn is_first_end(text: &str) -> bool {
    let end = text.strip_suffix('>').map(str::trim_end).filter(|end| !end.contains(' '));
    end.and_then(|end| End::pair(end, end)).is_some_and(|(end, _)| end.port.number().is_some())
}

/// Whether `text` is the first end and the beginning of the second, as where a terminal broke the line there.
fn is_cut_pair(text: &str) -> bool {
    text.split_once(" > ").is_some_and(|(source, cut)| {
        let is_begun = !cut.is_empty() && !cut.contains([' ', ',', '>']) && !source.contains(' ');
        // The space after a colon shows that an address is whole.
        let destination = cut.trim_end_matches(['.', '-', ':']);
        let source = Some(source).filter(|_| is_begun).and_then(|source| End::pair(source, source));
        source.is_some_and(|(source, _)| source.port.number().is_some())
            && destination.contains(char::is_alphanumeric)
            && destination.chars().all(|letter| letter.is_alphanumeric() || ".-:_%<[]{}$*".contains(letter))
    })
}

/// Whether `rest`, what follows a time, is a packet's link header and its first end, perhaps with the beginning of the second.
pub fn ends_within_ends(rest: &str) -> bool {
    matches!(Link::split(rest).network, Network::Ip(text) if is_first_end(text) || is_cut_pair(text))
        || strip_ip_word(rest).is_some_and(is_begun_address)
}

/// Whether `text` is an address or the beginning of one and no more, as where a narrow terminal broke the line there.
fn is_begun_address(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':');
    text.starts_with(|letter: char| letter.is_ascii_digit()) && text.bytes().all(is_part)
}

/// Whether `body` is what follows the ends of a TCP segment or, in the old syntax, an ICMP message.
fn is_transport(body: &str) -> bool {
    tcp::begins_flags(body)
        || body.starts_with("[|tcp]")
        || body.starts_with("icmp")
        || tcp::Quiet::parse(body).is_some()
        || tcp::Printed::parse(body).is_some()
}

/// Whether an end's word begins with an address.
fn begins_with_address(word: &str) -> bool {
    End::pair(word, word).is_some_and(|(end, _)| end.host.address().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prefix_leads_to_the_network_header() {
        let ends = "10.0.0.1.40000 > 10.0.0.2.443: S 1:1(0) win 5";
        let (inbound, outbound) = (Some(Direction::Inbound), Some(Direction::Outbound));
        for (prefix, direction) in [
            ("", None),
            ("IP ", None),
            ("eth0  In  IP ", inbound),
            ("In IP ", inbound),
            ("Out IP truncated-ip - 11 bytes missing! ", outbound),
            ("?     In  IP ", inbound),
            ("vxlan.calico Out IP ", outbound),
            ("veth0 wget.3553008 In IP ", inbound),
            ("eth0 > ", outbound),
            ("eth1 < ", inbound),
            ("(en0, proc Google Chrome:244, svc BE, out) IP ", outbound),
            ("(en0, in) IP ", inbound),
            ("rule 0/0(match): block in on em0: ", inbound),
            ("rule 0/(match) block in on vio0: ", inbound),
            ("rule 2.tunnel.1/0(match): [uid 0, pid 7] pass out on xl0: ", outbound),
            ("802.1Q vlan#70 P0 ", None),
            ("vlan 100, p 0, ethertype IPv4 (0x0800), ", None),
            ("ethertype IPv4, IP ", None),
            ("PPPoE  [ses 0x815f] IP ", None),
            ("MPLS (label 24, exp 0, [S], ttl 63) ", None),
            ("0:1:2:3:4:5 6:7:8:9:a:b ip 74: ", None),
            ("00:01:02:03:04:05 06:07:08:09:0a:0b 0800 74: ", None),
            ("02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype IPv4 (0x0800), length 74: ", None),
            (
                "02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype MPLS unicast (0x8847), length 74: MPLS (label 24, exp 0, [S], \
              ttl 63) ",
                None,
            ),
            (
                "02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype 802.1Q-9100 (0x9100), length 58: vlan 100, p 0, ethertype IPv4, \
              ",
                None,
            ),
        ] {
            let line = format!("{prefix}{ends}");
            let link = Link::split(&line);
            assert!(matches!(link.network, Network::Ip(text) if text == ends), "{line}");
            assert_eq!(link.direction, direction, "{line}");
            assert!(begins_untimed(&line), "{line}");
        }
    }

    #[test]
    fn a_rule_is_read_with_its_action() {
        let link = Link::split("rule 187/0(match): block in on vlan0.810:");
        assert_eq!(link.rule, Some(Rule { number: "187/0", action: "block", interface: "vlan0.810" }));
        assert!(matches!(link.network, Network::Ip("")));
        for text in [
            "rule of thumb (see above): never on Fridays: ",
            "rule 3 is applied",
            "rules 0/0(match): block in on em0: x",
        ] {
            assert!(Link::split(text).rule.is_none(), "{text}");
        }
    }

    #[test]
    fn a_tunnel_s_ends_may_precede_those_of_what_it_carries() {
        assert!(is_address_line("192.0.2.1 > 192.0.2.2: 2001:db8::1 > 2001:db8::2: icmp6: echo request"));
        assert!(is_address_line("192.0.2.1 > 192.0.2.2: 10.0.0.1.40000 > 10.0.0.2.443: S 1:1(0) win 5"));
        assert!(!is_address_line("192.0.2.1 > 192.0.2.2: a > b: it is lost"));
    }

    #[test]
    fn a_line_may_be_broken_within_its_second_end() {
        for text in [
            "IP 192.0.2.1.50000 > 198.51.100.5",
            "IP 192.0.2.1.50000 > 198.51.100.5.4",
            "192.0.2.1.50000 > 198.51.100.",
            "eth0  In  IP 192.0.2.1.50000 > worker2.example.",
            "IP ec2-192-0-2-40.example.com.1111 > ip-198-51-100-150",
            "rule 0/0(match): block in on em0: 192.0.2.1.50000 > 198.51.100.5",
            "IP6 2001:db8::1.50000 > 2001:db8:",
        ] {
            assert!(ends_within_ends(text), "{text}");
        }
        for text in
            ["IP 192.0.2.1 > 198.51.100.5 it is", "a > b", "x.1 > 192.0.2.1 said so", "192.0.2.1.5 > "]
        {
            assert!(!ends_within_ends(text), "{text}");
        }
    }

    #[test]
    fn prose_is_no_packet() {
        for text in [
            "IP addresses are > 10: see below",
            "the SYN > the ACK: it is lost",
            "a > b: S",
            "In the beginning > the end: x",
            "x.1 > y.2: see RFC 9293",
        ] {
            assert!(!begins_untimed(text), "{text}");
        }
    }
}
