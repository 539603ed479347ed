//! The body of an answer, read to its end.

use std::io::{self, Read};

use ureq_proto::BodyMode;
use ureq_proto::client::Call;
use ureq_proto::client::state::RecvBody;
use zeroize::Zeroizing;

use super::chunks::{Broken, Chunks};
use super::tls;
use crate::limits;

/// How the end of a body is found.
enum Framing {
    Chunked(Chunks),
    Other(Box<Call<RecvBody>>),
}

impl Framing {
    /// Takes bytes, and copies what is of the body to `text`. Returns how many were taken, and how many copied.
    fn take(&mut self, came: &[u8], text: &mut [u8]) -> Result<(usize, usize), &'static str> {
        match self {
            Self::Chunked(chunks) => chunks.take(came, text).map_err(Broken::words),
            Self::Other(call) => call.read(came, text).map_err(|_| "the body is not what its header says"),
        }
    }

    fn is_over(&self) -> bool {
        match self {
            Self::Chunked(chunks) => chunks.is_over(),
            Self::Other(call) => call.can_proceed(),
        }
    }

    /// How much of it came.
    fn so_far(&self, total: u64, mode: BodyMode) -> String {
        match (self, mode) {
            (_, BodyMode::LengthDelimited(len)) => format!("after {total} of {len} bytes"),
            (Self::Chunked(chunks), _) if chunks.is_at_last() => {
                format!("after {total} bytes, before the end of the last chunk")
            }
            (Self::Chunked(_), _) => format!("after {total} bytes, before the last chunk"),
            _ => format!("after {total} bytes"),
        }
    }
}

/// Reads a body into `kept`, whose first bytes are kept of a long one.
///
/// # Errors
/// How it ended before its end (RFC 9112, 8). What came until then is kept.
pub(super) fn read_body(
    stream: &mut impl Read,
    call: Call<RecvBody>,
    came: &mut Vec<u8>,
    kept: &mut Vec<u8>,
) -> Result<(), String> {
    let mut text = Zeroizing::new(vec![0; limits::HTTP_HEAD_BYTES]);
    let mode = call.body_mode();
    let is_until_close = mode == BodyMode::CloseDelimited;
    let mut framing = match mode {
        BodyMode::Chunked => Framing::Chunked(Chunks::new()),
        _ => Framing::Other(Box::new(call)),
    };
    let (mut total, mut read) = (0, 0);
    loop {
        let (taken, len) = framing
            .take(came, &mut text)
            .map_err(|what| format!("{what} {}", framing.so_far(total, mode)))?;
        came.drain(..taken);
        let room = limits::HTTP_BODY_BYTES.saturating_sub(kept.len());
        kept.extend_from_slice(text.get(..len.min(room)).unwrap_or_default());
        total += len as u64;
        read += taken as u64;
        if read > limits::HTTP_BODY_READ_BYTES {
            return Ok(());
        }
        if framing.is_over() && !is_until_close {
            return Ok(());
        }
        if taken > 0 || len > 0 {
            continue;
        }
        let so_far = || framing.so_far(total, mode);
        match more(stream, came) {
            Ok(0) if is_until_close => return Ok(()),
            Ok(0) => return Err(format!("the server closed {}", so_far())),
            Ok(_) => {}
            // RFC 9112, 9.8: without length and chunks, only a close_notify shows that the body is whole.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && is_until_close => {
                return Err(format!(
                    "the server closed {} without a close_notify, and nothing else marks the end of the body",
                    so_far()
                ));
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(format!("the server closed {}", so_far()));
            }
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                return Err(format!("time was over {}", so_far()));
            }
            Err(error) => return Err(format!("{} {}", tls::ended(&error), so_far())),
        }
    }
}

/// Reads what is there.
pub(super) fn more(stream: &mut impl Read, came: &mut Vec<u8>) -> io::Result<usize> {
    let mut buffer = Zeroizing::new([0; 4096]);
    let len = stream.read(&mut *buffer)?;
    came.extend_from_slice(buffer.get(..len).unwrap_or_default());
    Ok(len)
}
