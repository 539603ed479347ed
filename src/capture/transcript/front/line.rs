//! One physical line, and its text without what terminals and web pages add.

use std::borrow::Cow;

use super::markup::{without_emphasis, without_links, without_tags};

/// One physical line without its line end.
#[derive(Clone, Debug, Default)]
pub struct CleanLine {
    /// Its number in the file, counted from 1.
    pub number: u64,
    /// Its bytes.
    pub raw: Vec<u8>,
    /// Whether a line end followed it.
    pub is_ended: bool,
}

impl CleanLine {
    /// The line as grammar reads it: without indent, entities, no-break spaces and control characters.
    pub fn text(&self) -> Cow<'_, str> {
        match plain(&self.raw) {
            Some(text) => Cow::Borrowed(text),
            None => Cow::Owned(clean(&String::from_utf8_lossy(&self.raw))),
        }
    }
}

/// The text of a line in which there is nothing to clean, as in nearly all of the tools' own: printable ASCII, arrows and TCP options in
/// angle brackets, without what begins an entity, a tag, an escape or emphasis, no link of Markdown's, and no space before a comma.
fn plain(raw: &[u8]) -> Option<&str> {
    let raw = raw.trim_ascii();
    let text = std::str::from_utf8(raw).ok()?;
    // Without a way out of the loops the compiler looks at many bytes at a time.
    let others = raw.iter().fold(0, |others, byte| others | u8::from(!is_plain(*byte)));
    let is_clean = others == 0 || has_arrows_alone(raw) || has_arrows_and_options_alone(raw);
    let pairs = raw.iter().zip(raw.get(1..).unwrap_or_default());
    let is_pair = |one: &u8, next: &u8, pair: [u8; 2]| u8::from(*one == pair[0]) & u8::from(*next == pair[1]);
    let marked =
        pairs.fold(0, |any, (one, next)| any | is_pair(one, next, *b" ,") | is_pair(one, next, *b"]("));
    (is_clean && marked == 0).then_some(text)
}

/// Whether nothing but arrows (U+2192) is not plain, as in the rows of tshark and Wireshark.
fn has_arrows_alone(raw: &[u8]) -> bool {
    const ARROW: &str = "\u{2192}";
    let others = raw.iter().fold(0, |others, byte| others + u32::from(!is_plain(*byte))) as usize;
    others == ARROW.len() * memchr::memmem::find_iter(raw, ARROW).count()
}

/// Whether nothing but arrows (U+2192) and the brackets of TCP options is not plain.
fn has_arrows_and_options_alone(raw: &[u8]) -> bool {
    const OPTIONS: [&[u8]; 7] = [b"mss ", b"nop", b"sackOK", b"sack ", b"wscale ", b"timestamp ", b"eol"];
    let mut rest = raw;
    while let Some(at) = rest.iter().position(|byte| !is_plain(*byte)) {
        rest = match rest.get(at..) {
            Some([0xe2, 0x86, 0x92, tail @ ..]) => tail,
            Some([b'<', tail @ ..]) if OPTIONS.iter().any(|option| tail.starts_with(option)) => tail,
            _ => return false,
        };
    }
    true
}

fn is_plain(byte: u8) -> bool {
    (b' '..=b'~').contains(&byte) && byte != b'&' && byte != b'<' && byte != b'*' && byte != b'\\'
}

/// `text` with HTML's entities and Markdown's escapes decoded, spaces of any kind as a space, dashes and quotes as tcpdump
/// writes them, links as what they show, and no space before a comma; what can't be seen is removed, a terminal's control sequences as a
/// whole.
pub fn clean(text: &str) -> String {
    let decoded = decode_entities(text);
    // A page that shows a page's source has them twice.
    let decoded = if decoded.contains("&gt;") { decode_entities(&decoded) } else { Cow::Borrowed(&*decoded) };
    let decoded = without_tags(&decoded);
    let decoded = without_links(&decoded);
    let decoded = without_emphasis(&decoded);
    let decoded = with_true_arrows(&decoded);
    let mut cleaned = String::with_capacity(decoded.len());
    let mut letters = decoded.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\u{feff}' | '\u{200b}' | '\u{200e}' | '\u{200f}' => {}
            // ECMA-48, 5.4: a control sequence ends with the first of these.
            '\u{1b}' if letters.next_if_eq(&'[').is_some() => {
                letters.by_ref().find(|letter| ('@'..='~').contains(letter));
            }
            ',' => {
                // Two spaces precede the letters of a hex dump, which may begin with one.
                if cleaned.ends_with(' ') && !cleaned.ends_with("  ") {
                    cleaned.pop();
                }
                cleaned.push(',');
            }
            // What a pager wrote and then overwrote.
            '\u{8}' => {
                cleaned.pop();
            }
            '\\' => cleaned.push(letters.next_if(|next| is_escaped(*next)).unwrap_or(letter)),
            // What an editor makes of the typewriter's signs.
            '\u{2010}'..='\u{2015}' | '\u{2212}' => cleaned.push('-'),
            '\u{2018}'..='\u{201b}' => cleaned.push('\''),
            '\u{201c}'..='\u{201f}' => cleaned.push('"'),
            '\u{2026}' => cleaned.push_str("..."),
            // Signs of East Asian width, a comma with the space in it.
            '\u{ff1a}' => cleaned.push(':'),
            '\u{ff1e}' => cleaned.push('>'),
            '\u{ff0c}' => cleaned.push_str(if letters.peek().is_some_and(|next| next.is_whitespace()) {
                ","
            } else {
                ", "
            }),
            _ if letter.is_whitespace() => cleaned.push(' '),
            _ if letter.is_control() => {}
            _ => cleaned.push(letter),
        }
    }
    cleaned.trim().to_owned()
}

