//! The pages: each code has its own, and what a page names exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use ssmscope::probe::REASONS;
use ssmscope::verdict::RULES;

use crate::support::situations::{entries, situations};

/// The pages that name tests.
const PAGES_FOR_MAINTAINERS: [&str; 3] = ["docs/architecture.md", "docs/contributing.md", "docs/security.md"];

/// All pages: those of docs/ with its folders, and two next to it.
fn pages() -> Vec<String> {
    let mut pages = vec!["README.md".to_owned(), "testdata/README.md".to_owned()];
    let mut folders = vec![root().join("docs")];
    while let Some(folder) = folders.pop() {
        for path in entries(&folder) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path.strip_prefix(root()).expect("a page below the root").display().to_string());
            }
        }
    }
    pages
}

/// Top-level folders, by which a path of the repository is known.
const TOP: [&str; 5] = ["src/", "docs/", "testdata/", "benches/", ".ci/"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(page: &str) -> String {
    fs::read_to_string(root().join(page)).unwrap_or_else(|error| panic!("{page}: {error}"))
}

#[test]
fn every_verdict_has_a_page_and_a_capture_of_its_name() {
    let codes: BTreeSet<_> = RULES.iter().map(|rule| rule.code.name().to_owned()).collect();
    for rule in RULES {
        assert_eq!(rule.page, text(&format!("docs/verdicts/{}.md", rule.code)));
        assert_eq!(rule.page.lines().next(), Some(format!("# {}", rule.code).as_str()));
        assert!(rule.page.lines().all(|line| line.chars().count() <= 80), "{}", rule.code);
    }
    let situations = situations();
    let named = situations.iter().filter(|situation| situation.name == format!("{}/plain", situation.code()));
    let captured: BTreeSet<_> = named.map(|situation| situation.code().to_owned()).collect();
    let lacking: Vec<_> = codes.difference(&captured).collect();
    assert!(lacking.is_empty(), "no folder testdata/CODE/plain with the verdict of {lacking:?}");
}

#[test]
fn every_reason_of_a_check_has_a_page_of_its_name() {
    for reason in REASONS {
        assert_eq!(reason.page.lines().next(), Some(format!("# {}", reason.code).as_str()));
        assert!(reason.page.lines().all(|line| line.chars().count() <= 80), "{}", reason.code);
    }
}

#[test]
fn every_file_and_capture_that_a_verdict_s_page_names_exists() {
    for rule in RULES {
        let (_, named) = rule.page.split_once("\n## Rule\n").expect("a page ends with its rule");
        let words = named.split([' ', '\n', ',', ';', '(', ')']).map(|word| word.trim_end_matches('.'));
        let (files, captures): (Vec<_>, Vec<_>) =
            words.filter(|word| word.contains('/')).partition(|word| word.starts_with("src/"));
        let module = format!("src/verdict/{}", rule.code.name().replace('-', "_"));
        let is_module = |file: &&str| [".rs", "/mod.rs"].iter().any(|end| **file == format!("{module}{end}"));
        assert!(files.iter().any(is_module), "{}: {files:?}", rule.code);
        assert!(captures.contains(&format!("{}/plain", rule.code).as_str()), "{}: {captures:?}", rule.code);
        let captures = captures.iter().map(|name| format!("testdata/{name}/README.md"));
        for path in files.iter().map(|file| (*file).to_owned()).chain(captures) {
            assert!(root().join(&path).exists(), "{} names {path}", rule.code);
        }
    }
}

#[test]
fn the_readme_shows_what_is_really_printed() {
    let golden = text("testdata/no-server-hello/client-gives-up/timeline.txt");
    let connection = golden.as_str();
    let readme = text("README.md");
    assert!(readme.contains(connection.trim_end()), "README.md's sample is not this:\n{connection}");
}

#[test]
fn every_path_test_and_link_of_a_page_exists() {
    let mut sources = Vec::new();
    read_sources(&root().join("src"), &mut sources);
    let mut lacking = Vec::new();
    let pages = pages();
    assert!(
        pages.len() > 40 && PAGES_FOR_MAINTAINERS.iter().all(|page| pages.iter().any(|known| known == page))
    );
    for page in &pages {
        let text = text(page);
        let names_tests = PAGES_FOR_MAINTAINERS.contains(&page.as_str());
        let folder = root().join(page).parent().expect("a folder").to_owned();
        let has_link = |target: &str| target.contains("://") || folder.join(target).exists();
        let has_name = |name: &str| {
            if is_test(name) {
                !names_tests || has_test(name, &sources)
            } else {
                is_path_there(name, &sources)
            }
        };
        lacking.extend(links(&text).filter(|target| !has_link(target)).map(|name| format!("{page}: {name}")));
        lacking.extend(quoted(&text).filter(|name| !has_name(name)).map(|name| format!("{page}: {name}")));
    }
    assert!(lacking.is_empty(), "{}", lacking.join("\n"));
}

/// The Rust sources below a folder, with their text.
fn read_sources(folder: &Path, into: &mut Vec<(PathBuf, String)>) {
    for path in entries(folder) {
        if path.is_dir() {
            read_sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("text");
            into.push((path, text));
        }
    }
}

/// Whether a word is a sentence in snake case, as tests' names are.
fn is_test(name: &str) -> bool {
    name.matches('_').count() > 2 && name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_')
}

fn has_test(name: &str, sources: &[(PathBuf, String)]) -> bool {
    sources.iter().any(|(_, text)| text.contains(&format!("fn {name}(")))
}

/// Whether a path exists. Words that are no paths count as there; so do patterns,
/// with a part in capitals or a `*`, and the paths that the recipes of contributing.md would add.
fn is_path_there(name: &str, sources: &[(PathBuf, String)]) -> bool {
    let is_pattern = name.contains(['*', ' ']) || name.chars().any(char::is_uppercase);
    let is_example = name.contains("the-code") || name.contains("the_code");
    if is_pattern || is_example || !name.contains('/') {
        return true;
    }
    if TOP.iter().any(|top| name.starts_with(top)) {
        return root().join(name).exists();
    }
    Path::new(name).extension().is_none_or(|extension| extension != "rs")
        || sources.iter().any(|(path, _)| path.ends_with(name))
}

/// The targets of a page's links.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', '#']).next())
        .filter(|target| !target.is_empty())
}

