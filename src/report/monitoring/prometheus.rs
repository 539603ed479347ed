//! Prometheus' text format 0.0.4, for a scrape or for node_exporter's textfile collector.
//!
//! Labels have few values: the verdicts' codes, the stages, the severities, the target that the user names, and the
//! servers that were selected one by one. No other address and no other port from the wire is one.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::io::{self, Write};

use super::nagios::EXPIRING;
use super::phases;
use crate::analysis::{LookupFault, Summary};
use crate::probe::{CheckOutcome, REASONS};
use crate::report::digest::MonitoredConnection;
use crate::report::{End, nothing};
use crate::story::Stage;
use crate::time::Timestamp;
use crate::verdict::{Actor, RULES, Severity, Status};

/// The reason when no connection was judged.
const NOTHING: &str = "nothing-to-judge";

/// The time of the last failure.
const LAST_FAILURE: &str = "ssmscope_last_failure_timestamp_seconds";

/// All stages, in their order.
const STAGES: [Stage; 10] = [
    Stage::None,
    Stage::Syn,
    Stage::SynAck,
    Stage::TcpEstablished,
    Stage::ClientHello,
    Stage::ServerHello,
    Stage::ServerFlightComplete,
    Stage::ClientFinished,
    Stage::TlsEstablished,
    Stage::ApplicationData,
];

/// Writes all metrics.
///
/// # Errors
/// When `out` can't be written.
pub fn write(of: &End<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut page = MetricsPage::default();
    page.add(of);
    page.write(out)?;
    out.flush()
}

/// Metrics of one run, or of several targets: all samples of a family are one group, as the format has it.
#[derive(Debug, Default)]
pub struct MetricsPage {
    families: Vec<Family>,
    /// The targets' labels.
    targets: Vec<Option<String>>,
}

/// The samples of one name.
#[derive(Debug)]
struct Family {
    name: &'static str,
    kind: Kind,
    help: &'static str,
    samples: String,
}

/// What a number is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only goes up while the process lives.
    Counter,
}

impl MetricsPage {
    /// Adds one number.
    pub fn number(
        &mut self,
        name: &'static str,
        kind: Kind,
        help: &'static str,
        labels: &[(&str, &str)],
        value: impl fmt::Display,
    ) {
        self.family(name, kind, help);
        Metrics { page: self, target: None }.sample(name, labels, value);
    }

    fn family(&mut self, name: &'static str, kind: Kind, help: &'static str) {
        if !self.families.iter().any(|family| family.name == name) {
            self.families.push(Family { name, kind, help, samples: String::new() });
        }
    }

    /// Adds all metrics of a run, or of the check of one more target.
    pub fn add(&mut self, of: &End<'_>) {
        self.targets.push(of.target.map(str::to_owned));
        let mut metrics = Metrics { page: self, target: of.target };
        metrics.family("ssmscope_build_info", "1, labelled with the version of ssmscope.");
        metrics.sample("ssmscope_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
        if of.summary.is_redacted {
            let name = "ssmscope_redacted";
            metrics
                .family(name, "1 where stand-ins replace what names somebody (--redact); absent elsewhere.");
            metrics.sample(name, &[], 1);
        }
        metrics.status(of);
        metrics.stages(of.digest.connection.as_ref());
        metrics.connections(of);
        if let Some(check) = &of.check {
            metrics.check(check.outcome);
        } else {
            metrics.servers(&of_servers(of));
            metrics.capture(of.summary);
        }
    }

    /// Adds when a file of these metrics was made, in seconds of Unix time, so that one that is no longer replaced is noticed.
    pub fn add_time(&mut self, seconds: u64) {
        let name = "ssmscope_textfile_timestamp_seconds";
        for target in self.targets.clone() {
            let mut metrics = Metrics { page: self, target: target.as_deref() };
            metrics.family(name, "When these metrics were made, in Unix time.");
            metrics.sample(name, &[], seconds);
        }
    }

    /// Writes all that was added.
    ///
    /// # Errors
    /// When `out` can't be written.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        for Family { name, kind, help, samples } in &self.families {
            let kind = match kind {
                Kind::Gauge => "gauge",
                Kind::Counter => "counter",
            };
            write!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n{samples}")?;
        }
        Ok(())
    }
}

/// What is known of one server, or of all ports of one address.
#[derive(Default)]
struct OfServer {
    connections: BTreeMap<Severity, u64>,
    last_failure: Option<Timestamp>,
}

