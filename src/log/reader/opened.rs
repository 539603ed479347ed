//! A file that is opened, and what its first lines show.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::UNIX_EPOCH;

use crate::capture::ReadError;
use crate::capture::file::{is_capture, shows_packets};
use crate::log::calendar::Calendar;
use crate::log::grammar::{self, Fact, Grammar};
use crate::log::input::Input;
use crate::log::logs::LogFile;
use crate::log::settings::LogSettings;
use crate::log::stamp::{Date, Order, Stamp, Zone};
use crate::time::Timestamp;

/// A file that is opened, with what its first lines show.
pub(super) struct Opened {
    pub index: u16,
    pub about: LogFile,
    pub input: Input,
    /// What its log is recognised by: folder and name without what rotation adds, grammar.
    pub key: (String, Option<Grammar>),
    /// The folder, as an index.
    pub folder: u16,
    /// A full date near the beginning.
    pub date: Option<Date>,
    /// In which order dates of numbers near the beginning have day and month.
    pub order: Order,
    /// When the file was changed.
    pub modified: Option<Timestamp>,
    /// The first line's time, as far as it is known before reading.
    pub first: i64,
    /// Device and inode of a regular file: what is the same under another name.
    pub identity: Option<(u64, u64)>,
}

/// Why a file is not opened as a log.
pub(super) enum Unopened {
    /// It is a capture.
    Capture(ReadError),
    /// It can't be read, or is neither.
    Other(ReadError),
}

impl From<ReadError> for Unopened {
    fn from(error: ReadError) -> Self {
        Self::Other(error)
    }
}

impl From<Unopened> for ReadError {
    fn from(unopened: Unopened) -> Self {
        match unopened {
            Unopened::Capture(error) | Unopened::Other(error) => error,
        }
    }
}

impl Opened {
    pub(super) fn open(path: &Path, index: u16, settings: &LogSettings) -> Result<Self, Unopened> {
        Self::begin(path, || settings.handles.take(path), index, settings)
    }

    /// Opens a file to examine its beginning; it is read later.
    pub(super) fn look(path: &Path, settings: &LogSettings) -> Result<Self, Unopened> {
        Self::begin(path, || settings.handles.look(path), 0, settings)
    }

    fn begin(
        path: &Path,
        open: impl FnOnce() -> io::Result<File>,
        index: u16,
        settings: &LogSettings,
    ) -> Result<Self, Unopened> {
        let name = path.display().to_string();
        if name == "-" {
            return Self::of(&name, index, io::stdin(), None, settings, false);
        }
        let file = open().map_err(|error| unreadable(&name, &error))?;
        let about = file.metadata().map_err(|error| unreadable(&name, &error))?;
        if about.is_dir() {
            return Err(Unopened::Other(ReadError {
                what: "is a directory".to_owned(),
                hint: Some(format!("name the logs in it: {}/*.log*", name.trim_end_matches('/'))),
                file: name,
            }));
        }
        let modified = about
            .modified()
            .ok()
            .filter(|_| about.is_file())
            .and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let modified =
            modified.map(|since| Timestamp::from_nanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)));
        let identity = about.is_file().then(|| (about.dev(), about.ino()));
        let opened = Self::of(&name, index, file, modified, settings, false)?;
        Ok(Self { identity, ..opened })
    }

    pub(super) fn of(
        name: &str,
        index: u16,
        reader: impl Read + Send + 'static,
        modified: Option<Timestamp>,
        settings: &LogSettings,
        may_be_empty: bool,
    ) -> Result<Self, Unopened> {
        let unread = |error: io::Error| unreadable(name, &error);
        let mut input = Input::new(reader).map_err(unread)?;
        let head = input.head().map_err(unread)?;
        let survey = Survey::of(head, settings);
        // Firewalls and routers log packets in forms that can't be read as a capture: their lines are a log's if they have a time.
        if is_capture(head, survey.certain_lines()) || survey.entries == 0 && shows_packets(head) {
            let hint = Some("give a capture as FILE, without --log".to_owned());
            let what = "is no log, but a capture".to_owned();
            return Err(Unopened::Capture(ReadError { file: name.to_owned(), what, hint }));
        }
        if survey.is_binary || survey.entries == 0 && !may_be_empty {
            return Err(no_log(name, &survey).into());
        }
        let grammar = survey.grammar();
        let mut format = grammar.map_or(EMPTY, Grammar::name).to_owned();
        let forms: Vec<_> = input.compression.into_iter().chain(input.is_utf16.then_some("UTF-16")).collect();
        if !forms.is_empty() {
            format = format!("{format} ({})", forms.join(", "));
        }
        let mut calendar =
            if settings.near.is_some() { Calendar::new(settings.near) } else { Calendar::before(modified) };
        if let Some(date) = survey.date {
            calendar.anchor(date);
        }
        calendar.learn(survey.order);
        let first = survey.first.and_then(|(date, time)| {
            calendar.place(&Stamp { date, time, digits: 0, zone: Zone::Unstated, order: Order::Known })
        });
        Ok(Self {
            index,
            about: LogFile { name: name.to_owned(), format, ..LogFile::default() },
            input,
            key: (stem(name), grammar),
            folder: 0,
            date: survey.date,
            order: survey.order,
            modified,
            first: first.map_or(i64::MAX, |(at, _)| at),
            identity: None,
        })
    }
}

