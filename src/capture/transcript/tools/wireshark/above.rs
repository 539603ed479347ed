//! What a row's Info column says where it is not TCP's own: ICMP errors, ARP, and the text of protocols above TCP.

use super::protocols::{Layer, layer};
use super::streams::Speaker;
use crate::capture::transcript::tools::packet::{ToolContent, ToolError};

/// The error in an ICMP or ICMPv6 row; `None` if it is not one, an echo for example.
///
/// Wireshark, epan/dissectors/packet-icmp.c and packet-icmpv6.c, the value strings of types and codes.
pub fn icmp_error(protocol: &str, info: &str) -> Option<ToolError> {
    let is_v6 = protocol == "ICMPv6";
    let (kind, after) = info.split_once('(').unwrap_or((info, ""));
    let reason = after.split(')').next().unwrap_or("").trim();
    let kind = kind.trim().to_ascii_lowercase();
    let find = |names: &[(&str, u8)]| {
        names.iter().find(|(name, _)| reason.eq_ignore_ascii_case(name)).map(|(_, code)| *code)
    };
    let (icmp_type, code) = match (kind.as_str(), is_v6) {
        ("destination unreachable", false) => (3, find(&UNREACHABLE)?),
        ("time-to-live exceeded", false) => (11, u8::from(!reason.contains("in transit"))),
        ("redirect", false) => (5, u8::from(reason.contains("host"))),
        ("parameter problem", false) => (12, 0),
        ("destination unreachable", true) => (1, find(&UNREACHABLE_V6)?),
        ("packet too big", true) => (2, 0),
        ("time exceeded", true) => (3, u8::from(!reason.contains("in transit"))),
        ("source quench", false) | ("parameter problem", true) => (4, 0),
        _ => return None,
    };
    Some(ToolError { icmp_type, code, is_v6, ..ToolError::default() })
}

const UNREACHABLE: [(&str, u8); 16] = [
    ("Network unreachable", 0),
    ("Host unreachable", 1),
    ("Protocol unreachable", 2),
    ("Port unreachable", 3),
    ("Fragmentation needed", 4),
    ("Source route failed", 5),
    ("Destination network unknown", 6),
    ("Destination host unknown", 7),
    ("Source host isolated", 8),
    ("Network administratively prohibited", 9),
    ("Host administratively prohibited", 10),
    ("Network unreachable for TOS", 11),
    ("Host unreachable for TOS", 12),
    ("Communication administratively filtered", 13),
    ("Host precedence violation", 14),
    ("Precedence cutoff in effect", 15),
];

const UNREACHABLE_V6: [(&str, u8); 8] = [
    ("no route to destination", 0),
    ("Administratively prohibited", 1),
    ("Communication with destination administratively prohibited", 1),
    ("Beyond scope of source address", 2),
    ("Address unreachable", 3),
    ("Port unreachable", 4),
    ("Source address failed ingress/egress policy", 5),
    ("Reject route to destination", 6),
];

/// Which host looks for which in a row of ARP, or of ICMPv6's neighbour discovery.
pub fn neighbour(info: &str) -> Option<ToolContent> {
    let word = |text: &str| text.split([' ', '?']).next().filter(|word| !word.is_empty()).map(str::to_owned);
    let (target, asker, is_answer) = if let Some((_, after)) = info.split_once("Who has ") {
        (word(after)?, after.split_once("Tell ").and_then(|(_, asker)| word(asker)), false)
    } else if let Some(after) = info.strip_prefix("Neighbor Solicitation for ") {
        (word(after)?, None, false)
    } else if let Some(after) = info.strip_prefix("Neighbor Advertisement ") {
        (word(after)?, None, true)
    } else {
        let (target, _) = info.split_once(" is at ")?;
        (word(target)?, None, true)
    };
    Some(ToolContent::Neighbour { target, asker, is_answer })
}

