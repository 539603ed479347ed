//! A fatal alert ended the handshake.

use std::borrow::Cow;

use super::words::{alert_meaning, refused_certificate};
use super::{Actor, Code, JudgementSettings, Rule, Severity, Verdict};
use crate::cert::Fault;
use crate::story::{EndingKind, Stage, Story};
use crate::tcp::Role;
use crate::tls::{AlertDescription, Basis};

/// `tls-alert`.
pub(super) const RULE: Rule = Rule {
    code: Code::TlsAlert,
    severity: Severity::Critical,
    summary: "a fatal TLS alert ended it, in clear or recognised by its encrypted form",
    page: include_str!("../../docs/verdicts/tls-alert.md"),
    judge,
};

fn judge(story: &Story, _: &JudgementSettings) -> Option<Verdict> {
    let ending = story.decisive()?;
    let evidence = [
        story.tls.client_hello.as_ref().map(|observed| observed.moment.number),
        story.tls.server_hello.as_ref().map(|observed| observed.moment.number),
        refused_certificate::packet(story),
        Some(ending.moment.number),
    ];
    let verdict = match &ending.what {
        EndingKind::Alert { description, basis } => {
            in_clear(story, ending.by, *description, story.basis.max(*basis))
        }
        EndingKind::EncryptedAlert { basis } => encrypted(ending.by, ending.stage, story.basis.max(*basis)),
        _ => return None,
    };
    let verdict = match &ending.what {
        EndingKind::Alert { description: Some(description), .. }
            if objects_to_unread(story, ending.by, *description) =>
        {
            let peer = ending.by.other();
            let explanation = format!(
                "{} What the {peer} sent before it is not in the capture, or is not TLS: whether the {peer} speaks TLS here is \
                 unknown.",
                verdict.explanation
            );
            Verdict { actor: Actor::Unknown, explanation: explanation.into(), ..verdict }
        }
        _ => verdict,
    };
    Some(verdict.proved_by(evidence.into_iter().flatten()))
}

/// Whether an alert says that its sender could not read what came, and that shows no TLS: its bytes are not in the capture, or are
/// another protocol's.
fn objects_to_unread(story: &Story, by: Role, description: AlertDescription) -> bool {
    /// unexpected_message, record_overflow, decode_error and protocol_version (RFC 8446, 6.2).
    const UNREAD: [u8; 4] = [10, 22, 50, 70];
    let peer = by.other();
    let spoke_tls = match peer {
        Role::Client => story.tls.client_hello.is_some(),
        Role::Server => story.tls.server_hello.is_some() || story.tls.retry.is_some(),
    };
    let is_unread = story.missing.acked_unseen[peer] > 1 || story.plain[peer].is_some();
    UNREAD.contains(&description.0) && !spoke_tls && is_unread
}

