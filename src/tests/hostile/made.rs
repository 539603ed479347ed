//! Files that are made while they are read, and what they begin with.

use std::io::Read;

/// Link types of the tcpdump.org registry: frames that begin with the IP header, and Ethernet.
pub const RAW: u32 = 101;
pub const ETHERNET: u32 = 1;

/// A file that is made while it is read.
struct Made<F> {
    next: F,
    part: Vec<u8>,
    place: usize,
    left: u32,
}

/// A file of a header and `count` parts, each made from its number.
pub fn made<P: FnMut(u32) -> Vec<u8>>(header: &[u8], count: u32, mut part: P) -> impl Read + use<P> {
    Made { next: move |left| part(count - left), part: header.to_vec(), place: 0, left: count }
}

impl<F: FnMut(u32) -> Vec<u8>> Read for Made<F> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        while self.place == self.part.len() && self.left > 0 {
            self.part = (self.next)(self.left);
            self.place = 0;
            self.left -= 1;
        }
        let count = (&self.part[self.place..]).read(into)?;
        self.place += count;
        Ok(count)
    }
}

/// A pcap file's header.
pub fn pcap(link_type: u32) -> Vec<u8> {
    let words = [0xa1b2_c3d4, 0x0004_0002, 0, 0, 262_144, link_type];
    words.iter().flat_map(|word: &u32| word.to_le_bytes()).collect()
}

/// A pcapng block.
pub fn block(kind: u32, claimed: u32, body: &[u8]) -> Vec<u8> {
    let mut block: Vec<u8> = [kind, claimed].into_iter().flat_map(u32::to_le_bytes).collect();
    block.extend_from_slice(body);
    block.extend(claimed.to_le_bytes());
    block
}

/// A section of pcapng in which no length is given.
pub fn section() -> Vec<u8> {
    let words = [0x1a2b_3c4d_u32, 1, u32::MAX, u32::MAX];
    block(0x0a0d_0d0a, 28, &words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>())
}
