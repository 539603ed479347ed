//! What the screen shows of a connection's packets, one row for each or for several, before anything is laid out in columns.
//!
//! The rows of a connection with few packets fit a screen: what repeats, acknowledges or closes is folded, further and further
//! until they fit. The fault is never folded.

use std::collections::BTreeSet;

use super::dropped::dropped;
use super::fold::Fold;
use super::notes::{self, Notes};
use super::row::{Arrow, Awaited, Kind, Row};
use super::segment::{is_repeat, name_segment, part_of_tls};
use crate::packet::{IcmpError, IpVersion, SegmentHeader};
use crate::report::text::escape::escaped;
use crate::report::text::words::{PacketNames, amount, count};
use crate::story::{EndingKind, Entry, IcmpFact, Item, Note, Seen, Silence, Stage, Story, reset_reason};
use crate::tcp::Role;
use crate::time::{Elapsed, Timestamp};
use crate::verdict::{self, Actor, Code, Severity, Verdict};

/// The packet, or the silence after it, that is the fault.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    Packet(u64),
    SilenceSince(u64),
}

/// The rows of a connection; `is_tight` leaves out more than `ROWS` asks for, `is_whole` folds nothing.
pub(super) fn rows(
    story: &Story,
    verdict: &Verdict,
    items: &[Item],
    names: &PacketNames<'_>,
    is_tight: bool,
    is_whole: bool,
) -> Vec<Row> {
    let fault = fault(story, verdict);
    let mut rows = unfolded(story, verdict, items, names, fault);
    if fault.is_some() && !rows.iter().any(|row| row.is_fault) {
        let shown = rows.iter_mut().rev().find(|row| {
            let numbers = |index: &usize| matches!(&items[*index], Item::Packet(entry) if verdict.evidence.contains(&entry.moment.number));
            row.items.iter().any(numbers)
        });
        if let Some(row) = shown {
            (row.is_fault, row.kind) = (true, Kind::Key);
        }
    }
    if is_whole {
        return rows;
    }
    Fold { items, names }.fold_all(&mut rows, is_tight);
    rows
}

/// The row of a packet while its connection is open.
pub(super) fn passing(story: &Story, entry: &Entry, names: &PacketNames<'_>, notes: &mut Notes<'_>) -> Row {
    packet(story, None, (0, entry), &BTreeSet::new(), names, notes)
}

/// What a failure's fault is.
fn fault(story: &Story, verdict: &Verdict) -> Option<Fault> {
    if verdict.severity != Severity::Critical {
        return None;
    }
    let proof = verdict.evidence.last().copied().map(Fault::Packet);
    match verdict.code {
        // What ended the connection only follows from the fault.
        Code::NotTls => {
            let plain = match verdict.actor {
                Actor::Client => story.plain.client.as_ref(),
                Actor::Server => story.plain.server.as_ref(),
                Actor::Path | Actor::Unknown => None,
            };
            let plain = plain.map(|observed| observed.moment.number);
            plain.filter(|number| verdict.evidence.contains(number)).map(Fault::Packet).or(proof)
        }
        Code::Unreachable => rejection(story, verdict).map(Fault::Packet).or(proof),
        Code::ProxyRefused => proof,
        Code::SynNoReply if story.is_syn_dropped() => {
            story.opening.last_syn.map(|syn| Fault::Packet(syn.number))
        }
        Code::Refused
        | Code::SynNoReply
        | Code::TcpHandshakeIncomplete
        | Code::ClientSilent
        | Code::NoServerHello
        | Code::HandshakeStalled
        | Code::TlsAlert
        | Code::Reset
        | Code::ClosedEarly
        | Code::NoResponse
        | Code::Rejected
        | Code::Healthy
        | Code::Slow
        | Code::Plaintext
        | Code::Midstream
        | Code::CaptureGap
        | Code::InProgress => match story.decisive() {
            Some(ending) => Some(match &ending.what {
                EndingKind::Silence(silence) => Fault::SilenceSince(silence.since.number),
                _ => Fault::Packet(ending.moment.number),
            }),
            None => proof,
        },
    }
}

