//! Every way into the program for bytes that somebody else chose, each as a function of such bytes.
//!
//! `src/tests/fuzz` gives them to a fuzzer, and the tests next to this file replay their seeds, mutations of those, and the
//! regressions under `testdata/hostile`. A target panics if the program does, or if it breaks a promise about its output.

use std::fmt;
use std::io::{self, Cursor, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use jiff::tz::TimeZone;
use serde_json::Value;
use ssmscope::analysis::{
    self, Bounds, CertificateSettings, Event, Judged, Needs, Settings, Sink, Summary, Watching,
};
use ssmscope::capture::transcript::Transcript;
use ssmscope::capture::{self, About, FileAbout, Frame, ReadError, Record, Source, Target};
use ssmscope::cert::{self, Anchors, Certificate, NameSource, Trust, VerificationTime, Wanted};
use ssmscope::decode::Decoder;
use ssmscope::log::tie::TieSettings;
use ssmscope::log::{self, AccessFormat, Exchange, Wire};
use ssmscope::packet::{
    Content, Flags, IpHeader, Origin, Packet, Segment, SegmentHeader, Seq, TcpHeader, TcpOptions,
};
use ssmscope::report::text::escape;
use ssmscope::report::{
    self, Detail, End, Form, MonitoringDigest, Occasion, Out, Provenance, Report, Sort, Style, Thresholds,
    tcpdump,
};
use ssmscope::time::{Clock, Elapsed, Timestamp};
use ssmscope::tls::CertificateMessage;
use ssmscope::{limits, probe};

/// A way in.
#[derive(Clone, Copy)]
pub struct Way {
    /// Its name, also of the fuzzer's program and of the folder of its regressions.
    pub name: &'static str,
    /// Takes the bytes.
    pub take: fn(&[u8]),
}

/// All of them.
pub const WAYS: [Way; 9] = [
    Way { name: "capture", take: capture },
    Way { name: "reader", take: reader },
    Way { name: "text", take: text },
    Way { name: "frames", take: frames },
    Way { name: "conversation", take: conversation },
    Way { name: "certificates", take: certificates },
    Way { name: "payload", take: payload },
    Way { name: "answer", take: answer },
    Way { name: "log", take: log },
];

/// Link types that are read, and some that are not: a frame has no `DLT_` number. Seeds name them by their places here, so a new one
/// comes last.
pub const LINK_TYPES: [u32; 25] = [
    0, 1, 9, 12, 14, 50, 51, 101, 104, 105, 108, 113, 119, 127, 147, 163, 192, 204, 228, 229, 239, 242, 276,
    10_000, 253,
];

/// A file, pcap, pcapng or text, through everything.
pub fn capture(bytes: &[u8]) {
    drop(Analysis::default().of_file(Cursor::new(bytes.to_vec())));
}

/// A file through its reader alone, which so gets through more of them.
pub fn reader(bytes: &[u8]) {
    let Ok(mut source) = capture::file::read("file", 0, Cursor::new(bytes.to_vec()), None) else { return };
    let (mut number, mut packets) = (0, 0);
    while let Ok(Some(record)) = source.next_record() {
        number += 1;
        packets += 1;
        match record {
            Record::Frame(frame) => assert_eq!(frame.number, number),
            Record::Printed(packet) => assert_eq!(packet.number, number),
            // A file that this program wrote says when its capture ended.
            Record::Idle(_) => (number, packets) = (number - 1, packets - 1),
            Record::NextCapture => (number, packets) = (0, packets - 1),
        }
    }
    assert_eq!(source.about().files.iter().map(|file| file.packets).sum::<u64>(), packets);
}

/// Packets as text, whatever the text begins with.
pub fn text(bytes: &[u8]) {
    let mut transcript = Transcript::new("text".to_owned(), 3, bytes);
    let (mut number, mut packets) = (0, 0);
    while let Some(record) = transcript.next_record().expect("bytes in memory can be read") {
        number += 1;
        packets += 1;
        match record {
            Record::Frame(frame) => assert_eq!(frame.number, number),
            Record::Printed(packet) => {
                assert_eq!(packet.number, number);
                // Every name that a packet refers to can be shown.
                for host in packet.content.hosts() {
                    assert!(host.address().is_some() || packet.names.get(host).is_some());
                }
            }
            Record::Idle(_) => panic!("text in memory never waits"),
            Record::NextCapture => (number, packets) = (0, packets - 1),
        }
    }
    assert_eq!(transcript.about().files.iter().map(|file| file.packets).sum::<u64>(), packets);
}

/// Frames, each after its place among the link types, its length in two bytes and what it lacks of its length on the wire: decoded and
/// printed as tcpdump does.
pub fn frames(bytes: &[u8]) {
    let mut decoder = Decoder::new();
    let mut printers = [false, true].map(printer);
    let mut rest = bytes;
    let mut number = 0;
    while let Some(([link_type, high, low, cut], after)) = rest.split_first_chunk::<4>() {
        let len = usize::from(u16::from_be_bytes([*high, *low])).min(after.len());
        let (frame, after) = after.split_at(len);
        rest = after;
        number += 1;
        let packet = decoder.decode(&Frame {
            number,
            origin: Origin { file: 0, number },
            at: Timestamp::from_parts(number as i64, 0),
            link_type: LINK_TYPES[usize::from(*link_type) % LINK_TYPES.len()],
            wire_len: frame.len() as u32 + u32::from(*cut),
            bytes: frame,
        });
        print(&mut printers, &packet);
    }
}

/// One connection's segments, whatever flags, numbers, times and payload they have: each begins with the sender's bit and
/// flags, a pause, how far its sequence number leaps and its acknowledgement, and the payload's length in two bytes.
pub fn conversation(bytes: &[u8]) {
    /// Ports of what may precede TLS, and of what tcpdump prints.
    const PORTS: [u16; 16] =
        [443, 8443, 25, 143, 110, 21, 389, 5222, 5432, 1080, 3128, 80, 22, 43, 554, 40_000];
    let Some((first, rest)) = bytes.split_first() else { return };
    let segments = Segments {
        rest: rest.to_vec(),
        place: 0,
        port: PORTS[usize::from(first & 15)],
        is_v6: first & 16 != 0,
        number: 0,
        at: Timestamp::from_parts(1_700_000_000, 0),
        next: [Seq(1_000), Seq(u32::MAX - 5_000)],
        header: header(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0, IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
    };
    let analysis = Analysis {
        watching: if first & 32 == 0 { Watching::Never } else { Watching::Always },
        ..Analysis::default()
    };
    analysis.of(&mut { segments });
}

/// A Certificate message's chain, each certificate after its length in two bytes: read, checked and printed.
pub fn certificates(bytes: &[u8]) {
    let mut chain = Vec::new();
    let mut rest = bytes;
    while let Some(([high, low], after)) = rest.split_first_chunk::<2>() {
        let (der, after) = after.split_at(usize::from(u16::from_be_bytes([*high, *low])).min(after.len()));
        rest = after;
        chain.push(der.to_vec());
    }
    for der in &chain {
        let certificate = Certificate::read(der);
        if let Some(details) = &certificate.details {
            assert!(details.names.len() <= ssmscope::limits::CERTIFICATE_NAMES);
        }
    }
    let anchors = Anchors::new("ca.pem", true, chain.get(1..).unwrap_or_default());
    let when = VerificationTime::of(Timestamp::from_parts(1_800_000_000, 0), Clock::Utc);
    let wanted = Wanted { name: "ssm.example".to_owned(), source: NameSource::Option };
    let message = CertificateMessage { len: bytes.len() as u32, chain, further: 0, is_whole: true };
    let examination = cert::examine(&message, Some(wanted), when, Some(&anchors));
    for fault in &examination.faults {
        let _ = (fault.code(), fault.sentence(when), fault.reported(), fault.remedy());
    }
}

/// One segment's payload, printed as tcpdump prints text protocols, by the port in the first two bytes.
pub fn payload(bytes: &[u8]) {
    let Some(([high, low, flags], text)) = bytes.split_first_chunk::<3>() else { return };
    let address = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10));
    let mut header = header(address, 50_000, address, u16::from_be_bytes([*high, *low]));
    header.tcp.flags = Some(Flags(*flags));
    header.payload_len = Some(text.len() as u32);
    let mut printers = [false, true].map(printer);
    let captured = [text, text.get(..text.len() / 2).unwrap_or_default()];
    for (number, payload) in captured.into_iter().enumerate() {
        let content = Content::Segment(Segment { header: &header, payload, printed: &[], decoded: "" });
        print(&mut printers, &packet(number as u64 + 1, Timestamp::ZERO, content));
    }
}

