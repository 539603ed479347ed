//! Conversations for tests, written step by step like a packetdrill script.

use std::net::{IpAddr, Ipv4Addr};

use crate::packet::{Checksum, Flags, IpHeader, Origin, Segment, SegmentHeader, Seq, TcpHeader, TcpOptions};
use crate::story::{Moment, Place};
use crate::tcp::{PerRole, Role};
use crate::time::{Elapsed, Timestamp};

/// Two ends that speak in turn. Numbers are relative to each end's initial sequence number.
#[derive(Clone, Debug)]
pub(crate) struct Talk {
    pub(crate) packets: Vec<Spoken>,
    pub(crate) now: Timestamp,
    initial: PerRole<u32>,
    /// Relative number of the next byte of each side.
    next: PerRole<u32>,
    ids: PerRole<u16>,
    port: u16,
    /// Milliseconds between packets unless a test waits longer.
    pace: i64,
}

/// One packet of a conversation.
#[derive(Clone, Debug)]
pub(crate) struct Spoken {
    pub(crate) place: Place,
    pub(crate) header: SegmentHeader,
    pub(crate) payload: Vec<u8>,
}

impl Spoken {
    pub(crate) fn segment(&self) -> Segment<'_> {
        Segment { header: &self.header, payload: &self.payload, printed: &[] }
    }
}

impl Talk {
    /// A client at 192.0.2.10:50000 and a server at 198.51.100.20 and this port.
    pub(crate) fn to_port(port: u16) -> Self {
        Self {
            packets: Vec::new(),
            now: Timestamp::from_parts(1_700_000_000, 0),
            initial: PerRole { client: 1_000, server: 900_000 },
            next: PerRole { client: 0, server: 0 },
            ids: PerRole { client: 100, server: 500 },
            port,
            pace: 10,
        }
    }

    /// With other initial sequence numbers.
    pub(crate) fn starting_at(mut self, client: u32, server: u32) -> Self {
        self.initial = PerRole { client, server };
        self
    }

    /// Time passes.
    pub(crate) fn wait(mut self, millis: i64) -> Self {
        self.now += Elapsed::from_millis(millis);
        self
    }

    /// A segment of `role` at relative `seq`, acknowledging all that the other side sent.
    pub(crate) fn segment(self, role: Role, flags: &str, seq: u32, payload: &[u8]) -> Self {
        let ack = self.next[role.other()];
        self.segment_with(role, flags, seq, ack, payload, |_| {})
    }

    /// The same with another acknowledgement, and whatever else `change` does to the header.
    pub(crate) fn segment_with(
        mut self,
        role: Role,
        flags: &str,
        seq: u32,
        ack: u32,
        payload: &[u8],
        change: impl FnOnce(&mut SegmentHeader),
    ) -> Self {
        self.now += Elapsed::from_millis(self.pace);
        let flags = Flags::from_letters(flags).unwrap_or_default();
        let (client, server) = (
            (IpAddr::V4(Ipv4Addr::new(192, 0, 2, 10)), 50_000),
            (IpAddr::V4(Ipv4Addr::new(198, 51, 100, 20)), self.port),
        );
        let (source, destination) = if role == Role::Client { (client, server) } else { (server, client) };
        self.ids[role] += 1;
        let mut ip = IpHeader::between(source.0, destination.0);
        ip.hop_limit = Some(if role == Role::Client { 64 } else { 55 });
        ip.id = Some(self.ids[role]);
        let absolute = |role: Role, relative: u32| Seq(self.initial[role]) + relative;
        let tcp = TcpHeader {
            source_port: source.1,
            destination_port: destination.1,
            seq: Some(absolute(role, seq)),
            ack: Some(if flags.ack() { absolute(role.other(), ack) } else { Seq(0) }),
            ack_since_syn: None,
            flags: Some(flags),
            window: Some(500),
            urgent: 0,
            header_len: Some(20),
            checksum: Checksum::Unseen,
            options: Some(TcpOptions::default()),
        };
        let mut header = SegmentHeader { ip, tcp, payload_len: Some(payload.len() as u32) };
        change(&mut header);
        let number = self.packets.len() as u64 + 1;
        let place = Place { moment: Moment { number, at: self.now }, origin: Origin { file: 0, number } };
        let end = seq + payload.len() as u32 + u32::from(flags.syn()) + u32::from(flags.fin());
        if !flags.rst() {
            self.next[role] = self.next[role].max(end);
        }
        self.packets.push(Spoken { place, header, payload: payload.to_vec() });
        self
    }

