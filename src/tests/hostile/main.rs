//! Hostile input: every capture of the test data, damaged in all ways that a file can be, is analysed or refused. Nothing
//! panics, nothing takes long, nothing takes more memory than it should, and no report holds what could harm its reader.
//!
//! 3,000 captures are tried by default. `MUTATED_CAPTURES=1000000 cargo test --release --test hostile` tries more, the same
//! ones first; `MUTATED_FROM=5000` begins with another. What fails is written to `target/tmp`. `FLOOD_MEGABYTES=100` makes the
//! floods as long as that.

mod bounds;
mod floods;
mod made;
mod mutation;
mod seeds;
#[path = "../support/mod.rs"]
mod support;
mod targets;

use std::io::{Cursor, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use mutation::Seed;
use nix::time::{ClockId, clock_gettime};
use peak_alloc::PeakAlloc;
use serde_json::Value;
use ssmscope::analysis::Watching;
use ssmscope::capture::Target;
use ssmscope::capture::merge::Merged;
use support::random::Random;
use support::situations::{entries, situations, testdata};
use targets::{Analysis, WAYS};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Tests that measure memory run one at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// What `work` returns, how long the processor was busy with it, and how many bytes it held at a time.
fn measured<T>(work: impl FnOnce() -> T) -> (T, Duration, usize) {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    let (began, busy_before) = (Instant::now(), busy());
    let outcome = work();
    let elapsed =
        busy().zip(busy_before).map_or_else(|| began.elapsed(), |(now, before)| now.saturating_sub(before));
    (outcome, elapsed, MEMORY.peak_usage().saturating_sub(before))
}

/// How long this thread has run: the time of other programs does not count.
fn busy() -> Option<Duration> {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).ok().map(Duration::from)
}

/// How long one capture may take. They have some hundred packets, and take a millisecond.
const LONGEST: Duration = Duration::from_secs(5);

/// What the analysis of one capture may hold at a time, in bytes.
const MOST_MEMORY: usize = 64 * 1024 * 1024;

/// The test captures, in the order of their names.
fn captures() -> Vec<Vec<u8>> {
    let files = situations().into_iter().flat_map(|situation| situation.files());
    files.map(|path| std::fs::read(path).expect("a capture")).collect()
}

#[test]
fn every_capture_has_a_connection_to_judge() {
    let captures = captures();
    assert!(captures.len() > 250);
    let analysis = Analysis::default();
    for bytes in captures {
        let report = analysis.of_file(Cursor::new(bytes)).expect("a capture");
        assert!(report.summary["connections"].as_u64() > Some(0));
    }
}

#[test]
fn damage_is_survived() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let seeds: Vec<_> = captures().iter().map(|bytes| Seed::of(bytes)).collect();
    let from = setting("MUTATED_FROM").unwrap_or(0);
    let mut failures = Vec::new();
    let (mut slowest, mut largest) = ((Duration::ZERO, 0), (0, 0));
    for number in from..from + setting("MUTATED_CAPTURES").unwrap_or(3_000) {
        let mut random = Random::new(number);
        let bytes = mutation::mutated(&seeds, &mut random);
        let analysis = analysis(&mut random);
        let analyse = AssertUnwindSafe(|| analyse(&analysis, &bytes, &seeds, &mut random));
        let (outcome, elapsed, memory) = measured(|| catch_unwind(analyse));
        slowest = slowest.max((elapsed, number));
        largest = largest.max((memory, number));
        let fault = match outcome {
            Err(_) => "panicked".to_owned(),
            Ok(()) if elapsed > LONGEST => format!("took {elapsed:?}"),
            Ok(()) if memory > MOST_MEMORY => format!("held {memory} bytes"),
            Ok(()) => continue,
        };
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("mutated-{number}"));
        std::fs::write(&file, &bytes).expect("a file");
        failures.push(format!("{number} {fault}: {}", file.display()));
    }
    println!("slowest {} {:?}, largest {} {} bytes", slowest.1, slowest.0, largest.1, largest.0);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// One of the ways in which a user may ask.
fn analysis(random: &mut Random) -> Analysis {
    let hosts = ["192.0.2.10", "198.51.100.0/24", "2001:db8:2::20", "10.106.66.55"];
    let filters = ["tcp port 8443", "host 198.51.100.20 and not icmp", "ip6 or vlan", "greater 100"];
    let host: Vec<String> = if random.once_in(8) { vec![random.pick(&hosts).to_owned()] } else { Vec::new() };
    let port: Vec<u16> = if random.once_in(8) { vec![random.pick(&[8443, 443, 80])] } else { Vec::new() };
    let filter = random.once_in(16).then(|| random.pick(&filters).to_owned());
    Analysis {
        target: Target::new(&host, &port, filter).expect("addresses"),
        watching: random.pick(&[Watching::Never, Watching::Never, Watching::WhenIdle, Watching::Always]),
        keeps_timeline: !random.once_in(8),
        is_verbose: random.once_in(2),
        shows_all: random.once_in(2),
        ..Analysis::default()
    }
}

