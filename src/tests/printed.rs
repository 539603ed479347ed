//! The recorded captures as other tools print them: with names in place of numbers, in the syntax of tcpdump 3.x, by Cisco's ASA,
//! Junos, FortiGate's sniffer, Check Point's fw monitor, snoop, and tshark. The verdicts are those of the captures, where these need no payload.
//!
//! tcpdump's own lines are rewritten, since the others are not at hand, and names would be asked for in DNS. Skipped with a printed
//! reason where tcpdump 4.99 or tshark is not installed.

use std::collections::HashMap;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::support::run::{has_tcpdump, path, run, tcpdump, text};
use crate::support::situations::{WITHOUT_PAYLOAD, situations};

/// The beginning of the names of further ones whose verdicts rest on flags, numbers and times alone.
const BY_FLAGS: &str = "closed-early/server-after";

/// Exceptions: how long a ClientHello should be, what a proxy's tunnel carries, which packet an error is about.
const NEEDS_MORE: [&str; 3] =
    ["client-silent/in-the-client-hello", "no-server-hello/behind-proxy", "unreachable/loop"];

/// Beginnings of the names of situations that need lengths, which FortiGate and fw monitor do not print.
const NEEDS_LENGTHS: [&str; 2] = ["no-server-hello/", "closed-early/"];

/// Captures that tshark prints, one for each code: it takes a while to start.
const BY_TSHARK: [&str; 5] = [
    "syn-no-reply/plain",
    "refused/plain",
    "tcp-handshake-incomplete/plain",
    "client-silent/plain",
    "no-server-hello/plain",
];

/// A segment in tcpdump's line.
#[derive(Clone, Copy)]
struct Segment<'a> {
    time: &'a str,
    source: &'a str,
    destination: &'a str,
    flags: &'a str,
    seq: Option<&'a str>,
    ack: Option<&'a str>,
    window: &'a str,
    options: Option<&'a str>,
    len: u32,
}

impl<'a> Segment<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (time, rest) = line.split_once(" IP ")?;
        let (source, rest) = rest.split_once(" > ")?;
        let (destination, rest) = rest.split_once(": Flags [")?;
        let (flags, rest) = rest.split_once(']')?;
        let field = |name: &str| Some(rest.split_once(name)?.1.split(',').next()?.trim());
        let options = rest.split_once("options [").and_then(|(_, options)| options.split_once(']'));
        let len = rest.rsplit_once("length ")?.1.split(':').next()?.parse().ok()?;
        Some(Self {
            time,
            source,
            destination,
            flags,
            seq: field(", seq "),
            ack: field(", ack "),
            window: field(", win ")?,
            options: options.map(|(options, _)| options),
            len,
        })
    }

    /// As tcpdump 3.x prints it after the time.
    fn old(&self) -> String {
        let letters = self.flags.trim_end_matches('.');
        let mut line = format!(
            "{} > {}: {}",
            self.source,
            self.destination,
            if letters.is_empty() { "." } else { letters }
        );
        if let Some(seq) = self.seq {
            let (begin, end) = seq.split_once(':').unwrap_or((seq, seq));
            write!(line, " {begin}:{end}({})", self.len).unwrap();
        }
        if let Some(ack) = self.ack {
            write!(line, " ack {ack}").unwrap();
        }
        write!(line, " win {}", self.window).unwrap();
        if let Some(options) = self.options {
            write!(line, " <{}>", options.replace("TS val", "timestamp").replace(" ecr", "")).unwrap();
        }
        line + " (DF)"
    }

    /// As FortiGate prints it after the time and the interface.
    fn fortigate(&self) -> String {
        let begin = self.seq.map(|seq| seq.split(':').next().unwrap_or(seq));
        let word = ["S", "F", "R", "P"].iter().zip(["syn", "fin", "rst", "psh"]);
        let mut words = String::new();
        for (_, word) in word.filter(|(letter, _)| self.flags.contains(**letter)).take(1) {
            write!(words, " {word} {}", begin.unwrap_or("0")).unwrap();
        }
        if let Some(ack) = self.ack {
            write!(words, " ack {ack}").unwrap();
        }
        format!("{} -> {}:{words}", self.source, self.destination)
    }

    /// The number that it begins with: `next` where its line shows none, which then is what follows it.
    fn begin(&self, next: &mut u32) -> u32 {
        let begin = self.seq.and_then(|seq| seq.split(':').next()?.parse().ok()).unwrap_or(*next);
        *next = begin.wrapping_add(self.len + u32::from(self.flags.contains(['S', 'F'])));
        begin
    }

    /// As snoop prints it after the time; `next` is the number that follows what its sender sent before.
    fn snoop(&self, next: &mut u32) -> String {
        let (source, source_port) = self.source.rsplit_once('.').unwrap();
        let (destination, destination_port) = self.destination.rsplit_once('.').unwrap();
        let mut line = format!("{source} -> {destination} TCP D={destination_port} S={source_port}");
        for (letter, word) in [('S', "Syn"), ('F', "Fin"), ('R', "Rst"), ('P', "Push")] {
            if self.flags.contains(letter) {
                write!(line, " {word}").unwrap();
            }
        }
        if let Some(ack) = self.ack {
            write!(line, " Ack={ack}").unwrap();
        }
        let begin = self.begin(next);
        write!(line, " Seq={begin} Len={} Win={}", self.len, self.window).unwrap();
        line
    }

    /// The two lines of fw monitor at this inspection point; the IP header's words are `ip`.
    fn fw_monitor(&self, ip: &str, point: char, seq: u32) -> String {
        let field = |name: &str| ip.split_once(name).unwrap().1.split([',', ')']).next().unwrap();
        let (id, len) = (field(" id "), field(", length "));
        let [(source, source_port), (destination, destination_port)] =
            [self.source, self.destination].map(|end| end.rsplit_once('.').unwrap());
        let flags: String =
            "FSRP.U".chars().map(|flag| if self.flags.contains(flag) { flag } else { '-' }).collect();
        let flags = flags.replace('.', "A").replace('-', ".");
        let ack = self.ack.map_or(0, |ack| ack.parse::<u32>().unwrap());
        format!(
            "[vs_0][fw_1] {} eth0:{point}[{len}]: {source} -> {destination} (TCP) len={len} id={id}\n\
             TCP: {source_port} -> {destination_port} {flags} seq={seq:08x} ack={ack:08x}\n",
            self.time,
        )
    }

    /// Microseconds since midnight.
    fn micros(&self) -> u64 {
        let (clock, micros) = self.time.split_once('.').unwrap();
        let number = |digits: &str| digits.parse::<u64>().unwrap();
        clock.split(':').fold(0, |sum, field| sum * 60 + number(field)) * 1_000_000 + number(micros)
    }
}

