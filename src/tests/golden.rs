//! Every situation of testdata: its verdict against its README, and its reports against the golden files beside it.
//!
//! `UPDATE_GOLDEN=1 cargo test` writes the golden files anew; the difference is then to be read before it is committed.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use ssmscope::analysis::{self, Judged, Settings, Sink, Watching};
use ssmscope::capture::{self, Target};
use ssmscope::verdict::RULES;

/// Situations that are judged wrongly, and why.
const WRONG: [(&str, &str); 3] = [
    ("handshake-stalled--pmtu-client-certificate-tls13", "the request behind the lost flight counts"),
    (
        "tls-alert--untrusted-curl-java-tls12",
        "the refusal came before the flight was complete, as is to be seen",
    ),
    (
        "tls-alert--untrusted-python-java-tls12",
        "the refusal came before the flight was complete, as is to be seen",
    ),
];

/// One folder of testdata.
struct Situation {
    folder: PathBuf,
    /// Its captures; those of `ring` are read together, others one by one.
    captures: Vec<String>,
    is_one_capture: bool,
    /// What its README says: the code, and `code stage=... actor=... cause=...`.
    code: String,
    verdict: String,
}

#[test]
fn every_situation_has_the_verdict_that_its_readme_names() {
    let mut wrong = Vec::new();
    for situation in situations() {
        for captures in situation.readings() {
            let lines = situation.run(captures, &["--output", "json"]);
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
            let is_known = WRONG.iter().any(|(name, _)| *name == situation.name());
            if (found != situation.verdict) != is_known {
                wrong.push(format!(
                    "{} {captures:?}: {found}, not {}",
                    situation.folder.display(),
                    situation.verdict
                ));
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
        for (file, options) in [("timeline.txt", &[][..]), ("output.json", &["--output", "json"])] {
            let golden = situation.folder.join(file);
            let found = situation.run(captures, options);
            if is_updating() {
                fs::write(&golden, &found).unwrap();
            } else if fs::read_to_string(&golden).unwrap_or_default() != found {
                wrong.push(format!("{}\n{found}", golden.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "not as in these files (UPDATE_GOLDEN=1 writes them):\n{}", wrong.join("\n"));
}

#[test]
fn every_verdict_has_a_page_and_a_capture_of_its_name() {
    let codes: BTreeSet<_> = RULES.iter().map(|rule| rule.code.to_owned()).collect();
    for code in &codes {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/verdicts/{code}.md"));
        let text = fs::read_to_string(&page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
        assert_eq!(text.lines().next(), Some(format!("# {code}").as_str()), "{}", page.display());
        assert!(text.lines().count() > 3, "{} says nothing", page.display());
    }
    let named = situations().filter(|situation| situation.name() == situation.code);
    let captured: BTreeSet<_> = named.map(|situation| situation.code).collect();
    let lacking: Vec<_> = codes.difference(&captured).collect();
    assert!(lacking.is_empty(), "no folder in testdata has both the name and the verdict {lacking:?}");
}

#[test]
fn every_reason_of_a_check_has_a_page_of_its_name() {
    for reason in ssmscope::probe::REASONS {
        assert_eq!(reason.page.lines().next(), Some(format!("# {}", reason.code).as_str()));
        assert!(reason.page.lines().all(|line| line.chars().count() <= 80), "{}", reason.code);
    }
}

#[test]
fn the_readme_shows_what_is_really_printed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let golden = fs::read_to_string(root.join("testdata/vmanage-transcript/timeline.txt")).unwrap();
    let (connection, _) = golden.split_once("\nCapture\n").expect("the notes on the capture come last");
    assert!(readme.contains(connection.trim_end()), "README.md's sample is not this:\n{connection}");
}

impl Situation {
    fn read(folder: PathBuf) -> Option<Self> {
        let readme = fs::read_to_string(folder.join("README.md")).ok()?;
        let verdict = readme.lines().nth(3)?.strip_prefix("verdict: ")?.to_owned();
        let names =
            fs::read_dir(&folder).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let is_capture = |name: &String| name.contains(".pcap") || name == "transcript.txt";
        let mut captures: Vec<_> = names.filter(is_capture).collect();
        captures.sort();
        let is_one_capture = !captures.iter().any(|name| name.starts_with("capture."));
        let code = verdict.split(' ').next()?.to_owned();
        Some(Self { folder, captures, is_one_capture, code, verdict })
    }

    fn name(&self) -> String {
        self.folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The captures that are read at once, reading by reading.
    fn readings(&self) -> impl Iterator<Item = &[String]> {
        let at_once = if self.is_one_capture { self.captures.len().max(1) } else { 1 };
        self.captures.chunks(at_once)
    }

    /// What `ssmscope read` prints, with the folder as the working directory. Certificates are checked against the
    /// situation's own authority where it has one, else against one that signed none of them, whatever the machine has.
    fn run(&self, captures: &[String], options: &[&str]) -> String {
        let authority = self.folder.join("ca.pem").exists().then_some(["--ca-file", "ca.pem"]);
        let output = Command::new(env!("CARGO_BIN_EXE_ssmscope"))
            .current_dir(&self.folder)
            .env("TZ", "UTC")
            .env("NO_COLOR", "1")
            .env("SSL_CERT_FILE", "../stranger.pem")
            .env_remove("SSL_CERT_DIR")
            .arg("read")
            .args(authority.iter().flatten())
            .args(options)
            .args(captures)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

fn situations() -> impl Iterator<Item = Situation> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut folders: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders.into_iter().filter_map(Situation::read)
}

fn is_updating() -> bool {
    std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| !value.is_empty())
}

/// What was told of each connection: while its packets came, and at its end.
#[derive(Default)]
struct Told {
    known: Vec<(u64, &'static str)>,
    judged: Vec<(u64, &'static str)>,
}

impl Sink for Told {
    fn known(&mut self, judged: &Judged) -> io::Result<()> {
        self.known.push((judged.story.first.number, judged.verdict.code));
        Ok(())
    }

    fn connection(&mut self, judged: Judged) -> io::Result<()> {
        self.judged.push((judged.story.first.number, judged.verdict.code));
        Ok(())
    }
}

#[test]
fn watching_a_capture_ends_in_the_same_verdicts() {
    let mut told_early = 0;
    for situation in situations() {
        for captures in situation.readings() {
            let paths: Vec<_> = captures.iter().map(|name| situation.folder.join(name)).collect();
            let [watched, read] = [true, false].map(|watches| {
                let mut told = Told::default();
                let mut source = capture::open(&paths).unwrap();
                let everything = Target::new(&[], &[], None).unwrap();
                let watching = if watches { Watching::Always } else { Watching::Never };
                let settings = Settings { watching, ..Settings::default() };
                analysis::analyse(source.as_mut(), everything, &settings, &mut told).unwrap();
                told.judged.sort_unstable();
                told
            });
            assert_eq!(watched.judged, read.judged, "{}", situation.folder.display());
            assert!(read.known.is_empty());
            told_early += watched.known.len();
        }
    }
    assert!(told_early > 20, "only {told_early} verdicts were told before the end");
}
