//! A ClientHello of our own with everything that OpenSSL and Java offer, to see what a server would choose.
//!
//! rustls offers no CBC suites, no RSA and no DHE key exchange, nothing over P-521, and no version below TLS 1.2. A server
//! that needs one of them refuses the check and serves others. Nothing is completed here: the answer is read as far as it is
//! in clear, and the connection is closed.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use super::demands::{IDENTITY, Unmet};
use crate::limits;
use crate::probe::net::socket::Channel;
use crate::probe::step::Phase;
use crate::tls::{AlertDescription, CipherSuite, NamedGroup, ServerHello, Version, of_server_key_exchange};

/// How long the answer is waited for. It takes the server no signature that it could not make for the refused hello.
const PATIENCE: Duration = Duration::from_secs(3);

/// How much longer than a round trip a server may take to refuse a client without a certificate: it has nothing to compute for that.
const OBJECTION: Duration = Duration::from_millis(200);

/// What is offered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::probe) enum Offer {
    /// TLS 1.0 to 1.3.
    Everything,
    /// TLS 1.0 to 1.2 in the form of its time, for servers that stumble over extensions which they don't know.
    Old,
}

/// What a server chooses.
pub(in crate::probe) struct Choice {
    pub(in crate::probe) hello: ServerHello,
    /// Its certificates, its own first; empty if they are encrypted.
    pub(in crate::probe) chain: Vec<Vec<u8>>,
    /// The bits of its Diffie-Hellman prime, where it chooses one (RFC 5246, 7.4.3).
    pub(in crate::probe) prime_bits: Option<usize>,
    /// How it refused a client without a certificate, where it asked for one.
    refusal: Option<String>,
}

impl Choice {
    /// What it is that a client without a certificate lacks.
    pub(in crate::probe) fn unmet(&self) -> Option<Unmet> {
        let refusal = self.refusal.as_ref()?;
        Some(Unmet {
            headline: format!("the server asked for a client certificate, got none, and {refusal}"),
            explanation: "That is what it answers to an empty Certificate message, which clients without a certificate send (RFC 5246, \
                          7.4.6)."
                .to_owned(),
            advice: vec![IDENTITY],
            is_revoked: false,
        })
    }
}

impl Offer {
    /// In the order in which they are made.
    pub(in crate::probe) const ALL: [Self; 2] = [Self::Everything, Self::Old];
}

/// Sends the ClientHello, and reads the answer up to what is encrypted. Returns what the server chooses; `None` if it
/// refuses, or does not answer in time. The tape has what came.
///
/// A server that asks for the client's certificate is answered that there is none, unless the user gave one: whether it takes that
/// depends on nothing that follows.
pub(in crate::probe) fn ask(
    offer: Offer,
    name: Option<&str>,
    random: &[u8; 32],
    has_identity: bool,
    channel: &mut Channel<'_>,
) -> Option<Choice> {
    channel.tape().enter(Phase::Tls);
    let versions = match offer {
        Offer::Everything => "TLS 1.0 to 1.3",
        Offer::Old => "TLS 1.0 to 1.2",
    };
    channel.tape().note(format!(
        "ask what the server would choose of all that OpenSSL and Java offer ({versions}), completing nothing"
    ));
    let mut came = Vec::new();
    let began = Instant::now();
    // What came before an error counts.
    let _ = converse(&client_hello(offer, name, random), &mut came, channel);
    let took = began.elapsed();
    let (messages, _) = messages(&came);
    let hello = messages.iter().find(|(kind, _)| *kind == SERVER_HELLO)?;
    let mut hello = ServerHello::parse(&hello.1, true);
    let (version, suite) = hello.version.zip(hello.cipher_suite)?;
    if !offer.includes(version, suite) {
        channel.tape().note(format!("it answers with {suite} over {version}, which was not offered"));
        return None;
    }
    hello.group = hello.group.or_else(|| agreed_curve(version, &messages));
    let prime_bits = prime_bits(version, suite, &messages);
    let with = match (hello.group, prime_bits) {
        (Some(group), _) => format!(", with the group {group}"),
        (None, Some(bits)) => format!(", with a Diffie-Hellman prime of {bits} bits"),
        (None, None) => String::new(),
    };
    if hello.group.is_some_and(|group| !groups(offer).contains(&group.0)) {
        channel.tape().note(format!("it answers with {suite} over {version}{with}, which was not offered"));
        return None;
    }
    channel.tape().note(format!("it would choose {suite} over {version}{with}"));
    let find = |wanted: u8| messages.iter().find(|(kind, _)| *kind == wanted && !version.is_tls13());
    let chain = find(CERTIFICATE).map(|(_, body)| certificates(body)).unwrap_or_default();
    let is_asked = find(CERTIFICATE_REQUEST).is_some();
    if is_asked {
        channel.tape().note("it asks for a client certificate");
    }
    let refusal = if is_asked && !has_identity { refused_without(version, took, channel) } else { None };
    Some(Choice { hello, chain, prime_bits, refusal })
}

