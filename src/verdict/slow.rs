//! TLS was established, but late.

use super::words::evidence;
use super::{Actor, Code, JudgementSettings, Rule, Severity, Verdict, healthy};
use crate::story::{Moment, Observed, RETRANSMISSION_DUE, Story};
use crate::tcp::Role;
use crate::time::Elapsed;
use crate::tls::Basis;

/// `slow`.
pub(super) const RULE: Rule = Rule {
    code: Code::Slow,
    severity: Severity::Warning,
    summary: "TLS was established later after the SYN than --slow-after allows, or an answer came later than --slow-response",
    page: include_str!("../../docs/verdicts/slow.md"),
    judge,
};

fn judge(story: &Story, settings: &JudgementSettings) -> Option<Verdict> {
    slow_handshake(story, settings).or_else(|| slow_response(story, settings))
}

fn slow_response(story: &Story, settings: &JudgementSettings) -> Option<Verdict> {
    healthy::established(story, settings)?;
    let answer = story.tls.turns.latest_answer()?;
    let (asked, answered, elapsed) = (answer.asked, answer.answered, answer.elapsed());
    // Time across a step of the capture's clock means nothing.
    let is_measured = story
        .capture
        .clock_step
        .is_none_or(|step| step.number > answered.number || step.number <= asked.number);
    if elapsed <= settings.slow_response? || !is_measured {
        return None;
    }
    let wait = Step { name: "the server's reply", by: Actor::Server, elapsed, between: (asked, answered) };
    let (actor, why) = match wait.repeats(story) {
        0 => (Actor::Server, "Nothing was sent again meanwhile: the server process took that long."),
        _ => (Actor::Path, "Data was sent again meanwhile: packets were lost in transit."),
    };
    // What is encrypted shows no request; who spoke in turn, and how much, does.
    Some(
        Verdict::new(&RULE, actor, Basis::Inferred, format!("the server took {elapsed} to answer a request inside TLS"))
            .explain(why)
            .proved_by(evidence::handshake_packets(story))
            .proved_by([asked.number, answered.number])
            .advise(&[
                "It works: read the server's log at that time if users complain, or raise `--slow-response` if this is normal here.",
            ]),
    )
}

fn slow_handshake(story: &Story, settings: &JudgementSettings) -> Option<Verdict> {
    let basis = healthy::established(story, settings)?;
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
    let round_trip = story.path.round_trips.shortest();
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
        2 => " The SYN was sent twice.".to_owned(),
        count => format!(" The SYN was sent {count} times."),
    };
    let is_distance = round_trip.is_some_and(|round_trip| round_trip.times(5) > slowest.elapsed);
    let repeated = slowest.repeats(story);
    let lost = match repeated {
        0 => String::new(),
        1 => " Data was sent again once meanwhile: packets were lost in transit.".to_owned(),
        count => format!(" Data was sent again {count} times meanwhile: packets were lost in transit."),
    };
    let is_syn_ack = slowest.name == SYN_ACK;
    let skip = slowest.skip(story);
    let skipped = skip.map_or_else(String::new, |packet| {
        format!(
            " The IP IDs of the {}'s packets skip numbers before packet {packet}: its packets were lost before the capture point.",
            slowest.owner()
        )
    });
    let is_lost = repeated > 0 || skip.is_some() || is_syn_ack && story.opening.syn.count > 1;
    let slow = slowest.name.strip_prefix("the ").unwrap_or(slowest.name);
    let actor = if is_distance || is_lost { Actor::Path } else { slowest.by };
    Some(
        Verdict::new(&RULE, actor, basis, format!("TLS was established {elapsed} after the {since}; slowest: {}", slowest.name))
            .explain(format!("The {slow} took {}.{network}{repeats}{lost}{skipped}", slowest.elapsed))
            .proved_by(skip)
            .proved_by(evidence::opening_packets(story).chain(evidence::handshake_packets(story)))
            .advise(&[
                "It works: check the slow step if users complain, or raise `--slow-after` if this is normal here.",
            ]),
    )
}

/// What the server says before it is asked to start TLS: its greeting, or its reply to a command.
const FIRST_REPLY: &str = "the server's reply before TLS was asked for";

/// What the client asks a proxy for after its first reply.
const NEXT_REQUEST: &str = "the client's next request to the proxy";

