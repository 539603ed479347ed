//! Rows in their formats.

use std::borrow::Cow;
use std::io::{self, Write};
use std::mem;

use super::columns;
#[cfg(feature = "parquet")]
use super::parquet::Table;
use super::{Format, Row};
use crate::report::machine::lines;
use crate::report::text::escape::escaped;

/// Where rows go, in a format.
pub(super) enum Rows<W: Write + Send> {
    Jsonl {
        out: W,
        /// Room for the line that is being written.
        line: Vec<u8>,
    },
    Csv {
        out: Box<csv::Writer<W>>,
        has_header: bool,
    },
    #[cfg(feature = "parquet")]
    Parquet(io::Result<Box<Table<W>>>),
}

impl<W: Write + Send> Rows<W> {
    pub(super) fn begin(out: W, format: Format) -> Self {
        match format {
            Format::Jsonl => Self::Jsonl { out, line: Vec::new() },
            Format::Csv => {
                let out = csv::WriterBuilder::new().has_headers(false).from_writer(out);
                Self::Csv { out: Box::new(out), has_header: false }
            }
            #[cfg(feature = "parquet")]
            Format::Parquet => Self::Parquet(Table::begin(out).map(Box::new)),
        }
    }

    pub(super) fn omit_header(&mut self) {
        if let Self::Csv { has_header, .. } = self {
            *has_header = true;
        }
    }

    pub(super) fn write(&mut self, mut row: Row<'_>) -> io::Result<()> {
        match self {
            Self::Jsonl { out, line } => lines::write(&row, line, out),
            Self::Csv { out, has_header } => {
                begin_csv(out, has_header)?;
                for text in row.foreign().into_iter().flatten() {
                    *text = Cow::Owned(cell(text));
                }
                Ok(out.serialize(row)?)
            }
            #[cfg(feature = "parquet")]
            Self::Parquet(table) => table.as_mut().map_err(again)?.write(&row),
        }
    }

    /// Writes what waits, as far as its format lets others read it.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Jsonl { out, .. } => out.flush(),
            Self::Csv { out, has_header } => {
                begin_csv(out, has_header)?;
                out.flush()
            }
            #[cfg(feature = "parquet")]
            Self::Parquet(_) => Ok(()),
        }
    }

    /// Ends the rows.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Jsonl { .. } | Self::Csv { .. } => self.flush(),
            #[cfg(feature = "parquet")]
            Self::Parquet(table) => table.as_mut().map_err(again)?.finish(),
        }
    }
}

/// The error with which the table could not be begun.
#[cfg(feature = "parquet")]
fn again(error: &mut io::Error) -> io::Error {
    mem::replace(error, io::ErrorKind::Other.into())
}

/// Writes the columns' names, where that is not done. A table without rows has them too.
fn begin_csv<W: Write>(out: &mut csv::Writer<W>, has_header: &mut bool) -> io::Result<()> {
    if !mem::replace(has_header, true) {
        out.write_record(columns::names())?;
    }
    Ok(())
}

/// Text as a spreadsheet takes it: no control characters, and no formula. Programs evaluate cells that begin with one of these
/// characters, or with its full-width form, quoted or not (OWASP, CSV Injection); an apostrophe makes them text.
fn cell(text: &str) -> String {
    let text = escaped(text);
    if text.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']) {
        format!("'{text}")
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(format: Format, write: impl FnOnce(&mut Rows<&mut Vec<u8>>)) -> String {
        let mut bytes = Vec::new();
        let mut rows = Rows::begin(&mut bytes, format);
        write(&mut rows);
        rows.flush().unwrap();
        drop(rows);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_table_without_rows_has_its_columns() {
        let text = written(Format::Csv, |_| {});
        assert!(
            text.starts_with("schema,source,sha256,") && text.ends_with(",findings,redacted\n"),
            "{text}"
        );
        let continued = written(Format::Csv, |rows| {
            rows.omit_header();
            rows.flush().unwrap();
        });
        assert_eq!(continued, "");
        assert_eq!(written(Format::Jsonl, |_| {}), "");
    }

    #[test]
    fn no_cell_is_a_formula() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "＝1", " =1"] {
            let cell = cell(text);
            assert!(cell.starts_with('\'') || cell.starts_with("\\t"), "{cell}");
        }
        assert_eq!(cell("ssm.example"), "ssm.example");
    }

    #[test]
    fn every_column_that_others_write_is_protected() {
        let hostile = || Some(Cow::Borrowed("=HYPERLINK(\"x\")\u{1b}[2J,\n"));
        let mut row = Row::default();
        row.foreign().into_iter().for_each(|text| *text = hostile());
        let json = serde_json::to_value(&row).unwrap();
        let filled = json.as_object().unwrap().values().filter(|value| value.is_string()).count();
        assert_eq!(filled, row.foreign().len());
        let text = written(Format::Csv, |rows| rows.write(row).unwrap());
        assert!(!text.contains('\u{1b}'));
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let record = reader.records().next().unwrap().unwrap();
        let cells = record.iter().filter(|cell| cell.contains("HYPERLINK"));
        assert_eq!(cells.inspect(|cell| assert!(cell.starts_with("'="), "{cell}")).count(), filled);
    }

    proptest! {
        #[test]
        fn any_text_stays_in_its_cell(text: String) {
            let row = Row { tls_sni: Some(Cow::Borrowed(&text)), ..Row::default() };
            let lines = written(Format::Jsonl, |rows| rows.write(row.clone()).unwrap());
            prop_assert_eq!(lines.lines().count(), 1);
            let value: serde_json::Value = serde_json::from_str(&lines).unwrap();
            prop_assert_eq!(value["tls_sni"].as_str(), Some(text.as_str()));
            let table = written(Format::Csv, |rows| rows.write(row).unwrap());
            let mut reader = csv::Reader::from_reader(table.as_bytes());
            let records: Vec<_> = reader.records().map(Result::unwrap).collect();
            prop_assert_eq!(records.len(), 1);
            prop_assert!(records[0].iter().any(|cell| cell == super::cell(&text)));
        }
    }
}
