use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::support::run::{Outcome, path, run, ssmscope};
use crate::support::situations::capture;

const CLIENT: [u8; 4] = [10, 66, 76, 81];
const RESOLVER: [u8; 4] = [10, 0, 0, 2];
const SSM: [u8; 4] = [10, 106, 66, 55];

/// Frames of an Ethernet capture, one each second.
#[derive(Default)]
struct Frames(Vec<Vec<u8>>);

impl Frames {
    /// A DNS message about `ssm.lab.example`, with these flags and no records.
    fn dns(mut self, id: u16, flags: u16) -> Self {
        let is_answer = flags & 0x8000 != 0;
        let mut message = [id, flags, 1, 0, 0, 0].map(u16::to_be_bytes).concat();
        message.extend(b"\x03ssm\x03lab\x07example\0\0\x01\0\x01");
        let (ends, ports) =
            if is_answer { ([RESOLVER, CLIENT], [53, 40_000]) } else { ([CLIENT, RESOLVER], [40_000, 53]) };
        let mut udp: Vec<u8> = ports.into_iter().flat_map(u16::to_be_bytes).collect();
        udp.extend((8 + message.len() as u16).to_be_bytes());
        udp.extend([0, 0]);
        udp.extend(message);
        let mut ip = vec![0x45, 0];
        ip.extend((20 + udp.len() as u16).to_be_bytes());
        ip.extend([0, 1, 0, 0, 64, 17, 0, 0]);
        ip.extend(ends.concat());
        self.0.push([&[2; 12][..], &[8, 0], &ip, &udp].concat());
        self
    }

    /// Who has this address?
    fn arp(mut self, target: [u8; 4]) -> Self {
        let message = [&[0, 1, 8, 0, 6, 4, 0, 1][..], &[2; 6], &CLIENT, &[0; 6], &target].concat();
        self.0.push([&[0xff; 6][..], &[2; 6], &[8, 6], &message].concat());
        self
    }

    /// The same question or answer over TCP, with this address in an answer, and a segment's numbers before it.
    fn dns_over_tcp(mut self, is_answer: bool) -> Self {
        let flags: u16 = if is_answer { 0x8180 } else { 0x0100 };
        let mut message = [9, flags, 1, u16::from(is_answer), 0, 0].map(u16::to_be_bytes).concat();
        message.extend(b"\x03ssm\x03lab\x07example\0\0\x01\0\x01");
        if is_answer {
            message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
            message.extend(SSM);
        }
        let payload = [&(message.len() as u16).to_be_bytes()[..], &message].concat();
        let (ends, ports) =
            if is_answer { ([RESOLVER, CLIENT], [53, 40_001]) } else { ([CLIENT, RESOLVER], [40_001, 53]) };
        self.0.push(tcp(ends, ports, 0x18, &payload));
        self
    }

    fn syn(mut self) -> Self {
        self.0.push(tcp([CLIENT, SSM], [50_000, 8443], 2, &[]));
        self
    }

    fn write(&self, folder: &TempDir) -> PathBuf {
        let mut file = [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 262_144, 1].map(u32::to_le_bytes).concat();
        for (second, frame) in (1_700_000_000_u32..).zip(&self.0) {
            file.extend([second, 0, frame.len() as u32, frame.len() as u32].map(u32::to_le_bytes).concat());
            file.extend(frame);
        }
        let path = folder.path().join("lookups.pcap");
        fs::write(&path, file).expect("a file");
        path
    }
}

/// A TCP segment with these flags.
fn tcp(ends: [[u8; 4]; 2], ports: [u16; 2], flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut segment: Vec<u8> = ports.into_iter().flat_map(u16::to_be_bytes).collect();
    segment.extend([0, 0, 0, 1, 0, 0, 0, 1, 0x50, flags, 1, 0, 0, 0, 0, 0]);
    segment.extend(payload);
    let mut ip = vec![0x45, 0];
    ip.extend((20 + segment.len() as u16).to_be_bytes());
    ip.extend([0, 1, 0, 0, 64, 6, 0, 0]);
    ip.extend(ends.concat());
    [&[2; 12][..], &[8, 0], &ip, &segment].concat()
}

