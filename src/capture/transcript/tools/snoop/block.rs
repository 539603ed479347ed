//! The block of lines that `snoop -v` prints for a packet.

use super::line::is_name;
use crate::capture::transcript::clock::Stamp;
use crate::capture::transcript::tools::packet::{ToolContent, ToolIp, ToolPacket, ToolSegment};
use crate::capture::transcript::tools::times;
use crate::packet::Flags;

/// What the lines of a `-v` block say of one packet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Block {
    pub number: Option<u64>,
    pub time: Option<(Stamp, u8)>,
    pub wire_len: Option<u32>,
    pub source: Option<String>,
    pub destination: Option<String>,
    pub hop_limit: Option<u8>,
    pub id: Option<u16>,
    /// Bytes of the datagram.
    pub total_len: Option<u32>,
    ip_header_len: Option<u32>,
    pub ports: (Option<u16>, Option<u16>),
    pub flags: Option<Flags>,
    pub seq: Option<u32>,
    pub ack: Option<u32>,
    pub window: Option<u16>,
    pub header_len: Option<u8>,
}

impl Block {
    /// Whether `text` is a line of a block.
    pub fn is_line(text: &str) -> bool {
        let name = text.trim_start().split(':').next().unwrap_or("");
        text.contains(':') && (["ETHER", "IP", "TCP", "UDP", "ICMP", "ARP"].contains(&name) || is_name(name))
    }

    /// Whether `text` begins a packet's first header.
    pub fn begins(text: &str) -> bool {
        text.trim_start().strip_prefix("ETHER:").is_some_and(|rest| rest.trim_start().starts_with("-----"))
    }

    /// Takes in a line.
    pub fn take(&mut self, text: &str) {
        let Some((header, field)) = text.trim_start().split_once(':') else { return };
        let field = field.trim();
        if let Some(arrival) = field.strip_prefix("Packet ") {
            self.take_arrival(arrival);
            return;
        }
        let Some((name, value)) = field.split_once(" = ") else { return };
        let number = || value.split(' ').next().and_then(|number| number.parse::<u32>().ok());
        let hexadecimal = || u16::from_str_radix(value.trim().trim_start_matches("0x"), 16).ok();
        let small = || number().and_then(|number| u16::try_from(number).ok());
        match (header, name) {
            ("ETHER", "Packet size") => self.wire_len = number(),
            ("IP", "Source address") => self.source = value.split(',').next().map(str::to_owned),
            ("IP", "Destination address") => self.destination = value.split(',').next().map(str::to_owned),
            ("IP", "Total length") => self.total_len = number(),
            ("IP", "Header length") => self.ip_header_len = number(),
            ("IP", "Identification") => self.id = small(),
            ("IP", "Time to live") => self.hop_limit = number().and_then(|number| number.try_into().ok()),
            ("TCP", "Source port") => self.ports.0 = small(),
            ("TCP", "Destination port") => self.ports.1 = small(),
            ("TCP", "Sequence number") => self.seq = number(),
            ("TCP", "Acknowledgement number") => self.ack = number(),
            ("TCP", "Data offset") => self.header_len = number().and_then(|number| number.try_into().ok()),
            ("TCP", "Flags") => self.flags = hexadecimal().map(|bits| Flags(bits as u8)),
            ("TCP", "Window") => self.window = small(),
            _ => {}
        }
    }

    /// `2 arrived at 1:43:41.42`
    fn take_arrival(&mut self, text: &str) {
        let Some((number, time)) = text.split_once(" arrived at ") else { return };
        self.number = number.parse().ok();
        let (hours, rest) = time.split_once(':').unwrap_or(("", time));
        let padded = format!("{hours:0>2}:{rest}");
        self.time = times::split(&padded).map(|(stamp, digits, _)| (stamp, digits));
    }

    pub fn packet(self, line: u64) -> Option<ToolPacket> {
        let (source, destination) = self.source.clone().zip(self.destination.clone())?;
        let content = match self.ports {
            (Some(source), Some(destination)) if self.flags.is_some() => ToolContent::Segment(ToolSegment {
                ports: Some((source.to_string(), destination.to_string())),
                flags: self.flags,
                seq: self.seq,
                ack: self.ack.filter(|_| self.flags.is_some_and(Flags::ack)),
                window: self.window,
                header_len: self.header_len,
                payload_len: self.payload_len(),
                ..ToolSegment::default()
            }),
            _ => ToolContent::Other("IP".to_owned()),
        };
        Some(ToolPacket {
            line,
            time: self.time,
            hosts: (source, destination),
            wire_len: self.wire_len,
            ip: ToolIp { hop_limit: self.hop_limit, id: self.id, total_len: self.total_len },
            content,
            ..ToolPacket::default()
        })
    }

    /// Payload bytes, where both headers' lengths are there.
    pub fn payload_len(&self) -> Option<u32> {
        self.total_len?.checked_sub(self.ip_header_len?)?.checked_sub(self.header_len?.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn blocks_are_read() {
        let mut block = Block::default();
        for line in [
            "ETHER:  ----- Ether Header -----",
            "ETHER:  Packet 2 arrived at 1:43:41.42",
            "ETHER:  Packet size = 97 bytes",
            "IP:   Header length = 20 bytes",
            "IP:   Total length = 83 bytes",
            "IP:   Identification = 50744",
            "IP:   Time to live = 60 seconds/hops",
            "IP:   Source address = 192.0.2.1, solaris9",
            "IP:   Destination address = 192.0.2.2, 192.0.2.2",
            "TCP:  Source port = 23",
            "TCP:  Destination port = 3013 ",
            "TCP:  Sequence number = 52297913",
            "TCP:  Acknowledgement number = 769864152",
            "TCP:  Data offset = 20 bytes",
            "TCP:  Flags = 0x18",
            "TCP:        ...1 .... = Acknowledgement",
            "TCP:  Window = 64240",
        ] {
            assert!(Block::is_line(line), "{line}");
            block.take(line);
        }
        assert_eq!((block.number, block.time), (Some(2), Some((Stamp::Time(6_221_420_000_000), 2))));
        assert_eq!(
            (block.source.as_deref(), block.destination.as_deref()),
            (Some("192.0.2.1"), Some("192.0.2.2"))
        );
        assert_eq!((block.ports, block.payload_len()), ((Some(23), Some(3013)), Some(43)));
        assert_eq!(
            (block.flags.map(|flags| flags.to_string()).as_deref(), block.seq),
            (Some("P."), Some(52_297_913))
        );
    }

    proptest! {
        #[test]
        fn any_lines_are_taken(text: String, more: String) {
            let mut block = Block::default();
            for text in [text.clone(), format!("TCP: Flags = {text}"), format!("IP: {more} = {text}"), format!("ETHER: Packet {more} arrived at {text}")] {
                block.take(&text);
            }
            let _ = (block.payload_len(), block.packet(1));
        }
    }
}
