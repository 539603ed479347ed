//! What tcpdump prints: each packet in one line or several, and a banner around the packets.
//!
//! A packet's lines are gathered (`draft`) until the next packet begins, and then read together (`read`): the link header
//! (`link`), the IP headers and the ends (`headers`, `ip`), TCP (`segment`, `tcp`, `options`) or ICMP (`message`, `icmp`),
//! and the bytes below (`payload`).

mod application;
mod decorated;
mod draft;
mod headers;
pub mod icmp;
mod ip;
mod link;
mod message;
mod old;
mod options;
mod payload;
mod printed;
mod quotes;
mod read;
mod rules;
mod segment;
mod suffix;
pub mod tcp;

pub use self::link::is_address_line;
pub use self::message::CUT;

use self::draft::{Context, Draft, MOST_WRAPS};
use self::link::{Link, Network, begins_untimed, ends_within_ends, has_bare_ends, strip_ip_word};
use self::quotes::Quotes;
use self::rules::Rules;
use super::clock::{Stamp, Start};
use super::family::{Common, Family};
use super::front::{CleanLine, repaired};
use super::packet::{PrintedContent, PrintedPacket};
use super::parts::Sign;
use super::scan::{begins_with_mac, split_rare};
use super::{OnceNote, hexdump};
use crate::packet::{Other, SELECTED};

/// Gathers lines into packets.
#[derive(Debug, Default)]
pub struct Gatherer {
    /// The packet whose lines are being gathered.
    draft: Option<Draft>,
    has_times: bool,
    /// The longest line so far, in bytes.
    longest: usize,
    unreadable: OnceNote,
    portless: OnceNote,
    /// Lines below a packet that exceed the largest packet's text.
    unkept: u64,
    /// The packet that Windows' pktmon printed last, by its numbers.
    component: Option<String>,
    /// Packets that it printed again, at another component.
    copies: u64,
    /// Times that go back at a packet which answers the one before.
    mistyped: OnceNote,
    /// What a packet filter did, where the text is its log.
    rules: Rules,
    quotes: Quotes,
}

