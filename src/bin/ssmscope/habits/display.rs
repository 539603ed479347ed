//! Wireshark's display filters, typed where libpcap's language is expected.

use std::ffi::{OsStr, OsString};

use ssmscope::capture::select;

/// Protocols whose fields begin with their name and a dot (wireshark-filter(4)).
const PROTOCOLS: [&str; 13] =
    ["tcp", "ip", "ipv6", "tls", "ssl", "frame", "eth", "udp", "dns", "http", "icmp", "icmpv6", "x509sat"];

/// Fields and operators that libpcap has a word for.
const WORDS: [(&str, &str); 15] = [
    ("tcp.port", "tcp port"),
    ("tcp.srcport", "tcp src port"),
    ("tcp.dstport", "tcp dst port"),
    ("udp.port", "udp port"),
    ("ip.addr", "host"),
    ("ipv6.addr", "host"),
    ("ip.src", "src host"),
    ("ipv6.src", "src host"),
    ("ip.dst", "dst host"),
    ("ipv6.dst", "dst host"),
    ("ip.host", "host"),
    ("==", ""),
    ("eq", ""),
    ("&&", "and"),
    ("||", "or"),
];

/// Whether a word, which may be several in quotes, holds a field of a display filter.
pub fn is_filter(word: &OsStr) -> bool {
    let text = word.to_str().unwrap_or_default();
    let is_field = |part: &str| {
        let part = part.trim_start_matches(['(', '!']);
        part.split_once('.').is_some_and(|(protocol, field)| {
            PROTOCOLS.contains(&protocol) && field.starts_with(|first: char| first.is_ascii_lowercase())
        })
    };
    spaced(text).split_whitespace().any(is_field)
}

/// What to type in its place.
pub fn instead(words: &[OsString]) -> String {
    let texts: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
    let typed = texts.join(" ");
    let text = spaced(&typed);
    let parts = text
        .split_whitespace()
        .map(|part| WORDS.iter().find(|(known, _)| *known == part).map_or(part, |(_, word)| *word));
    let filter = parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    // What still has a field in it has no equivalent that is a word for a word.
    if !is_filter(filter.as_ref()) && select::syntax_error(&filter).is_none() {
        return format!("'{typed}' is a display filter of Wireshark; type libpcap's: '{filter}'");
    }
    format!(
        "'{typed}' is a display filter of Wireshark; type libpcap's, such as: 'host 192.0.2.1 and tcp port 8443'"
    )
}

/// The text with spaces around its operators and parentheses.
fn spaced(text: &str) -> String {
    let operators = ["==", "&&", "||", "(", ")"];
    operators
        .into_iter()
        .fold(text.to_owned(), |text, operator| text.replace(operator, &format!(" {operator} ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_recognised_and_file_names_and_addresses_are_not() {
        for filter in ["tcp.port == 8443", "ip.addr==192.0.2.1", "(tls.handshake.type", "!tcp.analysis.flags"]
        {
            assert!(is_filter(filter.as_ref()), "{filter}");
        }
        for other in ["tcp", "192.0.2.1", "host ssm.example", "ip[2:2] == 40", "x.pcap", "-"] {
            assert!(!is_filter(other.as_ref()), "{other}");
        }
    }

    #[test]
    fn what_libpcap_has_words_for_is_translated() {
        let instead = |typed: &str| instead(&[typed.into()]);
        for (typed, filter) in [
            ("tcp.port == 8443", ": 'tcp port 8443'"),
            ("ip.addr==192.0.2.1 && tcp.port==443", ": 'host 192.0.2.1 and tcp port 443'"),
            ("tls.handshake.type == 1", "such as: 'host 192.0.2.1 and tcp port 8443'"),
        ] {
            assert!(instead(typed).ends_with(filter), "{}", instead(typed));
        }
    }
}
