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
    let is_service = |port: u16| tls_ports.contains(&port) || port < SYSTEM_PORTS;
    let role = match (is_service(source), is_service(destination)) {
        (true, false) => Role::Server,
        (false, true) => Role::Client,
        // The lower port is more often the service's.
        _ if source < destination => Role::Server,
        _ => Role::Client,
    };
    (role, Opening::Ports)
}
