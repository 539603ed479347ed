//! Stories for the tests of rules, written by hand.
//!
//! ```text
//! Story::at(Stage::ClientHello).silent_for(8_000, Server).acknowledged()
//! ```
//!
//! Each step is a packet of its own, numbered from 1 and 10 ms after the one before it.

use std::net::IpAddr;

use crate::packet::{IpHeader, IpVersion, SegmentHeader, TcpHeader};
use crate::story::{
    Ending, EndingKind, IcmpFact, Moment, Observed, Opening, ResetFacts, Silence, Stage, Story,
};
use crate::tcp::{ResetFit, Role, TcpConnection};
use crate::time::{Elapsed, Timestamp};
use crate::tls::{AlertDescription, Basis, ClientHello, Plain, PlainKind, ServerHello, Version};

/// The steps of a connection in order, with who takes each.
const STEPS: [(Stage, Role); 9] = [
    (Stage::Syn, Role::Client),
    (Stage::SynAck, Role::Server),
    (Stage::TcpEstablished, Role::Client),
    (Stage::ClientHello, Role::Client),
    (Stage::ServerHello, Role::Server),
    (Stage::ServerFlightComplete, Role::Server),
    (Stage::ClientFinished, Role::Client),
    (Stage::TlsEstablished, Role::Server),
    (Stage::ApplicationData, Role::Client),
];

impl Story {
    /// A connection from 192.0.2.10:50000 to 198.51.100.20:8443, where TLS is expected, that got as far as `stage`: packet 1 is
    /// the SYN, 4 the ClientHello, 5 a TLS 1.2 ServerHello, and 9 the client's request, which is not answered. Everything is
    /// acknowledged, and the capture ends with the last packet. At [`Stage::None`] there is one packet, and only the ports suggest
    /// which end is the client.
    pub(crate) fn at(stage: Stage) -> Self {
        let mut ip = IpHeader::between(IpAddr::from([192, 0, 2, 10]), IpAddr::from([198, 51, 100, 20]));
        ip.hop_limit = Some(64);
        let header = SegmentHeader { ip, tcp: TcpHeader::between(50_000, 8443), payload_len: Some(0) };
        let first = Moment { number: 1, at: Timestamp::from_parts(1_700_000_000, 0) };
        let opening = if stage == Stage::None { Opening::Ports } else { Opening::Syn };
        let mut story = Self::new(first, &TcpConnection::new(&header, Role::Client), opening, true);
        if stage == Stage::None {
            story.next(Role::Client);
        }
        for (step, by) in STEPS.into_iter().filter(|(step, _)| *step <= stage) {
            story.step(step, by);
        }
        *story
    }

    /// The server's port is this one, where no TLS is expected.
    pub(crate) fn on_port(mut self, port: u16) -> Self {
        self.parties.server.port = port;
        self.expects_tls = false;
        self
    }

