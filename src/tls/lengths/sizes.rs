//! Sizes that only certain TLS messages have, in bytes with record headers.
//!
//! Measured with OpenSSL 3.0, JDK 17 and 25 and nginx; each follows from the lengths that RFC 5246 and RFC 8446 give
//! their fields, so the sums below show what they consist of.

use std::ops::Range;

use crate::tls::Version;
use crate::tls::event::SizeReading;

/// A record header and an alert's two bytes: 15 03 0x 00 02 ll dd.
pub(super) const ALERT: u32 = 7;

/// A ChangeCipherSpec record.
pub(in crate::tls) const CHANGE_CIPHER_SPEC: u32 = 6;

/// The smallest ClientHello record that begins a handshake: headers 9, version and random 34, empty session id, one
/// suite, no compression.
pub(super) const CLIENT_HELLO: u32 = 5 + 4 + 34 + 1 + 4 + 2;

/// A ClientHello record whose message is padded to 512 bytes (RFC 7685, 4), as those of OpenSSL and browsers are.
pub(super) const PADDED_HELLO: u32 = 5 + 512;

/// The smallest ServerHello record: 5 + 4 + 2 + 32 + 1 + 2 + 1.
pub(super) const SERVER_HELLO: u32 = 47;

/// The shortest ChangeCipherSpec and Finished together: 6 and a record of 37 (ChaCha20).
pub(in crate::tls) const CIPHER_CHANGE: u32 = 43;

/// A TLS 1.3 alert's record: header 5, alert 2, content type 1, tag 16; JSSE pads by 16 more.
pub(super) const ALERT_13: [u32; 2] = [24, 40];

/// A ClientKeyExchange's record and handshake headers.
const KEY_HEADERS: u32 = 9;

/// The key in a ClientKeyExchange, with the one or two bytes of its length (RFC 8422, 5.7; RFC 5246, 7.4.7).
const KEYS: [(u32, &str); 9] = [
    (33, "ECDHE over X25519"),
    (57, "ECDHE over X448"),
    (66, "ECDHE over P-256"),
    (98, "ECDHE over P-384"),
    (134, "ECDHE over P-521"),
    (130, "RSA or DHE of 1024 bits"),
    (258, "RSA or DHE of 2048 bits"),
    (386, "RSA or DHE of 3072 bits"),
    (514, "RSA or DHE of 4096 bits"),
];

/// Finished records up to TLS 1.2: a header of 5, then 16 bytes of Finished (36 in SSL 3.0) with what the cipher adds.
const FINISHED: [(u32, Version, &str, u32); 9] = [
    // Explicit nonce 8, tag 16.
    (45, Version::TLS12, "AES-GCM", 31),
    // Tag 16; or explicit nonce 8 and tag 8.
    (37, Version::TLS12, "ChaCha20-Poly1305 or AES-CCM-8", 23),
    // IV 16, then 16 + 20 padded to 48.
    (69, Version::TLS12, "AES-CBC with SHA-1", 53),
    // IV 16, 16 padded to 32, MAC 20 (encrypt-then-MAC, RFC 7366).
    (73, Version::TLS12, "AES-CBC with SHA-1, encrypt-then-MAC", 57),
    // IV 16, 16 + 32 padded to 64, or with encrypt-then-MAC as much.
    (85, Version::TLS12, "AES-CBC with SHA-256", 69),
    // IV 16, 16 + 48 padded to 80, or with encrypt-then-MAC as much.
    (101, Version::TLS12, "AES-CBC with SHA-384", 85),
    // No IV of its own: 16 + 20 padded to 48.
    (53, Version(0x0301), "AES-CBC with SHA-1", 37),
    // 16 + 20.
    (41, Version(0x0301), "RC4 with SHA-1", 27),
    // 36 + 4 headers + 16.
    (61, Version(0x0300), "RC4 with MD5", 23),
];

/// TLS 1.3's Finished records: header 5, handshake header 4, hash, content type 1, tag 16; JSSE pads by 16 more.
const FINISHED_13: [(u32, &str, u32); 4] = [
    (58, "a suite with SHA-256", 24),
    (74, "a suite with SHA-384", 24),
    (74, "a suite with SHA-256, padded as by Java", 40),
    (90, "a suite with SHA-384, padded as by Java", 40),
];

