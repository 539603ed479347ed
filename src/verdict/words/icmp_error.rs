//! ICMP errors: what each means, and those about the packets of a connection that is open.

use super::drops;
use crate::packet::IpVersion;
use crate::story::{Ending, IcmpFact, Silence, Stage, Story};
use crate::tcp::Role;
use crate::time::Elapsed;
use crate::verdict::{Actor, Verdict};

/// What an ICMP error means: the cause by its code, words for it, the errno and Java's exception.
pub(in crate::verdict) struct Meaning {
    pub(in crate::verdict) cause: Option<&'static str>,
    pub(in crate::verdict) words: &'static str,
    pub(in crate::verdict) reports: [&'static str; 2],
}

const HOST: [&str; 2] =
    ["EHOSTUNREACH (No route to host)", "java.net.NoRouteToHostException: No route to host"];
const NET: [&str; 2] =
    ["ENETUNREACH (Network is unreachable)", "java.net.SocketException: Network is unreachable"];
const REFUSED: [&str; 2] =
    ["ECONNREFUSED (Connection refused)", "java.net.ConnectException: Connection refused"];
const PROTOCOL: [&str; 2] =
    ["ENOPROTOOPT (Protocol not available)", "java.net.SocketException: Protocol not available"];
// OpenJDK, Net.c, `handleSocketError`.
const ACCESS: [&str; 2] = [
    "EACCES (Permission denied)",
    "java.net.SocketException: Permission denied (since JDK 13 java.net.BindException)",
];
const ROUTE_FAILED: [&str; 2] =
    ["EOPNOTSUPP (Operation not supported)", "java.net.SocketException: Operation not supported"];
const HOST_DOWN: [&str; 2] = ["EHOSTDOWN (Host is down)", "java.net.SocketException: Host is down"];
const PROTO: [&str; 2] = ["EPROTO (Protocol error)", "java.net.ProtocolException: Protocol error"];
const ISOLATED: [&str; 2] =
    ["ENONET (Machine is not on the network)", "java.net.SocketException: Machine is not on the network"];

/// RFC 792; RFC 1122, 3.2.2.1; RFC 1812, 5.2.7.1; RFC 4443, 3; the errno values are Linux's (net/ipv4/icmp.c,
/// net/ipv6/icmp.c). Errors that do not end an attempt have no meaning here.
pub(in crate::verdict) fn meaning(fact: &IcmpFact) -> Option<Meaning> {
    let meaning = |cause, words, reports| Some(Meaning { cause, words, reports });
    match (fact.version, fact.icmp_type, fact.code) {
        (IpVersion::V4, 3, 0 | 6 | 11) => meaning(Some("icmp-net-unreachable"), "network unreachable", NET),
        (IpVersion::V4, 3, 1 | 12) => meaning(Some("icmp-host-unreachable"), "host unreachable", HOST),
        (IpVersion::V4, 3, 5) => meaning(Some("icmp-host-unreachable"), "source route failed", ROUTE_FAILED),
        (IpVersion::V4, 3, 7) => {
            meaning(Some("icmp-host-unreachable"), "destination host unknown", HOST_DOWN)
        }
        (IpVersion::V4, 3, 8) => meaning(Some("icmp-host-unreachable"), "source host isolated", ISOLATED),
        (IpVersion::V4, 3, 2) => meaning(None, "protocol unreachable", PROTOCOL),
        (IpVersion::V4, 3, 3) | (IpVersion::V6, 1, 4) => {
            meaning(Some("icmp-port-unreachable"), "port unreachable", REFUSED)
        }
        (IpVersion::V4, 3, 9) => {
            meaning(Some("icmp-admin-prohibited"), "network administratively prohibited", NET)
        }
        (IpVersion::V4, 3, 10 | 13..=15) => {
            meaning(Some("icmp-admin-prohibited"), "administratively prohibited", HOST)
        }
        (IpVersion::V4, 11, 1) | (IpVersion::V6, 3, 1) => {
            meaning(Some("icmp-time-exceeded"), "fragment reassembly time exceeded", HOST)
        }
        (IpVersion::V4, 11, _) | (IpVersion::V6, 3, _) => meaning(
            Some("icmp-time-exceeded"),
            if fact.version == IpVersion::V4 {
                "time to live exceeded in transit"
            } else {
                "hop limit exceeded in transit"
            },
            HOST,
        ),
        (IpVersion::V4, 12, _) | (IpVersion::V6, 4, _) => meaning(None, "parameter problem", PROTO),
        (IpVersion::V6, 1, 0) => meaning(Some("icmp-net-unreachable"), "no route to destination", NET),
        (IpVersion::V6, 1, 6) => meaning(Some("icmp-net-unreachable"), "reject route to destination", ACCESS),
        (IpVersion::V6, 1, 1 | 5) => {
            meaning(Some("icmp-admin-prohibited"), "administratively prohibited", ACCESS)
        }
        (IpVersion::V6, 1, 2 | 3) => meaning(Some("icmp-host-unreachable"), "address unreachable", HOST),
        _ => None,
    }
}

/// What an error says, in the words of its RFC where it has some.
#[cfg(feature = "command")]
pub(crate) fn words(fact: &IcmpFact) -> Option<&'static str> {
    if fact.says_too_big() { Some(fact.too_big()) } else { meaning(fact).map(|meaning| meaning.words) }
}