/// The payload's first line, where the row of a protocol in clear shows it.
pub fn first_line(protocol: &str, info: &str) -> Option<String> {
    let info = info.trim();
    let after = |prefixes: &[&str]| prefixes.iter().find_map(|prefix| info.strip_prefix(prefix));
    let line = match protocol {
        "HTTP" | "HTTP/XML" | "HTTP/JSON" | "OCSP" => {
            let has_version = info.rsplit_once(' ').is_some_and(|(_, version)| version.starts_with("HTTP/"));
            let is_line = has_version || is_request(info) || status(info).is_some();
            // `HTTP/1.1 200 OK  (text/html)`
            is_line.then(|| info.split("  (").next().unwrap_or(info))?
        }
        "FTP" | "IMAP" | "POP" => after(&["Request: ", "Response: ", "C: ", "S: "])?,
        "SMTP" => after(&["C: ", "S: "])?,
        "SSH" | "SSHv1" | "SSHv2" => {
            let banner = after(&["Client: Protocol (", "Server: Protocol ("])
                .and_then(|banner| banner.split(')').next());
            banner.or_else(|| after(&["Client Protocol: ", "Server Protocol: "]))?
        }
        _ => return None,
    };
    Some(format!("{}\r\n", line.trim_end_matches("\\r\\n").trim_end()))
}

/// What an HTTP request begins with (RFC 9110, 9.3; RFC 5789).
pub const METHODS: [&str; 9] =
    ["GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "CONNECT ", "OPTIONS ", "TRACE ", "PATCH "];

/// Whether these words begin as an HTTP request does.
pub fn is_request(words: &str) -> bool {
    METHODS.iter().any(|method| words.starts_with(method))
}

/// The status of an HTTP answer, where its digits are all there.
pub fn status(words: &str) -> Option<&str> {
    let digits = words.strip_prefix("HTTP/1.")?.get(2..5)?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then_some(digits)
}

/// Bytes that a segment with these TLS messages may have, where they have few sizes: they show what its frame has besides.
pub fn usual_sizes(protocol: &str, words: &str) -> &'static [u32] {
    if layer(protocol) != Layer::Tls {
        return &[];
    }
    match words.trim() {
        "Change Cipher Spec" => &[6],
        // A Finished of 16 bytes with ChaCha20, AES-GCM, CBC without and with an IV, and CBC with SHA-256 and SHA-384 (RFC 5246, 6.2.3).
        "Change Cipher Spec, Encrypted Handshake Message" => &[43, 51, 59, 75, 91, 107],
        "Encrypted Alert" => &[23, 31, 53, 69, 85],
        // A Finished of TLS 1.3 with SHA-256 and SHA-384, the latter as Java pads it too, and with an empty Certificate (RFC 8446, 4.4).
        "Change Cipher Spec, Application Data" => &[64, 80, 96],
        "Change Cipher Spec, Application Data, Application Data" => &[94, 110],
        _ => &[],
    }
}

