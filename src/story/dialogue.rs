//! Services that speak first, and answer each command then.

use super::{PreludeFacts, Silence, Stage, Story};
use crate::tcp::Role;
use crate::tls::Dialogue;

/// Ports on which the server speaks first, with what it says: the services' RFCs, and what MySQL and others document.
const GREETERS: [(u16, &str); 14] = [
    (21, "FTP"),
    (22, "SSH"),
    (25, "SMTP"),
    (110, "POP3"),
    (119, "NNTP"),
    (143, "IMAP"),
    (587, "SMTP"),
    (3306, "MySQL"),
    (3690, "Subversion"),
    (4190, "ManageSieve"),
    (5900, "VNC"),
    (5901, "VNC"),
    (33060, "MySQL"),
    (2525, "SMTP"),
];

/// The same of ports that begin with TLS (RFC 8314, 7; RFC 4217; RFC 4642).
const GREETERS_INSIDE_TLS: [(u16, &str); 5] =
    [(465, "SMTP"), (563, "NNTP"), (990, "FTP"), (993, "IMAP"), (995, "POP3")];

impl Story {
    /// What the server greets with on this port, if it speaks first, in clear or inside TLS.
    pub fn greeter(&self) -> Option<&'static str> {
        let mut known = GREETERS.iter().chain(&GREETERS_INSIDE_TLS);
        known.find(|(port, _)| *port == self.parties.server.port).map(|(_, protocol)| *protocol)
    }

    /// Whether nothing was said on a port where the server speaks first, in clear.
    pub fn is_greeting_owed(&self) -> bool {
        GREETERS.iter().any(|(port, _)| *port == self.parties.server.port)
            && !self.expects_tls
            && self.prelude.is_none()
            && self.data.client.first.is_none()
            && self.data.server.first.is_none()
            && self.missing.acked_unseen.server <= 1
    }

    /// Whether this silence on a port where the server speaks first, in clear, ended with the server's greeting.
    pub fn is_ended_by_greeting(&self, silence: &Silence) -> bool {
        GREETERS.iter().any(|(port, _)| *port == self.parties.server.port)
            && !self.expects_tls
            && self.prelude.is_none()
            && self.data.client.first.is_none()
            && self.data.server.first.is_some_and(|greeting| greeting.at >= silence.until)
    }

    /// Whether TLS was established on a port where the server speaks first inside it, and neither side has sent application data. Session
    /// tickets are no greeting.
    pub fn is_greeting_owed_inside_tls(&self) -> bool {
        let data = &self.tls.application_data;
        GREETERS_INSIDE_TLS.iter().any(|(port, _)| *port == self.parties.server.port)
            && self.stage == Stage::TlsEstablished
            && self.prelude.is_none()
            && data.client.count == 0
            && (data.server.count == 0 || self.are_tickets())
            && !self.tls.is_inside_record.server
            && self.missing.gap.server == 0
            && self.missing.answer.is_none()
            && !self.missing.lacks(Role::Server)
    }

    /// Whether the protocol is one in clear in which the server speaks first and answers each command then.
    pub fn is_greeted_dialogue(&self) -> bool {
        self.is_dialogue() && !self.is_dialogue_of_requests()
    }

    /// Whether the protocol is one in clear in which the client speaks first, and later requests are known by their form.
    pub fn is_dialogue_of_requests(&self) -> bool {
        matches!(self.dialogue, Some(Dialogue::Asked(_)))
    }

    /// Whether the two sides speak in clear in a protocol in which the server answers each command.
    pub fn is_dialogue(&self) -> bool {
        let is_clear = |prelude: &PreludeFacts| !prelude.is_pending() && !prelude.is_agreed();
        self.dialogue.is_some()
            && self.prelude.as_ref().is_none_or(is_clear)
            && self.tls.client_hello.is_none()
            && self.tls.server_hello.is_none()
    }
}

#[cfg(test)]
mod tests {
    use crate::story::Story;
    use crate::story::script::talk::{self, Talk};
    use crate::tcp::Role::{Client, Server};

    /// A TLS 1.3 handshake on this port, after which the server sends `records`.
    fn established(port: u16, records: &[u8]) -> Box<Story> {
        let flight = [talk::server_hello_13(), talk::encrypted(200), talk::encrypted(53)].concat();
        let hello = Talk::to_port(port).open().say(Client, &talk::client_hello_with(&[(45, &[1, 1])]));
        let shaken = hello.say(Server, &flight).say(Client, &talk::encrypted(53)).ack(Server);
        let talk = if records.is_empty() { shaken } else { shaken.say(Server, records).ack(Client) };
        talk.story(0)
    }

    #[test]
    fn tickets_are_no_greeting() {
        let tickets = talk::encrypted(250).repeat(2);
        for (port, records, is_owed) in [
            (993, &[][..], true),
            (993, &tickets, true),
            (993, &talk::encrypted(130), false),
            (9443, &tickets, false),
        ] {
            assert_eq!(established(port, records).is_greeting_owed_inside_tls(), is_owed, "{port}");
        }
    }

    #[test]
    fn a_dialogue_ends_where_tls_is_asked_for() {
        let greeted = Talk::to_port(25).open().say(Server, b"220 mail.example ESMTP\r\n");
        let asked = greeted.say(Client, b"EHLO a.example\r\n").say(Server, b"250 STARTTLS\r\n");
        assert!(asked.story(0).is_dialogue());
        let started = asked.say(Client, b"STARTTLS\r\n");
        assert!(!started.story(0).is_dialogue());
        assert!(started.say(Server, b"454 not now\r\n").story(0).is_dialogue());
        assert!(!Talk::to_port(25).open().say(Server, b"SSH-2.0-x\r\n").story(0).is_dialogue());
    }
}