/// An error by its numbers.
pub(in crate::verdict) fn name(fact: &IcmpFact) -> String {
    let version = if fact.version == IpVersion::V4 { "an ICMP" } else { "an ICMPv6" };
    format!("{version} error (type {}, code {})", fact.icmp_type, fact.code)
}

/// An error and a RST about the same packets come within this time.
const TOGETHER: Elapsed = Elapsed::from_millis(100);

const ADVICE: &str = "Look on ICMP_SENDER for the rule or the route that its ICMP error is about.";

/// Names the error that explains a silence in its verdict: it is about what the other side sent, came when that was sent or later,
/// and nothing of it was acknowledged.
pub(in crate::verdict) fn in_silence(story: &Story, silence: &Silence, verdict: Verdict) -> Verdict {
    let sender = silence.awaited_from.other();
    let fits = |fact: &IcmpFact| {
        fact.quotes == sender
            && !silence.is_acknowledged
            && fact.moment.number >= silence.since.number
            && fact.moment.at <= silence.until
    };
    let Some((fact, meaning)) = found(story, fits, &verdict) else { return verdict };
    let (who, from) = (whose(story, fact), story.names.show(fact.from));
    let headline = format!("{}; ICMP from {from}: {}", verdict.headline, meaning.words);
    let words = format!(
        "The {sender}'s packets are rejected: packet {} is {} about them from {from}, {who}: {}. \
         Nothing of what they brought was acknowledged.{}",
        fact.moment.number,
        name(fact),
        meaning.words,
        drops::caveat(story)
    );
    // What it says leaves nothing to guess.
    let named = named(fact, &meaning, Verdict { headline: headline.into(), ..verdict });
    Verdict { advice: vec![ADVICE], ..named.explain(words) }
}

/// Who sent an error.
fn whose(story: &Story, fact: &IcmpFact) -> &'static str {
    let is = |role: Role| fact.from == story.parties[role].host;
    match () {
        () if is(Role::Server) => "the server's own address",
        () if is(Role::Client) => "the client's own address",
        () => "a router or firewall on the path",
    }
}

/// The same for a RST: an error, close to it in time, about packets of the end that did not send it.
pub(in crate::verdict) fn near_reset(story: &Story, reset: &Ending, verdict: Verdict) -> Verdict {
    let is_near = |fact: &IcmpFact| {
        let (error, reset) = (fact.moment.at, reset.moment.at);
        error.max(reset) - error.min(reset) <= TOGETHER
    };
    let Some((fact, meaning)) = found(story, is_near, &verdict) else { return verdict };
    let words = format!(
        "Packet {} is {} from {} about the {}'s packets: {}. {}",
        fact.moment.number,
        name(fact),
        story.names.show(fact.from),
        reset.by.other(),
        meaning.words,
        verdict.explanation
    );
    let mut verdict = named(fact, &meaning, verdict).explain(words);
    verdict.advice.insert(0, ADVICE);
    verdict
}

/// The first error that fits and says more than a verdict knows.
fn found<'s>(
    story: &'s Story,
    fits: impl Fn(&IcmpFact) -> bool,
    verdict: &Verdict,
) -> Option<(&'s IcmpFact, Meaning)> {
    if !matches!(verdict.cause.as_deref(), None | Some("client-hello-lost" | "server-flight-lost")) {
        return None;
    }
    story.path.icmp_errors.iter().find_map(|fact| {
        let meaning = meaning(fact)?;
        (fact.stage > Stage::Syn && fits(fact)).then_some((fact, meaning))
    })
}

/// A verdict with an error as its cause.
fn named(fact: &IcmpFact, meaning: &Meaning, verdict: Verdict) -> Verdict {
    let verdict = Verdict { actor: Actor::Path, ..verdict };
    let verdict = match meaning.cause {
        Some(cause) => Verdict { cause: None, ..verdict }.cause(cause),
        None => verdict,
    };
    verdict.proved_by([fact.moment.number]).reported_by(fact.from)
}
