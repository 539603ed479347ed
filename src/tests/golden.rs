//! Every situation of testdata: its verdict against its README, and its reports against the golden files next to it.
//!
//! `UPDATE_GOLDEN=1 cargo test` writes the golden files anew; the difference is then to be read before it is committed.

use std::fs;
use std::io;

use serde_json::Value;
use ssmscope::analysis::{self, Event, Judged, Needs, Settings, Sink, Watching};
use ssmscope::capture::{self, Target};

use crate::support::run::{Outcome, is_updating, ssmscope};
use crate::support::situations::{Situation, situations};

/// Situations that are judged wrongly, and why.
const WRONG: [(&str, &str); 3] = [
    ("handshake-stalled/pmtu-client-certificate-tls13", "the request behind the lost flight counts"),
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
