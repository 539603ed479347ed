//! Requests of protocols other than HTTP, by their form alone: each is answered, a client's first message and later ones.

/// A protocol whose requests are known by their form after the first as well.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Question {
    /// DNS over TCP (RFC 7766).
    Dns,
    /// LDAP (RFC 4511).
    Ldap,
    /// MQTT (version 3.1.1 and 5).
    Mqtt,
    /// PostgreSQL's protocol 3.0.
    Postgres,
    /// NFS and its mount service, over ONC RPC (RFC 5531).
    Rpc,
}

impl Question {
    /// The protocol of a client's first segment.
    pub(super) fn of_first(bytes: &[u8]) -> Option<Self> {
        match () {
            () if is_dns(bytes) => Some(Self::Dns),
            () if is_ldap(bytes) => Some(Self::Ldap),
            () if is_mqtt(bytes) => Some(Self::Mqtt),
            () if is_postgres(bytes) => Some(Self::Postgres),
            () if is_rpc(bytes) => Some(Self::Rpc),
            () => None,
        }
    }

    /// Whether a later segment of the client is a request that is answered at once, as far as the service works. What waits for something
    /// to happen is none.
    pub(crate) fn asks_again(self, bytes: &[u8]) -> bool {
        match self {
            Self::Dns => is_dns(bytes),
            Self::Ldap => is_ldap(bytes) && !waits_for_changes(bytes),
            Self::Mqtt => is_mqtt_request(bytes),
            Self::Postgres => is_postgres_query(bytes),
            Self::Rpc => is_rpc(bytes),
        }
    }

    /// Whether the client takes its request back, which is answered no more then: LDAP's AbandonRequest (RFC 4511, 4.11).
    pub(super) fn is_taken_back_by(self, bytes: &[u8]) -> bool {
        const SEQUENCE: u8 = 0x30;
        const INTEGER: u8 = 2;
        const ABANDON: u8 = 0x50;
        let [SEQUENCE, _, INTEGER, len, rest @ ..] = bytes else { return false };
        self == Self::Ldap && rest.get(usize::from(*len)) == Some(&ABANDON)
    }
}

/// Whether a client's first segment is a request of a protocol that answers each: DNS over TCP, PostgreSQL, LDAP, MQTT, AMQP, SMB, Kerberos,
/// Redis, Microsoft's SQL Server or Oracle's database. Each carries its own length, or its protocol's name.
pub(super) fn is_request(bytes: &[u8]) -> bool {
    is_dns(bytes)
        || is_postgres(bytes)
        || is_ldap(bytes)
        || is_mqtt(bytes)
        || is_amqp(bytes)
        || is_smb(bytes)
        || is_kerberos(bytes)
        || is_redis(bytes)
        || is_tds(bytes)
        || is_tns(bytes)
        || is_rpc(bytes)
}

/// A length of 2, then a header with one question and no answer, whose bit for a response is not set (RFC 1035, 4.1.1 and 4.2.2).
fn is_dns(bytes: &[u8]) -> bool {
    let [high, low, _, _, flags, _, 0, 1, 0, 0, ..] = *bytes else { return false };
    usize::from(u16::from_be_bytes([high, low])) + 2 == bytes.len() && flags & 0xf8 == 0
}

/// A StartupMessage of protocol 3.0 (PostgreSQL's documentation, 54.7).
fn is_postgres(bytes: &[u8]) -> bool {
    has_length_of_4(bytes, 0) && bytes.get(4..8) == Some(&[0, 3, 0, 0])
}

/// An LDAPMessage with an operation that has a response (RFC 4511, 4.1.1).
fn is_ldap(bytes: &[u8]) -> bool {
    const SEQUENCE: u8 = 0x30;
    const INTEGER: u8 = 0x02;
    /// Bind, search, modify, add, delete, rename, compare, extended.
    const OPERATIONS: [u8; 8] = [0x60, 0x63, 0x66, 0x68, 0x4a, 0x6c, 0x6e, 0x77];
    let (content, is_whole) = match *bytes {
        [SEQUENCE, len @ 0..=0x7f, ref content @ ..] | [SEQUENCE, 0x81, len, ref content @ ..] => {
            (content, usize::from(len) == content.len())
        }
        [SEQUENCE, 0x82, high, low, ref content @ ..] => {
            (content, usize::from(u16::from_be_bytes([high, low])) == content.len())
        }
        [SEQUENCE, 0x84, a, b, c, d, ref content @ ..] => {
            (content, u32::from_be_bytes([a, b, c, d]) as usize == content.len())
        }
        _ => return false,
    };
    let [INTEGER, id_len @ 1..=4, rest @ ..] = content else { return false };
    is_whole && rest.get(usize::from(*id_len)).is_some_and(|operation| OPERATIONS.contains(operation))
}

