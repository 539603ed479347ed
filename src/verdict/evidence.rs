//! What a packet of the evidence shows.

use schemars::JsonSchema;
use serde::Serialize;

use crate::story::{EndingKind, Moment, Observed, Repeats, Story};
use crate::tcp::Role;

/// What a packet of the evidence shows. If it shows several things, the one that ended the connection comes first, then the furthest
/// step.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EvidenceRole {
    /// A fatal alert.
    Alert,
    /// A close_notify.
    CloseNotify,
    /// A FIN.
    Fin,
    /// A RST.
    Rst,
    /// An ICMP or ICMPv6 error about the connection.
    IcmpError,
    /// The client's SYN.
    Syn,
    /// The server's SYN-ACK.
    SynAck,
    /// The TCP handshake is complete.
    TcpEstablished,
    /// The ClientHello.
    ClientHello,
    /// A HelloRetryRequest.
    HelloRetryRequest,
    /// The ServerHello.
    ServerHello,
    /// A Certificate message.
    Certificate,
    /// A CertificateRequest.
    CertificateRequest,
    /// The server's flight is complete.
    ServerFlightComplete,
    /// The client's Finished.
    ClientFinished,
    /// The TLS handshake is complete.
    TlsEstablished,
    /// A request for a tunnel, or to start TLS.
    TunnelRequest,
    /// The answer to it.
    TunnelAnswer,
    /// Data that is not TLS.
    PlainData,
    /// Data that an earlier packet carried already.
    Retransmission,
    /// An acknowledgement of data that matters here.
    Acknowledgement,
    /// A keep-alive probe.
    KeepAlive,
    /// A closed receive window.
    ZeroWindow,
    /// Application data under TLS.
    ApplicationData,
    /// A packet of an older connection between the same ports.
    PreviousConnection,
    /// The last packet that brought something new.
    LastProgress,
    /// A packet that shows none of these.
    Other,
}

impl EvidenceRole {
    /// What a packet of a story shows, by its number.
    pub fn of(story: &Story, number: u64) -> Self {
        let mut roles = endings(story).chain(steps(story)).chain(others(story));
        roles.find(|(shown, _)| *shown == number).map_or(Self::Other, |(_, role)| role)
    }
}

type Proof = (u64, EvidenceRole);

fn endings(story: &Story) -> impl Iterator<Item = Proof> + '_ {
    let endings = story.endings.iter().filter_map(|ending| {
        let role = match ending.what {
            EndingKind::Silence(_) => return None,
            EndingKind::Alert { .. } | EndingKind::EncryptedAlert { .. } => EvidenceRole::Alert,
            EndingKind::CloseNotify => EvidenceRole::CloseNotify,
            EndingKind::Fin => EvidenceRole::Fin,
            EndingKind::Reset(_) => EvidenceRole::Rst,
        };
        Some((ending.moment.number, role))
    });
    let refused = story.opening.refused_before.map(|moment| (moment.number, EvidenceRole::Rst));
    let errors = story.path.icmp_errors.iter().map(|error| (error.moment.number, EvidenceRole::IcmpError));
    endings.chain(refused).chain(errors)
}

/// The steps of the handshakes, the furthest first: one packet often takes several.
fn steps(story: &Story) -> impl Iterator<Item = Proof> + '_ {
    let (opening, tls) = (&story.opening, &story.tls);
    let prelude = story.prelude.as_ref();
    let messages = [
        (moment_of(tls.established.as_ref()), EvidenceRole::TlsEstablished),
        (moment_of(tls.client_finished.as_ref()), EvidenceRole::ClientFinished),
        (moment_of(tls.server_flight.as_ref()), EvidenceRole::ServerFlightComplete),
        (tls.certificate_request, EvidenceRole::CertificateRequest),
        (moment_of(tls.certificates.server.as_ref()), EvidenceRole::Certificate),
        (moment_of(tls.certificates.client.as_ref()), EvidenceRole::Certificate),
        (moment_of(tls.server_hello.as_ref()), EvidenceRole::ServerHello),
        (tls.retry, EvidenceRole::HelloRetryRequest),
        (moment_of(tls.client_hello.as_ref()), EvidenceRole::ClientHello),
        (prelude.map(|prelude| prelude.latest.moment), EvidenceRole::TunnelAnswer),
        (prelude.map(|prelude| prelude.asked), EvidenceRole::TunnelRequest),
        (moment_of(story.plain.client.as_ref()), EvidenceRole::PlainData),
        (moment_of(story.plain.server.as_ref()), EvidenceRole::PlainData),
    ];
    let messages = messages.into_iter().filter_map(|(moment, role)| Some((moment?.number, role)));
    let opening_steps = each(&opening.syn_ack, EvidenceRole::SynAck)
        .chain(each(&opening.syn, EvidenceRole::Syn))
        .chain(opening.established.map(|moment| (moment.number, EvidenceRole::TcpEstablished)));
    messages.chain(opening_steps)
}

fn others(story: &Story) -> impl Iterator<Item = Proof> + '_ {
    let of_side = |role: Role| {
        each(&story.data[role].repeats, EvidenceRole::Retransmission)
            .chain(each(&story.missing.acked_unseen_by[role], EvidenceRole::Acknowledgement))
            .chain(each(&story.traffic.zero_windows[role], EvidenceRole::ZeroWindow))
            .chain(each(&story.tls.application_data[role], EvidenceRole::ApplicationData))
            .chain(each(&story.opening.previous_connection[role], EvidenceRole::PreviousConnection))
    };
    let acknowledged =
        story.tls.hello_acknowledged.map(|moment| (moment.number, EvidenceRole::Acknowledgement));
    let progress = story.silence().map(|silence| (silence.since.number, EvidenceRole::LastProgress));
    acknowledged
        .into_iter()
        .chain([Role::Client, Role::Server].into_iter().flat_map(of_side))
        .chain(each(&story.traffic.keep_alives, EvidenceRole::KeepAlive))
        .chain(progress)
}

fn each(packets: &Repeats, role: EvidenceRole) -> impl Iterator<Item = Proof> + '_ {
    packets.numbers().map(move |number| (number, role))
}

fn moment_of<T>(observed: Option<&Observed<T>>) -> Option<Moment> {
    observed.map(|observed| observed.moment)
}

#[cfg(test)]
mod tests {
    use super::EvidenceRole::{self, ClientHello, Other, Rst, Syn, SynAck, TcpEstablished};
    use crate::story::script::talk::{Talk, client_hello};
    use crate::tcp::Role;

    #[test]
    fn a_packet_is_what_it_shows_and_another_is_none_of_these() {
        let story = Talk::to_port(8443).open().say(Role::Client, &client_hello()).rst(Role::Server).story(0);
        let roles: Vec<_> = (1..=6).map(|number| EvidenceRole::of(&story, number)).collect();
        assert_eq!(roles, [Syn, SynAck, TcpEstablished, ClientHello, Rst, Other]);
    }
}
