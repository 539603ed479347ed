//! A server's certificates for people: who they are for, how long, who issued them, and what a client makes of them.

use std::io::{self, Write};

use super::glyphs::Glyphs;
use super::prose::{prose, write_labelled};
use crate::analysis::Judged;
use crate::cert::{Certificate, Details, Examination, Fault, Issuer, NameSource};
use crate::limits;
use crate::report::Style;
use crate::report::text::escape::escaped;
use crate::report::text::words::{BOLD, PacketNames, count, grouped, wrapped};
use crate::story::{Stage, Story, Unseen};
use crate::tcp::Role;
use crate::verdict::Code;

/// Names of one certificate that are shown.
const NAMES: usize = 6;

/// Columns of the labels, of their values, and of the judgement on them.
const LABEL: usize = 13;
const VALUE: usize = 45;
const JUDGEMENT: usize = 9;

/// Writes what the certificates show, where they matter or everything is asked for.
pub(super) fn write(
    judged: &Judged,
    names: &PacketNames<'_>,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let Judged { story, verdict, .. } = judged;
    let examination = story.tls.examination.as_deref().filter(|found| !found.certificates.is_empty());
    let is_about = verdict.code == Code::TlsAlert || style.verbosity > 0;
    let matters = is_about || examination.is_some_and(|found| !found.faults.is_empty());
    if let (true, Some(text)) = (is_about, missing(story)) {
        write_labelled("Chain", &text, style, out)?;
    }
    if let (true, Some(text)) = (is_about, client(story, names)) {
        write_labelled("Client", &text, style, out)?;
    }
    match examination {
        Some(examination) if matters => write_block(examination, style, out),
        _ => Ok(()),
    }
}

/// A line about a certificate.
pub(super) struct Line {
    pub label: &'static str,
    pub value: String,
    /// What a client makes of it, in a word.
    pub judgement: &'static str,
    /// Why, or by what.
    pub why: String,
    /// Whether a client may refuse the certificate for it.
    pub is_bad: bool,
}

/// Writes the server's own certificate, line by line with what a client makes of each part, and then those that follow it.
fn write_block(examination: &Examination, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out)?;
    lines(examination).iter().try_for_each(|line| write_line(line, style, out))?;
    let own = examination.certificates.first().and_then(|own| own.details.as_ref());
    match own.filter(|_| style.verbosity > 0) {
        Some(own) => {
            let value = own.pin.to_string();
            let line = Line { label: "  pin", value, judgement: "", why: String::new(), is_bad: false };
            write_line(&line, style, out)
        }
        None => Ok(()),
    }
}

/// The server's own certificate, line by line with what a client makes of each part, and then those that follow it.
pub(super) fn lines(examination: &Examination) -> Vec<Line> {
    let has = |wanted: fn(&Fault) -> bool| examination.faults.iter().any(wanted);
    let line = |label, value, judgement, why| Line { label, value, judgement, why, is_bad: false };
    let Some(own) = examination.certificates.first() else { return Vec::new() };
    let Some(details) = &own.details else {
        let text = format!("not an X.509 certificate, SHA-256 {}", own.fingerprint());
        return vec![line("Certificate", text, "", String::new())];
    };
    let expired = has(|fault| matches!(fault, Fault::Expired { is_own: true, .. }));
    let early = has(|fault| matches!(fault, Fault::NotYetValid { .. }));
    let validity = match (expired, early, examination.is_dated) {
        (true, ..) => "expired",
        (_, true, _) => "not yet",
        (_, _, false) => "undated",
        _ => "valid",
    };
    let (issuer, why) = issuer(examination);
    let signer = if details.is_self_issued { "self-signed".to_owned() } else { escaped(&details.issuer) };
    let is_mismatch = has(|fault| matches!(fault, Fault::NameMismatch { .. }));
    let (name, wanted) = match (&examination.wanted, is_mismatch) {
        (None, _) => ("unknown", "the capture does not show which name the client used".to_owned()),
        (Some(wanted), true) => ("MISMATCH", name(&wanted.name, wanted.source)),
        (Some(wanted), false) => ("match", name(&wanted.name, wanted.source)),
    };
    let mut lines = vec![
        Line {
            is_bad: expired || early,
            ..line("Certificate", escaped(&details.subject), validity, dates(details, early))
        },
        Line { is_bad: examination.issuer.refusal().is_some(), ..line("  issuer", signer, issuer, why) },
        Line { is_bad: is_mismatch, ..line("  names", names_of(details), name, wanted) },
        key_line(details, examination),
    ];
    for (index, certificate) in examination.certificates.iter().enumerate().skip(1) {
        let label = if index == 1 { "  sent too" } else { "" };
        let text = match &certificate.details {
            Some(details) => escaped(&details.subject),
            None => format!("not an X.509 certificate, SHA-256 {}", certificate.fingerprint()),
        };
        let details = certificate.details.as_ref();
        let until = details.map(|details| dates(details, false)).unwrap_or_default();
        let has_ended = details.is_some_and(|details| is_expired_authority(examination, details.title()));
        let judgement = if has_ended { "expired" } else { "" };
        lines.push(Line { is_bad: has_ended, ..line(label, text, judgement, until) });
    }
    lines
}

