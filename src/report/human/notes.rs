//! What is noted about a packet, in words.

use crate::report::text::escape::escaped;
use crate::report::text::words::{PacketNames, count, grouped};
use crate::story::{EndingKind, Entry, Note, Seen, Silence, Stage, Story};
use crate::tcp::Role;
use crate::time::{Clock, Elapsed};
use crate::tls::{AlertDescription, Basis, ClientHello, Prelude, PreludeStep, Refusal};

/// Round trips from this on are noted, though others were before.
const REMARKABLE_TRIP: Elapsed = Elapsed::from_millis(100);

/// Words notes, and remembers what need not be noted again.
pub(super) struct Notes<'a> {
    story: &'a Story,
    names: &'a PacketNames<'a>,
    noted: Noted,
}

/// What has been noted about a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Noted {
    stage: Stage,
    is_cut: bool,
    /// Who announced a window of zero and has not opened it again.
    closed: Option<Role>,
    /// SYNs sent again.
    repeats: u64,
    /// Whether an alert ended the handshake: what follows it completes none.
    is_refused: bool,
}

impl Noted {
    /// Text has no payload, and that it is cut is no news.
    pub(super) fn of_text(self, is_text: bool) -> Self {
        Self { is_cut: self.is_cut || is_text, ..self }
    }
}

impl Default for Noted {
    fn default() -> Self {
        Self { stage: Stage::None, is_cut: false, closed: None, repeats: 0, is_refused: false }
    }
}

/// What a silence waits for, where it began at this stage: `waiting for the ServerHello`.
pub(super) fn awaited(story: &Story, stage: Stage, silence: &Silence) -> String {
    let by = silence.awaited_from;
    // Stages speak of TLS's client and server.
    let of_tls = if story.tls_client == Role::Client { by } else { by.other() };
    let awaited = match (stage, of_tls) {
        (Stage::Syn, _) if story.path.icmp_errors.is_empty() => return "no reply to the SYN".to_owned(),
        (Stage::Syn, _) => return "no SYN-ACK and no RST".to_owned(),
        (Stage::SynAck, _) => "the ACK of the SYN-ACK",
        (Stage::TcpEstablished, _) if story.is_inside_client_hello() => "the rest of the ClientHello",
        (Stage::TcpEstablished, Role::Client) if story.expects_tls => "the ClientHello",
        // On some ports, the server begins.
        (Stage::TcpEstablished, Role::Client) if owes_greeting(story, silence) => "the server's greeting",
        (Stage::TlsEstablished, Role::Server) if story.is_greeting_owed_inside_tls() => {
            "the server's greeting"
        }
        (Stage::ClientHello, Role::Client) if story.tls.retry.is_some() => "the second ClientHello",
        (Stage::ClientHello, Role::Server) => "the ServerHello",
        (Stage::ServerHello, Role::Server) if story.tls.unfinished_certificate.is_some() => {
            "the rest of Certificate"
        }
        (Stage::ServerHello, Role::Server) => "the rest of the server's flight",
        (Stage::ServerFlightComplete, Role::Client) => "the client's Finished",
        (Stage::ClientFinished, Role::Server) => "the server's Finished",
        _ => match by {
            Role::Client => "the client to send",
            Role::Server => "the server's reply",
        },
    };
    let is_unheard = !silence.is_acknowledged && stage >= Stage::TcpEstablished;
    let delivered = if is_unheard {
        "; the last data is unacknowledged"
    } else if story.data[by].repeats.count > 0 && story.repeats_unacknowledged(by) {
        match by {
            Role::Client => "; the client's retransmissions are not acknowledged",
            Role::Server => "; the server's retransmissions are not acknowledged",
        }
    } else {
        ""
    };
    format!("waiting for {awaited}{delivered}")
}

/// Whether it is the server that has to speak first, in clear.
pub(super) fn owes_greeting(story: &Story, silence: &Silence) -> bool {
    story.is_greeting_owed() || story.is_ended_by_greeting(silence)
}

impl<'a> Notes<'a> {
    /// For one connection's packets, in order.
    pub(super) fn new(story: &'a Story, names: &'a PacketNames<'a>) -> Self {
        Self::resume(story, names, Noted::default())
    }

    /// For further packets of a connection about which something was noted before.
    pub(super) fn resume(story: &'a Story, names: &'a PacketNames<'a>, noted: Noted) -> Self {
        Self { story, names, noted }
    }

