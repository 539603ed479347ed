//! DNS over UDP: which name was asked for, and which addresses it has (RFC 1035, 4.1).

use std::net::IpAddr;

use domain::base::Message;
use domain::rdata::{A, Aaaa};

use super::span::Span;
use crate::limits;
use crate::packet::{Content, Host, IpHeader, Lookup, Other};

/// The question or the answer in a message; what can't be read is only counted.
#[inline(never)]
pub(super) fn read(ip: &IpHeader, is_answer: bool, span: Span<'_>) -> Content<'static> {
    let found = message(ip.source, ip.destination, is_answer, span.bytes);
    found.map_or(Content::Other(Other::Dns), |lookup| Content::Lookup(Box::new(lookup)))
}

fn message(source: Host, destination: Host, is_answer: bool, bytes: &[u8]) -> Option<Lookup> {
    let message = Message::from_slice(bytes).ok()?;
    if message.header().qr() != is_answer {
        return None;
    }
    let name = message.first_question()?.qname().to_string();
    let (client, resolver) = if is_answer { (destination, source) } else { (source, destination) };
    let mut addresses = Vec::new();
    if let Ok(records) = message.answer() {
        let of_v4 = records.limit_to::<A>().flatten().map(|record| IpAddr::V4(record.data().addr()));
        let of_v6 = records.limit_to::<Aaaa>().flatten().map(|record| IpAddr::V6(record.data().addr()));
        addresses.extend(of_v4.chain(of_v6).take(limits::ADDRESSES));
    }
    Some(Lookup { client, resolver, id: message.header().id(), name, is_answer, addresses })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message about `ssm.example`, with one answer where there is an address.
    fn bytes(is_answer: bool, address: Option<[u8; 4]>) -> Vec<u8> {
        let flags = if is_answer { [0x81, 0x80] } else { [1, 0] };
        let count = u8::from(address.is_some());
        let mut bytes = [&[0x12, 0x34], &flags[..], &[0, 1, 0, count, 0, 0, 0, 0]].concat();
        bytes.extend(b"\x03ssm\x07example\0\0\x01\0\x01");
        if let Some(address) = address {
            bytes.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
            bytes.extend(address);
        }
        bytes
    }

    fn read_from(is_answer: bool, bytes: &[u8]) -> Option<Lookup> {
        message([192, 0, 2, 10].into(), [192, 0, 2, 53].into(), is_answer, bytes)
    }

    #[test]
    fn a_question_and_its_answer_are_read() {
        let asked = read_from(false, &bytes(false, None)).expect("a question");
        assert_eq!((asked.name.as_str(), asked.id, asked.is_answer), ("ssm.example", 0x1234, false));
        assert_eq!(
            (asked.client, asked.resolver),
            (Host::from([192, 0, 2, 10]), Host::from([192, 0, 2, 53]))
        );
        let answer = read_from(true, &bytes(true, Some([198, 51, 100, 20]))).expect("an answer");
        assert_eq!(answer.addresses, [IpAddr::from([198, 51, 100, 20])]);
        assert_eq!(answer.client, Host::from([192, 0, 2, 53]), "who got it");
    }

    #[test]
    fn what_is_cut_or_goes_the_wrong_way_is_only_counted() {
        let whole = bytes(true, Some([198, 51, 100, 20]));
        assert!(read_from(false, &whole).is_none());
        assert!(read_from(true, &whole[..11]).is_none());
        assert!(read_from(true, &whole[..20]).is_none());
        let without = read_from(true, &whole[..whole.len() - 1]).expect("the question is whole");
        assert!(without.addresses.is_empty());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200), is_answer: bool) {
            read_from(is_answer, &bytes);
        }
    }
}
