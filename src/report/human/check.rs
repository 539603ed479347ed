//! An active check for people: the answer first, with the times of its parts and the certificate; of a failure also why and what to
//! do next; with `-v` all steps and connections.

use std::io::{self, Write};

use super::grid::{self, grid};
use super::judgement;
use super::logs::{self, Rows};
use super::notes::Notes;
use super::packet::{printer, write_note};
use super::page::Page;
use super::timeline::{write_answered, write_connection};
use crate::analysis::{Judged, LogSummary, Redaction};
use crate::cert::Details;
use crate::finding::Weight;
use crate::probe::token::Token;
use crate::probe::{self, CheckOutcome, Conclusion, Expiry, Phase, Step};
use crate::report::text::clock;
use crate::report::text::ends;
use crate::report::text::escape::escaped;
use crate::report::text::words::{self, BOLD, DIM, PROSE_COLUMNS, PacketNames, style_of, wrapped};
use crate::report::{CheckResult, End, Origins, Style};
use crate::story::Item;
use crate::time::{Clock, Elapsed};
use crate::verdict::{Actor, Severity};

/// Digits after the second of the time at which a check began.
const DIGITS: u8 = 3;

/// The same of packets, as tcpdump prints them.
const PACKET_DIGITS: u8 = 6;

/// A run of more steps that only bring bytes than this is folded.
const LONGEST_RUN: usize = 4;

/// Columns of the labels.
const LABEL_COLUMNS: usize = 11;

/// Columns of the lines below the answer.
const COLUMNS: usize = 100;

/// Columns of a step's number and of its time.
const NUMBER: usize = 3;
const TIME: usize = 10;

/// Writes the steps, what follows from them, and the verdicts.
///
/// # Errors
/// When `out` can't be written.
pub fn write(end: &End<'_>, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let Some(check) = end.check else { return Ok(()) };
    let with_packets = write_attempt(check, style, out)?;
    if let Some(logs) = &end.summary.logs {
        let has_rows = |index: &usize| !with_packets.contains(index);
        write_logs(logs, check.outcome, has_rows, style, out)?;
    }
    if end.summary.is_redacted {
        writeln!(out)?;
        for line in wrapped(Redaction::SENTENCE, COLUMNS) {
            writeln!(out, "{DIM}{line}{DIM:#}")?;
        }
    }
    Ok(())
}

/// Writes the outcome, and returns the places of the connections whose packets are in it.
fn write_attempt(check: CheckResult<'_>, style: &Style, out: &mut dyn Write) -> io::Result<Vec<usize>> {
    let CheckResult { outcome, verbosity } = check;
    let origins = Origins::default();
    let names = match &outcome.captured {
        Some(captured) => PacketNames::new(&captured.about().files, &origins),
        None => PacketNames::of_steps(&origins),
    };
    let conclusion = outcome.conclusion();
    write_answer(&conclusion, outcome, style, out)?;
    let is_detailed = verbosity > 0;
    if is_detailed {
        if let Some(own) = own_certificate(outcome) {
            write_labelled("Pin", &own.pin.to_string(), out)?;
        }
        write_steps(outcome, &names, out)?;
    } else if !conclusion.is_well() {
        write_last_step(&conclusion, outcome, out)?;
    }
    let mut with_packets = Vec::new();
    if conclusion.is_well() && !is_detailed {
        return Ok(with_packets);
    }
    writeln!(out)?;
    if conclusion.connection.is_none() {
        write_conclusion(&conclusion, outcome, out)?;
    }
    // The connection that decided comes first; the others are worth their place only where all is asked for.
    let decisive = conclusion.connection.unwrap_or(0);
    let order =
        std::iter::once(decisive).chain((0..outcome.connections.len()).filter(|index| *index != decisive));
    let shown = if is_detailed { usize::MAX } else { usize::from(conclusion.connection.is_some()) };
    for index in order.take(shown) {
        let Some(judged) = outcome.connections.get(index) else { continue };
        if outcome.captured.is_some() {
            with_packets.push(index);
            let page = Page { summary: None, names: &names, digits: PACKET_DIGITS, style };
            if is_answer(&conclusion, index, judged) {
                write_answered(judged, page, out)?;
            } else {
                write_connection(judged, "", "", page, out)?;
            }
            writeln!(out)?;
            continue;
        }
        let mut judged = judged.clone();
        if is_detailed {
            if is_answer(&conclusion, index, &judged) {
                judgement::write_ends(&judged, "", style, out)?;
            } else {
                judgement::write_heading(&judged, "", "", style, out)?;
            }
            writeln!(out)?;
        } else {
            // One program's words are enough to find them in a log.
            judged.verdict.client_reports.truncate(1);
        }
        judgement::write(&judged, None, &names, style, out)?;
    }
    Ok(with_packets)
}

