//! LDAP: an extended operation (RFC 4511, 4.12 and 4.14).

use std::io::{self, Read, Write};

use super::dialogue::{Reply, ask, last_answer};

/// An LDAPMessage with the ID 1: an ExtendedRequest with the name of StartTLS.
const REQUEST: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";

/// BER: SEQUENCE, and a long length's first bit.
const SEQUENCE: u8 = 0x30;
const LONG: u8 = 0x80;

pub(super) fn open(channel: &mut (impl Read + Write)) -> io::Result<Reply> {
    ask(channel, REQUEST)?;
    last_answer(channel, |came| {
        let agrees = agrees(came)?;
        let len = if agrees { whole(came)? } else { came.len() };
        (came.len() >= len).then_some((agrees, len))
    })
    .map(Reply::of)
}

/// The length of the message that begins here.
fn whole(came: &[u8]) -> Option<usize> {
    let first = usize::from(*came.get(1)?);
    let Some(count) = first.checked_sub(usize::from(LONG)) else { return Some(2 + first) };
    let len = came
        .get(2..2 + count)?
        .iter()
        .try_fold(0_usize, |len, byte| len.checked_mul(256)?.checked_add(usize::from(*byte)))?;
    len.checked_add(2 + count)
}

/// Whether an ExtendedResponse has the result code success; absent until it is there. Anything else is a refusal.
fn agrees(came: &[u8]) -> Option<bool> {
    let header = |at: usize| -> Option<usize> {
        let len = *came.get(at + 1)?;
        Some(at + 2 + if len & LONG == 0 { 0 } else { usize::from(len & !LONG) })
    };
    if *came.first()? != SEQUENCE {
        return Some(false);
    }
    let id = header(0)?;
    let response = header(id)?.checked_add(usize::from(*came.get(id + 1)?))?;
    let result = header(response)?;
    // ENUMERATED of one byte.
    let [tag, len, code] = came.get(result..result + 3)?.try_into().ok()?;
    Some([tag, len, code] == [10, 1, 0])
}

#[cfg(test)]
mod tests {
    use super::super::tests::Script;
    use super::*;

    #[test]
    fn the_result_code_decides() {
        let response =
            |code| [b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01", &[code][..], b"\x04\0\x04\0"].concat();
        let long =
            [b"\x30\x84\0\0\0\x10\x02\x01\x01\x78\x84\0\0\0\x07\x0a\x01\0", &b"\x04\0\x04\0"[..]].concat();
        assert_eq!(open(&mut Script::new(&[response(0)])).unwrap(), Reply::Agrees);
        let injected = [response(0), b"0x".to_vec()].concat();
        assert_eq!(open(&mut Script::new(&[injected])).unwrap(), Reply::AgreesAndSends(b"0x".to_vec()));
        assert_eq!(open(&mut Script::new(&[long])).unwrap(), Reply::Agrees);
        assert_eq!(open(&mut Script::new(&[response(2)])).unwrap(), Reply::Refuses);
        assert_eq!(open(&mut Script::new(&["HTTP/1.1 400 Bad Request\r\n"])).unwrap(), Reply::Refuses);
    }
}
