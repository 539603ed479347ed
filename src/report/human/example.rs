//! A failure of a kind, as far as it takes to recognise it.

use std::borrow::Cow;
use std::io::{self, Write};

use super::judgement::{self, write_headline, write_why};
use super::ladder::Ladder;
use super::page::Page;
use super::prose::{LABEL, prose, write_next};
use super::row::{Arrow, Kind, Row};
use super::rows::rows;
use super::{before, overview};
use crate::analysis::{Group, GroupKey, Judged, Summary};
use crate::report::Style;
use crate::report::text::ends;
use crate::report::text::neighbours::{self, Conclusion, Stance};
use crate::report::text::words::{grouped, wrapped};
use crate::tcp::Role;

/// Rows that are shown.
const ROWS: usize = 4;

/// Pieces of advice.
const ADVICE: usize = 1;

/// Lines that prose takes at most where it can be cut after a sentence, on a terminal of fewer than [`WIDE`] columns.
const LINES: usize = 2;
const WIDE: usize = 100;

/// Writes it.
pub(super) fn write(
    judged: &Judged,
    (key, group): (&GroupKey, &Group),
    summary: &Summary,
    page: Page<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let Judged { story, verdict, .. } = judged;
    let style = page.style;
    let times = if group.count > 1 { format!(" ×{}", grouped(group.count)) } else { String::new() };
    let others = overview::neighbours(summary, key, group, style);
    let headline = neighbours::headline(others.as_ref(), &verdict.headline);
    let text = format!("{}{times}: {headline}", key.title());
    write_headline(verdict.severity, without_remark(&text, style), style, out)?;
    judgement::write_translation(&judgement::line_name(verdict), style, out)?;
    write_rows(judged, page, out)?;
    let explanation = neighbours::explanation(others.as_ref(), &verdict.explanation);
    let why = first_sentences(&explanation, SHORT);
    let mut advice = neighbours::advice(others.as_ref(), judgement::advice(story, verdict, style));
    advice.truncate(ADVICE);
    let why = match others {
        Some(Conclusion { text, stance: Stance::Adds, .. }) => {
            Cow::Owned(format!("{why} {text}").trim_start().to_owned())
        }
        Some(Conclusion { text, stance: Stance::Shortens | Stance::Replaces, .. }) => Cow::Owned(text),
        None => why,
    };
    if prose(style) >= WIDE {
        write_why(&why, style, out)?;
        return write_next(&advice, style, out);
    }
    write_why(brief(&why, prose(style) - LABEL), style, out)?;
    let room = prose(style) - LABEL - 3;
    let advice: Vec<_> = advice.iter().map(|advice| Cow::Owned(brief(advice, room).to_owned())).collect();
    write_next(&advice, style, out)
}

fn write_rows(judged: &Judged, page: Page<'_>, out: &mut dyn Write) -> io::Result<()> {
    let Judged { story, verdict, .. } = judged;
    let items = story.timeline.items(usize::MAX);
    let mut rows = rows(story, verdict, &items, page.names, true, false);
    shorten(&mut rows);
    let ladder = |rows: &[Row]| {
        let number = rows.iter().map(|row| row.label.chars().count()).max().unwrap_or(0);
        Ladder::new(page.style, story.capture.clock, page.digits, number)
    };
    let room = ladder(&rows).room_for_meaning();
    let is_wide = |text: &str| text.chars().count() > room;
    if let Some(first) = rows.iter_mut().find(|row| row.at.is_some()) {
        let whose = format!("{}, #{}", ends::end(story, Role::Client), story.id);
        let text = with_client(first, &whose);
        // An address that no line has room for would be broken.
        let text = if is_wide(&text) { with_number(first, story.id) } else { text };
        let is_other_s = is_other_s(first);
        match first.text.first_mut().filter(|text| !text.is_empty()) {
            Some(_) if is_other_s => first.text.push(text),
            Some(own) => *own = text,
            None => first.text = vec![text],
        }
    }
    for row in rows.iter_mut().filter(|row| !row.is_fault && prose(page.style) < WIDE) {
        let is_broken = row.text.len() > 1 || row.text.iter().any(|text| is_wide(text));
        if is_broken && !matches!(row.arrow, Arrow::Other(_)) {
            let short: Vec<_> = row.text.iter().map(|text| without_details(text)).collect();
            let joined = short.join(", ");
            row.text = if is_wide(&joined) { vec![short[0].to_owned()] } else { vec![joined] };
        }
    }
    before::add(&mut rows, story, verdict, page.summary, page.names);
    let mut ladder = ladder(&rows);
    rows.iter().try_for_each(|row| ladder.write(row, out))
}

