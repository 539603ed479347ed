//! The room as a whole: files of real lines, worlds that are made up with their truth, and what has to be refused.

mod arrivals;
mod behind;
mod errors;
mod files;
mod lab;
mod order;
mod seed;
mod size;
mod world;
mod worlds;

use std::path::PathBuf;

use super::{Exchange, LogSettings, Logs};
use crate::time::{Elapsed, Timestamp};

/// Reads texts as files of one folder, in this order.
fn read(files: &[(&str, &str)], settings: &LogSettings) -> Logs {
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

/// This many milliseconds after ten o'clock, UTC, on 13 January 2023.
fn after_ten(millis: i64) -> Timestamp {
    Timestamp::from_parts(1_673_604_000, 0) + Elapsed::from_millis(millis)
}

/// A complete exchange with a server a millisecond away, from and until these milliseconds after ten, seen at the client.
fn exchange(server: &str, start: i64, end: i64) -> Exchange {
    let (client, server) =
        ("10.77.0.1:40000".parse().expect("an address"), server.parse().expect("an address"));
    Exchange {
        to_client: Some(Elapsed::ZERO),
        to_server: Some(Elapsed::from_millis(1)),
        round_trips: 3,
        ..Exchange::complete(client, server, after_ten(start), after_ten(end))
    }
}

/// An instant of RFC 3339.
fn at(text: &str) -> crate::time::Timestamp {
    let instant: jiff::Timestamp = text.parse().expect("a time");
    crate::time::Timestamp::from_nanos(instant.as_nanosecond() as i64)
}
