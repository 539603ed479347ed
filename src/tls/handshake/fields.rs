//! Big-endian fields and vectors, read as far as the bytes go.

/// Reads big-endian fields one after another and returns nothing more where the bytes end.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn number(&mut self, bytes: usize) -> Option<usize> {
        Some(self.take(bytes)?.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u16::from_be_bytes(*number))
    }

    /// A vector with a length prefix of `prefix` bytes; a cut one gives what is there, and false.
    pub(super) fn vector(&mut self, prefix: usize) -> Option<(Fields<'a>, bool)> {
        let len = self.number(prefix)?;
        let is_whole = len <= self.0.len();
        Some((Fields(self.take(len.min(self.0.len()))?), is_whole))
    }

    /// The 16-bit numbers up to the end, GREASE left out.
    pub(super) fn numbers(mut self) -> impl Iterator<Item = u16> + 'a {
        std::iter::from_fn(move || self.u16()).filter(|number| !is_grease(*number))
    }

    /// The same as a list of what is made of each, with room for all at once.
    pub(super) fn list<T>(self, make: impl Fn(u16) -> T) -> Vec<T> {
        let mut list = Vec::with_capacity(self.0.len() / 2);
        list.extend(self.numbers().map(make));
        list
    }
}

/// Whether a 16-bit code point is of the pattern that clients send to keep servers tolerant (RFC 8701).
pub(super) fn is_grease(number: u16) -> bool {
    number & 0x0f0f == 0x0a0a && number >> 8 == number & 0xff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grease_is_distinguished_from_real_numbers() {
        assert!(is_grease(0x0a0a) && is_grease(0xfafa));
        assert!(!is_grease(0x0a1a) && !is_grease(0x1301));
    }
}
