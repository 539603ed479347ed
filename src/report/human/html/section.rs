//! One connection: what happened, its ladder, and what follows from it.

use std::borrow::Cow;
use std::io;

use askama::Template;

use super::lookup;
use super::packets::{Lane, Rung, Rungs};
use super::transfer::{Room, Transfer};
use super::verdict::{class, translation};
use crate::analysis::{Group, GroupKey, Judged, Summary, Unanswered};
use crate::finding::{Finding, Weight};
use crate::report::human::among::among;
use crate::report::human::page::Page;
use crate::report::human::{chain, judgement, lookup as lookup_words};
use crate::report::text::words::{PacketNames, grouped};
use crate::report::text::{clock, ends, lookups};
use crate::tcp::Role;
use crate::time::Clock;
use crate::verdict::Severity;

/// Packets of a finding that are named.
const PACKETS: usize = 4;

/// A connection's part of the page.
#[derive(Template)]
#[template(path = "section.html", config = "src/report/human/html/askama.toml")]
pub(super) struct Section<'a> {
    id: u64,
    /// Whether it is the only one, whose verdict is at the top of the page.
    is_alone: bool,
    class: &'static str,
    word: &'static str,
    title: String,
    /// How many there are of its kind, or which one it is.
    times: String,
    headline: &'a str,
    translation: Option<(&'static str, &'static str)>,
    client: String,
    server: String,
    /// What the far end is.
    far_end: &'static str,
    version: String,
    time: String,
    zone: String,
    device: Option<String>,
    /// Whether no packets were captured: what a check's socket saw is shown step by step.
    is_of_steps: bool,
    rows: Vec<Rung>,
    key: Option<String>,
    transfer: Option<Transfer>,
    fault: Option<String>,
    why: Cow<'a, str>,
    others: Option<String>,
    noun: &'static str,
    evidence: Vec<Proof>,
    basis: String,
    client_log: &'a [Cow<'static, str>],
    next: Vec<Cow<'static, str>>,
    chain: Vec<(&'static str, String)>,
    findings: Vec<Also<'a>>,
    filter: Option<String>,
    code: &'static str,
    certificate: Vec<Line>,
}

/// A packet of the evidence.
struct Proof {
    number: u64,
    label: String,
    /// Whether a row shows it.
    is_shown: bool,
}

/// A finding.
struct Also<'a> {
    is_warning: bool,
    text: &'a str,
    packets: String,
}

/// A line about a certificate.
struct Line {
    label: &'static str,
    value: String,
    judgement: &'static str,
    why: String,
    is_bad: bool,
}

impl<'a> Also<'a> {
    fn of(finding: &'a Finding, names: &PacketNames<'_>) -> Self {
        let packets: Vec<_> = finding.evidence.iter().take(PACKETS).map(|number| names.of(*number)).collect();
        let more = if finding.evidence.len() > PACKETS { ", …" } else { "" };
        Self {
            is_warning: finding.severity == Weight::Warning,
            text: &finding.text,
            packets: format!("{}{more}", packets.join(", ")),
        }
    }
}

impl Line {
    fn of(line: chain::Line) -> Self {
        Self {
            label: line.label.trim_start(),
            value: line.value,
            judgement: line.judgement,
            why: line.why,
            is_bad: line.is_bad,
        }
    }
}

/// Connections that a page shows in full, each with its group where it represents one.
pub(super) type Shown<'c> = (&'c Judged, Option<(&'c GroupKey, &'c Group)>);

