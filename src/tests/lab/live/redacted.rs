//! `live --redact`: whatever a capture prints while it runs, and at its end, names nobody.

use std::collections::BTreeSet;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use ssmscope::report::Form;

use super::{HELLO, NO_SERVER, Peers, logs, request_over_tls, watch};
use crate::peers;
use crate::pki::Pki;
use crate::support::lab::{CLIENT, Lab, SERVER};
use crate::support::originals::{self, expect_no_address};
use crate::support::run::{Outcome, path, run};

/// A name for the server's certificate that no lab shares.
const NAME: &str = "ssm4711.oz-bank.test";

fn originals(lab: &Lab) -> BTreeSet<String> {
    let namespace = lab.name("client");
    [SERVER, CLIENT, NAME, &namespace, &lab.device].into_iter().map(str::to_owned).collect()
}

fn expect_none(lab: &Lab, output: &[u8], what: &str) {
    originals::expect_none(output, &originals(lab), what);
}

#[test]
fn no_form_of_a_live_capture_contains_an_original() {
    let Some(lab) = Lab::new() else { return };
    let pki = Pki::named(lab.folder.path(), NAME);
    let Some(_server) = lab.serve_tls(8443, &pki.good(), &["-www"]) else { return };
    let metrics = lab.folder.path().join("live.prom");
    let forms = Form::ALL.into_iter().filter(|form| form.can_be_redacted());
    let forms = forms.map(|form| {
        let ends: &[&str] = if form.is_plugin() { &["--duration", "3"] } else { &[] };
        [&["-o", form.name()], ends].concat()
    });
    for form in forms.chain([vec!["-vv"], vec!["--quiet-healthy", "--interval", "1"]]) {
        let options = [&["--redact", "--host", SERVER, "--textfile", path(&metrics)], &form[..]].concat();
        let is_silent = form.contains(&"--duration");
        let count: &[&str] = if is_silent { &[] } else { &["--verdicts", "2"] };
        let outcome = if is_silent {
            let mut command = lab.live("client", &[&options[..], &["--user", "root"]].concat());
            let running = crate::support::run::spawn(&mut command);
            thread::sleep(Duration::from_millis(700));
            request_over_tls(&lab, 8443);
            NO_SERVER.play(&lab, SERVER, 8444);
            Outcome::from(running.wait_with_output().unwrap())
        } else {
            let watch = watch(&lab, &[&options[..], count].concat());
            request_over_tls(&lab, 8443);
            NO_SERVER.play(&lab, SERVER, 8444);
            watch.wait()
        };
        let is_about_it = outcome.out.contains("refused") || form.contains(&"table");
        assert!(is_about_it, "{form:?} {outcome:?}");
        expect_none(&lab, outcome.out.as_bytes(), &format!("{form:?}"));
        expect_none(&lab, &fs::read(&metrics).unwrap(), &format!("the metrics next to {form:?}"));
        assert_eq!(outcome.status, 2, "{form:?} {outcome:?}");
    }
}

#[test]
fn a_silence_and_the_page_so_far_contain_no_original() {
    let Some(lab) = Lab::new() else { return };
    let file = lab.folder.path().join("report.html");
    let mut watch = watch(&lab, &["--redact", "--host", SERVER, "--html", path(&file)]);
    Peers::new(peers::read_and_wait, &HELLO).play(&lab, SERVER, 8443);
    watch.read_until("of silence", Duration::from_secs(6));
    watch.signal(Signal::SIGUSR1);
    let began = Instant::now();
    while !file.exists() {
        assert!(began.elapsed() < Duration::from_secs(4));
        thread::sleep(Duration::from_millis(20));
    }
    let so_far = fs::read(&file).unwrap();
    expect_none(&lab, &so_far, "the page so far");
    watch.signal(Signal::SIGTERM);
    let outcome = watch.wait();
    assert_eq!(outcome.status, 2, "{}", outcome.error);
    expect_none(&lab, outcome.out.as_bytes(), "the timeline");
    expect_none(&lab, &fs::read(&file).unwrap(), "the page");
    for word in ["192.0.2.", "redacted: addresses, names,", "no-server-hello"] {
        assert!(outcome.out.contains(word), "no {word} in {}", outcome.out);
    }
}

#[test]
fn what_is_noted_of_an_interface_does_not_name_it() {
    let Some(lab) = Lab::new() else { return };
    let watch = watch(&lab, &["--redact", "--until", "failure", "-o", "json"]);
    for state in ["down", "up"] {
        lab.run("client", &["ip", "link", "set", &lab.device, state]);
        thread::sleep(Duration::from_millis(1_200));
    }
    NO_SERVER.play(&lab, SERVER, 8443);
    let outcome = watch.wait();
    assert_eq!(outcome.codes(), ["refused"], "{}", outcome.error);
    assert!(outcome.out.contains("input-1 went down after packet"), "{outcome:?}");
    expect_none(&lab, outcome.out.as_bytes(), "the notes");
}