/// A capture in which a name is asked for that does not exist.
pub fn unknown_name(folder: &TempDir) -> PathBuf {
    Frames::default().dns(7, QUESTION).dns(7, NXDOMAIN).write(folder)
}

const QUESTION: u16 = 0x0100;
const NXDOMAIN: u16 = 0x8183;

#[test]
fn a_name_that_is_unknown_is_the_answer_where_no_connection_began() {
    let folder = TempDir::new().expect("a folder");
    let capture = unknown_name(&folder);
    let read = run(&["read", path(&capture)]);
    assert_eq!(read.status, 2, "{read:?}");
    assert!(read.out.contains("name-unknown: ssm.lab.example does not exist"), "{}", read.out);
    assert!(read.out.contains("10.66.76.81 asked once"), "{}", read.out);

    let json = run(&["read", "-o", "json", path(&capture)]);
    let [lookup] = json.objects_of("lookup").try_into().expect("one object");
    assert_eq!(json.status, 2);
    for (field, value) in [("code", "name-unknown"), ("severity", "critical"), ("name", "ssm.lab.example")] {
        assert_eq!(lookup[field], value, "{lookup}");
    }
    assert_eq!((&lookup["client"], &lookup["resolver"]), (&"10.66.76.81".into(), &"10.0.0.2".into()));
    assert_eq!((&lookup["evidence"], &lookup["ip"]), (&serde_json::json!([1, 2]), &serde_json::Value::Null));
    assert_eq!(lookup["start"], "2023-11-14T22:13:20.000000Z");

    let nagios = run(&["read", "-o", "nagios", path(&capture)]);
    assert!(nagios.first_line().starts_with("SSMSCOPE CRITICAL - name-unknown: "), "{nagios:?}");
    let metrics = run(&["read", "-o", "prometheus", path(&capture)]).out;
    assert!(metrics.contains("ssmscope_state{reason=\"name-unknown\"} 1"), "{metrics}");
}

#[test]
fn a_lookup_over_tcp_is_the_first_row_of_the_connection() {
    let folder = TempDir::new().expect("a folder");
    let frames = Frames::default().dns_over_tcp(false).dns_over_tcp(true).syn().syn().syn().syn().syn();
    let capture = frames.write(&folder);
    for selection in [&[][..], &["--host", "10.106.66.55"]] {
        let read = run(&[&["read", "--connection", "1"], selection, &[path(&capture)]].concat()).out;
        let all = run(&[&["read", "--all"], selection, &[path(&capture)]].concat()).out;
        assert!(all.contains("ssm.lab.example is 10.106.66.55"), "{read}\n{all}");
    }
    let anew = folder.path().join("anew.pcapng");
    let redacted = run(&["read", "--redact", "--only", "syn-no-reply", "-w", path(&anew), path(&capture)]);
    assert_eq!(run(&["read", "-o", "json", path(&anew)]).codes(), ["syn-no-reply"], "{redacted:?}");
    let bytes = fs::read(&anew).expect("a file");
    assert!(!bytes.windows(4).any(|four| four == SSM || four == CLIENT));
}

#[test]
fn a_host_is_selected_by_the_name_that_the_capture_has_for_it() {
    let folder = TempDir::new().expect("a folder");
    let answered = Frames::default().dns_over_tcp(false).dns_over_tcp(true).syn().syn().write(&folder);
    let by_answer = run(&["read", "-o", "json", "--host", "SSM.lab.example:8443", path(&answered)]);
    assert_eq!(by_answer.connections().len(), 1, "{by_answer:?}");
    assert_eq!(by_answer.connections()[0]["server"]["ip"], "10.106.66.55", "{by_answer:?}");
    let reused = capture("tcp/port-reuse");
    let by_sni = run(&["read", "-o", "json", "--host", "ssm.example", &reused]);
    assert_eq!(by_sni.connections().len(), run(&["read", "-o", "json", &reused]).connections().len());
    let asked = unknown_name(&folder);
    let unanswered = run(&["read", "--host", "ssm.lab.example", path(&asked)]);
    assert!(unanswered.status == 2 && unanswered.out.contains("name-unknown"), "{unanswered:?}");
    // The resolver was not asked.
    for read in [by_answer, by_sni, unanswered] {
        assert_eq!(read.error, "");
    }
}