    /// What has been noted by now.
    pub(super) fn noted(&self) -> Noted {
        self.noted
    }

    /// What there is to note about a packet.
    pub(super) fn about(&mut self, entry: &Entry) -> Vec<String> {
        let role = match &entry.seen {
            Seen::Segment { role, .. } => Some(*role),
            Seen::Icmp(..) => None,
        };
        let mut texts = Vec::new();
        if role.is_some() {
            let is_closed = entry.notes.contains(&Note::ZeroWindow);
            match (is_closed, self.noted.closed == role) {
                (true, _) => self.noted.closed = role,
                (false, true) => self.noted.closed = None,
                (false, false) => {}
            }
        }
        let is_alert = |note: &&Note| matches!(note, Note::EncryptedAlert | Note::Alert(..));
        let has_alert = self.story.endings.iter().any(|ending| {
            let is_alert =
                matches!(ending.what, EndingKind::Alert { .. } | EndingKind::EncryptedAlert { .. });
            is_alert && ending.moment.number == entry.moment.number
        });
        self.noted.is_refused |= has_alert && self.noted.stage < Stage::TlsEstablished;
        // What an alert ends had come before it, in the same packet too.
        let (last, first): (Vec<_>, Vec<_>) = entry.notes.iter().partition(is_alert);
        for note in first.into_iter().chain(last) {
            if let Note::Stage(stage, _) = note
                && *stage > Stage::ClientFinished
                && self.noted.is_refused
            {
                continue;
            }
            let text = self.text(note, entry.moment.number, role);
            // The alert is that reply.
            let is_alert_s = role == Some(Role::Client)
                && matches!(note, Note::Stage(Stage::ServerFlightComplete, _))
                && entry.notes.contains(&Note::EncryptedAlert);
            texts.extend(text.filter(|_| !is_alert_s));
        }
        texts
    }

    /// The stage that the packets so far reached.
    pub(super) fn stage(&self) -> Stage {
        self.noted.stage
    }

    #[expect(clippy::too_many_lines, reason = "a table with an arm for each note")]
    fn text(&mut self, note: &Note, number: u64, role: Option<Role>) -> Option<String> {
        Some(match note {
            Note::Silence(_) => return None,
            // The client's turn shows that the server's was over.
            Note::Stage(Stage::ServerFlightComplete, basis) if role == Some(Role::Client) => {
                self.noted.stage = Stage::ServerFlightComplete;
                format!("reply to the server's flight{}", self.known_by(*basis))
            }
            Note::Stage(stage, basis) => {
                let before = std::mem::replace(&mut self.noted.stage, *stage);
                self.reached(before, *stage, *basis)
            }
            Note::RoundTrip(_) if self.story.capture.clock == Clock::Absent => return None,
            Note::RoundTrip(elapsed) => {
                let trips = &self.story.path.round_trips;
                let is_first = trips.handshake.is_some_and(|(_, _, answer)| answer == number)
                    || trips.data.is_some_and(|(_, answer)| answer == number);
                (is_first || *elapsed >= REMARKABLE_TRIP).then(|| format!("RTT {elapsed}"))?
            }
            // Each repeats the first.
            Note::Retransmission(Some(_)) if self.story.stage == Stage::Syn => {
                self.noted.repeats += 1;
                format!("retransmission {}", self.noted.repeats)
            }
            Note::Retransmission(Some(of)) => format!("retransmission of packet {}", self.names.of(*of)),
            Note::Retransmission(None) => "retransmission (original not captured)".to_owned(),
            Note::OutOfOrder => "out of order".to_owned(),
            Note::DuplicateCapture(of) => format!("packet {} captured twice", self.names.of(*of)),
            Note::Gap(bytes) => {
                format!("previous segment not captured: {} missing", count(u64::from(*bytes), "byte"))
            }
            Note::AckedUnseen(bytes) => {
                format!("ACKed unseen segment: {}", count(u64::from(*bytes), "byte"))
            }
            Note::Cut(_) if self.noted.is_cut || self.story.capture.is_text => return None,
            Note::Cut(bytes) => {
                self.noted.is_cut = true;
                let bytes = count(u64::from(*bytes), "payload byte");
                format!("truncated by snaplen: {bytes} missing (shown once)")
            }
            // RFC 9293, 3.8.6.1: a closed window is probed in the same form.
            Note::KeepAlive if role.is_some_and(|role| self.noted.closed == Some(role.other())) => {
                "zero-window probe".to_owned()
            }
            Note::KeepAlive => "keep-alive probe".to_owned(),
            Note::DuplicateAck => "duplicate ACK".to_owned(),
            Note::ZeroWindow => match role {
                Some(role) => format!("zero window: the {role}'s receive buffer is full"),
                None => "zero window".to_owned(),
            },
            Note::PreviousConnection => "packet of an older connection between these ports".to_owned(),
            Note::IneffectiveReset => "RST out of window, ignored by the receiver (RFC 5961)".to_owned(),
            Note::Alert(description, basis) => {
                format!("Alert: {}{}", alert(*description), self.known_by(*basis))
            }
            Note::EncryptedAlert => format!("encrypted alert{}", known_by(Basis::Inferred)),
            Note::EarlyData => "data before the handshake is complete".to_owned(),
            Note::SizeReadings(readings) => {
                let readings: Vec<_> = readings.iter().map(ToString::to_string).collect();
                format!("by its size {}", readings.join(" or "))
            }
            Note::KeyUpdate => format!("KeyUpdate{}", known_by(Basis::Inferred)),
            Note::Closing => format!("close_notify{}", known_by(Basis::Inferred)),
            Note::Retry => {
                let group = self.story.tls.retry_group.map(|group| format!(" with a key share of {group}"));
                format!("HelloRetryRequest{}", group.unwrap_or_default())
            }
            Note::Plain(line) if line.is_empty() && self.story.capture.is_text => {
                "not TLS, as far as the text shows".to_owned()
            }
            Note::Plain(line) if line.is_empty() => "not TLS: binary data".to_owned(),
            Note::Plain(line) => format!("not TLS: \"{}\"", escaped(line)),
            Note::Prelude(protocol, step) => prelude(*protocol, *step),
            Note::FastOpen => "TCP Fast Open".to_owned(),
            Note::SimultaneousOpen => "both ends opened at once (RFC 9293, 3.5)".to_owned(),
            Note::Further(notes) => format!("and {} more records", grouped(*notes)),
        })
    }

