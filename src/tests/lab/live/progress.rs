//! What is printed while a capture runs, and when it ends.

use std::fs;
use std::net::{TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::{HELLO, NO_SERVER, Peers, names, request_over_tls, serve_tls, watch};
use crate::peers;
use crate::support::lab::{CLIENT, Lab, SERVER};
use crate::support::run::{Outcome, path, spawn};

#[test]
fn a_silence_is_reported_while_it_lasts_and_the_verdict_before_the_end() {
    let Some(lab) = Lab::new() else { return };
    lab.run("server", &["ip", "route", "add", "blackhole", &format!("{CLIENT}/32")]);
    let mut watch = watch(&lab, &["--host", SERVER]);
    NO_SERVER.play(&lab, SERVER, 8443);
    let printed = watch.read_until("FAIL syn-no-reply", Duration::from_secs(4));
    assert!(printed.contains("[S] ──"), "{printed}");
    assert!(printed.contains("no reply to the SYN since "), "{printed}");
    watch.signal(Signal::SIGUSR1);
    watch.signal(Signal::SIGTERM);
    let outcome = watch.wait();
    assert_eq!(outcome.status, 2, "{}", outcome.error);
    assert!(outcome.out.contains("1 connection: 1 failed (syn-no-reply)"), "{}", outcome.out);
}

#[test]
fn a_script_reads_the_verdict_so_far_on_an_open_connection() {
    let Some(lab) = Lab::new() else { return };
    let mut watch = watch(&lab, &["--host", SERVER, "-o", "json"]);
    Peers::new(peers::read_and_wait, &HELLO).play(&lab, SERVER, 8443);
    let printed = watch.read_until("}\n", Duration::from_secs(4));
    assert!(printed.starts_with(r#"{"type":"open","#) && printed.contains("no-server-hello"), "{printed}");
    watch.signal(Signal::SIGTERM);
    let outcome = watch.wait();
    assert_eq!(outcome.codes(), ["no-server-hello"]);
    assert_eq!(outcome.status, 2);
}

#[test]
fn a_reader_that_goes_away_ends_the_capture_with_what_is_known() {
    let Some(lab) = Lab::new() else { return };
    let mut watch = watch(&lab, &["--host", SERVER, "--record", path(lab.folder.path())]);
    NO_SERVER.play(&lab, SERVER, 8443);
    watch.read_until("FAIL refused", Duration::from_secs(4));
    drop(watch.process.stdout.take());
    NO_SERVER.play(&lab, SERVER, 8444);
    let status = watch.process.wait().unwrap();
    assert_eq!(status.code(), Some(2));
    assert!(names(lab.folder.path()).iter().any(|name| name.ends_with("-refused.json")));
}

#[test]
fn a_reader_that_goes_away_before_anything_failed_knows_little() {
    let Some(lab) = Lab::new() else { return };
    let Some(_server) = serve_tls(&lab, 8443) else { return };
    let mut watch = watch(&lab, &["-o", "json"]);
    request_over_tls(&lab, 8443);
    watch.read_until("healthy", Duration::from_secs(4));
    drop(watch.process.stdout.take());
    request_over_tls(&lab, 8443);
    let status = watch.process.wait().unwrap();
    assert_eq!(status.code(), Some(3));
}

#[test]
fn a_healthy_connection_is_reported_at_once_and_counts() {
    let Some(lab) = Lab::new() else { return };
    let Some(server) = serve_tls(&lab, 8443) else { return };
    let counting = watch(&lab, &["--verdicts", "2", "-o", "json"]);
    for _ in 0..2 {
        request_over_tls(&lab, 8443);
    }
    let outcome = counting.wait();
    assert_eq!(outcome.codes(), ["healthy", "healthy"], "{}", outcome.error);
    assert_eq!(outcome.status, 0);
    let quiet = watch(&lab, &["--quiet-healthy", "--until", "failure"]);
    request_over_tls(&lab, 8443);
    drop(server);
    thread::sleep(Duration::from_millis(1_500));
    NO_SERVER.play(&lab, SERVER, 8443);
    let printed = quiet.wait().out;
    assert!(printed.contains("FAIL refused") && !printed.contains("OK healthy"), "{printed}");
}

#[test]
fn a_plugin_prints_on_standard_output_only_and_ends_in_time() {
    let Some(lab) = Lab::new() else { return };
    let metrics = lab.folder.path().join("ssm.prom");
    let options = ["--user", "root", "--host", SERVER, "--port", "8443", "-o", "nagios", "--duration", "3"];
    let began = Instant::now();
    let mut command = lab.live("client", &options);
    let running = spawn(command.args(["--textfile", path(&metrics), "--warning", "30", "--critical", "7"]));
    thread::sleep(Duration::from_secs(1));
    let refused = lab.within("client", || TcpStream::connect((SERVER, 8443)));
    assert!(refused.is_err());
    let Outcome { status, out, error } = running.wait_with_output().unwrap().into();
    assert!(began.elapsed() < Duration::from_secs(6));
    assert_eq!((status, error.as_str()), (2, ""));
    assert!(
        out.starts_with(
            "SSMSCOPE CRITICAL - 1 of 1 failed: refused at syn, 10.9.0.2:8443 | connections=1;;;0 "
        ),
        "{out}"
    );
    assert!(out.contains(" dropped=0;;;0 certificate_days=U;30:;7:\n"), "{out}");
    let metrics = fs::read_to_string(metrics).unwrap();
    assert!(metrics.contains("ssmscope_state{target=\"10.9.0.2:8443\",reason=\"refused\"} 1\n"), "{metrics}");
}

#[test]
fn the_page_shows_what_is_known_so_far_on_a_signal_and_everything_at_the_end() {
    let Some(lab) = Lab::new() else { return };
    let file = lab.folder.path().join("report.html");
    let mut watch = watch(&lab, &["--host", SERVER, "-o", "json", "--html", path(&file)]);
    NO_SERVER.play(&lab, SERVER, 8444);
    Peers::new(peers::read_and_wait, &HELLO).play(&lab, SERVER, 8443);
    watch.read_until("no-server-hello", Duration::from_secs(6));
    assert!(!file.exists(), "nobody asked for it");
    watch.signal(Signal::SIGUSR1);
    let began = Instant::now();
    while !file.exists() {
        assert!(began.elapsed() < Duration::from_secs(4));
        thread::sleep(Duration::from_millis(20));
    }
    let so_far = fs::read_to_string(&file).unwrap();
    for word in
        ["The capture is still running: ", "no-server-hello", "refused", "2 connections: 2 failed", "</html>"]
    {
        assert!(so_far.contains(word), "{word} is not in {so_far}");
    }
    watch.signal(Signal::SIGTERM);
    let outcome = watch.wait();
    assert_eq!(outcome.status, 2, "{}", outcome.error);
    let all = fs::read_to_string(&file).unwrap();
    assert!(
        !all.contains("The capture is still running") && all.contains("2 connections: 2 failed"),
        "{all}"
    );
    assert!(!names(lab.folder.path()).iter().any(|name| name.starts_with(".ssmscope")));
}

#[test]
fn a_capture_without_packets_says_what_to_check() {
    let Some(lab) = Lab::new() else { return };
    let began = Instant::now();
    let options = ["--host", SERVER, "--expect-within", "1", "--idle-exit", "2"];
    let watch = watch(&lab, &options);
    // ARP for hosts that do not answer passes the filter, and is no packet of a connection.
    lab.within("client", || {
        let socket = UdpSocket::bind((CLIENT, 0)).unwrap();
        for last in 100..125 {
            socket.send_to(b"?", (format!("10.9.0.{last}"), 53)).unwrap();
            thread::sleep(Duration::from_millis(100));
        }
    });
    let Outcome { status, error, .. } = watch.wait();
    assert!(began.elapsed() < Duration::from_secs(4));
    assert_eq!(status, 3);
    for word in ["no TCP packet of 10.9.0.2", "of other kinds", "interface", "proxy", "name"] {
        assert!(error.contains(word), "{error}");
    }
}
