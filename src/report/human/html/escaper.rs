//! The one way in which text reaches a page: what could deceive a reader is written out, as on a terminal, and nothing is markup.

use std::fmt::{self, Write};

use askama::filters::{Escaper, Html};

use crate::report::text::escape::{escaped, plain_len};

/// What templates escape with.
#[derive(Clone, Copy)]
pub(in crate::report::human) struct Page;

impl Escaper for Page {
    fn write_escaped_str<W: Write>(&self, dest: W, text: &str) -> fmt::Result {
        if plain_len(text) == text.len() {
            Html.write_escaped_str(dest, text)
        } else {
            Html.write_escaped_str(dest, &escaped(text))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_markup_and_nothing_is_hidden() {
        for (text, safe) in [
            ("<img src=x onerror=\"alert(1)\">", "&#60;img src=x onerror=&#34;alert(1)&#34;&#62;"),
            ("' & </script>", "&#39; &#38; &#60;/script&#62;"),
            ("a\u{202e}b\u{1b}[2J\n", "a\\u{202e}b\\x1b[2J\\n"),
        ] {
            let mut written = String::new();
            Page.write_escaped_str(&mut written, text).unwrap();
            assert_eq!(written, safe);
        }
    }
}