/// Wireshark's arrow (U+2192) in UTF-8, where it was taken for Windows-1252, ISO 8859-1 and Mac OS Roman.
const BROKEN_ARROWS: [&str; 3] = ["\u{e2}\u{2020}\u{2019}", "\u{e2}\u{86}\u{92}", "\u{201a}\u{dc}\u{ed}"];

/// `text` with the arrows that a wrong character set broke.
fn with_true_arrows(text: &str) -> Cow<'_, str> {
    match BROKEN_ARROWS.iter().find(|broken| text.contains(**broken)) {
        Some(broken) => Cow::Owned(text.replace(broken, "\u{2192}")),
        None => Cow::Borrowed(text),
    }
}

/// Whether Markdown escapes this letter where it represents itself (CommonMark, 2.4).
fn is_escaped(letter: char) -> bool {
    matches!(
        letter,
        '[' | ']' | '(' | ')' | '<' | '>' | '_' | '*' | '-' | '.' | '#' | '+' | '!' | '|' | '$' | '~' | '`'
    )
}

/// `text` with the entities that a web page puts into tcpdump's output decoded.
pub fn decode_entities(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        decoded.push_str(before);
        // The longest entity that is decoded is `&#x10ffff;`.
        let entity = after.split_once(';').filter(|(name, _)| name.len() <= 8);
        let letter = entity.and_then(|(name, _)| entity_letter(name));
        if let (Some(letter), Some((_, tail))) = (letter, entity) {
            decoded.push(letter);
            rest = tail;
        } else {
            decoded.push('&');
            rest = after;
        }
    }
    decoded.push_str(rest);
    Cow::Owned(decoded)
}

fn entity_letter(name: &str) -> Option<char> {
    Some(match name {
        "gt" => '>',
        "lt" => '<',
        "amp" => '&',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "rarr" => '\u{2192}',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_web_page_adds_is_taken_away() {
        for (pasted, plain) in [
            ("  a &gt; b&nbsp;c", "a > b c"),
            ("a&#62;b &#x3e; &amp;gt; &unknown; & c", "a>b > > &unknown; & c"),
            ("\u{a0}x\u{a0}\ty\u{7}", "x  y"),
            ("a , b ,c", "a, b,c"),
            ("Flags \\[S.\\], a \\> b\\_c \\n", "Flags [S.], a > b_c \\n"),
            ("x \u{2013} y \u{201c}z\u{201d} it\u{2019}s\u{2026}", "x - y \"z\" it's..."),
            (
                "--More-- \u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}         \u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}\u{8}a",
                "a",
            ),
            ("0x0010:  0a08  ,.", "0x0010:  0a08  ,."),
            ("a &rarr; b \u{e2}\u{2020}\u{2019} c", "a \u{2192} b \u{2192} c"),
            ("a \u{201a}\u{dc}\u{ed} b \u{201a}\u{dc}\u{ed} c", "a \u{2192} b \u{2192} c"),
            ("a \u{e2}\u{86}\u{92} b", "a \u{2192} b"),
            ("[192.0.2.1](http://192.0.2.1).5 > b", "192.0.2.1.5 > b"),
            ("<a href=\"http://192.0.2.1.5\">192.0.2.1.5</a> > b", "192.0.2.1.5 > b"),
            ("a \u{ff1e} b\u{ff1a} seq 1\u{ff0c}win 2\u{ff0c} x", "a > b: seq 1, win 2, x"),
            ("\u{1b}[32ma\u{1b}[0m\u{1b}[1;31m>\u{1b}[m b\u{1b}[K", "a> b"),
        ] {
            assert_eq!(clean(pasted), plain);
            let line = CleanLine { raw: pasted.as_bytes().to_vec(), ..CleanLine::default() };
            assert_eq!(line.text(), plain);
        }
    }

    proptest! {
        #[test]
        fn what_needs_no_cleaning_is_as_if_it_were_cleaned(raw in "[ \\t]{0,3}[ -~\u{2190}-\u{2194}]{0,20}[ ,\t\u{a0}]{0,3}") {
            if let Some(text) = plain(raw.as_bytes()) {
                prop_assert_eq!(text, clean(&raw));
            }
        }

        #[test]
        fn a_link_is_what_it_shows(shown in "[0-9a-f.:]{1,20}", target in "[a-z0-9./:?=%-]{0,30}", rest in "[ -Z_a-z]{0,30}") {
            for scheme in ["http://", "https://"] {
                let linked = format!("[{shown}]({scheme}{target}){rest}");
                let tagged = format!("<a href=\"{scheme}{target}\" rel=\"x\">{shown}</a>{rest}");
                let plain = clean(&format!("{shown}{rest}"));
                prop_assert_eq!(clean(&linked), plain.clone());
                prop_assert_eq!(clean(&tagged), plain);
            }
        }
    }
}
