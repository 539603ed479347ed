//! Floods: much of one thing. What a packet or a line costs must not grow with how many of its kind came before.
//!
//! Each kind is made in two sizes, the larger four times the smaller, and is analysed on one thread, whose processor time is measured.
//! `FLOOD_MEGABYTES=100 cargo test --release --test hostile floods -- --nocapture` makes floods of 10 and 100 MB, and prints what each kind
//! costs; `FLOOD=name` chooses those with this in their names.

mod connections;
mod files;
mod lower;
mod texts;
mod upper;

use std::io::{self, Read};
use std::net::SocketAddr;
use std::time::Duration;

use jiff::tz::TimeZone;
use ssmscope::analysis::{self, Event, Judged, Needs, Settings, Sink};
use ssmscope::capture::file;
use ssmscope::log::{self, tie::TieSettings};
use ssmscope::report::{
    self, Detail, End, Form, MonitoringDigest, Occasion, Out, Provenance, Report, Sort, Style, Thresholds,
};

use ssmscope::time::{Clock, Elapsed, Timestamp};

use super::made::{self, made};
use super::*;

/// A kind of flood.
struct Flood {
    name: &'static str,
    /// What the file begins with.
    head: fn() -> Vec<u8>,
    /// One packet, line or group of them, by its number.
    part: fn(u32) -> Vec<u8>,
    /// Parts of the smaller flood, where no other size is asked for: few where each is much work.
    count: u32,
    way: Way,
}

impl Flood {
    /// What a number of parts is in work. Each attempt is compared with each connection, up to `limits::LOG_PAIRS`.
    fn work(&self, count: u32) -> f64 {
        f64::from(count) * if self.way == Way::Ties { f64::from(count) / f64::from(self.count) } else { 1.0 }
    }
}

/// What reads a flood.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Capture,
    Log,
    /// A log whose attempts are tied to connections, of which one comes each quarter of a second and there is one for five lines.
    Ties,
}

/// Parts of a usual flood that an unoptimised program takes in a tenth of a second or so.
const MANY: u32 = 1_000;
/// Parts that are full of records, headers or names.
const SOME: u32 = 150;

const fn flood(name: &'static str, head: fn() -> Vec<u8>, count: u32, part: fn(u32) -> Vec<u8>) -> Flood {
    Flood { name, head, part, count, way: Way::Capture }
}

/// How many times larger the larger flood is, and how much more each part of it may cost. Work that grows with the square would cost
/// four times, or ten times, as much. What is kept up to a bound costs more until the bound is reached.
struct Scale {
    times: u32,
    most: f64,
}

const SHORT: Scale = Scale { times: 4, most: 1.5 };
const LONG: Scale = Scale { times: 10, most: 1.3 };

/// How often a kind may cost too much before it fails: other programs make caches cold.
const ATTEMPTS: usize = 6;

