//! A fatal alert ended the handshake.

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
    let Reading { why, advice } = reading(by, description);
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
    let reports = match by {
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
        client_reports: reports,
        ..Verdict::new(
            &RULE,
            Actor::from(by),
            basis,
            format!("the {by} ended it with the fatal alert {name}"),
        )
        .cause(name)
        .explain(format!("{why}{offered}"))
        .advise(&[advice])
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

/// What an alert means when this side sends it.
struct Reading {
    why: &'static str,
    advice: &'static str,
}

/// RFC 5246, 7.2.2; RFC 8446, 6.2; and which check of JSSE and OpenSSL ends in which alert.
fn reading(by: Role, description: AlertDescription) -> Reading {
    let (why, advice) = match (by, description.0) {
        (Role::Server, 70) => (
            "The server speaks none of the TLS versions that the client offered.",
            "Enable a common TLS version on one of the two (an old Java client may stop at TLS 1.0 or 1.2).",
        ),
        (Role::Server, 40 | 71) => (
            "The server found nothing acceptable in the ClientHello: no common cipher suite, group or signature \
             algorithm, or a client certificate that it asked for is missing.",
            "Compare cipher suites and groups of both sides, and whether the server wants a client certificate.",
        ),
        (Role::Server, 112) => (
            "The server knows no host of the name that the client asked for (SNI).",
            "Use the name that the server's certificate carries, or configure that name on the server.",
        ),
        (Role::Server, 42..=46 | 48 | 116) => (
            "The server does not accept the client's certificate, or asked for one and got none.",
            "Check the client certificate: present, valid, and from an issuer that the server trusts.",
        ),
        (Role::Server, 120) => (
            "The two have no application protocol in common (ALPN).",
            "Enable HTTP/1.1 or HTTP/2 on both sides.",
        ),
        (Role::Client, 48) => (
            "The client does not trust the issuer of the server's certificate (OpenSSL's form of that refusal).",
            "Put the issuing CA, or the self-signed certificate, into the client's trust store.",
        ),
        (Role::Client, 46) => (
            "The client does not accept the server's certificate. From a Java client this alert stands for an unknown \
             issuer and for a wrong name alike: only its exception text tells them apart.",
            "Read the client's exception: \"PKIX path building failed\" is the trust store, \"No subject alternative\" is the name.",
        ),
        (Role::Client, 45) => (
            "For the client, the server's certificate has expired. A wrong clock on the client gives the same.",
            "Compare the certificate's dates with the client's clock.",
        ),
        (Role::Client, 42) => (
            "The client found the server's certificate damaged, not yet valid, badly signed, or (OpenSSL) for another name.",
            "Check the certificate's dates, name and signature, and the client's clock.",
        ),
        (Role::Client, 43 | 44) => (
            "The client refuses the kind of the server's certificate, or knows that it was revoked.",
            "Check the certificate's key, signature algorithm and revocation.",
        ),
        (_, 10) => (
            "It got a message that does not belong there: the other side may not speak TLS at all, or speak through a device that changes it.",
            "Check that the port is the TLS port, and what stands between the two.",
        ),
        (_, 50 | 47 | 51 | 20 | 22) => (
            "It could not make sense of what it received, or could not verify it.",
            "Suspect a device that changes the traffic, or a defect in one of the two implementations.",
        ),
        (_, 80) => ("It failed for a reason of its own.", "Read its log at that time."),
        _ => ("The alert's name says what it objects to.", "Read the log of the side that sent it."),
    };
    Reading { why, advice }
}
