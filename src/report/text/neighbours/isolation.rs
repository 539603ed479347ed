//! A client to which no host replies, in words.

use super::{Conclusion, Stance, Words};
use crate::report::text::escape::escaped;

impl Words<'_> {
    /// That the fault is near the client, where it hears of nobody.
    pub(super) fn of_isolation(&self) -> Option<Conclusion> {
        let isolation = self.context.isolation?;
        let client = escaped(&self.names.show(isolation.client).to_string());
        let text = format!(
            "{client} got no reply from any of the {} hosts that it tried: the fault is probably near it, or on a path that they share.",
            isolation.hosts
        );
        let advice = "Check the client's own link, gateway, route and firewall first: no host replies to it.";
        Some(Conclusion {
            advice: Some(advice.into()),
            ..Conclusion::new(text, Vec::new(), Stance::Shortens)
        })
    }
}
