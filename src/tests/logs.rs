//! Logs read with a capture, and logs alone, through the command.

use serde_json::Value;

use crate::support::run::{Outcome, run};
use crate::support::situations::testdata;

const CAPTURE: &str = "rejected/plain/capture.pcap";
const LOG: &str = "rejected/plain/vmanage-server.log";

fn sample(name: &str) -> String {
    format!("{}/src/log/samples/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// The objects of this type.
fn objects(printed: &Outcome, kind: &str) -> Vec<Value> {
    printed.objects().into_iter().filter(|object| object["type"] == kind).collect()
}

#[test]
fn a_refusal_in_a_log_is_critical_and_without_the_log_the_capture_is_healthy() {
    let (capture, log) = (testdata(CAPTURE), testdata(LOG));
    assert_eq!(run(&["read", &capture, "-o", "json"]).codes(), ["healthy"]);
    for arguments in [[&capture, "--log", &log], ["--log", &log, &capture]] {
        let printed = run(&[&["read", "-o", "json"][..], &arguments.map(|argument: &str| argument)].concat());
        assert_eq!((printed.codes(), printed.status), (vec!["rejected".to_owned()], 2));
        let logs = objects(&printed, "log");
        assert_eq!(logs.len(), 1);
        assert_eq!(logs[0]["tie"]["connection"], 1);
        assert_eq!((&logs[0]["error"], &logs[0]["zone"]), (&"invalid_client".into(), &"IST".into()));
    }
}

#[test]
fn secrets_in_a_log_are_printed_only_if_they_are_asked_for() {
    let (capture, log) = (testdata(CAPTURE), testdata(LOG));
    for form in ["timeline", "json"] {
        let printed = run(&["read", &capture, "--log", &log, "-o", form]);
        assert!(!printed.out.contains("3b1f7c55d0e64a6f"), "{form}");
    }
}

#[test]
fn three_sources_of_three_attempts_are_not_tied_and_the_reasons_are_given() {
    let transcript = testdata("transcript/vmanage/transcript.txt");
    let logs = [sample("seed-messages.txt"), sample("seed-vmanage-server.txt")];
    let printed = run(&["read", &transcript, "--log", &logs[0], &logs[1], "-o", "json"]);
    assert_eq!(printed.codes(), ["in-progress"]);
    let attempts = objects(&printed, "log");
    assert!(!attempts.is_empty() && attempts.iter().all(|attempt| attempt["tie"].is_null()));
    let reasons: Vec<String> = attempts
        .iter()
        .flat_map(|attempt| attempt["untied"].as_array().cloned().unwrap_or_default())
        .map(|reason| reason.as_str().unwrap_or_default().to_owned())
        .collect();
    for words in ["the connection takes at least", "off any multiple of 15 minutes", "the request came from"]
    {
        assert!(reasons.iter().any(|reason| reason.contains(words)), "no {words:?} in {reasons:#?}");
    }
}

#[test]
fn logs_alone_list_attempts_and_the_last_one_decides() {
    let failed = run(&["read", "--log", &testdata(LOG)]);
    assert_eq!(failed.status, 2);
    assert!(failed.out.contains("invalid_client") && failed.out.contains("tcpdump -w"), "{}", failed.out);
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let vmanage = |second: u8, level: &str, words: &str| {
        format!(
            "24-Nov-2026 09:40:{second:02},100 UTC {level} [vm] [SmartLicensingUtil] (default task-1) |default| {words}\n"
        )
    };
    let asks = "URL being used for on-prem: https://192.0.2.1:8443/oauth/token";
    let lines = [
        vmanage(1, "INFO ", asks),
        vmanage(
            2,
            "ERROR",
            "Failed to authenticate user - 'admin'. status 401 {\"error\":\"invalid_client\"}",
        ),
        vmanage(3, "INFO ", asks),
        vmanage(4, "INFO ", "Token received successfully, status 200"),
    ];
    for (from, status) in [(0, 0), (2, 0)] {
        let granted = run(&["read", "--log", &write("granted.log", &lines[from..].concat())]);
        assert_eq!(granted.status, status, "{}", granted.out);
        assert!(granted.out.contains("200"), "{}", granted.out);
    }
    // Words without a status may be about anything.
    let pause = [vmanage(3, "INFO ", asks), vmanage(4, "INFO ", "Token is shown")].concat();
    assert_eq!(run(&["read", "--log", &write("pause.log", &pause)]).status, 3);
    let quiet = write("quiet.log", "2026-11-24 09:40:03,398 nothing of interest\n");
    let printed = run(&["read", "--log", &quiet]);
    assert_eq!(printed.status, 3);
    assert!(printed.out.contains("No attempt was found"), "{}", printed.out);
    let prose = write("prose.txt", "no line here has a time\n");
    let unread = run(&["read", "--log", &prose]);
    assert_eq!(unread.status, 3);
    assert!(unread.error.contains("is no log"), "{}", unread.error);
}

#[test]
fn a_log_that_can_t_be_read_leaves_the_verdicts_and_raises_the_status() {
    let printed =
        run(&["read", &testdata(CAPTURE), "--log", "/nonexistent/vmanage-server.log", "-o", "json"]);
    assert_eq!((printed.codes(), printed.status), (vec!["healthy".to_owned()], 3));
}

#[test]
fn numbers_of_nginx_between_its_lines_count_connections_without_a_line() {
    let line = |time: &str, number: u32| {
        format!(
            "2026/11/24 {time} [error] 12#12: *{number} open() \"/a\" failed (2: No such file or directory), client: \
             192.0.2.9, server: ssm.example.net, request: \"GET /a HTTP/1.1\", host: \"ssm.example.net\"\n"
        )
    };
    let read = |log: &[String], form: &str| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), log.concat()).unwrap();
        let path = file.path().display().to_string();
        run(&["read", &testdata(CAPTURE), "--log", &path, "--log-offset", "0", "-o", form])
    };
    let unlogged =
        |log: &[String]| objects(&read(log, "json"), "summary")[0]["logs"][0]["unlogged_connections"].clone();
    let log = [line("04:10:02", 5), line("04:10:05", 9)];
    assert_eq!(unlogged(&log), 3);
    let text = read(&log, "timeline").out;
    assert!(text.contains("during the capture nginx numbered 3 connections without a line"), "{text}");
    // Nothing is missing, and where no line follows the capture, nothing is known.
    assert!(unlogged(&[line("04:10:02", 5), line("04:10:05", 6)]).is_null());
    assert!(unlogged(&[line("04:10:02", 5)]).is_null());
}

