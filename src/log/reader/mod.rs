//! Files of logs: recognised by their content, unpacked, put into order, read once.
//!
//! Rotated files are one log: they have one folder, one name apart from what rotation adds, and one grammar. They are read in the order of
//! their first times, whatever order they are given in, so that an attempt may begin in one and end in the next.

mod block;
mod follow;
mod lines;
mod opened;

use std::path::Path;
use std::{io, mem};

use super::attempt::{Gathered, Gatherer, NearbyLine};
use super::calendar::Calendar;
use super::clocks::Clocks;
use super::logs::{LogFile, Logs};
use super::redact::Known;
use super::settings::LogSettings;
use crate::capture::{FileNote, ReadError};
use crate::limits;
use crate::time::{Elapsed, Timestamp};
use block::Block;
pub use follow::Follower;
use lines::Lines;
use opened::{Opened, Survey, Unopened, unreadable};

/// Reads logs to their ends.
///
/// # Errors
/// When a file can't be read, or has no line with a time.
pub fn read<P: AsRef<Path>>(paths: &[P], settings: &LogSettings) -> Result<Logs, ReadError> {
    let mut opened: Vec<Opened> = Vec::new();
    let mut notes = Vec::new();
    for path in paths {
        let file = Opened::open(path.as_ref(), opened.len() as u16, settings)?;
        match opened.iter().find(|known| known.identity.is_some() && known.identity == file.identity) {
            Some(known) => notes.push(given_twice(known.index, &file.about.name)),
            None => opened.push(file),
        }
    }
    let mut logs = read_all(opened, settings)?;
    logs.notes.splice(0..0, notes);
    Ok(logs)
}

/// The file with this index has been named again, by this name perhaps.
fn given_twice(file: u16, name: &str) -> FileNote {
    FileNote { file, text: format!("is also given as {name}, and is read once") }
}

/// Reads one log from any stream of bytes.
///
/// # Errors
/// When the stream can't be read, or has no line with a time.
pub fn read_stream(
    name: &str,
    reader: impl io::Read + Send + 'static,
    settings: &LogSettings,
) -> Result<Logs, ReadError> {
    read_all(vec![Opened::of(name, 0, reader, None, settings, false)?], settings)
}

fn read_all(mut opened: Vec<Opened>, settings: &LogSettings) -> Result<Logs, ReadError> {
    number_logs(&mut opened);
    opened.sort_by_key(|file| (file.about.log, file.first, file.index));
    let mut logs = Logs { files: vec![LogFile::default(); opened.len()], ..Logs::default() };
    let mut clocks = Clocks::default();
    let mut gatherer = Gatherer::default();
    let mut secrets = Known::default();
    let mut latest = None;
    let mut files = opened.into_iter().peekable();
    while let Some(file) = files.next() {
        let log = file.about.log;
        let index = usize::from(file.index);
        let name = file.about.name.clone();
        let mut reading = OpenFile::new(file, latest, gatherer, clocks, settings);
        let unread = |error| unreadable(&name, &error);
        reading.read_whole(settings).map_err(unread)?;
        logs.notes.extend(reading.notes());
        latest = reading.lines.latest;
        (gatherer, clocks) = (reading.lines.gatherer, reading.lines.clocks);
        if let Some(place) = logs.files.get_mut(index) {
            *place = reading.file.about;
        }
        if files.peek().is_none_or(|next| next.about.log != log) {
            let mut gathered = mem::take(&mut gatherer).finish(settings);
            secrets.extend(mem::take(&mut gathered.secrets));
            logs.notes.extend(not_kept(index as u16, &gathered));
            add(&mut logs, gathered);
            latest = None;
        }
    }
    logs.clocks = clocks.list().to_vec();
    logs.clocks_beyond = clocks.beyond;
    cover(&mut logs, &secrets);
    Ok(logs)
}

/// Lines that are part of no attempt and are not kept, because there are too many.
fn not_kept(file: u16, gathered: &Gathered) -> Option<FileNote> {
    let text = match gathered.lines_beyond {
        0 => return None,
        1 => "1 line that is part of no attempt was not kept, because there were too many".to_owned(),
        lines => {
            format!("{lines} lines that are part of no attempt were not kept, because there were too many")
        }
    };
    Some(FileNote { file, text })
}

/// Covers the secrets of all logs wherever one of them has them.
fn cover(logs: &mut Logs, secrets: &Known) {
    if secrets.beyond > 0 {
        let most = limits::LOG_SECRETS;
        let text = format!(
            "more than {most} different secrets: the rest are covered only where a name precedes them"
        );
        logs.notes.push(FileNote { file: 0, text });
    }
    if secrets.is_empty() {
        return;
    }
    let of_attempts = logs.attempts.iter_mut().flat_map(|attempt| {
        attempt.lines.iter_mut().flat_map(NearbyLine::quotes).chain(attempt.request.iter_mut())
    });
    let quotes = of_attempts.chain(logs.lines.iter_mut().flat_map(NearbyLine::quotes));
    quotes.for_each(|quote| quote.cover(secrets));
}

fn add(logs: &mut Logs, gathered: Gathered) {
    logs.attempts.extend(gathered.attempts);
    logs.lines.extend(gathered.lines);
    logs.services.extend(gathered.services);
    logs.connections.extend(gathered.connections);
    logs.crowded_out += gathered.crowded_out;
    logs.lines_beyond += gathered.lines_beyond;
}

