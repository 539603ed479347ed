//! Handshake messages: their headers, and what the hellos say.

use std::fmt;

/// Handshake message types (RFC 8446, B.3; RFC 5246, 7.4).
pub(super) mod kind {
    pub(in crate::tls) const HELLO_REQUEST: u8 = 0;
    pub(in crate::tls) const CLIENT_HELLO: u8 = 1;
    pub(in crate::tls) const SERVER_HELLO: u8 = 2;
    pub(in crate::tls) const NEW_SESSION_TICKET: u8 = 4;
    pub(in crate::tls) const HELLO_RETRY_REQUEST: u8 = 6;
    pub(in crate::tls) const CERTIFICATE: u8 = 11;
    pub(in crate::tls) const SERVER_KEY_EXCHANGE: u8 = 12;
    pub(in crate::tls) const SERVER_HELLO_DONE: u8 = 14;
    pub(in crate::tls) const CLIENT_KEY_EXCHANGE: u8 = 16;
    pub(in crate::tls) const FINISHED: u8 = 20;
    pub(in crate::tls) const CERTIFICATE_STATUS: u8 = 22;

    /// Whether a message of this type can stand in clear.
    pub(in crate::tls) fn is_known(kind: u8) -> bool {
        matches!(
            kind,
            HELLO_REQUEST..=NEW_SESSION_TICKET
                | 5
                | HELLO_RETRY_REQUEST
                | 8
                | CERTIFICATE..=CLIENT_KEY_EXCHANGE
                | FINISHED
                | 21
                | CERTIFICATE_STATUS
                | 23
                | 24
                | 25
                | 67
        )
    }
}

/// So many bytes of a random number are nobody's by chance.
const TELLING_BYTES: usize = 8;

/// The random of a ServerHello that is a HelloRetryRequest: SHA-256 of "HelloRetryRequest" (RFC 8446, 4.1.3).
const RETRY_RANDOM: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2,
    0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// A protocol version number. Unknown numbers stay numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Version(pub u16);

impl Version {
    /// TLS 1.2.
    pub const TLS12: Self = Self(0x0303);
    /// TLS 1.3.
    pub const TLS13: Self = Self(0x0304);

    /// TLS 1.3 or one of its drafts (0x7f00 + draft, and Facebook's 0xfb17 to 0xfb1a experiments).
    pub fn is_tls13(self) -> bool {
        matches!(self.0, 0x0304 | 0x7f00..=0x7fff | 0xfb00..=0xfbff)
    }

    /// A value of the reserved pattern that clients send to keep servers tolerant (RFC 8701).
    pub fn is_grease(self) -> bool {
        self.0 & 0x0f0f == 0x0a0a && self.0 >> 8 == self.0 & 0xff
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0x0002 => write!(f, "SSL 2.0"),
            0x0300 => write!(f, "SSL 3.0"),
            0x0301 => write!(f, "TLS 1.0"),
            0x0302 => write!(f, "TLS 1.1"),
            0x0303 => write!(f, "TLS 1.2"),
            0x0304 => write!(f, "TLS 1.3"),
            0x7f00..=0x7fff => write!(f, "TLS 1.3 draft {}", self.0 & 0xff),
            other => write!(f, "0x{other:04x}"),
        }
    }
}

/// What a ClientHello says, as far as it was captured.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ClientHello {
    /// Bytes of the message on the wire, its header included.
    pub len: u32,
    /// The versions offered, highest first; GREASE left out.
    pub versions: Vec<Version>,
    /// The server's name that it asks for, raw from the wire.
    pub server_name: Option<String>,
    /// Application protocols offered, raw from the wire.
    pub alpn: Vec<String>,
    /// Cipher suites offered, by number; GREASE left out.
    pub cipher_suites: Vec<u16>,
    /// Whether it offers to resume a session by a ticket or pre-shared key.
    pub offers_resumption: bool,
    /// Whether it announces early data (0-RTT).
    pub offers_early_data: bool,
    /// Whether everything up to the extensions' end was captured, so that what is absent here was absent there.
    pub is_whole: bool,
}

/// What a ServerHello says, as far as it was captured.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ServerHello {
    /// The version agreed on; absent when the message was cut before it was certain.
    pub version: Option<Version>,
    /// The cipher suite agreed on.
    pub cipher_suite: Option<u16>,
    /// Whether it is a HelloRetryRequest (RFC 8446, 4.1.4).
    pub is_retry: bool,
}

/// Reads big-endian fields one after another and yields nothing more where the bytes end.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self, bytes: usize) -> Option<usize> {
        Some(self.take(bytes)?.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }

    fn u16(&mut self) -> Option<u16> {
        self.number(2).map(|number| number as u16)
    }

    /// A vector with a length prefix of `prefix` bytes; a cut one yields what is there, and says so.
    fn vector(&mut self, prefix: usize) -> Option<(Fields<'a>, bool)> {
        let len = self.number(prefix)?;
        let is_whole = len <= self.0.len();
        Some((Fields(self.take(len.min(self.0.len()))?), is_whole))
    }
}

/// Whether a 16-bit code point is of GREASE's pattern (RFC 8701).
fn is_grease(number: u16) -> bool {
    Version(number).is_grease()
}

