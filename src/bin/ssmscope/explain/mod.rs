//! `ssmscope explain`: explains what reports print: verdicts, the reasons of an active check, causes, alerts, findings
//! and stages.

mod page;
pub mod words;

use std::fmt::Write as _;
use std::io::Write;

use anyhow::bail;
use ssmscope::analysis::LookupFault;
use ssmscope::probe::REASONS;
use ssmscope::report::language::Language;
use ssmscope::tls::AlertDescription;
use ssmscope::verdict::{self, RULES, Severity, Status};

use crate::nearness;
use words::Word;

/// Prints what a word means, or the list of all, and returns the exit status.
pub fn run(word: Option<&str>, language: Option<Language>) -> anyhow::Result<Status> {
    let text = match word {
        None => catalogue(language),
        Some(word) => match explanation(word) {
            Some(text) => translated(text, language),
            None => bail!("{}", unknown(word)),
        },
    };
    let mut out = anstream::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(Status::Ok)
}

/// A page with the line in another language below its heading, where it has one.
fn translated(text: String, language: Option<Language>) -> String {
    let plain = anstream::adapter::strip_str(&text).to_string();
    let code = plain.lines().next().unwrap_or_default();
    match language.and_then(|language| language.line(code)) {
        Some(line) => text.replacen('\n', &format!("\n{line}\n"), 1),
        None => text,
    }
}

/// The explanation of a word, in upper or lower case, with hyphens or underscores.
fn explanation(word: &str) -> Option<String> {
    let word = word.to_lowercase();
    let is_it = |name: &str| name.to_lowercase().replace(['_', ' '], "-") == word.replace(['_', ' '], "-");
    // A finding is named as the alert is, but for the kind of hyphen.
    if let Some(alert) = alert(&word).filter(|_| !word.contains('-')) {
        return Some(alert);
    }
    if let Some(entry) = entries().find(|entry| is_it(entry.code)) {
        return Some(page::rendered(entry.page));
    }
    let rows: Vec<_> = words::all().filter(|known| is_it(known.name)).collect();
    if rows.is_empty() {
        let of_class =
            || words::cause(&word).map(|row| page::rendered(&of_table(&Word { name: &word, ..row })));
        return alert(&word.replace('-', "_"))
            .or_else(of_class)
            .or_else(|| refusal(&word))
            .or_else(|| quoted(&word));
    }
    Some(page::rendered(&rows.iter().map(of_table).collect::<Vec<_>>().join("\n")))
}

/// The page on what a line of a client's log contains: the longest of the words that are known.
fn quoted(line: &str) -> Option<String> {
    let contained = words::all()
        .filter(|known| known.kind == "client's word" && line.contains(&known.name.to_lowercase()));
    contained.max_by_key(|known| known.name.len()).map(|known| page::rendered(&of_table(&known)))
}

/// A word of a table, as a page.
fn of_table(word: &Word<'_>) -> String {
    let mut text = format!("# {} ({})\n\n", word.name, word.kind);
    for (head, cell) in &word.cells {
        let mut letters = head.chars();
        let head: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
        // Writing to a string can't fail.
        let _ = writeln!(text, "{}", textwrap(&format!("{head}: {cell}")));
    }
    if let Some((_, of)) = word.cells.iter().find(|(head, _)| *head == "of") {
        let code = of.split(',').next().unwrap_or(of).trim_matches('`');
        let _ = writeln!(text, "\nMore: `ssmscope explain {code}`");
    }
    text
}

/// An alert by its registered name or number, as a page.
fn alert(word: &str) -> Option<String> {
    let alert = alert_of(word)?;
    let number =
        if alert.name().is_some() { format!("alert {}", alert.0) } else { "not registered".to_owned() };
    let mut text = format!("# {alert} ({number})\n\n");
    let meanings = if alert.name().is_some() { verdict::meanings_of(alert) } else { Vec::new() };
    if meanings.is_empty() {
        let unknown =
            "The TLS registry has no alert with this number. Read the log of the side that sent it.";
        let _ = writeln!(text, "{}\n", textwrap(unknown));
    }
    for (sender, meaning, advice) in meanings {
        let _ = writeln!(text, "{}", textwrap(&format!("{sender}: {meaning}")));
        let _ = writeln!(text, "{}\n", textwrap(&format!("What to do: {advice}")));
    }
    let _ = writeln!(text, "More: `ssmscope explain tls-alert`");
    Some(page::rendered(&text))
}

