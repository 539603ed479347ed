//! What an alert means when one side sends it, and which checks of the usual libraries end in it.
//!
//! RFC 5246, 7.2.2 and RFC 8446, 6.2 define the alerts. Which of them a failed check sends is the library's choice:
//! JSSE by CertificateMessage.java and the TLS extensions' classes of the JDK, OpenSSL by the tables of
//! ssl/statem/statem_lib.c and ssl/statem/statem_srvr.c.

use crate::tcp::Role;
use crate::tls::AlertDescription;

/// What an alert means, and what to do.
pub(in crate::verdict) struct Meaning {
    pub(in crate::verdict) why: &'static str,
    /// What it means from a Java program.
    jsse: Option<&'static str>,
    /// What it means from OpenSSL, which curl, Python and nginx use as a rule.
    openssl: Option<&'static str>,
    pub(in crate::verdict) advice: &'static str,
}

impl Meaning {
    /// The likely causes per library of an alert of this name, as sentences with a space before each.
    pub(in crate::verdict) fn by_library(&self, name: &str) -> String {
        [("Java (JSSE)", self.jsse), ("OpenSSL (curl, Python, nginx)", self.openssl)]
            .into_iter()
            .filter_map(|(library, causes)| Some(format!(" {library} sends {name} {}.", causes?)))
            .collect()
    }
}

/// The meaning of an alert that this side sent.
pub(in crate::verdict) fn of(by: Role, description: AlertDescription) -> Meaning {
    match by {
        Role::Server => from_server(description),
        Role::Client => from_client(description),
    }
}

/// What an alert means and what to do, by who sent it, for people: once where that makes no difference.
pub fn meanings_of(description: AlertDescription) -> Vec<(&'static str, String, &'static str)> {
    let said = |by| {
        let meaning = of(by, description);
        (format!("{}{}", meaning.why, meaning.by_library(&description.to_string())), meaning.advice)
    };
    let ((client, to_client), (server, to_server)) = (said(Role::Client), said(Role::Server));
    if client == server && to_client == to_server {
        return vec![("Sent by either side", client, to_client)];
    }
    vec![("Sent by the client", client, to_client), ("Sent by the server", server, to_server)]
}

fn from_server(description: AlertDescription) -> Meaning {
    let meaning = |why, jsse, openssl, advice| Meaning { why, jsse, openssl, advice };
    match description.0 {
        70 => meaning(
            "The server sends protocol_version when it accepts none of the TLS versions in the ClientHello.",
            None,
            None,
            "Enable a common TLS version on one of the two (an old Java client may stop at TLS 1.0 or 1.2).",
        ),
        40 => meaning(
            "The server found nothing acceptable in what the client offered.",
            Some("when the two have no cipher suite in common, or none that fits the server's key"),
            Some(
                "when the two have no cipher suite or group in common, or (up to TLS 1.2) when it asked for a client certificate and \
                 got none",
            ),
            "Compare cipher suites and groups of both sides, and whether the server wants a client certificate.",
        ),
        71 => meaning(
            "What the client offered is too weak for the server.",
            None,
            None,
            "Compare cipher suites and key sizes of both sides.",
        ),
        86 => meaning(
            "The client tried again with an older TLS version although the server speaks a newer one (RFC 7507).",
            None,
            None,
            "Look for what made the client's first attempt fail.",
        ),
        112 => meaning(
            "The server has no site or certificate for the name that the client sent.",
            Some("when its SNI matchers refuse the name"),
            Some("when the name has no certificate of its own (in nginx: ssl_reject_handshake)"),
            "Use the name in the server's certificate, or configure that name on the server.",
        ),
        42 => meaning(
            "The server does not accept the client's certificate, or asked for one and got none.",
            Some(
                "for a certificate that is not yet valid or badly signed, and (up to TLS 1.2) for an empty Certificate message",
            ),
            Some("for a client certificate that is not yet valid or badly signed"),
            "Check the client certificate: present, valid, and from an issuer that the server trusts.",
        ),
        43..=46 | 48 => meaning(
            "The server does not accept the client's certificate.",
            None,
            None,
            "Check the client certificate: valid, and from an issuer that the server trusts.",
        ),
        115 => meaning(
            "The server knows none of the pre-shared keys that the client offered (RFC 8446, 6.2).",
            None,
            None,
            "Compare the pre-shared keys and their identities on both sides.",
        ),
        116 => meaning(
            "The server asked for a client certificate and got none.",
            None,
            None,
            "Give the client a certificate from an issuer that the server trusts, or stop the server asking for one.",
        ),
        120 => meaning(
            "The server supports none of the application protocols that the client offered (ALPN).",
            None,
            None,
            "Enable HTTP/1.1 or HTTP/2 on both sides.",
        ),
        _ => from_either(Role::Server, description),
    }
}

