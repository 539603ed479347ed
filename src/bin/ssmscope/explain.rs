//! `ssmscope explain`: the catalogue of verdicts, and of what an active check tells beside them.

use std::fmt::Write as _;
use std::io::Write;

use anyhow::bail;
use ssmscope::probe::REASONS;
use ssmscope::verdict::{RULES, Severity, Status};

use crate::nearness;

/// Prints a verdict's page, or the list of all, and returns the exit status.
pub fn run(code: Option<&str>) -> anyhow::Result<Status> {
    let text = match code {
        None => catalogue(),
        Some(code) => match entries().find(|entry| entry.code == code.to_lowercase().replace('_', "-")) {
            Some(entry) => entry.page.to_owned(),
            None => bail!("{}", unknown(code)),
        },
    };
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(Status::Ok)
}

/// What can be explained.
struct Entry {
    code: &'static str,
    severity: Severity,
    summary: &'static str,
    page: &'static str,
}

/// All verdicts in the order of the path, then what only an active check tells.
fn entries() -> impl Iterator<Item = Entry> {
    let verdicts = RULES.into_iter().map(|rule| Entry {
        code: rule.code,
        severity: rule.severity,
        summary: rule.summary,
        page: rule.page,
    });
    let reasons = REASONS.into_iter().map(|reason| Entry {
        code: reason.code,
        severity: reason.severity,
        summary: reason.summary,
        page: reason.page,
    });
    verdicts.chain(reasons)
}

fn catalogue() -> String {
    let width = entries().map(|entry| entry.code.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (index, entry) in entries().enumerate() {
        if index == RULES.len() {
            text.push_str("\nOnly of `ssmscope check`, before a connection and above it:\n");
        }
        // Writing to a string can't fail.
        let _ = writeln!(text, "{:width$}  {:8}  {}", entry.code, entry.severity, entry.summary);
    }
    text
}

/// What to say to a code that there is none of.
fn unknown(code: &str) -> String {
    let near = nearness::nearest(code, entries().map(|entry| entry.code), 3);
    let code = ssmscope::report::text::escape::escaped(code);
    format!("there is no verdict '{code}'\n  try: {}, or: ssmscope explain", near.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_codes_are_suggested() {
        assert!(unknown("refusd").contains("try: refused,"));
        assert!(unknown("no-server-helo").contains("try: no-server-hello,"));
    }
}
