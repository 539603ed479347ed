//! Captures that are still being written: a pipe, or a file that grows. Records come as they are written, and while none
//! come the capture's clock advances with the time that passes.
//!
//! A thread reads, since readers of files wait for whole records; what it reads is passed on one by one.

use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::merge::{Detached, Held};
use super::{About, FileNote, Frame, Handles, ReadError, Record, Source, file};
use crate::limits;
use crate::packet::Origin;
use crate::time::Timestamp;

/// A writer that pauses for less is busy; after that it is waited for, and the clock advances.
const QUIET: Duration = Duration::from_millis(500);

/// How long a reader waits before it reports that nothing has come.
const READER_TICK: Duration = Duration::from_millis(200);

/// How often a file that grows is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How long a pipe is still read once the reading is stopped: an interrupt at a terminal stops the writer too, and what it
/// writes last is worth having.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How often the thread looks whether there is room again: what it may read ahead lasts far longer.
const ROOM_TICK: Duration = Duration::from_millis(1);

/// How often what is known of the capture is passed on, in records at most.
const ABOUT_EVERY: u64 = 256;

/// What the thread passes on.
type Sent = Result<(Held, Vec<u8>), ReadError>;

/// A capture whose records are waited for.
pub struct Waiting {
    records: Receiver<Sent>,
    /// Bytes of records that were sent and not yet received.
    ahead: Arc<AtomicUsize>,
    about: Arc<Mutex<About>>,
    /// The first record, where it was waited for.
    first: Option<Sent>,
    /// The record that was returned last, which borrows from here.
    current: Option<(Held, Vec<u8>)>,
    /// The last record's time, and when it came.
    last: Option<(Timestamp, Instant)>,
    stopped: Option<Instant>,
}

impl Waiting {
    /// Standard input.
    ///
    /// # Errors
    /// When it can't be read, or is no capture.
    pub fn standard_input() -> Result<Self, ReadError> {
        Self::begin("-", |_| file::read("-", 0, Piped, None), |_| None)
    }

    /// A file that is still being written; it has no end until the reading is stopped. When it is emptied, or another takes
    /// its name, reading continues with what is written then.
    ///
    /// # Errors
    /// When it can't be read, or is no capture.
    pub fn follow(path: &Path, handles: &Handles) -> Result<Self, ReadError> {
        let (name, path): (_, PathBuf) = (path.display().to_string(), path.to_owned());
        let open = {
            let (name, path, handles) = (name.clone(), path.clone(), handles.clone());
            move |attempt: Attempt| {
                let file = loop {
                    match handles.take(&path) {
                        // Between an old file's new name and a new file.
                        Err(_) if attempt == Attempt::Further => thread::sleep(LOOK_EVERY),
                        opened => break opened.map_err(|error| file::unopened(&name, &error))?,
                    }
                };
                file::read(&name, 0, Growing { file, path: path.clone() }, None)
            }
        };
        Self::begin(&name.clone(), open, move |packets| {
            Some(format!(
                "{name} was emptied or replaced after packet {packets}; reading continues with what is written now"
            ))
        })
    }

    /// Waits for the first record, by which text shows what its times count from.
    #[must_use]
    pub fn begun(mut self) -> Self {
        self.first = self.records.recv().ok();
        self
    }

