//! The tables of words: causes, stages and findings, from the pages that list them.

/// A word's entry in a table.
#[derive(Clone, Debug)]
pub struct Word<'n> {
    /// What kind of word it is.
    pub kind: &'static str,
    pub name: &'n str,
    /// The other cells of its row, each below its column's head.
    pub cells: Vec<(&'static str, &'static str)>,
}

const WORDS: &str = include_str!("../../../../docs/words.md");
const FINDINGS: &str = include_str!("../../../../docs/findings.md");

/// The kinds of words, by the head of their table's first column.
const KINDS: [(&str, &str, &str); 5] = [
    ("cause", "cause", WORDS),
    ("word", "headline", WORDS),
    ("stage", "stage", WORDS),
    ("error", "client's word", WORDS),
    ("code", "finding", FINDINGS),
];

/// All words of the tables.
pub fn all() -> impl Iterator<Item = Word<'static>> {
    KINDS.into_iter().flat_map(|(head, kind, page)| rows(page, head, kind))
}

/// The row of a cause, in lower case as verdicts spell it. A status or a reply without a row of its own has that of its class.
pub fn cause(name: &str) -> Option<Word<'static>> {
    let of = |name: &str| rows(WORDS, "cause", "cause").find(|word| word.name == name);
    of(name).filter(|_| !is_class(name)).or_else(|| of(&class(name)?))
}

/// The name of the row for a cause's class: `http-4xx` of `http-418`, `socks-n` of `socks-12`.
fn class(cause: &str) -> Option<String> {
    let (kind, number) = cause.rsplit_once('-').map_or((None, cause), |(kind, number)| (Some(kind), number));
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit()) && !number.starts_with('0');
    match (kind, number.len()) {
        _ if !is_number => None,
        (Some("socks"), 1..=3) if number.parse::<u8>().is_ok() => Some("socks-n".to_owned()),
        (Some("http"), 3) => Some(format!("http-{}xx", &number[..1])),
        (None, 3) => Some(format!("{}xx", &number[..1])),
        _ => None,
    }
}

/// Whether a row is for a class, which no verdict has as its cause.
fn is_class(name: &str) -> bool {
    name == "socks-n" || name.ends_with("xx")
}

/// The rows of the table whose first column has this head.
fn rows(page: &'static str, head: &'static str, kind: &'static str) -> impl Iterator<Item = Word<'static>> {
    let mut lines = page.lines().skip_while(move |line| cells(line).next() != Some(head));
    let heads: Vec<_> = lines.next().map(|line| cells(line).collect()).unwrap_or_default();
    lines.skip(1).take_while(|line| line.starts_with('|')).map(move |line| {
        let mut cells = heads.iter().copied().zip(cells(line));
        let name = cells.next().map_or("", |(_, name)| name.trim_matches('`'));
        Word { kind, name, cells: cells.collect() }
    })
}

fn cells(line: &'static str) -> impl Iterator<Item = &'static str> {
    line.trim().trim_matches('|').split(" | ").map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_without_a_row_has_the_one_of_its_class() {
        let row = |name: &str| cause(name).map(|word| word.name);
        assert_eq!(row("http-404"), Some("http-404"));
        assert_eq!(row("http-418"), Some("http-4xx"));
        assert_eq!(row("302"), Some("3xx"));
        assert_eq!(row("socks-12"), Some("socks-n"));
        for wrong in ["http-4xx", "socks-n", "http-999", "http-40", "socks-256", "http-", "-404", "0404", ""]
        {
            assert_eq!(row(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_tables_have_causes_stages_and_findings() {
        for (kind, name) in [
            ("cause", "rst-injected"),
            ("headline", "port scan"),
            ("stage", "client-hello"),
            ("client's word", "ECONNRESET"),
            ("finding", "mss-clamp"),
        ] {
            let word = all().find(|word| word.name == name).unwrap();
            assert_eq!(word.kind, kind);
            assert!(word.cells.iter().all(|(head, text)| !head.is_empty() && !text.is_empty()), "{word:?}");
        }
        assert_eq!(all().filter(|word| word.kind == "stage").count(), 10);
    }
}
