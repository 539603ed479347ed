//! What TLS showed.

use std::sync::Arc;

use super::{Moment, Observed, Repeats, Runs, Turns};
use crate::cert::Examination;
use crate::tcp::PerRole;
use crate::tls::{
    AlertDescription, CertificateMessage, CipherSuite, ClientHello, NamedGroup, ServerHello, SizeReading,
    Version,
};

/// What TLS showed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TlsFacts {
    /// The first ClientHello.
    pub client_hello: Option<Observed<ClientHello>>,
    /// The server's acknowledgement of everything that the client had sent up to the end of its ClientHello.
    pub hello_acknowledged: Option<Moment>,
    /// A HelloRetryRequest.
    pub retry: Option<Moment>,
    /// The ClientHello that answers it.
    pub second_hello: Option<Moment>,
    /// The key exchange group that it asks for.
    pub retry_group: Option<NamedGroup>,
    /// The ServerHello.
    pub server_hello: Option<Observed<ServerHello>>,
    /// The curve of the server's key exchange, up to TLS 1.2.
    pub key_exchange_group: Option<NamedGroup>,
    /// Each side's Certificate message, where it was sent in clear.
    pub certificates: PerRole<Option<Observed<Arc<CertificateMessage>>>>,
    /// A Certificate message of the server that begins and has no end: its bytes, and how many of them came.
    pub unfinished_certificate: Option<(u32, u32)>,
    /// The server asked for a client certificate in clear.
    pub certificate_request: Option<Moment>,
    /// What the check of the server's certificates found.
    pub examination: Option<Arc<Examination>>,
    /// The certificates were not checked, because too many different chains were checked before.
    pub is_examination_given_up: bool,
    /// The server's flight was complete.
    pub server_flight: Option<Observed<()>>,
    /// The client's Finished.
    pub client_finished: Option<Observed<()>>,
    /// The handshake was complete.
    pub established: Option<Observed<()>>,
    /// The client's first data before the handshake was complete.
    pub early_data: Option<Moment>,
    /// Whether the handshake shows TLS 1.3, or an earlier version, though the ServerHello's version may not have been captured.
    pub shows_tls13: Option<bool>,
    /// What the size of the client's flight fits, where only lengths are known.
    pub size_readings: Option<Observed<Vec<SizeReading>>>,
    /// Whether a side's last record was begun and not ended, as far as records could be followed.
    pub is_inside_record: PerRole<bool>,
    /// Application data records of each side, and the first.
    pub application_data: PerRole<Repeats>,
    /// The sizes of each side's first application data records, in bytes of record body.
    pub record_sizes: PerRole<Vec<u32>>,
    /// Who sent the records after those.
    pub runs: Runs,
    /// The server's last data that acknowledges nothing of the client's first request, and so can't be an answer to it: session
    /// tickets, a greeting, HTTP/2's settings.
    pub sent_before_request: Option<Moment>,
    /// Each side's first alert in clear that does not end the connection by itself.
    pub warnings: PerRole<Option<Observed<AlertDescription>>>,
    /// Messages of each side that have a close_notify's size, before another of that size.
    pub short_messages: PerRole<Repeats>,
    /// Whether the client, which read what came, knows that none of it was an answer.
    pub lacks_answer: bool,
    /// The end of each side's last handshake message after the handshake, up to TLS 1.2: one side asks for another handshake (RFC 5246,
    /// 7.4.1.1), which is no answer.
    pub renegotiation: PerRole<Option<Moment>>,
    /// The client's messages and the server's answers, one after the other.
    pub turns: Turns,
}

impl TlsFacts {
    /// The version agreed on, as far as it shows.
    pub fn version(&self) -> Option<Version> {
        self.server_hello.as_ref()?.what.version
    }

    /// Whether it is TLS 1.3, as the ServerHello says or the handshake shows where that was cut off.
    pub fn is_tls13(&self) -> Option<bool> {
        self.version().map(Version::is_tls13).or(self.shows_tls13)
    }

    /// The cipher suite agreed on, as far as it shows.
    pub fn cipher_suite(&self) -> Option<CipherSuite> {
        self.server_hello.as_ref()?.what.cipher_suite
    }

    /// The group in which keys are exchanged, as far as it shows.
    pub fn group(&self) -> Option<NamedGroup> {
        self.server_hello.as_ref()?.what.group.or(self.key_exchange_group)
    }

    /// Whether the server resumed an earlier session, where the hellos show it. A ticket that was accepted without echoing
    /// the session id (RFC 5077, 3.4) does not show in them.
    pub fn is_resumed(&self) -> Option<bool> {
        let server = &self.server_hello.as_ref()?.what;
        if server.version?.is_tls13() {
            return (server.is_whole || server.pre_shared_key.is_some())
                .then_some(server.pre_shared_key.is_some());
        }
        let client = &self.client_hello.as_ref()?.what;
        let session_id = server.session_id.as_ref()?;
        if !client.session_id.is_empty() && client.session_id == *session_id {
            return Some(true);
        }
        (client.is_whole && !client.offers_ticket).then_some(false)
    }
}
