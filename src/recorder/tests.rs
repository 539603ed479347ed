//! What is recorded of test captures, and what is not.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};

use super::*;
use crate::analysis::{self, Event, Needs, Settings as Analysis, Sink, Watching};
use crate::capture::{self, Record, Target};
use crate::packet::Origin;

const MEBIBYTE: u64 = 1024 * 1024;

fn settings(folder: &Path) -> Settings {
    Settings {
        folder: folder.to_owned(),
        size: MEBIBYTE,
        with_others: true,
        before: Elapsed::from_millis(10_000),
        after: Elapsed::from_millis(1_000),
        device: "eth0".to_owned(),
        snaplen: 262_144,
    }
}

/// Records what an analysis emits.
struct Recording(Recorder);

impl Sink for Recording {
    fn needs(&self) -> Needs {
        Needs::ALL
    }

    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        match event {
            Event::Frame(frame) => self.0.frame(frame),
            Event::Packet(packet) => self.0.packet(packet),
            _ => {}
        }
        Ok(())
    }

    fn connection(&mut self, judged: Judged) -> io::Result<()> {
        self.0.judged(&judged);
        Ok(())
    }
}

fn record(capture: &str, recorder: Recorder) -> Recorder {
    let file = format!("{}/testdata/{capture}", env!("CARGO_MANIFEST_DIR"));
    let mut source = capture::open(&[file]).unwrap();
    let mut sink = Recording(recorder);
    let everything = Target::new(&[], &[], None).unwrap();
    let settings = Analysis { watching: Watching::Always, ..Analysis::default() };
    analysis::analyse(source.as_mut(), everything, &settings, &mut sink).unwrap();
    sink.0
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    let mut files: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|found| found == extension)).collect();
    files.sort();
    files
}

