//! Captures with more connections than are followed at one time: what is judged early is judged right, and memory holds.

#[path = "../../benches/workload/mod.rs"]
mod workload;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Cursor, Write};
use std::process::Stdio;
use std::time::Instant;

use jiff::tz::TimeZone;
use serde_json::Value;
use ssmscope::analysis::{self, Bounds, Event, Judged, Needs, Settings, Sink, Summary};
use ssmscope::capture::{self, Target};
use ssmscope::report::{self, Detail, End, Form, Occasion, Out, Provenance, Sort, Style};
use ssmscope::verdict::Code;
use workload::{Workload, made};

use crate::support::run::{path, ssmscope};
use crate::support::situations::{Situation, situations};

/// The connections in the order in which they were judged: first packet, code, stage.
#[derive(Default)]
struct Judgements {
    connections: Vec<(u64, &'static str, String)>,
    packets: u64,
    /// Packets that came after the first connection was judged.
    packets_after: u64,
}

impl Sink for Judgements {
    fn needs(&self) -> Needs {
        Needs::ALL
    }

    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        if let Event::Packet(_) = event {
            self.packets += 1;
            self.packets_after += u64::from(!self.connections.is_empty());
        }
        Ok(())
    }

    fn connection(&mut self, judged: Judged) -> io::Result<()> {
        self.connections.push((
            judged.story.first.number,
            judged.verdict.code.name(),
            judged.story.stage.to_string(),
        ));
        Ok(())
    }
}

fn read(capture: &[u8], bounds: Bounds) -> (Judgements, Summary) {
    let mut judgements = Judgements::default();
    let mut source = capture::file::read("made", 0, Cursor::new(capture.to_vec()), None).expect("a capture");
    let everything = Target::new(&[], &[], None).expect("no selection");
    let settings = Settings { keeps_timeline: false, bounds, ..Settings::default() };
    let summary = analysis::analyse(source.as_mut(), everything, &settings, &mut judgements)
        .expect("nothing is written");
    (judgements, summary)
}

#[test]
fn made_captures_are_whole_connections() {
    for (workload, connections) in [(Workload::Needle(1_001), 1_001), (Workload::Bulk(500), 1)] {
        let (judgements, summary) = read(&made(workload), Bounds::default());
        assert!(judgements.connections.iter().all(|(_, code, _)| *code == "healthy"), "{workload:?}");
        let servers: Vec<u64> = summary.servers.values().map(|server| server.codes.values().sum()).collect();
        assert_eq!((servers[0], servers.iter().sum::<u64>()), (1, connections));
    }
}

#[test]
fn connections_that_are_over_leave_early_with_the_verdict_that_they_would_have_at_the_end() {
    let capture = made(Workload::Connections(3_000));
    let (early, summary) = read(&capture, Bounds { unsorted: 100, ..Bounds::default() });
    let (late, _) = read(&capture, Bounds { unsorted: usize::MAX, ..Bounds::default() });
    assert!(late.connections.is_sorted() && late.connections.len() == 3_000);
    assert!(late.packets_after == 0 && early.packets_after > early.packets / 4);
    assert_eq!(summary.evicted, 0);
    let mut sorted = early.connections;
    sorted.sort();
    assert_eq!(sorted, late.connections);
}

#[test]
fn every_capture_of_the_test_data_is_judged_the_same_whether_connections_leave_early_or_not() {
    for (name, capture) in recorded() {
        let [early, late] = [0, usize::MAX].map(|unsorted| {
            let (mut judgements, _) = read(&capture, Bounds { unsorted, ..Bounds::default() });
            judgements.connections.sort();
            judgements.connections
        });
        assert_eq!(early, late, "{name}");
    }
}

/// The test captures with the names of their situations.
fn recorded() -> Vec<(String, Vec<u8>)> {
    let read = |situation: Situation| {
        let capture = std::fs::read(situation.frames()?).expect("a capture");
        Some((situation.name, capture))
    };
    let recorded: Vec<_> = situations().into_iter().filter_map(read).collect();
    assert!(recorded.len() > 200);
    recorded
}

/// What is written about a capture when this many threads read it.
fn written(capture: &[u8], bounds: Bounds, threads: usize) -> (Vec<u8>, Vec<u8>) {
    let settings = Settings { keeps_timeline: false, bounds, threads, ..Settings::default() };
    let style = Style {
        zone: TimeZone::UTC,
        verbosity: 2,
        detail: Detail::Examples,
        is_ascii: false,
        is_east_asian: false,
        language: None,
        sort: Sort::Worst,
        columns: 100,
    };
    let written = |form| {
        let mut source =
            capture::file::read("made", 0, Cursor::new(capture.to_vec()), None).expect("a capture");
        let (mut plain, mut styled) = (Vec::new(), Vec::new());
        let out = Out { plain: Box::new(&mut plain), styled: Box::new(&mut styled) };
        let occasion = Occasion::Read(&source.about(), &bounds, &Provenance::default());
        let mut report = report::open(form, out, style.clone(), occasion);
        let summary = analysis::analyse(source.as_mut(), Target::default(), &settings, report.as_mut())
            .expect("memory takes it");
        let end = End::of(&summary);
        report.finish(&end).expect("memory takes it");
        plain.extend(styled);
        plain
    };
    (written(Form::Json), written(Form::Table))
}

