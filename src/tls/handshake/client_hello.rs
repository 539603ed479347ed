//! The ClientHello.

use super::fields::{Fields, is_grease};
use super::{CipherSuite, NamedGroup, Version};
use crate::limits;

/// Extensions for which there is room at once: OpenSSL and Java send 8 to 16.
const USUAL_EXTENSIONS: usize = 16;

/// What a ClientHello contains, as far as it was captured. GREASE (RFC 8701) is left out everywhere.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is something that was offered or not, in any combination"
)]
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ClientHello {
    /// Bytes of the message on the wire, its header included.
    pub len: u32,
    /// The versions offered, highest first.
    pub versions: Vec<Version>,
    /// The session id; with TLS 1.3 it is random and means nothing (RFC 8446, D.4).
    pub session_id: Vec<u8>,
    /// The server's name that it asks for, raw from the wire.
    pub server_name: Option<String>,
    /// Application protocols offered, raw from the wire.
    pub alpn: Vec<String>,
    /// Cipher suites offered.
    pub cipher_suites: Vec<CipherSuite>,
    /// Key exchange groups offered.
    pub groups: Vec<NamedGroup>,
    /// The groups for which it brings a key share (RFC 8446, 4.2.8).
    pub key_shares: Vec<NamedGroup>,
    /// Whether it offers a session ticket of TLS 1.2 or earlier (RFC 5077).
    pub offers_ticket: bool,
    /// Whether it offers a pre-shared key, which as a rule is a TLS 1.3 session (RFC 8446, 4.2.11).
    pub offers_pre_shared_key: bool,
    /// Bytes of the first pre-shared key's identity, which as a rule is a session ticket; of a truncated one it is not known.
    pub pre_shared_key_len: Option<u16>,
    /// Whether it announces early data (0-RTT).
    pub offers_early_data: bool,
    /// Extensions by number, in the order sent.
    pub extensions: Vec<u16>,
    /// Signature algorithms by number, in the order offered.
    pub signature_algorithms: Vec<u16>,
    /// The first application protocol, even if it is GREASE.
    pub first_protocol: Vec<u8>,
    /// Whether it has the form of an SSL 2.0 hello (RFC 5246, appendix E.2), of which no fingerprint is defined.
    pub has_old_form: bool,
    /// Whether everything up to the extensions' end was captured, so that what is absent here was absent there.
    pub is_whole: bool,
}

impl ClientHello {
    /// Reads a message body of `len` bytes of which `body` was captured (RFC 8446, 4.1.2).
    pub(in crate::tls) fn parse(len: u32, body: &[u8]) -> Self {
        let mut hello = Self { len: len + 4, ..Self::default() };
        hello.is_whole = hello.read(&mut Fields(body)).is_some() && body.len() >= len as usize;
        hello.shorten();
        hello.versions.sort_unstable_by(|one, other| other.cmp(one));
        hello.versions.dedup();
        hello
    }

    /// Keeps of its lists what a real hello can have.
    fn shorten(&mut self) {
        let Self { cipher_suites, groups, key_shares, alpn, extensions, signature_algorithms, .. } = self;
        let lists = [
            cipher_suites.len(),
            groups.len(),
            key_shares.len(),
            alpn.len(),
            extensions.len(),
            signature_algorithms.len(),
        ];
        if lists.into_iter().any(|len| len > limits::HELLO_ENTRIES) {
            self.is_whole = false;
            cipher_suites.truncate(limits::HELLO_ENTRIES);
            groups.truncate(limits::HELLO_ENTRIES);
            key_shares.truncate(limits::HELLO_ENTRIES);
            alpn.truncate(limits::HELLO_ENTRIES);
            extensions.truncate(limits::HELLO_ENTRIES);
            signature_algorithms.truncate(limits::HELLO_ENTRIES);
        }
        cipher_suites.shrink_to_fit();
        groups.shrink_to_fit();
        key_shares.shrink_to_fit();
        alpn.shrink_to_fit();
        extensions.shrink_to_fit();
        signature_algorithms.shrink_to_fit();
    }

    /// Whether it offers to resume a session by session id, ticket or pre-shared key.
    pub fn offers_resumption(&self) -> bool {
        self.offers_session_id() || self.offers_ticket || self.offers_pre_shared_key
    }

