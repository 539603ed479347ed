//! The table of all connections; where there are too many, of servers and verdicts.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::verdict;
use crate::analysis::{Judged, Summary};
use crate::limits;
use crate::report::human::{judgement, table};
use crate::report::text::ends;
use crate::report::text::escape::escaped;
use crate::report::text::words::grouped;
use crate::report::{Sort, Style};
use crate::time::{Clock, Timestamp};
use crate::verdict::{RULES, Severity};

/// The place of the verdict among a connection's cells, and among those of a server.
const VERDICT: usize = 4;
const SERVER_VERDICT: usize = 1;

/// The lines of connections, up to [`limits::TABLE_ROWS`].
#[derive(Clone, Default)]
pub(super) struct Listing {
    rows: Vec<Line>,
    /// Connections that have no line.
    further: u64,
}

#[derive(Clone)]
struct Line {
    severity: Severity,
    id: u64,
    at: Timestamp,
    clock: Clock,
    /// Its cells, between tabs, which escaped text does not contain. That of its beginning is empty.
    cells: String,
}

impl Line {
    /// Its cells with its beginning, as it is to be shown among those of this span.
    fn cells(&self, span: table::Span, style: &Style) -> String {
        let start = table::start(self.at, span, self.clock, style);
        let cells = self.cells.split('\t').enumerate();
        let cells = cells.map(|(index, cell)| if index == table::START { &start } else { cell });
        cells.collect::<Vec<_>>().join("\t")
    }
}

/// What the page's table shows.
pub(super) struct Table {
    pub(super) title: String,
    pub(super) note: Option<String>,
    pub(super) head: Vec<&'static str>,
    /// Whether each connection has a line: some of their columns are numbers.
    pub(super) is_each: bool,
    /// The place of the verdict among the cells.
    pub(super) verdict: usize,
    pub(super) rows: Vec<Row>,
}

/// A line of the table.
pub(super) struct Row {
    pub(super) class: &'static str,
    pub(super) word: &'static str,
    /// Its cells, between tabs.
    cells: String,
    /// Whether the connection is shown in full.
    pub(super) is_shown: bool,
    verdict: usize,
}

impl Row {
    pub(super) fn cells(&self) -> impl Iterator<Item = &str> {
        self.cells.split('\t')
    }

    /// The verdict after its word.
    pub(super) fn rest(&self) -> &str {
        let cell = self.cells().nth(self.verdict);
        cell.and_then(|cell| cell.strip_prefix(self.word)).unwrap_or_default()
    }
}

impl Listing {
    /// Takes in a connection.
    pub(super) fn add(&mut self, judged: &Judged) {
        if self.rows.len() >= limits::TABLE_ROWS {
            self.further += 1;
            return;
        }
        let (severity, id) = (judged.verdict.severity, judged.story.id);
        let (at, clock) = (judged.story.first.at, judged.story.capture.clock);
        self.rows.push(Line { severity, id, at, clock, cells: table::cells(judged).join("\t") });
    }

    /// One line about a connection of the table: its start, its ends and its verdict.
    pub(super) fn words(&self, id: u64, style: &Style) -> Option<String> {
        let line = self.rows.iter().find(|line| line.id == id)?;
        let cells = line.cells(self.span(), style);
        let cells: Vec<_> = cells.split('\t').collect();
        let [_, start, client, server, verdict, ..] = cells.as_slice() else { return None };
        Some(format!("#{id}, {start}, {client} → {server}: {verdict}"))
    }

    fn span(&self) -> table::Span {
        table::span(self.rows.iter().map(|line| line.at))
    }

    /// The table, the connections in `ids` with links to where they are shown.
    pub(super) fn table(self, summary: &Summary, ids: &BTreeSet<u64>, style: &Style) -> Table {
        if self.further > 0 {
            return by_server(summary);
        }
        let span = self.span();
        let mut lines = self.rows;
        match style.sort {
            Sort::Worst => lines.sort_unstable_by_key(|line| (Reverse(line.severity.urgency()), line.id)),
            Sort::Start => lines.sort_unstable_by_key(|line| line.id),
        }
        let rows = lines.into_iter().map(|line| Row {
            class: verdict::class(line.severity),
            word: judgement::word(line.severity),
            is_shown: ids.contains(&line.id),
            cells: line.cells(span, style),
            verdict: VERDICT,
        });
        Table {
            title: "Connections".to_owned(),
            note: None,
            head: table::HEADER.to_vec(),
            is_each: true,
            verdict: VERDICT,
            rows: rows.collect(),
        }
    }
}

/// Servers and verdicts, the worst first.
fn by_server(summary: &Summary) -> Table {
    let mut lines = Vec::new();
    for ((host, port), server) in &summary.servers {
        for (code, count) in &server.codes {
            let rule = RULES.iter().find(|rule| rule.code == *code);
            let severity = rule.map_or(Severity::Unknown, |rule| rule.severity);
            lines.push((severity, *count, ends::socket(&summary.names, *host, *port), *code));
        }
    }
    lines.sort_by_key(|(severity, count, ..)| (Reverse(severity.urgency()), Reverse(*count)));
    let all = lines.len();
    let rows = lines.into_iter().take(limits::TABLE_ROWS).map(|(severity, count, server, code)| {
        let word = judgement::word(severity);
        Row {
            class: verdict::class(severity),
            word,
            cells: [server, format!("{word} {}", escaped(&code.to_string())), grouped(count)].join("\t"),
            is_shown: false,
            verdict: SERVER_VERDICT,
        }
    });
    let rows: Vec<_> = rows.collect();
    let left = if all > rows.len() {
        format!(", the worst {} of {}", grouped(rows.len() as u64), grouped(all as u64))
    } else {
        String::new()
    };
    Table {
        title: "Connections by server and verdict".to_owned(),
        note: Some(format!(
            "More than {} connections: counted by server and verdict{left}. -o json lists every one.",
            grouped(limits::TABLE_ROWS as u64)
        )),
        head: vec!["Server", "Verdict", "Connections"],
        is_each: false,
        verdict: SERVER_VERDICT,
        rows,
    }
}
