//! Why a capture holds nothing to judge.

use super::text::words::count;
use crate::analysis::Summary;
use crate::packet::Other;

/// Why there is no connection to judge.
pub(super) fn why(summary: &Summary) -> String {
    if summary.packets == 0 {
        return "The capture holds no packets.".to_owned();
    }
    if summary.skipped == summary.packets {
        return "No packet matches the selection.".to_owned();
    }
    match portless(summary) {
        Some(text) => format!("{text}."),
        None => "No TCP connections found.".to_owned(),
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