/// A resolver's answer to an active check.
pub fn answer(bytes: &[u8]) {
    if let Some((addresses, name)) = probe::answered(bytes) {
        assert!(addresses.len() <= limits::ADDRESSES);
        // A name of 255 bytes, each written as an escape of four at most (RFC 1035, 2.3.4 and 5.1).
        assert!(name.is_none_or(|name| name.len() <= 4 * 255));
    }
}

/// A log, read in the usual formats and in one of its own, and tied to a connection.
pub fn log(bytes: &[u8]) {
    let at = |seconds: i64| Timestamp::from_parts(1_673_608_500 + seconds, 0);
    let format =
        AccessFormat::new("$remote_addr:$remote_port [$time_iso8601] \"$request\" $status $request_time");
    let settings = log::LogSettings {
        formats: format.into_iter().collect(),
        near: Some(at(0)),
        window: Some((at(0), at(600))),
        ..log::LogSettings::default()
    };
    let Ok(logs) = log::read_stream("log", Cursor::new(bytes.to_vec()), &settings) else { return };
    for line in logs.attempts.iter().flat_map(|attempt| &attempt.lines).chain(&logs.lines) {
        // What covers a secret may be longer than the secret.
        assert!(line.text.raw().len() <= 8 * limits::LOG_TEXT_BYTES);
    }
    assert!(logs.files.iter().all(|file| file.placed <= file.lines));
    let socket = |text: &str| text.parse().expect("an address");
    let exchange =
        Exchange::complete(socket("10.66.76.81:57886"), socket("10.106.66.55:8443"), at(120), at(121));
    for clock in [Clock::Utc, Clock::TimeOfDay, Clock::SinceFirst] {
        let span = (at(0), at(600));
        let wire = Wire { clock, span, exchanges: vec![exchange.clone()], ..Wire::default() };
        let ties = log::tie(&logs, &wire, &TieSettings::default());
        for untied in &ties.untied {
            assert!(!untied.reasons.is_empty(), "{:?}", logs.attempts[untied.attempt]);
            let _ = untied.reasons.iter().map(ToString::to_string).collect::<Vec<_>>();
        }
    }
}

