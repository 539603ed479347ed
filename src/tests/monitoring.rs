//! What monitoring gets: a plugin's status line and performance data, and metrics that Prometheus' own tools accept.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::{Duration, Instant};

use ssmscope::analysis::LookupFault;
use ssmscope::verdict::RULES;

use crate::support::run::{Outcome, path, run, spawn, ssmscope};
use crate::support::situations::{Situation, capture, situations, testdata};

const REFUSED: &str = "refused/plain/capture.pcapng";
const HEALTHY: &str = "healthy/plain/capture.pcap";
/// The first certificate of its chain to expire does so in September 2049.
const WITH_CERTIFICATES: &str = "healthy/intermediate/capture.pcap";

// ---- a plugin ----

#[test]
fn a_plugin_prints_one_status_line_and_the_exit_status() {
    for (capture, begin, status) in [
        (HEALTHY, "SSMSCOPE OK - 1 of 1 ok: healthy at application-data, ", 0),
        ("slow/plain/capture.pcap", "SSMSCOPE WARNING - 1 of 1 needs a look: slow at ", 1),
        (REFUSED, "SSMSCOPE CRITICAL - 1 of 1 failed: refused at syn, ", 2),
        (
            "midstream/plain/capture.pcap",
            "SSMSCOPE UNKNOWN - none of 1 can be judged: midstream at none, ",
            3,
        ),
        ("no-such-file", "SSMSCOPE UNKNOWN - ", 3),
        ("README.md", "SSMSCOPE UNKNOWN - ", 3),
    ] {
        let outcome = run(&["read", "-o", "nagios", &testdata(capture)]);
        assert_eq!(outcome.status, status, "{outcome:?}");
        assert!(outcome.first_line().starts_with(begin), "{outcome:?}");
        is_a_plugin_s(&outcome);
    }
}

#[test]
fn a_plugin_counts_failures_first_and_has_a_line_for_each_kind() {
    let (healthy, refused) = (testdata(HEALTHY), testdata(REFUSED));
    let outcome = run(&["read", "-o", "nagios", &healthy, &refused]);
    assert!(outcome.first_line().starts_with("SSMSCOPE CRITICAL - 1 of 2 failed: refused, "), "{outcome:?}");
    let below: Vec<_> = outcome.out.lines().skip(1).collect();
    assert!(below.len() == 1 && below[0].contains(":8443 refused: "), "{outcome:?}");
    assert!(below[0].ends_with('Z'), "the time has a zone: {outcome:?}");
    is_a_plugin_s(&outcome);
    let outcome = run(&["read", "-o", "nagios", &healthy, &testdata("slow/plain/capture.pcap")]);
    assert!(
        outcome.first_line().starts_with("SSMSCOPE WARNING - 1 of 2 needs a look: slow, "),
        "{outcome:?}"
    );
}

#[test]
fn every_capture_makes_a_plugin_s_output_and_metrics() {
    let folder = tempfile::tempdir().unwrap();
    let metrics = folder.path().join("x.prom");
    let authority = testdata("lab/stranger.pem");
    for file in situations().iter().flat_map(Situation::files) {
        let options =
            ["-o", "nagios", "--warning", "30", "--ca-file", &authority, "--textfile", path(&metrics)];
        is_a_plugin_s(&run(&[&["read", path(&file)][..], &options].concat()));
        is_one_family_after_the_other(&fs::read_to_string(&metrics).unwrap());
    }
}

#[test]
fn bad_usage_is_reported_on_standard_output_as_well() {
    for arguments in [
        &["read", "-o", "nagios"][..],
        &["read", "-onagios", "--frobnicate", "x|y.pcap"],
        &["read", "--output=nagios", "--warning", "soon", &testdata(HEALTHY)],
        &["read", "-o", "nagios", "--ca-file", "/nonexistent", &testdata(HEALTHY)],
        &["live", "-o", "nagios", "-i", "no-such-interface"],
        &["live", "--output", "nagios"],
    ] {
        let outcome = run(arguments);
        assert_eq!((outcome.status, outcome.error.as_str()), (3, ""), "{outcome:?}");
        assert!(outcome.first_line().starts_with("SSMSCOPE UNKNOWN - "), "{outcome:?}");
        assert!(outcome.first_line().len() <= 200 && !outcome.out.contains('|'), "{outcome:?}");
    }
    let help = run(&["read", "-o", "nagios", "--help"]);
    assert_eq!(help.status, 3, "a plugin that only prints its usage judged nothing");
}

