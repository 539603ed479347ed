//! The conclusions about one connection: the headline above its packets, and the sections below them.

use std::borrow::Cow;
use std::io::{self, Write};

use anstyle::Style as Color;
use unicode_width::UnicodeWidthChar;

use super::glyphs::Glyphs;
use super::prose::{LABEL, prose, write_in, write_labelled, write_next};
use super::{chain, ladder};
use crate::analysis::{Judged, Summary};
use crate::cert::Fault;
use crate::finding::{Finding, Weight};
use crate::packet::Viewpoint;
use crate::report::Style;
use crate::report::text::words::{BOLD, DIM, PacketNames, style_of, wrapped};
use crate::report::text::{clock, ends, escape, wireshark, words};
use crate::story::{EndingKind, Story};
use crate::tcp::Role;
use crate::time::{Clock, Timestamp};
use crate::tls::{AlertDescription, Basis};
use crate::verdict::{Actor, Code, Severity, Verdict};

/// Columns by which the lines below a headline are indented.
const BELOW: usize = 5;

/// Notes about a connection that are shown, warnings included.
const NOTES: usize = 3;

/// A severity in one word.
pub(super) fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "FAIL",
        Severity::Warning => "WARN",
        Severity::Ok => "OK",
        Severity::Unknown => "UNSURE",
    }
}

/// A verdict's code and cause: `tls-alert unknown_ca`.
pub(super) fn title(verdict: &Verdict) -> String {
    verdict
        .cause
        .as_ref()
        .map_or_else(|| verdict.code.to_string(), |cause| format!("{} {cause}", verdict.code))
}

/// Writes the first line of a report or of one of its parts.
pub(super) fn write_headline(
    severity: Severity,
    text: &str,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let (word, color) = (word(severity), style_of(severity));
    let text = Glyphs::of(style).text(text);
    // The word takes its place in the first line, and the other lines are indented.
    let lines = wrapped(&format!("{word} {text}"), prose(style) - BELOW);
    for (index, line) in lines.iter().enumerate() {
        match line.strip_prefix(word).filter(|_| index == 0) {
            Some(rest) => writeln!(out, "{color}{word}{color:#}{BOLD}{rest}{BOLD:#}")?,
            None => writeln!(out, "{:BELOW$}{BOLD}{line}{BOLD:#}", "")?,
        }
    }
    Ok(())
}

/// The name of a verdict's line in other languages: its code and actor.
pub(super) fn line_name(verdict: &Verdict) -> String {
    format!("{}/{}", verdict.code, verdict.actor)
}

/// What the code of a verdict, a lookup or a reason means in the reader's language, where there is a text in it and the characters may be printed.
pub(super) fn translation(code: &str, style: &Style) -> Option<&'static str> {
    style.language.and_then(|language| language.line(code)).filter(|_| !style.is_ascii)
}

/// Writes what a code means in the reader's language.
pub(super) fn write_translation(code: &str, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let Some(text) = translation(code, style) else { return Ok(()) };
    let most = ladder::columns(style).saturating_sub(BELOW);
    let (mut line, mut columns) = (String::new(), 0);
    // There are no blanks to break the line at.
    for character in text.chars() {
        let width = character.width().unwrap_or(0);
        if columns + width > most {
            writeln!(out, "{:BELOW$}{line}", "")?;
            (line, columns) = (String::new(), 0);
        }
        line.push(character);
        columns += width;
    }
    writeln!(out, "{:BELOW$}{line}", "")
}

/// Writes who spoke, when, and in which file, in one line where they fit into one.
pub(super) fn write_place(parts: &[String], style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let glyphs = Glyphs::of(style);
    let mut lines: Vec<(String, Color)> = Vec::new();
    for (index, part) in parts.iter().filter(|part| !part.is_empty()).enumerate() {
        let part = glyphs.text(part);
        let color = if index == 0 { Color::new() } else { DIM };
        let columns = ladder::columns(style) - BELOW;
        match lines.last_mut() {
            Some((line, _)) if line.chars().count() + 3 + part.chars().count() <= columns => {
                line.push_str("   ");
                line.push_str(&part);
            }
            _ => lines.extend(wrapped(&part, columns).into_iter().map(|line| (line, color))),
        }
    }
    for (line, color) in lines {
        writeln!(out, "{:BELOW$}{color}{line}{color:#}", "")?;
    }
    Ok(())
}