/// The curve of the key exchange, which up to TLS 1.2 has a message of its own.
fn agreed_curve(version: Version, messages: &[(u8, Vec<u8>)]) -> Option<NamedGroup> {
    let (_, body) =
        messages.iter().find(|(kind, _)| *kind == SERVER_KEY_EXCHANGE).filter(|_| !version.is_tls13())?;
    of_server_key_exchange(u32::try_from(body.len()).unwrap_or(u32::MAX), body)
}

/// The bits of the prime of a DHE key exchange: its length stands before it.
fn prime_bits(version: Version, suite: CipherSuite, messages: &[(u8, Vec<u8>)]) -> Option<usize> {
    let is_dhe = !version.is_tls13() && suite.name().is_some_and(|name| name.starts_with("TLS_DHE_"));
    let (_, body) = messages.iter().find(|(kind, _)| *kind == SERVER_KEY_EXCHANGE).filter(|_| is_dhe)?;
    let [high, low, rest @ ..] = &body[..] else { return None };
    let prime = rest.get(..usize::from(u16::from_be_bytes([*high, *low])))?;
    let zeros = prime.iter().take_while(|byte| **byte == 0).count();
    let first = prime.get(zeros)?;
    Some((prime.len() - zeros) * 8 - first.leading_zeros() as usize)
}

/// Says that there is no certificate (RFC 5246, 7.4.6), and listens whether the server refuses that. One that does not awaits the key
/// exchange, which does not follow. It took this long to answer the ClientHello.
fn refused_without(version: Version, took: Duration, channel: &mut Channel<'_>) -> Option<String> {
    channel.tape().note("answer that there is none");
    let until = Instant::now() + OBJECTION + (took * 2).min(PATIENCE);
    let mut came = Vec::new();
    let refusal = match objection(version, until, &mut came, channel) {
        Err(error) if error.kind() == io::ErrorKind::TimedOut => None,
        Ok(true) if came.is_empty() => Some("closed the connection".to_owned()),
        Err(_) if came.is_empty() => Some("reset the connection".to_owned()),
        _ => fatal_alert(&came).map(|alert| format!("refused with {alert}")),
    };
    channel.tape().note(match &refusal {
        Some(refusal) => format!("the server {refusal}"),
        None => "the server does not insist on one".to_owned(),
    });
    refusal
}

/// Sends an empty list of certificates, and reads what the server says to it. Returns whether it closed.
fn objection(
    version: Version,
    until: Instant,
    came: &mut Vec<u8>,
    channel: &mut Channel<'_>,
) -> io::Result<bool> {
    let [major, minor] = version.0.to_be_bytes();
    channel.write_all(&[HANDSHAKE, major, minor, 0, 7, CERTIFICATE, 0, 0, 3, 0, 0, 0])?;
    let mut buffer = [0; 1024];
    while came.len() < buffer.len() && fatal_alert(came).is_none() && channel.waits_until(until)? {
        match channel.read(&mut buffer)? {
            0 => return Ok(true),
            len => came.extend_from_slice(buffer.get(..len).unwrap_or_default()),
        }
    }
    Ok(false)
}

/// The fatal alert that these records begin with (RFC 5246, 7.2).
fn fatal_alert(came: &[u8]) -> Option<AlertDescription> {
    const ALERT: u8 = 21;
    const FATAL: u8 = 2;
    match *came {
        [ALERT, _, _, 0, 2, FATAL, description, ..] => Some(AlertDescription(description)),
        _ => None,
    }
}

/// The certificates of a message in clear (RFC 5246, 7.4.2), the server's own first.
fn certificates(body: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = body.get(3..).unwrap_or_default();
    let mut chain = Vec::new();
    while let [a, b, c, more @ ..] = rest {
        let len = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        let Some((der, after)) = more.split_at_checked(len) else { break };
        if chain.len() >= limits::CHAIN_CERTIFICATES {
            break;
        }
        chain.push(der.to_vec());
        rest = after;
    }
    chain
}