/// How a capture is analysed.
#[derive(Clone)]
pub struct Analysis {
    pub target: Target,
    pub watching: Watching,
    pub keeps_timeline: bool,
    pub is_verbose: bool,
    pub shows_all: bool,
    pub trust: Trust,
}

/// The first and the last line of JSON: the first connection, if there is one, and the summary.
#[derive(Default)]
pub struct ReportEnds {
    pub first: Value,
    pub summary: Value,
}

impl Default for Analysis {
    fn default() -> Self {
        Self {
            target: Target::new(&[], &[], None).expect("no selection"),
            watching: Watching::Never,
            keeps_timeline: true,
            is_verbose: true,
            shows_all: true,
            trust: Trust::default(),
        }
    }
}

impl Analysis {
    /// The JSON about a file, or why it is no capture.
    pub fn of_file(&self, file: impl Read + 'static) -> Result<ReportEnds, ReadError> {
        let mut source = capture::file::read("file", 0, file, None)?;
        Ok(self.of(&mut *source))
    }

    /// Reads a source to its end, and writes every report about it.
    pub fn of(&self, source: &mut dyn Source) -> ReportEnds {
        let about = source.about();
        if self.target.check(&about).is_err() {
            return ReportEnds::default();
        }
        let mut json = Checked::new(Text::Json);
        let style = Style {
            zone: TimeZone::UTC,
            verbosity: if self.is_verbose { 2 } else { 0 },
            detail: if self.shows_all { Detail::All } else { Detail::Examples },
            is_ascii: false,
            is_east_asian: false,
            language: None,
            sort: Sort::Worst,
            columns: 100,
        };
        let settings = Settings {
            keeps_timeline: self.keeps_timeline,
            keeps_samples: self.keeps_timeline,
            watching: self.watching,
            certificates: CertificateSettings { wanted: None, trust: self.trust.clone() },
            ..Settings::default()
        };
        let mut reports = Reports::open(&about, &style, &settings.bounds, &mut json);
        let summary = analysis::analyse(source, self.target.clone(), &settings, &mut reports)
            .expect("nothing but memory is written");
        assert_eq!(summary.connections, reports.judged);
        assert_eq!(summary.severities.values().sum::<u64>(), reports.judged);
        reports.finish(&summary).expect("nothing but memory is written");
        let [first, summary] = json.ends.map(|line| serde_json::from_str(&line).expect("JSON"));
        ReportEnds { first, summary }
    }
}

