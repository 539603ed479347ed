//! Captures that are still being written: a pipe, or a file that grows. Records come as they are written, and while none
//! come the capture's clock goes on with the time that passes.
//!
//! A thread reads, since readers of files wait for whole records; what it reads is handed over one by one.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::merge::{Held, attached, detached};
use super::{About, Frame, ReadError, Record, Source, file};
use crate::limits;
use crate::packet::Packet;
use crate::time::Timestamp;

/// A writer that pauses for less is busy; from then on it is waited for, and time goes on.
const QUIET: Duration = Duration::from_millis(500);

/// How long a reader waits before it says that nothing has come. A packet that tcpdump prints in two lines comes in one
/// piece.
const READER_TICK: Duration = Duration::from_millis(200);

/// How often a file that grows is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How often what is known of the capture is handed over, in records at most.
const ABOUT_EVERY: u64 = 256;

/// A capture whose records are waited for.
pub struct Waiting {
    records: Receiver<Result<(Held, Vec<u8>), ReadError>>,
    about: Arc<Mutex<About>>,
    current: Vec<u8>,
    /// The last record's time, and when it came.
    last: Option<(Timestamp, Instant)>,
}

impl Waiting {
    /// Standard input.
    ///
    /// # Errors
    /// When it can't be read, or is no capture.
    pub fn standard_input() -> Result<Self, ReadError> {
        Self::begin(|| file::read("-", 0, Piped, None))
    }

    /// A file that is still being written; it has no end until the reading is stopped.
    ///
    /// # Errors
    /// When it can't be read, or is no capture.
    pub fn follow(path: &Path) -> Result<Self, ReadError> {
        let path: PathBuf = path.to_owned();
        Self::begin(move || {
            let name = path.display().to_string();
            let file = File::open(&path).map_err(|error| file::unopened(&name, &error))?;
            file::read(&name, 0, Growing(file), None)
        })
    }

    fn begin(
        open: impl FnOnce() -> Result<Box<dyn Source>, ReadError> + Send + 'static,
    ) -> Result<Self, ReadError> {
        let (send, records) = sync_channel(limits::WAITING_RECORDS);
        let (opened, is_open) = sync_channel(1);
        let about = Arc::new(Mutex::new(About::default()));
        let shared = Arc::clone(&about);
        thread::spawn(move || match open() {
            Ok(mut source) => {
                share(&shared, source.about());
                if opened.send(Ok(())).is_ok() {
                    read_on(source.as_mut(), &send, &shared);
                }
            }
            Err(error) => drop(opened.send(Err(error))),
        });
        is_open.recv().unwrap_or_else(|_| {
            let what = "the reader ended before it began".to_owned();
            Err(ReadError { file: "-".to_owned(), what, hint: None })
        })?;
        Ok(Self { records, about, current: Vec::new(), last: None })
    }
}

impl Source for Waiting {
    fn next_record(&mut self) -> Result<Option<Record<'_>>, ReadError> {
        let held = match self.records.recv_timeout(QUIET) {
            Ok(sent) => {
                let (held, bytes) = sent?;
                self.current = bytes;
                held
            }
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
            Err(RecvTimeoutError::Timeout) => {
                let (at, since) = self.last.unwrap_or((Timestamp::ZERO, Instant::now()));
                let passed = i64::try_from(since.elapsed().as_nanos()).unwrap_or(i64::MAX);
                return Ok(Some(Record::Idle(Timestamp::from_nanos(at.nanos().saturating_add(passed)))));
            }
        };
        let at = match &held {
            Held::Frame(frame) => frame.at,
            Held::Printed(packet, _) => packet.at,
        };
        self.last = Some((at, Instant::now()));
        Ok(Some(match held {
            Held::Frame(frame) => Record::Frame(Frame { bytes: &self.current, ..frame }),
            Held::Printed(packet, split) => {
                let number = packet.number;
                Record::Printed(Packet { number, ..attached(*packet, &self.current, split) })
            }
        }))
    }

    fn about(&self) -> About {
        self.about.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn progress(&self) -> (u64, Option<u64>) {
        (0, None)
    }
}

/// Hands records over until the source ends, or nobody takes them any more.
fn read_on(
    source: &mut dyn Source,
    send: &SyncSender<Result<(Held, Vec<u8>), ReadError>>,
    shared: &Mutex<About>,
) {
    let mut count = 0u64;
    let mut told = Instant::now();
    loop {
        let sent = match source.next_record() {
            Ok(None) => break,
            Ok(Some(Record::Idle(_))) => continue,
            Ok(Some(Record::Frame(frame))) => {
                let bytes = frame.bytes.to_vec();
                Ok((Held::Frame(Frame { bytes: &[], ..frame }), bytes))
            }
            Ok(Some(Record::Printed(packet))) => {
                let mut bytes = Vec::new();
                let (packet, split) = detached(packet, &mut bytes);
                Ok((Held::Printed(Box::new(packet), split), bytes))
            }
            Err(error) => Err(error),
        };
        let has_failed = sent.is_err();
        if count.is_multiple_of(ABOUT_EVERY) || told.elapsed() >= LOOK_EVERY {
            told = Instant::now();
            share(shared, source.about());
        }
        count += 1;
        if send.send(sent).is_err() || has_failed {
            break;
        }
    }
    share(shared, source.about());
}

fn share(shared: &Mutex<About>, about: About) {
    *shared.lock().unwrap_or_else(PoisonError::into_inner) = about;
}

/// Standard input, which says so when nothing came for a while.
struct Piped;

impl Read for Piped {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let input = io::stdin();
        let mut ready = [PollFd::new(input.as_fd(), PollFlags::POLLIN)];
        let timeout = PollTimeout::from(READER_TICK.as_millis() as u16);
        if poll(&mut ready, timeout).map_err(io::Error::from)? == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        // Not through the buffer of the standard library, so that poll sees all that is there.
        Ok(nix::unistd::read(input.as_fd(), into)?)
    }
}

/// A file that has no end, only pauses.
struct Growing(File);

impl Read for Growing {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let began = Instant::now();
        loop {
            match self.0.read(into)? {
                0 if began.elapsed() >= READER_TICK => return Err(io::ErrorKind::WouldBlock.into()),
                0 => thread::sleep(LOOK_EVERY),
                count => return Ok(count),
            }
        }
    }
}
