//! The pages: each code has its own, and what a page names exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use ssmscope::probe::REASONS;
use ssmscope::verdict::RULES;

use crate::support::situations::{entries, situations};
use crate::support::sources::{read_sources, shipped};

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
    let sources = read_sources("src");
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
        let links = links(&text).filter(|target| !has_link(target));
        let tests = quoted(&text).filter(|name| names_tests && is_test(name) && !has_test(name, &sources));
        let paths = paths(&text, &sources);
        let is_absent = |(name, path): &&(&str, Option<PathBuf>)| {
            path.is_none() && (names_tests || name.trim_end_matches('/').contains('/'))
        };
        let paths = paths.iter().filter(is_absent).map(|(name, _)| *name);
        lacking.extend(links.chain(tests).chain(paths).map(|name| format!("{page}: {name}")));
    }
    assert!(lacking.is_empty(), "{}", lacking.join("\n"));
}

/// Whether a word is a sentence in snake case, as tests' names are.
fn is_test(name: &str) -> bool {
    name.matches('_').count() > 2 && name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_')
}

fn has_test(name: &str, sources: &[(PathBuf, String)]) -> bool {
    sources.iter().any(|(_, text)| text.contains(&format!("fn {name}(")))
}

#[test]
fn a_bare_name_belongs_to_the_folder_that_was_named_last() {
    let sources = read_sources("src");
    let found = |page: &str| paths(page, &sources).iter().all(|(_, path)| path.is_some());
    assert!(found(
        "`limits.rs`, `verdict/`, `src/bin/ssmscope/read.rs`, `live.rs`, `check/plan.rs` and `targets.rs`"
    ));
    assert!(found(
        "`src/verdict/the_code.rs`, `src/*/mod.rs`, `mod.rs`, `story.logs`, `text/plain` and `/etc/hosts`"
    ));
    for absent in [
        "`src/bin/ssmscope/read.rs`, `check.rs`",
        "`live.rs`",
        "`checks/`",
        "`verdict/none.rs`",
        "`src/verdict/none`",
    ] {
        assert!(!found(absent), "{absent}");
    }
}

/// The paths that a page has between backticks, each with where it is; none where it does not exist. Patterns, with a part in capitals
/// or a `*`, are no paths, and neither are those that the recipes of contributing.md would add. A file or a folder without the one that
/// it is in belongs to the room or the path that the page named last, or to `src`.
fn paths<'t>(page: &'t str, sources: &[(PathBuf, String)]) -> Vec<(&'t str, Option<PathBuf>)> {
    let source = root().join("src");
    let mut last = source.clone();
    let mut named = Vec::new();
    for name in quoted(page) {
        let is_pattern = name.contains(['*', ' ', '<']) || name.chars().any(char::is_uppercase);
        let is_example = name.contains("the-code") || name.contains("the_code");
        let is_of_repository = TOP.iter().any(|top| name.starts_with(top));
        let is_source = Path::new(name).extension().is_some_and(|extension| extension == "rs");
        let is_bare = !name.trim_end_matches('/').contains('/');
        let is_path = is_of_repository || is_source || (is_bare && name.ends_with('/') && name.len() > 1);
        // Each room has one.
        if is_pattern || is_example || !is_path || name == "mod.rs" {
            continue;
        }
        let path = if is_of_repository {
            Some(root().join(name)).filter(|path| path.exists())
        } else if is_bare {
            [&last, &source].map(|folder| folder.join(name)).into_iter().find(|path| path.exists())
        } else {
            sources.iter().map(|(path, _)| path).find(|path| path.ends_with(name)).cloned()
        };
        let is_room = |path: &Path| path.is_dir() && path.parent() == Some(source.as_path());
        if let Some(path) = path.as_deref().filter(|path| path.starts_with(&source))
            && (!is_bare || is_room(path))
        {
            path.clone_into(&mut last);
            if is_source {
                last.pop();
            }
        }
        named.push((name, path));
    }
    named
}

