//! A RST whose sequence number is ahead of what the capture holds of its sender.

use super::{Ending, EndingKind, ResetFacts, Stage, Story};
use crate::tcp::ResetFit;
use crate::time::Elapsed;

impl Story {
    /// The RST by which the awaited side ends a silence after a request that it acknowledged, if its number shows that its sender had sent
    /// bytes that the capture lacks: a reply, perhaps. Who forges a RST guesses such numbers too, but answers a packet at once.
    pub fn reset_ahead(&self, ending: &Ending) -> Option<&Ending> {
        const AT_ONCE: Elapsed = Elapsed::from_millis(3_000);
        let EndingKind::Silence(silence) = &ending.what else { return None };
        let is_up = matches!(ending.stage, Stage::TcpEstablished | Stage::ApplicationData);
        let is_ahead = |facts: &ResetFacts| {
            facts.fit == ResetFit::InWindow
                && facts.acknowledges
                && facts.after_trigger.is_some_and(|after| after >= AT_ONCE)
        };
        let next = self.endings.get(1).filter(|next| next.by == silence.awaited_from)?;
        let is_shown = matches!(&next.what, EndingKind::Reset(facts) if is_ahead(facts));
        (is_up && silence.is_acknowledged && is_shown).then_some(next)
    }
}

#[cfg(test)]
mod tests {
    use crate::story::script::talk::{self, Talk, handshake};
    use crate::tcp::Role::{Client, Server};

    #[test]
    fn a_server_whose_late_rst_has_a_number_ahead_may_have_replied() {
        let plain = Talk::to_port(80).open().say(Client, b"GET / HTTP/1.1\r\n\r\n").ack(Server);
        let inside_tls = handshake().say(Client, &talk::data()).ack(Server);
        for asked in [plain, inside_tls] {
            let (seq, ack) = (asked.next(Server), asked.next(Client));
            let reset = |ahead: u32, wait: i64, flags: &str| {
                let waited = asked.clone().wait(wait);
                waited.segment_with(Server, flags, seq + ahead, ack, &[], |_| {}).verdict(0)
            };
            let late = reset(29, 120_000, "R.");
            assert_eq!(late.code.name(), "capture-gap", "{}", late.headline);
            assert!(late.mentions("ahead"), "{}", late.explanation);
            // It sent nothing, or the RST shows neither what it had received nor a socket.
            assert_eq!(reset(0, 120_000, "R.").code.name(), "no-response");
            assert_eq!(reset(29, 120_000, "R").code.name(), "no-response");
            // As a forger's, it answers a packet at once.
            let probed = asked.clone().wait(9_000).ack(Client).wait(20);
            let forged = probed.segment_with(Server, "R.", seq + 1_460, ack, &[], |_| {}).verdict(0);
            assert_eq!(forged.code.name(), "no-response", "{}", forged.headline);
        }
    }
}
