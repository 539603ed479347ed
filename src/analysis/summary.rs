//! The whole capture in figures.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{Failure, Groups, HopLimits, Judged, LogSummary, Lookups, Search, ServerSummary, Unanswered};
use crate::capture::{About, ReadError};
use crate::limits;
use crate::packet::{Content, Flags, Host, Moment, Names, Neighbour, Other};
use crate::tcp::PerRole;
use crate::time::Timestamp;
use crate::verdict::{Code, Severity, Status};

/// What was read, and its outcome.
#[derive(Debug, Default)]
pub struct Summary {
    /// The capture's files, clock and oddities.
    pub about: About,
    /// Why it could not be read to its end.
    pub error: Option<Failure>,
    /// The first packet's time.
    pub begin: Timestamp,
    /// The latest packet's time.
    pub end: Timestamp,
    /// Times at which the capture's clock stepped back, or leapt over days.
    pub clock_steps: u64,
    /// Packets read.
    pub packets: u64,
    /// Packets that the selection left out.
    pub skipped: u64,
    /// Whether connections without a packet in a span of time were left out.
    pub has_window: bool,
    /// TCP segments analysed.
    pub segments: u64,
    /// Segments with SYN or RST.
    pub opening_segments: u64,
    /// Segments with FIN.
    pub closing_segments: u64,
    /// Connections judged.
    pub connections: u64,
    /// How many captures the text holds, as its connections show; 0 if it is no text.
    pub captures_in_text: u32,
    /// Connections by verdict code.
    pub codes: BTreeMap<Code, u64>,
    /// Connections by severity.
    pub severities: BTreeMap<Severity, u64>,
    /// Connections by severity, code and cause.
    pub kinds: Kinds,
    /// Connections by server and code.
    pub servers: BTreeMap<(Host, u16), ServerSummary>,
    /// Connections to servers that are not listed one by one.
    pub connections_to_others: u64,
    /// Connections that ended in the same way.
    pub groups: Groups,
    /// Connections judged before the capture's end because the table was full.
    pub evicted: u64,
    /// How often bytes that waited for missing ones were read without them because too many waited.
    pub holes_given_up: u64,
    /// Connections whose packets were not kept for a timeline, or not all, because too many were.
    pub timelines_given_up: u64,
    /// Handshake messages whose bytes were not kept because those of all connections were too many.
    pub messages_given_up: u64,
    /// Certificate messages that were not looked at because too many different ones were kept.
    pub chains_given_up: u64,
    /// Connections whose certificates were not checked because too many different chains were.
    pub examinations_given_up: u64,
    /// Packets that are not followed, by kind.
    pub others: BTreeMap<Other, u64>,
    /// Packets of further kinds.
    pub further_others: u64,
    /// ICMP errors that quote no connection of the capture.
    pub icmp_without_connection: u64,
    /// Fragmented datagrams that could not be put together.
    pub fragments_given_up: u64,
    /// Addresses that were looked for by ARP or neighbour discovery, with questions and answers.
    pub neighbours: BTreeMap<Host, Search>,
    /// Searches for, and answers of, further addresses.
    pub further_neighbours: u64,
    /// Names that clients looked up, and the addresses that they got.
    pub lookups: Lookups,
    /// Questions that got no usable answer, in the order of their first packets.
    pub unanswered: Vec<Unanswered>,
    /// Whether stand-ins replace what names somebody.
    pub is_redacted: bool,
    /// How often a name or an address got a stand-in that others have too.
    pub shared_stand_ins: u64,
    /// What the capture calls the hosts that are mentioned here.
    pub names: Names,
    /// What its logs came to.
    pub logs: Option<Box<LogSummary>>,
}

