//! Who opened a connection, by its first packet.

use crate::packet::Segment;
use crate::story::Opening;
use crate::tcp::Role;
use crate::tls::Tracker;

/// Ports below this are services' (RFC 6335, 6: the system ports).
const SYSTEM_PORTS: u16 = 1024;

/// The role of the first packet's sender, and how it is known.
pub(super) fn role_of_first(segment: &Segment<'_>, tls_ports: &[u16]) -> (Role, Opening) {
    let tcp = &segment.header.tcp;
    if let Some(flags) = tcp.flags.filter(|flags| flags.syn()) {
        return if flags.ack() { (Role::Server, Opening::SynAck) } else { (Role::Client, Opening::Syn) };
    }
    if Tracker::is_client_hello(segment.payload) {
        return (Role::Client, Opening::ClientHello);
    }
    let (source, destination) = (tcp.source_port, tcp.destination_port);
    // 0 is a port that text gives by a name which is in no list.
    let is_service = |port: u16| tls_ports.contains(&port) || (1..SYSTEM_PORTS).contains(&port);
    let role = match (is_service(source), is_service(destination)) {
        (true, false) => Role::Server,
        (false, true) => Role::Client,
        // The lower port is more often the service's.
        _ if source < destination => Role::Server,
        _ => Role::Client,
    };
    (role, Opening::Ports)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::script::talk::Talk;

    #[test]
    fn midstream_the_end_with_the_service_s_port_is_the_server() {
        for (source, destination, expected) in [
            (50_000, 22, Role::Client),
            (22, 50_000, Role::Server),
            (443, 50_000, Role::Server),
            (50_000, 8443, Role::Client),
            (50_000, 40_000, Role::Client),
            // A name that is in no list, which a number of a service explains.
            (0, 22, Role::Client),
            (22, 0, Role::Server),
            (0, 50_000, Role::Server),
        ] {
            let mut spoken = Talk::to_port(22).say(Role::Client, b"x").packets.remove(0);
            (spoken.header.tcp.source_port, spoken.header.tcp.destination_port) = (source, destination);
            let (role, opening) = role_of_first(&spoken.segment(), &[8443]);
            assert_eq!((role, opening), (expected, Opening::Ports), "{source} to {destination}");
        }
    }
}
