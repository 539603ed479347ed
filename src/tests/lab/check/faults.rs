//! Each way in which a connection fails, with the verdict of the check and of a capture of it.

use std::fs;
use std::process::Command;

use super::{Case, QUICK, at_once, check};
use crate::peers::{self, serve};
use crate::pki::{NAME, Pki};
use crate::support::lab::{BEHIND, Lab, SERVER, SERVER_V6};

#[test]
fn each_fault_has_the_verdict_that_its_capture_has() {
    at_once(&[tcp_faults, silent_faults, filtered, handshakes, certificates, proxies]);
}

fn tcp_faults(lab: &Lab) {
    Case::new("refused", &[SERVER]).holds(lab);
    Case::new("refused", &[&format!("[{SERVER_V6}]")]).holds(lab);
    serve(lab, 8443, |peer| peers::answer(peer, b""));
    Case::new("closed-early", &[SERVER]).holds(lab);
    serve(lab, 8444, peers::close_unread);
    Case::new("reset", &[&format!("{SERVER}:8444")]).holds(lab);
    serve(lab, 443, |peer| peers::answer(peer, b"HTTP/1.1 400 Bad Request\r\n\r\n"));
    Case::new("not-tls", &[&format!("{SERVER}:443")]).holds(lab);
}

fn silent_faults(lab: &Lab) {
    let quick = |host: &'static str| [&[host][..], &QUICK[..]].concat();
    serve(lab, 8443, peers::read_and_wait);
    Case::new("no-server-hello", &quick(SERVER)).holds(lab);
    serve(lab, 8444, peers::begin_and_wait);
    Case::new("handshake-stalled", &quick("10.9.0.2:8444")).holds(lab);
}

fn filtered(lab: &Lab) {
    let quick = |host: &'static str| [&[host][..], &QUICK[..]].concat();
    let filter = |rule: &[&str]| {
        let words = [&["iptables", "-I", "INPUT", "-p", "tcp", "--dport"][..], rule].concat();
        lab.run("server", &words);
    };
    if Command::new("iptables").arg("--version").output().is_err() {
        eprintln!("skipped: iptables is not installed");
        return;
    }
    filter(&["8443", "-j", "DROP"]);
    Case::new("syn-no-reply", &quick(SERVER)).holds(lab);
    for (port, kind, code, cause) in [
        ("8001", "tcp-reset", "refused", None),
        ("8002", "icmp-port-unreachable", "unreachable", Some("icmp-port-unreachable")),
        ("8003", "icmp-admin-prohibited", "unreachable", Some("icmp-admin-prohibited")),
        ("8004", "icmp-host-unreachable", "unreachable", Some("icmp-host-unreachable")),
        ("8005", "icmp-net-unreachable", "unreachable", Some("icmp-net-unreachable")),
    ] {
        filter(&[port, "-j", "REJECT", "--reject-with", kind]);
        let host = format!("{SERVER}:{port}");
        let case = Case { cause, ..Case::new(code, &[&host]) };
        case.holds(lab);
    }
    lab.within("server", || fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap());
    lab.run("server", &["ip", "route", "add", "prohibit", "10.9.1.0/24"]);
    // The server's kernel limits its ICMP errors to one host, and sent some just now.
    Case::new("unreachable", &[BEHIND, "--patient"]).cause("icmp-admin-prohibited").holds(lab);
    // The connection is established, and the ClientHello is dropped.
    serve(lab, 8006, peers::read_and_wait);
    filter(&["8006", "-m", "length", "--length", "120:", "-j", "DROP"]);
    // The FIN waits after the ClientHello, so only a repeat after the stall time shows a capture that it is over.
    let patient = [&quick("10.9.0.2:8006")[..], &["--patient"]].concat();
    Case::new("no-server-hello", &patient).cause("client-hello-lost").holds(lab);
}

fn handshakes(lab: &Lab) {
    let pki = Pki::new(lab.folder.path());
    let ca = pki.authority();
    let good = pki.good();
    let named = ["--name", NAME, "--ca-file", &ca];
    let with = |options: &[&'static str]| -> Vec<String> {
        options.iter().copied().chain(named).map(str::to_owned).collect()
    };
    let holds = |code: &str, cause: Option<&str>, options: &[&'static str]| {
        let options = with(options);
        let options: Vec<_> = options.iter().map(String::as_str).collect();
        Case { cause, ..Case::new(code, &options) }.holds(lab);
    };
    let Some(server) = lab.serve_tls(8443, &good, &["-www"]) else { return };
    holds("healthy", None, &[SERVER]);
    holds("healthy", None, &[SERVER, "--http", "/"]);
    let checked = check(lab, &[&[SERVER][..], &named].concat());
    assert!(checked.check["certificate_expiry"]["days"].as_f64().unwrap() > 700_000.0, "{checked}");
    holds("healthy", None, &[SERVER, "--tls-max", "1.2", "--http", "/"]);
    holds("slow", None, &[SERVER, "--slow-after", "0.05ms"]);
    drop(server);
    let Some(server) = lab.serve_tls(8444, &good, &["-tls1_2"]) else { return };
    holds("tls-alert", Some("protocol_version"), &["10.9.0.2:8444", "--tls-min", "1.3"]);
    // Nobody answers over it.
    holds("no-response", None, &["10.9.0.2:8444", "--http", "/", "-t", "2", "--stall-after", "0.5"]);
    drop(server);
    for (port, version) in [("8445", "-tls1_2"), ("8446", "-tls1_3")] {
        let options = ["-www", version, "-Verify", "1", "-CAfile", &ca, "-verify_return_error"];
        let Some(_server) = lab.serve_tls(port.parse().unwrap(), &good, &options) else { return };
        let host: &'static str = if port == "8445" { "10.9.0.2:8445" } else { "10.9.0.2:8446" };
        let cause = if port == "8445" { "handshake_failure" } else { "certificate_required" };
        holds("tls-alert", Some(cause), &[host]);
        let checked = check(lab, &[host, "--name", NAME, "--ca-file", &ca]);
        assert!(checked.contains("asked for a client certificate"), "{checked}");
        let [certificate, key] = pki.issue("client", "client.test", |_| {});
        let checked =
            check(lab, &[host, "--name", NAME, "--ca-file", &ca, "--cert", &certificate, "--key", &key]);
        assert_eq!(checked.codes(), ["healthy"], "{checked}");
    }
}

