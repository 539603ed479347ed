//! The recorded situations of testdata, each a folder with captures and a README that says what they show: `CODE/VARIANT`, or
//! a variant of `tcp`, `link`, `file` or `transcript`.

use std::fs;
use std::path::{Path, PathBuf};

/// Beginnings of the names of situations whose verdict needs no payload.
pub const WITHOUT_PAYLOAD: [&str; 7] = [
    "syn-no-reply/",
    "refused/",
    "unreachable/",
    "tcp-handshake-incomplete/",
    "client-silent/",
    "no-server-hello/",
    "in-progress/syn",
];

/// One folder with captures.
pub struct Situation {
    /// Its path below testdata, `reset/injected`, by which tests and pages refer to it.
    pub name: String,
    pub folder: PathBuf,
    /// The names of its captures; those of a ring are read together, others one by one.
    pub captures: Vec<String>,
    /// The names of the logs next to them.
    pub logs: Vec<String>,
    /// The verdict on its first connection, as its README has it: `code stage=... actor=... cause=...`.
    pub verdict: String,
    is_one_capture: bool,
}

impl Situation {
    fn read(folder: PathBuf) -> Option<Self> {
        let readme = fs::read_to_string(folder.join("README.md")).ok()?;
        let verdict = readme.lines().nth(3)?.strip_prefix("verdict: ")?.to_owned();
        let names = entries(&folder).into_iter().map(|path| file_name(&path));
        let captures: Vec<_> =
            names.filter(|name| name.contains(".pcap") || name == "transcript.txt").collect();
        let is_log = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "log");
        let logs = entries(&folder).into_iter().filter(is_log).map(|path| file_name(&path)).collect();
        let is_one_capture = !captures.iter().any(|name| name.starts_with("capture."));
        let name = folder.strip_prefix(root()).ok()?.display().to_string();
        Some(Self { name, folder, captures, logs, verdict, is_one_capture })
    }

    /// The code of its verdict.
    pub fn code(&self) -> &str {
        self.verdict.split(' ').next().unwrap_or_default()
    }

    /// The names of the captures that are read at once, reading by reading.
    pub fn readings(&self) -> impl Iterator<Item = &[String]> {
        let at_once = if self.is_one_capture { self.captures.len().max(1) } else { 1 };
        self.captures.chunks(at_once)
    }

    /// Its logs as paths.
    pub fn log_paths(&self) -> Vec<PathBuf> {
        self.logs.iter().map(|name| self.folder.join(name)).collect()
    }

    /// The same as paths.
    pub fn paths(&self) -> impl Iterator<Item = Vec<PathBuf>> {
        self.readings().map(|names| names.iter().map(|name| self.folder.join(name)).collect())
    }

    /// All its captures.
    pub fn files(&self) -> Vec<PathBuf> {
        self.captures.iter().map(|name| self.folder.join(name)).collect()
    }

    /// Its capture, where it is one uncompressed file of frames and its verdict rests on nothing else.
    pub fn frames(&self) -> Option<PathBuf> {
        if !self.logs.is_empty() {
            return None;
        }
        let name =
            self.captures.iter().find(|name| ["capture.pcap", "capture.pcapng"].contains(&name.as_str()));
        Some(self.folder.join(name?))
    }
}

/// All of them, in the order of their names.
pub fn situations() -> Vec<Situation> {
    entries(&root()).iter().flat_map(|group| entries(group)).filter_map(Situation::read).collect()
}

/// The capture of the situation that has this name.
pub fn capture(situation: &str) -> String {
    let situation = Situation::read(root().join(situation)).unwrap_or_else(|| panic!("no {situation}"));
    situation.folder.join(&situation.captures[0]).display().to_string()
}

/// A file of testdata, as an argument.
pub fn testdata(path: &str) -> String {
    root().join(path).display().to_string()
}

/// What a folder contains, in the order of the names.
pub fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata")
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