/// Every report at once.
struct Reports<'a> {
    judged: u64,
    printers: [tcpdump::Printer; 2],
    digest: MonitoringDigest,
    all: Vec<Box<dyn Report + 'a>>,
}

impl<'a> Reports<'a> {
    /// As if the capture were two files, so that each packet has the name of its own.
    fn open(about: &About, style: &Style, bounds: &Bounds, json: &'a mut Checked) -> Self {
        let is_text = about.files.iter().any(|file| file.is_text);
        let file = |name: &str| FileAbout { name: name.to_owned(), is_text, ..FileAbout::default() };
        let about = About { files: vec![file("a"), file("b")], ..about.clone() };
        let checked = |text| -> Box<dyn Write + Send> { Box::new(Checked::new(text)) };
        let open = |form, occasion| {
            let text = match form {
                Form::Timeline | Form::Table | Form::Markdown => Text::Terminal,
                Form::Json | Form::Flat(_) => Text::Json,
                Form::Nagios => Text::Plugin,
                Form::Prometheus | Form::Html => Text::Plain,
                Form::Tcpdump => Text::Packets,
            };
            report::open(form, Out { plain: checked(text), styled: checked(text) }, style.clone(), occasion)
        };
        let provenance = Provenance::default();
        let read = Occasion::Read(&about, bounds, &provenance);
        let mut all: Vec<Box<dyn Report + 'a>> = Vec::new();
        all.extend(Form::ALL.into_iter().filter(|form| *form != Form::Json).map(|form| open(form, read)));
        all.push(open(Form::Timeline, Occasion::Live(&about, None)));
        all.push(open(Form::Timeline, Occasion::Live(&about, Some(Elapsed::from_millis(1_000)))));
        all.push(open(Form::Timeline, Occasion::Follow(&about, bounds)));
        let out = Out { plain: Box::new(json), styled: checked(Text::Json) };
        all.push(report::open(Form::Json, out, style.clone(), read));
        Self { judged: 0, printers: [false, true].map(printer), digest: MonitoringDigest::default(), all }
    }

    fn finish(self, summary: &Summary) -> io::Result<()> {
        let thresholds = Thresholds::default();
        let end = End {
            summary,
            unopened: &[],
            check: None,
            digest: &self.digest,
            thresholds: &thresholds,
            target: Some("198.51.100.20:8443"),
            selected: None,
            provenance: &Provenance::default(),
        };
        self.all.into_iter().try_for_each(|report| report.finish(&end))
    }
}

