//! What a server would choose of all that OpenSSL and Java offer, where it refused what the check offers.

use super::Perspective;
use super::advice::{MODERN, OPENSSL};
use super::certificate::words_of;
use crate::cert::Fault;
use crate::probe::http::verifier::objectionable;
use crate::story::{Ending, EndingKind, Story};
use crate::tcp::Role;
use crate::tls::{NamedGroup, ServerHello, Version};
use crate::verdict::{Actor, Severity, Verdict};

impl Perspective<'_> {
    /// A server that others can talk to is no failure, however old what it needs is.
    pub(super) fn choice(&self, story: &Story, verdict: &mut Verdict) {
        let Some((hello, version, suite)) =
            self.choice.and_then(|hello| Some((hello, hello.version?, hello.cipher_suite?)))
        else {
            if let Some(judged) = self.offered.first() {
                verdict.explanation =
                    format!("{} {SECOND}{}", verdict.explanation, second(&judged.story)).into();
            }
            // The check's own alert is its answer to what the server chose.
            if let (Actor::Client, Some(version)) = (verdict.actor, story.tls.version()) {
                verdict.actor = Actor::Server;
                verdict.headline = format!(
                    "the server answered with {version}, which this check did not offer, and refuses all else that clients offer"
                )
                .into();
                verdict.change_advice(|advice| *advice = vec![MODERN]);
            }
            return;
        };
        let name = suite.to_string();
        let restricted =
            if self.is_restricted { " (--tls-min and --tls-max restrict it)" } else { ", TLS 1.2 and 1.3" };
        verdict.actor = Actor::Server;
        if verdict.cause.as_deref() == Some(NO_PROTOCOL) {
            verdict.headline = format!(
                "the server accepts no ALPN protocol that this check offers (--alpn); without ALPN it chooses {suite} over {version}"
            )
            .into();
            verdict.explanation = "The server refused what this check offers for the protocol inside TLS, and was asked by a second \
                                   ClientHello without ALPN, which it answered; nothing was completed. Clients that send no ALPN are \
                                   served, as Java's older ones and `openssl s_client`, and so are those that offer what it accepts."
                .into();
            verdict.change_advice(|advice| *advice = vec![ALPN]);
        } else if self.is_restricted && can_complete(&name, version) && !was_offered(story, version) {
            verdict.headline =
                format!("the server chooses {version}, which --tls-min or --tls-max excludes").into();
            verdict.explanation = format!(
                "The server refused what this check offered{restricted}, and was asked by a second ClientHello what it would choose of all that \
                 OpenSSL and Java offer: {suite} over {version}. Nothing was completed."
            )
            .into();
            verdict.change_advice(|advice| *advice = vec![RESTRICTION]);
        } else {
            let (headline, why) = self.lacking(hello, version, &name);
            verdict.headline = headline.into();
            verdict.explanation = format!(
                "The server refused what this check offered{restricted}, and was asked by a second ClientHello what it would \
                 choose of all that OpenSSL and Java offer; nothing was completed. The choice is obsolete or rare: {why}. Whether \
                 the rest works, a page for example, is not known."
            )
            .into();
            verdict.change_advice(|advice| *advice = vec![OPENSSL, MODERN]);
        }
        let is_refused = self.prime_bits.is_some_and(|bits| bits < REFUSED_PRIME);
        if !self.is_restricted && !is_refused {
            verdict.severity = Severity::Warning;
        }
        self.faults_of_choice(&name, verdict);
    }

    /// What the check lacks of a choice, in one line, and why.
    fn lacking(&self, hello: &ServerHello, version: Version, name: &str) -> (String, String) {
        let short = self.prime_bits.filter(|bits| *bits < LEAST_PRIME);
        let others = match short {
            Some(bits) if bits < REFUSED_PRIME => "no client of today can",
            Some(_) => "a Java client can, and newer OpenSSL refuses it",
            None => others(name, version),
        };
        // A suite that the check has is not what it lacks.
        let is_suite = is_rare(name) || !version.is_tls13() && !is_modern(name);
        let why = why(name, version, hello.group);
        let group = hello.group.and_then(NamedGroup::name).filter(|group| !OWN_GROUPS.contains(group));
        let headline = match group {
            Some(group) if !is_suite => {
                format!(
                    "the server chooses the group {group} over {version}, which this check lacks; {others}"
                )
            }
            _ if !is_suite => {
                format!(
                    "the server's choice over {version} needs a certificate or a signature of a kind that this check lacks (P-521, SHA-1); {others}"
                )
            }
            _ => {
                let prime = short.map(|bits| format!(" with a prime of {bits} bits")).unwrap_or_default();
                format!("the server chooses {name}{prime} over {version}, which this check lacks; {others}")
            }
        };
        (headline, why)
    }

    /// What is wrong with the certificate that the server showed then, and what the user demands of it.
    fn faults_of_choice(&self, name: &str, verdict: &mut Verdict) {
        if let Some(unmet) = self.unmet_by_choice {
            verdict.severity = Severity::Critical;
            verdict.headline = format!("{}; and {}", unmet.headline, verdict.headline).into();
            verdict.explanation = format!("{} {}", verdict.explanation, unmet.explanation).into();
            verdict.change_advice(|known| known.splice(..0, unmet.advice.iter().copied()).for_each(drop));
        }
        // Up to TLS 1.2 the certificate comes in clear.
        let found = self.offered.iter().find_map(|judged| judged.story.tls.examination.as_ref());
        let fault = found.and_then(|found| objectionable(found, self.accepted));
        // A server that chooses RSA key exchange signs nothing.
        let is_unused =
            |fault: &&Fault| matches!(fault, Fault::KeyUsage { .. }) && name.starts_with("TLS_RSA_");
        if let Some(fault) = fault.filter(|fault| !is_unused(fault)) {
            let when = self.offered.iter().find_map(|judged| judged.story.certificates_at());
            verdict.severity = Severity::Critical;
            let (words, advice) = words_of(fault);
            verdict.headline = format!("{words}; and {}", verdict.headline).into();
            verdict.change_advice(|known| known.splice(..0, advice.iter().copied()).for_each(drop));
            verdict.explanation = format!("{} {}", verdict.explanation, fault.sentence(when)).into();
        }
    }
}

