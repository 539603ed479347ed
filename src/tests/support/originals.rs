//! What a redacted output must not contain: addresses and names, in every spelling that a format can have of them.

use std::collections::BTreeSet;
use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::Value;

use super::run::Outcome;

/// Fewer bytes than these occur by chance where they are written as digits or in base64.
const LEAST_BYTES: usize = 6;

/// The originals that an output contains, each with the spelling.
pub fn left_in(output: &[u8], originals: &BTreeSet<String>) -> Vec<String> {
    let raw = String::from_utf8_lossy(output);
    let text = raw.to_lowercase();
    let found = originals.iter().flat_map(|original| {
        let whole = whole_words(original).into_iter().filter(|word| contains_word(&text, word));
        let digits = digits(original).into_iter().filter(|digits| text.contains(digits.as_str()));
        let encoded = in_base64(original).into_iter().filter(|encoded| raw.contains(encoded.as_str()));
        whole.chain(digits).chain(encoded).map(move |spelling| format!("{original} as {spelling}"))
    });
    found.collect()
}

/// Fails where an output contains one of the originals; `what` names the output.
pub fn expect_none(output: &[u8], originals: &BTreeSet<String>, what: &str) {
    let left = left_in(output, originals);
    assert!(left.is_empty(), "{left:?} in {what}:\n{}", String::from_utf8_lossy(output));
}

/// What is looked for as a word of its own: the text, and an address as reverse lookups have it (RFC 1035, 3.5).
fn whole_words(original: &str) -> Vec<String> {
    let mut words = vec![original.to_lowercase()];
    if let Ok(IpAddr::V4(address)) = original.parse() {
        let [a, b, c, d] = address.octets();
        words.push(format!("{d}.{c}.{b}.{a}"));
    }
    words
}

/// The bytes in hexadecimal; of an IPv6 address its own.
fn digits(original: &str) -> Vec<String> {
    let bytes = match original.parse() {
        Ok(IpAddr::V6(address)) => address.octets().to_vec(),
        Ok(IpAddr::V4(_)) => Vec::new(),
        Err(_) => original.as_bytes().to_vec(),
    };
    if bytes.len() < LEAST_BYTES {
        return Vec::new();
    }
    let joined =
        |between: &str| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(between);
    vec![joined(""), joined(":"), joined(" ")]
}

/// What is certain in its base64, at each of the three places where it can begin (RFC 4648, 4).
fn in_base64(original: &str) -> Vec<String> {
    let bytes = original.as_bytes();
    if bytes.len() < LEAST_BYTES {
        return Vec::new();
    }
    let places = (0..3).flat_map(|before| {
        let shifted = [&[0; 2][..before], bytes].concat();
        let certain = (before * 8).div_ceil(6)..shifted.len() * 8 / 6;
        [STANDARD_NO_PAD, URL_SAFE_NO_PAD].map(|engine| engine.encode(&shifted)[certain.clone()].to_owned())
    });
    places.collect()
}

/// Whether a text contains a name or an address, and not only as a part of another.
fn contains_word(text: &str, word: &str) -> bool {
    let is_part = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    text.match_indices(word).any(|(place, _)| {
        let before = place.checked_sub(1).map(|place| text.as_bytes()[place]);
        !is_part(before) && !is_part(text.as_bytes().get(place + word.len()).copied())
    })
}

/// Fails where bytes contain one of these addresses as it is on the wire.
pub fn expect_no_address(bytes: &[u8], addresses: &[&str]) {
    for address in addresses {
        let wire = match address.parse().expect("an address") {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        assert!(!bytes.windows(wire.len()).any(|window| window == wire), "{address}");
    }
}

/// Every address in the reports, and every name that one in JSON shows, without those that a stand-in may be.
pub fn originals(reports: &[&Outcome], json: &Outcome) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for report in reports.iter().chain([&json]) {
        for word in report.out.split(|letter: char| !(letter.is_ascii_hexdigit() || ".:".contains(letter))) {
            let word = word.trim_matches(['.', ':']);
            // tcpdump's form has the port after a fifth dot.
            let four = word.splitn(5, '.').take(4).collect::<Vec<_>>().join(".");
            found.extend([word, &four].map(str::to_owned).into_iter().filter(|word| is_original(word)));
        }
    }
    for line in json.objects() {
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
        "server_name" | "subject" | "common_name" | "names" | "source" | "file" => true,
        // A file's own digest stays, for anyone who has the file.
        "sha256" => !parent.is_empty(),
        // Whether it is trusted is a field of the same name.
        "issuer" => text.contains('='),
        "name" => ["client", "server", "lookup", "wanted", "resolver"].contains(&parent),
        _ => false,
    }
}

/// What became of each connection.
pub fn outcomes(json: &Outcome) -> Vec<[Value; 4]> {
    let lines = json.objects();
    let connections = lines.iter().filter(|line| line["type"] == "connection");
    connections
        .map(|line| ["code", "cause", "actor", "severity"].map(|field| line["verdict"][field].clone()))
        .collect()
}
