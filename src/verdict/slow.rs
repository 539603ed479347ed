//! TLS was established, but late.

use super::words::evidence;
use super::{Actor, Rule, Settings, Severity, Verdict, healthy};
use crate::story::Story;
use crate::tcp::Role;
use crate::time::Elapsed;

/// `slow`.
pub(super) const RULE: Rule = Rule {
    code: "slow",
    severity: Severity::Warning,
    summary: "TLS was established, but later after the SYN than --slow-after allows",
    page: include_str!("../../docs/verdicts/slow.md"),
    judge,
};

fn judge(story: &Story, settings: &Settings) -> Option<Verdict> {
    let basis = healthy::established(story)?;
    let begin = story.opening.syn.first()?;
    let established = story.tls.established.as_ref()?.moment;
    let elapsed = established.at - begin.at;
    // Time across a step of the capture's clock says nothing.
    let is_measured = story.capture.clock_step.is_none_or(|step| step.number > established.number);
    if elapsed <= settings.slow_after || !is_measured {
        return None;
    }
    let steps = steps(story);
    let slowest = steps.iter().max_by_key(|step| step.elapsed)?;
    let round_trip = story.path.round_trips.shortest_to_server;
    let network = match round_trip {
        Some(round_trip) if round_trip.times(5) > slowest.elapsed => format!(
            " The round trip is {round_trip}, and the handshake needs two or three of them: the distance is the reason."
        ),
        Some(round_trip) => {
            format!(" The round trip is {round_trip}, so the network's distance is not the reason.")
        }
        None => String::new(),
    };
    let repeats = match story.opening.syn.count {
        0 | 1 => String::new(),
        count => format!(" The SYN had to be sent {count} times."),
    };
    let is_distance = round_trip.is_some_and(|round_trip| round_trip.times(5) > slowest.elapsed);
    let actor =
        if is_distance || story.opening.syn.count > 1 { Actor::Path } else { Actor::from(slowest.by) };
    Some(
        Verdict::new(&RULE, actor, basis, format!("TLS was established {elapsed} after the SYN; slowest: {}", slowest.name))
            .explain(format!("{} took {}.{network}{repeats}", slowest.name, slowest.elapsed))
            .proved_by(evidence::opening_packets(story).chain(evidence::handshake_packets(story)))
            .advise(&[
                "It works; look at the slow step if users complain, or raise `--slow-after` if this distance is normal.",
            ]),
    )
}

struct Step {
    name: &'static str,
    by: Role,
    elapsed: Elapsed,
}

/// The handshake's steps, each with who had to take it.
fn steps(story: &Story) -> Vec<Step> {
    let moments = [
        ("the SYN", Role::Client, story.opening.syn.first()),
        ("the server's SYN-ACK", Role::Server, story.opening.syn_ack.first()),
        ("the client's ClientHello", Role::Client, story.tls.client_hello.as_ref().map(|said| said.moment)),
        ("the server's ServerHello", Role::Server, story.tls.server_hello.as_ref().map(|said| said.moment)),
        ("the server's flight", Role::Server, story.tls.server_flight.as_ref().map(|said| said.moment)),
        ("the client's Finished", Role::Client, story.tls.client_finished.as_ref().map(|said| said.moment)),
        ("the server's Finished", Role::Server, story.tls.established.as_ref().map(|said| said.moment)),
    ];
    let mut steps = Vec::new();
    let mut before = None;
    for (name, by, moment) in moments {
        let Some(moment) = moment else { continue };
        if let Some(before) = before {
            steps.push(Step { name, by, elapsed: moment.at - before });
        }
        before = Some(moment.at);
    }
    steps
}
