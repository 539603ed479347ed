//! What a packet filter did with the packets of its log (pflog), by rule; and why Cisco ASA dropped packets.

use super::link::Rule;
use crate::limits::TRANSCRIPT_RULES;
use crate::packet::Filtered;

/// The rules and reasons that a text names, in the order of their first packets.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    known: Vec<(String, u64)>,
    /// Reasons for which Cisco ASA dropped packets.
    reasons: Vec<(String, u64)>,
    /// Packets whose reasons are not kept because there were too many.
    other_reasons: u64,
    /// Packets of rules that are not kept because there were too many.
    others: u64,
}

impl Rules {
    /// Takes in what the text says that a firewall did with a packet, and returns it.
    pub fn take(&mut self, rule: Option<Rule<'_>>, reason: Option<&str>) -> Option<Filtered> {
        if let Some(reason) = reason {
            self.add_reason(reason);
        }
        let by_rule = rule.and_then(|rule| {
            self.add(rule);
            match rule.action {
                "block" => Some(Filtered::Dropped),
                "pass" => Some(Filtered::Passed),
                // `match` and address translation decide nothing.
                _ => None,
            }
        });
        reason.map(|_| Filtered::Dropped).or(by_rule)
    }

    /// A packet for which the log names `rule`.
    pub fn add(&mut self, rule: Rule<'_>) {
        let Rule { number, action, interface } = rule;
        let words = format!("{action} by rule {number} on {interface}");
        if let Some((_, count)) = self.known.iter_mut().find(|(known, _)| *known == words) {
            *count += 1;
        } else if self.known.len() < TRANSCRIPT_RULES {
            self.known.push((words, 1));
        } else {
            self.others += 1;
        }
    }

    /// A packet that the text gives this reason for dropping.
    pub fn add_reason(&mut self, reason: &str) {
        if let Some((_, count)) = self.reasons.iter_mut().find(|(known, _)| known == reason) {
            *count += 1;
        } else if self.reasons.len() < TRANSCRIPT_RULES {
            self.reasons.push((reason.to_owned(), 1));
        } else {
            self.other_reasons += 1;
        }
    }

    /// Why how many packets were dropped; `None` if the text gives no reason.
    pub fn reasons_note(&self) -> Option<String> {
        let mut parts: Vec<String> =
            self.reasons.iter().map(|(reason, count)| format!("{reason} ({})", packets(*count))).collect();
        if self.other_reasons > 0 {
            parts.push(format!("other reasons ({})", packets(self.other_reasons)));
        }
        let words: String = parts.join("; ").chars().flat_map(char::escape_debug).collect();
        (!parts.is_empty()).then(|| format!("the firewall that printed the text dropped packets: {words}"))
    }

    /// What was done with how many packets; `None` if the text is no packet filter's log.
    pub fn note(&self) -> Option<String> {
        let mut parts: Vec<String> =
            self.known.iter().map(|(words, count)| format!("{words} ({})", packets(*count))).collect();
        if self.others > 0 {
            parts.push(format!("other rules ({})", packets(self.others)));
        }
        let words: String = parts.join("; ").chars().flat_map(char::escape_debug).collect();
        (!parts.is_empty()).then(|| format!("the text is a packet filter's log: {words}"))
    }
}

fn packets(count: u64) -> String {
    if count == 1 { "1 packet".to_owned() } else { format!("{count} packets") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_counted() {
        let mut rules = Rules::default();
        assert_eq!(rules.reasons_note(), None);
        for reason in ["(acl-drop) denied", "(acl-drop) denied", "(rpf-violated) failed"] {
            rules.add_reason(reason);
        }
        let note = "the firewall that printed the text dropped packets: (acl-drop) denied (2 packets); (rpf-violated) failed (1 packet)";
        assert_eq!((rules.reasons_note().as_deref(), rules.note()), (Some(note), None));
    }

    #[test]
    fn each_rule_is_counted_and_they_are_bounded() {
        let mut rules = Rules::default();
        assert_eq!(rules.note(), None);
        let block = Rule { number: "0/0", action: "block", interface: "em0" };
        rules.add(block);
        rules.add(block);
        rules.add(Rule { action: "pass", ..block });
        let note = "the text is a packet filter's log: block by rule 0/0 on em0 (2 packets); pass by rule 0/0 on em0 (1 packet)";
        assert_eq!(rules.note().as_deref(), Some(note));
        for number in 0..=TRANSCRIPT_RULES {
            rules.add(Rule { number: &number.to_string(), ..block });
        }
        assert!(rules.note().is_some_and(|note| note.ends_with("other rules (3 packets)")));
    }
}
