//! `certificate-expiring`: a certificate of the server ends within the days of a threshold.

use super::{Reason, addresses};
use crate::probe::expiry::Expiry;
use crate::probe::outcome::{CheckOutcome, Conclusion};
use crate::verdict::{Actor, Severity};

/// The reason.
pub(super) const REASON: Reason = Reason {
    code: "certificate-expiring",
    severity: Severity::Warning,
    summary: "a certificate of the server ends within the days of `-w` or `-c`",
    page: include_str!("../../../docs/reasons/certificate-expiring.md"),
    conclude,
};

fn conclude(outcome: &CheckOutcome) -> Option<Conclusion> {
    let ends = outcome.connections.iter().filter_map(|judged| Some((judged, Expiry::of(&judged.story)?)));
    let (judged, expiry) = ends.min_by_key(|(_, expiry)| expiry.at)?;
    let of =
        addresses::which(outcome, judged).map(|address| format!("address {address}: ")).unwrap_or_default();
    let days = expiry.days?;
    let (severity, range) = outcome.alerts.of_days(days)?;
    let verb = if days < 0.0 { "ended" } else { "ends" };
    let whose = match expiry.place {
        0 => "the server's certificate".to_owned(),
        place => {
            let name = expiry.certificate.common_name.as_ref().unwrap_or(&expiry.certificate.subject);
            format!("certificate {} of the server's chain, {name},", place + 1)
        }
    };
    let option = if severity == Severity::Critical { "-c" } else { "-w" };
    let subject = &expiry.certificate.subject;
    let is_well = outcome.connections.iter().all(|judged| judged.verdict.severity == Severity::Ok);
    let well = if is_well { "The check itself went well. " } else { "" };
    let mut conclusion = Conclusion::critical(
        REASON.code,
        format!("{of}{whose} {verb} {} ({days:.1} days)", expiry.date()),
        format!(
            "{well}Of the certificates that the server sent, {subject} is the first to end, {}. The threshold is {range} days \
             ({option}).",
            expiry.at.machine_readable()
        ),
        &["Renew the certificate, and reload the server: it keeps the old one until then."],
    );
    conclusion.severity = severity;
    conclusion.actor = Actor::Server;
    Some(conclusion)
}
