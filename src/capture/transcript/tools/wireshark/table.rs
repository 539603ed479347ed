//! Packet lists as tables: CSV as Wireshark exports it, and spreadsheets with their locale's separator, and Markdown.

use std::borrow::Cow;

use super::info::Info;
use super::protocols::{Layer, layer};
use super::row::{Row, packet_number};
use crate::capture::transcript::tools::times;

/// Most columns that a table is read by.
const MOST_COLUMNS: usize = 32;

/// Which column holds what, as the table's header names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    number: Option<usize>,
    time: Option<usize>,
    source: usize,
    destination: usize,
    protocol: Option<usize>,
    length: Option<usize>,
    info: usize,
    source_port: Option<usize>,
    destination_port: Option<usize>,
}

/// The cells of a line that is a table's; `None` if it is not one.
pub fn cells(text: &str) -> Option<Vec<Cow<'_, str>>> {
    let text = text.trim();
    // Quoted code may have a mark before it.
    let quoted = text.find('"').and_then(|at| text.get(at..));
    let separated = quoted.and_then(|quoted| Some((quoted, separator(quoted)?)));
    if let Some((quoted, separator)) = separated {
        return Some(csv_cells(quoted, separator));
    }
    if text.bytes().filter(|byte| *byte == b';').count() >= LEAST_SEMICOLONS {
        let cells = text.split(';').take(MOST_COLUMNS);
        return Some(cells.map(|cell| Cow::Borrowed(cell.trim().trim_matches('"'))).collect());
    }
    if text.matches('|').count() < LEAST_CELLS {
        return None;
    }
    let cells = text.trim_matches('|').split('|').take(MOST_COLUMNS).map(|cell| Cow::Borrowed(cell.trim()));
    Some(cells.collect()).filter(|cells: &Vec<_>| cells.len() >= LEAST_CELLS)
}

/// Source, destination, and what they say.
const LEAST_CELLS: usize = 4;

/// Those between the columns of Wireshark's own list, where the number's may be missing.
const LEAST_SEMICOLONS: usize = 5;

/// What is between the cells of CSV in quotes: a comma, or a semicolon where the locale's decimal sign is a comma.
fn separator(quoted: &str) -> Option<char> {
    [("\",\"", ','), ("\";\"", ';')]
        .into_iter()
        .find(|(seam, _)| quoted.contains(seam))
        .map(|(_, separator)| separator)
}

/// RFC 4180, 2: a cell in quotes, with quotes in it doubled.
fn csv_cells(text: &str, separator: char) -> Vec<Cow<'_, str>> {
    let mut cells = Vec::new();
    let mut rest = text;
    while let Some(quoted) = rest.strip_prefix('"')
        && cells.len() < MOST_COLUMNS
    {
        let mut end = 0;
        let mut is_doubled = false;
        // A cell that was cut ends with the line.
        while let Some(at) = quoted.get(end..).and_then(|after| after.find('"')) {
            end += at;
            if quoted.get(end + 1..).is_some_and(|after| after.starts_with('"')) {
                (end, is_doubled) = (end + 2, true);
            } else {
                break;
            }
        }
        let is_closed = quoted.get(end..).is_some_and(|after| after.starts_with('"'));
        let (cell, after) = if is_closed { quoted.split_at(end) } else { (quoted, "") };
        cells.push(if is_doubled { Cow::Owned(cell.replace("\"\"", "\"")) } else { Cow::Borrowed(cell) });
        let after = after.trim_start_matches('"');
        rest = after.trim_start().strip_prefix(separator).unwrap_or("").trim_start();
    }
    cells
}

/// Whether `text` is CSV whose last cell is not closed: a page wrapped the row within it.
pub fn is_open(text: &str) -> bool {
    let text = text.trim_end();
    separator(text).is_some() && (!text.ends_with('"') || text.ends_with(",\"") || text.ends_with(";\""))
}

