//! The command as its users meet it: usage, errors, exit status, pipes.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};

use assert_cmd::Command;

fn ssmscope() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ssmscope"));
    command.env("TZ", "UTC").env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
    command
}

fn testdata(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(path)
}

/// Runs the command and yields its exit status, standard output and standard error.
fn run(arguments: &[&str]) -> (i32, String, String) {
    outcome(ssmscope().args(arguments))
}

fn outcome(command: &mut Command) -> (i32, String, String) {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn healthy() -> String {
    testdata("healthy/capture.pcap").display().to_string()
}

fn refused() -> String {
    testdata("refused/capture.pcapng").display().to_string()
}

#[test]
fn bad_usage_is_status_3_and_help_is_0() {
    for arguments in [
        &[][..],
        &["read"],
        &["frobnicate"],
        &["read", "--output", "xml", "x.pcap"],
        &["read", "--port", "70000", "x.pcap"],
        &["read", "--stall-after", "soon", "x.pcap"],
        &["check"],
        &["check", "https://ssm.example"],
        &["check", "--oauth", "password", "ssm.example"],
        &["check", "--cert", "x.pem", "ssm.example"],
        &["check", "--expect-status", "20", "--http", "/", "ssm.example"],
        &["check", "--save", "x.pcapng", "ssm.example"],
    ] {
        let (status, out, error) = run(arguments);
        assert_eq!((status, out.as_str()), (3, ""), "{arguments:?}");
        assert!(error.contains("--help"), "{arguments:?}: {error}");
    }
    for arguments in [&["--help"][..], &["--version"], &["read", "--help"], &["explain", "-h"]] {
        let (status, out, error) = run(arguments);
        assert_eq!((status, error.as_str()), (0, ""), "{arguments:?}");
        assert!(!out.is_empty());
    }
    let (_, help, _) = run(&["read", "--help"]);
    assert!(help.contains("Examples:") && help.contains("Exit status:"), "{help}");
}

#[test]
fn the_exit_status_is_the_worst_verdict_s() {
    let slow = testdata("slow/capture.pcap").display().to_string();
    let midstream = testdata("midstream/capture.pcap").display().to_string();
    for (file, status) in [(healthy(), 0), (slow, 1), (refused(), 2), (midstream, 3)] {
        for output in ["timeline", "table", "json", "tcpdump"] {
            assert_eq!(run(&["read", "--output", output, &file]).0, status, "{output} {file}");
        }
    }
}

#[test]
fn unreadable_input_is_named_with_what_to_try() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::write(path("empty.pcap"), b"").unwrap();
    fs::write(path("picture.pcap"), b"\x89PNG\r\n\x1a\n and so on").unwrap();
    for file in [path("missing.pcap"), path("empty.pcap"), path("picture.pcap"), path("")] {
        let (status, out, error) = run(&["read", &file]);
        assert_eq!((status, out.as_str()), (3, ""), "{file}");
        assert!(error.starts_with(&format!("ssmscope: {file}: ")), "{error}");
        assert!(error.contains("\n  try: "), "{error}");
    }
}