impl Sink for Reports<'_> {
    fn needs(&self) -> Needs {
        Needs::ALL
    }

    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        if let Event::Packet(packet) = event {
            print(&mut self.printers, packet);
        }
        self.all.iter_mut().try_for_each(|report| report.event(event))
    }

    fn connection(&mut self, judged: Judged) -> io::Result<()> {
        assert!(!judged.verdict.headline.is_empty() && !judged.verdict.explanation.is_empty());
        self.judged += 1;
        self.digest.record(&judged);
        self.all.iter_mut().try_for_each(|report| report.connection(judged.clone()))
    }
}

/// What a report may contain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Text {
    /// Text, packets and the styles of [`anstyle`].
    Terminal,
    /// Packets alone.
    Packets,
    /// A JSON object on each line.
    Json,
    /// The status with performance data after a `|`, and lines without one.
    Plugin,
    /// Text.
    Plain,
}

/// Takes a report's lines and forgets them, unless one holds what must not reach its reader.
struct Checked {
    text: Text,
    line: Vec<u8>,
    lines: u64,
    /// The first line and the last one.
    ends: [String; 2],
}

impl Checked {
    fn new(text: Text) -> Self {
        Self { text, line: Vec::new(), lines: 0, ends: Default::default() }
    }

    fn check(&mut self) {
        let line = std::str::from_utf8(&self.line).expect("reports are UTF-8");
        let text = if self.text == Text::Terminal { without_styles(line) } else { line.to_owned() };
        // tcpdump indents with tabs.
        let shows_packets = matches!(self.text, Text::Terminal | Text::Packets);
        let is_allowed = |letter| escape::is_safe(letter) || (shows_packets && letter == '\t');
        assert!(text.chars().all(is_allowed), "not escaped: {line:?}");
        match self.text {
            Text::Json => {
                drop(serde_json::from_str::<Value>(line).expect("JSON"));
                if self.lines == 0 {
                    self.ends[0].clone_from(&text);
                }
                self.ends[1] = text;
            }
            Text::Plugin => {
                assert_eq!(line.matches('|').count(), usize::from(self.lines == 0), "{line}");
            }
            Text::Terminal | Text::Packets | Text::Plain => {}
        }
    }
}

/// Without the escape sequences that begin and end a style (ECMA-48, 8.3.117).
fn without_styles(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|character: char| !character.is_ascii_digit() && character != ';');
        match end.map(|end| part.split_at(end)) {
            Some((_, rest)) if rest.starts_with('m') => text.push_str(&rest[1..]),
            _ => text.push('\u{1b}'),
        }
    }
    text
}

