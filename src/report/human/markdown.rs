//! Markdown for a ticket: what happened, who and when, what proves it and what to do next, with the packets in a code block.
//!
//! Text from the wire and names of files must not become markup, in GitHub's dialect with its tables included.

use std::io::{self, Write};

use super::among::among;
use super::collection::Collection;
use super::glyphs::Glyphs;
use super::judgement::{self, files};
use super::page::Page;
use super::{capture, chain, logs, overview, timeline};
use crate::analysis::{Group, GroupKey, Judged, Summary};
use crate::finding::Weight;
use crate::report::many::{CaptureResult, Many, Totals};
use crate::report::text::escape::escaped;
use crate::report::text::words::{PacketNames, count, grouped};
use crate::report::text::{clock, ends};
use crate::report::{Detail, Style};
use crate::tcp::Role;
use crate::time::Clock;

/// Columns of a code block that ticket systems show without a scroll bar.
const COLUMNS: u16 = 100;

/// Digits after the second of the time at which a connection began.
const DIGITS: u8 = 3;

/// Writes the connections that matter, the notes on the capture, and the count.
///
/// # Errors
/// When `out` can't be written.
pub fn write(
    collection: &Collection,
    summary: &Summary,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let style = &Style { columns: COLUMNS, ..style.clone() };
    let names = PacketNames::new(&summary.about.files, &collection.origins);
    let page = Page { summary: Some(summary), names: &names, digits: summary.about.digits, style };
    let mut page = Markdown { page, out };
    page.connections(collection, summary)?;
    if let Some(logs) = &summary.logs {
        let are_alone = summary.about.files.is_empty();
        page.block(|out| logs::write(logs, are_alone, out))?;
        if are_alone {
            return Ok(());
        }
    }
    page.block(|out| capture::write_notes(collection, summary, style, out))?;
    let (counts, packets) = capture::counts(summary);
    let count = page.prose(&format!("{counts}; {packets}"));
    writeln!(page.out, "{count}")
}

/// What precedes the section of one of many captures.
pub fn heading(source: &str) -> String {
    format!("## {}\n\n", prose(source))
}

/// Many captures, each in a section of its own.
pub struct Sections<W> {
    out: W,
}

impl<W: Write> Sections<W> {
    /// Without any.
    pub fn new(out: W) -> Self {
        Self { out }
    }
}

impl<W: Write + Send> Many for Sections<W> {
    fn entry(&mut self, entry: &CaptureResult) -> io::Result<()> {
        if let Some(error) = &entry.error {
            writeln!(self.out, "{}", prose(error))?;
        }
        writeln!(self.out)?;
        self.out.flush()
    }

    fn finish(mut self: Box<Self>, totals: &Totals) -> io::Result<()> {
        let (counts, packets) = capture::counts(&totals.summary);
        let unread = match totals.unread {
            0 => String::new(),
            some => format!(", {} with errors", grouped(some)),
        };
        writeln!(self.out, "# {}{unread}\n\n{counts}; {packets}", count(totals.captures, "file"))?;
        self.out.flush()
    }
}

/// What is written, and where to.
struct Markdown<'a> {
    page: Page<'a>,
    out: &'a mut dyn Write,
}

