//! TLS was established, but late.

use super::words::evidence;
use super::{Actor, Code, Rule, Settings, Severity, Verdict, healthy};
use crate::story::Story;
use crate::tcp::Role;
use crate::time::Elapsed;

/// `slow`.
pub(super) const RULE: Rule = Rule {
    code: Code::Slow,
    severity: Severity::Warning,
    summary: "TLS was established, but later after the SYN than --slow-after allows",
    page: include_str!("../../docs/verdicts/slow.md"),
    judge,
};

fn judge(story: &Story, settings: &Settings) -> Option<Verdict> {
    let basis = healthy::established(story)?;
    // Where the SYN was not captured, the ClientHello is the first that is known.
    let (begin, since) = match (story.opening.syn.first(), &story.tls.client_hello) {
        (Some(syn), _) => (syn, "SYN"),
        (None, Some(hello)) => (hello.moment, "ClientHello"),
        (None, None) => return None,
    };
    let established = story.tls.established.as_ref()?.moment;
    let elapsed = established.at - begin.at;
    // Time across a step of the capture's clock means nothing.
    let is_measured = story.capture.clock_step.is_none_or(|step| step.number > established.number);
    if elapsed <= settings.slow_after || !is_measured {
        return None;
    }
    let steps = steps(story);
    let slowest = steps.iter().max_by_key(|step| step.elapsed)?;
    let round_trip = story.path.round_trips.shortest_to_server;
    let network = match round_trip {
        Some(round_trip) if round_trip.times(5) > slowest.elapsed => format!(
            " The RTT is {round_trip}, and the handshake needs two or three round trips: distance is the cause."
        ),
        Some(round_trip) => {
            format!(" The RTT is {round_trip}, so distance is not the cause.")
        }
        None => String::new(),
    };
    let repeats = match story.opening.syn.count {
        0 | 1 => String::new(),
        count => format!(" The SYN was sent {count} times."),
    };
    let is_distance = round_trip.is_some_and(|round_trip| round_trip.times(5) > slowest.elapsed);
    let actor =
        if is_distance || story.opening.syn.count > 1 { Actor::Path } else { Actor::from(slowest.by) };
    Some(
        Verdict::new(&RULE, actor, basis, format!("TLS was established {elapsed} after the {since}; slowest: {}", slowest.name))
            .explain(format!("{} took {}.{network}{repeats}", slowest.name, slowest.elapsed))
            .proved_by(evidence::opening_packets(story).chain(evidence::handshake_packets(story)))
            .advise(&[
                "It works: check the slow step if users complain, or raise `--slow-after` if this is normal here.",
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
        (
            "the client's ClientHello",
            Role::Client,
            story.tls.client_hello.as_ref().map(|observed| observed.moment),
        ),
        (
            "the server's ServerHello",
            Role::Server,
            story.tls.server_hello.as_ref().map(|observed| observed.moment),
        ),
        (
            "the server's flight",
            Role::Server,
            story.tls.server_flight.as_ref().map(|observed| observed.moment),
        ),
        (
            "the client's Finished",
            Role::Client,
            story.tls.client_finished.as_ref().map(|observed| observed.moment),
        ),
        (
            "the server's Finished",
            Role::Server,
            story.tls.established.as_ref().map(|observed| observed.moment),
        ),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::script::talk::{self, Talk, exchange, ssm};
    use crate::story::{ClockStep, Moment, Stage};
    use crate::tcp::Role::{Client, Server};

    /// A complete exchange of which the step in this packet, and each later one, came this much later.
    fn delayed(number: u64, millis: i64) -> Story {
        Story::at(Stage::ApplicationData).answered().but(|story| {
            let late = |moment: &mut Moment| {
                if moment.number >= number {
                    moment.at += Elapsed::from_millis(millis);
                }
            };
            story.opening.syn_ack.moments.iter_mut().for_each(late);
            story.tls.client_hello.iter_mut().for_each(|hello| late(&mut hello.moment));
            story.tls.server_hello.iter_mut().for_each(|hello| late(&mut hello.moment));
            story.tls.server_flight.iter_mut().for_each(|flight| late(&mut flight.moment));
            story.tls.client_finished.iter_mut().for_each(|finished| late(&mut finished.moment));
            story.tls.established.iter_mut().for_each(|established| late(&mut established.moment));
        })
    }

    #[test]
    fn who_took_the_slowest_step_is_looked_at() {
        for (number, by, name) in [
            (2, Server, "SYN-ACK"),
            (4, Client, "ClientHello"),
            (5, Server, "ServerHello"),
            (7, Client, "Finished"),
        ] {
            let verdict = delayed(number, 3_000).verdict();
            assert_eq!(verdict.is(), ("slow", Actor::from(by), None), "{name}");
            assert!(
                verdict.headline.contains("3.1 s") && verdict.headline.contains(name),
                "{}",
                verdict.headline
            );
            assert!(verdict.evidence.starts_with(&[1, 2, 3, 4, 5]), "{:?}", verdict.evidence);
            assert!(!verdict.mentions("RTT") && !verdict.mentions("The SYN was sent"));
        }
    }

    #[test]
    fn a_distance_and_a_lost_syn_are_the_path_s() {
        let far = delayed(5, 3_000).but(|story| {
            story.path.round_trips.shortest_to_server = Some(Elapsed::from_millis(700));
        });
        assert_eq!(far.verdict().is(), ("slow", Actor::Path, None));
        assert!(far.verdict().mentions("distance is the cause"));
        let near = delayed(5, 3_000).but(|story| {
            story.path.round_trips.shortest_to_server = Some(Elapsed::from_millis(7));
        });
        assert_eq!(near.verdict().actor, Actor::Server);
        assert!(near.verdict().mentions("distance is not the cause"));
        let lost = delayed(2, 3_000).but(|story| story.opening.syn.count = 3);
        assert_eq!(lost.verdict().is(), ("slow", Actor::Path, None));
        assert!(lost.verdict().mentions("sent 3 times"));
    }

    #[test]
    fn in_time_across_a_step_of_the_clock_and_nothing_is_slow() {
        assert_eq!(delayed(5, 1_000).verdict().code, "healthy");
        let step = ClockStep { number: 5, by: Elapsed::from_millis(3_000) };
        let stepped = delayed(5, 3_000).but(|story| story.capture.clock_step = Some(step));
        assert_eq!(stepped.verdict().code, "healthy");
    }

    #[test]
    fn a_failure_later_on_is_worse_than_slow() {
        let failed = delayed(5, 3_000).but(|story| story.tls.is_inside_record.server = true).rst(Server);
        assert_eq!(failed.verdict().code, "reset");
    }

    #[test]
    fn without_a_syn_the_time_counts_from_the_client_hello() {
        let begun = Talk::to_port(8443).say(Client, &talk::client_hello()).ack(Server).wait(7_000);
        let late = begun.say(Server, &talk::server_flight()).say(Client, &talk::client_flight());
        let verdict = late.say(Server, &talk::finished()).verdict(0);
        assert_eq!(verdict.code.name(), "slow");
        assert!(verdict.headline.contains("after the ClientHello"), "{}", verdict.headline);
    }

    #[test]
    fn a_late_answer_makes_the_connection_slow_not_failed() {
        let late = ssm()
            .open()
            .say(Client, &talk::client_hello())
            .ack(Server)
            .wait(5_000)
            .say(Server, &talk::server_flight())
            .say(Client, &talk::client_flight())
            .say(Server, &talk::finished())
            .say(Client, &talk::data())
            .say(Server, &talk::data());
        let story = late.story(0);
        assert_eq!(story.verdict().is(), ("slow", Actor::Server, None));
        assert_eq!((story.pauses.len(), story.stage), (1, Stage::ApplicationData));
        assert_eq!(exchange().code(0), "healthy");
    }
}