/// What the first lines of a file show.
#[derive(Default)]
pub(super) struct Survey {
    pub lines: usize,
    pub entries: usize,
    pub is_binary: bool,
    pub counts: Vec<(Grammar, usize)>,
    pub date: Option<Date>,
    pub order: Order,
    pub first: Option<(Option<Date>, i64)>,
}

impl Survey {
    pub(super) fn of(head: &[u8], settings: &LogSettings) -> Self {
        // nginx writes what it took for a request as it came, so a few zero bytes are no binary data.
        let zeros = head.split(|byte| *byte == 0).count() - 1;
        let mut survey = Self { is_binary: zeros * 10 > head.len(), ..Self::default() };
        for line in head.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            survey.lines += 1;
            let text = String::from_utf8_lossy(line);
            let Some(entry) = grammar::read(text.trim_end_matches('\r'), &settings.formats) else { continue };
            if let Fact::Day(date) = entry.fact {
                survey.date.get_or_insert(date);
            }
            let Some(stamp) = entry.outer.or(entry.stamp) else { continue };
            survey.entries += 1;
            if matches!(stamp.order, Order::DayFirst | Order::MonthFirst) {
                survey.order = stamp.order;
            }
            survey.first.get_or_insert((stamp.date, stamp.time));
            let own = entry.stamp.filter(|stamp| stamp.order != Order::Either).and_then(|stamp| stamp.date);
            if let Some(date) = own.filter(|date| date.year.is_some()) {
                survey.date.get_or_insert(date);
            }
            match survey.counts.iter_mut().find(|(grammar, _)| *grammar == entry.grammar) {
                Some((_, count)) => *count += 1,
                None => survey.counts.push((entry.grammar, 1)),
            }
        }
        survey
    }

    /// Lines of one program's log. Of syslog and of text with times they are not: tcpdump's own lines have times, and may have gone
    /// to syslog.
    fn certain_lines(&self) -> usize {
        let is_certain = |grammar: Grammar| !matches!(grammar, Grammar::Syslog | Grammar::Generic);
        self.counts.iter().filter(|(grammar, _)| is_certain(*grammar)).map(|(_, count)| count).sum()
    }

    /// The grammar of most lines. Several after syslog's prefix are syslog.
    pub(super) fn grammar(&self) -> Option<Grammar> {
        let (grammar, count) = self.counts.iter().max_by_key(|(_, count)| *count)?;
        let is_mixed = count * 10 < self.entries * 9 && self.counts.len() > 2;
        Some(if is_mixed { Grammar::Syslog } else { *grammar })
    }
}

/// A file's path without what rotation and compression add to it: `.1`, `-20230113`, `.gz`.
pub(super) fn stem(name: &str) -> String {
    let mut stem = name;
    for packed in [".gz", ".zst", ".xz", ".bz2"] {
        stem = stem.strip_suffix(packed).unwrap_or(stem);
    }
    while let Some((before, last)) = stem.rsplit_once(['.', '-', '_']) {
        let is_added = !last.is_empty() && last.len() <= 10 && last.bytes().all(|byte| byte.is_ascii_digit());
        if !is_added || before.is_empty() || before.ends_with('/') {
            break;
        }
        stem = before;
    }
    stem.to_owned()
}

/// The form of a log of which no line has come.
pub(super) const EMPTY: &str = "empty so far";

pub(super) fn no_log(name: &str, survey: &Survey) -> ReadError {
    let (what, hint) = if survey.is_binary {
        ("is no log: it holds binary data", "give a capture as FILE, without --log")
    } else if survey.lines == 0 {
        ("is empty", "check how it was copied")
    } else {
        (
            "is no log: none of its first lines has a time",
            "give vmanage-server.log, SSM's messages, an nginx log, or any text whose lines begin with a time",
        )
    };
    ReadError { file: name.to_owned(), what: what.to_owned(), hint: Some(hint.to_owned()) }
}

pub(super) fn unreadable(name: &str, error: &io::Error) -> ReadError {
    ReadError::of(name, error, "check the name")
}
