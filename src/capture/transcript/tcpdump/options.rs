//! TCP options: from tcpdump's words back to bytes.

use smallvec::SmallVec;

use crate::capture::transcript::scan::Scan;

/// Options in the order of the line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// As on the wire, without what fills the last four bytes; the numbers of `sack` as printed.
    pub bytes: SmallVec<[u8; MOST_BYTES]>,
    /// Whether tcpdump's words show every byte, so that the length is certain.
    pub is_exact: bool,
    /// Where in `bytes` the numbers of `sack` begin, and how many there are.
    pub sack_numbers: (usize, usize),
}

/// Most option bytes of a header: its length field ends at 60, and 20 are fixed (RFC 9293, 3.1).
const MOST_BYTES: usize = 40;

impl Options {
    /// Reads up to and including the closing bracket; `None` when the line ends before it.
    pub fn parse(scan: &mut Scan<'_>) -> Option<Self> {
        let list = scan.until(']')?;
        let mut options = Self { is_exact: true, ..Self::default() };
        for word in split(list) {
            let at = options.bytes.len();
            options.is_exact &= options.push(word.trim()).is_some();
            if options.bytes.len() > MOST_BYTES {
                options.bytes.truncate(at);
                options.is_exact = false;
            }
        }
        Some(options)
    }

    /// Reads up to and including `>`, as tcpdump before 4.1 printed them: `mss 1460,sackOK,timestamp 1 2,sack sack 1 {3:4} `.
    pub fn parse_old(scan: &mut Scan<'_>) -> Option<Self> {
        let list = scan.until('>')?;
        let mut options = Self { is_exact: true, ..Self::default() };
        for word in split(list) {
            // A snapshot's end among them.
            let word = word.trim();
            let (word, is_cut) = match word.strip_suffix("[|tcp]") {
                Some(word) => (word, true),
                None => (word, false),
            };
            let is_known = word.is_empty() || options.push_old(word).is_some();
            options.is_exact &= is_known && !is_cut;
            if options.bytes.len() > MOST_BYTES {
                return Some(Self { is_exact: false, ..Self::default() });
            }
        }
        Some(options)
    }

    fn push_old(&mut self, word: &str) -> Option<()> {
        if let Some(value) = word.strip_prefix("timestamp ") {
            let mut numbers = value.split_whitespace();
            let (value, echo): (u32, u32) = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
            self.append_timestamps(value, echo);
            return Some(());
        }
        self.push(word.strip_prefix("sack ").filter(|rest| rest.starts_with("sack ")).unwrap_or(word))
    }

    /// Appends one option; `None` when its words don't show all its bytes.
    fn push(&mut self, word: &str) -> Option<()> {
        let (name, value) = word.split_once(' ').unwrap_or((word, ""));
        let value = value.trim();
        match name {
            "eol" => self.bytes.push(0),
            "nop" => self.bytes.push(1),
            "mss" => self.append(2, &value.parse::<u16>().ok()?.to_be_bytes()),
            "wscale" => self.append(3, &[value.parse().ok()?]),
            "sackOK" => self.append(4, &[]),
            "sack" => return self.push_sack(value),
            "TS" => {
                let (val, ecr) = value.strip_prefix("val ")?.split_once(' ')?;
                let (val, ecr): (u32, u32) = (val.parse().ok()?, ecr.strip_prefix("ecr ")?.parse().ok()?);
                self.append_timestamps(val, ecr);
            }
            "tfo" => {
                let cookie = value.strip_prefix("cookie ");
                self.append(34, &cookie.map_or(Some(Vec::new()), hex_bytes)?);
                return (cookie.is_some() || value == "cookiereq").then_some(());
            }
            // Multipath TCP (RFC 8684): that it is there is kept, its many forms are not.
            "mptcp" => {
                self.append(30, &[]);
                return None;
            }
            _ => {
                let kind = name.strip_prefix("unknown-")?.parse().ok()?;
                let data = if value.is_empty() { Vec::new() } else { hex_bytes(value.strip_prefix("0x")?)? };
                self.append(kind, &data);
            }
        }
        Some(())
    }

