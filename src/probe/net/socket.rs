//! TCP through the system's sockets, with everything on the tape.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use nix::poll::PollFlags;
use rustls::ClientConnection;
use tracing::debug;

use super::counters::counters;
use super::lack;
use super::overtaking::Overtaking;
use super::readiness::wait_for;
use super::records::Records;
use super::wrapping::{Unwrapped, Wrapping};
use crate::probe::secret::Secret;
use crate::probe::tape::{Tape, TapedConnection};
use crate::story::SocketCounters;

/// How long an orderly end of the server is waited for after the probe's own: of one that failed, and of one that has done all that was
/// asked of it, beyond the round trip that this takes.
const LAST_WORDS: Duration = Duration::from_millis(300);
const LAST_WORDS_OF_A_GOOD_ONE: Duration = Duration::from_millis(60);

/// The system's text for an error, without its number.
pub(in crate::probe) fn words(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// How a connection ended, as far as it did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ended {
    No,
    /// The server closed its side.
    ByServer,
    /// It broke: nothing can be sent either.
    Broken,
}

/// A connection whose every byte is on the tape. Reading ends with [`io::ErrorKind::TimedOut`] at the time set.
#[derive(Debug)]
pub(in crate::probe) struct Channel<'t> {
    pub(super) stream: TcpStream,
    pub(super) opened: Instant,
    pub(super) connection: TapedConnection,
    pub(super) tape: &'t mut Tape,
    pub(super) until: Instant,
    /// How long a silence may last; any time up to `until` where there is none.
    pub(super) patience: Option<Duration>,
    /// When a byte was sent or came last.
    pub(super) progress: Instant,
    /// How long after the last byte was sent the system is asked whether it was acknowledged.
    pub(super) asks_after: Duration,
    pub(super) sent_at: Instant,
    pub(super) knows_acknowledged: bool,
    pub(super) ended: Ended,
    pub(super) acks_unobservable: bool,
    /// Whether the system reported a RST.
    pub(super) was_reset: bool,
    /// The last ICMP error that came while the connection was up.
    pub(super) icmp: Option<&'static str>,
    /// The path's MTU when the connection was new.
    pub(super) path_mtu: Option<u32>,
    /// What is covered on the tape.
    pub(super) covered: Vec<Secret>,
    /// Bytes that were read and are to be read again.
    pub(super) unread: Vec<u8>,
    /// TLS with a proxy, inside which everything else is sent.
    pub(super) wrapping: Option<Wrapping>,
    pub(super) overtaking: Overtaking,
    /// What the server's TLS records are.
    pub(super) records: Records,
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
            was_reset: false,
            covered: Vec::new(),
            unread: Vec::new(),
            wrapping: None,
            overtaking: Overtaking::default(),
            records: Records::default(),
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

    /// Whether the system reported a RST.
    pub(in crate::probe) fn was_reset(&self) -> bool {
        self.was_reset
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

    /// From here on all data is inside this TLS connection; the tape records the data, not the TLS records.
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

    /// The server's TLS begins with what comes next.
    pub(in crate::probe) fn begins_tls(&mut self) {
        self.records = Records::default();
    }

    /// Whether the server asked for a new handshake inside the TLS that began last.
    pub(in crate::probe) fn asks_for_renegotiation(&self) -> bool {
        self.records.asks_for_renegotiation()
    }

    /// A request is sent from now on.
    pub(in crate::probe) fn asks(&mut self) {
        self.overtaking.begins();
    }

    /// Whether what was read last was sent before the server's TCP had any of the request.
    pub(in crate::probe) fn was_overtaken(&mut self) -> bool {
        self.overtaking.ends()
    }

    /// What the kernel counted so far that is unusual, and what this host lacks to send the rest. Both become steps.
    fn count(&mut self) -> (Option<SocketCounters>, Option<&'static str>) {
        let now = counters(&self.connection).unwrap_or_default();
        let lack = if now.unacknowledged > 0 && self.is_given_up() {
            lack::lack(&self.connection).or_else(|| now.is_held_back().then_some(lack::HELD_BACK))
        } else {
            None
        };
        if let Some(lack) = lack {
            self.tape.note(format!("this host can't send any more: {lack}"));
        }
        let counted = SocketCounters {
            icmp: self.icmp,
            retransmitted: now.retransmitted,
            out_of_order: now.out_of_order,
            path_mtu: self
                .path_mtu
                .filter(|before| (1..*before).contains(&now.path_mtu) && lack.is_none())
                .map(|before| (before, now.path_mtu)),
            is_after_hole: now.is_after_hole(),
            is_window_closed: now.is_window_closed(),
        };
        let Some(text) = counted.words() else { return (None, lack) };
        self.tape.note(format!("the kernel counted {text}"));
        (Some(counted), lack)
    }

    /// Ends the connection, and waits for the server's end of it unless time is over; not for long where nothing failed. Returns what the
    /// kernel counted until then, and what this host lacks to send what is not acknowledged.
    pub(in crate::probe) fn close(mut self, is_good: bool) -> (Option<SocketCounters>, Option<&'static str>) {
        let counted = self.count();
        self.end(is_good);
        self.cover(Vec::new());
        counted
    }

    fn end(&mut self, is_good: bool) {
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
        let round_trip = counters(&self.connection).map_or(0, |counters| counters.round_trip);
        let round_trip = Duration::from_micros(round_trip.into()).min(LAST_WORDS);
        let patience = if is_good { LAST_WORDS_OF_A_GOOD_ONE + round_trip } else { LAST_WORDS };
        self.until = self.until.min(Instant::now() + patience);
        self.knows_acknowledged = true;
        let mut rest = [0; 1024];
        while !is_late && self.read(&mut rest).is_ok_and(|len| len > 0) {}
    }

    /// Notes an ICMP error that came while the connection is up. It ends nothing (RFC 1122, 4.2.3.9). Whether there was one.
    pub(super) fn takes_icmp(&mut self, error: &io::Error) -> bool {
        let Some(name) = super::kernel::icmp(error) else { return false };
        if self.icmp.replace(name) != Some(name) {
            self.tape.note(format!("an ICMP error about this host's packets came ({name})"));
        }
        true
    }

    /// Notes how the connection broke.
    pub(super) fn broken(&mut self, error: io::Error) -> io::Error {
        match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe if self.ended != Ended::Broken => {
                self.ended = Ended::Broken;
                self.was_reset = true;
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
    pub(super) fn wait(&mut self) -> io::Result<()> {
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

/// The socket itself, outside any wrapping.
pub(super) struct Bare<'c, 't>(pub(super) &'c mut Channel<'t>);

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

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_server_that_does_not_close_is_not_waited_for_where_all_was_done() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let waited = |is_good: bool| {
            let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let _open = listener.accept().unwrap();
            let connection = TapedConnection::new(stream.local_addr().unwrap(), stream.peer_addr().unwrap());
            let (mut tape, until) = (Tape::begin(), Instant::now() + Duration::from_secs(5));
            let channel = Channel::new(stream, connection, &mut tape, until, Duration::from_secs(1));
            let began = Instant::now();
            channel.close(is_good);
            began.elapsed()
        };
        assert!(waited(false) >= LAST_WORDS);
        // The best of some, whatever else the machine does.
        let shortest = (0..5).map(|_| waited(true)).min().unwrap();
        assert!(shortest >= LAST_WORDS_OF_A_GOOD_ONE && shortest < LAST_WORDS, "{shortest:?}");
    }
}