/// What a row means, with whose connection it is of.
fn with_client(row: &Row, whose: &str) -> String {
    match row.text.first().filter(|text| !text.is_empty()) {
        Some(_) if is_other_s(row) => format!("to {whose}"),
        Some(text) => {
            let short = without_details(text);
            let short = short.split(", ").next().unwrap_or(short);
            // A number before "of" would be one of several.
            let is_numbered = short.ends_with(|letter: char| letter.is_ascii_digit());
            if is_numbered { format!("{short}; client {whose}") } else { format!("{short} of {whose}") }
        }
        None => format!("of {whose}"),
    }
}

/// What a row means, with the number of its connection.
fn with_number(row: &Row, id: u64) -> String {
    match row.text.first().filter(|text| !text.is_empty()) {
        Some(text) if !is_other_s(row) => format!("{}, #{id}", without_details(text)),
        _ => format!("#{id}"),
    }
}

/// Whether a row is of a packet that the client did not send, so that its connection is named after what it means.
fn is_other_s(row: &Row) -> bool {
    matches!(row.arrow, Arrow::From(Role::Server, _) | Arrow::Other(_))
}

/// A meaning without what follows its colon. A colon within a word is an address's.
fn without_details(text: &str) -> &str {
    text.split(": ").next().unwrap_or(text)
}

/// A headline without the remark in brackets at its end, where it takes fewer lines so.
fn without_remark<'t>(text: &'t str, style: &Style) -> &'t str {
    let lines = |text: &str| wrapped(text, prose(style).saturating_sub(10)).len();
    let short = text.strip_suffix(')').and_then(|text| text.rsplit_once(" (")).map(|(short, _)| short);
    short.filter(|short| prose(style) < WIDE && lines(short) < lines(text)).unwrap_or(text)
}

/// The rows around the fault, or the last ones. What precedes the first data goes without saying, and so does what a side sends after the
/// first packet of its flight.
fn shorten(rows: &mut Vec<Row>) {
    let fault = rows.iter().position(|row| row.is_fault);
    let last = fault.map_or(rows.len(), |fault| fault + 1);
    rows.truncate(last);
    let opening = rows.iter().take_while(|row| row.kind == Kind::Opening).count();
    if rows[opening..].iter().any(|row| row.at.is_some()) {
        rows.drain(..opening);
    }
    let side = |row: &Row| match row.arrow {
        Arrow::From(role, _) if !row.is_fault && row.kind != Kind::Repeat => Some(role),
        _ => None,
    };
    rows.dedup_by(|later, row| side(row).is_some() && side(later) == side(row));
    if rows.len() > ROWS {
        rows.drain(..rows.len() - ROWS);
    }
}

/// Bytes of prose that are short.
const SHORT: usize = 200;

/// As many of a text's first sentences as are short together, one at least.
fn first_sentences(text: &str, short: usize) -> Cow<'_, str> {
    if text.len() <= short {
        return Cow::Borrowed(text);
    }
    let mut end = 0;
    for (at, _) in text.match_indices(". ") {
        if end > 0 && at > short {
            break;
        }
        end = at + 1;
    }
    if end == 0 { Cow::Borrowed(text) } else { Cow::Borrowed(&text[..end]) }
}

/// As many of a text's first sentences as [`LINES`] lines of this width have room for, one at least.
fn brief(text: &str, width: usize) -> &str {
    let fits = |text: &str| wrapped(text, width).len() <= LINES;
    let ends = text.match_indices(". ").map(|(at, _)| at + 1).chain([text.len()]);
    let mut brief = None;
    for end in ends {
        let part = &text[..end];
        if brief.is_some() && !fits(part) {
            break;
        }
        brief = Some(part);
    }
    brief.unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_cut_after_a_sentence() {
        let text = "One of it. Two of it. Three.";
        for (short, cut) in
            [(100, text), (22, "One of it. Two of it."), (12, "One of it."), (3, "One of it.")]
        {
            assert_eq!(first_sentences(text, short), cut, "{short}");
        }
        assert_eq!(first_sentences("no end of it", 3), "no end of it");
        for (width, cut) in [(40, text), (11, "One of it. Two of it."), (5, "One of it."), (9, "One of it.")]
        {
            assert_eq!(brief(text, width), cut, "{width}");
        }
    }
}
