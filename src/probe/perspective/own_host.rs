//! What this host did with the check's packets before they reached the wire, as its own capture shows.

use super::advice::SERVER_LOG;
use crate::story::{Ending, EndingKind, Stage, Story};
use crate::tcp::Role;
use crate::time::{Elapsed, Timestamp};
use crate::verdict::{Actor, Code, Severity, Verdict};

/// What became of the check's packets on this host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::probe) enum OwnPackets {
    /// Nothing was captured, or packets were dropped by the capture.
    Unknown,
    /// A capture on the interface holds none of them.
    Absent,
    /// A capture holds those that left, and none was dropped.
    Whole,
}

/// Nothing of the check is in its own capture: neither a SYN nor what the system took for an answer was on that interface.
pub(super) fn absent(verdict: &mut Verdict) {
    let (headline, why) = match verdict.code {
        Code::Refused => (
            "the connection was refused, and no SYN left this host by the captured interface",
            "The system's call failed as if a RST had come, and the capture holds neither the SYN nor a RST",
        ),
        Code::SynNoReply => (
            "no reply to the SYN, and none left this host by the captured interface",
            "The system sent the SYN, and the capture does not hold it",
        ),
        _ => return,
    };
    if verdict.severity != Severity::Critical {
        return;
    }
    verdict.actor = Actor::Client;
    verdict.headline = headline.into();
    verdict.explanation =
        format!("{why}: a filter of this host's own stops it, or its packets take another interface.").into();
    verdict.change_advice(|advice| *advice = vec![OWN_FILTER, INTERFACE]);
}

/// What TCP sent was not acknowledged, and this host can't send it any more: whatever the path does, it gets nothing.
pub(super) fn cut_off(verdict: &mut Verdict, lack: &str) {
    if verdict.severity != Severity::Critical {
        return;
    }
    verdict.actor = Actor::Client;
    verdict.cause = None;
    verdict.headline = format!("this host can't send any more, because {lack}; {}", verdict.headline).into();
    verdict.explanation = format!(
        "TCP was established from here. When the check gave up, what it had written was not acknowledged, and this host could not \
         send it, because {lack}. Nothing that the server or the path does shows while that lasts."
    )
    .into();
    verdict.change_advice(|advice| *advice = vec![ROUTE, OWN_FILTER]);
}

/// The server's window is closed and its TCP answers: it takes no more.
pub(super) fn window_closed(story: &mut Story, verdict: &mut Verdict, waited: Elapsed) {
    let is_closed = story.path.counters.is_some_and(|counters| counters.is_window_closed);
    if !is_closed || verdict.severity != Severity::Critical {
        return;
    }
    verdict.actor = Actor::Server;
    verdict.cause = None;
    if story.stage == Stage::ClientHello {
        // The ClientHello was written, and never left.
        story.stage = Stage::TcpEstablished;
        verdict.code = Code::ClientSilent;
        verdict.headline = format!(
            "the server kept its receive window closed for {waited}, so the ClientHello could not be sent"
        )
        .into();
    } else {
        verdict.headline = format!(
            "the server keeps its receive window closed: it took not all of what was sent in {waited}"
        )
        .into();
    }
    verdict.explanation = "This host's kernel holds bytes for which the server's TCP has announced no room (a receive window of 0), and it \
                           announced none until the check gave up: the process behind it does not read, or a load balancer \
                           answers in its place and has no server for the connection."
        .into();
    verdict.change_advice(|advice| *advice = vec![SERVER_LOG]);
}

/// The system reported a RST, and its own capture, which lacks nothing, holds none of the server.
pub(super) fn reset_here(story: &Story, verdict: &mut Verdict) {
    if story.endings.iter().any(|ending| is_reset_by(ending, Role::Server)) {
        return;
    }
    verdict.code = Code::Reset;
    verdict.severity = Severity::Critical;
    verdict.actor = Actor::Client;
    verdict.cause = None;
    verdict.headline =
        "the connection was reset on this host: no RST of the server came by the captured interface".into();
    verdict.explanation = "The system reported a RST to the check, and the capture on this host's interface holds none. A filter of this \
                           host's own that rejects with a RST does that, or the RST came by another interface."
        .into();
    verdict.client_reports = vec!["ECONNRESET (Connection reset by peer)".into()];
    verdict.change_advice(|advice| *advice = vec![OWN_FILTER, INTERFACE]);
}

