//! Advice that several rules give.

use crate::story::{Stage, Story};

/// What to try when nothing comes back from the server's address.
pub(in crate::verdict) const PATH_TO_SERVER: [&str; 3] = [
    "Check firewalls and ACLs between the two for TCP port PORT, in both directions.",
    "Capture on the server: does the SYN arrive, and does a SYN-ACK leave?",
    "Capture with `host SERVER or icmp`: routers report drops from their own addresses.",
];

/// What to try when a connection that was established broke.
pub(in crate::verdict) const PATH_OF_CONNECTION: [&str; 3] = [
    "Check firewalls and NATs between the two for dropped state of TCP port PORT, in both directions.",
    "Capture on the server: do the client's packets arrive, and do the server's leave?",
    "Capture with `host SERVER or icmp`: routers report drops from their own addresses.",
];

/// What to look at when the server's process does not do its part.
pub(in crate::verdict) fn server_process(story: &Story) -> &'static [&'static str; 2] {
    let is_proxied = story.prelude.as_ref().is_some_and(|prelude| prelude.protocol.is_proxy());
    match story.tls.client_hello {
        _ if is_proxied => &[
            "Read the proxy's log at that time: hung, overloaded, or waiting for the server.",
            "Try the same request without the proxy, or on the proxy itself. If it fails in the same way, the proxy is not the \
             cause.",
        ],
        Some(_) if story.stage >= Stage::TlsEstablished => &[
            "Read the service log at that time: hung, overloaded, or waiting for a backend.",
            "Send the same request on the server itself, to https://localhost:PORT. If it fails in the same way, the network is not \
             the cause.",
        ],
        Some(_) => &[
            "Read the service log at that time: hung, overloaded, or waiting for a backend.",
            "On the server: `openssl s_client -connect localhost:PORT`. If it fails in the same way, the network is not the \
             cause.",
        ],
        None => &[
            "Read the service log at that time: hung, overloaded, or waiting for a backend.",
            "Send the same request on the server itself, to localhost:PORT. If it fails in the same way, the network is not the \
             cause.",
        ],
    }
}

/// Where SSM On-Prem serves HTTPS.
const LICENCE_PORT: u16 = 8443;

/// Whether the server's port is that of SSM On-Prem.
pub(in crate::verdict) fn is_licence_server(story: &Story) -> bool {
    story.parties.server.port == LICENCE_PORT
}

/// What to look at when the network is fine as far as the capture goes, and the server is SSM On-Prem.
pub(in crate::verdict) const ABOVE_TLS_SO_FAR: [&str; 1] = [
    "If vManage reports \"Failed to authenticate\", the server did answer. Check the API client (Resource Owner Grant): \
     `ssmscope check --oauth password SERVER`. Or read the log together with the capture: `--log vmanage-server.log`.",
];

/// What to look at when the network is fine. Licences are synced over HTTPS.
pub(in crate::verdict) fn above_tls(story: &Story) -> &'static [&'static str] {
    let is_tunnel = story.prelude.as_ref().is_some_and(|prelude| prelude.protocol.is_proxy());
    if story.expects_tls || is_tunnel { &ABOVE_HTTPS } else { &["Check the application logs on both sides."] }
}

/// What to look at when the network is fine, and what was asked for over HTTPS was not given.
pub(in crate::verdict) const ABOVE_HTTPS: [&str; 2] = [
    "Check the HTTP status and the application logs on both sides.",
    "For a licence sync, check the client id, its secret and its grant type on the licence server.",
];

/// What to look at when the port is closed.
pub(in crate::verdict) fn port(story: &Story) -> &'static str {
    if story.expects_tls {
        "Check that the port is the right one: SSM On-Prem serves HTTPS on 8443."
    } else {
        "Check that the port is the right one."
    }
}
