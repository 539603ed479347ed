//! The output of a monitoring plugin: one status line with performance data, then a line for each failure.
//!
//! The form is that of the Monitoring Plugins' development guidelines: `SERVICE STATUS: text | performance data`, everything on
//! standard output. A `|` would begin performance data, and a character that is not ASCII may become one, or anything else, in
//! what stores and shows the output; so none of either is let through.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, Write};

use super::phases;
use crate::analysis::{Judged, title};
use crate::limits;
use crate::packet::Host;
use crate::probe::{CheckOutcome, Range};
use crate::report::digest::MonitoredConnection;
use crate::report::text::words::count;
use crate::report::text::{clock, ends, kinds, neighbours};
use crate::report::{CheckResult, End, nothing};
use crate::story::Story;
use crate::time::Elapsed;
use crate::verdict::{Severity, Status};

/// Characters that the status line has before its performance data. The guidelines' 80 are those of a pager; counts by code,
/// names and addresses need more.
const STATUS_CHARACTERS: usize = 200;

/// Codes of which stage and address are the whole story.
const PLAIN_CODES: [&str; 2] = ["syn-no-reply", "refused"];

/// The reason of a threshold on certificates.
pub(super) const EXPIRING: &str = "certificate-expiring";

/// Writes the status, the performance data, and the failures.
///
/// # Errors
/// When `out` can't be written.
pub fn write(of: &End<'_>, out: &mut dyn Write) -> io::Result<()> {
    if let Some(check) = &of.check {
        return write_check(of, check, out);
    }
    let error = of.summary.error.as_ref().map(ToString::to_string);
    let error = of.unopened.first().map(ToString::to_string).or(error);
    let text = match (&of.digest.connection, of.alerting_expiry(), error) {
        (_, Some(expiry), _) => format!("{EXPIRING}: {}", expiry.text()),
        (Some(shown), None, _) if shown.severity == Severity::Critical => found(shown, of),
        (_, None, Some(error)) => error,
        (Some(shown), None, None) => found(shown, of),
        (None, None, None) => nothing::lookup(of.summary)
            .map(|lookup| lookup.title())
            .or_else(|| nothing::portless(of.summary))
            .unwrap_or_else(|| "no TCP connection to judge".to_owned()),
    };
    let text = if of.summary.is_redacted { format!("{text} (redacted)") } else { text };
    write_status(of.status(), &text, &performance(of), out)?;
    write_groups(of, out)?;
    out.flush()
}

/// Writes that nothing is known, and why: bad usage, no permission, a timeout.
///
/// # Errors
/// When `out` can't be written.
pub fn write_unknown(why: &str, out: &mut dyn Write) -> io::Result<()> {
    write_status(Status::Unknown, why, "", out)?;
    out.flush()
}

/// A check in one line, and as much below it as is asked for.
fn write_check(of: &End<'_>, check: &CheckResult<'_>, out: &mut dyn Write) -> io::Result<()> {
    let outcome = check.outcome;
    let conclusion = outcome.conclusion();
    let judged = conclusion.connection.and_then(|index| outcome.connections.get(index));
    let code = with_cause(conclusion.reason, conclusion.cause.as_deref());
    let text = match judged {
        Some(Judged { story, .. }) => {
            let via = if outcome.proxy.is_some() { " (proxy)" } else { "" };
            let place = format!("{code} at {}, {}{via}", story.stage, ends::checked(outcome, story));
            if conclusion.is_well() {
                redirect(outcome).map_or(place.clone(), |page| format!("{place}; {page}"))
            } else if PLAIN_CODES.contains(&conclusion.reason) && !is_unspecified(story) {
                let others = conclusion.connection.and_then(|index| outcome.fail_too(index));
                place + &others.unwrap_or_default()
            } else {
                format!("{place}: {}", conclusion.headline)
            }
        }
        None => format!("{code}: {}", conclusion.headline),
    };
    let text = if of.summary.is_redacted { format!("{text} (redacted)") } else { text };
    let text = match conclusion.state_option() {
        Some(option) => format!("{text} ({option})"),
        None => text,
    };
    write_status(of.status(), &text, &check_performance(of, check), out)?;
    if check.verbosity >= 1 {
        write_line(&format!("{}: {}", conclusion.reason, conclusion.headline), out)?;
        write_line(&conclusion.explanation, out)?;
    }
    if check.verbosity >= 2 {
        for advice in &conclusion.advice {
            write_line(&format!("- {advice}"), out)?;
        }
    }
    if check.verbosity >= 3 {
        for step in outcome.steps.iter().take(limits::PLUGIN_FAILURES) {
            write_line(&format!("{:.6} {}", (step.at - outcome.began).as_secs_f64(), step.text), out)?;
        }
    }
    out.flush()
}

/// Whether what was connected to is no address of any host: that is worth its words.
fn is_unspecified(story: &Story) -> bool {
    matches!(story.parties.server.host, Host::Address(address) if address.is_unspecified())
}