    /// `2 {1:2}{3:4}`
    fn push_sack(&mut self, value: &str) -> Option<()> {
        let (count, blocks) = value.split_once(' ')?;
        let mut numbers = Vec::new();
        for block in blocks.split_terminator('}') {
            let (first, after_last) = block.trim().strip_prefix('{')?.split_once(':')?;
            numbers.extend([first.parse::<u32>().ok()?, after_last.parse().ok()?]);
        }
        let is_whole = count.parse() == Ok(numbers.len() / 2) && !numbers.is_empty();
        if !is_whole || numbers.len() > MOST_BYTES / 4 {
            return None;
        }
        self.sack_numbers = (self.bytes.len() + 2, numbers.len());
        self.append(5, &numbers.iter().flat_map(|number| number.to_be_bytes()).collect::<Vec<_>>());
        Some(())
    }

    fn append_timestamps(&mut self, value: u32, echo: u32) {
        self.append(8, &(u64::from(value) << u32::BITS | u64::from(echo)).to_be_bytes());
    }

    fn append(&mut self, kind: u8, data: &[u8]) {
        let data = &data[..data.len().min(MOST_BYTES)];
        self.bytes.extend_from_slice(&[kind, data.len() as u8 + 2]);
        self.bytes.extend_from_slice(data);
    }

    /// Replaces each number of `sack` by what `absolute` makes of it.
    pub fn renumber(&mut self, absolute: impl Fn(u32) -> u32) {
        let (start, count) = self.sack_numbers;
        let Some(numbers) = self.bytes.get_mut(start..start + 4 * count) else { return };
        for number in numbers.chunks_exact_mut(4) {
            let printed = number.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte));
            number.copy_from_slice(&absolute(printed).to_be_bytes());
        }
    }

    /// The first number of `sack` as printed.
    pub fn first_sack_number(&self) -> Option<u32> {
        let (start, count) = self.sack_numbers;
        let number = self.bytes.get(start..start + 4).filter(|_| count > 0)?;
        Some(number.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
    }
}

/// The words between commas; a comma followed by a space belongs to its word.
fn split(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').filter(|word| !word.is_empty())
}

fn hex_bytes(digits: &str) -> Option<Vec<u8>> {
    if digits.is_empty() || !digits.is_ascii() || !digits.len().is_multiple_of(2) {
        return None;
    }
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(list: &str) -> Options {
        Options::parse(&mut Scan::new(list)).expect("closed")
    }

    #[test]
    fn words_become_the_bytes_that_they_represent() {
        for (list, bytes) in [
            (
                "mss 1460,sackOK,TS val 1 ecr 2,nop,wscale 7]",
                &[2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 1, 3, 3, 7][..],
            ),
            ("sack 2 {1:2}{3:4}]", &[5, 18, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4]),
            ("tfo  cookiereq,eol]", &[34, 2, 0]),
            (
                "tfo  cookie 0102030405060708,unknown-253 0x0102]",
                &[34, 10, 1, 2, 3, 4, 5, 6, 7, 8, 253, 4, 1, 2],
            ),
        ] {
            let options = parse(list);
            assert_eq!((options.bytes.as_slice(), options.is_exact), (bytes, true), "{list}");
        }
    }

    #[test]
    fn what_is_not_known_to_the_byte_leaves_the_length_uncertain() {
        for list in
            ["mptcp 4 capable v0 csum]", "uto 0x8005 983160]", "sack invalid sack]", "[bad opt]", "mss]"]
        {
            assert!(!parse(list).is_exact, "{list}");
        }
        assert_eq!(parse("mptcp 4 capable]").bytes.as_slice(), [30, 2]);
    }
}