#[test]
fn the_number_of_threads_changes_no_byte_of_what_is_written() {
    for (name, capture) in recorded() {
        let [alone, three] = [1, 3].map(|threads| written(&capture, Bounds::default(), threads));
        assert!(alone == three, "{name}");
    }
    let small = Bounds { connections: 500, unsorted: 100, ..Bounds::default() };
    for workload in [Workload::Connections(1_500), Workload::Scan(6_000)] {
        let capture = made(workload);
        for bounds in [Bounds::default(), small] {
            let alone = written(&capture, bounds, 1);
            for threads in [2, 3, 8] {
                assert!(written(&capture, bounds, threads) == alone, "{workload:?}, {threads} threads");
            }
        }
    }
}

/// The verdict on each connection, by its number.
struct Verdicts {
    takes_packets: bool,
    verdicts: BTreeMap<u64, String>,
}

impl Sink for Verdicts {
    fn needs(&self) -> Needs {
        Needs { packets: self.takes_packets, ..Needs::ALL }
    }

    fn connection(&mut self, judged: Judged) -> io::Result<()> {
        let before = self.verdicts.insert(judged.story.id, format!("{:?}", judged.verdict));
        assert_eq!(before, None, "connection {}", judged.story.id);
        Ok(())
    }
}

#[test]
fn rounds_of_packets_and_packets_one_by_one_yield_the_same_connections() {
    let read = |capture: &[u8], takes_packets| {
        let mut sink = Verdicts { takes_packets, verdicts: BTreeMap::new() };
        let mut source =
            capture::file::read("made", 0, Cursor::new(capture.to_vec()), None).expect("a capture");
        let settings = Settings { threads: 2, ..Settings::default() };
        let summary = analysis::analyse(source.as_mut(), Target::default(), &settings, &mut sink)
            .expect("nothing is written");
        assert!(sink.verdicts.keys().copied().eq(1..=summary.connections));
        (sink.verdicts, summary.codes, summary.icmp_without_connection, summary.segments)
    };
    let mut captures = recorded();
    captures.push(("connections".to_owned(), made(Workload::Connections(3_000))));
    for (name, capture) in captures {
        assert_eq!(read(&capture, true), read(&capture, false), "{name}");
    }
}

/// The records of a pcap file without a byte order of its own: header and frame of each.
fn records(capture: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let (mut at, mut records) = (24, Vec::new());
    while let Some(header) = capture.get(at..at + 16) {
        let len = u32::from_le_bytes([header[8], header[9], header[10], header[11]]) as usize;
        records.push((header.to_vec(), capture[at + 16..at + 16 + len].to_vec()));
        at += 16 + len;
    }
    records
}

/// "Communication administratively prohibited" (RFC 1812) that quotes an IPv4 header alone, so that it shows no port.
fn icmp_without_ports(frame: &[u8]) -> Vec<u8> {
    let mut error = frame[..14].to_vec();
    error.extend([0x45, 0, 0, 48, 0, 0, 0, 0, 64, 1, 0, 0, 192, 0, 2, 254]);
    error.extend(&frame[26..30]);
    error.extend([3, 13, 0, 0, 0, 0, 0, 0]);
    error.extend(&frame[14..34]);
    error
}

#[test]
fn packets_that_end_a_round_cost_little_more_than_others() {
    let capture = made(Workload::Connections(1_000));
    let (mut steps, mut errors) = (capture[..24].to_vec(), capture[..24].to_vec());
    for (index, (mut header, frame)) in records(&capture).into_iter().enumerate() {
        errors.extend([header.as_slice(), &frame].concat());
        let error = icmp_without_ports(&frame);
        let len = (error.len() as u32).to_le_bytes();
        errors.extend([&header[..8], &len, &len, &error].concat());
        // The clock steps back by ten seconds, and on again.
        let second = u32::from_le_bytes([header[0], header[1], header[2], header[3]]);
        header[..4].copy_from_slice(&(second - 10 * (index as u32 % 2)).to_le_bytes());
        steps.extend([header, frame].concat());
    }
    let time = |capture: &[u8]| {
        let mut sink = Verdicts { takes_packets: false, verdicts: BTreeMap::new() };
        let mut source =
            capture::file::read("made", 0, Cursor::new(capture.to_vec()), None).expect("a capture");
        let settings = Settings { keeps_timeline: false, ..Settings::default() };
        let begin = Instant::now();
        let summary = analysis::analyse(source.as_mut(), Target::default(), &settings, &mut sink)
            .expect("nothing is written");
        (begin.elapsed() / summary.packets as u32, summary.clock_steps)
    };
    let best = |capture: &[u8]| (0..3).map(|_| time(capture)).min().expect("three runs");
    let (plain, none) = best(&capture);
    let (with_steps, stepped) = best(&steps);
    let (with_errors, _) = best(&errors);
    assert!(none == 0 && stepped > 5_000, "{stepped}");
    assert!(with_steps < 6 * plain && with_errors < 6 * plain, "{plain:?} {with_steps:?} {with_errors:?}");
}

