//! The tables of words: causes, stages and findings, from the pages that list them.

/// A word's entry in a table.
#[derive(Clone, Debug)]
pub struct Word {
    /// What kind of word it is.
    pub kind: &'static str,
    pub name: &'static str,
    /// The other cells of its row, each below its column's head.
    pub cells: Vec<(&'static str, &'static str)>,
}

const WORDS: &str = include_str!("../../../../docs/words.md");
const FINDINGS: &str = include_str!("../../../../docs/findings.md");

/// The kinds of words, by the head of their table's first column.
const KINDS: [(&str, &str, &str); 4] = [
    ("cause", "cause", WORDS),
    ("word", "headline", WORDS),
    ("stage", "stage", WORDS),
    ("code", "finding", FINDINGS),
];

/// All words of the tables.
pub fn all() -> impl Iterator<Item = Word> {
    KINDS.into_iter().flat_map(|(head, kind, page)| rows(page, head, kind))
}

/// The causes.
pub fn causes() -> impl Iterator<Item = &'static str> {
    rows(WORDS, "cause", "cause").map(|word| word.name)
}

/// The rows of the table whose first column has this head.
fn rows(page: &'static str, head: &'static str, kind: &'static str) -> impl Iterator<Item = Word> {
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
    fn the_tables_have_causes_stages_and_findings() {
        for (kind, name) in [
            ("cause", "rst-injected"),
            ("headline", "port scan"),
            ("stage", "client-hello"),
            ("finding", "mss-clamp"),
        ] {
            let word = all().find(|word| word.name == name).unwrap();
            assert_eq!(word.kind, kind);
            assert!(word.cells.iter().all(|(head, text)| !head.is_empty() && !text.is_empty()), "{word:?}");
        }
        assert_eq!(all().filter(|word| word.kind == "stage").count(), 10);
    }
}