/// An ICMP error as tcpdump 3.x prints it; `None` if a line is not one.
fn old_error(line: &str) -> Option<String> {
    let (time, rest) = line.split_once(" IP ")?;
    let (ends, words) = rest.split_once(": ICMP ")?;
    Some(format!("{time} {ends}: icmp: {}", words.rsplit_once(", length ")?.0))
}

/// tcpdump's lines with names in place of numbers, as it prints them without `-n`.
fn named(lines: &str) -> String {
    let names = [
        ("192.0.2.10.", "client-7.example.net."),
        ("192.0.2.10:", "client-7.example.net:"),
        ("198.51.100.20.", "ssm.example.net."),
        ("198.51.100.20 ", "ssm.example.net "),
    ];
    let services = [
        (".8443:", ".pcsync-https:"),
        (".8443 ", ".pcsync-https "),
        (".443:", ".https:"),
        (".80 ", ".http "),
    ];
    names.iter().chain(&services).fold(lines.to_owned(), |text, (number, name)| text.replace(number, name))
}

fn old(lines: &str) -> String {
    let line = |line: &str| {
        let segment = Segment::parse(line).map(|segment| format!("{} {}", segment.time, segment.old()));
        segment.or_else(|| old_error(line)).unwrap_or_else(|| line.to_owned()) + "\n"
    };
    lines.lines().map(line).collect()
}

fn asa(lines: &str) -> String {
    let rows: Vec<_> = old(lines)
        .lines()
        .enumerate()
        .map(|(index, line)| {
            let (time, rest) = line.split_once(' ').unwrap();
            format!("{:4}: {time}       802.1Q vlan#20 P0 {} \n", index + 1, rest.trim_end_matches(" (DF)"))
        })
        .collect();
    format!(
        "asa# show capture outside\n\n{} packets captured\n\n{}{} packets shown\n",
        rows.len(),
        rows.concat(),
        rows.len()
    )
}

/// As Junos' `monitor traffic` prints what an old tcpdump does.
fn junos(lines: &str) -> String {
    let row = |line: &str| {
        let (time, rest) = line.split_once(' ').unwrap();
        format!("{time}  In IP {rest}\n")
    };
    let rows: String = old(lines).lines().map(row).collect();
    format!(
        "verbose output suppressed, use <detail> or <extensive> for full protocol decode\nListening on ge-0/0/1, capture size 96 bytes\n\n{rows}"
    )
}