#[test]
fn lines_of_any_program_are_shown_where_their_time_places_them() {
    let capture = testdata("reset/injected/capture.pcap");
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("firewall.log");
    let lines = [
        "2026-11-23T11:10:05.000Z WARN long before",
        "2026-11-23T11:10:12.116Z INFO a report of what went well",
        "2026-11-23T11:10:12.118Z WARN ips: reset-both 192.0.2.10 \x1b[31m",
        "2026-11-23T11:10:12.930Z ERROR ips: session discarded",
        "2026-11-23T11:10:14.000Z WARN long after",
    ];
    std::fs::write(&log, lines.join("\n") + "\n").unwrap();
    let log = log.display().to_string();
    let printed = run(&["read", &capture, "--log", &log, "--ascii"]);
    let places: Vec<Option<usize>> = ["ClientHello: TLS", "line 3: WARN", "TTL 64, IP ID 0", "line 4: ERROR"]
        .iter()
        .map(|words| printed.out.find(words))
        .collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?} {}", printed.out);
    for left_out in ["long before", "went well", "long after", "\x1b"] {
        assert!(!printed.out.contains(left_out), "{left_out:?} in {}", printed.out);
    }
    let json = run(&["read", &capture, "--log", &log, "-o", "json"]);
    let connection = &objects(&json, "connection")[0];
    assert_eq!(connection["verdict"]["code"], "reset");
    let shown = connection["log_lines"].as_array().unwrap();
    assert_eq!(shown.len(), 2, "{connection}");
    assert_eq!((&shown[0]["line"], &shown[0]["level"]), (&3.into(), &"warning".into()));
    assert_eq!(shown[0]["at"], "2026-11-23T11:10:12.118000Z", "{connection}");
    // The errors, and lines of the connection's own time, are shown of many lines, and how many others there are.
    let noise = |at: &str, count: u32| format!("2026-11-23T11:10:{at}Z WARN drop\n").repeat(count as usize);
    let many = noise("11.200", 40) + "2026-11-23T11:10:12.900Z ERROR ips: why\n" + &noise("12.115", 10);
    std::fs::write(&log, many).unwrap();
    let printed = run(&["read", &capture, "--log", &log, "--ascii"]).out;
    assert!(
        printed.contains("line 41: ERROR: ips: why") && printed.contains("+ 35 more lines of logs"),
        "{printed}"
    );
    assert_eq!(printed.matches("11:10:12.115 ").count(), 10, "{printed}");
    let json = run(&["read", &capture, "--log", &log, "-o", "json"]);
    assert_eq!(objects(&json, "connection")[0]["log_lines_left_out"], 35);
    // A time without a zone places nothing until somebody says which zone it is.
    let local = folder.path().join("local.log");
    std::fs::write(&local, "2026-11-23 12:10:12,118 WARN ips: reset-both\n").unwrap();
    let local = local.display().to_string();
    let shown = |options: &[&str]| run(&[&["read", &capture, "--log", &local][..], options].concat()).out;
    assert!(!shown(&[]).contains("reset-both"));
    assert!(shown(&["--log-zone", "+01:00"]).contains("reset-both"));
}
