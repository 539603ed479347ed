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
    // A RST that answers the client's FIN refuses nothing.
    let refused = story.endings.first().filter(|ending| {
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
    let (weight, text) = match refused {
        Some(_) => (
            Weight::Warning,
            "No SNI: servers and firewalls that select by name react like this. Try the host name instead of the IP address.",
        ),
        None => (
            Weight::Info,
            "No SNI: the client probably connects by IP address and gets the default certificate.",
        ),
    };
    finding(
        "no-sni",
        weight,
        text.to_owned(),
        [Some(hello.moment.number), refused.map(|ending| ending.moment.number)].into_iter().flatten(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::script::talk::{self, NAMED, ssm};
    use crate::tcp::Role::{Client, Server};

    #[test]
    fn a_hello_without_a_name_matters_more_when_it_was_refused() {
        let unnamed = ssm().open().say(Client, &talk::client_hello_with(&[]));
        assert_eq!(unnamed.finding("no-sni").expect("a finding").is(), (Weight::Info, &[4][..]));
        for alert in [40, 112] {
            let refused = unnamed.clone().say(Server, &talk::alert(alert)).fin(Server);
            let found = refused.finding("no-sni").expect("a finding");
            assert_eq!(found.is(), (Weight::Warning, &[4, 5][..]));
        }
        assert_eq!(unnamed.clone().rst(Server).weight_of("no-sni"), Some(Weight::Warning));
        let other_alert = unnamed.say(Server, &talk::alert(70)).finding("no-sni").expect("a finding");
        assert_eq!(other_alert.severity, Weight::Info);
        assert!(!other_alert.text.contains("It answered"), "{}", other_alert.text);
    }

    #[test]
    fn a_rst_that_answers_the_client_s_fin_refuses_nothing() {
        let unnamed = ssm().open().say(Client, &talk::client_hello_with(&[])).ack(Server).wait(8_000);
        let found = unnamed.fin(Client).rst(Server).finding("no-sni").expect("a finding");
        assert_eq!(found.severity, Weight::Info);
    }

    #[test]
    fn a_name_and_a_hello_that_was_not_seen_whole_are_no_finding() {
        let named = ssm().open().say(Client, &talk::client_hello_with(&[NAMED]));
        assert_eq!(named.finding("no-sni"), None);
        assert_eq!(ssm().open().say(Client, &talk::client_hello()).finding("no-sni"), None);
    }
}
