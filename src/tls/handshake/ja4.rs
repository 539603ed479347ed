//! JA4: a fingerprint of the client's TLS library and its settings (FoxIO, "JA4: TLS Client Fingerprinting").
//!
//! It does not change with the order in which a client writes its lists, with the server's name, or with GREASE. Two
//! hellos of one program have one fingerprint, so a change shows that another program or another setting was used.

use sha2::{Digest, Sha256};

use super::{CipherSuite, ClientHello};

/// The extension numbers that part a contains already, so that part c leaves them out.
const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;

/// The fingerprint of an empty list.
const NOTHING: &str = "000000000000";

impl ClientHello {
    /// Its JA4 fingerprint; only of a whole hello. Made when it is asked for: two hashes are a seventh of what following a
    /// short connection costs.
    pub fn ja4(&self) -> Option<String> {
        (self.is_whole && !self.has_old_form).then(|| fingerprint(self))
    }
}

/// The fingerprint of a hello over TCP.
fn fingerprint(hello: &ClientHello) -> String {
    let version = match hello.versions.first().map(|version| version.0) {
        Some(0x0304) => "13",
        Some(0x0303) => "12",
        Some(0x0302) => "11",
        Some(0x0301) => "10",
        Some(0x0300) => "s3",
        Some(0x0002) => "s2",
        _ => "00",
    };
    let mut suites: Vec<_> = hello.cipher_suites.iter().map(|CipherSuite(number)| *number as u16).collect();
    suites.sort_unstable();
    let mut extensions: Vec<_> =
        hello.extensions.iter().copied().filter(|kind| !matches!(*kind, SERVER_NAME | ALPN)).collect();
    extensions.sort_unstable();
    let mut last = list(&extensions);
    if !hello.signature_algorithms.is_empty() {
        last = format!("{last}_{}", list(&hello.signature_algorithms));
    }
    format!(
        "t{version}{}{:02}{:02}{}_{}_{}",
        if hello.extensions.contains(&SERVER_NAME) { 'd' } else { 'i' },
        hello.cipher_suites.len().min(99),
        hello.extensions.len().min(99),
        protocol(&hello.first_protocol),
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
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let mut list = String::with_capacity(5 * numbers.len());
    for number in numbers {
        list.extend([12, 8, 4, 0].map(|shift| DIGITS[usize::from(number >> shift & 0xf)]));
        list.push(',');
    }
    list.pop();
    list
}

/// The first 12 hexadecimal digits of the SHA-256.
fn hash(text: &str) -> String {
    let number =
        Sha256::digest(text).iter().take(6).fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    format!("{number:012x}")
}

#[cfg(test)]
mod tests {
    use super::super::Version;
    use super::*;

    /// The example of FoxIO's specification.
    fn example() -> ClientHello {
        ClientHello {
            versions: vec![Version::TLS13],
            cipher_suites: [
                0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014,
                0x009c, 0x009d, 0x002f, 0x0035,
            ]
            .map(CipherSuite)
            .to_vec(),
            extensions: vec![
                0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012,
                0x002b, 0xff01, 0x000b, 0x000a, 0x0015,
            ],
            first_protocol: b"h2".to_vec(),
            signature_algorithms: vec![0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601],
            ..ClientHello::default()
        }
    }

    #[test]
    fn the_published_examples_come_out() {
        assert_eq!(fingerprint(&example()), "t13d1516h2_8daaf6152771_e5627efa2ab1");
        // Chrome since 2023: an encrypted hello (0xfe0d) in place of padding (0x0015).
        let later = example().extensions.into_iter().map(|kind| if kind == 0x15 { 0xfe0d } else { kind });
        let later = ClientHello { extensions: later.collect(), ..example() };
        assert_eq!(fingerprint(&later), "t13d1516h2_8daaf6152771_02713d6af862");
        let unsigned = ClientHello { signature_algorithms: Vec::new(), ..example() };
        assert!(fingerprint(&unsigned).ends_with("_6d807ffa2a79"));
    }

    #[test]
    fn empty_lists_are_zeros() {
        let nothing = ClientHello { versions: vec![Version(0x7f1c)], ..ClientHello::default() };
        assert_eq!(fingerprint(&nothing), "t00i000000_000000000000_000000000000");
        let only_named = ClientHello { extensions: vec![0, 16], ..ClientHello::default() };
        assert!(fingerprint(&only_named).ends_with("_000000000000"));
    }

    #[test]
    fn protocols_that_are_no_text_are_printed_in_hexadecimal() {
        for (name, expected) in [
            (&b"http/1.1"[..], "h1"),
            (b"h", "hh"),
            (b"", "00"),
            (&[0xab], "ab"),
            (&[0xab, 0xcd], "ad"),
            (&[0x30, 0xab], "3b"),
            (&[0x30, 0x31, 0xab, 0xcd], "3d"),
            (&[0x30, 0xab, 0xcd, 0x31], "01"),
        ] {
            assert_eq!(protocol(name), expected);
        }
    }

    #[test]
    fn counts_end_at_ninety_nine() {
        let many =
            ClientHello { cipher_suites: (0..300).map(CipherSuite).collect(), ..ClientHello::default() };
        assert!(fingerprint(&many).starts_with("t00i9900"));
    }
}
