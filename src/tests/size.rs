//! The length of files: a reader holds one in mind. clippy watches that of functions (`.clippy.toml`).

use std::path::Path;

use crate::support::sources::{read_sources, shipped};

/// Lines that a file may have without its tests and without a reason.
const LINES: usize = 450;

/// How the sentence begins in a longer file's first paragraphs that gives the reason.
const REASON: &str = "Long because ";

#[test]
fn a_file_is_short_or_says_why_it_is_long() {
    let is_of_tests = |path: &Path| {
        let below = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).expect("a source of ours");
        below.iter().any(|part| part == "tests" || part == "tests.rs")
    };
    let mut sources = read_sources("src");
    sources.retain(|(path, _)| !is_of_tests(path));
    assert!(sources.len() > 400, "{} files", sources.len());
    let long: Vec<_> =
        sources.iter().filter(|(_, text)| fault(text)).map(|(path, _)| path.display().to_string()).collect();
    assert_eq!(long, [""; 0], "longer than {LINES} lines without their tests, and no reason is given");
}

/// Whether a file is too long and gives no reason.
fn fault(text: &str) -> bool {
    let documentation: Vec<_> = text.lines().take_while(|line| line.starts_with("//!")).collect();
    let gives_reason = documentation.iter().any(|line| line.trim_start_matches("//! ").starts_with(REASON));
    shipped(text).lines().count() > LINES && !gives_reason
}

#[test]
fn tests_and_reasons_are_recognised() {
    let code = "fn f() {}\n".repeat(LINES);
    assert!(!fault(&code));
    assert!(fault(&format!("//! A room.\n{code}")));
    assert!(!fault(&format!("{code}#[cfg(test)]\nmod tests {{\n}}\n")));
    assert!(!fault(&format!("{code}#[cfg(test)]\nimpl F {{\n}}\n#[cfg(test)]\nmod tests {{\n}}\n")));
    assert!(fault(&format!("#[cfg(test)]\nimpl F {{\n}}\n\n{code}")), "what follows is not the tests'");
    assert!(!fault(&format!("//! A room.\n//!\n//! Long because a part of it would be read alone.\n{code}")));
    assert!(fault(&format!("//! A room, with a file of its own for each part.\n{code}")));
    assert!(fault(&format!("// Long because of this.\n{code}")));
}
