//! Many captures: one line per file, then the count.

use std::io::{self, Write};

use comfy_table::Table;

use super::capture::counts;
use super::grid::{grid, push_line, text, widths};
use super::judgement::word;
use crate::analysis::Redaction;
use crate::limits;
use crate::report::Style;
use crate::report::many::{CaptureResult, Many, Totals};
use crate::report::text::escape::escaped;
use crate::report::text::words::{count, grouped};
use crate::verdict::Severity;

const HEADER: [&str; COLUMNS] = ["Connections", "Failed", "Worst", "File", "What happened"];
const COLUMNS: usize = 5;

/// Writes the table of captures.
pub struct BatchTable<W> {
    out: W,
    is_ascii: bool,
    held: Vec<[String; COLUMNS]>,
    /// How wide the columns are, once rows are written as they come.
    widths: Option<Vec<u16>>,
}

impl<W: Write> BatchTable<W> {
    /// Without rows.
    pub fn new(out: W, style: &Style) -> Self {
        Self { out, is_ascii: style.is_ascii, held: Vec::new(), widths: None }
    }

    /// Lays out the rows that are held, and writes them.
    fn write(&mut self) -> io::Result<()> {
        let table = self.held.drain(..).fold(grid(HEADER, &[0, 1]), |mut table: Table, row| {
            table.add_row(row);
            table
        });
        self.out.write_all(text(&table).as_bytes())?;
        self.widths = Some(widths(&table));
        Ok(())
    }
}

impl<W: Write + Send> Many for BatchTable<W> {
    fn entry(&mut self, entry: &CaptureResult) -> io::Result<()> {
        let cells = cells(entry);
        if let Some(widths) = &self.widths {
            let mut line = String::new();
            push_line(&mut line, cells.iter().map(String::as_str), widths);
            return self.out.write_all(line.as_bytes());
        }
        self.held.push(cells);
        if self.held.len() <= limits::TABLE_ROWS { Ok(()) } else { self.write() }
    }

    fn finish(mut self: Box<Self>, totals: &Totals) -> io::Result<()> {
        if !self.held.is_empty() {
            self.write()?;
        }
        let mut files = count(totals.captures, "file");
        for (number, what) in
            [(totals.unread, "with errors"), (totals.repeated, "with the content of another")]
        {
            if number > 0 {
                files = format!("{files}, {} {what}", grouped(number));
            }
        }
        let (counted, packets) = counts(&totals.summary);
        let line = format!("{files}; {counted}; {packets}");
        let line = if self.is_ascii { line.replace(|letter: char| !letter.is_ascii(), "?") } else { line };
        if self.widths.is_some() {
            writeln!(self.out)?;
        }
        writeln!(self.out, "{line}")?;
        if totals.summary.is_redacted {
            writeln!(self.out, "{}", Redaction::SENTENCE)?;
        }
        self.out.flush()
    }
}

fn cells(entry: &CaptureResult) -> [String; COLUMNS] {
    let failed = entry.severities.get(&Severity::Critical).copied().unwrap_or(0);
    let what = match (&entry.error, &entry.same_as, &entry.worst) {
        (_, Some(source), _) => format!("same content as {source}"),
        (Some(error), ..) => error.clone(),
        (None, None, Some(worst)) if worst.severity != Severity::Ok => worst.headline.clone().into_owned(),
        _ => String::new(),
    };
    let worst = match (&entry.error, &entry.worst) {
        _ if entry.same_as.is_some() => "-".to_owned(),
        (_, Some(worst)) => match &worst.cause {
            Some(cause) => format!("{} {} {cause}", word(worst.severity), worst.code),
            None => format!("{} {}", word(worst.severity), worst.code),
        },
        (Some(_), None) => "ERROR".to_owned(),
        (None, None) => "UNSURE".to_owned(),
    };
    let (connections, failed) = (grouped(entry.connections()), grouped(failed));
    [connections, failed, worst, entry.source.clone(), what].map(|cell| escaped(&cell))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::report::many::WorstConnection;
    use crate::report::tests::style;
    use crate::verdict::Code;

    fn written(entries: &[CaptureResult]) -> String {
        let mut out = Vec::new();
        let mut table = Box::new(BatchTable::new(&mut out, &style(false)));
        let mut totals = Totals::default();
        for entry in entries {
            table.entry(entry).unwrap();
            totals.add(entry);
        }
        table.finish(&totals).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_file_is_a_line_whatever_its_outcome() {
        let refused = CaptureResult {
            source: "a\u{1b}.pcap".to_owned(),
            packets: 2,
            codes: BTreeMap::from([(Code::Refused, 1)]),
            severities: BTreeMap::from([(Severity::Critical, 1)]),
            worst: Some(WorstConnection {
                severity: Severity::Critical,
                code: Code::Refused,
                cause: None,
                headline: "192.0.2.1 refused the connection to port 8443".into(),
            }),
            ..CaptureResult::default()
        };
        let bad = CaptureResult {
            source: "b".to_owned(),
            error: Some("is empty".to_owned()),
            ..CaptureResult::default()
        };
        let same = CaptureResult { source: "c".to_owned(), same_as: Some("a".to_owned()), ..refused.clone() };
        let text = written(&[refused, bad, same]);
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[1].contains("FAIL refused  a\\x1b.pcap  192.0.2.1 refused"), "{text}");
        assert!(lines[2].contains("ERROR") && lines[2].ends_with("is empty"), "{text}");
        assert!(lines[3].ends_with("same content as a"), "{text}");
        assert!(
            lines[5]
                .starts_with("3 files, 1 with errors, 1 with the content of another; 1 connection: 1 failed"),
            "{text}"
        );
    }

    #[test]
    fn more_rows_than_are_held_are_written_as_they_come() {
        let entry = CaptureResult { source: "a".to_owned(), ..CaptureResult::default() };
        let text = written(&vec![entry; limits::TABLE_ROWS + 2]);
        assert_eq!(text.lines().count(), limits::TABLE_ROWS + 5);
        assert!(written(&[]).starts_with("0 files; "));
    }
}
