//! Lines that a log or a tool put into one, with `\n` in place of their ends.

use super::json::unescaped;

/// The lines that `raw` is; `None` if it is one. An escape counts as a line's end where a packet begins after one of them.
pub fn lines(raw: &[u8]) -> Option<Vec<Vec<u8>>> {
    let is_end = |at: &usize| raw.get(at + 1) == Some(&b'n');
    // Most lines have no backslash.
    if !memchr::memchr_iter(b'\\', raw)
        .any(|at| is_end(&at) && begins_packet(raw.get(at + 2..).unwrap_or_default()))
    {
        return None;
    }
    let text = String::from_utf8_lossy(raw);
    let lines = unescaped(&text, None);
    Some(lines.split('\n').map(|line| line.trim_end_matches('\r').as_bytes().to_vec()).collect())
}

/// Whether `raw` begins as a packet's line does in nearly all texts: with a time of day, or with a row's number and time.
fn begins_packet(raw: &[u8]) -> bool {
    let words = raw.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let mut words = words.take(2);
    let first = words.next().unwrap_or_default();
    let is_time = |word: &[u8]| {
        matches!(word, [h, hh, b':', m, mm, b':', s, ss, b'.', f, ..]
            if [h, hh, m, mm, s, ss, f].iter().all(|digit| digit.is_ascii_digit()))
    };
    let is_number = !first.is_empty() && first.iter().all(u8::is_ascii_digit);
    let is_span = |word: &[u8]| {
        let digits = word.iter().filter(|byte| byte.is_ascii_digit()).count();
        digits > 1 && digits + 1 == word.len() && word.contains(&b'.')
    };
    is_time(first) || is_number && words.next().is_some_and(|second| is_time(second) || is_span(second))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::text_of;
    use super::*;

    fn read(raw: &str) -> Option<Vec<String>> {
        text_of(lines(raw.as_bytes()))
    }

    #[test]
    fn a_text_in_one_line_is_its_lines() {
        for (raw, lines) in [
            (
                r"10:00:00.0 IP (tos\n    a > b: S\n10:00:00.1 IP (tos\n\t0x0000:  4500\n",
                &["10:00:00.0 IP (tos", "    a > b: S", "10:00:00.1 IP (tos", "\t0x0000:  4500", ""][..],
            ),
            (
                r"    1   0.000000 a \u2192 b TCP\r\n    2   0.000086 b \u2192 a TCP",
                &["    1   0.000000 a \u{2192} b TCP", "    2   0.000086 b \u{2192} a TCP"],
            ),
        ] {
            let lines = lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
            assert_eq!(read(raw), Some(lines), "{raw}");
        }
        for raw in [
            r"a\nb\n",
            r#"if (a > b) { print("\n1 2"); }"#,
            r"0x0010:  5c6e 3130  ..\n10.....",
            r"c:\new 10:00:00.0",
        ] {
            assert_eq!(read(raw), None, "{raw}");
        }
    }

    proptest! {
        #[test]
        fn any_line_is_read_and_gets_no_longer(raw in r"([0-9:. ]|\\n|\\u?|\PC){0,40}") {
            if let Some(lines) = lines(raw.as_bytes()) {
                prop_assert!(lines.concat().len() <= raw.len());
            }
        }
    }
}
