//! TCP through the system's sockets, with everything on the tape.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use nix::poll::PollFlags;
use rustls::ClientConnection;
use tracing::debug;

use super::counters::counters;
use super::overtaking::Overtaking;
use super::readiness::wait_for;
use super::wrapping::{Unwrapped, Wrapping};
use crate::limits;
use crate::probe::secret::Secret;
use crate::probe::tape::{Tape, TapedConnection};
use crate::story::SocketCounters;

/// How long an orderly end of the server is waited for after the probe's own.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// The system's text for an error, without its number.
pub(in crate::probe) fn words(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// How a connection ended, as far as it did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ended {
    No,
    /// The server closed its side.
    ByServer,
    /// It broke: nothing can be sent either.
    Broken,
}

/// A connection whose every byte is on the tape. Reading ends with [`io::ErrorKind::TimedOut`] at the time set.
#[derive(Debug)]
pub(in crate::probe) struct Channel<'t> {
    stream: TcpStream,
    opened: Instant,
    connection: TapedConnection,
    tape: &'t mut Tape,
    until: Instant,
    /// How long a silence may last; any time up to `until` where there is none.
    patience: Option<Duration>,
    /// When a byte was sent or came last.
    progress: Instant,
    /// How long after the last byte was sent the system is asked whether it was acknowledged.
    asks_after: Duration,
    sent_at: Instant,
    knows_acknowledged: bool,
    ended: Ended,
    acks_unobservable: bool,
    /// The last ICMP error that came while the connection was up.
    icmp: Option<&'static str>,
    /// The path's MTU when the connection was new.
    path_mtu: Option<u32>,
    /// What is covered on the tape.
    covered: Vec<Secret>,
    /// Bytes that were read and are to be read again.
    unread: Vec<u8>,
    /// TLS with a proxy, inside which everything else is said.
    wrapping: Option<Wrapping>,
    overtaking: Overtaking,
}

impl<'t> Channel<'t> {
    pub(in crate::probe) fn new(
        stream: TcpStream,
        connection: TapedConnection,
        tape: &'t mut Tape,
        until: Instant,
        asks_after: Duration,
    ) -> Self {
        let path_mtu = counters(&connection).map(|counters| counters.path_mtu);
        Self {
            stream,
            opened: Instant::now(),
            connection,
            tape,
            icmp: None,
            path_mtu,
            until,
            patience: None,
            progress: Instant::now(),
            asks_after,
            sent_at: Instant::now(),
            knows_acknowledged: true,
            ended: Ended::No,
            acks_unobservable: false,
            covered: Vec::new(),
            unread: Vec::new(),
            wrapping: None,
            overtaking: Overtaking::default(),
        }
    }

    /// From now on a silence of this length ends it; without one, it lasts until the time is over.
    pub(in crate::probe) fn set_patience(&mut self, patience: Option<Duration>) {
        self.patience = patience;
        self.progress = Instant::now();
    }

    /// How long ago it was opened.
    pub(in crate::probe) fn age(&self) -> Duration {
        self.opened.elapsed()
    }

    /// The tape.
    pub(in crate::probe) fn tape(&mut self) -> &mut Tape {
        self.tape
    }

    /// Whether the system did not report what was acknowledged when it was asked.
    pub(in crate::probe) fn acks_unobservable(&self) -> bool {
        self.acks_unobservable
    }

    /// Whether nothing ended the connection but that the time is over, or that it is not worth following any more.
    pub(in crate::probe) fn is_given_up(&self) -> bool {
        (Instant::now() >= self.until || self.tape.is_full()) && self.ended == Ended::No
    }

    /// The connection's ends.
    pub(in crate::probe) fn connection(&self) -> &TapedConnection {
        &self.connection
    }

    /// These appear on the tape as `*` from now on, and those so far no longer.
    pub(in crate::probe) fn cover(&mut self, secrets: Vec<Secret>) {
        self.tape.cover_split(&self.connection, &self.covered);
        self.covered = secrets;
    }

    /// Bytes that were read with the proxy's reply and are the server's: the next read returns them first.
    pub(in crate::probe) fn unread(&mut self, bytes: &[u8]) {
        self.unread = bytes.to_vec();
    }

    /// Everything that is said from now on is inside this TLS, and the tape shows what is said instead of its records.
    pub(in crate::probe) fn wrap(&mut self, tls: Box<ClientConnection>) {
        self.tape.forgets_bytes(&mut self.connection);
        self.wrapping = Some(Wrapping::new(tls));
    }

    /// What ended the TLS that everything is inside, other than its orderly end, and the alert that did if one came.
    pub(in crate::probe) fn unwrapped_by(&self) -> Option<Unwrapped> {
        self.wrapping.as_ref()?.ended_by().cloned()
    }

    /// Waits for what comes until then. Returns whether anything did.
    pub(in crate::probe) fn waits_until(&mut self, until: Instant) -> io::Result<bool> {
        if !self.unread.is_empty() {
            return Ok(true);
        }
        let until = until.min(self.until);
        let Some(mut wrapping) = self.wrapping.take() else {
            return wait_for(&self.stream, PollFlags::POLLIN, until);
        };
        // What comes may be a record of the wrapping's own.
        let waited = loop {
            if wrapping.is_readable() {
                break Ok(true);
            }
            match wait_for(&self.stream, PollFlags::POLLIN, until) {
                Ok(true) => {}
                waited => break waited,
            }
            if let Err(error) = self.take_in(&mut wrapping) {
                break Err(error);
            }
        };
        self.wrapping = Some(wrapping);
        waited
    }

