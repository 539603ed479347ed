//! What a process may still do while it reads what others wrote, as the kernel shows it in `/proc`.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::geteuid;

use crate::support::run::{path, run, spawn, ssmscope};
use crate::support::situations::capture;

/// No capability at all, as `/proc/PID/status` writes it.
const NONE: &str = "0000000000000000";

/// Some user who is not root, known by name or not.
const USER: u32 = 12_345;

/// CAP_NET_RAW, number 13, alone.
const CAPTURE: &str = "0000000000002000";

/// The lines of each thread's `status` that show rights: users, capabilities, whether executing a program can add any, and whether
/// system calls are filtered.
fn rights(child: &Child) -> Vec<[String; 7]> {
    let tasks = fs::read_dir(format!("/proc/{}/task", child.id())).unwrap();
    let status = |task: fs::DirEntry| fs::read_to_string(task.path().join("status")).unwrap_or_default();
    let names = ["Uid", "CapInh", "CapPrm", "CapEff", "CapBnd", "NoNewPrivs", "Seccomp"];
    tasks.map(|task| status(task.unwrap())).map(|status| names.map(|name| value(&status, name))).collect()
}

/// The first word of a line of `/proc/PID/status`.
fn value(status: &str, name: &str) -> String {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap_or("");
    line.split_whitespace().next().unwrap_or("").to_owned()
}

/// The permitted capabilities of the thread of a name, if there is one.
fn permitted_of_thread(child: &Child, name: &str) -> Option<String> {
    let tasks = fs::read_dir(format!("/proc/{}/task", child.id())).unwrap();
    let mut statuses = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("status")).ok());
    let status = statuses.find(|status| value(status, "Name") == name)?;
    Some(value(&status, "CapPrm"))
}

/// Whether this kernel filters system calls.
fn has_seccomp() -> bool {
    let has = !value(&fs::read_to_string("/proc/self/status").unwrap(), "Seccomp").is_empty();
    if !has {
        eprintln!("skipped: this kernel has no seccomp filters");
    }
    has
}

