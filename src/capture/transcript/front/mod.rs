//! Lines as they come, before any family of text reads them: bounded, without the margins that mails and editors put before
//! them, and cleaned of what terminals and web pages add.

mod encoding;
mod escaped;
mod json;
mod line;
mod lines;
mod margins;
mod markup;
mod prefix;
mod quoted_printable;
mod repair;
mod rows;
mod sequences;

pub use encoding::{Decoded, is_utf16};
pub use line::{CleanLine, decode_entities};
pub use lines::Lines;
pub use margins::unquoted;
pub use prefix::Prefix;
pub use repair::{has_wide_gap, may_hold_masks, repaired, single_spaced, with_whole_masks};

/// The lines that were found, as a test compares them.
#[cfg(test)]
fn text_of(lines: Option<Vec<Vec<u8>>>) -> Option<Vec<String>> {
    Some(lines?.into_iter().map(|line| String::from_utf8(line).expect("text")).collect())
}
