//! What the neighbours of refused certificates show.

use super::{Conclusion, Stance, Words, numbers};
use crate::analysis::{Clients, RefusedCertificates, RelativeTime, Times};
use crate::report::text::escape::escaped;
use crate::report::text::numbers::count;

impl Words<'_> {
    pub(super) fn of_certificates(&self) -> Option<Conclusion> {
        Some(match self.context.certificates.as_ref()? {
            RefusedCertificates::SameAccepted { title, times, when, clients } => {
                let same = format!("The same certificate, \"{}\", was accepted in", escaped(title));
                let same = format!("{same} {}", count(times.count, "other connection"));
                match self.key.cause.as_deref() {
                    Some("certificate_expired") => self.of_dates(&same, times, *when),
                    cause => self.of_trust(&same, times, *clients, cause == Some("unknown_ca")),
                }
            }
            RefusedCertificates::OthersAccepted { refused, accepted, times, when } => {
                let text = self.of_others(refused, accepted, *when);
                Conclusion::new(text, numbers(times), Stance::Shortens)
            }
        })
    }

    /// The same certificate was accepted, and is refused because of its dates.
    fn of_dates(&self, same: &str, times: &Times, when: Option<RelativeTime>) -> Conclusion {
        let text = if when == Some(RelativeTime::Before) {
            format!(
                "{same} before {}{}: it expired meanwhile, or a clock was set.",
                self.these(),
                self.none_since()
            )
        } else {
            format!("{same}: clocks differ, or not every program checks the dates.")
        };
        Conclusion::new(text, numbers(times), Stance::Adds)
    }

    /// The same certificate was accepted by others. Its issuer alone is a matter of trust stores for certain.
    fn of_trust(&self, same: &str, times: &Times, clients: Clients, is_about_issuer: bool) -> Conclusion {
        let (text, is_same_client) = match clients {
            Clients::Same => {
                let these = self.these_clients();
                (format!("{same}, by {these} too: programs with different trust stores or settings."), true)
            }
            Clients::Some => (
                format!(
                    "{same}, by some of these clients too: programs with different trust stores or settings."
                ),
                true,
            ),
            Clients::Others => {
                let these = self.these_clients();
                (
                    format!(
                        "{same}, by other clients: the trust stores or settings of {these} differ from theirs."
                    ),
                    false,
                )
            }
            Clients::Unknown => (format!("{same}: trust stores or settings differ."), false),
        };
        let advice = "Add the issuing CA to the trust store of the program that fails.";
        let advice = (is_same_client && is_about_issuer).then_some(advice.into());
        Conclusion { advice, ..Conclusion::new(text, numbers(times), Stance::Shortens) }
    }

    /// The certificates that were accepted are others than those that were refused.
    fn of_others(&self, refused: &[String], accepted: &[String], when: RelativeTime) -> String {
        let name = &self.name;
        let list = |titles: &[String]| {
            let quoted: Vec<_> = titles.iter().map(|title| format!("\"{}\"", escaped(title))).collect();
            quoted.join(", ")
        };
        let (refused, accepted) = (list(refused), list(accepted));
        match when {
            RelativeTime::Before => format!(
                "{name} presented {accepted} before, which was accepted, and {refused} since{}: the certificate was \
                 replaced.",
                self.at_first()
            ),
            RelativeTime::After => format!(
                "{name} presented {refused}, which was refused, and {accepted} afterwards, which is accepted: the \
                 certificate was replaced."
            ),
            RelativeTime::Between | RelativeTime::Around if refused == accepted => format!(
                "{name} presents different certificates with the name {refused}: one was refused, another accepted. A pool \
                 whose members differ."
            ),
            RelativeTime::Between | RelativeTime::Around => format!(
                "{name} presents different certificates: {refused} was refused, {accepted} accepted. A pool whose members \
                 differ, or a server that selects by name (SNI)."
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{concluded_alone, moment};
    use super::*;
    use crate::story::script::talk::{self, ssm};
    use crate::tcp::Role::{Client, Server};

    /// What is concluded of a certificate that this alert refuses at 10 s, and that the same client accepted at these times.
    fn concluded(alert: u8, accepted: &[u64]) -> Conclusion {
        let talk = ssm().open().say(Client, &talk::client_hello()).say(Server, &talk::server_flight());
        let mut story = talk.say(Client, &talk::alert(alert)).fin(Client).story(0);
        story.first = moment(10);
        let times = Times::of(accepted.iter().copied().map(moment));
        let is_before = accepted.iter().all(|second| *second < 10);
        let when = Some(if is_before { RelativeTime::Before } else { RelativeTime::Around });
        let (title, clients) = ("ssm".to_owned(), Clients::Same);
        let same = RefusedCertificates::SameAccepted { title, times, when, clients };
        concluded_alone(story, |context| context.certificates = Some(same))
    }

    #[test]
    fn trust_stores_are_named_where_the_issuer_is_unknown() {
        let conclusion = concluded(48, &[5, 15]);
        assert!(conclusion.text.contains("trust stores"), "{}", conclusion.text);
        assert!(conclusion.advice.is_some_and(|advice| advice.contains("issuing CA")));
        // Java sends this alert for names and dates, too.
        assert_eq!(concluded(46, &[5, 15]).advice, None);
    }

    #[test]
    fn a_certificate_that_expired_is_no_matter_of_trust_stores() {
        let conclusion = concluded(45, &[5, 7]);
        assert!(
            conclusion
                .text
                .ends_with("before this one and none since 10 s: it expired meanwhile, or a clock was set.")
        );
        assert_eq!((conclusion.advice, conclusion.stance), (None, Stance::Adds));
        let around = concluded(45, &[5, 15]);
        assert!(around.text.contains("clocks differ") && !around.text.contains("trust"), "{}", around.text);
    }
}