    /// Any other change.
    pub(crate) fn but(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// The server answers the client's request inside TLS.
    pub(crate) fn answered(mut self) -> Self {
        let moment = self.next(Role::Server);
        self.record_data(Role::Server, moment);
        self.tls.application_data.server.add(moment);
        self.tls.record_sizes.server.push(1_000);
        self
    }

    /// A side sends something that is not TLS.
    pub(crate) fn sends(mut self, by: Role, kind: PlainKind, line: &str) -> Self {
        let moment = self.next(by);
        self.record_data(by, moment);
        let what = Plain { kind, line: line.to_owned(), is_request: false };
        self.plain[by].get_or_insert(Observed { what, moment, basis: Basis::Decoded });
        self
    }

    /// Nothing comes for `millis` milliseconds, up to the capture's end, although a step of `awaited_from` is awaited. What the
    /// other side sent last is not acknowledged.
    pub(crate) fn silent_for(mut self, millis: i64, awaited_from: Role) -> Self {
        let until = self.last.at + Elapsed::from_millis(millis);
        let since = self.last;
        let silence = Silence { since, until, awaited_from, is_acknowledged: false, is_ack_unseen: false };
        let (what, moment) = (EndingKind::Silence(silence), self.last);
        self.data[awaited_from.other()].is_all_acknowledged = false;
        self.capture.end = until;
        self.endings.push(Ending { what, by: awaited_from, moment, stage: self.stage });
        self
    }

    /// What was sent before the silence is acknowledged.
    pub(crate) fn acknowledged(mut self) -> Self {
        for ending in &mut self.endings {
            if let EndingKind::Silence(silence) = &mut ending.what {
                silence.is_acknowledged = true;
                self.data[silence.awaited_from.other()].is_all_acknowledged = true;
            }
        }
        self
    }

    /// A side sends its data again, this often.
    pub(crate) fn repeats(mut self, by: Role, times: u64) -> Self {
        for _ in 0..times {
            let moment = self.next(by);
            self.data[by].repeats.add(moment);
            self.traffic.counters[by].retransmissions += 1;
        }
        self
    }

    /// A side sends a FIN.
    pub(crate) fn fin(self, by: Role) -> Self {
        self.ends(EndingKind::Fin, by)
    }

    /// A side sends a RST that the receiver accepts, and that shows nothing of its sender.
    pub(crate) fn rst(self, by: Role) -> Self {
        self.rst_with(by, |_| {})
    }

    /// The same with other facts.
    pub(crate) fn rst_with(self, by: Role, change: impl FnOnce(&mut ResetFacts)) -> Self {
        let mut facts = ResetFacts {
            fit: ResetFit::Exact,
            acknowledges: true,
            hop_limit: None,
            usual_hop_limits: [None, None],
            id: None,
            previous: None,
            is_stateless: false,
            usual_timestamps: false,
            after_trigger: None,
            shortest_round_trip: None,
            continued_in: None,
        };
        change(&mut facts);
        self.ends(EndingKind::Reset(facts), by)
    }

    /// A side sends a fatal alert in clear.
    pub(crate) fn alert(self, by: Role, description: u8) -> Self {
        let description = Some(AlertDescription(description));
        self.ends(EndingKind::Alert { description, basis: Basis::Decoded }, by)
    }

    /// A side sends a close_notify.
    pub(crate) fn close_notify(self, by: Role) -> Self {
        self.ends(EndingKind::CloseNotify, by)
    }

    /// A side's packet ends the connection.
    pub(crate) fn ends(mut self, what: EndingKind, by: Role) -> Self {
        let moment = self.next(by);
        self.endings.push(Ending { what, by, moment, stage: self.stage });
        self
    }

    /// An ICMP error about a packet of the client comes from this address.
    pub(crate) fn icmp(mut self, from: [u8; 4], icmp_type: u8, code: u8) -> Self {
        let moment = self.next_packet();
        let (quotes, stage) = (Role::Client, self.stage);
        let fact = IcmpFact {
            moment,
            from: from.into(),
            version: IpVersion::V4,
            icmp_type,
            code,
            mtu: None,
            quotes,
            stage,
        };
        self.path.icmp_errors.push(fact);
        self.path.icmp_error_count += 1;
        self
    }

    /// The capture continues for `millis` milliseconds after the last packet.
    pub(crate) fn more(mut self, millis: i64) -> Self {
        self.capture.end = self.last.at + Elapsed::from_millis(millis);
        self
    }

    /// The next packet, of this side.
    pub(crate) fn next(&mut self, by: Role) -> Moment {
        self.traffic.counters[by].segments += 1;
        self.next_packet()
    }

    fn next_packet(&mut self) -> Moment {
        if self.packets > 0 {
            self.last.number += 1;
            self.last.at = self.capture.end.max(self.last.at) + Elapsed::from_millis(10);
        }
        self.packets += 1;
        self.capture.end = self.last.at;
        self.last
    }

    fn record_data(&mut self, by: Role, moment: Moment) {
        self.data[by].first.get_or_insert(moment);
        self.data[by].last = Some(moment);
        self.traffic.counters[by].bytes += 300;
        self.traffic.counters[by].largest_payload = 300;
    }

    fn step(&mut self, step: Stage, by: Role) {
        let moment = self.next(by);
        if step >= Stage::ClientHello {
            self.record_data(by, moment);
        }
        let basis = Basis::Decoded;
        let tls = &mut self.tls;
        match step {
            Stage::None => {}
            Stage::Syn => self.opening.syn.add(moment),
            Stage::SynAck => self.opening.syn_ack.add(moment),
            Stage::TcpEstablished => self.opening.established = Some(moment),
            Stage::ClientHello => {
                let what = ClientHello { len: 200, ..ClientHello::default() };
                tls.client_hello = Some(Observed { what, moment, basis });
            }
            Stage::ServerHello => {
                let what = ServerHello { version: Some(Version::TLS12), ..ServerHello::default() };
                tls.server_hello = Some(Observed { what, moment, basis });
            }
            Stage::ServerFlightComplete => tls.server_flight = Some(Observed { what: (), moment, basis }),
            Stage::ClientFinished => tls.client_finished = Some(Observed { what: (), moment, basis }),
            Stage::TlsEstablished => tls.established = Some(Observed { what: (), moment, basis }),
            Stage::ApplicationData => {
                tls.application_data.client.add(moment);
                tls.record_sizes.client.push(300);
            }
        }
        self.stage = step;
    }
}
