//! The files of a live capture: the saved packets, and those of the flight recorder.

use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;

use super::{HELLO, NO_SERVER, Peers, names, send_alert, watch};
use crate::support::lab::{Lab, SERVER};
use crate::support::run::{path, run, text};

#[test]
fn a_hangup_opens_the_file_again() {
    let Some(lab) = Lab::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    let [file, moved] = ["all.pcapng", "moved.pcapng"].map(|name| folder.path().join(name));
    let watch = watch(&lab, &["--verdicts", "2", "-o", "json", "-w", path(&file)]);
    NO_SERVER.play(&lab, SERVER, 8443);
    thread::sleep(Duration::from_millis(300));
    fs::rename(&file, &moved).unwrap();
    watch.signal(Signal::SIGHUP);
    thread::sleep(Duration::from_millis(300));
    NO_SERVER.play(&lab, SERVER, 8444);
    watch.wait();
    for file in [&file, &moved] {
        assert_eq!(run(&["read", "-o", "json", path(file)]).codes(), ["refused"]);
    }
}

#[test]
fn a_failed_connection_gets_a_file_from_its_syn_with_the_verdict_in_it() {
    let Some(lab) = Lab::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    let options = ["--host", SERVER, "--record", path(folder.path()), "--record-after", "200ms"];
    let watch = watch(&lab, &[&options[..], &["--verdicts", "2"]].concat());
    Peers::new(send_alert, &HELLO).play(&lab, SERVER, 8443);
    thread::sleep(Duration::from_millis(400));
    NO_SERVER.play(&lab, SERVER, 8444);
    let outcome = watch.wait();
    assert_eq!(outcome.status, 2, "{}", outcome.error);
    for code in ["tls-alert", "refused"] {
        let names = names(folder.path());
        let of = |end: &str| names.iter().find(|name| name.ends_with(&format!("-{code}.{end}"))).cloned();
        let (capture, object) = (of("pcapng").unwrap(), of("json").unwrap());
        let object: Value = serde_json::from_slice(&fs::read(folder.path().join(object)).unwrap()).unwrap();
        assert_eq!(object["connection"]["verdict"]["code"], code);
        assert_eq!(object["is_whole"], true);
        let capture = folder.path().join(capture);
        let codes = run(&["read", "-o", "json", path(&capture)]).codes();
        assert!(codes.iter().any(|found| found == code), "{codes:?}");
        let Ok(tshark) = Command::new("tshark")
            .args(["-n", "-r", path(&capture), "-T", "fields"])
            .args(["-e", "frame.comment", "-e", "tcp.flags.syn"])
            .output()
        else {
            eprintln!("skipped in part: tshark is not installed");
            continue;
        };
        let comments = text(&tshark.stdout);
        let count = comments.matches(&format!("ssmscope: shows {code}")).count();
        assert_eq!(count, object["evidence"].as_array().unwrap().len(), "{comments}");
        assert!(!text(&tshark.stderr).contains("damaged") && tshark.status.success());
    }
}

#[test]
fn a_thousand_failures_at_once_neither_cost_packets_nor_fill_the_folder() {
    let Some(lab) = Lab::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    let options = ["--record", path(folder.path()), "--record-after", "100ms", "-o", "json"];
    let watch = watch(&lab, &[&options[..], &["--verdicts", "1000"]].concat());
    lab.within("client", || {
        for _ in 0..1_000 {
            assert!(TcpStream::connect((SERVER, 8443)).is_err());
        }
    });
    let outcome = watch.wait();
    let error = &outcome.error;
    assert_eq!((outcome.status, &outcome.summary()["dropped"]), (2, &Value::from(0)), "{error}");
    assert!(
        error.contains("--record-per-hour reached (20); further failures of this kind get no files"),
        "{error}"
    );
    let counted = "--record: failures recorded: 20; without a file: 980 (980 beyond --record-per-hour)";
    assert!(error.contains(counted), "{error}");
    let mut captures = names(folder.path());
    captures.retain(|name| name.ends_with("-refused.pcapng"));
    assert_eq!(captures.len(), 20);
    for (number, name) in (1..).zip(captures) {
        assert!(name.starts_with(&format!("{number:06}-")), "{name}");
        assert_eq!(run(&["read", "-o", "json", path(&folder.path().join(name))]).codes(), ["refused"]);
    }
}

