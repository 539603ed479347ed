//! DNS: which name was asked for, and which addresses it has (RFC 1035, 4.1).

use std::net::IpAddr;

use domain::base::iana::Rcode;
use domain::base::{Message, Rtype};
use domain::rdata::{A, Aaaa};

use super::span::Span;
use crate::limits;
use crate::packet::{Content, DnsMessage, Host, IpHeader, NoAddress, Other, Segment};

/// The question or the answer in a message; what can't be read is only counted.
#[inline(never)]
pub(super) fn read(ip: &IpHeader, is_answer: bool, span: Span<'_>) -> Content<'static> {
    let found = message(ip.source, ip.destination, is_answer, span.bytes);
    found.map_or(Content::Other(Other::Dns), |lookup| Content::Lookup(Box::new(lookup)))
}

/// The question or the answer that is all of a segment's payload: over TCP its length precedes it (RFC 1035, 4.2.2).
pub fn over_tcp(segment: &Segment<'_>) -> Option<DnsMessage> {
    const PORT: u16 = 53;
    let (ip, tcp) = (&segment.header.ip, &segment.header.tcp);
    let is_answer = tcp.source_port == PORT;
    if !is_answer && tcp.destination_port != PORT {
        return None;
    }
    let (len, bytes) = segment.payload.split_first_chunk::<2>()?;
    let is_whole = usize::from(u16::from_be_bytes(*len)) == bytes.len();
    if is_whole { message(ip.source, ip.destination, is_answer, bytes) } else { None }
}

fn message(source: Host, destination: Host, is_answer: bool, bytes: &[u8]) -> Option<DnsMessage> {
    let message = Message::from_slice(bytes).ok()?;
    if message.header().qr() != is_answer {
        return None;
    }
    let question = message.first_question()?;
    let is_for_addresses = matches!(question.qtype(), Rtype::A | Rtype::AAAA);
    let is_ipv6 = question.qtype() == Rtype::AAAA;
    let name = question.qname().to_string();
    let (client, resolver) = if is_answer { (destination, source) } else { (source, destination) };
    let mut addresses = Vec::new();
    let header = message.header();
    // What follows a record that can't be read, and what did not fit (RFC 2181, 9), may hold the address.
    let mut is_whole = !header.tc();
    if let Ok(records) = message.answer() {
        is_whole &= records.clone().all(|record| record.is_ok());
        let of_v4 = records.limit_to::<A>().flatten().map(|record| IpAddr::V4(record.data().addr()));
        let of_v6 = records.limit_to::<Aaaa>().flatten().map(|record| IpAddr::V6(record.data().addr()));
        addresses.extend(of_v4.chain(of_v6).take(limits::ADDRESSES));
    } else {
        is_whole = false;
    }
    let failure = match header.rcode() {
        _ if !is_answer => None,
        Rcode::NOERROR => (addresses.is_empty() && is_whole).then_some(NoAddress::NoRecord),
        code => Some(NoAddress::Rcode(code.to_int())),
    };
    Some(DnsMessage {
        client,
        resolver,
        id: header.id(),
        name,
        is_for_addresses,
        is_ipv6,
        is_answer,
        addresses,
        failure,
    })
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

    fn read_from(is_answer: bool, bytes: &[u8]) -> Option<DnsMessage> {
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
        assert_eq!((answer.failure, answer.is_for_addresses), (None, true));
    }

    #[test]
    fn over_tcp_a_message_follows_its_length() {
        let mut header = super::super::tcp::blank();
        (header.ip.source, header.ip.destination) = ([192, 0, 2, 53].into(), [192, 0, 2, 10].into());
        (header.tcp.source_port, header.tcp.destination_port) = (53, 50_000);
        let message = bytes(true, Some([198, 51, 100, 20]));
        let payload = [&(message.len() as u16).to_be_bytes()[..], &message].concat();
        let read = |payload: &[u8], port: u16| {
            let mut header = header;
            header.tcp.source_port = port;
            over_tcp(&Segment { header: &header, payload, printed: &[], decoded: "" })
        };
        let found = read(&payload, 53).expect("an answer");
        assert_eq!(
            (found.addresses, found.client),
            (vec![IpAddr::from([198, 51, 100, 20])], [192, 0, 2, 10].into())
        );
        assert_eq!(read(&payload[..payload.len() - 1], 53), None, "a part of it");
        assert_eq!(read(&payload, 5_353), None, "another port");
        assert_eq!(read(&[0], 53), None);
    }

    #[test]
    fn an_answer_without_an_address_says_why_if_it_is_whole() {
        let failure = |bytes: &[u8]| read_from(true, bytes).expect("the question is whole").failure;
        let mut none = bytes(true, None);
        assert_eq!(failure(&none), Some(NoAddress::NoRecord));
        none[2] |= 2;
        assert_eq!(failure(&none), None, "the rest did not fit");
        none[3] |= 3;
        assert_eq!(failure(&none), Some(NoAddress::Rcode(3)), "NXDOMAIN");
        let cut = bytes(true, Some([198, 51, 100, 20]));
        assert_eq!(failure(&cut[..cut.len() - 1]), None, "the address is cut");
    }

    #[test]
    fn a_question_about_another_type_is_not_about_addresses() {
        let mut pointer = bytes(false, None);
        let qtype = pointer.len() - 3;
        pointer[qtype] = 12;
        assert!(!read_from(false, &pointer).expect("a question").is_for_addresses);
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