/// CONNECT, whose variable header begins with the protocol's name (MQTT 3.1.1 and 5, 3.1).
fn is_mqtt(bytes: &[u8]) -> bool {
    let names: [&[u8]; 2] = [b"\x00\x04MQTT", b"\x00\x06MQIsdp"];
    let is_named =
        |at: usize| bytes.get(at..).is_some_and(|rest| names.iter().any(|name| rest.starts_with(name)));
    bytes.first() == Some(&0x10) && (is_named(2) || is_named(3))
}

/// The header by which a client proposes a version (AMQP 0-9-1, 4.2.2; AMQP 1.0, 2.2).
fn is_amqp(bytes: &[u8]) -> bool {
    const HEADER_BYTES: usize = 8;
    bytes.len() == HEADER_BYTES && bytes.starts_with(b"AMQP")
}

/// A message of SMB 1 to 3 in a session message (MS-SMB2, 2.1).
fn is_smb(bytes: &[u8]) -> bool {
    let is_named = bytes.get(4..8).is_some_and(|name| name == b"\xffSMB" || name == b"\xfeSMB");
    is_named && bytes.first() == Some(&0)
}

/// A length of 4, and AS-REQ or TGS-REQ (RFC 4120, 5.4.1 and 7.2.2). Where its end is cut off or in a later segment, the length of the
/// request itself confirms the one before it.
fn is_kerberos(bytes: &[u8]) -> bool {
    kerberos_len(bytes).is_some_and(|len| bytes.len() as u64 <= len)
}

/// How many bytes a request of Kerberos takes with its length.
pub(super) fn kerberos_len(bytes: &[u8]) -> Option<u64> {
    const PREFIX: u32 = 4;
    let [a, b, c, d, 0x6a | 0x6c, rest @ ..] = bytes else { return None };
    let len = u32::from_be_bytes([*a, *b, *c, *d]);
    let inner = match *rest {
        [inner @ 0..=0x7f, ..] => 2 + u32::from(inner),
        [0x81, inner, ..] => 3 + u32::from(inner),
        [0x82, high, low, ..] => 4 + u32::from(u16::from_be_bytes([high, low])),
        _ => return None,
    };
    (inner == len).then(|| u64::from(len) + u64::from(PREFIX))
}

/// An array of bulk strings (RESP's specification).
fn is_redis(bytes: &[u8]) -> bool {
    let [b'*', digit, rest @ ..] = bytes else { return false };
    digit.is_ascii_digit()
        && (rest.starts_with(b"\r\n$") || rest.get(1..).is_some_and(|rest| rest.starts_with(b"\r\n$")))
}

/// Controls of a search that lasts and is answered when something changes: a persistent search, content synchronization (RFC 4533), or
/// Active Directory's notification.
pub(crate) const WAITING_CONTROLS: [&[u8]; 3] =
    [b"2.16.840.1.113730.3.4.3", b"1.3.6.1.4.1.4203.1.9.1.1", b"1.2.840.113556.1.4.528"];

/// A search that lasts, as one of its controls shows.
fn waits_for_changes(bytes: &[u8]) -> bool {
    WAITING_CONTROLS.iter().any(|control| memchr::memmem::find(bytes, control).is_some())
}

/// PINGREQ, or a SUBSCRIBE or UNSUBSCRIBE of up to 127 bytes (MQTT 3.1.1, 3.8, 3.10 and 3.12).
fn is_mqtt_request(bytes: &[u8]) -> bool {
    match *bytes {
        [0xc0, 0] => true,
        [0x82 | 0xa2, len @ 0..=0x7f, ref rest @ ..] => usize::from(len) == rest.len(),
        _ => false,
    }
}

/// Messages of PostgreSQL's, the last of which asks for an answer: a query, a password, or the end of a series (its documentation, 54.7).
fn is_postgres_query(bytes: &[u8]) -> bool {
    let (mut rest, mut last) = (bytes, None);
    while let [kind, body @ ..] = rest {
        // The length counts itself.
        let Some(len) = body.first_chunk().map(|len| u32::from_be_bytes(*len) as usize) else { return false };
        let Some(after) = body.get(len..).filter(|_| len >= 4) else { return false };
        last = Some(*kind);
        rest = after;
    }
    matches!(last, Some(b'Q' | b'S' | b'p'))
}

/// A call of version 2 in one fragment, to NFS or its mount service (RFC 5531, 9 and 11).
fn is_rpc(bytes: &[u8]) -> bool {
    const NFS: u32 = 100_003;
    const MOUNT: u32 = 100_005;
    const LAST_FRAGMENT: u32 = 0x8000_0000;
    let word = |at: usize| bytes.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes);
    word(0).is_some_and(|mark| mark & LAST_FRAGMENT != 0)
        && word(0).is_some_and(|mark| (mark & !LAST_FRAGMENT) as usize + 4 == bytes.len())
        && (word(8), word(12)) == (Some(0), Some(2))
        && matches!(word(16), Some(NFS | MOUNT))
}