/// Whether an authority's certificate of this title is at fault for having expired.
fn is_expired_authority(examination: &Examination, title: &str) -> bool {
    let is_of = |fault: &Fault| matches!(fault, Fault::Expired { of, is_own: false, .. } if of == title);
    examination.faults.iter().any(is_of)
}

/// Writes a value and what a client makes of it, in one line if both fit, else in two.
fn write_line(line: &Line, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let Line { label, value, judgement, why, .. } = line;
    let glyphs = Glyphs::of(style);
    let columns = prose(style);
    let (value, why) = (glyphs.text(value), glyphs.text(why));
    let note = format!("{judgement:JUDGEMENT$}{why}");
    let note = note.trim_end();
    let is_side_by_side = columns >= LABEL + VALUE + JUDGEMENT + 20
        && value.chars().count() + 2 <= VALUE
        && LABEL + VALUE + note.chars().count() <= columns;
    if is_side_by_side {
        let line = format!("{value:VALUE$}{note}");
        return writeln!(out, "{BOLD}{label:LABEL$}{BOLD:#}{}", line.trim_end());
    }
    let mut label = *label;
    for line in wrapped(&value, columns - LABEL).into_iter().chain(wrapped(note, columns - LABEL)) {
        writeln!(out, "{BOLD}{label:LABEL$}{BOLD:#}{line}")?;
        label = "";
    }
    Ok(())
}

/// The server's key, and whether it is strong enough and may be used.
fn key_line(details: &Details, examination: &Examination) -> Line {
    let mut faults = examination.faults.iter();
    let usage = faults.clone().find_map(|fault| match fault {
        Fault::KeyUsage { usage, .. } => Some(usage),
        _ => None,
    });
    let is_weak = faults.any(|fault| matches!(fault, Fault::Weak { .. }));
    let (judgement, why) = match (is_weak, usage) {
        (true, _) => ("weak", String::new()),
        (_, Some(usage)) => ("unusable", format!("for {usage} only")),
        _ => ("ok", String::new()),
    };
    let value = format!("{}, {}", escaped(&details.key_text()), escaped(&details.signature));
    Line { label: "  key", value, judgement, why, is_bad: judgement != "ok" }
}

fn dates(details: &Details, is_early: bool) -> String {
    let date = |date: crate::cert::Date| {
        let text = date.to_string();
        text.split(' ').next().unwrap_or(&text).to_owned()
    };
    match (details.not_before, details.not_after) {
        (Some(from), _) if is_early => format!("from {}", date(from)),
        (_, Some(until)) => format!("until {}", date(until)),
        _ => String::new(),
    }
}

fn names_of(details: &Details) -> String {
    if details.names.is_empty() {
        let common = details.common_name.as_deref().map(|name| format!("none but CN={}", escaped(name)));
        return common.unwrap_or_else(|| "none".to_owned());
    }
    let names: Vec<_> = details.names.iter().take(NAMES).map(|name| escaped(name)).collect();
    let further = details.names.len().saturating_sub(NAMES) + details.further_names;
    let more = if further > 0 { format!(" and {further} more") } else { String::new() };
    format!("{}{more}", names.join(", "))
}

/// Why there is no certificate to see, or what is missing; nothing if all is there, or no TLS was.
pub(super) fn missing(story: &Story) -> Option<String> {
    if let Some(examination) = &story.tls.examination {
        return missing_of_message(examination);
    }
    let unseen = story.certificates_unseen()?;
    if let Some((len, came)) = story.tls.unfinished_certificate {
        return Some(format!(
            "Certificate message incomplete: {} of {}.",
            grouped(u64::from(came)),
            count(u64::from(len), "byte")
        ));
    }
    let text = match unseen {
        Unseen::Encrypted if story.stage < Stage::TlsEstablished && !story.is_certificate_refused() => {
            "TLS 1.3 encrypts certificates and alerts after the ServerHello. To see the certificates: `openssl s_client -showcerts`."
        }
        Unseen::Encrypted => "TLS 1.3 encrypts certificates. To see them: `openssl s_client -showcerts`.",
        Unseen::Resumed => "No certificate was sent: the session was resumed.",
        Unseen::NotCaptured => {
            "The certificates were truncated or not captured. Capture whole packets (-s 0)."
        }
        Unseen::LengthsOnly => {
            "No certificates: the input has no payload. Use a capture file (-s 0; TLS 1.2 or older), or `openssl s_client -showcerts`."
        }
        Unseen::Unfinished => "The server's certificates are incomplete.",
        Unseen::NotChecked => {
            "The server's certificates were not checked: too many different chains were checked before."
        }
    };
    Some(text.to_owned())
}