/// `2026-11-27 22:31:56 UTC`, or the parts of it that the capture has.
pub(super) fn when(at: Timestamp, clock: Clock, style: &Style) -> String {
    let Some(text) = clock::date_and_time(at, clock, 0, &style.zone) else { return String::new() };
    match clock {
        Clock::Utc => format!("{text} {}", clock::zone_name(at, &style.zone)),
        Clock::LocalDateTime => format!("{text} (no zone)"),
        Clock::TimeOfDay => format!("{text} (no date, no zone)"),
        Clock::SinceFirst | Clock::Absent => text,
    }
}

/// The capture in a few words: its file, or how many there are.
pub(super) fn files(summary: &Summary) -> String {
    match summary.about.files.as_slice() {
        [] => String::new(),
        [only] if only.name == "-" => "standard input".to_owned(),
        [only] => escape::escaped(only.name.rsplit('/').next().unwrap_or(&only.name)),
        files => format!("{} files", files.len()),
    }
}

/// Writes the verdict's line, and below it who spoke and when.
pub(super) fn write_heading(
    judged: &Judged,
    what: &str,
    file: &str,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let verdict = &judged.verdict;
    let text = format!("{}{what}: {}", title(verdict), verdict.headline);
    write_headline(verdict.severity, &text, style, out)?;
    write_translation(&line_name(verdict), style, out)?;
    write_ends(judged, file, style, out)
}

/// Writes who spoke and when.
pub(super) fn write_ends(judged: &Judged, file: &str, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let story = &judged.story;
    let ends = format!("{} → {}", ends::end(story, Role::Client), ends::end(story, Role::Server));
    write_place(&[ends, when(story.first.at, story.capture.clock, style), file.to_owned()], style, out)
}

/// Writes what follows from the packets: who is at fault and why, what proves it, what to do next.
pub(super) fn write(
    judged: &Judged,
    summary: Option<&Summary>,
    names: &PacketNames<'_>,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let Judged { story, verdict, .. } = judged;
    if let Some(fault) = fault(story, verdict) {
        write_labelled("Fault", &fault, style, out)?;
    }
    write_why(&verdict.explanation, style, out)?;
    if !verdict.evidence.is_empty() {
        write_labelled(
            "Evidence",
            &format!("{} ({})", names.list(&verdict.evidence), basis(judged, summary)),
            style,
            out,
        )?;
    }
    for (index, report) in verdict.client_reports.iter().enumerate() {
        let label = if index == 0 { "Client log" } else { "" };
        write_labelled(label, &brief(report, style), style, out)?;
    }
    write_next(&advice(story, verdict, style).collect::<Vec<_>>(), style, out)?;
    chain::write(judged, names, style, out)?;
    write_findings(judged, names, style, out)?;
    write_more(story, verdict, style, out)
}

/// What a client reports, in one line if it is a chain of exceptions: the first, by which a log is searched, and the last one's words
/// where they fit. All of it with `-v`.
fn brief<'r>(report: &'r str, style: &Style) -> Cow<'r, str> {
    let fits = |text: &str| text.chars().count() <= prose(style) - LABEL;
    if style.verbosity > 0 || fits(report) {
        return report.into();
    }
    let is_class = |word: &str| word.ends_with("Exception") && word.contains('.') && !word.contains(' ');
    let inner = report.match_indices(": ").find_map(|(end, colon)| {
        let (class, words) = report[end + colon.len()..].split_once(colon)?;
        is_class(class).then_some((&report[..end], words))
    });
    let Some((outer, words)) = inner else { return report.into() };
    let shorter = [format!("{outer}: … {words}"), format!("{outer}: …")];
    shorter.into_iter().find(|text| fits(text)).map_or(report.into(), Cow::Owned)
}

