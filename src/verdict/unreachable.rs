//! An ICMP or ICMPv6 error answered the SYN.

use super::words::icmp_error::{meaning, name};
use super::{Actor, Code, JudgementSettings, Rule, Severity, Verdict};
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

fn judge(story: &Story, _: &JudgementSettings) -> Option<Verdict> {
    if story.stage != Stage::Syn {
        return None;
    }
    let (fact, meaning) = story.path.icmp_errors.iter().find_map(|fact| {
        (fact.quotes == Role::Client).then_some(())?;
        Some((fact, meaning(fact)?))
    })?;
    let sender = story.names.show(fact.from).to_string();
    let icmp = if fact.version == IpVersion::V4 { "ICMP" } else { "ICMPv6" };
    let error = format!("{icmp} \"{}\" (type {}, code {})", meaning.words, fact.icmp_type, fact.code);
    let is_rejected = meaning.cause == Some("icmp-admin-prohibited");
    let is_client_s = is_of_client(story, fact);
    let headline = match (fact.from.is_unspecified(), is_rejected) {
        (true, _) => format!("the SYN was answered by {error}"),
        (false, _) if is_client_s => format!("the client's own host answered the SYN: {error}"),
        (false, true) => format!("{sender} rejected the SYN: {error}"),
        (false, false) => format!("{sender} answered the SYN: {error}"),
    };
    let is_own = fact.from == story.parties.server.host && meaning.cause == Some("icmp-port-unreachable");
    let probe = probe_hop_limit(story).filter(|_| meaning.cause == Some("icmp-time-exceeded"));
    let probe_words = probe.map(|hop_limit| {
        let field = if fact.version == IpVersion::V4 { "TTL" } else { "hop limit" };
        format!(" The SYN's {field} was {hop_limit} where it was captured: a traceroute sends such SYNs, while hosts begin with 64 or more.")
    });
    let actor = match (is_own, is_client_s && !has_no_way(meaning.cause)) {
        (true, _) => Actor::Server,
        (_, true) => Actor::Client,
        _ => Actor::Path,
    };
    let mut verdict = Verdict::new(&RULE, actor, story.basis, headline)
        .explain(format!(
            "The reply to the SYN is {}, which quotes it. {}{}",
            name(fact),
            whose(story, fact, meaning.cause),
            probe_words.unwrap_or_default()
        ))
        .reported(&meaning.reports)
        .reported_by(fact.from)
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
    Some(verdict.advise(advice(story, fact, meaning.cause)))
}

/// What to do about an error with this cause.
fn advice(story: &Story, fact: &IcmpFact, cause: Option<&str>) -> &'static [&'static str] {
    match cause {
        _ if is_of_client(story, fact) && has_no_way(cause) => &[
            "On the client: `ip route get SERVER` names the next hop, and `ip neigh` shows whether it answers.",
            "The next hop is the gateway, or the server itself on the same link: is it up, and on this link?",
        ],
        _ if is_of_client(story, fact) => {
            &["On the client: look for a rule of its host firewall that rejects with ICMP."]
        }
        Some("icmp-admin-prohibited") => {
            &["A filter rejects this traffic: add a rule on ICMP_SENDER that allows it."]
        }
        Some("icmp-port-unreachable") => &[
            "Either a firewall rejects with ICMP (the default of iptables REJECT), or the host has no service on this \
             port: check both.",
        ],
        Some("icmp-time-exceeded") if probe_hop_limit(story).is_some() => &[
            "If a traceroute ran on the client, its probes end like this: judge the connections of the application.",
        ],
        Some("icmp-time-exceeded") => &[
            "Look for a routing loop: trace the path from the client with `traceroute -T -p PORT SERVER`.",
            "Check the route to the server's network on ICMP_SENDER and on its neighbours.",
        ],
        // A host that is down sends nothing itself.
        Some(_) if fact.from == story.parties.server.host => &[
            "The server's own address sent the error: look for a rule of its host firewall that rejects with ICMP.",
        ],
        None => &["Check why ICMP_SENDER rejects the packet: the ICMP type and code name the reason."],
        Some(_) => &[
            "Check the route to the server's network on ICMP_SENDER.",
            "If ICMP_SENDER is on the server's own network, the host is down or does not answer ARP or neighbour discovery.",
        ],
    }
}

/// Whether the client's own host sent the error.
fn is_of_client(story: &Story, fact: &IcmpFact) -> bool {
    fact.from == story.parties.client.host && !fact.from.is_unspecified()
}

/// Whether the sender knows no way to the server.
fn has_no_way(cause: Option<&str>) -> bool {
    matches!(cause, Some("icmp-net-unreachable" | "icmp-host-unreachable"))
}