/// The servers by their label, where the selection bounds how many there can be.
fn of_servers(of: &End<'_>) -> BTreeMap<String, OfServer> {
    let mut servers: BTreeMap<String, OfServer> = BTreeMap::new();
    let names = &of.summary.names;
    for ((host, port), server) in &of.summary.servers {
        let label = of.selected.zip(names.address(*host)).zip(names.port(*host, *port));
        let label = label.and_then(|((selected, address), port)| selected.server_label(address, port));
        let Some(label) = label else { continue };
        let known = servers.entry(label).or_default();
        for rule in RULES {
            let count = server.codes.get(&rule.code).copied().unwrap_or_default();
            *known.connections.entry(rule.severity).or_default() += count;
        }
        known.last_failure = known.last_failure.max(of.digest.last_failures.get(&(*host, *port)).copied());
    }
    servers
}

/// Lines of the format; each sample has the target's label, so that several files do not hold the same series.
struct Metrics<'o> {
    page: &'o mut MetricsPage,
    target: Option<&'o str>,
}

impl Metrics<'_> {
    fn status(&mut self, of: &End<'_>) {
        let status = of.status();
        self.family("ssmscope_success", "1 if all is well, 0 if not: whether the status is 0.");
        self.sample("ssmscope_success", &[], u8::from(status == Status::Ok));
        self.family("ssmscope_status", "Exit status: 0 healthy, 1 warning, 2 critical, 3 unknown.");
        self.sample("ssmscope_status", &[], status.code());
        self.family(
            "ssmscope_state",
            "1 for the current state, 0 for all others; the worst connection decides.",
        );
        let code = match &of.check {
            Some(check) => check.outcome.conclusion().reason,
            None if of.alerting_expiry().is_some() => EXPIRING,
            None => match &of.digest.connection {
                Some(shown) => shown.code.name(),
                None => nothing::lookup(of.summary).map_or(NOTHING, |lookup| lookup.code()),
            },
        };
        let others: Vec<_> = if of.check.is_some() {
            REASONS.iter().map(|reason| reason.code).collect()
        } else {
            let expiring = of.thresholds.are_set().then_some(EXPIRING);
            let lookups = LookupFault::ALL.iter().map(|fault| fault.name());
            lookups.chain([NOTHING]).chain(expiring).collect()
        };
        for reason in RULES.iter().map(|rule| rule.code.name()).chain(others) {
            self.sample("ssmscope_state", &[("reason", reason)], u8::from(code == reason));
        }
    }

    /// How far the worst connection got.
    fn stages(&mut self, worst: Option<&MonitoredConnection>) {
        self.family("ssmscope_stage", "1 for the furthest stage of the worst connection, 0 for the others.");
        let reached = worst.map(|shown| shown.stage);
        for stage in STAGES {
            let is_reached = u8::from(reached == Some(stage));
            self.sample("ssmscope_stage", &[("stage", &stage.to_string())], is_reached);
        }
        let steps: &[_] = worst.map_or(&[], |shown| &shown.steps);
        if steps.is_empty() {
            return;
        }
        self.family(
            "ssmscope_stage_duration_seconds",
            "Time to each stage of the worst connection, since the stage before it.",
        );
        for (stage, elapsed) in steps {
            let labels = [("stage", &*stage.to_string())];
            self.sample("ssmscope_stage_duration_seconds", &labels, elapsed.as_secs_f64());
        }
    }

    /// What adds up over all connections.
    fn connections(&mut self, of: &End<'_>) {
        let End { digest, summary, .. } = *of;
        if let Some(slowest) = digest.slowest {
            self.family("ssmscope_tls_established_seconds", "Longest time from a SYN to established TLS.");
            self.sample("ssmscope_tls_established_seconds", &[], slowest.as_secs_f64());
        }
        if let Some(expiry) = &digest.expiry {
            self.family(
                "ssmscope_certificate_expiry_timestamp_seconds",
                "The last second, in Unix time, at which all certificates are valid that the servers sent.",
            );
            self.sample("ssmscope_certificate_expiry_timestamp_seconds", &[], expiry.at.0);
        }
        self.family("ssmscope_connections", "Connections judged, by verdict and its severity.");
        for rule in RULES {
            let code = rule.code.name();
            let of_check = of.check.and_then(|check| {
                // A check's verdict may be a warning where a bystander's is critical.
                let connections = check.outcome.connections.iter().map(|judged| &judged.verdict);
                let own = connections.filter(|verdict| verdict.code == rule.code);
                let own = own.map(|verdict| verdict.severity).max_by_key(|severity| severity.gravity());
                own.or(check.outcome.states.severity(code))
            });
            let labels = [("verdict", code), ("severity", of_check.unwrap_or(rule.severity).name())];
            let count = summary.codes.get(&rule.code).copied().unwrap_or_default();
            self.sample("ssmscope_connections", &labels, count);
        }
        if let Some(last) = digest.last_failure {
            self.family(LAST_FAILURE, "When the last connection that failed ended, in Unix time.");
            self.sample(LAST_FAILURE, &[], last.nanos().div_euclid(1_000_000_000));
        }
    }

    fn capture(&mut self, summary: &Summary) {
        self.family("ssmscope_capture_packets", "Packets in the capture.");
        self.sample("ssmscope_capture_packets", &[], summary.packets);
        if let Some(dropped) = summary.about.dropped {
            self.family("ssmscope_capture_dropped_packets", "Packets that the capture dropped.");
            self.sample("ssmscope_capture_dropped_packets", &[], dropped);
        }
    }

    fn servers(&mut self, servers: &BTreeMap<String, OfServer>) {
        if servers.is_empty() {
            return;
        }
        let name = "ssmscope_server_connections";
        self.family(name, "Connections judged, by server and severity, where --host names the servers.");
        for (server, known) in servers {
            for (severity, count) in &known.connections {
                self.sample(name, &[("server", server), ("severity", severity.name())], count);
            }
        }
        let name = "ssmscope_server_last_failure_timestamp_seconds";
        let failures: Vec<_> =
            servers.iter().filter_map(|(server, known)| Some((server, known.last_failure?))).collect();
        if failures.is_empty() {
            return;
        }
        self.family(name, "When the last connection to a server that failed ended, in Unix time.");
        for (server, last) in failures {
            self.sample(name, &[("server", server)], last.nanos().div_euclid(1_000_000_000));
        }
    }

    fn check(&mut self, outcome: &CheckOutcome) {
        let spent = &outcome.spent;
        self.family("ssmscope_check_duration_seconds", "How long the whole check took.");
        self.sample("ssmscope_check_duration_seconds", &[], spent.total.as_secs_f64());
        if phases(spent).next().is_some() {
            let name = "ssmscope_check_phase_duration_seconds";
            self.family(name, "How long each part of the check took: dns, connect, tls, token, page.");
            for (phase, elapsed) in phases(spent) {
                self.sample(name, &[("phase", phase)], elapsed.as_secs_f64());
            }
        }
        self.family("ssmscope_check_actor", "1 for the side to examine: client, server, path, or unknown.");
        let actor = outcome.conclusion().actor;
        for known in [Actor::Client, Actor::Server, Actor::Path, Actor::Unknown] {
            self.sample("ssmscope_check_actor", &[("actor", known.name())], u8::from(known == actor));
        }
        if let Some(resolution) = &outcome.resolution {
            self.family("ssmscope_check_addresses", "Addresses that the name has.");
            self.sample("ssmscope_check_addresses", &[], resolution.addresses.len());
        }
        if let Some(status) = outcome.page.as_ref().and_then(|page| page.status) {
            self.family("ssmscope_check_http_status_code", "HTTP's status of the page that was asked for.");
            self.sample("ssmscope_check_http_status_code", &[], status);
        }
    }

    /// Begins a family, or continues it.
    fn family(&mut self, name: &'static str, help: &'static str) {
        self.page.family(name, Kind::Gauge, help);
    }

    /// Adds a sample to a family that was begun.
    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl fmt::Display) {
        let Some(family) = self.page.families.iter_mut().find(|family| family.name == name) else { return };
        let (line, target) = (&mut family.samples, self.target.map(|target| ("target", target)));
        let mut separator = '{';
        line.push_str(name);
        // Writing to a string can't fail.
        for (label, text) in target.iter().chain(labels) {
            let _ = write!(line, "{separator}{label}=\"{}\"", quoted(text));
            separator = ',';
        }
        let end = if separator == '{' { "" } else { "}" };
        let _ = writeln!(line, "{end} {value}");
    }
}

/// A label's value, escaped as the format has it.
fn quoted(value: &str) -> String {
    value.replace('\\', r"\\").replace('\n', r"\n").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_values_are_escaped() {
        let mut page = MetricsPage::default();
        let mut metrics = Metrics { page: &mut page, target: Some("a\"b\\c\nd") };
        metrics.family("x", "Some.");
        metrics.sample("x", &[("y", "z")], 1.5);
        assert_eq!(page.families[0].samples, "x{target=\"a\\\"b\\\\c\\nd\",y=\"z\"} 1.5\n");
    }
}
