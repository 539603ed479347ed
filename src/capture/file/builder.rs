//! Capture files written byte by byte, for tests.

use super::order::Order;

/// A capture file in the making.
pub(in crate::capture) struct Builder {
    /// What is written so far.
    pub(in crate::capture) bytes: Vec<u8>,
    order: Order,
}

impl Builder {
    /// A pcap file of Ethernet frames in microseconds, little-endian.
    pub(in crate::capture) fn pcap() -> Self {
        Self::pcap_with(Order::Little, 0xa1b2_c3d4, 4, 1)
    }

    /// A pcap file of version 2.`minor`.
    pub(in crate::capture) fn pcap_with(order: Order, magic: u32, minor: u16, network: u32) -> Self {
        let file = Self { bytes: Vec::new(), order };
        file.u32(magic).u16(2).u16(minor).u32(0).u32(0).u32(65_535).u32(network)
    }

    /// A pcapng file with a section header.
    pub(in crate::capture) fn pcapng(order: Order) -> Self {
        Self { bytes: Vec::new(), order }.section(order)
    }

    /// A pcap record of which all was captured.
    pub(in crate::capture) fn record(self, seconds: u32, fraction: u32, frame: &[u8]) -> Self {
        let len = frame.len() as u32;
        self.u32(seconds).u32(fraction).u32(len).u32(len).raw(frame)
    }

    /// A section header; what follows has its byte order.
    pub(in crate::capture) fn section(mut self, order: Order) -> Self {
        self.order = order;
        let body = Self { bytes: Vec::new(), order }.u32(0x1a2b_3c4d).u16(1).u16(0).raw(&[0xff; 8]);
        self.block(0x0a0d_0d0a, &body.bytes)
    }

    /// An interface description.
    pub(in crate::capture) fn interface(
        self,
        link_type: u16,
        snaplen: u32,
        options: &[(u16, &[u8])],
    ) -> Self {
        let body = self.part().u16(link_type).u16(0).u32(snaplen).options(options);
        self.block(1, &body.bytes)
    }

    /// An enhanced packet.
    pub(in crate::capture) fn packet(self, interface: u32, units: u64, frame: &[u8]) -> Self {
        let len = frame.len() as u32;
        let body = self.part().u32(interface).u32((units >> 32) as u32).u32(units as u32).u32(len).u32(len);
        self.block(6, &body.raw(frame).padded().bytes)
    }

    /// Interface statistics.
    pub(in crate::capture) fn statistics(self, interface: u32, options: &[(u16, &[u8])]) -> Self {
        let body = self.part().u32(interface).u32(0).u32(0).options(options);
        self.block(5, &body.bytes)
    }

    /// Any block.
    pub(in crate::capture) fn block(self, kind: u32, body: &[u8]) -> Self {
        let len = body.len() as u32 + 12;
        self.u32(kind).u32(len).raw(body).u32(len)
    }

    /// Bytes as they are.
    pub(in crate::capture) fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// A number of four bytes.
    pub(in crate::capture) fn u32(self, value: u32) -> Self {
        let bytes = if self.order == Order::Little { value.to_le_bytes() } else { value.to_be_bytes() };
        self.raw(&bytes)
    }

    fn u16(self, value: u16) -> Self {
        let bytes = if self.order == Order::Little { value.to_le_bytes() } else { value.to_be_bytes() };
        self.raw(&bytes)
    }

    fn options(self, options: &[(u16, &[u8])]) -> Self {
        let write = |body: Self, (code, value): &(u16, &[u8])| {
            body.u16(*code).u16(value.len() as u16).raw(value).padded()
        };
        options.iter().fold(self, write).u32(0)
    }

    fn padded(mut self) -> Self {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self
    }

    fn part(&self) -> Self {
        Self { bytes: Vec::new(), order: self.order }
    }
}
