//! Protocols by the names that Wireshark gives them.

/// Whether `protocol` distinguishes a row from prose.
pub fn is_known(protocol: &str) -> bool {
    named(protocol).is_some_and(|(.., is_distinctive)| *is_distinctive) || protocol.starts_with("TLSv")
}

/// What is above the network layer in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    Tcp,
    /// TLS by any of its names.
    Tls,
    /// A protocol that uses TCP and nothing else.
    OverTcp,
    /// A protocol that may use TCP or UDP.
    Either,
    Icmp,
    Neighbour,
    Dns,
    Udp,
    /// Something else, or unknown.
    Other,
}

/// What `protocol` is.
pub fn layer(protocol: &str) -> Layer {
    match named(protocol) {
        Some((_, layer, _)) => *layer,
        None if protocol.starts_with("TLSv") => Layer::Tls,
        None => Layer::Other,
    }
}

/// The row of a protocol.
fn named(protocol: &str) -> Option<&'static (&'static str, Layer, bool)> {
    // Most rows are of these, and each is looked up several times.
    const TCP: &(&str, Layer, bool) = &("TCP", Layer::Tcp, true);
    if protocol == "TCP" {
        return Some(TCP);
    }
    if protocol.starts_with("TLSv") {
        return None;
    }
    let index = PROTOCOLS.binary_search_by_key(&protocol, |(name, ..)| name).ok()?;
    PROTOCOLS.get(index)
}

/// Protocols as Wireshark names them, sorted by name, `TLSv...` aside: what each is, and whether its name distinguishes a row from
/// prose.
const PROTOCOLS: [(&str, Layer, bool); 119] = [
    ("802.11", Layer::Other, true),
    ("AMQP", Layer::OverTcp, true),
    ("ARP", Layer::Neighbour, true),
    ("BGP", Layer::OverTcp, true),
    ("BMP", Layer::OverTcp, false),
    ("BOOTP", Layer::Udp, true),
    ("BROWSER", Layer::Udp, true),
    ("CAPWAP", Layer::Udp, true),
    ("CDP", Layer::Other, true),
    ("DCERPC", Layer::Either, true),
    ("DHCP", Layer::Udp, true),
    ("DHCPv6", Layer::Udp, true),
    ("DIAMETER", Layer::Either, true),
    ("DNS", Layer::Dns, true),
    ("DTLS", Layer::Udp, true),
    ("DTLSv1.0", Layer::Udp, false),
    ("DTLSv1.2", Layer::Udp, true),
    ("EAPOL", Layer::Other, true),
    ("EIGRP", Layer::Other, true),
    ("ESP", Layer::Other, true),
    ("FTP", Layer::OverTcp, true),
    ("FTP-DATA", Layer::OverTcp, true),
    ("GQUIC", Layer::Udp, true),
    ("GRE", Layer::Other, true),
    ("GTP", Layer::Udp, true),
    ("Git", Layer::OverTcp, false),
    ("HSRP", Layer::Other, true),
    ("HTTP", Layer::OverTcp, true),
    ("HTTP/JSON", Layer::OverTcp, true),
    ("HTTP/XML", Layer::OverTcp, true),
    ("HTTP2", Layer::OverTcp, true),
    ("ICMP", Layer::Icmp, true),
    ("ICMPv6", Layer::Icmp, true),
    ("IGMPv2", Layer::Other, true),
    ("IGMPv3", Layer::Other, true),
    ("IMAP", Layer::OverTcp, true),
    ("IPv4", Layer::Other, true),
    ("IPv6", Layer::Other, true),
    ("IRC", Layer::OverTcp, false),
    ("ISAKMP", Layer::Udp, true),
    ("Jabber/XML", Layer::OverTcp, false),
    ("KRB5", Layer::Either, true),
    ("LDAP", Layer::Either, true),
    ("LDP", Layer::OverTcp, false),
    ("LLC", Layer::Other, true),
    ("LLDP", Layer::Other, true),
    ("LLMNR", Layer::Dns, true),
    ("MDNS", Layer::Dns, true),
    ("MONGO", Layer::OverTcp, true),
    ("MOUNT", Layer::Either, true),
    ("MQTT", Layer::OverTcp, true),
    ("MSRP", Layer::OverTcp, false),
    ("Memcache", Layer::Either, false),
    ("MySQL", Layer::OverTcp, true),
    ("NBDS", Layer::Udp, false),
    ("NBNS", Layer::Udp, true),
    ("NBSS", Layer::OverTcp, true),
    ("NFS", Layer::Either, true),
    ("NFSACL", Layer::Either, false),
    ("NLM", Layer::Either, false),
    ("NTP", Layer::Udp, true),
    ("OCSP", Layer::OverTcp, true),
    ("OSPF", Layer::Other, true),
    ("OpenFlow", Layer::OverTcp, false),
    ("OpenVPN", Layer::Udp, false),
    ("PGSQL", Layer::OverTcp, true),
    ("POP", Layer::OverTcp, true),
    ("Portmap", Layer::Either, true),
    ("QUIC", Layer::Udp, true),
    ("RADIUS", Layer::Udp, true),
    ("RDP", Layer::OverTcp, true),
    ("RESP", Layer::OverTcp, false),
    ("RIP", Layer::Udp, false),
    ("RIPv2", Layer::Udp, false),
    ("RPC", Layer::Either, true),
    ("RSH", Layer::OverTcp, false),
    ("RTCP", Layer::Udp, false),
    ("RTMP", Layer::OverTcp, false),
    ("RTP", Layer::Udp, true),
    ("RTSP", Layer::OverTcp, true),
    ("Rlogin", Layer::OverTcp, false),
    ("SIP", Layer::Either, true),
    ("SIP/SDP", Layer::Either, false),
    ("SMB", Layer::OverTcp, true),
    ("SMB2", Layer::OverTcp, true),
    ("SMPP", Layer::OverTcp, false),
    ("SMTP", Layer::OverTcp, true),
    ("SNMP", Layer::Udp, true),
    ("SOCKS", Layer::OverTcp, false),
    ("SSDP", Layer::Udp, true),
    ("SSH", Layer::OverTcp, true),
    ("SSHv1", Layer::OverTcp, false),
    ("SSHv2", Layer::OverTcp, true),
    ("SSL", Layer::Tls, true),
    ("SSLv2", Layer::Tls, true),
    ("SSLv3", Layer::Tls, true),
    ("STP", Layer::Other, true),
    ("STUN", Layer::Either, true),
    ("Socks", Layer::OverTcp, true),
    ("Syslog", Layer::Either, true),
    ("TACACS+", Layer::OverTcp, true),
    ("TCP", Layer::Tcp, true),
    ("TDS", Layer::OverTcp, true),
    ("TELNET", Layer::OverTcp, true),
    ("TFTP", Layer::Udp, true),
    ("TLCP", Layer::Tls, false),
    ("TLS", Layer::Tls, true),
    ("TNS", Layer::OverTcp, true),
    ("TPKT", Layer::OverTcp, true),
    ("UDP", Layer::Udp, true),
    ("VNC", Layer::OverTcp, true),
    ("VRRP", Layer::Other, true),
    ("VXLAN", Layer::Udp, false),
    ("WebSocket", Layer::OverTcp, false),
    ("WireGuard", Layer::Udp, false),
    ("X11", Layer::OverTcp, true),
    ("XMPP", Layer::OverTcp, false),
    ("XMPP/XML", Layer::OverTcp, false),
    ("ZMTP", Layer::OverTcp, false),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_protocols_are_sorted() {
        assert!(PROTOCOLS.is_sorted_by(|one, next| one.0 < next.0));
    }
}
