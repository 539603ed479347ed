//! A fault with a beginning and an end, in words.

use super::{Conclusion, Stance, Words, numbers};
use crate::analysis::{Clients, Outage, Times};
use crate::report::text::ends;
use crate::report::text::numbers::grouped;
use crate::verdict::Code;

impl Words<'_> {
    /// The span in which all failed, where no other explanation is as good: a rule for a client's address can be one.
    pub(super) fn of_outage(&self) -> Option<Conclusion> {
        let outage = self.context.outage.as_ref()?;
        let (others, what) = match self.key.code {
            Code::SynNoReply => (&self.context.answered, "the service, its host, a route or a firewall rule"),
            Code::Refused => (&self.context.answered, "the service, its host, or a firewall rule"),
            _ => (&self.context.worked, "the service, its host, or a device in front of it"),
        };
        let is_rule_likely = others.clients == Clients::Others && !self.context.are_single;
        if is_rule_likely || self.context.is_client_s_act {
            return None;
        }
        let Outage { from, to, before, after, alike } = outage;
        let (begin, end) = ((self.time)(from.at)?, (self.time)(to.at)?);
        let (name, before, after) = (&self.name, grouped(*before), grouped(*after));
        let span = format!("from {begin} to {end}");
        let text = match self.key.code {
            Code::SynNoReply => format!(
                "{name} answered no connection that began {span}; it answered {before} before and {after} after."
            ),
            Code::Refused => format!(
                "{name} accepted no connection that began {span}; it accepted {before} before and {after} after."
            ),
            _ => format!(
                "No connection to {name} that began {span} is ok; {before} before and {after} after are."
            ),
        };
        let alike = alike.map_or_else(String::new, |(host, port)| {
            let other = ends::socket(self.names, host, port);
            format!(
                " {other} failed in the same way at the same time: the path or the client's side is likely."
            )
        });
        let evidence = numbers(&Times::of(others.times.first.into_iter().chain(others.times.last)));
        let stance = if self.key.code == Code::SynNoReply { Stance::Replaces } else { Stance::Adds };
        let advice = format!("Find what happened shortly before {begin} and shortly after {end}: {what}.");
        let text = format!("{text}{alike}");
        Some(Conclusion { advice: Some(advice.into()), ..Conclusion::new(text, evidence, stance) })
    }
}
