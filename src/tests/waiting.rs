//! Captures that are still being written: pipes whose writer pauses, and files that grow.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::run::{Outcome, spawn, ssmscope, text};
use crate::support::situations::capture;

/// A ClientHello that is never answered, as tcpdump prints it on vManage.
const TEXT: &str = "\
tcpdump: listening on eth0, link-type EN10MB (Ethernet), capture size 128 bytes
12:15:06.407513 IP 192.168.10.1.57886 > 10.106.66.55.8443: Flags [S], seq 100, win 64240, options [mss 1460], length 0
12:15:06.408513 IP 10.106.66.55.8443 > 192.168.10.1.57886: Flags [S.], seq 900, ack 101, win 65160, options [mss 1460], length 0
12:15:06.408613 IP 192.168.10.1.57886 > 10.106.66.55.8443: Flags [.], ack 1, win 502, length 0
12:15:06.409513 IP 192.168.10.1.57886 > 10.106.66.55.8443: Flags [P.], seq 1:518, ack 1, win 502, length 517
12:15:06.410513 IP 10.106.66.55.8443 > 192.168.10.1.57886: Flags [.], ack 518, win 501, length 0
";

#[test]
fn a_pipe_without_pauses_is_read_as_a_file() {
    for situation in ["healthy/plain", "refused/plain", "handshake-stalled/plain", "transcript/vmanage"] {
        let capture = capture(situation);
        for form in ["timeline", "json", "table", "tcpdump"] {
            let options = ["read", "-o", form, "-"];
            let from_file = Outcome::of(ssmscope(&options).stdin(File::open(&capture).unwrap()));
            let piped = Outcome::fed(&mut ssmscope(&options), &fs::read(&capture).unwrap());
            assert_eq!((piped.out, piped.status), (from_file.out, from_file.status), "{situation} {form}");
        }
    }
}

#[test]
fn each_capture_of_a_text_counts_its_own_packets_from_a_file_and_from_a_pipe() {
    let text = format!("On the client:\n\n{TEXT}\nOn the server:\n\n{TEXT}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("both.txt");
    fs::write(&file, &text).unwrap();
    let options = ["read", "-o", "json", "-"];
    let from_file = Outcome::of(ssmscope(&options).stdin(File::open(&file).unwrap()));
    let piped = Outcome::fed(&mut ssmscope(&options), text.as_bytes());
    assert_eq!((&piped.out, piped.status), (&from_file.out, from_file.status));
    let connections: Vec<_> =
        piped.objects().into_iter().filter(|object| object["type"] == "connection").collect();
    let parts: Vec<_> = connections
        .iter()
        .map(|connection| {
            ["part", "id", "first_packet", "last_packet"].map(|name| connection[name].as_u64().unwrap())
        })
        .collect();
    assert_eq!(parts, [[1, 1, 1, 5], [2, 2, 1, 5]]);
    assert_eq!(connections[0]["verdict"]["evidence"], connections[1]["verdict"]["evidence"]);
}

#[test]
fn a_silence_in_piped_text_is_reported_before_the_pipe_ends() {
    let mut reading = spawn(&mut ssmscope(&["read", "--stall-after", "1", "-"]));
    let mut pipe = reading.stdin.take().unwrap();
    pipe.write_all(TEXT.as_bytes()).unwrap();
    let printed = read_until(&mut reading, "FAIL no-server-hello");
    // The last packet is printed although no line follows that shows it to be whole.
    assert!(printed.contains("ClientHello"), "{printed}");
    assert!(printed.contains("s of silence, waiting for the ServerHello since 12:15:06.409513"), "{printed}");
    drop(pipe);
    assert_eq!(reading.wait().unwrap().code(), Some(2));
}

#[test]
fn packets_alone_are_printed_as_they_come_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("growing");
    fs::write(&file, TEXT).unwrap();
    let options = ["read", "--follow", "-o", "tcpdump", file.to_str().unwrap()];
    let mut reading = spawn(&mut ssmscope(&options));
    let printed = read_until(&mut reading, "ack 518, win 501");
    assert!(
        printed.starts_with("12:15:06.407513 IP 192.168.10.1.57886 > 10.106.66.55.8443: Flags [S], seq 100,"),
        "{printed}"
    );
    kill(Pid::from_raw(reading.id() as i32), Signal::SIGINT).unwrap();
    assert_eq!(reading.wait().unwrap().code(), Some(3), "too early to tell");
}