#[test]
fn a_plugin_ends_in_time_and_says_so() {
    let began = Instant::now();
    let mut child = spawn(&mut ssmscope(&["read", "-o", "nagios", "--timeout", "0.3", "-"]));
    // A pipe that never ends.
    let pipe = child.stdin.take();
    let Outcome { status, out, error } = child.wait_with_output().unwrap().into();
    drop(pipe);
    assert!(began.elapsed() < Duration::from_secs(8));
    assert_eq!((status, error.as_str()), (3, ""));
    assert!(out.starts_with("SSMSCOPE UNKNOWN - timed out after 300.0 ms"), "{out}");
}

#[test]
fn text_from_the_wire_can_t_become_performance_data() {
    // A server answers a ClientHello with a line of its own choice.
    let line = "220 x | critical=0;;0 \u{ff5c} \u{2223} \u{1b}[2J\u{202e}";
    let mut text = Vec::new();
    for (flags, seq, payload) in [
        ("C S", 0, ""),
        ("S S.", 0, ""),
        ("C .", 1, ""),
        ("C P.", 1, "GET / HTTP/1.1\r\n\r\n"),
        ("S P.", 1, line),
    ] {
        write_packet(&mut text, flags, seq, payload);
    }
    let file = tempfile::Builder::new().suffix(".pcap").tempfile().unwrap();
    let header = [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 262_144, 101];
    let header: Vec<u8> = header.iter().flat_map(|word| word.to_le_bytes()).collect();
    fs::write(file.path(), [header, text].concat()).unwrap();
    let outcome = run(&["read", "-o", "nagios", path(file.path())]);
    assert_eq!(outcome.status, 2, "{outcome:?}");
    assert!(outcome.out.contains("not-tls"), "{outcome:?}");
    is_a_plugin_s(&outcome);
}

#[test]
fn days_that_a_certificate_has_left_raise_the_status() {
    let capture = testdata(WITH_CERTIFICATES);
    let days = |outcome: &Outcome| {
        let figure =
            outcome.first_line().split(' ').find(|figure| figure.starts_with("certificate_days=")).unwrap();
        figure.to_owned()
    };
    let left = {
        let outcome = run(&["read", "-o", "nagios", &capture]);
        assert_eq!(outcome.status, 0, "{outcome:?}");
        let figure = days(&outcome);
        figure.trim_start_matches("certificate_days=").split(';').next().unwrap().parse::<f64>().unwrap()
    };
    let (more, less) = (format!("{:.0}", left + 10.0), format!("{:.0}", left - 10.0));
    for (options, status, begin) in [
        (&["--warning", &less, "--critical", "7"][..], 0, "SSMSCOPE OK - 1 of 1 ok: healthy"),
        (
            &["--warning", &more, "--critical", &less],
            1,
            "SSMSCOPE WARNING - certificate-expiring: certificate ends ",
        ),
        (
            &["--warning", &more, "--critical", &more],
            2,
            "SSMSCOPE CRITICAL - certificate-expiring: certificate ends ",
        ),
        (
            &["--critical", &format!("@0:{more}")],
            2,
            "SSMSCOPE CRITICAL - certificate-expiring: certificate ends ",
        ),
    ] {
        let outcome = run(&[&["read", "-o", "nagios", &capture], options].concat());
        assert_eq!(outcome.status, status, "{outcome:?}");
        assert!(outcome.first_line().starts_with(begin), "{outcome:?}");
        is_a_plugin_s(&outcome);
    }
    let outcome = run(&["read", "-o", "nagios", &capture, "--warning", &less, "--critical", "7"]);
    assert_eq!(days(&outcome), format!("certificate_days={left:.2};{less}:;7:"));
    let outcome = run(&["read", "-o", "nagios", &testdata(REFUSED), "--warning", "30"]);
    assert_eq!(days(&outcome), "certificate_days=U;30:;");
}

// ---- metrics ----

#[test]
fn metrics_have_one_reason_and_one_stage_set() {
    let outcome = run(&["read", "-o", "prometheus", &testdata(REFUSED)]);
    assert_eq!(outcome.status, 2);
    is_one_family_after_the_other(&outcome.out);
    let states: Vec<_> = outcome.out.lines().filter(|line| line.starts_with("ssmscope_state{")).collect();
    // Each verdict, each fault of a lookup, and that there was nothing to judge.
    assert_eq!(states.len(), RULES.len() + LookupFault::ALL.len() + 1);
    for begin in ["ssmscope_state{", "ssmscope_stage{"] {
        let set = outcome.out.lines().filter(|line| line.starts_with(begin) && line.ends_with(" 1"));
        assert_eq!(set.count(), 1, "{}", outcome.out);
    }
    assert!(outcome.out.contains("ssmscope_state{reason=\"refused\"} 1\n"));
    assert!(outcome.out.contains("ssmscope_stage{stage=\"syn\"} 1\n"));
    assert!(outcome.out.contains("ssmscope_success 0\n"));
    let nothing = run(&["read", "-o", "prometheus", "--host", "203.0.113.9", &testdata(REFUSED)]);
    assert!(nothing.out.contains("{target=\"203.0.113.9\",reason=\"nothing-to-judge\"} 1\n"));
}