/// Where a page that is as expected leads: worth knowing although nothing is wrong.
fn redirect(outcome: &CheckOutcome) -> Option<&str> {
    let is_redirect = |status: u16| (300..400).contains(&status);
    let page = outcome.page.as_ref();
    let page = page.filter(|page| page.is_followed || page.status.is_some_and(is_redirect))?;
    Some(&page.headline)
}

/// The status line, and below it the text where it had to be cut.
pub(super) fn write_status(
    status: Status,
    text: &str,
    performance: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    let (line, is_cut) = status_line(status, text, STATUS_CHARACTERS);
    let separator = if performance.is_empty() { "" } else { " | " };
    writeln!(out, "{line}{separator}{performance}")?;
    if is_cut { write_line(text, out) } else { Ok(()) }
}

pub(super) fn write_line(text: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", shortened(&plain(text), limits::PLUGIN_LINE_CHARACTERS))
}

/// `tls-alert (unknown_ca)`: where a cause is known, it is what the reader wants first.
pub(super) fn with_cause(code: &str, cause: Option<&str>) -> String {
    cause.map_or_else(|| code.to_owned(), |cause| format!("{code} ({cause})"))
}

/// How many connections came to what, the only one with its stage.
fn found(shown: &MonitoredConnection, of: &End<'_>) -> String {
    let summary = of.summary;
    let all = summary.connections;
    let worst = shown.severity;
    let some = summary.severities.get(&worst).copied().unwrap_or_default();
    let begin = match worst {
        Severity::Critical => format!("{some} of {all} failed"),
        Severity::Warning => {
            format!("{some} of {all} {}", if some == 1 { "needs a look" } else { "need a look" })
        }
        Severity::Ok => format!("{some} of {all} ok"),
        Severity::Unknown => format!("none of {all} can be judged"),
    };
    if all == 1 {
        let title = title(shown.code, shown.cause.as_deref());
        return format!("{begin}: {title} at {}, {}", shown.stage, shown.server);
    }
    let kinds = kinds::of(summary, worst);
    let servers: BTreeSet<_> = kinds.iter().flat_map(|kind| &kind.servers).collect();
    let place = match servers.into_iter().collect::<Vec<_>>().as_slice() {
        [only] => format!(", all to {}", ends::socket(&summary.names, only.0, only.1)),
        _ => String::new(),
    };
    let mut text = format!("{begin}: ");
    // What does not fit is left out whole, so that nothing is cut inside a name.
    let room = STATUS_CHARACTERS - "SSMSCOPE CRITICAL - , 999 more kinds".len() - place.len();
    for (index, kind) in kinds.iter().enumerate() {
        let number = if kinds.len() > 1 { format!(" {}", kind.count) } else { String::new() };
        let part = format!("{}{}{number}", if index > 0 { ", " } else { "" }, plain(&kind.title));
        if text.len() + part.len() > room {
            // Writing to a string can't fail.
            let _ = write!(text, ", {}", count((kinds.len() - index) as u64, "more kind"));
            break;
        }
        text.push_str(&part);
    }
    text + &place
}

/// Writes a line for each group that failed or deserves a look.
fn write_groups(of: &End<'_>, out: &mut dyn Write) -> io::Result<()> {
    let summary = of.summary;
    let groups = summary.groups.worst_first().into_iter();
    let failing: Vec<_> =
        groups.filter(|(key, _)| matches!(key.severity, Severity::Critical | Severity::Warning)).collect();
    let time = |at| clock::machine_readable(at, summary.about.clock, 0);
    for (key, group) in failing.iter().take(limits::PLUGIN_FAILURES) {
        let server = ends::socket(&summary.names, key.server.0, key.server.1);
        let code = key.title();
        let others = neighbours::conclude(summary, key, group, &time);
        let headline = of.digest.examples.get(key);
        let headline = headline.map(|(_, own)| format!(": {}", neighbours::headline(others.as_ref(), own)));
        let times = if group.count > 1 { format!(" x{}", group.count) } else { String::new() };
        let span = match (time(group.first), time(group.last)) {
            (Some(first), Some(last)) if group.count > 1 => format!(", {first} to {last}"),
            (Some(first), _) => format!(", {first}"),
            _ => String::new(),
        };
        write_line(&format!("{server} {code}{times}{}{span}", headline.unwrap_or_default()), out)?;
    }
    let further = failing.iter().skip(limits::PLUGIN_FAILURES).map(|(_, group)| group.count).sum::<u64>();
    if further > 0 {
        writeln!(out, "and {} more", count(further, "failed connection"))?;
    }
    Ok(())
}

/// `SSMSCOPE STATUS - text`, and whether it had to be cut.
fn status_line(status: Status, text: &str, most: usize) -> (String, bool) {
    let line = plain(&format!("SSMSCOPE {} - {text}", status.name().to_ascii_uppercase()));
    let short = shortened(&line, most);
    let is_cut = short != line;
    (short, is_cut)
}