const SECOND: &str = "A second ClientHello with everything that OpenSSL and Java offer, TLS 1.0 to 1.3,";

/// What a second ClientHello came to that the server did not answer by a choice.
fn second(story: &Story) -> &'static str {
    let by_server = |ending: &&Ending| ending.by == Role::Server;
    let mut endings = story.endings.iter().filter(by_server);
    let alert = endings.clone().any(|ending| matches!(ending.what, EndingKind::Alert { .. }));
    match () {
        () if story.plain.server.is_some() => " was answered by bytes that are no TLS.",
        () if alert => " was refused as well.",
        () if story.tls.server_hello.is_some() => " was answered by a choice that was not among them.",
        () if endings.clone().any(|ending| matches!(ending.what, EndingKind::Reset(_))) => {
            " was answered by a RST: the server, or a device before it, may limit how often a client connects."
        }
        () if endings.any(|ending| matches!(ending.what, EndingKind::Fin)) => {
            " was answered by the connection's close."
        }
        () if story.data[Role::Server].first.is_some() => " got part of an answer.",
        () => " got no answer: the server, or a device before it, may limit how often a client connects.",
    }
}

/// By which a server refuses each protocol that is offered inside TLS (RFC 7301, 3.2).
const NO_PROTOCOL: &str = "no_application_protocol";

/// Groups that the check has, or that a server does not insist on.
const OWN_GROUPS: [&str; 4] = ["x25519", "secp256r1", "secp384r1", "X25519MLKEM768"];

/// The bits that a Diffie-Hellman prime has at least (RFC 9325, 4.2), and those below which OpenSSL and Java refuse it whatever their
/// settings are by default.
const LEAST_PRIME: usize = 2_048;
const REFUSED_PRIME: usize = 1_024;

const ALPN: &str =
    "Give --alpn a protocol that the server accepts, such as h2, or none by --alpn '', as clients have it.";

/// Whether the check has the version and suites of this kind.
fn can_complete(suite: &str, version: Version) -> bool {
    !is_rare(suite) && (version.is_tls13() || version == Version::TLS12 && is_modern(suite))
}

/// Whether the check's own ClientHello had the version.
fn was_offered(story: &Story, version: Version) -> bool {
    story.tls.client_hello.as_ref().is_some_and(|hello| hello.what.versions.contains(&version))
}

const RESTRICTION: &str =
    "Have the server offer a TLS version that --tls-min and --tls-max allow, or change these options.";

/// Whether clients have the suite and offer it only where they are configured to.
fn is_rare(suite: &str) -> bool {
    suite.contains("CCM")
}