/// The first of the ICMP errors like the one that decided.
fn rejection(story: &Story, verdict: &Verdict) -> Option<u64> {
    let mut errors =
        story.path.icmp_errors.iter().filter(|error| verdict.evidence.contains(&error.moment.number));
    let what = |error: &IcmpFact| (error.from, error.icmp_type, error.code, error.quotes);
    let decided = what(errors.clone().next_back()?);
    errors.find(|error| what(error) == decided).map(|error| error.moment.number)
}

fn unfolded(
    story: &Story,
    verdict: &Verdict,
    items: &[Item],
    names: &PacketNames<'_>,
    fault: Option<Fault>,
) -> Vec<Row> {
    let mut notes = Notes::new(story, names);
    let mut rows = Vec::new();
    // SYNs that nobody answers are one silence, whatever the time between them.
    let is_unanswered = verdict.code == Code::SynNoReply;
    let is_dropped = is_unanswered && story.is_syn_dropped();
    let dropped = if story.path.icmp_errors.is_empty() { BTreeSet::new() } else { dropped(items) };
    // Each with the packet that ends it: probes and repeats in between belong to it.
    let mut silences: Vec<(Timestamp, Row)> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let begin = match item {
            Item::Fold { first, .. } => first.at,
            Item::Packet(entry) => entry.moment.at,
        };
        rows.extend(silences.extract_if(.., |(until, _)| *until <= begin).map(|(_, row)| row));
        match item {
            Item::Fold { packets, bytes, first, last } => rows.push(Row {
                items: vec![index],
                label: ":".to_owned(),
                at: Some(first.at),
                until: Some(last.at),
                arrow: Arrow::Several(format!("{}, {}", count(*packets, "packet"), amount(*bytes))),
                text: Vec::new(),
                is_fault: false,
                is_dim: true,
                kind: Kind::Data,
            }),
            Item::Packet(entry) => {
                for note in &entry.notes {
                    if let Note::Silence(silence) = note
                        && !is_unanswered
                    {
                        let whole = whole(story, silence);
                        let row = silent(story, notes.stage(), &whole, fault);
                        if whole.until <= entry.moment.at {
                            rows.push(row);
                        } else if !is_trailing(story, &whole) {
                            silences.push((whole.until, row));
                        }
                    }
                }
                let mut row = packet(story, Some(verdict), (index, entry), &dropped, names, &mut notes);
                row.is_fault = fault == Some(Fault::Packet(entry.moment.number));
                if row.is_fault {
                    row.kind = Kind::Key;
                    row.text.extend(is_dropped.then(|| "dropped by a firewall".to_owned()));
                }
                rows.push(row);
            }
        }
    }
    if is_dropped {
        rows.extend(end(story, notes.stage(), fault));
    } else if is_unanswered {
        rows.push(unanswered(story));
    } else {
        rows.extend(silences.into_iter().map(|(_, row)| row));
        rows.extend(end(story, notes.stage(), fault));
    }
    rows
}

/// The silence after SYNs that nobody answers.
fn unanswered(story: &Story) -> Row {
    let elapsed = story.opening.syn_span().nanos();
    let silence = story.silence().map_or(0, |silence| silence.elapsed().nanos());
    Row {
        items: Vec::new(),
        label: String::new(),
        at: None,
        until: None,
        arrow: Arrow::Gap(
            "no reply",
            Some(Elapsed::from_nanos(if elapsed > 0 { elapsed } else { silence })),
            Some(Awaited { from: Role::Server, since: story.began().at }),
        ),
        text: vec![match story.capture.unquoted_icmp_error {
            Some(number) => {
                format!("no SYN-ACK, no RST; packet {number} is an ICMP error about an unknown packet")
            }
            None => "no SYN-ACK, no RST, no ICMP error".to_owned(),
        }],
        is_fault: true,
        is_dim: false,
        kind: Kind::Key,
    }
}

/// A silence up to its end, of which a packet within it shows the beginning.
fn whole(story: &Story, noted: &Silence) -> Silence {
    let mut known = story.pauses.iter().chain(story.silence());
    *known.rfind(|silence| silence.since == noted.since).unwrap_or(noted)
}

