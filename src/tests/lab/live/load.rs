//! Much traffic: dropped packets, packets counted against tcpdump, and memory over many connections, for nine seconds or for
//! `LOAD_SECONDS`.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::{HELLO, watch};
use crate::support::lab::{CLIENT, Lab, SERVER, Tcpdump};
use crate::support::run::{path, run};

const FILTER: &str = "tcp port 9000";

#[test]
fn a_silence_after_dropped_packets_is_no_stall() {
    let Some(lab) = Lab::new() else { return };
    let watch = watch(&lab, &["-B", "64", "-o", "json"]);
    let listener = lab.within("server", || TcpListener::bind((SERVER, 8443)).unwrap());
    // The kernel's buffer overflows between the handshake and the hello.
    watch.signal(Signal::SIGSTOP);
    let (_client, _server) = lab.within("client", || {
        let mut client = TcpStream::connect((SERVER, 8443)).unwrap();
        let socket = UdpSocket::bind((CLIENT, 0)).unwrap();
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
    let outcome = watch.wait();
    assert!(!outcome.out.contains(r#""severity":"critical""#), "{}", outcome.out);
    assert_eq!(outcome.codes(), ["capture-gap"]);
    assert_ne!(outcome.summary()["dropped"], 0);
}

#[test]
fn as_many_packets_are_saved_as_tcpdump_saves_and_none_is_dropped() {
    let Some(lab) = Lab::new() else { return };
    let [ours, theirs] = ["ours.pcapng", "theirs.pcap"].map(|name| lab.folder.path().join(name));
    let Some(tcpdump) = lab.tcpdump(&["-B", "16384", FILTER], &theirs) else { return };
    let watch = watch(&lab, &["--filter", FILTER, "-w", path(&ours), "-o", "json", "--idle-exit", "2"]);
    thread::sleep(Duration::from_millis(500));
    let listener = lab.within("server", || TcpListener::bind((SERVER, 9000)).unwrap());
    let reader = thread::spawn(move || {
        let (mut peer, _) = listener.accept().unwrap();
        std::io::copy(&mut peer, &mut std::io::sink()).unwrap();
    });
    let mut stream = lab.within("client", || TcpStream::connect((SERVER, 9000)).unwrap());
    let block = vec![7; 64 * 1024];
    for _ in 0..400 {
        stream.write_all(&block).unwrap();
        thread::sleep(Duration::from_millis(2));
    }
    drop(stream);
    reader.join().unwrap();
    let outcome = watch.wait();
    let summary = outcome.summary();
    assert_eq!(summary["dropped"], 0);
    assert_eq!(summary["packets"], count(tcpdump, &theirs));
    assert!(summary["packets"].as_u64().unwrap() > 400);
}

#[test]
fn many_connections_leave_no_memory_in_use_and_no_packet_out() {
    let Some(lab) = Lab::new() else { return };
    let seconds = std::env::var("LOAD_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(9);
    let theirs = lab.folder.path().join("theirs.pcap");
    let Some(tcpdump) = lab.tcpdump(&["-B", "16384", FILTER], &theirs) else { return };
    let options = ["--filter", FILTER, "--quiet-healthy", "--interval", "2", "--idle-exit", "2"];
    let watch = watch(&lab, &options);
    thread::sleep(Duration::from_millis(500));
    let listener = lab.within("server", || TcpListener::bind((SERVER, 9000)).unwrap());
    thread::spawn(move || {
        for mut peer in listener.incoming().flatten() {
            let mut request = [0; 16];
            if peer.read_exact(&mut request).is_err() {
                return;
            }
            let _ = peer.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        }
    });
    let process = format!("/proc/{}/status", watch.process.id());
    let resident = || -> u64 {
        let status = fs::read_to_string(&process).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    };
    let (connections, early) = lab.within("client", || {
        let began = Instant::now();
        let (mut connections, mut early) = (0u64, 0);
        while began.elapsed() < Duration::from_secs(seconds) {
            let mut stream = TcpStream::connect((SERVER, 9000)).unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\n").unwrap();
            let _ = stream.read_to_end(&mut Vec::new());
            connections += 1;
            if early == 0 && began.elapsed() >= Duration::from_secs(seconds / 3) {
                early = resident();
            }
            thread::sleep(Duration::from_millis(2));
        }
        (connections, early)
    });
    let late = resident();
    let printed = watch.wait().out;
    let counted = count(tcpdump, &theirs);
    assert!(connections > 500, "{connections} connections");
    assert!(printed.contains("plaintext") && !printed.contains("dropped"), "{printed}");
    assert_eq!(grouped_number(&printed, " packets\n"), counted, "{printed}");
    assert!(printed.matches("in the last 2.").count() >= 3, "{printed}");
    // Connections that were just closed, and what is remembered for their late packets; not the earlier ones.
    assert!(late < early + 4 * 1024, "{early} KiB, then {late} KiB");
}

/// Ends tcpdump, and counts the packets that it saved.
fn count(tcpdump: Tcpdump, file: &Path) -> u64 {
    tcpdump.end();
    run(&["read", "-o", "json", path(file)]).summary()["packets"].as_u64().unwrap()
}

/// The number before these words, without the commas in it.
fn grouped_number(text: &str, before: &str) -> u64 {
    let (head, _) = text.split_once(before).unwrap();
    let number = head.rsplit(' ').next().unwrap();
    number.replace(',', "").parse().unwrap()
}
