//! What the probe did and what came back, in numbered steps, and the packets that a bystander would have seen of it.
//!
//! A socket gives no packets, but what it does is known well enough to reconstruct them: connect() is a SYN, its success
//! a SYN-ACK and an ACK, a refusal a RST, what is written and read are segments with these bytes, an end of file is a FIN.
//! Headers that nobody saw are absent, as in a cut line of text. So the analysis reads an attempt as it reads a capture,
//! whose packets are numbered as the steps are.

use std::net::{IpAddr, SocketAddr};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use tracing::debug;

use super::secret::Secret;
use super::step::{Phase, Step};
use crate::capture::{About, FileAbout, ReadError, Record, Source};
use crate::limits;
use crate::packet::{
    Checksum, Content, Flags, IcmpError, IpHeader, Packet, Quoted, Segment, SegmentHeader, Seq, TcpHeader,
};
use crate::tcp::Role;
use crate::time::{Clock, Elapsed, Timestamp};

/// The steps of an attempt, by the probe's own clock: the system's at its beginning, and what has passed since.
#[derive(Debug)]
pub struct Tape {
    began: Timestamp,
    started: Instant,
    steps: Vec<Step>,
    packets: Vec<TapedPacket>,
    phase: Phase,
    /// What must not show.
    secrets: Vec<Secret>,
}

/// A packet as a bystander would have seen it.
#[derive(Debug)]
struct TapedPacket {
    number: u64,
    at: Timestamp,
    what: TapedContent,
}

#[derive(Debug)]
enum TapedContent {
    Segment(Box<SegmentHeader>, Vec<u8>),
    Icmp(Box<IcmpError<'static>>),
}

/// A connection on the tape: its ends, and how many bytes went each way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TapedConnection {
    /// The probe's address and port.
    pub client: SocketAddr,
    /// The end that it was opened to.
    pub server: SocketAddr,
    /// The next sequence numbers of both, counted from 0 at the SYN.
    next: [u32; 2],
}

/// An ICMP or ICMPv6 error that ended an attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unreachable {
    /// Who sent it; unspecified where the system does not report it.
    pub from: IpAddr,
    /// Its type.
    pub icmp_type: u8,
    /// Its code.
    pub code: u8,
}