#[test]
fn no_flood_costs_more_per_packet_the_longer_it_is() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let kinds: Vec<&'static Flood> =
        [connections::KINDS, lower::KINDS, upper::KINDS, files::KINDS, texts::KINDS]
            .into_iter()
            .flatten()
            .collect();
    assert!(kinds.len() >= 40);
    let chosen = std::env::var("FLOOD").unwrap_or_default();
    let mut failures = Vec::new();
    for flood in kinds.into_iter().filter(|flood| flood.name.contains(&chosen)) {
        let (small, scale) = match setting("FLOOD_MEGABYTES") {
            Some(megabytes) => (parts_of(flood, megabytes * 1_000_000) / LONG.times, LONG),
            None => (parts_in(flood, LEAST_TIME), SHORT),
        };
        let mut measured = growth(flood, small, &scale);
        if measured.is_growing(&scale) {
            // Work that grows with the square does so at any size; what the machine's caches hold ends somewhere.
            measured = growth(flood, small * scale.times, &scale);
        }
        let Growth { small, each, .. } = measured;
        let [least, most] = each.map(|seconds| seconds * 1e6);
        println!(
            "{:5.2}  {least:8.2} us each of {small:7}, then {most:8.2} us  {}",
            most / least,
            flood.name
        );
        if measured.is_growing(&scale) {
            let large = small * scale.times;
            failures
                .push(format!("{}: {least:.2} us each of {small}, {most:.2} us each of {large}", flood.name));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// How a flood's cost for each part grows from this many parts on: the least of several attempts, in seconds.
struct Growth {
    small: u32,
    best: f64,
    each: [f64; 2],
    longest: f64,
}

impl Growth {
    /// What is too little to be measured has not grown.
    fn is_growing(&self, scale: &Scale) -> bool {
        self.longest > 2.0 * LEAST_TIME && self.best > scale.most
    }
}

fn growth(flood: &'static Flood, small: u32, scale: &Scale) -> Growth {
    let sizes = [FEW.min(small / 2), small, small * scale.times];
    let mut least = Growth { small, best: f64::INFINITY, each: [0.0; 2], longest: 0.0 };
    // The sizes are compared within one attempt, since the machine may be faster in another.
    for _ in 0..ATTEMPTS {
        let times = sizes.map(|count| seconds(flood, count));
        // What a reading costs at its beginning is no part's.
        let each = [1, 2].map(|size| (times[size] - times[0]).max(0.0) / flood.work(sizes[size] - sizes[0]));
        let best = each[1] / each[0];
        if best < least.best || least.best.is_infinite() {
            least = Growth { small, best, each, longest: times[2] };
        }
        if !least.is_growing(scale) {
            break;
        }
    }
    least
}

/// Parts of which a reading is measured for what it costs at its beginning.
const FEW: u32 = 16;

/// How long the smaller flood takes at least, so that it can be measured, in seconds.
const LEAST_TIME: f64 = 0.01;

/// How many parts take this time, but not more than some megabytes of them.
fn parts_in(flood: &'static Flood, least: f64) -> u32 {
    let mut count = flood.count;
    while count < 16 * flood.count && seconds(flood, count) < least {
        count *= 2;
    }
    count
}

/// How many parts make this many bytes.
fn parts_of(flood: &Flood, bytes: u64) -> u32 {
    const SAMPLE: u32 = 64;
    let sampled: usize = (0..SAMPLE).map(|number| (flood.part)(number).len()).sum();
    let parts = bytes * u64::from(SAMPLE) / (sampled as u64).max(1);
    u32::try_from(parts).unwrap_or(u32::MAX).max(LONG.times)
}

/// How long the processor reads a flood, in seconds. Making it is not counted.
fn seconds(flood: &'static Flood, count: u32) -> f64 {
    let is_long = setting("FLOOD_MEGABYTES").is_some();
    let file: Box<dyn Read + Send> = if is_long {
        Box::new(made(&(flood.head)(), count, flood.part))
    } else {
        Box::new(Cursor::new(whole(flood, count)))
    };
    let making = if is_long { made_in(flood, count) } else { Duration::ZERO };
    let ((), elapsed, _) = measured(|| match flood.way {
        Way::Capture => analyse_file(file),
        Way::Log => drop(read_log(file)),
        Way::Ties => tie(&read_log(file), count / 5),
    });
    elapsed.saturating_sub(making).as_secs_f64()
}

fn whole(flood: &Flood, count: u32) -> Vec<u8> {
    let mut bytes = (flood.head)();
    (0..count).for_each(|number| bytes.extend((flood.part)(number)));
    bytes
}

/// How long it takes to make the parts.
fn made_in(flood: &Flood, count: u32) -> Duration {
    let mut file = made(&(flood.head)(), count, flood.part);
    measured(|| io::copy(&mut file, &mut io::sink()).expect("it is made")).1
}

fn read_log(file: Box<dyn Read + Send>) -> log::Logs {
    log::read_stream("log", file, &log::LogSettings::default()).expect("it is read")
}

/// Compares a log's attempts with connections.
fn tie(logs: &log::Logs, count: u32) {
    let begin = Timestamp::from_parts(1_673_608_500, 0);
    let at = |millis: u32| begin + Elapsed::from_millis(i64::from(millis));
    let exchange = |number: u32| {
        let client = SocketAddr::from(([10, 106, 66, 1], ports(number)[0]));
        let server = SocketAddr::from(([10, 106, 66, 55], TLS));
        log::Exchange::complete(client, server, at(number * 250), at(number * 250 + 100))
    };
    let exchanges = (0..count).map(exchange).collect();
    let wire =
        log::Wire { clock: Clock::Utc, span: (at(0), at(count * 250)), exchanges, ..log::Wire::default() };
    log::tie(logs, &wire, &TieSettings::default());
    // At a known offset, each attempt gets its connection.
    let zone = Elapsed::from_millis(19_800_000);
    log::tie(logs, &wire, &TieSettings { offsets: vec![(None, zone)], ..TieSettings::default() });
}

/// What `read` does, with a timeline and JSON.
fn analyse_file(file: Box<dyn Read + Send>) {
    let mut source = file::read("file", 0, file, None).expect("a capture");
    let settings = Settings { keeps_timeline: true, ..Settings::default() };
    let about = source.about();
    let provenance = Provenance::default();
    let style = Style {
        zone: TimeZone::UTC,
        verbosity: 0,
        detail: Detail::All,
        is_ascii: false,
        is_east_asian: false,
        language: None,
        sort: Sort::Worst,
        columns: 100,
    };
    let out = || Out { plain: Box::new(io::sink()), styled: Box::new(io::sink()) };
    let open = |form| {
        report::open(form, out(), style.clone(), Occasion::Read(&about, &settings.bounds, &provenance))
    };
    let mut both =
        Both { reports: [Form::Timeline, Form::Json].map(open), digest: MonitoringDigest::default() };
    let everything = Target::new(&[], &[], None).expect("no selection");
    let summary =
        analysis::analyse(source.as_mut(), everything, &settings, &mut both).expect("nothing is written");
    let thresholds = Thresholds::default();
    let end = End {
        summary: &summary,
        unopened: &[],
        check: None,
        digest: &both.digest,
        thresholds: &thresholds,
        target: None,
        selected: None,
        provenance: &provenance,
    };
    for report in both.reports {
        report.finish(&end).expect("nothing is written");
    }
}

/// Two reports and what monitoring needs.
struct Both<'r> {
    reports: [Box<dyn Report + 'r>; 2],
    digest: MonitoringDigest,
}

impl Sink for Both<'_> {
    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        self.reports.iter_mut().try_for_each(|report| report.event(event))
    }

    fn connection(&mut self, judged: Judged) -> io::Result<()> {
        self.digest.record(&judged);
        self.reports.iter_mut().try_for_each(|report| report.connection(judged.clone()))
    }

    fn needs(&self) -> Needs {
        self.reports.iter().map(|report| report.needs()).fold(Needs::VERDICTS, |all, needs| all | needs)
    }
}

