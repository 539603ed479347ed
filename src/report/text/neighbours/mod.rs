//! What a group's neighbours show, in words, and the packets that prove it.

mod difference;
mod isolation;
mod outage;
mod refusal;
mod refused_certificates;
mod silence;

use std::borrow::Cow;

use super::ends;
use super::escape::escaped;
use super::numbers::{count, grouped};
use crate::analysis::{
    Clients, Group, GroupContext, GroupKey, Network, Others, RefusedCertificates, RelativeTime, Summary,
    Trait,
};
use crate::packet::Names;
use crate::time::Timestamp;
use crate::verdict::{Actor, Code};

/// A conclusion and the packets that it rests on, those of the group aside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::report) struct Conclusion {
    /// One to three sentences.
    pub(in crate::report) text: String,
    /// Numbers of packets.
    pub(in crate::report) evidence: Vec<u64>,
    /// What it makes of the verdict's own explanation, which knows one connection only.
    pub(in crate::report) stance: Stance,
    /// What the headline begins with, where the connections are no fault of those who open them.
    pub(in crate::report) word: Option<&'static str>,
    /// What to do first, where the neighbours exclude what the verdict's own first advice supposes.
    pub(in crate::report) advice: Option<Cow<'static, str>>,
    /// The side to look at, where they show that it is another one than the verdict names.
    pub(in crate::report) actor: Option<Actor>,
    /// Whether the server completed a TLS handshake on another connection.
    pub(in crate::report) speaks_tls: bool,
}

impl Conclusion {
    fn new(text: String, evidence: Vec<u64>, stance: Stance) -> Self {
        Self { text, evidence, stance, word: None, advice: None, actor: None, speaks_tls: false }
    }
}

/// A connection's headline as that of its group: `port scan: no reply to the SYN`.
#[cfg(feature = "command")]
pub(in crate::report) fn headline<'v>(conclusion: Option<&Conclusion>, own: &'v str) -> Cow<'v, str> {
    match conclusion.and_then(|conclusion| conclusion.word) {
        Some(word) if !own.starts_with(word) => {
            let own = own.strip_prefix("port check: ").unwrap_or(own);
            Cow::Owned(format!("{word}: {own}"))
        }
        _ => Cow::Borrowed(own),
    }
}

/// A connection's advice as that of its group.
#[cfg(feature = "command")]
pub(in crate::report) fn advice(
    conclusion: Option<&Conclusion>,
    own: impl Iterator<Item = Cow<'static, str>>,
) -> Vec<Cow<'static, str>> {
    match conclusion.and_then(|conclusion| conclusion.advice.clone()) {
        Some(first) => std::iter::once(first).chain(own.skip(1)).collect(),
        None => own.collect(),
    }
}

/// A connection's explanation without what its neighbours exclude.
#[cfg(feature = "command")]
pub(in crate::report) fn explanation<'v>(conclusion: Option<&Conclusion>, own: &'v str) -> Cow<'v, str> {
    const EXCLUDED: [&str; 2] =
        ["a service that does not speak TLS, ", "it does not speak TLS on this port, "];
    match EXCLUDED.into_iter().find(|part| own.contains(part)) {
        Some(part) if conclusion.is_some_and(|conclusion| conclusion.speaks_tls) => {
            Cow::Owned(own.replace(part, ""))
        }
        _ => Cow::Borrowed(own),
    }
}

/// What a conclusion makes of the explanation of one connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::report) enum Stance {
    /// It adds to it.
    Adds,
    /// It is the shorter one, where there is little room.
    Shortens,
    /// It excludes what the explanation supposes.
    Replaces,
}

/// What the neighbours of a group show; nothing if they show nothing. `time` prints an instant.
pub(in crate::report) fn conclude(
    summary: &Summary,
    key: &GroupKey,
    group: &Group,
    time: &dyn Fn(Timestamp) -> Option<String>,
) -> Option<Conclusion> {
    Words::of(summary, key, group, time)?.conclusion()
}