    /// Whether its session id names a session: with TLS 1.3 and with a ticket it is made up (RFC 8446, D.4; RFC 5077, 3.4).
    pub fn offers_session_id(&self) -> bool {
        let is_made_up = self.offers_ticket || self.versions.iter().any(|version| version.is_tls13());
        !self.session_id.is_empty() && !is_made_up
    }

    /// Bytes of memory that its lists take.
    pub(crate) fn held_bytes(&self) -> usize {
        let texts = self.alpn.iter().chain(&self.server_name);
        size_of_val(self.cipher_suites.as_slice())
            + size_of_val(self.groups.as_slice())
            + size_of_val(self.key_shares.as_slice())
            + size_of_val(self.versions.as_slice())
            + size_of_val(self.extensions.as_slice())
            + size_of_val(self.signature_algorithms.as_slice())
            + self.session_id.len()
            + texts.map(|text| size_of::<String>() + text.len()).sum::<usize>()
    }

    fn read(&mut self, fields: &mut Fields<'_>) -> Option<()> {
        self.versions.push(Version(fields.u16()?));
        fields.take(32)?;
        let (session_id, _) = fields.vector(1)?;
        self.session_id = session_id.0.to_vec();
        let (suites, is_whole) = fields.vector(2)?;
        self.cipher_suites = suites.list(|number| CipherSuite(u32::from(number)));
        if !is_whole {
            return None;
        }
        fields.vector(1)?;
        if fields.0.is_empty() {
            // RFC 5246, 7.4.1.2: a hello without extensions ends here.
            return Some(());
        }
        let (mut extensions, _) = fields.vector(2)?;
        self.extensions.reserve(USUAL_EXTENSIONS);
        while !extensions.0.is_empty() {
            let kind = extensions.u16()?;
            let (data, is_whole) = extensions.vector(2)?;
            if !is_grease(kind) {
                self.extensions.push(kind);
            }
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
                    let kept = name.0.get(..limits::HELLO_NAME_BYTES).unwrap_or(name.0);
                    self.server_name = is_whole.then(|| String::from_utf8_lossy(kept).into_owned());
                }
            }
            10 => self.groups = data.vector(2)?.0.list(NamedGroup),
            13 => self.signature_algorithms = data.vector(2)?.0.list(|number| number),
            16 => {
                let (mut protocols, _) = data.vector(2)?;
                let mut is_first = true;
                while let Some((protocol, true)) = protocols.vector(1) {
                    if std::mem::take(&mut is_first) {
                        self.first_protocol = protocol.0.to_vec();
                    }
                    let is_reserved =
                        matches!(*protocol.0, [high, low] if is_grease(u16::from_be_bytes([high, low])));
                    if !is_reserved {
                        self.alpn.push(String::from_utf8_lossy(protocol.0).into_owned());
                    }
                }
            }
            35 => self.offers_ticket |= !data.0.is_empty(),
            41 => {
                self.offers_pre_shared_key = true;
                let (mut identities, _) = data.vector(2)?;
                let identity = identities.vector(2).filter(|(_, is_whole)| *is_whole);
                self.pre_shared_key_len = identity.map(|(identity, _)| identity.0.len() as u16);
            }
            42 => self.offers_early_data = true,
            43 => {
                let (versions, is_whole) = data.vector(1)?;
                if is_whole {
                    // RFC 8446, 4.2.1: with this extension the legacy version means nothing.
                    self.versions.clear();
                }
                self.versions.extend(versions.numbers().map(Version));
            }
            // Drafts up to 22 wrote it as extension 40.
            40 | 51 => {
                let (mut shares, _) = data.vector(2)?;
                while let Some(group) = shares.u16() {
                    let Some((_, true)) = shares.vector(2) else { break };
                    if !is_grease(group) {
                        self.key_shares.push(NamedGroup(group));
                    }
                }
            }
            _ => {}
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A body with these cipher suites, this session id and these extensions, each given by number and data.
    fn body(suites: &[u16], session_id: &[u8], extensions: &[(u16, &[u8])]) -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.push(session_id.len() as u8);
        body.extend(session_id);
        body.extend((suites.len() as u16 * 2).to_be_bytes());
        body.extend(suites.iter().flat_map(|suite| suite.to_be_bytes()));
        body.extend([1, 0]);
        let mut list = Vec::new();
        for (kind, data) in extensions {
            list.extend(kind.to_be_bytes());
            list.extend((data.len() as u16).to_be_bytes());
            list.extend(*data);
        }
        body.extend((list.len() as u16).to_be_bytes());
        body.extend(list);
        body
    }

    fn parse(body: &[u8]) -> ClientHello {
        ClientHello::parse(body.len() as u32, body)
    }

    #[test]
    fn lists_that_no_client_has_are_cut_and_the_hello_is_not_whole() {
        let suites: Vec<u16> = (0..=limits::HELLO_ENTRIES as u16).collect();
        let name = [&[3, 3, 0, 3, 0][..], &[b'a'; 0x300]].concat();
        let hello = parse(&body(&suites, &[], &[(0, &name)]));
        assert_eq!((hello.cipher_suites.len(), hello.is_whole), (limits::HELLO_ENTRIES, false));
        let name_bytes = hello.server_name.map(|name| name.len());
        assert_eq!(name_bytes, Some(limits::HELLO_NAME_BYTES));
        assert!(parse(&body(&suites[..limits::HELLO_ENTRIES], &[], &[])).is_whole);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_as_far_as_they_go(len: u16, body: Vec<u8>) {
            let _ = ClientHello::parse(u32::from(len), &body);
        }

        #[test]
        fn any_extension_is_read_as_far_as_it_goes(kind in 0u16..60, data in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = parse(&body(&[0x1301], &[], &[(kind, &data)]));
        }
    }

    #[test]
    fn what_is_offered_is_read_and_grease_is_not() {
        let hello = parse(&body(
            &[0x1a1a, 0x1301, 0xc02f],
            &[],
            &[
                (0x2a2a, &[]),
                (0, &[0, 6, 0, 0, 3, b's', b's', b'm']),
                (10, &[0, 6, 0x3a, 0x3a, 0x11, 0xec, 0, 29]),
                (16, &[0, 6, 2, 0x0a, 0x0a, 2, b'h', b'2']),
                (43, &[6, 0x4a, 0x4a, 3, 4, 3, 3]),
                (51, &[0, 11, 0x3a, 0x3a, 0, 1, 0, 0, 29, 0, 2, 1, 2]),
                (42, &[]),
            ],
        ));
        assert!(hello.is_whole);
        assert_eq!(hello.versions, [Version::TLS13, Version::TLS12]);
        assert_eq!(hello.cipher_suites, [CipherSuite(0x1301), CipherSuite(0xc02f)]);
        assert_eq!(hello.server_name.as_deref(), Some("ssm"));
        assert_eq!(hello.groups, [NamedGroup(0x11ec), NamedGroup(29)]);
        assert_eq!(hello.key_shares, [NamedGroup(29)]);
        assert_eq!(hello.alpn, ["h2"]);
        assert!(hello.offers_early_data && !hello.offers_resumption());
        assert!(hello.ja4().is_some_and(|ja4| ja4.starts_with("t13d0206")));
    }

    #[test]
    fn a_session_id_is_an_offer_only_up_to_tls12_and_without_a_ticket() {
        assert!(parse(&body(&[0xc02f], &[5; 32], &[])).offers_session_id());
        let ticket = parse(&body(&[0xc02f], &[5; 32], &[(35, &[1; 100])]));
        assert!(ticket.offers_ticket && !ticket.offers_session_id());
        let tls13 = parse(&body(&[0x1301], &[5; 32], &[(43, &[2, 3, 4])]));
        assert!(!tls13.offers_resumption());
        assert!(parse(&body(&[0x1301], &[], &[(43, &[2, 3, 4]), (41, &[0, 0])])).offers_resumption());
    }

    #[test]
    fn a_cut_hello_has_no_fingerprint_and_shows_what_is_there() {
        let whole = body(&[0x1301, 0x1302], &[], &[(0, &[0, 6, 0, 0, 3, b's', b's', b'm'])]);
        let cut = ClientHello::parse(whole.len() as u32, &whole[..39]);
        assert_eq!(cut.cipher_suites, [CipherSuite(0x1301)]);
        assert_eq!((cut.ja4(), cut.is_whole), (None, false));
    }
}