fn from_client(description: AlertDescription) -> Meaning {
    let meaning = |why, jsse, openssl, advice| Meaning { why, jsse, openssl, advice };
    match description.0 {
        48 => meaning(
            "The client does not trust the issuer of the server's certificate.",
            None,
            Some("for an unknown issuer, and for a self-signed certificate"),
            "Put the issuing CA, or the self-signed certificate, into the client's trust store.",
        ),
        46 => meaning(
            "The client does not accept the server's certificate.",
            Some(
                "for an unknown issuer, a self-signed certificate and a wrong name (the exception's text shows which)",
            ),
            Some("when a check fails that has no alert of its own"),
            "Read the client's exception: \"PKIX path building failed\" means the trust store, \"No subject alternative\" \
             the name.",
        ),
        45 => meaning(
            "The client considers the server's certificate expired. A wrong clock on the client has the same effect.",
            None,
            None,
            "Compare the certificate's dates with the client's clock.",
        ),
        42 => meaning(
            "The client considers the server's certificate itself invalid.",
            Some(
                "for a certificate that is not yet valid (or when the client's clock is behind), for a bad signature, and in TLS 1.3 \
                 for MD5 and SHA-1",
            ),
            Some(
                "for a wrong name, a certificate that is not yet valid (or when the client's clock is behind), a bad signature and a \
                 weak key",
            ),
            "Check the certificate's dates, name and signature, and the client's clock.",
        ),
        43 => meaning(
            "The client rejects the type of the server's certificate.",
            Some("for a weak or disabled algorithm"),
            Some("for a certificate that is not for servers, and for a weak algorithm"),
            "Check the certificate's key, signature algorithm and key usage.",
        ),
        44 => meaning(
            "The client knows that the server's certificate was revoked.",
            None,
            None,
            "Renew the server's certificate.",
        ),
        40 => meaning(
            "The client does not accept what the server chose.",
            Some("for parameters that the JDK's policy disables (jdk.tls.disabledAlgorithms)"),
            Some("when the program's own verification callback refuses"),
            "Compare the security policies of both sides.",
        ),
        70 => meaning(
            "The server chose a TLS version that the client does not accept.",
            None,
            None,
            "Enable a common TLS version on one of the two.",
        ),
        113 => meaning(
            "The client found the OCSP response that the server stapled to its certificate invalid.",
            None,
            None,
            "Check the server's OCSP stapling: its responder, and the dates of the response.",
        ),
        _ => from_either(Role::Client, description),
    }
}

