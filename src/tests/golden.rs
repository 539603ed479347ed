//! Every situation of testdata: its verdict against its README, and its reports against the golden files next to it.
//!
//! `UPDATE_GOLDEN=1 cargo test` rewrites the golden files; read the difference before committing it.

use std::fs;
use std::io::{self, Cursor};

use serde_json::Value;
use ssmscope::analysis::{self, Event, Judged, Needs, Settings, Sink, Watching};
use ssmscope::capture::{self, Target};

use crate::rewritten::{Frame, pcap, recordings};
use crate::support::run::{Outcome, is_updating, ssmscope};
use crate::support::situations::{Situation, situations};

/// Situations that are judged wrongly, and why.
const WRONG: [(&str, &str); 3] = [
    ("handshake-stalled/pmtu-client-certificate-tls13", "the request after the lost flight counts"),
    (
        "tls-alert/untrusted-curl-java-tls12",
        "the refusal came before the flight was complete, as is to be seen",
    ),
    (
        "tls-alert/untrusted-python-java-tls12",
        "the refusal came before the flight was complete, as is to be seen",
    ),
];

#[test]
fn every_situation_has_the_verdict_that_its_readme_names() {
    let mut wrong = Vec::new();
    for situation in situations() {
        for captures in situation.readings() {
            let lines = read(&situation, captures, &["--output", "json"]);
            let first: Value = serde_json::from_str(lines.lines().next().unwrap_or("null")).unwrap();
            let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
            let verdict = &first["verdict"];
            let found = format!(
                "{} stage={} actor={} cause={}",
                text(&verdict["code"]),
                text(&first["stage"]),
                text(&verdict["actor"]),
                text(&verdict["cause"])
            );
            let is_known = WRONG.iter().any(|(name, _)| *name == situation.name);
            if (found != situation.verdict) != is_known {
                wrong.push(format!("{} {captures:?}: {found}, not {}", situation.name, situation.verdict));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn reports_are_those_of_the_golden_files() {
    let mut wrong = Vec::new();
    for situation in situations() {
        let Some(captures) = situation.readings().next() else { continue };
        for (file, options) in [
            ("timeline.txt", &[][..]),
            ("output.json", &["--output", "json"]),
            ("output.md", &["--output", "markdown"]),
            ("output.html", &["--output", "html"]),
            ("flat.jsonl", &["--output", "flat"]),
            ("flat.csv", &["--output", "flat", "--format", "csv"]),
        ] {
            let golden = situation.folder.join(file);
            // A few show what Markdown, a page and rows look like.
            if !matches!(file, "timeline.txt" | "output.json") && !golden.exists() {
                continue;
            }
            let found = read(&situation, captures, options);
            if is_updating() {
                fs::write(&golden, &found).unwrap();
            } else if fs::read_to_string(&golden).unwrap_or_default() != found {
                wrong.push(format!("{}\n{found}", golden.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "not as in these files (UPDATE_GOLDEN=1 writes them):\n{}", wrong.join("\n"));
}

/// What `ssmscope read` prints, with the situation's folder as the working directory. Certificates are checked against the
/// situation's own authority where it has one, else against one that signed none of them, whatever the machine has.
fn read(situation: &Situation, captures: &[String], options: &[&str]) -> String {
    let mut command = ssmscope(&["read"]);
    command.current_dir(&situation.folder);
    command.env("SSL_CERT_FILE", "../../lab/stranger.pem").env_remove("SSL_CERT_DIR");
    if situation.folder.join("ca.pem").exists() {
        command.args(["--ca-file", "ca.pem"]);
    }
    command.args(options).args(captures);
    if !situation.logs.is_empty() {
        command.arg("--log").args(&situation.logs);
    }
    Outcome::of(&mut command).out
}

/// The verdicts on each connection: while its packets came, and at its end.
#[derive(Default)]
struct Verdicts {
    known: Vec<(u64, &'static str)>,
    judged: Vec<(u64, &'static str)>,
}

impl Sink for Verdicts {
    fn needs(&self) -> Needs {
        Needs::ALL
    }

    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        if let Event::Known(judged) = event {
            self.known.push((judged.story.first.number, judged.verdict.code.name()));
        }
        Ok(())
    }

    fn connection(&mut self, judged: Judged) -> io::Result<()> {
        self.judged.push((judged.story.first.number, judged.verdict.code.name()));
        Ok(())
    }
}

#[test]
fn watching_a_capture_ends_in_the_same_verdicts() {
    let mut early = 0;
    for situation in situations() {
        for paths in situation.paths() {
            let [watched, read] = [true, false].map(|watches| {
                let mut verdicts = Verdicts::default();
                let mut source = capture::open(&paths).unwrap();
                let everything = Target::new(&[], &[], None).unwrap();
                let watching = if watches { Watching::Always } else { Watching::Never };
                let settings = Settings { watching, ..Settings::default() };
                analysis::analyse(source.as_mut(), everything, &settings, &mut verdicts).unwrap();
                verdicts.judged.sort_unstable();
                verdicts
            });
            assert_eq!(watched.judged, read.judged, "{}", situation.name);
            assert!(read.known.is_empty());
            early += watched.known.len();
        }
    }
    assert!(early > 20, "only {early} verdicts before the end");
}

/// The frames of `healthy/plain` with these numbers, counted from 1, as another connection's that begins this many seconds later.
fn copied(frames: &[Frame], kept: impl Fn(usize) -> bool, seconds: i64, client: u16) -> Vec<Frame> {
    /// After the headers of Ethernet and IPv4: the source's port, and the destination's.
    const PORTS: [usize; 2] = [34, 36];
    const SERVER: [u8; 2] = 8443_u16.to_be_bytes();
    let mut copies = Vec::new();
    for (_, frame) in (1..).zip(frames).filter(|(number, _)| kept(*number)) {
        let mut frame = frame.clone();
        frame.nanos += seconds * 1_000_000_000;
        for at in PORTS {
            if frame.bytes[at..at + 2] != SERVER {
                frame.bytes[at..at + 2].copy_from_slice(&client.to_be_bytes());
            }
        }
        copies.push(frame);
    }
    copies
}

#[test]
fn what_the_capture_loses_of_others_counts_while_it_is_watched() {
    /// The packet that brings the answer, and the one by which the client closes, which acknowledges it.
    const ANSWER: usize = 13;
    const CLOSING: usize = 14;
    let plain = recordings().into_iter().find(|recording| recording.name == "healthy/plain").unwrap();
    let lossy = |number: usize| number != ANSWER && number <= CLOSING;
    let judged = |others: &[u16], watching| {
        let mut frames = copied(&plain.frames, |number| number < ANSWER, 0, 50_000);
        frames.extend(others.iter().flat_map(|port| copied(&plain.frames, lossy, 0, *port)));
        for seconds in [1, 20] {
            frames.extend(copied(&plain.frames, |_| true, seconds, 50_003 + seconds as u16));
        }
        frames.sort_by_key(|frame| frame.nanos);
        let mut source = capture::file::read("made", 0, Cursor::new(pcap(&frames)), None).unwrap();
        let mut verdicts = Verdicts::default();
        let settings = Settings { watching, ..Settings::default() };
        analysis::analyse(&mut *source, Target::default(), &settings, &mut verdicts).unwrap();
        let code = |verdicts: &[(u64, &'static str)]| {
            verdicts.iter().find(|(first, _)| *first == 1).map(|(_, code)| *code)
        };
        (code(&verdicts.known), code(&verdicts.judged))
    };
    for (others, known, expected) in
        [(&[50_001][..], Some("no-response"), "no-response"), (&[50_001, 50_002], None, "capture-gap")]
    {
        assert_eq!(judged(others, Watching::Always), (known, Some(expected)), "{others:?}");
        assert_eq!(judged(others, Watching::Never), (None, Some(expected)), "{others:?}");
    }
}
