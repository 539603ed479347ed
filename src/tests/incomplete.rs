//! Every recorded situation as captures that lack packets: behind a filter on flags, in one direction only, and up to the
//! first packets of each connection. What is fine in full is no fault in what is left of it.

use std::collections::BTreeMap;
use std::io::{self, Cursor};

use ssmscope::analysis::{self, Judged, Settings, Sink};
use ssmscope::capture::{self, Frame as Lent, Target};
use ssmscope::decode::Decoder;
use ssmscope::packet::{Content, Flags, Host, Origin};
use ssmscope::verdict::Severity;

use crate::rewritten::{Frame, Recording, pcap, recordings};

/// How a capture is rewritten.
#[derive(Clone, Copy, Debug)]
enum Rewriting {
    /// SYN, FIN and RST alone.
    Flags,
    /// The packets of whoever sent the first one, or of the other.
    Direction { first: bool },
    /// The first packets of each connection.
    First(usize),
}

/// Who sent a frame to whom, each with its port, and its flags, where it is a segment.
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
    let mut decoder = Decoder::new();
    let ends: Vec<_> = frames.iter().map(|frame| ends(&mut decoder, frame)).collect();
    let opener = ends.iter().flatten().next().map(|(source, ..)| *source);
    let mut seen = BTreeMap::<_, usize>::new();
    let mut left = Vec::new();
    for (frame, ends) in frames.iter().zip(&ends) {
        let is_left = match (how, ends) {
            (_, None) => true,
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
        };
        if is_left {
            left.push(frame.clone());
        }
    }
    left
}

/// The two ends of a connection, in the order of their addresses.
type Pair = ((Host, u16), (Host, u16));

/// The verdicts on each pair of ends, in order.
#[derive(Default)]
struct Verdicts(BTreeMap<Pair, Vec<(&'static str, Severity)>>);

impl Sink for Verdicts {
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

/// What is fine in full is no fault in what is left.
fn no_alarm(how: Rewriting, all: &[Recording]) {
    compare(how, all, |was, is| was == Severity::Ok && is == Severity::Critical);
}

/// The same, and what failed in full is not fine in what is left.
fn no_alarm_and_no_green_light(how: Rewriting, all: &[Recording]) {
    no_alarm(how, all);
    compare(how, all, |was, is| was == Severity::Critical && is == Severity::Ok);
}

/// Compares what is left of each situation with the whole.
fn compare(how: Rewriting, all: &[Recording], is_wrong: impl Fn(Severity, Severity) -> bool) {
    let mut wrong = Vec::new();
    for recording in all {
        let whole = judge(&recording.frames);
        for (pair, verdicts) in &judge(&rewrite(how, &recording.frames)).0 {
            let Some(before) = whole.0.get(pair) else { continue };
            for (code, severity) in verdicts {
                // A warning is fine.
                let plain = |severity| if severity == Severity::Warning { Severity::Ok } else { severity };
                if before.iter().all(|(_, before)| is_wrong(plain(*before), plain(*severity))) {
                    wrong.push(format!("{}: {code}, not {}", recording.name, before[0].0));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{how:?}:\n{}", wrong.join("\n"));
}

#[test]
fn syn_fin_and_rst_alone_make_no_fault() {
    no_alarm_and_no_green_light(Rewriting::Flags, &recordings());
}

#[test]
fn one_direction_alone_makes_no_fault() {
    let all = recordings();
    for first in [true, false] {
        no_alarm(Rewriting::Direction { first }, &all);
    }
}

#[test]
fn the_first_packets_of_each_connection_make_no_fault() {
    let all = recordings();
    for packets in [5, 8, 13, 20, 40] {
        no_alarm(Rewriting::First(packets), &all);
    }
}