/// What a page has between backticks, code blocks left out.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split("```").step_by(2).flat_map(|prose| prose.split('`').skip(1).step_by(2))
}

/// Words that comments don't have, since a technical writer prints others: report, show, record, distinguish, contain, continue.
const FOREIGN: [&str; 17] = [
    "told",
    "tells",
    "telling",
    "beside",
    "goes on",
    "go on",
    "stands in",
    "whom",
    "in vain",
    "let go",
    "lets go",
    "so many",
    "so much",
    "so long",
    "bear",
    "bears",
    "all the same",
];

#[test]
fn comments_are_in_plain_english() {
    let mut sources = Vec::new();
    read_sources(&root().join("src"), &mut sources);
    read_sources(&root().join("benches"), &mut sources);
    let mut found = Vec::new();
    for (path, text) in &sources {
        // Sentences go over several lines.
        let lines = text.lines().map(str::trim_start);
        let comments =
            lines.map(|line| line.strip_prefix("//").unwrap_or("\n")).collect::<Vec<_>>().join(" ");
        for comment in comments.split('\n') {
            let words =
                comment.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
            let words = format!(" {} ", words.collect::<Vec<_>>().join(" ").to_lowercase());
            let of_file = |phrase: &&str| format!("{}: {phrase}", path.display());
            found.extend(FOREIGN.iter().filter(|phrase| words.contains(&format!(" {phrase} "))).map(of_file));
        }
    }
    assert!(sources.len() > 500 && found.is_empty(), "{}", found.join("\n"));
}
