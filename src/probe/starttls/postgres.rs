//! PostgreSQL: SSLRequest, and one byte that answers it.

use std::io::{self, Read, Write};

use super::dialogue::{Reply, ask, last_answer};
use crate::probe::tape::Tape;

/// The length and the code 80877103.
const REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

pub(super) fn open(channel: &mut (impl Read + Write)) -> io::Result<Reply> {
    ask(channel, &REQUEST)?;
    last_answer(channel, |came| came.first().map(|byte| (*byte == b'S', 1))).map(Reply::of)
}

/// The message of an ErrorResponse (its protocol, 53.7 and 53.8): fields of a letter and text that ends with 0, of which M is the text
/// for people.
pub(super) fn error(came: &[u8], tape: &Tape) -> Option<String> {
    const LENGTH: usize = 4;
    let fields = came.strip_prefix(b"E")?.get(LENGTH..)?;
    let message = fields.split(|byte| *byte == 0).find_map(|field| field.strip_prefix(b"M"))?;
    super::heard::words(message, tape)
}

#[cfg(test)]
mod tests {
    use super::super::tests::Script;
    use super::*;

    #[test]
    fn one_byte_decides() {
        assert_eq!(open(&mut Script::new(&["S"])).unwrap(), Reply::Agrees);
        assert_eq!(open(&mut Script::new(&["N"])).unwrap(), Reply::Refuses);
        let error = |came| error(came, &Tape::begin());
        assert_eq!(error(b"E\0\0\0\x20SFATAL\0Mno SSL\x1b here\0\0").as_deref(), Some("no SSL\\u{1b} here"));
        assert_eq!(error(b"E\0\0"), None);
        // CVE-2021-23222: a client must not take what comes in clear for what is encrypted.
        let injected = Reply::AgreesAndSends(b"R\0".to_vec());
        assert_eq!(open(&mut Script::new(&["SR\0"])).unwrap(), injected);
    }
}