    /// Reads what `open` opens, and opens it again at its end as long as `continues` has a note about that.
    fn begin(
        name: &str,
        open: impl Fn(Attempt) -> Result<Box<dyn Source>, ReadError> + Send + 'static,
        continues: impl Fn(u64) -> Option<String> + Send + 'static,
    ) -> Result<Self, ReadError> {
        let (send, records) = sync_channel(limits::WAITING_RECORDS);
        let (opened, is_open) = sync_channel(1);
        let about = Arc::new(Mutex::new(About::default()));
        let shared = Arc::clone(&about);
        let ahead = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&ahead);
        thread::spawn(move || {
            let mut reader = Reader { send, ahead: counted, shared, before: 0, notes: Vec::new() };
            match open(Attempt::First) {
                Ok(mut source) => {
                    reader.share(source.as_ref());
                    if opened.send(Ok(())).is_err() {
                        return;
                    }
                    while reader.read_on(source.as_mut())
                        && let Some(text) = continues(reader.before)
                    {
                        reader.note(text);
                        match open(Attempt::Further) {
                            Ok(next) => source = next,
                            Err(error) => return drop(reader.send.send(Err(error))),
                        }
                    }
                }
                Err(error) => drop(opened.send(Err(error))),
            }
        });
        is_open.recv().unwrap_or_else(|_| {
            let what = "the reader ended before it began".to_owned();
            Err(ReadError { file: name.to_owned(), what, hint: None })
        })?;
        Ok(Self { records, ahead, about, first: None, current: None, last: None, stopped: None })
    }
}

/// Whether a file is opened for the first time: one that is not there then is an error.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Attempt {
    First,
    Further,
}

impl Source for Waiting {
    fn next_record(&mut self) -> Result<Option<Record<'_>>, ReadError> {
        if self.stopped.is_some_and(|stopped| stopped.elapsed() >= LAST_WORDS) {
            return Ok(None);
        }
        let sent = self.first.take().map_or_else(|| self.records.recv_timeout(QUIET), Ok);
        let (held, bytes) = match sent {
            Ok(sent) => {
                let sent = sent?;
                self.ahead.fetch_sub(sent.1.len(), Ordering::Relaxed);
                &*self.current.insert(sent)
            }
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
            Err(RecvTimeoutError::Timeout) => {
                let (at, since) = self.last.unwrap_or((Timestamp::ZERO, Instant::now()));
                let passed = i64::try_from(since.elapsed().as_nanos()).unwrap_or(i64::MAX);
                return Ok(Some(Record::Idle(Timestamp::from_nanos(at.nanos().saturating_add(passed)))));
            }
        };
        if !matches!(held, Held::NextCapture) {
            self.last = Some((held.at(), Instant::now()));
        }
        Ok(Some(match held {
            Held::Frame(frame) => Record::Frame(Frame { bytes, ..*frame }),
            Held::Printed(packet) => Record::Printed(packet.attached(bytes)),
            Held::NextCapture => Record::NextCapture,
            Held::End(at) => Record::Idle(*at),
        }))
    }

    fn about(&self) -> About {
        self.about.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn progress(&self) -> (u64, Option<u64>) {
        (0, None)
    }

    fn stop(&mut self) -> bool {
        self.stopped = Some(Instant::now());
        true
    }
}

/// The thread's side: reads sources, and passes on what they return.
struct Reader {
    send: SyncSender<Sent>,
    ahead: Arc<AtomicUsize>,
    shared: Arc<Mutex<About>>,
    /// Packets of the files that were read before under the same name.
    before: u64,
    /// What was odd about them.
    notes: Vec<FileNote>,
}

impl Reader {
    /// Passes records on until the source ends. False when it failed, or nobody takes them any more.
    fn read_on(&mut self, source: &mut dyn Source) -> bool {
        let mut count = 0u64;
        let mut reported = Instant::now();
        let ended = loop {
            let sent = match source.next_record() {
                Ok(None) => break true,
                Ok(Some(Record::Idle(_))) => continue,
                Ok(Some(Record::NextCapture)) => Ok((Held::NextCapture, Vec::new())),
                Ok(Some(Record::Frame(frame))) => {
                    let bytes = frame.bytes.to_vec();
                    let number = frame.number + self.before;
                    let origin = Origin { number, ..frame.origin };
                    Ok((Held::Frame(Frame { bytes: &[], number, origin, ..frame }), bytes))
                }
                Ok(Some(Record::Printed(packet))) => {
                    let mut bytes = Vec::new();
                    let packet = Detached::of(packet, &mut bytes).numbered(self.before);
                    Ok((Held::Printed(Box::new(packet)), bytes))
                }
                Err(error) => Err(error),
            };
            let has_failed = sent.is_err();
            if count.is_multiple_of(ABOUT_EVERY) || reported.elapsed() >= LOOK_EVERY {
                reported = Instant::now();
                self.share(source);
            }
            count += 1;
            if let Ok((_, bytes)) = &sent
                && !self.has_room(bytes.len())
            {
                break false;
            }
            if self.send.send(sent).is_err() || has_failed {
                break false;
            }
        };
        let about = self.share(source);
        self.before = about.files.iter().map(|file| file.packets).sum();
        self.notes = about.notes;
        ended
    }

