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

/// The part of a source before its tests and what only tests use. Declarations of modules that only tests have are no end.
pub fn shipped(text: &str) -> &str {
    let mut markers = text.match_indices("#[cfg(test)]\n");
    let end = markers.find(|(at, marker)| {
        let next = text[at + marker.len()..].lines().next().unwrap_or_default();
        !next.ends_with(';')
    });
    end.map_or(text, |(at, _)| &text[..at])
}
