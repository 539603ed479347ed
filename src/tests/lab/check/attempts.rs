//! What an attempt does besides: it captures, resumes sessions, tries all addresses, and ends in time.

use std::fs;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{QUICK, check};
use crate::peers::{self, serve};
use crate::pki::{NAME, Pki};
use crate::support::lab::{Lab, SERVER, SERVER_V6};
use crate::support::run::{Outcome, path, run};

#[test]
fn with_a_capture_the_packets_prove_the_verdict_and_are_saved() {
    let Some(lab) = Lab::with_ipv6() else { return };
    let saved = lab.folder.path().join("saved.pcapng");
    let capture = ["--capture", "--user", "root", "--save", saved.to_str().unwrap()];
    let capturing = |options: &[&str]| check(&lab, &[&capture[..], options].concat());

    let checked = capturing(&[SERVER]);
    assert_eq!(
        (checked.codes(), &checked.check["evidence"]),
        (vec!["refused"], &Value::from("packets")),
        "{checked}"
    );
    assert!(checked.connections[0]["tcp"]["resets"][0]["hop_limit"].is_u64(), "{checked}");
    let read = run(&["read", "-o", "json", path(&saved)]).connections();
    assert_eq!(read[0]["verdict"]["evidence"], checked.connections[0]["verdict"]["evidence"], "{checked}");
    // Somebody else's connection to the same server is not the check's.
    serve(&lab, 8443, peers::read_and_wait);
    let other = lab.within("client", || TcpStream::connect((SERVER, 8443)).unwrap());
    let checked = capturing(&[&[SERVER][..], &QUICK[..]].concat());
    drop(other);
    assert_eq!(checked.codes(), ["no-server-hello"], "{checked}");
    assert_eq!(checked.connections[0]["verdict"]["actor"], "server", "{checked}");
    lab.run("server", &["iptables", "-I", "INPUT", "-p", "tcp", "--dport", "8443", "-j", "DROP"]);
    let checked = capturing(&[&[SERVER][..], &QUICK[..]].concat());
    assert_eq!(checked.codes(), ["syn-no-reply"], "{checked}");
    assert!(checked.connections[0]["tcp"]["syn_count"].as_u64() >= Some(2), "{checked}");
    let shown = Outcome::of(lab.check(&capture).arg(SERVER).args(QUICK)).out;
    let captured = format!("captured on {}", lab.device);
    assert!(shown.contains("[S] ──") && shown.contains(&captured), "{shown}");
    assert_eq!(shown.matches("FAIL ").count(), 1, "the answer stands once\n{shown}");
    // What nobody captured is not drawn.
    let page =
        |options: &[&str]| Outcome::of(lab.check(options).args(["-o", "html", SERVER]).args(QUICK)).out;
    let (drawn, undrawn) = (page(&capture), page(&[]));
    assert!(!undrawn.contains("<dt>File</dt>") && drawn.contains("<dt>File</dt>"), "{undrawn}");
    assert!(drawn.contains("<ol class=\"ladder\"") && !drawn.contains("No packets were captured"), "{drawn}");
    assert!(
        !undrawn.contains("<ol class=\"ladder\"") && undrawn.contains("No packets were captured"),
        "{undrawn}"
    );
    assert!(
        undrawn.contains("<a class=\"proof\" href=\"#s1\">1</a>") && undrawn.contains("<tr id=\"s1\">"),
        "{undrawn}"
    );
    // On an interface without its packets, the socket's view is left.
    let checked = check(&lab, &["--capture", "--user", "root", "-i", "lo", &format!("{SERVER}:8444")]);
    assert_eq!(
        (checked.codes(), &checked.check["evidence"]),
        (vec!["refused"], &Value::from("steps")),
        "{checked}"
    );
    // Rights are given up before anything is sent, and files are opened without them.
    let locked = lab.folder.path().join("locked");
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(&locked, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let file = locked.join("x.pcapng");
    let options = ["--capture", "--user", "nobody", "--save", file.to_str().unwrap(), SERVER];
    let outcome = Outcome::of(&mut lab.check(&options));
    assert_eq!(outcome.status, 3, "{outcome:?}");
    assert!(!file.exists());
}

#[test]
fn what_arrives_at_this_host_and_is_dropped_here_is_its_own_fault() {
    let Some(lab) = Lab::with_ipv6() else { return };
    let pki = Pki::new(lab.folder.path());
    peers::serve_https(&lab, 8443, &pki.good(), |_, _| peers::json("200 OK", "{}"));
    let dropped = |by: &[&str]| {
        let input = [&["-p", "tcp", "--sport", "8443"], by, &["-j", "DROP"]].concat();
        lab.run("client", &[&["iptables", "-I", "INPUT"][..], &input].concat());
        let options = [&[SERVER, "--capture", "--user", "root"][..], &QUICK[..]].concat();
        let checked = check(&lab, &options);
        lab.run("client", &[&["iptables", "-D", "INPUT"][..], &input].concat());
        checked
    };
    for (by, code, words) in [
        (&[][..], "tcp-handshake-incomplete", "the SYN-ACK"),
        (&["-m", "length", "--length", "100:65535"][..], "handshake-stalled", "what the server sent"),
    ] {
        let checked = dropped(by);
        assert_eq!(checked.codes(), [code], "{checked}");
        let verdict = &checked.connections[0]["verdict"];
        assert_eq!((&verdict["actor"], &verdict["cause"]), (&"client".into(), &Value::Null), "{checked}");
        let headline = verdict["headline"].as_str().unwrap();
        assert!(headline.starts_with(words) && headline.contains("arrived at this host"), "{checked}");
    }
}

#[test]
fn sessions_are_resumed_and_all_addresses_tried_if_asked_for() {
    let Some(lab) = Lab::with_ipv6() else { return };
    let pki = Pki::new(lab.folder.path());
    let ca = pki.authority();
    lab.resolve_by("", &format!("{SERVER} {NAME}\n{SERVER_V6} {NAME}\n"));
    let Some(_server) = lab.serve_tls(8443, &pki.good(), &["-www"]) else { return };
    for version in ["1.2", "1.3"] {
        let checked =
            check(&lab, &[NAME, "--ca-file", &ca, "--resume", "--tls-min", version, "--tls-max", version]);
        assert_eq!(checked.codes(), ["healthy", "healthy"], "{checked}");
        let resumed: Vec<_> =
            checked.connections.iter().map(|line| line["tls"]["is_resumed"].as_bool()).collect();
        assert_eq!(resumed, [Some(false), Some(true)], "{checked}");
        let first = &checked.connections[0]["tls"];
        assert_eq!(
            (&first["alpn"], &first["server_name"]),
            (&serde_json::json!(["http/1.1"]), &Value::from(NAME))
        );
    }
    let checked = check(&lab, &[NAME, "--ca-file", &ca, "--all-addresses"]);
    assert_eq!(checked.codes(), ["healthy", "healthy"], "{checked}");
    assert_eq!(checked.connections[0]["server"]["ip"], SERVER_V6, "{checked}");
    assert_eq!(checked.connections[1]["server"]["ip"], SERVER, "{checked}");
    let checked = check(&lab, &[NAME, "--ca-file", &ca]);
    assert_eq!(checked.codes(), ["healthy"], "{checked}");
    // A client that takes the first address only fails; one that takes the next gets through.
    lab.run("server", &["ip", "addr", "del", &format!("{SERVER_V6}/64"), "dev", &lab.device]);
    let checked = check(&lab, &[NAME, "--ca-file", &ca, "-t", "6", "--stall-after", "0.5"]);
    assert_eq!((checked.codes().last(), checked.status()), (Some(&"healthy"), 1), "{checked}");
    let headline = checked.check["headline"].as_str().unwrap();
    assert!(headline.contains(SERVER_V6) && headline.contains(SERVER), "{checked}");
    let reason = checked.reason().to_owned();
    let all = [NAME, "--ca-file", &ca, "-t", "6", "--stall-after", "0.5", "--all-addresses"];
    let checked = check(&lab, &all);
    assert_eq!((checked.reason(), checked.status()), (reason.as_str(), 2), "{checked}");
}

#[test]
fn the_report_fits_a_terminal_and_time_is_limited() {
    let Some(lab) = Lab::with_ipv6() else { return };
    let pki = Pki::new(lab.folder.path());
    peers::serve_https(&lab, 8443, &pki.good(), |_, _| peers::json("200 OK", "{}"));
    for form in ["timeline", "table"] {
        let text = Outcome::of(&mut lab.check(&[SERVER, "--http", "/", "-o", form])).out;
        let is_narrow = text.lines().all(|line| line.chars().count() <= 100);
        assert!(form == "table" || is_narrow, "{text}");
        assert!(text.contains("unknown_ca"), "{text}");
        assert!(text.starts_with("FAIL ") || form == "table", "{text}");
        assert!(text.lines().count() <= 25, "{text}");
    }
    let ca = pki.authority();
    let good = [SERVER, "--name", NAME, "--ca-file", &ca, "--http", "/"];
    let text = Outcome::of(&mut lab.check(&good)).out;
    let begins = ["OK healthy: ", "     10.9.0.2:8443 ", "Took ", "Cert ", "Page "];
    assert!(
        text.lines().count() == 5 && text.lines().zip(begins).all(|(line, begin)| line.starts_with(begin)),
        "{text}"
    );
    peers::serve_https(&lab, 8445, &pki.good(), |_, _| peers::json("200 OK", &"x".repeat(200_000)));
    let options = ["10.9.0.2:8445", "--name", NAME, "--ca-file", &ca, "--http", "/", "-v"];
    let text = Outcome::of(&mut lab.check(&options)).out;
    assert!(text.contains(" up to this one, ") && text.lines().count() < 80, "{text}");
    serve(&lab, 8444, peers::read_and_wait);
    let began = Instant::now();
    let checked = check(&lab, &["10.9.0.2:8444", "-t", "1"]);
    assert!(began.elapsed() < Duration::from_secs(4), "{checked}");
    assert_eq!(checked.codes(), ["no-server-hello"], "{checked}");
}

#[test]
fn a_server_that_is_silent_before_tls_is_established_is_given_up_at_the_stall_time() {
    let Some(lab) = Lab::new() else { return };
    serve(&lab, 8443, |_| peers::wait());
    let filter = ["iptables", "-I", "INPUT", "-p", "tcp", "--dport", "8444", "-j", "DROP"];
    lab.run("server", &filter);
    let took = |options: &[&str], code: &str| {
        let began = Instant::now();
        let checked = check(&lab, options);
        assert_eq!(checked.codes(), [code], "{checked}");
        began.elapsed()
    };
    for (host, code) in [("10.9.0.2:8443", "no-server-hello"), ("10.9.0.2:8444", "syn-no-reply")] {
        let stall = ["--stall-after", "0.5", "-t", "3"];
        let soon = took(&[&[host][..], &stall].concat(), code);
        assert!(
            soon >= Duration::from_millis(500) && soon < Duration::from_millis(2_500),
            "{host}: {soon:?}"
        );
        let late = took(&[&[host, "--patient"][..], &stall].concat(), code);
        assert!(late >= Duration::from_millis(2_900), "{host}: {late:?}");
    }
}
