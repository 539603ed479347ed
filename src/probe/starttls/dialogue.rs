//! A request, and the answer to it.

use std::io::{self, Read, Write};

use crate::limits;

/// Sends a request.
pub(super) fn ask(channel: &mut impl Write, request: &[u8]) -> io::Result<()> {
    channel.write_all(request).and_then(|()| channel.flush())
}

/// Reads an answer until it is whole, and shows no more of it than a head may have.
pub(super) fn answer<T>(channel: &mut impl Read, whole: impl Fn(&[u8]) -> Option<T>) -> io::Result<T> {
    let mut came = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        if let Some(answer) = whole(&came) {
            return Ok(answer);
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
