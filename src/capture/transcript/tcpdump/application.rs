//! What tcpdump decodes of a payload at the end of a segment's line, where a terminal or a mail broke it.

use super::draft::{Context, Draft, MOST_WRAPS};
use crate::capture::transcript::hexdump;

/// Protocols whose first line tcpdump prints so.
const NAMES: [&str; 5] = ["HTTP", "SMTP", "FTP", "RTSP", "RESP"];

/// The words of the protocol, joined with the lines from `next` on, and the index of the line after them. `words` are those of TCP and
/// `begun` what they show of the protocol. `None` where nothing was broken.
pub fn whole(
    words: &str,
    begun: Option<&str>,
    draft: &Draft,
    next: usize,
    context: &Context<'_>,
) -> Option<(String, usize)> {
    let is_awaited = || words.ends_with(':') || draft.text(next).starts_with(": ");
    let mut whole = match begun {
        Some(begun) => begun.trim_end().to_owned(),
        None if is_awaited() => String::new(),
        None => return None,
    };
    let mut end = next;
    while end < (next + MOST_WRAPS).min(draft.len()) {
        let line = draft.text(end);
        let is_between_words = whole.is_empty() || whole.ends_with(':');
        if line.is_empty()
            || hexdump::is_hex_line(line)
            || is_packet(line)
            || !is_between_words && draft.is_whole(end, context)
        {
            break;
        }
        whole = match (whole.as_str(), draft.joined(&whole, end)) {
            ("", _) => line.trim_start_matches([':', ' ']).to_owned(),
            (begun, _) if begun.ends_with(':') => format!("{begun} {line}"),
            (_, [likely, _]) => likely,
        };
        end += 1;
    }
    let is_name = NAMES.iter().any(|name| {
        whole.strip_prefix(name).is_some_and(|after| after.is_empty() || after.starts_with(": "))
    });
    (end > next && is_name).then_some((whole, end))
}

/// Whether a line below begins with the characters of a packet (`-A`): its IP header has bytes that are no text.
fn is_packet(line: &str) -> bool {
    const HEADER: usize = 20;
    line.bytes().take(HEADER).filter(|byte| *byte == b'.').count() >= 2 && line.starts_with(['E', '`'])
}
