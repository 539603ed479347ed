//! TLS as far as its bytes, or only their lengths, show it: records, plaintext handshake messages, alerts, and the place
//! of encrypted records in the flow.
//!
//! Each direction is read as a stream of which some bytes may be unknown (cut by the snaplen, lost, or never printed),
//! and every [`TlsEvent`] has the [`Basis`] that it rests on. The room also recognises what else may be spoken where TLS is
//! expected. It does not know connections' faults and draws no conclusions.

mod alert;
mod awaits;
mod basis;
mod certificates;
mod chunks;
mod dialogue;
mod event;
mod flow;
mod handshake;
mod http2;
mod lengths;
mod message;
mod plain;
mod prelude;
mod reader;
mod record;
mod requests;
mod sizes;
#[cfg(test)]
mod tests;
mod tracker;
mod word;
mod words;

pub use alert::AlertDescription;
pub use basis::Basis;
pub use certificates::CertificateMessage;
pub(crate) use chunks::ChunkPlace;
pub use dialogue::Dialogue;
pub(crate) use dialogue::{
    IMAP as IMAP_COMMANDS, NUMBERED as NUMBERED_COMMANDS, POP3 as POP3_COMMANDS, Reply,
};
pub use event::{Message, SizeReading, TlsEvent};
pub(crate) use handshake::RETRY_RANDOM;
pub(crate) use handshake::kind as handshake_kind;
pub(crate) use handshake::of_server_key_exchange;
pub use handshake::{CipherSuite, ClientHello, NamedGroup, ServerHello, Version};
pub(crate) use http2::{
    Frame as Http2Frame, Frames as Http2Frames, PREFACE as HTTP2_PREFACE, kind as http2_kind,
};
pub(crate) use plain::METHODS as HTTP_METHODS;
pub use plain::{Plain, PlainKind};
pub use prelude::{Prelude, PreludeStep, Refusal, socks5_reply};
pub(crate) use record::{ContentType as RecordContent, Header as RecordHeader};
pub use record::{RECORD_HEADER_BYTES, content_bytes};
pub use requests::Question;
pub(crate) use requests::WAITING_CONTROLS;
pub use tracker::Tracker;

/// Whether a protocol runs inside TLS from the first byte on at this port, as IANA assigns it or programs use it by default.
pub(crate) fn is_usual_on(port: u16) -> bool {
    lengths::is_port_of_tls(port)
}
