//! What the neighbours of SYNs without a reply show.

use super::{Conclusion, Stance, Words, all, resting_on};
use crate::analysis::{Clients, Others, RelativeTime};
use crate::report::text::numbers::count;

impl Words<'_> {
    /// What to conclude where the server answered other SYNs.
    pub(super) fn of_silence(&self, answered: &Others) -> Option<Conclusion> {
        let these = self.these();
        let all = all(answered);
        let name = &self.name;
        let others = count(answered.times.count, "other SYN");
        if self.is_order_chance(answered) {
            return Some(self.of_order(&format!("{name} answered {others}"), answered));
        }
        let text = match (answered.when?, answered.clients) {
            (RelativeTime::Before, _) => format!(
                "{name} answered {others} before {these}{}: the server, the path or a rule changed then.",
                self.none_since()
            ),
            (RelativeTime::After, _) => format!(
                "{name} answered {others}, {all}after {these}{}: the server was not up, or the path or a rule changed.",
                self.none_before(answered)
            ),
            (_, Clients::Others) => format!(
                "{name} answered {others}, {}: {}.",
                self.none_of_theirs(),
                match self.common_address() {
                    Some(addresses) => format!("a firewall rule or a route for {addresses} is likely"),
                    None => "loss, a full accept queue, or a rule or route for some addresses".to_owned(),
                }
            ),
            (when, clients) => {
                let rule = match (when, clients) {
                    (RelativeTime::Around, _) => "Neither a fixed firewall rule nor a dead host",
                    _ => "Not a fixed firewall rule",
                };
                let whose = match clients {
                    Clients::Same => format!(", from {} too", self.these_clients()),
                    Clients::Some => format!(", also from some of {}", self.these_clients()),
                    Clients::Others | Clients::Unknown => String::new(),
                };
                let span = if when == RelativeTime::Around {
                    "in this capture"
                } else {
                    "before and between these failures"
                };
                let rules = if clients == Clients::Same { "" } else { " a rule for some clients," };
                format!(
                    "{rule}: {name} answered {others} {span}{whose}. Intermittent loss, a SYN rate limit,{rules} or a full \
                     accept queue."
                )
            }
        };
        let advice = match (answered.when?, answered.clients) {
            (RelativeTime::Before | RelativeTime::After, _) => {
                self.of_change(answered, "the service, its host, a route or a firewall rule")
            }
            (_, Clients::Others) if self.common_address().is_none() => {
                format!("Try again from {}: a rule or a route fails each time, loss does not.", self.these_clients()).into()
            }
            (_, Clients::Others) => format!("Check the firewall rules and the route for {}.", self.addresses()).into(),
            _ => "On the server: `nstat -az TcpExtListenOverflows TcpExtListenDrops`. Numbers that rise are SYNs that a full accept \
                  queue dropped."
                .into(),
        };
        Some(Conclusion { advice: Some(advice), ..resting_on(text, answered, Stance::Replaces) })
    }
}
