//! The record layer: headers, and where the next one must begin.

use super::handshake::kind;

/// What a record carries (RFC 8446, 5.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ContentType {
    ChangeCipherSpec,
    Alert,
    Handshake,
    ApplicationData,
    /// RFC 6520.
    Heartbeat,
}

/// The content type of application data (RFC 8446, 5.1), a record's first byte.
pub(super) const APPLICATION_DATA: u8 = 23;

/// Bytes of a record header (RFC 8446, 5.1).
pub const RECORD_HEADER_BYTES: u32 = 5;

/// The same, as the length of an array.
pub(super) const HEADER_BYTES: usize = RECORD_HEADER_BYTES as usize;

/// What an encrypted record of a body of `body` bytes holds, in bytes: the body without the content type and the tag of TLS 1.3
/// (RFC 8446, 5.2), or without the nonce and the tag of AES-GCM (RFC 5288, 3).
pub fn content_bytes(body: u32, is_tls13: bool) -> u32 {
    body.saturating_sub(if is_tls13 { 17 } else { 24 })
}

/// Largest record body: 2^14 bytes and the 2,048 of expansion that RFC 5246, 6.2.3 allows.
const BODY_BYTES: u16 = 16_384 + 2_048;

/// Bytes of an alert in clear (RFC 8446, 6).
const ALERT_BYTES: u16 = 2;

/// A record header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Header {
    pub(crate) content: ContentType,
    pub(crate) body_len: u16,
}

impl Header {
    /// A header that a TLS implementation can have written, or `None` if these bytes are something else.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let [content, major, minor, high, low, ..] = *bytes else { return None };
        let content = match content {
            20 => ContentType::ChangeCipherSpec,
            21 => ContentType::Alert,
            22 => ContentType::Handshake,
            APPLICATION_DATA => ContentType::ApplicationData,
            24 => ContentType::Heartbeat,
            _ => return None,
        };
        let body_len = u16::from_be_bytes([high, low]);
        // The drafts of TLS 1.3 wrote 0x7fxx into hellos only, never into the record header. Load balancers that refuse
        // before any hello write an alert without a version.
        let is_bare_alert = content == ContentType::Alert && (major, minor, body_len) == (0, 0, ALERT_BYTES);
        // TLCP (GB/T 38636) is TLS 1.1 with the suites and the number of its own.
        let is_version = (major == 3 && minor <= 4) || (major, minor) == (1, 1) || is_bare_alert;
        // RFC 8446, 5.1: empty fragments only of application data.
        let is_length = body_len <= BODY_BYTES && (body_len > 0 || content == ContentType::ApplicationData);
        (is_version && is_length).then_some(Self { content, body_len })
    }
}

/// The first bytes of a record header, as far as they came.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PartialHeader {
    bytes: [u8; HEADER_BYTES],
    len: usize,
}

impl PartialHeader {
    /// Takes as many bytes as it still lacks, and returns the others.
    pub(super) fn fill<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let room = self.bytes.get_mut(self.len..).unwrap_or_default();
        let (taken, rest) = bytes.split_at(bytes.len().min(room.len()));
        for (place, byte) in room.iter_mut().zip(taken) {
            *place = *byte;
        }
        self.len += taken.len();
        rest
    }

    /// Whether nothing came yet.
    pub(super) fn is_empty(self) -> bool {
        self.len == 0
    }

    /// Whether it lacks nothing.
    pub(super) fn is_whole(self) -> bool {
        self.len == HEADER_BYTES
    }

    /// How many bytes came.
    pub(super) fn len(self) -> usize {
        self.len
    }

    /// The bytes that came.
    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// Whether bytes too few for a record header may be the beginning of one.
pub(super) fn is_beginning_of_record(bytes: &[u8]) -> bool {
    matches!(bytes, [20..=24] | [20..=24, 3, ..]) || matches!(bytes, [first, ..] if first & 0x80 != 0)
}

/// Whether a header fits what follows it in the same segment: a handshake message's own header must be plausible.
pub(super) fn is_plausible(header: Header, segment: &[u8]) -> bool {
    let inside = segment.get(HEADER_BYTES).copied();
    match header.content {
        // An encrypted Finished can begin with any byte; a message in clear cannot.
        ContentType::Handshake => inside.is_none_or(kind::is_known) || header.body_len < 100,
        ContentType::ChangeCipherSpec => header.body_len == 1,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_what_tls_can_have_written_is_a_header() {
        assert!(Header::parse(&[22, 3, 1, 2, 0]).is_some());
        assert!(Header::parse(&[22, 1, 1, 2, 0]).is_some());
        assert!(Header::parse(&[22, 3, 1, 0, 0]).is_none());
        assert!(Header::parse(&[22, 3, 9, 2, 0]).is_none());
        assert!(Header::parse(&[23, 3, 3, 0x48, 1]).is_none());
        assert!(Header::parse(b"HTTP/1.1").is_none());
        assert!(Header::parse(&[22, 3, 1, 2]).is_none());
        assert!(Header::parse(&[21, 0, 0, 0, 2]).is_some());
        assert!(Header::parse(&[21, 0, 0, 0, 3]).is_none());
        assert!(Header::parse(&[22, 0, 0, 0, 2]).is_none());
    }

    #[test]
    fn a_header_fills_with_what_it_lacks_and_returns_the_rest() {
        let mut header = PartialHeader::default();
        assert!(header.is_empty() && header.fill(&[22, 3]).is_empty());
        assert_eq!(header.as_slice(), [22, 3]);
        assert_eq!(header.fill(&[1, 2, 0, 7, 8]), [7, 8]);
        assert!(header.is_whole());
        assert_eq!(header.fill(&[9]), [9]);
        assert_eq!(header.as_slice(), [22, 3, 1, 2, 0]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = Header::parse(&bytes);
        }
    }
}
