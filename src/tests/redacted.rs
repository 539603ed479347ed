//! `--redact` on the test captures: nothing of the originals is left in any report, and the verdicts are the same.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::Value;

use crate::support::run::{Outcome, path, run};
use crate::support::situations::{capture, situations, testdata};

/// The forms that show most.
const FULL: [&[&str]; 3] = [&["-vv", "--all"], &["-o", "json"], &["-o", "html", "--all"]];

/// The others, of which some captures are enough.
const OTHERS: [&[&str]; 6] = [
    &["-o", "table"],
    &["-o", "flat"],
    &["-o", "flat", "--format", "csv"],
    &["-o", "markdown", "-vv", "--all"],
    &["-o", "nagios", "--host", "0.0.0.0/0,::/0"],
    &["-o", "prometheus", "--host", "0.0.0.0/0,::/0"],
];

/// One capture in this number is printed in all forms.
const EACH: usize = 12;

#[test]
fn no_report_contains_an_original_address_or_name() {
    let mut checked = 0;
    let readings = situations().into_iter().flat_map(|situation| situation.paths().collect::<Vec<_>>());
    for (index, paths) in readings.enumerate() {
        let files: Vec<_> = paths.iter().map(|file| path(file)).collect();
        let plain = [FULL[0], FULL[1]].map(|form| run(&[&["read"], &files[..], form].concat()));
        let originals = originals(&plain);
        let others = if index % EACH == 0 { &OTHERS[..] } else { &[] };
        for form in FULL.iter().chain(others) {
            let redacted = run(&[&["read", "--redact"], &files[..], form].concat());
            for text in [&redacted.out, &redacted.error] {
                let left: Vec<_> = originals.iter().filter(|original| contains(text, original)).collect();
                assert!(left.is_empty(), "{left:?} of {files:?} in {form:?}:\n{text}");
            }
            assert_eq!(redacted.status, plain[0].status, "{files:?} {form:?}: {}", redacted.error);
            if *form == FULL[1] {
                assert_eq!(outcomes(&plain[1]), outcomes(&redacted), "{files:?}");
            }
        }
        checked += originals.len();
    }
    assert!(checked > 300, "{checked}");
}

/// What became of each connection.
fn outcomes(json: &Outcome) -> Vec<[Value; 4]> {
    let lines = json.objects();
    let connections = lines.iter().filter(|line| line["type"] == "connection");
    connections
        .map(|line| ["code", "cause", "actor", "severity"].map(|field| line["verdict"][field].clone()))
        .collect()
}

/// Whether a text contains a name or an address, and not only as a part of another.
fn contains(text: &str, original: &str) -> bool {
    let is_part = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    text.match_indices(original).any(|(place, _)| {
        let before = place.checked_sub(1).map(|place| text.as_bytes()[place]);
        !is_part(before) && !is_part(text.as_bytes().get(place + original.len()).copied())
    })
}

/// Every address in the reports, and every name that JSON shows, without those that a stand-in may be.
fn originals(reports: &[Outcome]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for report in reports {
        for word in report.out.split(|letter: char| !(letter.is_ascii_hexdigit() || ".:".contains(letter))) {
            let word = word.trim_matches(['.', ':']);
            // tcpdump's form has the port behind a fifth dot.
            let four = word.splitn(5, '.').take(4).collect::<Vec<_>>().join(".");
            found.extend([word, &four].map(str::to_owned).into_iter().filter(|word| is_original(word)));
        }
    }
    for line in reports[1].objects() {
        names(&line, ["", ""], &mut found);
    }
    found
}

fn is_original(word: &str) -> bool {
    let Ok(address) = word.parse::<IpAddr>() else { return false };
    let is_stand_in = match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            [[192, 0, 2], [198, 51, 100], [203, 0, 113]].contains(&[a, b, c]) || v4.is_broadcast()
        }
        IpAddr::V6(v6) => v6.segments()[..2] == [0x2001, 0xdb8] || v6.segments()[..3] == [0; 3],
    };
    // Versions of programs look like addresses, and begin with small numbers.
    !is_stand_in && !address.is_loopback() && !address.is_unspecified() && !address.is_multicast()
}

/// The strings of fields that name somebody; `parent` is the field that `value` is a part of, and `field` its own.
fn names(value: &Value, [parent, field]: [&str; 2], found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) if names_somebody(text, [parent, field]) => {
            let values = text.split(", ").map(|part| part.split_once('=').map_or(part, |(_, value)| value));
            found.extend(
                values.filter(|value| value.len() > 3 && !value.ends_with(".example")).map(str::to_owned),
            );
        }
        Value::Array(items) => items.iter().for_each(|item| names(item, [parent, field], found)),
        Value::Object(fields) => fields.iter().for_each(|(name, value)| names(value, [field, name], found)),
        _ => {}
    }
}

fn names_somebody(text: &str, [parent, field]: [&str; 2]) -> bool {
    match field {
        "server_name" | "subject" | "common_name" | "names" | "source" | "file" | "sha256" => true,
        // Whether it is trusted is a field of the same name.
        "issuer" => text.contains('='),
        "name" => ["client", "server", "lookup", "wanted", "resolver"].contains(&parent),
        _ => false,
    }
}

#[test]
fn it_is_deterministic_for_any_number_of_threads_and_says_so() {
    let file = testdata("file/ring/a.pcap");
    let one = run(&["read", "--redact", "-j", "1", "-o", "json", &file]);
    assert_eq!(one.out, run(&["read", "--redact", "-j", "4", "-o", "json", &file]).out);
    for form in [&["-vv"][..], &["-o", "table"], &["-o", "json"], &["-o", "markdown"], &["-o", "html"]] {
        let outcome = run(&[&["read", "--redact", &file], form].concat());
        assert_eq!(outcome.out.matches("redacted: addresses, names,").count(), 1, "{}", outcome.out);
    }
}

#[test]
fn what_it_can_not_redact_is_refused() {
    let file = capture("refused/plain");
    for options in [
        &["-o", "tcpdump"][..],
        &["-w", "/nonexistent/x.pcapng"],
        &["--log", "/nonexistent/x.log"],
        &["--explain-decision"],
    ] {
        let outcome = run(&[&["read", "--redact", &file], options].concat());
        assert_eq!((outcome.status, outcome.out.as_str()), (3, ""), "{options:?}");
        assert!(outcome.error.contains("--redact"), "{}", outcome.error);
    }
}