impl Columns {
    /// The columns that a header names; `None` if the cells are no header.
    pub fn of_header(cells: &[Cow<'_, str>]) -> Option<Self> {
        let find = |names: &[&str]| {
            cells.iter().position(|cell| names.iter().any(|name| cell.trim().eq_ignore_ascii_case(name)))
        };
        Some(Self {
            source: find(&["Source", "Src", "Source IP", "Source address"])?,
            destination: find(&["Destination", "Dst", "Dest", "Destination IP", "Destination address"])?,
            info: find(&["Info"])?,
            number: find(&["No.", "No", "#", "Frame"]),
            time: find(&["Time", "Timestamp", "Absolute Time", "UTC"]),
            protocol: find(&["Protocol", "Proto"]),
            length: find(&["Length", "Len", "Size"]),
            source_port: find(&["Source Port", "Src Port", "sport"]),
            destination_port: find(&["Destination Port", "Dest Port", "Dst Port", "dport"]),
        })
    }

    /// The columns of a line without a header above it: Wireshark's own, found by the protocol's.
    fn usual(cells: &[Cow<'_, str>]) -> Option<Self> {
        let is_protocol = |cell: &Cow<'_, str>| layer(cell) != Layer::Other;
        let protocol = cells.iter().skip(2).position(is_protocol)? + 2;
        let info = cells.len() - 1;
        let is_length = |cell: &Cow<'_, str>| cell.parse::<u32>().is_ok();
        (info > protocol).then_some(Self {
            number: protocol.checked_sub(4),
            time: protocol.checked_sub(3),
            source: protocol - 2,
            destination: protocol - 1,
            protocol: Some(protocol),
            length: cells.get(protocol + 1).is_some_and(is_length).then_some(protocol + 1),
            info,
            source_port: None,
            destination_port: None,
        })
    }
}

/// The row in a table's line, whose columns are those of the header above it, or the usual ones where those don't fit.
pub fn row<'a>(cells: &'a [Cow<'a, str>], columns: Option<&Columns>) -> Option<Row<'a>> {
    let read = |columns: &Columns| {
        let cell = |index: Option<usize>| index.and_then(|index| cells.get(index)).map(|cell| cell.trim());
        let filled = |index: Option<usize>| cell(index).filter(|cell| !cell.is_empty());
        let row = Row {
            number: cell(columns.number).and_then(packet_number),
            time: cell(columns.time).and_then(times::split).map(|(stamp, digits, _)| (stamp, digits)),
            source: filled(Some(columns.source))?,
            destination: filled(Some(columns.destination))?,
            protocol: cell(columns.protocol).unwrap_or(""),
            length: cell(columns.length).and_then(|length| length.parse().ok()),
            info: cell(Some(columns.info))?,
            ports: filled(columns.source_port).zip(filled(columns.destination_port)),
        };
        let is_row = layer(row.protocol) != Layer::Other || Info::parse(row.info).flags.is_some();
        is_row.then_some(row)
    };
    columns.and_then(read).or_else(|| read(&Columns::usual(cells)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::capture::transcript::clock::Stamp;

    const HEADER: &str = r#""No.","Time","Source","Destination","Protocol","Length","Info""#;

    /// The row in other words, or `None`.
    fn read(header: Option<&str>, line: &str) -> Option<String> {
        let columns = header.and_then(|header| Columns::of_header(&cells(header)?));
        let cells = cells(line)?;
        let row = row(&cells, columns.as_ref())?;
        assert_eq!(row.time, Some((Stamp::Elapsed(500_000_000), 6)));
        let Row { number, source, destination, protocol, length, info, .. } = row;
        Some(format!("{number:?} {source} {destination} {protocol} {length:?} {info}"))
    }

    #[test]
    fn csv_and_markdown_are_read_with_and_without_a_header() {
        let expected = "Some(7) 192.0.2.1 198.51.100.5 TCP Some(74) 50000  >  443 [SYN] Seq=0";
        let csv = r#"	"7","0.500000","192.0.2.1","198.51.100.5","TCP","74","50000  >  443 [SYN] Seq=0""#;
        let markdown = "| 7 | 0.500000 | 192.0.2.1 | 198.51.100.5 | TCP | 74 | 50000  >  443 [SYN] Seq=0 |";
        let semicolons = csv.replace("\",\"", "\";\"").replace("0.500000", "0,500000");
        let bare = semicolons.replace('"', "");
        for line in
            [csv, markdown, markdown.trim_start_matches("| "), csv.trim_end_matches('"'), &semicolons, &bare]
        {
            assert_eq!(read(None, line).as_deref(), Some(expected), "{line}");
            assert_eq!(read(Some(HEADER), line).as_deref(), Some(expected), "{line}");
        }
    }

    #[test]
    fn columns_are_found_by_the_header() {
        let header =
            r#""Time","No.","Destination","Source","Info","Protocol","Source Port","Destination Port""#;
        let columns = Columns::of_header(&cells(header).expect("cells")).expect("a header");
        let line = r#""0.5","7","198.51.100.5","192.0.2.1","Client Hello ""x""","TLSv1.2","50000","443""#;
        let cells = cells(line).expect("cells");
        let row = row(&cells, Some(&columns)).expect("a row");
        assert_eq!(
            (row.source, row.info, row.ports),
            ("192.0.2.1", "Client Hello \"x\"", Some(("50000", "443")))
        );
        assert_eq!(row.length, None);
    }

    #[test]
    fn other_tables_are_none() {
        for line in [
            "| -- | -- | -- | -- | -- | -- | -- |",
            "| Firewall log | 2025-10-13 09:15:32 ACCEPT TCP src=192.0.2.1 | sport=51432 |",
            "|0.000000000| SYN | |Seq = 0",
            "a | grep b | sort | uniq | head | x",
            r#"{"a":"b","c":"d"}"#,
            "a; b; c; d; e; f; g",
        ] {
            assert!(cells(line).is_none_or(|cells| row(&cells, None).is_none()), "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_line_is_read(text: String) {
            let columns = cells(HEADER).and_then(|cells| Columns::of_header(&cells));
            for text in [text.clone(), format!("\"{text}\",\"{text}\"{text},\"TCP\",\"1\""), format!("| {text} | 1 | TCP | {text}")] {
                let Some(cells) = cells(&text) else { continue };
                prop_assert!(cells.len() <= MOST_COLUMNS);
                let _ = (row(&cells, columns.as_ref()), Columns::of_header(&cells));
            }
        }
    }
}