#[test]
fn what_could_be_read_is_judged_though_another_file_could_not() {
    let (status, out, error) = run(&["read", "-o", "json", "missing.pcap", &healthy()]);
    assert_eq!(status, 3);
    assert!(out.contains(r#""code":"healthy""#), "{out}");
    assert!(out.contains(r#""errors":[{"file":"missing.pcap""#), "{out}");
    assert!(error.starts_with("ssmscope: missing.pcap: "), "{error}");
    let (status, _, _) = run(&["read", "missing.pcap", &refused()]);
    assert_eq!(status, 2, "a failure found is worth more than a file that is missing");
}

#[test]
fn standard_input_is_read_by_its_content() {
    let bytes = fs::read(healthy()).unwrap();
    let (status, out, _) = outcome(ssmscope().args(["read", "-"]).write_stdin(bytes));
    assert_eq!(status, 0);
    assert!(out.contains("healthy (ok)"), "{out}");
    let text = fs::read(testdata("vmanage-transcript/transcript.txt")).unwrap();
    let (status, out, _) = outcome(ssmscope().args(["read", "-"]).write_stdin(text));
    assert_eq!(status, 3);
    assert!(out.contains("in-progress (unknown) at client-finished"), "{out}");
}

#[test]
fn standard_input_is_read_once() {
    let bytes = fs::read(healthy()).unwrap();
    let (status, out, error) = outcome(ssmscope().args(["read", "-", "-"]).write_stdin(bytes));
    assert_eq!(
        (status, error.as_str()),
        (3, "ssmscope: -: is given twice, and standard input can be read once\n")
    );
    assert!(out.contains("healthy (ok)"), "{out}");
}

#[test]
fn a_file_s_name_is_escaped_like_what_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("\u{1b}[2J|\u{202e}x.pcap");
    fs::write(&file, b"no capture").unwrap();
    let file = file.display().to_string();
    for output in ["timeline", "json", "nagios"] {
        let (status, out, error) = run(&["read", "--color", "always", "--output", output, &file]);
        assert_eq!(status, 3);
        let is_harmful = |letter| matches!(letter, '\u{1b}' | '\u{202e}');
        assert!(!out.contains(is_harmful) && !error.contains(is_harmful), "{out}\n{error}");
        // A plugin says all on standard output, where the bar separates performance data.
        let told = if output == "nagios" { &out } else { &error };
        assert!(told.contains("[2J") && told.contains("\\u{202e}x.pcap"), "{told}");
        assert!(out.matches('|').count() <= 1, "{out}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    for output in ["timeline", "json", "tcpdump", "table"] {
        let mut child = Process::new(env!("CARGO_BIN_EXE_ssmscope"))
            .args(["read", "-v", "--output", output, &healthy()])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let mut error = String::new();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        error.extend(lines.map_while(Result::ok));
        assert_eq!(child.wait().unwrap().code(), Some(0), "{output}: {error}");
        assert_eq!(error, "", "{output}");
    }
}

#[test]
fn selections_are_applied_and_their_errors_told() {
    let (status, out, _) = run(&["read", "--host", "203.0.113.9", &healthy()]);
    assert_eq!(status, 3);
    assert!(out.contains("The selection left out every packet."), "{out}");
    let (status, _, _) = run(&["read", "--host", "198.51.100.0/24", "--port", "8443", &healthy()]);
    assert_eq!(status, 0);
    let (status, _, _) = run(&["read", "--filter", "tcp port 8443", &healthy()]);
    assert_eq!(status, 0);
    let (status, out, error) = run(&["read", "--filter", "tcp prt 8443", &healthy()]);
    assert_eq!(status, 3);
    assert!(out.starts_with("Reading ended before there was a connection to judge."), "{out}");
    assert!(error.starts_with("ssmscope: --filter 'tcp prt 8443': "), "{error}");
    let text = testdata("vmanage-transcript/transcript.txt").display().to_string();
    let (status, _, error) = run(&["read", "--filter", "tcp", &text]);
    assert_eq!(status, 3);
    assert!(error.contains("try: --host and --port"), "{error}");
}

#[test]
fn spans_and_ports_change_the_judgement() {
    let gives_up = testdata("no-server-hello--client-gives-up/capture.pcap").display().to_string();
    assert_eq!(run(&["read", &gives_up]).0, 2);
    let (_, out, _) = run(&["read", "--stall-after", "60", "-o", "json", &gives_up]);
    assert!(!out.contains(r#""code":"no-server-hello""#), "{out}");
    let (status, _, _) = run(&["read", "--slow-after", "1ms", &healthy()]);
    assert_eq!(status, 1);
    let plain = testdata("plaintext/capture.pcap").display().to_string();
    let (_, out, _) = run(&["read", "-o", "json", &plain]);
    let port = out.split(r#""server":{"ip":"198.51.100.20","port":"#).nth(1).unwrap();
    let port = port.split('}').next().unwrap();
    assert_eq!(run(&["read", &plain]).0, 0);
    assert_eq!(run(&["read", "--tls-port", port, &plain]).0, 2);
}

#[test]
fn colour_is_for_terminals_and_those_who_ask() {
    let colored = |command: &mut Command| outcome(command).1.contains('\u{1b}');
    assert!(!colored(ssmscope().args(["read", &healthy()])));
    assert!(colored(ssmscope().args(["read", "--color", "always", &healthy()])));
    assert!(!colored(ssmscope().args(["--color", "never", "read", &healthy()]).env("CLICOLOR_FORCE", "1")));
    assert!(!colored(ssmscope().args(["read", &healthy()]).env("NO_COLOR", "1")));
}

#[test]
fn explain_lists_the_catalogue_and_prints_a_page() {
    let (status, out, _) = run(&["explain"]);
    assert_eq!(status, 0);
    let is_listed = |code: &str| out.lines().any(|line| line.split_whitespace().next() == Some(code));
    assert!(ssmscope::verdict::RULES.iter().all(|rule| is_listed(rule.code)), "{out}");
    assert!(ssmscope::probe::REASONS.iter().all(|reason| is_listed(reason.code)), "{out}");
    assert!(run(&["explain", "token-refused"]).1.contains("Resource Owner Grant"));
    let (status, out, _) = run(&["explain", "no-server-hello"]);
    assert_eq!(status, 0);
    assert!(out.starts_with("# no-server-hello\n"), "{out}");
    let (status, out, error) = run(&["explain", "no-server-helo"]);
    assert_eq!((status, out.as_str()), (3, ""));
    assert!(error.contains("try: no-server-hello"), "{error}");
}

#[test]
fn certificates_are_checked_against_the_file_that_is_named() {
    let capture = testdata("healthy--intermediate/capture.pcap").display().to_string();
    let authority = testdata("healthy--intermediate/ca.pem").display().to_string();
    let stranger = testdata("stranger.pem").display().to_string();
    let faults = |arguments: &[&str]| {
        let (status, out, err) = run(&[&["read", "-o", "json", &capture], arguments].concat());
        assert_eq!((status, err.as_str()), (0, ""));
        let line: serde_json::Value = serde_json::from_str(out.lines().next().unwrap()).unwrap();
        line["tls"]["certificate_check"]["faults"].to_string()
    };
    assert_eq!(faults(&["--ca-file", &authority]), "[]");
    assert_eq!(faults(&["--ca-file", &stranger]), r#"["certificate-unknown-issuer"]"#);
    assert_eq!(faults(&["--ca-file", &authority, "--name", "x.example"]), r#"["certificate-name-mismatch"]"#);
}

#[test]
fn a_file_without_certificates_is_refused_at_once() {
    for file in [testdata("README.md"), testdata("no-such-file")] {
        let file = file.display().to_string();
        let (status, out, err) = run(&["read", "--ca-file", &file, &healthy()]);
        assert_eq!((status, out.as_str()), (3, ""), "{file}");
        assert!(err.contains(&file), "{err}");
    }
}

#[test]
fn a_check_that_lacks_something_says_what_and_connects_to_nobody() {
    for (arguments, words) in [
        (&["--tls-min", "1.3", "--tls-max", "1.2"][..], "--tls-min"),
        (&["--oauth", "client-credentials", "--client-id", "x"], "SSMSCOPE_CLIENT_SECRET"),
        (&["--ca-file", "missing.pem"], "missing.pem"),
        (&["--proxy", "socks5://127.0.0.1"], "http://"),
        (&["--proxy", "http://joe@127.0.0.1"], "SSMSCOPE_PROXY_PASSWORD"),
    ] {
        let mut command = ssmscope();
        command.env_remove("SSMSCOPE_CLIENT_SECRET").env_remove("SSMSCOPE_PROXY_PASSWORD");
        let (status, out, error) = outcome(command.args(["check", "127.0.0.1:1"]).args(arguments));
        assert_eq!((status, out.as_str()), (3, ""), "{arguments:?}");
        assert!(error.contains(words), "{arguments:?}: {error}");
    }
}

#[test]
fn nobody_listens_on_a_port_of_this_host_and_a_check_says_so() {
    let (status, out, _) = run(&["check", "--no-proxy", "127.0.0.1:1"]);
    assert_eq!(status, 2);
    assert!(out.contains("refused (critical) at syn") && out.contains("Evidence  steps 1, 2"), "{out}");
}
