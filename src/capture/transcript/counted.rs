//! Packets of a text that have a note of their own.

/// `count packets` and so on, for notes; nothing for none.
pub fn counted(count: u64, words: &str) -> Option<String> {
    match count {
        0 => None,
        1 => Some(format!("1 packet {words}")),
        _ => Some(format!("{count} packets {words}")),
    }
}
