//! Logs that are written while they are read.
//!
//! What a log held before is not compared with anything, but it shows the log's form, its dates, and the line that a thread wrote
//! last. So the end of it is read, and what it comes to is forgotten.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::mem;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::libc::O_NONBLOCK;

use super::opened::{Opened, unreadable};
use super::{OpenFile, add, cover, given_twice, not_kept, number_logs};
use crate::capture::{FileNote, ReadError};
use crate::limits;
use crate::log::attempt::Gatherer;
use crate::log::clock;
use crate::log::clocks::{ClockId, Clocks};
use crate::log::input::Input;
use crate::log::logs::{LogFile, Logs};
use crate::log::redact::Known;
use crate::log::settings::LogSettings;
use crate::time::{Elapsed, MILLI, SECOND, Timestamp};

/// Lines of a clock whose arrivals are kept.
const LATEST: usize = 16;

/// Logs that are written while they are read. A file that is rotated is read to its end, and then the one that takes its name.
pub struct Follower {
    files: Vec<Followed>,
    clocks: Clocks,
    /// For each clock how far its latest lines were from the moments at which they were read, and what they are exact to.
    arrivals: BTreeMap<ClockId, VecDeque<(Elapsed, i64)>>,
    /// Attempts, and lines that are part of none, that are kept of each log; older ones are forgotten.
    kept: usize,
    /// What was odd about the files that were named.
    notes: Vec<FileNote>,
    settings: LogSettings,
}

impl Follower {
    /// Opens the logs. They may be empty so far.
    ///
    /// # Errors
    /// When one can't be read, or is not a file that grows: compressed, or a pipe.
    pub fn open<P: AsRef<Path>>(paths: &[P], settings: LogSettings) -> Result<Self, ReadError> {
        let settings = LogSettings { is_following: true, ..settings };
        let mut opened = Vec::new();
        let mut sources: Vec<(PathBuf, Source)> = Vec::new();
        let mut notes = Vec::new();
        for path in paths {
            let path = path.as_ref();
            let source = Source::open(path, &settings)?;
            if let Some(known) = sources.iter().position(|(_, known)| known.identity == source.identity) {
                notes.push(given_twice(known as u16, &path.display().to_string()));
                continue;
            }
            opened.push(source.survey(path, opened.len() as u16, &settings)?);
            sources.push((path.to_owned(), source));
        }
        number_logs(&mut opened);
        let files = opened.into_iter().zip(sources).map(|(file, (path, source))| {
            let mut reading = OpenFile::new(file, None, Gatherer::default(), Clocks::default(), &settings);
            reading.file.about.lines = source.lines_before;
            let latest = BTreeMap::new();
            Followed { path, source, reading, trouble: None, has_grown: false, latest }
        });
        let mut follower = Self {
            files: files.collect(),
            clocks: Clocks::default(),
            arrivals: BTreeMap::new(),
            kept: limits::LOG_FOLLOWED_ATTEMPTS,
            notes,
            settings,
        };
        follower.read_on(Timestamp::ZERO)?;
        follower.arrivals.clear();
        for file in &mut follower.files {
            file.reading.lines.gatherer.forget();
        }
        Ok(follower)
    }

    /// The same that keeps this many attempts of each log, and lines that are part of none.
    #[must_use]
    pub fn keeping(self, kept: usize) -> Self {
        Self { kept, ..self }
    }

    /// Reads the lines that have come by now, on the capture's clock; whether there were any. The last line is read when its end
    /// has come.
    ///
    /// # Errors
    /// When a file can't be read any further. It is reported once, and tried again; the others are read on.
    pub fn read_on(&mut self, now: Timestamp) -> Result<bool, ReadError> {
        let (mut has_grown, mut failed) = (false, None);
        for file in &mut self.files {
            file.reading.lines.gatherer.keep_latest(self.kept);
            mem::swap(&mut file.reading.lines.clocks, &mut self.clocks);
            let read = file.read_on(&self.settings);
            mem::swap(&mut file.reading.lines.clocks, &mut self.clocks);
            has_grown |= mem::take(&mut file.has_grown);
            for (clock, (at, precision)) in mem::take(&mut file.latest) {
                let came = self.arrivals.entry(clock).or_default();
                if came.len() >= LATEST {
                    came.pop_front();
                }
                came.push_back((Timestamp::from_nanos(at) - now, precision));
            }
            if let Err(error) = read {
                failed.get_or_insert(error);
            }
        }
        failed.map_or(Ok(has_grown), Err)
    }

    /// Reads all lines that have come, at the end: as many as a bound allows, which is reported. What can't be read is reported with the
    /// logs.
    pub fn read_to_the_end(&mut self, now: Timestamp) {
        for _ in 0..limits::LOG_FOLLOWED_ROUNDS {
            if !matches!(self.read_on(now), Ok(true)) {
                return;
            }
        }
        for file in &mut self.files {
            let unread = file.source.unread();
            if unread > 0 {
                file.trouble.get_or_insert(format!("the last {unread} bytes were not read"));
            }
        }
    }

