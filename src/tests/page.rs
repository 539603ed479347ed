//! `--html`: the page besides any other output, and what becomes of the file that was there.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use ssmscope::report::Form;

use crate::support::run::{Outcome, path, run, ssmscope};
use crate::support::situations::{capture, testdata};

/// The command that a page names is another for each test's.
fn without_command(page: &str) -> String {
    let shown = |line: &&str| !line.starts_with("<dt>Command</dt>");
    page.lines().filter(shown).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_packet_that_a_device_dropped_ends_at_the_device() {
    let file = testdata("no-server-hello/pmtu-report-ignored/capture.pcap");
    let page = run(&["read", "-o", "html", &file]).out;
    assert!(page.contains("dropped on the path") && page.contains("x2=\"50%\""), "{page}");
}

#[test]
fn next_to_any_output_it_is_the_page_of_o_html() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("report.html");
    let inputs = [
        vec![capture("no-server-hello/plain")],
        ["a", "b", "c"].map(|name| testdata(&format!("file/ring/{name}.pcap"))).to_vec(),
    ];
    for input in inputs {
        let mut words: Vec<_> = input.iter().map(String::as_str).collect();
        words.extend(["--only", "FAIL"]);
        let alone = run(&[&["read", "-o", "html"], &words[..]].concat());
        for form in Form::ALL.into_iter().filter(|form| *form != Form::Html).map(Form::name) {
            fs::write(&page, "old").unwrap();
            let plain = run(&[&["read", "-o", form], &words[..]].concat());
            let outcome = run(&[&["read", "-o", form, "--html", path(&page)], &words[..]].concat());
            assert_eq!((outcome.status, outcome.out), (plain.status, plain.out), "{form}: {}", outcome.error);
            let written = fs::read_to_string(&page).unwrap();
            assert_eq!(without_command(&written), without_command(&alone.out), "{form}");
        }
    }
    assert_eq!(fs::metadata(&page).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left next to it");
}

#[test]
fn a_run_that_fails_leaves_the_page_that_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("report.html");
    fs::write(&page, "old").unwrap();
    let html = ["--html", path(&page)];
    for command in [
        &["read", "no-such-file"][..],
        &["check", "127.0.0.1", "--ca-file", "/nonexistent"],
        &["live", "-i", "no-such-interface"],
    ] {
        assert_eq!(run(&[command, &html].concat()).status, 3);
        assert_eq!(fs::read_to_string(&page).unwrap(), "old", "{command:?}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn it_is_no_other_file_of_the_command() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("capture");
    fs::copy(capture("refused/plain"), &file).unwrap();
    let other = folder.path().join("other");
    for options in [
        vec![path(&file), "--html", path(&file)],
        vec![path(&file), "--html", path(&other), "-w", path(&other)],
        vec![path(&file), "--html", path(&other), "--textfile", path(&other)],
        vec![path(&file), "--html", "-"],
        vec![path(&file), "--html", "/nonexistent/report.html"],
    ] {
        let outcome = run(&[&["read"], &options[..]].concat());
        assert_eq!((outcome.status, outcome.out.as_str()), (3, ""), "{options:?}");
        assert!(outcome.error.contains("--html"), "{}", outcome.error);
    }
    assert_eq!(fs::read(&file).unwrap(), fs::read(capture("refused/plain")).unwrap());
    let both = run(&["read", path(&file), "--html", "/dev/null", "-o", "json"]);
    assert_eq!((both.status, both.error.as_str()), (2, ""));
}

#[test]
fn logs_alone_and_a_check_have_one_too() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("report.html");
    let log = folder.path().join("vmanage-server.log");
    fs::write(
        &log,
        "27-Nov-2026 22:33:46,604 UTC ERROR [vmanage] Connection to ssm.example.net:8443 refused\n",
    )
    .unwrap();
    let alone = run(&["read", "--log", path(&log), "-o", "html"]);
    run(&["read", "--log", path(&log), "--html", path(&page)]);
    assert_eq!(without_command(&fs::read_to_string(&page).unwrap()), without_command(&alone.out));
    // Port 1 of the loopback refuses.
    let mut check = ssmscope(&["check", "127.0.0.1:1", "-o", "json", "--html", path(&page)]);
    let outcome = Outcome::of(&mut check);
    assert_eq!(outcome.status, 2, "{}", outcome.error);
    let written = fs::read_to_string(&page).unwrap();
    assert!(written.contains("</span> refused: ") && written.contains("id=\"h-attempt\""), "{written}");
}