#[test]
fn packets_that_are_written_as_they_come_name_nobody_and_have_the_same_verdicts() {
    let Some(lab) = Lab::new() else { return };
    let pki = Pki::named(lab.folder.path(), NAME);
    let Some(_server) = lab.serve_tls(8443, &pki.good(), &["-www"]) else { return };
    let file = lab.folder.path().join("live.pcapng");
    let folder = lab.folder.path().join("failures");
    let outputs = ["-w", path(&file), "--record", path(&folder), "--record-after", "1"];
    let watch = watch(&lab, &[&["--redact", "-o", "json", "--verdicts", "2"][..], &outputs].concat());
    request_over_tls(&lab, 8443);
    NO_SERVER.play(&lab, SERVER, 8444);
    let outcome = watch.wait();
    let written = fs::read_dir(&folder).unwrap().flatten().map(|entry| entry.path());
    let written: Vec<_> = written.chain([file.clone()]).collect();
    for path in &written {
        let bytes = fs::read(path).unwrap();
        expect_none(&lab, &bytes, &path.display().to_string());
        expect_no_address(&bytes, &[SERVER, CLIENT]);
    }
    let sorted = |outcome: &Outcome| {
        let mut ends: Vec<_> = outcome
            .connections()
            .iter()
            .map(|line| {
                (line["verdict"]["code"].to_string(), line["client"].to_string(), line["server"].to_string())
            })
            .collect();
        ends.sort_unstable();
        ends
    };
    let again = run(&["read", "-o", "json", path(&file)]);
    assert_eq!(sorted(&again), sorted(&outcome), "{outcome:?}");
    let of_failure = |path: &&std::path::PathBuf| path.to_string_lossy().ends_with("refused.pcapng");
    let failure = written.iter().find(of_failure).unwrap_or_else(|| panic!("{written:?} {outcome:?}"));
    assert_eq!(run(&["read", "-o", "json", path(failure)]).codes(), ["refused"]);
}

#[test]
fn what_is_not_redacted_is_refused() {
    let Some(lab) = Lab::new() else { return };
    let outcome = Outcome::of(&mut lab.live("client", &["--redact", "-o", "tcpdump"]));
    assert_eq!((outcome.status, outcome.out.as_str()), (3, ""), "{outcome:?}");
    assert!(outcome.error.contains("is for reports"), "{}", outcome.error);
}

#[test]
fn a_log_that_is_followed_leaves_no_original_and_no_secret_in_any_form() {
    let Some(lab) = Lab::new() else { return };
    let pki = Pki::named(lab.folder.path(), NAME);
    peers::serve_https(&lab, 8443, &pki.good(), |_, _| {
        thread::sleep(Duration::from_millis(300));
        peers::json("401 Unauthorized", "{\"error\":\"invalid_client\"}")
    });
    let mut originals = originals(&lab);
    originals.extend(["dorothy", "ruby-shoes-4711", "emerald"].map(str::to_owned));
    let refused = format!(
        "Failed to authenticate user - 'dorothy' at {SERVER}. {{\"error\": \"invalid_client\", \"client_secret\": \"ruby-shoes-4711\"}}"
    );
    let page = lab.folder.path().join("page.html");
    for (index, form) in [&["-o", "json"][..], &["-vv"], &["-o", "html"]].into_iter().enumerate() {
        let log = lab.folder.path().join(format!("emerald{index}.log"));
        logs::append(&log, logs::QUERY);
        let options = ["--redact", "--until", "failure", "--duration", "15", "--log", path(&log)];
        let watch = watch(&lab, &[&options[..], &["--html", path(&page)], form].concat());
        logs::append(&log, logs::QUERY);
        request_over_tls(&lab, 8443);
        logs::append(&log, &format!("ERROR [vmanage] [RestAPIClient] (default task-1) |default| {refused}"));
        logs::append(&log, "WARN [vmanage] [Pool] (worker-9) |default| dorothy of the emerald city waits");
        let outcome = watch.wait();
        assert_eq!(outcome.status, 2, "{form:?} {outcome:?}");
        let printed = outcome.out.split_whitespace().collect::<Vec<_>>().join(" ");
        for words in ["rejected", "invalid_client", "Failed to authenticate user - 'xxxxxxx' at 192.0.2."] {
            let is_there = printed.contains(words) || printed.replace("&#39;", "'").contains(words);
            assert!(is_there, "no {words} in {form:?} {outcome:?}");
        }
        originals::expect_none(outcome.out.as_bytes(), &originals, &format!("{form:?}"));
        originals::expect_none(&fs::read(&page).unwrap(), &originals, "the page");
        if form.contains(&"json") {
            let tied = outcome.objects_of("log");
            assert_eq!(tied[0]["tie"]["connection"], 1, "{outcome:?}");
            assert_eq!(tied[0]["file"], "input-2", "{outcome:?}");
        }
    }
}
