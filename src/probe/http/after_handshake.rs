//! What the check waits for after a handshake, before it asks or closes.

use std::io;
use std::time::{Duration, Instant};

use rustls::ClientConnection;

use crate::probe::net::socket::Channel;

/// How long a TLS 1.3 server may take to refuse a client's certificate, which it does after the client's Finished.
pub(super) const VERDICT: Duration = Duration::from_secs(1);

/// How long it may take after the client's close, where it said nothing until then: it may ask others about a certificate.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How much longer than the handshake took its first words are waited for otherwise.
pub(super) const FIRST_WORDS: Duration = Duration::from_millis(100);

/// How long the check watches a connection on which it asks nothing, after the handshake.
const SETTLING: Duration = Duration::from_millis(80);

/// Waits for what the server sends first after the handshake: session tickets, or an alert.
pub(super) fn first_words(
    connection: &mut ClientConnection,
    channel: &mut Channel<'_>,
    patience: Duration,
) -> io::Result<()> {
    let until = Instant::now() + patience;
    if connection.protocol_version() != Some(rustls::ProtocolVersion::TLSv1_3) {
        return Ok(());
    }
    while connection.tls13_tickets_received() == 0 && channel.waits_until(until)? {
        match connection.read_tls(channel) {
            Ok(0) => break,
            Ok(_) => connection.process_new_packets().map_err(io::Error::other).map(|_| ())?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Waits a moment for a server that resets the connection right after the handshake. Once the check has closed, a RST is no failure. One
/// whose first words were awaited for their whole time was watched as long.
pub(super) fn settled(connection: &mut ClientConnection, channel: &mut Channel<'_>) -> io::Result<()> {
    let until = Instant::now() + SETTLING;
    let is_tls13 = connection.protocol_version() == Some(rustls::ProtocolVersion::TLSv1_3);
    if is_tls13 && connection.tls13_tickets_received() == 0 {
        return Ok(());
    }
    while channel.waits_until(until)? && connection.read_tls(channel)? > 0 {
        connection.process_new_packets().map_err(io::Error::other)?;
    }
    Ok(())
}

/// Closes TLS, and reads what the server sends until it closes too. It has looked at the client's certificate before it reads the
/// close_notify, so an alert that refuses it comes first.
pub(super) fn last_words(connection: &mut ClientConnection, channel: &mut Channel<'_>) -> io::Result<()> {
    let until = Instant::now() + LAST_WORDS;
    if connection.protocol_version() != Some(rustls::ProtocolVersion::TLSv1_3) {
        return Ok(());
    }
    connection.send_close_notify();
    while connection.wants_write() {
        connection.write_tls(channel)?;
    }
    while channel.waits_until(until)? {
        if connection.read_tls(channel)? == 0 {
            break;
        }
        if connection.process_new_packets().map_err(io::Error::other)?.peer_has_closed() {
            break;
        }
    }
    Ok(())
}