    /// The stages that one packet reached, the hellos with what they said.
    fn reached(&self, before: Stage, stage: Stage, basis: Basis) -> String {
        let passed = [Stage::ClientHello, Stage::ServerHello]
            .into_iter()
            .filter(|hello| before < *hello && *hello < stage && self.said(*hello).is_some());
        let steps = passed.chain([stage]).map(|stage| {
            let said = self.said(stage).filter(|said| !said.is_empty());
            let said = said.filter(|_| stage != Stage::TlsEstablished || !self.is_refused_later());
            let is_done = stage == Stage::ServerFlightComplete
                && basis == Basis::Decoded
                && self.story.tls.version().is_some_and(|version| !version.is_tls13());
            let title = match stage {
                _ if is_done => "ServerHelloDone",
                Stage::TlsEstablished if self.is_refused_later() => title(Stage::ClientFinished),
                _ => title(stage),
            };
            format!("{title}{}", said.map(|said| format!(": {said}")).unwrap_or_default())
        });
        let steps: Vec<_> = steps.collect();
        let basis = if stage >= Stage::ClientHello { self.known_by(basis) } else { "" };
        format!("{}{basis}", steps.join("; "))
    }

    /// Whether the server answers the client's Finished with an alert: in TLS 1.3 the client alone took the handshake for complete.
    fn is_refused_later(&self) -> bool {
        let is_alert =
            |what: &EndingKind| matches!(what, EndingKind::Alert { .. } | EndingKind::EncryptedAlert { .. });
        let decisive =
            self.story.decisive().filter(|ending| ending.by == Role::Server && is_alert(&ending.what));
        decisive.is_some() && self.story.stage < Stage::ApplicationData
    }

    /// How a step is known, unless the client itself could read it.
    fn known_by(&self, basis: Basis) -> &'static str {
        let is_read = self.story.capture.is_own && self.story.basis == Basis::Decoded;
        if is_read { "" } else { known_by(basis) }
    }

    fn is_timed(&self) -> bool {
        self.story.capture.clock != Clock::Absent
    }

    /// What the message that reached a stage said; nothing if there was none.
    fn said(&self, stage: Stage) -> Option<String> {
        let tls = &self.story.tls;
        match stage {
            Stage::ClientHello => tls.client_hello.as_ref().map(|said| hello(&said.what)),
            Stage::ServerHello => tls.server_hello.as_ref().map(|said| {
                let hello = &said.what;
                let version = hello.version.map(|version| version.to_string());
                let suite = hello.cipher_suite.map(|suite| short(&suite.to_string()));
                let protocol = hello.alpn.as_ref().map(|protocol| format!("ALPN {}", escaped(protocol)));
                let resumed = (tls.is_resumed() == Some(true)).then(|| "session resumed".to_owned());
                let parts = [version, suite, protocol, resumed];
                parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
            }),
            Stage::TlsEstablished if self.story.opening.syn.count > 0 && self.is_timed() => tls
                .established
                .as_ref()
                .map(|said| format!("{} after the SYN", said.moment.at - self.story.began().at)),
            _ => None,
        }
    }
}