/// Who says these words.
pub fn speaker(protocol: &str, words: &str) -> Option<Speaker> {
    let is_tls = layer(protocol) == Layer::Tls;
    let starts = |names: &[&str]| names.iter().any(|name| words.starts_with(name));
    if is_tls {
        return Some(if starts(&["Client Hello"]) {
            Speaker::ClientFirst
        } else if starts(&["Server Hello, ", "Hello Retry Request"]) || words.trim() == "Server Hello" {
            Speaker::ServerFirst
        } else if words.contains("Client Key Exchange") {
            Speaker::Client
        } else if ["Server Key Exchange", "Server Hello Done", "New Session Ticket", "Certificate Request"]
            .iter()
            .any(|name| words.contains(name))
        {
            Speaker::Server
        } else {
            Speaker::Later
        });
    }
    match protocol {
        "HTTP" if words.starts_with("HTTP/") => Some(Speaker::Server),
        "HTTP" if words.contains(" HTTP/1.") || is_request(words) => Some(Speaker::ClientFirst),
        "SSH" | "SSHv2" | "FTP" | "SMTP" if starts(&["Client: ", "Request: ", "C: "]) => {
            Some(Speaker::Client)
        }
        "SSH" | "SSHv2" | "FTP" | "SMTP" if starts(&["Server: ", "Response: ", "S: "]) => {
            Some(Speaker::Server)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_words_of_icmp_are_types_and_codes() {
        for (protocol, info, expected) in [
            ("ICMP", "Destination unreachable (Host unreachable)", Some((3, 1))),
            ("ICMP", "Destination unreachable (Communication administratively filtered)", Some((3, 13))),
            ("ICMP", "Time-to-live exceeded (Time to live exceeded in transit)", Some((11, 0))),
            ("ICMP", "Time-to-live exceeded (Fragment reassembly time exceeded)", Some((11, 1))),
            ("ICMPv6", "Destination Unreachable (Address unreachable)", Some((1, 3))),
            ("ICMPv6", "Destination Unreachable (no route to destination)", Some((1, 0))),
            ("ICMPv6", "Packet Too Big", Some((2, 0))),
            ("ICMPv6", "Time Exceeded (hop limit exceeded in transit)", Some((3, 0))),
            ("ICMP", "Echo (ping) request  id=0x917d, seq=295/9985, ttl=48", None),
            ("ICMP", "Destination unreachable (something new)", None),
        ] {
            let error = icmp_error(protocol, info);
            assert_eq!(error.map(|error| (error.icmp_type, error.code)), expected, "{info}");
        }
    }

    #[test]
    fn neighbours_are_asked_for_and_answer() {
        for (info, target, asker, is_answer) in [
            ("Who has 192.0.2.5?  Tell 192.0.2.215", "192.0.2.5", Some("192.0.2.215"), false),
            ("192.0.2.5 is at 02:00:5e:53:c0:89", "192.0.2.5", None, true),
            ("Neighbor Solicitation for fe80::1 from 02:00:00:00:00:01", "fe80::1", None, false),
            ("Neighbor Advertisement fe80::1 (sol, ovr) is at 02:00:00:00:00:01", "fe80::1", None, true),
        ] {
            let expected = ToolContent::Neighbour {
                target: target.to_owned(),
                asker: asker.map(str::to_owned),
                is_answer,
            };
            assert_eq!(neighbour(info), Some(expected), "{info}");
        }
        assert_eq!(neighbour("ARP Announcement"), None);
    }

    #[test]
    fn protocols_in_clear_show_their_first_line() {
        for (protocol, info, line) in [
            ("HTTP", "GET /hello HTTP/1.1 ", Some("GET /hello HTTP/1.1\r\n")),
            ("HTTP", "HTTP/1.1 400 Bad Request  (text/html)", Some("HTTP/1.1 400 Bad Request\r\n")),
            ("HTTP", "Continuation", None),
            ("HTTP", "CONNECT ssm.example.net:8443 HT", Some("CONNECT ssm.example.net:8443 HT\r\n")),
            ("HTTP", "HTTP/1.1 407 Proxy Authen", Some("HTTP/1.1 407 Proxy Authen\r\n")),
            ("HTTP", "HTTP/1.1 4", None),
            ("FTP", "Response: 220 ready", Some("220 ready\r\n")),
            ("SMTP", "S: 250-PIPELINING", Some("250-PIPELINING\r\n")),
            ("SSHv2", "Server: Protocol (SSH-2.0-OpenSSH_9.2)", Some("SSH-2.0-OpenSSH_9.2\r\n")),
            ("BGP", "KEEPALIVE Message", None),
        ] {
            assert_eq!(first_line(protocol, info).as_deref(), line, "{info}");
        }
    }

    proptest! {
        #[test]
        fn any_words_are_read(text: String) {
            for protocol in ["ICMP", "ICMPv6", "HTTP", "FTP", "SSH"] {
                let _ = (icmp_error(protocol, &text), first_line(protocol, &text));
            }
            let _ = (neighbour(&text), neighbour(&format!("Who has {text}")));
        }
    }
}