impl ClientHello {
    /// Reads a message body of `len` bytes of which `body` was captured (RFC 8446, 4.1.2).
    pub(super) fn parse(len: u32, body: &[u8]) -> Self {
        let mut hello = Self { len: len + 4, ..Self::default() };
        hello.is_whole = hello.read(&mut Fields(body)).is_some() && body.len() >= len as usize;
        hello.versions.sort_unstable_by(|one, other| other.cmp(one));
        hello.versions.dedup();
        hello
    }

    fn read(&mut self, fields: &mut Fields<'_>) -> Option<()> {
        self.versions.push(Version(fields.u16()?));
        fields.take(32)?;
        fields.vector(1)?;
        let (mut suites, is_whole) = fields.vector(2)?;
        while let Some(suite) = suites.u16() {
            if !is_grease(suite) {
                self.cipher_suites.push(suite);
            }
        }
        if !is_whole {
            return None;
        }
        fields.vector(1)?;
        if fields.0.is_empty() {
            // RFC 5246, 7.4.1.2: a hello without extensions ends here.
            return Some(());
        }
        let (mut extensions, _) = fields.vector(2)?;
        while !extensions.0.is_empty() {
            let kind = extensions.u16()?;
            let (data, is_whole) = extensions.vector(2)?;
            self.read_extension(kind, data);
            if !is_whole {
                return None;
            }
        }
        Some(())
    }

    /// RFC 6066, 3; RFC 7301; RFC 5077; RFC 8446, 4.2.
    fn read_extension(&mut self, kind: u16, mut data: Fields<'_>) -> Option<()> {
        match kind {
            0 => {
                let (mut names, _) = data.vector(2)?;
                if names.number(1)? == 0 {
                    let (name, is_whole) = names.vector(2)?;
                    self.server_name = is_whole.then(|| String::from_utf8_lossy(name.0).into_owned());
                }
            }
            16 => {
                let (mut protocols, _) = data.vector(2)?;
                while let Some((protocol, true)) = protocols.vector(1) {
                    self.alpn.push(String::from_utf8_lossy(protocol.0).into_owned());
                }
            }
            35 => self.offers_resumption |= !data.0.is_empty(),
            41 => self.offers_resumption = true,
            42 => self.offers_early_data = true,
            43 => {
                let (mut versions, is_whole) = data.vector(1)?;
                if is_whole {
                    // RFC 8446, 4.2.1: with this extension the legacy version says nothing.
                    self.versions.clear();
                }
                while let Some(version) = versions.u16().map(Version) {
                    if !version.is_grease() {
                        self.versions.push(version);
                    }
                }
            }
            _ => {}
        }
        Some(())
    }
}

impl ServerHello {
    /// Reads a message body of which `body` was captured, and `is_whole` tells whether that is all (RFC 8446, 4.1.3).
    pub(super) fn parse(body: &[u8], is_whole: bool) -> Self {
        let mut hello = Self::default();
        let mut fields = Fields(body);
        let legacy = fields.u16().map(Version);
        // A cut hello may end within the random; by chance nobody's begins like this one.
        let random = body.get(2..).map_or(&[][..], |rest| rest.get(..RETRY_RANDOM.len()).unwrap_or(rest));
        hello.is_retry = random.len() >= TELLING_BYTES && RETRY_RANDOM.starts_with(random);
        fields.take(RETRY_RANDOM.len());
        let selected = hello.read_rest(&mut fields);
        hello.version = match (selected, legacy) {
            (Some(version), _) => Some(version),
            // Only a TLS 1.3 server writes that random.
            _ if hello.is_retry => Some(Version::TLS13),
            // The draft's number stood in the legacy field (RFC 8446 drafts up to 21).
            (None, Some(legacy)) if legacy.is_tls13() => Some(legacy),
            // RFC 8446, 4.1.3: 0x0303 is TLS 1.2 unless an extension says otherwise, so the extensions must be there.
            (None, Some(legacy)) => (is_whole || legacy < Version::TLS12).then_some(legacy),
            (None, None) => None,
        };
        hello
    }

    fn read_rest(&mut self, fields: &mut Fields<'_>) -> Option<Version> {
        fields.vector(1)?;
        self.cipher_suite = fields.u16();
        fields.take(1)?;
        let (mut extensions, _) = fields.vector(2)?;
        loop {
            let kind = extensions.u16()?;
            let (mut data, is_whole) = extensions.vector(2)?;
            if kind == 43 && is_whole {
                return data.u16().map(Version);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_read_as_far_as_they_go(len: u16, body: Vec<u8>) {
            let _ = ClientHello::parse(u32::from(len), &body);
            let _ = ServerHello::parse(&body, true);
        }
    }

    #[test]
    fn a_server_hello_cut_before_its_extensions_tells_no_version() {
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.extend([0, 0xc0, 0x30, 0]);
        assert_eq!(ServerHello::parse(&body, true).version, Some(Version::TLS12));
        assert_eq!(ServerHello::parse(&body[..34], false).version, None);
    }

    #[test]
    fn grease_is_told_from_real_numbers() {
        assert!(is_grease(0x0a0a) && is_grease(0xfafa));
        assert!(!is_grease(0x0a1a) && !is_grease(0x1301));
    }
}