#[test]
fn a_new_folder_is_open_to_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&folder.path().join("a/recordings"));
    Recorder::new(settings.clone()).unwrap();
    assert_eq!(fs::metadata(&settings.folder).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn a_failure_is_written_with_all_its_packets_and_never_over_another_file() {
    let folder = tempfile::tempdir().unwrap();
    for run in 1..=2 {
        let mut recorder =
            record("refused/plain/capture.pcapng", Recorder::new(settings(folder.path())).unwrap());
        recorder.finish();
        let objects = files(folder.path(), "json");
        assert_eq!(objects.len(), run);
        let object: Value = serde_json::from_slice(&fs::read(&objects[0]).unwrap()).unwrap();
        assert_eq!(object["connection"]["verdict"]["code"], "refused");
        assert_eq!((&object["is_whole"], &object["evidence"]), (&json!(true), &json!([1, 2])));
    }
    let mut written = capture::open(&files(folder.path(), "pcapng")[..1]).unwrap();
    let mut count = 0;
    while let Some(Record::Frame(_)) = written.next_record().unwrap() {
        count += 1;
    }
    assert!(count >= 2);
}

#[test]
fn a_healthy_connection_gets_no_file() {
    let folder = tempfile::tempdir().unwrap();
    record("healthy/plain/capture.pcap", Recorder::new(settings(folder.path())).unwrap()).finish();
    assert!(files(folder.path(), "json").is_empty());
}

#[test]
fn the_bound_on_failures_that_wait_is_reported_once() {
    struct Last(Option<Judged>);
    impl Sink for Last {
        fn needs(&self) -> Needs {
            Needs::ALL
        }

        fn connection(&mut self, judged: Judged) -> io::Result<()> {
            self.0 = Some(judged);
            Ok(())
        }
    }
    let file = format!("{}/testdata/refused/plain/capture.pcapng", env!("CARGO_MANIFEST_DIR"));
    let mut last = Last(None);
    let everything = Target::new(&[], &[], None).unwrap();
    let mut source = capture::open(&[file]).unwrap();
    analysis::analyse(source.as_mut(), everything, &Analysis::default(), &mut last).unwrap();
    let mut judged = last.0.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::new(settings(folder.path())).unwrap();
    for number in 1..=limits::RECORDINGS as u64 + 3 {
        judged.story.first.number = number;
        // Known, and then final.
        recorder.judged(&judged);
        recorder.judged(&judged);
    }
    assert_eq!(recorder.awaited.len(), limits::RECORDINGS);
    assert_eq!(recorder.news().len(), 1);
}

#[test]
fn what_comes_from_the_wire_is_escaped_in_comments() {
    struct Hostile(Recording);
    impl Sink for Hostile {
        fn needs(&self) -> Needs {
            Needs::ALL
        }

        fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
            self.0.event(event)
        }

        fn connection(&mut self, mut judged: Judged) -> io::Result<()> {
            judged.verdict.explanation = "\u{1b}[2J\u{202e}".into();
            self.0.connection(judged)
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let mut sink = Hostile(Recording(Recorder::new(settings(folder.path())).unwrap()));
    let file = format!("{}/testdata/refused/plain/capture.pcapng", env!("CARGO_MANIFEST_DIR"));
    let mut source = capture::open(&[file]).unwrap();
    let everything = Target::new(&[], &[], None).unwrap();
    analysis::analyse(source.as_mut(), everything, &Analysis::default(), &mut sink).unwrap();
    sink.0.0.finish();
    let written = fs::read(&files(folder.path(), "pcapng")[0]).unwrap();
    let holds = |text: &[u8]| written.windows(text.len()).any(|part| part == text);
    assert!(holds(b"\\x1b[2J\\u{202e}") && !holds(b"\x1b[2J"));
}

#[test]
fn other_connections_packets_are_left_out_when_too_many_of_them_were_written() {
    let count = |others_left| {
        let folder = tempfile::tempdir().unwrap();
        let mut recorder = Recorder::new(settings(folder.path())).unwrap();
        // A neighbour's frame, then the connection's two.
        let at = Timestamp::from_parts(0, 0);
        recorder.frame(&Frame {
            number: 0,
            origin: Origin::default(),
            at,
            link_type: 1,
            wire_len: 60,
            bytes: &[0; 60],
        });
        let mut recorder = record("refused/plain/capture.pcapng", recorder);
        recorder.others_left = others_left;
        for recording in &mut recorder.awaited {
            recording.from = at;
        }
        recorder.finish();
        let written = files(folder.path(), "json").remove(0).with_extension("pcapng");
        let mut source = capture::open(&[written]).unwrap();
        let mut count = 0;
        while let Some(Record::Frame(_)) = source.next_record().unwrap() {
            count += 1;
        }
        count
    };
    let (with, without) = (count(MEBIBYTE), count(0));
    assert!(with > without && without == 2, "{with} and {without}");
}

#[test]
fn the_disk_holds_no_more_than_the_bound() {
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = Recorder::new(settings(folder.path())).unwrap();
    let bytes = [5; 1_000];
    for number in 1..=5_000 {
        let at = Timestamp::from_parts(number, 0);
        let number = number as u64;
        let origin = Origin { file: 0, number };
        recorder.frame(&Frame { number, origin, at, link_type: 1, wire_len: 1_000, bytes: &bytes });
    }
    let on_disk: u64 =
        files(folder.path(), "pcapng").iter().map(|file| fs::metadata(file).unwrap().len()).sum();
    assert!(on_disk > MEBIBYTE / 8 && on_disk <= MEBIBYTE / 4 + 4_096, "{on_disk}");
    assert!(recorder.news().is_empty());
}

#[test]
fn the_folder_holds_no_more_than_the_bound_however_many_connections_fail() {
    let folder = tempfile::tempdir().unwrap();
    let small = Settings { size: 64 * 1024, ..settings(folder.path()) };
    let on_disk = || -> u64 {
        let all = fs::read_dir(folder.path()).unwrap().flatten();
        all.map(|entry| entry.metadata().unwrap().len()).sum()
    };
    let mut names = Vec::new();
    for _ in 0..3 {
        // Each run finds what the one before left.
        let mut news = Vec::new();
        for _ in 0..12 {
            let mut recorder = record("refused/plain/capture.pcapng", Recorder::new(small.clone()).unwrap());
            recorder.finish();
            news.extend(recorder.news());
            assert!(on_disk() <= 64 * 1024, "{}", on_disk());
        }
        assert!(news.iter().all(|news| !news.contains("could not be recorded")), "{news:?}");
        let now = files(folder.path(), "json");
        assert!(now.len() >= 2 && now.iter().all(|file| file.with_extension("pcapng").exists()));
        names.push(now);
    }
    assert_eq!(names[1].len(), names[2].len(), "as many as fit");
}

#[test]
fn a_connection_that_is_too_long_for_the_bound_keeps_its_beginning_and_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let recorder = record(
        "no-server-hello/client-gives-up/capture.pcap",
        Recorder::new(settings(folder.path())).unwrap(),
    );
    let recording = &recorder.awaited[0];
    let own = recorder.memory.iter().filter(|kept| recording.owns(kept));
    let costs: Vec<_> = own.map(memory::Kept::cost).collect();
    let all: u64 = costs.iter().sum();
    assert!(costs.len() > 5 && recording.left_out(&recorder.memory, 2 * all).is_empty());
    let left_out = recording.left_out(&recorder.memory, all / 2);
    assert!(left_out.start > 0 && left_out.end < costs.len() && !left_out.is_empty(), "{left_out:?}");
    let kept = costs[..left_out.start].iter().chain(&costs[left_out.end..]).sum::<u64>();
    assert!(kept <= all / 2);
}