/// What they show of a connection that is shown without the others of its group.
#[cfg(feature = "command")]
pub(in crate::report) fn conclude_for_one(
    summary: &Summary,
    key: &GroupKey,
    group: &Group,
    time: &dyn Fn(Timestamp) -> Option<String>,
) -> Option<Conclusion> {
    let words = Words::of(summary, key, group, time)?;
    let conclusion = words.conclusion()?;
    let alike = group.count.saturating_sub(1);
    // Where all are the same, the conclusion says so.
    if alike == 0 || group.count >= words.context.all {
        return Some(conclusion);
    }
    let ends = if alike == 1 { "ends" } else { "end" };
    let text = format!("{} {ends} like this one. {}", count(alike, "more connection"), conclusion.text);
    Some(Conclusion { text, ..conclusion })
}

impl<'a> Words<'a> {
    fn of(
        summary: &'a Summary,
        key: &'a GroupKey,
        group: &'a Group,
        time: &'a dyn Fn(Timestamp) -> Option<String>,
    ) -> Option<Self> {
        let context = GroupContext::of(summary, key, group)?;
        let name = ends::socket(&summary.names, key.server.0, key.server.1);
        Some(Self { name, names: &summary.names, key, group, context, time })
    }

    fn conclusion(&self) -> Option<Conclusion> {
        let mut conclusion = self.conclude();
        if let Some(conclusion) = &mut conclusion {
            conclusion.speaks_tls = self.context.speaks_tls;
            let is_news = conclusion.word.is_none() && self.context.difference.is_none();
            if let Some(choice) = self.of_choice().filter(|_| is_news) {
                conclusion.text = format!("{} {choice}", conclusion.text);
            }
        }
        if let Some(span) = self.context.retried_after {
            let whose = if self.group.clients.len() == 1 { "The client" } else { "Each client" };
            let text = format!("{whose} tries again every {span}.");
            match &mut conclusion {
                Some(conclusion) => conclusion.text = format!("{} {text}", conclusion.text),
                None => conclusion = Some(Conclusion::new(text, Vec::new(), Stance::Adds)),
            }
        }
        conclusion
    }
}

struct Words<'a> {
    name: String,
    names: &'a Names,
    key: &'a GroupKey,
    group: &'a Group,
    context: GroupContext,
    time: &'a dyn Fn(Timestamp) -> Option<String>,
}