#[test]
fn servers_are_labels_where_the_selection_names_them() {
    let refused = testdata(REFUSED);
    let server = {
        let json = run(&["read", "-o", "json", &refused]);
        json.objects()[0]["server"]["ip"].as_str().unwrap().to_owned()
    };
    let metrics = |options: &[&str]| run(&[&["read", "-o", "prometheus", &refused], options].concat()).out;
    let is_in = |metrics: &str, label: &str| {
        let line = format!("server=\"{label}\",severity=\"critical\"}} 1\n");
        assert!(metrics.contains(&line), "{metrics}");
        let last = "\nssmscope_server_last_failure_timestamp_seconds{";
        assert!(metrics.contains(last) && metrics.contains("\nssmscope_last_failure_timestamp_seconds{"));
        is_one_family_after_the_other(metrics);
    };
    is_in(&metrics(&["--host", &server]), &server);
    is_in(&metrics(&["--host", &server, "--port", "8443"]), &format!("{server}:8443"));
    for unbounded in [&[][..], &["--host", &format!("{server}/24")], &["--port", "8443"]] {
        assert!(!metrics(unbounded).contains("server="), "{unbounded:?}");
    }
}

#[test]
fn stages_add_up_to_the_handshake_and_certificates_have_their_end() {
    let outcome = run(&["read", "-o", "prometheus", &testdata(WITH_CERTIFICATES)]);
    let value = |begin: &str| {
        let lines = outcome.out.lines().filter(|line| line.starts_with(begin));
        lines.map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()).sum::<f64>()
    };
    let (stages, whole) =
        (value("ssmscope_stage_duration_seconds{"), value("ssmscope_tls_established_seconds"));
    assert!(whole > 0.0 && (stages - whole).abs() < 1e-6, "{stages} {whole}");
    let json = run(&["read", "-o", "json", &testdata(WITH_CERTIFICATES)]).out;
    let json: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    let ends = json["tls"]["certificates"].as_array().unwrap().iter();
    let first = ends.map(|one| one["not_after"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap()).min();
    let first = first.unwrap().as_second();
    assert!(outcome.out.contains(&format!("\nssmscope_certificate_expiry_timestamp_seconds {first}\n")));
}

#[test]
fn promtool_accepts_the_metrics_of_every_verdict() {
    if Command::new("promtool").arg("--version").output().is_err() {
        eprintln!("skipped: promtool is not installed");
        return;
    }
    for rule in RULES {
        let file = capture(&format!("{}/plain", rule.code));
        let outcome = run(&["read", "-o", "prometheus", "--host", "0.0.0.0/0,::/0", &file]);
        promtool_accepts(&outcome.out);
    }
}

#[test]
fn a_textfile_appears_whole_and_readable_with_any_output() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ssm.prom");
    fs::write(&file, "old").unwrap();
    let textfile = path(&file);
    let outcome = run(&["read", "-o", "nagios", "--textfile", textfile, &testdata(REFUSED)]);
    is_a_plugin_s(&outcome);
    let metrics = fs::read_to_string(&file).unwrap();
    let (metrics, made) = metrics.split_once("# HELP ssmscope_textfile_timestamp_seconds ").unwrap();
    assert_eq!(metrics, run(&["read", "-o", "prometheus", &testdata(REFUSED)]).out);
    let made = made.trim_end().rsplit(' ').next().unwrap().parse::<u64>().unwrap();
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    assert!((now - 60..=now).contains(&made), "{made}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644);
    let outcome = run(&["read", "--textfile", textfile, "no-such-file"]);
    assert_eq!(outcome.status, 3);
    let metrics = fs::read_to_string(&file).unwrap();
    assert!(metrics.contains("ssmscope_status 3\n"), "what was healthy must not stand: {metrics}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left next to it");
    run(&["read", "--textfile", textfile, &testdata(HEALTHY)]);
    let outcome = run(&["check", "-H", "127.0.0.1", "--textfile", textfile, "--ca-file", "/nonexistent"]);
    assert_eq!(outcome.status, 3);
    let metrics = fs::read_to_string(&file).unwrap();
    assert!(metrics.contains("ssmscope_status{target=\"127.0.0.1:8443\"} 3\n"), "{metrics}");
    let outcome = run(&["live", "-i", "no-such-interface", "--host", "192.0.2.1", "--textfile", textfile]);
    assert_eq!(outcome.status, 3);
    let metrics = fs::read_to_string(&file).unwrap();
    assert!(metrics.contains("ssmscope_status{target=\"192.0.2.1\"} 3\n"), "{metrics}");
    let outcome = run(&["read", "--textfile", "/nonexistent/x.prom", &testdata(HEALTHY)]);
    assert_eq!((outcome.status, outcome.out.as_str()), (3, ""), "{outcome:?}");
    assert!(outcome.error.contains("--textfile /nonexistent/x.prom: can't be written"), "{outcome:?}");
}

