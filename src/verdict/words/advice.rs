//! Advice that several rules give.

/// What to try when nothing comes back from the server's address.
pub(in crate::verdict) const PATH_TO_SERVER: [&str; 3] = [
    "Check firewalls and ACLs between the two for TCP port PORT, in both directions.",
    "Capture on the server: does the SYN arrive, and does a SYN-ACK leave?",
    "Capture with `host SERVER or icmp`: routers report drops from their own addresses.",
];

/// What to look at when the server's process does not do its part.
pub(in crate::verdict) const SERVER_PROCESS: [&str; 2] = [
    "Read the service log at that time: hung, overloaded, or waiting for a backend.",
    "On the server: `openssl s_client -connect localhost:PORT`. If it stalls too, the network is not the cause.",
];

/// What to look at when the network is fine.
pub(in crate::verdict) const ABOVE_TLS: [&str; 2] = [
    "The network and TLS are fine: check the HTTP status and the application logs on both sides.",
    "For a licence sync, check the client id, its secret and its grant type on the licence server.",
];
