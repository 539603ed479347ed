//! TCP options put together from a tool's words.

/// Options in the order of a line. Padding is not kept, since few tools show it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// As on the wire, but for the padding between them.
    pub bytes: Vec<u8>,
    /// By which shift the sender scales its windows.
    pub window_scale: Option<u8>,
}

/// Selective acknowledgement's kind (RFC 2018, 3).
const SACK: u8 = 5;

/// Most option bytes of a header (RFC 9293, 3.1).
const MOST_OPTION_BYTES: usize = 40;

impl Options {
    /// Appends the option of a SYN, if its value is known.
    pub fn maximum_segment_size(&mut self, bytes: Option<u16>) {
        self.append(2, bytes.map(u16::to_be_bytes));
    }

    /// Appends the option by which windows are scaled.
    pub fn shift(&mut self, shift: Option<u8>) {
        self.window_scale = shift;
        self.append(3, shift.map(|shift| [shift]));
    }

    /// Appends value and echo reply.
    pub fn timestamps(&mut self, numbers: Option<(u32, u32)>) {
        self.append(8, numbers.map(|(value, echo)| pair(value, echo)));
    }

    /// Appends the option that permits selective acknowledgement.
    pub fn sack_permitted(&mut self) {
        self.append(4, Some([]));
    }

    /// Appends a Fast Open cookie's option without its cookie (RFC 7413, 4.1.1).
    pub fn fast_open(&mut self) {
        self.append(34, Some([]));
    }

    fn append<const N: usize>(&mut self, kind: u8, data: Option<[u8; N]>) {
        let Some(data) = data.filter(|data| self.bytes.len() + 2 + data.len() <= MOST_OPTION_BYTES) else {
            return;
        };
        self.bytes.extend([kind, N as u8 + 2]);
        self.bytes.extend(data);
    }

    /// A block of the selective acknowledgement; those of one row are one option, which comes last.
    pub fn sack_block(&mut self, block: Option<(u32, u32)>) {
        let Some((left, right)) = block else { return };
        let begin = self.sack_begin();
        let Some(begin) = begin else { return self.append(SACK, Some(pair(left, right))) };
        if self.bytes.len() + 8 <= MOST_OPTION_BYTES {
            self.bytes.extend(pair(left, right));
            if let Some(len) = self.bytes.get_mut(begin + 1) {
                *len += 8;
            }
        }
    }

    /// Where the selective acknowledgement begins, if the last option is one.
    fn sack_begin(&self) -> Option<usize> {
        let mut at = 0;
        while let Some([kind, len]) = self.bytes.get(at..at + 2) {
            let next = at + usize::from(*len).max(2);
            if *kind == SACK && next == self.bytes.len() {
                return Some(at);
            }
            at = next;
        }
        None
    }

    /// The blocks of the selective acknowledgement.
    pub fn sack_blocks(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        let number = |bytes: &[u8]| bytes.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte));
        let blocks = self.sack_begin().and_then(|begin| self.bytes.get(begin + 2..)).unwrap_or_default();
        blocks.chunks_exact(8).map(move |block| (number(&block[..4]), number(&block[4..])))
    }

    /// Whether there are timestamps.
    pub fn has_timestamps(&self) -> bool {
        self.has(8)
    }

    /// Bytes that the options take in a SYN, with the padding that all systems put between them.
    pub fn len_in_syn(&self) -> u32 {
        // Selective acknowledgement is in the padding of timestamps.
        let last = match (self.has(8), self.has(4)) {
            (true, _) => 12,
            (false, true) => 4,
            (false, false) => 0,
        };
        4 * u32::from(self.has(2)) + 4 * u32::from(self.has(3)) + last
    }

    fn has(&self, kind: u8) -> bool {
        let mut at = 0;
        while let Some([found, len]) = self.bytes.get(at..at + 2) {
            if *found == kind {
                return true;
            }
            at += usize::from(*len).max(2);
        }
        false
    }

    /// Whether there is a selective acknowledgement.
    pub fn has_sack(&self) -> bool {
        self.has(SACK)
    }

    /// Adds `base` to each number of the selective acknowledgement.
    pub fn renumber(&mut self, base: u32) {
        let Some(begin) = self.sack_begin() else { return };
        for number in self.bytes.get_mut(begin + 2..).unwrap_or_default().chunks_exact_mut(4) {
            let printed = number.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte));
            number.copy_from_slice(&printed.wrapping_add(base).to_be_bytes());
        }
    }
}

fn pair(one: u32, other: u32) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&one.to_be_bytes());
    bytes[4..].copy_from_slice(&other.to_be_bytes());
    bytes
}
