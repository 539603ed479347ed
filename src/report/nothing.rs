//! Why a capture holds nothing to judge.

use super::text::lookups::{self, LookupText};
use super::text::words::{count, grouped};
use crate::analysis::{Summary, Unanswered};
use crate::packet::Other;
use crate::verdict::Severity;

/// The first question without a usable answer that counts: what kept a connection from beginning.
pub(super) fn lookup(summary: &Summary) -> Option<LookupText<'_>> {
    unanswered(summary).map(|found| lookups::of(found, &summary.names))
}

/// The same as the capture shows it.
pub(super) fn unanswered(summary: &Summary) -> Option<&Unanswered> {
    summary.unanswered.iter().find(|found| found.is_critical)
}

/// How grave it is that there is no connection.
pub(super) fn severity(summary: &Summary) -> Severity {
    if lookup(summary).is_some() { Severity::Critical } else { Severity::Unknown }
}

/// Why there is no connection to judge.
pub(super) fn why(summary: &Summary) -> String {
    if let Some(lookup) = lookup(summary) {
        return lookup.title();
    }
    if is_unread_text(summary) {
        return "No packet could be read from the text.".to_owned();
    }
    if summary.packets == 0 {
        return "The capture holds no packets.".to_owned();
    }
    if summary.skipped == summary.packets {
        return "No packet matches the selection.".to_owned();
    }
    if summary.has_window {
        return "No connection has a packet in the selected time.".to_owned();
    }
    match portless(summary) {
        Some(text) => format!("{text}."),
        None => match others(summary).filter(|_| is_text(summary)) {
            Some(others) => format!("The text holds no TCP packet, only {others}."),
            None => "No TCP connections found.".to_owned(),
        },
    }
}

fn is_text(summary: &Summary) -> bool {
    !summary.about.files.is_empty() && summary.about.files.iter().all(|file| file.is_text)
}

/// Whether the input is text of which nothing could be read, and a note says why.
pub(super) fn is_unread_text(summary: &Summary) -> bool {
    summary.packets == 0 && is_text(summary) && !summary.about.notes.is_empty()
}

/// What a text without TCP holds; `None` if nothing of it was counted.
fn others(summary: &Summary) -> Option<String> {
    let errors = summary.icmp_without_connection;
    let others = summary.packets.saturating_sub(errors);
    let errors = (errors > 0).then(|| count(errors, "ICMP error"));
    let others = match others {
        0 => None,
        1 => Some("1 packet of another protocol".to_owned()),
        _ => Some(format!("{} packets of other protocols", grouped(others))),
    };
    match (errors, others) {
        (Some(errors), Some(others)) => Some(format!("{errors} and {others}")),
        (Some(one), None) | (None, Some(one)) => Some(one),
        (None, None) => None,
    }
}

/// The TCP packets of a text that belong to no connection because it shows no ports.
pub(super) fn portless(summary: &Summary) -> Option<String> {
    let of =
        |is_between_names| summary.others.get(&Other::PortlessTcp { is_between_names }).copied().unwrap_or(0);
    let (named, all) = (of(true), of(true) + of(false));
    let packets = count(all, "TCP packet");
    let them = if all == 1 { "it" } else { "them" };
    (all > 0).then(|| {
        if named == all {
            format!("{packets} between names, no port shown in {them}")
        } else {
            format!("{packets}, a port not shown in {them}")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_of_other_protocols_are_counted_in_english() {
        let others = |packets, errors| {
            others(&Summary { packets, icmp_without_connection: errors, ..Summary::default() })
        };
        assert_eq!(others(0, 0), None);
        assert_eq!(others(1, 0).as_deref(), Some("1 packet of another protocol"));
        assert_eq!(others(1_204, 0).as_deref(), Some("1,204 packets of other protocols"));
        assert_eq!(others(3, 1).as_deref(), Some("1 ICMP error and 2 packets of other protocols"));
    }
}
