//! TLS messages that another tool decoded, by their names: `TLSv1.2: Server Hello, Certificate, Server Hello Done`.
//!
//! The names are Wireshark's (epan/dissectors/packet-tls-utils.c, the value strings of records, messages and alerts), which
//! patched tcpdumps use as well. The bytes are not here, so that what the tool saw can't be checked: such events are
//! [`Basis::Partial`], as if headers had been captured and bodies cut off.

use super::alert::AlertDescription;
use super::awaits::Awaits;
use super::basis::Basis;
use super::event::Message;
use super::flow::{Flow, Step};
use super::handshake::{ClientHello, ServerHello, Version};
use super::reader::Raw;
use super::record::RECORD_HEADER_BYTES;
use crate::packet::PART;
use crate::tcp::{Delivery, PerRole, Role};

/// What the words of one segment say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Words<'a> {
    /// The version that the tool shows; of a ClientHello's segment it is that of the record.
    version: Option<Version>,
    text: &'a str,
    /// Whether the list was cut, so that more may follow.
    is_open: bool,
}

/// What was heard of a connection's words.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Listening {
    heard: bool,
    /// The server sent something whose words are not there, as where the tool missed a segment before it.
    server_spoke: bool,
    /// The client sent something after that, before there were any words.
    client_answered: bool,
    /// Whether what a side sent last is part of a record, and the tool shows no end of it.
    is_inside_record: PerRole<bool>,
}

impl Listening {
    /// Whether there were words so far.
    pub(super) fn heard(self) -> bool {
        self.heard
    }

    /// Whether a side's last record was begun and not ended, as far as the tool shows it.
    pub(super) fn is_inside_record(self, role: Role) -> bool {
        self.is_inside_record[role]
    }

    /// Takes note of a segment before there are any words, as where the tool had each in part only.
    pub(super) fn pass(&mut self, role: Role) {
        self.client_answered |= role == Role::Client && self.server_spoke;
        self.server_spoke |= role == Role::Server;
    }

    /// Takes in a segment; one without words is part of a message that is named at a later one.
    pub(super) fn take(
        &mut self,
        flow: &mut Flow,
        role: Role,
        delivery: &Delivery<'_>,
        words: Option<Words<'_>>,
        emit: &mut dyn FnMut(Message, Basis),
    ) {
        self.heard = true;
        self.is_inside_record[role] = words.is_none() && delivery.decoded == PART;
        let Some(words) = words else {
            self.server_spoke |= role == Role::Server;
            // What the tool decrypted is data.
            if !delivery.printed.is_empty() {
                let bytes = u16::try_from(delivery.len).unwrap_or(u16::MAX);
                flow.take(role, Raw::ApplicationData(bytes), Basis::Inferred, emit);
            }
            return;
        };
        let is_missing = flow.awaits() == Awaits::ServerHello && self.server_spoke;
        if is_missing && role == Role::Client && words.is_after_hello() {
            flow.take_server_hello(ServerHello::default(), Basis::Inferred, emit);
        }
        // RFC 5246, 7.3, figure 1: what the client sent before it began with its key exchange.
        if self.client_answered && role == Role::Server && words.has_clear_finished() {
            flow.take_clear(Role::Client, Some(Step::ClientKeyExchange), emit);
        }
        self.server_spoke |= role == Role::Server;
        words.read(flow, role, delivery.len, emit);
    }
}

/// One message or record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word<'a> {
    /// With the server's name, where the tool shows it.
    ClientHello(Option<&'a str>),
    ServerHello,
    HelloRetryRequest,
    Certificate,
    ServerKeyExchange,
    CertificateRequest,
    ServerHelloDone,
    ClientKeyExchange,
    ChangeCipherSpec,
    /// A handshake message that is encrypted, as up to TLS 1.2 the Finished is, or a Finished that the tool decrypted.
    Finished,
    /// Without its description where its name was cut.
    Alert(u8, Option<AlertDescription>),
    EncryptedAlert,
    ApplicationData,
}

/// A ChangeCipherSpec with its record's header, in bytes.
const CHANGE_CIPHER_SPEC: u32 = RECORD_HEADER_BYTES + 1;

/// An alert in clear with its record's header, in bytes.
const ALERT: u32 = RECORD_HEADER_BYTES + 2;