    /// As a capture that holds only this side's packets.
    pub(crate) fn only(mut self, role: Role) -> Self {
        let client = self.packets.first().map(|packet| packet.header.ip.source);
        self.packets.retain(|packet| (Some(packet.header.ip.source) == client) == (role == Role::Client));
        self
    }

    /// The client's SYN.
    pub(crate) fn syn(self) -> Self {
        self.segment(Role::Client, "S", 0, &[])
    }

    /// The server's SYN-ACK.
    pub(crate) fn syn_ack(self) -> Self {
        self.segment(Role::Server, "S.", 0, &[])
    }

    /// A bare acknowledgement of everything so far.
    pub(crate) fn ack(self, role: Role) -> Self {
        let seq = self.next[role];
        self.segment(role, ".", seq, &[])
    }

    /// The whole opening.
    pub(crate) fn open(self) -> Self {
        self.syn().syn_ack().ack(Role::Client)
    }

    /// The next bytes of one side.
    pub(crate) fn say(self, role: Role, payload: &[u8]) -> Self {
        let seq = self.next[role];
        self.segment(role, "P.", seq, payload)
    }

    /// The same bytes as the last data of that side again, with a new IP id.
    pub(crate) fn repeat(self, role: Role) -> Self {
        let last = self
            .packets
            .iter()
            .rev()
            .find(|packet| packet.header.tcp.source_port == self.port_of(role) && !packet.payload.is_empty())
            .cloned();
        let Some(last) = last else { return self };
        let seq = last.header.tcp.seq.unwrap_or_default() - Seq(self.initial[role]);
        self.segment(role, "P.", seq, &last.payload)
    }

    /// A FIN without data.
    pub(crate) fn fin(self, role: Role) -> Self {
        let seq = self.next[role];
        self.segment(role, "F.", seq, &[])
    }

    /// A RST at the next number of that side.
    pub(crate) fn rst(self, role: Role) -> Self {
        let seq = self.next[role];
        self.segment(role, "R.", seq, &[])
    }

    /// The next relative number of a side.
    pub(crate) fn next(&self, role: Role) -> u32 {
        self.next[role]
    }

    fn port_of(&self, role: Role) -> u16 {
        if role == Role::Client { 50_000 } else { self.port }
    }
}

/// A ClientHello of 205 bytes as one record.
pub(crate) fn client_hello() -> Vec<u8> {
    let mut bytes = vec![22, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3];
    bytes.resize(205, 7);
    // No session id, one suite, no compression, no extensions that could be read wrongly.
    bytes[43] = 0;
    bytes
}

/// The same with these certificates.
pub(crate) fn server_flight_with(chain: &[Vec<u8>]) -> Vec<u8> {
    let with_length = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes()[1..], bytes].concat();
    let list: Vec<u8> = chain.iter().flat_map(|certificate| with_length(certificate)).collect();
    let message = [&[11], with_length(&with_length(&list)).as_slice()].concat();
    let record = [&[22, 3, 3], (message.len() as u16).to_be_bytes().as_slice(), &message].concat();
    let without = server_flight();
    // Between a ServerHello of 49 bytes and a ServerHelloDone of 9.
    [&without[..49], &record, &without[without.len() - 9..]].concat()
}

/// A TLS 1.2 ServerHello, Certificate and ServerHelloDone.
pub(crate) fn server_flight() -> Vec<u8> {
    let mut bytes = vec![22, 3, 3, 0, 44, 2, 0, 0, 40, 3, 3];
    bytes.extend([9; 32]);
    bytes.extend([0, 0xc0, 0x30, 0, 0, 0]);
    bytes.extend([22, 3, 3, 1, 4, 11, 0, 1, 0]);
    bytes.extend([1; 256]);
    bytes.extend([22, 3, 3, 0, 4, 14, 0, 0, 0]);
    bytes
}

/// The client's key exchange, ChangeCipherSpec and Finished.
pub(crate) fn client_flight() -> Vec<u8> {
    let mut bytes = vec![22, 3, 3, 0, 70, 16, 0, 0, 66];
    bytes.extend([4; 66]);
    bytes.extend(finished());
    bytes
}

/// A ChangeCipherSpec and a Finished.
pub(crate) fn finished() -> Vec<u8> {
    let mut bytes = vec![20, 3, 3, 0, 1, 1, 22, 3, 3, 0, 40];
    bytes.extend([5; 40]);
    bytes
}

/// A record of application data.
pub(crate) fn data() -> Vec<u8> {
    let mut bytes = vec![23, 3, 3, 0, 100];
    bytes.extend([6; 100]);
    bytes
}