/// The meaning of an alert that both sides send for the same reason (RFC 8446, 6; RFC 5246, 7.2).
fn from_either(by: Role, description: AlertDescription) -> Meaning {
    let meaning = |client, server, advice| {
        let why = match by {
            Role::Client => client,
            Role::Server => server,
        };
        Meaning { why, jsse: None, openssl: None, advice }
    };
    let log = match by {
        Role::Client => "Read the client's log at that time.",
        Role::Server => "Read the server's log at that time.",
    };
    match description.0 {
        0 => meaning(
            "The client ended TLS in order. A close_notify names no reason (RFC 8446, 6.1).",
            "The server ended TLS in order. A close_notify names no reason (RFC 8446, 6.1).",
            log,
        ),
        10 => meaning(
            "The client received a message that does not fit there: the server may not speak TLS at all, or a device changes the \
             traffic.",
            "The server received a message that does not fit there: the client may not speak TLS at all, or a device changes the \
             traffic.",
            "Check that the port is the TLS port, and which devices are between the two.",
        ),
        20 | 21 | 22 | 30 | 47 | 50 | 51 => meaning(
            "The client could not parse or verify what the server sent.",
            "The server could not parse or verify what the client sent.",
            "Suspect a device that changes the traffic, or a defect in one of the two implementations.",
        ),
        49 => meaning(
            "The server's certificate is valid, but by the client's access rules it is not to be used here.",
            "The client's certificate is valid, but by the server's access rules its owner is not admitted.",
            log,
        ),
        80 => meaning(
            "The client reports an internal error of its own (RFC 8446, 6.2).",
            "The server reports an internal error of its own (RFC 8446, 6.2). OpenSSL 3 also does so for TLS 1.0 and 1.1, which it disables.",
            log,
        ),
        90 => meaning(
            "The client's user or program cancelled the handshake (RFC 8446, 6.1).",
            "The server's operator or program cancelled the handshake (RFC 8446, 6.1).",
            log,
        ),
        100 => meaning(
            "The client does not renegotiate (RFC 5246, 7.2.2).",
            "The server does not renegotiate (RFC 5246, 7.2.2).",
            log,
        ),
        109 => meaning(
            "The server's message lacks an extension that TLS 1.3 requires (RFC 8446, 6.2).",
            "The client's message lacks an extension that TLS 1.3 requires (RFC 8446, 6.2).",
            "Suspect a defect in one of the two implementations, or a device that changes the traffic.",
        ),
        110 => meaning(
            "The server's message has an extension that is not allowed there, or that the client did not offer (RFC 8446, 6.2).",
            "The client's message has an extension that is not allowed there (RFC 8446, 6.2).",
            "Suspect a defect in one of the two implementations, or a device that changes the traffic.",
        ),
        _ if description.name().is_none() => meaning(
            "The TLS registry has no name for this alert, so the packets do not show what the client means by it.",
            "The TLS registry has no name for this alert, so the packets do not show what the server means by it.",
            log,
        ),
        _ => meaning(
            "The packets show no more of the client's reason than the alert's name.",
            "The packets show no more of the server's reason than the alert's name.",
            log,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_alert_means_other_checks_in_other_libraries() {
        let sentences = of(Role::Client, AlertDescription(46)).by_library("certificate_unknown");
        assert!(sentences.contains("Java (JSSE)") && sentences.contains("wrong name"), "{sentences}");
        assert!(
            sentences.contains("Java (JSSE) sends certificate_unknown for an unknown issuer"),
            "{sentences}"
        );
        assert!(of(Role::Client, AlertDescription(42)).by_library("bad_certificate").contains("OpenSSL"));
        assert_eq!(of(Role::Server, AlertDescription(70)).by_library("protocol_version"), "");
    }

    #[test]
    fn who_sent_it_changes_what_it_means() {
        let [server, client] = [Role::Server, Role::Client].map(|by| of(by, AlertDescription(48)).why);
        assert_ne!(server, client);
    }

    #[test]
    fn every_alert_is_explained_by_a_sentence_with_a_subject() {
        for number in 0..=255 {
            for by in [Role::Client, Role::Server] {
                let why = of(by, AlertDescription(number)).why;
                let names_somebody = why.contains("client") || why.contains("server");
                assert!(!why.starts_with("It ") && why.ends_with('.') && names_somebody, "{number}: {why}");
            }
        }
        assert!(of(Role::Server, AlertDescription(99)).why.contains("no name"));
        assert!(of(Role::Server, AlertDescription(116)).why.contains("asked for a client certificate"));
    }
}