// ---- helpers ----

/// By the guidelines: a service's status, then performance data that a program can read; printable
/// ASCII, and nothing on standard error.
fn is_a_plugin_s(plugin: &Outcome) {
    let word = ["OK", "WARNING", "CRITICAL", "UNKNOWN"][plugin.status as usize];
    let (text, figures) = plugin.first_line().split_once(" | ").unwrap();
    assert!(text.starts_with(&format!("SSMSCOPE {word} - ")) && text.len() <= 200, "{plugin:?}");
    assert!(plugin.out.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n')), "{plugin:?}");
    assert_eq!((plugin.out.matches('|').count(), plugin.error.as_str()), (1, ""), "{plugin:?}");
    assert!(plugin.out.len() < 8_192, "Nagios keeps no more");
    let mut labels = BTreeSet::new();
    for figure in figures.split(' ') {
        let (label, rest) = figure.split_once('=').unwrap();
        assert!(label.len() <= 19 && labels.insert(label), "{figure}");
        let fields: Vec<_> = rest.split(';').collect();
        assert!(fields.len() <= 5, "{figure}");
        let value = fields[0].trim_end_matches('s');
        let is_number = |text: &str| text.parse::<f64>().is_ok() && !text.contains('e');
        assert!(is_number(value) || value == "U", "{figure}");
        for range in fields.iter().skip(1).take(2).filter(|range| !range.is_empty()) {
            let ends = range.trim_start_matches('@').split(':');
            let is_end = |end: &str| end.is_empty() || end == "~" || is_number(end);
            assert!(ends.clone().count() <= 2 && ends.into_iter().all(is_end), "{figure}");
        }
        assert!(fields.iter().skip(3).all(|bound| bound.is_empty() || is_number(bound)), "{figure}");
    }
}

/// By the text format 0.0.4: each family once, its help and type before its samples, all lines ended.
fn is_one_family_after_the_other(metrics: &str) {
    assert!(metrics.ends_with('\n'));
    let (mut families, mut series, mut family) = (BTreeSet::new(), BTreeSet::new(), "");
    for line in metrics.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            family = rest.split(' ').next().unwrap();
            assert!(families.insert(family), "{line}");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            assert_eq!(rest, format!("{family} gauge"));
        } else {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert_eq!(name.split('{').next(), Some(family), "{line}");
            assert!(value.parse::<f64>().is_ok() && series.insert(name), "{line}");
        }
    }
}

fn promtool_accepts(metrics: &str) {
    let mut promtool = spawn(Command::new("promtool").args(["check", "metrics"]));
    promtool.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let outcome = Outcome::from(promtool.wait_with_output().unwrap());
    assert!(outcome.status == 0 && outcome.out.is_empty(), "{outcome:?}\n{metrics}");
    assert_eq!(outcome.error, "", "{metrics}");
}

/// A packet of a raw IPv4 capture between 192.0.2.1 and 198.51.100.2:443.
fn write_packet(out: &mut Vec<u8>, flags: &str, seq: u32, payload: &str) {
    let (by, flags) = flags.split_once(' ').unwrap();
    let bits = |flag| match flag {
        'S' => 2,
        'P' => 8,
        _ => 16,
    };
    let flags = flags.chars().map(bits).sum::<u8>();
    let ends = [([192, 0, 2, 1], 50_000_u16), ([198, 51, 100, 2], 443)];
    let (source, destination) = if by == "C" { (ends[0], ends[1]) } else { (ends[1], ends[0]) };
    let ack = u32::from(flags & 16 != 0);
    let len = 40 + payload.len() as u16;
    let mut packet = vec![0x45, 0];
    packet.extend(len.to_be_bytes());
    packet.extend([0, 1, 0, 0, 64, 6, 0, 0]);
    packet.extend(source.0.into_iter().chain(destination.0));
    packet.extend(source.1.to_be_bytes().into_iter().chain(destination.1.to_be_bytes()));
    packet.extend(seq.to_be_bytes().into_iter().chain(ack.to_be_bytes()));
    packet.extend([0x50, flags, 4, 0, 0, 0, 0, 0]);
    packet.extend(payload.as_bytes());
    let at = out.len() as u32;
    for word in [1_700_000_000, at, packet.len() as u32, packet.len() as u32] {
        out.extend(word.to_le_bytes());
    }
    out.extend(packet);
}
