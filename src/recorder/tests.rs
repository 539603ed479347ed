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

fn settings(folder: &Path) -> RecorderSettings {
    RecorderSettings {
        folder: folder.to_owned(),
        size: MEBIBYTE,
        per_hour: 20,
        with_others: true,
        before: Elapsed::from_millis(10_000),
        after: Elapsed::from_millis(1_000),
        device: "eth0".to_owned(),
        snaplen: 262_144,
        remark: None,
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

fn start(settings: RecorderSettings) -> Recorder {
    Prepared::new(settings).unwrap().start(|| ()).unwrap()
}

/// Has the thread's work done after the capture's, so that no queue is too short.
fn in_turn(settings: RecorderSettings, capture: impl FnOnce(&mut Recorder)) -> Recorder {
    let (queue, received) = sync_channel(10_000);
    let (end, ended) = channel();
    let (mut recorder, keeper) = Prepared::new(settings).unwrap().apart(queue, ended);
    drop(end);
    capture(&mut recorder);
    recorder.finish();
    keeper.run(&received);
    recorder
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
    Prepared::new(settings.clone()).unwrap();
    assert_eq!(fs::metadata(&settings.folder).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn a_failure_is_written_with_all_its_packets_and_never_over_another_file() {
    let folder = tempfile::tempdir().unwrap();
    for run in 1..=2 {
        let mut recorder = record("refused/plain/capture.pcapng", start(settings(folder.path())));
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
    record("healthy/plain/capture.pcap", start(settings(folder.path()))).finish();
    assert!(files(folder.path(), "json").is_empty());
}

/// A refused connection.
fn refused() -> Judged {
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
    last.0.unwrap()
}

/// As many failures of a server at once, each known first and final then.
fn fail(recorder: &mut Recorder, count: u64) {
    let mut judged = refused();
    for number in 1..=count {
        judged.story.first.number = number;
        recorder.judged(&judged);
        recorder.judged(&judged);
    }
}

fn frame(number: u64, bytes: &[u8]) -> Frame<'_> {
    let (at, wire_len) = (Timestamp::from_parts(number as i64, 0), bytes.len() as u32);
    Frame { number, origin: Origin::default(), at, link_type: 1, wire_len, bytes }
}

#[test]
fn the_bound_on_failures_that_wait_is_reported_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = start(RecorderSettings { per_hour: 10_000, ..settings(folder.path()) });
    let bound = limits::RECORDINGS;
    fail(&mut recorder, bound as u64 + 3);
    recorder.finish();
    let news: Vec<_> = recorder.news().collect();
    assert_eq!(news.iter().filter(|news| news.contains("wait for their files")).count(), 1);
    let counted =
        format!("failures recorded: {bound}; without a file: 3 (3 more than can wait for their files)");
    assert_eq!(recorder.counted(), counted);
}

#[test]
fn of_a_server_s_failures_the_first_of_an_hour_get_files_whose_numbers_continue_in_the_next_run() {
    let folder = tempfile::tempdir().unwrap();
    for run in 0..2 {
        let mut recorder = start(settings(folder.path()));
        fail(&mut recorder, 1_000);
        recorder.finish();
        let said: Vec<_> = recorder.news().filter(|news| !news.contains(" recorded in ")).collect();
        assert!(said.len() == 1 && said[0].contains("--record-per-hour reached (20)"), "{said:?}");
        let counted = "failures recorded: 20; without a file: 980 (980 beyond --record-per-hour)";
        assert_eq!((recorder.counted().as_str(), recorder.lacks_some()), (counted, true));
        let files = files(folder.path(), "json");
        let numbers = files.iter().map(|path| path.file_name().unwrap().to_str().unwrap()[..6].to_owned());
        let expected: Vec<_> = (1..=20 * (run + 1)).map(|number| format!("{number:06}")).collect();
        assert_eq!(numbers.collect::<Vec<_>>(), expected);
        for file in files {
            assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}

#[test]
fn what_finds_the_queue_full_is_counted_and_the_capture_does_not_wait() {
    let folder = tempfile::tempdir().unwrap();
    let (queue, _never_read) = sync_channel(2);
    let (_never_ends, ended) = channel();
    let (mut recorder, _keeper) =
        Prepared::new(RecorderSettings { per_hour: 10_000, ..settings(folder.path()) })
            .unwrap()
            .apart(queue, ended);
    for number in 1..=1_000 {
        recorder.frame(&frame(number, &[5; 1_000]));
    }
    fail(&mut recorder, 1_000);
    let begun = Instant::now();
    recorder.finish_within(Duration::from_millis(50));
    assert!(begun.elapsed() < Duration::from_secs(5));
    let news: Vec<_> = recorder.news().collect();
    let reported = |what: &str| news.iter().filter(|news| news.contains(what)).count();
    assert_eq!(
        (reported("packets are missing"), reported("failures get no files"), reported("is lost")),
        (1, 1, 1),
        "{news:?}"
    );
    let counted = recorder.counted();
    assert!(
        counted.contains("more than can wait") && counted.contains("not written before the end"),
        "{counted}"
    );
    assert!(
        counted.contains("packets missing from the recordings, since the disk was too slow: "),
        "{counted}"
    );
}

#[test]
fn a_folder_that_vanishes_is_reported_once_and_what_it_lacks_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let recordings = folder.path().join("recordings");
    let mut recorder = in_turn(settings(&recordings), |recorder| {
        fs::remove_dir_all(&recordings).unwrap();
        for number in 1..=1_000 {
            recorder.frame(&frame(number, &[5; 1_000]));
        }
        fail(recorder, 7);
    });
    let news: Vec<_> = recorder.news().collect();
    let reported = |what: &str| news.iter().filter(|news| news.contains(what)).count();
    assert_eq!(
        (reported("could not be recorded: No such file"), reported("the ring can't be written"), news.len()),
        (1, 1, 2),
        "{news:?}"
    );
    assert_eq!(recorder.counted(), "failures recorded: 0; without a file: 7 (7 could not be written)");
}

#[test]
fn a_failure_is_written_while_the_capture_continues() {
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = start(settings(folder.path()));
    fail(&mut recorder, 1);
    let judged = refused();
    let begun = Instant::now();
    let mut now = judged.story.last.at + Elapsed::from_millis(5_000);
    while files(folder.path(), "json").is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(20));
        recorder.pass(now);
        now += Elapsed::from_millis(100);
        thread::sleep(Duration::from_millis(5));
    }
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
    let mut sink = Hostile(Recording(start(settings(folder.path()))));
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
fn the_disk_holds_no_more_than_the_bound() {
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = in_turn(settings(folder.path()), |recorder| {
        (1..=5_000).for_each(|number| recorder.frame(&frame(number, &[5; 1_000])));
    });
    let on_disk: u64 =
        files(folder.path(), "pcapng").iter().map(|file| fs::metadata(file).unwrap().len()).sum();
    assert!(on_disk > MEBIBYTE / 8 && on_disk <= MEBIBYTE / 4 + 4_096, "{on_disk}");
    assert_eq!(recorder.news().count(), 0);
}

#[test]
fn the_folder_holds_no_more_than_the_bound_however_many_connections_fail() {
    let folder = tempfile::tempdir().unwrap();
    let small = RecorderSettings { size: 64 * 1024, ..settings(folder.path()) };
    let on_disk = || -> u64 {
        let all = fs::read_dir(folder.path()).unwrap().flatten();
        all.map(|entry| entry.metadata().unwrap().len()).sum()
    };
    let mut names = Vec::new();
    for _ in 0..3 {
        // Each run finds what the one before left.
        let mut news = Vec::new();
        for _ in 0..12 {
            let mut recorder = record("refused/plain/capture.pcapng", start(small.clone()));
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
