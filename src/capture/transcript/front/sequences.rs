//! What a terminal obeys and does not show: control sequences, as of colours, which no tool prints of a packet's bytes.

const ESCAPE: u8 = 0x1b;
const BELL: u8 = 0x07;

/// Removes a terminal's control sequences (ECMA-48, 5.4) and its operating system commands (8.3.89) from a line.
pub fn remove(raw: &mut Vec<u8>) {
    let Some(first) = memchr::memchr(ESCAPE, raw) else { return };
    let rest = raw.split_off(first);
    let mut rest = rest.as_slice();
    while let Some((byte, after)) = rest.split_first() {
        rest = match (byte, after) {
            (&ESCAPE, [b'[', after @ ..]) => {
                let end = after.iter().position(|byte| (b'@'..=b'~').contains(byte));
                end.and_then(|end| after.get(end + 1..)).unwrap_or_default()
            }
            (&ESCAPE, [b']', after @ ..]) => {
                let end = after.iter().position(|byte| *byte == BELL || *byte == ESCAPE);
                match end.map(|end| after.split_at(end)) {
                    Some((_, [BELL, after @ ..] | [ESCAPE, b'\\', after @ ..] | after)) => after,
                    None => &[],
                }
            }
            // ECMA-35, 14.3: another character set, as `tput sgr0` names it.
            (&ESCAPE, [b'(' | b')', _, after @ ..]) => after,
            _ => {
                raw.push(*byte);
                after
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn removed(line: &str) -> String {
        let mut raw = line.as_bytes().to_vec();
        remove(&mut raw);
        String::from_utf8(raw).expect("what was text")
    }

    #[test]
    fn colours_and_titles_are_removed_and_nothing_else() {
        for (line, rest) in [
            ("\u{1b}[32m10:00 IP a > b\u{1b}[0m", "10:00 IP a > b"),
            ("\u{1b}[1;38;5;9mGET / HTTP/1.1\u{1b}[m\u{1b}[K", "GET / HTTP/1.1"),
            ("\u{1b}]0;title\u{7}E..(", "E..("),
            ("\u{1b}]8;;http://a\u{1b}\\a\u{1b}]8;;\u{1b}\\ b", "a b"),
            ("[32m is text", "[32m is text"),
            ("\u{1b}(B\u{1b}[mplain", "plain"),
            ("\u{1b}x is kept", "\u{1b}x is kept"),
            ("cut \u{1b}[3", "cut "),
            ("", ""),
        ] {
            assert_eq!(removed(line), rest, "{line:?}");
        }
    }

    proptest! {
        #[test]
        fn any_line_is_looked_at(mut raw: Vec<u8>) {
            let before = raw.len();
            remove(&mut raw);
            prop_assert!(raw.len() <= before);
        }
    }
}