/// A RST left this host while the check was waiting: for TCP to open until `left`, or for an answer. Its own program sent none.
pub(super) fn answered_by_reset(story: &Story, verdict: &mut Verdict, left: Option<Timestamp>) {
    let mut endings = story.endings.iter();
    // What follows the check's own close is its system's affair.
    let reset =
        endings.find(|ending| ending.by == Role::Client && !matches!(ending.what, EndingKind::Silence(_)));
    let is_early = |ending: &&Ending| left.is_none_or(|left| ending.moment.at < left);
    let Some(reset) = reset.filter(|ending| is_reset_by(ending, Role::Client)).filter(is_early) else {
        return;
    };
    let is_opening = left.is_some();
    verdict.severity = Severity::Critical;
    verdict.actor = Actor::Client;
    verdict.cause = None;
    let unsent = story.missing.acked_unseen.client;
    if is_opening && unsent > 0 {
        verdict.code = Code::TcpHandshakeIncomplete;
        verdict.actor = Actor::Path;
        let bytes = if unsent == 1 { "a byte" } else { "bytes" };
        verdict.headline = format!(
            "the SYN-ACK acknowledges {bytes} that this host never sent, so its TCP refused it with a RST"
        )
        .into();
        verdict.explanation = "A SYN-ACK has to acknowledge exactly the SYN (RFC 9293, 3.10.7.3). This one does not, so the connection can't open: a \
                               device that rewrites sequence numbers is broken or has mixed up two connections, or the server \
                               answered an older SYN."
            .into();
        verdict.change_advice(|advice| *advice = vec![REWRITING]);
        return;
    }
    let (code, what) = if is_opening {
        (Code::TcpHandshakeIncomplete, "the SYN-ACK")
    } else {
        (Code::Reset, "what the server sent")
    };
    verdict.code = code;
    verdict.headline =
        format!("this host answered {what} with a RST while the check was waiting for it").into();
    verdict.explanation = format!(
        "Packet {} is a RST of this host, and the check's own socket was open and waiting then: not the check sent it. A filter of this \
         host's own that rejects incoming packets does that.",
        reset.moment.number
    )
    .into();
    verdict.client_reports = vec!["ETIMEDOUT (Connection timed out)".into()];
    verdict.change_advice(|advice| *advice = vec![OWN_FILTER]);
}

/// What the server sent arrived at this host, by its own capture, and no acknowledgement left: whatever the path does, it brought that. The
/// check left at this time where TCP did not open.
pub(super) fn not_taken(story: &Story, verdict: &mut Verdict, left: Option<Timestamp>) {
    let checksums = &story.parties.server.checksums;
    // What arrives damaged is dropped by every TCP. A card's own sums are none of that.
    let is_damaged = checksums.incorrect > checksums.offloaded;
    let has_reset = story.endings.iter().any(|ending| is_reset_by(ending, Role::Client));
    if is_damaged || has_reset {
        return;
    }
    let taken = match left {
        Some(left) => syn_acks(story, left),
        None => unacknowledged(story),
    };
    let Some((code, what, numbers)) = taken else { return };
    let is_stall = matches!(verdict.code, Code::NoServerHello | Code::HandshakeStalled | Code::NoResponse);
    let code = code.or_else(|| is_stall.then_some(verdict.code));
    let Some(code) = code else { return };
    verdict.code = code;
    verdict.severity = Severity::Critical;
    verdict.actor = Actor::Client;
    verdict.cause = None;
    verdict.headline = format!("{what} arrived at this host, and its TCP never took it").into();
    verdict.explanation = "The capture on this host's interface holds what the server sent, and sent again, and no acknowledgement of it left. So the \
                           server answers and the path brings it. This host drops it before its TCP, or drops the \
                           acknowledgement: by a firewall of its own, or by reverse path filtering."
        .into();
    verdict.evidence = numbers;
    verdict.client_reports = vec!["ETIMEDOUT (Connection timed out)".into()];
    verdict.change_advice(|advice| *advice = vec![OWN_FILTER, PATH_FILTER]);
}