/// A sink whose output can't be written any more after a while.
struct Full(u32);

impl Sink for Full {
    fn needs(&self) -> Needs {
        Needs { packets: false, ..Needs::ALL }
    }

    fn connection(&mut self, _: Judged) -> io::Result<()> {
        self.0 -= 1;
        if self.0 > 0 { Ok(()) } else { Err(io::Error::from(io::ErrorKind::StorageFull)) }
    }
}

#[test]
fn an_error_of_the_sink_ends_the_reading_and_is_reported() {
    let capture = made(Workload::Scan(50_000));
    let bounds = Bounds { connections: 500, ..Bounds::default() };
    for threads in [1, 2, 3] {
        let settings = Settings { keeps_timeline: false, threads, bounds, ..Settings::default() };
        let mut source =
            capture::file::read("made", 0, Cursor::new(capture.clone()), None).expect("a capture");
        let outcome = analysis::analyse(source.as_mut(), Target::default(), &settings, &mut Full(1_000));
        assert_eq!(outcome.err().map(|error| error.kind()), Some(io::ErrorKind::StorageFull));
        // What came after the error was not read to the end.
        assert!(source.next_record().is_ok_and(|record| record.is_some()));
    }
}

#[test]
fn a_late_packet_of_a_connection_that_left_is_no_new_connection() {
    let mut capture = made(Workload::Connections(2_000));
    // The last packet of the first connection once more, at the end.
    let (mut at, mut last, mut port) = (24, None, None);
    while let Some(header) = capture.get(at..at + 16) {
        let len = u32::from_le_bytes([header[8], header[9], header[10], header[11]]) as usize;
        let frame = &capture[at + 16..at + 16 + len];
        let ports = [&frame[34..36], &frame[36..38]];
        let first_port = port.get_or_insert_with(|| ports[0].to_vec());
        if ports.contains(&first_port.as_slice()) {
            last = Some(at..at + 16 + len);
        }
        at += 16 + len;
    }
    let again = capture[last.expect("it has packets")].to_vec();
    capture.extend(again);
    let (judgements, _) = read(&capture, Bounds { unsorted: 100, ..Bounds::default() });
    assert_eq!(judgements.connections.len(), 2_000);
    assert!(judgements.connections.iter().all(|(_, code, _)| *code == "healthy"));
}

#[test]
fn a_full_table_judges_the_oldest_syns_and_loses_none() {
    const SYNS: u64 = 400_000;
    let capture = made(Workload::Scan(SYNS));
    // Four seconds of them: those that leave have waited for longer than a stall.
    let (judgements, summary) = read(&capture, Bounds { connections: 200_000, ..Bounds::default() });
    assert_eq!((summary.connections, judgements.connections.len() as u64), (SYNS, SYNS));
    let codes = BTreeMap::from([(Code::InProgress, 150_000), (Code::SynNoReply, SYNS - 150_000)]);
    assert_eq!(summary.codes, codes);
    assert!(summary.evicted > 0);
    let all = read(&capture, Bounds::default());
    assert_eq!((all.1.codes, all.1.evicted), (codes, 0));
}

#[test]
fn a_bound_that_is_reached_is_reported_and_memory_holds() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("capture.pcap");
    for workload in [Workload::Scan(100_000), Workload::Connections(4_000)] {
        let mut out = BufWriter::new(File::create(&file).expect("a file"));
        workload::write(workload, &mut out).and_then(|()| out.flush()).expect("written");
        let limits = ["--max-memory", "64M", "--max-connections", "3000"];
        let mut child = ssmscope(&["read", "--output", "json", path(&file)])
            .args(limits)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let status = format!("/proc/{}/status", child.id());
        let mut out = io::BufReader::new(child.stdout.take().expect("a pipe"));
        let (mut line, mut last, mut peak) = (String::new(), String::new(), 0);
        while io::BufRead::read_line(&mut out, &mut line).expect("text") > 0 {
            if let Some(kib) = anonymous(&std::fs::read_to_string(&status).unwrap_or_default()) {
                peak = kib.max(peak);
            }
            std::mem::swap(&mut line, &mut last);
            line.clear();
        }
        child.wait().expect("it ends");
        assert!(peak > 0 && peak < 64 * 1024, "{peak} KiB for {workload:?}");
        let summary: Value = serde_json::from_str(&last).expect("the summary");
        let is_reported =
            |bound: &Value| bound["what"].as_str().is_some_and(|what| what.contains("too many were open"));
        let reached = summary["bounds_reached"].as_array().expect("a list");
        assert_eq!(reached.iter().any(is_reported), workload == Workload::Scan(100_000), "{summary}");
    }
}

/// The memory that a process holds at this moment, in KiB, without the pages of its own file: those of a build without optimisation are as many
/// as all that a run keeps.
fn anonymous(status: &str) -> Option<u64> {
    status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?.trim().split(' ').next()?.parse().ok()
}
