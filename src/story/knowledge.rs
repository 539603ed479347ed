//! What the client's end knows of its connection, and no bystander can see.

use std::net::SocketAddr;
use std::sync::Arc;

use super::facts::SocketCounters;
use super::{Ending, EndingKind, Observed, Story};
use crate::cert::Wanted;
use crate::packet::Viewpoint;
use crate::tcp::Role;
use crate::time::Timestamp;
use crate::tls::{AlertDescription, Basis, CertificateMessage};

/// What the client's end knows of one connection. TLS 1.3 encrypts all of it on the wire.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EndpointKnowledge {
    /// The client's address and port.
    pub client: SocketAddr,
    /// Whether it could read the handshake to its end: what is inferred of it otherwise, it knows.
    pub is_read: bool,
    /// The server's certificates.
    pub certificates: Option<Arc<CertificateMessage>>,
    /// The name that they are to contain, where it is another than the one that is generally wanted.
    pub wanted: Option<Wanted>,
    /// The alert that ended the handshake, and who sent it.
    pub alert: Option<(Role, AlertDescription)>,
    /// The application protocol agreed on.
    pub protocol: Option<String>,
    /// Whether the client asked inside TLS, read what came, and got no byte of an answer.
    pub lacks_answer: bool,
    /// Whether the client could not find out what was acknowledged.
    pub acks_unobservable: bool,
    /// What its kernel counted that is unusual.
    pub counters: Option<SocketCounters>,
    /// When the client gave up, if no packet shows it. What had not arrived until then never did.
    pub closed: Option<Timestamp>,
}

impl EndpointKnowledge {
    /// Creates the knowledge about this client's connection, with nothing known yet.
    pub fn of(client: SocketAddr) -> Self {
        Self {
            client,
            is_read: false,
            certificates: None,
            wanted: None,
            alert: None,
            protocol: None,
            lacks_answer: false,
            acks_unobservable: false,
            counters: None,
            closed: None,
        }
    }

    /// Whether it is about this connection.
    pub fn is_about(&self, story: &Story) -> bool {
        let client = &story.parties.client;
        (client.host, client.port) == (self.client.ip().into(), self.client.port())
    }
}

impl Story {
    /// Adds what the client's end knows. What packets show themselves stays as it is.
    pub fn apply_knowledge(&mut self, knowledge: &EndpointKnowledge) {
        if knowledge.is_read {
            self.basis = Basis::Decoded;
        }
        // Packets show it themselves.
        self.path.counters = knowledge.counters.filter(|_| self.capture.viewpoint == Viewpoint::Socket);
        let tls = &mut self.tls;
        tls.lacks_answer = knowledge.lacks_answer;
        if let (Some(hello), Some(protocol)) = (&mut tls.server_hello, &knowledge.protocol) {
            hello.what.alpn.get_or_insert_with(|| protocol.clone());
        }
        let arrived = tls.server_flight.as_ref().map(|observed| observed.moment).or(self.data.server.last);
        if let (Some(chain), Some(moment)) = (&knowledge.certificates, arrived) {
            let observed = Observed { what: Arc::clone(chain), moment, basis: Basis::Decoded };
            tls.certificates.server.get_or_insert(observed);
        }
        let is_hidden = |ending: &&mut Ending| matches!(ending.what, EndingKind::EncryptedAlert { .. });
        match knowledge.alert {
            Some((by, description)) => {
                let hidden = self.endings.iter_mut().filter(is_hidden).find(|ending| ending.by == by);
                if let Some(ending) = hidden {
                    ending.what = EndingKind::Alert { description: Some(description), basis: Basis::Decoded };
                }
            }
            // A client that can decrypt knows that a record of an alert's size ended nothing.
            None if knowledge.is_read => {
                for ending in self.endings.iter_mut().filter(is_hidden) {
                    ending.what = EndingKind::CloseNotify;
                }
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::Stage;

    #[test]
    fn who_reads_what_comes_knows_that_a_ticket_was_no_answer() {
        let mut story = Story::at(Stage::ApplicationData).answered();
        assert!(story.was_answered());
        let knowledge = EndpointKnowledge::of("192.0.2.10:50000".parse().unwrap());
        story.apply_knowledge(&EndpointKnowledge { lacks_answer: true, ..knowledge });
        assert!(!story.was_answered() && !story.has_records_of_an_answer());
    }

    #[test]
    fn who_reads_what_comes_knows_whether_a_record_of_an_alert_s_size_is_one() {
        let what = EndingKind::EncryptedAlert { basis: Basis::Inferred };
        let story = Story::at(Stage::TlsEstablished).ends(what.clone(), Role::Server);
        let known = |is_read, alert| {
            let mut knowledge = EndpointKnowledge::of("192.0.2.10:50000".parse().unwrap());
            (knowledge.is_read, knowledge.alert) = (is_read, alert);
            let mut story = story.clone();
            story.apply_knowledge(&knowledge);
            story.endings.last().unwrap().what.clone()
        };
        let alert = AlertDescription(116);
        let expected = EndingKind::Alert { description: Some(alert), basis: Basis::Decoded };
        assert_eq!(known(true, Some((Role::Server, alert))), expected);
        assert_eq!(known(true, None), EndingKind::CloseNotify);
        assert_eq!(known(false, None), what);
    }
}
