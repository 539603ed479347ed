//! Runs the command, and holds what it printed.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;

use serde_json::Value;

/// The program that Cargo built for the tests.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_ssmscope");

/// The command with these arguments: times in UTC, no colour, and no proxy of the caller's environment.
pub fn ssmscope(arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments);
    isolate(&mut command);
    command
}

/// Takes from a command's environment what changes the output.
pub fn isolate(command: &mut Command) {
    command.env("TZ", "UTC").env("LC_ALL", "C.UTF-8").env("NO_COLOR", "1").env_remove("CLICOLOR_FORCE");
    command.env_remove("COLUMNS");
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"] {
        command.env_remove(name);
    }
}

/// Runs the command with these arguments to its end.
pub fn run(arguments: &[&str]) -> Outcome {
    Outcome::of(&mut ssmscope(arguments))
}

/// Starts a command with pipes for its input and its outputs.
pub fn spawn(command: &mut Command) -> Child {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// What a command printed, and its exit status.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// -1 for a command that a signal ended.
    pub status: i32,
    pub out: String,
    pub error: String,
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code().unwrap_or(-1),
            out: text(&output.stdout),
            error: text(&output.stderr),
        }
    }
}

impl Outcome {
    /// Runs a command to its end.
    pub fn of(command: &mut Command) -> Self {
        command.output().unwrap().into()
    }

    /// Runs a command to its end, with these bytes as its standard input.
    pub fn fed(command: &mut Command, input: &[u8]) -> Self {
        let mut child = spawn(command);
        let mut pipe = child.stdin.take().unwrap();
        thread::scope(|scope| {
            // A command that does not read to the end closes the pipe.
            scope.spawn(move || drop(pipe.write_all(input)));
            child.wait_with_output().unwrap().into()
        })
    }

    /// The first line of standard output.
    pub fn first_line(&self) -> &str {
        self.out.lines().next().unwrap_or_default()
    }

    /// The lines of standard output that are JSON.
    pub fn objects(&self) -> Vec<Value> {
        self.out.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The JSON lines of one type: `connection`, `open`, `check` or `summary`.
    pub fn objects_of(&self, kind: &str) -> Vec<Value> {
        self.objects().into_iter().filter(|object| object["type"] == kind).collect()
    }

    /// The JSON lines of connections.
    pub fn connections(&self) -> Vec<Value> {
        self.objects_of("connection")
    }

    /// The codes of the connections' verdicts, in order.
    pub fn codes(&self) -> Vec<String> {
        let code = |object: Value| Some(object["verdict"]["code"].as_str()?.to_owned());
        self.connections().into_iter().filter_map(code).collect()
    }

    /// The JSON line with the summary, which is the last.
    pub fn summary(&self) -> Value {
        self.objects_of("summary").pop().unwrap_or_else(|| panic!("no summary: {self:?}"))
    }
}

/// Bytes as text, whatever they are.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A path as an argument.
pub fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Whether golden files are to be rewritten: `UPDATE_GOLDEN=1 cargo test`.
pub fn is_updating() -> bool {
    std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| !value.is_empty())
}

/// Whether tcpdump 4.99 is installed, whose output ours is compared with; the reason is printed where it is not.
pub fn has_tcpdump() -> bool {
    let version = Command::new("tcpdump").arg("--version").output();
    let version = version.map(|output| [output.stdout, output.stderr].concat()).unwrap_or_default();
    let is_there = text(&version).contains("tcpdump version 4.99.");
    if !is_there {
        eprintln!("skipped: tcpdump 4.99 is not installed");
    }
    is_there
}

/// What tcpdump prints of a capture.
pub fn tcpdump(options: &[&str], capture: &Path) -> String {
    let mut command = Command::new("tcpdump");
    text(&command.env("TZ", "UTC").args(options).arg("-r").arg(capture).output().unwrap().stdout)
}