fn in_clear(story: &Story, by: Role, description: Option<AlertDescription>, basis: Basis) -> Verdict {
    let Some(description) = description else {
        return Verdict::new(&RULE, Actor::from(by),
            basis,
            format!("the {by} aborted the handshake with 7 bytes, the size of a TLS alert"),
        )
        .explain(
            "Only lengths are known. At this point of the handshake a message of 7 bytes is an alert; which one, only its \
             bytes show: print them with `-X`, or use a capture file.",
        )
        .reported(&["an SSL handshake error", "javax.net.ssl.SSLHandshakeException: Received fatal alert"]);
    };
    // OpenSSL sends handshake_failure for it up to TLS 1.2; which hello would not do, the ServerHello rules out.
    let is_certificate_missing = by == Role::Server
        && description == AlertDescription::HANDSHAKE_FAILURE
        && story.tls.server_hello.is_some()
        && story.tls.certificates.client.as_ref().is_some_and(|sent| sent.what.is_empty());
    let meaning = alert_meaning::of(by, description);
    let meaning = if is_certificate_missing {
        alert_meaning::of(by, AlertDescription::CERTIFICATE_REQUIRED)
    } else {
        meaning
    };
    let advice = [meaning.advice];
    let name = description.to_string();
    let offered = match (&story.tls.client_hello, description.0) {
        (Some(hello), 70) if !hello.what.versions.is_empty() => {
            let versions: Vec<String> = hello.what.versions.iter().map(ToString::to_string).collect();
            format!(" The client offered {}.", versions.join(", "))
        }
        (Some(hello), 112) => match &hello.what.server_name {
            Some(name) => format!(" The client asked for \"{}\".", name.escape_debug()),
            None => " The ClientHello has no SNI.".to_owned(),
        },
        _ => String::new(),
    };
    let shown = refused_certificate::shown(story, by, description);
    // Whose client this program is itself is no question.
    let is_own = by == Role::Client && story.capture.is_own;
    let libraries = if is_own { String::new() } else { meaning.by_library(&name) };
    let reports = match by {
        _ if !shown.reports.is_empty() => shown.reports,
        Role::Server => vec![
            format!("javax.net.ssl.SSLHandshakeException: Received fatal alert: {name}"),
            match description.name() {
                Some(name) => format!("OpenSSL: alert {} ({name})", description.0),
                None => format!("OpenSSL: alert number {}", description.0),
            },
        ],
        Role::Client if description.rejects_certificate() => {
            // A path is built before its dates are validated (OpenJDK, PKIXValidator.java).
            let step =
                if description.0 == 45 { "PKIX path validation failed" } else { "PKIX path building failed" };
            let mut reports = vec![format!("javax.net.ssl.SSLHandshakeException: {step}")];
            // JSSE sends certificate_unknown for names too (CertificateMessage.java).
            let name = story.tls.client_hello.as_ref().and_then(|hello| hello.what.server_name.as_ref());
            if let (46, Some(name)) = (description.0, name) {
                let name = name.escape_debug();
                reports.push(format!(
                    "javax.net.ssl.SSLHandshakeException: No subject alternative DNS name matching {name} found"
                ));
            }
            reports.push("OpenSSL: certificate verify failed".to_owned());
            reports
        }
        Role::Client => vec![format!("javax.net.ssl.SSLException ({name})")],
    };
    Verdict {
        client_reports: reports.into_iter().map(Cow::Owned).collect(),
        ..Verdict::new(&RULE, actor(story, by, description), basis, headline(by, description))
            .cause(name)
            .explain(format!("{}{offered}{}{libraries}", meaning.why, shown.explanation))
            .advise(if shown.advice.is_empty() { &advice } else { &shown.advice })
    }
}

/// Who is to change something: the side that sent the alert; but who renews a certificate is its owner, unless the capture has it and it did
/// not expire.
fn actor(story: &Story, by: Role, description: AlertDescription) -> Actor {
    let is_expired = |fault: &Fault| matches!(fault, Fault::Expired { .. });
    let is_right =
        || story.tls.examination.is_none() || story.certificate_faults().any(|(_, fault)| is_expired(fault));
    let is_about_dates = by == Role::Client && description == AlertDescription::CERTIFICATE_EXPIRED;
    if is_about_dates && is_right() { Actor::Server } else { Actor::from(by) }
}

/// What the alert means for the other side, in one clause.
fn headline(by: Role, description: AlertDescription) -> String {
    let (peer, reason) = match (by, description.0) {
        (Role::Client, 48) => ("server", ", its CA is not trusted"),
        (Role::Client, 45) => ("server", " as expired"),
        (Role::Client, 44) => ("server", " as revoked"),
        (Role::Client, 42 | 43 | 46) => ("server", ""),
        (Role::Server, 48) => ("client", ", its CA is not trusted"),
        (Role::Server, 45) => ("client", " as expired"),
        (Role::Server, 44) => ("client", " as revoked"),
        (Role::Server, 43 | 46) => ("client", ""),
        (Role::Server, 116) => return "the server requires a client certificate and got none".to_owned(),
        (Role::Server, 70) => {
            return "the server supports none of the client's TLS versions".to_owned();
        }
        (Role::Server, 112) => return "the server does not serve the host name in the SNI".to_owned(),
        _ => {
            let number = description.name().map(|_| format!(" ({})", description.0)).unwrap_or_default();
            let alert = if description.name().is_some() { "alert " } else { "" };
            return format!("the {by} aborted the handshake: {alert}{description}{number}");
        }
    };
    format!("the {by} rejected the {peer}'s certificate{reason}")
}

