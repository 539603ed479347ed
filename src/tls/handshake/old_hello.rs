//! SSLv2 hellos, in which old clients offer newer versions too (RFC 5246, E.2).

use super::fields::Fields;
use super::{CipherSuite, ClientHello, Version};
use crate::tcp::Role;

/// An SSLv2 hello at the beginning of a side's stream.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::tls) struct OldHello {
    /// Bytes of the record, its header of two bytes included.
    pub(in crate::tls) len: usize,
    /// The client's highest version, or the server's.
    pub(in crate::tls) version: Version,
}

impl OldHello {
    /// Bytes by which one is recognised.
    pub(in crate::tls) const START_BYTES: usize = 5;

    /// Recognises one by its first bytes.
    pub(in crate::tls) fn recognise(role: Role, start: &[u8]) -> Option<Self> {
        let [high, low, message, major, minor] = *start else { return None };
        let len = usize::from(u16::from_be_bytes([high & 0x7f, low])) + 2;
        let version = Version(u16::from_be_bytes([major, minor]));
        let is_version = version == Version::SSL2 || (major == 3 && minor <= 4);
        match role {
            Role::Client => (high & 0x80 != 0 && message == 1 && is_version).then_some(Self { len, version }),
            // "The SSL Protocol", 1995: SERVER-HELLO is 4, then session-id-hit 0 or 1.
            Role::Server => {
                let is_hello = high & 0x80 != 0 && message == 4 && major <= 1;
                is_hello.then_some(Self { len, version: Version::SSL2 })
            }
        }
    }

    /// What a client's hello contains, given the record from its first byte as far as it was captured.
    pub(in crate::tls) fn client_hello(&self, record: &[u8]) -> ClientHello {
        let mut hello = ClientHello {
            len: self.len as u32,
            versions: vec![self.version],
            is_whole: record.len() >= self.len,
            has_old_form: true,
            ..ClientHello::default()
        };
        let _ = read(&mut hello, record.get(Self::START_BYTES..).unwrap_or_default());
        hello
    }
}

/// Cipher kinds of three bytes each; those that begin with 0 are TLS cipher suites (RFC 5246, E.2).
fn read(hello: &mut ClientHello, body: &[u8]) -> Option<()> {
    let mut fields = Fields(body);
    let kinds = fields.number(2)?;
    let session_id = fields.number(2)?;
    fields.number(2)?;
    let mut kinds = Fields(fields.take(kinds.min(fields.0.len()))?);
    while let Some(kind) = kinds.number(3) {
        hello.cipher_suites.push(CipherSuite(kind as u32));
    }
    hello.session_id = fields.take(session_id)?.to_vec();
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn versions_and_cipher_suites_are_read() {
        let mut record = vec![0x80, 9 + 6 + 16, 1, 3, 1, 0, 6, 0, 0, 0, 16];
        record.extend([0, 0, 0x2f, 7, 0, 0xc0]);
        record.extend([5; 16]);
        let old = OldHello::recognise(Role::Client, &record[..5]).expect("a hello");
        let hello = old.client_hello(&record);
        assert_eq!(hello.versions, [Version(0x0301)]);
        assert_eq!(hello.cipher_suites, [CipherSuite(0x2f), CipherSuite(0x07_00c0)]);
        assert!(hello.is_whole);
        assert!(!old.client_hello(&record[..14]).is_whole);
        assert_eq!(hello.ja4(), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_as_far_as_they_go(record: Vec<u8>) {
            OldHello { len: 40, version: Version::SSL2 }.client_hello(&record);
        }
    }
}