/// What to do next. Where it is to read a log, the time is that of the step that decided.
pub(super) fn advice(
    story: &Story,
    verdict: &Verdict,
    style: &Style,
) -> impl Iterator<Item = Cow<'static, str>> {
    const THEN: &str = "at that time";
    let decided = story.decisive().map_or(story.last.at, |ending| match &ending.what {
        EndingKind::Silence(silence) => silence.since.at,
        _ => ending.moment.at,
    });
    let time = clock::time_of_day(decided, story.capture.clock, 0, &style.zone);
    verdict.advice(story).map(move |advice| match &time {
        Some(time) if advice.contains(THEN) => advice.replace(THEN, &format!("at {time}")).into(),
        _ => advice,
    })
}

/// Writes why this is what the packets show.
pub(super) fn write_why(text: &str, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    if text.is_empty() { Ok(()) } else { write_labelled("Why", text, style, out) }
}

/// The side to examine.
pub(super) fn fault(story: &Story, verdict: &Verdict) -> Option<String> {
    if matches!(verdict.severity, Severity::Ok | Severity::Unknown) {
        return None;
    }
    Some(match verdict.actor {
        Actor::Path if verdict.code == Code::Unreachable => match verdict.icmp_sender {
            Some(sender) if sender == story.parties.server.host => format!(
                "{} (the server's own address: its firewall, or a device that replies for it)",
                story.names.show(sender)
            ),
            Some(sender) if sender == story.parties.client.host => {
                "the client's route, or the next hop".to_owned()
            }
            Some(sender) => format!("{} (router or firewall on the path)", story.names.show(sender)),
            None => "path".to_owned(),
        },
        Actor::Unknown if verdict.code == Code::SynNoReply && story.is_syn_dropped() => {
            "the firewall that dropped the SYN".to_owned()
        }
        Actor::Unknown if verdict.code == Code::SynNoReply => {
            format!("path or server; {} does not show which", witness(story))
        }
        Actor::Unknown => format!("unknown; {} does not show whose", witness(story)),
        actor @ (Actor::Client | Actor::Server) if verdict.code == Code::TlsAlert => {
            refused_certificate(story, verdict.cause.as_deref()).unwrap_or_else(|| actor.to_string())
        }
        actor => actor.to_string(),
    })
}

/// What the verdict rests on.
fn witness(story: &Story) -> &'static str {
    match story.capture.viewpoint {
        Viewpoint::Wire => "the capture",
        Viewpoint::Socket => "a socket",
    }
}

/// What is to be changed where the client refused the certificate.
fn refused_certificate(story: &Story, cause: Option<&str>) -> Option<String> {
    let about_dates = cause == Some("certificate_expired");
    if cause == Some("unknown_ca") {
        return untrusted(story);
    }
    let own = story.certificate_faults().find_map(|(_, fault)| match fault {
        Fault::Expired { is_own: true, .. } => Some("the server's certificate, which expired"),
        Fault::Expired { .. } => Some("the server's chain: a CA certificate expired"),
        Fault::NotYetValid { .. } => Some("a clock, or the server's certificate, which is not yet valid"),
        Fault::NameMismatch { .. } if !about_dates => {
            Some("the name that the client uses, or the server's certificate")
        }
        Fault::KeyUsage { .. } | Fault::Weak { .. } if !about_dates => Some("the server's certificate"),
        _ => None,
    });
    let is_seen = story.tls.certificates.server.is_some();
    let of_dates = about_dates.then_some(if is_seen {
        "the client's clock, or what it compares the certificate's dates with"
    } else {
        "the server's certificate, which is not in the capture, or the client's clock"
    });
    own.or(of_dates)
        .filter(|_| story.is_certificate_refused())
        .map(str::to_owned)
        .or_else(|| untrusted(story))
}

/// Who is to change something, where the client trusts nobody in the chain: the packets do not show which of the two.
fn untrusted(story: &Story) -> Option<String> {
    story.is_certificate_refused().then_some(())?;
    let Some(sent) = &story.tls.certificates.server else {
        return Some("client's trust store, or the server's chain, which is not in the capture".to_owned());
    };
    let sent = words::count(sent.what.chain.len() as u64 + u64::from(sent.what.further), "certificate");
    story.certificate_faults().find_map(|(_, fault)| match fault {
        Fault::UnknownIssuer { is_issuer_sent: false, .. } => {
            Some(format!("client's trust store, or the server's chain ({sent} sent, without its issuer)"))
        }
        Fault::UnknownIssuer { .. } | Fault::SelfSigned { .. } => Some("client's trust store".to_owned()),
        _ => None,
    })
}