fn hello(hello: &ClientHello) -> String {
    let mut parts = Vec::new();
    if let Some(highest) = hello.versions.first() {
        parts.push(highest.to_string());
    }
    match &hello.server_name {
        Some(name) => parts.push(format!("SNI {}", escaped(name))),
        None if hello.is_whole => parts.push("no SNI".to_owned()),
        None => {}
    }
    if !hello.alpn.is_empty() {
        parts.push(format!("ALPN {}", escaped(&hello.alpn[0])));
    }
    if hello.offers_resumption() {
        parts.push("offers resumption".to_owned());
    }
    parts.join(", ")
}

/// A stage as the protocols call the message that reaches it.
pub(super) fn title(stage: Stage) -> &'static str {
    match stage {
        Stage::None => "nothing",
        Stage::Syn => "SYN",
        Stage::SynAck => "SYN-ACK",
        Stage::TcpEstablished => "ACK",
        Stage::ClientHello => "ClientHello",
        Stage::ServerHello => "ServerHello",
        Stage::ServerFlightComplete => "server's flight complete",
        Stage::ClientFinished => "client's Finished",
        Stage::TlsEstablished => "TLS established",
        Stage::ApplicationData => "application data",
    }
}

/// The beginning of a cipher suite's name as OpenSSL has it: the key exchange and the cipher. JSON has the registry's.
fn short(suite: &str) -> String {
    let Some(name) = suite.strip_prefix("TLS_") else { return suite.to_owned() };
    let (exchange, cipher) = name.split_once("_WITH_").unwrap_or(("", name));
    let cipher = cipher.replace("AES_", "AES").replace("CHACHA20_POLY1305", "CHACHA20");
    let cipher = cipher.split('_').next().unwrap_or_default();
    let exchange = exchange.replace('_', "-");
    if exchange.is_empty() { format!("{cipher}…") } else { format!("{exchange}-{cipher}…") }
}

fn prelude(protocol: Prelude, step: PreludeStep) -> String {
    match step {
        PreludeStep::Asked if protocol.is_proxy() => format!("{protocol}: the client asks the proxy"),
        PreludeStep::Asked => format!("{protocol}: the client asks to start TLS"),
        PreludeStep::Continued => format!("{protocol}: the proxy agrees, and awaits the target"),
        PreludeStep::Agreed if protocol.is_proxy() => format!("{protocol}: the tunnel is open"),
        PreludeStep::Agreed => format!("{protocol}: the server agrees"),
        PreludeStep::Refused(Refusal { code: Some(code), reason }) => {
            format!("{protocol}: refused with {code}, {reason}")
        }
        PreludeStep::Refused(Refusal { code: None, reason }) => format!("{protocol}: refused, {reason}"),
    }
}

fn alert(description: Option<AlertDescription>) -> String {
    description.map_or_else(
        || "unknown (encrypted)".to_owned(),
        |description| match description.name() {
            Some(name) => format!("{name} ({})", description.0),
            None => format!("{} (no registered name)", description.0),
        },
    )
}

fn known_by(basis: Basis) -> &'static str {
    match basis {
        Basis::Decoded => "",
        Basis::Partial => " (partly captured)",
        Basis::Inferred => " (inferred from length)",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::script::talk::{client_hello, ssm};

    #[test]
    fn where_tls_runs_in_reverse_a_silence_waits_for_what_its_server_owes() {
        let mut story = ssm().open().say(Role::Client, &client_hello()).ack(Role::Server).story(8_000);
        let words = |story: &Story| awaited(story, Stage::ClientHello, story.silence().expect("a silence"));
        assert_eq!(words(&story), "waiting for the ServerHello");
        story.tls_client = Role::Server;
        story.exchange_tls_roles();
        assert_eq!(words(&story), "waiting for the ServerHello");
    }
}
