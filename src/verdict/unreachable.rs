//! An ICMP or ICMPv6 error answered the SYN.

use super::{Actor, Code, Rule, Settings, Severity, Verdict};
use crate::packet::IpVersion;
use crate::story::{IcmpFact, Stage, Story};
use crate::tcp::Role;

/// `unreachable`.
pub(super) const RULE: Rule = Rule {
    code: Code::Unreachable,
    severity: Severity::Critical,
    summary: "an ICMP or ICMPv6 error answered the SYN",
    page: include_str!("../../docs/verdicts/unreachable.md"),
    judge,
};

/// What an ICMP error means: the cause by its code, words for it, the errno and Java's exception.
struct Meaning {
    cause: Option<&'static str>,
    words: &'static str,
    reports: [&'static str; 2],
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

fn judge(story: &Story, _: &Settings) -> Option<Verdict> {
    if story.stage != Stage::Syn {
        return None;
    }
    let (fact, meaning) = story.path.icmp_errors.iter().find_map(|fact| {
        (fact.quotes == Role::Client).then_some(())?;
        Some((fact, meaning(fact)?))
    })?;
    let sender = if fact.from.is_unspecified() {
        "an ICMP error".to_owned()
    } else {
        story.names.show(fact.from).to_string()
    };
    let (server, port) = (story.host(Role::Server), story.port(Role::Server));
    let headline = format!("{sender} says: {} ({server} port {port})", meaning.words);
    let whose = if fact.from.is_unspecified() {
        "a socket does not show which address sent it; a capture does"
    } else if fact.from == story.parties.server.host {
        "the server's own address sent it"
    } else {
        "a router or firewall on the path sent it"
    };
    let is_own = fact.from == story.parties.server.host && meaning.cause == Some("icmp-port-unreachable");
    let actor = if is_own { Actor::Server } else { Actor::Path };
    let mut verdict = Verdict::new(&RULE, actor, story.basis, headline)
        .explain(format!("The reply to the SYN is {}, which quotes it; {whose}.", name(fact)))
        .reported(&meaning.reports)
        .proved_by(
            story
                .opening
                .syn
                .numbers()
                .take(2)
                .chain(story.path.icmp_errors.iter().take(2).map(|fact| fact.moment.number)),
        );
    if let Some(cause) = meaning.cause {
        verdict = verdict.cause(cause);
    }
    Some(match meaning.cause {
        Some("icmp-admin-prohibited") => verdict.advise(&[
            "A filter rejects this traffic: add a rule on the sender of the ICMP error that allows it.",
        ]),
        Some("icmp-port-unreachable") => verdict.advise(&[
            "Either a firewall rejects with ICMP (the default of iptables REJECT), or the host has no service on this \
             port: check both.",
        ]),
        _ => verdict.advise(&[
            "Check the route to the server's network on the sender of the ICMP error.",
            "If the sender is on the server's own network, the host is down or does not answer ARP or neighbour discovery.",
        ]),
    })
}

/// RFC 792; RFC 1122, 3.2.2.1; RFC 1812, 5.2.7.1; RFC 4443, 3; the errno values are Linux's (net/ipv4/icmp.c,
/// net/ipv6/icmp.c). Errors that do not end an attempt have no meaning here.
fn meaning(fact: &IcmpFact) -> Option<Meaning> {
    let meaning = |cause, words, reports| Some(Meaning { cause, words, reports });
    match (fact.version, fact.icmp_type, fact.code) {
        (IpVersion::V4, 3, 0 | 6 | 11) => meaning(Some("icmp-net-unreachable"), "network unreachable", NET),
        (IpVersion::V4, 3, 1 | 12) => meaning(Some("icmp-host-unreachable"), "host unreachable", HOST),
        (IpVersion::V4, 3, 5) => {
            meaning(Some("icmp-host-unreachable"), "host unreachable, source route failed", ROUTE_FAILED)
        }
        (IpVersion::V4, 3, 7) => {
            meaning(Some("icmp-host-unreachable"), "host unreachable, unknown", HOST_DOWN)
        }
        (IpVersion::V4, 3, 8) => {
            meaning(Some("icmp-host-unreachable"), "host unreachable, source host isolated", ISOLATED)
        }
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
            meaning(None, "not all fragments of the packet came in time", HOST)
        }
        (IpVersion::V4, 11, _) | (IpVersion::V6, 3, _) => {
            meaning(None, "the hop limit was exceeded in transit (a routing loop?)", HOST)
        }
        (IpVersion::V4, 12, _) | (IpVersion::V6, 4, _) => {
            meaning(None, "a field of the packet's headers is wrong (parameter problem)", PROTO)
        }
        (IpVersion::V6, 1, 0) => meaning(Some("icmp-net-unreachable"), "no route to the network", NET),
        (IpVersion::V6, 1, 6) => meaning(Some("icmp-net-unreachable"), "the route rejects", ACCESS),
        (IpVersion::V6, 1, 1 | 5) => {
            meaning(Some("icmp-admin-prohibited"), "administratively prohibited", ACCESS)
        }
        (IpVersion::V6, 1, 2 | 3) => meaning(Some("icmp-host-unreachable"), "address unreachable", HOST),
        _ => None,
    }
}

fn name(fact: &IcmpFact) -> String {
    let version = if fact.version == IpVersion::V4 { "an ICMP" } else { "an ICMPv6" };
    format!("{version} error (type {}, code {})", fact.icmp_type, fact.code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tcp::Role::Server;

    /// The verdict on a SYN that 203.0.113.9 answers by this type and code.
    fn answered(icmp_type: u8, code: u8) -> Verdict {
        Story::at(Stage::Syn).icmp([203, 0, 113, 9], icmp_type, code).verdict()
    }

    #[test]
    fn each_kind_of_error_has_its_cause_and_the_errno_of_it() {
        for (icmp_type, code, cause, errno) in [
            (3, 0, "icmp-net-unreachable", "ENETUNREACH"),
            (3, 1, "icmp-host-unreachable", "EHOSTUNREACH"),
            (3, 3, "icmp-port-unreachable", "ECONNREFUSED"),
            (3, 13, "icmp-admin-prohibited", "EHOSTUNREACH"),
        ] {
            let verdict = answered(icmp_type, code);
            assert_eq!(verdict.is(), ("unreachable", Actor::Path, Some(cause)));
            assert_eq!(verdict.evidence, [1, 2]);
            assert!(verdict.client_reports[0].contains(errno), "{:?}", verdict.client_reports);
            assert!(verdict.headline.contains("203.0.113.9"), "{}", verdict.headline);
        }
        // The hop count ran out: a verdict without a cause.
        assert_eq!(answered(11, 0).is(), ("unreachable", Actor::Path, None));
    }

    #[test]
    fn who_sent_it_is_told_apart() {
        assert!(answered(3, 3).explanation.contains("router or firewall"));
        let own = Story::at(Stage::Syn).icmp([198, 51, 100, 20], 3, 3).verdict();
        assert!(own.explanation.contains("the server's own address"));
        assert_eq!((own.actor, answered(3, 3).actor), (Actor::Server, Actor::Path));
        // A host that finds no way is no end of the way.
        assert_eq!(Story::at(Stage::Syn).icmp([198, 51, 100, 20], 3, 1).verdict().actor, Actor::Path);
        assert!(!own.explanation.contains("router or firewall"));
    }

    #[test]
    fn an_error_of_icmpv6_is_read_by_its_own_numbers() {
        let story = Story::at(Stage::Syn).icmp([0; 4], 1, 3).but(|story| {
            story.path.icmp_errors[0].version = IpVersion::V6;
        });
        assert_eq!(story.verdict().is(), ("unreachable", Actor::Path, Some("icmp-host-unreachable")));
    }

    #[test]
    fn what_ends_no_attempt_and_what_comes_later_or_about_the_server_is_no_answer() {
        assert_eq!(answered(3, 4).code, "in-progress");
        assert_eq!(Story::at(Stage::ClientHello).icmp([203, 0, 113, 9], 3, 1).verdict().code, "in-progress");
        let about_server = Story::at(Stage::Syn)
            .icmp([203, 0, 113, 9], 3, 1)
            .but(|story| story.path.icmp_errors[0].quotes = Server);
        assert_eq!(about_server.verdict().code, "in-progress");
    }

    #[test]
    fn it_names_its_cause_before_the_silence_that_follows() {
        let story = Story::at(Stage::Syn).icmp([203, 0, 113, 9], 3, 1).silent_for(5_000, Server);
        assert_eq!(story.verdict().code, "unreachable");
    }
}
