//! Every recorded situation as captures that lack packets or bytes: with a filter on flags, in one direction only, without
//! each n-th packet, up to the first packets of each connection, cut short, or shuffled within a millisecond. What is fine in
//! full is no fault in what is left of it, and what failed is not fine where a packet that is left still shows the failure.

use std::collections::BTreeMap;
use std::io::{self, Cursor};

use ssmscope::analysis::{self, Judged, Needs, Settings, Sink};
use ssmscope::capture::{self, Frame as Lent, Target};
use ssmscope::decode::Decoder;
use ssmscope::packet::{Content, Flags, Host, Origin};
use ssmscope::verdict::Severity;

use crate::rewritten::{Frame, Recording, pcap, recordings};
use crate::support::random::Random;

/// How a capture is rewritten.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Rewriting {
    /// SYN, FIN and RST alone.
    Flags,
    /// The packets of the sender of the first one, or of the other.
    Direction { first: bool },
    /// Without each n-th packet.
    Dropped(usize),
    /// The first packets of each connection.
    First(usize),
    /// The first bytes of each packet.
    Cut(usize),
    /// Each packet up to half a millisecond earlier or later, by a seed.
    Shuffled(u64),
}

/// Who sent a frame and who received it, each with its port, and its flags, where it is a segment.
type Ends = ((Host, u16), (Host, u16), Flags);

fn ends(decoder: &mut Decoder, frame: &Frame) -> Option<Ends> {
    let at = ssmscope::time::Timestamp::from_nanos(frame.nanos);
    let lent = Lent {
        link_type: frame.link_type,
        bytes: &frame.bytes,
        wire_len: frame.wire_len,
        at,
        number: 1,
        origin: Origin { file: 0, number: 1 },
    };
    let Content::Segment(segment) = decoder.decode(&lent).content else { return None };
    let (ip, tcp) = (&segment.header.ip, &segment.header.tcp);
    Some(((ip.source, tcp.source_port), (ip.destination, tcp.destination_port), tcp.flags?))
}

/// What is left of a capture; frames without a segment stay.
fn rewrite(how: Rewriting, frames: &[Frame]) -> Vec<Frame> {
    match how {
        Rewriting::Cut(bytes) => return frames.iter().map(|frame| cut(frame, bytes)).collect(),
        Rewriting::Shuffled(seed) => return shuffled(frames, seed),
        Rewriting::Dropped(each) => {
            return frames
                .chunks(each)
                .flat_map(|chunk| &chunk[..chunk.len().min(each - 1)])
                .cloned()
                .collect();
        }
        Rewriting::Flags | Rewriting::Direction { .. } | Rewriting::First(_) => {}
    }
    let mut decoder = Decoder::new();
    let ends: Vec<_> = frames.iter().map(|frame| ends(&mut decoder, frame)).collect();
    let opener = ends.iter().flatten().next().map(|(source, ..)| *source);
    let mut seen = BTreeMap::<_, usize>::new();
    let mut left = Vec::new();
    for (frame, ends) in frames.iter().zip(&ends) {
        let is_left = match (how, ends) {
            (Rewriting::Flags, Some((.., flags))) => flags.syn() || flags.fin() || flags.rst(),
            (Rewriting::Direction { first }, Some((source, ..))) => {
                (Some(source.0) == opener.map(|opener| opener.0)) == first
            }
            (Rewriting::First(packets), Some((source, destination, _))) => {
                let pair =
                    if source < destination { (*source, *destination) } else { (*destination, *source) };
                let count = seen.entry(pair).or_default();
                *count += 1;
                *count <= packets
            }
            _ => true,
        };
        if is_left {
            left.push(frame.clone());
        }
    }
    left
}

fn cut(frame: &Frame, bytes: usize) -> Frame {
    let mut frame = frame.clone();
    frame.bytes.truncate(bytes);
    frame
}

/// The frames as a card with several queues delivers them: each at a time of its own, which its place follows.
fn shuffled(frames: &[Frame], seed: u64) -> Vec<Frame> {
    let mut random = Random::new(seed);
    let mut frames = frames.to_vec();
    for frame in &mut frames {
        frame.nanos += random.of(0..1_000_000) as i64 - 500_000;
    }
    frames.sort_by_key(|frame| frame.nanos);
    frames
}

