//! A weak cipher suite was agreed on.

use super::{Finding, Weight, finding};
use crate::story::Story;

/// What in a suite's name makes it weak, and why; the worst first.
const WEAKNESSES: [(&str, &str); 8] = [
    ("_NULL_", "it does not encrypt (RFC 9325, 4.1)"),
    ("_anon_", "neither side is authenticated (RFC 9325, 4.1)"),
    ("EXPORT", "its keys are short on purpose (RFC 9325, 4.1)"),
    ("_RC4_", "RC4 is forbidden (RFC 7465)"),
    ("_RC2_", "RC2 is long broken"),
    ("_DES_", "DES keys have 56 bits (RFC 5469)"),
    ("3DES", "blocks of 64 bits repeat on long connections (RFC 9325, 4.1)"),
    ("_MD5", "MD5 is long broken (RFC 9325, 4.1)"),
];

/// `obsolete-suite`; key exchange by static RSA is reported as information.
pub(super) fn find(story: &Story) -> Option<Finding> {
    let suite = story.tls.cipher_suite()?;
    let name = suite.name()?;
    let hello = story.tls.server_hello.as_ref()?;
    let weakness = WEAKNESSES.iter().find(|(part, _)| name.contains(part));
    let (weight, text) = match weakness {
        Some((_, why)) => (Weight::Warning, format!("The cipher suite {name} was agreed on: {why}.")),
        None if name.starts_with("TLS_RSA_WITH_") => (
            Weight::Info,
            format!(
                "The cipher suite {name} was agreed on: keys are exchanged by static RSA, without forward secrecy, which \
                 Java and \
                 other libraries have begun to switch off (RFC 9325, 4.1)."
            ),
        ),
        None => return None,
    };
    finding("obsolete-suite", weight, text, [hello.moment.number])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::script::talk::{self, NAMED, ssm};
    use crate::tcp::Role::{Client, Server};

    fn agreed(suite: u16) -> Option<Finding> {
        ssm()
            .open()
            .say(Client, &talk::client_hello_with(&[NAMED]))
            .say(Server, &talk::server_hello(0x0303, suite))
            .finding("obsolete-suite")
    }

    #[test]
    fn weak_suites_are_warnings_with_their_reason() {
        // NULL, RC4 with MD5, EXPORT, DES, 3DES, anonymous, ECDHE with RC4.
        for (suite, why) in [
            (0x0002, "does not encrypt"),
            (0x0004, "RC4"),
            (0x0003, "short on purpose"),
            (0x0009, "56 bits"),
            (0x000a, "64 bits"),
            (0x0034, "neither side is authenticated"),
            (0xc011, "RC4"),
        ] {
            let found = agreed(suite).expect("a finding");
            assert_eq!(found.is(), (Weight::Warning, &[5][..]), "{suite:04x}");
            assert!(found.text.contains(why), "{}", found.text);
        }
    }

    #[test]
    fn static_rsa_is_worth_knowing_and_current_and_unknown_suites_are_not() {
        let found = agreed(0x002f).expect("a finding");
        assert_eq!(found.severity, Weight::Info);
        assert!(found.text.contains("forward secrecy"), "{}", found.text);
        assert_eq!(agreed(0xc030), None);
        assert_eq!(agreed(0xabcd), None);
    }
}
