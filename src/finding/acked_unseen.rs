//! Bytes were acknowledged that the capture never saw.

use super::{Finding, Weight, finding};
use crate::story::Story;
use crate::tcp::Role;

/// `acked-unseen`: the capture has holes that the network had not.
pub(super) fn find(story: &Story) -> Option<Finding> {
    if story.one_sided().is_some() {
        return None;
    }
    [Role::Client, Role::Server].into_iter().find_map(|role| {
        let bytes = story.missing.acked_unseen[role];
        // A FIN that the capture missed counts as one.
        if bytes <= 1 {
            return None;
        }
        finding(
            "acked-unseen",
            Weight::Warning,
            format!("{bytes} bytes of the {role} were acknowledged and are not in the capture: it missed packets that arrived."),
            story.missing.acked_unseen_by[role].numbers(),
        )
    })
}