impl Offer {
    /// Whether a choice is among what is offered.
    fn includes(self, version: Version, suite: CipherSuite) -> bool {
        let is_new = self == Self::Everything;
        let newest = if is_new { Version::TLS13 } else { Version::TLS12 };
        let is_suite = suites(is_new).iter().any(|offered| u32::from(*offered) == suite.0);
        (TLS_1_0..=newest).contains(&version) && is_suite
    }
}

const TLS_1_0: Version = Version(0x0301);

fn converse(hello: &[u8], came: &mut Vec<u8>, channel: &mut Channel<'_>) -> io::Result<()> {
    channel.write_all(hello)?;
    let until = Instant::now() + PATIENCE;
    let mut buffer = [0; 4096];
    while !is_complete(came) && came.len() < limits::HTTP_HEAD_BYTES && channel.waits_until(until)? {
        match channel.read(&mut buffer)? {
            0 => break,
            len => came.extend_from_slice(buffer.get(..len).unwrap_or_default()),
        }
    }
    Ok(())
}

/// Whether this is all that a server sends before the client's next message: an alert, everything up to ServerHelloDone (TLS
/// 1.2), or the ServerHello of TLS 1.3, after which all is encrypted.
fn is_complete(bytes: &[u8]) -> bool {
    let (messages, is_over) = messages(bytes);
    is_over
        || messages.iter().any(|(kind, body)| match *kind {
            SERVER_HELLO => ServerHello::parse(body, true).version.is_some_and(Version::is_tls13),
            kind => kind == SERVER_HELLO_DONE,
        })
}

const HANDSHAKE: u8 = 22;
const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;
const SERVER_KEY_EXCHANGE: u8 = 12;
const CERTIFICATE_REQUEST: u8 = 13;
const SERVER_HELLO_DONE: u8 = 14;

/// The whole handshake messages in these records, by type, and whether something follows that is not one.
fn messages(mut bytes: &[u8]) -> (Vec<(u8, Vec<u8>)>, bool) {
    let mut stream = Vec::new();
    let mut is_over = false;
    while let [kind, _, _, high, low, rest @ ..] = bytes {
        let len = usize::from(u16::from_be_bytes([*high, *low]));
        is_over |= *kind != HANDSHAKE;
        let Some((record, rest)) = rest.split_at_checked(len).filter(|_| !is_over) else { break };
        stream.extend_from_slice(record);
        bytes = rest;
    }
    let mut messages = Vec::new();
    let mut rest = &stream[..];
    while let [kind, a, b, c, body @ ..] = rest {
        let len = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        let Some((body, after)) = body.split_at_checked(len) else { break };
        messages.push((*kind, body.to_vec()));
        rest = after;
    }
    (messages, is_over)
}

/// The record with the ClientHello (RFC 8446, 4.1.2).
fn client_hello(offer: Offer, name: Option<&str>, random: &[u8; 32]) -> Vec<u8> {
    let is_new = offer == Offer::Everything;
    let mut hello = vec![3, 3];
    hello.extend(random);
    hello.push(0);
    let suites: Vec<u8> =
        suites(is_new).into_iter().chain([RENEGOTIATION]).flat_map(u16::to_be_bytes).collect();
    hello.extend(counted(&suites));
    hello.extend([1, 0]);
    let mut extensions = Vec::new();
    let mut add = |kind: u16, body: &[u8]| {
        extensions.extend(kind.to_be_bytes());
        extensions.extend(counted(body));
    };
    if let Some(name) = name {
        add(0, &counted(&[&[0][..], &counted(name.as_bytes())].concat()));
    }
    let list = |numbers: &[u16]| {
        counted(&numbers.iter().flat_map(|number| number.to_be_bytes()).collect::<Vec<_>>())
    };
    add(10, &list(groups(offer)));
    add(11, &[1, 0]);
    add(13, &list(&SIGNATURES));
    if is_new {
        add(23, &[]);
        add(43, &[8, 3, 4, 3, 3, 3, 2, 3, 1]);
        add(45, &[1, 1]);
        // No key share: the server asks for the one that it wants, which is its choice (RFC 8446, 4.2.8).
        add(51, &[0, 0]);
    }
    hello.extend(counted(&extensions));
    let len = (hello.len() as u32).to_be_bytes();
    let message = [&[1][..], len.get(1..).unwrap_or_default(), &hello].concat();
    [&[22, 3, 1][..], &counted(&message)].concat()
}

