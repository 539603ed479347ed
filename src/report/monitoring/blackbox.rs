//! The metrics of a check by the names that blackbox_exporter gives them, where they mean the same, so that dashboards and alerts
//! for it work.

use std::net::IpAddr;

use super::prometheus::{Kind, MetricsPage};
use crate::packet::Host;
use crate::probe::CheckOutcome;
use crate::report::MonitoringDigest;
use crate::time::Elapsed;
use crate::verdict::Severity;

impl MetricsPage {
    /// Adds the outcome of one check.
    pub fn add_probe(&mut self, outcome: &CheckOutcome, digest: &MonitoringDigest) {
        let mut gauge = |name, help, labels: &[(&str, &str)], value: f64| {
            self.number(name, Kind::Gauge, help, labels, value);
        };
        let conclusion = outcome.conclusion();
        // A warning works: a certificate that ends soon is no failed probe there either.
        let is_success = matches!(conclusion.severity, Severity::Ok | Severity::Warning);
        gauge("probe_success", "1 if the check is ok or a warning.", &[], f64::from(u8::from(is_success)));
        let spent = &outcome.spent;
        gauge("probe_duration_seconds", "How long the check took.", &[], spent.total.as_secs_f64());
        let lookup = spent.dns.unwrap_or(Elapsed::ZERO).as_secs_f64();
        gauge("probe_dns_lookup_time_seconds", "How long finding the address took.", &[], lookup);
        let judged = conclusion.connection.and_then(|index| outcome.connections.get(index));
        let Some(story) = judged.or(outcome.connections.last()).map(|judged| &judged.story) else { return };
        let protocol = match story.parties.server.host {
            Host::Address(IpAddr::V4(_)) => 4.0,
            Host::Address(IpAddr::V6(_)) => 6.0,
            Host::Name(_) => 0.0,
        };
        gauge("probe_ip_protocol", "The version of IP, 4 or 6.", &[], protocol);
        if let Some(status) = outcome.page.as_ref().and_then(|page| page.status) {
            gauge("probe_http_status_code", "HTTP's status of the page.", &[], f64::from(status));
        }
        if let Some(expiry) = &digest.expiry {
            let help = "When the first of the server's certificates ends, in Unix time.";
            gauge("probe_ssl_earliest_cert_expiry", help, &[], expiry.at.0 as f64);
        }
        if let Some(version) = story.tls.version() {
            let help = "1, labelled with the version of TLS that was agreed on.";
            gauge("probe_tls_version_info", help, &[("version", &version.to_string())], 1.0);
        }
        if let Some(suite) = story.tls.cipher_suite() {
            let help = "1, labelled with the cipher suite that was agreed on.";
            gauge("probe_tls_cipher_info", help, &[("cipher", &suite.to_string())], 1.0);
        }
    }
}