/// The step that a lost SYN delays.
const SYN_ACK: &str = "the server's SYN-ACK";

struct Step {
    name: &'static str,
    by: Actor,
    elapsed: Elapsed,
    /// The step before it, and its own packet.
    between: (Moment, Moment),
}

impl Step {
    /// How often either side sent data again before this step was taken: what it waited for was lost. The time between retransmissions
    /// doubles at most (RFC 6298, 5.5), so a longer wait without any is not theirs.
    fn repeats(&self, story: &Story) -> usize {
        let (before, after) = self.between;
        let is_between = |at: &&Moment| {
            story.order.is_after(at.number, before.number) && !story.order.is_after(at.number, after.number)
        };
        let of = |role: Role| {
            // What comes late was lost before the capture point, and sent again.
            let data = &story.data[role];
            let sent_again = data.repeats.moments.iter().chain(&data.late.moments);
            let mut repeats = sent_again.filter(is_between).peekable();
            let last = repeats.clone().max_by_key(|again| again.at);
            let is_lost = last.is_some_and(|last| {
                after.at - last.at <= (last.at - before.at).times(3).max(RETRANSMISSION_DUE)
            });
            if is_lost && repeats.peek().is_some() { repeats.count() } else { 0 }
        };
        of(Role::Client) + of(Role::Server)
    }

    /// Whose step it is, as one of the connection's two ends.
    fn owner(&self) -> Role {
        if self.by == Actor::Client { Role::Client } else { Role::Server }
    }

    /// The packet of its owner, up to this step, before which the identifications show that others are missing.
    fn skip(&self, story: &Story) -> Option<u64> {
        let (before, after) = self.between;
        let is_between = |packet: &u64| {
            story.order.is_after(*packet, before.number) && !story.order.is_after(*packet, after.number)
        };
        story.parties[self.owner()].ids.after_missing().find(is_between)
    }
}

