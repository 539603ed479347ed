//! Advice that several rules give.

/// What to try when nothing comes back from the server's address.
pub(in crate::verdict) const PATH_TO_SERVER: [&str; 3] = [
    "Check firewalls and access lists between the two for the server's port, in both directions.",
    "Check routes and the address: does the server's own capture show the packets arriving?",
    "Capture with `host SERVER or icmp`: routers that refuse packets say so from their own addresses.",
];

/// What to look at when the server's process does not do its part.
pub(in crate::verdict) const SERVER_PROCESS: [&str; 2] = [
    "Look at the server's process and its logs at that time: hung, overloaded, or waiting for a backend.",
    "Try the same from the server itself (`openssl s_client -connect localhost:PORT`): if it stalls there too, the network is not the cause.",
];

/// What to look at when the network is fine.
pub(in crate::verdict) const ABOVE_TLS: [&str; 2] = [
    "The wire is fine: look at the HTTP status and the application's logs on both sides.",
    "For a licence sync, check the client id, its secret and its grant type on the licence server.",
];