/// Bytes with their number before them, in two bytes.
fn counted(bytes: &[u8]) -> Vec<u8> {
    let len = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    len.to_be_bytes().into_iter().chain(bytes.iter().copied().take(usize::from(len))).collect()
}

/// TLS_EMPTY_RENEGOTIATION_INFO_SCSV (RFC 5746, 3.3).
const RENEGOTIATION: u16 = 0x00ff;

/// Suites that authenticate the server by a certificate and encrypt, as weak as they may be; the strongest first.
fn suites(with_tls13: bool) -> Vec<u16> {
    const EXCHANGES: [&str; 5] = [
        "TLS_ECDHE_ECDSA_WITH_",
        "TLS_ECDHE_RSA_WITH_",
        "TLS_DHE_RSA_WITH_",
        "TLS_DHE_DSS_WITH_",
        "TLS_RSA_WITH_",
    ];
    const CIPHERS: [&str; 8] =
        ["GCM", "CHACHA20", "AES_256_CBC", "AES_128_CBC", "CCM", "CAMELLIA", "3DES", ""];
    let rank = |name: &str| {
        let cipher = CIPHERS.iter().position(|cipher| name.contains(cipher))?;
        let exchange = EXCHANGES.iter().position(|exchange| name.starts_with(exchange))?;
        (!name.contains("NULL")).then_some((cipher, exchange))
    };
    let mut ranked: Vec<_> = (0..=u16::MAX)
        .filter_map(|number| Some((rank(CipherSuite(u32::from(number)).name()?)?, number)))
        .collect();
    ranked.sort_unstable();
    let tls13 = [0x1302, 0x1303, 0x1301, 0x1304, 0x1305].into_iter().filter(|_| with_tls13);
    tls13.chain(ranked.into_iter().map(|(_, number)| number)).collect()
}

/// Groups: X25519 with ML-KEM 768, X25519, the NIST curves, X448, and the finite fields of RFC 7919. Today's OpenSSL and Java offer neither
/// secp256k1 nor Brainpool's curves unless they are configured to.
const GROUPS: [u16; 11] =
    [0x11ec, 0x001d, 0x0017, 0x0018, 0x0019, 0x001e, 0x0100, 0x0101, 0x0102, 0x0103, 0x0104];

/// Those of an offer: the hybrid needs TLS 1.3.
fn groups(offer: Offer) -> &'static [u16] {
    match offer {
        Offer::Everything => &GROUPS,
        Offer::Old => GROUPS.get(1..).unwrap_or_default(),
    }
}

