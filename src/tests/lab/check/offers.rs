//! Servers that others can talk to and this check can't: it asks what they would choose.

use super::check;
use crate::pki::{NAME, Pki};
use crate::support::lab::{Lab, SERVER};

/// A suite that rustls lacks.
const CBC: &str = "ECDHE-ECDSA-AES128-SHA";

#[test]
fn a_server_that_needs_what_the_check_lacks_is_a_warning_unless_it_refuses_everything() {
    let Some(lab) = Lab::with_ipv6() else { return };
    let pki = Pki::new(lab.folder.path());
    let ca = pki.authority();
    let [good, expired] = [pki.good(), pki.expired()];
    let cbc = ["-tls1_2", "-cipher", CBC];
    for (port, certificate, options, status, words) in [
        (8443, &good, &cbc[..], 1, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA over TLS 1.2"),
        (8444, &good, &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], 1, " over TLS 1.1"),
        (8445, &good, &["-curves", "P-521"], 1, "secp521r1"),
        // A certificate's fault is one to the others too.
        (8446, &expired, &cbc, 2, "the certificate ssm.test expired on"),
        (8447, &good, &["-tls1_2", "-cipher", "AECDH-AES128-SHA:@SECLEVEL=0"], 2, "was refused as well"),
    ] {
        let Some(_server) = lab.serve_tls(port, certificate, options) else { return };
        let checked = check(&lab, &[&format!("{SERVER}:{port}"), "--name", NAME, "--ca-file", &ca]);
        assert_eq!((checked.codes(), checked.reason()), (vec!["tls-alert"], "tls-alert"), "{checked}");
        assert_eq!(checked.status(), status, "{options:?} {checked}");
        assert!(checked.contains(words), "{options:?} {checked}");
        let severity = if status == 1 { "warning" } else { "critical" };
        assert_eq!(checked.check["severity"], severity, "{checked}");
        assert_eq!(checked.connections[0]["verdict"]["actor"], "server", "{checked}");
    }
    // TLS 1.3 alone was asked for: that TLS 1.2 would do is no excuse.
    let Some(_server) = lab.serve_tls(8448, &good, &["-tls1_2"]) else { return };
    let options = ["10.9.0.2:8448", "--name", NAME, "--ca-file", &ca, "--tls-min", "1.3"];
    let checked = check(&lab, &options);
    assert_eq!((checked.reason(), checked.status()), ("tls-alert", 2), "{checked}");
}
