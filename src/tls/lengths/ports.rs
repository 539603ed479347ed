//! What a server's port shows where no byte does.

use std::ops::RangeInclusive;

/// Ports on which a protocol runs inside TLS from the first byte on: those that IANA assigns so (smtps, nntps, ldaps, DNS, FTP,
/// telnet, IMAP and POP3, SIP, AMQP, syslog, IRC, MQTT, LDAP's global catalogue, WinRM), and those that programs use by default
/// (Docker, `openssl s_server`, WSO2).
const TLS: [u16; 20] = [
    465, 563, 636, 853, 989, 990, 992, 993, 994, 995, 2376, 3269, 4433, 5061, 5671, 5986, 6514, 6697, 8243,
    8883,
];

/// HTTPS has port 443, and further HTTPS services get ports that end alike: 4443, 6443 (Kubernetes), 8443, 9443, 10443.
const HTTPS: u16 = 443;

/// Ports of plain HTTP.
const HTTP: [u16; 9] = [80, 81, 3128, 8000, 8008, 8080, 8081, 8088, 8888];

/// A protocol whose client asks for TLS before its ClientHello.
struct Upgrade {
    port: u16,
    /// Bytes of the question.
    question: RangeInclusive<u32>,
    /// Bytes of the server's agreement.
    agreement: u32,
}

const UPGRADES: [Upgrade; 2] = [
    // Remote Desktop: a connection request, with a cookie or without, and a confirmation ([MS-RDPBCGR], 2.2.1.1 and 2.2.1.2):
    // headers 11, negotiation 8.
    Upgrade { port: 3389, question: 19..=90, agreement: 19 },
    // PostgreSQL: SSLRequest, and 'S' (protocol 3.0, 55.2.10).
    Upgrade { port: 5432, question: 8..=8, agreement: 1 },
];

/// Whether TLS is usual on a port.
pub(in crate::tls) fn is_tls(port: u16) -> bool {
    TLS.contains(&port) || port % 1000 == HTTPS
}

/// Whether HTTP in clear is usual on a port.
pub(super) fn is_http(port: u16) -> bool {
    HTTP.contains(&port)
}

/// Whether a client's first `len` bytes may ask for TLS.
pub(super) fn asks_for_tls(port: u16, len: u32) -> bool {
    UPGRADES.iter().any(|upgrade| upgrade.port == port && upgrade.question.contains(&len))
}

/// Whether a server's first `len` bytes agree to it.
pub(super) fn agrees_to_tls(port: u16, len: u32) -> bool {
    UPGRADES.iter().any(|upgrade| upgrade.port == port && upgrade.agreement == len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_that_end_like_that_of_https_are_ports_of_tls() {
        for port in [443, 993, 6443, 8443, 10_443] {
            assert!(is_tls(port), "{port}");
        }
        for port in [22, 80, 1443 + 1, 4430, 8080] {
            assert!(!is_tls(port), "{port}");
        }
    }
}
