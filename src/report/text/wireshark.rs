//! Display filters for Wireshark and tshark.

use std::net::IpAddr;

use crate::story::Story;
use crate::tcp::Role;

/// A filter for a connection's packets, which is the same in every file that holds them; `None` if one end has no address, or
/// no port number.
pub(in crate::report) fn filter(story: &Story) -> Option<String> {
    let port = |role: Role| {
        let party = &story.parties[role];
        story.names.port(party.host, party.port)
    };
    story.names.address(story.parties.client.host)?;
    let server = story.names.address(story.parties.server.host)?;
    let field = match server {
        IpAddr::V4(_) => "ip.addr",
        IpAddr::V6(_) => "ipv6.addr",
    };
    let (client_port, server_port) = (port(Role::Client)?, port(Role::Server)?);
    Some(format!("{field}=={server} && tcp.port=={client_port} && tcp.port=={server_port}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::script::talk::Talk;

    #[test]
    fn a_filter_names_the_server_and_both_ports() {
        let story = Talk::to_port(8443).syn().story(0);
        assert_eq!(
            filter(&story).as_deref(),
            Some("ip.addr==198.51.100.20 && tcp.port==50000 && tcp.port==8443")
        );
    }
}