/// Whether `bytes` are a ClientKeyExchange alone, which JSSE sends in a segment of its own.
pub(super) fn is_key_exchange(bytes: u32) -> bool {
    KEYS.iter().any(|(key, _)| bytes == KEY_HEADERS + key || bytes == KEY_HEADERS + key + CHANGE_CIPHER_SPEC)
}

/// What a client's flight of `bytes` may be, up to TLS 1.2: ClientKeyExchange, ChangeCipherSpec and Finished.
pub(super) fn full_flight(bytes: u32) -> Vec<SizeReading> {
    let with_key = |(key, name): &(u32, &'static str)| {
        let (name, rest) = (*name, bytes.checked_sub(KEY_HEADERS + key + CHANGE_CIPHER_SPEC));
        FINISHED.iter().filter(move |(finished, ..)| rest == Some(*finished)).map(
            move |(_, version, cipher, close_notify)| SizeReading {
                version: *version,
                key_exchange: Some(name),
                cipher,
                close_notify: *close_notify,
            },
        )
    };
    KEYS.iter().flat_map(with_key).collect()
}

/// The same with an empty Certificate before it, in a record of its own or in that of the key exchange (RFC 5246, 7.4.6).
pub(super) fn full_flight_without_certificate(bytes: u32) -> Vec<SizeReading> {
    /// Handshake header 4 and the list's length 3, with and without a record header.
    const EMPTY: [u32; 2] = [5 + 4 + 3, 4 + 3];
    EMPTY.iter().filter_map(|empty| bytes.checked_sub(*empty)).flat_map(full_flight).collect()
}

/// What ChangeCipherSpec and Finished of `bytes` may be, as at an abbreviated handshake's end.
pub(super) fn cipher_change(bytes: u32) -> Vec<SizeReading> {
    let finished = bytes.checked_sub(CHANGE_CIPHER_SPEC);
    FINISHED
        .iter()
        .filter(|(size, ..)| finished == Some(*size))
        .map(|(_, version, cipher, close_notify)| SizeReading {
            version: *version,
            key_exchange: None,
            cipher,
            close_notify: *close_notify,
        })
        .collect()
}

/// What a TLS 1.3 client's Finished of `bytes` may be, with or without a ChangeCipherSpec before it.
pub(super) fn finished_13(bytes: u32) -> Vec<SizeReading> {
    FINISHED_13
        .iter()
        .filter(|(size, ..)| bytes == *size || bytes == size + CHANGE_CIPHER_SPEC)
        .map(|(_, cipher, close_notify)| SizeReading {
            version: Version::TLS13,
            key_exchange: None,
            cipher,
            close_notify: *close_notify,
        })
        .collect()
}

/// How many bytes of a TLS 1.3 client's flight, its ChangeCipherSpec left out, may be its Finished: all of them, or those
/// before a short request. A client certificate makes a flight longer than a request in the same segment.
pub(super) fn begins_with_finished_13(bytes: u32) -> Vec<u32> {
    /// A record of data: header 5, content type 1, tag 16, and a request's line.
    const REQUEST: Range<u32> = 38..700;
    let sizes = || FINISHED_13.iter().map(|(size, ..)| *size);
    if sizes().any(|size| bytes == size) {
        return vec![bytes];
    }
    let leaves_request = |size: &u32| bytes.checked_sub(*size).is_some_and(|rest| REQUEST.contains(&rest));
    let mut fitting: Vec<u32> = sizes().filter(leaves_request).collect();
    fitting.dedup();
    fitting
}

/// A TLS 1.3 client's record of an empty Certificate: header 5, handshake header 4, lengths 1 and 3, content type 1, tag 16
/// (RFC 8446, 4.4.2).
pub(super) const EMPTY_CERTIFICATE: u32 = 30;

/// Whether a TLS 1.3 client's record of `bytes` is an empty Certificate; JSSE pads by 16 more.
pub(super) fn is_empty_certificate(bytes: u32) -> bool {
    bytes == EMPTY_CERTIFICATE || bytes == EMPTY_CERTIFICATE + 16
}

