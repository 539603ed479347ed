//! The device: the rights that capturing needs, and interfaces that go away and come back.

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::thread;
use std::time::Duration;

use super::{NO_SERVER, NOBODY, Watch, copy_for_nobody, watch};
use crate::support::lab::{CLIENT, Lab, SERVER};
use crate::support::run::{Outcome, path, run};

#[test]
fn root_s_rights_are_given_up_and_files_opened_without_them() {
    let Some(lab) = Lab::new() else { return };
    let watch = watch(&lab, &["--user", "nobody", "--duration", "1"]);
    let status = fs::read_to_string(format!("/proc/{}/status", watch.process.id())).unwrap();
    let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap();
    let (uid, gid) = (nobody.uid.to_string(), nobody.gid.to_string());
    // CAP_NET_RAW, number 13, is kept.
    let capture = format!("{:016x}", 1 << 13);
    for (what, expected) in [
        ("Uid:", uid),
        ("Gid:", gid.clone()),
        ("Groups:", gid),
        ("CapPrm:", capture.clone()),
        ("CapEff:", capture),
    ] {
        let found = status.lines().find_map(|line| line.strip_prefix(what)).unwrap();
        assert!(found.split_whitespace().all(|word| word == expected), "{what} {found}");
    }
    assert_eq!(watch.wait().status, 3, "nothing to judge");
    let file = lab.folder.path().join("saved.pcapng");
    let outcome = Outcome::of(&mut lab.live("client", &["--user", "nobody", "-w", path(&file)]));
    assert_eq!(outcome.status, 3);
    assert!(outcome.error.contains("--user names whose rights"), "{}", outcome.error);
    assert!(!file.exists());
}

#[test]
fn without_rights_or_an_interface_the_error_says_what_to_do() {
    let unknown = run(&["live", "-i", "no-such-device"]);
    assert_eq!(unknown.status, 3, "{}", unknown.error);
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    assert!(unknown.error.contains("no such interface"), "{}", unknown.error);
    let (_folder, program) = copy_for_nobody();
    let mut forbidden = Command::new(&program);
    let Outcome { status, error, .. } =
        Outcome::of(forbidden.args(["live", "-i", "lo"]).uid(NOBODY).gid(NOBODY));
    assert_eq!(status, 3, "{error}");
    assert!(
        error.contains("CAP_NET_RAW") && error.contains("setcap cap_net_raw,cap_net_admin=eip"),
        "{error}"
    );
}

#[test]
fn the_capability_to_capture_suffices() {
    let Some(lab) = Lab::new() else { return };
    let (_folder, program) = copy_for_nobody();
    let granted = Command::new("setcap").args(["cap_net_raw=ep", path(&program)]).status();
    if !granted.is_ok_and(|status| status.success()) {
        eprintln!("skipped: setcap is not installed, or does not work here");
        return;
    }
    let watch = lab.within("client", || {
        let mut live = Command::new(&program);
        live.args(["live", "-i", &lab.device, "--host", SERVER, "--until", "failure", "-o", "json"]);
        Watch::start(live.uid(NOBODY).gid(NOBODY))
    });
    NO_SERVER.play(&lab, SERVER, 8443);
    assert_eq!(watch.wait().codes(), ["refused"]);
}

#[test]
fn an_interface_may_go_down_and_come_back() {
    let Some(lab) = Lab::new() else { return };
    let watch = watch(&lab, &["--until", "failure", "-o", "json"]);
    for state in ["down", "up"] {
        lab.run("client", &["ip", "link", "set", &lab.device, state]);
        thread::sleep(Duration::from_millis(1_200));
    }
    NO_SERVER.play(&lab, SERVER, 8443);
    let outcome = watch.wait();
    assert_eq!(outcome.codes(), ["refused"], "{}", outcome.error);
    assert!(outcome.error.contains("went down"), "{}", outcome.error);
}

#[test]
fn an_interface_may_be_removed_and_made_again() {
    let Some(lab) = Lab::new() else { return };
    // Root's rights are given up long before.
    let watch = watch(&lab, &["--until", "failure", "-o", "json", "--user", "nobody"]);
    lab.run("client", &["ip", "link", "del", &lab.device]);
    thread::sleep(Duration::from_millis(1_200));
    lab.connect();
    thread::sleep(Duration::from_millis(1_500));
    // Too fast for the interface to be seen missing.
    lab.run("client", &["ip", "link", "del", &lab.device]);
    lab.connect();
    thread::sleep(Duration::from_secs(2));
    NO_SERVER.play(&lab, SERVER, 8443);
    let outcome = watch.wait();
    assert_eq!(outcome.codes(), ["refused"], "{}", outcome.error);
    let error = outcome.error;
    assert_eq!((error.matches("disappeared").count(), error.matches("came back").count()), (2, 2), "{error}");
}

#[test]
fn interfaces_are_listed_with_their_addresses() {
    let Some(lab) = Lab::new() else { return };
    let printed = run(&["interfaces", "--netns", &lab.name("client")]).out;
    let line = printed.lines().find(|line| line.contains(&lab.device)).unwrap();
    assert!(line.contains("up, running") && printed.contains(CLIENT), "{printed}");
}
