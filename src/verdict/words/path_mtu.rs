//! Signs of a path whose MTU is smaller than a sender believes (RFC 1191, 4; RFC 2923, 2.1; RFC 4443, 3.2).

use crate::story::{Stage, Story};
use crate::tcp::Role;
use crate::tls::Basis;
use crate::verdict::{Actor, Verdict};

/// Payloads that pass where larger ones do not are a sign of the path's MTU from this size on, in bytes: the smallest
/// MTU that links on the Internet have is 1280 (RFC 8200, 5).
const LARGE_PAYLOAD: u32 = 1_000;

/// What shows that one side's large packets do not pass.
pub(in crate::verdict) struct Sign {
    words: String,
    packets: Vec<u64>,
}

impl Sign {
    /// Names the cause in a verdict on a stall.
    pub(in crate::verdict) fn explain(self, verdict: Verdict) -> Verdict {
        Verdict { actor: Actor::Path, ..verdict }
            .cause("pmtu-black-hole")
            .explain(self.words)
            .proved_by(self.packets)
            .advise(&[
                "Check the MTU of tunnels and VPNs on the path, and that the ICMP errors about it are not filtered: \"fragmentation needed\", in IPv6 \
                 \"packet too big\".",
                "Clamp the TCP maximum segment size on the tunnel.",
            ])
    }
}

/// The sign that packets of `sender` are too large, if there is one: a router reports it, or only large ones are missing.
pub(in crate::verdict) fn sign(story: &Story, sender: Role) -> Option<Sign> {
    reported(story, sender).or_else(|| missing(story, sender)).or_else(|| unreceived(story, sender))
}

/// Whether no large packet of `sender` was seen, so that the path's MTU was not put to the test.
pub(in crate::verdict) fn is_untried(story: &Story, sender: Role) -> bool {
    story.traffic.counters[sender].largest_payload < LARGE_PAYLOAD
}

/// A router reports that a packet is too big, and nothing of the sender arrived afterwards.
fn reported(story: &Story, sender: Role) -> Option<Sign> {
    if story.data[sender].is_all_acknowledged {
        return None;
    }
    let fact = story.path.icmp_errors.iter().find(|fact| fact.quotes == sender && fact.says_too_big())?;
    let size = fact.mtu.map_or(String::new(), |mtu| format!(" (next-hop MTU {mtu})"));
    Some(Sign {
        words: format!(
            "{} reports \"{}\"{size} for the {sender}'s packets, and nothing larger arrived afterwards: \
             the {sender} ignores these ICMP errors or never gets them.",
            story.names.show(fact.from),
            fact.too_big()
        ),
        packets: vec![fact.moment.number],
    })
}

/// The capture lacks large segments that small ones follow.
fn missing(story: &Story, sender: Role) -> Option<Sign> {
    let (from, to) = story.data[sender].unfilled_hole?;
    // A large packet that did pass speaks against the path's MTU.
    let is_large = to.saturating_sub(from) >= LARGE_PAYLOAD
        && story.traffic.counters[sender].largest_payload < LARGE_PAYLOAD;
    is_large.then(|| Sign {
        words: format!(
            "The {sender}'s bytes {from} to {} are missing, and later ones came. Large packets of the {sender} are missing \
             while small ones pass, the typical sign of a path MTU black hole: a link with a smaller MTU, and ICMP \
             filtered.",
            to.saturating_sub(1)
        ),
        packets: Vec::new(),
    })
}

/// The receiver reports by SACK that it has later bytes and not the large segments before them (RFC 2018, 3).
fn unreceived(story: &Story, sender: Role) -> Option<Sign> {
    let hole = story.data[sender].reported_hole.as_ref()?;
    // What duplicate ACKs report, the capture lacks as well; without the beginning, nobody knows what passed before.
    if hole.basis != Basis::Decoded || story.stage == Stage::None {
        return None;
    }
    let (from, to) = hole.what;
    // Nothing but the hello can have passed before; a large one that did speaks against the path's MTU.
    let passed = from.saturating_sub(1);
    let is_large = to.saturating_sub(from) >= LARGE_PAYLOAD && passed < LARGE_PAYLOAD;
    is_large.then(|| Sign {
        words: format!(
            "The {} reports by SACK that it got later bytes of the {sender} and not bytes {from} to {}: large packets are \
             missing while small ones pass, the typical sign of a path MTU black hole: a link with a smaller MTU, and \
             ICMP filtered.",
            sender.other(),
            to.saturating_sub(1)
        ),
        packets: vec![hole.moment.number],
    })
}
