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
    /// The likely causes per library, as sentences with a space before each.
    pub(in crate::verdict) fn by_library(&self) -> String {
        [("Java (JSSE)", self.jsse), ("OpenSSL (curl, Python, nginx)", self.openssl)]
            .into_iter()
            .filter_map(|(library, causes)| Some(format!(" {library} sends it for {}.", causes?)))
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
        (format!("{}{}", meaning.why, meaning.by_library()), meaning.advice)
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
            "The server speaks none of the TLS versions that the client offered.",
            None,
            None,
            "Enable a common TLS version on one of the two (an old Java client may stop at TLS 1.0 or 1.2).",
        ),
        40 => meaning(
            "The server found nothing acceptable in what the client offered.",
            Some("no cipher suite in common, or none that fits the server's key"),
            Some(
                "no cipher suite or group in common, or up to TLS 1.2 a client certificate that was asked for and not sent",
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
            "The server does not serve the host name in the SNI.",
            Some("a name that its SNI matchers refuse"),
            Some("a name without a certificate of its own (in nginx: ssl_reject_handshake)"),
            "Use the name in the server's certificate, or configure that name on the server.",
        ),
        42 => meaning(
            "The server does not accept the client's certificate, or asked for one and got none.",
            Some(
                "up to TLS 1.2 an empty certificate message; a certificate that is not yet valid or badly signed",
            ),
            Some("a client certificate that is not yet valid or badly signed"),
            "Check the client certificate: present, valid, and from an issuer that the server trusts.",
        ),
        43..=46 | 48 => meaning(
            "The server does not accept the client's certificate.",
            None,
            None,
            "Check the client certificate: valid, and from an issuer that the server trusts.",
        ),
        116 => meaning(
            "The server asked for a client certificate and got none.",
            None,
            None,
            "Give the client a certificate from an issuer that the server trusts, or stop the server asking for one.",
        ),
        120 => meaning(
            "The two have no application protocol in common (ALPN).",
            None,
            None,
            "Enable HTTP/1.1 or HTTP/2 on both sides.",
        ),
        _ => from_either(description),
    }
}

fn from_client(description: AlertDescription) -> Meaning {
    let meaning = |why, jsse, openssl, advice| Meaning { why, jsse, openssl, advice };
    match description.0 {
        48 => meaning(
            "The client does not trust the issuer of the server's certificate.",
            None,
            Some("an unknown issuer, or a self-signed certificate"),
            "Put the issuing CA, or the self-signed certificate, into the client's trust store.",
        ),
        46 => meaning(
            "The client does not accept the server's certificate.",
            Some(
                "an unknown issuer, a self-signed certificate or a wrong name (the exception's text shows which)",
            ),
            Some("a check that has no alert of its own"),
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
                "not yet valid (or a client's clock that is behind), a bad signature, or in TLS 1.3 MD5 or SHA-1",
            ),
            Some(
                "a wrong name, not yet valid (or a client's clock that is behind), a bad signature, or a weak key",
            ),
            "Check the certificate's dates, name and signature, and the client's clock.",
        ),
        43 => meaning(
            "The client rejects the type of the server's certificate.",
            Some("a weak or disabled algorithm"),
            Some("a certificate that is not for servers, or a weak algorithm"),
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
            Some("parameters that the JDK's policy disables (jdk.tls.disabledAlgorithms)"),
            Some("a refusal by the program's own verification callback"),
            "Compare the security policies of both sides.",
        ),
        70 => meaning(
            "The server chose a TLS version that the client does not accept.",
            None,
            None,
            "Enable a common TLS version on one of the two.",
        ),
        _ => from_either(description),
    }
}

fn from_either(description: AlertDescription) -> Meaning {
    let meaning = |why, advice| Meaning { why, jsse: None, openssl: None, advice };
    match description.0 {
        10 => meaning(
            "It received a message that does not fit there: the other side may not speak TLS at all, or a device changes \
             the traffic.",
            "Check that the port is the TLS port, and which devices are between the two.",
        ),
        20 | 22 | 47 | 50 | 51 => meaning(
            "It could not parse or verify what it received.",
            "Suspect a device that changes the traffic, or a defect in one of the two implementations.",
        ),
        80 => meaning("Internal error on the side that sent the alert.", "Read its log at that time."),
        _ => meaning("The alert's name states the reason.", "Read the log of the side that sent it."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_alert_stands_for_other_checks_in_other_libraries() {
        let sentences = of(Role::Client, AlertDescription(46)).by_library();
        assert!(sentences.contains("Java (JSSE)") && sentences.contains("wrong name"), "{sentences}");
        assert!(of(Role::Client, AlertDescription(42)).by_library().contains("OpenSSL"));
        assert_eq!(of(Role::Server, AlertDescription(70)).by_library(), "");
    }

    #[test]
    fn who_sent_it_changes_what_it_means() {
        let [server, client] = [Role::Server, Role::Client].map(|by| of(by, AlertDescription(48)).why);
        assert_ne!(server, client);
    }
}
