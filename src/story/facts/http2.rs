//! HTTP/2 in clear.

use super::Moment;

/// What frames of HTTP/2 in clear show (RFC 9113), as long as the capture shows where each begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Http2Facts {
    /// The end of the first request since the server's last HEADERS or DATA, if no frame answers it.
    pub asked: Option<Moment>,
    /// The client's PING, if nothing of the server followed it.
    pub ping: Option<Moment>,
    /// Whether the server's latest answer lacks the frame that ends its stream, and neither side has given it up or said goodbye.
    pub is_answer_open: bool,
    /// Whether the server's last frame lacks its end.
    pub is_inside_frame: bool,
}
