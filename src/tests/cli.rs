//! The command as its users meet it: usage, errors, exit status, pipes.

use std::fs;

use crate::support::run::{Outcome, run, spawn, ssmscope};
use crate::support::situations::testdata;

fn healthy() -> String {
    testdata("healthy/plain/capture.pcap")
}

fn refused() -> String {
    testdata("refused/plain/capture.pcapng")
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
        &["check", "http://ssm.example"],
        &["check", "--oauth", "password", "ssm.example"],
        &["check", "--cert", "x.pem", "ssm.example"],
        &["check", "--expect-status", "20", "--http", "/", "ssm.example"],
        &["check", "--save", "x.pcapng", "ssm.example"],
    ] {
        let Outcome { status, out, error } = run(arguments);
        assert_eq!((status, out.as_str()), (3, ""), "{arguments:?}");
        assert!(error.contains("--help"), "{arguments:?}: {error}");
    }
    for arguments in [&["--help"][..], &["--version"], &["read", "--help"], &["explain", "-h"]] {
        let Outcome { status, out, error } = run(arguments);
        assert_eq!((status, error.as_str()), (0, ""), "{arguments:?}");
        assert!(!out.is_empty());
    }
    // What looks like a user name in a usage is shown as it is.
    for command in ["read", "live", "check", "batch", "serve", "explain", "completions"] {
        let Outcome { status, out, error } = run(&[command, "--help"]);
        assert_eq!((status, error.as_str()), (0, ""), "{command}");
        assert!(out.contains("Usage:") && !out.contains("***@"), "{out}");
    }
    let Outcome { out: help, .. } = run(&["read", "--help"]);
    assert!(help.contains("Examples:") && help.contains("Exit status:"), "{help}");
}

