//! What is noted about a packet, in words.

use crate::report::text::escape::escaped;
use crate::report::text::words::{PacketNames, count, grouped};
use crate::story::{Entry, Note, Seen, Silence, Stage, Story};
use crate::tcp::Role;
use crate::time::{Clock, Elapsed};
use crate::tls::{AlertDescription, Basis, ClientHello, Prelude, PreludeStep, Refusal};

/// Silences between packets from this on are noted, though no next step was awaited.
const REMARKABLE_GAP: Elapsed = Elapsed::from_millis(100);

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
}

impl Noted {
    /// Text has no payload, and that it is cut is no news.
    pub(super) fn of_text(self, is_text: bool) -> Self {
        Self { is_cut: self.is_cut || is_text, ..self }
    }
}

impl Default for Noted {
    fn default() -> Self {
        Self { stage: Stage::None, is_cut: false, closed: None }
    }
}

/// Who owes what in a silence that began at this stage: `the server owes the ServerHello`.
pub(super) fn owed(story: &Story, stage: Stage, silence: &Silence) -> String {
    let by = silence.awaited_from;
    let owed = match (stage, by) {
        (Stage::Syn, _) => "an answer to the SYN",
        (Stage::SynAck, _) => "the acknowledgement of the SYN-ACK",
        (Stage::TcpEstablished, Role::Client) if story.expects_tls => "the ClientHello",
        (Stage::ClientHello, Role::Server) => "the ServerHello",
        (Stage::ServerHello, Role::Server) => "the rest of its flight",
        (Stage::ServerFlightComplete, Role::Client) | (Stage::ClientFinished, Role::Server) => "its Finished",
        (_, Role::Client) => "its next words",
        (_, Role::Server) => "an answer",
    };
    let is_unheard = !silence.is_acknowledged && stage >= Stage::TcpEstablished;
    let delivered = if is_unheard {
        ", and has not acknowledged what was sent last"
    } else if stage >= Stage::TcpEstablished && story.repeats_unacknowledged(by) {
        ", and what it sends again is not acknowledged"
    } else {
        ""
    };
    format!("the {by} owes {owed}{delivered}")
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

    /// What there is to note about a packet that came `after` so long.
    pub(super) fn about(&mut self, entry: &Entry, after: Option<Elapsed>) -> Vec<String> {
        let role = match &entry.seen {
            Seen::Segment { role, .. } => Some(*role),
            Seen::Icmp(..) => None,
        };
        let is_told = entry.notes.iter().any(|note| match note {
            Note::Silence(_) => true,
            Note::RoundTrip(trip) => Some(*trip) == after,
            _ => false,
        });
        let gap = after.filter(|gap| *gap >= REMARKABLE_GAP && !is_told);
        let mut texts: Vec<_> =
            gap.map(|gap| format!("+{gap} since the previous packet")).into_iter().collect();
        if role.is_some() {
            let is_closed = entry.notes.contains(&Note::ZeroWindow);
            match (is_closed, self.noted.closed == role) {
                (true, _) => self.noted.closed = role,
                (false, true) => self.noted.closed = None,
                (false, false) => {}
            }
        } else {
            texts.push("the packet that it quotes could not be delivered".to_owned());
        }
        for note in &entry.notes {
            texts.extend(self.text(note, entry.moment.number, role));
        }
        texts
    }

    /// What a silence keeps waiting for.
    pub(super) fn silence(&self, silence: &Silence) -> String {
        format!("{} of silence: {}", silence.elapsed(), owed(self.story, self.noted.stage, silence))
    }

    fn text(&mut self, note: &Note, number: u64, role: Option<Role>) -> Option<String> {
        Some(match note {
            Note::Silence(_) => return None,
            Note::Stage(stage, basis) => {
                let before = std::mem::replace(&mut self.noted.stage, *stage);
                self.reached(before, *stage, *basis)
            }
            Note::RoundTrip(_) if self.story.capture.clock == Clock::Absent => return None,
            Note::RoundTrip(elapsed) => {
                let trips = &self.story.path.round_trips;
                let is_first = trips.handshake.is_some_and(|(_, _, answer)| answer == number)
                    || trips.data.is_some_and(|(_, answer)| answer == number);
                (is_first || *elapsed >= REMARKABLE_GAP).then(|| format!("round trip {elapsed}"))?
            }
            Note::Retransmission(Some(of)) => format!("retransmission of packet {}", self.names.of(*of)),
            Note::Retransmission(None) => "retransmission of what the capture does not hold".to_owned(),
            Note::OutOfOrder => "out of order: sent before packets above".to_owned(),
            Note::DuplicateCapture(of) => format!("packet {} captured twice", self.names.of(*of)),
            Note::Gap(bytes) => format!("{} before it are missing", count(u64::from(*bytes), "byte")),
            Note::AckedUnseen(bytes) => {
                format!("acknowledges {} that the capture never saw", count(u64::from(*bytes), "byte"))
            }
            Note::Cut(_) if self.noted.is_cut || self.story.capture.is_text => return None,
            Note::Cut(bytes) => {
                self.noted.is_cut = true;
                let bytes = count(u64::from(*bytes), "byte");
                format!("cut by snaplen: {bytes} of payload not captured; told only once")
            }
            // RFC 9293, 3.8.6.1: a closed window is probed in the same form.
            Note::KeepAlive if role.is_some_and(|role| self.noted.closed == Some(role.other())) => {
                "probe of the closed window".to_owned()
            }
            Note::KeepAlive => "keep-alive probe".to_owned(),
            Note::DuplicateAck => "duplicate ACK".to_owned(),
            Note::ZeroWindow => match role {
                Some(role) => format!("zero window: the {role} takes no more data"),
                None => "zero window".to_owned(),
            },
            Note::PreviousConnection => "belongs to an older connection of these ports".to_owned(),
            Note::IneffectiveReset => "RST outside the window: a receiver ignores it (RFC 5961)".to_owned(),
            Note::Alert(description, basis) => {
                format!("TLS alert {}{}", alert(*description), self.known_by(*basis))
            }
            Note::EncryptedAlert => "encrypted TLS alert, by its size".to_owned(),
            Note::EarlyData => "data before the handshake is complete".to_owned(),
            Note::SizeReadings(readings) => {
                let readings: Vec<_> = readings.iter().map(ToString::to_string).collect();
                format!("by its size: {}", readings.join("; or "))
            }
            Note::KeyUpdate => "TLS KeyUpdate, by its size".to_owned(),
            Note::Closing => "TLS close_notify, by its size".to_owned(),
            Note::Retry => {
                let group = self.story.tls.retry_group.map(|group| format!(" with a key share of {group}"));
                format!(
                    "HelloRetryRequest: the server asks for another ClientHello{}",
                    group.unwrap_or_default()
                )
            }
            Note::Plain(line) if line.is_empty() && self.story.capture.is_text => {
                "not TLS, as far as the text shows".to_owned()
            }
            Note::Plain(line) if line.is_empty() => "not TLS: bytes that are no text".to_owned(),
            Note::Plain(line) => format!("not TLS: \"{}\"", escaped(line)),
            Note::Prelude(protocol, step) => prelude(*protocol, *step),
            Note::FastOpen => "TCP Fast Open".to_owned(),
            Note::SimultaneousOpen => "both ends opened at once (RFC 9293, 3.5)".to_owned(),
            Note::Further(notes) => format!("and {} more of its records", grouped(*notes)),
        })
    }

    /// The stages that one packet reached, the hellos with what they said.
    fn reached(&self, before: Stage, stage: Stage, basis: Basis) -> String {
        let passed = [Stage::ClientHello, Stage::ServerHello]
            .into_iter()
            .filter(|hello| before < *hello && *hello < stage && self.said(*hello).is_some());
        let steps = passed.chain([stage]).map(|stage| {
            let said = self.said(stage).filter(|said| !said.is_empty());
            format!("▸ {stage}{}", said.map(|said| format!(": {said}")).unwrap_or_default())
        });
        let steps: Vec<_> = steps.collect();
        let basis = if stage >= Stage::ClientHello { self.known_by(basis) } else { "" };
        format!("{}{basis}", steps.join(" "))
    }

    /// How a step is known, unless the client itself could read it.
    fn known_by(&self, basis: Basis) -> &'static str {
        let is_read = self.story.capture.is_own && self.story.basis == Basis::Decoded;
        if is_read { "" } else { known_by(basis) }
    }

    /// What the message that reached a stage said; nothing where there was none.
    fn said(&self, stage: Stage) -> Option<String> {
        let tls = &self.story.tls;
        match stage {
            Stage::ClientHello => tls.client_hello.as_ref().map(|said| hello(&said.what)),
            Stage::ServerHello => tls.server_hello.as_ref().map(|said| {
                let hello = &said.what;
                let version = hello.version.map(|version| version.to_string());
                let suite = hello.cipher_suite.map(|suite| suite.to_string());
                let group = tls.group().map(|group| format!("group {group}"));
                let protocol = hello.alpn.as_ref().map(|protocol| format!("ALPN {}", escaped(protocol)));
                let resumed = (tls.is_resumed() == Some(true)).then(|| "session resumed".to_owned());
                let parts = [version, suite, group, protocol, resumed];
                parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
            }),
            Stage::TlsEstablished if self.story.opening.syn.count > 0 => tls
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
        parts.push(format!("{highest} offered"));
    }
    if let Some(name) = &hello.server_name {
        parts.push(format!("for {}", escaped(name)));
    }
    if !hello.alpn.is_empty() {
        parts.push(format!("ALPN {}", escaped(&hello.alpn.join(" "))));
    }
    if hello.offers_resumption() {
        parts.push("to resume a session".to_owned());
    }
    if hello.len > 0 {
        parts.push(count(u64::from(hello.len), "byte"));
    }
    if let Some(ja4) = hello.ja4() {
        parts.push(format!("JA4 {ja4}"));
    }
    parts.join(", ")
}

fn prelude(protocol: Prelude, step: PreludeStep) -> String {
    match step {
        PreludeStep::Asked if protocol.is_proxy() => format!("{protocol}: the client asks the proxy"),
        PreludeStep::Asked => format!("{protocol}: the client asks to start TLS"),
        PreludeStep::Continued => format!("{protocol}: the proxy goes on to the next step"),
        PreludeStep::Agreed if protocol.is_proxy() => format!("{protocol}: the tunnel is open"),
        PreludeStep::Agreed => format!("{protocol}: the server agrees"),
        PreludeStep::Refused(Refusal { code: Some(code), reason }) => {
            format!("{protocol}: refused with {code}, {reason}")
        }
        PreludeStep::Refused(Refusal { code: None, reason }) => format!("{protocol}: refused, {reason}"),
    }
}

fn alert(description: Option<AlertDescription>) -> String {
    description.map_or_else(|| "of unknown meaning".to_owned(), |description| description.to_string())
}

fn known_by(basis: Basis) -> &'static str {
    match basis {
        Basis::Decoded => "",
        Basis::Partial => " (partly captured)",
        Basis::Inferred => " (by lengths)",
    }
}