#[test]
fn what_is_due_is_written_before_a_terminated_capture_ends() {
    let Some(lab) = Lab::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    let watch = watch(&lab, &["--record", path(folder.path()), "--record-after", "60s"]);
    NO_SERVER.play(&lab, SERVER, 8443);
    thread::sleep(Duration::from_millis(300));
    assert_eq!(names(folder.path()), ["ring-0.pcapng"]);
    watch.signal(Signal::SIGTERM);
    watch.wait();
    let names = names(folder.path());
    assert!(names.len() == 3 && names[0].starts_with("000001-"), "{names:?}");
}

#[test]
fn a_killed_recorder_leaves_what_it_saw() {
    let Some(lab) = Lab::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    let watch = watch(&lab, &["--host", SERVER, "--record", path(folder.path())]);
    NO_SERVER.play(&lab, SERVER, 8443);
    thread::sleep(Duration::from_millis(400));
    watch.signal(Signal::SIGKILL);
    watch.wait();
    let ring = folder.path().join("ring-0.pcapng");
    assert_eq!(run(&["read", "-o", "json", path(&ring)]).codes(), ["refused"]);
    // The next run keeps it under another name.
    super::watch(&lab, &["--record", path(folder.path()), "--duration", "200ms"]).wait();
    assert_eq!(names(folder.path()), ["before-0.pcapng", "ring-0.pcapng"]);
}

#[test]
fn a_full_disk_is_reported_and_the_analysis_continues() {
    let Some(lab) = Lab::new() else { return };
    let Some(disk) = SmallDisk::mount() else { return };
    let all = disk.0.path().join("all.pcapng");
    let options = ["--record", path(disk.0.path()), "-w", path(&all)];
    let watch = watch(&lab, &[&options[..], &["-o", "json", "--until", "failure"]].concat());
    let listener = lab.within("server", || TcpListener::bind((SERVER, 9000)).unwrap());
    thread::spawn(move || {
        let (mut peer, _) = listener.accept().unwrap();
        std::io::copy(&mut peer, &mut std::io::sink()).unwrap();
    });
    let mut stream = lab.within("client", || TcpStream::connect((SERVER, 9000)).unwrap());
    stream.write_all(&vec![7; 1024 * 1024]).unwrap();
    drop(stream);
    thread::sleep(Duration::from_millis(300));
    NO_SERVER.play(&lab, SERVER, 8443);
    let outcome = watch.wait();
    let error = &outcome.error;
    assert!(outcome.codes().contains(&"refused".to_owned()), "{error}");
    assert!(error.contains("saving stopped: No space left"), "{error}");
    assert!(error.contains("the ring can't be written: No space left"), "{error}");
    // What was written before is undamaged.
    let summary = run(&["read", "-o", "json", path(&all)]).summary();
    assert_eq!(summary["files"][0]["notes"].as_array().unwrap().len(), 0, "{summary}");
}

#[test]
fn failures_are_recorded_again_when_there_is_room_on_the_disk() {
    let Some(lab) = Lab::new() else { return };
    let Some(disk) = SmallDisk::mount() else { return };
    let folder = disk.0.path();
    let options = ["--record", path(folder), "--record-after", "100ms", "-o", "json"];
    let watch = watch(&lab, &[&options[..], &["--verdicts", "3"]].concat());
    thread::sleep(Duration::from_millis(300));
    let filler = folder.join("filler");
    let mut full = fs::File::create(&filler).unwrap();
    while full.write_all(&[0; 512]).is_ok() {}
    for port in [8443, 8444] {
        NO_SERVER.play(&lab, SERVER, port);
        thread::sleep(Duration::from_millis(500));
    }
    drop(full);
    fs::remove_file(&filler).unwrap();
    NO_SERVER.play(&lab, SERVER, 8445);
    let outcome = watch.wait();
    let error = &outcome.error;
    assert_eq!((outcome.status, outcome.codes().len()), (2, 3), "{error}");
    assert_eq!(error.matches("could not be recorded: No space left").count(), 1, "{error}");
    // The ring may have given room back by the second.
    assert!(error.contains("; without a file: "), "{error}");
    let objects = names(folder).into_iter().filter(|name| name.ends_with("-refused.json"));
    let ports: Vec<Value> = objects
        .map(|name| {
            let object: Value = serde_json::from_slice(&fs::read(folder.join(name)).unwrap()).unwrap();
            object["connection"]["server"]["port"].clone()
        })
        .collect();
    assert!(ports.contains(&8445.into()) && !ports.contains(&8443.into()), "{ports:?}\n{error}");
}

/// A file system of 128 KiB.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let options = ["-t", "tmpfs", "-o", "size=128k", "tmpfs", path(folder.path())];
        if !Command::new("mount").args(options).status().is_ok_and(|status| status.success()) {
            eprintln!("skipped: a small file system can't be mounted here");
            return None;
        }
        Some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}