/// An alert by its registered name or number, or by its number alone where it is written as verdicts do: `alert 77`.
pub fn alert_of(word: &str) -> Option<AlertDescription> {
    let number = |text: &str| text.parse::<u8>().ok().map(AlertDescription);
    let unregistered =
        word.strip_prefix("alert").map(|rest| rest.trim_start_matches([' ', '-', '_'])).and_then(number);
    let registered = number(word).filter(|alert| alert.name().is_some());
    registered.or(unregistered).or_else(|| AlertDescription::of_words(word))
}

/// A cause as verdicts spell it, whichever case and hyphens `word` has.
pub fn cause(word: &str) -> Option<String> {
    let word = word.trim().to_lowercase();
    let spellings = [word.clone(), word.replace('_', "-"), word.replace('-', "_")];
    let known = spellings.into_iter().find(|word| words::cause(word).is_some());
    known.or_else(|| Some(alert_of(&word.replace('-', "_"))?.to_string()))
}

/// The page on what a proxy refuses with, for the bare number of a SOCKS reply.
fn refusal(word: &str) -> Option<String> {
    let is_refusal = matches!(word.parse::<u16>().ok()?, 1..=8 | 91..=93 | 255);
    let page = entries().find(|entry| is_refusal && entry.code == "proxy-refused")?;
    Some(page::rendered(page.page))
}

/// Wraps prose at the width of the pages.
fn textwrap(text: &str) -> String {
    const COLUMNS: usize = 80;
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= COLUMNS => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) => lines.push(format!("  {word}")),
            None => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}

/// What has a page.
struct Entry {
    code: &'static str,
    severity: Severity,
    summary: &'static str,
    page: &'static str,
}

