//! A channel as a stream: what it reads and writes, inside TLS with a proxy or not, is on the tape.

use std::io::{self, IoSlice, Read, Write};
use std::time::Instant;

use super::socket::{Bare, Channel, Ended};
use super::wrapping::{Unwrapped, Wrapping};
use crate::limits;

impl Channel<'_> {
    /// Reads what the socket brings.
    pub(super) fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = loop {
            let read = self.wait().and_then(|()| self.stream.read(buffer));
            let has_more = read.as_ref().is_err_and(|error| self.takes_icmp(error)) && !self.tape.is_full();
            if !has_more {
                break read;
            }
        };
        match read {
            Ok(0) if !buffer.is_empty() => {
                self.server_ended();
                Ok(0)
            }
            Ok(len) => {
                self.progress = Instant::now();
                self.overtaking.read(&self.connection);
                Ok(len)
            }
            Err(error) => Err(self.broken(error)),
        }
    }

    /// Gives the socket bytes to send.
    pub(super) fn transmit(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        if Instant::now() >= self.until {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let written = loop {
            let written = self.stream.write_vectored(parts);
            let was_icmp = written.as_ref().is_err_and(|error| self.takes_icmp(error));
            if !was_icmp || self.tape.is_full() {
                break written;
            }
        };
        let len = written.map_err(|error| self.broken(error))?;
        self.sent_at = Instant::now();
        self.progress = self.sent_at;
        self.knows_acknowledged = false;
        self.overtaking.sent(len);
        Ok(len)
    }

    /// The server's side ended.
    fn server_ended(&mut self) {
        if self.ended == Ended::No {
            self.ended = Ended::ByServer;
            self.tape.server_closed(&mut self.connection);
        }
    }

    /// Reads what is inside a wrapping. Its orderly end, and any other, is the end of what the server says.
    fn unwrap(&mut self, wrapping: &mut Wrapping, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(len) = wrapping.read(buffer)? {
                if len == 0 && !buffer.is_empty() {
                    self.server_ended();
                }
                return Ok(len);
            }
            self.take_in(wrapping)?;
        }
    }

    /// Has a wrapping take in what the socket brings.
    pub(super) fn take_in(&mut self, wrapping: &mut Wrapping) -> io::Result<()> {
        let was_over = wrapping.ended_by().is_some();
        let taken = wrapping.take_in(&mut Bare(self));
        if let Some(Unwrapped { words, .. }) = wrapping.ended_by().filter(|_| !was_over) {
            self.tape.note(format!("TLS with the proxy ended: {words}"));
            self.server_ended();
        }
        taken
    }
}

impl Read for Channel<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.unread.is_empty() {
            let len = self.unread.as_slice().read(buffer)?;
            self.unread.drain(..len);
            self.records.read(buffer.get(..len).unwrap_or_default());
            return Ok(len);
        }
        if self.tape.is_full() {
            return Err(io::Error::other(format!("more than {} steps", limits::PROBE_STEPS)));
        }
        let len = match self.wrapping.take() {
            Some(mut wrapping) => {
                let read = self.unwrap(&mut wrapping, buffer);
                self.wrapping = Some(wrapping);
                read?
            }
            None => self.receive(buffer)?,
        };
        if len > 0 {
            let mut bytes = buffer.get(..len).unwrap_or_default().to_vec();
            self.records.read(&bytes);
            // A server may repeat what it was sent.
            self.covered.iter().for_each(|secret| secret.cover_bytes(&mut bytes));
            self.tape.received(&mut self.connection, &bytes);
            self.knows_acknowledged = true;
        }
        Ok(len)
    }
}

impl Write for Channel<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let len = match self.wrapping.take() {
            Some(mut wrapping) => {
                let written = wrapping.write(parts, &mut Bare(self));
                self.wrapping = Some(wrapping);
                written?
            }
            None => self.transmit(parts)?,
        };
        let mut bytes: Vec<u8> = parts.iter().flat_map(|part| part.iter().copied()).take(len).collect();
        self.covered.iter().for_each(|secret| secret.cover_bytes(&mut bytes));
        self.tape.sent(&mut self.connection, &bytes);
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