/// Whether a connection's verdict is the answer, in the same words.
fn is_answer(conclusion: &Conclusion, index: usize, judged: &Judged) -> bool {
    conclusion.connection == Some(index)
        && conclusion.reason == judged.verdict.code.name()
        && conclusion.headline == judged.verdict.headline
}

/// The server's own certificate, as it came first.
fn own_certificate(outcome: &CheckOutcome) -> Option<&Details> {
    let mut found = outcome.connections.iter().filter_map(|judged| judged.story.tls.examination.as_ref());
    found.find_map(|found| found.certificates.first()?.details.as_ref())
}

/// The logs that were read meanwhile: the lines of connections whose packets have not shown them, and what is tied to none.
fn write_logs(
    logs: &LogSummary,
    outcome: &CheckOutcome,
    has_rows: impl Fn(&usize) -> bool,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let conclusion = outcome.conclusion();
    if conclusion.is_well() || conclusion.connection.is_some() {
        writeln!(out)?;
    }
    let printer = printer(style, Clock::Utc, DIGITS, false);
    let connections = outcome.connections.iter().enumerate().filter(|(index, _)| has_rows(index));
    for (_, judged) in connections {
        Rows::new(&judged.story).write_before(None, 0, &printer, out)?;
        logs::write_beyond(&judged.story, 0, out)?;
    }
    logs::write(logs, false, out)
}

/// The outcome, how long the parts took, and the certificate, in a line each.
fn write_answer(
    conclusion: &Conclusion,
    outcome: &CheckOutcome,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let code = match &conclusion.cause {
        Some(cause) => format!("{} {cause}", conclusion.reason),
        None => conclusion.reason.to_owned(),
    };
    let text = format!("{code}: {}", conclusion.headline);
    judgement::write_headline(conclusion.severity, &text, style, out)?;
    judgement::write_translation(conclusion.reason, style, out)?;
    write_beginning(outcome, style, out)?;
    parts(conclusion, outcome).iter().try_for_each(|(label, text)| write_labelled(label, text, out))
}

/// How long the parts took, and what they brought, with a label each.
pub(super) fn parts(conclusion: &Conclusion, outcome: &CheckOutcome) -> Vec<(&'static str, String)> {
    let mut parts = vec![("Took", took(outcome))];
    if let (Some(option), Some(own)) = (conclusion.state_option(), conclusion.replaced()) {
        parts.push(("State", format!("{option}; {} itself is {own}", conclusion.reason)));
    }
    // With a connection's own sections below, its certificates are there.
    if !conclusion.is_well() && conclusion.connection.is_some() {
        return parts;
    }
    let ends = outcome.connections.iter().filter_map(|judged| Expiry::of(&judged.story));
    if let Some(expiry) = ends.min_by_key(|expiry| expiry.at) {
        let days = expiry.days.map(|days| format!(" ({days:.1} days)")).unwrap_or_default();
        let Details { subject, issuer, .. } = expiry.certificate;
        parts.push(("Cert", format!("{subject}, issued by {issuer}, until {}{days}", expiry.date())));
    }
    if let Some(token) = outcome.token.as_ref().filter(|token| token.is_granted()) {
        let life = token.expires_in.map_or(String::new(), |seconds| format!("; it is good for {seconds} s"));
        parts.push(("Token", format!("{}{life}", token.headline)));
    }
    if let Some(page) = outcome.page.as_ref().filter(|page| page.is_expected) {
        parts.push(("Page", page.headline.clone()));
    }
    // What was accepted, or is worth a look although all went well.
    let findings = outcome.connections.iter().flat_map(|judged| &judged.findings);
    let warnings = findings.filter(|finding| finding.severity == Weight::Warning);
    parts.extend(warnings.map(|finding| ("Note", finding.text.clone())));
    parts
}

