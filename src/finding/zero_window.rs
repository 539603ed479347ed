//! A receiver had no room.

use super::{Finding, Weight, finding};
use crate::story::Story;
use crate::tcp::Role;

/// `zero-window`.
pub(super) fn find(story: &Story) -> Option<Finding> {
    [Role::Client, Role::Server].into_iter().find_map(|role| {
        let count = story.traffic.counters[role].zero_windows;
        if count == 0 {
            return None;
        }
        finding(
            "zero-window",
            Weight::Warning,
            format!(
                "The {role} announced a zero window {}: its program did not read what had arrived.",
                if count == 1 { "once".to_owned() } else { format!("{count} times") }
            ),
            story.traffic.zero_windows[role].numbers(),
        )
    })
}