fn encrypted(by: Role, stage: Stage, basis: Basis) -> Verdict {
    let is_rejection = by == Role::Client && stage < Stage::ClientFinished;
    let verdict = Verdict::new(
        &RULE,
        Actor::from(by),
        basis,
        format!("the {by} aborted the handshake with an encrypted alert"),
    );
    let verdict = if is_rejection {
        verdict.cause("certificate-rejected").explain(
            "Instead of its Finished, the client sent an encrypted record of an alert's size and closed. It had just \
             received the server's certificate, and rejecting it is by far the most frequent reason. TLS 1.3 encrypts the \
             alert; the client's log names it.",
        )
    } else {
        verdict.cause("encrypted-alert").explain(
            "An encrypted record of an alert's size came where only an alert fits. TLS 1.3 encrypts which one; after a \
             request for a client certificate, it is usually certificate_required or bad_certificate.",
        )
    };
    match by {
        Role::Client => verdict
            .reported(&[
                "javax.net.ssl.SSLHandshakeException: PKIX path building failed, or: No subject alternative name found",
            ])
            .advise(&[
                "Read the client's log for the certificate error.",
                "Compare the server's certificate with the client's trust store and with the name that the client uses.",
            ]),
        Role::Server => verdict
            .reported(&[
                "javax.net.ssl.SSLHandshakeException: Received fatal alert: certificate_required, bad_certificate or \
                 another",
                "OpenSSL: an SSL alert, such as: tlsv13 alert certificate required",
            ])
            .advise(&[
                "Read the server's log at that time: it names the alert.",
                "If the server asks for client certificates, configure one on the client that the server trusts.",
            ]),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::cert::{Date, Examination};
    use crate::story::script::talk::{self, ssm};
    use crate::tcp::Role::{Client, Server};
    use crate::tls::{AlertDescription, Version};

    const UNKNOWN_CA: u8 = 48;
    const PROTOCOL_VERSION: u8 = 70;
    const UNRECOGNIZED_NAME: u8 = 112;

    #[test]
    fn an_alert_in_clear_has_its_name_as_the_cause_and_its_sender_as_the_actor() {
        let client = Story::at(Stage::ServerFlightComplete).alert(Client, UNKNOWN_CA).verdict();
        assert_eq!(client.is(), ("tls-alert", Actor::Client, Some("unknown_ca")));
        assert_eq!(client.evidence, [4, 5, 7]);
        assert!(client.mentions("trust store") && client.mentions("PKIX"));
        assert!(!client.mentions("client certificate"));
        let server = Story::at(Stage::ClientHello).alert(Server, UNKNOWN_CA).verdict();
        assert_eq!(server.is(), ("tls-alert", Actor::Server, Some("unknown_ca")));
        assert_eq!(server.evidence, [4, 5]);
        assert!(server.mentions("client certificate") && !server.mentions("PKIX"));
    }

    #[test]
    fn an_alert_about_what_is_not_in_the_capture_blames_nobody() {
        // The server greets in clear, and the client takes it for its answer.
        let greeted =
            ssm().open().say(Server, b"220 ready\r\n").ack(Client).say(Client, &talk::client_hello());
        let mut refused = greeted.ack(Server).say(Client, &talk::alert(10)).fin(Client).fin(Server);
        assert_eq!(refused.verdict(0).is().0, "not-tls");
        refused.packets.remove(3);
        let verdict = refused.verdict(0);
        assert_eq!(verdict.is(), ("tls-alert", Actor::Unknown, Some("unexpected_message")));
        assert!(verdict.mentions("whether the server speaks TLS"), "{}", verdict.explanation);
        // After a ServerHello it is the client's.
        let hello = ssm().open().say(Client, &talk::client_hello()).say(Server, &talk::server_flight());
        assert_eq!(hello.say(Client, &talk::alert(10)).verdict(0).actor, Actor::Client);
    }

    #[test]
    fn what_the_client_offered_is_shown_with_the_alert_about_it() {
        let refused = |description, offer: fn(&mut crate::tls::ClientHello)| {
            let story = Story::at(Stage::ClientHello).alert(Server, description);
            story.but(|story| offer(&mut story.tls.client_hello.as_mut().unwrap().what)).verdict()
        };
        let version = refused(PROTOCOL_VERSION, |hello| hello.versions = vec![Version::TLS12]);
        assert!(version.mentions("The client offered TLS 1.2."));
        let named = refused(UNRECOGNIZED_NAME, |hello| hello.server_name = Some("ssm\u{7}.example".into()));
        // A name from the wire is escaped.
        assert!(named.mentions("\"ssm\\u{7}.example\""), "{}", named.explanation);
        assert!(refused(UNRECOGNIZED_NAME, |_| {}).mentions("has no SNI"));
    }

    #[test]
    fn a_warning_before_the_server_hello_ends_nothing_whatever_version_follows() {
        let warning = [21, 3, 3, 0, 2, 1, UNRECOGNIZED_NAME];
        let flight = |alert: &[u8]| {
            let answer = [alert, &talk::server_hello_13()].concat();
            talk::ssm().open().say(Client, &talk::client_hello()).say(Server, &answer).code(0)
        };
        assert_ne!(flight(&warning), "tls-alert");
        // The same by itself, with the level of a fatal one.
        let fatal = [21, 3, 3, 0, 2, 2, UNRECOGNIZED_NAME];
        assert_eq!(
            talk::ssm().open().say(Client, &talk::client_hello()).say(Server, &fatal).code(0),
            "tls-alert"
        );
    }

    #[test]
    fn an_alert_by_its_length_alone_has_no_name() {
        let what = EndingKind::Alert { description: None, basis: Basis::Inferred };
        let verdict = Story::at(Stage::ClientHello).ends(what, Server).verdict();
        assert_eq!(verdict.is(), ("tls-alert", Actor::Server, None));
        assert_eq!(verdict.basis, Basis::Inferred);
        assert!(!verdict.mentions("certificate"));
    }

    #[test]
    fn an_encrypted_alert_in_place_of_the_client_s_finished_rejects_the_certificate() {
        let encrypted = |stage, by| {
            let what = EndingKind::EncryptedAlert { basis: Basis::Inferred };
            Story::at(stage).ends(what, by).verdict()
        };
        let client = encrypted(Stage::ServerFlightComplete, Client);
        assert_eq!(client.is(), ("tls-alert", Actor::Client, Some("certificate-rejected")));
        assert_eq!(client.basis, Basis::Inferred);
        let server = encrypted(Stage::ClientFinished, Server);
        assert_eq!(server.is(), ("tls-alert", Actor::Server, Some("encrypted-alert")));
        assert!(client.mentions("PKIX") && !server.mentions("PKIX"));
        assert!(server.mentions("server's log") && !client.mentions("server's log"));
    }

    #[test]
    fn an_alert_is_found_after_session_tickets_and_after_a_fin_that_was_captured_first() {
        let flight = [talk::server_hello_13(), talk::encrypted(200), talk::encrypted(53)].concat();
        let ended = |client_flight: &[u8]| {
            let asked = ssm()
                .open()
                .say(Client, &talk::client_hello())
                .say(Server, &flight)
                .say(Client, client_flight)
                .say(Client, &talk::encrypted(150));
            let tickets =
                asked.say(Server, &talk::encrypted(250).repeat(2)).say(Server, &talk::encrypted(19));
            tickets.fin(Server).verdict(0)
        };
        let certificate = [talk::encrypted(700), talk::encrypted(280), talk::encrypted(53)].concat();
        assert_eq!(ended(&certificate).is(), ("tls-alert", Actor::Server, Some("encrypted-alert")));
        // Without a certificate of the client's there is nothing to refuse any more: the server closes.
        assert_eq!(ended(&talk::encrypted(53)).is(), ("no-response", Actor::Server, None));
        let hello = ssm().open().say(Client, &talk::client_hello());
        let (seq, ack) = (hello.next(Server), hello.next(Client));
        let reordered = hello.segment_with(Server, "F.", seq + 7, ack, &[], |_| {}).segment_with(
            Server,
            "P.",
            seq,
            ack,
            &talk::alert(40),
            |_| {},
        );
        let cause = AlertDescription::HANDSHAKE_FAILURE.name();
        assert_eq!(reordered.verdict(0).is(), ("tls-alert", Actor::Server, cause));
    }

    #[test]
    fn a_certificate_that_was_captured_names_what_the_client_refused() {
        let fault =
            Fault::Expired { of: "CN=ssm.example".into(), not_after: Date(1_600_000_000), is_own: true };
        let examination = Examination::by_hand(vec![fault]);
        let examination = Arc::new(examination);
        let refused = |alert| {
            let story = Story::at(Stage::ServerFlightComplete).alert(Client, alert);
            story.but(|story| story.tls.examination = Some(Arc::clone(&examination))).verdict()
        };
        assert_eq!(refused(48).is(), ("tls-alert", Actor::Client, Some("unknown_ca")));
        let verdict = refused(45);
        assert_eq!(verdict.is(), ("tls-alert", Actor::Server, Some("certificate_expired")));
        assert!(verdict.mentions("CN=ssm.example"), "{}", verdict.explanation);
    }

    #[test]
    fn the_headline_states_what_was_rejected_and_who_rejected_it() {
        for (by, alert, headline) in [
            (Client, 48, "the client rejected the server's certificate, its CA is not trusted"),
            (Client, 42, "the client rejected the server's certificate"),
            (Server, 45, "the server rejected the client's certificate as expired"),
            (Server, 116, "the server requires a client certificate and got none"),
            (Client, 80, "the client aborted the handshake: alert internal_error (80)"),
            (Server, 199, "the server aborted the handshake: alert 199"),
        ] {
            assert_eq!(Story::at(Stage::ServerFlightComplete).alert(by, alert).verdict().headline, headline);
        }
    }

    #[test]
    fn a_close_notify_and_an_alert_after_a_fin_or_a_silence_are_no_alerts() {
        let closed = Story::at(Stage::TlsEstablished).close_notify(Client);
        assert_eq!(closed.verdict().code, "healthy");
        let after_fin = Story::at(Stage::ClientHello).fin(Server).alert(Client, 50);
        assert_eq!(after_fin.verdict().code, "closed-early");
        let after_silence = Story::at(Stage::ClientHello).silent_for(8_000, Server).alert(Client, 90);
        assert_eq!(after_silence.verdict().code, "no-server-hello");
    }

    #[test]
    fn the_first_fatal_alert_decides_and_reactions_to_a_fin_do_not() {
        let hello = ssm().open().say(Client, &talk::client_hello());
        let refused = hello.clone().say(Server, &talk::alert(40)).fin(Server).rst(Client);
        let cause = AlertDescription::HANDSHAKE_FAILURE.name();
        assert_eq!(refused.verdict(0).is(), ("tls-alert", Actor::Server, cause));
        assert_eq!(refused.story(0).stage, Stage::ClientHello);
        let closed = hello.fin(Server).say(Client, &talk::alert(50)).fin(Client);
        assert_eq!(closed.verdict(0).is(), ("closed-early", Actor::Server, None));
    }
}
