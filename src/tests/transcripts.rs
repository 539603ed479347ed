//! The recorded captures as tcpdump prints them: our own printing byte for byte, and the same verdicts from the text as
//! it comes out of a terminal.
//!
//! Skipped with a printed reason where tcpdump 4.99 is not installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::run::{has_tcpdump, path, run, tcpdump};
use crate::support::situations::{Situation, WITHOUT_PAYLOAD, capture, situations};

/// Situations that tcpdump prints with more than TCP and ICMP: outer headers, the interface of a cooked capture, single
/// fragments. `damaged` is read on after its damage, where tcpdump stops.
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

/// Rows of tshark, each cut at this column, in letters or, as `cut` does it, in bytes.
fn cut(rows: &str, column: usize, is_in_bytes: bool) -> String {
    let cut = |row: &str| {
        if is_in_bytes {
            String::from_utf8_lossy(&row.as_bytes()[..row.len().min(column)]).into_owned()
        } else {
            row.chars().take(column).collect()
        }
    };
    rows.lines().map(|row| cut(row) + "\n").collect()
}

#[test]
fn rows_that_a_terminal_cut_make_no_hang_healthy_and_nothing_healthy_fail() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.txt");
    for (name, codes) in [
        ("no-response/curl-tls13", &["no-response", "handshake-stalled", "capture-gap"][..]),
        ("healthy/probe-tls12", &["healthy", "in-progress", "capture-gap"]),
        ("healthy/probe-tls13", &["healthy", "in-progress", "capture-gap"]),
        ("healthy/name-mismatch", &["healthy", "in-progress", "capture-gap"]),
        ("proxy-refused/502", &["proxy-refused", "in-progress", "capture-gap"]),
        ("unreachable/host-down", &["unreachable", "in-progress", "capture-gap"]),
    ] {
        let Ok(output) = Command::new("tshark").args(["-n", "-r"]).arg(capture(name)).output() else {
            return eprintln!("skipped: tshark is not installed");
        };
        let rows = String::from_utf8_lossy(&output.stdout);
        for column in (80..=110).step_by(3) {
            for is_in_bytes in [false, true] {
                fs::write(&file, cut(&rows, column, is_in_bytes)).unwrap();
                let found = run(&["read", "-o", "json", path(&file)]).codes();
                let is_fine = found.iter().all(|code| codes.contains(&code.as_str()));
                assert!(is_fine, "{name} at {column}, {is_in_bytes}: {found:?}");
            }
        }
    }
}

#[test]
fn a_line_about_other_hosts_that_was_cut_hides_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hang.txt");
    let judged = |line: &str| {
        let start = [
            "10:00:00.000000 IP 192.0.2.10.50000 > 198.51.100.20.8080: Flags [S], seq 1, win 64240, length 0",
            "10:00:00.000100 IP 198.51.100.20.8080 > 192.0.2.10.50000: Flags [S.], seq 7, ack 2, win 65160, length 0",
            "10:00:00.000200 IP 192.0.2.10.50000 > 198.51.100.20.8080: Flags [.], ack 1, win 63, length 0",
            "10:00:00.000300 IP 192.0.2.10.50000 > 198.51.100.20.8080: Flags [P.], seq 1:80, ack 1, win 63, length 79: HTTP: GET / HTTP/1.1",
            "10:00:00.000400 IP 198.51.100.20.8080 > 192.0.2.10.50000: Flags [.], ack 80, win 64, length 0",
        ];
        let end = "10:00:09.000000 IP 192.0.2.10.50000 > 198.51.100.20.8080: Flags [F.], seq 80, ack 1, win 63, length 0";
        fs::write(&file, format!("{}\n{line}\n{end}\n", start.join("\n"))).unwrap();
        run(&["read", "-o", "json", path(&file)]).codes()
    };
    let of = |receiver: &str| {
        format!("10:00:04.000000 IP 203.0.113.1 > {receiver}: ICMP 203.0.113.9 udp port 53 unreach")
    };
    assert_eq!(judged(&of("203.0.113.2")), ["no-response"]);
    assert_eq!(judged(&of("192.0.2.10")), ["capture-gap"], "it may be about the request");
}

#[test]
fn the_name_in_a_hello_of_two_segments_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.txt");
    let rows = [
        "7 0.025592697 192.0.2.10 198.51.100.20 TCP 74 48122 → 443 [SYN] Seq=0 Win=64240 Len=0 MSS=1460 SACK_PERM TSval=1 TSecr=0 WS=1024",
        "8 0.034825567 198.51.100.20 192.0.2.10 TCP 74 443 → 48122 [SYN, ACK] Seq=0 Ack=1 Win=28960 Len=0 MSS=1420 SACK_PERM TSval=5 TSecr=1 WS=32",
        "9 0.034912855 192.0.2.10 198.51.100.20 TCP 66 48122 → 443 [ACK] Seq=1 Ack=1 Win=64512 Len=0 TSval=2 TSecr=5",
        "10 0.037012394 192.0.2.10 198.51.100.20 TCP 1474 48122 → 443 [ACK] Seq=1 Ack=1 Win=64512 Len=1408 TSval=2 TSecr=5 [TCP segment of a reassembled PDU]",
        "11 0.037015727 192.0.2.10 198.51.100.20 TLSv1.3 549 Client Hello (SNI=ssm.example.net)",
        "12 0.045482045 198.51.100.20 192.0.2.10 TCP 66 443 → 48122 [ACK] Seq=1 Ack=1892 Win=31872 Len=0 TSval=6 TSecr=2",
    ];
    fs::write(&file, rows.join("\n")).unwrap();
    let connections = run(&["read", "-o", "json", path(&file)]).connections();
    assert_eq!(connections[0]["tls"]["server_name"], "ssm.example.net", "{connections:?}");
}

