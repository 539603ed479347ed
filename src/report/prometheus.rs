//! Prometheus' text format 0.0.4, for a scrape or for node_exporter's textfile collector.
//!
//! Labels have few values: the verdicts' codes and the severities. No address and no port is one.

use std::io::{self, Write};

use super::worst::Worst;
use crate::analysis::Summary;
use crate::verdict::{RULES, Severity};

/// Writes all metrics.
///
/// # Errors
/// When `out` can't be written.
pub fn write(worst: &Worst, summary: &Summary, status: u8, out: &mut dyn Write) -> io::Result<()> {
    family(out, "ssmscope_status", "Exit status: 0 healthy, 1 warning, 2 critical, 3 unknown.")?;
    writeln!(out, "ssmscope_status {status}")?;

    family(out, "ssmscope_state", "1 for the verdict of the worst connection, 0 for the others.")?;
    let code = worst.connection.as_ref().map(|told| told.code);
    for rule in RULES {
        writeln!(out, "ssmscope_state{{reason=\"{}\"}} {}", rule.code, u8::from(code == Some(rule.code)))?;
    }

    family(out, "ssmscope_connections", "Connections judged, by verdict.")?;
    for rule in RULES {
        let count = summary.codes.get(rule.code).copied().unwrap_or_default();
        writeln!(out, "ssmscope_connections{{verdict=\"{}\"}} {count}", rule.code)?;
    }

    family(out, "ssmscope_connections_by_severity", "Connections judged, by the verdict's severity.")?;
    let severities = [
        ("ok", Severity::Ok),
        ("warning", Severity::Warning),
        ("critical", Severity::Critical),
        ("unknown", Severity::Unknown),
    ];
    for (name, severity) in severities {
        let count = summary.severities.get(&severity).copied().unwrap_or_default();
        writeln!(out, "ssmscope_connections_by_severity{{severity=\"{name}\"}} {count}")?;
    }

    family(out, "ssmscope_capture_packets", "Packets in the capture.")?;
    writeln!(out, "ssmscope_capture_packets {}", summary.packets)?;
    if let Some(dropped) = summary.about.dropped {
        family(out, "ssmscope_capture_dropped_packets", "Packets that the capture dropped.")?;
        writeln!(out, "ssmscope_capture_dropped_packets {dropped}")?;
    }
    if let Some(slowest) = worst.slowest {
        family(out, "ssmscope_tls_established_seconds", "Longest time from a SYN to established TLS.")?;
        writeln!(out, "ssmscope_tls_established_seconds {}", slowest.as_secs_f64())?;
    }
    out.flush()
}

fn family(out: &mut dyn Write, name: &str, help: &str) -> io::Result<()> {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge")
}
