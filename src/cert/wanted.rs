//! The name that a client wanted, which the certificate must contain.

use schemars::JsonSchema;
use serde::Serialize;

/// Whom the client wanted to talk to.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Wanted {
    /// A host's name or an address, raw where it comes from the wire.
    pub name: String,
    /// How that is known.
    pub source: NameSource,
}

/// How the name is known.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NameSource {
    /// The client named it in its ClientHello (RFC 6066, 3).
    ServerName,
    /// The user gave it.
    Option,
    /// It is the host that was to be checked.
    Target,
    /// The client asked a proxy for a tunnel to it.
    Proxy,
    /// It named none, which is what a client does that was given an address: the server's.
    Address,
}
