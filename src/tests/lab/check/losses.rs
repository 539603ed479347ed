//! What is lost or rejected while a connection is up, as far as a socket shows it, and what never leaves this host.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use super::{QUICK, at_once, check};
use crate::peers::{read_and_wait, serve, wait};
use crate::pki::{NAME, Pki};
use crate::support::lab::{Lab, SERVER};
use crate::support::run::Outcome;

#[test]
fn losses_are_the_path_s_and_what_never_left_is_this_host_s() {
    at_once(&[lost_flight, rejected, own_host, no_tickets]);
}

/// Drops or rejects what fits a rule on a host. Whether that host can.
pub(super) fn filter(lab: &Lab, host: &str, chain: &str, rule: &[&str]) -> bool {
    let words = [&["-w", "-A", chain, "-p", "tcp"][..], rule].concat();
    let status = lab.command(host, "iptables").args(&words).status();
    let is_done = status.is_ok_and(|status| status.success());
    if !is_done {
        eprintln!("skipped: iptables does not work here");
    }
    is_done
}

fn lost_flight(lab: &Lab) {
    // Each segment is a packet of its own, so that the large ones are dropped alone.
    lab.run("server", &["ip", "link", "set", &lab.device, "gso_max_segs", "1"]);
    if !filter(
        lab,
        "client",
        "INPUT",
        &["--sport", "8443", "-m", "length", "--length", "1000:", "-j", "DROP"],
    ) {
        return;
    }
    serve(lab, 8443, |mut peer| {
        let _ = peer.read(&mut [0; 4_096]);
        // A handshake record of 3000 bytes: two full segments, and a small one that is let through.
        let _ = peer.write_all(&[&[22, 3, 3, 0x0b, 0xb8, 2, 0, 0x0b, 0xb4][..], &[7; 2_996]].concat());
        wait();
    });
    let checked = check(lab, &[&[SERVER][..], &QUICK].concat());
    let verdict = &checked.connections[0]["verdict"];
    assert_eq!((checked.reason(), checked.status()), ("handshake-stalled", 2), "{checked}");
    assert_eq!(
        (&verdict["actor"], &verdict["cause"]),
        (&"path".into(), &"server-flight-lost".into()),
        "{checked}"
    );
    assert!(
        checked.contains("of the server's segments out of order") && checked.contains("--capture"),
        "{checked}"
    );
}

fn rejected(lab: &Lab) {
    let rule = ["--dport", "8443", "-m", "length", "--length", "120:", "-j", "REJECT", "--reject-with"];
    if !filter(lab, "server", "INPUT", &[&rule[..], &["icmp-host-prohibited"]].concat()) {
        return;
    }
    serve(lab, 8443, read_and_wait);
    let checked = check(lab, &[&[SERVER][..], &QUICK].concat());
    assert_eq!((checked.reason(), checked.status()), ("no-server-hello", 2), "{checked}");
    assert_eq!(checked.connections[0]["verdict"]["actor"], "path", "{checked}");
    assert!(checked.contains("an ICMP error came about what this host sent"), "{checked}");
    assert!(checked.contains("of this host's segments retransmitted"), "{checked}");
}

fn own_host(lab: &Lab) {
    if !filter(lab, "client", "OUTPUT", &["--dport", "8443", "-j", "REJECT"]) {
        return;
    }
    let checked = check(lab, &[SERVER]);
    assert_eq!((checked.reason(), checked.status()), ("not-sent", 2), "{checked}");
    assert!(checked.contains("a firewall on this host rejects it"), "{checked}");
    assert!(checked.connections.is_empty(), "{checked}");
    for (host, protocol) in [("10.9.0.77:8444", "ARP"), ("[2001:db8:9::77]:8444", "neighbor discovery")] {
        let checked = check(lab, &[host]);
        assert_eq!((checked.reason(), checked.status()), ("not-sent", 2), "{checked}");
        assert!(checked.contains(&format!("nobody answered {protocol}")), "{checked}");
    }
}

/// A server that has nothing to say after the handshake is not waited for.
fn no_tickets(lab: &Lab) {
    let pki = Pki::new(lab.folder.path());
    let ca = pki.authority();
    let named = ["--name", NAME, "--ca-file", &ca];
    let Some(_server) = lab.serve_tls(8443, &pki.good(), &["-www", "-num_tickets", "0"]) else { return };
    let asks = ["-www", "-num_tickets", "0", "-Verify", "1", "-CAfile", &ca, "-verify_return_error"];
    let Some(_asking) = lab.serve_tls(8444, &pki.good(), &asks) else { return };
    let [certificate, key] = pki.issue("client", "client.test", |_| {});
    let identity = ["--cert", &certificate, "--key", &key];
    for options in [&["10.9.0.2:8443"][..], &[&["10.9.0.2:8444"][..], &identity].concat()] {
        let outcome = Outcome::of(lab.check(&["-o", "json"]).args(named).args(options));
        let duration = outcome.objects_of("check")[0]["duration"].as_f64().unwrap();
        assert!(outcome.status == 0 && duration < 0.6, "{outcome:?}");
    }
    let began = Instant::now();
    let checked = check(lab, &[&named[..], &["10.9.0.2:8444"]].concat());
    assert_eq!(checked.connections[0]["verdict"]["cause"], "certificate_required", "{checked}");
    assert!(began.elapsed() < Duration::from_secs(3), "{checked}");
}