/// A silence's row.
fn silent(story: &Story, stage: Stage, silence: &Silence, fault: Option<Fault>) -> Row {
    let is_fault = fault == Some(Fault::SilenceSince(silence.since.number));
    let elapsed = silence.elapsed();
    let what = if stage == Stage::Syn { "no reply" } else { "silence" };
    let text = notes::awaited(story, stage, silence);
    let is_greeting = stage == Stage::TcpEstablished && notes::owes_greeting(story, silence);
    let from = if is_greeting { Role::Server } else { silence.awaited_from };
    Row {
        items: Vec::new(),
        label: String::new(),
        at: None,
        until: None,
        arrow: Arrow::Gap(
            what,
            Some(elapsed).filter(|elapsed| elapsed.nanos() > 0),
            Some(Awaited { from, since: silence.since.at }),
        ),
        text: vec![text],
        is_fault,
        is_dim: !is_fault,
        kind: Kind::Key,
    }
}

/// Whether a silence lasts up to the capture's end, after the connection's last packet.
fn is_trailing(story: &Story, silence: &Silence) -> bool {
    silence.until == story.capture.end && story.capture.end > story.last.at
}

/// How the packets end: in a silence up to the capture's end, or with the capture.
fn end(story: &Story, stage: Stage, fault: Option<Fault>) -> Option<Row> {
    let end = story.capture.end;
    // An ICMP error is an answer of its kind.
    let is_answered = story.stage == Stage::Syn && !story.path.icmp_errors.is_empty();
    let trailing = story.silence().filter(|silence| is_trailing(story, silence) && !is_answered);
    if let Some(silence) = trailing {
        return Some(silent(story, stage, silence, fault));
    }
    if !story.endings.is_empty() || is_answered {
        return None;
    }
    let rest = end - story.last.at;
    let text = if rest.nanos() > 0 { format!("{rest} later") } else { String::new() };
    let what = if story.capture.is_text { "end of transcript" } else { "end of capture" };
    Some(Row {
        items: Vec::new(),
        label: String::new(),
        at: None,
        until: None,
        arrow: Arrow::Gap(what, None, None),
        text: vec![text],
        is_fault: false,
        is_dim: true,
        kind: Kind::Key,
    })
}

fn packet(
    story: &Story,
    verdict: Option<&Verdict>,
    (index, entry): (usize, &Entry),
    dropped: &BTreeSet<u64>,
    names: &PacketNames<'_>,
    notes: &mut Notes<'_>,
) -> Row {
    let mut words = notes.about(entry);
    let (arrow, kind, certificate) = match &entry.seen {
        Seen::Icmp(error, _) => {
            words.insert(
                0,
                format!("{} from {}", icmp(story, entry, error), story.names.show(error.ip.source)),
            );
            (Arrow::Other("ICMP".to_owned()), Kind::Key, Vec::new())
        }
        Seen::Segment { role, header, excerpt, .. } => {
            let code = verdict.map(|verdict| verdict.code);
            let is_proof = verdict.is_some_and(|verdict| verdict.evidence.contains(&entry.moment.number));
            let second = story.tls.second_hello.filter(|second| second.number == entry.moment.number);
            words.extend(second.map(|_| "second ClientHello".to_owned()));
            name_segment(&mut words, header, &entry.notes, excerpt);
            describe_rst(&mut words, header, code, excerpt);
            let is_first = story.data[*role].first.is_some_and(|first| first.number == entry.moment.number);
            if words.is_empty() && is_first && *role == Role::Client && story.is_inside_client_hello() {
                words.push("beginning of a ClientHello".to_owned());
            }
            let certificate = certificate(story, entry.moment.number, *role);
            if words.is_empty() && certificate.is_empty() && header.payload_len.unwrap_or(0) > 0 {
                let is_refusal = code == Some(Code::Rejected)
                    && verdict.is_some_and(|verdict| verdict.evidence.last() == Some(&entry.moment.number));
                let part = part_of_tls(story, *role, notes.stage());
                words.extend(if is_refusal { Some("reply: refused") } else { part }.map(str::to_owned));
            }
            let flags = header.tcp.flags.unwrap_or_default();
            let is_lost = code == Some(Code::SynNoReply) && flags.syn() && !flags.ack()
                || dropped.contains(&entry.moment.number);
            (
                arrow(*role, header, is_lost),
                kind(header, &entry.notes, is_proof || second.is_some()),
                certificate,
            )
        }
    };
    let mut text = vec![words.join(", ")];
    text.extend(certificate);
    Row {
        items: vec![index],
        label: names.at(entry.moment.number, entry.origin),
        at: Some(entry.moment.at),
        until: Some(entry.moment.at),
        arrow,
        text,
        is_fault: false,
        is_dim: matches!(kind, Kind::Ack | Kind::Closing),
        kind,
    }
}

