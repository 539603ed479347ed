//! A fatal alert ended the handshake.

use std::borrow::Cow;

use super::words::{alert_meaning, refused_certificate};
use super::{Actor, Rule, Settings, Severity, Verdict};
use crate::story::{EndingKind, Stage, Story};
use crate::tcp::Role;
use crate::tls::{AlertDescription, Basis};

/// `tls-alert`.
pub(super) const RULE: Rule = Rule {
    code: "tls-alert",
    severity: Severity::Critical,
    summary: "a fatal TLS alert ended it, in clear or recognised by its encrypted form",
    page: include_str!("../../docs/verdicts/tls-alert.md"),
    judge,
};

fn judge(story: &Story, _: &Settings) -> Option<Verdict> {
    let ending = story.decisive()?;
    let evidence = [
        story.tls.client_hello.as_ref().map(|said| said.moment.number),
        story.tls.server_hello.as_ref().map(|said| said.moment.number),
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
    Some(verdict.proved_by(evidence.into_iter().flatten()))
}

fn in_clear(story: &Story, by: Role, description: Option<AlertDescription>, basis: Basis) -> Verdict {
    let Some(description) = description else {
        return Verdict::new(&RULE, Actor::from(by),
            basis,
            format!("the {by} ended the handshake with 7 bytes, the size of a TLS alert"),
        )
        .explain(
            "Only lengths are known. At this place in the handshake a message of 7 bytes is an alert; which one, only \
             its bytes tell: capture with -A, or with a file.",
        )
        .reported(&["an SSL handshake error", "javax.net.ssl.SSLHandshakeException: Received fatal alert"]);
    };
    let meaning = alert_meaning::of(by, description);
    let advice = [meaning.advice];
    let name = description.to_string();
    let offered = match (&story.tls.client_hello, description.0) {
        (Some(hello), 70) if !hello.what.versions.is_empty() => {
            let versions: Vec<String> = hello.what.versions.iter().map(ToString::to_string).collect();
            format!(" The client offered {}.", versions.join(", "))
        }
        (Some(hello), 112) => match &hello.what.server_name {
            Some(name) => format!(" The client asked for \"{}\".", name.escape_debug()),
            None => " The client named no server (no SNI).".to_owned(),
        },
        _ => String::new(),
    };
    let shown = refused_certificate::shown(story, by, description);
    // Whose client this program is itself is no question.
    let is_own = by == Role::Client && story.capture.is_own;
    let libraries = if is_own { String::new() } else { meaning.by_library() };
    let reports = match by {
        _ if !shown.reports.is_empty() => shown.reports,
        Role::Server => vec![
            format!("javax.net.ssl.SSLHandshakeException: Received fatal alert: {name}"),
            format!("OpenSSL: alert {} ({name})", description.0),
        ],
        Role::Client if description.rejects_certificate() => vec![
            "javax.net.ssl.SSLHandshakeException: PKIX path building failed, or: No subject alternative DNS name \
             matching ... found"
                .to_owned(),
            "OpenSSL: certificate verify failed".to_owned(),
        ],
        Role::Client => vec![format!("javax.net.ssl.SSLException ({name})")],
    };
    Verdict {
        client_reports: reports.into_iter().map(Cow::Owned).collect(),
        ..Verdict::new(
            &RULE,
            Actor::from(by),
            basis,
            format!("the {by} ended it with the fatal alert {name}"),
        )
        .cause(name)
        .explain(format!("{}{offered}{}{libraries}", meaning.why, shown.explanation))
        .advise(if shown.advice.is_empty() { &advice } else { &shown.advice })
    }
}

fn encrypted(by: Role, stage: Stage, basis: Basis) -> Verdict {
    let is_rejection = by == Role::Client && stage < Stage::ClientFinished;
    let (cause, explanation) = if is_rejection {
        (
            "certificate-rejected",
            "Where its Finished should stand, the client sent an encrypted record of an alert's size and ended. It had \
             just received the server's certificate: not accepting it is by far the most frequent reason. TLS 1.3 \
             hides which alert it was; the client's own log names it.",
        )
    } else {
        (
            "encrypted-alert",
            "An encrypted record of an alert's size came where nothing else can stand. Which alert it was is hidden; \
             after a client certificate was asked for, it is most often certificate_required or bad_certificate.",
        )
    };
    Verdict::new(&RULE, Actor::from(by), basis, format!("the {by} ended the handshake with an encrypted alert"))
        .cause(cause)
        .explain(explanation)
        .reported(&[
            "javax.net.ssl.SSLHandshakeException: PKIX path building failed, or: No subject alternative DNS name matching ... found",
        ])
        .advise(&[
            "Read the client's log for the certificate error.",
            "Compare the server's certificate with the client's trust store and with the name that the client uses.",
        ])
}
