//! The questions of docs/json.md, asked by jq.

use std::io::Write;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::lookups;
use crate::support::run::{path, run};
use crate::support::situations::capture;

/// A question, and the program of jq that answers it, with jq's options.
fn recipes() -> Vec<(&'static str, Vec<&'static str>)> {
    let (_, questions) = include_str!("../../docs/json.md").split_once("\n## Questions\n").unwrap();
    let mut recipes = Vec::new();
    let mut question = "";
    for line in questions.lines() {
        if line.ends_with('?') {
            question = line;
        } else if let Some((_, call)) = line.split_once(" | jq ") {
            let (options, program) = call.split_once('\'').unwrap();
            let program = program.strip_suffix('\'').unwrap_or_else(|| panic!("{line}"));
            recipes.push((question, options.split_whitespace().chain([program]).collect()));
        }
    }
    recipes
}

#[test]
fn jq_answers_every_question_of_the_docs() {
    let recipes = recipes();
    assert!(recipes.len() >= 12, "{recipes:?}");
    if Command::new("jq").arg("--version").output().is_err() {
        eprintln!("skipped: jq is not installed");
        return;
    }
    let captures = ["refused/plain", "healthy/plain", "handshake-stalled/plain"];
    let captures = captures.map(capture);
    let words = ["read", "-o", "json"].into_iter().chain(captures.iter().map(String::as_str));
    let folder = TempDir::new().unwrap();
    let lookup = run(&["read", "-o", "json", path(&lookups::unknown_name(&folder))]).out;
    let json = run(&words.collect::<Vec<_>>()).out + &lookup;
    for (question, call) in recipes {
        let mut jq =
            Command::new("jq").args(&call).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        jq.stdin.take().unwrap().write_all(json.as_bytes()).unwrap();
        let answer = jq.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&answer.stdout);
        assert!(answer.status.success() && !text.trim().is_empty(), "{question} {call:?}: {text}");
        assert!(!text.contains("null:") && !text.lines().any(|line| line == "null"), "{question}: {text}");
    }
}