/// All verdicts in the order of the path, then the reasons of an active check and of questions in the traffic.
fn entries() -> impl Iterator<Item = Entry> {
    let verdicts = RULES.into_iter().map(|rule| Entry {
        code: rule.code.name(),
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
    let neighbor = Entry {
        code: LookupFault::NeighborSilent.name(),
        severity: Severity::Critical,
        summary: "nobody replied to ARP or neighbor discovery for the address",
        page: include_str!("../../../../docs/reasons/neighbor-silent.md"),
    };
    verdicts.chain(reasons).chain([neighbor])
}

/// Every word that can be explained, but for alerts by their number.
pub fn known() -> impl Iterator<Item = &'static str> {
    let alerts = (0..=u8::MAX).filter_map(|number| AlertDescription(number).name());
    entries().map(|entry| entry.code).chain(words::all().map(|word| word.name)).chain(alerts)
}

fn catalogue(language: Option<Language>) -> String {
    let width = entries().map(|entry| entry.code.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (index, entry) in entries().enumerate() {
        if index == RULES.len() {
            text.push_str(
                "\nBefore a connection and above it, of `ssmscope check` and of questions in the traffic:\n",
            );
        }
        let summary = language.and_then(|language| language.line(entry.code)).unwrap_or(entry.summary);
        let _ = writeln!(text, "{:width$}  {:8}  {summary}", entry.code, entry.severity);
    }
    let kinds = [
        ("Causes", "cause"),
        ("Headlines begin with", "headline"),
        ("Stages", "stage"),
        ("Findings", "finding"),
        ("Words of clients, logs and resolvers", "client's word"),
    ];
    for (title, kind) in kinds {
        let names: Vec<_> = words::all().filter(|word| word.kind == kind).map(|word| word.name).collect();
        let _ = writeln!(text, "\n{}", textwrap(&format!("{title}: {}", names.join(", "))));
    }
    let alerts: Vec<_> = (0..=u8::MAX).filter_map(|number| AlertDescription(number).name()).collect();
    let _ = writeln!(text, "\n{}", textwrap(&format!("Alerts: {}", alerts.join(", "))));
    text
}

/// The error for an unknown word.
fn unknown(word: &str) -> String {
    let near = nearness::nearest(&word.replace('_', "-"), known(), 3);
    let word = ssmscope::report::text::escape::escaped(word);
    format!("nothing is called '{word}'\n  try: {}, or: ssmscope explain", near.join(", "))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    fn plain(word: &str) -> String {
        let text = explanation(word).unwrap_or_else(|| panic!("{word}"));
        anstream::adapter::strip_str(&text).to_string()
    }

    #[test]
    fn the_nearest_words_are_suggested() {
        assert!(unknown("refusd").contains("try: refused,"));
        assert!(unknown("no-server-helo").contains("try: no-server-hello,"));
        assert!(unknown("unknown_cs").contains("unknown_ca"));
    }

    /// Every cause that a verdict or a check can have: those that the sources name, and each number that they put into one.
    fn causes() -> BTreeSet<String> {
        let alerts = (0..=u8::MAX).map(|number| AlertDescription(number).to_string());
        let statuses = (300..600).flat_map(|status| [status.to_string(), format!("http-{status}")]);
        let replies = (1..=u8::MAX).map(|reply| format!("socks-{reply}"));
        let mut all: BTreeSet<_> = alerts.chain(statuses).chain(replies).collect();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut folders = vec![root.join("verdict"), root.join("probe")];
        while let Some(folder) = folders.pop() {
            for file in fs::read_dir(folder).expect("a folder").flatten() {
                if file.path().is_dir() {
                    folders.push(file.path());
                    continue;
                }
                let Ok(source) = fs::read_to_string(file.path()) else { continue };
                let source = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
                for before in [".cause(\"", "cause = Some(\"", "meaning(Some(\"", "=> Some(\"icmp-"] {
                    let named = source.split(before).skip(1).filter_map(|rest| rest.split('"').next());
                    all.extend(named.map(str::to_owned));
                }
            }
        }
        let words = fs::read_to_string(root.join("log/attempt/words/mod.rs")).expect("UTF-8");
        let (_, list) = words.split_once("OAUTH_ERRORS: &[&str] = &[").expect("the list");
        let (list, _) = list.split_once(']').expect("its end");
        all.extend(list.split('"').skip(1).step_by(2).map(str::to_owned));
        all
    }

    #[test]
    fn every_cause_is_explained_and_can_be_selected() {
        let causes = causes();
        for known in
            ["rst-injected", "icmp-net-unreachable", "server_error", "pmtu-black-hole", "encrypted-alert"]
        {
            assert!(causes.contains(known), "{known} is not found in the sources");
        }
        for known in causes {
            assert!(explanation(&known).is_some_and(|text| text.lines().count() > 2), "{known}");
            assert_eq!(cause(&known).as_deref(), Some(&*known));
            assert_eq!(cause(&known.to_uppercase()).as_deref(), Some(&*known));
        }
        assert_eq!(cause("http-4xx"), None);
        assert!(plain("http-418").starts_with("http-418 (cause)\n"), "{}", plain("http-418"));
    }

    #[test]
    fn every_kind_of_word_is_explained() {
        for (word, text) in [
            ("no-server-hello", "no-server-hello\n"),
            ("Page_Unexpected", "page-unexpected\n"),
            ("unknown_ca", "unknown_ca (alert 48)\n"),
            ("UNKNOWN-CA", "unknown_ca (alert 48)\n"),
            ("48", "unknown_ca (alert 48)\n"),
            ("rst-injected", "rst-injected (cause)\n"),
            ("407", "407 (cause)\n"),
            ("invalid_client", "invalid_client (cause)\n"),
            ("port-scan", "port scan (headline)\n"),
            ("client-finished", "client-finished (stage)\n"),
            ("certificate-expired", "certificate-expired (finding)\n"),
            ("certificate_expired", "certificate_expired (alert 45)\n"),
            ("econnreset", "ECONNRESET (client's word)\n"),
            ("Read timed out", "read timed out (client's word)\n"),
            ("NXDOMAIN", "NXDOMAIN (client's word)\n"),
            (
                "javax.net.ssl.SSLHandshakeException: PKIX path building failed: no",
                "PKIX path building failed (client's word)\n",
            ),
        ] {
            assert!(plain(word).starts_with(text), "{word}: {}", plain(word));
        }
        for word in known() {
            let text = plain(word);
            assert!(!text.contains('`') && text.lines().count() > 2, "{word}: {text}");
        }
    }
}
