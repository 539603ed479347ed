//! A server's certificates for people: a table of them, and what a client makes of it.

use std::fmt::Write as _;

use comfy_table::presets::UTF8_FULL;
use comfy_table::{ContentArrangement, Table};

use crate::cert::{Certificate, Details, Examination, Issuer, NameSource};
use crate::limits;
use crate::report::text::escape::escaped;
use crate::report::text::words::{PacketNames, count, grouped};
use crate::story::{Stage, Story, Unseen};
use crate::tcp::Role;

/// Names of one certificate that the table shows.
const NAMES: usize = 6;

/// The certificates as a table; none where none was captured.
pub(super) fn table(story: &Story, columns: u16) -> Option<String> {
    let examination = story.tls.examination.as_deref()?;
    if examination.certificates.is_empty() {
        return None;
    }
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(columns)
        .set_header(["Certificate, its issuer and names", "Valid from\nuntil (UTC)", "Key\nSignature"]);
    for certificate in &examination.certificates {
        table.add_row(row(certificate));
    }
    Some(table.to_string())
}

fn row(certificate: &Certificate) -> [String; 3] {
    let Some(details) = &certificate.details else {
        return [
            format!("no X.509 certificate, SHA-256 {}", certificate.fingerprint()),
            String::new(),
            String::new(),
        ];
    };
    let date = |date: Option<crate::cert::Date>| {
        date.map(|date| date.to_string().trim_end_matches(" UTC").to_owned()).unwrap_or_default()
    };
    [
        whose(details),
        format!("{}\n{}", date(details.not_before), date(details.not_after)),
        format!("{}\n{}", escaped(&details.key_text()), escaped(&details.signature)),
    ]
}

fn whose(details: &Details) -> String {
    let mut text = escaped(&details.subject);
    // Writing to a string can't fail.
    let _ = match (details.is_self_issued, details.is_ca) {
        (true, true) => write!(text, "\nself-signed, may sign others"),
        (true, false) => write!(text, "\nself-signed"),
        (false, _) => write!(text, "\nby {}", escaped(&details.issuer)),
    };
    if !details.names.is_empty() {
        let names: Vec<_> = details.names.iter().take(NAMES).map(|name| escaped(name)).collect();
        let further = details.names.len().saturating_sub(NAMES) + details.further_names;
        let more = if further > 0 { format!(" and {further} more") } else { String::new() };
        let _ = write!(text, "\nfor {}{more}", names.join(", "));
    }
    text
}

/// Why there is no certificate to see, or what is missing; nothing where all is there, or no TLS was.
pub(super) fn missing(story: &Story) -> Option<String> {
    if let Some(examination) = &story.tls.examination {
        return missing_of_message(examination);
    }
    let unseen = story.certificates_unseen()?;
    if let Some((len, came)) = story.tls.unfinished_certificate {
        return Some(format!(
            "The server's Certificate message did not come to its end: {} of {} are there.",
            grouped(u64::from(came)),
            count(u64::from(len), "byte")
        ));
    }
    let text = match unseen {
        Unseen::Encrypted if story.stage < Stage::TlsEstablished => {
            "TLS 1.3 encrypts the certificates, and alerts after the ServerHello: a capture can't show them. `openssl s_client \
             -showcerts` shows the certificates."
        }
        Unseen::Encrypted => {
            "TLS 1.3 encrypts the certificates: a capture can't show them, `openssl s_client -showcerts` does."
        }
        Unseen::Resumed => {
            "No certificate was sent: the handshake was abbreviated, as it is when a session is resumed."
        }
        Unseen::NotCaptured => {
            "The certificates are not in the capture: the bytes that would hold them were cut off or not captured. `-s 0` captures \
             them."
        }
        Unseen::LengthsOnly => {
            "The certificates can't be read from lengths. Up to TLS 1.2 a capture file of whole packets shows them, and `openssl \
             s_client -showcerts` always does."
        }
        Unseen::Unfinished => "The server's certificates did not arrive whole.",
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

/// What the certificates were checked for, and the outcome.
pub(super) fn checked(story: &Story) -> Option<String> {
    let examination = story.tls.examination.as_deref().filter(|found| !found.certificates.is_empty())?;
    let dates =
        if examination.is_dated { "" } else { " The capture has no dates, so theirs could not be checked." };
    let revoked = "Revocation is not checked.";
    Some(format!("{} {}{dates} {revoked}", name(examination), issuer(examination)))
}

fn name(examination: &Examination) -> String {
    let Some(wanted) = &examination.wanted else {
        return "For no name, since the capture does not tell which one the client used.".to_owned();
    };
    let source = match wanted.source {
        NameSource::ServerName => "which the client asked for",
        NameSource::Option => "given by --name",
        NameSource::Target => "the host to be checked",
        NameSource::Proxy => "which the client asked the proxy for",
        NameSource::Address => "the server's address, since the client named no server",
    };
    format!("For {} ({source}).", escaped(&wanted.name))
}

fn issuer(examination: &Examination) -> String {
    let store = escaped(examination.store.as_deref().unwrap_or_default());
    match &examination.issuer {
        Issuer::Trusted => format!("The issuer is in {store}."),
        Issuer::SelfSigned => format!("Self-signed, and not in {store}."),
        Issuer::Unknown => format!("The issuer is not in {store}."),
        Issuer::Refused(why) => format!("The issuer could not be checked against {store}: {}.", escaped(why)),
        Issuer::Unchecked(why) => format!("The issuer was not checked: {why}."),
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
        let text = row(&certificate).join("\n");
        assert!(text.lines().flat_map(str::chars).all(crate::report::text::escape::is_safe), "{text:?}");
        assert!(text.contains("and 5 more"), "{text:?}");
        let unreadable = row(&Certificate { details: None, ..certificate });
        assert!(unreadable[0].starts_with("no X.509 certificate"));
    }
}
