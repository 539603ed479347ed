//! PostgreSQL: SSLRequest, and one byte that answers it.

use std::io::{self, Read, Write};

use super::dialogue::{Reply, ask, last_answer};

/// The length and the code 80877103.
const REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

pub(super) fn open(channel: &mut (impl Read + Write)) -> io::Result<Reply> {
    ask(channel, &REQUEST)?;
    last_answer(channel, |came| came.first().map(|byte| (*byte == b'S', 1))).map(Reply::of)
}

#[cfg(test)]
mod tests {
    use super::super::tests::Script;
    use super::*;

    #[test]
    fn one_byte_decides() {
        assert_eq!(open(&mut Script::new(&["S"])).unwrap(), Reply::Agrees);
        assert_eq!(open(&mut Script::new(&["N"])).unwrap(), Reply::Refuses);
        // CVE-2021-23222: a client must not take what comes in clear for what is encrypted.
        let injected = Reply::AgreesAndSends(b"R\0".to_vec());
        assert_eq!(open(&mut Script::new(&["SR\0"])).unwrap(), injected);
    }
}
