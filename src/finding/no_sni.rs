//! The ClientHello names no server.

use super::{Finding, Weight, finding};
use crate::story::{EndingKind, Stage, Story};
use crate::tcp::Role;
use crate::tls::{AlertDescription, Version};

/// `no-sni`: only where the whole ClientHello was seen, and the version has the extension (RFC 6066, 3).
pub(super) fn find(story: &Story) -> Option<Finding> {
    let hello = story.tls.client_hello.as_ref()?;
    let can_name = hello.what.versions.first().is_some_and(|version| *version > Version(0x0300));
    if !hello.what.is_whole || !can_name || hello.what.server_name.is_some() {
        return None;
    }
    let refused = story.endings.iter().find(|ending| {
        ending.by == Role::Server
            && ending.stage == Stage::ClientHello
            && match &ending.what {
                EndingKind::Alert { description, .. } => matches!(
                    description,
                    Some(AlertDescription::HANDSHAKE_FAILURE | AlertDescription::UNRECOGNIZED_NAME)
                ),
                EndingKind::Reset(_) => true,
                _ => false,
            }
    });
    let (weight, consequence) = match refused {
        Some(_) => (
            Weight::Warning,
            " It answered as servers and firewalls do that choose by the name: try the name in place of the address.",
        ),
        None => (Weight::Info, ""),
    };
    finding(
        "no-sni",
        weight,
        format!(
            "The ClientHello names no server (no SNI), as when the server is configured by its address: the server answers with its \
             default certificate, which has to be valid for that address.{consequence}"
        ),
        [Some(hello.moment.number), refused.map(|ending| ending.moment.number)].into_iter().flatten(),
    )
}
