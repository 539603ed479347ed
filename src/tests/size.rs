//! The length of files: a reader holds one in mind. clippy watches that of functions (`.clippy.toml`).

use std::fs;
use std::path::{Path, PathBuf};

/// Lines that a file may have without its tests and without a reason.
const LINES: usize = 450;

/// What the first paragraphs of a longer file say when they give the reason: why a part of it has no file of its own.
const REASON: &str = "a file of its own";

#[test]
fn a_file_is_short_or_says_why_it_is_long() {
    let mut long = Vec::new();
    for file in sources() {
        let text = fs::read_to_string(&file).expect("UTF-8");
        if fault(&text) {
            long.push(file.display().to_string());
        }
    }
    assert_eq!(long, [""; 0], "longer than {LINES} lines without their tests, and no reason is given");
}

/// Whether a file is too long and gives no reason.
fn fault(text: &str) -> bool {
    let shipped = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let documentation: Vec<_> = text.lines().take_while(|line| line.starts_with("//!")).collect();
    let documentation = documentation.join(" ").replace(" //! ", " ");
    shipped.lines().count() > LINES && !documentation.contains(REASON)
}

/// All sources but those of tests.
fn sources() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").flatten() {
            let path = entry.path();
            let is_of_tests = path.file_stem().is_some_and(|name| name == "tests");
            if path.is_dir() && !is_of_tests {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !is_of_tests {
                files.push(path);
            }
        }
    }
    assert!(files.len() > 400, "{} files", files.len());
    files
}

#[test]
fn tests_and_reasons_are_recognised() {
    let code = "fn f() {}\n".repeat(LINES);
    assert!(!fault(&code));
    assert!(fault(&format!("//! A room.\n{code}")));
    assert!(!fault(&format!("{code}#[cfg(test)]\nmod tests {{\n}}\n")));
    assert!(!fault(&format!(
        "//! A room.\n//!\n//! A part in a file\n//! of its own would hide that.\n{code}"
    )));
    assert!(fault(&format!("// In a file of its own.\n{code}")));
}