/// The last step before the decisive connection's end, which is the one that failed.
fn write_last_step(conclusion: &Conclusion, outcome: &CheckOutcome, out: &mut dyn Write) -> io::Result<()> {
    let until = next_connection(conclusion, outcome);
    let is_end = |step: &&Step| {
        ["closed", "closes", "sent"].iter().any(|word| step.text.contains(word)) || step.received.is_some()
    };
    let mut steps = outcome.steps.iter().rev().skip_while(|step| step.number >= until);
    let Some(step) = steps.find(|step| !is_end(step)) else { return Ok(()) };
    let color = style_of(Severity::Critical);
    let after = step.at - outcome.began;
    let (number, title) = (step.number, title(step.phase));
    let text = format!("{title}, step {number}, +{after}: {}", step.text);
    for (index, line) in wrapped(&text, COLUMNS - LABEL_COLUMNS).iter().enumerate() {
        let label = if index == 0 { "Step" } else { "" };
        writeln!(out, "{DIM}{label:LABEL_COLUMNS$}{DIM:#}{color}{line}{color:#}")?;
    }
    Ok(())
}

/// The step with which the connection after the decisive one begins. With packets of their own, connections have no steps.
fn next_connection(conclusion: &Conclusion, outcome: &CheckOutcome) -> u64 {
    let decisive = conclusion.connection.and_then(|index| outcome.connections.get(index));
    let Some(first) = decisive.filter(|_| outcome.captured.is_none()).map(|judged| judged.story.first.number)
    else {
        return u64::MAX;
    };
    let begins = outcome.connections.iter().map(|judged| judged.story.first.number);
    begins.filter(|number| *number > first).min().unwrap_or(u64::MAX)
}

/// Writes a row for each part of the check.
///
/// # Errors
/// When `out` can't be written.
pub fn write_table(end: &End<'_>, out: &mut dyn Write) -> io::Result<()> {
    let Some(CheckResult { outcome, .. }) = end.check else { return Ok(()) };
    let mut table = grid(["Part", "Time", "Result"], &[]);
    let time = |elapsed: Option<Elapsed>| elapsed.map(|elapsed| elapsed.to_string()).unwrap_or_default();
    if let Some(found) = &outcome.resolution {
        let addresses: Vec<_> = found.addresses.iter().map(ToString::to_string).collect();
        let result = match (found.addresses.is_empty(), &found.rcode) {
            (false, _) => format!("{}: {}", escaped(&found.name), addresses.join(", ")),
            (true, Some(code)) => format!("{}: {}", escaped(&found.name), escaped(code)),
            (true, None) => format!("{}: no answer", escaped(&found.name)),
        };
        table.add_row(["DNS".to_owned(), time(outcome.spent.dns), result]);
    }
    for judged in &outcome.connections {
        let server = ends::checked(outcome, &judged.story);
        let verdict = &judged.verdict;
        let (word, title) = (judgement::word(verdict.severity), judgement::title(verdict));
        let result = format!("{word} {}: {}", escaped(&title), escaped(&verdict.headline));
        table.add_row([server, time(Some(judged.story.last.at - judged.story.first.at)), result]);
    }
    if let Some(token) = &outcome.token {
        table.add_row(["Token".to_owned(), time(outcome.spent.token), escaped(&token.headline)]);
    }
    if let Some(page) = &outcome.page {
        table.add_row(["Page".to_owned(), time(outcome.spent.page), escaped(&page.headline)]);
    }
    let conclusion = outcome.conclusion();
    let result = format!("{} ({})", conclusion.reason, conclusion.severity);
    table.add_row(["All".to_owned(), time(Some(outcome.spent.total)), result]);
    write!(out, "{}", grid::text(&table))?;
    if end.summary.is_redacted {
        writeln!(out, "{}", Redaction::SENTENCE)?;
    }
    Ok(())
}