impl Words<'_> {
    fn conclude(&self) -> Option<Conclusion> {
        let GroupContext { answered, worked, .. } = &self.context;
        if let Some(purpose) = self.of_scan().or_else(|| self.of_spare()) {
            return Some(purpose);
        }
        let particular = self.of_outage().or_else(|| self.of_senders());
        if particular.is_some() {
            return particular;
        }
        match self.key.code {
            Code::SynNoReply => self.of_isolation().or_else(|| self.of_silence(answered)),
            Code::Refused if self.key.actor == Actor::Server => {
                self.of_other_device(answered).or_else(|| self.of_refusal(answered))
            }
            Code::TlsAlert if self.do_names_differ() => self.of_difference(worked),
            Code::TlsAlert => self
                .of_certificates()
                .or_else(|| self.of_difference(worked))
                .or_else(|| self.of_alert(worked)),
            _ if self.context.difference.is_some() => self.of_difference(worked),
            _ => None,
        }
        .or_else(|| self.of_any(worked))
    }

    /// Whether other names were asked for where it worked, and no certificate that was refused is one that was accepted.
    fn do_names_differ(&self) -> bool {
        let is_accepted = matches!(self.context.certificates, Some(RefusedCertificates::SameAccepted { .. }));
        let difference = self.context.difference.as_ref();
        difference.is_some_and(|difference| difference.what != Trait::Version) && !is_accepted
    }

    fn of_scan(&self) -> Option<Conclusion> {
        let scan = self.context.scan?;
        let ports = count(scan.ports, "port");
        let ports = if scan.has_more { format!("at least {ports}") } else { ports };
        let text = format!(
            "Port scan: {} tried {ports} of {} without sending a byte on any of them.",
            escaped(&self.names.show(scan.client).to_string()),
            escaped(&self.names.show(self.key.server.0).to_string())
        );
        Some(Conclusion { word: Some("port scan"), ..Conclusion::new(text, Vec::new(), Stance::Replaces) })
    }

    fn of_spare(&self) -> Option<Conclusion> {
        let worked = self.context.is_spare.then_some(&self.context.worked)?;
        let these = if self.group.count == 1 { "this one" } else { "these" };
        let text = format!(
            "Spare connection: {} from {} to {} succeeded at the same time, and browsers close what they opened and do not need. \
             If one program there works and another fails, {these} may be the other's.",
            count(worked.times.count, "other connection"),
            self.these_clients(),
            self.name
        );
        let conclusion = resting_on(text, worked, Stance::Shortens);
        Some(Conclusion { word: Some("spare connection"), ..conclusion })
    }

    fn of_alert(&self, worked: &Others) -> Option<Conclusion> {
        let (these, all) = (self.these(), all(worked));
        let completed = format!("{} completed {}", self.name, count(worked.times.count, "other handshake"));
        let or = if self.group.count.min(worked.times.count) > 1 {
            ""
        } else {
            ", or the settings of two clients or programs differ"
        };
        let text = match worked.when? {
            RelativeTime::Before | RelativeTime::After if self.is_order_chance(worked) => {
                let order = self.of_order(&completed, worked);
                let text = order.text.trim_end_matches('.');
                let text = format!(
                    "{text}: two clients or programs whose settings differ, or a setting or certificate that changed."
                );
                return Some(Conclusion { text, stance: Stance::Shortens, ..order });
            }
            RelativeTime::Before => {
                format!(
                    "{completed} before {these}{}: a certificate or a setting changed then{or}.",
                    self.none_since()
                )
            }
            RelativeTime::After => format!(
                "{completed}, {all}after {these}{}: a certificate or a setting changed{or}.",
                self.none_before(worked)
            ),
            RelativeTime::Between | RelativeTime::Around => match worked.clients {
                Clients::Same => format!(
                    "{completed}, with {} too: two programs whose settings differ, or a server pool whose members differ.",
                    self.these_clients()
                ),
                Clients::Others => format!(
                    "{completed}, none of them with {0}: the trust store or the settings of {0} differ.",
                    self.these_clients()
                ),
                Clients::Some | Clients::Unknown => format!(
                    "{completed} in this capture: clients whose settings differ, or a server pool whose members differ."
                ),
            },
        };
        Some(resting_on(text, worked, Stance::Shortens))
    }

    fn of_any(&self, worked: &Others) -> Option<Conclusion> {
        let these = self.these();
        let (name, total) = (&self.name, self.context.all);
        let Some(when) = worked.when else {
            let is_all = self.group.count > 1 && self.group.count == total;
            let these = match self.group.count {
                2 => "Both connections".to_owned(),
                _ => format!("All {}", count(total, "connection")),
            };
            let text = format!("{these} to {name} end like this.");
            return is_all.then_some(Conclusion::new(text, Vec::new(), Stance::Adds));
        };
        let fine =
            format!("{} of {} to {name} are ok", grouped(worked.times.count), count(total, "connection"));
        let fine = if worked.times.count == 1 { fine.replace(" are ok", " is ok") } else { fine };
        let all_of = all(worked);
        let text = match when {
            RelativeTime::Before | RelativeTime::After if self.is_order_chance(worked) => {
                return Some(self.of_order(&fine, worked));
            }
            RelativeTime::Before => format!("{fine}, {all_of}before {these}{}.", self.none_since()),
            RelativeTime::After => format!("{fine}, {all_of}after {these}{}.", self.none_before(worked)),
            RelativeTime::Between | RelativeTime::Around => match worked.clients {
                Clients::Others => {
                    let cause = self.common_address().filter(|_| !self.context.is_client_s_act);
                    let cause = cause.map(|addresses| {
                        format!(": a rule for {addresses}, or a device on the path, is the likely cause")
                    });
                    format!("{fine}, {}{}.", self.none_of_theirs(), cause.unwrap_or_default())
                }
                Clients::Same => format!("{fine}, from {} too.", self.these_clients()),
                Clients::Some | Clients::Unknown => format!("{fine}."),
            },
        };
        Some(resting_on(text, worked, Stance::Adds))
    }

    /// What to look for where everything was different before or after the failures: the change lies before the first connection that
    /// the others, or these, begin with.
    fn of_change(&self, others: &Others, what: &str) -> Cow<'static, str> {
        let since = match others.when {
            Some(RelativeTime::After) => others.times.first,
            _ => self.group.course.began.first,
        };
        let time = since.and_then(|moment| (self.time)(moment.at));
        time.map_or_else(
            || format!("Find what changed: {what}."),
            |time| format!("Find what changed shortly before {time}: {what}."),
        )
        .into()
    }

    /// Whether so few came before the others, or after them, that it may be chance: one failure after what worked is no beginning, and one
    /// before it no end.
    fn is_order_chance(&self, others: &Others) -> bool {
        match others.when {
            Some(RelativeTime::Before) => self.group.count < 2,
            Some(RelativeTime::After) => self.group.count.max(others.times.count) < 2,
            _ => false,
        }
    }

    /// The order alone, where it proves nothing.
    fn of_order(&self, did: &str, others: &Others) -> Conclusion {
        let order = if others.when == Some(RelativeTime::Before) { "before" } else { "after" };
        let text = format!("{did}, {}{order} {}.", all(others), self.these());
        resting_on(text, others, Stance::Adds)
    }

    /// The connections of the group.
    fn these(&self) -> &'static str {
        if self.group.count == 1 { "this one" } else { "these" }
    }

    /// The clients of the group.
    fn these_clients(&self) -> &'static str {
        if self.group.clients.len() == 1 { "this client" } else { "these clients" }
    }

    /// The addresses of the group's clients.
    fn addresses(&self) -> &'static str {
        if self.group.clients.len() == 1 { "this client's address" } else { "these clients' addresses" }
    }

    /// The clients of the group, where no other connection is theirs.
    fn none_of_theirs(&self) -> &'static str {
        match (self.group.clients.len(), self.context.are_single) {
            (1, true) => "none of them from this client, which appears once",
            (1, false) => "none of them from this client",
            (_, true) => "none of them from these clients, most of which appear once",
            (_, false) => "none of them from these clients",
        }
    }

    /// What the clients that fail have in common and no other has, for which there may be a rule.
    fn common_address(&self) -> Option<String> {
        match (self.context.network, self.context.are_single) {
            (Some(Network { address, bits }), true) => Some(format!("{address}/{bits}")),
            (None, true) => None,
            (_, false) if self.group.clients.len() == 1 => Some("its address".to_owned()),
            (_, false) => Some("their addresses".to_owned()),
        }
    }

    /// That nothing followed, and from when on.
    fn none_since(&self) -> String {
        let first = self.group.course.began.first.and_then(|moment| (self.time)(moment.at));
        first.map_or_else(|| " and none since".to_owned(), |time| format!(" and none since {time}"))
    }

    /// RelativeTime others began.
    fn none_before(&self, others: &Others) -> String {
        let first = others.times.first.and_then(|moment| (self.time)(moment.at));
        first.map(|time| format!(", from {time} on")).unwrap_or_default()
    }

    fn at_first(&self) -> String {
        let first = self.group.course.began.first.and_then(|moment| (self.time)(moment.at));
        first.map(|time| format!(" {time}")).unwrap_or_default()
    }
}