#[test]
fn neighbors_that_are_silent_are_one_line() {
    let folder = TempDir::new().expect("a folder");
    let mut frames = Frames::default().syn();
    for last in 1..=20 {
        frames = frames.arp([10, 66, 76, last]);
    }
    let read = run(&["read", path(&frames.write(&folder))]);
    let lines = read.out.lines().filter(|line| line.contains("ARP") || line.contains("10.66.76.1,")).count();
    assert!(lines <= 2, "{}", read.out);
    assert!(
        read.out.contains("10.66.76.1, 10.66.76.2, 10.66.76.3 and 17 more hosts: 20 requests, no"),
        "{}",
        read.out
    );
}

#[test]
fn where_nothing_can_be_judged_the_report_says_why() {
    let [one, other] = [capture("midstream/plain"), capture("in-progress/plain")];
    let read = run(&["read", &one, &other]);
    assert!(read.first_line().starts_with("UNSURE"), "{}", read.out);
    assert!(read.out.lines().any(|line| line.starts_with("Why ")), "{}", read.out);
    assert!(read.out.lines().any(|line| line.starts_with("Next ")), "{}", read.out);
}

#[test]
fn what_is_not_about_the_selected_host_only_counts_as_information() {
    let folder = TempDir::new().expect("a folder");
    let capture = unknown_name(&folder);
    let selected = run(&["read", "-o", "json", "--host", "10.106.66.55", path(&capture)]);
    assert_eq!((selected.status, &selected.objects_of("lookup")[0]["severity"]), (3, &"info".into()));
}

#[test]
fn a_silent_neighbor_is_the_answer_where_it_was_selected() {
    let folder = TempDir::new().expect("a folder");
    let capture = Frames::default().arp(SSM).arp(SSM).arp(SSM).write(&folder);
    let read = run(&["read", "--host", "10.106.66.55", path(&capture)]);
    assert_eq!(read.status, 2, "{read:?}");
    assert!(read.out.contains("neighbor-silent: no reply to ARP for 10.106.66.55"), "{}", read.out);
    let json = run(&["read", "-o", "json", "--host", "10.106.66.55", path(&capture)]);
    let [lookup] = json.objects_of("lookup").try_into().expect("one object");
    assert_eq!((&lookup["ip"], &lookup["evidence"]), (&"10.106.66.55".into(), &serde_json::json!([1, 3])));
}

#[test]
fn a_host_of_a_text_is_selected_by_its_name() {
    let syn = |server: &str| {
        format!("12:00:00.000000 IP vmanage.5000 > {server}.8443: Flags [S], seq 1, win 100, length 0\n")
    };
    let pasted = syn("ssm-.lab") + &syn("other-.lab");
    for selection in [["--host", "SSM-.lab"], ["--host", "ssm-.lab:8443"]] {
        let arguments = [&["read", "-o", "json"][..], &selection, &["-"]].concat();
        let read = Outcome::fed(&mut ssmscope(&arguments), pasted.as_bytes());
        let servers: Vec<_> = read.connections().iter().map(|one| one["server"]["name"].clone()).collect();
        assert_eq!(servers, ["ssm-.lab"], "{read:?}");
    }
    let refused = run(&["read", "--host", "ssm-.lab", &capture("healthy/plain")]);
    assert_eq!(refused.status, 3);
    assert!(refused.error.contains("--host ssm-.lab: no address is known for that name"), "{refused:?}");
}