#[test]
fn the_exit_status_is_the_worst_verdict_s() {
    let slow = testdata("slow/plain/capture.pcap");
    let midstream = testdata("midstream/plain/capture.pcap");
    for (file, status) in [(healthy(), 0), (slow, 1), (refused(), 2), (midstream, 3)] {
        for output in ["timeline", "table", "json", "tcpdump"] {
            assert_eq!(run(&["read", "--output", output, &file]).status, status, "{output} {file}");
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
        let Outcome { status, out, error } = run(&["read", &file]);
        assert_eq!((status, out.as_str()), (3, ""), "{file}");
        assert!(error.starts_with(&format!("ssmscope: {file}: ")), "{error}");
        assert!(error.contains("\n  try: "), "{error}");
    }
}

#[test]
fn what_could_be_read_is_judged_though_another_file_could_not() {
    let Outcome { status, out, error } = run(&["read", "-o", "json", "missing.pcap", &healthy()]);
    assert_eq!(status, 3);
    assert!(out.contains(r#""code":"healthy""#), "{out}");
    assert!(out.contains(r#""errors":[{"file":"missing.pcap""#), "{out}");
    assert!(error.starts_with("ssmscope: missing.pcap: "), "{error}");
    let Outcome { status, .. } = run(&["read", "missing.pcap", &refused()]);
    assert_eq!(status, 2, "a failure found is worth more than a file that is missing");
}

#[test]
fn standard_input_is_read_by_its_content() {
    let bytes = fs::read(healthy()).unwrap();
    let Outcome { status, out, .. } = Outcome::fed(&mut ssmscope(&["read", "-"]), &bytes);
    assert_eq!(status, 0);
    assert!(out.starts_with("OK healthy: "), "{out}");
    let text = fs::read(testdata("transcript/vmanage/transcript.txt")).unwrap();
    let Outcome { status, out, .. } = Outcome::fed(&mut ssmscope(&["read", "-"]), &text);
    assert_eq!(status, 3);
    assert!(out.contains("UNSURE in-progress: "), "{out}");
}

#[test]
fn standard_input_is_read_once() {
    let bytes = fs::read(healthy()).unwrap();
    let Outcome { status, out, error } = Outcome::fed(&mut ssmscope(&["read", "-", "-"]), &bytes);
    assert_eq!(
        (status, error.as_str()),
        (3, "ssmscope: -: is given twice, and standard input can be read once\n")
    );
    assert!(out.starts_with("OK healthy: "), "{out}");
}

#[test]
fn a_file_s_name_is_escaped_like_what_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("\u{1b}[2J|\u{202e}x.pcap");
    fs::write(&file, b"no capture").unwrap();
    let file = file.display().to_string();
    for output in ["timeline", "json", "nagios"] {
        let Outcome { status, out, error } = run(&["read", "--color", "always", "--output", output, &file]);
        assert_eq!(status, 3);
        let is_harmful = |letter| matches!(letter, '\u{1b}' | '\u{202e}');
        assert!(!out.contains(is_harmful) && !error.contains(is_harmful), "{out}\n{error}");
        // A plugin prints all on standard output, where the bar separates performance data.
        let printed = if output == "nagios" { &out } else { &error };
        assert!(printed.contains("[2J") && printed.contains("\\u{202e}x.pcap"), "{printed}");
        assert!(out.matches('|').count() <= 1, "{out}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    for output in ["timeline", "json", "tcpdump", "table"] {
        let mut child = spawn(&mut ssmscope(&["read", "-v", "--output", output, &healthy()]));
        drop(child.stdout.take());
        let Outcome { status, error, .. } = child.wait_with_output().unwrap().into();
        assert_eq!((status, error.as_str()), (0, ""), "{output}");
    }
}

#[test]
fn a_report_in_a_pipe_is_as_wide_as_the_environment_says() {
    let file = testdata("no-server-hello/plain/capture.pcap");
    let widest = |columns: Option<&str>| {
        let mut command = ssmscope(&["read", &file]);
        columns.map(|columns| command.env("COLUMNS", columns));
        let out = Outcome::of(&mut command).out;
        out.lines().map(|line| line.chars().count()).max().unwrap_or_default()
    };
    let (narrow, usual) = (widest(Some("70")), widest(None));
    assert!(narrow <= 70 && (71..=100).contains(&usual), "{narrow} {usual}");
    assert_eq!([Some("0"), Some("wide")].map(widest), [usual; 2]);
}

#[test]
fn selections_are_applied_and_their_errors_reported() {
    let Outcome { status, out, .. } = run(&["read", "--host", "203.0.113.9", &healthy()]);
    assert_eq!(status, 3);
    assert!(out.contains("No packet matches the selection."), "{out}");
    let Outcome { status, .. } = run(&["read", "--host", "198.51.100.0/24", "--port", "8443", &healthy()]);
    assert_eq!(status, 0);
    let Outcome { status, .. } = run(&["read", "--filter", "tcp port 8443", &healthy()]);
    assert_eq!(status, 0);
    let Outcome { status, out, error } = run(&["read", "--filter", "tcp prt 8443", &healthy()]);
    assert_eq!(status, 3);
    assert_eq!(out, "", "what cannot be applied is no verdict");
    assert!(error.starts_with("ssmscope: --filter 'tcp prt 8443': "), "{error}");
    let text = testdata("transcript/vmanage/transcript.txt");
    let Outcome { status, error, .. } = run(&["read", "--filter", "tcp", &text]);
    assert_eq!(status, 3);
    assert!(error.contains("try: --host and --port"), "{error}");
}

#[test]
fn spans_and_ports_change_the_judgement() {
    let gives_up = testdata("no-server-hello/client-gives-up/capture.pcap");
    assert_eq!(run(&["read", &gives_up]).status, 2);
    let Outcome { out, .. } = run(&["read", "--stall-after", "60", "-o", "json", &gives_up]);
    assert!(!out.contains(r#""code":"no-server-hello""#), "{out}");
    let Outcome { status, .. } = run(&["read", "--slow-after", "1ms", &healthy()]);
    assert_eq!(status, 1);
    let plain = testdata("plaintext/plain/capture.pcap");
    let Outcome { out, .. } = run(&["read", "-o", "json", &plain]);
    let port = out.split(r#""server":{"ip":"198.51.100.20","port":"#).nth(1).unwrap();
    let port = port.split('}').next().unwrap();
    assert_eq!(run(&["read", &plain]).status, 0);
    assert_eq!(run(&["read", "--tls-port", port, &plain]).status, 2);
}

#[test]
fn colour_is_for_terminals_and_those_who_ask() {
    let is_colored = |arguments: &[&str], variable: Option<(&str, &str)>| {
        let mut command = ssmscope(arguments);
        command.env_remove("NO_COLOR").envs(variable);
        Outcome::of(&mut command).out.contains('\u{1b}')
    };
    let healthy = healthy();
    assert!(!is_colored(&["read", &healthy], None));
    assert!(is_colored(&["read", "--color", "always", &healthy], None));
    assert!(!is_colored(&["--color", "never", "read", &healthy], Some(("CLICOLOR_FORCE", "1"))));
    assert!(!is_colored(&["read", &healthy], Some(("NO_COLOR", "1"))));
}

#[test]
fn explain_lists_the_catalogue_and_prints_a_page() {
    let Outcome { status, out, .. } = run(&["explain"]);
    assert_eq!(status, 0);
    let is_listed = |code: &str| out.lines().any(|line| line.split_whitespace().next() == Some(code));
    assert!(ssmscope::verdict::RULES.iter().all(|rule| is_listed(rule.code.name())), "{out}");
    assert!(ssmscope::probe::REASONS.iter().all(|reason| is_listed(reason.code)), "{out}");
    assert!(run(&["explain", "rejected"]).out.contains("Resource Owner Grant"));
    let Outcome { status, out, .. } = run(&["explain", "no-server-hello"]);
    assert_eq!(status, 0);
    assert!(out.starts_with("no-server-hello\n") && !out.contains("## "), "{out}");
    let Outcome { status, out, error } = run(&["explain", "no-server-helo"]);
    assert_eq!((status, out.as_str()), (3, ""));
    assert!(error.contains("try: no-server-hello"), "{error}");
}

#[test]
fn the_decision_about_a_verdict_is_shown_to_maintainers_and_hidden_from_help() {
    let Outcome { status, out, error } = run(&["read", "--explain-decision", &refused()]);
    assert_eq!((status, error.as_str()), (2, ""));
    assert!(out.contains("  declined    unreachable\n  applies     refused\n"), "{out}");
    assert!(!run(&["read", "--help"]).out.contains("explain-decision"));
}

#[test]
fn certificates_are_checked_against_the_file_that_is_named() {
    let capture = testdata("healthy/intermediate/capture.pcap");
    let authority = testdata("healthy/intermediate/ca.pem");
    let stranger = testdata("lab/stranger.pem");
    let faults = |arguments: &[&str]| {
        let Outcome { status, out, error } = run(&[&["read", "-o", "json", &capture], arguments].concat());
        assert_eq!((status, error.as_str()), (0, ""));
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
        let Outcome { status, out, error } = run(&["read", "--ca-file", &file, &healthy()]);
        assert_eq!((status, out.as_str()), (3, ""), "{file}");
        assert!(error.contains(&file), "{error}");
    }
}

#[test]
fn a_check_that_lacks_something_says_what_and_connects_to_nobody() {
    for (arguments, words) in [
        (&["--tls-min", "1.3", "--tls-max", "1.2"][..], "--tls-min"),
        (&["--oauth", "client-credentials", "--client-id", "x"], "SSMSCOPE_CLIENT_SECRET"),
        (&["--ca-file", "missing.pem"], "missing.pem"),
        (&["--proxy", "ftp://127.0.0.1"], "socks5://"),
        (&["--proxy", "socks5h://joe@127.0.0.1"], "SSMSCOPE_PROXY_PASSWORD"),
        (
            &["--http", "/", "--expect-body", "(a"],
            "'(a' for '--expect-body <REGEX>': invalid regular expression: unclosed group",
        ),
        (&["--pin", "sha256//AAAA"], "32 bytes in base64"),
        (&["--proxy", "http://joe@127.0.0.1"], "SSMSCOPE_PROXY_PASSWORD"),
    ] {
        let mut command = ssmscope(&["check", "127.0.0.1:1"]);
        command.env_remove("SSMSCOPE_CLIENT_SECRET").env_remove("SSMSCOPE_PROXY_PASSWORD");
        let Outcome { status, out, error } = Outcome::of(command.args(arguments));
        assert_eq!((status, out.as_str()), (3, ""), "{arguments:?}");
        assert!(error.contains(words), "{arguments:?}: {error}");
    }
}

#[test]
fn nobody_listens_on_a_port_of_this_host_and_a_check_says_so() {
    let Outcome { status, out, .. } = run(&["check", "--no-proxy", "127.0.0.1:1"]);
    assert_eq!(status, 2);
    assert!(out.contains("FAIL refused: ") && out.contains("Evidence   steps 1, 2"), "{out}");
}

#[test]
fn a_full_disk_under_an_output_is_no_crash() {
    for arguments in [
        &["read", "no-such-file"][..],
        &["read", "--frobnicate"],
        &["explain", "refusd"],
        &["read", &testdata("healthy/plain/capture.pcap"), "no-such-file"],
    ] {
        let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let status = |command: &mut std::process::Command| command.status().unwrap().code();
        let trace = ("SSMSCOPE_TRACE", "1");
        let status = status(ssmscope(arguments).env(trace.0, trace.1).stderr(full()).stdout(full()));
        assert_eq!(status, Some(3), "{arguments:?}");
    }
    let status = ssmscope(&["check", "--timeout", "1", "127.0.0.1:1"])
        .env("SSMSCOPE_TRACE", "1")
        .stderr(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap())
        .stdout(std::process::Stdio::null())
        .status();
    assert_eq!(status.unwrap().code(), Some(2));
}

#[test]
fn options_that_contradict_each_other_are_bad_usage() {
    for (arguments, why) in [
        (&["-H", "127.0.0.1:1", "-p", "2"][..], "named with port 1, and -p says 2"),
        (&["https://127.0.0.1:1/a", "-p", "2"], "named with port 1, and -p says 2"),
        (&["https://127.0.0.1:1/a", "--http", "/b"], "the URL's path is /a, and --http says /b"),
        (
            &["127.0.0.1:1", "--resolve", "ssm.example=192.0.2.1"],
            "ssm.example, and nothing here looks that name up",
        ),
        (
            &["ssm.example", "--resolve", "ssm.example=192.0.2.1", "-I", "127.0.0.1"],
            "nothing here looks that name up",
        ),
        (
            &["ssm.example", "--resolve", "ssm.example=192.0.2.1", "--proxy", "http://127.0.0.1:1"],
            "nothing here looks that name up",
        ),
    ] {
        let outcome = run(&[&["check"], arguments].concat());
        assert!(outcome.status == 3 && outcome.error.contains(why), "{arguments:?}: {outcome:?}");
    }
    // The same twice, a final dot, and a proxy's own name do not count.
    for arguments in [
        &["-H", "127.0.0.1:1", "-p", "1"][..],
        &["https://127.0.0.1/a", "-p", "1", "--http", "/a"],
        &["ssm.example:1", "--resolve", "SSM.example.=127.0.0.1"],
        &["ssm.example:1", "--resolve", "proxy.example=127.0.0.1", "--proxy", "http://proxy.example:1"],
    ] {
        let outcome = run(&[&["check"], arguments].concat());
        assert_eq!(outcome.status, 2, "{arguments:?}: {outcome:?}");
    }
}

#[test]
fn a_file_that_may_not_grow_is_an_error_and_ends_no_process() {
    let folder = tempfile::tempdir().unwrap();
    let capture = testdata("healthy/plain/capture.pcap");
    for output in ["-w", "--html", "--textfile"] {
        let mut command = std::process::Command::new("sh");
        // In blocks of 512 bytes.
        command.args([
            "-c",
            "ulimit -f 1; exec \"$@\"",
            "sh",
            crate::support::run::PROGRAM,
            "read",
            &capture,
        ]);
        command.args([output, folder.path().join("output").to_str().unwrap()]);
        let outcome = Outcome::of(&mut command);
        assert!(outcome.status == 3 && outcome.error.contains("File too large"), "{output}: {outcome:?}");
    }
}

#[test]
fn secrets_go_to_an_unverified_server_only_if_that_is_asked_for_twice() {
    let options = ["check", "127.0.0.1:1", "--oauth", "client-credentials", "--client-id", "x", "--insecure"];
    let outcome = Outcome::of(ssmscope(&options).env("SSMSCOPE_CLIENT_SECRET", "s"));
    assert_eq!(outcome.status, 3, "{outcome:?}");
    assert!(outcome.error.contains("--send-secrets-unverified"), "{outcome:?}");
    let options = [&options[..], &["--send-secrets-unverified"]].concat();
    let outcome = Outcome::of(ssmscope(&options).env("SSMSCOPE_CLIENT_SECRET", "s"));
    assert_eq!(outcome.status, 2, "{outcome:?}");
}
