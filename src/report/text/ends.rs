//! How the ends of a connection are written: addresses and ports, or the names that text gives in their place.

use std::fmt::Write;
use std::net::IpAddr;

use super::escape::escaped;
use crate::packet::{Host, Names};
#[cfg(feature = "command")]
use crate::probe::{self, CheckOutcome};
#[cfg(feature = "command")]
use crate::story::{Party, Story};
#[cfg(feature = "command")]
use crate::tcp::Role;

#[cfg(feature = "command")]
/// `192.0.2.10:50368`, `[2001:db8::1]:8443`.
pub(in crate::report) fn end(story: &Story, role: Role) -> String {
    let Party { host, port, .. } = story.parties[role];
    socket(&story.names, host, port)
}

#[cfg(feature = "command")]
/// The server of a check's connection, with the interface where its address is of a link alone: `[fe80::1%eth0]:8443`.
pub(in crate::report) fn checked(outcome: &CheckOutcome, story: &Story) -> String {
    let Party { host, port, .. } = story.parties.server;
    match host {
        Host::Address(address) => escaped(&probe::authority(&outcome.zoned(address), port)),
        Host::Name(_) => socket(&story.names, host, port),
    }
}

/// The same of a host and a port.
pub(in crate::report) fn socket(names: &Names, host: Host, port: u16) -> String {
    let mut text = String::new();
    push_socket(&mut text, names, host, port);
    text
}

/// Adds the same to a text.
pub(in crate::report) fn push_socket(text: &mut String, names: &Names, host: Host, port: u16) {
    // Writing to a string can't fail.
    let _ = match host {
        Host::Address(IpAddr::V4(address)) => write!(text, "{address}:{port}"),
        Host::Address(IpAddr::V6(address)) => write!(text, "[{address}]:{port}"),
        Host::Name(_) => {
            let end = format!("{}:{}", names.show(host), names.show_port(host, port));
            text.write_str(&escaped(&end))
        }
    };
}