/// A conversation between 192.0.2.10 and 198.51.100.20 as tcpdump prints it: each line's time of day after 10:00, whether the server sent
/// it, and the rest, with the port 50000 of the client and `port` of the server.
fn conversation(port: u16, lines: &[(&str, bool, &str)]) -> String {
    let (client, server) = ("192.0.2.10.50000".to_owned(), format!("198.51.100.20.{port}"));
    let line = |(time, is_server, rest): &(&str, bool, &str)| {
        let (from, to) = if *is_server { (&server, &client) } else { (&client, &server) };
        format!("10:{time} IP {from} > {to}: {rest}\n")
    };
    lines.iter().map(line).collect()
}

/// The verdict codes of a text.
fn codes_of_text(text: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("text.txt");
    fs::write(&file, text).unwrap();
    codes(&file)
}

const OPENING: [(&str, bool, &str); 3] = [
    ("00:00.000000", false, "Flags [S], seq 100, win 64240, options [mss 1460], length 0"),
    ("00:00.007000", true, "Flags [S.], seq 500, ack 101, win 65160, options [mss 1460], length 0"),
    ("00:00.007100", false, "Flags [.], ack 1, win 502, length 0"),
];

#[test]
fn no_length_of_one_turn_makes_another_protocol_a_failed_handshake() {
    for port in [22, 1234] {
        for bytes in (31..=330).step_by(7).chain([152, 126]) {
            let end = 101 + bytes;
            let [turn, fin, last, done] = [
                format!("Flags [P.], seq 101:{end}, ack 701, win 502, length {bytes}"),
                format!("Flags [F.], seq {end}, ack 701, win 502, length 0"),
                format!("Flags [F.], seq 701, ack {}, win 502, length 0", end + 1),
                "Flags [.], ack 702, win 502, length 0".to_owned(),
            ];
            let lines = [
                &OPENING[..],
                &[
                    ("00:00.008000", false, "Flags [P.], seq 1:101, ack 1, win 502, length 100"),
                    ("00:00.015000", true, "Flags [P.], seq 1:701, ack 101, win 502, length 700"),
                    ("00:00.016000", false, &turn),
                    ("00:00.016100", false, &fin),
                    ("00:00.024000", true, &last),
                    ("00:00.024100", false, &done),
                ],
            ];
            let found = codes_of_text(&conversation(port, &lines.concat()));
            assert!(
                matches!(found[0].as_str(), "plaintext" | "healthy" | "capture-gap"),
                "{port} {bytes}: {found:?}"
            );
        }
    }
}

#[test]
fn what_the_server_sent_before_the_client_left_was_lost_or_not() {
    let mail = |ack: &str| {
        let leaves = format!("Flags [F.], seq 11, ack {ack}, win 502, length 0");
        let lines = [
            &OPENING[..],
            &[
                ("00:00.014000", true, "Flags [P.], seq 1:6, ack 1, win 502, length 5"),
                ("00:00.015000", false, "Flags [P.], seq 1:11, ack 6, win 502, length 10"),
                ("00:00.022000", true, "Flags [.], ack 11, win 502, length 0"),
                ("00:00.023000", true, "Flags [P.], seq 6:900, ack 11, win 502, length 894"),
                ("00:00.333000", true, "Flags [P.], seq 6:900, ack 11, win 502, length 894"),
                ("05:00.000000", false, &leaves),
                ("05:00.007000", true, "Flags [R], seq 900, win 0, length 0"),
            ],
        ];
        codes_of_text(&conversation(110, &lines.concat()))
    };
    assert_eq!(mail("6"), ["no-response"]);
    assert_eq!(mail("900"), ["plaintext"]);
}

#[test]
fn a_mark_of_rows_that_were_left_out_leaves_a_silence_open() {
    let list = |mark: &str| {
        codes_of_text(&format!(
            "    1   0.000000 192.0.2.10 → 198.51.100.20 TCP 74 50000 → 8080 [SYN] Seq=0 Win=64240 Len=0 MSS=1460\n{mark}   31   \
             9.700058 198.51.100.20 → 192.0.2.10 TCP 60 8080 → 50002 [RST, ACK] Seq=1 Ack=1 Win=0 Len=0\n"
        ))
    };
    assert_eq!(list("")[0], "syn-no-reply");
    assert_eq!(list("   ... other logs ...\n")[0], "capture-gap");
}
