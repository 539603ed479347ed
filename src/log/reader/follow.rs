//! Logs that are written while they are read.
//!
//! What a log held before is not compared with anything, but it shows the log's form, its dates, and the line that a thread wrote
//! last. So the end of it is read, and what it comes to is forgotten.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::mem;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::libc::O_NONBLOCK;

use super::opened::{Opened, unreadable};
use super::{Reading, add, number_logs};
use crate::capture::{Note, ReadError};
use crate::limits;
use crate::log::attempt::Gatherer;
use crate::log::clock;
use crate::log::clocks::{ClockId, Clocks};
use crate::log::input::Input;
use crate::log::logs::{LogFile, Logs};
use crate::log::settings::Settings;
use crate::time::{Elapsed, SECOND, Timestamp};

/// Logs that are written while they are read. A file that is rotated is read to its end, and then the one that takes its name.
pub struct Follower {
    files: Vec<Followed>,
    clocks: Clocks,
    /// For each clock the latest that one of its lines was, compared with the moment at which it was read.
    arrivals: BTreeMap<ClockId, Elapsed>,
    settings: Settings,
}

impl Follower {
    /// Opens the logs. They may be empty so far.
    ///
    /// # Errors
    /// When one can't be read, or is not a file that grows: compressed, or a pipe.
    pub fn open<P: AsRef<Path>>(paths: &[P], settings: Settings) -> Result<Self, ReadError> {
        let mut opened = Vec::new();
        let mut sources = Vec::new();
        for (index, path) in paths.iter().enumerate() {
            let path = path.as_ref();
            let source = Source::open(path, &settings)?;
            opened.push(source.survey(path, index as u16, &settings)?);
            sources.push((path.to_owned(), source));
        }
        number_logs(&mut opened);
        let files = opened.into_iter().zip(sources).map(|(file, (path, source))| {
            let mut reading = Reading::new(file, None, Gatherer::default(), Clocks::default(), &settings);
            reading.file.about.lines = source.lines_before;
            Followed { path, source, reading, trouble: None }
        });
        let mut follower =
            Self { files: files.collect(), clocks: Clocks::default(), arrivals: BTreeMap::new(), settings };
        follower.read_on(Timestamp::ZERO)?;
        follower.arrivals.clear();
        for file in &mut follower.files {
            file.reading.lines.gatherer.forget();
        }
        Ok(follower)
    }

    /// Reads the lines that have come by now, on the capture's clock; whether there were any. The last line is read when its end
    /// has come.
    ///
    /// # Errors
    /// When a file can't be read any further. It is reported once, and the others are read on.
    pub fn read_on(&mut self, now: Timestamp) -> Result<bool, ReadError> {
        let (mut has_grown, mut failed) = (false, None);
        for file in &mut self.files {
            if file.trouble.is_some() {
                continue;
            }
            file.reading.lines.gatherer.keep_latest(limits::LOG_FOLLOWED_ATTEMPTS);
            let before = file.reading.file.about.lines;
            mem::swap(&mut file.reading.lines.clocks, &mut self.clocks);
            let read = file.read_on(&self.settings);
            mem::swap(&mut file.reading.lines.clocks, &mut self.clocks);
            if file.reading.file.about.lines != before {
                has_grown = true;
                if let Some((clock, at)) = file.reading.lines.previous {
                    let came = Timestamp::from_nanos(at) - now;
                    let latest = self.arrivals.entry(clock).or_insert(came);
                    *latest = came.max(*latest);
                }
            }
            if let Err(error) = read {
                file.trouble = Some(error.what.clone());
                failed.get_or_insert(error);
            }
        }
        failed.map_or(Ok(has_grown), Err)
    }

    /// How far the clocks of lines that have come are ahead of the capture's: a zone, where that leaves less than a second.
    pub fn arrivals(&self) -> Vec<(ClockId, Elapsed)> {
        let offset = |came: Elapsed| {
            let (zone, rest) = clock::split(came);
            if rest.nanos().abs() <= SECOND { zone } else { came }
        };
        self.arrivals.iter().map(|(clock, came)| (*clock, offset(*came))).collect()
    }

    /// What the lines so far come to.
    pub fn logs(&self) -> Logs {
        let mut logs = Logs::default();
        for file in &self.files {
            logs.files.push(file.reading.file.about.clone());
            add(&mut logs, file.reading.lines.gatherer.clone().finish(&self.settings));
            logs.notes.extend(file.reading.notes());
            let stopped = file.trouble.as_ref().map(|what| format!("was not followed to the end: {what}"));
            logs.notes.extend(stopped.map(|text| Note { file: file.reading.file.index, text }));
        }
        logs.clocks = self.clocks.list().to_vec();
        logs.clocks_beyond = self.clocks.beyond;
        logs
    }
}

