//! What clients that fail asked for and others did not, in words; and the devices that sent the errors.

use super::{Conclusion, Stance, Words, resting_on};
use crate::analysis::{Difference, Others, Trait};
use crate::report::text::escape::escaped;
use crate::report::text::numbers::grouped;
use crate::verdict::Code;

impl Words<'_> {
    /// What differs between those that fail and those that are ok.
    pub(super) fn of_difference(&self, worked: &Others) -> Option<Conclusion> {
        let text = self.compared(self.context.difference.as_ref()?, worked);
        Some(resting_on(text, worked, Stance::Adds))
    }

    /// What the server chose for those that fail and for those that are ok, where it is not the same.
    pub(super) fn of_choice(&self) -> Option<String> {
        let difference = self.context.chosen_difference.as_ref()?;
        Some(self.compared(difference, &self.context.worked))
    }

    fn compared(&self, difference: &Difference, worked: &Others) -> String {
        let Difference { what, failed, worked: others } = difference;
        let subject = |count: u64, one: &str, all: &str| match count {
            1 => format!("the one that {one}"),
            2 => format!("both that {all}"),
            count => format!("all {} that {all}", grouped(count)),
        };
        format!(
            "Of the connections to {}, {} {}; {} {}.",
            self.name,
            subject(self.group.count, "fails", "fail"),
            asked(*what, self.group.count, failed),
            subject(worked.times.count, "is ok", "are ok"),
            asked(*what, worked.times.count, others)
        )
    }

    /// The devices that sent the ICMP errors, where there are several.
    pub(super) fn of_senders(&self) -> Option<Conclusion> {
        let senders = &self.context.senders;
        if self.key.code != Code::Unreachable || senders.len() < 2 {
            return None;
        }
        let show = |host| escaped(&self.names.show(host).to_string());
        let counted: Vec<_> =
            senders.iter().map(|(host, count)| format!("{} ({})", show(*host), grouped(*count))).collect();
        let further = self.group.count.saturating_sub(senders.iter().map(|(_, count)| count).sum());
        let further =
            if further > 0 { format!(", and others ({})", grouped(further)) } else { String::new() };
        let text = format!("The ICMP errors came from {}{further}.", counted.join(", "));
        let hosts: Vec<_> = senders.iter().map(|(host, _)| show(*host)).collect();
        let hosts = hosts.join(", ");
        let advice = match self.key.cause.as_deref() {
            Some("icmp-admin-prohibited") => Some(format!(
                "A filter on each of {hosts} rejects this traffic: add a rule there that allows it."
            )),
            Some("icmp-net-unreachable" | "icmp-host-unreachable") => {
                Some(format!("Check the route to the server's network on each of {hosts}."))
            }
            _ => None,
        };
        Some(Conclusion { advice: advice.map(Into::into), ..Conclusion::new(text, Vec::new(), Stance::Adds) })
    }
}

/// What was asked for, offered or chosen, by one connection or by `count`.
fn asked(what: Trait, count: u64, values: &[Option<String>]) -> String {
    let s = if count == 1 { "s" } else { "" };
    let named: Vec<_> = values.iter().flatten().map(|value| escaped(value)).collect();
    let named = named.join(" or ");
    let has_none = values.iter().any(Option::is_none);
    match what {
        Trait::Target => format!("ask{s} the proxy for {named}"),
        Trait::Name if named.is_empty() => format!("send{s} no server name (SNI)"),
        Trait::Name if has_none => format!("ask{s} for {named} or send{s} no name (SNI)"),
        Trait::Name => format!("ask{s} for {named} (SNI)"),
        Trait::Version => format!("offer{s} {named} at most"),
        Trait::Agreed => format!("use{s} {named}"),
        Trait::Suite => format!("use{s} the cipher suite {named}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_agrees_with_its_number() {
        let values = |all: &[&str]| all.iter().map(|value| Some((*value).to_owned())).collect::<Vec<_>>();
        assert_eq!(asked(Trait::Name, 1, &values(&["a"])), "asks for a (SNI)");
        assert_eq!(asked(Trait::Name, 2, &values(&["a", "b"])), "ask for a or b (SNI)");
        assert_eq!(asked(Trait::Name, 2, &[None]), "send no server name (SNI)");
        assert_eq!(asked(Trait::Target, 2, &values(&["a:1"])), "ask the proxy for a:1");
        assert_eq!(asked(Trait::Version, 1, &values(&["TLS 1.0"])), "offers TLS 1.0 at most");
        assert!(!asked(Trait::Name, 1, &values(&["a\u{202e}"])).contains('\u{202e}'));
    }
}
