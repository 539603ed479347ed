//! The JSON Schema in docs: that it is the code's, and that real output keeps to it.
//!
//! `UPDATE_GOLDEN=1 cargo test` rewrites it.

use std::fs;
use std::path::{Path, PathBuf};

use ssmscope::report::machine::json;

use crate::support::run::{is_updating, path, run};
use crate::support::situations::situations;

fn committed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/json-schema.json")
}

#[test]
fn the_committed_schema_is_the_code_s() {
    let schema = serde_json::to_string_pretty(&json::schema()).unwrap() + "\n";
    if is_updating() {
        fs::write(committed(), &schema).unwrap();
    }
    let found = fs::read_to_string(committed()).unwrap_or_default();
    assert!(found == schema, "docs/json-schema.json is not the code's: UPDATE_GOLDEN=1 cargo test writes it");
}

#[test]
fn real_output_keeps_to_the_schema() {
    let schema = serde_json::to_value(json::schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut lines_seen = 0;
    for situation in situations() {
        for captures in situation.paths() {
            let options = ["read", "--output", "json"].into_iter();
            let logs = situation.log_paths();
            let logs = logs.iter().flat_map(|file| ["--log", path(file)]);
            let files = captures.iter().map(|file| path(file));
            let printed = run(&options.chain(files).chain(logs).collect::<Vec<_>>());
            assert_eq!(printed.objects().len(), printed.out.lines().count(), "{}", situation.name);
            for line in printed.objects() {
                let errors: Vec<_> = validator.iter_errors(&line).map(|error| error.to_string()).collect();
                assert!(errors.is_empty(), "{}: {errors:?}\n{line}", situation.name);
                lines_seen += 1;
            }
        }
    }
    assert!(lines_seen > 500, "only {lines_seen} lines");
}