impl Markdown<'_> {
    /// Writes the connections: all, the one that was asked for, or one of each group that failed.
    fn connections(&mut self, collection: &Collection, summary: &Summary) -> io::Result<()> {
        let detail = self.page.style.detail.clone();
        if summary.connections > 1 && !matches!(detail, Detail::One(_) | Detail::Whole(_)) {
            self.overview(collection, summary)?;
        }
        match detail {
            Detail::One(id) | Detail::Whole(id)
                if collection.connections.is_empty() && summary.connections > 0 =>
            {
                writeln!(self.out, "There is no connection {id}.\n")
            }
            Detail::Examples if summary.connections > 1 => {
                for (key, group) in overview::failing(collection, summary) {
                    if let Some(judged) = collection.example(key) {
                        self.connection(judged, Some((key, group)), summary)?;
                    }
                }
                Ok(())
            }
            _ => {
                for judged in &collection.connections {
                    self.connection(judged, None, summary)?;
                }
                Ok(())
            }
        }
    }

    /// Writes how many failed, when, and in which ways.
    fn overview(&mut self, collection: &Collection, summary: &Summary) -> io::Result<()> {
        let style = self.page.style;
        let (severity, headline) = overview::headline(summary);
        let groups = collection.groups(summary);
        writeln!(self.out, "**{}** ({severity})\n", self.prose(&headline))?;
        self.table(&[
            ("Connections", self.prose(&overview::who(summary, &groups))),
            ("Time", self.prose(&overview::span(summary, style))),
            ("File", self.prose(&files(summary))),
        ])?;
        let rows = overview::table(summary, &groups, style);
        let Some(header) = rows.first() else { return Ok(()) };
        let rule = vec!["---"; header.len()];
        for (index, row) in rows.iter().enumerate() {
            let cells: Vec<_> = row.iter().map(|cell| self.prose(cell)).collect();
            writeln!(self.out, "| {} |", cells.join(" | "))?;
            if index == 0 {
                writeln!(self.out, "| {} |", rule.join(" | "))?;
            }
        }
        writeln!(self.out)?;
        match overview::left_out(summary, &groups) {
            Some(text) => writeln!(self.out, "{text}\n"),
            None => Ok(()),
        }
    }

    /// Writes a connection.
    fn connection(
        &mut self,
        judged: &Judged,
        group: Option<(&GroupKey, &Group)>,
        summary: &Summary,
    ) -> io::Result<()> {
        let Page { names, style, .. } = self.page;
        // What the neighbours show may exclude what the explanation of one connection supposes.
        let (judged, others) = among(judged, group, Some(summary), style);
        let judged = judged.as_ref();
        let Judged { story, verdict, .. } = judged;
        let fault = judgement::fault(story, verdict);
        let fault = fault.map(|fault| format!(", fault: {fault}")).unwrap_or_default();
        let number = match group {
            Some((_, group)) if group.count > 1 => format!(" ×{}, #{}", grouped(group.count), story.id),
            _ if summary.connections > 1 => format!(" (#{})", story.id),
            _ => String::new(),
        };
        let title = self.prose(&format!("{}{number}", judgement::title(verdict)));
        let rest = self.prose(&format!("({}{fault}): {}", verdict.severity, verdict.headline));
        writeln!(self.out, "**{title}** {rest}\n")?;
        if let Some(line) = judgement::translation(&judgement::line_name(verdict), style) {
            writeln!(self.out, "{line}\n")?;
        }
        let version = story.tls.version().map(|version| format!(", {version}")).unwrap_or_default();
        let (client, server) = (ends::end(story, Role::Client), ends::end(story, Role::Server));
        let list = names.list(&verdict.evidence);
        let evidence = format!("{}, {list} ({})", files(summary), judgement::basis(judged, Some(summary)));
        let evidence = if verdict.evidence.is_empty() { files(summary) } else { evidence };
        let filter = judgement::short_filter(story).map(|filter| format!(" ({})", self.code(&filter)));
        let reports: Vec<_> = verdict.client_reports.iter().map(|report| self.code(report)).collect();
        let advice: Vec<_> = judgement::advice(story, verdict, style)
            .enumerate()
            .map(|(index, text)| format!("{}. {}", index + 1, self.prose(&text)))
            .collect();
        let findings = judgement::findings(judged, style).into_iter();
        let warnings = findings.filter(|finding| finding.severity == Weight::Warning);
        let warnings: Vec<_> = warnings.map(|finding| self.prose(&finding.text)).collect();
        self.table(&[
            ("Connection", self.prose(&format!("{client} → {server}{version}"))),
            ("Time", self.prose(&time(judged, style))),
            ("Why", self.prose(&verdict.explanation)),
            ("Others", self.prose(&others.unwrap_or_default())),
            ("Evidence", self.prose(&evidence) + &filter.unwrap_or_default()),
            ("Client log", reports.join("<br>")),
            ("Next", advice.join("<br>")),
            ("Also", warnings.join("<br>")),
        ])?;
        let page = self.page;
        self.block(|out| {
            timeline::write_packets(judged, page, out)?;
            chain::write(judged, names, style, out)
        })
    }

    /// Writes a table of labels with what belongs to them; rows without that are left out.
    fn table(&mut self, rows: &[(&str, String)]) -> io::Result<()> {
        writeln!(self.out, "| | |\n| --- | --- |")?;
        for (label, text) in rows.iter().filter(|(_, text)| !text.is_empty()) {
            writeln!(self.out, "| {label} | {text} |")?;
        }
        writeln!(self.out)
    }

    /// Writes text for a terminal as a code block, if there is any.
    fn block(&mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let mut text = Vec::new();
        write(&mut text)?;
        let text = String::from_utf8_lossy(&text);
        let text = anstream::adapter::strip_str(&text).to_string();
        let text = text.trim_end();
        if text.is_empty() {
            return Ok(());
        }
        let longest = text.split(|character| character != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat(longest.max(2) + 1);
        writeln!(self.out, "{fence}\n{text}\n{fence}\n")
    }

    /// Text in which nothing is markup except code that is marked by single backticks.
    fn prose(&self, text: &str) -> String {
        prose(&Glyphs::of(self.page.style).text(text))
    }

    /// Text as code.
    fn code(&self, text: &str) -> String {
        code(&Glyphs::of(self.page.style).text(text))
    }
}

