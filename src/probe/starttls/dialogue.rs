//! A request, and the answer to it.

use std::io::{self, Read, Write};

use crate::limits;

/// What a server says to the request for TLS.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Reply {
    /// TLS may begin.
    Agrees,
    /// It does not.
    Refuses,
    /// TLS may begin, and these bytes came in clear after the words that say so.
    AgreesAndSends(Vec<u8>),
}

impl Reply {
    /// By an answer, and what came after it.
    pub(super) fn of((agrees, rest): (bool, Vec<u8>)) -> Self {
        match agrees {
            true if rest.is_empty() => Self::Agrees,
            true => Self::AgreesAndSends(rest),
            false => Self::Refuses,
        }
    }
}

/// Sends a request.
pub(super) fn ask(channel: &mut impl Write, request: &[u8]) -> io::Result<()> {
    channel.write_all(request).and_then(|()| channel.flush())
}

/// Reads an answer until it is whole, and shows no more of it than a head may have.
pub(super) fn answer<T>(channel: &mut impl Read, whole: impl Fn(&[u8]) -> Option<T>) -> io::Result<T> {
    last_answer(channel, |came| Some((whole(came)?, came.len()))).map(|(answer, _)| answer)
}

/// Reads the answer that TLS is to follow until it is whole. `whole` says how long it is: what came after it is returned too.
pub(super) fn last_answer<T>(
    channel: &mut impl Read,
    whole: impl Fn(&[u8]) -> Option<(T, usize)>,
) -> io::Result<(T, Vec<u8>)> {
    let mut came = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        if let Some((answer, len)) = whole(&came) {
            return Ok((answer, came.split_off(len.min(came.len()))));
        }
        let len = channel.read(&mut buffer)?;
        if len == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        came.extend_from_slice(buffer.get(..len).unwrap_or_default());
        if came.len() > limits::HTTP_HEAD_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the answer has no end"));
        }
    }
}
