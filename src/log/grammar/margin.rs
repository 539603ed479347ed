//! What tools put before a line that was copied, listed or followed.

use super::Level;

/// A line without what mails (`> `), `grep -n` (`12:`), `grep` on several files (`server.log.1:`), pagers, terminals (a prompt, colours) and
/// `docker compose logs` (`web  | `) put in front of it; nor what lists (`* `), other tools of containers (`[web] `) and old daemons of syslog
/// (`daemon.debug: `) do.
pub(super) fn without_margin(line: &str) -> Option<&str> {
    const WIDEST: usize = 80;
    let bytes = line.as_bytes();
    let mut at = 0;
    // ECMA-48, 5.4: a control sequence ends with the first letter.
    while let [0x1b, b'[', ..] = bytes.get(at..)? {
        let letter =
            bytes.get(at + 2..)?.iter().take(WIDEST).position(|byte| (b'@'..=b'~').contains(byte))?;
        at += 3 + letter;
    }
    let rest = line.get(at..)?;
    if at > 0 {
        return Some(rest).filter(|rest| !rest.is_empty());
    }
    let put_by_a_tool = match rest.bytes().next()? {
        b'[' => named(rest),
        b'a'..=b'z' => classified(rest),
        b'*' | b'-' | 0xe2 => listed(rest),
        _ => None,
    };
    if let Some(after) = put_by_a_tool {
        return Some(after.trim_start()).filter(|after| !after.is_empty());
    }
    let is_markup = rest.starts_with('<') && !rest.starts_with("<1");
    let end =
        rest.char_indices().take_while(|(index, _)| *index < WIDEST).find_map(|(index, next)| match next {
            '>' if is_markup => None,
            '>' | '|' | '#' | '\t' => Some(index + 1),
            ':' | '-' if is_name_or_number(&rest[..index]) => Some(index + 1),
            _ => None,
        });
    let after = match end {
        Some(end) => rest.get(end..)?,
        // `less -N`, `cat -n`: a number and spaces.
        None => rest.trim_start_matches(|next: char| next.is_ascii_digit()),
    };
    let after = after.trim_start_matches([' ', '\t', '>', '|']);
    (after.len() < line.len() && !after.is_empty()).then_some(after)
}

/// Whether this can be what `grep` puts before a line: its number, its file, or both.
fn is_name_or_number(text: &str) -> bool {
    !text.is_empty()
        && (text.bytes().all(|byte| byte.is_ascii_digit())
            || text.contains(".log") && !text.contains(' ')
            || text.ends_with("messages") && !text.contains(' '))
}

/// A line after the mark of a list.
fn listed(line: &str) -> Option<&str> {
    ["* ", "- ", "\u{2022} "].iter().find_map(|mark| line.strip_prefix(mark))
}

/// A line after the name of its container in brackets.
fn named(line: &str) -> Option<&str> {
    const WIDEST: usize = 40;
    let inside = line.strip_prefix('[')?;
    let (name, after) = crate::log::text::head(inside, WIDEST).split_once(']')?;
    let is_name = !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/'))
        && !after.starts_with(['#', '$']);
    is_name.then(|| inside.get(name.len() + 1..)).flatten()
}

/// A line after its facility and severity.
fn classified(line: &str) -> Option<&str> {
    const WIDEST: usize = 20;
    let (word, _) = crate::log::text::head(line, WIDEST).split_once(": ")?;
    let (facility, severity) = word.split_once('.')?;
    let is_class = facility.len() <= 8
        && facility.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        && Level::of(severity) != Level::Unknown;
    is_class.then(|| line.get(word.len() + 2..)).flatten()
}

/// A line after the pod and the container that wrote it, as stern shows them: `ssm-5d8f7-x2x9z nginx text`.
pub(super) fn without_pod(line: &str) -> Option<&str> {
    let (pod, rest) = line.split_once(' ')?;
    let (container, rest) = rest.split_once(' ')?;
    let is_name = |word: &str| {
        !word.is_empty()
            && word.len() <= 253
            && word
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.'))
    };
    // A pod's name ends with a number or a random word.
    let has_suffix =
        pod.rsplit_once('-').is_some_and(|(_, suffix)| suffix.bytes().any(|byte| byte.is_ascii_digit()));
    let rest = rest.trim_start();
    (is_name(pod) && is_name(container) && has_suffix && !rest.is_empty()).then_some(rest)
}
