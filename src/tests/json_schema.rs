//! The JSON Schema in docs: that it is the code's, and that real output keeps to it.
//!
//! `UPDATE_GOLDEN=1 cargo test` writes it anew.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use ssmscope::report::machine::json;

fn committed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/json-schema.json")
}

#[test]
fn the_committed_schema_is_the_code_s() {
    let schema = serde_json::to_string_pretty(&json::schema()).unwrap() + "\n";
    if std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| !value.is_empty()) {
        fs::write(committed(), &schema).unwrap();
    }
    let found = fs::read_to_string(committed()).unwrap_or_default();
    assert!(found == schema, "docs/json-schema.json is not the code's: UPDATE_GOLDEN=1 cargo test writes it");
}

#[test]
fn real_output_keeps_to_the_schema() {
    let schema = serde_json::to_value(json::schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let testdata = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut lines_seen = 0;
    let mut folders: Vec<_> = fs::read_dir(testdata).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    for folder in folders.iter().filter(|folder| folder.join("README.md").exists()) {
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let captures =
            files.filter(|file| file.to_string_lossy().contains(".pcap") || file.ends_with("transcript.txt"));
        let output = Command::new(env!("CARGO_BIN_EXE_ssmscope"))
            .args(["read", "--output", "json"])
            .args(captures)
            .output()
            .unwrap();
        for line in String::from_utf8(output.stdout).unwrap().lines() {
            let value: Value = serde_json::from_str(line).unwrap();
            let errors: Vec<_> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{}: {errors:?}\n{line}", folder.display());
            lines_seen += 1;
        }
    }
    assert!(lines_seen > 0);
}
