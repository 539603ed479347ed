//! What takes long: an answer that comes is slow at most, and a time limit is the check's own.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use super::check;
use crate::peers::{self, serve};
use crate::pki::{NAME, Pki};
use crate::support::lab::{Lab, SERVER};

fn pause(millis: u64) {
    thread::sleep(Duration::from_millis(millis));
}

/// A ServerHello whose bytes come one by one, as long as somebody reads them.
fn drip(mut peer: TcpStream) {
    let _ = peer.read(&mut [0; 4_096]);
    let hello = [&[22, 3, 3, 0, 42, 2, 0, 0, 38, 3, 3][..], &[9; 32], &[0, 0xc0, 0x2f, 0]].concat();
    for byte in hello {
        if peer.write_all(&[byte]).is_err() {
            return;
        }
        pause(60);
    }
}

#[test]
fn an_answer_that_comes_in_time_is_slow_at_most_and_a_time_limit_is_the_check_s() {
    let Some(lab) = Lab::with_ipv6() else { return };
    let pki = Pki::new(lab.folder.path());
    let ca = pki.authority();
    let named = ["--name", NAME, "--ca-file", &ca];
    peers::serve_https(&lab, 8443, &pki.good(), |path, _| {
        pause(if path == "/slow" { 900 } else { 4_000 });
        peers::json("200 OK", "{}")
    });
    // Longer than a stall, and as long as nearly all of the time.
    let slow = [SERVER, "--http", "/slow", "-t", "1.5", "--stall-after", "0.2"];
    for (option, reason, status) in
        [(None, "healthy", 0), (Some("--warn-time"), "slow", 1), (Some("--crit-time"), "slow", 2)]
    {
        let limit: Vec<_> = option.into_iter().chain(option.map(|_| "0.5")).collect();
        let checked = check(&lab, &[&slow[..], &named, &limit].concat());
        assert_eq!((checked.reason(), checked.status()), (reason, status), "{checked}");
        assert_eq!(checked.codes(), ["healthy"], "{checked}");
    }
    serve(&lab, 8444, drip);
    for (options, code, words) in [
        (&["10.9.0.2:8444"][..], "handshake-stalled", "did not complete the handshake"),
        // Shorter than a stall: the silence is the server's just the same.
        (&[SERVER, "--http", "/never", "--stall-after", "9"], "no-response", "no reply to"),
    ] {
        let checked = check(&lab, &[options, &named, &["-t", "1"]].concat());
        assert_eq!((checked.codes(), checked.reason()), (vec![code], code), "{checked}");
        let verdict = &checked.connections[0]["verdict"];
        assert_eq!(verdict["actor"], "server", "{checked}");
        assert!(verdict["headline"].as_str().unwrap().contains(words), "{checked}");
        assert!(!checked.contains("client's log") && !checked.contains("the client closed"), "{checked}");
    }
}