/// Whether a file that was named among the logs is one, and no capture.
///
/// # Errors
/// When it can't be read, or is neither.
pub fn is_log_file(path: &Path, settings: &LogSettings) -> Result<bool, ReadError> {
    match Opened::look(path, settings) {
        Ok(_) => Ok(true),
        Err(Unopened::Capture(_)) => Ok(false),
        Err(Unopened::Other(error)) => Err(error),
    }
}

/// Whether these bytes, the first of a file, begin a log: several lines that have a time, and no other form of text that has times too.
/// tcpdump's is the caller's to recognise first.
pub fn is_log(head: &[u8], settings: &LogSettings) -> bool {
    let survey = Survey::of(head, settings);
    survey.entries >= 1 && !survey.is_binary && survey.entries * 20 >= survey.lines
}

/// Gives the files of one log one number, and the folders theirs, in the order in which they are first named.
fn number_logs(files: &mut [Opened]) {
    let (mut keys, mut folders) = (Vec::new(), Vec::new());
    for file in files {
        let folder = file.key.0.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        file.folder = number(&mut folders, folder);
        file.about.log = number(&mut keys, file.key.clone());
    }
}

/// The place of `item` among those known, where it is put if it is new.
fn number<T: PartialEq>(known: &mut Vec<T>, item: T) -> u16 {
    let place = known.iter().position(|other| *other == item).unwrap_or_else(|| {
        known.push(item);
        known.len() - 1
    });
    place as u16
}

/// A file being read.
struct OpenFile {
    file: Opened,
    lines: Lines,
}

impl OpenFile {
    /// `before` is the last time of the file that this one continues.
    fn new(
        file: Opened,
        before: Option<Timestamp>,
        gatherer: Gatherer,
        clocks: Clocks,
        settings: &LogSettings,
    ) -> Self {
        let near = before.or(settings.near);
        let mut calendar = if near.is_some() { Calendar::new(near) } else { Calendar::before(file.modified) };
        if let Some(date) = file.date.filter(|_| before.is_none()) {
            calendar.anchor(date);
        }
        calendar.learn(file.order);
        let lines = Lines {
            file: file.index,
            log: file.about.log,
            folder: file.folder,
            calendar,
            gatherer,
            clocks,
            is_placed: false,
            is_near: false,
            latest: None,
            previous: None,
            precision: 0,
            contradictions: None,
            ambiguous: None,
            timeless: None,
            steps: Vec::new(),
            further_steps: 0,
        };
        Self { file, lines }
    }

    /// Reads all lines.
    fn read_whole(&mut self, settings: &LogSettings) -> io::Result<()> {
        if settings.threads < 2 {
            while self.read_line(settings)?.is_some() {}
            self.read_rest(settings);
            return Ok(());
        }
        let (mut block, mut next) = (Block::default(), Block::default());
        block.fill(&mut self.file.input)?;
        while !block.is_empty() {
            let Opened { about, input, .. } = &mut self.file;
            block.take(&mut self.lines, about, settings, || next.fill(input))?;
            mem::swap(&mut block, &mut next);
        }
        Ok(())
    }

    /// Reads the next line that is whole, and returns its length in bytes; nothing if there is none.
    fn read_line(&mut self, settings: &LogSettings) -> io::Result<Option<usize>> {
        let Opened { about, input, .. } = &mut self.file;
        let Some(line) = input.next_line()? else { return Ok(None) };
        self.lines.take_bytes(line, about, settings);
        Ok(Some(line.len() + 1))
    }

    /// Reads the line that no line end closes.
    fn read_rest(&mut self, settings: &LogSettings) {
        let Opened { about, input, .. } = &mut self.file;
        if let Some(line) = input.last_line() {
            self.lines.take_bytes(line, about, settings);
        }
    }

    /// What was odd.
    fn notes(&self) -> Vec<FileNote> {
        let file = self.file.index;
        let mut texts = Vec::new();
        if let Some(trouble) = &self.file.input.trouble {
            texts.push(format!(
                "its compressed data is damaged after line {}: {trouble}",
                self.file.about.lines
            ));
        }
        if self.file.input.overlong > 0 {
            let kib = limits::LOG_LINE_BYTES / 1024;
            texts.push(match self.file.input.overlong {
                1 => format!("1 line is longer than {kib} KiB and was cut"),
                lines => format!("{lines} lines are longer than {kib} KiB and were cut"),
            });
        }
        if let Some((count, first)) = self.lines.contradictions {
            texts.push(format!(
                "in {count} lines, the first of them line {first}, the time inside contradicts the time that syslog put in front by more \
                 than a day: syslog's is used"
            ));
        }
        if let Some((count, first)) = self.lines.ambiguous {
            texts.push(format!(
                "lines not placed in time: {count}, first line {first}; their dates may have the day or the month first, and no other line \
                 shows which"
            ));
        }
        if let Some((count, first)) = self.lines.timeless {
            texts.push(format!(
                "lines not placed in time: {count}, first line {first}; they have no time of day, only the time since the device \
                 started or none"
            ));
        }
        for (line, nanos) in &self.lines.steps {
            texts.push(format!(
                "the time steps back by {} at line {line}: the clock was set, or daylight saving time ended",
                Elapsed::from_nanos(*nanos)
            ));
        }
        if self.lines.further_steps > 0 {
            texts.push(format!("the time steps back {} times more", self.lines.further_steps));
        }
        texts.into_iter().map(|text| FileNote { file, text }).collect()
    }
}
