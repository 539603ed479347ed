//! What the neighbours of refused connections show.

use super::{Conclusion, Stance, Words, all, resting_on};
use crate::analysis::{Clients, OtherDistance, Others, RelativeTime};
use crate::report::text::escape::escaped;
use crate::report::text::numbers::count;
use crate::verdict::Actor;

impl Words<'_> {
    /// A device that refuses with the server's address: its RSTs come from another distance.
    pub(super) fn of_other_device(&self, answered: &Others) -> Option<Conclusion> {
        let OtherDistance { resets, usual, evidence } = self.context.other_distance.as_ref()?;
        let list = |hop_limits: &[u8]| {
            let all: Vec<_> = hop_limits.iter().map(ToString::to_string).collect();
            all.join(" and ")
        };
        let host = escaped(&self.names.show(self.key.server.0).to_string());
        let (these, have) = if self.group.count == 1 { ("The RST", "has") } else { ("The RSTs", "have") };
        let seen = format!(
            "{these} {have} TTL {}, and other packets of {host} have {}: a device on the path probably refused with its address.",
            list(resets),
            list(usual)
        );
        let others = count(answered.times.count, "other connection");
        let name = &self.name;
        let more = match answered.when {
            None => String::new(),
            Some(RelativeTime::Before) => format!(" {name} accepted {others} before{}.", self.none_since()),
            Some(RelativeTime::After) => {
                format!(" {name} accepted {others} afterwards{}.", self.none_before(answered))
            }
            Some(RelativeTime::Between | RelativeTime::Around) => match answered.clients {
                Clients::Others => {
                    format!(" {name} accepted {others}, none of them from {}.", self.these_clients())
                }
                _ => format!(" {name} also accepted {others}."),
            },
        };
        let mut conclusion = resting_on(format!("{seen}{more}"), answered, Stance::Replaces);
        conclusion.evidence.extend(evidence);
        conclusion.evidence.sort_unstable();
        conclusion.evidence.dedup();
        let advice = "Look for a firewall or load balancer on the path that rejects this traffic with a TCP reset, and ask for its log.";
        Some(Conclusion { advice: Some(advice.into()), actor: Some(Actor::Path), ..conclusion })
    }

    pub(super) fn of_refusal(&self, answered: &Others) -> Option<Conclusion> {
        let these = self.these();
        let all = all(answered);
        let name = &self.name;
        let others = count(answered.times.count, "other connection");
        if self.is_order_chance(answered) {
            return Some(self.of_order(&format!("{name} accepted {others}"), answered));
        }
        let text = match answered.when? {
            RelativeTime::Before => format!(
                "{name} accepted {others} before {these}{}: the service stopped listening, or a rule changed then.",
                self.none_since()
            ),
            RelativeTime::After => format!(
                "{name} accepted {others}, {all}after {these}{}: the service was not listening yet, or a rule changed.",
                self.none_before(answered)
            ),
            RelativeTime::Between | RelativeTime::Around if answered.clients == Clients::Others => format!(
                "{name} accepted {others}, {}: {}.",
                self.none_of_theirs(),
                match self.common_address() {
                    Some(addresses) => format!("a rule that rejects {addresses} is likely"),
                    None => "a rule that rejects some addresses, a full accept queue, or a pool of which one member is down".to_owned(),
                }
            ),
            RelativeTime::Between | RelativeTime::Around => format!(
                "{name} also accepted {others}: a service that restarts, a full accept queue, or a pool of which one member is \
                 down."
            ),
        };
        let advice = match answered.when? {
            RelativeTime::Before | RelativeTime::After => self.of_change(answered, "the service, its host, or a firewall rule"),
            _ if answered.clients == Clients::Others && self.common_address().is_some() => {
                format!("Check the firewall rules for {}.", self.addresses()).into()
            }
            _ => "Read the service log at these times: a restart, a full accept queue, or a pool member that is down.".into(),
        };
        Some(Conclusion { advice: Some(advice), ..resting_on(text, answered, Stance::Adds) })
    }
}