    /// The zones of clocks that are the capture's but for that, as the lines show that came last: written no later than they were
    /// read, and one of them just before. A clock that is behind is another: its lines all come late.
    pub fn arrivals(&self) -> Vec<(ClockId, Elapsed)> {
        /// Stamps are rounded, and the clock may be read a moment after the line was.
        const EARLY: i64 = 50 * MILLI;
        /// How late the promptest line may be: logs are read a few times a second.
        const PROMPT: i64 = 400 * MILLI;
        /// Programs keep single lines back for a while before they write them.
        const LATE: i64 = 3 * SECOND;
        let zone = |came: &VecDeque<(Elapsed, i64)>| {
            let (latest, precision) = *came.back()?;
            let (zone, latest) = clock::split(latest);
            let of_zone =
                came.iter().map(|(came, _)| clock::split(*came)).filter(|(other, _)| *other == zone);
            let rests: Vec<i64> =
                of_zone.map(|(_, rest)| rest.nanos()).filter(|rest| *rest <= EARLY).collect();
            // If several are truncated to whole seconds, one is truncated by little.
            let cut = precision / i64::try_from(rests.len().max(1)).unwrap_or(i64::MAX);
            let is_prompt = rests.iter().any(|rest| *rest >= -PROMPT - cut);
            (is_prompt && (-LATE..=EARLY).contains(&latest.nanos())).then_some(zone)
        };
        self.arrivals.iter().filter_map(|(clock, came)| Some((*clock, zone(came)?))).collect()
    }

    /// Whether there are lines that are part of no attempt.
    pub fn has_loose_lines(&self) -> bool {
        self.files.iter().any(|file| file.reading.lines.gatherer.has_loose_lines())
    }

    /// What the lines so far come to.
    pub fn logs(&self) -> Logs {
        let mut logs = Logs { notes: self.notes.clone(), ..Logs::default() };
        let mut secrets = Known::default();
        for file in &self.files {
            logs.files.push(file.reading.file.about.clone());
            let mut gathered = file.reading.lines.gatherer.clone().finish(&self.settings);
            secrets.extend(mem::take(&mut gathered.secrets));
            logs.notes.extend(not_kept(file.reading.file.index, &gathered));
            add(&mut logs, gathered);
            logs.notes.extend(file.reading.notes());
            let stopped = file.trouble.as_ref().map(|what| format!("was not followed to the end: {what}"));
            logs.notes.extend(stopped.map(|text| FileNote { file: file.reading.file.index, text }));
        }
        logs.clocks = self.clocks.list().to_vec();
        logs.clocks_beyond = self.clocks.beyond;
        cover(&mut logs, &secrets);
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
    reading: OpenFile,
    /// Why it can't be followed at the moment.
    trouble: Option<String>,
    /// Whether lines came that the caller does not know of.
    has_grown: bool,
    /// The latest time on each clock of the lines that came, and what it is exact to.
    latest: BTreeMap<ClockId, (i64, i64)>,
}

impl Followed {
    /// Reads on, in the file that has the name by now. The same trouble is reported once.
    fn read_on(&mut self, settings: &LogSettings) -> Result<(), ReadError> {
        match self.try_to_read_on(settings) {
            Ok(()) => {
                self.trouble = None;
                Ok(())
            }
            Err(error) if self.trouble.is_some() => {
                self.trouble = Some(error.to_string());
                Ok(())
            }
            Err(error) => {
                self.trouble = Some(error.to_string());
                Err(unreadable(&self.reading.file.about.name, &error))
            }
        }
    }

    fn try_to_read_on(&mut self, settings: &LogSettings) -> io::Result<()> {
        if !self.read_lines(settings)? {
            return Ok(());
        }
        match self.source.change(&self.path) {
            Change::None => return Ok(()),
            // Written again from its beginning, as logrotate's copytruncate has it.
            Change::Truncated => {
                self.reading.read_rest(settings);
                self.source.file.rewind()?;
            }
            // What was written between the two looks comes first.
            Change::Replaced => {
                if !self.read_lines(settings)? {
                    return Ok(());
                }
                self.reading.read_rest(settings);
                self.source = Source::reopen(&self.path)?;
                self.reading.file.input = self.source.reader()?;
            }
        }
        self.begin_anew();
        self.read_lines(settings).map(drop)
    }

    /// Reads lines, and returns whether that was all: packets are waiting meanwhile.
    fn read_lines(&mut self, settings: &LogSettings) -> io::Result<bool> {
        let mut bytes = 0;
        while bytes < limits::LOG_FOLLOWED_AT_ONCE {
            let Some(line) = self.reading.read_line(settings)? else { return Ok(true) };
            bytes += line;
            self.has_grown = true;
            if let Some((clock, at)) = self.reading.lines.previous {
                self.latest.insert(clock, (at, self.reading.lines.precision));
            }
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
    fn open(path: &Path, settings: &LogSettings) -> Result<Self, ReadError> {
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
            for end in memchr::memchr_iter(b'\n', read) {
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

    /// Bytes that have come and are not read.
    fn unread(&mut self) -> u64 {
        let len = self.file.metadata().map_or(0, |about| about.len());
        self.file.stream_position().map_or(0, |position| len.saturating_sub(position))
    }

    fn reader(&self) -> io::Result<Input> {
        Input::new(self.file.try_clone()?)
    }

    /// The log as it is read from here on.
    fn survey(&self, path: &Path, index: u16, settings: &LogSettings) -> Result<Opened, ReadError> {
        let name = path.display().to_string();
        let unread = |error: io::Error| unreadable(&name, &error);
        let reader = self.file.try_clone().map_err(unread)?;
        Ok(Opened::of(&name, index, reader, None, settings, true)?)
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