/// Which server was checked, and when and how.
pub(super) fn place(outcome: &CheckOutcome, style: &Style) -> [String; 2] {
    let start = clock::date_and_time(outcome.began, Clock::Utc, DIGITS, &style.zone).unwrap_or_default();
    let seen = match &outcome.captured {
        Some(captured) => {
            let from = captured.about().files.first().map(|file| escaped(&file.name)).unwrap_or_default();
            let count = words::count(captured.frames().count() as u64, "packet");
            format!("with {count} captured on {from}")
        }
        None => "as the socket saw it".to_owned(),
    };
    let host = outcome.host.parse().map_or_else(|_| outcome.host.clone(), |address| outcome.zoned(address));
    [escaped(&probe::authority(&host, outcome.port)), format!("{start}, {seen}")]
}

fn write_beginning(outcome: &CheckOutcome, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    judgement::write_place(&place(outcome, style), style, out)?;
    if let Some(error) = outcome.captured.as_ref().and_then(|captured| captured.error.as_ref()) {
        write_labelled("Capture", &format!("It ended early: {error}"), out)?;
    }
    match outcome.captured.as_ref().map_or(0, |captured| captured.unkept) {
        0 => Ok(()),
        unkept => {
            let unkept = words::count(unkept, "packet");
            write_labelled(
                "Capture",
                &format!("{unkept} more came than are kept, and are not looked at."),
                out,
            )
        }
    }
}

/// What the analysis says of the packets that steps represent, in the order of the steps. With packets of their own, the steps stand for
/// none.
pub(super) fn said(outcome: &CheckOutcome, names: &PacketNames<'_>) -> Vec<Vec<String>> {
    let mut notes: Vec<_> =
        outcome.connections.iter().map(|judged| Notes::new(&judged.story, names)).collect();
    let entries: Vec<Vec<_>> = outcome
        .connections
        .iter()
        .map(|judged| {
            let items = judged.story.timeline.items(usize::MAX).into_iter();
            items
                .filter_map(|item| match item {
                    Item::Packet(entry) => Some(entry),
                    Item::Fold { .. } => None,
                })
                .collect()
        })
        .collect();
    let of = |step: &Step| {
        let mut said = Vec::new();
        if outcome.captured.is_none() {
            for (notes, entries) in notes.iter_mut().zip(&entries) {
                for entry in entries.iter().filter(|entry| entry.moment.number == step.number) {
                    said.extend(notes.about(entry));
                }
            }
        }
        said
    };
    outcome.steps.iter().map(of).collect()
}

/// The steps, with what the analysis says of the packets that they represent.
fn write_steps(outcome: &CheckOutcome, names: &PacketNames<'_>, out: &mut dyn Write) -> io::Result<()> {
    let mut phase = None;
    let mut run: Vec<&Step> = Vec::new();
    for (step, said) in outcome.steps.iter().zip(said(outcome, names)) {
        let is_plain = step.received.is_some() && said.is_empty() && phase == Some(step.phase);
        if is_plain {
            run.push(step);
            continue;
        }
        write_run(&mut run, outcome, out)?;
        if phase != Some(step.phase) {
            phase = Some(step.phase);
            writeln!(out, "\n{BOLD}{}{BOLD:#}", title(step.phase))?;
        }
        write_step(step, step.at - outcome.began, out)?;
        write_note(&said, NUMBER + TIME + 2, out)?;
    }
    write_run(&mut run, outcome, out)
}