/// As snoop prints `lines`, which have absolute numbers; `None` if one is no segment's.
fn snoop(lines: &str) -> Option<String> {
    let segments: Option<Vec<_>> = lines.lines().map(Segment::parse).collect();
    let segments = segments?;
    let begin = segments.first()?.micros();
    let mut next = HashMap::new();
    let rows = (1..).zip(&segments).map(|(number, segment)| {
        let micros = segment.micros() - begin;
        let words = segment.snoop(next.entry((segment.source, segment.destination)).or_default());
        format!("{number:3} {:3}.{:05}  {words}\n", micros / 1_000_000, micros % 1_000_000 / 10)
    });
    Some(rows.collect())
}

fn fortigate(lines: &str) -> Option<String> {
    let segments: Option<Vec<_>> = lines.lines().map(Segment::parse).collect();
    let segments = segments?;
    let begin = segments.first()?.micros();
    let rows = segments.iter().map(|segment| {
        let micros = segment.micros() - begin;
        format!("{}.{:06} port1 in {}\n", micros / 1_000_000, micros % 1_000_000, segment.fortigate())
    });
    Some(format!("interfaces=[any]\nfilters=[none]\n{}", rows.collect::<String>()))
}

/// As fw monitor prints `lines`, which are verbose and have absolute numbers; `None` if one is no segment's.
fn fw_monitor(lines: &str) -> Option<String> {
    let lines: Vec<&str> = lines.lines().collect();
    let mut text = "monitor: monitoring (control-C to stop)\n".to_owned();
    let mut next = HashMap::new();
    for pair in lines.chunks(2) {
        let [head, rest] = pair else { return None };
        let (time, ip) = head.split_once(" IP (")?;
        let line = format!("{time} IP {}", rest.trim());
        let segment = Segment::parse(&line)?;
        let seq = segment
            .begin(next.entry((segment.source.to_owned(), segment.destination.to_owned())).or_default());
        for point in ['i', 'I', 'o', 'O'] {
            text += &segment.fw_monitor(ip, point, seq);
        }
    }
    Some(text)
}

#[test]
fn what_other_tools_print_of_a_capture_has_its_verdicts() {
    if !has_tcpdump() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("session.txt");
    let codes = |text: &str| {
        fs::write(&file, text).unwrap();
        run(&["read", "-o", "json", path(&file)]).codes()
    };
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for (name, capture) in captures() {
        let expected = run(&["read", "-o", "json", path(&capture)]).codes();
        let lines = tcpdump(&["-nn"], &capture);
        let mut texts = vec![("with names", named(&lines))];
        if lines.lines().all(|line| Segment::parse(line).is_some() || old_error(line).is_some()) {
            texts.extend([("old", old(&lines)), ("ASA", asa(&lines)), ("Junos", junos(&lines))]);
        }
        let absolute = tcpdump(&["-nn", "-S"], &capture);
        texts.extend(snoop(&absolute).map(|text| ("snoop", text)));
        if !NEEDS_LENGTHS.iter().any(|prefix| name.starts_with(prefix)) {
            texts.extend(
                fw_monitor(&tcpdump(&["-nn", "-S", "-v"], &capture)).map(|text| ("fw monitor", text)),
            );
            texts.extend(fortigate(&absolute).map(|text| ("FortiGate", text)));
        }
        for (form, text) in texts {
            let found = codes(&text);
            if found != expected {
                wrong.push(format!("{name} {form}: {found:?}, not {expected:?}\n{text}"));
            }
            compared += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 120, "only {compared} compared");
}

#[test]
fn what_tshark_prints_of_a_capture_has_its_verdict() {
    let folder = tempfile::tempdir().unwrap();
    for (name, capture) in captures().into_iter().filter(|(name, _)| BY_TSHARK.contains(&name.as_str())) {
        let Ok(output) = Command::new("tshark").args(["-n", "-r"]).arg(&capture).output() else {
            return eprintln!("skipped: tshark is not installed");
        };
        let file = folder.path().join("rows.txt");
        fs::write(&file, &output.stdout).unwrap();
        let codes = |file| run(&["read", "-o", "json", path(file)]).codes();
        assert_eq!(codes(&file), codes(&capture), "{name}\n{}", text(&output.stdout));
    }
}

/// The situations' names and captures.
fn captures() -> Vec<(String, PathBuf)> {
    let is_chosen = |name: &str| {
        WITHOUT_PAYLOAD.iter().chain([&BY_FLAGS]).any(|prefix| name.starts_with(prefix))
            && !NEEDS_MORE.contains(&name)
    };
    let named = situations().into_iter().filter(|situation| is_chosen(&situation.name));
    named
        .filter_map(|situation| Some((situation.frames()?, situation.name)))
        .map(|(capture, name)| (name, capture))
        .collect()
}