impl Family for Gatherer {
    fn format(&self) -> &'static str {
        "tcpdump text"
    }

    fn begins(text: &str) -> bool {
        begins_packet(text) || is_address_line(text) || text.contains("tcpdump: listening on ")
    }

    fn offer(&mut self, line: &CleanLine, text: &str, common: &mut Common) -> bool {
        // A line is compared with those before it and its own packet's.
        self.longest = self.longest.max(line.raw.len());
        if let Some(Start { stamp, digits, rest, .. }) = timed_start(text) {
            self.has_times = true;
            self.finish(common);
            self.draft = Some(Draft::begin(stamp, digits, rest, line.clone()));
            return true;
        }
        if self.draft.as_ref().is_some_and(|draft| draft.is_time_alone_before(line)) && begins_untimed(text) {
            self.rest(line, text, common);
            return true;
        }
        if self.begins_untimed(text, line) {
            self.finish(common);
            self.draft = Some(Draft::begin(Stamp::None, 6, without_number(text), line.clone()));
            return true;
        }
        // What certainly is a packet's own need not be offered to others.
        let awaits_ends = self.draft.as_ref().is_some_and(Draft::awaits_ends);
        let is_own = self.draft.is_some() && (hexdump::is_hex_line(text) || is_address_line(text));
        if is_own || (awaits_ends && ip::ends(text).is_some()) {
            self.rest(line, text, common);
            return true;
        }
        false
    }

    fn rest(&mut self, line: &CleanLine, _text: &str, _common: &mut Common) {
        if let Some(draft) = &mut self.draft {
            self.unkept += u64::from(!draft.push(line));
        }
    }

    /// Reads the packet that is being gathered; no further line of it comes.
    fn finish(&mut self, common: &mut Common) {
        let Some(draft) = self.draft.take() else { return };
        let mut draft = draft.in_usual_case();
        if self.is_copy(&draft) || self.quotes.is_quoted(&draft, &common.parts) {
            return;
        }
        // Spans since the packet before go up and down.
        let stamp = if common.banner.is_delta { Stamp::None } else { draft.stamp };
        let sign = common.parts.sign(draft.line, stamp);
        let read = |draft: &Draft, common: &mut Common| {
            let mut context = Context {
                hosts: &mut common.hosts,
                numbering: &mut common.numbering,
                longest: self.longest,
                link_type: common.banner.link_type.as_deref(),
            };
            read::read(draft, &mut context)
        };
        let answer = match sign {
            Sign::Back => read(&draft, common).filter(|packet| common.parts.answers(packet)),
            Sign::Elided => read(&draft, common).filter(|packet| common.parts.continues(packet)),
            Sign::None | Sign::Certain => None,
        };
        let is_mistyped = sign == Sign::Back && answer.is_some();
        let begins_capture = sign != Sign::None && answer.is_none();
        if begins_capture {
            common.parts.begin(draft.line);
            common.numbering.begin_again();
        }
        let mut packet = answer.or_else(|| read(&draft, common));
        if !packet.as_ref().is_some_and(is_followed)
            && let Some(repaired) = draft.repaired()
            && let Some(followed) = read(&repaired, common).filter(is_followed)
        {
            (packet, draft) = (Some(followed), repaired);
        }
        if let Some(packet) = &mut packet {
            if common.banner.is_selective && is_syn(packet) {
                SELECTED.clone_into(&mut packet.decoded);
            }
            let text = draft.text(0);
            let rule = split_rare(text, "rule ").and_then(|_| Link::split(text).rule);
            packet.filtered = self.rules.take(rule, drop_reason(&draft).as_deref());
        }
        // A paste may begin between a packet's two lines: its time is lost, and the others have theirs. A whole row may have lost
        // it too.
        packet =
            packet.filter(|packet| packet.stamp != Stamp::None || !self.has_times || is_row(draft.text(0)));
        if let Some(packet) = &mut packet {
            if is_mistyped {
                // It has that of the packet before.
                packet.stamp = Stamp::None;
                self.mistyped.add(draft.line, &draft.excerpt());
            }
            packet.begins_capture = common.parts.add(draft.line, packet) || begins_capture;
        }
        self.count(&draft, packet.as_ref());
        let is_cut = |packet: &PrintedPacket| matches!(&packet.content, PrintedContent::Other(Other::Printed(kind)) if kind == message::CUT);
        if packet.as_ref().is_none_or(is_cut) && may_concern_tcp(&draft) {
            let receiver = read::receiver(&draft).and_then(|receiver| common.hosts.host(&receiver));
            common.add_unread(receiver);
        }
        common.packets.extend(packet);
    }

    fn is_unfinished(&self) -> bool {
        self.draft.as_ref().is_some_and(|draft| {
            // A page may have broken the line within the link header.
            let last = draft.text(draft.len().saturating_sub(1));
            if last.contains(" ethertype ") && matches!(Link::split(last).network, Network::Other(_)) {
                return true;
            }
            let Network::Ip(head) = Link::split(draft.text(0)).network else { return false };
            // The addresses below a header that `-v` prints, or what an error quotes.
            let is_verbose = head.starts_with('(');
            is_verbose && (draft.awaits_ends() || draft.awaits_quote())
        })
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let OnceNote { count, line, excerpt } = &self.unreadable;
        if *count > 0 {
            notes.push(if *count == 1 {
                format!("1 packet line could not be read and was left out, line {line}: \"{excerpt}\"")
            } else {
                format!(
                    "{count} packet lines could not be read and were left out, first at line {line}: \"{excerpt}\""
                )
            });
        }
        let OnceNote { count, line, .. } = &self.portless;
        if *count > 0 {
            let packets =
                if *count == 1 { "1 TCP packet".to_owned() } else { format!("{count} TCP packets") };
            notes.push(format!(
                "{packets}, first at line {line}: the text shows no ports in them, so that they belong to no connection"
            ));
        }
        if self.copies > 0 {
            let packets =
                if self.copies == 1 { "1 packet".to_owned() } else { format!("{} packets", self.copies) };
            notes.push(format!("{packets} printed again at another component and counted once"));
        }
        let OnceNote { count, line, .. } = &self.mistyped;
        if *count > 0 {
            let times = if *count == 1 { "1 time goes".to_owned() } else { format!("{count} times go") };
            notes.push(format!(
                "{times} back although the packet answers the one before, first at line {line}: it was replaced by that of the packet \
                 before"
            ));
        }
        notes.extend(self.quotes.note());
        notes.extend(self.rules.note());
        notes.extend(self.rules.reasons_note());
        if self.unkept > 0 {
            notes.push(format!("{} lines were ignored: no packet has so many lines", self.unkept));
        }
        notes
    }
}

