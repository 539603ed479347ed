//! The server's certificates: one finding for each kind of fault that the examination of the chain found.

use super::{Finding, Weight, finding};
use crate::cert::Fault;
use crate::story::Story;
use crate::tcp::Role;

/// The codes, in the order in which they are reported, and when there is such a fault.
pub(super) const CODES: [&str; 7] = [
    // No longer valid when the client looked at it.
    "certificate-expired",
    // Not valid yet when the client looked at it.
    "certificate-not-yet-valid",
    // Without the name that the client wanted.
    "certificate-name-mismatch",
    // Nobody in the trust store signed the chain.
    "certificate-unknown-issuer",
    // Signed by itself, and not in the trust store.
    "certificate-self-signed",
    // A key that may not sign handshakes.
    "certificate-key-usage",
    // An RSA key or a signature that is too weak for today's clients.
    "certificate-weak",
];

/// The findings about the server's certificates.
pub(super) fn find(story: &Story) -> impl Iterator<Item = Finding> {
    CODES.into_iter().filter_map(|code| of_kind(story, code))
}

impl Finding {
    /// Whether it is about a certificate of the server.
    pub fn is_about_certificates(&self) -> bool {
        CODES.contains(&self.code)
    }
}

/// The faults of one kind, as one finding.
fn of_kind(story: &Story, code: &str) -> Option<Finding> {
    let found: Vec<_> = story.certificate_faults().filter(|(_, fault)| fault.code() == code).collect();
    let (examination, fault) = *found.first()?;
    let when = story.certificates_at();
    let mut sentences: Vec<_> = found.iter().map(|(_, fault)| fault.sentence(when)).collect();
    let is_refused = story.is_certificate_refused();
    let is_uncertain = !examination.is_certain(fault) && !is_refused;
    // Some libraries compare names only after the handshake.
    let is_accepted = story.tls.application_data.client.count > 0;
    sentences.extend(match (is_uncertain, is_accepted) {
        (true, true) => Some(format!(
            "The client accepted the certificate: {}.",
            reason(fault, "it may have its own trust store")
        )),
        (true, false) => {
            let reason = reason(fault, "clients have their own trust stores");
            Some(format!("{} may be no fault: {reason}.", subject(fault)))
        }
        (false, true) => Some("The client continued anyway.".to_owned()),
        (false, false) => None,
    });
    // What this client reports about a certificate that it refuses is in the verdict.
    let is_settled = is_refused || is_uncertain;
    if !is_settled {
        let others = if is_accepted { "Others" } else { "Clients" };
        sentences.push(format!("{others} report: {}.", fault.reported().join("; ").trim_end_matches('.')));
    }
    let weight = if is_uncertain { Weight::Info } else { Weight::Warning };
    let observed = story.tls.certificates[Role::Server].as_ref();
    finding(fault.code(), weight, sentences.join(" "), observed.map(|observed| observed.moment.number))
}

/// Why such a fault may be none; `stores` says it of trust stores.
fn reason(fault: &Fault, stores: &str) -> String {
    match fault {
        Fault::NameMismatch { .. } => {
            "old clients send no SNI, Java sends none without a dot (--name checks against one), and the address may be \
             translated on the path"
                .to_owned()
        }
        _ => format!("{stores} (--ca-file)"),
    }
}

/// What may be no fault.
fn subject(fault: &Fault) -> &'static str {
    match fault {
        Fault::NameMismatch { .. } => "Another name",
        Fault::SelfSigned { .. } => "A self-signed certificate",
        _ => "An unknown issuer",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use crate::cert::{Date, Examination, KeyUsage, NameSource, Wanted, Weakness};
    use crate::story::{Observed, Stage};
    use crate::tcp::Role::Client;
    use crate::tls::{Basis, CertificateMessage};

    /// A story whose examination found this, and whose certificates came in packet 6.
    fn with(stage: Stage, fault: Fault) -> Story {
        let examination =
            Examination { store: Some("the test's store".into()), ..Examination::by_hand(vec![fault]) };
        Story::at(stage).but(|story| {
            let moment = story.tls.server_flight.as_ref().unwrap().moment;
            let what = Arc::new(CertificateMessage::default());
            story.tls.certificates.server = Some(Observed { what, moment, basis: Basis::Decoded });
            story.tls.examination = Some(Arc::new(examination));
        })
    }

    fn expired() -> Fault {
        Fault::Expired { of: "CN=ssm.example".into(), not_after: Date(1_600_000_000), is_own: true }
    }

    fn other_name(source: NameSource) -> Fault {
        let wanted = Wanted { name: "ssm.example".into(), source };
        Fault::NameMismatch {
            wanted,
            names: vec!["other.example".into()],
            further_names: 0,
            common_name: None,
        }
    }

    fn self_signed() -> Fault {
        Fault::SelfSigned { of: "CN=ssm.example".into(), store: "the test's store".into() }
    }

    #[test]
    fn each_kind_of_fault_has_its_code() {
        let faults = [
            expired(),
            Fault::NotYetValid { of: "CN=ssm.example".into(), not_before: Date(1_900_000_000) },
            other_name(NameSource::ServerName),
            Fault::UnknownIssuer { issuer: "CN=CA".into(), store: "a store".into(), is_issuer_sent: false },
            self_signed(),
            Fault::KeyUsage { of: "CN=ssm.example".into(), usage: KeyUsage(0b100) },
            Fault::Weak {
                of: "CN=ssm.example".into(),
                why: Weakness::ShortKey { bits: 1024, is_authority: false },
            },
        ];
        for (fault, code) in faults.into_iter().zip(CODES) {
            let found: Vec<_> = find(&with(Stage::ApplicationData, fault)).collect();
            assert_eq!(found.iter().map(|found| found.code).collect::<Vec<_>>(), [code]);
            assert_eq!(found[0].evidence, [6], "{code}");
        }
        assert_eq!(find(&Story::at(Stage::ApplicationData)).count(), 0);
    }

    #[test]
    fn what_a_client_may_see_otherwise_is_no_warning_unless_it_refused() {
        let code = "certificate-self-signed";
        let accepted = with(Stage::ApplicationData, self_signed()).finding(code).expect("a finding");
        assert_eq!(accepted.severity, Weight::Info);
        assert!(accepted.text.contains("The client accepted the certificate"), "{}", accepted.text);
        let refused = with(Stage::ServerFlightComplete, self_signed()).alert(Client, 48);
        assert_eq!(refused.finding(code).map(|found| found.severity), Some(Weight::Warning));
        for (source, weight) in
            [(NameSource::Address, Weight::Info), (NameSource::ServerName, Weight::Warning)]
        {
            let found = with(Stage::ApplicationData, other_name(source)).finding("certificate-name-mismatch");
            assert_eq!(found.map(|found| found.severity), Some(weight));
        }
    }

    #[test]
    fn what_other_clients_report_is_left_out_where_this_one_refused() {
        let code = "certificate-expired";
        let went_on = with(Stage::ApplicationData, expired()).finding(code).expect("a finding");
        assert!(
            went_on.text.contains("The client continued anyway") && went_on.text.contains("Others report")
        );
        let refused = with(Stage::ServerFlightComplete, expired()).alert(Client, 45);
        let refused = refused.finding(code).expect("a finding");
        assert!(!refused.text.contains("report:"), "{}", refused.text);
    }
}
