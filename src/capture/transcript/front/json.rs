//! Lines in strings of JSON: a container's log has one in each object, `{"log":"...\n","stream":"stdout"}`, and a tool that ran the
//! command has all of them in one, `"stdout": "...\n..."`.

/// Names of strings that hold what a command printed; the first one that is not empty counts.
const KEYS: [&str; 6] = ["log", "stdout", "output", "message", "MESSAGE", "msg"];

/// The lines that `raw` holds in such a string; `None` if it has none.
pub fn lines(raw: &[u8]) -> Option<Vec<Vec<u8>>> {
    // Most lines have no quote.
    if !raw.contains(&b'"') {
        return None;
    }
    let text = std::str::from_utf8(raw).ok()?;
    let named = KEYS.iter().filter_map(|key| string(text, key)).find(|held| !held.trim().is_empty());
    let held = named.or_else(|| element(text))?;
    let held = held.strip_suffix('\n').unwrap_or(&held);
    Some(held.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line).as_bytes().to_vec()).collect())
}

/// The string that is an array's element on a line of its own, where it has escapes; without them it is as it is.
fn element(text: &str) -> Option<String> {
    let quoted = text.trim();
    let quoted = quoted.strip_suffix(',').unwrap_or(quoted);
    let inside = quoted.strip_prefix('"')?.strip_suffix('"').filter(|inside| inside.contains('\\'))?;
    // A quote that is no part of the string ends it before the line's end.
    let mut is_escape = false;
    let is_whole = inside.bytes().all(|byte| {
        let is_other = if is_escape { !b"\"\\/bfnrtu".contains(&byte) } else { byte == b'"' };
        is_escape = byte == b'\\' && !is_escape;
        !is_other
    });
    is_whole.then(|| unescaped(inside, Some('"')))
}

/// The string that follows `"key":`, without its escapes; one that was cut ends with the text.
fn string(text: &str, key: &str) -> Option<String> {
    let quoted = format!("\"{key}\"");
    text.match_indices(&quoted).find_map(|(at, _)| {
        // A name is first in its object or line, or after another value.
        let before = text.get(..at)?.trim_end();
        let is_name = before.is_empty() || before.ends_with(['{', ',']);
        let value =
            text.get(at + quoted.len()..)?.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
        is_name.then(|| unescaped(value, Some('"')))
    })
}

/// `text` up to the quote that ends it, where one does, with its escapes decoded (RFC 8259, 7).
pub fn unescaped(text: &str, end: Option<char>) -> String {
    let mut decoded = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            _ if end == Some(letter) => break,
            '\\' => match letters.next() {
                Some('n') => decoded.push('\n'),
                Some('r') => decoded.push('\r'),
                Some('t') => decoded.push('\t'),
                Some('b') => decoded.push('\u{8}'),
                Some('f') => decoded.push('\u{c}'),
                Some('u') => {
                    let code =
                        letters.as_str().get(..4).and_then(|digits| u32::from_str_radix(digits, 16).ok());
                    // Half of a surrogate pair is nothing of a packet's.
                    decoded.push(code.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER));
                    if code.is_some() {
                        letters.by_ref().nth(3);
                    }
                }
                Some(other) => decoded.push(other),
                None => {}
            },
            _ => decoded.push(letter),
        }
    }
    decoded
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
    fn the_lines_in_a_log_s_or_a_tool_s_string_are_read() {
        for (raw, lines) in [
            (r#"{"log":"a \u003e b: \"c\"\n","stream":"stdout"}"#, &["a > b: \"c\""][..]),
            (r#"{"log":"\t0x0000:  4500\n","stream":"stdout"}"#, &["\t0x0000:  4500"]),
            (
                r#"ok: [web] => {"msg": "", "rc": 0, "stdout": "a\r\nb\n\nc", "stdout_lines": ["a"]}"#,
                &["a", "b", "", "c"],
            ),
            (r#"    "stdout": "a\nb","#, &["a", "b"]),
            (r#"{"log":"cut off"#, &["cut off"]),
            (r#"    "    1   0.0 a \u2192 b","#, &["    1   0.0 a \u{2192} b"]),
            (r#"  "\ta: \"b\"" "#, &["\ta: \"b\""]),
            (r#"{"message":"\u00e4\u12", "x": 1}"#, &["\u{e4}\u{fffd}12"]),
        ] {
            assert_eq!(
                read(raw).as_deref(),
                Some(lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>()).as_deref(),
                "{raw}"
            );
        }
    }

    #[test]
    fn other_lines_are_as_they_are() {
        for raw in [
            "a > b",
            "he said \"log\": nothing",
            r#"{"log":""}"#,
            r#"{"log":5}"#,
            r#"{"x":"log"}"#,
            "\"",
            r#""1","0.0\"","a""#,
            r#""a > b","#,
            r#""\x45\x00""#,
        ] {
            assert_eq!(read(raw), None, "{raw}");
        }
    }

    proptest! {
        #[test]
        fn any_line_is_read_and_gets_no_longer(text in r#"(\{?"(log|stdout)": ?")?([a-z"\\nu0-9]|\PC){0,40}"#) {
            if let Some(lines) = lines(text.as_bytes()) {
                prop_assert!(lines.concat().len() <= text.len());
            }
        }
    }
}
