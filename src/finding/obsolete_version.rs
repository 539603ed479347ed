//! A version was agreed on that must not be used any more.

use super::{Finding, Weight, finding};
use crate::story::Story;
use crate::tls::{Basis, Version};

/// `obsolete-version`: SSL 2.0, SSL 3.0, TLS 1.0 or TLS 1.1. Where only lengths suggest it, nothing is said.
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