/// Signatures: ECDSA, EdDSA, RSA-PSS, RSA, DSA, over SHA-1 too.
const SIGNATURES: [u16; 22] = [
    0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0809, 0x080a, 0x080b, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501,
    0x0601, 0x0303, 0x0203, 0x0301, 0x0201, 0x0302, 0x0202, 0x0402, 0x0502,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_and_weak_suites_are_offered_and_none_without_a_certificate_or_a_cipher() {
        let suites = suites(true);
        for number in [0x1301, 0xc02f, 0x009c, 0x002f, 0x0035, 0x0033, 0x000a, 0x0005, 0xc013, 0xc0ac] {
            assert!(suites.contains(&number), "{number:04x}");
        }
        for number in [0x0000, 0x0001, 0x0003, 0x0018, 0x00a8, 0xc018] {
            assert!(!suites.contains(&number), "{number:04x}");
        }
        assert_eq!(suites[0], 0x1302);
    }

    #[test]
    fn a_choice_is_of_a_version_and_a_suite_that_are_offered() {
        let [everything, old] = Offer::ALL;
        let cbc = CipherSuite(0xc013);
        for (offer, version, suite, is_included) in [
            (everything, Version::TLS13, CipherSuite(0x1301), true),
            (old, Version::TLS13, CipherSuite(0x1301), false),
            (old, TLS_1_0, cbc, true),
            (everything, Version(0x0300), cbc, false),
            (everything, Version::TLS12, CipherSuite(0x0001), false),
            (everything, Version::TLS12, CipherSuite(0xfefe), false),
        ] {
            assert_eq!(offer.includes(version, suite), is_included, "{version} {suite}");
        }
    }

    #[test]
    fn the_answer_is_complete_with_an_alert_a_done_or_a_choice_of_tls_1_3() {
        let record = |bytes: &[u8]| [&[22, 3, 3][..], &counted(bytes)].concat();
        let hello = |extensions: &[u8]| {
            let body = [&[3, 3][..], &[7; 32], &[0, 0x13, 0x01, 0], &counted(extensions)].concat();
            [&[2, 0, 0, body.len() as u8][..], &body].concat()
        };
        let new = record(&hello(&[0, 43, 0, 2, 3, 4]));
        let old = hello(&[]);
        assert!(is_complete(&[21, 3, 1, 0, 2, 2, 40]) && is_complete(&new));
        assert!(is_complete(&record(&[&old[..], &[14, 0, 0, 0]].concat())));
        assert!(!is_complete(&record(&old)) && !is_complete(&new[..8]) && !is_complete(&[]));
    }

    #[test]
    fn up_to_tls_1_2_the_server_key_exchange_has_the_curve() {
        let curve = |version, body: &[u8]| agreed_curve(version, &[(2, vec![3, 3]), (12, body.to_vec())]);
        assert_eq!(curve(Version::TLS12, &[3, 0, 0x19, 133, 4]), Some(NamedGroup(0x19)));
        assert_eq!(curve(TLS_1_0, &[3, 0, 0x17, 65, 4]), Some(NamedGroup(0x17)));
        // The length of a prime, and a message that TLS 1.3 encrypts.
        assert_eq!(curve(Version::TLS12, &[1, 0, 0xff]), None);
        assert_eq!(curve(Version::TLS13, &[3, 0, 0x19, 133, 4]), None);
        assert!(groups(Offer::Everything).contains(&0x19) && !groups(Offer::Old).contains(&0x11ec));
    }

    #[test]
    fn a_diffie_hellman_prime_is_as_long_as_it_is_without_zeros() {
        let (dhe, ecdhe) = (CipherSuite(0x009e), CipherSuite(0xc02f));
        let bits = |suite, body: &[u8]| prime_bits(Version::TLS12, suite, &[(12, body.to_vec())]);
        let prime =
            |bytes: usize| [&(bytes as u16).to_be_bytes()[..], &vec![0xff; bytes], &[0, 1, 2]].concat();
        assert_eq!(bits(dhe, &prime(128)), Some(1_024));
        assert_eq!(bits(dhe, &[0, 3, 0, 0x3f, 0xff]), Some(14));
        assert_eq!(bits(ecdhe, &prime(128)), None);
        for body in [&[][..], &[0], &[0, 9, 1], &[0, 2, 0, 0], &[0, 0]] {
            assert_eq!(bits(dhe, body), None, "{body:?}");
        }
    }

    #[test]
    fn certificates_are_read_as_far_as_they_are_whole() {
        assert_eq!(certificates(b"\0\0\x0b\0\0\x02ab\0\0\x03cde"), [b"ab".to_vec(), b"cde".to_vec()]);
        assert_eq!(certificates(b"\0\0\x0b\0\0\x02ab\0\0\x03cd"), [b"ab".to_vec()]);
        assert!(certificates(b"\0\0").is_empty());
    }

    #[test]
    fn only_a_fatal_alert_refuses_a_client_without_a_certificate() {
        assert_eq!(fatal_alert(&[21, 3, 3, 0, 2, 2, 40, 9]), Some(AlertDescription(40)));
        assert_eq!(fatal_alert(&[21, 3, 3, 0, 2, 1, 41]), None);
        assert_eq!(fatal_alert(&[22, 3, 3, 0, 2, 2, 40]), None);
        assert_eq!(fatal_alert(&[21, 3, 3, 0, 2, 2]), None);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_an_answer_or_none(bytes: Vec<u8>) {
            certificates(&bytes);
            let _ = is_complete(&[&[22, 3, 3][..], &counted(&bytes)].concat());
            let _ = is_complete(&bytes);
        }
    }

    #[test]
    fn both_hellos_have_their_length_and_the_name_and_are_short() {
        for offer in Offer::ALL {
            let hello = client_hello(offer, Some("ssm.example"), &[7; 32]);
            assert_eq!(hello[..3], [22, 3, 1]);
            assert_eq!(usize::from(u16::from_be_bytes([hello[3], hello[4]])), hello.len() - 5);
            assert!(hello.windows(11).any(|window| window == b"ssm.example"));
            assert!(hello.len() < 600, "{}", hello.len());
        }
    }
}
