//! The body of an answer, read to its end.

use std::io::{self, Read};

use ureq_proto::BodyMode;
use ureq_proto::client::Call;
use ureq_proto::client::state::RecvBody;
use zeroize::Zeroizing;

use super::tls;
use crate::limits;

/// Reads a body into `kept`, whose first bytes are kept of a long one.
///
/// # Errors
/// How it ended before its end (RFC 9112, 8). What came until then is kept.
pub(super) fn read_body(
    stream: &mut impl Read,
    mut call: Call<RecvBody>,
    came: &mut Vec<u8>,
    kept: &mut Vec<u8>,
) -> Result<(), String> {
    let mut text = Zeroizing::new(vec![0; limits::HTTP_HEAD_BYTES]);
    let mode = call.body_mode();
    let is_until_close = mode == BodyMode::CloseDelimited;
    let mut total = 0;
    loop {
        let so_far = |total: u64| match mode {
            BodyMode::LengthDelimited(len) => format!("after {total} of {len} bytes"),
            BodyMode::Chunked => format!("after {total} bytes, before the last chunk"),
            _ => format!("after {total} bytes"),
        };
        let (taken, len) =
            call.read(came, &mut text).map_err(|_| format!("the chunk size is invalid {}", so_far(total)))?;
        came.drain(..taken);
        let room = limits::HTTP_BODY_BYTES.saturating_sub(kept.len());
        kept.extend_from_slice(text.get(..len.min(room)).unwrap_or_default());
        total += len as u64;
        if total > limits::HTTP_BODY_READ_BYTES {
            return Ok(());
        }
        if taken > 0 || len > 0 {
            continue;
        }
        if call.can_proceed() && !is_until_close {
            return Ok(());
        }
        match more(stream, came) {
            Ok(0) if is_until_close => return Ok(()),
            Ok(0) => return Err(format!("the server closed {}", so_far(total))),
            Ok(_) => {}
            // RFC 9112, 9.8: without length and chunks, only a close_notify shows that the body is whole.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && is_until_close => {
                return Err(format!(
                    "the server closed {} without a close_notify, and nothing else marks the end of the body",
                    so_far(total)
                ));
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(format!("the server closed {}", so_far(total)));
            }
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                return Err(format!("time was over {}", so_far(total)));
            }
            Err(error) => return Err(format!("{} {}", tls::ended(&error), so_far(total))),
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