/// How the evidence is known.
pub(super) fn basis(judged: &Judged, summary: Option<&Summary>) -> String {
    match judged.verdict.basis {
        Basis::Decoded => "decoded".to_owned(),
        Basis::Partial => {
            let files = summary.map(|summary| summary.about.files.as_slice()).unwrap_or_default();
            match files.iter().filter_map(|file| file.snaplen).min() {
                Some(snaplen) if !judged.story.capture.is_text => {
                    format!("partly decoded: snaplen {snaplen}")
                }
                _ => "partly decoded, the rest inferred from lengths".to_owned(),
            }
        }
        Basis::Inferred if judged.story.capture.is_text => {
            "inferred from lengths; the text holds no payload".to_owned()
        }
        Basis::Inferred => "inferred from lengths".to_owned(),
    }
}

/// The findings that are shown with a verdict, warnings first. Only with `-v` are those shown that repeat the verdict, and the round
/// trips, which the packets' rows have.
pub(super) fn findings<'a>(judged: &'a Judged, style: &Style) -> Vec<&'a Finding> {
    let Judged { verdict, findings, .. } = judged;
    let is_shown = |finding: &&Finding| {
        style.verbosity > 0 || !(finding.code == "round-trip" || finding.repeats(verdict.code, verdict.actor))
    };
    let mut shown: Vec<_> = findings.iter().filter(is_shown).collect();
    shown.sort_by_key(|finding| finding.severity != Weight::Warning);
    shown
}

/// What a finding adds to what is written above it: the lines about the certificate contain its fault.
fn remark<'f>(judged: &Judged, finding: &'f Finding, style: &Style) -> &'f str {
    let text = finding.text.as_str();
    if !finding.is_about_certificates() || finding.severity == Weight::Warning || style.verbosity > 0 {
        return text;
    }
    let when = judged.story.certificates_at();
    let mut sentences = judged.story.certificate_faults().map(|(_, fault)| fault.sentence(when));
    let rest = sentences.find_map(|sentence| text.strip_prefix(&sentence));
    rest.map(str::trim_start).filter(|rest| !rest.is_empty()).unwrap_or(text)
}

/// What else is worth knowing: warnings, and a few notes.
fn write_findings(
    judged: &Judged,
    names: &PacketNames<'_>,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let (warnings, notes): (Vec<_>, Vec<_>) =
        findings(judged, style).into_iter().partition(|finding| finding.severity == Weight::Warning);
    let most = if style.verbosity > 0 { usize::MAX } else { NOTES.saturating_sub(warnings.len()) };
    let left = notes.len().saturating_sub(most);
    for (index, finding) in warnings.iter().chain(notes.iter().take(most)).enumerate() {
        let packets: Vec<_> = finding.evidence.iter().take(4).map(|number| names.of(*number)).collect();
        let more = if finding.evidence.len() > packets.len() { ", …" } else { "" };
        let packets =
            if packets.is_empty() { String::new() } else { format!(" [{}{more}]", packets.join(", ")) };
        let is_warning = finding.severity == Weight::Warning;
        let color = if is_warning { Color::new() } else { DIM };
        let (label, warning) =
            (if index == 0 { "Also" } else { "" }, if is_warning { "Warning: " } else { "" });
        let text = remark(judged, finding, style);
        write_in(DIM, color, label, &format!("{warning}{text}{packets}"), style, out)?;
    }
    if left > 0 {
        let label = if warnings.is_empty() && most == 0 { "Also" } else { "" };
        let notes = crate::report::text::words::count(left as u64, "more note");
        write_in(DIM, DIM, label, &format!("{notes} with -v"), style, out)?;
    }
    Ok(())
}