impl<'a> Words<'a> {
    /// The words of a tool's decoder, if it decoded TLS.
    pub(super) fn of(decoded: &'a str) -> Option<Self> {
        let (protocol, text) = decoded.split_once(':')?;
        let version = match protocol {
            "SSLv2" => Some(Version::SSL2),
            "SSLv3" => Some(Version(0x0300)),
            "TLSv1" | "TLSv1.0" => Some(Version(0x0301)),
            "TLSv1.1" => Some(Version(0x0302)),
            "TLSv1.2" => Some(Version::TLS12),
            "TLSv1.3" => Some(Version::TLS13),
            "TLS" | "SSL" | "TLCP" => None,
            _ => return None,
        };
        let whole = text.trim_end_matches(['\u{2026}', '.']);
        let is_open = text.ends_with('\u{2026}') || text.ends_with("...");
        Some(Self { version, text: if is_open { whole } else { text }.trim(), is_open })
    }

    /// Reports to the flow what the words say of a segment of `len` payload bytes.
    pub(super) fn read(self, flow: &mut Flow, role: Role, len: u32, emit: &mut dyn FnMut(Message, Basis)) {
        let mut data = self.application_data(len, flow, role).into_iter();
        let is_alone = self.words().count() == 1;
        for word in self.records() {
            match word {
                Word::ClientHello(name) => {
                    let bytes = if is_alone { len.saturating_sub(RECORD_HEADER_BYTES) } else { 0 };
                    let hello = ClientHello {
                        len: bytes,
                        server_name: name.map(str::to_owned),
                        ..ClientHello::default()
                    };
                    flow.take_client_hello(hello, Basis::Partial, emit);
                }
                Word::ServerHello | Word::HelloRetryRequest => {
                    let is_retry = word == Word::HelloRetryRequest;
                    let version = if is_retry { Some(Version::TLS13) } else { self.agreed_version() };
                    let hello = ServerHello { version, is_retry, ..ServerHello::default() };
                    flow.take_server_hello(hello, Basis::Partial, emit);
                }
                Word::ApplicationData => {
                    if let Some(bytes) = data.next() {
                        flow.take(role, Raw::ApplicationData(bytes), Basis::Partial, emit);
                    }
                }
                Word::ChangeCipherSpec => {
                    flow.take(role, Raw::ChangeCipherSpec, Basis::Partial, emit);
                }
                Word::Finished if self.version == Some(Version::TLS13) => {
                    flow.step(role, Step::HiddenFinished, Basis::Partial, emit);
                }
                Word::Finished => {
                    flow.take(role, Raw::EncryptedHandshake, Basis::Partial, emit);
                }
                Word::EncryptedAlert => {
                    flow.take(role, Raw::EncryptedAlert { is_after_change: true }, Basis::Partial, emit);
                }
                Word::Alert(level, Some(description)) => {
                    flow.take(role, Raw::Alert { level, description }, Basis::Partial, emit);
                }
                // A tool that has the keys decodes what is encrypted, which is longer; a warning in clear that is cut off ends nothing.
                Word::Alert(_, None) if len > ALERT && self.records().count() <= 1 => {
                    flow.take(role, Raw::EncryptedAlert { is_after_change: true }, Basis::Partial, emit);
                }
                Word::Alert(1, None) => {}
                Word::Alert(level, None) => {
                    emit(Message::Alert { level, description: None }, Basis::Partial);
                }
                // A tool that has the keys shows these of TLS 1.3 as well, where the Finished says all.
                _ if self.version == Some(Version::TLS13) => {}
                Word::CertificateRequest => emit(Message::CertificateRequest, Basis::Partial),
                Word::ServerHelloDone => flow.take_clear(role, Some(Step::ServerHelloDone), emit),
                Word::ClientKeyExchange => flow.take_clear(role, Some(Step::ClientKeyExchange), emit),
                Word::Certificate if role == Role::Client => {
                    flow.take_clear(role, Some(Step::ClientKeyExchange), emit);
                }
                Word::Certificate | Word::ServerKeyExchange => flow.take_clear(role, None, emit),
            }
        }
        if self.is_open {
            self.read_rest(flow, role, len, emit);
        }
    }

