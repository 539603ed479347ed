//! The recorded captures as tcpdump prints them: our own printing byte for byte, and the same verdicts from the text as
//! it comes out of a terminal.
//!
//! Skipped with a printed reason where tcpdump 4.99 is not installed.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::run::{has_tcpdump, path, run, tcpdump};
use crate::support::situations::{Situation, WITHOUT_PAYLOAD, situations};

/// Situations that tcpdump prints with more than TCP and ICMP: outer headers, the interface of a cooked capture, single
/// fragments. `damaged` is read on behind its damage, where tcpdump stops.
const OTHERWISE_PRINTED: [&str; 7] =
    ["link/6in4", "link/gre", "link/ipip", "link/vxlan", "link/duplicate", "link/fragments", "file/damaged"];

/// Exceptions, which need it: how long a ClientHello should be, what a proxy's tunnel carries, and an error whose line is cut before
/// the address that it is about.
const NEEDS_MORE: [&str; 3] = [
    "client-silent/in-the-client-hello",
    "no-server-hello/behind-proxy",
    "unreachable/ipv6-port-unreachable",
];

/// Columns at which a terminal cuts a line, for IPv4 and for IPv6.
const COLUMNS: [usize; 2] = [98, 200];

/// Beginnings of the names of situations whose verdict is another without payload, with the codes that it may be. The words of a
/// proxy, a mail server or a plaintext client have no characteristic size; no length shows whether a record is complete; an answer
/// that is not TLS is taken for a ServerHello or an alert because of its length.
const OTHERWISE_WITHOUT_PAYLOAD: [(&str, &[&str]); 13] = [
    ("client-silent/in-the-client-hello", &["no-server-hello"]),
    ("closed-early/in-the-client-hello", &["closed-early"]),
    ("no-response/closed-", &["no-response", "in-progress"]),
    ("reset/in-the-answer", &["in-progress"]),
    ("healthy/early-data-closed", &["closed-early"]),
    ("healthy/proxy", &["plaintext"]),
    ("healthy/socks5", &["plaintext"]),
    ("healthy/starttls", &["plaintext"]),
    ("no-server-hello/behind-proxy", &["capture-gap"]),
    ("not-tls/starttls-refused", &["plaintext"]),
    ("not-tls/", &["not-tls", "closed-early", "reset", "tls-alert"]),
    // A short answer of the proxy may be one to a ClientHello as well.
    ("proxy-refused/", &["plaintext", "capture-gap"]),
    // The encrypted alert shares a segment with the ServerHello.
    ("tls-alert/no-common-alpn-rustls-rustls-tls13", &["closed-early"]),
];

#[test]
fn recorded_captures_are_printed_as_tcpdump_prints_them() {
    if !has_tcpdump() {
        return;
    }
    let mut compared = 0;
    for (name, capture) in captures() {
        if OTHERWISE_PRINTED.contains(&name.as_str()) {
            continue;
        }
        for verbose in [&["-nn"][..], &["-nn", "-vv"]] {
            let ours = if verbose.len() > 1 { &["-o", "tcpdump", "-v"][..] } else { &["-o", "tcpdump"] };
            let ours = run(&[&["read"][..], ours, &[path(&capture)]].concat()).out;
            assert_eq!(ours, tcpdump(verbose, &capture), "{name} {verbose:?}");
            compared += 1;
        }
    }
    assert!(compared > 100, "only {compared} compared");
}

#[test]
fn text_from_a_terminal_gives_the_same_codes_where_no_payload_is_needed() {
    if !has_tcpdump() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut compared = 0;
    for (name, capture) in captures() {
        if !WITHOUT_PAYLOAD.iter().any(|prefix| name.starts_with(prefix)) {
            continue;
        }
        if NEEDS_MORE.contains(&name.as_str()) {
            continue;
        }
        let text = tcpdump(&["-nn", "-vv"], &capture);
        let pasted: String = text
            .lines()
            .map(|line| {
                let columns = COLUMNS[usize::from(line.contains(" IP6 "))];
                line.trim().chars().take(columns).chain(['\n']).collect::<String>()
            })
            .collect();
        let file = folder.path().join("session.txt");
        fs::write(&file, pasted).unwrap();
        assert_eq!(codes(&file), codes(&capture), "{name}");
        compared += 1;
    }
    assert!(compared > 12, "only {compared} compared");
}

#[test]
fn text_without_payload_leads_to_the_verdict_of_each_situation() {
    if !has_tcpdump() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    let mut compared = 0;
    for (name, capture) in captures() {
        if OTHERWISE_PRINTED.contains(&name.as_str()) {
            continue;
        }
        let file = folder.path().join("session.txt");
        fs::write(&file, tcpdump(&["-nn", "-vv"], &capture)).unwrap();
        let readme = fs::read_to_string(capture.with_file_name("README.md")).unwrap();
        let verdict = readme.lines().last().and_then(|line| line.strip_prefix("verdict: ")).unwrap();
        let expected = verdict.split_once(' ').unwrap().0;
        let found = codes(&file).into_iter().next().unwrap_or_default();
        let mut otherwise = OTHERWISE_WITHOUT_PAYLOAD.iter().filter(|(prefix, _)| name.starts_with(prefix));
        let is_right = match otherwise.next() {
            Some((_, codes)) => codes.contains(&found.as_str()),
            None => found == expected,
        };
        if !is_right {
            wrong.push(format!("{name}: {found}, not {expected}"));
        }
        compared += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 250, "only {compared} compared");
}

/// The recorded captures with the names of their situations.
fn captures() -> Vec<(String, PathBuf)> {
    let named = |situation: Situation| Some((situation.frames()?, situation.name));
    situations().into_iter().filter_map(named).map(|(capture, name)| (name, capture)).collect()
}

/// The verdict codes of a capture, in order.
fn codes(capture: &Path) -> Vec<String> {
    run(&["read", "-o", "json", path(capture)]).codes()
}