impl Tape {
    /// An empty tape that runs from now on.
    pub fn begin() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            began: Timestamp::from_parts(since.as_secs() as i64, i64::from(since.subsec_nanos())),
            started: Instant::now(),
            steps: Vec::new(),
            packets: Vec::new(),
            phase: Phase::Dns,
            secrets: Vec::new(),
        }
    }

    /// From now on this shows in no step.
    pub fn hide(&mut self, secret: Secret) {
        self.secrets.push(secret);
    }

    /// A text without what is hidden.
    pub fn cover(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| secret.cover(&text))
    }

    /// The same of a text that may end in the middle of what is hidden.
    pub fn cover_cut(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| secret.cover_cut(&text))
    }

    /// When it began.
    pub fn began(&self) -> Timestamp {
        self.began
    }

    /// The time by its clock.
    pub fn now(&self) -> Timestamp {
        self.at(Instant::now())
    }

    /// An instant by its clock.
    pub fn at(&self, instant: Instant) -> Timestamp {
        let elapsed = instant.saturating_duration_since(self.started);
        self.began + Elapsed::from_nanos(i64::try_from(elapsed.as_nanos()).unwrap_or(i64::MAX))
    }

    /// The steps so far.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// What belongs to another phase follows.
    pub fn enter(&mut self, phase: Phase) {
        self.phase = phase;
    }

    /// Whether enough happened that the rest is not worth following.
    pub fn is_full(&self) -> bool {
        self.steps.len() >= limits::PROBE_STEPS
    }

    /// Records a step that no packet shows.
    pub fn note(&mut self, text: impl Into<String>) -> u64 {
        let at = self.now();
        self.step(at, text)
    }

    fn step(&mut self, at: Timestamp, text: impl Into<String>) -> u64 {
        let number = self.steps.len() as u64 + 1;
        let text = self.cover(&text.into());
        debug!(step = number, phase = ?self.phase, ?text);
        self.steps.push(Step { number, at, phase: self.phase, text, received: None });
        number
    }

    /// connect() was called at that time.
    pub fn connecting(&mut self, connection: &mut TapedConnection, began: Instant) {
        let at = self.at(began);
        let number = self.step(at, format!("connect to {}", connection.server));
        self.add(number, at, connection, Role::Client, Flags::SYN, &[]);
        connection.next[0] = 1;
    }

    /// Everything after this is sent inside the layer set up so far, which no packet shows.
    pub fn forgets_bytes(&mut self, connection: &mut TapedConnection) {
        let is_kept = |packet: &TapedPacket| match &packet.what {
            TapedContent::Segment(header, payload) => {
                let ports = [header.tcp.source_port, header.tcp.destination_port];
                let ours = connection.client.port();
                let is_first = |seq: Option<Seq>| seq.is_none_or(|seq| seq.0 <= 1);
                let is_opening = payload.is_empty() && is_first(header.tcp.seq) && is_first(header.tcp.ack);
                is_opening || !ports.contains(&ours)
            }
            TapedContent::Icmp(_) => true,
        };
        self.packets.retain(is_kept);
        connection.next = [1, 1];
    }

    /// Covers what is secret where several of the connection's packets so far contain it together.
    pub fn cover_split(&mut self, connection: &TapedConnection, secrets: &[Secret]) {
        for from in [connection.client, connection.server] {
            let to = if from == connection.client { connection.server } else { connection.client };
            let ports = (from.port(), to.port());
            let mut payloads: Vec<_> = (self.packets.iter_mut())
                .filter_map(|packet| match &mut packet.what {
                    TapedContent::Segment(header, payload) => {
                        let own = (header.tcp.source_port, header.tcp.destination_port);
                        (own == ports).then_some(payload)
                    }
                    TapedContent::Icmp(_) => None,
                })
                .collect();
            let mut stream: Vec<u8> = payloads.iter().flat_map(|payload| payload.iter().copied()).collect();
            for secret in secrets {
                secret.cover_cut_bytes(&mut stream);
            }
            let mut rest = &stream[..];
            for payload in &mut payloads {
                let (part, after) = rest.split_at(payload.len());
                payload.copy_from_slice(part);
                rest = after;
            }
        }
    }

    /// connect() succeeded.
    pub fn connected(&mut self, connection: &mut TapedConnection) {
        let at = self.now();
        let number = self.step(at, format!("connected, from {}", connection.client));
        self.add(number, at, connection, Role::Server, Flags::SYN | Flags::ACK, &[]);
        connection.next[1] = 1;
        self.add(number, at, connection, Role::Client, Flags::ACK, &[]);
    }

    /// The server's TCP answered with a RST, to the SYN or later.
    pub fn reset(&mut self, connection: &TapedConnection) {
        let at = self.now();
        let is_refusal = connection.next[1] == 0;
        let text = if is_refusal { "connection refused" } else { "connection reset by the server" };
        let number = self.step(at, text);
        self.add(number, at, connection, Role::Server, Flags::RST | Flags::ACK, &[]);
    }

    /// The SYN never left this host, for this reason: no packet stands for it.
    pub fn never_left(&mut self, connection: &TapedConnection, why: &str) {
        self.packets.retain(|packet| match &packet.what {
            TapedContent::Segment(header, _) => header.tcp.source_port != connection.client.port(),
            TapedContent::Icmp(_) => true,
        });
        self.note(why);
    }

    /// An ICMP error ended the attempt.
    pub fn unreachable(&mut self, connection: &TapedConnection, error: Unreachable) {
        let at = self.now();
        let by = if error.from.is_unspecified() { String::new() } else { format!(" by {}", error.from) };
        let (version, kind, code) =
            (if connection.server.is_ipv4() { "" } else { "v6" }, error.icmp_type, error.code);
        let text = format!("unreachable: ICMP{version} error{by} (type {kind}, code {code})");
        let number = self.step(at, text);
        let what = IcmpError {
            ip: IpHeader::between(error.from, connection.client.ip()),
            icmp_type: error.icmp_type,
            code: error.code,
            length: None,
            checksum: Checksum::Unseen,
            mtu: None,
            pointer: None,
            quoted: Quoted {
                source: connection.client.ip().into(),
                destination: connection.server.ip().into(),
                source_port: Some(connection.client.port()),
                destination_port: Some(connection.server.port()),
                seq: None,
                protocol: None,
            },
            quoted_bytes: &[],
            quoted_segment: None,
        };
        self.packets.push(TapedPacket { number, at, what: TapedContent::Icmp(Box::new(what)) });
    }

    /// The system took these bytes to be sent.
    pub fn sent(&mut self, connection: &mut TapedConnection, bytes: &[u8]) {
        let at = self.now();
        let number = self.step(at, format!("{} sent", count(bytes.len())));
        self.add(number, at, connection, Role::Client, Flags::PSH | Flags::ACK, bytes);
        connection.next[0] = connection.next[0].wrapping_add(bytes.len() as u32);
    }

    /// The system delivered these bytes.
    pub fn received(&mut self, connection: &mut TapedConnection, bytes: &[u8]) {
        let at = self.now();
        let number = self.step(at, format!("{} received", count(bytes.len())));
        if let Some(step) = self.steps.last_mut() {
            step.received = Some(bytes.len() as u64);
        }
        self.add(number, at, connection, Role::Server, Flags::PSH | Flags::ACK, bytes);
        connection.next[1] = connection.next[1].wrapping_add(bytes.len() as u32);
        self.add(number, at, connection, Role::Client, Flags::ACK, &[]);
    }

    /// The system reports that everything sent was acknowledged.
    pub fn acknowledged(&mut self, connection: &TapedConnection) {
        let at = self.now();
        let number = self.step(at, "the server's TCP has acknowledged all of it");
        self.add(number, at, connection, Role::Server, Flags::ACK, &[]);
    }

    /// The server closes.
    pub fn server_closed(&mut self, connection: &mut TapedConnection) {
        let at = self.now();
        let number = self.step(at, "the server closes the connection");
        self.add(number, at, connection, Role::Server, Flags::FIN | Flags::ACK, &[]);
        connection.next[1] = connection.next[1].wrapping_add(1);
    }

    /// The probe closes, for this reason.
    pub fn client_closed(&mut self, connection: &mut TapedConnection, why: &str) {
        let at = self.now();
        let number = self.step(at, why);
        self.add(number, at, connection, Role::Client, Flags::FIN | Flags::ACK, &[]);
        connection.next[0] = connection.next[0].wrapping_add(1);
    }

    fn add(
        &mut self,
        number: u64,
        at: Timestamp,
        connection: &TapedConnection,
        by: Role,
        flags: u8,
        payload: &[u8],
    ) {
        let (from, to) = if by == Role::Client {
            (connection.client, connection.server)
        } else {
            (connection.server, connection.client)
        };
        let [client, server] = connection.next;
        let (seq, ack) = if by == Role::Client { (client, server) } else { (server, client) };
        let has_ack = flags & Flags::ACK != 0;
        let tcp = TcpHeader {
            source_port: from.port(),
            destination_port: to.port(),
            seq: Some(Seq(seq)),
            ack: has_ack.then_some(Seq(ack)),
            ack_since_syn: None,
            flags: Some(Flags(flags)),
            window: None,
            urgent: 0,
            header_len: None,
            checksum: Checksum::Unseen,
            options: None,
        };
        let ip = IpHeader::between(from.ip(), to.ip());
        let header = SegmentHeader { ip, tcp, payload_len: Some(payload.len() as u32) };
        self.packets.push(TapedPacket {
            number,
            at,
            what: TapedContent::Segment(Box::new(header), payload.to_vec()),
        });
    }

    /// The packets, and the time at which nothing more was waited for.
    pub fn source(&self) -> Replay<'_> {
        Replay { tape: self, next: 0, ended: self.now(), is_over: false }
    }
}

