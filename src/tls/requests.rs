//! Requests of protocols other than HTTP, by their form alone: each is a client's first message, and is answered.

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

/// A length of 4, and AS-REQ or TGS-REQ (RFC 4120, 5.4.1 and 7.2.2).
fn is_kerberos(bytes: &[u8]) -> bool {
    has_length_of_4(bytes, 4) && matches!(bytes.get(4), Some(0x6a | 0x6c))
}

/// An array of bulk strings (RESP's specification).
fn is_redis(bytes: &[u8]) -> bool {
    let [b'*', digit, rest @ ..] = bytes else { return false };
    digit.is_ascii_digit()
        && (rest.starts_with(b"\r\n$") || rest.get(1..).is_some_and(|rest| rest.starts_with(b"\r\n$")))
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
        ] {
            assert!(!is_request(other), "{other:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_looked_at(bytes: Vec<u8>) {
            let _ = is_request(&bytes);
        }
    }
}
