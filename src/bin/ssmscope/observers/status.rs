//! The last line of a terminal while a capture is made: how long it has run, what it saw, and who is waited for.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use ssmscope::analysis::{Event, Judged, Needs, Sink};
use ssmscope::limits;
use ssmscope::report::Form;
use ssmscope::story::{Silence, Story};
use ssmscope::tcp::Role;
use ssmscope::time::{Elapsed, Timestamp};
use ssmscope::verdict::Severity;

use crate::exit;

/// How often it is written again.
const EVERY: Duration = Duration::from_millis(500);

/// A report, below whose lines the status stays.
pub struct StatusLine<'a> {
    report: &'a mut dyn Sink,
    /// Columns of the terminal; nothing if there is none.
    columns: Option<usize>,
    began: Instant,
    drawn_at: Option<Instant>,
    seen: Seen,
}

/// What the line shows.
#[derive(Default)]
struct Seen {
    elapsed: Elapsed,
    /// Connections of which the first packet came, and those that were judged.
    opened: u64,
    judged: u64,
    failed: u64,
    /// Those that have failed and are still open, by the number of the first packet; up to [`limits::SERVERS`].
    open_failed: BTreeSet<u64>,
    dropped: Option<u64>,
    /// Who is waited for, and since when, by the number of the connection's first packet; up to [`limits::SERVERS`].
    awaited: BTreeMap<u64, (String, Timestamp)>,
    /// The capture's time.
    now: Timestamp,
}

impl<'a> StatusLine<'a> {
    /// Below a report of this form, if standard error is a terminal.
    pub fn new(report: &'a mut dyn Sink, form: Form, columns: u16) -> Self {
        let is_shown = !form.is_plugin() && io::stderr().is_terminal();
        let columns = is_shown.then_some(usize::from(columns));
        Self { report, columns, began: Instant::now(), drawn_at: None, seen: Seen::default() }
    }

    fn draw(&mut self) {
        let Some(columns) = self.columns else { return };
        if self.drawn_at.is_some_and(|drawn| drawn.elapsed() < EVERY) {
            return;
        }
        self.drawn_at = Some(Instant::now());
        self.seen.elapsed = Elapsed::from_secs_f64(self.began.elapsed().as_secs_f64());
        let line = self.seen.line(columns);
        exit::show_status(&line);
    }
}

impl Seen {
    fn silence(&mut self, story: &Story, silence: &Silence) {
        let by = silence.awaited_from;
        let role = if by == Role::Client { "client" } else { "server" };
        let place = ssmscope::probe::authority(&story.host(by).to_string(), story.parties[by].port);
        if self.awaited.len() < limits::SERVERS || self.awaited.contains_key(&story.first.number) {
            self.awaited.insert(story.first.number, (format!("{role} {place}"), silence.since.at));
            self.now = self.now.max(silence.until);
        }
    }

    /// What is known of an open connection: it fails, or its answer has come after all.
    fn known(&mut self, judged: &Judged) {
        let number = judged.story.first.number;
        if judged.verdict.severity != Severity::Critical {
            self.open_failed.remove(&number);
        } else if self.open_failed.len() < limits::SERVERS {
            self.open_failed.insert(number);
        }
    }

    /// The line, in one column less than there are, so that no terminal breaks it.
    fn line(&self, columns: usize) -> String {
        let seconds = self.elapsed.nanos() / 1_000_000_000;
        let connections = self.opened.max(self.judged);
        let plural = if connections == 1 { "" } else { "s" };
        let failed = self.failed + self.open_failed.len() as u64;
        let mut line = format!(
            "{}:{:02}  {connections} connection{plural}, {failed} failed",
            seconds / 60,
            seconds % 60
        );
        if let Some(dropped) = self.dropped {
            // Writing to a string can't fail.
            let _ = write!(line, ", {dropped} dropped");
        }
        if let Some((who, since)) = self.awaited.values().min_by_key(|(_, since)| *since) {
            let _ = write!(line, "; waiting for the {who} for {}", self.now - *since);
            if self.awaited.len() > 1 {
                let _ = write!(line, ", {} more", self.awaited.len() - 1);
            }
        }
        let line = ssmscope::report::text::escape::escaped(&line);
        line.chars().take(columns.saturating_sub(1)).collect()
    }
}

impl Sink for StatusLine<'_> {
    fn connection(&mut self, judged: Judged) -> io::Result<()> {
        exit::clear_status();
        self.seen.judged += 1;
        self.seen.failed += u64::from(judged.verdict.severity == Severity::Critical);
        self.seen.awaited.remove(&judged.story.first.number);
        self.seen.open_failed.remove(&judged.story.first.number);
        self.report.connection(judged)
    }

    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        if self.columns.is_none() {
            return self.report.event(event);
        }
        match event {
            Event::Silence(story, silence) => self.seen.silence(story, silence),
            Event::Entry(story, entry) => {
                self.seen.opened += u64::from(entry.moment == story.first);
                self.seen.awaited.remove(&story.first.number);
                self.seen.now = self.seen.now.max(entry.moment.at);
            }
            Event::Idle(at, about) => {
                self.seen.dropped = about.dropped;
                self.seen.now = self.seen.now.max(*at);
            }
            Event::Known(judged) => self.seen.known(judged),
            Event::Packet(_)
            | Event::Frame(_)
            | Event::Tied(..)
            | Event::LogUnread(_)
            | Event::Progress(..) => {}
        }
        // No report prints frames.
        let was_shown = !matches!(event, Event::Frame(_)) && exit::clear_status();
        self.report.event(event)?;
        match event {
            Event::Idle(..) => {
                // What was removed comes back at once.
                self.drawn_at = self.drawn_at.filter(|_| !was_shown);
                self.draw();
            }
            // What a packet brings is printed before the next one comes.
            Event::Frame(_) => self.draw(),
            _ => {}
        }
        Ok(())
    }

    fn needs(&self) -> Needs {
        self.report.needs()
    }
}

impl Drop for StatusLine<'_> {
    fn drop(&mut self) {
        exit::clear_status();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_shows_the_longest_wait_and_fits_the_terminal() {
        let mut seen = Seen {
            elapsed: Elapsed::from_millis(83_000),
            opened: 60,
            judged: 58,
            failed: 12,
            dropped: Some(0),
            now: Timestamp::from_parts(100, 0),
            ..Seen::default()
        };
        assert_eq!(seen.line(80), "1:23  60 connections, 12 failed, 0 dropped");
        let since = |second| ("server 198.51.100.20:8443".to_owned(), Timestamp::from_parts(second, 0));
        seen.awaited = BTreeMap::from([(1, since(96)), (9, since(92))]);
        let line = seen.line(120);
        assert!(line.ends_with("; waiting for the server 198.51.100.20:8443 for 8.0 s, 1 more"), "{line}");
        seen.now = Timestamp::from_parts(103, 0);
        assert!(seen.line(120).contains(" for 11.0 s, "), "{}", seen.line(120));
        seen.open_failed = BTreeSet::from([1, 9]);
        assert!(seen.line(120).contains("60 connections, 14 failed"), "{}", seen.line(120));
        assert_eq!(seen.line(40).len(), 39);
    }
}