/// Analyses the bytes as a file, as one that comes in pieces, or merged with another.
fn analyse(analysis: &Analysis, bytes: &[u8], seeds: &[Seed], random: &mut Random) {
    match random.of(0..16) {
        0 => {
            let pieces = Pieces { bytes: Cursor::new(bytes.to_vec()), len: random.of(1..5_000) };
            let _ = analysis.of_file(pieces);
        }
        1 => {
            let other = mutation::mutated(seeds, random);
            let files = [bytes.to_vec(), other].into_iter().enumerate();
            let opened = files.filter_map(|(index, bytes)| {
                ssmscope::capture::file::read("file", index as u16, Cursor::new(bytes), None).ok()
            });
            if let Ok(mut merged) = Merged::new(opened.collect()) {
                analysis.of(&mut merged);
            }
        }
        _ => drop(analysis.of_file(Cursor::new(bytes.to_vec()))),
    }
}

/// A file that is read `len` bytes at a time.
struct Pieces {
    bytes: Cursor<Vec<u8>>,
    len: usize,
}

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let len = into.len().min(self.len);
        self.bytes.read(&mut into[..len])
    }
}

#[test]
fn every_way_in_takes_its_seeds_and_what_is_left_of_them() {
    let captures = captures();
    let mut random = Random::new(1);
    for way in WAYS {
        let mut seeds = seeds::of(way.name, &captures);
        seeds.retain(|seed| !seed.is_empty());
        // Captures give all seeds but those of answers; those of text are fewer.
        let least = match way.name {
            "answer" => 3,
            "text" => 20,
            _ => 40,
        };
        assert!(seeds.len() >= least, "{} has {} seeds", way.name, seeds.len());
        if let Some(corpora) = std::env::var_os("SEED_CORPORA") {
            write_corpus(&Path::new(&corpora).join(way.name), &seeds);
        }
        for number in 0..300 {
            let mut seed = seeds[random.of(0..seeds.len())].clone();
            seed.truncate(4_000);
            if number > 50 {
                mutation::damage_bytes(&mut seed, &seeds[random.of(0..seeds.len())], &mut random);
            }
            (way.take)(&seed);
        }
    }
}

#[test]
fn frames_have_every_link_type_that_is_read() {
    for link_type in ssmscope::decode::LINK_TYPES {
        assert!(targets::LINK_TYPES.contains(&link_type), "link type {link_type}");
    }
}

#[test]
fn seeds_of_answers_are_answers() {
    let read = |seed: &Vec<u8>| {
        let (addresses, name) = ssmscope::probe::answered(seed).expect("an answer");
        (addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(","), name.unwrap_or_default())
    };
    let answers: Vec<_> = seeds::of("answer", &[]).iter().map(read).collect();
    let expected = [("192.0.2.7", "host.example"), ("2001:db8::1", "ssm.example"), ("", "ssm.example")];
    assert_eq!(answers, expected.map(|(addresses, name)| (addresses.to_owned(), name.to_owned())));
}

/// Writes seeds for a fuzzer.
fn write_corpus(folder: &Path, seeds: &[Vec<u8>]) {
    std::fs::create_dir_all(folder).expect("a folder");
    for (number, seed) in seeds.iter().enumerate() {
        std::fs::write(folder.join(format!("seed-{number:04}")), seed).expect("a file");
    }
}

#[test]
fn hostile_files_are_read_and_their_words_escaped() {
    for way in WAYS {
        for file in entries(Path::new(&testdata("hostile")).join(way.name).as_path()) {
            (way.take)(&std::fs::read(file).expect("a file"));
        }
    }
}

#[test]
fn the_content_of_a_hostile_file_is_reported_unchanged() {
    let first = |name: &str| {
        let path = testdata(&format!("hostile/capture/{name}"));
        Analysis::default().of_file(std::fs::File::open(path).expect("a file")).expect("a capture").first
    };
    let name = "\u{1b}[2J\u{1b}]0;owned\u{7}|critical=1\u{202e}moc.elpmaxe\u{200b}<script>&=cmd|\r\nx";
    assert_eq!(first("name-that-drives-a-terminal.pcap")["tls"]["server_name"], name);
    // Where bytes overlap, those that came first count, and none is taken from elsewhere.
    let overlap = first("overlapping-segments-of-other-content.pcap");
    assert_eq!((&overlap["stage"], &overlap["tls"]["server_name"]), (&"client-hello".into(), &Value::Null));
    let wrap = first("sequence-numbers-that-wrap.pcap");
    assert_eq!(
        (&wrap["verdict"]["code"], &wrap["tls"]["server_name"]),
        (&"closed-early".into(), &"ssm.example".into())
    );
    assert_eq!(first("times-that-leap.pcap")["verdict"]["code"], "reset");
    assert_eq!(first("clock-that-is-set-in-a-handshake.pcap")["verdict"]["code"], "reset");
}