// ---- what floods are made of ----

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const PSH: u8 = 8;
const ACK: u8 = 16;

/// The port of the client's only connection.
const PORT: u16 = 50_000;
const TLS: u16 = 8443;

/// A record of a pcap file, a millisecond after the one before.
fn record(number: u32, frame: &[u8]) -> Vec<u8> {
    let len = frame.len() as u32;
    let header = [1_700_000_000 + number / 1_000, number % 1_000 * 1_000, len, len];
    header.into_iter().flat_map(u32::to_le_bytes).chain(frame.iter().copied()).collect()
}

fn raw() -> Vec<u8> {
    made::pcap(made::RAW)
}

fn ethernet() -> Vec<u8> {
    made::pcap(made::ETHERNET)
}

/// An IPv4 packet from the client or to it, whole or as a fragment.
fn ip(is_reply: bool, protocol: u8, id: u16, fragment: u16, carried: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0];
    packet.extend([(20 + carried.len()) as u16, id, fragment].iter().flat_map(|field| field.to_be_bytes()));
    packet.extend([64, protocol, 0, 0]);
    let ends = [[192, 0, 2, 10], [198, 51, 100, 20]];
    packet.extend(if is_reply { [ends[1], ends[0]] } else { ends }.concat());
    packet.extend_from_slice(carried);
    packet
}

