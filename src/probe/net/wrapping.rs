//! TLS that a whole connection is inside, as the one with a proxy: the tape shows the data inside.

use std::io::{self, IoSlice, Read, Write};

use rustls::{ClientConnection, Error};

use crate::probe::broken::broken_by;
use crate::tls::AlertDescription;

/// TLS around a connection.
pub(super) struct Wrapping {
    tls: Box<ClientConnection>,
    /// Whether the stream ended below it.
    is_over: bool,
    ended_by: Option<Unwrapped>,
}

/// What ended TLS around a connection, other than its orderly end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::probe) struct Unwrapped {
    /// In words.
    pub(in crate::probe) words: String,
    /// The alert that the other side sent.
    pub(in crate::probe) alert: Option<AlertDescription>,
}

impl Wrapping {
    /// One that is established.
    pub(super) fn new(tls: Box<ClientConnection>) -> Self {
        Self { tls, is_over: false, ended_by: None }
    }

    /// What ended it, other than its orderly end.
    pub(super) fn ended_by(&self) -> Option<&Unwrapped> {
        self.ended_by.as_ref()
    }

    /// Whether bytes, or the end of them, can be read without waiting.
    pub(super) fn is_readable(&mut self) -> bool {
        let state = self.tls.process_new_packets();
        self.is_over
            || state
                .as_ref()
                .map_or(true, |state| state.plaintext_bytes_to_read() > 0 || state.peer_has_closed())
    }

    /// What was taken in and is readable; nothing if more has to be taken in first. No bytes are the end.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match self.tls.reader().read(buffer) {
            Ok(len) => Ok(Some(len)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && !self.is_over => Ok(None),
            // A stream that ends without a close_notify is at its end as well.
            Err(error)
                if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::UnexpectedEof) =>
            {
                Ok(Some(0))
            }
            Err(error) => Err(error),
        }
    }

    /// Takes in what comes from below.
    pub(super) fn take_in(&mut self, below: &mut (impl Read + Write)) -> io::Result<()> {
        self.is_over |= self.tls.read_tls(below)? == 0;
        let processed = self.tls.process_new_packets();
        // A KeyUpdate is answered, and what is not TLS gets an alert.
        let sent = self.send(below);
        if let Err(error) = processed {
            self.ended_by.get_or_insert_with(|| Unwrapped::by(&error));
            return Err(io::Error::other(error));
        }
        sent
    }

    /// Sends bytes inside it.
    pub(super) fn write(&mut self, parts: &[IoSlice<'_>], below: &mut impl Write) -> io::Result<usize> {
        let len = self.tls.writer().write_vectored(parts)?;
        self.send(below)?;
        Ok(len)
    }

    /// Ends it in order.
    pub(super) fn close(&mut self, below: &mut impl Write) {
        self.tls.send_close_notify();
        // A peer that does not read it any more has closed.
        let _ = self.send(below);
    }

    fn send(&mut self, below: &mut impl Write) -> io::Result<()> {
        while self.tls.wants_write() {
            if self.tls.write_tls(below)? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
        Ok(())
    }
}

impl Unwrapped {
    fn by(error: &Error) -> Self {
        match error {
            Error::AlertReceived(alert) => {
                let alert = AlertDescription(u8::from(*alert));
                Self { words: format!("the proxy sent the alert {alert}"), alert: Some(alert) }
            }
            error => {
                let what = broken_by(error).unwrap_or_else(|| "what TLS does not allow".to_owned());
                Self { words: format!("the proxy sent {what}"), alert: None }
            }
        }
    }
}

impl std::fmt::Debug for Wrapping {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wrapping").field("ended_by", &self.ended_by).finish_non_exhaustive()
    }
}
