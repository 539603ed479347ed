//! What a process may still do while it reads what others wrote, as the kernel shows it in `/proc`.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::geteuid;

use crate::support::run::{path, run, spawn, ssmscope};

/// No capability at all, as `/proc/PID/status` writes it.
const NONE: &str = "0000000000000000";

/// Some user who is not root, known by name or not.
const USER: u32 = 12_345;

/// The lines of each thread's `status` that show rights: users, capabilities, and whether executing a program can add any.
fn rights(child: &Child) -> Vec<[String; 6]> {
    let tasks = fs::read_dir(format!("/proc/{}/task", child.id())).unwrap();
    let status = |task: fs::DirEntry| fs::read_to_string(task.path().join("status")).unwrap_or_default();
    let value = |status: &str, name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap_or("");
        line.split_whitespace().next().unwrap_or("").to_owned()
    };
    let names = ["Uid", "CapInh", "CapPrm", "CapEff", "CapBnd", "NoNewPrivs"];
    tasks.map(|task| status(task.unwrap())).map(|status| names.map(|name| value(&status, name))).collect()
}

/// Waits until each thread has given up what it could, and returns the user that the process became.
fn user_without_rights(child: &mut Child) -> String {
    let begun = Instant::now();
    loop {
        let rights = rights(child);
        let is_done = rights.iter().all(|[_, inherited, permitted, effective, bounding, no_new]| {
            [inherited, permitted, effective].iter().all(|set| *set == NONE)
                && (bounding == NONE || !geteuid().is_root())
                && no_new == "1"
        });
        if is_done && !rights.is_empty() {
            return rights[0][0].clone();
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{rights:?}");
        thread::sleep(Duration::from_millis(10));
    }
}

fn end(mut child: Child) {
    let _ = child.kill();
    let _ = child.wait();
}

#[test]
fn reading_needs_no_rights() {
    let mut reading = spawn(&mut ssmscope(&["read", "-"]));
    let mut pipe = reading.stdin.take().unwrap();
    pipe.write_all(
        b"12:15:06.407513 IP 192.168.10.1.57886 > 10.106.66.55.8443: Flags [S], seq 100, length 0\n",
    )
    .unwrap();
    assert_ne!(user_without_rights(&mut reading), "0");
    end(reading);
}

#[test]
fn a_check_needs_no_rights() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = silent.local_addr().unwrap().to_string();
    let mut checking = spawn(&mut ssmscope(&["check", "--no-proxy", &server]));
    let _connection = silent.accept().unwrap();
    assert_ne!(user_without_rights(&mut checking), "0");
    end(checking);
}

#[test]
fn metrics_are_written_with_the_rights_of_their_folder_s_owner() {
    if !geteuid().is_root() {
        eprintln!("skipped: only root can make a folder of another user");
        return;
    }
    for owner in [0, USER] {
        let folder = tempfile::tempdir().unwrap();
        chown(folder.path(), Some(owner), Some(owner)).unwrap();
        fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o700)).unwrap();
        let file = folder.path().join("ssm.prom");
        for _ in 0..2 {
            let capture = "testdata/refused/plain/capture.pcapng";
            let outcome = run(&["read", "--textfile", path(&file), capture]);
            assert_eq!((outcome.status, outcome.error.as_str()), (2, ""), "folder of user {owner}");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
            fs::write(&file, "").unwrap();
        }
        let outcome = run(&["check", "--no-proxy", "--textfile", path(&file), "127.0.0.1:1"]);
        assert_eq!(outcome.status, 2, "{}", outcome.error);
        assert!(fs::read_to_string(&file).unwrap().contains("ssmscope"), "folder of user {owner}");
    }
}

#[test]
fn a_file_that_only_root_can_read_is_read_by_root() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o700)).unwrap();
    let file = folder.path().join("capture.pcapng");
    fs::copy("testdata/refused/plain/capture.pcapng", &file).unwrap();
    fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    for options in [vec!["read"], vec!["read", "-o", "tcpdump"]] {
        let outcome = run(&[options, vec![path(&file)]].concat());
        assert_eq!(outcome.error, "");
        assert_ne!(outcome.status, 3);
    }
}

#[test]
fn a_log_that_only_root_can_read_is_read_by_root() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o700)).unwrap();
    let log = folder.path().join("messages");
    fs::write(&log, "Nov 28 10:00:00 ssm sshd[1]: Connection closed\nNov 28 10:00:01 ssm sshd[1]: Closed\n")
        .unwrap();
    fs::set_permissions(&log, PermissionsExt::from_mode(0o600)).unwrap();
    let outcome = run(&["read", "--log", path(&log)]);
    assert_eq!(outcome.error, "");
    let outcome = run(&["read", "testdata/refused/plain/capture.pcapng", "--log", path(&log)]);
    assert_eq!((outcome.error.as_str(), outcome.status), ("", 2));
}