/// A UDP datagram.
fn udp(is_reply: bool, ports: [u16; 2], carried: &[u8]) -> Vec<u8> {
    let mut datagram = Vec::new();
    datagram.extend(
        [ports[0], ports[1], 8 + carried.len() as u16, 0].iter().flat_map(|field| field.to_be_bytes()),
    );
    datagram.extend_from_slice(carried);
    ip(is_reply, 17, 1, 0, &datagram)
}

/// A segment, with what else its kind needs.
#[derive(Clone, Copy)]
struct Seg<'a> {
    is_reply: bool,
    /// The client's port and the server's.
    ports: [u16; 2],
    seq: u32,
    ack: u32,
    flags: u8,
    window: u16,
    /// In full words.
    options: &'a [u8],
    payload: &'a [u8],
}

impl<'a> Seg<'a> {
    const fn of(ports: [u16; 2], flags: u8, seq: u32) -> Self {
        Self { is_reply: false, ports, seq, ack: 0, flags, window: 64_000, options: &[], payload: &[] }
    }

    /// Data of the client.
    const fn says(ports: [u16; 2], seq: u32, payload: &'a [u8]) -> Self {
        Self { ack: 1, payload, ..Self::of(ports, PSH | ACK, seq) }
    }

    /// Data of the server.
    const fn answers(ports: [u16; 2], seq: u32, payload: &'a [u8]) -> Self {
        Self { is_reply: true, ack: 1, payload, ..Self::of(ports, PSH | ACK, seq) }
    }

    fn tcp(&self) -> Vec<u8> {
        let [client, server] = self.ports;
        let ports = if self.is_reply { [server, client] } else { [client, server] };
        let mut segment: Vec<u8> = ports.iter().flat_map(|port| port.to_be_bytes()).collect();
        segment.extend([self.seq, self.ack].iter().flat_map(|number| number.to_be_bytes()));
        segment.extend([((5 + self.options.len() / 4) << 4) as u8, self.flags]);
        segment
            .extend(self.window.to_be_bytes().iter().chain(&[0; 4]).chain(self.options).chain(self.payload));
        segment
    }

    fn packet(&self) -> Vec<u8> {
        ip(self.is_reply, 6, 1, 0, &self.tcp())
    }

    fn record(&self, number: u32) -> Vec<u8> {
        record(number, &self.packet())
    }
}

/// The handshake of the client's only connection, then what `part` makes of the numbers from 0.
fn opened(number: u32, ports: [u16; 2], part: impl FnOnce(u32) -> Vec<u8>) -> Vec<u8> {
    match number {
        0 => Seg::of(ports, SYN, 0).record(0),
        1 => Seg { is_reply: true, ack: 1, ..Seg::of(ports, SYN | ACK, 0) }.record(1),
        2 => Seg { ack: 1, ..Seg::of(ports, ACK, 1) }.record(2),
        _ => record(number, &part(number - 3)),
    }
}

/// Ports of a connection by its number.
fn ports(number: u32) -> [u16; 2] {
    [10_000 + (number % 50_000) as u16, 8443 + (number / 50_000 % 50_000) as u16]
}

/// A TLS record.
fn tls(kind: u8, body: &[u8]) -> Vec<u8> {
    let [high, low] = (body.len() as u16).to_be_bytes();
    [&[kind, 3, 3, high, low], body].concat()
}