/// Whether the check has suites of this kind.
fn is_modern(suite: &str) -> bool {
    suite.contains("ECDHE") && (suite.contains("GCM") || suite.contains("CHACHA20"))
}

/// Who can complete it.
fn others(suite: &str, version: Version) -> &'static str {
    let is_java = ["AES_128", "AES_256", "CHACHA20"].iter().any(|cipher| suite.contains(cipher));
    match () {
        () if is_rare(suite) => "clients whose settings have it can",
        () if is_java && !version.is_obsolete() => "a Java client can",
        () => "clients with old settings can",
    }
}

/// Why the check can't.
fn why(suite: &str, version: Version, group: Option<NamedGroup>) -> String {
    let group = group.and_then(NamedGroup::name).unwrap_or("secp256r1");
    match () {
        () if version.is_obsolete() => format!("{version} must not be used any more (RFC 8996)"),
        () if is_rare(suite) => {
            "this check lacks suites with CCM, and clients offer none by default".to_owned()
        }
        () if !(version.is_tls13() || is_modern(suite)) => {
            "a suite without ECDHE and AEAD is obsolete (RFC 9325, 4.2)".to_owned()
        }
        () if !OWN_GROUPS.contains(&group) => {
            format!("its group, {group}, is not one that this check has")
        }
        () => {
            "its certificate, its group or its signature is of a kind that this check lacks, as P-521 and SHA-1 are".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::Judged;
    use crate::cert::{Examination, Issuer};
    use crate::probe::http::tls::Failed;
    use crate::probe::perspective::tests::{expired, hello, ignorant, seen, unestablished};
    use crate::story::Stage;
    use crate::tcp::Role::Server;
    use crate::tls::PlainKind;
    use std::sync::Arc;

    #[test]
    fn a_second_hello_is_said_to_be_refused_only_where_it_was() {
        let check = |story: &Story, words: &str| {
            assert!(second(story).contains(words), "{words}: {}", second(story));
        };
        let at = || Story::at(Stage::ClientHello);
        check(&at().alert(Role::Server, 40), "was refused as well");
        check(&at().rst(Role::Server), "answered by a RST");
        check(&at().fin(Role::Server), "the connection's close");
        check(&at().fin(Role::Client), "got no answer");
        let plain = at().sends(Role::Server, PlainKind::HttpResponse(400), "HTTP/1.1 400");
        check(&plain, "bytes that are no TLS");
        check(&Story::at(Stage::ServerHello), "was not among them");
    }

    #[test]
    fn what_a_choice_lacks_is_named_by_what_it_is() {
        let (new, old) = (Version::TLS13, Version::TLS12);
        assert!(why("TLS_AES_128_CCM_SHA256", new, None).contains("CCM"));
        assert_eq!(others("TLS_AES_128_CCM_SHA256", new), "clients whose settings have it can");
        assert!(why("TLS_RSA_WITH_AES_128_CBC_SHA", old, None).contains("RFC 9325"));
        assert_eq!(others("TLS_RSA_WITH_AES_128_CBC_SHA", old), "a Java client can");
        assert_eq!(others("TLS_RSA_WITH_3DES_EDE_CBC_SHA", old), "clients with old settings can");
        assert!(why("TLS_AES_128_GCM_SHA256", new, Some(NamedGroup(0x0019))).contains("secp521r1"));
        assert!(why("TLS_AES_128_GCM_SHA256", new, None).contains("P-521"));
    }

    #[test]
    fn a_second_client_hello_decides_between_obsolete_and_refused() {
        let story = || Story::at(Stage::ClientHello).alert(Server, 40);
        let (own, verdict) = (story(), story().verdict());
        let offered = [Judged { story: Box::new(own), verdict, findings: Vec::new() }];
        let refused = unestablished(Failed { is_no_choice: true, ..Failed::default() });
        let nothing = Perspective { connections: &refused, offered: &offered, ..ignorant() };
        let nothing = seen(&nothing, story());
        assert_eq!(nothing.severity, Severity::Critical);
        assert!(nothing.explanation.contains("was refused as well"), "{}", nothing.explanation);
        for (version, suite, words) in [
            (
                0x0303,
                0x002f,
                "TLS_RSA_WITH_AES_128_CBC_SHA over TLS 1.2, which this check lacks; a Java client can",
            ),
            (0x0301, 0x000a, "clients with old settings can"),
        ] {
            let choice = hello(version, suite);
            let perspective = Perspective { connections: &refused, choice: Some(&choice), ..ignorant() };
            let verdict = seen(&perspective, story());
            assert_eq!((verdict.severity, verdict.actor), (Severity::Warning, Actor::Server), "{words}");
            assert!(verdict.headline.contains(words), "{}", verdict.headline);
            // Where the user allows less than the check can do, the refusal stays.
            let restricted = seen(&Perspective { is_restricted: true, ..perspective }, story());
            assert_eq!(restricted.severity, Severity::Critical);
            assert!(restricted.explanation.contains("--tls-min and --tls-max"), "{}", restricted.explanation);
        }
    }

    #[test]
    fn a_short_prime_is_named_and_one_that_nobody_takes_is_critical() {
        let refused = unestablished(Failed { is_no_choice: true, ..Failed::default() });
        let choice = hello(0x0303, 0x009e);
        for (bits, severity, words) in [
            (
                512,
                Severity::Critical,
                "with a prime of 512 bits over TLS 1.2, which this check lacks; no client",
            ),
            (
                1_024,
                Severity::Warning,
                "with a prime of 1024 bits over TLS 1.2, which this check lacks; a Java client can, and newer OpenSSL refuses",
            ),
            (2_048, Severity::Warning, "GCM_SHA256 over TLS 1.2, which this check lacks; a Java client can"),
        ] {
            let perspective = Perspective {
                connections: &refused,
                choice: Some(&choice),
                prime_bits: Some(bits),
                ..ignorant()
            };
            let verdict = seen(&perspective, Story::at(Stage::ClientHello).alert(Server, 40));
            assert!(verdict.headline.contains(words), "{}", verdict.headline);
            assert_eq!(verdict.severity, severity, "{bits}");
        }
    }

    #[test]
    fn a_group_that_the_check_lacks_is_named_whatever_the_version() {
        let refused = unestablished(Failed { is_no_choice: true, ..Failed::default() });
        for (version, suite, name) in [(0x0303, 0xc02b, "TLS 1.2"), (0x0304, 0x1301, "TLS 1.3")] {
            let choice = ServerHello { group: Some(NamedGroup(0x19)), ..hello(version, suite) };
            let perspective = Perspective { connections: &refused, choice: Some(&choice), ..ignorant() };
            let verdict = seen(&perspective, Story::at(Stage::ClientHello).alert(Server, 40));
            let words = format!("chooses the group secp521r1 over {name}, which this check lacks");
            assert!(verdict.headline.contains(&words), "{}", verdict.headline);
            assert!(!verdict.mentions("SHA-1"), "{verdict:?}");
        }
    }

    #[test]
    fn a_version_that_the_user_excludes_is_nothing_that_the_check_lacks() {
        let refused = unestablished(Failed { is_no_choice: true, ..Failed::default() });
        for (version, suite, name) in [(0x0303, 0xc02f, "TLS 1.2"), (0x0304, 0x1301, "TLS 1.3")] {
            let choice = hello(version, suite);
            let perspective = Perspective {
                connections: &refused,
                choice: Some(&choice),
                is_restricted: true,
                ..ignorant()
            };
            let verdict = seen(&perspective, Story::at(Stage::ClientHello).alert(Server, 70));
            let words = format!("the server chooses {name}, which --tls-min or --tls-max excludes");
            assert_eq!(verdict.headline, words);
            assert_eq!(verdict.severity, Severity::Critical);
        }
    }

    #[test]
    fn an_old_server_whose_certificate_is_refused_anyway_is_critical() {
        let choice = hello(0x0303, 0x009c);
        let offered = Story::at(Stage::ServerHello).but(|story| {
            let examination =
                Examination { issuer: Issuer::Trusted, ..Examination::by_hand(vec![expired()]) };
            story.tls.examination = Some(Arc::new(examination));
        });
        let verdict = offered.verdict();
        let offered = [Judged { story: Box::new(offered), verdict, findings: Vec::new() }];
        let refused = unestablished(Failed { is_no_choice: true, ..Failed::default() });
        let perspective =
            Perspective { connections: &refused, choice: Some(&choice), offered: &offered, ..ignorant() };
        let verdict = seen(&perspective, Story::at(Stage::ClientHello).alert(Server, 40));
        assert_eq!(verdict.severity, Severity::Critical);
        assert!(
            verdict.headline.contains("expired on 2020-09-13; and the server chooses"),
            "{}",
            verdict.headline
        );
    }
}