/// A PRELOGIN message, whose first option is the version (MS-TDS, 2.2.3.1 and 2.2.6.5).
fn is_tds(bytes: &[u8]) -> bool {
    const PRELOGIN: u8 = 0x12;
    const END_OF_MESSAGE: u8 = 1;
    let [PRELOGIN, END_OF_MESSAGE, high, low, _, _, _, _, 0, ..] = *bytes else { return false };
    usize::from(u16::from_be_bytes([high, low])) == bytes.len()
}

/// A CONNECT packet with its descriptor (Wireshark, packet-tns.c).
fn is_tns(bytes: &[u8]) -> bool {
    const CONNECT: u8 = 1;
    let [high, low, 0, 0, CONNECT, _, 0, 0, ..] = *bytes else { return false };
    usize::from(u16::from_be_bytes([high, low])) == bytes.len()
        && memchr::memmem::find(bytes, b"(DESCRIPTION=").is_some()
}

/// Whether a message begins with its length in 4 bytes, of which `beyond` are not counted.
fn has_length_of_4(bytes: &[u8], beyond: usize) -> bool {
    bytes.first_chunk().is_some_and(|len| u32::from_be_bytes(*len) as usize + beyond == bytes.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A query for the address of `a.example`.
    const DNS: &[u8] =
        b"\x00\x1b\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x07example\x00\x00\x01\x00\x01";

    #[test]
    fn a_request_is_known_by_its_form() {
        for request in [
            DNS,
            b"\x00\x00\x00\x10\x00\x03\x00\x00user\x00a\x00\x00",
            b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00",
            b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00",
            b"AMQP\x00\x00\x09\x01",
            b"\x00\x00\x00\x20\xfeSMB@\x00",
            b"\x00\x00\x00\x03\x6a\x01\x00",
            b"\x00\x00\x01\x04\x6a\x82\x01\x00\x30",
            b"*1\r\n$4\r\nPING\r\n",
            b"\x12\x01\x00\x0d\x00\x00\x00\x00\x00\x00\x0b\x00\x06",
            b"\x00\x17\x00\x00\x01\x00\x00\x00\x01(DESCRIPTION=)",
        ] {
            assert!(is_request(request), "{request:?}");
        }
    }

    #[test]
    fn a_response_and_what_has_another_length_are_none() {
        let mut response = DNS.to_vec();
        response[4] |= 0x80;
        for other in [
            &response[..],
            &DNS[..20],
            b"<14>a line of a log\n",
            b"",
            b"\x00",
            b"\x30\x03\x02\x01\x01",
            b"*\r\n",
            b"\x00\x00\x00\x05\x6a\x01\x00",
        ] {
            assert!(!is_request(other), "{other:?}");
        }
    }

    const RPC: &[u8] = b"\x80\x00\x00\x1c\x00\x00\x00\x07\x00\x00\x00\x00\x00\x00\x00\x02\x00\x01\x86\xa3\x00\x00\x00\x03\x00\x00\x00\x01\x00\x00\x00\x00";

    #[test]
    fn later_requests_are_known_by_their_form_and_what_waits_is_none() {
        let search = |control: &[u8]| {
            let body = [b"\x02\x01\x02\x63\x01\x00", control].concat();
            [&[0x30, body.len() as u8][..], &body].concat()
        };
        for (question, asks, not) in [
            (Question::Dns, DNS, &DNS[..20]),
            (Question::Ldap, &search(b""), &search(b"1.2.840.113556.1.4.528")),
            (Question::Mqtt, b"\xc0\x00", b"\xe0\x00"),
            (Question::Mqtt, b"\x82\x03\x00\x01\x00", b"\x30\x03\x00\x01a"),
            (Question::Postgres, b"Q\x00\x00\x00\x05\x00", b"X\x00\x00\x00\x04"),
            (Question::Postgres, b"P\x00\x00\x00\x04S\x00\x00\x00\x04", b"d\x00\x00\x00\x05a"),
            (Question::Rpc, RPC, b"\x80\x00\x00\x08\x00\x00\x00\x07\x00\x00\x00\x01"),
        ] {
            assert!(question.asks_again(asks), "{question:?} {asks:?}");
            assert!(!question.asks_again(not), "{question:?} {not:?}");
        }
        let abandon = [0x30, 6, 2, 1, 3, 0x50, 1, 2];
        assert!(Question::Ldap.is_taken_back_by(&abandon) && !Question::Ldap.is_taken_back_by(&search(b"")));
        assert_eq!(kerberos_len(b"\x00\x00\x01\x04\x6a\x82\x01\x00"), Some(264));
    }

    proptest! {
        #[test]
        fn any_bytes_are_looked_at(bytes: Vec<u8>) {
            let _ = is_request(&bytes);
            let _ = Question::of_first(&bytes);
            for question in [
                Question::Ldap, Question::Mqtt, Question::Postgres, Question::Rpc,
            ] {
                let _ = question.asks_again(&bytes);
            }
        }
    }
}
