//! The ServerHello, and the HelloRetryRequest in its form.

use super::fields::Fields;
use super::{CipherSuite, NamedGroup, Version};

/// The random of a ServerHello that is a HelloRetryRequest: SHA-256 of "HelloRetryRequest" (RFC 8446, 4.1.3).
pub(crate) const RETRY_RANDOM: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2,
    0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// Bytes of a random number that don't agree by chance.
const TELLING_BYTES: usize = 8;

/// What a ServerHello contains, as far as it was captured.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ServerHello {
    /// The version agreed on; absent when the message was cut before it was certain.
    pub version: Option<Version>,
    /// The cipher suite agreed on.
    pub cipher_suite: Option<CipherSuite>,
    /// The session id, which up to TLS 1.2 is the client's own when its session is resumed.
    pub session_id: Option<Vec<u8>>,
    /// The group of its key share, or the one that a HelloRetryRequest asks for (RFC 8446, 4.2.8).
    pub group: Option<NamedGroup>,
    /// The application protocol chosen, raw from the wire; TLS 1.3 encrypts it.
    pub alpn: Option<String>,
    /// The pre-shared key chosen, by its place in the client's list (RFC 8446, 4.2.11).
    pub pre_shared_key: Option<u16>,
    /// Whether it is a HelloRetryRequest (RFC 8446, 4.1.4).
    pub is_retry: bool,
    /// Whether everything was captured, so that what is absent here was absent there.
    pub is_whole: bool,
}

impl ServerHello {
    /// Reads a message body of which `body` was captured, and `is_whole` is whether that is all (RFC 8446, 4.1.3).
    pub(crate) fn parse(body: &[u8], is_whole: bool) -> Self {
        let mut hello = Self { is_whole, ..Self::default() };
        let mut fields = Fields(body);
        let legacy = fields.u16().map(Version);
        // A cut hello may end within the random; by chance nobody's begins like this one.
        let random = body.get(2..).map_or(&[][..], |rest| rest.get(..RETRY_RANDOM.len()).unwrap_or(rest));
        hello.is_retry = random.len() >= TELLING_BYTES && RETRY_RANDOM.starts_with(random);
        fields.take(RETRY_RANDOM.len());
        // Drafts of TLS 1.3 up to 21 left session id and compression out (draft-ietf-tls-tls13-21, 4.1.3).
        let is_short = legacy.is_some_and(Version::is_tls13);
        let _ = hello.read(&mut fields, is_short);
        hello.version = match (hello.version, legacy) {
            (Some(version), _) => Some(version),
            // Only a TLS 1.3 server writes that random.
            _ if hello.is_retry => Some(Version::TLS13),
            // The draft's number was in the legacy field (RFC 8446 drafts up to 21).
            (None, Some(legacy)) if legacy.is_tls13() => Some(legacy),
            // RFC 8446, 4.1.3: 0x0303 is TLS 1.2 unless an extension says otherwise, so the extensions must be there.
            (None, Some(legacy)) => (is_whole || legacy < Version::TLS12).then_some(legacy),
            (None, None) => None,
        };
        hello
    }

    fn read(&mut self, fields: &mut Fields<'_>, is_short: bool) -> Option<()> {
        if !is_short {
            let (session_id, is_whole) = fields.vector(1)?;
            if !is_whole {
                return None;
            }
            self.session_id = Some(session_id.0.to_vec());
        }
        self.cipher_suite = fields.u16().map(|number| CipherSuite(u32::from(number)));
        if !is_short {
            fields.take(1)?;
        }
        let (mut extensions, _) = fields.vector(2)?;
        while !extensions.0.is_empty() {
            let kind = extensions.u16()?;
            let (data, true) = extensions.vector(2)? else { return None };
            self.read_extension(kind, data);
        }
        Some(())
    }

    fn read_extension(&mut self, kind: u16, mut data: Fields<'_>) -> Option<()> {
        match kind {
            16 => {
                let (mut protocols, _) = data.vector(2)?;
                let (protocol, is_whole) = protocols.vector(1)?;
                self.alpn = is_whole.then(|| String::from_utf8_lossy(protocol.0).into_owned());
            }
            41 => self.pre_shared_key = data.u16(),
            43 => self.version = data.u16().map(Version),
            // Drafts up to 22 wrote it as extension 40.
            40 | 51 => self.group = data.u16().map(NamedGroup),
            _ => {}
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A body with a session id of 1 byte, this suite and these extensions.
    fn body(suite: u16, extensions: &[u8]) -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.extend([1, 9]);
        body.extend(suite.to_be_bytes());
        body.push(0);
        body.extend((extensions.len() as u16).to_be_bytes());
        body.extend(extensions);
        body
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_as_far_as_they_go(body: Vec<u8>, is_whole: bool) {
            let _ = ServerHello::parse(&body, is_whole);
        }
    }

    #[test]
    fn a_server_hello_cut_before_its_extensions_shows_no_version() {
        let body = body(0xc030, &[]);
        assert_eq!(ServerHello::parse(&body, true).version, Some(Version::TLS12));
        assert_eq!(ServerHello::parse(&body[..34], false).version, None);
        assert_eq!(ServerHello::parse(&body[..38], false).cipher_suite, Some(CipherSuite(0xc030)));
    }

    #[test]
    fn what_tls13_chose_is_read_from_the_extensions() {
        let share = [[0, 51, 0, 4, 0, 29].as_slice(), &[0, 0]].concat();
        let hello = ServerHello::parse(
            &body(0x1301, &[&[0, 43, 0, 2, 3, 4][..], &share, &[0, 41, 0, 2, 0, 0]].concat()),
            true,
        );
        assert_eq!(hello.version, Some(Version::TLS13));
        assert_eq!(hello.group, Some(NamedGroup(29)));
        assert_eq!(hello.pre_shared_key, Some(0));
        assert_eq!(hello.session_id, Some(vec![9]));
    }

    #[test]
    fn a_hello_retry_request_names_the_group_that_it_wants() {
        let mut body = body(0x1301, &[0, 43, 0, 2, 3, 4, 0, 51, 0, 2, 0, 24]);
        body[2..34].copy_from_slice(&RETRY_RANDOM);
        let hello = ServerHello::parse(&body, true);
        assert!(hello.is_retry);
        assert_eq!(hello.group, Some(NamedGroup(24)));
    }

    #[test]
    fn the_draft_of_tls13_is_recognised_in_both_places() {
        let mut old = vec![0x7f, 0x12];
        old.extend([7; 32]);
        old.extend([0x13, 1, 0, 6, 0, 40, 0, 2, 0, 29]);
        let hello = ServerHello::parse(&old, true);
        assert_eq!(hello.version, Some(Version(0x7f12)));
        assert_eq!((hello.cipher_suite, hello.group), (Some(CipherSuite(0x1301)), Some(NamedGroup(29))));
        let new = ServerHello::parse(&body(0x1301, &[0, 43, 0, 2, 0x7f, 0x1c]), true);
        assert_eq!(new.version.map(|version| version.to_string()).as_deref(), Some("TLS 1.3 draft 28"));
    }

    #[test]
    fn the_protocol_chosen_is_read() {
        let hello = ServerHello::parse(&body(0xc02f, &[0, 16, 0, 5, 0, 3, 2, b'h', b'2']), true);
        assert_eq!(hello.alpn.as_deref(), Some("h2"));
    }
}
