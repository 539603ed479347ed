//! The logs read with a capture: their lines among a connection's packets, and what is not tied to any.

use std::io::{self, Write};
use std::net::IpAddr;

use crate::analysis::LogSummary;
use crate::log::{Attempt, AttemptOutcome, Latest, Level, LogZone, Side};
use crate::report::tcpdump;
use crate::report::text::clock;
use crate::report::text::escape::escaped;
use crate::report::text::words::{BOLD, DIM, PROSE_COLUMNS, count, grouped, wrapped};
use crate::story::{LogLine, Story};
use crate::time::{Clock, SECOND, Timestamp};

/// Characters of a line's words that are shown.
const SHOWN: usize = 240;

/// Attempts that are listed one by one, the latest.
const LISTED: usize = 20;

/// Digits after the second of times in logs.
const DIGITS: u8 = 3;

const ROW: anstyle::Style = anstyle::AnsiColor::Magenta.on_default();

/// The lines of the logs that are tied to one connection, in the order of their times on the capture's clock.
pub(super) struct Rows<'a> {
    lines: std::iter::Peekable<std::vec::IntoIter<&'a LogLine>>,
}

impl<'a> Rows<'a> {
    /// The rows of a connection.
    pub(super) fn new(story: &'a Story) -> Self {
        let tied = story.logs.iter().flat_map(|tie| &tie.lines);
        let mut lines: Vec<&LogLine> = tied.chain(&story.log_lines).collect();
        lines.sort_by_key(|line| line.place);
        Self { lines: lines.into_iter().peekable() }
    }

    /// Writes the rows before `at`, or all that are left.
    pub(super) fn write_before(
        &mut self,
        at: Option<Timestamp>,
        indent: usize,
        style: &tcpdump::LineStyle,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        while let Some(line) = self.next_before(at) {
            write_row(line, indent, style, out)?;
        }
        Ok(())
    }

    /// The next row, if it is before `at`.
    pub(super) fn next_before(&mut self, at: Option<Timestamp>) -> Option<&'a LogLine> {
        self.lines.next_if(|line| at.is_none_or(|at| line.place < at))
    }
}

/// A line of a log with whose it is, or of which file.
pub(super) fn line_text(line: &LogLine, style: &tcpdump::LineStyle) -> String {
    let digits = if line.precision.nanos() < SECOND { style.digits.min(DIGITS) } else { 0 };
    let time = clock::time_of_day(line.at, style.clock, digits, &style.zone).unwrap_or_default();
    let source = line.source.as_ref().map(|source| format!(" {}", escaped(source.raw()))).unwrap_or_default();
    let about = match format!("{}{source}", level(line.level)) {
        about if about.is_empty() => about,
        about => format!("{about}:"),
    };
    let log = match line.side {
        Some(side_of) => format!("{}'s log {}", side_of.name(), escaped(file_name(&line.file))),
        None => escaped(file_name(&line.file)),
    };
    format!("{time} {log}, line {}:{about} {}", line.number, shown(line.text.raw()))
}

/// A file's name without its folders.
fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn write_row(
    line: &LogLine,
    indent: usize,
    style: &tcpdump::LineStyle,
    out: &mut dyn Write,
) -> io::Result<()> {
    let text = line_text(line, style);
    for (index, part) in wrapped(&text, PROSE_COLUMNS.saturating_sub(indent + 4)).iter().enumerate() {
        let mark = if index == 0 { "+" } else { " " };
        writeln!(out, "{:indent$}  {ROW}{mark} {part}{ROW:#}", "")?;
    }
    Ok(())
}

/// Writes how many lines of the time of a connection are not among its rows.
pub(super) fn write_beyond(story: &Story, indent: usize, out: &mut dyn Write) -> io::Result<()> {
    match story.log_lines_beyond {
        0 => Ok(()),
        beyond => {
            let lines = count(beyond.into(), "more line");
            writeln!(out, "{:indent$}  {ROW}+ {lines} of logs at that time{ROW:#}", "")
        }
    }
}