/// The parts of these connections, and how many of them there is room for in `most` bytes. The first one always has room.
pub(super) fn of_all(shown: &[Shown<'_>], page: Page<'_>, most: usize) -> io::Result<(Vec<u8>, usize)> {
    let mut room = Room::default();
    let mut parts = Vec::new();
    for (index, (judged, group)) in shown.iter().enumerate() {
        let before = parts.len();
        let (judged, others) = among(judged, *group, page.summary, page.style);
        let section = Section::of(&judged, *group, others, page, &mut room);
        section.write_into(&mut parts).map_err(io::Error::other)?;
        if index > 0 && parts.len() > most {
            parts.truncate(before);
            return Ok((parts, index));
        }
    }
    Ok((parts, shown.len()))
}

impl<'a> Section<'a> {
    /// Creates the section of a connection or of its group, with what its neighbours add. `room` limits further pictures.
    pub(super) fn of(
        judged: &'a Judged,
        group: Option<(&GroupKey, &Group)>,
        others: Option<String>,
        page: Page<'_>,
        room: &mut Room,
    ) -> Self {
        let Judged { story, verdict, .. } = judged;
        let Page { summary, names, style, .. } = page;
        let Rungs { rows, device, key } = Rungs::of(judged, page);
        let times = match group {
            Some((_, group)) if group.count > 1 => format!(" ×{}, #{}", grouped(group.count), story.id),
            _ if summary.is_some_and(|summary| summary.connections > 1) => format!(" (#{})", story.id),
            _ => String::new(),
        };
        let next = judgement::advice(story, verdict, style).collect();
        let is_shown = |number: &u64| rows.iter().any(|row| row.anchors.contains(number));
        let proof =
            |number: &u64| Proof { number: *number, label: names.of(*number), is_shown: is_shown(number) };
        let evidence: Vec<_> = verdict.evidence.iter().map(proof).collect();
        let clock = story.capture.clock;
        let elapsed = story.last.at - story.first.at;
        let when = judgement::when(story.first.at, clock, style);
        let missing = chain::missing(story).map(|text| ("Chain", text));
        let client = chain::client(story, names).map(|text| ("Client", text));
        let examination = story.tls.examination.as_deref();
        let lines = examination.map(chain::lines).unwrap_or_default().into_iter().map(Line::of);
        Self {
            id: story.id,
            is_alone: summary.is_some_and(|summary| summary.connections == 1),
            class: class(verdict.severity),
            word: judgement::word(verdict.severity),
            title: judgement::title(verdict),
            times,
            headline: &verdict.headline,
            translation: translation(&judgement::line_name(verdict), style),
            client: ends::end(story, Role::Client),
            server: ends::end(story, Role::Server),
            far_end: "server",
            version: story.tls.version().map(|version| format!(", {version}")).unwrap_or_default(),
            time: if when.is_empty() { elapsed.to_string() } else { format!("{when}, {elapsed}") },
            zone: match clock {
                Clock::Utc => format!("Time ({})", clock::zone_name(story.first.at, &style.zone)),
                Clock::Absent => String::new(),
                _ => "Time".to_owned(),
            },
            device,
            is_of_steps: false,
            rows,
            key,
            transfer: Transfer::of(judged, page, room),
            fault: judgement::fault(story, verdict),
            why: Cow::Borrowed(&*verdict.explanation),
            others,
            noun: names.noun(evidence.len()),
            evidence,
            basis: judgement::basis(judged, summary),
            client_log: &verdict.client_reports,
            next,
            chain: missing.into_iter().chain(client).collect(),
            findings: judgement::findings(judged, style)
                .into_iter()
                .map(|finding| Also::of(finding, names))
                .collect(),
            filter: judgement::short_filter(story),
            code: verdict.code.name(),
            certificate: lines.collect(),
        }
    }

    /// The same of a check's connection of which no packets were captured: none is drawn, and its steps prove what it says.
    pub(super) fn of_steps(judged: &'a Judged, page: Page<'_>) -> Self {
        // No room: nobody captured the bytes that a picture would show.
        let section = Self::of(judged, None, None, page, &mut Room::none());
        let evidence = section.evidence.into_iter().map(|proof| Proof { is_shown: true, ..proof });
        Self {
            is_of_steps: true,
            evidence: evidence.collect(),
            rows: Vec::new(),
            key: None,
            transfer: None,
            device: None,
            ..section
        }
    }

    /// Creates the section of a question that got no usable answer, the one fault of a capture without connections.
    pub(super) fn of_lookup(found: &'a Unanswered, page: Page<'_>, summary: &'a Summary) -> Self {
        let Page { names, style, .. } = page;
        let said = lookups::of(found, &summary.names);
        let (server, far_end) = lookup_words::far_end(found, summary);
        let clock = summary.about.clock;
        let evidence: Vec<_> = found
            .evidence
            .iter()
            .map(|number| Proof { number: *number, label: names.of(*number), is_shown: true })
            .collect();
        let further = lookup_words::further(summary).into_iter();
        Self {
            id: 0,
            is_alone: true,
            class: class(Severity::Critical),
            word: judgement::word(Severity::Critical),
            title: found.fault.name().to_owned(),
            times: String::new(),
            headline: "",
            translation: None,
            client: lookup_words::client(found, summary),
            server,
            far_end,
            version: String::new(),
            time: judgement::when(found.first.at, clock, style),
            zone: "Time".to_owned(),
            device: None,
            is_of_steps: false,
            rows: lookup::rungs(found, summary, style),
            key: None,
            transfer: None,
            fault: None,
            why: Cow::Owned(said.explanation()),
            others: None,
            noun: names.noun(evidence.len()),
            evidence,
            basis: "decoded".to_owned(),
            client_log: &[],
            next: said.advice().iter().map(|advice| Cow::Borrowed(*advice)).collect(),
            chain: further.map(|text| ("Also", text)).collect(),
            findings: Vec::new(),
            filter: None,
            code: found.fault.name(),
            certificate: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Origins, Style};
    use crate::story::script::talk::exchange;

    #[test]
    fn connections_are_shown_in_full_as_far_as_there_is_room_and_the_first_one_always_is() {
        let story = exchange().story(0);
        let verdict = story.verdict();
        let judged = Judged { story, verdict, findings: Vec::new() };
        let style = Style { columns: 100, ..crate::report::tests::style(true) };
        let origins = Origins::default();
        let names = PacketNames::of_steps(&origins);
        let page = Page { summary: None, names: &names, digits: 6, style: &style };
        let shown = [(&judged, None); 3];
        let all = of_all(&shown, page, usize::MAX).unwrap();
        assert_eq!(all.1, 3);
        let one = all.0.len() / 3;
        for (most, expected) in [(2 * one, 2), (3 * one - 1, 2), (0, 1)] {
            let (parts, some) = of_all(&shown, page, most).unwrap();
            assert_eq!((parts.len(), some), (expected * one, expected), "{most}");
        }
    }
}