/// Steps that brought bytes and nothing to say of them: one by one where they are few, else together.
fn write_run(run: &mut Vec<&Step>, outcome: &CheckOutcome, out: &mut dyn Write) -> io::Result<()> {
    let run = std::mem::take(run);
    let (shown, folded) = if run.len() > LONGEST_RUN { run.split_at(1) } else { (&run[..], &[][..]) };
    for step in shown {
        write_step(step, step.at - outcome.began, out)?;
    }
    let Some((last, _)) = folded.split_last() else { return Ok(()) };
    let bytes = folded.iter().filter_map(|step| step.received).sum();
    let (steps, bytes) = (words::count(folded.len() as u64, "step"), words::amount(bytes));
    let text = format!("… {steps} up to this one, {bytes} received …");
    let together = Step { text, ..(*last).clone() };
    write_step(&together, together.at - outcome.began, out)
}

fn write_step(step: &Step, after: Elapsed, out: &mut dyn Write) -> io::Result<()> {
    let indent = NUMBER + TIME + 4;
    let number = step.number;
    let after = format!("+{after}");
    for (index, line) in wrapped(&step.text, PROSE_COLUMNS - indent).iter().enumerate() {
        match index {
            0 => writeln!(out, "{DIM}{number:>NUMBER$}  {after:>TIME$}{DIM:#}  {line}")?,
            _ => writeln!(out, "{:indent$}{line}", "")?,
        }
    }
    Ok(())
}

/// The heading of a phase's steps.
pub(super) fn title(phase: Phase) -> &'static str {
    match phase {
        Phase::Dns => "DNS",
        Phase::Tcp => "TCP",
        Phase::Proxy => "Proxy",
        Phase::StartTls => "STARTTLS",
        Phase::Tls => "TLS",
        Phase::Oauth => "Token",
        Phase::Http => "Page",
    }
}

fn took(outcome: &CheckOutcome) -> String {
    let spent = &outcome.spent;
    let parts = [
        ("DNS", spent.dns),
        ("TCP", spent.connect),
        ("proxy", spent.proxy),
        ("TLS", spent.tls),
        ("token", spent.token),
        ("page", spent.page),
        ("in all", Some(spent.total)),
    ];
    let parts = parts.into_iter().filter_map(|(name, elapsed)| Some(format!("{name} {}", elapsed?)));
    parts.collect::<Vec<_>>().join(" · ")
}

/// Prose with a label in the margin.
fn write_labelled(label: &str, text: &str, out: &mut dyn Write) -> io::Result<()> {
    for (index, line) in wrapped(text, COLUMNS - LABEL_COLUMNS).iter().enumerate() {
        let label = if index == 0 { label } else { "" };
        writeln!(out, "{DIM}{label:LABEL_COLUMNS$}{DIM:#}{line}")?;
    }
    Ok(())
}

fn write_conclusion(conclusion: &Conclusion, outcome: &CheckOutcome, out: &mut dyn Write) -> io::Result<()> {
    if conclusion.actor != Actor::Unknown {
        write_labelled("Fault", conclusion.actor.name(), out)?;
    }
    write_labelled("Why", &conclusion.explanation, out)?;
    let refused = outcome.token.as_ref().filter(|token| !token.is_granted());
    if let Some(answer) = refused.and_then(Token::answer) {
        write_labelled("Answer", &answer, out)?;
    }
    for (index, advice) in conclusion.advice.iter().enumerate() {
        let label = if index == 0 { "Next" } else { "" };
        write_labelled(label, &format!("{}. {advice}", index + 1), out)?;
    }
    writeln!(out)
}
