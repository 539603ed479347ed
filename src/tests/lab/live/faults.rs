//! Faults that hosts and a router bring about, each with its verdict while the capture runs.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::{HELLO, LATE, NO_SERVER, Peers, STALL, request_over_tls, send_alert, serve_tls, watch, watch_on};
use crate::peers;
use crate::support::lab::{BEHIND, CLIENT, Lab, SERVER};
use crate::support::run::{path, run};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\n\r\n";
const CONNECT: &[u8] = b"CONNECT ssm.example:8443 HTTP/1.1\r\nHost: ssm.example:8443\r\n\r\n";

fn accept_plain(peer: TcpStream) {
    peers::answer(peer, b"HTTP/1.1 200 OK\r\n\r\n");
}

fn refuse_tls(peer: TcpStream) {
    peers::answer(peer, b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
}

fn refuse_tunnel(peer: TcpStream) {
    peers::answer(peer, b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
}

fn close(peer: TcpStream) {
    peers::answer(peer, b"");
}

#[test]
fn each_fault_has_its_verdict_within_a_second_of_being_certain() {
    let Some(lab) = Lab::new() else { return };
    lab.within("server", || fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap());
    lab.run("server", &["ip", "route", "add", "prohibit", "10.9.1.0/24"]);
    let faults = [
        ("refused", SERVER, 8443, NO_SERVER),
        ("unreachable", BEHIND, 8443, NO_SERVER),
        ("client-silent", SERVER, 8443, Peers::new(peers::read_and_wait, b"")),
        ("no-server-hello", SERVER, 8443, Peers::new(peers::read_and_wait, &HELLO)),
        ("closed-early", SERVER, 8443, Peers::new(close, &HELLO)),
        ("reset", SERVER, 8443, Peers::new(peers::close_unread, &HELLO)),
        ("tls-alert", SERVER, 8443, Peers::new(send_alert, &HELLO)),
        ("not-tls", SERVER, 8443, Peers::new(refuse_tls, &HELLO)),
        ("handshake-stalled", SERVER, 8443, Peers::new(peers::begin_and_wait, &HELLO)),
        ("proxy-refused", SERVER, 3128, Peers::new(refuse_tunnel, CONNECT)),
        ("no-response", SERVER, 9000, Peers::new(peers::read_and_wait, REQUEST)),
        ("plaintext", SERVER, 9001, Peers::new(accept_plain, REQUEST)),
    ];
    for (code, host, port, peers) in faults {
        let saved = lab.folder.path().join(format!("{code}.pcapng"));
        let options = ["--host", host, "--port", &port.to_string(), "--until", "verdict", "-o", "json"];
        let watch = watch(&lab, &[&options[..], &["-w", path(&saved)]].concat());
        let began = Instant::now();
        peers.play(&lab, host, port);
        let outcome = watch.wait();
        let took = began.elapsed().as_secs_f64();
        assert_eq!(first_judged(&outcome.codes()), code, "{}", outcome.error);
        assert!(took < STALL + LATE, "{code} took {took} s");
        // The saved file has the same verdict, but for a silence that no packet ends: the file ends before it.
        let read = run(&["read", "--stall-after", "1", "-o", "json", path(&saved)]).codes();
        let up_to_the_silence = match code {
            "client-silent" | "no-server-hello" | "handshake-stalled" | "no-response" => "in-progress",
            other => other,
        };
        assert!(
            [code, up_to_the_silence].contains(&first_judged(&read)),
            "{code} live, {read:?} from the file"
        );
    }
}

/// The first verdict that is not on the last packets of the previous fault.
fn first_judged(codes: &[String]) -> &str {
    codes.iter().map(String::as_str).find(|code| *code != "midstream").unwrap_or_default()
}

#[test]
fn each_fault_of_a_router_has_its_verdict_and_cause() {
    let Some(lab) = Lab::with_router() else { return };
    for (kind, port, code, cause) in [
        ("blackhole", 8440, "syn-no-reply", None),
        ("prohibit", 8441, "unreachable", Some("icmp-admin-prohibited")),
        ("unreachable", 8442, "unreachable", Some("icmp-host-unreachable")),
        ("throw", 8443, "unreachable", Some("icmp-net-unreachable")),
    ] {
        let route = [kind, &format!("{BEHIND}/32")];
        lab.run("router", &[&["ip", "route", "add"][..], &route].concat());
        expect_failure(&lab, "client", port, (code, cause), || NO_SERVER.play(&lab, BEHIND, port));
        lab.run("router", &[&["ip", "route", "del"][..], &route].concat());
    }
    // The return path ends at the router: the server's answer is captured, and never acknowledged.
    lab.run("router", &["ip", "route", "add", "blackhole", &format!("{CLIENT}/32")]);
    expect_failure(&lab, "server", 8444, ("tcp-handshake-incomplete", None), || {
        Peers::new(peers::read_and_wait, b"").play(&lab, BEHIND, 8444);
    });
}

#[test]
fn large_packets_that_are_lost_on_the_path_are_distinguished_from_a_server_that_hangs() {
    let Some(lab) = Lab::with_router() else { return };
    // The far end of a wire drops what is larger than its own MTU, and sends no ICMP error.
    for host in ["client", "server"] {
        lab.run(host, &["ip", "link", "set", &lab.device, "gso_max_segs", "1"]);
    }
    lab.run("router", &["ip", "link", "set", &lab.far_device(), "mtu", "1000"]);
    expect_failure(&lab, "server", 8443, ("handshake-stalled", Some("server-flight-lost")), || {
        Peers::new(send_large_flight, &HELLO).play(&lab, BEHIND, 8443);
    });
    lab.run("router", &["ip", "link", "set", &lab.device, "mtu", "1000"]);
    expect_failure(&lab, "client", 8444, ("no-server-hello", Some("client-hello-lost")), || {
        Peers::new(peers::read_and_wait, &LARGE_HELLO).play(&lab, BEHIND, 8444);
    });
}

#[test]
fn a_reset_that_the_router_sends_in_the_server_s_name_is_distinguished_from_the_server_s() {
    let Some(lab) = Lab::with_router() else { return };
    expect_failure(&lab, "client", 8443, ("reset", Some("rst-injected")), || {
        inject_reset(&lab);
        Peers::new(peers::read_and_wait, &HELLO).play(&lab, BEHIND, 8443);
    });
}

#[test]
fn a_slow_server_is_a_warning_and_no_failure() {
    let Some(lab) = Lab::new() else { return };
    let Some(_server) = serve_tls(&lab, 8443) else { return };
    let listener = lab.within("server", || TcpListener::bind((SERVER, 8444)).unwrap());
    lab.start("server", move || {
        let (near, _) = listener.accept().unwrap();
        thread::sleep(Duration::from_millis(600));
        let far = TcpStream::connect(("127.0.0.1", 8443)).unwrap();
        let (mut from, mut to) = (near.try_clone().unwrap(), far.try_clone().unwrap());
        thread::spawn(move || std::io::copy(&mut from, &mut to));
        let _ = std::io::copy(&mut { far }, &mut { near });
    });
    let options = ["--tls-port", "8444", "--slow-after", "500ms", "--until", "healthy", "-o", "json"];
    let watch = watch(&lab, &options);
    request_over_tls(&lab, 8444);
    let outcome = watch.wait();
    assert_eq!(outcome.codes(), ["slow"], "{}", outcome.error);
    assert_eq!(outcome.status, 1);
}

#[test]
fn what_cannot_be_judged_yet_is_no_failure_when_the_capture_ends() {
    let Some(lab) = Lab::new() else { return };
    let listener = lab.within("server", || TcpListener::bind((SERVER, 8443)).unwrap());
    let mut stream = lab.within("client", || TcpStream::connect((SERVER, 8443)).unwrap());
    let (mut peer, _) = listener.accept().unwrap();
    let watch = watch(&lab, &["-o", "json"]);
    peer.write_all(&[23, 3, 3, 0, 5, 1, 2, 3, 4, 5]).unwrap();
    let _ = stream.read(&mut [0; 100]).unwrap();
    lab.run("server", &["ip", "route", "add", "blackhole", &format!("{CLIENT}/32")]);
    NO_SERVER.play(&lab, SERVER, 8444);
    thread::sleep(Duration::from_millis(300));
    // The last packets before the end are part of the capture.
    stream.write_all(&[23, 3, 3, 0, 1, 1]).unwrap();
    watch.signal(Signal::SIGTERM);
    let outcome = watch.wait();
    assert_eq!(outcome.codes(), ["midstream", "in-progress"], "{}", outcome.error);
    assert!(outcome.out.contains(r#""bytes":6"#), "{}", outcome.out);
    assert_eq!(outcome.status, 3);
}

/// Captures on a host while a fault is played, and expects its verdict and cause in time.
fn expect_failure(lab: &Lab, host: &str, port: u16, expected: (&str, Option<&str>), play: impl FnOnce()) {
    let options = ["--host", BEHIND, "--port", &port.to_string(), "--until", "failure", "-o", "json"];
    let watch = watch_on(lab, host, &options);
    let began = Instant::now();
    play();
    let outcome = watch.wait();
    let took = began.elapsed().as_secs_f64();
    let connection = outcome.connections().pop().unwrap();
    let verdict = &connection["verdict"];
    assert_eq!((verdict["code"].as_str().unwrap(), verdict["cause"].as_str()), expected, "{}", outcome.out);
    assert!(took < STALL + LATE, "{expected:?} took {took} s");
    assert_eq!(outcome.status, 2);
}

/// The rest of the flight follows the ServerHello in one large segment.
fn send_large_flight(mut peer: TcpStream) {
    peers::send_server_hello(&mut peer);
    thread::sleep(Duration::from_millis(100));
    let mut flight = vec![22, 3, 3, 4, 0xb0, 11, 0, 4, 0xac];
    flight.resize(1_205, 0);
    let _ = peer.write_all(&flight);
    peers::wait();
}

/// The ClientHello with a padding extension (RFC 7685) of 1,160 bytes.
static LARGE_HELLO: [u8; 1_216] = {
    let mut hello = [0; 1_216];
    let mut index = 0;
    while index < HELLO.len() {
        hello[index] = HELLO[index];
        index += 1;
    }
    // Lengths of the record, the message, the extensions and the only one of them: 0x15, padding.
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

/// The router resets the first connection that carries data, in the server's name.
fn inject_reset(lab: &Lab) {
    let mut capture = lab.within("router", || {
        let capture = pcap::Capture::from_device(lab.device.as_str()).unwrap();
        let mut capture = capture.immediate_mode(true).open().unwrap();
        capture.filter("tcp dst port 8443 and tcp[tcpflags] & tcp-push != 0", true).unwrap();
        capture
    });
    thread::spawn(move || {
        let hello = capture.next_packet().unwrap().data.to_vec();
        capture.sendpacket(reset_in_answer_to(&hello)).unwrap();
    });
}

/// A RST in the name of this Ethernet frame's receiver, with a TTL of its own and the form of a host without the socket.
fn reset_in_answer_to(frame: &[u8]) -> Vec<u8> {
    let (ip, tcp) = (&frame[14..34], &frame[34..54]);
    let mut reset = [&frame[6..12], &frame[0..6], &[8, 0]].concat();
    reset.extend([0x45, 0, 0, 40, 0, 0, 0x40, 0, 200, 6, 0, 0]);
    reset.extend([&ip[16..20], &ip[12..16]].concat());
    // The ports exchanged, the acknowledgement as the sequence number, RST without ACK, no window.
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
