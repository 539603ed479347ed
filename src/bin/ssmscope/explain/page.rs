//! A page of Markdown as a terminal shows it: headings in bold, code in colour, no marks.

use std::fmt::Write as _;

use clap::builder::styling::{AnsiColor, Style};

const HEADING: Style = Style::new().bold();
const CODE: Style = AnsiColor::Cyan.on_default();

/// The page without its marks.
pub fn rendered(page: &str) -> String {
    let mut text = String::new();
    let mut is_code = false;
    for line in page.lines() {
        let heading = line.strip_prefix("## ").or_else(|| line.strip_prefix("# "));
        if let Some(heading) = heading.filter(|_| !is_code) {
            // Writing to a string can't fail.
            let _ = writeln!(text, "{HEADING}{}{HEADING:#}", without_marks(heading));
            continue;
        }
        if line.starts_with("```") {
            is_code = !is_code;
        } else if is_code {
            let _ = writeln!(text, "    {CODE}{line}{CODE:#}");
        } else {
            text.push_str(&spans(line));
            text.push('\n');
        }
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

/// A line without the marks of code, emphasis and links.
fn spans(line: &str) -> String {
    let mut text = String::new();
    let mut is_code = false;
    for (index, part) in line.replace("**", "").split('`').enumerate() {
        if index > 0 {
            is_code = !is_code;
            let _ = if is_code { write!(text, "{CODE}") } else { write!(text, "{CODE:#}") };
        }
        if is_code { text.push_str(part) } else { text.push_str(&without_links(part)) }
    }
    if is_code {
        let _ = write!(text, "{CODE:#}");
    }
    text
}

/// A heading without marks, which has one style.
fn without_marks(heading: &str) -> String {
    without_links(&heading.replace(['`', '*'], ""))
}

/// A text with the words of its links alone.
fn without_links(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, words, after)) = rest.split_once('[').and_then(|(before, link)| {
        let (words, target) = link.split_once("](")?;
        Some((before, words, target.split_once(')')?.1))
    }) {
        plain.push_str(before);
        plain.push_str(words);
        rest = after;
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_loses_its_marks_and_no_section() {
        let page = "# reset\n\nA `RST` **came** [early](x.md).\n\n## Rule\n\nsrc/verdict/reset.rs\n";
        let plain = anstream::adapter::strip_str(&rendered(page)).to_string();
        assert_eq!(plain, "reset\n\nA RST came early.\n\nRule\n\nsrc/verdict/reset.rs\n");
    }
}