/// The two ends of a connection, in the order of their addresses.
type Pair = ((Host, u16), (Host, u16));

/// The verdicts on each pair of ends, in order.
#[derive(Default)]
struct Verdicts(BTreeMap<Pair, Vec<(&'static str, Severity)>>);

impl Sink for Verdicts {
    fn needs(&self) -> Needs {
        Needs::ALL
    }

    fn connection(&mut self, judged: Judged) -> io::Result<()> {
        let parties = &judged.story.parties;
        let mut ends = [parties.client.host, parties.server.host]
            .into_iter()
            .zip([parties.client.port, parties.server.port]);
        let (Some(one), Some(other)) = (ends.next(), ends.next()) else { return Ok(()) };
        let pair = if one < other { (one, other) } else { (other, one) };
        self.0.entry(pair).or_default().push((judged.verdict.code.name(), judged.verdict.severity));
        Ok(())
    }
}

fn judge(frames: &[Frame]) -> Verdicts {
    let mut source = capture::file::read("incomplete", 0, Cursor::new(pcap(frames)), None).unwrap();
    let mut verdicts = Verdicts::default();
    let everything = Target::new(&[], &[], None).unwrap();
    analysis::analyse(&mut *source, everything, &Settings::default(), &mut verdicts).unwrap();
    verdicts
}

/// A situation and the verdicts on it in full.
struct Whole {
    recording: Recording,
    verdicts: Verdicts,
}

fn all() -> Vec<Whole> {
    let whole = |recording: Recording| Whole { verdicts: judge(&recording.frames), recording };
    recordings().into_iter().map(whole).collect()
}

/// What is judged as failed although it is fine, since nothing that is left distinguishes it from a failure: without any payload, early
/// data is a long ClientHello, and the answer to it a flight that the server breaks off.
const AMBIGUOUS: [(Rewriting, &str); 1] = [(Rewriting::Cut(60), "healthy/early-data-closed")];

/// A server that refuses TLS when it is asked: the fault is in the words of both.
const STARTTLS: &str = "not-tls/starttls-refused";

/// Situations whose fault no longer shows: beginnings of their names, or all of it.
type Lost<'a> = &'a [&'a str];

/// Compares what is left of each situation with the whole. `lost` names those whose fault no longer shows, for the reason that
/// the comment there gives.
fn compare(how: Rewriting, all: &[Whole], lost: Lost<'_>) {
    let (mut wrong, mut found) = (Vec::new(), Vec::new());
    let is_fine = |severity| matches!(severity, Severity::Ok | Severity::Warning);
    for Whole { recording, verdicts: whole } in all {
        let name = recording.name.as_str();
        for (pair, verdicts) in &judge(&rewrite(how, &recording.frames)).0 {
            let Some(before) = whole.0.get(pair) else { continue };
            let was_fine = before.iter().all(|(_, severity)| is_fine(*severity));
            let had_failed = before.iter().all(|(_, severity)| *severity == Severity::Critical);
            for (code, severity) in verdicts {
                let is_green = had_failed && is_fine(*severity);
                let is_alarm = was_fine && *severity == Severity::Critical;
                if is_green && let Some(known) = lost.iter().find(|known| name.starts_with(**known)) {
                    found.push(*known);
                } else if is_alarm && AMBIGUOUS.contains(&(how, name)) {
                } else if is_green || is_alarm {
                    wrong.push(format!("{name}: {code}, not {}", before[0].0));
                }
            }
        }
    }
    let outdated: Vec<_> = lost.iter().filter(|name| !found.contains(name)).collect();
    assert!(wrong.is_empty(), "{how:?}:\n{}", wrong.join("\n"));
    assert!(outdated.is_empty(), "{how:?}: the fault shows in {outdated:?}");
}

#[test]
fn syn_fin_and_rst_alone_make_no_fault() {
    compare(Rewriting::Flags, &all(), &[]);
}

#[test]
fn one_direction_alone_makes_no_fault() {
    let all = all();
    compare(Rewriting::Direction { first: true }, &all, &[]);
    // Without the client's request the answer is any server's.
    compare(Rewriting::Direction { first: false }, &all, &[STARTTLS]);
}

#[test]
fn dropped_packets_make_no_fault() {
    let all = all();
    // The packet with the alert, or what shows that it is none of a closing server.
    let alert = "tls-alert/client-certificate-";
    // The RST.
    let reset = "reset/in-the-answer";
    for (each, lost) in [
        (2, &[][..]),
        // The RST; the request for TLS.
        (3, &[reset, STARTTLS]),
        // The client's Finished, without which a ticket may be the answer; the RST.
        (5, &[alert, reset, "reset/on-request-rustls-tls13"]),
        (7, &[alert]),
        // The RST that precedes the answer.
        (11, &["reset/injected-3-tls12"]),
    ] {
        compare(Rewriting::Dropped(each), &all, lost);
    }
}

/// What ends the attempt comes later.
#[test]
fn the_first_packets_of_each_connection_make_no_fault() {
    let all = all();
    for (packets, lost) in [
        (5, &[STARTTLS][..]),
        // Nothing was asked yet.
        (
            8,
            &[
                STARTTLS,
                "no-response/curl-tls13",
                "tcp/half-open",
                "tls-alert/client-certificate-none-curl-rustls-tls13",
            ],
        ),
        (
            13,
            &[
                "no-response/java-tls12",
                "no-response/java-tls13",
                "no-response/wget-tls13",
                // The answer has begun.
                "reset/in-the-answer",
            ],
        ),
        (20, &[]),
        (40, &["tls-alert/client-certificate-none-openssl-java-tls13"]),
    ] {
        compare(Rewriting::First(packets), &all, lost);
    }
}

/// Where many connections of several servers end at the same packet, the capture holds no more of them.
#[test]
fn the_first_packets_of_many_connections_are_known_to_be_no_more() {
    let healthy = recordings().into_iter().filter(|recording| recording.name.starts_with("healthy/"));
    let frames = one_after_the_other(healthy, 1);
    for packets in [5, 8, 10, 13] {
        assert_cut(&frames, packets);
    }
}

/// So it is with two, after the first steps or where they differ.
#[test]
fn the_first_packets_of_two_connections_are_known_to_be_no_more() {
    let is_one =
        |recording: &Recording| ["healthy/plain", "healthy/wget-nginx-tls13"].contains(&&*recording.name);
    let frames = one_after_the_other(recordings().into_iter().filter(is_one), 60);
    for packets in [7, 11] {
        assert_cut(&frames, packets);
    }
}

/// Connections that begin at this distance in seconds, with all of their packets.
fn one_after_the_other(recordings: impl IntoIterator<Item = Recording>, apart: i64) -> Vec<Frame> {
    let mut frames = Vec::new();
    for (at, recording) in recordings.into_iter().enumerate() {
        let Some(first) = recording.frames.first().map(|frame| frame.nanos) else { continue };
        let begin = 1_700_000_000_000_000_000 + at as i64 * apart * 1_000_000_000;
        let moved = |frame: Frame| Frame { nanos: frame.nanos - first + begin, ..frame };
        frames.extend(recording.frames.into_iter().filter(|frame| frame.link_type == 1).map(moved));
    }
    frames.sort_by_key(|frame| frame.nanos);
    frames
}

/// None of the connections failed that are cut after this many packets, and some are known to be cut.
fn assert_cut(frames: &[Frame], packets: usize) {
    let Verdicts(verdicts) = judge(&rewrite(Rewriting::First(packets), frames));
    let codes = || verdicts.values().flatten();
    let failed: Vec<_> = codes().filter(|(_, severity)| *severity == Severity::Critical).collect();
    assert!(failed.is_empty(), "{packets}: {failed:?}");
    assert!(codes().any(|(code, _)| *code == "capture-gap"), "{packets}");
}

#[test]
fn bytes_that_are_cut_off_make_no_fault() {
    let all = all();
    // That the record of the answer is longer than its segment was in its header.
    compare(Rewriting::Cut(60), &all, &["reset/in-the-answer"]);
    // Two bytes of the request for TLS are left.
    compare(Rewriting::Cut(68), &all, &[STARTTLS]);
    for bytes in [96, 128] {
        compare(Rewriting::Cut(bytes), &all, &[]);
    }
}

#[test]
fn packets_that_are_shuffled_within_a_millisecond_make_no_fault() {
    let all = all();
    for seed in 1..=4 {
        // The RSTs are captured after the answer.
        let lost: Lost<'_> = if seed == 2 { &["reset/injected-3-tls12"] } else { &[] };
        compare(Rewriting::Shuffled(seed), &all, lost);
    }
}