fn certificates(lab: &Lab) {
    let pki = Pki::new(lab.folder.path());
    let ca = pki.authority();
    let folder = lab.folder.path().join("stranger");
    fs::create_dir(&folder).unwrap();
    let stranger = Pki::named(&folder, "Another Authority");
    let [good, expired, own] = [pki.good(), pki.expired(), pki.self_signed()];
    let other = stranger.authority();
    let mut port = 8450;
    for version in ["1.2", "1.3"] {
        for (certificate, ca, name, alert, finding, accepting) in [
            (&good, &other, NAME, "unknown_ca", "certificate-unknown-issuer", &["--insecure"][..]),
            (
                &own,
                &ca,
                NAME,
                "unknown_ca",
                "certificate-self-signed",
                &["--insecure", "--accept=self-signed"],
            ),
            (&expired, &ca, NAME, "certificate_expired", "certificate-expired", &["--accept=expired"]),
            (&good, &ca, "other.test", "bad_certificate", "certificate-name-mismatch", &["--accept=name"]),
        ] {
            port += 1;
            let Some(_server) = lab.serve_tls(port, certificate, &["-www"]) else { return };
            let host = format!("{SERVER}:{port}");
            let options =
                [&host, "--name", name, "--ca-file", ca, "--tls-min", version, "--tls-max", version];
            Case::new("tls-alert", &options).cause(alert).holds(lab);
            let checked = check(lab, &options);
            assert!(checked.contains(&format!(r#""code":"{finding}""#)), "{checked}");
            // The words are about the fault itself, and the server is the side to examine.
            let verdict = &checked.connections[0]["verdict"];
            let headline = verdict["headline"].as_str().unwrap();
            let words = match finding {
                "certificate-unknown-issuer" => "is not in",
                "certificate-self-signed" => "self-signed",
                "certificate-expired" => "expired on ",
                _ => ", not for other.test",
            };
            assert!(headline.contains(words) && verdict["actor"] == "server", "{checked}");
            let shown = &checked.connections[0]["tls"]["certificates"];
            assert_eq!(shown.as_array().map(Vec::len), Some(1), "{checked}");
            for option in ["--insecure", "--accept=self-signed", "--accept=expired", "--accept=name"] {
                let checked = check(lab, &[&options[..], &[option]].concat());
                let is_accepted = accepting.contains(&option);
                let code = if is_accepted { "healthy" } else { "tls-alert" };
                assert_eq!(checked.codes(), [code], "{option}: {checked}");
                let warning = format!(r#""code":"{finding}","severity":"warning""#);
                assert!(!is_accepted || checked.contains(&warning), "{option}: {checked}");
            }
        }
    }
}

fn proxies(lab: &Lab) {
    for (port, status, schemes) in [
        (3128, "407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=x", "Basic"),
        (3129, "403 Forbidden", ""),
        (3130, "502 Bad Gateway", ""),
    ] {
        serve(lab, port, move |peer| {
            peers::answer(peer, format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes());
        });
        let proxy = format!("http://{SERVER}:{port}");
        let options = ["--proxy", &proxy, "ssm.test"];
        Case::new("proxy-refused", &options).cause(&status[..3]).holds(lab);
        let checked = check(lab, &options);
        assert_eq!(checked.check["proxy"]["status"].to_string(), status[..3], "{checked}");
        assert_eq!(checked.check["proxy"]["schemes"][0].as_str().unwrap_or_default(), schemes, "{checked}");
        assert!(checked.check["dns"]["outcome"] == "literal", "only the proxy is looked up: {checked}");
    }
    serve(lab, 3132, |peer| {
        peers::answer(peer, b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>Welcome to the hotel");
    });
    let checked = check(lab, &["--proxy", &format!("http://{SERVER}:3132"), "ssm.test"]);
    assert_eq!((checked.codes(), checked.status()), (vec!["proxy-refused"], 2), "{checked}");
    assert!(checked.contains("a portal, not a tunnel"), "{checked}");
    serve(lab, 3131, peers::read_and_wait);
    let proxy = format!("http://{SERVER}:3131");
    Case::new("no-response", &[&["--proxy", &proxy, "ssm.test"][..], &QUICK[..]].concat()).holds(lab);
}
