//! The Rust sources themselves, for the tests that hold them to rules.

use std::fs;
use std::path::{Path, PathBuf};

use super::situations::entries;

/// The Rust sources below a folder of the repository, with their text.
pub fn read_sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for path in entries(&folder) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("UTF-8");
                sources.push((path, text));
            }
        }
    }
    sources
}

/// A source without its tests and what only tests use. An item ends at the margin, as rustfmt has it.
pub fn shipped(text: &str) -> String {
    let mut shipped = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line == "#[cfg(test)]" {
            lines.by_ref().find(|line| !line.starts_with(' ') && line.ends_with([';', '}']));
        } else {
            shipped.push_str(line);
            shipped.push('\n');
        }
    }
    shipped
}
