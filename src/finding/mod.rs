//! What else is worth knowing about a connection, apart from its verdict.
//!
//! Each finding is one file with one rule, a pure function of the [`Story`] like a verdict. Findings never change a
//! verdict.

mod acked_unseen;
mod capture_drops;
mod certificate;
mod checksum_offload;
mod clock_step;
mod duplicate_capture;
mod ecn_stripped;
mod found;
mod hello_size;
mod icmp_error;
mod keep_alives;
mod log_agrees;
mod log_clock;
mod log_disagrees;
mod mss_clamp;
mod no_sni;
mod obsolete_suite;
mod obsolete_version;
mod one_sided;
mod options_stripped;
mod path_change;
mod retransmissions;
mod round_trip;
#[cfg(test)]
mod script;
mod snaplen;
mod socket_counters;
mod starttls_unlisted;
mod syn_retries;
mod zero_window;

use crate::story::Story;
use crate::verdict::{Actor, Code};
pub use found::{Finding, Weight};
use found::{finding, times};

/// The rules after those about certificates, in the order in which findings are reported.
const RULES: [fn(&Story) -> Option<Finding>; 26] = [
    round_trip::find,
    path_change::find,
    checksum_offload::find,
    mss_clamp::find,
    options_stripped::find,
    ecn_stripped::find,
    syn_retries::find,
    retransmissions::find,
    icmp_error::find,
    socket_counters::find,
    zero_window::find,
    keep_alives::find,
    obsolete_version::find,
    obsolete_suite::find,
    no_sni::find,
    hello_size::find,
    starttls_unlisted::find,
    one_sided::find,
    acked_unseen::find,
    duplicate_capture::find,
    snaplen::find,
    capture_drops::find,
    clock_step::find,
    log_agrees::find,
    log_disagrees::find,
    log_clock::find,
];

/// All findings about a story.
pub fn find(story: &Story) -> Vec<Finding> {
    certificate::find(story).chain(RULES.iter().filter_map(|rule| rule(story))).collect()
}

impl Finding {
    /// Whether a verdict with this code and actor says the same: a reader who has the verdict needs no such finding.
    pub fn repeats(&self, code: Code, actor: Actor) -> bool {
        match (code, actor) {
            (Code::TlsAlert, _) => self.is_about_certificates(),
            (Code::SynNoReply | Code::TcpHandshakeIncomplete, _)
            // What is lost on the path is sent again.
            | (Code::NoServerHello | Code::HandshakeStalled | Code::NoResponse, Actor::Path) => {
                self.code == "retransmissions"
            }
            (Code::NotTls, _) => self.code == "starttls-unlisted",
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::story::Stage;

    #[test]
    fn every_rule_has_tests_and_a_line_of_the_page() {
        let page = include_str!("../../docs/findings.md");
        for entry in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/finding")).expect("the folder") {
            let path = entry.expect("a file").path();
            let name = path.file_stem().and_then(|name| name.to_str()).expect("a name").replace('_', "-");
            if matches!(name.as_str(), "mod" | "found" | "script") {
                continue;
            }
            let source = fs::read_to_string(&path).expect("UTF-8");
            assert!(
                source
                    .split_once("#[cfg(test)]\nmod tests {")
                    .is_some_and(|(_, tests)| tests.contains("#[test]")),
                "{name} has no tests"
            );
            let codes = if name == "certificate" { certificate::CODES.to_vec() } else { vec![name.as_str()] };
            for code in codes {
                assert!(page.contains(&format!("| `{code}` |")), "{code} is not in docs/findings.md");
            }
        }
    }

    #[test]
    fn an_alert_needs_no_finding_about_certificates_and_keeps_the_others() {
        let found = |code| finding(code, Weight::Info, String::new(), []).expect("a finding");
        for code in certificate::CODES {
            let repeats = |verdict| found(code).repeats(verdict, Actor::Client);
            assert!(repeats(Code::TlsAlert) && !repeats(Code::Healthy), "{code}");
        }
        let repeats = |code, actor| found("retransmissions").repeats(code, actor);
        assert!(!repeats(Code::TlsAlert, Actor::Client));
        assert!(
            repeats(Code::SynNoReply, Actor::Unknown) && repeats(Code::TcpHandshakeIncomplete, Actor::Path)
        );
        assert!(repeats(Code::NoServerHello, Actor::Path) && !repeats(Code::NoServerHello, Actor::Server));
        assert!(!found("syn-retries").repeats(Code::SynNoReply, Actor::Unknown));
        let unlisted = |code| found("starttls-unlisted").repeats(code, Actor::Server);
        assert!(unlisted(Code::NotTls) && !unlisted(Code::Healthy));
    }

    #[test]
    fn nothing_remarkable_is_no_finding() {
        assert_eq!(find(&Story::at(Stage::ApplicationData).answered()), []);
    }
}