/// What of a Certificate message could not be looked at.
fn missing_of_message(examination: &Examination) -> Option<String> {
    let len = count(u64::from(examination.message_len), "byte");
    let text = match (examination.is_whole, examination.certificates.len(), examination.further) {
        _ if examination.message_len as usize > limits::HANDSHAKE_MESSAGE_BYTES => {
            let bound = grouped(limits::HANDSHAKE_MESSAGE_BYTES as u64);
            format!("The server's Certificate message has {len}, of which the first {bound} were looked at.")
        }
        (true, 0, 0) => "The server sent a Certificate message without certificates.".to_owned(),
        (_, _, further @ 1..) => {
            let further = count(u64::from(further), "certificate");
            format!("{further} more of the message of {len} were not looked at.")
        }
        (false, 0, _) => format!(
            "The server's Certificate message has {len}, of which the capture holds too few to show a certificate: `-s 0` captures \
             whole packets."
        ),
        (false, ..) => format!(
            "The server's Certificate message has {len}; the capture does not hold all of them, so certificates may be missing below."
        ),
        (true, ..) => return None,
    };
    Some(text)
}

/// The name that the certificate was compared with, and where it comes from.
fn name(name: &str, source: NameSource) -> String {
    let source = match source {
        NameSource::ServerName => "SNI",
        NameSource::Option => "--name",
        NameSource::Target => "the host to be checked",
        NameSource::Proxy => "asked of the proxy",
        NameSource::Address => "server's address",
    };
    format!("{} ({source})", escaped(name))
}

/// Whether the issuer is trusted, and by which store.
fn issuer(examination: &Examination) -> (&'static str, String) {
    let store = escaped(examination.store.as_deref().unwrap_or_default());
    match &examination.issuer {
        Issuer::Trusted => ("trusted", format!("in {store}")),
        Issuer::SelfSigned | Issuer::Unknown => ("unknown", format!("not in {store}")),
        Issuer::Authority => ("trusted", format!("in {store}; but CA:TRUE")),
        Issuer::Refused(why) => ("refused", format!("by {store}: {}", escaped(why))),
        Issuer::Unchecked(why) => ("unknown", format!("not checked: {why}")),
    }
}

/// That the server asked for a client certificate, and what it got.
pub(super) fn client(story: &Story, names: &PacketNames<'_>) -> Option<String> {
    let asked = story.tls.certificate_request;
    let said = story.tls.certificates[Role::Client].as_ref();
    let asked_in = asked.map(|moment| {
        format!("The server asked for a client certificate ({}). ", names.list(&[moment.number]))
    });
    let sent = match said {
        Some(said) => {
            let packet = names.list(&[said.moment.number]);
            let own = said.what.chain.first().and_then(|der| Certificate::read(der).details);
            match (own, said.what.is_whole) {
                (Some(own), _) => {
                    format!("The client sent one for \"{}\" ({packet}).", escaped(&own.subject))
                }
                (None, true) => format!("The client sent none ({packet})."),
                (None, false) => format!("The client's answer was not captured whole ({packet})."),
            }
        }
        None if asked.is_some() => "No answer of the client was seen.".to_owned(),
        None => return None,
    };
    Some(format!("{}{sent}", asked_in.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_can_t_drive_a_terminal_and_many_are_cut_short() {
        let names: Vec<_> = (0..9).map(|number| format!("\u{1b}[2J{number}.example\n")).collect();
        let details = Details {
            subject: "CN=\u{202e}a\r\n".to_owned(),
            issuer: "CN=\u{7}".to_owned(),
            names,
            further_names: 2,
            key: "1.2\u{1b}".to_owned(),
            signature: "\0".to_owned(),
            ..Details::default()
        };
        let certificate = Certificate { sha256: [0; 32], details: Some(details) };
        let text = names_of(certificate.details.as_ref().unwrap());
        assert!(text.chars().all(crate::report::text::escape::is_safe), "{text:?}");
        assert!(text.contains("and 5 more"), "{text:?}");
        let style = Style { columns: 60, ..crate::report::tests::style(false) };
        for details in [certificate.details, None] {
            let examination = Examination {
                certificates: vec![Certificate { sha256: [0; 32], details }].into(),
                further: 0,
                message_len: 0,
                is_whole: true,
                wanted: None,
                is_dated: true,
                store: Some("\u{1b}store".to_owned()),
                is_store_chosen: false,
                issuer: Issuer::Unknown,
                faults: Vec::new(),
                first_to_end: None,
            };
            let mut out = Vec::new();
            write_block(&examination, &style, &mut out).unwrap();
            let text = anstream::adapter::strip_bytes(&out).into_vec();
            let text = String::from_utf8(text).unwrap();
            assert!(text.lines().flat_map(str::chars).all(crate::report::text::escape::is_safe), "{text:?}");
        }
    }
}
