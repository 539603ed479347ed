//! What monitoring needs of a capture's connections: the worst one and what happened to it, those that failed, the slowest, and
//! the first certificate to end.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::analysis::{GroupKey, Judged};
use crate::limits;
use crate::packet::Host;
use crate::report::expiry::Expiry;
use crate::report::text::ends;
use crate::report::text::escape::escaped;
use crate::story::{Moment, Observed, Stage, Story};
use crate::tcp::Role;
use crate::time::{Clock, Elapsed, Timestamp};
use crate::verdict::{Code, Severity};

/// Keeps of judged connections what the reports for monitoring show.
#[derive(Debug, Default)]
pub struct MonitoringDigest {
    /// The worst connection; of equally bad ones the first.
    pub(super) connection: Option<MonitoredConnection>,
    /// The headline of the first connection of each group that failed or deserves a look, by its first packet; up to
    /// [`limits::GROUPS`].
    pub(super) examples: BTreeMap<GroupKey, (u64, String)>,
    /// When the last connection that failed ended, in Unix time; nothing if none did or the capture has no such time.
    pub(super) last_failure: Option<Timestamp>,
    /// The same by server, up to [`limits::SERVERS`].
    pub(super) last_failures: BTreeMap<(Host, u16), Timestamp>,
    /// The longest time from a SYN to established TLS.
    pub(super) slowest: Option<Elapsed>,
    /// The first of all certificates that servers sent to reach its end.
    pub(super) expiry: Option<Expiry>,
}

/// What is shown of a connection.
#[derive(Clone, Debug)]
pub(super) struct MonitoredConnection {
    pub(super) first: u64,
    pub(super) code: Code,
    /// What the evidence names as the cause, if it does.
    pub(super) cause: Option<Cow<'static, str>>,
    pub(super) severity: Severity,
    pub(super) stage: Stage,
    pub(super) server: String,
    /// How long each step took that was reached, since the one before.
    pub(super) steps: Vec<(Stage, Elapsed)>,
}

impl MonitoringDigest {
    /// Creates the digest of all these connections.
    pub fn of(connections: &[Judged]) -> Self {
        let mut digest = Self::default();
        for judged in connections {
            digest.record(judged);
        }
        digest
    }

    /// Takes in a judged connection.
    pub fn record(&mut self, judged: &Judged) {
        let Judged { story, verdict, .. } = judged;
        self.slowest = self.slowest.max(since_syn(story, story.tls.established.as_ref().map(of_observed)));
        self.expiry = Expiry::earlier(self.expiry.take(), Expiry::of(story));
        let order = (verdict.severity.gravity(), Reverse(story.first.number));
        if verdict.severity.gravity() >= Severity::Warning.gravity() {
            self.record_failure(judged);
        }
        let is_worst = self
            .connection
            .as_ref()
            .is_none_or(|worst| (worst.severity.gravity(), Reverse(worst.first)) < order);
        if !is_worst {
            return;
        }
        self.connection = Some(MonitoredConnection {
            first: story.first.number,
            code: verdict.code,
            cause: verdict.cause.clone(),
            severity: verdict.severity,
            stage: story.stage,
            server: ends::end(story, Role::Server),
            steps: steps(story),
        });
    }

    fn record_failure(&mut self, judged: &Judged) {
        let Judged { story, verdict, .. } = judged;
        let (first, key) = (story.first.number, GroupKey::of(judged));
        let is_first = match self.examples.get(&key) {
            Some((known, _)) => first < *known,
            None => self.examples.len() < limits::GROUPS,
        };
        if is_first {
            self.examples.insert(key, (first, escaped(&verdict.headline)));
        }
        if verdict.severity != Severity::Critical || story.capture.clock != Clock::Utc {
            return;
        }
        let (ended, server) = (story.last.at, &story.parties.server);
        self.last_failure = self.last_failure.max(Some(ended));
        let server = (server.host, server.port);
        if self.last_failures.len() < limits::SERVERS || self.last_failures.contains_key(&server) {
            let last = self.last_failures.entry(server).or_insert(ended);
            *last = ended.max(*last);
        }
    }
}

fn steps(story: &Story) -> Vec<(Stage, Elapsed)> {
    let tls = &story.tls;
    let reached = [
        (Stage::SynAck, story.opening.syn_ack.first()),
        (Stage::TcpEstablished, story.opening.established),
        (Stage::ClientHello, tls.client_hello.as_ref().map(of_observed)),
        (Stage::ServerHello, tls.server_hello.as_ref().map(of_observed)),
        (Stage::ServerFlightComplete, tls.server_flight.as_ref().map(of_observed)),
        (Stage::ClientFinished, tls.client_finished.as_ref().map(of_observed)),
        (Stage::TlsEstablished, tls.established.as_ref().map(of_observed)),
    ];
    let mut before = story.opening.syn.first();
    let mut steps = Vec::new();
    for (stage, moment) in reached {
        let (Some(now), Some(then)) = (moment, before) else { continue };
        // The end of a flight may be known only by what follows it.
        if has_times(story) && now.at >= then.at {
            steps.push((stage, now.at - then.at));
            before = moment;
        }
    }
    steps
}

fn since_syn(story: &Story, moment: Option<Moment>) -> Option<Elapsed> {
    let (syn, moment) = (story.opening.syn.first()?, moment?);
    has_times(story).then(|| moment.at - syn.at)
}

fn has_times(story: &Story) -> bool {
    story.capture.clock != Clock::Absent
}

fn of_observed<T>(observed: &Observed<T>) -> Moment {
    observed.moment
}