/// The same of a flight that may have an empty Certificate before the Finished.
pub(super) fn finished_13_at_end(bytes: u32) -> Vec<SizeReading> {
    let without = bytes.checked_sub(EMPTY_CERTIFICATE).map(finished_13);
    [finished_13(bytes), without.unwrap_or_default()].concat()
}

/// The same of a flight that ends early data: EndOfEarlyData (header 5, handshake header 4, content type 1, tag 16) and Finished,
/// with or without a ChangeCipherSpec (RFC 8446, 4.5).
pub(super) fn finished_13_after_early_data(bytes: u32) -> Vec<SizeReading> {
    const END_OF_EARLY_DATA: u32 = 26;
    bytes.checked_sub(END_OF_EARLY_DATA).map(finished_13).unwrap_or_default()
}

/// Whether `bytes` are TLS 1.2's ChangeCipherSpec and Finished.
pub(in crate::tls) fn is_cipher_change(bytes: u32) -> bool {
    !cipher_change(bytes).is_empty()
}

/// Whether a client's record of `bytes`, in place of its Finished, is a TLS 1.3 alert.
pub(super) fn is_encrypted_alert(bytes: u32) -> bool {
    ALERT_13.iter().any(|alert| bytes == *alert || bytes == alert + CHANGE_CIPHER_SPEC)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(readings: &[SizeReading]) -> Vec<String> {
        readings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn tls12_flights_show_group_and_cipher() {
        for (bytes, reading) in [
            (93, "TLS 1.2, ECDHE over X25519, AES-GCM"),
            (126, "TLS 1.2, ECDHE over P-256, AES-GCM"),
            (158, "TLS 1.2, ECDHE over P-384, AES-GCM"),
            (194, "TLS 1.2, ECDHE over P-521, AES-GCM"),
            (318, "TLS 1.2, RSA or DHE of 2048 bits, AES-GCM"),
            (118, "TLS 1.2, ECDHE over P-256, ChaCha20-Poly1305 or AES-CCM-8"),
            (154, "TLS 1.2, ECDHE over P-256, AES-CBC with SHA-1, encrypt-then-MAC"),
            (150, "TLS 1.2, ECDHE over P-256, AES-CBC with SHA-1"),
            (166, "TLS 1.2, ECDHE over P-256, AES-CBC with SHA-256"),
            (182, "TLS 1.2, ECDHE over P-256, AES-CBC with SHA-384"),
        ] {
            assert!(
                texts(&full_flight(bytes)).contains(&reading.to_owned()),
                "{bytes}: {:?}",
                full_flight(bytes)
            );
        }
        assert!(full_flight(300).is_empty() && full_flight(0).is_empty());
    }

    #[test]
    fn several_readings_are_all_reported() {
        // X25519 with a longer Finished, or X448 with a shorter one.
        assert!(texts(&full_flight(117)).len() > 1, "{:?}", full_flight(117));
        assert_eq!(finished_13(74).len(), 2);
    }

    #[test]
    fn java_s_three_segments_sum_up_to_openssl_s_one() {
        assert!(is_key_exchange(143));
        assert!(is_key_exchange(143 + 6));
        assert_eq!(full_flight(143 + 6 + 45), full_flight(194));
    }

    #[test]
    fn tls13_flights_show_the_hash() {
        for bytes in [58, 64, 74, 80, 90, 96] {
            assert!(!finished_13(bytes).is_empty(), "{bytes}");
        }
        assert!(
            is_encrypted_alert(24)
                && is_encrypted_alert(30)
                && is_encrypted_alert(40)
                && !is_encrypted_alert(58)
        );
    }

    #[test]
    fn an_abbreviated_handshake_ends_with_the_cipher_change_alone() {
        for bytes in [51, 43, 79, 91, 107] {
            assert!(is_cipher_change(bytes), "{bytes}");
        }
        assert_eq!(cipher_change(51)[0].close_notify, 31);
        assert_eq!(cipher_change(43)[0].close_notify, 23);
    }
}
