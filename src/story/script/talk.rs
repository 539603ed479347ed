//! Conversations for tests, written step by step like a packetdrill script.

use std::net::{IpAddr, Ipv4Addr};

pub(crate) use super::messages::*;

use crate::packet::{
    Checksum, Flags, IpHeader, Names, Origin, Segment, SegmentHeader, Seq, TcpHeader, TcpOptions,
};
use crate::story::{Builder, CaptureFacts, Moment, Opening, PacketId, Story};
use crate::tcp::{PerRole, Role, TcpConnection};
use crate::time::{Elapsed, Timestamp};
use crate::tls::Tracker;

/// As the command has it, if nothing else is asked for.
const STALL_AFTER: Elapsed = Elapsed::from_millis(3_000);

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
    pub(crate) id: PacketId<'static>,
    pub(crate) header: SegmentHeader,
    pub(crate) payload: Vec<u8>,
}

impl Spoken {
    pub(crate) fn segment(&self) -> Segment<'_> {
        Segment { header: &self.header, payload: &self.payload, printed: &[], decoded: "" }
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

    /// Its packets went to this port instead.
    pub(crate) fn on_port(mut self, port: u16) -> Self {
        for Spoken { header: SegmentHeader { tcp, .. }, .. } in &mut self.packets {
            let is_server_s = tcp.source_port == self.port;
            *(if is_server_s { &mut tcp.source_port } else { &mut tcp.destination_port }) = port;
        }
        self.port = port;
        self
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

    /// The same with another acknowledgement, and any other change to the header.
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
        let id = PacketId {
            moment: Moment { number, at: self.now },
            origin: Origin { file: 0, number },
            names: Names::NONE,
            direction: None,
            filtered: None,
        };
        let end = seq + payload.len() as u32 + u32::from(flags.syn()) + u32::from(flags.fin());
        if !flags.rst() {
            self.next[role] = self.next[role].max(end);
        }
        self.packets.push(Spoken { id, header, payload: payload.to_vec() });
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

    /// A TLS 1.2 handshake.
    pub(crate) fn shake_hands(self) -> Self {
        self.say(Role::Client, &client_hello())
            .say(Role::Server, &server_flight())
            .say(Role::Client, &client_flight())
            .say(Role::Server, &finished())
    }

    /// A TLS 1.2 handshake, a request and its answer.
    pub(crate) fn then_tls(self) -> Self {
        self.shake_hands().say(Role::Client, &data()).say(Role::Server, &data())
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

    /// Its story, where the capture continues for `more` milliseconds after its last packet.
    pub(crate) fn story(&self, more: i64) -> Box<Story> {
        let end = self.now + Elapsed::from_millis(more);
        self.story_in(CaptureFacts { end, ..CaptureFacts::default() })
    }

    /// The same with samples of the packets that the timeline folds.
    pub(crate) fn story_with_samples(&self, more: i64) -> Box<Story> {
        let end = self.now + Elapsed::from_millis(more);
        self.written(CaptureFacts { end, ..CaptureFacts::default() }, true)
    }

    /// Its story, with these facts about the capture.
    pub(crate) fn story_in(&self, capture: CaptureFacts) -> Box<Story> {
        self.written(capture, false)
    }

    fn written(&self, capture: CaptureFacts, has_samples: bool) -> Box<Story> {
        let first = &self.packets[0];
        let role = if first.header.tcp.source_port == self.port { Role::Server } else { Role::Client };
        let opening = match first.header.tcp.flags {
            Some(flags) if flags.syn() && flags.ack() => Opening::SynAck,
            Some(flags) if flags.syn() => Opening::Syn,
            _ if Tracker::is_client_hello(&first.payload) => Opening::ClientHello,
            _ => Opening::Ports,
        };
        let expects_tls = [443, 8443].contains(&self.port);
        let mut tcp = TcpConnection::new(&first.header, role);
        let mut tls = Tracker::new(matches!(opening, Opening::Syn | Opening::SynAck), expects_tls, self.port);
        let mut builder =
            Builder::new(first.id, &tcp, opening, expects_tls, STALL_AFTER, true).sampling(has_samples);
        for packet in &self.packets {
            let Moment { number, at } = packet.id.moment;
            let segment = packet.segment();
            let mut events = Vec::new();
            let observation = tcp.observe(number, at, &segment, &mut |role, delivery| {
                tls.take(role, &delivery, &mut |event| events.push(event));
            });
            builder.segment(packet.id, (&tcp, &tls), &segment, &observation, &mut events);
        }
        builder.finish(&tcp, &tls, capture)
    }

    /// The next relative number of a side.
    pub(crate) fn next(&self, role: Role) -> u32 {
        self.next[role]
    }

    fn port_of(&self, role: Role) -> u16 {
        if role == Role::Client { 50_000 } else { self.port }
    }
}

/// To a licence server's port, where TLS is expected.
pub(crate) fn ssm() -> Talk {
    Talk::to_port(8443)
}

/// A complete TLS 1.2 exchange up to the server's answer.
pub(crate) fn exchange() -> Talk {
    ssm().open().then_tls()
}

/// A TLS 1.2 handshake and no data.
pub(crate) fn handshake() -> Talk {
    ssm().open().shake_hands()
}

/// A connection to a SOCKS5 proxy up to this reply to the request for a tunnel; 0 opens it.
pub(crate) fn socks5(reply: u8) -> Talk {
    Talk::to_port(1080)
        .open()
        .say(Role::Client, &[5, 1, 0])
        .say(Role::Server, &[5, 0])
        .say(Role::Client, &[5, 1, 0, 1, 198, 51, 100, 20, 0x20, 0xfb])
        .say(Role::Server, &[5, reply, 0, 1, 0, 0, 0, 0, 0, 0])
}

/// SMTP up to the server's answer to STARTTLS.
pub(crate) fn starttls(answer: &[u8]) -> Talk {
    Talk::to_port(25)
        .open()
        .say(Role::Server, b"220 mail.example ESMTP\r\n")
        .say(Role::Client, b"EHLO client.example\r\n")
        .say(Role::Server, b"250-mail.example\r\n250 STARTTLS\r\n")
        .say(Role::Client, b"STARTTLS\r\n")
        .say(Role::Server, answer)
}

/// PostgreSQL up to the server's answer to SSLRequest, which is one byte.
pub(crate) fn postgres(answer: u8) -> Talk {
    Talk::to_port(5432)
        .open()
        .say(Role::Client, &[0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f])
        .say(Role::Server, &[answer])
}

/// Maximum segment size 1460.
pub(crate) const MSS: [u8; 4] = [2, 4, 5, 0xb4];

/// The same, SACK permitted, timestamps, and a window scale of 7.
pub(crate) const ALL_OPTIONS: [u8; 20] = [2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7];

/// The opening with these flags and options of SYN and SYN-ACK.
pub(crate) fn opened(syn: (&str, &[u8]), syn_ack: (&str, &[u8])) -> Talk {
    let with = |options: &[u8]| {
        let options = TcpOptions::from_wire(options);
        move |header: &mut SegmentHeader| header.tcp.options = Some(options)
    };
    ssm()
        .segment_with(Role::Client, syn.0, 0, 0, &[], with(syn.1))
        .segment_with(Role::Server, syn_ack.0, 0, 1, &[], with(syn_ack.1))
        .ack(Role::Client)
}
