//! /etc/resolv.conf line by line: as resolv.conf(5) has it, a line that is not understood counts for nothing.

use ::resolv_conf::Config;

use crate::limits;

/// What the file configures, and what of it is ignored.
pub(super) fn read(text: &[u8]) -> (Config, Vec<String>) {
    let text = String::from_utf8_lossy(text);
    let (mut usable, mut ignored) = (String::new(), Vec::new());
    for line in text.lines() {
        let parts = parts(line);
        let are_known = parts.iter().all(|part| Config::parse(part).is_ok());
        for part in parts.iter().filter(|part| Config::parse(part).is_ok()) {
            usable.push_str(part);
            usable.push('\n');
        }
        if !are_known {
            ignored.push(line.trim().chars().take(limits::PEER_WORDS).collect());
        }
    }
    (Config::parse(&usable).unwrap_or_default(), ignored)
}

/// A line as one part, or, where not all of it is understood, as what is understood by itself: each option, the first address.
fn parts(line: &str) -> Vec<String> {
    let mut words = line.split_whitespace();
    if Config::parse(line).is_ok() {
        return vec![line.to_owned()];
    }
    match words.next() {
        Some("options") => words.map(|option| format!("options {option}")).collect(),
        Some("nameserver") => {
            let first = words.next().map(|address| format!("nameserver {address}"));
            first.into_iter().chain(std::iter::once(line.to_owned())).collect()
        }
        _ => vec![line.to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_understood_leaves_the_rest() {
        for odd in [
            "nameserver",
            "nameserver notanip",
            "nameserver [127.0.0.1]:53",
            "options foo strict-error",
            "options timeout:x",
            "domain",
            "sortlist 10.0.0.0/8",
            "\u{0}",
        ] {
            let (config, ignored) =
                read(format!("{odd}\nnameserver 192.0.2.53\noptions ndots:3\n").as_bytes());
            assert_eq!(config.nameservers.len(), 1, "{odd}");
            assert_eq!((config.ndots, ignored.len()), (3, 1), "{odd}");
        }
    }

    #[test]
    fn of_a_line_that_is_understood_in_part_that_part_counts() {
        let (config, ignored) =
            read(b"options foo ndots:2 bar\nnameserver 192.0.2.53 192.0.2.54\n# caf\xe9\n");
        assert_eq!((config.ndots, config.nameservers.len(), ignored.len()), (2, 1, 2));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(text: Vec<u8>) {
            let _ = read(&text);
        }
    }
}