/// `all `, where there are several.
fn all(others: &Others) -> &'static str {
    if others.times.count == 1 { "" } else { "all " }
}

fn resting_on(text: String, others: &Others, stance: Stance) -> Conclusion {
    Conclusion::new(text, numbers(&others.times), stance)
}

fn numbers(times: &crate::analysis::Times) -> Vec<u64> {
    let mut numbers: Vec<_> = times.first.into_iter().chain(times.last).map(|moment| moment.number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::{Dealings, Judged, OtherDistance, ServerSummary, Times};
    use crate::packet::Moment;
    use crate::story::script::talk::{self, Talk, ssm};
    use crate::story::{Stage, Story};
    use crate::tcp::Role;
    use crate::tls::CipherSuite;
    use crate::verdict::Severity;

    pub(super) fn moment(second: u64) -> Moment {
        Moment { number: second, at: Timestamp::from_parts(i64::try_from(second).unwrap_or_default(), 0) }
    }

    /// What is concluded of one failure, in a context in which `set` changes what the neighbours show.
    pub(super) fn concluded_alone(story: Box<Story>, set: impl FnOnce(&mut GroupContext)) -> Conclusion {
        let judged = Judged { verdict: story.verdict(), story, findings: Vec::new() };
        let mut summary = Summary::default();
        summary.groups.add(&judged);
        let server = &judged.story.parties.server;
        summary.servers.insert((server.host, server.port), ServerSummary::default());
        let key = GroupKey::of(&judged);
        let group = summary.groups.get(&key).expect("a group");
        let time = |at: Timestamp| Some(format!("{} s", at.nanos() / 1_000_000_000));
        let mut words = Words::of(&summary, &key, group, &time).expect("a context");
        set(&mut words.context);
        words.conclude().expect("a conclusion")
    }

    /// What is concluded of two failures of one client at 10 s and 20 s, where others were answered, or worked, at these times.
    fn concluded(story: Story, others: &[u64], is_same_client: bool) -> String {
        conclusion(story, others, is_same_client).text
    }

    fn conclusion(story: Story, others: &[u64], is_same_client: bool) -> Conclusion {
        let (server, client) = (&story.parties.server, story.parties.client.host);
        let server = (server.host, server.port);
        let verdict = story.verdict();
        let mut judged = Judged { verdict, story: Box::new(story), findings: Vec::new() };
        let mut summary = Summary::default();
        for second in [10, 20] {
            judged.story.first = moment(second);
            summary.groups.add(&judged);
        }
        let times = Times::of(others.iter().map(|second| moment(*second)));
        let all = Dealings { answered: times, worked: times };
        let codes = [(Code::Healthy, times.count), (judged.verdict.code, 2)].into();
        let clients = is_same_client.then_some((client, all)).into_iter().collect();
        summary.servers.insert(server, ServerSummary { codes, all, clients, ..ServerSummary::default() });
        let groups = summary.groups.worst_first();
        let (key, group) = groups[0];
        assert_eq!(key.severity, Severity::Critical);
        let time = |at: Timestamp| Some(format!("{} s", at.nanos() / 1_000_000_000));
        conclude(&summary, key, group, &time).expect("a conclusion")
    }

    #[test]
    #[cfg(feature = "command")]
    fn advice_does_not_contradict_what_the_neighbours_show() {
        let first = |others: &[u64], is_same_client| {
            let conclusion = conclusion(unanswered(), others, is_same_client);
            let own = ["Check firewalls.", "Capture on the server."].map(Cow::Borrowed);
            let advice = advice(Some(&conclusion), own.into_iter());
            assert_eq!(advice[1..], ["Capture on the server."]);
            advice[0].to_string()
        };
        assert!(first(&[15, 30], true).contains("nstat"), "{}", first(&[15, 30], true));
        assert!(first(&[15, 30], false).ends_with("the route for this client's address."));
        assert!(first(&[5], true).contains("what changed shortly before 10 s"), "{}", first(&[5], true));
        assert!(first(&[30], true).contains("what changed shortly before 30 s"), "{}", first(&[30], true));
        assert_eq!(advice(None, std::iter::once("Check firewalls.".into())), ["Check firewalls."]);
        let refused = || *ssm().syn().rst(Role::Server).story(0);
        for (others, is_same_client, word) in [
            (&[15, 30][..], false, "firewall rules"),
            (&[15, 30], true, "service log"),
            (&[5], true, "what changed"),
        ] {
            let advice = conclusion(refused(), others, is_same_client).advice;
            assert!(advice.as_ref().is_some_and(|advice| advice.contains(word)), "{word}: {advice:?}");
        }
    }

    fn unanswered() -> Story {
        *ssm().syn().story(4_000)
    }

    fn reset() -> Story {
        *ssm().open().say(Role::Client, &talk::client_hello()).ack(Role::Server).rst(Role::Server).story(0)
    }

    #[test]
    #[cfg(feature = "command")]
    fn a_connection_by_itself_has_what_its_group_s_neighbours_show() {
        let for_one = |failures: &[u64]| {
            let mut judged =
                Judged { verdict: reset().verdict(), story: Box::new(reset()), findings: Vec::new() };
            let mut summary = Summary::default();
            for second in failures {
                judged.story.first = moment(*second);
                summary.groups.add(&judged);
            }
            let server = &judged.story.parties.server;
            let times = Times::of([moment(5), moment(30)]);
            let all = Dealings { answered: times, worked: times };
            let codes = [(Code::Healthy, 2), (Code::Reset, failures.len() as u64)].into();
            let known = ServerSummary { codes, all, ..ServerSummary::default() };
            summary.servers.insert((server.host, server.port), known);
            let key = GroupKey::of(&judged);
            let group = summary.groups.get(&key).expect("a group");
            conclude_for_one(&summary, &key, group, &|_| None).expect("a conclusion").text
        };
        assert!(for_one(&[10]).starts_with("2 of 3 connections to "), "{}", for_one(&[10]));
        let several = for_one(&[10, 15, 20]);
        assert!(several.starts_with("2 more connections end like this one. 2 of 5 "), "{several}");
    }

    #[test]
    fn a_rst_from_another_distance_is_another_device_s() {
        let other = OtherDistance { resets: vec![250], usual: vec![60, 61], evidence: vec![3] };
        let conclusion = concluded_alone(ssm().syn().rst(Role::Server).story(0), |context| {
            context.other_distance = Some(other);
        });
        assert!(
            conclusion
                .text
                .contains("The RST has TTL 250, and other packets of 198.51.100.20 have 60 and 61: "),
            "{}",
            conclusion.text
        );
        assert_eq!((conclusion.actor, conclusion.stance), (Some(Actor::Path), Stance::Replaces));
        assert_eq!(conclusion.evidence, [3]);
    }

    #[test]
    fn a_server_that_answers_after_the_failures_is_not_dead() {
        let text = concluded(unanswered(), &[15, 30], true);
        assert!(text.starts_with("Neither a fixed firewall rule nor a dead host: "), "{text}");
        assert!(text.contains("2 other SYNs in this capture, from this client too."), "{text}");
        let text = concluded(unanswered(), &[5, 15], true);
        assert!(
            text.starts_with("Not a fixed firewall rule: ")
                && text.contains("before and between these failures")
        );
    }

    #[test]
    fn a_server_that_answers_other_clients_only_has_a_rule_for_this_one() {
        let text = concluded(unanswered(), &[15, 30], false);
        assert!(
            text.contains("none of them from this client") && !text.contains("Intermittent loss"),
            "{text}"
        );
    }

    /// A conversation that begins in this second.
    fn at(second: i64) -> Talk {
        let mut talk = ssm();
        talk.now = Timestamp::from_parts(second, 0);
        talk
    }

    /// What is concluded of the worst group of these.
    fn among(stories: Vec<Box<Story>>) -> Conclusion {
        let mut summary = Summary::default();
        for story in stories {
            let judged = Judged { verdict: story.verdict(), story, findings: Vec::new() };
            let server = &judged.story.parties.server;
            summary.servers.entry((server.host, server.port)).or_default().add(&judged, &mut 0);
            summary.groups.add(&judged);
        }
        let groups = summary.groups.worst_first();
        let (key, group) = groups[0];
        let time = |at: Timestamp| Some(format!("{} s", at.nanos() / 1_000_000_000));
        conclude(&summary, key, group, &time).expect("a conclusion")
    }

    /// A connection of this client that works.
    fn works(second: i64, client: u8) -> Box<Story> {
        of(at(second).open().then_tls().fin(Role::Client).fin(Role::Server).story(0), client)
    }

    fn of(mut story: Box<Story>, client: u8) -> Box<Story> {
        story.parties.client.host = [10, client, 0, 1].into();
        story
    }

    fn silent(second: i64, client: u8) -> Box<Story> {
        of(at(second).syn().story(4_000), client)
    }

    #[test]
    fn a_fault_that_began_and_ended_is_no_intermittent_loss() {
        let outage = || (10..15).map(|second| silent(second, 1));
        let around = || [1, 2, 30].map(|second| works(second, 1));
        let text = among(outage().chain(around()).collect()).text;
        assert!(
            text.contains(
                " answered no connection that began from 10 s to 14 s; it answered 2 before and 1 after."
            ),
            "{text}"
        );
        let text = among(outage().chain(around()).chain([works(12, 2)]).collect()).text;
        assert!(text.contains("Intermittent loss"), "one was answered meanwhile: {text}");
        let text = among([10, 11].map(|second| silent(second, 1)).into_iter().chain(around()).collect()).text;
        assert!(text.contains("Intermittent loss"), "two may be chance: {text}");
    }

    #[test]
    fn clients_that_appear_once_prove_no_rule() {
        let failed = |clients: &[u8]| {
            let failed = clients.iter().map(|client| silent(i64::from(*client), *client));
            among(failed.chain([works(1, 200), works(15, 201), works(100, 201)]).collect()).text
        };
        let text = failed(&[10, 20, 30]);
        assert!(text.contains("most of which appear once: loss") && !text.contains("is likely"), "{text}");
        let text = failed(&[10, 10, 20, 20]);
        assert!(text.contains("a firewall rule or a route for their addresses is likely"), "{text}");
        let text = failed(&[10]);
        assert!(text.contains("this client, which appears once: loss"), "{text}");
    }

    #[test]
    fn no_rule_makes_a_client_end_its_own_connection() {
        let checks = [10, 20].map(|second| of(at(second).open().fin(Role::Client).story(0), 1));
        let text = among(checks.into_iter().chain([works(5, 2), works(30, 2)]).collect()).text;
        assert!(text.ends_with("none of them from this client."), "{text}");
        let resets = [10, 20].map(|second| {
            of(at(second).open().say(Role::Client, &talk::client_hello()).rst(Role::Server).story(0), 1)
        });
        let text = among(resets.into_iter().chain([works(5, 2), works(30, 2)]).collect()).text;
        assert!(text.contains("a rule for its address"), "the server reset these: {text}");
    }

    #[test]
    #[cfg(feature = "command")]
    fn a_server_that_completed_handshakes_speaks_tls() {
        let reset = at(10).open().say(Role::Client, &talk::client_hello()).rst(Role::Server).story(0);
        let closed = at(10).open().say(Role::Client, &talk::client_hello()).fin(Role::Server).story(0);
        for failed in [reset, closed] {
            let own = failed.verdict().explanation;
            assert!(own.contains("not speak TLS"), "{own}");
            let conclusion = among(vec![failed, works(30, 10)]);
            let text = explanation(Some(&conclusion), &own);
            assert!(!text.contains("not speak TLS") && text.contains("without"), "{text}");
            assert_eq!(explanation(None, &own), own);
        }
    }

    #[test]
    fn a_suite_that_the_server_chose_for_those_that_fail_alone_is_said() {
        let chosen = |mut story: Box<Story>, suite: u32| {
            let hello = story.tls.server_hello.as_mut().expect("a ServerHello");
            hello.what.cipher_suite = Some(CipherSuite(suite));
            story
        };
        let reset = |second| {
            let asked = at(second).open().say(Role::Client, &talk::client_hello());
            of(asked.say(Role::Server, &talk::server_flight()).rst(Role::Server).story(0), 1)
        };
        let among = |suite| among(vec![chosen(reset(10), suite), chosen(works(30, 10), 0xc02f)]).text;
        let text = among(0xc030);
        assert!(
            text.contains("the one that fails uses the cipher suite TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384; the one that is ok uses the cipher suite TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256."),
            "{text}"
        );
        assert!(!among(0xc02f).contains("suite"));
    }

    #[test]
    fn the_name_that_all_that_fail_ask_for_is_said() {
        let named = |mut story: Box<Story>, name: &str| {
            let hello = story.tls.client_hello.as_mut().expect("a ClientHello");
            hello.what.server_name = Some(name.to_owned());
            story
        };
        let reset =
            |second| at(second).open().say(Role::Client, &talk::client_hello()).rst(Role::Server).story(0);
        let text = among(vec![
            named(reset(10), "blocked.example"),
            named(reset(20), "blocked.example"),
            named(works(30, 10), "ssm.example"),
        ])
        .text;
        assert!(
            text.contains(
                "both that fail ask for blocked.example (SNI); the one that is ok asks for ssm.example (SNI)."
            ),
            "{text}"
        );
        let text = among(vec![named(reset(10), "ssm.example"), named(works(30, 10), "ssm.example")]).text;
        assert!(!text.contains("SNI"), "{text}");
    }

    #[test]
    fn all_devices_that_sent_errors_are_named() {
        let rejected = |second: i64, last: u8| {
            let mut story = Box::new(Story::at(Stage::Syn).icmp([203, 0, 113, last], 3, 13));
            story.first = moment(second as u64);
            story
        };
        let conclusion = among(vec![rejected(1, 1), rejected(2, 2), rejected(3, 1)]);
        assert_eq!(conclusion.text, "The ICMP errors came from 203.0.113.1 (2), 203.0.113.2 (1).");
        assert!(conclusion.advice.is_some_and(|advice| advice.contains("203.0.113.1, 203.0.113.2")));
        let conclusion = among(vec![rejected(1, 1), rejected(2, 1)]);
        assert!(!conclusion.text.contains("errors came"), "{}", conclusion.text);
    }

    #[test]
    fn a_fault_that_begins_at_one_moment_has_its_time() {
        assert!(
            concluded(unanswered(), &[5], true).contains("1 other SYN before these and none since 10 s: ")
        );
        assert!(concluded(unanswered(), &[25], true).contains("1 other SYN, after these, from 25 s on: "));
        assert!(concluded(reset(), &[5, 6], true).contains("are ok, all before these and none since 10 s."));
    }

    #[test]
    fn a_connection_that_its_client_did_without_is_spare() {
        let closed = || *ssm().open().say(Role::Client, &talk::client_hello()).fin(Role::Client).story(0);
        let text = concluded(closed(), &[11, 12], true);
        assert!(text.starts_with("Spare connection: 2 other connections from this client to "), "{text}");
        assert!(!concluded(closed(), &[11, 12], false).contains("Spare"));
        assert!(!concluded(closed(), &[90], true).contains("Spare"));
    }

    #[cfg(feature = "command")]
    #[test]
    fn the_headline_of_a_group_begins_with_its_word_once() {
        let of = |word, own| {
            let conclusion = Conclusion { word, ..Conclusion::new(String::new(), Vec::new(), Stance::Adds) };
            headline(Some(&conclusion), own).into_owned()
        };
        assert_eq!(of(Some("port scan"), "no reply"), "port scan: no reply");
        assert_eq!(of(Some("port scan"), "port scan: no reply"), "port scan: no reply");
        assert_eq!(of(Some("port scan"), "port check: the client"), "port scan: the client");
        assert_eq!(
            (of(None, "no reply"), headline(None, "no reply").into_owned()),
            ("no reply".into(), "no reply".into())
        );
    }

    #[test]
    fn what_others_came_to_is_counted() {
        let text = concluded(reset(), &[5, 30], true);
        assert!(
            text.starts_with("2 of 4 connections to ") && text.ends_with(" are ok, from this client too."),
            "{text}"
        );
        let text = concluded(reset(), &[5, 30], false);
        assert!(text.contains(" are ok, none of them from this client: "), "{text}");
        let text = concluded(reset(), &[], true);
        assert!(text.starts_with("Both connections to ") && text.ends_with(" end like this."), "{text}");
    }
}