/// ASCII text, cut between words where it gets too long.
fn shortened(text: &str, most: usize) -> String {
    const CUT: &str = "...";
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(CUT.len())).collect();
    // A name or an address is whole or absent, unless there is nothing else.
    let end = kept.rfind(' ').filter(|end| *end > most / 2).unwrap_or(kept.len());
    format!("{}{CUT}", &kept[..end])
}

/// One line of ASCII without what begins performance data. Our own typography becomes its ASCII likeness, all else is written
/// as its code point.
fn plain(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '|' | '\u{a0}' => line.push(' '),
            '…' => line.push_str("..."),
            '→' => line.push_str("->"),
            'µ' => line.push('u'),
            '’' => line.push('\''),
            _ if character.is_ascii_control() => line.push(' '),
            _ if character.is_ascii() => line.push(character),
            _ => line.extend(character.escape_unicode()),
        }
    }
    line.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// `label=value[unit];[warning];[critical];[minimum]` for each figure.
fn performance(of: &End<'_>) -> String {
    let End { digest, summary, .. } = of;
    let of_severity = |severity| summary.severities.get(&severity).copied().unwrap_or_default();
    let mut figures = vec![
        format!("connections={};;;0", summary.connections),
        format!("ok={};;;0", of_severity(Severity::Ok)),
        format!("warning={};0;;0", of_severity(Severity::Warning)),
        format!("critical={};;0;0", of_severity(Severity::Critical)),
        format!("unknown={};;;0", of_severity(Severity::Unknown)),
        format!("packets={};;;0", summary.packets),
    ];
    if let Some(dropped) = summary.about.dropped {
        figures.push(format!("dropped={dropped};;;0"));
    }
    if let Some(slowest) = digest.slowest {
        figures.push(tls_time(slowest, of));
    }
    figures.extend(days_left(of));
    figures.join(" ")
}

/// The same of a check: how long its parts took.
fn check_performance(of: &End<'_>, check: &CheckResult<'_>) -> String {
    let spent = &check.outcome.spent;
    let mut figures = vec![format!("time={:.6}s;;;0", spent.total.as_secs_f64())];
    for (phase, elapsed) in phases(spent) {
        figures.push(format!("{phase}={:.6}s;;;0", elapsed.as_secs_f64()));
    }
    if let Some(slowest) = of.digest.slowest {
        figures.push(tls_time(slowest, of));
    }
    figures.extend(days_left(of));
    figures.join(" ")
}

/// How long TLS took from the SYN on, and from when on that is slow.
fn tls_time(elapsed: Elapsed, of: &End<'_>) -> String {
    let slow = Range::at_most(of.thresholds.slow_after.as_secs_f64());
    format!("tls_time={:.6}s;{slow};;0", elapsed.as_secs_f64())
}

/// The days that the first certificate to end has left. What was asked for and could not be seen is `U`.
fn days_left(of: &End<'_>) -> Option<String> {
    let limit = |range: Option<Range>| range.map(|range| range.to_string()).unwrap_or_default();
    let (warning, critical) = (limit(of.thresholds.warning), limit(of.thresholds.critical));
    match of.digest.expiry.as_ref().and_then(|expiry| expiry.days) {
        Some(days) => Some(format!("certificate_days={days:.2};{warning};{critical}")),
        None if warning.is_empty() && critical.is_empty() => None,
        None => Some(format!("certificate_days=U;{warning};{critical}")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_status_line_is_one_short_line_whose_last_word_is_whole() {
        let (line, is_cut) = status_line(Status::Critical, &"a|b\nc é".repeat(40), 79);
        assert!(line.len() < 80 && line.ends_with(" c..."), "{line}");
        assert!(line.starts_with("SSMSCOPE CRITICAL - a b c \\u{e9}a b") && line.ends_with("...") && is_cut);
        assert_eq!(status_line(Status::Ok, "fine", 79), ("SSMSCOPE OK - fine".to_owned(), false));
    }

    #[test]
    fn what_looks_like_a_bar_is_no_bar_afterwards() {
        // Normalisation makes a bar of U+FF5C; the others look like one.
        for bar in ['|', '\u{ff5c}', '\u{2223}', '\u{2502}', '\u{1c0}', '\u{a6}', '\u{ffe8}'] {
            let line = plain(&format!("x {bar} critical=0"));
            assert!(line.is_ascii() && !line.contains('|'), "{line}");
        }
    }

    #[test]
    fn what_was_cut_is_whole_below() {
        let mut out = Vec::new();
        write_unknown(&"/a/long/path".repeat(20), &mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        assert_eq!(out.lines().count(), 2);
        assert_eq!(out.lines().nth(1), Some("/a/long/path".repeat(20).as_str()));
    }

    proptest! {
        #[test]
        fn any_text_stays_one_line_of_printable_ascii(text in any::<String>()) {
            let line = plain(&text);
            prop_assert!(line.chars().all(|character| matches!(character, ' '..='~') && character != '|'));
        }
    }
}