    /// Waits until this many more bytes may be read ahead, and counts them. False when nobody takes them any more.
    fn has_room(&self, len: usize) -> bool {
        while self.ahead.load(Ordering::Relaxed).saturating_add(len) > limits::WAITING_BYTES
            && self.ahead.load(Ordering::Relaxed) > 0
        {
            if Arc::strong_count(&self.ahead) == 1 {
                return false;
            }
            thread::sleep(ROOM_TICK);
        }
        self.ahead.fetch_add(len, Ordering::Relaxed);
        true
    }

    fn note(&mut self, text: String) {
        if self.notes.len() < limits::DAMAGE_NOTES {
            self.notes.push(FileNote { file: 0, text });
        }
    }

    /// Shares what is known of the capture, with the files before.
    fn share(&self, source: &dyn Source) -> About {
        let mut about = source.about();
        for file in &mut about.files {
            file.packets += self.before;
        }
        about.notes.splice(0..0, self.notes.iter().cloned());
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&about);
        about
    }
}

/// Standard input, which reports when nothing came for a while.
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

/// A file that has no end, only pauses, until another takes its place.
struct Growing {
    file: File,
    path: PathBuf,
}

impl Growing {
    /// Whether what is read is no longer what is written: the file was emptied, or its name is another's.
    fn is_over(&mut self) -> io::Result<bool> {
        let ours = self.file.metadata()?;
        if ours.len() < self.file.stream_position()? {
            return Ok(true);
        }
        let named = fs::metadata(&self.path);
        Ok(named.is_ok_and(|named| (named.dev(), named.ino()) != (ours.dev(), ours.ino())))
    }
}

impl Read for Growing {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let began = Instant::now();
        loop {
            match self.file.read(into)? {
                0 if began.elapsed() < READER_TICK => thread::sleep(LOOK_EVERY),
                0 if self.is_over()? => return Ok(0),
                0 => return Err(io::ErrorKind::WouldBlock.into()),
                count => return Ok(count),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames of the largest size without an end, counted.
    struct Endless(Arc<AtomicUsize>, Vec<u8>);

    impl Source for Endless {
        fn next_record(&mut self) -> Result<Option<Record<'_>>, ReadError> {
            let number = self.0.fetch_add(1, Ordering::Relaxed) as u64 + 1;
            let origin = Origin { file: 0, number };
            let (at, wire_len) = (Timestamp::ZERO, self.1.len() as u32);
            Ok(Some(Record::Frame(Frame { number, origin, at, link_type: 1, wire_len, bytes: &self.1 })))
        }

        fn about(&self) -> About {
            About::default()
        }

        fn progress(&self) -> (u64, Option<u64>) {
            (0, None)
        }
    }

    #[test]
    fn large_records_are_read_ahead_within_a_bound_of_bytes() {
        const FRAME: usize = 262_144;
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let open = move |_| -> Result<Box<dyn Source>, ReadError> {
            Ok(Box::new(Endless(Arc::clone(&counted), vec![0; FRAME])))
        };
        let mut waiting = Waiting::begin("-", open, |_| None).unwrap();
        let most = limits::WAITING_BYTES / FRAME;
        for taken in [0, 100] {
            for _ in 0..taken {
                assert!(matches!(waiting.next_record(), Ok(Some(Record::Frame(_)))));
            }
            thread::sleep(Duration::from_millis(300));
            // One more waits for room.
            let ahead = count.load(Ordering::Relaxed) - taken;
            assert!((1..=most + 1).contains(&ahead), "{ahead}");
        }
    }
}