/// Whether lines that could not be read, or not to their end, may be those of a TCP packet or of an error about one.
fn may_concern_tcp(draft: &Draft) -> bool {
    const OTHERS: [&str; 5] = ["ICMP echo", "ICMP6, echo", "ICMP6, router", "ICMP6, neighbor", "proto UDP"];
    let lines = || (0..draft.len()).map(|index| draft.text(index));
    let begins_address = |text: &str| {
        let network = text.split_once("IP ").or_else(|| text.split_once("IP6 "));
        network.is_some_and(|(_, rest)| {
            rest.starts_with(|first: char| first.is_ascii_hexdigit()) && rest.contains(['.', ':'])
        })
    };
    let is_packet = lines().any(|text| {
        text.contains(" > ") || text.contains("(tos ") || text.contains("proto ") || begins_address(text)
    });
    is_packet && !lines().any(|text| OTHERS.iter().any(|other| text.contains(other)))
}

impl Gatherer {
    /// Whether pktmon printed the packet before, at another component; it is counted then.
    fn is_copy(&mut self, draft: &Draft) -> bool {
        let Some(numbers) = read::pktmon(draft.text(0)) else { return false };
        let is_copy = self.component.as_deref() == Some(numbers);
        if is_copy {
            self.copies += 1;
            // Which component dropped it is worth a note, though the packet was counted.
            self.rules.take(None, drop_reason(draft).as_deref());
        } else {
            self.component = Some(numbers.to_owned());
        }
        is_copy
    }

    /// Counts what could not be read, or belongs to no connection.
    fn count(&mut self, draft: &Draft, packet: Option<&PrintedPacket>) {
        match packet {
            None => self.unreadable.add(draft.line, &draft.excerpt()),
            Some(packet) if matches!(packet.content, PrintedContent::Other(Other::PortlessTcp { .. })) => {
                self.portless.add(draft.line, &draft.excerpt());
            }
            Some(_) => {}
        }
    }

    /// Whether `text` begins a packet of a transcript without times.
    fn begins_untimed(&self, text: &str, line: &CleanLine) -> bool {
        if self.has_times {
            // A look at the line is enough for nearly all of them.
            return is_row(text)
                && !line.raw.first().is_some_and(u8::is_ascii_whitespace)
                && self.draft.as_ref().is_some_and(|draft| is_row(draft.text(0)));
        }
        let head = without_number(text);
        let Some(draft) = &self.draft else { return begins_untimed(head) || is_address_line(text) };
        if draft.awaits_ends() && is_address_line(head) {
            return false;
        }
        // What is quoted or carried inside is indented; where the indent is lost, an error's quote comes first.
        let is_header = strip_ip_word(head).unwrap_or(head).starts_with('(');
        begins_untimed(head) && line.raw.first() != Some(&b'\t') && !(is_header && draft.awaits_quote())
    }
}

/// Whether `text` is a segment's whole line as tcpdump prints it after the time, which an author took off.
fn is_row(text: &str) -> bool {
    strip_ip_word(text).is_some_and(|rest| rest.contains(": Flags [") && is_address_line(rest))
}

/// Whether a packet asks for a connection.
fn is_syn(packet: &PrintedPacket) -> bool {
    let PrintedContent::Segment(header) = &packet.content else { return false };
    header.tcp.flags.is_some_and(|flags| flags.syn() && !flags.ack())
}

/// Whether a packet is of TCP or an error about it.
fn is_followed(packet: &PrintedPacket) -> bool {
    matches!(packet.content, PrintedContent::Segment(_) | PrintedContent::IcmpError(_))
}