/// What an ICMP error says: by its name where it has one, else by its numbers.
fn icmp(story: &Story, entry: &Entry, error: &IcmpError<'_>) -> String {
    let fact = story.path.icmp_errors.iter().find(|fact| fact.moment.number == entry.moment.number);
    let name = fact.and_then(verdict::icmp_name);
    let mtu = error.mtu.filter(|mtu| *mtu > 0).map(|mtu| format!(" (MTU {mtu})")).unwrap_or_default();
    let icmp = if error.ip.version == IpVersion::V4 { "ICMP" } else { "ICMPv6" };
    name.map_or_else(
        || format!("{icmp} error (type {}, code {})", error.icmp_type, error.code),
        |name| format!("{icmp} \"{name}\"{mtu}"),
    )
}

/// A segment's arrow, with its flags and its length.
fn arrow(role: Role, header: &SegmentHeader, is_lost: bool) -> Arrow {
    let len = header.payload_len.unwrap_or(0);
    let shown = match (header.tcp.flags, len) {
        (Some(flags), 0) => format!("[{flags}]"),
        (Some(flags), len) => format!("[{flags}] {len}"),
        (None, len) => len.to_string(),
    };
    if is_lost { Arrow::Lost(role, shown) } else { Arrow::From(role, shown) }
}

/// Adds what shows who sent a RST, and the reason in it (RFC 9293, 3.5.3).
fn describe_rst(words: &mut Vec<String>, header: &SegmentHeader, code: Option<Code>, payload: &[u8]) {
    if !header.tcp.flags.unwrap_or_default().rst() {
        return;
    }
    if matches!(code, Some(Code::Reset | Code::Refused)) {
        words.extend(header.ip.hop_limit.map(|hops| format!("TTL {hops}")));
        words.extend(header.ip.id.map(|id| format!("IP ID {id}")));
    }
    words.extend(reset_reason(payload).map(|reason| format!("\"{}\"", escaped(reason))));
}

/// What a segment is to its connection, which decides what it may be folded with.
fn kind(header: &SegmentHeader, notes: &[Note], is_proof: bool) -> Kind {
    let flags = header.tcp.flags.unwrap_or_default();
    let is_empty = header.payload_len.unwrap_or(0) == 0;
    let is_closing = (flags.fin() || flags.rst()) && is_empty;
    let has_step = notes.iter().any(|note| {
        !matches!(
            note,
            Note::Silence(_)
                | Note::RoundTrip(_)
                | Note::Cut(_)
                | Note::DuplicateAck
                | Note::Stage(Stage::Syn | Stage::SynAck | Stage::TcpEstablished, _)
        )
    });
    if is_closing {
        Kind::Closing
    } else if is_repeat(notes) {
        Kind::Repeat
    } else if has_step {
        Kind::Key
    } else if flags.syn() || matches!(notes.first(), Some(Note::Stage(Stage::TcpEstablished, _))) {
        Kind::Opening
    } else if is_proof {
        Kind::Key
    } else if is_empty {
        Kind::Ack
    } else {
        Kind::Data
    }
}

/// Adds what a packet that ends a Certificate message, or the last one that brought a part of it, shows.
fn certificate(story: &Story, number: u64, role: Role) -> Vec<String> {
    let mut lines = Vec::new();
    let sent = story.tls.certificates[role].as_ref().filter(|sent| sent.moment.number == number);
    if sent.is_some() {
        let own = story.tls.examination.as_deref().filter(|_| role == Role::Server);
        let title = own
            .and_then(|found| found.certificates.first()?.details.as_ref())
            .map(|details| format!(" CN={}", crate::report::text::escape::escaped(details.title())));
        let is_empty = sent.is_some_and(|sent| sent.what.is_empty());
        let name = if is_empty { "empty Certificate" } else { "Certificate" };
        lines.push(format!("{name}{}", title.unwrap_or_default()));
    }
    if role == Role::Server
        && story.data.server.last.is_some_and(|last| last.number == number)
        && let Some((len, came)) = story.tls.unfinished_certificate
    {
        lines.push(format!("Certificate, {came} of {len} bytes"));
    }
    lines
}