    /// What came by now, up to a part of it that is enough to show what it is.
    pub(in crate::probe) fn came_by_now(&mut self) -> io::Result<Vec<u8>> {
        let mut came = vec![0; 1_024];
        let len = if self.waits_until(Instant::now())? { self.read(&mut came)? } else { 0 };
        came.truncate(len);
        Ok(came)
    }

    /// A request is sent from now on.
    pub(in crate::probe) fn asks(&mut self) {
        self.overtaking.begins();
    }

    /// Whether what was read last was sent before the server's TCP had any of the request.
    pub(in crate::probe) fn was_overtaken(&mut self) -> bool {
        self.overtaking.ends()
    }

    /// What the kernel counted so far that is unusual. It becomes a step.
    fn count(&mut self) -> Option<SocketCounters> {
        let now = counters(&self.connection).unwrap_or_default();
        let counted = SocketCounters {
            icmp: self.icmp,
            retransmitted: now.retransmitted,
            out_of_order: now.out_of_order,
            path_mtu: self
                .path_mtu
                .filter(|before| (1..*before).contains(&now.path_mtu))
                .map(|before| (before, now.path_mtu)),
            is_behind_hole: now.is_behind_hole(),
        };
        let text = counted.words()?;
        self.tape.note(format!("the kernel counted {text}"));
        Some(counted)
    }

    /// Ends the connection, and waits for the server's end of it unless time is over. Returns what the kernel counted until then.
    pub(in crate::probe) fn close(mut self) -> Option<SocketCounters> {
        let counted = self.count();
        self.end();
        self.cover(Vec::new());
        counted
    }

    fn end(&mut self) {
        if self.ended == Ended::Broken {
            return;
        }
        let is_late = Instant::now() >= self.until;
        let why = if is_late { "given up, and closed" } else { "closed" };
        self.tape.client_closed(&mut self.connection, why);
        if let Some(mut wrapping) = self.wrapping.take() {
            wrapping.close(&mut Bare(self));
            self.wrapping = Some(wrapping);
        }
        let _ = self.stream.shutdown(Shutdown::Write);
        self.until = self.until.min(Instant::now() + LAST_WORDS);
        self.knows_acknowledged = true;
        let mut rest = [0; 1024];
        while !is_late && self.read(&mut rest).is_ok_and(|len| len > 0) {}
    }

    /// Notes an ICMP error that came while the connection is up. It ends nothing (RFC 1122, 4.2.3.9). Whether there was one.
    fn takes_icmp(&mut self, error: &io::Error) -> bool {
        let Some(name) = super::kernel::icmp(error) else { return false };
        if self.icmp.replace(name) != Some(name) {
            self.tape.note(format!("an ICMP error about this host's packets came ({name})"));
        }
        true
    }

    /// Notes how the connection broke.
    fn broken(&mut self, error: io::Error) -> io::Error {
        match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe if self.ended != Ended::Broken => {
                self.ended = Ended::Broken;
                self.tape.reset(&self.connection);
            }
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => {}
            _ if self.ended != Ended::Broken => {
                self.ended = Ended::Broken;
                self.tape.note(format!("the connection broke: {}", words(&error)));
            }
            _ => {}
        }
        error
    }

    /// Waits for bytes, and asks the system meanwhile whether the server's TCP has what was sent.
    fn wait(&mut self) -> io::Result<()> {
        if !self.knows_acknowledged {
            let asks_at = self.sent_at + self.asks_after;
            if asks_at < self.until {
                if wait_for(&self.stream, PollFlags::POLLIN, asks_at)? {
                    return Ok(());
                }
                self.knows_acknowledged = true;
                let acknowledged = super::kernel::is_acknowledged(&self.connection);
                debug!(?acknowledged, waited = ?self.asks_after, "asked the kernel");
                match acknowledged {
                    Some(true) => self.tape.acknowledged(&self.connection),
                    Some(false) => {
                        self.tape.note("the server's TCP has not acknowledged all of it");
                    }
                    None => self.acks_unobservable = true,
                }
            }
        }
        let until = self.patience.map_or(self.until, |patience| self.until.min(self.progress + patience));
        if wait_for(&self.stream, PollFlags::POLLIN, until)? {
            return Ok(());
        }
        // Nothing that comes later is waited for.
        self.until = until;
        Err(io::ErrorKind::TimedOut.into())
    }
}

impl Channel<'_> {
    /// Reads what the socket brings.
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
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
    fn transmit(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
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
    fn take_in(&mut self, wrapping: &mut Wrapping) -> io::Result<()> {
        let was_over = wrapping.ended_by().is_some();
        let taken = wrapping.take_in(&mut Bare(self));
        if let Some(Unwrapped { words, .. }) = wrapping.ended_by().filter(|_| !was_over) {
            self.tape.note(format!("TLS with the proxy ended: {words}"));
            self.server_ended();
        }
        taken
    }
}

/// The socket itself, outside any wrapping.
struct Bare<'c, 't>(&'c mut Channel<'t>);

impl Read for Bare<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.receive(buffer)
    }
}

impl Write for Bare<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.transmit(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.transmit(parts)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Channel<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.unread.is_empty() {
            let len = self.unread.as_slice().read(buffer)?;
            self.unread.drain(..len);
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
