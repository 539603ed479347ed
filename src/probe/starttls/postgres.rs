//! PostgreSQL: SSLRequest, and one byte that answers it.

use std::io::{self, Read, Write};

use super::dialogue::{answer, ask};

/// The length and the code 80877103.
const REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

pub(super) fn open(channel: &mut (impl Read + Write)) -> io::Result<bool> {
    ask(channel, &REQUEST)?;
    answer(channel, |came| came.first().map(|byte| *byte == b'S'))
}

#[cfg(test)]
mod tests {
    use super::super::tests::Script;
    use super::*;

    #[test]
    fn one_byte_decides() {
        assert!(open(&mut Script::new(&["S"])).unwrap());
        assert!(!open(&mut Script::new(&["N"])).unwrap());
    }
}