impl TapedConnection {
    /// A connection of which nothing was sent yet.
    pub fn new(client: SocketAddr, server: SocketAddr) -> Self {
        Self { client, server, next: [0; 2] }
    }
}

/// The packets of a tape as a capture.
#[derive(Debug)]
pub struct Replay<'t> {
    tape: &'t Tape,
    next: usize,
    ended: Timestamp,
    is_over: bool,
}

impl Source for Replay<'_> {
    fn next_record(&mut self) -> Result<Option<Record<'_>>, ReadError> {
        let Some(heard) = self.tape.packets.get(self.next) else {
            let was_over = std::mem::replace(&mut self.is_over, true);
            return Ok((!was_over).then_some(Record::Idle(self.ended)));
        };
        self.next += 1;
        let content = match &heard.what {
            TapedContent::Segment(header, payload) => {
                Content::Segment(Segment { header, payload, printed: &[], decoded: "" })
            }
            TapedContent::Icmp(error) => Content::IcmpError(error.clone()),
        };
        Ok(Some(Record::Printed(Packet::new(heard.number, heard.at, content))))
    }

    fn about(&self) -> About {
        let format = "as a socket saw it".to_owned();
        let packets = self.tape.steps.len() as u64;
        let file = FileAbout { name: "check".to_owned(), format, packets, ..FileAbout::default() };
        About { files: vec![file], clock: Clock::Utc, digits: 6, ..About::default() }
    }

    fn progress(&self) -> (u64, Option<u64>) {
        (0, None)
    }
}