#[test]
fn the_recipe_of_a_verdict_names_every_file_that_names_codes() {
    let page = text("docs/contributing.md");
    let (_, recipe) = page.split_once("\n## Add a verdict\n").expect("the recipe");
    let recipe = recipe.split("\n## ").next().unwrap_or_default();
    let (source, sources) = (root().join("src"), read_sources("src"));
    let named = paths(recipe, &sources);
    let is_named = |path: &Path| {
        let mut known = named.iter().filter_map(|(_, known)| known.as_deref());
        known.any(|known| path == known || (known.is_dir() && path.starts_with(known)))
    };
    let names_codes = |text: &str| {
        let shipped = shipped(text);
        shipped.match_indices("Code::").any(|(at, word)| {
            let before = shipped[..at].chars().next_back();
            let after = shipped[at + word.len()..].chars().next();
            before.is_some_and(|letter| !letter.is_alphanumeric() && letter != ':')
                && after.is_some_and(char::is_uppercase)
        })
    };
    let is_of_tests = |path: &Path| {
        let mut parts = path.iter().filter_map(|part| part.to_str());
        parts.any(|part| ["tests", "tests.rs"].contains(&part))
    };
    let known: Vec<_> = sources
        .iter()
        .filter(|(path, text)| {
            let path = path.strip_prefix(&source).expect("below src");
            !path.starts_with("verdict") && !is_of_tests(path) && names_codes(text)
        })
        .map(|(path, _)| path.as_path())
        .collect();
    assert!(known.len() > 10, "{known:?}");
    let lacking: Vec<_> = known.into_iter().filter(|path| !is_named(path)).collect();
    assert!(lacking.is_empty(), "{lacking:?}");
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

/// Words that comments and names of functions don't have, since a technical writer prints others: report, show, record, distinguish,
/// contain, continue.
const FOREIGN: [&str; 19] = [
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
    "be it",
    "at no time",
];

/// A proxy, a clock and the like may have something behind them. A part of a stream, of a text or of time comes after another.
const HAVE_SOMETHING_BEHIND: [&str; 15] = [
    "balancer",
    "clock",
    "clocks",
    "device",
    "devices",
    "firewall",
    "front",
    "gateway",
    "nat",
    "nginx",
    "proxies",
    "proxy",
    "queue",
    "router",
    "translation",
];

/// Words around such a word among which the device has to be.
const NEAR: usize = 12;

/// The foreign phrases of a comment or of a function's name.
fn foreign(text: &str) -> Vec<&'static str> {
    let words = text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    let words: Vec<_> = words.map(str::to_lowercase).collect();
    let spaced = format!(" {} ", words.join(" "));
    let is_after = |at: usize| {
        let near = &words[at.saturating_sub(NEAR)..(at + NEAR).min(words.len())];
        words[at] == "behind" && !near.iter().any(|word| HAVE_SOMETHING_BEHIND.contains(&word.as_str()))
    };
    let phrases = FOREIGN.into_iter().filter(|phrase| spaced.contains(&format!(" {phrase} ")));
    phrases.chain((0..words.len()).any(is_after).then_some("behind")).collect()
}

#[test]
fn foreign_phrases_are_found_and_devices_have_something_behind_them() {
    assert_eq!(foreign("a FIN behind the data"), ["behind"]);
    assert_eq!(foreign("a_fin_behind_the_data_is_reported"), ["behind"]);
    assert_eq!(foreign("zones_are_told_apart"), ["told"]);
    for plain in ["a server behind a proxy", "a_client_behind_a_firewall", "a FIN after the data"] {
        assert!(foreign(plain).is_empty(), "{plain}");
    }
}

#[test]
fn comments_and_names_of_functions_are_in_plain_english() {
    let sources = [read_sources("src"), read_sources("benches")].concat();
    let mut found = Vec::new();
    for (path, text) in &sources {
        // Sentences go over several lines.
        let lines = text.lines().map(str::trim_start);
        let comments =
            lines.map(|line| line.strip_prefix("//").unwrap_or("\n")).collect::<Vec<_>>().join(" ");
        let functions = text.split("fn ").skip(1).filter_map(|rest| rest.split(['(', '<']).next());
        for sentence in comments.split('\n').chain(functions) {
            found.extend(foreign(sentence).into_iter().map(|phrase| format!("{}: {phrase}", path.display())));
        }
    }
    assert!(sources.len() > 500 && found.is_empty(), "{}", found.join("\n"));
}