/// Connections by severity, code and cause. Beyond a bound, the rest is counted without causes.
pub type Kinds = BTreeMap<(Severity, Code, Option<Cow<'static, str>>), u64>;

/// Connections that were judged, counted as the summary shows them.
#[derive(Debug, Default)]
pub(super) struct Tally {
    connections: u64,
    captures_in_text: u32,
    codes: BTreeMap<Code, u64>,
    severities: BTreeMap<Severity, u64>,
    kinds: Kinds,
    servers: BTreeMap<(Host, u16), ServerSummary>,
    /// Clients of these servers that are counted one by one.
    pairs: usize,
    names: Names,
    connections_to_others: u64,
    examinations_given_up: u64,
    /// What the logs came to, or why they could not be read.
    pub(super) logs: Option<Result<Box<LogSummary>, ReadError>>,
    groups: Groups,
}

impl Tally {
    pub(super) fn count(&mut self, judged: &Judged) {
        let code = judged.verdict.code;
        self.connections += 1;
        self.captures_in_text = self.captures_in_text.max(judged.story.capture.part.unwrap_or(0));
        self.examinations_given_up += u64::from(judged.story.tls.is_examination_given_up);
        *self.codes.entry(code).or_default() += 1;
        *self.severities.entry(judged.verdict.severity).or_default() += 1;
        let kind = (judged.verdict.severity, code, judged.verdict.cause.clone());
        let is_counted = self.kinds.len() < limits::KINDS || self.kinds.contains_key(&kind);
        let kind = if is_counted { kind } else { (kind.0, kind.1, None) };
        *self.kinds.entry(kind).or_default() += 1;
        let PerRole { client, server } = &judged.story.parties;
        if self.groups.add(judged) {
            self.names.adopt(&judged.story.names, client.host);
        }
        let key = (server.host, server.port);
        if self.servers.len() < limits::SERVERS || self.servers.contains_key(&key) {
            self.servers.entry(key).or_default().add(judged, &mut self.pairs);
            self.names.adopt(&judged.story.names, server.host);
        } else {
            self.connections_to_others += 1;
        }
    }

    /// The same counts again, without what the logs came to, which is known at the end alone.
    pub(super) fn copied(&self) -> Self {
        Self {
            connections: self.connections,
            captures_in_text: self.captures_in_text,
            codes: self.codes.clone(),
            severities: self.severities.clone(),
            kinds: self.kinds.clone(),
            servers: self.servers.clone(),
            pairs: self.pairs,
            names: self.names.clone(),
            connections_to_others: self.connections_to_others,
            examinations_given_up: self.examinations_given_up,
            logs: None,
            groups: self.groups.clone(),
        }
    }
}

impl Summary {
    /// What the connections come to, and whether everything could be read.
    pub fn status(&self) -> Status {
        Status::of(self.found(), self.error.is_some())
    }

    /// How grave all is that was found: connections, and questions without a usable answer that count.
    pub(crate) fn found(&self) -> impl Iterator<Item = Severity> {
        let lookups = self.unanswered.iter().filter(|found| found.is_critical).map(|_| Severity::Critical);
        self.severities.keys().copied().chain(lookups)
    }

    /// Whether a filter on flags must have left everything but SYN, FIN and RST out: a connection was open, so that there were
    /// other segments, and its outcome is not in the capture.
    pub fn holds_flags_only(&self) -> bool {
        let has_gap = self.codes.contains_key(&Code::CaptureGap);
        has_gap && self.closing_segments > 0 && self.segments == self.opening_segments + self.closing_segments
    }

    /// With which TTLs or hop limits a host's packets arrived, of each of its ports.
    pub(super) fn hop_limits_of(&self, host: Host) -> impl Iterator<Item = &HopLimits> {
        self.servers.range((host, 0)..=(host, u16::MAX)).map(|(_, server)| &server.hop_limits)
    }

    /// Counts a segment by its flags.
    pub(super) fn count_segment(&mut self, flags: Option<Flags>) {
        self.segments += 1;
        match flags {
            Some(flags) if flags.syn() || flags.rst() => self.opening_segments += 1,
            Some(flags) if flags.fin() => self.closing_segments += 1,
            _ => {}
        }
    }

    /// Counts the connections again, where some were taken out or their verdicts changed after they had been counted.
    pub(crate) fn recount(&mut self, connections: &[Judged]) {
        let logs = self.logs.take();
        let mut tally = Tally { logs: logs.map(Ok), ..Tally::default() };
        for judged in connections {
            tally.count(judged);
        }
        self.take(tally);
    }

    /// Takes in how many connections were judged, and how.
    pub(super) fn take(&mut self, tally: Tally) {
        self.connections = tally.connections;
        self.captures_in_text = tally.captures_in_text;
        self.codes = tally.codes;
        self.severities = tally.severities;
        self.kinds = tally.kinds;
        self.servers = tally.servers;
        self.connections_to_others = tally.connections_to_others;
        self.groups = tally.groups;
        self.examinations_given_up = tally.examinations_given_up;
        self.names.adopt_all(&tally.names);
        match tally.logs.transpose() {
            Ok(logs) => self.logs = logs,
            Err(error) => {
                self.error.get_or_insert(error.into());
            }
        }
    }

    /// Counts what a packet shows that belongs to no connection.
    #[inline(never)]
    pub(super) fn count_unconnected(&mut self, content: &Content<'_>, moment: Moment, names: &Names) {
        match content {
            Content::Neighbour(neighbour) => self.count_neighbour(neighbour, moment, names),
            Content::Lookup(lookup) => {
                self.count_other(&Other::Dns);
                self.lookups.add(lookup, moment);
            }
            Content::Other(other) => self.count_other(other),
            Content::Segment(_) | Content::IcmpError(_) => {}
        }
    }

    /// Takes in a lookup that is a part of a connection, and counted with it.
    #[cold]
    pub(super) fn record_lookup(&mut self, content: &Content<'_>, moment: Moment) {
        if let Content::Lookup(lookup) = content {
            self.lookups.add(lookup, moment);
        }
    }

    fn count_other(&mut self, other: &Other) {
        if let Some(count) = self.others.get_mut(other) {
            *count += 1;
        } else if self.others.len() < limits::OTHER_KINDS {
            self.others.insert(other.clone(), 1);
        } else {
            self.further_others += 1;
        }
    }

    pub(super) fn count_neighbour(&mut self, neighbour: &Neighbour, moment: Moment, names: &Names) {
        // Who announces an address, or asks whether anybody has the one that it wants to take, expects no answer (RFC 5227,
        // 1.1; RFC 4862, 5.4.2).
        let is_asked = neighbour.asker.is_some_and(|asker| asker != neighbour.target);
        if !neighbour.is_answer && !is_asked {
            return;
        }
        if self.neighbours.len() < limits::SERVERS || self.neighbours.contains_key(&neighbour.target) {
            let search = self.neighbours.entry(neighbour.target).or_default();
            *if neighbour.is_answer { &mut search.answered } else { &mut search.asked } += 1;
            if !neighbour.is_answer {
                let is_first = search.first.is_none();
                if is_first {
                    search.first = Some(moment);
                } else {
                    search.second.get_or_insert(moment);
                }
                search.last = Some(moment);
                search.asker = neighbour.asker.filter(|asker| is_first || search.asker == Some(*asker));
            }
            self.names.adopt(names, neighbour.target);
        } else {
            self.further_neighbours += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capture_without_any_acknowledgement_between_syn_and_fin_was_filtered() {
        let holds = |code: Code, letters: &[&str]| {
            let mut summary = Summary { codes: [(code, 1)].into(), ..Summary::default() };
            for letters in letters {
                summary.count_segment(Flags::from_letters(letters));
            }
            summary.holds_flags_only()
        };
        assert!(holds(Code::CaptureGap, &["S", "S.", "F.", "FP.", "R"]));
        // The client closes before it is open, and again after the SYN-ACK.
        assert!(!holds(Code::ClosedEarly, &["S", "F", "S.", "F.", "R"]));
        for other in [&["S", "S.", ".", "F."][..], &["S", "R."], &["S", "S.", "R"], &[]] {
            assert!(!holds(Code::CaptureGap, other), "{other:?}");
        }
        let mut unknown = Summary { codes: [(Code::CaptureGap, 1)].into(), ..Summary::default() };
        unknown.count_segment(Flags::from_letters("F."));
        unknown.count_segment(None);
        assert!(!unknown.holds_flags_only());
    }
}