impl Write for Checked {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for byte in bytes {
            if *byte == b'\n' {
                self.check();
                self.line.clear();
                self.lines += 1;
            } else {
                self.line.push(*byte);
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Write for Checked {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.write_all(text.as_bytes()).map_err(|_| fmt::Error)
    }
}

/// Segments of one connection, made from bytes.
struct Segments {
    rest: Vec<u8>,
    place: usize,
    port: u16,
    is_v6: bool,
    number: u64,
    at: Timestamp,
    /// What the client and the server would send next.
    next: [Seq; 2],
    /// The header of the segment that was made last.
    header: SegmentHeader,
}

impl Source for Segments {
    fn next_record(&mut self) -> Result<Option<Record<'_>>, ReadError> {
        let Some(([flags, pause, leap, ack, high, low], after)) =
            self.rest.get(self.place..).unwrap_or_default().split_first_chunk::<6>()
        else {
            return Ok(None);
        };
        let len = usize::from(u16::from_be_bytes([*high & 0x3f, *low]));
        let payload = after.get(..len).unwrap_or(after);
        self.place += 6 + payload.len();
        self.number += 1;
        // From nothing to a month, and back.
        let nanos = match pause & 0xc0 {
            0 => i64::from(*pause) * 1_000_000,
            0x40 => i64::from(pause & 0x3f) * 1_000_000_000,
            0x80 => i64::from(pause & 0x3f) * 43_200_000_000_000,
            _ => -i64::from(pause & 0x3f) * 1_000_000_000,
        };
        self.at += Elapsed::from_nanos(nanos);
        let from = usize::from(flags >> 7);
        let [client, server] = if self.is_v6 {
            [1, 2].map(|last| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last)))
        } else {
            [IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10)), IpAddr::V4(Ipv4Addr::new(198, 51, 100, 20))]
        };
        let mut header = match from {
            0 => header(client, 50_000, server, self.port),
            _ => header(server, self.port, client, 50_000),
        };
        let flags = Flags(flags & 0x7f);
        let leap = match leap {
            // Usually right after what was sent.
            0..128 => 0,
            // Over a hole, or back over what was sent.
            128..192 => u32::from(leap - 128) * 700,
            192..250 => (u32::from(leap - 192) * 700).wrapping_neg(),
            // Far off.
            _ => u32::from(*leap) << 24,
        };
        let seq = self.next[from] + leap;
        let is_cut = *high & 0x40 != 0;
        let is_printed = *high & 0x80 != 0;
        let wire_len = payload.len() as u32 + if is_cut { u32::from(*low) } else { 0 };
        header.tcp.seq = Some(seq);
        header.tcp.ack =
            flags.ack().then(|| self.next[1 - from] + u32::from(*ack & 0x7f) * 700 * u32::from(*ack >> 7));
        header.tcp.flags = Some(flags);
        header.tcp.window = Some(u16::from(*ack) << 4);
        header.payload_len = Some(wire_len);
        if leap == 0 {
            self.next[from] = seq + wire_len + u32::from(flags.syn()) + u32::from(flags.fin());
        }
        self.header = header;
        let header = &self.header;
        let segment = if let (true, Ok(decoded)) = (is_printed, std::str::from_utf8(payload)) {
            // What another tool decoded begins with its protocol's name.
            let printed = if decoded.starts_with("TLS") { &[] } else { payload };
            Segment { header, payload: &[], printed, decoded }
        } else if is_printed {
            Segment { header, payload: &[], printed: payload, decoded: "" }
        } else {
            Segment { header, payload, printed: &[], decoded: "" }
        };
        Ok(Some(Record::Printed(packet(self.number, self.at, Content::Segment(segment)))))
    }

    fn about(&self) -> About {
        About { digits: 6, ..About::default() }
    }

    fn progress(&self) -> (u64, Option<u64>) {
        (self.place as u64, Some(self.rest.len() as u64))
    }
}

fn packet(number: u64, at: Timestamp, content: Content<'_>) -> Packet<'_> {
    Packet::new(number, at, content)
}

fn header(source: IpAddr, source_port: u16, destination: IpAddr, destination_port: u16) -> SegmentHeader {
    let tcp = TcpHeader {
        header_len: Some(20),
        options: Some(TcpOptions::default()),
        ..TcpHeader::between(source_port, destination_port)
    };
    SegmentHeader { ip: IpHeader::between(source, destination), tcp, payload_len: None }
}

fn printer(is_verbose: bool) -> tcpdump::Printer {
    let zone = TimeZone::UTC;
    tcpdump::Printer::new(tcpdump::LineStyle {
        is_verbose,
        is_text: false,
        clock: Clock::Utc,
        digits: 6,
        zone,
    })
}

/// Prints a packet as tcpdump does, with and without `-vv`.
fn print(printers: &mut [tcpdump::Printer; 2], packet: &Packet<'_>) {
    for printer in printers {
        printer.print(packet, &mut Checked::new(Text::Packets)).expect("nothing but memory is written");
    }
}
