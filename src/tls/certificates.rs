//! The Certificate message of SSL 3.0 to TLS 1.2, the last versions that send it in clear.

use crate::limits;

/// A Certificate message as far as it was captured (RFC 5246, 7.4.2).
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct CertificateMessage {
    /// Bytes of the message on the wire, its header included.
    pub len: u32,
    /// The certificates in DER that were captured whole, the sender's own first.
    pub chain: Vec<Vec<u8>>,
    /// Certificates beyond [`limits::CHAIN_CERTIFICATES`], which are not kept.
    pub further: u32,
    /// Whether every byte of the message was captured and made sense.
    pub is_whole: bool,
}

impl CertificateMessage {
    /// Whether it was captured whole and has no certificate: how a client answers that has none.
    pub fn is_empty(&self) -> bool {
        self.is_whole && self.chain.is_empty() && self.further == 0
    }

    /// Reads a message body of `len` bytes of which `body`, its beginning, was captured.
    pub(super) fn parse(len: u32, body: &[u8]) -> Self {
        let mut message = Self { len: len + 4, ..Self::default() };
        message.is_whole = message.read(body).is_some() && body.len() >= len as usize;
        message
    }

    fn read(&mut self, body: &[u8]) -> Option<()> {
        let (listed, mut list) = vector(body)?;
        while !list.is_empty() {
            let (wanted, certificate) = vector(list)?;
            if certificate.len() < wanted {
                return None;
            }
            if self.chain.len() < limits::CHAIN_CERTIFICATES {
                self.chain.push(certificate.to_vec());
            } else {
                self.further += 1;
            }
            list = list.get(LENGTH_BYTES + wanted..)?;
        }
        (listed + LENGTH_BYTES == body.len()).then_some(())
    }
}

/// Bytes of a length in this message.
const LENGTH_BYTES: usize = 3;

/// The length in a vector's prefix, and as much of the vector as is there.
fn vector(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (&[high, middle, low], rest) = bytes.split_first_chunk::<LENGTH_BYTES>()?;
    let len = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
    Some((len, rest.get(..len).unwrap_or(rest)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn body(certificates: &[&[u8]]) -> Vec<u8> {
        let with_length = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes()[1..], bytes].concat();
        with_length(&certificates.iter().flat_map(|certificate| with_length(certificate)).collect::<Vec<_>>())
    }

    #[test]
    fn certificates_are_taken_one_by_one() {
        let body = body(&[b"server", b"intermediate"]);
        let message = CertificateMessage::parse(body.len() as u32, &body);
        assert_eq!(message.chain, [b"server".to_vec(), b"intermediate".to_vec()]);
        assert_eq!((message.len, message.is_whole), (body.len() as u32 + 4, true));
    }

    #[test]
    fn a_cut_message_yields_the_certificates_that_are_whole() {
        let whole = body(&[b"server", b"intermediate"]);
        for (kept, certificates) in [(0, 0), (2, 0), (11, 0), (12, 1), (whole.len() - 1, 1)] {
            let message = CertificateMessage::parse(whole.len() as u32, &whole[..kept]);
            assert_eq!((message.chain.len(), message.is_whole), (certificates, false), "{kept}");
        }
    }

    #[test]
    fn no_certificate_at_all_is_a_whole_message() {
        let message = CertificateMessage::parse(3, &[0, 0, 0]);
        assert!(message.is_whole && message.chain.is_empty());
    }

    #[test]
    fn lengths_that_contradict_each_other_are_not_whole() {
        assert!(!CertificateMessage::parse(4, &[0, 0, 0, 9]).is_whole);
        assert!(!CertificateMessage::parse(6, &[0, 0, 3, 0, 0, 9]).is_whole);
    }

    #[test]
    fn longer_chains_are_counted() {
        let one: &[u8] = b"x";
        let body = body(&vec![one; limits::CHAIN_CERTIFICATES + 2]);
        let message = CertificateMessage::parse(body.len() as u32, &body);
        assert_eq!((message.chain.len(), message.further), (limits::CHAIN_CERTIFICATES, 2));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_as_far_as_they_go(len: u16, body: Vec<u8>) {
            let message = CertificateMessage::parse(u32::from(len), &body);
            prop_assert!(message.chain.iter().map(Vec::len).sum::<usize>() <= body.len());
        }
    }
}
