//! What web pages and Markdown put into a line: tags around words, and marks of emphasis.

use std::borrow::Cow;

/// Names of tags that surround code and its words on web pages. What authors write in place of a host is not among them.
const TAGS: [&str; 22] = [
    "span",
    "code",
    "font",
    "strong",
    "em",
    "tt",
    "samp",
    "kbd",
    "mark",
    "br",
    "pre",
    "div",
    "td",
    "tr",
    "th",
    "li",
    "ul",
    "ol",
    "p",
    "blockquote",
    "table",
    "tbody",
];

/// How many of them are inside a line.
const INLINE_TAGS: usize = 9;

/// `text` without these tags, those that break lines as spaces.
pub fn without_tags(text: &str) -> Cow<'_, str> {
    let Some(first) = next_tag(text) else { return Cow::Borrowed(text) };
    let mut stripped = String::with_capacity(text.len());
    let (mut rest, mut next) = (text, Some(first));
    while let Some((start, end)) = next {
        let (before, after) = rest.split_at(start);
        stripped.push_str(before);
        let (tag, tail) = after.split_at_checked(end - start).unwrap_or((after, ""));
        let name = tag.trim_start_matches(['<', '/']);
        let is_inline = TAGS.iter().take(INLINE_TAGS).chain(&["a", "b", "i", "u"]).any(|inline| {
            name.strip_prefix(inline)
                .is_some_and(|rest| !rest.starts_with(|letter: char| letter.is_ascii_lowercase()))
        });
        if !is_inline {
            stripped.push(' ');
        }
        rest = tail;
        next = next_tag(rest);
    }
    stripped.push_str(rest);
    Cow::Owned(stripped)
}

/// Tags after which a page begins a new line.
const BREAKS: [&str; 7] = ["<br", "</p", "</div", "</li", "</tr", "</pre", "</blockquote"];

/// Bytes of a tag with its attributes; what is longer is no tag of a packet's line.
const LONGEST_TAG: usize = 512;

/// The lines that a page shows where its source has one; `None` if it shows one as well.
pub fn lines(raw: &[u8]) -> Option<Vec<&[u8]>> {
    let mut lines = Vec::new();
    let mut rest = raw;
    while let Some((start, end)) = next_break(rest) {
        lines.push(&rest[..start]);
        rest = &rest[end..];
    }
    if lines.is_empty() {
        return None;
    }
    if !rest.is_empty() {
        lines.push(rest);
    }
    Some(lines)
}

/// Where the first tag of `raw` that ends a line begins and ends.
fn next_break(raw: &[u8]) -> Option<(usize, usize)> {
    memchr::memchr_iter(b'<', raw).find_map(|start| {
        let tag = raw.get(start..)?;
        let name = BREAKS.iter().find(|name| tag.starts_with(name.as_bytes()))?;
        // `<br class="x">`; a placeholder's name has further letters.
        let is_whole = !tag.get(name.len())?.is_ascii_lowercase();
        let end = tag.iter().take(LONGEST_TAG).position(|byte| *byte == b'>').filter(|_| is_whole)?;
        Some((start, start + end + 1))
    })
}

/// Where the first tag of `text` begins and ends.
fn next_tag(text: &str) -> Option<(usize, usize)> {
    text.match_indices('<').find_map(|(start, _)| {
        let inside = text.get(start + 1..)?;
        let name = inside.strip_prefix('/').unwrap_or(inside);
        let name_len = name.find(|letter: char| !letter.is_ascii_lowercase()).unwrap_or(name.len());
        // A letter alone may be a host's placeholder, unless it surrounds something.
        let surrounds = |name: &str| {
            matches!(name, "b" | "i" | "u")
                && (inside.starts_with('/') || inside.contains(&format!("</{name}>")))
        };
        // A page makes links of addresses; a host that is called so has no attribute and no end.
        let is_link =
            |name: &str| name == "a" && (inside.starts_with("a href=") || inside.starts_with("/a>"));
        let is_tag =
            name.get(..name_len).is_some_and(|name| TAGS.contains(&name) || surrounds(name) || is_link(name));
        let has_end = name.get(name_len..).is_some_and(|rest| rest.starts_with(['>', ' ', '/']));
        let end = inside.find('>').filter(|_| is_tag && has_end)?;
        // An option's list, or another tag, begins before this one ends.
        let is_whole = inside.get(..end).is_some_and(|tag| !tag.contains('<'));
        is_whole.then_some((start, start + 1 + end + 1))
    })
}

