//! Outcomes in order of time: a character for each connection, or for each span of time where there are many.

use std::fmt::Write;

use crate::report::text::words::{DIM, style_of};
use crate::time::Timestamp;
use crate::verdict::{Code, Severity};

/// The most characters.
const COLUMNS: usize = 60;

/// The outcome of a connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Mark {
    pub at: Timestamp,
    pub id: u64,
    pub code: Code,
    pub severity: Severity,
}

/// What the strip shows, and the codes with their letters, as they occur.
pub(super) struct Strip {
    cells: Vec<Option<(char, Severity)>>,
    legend: Vec<(char, Code)>,
    is_each: bool,
}

/// The mark of what is neither a failure nor ok.
const UNDECIDED: char = '?';

/// The letter of a code that can fail.
fn letter(code: Code) -> char {
    match code {
        Code::SynNoReply => 'S',
        Code::Refused => 'R',
        Code::Unreachable => 'U',
        Code::TcpHandshakeIncomplete => 'T',
        Code::ClientSilent => 'C',
        Code::NoServerHello => 'H',
        Code::HandshakeStalled => 'K',
        Code::TlsAlert => 'A',
        Code::Reset => 'X',
        Code::ClosedEarly => 'F',
        Code::NotTls => 'N',
        Code::ProxyRefused => 'P',
        Code::NoResponse => 'Q',
        Code::Slow => 'W',
        Code::Rejected => 'J',
        Code::Healthy | Code::Plaintext | Code::Midstream | Code::CaptureGap | Code::InProgress => UNDECIDED,
    }
}

impl Strip {
    /// Creates the strip of these connections in order of time, in `columns` at most; `ok` marks the healthy ones.
    pub(super) fn of(marks: &[Mark], columns: usize, ok: char) -> Option<Self> {
        let (first, last) = (marks.first()?, marks.last()?);
        let shown = |mark: &Mark| match mark.severity {
            Severity::Ok => ok,
            Severity::Unknown => UNDECIDED,
            Severity::Critical | Severity::Warning => letter(mark.code),
        };
        let mut legend: Vec<(char, Code)> = Vec::new();
        for mark in
            marks.iter().filter(|mark| matches!(mark.severity, Severity::Critical | Severity::Warning))
        {
            let entry = (letter(mark.code), mark.code);
            if !legend.contains(&entry) {
                legend.push(entry);
            }
        }
        let columns = columns.min(COLUMNS);
        if marks.len() <= columns {
            let cells = marks.iter().map(|mark| Some((shown(mark), mark.severity))).collect();
            return Some(Self { cells, legend, is_each: true });
        }
        let span = (last.at - first.at).nanos().max(1);
        // The worst of each span, how many there are, and how many of them failed.
        let mut spans: Vec<Option<(Mark, u64, u64)>> = vec![None; columns];
        for mark in marks {
            let place = i128::from((mark.at - first.at).nanos()) * columns as i128 / (i128::from(span) + 1);
            let Some(cell) = spans.get_mut(usize::try_from(place).unwrap_or(0)) else { continue };
            let failed = u64::from(mark.severity.urgency() >= 2);
            match cell {
                Some((worst, count, failures)) => {
                    *count += 1;
                    *failures += failed;
                    if mark.severity.urgency() > worst.severity.urgency() {
                        *worst = *mark;
                    }
                }
                None => *cell = Some((*mark, 1, failed)),
            }
        }
        let cells = spans.into_iter().map(|cell| {
            let (worst, count, failed) = cell?;
            let letter = shown(&worst);
            let letter = if 2 * failed < count { letter.to_ascii_lowercase() } else { letter };
            Some((letter, worst.severity))
        });
        Some(Self { cells: cells.collect(), legend, is_each: false })
    }

    /// The characters.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for cell in &self.cells {
            match cell {
                Some((letter, Severity::Ok)) => {
                    let _ = write!(text, "{DIM}{letter}{DIM:#}");
                }
                Some((letter, severity)) => {
                    let color = style_of(*severity);
                    let _ = write!(text, "{color}{letter}{color:#}");
                }
                None => text.push(' '),
            }
        }
        text
    }

    /// What they mean, in one line of this many columns if it can be.
    pub(super) fn legend(&self, ok: char, columns: usize) -> String {
        let parts = self.parts(ok);
        let whole = format!("{}: {parts}", self.each());
        let is_too_long = whole.chars().count() > columns;
        if self.is_each && is_too_long { format!("one each: {parts}") } else { whole }
    }

    fn each(&self) -> &'static str {
        if self.is_each {
            "one character per connection"
        } else {
            "worst of each span of time, in small letters where fewer than half failed"
        }
    }

    fn parts(&self, ok: char) -> String {
        let mut parts: Vec<_> = self.legend.iter().map(|(letter, code)| format!("{letter} {code}")).collect();
        let has = |severity| self.cells.iter().flatten().any(|(_, other)| *other == severity);
        if has(Severity::Unknown) {
            parts.push("? undecided".to_owned());
        }
        if has(Severity::Ok) {
            parts.push(format!("{ok} ok"));
        }
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(second: i64, severity: Severity, code: Code) -> Mark {
        Mark { at: Timestamp::from_parts(second, 0), id: second as u64, code, severity }
    }

    #[test]
    fn each_code_that_can_fail_has_a_letter_of_its_own() {
        let fails = |severity| matches!(severity, Severity::Critical | Severity::Warning);
        let letters: Vec<_> = crate::verdict::RULES
            .iter()
            .filter(|rule| fails(rule.severity))
            .map(|rule| letter(rule.code))
            .collect();
        let distinct: std::collections::BTreeSet<_> = letters.iter().collect();
        assert_eq!(distinct.len(), letters.len());
        assert!(!distinct.contains(&UNDECIDED));
    }

    #[test]
    fn few_connections_have_a_character_each_and_many_share_spans() {
        let text = |strip: &Strip| anstream::adapter::strip_str(&strip.text()).to_string();
        let few = [mark(0, Severity::Ok, Code::Healthy), mark(1, Severity::Critical, Code::Refused)];
        let strip = Strip::of(&few, 10, '.').unwrap();
        assert_eq!(text(&strip), ".R");
        assert_eq!(strip.legend('.', 80), "one character per connection: R refused, . ok");
        assert_eq!(strip.legend('.', 40), "one each: R refused, . ok");
        let mut many: Vec<_> = (0..100).map(|second| mark(second, Severity::Ok, Code::Healthy)).collect();
        many[99] = mark(99, Severity::Critical, Code::Refused);
        let strip = Strip::of(&many, 10, '.').unwrap();
        assert_eq!(text(&strip), ".........r");
        assert!(Strip::of(&[], 10, '.').is_none());
    }
}
