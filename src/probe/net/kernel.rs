//! What the system's TCP knows of a connection and no socket call reports.

use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};

use nix::errno::Errno;

use crate::probe::tape::TapedConnection;

/// The ICMP error by which a read or write failed, in words; none where it failed for another reason.
pub(super) fn icmp(error: &io::Error) -> Option<&'static str> {
    // net/ipv4/icmp.c and net/ipv6/icmp.c: what an established connection reports for no other reason.
    Some(match Errno::from_raw(error.raw_os_error()?) {
        Errno::EHOSTUNREACH => "EHOSTUNREACH: no route to the host, or prohibited",
        Errno::ENETUNREACH => "ENETUNREACH: no route to the network, or prohibited",
        Errno::ECONNREFUSED => "ECONNREFUSED: port unreachable",
        Errno::EACCES => "EACCES: prohibited",
        Errno::ENOPROTOOPT => "ENOPROTOOPT: protocol unreachable",
        Errno::EPROTO => "EPROTO: parameter problem",
        _ => return None,
    })
}

/// Whether everything sent was acknowledged. Absent if the system does not report it.
pub(in crate::probe) fn is_acknowledged(connection: &TapedConnection) -> Option<bool> {
    super::counters::counters(connection)
        .map(|counters| counters.unacknowledged == 0)
        .or_else(|| is_acknowledged_by_table(connection))
}

/// The same by /proc/net/tcp (proc(5): `tx_queue`), for a kernel without sock_diag.
fn is_acknowledged_by_table(connection: &TapedConnection) -> Option<bool> {
    let (table, ends) = match (connection.client, connection.server) {
        (SocketAddr::V4(_), SocketAddr::V4(_)) => {
            ("/proc/thread-self/net/tcp", [connection.client, connection.server])
        }
        _ => ("/proc/thread-self/net/tcp6", [connection.client, connection.server]),
    };
    let ends = ends.map(printed);
    unacknowledged(&fs::read_to_string(table).ok()?, &ends).map(|bytes| bytes == 0)
}

/// Bytes that wait for their acknowledgement, by the line of these ends.
fn unacknowledged(table: &str, [client, server]: &[String; 2]) -> Option<u32> {
    let fields = table.lines().skip(1).map(|line| line.split_whitespace().skip(1));
    let mut own = fields.filter_map(|mut fields| {
        let is_own = fields.next()? == client && fields.next()? == server;
        is_own.then(|| fields.nth(1))?
    });
    let (waiting, _) = own.next()?.split_once(':')?;
    u32::from_str_radix(waiting, 16).ok()
}

/// An address and a port as the table prints them: words of the address in the machine's byte order.
fn printed(end: SocketAddr) -> String {
    let octets = match end.ip() {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    let words = octets.chunks_exact(4).map(|word| {
        let word = <[u8; 4]>::try_from(word).unwrap_or_default();
        format!("{:08X}", u32::from_ne_bytes(word))
    });
    format!("{}:{:04X}", words.collect::<String>(), end.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n   \
        0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0\n   \
        1: 0200020A:C350 146433C6:20FB 01 000000CD:00000000 01:00000019 00000002     0\n";

    #[test]
    fn waiting_bytes_are_read_from_the_connection_s_own_line() {
        if cfg!(target_endian = "big") {
            return;
        }
        let ends = |client: &str, server: &str| [client, server].map(|end| printed(end.parse().unwrap()));
        assert_eq!(unacknowledged(TABLE, &ends("10.2.0.2:50000", "198.51.100.20:8443")), Some(0xcd));
        assert_eq!(unacknowledged(TABLE, &ends("10.2.0.2:50000", "198.51.100.20:8444")), None);
        assert_eq!(unacknowledged("", &ends("10.2.0.2:50000", "198.51.100.20:8443")), None);
        assert_eq!(printed("[::1]:443".parse().unwrap()), "00000000000000000000000001000000:01BB");
    }
}
