//! The room as a whole: files of real lines, worlds that are made up with their truth, and what has to be refused.

mod arrivals;
mod files;
mod lab;
mod order;
mod seed;
mod size;
mod world;
mod worlds;

use std::path::PathBuf;

use super::{Logs, Settings};

/// Reads texts as files of one folder, in this order.
fn read(files: &[(&str, &str)], settings: &Settings) -> Logs {
    let folder = tempfile::tempdir().expect("a folder");
    let paths: Vec<PathBuf> = files
        .iter()
        .map(|(name, text)| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("a file");
            path
        })
        .collect();
    super::read(&paths, settings).expect("logs")
}

/// An instant of RFC 3339.
fn at(text: &str) -> crate::time::Timestamp {
    let instant: jiff::Timestamp = text.parse().expect("a time");
    crate::time::Timestamp::from_nanos(instant.as_nanosecond() as i64)
}