/// When it began, and how long it took.
fn time(judged: &Judged, style: &Style) -> String {
    let story = &judged.story;
    let elapsed = story.last.at - story.first.at;
    let (at, clock) = (story.first.at, story.capture.clock);
    let Some(text) = clock::date_and_time(at, clock, DIGITS, &style.zone) else { return elapsed.to_string() };
    let zone =
        if clock == Clock::Utc { format!(" {}", clock::zone_name(at, &style.zone)) } else { String::new() };
    format!("{text}{zone}, {elapsed}")
}

/// Text in which nothing is markup except code between single backticks, whose pairs are found as Markdown finds them
/// (CommonMark 0.31, 6.1).
fn prose(text: &str) -> String {
    let text = escaped(&text.replace('\n', " "));
    let mut safe = String::with_capacity(text.len() + 16);
    let mut rest = text.as_str();
    let (mut before, mut is_quoted) = (' ', false);
    while let Some(character) = rest.chars().next() {
        // In quotes is what somebody else wrote, whose quotes are escaped.
        is_quoted ^= character == '"' && before != '\\';
        if character == '`' {
            let run = ticks(rest);
            match closed(rest).filter(|_| run == 1 && !is_quoted) {
                Some(content) if is_code(content) => {
                    safe.push_str(&code(content));
                    rest = &rest[content.len() + 2..];
                }
                _ => {
                    safe.push_str(&"\\`".repeat(run));
                    rest = &rest[run..];
                }
            }
            before = '`';
            continue;
        }
        rest = &rest[character.len_utf8()..];
        match character {
            // A word's own: `unknown_ca`.
            '_' if before.is_alphanumeric() && rest.starts_with(char::is_alphanumeric) => safe.push('_'),
            '\\' | '*' | '_' | '[' | ']' | '~' | '|' | '$' => safe.extend(['\\', character]),
            // GitHub makes links of addresses.
            ':' if rest.starts_with("//") => safe.push_str("\\:"),
            '.' if ends_with_www(&safe) => safe.push_str("\\."),
            '<' => safe.push_str("&lt;"),
            '&' => safe.push_str("&amp;"),
            _ => safe.push(character),
        }
        before = character;
    }
    safe
}

fn ends_with_www(text: &str) -> bool {
    let last = text.len().checked_sub(3).and_then(|at| text.get(at..));
    last.is_some_and(|last| last.eq_ignore_ascii_case("www"))
}

/// How many backticks a text begins with.
fn ticks(text: &str) -> usize {
    text.len() - text.trim_start_matches('`').len()
}

/// What is between the backtick that a text begins with and the next that is alone.
fn closed(text: &str) -> Option<&str> {
    let content = text.get(1..)?;
    let mut at = 0;
    while let Some(found) = content.get(at..)?.find('`') {
        let run = ticks(content.get(at + found..)?);
        if run == 1 {
            return content.get(..at + found);
        }
        at += found + run;
    }
    None
}

/// Whether a text can be the content of a code span in a table, where `\|` is a bar of the content.
fn is_code(text: &str) -> bool {
    !text.trim().is_empty() && !text.contains("\\|")
}

/// Text as code: between backticks where it can be.
fn code(text: &str) -> String {
    let text = escaped(&text.replace('\n', " "));
    if text.contains('`') || !is_code(&text) {
        prose(&text)
    } else {
        format!("`{}`", text.replace('|', "\\|"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_the_wire_is_markup() {
        for (text, safe) in [
            ("*x* | <img> [l](u)", "\\*x\\* \\| &lt;img> \\[l\\](u)"),
            ("unknown_ca, _x_ ~y~ $z$", "unknown_ca, \\_x\\_ \\~y\\~ \\$z\\$"),
            ("&lt; \\", "&amp;lt; \\\\"),
            ("http://a.example www.a.example", "http\\://a.example www\\.a.example"),
            ("one\ntwo\u{202e}", "one two\\\\u{202e}"),
        ] {
            assert_eq!(prose(text), safe);
        }
    }

    #[test]
    fn code_is_what_markdown_takes_for_code() {
        for (text, safe) in [
            ("run `a | b <c>`, then", "run `a \\| b <c>`, then"),
            ("one ` alone", "one \\` alone"),
            // Three backticks and one are no pair.
            ("``` <img> `", "\\`\\`\\` &lt;img> \\`"),
            // A bar after a backslash would end the cell, and the code with it.
            ("`a\\| <img>`", "\\`a\\\\\\| &lt;img>\\`"),
            ("\\`<img>`", "\\\\`<img>`"),
        ] {
            assert_eq!(prose(text), safe);
        }
        assert_eq!(code("a `b` | <c>"), "a `b` \\| &lt;c>");
        assert_eq!(code("a | b"), "`a \\| b`");
        assert_eq!(code(" "), " ");
    }
}