/// Who sent the error, in a sentence.
fn whose(story: &Story, fact: &IcmpFact, cause: Option<&str>) -> String {
    if fact.from.is_unspecified() {
        "A socket does not show which address sent it; a capture does.".to_owned()
    } else if fact.from == story.parties.server.host {
        "It was sent from the server's own address.".to_owned()
    } else if is_of_client(story, fact) && has_no_way(cause) {
        "It was sent from the client's own address: its kernel has no route, or the next hop does not answer ARP or neighbour \
         discovery."
            .to_owned()
    } else if is_of_client(story, fact) {
        "It was sent from the client's own address: a rule of its host firewall, or its kernel.".to_owned()
    } else {
        format!("It was sent by {}, a router or firewall on the path.", story.names.show(fact.from))
    }
}

/// The most hops that a traceroute tries, and fewer than any host's first TTL or hop limit leaves on a path of today.
const PROBED_HOPS: u8 = 30;

/// The TTL or hop limit of the client's SYN, where a traceroute must have chosen it.
fn probe_hop_limit(story: &Story) -> Option<u8> {
    let hop_limit = story.parties.client.opening_path?.hop_limit;
    (hop_limit <= PROBED_HOPS).then_some(hop_limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::IpTraits;
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
            let headline = verdict.headline;
            let numbers = format!("(type {icmp_type}, code {code})");
            assert!(headline.starts_with("203.0.113.9 ") && headline.ends_with(&numbers), "{headline}");
        }
        // The hop count ran out.
        let looped = Story::at(Stage::Syn).icmp([203, 0, 113, 9], 11, 0);
        let verdict = looped.verdict();
        assert_eq!(verdict.is(), ("unreachable", Actor::Path, Some("icmp-time-exceeded")));
        let advice: Vec<_> = verdict.advice(&looped).collect();
        assert!(advice.iter().any(|text| text.contains("on 203.0.113.9 and")), "{advice:?}");
        assert!(!verdict.mentions("ARP"), "{verdict:?}");
        let own = Story::at(Stage::Syn).icmp([198, 51, 100, 20], 3, 1).verdict();
        assert!(!own.mentions("ARP") && own.mentions("host firewall"), "{own:?}");
    }

    #[test]
    fn an_error_from_the_client_s_own_address_is_of_its_own_host() {
        let own = |icmp_type, code| {
            let story = Story::at(Stage::Syn).but(|story| story.parties.client.host = [192, 0, 2, 9].into());
            let story = story.icmp([192, 0, 2, 9], icmp_type, code);
            let verdict = story.verdict();
            let advice: Vec<_> = verdict.advice(&story).map(std::borrow::Cow::into_owned).collect();
            (verdict, advice.join(" "))
        };
        let (verdict, advice) = own(3, 1);
        assert_eq!(verdict.is(), ("unreachable", Actor::Path, Some("icmp-host-unreachable")));
        assert!(verdict.headline.starts_with("the client's own host"), "{}", verdict.headline);
        assert!(verdict.mentions("its kernel has no route") && !verdict.mentions("router or firewall"));
        assert!(
            advice.contains("`ip route get 198.51.100.20`") && !advice.contains("server's network"),
            "{advice}"
        );
        let (verdict, advice) = own(3, 13);
        assert_eq!(verdict.actor, Actor::Client);
        assert!(verdict.mentions("host firewall") && advice.contains("On the client"), "{advice}");
    }

    #[test]
    fn a_traceroute_s_syn_is_no_sign_of_a_routing_loop() {
        let answered = |hop_limit| {
            Story::at(Stage::Syn).icmp([203, 0, 113, 9], 11, 0).but(|story| {
                story.parties.client.opening_path =
                    Some(IpTraits { number: 1, hop_limit, service: None, id: None });
            })
        };
        let probe = answered(3);
        let verdict = probe.verdict();
        assert_eq!(verdict.is(), ("unreachable", Actor::Path, Some("icmp-time-exceeded")));
        assert!(verdict.explanation.contains("The SYN's TTL was 3"), "{}", verdict.explanation);
        assert!(!verdict.advice(&probe).any(|text| text.contains("loop")));
        for hop_limit in [31, 54, 64, 128] {
            let looped = answered(hop_limit);
            assert!(looped.verdict().advice(&looped).any(|text| text.contains("loop")), "{hop_limit}");
        }
    }

    #[test]
    fn the_sender_is_identified() {
        assert!(answered(3, 3).explanation.contains("router or firewall"));
        let own = Story::at(Stage::Syn).icmp([198, 51, 100, 20], 3, 3).verdict();
        assert!(own.explanation.contains("the server's own address"), "{}", own.explanation);
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

    #[test]
    fn the_advice_names_the_sender_of_the_error_that_decides() {
        let story = Story::at(Stage::Syn).icmp([10, 0, 0, 1], 3, 4).icmp([203, 0, 113, 9], 3, 13);
        let verdict = story.clone().verdict();
        assert_eq!(verdict.is(), ("unreachable", Actor::Path, Some("icmp-admin-prohibited")));
        let advice: Vec<_> = verdict.advice(&story).collect();
        assert!(advice[0].contains("on 203.0.113.9 that"), "{advice:?}");
    }
}
