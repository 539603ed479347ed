//! Headers without addresses, and what stands for a packet's bytes.

use super::StandIns;
use crate::packet::{
    Checksum, IcmpError, IpHeader, IpOptions, Name, Quoted, SegmentHeader, TcpHeader, TcpOption, TcpOptions,
};

impl StandIns {
    pub(super) fn ip(&mut self, header: &mut IpHeader) {
        let IpHeader {
            version: _,
            source,
            destination,
            hop_limit: _,
            traffic_class: _,
            id: _,
            fragment: _,
            length: _,
            flow_label: _,
            protocol: _,
            checksum,
            options,
        } = header;
        (*source, *destination) = (self.host(*source), self.host(*destination));
        // A sum over the addresses.
        *checksum = Checksum::Unseen;
        // RFC 791, 3.1: routes are addresses, and 1 is no operation. The length stays, since others are computed from it.
        *options = IpOptions::from_wire(&vec![1; options.as_bytes().len()]);
    }

    pub(super) fn segment(&mut self, header: &mut SegmentHeader) {
        let SegmentHeader { ip, tcp, payload_len: _ } = header;
        self.ip(ip);
        let TcpHeader {
            source_port: _,
            destination_port: _,
            seq: _,
            ack: _,
            ack_since_syn: _,
            flags: _,
            window: _,
            urgent: _,
            header_len: _,
            checksum,
            options,
        } = tcp;
        *checksum = Checksum::Unseen;
        *options = options.map(|options| plain(&options));
    }

    pub(super) fn icmp(&mut self, error: &mut IcmpError<'static>) {
        let IcmpError {
            ip,
            icmp_type: _,
            code: _,
            length: _,
            checksum,
            mtu: _,
            pointer: _,
            quoted: Quoted { source, destination, source_port: _, destination_port: _, seq: _, protocol: _ },
            quoted_bytes,
            quoted_segment,
        } = error;
        self.ip(ip);
        *checksum = Checksum::Unseen;
        (*source, *destination) = (self.host(*source), self.host(*destination));
        *quoted_bytes = &[];
        if let Some(header) = quoted_segment {
            self.segment(header);
        }
    }

    /// What a text calls a host.
    pub(super) fn named(&mut self, name: &Name) -> Name {
        let Name { host, service, address } = name;
        Name {
            host: self.written_host(host).into(),
            service: service.clone(),
            address: address.map(|address| self.address(address)),
        }
    }
}

/// Options of which it is known that they contain no address and no identity; all others become padding (RFC 9293, 3.1).
fn plain(options: &TcpOptions) -> TcpOptions {
    const NO_OPERATION: u8 = 1;
    let all = options.as_bytes();
    let mut bytes = Vec::with_capacity(all.len());
    let mut rest = all;
    while let Some((option, after)) = TcpOption::split_first(rest) {
        let own = &rest[..rest.len() - after.len()];
        match option {
            TcpOption::EndOfList => break,
            TcpOption::NoOperation
            | TcpOption::MaximumSegmentSize(_)
            | TcpOption::WindowScale(_)
            | TcpOption::SackPermitted
            | TcpOption::Sack(_)
            | TcpOption::Timestamps { .. } => bytes.extend_from_slice(own),
            _ => bytes.extend(own.iter().map(|_| NO_OPERATION)),
        }
        rest = after;
    }
    bytes.resize(all.len(), NO_OPERATION);
    TcpOptions::from_wire(&bytes)
}