    /// What must follow the last message of a list that was cut: a ChangeCipherSpec is never sent alone (RFC 5246, 7.1).
    fn read_rest(self, flow: &mut Flow, role: Role, len: u32, emit: &mut dyn FnMut(Message, Basis)) {
        /// Bytes of a key exchange that is all of its segment: X25519, P-256, P-384, P-521, and RSA with 2048 and 4096 bits (RFC 8422, 5.7;
        /// RFC 5246, 7.4.7.1).
        const KEY_EXCHANGES: [u32; 6] = [42, 75, 107, 143, 267, 523];
        let is_tls13 = self.version == Some(Version::TLS13);
        let is_alone = self.records().count() == 1;
        if is_alone && (len <= CHANGE_CIPHER_SPEC || KEY_EXCHANGES.contains(&len)) {
            return;
        }
        match self.records().last() {
            Some(Word::ChangeCipherSpec) if is_tls13 => {
                let rest = len.saturating_sub(CHANGE_CIPHER_SPEC + RECORD_HEADER_BYTES);
                let bytes = u16::try_from(rest).ok().filter(|_| is_alone);
                flow.take(role, Raw::ApplicationData(bytes.unwrap_or(u16::MAX)), Basis::Inferred, emit);
            }
            Some(Word::ChangeCipherSpec) => {
                flow.take(role, Raw::EncryptedHandshake, Basis::Inferred, emit);
            }
            Some(Word::ClientKeyExchange) if !is_tls13 => {
                flow.take(role, Raw::ChangeCipherSpec, Basis::Inferred, emit);
                flow.take(role, Raw::EncryptedHandshake, Basis::Inferred, emit);
            }
            _ => {}
        }
    }

    /// Whether they are of what a client sends after its ClientHello, once it got a ServerHello.
    pub(super) fn is_after_hello(self) -> bool {
        self.records().any(|word| !matches!(word, Word::ClientHello(_) | Word::Alert(..)))
    }

    /// Whether a Finished is shown that is a record of its own kind, as up to TLS 1.2.
    fn has_clear_finished(self) -> bool {
        self.version != Some(Version::TLS13) && self.records().any(|word| word == Word::Finished)
    }

    /// The version in a ServerHello. After the ChangeCipherSpec of its own segment only TLS 1.3 has application data.
    fn agreed_version(self) -> Option<Version> {
        let mut words = self.records().skip_while(|word| *word != Word::ChangeCipherSpec).skip(1);
        if words.next() == Some(Word::ApplicationData) { Some(Version::TLS13) } else { self.version }
    }

    /// Body lengths of the records of application data, as far as the segment's length shows them: one is what the others
    /// leave. The first of several in the client's flight may be its Finished, or an empty Certificate before it.
    fn application_data(self, len: u32, flow: &Flow, role: Role) -> Vec<u16> {
        let mut bytes = len;
        let (mut count, mut is_sure) = (0, true);
        for word in self.words() {
            match word {
                Some(Word::ApplicationData) => {
                    (count, bytes) = (count + 1, bytes.saturating_sub(RECORD_HEADER_BYTES));
                }
                Some(Word::ChangeCipherSpec) => bytes = bytes.saturating_sub(CHANGE_CIPHER_SPEC),
                Some(Word::Alert(..)) => bytes = bytes.saturating_sub(ALERT),
                _ => is_sure = false,
            }
        }
        let short = |bytes: u32| u16::try_from(bytes).unwrap_or(u16::MAX);
        match count {
            0 => Vec::new(),
            1 if is_sure => vec![short(bytes)],
            _ if is_sure && role == Role::Client && flow.awaits_client_finished() => {
                split_flight(bytes).map(short).to_vec()
            }
            // One record whose size shows nothing.
            _ => vec![u16::MAX],
        }
    }

    /// The messages and records that are known.
    fn records(self) -> impl Iterator<Item = Word<'a>> {
        self.words().flatten()
    }

    fn words(self) -> impl Iterator<Item = Option<Word<'a>>> {
        let mut before = None;
        let last = self.text.trim_end_matches(',').len();
        let text = self.text.get(..last).unwrap_or_default();
        split(text).map(move |word| {
            let is_last = word.as_ptr().addr() + word.len() == text.as_ptr().addr() + text.len();
            let parsed = Word::parse(word);
            before = parsed.or_else(|| Word::begun(word, before).filter(|_| self.is_open && is_last));
            before
        })
    }
}

