//! The flat row: that every situation's rows have the published columns, and that these are the code's.
//!
//! `UPDATE_GOLDEN=1 cargo test` rewrites the table of docs/flat.md and the DDL.

use std::fs;
use std::path::Path;

use serde_json::Value;
use ssmscope::report::machine::flat::{Column, columns};
use ssmscope::verdict::{RULES, Severity};

use crate::support::run::{Outcome, is_updating, path, run, ssmscope};
use crate::support::situations::{capture, situations};

const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs");

/// What a file holds, or is to hold, between two marks.
fn keep(file: &str, marks: Option<(&str, &str)>, expected: &str) {
    let file = Path::new(DOCS).join(file);
    let text = fs::read_to_string(&file).unwrap_or_default();
    let (before, found, after) = match marks {
        None => ("", text.as_str(), ""),
        Some((first, last)) => {
            let (begin, end) = (text.find(first).unwrap() + first.len(), text.find(last).unwrap());
            (&text[..begin], &text[begin..end], &text[end..])
        }
    };
    if is_updating() {
        fs::write(&file, format!("{before}{expected}{after}")).unwrap();
    } else {
        assert!(
            found == expected,
            "{} is not the code's: UPDATE_GOLDEN=1 cargo test writes it",
            file.display()
        );
    }
}

#[test]
fn the_published_columns_are_the_code_s() {
    let row = |column: &Column| format!("| `{}` | {} | {} |\n", column.name, column.sql, column.about);
    let table: String = columns().iter().map(row).collect();
    let table = format!("\n| column | type | what it holds |\n| --- | --- | --- |\n{table}");
    keep("flat.md", Some(("<!-- columns -->", "<!-- /columns -->")), &table);
    let column = |column: &Column| format!("    {} {}", column.name, column.sql);
    let ddl: Vec<_> = columns().iter().map(column).collect();
    let head = "-- The flat row, for DuckDB and for Spark; docs/flat.md describes the columns.";
    keep(
        "scale/columns.sql",
        None,
        &format!("{head}\nCREATE TABLE connections (\n{}\n);\n", ddl.join(",\n")),
    );
}

#[test]
fn every_situation_s_rows_have_the_published_columns() {
    let columns = columns();
    let mut rows = 0;
    for situation in situations() {
        for captures in situation.paths() {
            let files = captures.iter().map(|file| path(file));
            let words: Vec<_> = ["read", "-o", "flat"].into_iter().chain(files.clone()).collect();
            let printed = run(&words);
            let table = run(&[words.as_slice(), &["--format", "csv"]].concat());
            let connections = run(&["read", "-o", "json"].into_iter().chain(files).collect::<Vec<_>>());
            let objects = printed.objects();
            assert_eq!(objects.len(), connections.connections().len(), "{}", situation.name);
            let mut reader = csv::Reader::from_reader(table.out.as_bytes());
            let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
            assert_eq!(reader.headers().unwrap().iter().collect::<Vec<_>>(), names);
            assert_eq!(reader.records().map(Result::unwrap).count(), objects.len());
            for (object, connection) in objects.iter().zip(connections.connections()) {
                let fields = object.as_object().unwrap();
                assert_eq!(fields.len(), columns.len());
                for column in &columns {
                    let value = &fields[&column.name];
                    let is_typed = match column.sql {
                        "BIGINT" => value.is_i64(),
                        "BOOLEAN" => value.is_boolean(),
                        _ => value.is_string(),
                    };
                    assert!(is_typed || value.is_null(), "{}: {value}", column.name);
                }
                assert_eq!(object["verdict"], connection["verdict"]["code"]);
                assert_eq!(object["started"], connection["start"]);
                assert_eq!(object["error"], Value::Null);
                let seconds = connection["timing"]["round_trip"]["handshake"].as_f64();
                let micros = seconds.map(|seconds| (seconds * 1e6 + 1e-4) as i64);
                assert_eq!(object["rtt_us"].as_i64(), micros);
                rows += 1;
            }
        }
    }
    assert!(rows > 250, "only {rows} rows");
}

#[test]
fn an_input_that_cannot_be_read_has_a_row() {
    let refused = capture("refused/plain");
    let printed = run(&["read", "-o", "flat", "no-such-capture", &refused]);
    let [good, bad] = printed.objects().try_into().unwrap();
    assert_eq!(
        (&good["source"], &good["error"], &good["sha256"]),
        (&refused.into(), &Value::Null, &digest().into())
    );
    assert_eq!((&bad["source"], &bad["id"]), (&"no-such-capture".into(), &Value::Null));
    assert!(bad["error"].as_str().unwrap().contains("No such file"), "{bad}");
    assert_eq!(printed.status, 2);
    let alone = run(&["read", "-o", "flat", "--format", "csv", "no-such-capture"]);
    assert_eq!((alone.out.lines().count(), alone.status), (2, 3));
}

fn digest() -> String {
    use sha2::{Digest, Sha256};
    use std::fmt::Write;
    let mut text = String::new();
    for byte in Sha256::digest(fs::read(capture("refused/plain")).unwrap()) {
        write!(text, "{byte:02x}").unwrap();
    }
    text
}

#[test]
fn a_pipe_gives_the_rows_of_the_file_without_its_digest() {
    let capture = capture("refused/plain");
    let piped = Outcome::fed(&mut ssmscope(&["read", "-o", "flat", "-"]), &fs::read(&capture).unwrap());
    let [mut piped] = <[Value; 1]>::try_from(piped.objects()).unwrap();
    let [mut read] = <[Value; 1]>::try_from(run(&["read", "-o", "flat", &capture]).objects()).unwrap();
    assert_eq!((&piped["source"], &piped["sha256"]), (&"-".into(), &Value::Null));
    for row in [&mut piped, &mut read] {
        row["source"].take();
        row["sha256"].take();
    }
    assert_eq!(piped, read);
}

#[test]
fn a_format_is_for_rows_alone() {
    let outcome = run(&["read", "-o", "json", "--format", "csv", &capture("refused/plain")]);
    assert_eq!((outcome.status, outcome.out.as_str()), (3, ""));
    assert!(outcome.error.contains("--format csv is for -o flat"), "{outcome:?}");
}

#[test]
fn every_verdict_has_an_activity_of_ocsf() {
    let page = include_str!("../../docs/flat.md");
    let (_, table) = page.split_once("| `activity_id` | verdicts |").unwrap();
    let (table, _) = table.split_once("\n\n").unwrap();
    for rule in RULES {
        let is_named = table.contains(&format!("`{}`", rule.code));
        let is_fail = !is_named && rule.severity == Severity::Critical;
        assert!(is_named || is_fail, "{}", rule.code);
    }
}
