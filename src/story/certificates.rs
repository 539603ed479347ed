//! Questions about certificates: which server the client wanted, and why the story has no certificate.

use schemars::JsonSchema;
use serde::Serialize;

use super::{EndingKind, Stage, Story};
use crate::cert::{Examination, Fault, NameSource, VerificationTime, Wanted};
use crate::tcp::Role;
use crate::tls::{AlertDescription, Basis, Prelude, Version};

/// Why a connection with TLS shows no certificate of the server.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unseen {
    /// TLS 1.3 encrypts them (RFC 8446, 4.4.2).
    Encrypted,
    /// A session was resumed, and so none were sent (RFC 5246, 7.3).
    Resumed,
    /// The bytes that would hold them were not captured.
    NotCaptured,
    /// Only lengths are known.
    LengthsOnly,
    /// The server's flight did not come to its end.
    Unfinished,
    /// They were not checked, because too many different chains were checked before.
    NotChecked,
}

impl Story {
    /// The server that the client wanted: the name in its ClientHello, else the name in its request to a proxy, else the
    /// server's address. Absent if a cut ClientHello may have contained a name, or if something else preceded TLS.
    pub fn wanted(&self) -> Option<Wanted> {
        let hello = &self.tls.client_hello.as_ref()?.what;
        let (name, source) = match (&hello.server_name, &self.prelude) {
            (Some(name), _) => (name.clone(), NameSource::ServerName),
            (None, _) if !hello.is_whole => return None,
            (None, Some(prelude)) if prelude.protocol == Prelude::Connect => {
                let line = &self.plain.client.as_ref()?.what.line;
                (connect_host(line)?.to_owned(), NameSource::Proxy)
            }
            // A request to another kind of proxy is not kept, and a client that starts TLS late got the name elsewhere.
            (None, Some(_)) => return None,
            (None, None) => {
                let server = self.parties[Role::Server].host;
                let address = self.names.address(server)?;
                (address.to_string(), NameSource::Address)
            }
        };
        Some(Wanted { name, source })
    }

    /// Why there is no certificate of the server, where there was TLS.
    pub fn certificates_unseen(&self) -> Option<Unseen> {
        if let Some(observed) = &self.tls.certificates[Role::Server] {
            let is_cut = observed.what.chain.is_empty() && !observed.what.is_whole;
            if is_cut {
                return Some(Unseen::NotCaptured);
            }
            return self.tls.is_examination_given_up.then_some(Unseen::NotChecked);
        }
        if self.stage < Stage::ServerHello {
            return None;
        }
        let basis = self.tls.server_hello.as_ref().map(|observed| observed.basis);
        Some(match self.tls.server_flight.as_ref().map(|observed| observed.basis) {
            _ if self.tls.version().is_some_and(Version::is_tls13) => Unseen::Encrypted,
            _ if basis == Some(Basis::Inferred) && self.capture.is_text => Unseen::LengthsOnly,
            Some(Basis::Decoded) if self.tls.version().is_some() => Unseen::Resumed,
            None if !self.lacks_bytes() => Unseen::Unfinished,
            _ => Unseen::NotCaptured,
        })
    }

    /// When the server's certificates had to be valid, where the capture has dates.
    pub fn certificates_at(&self) -> Option<VerificationTime> {
        VerificationTime::of(self.tls.certificates[Role::Server].as_ref()?.moment.at, self.capture.clock)
    }

    /// Whether bytes of the server are not in the capture.
    pub fn lacks_bytes(&self) -> bool {
        self.traffic.counters.server.cut_bytes > 0 || self.missing.acked_unseen.server > 0
    }

    /// What is wrong with the server's certificates, of one kind of fault.
    pub fn certificate_faults(&self) -> impl Iterator<Item = (&Examination, &Fault)> {
        self.tls
            .examination
            .iter()
            .flat_map(|examination| examination.faults.iter().map(|fault| (examination.as_ref(), fault)))
    }

    /// Whether the client ended the handshake by an alert that refuses the certificate.
    pub fn is_certificate_refused(&self) -> bool {
        self.endings.iter().any(|ending| {
            let refuses =
                |alert: &Option<AlertDescription>| alert.is_some_and(AlertDescription::rejects_certificate);
            ending.by == Role::Client
                && matches!(&ending.what, EndingKind::Alert { description, .. } if refuses(description))
        })
    }
}

/// The host of `CONNECT host:port HTTP/1.1` (RFC 9110, 9.3.6).
fn connect_host(line: &str) -> Option<&str> {
    let authority = line.split(' ').nth(1)?;
    let (host, _) = authority.rsplit_once(':')?;
    Some(host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_a_tunnel_is_separated_from_its_port() {
        assert_eq!(connect_host("CONNECT ssm.example:8443 HTTP/1.1"), Some("ssm.example"));
        assert_eq!(connect_host("CONNECT [2001:db8::1]:8443 HTTP/1.1"), Some("2001:db8::1"));
        assert_eq!(connect_host("CONNECT"), None);
    }
}
