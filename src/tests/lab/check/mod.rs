//! Active checks against real servers, proxies and resolvers: each fault with its verdict, which a capture of the check has too.

mod attempts;
mod faults;
mod https_proxies;
mod kinds;
mod limits;
mod logs;
mod losses;
mod monitoring;
mod names;
mod offers;
mod page_requests;
mod pins;
mod proxies;
mod redacted;
mod revocation;
mod secrets;
mod socks;
mod starttls;
mod states;
mod targets;
mod tokens;
mod unfinished;

use std::collections::BTreeMap;
use std::fmt;
use std::process::Command;
use std::thread;

use serde_json::Value;

use crate::support::lab::Lab;
use crate::support::run::{Outcome, path, run};

/// The time limit and the stall time of checks that end in a silence.
const QUICK: [&str; 4] = ["-t", "2", "--stall-after", "0.5"];

/// A check with its output as JSON.
struct Checked {
    outcome: Outcome,
    connections: Vec<Value>,
    check: Value,
}

impl Checked {
    fn of(command: &mut Command) -> Self {
        Self::from(Outcome::of(command))
    }

    /// The codes of the connections' verdicts.
    fn codes(&self) -> Vec<&str> {
        self.connections.iter().filter_map(|line| line["verdict"]["code"].as_str()).collect()
    }

    /// What decided the check's status.
    fn reason(&self) -> &str {
        self.check["reason"].as_str().unwrap_or_default()
    }

    fn status(&self) -> i32 {
        self.outcome.status
    }

    fn contains(&self, words: &str) -> bool {
        self.outcome.out.contains(words)
    }
}

impl From<Outcome> for Checked {
    /// Every line keeps to the schema, and the groups hold every connection that failed.
    fn from(outcome: Outcome) -> Self {
        let schema = serde_json::to_value(ssmscope::report::machine::json::schema()).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        for line in outcome.objects() {
            let faults: Vec<_> = validator.iter_errors(&line).map(|fault| fault.to_string()).collect();
            assert!(faults.is_empty(), "{faults:?}\n{line}");
        }
        let is_failure =
            |line: &&Value| matches!(line["verdict"]["severity"].as_str(), Some("critical" | "warning"));
        let failed: Vec<_> = outcome.connections().iter().filter(is_failure).map(code_of).collect();
        let summary = outcome.objects_of("summary").pop().unwrap_or_default();
        // The counts by server are those of the whole.
        let mut by_server = BTreeMap::new();
        for server in summary["servers"].as_array().into_iter().flatten() {
            for (code, count) in server["verdicts"].as_object().into_iter().flatten() {
                *by_server.entry(code.as_str()).or_insert(0) += count.as_u64().unwrap_or_default();
            }
        }
        let counted = summary["verdicts"].as_object().into_iter().flatten();
        let counted: BTreeMap<_, _> =
            counted.map(|(code, count)| (code.as_str(), count.as_u64().unwrap_or_default())).collect();
        assert_eq!(by_server, counted, "{summary}");
        let groups = summary["groups"].as_array().cloned().unwrap_or_default();
        let grouped = groups.iter().flat_map(|group| {
            let count = group["count"].as_u64().unwrap_or_default();
            (0..count).map(|_| group["code"].clone())
        });
        assert_eq!(sorted(grouped), sorted(failed), "{outcome:?}");
        let check = outcome.objects_of("check").pop().unwrap_or_else(|| panic!("no check in {outcome:?}"));
        Self { connections: outcome.connections(), check, outcome }
    }
}

fn code_of(connection: &Value) -> Value {
    connection["verdict"]["code"].clone()
}

fn sorted(codes: impl IntoIterator<Item = Value>) -> Vec<String> {
    let mut codes: Vec<_> = codes.into_iter().map(|code| code.to_string()).collect();
    codes.sort();
    codes
}

impl fmt::Display for Checked {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}{}", self.outcome.out, self.outcome.error)
    }
}

fn check(lab: &Lab, options: &[&str]) -> Checked {
    Checked::of(lab.check(&["-o", "json"]).args(options))
}

/// One way to fail, or not to.
struct Case<'c> {
    code: &'c str,
    cause: Option<&'c str>,
    options: Vec<&'c str>,
}

impl<'c> Case<'c> {
    fn new(code: &'c str, options: &[&'c str]) -> Self {
        Self { code, cause: None, options: options.to_vec() }
    }

    fn cause(self, cause: &'c str) -> Self {
        Self { cause: Some(cause), ..self }
    }

    /// The check has the verdict, and so has a capture of it.
    fn holds(&self, lab: &Lab) {
        monitoring::holds(lab, &self.options, self.code);
        let file = lab.folder.path().join("capture.pcap");
        let tcpdump = lab.tcpdump(&["--immediate-mode"], &file);
        let checked = check(lab, &self.options);
        let (code, options) = (self.code, &self.options);
        assert_eq!(checked.codes(), [code], "{options:?}\n{checked}");
        let connection = &checked.connections[0];
        assert_eq!(connection["verdict"]["cause"].as_str(), self.cause, "{options:?}\n{checked}");
        let Some(tcpdump) = tcpdump else { return };
        tcpdump.end();
        let stall = if options.contains(&"--stall-after") { "0.5" } else { "3" };
        let slow = if code == "slow" { "0.00005" } else { "2" };
        let read = ["read", "-o", "json", "--stall-after", stall, "--slow-after", slow, "--tls-port", "8444"];
        let read = run(&[&read[..], &[path(&file)]].concat());
        // The capture may contain the last packets of earlier connections too.
        let captured = read
            .connections()
            .into_iter()
            .find(|line| line["client"] == connection["client"])
            .unwrap_or_else(|| panic!("{options:?} is not in its capture\n{read:?}\n{checked}"));
        let judgement = |line: &Value| (line["verdict"]["code"].clone(), line["stage"].clone());
        assert_eq!(judgement(&captured), judgement(connection), "{options:?} by its capture\n{checked}");
    }
}

/// Runs each in a network of its own, all at once.
fn at_once(works: &[fn(&Lab)]) {
    thread::scope(|scope| {
        for work in works {
            scope.spawn(move || {
                if let Some(lab) = Lab::with_ipv6() {
                    work(&lab);
                }
            });
        }
    });
}