/// `text` with Markdown's links as what they show: `[192.0.2.1](http://192.0.2.1)`.
pub fn without_links(text: &str) -> Cow<'_, str> {
    let mut stripped = String::new();
    let (mut rest, mut from) = (text, 0);
    while let Some(at) = rest.get(from..).and_then(|rest| rest.find("](")).map(|at| from + at) {
        let (shown, target) = rest.split_at(at);
        let target = target.get(2..).unwrap_or("");
        let is_link =
            ["http://", "https://", "mailto:", "tel:"].iter().any(|scheme| target.starts_with(scheme));
        match (shown.rfind('['), target.find(')')) {
            (Some(start), Some(end)) if is_link && !target[..end].contains(' ') => {
                stripped.push_str(&shown[..start]);
                stripped.push_str(&shown[start + 1..]);
                (rest, from) = (&target[end + 1..], 0);
            }
            _ => from = at + 2,
        }
    }
    if stripped.is_empty() && rest.len() == text.len() {
        return Cow::Borrowed(text);
    }
    stripped.push_str(rest);
    Cow::Owned(stripped)
}

/// `text` without the marks of `**strong**` words, and without those around all of it.
pub fn without_emphasis(text: &str) -> Cow<'_, str> {
    let is_word = |inside: &str| {
        let is_edge = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
        is_edge(inside.chars().next()) && is_edge(inside.chars().last()) && !inside.contains('*')
    };
    let line = text.trim().strip_prefix("**").and_then(|line| line.strip_suffix("**"));
    if let Some(line) =
        line.filter(|line| !line.contains("**") && !line.starts_with('*') && !line.ends_with('*'))
    {
        return Cow::Borrowed(line);
    }
    let mut stripped = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("**") {
        match after.split_once("**") {
            Some((inside, tail)) if is_word(inside) && !tail.starts_with('*') && !before.ends_with('*') => {
                stripped.push_str(before);
                stripped.push_str(inside);
                rest = tail;
            }
            _ => break,
        }
    }
    if stripped.is_empty() {
        return Cow::Borrowed(text);
    }
    stripped.push_str(rest);
    Cow::Owned(stripped)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tags_are_removed_and_placeholders_and_options_are_not() {
        for (pasted, plain) in [
            (
                "<pre><code>10:00 a.<span>443</span>: <font color=\"red\">S</font></code></pre><br/>",
                " 10:00 a.443: S  ",
            ),
            (
                "<SERVER>.443 > <client>.1: S 1:1(0) <mss 1460,nop>",
                "<SERVER>.443 > <client>.1: S 1:1(0) <mss 1460,nop>",
            ),
            ("IP <b>10.0.0.1.1 > 10.0.0.2.443</b>: Flags", "IP 10.0.0.1.1 > 10.0.0.2.443: Flags"),
            ("<a>.443 > <b>.1: S 1:1(0)", "<a>.443 > <b>.1: S 1:1(0)"),
            ("<a class=\"x\">.443 > <b>.1: S", "<a class=\"x\">.443 > <b>.1: S"),
            ("<a href=\"x\">a</a>.443 > <b>.1: S", "a.443 > <b>.1: S"),
            ("a < b <br", "a < b <br"),
            ("<p <mss 1460>", "<p <mss 1460>"),
        ] {
            assert_eq!(without_tags(pasted), plain);
        }
    }

    #[test]
    fn emphasis_is_removed_and_hidden_addresses_are_not() {
        for (pasted, plain) in [
            ("**10.0.0.1**.443: **S** 1", "10.0.0.1.443: S 1"),
            ("***.***.***.***.443 > **x", "***.***.***.***.443 > **x"),
            ("2 ** 3 ** 4", "2 ** 3 ** 4"),
            ("**    10.0.0.1.443 > b: Flags [S], length 0**", "    10.0.0.1.443 > b: Flags [S], length 0"),
            ("***.1 > ***.2: x**", "***.1 > ***.2: x**"),
        ] {
            assert_eq!(without_emphasis(pasted), plain);
        }
    }

    #[test]
    fn a_link_is_replaced_by_what_it_shows_and_other_brackets_are_not() {
        for (pasted, plain) in [
            ("[a](http://a).1 > [b](https://b/).2: x", "a.1 > b.2: x"),
            ("Flags [S](x), [a](b) and [c](http://", "Flags [S](x), [a](b) and [c](http://"),
            ("Flags [S], [a](http://x)", "Flags [S], a"),
            ("](http://x) y", "](http://x) y"),
        ] {
            assert_eq!(without_links(pasted), plain);
        }
    }

    #[test]
    fn what_is_longer_than_a_tag_ends_no_line() {
        let long = |attributes: usize| format!("a<br {}>b", "x".repeat(attributes));
        assert_eq!(lines(long(100).as_bytes()), Some(vec![&b"a"[..], b"b"]));
        assert_eq!(lines(long(LONGEST_TAG).as_bytes()), None);
    }

    proptest! {
        #[test]
        fn any_text_is_stripped(text in ".{0,80}") {
            prop_assert!(without_tags(&text).len() <= text.len());
            prop_assert!(without_emphasis(&text).len() <= text.len());
            prop_assert!(without_links(&text).len() <= text.len());
        }
    }
}