/// Waits until each thread has given up what it could, and returns the user that the process became.
fn user_with_only(kept: &str, child: &mut Child) -> String {
    let begun = Instant::now();
    let has_seccomp = has_seccomp();
    loop {
        let rights = rights(child);
        let is_done = rights.iter().all(|[_, inherited, permitted, effective, bounding, no_new, seccomp]| {
            inherited == NONE
                && [permitted, effective].iter().all(|set| *set == kept || *set == NONE)
                && (bounding == NONE || !geteuid().is_root())
                && no_new == "1"
                && (seccomp == "2" || !has_seccomp)
        });
        if is_done && !rights.is_empty() {
            return rights[0][0].clone();
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{rights:?}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Whether this kernel has Landlock, as a thread finds out that it restricts.
fn has_landlock() -> bool {
    use landlock::{AccessFs, Ruleset, RulesetAttr, RulesetStatus};
    let restricted = || Ruleset::default().handle_access(AccessFs::Execute)?.create()?.restrict_self();
    let status = thread::spawn(restricted).join().unwrap();
    let has = status.is_ok_and(|status| status.ruleset != RulesetStatus::NotEnforced);
    if !has {
        eprintln!("skipped: this kernel has no Landlock");
    }
    has
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
    assert_ne!(user_with_only(NONE, &mut reading), "0");
    end(reading);
}

#[test]
fn not_even_the_thread_that_watches_the_time_keeps_rights() {
    let mut reading = spawn(&mut ssmscope(&["read", "--timeout", "60", "-"]));
    let _pipe = reading.stdin.take().unwrap();
    assert_ne!(user_with_only(NONE, &mut reading), "0");
    end(reading);
}

#[test]
fn a_capture_keeps_the_right_to_capture() {
    if !geteuid().is_root() {
        eprintln!("skipped: capturing needs rights");
        return;
    }
    let mut listening = spawn(&mut ssmscope(&["live", "-i", "lo", "--user", "nobody"]));
    let mut said = BufReader::new(listening.stderr.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    assert!(line.contains("listening on lo, as user nobody"), "{line}");
    assert_ne!(user_with_only(CAPTURE, &mut listening), "0");
    end(listening);
}

#[test]
fn the_thread_that_records_keeps_no_right_to_capture() {
    if !geteuid().is_root() {
        eprintln!("skipped: capturing needs rights");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    chown(folder.path(), Some(65_534), Some(65_534)).unwrap();
    let options = ["live", "-i", "lo", "--user", "nobody", "--record", path(folder.path())];
    let mut listening = spawn(&mut ssmscope(&options));
    let mut line = String::new();
    BufReader::new(listening.stderr.take().unwrap()).read_line(&mut line).unwrap();
    user_with_only(CAPTURE, &mut listening);
    // The thread gives its rights up before it takes the first packet in, and that may be after the capture has begun.
    let begun = Instant::now();
    while permitted_of_thread(&listening, "recorder").as_deref() != Some(NONE) {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "{:?}",
            permitted_of_thread(&listening, "recorder")
        );
        thread::sleep(Duration::from_millis(10));
    }
    end(listening);
}

#[test]
fn a_file_outside_of_what_is_named_can_t_be_opened() {
    if !has_landlock() {
        return;
    }
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (followed, secret) = (folder.path().join("growing"), elsewhere.path().join("secret"));
    fs::copy(capture("refused/plain"), &followed).unwrap();
    fs::copy(capture("tls-alert/plain"), &secret).unwrap();
    let mut reading = spawn(&mut ssmscope(&["read", "--follow", "-o", "json", path(&followed)]));
    let mut lines = BufReader::new(reading.stdout.take().unwrap()).lines();
    let mut next = |code: &str| {
        let verdict = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains("\"code\":")));
        let verdict = verdict.unwrap().unwrap();
        assert!(verdict.contains(&format!("\"code\":\"{code}\"")), "{verdict}");
    };
    next("refused");
    // What takes the followed file's place leads out of its folder, until a file takes it that does not.
    fs::rename(&followed, folder.path().join("old")).unwrap();
    symlink(&secret, &followed).unwrap();
    thread::sleep(Duration::from_millis(500));
    fs::copy(capture("closed-early/plain"), folder.path().join("new")).unwrap();
    fs::rename(folder.path().join("new"), &followed).unwrap();
    next("closed-early");
    end(reading);
}

#[test]
fn a_check_needs_no_rights() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = silent.local_addr().unwrap().to_string();
    let mut checking = spawn(&mut ssmscope(&["check", "--no-proxy", &server]));
    let _connection = silent.accept().unwrap();
    assert_ne!(user_with_only(NONE, &mut checking), "0");
    // Its memory, where secrets are, gets into no file.
    let limits = fs::read_to_string(format!("/proc/{}/limits", checking.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"]);
    end(checking);
    if geteuid().is_root() {
        // The device is open by then.
        let mut capturing =
            spawn(&mut ssmscope(&["check", "--no-proxy", "--capture", "--user", "nobody", &server]));
        let _connection = silent.accept().unwrap();
        assert_ne!(user_with_only(NONE, &mut capturing), "0");
        end(capturing);
    }
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
fn packets_of_a_file_that_only_root_can_read_are_written_where_only_root_can_write() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o700)).unwrap();
    let (file, shown) = (folder.path().join("capture.pcapng"), folder.path().join("shown.pcapng"));
    fs::copy("testdata/refused/plain/capture.pcapng", &file).unwrap();
    fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    let outcome = run(&["read", path(&file), "-w", path(&shown)]);
    assert!(outcome.error.starts_with("ssmscope: 2 packets of 1 connection written to "), "{outcome:?}");
    assert_eq!((outcome.status, run(&["read", path(&shown)]).status), (2, 2));
    let outcome = run(&["read", path(&file), "--host", "203.0.113.1"]);
    assert!(outcome.error.contains("servers seen: 198.51.100.20:8443 (1)"), "{outcome:?}");
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

#[test]
fn root_writes_through_no_folder_that_is_another_user_s_link() {
    if !geteuid().is_root() {
        eprintln!("skipped: only root can make a link another user's");
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let [shared, elsewhere] = ["shared", "elsewhere"].map(|name| root.path().join(name));
    fs::create_dir_all(elsewhere.join("sub")).unwrap();
    fs::create_dir(&shared).unwrap();
    for (folder, mode) in [(root.path(), 0o755), (&shared, 0o777)] {
        fs::set_permissions(folder, PermissionsExt::from_mode(mode)).unwrap();
    }
    let link = shared.join("link");
    symlink(&elsewhere, &link).unwrap();
    lchown(&link, Some(USER), None).unwrap();
    let capture = "testdata/refused/plain/capture.pcapng";
    let [file, sub, made] = ["x", "sub", "made"].map(|name| path(&link.join(name)).to_owned());
    let (file, sub, made) = (file.as_str(), sub.as_str(), made.as_str());
    let commands: [&[&str]; 9] = [
        &["read", capture, "-w", file],
        &["read", capture, "--html", file],
        &["read", capture, "--textfile", file],
        &["check", "-t", "1", "127.0.0.1:1", "--html", file],
        &["check", "-t", "1", "127.0.0.1:1", "--textfile", file],
        &["batch", "testdata/refused/plain", "--into", path(&link)],
        &["batch", "testdata/refused/plain", "--into", sub],
        &["batch", "testdata/refused/plain", "--into", made],
        &["man", "--to", sub],
    ];
    for command in commands {
        let outcome = run(command);
        assert!(
            outcome.error.contains("link is a symbolic link of another user"),
            "{command:?}: {}",
            outcome.error
        );
    }
    let count = |folder: &std::path::Path| fs::read_dir(folder).unwrap().count();
    assert_eq!((count(&elsewhere), count(&elsewhere.join("sub"))), (1, 0));
}