/// Two records of a TLS 1.3 client's flight: an empty Certificate and the Finished, or the Finished and data.
fn split_flight(bytes: u32) -> [u32; 2] {
    // RFC 8446, 4.4.2 and 4.4.4: hashes of 32 and 48 bytes, and JSSE pads by 16 more.
    const FINISHED: [u32; 3] = [53, 69, 85];
    const EMPTY_CERTIFICATE: [u32; 2] = [25, 41];
    let certificate =
        EMPTY_CERTIFICATE.into_iter().find(|empty| FINISHED.iter().any(|finished| empty + finished == bytes));
    let first = certificate.unwrap_or(FINISHED[0].min(bytes));
    [first, bytes - first]
}

/// The words between commas, except those in parentheses.
fn split(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0u32;
    text.split(move |letter| {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        letter == ',' && depth == 0
    })
    .map(str::trim)
}

impl<'a> Word<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        // `[TCP segment of a reassembled PDU]` and the like may follow.
        let text = text.split('[').next().unwrap_or(text).trim();
        if let Some(alert) = text.strip_prefix("Alert (") {
            return Self::alert(alert);
        }
        if let Some(hello) = text.strip_prefix("Client Hello") {
            let name = hello.trim().strip_prefix("(SNI=").and_then(|name| name.split_once(')'));
            return Some(Self::ClientHello(name.map(|(name, _)| name)));
        }
        // What an author wrote after the name is no part of it.
        let is_named = |name: &str| {
            let after = text.strip_prefix(name).map(str::trim_start);
            after.is_some_and(|after| !after.starts_with(char::is_alphanumeric))
        };
        NAMES.iter().find(|(name, _)| is_named(name)).map(|(_, word)| *word)
    }

    /// The message that a name which was cut can only be, after the message `before`.
    fn begun(text: &str, before: Option<Self>) -> Option<Self> {
        if text.is_empty() {
            return None;
        }
        let alert = text.strip_prefix("Alert (").or_else(|| "Alert (".starts_with(text).then_some(""));
        if let Some(inside) = alert.filter(|_| text.len() > 1) {
            let is_warning = inside.trim_start_matches("Level: ").starts_with('W');
            return Some(Self::Alert(if is_warning { 1 } else { 2 }, None));
        }
        if alert.is_some() && before != Some(Self::ChangeCipherSpec) {
            return None;
        }
        let mut fitting = NAMES.iter().filter(|(name, _)| name.starts_with(text)).map(|(_, word)| *word);
        let (first, second) = (fitting.next()?, fitting.next());
        match before {
            _ if second.is_none() => Some(first),
            // RFC 5246, 7.1 and RFC 8446, D.4.
            Some(Self::ChangeCipherSpec) if "Encrypted Handshake Message".starts_with(text) => {
                Some(Self::Finished)
            }
            Some(Self::ChangeCipherSpec) if "Application Data".starts_with(text) => {
                Some(Self::ApplicationData)
            }
            _ => None,
        }
    }

    /// `Level: Fatal, Description: Handshake Failure)`, and what an author wrote after it. The beginning of a truncated name
    /// suffices if only one alert begins so.
    fn alert(text: &str) -> Option<Self> {
        let (inside, is_closed) = text.split_once(')').map_or((text, false), |(inside, _)| (inside, true));
        let (level, name) = inside.split_once(", Description: ")?;
        let level = if level.ends_with("Warning") { 1 } else { 2 };
        let description = AlertDescription::of_words(name)
            .or_else(|| if is_closed { None } else { AlertDescription::of_cut_words(name) })?;
        Some(Self::Alert(level, Some(description)))
    }
}

