//! Servers that others can talk to and this check can't: it asks what they would choose.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::check;
use crate::peers;
use crate::pki::{NAME, Pki};
use crate::support::lab::{Lab, SERVER};
use crate::support::run::Outcome;

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
        if port == 8443 {
            // What the user demands of the certificate holds for the one that is shown then.
            let pin = "sha256//BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
            for (options, reason, words) in [
                (["--pin", pin], "tls-alert", "which is not pinned"),
                (["-c", "9999999:"], "certificate-expiring", "the server's certificate ends"),
            ] {
                let all = [&["10.9.0.2:8443", "--name", NAME, "--ca-file", &ca][..], &options].concat();
                let checked = check(&lab, &all);
                assert_eq!((checked.reason(), checked.status()), (reason, 2), "{checked}");
                assert!(checked.check["headline"].as_str().unwrap().contains(words), "{checked}");
            }
        }
        let severity = if status == 1 { "warning" } else { "critical" };
        let metrics = Outcome::of(&mut lab.check(&[
            &format!("{SERVER}:{port}"),
            "--name",
            NAME,
            "--ca-file",
            &ca,
            "-o",
            "prometheus",
        ]));
        let sample = format!("verdict=\"tls-alert\",severity=\"{severity}\"}} 1\n");
        assert!(metrics.out.contains(&sample), "{}", metrics.out);
        assert_eq!(checked.check["severity"], severity, "{checked}");
        assert_eq!(checked.connections[0]["verdict"]["actor"], "server", "{checked}");
    }
    // A client certificate that is demanded is missing there as well; one that is only asked for is not.
    for (port, options, status) in [(8450, ["-Verify", "3"], 2), (8451, ["-verify", "3"], 1)] {
        let all = [&cbc[..], &options].concat();
        let Some(_server) = lab.serve_tls(port, &good, &all) else { return };
        let checked = check(&lab, &[&format!("{SERVER}:{port}"), "--name", NAME, "--ca-file", &ca]);
        assert_eq!((checked.reason(), checked.status()), ("tls-alert", status), "{checked}");
        let words = "the server asked for a client certificate, got none, and refused with handshake_failure";
        assert_eq!(checked.check["headline"].as_str().unwrap().starts_with(words), status == 2, "{checked}");
    }
    // A server that takes another protocol inside TLS alone serves clients without ALPN.
    let Some(_server) = lab.serve_tls(8449, &good, &["-alpn", "h2"]) else { return };
    let checked = check(&lab, &["10.9.0.2:8449", "--name", NAME, "--ca-file", &ca]);
    assert_eq!((checked.reason(), checked.status()), ("tls-alert", 1), "{checked}");
    assert!(checked.contains("accepts no ALPN protocol that this check offers"), "{checked}");
    // TLS 1.3 alone was asked for: that TLS 1.2 would do is no excuse.
    let Some(_server) = lab.serve_tls(8448, &good, &["-tls1_2"]) else { return };
    let options = ["10.9.0.2:8448", "--name", NAME, "--ca-file", &ca, "--tls-min", "1.3"];
    let checked = check(&lab, &options);
    assert_eq!((checked.reason(), checked.status()), ("tls-alert", 2), "{checked}");
}

/// A ServerHello of this version and suite, in a record.
fn server_hello(version: u16, suite: u16) -> Vec<u8> {
    let mut hello = vec![22, 3, 1, 0, 42, 2, 0, 0, 38];
    hello.extend(version.to_be_bytes());
    hello.extend([9; 32]);
    hello.push(0);
    hello.extend(suite.to_be_bytes());
    hello.push(0);
    hello
}

#[test]
fn a_server_that_breaks_the_protocol_is_critical_and_is_not_asked_again() {
    let Some(lab) = Lab::with_ipv6() else { return };
    for (port, version, suite, cause, words, status) in [
        (8443, 0x0300, 0x0005, "protocol_version", "a ServerHello of SSL 3.0, which was not offered", 2),
        (8444, 0x0303, 0xc013, "handshake_failure", "chooses a cipher suite which was not offered", 2),
        (8445, 0x0333, 0xc02f, "protocol_version", "which was not offered", 2),
        // A server that knows no newer version answers so, and others complete that.
        (8446, 0x0302, 0xc013, "protocol_version", "over TLS 1.1, which this check lacks", 1),
        // What it answers to the second one must have been offered as well.
        (8447, 0x0302, 0x0000, "protocol_version", "a choice that was not among them", 2),
    ] {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        peers::serve(&lab, port, move |peer| {
            counted.fetch_add(1, Ordering::Relaxed);
            peers::answer(peer, &server_hello(version, suite));
        });
        let checked = check(&lab, &[&format!("{SERVER}:{port}")]);
        assert_eq!((checked.codes(), checked.status()), (vec!["tls-alert"], status), "{version:x} {checked}");
        let verdict = &checked.connections[0]["verdict"];
        assert_eq!((&verdict["cause"], &verdict["actor"]), (&cause.into(), &"server".into()), "{checked}");
        assert!(checked.contains(words), "{version:x} {checked}");
        let is_asked_again = count.load(Ordering::Relaxed) > 1;
        assert_eq!(is_asked_again, port > 8445, "{version:x} {checked}");
    }
}