/// Why Cisco ASA, or a component that Windows' pktmon names, dropped the packet: `(acl-drop) Flow is denied by configured rule`,
/// also where a page wrapped the line within it.
fn drop_reason(draft: &Draft) -> Option<String> {
    if draft.text(0).starts_with("Drop: PktGroupId ") {
        // pktmon, `DropReason INET_ACL , DropLocation 0xE0004522`
        let reason = (0..draft.len().min(MOST_WRAPS)).find_map(|index| {
            let (_, reason) = split_rare(draft.text(index), "DropReason ")?;
            reason.split([',', ' ']).next().map(str::to_owned)
        });
        return Some(reason.unwrap_or_else(|| "no reason shown".to_owned()));
    }
    // A trace of the packet ends with it: phase by phase below the packet, and then the result.
    let is_traced = (1..MOST_WRAPS).any(|index| draft.text(index).starts_with("Phase: "));
    let most = if is_traced { draft.len() } else { draft.len().min(MOST_WRAPS + 1) };
    (0..most).find_map(|index| {
        let (_, reason) = split_rare(draft.text(index), old::DROP_REASON)?;
        // The name in parentheses alone, or nothing.
        let is_wrapped = !reason.trim().contains(' ');
        let below = if is_wrapped { draft.text(index + 1) } else { "" };
        Some(format!("{} {below}", reason.trim()).trim().to_owned())
    })
}

/// Whether `text` is certainly the first line of a packet.
pub fn begins_packet(text: &str) -> bool {
    numbered_start(text).is_some_and(|start| begins_after_time(start.rest))
        || begins_untimed(without_number(text))
}

/// Whether `rest`, what follows a time, certainly is a packet's first line.
pub fn begins_after_time(rest: &str) -> bool {
    // `IP`, `IP6`, `ARP`, `lo In IP` and the like follow; a log's line has lower-case or bracketed words.
    begins_untimed(rest)
        || begins_with_mac(rest)
        || rest.contains(" ethertype IPv")
        || read::pktmon(rest).is_some()
        || strip_ip_word(rest).is_some_and(|rest| rest.starts_with('('))
        || has_bare_ends(rest)
        || ends_within_ends(rest)
        || repaired(rest).is_some_and(|rest| begins_untimed(&rest))
}

/// The time that begins a packet's line; the number of `-#` may precede it. What tcpdump does not write so must be followed by
/// a packet.
fn timed_start(text: &str) -> Option<Start<'_>> {
    let start = numbered_start(text)?;
    // Other tools have an arrow between the hosts, and seconds since the capture's beginning.
    let mut words = start.rest.split(' ').filter(|word| !word.is_empty()).take(4);
    let has_arrow = words.any(|word| matches!(word, "->" | "\u{2192}"));
    let is_elapsed = matches!(start.stamp, Stamp::Epoch(nanos) if nanos < FIRST_EPOCH);
    let is_certain = start.is_certain && !has_arrow && !is_elapsed;
    (is_certain || begins_untimed(start.rest) || has_bare_ends(start.rest)).then_some(start)
}

/// The time that `text` begins with, perhaps after a number.
fn numbered_start(text: &str) -> Option<Start<'_>> {
    Start::split(text).or_else(|| {
        let after = Some(without_number(text)).filter(|after| after.len() < text.len());
        after.and_then(Start::split)
    })
}

/// Seconds since 1970 have ten digits since September 2001; in nanoseconds.
const FIRST_EPOCH: i64 = 1_000_000_000 * 1_000_000_000;

/// `text` without the number that `-#`, an editor or `grep -n` puts before it.
fn without_number(text: &str) -> &str {
    let rest = text.trim_start_matches(|letter: char| letter.is_ascii_digit());
    if begins_with_mac(text) {
        return text;
    }
    match rest.chars().next() {
        Some(' ' | ':' | '|' | '\u{2502}') if rest.len() < text.len() => {
            rest.trim_start_matches([' ', ':', '|', '\u{2502}'])
        }
        _ => text,
    }
}