/// The code, the words and the packets of a SYN-ACK that came in time, where one of the two ends shows that nobody took it: the client by
/// its SYN, which it repeats, or the server by its SYN-ACK.
fn syn_acks(story: &Story, left: Timestamp) -> Option<(Option<Code>, String, Vec<u64>)> {
    let opening = &story.opening;
    let first = opening.syn_ack.first()?;
    let is_again = opening.last_syn.is_some_and(|syn| first.at < syn.at) || opening.syn_ack.count > 1;
    if story.stage != Stage::SynAck || !is_again || first.at >= left {
        return None;
    }
    let (count, span) = (opening.syn_ack.count, opening.syn_ack_span());
    let times = match count {
        1 => String::new(),
        _ => format!(", sent {count} times in {span},"),
    };
    let numbers = opening.syn.numbers().take(2).chain(opening.syn_ack.numbers()).collect();
    Some((Some(Code::TcpHandshakeIncomplete), format!("the SYN-ACK{times}"), numbers))
}

/// The words and the packets of data that the server repeats, and that no hole keeps from being acknowledged.
fn unacknowledged(story: &Story) -> Option<(Option<Code>, String, Vec<u64>)> {
    let data = &story.data[Role::Server];
    let waiting = data.unacknowledged.filter(|waiting| waiting.repeats > 0)?;
    // An acknowledgement that repeats an older one refuses what came: it left, so TCP looked at it.
    let is_refused = story.traffic.counters[Role::Client].duplicate_acks > 0;
    if is_refused || data.reported_hole.is_some() || data.unfilled_hole.is_some() {
        return None;
    }
    let numbers = [Some(waiting.since), waiting.last_repeat]
        .into_iter()
        .flatten()
        .map(|moment| moment.number)
        .collect();
    let times =
        if waiting.repeats == 1 { "again".to_owned() } else { format!("{} times again", waiting.repeats) };
    Some((None, format!("what the server sent, and sent {times},"), numbers))
}

fn is_reset_by(ending: &Ending, role: Role) -> bool {
    ending.by == role && matches!(ending.what, EndingKind::Reset(_))
}

/// Whether the capture holds the connection's opening and nothing that the client sent over it.
pub(super) fn is_kept_back(story: &Story) -> bool {
    story.stage == Stage::TcpEstablished
        && story.data[Role::Client].first.is_none()
        && story.data[Role::Server].first.is_none()
}

/// The ClientHello was written, and did not leave.
pub(super) fn kept_back(verdict: &mut Verdict, waited: Elapsed) {
    verdict.code = Code::NoServerHello;
    verdict.severity = Severity::Critical;
    verdict.actor = Actor::Client;
    verdict.cause = None;
    verdict.headline =
        format!("the ClientHello, which the check wrote {waited} before, did not leave this host").into();
    verdict.explanation = "The check wrote its ClientHello, and the capture on this host's interface holds the TCP handshake and no data. A \
                           filter of this host's own drops or rejects it: the server got nothing to answer."
        .into();
    verdict.client_reports = vec!["java.net.SocketTimeoutException: Read timed out".into()];
    verdict.change_advice(|advice| *advice = vec![OWN_FILTER]);
}

