//! Connections that are what they were meant to be: a check whether a port is open, a port scanner's SYN, and one of several paths.

use super::{EndingKind, OpeningOffer, Silence, Stage, Story};
use crate::tcp::Role;

/// The only option of nmap's SYNs: the maximum segment size of Ethernet, in bytes.
const NMAP_SEGMENT_SIZE: u16 = 1_460;

/// The windows of nmap's and masscan's SYNs, in bytes. No current kernel begins with one as small.
const SCANNER_WINDOWS: [u16; 4] = [1_024, 2_048, 3_072, 4_096];

/// The IPv4 identification of each of zmap's packets.
const ZMAP_ID: u16 = 54_321;

impl Story {
    /// Whether the client opened the connection and ended it without a byte of either side, as health probes and programs do that
    /// test whether a port is open. What the capture lacks proves nothing.
    pub fn is_port_check(&self) -> bool {
        let is_end = self.endings.first().is_some_and(|ending| {
            ending.by == Role::Client
                && ending.stage == Stage::TcpEstablished
                && matches!(ending.what, EndingKind::Fin | EndingKind::Reset(_))
        });
        is_end && self.is_without_data() && self.stage == Stage::TcpEstablished
    }

    /// Whether the client's SYN has a form that port scanners write and kernels do not: no option but the segment size, a small
    /// window, and no repeat.
    pub fn has_scanner_syn(&self) -> bool {
        let client = &self.parties.client;
        let Some(offer) = client.offer.filter(|_| self.opening.syn.count == 1) else { return false };
        let OpeningOffer { ecn, selective_acknowledgement, timestamps, window_scale, window, .. } = offer;
        let is_bare = !ecn && !selective_acknowledgement && !timestamps && !window_scale;
        let has_scanner_window = window.is_some_and(|window| SCANNER_WINDOWS.contains(&window))
            && client.maximum_segment_size == Some(NMAP_SEGMENT_SIZE);
        let is_from_zmap = client.opening_path.is_some_and(|path| path.id == Some(ZMAP_ID));
        is_bare && (has_scanner_window || is_from_zmap) && self.is_without_data()
    }

    /// Whether one of several paths of a Multipath TCP connection brings its data no more.
    pub fn is_path_broken(&self) -> bool {
        let is_lost = |silence: &Silence| {
            let sent = &self.data[silence.awaited_from.other()];
            !silence.is_acknowledged && sent.unacknowledged.is_some_and(|waiting| waiting.is_repeated())
        };
        self.opening.is_subflow && self.silence().is_some_and(is_lost)
    }

    /// Whether neither side sent a byte, as far as packets prove.
    fn is_without_data(&self) -> bool {
        let is_without = |role: Role| {
            let data = &self.data[role];
            // A server may answer the client's FIN.
            let has_spoken = match role {
                Role::Client => data.first.is_some(),
                Role::Server => self.has_server_spoken(),
            };
            !has_spoken
                && data.sent_unknown.is_none()
                && !self.lacks(role)
                && self.missing.gap[role] == 0
                && self.missing.acked_unseen[role] <= 1
        };
        is_without(Role::Client) && is_without(Role::Server) && self.one_sided().is_none()
    }
}

#[cfg(test)]
mod tests {
    use crate::packet::{SegmentHeader, TcpOptions};
    use crate::story::script::talk::{Talk, alert, client_hello, ssm};
    use crate::tcp::Role::{Client, Server};

    #[test]
    fn what_is_opened_and_closed_without_a_byte_is_a_port_check() {
        let is = |talk: Talk| talk.story(0).is_port_check();
        assert!(is(ssm().open().fin(Client).fin(Server).ack(Client)));
        assert!(is(ssm().open().rst(Client)));
        assert!(is(Talk::to_port(25).open().fin(Client)));
        assert!(is(ssm().open().fin(Client).say(Server, &alert(50)).rst(Client)));
        for other in [
            ssm().open().fin(Server).fin(Client),
            ssm().open().rst(Server),
            ssm().syn().syn_ack().segment(Client, "R", 1, &[]),
            ssm().open().say(Client, &client_hello()).fin(Client),
            Talk::to_port(25).open().say(Server, b"220 ready\r\n").ack(Client).fin(Client),
            // The silence before it has a verdict of its own.
            ssm().open().wait(8_000).fin(Client),
            ssm().open().fin(Client).only(Client),
            // Its number proves data that was not captured.
            ssm().open().segment(Client, "F.", 501, &[]),
            ssm().open(),
        ] {
            assert!(!is(other));
        }
    }

    /// A SYN with these options and this window.
    fn syn(options: &[u8], window: u16, id: u16) -> Talk {
        ssm().segment_with(Client, "S", 0, 0, &[], |header: &mut SegmentHeader| {
            header.tcp.options = Some(TcpOptions::from_wire(options));
            header.tcp.window = Some(window);
            header.ip.id = Some(id);
        })
    }

    #[test]
    fn a_scanner_s_syn_is_known_by_its_form() {
        let is = |talk: &Talk| talk.story(4_000).has_scanner_syn();
        let size = [2, 4, 5, 180];
        let with_sack = [2, 4, 5, 180, 1, 1, 4, 2];
        for window in [1_024, 2_048, 3_072, 4_096] {
            assert!(is(&syn(&size, window, 7)));
        }
        assert!(is(&syn(&[], 65_535, 54_321)));
        assert!(is(&syn(&size, 1_024, 7).syn_ack().segment(Client, "R", 1, &[])));
        for other in [
            syn(&size, 8_192, 7),
            syn(&size, 5_840, 7),
            syn(&[], 1_024, 7),
            syn(&[2, 4, 2, 24], 1_024, 7),
            syn(&with_sack, 1_024, 7),
            // A kernel repeats its SYN.
            syn(&size, 1_024, 7).wait(1_000).syn(),
            syn(&size, 1_024, 7).syn_ack().ack(Client).say(Client, &client_hello()),
        ] {
            assert!(!is(&other));
        }
    }
}