/// What precedes TLS: the request for a tunnel or to start TLS, and the answer. A proxy is part of the path.
fn prelude_steps(story: &Story) -> [(&'static str, Actor, Option<Moment>); 2] {
    let prelude = story.prelude.as_ref();
    let agreed = prelude.filter(|prelude| prelude.is_agreed()).map(|prelude| prelude.latest.moment);
    let asked = prelude.map(|prelude| prelude.asked);
    if prelude.is_some_and(|prelude| prelude.protocol.is_proxy()) {
        [
            ("the client's request to the proxy", Actor::Client, asked),
            ("the proxy's reply", Actor::Path, agreed),
        ]
    } else {
        [
            ("the client's request to start TLS", Actor::Client, asked),
            ("the server's reply to it", Actor::Server, agreed),
        ]
    }
}

/// A step, who had to take it, and its packet.
type Named = (&'static str, Actor, Option<Moment>);

/// The steps of the TLS handshake.
fn tls_steps(story: &Story) -> [Named; 7] {
    let tls = &story.tls;
    let hello = tls.client_hello.as_ref().map(|observed| observed.moment);
    let answered = tls.server_hello.as_ref().map(|observed| observed.moment);
    let at = |step: &Option<Observed<()>>| step.as_ref().map(|observed| observed.moment);
    [
        ("the client's ClientHello", Actor::Client, hello),
        // Alone, it does not show how long the client took to answer it.
        ("the server's HelloRetryRequest", Actor::Server, tls.second_hello.and(tls.retry)),
        ("the client's second ClientHello", Actor::Client, tls.second_hello),
        ("the server's ServerHello", Actor::Server, answered),
        ("the server's flight", Actor::Server, at(&tls.server_flight)),
        ("the client's Finished", Actor::Client, at(&tls.client_finished)),
        ("the server's Finished", Actor::Server, at(&tls.established)),
    ]
}

/// The handshake's steps, each with who had to take it.
fn steps(story: &Story) -> Vec<Step> {
    let [asked, agreed] = prelude_steps(story);
    let prelude = story.prelude.as_ref();
    let is_proxied = prelude.is_some_and(|prelude| prelude.protocol.is_proxy());
    let owner = if is_proxied { Actor::Path } else { Actor::Server };
    let replies = prelude.and_then(|prelude| prelude.slowest_reply);
    let requests = prelude.and_then(|prelude| prelude.slowest_request);
    // What took place between two of the steps below, by the later one.
    let within = [(asked.2, FIRST_REPLY, owner, replies), (agreed.2, NEXT_REQUEST, Actor::Client, requests)];
    let opening = [
        ("the SYN", Actor::Client, story.opening.syn.first()),
        (SYN_ACK, Actor::Server, story.opening.syn_ack.first()),
        asked,
        agreed,
    ];
    let mut steps = Vec::new();
    let mut before: Option<Moment> = None;
    for (name, by, moment) in opening.into_iter().chain(tls_steps(story)) {
        let Some(moment) = moment else { continue };
        if let Some(before) = before {
            let mut elapsed = moment.at - before.at;
            for (_, name, by, times) in within.iter().filter(|(later, ..)| *later == Some(moment)) {
                if let Some((from, to)) = *times {
                    steps.push(Step { name, by: *by, elapsed: to.at - from.at, between: (from, to) });
                    elapsed = Elapsed::from_nanos(elapsed.nanos() - (to.at - from.at).nanos());
                }
            }
            steps.push(Step { name, by, elapsed, between: (before, moment) });
        }
        before = Some(moment);
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::script::talk::{self, Talk, exchange, ssm};
    use crate::story::{ClockStep, Stage};
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
    fn a_proxy_s_delay_is_the_path_s_and_that_of_starttls_the_server_s() {
        let greeted = Talk::to_port(1080).open().say(Client, &[5, 1, 0]).say(Server, &[5, 0]);
        let asked = greeted.say(Client, &[5, 1, 0, 1, 198, 51, 100, 20, 0x20, 0xfb]).ack(Server);
        let late = asked.wait(2_900).say(Server, &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).then_tls().verdict(0);
        assert_eq!(late.is(), ("slow", Actor::Path, None));
        assert!(late.headline.contains("the proxy's reply"), "{}", late.headline);
        let greeted = Talk::to_port(25).open().say(Server, b"220 mail.example ESMTP\r\n");
        let asked = greeted.say(Client, b"EHLO client.example\r\n").say(Server, b"250 STARTTLS\r\n");
        let late = asked.say(Client, b"STARTTLS\r\n").ack(Server).wait(2_900).say(Server, b"220 Ready\r\n");
        assert_eq!(late.then_tls().verdict(0).is(), ("slow", Actor::Server, None));
    }

    #[test]
    fn a_client_that_takes_its_time_after_a_proxy_s_first_reply_is_slow_itself() {
        let greeted = Talk::to_port(1080).open().say(Client, &[5, 1, 0]).say(Server, &[5, 0]).ack(Client);
        let asked = greeted.wait(2_900).say(Client, &[5, 1, 0, 1, 198, 51, 100, 20, 0x20, 0xfb]);
        let late = asked.say(Server, &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).then_tls().verdict(0);
        assert_eq!(late.is(), ("slow", Actor::Client, None), "{}", late.headline);
        assert!(late.headline.contains("next request to the proxy"), "{}", late.headline);
    }

    #[test]
    fn a_second_client_hello_is_the_client_s_step() {
        let late = |retry: i64, again: i64, hello: i64| {
            let at = |millis: i64| Moment {
                number: 4,
                at: Story::at(Stage::Syn).last.at + Elapsed::from_millis(millis),
            };
            let story = delayed(5, retry + again + hello).but(|story| {
                let said = story
                    .tls
                    .client_hello
                    .as_ref()
                    .map_or(0, |hello| (hello.moment.at - at(0).at).nanos() / 1_000_000);
                story.tls.retry = Some(at(said + retry));
                story.tls.second_hello = Some(at(said + retry + again));
            });
            story.verdict()
        };
        let verdict = late(10, 3_000, 0);
        assert_eq!(verdict.is(), ("slow", Actor::Client, None), "{}", verdict.headline);
        assert!(verdict.headline.contains("second ClientHello"), "{}", verdict.headline);
        assert!(late(3_000, 10, 0).headline.contains("HelloRetryRequest"));
        assert!(late(10, 10, 3_000).headline.contains("the server's ServerHello"));
    }

    #[test]
    fn what_was_lost_and_sent_again_is_the_path_s() {
        let hello = ssm().open().say(Client, &talk::client_hello());
        let lost = hello.clone().wait(1_000).repeat(Client).wait(2_000).repeat(Client);
        let finish = |talk: Talk| {
            talk.say(Server, &talk::server_flight())
                .say(Client, &talk::client_flight())
                .say(Server, &talk::finished())
                .verdict(0)
        };
        let verdict = finish(lost);
        assert_eq!(verdict.is(), ("slow", Actor::Path, None));
        assert!(verdict.mentions("sent again 2 times"), "{}", verdict.explanation);
        assert_eq!(finish(hello.ack(Server).wait(2_900)).is(), ("slow", Actor::Server, None));
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

    #[test]
    fn a_late_answer_is_slow_only_where_that_is_asked_for() {
        let late =
            ssm().then_tls().say(Client, &talk::data()).ack(Server).wait(2_500).say(Server, &talk::data());
        assert_eq!(late.code(0), "healthy");
        let judged = |talk: &Talk, millis| {
            let slow_response = Some(Elapsed::from_millis(millis));
            crate::verdict::judge(
                &talk.story(0),
                &JudgementSettings { slow_response, ..JudgementSettings::default() },
            )
        };
        let verdict = judged(&late, 2_000);
        assert_eq!(verdict.is(), ("slow", Actor::Server, None));
        assert!(verdict.headline.contains("2.5 s to answer"), "{}", verdict.headline);
        assert_eq!(judged(&late, 2_600).code, "healthy");
        let lost = ssm().then_tls().say(Client, &talk::data()).wait(1_000).repeat(Client).wait(1_500);
        assert_eq!(judged(&lost.say(Server, &talk::data()), 2_000).is(), ("slow", Actor::Path, None));
    }

    #[test]
    fn a_client_whose_packets_are_missing_before_a_late_one_is_not_slow() {
        let late = |lost: bool| {
            let mut talk = ssm().open().wait(5_000);
            if lost {
                talk = talk.ack(Client);
                talk.packets.pop();
            }
            let hello = talk.segment(Client, "P.", 1, &talk::client_hello());
            let shaken = hello.say(Server, &talk::server_flight()).say(Client, &talk::client_flight());
            let done = shaken.say(Server, &talk::finished()).say(Client, &talk::data());
            done.say(Server, &talk::data()).ack(Client).ack(Client).verdict(0)
        };
        assert_eq!((late(false).code.name(), late(false).actor), ("slow", Actor::Client));
        assert_eq!((late(true).code.name(), late(true).actor), ("slow", Actor::Path));
        assert!(late(true).mentions("IP IDs of the client"), "{}", late(true).explanation);
    }

    #[test]
    fn a_server_that_is_late_before_it_is_asked_for_tls_is_the_slow_one() {
        let greeted = Talk::to_port(587).open().say(Server, b"220 mail.example ESMTP\r\n");
        let asked = greeted.say(Client, b"EHLO a.example\r\n").ack(Server).wait(2_500);
        let agreed = asked.say(Server, b"250 STARTTLS\r\n").say(Client, b"STARTTLS\r\n");
        let verdict = agreed.say(Server, b"220 go ahead\r\n").then_tls().ack(Client).verdict(0);
        assert_eq!(verdict.is(), ("slow", Actor::Server, None), "{}", verdict.headline);
        assert!(verdict.headline.contains("reply before TLS"), "{}", verdict.headline);
    }

    #[test]
    fn what_fills_a_hole_of_the_capture_was_lost_before_it() {
        let hello = ssm().open().say(Client, &talk::client_hello()).say(Server, &talk::server_flight());
        let flight = talk::client_flight();
        let next = hello.next(Client);
        let later = hello.wait(3_000).segment(Client, "P.", next + flight.len() as u32, &talk::data());
        let seq = later.next(Server);
        let missed = later.segment_with(Server, ".", seq, next, &[], |_| {});
        let filled = missed.wait(2_000).segment(Client, "P.", next, &flight);
        let done = filled.ack(Server).say(Server, &talk::finished()).say(Server, &talk::data()).ack(Client);
        let verdict = done.verdict(0);
        assert_eq!((verdict.code.name(), verdict.actor), ("slow", Actor::Path), "{}", verdict.explanation);
    }
}
