//! Ports by the names of their services.

use std::sync::LazyLock;

/// The table, sorted by name.
static SERVICES: LazyLock<Vec<(&str, u16)>> = LazyLock::new(|| {
    let lines = include_str!("services.txt").lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(name, port)| Some((name, port.parse().ok()?)))
        .collect()
});

/// The TCP port of a service.
pub fn port(service: &str) -> Option<u16> {
    let index = SERVICES.binary_search_by_key(&service, |(name, _)| name).ok()?;
    SERVICES.get(index).map(|(_, port)| *port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_all_spellings_are_ports() {
        for (service, expected) in [
            ("https", 443),
            ("http", 80),
            ("www", 80),
            ("pcsync-https", 8443),
            ("http-alt", 8080),
            ("webcache", 8080),
            ("squid", 3128),
            ("ndl-aas", 3128),
            ("ms-wbt-server", 3389),
            ("mysql", 3306),
            ("bgp", 179),
            ("citrix-ica", 1494),
            ("1ci-smcs", 3091),
            ("ibm-mqisdp", 1883),
        ] {
            assert_eq!(port(service), Some(expected), "{service}");
        }
        assert_eq!((port(""), port("no-such-service"), port("#")), (None, None, None));
    }

    #[test]
    fn the_table_is_sorted_and_holds_each_name_once() {
        assert!(SERVICES.len() > 6000);
        assert!(SERVICES.windows(2).all(|pair| matches!(pair, [(one, _), (next, _)] if one < next)));
    }
}