fn count(bytes: usize) -> String {
    if bytes == 1 { "1 byte".to_owned() } else { format!("{bytes} bytes") }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::analysis::{self, Judged, Needs, Settings, Sink};
    use crate::capture::Target;
    use crate::packet::Viewpoint;
    use crate::story::script::talk;
    use crate::verdict::Verdict;

    #[derive(Default)]
    struct Verdicts(Vec<Verdict>);

    impl Sink for Verdicts {
        fn needs(&self) -> Needs {
            Needs::ALL
        }

        fn connection(&mut self, judged: Judged) -> io::Result<()> {
            self.0.push(judged.verdict);
            Ok(())
        }
    }

    #[test]
    fn a_secret_is_covered_across_packets_and_where_it_is_not_whole() {
        let mut tape = Tape::begin();
        let mut connection = connection();
        let secret = Secret::new("pa55word-of-joe".to_owned());
        up(&mut tape, &mut connection);
        for part in ["Basic pa55", "word-of", "-joe, or pa55wo"] {
            tape.received(&mut connection, part.as_bytes());
        }
        tape.cover_split(&connection, &[secret]);
        let payloads: Vec<_> = (tape.packets.iter())
            .filter_map(|packet| match &packet.what {
                TapedContent::Segment(_, payload) => Some(String::from_utf8_lossy(payload).into_owned()),
                TapedContent::Icmp(_) => None,
            })
            .filter(|payload| !payload.is_empty())
            .collect();
        assert_eq!(payloads, ["Basic ****", "*******", "****, or ******"]);
    }

    fn connection() -> TapedConnection {
        TapedConnection::new("192.0.2.10:50000".parse().unwrap(), "198.51.100.20:8443".parse().unwrap())
    }

    /// The verdict on what these steps stand for, and the steps that prove it; the shortest silence that counts is this.
    fn judged_of(
        stall_after: Elapsed,
        steps: impl FnOnce(&mut Tape, &mut TapedConnection),
    ) -> (&'static str, Vec<u64>) {
        let mut tape = Tape::begin();
        tape.note("asked somebody");
        steps(&mut tape, &mut connection());
        let mut settings = Settings { viewpoint: Viewpoint::Socket, ..Settings::default() };
        settings.judging.stall_after = stall_after;
        let mut verdicts = Verdicts::default();
        analysis::analyse(&mut tape.source(), Target::default(), &settings, &mut verdicts).unwrap();
        let verdict = verdicts.0.pop().unwrap();
        assert!(verdicts.0.is_empty());
        (verdict.code.name(), verdict.evidence)
    }

    fn up(tape: &mut Tape, connection: &mut TapedConnection) {
        tape.connecting(connection, Instant::now());
        tape.connected(connection);
    }

    #[test]
    fn steps_represent_packets_and_have_their_verdicts() {
        let (at_once, later) = (Elapsed::ZERO, Elapsed::from_millis(60_000));
        let dropped = judged_of(at_once, |tape, connection| tape.connecting(connection, Instant::now()));
        assert_eq!(dropped, ("syn-no-reply", vec![2]));
        let refused = judged_of(later, |tape, connection| {
            tape.connecting(connection, Instant::now());
            tape.reset(connection);
        });
        assert_eq!(refused, ("refused", vec![2, 3]));
        let unreachable = judged_of(later, |tape, connection| {
            tape.connecting(connection, Instant::now());
            let from = "192.0.2.1".parse().unwrap();
            tape.unreachable(connection, Unreachable { from, icmp_type: 3, code: 13 });
        });
        assert_eq!(unreachable, ("unreachable", vec![2, 3]));
        let silent = judged_of(at_once, |tape, connection| {
            up(tape, connection);
            tape.sent(connection, &talk::client_hello());
            tape.acknowledged(connection);
        });
        assert_eq!(silent.0, "no-server-hello");
        let reset = judged_of(later, |tape, connection| {
            up(tape, connection);
            tape.sent(connection, &talk::client_hello());
            tape.reset(connection);
        });
        assert_eq!(reset, ("reset", vec![2, 3, 4, 5]));
        let closed = judged_of(later, |tape, connection| {
            up(tape, connection);
            tape.server_closed(connection);
        });
        assert_eq!(closed.0, "closed-early");
    }

    #[test]
    fn no_round_trip_is_reported_but_that_of_the_opening() {
        struct Stories(Vec<crate::story::Story>);
        impl Sink for Stories {
            fn needs(&self) -> Needs {
                Needs::ALL
            }

            fn connection(&mut self, judged: Judged) -> io::Result<()> {
                self.0.push(*judged.story);
                Ok(())
            }
        }
        let (mut tape, mut connection) = (Tape::begin(), connection());
        up(&mut tape, &mut connection);
        tape.sent(&mut connection, &talk::client_hello());
        tape.received(&mut connection, &talk::server_flight());
        let settings = Settings { viewpoint: Viewpoint::Socket, ..Settings::default() };
        let mut stories = Stories(Vec::new());
        analysis::analyse(&mut tape.source(), Target::default(), &settings, &mut stories).unwrap();
        let trips = &stories.0[0].path.round_trips;
        assert!(trips.handshake.is_some() && trips.data.is_none());
        assert!(stories.0[0].data.client.is_all_acknowledged, "an answer shows that what was asked arrived");
    }

    #[test]
    fn what_was_acknowledged_is_not_guessed_where_the_system_does_not_report_it() {
        use crate::story::EndpointKnowledge;
        use crate::verdict::Actor;
        for (acks_unobservable, actor) in [(true, Actor::Unknown), (false, Actor::Path)] {
            let (mut tape, mut connection) = (Tape::begin(), connection());
            up(&mut tape, &mut connection);
            tape.sent(&mut connection, &talk::client_hello());
            let knowledge =
                EndpointKnowledge { acks_unobservable, ..EndpointKnowledge::of(connection.client) };
            let viewpoint = Viewpoint::Socket;
            let mut settings = Settings { viewpoint, knowledge: vec![knowledge], ..Settings::default() };
            settings.judging.stall_after = Elapsed::ZERO;
            let mut verdicts = Verdicts::default();
            analysis::analyse(&mut tape.source(), Target::default(), &settings, &mut verdicts).unwrap();
            assert_eq!((verdicts.0[0].code.name(), verdicts.0[0].actor), ("no-server-hello", actor));
        }
    }
}