const OWN_FILTER: &str = "Look at this host's own firewall: `nft list ruleset`, `iptables -S`.";
const PATH_FILTER: &str = "Look whether its counters of dropped packets grow: `nstat -az TcpExtIPReversePathFilter`, `iptables -L INPUT -v`.";
const ROUTE: &str = "Look at this host's routes, links and addresses: `ip route get SERVER`, `ip -br link`, `ip -br address`.";
const REWRITING: &str = "Capture on the server too: the two captures show which device between them changes the sequence numbers.";
const INTERFACE: &str = "See by which interface its packets leave: `ip route get SERVER`.";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::SocketCounters;
    use crate::story::script::talk::{self, Talk, exchange, ssm};
    use crate::tcp::Role::{Client, Server};

    #[test]
    fn where_no_packet_of_the_check_left_the_host_is_looked_at() {
        for story in [Story::at(Stage::Syn).rst(Server), Story::at(Stage::Syn).silent_for(8_000, Server)] {
            let mut verdict = story.verdict();
            let code = verdict.code;
            absent(&mut verdict);
            assert_eq!((verdict.code, verdict.actor), (code, Actor::Client));
            assert!(verdict.headline.contains("left this host"), "{}", verdict.headline);
        }
        // What was answered left.
        let mut verdict = Story::at(Stage::ClientHello).rst(Server).verdict();
        absent(&mut verdict);
        assert_eq!(verdict.actor, Actor::Server);
    }

    #[test]
    fn what_this_host_lacks_to_send_is_its_own_affair() {
        let mut verdict = Story::at(Stage::ClientHello).silent_for(8_000, Server).verdict();
        assert_eq!(verdict.actor, Actor::Path);
        cut_off(&mut verdict, "it has no route to the server any more");
        assert_eq!(
            (verdict.code, verdict.actor, verdict.cause.is_none()),
            (Code::NoServerHello, Actor::Client, true)
        );
        assert!(verdict.headline.starts_with("this host can't send"), "{}", verdict.headline);
        // What went well does not need it.
        let mut healthy = Story::at(Stage::ApplicationData).answered().verdict();
        let before = healthy.clone();
        cut_off(&mut healthy, "it has no route to the server any more");
        assert_eq!(healthy, before);
    }

    #[test]
    fn a_closed_window_is_the_server_s() {
        let closed = SocketCounters { is_window_closed: true, ..SocketCounters::default() };
        let mut story = Story::at(Stage::ClientHello).silent_for(8_000, Server);
        let mut open = story.verdict();
        window_closed(&mut story, &mut open, Elapsed::from_millis(3_100));
        assert_eq!((open.code, story.stage), (Code::NoServerHello, Stage::ClientHello));
        story.path.counters = Some(closed);
        let mut verdict = story.verdict();
        window_closed(&mut story, &mut verdict, Elapsed::from_millis(3_100));
        assert_eq!((verdict.code, verdict.actor), (Code::ClientSilent, Actor::Server));
        assert!(verdict.headline.contains("window closed"), "{}", verdict.headline);
        assert_eq!(story.stage, Stage::TcpEstablished);
    }

    #[test]
    fn a_rst_that_the_system_reports_and_no_capture_holds_is_this_host_s() {
        let story = Story::at(Stage::ApplicationData);
        let mut verdict = story.verdict();
        reset_here(&story, &mut verdict);
        assert_eq!((verdict.code, verdict.actor), (Code::Reset, Actor::Client));
        let story = Story::at(Stage::ApplicationData).rst(Server);
        let mut verdict = story.verdict();
        let before = verdict.clone();
        reset_here(&story, &mut verdict);
        assert_eq!(verdict, before);
    }

    #[test]
    fn a_rst_of_this_host_while_the_check_waits_is_no_program_s() {
        let of = |story: &Story, left: Option<Timestamp>| {
            let mut verdict = story.verdict();
            answered_by_reset(story, &mut verdict, left);
            (verdict.code, verdict.actor)
        };
        let late = Timestamp::from_parts(i64::from(u32::MAX), 0);
        let story = Story::at(Stage::ServerHello).rst(Client);
        assert_eq!(of(&story, None), (Code::Reset, Actor::Client));
        let story = Story::at(Stage::SynAck).rst(Client);
        assert_eq!(of(&story, Some(late)), (Code::TcpHandshakeIncomplete, Actor::Client));
        // The system's own RST to a SYN-ACK that came after the check had left.
        let early = Timestamp::from_parts(0, 0);
        assert_eq!(of(&story, Some(early)), (story.verdict().code, story.verdict().actor));
        // The same after the check's own close.
        let story = Story::at(Stage::ServerHello).fin(Client).rst(Client);
        assert_eq!(of(&story, None), (story.verdict().code, story.verdict().actor));
        let story = Story::at(Stage::SynAck).rst(Client).but(|story| story.missing.acked_unseen.client = 1);
        assert_eq!(of(&story, Some(late)), (Code::TcpHandshakeIncomplete, Actor::Path));
    }

    #[test]
    fn what_arrived_and_was_not_taken_is_this_host_s() {
        let of = |story: &Story, left: Option<Timestamp>| {
            let mut verdict = story.verdict();
            not_taken(story, &mut verdict, left);
            verdict
        };
        let late = Timestamp::from_parts(i64::from(u32::MAX), 0);
        // The server repeats its SYN-ACK, as it sends it; or the client its SYN, after one came.
        for repeated in [ssm().syn().syn_ack().wait(1_000).syn_ack(), ssm().syn().syn_ack().wait(1_000).syn()]
        {
            let story = repeated.story(2_500);
            let verdict = of(&story, Some(late));
            assert_eq!((verdict.code, verdict.actor), (Code::TcpHandshakeIncomplete, Actor::Client));
            assert_eq!(verdict.severity, Severity::Critical);
            assert!(verdict.headline.starts_with("the SYN-ACK"), "{}", verdict.headline);
            // The check had left before it came.
            let early = Timestamp::from_parts(0, 0);
            assert_eq!(of(&story, Some(early)), story.verdict());
        }
        let once = ssm().syn().syn_ack().story(2_500);
        assert_eq!(of(&once, Some(late)), once.verdict());
        // Data that the server repeats.
        let sent =
            || exchange().say(Client, &talk::encrypted(100)).wait(10).say(Server, &talk::encrypted(500));
        let repeated = |talk: Talk, times: usize| {
            (0..times).fold(talk, |talk, _| talk.wait(1_000).repeat(Server)).story(3_500)
        };
        let story = repeated(sent(), 3);
        let verdict = of(&story, None);
        assert_eq!((verdict.code, verdict.actor), (Code::NoResponse, Actor::Client), "{verdict:?}");
        assert!(
            verdict.headline.contains("sent 3 times again, arrived at this host"),
            "{}",
            verdict.headline
        );
        assert!(!verdict.mentions("lost in transit"), "{verdict:?}");
        // Damaged on the path.
        let damaged = (*repeated(sent(), 3)).but(|story| story.parties.server.checksums.incorrect = 2);
        assert_eq!(of(&damaged, None), damaged.verdict());
        // After a hole every TCP waits.
        let holed = (*repeated(sent(), 3)).but(|story| story.data[Server].unfilled_hole = Some((1, 100)));
        assert_eq!(of(&holed, None), holed.verdict());
        let refused = (*repeated(sent(), 3)).but(|story| story.traffic.counters.client.duplicate_acks = 3);
        assert_eq!(of(&refused, None), refused.verdict());
        // It is taken, and the next is awaited.
        let taken = sent().ack(Client).story(8_000);
        assert_eq!(of(&taken, None), taken.verdict());
    }

    #[test]
    fn a_client_hello_that_was_written_and_not_captured_was_kept_back_by_this_host() {
        let story = Story::at(Stage::TcpEstablished);
        assert!(is_kept_back(&story) && !is_kept_back(&Story::at(Stage::ClientHello)));
        let mut verdict = story.verdict();
        kept_back(&mut verdict, Elapsed::from_millis(3_100));
        assert_eq!((verdict.code, verdict.actor), (Code::NoServerHello, Actor::Client));
    }
}
