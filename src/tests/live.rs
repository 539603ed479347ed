//! Live capture in network namespaces: every fault that two hosts and a router between them can bring about, and what a
//! capture meets meanwhile.
//!
//! Skipped with a printed reason where namespaces can't be made: that needs root and iproute2.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

const CLIENT: &str = "10.9.0.1";
const SERVER: &str = "10.9.0.2";
/// Behind the server, which may not forward to it; behind a router, the server itself.
const BEHIND: &str = "10.9.1.5";
/// The router's address on the client's wire, and on the server's.
const ROUTER: [&str; 2] = ["10.9.0.254", "10.9.1.254"];

/// What is a silence here, in seconds.
const STALL: f64 = 1.0;

/// The user id of nobody.
const NOBODY: u32 = 65_534;

/// How long a test's peers go on with what they do.
const PATIENCE: Duration = Duration::from_millis(2_500);

#[test]
fn each_fault_has_its_verdict_within_a_second_of_being_certain() {
    let Some(net) = Net::new() else { return };
    net.within("server", || fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap());
    net.run("server", &["ip", "route", "add", "prohibit", "10.9.1.0/24"]);
    net.run("client", &["ip", "route", "add", "10.9.1.0/24", "via", SERVER]);
    let faults: [(&str, &str, u16, Fault); 12] = [
        ("refused", SERVER, 8443, Fault { serves: None, says: b"" }),
        ("unreachable", BEHIND, 8443, Fault { serves: None, says: b"" }),
        ("client-silent", SERVER, 8443, Fault { serves: Some(read_some), says: b"" }),
        ("no-server-hello", SERVER, 8443, Fault { serves: Some(read_some), says: &HELLO }),
        ("closed-early", SERVER, 8443, Fault { serves: Some(read_one), says: &HELLO }),
        ("reset", SERVER, 8443, Fault { serves: Some(|_| thread::sleep(PATIENCE / 8)), says: &HELLO }),
        ("tls-alert", SERVER, 8443, Fault { serves: Some(|peer| answer(peer, &ALERT)), says: &HELLO }),
        ("not-tls", SERVER, 8443, Fault { serves: Some(|peer| answer(peer, BAD_REQUEST)), says: &HELLO }),
        ("handshake-stalled", SERVER, 8443, Fault { serves: Some(begin_and_stop), says: &HELLO }),
        ("proxy-refused", SERVER, 3128, Fault { serves: Some(|peer| answer(peer, REFUSAL)), says: CONNECT }),
        ("no-response", SERVER, 9000, Fault { serves: Some(read_some), says: b"GET / HTTP/1.1\r\n\r\n" }),
        (
            "plaintext",
            SERVER,
            9001,
            Fault {
                serves: Some(|peer| answer(peer, b"HTTP/1.1 200 OK\r\n\r\n")),
                says: b"GET / HTTP/1.1\r\n\r\n",
            },
        ),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (code, host, port, fault) in faults {
        let saved = folder.path().join(format!("{code}.pcapng"));
        // What is still on its way of the fault before is not looked at.
        let options = ["--host", host, "--port", &port.to_string(), "--until", "verdict", "-o", "json"];
        let watch = net.watch(&[&options[..], &["-w", path(&saved)]].concat());
        let began = Instant::now();
        fault.play(&net, host, port);
        let output = watch.wait();
        let took = began.elapsed().as_secs_f64();
        let told = verdicts(&output.stdout);
        assert_eq!(told.first().map(String::as_str), Some(code), "{}", text(&output.stderr));
        assert!(took < STALL + 1.8, "{code} took {took} s");
        // The file that was saved meanwhile tells the same, but for a silence that no packet ends: the file ends before it.
        let read = ssmscope(&["read", "--stall-after", "1", "-o", "json", path(&saved)]).output().unwrap();
        let told = verdicts(&read.stdout);
        let as_far_as_it_goes = match code {
            "client-silent" | "no-server-hello" | "handshake-stalled" => "in-progress",
            "no-response" => "plaintext",
            other => other,
        };
        assert!([code, as_far_as_it_goes].contains(&told[0].as_str()), "{code} live, {told:?} from the file");
    }
}

#[test]
fn each_fault_of_a_router_has_its_verdict_and_cause() {
    let Some(net) = Net::routed() else { return };
    let nobody = Fault { serves: None, says: b"" };
    let faults = [
        ("blackhole", 8440, "syn-no-reply", None),
        ("prohibit", 8441, "unreachable", Some("icmp-admin-prohibited")),
        ("unreachable", 8442, "unreachable", Some("icmp-host-unreachable")),
        ("throw", 8443, "unreachable", Some("icmp-net-unreachable")),
    ];
    for (kind, port, code, cause) in faults {
        let route = [kind, &format!("{BEHIND}/32")];
        net.run("router", &[&["ip", "route", "add"][..], &route].concat());
        net.expect_failure("client", port, (code, cause), || nobody.play(&net, BEHIND, port));
        net.run("router", &[&["ip", "route", "del"][..], &route].concat());
    }
    // The way back ends at the router: what the server answers is seen, and never acknowledged.
    net.run("router", &["ip", "route", "add", "blackhole", &format!("{CLIENT}/32")]);
    net.expect_failure("server", 8444, ("tcp-handshake-incomplete", None), || {
        Fault { serves: Some(read_some), says: b"" }.play(&net, BEHIND, 8444);
    });
}

#[test]
fn large_packets_that_are_lost_on_the_path_are_told_from_a_server_that_hangs() {
    let Some(net) = Net::routed() else { return };
    // The far end of a wire drops what is larger than its own MTU, and says nothing.
    for (host, device) in [("client", &net.device), ("server", &net.device)] {
        net.run(host, &["ip", "link", "set", device, "gso_max_segs", "1"]);
    }
    net.run("router", &["ip", "link", "set", &net.far_device(), "mtu", "1000"]);
    net.expect_failure("server", 8443, ("handshake-stalled", Some("server-flight-lost")), || {
        Fault { serves: Some(hello_and_large_flight), says: &HELLO }.play(&net, BEHIND, 8443);
    });
    net.run("router", &["ip", "link", "set", &net.device, "mtu", "1000"]);
    net.expect_failure("client", 8444, ("no-server-hello", Some("client-hello-lost")), || {
        Fault { serves: Some(read_some), says: &LARGE_HELLO }.play(&net, BEHIND, 8444);
    });
}

#[test]
fn a_reset_that_the_router_sends_in_the_server_s_name_is_told_from_the_server_s() {
    let Some(net) = Net::routed() else { return };
    net.expect_failure("client", 8443, ("reset", Some("rst-injected")), || {
        net.inject_reset();
        Fault { serves: Some(read_some), says: &HELLO }.play(&net, BEHIND, 8443);
    });
}

#[test]
fn a_slow_server_is_a_warning_and_no_failure() {
    let Some(net) = Net::new() else { return };
    let Some(_server) = net.tls_server(8443) else { return };
    let listener = net.within("server", || TcpListener::bind((SERVER, 8444)).unwrap());
    let name = net.name("server");
    thread::spawn(move || {
        enter(&name);
        let (near, _) = listener.accept().unwrap();
        thread::sleep(Duration::from_millis(600));
        let far = TcpStream::connect(("127.0.0.1", 8443)).unwrap();
        let (mut from, mut to) = (near.try_clone().unwrap(), far.try_clone().unwrap());
        thread::spawn(move || std::io::copy(&mut from, &mut to));
        let _ = std::io::copy(&mut { far }, &mut { near });
    });
    let options = ["--tls-port", "8444", "--slow-after", "500ms", "--until", "healthy", "-o", "json"];
    let watch = net.watch(&options);
    net.tls_client(8444);
    let output = watch.wait();
    assert_eq!(verdicts(&output.stdout), ["slow"], "{}", text(&output.stderr));
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn what_cannot_be_told_yet_is_no_failure_when_the_capture_ends() {
    let Some(net) = Net::new() else { return };
    let listener = net.within("server", || TcpListener::bind((SERVER, 8443)).unwrap());
    let mut stream = net.within("client", || TcpStream::connect((SERVER, 8443)).unwrap());
    let (mut peer, _) = listener.accept().unwrap();
    let watch = net.watch(&["-o", "json"]);
    peer.write_all(&[23, 3, 3, 0, 5, 1, 2, 3, 4, 5]).unwrap();
    let _ = stream.read(&mut [0; 100]).unwrap();
    net.run("server", &["ip", "route", "add", "blackhole", &format!("{CLIENT}/32")]);
    Fault { serves: None, says: b"" }.play(&net, SERVER, 8444);
    thread::sleep(Duration::from_millis(300));
    // The last packets before the end belong to the capture.
    stream.write_all(&[23, 3, 3, 0, 1, 1]).unwrap();
    watch.signal(Signal::SIGTERM);
    let output = watch.wait();
    assert_eq!(verdicts(&output.stdout), ["midstream", "in-progress"], "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains(r#""bytes":6"#), "{}", text(&output.stdout));
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn a_silence_is_told_while_it_lasts_and_the_verdict_before_the_end() {
    let Some(net) = Net::new() else { return };
    net.run("server", &["ip", "route", "add", "blackhole", &format!("{CLIENT}/32")]);
    let mut watch = net.watch(&["--host", SERVER]);
    let fault = Fault { serves: None, says: b"" };
    fault.play(&net, SERVER, 8443);
    let told = watch.read_until("syn-no-reply (critical)", Duration::from_secs(4));
    assert!(told.contains("Flags [S]"), "{told}");
    assert!(told.contains("the server owes an answer to the SYN since "), "{told}");
    watch.signal(Signal::SIGUSR1);
    watch.signal(Signal::SIGTERM);
    let output = watch.wait();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("1 connection: syn-no-reply 1"), "{}", text(&output.stdout));
}

#[test]
fn a_script_reads_what_is_known_of_an_open_connection() {
    let Some(net) = Net::new() else { return };
    let mut watch = net.watch(&["--host", SERVER, "-o", "json"]);
    Fault { serves: Some(read_some), says: &HELLO }.play(&net, SERVER, 8443);
    let told = watch.read_until("}\n", Duration::from_secs(4));
    assert!(told.starts_with(r#"{"type":"open","#) && told.contains("no-server-hello"), "{told}");
    watch.signal(Signal::SIGTERM);
    let output = watch.wait();
    assert_eq!(verdicts(&output.stdout), ["no-server-hello"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_reader_that_goes_away_ends_the_capture_with_what_is_known() {
    let Some(net) = Net::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut watch = net.watch(&["--host", SERVER, "--record", path(folder.path())]);
    Fault { serves: None, says: b"" }.play(&net, SERVER, 8443);
    watch.read_until("refused (critical)", Duration::from_secs(4));
    drop(watch.child.stdout.take());
    Fault { serves: None, says: b"" }.play(&net, SERVER, 8444);
    let status = watch.child.wait().unwrap();
    assert_eq!(status.code(), Some(2));
    assert!(names(folder.path()).iter().any(|name| name.ends_with("-refused.json")));
}

#[test]
fn a_healthy_connection_is_told_at_once_and_counts() {
    let Some(net) = Net::new() else { return };
    let Some(server) = net.tls_server(8443) else { return };
    let watch = net.watch(&["--count", "2", "-o", "json"]);
    for _ in 0..2 {
        net.tls_client(8443);
    }
    let output = watch.wait();
    assert_eq!(verdicts(&output.stdout), ["healthy", "healthy"], "{}", text(&output.stderr));
    assert_eq!(output.status.code(), Some(0));
    let quiet = net.watch(&["--quiet-healthy", "--until", "failure"]);
    net.tls_client(8443);
    drop(server);
    thread::sleep(Duration::from_millis(1_500));
    Fault { serves: None, says: b"" }.play(&net, SERVER, 8443);
    let told = text(&quiet.wait().stdout);
    assert!(told.contains("refused (critical)") && !told.contains("healthy (ok)"), "{told}");
}

#[test]
fn a_plugin_speaks_on_standard_output_only_and_ends_in_time() {
    let Some(net) = Net::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    let metrics = folder.path().join("ssm.prom");
    let options = ["--user", "root", "-H", SERVER, "-p", "8443", "-o", "nagios", "-t", "3"];
    let began = Instant::now();
    let mut watch = net.live_on("client", &options);
    watch.args(["--textfile", path(&metrics), "--warning", "30", "--critical", "7"]);
    let child = watch.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    thread::sleep(Duration::from_secs(1));
    let refused = net.within("client", || TcpStream::connect((SERVER, 8443)));
    assert!(refused.is_err());
    let output = child.wait_with_output().unwrap();
    assert!(began.elapsed() < Duration::from_secs(6));
    assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(2), ""));
    let out = text(&output.stdout);
    assert!(
        out.starts_with("SSMSCOPE CRITICAL: refused at syn, 10.9.0.2:8443 | connections=1;;;0 "),
        "{out}"
    );
    assert!(out.contains(" dropped=0;;;0 certificate_days=U;30:;7:\n"), "{out}");
    let metrics = fs::read_to_string(metrics).unwrap();
    assert!(metrics.contains("ssmscope_state{target=\"10.9.0.2:8443\",reason=\"refused\"} 1\n"), "{metrics}");
}

#[test]
fn root_s_rights_are_given_up_and_files_opened_without_them() {
    let Some(net) = Net::new() else { return };
    let watch = net.watch(&["--user", "nobody", "--duration", "1"]);
    let status = fs::read_to_string(format!("/proc/{}/status", watch.child.id())).unwrap();
    let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap();
    let (uid, gid) = (nobody.uid.to_string(), nobody.gid.to_string());
    // What is left is CAP_NET_RAW, number 13.
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
    assert_eq!(watch.wait().status.code(), Some(3), "nothing to judge");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("saved.pcapng");
    let output = net.live_on("client", &["--user", "nobody", "-w", path(&file)]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("--user names whose rights"), "{}", text(&output.stderr));
    assert!(!file.exists());
}

#[test]
fn an_interface_may_go_down_and_come_back() {
    let Some(net) = Net::new() else { return };
    let watch = net.watch(&["--until", "failure", "-o", "json"]);
    for state in ["down", "up"] {
        net.run("client", &["ip", "link", "set", &net.device, state]);
        thread::sleep(Duration::from_millis(1_200));
    }
    Fault { serves: None, says: b"" }.play(&net, SERVER, 8443);
    let output = watch.wait();
    assert_eq!(verdicts(&output.stdout), ["refused"], "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("went down"), "{}", text(&output.stderr));
}

#[test]
fn an_interface_may_be_removed_and_made_again() {
    let Some(net) = Net::new() else { return };
    // Without root's rights, which were given up long before.
    let watch = net.watch(&["--until", "failure", "-o", "json", "--user", "nobody"]);
    net.run("client", &["ip", "link", "del", &net.device]);
    thread::sleep(Duration::from_millis(1_200));
    net.connect();
    thread::sleep(Duration::from_millis(1_500));
    // Too fast for anybody to see that it was away.
    net.run("client", &["ip", "link", "del", &net.device]);
    net.connect();
    thread::sleep(Duration::from_secs(2));
    Fault { serves: None, says: b"" }.play(&net, SERVER, 8443);
    let output = watch.wait();
    assert_eq!(verdicts(&output.stdout), ["refused"], "{}", text(&output.stderr));
    let told = text(&output.stderr);
    assert_eq!((told.matches("disappeared").count(), told.matches("came back").count()), (2, 2), "{told}");
}

#[test]
fn a_hangup_opens_the_file_again() {
    let Some(net) = Net::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    let [file, moved] = ["all.pcapng", "moved.pcapng"].map(|name| folder.path().join(name));
    let watch = net.watch(&["--count", "2", "-o", "json", "-w", path(&file)]);
    Fault { serves: None, says: b"" }.play(&net, SERVER, 8443);
    thread::sleep(Duration::from_millis(300));
    fs::rename(&file, &moved).unwrap();
    watch.signal(Signal::SIGHUP);
    thread::sleep(Duration::from_millis(300));
    Fault { serves: None, says: b"" }.play(&net, SERVER, 8444);
    watch.wait();
    for file in [&file, &moved] {
        let read = ssmscope(&["read", "-o", "json", path(file)]).output().unwrap();
        assert_eq!(verdicts(&read.stdout), ["refused"]);
    }
}

#[test]
fn a_failed_connection_gets_a_file_from_its_syn_with_the_verdict_in_it() {
    let Some(net) = Net::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    let options = ["--host", SERVER, "--record", path(folder.path()), "--record-after", "200ms"];
    let watch = net.watch(&[&options[..], &["--count", "2"]].concat());
    Fault { serves: Some(|peer| answer(peer, &ALERT)), says: &HELLO }.play(&net, SERVER, 8443);
    thread::sleep(Duration::from_millis(400));
    Fault { serves: None, says: b"" }.play(&net, SERVER, 8444);
    let output = watch.wait();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    for code in ["tls-alert", "refused"] {
        let names = names(folder.path());
        let of = |end: &str| names.iter().find(|name| name.ends_with(&format!("-{code}.{end}"))).cloned();
        let (capture, object) = (of("pcapng").unwrap(), of("json").unwrap());
        let object: Value = serde_json::from_slice(&fs::read(folder.path().join(object)).unwrap()).unwrap();
        assert_eq!(object["connection"]["verdict"]["code"], code);
        assert_eq!(object["is_whole"], true);
        let capture = folder.path().join(capture);
        let read = ssmscope(&["read", "-o", "json", path(&capture)]).output().unwrap();
        let codes = verdicts(&read.stdout);
        assert!(codes.iter().any(|found| found == code), "{codes:?}");
        let Ok(tshark) = Command::new("tshark")
            .args(["-n", "-r", path(&capture), "-T", "fields"])
            .args(["-e", "frame.comment", "-e", "tcp.flags.syn"])
            .output()
        else {
            eprintln!("skipped in part: tshark is not installed");
            continue;
        };
        let told = text(&tshark.stdout);
        let commented = told.matches(&format!("ssmscope: shows {code}")).count();
        assert_eq!(commented, object["evidence"].as_array().unwrap().len(), "{told}");
        assert!(!text(&tshark.stderr).contains("damaged") && tshark.status.success());
    }
}

#[test]
fn a_killed_recorder_leaves_what_it_saw() {
    let Some(net) = Net::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    let watch = net.watch(&["--host", SERVER, "--record", path(folder.path())]);
    Fault { serves: None, says: b"" }.play(&net, SERVER, 8443);
    thread::sleep(Duration::from_millis(400));
    watch.signal(Signal::SIGKILL);
    watch.wait();
    let ring = folder.path().join("ring-0.pcapng");
    let read = ssmscope(&["read", "-o", "json", path(&ring)]).output().unwrap();
    assert_eq!(verdicts(&read.stdout), ["refused"]);
    // The next run keeps it under another name.
    net.watch(&["--record", path(folder.path()), "--duration", "200ms"]).wait();
    assert_eq!(names(folder.path()), ["before-0.pcapng", "ring-0.pcapng"]);
}

#[test]
fn a_full_disk_is_told_and_the_analysis_goes_on() {
    let Some(net) = Net::new() else { return };
    let Some(disk) = SmallDisk::mount() else { return };
    let all = disk.0.path().join("all.pcapng");
    let options = ["--record", path(disk.0.path()), "-w", path(&all)];
    let watch = net.watch(&[&options[..], &["-o", "json", "--until", "failure"]].concat());
    let listener = net.within("server", || TcpListener::bind((SERVER, 9000)).unwrap());
    thread::spawn(move || {
        let (mut peer, _) = listener.accept().unwrap();
        std::io::copy(&mut peer, &mut std::io::sink()).unwrap();
    });
    let mut stream = net.within("client", || TcpStream::connect((SERVER, 9000)).unwrap());
    stream.write_all(&vec![7; 1024 * 1024]).unwrap();
    drop(stream);
    thread::sleep(Duration::from_millis(300));
    Fault { serves: None, says: b"" }.play(&net, SERVER, 8443);
    let output = watch.wait();
    let told = text(&output.stderr);
    assert!(verdicts(&output.stdout).contains(&"refused".to_owned()), "{told}");
    assert!(told.contains("saving stopped: No space left"), "{told}");
    assert!(told.contains("the ring can't be written: No space left"), "{told}");
    // What was written before is good.
    let read = ssmscope(&["read", "-o", "json", path(&all)]).output().unwrap();
    let summary: Value = serde_json::from_str(text(&read.stdout).lines().last().unwrap()).unwrap();
    assert_eq!(summary["files"][0]["notes"].as_array().unwrap().len(), 0, "{summary}");
}

#[test]
fn a_silence_behind_dropped_packets_is_no_stall() {
    let Some(net) = Net::new() else { return };
    let watch = net.watch(&["-B", "64", "-o", "json"]);
    let listener = net.within("server", || TcpListener::bind((SERVER, 8443)).unwrap());
    // The kernel's buffer runs over between the handshake and the hello.
    watch.signal(Signal::SIGSTOP);
    let (_client, _server) = net.within("client", || {
        let mut client = TcpStream::connect((SERVER, 8443)).unwrap();
        let socket = std::net::UdpSocket::bind((CLIENT, 0)).unwrap();
        for _ in 0..2_000 {
            let _ = socket.send_to(&[0; 1_000], (SERVER, 9));
        }
        client.write_all(&HELLO).unwrap();
        thread::sleep(Duration::from_millis(200));
        (client, listener.accept().unwrap())
    });
    watch.signal(Signal::SIGCONT);
    thread::sleep(Duration::from_millis(1_800));
    watch.signal(Signal::SIGTERM);
    let output = watch.wait();
    let told = text(&output.stdout);
    assert!(!told.contains(r#""severity":"critical""#), "{told}");
    assert_eq!(verdicts(&output.stdout), ["in-progress"]);
    assert!(!told.contains(r#""dropped":0,"#), "{told}");
}

#[test]
fn nothing_to_see_is_said_with_what_to_check() {
    let Some(net) = Net::new() else { return };
    let began = Instant::now();
    let options = ["--host", SERVER, "--expect-within", "1", "--idle-exit", "2"];
    let watch = net.watch(&options);
    // A host that is looked for in vain passes the filter, and is no packet of a connection.
    net.within("client", || {
        let socket = std::net::UdpSocket::bind((CLIENT, 0)).unwrap();
        for last in 100..125 {
            socket.send_to(b"?", (format!("10.9.0.{last}"), 53)).unwrap();
            thread::sleep(Duration::from_millis(100));
        }
    });
    let output = watch.wait();
    assert!(began.elapsed() < Duration::from_secs(4));
    assert_eq!(output.status.code(), Some(3));
    let told = text(&output.stderr);
    for word in ["no TCP packet of 10.9.0.2", "of other kinds", "interface", "proxy", "name"] {
        assert!(told.contains(word), "{told}");
    }
}

#[test]
fn as_many_packets_are_saved_as_tcpdump_saves_and_none_is_dropped() {
    let Some(net) = Net::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    let [ours, theirs] = ["ours.pcapng", "theirs.pcap"].map(|name| folder.path().join(name));
    let filter = "tcp port 9000";
    let Some(tcpdump) = net.tcpdump(filter, &theirs) else { return };
    let watch = net.watch(&["--filter", filter, "-w", path(&ours), "-o", "json", "--idle-exit", "2"]);
    thread::sleep(Duration::from_millis(500));
    let listener = net.within("server", || TcpListener::bind((SERVER, 9000)).unwrap());
    let reader = thread::spawn(move || {
        let (mut peer, _) = listener.accept().unwrap();
        std::io::copy(&mut peer, &mut std::io::sink()).unwrap();
    });
    let mut stream = net.within("client", || TcpStream::connect((SERVER, 9000)).unwrap());
    let block = vec![7; 64 * 1024];
    for _ in 0..400 {
        stream.write_all(&block).unwrap();
        thread::sleep(Duration::from_millis(2));
    }
    drop(stream);
    reader.join().unwrap();
    let output = watch.wait();
    let summary: Value = serde_json::from_str(text(&output.stdout).lines().last().unwrap()).unwrap();
    assert_eq!(summary["dropped"], 0);
    assert_eq!(summary["packets"], tcpdump.count(&theirs));
    assert!(summary["packets"].as_u64().unwrap() > 400);
}

#[test]
fn many_connections_leave_no_memory_behind_and_no_packet_out() {
    const SECONDS: u64 = 9;
    let Some(net) = Net::new() else { return };
    let folder = tempfile::tempdir().unwrap();
    let theirs = folder.path().join("theirs.pcap");
    let Some(tcpdump) = net.tcpdump("tcp port 9000", &theirs) else { return };
    let options = ["--filter", "tcp port 9000", "--quiet-healthy", "--interval", "2", "--idle-exit", "2"];
    let watch = net.watch(&options);
    thread::sleep(Duration::from_millis(500));
    let listener = net.within("server", || TcpListener::bind((SERVER, 9000)).unwrap());
    thread::spawn(move || {
        for mut peer in listener.incoming().flatten() {
            let mut request = [0; 16];
            if peer.read_exact(&mut request).is_err() {
                return;
            }
            let _ = peer.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        }
    });
    let process = format!("/proc/{}/status", watch.child.id());
    let resident = || -> u64 {
        let status = fs::read_to_string(&process).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    };
    let (connections, early) = net.within("client", || {
        let began = Instant::now();
        let (mut connections, mut early) = (0u64, 0);
        while began.elapsed() < Duration::from_secs(SECONDS) {
            let mut stream = TcpStream::connect((SERVER, 9000)).unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\n").unwrap();
            let _ = stream.read_to_end(&mut Vec::new());
            connections += 1;
            if early == 0 && began.elapsed() >= Duration::from_secs(SECONDS / 3) {
                early = resident();
            }
            thread::sleep(Duration::from_millis(2));
        }
        (connections, early)
    });
    let late = resident();
    let output = watch.wait();
    let told = text(&output.stdout);
    let counted = tcpdump.count(&theirs);
    assert!(connections > 500, "{connections} connections");
    assert!(told.contains("plaintext ") && !told.contains("dropped"), "{told}");
    let live = grouped_number(&told, " packets\n");
    assert_eq!(live, counted, "{told}");
    assert!(told.matches("in the last 2.").count() >= 3, "{told}");
    // Those that were just closed, and what is remembered for their leftovers; not what was before.
    assert!(late < early + 4 * 1024, "{early} KiB, then {late} KiB");
}

#[test]
fn without_rights_or_an_interface_it_is_said_what_to_do() {
    let unknown = ssmscope(&["live", "-i", "no-such-device"]);
    let Output { status, stderr, .. } = { unknown }.output().unwrap();
    assert_eq!(status.code(), Some(3), "{}", text(&stderr));
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    assert!(text(&stderr).contains("no such interface"), "{}", text(&stderr));
    let (_folder, program) = copy_for_nobody();
    let mut forbidden = Command::new(&program);
    let output = forbidden.args(["live", "-i", "lo"]).uid(NOBODY).gid(NOBODY).output().unwrap();
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{told}");
    assert!(told.contains("CAP_NET_RAW") && told.contains("setcap cap_net_raw,cap_net_admin=eip"), "{told}");
}

#[test]
fn the_capability_to_capture_suffices() {
    let Some(net) = Net::new() else { return };
    let (_folder, program) = copy_for_nobody();
    let granted = Command::new("setcap").args(["cap_net_raw=ep", path(&program)]).status();
    if !granted.is_ok_and(|status| status.success()) {
        eprintln!("skipped: setcap is not installed, or does not work here");
        return;
    }
    let child = net.within("client", || {
        let mut live = Command::new(&program);
        live.args(["live", "-i", &net.device, "--host", SERVER, "--until", "failure", "-o", "json"]);
        live.uid(NOBODY).gid(NOBODY).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    });
    let mut watch = Watch { child, told: Vec::new() };
    watch.wait_for_start();
    Fault { serves: None, says: b"" }.play(&net, SERVER, 8443);
    assert_eq!(verdicts(&watch.wait().stdout), ["refused"]);
}

#[test]
fn interfaces_are_listed_with_their_addresses() {
    let Some(net) = Net::new() else { return };
    let output = ssmscope(&["interfaces", "--netns", &net.name("client")]).output().unwrap();
    let told = text(&output.stdout);
    let line = told.lines().find(|line| line.contains(&net.device)).unwrap();
    assert!(line.contains("up, running") && told.contains(CLIENT), "{told}");
}

// ---- what peers do ----

/// What a client says, and what a server does with a connection.
struct Fault {
    serves: Option<fn(TcpStream)>,
    says: &'static [u8],
}

impl Fault {
    fn play(&self, net: &Net, host: &'static str, port: u16) {
        if let Some(serve) = self.serves {
            let listener = net.within("server", || TcpListener::bind(("0.0.0.0", port)).unwrap());
            thread::spawn(move || {
                let (peer, _) = listener.accept().unwrap();
                drop(listener);
                serve(peer);
            });
        }
        let name = net.name("client");
        let says = self.says;
        thread::spawn(move || {
            enter(&name);
            let Ok(mut stream) = TcpStream::connect((host, port)) else { return };
            stream.write_all(says).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let _ = stream.read(&mut [0; 1_000]);
            thread::sleep(PATIENCE);
        });
    }
}

/// A ServerHello, then the rest of the flight in one large segment.
fn hello_and_large_flight(mut peer: TcpStream) {
    let _ = peer.read(&mut [0; 4_000]);
    let _ = peer.write_all(&server_hello());
    thread::sleep(Duration::from_millis(100));
    let mut flight = vec![22, 3, 3, 4, 0xb0, 11, 0, 4, 0xac];
    flight.resize(1_205, 0);
    let _ = peer.write_all(&flight);
    thread::sleep(PATIENCE);
}

fn server_hello() -> Vec<u8> {
    let mut hello = vec![22, 3, 3, 0, 42, 2, 0, 0, 38, 3, 3];
    hello.extend([9; 32]);
    hello.extend([0, 0xc0, 0x2f, 0]);
    hello
}

fn read_one(mut peer: TcpStream) {
    let _ = peer.read(&mut [0; 4_000]);
}

fn read_some(mut peer: TcpStream) {
    let _ = peer.read(&mut [0; 4_000]);
    thread::sleep(PATIENCE);
}

fn answer(mut peer: TcpStream, bytes: &[u8]) {
    let _ = peer.read(&mut [0; 4_000]);
    let _ = peer.write_all(bytes);
}

fn begin_and_stop(mut peer: TcpStream) {
    let _ = peer.read(&mut [0; 4_000]);
    let _ = peer.write_all(&server_hello());
    thread::sleep(PATIENCE);
}

/// A fatal handshake_failure.
const ALERT: [u8; 7] = [21, 3, 3, 0, 2, 2, 40];
const BAD_REQUEST: &[u8] = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
const CONNECT: &[u8] = b"CONNECT ssm.example:8443 HTTP/1.1\r\nHost: ssm.example:8443\r\n\r\n";
const REFUSAL: &[u8] = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";

/// A ClientHello of TLS 1.2 with one suite and no extension.
const HELLO: [u8; 50] = {
    let mut hello = [8; 50];
    let head = [22, 3, 1, 0, 45, 1, 0, 0, 41, 3, 3];
    let tail = [0, 0, 2, 0xc0, 0x2f, 1, 0];
    let mut index = 0;
    while index < head.len() {
        hello[index] = head[index];
        index += 1;
    }
    index = 0;
    while index < tail.len() {
        hello[43 + index] = tail[index];
        index += 1;
    }
    hello
};

/// The same with a padding extension (RFC 7685) of 1,160 bytes.
static LARGE_HELLO: [u8; 1_216] = {
    let mut hello = [0; 1_216];
    let mut index = 0;
    while index < HELLO.len() {
        hello[index] = HELLO[index];
        index += 1;
    }
    // Lengths of the record, the message, the extensions and the one that there is: 0x15, padding.
    let lengths = [(3, 1_211), (7, 1_207), (50, 1_164), (52, 21), (54, 1_160)];
    index = 0;
    while index < lengths.len() {
        let (at, value) = lengths[index];
        hello[at] = (value >> 8) as u8;
        hello[at + 1] = (value & 0xff) as u8;
        index += 1;
    }
    hello
};

// ---- the network ----

/// Two hosts on one wire, or on two with a router between them.
struct Net {
    device: String,
    hosts: &'static [&'static str],
    id: String,
    folder: tempfile::TempDir,
}

impl Net {
    /// Client and server on one wire. Nothing where it can't be made; the reason is printed.
    fn new() -> Option<Self> {
        let net = Self::with(&["client", "server"])?;
        net.connect();
        Some(net)
    }

    /// The same with a router between them.
    fn routed() -> Option<Self> {
        let net = Self::with(&["client", "router", "server"])?;
        let far = net.far_device();
        net.lay_wire("client", (&net.device, CLIENT), "router", (&net.device, ROUTER[0]));
        net.lay_wire("server", (&net.device, BEHIND), "router", (&far, ROUTER[1]));
        net.within("router", || {
            for (switch, value) in [("ip_forward", "1"), ("icmp_ratelimit", "0")] {
                fs::write(Path::new("/proc/sys/net/ipv4").join(switch), value).unwrap();
            }
        });
        net.run("client", &["ip", "route", "add", "default", "via", ROUTER[0]]);
        net.run("server", &["ip", "route", "add", "default", "via", ROUTER[1]]);
        Some(net)
    }

    fn with(hosts: &'static [&'static str]) -> Option<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        if !nix::unistd::geteuid().is_root() {
            eprintln!("skipped: making network namespaces needs root");
            return None;
        }
        let id = format!("{}-{}", std::process::id() % 100_000, MADE.fetch_add(1, Ordering::Relaxed));
        let net = Self { device: format!("v{id}"), hosts, id, folder: tempfile::tempdir().unwrap() };
        for name in hosts.iter().map(|host| net.name(host)) {
            if !Command::new("ip").args(["netns", "add", &name]).status().is_ok_and(|status| status.success())
            {
                eprintln!("skipped: `ip netns add` does not work here");
                return None;
            }
        }
        Some(net)
    }

    /// Lays the wire between client and server.
    fn connect(&self) {
        self.lay_wire("client", (&self.device, CLIENT), "server", (&self.device, SERVER));
    }

    /// A wire between two hosts, with the device and the address that each has on it.
    fn lay_wire(&self, one: &str, on_one: (&str, &str), other: &str, on_other: (&str, &str)) {
        let (first, second) = (self.name(one), self.name(other));
        let pair = ["link", "add", on_one.0, "netns", &first, "type", "veth", "peer", "name", on_other.0];
        assert!(Command::new("ip").args(pair).args(["netns", &second]).status().unwrap().success());
        for (host, (device, address)) in [(one, on_one), (other, on_other)] {
            // Nothing else than what the tests bring about is on the wire.
            let _ = self.within(host, || fs::write("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1"));
            self.run(host, &["ip", "addr", "add", &format!("{address}/24"), "dev", device]);
            self.run(host, &["ip", "link", "set", device, "up"]);
        }
    }

    /// The router's device on the server's wire.
    fn far_device(&self) -> String {
        format!("w{}", self.id)
    }

    fn name(&self, host: &str) -> String {
        format!("ssm-{host}-{}", self.id)
    }

    fn in_namespace(&self, host: &str, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name(host), program]);
        command
    }

    fn run(&self, host: &str, words: &[&str]) {
        let status = self.in_namespace(host, words[0]).args(&words[1..]).status().unwrap();
        assert!(status.success(), "{words:?}");
    }

    /// Does something in a host's namespace; sockets that it makes stay there.
    fn within<T: Send>(&self, host: &str, work: impl FnOnce() -> T + Send) -> T {
        let name = self.name(host);
        thread::scope(|scope| {
            scope
                .spawn(|| {
                    enter(&name);
                    work()
                })
                .join()
                .unwrap()
        })
    }

    /// Captures on a host while a fault is played, and expects its verdict and cause in time.
    fn expect_failure(&self, host: &str, port: u16, expected: (&str, Option<&str>), play: impl FnOnce()) {
        let options = ["--host", BEHIND, "--port", &port.to_string(), "--until", "failure", "-o", "json"];
        let watch = self.watch_on(host, &options);
        let began = Instant::now();
        play();
        let output = watch.wait();
        let took = began.elapsed().as_secs_f64();
        let told = text(&output.stdout);
        let mut found = told.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let found = found.rfind(|object| object["type"] == "connection").unwrap();
        let verdict = &found["verdict"];
        assert_eq!((verdict["code"].as_str().unwrap(), verdict["cause"].as_str()), expected, "{told}");
        assert!(took < STALL + 1.8, "{expected:?} took {took} s");
        assert_eq!(output.status.code(), Some(2));
    }

    /// A router that resets the first connection that says something, in the server's name.
    fn inject_reset(&self) {
        let mut capture = self.within("router", || {
            let capture = pcap::Capture::from_device(self.device.as_str()).unwrap();
            let mut capture = capture.immediate_mode(true).open().unwrap();
            capture.filter("tcp dst port 8443 and tcp[tcpflags] & tcp-push != 0", true).unwrap();
            capture
        });
        thread::spawn(move || {
            let hello = capture.next_packet().unwrap().data.to_vec();
            capture.sendpacket(reset_in_answer_to(&hello)).unwrap();
        });
    }

    /// tcpdump on the client's device, until its packets are counted; nothing where it is not installed.
    fn tcpdump(&self, filter: &str, file: &Path) -> Option<Tcpdump> {
        if Command::new("tcpdump").arg("--version").output().is_err() {
            eprintln!("skipped: tcpdump is not installed");
            return None;
        }
        let mut tcpdump = self.in_namespace("client", "tcpdump");
        tcpdump.args(["-i", &self.device, "-B", "16384", "-Z", "root", "-U", "-w", path(file), filter]);
        Some(Tcpdump(tcpdump.stderr(Stdio::null()).spawn().unwrap()))
    }

    fn live_on(&self, host: &str, options: &[&str]) -> Command {
        let mut command = ssmscope(&["live", "-i", &self.device, "--netns", &self.name(host)]);
        command.args(["--stall-after", "1"]).args(options);
        command
    }

    /// Captures on the client from now on; files are written with root's rights.
    fn watch(&self, options: &[&str]) -> Watch {
        self.watch_on("client", options)
    }

    fn watch_on(&self, host: &str, options: &[&str]) -> Watch {
        let mut command = self.live_on(host, options);
        if !options.contains(&"--user") {
            command.args(["--user", "root"]);
        }
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut watch = Watch { child, told: Vec::new() };
        watch.wait_for_start();
        watch
    }

    /// A TLS server; nothing where OpenSSL is not installed.
    fn tls_server(&self, port: u16) -> Option<Ended> {
        let [key, certificate] = ["key.pem", "certificate.pem"].map(|name| self.folder.path().join(name));
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=ssm.example"])
            .args(["-keyout", path(&key), "-out", path(&certificate)])
            .stderr(Stdio::null())
            .status();
        if !made.is_ok_and(|status| status.success()) {
            eprintln!("skipped: openssl is not installed");
            return None;
        }
        let mut server = self.in_namespace("server", "openssl");
        server.args([
            "s_server",
            "-quiet",
            "-www",
            "-accept",
            &port.to_string(),
            "-key",
            path(&key),
            "-cert",
        ]);
        let server = server.arg(&certificate).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        for _ in 0..50 {
            if self.within("server", || TcpStream::connect(("127.0.0.1", port)).is_ok()) {
                break;
            }
            self.run("server", &["ip", "link", "set", "lo", "up"]);
            thread::sleep(Duration::from_millis(50));
        }
        Some(Ended(server))
    }

    fn tls_client(&self, port: u16) {
        let mut client = self.in_namespace("client", "openssl");
        client.args(["s_client", "-quiet", "-connect", &format!("{SERVER}:{port}")]);
        let mut client =
            client.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        client.stdin.take().unwrap().write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
        client.wait().unwrap();
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for host in self.hosts {
            let _ = Command::new("ip").args(["netns", "del", &self.name(host)]).status();
        }
    }
}

/// A RST in the name of this Ethernet frame's receiver, with a TTL of its own and the form of a device without the socket.
fn reset_in_answer_to(frame: &[u8]) -> Vec<u8> {
    let (ip, tcp) = (&frame[14..34], &frame[34..54]);
    let mut reset = [&frame[6..12], &frame[0..6], &[8, 0]].concat();
    reset.extend([0x45, 0, 0, 40, 0, 0, 0x40, 0, 200, 6, 0, 0]);
    reset.extend([&ip[16..20], &ip[12..16]].concat());
    // The ports in turn, what is acknowledged as the sequence number, RST without ACK, no window.
    reset.extend([&tcp[2..4], &tcp[0..2], &tcp[8..12], &[0; 4], &[0x50, 4, 0, 0, 0, 0, 0, 0]].concat());
    let sum = |bytes: &[u8]| -> u32 {
        bytes.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum()
    };
    let folded = |sum: u32| !((sum & 0xffff) + (sum >> 16)) as u16;
    let header = folded(sum(&reset[14..34])).to_be_bytes();
    // The pseudo-header: both addresses, the protocol, the length.
    let segment = folded(sum(&reset[26..54]) + 6 + 20).to_be_bytes();
    reset[24..26].copy_from_slice(&header);
    reset[50..52].copy_from_slice(&segment);
    reset
}

/// The number before some words, without the commas in it.
fn grouped_number(text: &str, before: &str) -> u64 {
    let (head, _) = text.split_once(before).unwrap();
    let number = head.rsplit(' ').next().unwrap();
    number.replace(',', "").parse().unwrap()
}

/// A running tcpdump.
struct Tcpdump(Child);

impl Tcpdump {
    /// Ends it, and counts what it saved.
    fn count(mut self, file: &Path) -> u64 {
        kill(Pid::from_raw(self.0.id() as i32), Signal::SIGINT).unwrap();
        self.0.wait().unwrap();
        let read = ssmscope(&["read", "-o", "json", path(file)]).output().unwrap();
        let summary: Value = serde_json::from_str(text(&read.stdout).lines().last().unwrap()).unwrap();
        summary["packets"].as_u64().unwrap()
    }
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

/// A process that ends with its owner.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running capture.
struct Watch {
    child: Child,
    told: Vec<u8>,
}

impl Watch {
    fn wait_for_start(&mut self) {
        let mut told = Vec::new();
        let stderr = self.child.stderr.as_mut().unwrap();
        while !told.ends_with(b"\n") {
            let mut byte = [0];
            assert_eq!(stderr.read(&mut byte).unwrap(), 1, "{}", text(&told));
            told.push(byte[0]);
        }
        assert!(text(&told).contains("listening on"), "{}", text(&told));
    }

    /// What is told up to some words.
    fn read_until(&mut self, words: &str, most: Duration) -> String {
        let began = Instant::now();
        let stdout = self.child.stdout.as_mut().unwrap();
        while !text(&self.told).contains(words) {
            assert!(began.elapsed() < most, "no {words} in {}", text(&self.told));
            let mut bytes = [0; 4_000];
            let count = stdout.read(&mut bytes).unwrap();
            assert!(count > 0, "no {words} in {}", text(&self.told));
            self.told.extend(&bytes[..count]);
        }
        text(&self.told)
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).unwrap();
    }

    fn wait(self) -> Output {
        let Self { child, mut told } = self;
        let output = child.wait_with_output().unwrap();
        told.extend(&output.stdout);
        Output { stdout: told, ..output }
    }
}

/// A copy of the program, since nobody may not reach the build's folder.
fn copy_for_nobody() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir_in("/tmp").unwrap();
    let program = folder.path().join("ssmscope");
    fs::copy(env!("CARGO_BIN_EXE_ssmscope"), &program).unwrap();
    Command::new("chmod").args(["-R", "a+rx", path(folder.path())]).status().unwrap();
    (folder, program)
}

fn enter(namespace: &str) {
    let path = PathBuf::from("/run/netns").join(namespace);
    setns(File::open(path).unwrap(), CloneFlags::CLONE_NEWNET).unwrap();
}

/// The names in a folder, in order.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn ssmscope(options: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ssmscope"));
    command.env("TZ", "UTC").env("NO_COLOR", "1").args(options);
    command
}

fn verdicts(lines: &[u8]) -> Vec<String> {
    text(lines)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|object| object["type"] == "connection")
        .filter_map(|object| Some(object["verdict"]["code"].as_str()?.to_owned()))
        .collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}
