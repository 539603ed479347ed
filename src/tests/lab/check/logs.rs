//! `check --log`: what programs log meanwhile is read with the attempt, and tied to what the check itself asked.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::{Checked, Command, check};
use crate::peers;
use crate::pki::{NAME, Pki};
use crate::support::lab::{CLIENT, Lab, SERVER};
use crate::support::originals::expect_none;
use crate::support::run::{Outcome, path};

/// The time of now, in this form of date(1).
fn now(form: &str) -> String {
    let output = Command::new("date").args(["-u", form]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

fn append(log: &Path, line: &str) {
    let mut file = OpenOptions::new().append(true).create(true).open(log).unwrap();
    writeln!(file, "{line}").unwrap();
}

/// Waits until the second is not nearly over: a line has its second, and what it reports ends a moment later.
fn early_in_a_second() {
    let millis: u64 = now("+%-3N").parse().unwrap();
    if millis > 800 {
        thread::sleep(Duration::from_millis(1_000 - millis));
    }
}

/// A line that nginx writes now.
fn access(log: &Path, request: &str, status: u16) {
    let time = now("+%d/%b/%Y:%H:%M:%S +0000");
    append(log, &format!("{CLIENT} - - [{time}] \"{request} HTTP/1.1\" {status} 21 \"-\" \"-\""));
}

/// A line that vManage's program writes now.
fn vmanage(log: &Path, text: &str) {
    append(log, &format!("{} {text}", now("+%d-%b-%Y %H:%M:%S,%3N UTC")));
}

/// The logs of one server and of a client.
struct Logs {
    nginx: PathBuf,
    rails: PathBuf,
    vmanage: PathBuf,
}

impl Logs {
    fn new(lab: &Lab) -> Self {
        let file = |name: &str| lab.folder.path().join(name);
        let logs = Self {
            nginx: file("access.log"),
            rails: file("production.log"),
            vmanage: file("vmanage-server.log"),
        };
        // What was there before the check is no news of it.
        access(&logs.nginx, "GET /forbidden", 403);
        fs::write(&logs.rails, "").unwrap();
        vmanage(&logs.vmanage, "INFO [vmanage] [SmartLicensingUtil] (default task-1) |default| Query");
        logs
    }

    fn options(&self) -> Vec<&str> {
        vec!["--log", path(&self.nginx), path(&self.rails), path(&self.vmanage)]
    }
}

/// Answers, and logs that as nginx and Rails do. Another program on the client's host asks for something else meanwhile, and its own log
/// says how that failed.
fn serve(lab: &Lab, logs: &Logs) -> Vec<String> {
    let pki = Pki::new(lab.folder.path());
    let files = (logs.nginx.clone(), logs.rails.clone(), logs.vmanage.clone());
    peers::serve_https(lab, 8443, &pki.good(), move |asked, _| {
        let (nginx, program, client) = files.clone();
        early_in_a_second();
        access(&nginx, "POST /oauth/token", 401);
        vmanage(
            &client,
            "ERROR [vmanage] [RestAPIClient] (default task-1) |default| Failed to authenticate user - 'admin'. \
             {\"error\": \"invalid_client\"}",
        );
        let request = format!("GET {asked}");
        thread::spawn(move || {
            // What collects lines keeps them back for a moment.
            thread::sleep(Duration::from_millis(500));
            let time = now("+%Y-%m-%dT%H:%M:%S.%6N #12]");
            append(&program, &format!("W, [{time}  WARN -- : licence pool of tenant 7 is locked"));
        });
        access(&nginx, &request, 403);
        peers::json("403 Forbidden", "{}")
    });
    vec!["--name".to_owned(), NAME.to_owned(), "--ca-file".to_owned(), pki.authority(), SERVER.to_owned()]
}

fn with<'o>(options: &'o [String], further: &[&'o str]) -> Vec<&'o str> {
    options.iter().map(String::as_str).chain(further.iter().copied()).collect()
}

fn logged(checked: &Checked) -> Vec<Value> {
    checked.outcome.objects_of("log")
}

#[test]
fn the_line_about_the_check_is_tied_to_it_and_no_other() {
    let Some(lab) = Lab::new() else { return };
    let logs = Logs::new(&lab);
    let options = serve(&lab, &logs);
    let asks = [logs.options(), vec!["--http", "/forbidden"]].concat();
    let checked = check(&lab, &with(&options, &asks));
    assert_eq!((checked.reason(), checked.status()), ("page-unexpected", 2), "{checked}");
    let logged = logged(&checked);
    let [other, own, client] = &logged[..] else { panic!("three attempts: {checked}") };
    assert_eq!((&own["request"], &own["status"]), (&"GET /forbidden".into(), &403.into()), "{checked}");
    assert_eq!((&own["tie"]["connection"], &own["tie"]["grade"]), (&1.into(), &"likely".into()), "{checked}");
    assert_eq!(own["lines"][0]["line"], 3, "{checked}");
    assert_eq!(other["untied"][0], "the check asked for something else", "{checked}");
    assert_eq!(client["untied"][0], "another program made the attempt: the check writes no log", "{checked}");
    let connection = &checked.connections[0];
    assert_eq!(connection["logs"].as_array().map(Vec::len), Some(1), "{checked}");
    let nearby = &connection["log_lines"];
    assert!(nearby[0]["text"].as_str().is_some_and(|text| text.contains("tenant 7 is locked")), "{checked}");
    let summary = checked.outcome.objects_of("summary").pop().unwrap();
    assert_eq!(summary["logs"].as_array().map(Vec::len), Some(3), "{checked}");
}

#[test]
fn an_answer_that_the_check_expects_is_no_refusal_whatever_a_log_says() {
    let Some(lab) = Lab::new() else { return };
    let logs = Logs::new(&lab);
    let options = serve(&lab, &logs);
    let asks = [logs.options(), vec!["--http", "/forbidden", "--expect-status", "403"]].concat();
    let outcome = Outcome::of(&mut lab.check(&with(&options, &asks)));
    assert_eq!(outcome.status, 0, "{outcome:?}");
    let printed = outcome.out.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "server's log access.log, line 3: WARN",
        "\"GET /forbidden HTTP/1.1\" 403 21",
        "production.log, line 1: WARN: licence pool of tenant 7 is locked",
        "1 attempt tied to connections",
        "not tied: the check asked for something else",
    ] {
        assert!(printed.contains(words), "{words}: {outcome:?}");
    }
}

#[test]
fn logs_of_a_check_leave_no_original_in_any_form_that_is_redacted() {
    let Some(lab) = Lab::new() else { return };
    let logs = Logs::new(&lab);
    let options = serve(&lab, &logs);
    let asks = [logs.options(), vec!["--http", "/forbidden"]].concat();
    let words = [SERVER, CLIENT, NAME, "admin", "production", "access.log"];
    let originals: BTreeSet<String> = words.into_iter().map(str::to_owned).collect();
    let page = lab.folder.path().join("check.html");
    for form in ["json", "timeline", "html"] {
        let further = ["--redact", "--html", path(&page), "-vv", "-o", form];
        let outcome = Outcome::of(&mut lab.check(&with(&options, &[&asks[..], &further].concat())));
        assert_eq!(outcome.status, 2, "{form} {outcome:?}");
        let printed = outcome.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            printed.replace("&#39;", "'").contains("Failed to authenticate user - 'xxxxx'"),
            "{form} {outcome:?}"
        );
        expect_none(outcome.out.as_bytes(), &originals, form);
        expect_none(&fs::read(&page).unwrap(), &originals, "the page");
        if form == "json" {
            let tied = outcome.objects_of("log").into_iter().filter(|log| !log["tie"].is_null());
            assert_eq!(tied.map(|log| log["status"].clone()).collect::<Vec<_>>(), [403], "{outcome:?}");
        }
    }
}

#[test]
fn a_check_that_asks_nothing_has_no_request_in_a_log() {
    let Some(lab) = Lab::new() else { return };
    let logs = Logs::new(&lab);
    let options = serve(&lab, &logs);
    let log = logs.nginx.clone();
    let noise = thread::spawn(move || {
        for _ in 0..20 {
            thread::sleep(Duration::from_millis(100));
            access(&log, "GET /forbidden", 403);
        }
    });
    let checked = check(&lab, &with(&options, &logs.options()));
    noise.join().unwrap();
    assert_eq!((checked.reason(), checked.status()), ("healthy", 0), "{checked}");
    assert!(!logged(&checked).is_empty(), "{checked}");
    assert!(logged(&checked).iter().all(|log| log["tie"].is_null()), "{checked}");
    assert!(checked.connections[0]["logs"].is_null(), "{checked}");
}

#[test]
fn a_handshake_that_the_check_ends_is_found_in_nginx_s_error_log() {
    let Some(lab) = Lab::new() else { return };
    let log = lab.folder.path().join("error.log");
    append(&log, &format!("{} [notice] 7#7: start worker processes", now("+%Y/%m/%d %H:%M:%S")));
    let config = peers::tls(&Pki::new(lab.folder.path()).good());
    let written = log.clone();
    peers::serve(&lab, 8443, move |mut peer| {
        early_in_a_second();
        let mut connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
        if rustls::Stream::new(&mut connection, &mut peer).read(&mut [0; 16]).is_err() {
            let time = now("+%Y/%m/%d %H:%M:%S");
            let words = "SSL_do_handshake() failed (SSL: error:0A000418:SSL routines::tlsv1 alert unknown ca:SSL alert number 48) \
                         while SSL handshaking";
            append(
                &written,
                &format!("{time} [info] 7#7: *12 {words}, client: {CLIENT}, server: 0.0.0.0:8443"),
            );
        }
    });
    let checked = check(&lab, &[SERVER, "--name", NAME, "--log", path(&log)]);
    assert_eq!((checked.reason(), checked.status()), ("tls-alert", 2), "{checked}");
    let logged = logged(&checked);
    assert_eq!(logged.len(), 1, "{checked}");
    assert_eq!(
        (&logged[0]["outcome"], &logged[0]["tie"]["outcomes"]),
        (&"alert".into(), &"agrees".into()),
        "{checked}"
    );
}

#[test]
fn logs_are_for_one_server_and_for_files_that_grow() {
    let Some(lab) = Lab::new() else { return };
    let folder = lab.folder.path();
    let (prose, list) = (folder.join("prose.txt"), folder.join("list.txt"));
    fs::write(&prose, "no line of this has a time\n".repeat(9)).unwrap();
    fs::write(&list, "192.0.2.1\n").unwrap();
    for (options, why) in [
        (vec![SERVER, "--log", path(&prose)], "is no log"),
        (vec![SERVER, "--log", "-"], "is standard input"),
        (vec![SERVER, "--log", "/nowhere/a.log"], "can't be read"),
        (vec!["--targets", path(&list), "--log", path(&prose)], "cannot be used with"),
    ] {
        let outcome = Outcome::of(&mut lab.check(&options));
        assert!(outcome.status == 3 && outcome.error.contains(why), "{why}: {outcome:?}");
    }
}
