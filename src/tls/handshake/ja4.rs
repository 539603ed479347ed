//! JA4: a fingerprint of the client's TLS library and its settings (FoxIO, "JA4: TLS Client Fingerprinting").
//!
//! It does not change with the order in which a client writes its lists, with the server's name, or with GREASE. Two
//! hellos of one program have one fingerprint, so it tells whether another program or another setting spoke.

use sha2::{Digest, Sha256};

use super::Version;

/// What the fingerprint is made of; GREASE left out of all of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Traits {
    /// The highest version offered.
    pub(super) version: Option<Version>,
    /// Whether the extension with the server's name is there.
    pub(super) names_server: bool,
    /// Cipher suites.
    pub(super) cipher_suites: Vec<u16>,
    /// Extensions by number.
    pub(super) extensions: Vec<u16>,
    /// The first application protocol.
    pub(super) first_protocol: Vec<u8>,
    /// Signature algorithms in the order offered.
    pub(super) signature_algorithms: Vec<u16>,
}

/// The extension numbers that part a tells already, so that part c leaves them out.
const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;

/// What stands for an empty list.
const NOTHING: &str = "000000000000";

/// The fingerprint of a hello over TCP.
pub(super) fn fingerprint(traits: &Traits) -> String {
    let version = match traits.version.map(|version| version.0) {
        Some(0x0304) => "13",
        Some(0x0303) => "12",
        Some(0x0302) => "11",
        Some(0x0301) => "10",
        Some(0x0300) => "s3",
        Some(0x0002) => "s2",
        _ => "00",
    };
    let mut suites = traits.cipher_suites.clone();
    suites.sort_unstable();
    let mut extensions: Vec<_> =
        traits.extensions.iter().copied().filter(|kind| !matches!(*kind, SERVER_NAME | ALPN)).collect();
    extensions.sort_unstable();
    let mut last = list(&extensions);
    if !traits.signature_algorithms.is_empty() {
        last = format!("{last}_{}", list(&traits.signature_algorithms));
    }
    format!(
        "t{version}{}{:02}{:02}{}_{}_{}",
        if traits.names_server { 'd' } else { 'i' },
        traits.cipher_suites.len().min(99),
        traits.extensions.len().min(99),
        protocol(&traits.first_protocol),
        if suites.is_empty() { NOTHING.to_owned() } else { hash(&list(&suites)) },
        if extensions.is_empty() { NOTHING.to_owned() } else { hash(&last) },
    )
}

/// The first and last character of a protocol's name, or of its hexadecimal form where one of them is no letter or
/// digit.
fn protocol(name: &[u8]) -> String {
    let (Some(first), Some(last)) = (name.first(), name.last()) else { return "00".to_owned() };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        format!("{}{}", char::from(*first), char::from(*last))
    } else {
        format!("{:x}{:x}", first >> 4, last & 0xf)
    }
}

fn list(numbers: &[u16]) -> String {
    numbers.iter().map(|number| format!("{number:04x}")).collect::<Vec<_>>().join(",")
}

/// The first 12 hexadecimal digits of the SHA-256.
fn hash(text: &str) -> String {
    let number =
        Sha256::digest(text).iter().take(6).fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    format!("{number:012x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of FoxIO's specification.
    fn example() -> Traits {
        Traits {
            version: Some(Version::TLS13),
            names_server: true,
            cipher_suites: vec![
                0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014,
                0x009c, 0x009d, 0x002f, 0x0035,
            ],
            extensions: vec![
                0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012,
                0x002b, 0xff01, 0x000b, 0x000a, 0x0015,
            ],
            first_protocol: b"h2".to_vec(),
            signature_algorithms: vec![0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601],
        }
    }

    #[test]
    fn the_published_examples_come_out() {
        assert_eq!(fingerprint(&example()), "t13d1516h2_8daaf6152771_e5627efa2ab1");
        // Chrome since 2023: an encrypted hello (0xfe0d) in place of padding (0x0015).
        let later = example().extensions.into_iter().map(|kind| if kind == 0x15 { 0xfe0d } else { kind });
        let later = Traits { extensions: later.collect(), ..example() };
        assert_eq!(fingerprint(&later), "t13d1516h2_8daaf6152771_02713d6af862");
        let unsigned = Traits { signature_algorithms: Vec::new(), ..example() };
        assert!(fingerprint(&unsigned).ends_with("_6d807ffa2a79"));
    }

    #[test]
    fn empty_lists_are_zeros() {
        let nothing = Traits { version: Some(Version(0x7f1c)), ..Traits::default() };
        assert_eq!(fingerprint(&nothing), "t00i000000_000000000000_000000000000");
        let only_named = Traits { extensions: vec![0, 16], ..Traits::default() };
        assert!(fingerprint(&only_named).ends_with("_000000000000"));
    }

    #[test]
    fn protocols_that_are_no_text_are_told_in_hexadecimal() {
        for (name, told) in [
            (&b"http/1.1"[..], "h1"),
            (b"h", "hh"),
            (b"", "00"),
            (&[0xab], "ab"),
            (&[0xab, 0xcd], "ad"),
            (&[0x30, 0xab], "3b"),
            (&[0x30, 0x31, 0xab, 0xcd], "3d"),
            (&[0x30, 0xab, 0xcd, 0x31], "01"),
        ] {
            assert_eq!(protocol(name), told);
        }
    }

    #[test]
    fn counts_end_at_ninety_nine() {
        let many = Traits { cipher_suites: (0..300).collect(), ..Traits::default() };
        assert!(fingerprint(&many).starts_with("t00i9900"));
    }
}
