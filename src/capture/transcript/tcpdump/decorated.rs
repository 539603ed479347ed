//! The flags of a segment as an author marked them or wrote them out: `**Flags [R.]**`, `Flags[R.]`, `Flags [RST, ACK]`.

/// What sets words apart in Markdown.
const MARKS: [char; 4] = ['*', '_', '`', '~'];

/// A tag of a forum's markup is no longer: `[color=#ff0000]`.
const LONGEST_TAG: usize = 24;

/// `body`, what follows the ends of a segment, with the flags as tcpdump prints them; `None` if they are printed so already, or it has none.
pub fn plain_flags(body: &str) -> Option<String> {
    if is_plain(body) {
        return None;
    }
    let text = without_marks(body);
    let word = text.get(..5).filter(|word| word.eq_ignore_ascii_case("flags"))?;
    let text = without_marks(text.get(word.len()..)?);
    let text = without_marks(text.trim_start_matches([':', '=', ' ']));
    let (letters, rest) = text.strip_prefix('[')?.split_once(']')?;
    let letters = letters_of(letters.trim_matches(MARKS).trim())?;
    let rest = without_marks(rest.trim_start_matches(MARKS));
    Some(format!("Flags [{letters}]{rest}"))
}

/// Whether the flags are in tcpdump's own form, as in nearly every line.
fn is_plain(body: &str) -> bool {
    let flags = body.strip_prefix("Flags [").and_then(|rest| rest.split_once(']'));
    flags.is_some_and(|(letters, rest)| {
        letters.bytes().all(|letter| b"SFRPUEWe.none".contains(&letter)) && !rest.starts_with(MARKS)
    })
}

/// `text` without the marks and tags that it begins with.
fn without_marks(text: &str) -> &str {
    let mut text = text.trim_start_matches(MARKS);
    while let Some((tag, rest)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        let name = tag.trim_start_matches('/').split('=').next().unwrap_or_default();
        let is_tag = tag.len() <= LONGEST_TAG
            && matches!(name, "b" | "i" | "u" | "s" | "code" | "color" | "COLOR" | "B" | "I" | "U" | "size");
        // `[S]` is flags, in capitals, where no slash and no value shows a tag.
        if !is_tag || tag.len() == 1 && !rest.trim_start_matches(MARKS).starts_with(['f', 'F', '[']) {
            break;
        }
        text = rest.trim_start_matches(MARKS);
    }
    text
}

/// The letters of `flags`, which may be names: `RST, ACK` is `R.`.
fn letters_of(flags: &str) -> Option<String> {
    if flags.bytes().all(|letter| b"SFRPUEWe.none".contains(&letter)) {
        return Some(flags.to_owned());
    }
    let names = flags.split([',', ' ', '|', '+', '/']).filter(|name| !name.is_empty());
    names
        .map(|name| {
            Some(match name.to_ascii_uppercase().as_str() {
                "SYN" => "S",
                "FIN" => "F",
                "RST" | "RESET" => "R",
                "PSH" | "PUSH" => "P",
                "URG" => "U",
                "ECE" => "E",
                "CWR" => "W",
                "ACK" => ".",
                _ => return None,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn marked_flags_are_those_of_tcpdump() {
        for (body, plain) in [
            ("**Flags [R.]**, seq 1, ack 2", "Flags [R.], seq 1, ack 2"),
            ("***Flags [S]***, seq 1", "Flags [S], seq 1"),
            ("__Flags__ [S.], seq 1", "Flags [S.], seq 1"),
            ("`Flags [R.]`, seq 1", "Flags [R.], seq 1"),
            ("[b]Flags [R.][/b], seq 1", "Flags [R.], seq 1"),
            ("[color=red]Flags [R][/color], seq 1", "Flags [R], seq 1"),
            ("Flags[R.], seq 1", "Flags [R.], seq 1"),
            ("flags [F.], seq 1", "Flags [F.], seq 1"),
            ("Flags: [P.], seq 1", "Flags [P.], seq 1"),
            ("Flags [**R.**], seq 1", "Flags [R.], seq 1"),
            ("Flags [RST, ACK], seq 1", "Flags [R.], seq 1"),
            ("Flags [SYN], seq 1", "Flags [S], seq 1"),
            ("Flags [SYN|ACK], seq 1", "Flags [S.], seq 1"),
        ] {
            assert_eq!(plain_flags(body).as_deref(), Some(plain), "{body}");
        }
    }

    #[test]
    fn what_is_plain_or_has_no_flags_stays() {
        for body in [
            "Flags [P.], seq 1:2, ack 1, win 5, options [nop,nop,TS val 1 ecr 2], length 1",
            "Flags [none], seq 1",
            "Flags [.], ack 1, win 5, length 0",
            "UDP, length 5",
            "[S] seq 5",
            "flags are [good], I think",
            "Flags [what], seq 1",
            "",
        ] {
            assert_eq!(plain_flags(body), None, "{body}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken(body in ".{0,60}") {
            let _ = plain_flags(&body);
        }
    }
}
