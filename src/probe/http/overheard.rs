//! The first bytes of a server's answer to a ClientHello, as they pass on their way to rustls.

use std::io::{self, IoSlice, Read, Write};

use crate::probe::net::socket::Channel;
use crate::tls::Version;

/// A record's head, a handshake message's head, and the version of a ServerHello (RFC 8446, 5.1, 4 and 4.1.3).
const HEAD: usize = 5 + 4 + 2;

/// Bytes that are kept: what is not TLS is quoted.
const KEPT: usize = 64;

/// A channel, and how what is read from it begins.
pub(super) struct Overheard<'c, 't> {
    channel: &'c mut Channel<'t>,
    begin: Vec<u8>,
}

impl<'c, 't> Overheard<'c, 't> {
    pub(super) fn new(channel: &'c mut Channel<'t>) -> Self {
        Self { channel, begin: Vec::new() }
    }

    /// How what came begins.
    pub(super) fn begin(&self) -> Vec<u8> {
        self.begin.clone()
    }

    /// The version in the ServerHello, if one came first.
    pub(super) fn version(&self) -> Option<Version> {
        version(&self.begin)
    }
}

fn version(begin: &[u8]) -> Option<Version> {
    const HANDSHAKE: u8 = 22;
    const SERVER_HELLO: u8 = 2;
    match *begin {
        [HANDSHAKE, _, _, _, _, SERVER_HELLO, _, _, _, major, minor, ..] => {
            Some(Version(u16::from_be_bytes([major, minor])))
        }
        _ => None,
    }
}

impl Read for Overheard<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.channel.read(buffer)?;
        let room = KEPT.max(HEAD).saturating_sub(self.begin.len());
        self.begin.extend(buffer.iter().take(len.min(room)));
        Ok(len)
    }
}

impl Write for Overheard<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.channel.write(bytes)
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.channel.write_vectored(parts)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.channel.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_a_server_hello_which_comes_first() {
        let hello = [22, 3, 1, 0, 60, 2, 0, 0, 56, 3, 1];
        assert_eq!(version(&hello), Some(Version(0x0301)));
        assert_eq!(version(&hello[..10]), None);
        assert_eq!(version(&[21, 3, 1, 0, 2, 2, 40, 0, 0, 3, 1]), None);
        assert_eq!(version(&[22, 3, 1, 0, 60, 11, 0, 0, 56, 3, 1]), None);
    }
}