/// Messages and records by Wireshark's names.
const NAMES: [(&str, Word<'_>); 12] = [
    ("Server Hello", Word::ServerHello),
    ("Hello Retry Request", Word::HelloRetryRequest),
    ("Certificate", Word::Certificate),
    ("Server Key Exchange", Word::ServerKeyExchange),
    ("Certificate Request", Word::CertificateRequest),
    ("Server Hello Done", Word::ServerHelloDone),
    ("Client Key Exchange", Word::ClientKeyExchange),
    ("Change Cipher Spec", Word::ChangeCipherSpec),
    ("Encrypted Handshake Message", Word::Finished),
    ("Finished", Word::Finished),
    ("Encrypted Alert", Word::EncryptedAlert),
    ("Application Data", Word::ApplicationData),
];

impl AlertDescription {
    /// From the beginning of a tool's words, which a terminal cut, where it is that of one alert only.
    fn of_cut_words(words: &str) -> Option<Self> {
        let begun =
            words.trim_end_matches(['.', '\u{2026}', '|', '`', '"', '\\', ' ']).trim().to_ascii_lowercase();
        let begun = begun.replace(' ', "_");
        let is_begun = |number: &u8| Self(*number).name().is_some_and(|name| name.starts_with(&begun));
        let mut fitting = (0..=u8::MAX).filter(is_begun);
        let only = fitting.next().filter(|_| !begun.is_empty() && fitting.next().is_none());
        // The whole name with a mark after it may begin another's.
        Self::of_words(&begun.replace('_', " ")).or(only.map(Self))
    }
}

impl Flow {
    /// Whether the client's Finished is what comes next from it.
    fn awaits_client_finished(&self) -> bool {
        (Awaits::ServerFlight..=Awaits::ClientFinished).contains(&self.awaits())
    }

    /// A message that is in clear up to TLS 1.2 only.
    fn take_clear(&mut self, role: Role, step: Option<Step>, emit: &mut dyn FnMut(Message, Basis)) {
        self.note_version(false);
        if let Some(step) = step {
            self.step(role, step, Basis::Partial, emit);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::time::Timestamp;
    use Role::{Client, Server};

    /// Hears segments of these lengths, and returns what was emitted by name.
    fn names(segments: &[(Role, u32, &str)]) -> Vec<String> {
        let mut names = Vec::new();
        let (mut flow, mut listening) = (Flow::default(), Listening::default());
        for (role, len, decoded) in segments {
            let delivery = Delivery {
                number: 1,
                at: Timestamp::ZERO,
                len: *len,
                bytes: &[],
                printed: &[],
                decoded,
                hole: None,
            };
            if decoded.is_empty() && !listening.heard() {
                listening.pass(*role);
                continue;
            }
            listening.take(&mut flow, *role, &delivery, Words::of(decoded), &mut |message, basis| {
                assert_ne!(basis, Basis::Decoded);
                names.push(format!("{message:?}").split(['(', ' ']).next().unwrap_or("").to_owned());
            });
        }
        names
    }

    const HANDSHAKE: [&str; 5] =
        ["ClientHello", "ServerHello", "ServerFlightComplete", "ClientFinished", "Established"];

    #[test]
    fn a_server_s_finished_after_both_flights_without_words_establishes_tls() {
        let segments = [
            (Client, 142, ""),
            (Server, 1403, ""),
            (Client, 194, ""),
            (Server, 51, "TLSv1.2: Change Cipher Spec, Encrypted Handshake Message"),
            (Client, 119, ""),
            (Client, 31, "TLSv1.2: Encrypted Alert"),
        ];
        let names = names(&segments);
        assert_eq!(names[names.len() - 2..], ["Established", "Closing"]);
    }

    #[test]
    fn a_part_of_a_record_is_inside_it_until_words_of_its_side_follow() {
        let inside = |decoded: &str| {
            let (mut flow, mut listening) = (Flow::default(), Listening::default());
            for decoded in ["TLSv1.2: Application Data", PART, decoded] {
                let delivery = Delivery {
                    number: 1,
                    at: Timestamp::ZERO,
                    len: 40,
                    bytes: &[],
                    printed: &[],
                    decoded,
                    hole: None,
                };
                listening.take(&mut flow, Server, &delivery, Words::of(decoded), &mut |_, _| {});
            }
            listening.is_inside_record(Server)
        };
        assert!(inside(PART) && !inside("TLSv1.2: Application Data") && !inside(""));
    }

    #[test]
    fn tls12_is_followed_by_its_names() {
        let mut segments = vec![
            (Client, 222, "TLSv1: Client Hello (SNI=ssm.example.net)"),
            (Server, 1448, "TLSv1.2: Server Hello"),
            (Server, 770, "TLSv1.2: Certificate, Server Key Exchange, Server Hello Done"),
            (Client, 93, "TLSv1.2: Client Key Exchange, Change Cipher Spec, Encrypted Handshake Message"),
            (Server, 51, "TLSv1.2: New Session Ticket, Change Cipher Spec, Encrypted Handshake Message"),
        ];
        assert_eq!(names(&segments), HANDSHAKE);
        segments
            .extend([(Client, 64, "TLSv1.2: Application Data"), (Client, 31, "TLSv1.2: Encrypted Alert")]);
        assert_eq!(names(&segments)[5..], ["ApplicationData", "Closing"]);
    }

    #[test]
    fn tls13_is_followed_by_sizes_of_its_records() {
        let hello = (Client, 517, "TLSv1: Client Hello");
        let flight =
            (Server, 1448, "TLSv1.3: Server Hello, Change Cipher Spec, Application Data, Application Data");
        for (flight, client) in [
            (flight, vec![(64, "TLSv1.3: Change Cipher Spec, Application Data")]),
            (flight, vec![(6, "TLSv1.3: Change Cipher Spec"), (74, "TLSv1.3: Application Data")]),
            (flight, vec![(6 + 30 + 74, "TLSv1.3: Change Cipher Spec, Application Data, Application Data")]),
            // A tool of before TLS 1.3.
            (
                (Server, 1448, "TLSv1.2: Server Hello, Change Cipher Spec, Application Data"),
                vec![(64, "TLSv1.2: Change Cipher Spec, Application Data")],
            ),
            // One that has the keys.
            (
                (
                    Server,
                    1448,
                    "TLSv1.3: Server Hello, Change Cipher Spec, Encrypted Extensions, Certificate, Finished",
                ),
                vec![(64, "TLSv1.3: Change Cipher Spec, Finished")],
            ),
        ] {
            let client = client.into_iter().map(|(len, decoded)| (Client, len, decoded));
            let segments: Vec<_> = [hello, flight].into_iter().chain(client).collect();
            assert_eq!(names(&segments)[..5], HANDSHAKE, "{segments:?}");
        }
    }

    #[test]
    fn a_list_that_was_cut_continues_as_it_must() {
        for (client, server) in [
            (
                "TLSv1.2: Client Key Exchange, Chan\u{2026}",
                "TLSv1.2: New Session Ticket, Change Cipher S\u{2026}",
            ),
            ("TLSv1.2: Client Key Ex\u{2026}", "TLSv1.2: Change Cipher Spec, E\u{2026}"),
            ("TLSv1.2: Client Key Exchange,...", "TLSv1.2: Change Cipher Spec,\u{2026}"),
        ] {
            let alone = [
                (Client, 188, "TLSv1: Client Hello"),
                (Server, 1259, "TLSv1.2: Server Hello, Certificat\u{2026}"),
                (Client, 42, "TLSv1.2: Client Key Exchange\u{2026}"),
                (Client, 6, "TLSv1.2: Change Cipher Spec\u{2026}"),
            ];
            assert!(!names(&alone).contains(&"ClientFinished".to_owned()), "each is whole");
            let segments = [
                (Client, 188, "TLSv1: Client Hello"),
                (Server, 1259, "TLSv1.2: Server Hello, Certificat\u{2026}"),
                (Client, 93, client),
                (Server, 258, server),
                (Client, 119, "TLSv1.2: Application Data"),
            ];
            assert_eq!(names(&segments)[..5], HANDSHAKE, "{client}");
        }
        let tls13 = [
            (Client, 225, "TLSv1: Client Hello"),
            (Server, 1416, "TLSv1.3: Server Hello, Change Cipher\u{2026}"),
            (Client, 80, "TLSv1.3: Change Cipher Spec, A\u{2026}"),
            (Client, 119, "TLSv1.3: Application Data"),
        ];
        assert_eq!(names(&tls13)[..5], HANDSHAKE);
        let alert = [(Client, 225, "TLSv1: Client Hello"), (Server, 7, "TLSv1.2: Alert (Level: Fa\u{2026}")];
        assert_eq!(names(&alert), ["ClientHello", "Alert"]);
        // What is not cut off decides, and the length: of a tool that has the keys, an alert at the end is a close_notify.
        let warning =
            [(Client, 225, "TLSv1: Client Hello"), (Server, 7, "TLSv1.2: Alert (Level: Warning, D\u{2026}")];
        assert_eq!(names(&warning), ["ClientHello"]);
        for cut in ["Alert (Level: Warning\u{2026}", "Alert (Lev\u{2026}", "Alert\u{2026}"] {
            let cut = format!("TLSv1.2: {cut}");
            let segments = [
                (Client, 142, ""),
                (Server, 1403, ""),
                (Client, 194, ""),
                (Server, 51, "TLSv1.2: Change Cipher Spec, Encrypted Handshake Message"),
                (Client, 119, ""),
                (Client, 31, cut.as_str()),
            ];
            assert_eq!(names(&segments).last().map(String::as_str), Some("Closing"), "{cut}");
        }
    }

    #[test]
    fn a_server_hello_that_the_tool_missed_is_inferred() {
        let segments = [
            (Client, 312, "TLSv1.2: Client Hello (SNI=ssm.example.net)"),
            (Server, 1410, "TLSv1.2: Ignored Unknown Record"),
            (Server, 1412, ""),
            (Client, 6, "TLSv1.2: Change Cipher Spec"),
            (Client, 74, "TLSv1.2: Application Data"),
        ];
        assert_eq!(names(&segments), HANDSHAKE);
    }

    #[test]
    fn alerts_are_named() {
        let words =
            Words::of("TLSv1.2: Alert (Level: Fatal, Description: Certificate Unknown)").expect("words");
        assert_eq!(words.records().collect::<Vec<_>>(), [Word::Alert(2, Some(AlertDescription(46)))]);
        let segments = [
            (Client, 517, "TLSv1: Client Hello"),
            (Server, 7, "TLSv1.2: Alert (Level: Fatal, Description: Handshake Failure)"),
        ];
        assert_eq!(names(&segments), ["ClientHello", "Alert"]);
    }

    #[test]
    fn an_alert_is_named_whatever_follows_it_and_by_the_beginning_of_its_name() {
        let alert = |after: &str| {
            let text = format!("TLSv1.2: Alert (Level: Fatal, Description: {after}");
            let records: Vec<_> =
                Words::of(&text).expect("words").records().map(|word| format!("{word:?}")).collect();
            records.concat()
        };
        let named = |number: u8| format!("{:?}", Word::Alert(2, Some(AlertDescription(number))));
        for (after, number) in [
            ("Handshake Failure) <--- here", 40),
            ("Handshake Failure)  \\", 40),
            ("Certificate Unknown).", 46),
            ("Handsha", 40),
            ("Handshake Failure |", 40),
            ("Certificate Ex", 45),
            ("Protocol Versi…", 70),
        ] {
            assert_eq!(alert(after), named(number), "{after}");
        }
        for unclear in ["", "Certificate ", "Bad", "Unkn", "Nonsense)", "Handsha)"] {
            assert_eq!(alert(unclear), "", "{unclear}");
        }
    }

    #[test]
    fn a_name_is_whole_before_what_an_author_added() {
        let words = |text: &str| {
            Words::of(text).expect("words").records().map(|word| format!("{word:?}")).collect::<Vec<_>>()
        };
        assert_eq!(words("TLSv1.2: Server Hello <-- look"), ["ServerHello"]);
        assert_eq!(words("TLSv1.2: Server Hello Done |"), ["ServerHelloDone"]);
        assert_eq!(
            words("TLSv1.2: Certificate, Certificate Request `"),
            ["Certificate", "CertificateRequest"]
        );
        assert!(words("TLSv1.2: Certificate Verify").is_empty());
        assert_eq!(
            words("TLSv1: Client Hello (SNI=ssm.example.net) <--"),
            ["ClientHello(Some(\"ssm.example.net\"))"]
        );
    }

    #[test]
    fn what_is_no_tls_has_no_words() {
        for decoded in ["", "HTTP: GET / HTTP/1.1", "TLSv1.2", "BGP: KEEPALIVE Message"] {
            assert_eq!(Words::of(decoded), None, "{decoded}");
        }
    }

    proptest! {
        #[test]
        fn any_words_are_heard(texts: Vec<(bool, u32, String)>) {
            let names_of = ["Application Data", "Change Cipher Spec", "Client Hello (", "Alert (Level: Fatal, Description: ", "Finished"];
            let segments: Vec<_> = texts
                .iter()
                .map(|(is_client, len, text)| {
                    let name = names_of[*len as usize % names_of.len()];
                    (if *is_client { Client } else { Server }, *len, format!("TLSv1.{}: {name}, {text}, {name}", len % 4))
                })
                .collect();
            let segments: Vec<_> = segments.iter().map(|(role, len, text)| (*role, *len, text.as_str())).collect();
            let _ = names(&segments);
        }
    }
}
