//! What this host lacks by now to send anything to a server. Asking for it sends no packet.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use nix::errno::Errno;

use crate::probe::tape::TapedConnection;

/// What is the matter where the system drops what its TCP sends.
pub(super) const HELD_BACK: &str = "its own firewall or queue drops what it sends";

/// What is missing to send from the connection's own address to its server; absent where nothing is, as far as the system's tables show.
pub(super) fn lack(connection: &TapedConnection) -> Option<&'static str> {
    let mut client = connection.client;
    client.set_port(0);
    bound_and_routed(client, connection.server).err().as_ref().and_then(meaning)
}

/// A UDP socket is bound to an address and connected by the same tables as a TCP one, and sends nothing by that (ip(7), udp(7)).
fn bound_and_routed(client: SocketAddr, server: SocketAddr) -> io::Result<()> {
    UdpSocket::bind(client)?.connect(server)
}

/// What an error of bind or connect means; none for those that are about something else.
fn meaning(error: &io::Error) -> Option<&'static str> {
    Some(match Errno::from_raw(error.raw_os_error()?) {
        Errno::EADDRNOTAVAIL => "the address from which it connected is no longer its own",
        Errno::ENETUNREACH => "it has no route to the server any more",
        // The types of routes in ip-route(8).
        Errno::EHOSTUNREACH => "its route to the server is of the type unreachable",
        Errno::EACCES => "its route to the server is of the type prohibit",
        Errno::EINVAL => "its route to the server is of the type blackhole",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(client: &str, server: &str) -> Option<&'static str> {
        lack(&TapedConnection::new(client.parse().unwrap(), server.parse().unwrap()))
    }

    #[test]
    fn a_host_that_can_reach_the_server_lacks_nothing() {
        assert_eq!(of("127.0.0.1:50000", "127.0.0.1:443"), None);
    }

    #[test]
    fn an_address_that_is_not_this_host_s_is_missing() {
        assert!(of("192.0.2.77:50000", "127.0.0.1:443").unwrap().contains("no longer its own"));
    }

    #[test]
    fn only_errors_about_routes_and_addresses_mean_anything() {
        let of = |errno: Errno| meaning(&io::Error::from_raw_os_error(errno as i32));
        assert!(of(Errno::EACCES).unwrap().contains("prohibit"));
        assert!(of(Errno::EINVAL).unwrap().contains("blackhole"));
        assert_eq!((of(Errno::EMFILE), of(Errno::EPERM)), (None, None));
    }
}
