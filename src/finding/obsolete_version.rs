//! A version was agreed on that must not be used any more.

use super::{Finding, Weight, finding};
use crate::story::Story;
use crate::tls::{Basis, Version};

/// `obsolete-version`: SSL 2.0, SSL 3.0, TLS 1.0 or TLS 1.1. Where only lengths suggest it, nothing is reported.
pub(super) fn find(story: &Story) -> Option<Finding> {
    let hello = story.tls.server_hello.as_ref().filter(|hello| hello.basis < Basis::Inferred)?;
    let version = hello.what.version.filter(|version| version.is_obsolete())?;
    let standard = match version {
        Version::SSL2 => "RFC 6176 forbids it",
        Version(0x0300) => "RFC 7568 forbids it",
        _ => "RFC 8996 deprecates it",
    };
    finding(
        "obsolete-version",
        Weight::Warning,
        format!("{version} was agreed on: {standard}, and current clients and servers refuse it."),
        [hello.moment.number],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::Stage;
    use crate::story::script::talk::{self, NAMED, ssm};
    use crate::tcp::Role::{Client, Server};

    #[test]
    fn an_obsolete_version_is_reported_with_what_forbids_it_and_a_current_one_is_not() {
        let agreed = |version: u16| {
            let hello = ssm().open().say(Client, &talk::client_hello_with(&[NAMED]));
            hello.say(Server, &talk::server_hello(version, 0xc030)).finding("obsolete-version")
        };
        for (version, standard) in [(0x0300, "RFC 7568"), (0x0301, "RFC 8996"), (0x0302, "RFC 8996")] {
            let found = agreed(version).expect("a finding");
            assert_eq!(found.is(), (Weight::Warning, &[5][..]));
            assert!(found.text.contains(standard), "{}", found.text);
        }
        assert_eq!(agreed(0x0303), None);
    }

    #[test]
    fn lengths_alone_say_nothing() {
        let inferred = Story::at(Stage::ServerHello).but(|story| {
            let hello = story.tls.server_hello.as_mut().unwrap();
            hello.what.version = Some(Version(0x0301));
            hello.basis = Basis::Inferred;
        });
        assert_eq!(inferred.finding("obsolete-version"), None);
    }
}
