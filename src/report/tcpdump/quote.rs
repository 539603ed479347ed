//! The packet that an ICMP error quotes, where it ends too early for its segment to be decoded.

use std::net::Ipv4Addr;

use super::hex::be;
use crate::packet::{
    Checksum, Flags, FragmentField, IpHeader, IpOptions, IpVersion, SegmentHeader, Seq, TcpHeader, checksum,
};

/// Bytes of an IPv4 header without options (RFC 791, 3.1).
const IPV4_LEN: usize = 20;

/// Bytes of a TCP header without options (RFC 9293, 3.1).
const TCP_LEN: usize = 20;

/// The quoted IPv4 header, and what was quoted of the packet after it.
pub(super) fn ip_header(quoted: &[u8]) -> Option<(IpHeader, &[u8])> {
    let header_len = usize::from(quoted.first().filter(|byte| **byte >> 4 == 4)? & 0x0f) * 4;
    let (header, after) = quoted.split_at_checked(header_len)?;
    let (fixed, options) = header.split_first_chunk::<IPV4_LEN>()?;
    let be16 = |at: usize| u16::from_be_bytes([fixed[at], fixed[at + 1]]);
    let length = be16(2);
    let after_len = usize::from(length).saturating_sub(header_len).min(after.len());
    let ip = IpHeader {
        version: IpVersion::V4,
        source: Ipv4Addr::from(be(&fixed[12..16]) as u32).into(),
        destination: Ipv4Addr::from(be(&fixed[16..20]) as u32).into(),
        hop_limit: Some(fixed[8]),
        traffic_class: Some(fixed[1]),
        id: Some(be16(4)),
        fragment: Some(FragmentField(be16(6))),
        length: Some(length.into()),
        flow_label: None,
        protocol: Some(fixed[9]),
        checksum: Checksum::compare(be16(10), checksum::sum_of(header)),
        options: IpOptions::from_wire(options),
    };
    Some((ip, after.get(..after_len)?))
}

/// The segment after `ip` where its header was quoted up to somewhere among its options.
pub(super) fn cut_segment(ip: IpHeader, bytes: &[u8]) -> Option<SegmentHeader> {
    let fixed = bytes.first_chunk::<TCP_LEN>()?;
    let be16 = |at: usize| u16::from_be_bytes([fixed[at], fixed[at + 1]]);
    let header_len = (fixed[12] >> 4) * 4;
    let before_payload = u32::from(header_len) + (IPV4_LEN + ip.options.as_bytes().len()) as u32;
    Some(SegmentHeader {
        ip,
        tcp: TcpHeader {
            source_port: be16(0),
            destination_port: be16(2),
            seq: Some(Seq(be(&fixed[4..8]) as u32)),
            ack: Some(Seq(be(&fixed[8..12]) as u32)),
            ack_since_syn: None,
            flags: Some(Flags(fixed[13])),
            window: Some(be16(14)),
            urgent: be16(18),
            header_len: Some(header_len).filter(|len| usize::from(*len) >= TCP_LEN),
            checksum: Checksum::Unverified(be16(16)),
            options: None,
        },
        payload_len: ip.length?.checked_sub(before_payload),
    })
}

/// What was quoted of a segment's payload.
pub(super) fn payload<'a>(quoted: &'a [u8], header: &SegmentHeader) -> &'a [u8] {
    let from = ip_header(quoted).zip(header.tcp.header_len);
    from.and_then(|((_, after), header_len)| after.get(header_len.into()..)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_quote_is_read_or_not(quoted in proptest::collection::vec(any::<u8>(), 0..=100)) {
            if let Some((ip, after)) = ip_header(&quoted) {
                prop_assert!(after.len() + IPV4_LEN <= quoted.len());
                if let Some(segment) = cut_segment(ip, after) {
                    payload(&quoted, &segment);
                }
            }
        }
    }
}