/// A filter for Wireshark that is short enough for people: the client's port and the server's address.
pub(super) fn short_filter(story: &Story) -> Option<String> {
    let filter = wireshark::filter(story)?;
    Some(filter.rsplit_once(" && ").map_or(filter.as_str(), |(filter, _)| filter).to_owned())
}

/// A filter for Wireshark, and where the verdict is explained.
fn write_more(story: &Story, verdict: &Verdict, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    // An alert is explained by its name.
    let word = verdict
        .cause
        .as_deref()
        .filter(|cause| verdict.code == Code::TlsAlert && AlertDescription::of_words(cause).is_some());
    let more = format!("ssmscope explain {}", word.unwrap_or(verdict.code.name()));
    let Some(filter) = short_filter(story) else {
        return write_in(DIM, DIM, "More", &more, style, out);
    };
    let both = format!("{DIM}{:LABEL$}{filter}      More  {more}{DIM:#}", "Wireshark");
    if LABEL + filter.len() + 12 + more.len() <= prose(style) {
        return writeln!(out, "{both}");
    }
    write_in(DIM, DIM, "Wireshark", &filter, style, out)?;
    write_in(DIM, DIM, "More", &more, style, out)
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::*;
    use crate::analysis::LookupFault;
    use crate::probe::REASONS;
    use crate::report::language::Language;
    use crate::verdict::RULES;

    #[test]
    fn two_long_addresses_are_two_lines_in_a_narrow_terminal() {
        let end = |last: u16| format!("[2001:db8:a656:d659:bb85:216:3eff:{last}]:52464");
        let parts = [format!("{} → {}", end(1), end(2)), "2026-11-27 22:31:56 UTC".to_owned()];
        let style = Style { columns: 60, ..crate::report::tests::style(false) };
        let mut out = Vec::new();
        write_place(&parts, &style, &mut out).unwrap();
        let text = anstream::adapter::strip_str(&String::from_utf8(out).unwrap()).to_string();
        let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
        assert_eq!(lines, [format!("{} →", end(1)), end(2), parts[1].clone()]);
    }

    #[test]
    fn of_a_chain_of_errors_the_first_is_shown() {
        const LONG: &str = "javax.net.ssl.SSLHandshakeException: PKIX path building failed: \
            sun.security.provider.certpath.SunCertPathBuilderException: unable to find valid certification path to requested target";
        let style = |columns, verbosity| Style { verbosity, columns, ..crate::report::tests::style(false) };
        assert_eq!(
            brief(LONG, &style(100, 0)),
            "javax.net.ssl.SSLHandshakeException: PKIX path building failed: …"
        );
        assert_eq!(brief(LONG, &style(100, 1)), LONG);
        let short = "java.net.SocketException: Connection reset";
        assert_eq!(brief(short, &style(100, 0)), short);
        let expired = "javax.net.ssl.SSLHandshakeException: PKIX path validation failed: \
            java.security.cert.CertPathValidatorException: validity check failed";
        assert_eq!(
            brief(expired, &style(100, 0)),
            "javax.net.ssl.SSLHandshakeException: PKIX path validation failed: … validity check failed"
        );
        for whole in [
            "javax.net.ssl.SSLHandshakeException: Received fatal alert: certificate_required, bad_certificate or another",
            &"x".repeat(200),
        ] {
            assert_eq!(brief(whole, &style(100, 0)), whole);
        }
    }

    #[test]
    fn a_line_in_japanese_fits_into_a_narrow_terminal() {
        let mut style = Style {
            is_east_asian: true,
            language: Language::of("ja"),
            columns: 60,
            ..crate::report::tests::style(false)
        };
        let written = |code: &str, style: &Style| {
            let mut out = Vec::new();
            write_translation(code, style, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let codes = RULES.iter().map(|rule| rule.code.name());
        let lookups = LookupFault::ALL.into_iter().map(LookupFault::name);
        for code in codes.chain(lookups).chain(REASONS.iter().map(|reason| reason.code)) {
            let text = written(code, &style);
            assert!(!text.is_empty() && text.lines().all(|line| line.width() <= 60), "{code}: {text}");
        }
        style.is_ascii = true;
        assert_eq!(written("reset", &style), "");
    }
}