impl fmt::Debug for Follower {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Follower").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// A log that is followed.
struct Followed {
    path: PathBuf,
    source: Source,
    reading: Reading,
    /// Why it is not followed any more.
    trouble: Option<String>,
}

impl Followed {
    fn read_on(&mut self, settings: &Settings) -> Result<(), ReadError> {
        if !self.read_lines(settings)? {
            return Ok(());
        }
        match self.source.change(&self.path) {
            Change::None => return Ok(()),
            // Written again from its beginning, as logrotate's copytruncate has it.
            Change::Truncated => {
                self.source.file.rewind().map_err(|error| unreadable(&self.name(), &error))?;
                self.begin_anew();
            }
            // What was written between the two looks comes first.
            Change::Replaced => {
                if !self.read_lines(settings)? {
                    return Ok(());
                }
                self.reading.read_rest(settings);
                let source = Source::reopen(&self.path).map_err(|error| unreadable(&self.name(), &error))?;
                let reader = source.reader().map_err(|error| unreadable(&self.name(), &error))?;
                self.reading.file.input = reader;
                self.source = source;
                self.begin_anew();
            }
        }
        self.read_lines(settings).map(drop)
    }

    /// Reads lines, and returns whether that was all: packets are waiting meanwhile.
    fn read_lines(&mut self, settings: &Settings) -> Result<bool, ReadError> {
        let mut bytes = 0;
        while bytes < limits::LOG_FOLLOWED_AT_ONCE {
            let read = self.reading.read_line(settings).map_err(|error| unreadable(&self.name(), &error))?;
            let Some(line) = read else { return Ok(true) };
            bytes += line;
        }
        Ok(false)
    }

    /// The file begins with line 1 again.
    fn begin_anew(&mut self) {
        let about = &mut self.reading.file.about;
        *about = LogFile {
            name: about.name.clone(),
            format: about.format.clone(),
            log: about.log,
            ..LogFile::default()
        };
    }

    fn name(&self) -> String {
        self.reading.file.about.name.clone()
    }
}

/// The file that has a log's name.
struct Source {
    /// Another handle of the file that is read: they share their position.
    file: File,
    /// Device and inode.
    identity: (u64, u64),
    /// Lines before the place from which it is read.
    lines_before: u64,
}

/// What became of a file since the last look.
enum Change {
    /// It is the same, and no shorter.
    None,
    /// It is shorter than what was read of it.
    Truncated,
    /// Another file has its name.
    Replaced,
}

impl Source {
    /// Opens a log, and finds the place near its end from which it is read.
    fn open(path: &Path, settings: &Settings) -> Result<Self, ReadError> {
        let name = path.display().to_string();
        let not_followed = |what: &str| ReadError {
            file: name.clone(),
            what: format!("is {what}, and only files that grow can be followed"),
            hint: Some("give it to `ssmscope read CAPTURE --log FILE`, with a capture".to_owned()),
        };
        if path == Path::new("-") {
            return Err(not_followed("standard input"));
        }
        let unread = |error: io::Error| unreadable(&name, &error);
        let file = settings.handles.look(path).map_err(unread)?;
        let about = file.metadata().map_err(unread)?;
        if !about.is_file() {
            return Err(not_followed("no regular file"));
        }
        if let Some(compression) = Input::new(file).map_err(unread)?.compression {
            return Err(not_followed(&format!("compressed ({compression})")));
        }
        if about.len() > 0 {
            Opened::look(path, settings)?;
        }
        let mut source = Self::of(settings.handles.take(path).map_err(unread)?).map_err(unread)?;
        source.skip(about.len().saturating_sub(limits::LOG_FOLLOWED_BYTES)).map_err(unread)?;
        Ok(source)
    }

    /// Opens the file that took the name. A pipe would have to be waited for.
    fn reopen(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).custom_flags(O_NONBLOCK).open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it was replaced by what is no regular file"));
        }
        Self::of(file)
    }

    fn of(file: File) -> io::Result<Self> {
        let about = file.metadata()?;
        Ok(Self { identity: (about.dev(), about.ino()), file, lines_before: 0 })
    }

    /// Passes over the lines that begin before this place, and counts them.
    fn skip(&mut self, place: u64) -> io::Result<()> {
        let mut bytes = vec![0; limits::RECOGNITION_BYTES];
        let (mut at, mut is_line_begun) = (0, false);
        while at < place || is_line_begun {
            let count = self.file.read(&mut bytes)?;
            let Some(read) = bytes.get(..count).filter(|read| !read.is_empty()) else { break };
            for (end, _) in read.iter().enumerate().filter(|(_, byte)| **byte == b'\n') {
                self.lines_before += 1;
                let next = at + end as u64 + 1;
                if next >= place {
                    self.file.seek(SeekFrom::Start(next))?;
                    return Ok(());
                }
            }
            at += count as u64;
            is_line_begun = true;
        }
        Ok(())
    }

    fn reader(&self) -> io::Result<Input> {
        Input::new(self.file.try_clone()?)
    }

    /// The log as it is read from here on.
    fn survey(&self, path: &Path, index: u16, settings: &Settings) -> Result<Opened, ReadError> {
        let name = path.display().to_string();
        let unread = |error: io::Error| unreadable(&name, &error);
        let reader = self.file.try_clone().map_err(unread)?;
        Opened::of(&name, index, reader, None, settings, true)
    }

    /// What became of the file since the last look. A name that no file has is between two rotations.
    fn change(&mut self, path: &Path) -> Change {
        let Ok(about) = fs::metadata(path) else { return Change::None };
        if (about.dev(), about.ino()) != self.identity {
            return Change::Replaced;
        }
        match self.file.stream_position() {
            Ok(position) if position > about.len() => Change::Truncated,
            _ => Change::None,
        }
    }
}
