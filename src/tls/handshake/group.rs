//! Key exchange groups, by number and name.

use std::fmt;

/// A key exchange group by its number in the IANA registry "TLS Supported Groups". Unknown numbers stay numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct NamedGroup(pub u16);

impl NamedGroup {
    /// Its name in the registry, if it is one of those that are seen.
    pub fn name(self) -> Option<&'static str> {
        NAMES.iter().find(|(number, _)| *number == self.0).map(|(_, name)| *name)
    }

    /// Whether it holds a key encapsulation against quantum computers, alone or combined with a curve. Such a key share takes
    /// more than 800 bytes of a ClientHello.
    pub fn is_post_quantum(self) -> bool {
        matches!(self.0, 0x0200..=0x0202 | 0x11eb..=0x11ed | 0x6399 | 0x639a | 0xfe30..=0xfe32)
    }
}

/// Groups that are seen, by number.
const NAMES: [(u16, &str); 31] = [
    (0x0013, "secp192r1"),
    (0x0015, "secp224r1"),
    (0x0016, "secp256k1"),
    (0x0017, "secp256r1"),
    (0x0018, "secp384r1"),
    (0x0019, "secp521r1"),
    (0x001a, "brainpoolP256r1"),
    (0x001b, "brainpoolP384r1"),
    (0x001c, "brainpoolP512r1"),
    (0x001d, "x25519"),
    (0x001e, "x448"),
    (0x001f, "brainpoolP256r1tls13"),
    (0x0020, "brainpoolP384r1tls13"),
    (0x0021, "brainpoolP512r1tls13"),
    (0x0029, "curveSM2"),
    (0x0100, "ffdhe2048"),
    (0x0101, "ffdhe3072"),
    (0x0102, "ffdhe4096"),
    (0x0103, "ffdhe6144"),
    (0x0104, "ffdhe8192"),
    (0x0200, "MLKEM512"),
    (0x0201, "MLKEM768"),
    (0x0202, "MLKEM1024"),
    (0x11eb, "SecP256r1MLKEM768"),
    (0x11ec, "X25519MLKEM768"),
    (0x11ed, "SecP384r1MLKEM1024"),
    // Drafts that browsers shipped in 2023 and 2024.
    (0x6399, "X25519Kyber768Draft00"),
    (0x639a, "SecP256r1Kyber768Draft00"),
    (0xfe30, "X25519Kyber512Draft00"),
    (0xfe31, "X25519Kyber768Draft00"),
    (0xfe32, "P256Kyber768Draft00"),
];

impl fmt::Display for NamedGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "0x{:04x}", self.0),
        }
    }
}

/// The curve of a ServerKeyExchange of which the first bytes are `body` and `len` are on the wire (RFC 8422, 5.4).
///
/// The message does not name its form. Finite-field parameters begin with the length of their prime, so a first
/// byte of 3 would announce at least 768 bytes of it.
pub(crate) fn of_server_key_exchange(len: u32, body: &[u8]) -> Option<NamedGroup> {
    const NAMED_CURVE: u8 = 3;
    const LEAST_PRIME: u32 = 0x0300;
    match *body {
        [NAMED_CURVE, high, low, ..] if len < LEAST_PRIME + 2 => {
            Some(NamedGroup(u16::from_be_bytes([high, low])))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_is_distinguished_from_a_prime_of_6144_bits() {
        assert_eq!(of_server_key_exchange(333, &[3, 0, 29, 32]), Some(NamedGroup(29)));
        assert_eq!(of_server_key_exchange(1_800, &[3, 0, 0xff, 0xff]), None);
        assert_eq!(of_server_key_exchange(400, &[1, 0, 0xff]), None);
    }

    #[test]
    fn unknown_groups_stay_numbers() {
        assert_eq!(NamedGroup(0x11ec).to_string(), "X25519MLKEM768");
        assert_eq!(NamedGroup(0xabcd).to_string(), "0xabcd");
    }
}
