//! The outcome of a check.

use std::borrow::Cow;
use std::net::IpAddr;

use super::alerts::Alerts;
use super::net::capture::Captured;
use super::net::dns::Resolution;
use super::page::PageAnswer;
use super::proxy::{ProxyKind, Tunnel};
use super::states::States;
use super::step::Step;
use super::token::Token;
use crate::analysis::{Judged, Summary};
use crate::time::{Elapsed, Timestamp};
use crate::verdict::{Actor, Severity};

/// The outcome of a check.
#[derive(Debug)]
pub struct CheckOutcome {
    /// The host that was checked.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The interface to which a link-local address belongs, as it was given.
    pub zone: Option<String>,
    /// When it began.
    pub began: Timestamp,
    /// When a server that answers is worth an alert.
    pub alerts: Alerts,
    /// Severities that replace those of verdicts and reasons.
    pub states: States,
    /// How long its parts took.
    pub spent: PhaseDurations,
    /// What was done and what came back. Where no packets were captured, the numbers of packets in verdicts and findings are
    /// these steps'.
    pub steps: Vec<Step>,
    /// How the addresses were found, the proxy's where there is one.
    pub resolution: Option<Resolution>,
    /// The addresses in the order in which they are tried.
    pub order: Vec<IpAddr>,
    /// The addresses that were to be tried when time was over.
    pub untried: Vec<IpAddr>,
    /// Whether every address was to be tried, so that each has to work.
    pub tries_all_addresses: bool,
    /// The addresses to which the system sent nothing, and why.
    pub not_sent: Vec<(IpAddr, String)>,
    /// The proxy that was asked for a tunnel.
    pub proxy: Option<ProxyUse>,
    /// Each connection with its verdict.
    pub connections: Vec<Judged>,
    /// The severity of each connection's verdict itself, whatever `states` makes of it.
    pub unmapped: Vec<Severity>,
    /// The packets that were captured meanwhile; absent if only the sockets were used.
    pub captured: Option<Captured>,
    /// The packets that were captured and show only the TLS with a proxy, so that they decided nothing.
    pub opaque: Option<Captured>,
    /// The connections in figures.
    pub summary: Summary,
    /// The outcome of the request for a token.
    pub token: Option<Token>,
    /// The outcome of the request for a page.
    pub page: Option<PageAnswer>,
}

/// How long the parts of an attempt took.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PhaseDurations {
    /// Finding addresses.
    pub dns: Option<Elapsed>,
    /// The first connection that came up.
    pub connect: Option<Elapsed>,
    /// The first tunnel through a proxy, with the TLS that it is asked for in.
    pub proxy: Option<Elapsed>,
    /// The first TLS handshake that was completed with the server.
    pub tls: Option<Elapsed>,
    /// The request for a token.
    pub token: Option<Elapsed>,
    /// The request for a page, with those to which it is redirected.
    pub page: Option<Elapsed>,
    /// All of it, until the last answer or until it was given up: neither what closing takes, nor the time in which the check listened for
    /// what comes unasked.
    pub total: Elapsed,
}

impl PhaseDurations {
    /// The part that took longest, in words, how long it took, and who took it.
    pub(super) fn longest(&self) -> (&'static str, Elapsed, Actor) {
        let parts = [
            // A resolver is none of them.
            ("for finding the address", self.dns, Actor::Unknown),
            ("for TCP", self.connect, Actor::Path),
            ("for the proxy's tunnel", self.proxy, Actor::Path),
            ("for TLS", self.tls, Actor::Server),
            ("for the token", self.token, Actor::Server),
            ("for the page", self.page, Actor::Server),
        ];
        let parts = parts.into_iter().filter_map(|(part, elapsed, actor)| Some((part, elapsed?, actor)));
        parts.max_by_key(|(_, elapsed, _)| *elapsed).unwrap_or(("for all of it", self.total, Actor::Unknown))
    }
}

/// A proxy, and what it answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProxyUse {
    /// How it was spoken to.
    pub kind: ProxyKind,
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The user name that it got.
    pub user: Option<String>,
    /// Where it was named.
    pub named_by: String,
    /// Its answer; absent if it was not asked.
    pub tunnel: Option<Tunnel>,
}

/// What follows from all of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Conclusion {
    /// What it means for the exit status.
    pub severity: Severity,
    /// The reason's own severity, where the user gave it one.
    pub unmapped: Option<Severity>,
    /// A verdict's code, or that of one of [`REASONS`](super::REASONS).
    pub reason: &'static str,
    /// What the evidence names as the cause, if it does: an alert, a status, an OAuth error.
    pub cause: Option<String>,
    /// The side to examine.
    pub actor: Actor,
    /// The connection whose verdict it is, by its place.
    pub connection: Option<usize>,
    /// One line: what happened.
    pub headline: String,
    /// Why, in plain words.
    pub explanation: String,
    /// What to do next.
    pub advice: Vec<String>,
}

impl CheckOutcome {
    /// An address as it was given: one that is of a link alone, with its interface (RFC 4007, 11).
    pub fn zoned(&self, address: IpAddr) -> String {
        match (&self.zone, address) {
            (Some(zone), IpAddr::V6(own)) if own.is_unicast_link_local() => format!("{address}%{zone}"),
            _ => address.to_string(),
        }
    }

    /// A conclusion with the severity that the user gives its reason.
    pub(super) fn mapped(&self, conclusion: Conclusion) -> Conclusion {
        match self.states.severity(conclusion.reason) {
            Some(severity) if conclusion.unmapped.is_none() => {
                Conclusion { severity, unmapped: Some(conclusion.severity), ..conclusion }
            }
            _ => conclusion,
        }
    }
}

impl Conclusion {
    /// The reason's own severity, where the user's is another.
    pub fn replaced(&self) -> Option<Severity> {
        self.unmapped.filter(|own| *own != self.severity)
    }

    /// Whether nothing is wrong: what the user declared to be ok may be a failure.
    pub fn is_well(&self) -> bool {
        self.severity == Severity::Ok && self.replaced().is_none()
    }

    /// The option that gave the reason its severity, where it has another itself: `--state refused=ok`.
    pub fn state_option(&self) -> Option<String> {
        self.replaced().map(|_| format!("--state {}={}", self.reason, self.severity))
    }

    /// What is wrong by one of the reasons.
    pub(super) fn critical<A: ToString>(
        reason: &'static str,
        headline: String,
        explanation: String,
        advice: &[A],
    ) -> Self {
        let advice = advice.iter().map(ToString::to_string).collect();
        Self {
            severity: Severity::Critical,
            unmapped: None,
            reason,
            cause: None,
            actor: Actor::Unknown,
            connection: None,
            headline,
            explanation,
            advice,
        }
    }

    /// A connection's verdict, by the connection's index.
    pub(super) fn of_connection(index: usize, judged: &Judged) -> Self {
        let verdict = &judged.verdict;
        Self {
            severity: verdict.severity,
            unmapped: None,
            reason: verdict.code.name(),
            cause: verdict.cause.as_ref().map(ToString::to_string),
            actor: verdict.actor,
            connection: Some(index),
            headline: verdict.headline.clone().into_owned(),
            explanation: verdict.explanation.clone().into_owned(),
            advice: verdict.advice(&judged.story).map(Cow::into_owned).collect(),
        }
    }
}
