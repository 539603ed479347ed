//! Hosts and ports as tcpdump prints them, or the names that text gives in their place.

use std::fmt;

use crate::packet::{Host, Names};
use crate::report::text::escape::escaped;

/// A host's address, or its name escaped.
pub(in crate::report) struct ShownHost<'a>(pub(in crate::report) &'a Names, pub(in crate::report) Host);

impl fmt::Display for ShownHost<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Host::Address(address) => fmt::Display::fmt(&address, f),
            host @ Host::Name(_) => f.write_str(&escaped(&self.0.show(host).to_string())),
        }
    }
}

/// `192.0.2.10.50368`, as tcpdump prints an end.
pub(in crate::report) struct DottedEnd<'a>(
    pub(in crate::report) &'a Names,
    pub(in crate::report) Host,
    pub(in crate::report) u16,
);

impl fmt::Display for DottedEnd<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(names, host, port) = *self;
        write!(f, "{}.", ShownHost(names, host))?;
        match host {
            Host::Address(_) => fmt::Display::fmt(&port, f),
            Host::Name(_) => f.write_str(&escaped(&names.show_port(host, port).to_string())),
        }
    }
}
