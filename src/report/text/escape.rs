//! What came from the wire, made fit for a terminal.
//!
//! Every string that a peer could have written passes through here before it is printed: control characters could drive
//! the terminal, and bidirectional or invisible ones could make a line read as something else.

use std::fmt::Write;

/// The text with everything that is not plainly visible written as `\n`, `\x1b` or `\u{202e}`, and `\` as itself.
pub fn escaped(text: &str) -> String {
    let (plain, rest) = text.split_at(plain_len(text));
    let mut safe = String::with_capacity(text.len());
    safe.push_str(plain);
    for character in rest.chars() {
        push(&mut safe, character);
    }
    safe
}

/// How many of a text's first bytes are certainly safe: printable ASCII, in steps that the compiler compares at once. Most text
/// is nothing else, and looking at each character was a quarter of the time of much JSON.
pub fn plain_len(text: &str) -> usize {
    const STEP: usize = 16;
    const HALF: usize = STEP / 2;
    let is_plain = |byte: &u8| byte.wrapping_sub(b' ') < 0x7f - b' ';
    let are_plain = |bytes: &[u8]| bytes.iter().fold(true, |all, byte| all & is_plain(byte));
    let mut rest = text.as_bytes();
    while let Some((_, further)) = rest.split_first_chunk::<STEP>().filter(|(step, _)| are_plain(*step)) {
        rest = further;
    }
    if let Some((_, further)) = rest.split_first_chunk::<HALF>().filter(|(step, _)| are_plain(*step)) {
        rest = further;
    }
    text.len() - rest.len() + rest.iter().take_while(|byte| is_plain(byte)).count()
}

/// Whether a character can be printed on a terminal as it is.
pub fn is_safe(character: char) -> bool {
    !character.is_control() && !is_format(character)
}

fn push(safe: &mut String, character: char) {
    match character {
        '\n' => safe.push_str("\\n"),
        '\r' => safe.push_str("\\r"),
        '\t' => safe.push_str("\\t"),
        _ if is_safe(character) => safe.push(character),
        _ => match u8::try_from(u32::from(character)) {
            Ok(byte) if byte < 0x80 => push_hexadecimal(safe, byte),
            _ => safe.extend(character.escape_unicode()),
        },
    }
}

fn push_hexadecimal(safe: &mut String, byte: u8) {
    // Writing to a string can't fail.
    let _ = write!(safe, "\\x{byte:02x}");
}

/// Characters that are not visible, or change the order or the look of others: Unicode's general category Cf, its line
/// and paragraph separators, variation selectors, fillers, and what is for private use or no character at all.
fn is_format(character: char) -> bool {
    matches!(
        u32::from(character),
        0xad | 0x034f
            | 0x0600..=0x0605
            | 0x061c
            | 0x06dd
            | 0x070f
            | 0x0890..=0x0891
            | 0x08e2
            | 0x115f..=0x1160
            | 0x17b4..=0x17b5
            | 0x180b..=0x180f
            | 0x200b..=0x200f
            | 0x2028..=0x202e
            | 0x2060..=0x206f
            | 0x3164
            | 0xe000..=0xf8ff
            | 0xfe00..=0xfe0f
            | 0xfeff
            | 0xffa0
            | 0xfff0..=0xfffb
            | 0xfffe..=0xffff
            | 0x1_10bd
            | 0x1_10cd
            | 0x1_3430..=0x1_345f
            | 0x1_bca0..=0x1_bca3
            | 0x1_d173..=0x1_d17a
            | 0xe_0000..=0x10_ffff
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_could_drive_a_terminal_or_deceive_a_reader_is_written_out() {
        assert_eq!(escaped("ssm.example"), "ssm.example");
        assert_eq!(escaped("bücher.example"), "bücher.example");
        assert_eq!(escaped("a\u{1b}[2Jb\r\n"), "a\\x1b[2Jb\\r\\n");
        assert_eq!(escaped("\u{202e}moc"), "\\u{202e}moc");
        assert_eq!(escaped("\u{9b}31m"), "\\u{9b}31m");
    }

    proptest! {
        #[test]
        fn nothing_unsafe_is_left_of_any_text(text: String) {
            prop_assert!(escaped(&text).chars().all(is_safe));
        }

        #[test]
        fn plain_text_ends_where_the_first_other_character_begins(text in "[ -~]{0,40}[ -~µ\\x00-\\x1f\\x7f]{0,40}") {
            let plain = text.chars().take_while(|character| matches!(character, ' '..='~')).count();
            prop_assert_eq!(plain_len(&text), plain);
            prop_assert!(text[..plain].chars().all(is_safe));
        }
    }
}