#[test]
fn a_growing_file_is_followed_until_it_is_stopped() {
    let bytes = fs::read(capture("refused/plain")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("growing");
    // Cut within the last packet.
    let (first, rest) = bytes.split_at(bytes.len() - 30);
    fs::write(&file, first).unwrap();
    let options = ["read", "--follow", file.to_str().unwrap()];
    let mut reading = spawn(&mut ssmscope(&options));
    read_until(&mut reading, "[S] ──");
    OpenOptions::new().append(true).open(&file).unwrap().write_all(rest).unwrap();
    read_until(&mut reading, "FAIL refused");
    kill(Pid::from_raw(reading.id() as i32), Signal::SIGINT).unwrap();
    let began = Instant::now();
    assert_eq!(reading.wait().unwrap().code(), Some(2));
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[test]
fn a_pause_between_a_packet_s_two_lines_does_not_tear_it() {
    let mut reading = spawn(&mut ssmscope(&["read", "-o", "json", "-"]));
    let mut pipe = reading.stdin.take().unwrap();
    for piece in [
        "12:15:06.407513 IP (tos 0x0, ttl 64, id 1, offset 0, flags [DF], proto TCP (6), length 60)\n",
        "    192.168.10.1.57886 > 10.106.66.55.8443: Flags [S], cksum 0x1 (correct), seq 10",
        "0, win 64240, options [mss 1460], length 0\n",
        "12:15:06.507513 IP (tos 0x0, ttl 60, id 0, offset 0, flags [DF], proto TCP (6), length 40)\n",
        "    10.106.66.55.8443 > 192.168.10.1.57886: Flags [R.], cksum 0x1 (correct), seq 0, ack 101, win 0, length 0\n",
    ] {
        pipe.write_all(piece.as_bytes()).unwrap();
        thread::sleep(Duration::from_millis(450));
    }
    drop(pipe);
    let Outcome { status, out: printed, .. } = reading.wait_with_output().unwrap().into();
    let lines: Vec<_> = printed.lines().collect();
    assert!(lines[lines.len() - 2].contains(r#""code":"refused""#), "{printed}");
    assert!(lines[lines.len() - 1].contains(r#""packets":2"#), "{printed}");
    assert_eq!(status, 2);
}

#[test]
fn a_file_that_is_replaced_or_emptied_is_followed_on() {
    let bytes = fs::read(capture("refused/plain")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("growing");
    fs::write(&file, &bytes).unwrap();
    let options = ["read", "--follow", "-o", "json", file.to_str().unwrap()];
    let mut reading = spawn(&mut ssmscope(&options));
    read_until(&mut reading, "refused");
    fs::rename(&file, folder.path().join("old")).unwrap();
    thread::sleep(Duration::from_millis(100));
    fs::write(&file, fs::read(capture("tls-alert/plain")).unwrap()).unwrap();
    read_until(&mut reading, "tls-alert");
    fs::write(&file, "").unwrap();
    thread::sleep(Duration::from_millis(600));
    fs::write(&file, fs::read(capture("closed-early/plain")).unwrap()).unwrap();
    read_until(&mut reading, "closed-early");
    kill(Pid::from_raw(reading.id() as i32), Signal::SIGINT).unwrap();
    let printed = Outcome::from(reading.wait_with_output().unwrap()).out;
    assert_eq!(printed.matches("growing was emptied or replaced after packet ").count(), 2, "{printed}");
}

#[test]
fn what_a_writer_prints_last_is_read_after_the_interrupt() {
    let mut reading = spawn(&mut ssmscope(&["read", "-o", "json", "-"]));
    let mut pipe = reading.stdin.take().unwrap();
    pipe.write_all(TEXT.as_bytes()).unwrap();
    thread::sleep(Duration::from_millis(800));
    kill(Pid::from_raw(reading.id() as i32), Signal::SIGINT).unwrap();
    thread::sleep(Duration::from_millis(200));
    pipe.write_all(b"\n5 packets captured\n9 packets received by filter\n4 packets dropped by kernel\n")
        .unwrap();
    drop(pipe);
    let printed = Outcome::from(reading.wait_with_output().unwrap()).out;
    assert!(printed.contains(r#""dropped":4"#), "{printed}");
}

/// Reads until these words are printed, for five seconds at most.
fn read_until(reading: &mut Child, words: &str) -> String {
    let began = Instant::now();
    let mut printed = String::new();
    let output = reading.stdout.as_mut().unwrap();
    let mut bytes = [0; 4_096];
    while !printed.contains(words) {
        assert!(began.elapsed() < Duration::from_secs(5), "no {words} in {printed}");
        let count = output.read(&mut bytes).unwrap();
        assert!(count > 0, "no {words} in {printed}");
        printed.push_str(&text(&bytes[..count]));
        thread::sleep(Duration::from_millis(10));
    }
    printed
}