/// Writes what was read of the logs, and the attempts that are tied to no connection; all of them where there is no capture.
pub(super) fn write(logs: &LogSummary, is_alone: bool, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{BOLD}Logs{BOLD:#}")?;
    for (index, file) in logs.logs.files.iter().enumerate() {
        let far_away = if file.far_away > 0 {
            format!(", {} of them more than 27 hours from the capture", grouped(file.far_away))
        } else {
            String::new()
        };
        write_line(
            &format!("{}: {}, {}{far_away}", escaped(&file.name), file.format, count(file.lines, "line")),
            out,
        )?;
        for note in logs.logs.notes.iter().filter(|note| usize::from(note.file) == index) {
            write_line(&note.text, out)?;
        }
        let is_last = logs.logs.files.iter().skip(index + 1).all(|other| other.log != file.log);
        if let Some(unlogged) = logs.unlogged.get(&file.log).filter(|_| is_last) {
            let text = format!(
                "during the capture nginx numbered {} without a line, its own to upstream servers among them: it logs no \
                 handshake that fails, unless its error log has level info",
                count(*unlogged, "connection")
            );
            write_line(&text, out)?;
        }
    }
    for (what, number) in bounds_reached(logs) {
        write_line(&format!("{what}: {}", grouped(number)), out)?;
    }
    let mut attempts: Vec<(usize, &Attempt)> =
        logs.attempts().filter(|(index, _)| is_alone || logs.tie(*index).is_none()).collect();
    if is_alone && logs.logs.are_comparable() {
        attempts.sort_by_key(|(_, attempt)| logs.logs.comparable(attempt.clock, attempt.end));
    }
    if !is_alone {
        write_line(&format!("{} tied to connections", count(logs.ties.ties.len() as u64, "attempt")), out)?;
    }
    let hidden = attempts.len().saturating_sub(LISTED);
    if hidden > 0 {
        write_line(&format!("{} before these are not listed", count(hidden as u64, "attempt")), out)?;
    }
    for (index, attempt) in attempts.iter().skip(hidden) {
        write_attempt(logs, *index, attempt, is_alone, out)?;
    }
    if is_alone { write_next(logs.latest(), &attempts, out) } else { Ok(()) }
}

fn bounds_reached(logs: &LogSummary) -> impl Iterator<Item = (&'static str, u64)> {
    [
        ("attempts that were not kept because too many were in the logs", logs.logs.crowded_out),
        ("lines whose clock is not followed because the logs have too many", logs.logs.clocks_beyond),
        ("connections judged without the logs because too many had to wait for them", logs.not_compared),
    ]
    .into_iter()
    .filter(|(_, number)| *number > 0)
}

fn write_attempt(
    logs: &LogSummary,
    index: usize,
    attempt: &Attempt,
    is_alone: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let Some(line) = attempt.lines.get(attempt.decisive()) else { return Ok(()) };
    let file =
        logs.logs.files.get(usize::from(line.file)).map(|file| escaped(&file.name)).unwrap_or_default();
    let zone = logs.logs.clocks.get(attempt.clock.index()).map(|clock| &clock.zone);
    let time = clock::machine_readable(attempt.end, Clock::LocalDateTime, DIGITS)
        .unwrap_or_default()
        .replace('T', " ");
    let zone = match zone {
        Some(LogZone::Utc) => " UTC".to_owned(),
        Some(LogZone::Named(name)) => format!(" {}", escaped(name.raw())),
        _ => String::new(),
    };
    let took = attempt.begin.map(|begin| format!(" after {}", attempt.end - begin)).unwrap_or_default();
    let request =
        attempt.request.as_ref().map(|request| format!(" {}", escaped(request.raw()))).unwrap_or_default();
    writeln!(
        out,
        "  {BOLD}{time}{zone}{BOLD:#}  {}{request}: {}{took} {DIM}({file}, line {}){DIM:#}",
        attempt.side.name(),
        outcome(attempt),
        line.number
    )?;
    for part in wrapped(&shown(line.text.raw()), PROSE_COLUMNS - 4) {
        writeln!(out, "    {part}")?;
    }
    if !is_alone {
        let reasons: Vec<String> = logs.refusals(index).iter().map(ToString::to_string).collect();
        for part in wrapped(&format!("not tied: {}", reasons.join("; ")), PROSE_COLUMNS - 4) {
            writeln!(out, "    {DIM}{part}{DIM:#}")?;
        }
    }
    Ok(())
}

/// What to capture, for the last attempt, of which there is no capture.
fn write_next(latest: Latest<'_>, attempts: &[(usize, &Attempt)], out: &mut dyn Write) -> io::Result<()> {
    let text = match (latest, attempts.last()) {
        (Latest::Known(last), _) => next(last),
        (Latest::None, Some((_, last))) => next(last),
        (Latest::None, None) => {
            "No attempt was found. Raise the log's level, try again, and copy the log once more.".to_owned()
        }
        (Latest::Open, _) => "Which attempt was the last one is not known: some of these times have no offset from UTC, and the last of \
                              one log failed, that of another did not. Give the zone of each: `--log-zone IST=+05:30`, or \
                              `--log-zone +05:30` for times without one."
            .to_owned(),
    };
    writeln!(out)?;
    for part in wrapped(&text, PROSE_COLUMNS) {
        writeln!(out, "{part}")?;
    }
    Ok(())
}

fn next(last: &Attempt) -> String {
    let host = last.server.ip.map(|ip| ip.to_string());
    let icmp = match last.server.ip {
        Some(IpAddr::V4(_)) => "icmp",
        Some(IpAddr::V6(_)) => "icmp6",
        None => "icmp or icmp6",
    };
    let host = host.or_else(|| last.server.host.as_ref().map(|host| escaped(host.raw())));
    let port = last.server.port.map(|port| format!(" and port {port}")).unwrap_or_default();
    let filter = match (host, last.side) {
        (Some(host), _) => format!("host {host}{port}"),
        (None, Side::Client) => "port 8443 or port 443".to_owned(),
        (None, Side::Server) => {
            last.client.ip.map_or("port 8443 or port 443".to_owned(), |ip| format!("host {ip}"))
        }
    };
    match last.outcome {
        AttemptOutcome::NameUnknown => {
            "The server's name has no address: look at the resolvers first. A capture with `port 53` shows who is asked.".to_owned()
        }
        outcome if !outcome.is_failure() => "The last attempt did not fail. After the next failure, give the log again.".to_owned(),
        _ => format!(
            "To see what happened on the wire, capture the next attempt (`tcpdump -w attempt.pcap '{filter} or {icmp} or port 53'`), and give \
             both: `ssmscope read attempt.pcap --log FILE`."
        ),
    }
}

fn outcome(attempt: &Attempt) -> String {
    match attempt.outcome {
        AttemptOutcome::Denied(Some(error)) => error.to_owned(),
        AttemptOutcome::Status(status) => format!("status {status}"),
        outcome => outcome.code().replace('-', " "),
    }
}

fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push_str(" ...");
    }
    escaped(&shown)
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Error => " ERROR",
        Level::Warning => " WARN",
        Level::Info | Level::Debug | Level::Unknown => "",
    }
}

fn write_line(text: &str, out: &mut dyn Write) -> io::Result<()> {
    for (index, line) in wrapped(text, PROSE_COLUMNS - 4).iter().enumerate() {
        let bullet = if index == 0 { "-" } else { " " };
        writeln!(out, "  {bullet} {line}")?;
    }
    Ok(())
}
