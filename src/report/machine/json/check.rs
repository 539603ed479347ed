//! An active check in JSON: what stands before, between and above its connections.

use std::net::{IpAddr, SocketAddr};

use schemars::JsonSchema;
use serde::Serialize;

use super::{SCHEMA, clock, seconds};
use crate::probe::token::Grant;
use crate::probe::{self, Lookup, Outcome, Phase};
use crate::report::MonitoringDigest;
use crate::time::{Clock, Elapsed};
use crate::verdict::Severity;

/// An active check: one attempt at a host. Its connections are objects of their own before it, and the numbers of packets
/// in them are those of its steps.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Check {
    /// The version of this form.
    pub schema: u8,
    /// The host as it was named.
    pub host: String,
    /// The port.
    pub port: u16,
    /// When it began: RFC 3339 in UTC.
    pub start: Option<String>,
    /// Seconds that it took.
    pub duration: f64,
    /// What it means for the exit status.
    pub severity: Severity,
    /// A verdict's code, or what was the matter before or above the connections: `name-unknown`, `resolver-failed`,
    /// `resolver-silent`, `not-sent`, `token-refused`, `page-unexpected`, `nothing-done`.
    pub reason: &'static str,
    /// One line: what happened.
    pub headline: String,
    /// Plain words: why.
    pub explanation: String,
    /// What to do next, most useful first.
    pub advice: Vec<String>,
    /// Seconds that its parts took; null where there was none.
    pub durations: Durations,
    /// The first of the server's certificates to end, as the probe received them; null where none came.
    pub certificate_expiry: Option<CertificateExpiry>,
    /// What the numbers of packets in the connection objects are: those of the steps here, or of captured packets.
    pub evidence: Evidence,
    /// What was done, and what came back.
    pub steps: Vec<Step>,
    /// How the addresses were found.
    pub dns: Option<Dns>,
    /// The proxy; null without one.
    pub proxy: Option<Proxy>,
    /// The request for an access token; null where none was made.
    pub oauth: Option<Oauth>,
    /// The request for a page; null where none was made.
    pub http: Option<Http>,
}

/// The end of a certificate.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CertificateExpiry {
    /// The last second at which it is valid, in RFC 3339.
    pub at: String,
    /// Days until then; below zero when it has passed.
    pub days: Option<f64>,
}

/// What proves a check's verdicts.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Evidence {
    /// The steps, as the sockets showed them.
    Steps,
    /// Packets that were captured meanwhile.
    Packets,
}

/// Seconds that the parts of a check took.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub struct Durations {
    /// Finding addresses.
    pub dns: Option<f64>,
    /// The first TCP connection that came up.
    pub connect: Option<f64>,
    /// The first TLS handshake that was completed.
    pub tls: Option<f64>,
    /// The request for a token.
    pub oauth: Option<f64>,
    /// The request for a page.
    pub http: Option<f64>,
}

/// A step of a check.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Step {
    /// Its number, counted from 1.
    pub number: u64,
    /// Seconds since the check's start.
    pub after: f64,
    /// What it belongs to.
    pub phase: Phase,
    /// What was done or came, in words.
    pub text: String,
}

/// How the addresses of the host were found, or of the proxy where there is one.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Dns {
    /// The name that was looked for.
    pub name: String,
    /// How it ended.
    pub outcome: Lookup,
    /// The code of the resolver's answer: `NOERROR`, `NXDOMAIN`, `SERVFAIL` and so on.
    pub rcode: Option<String>,
    /// What became of the last question that got no answer.
    pub failure: Option<String>,
    /// The resolver that answered.
    pub server: Option<SocketAddr>,
    /// The resolvers that were asked.
    pub servers: Vec<SocketAddr>,
    /// The name that the addresses belong to, where it is another one.
    pub canonical: Option<String>,
    /// The addresses in the order in which they were told.
    pub addresses: Vec<IpAddr>,
    /// The addresses in the order in which they are tried.
    pub tried: Vec<IpAddr>,
}

/// A proxy that was asked for a tunnel.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Proxy {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The user that it was told.
    pub user: Option<String>,
    /// Where it was named.
    pub named_by: String,
    /// The status of its answer to CONNECT; null where none came.
    pub status: Option<u16>,
    /// The schemes of authentication that it offers.
    pub schemes: Vec<String>,
}

/// The request for an access token. The token is not told.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Oauth {
    /// The kind of grant.
    pub grant: Grant,
    /// The path that was asked.
    pub path: String,
    /// The answer's status; null where none came.
    pub status: Option<u16>,
    /// `granted`, the error's name in RFC 6749 or 6750, `status-502` and so on, `not-json` or `no-answer`.
    pub outcome: String,
    /// The server's words on the error.
    pub description: Option<String>,
    /// Seconds for which the token is good.
    pub expires_in: Option<u64>,
    /// What it is good for.
    pub scope: Option<String>,
    /// What it means.
    pub headline: String,
    /// Why.
    pub explanation: String,
    /// What to do next.
    pub advice: Vec<&'static str>,
}

/// The request for a page.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Http {
    /// Its path.
    pub path: String,
    /// The answer's status; null where none came.
    pub status: Option<u16>,
    /// Whether status and body are as is expected.
    pub is_expected: bool,
    /// What it is.
    pub headline: String,
    /// Why.
    pub explanation: String,
    /// What to do next.
    pub advice: Vec<&'static str>,
}

impl Check {
    pub(super) fn of(outcome: &Outcome) -> Self {
        let conclusion = outcome.conclusion();
        let spent = &outcome.spent;
        let span = |elapsed: Option<Elapsed>| elapsed.map(seconds);
        Self {
            schema: SCHEMA,
            host: outcome.host.clone(),
            port: outcome.port,
            start: clock::machine_readable(outcome.began, Clock::Utc, 6),
            duration: seconds(spent.total),
            severity: conclusion.severity,
            reason: conclusion.reason,
            headline: conclusion.headline,
            explanation: conclusion.explanation,
            advice: conclusion.advice,
            durations: Durations {
                dns: span(spent.dns),
                connect: span(spent.connect),
                tls: span(spent.tls),
                oauth: span(spent.token),
                http: span(spent.page),
            },
            certificate_expiry: MonitoringDigest::of(&outcome.connections)
                .expiry
                .map(|expiry| CertificateExpiry { at: expiry.at.machine_readable(), days: expiry.days }),
            evidence: if outcome.captured.is_some() { Evidence::Packets } else { Evidence::Steps },
            steps: outcome
                .steps
                .iter()
                .map(|step| Step {
                    number: step.number,
                    after: seconds(step.at - outcome.began),
                    phase: step.phase,
                    text: step.text.clone(),
                })
                .collect(),
            dns: outcome.resolution.as_ref().map(|found| dns(found, &outcome.order)),
            proxy: outcome.proxy.as_ref().map(proxy),
            oauth: outcome.token.as_ref().map(oauth),
            http: outcome.page.as_ref().map(|page| Http {
                path: page.path.clone(),
                status: page.status,
                is_expected: page.is_expected,
                headline: page.headline.clone(),
                explanation: page.explanation.clone(),
                advice: page.advice.clone(),
            }),
        }
    }
}

fn dns(found: &probe::Resolution, order: &[IpAddr]) -> Dns {
    Dns {
        name: found.name.clone(),
        outcome: found.outcome,
        rcode: found.rcode.clone(),
        failure: found.failure.clone(),
        server: found.server,
        servers: found.servers.clone(),
        canonical: found.canonical.clone(),
        addresses: found.addresses.clone(),
        tried: order.to_vec(),
    }
}

fn proxy(used: &probe::ProxyUse) -> Proxy {
    Proxy {
        host: used.host.clone(),
        port: used.port,
        user: used.user.clone(),
        named_by: used.named_by.clone(),
        status: used.tunnel.as_ref().and_then(|tunnel| tunnel.status),
        schemes: used.tunnel.iter().flat_map(|tunnel| tunnel.schemes.clone()).collect(),
    }
}

fn oauth(token: &probe::token::Token) -> Oauth {
    Oauth {
        grant: token.grant,
        path: token.path.clone(),
        status: token.status,
        outcome: token.outcome.clone(),
        description: token.description.clone(),
        expires_in: token.expires_in,
        scope: token.scope.clone(),
        headline: token.headline.clone(),
        explanation: token.explanation.clone(),
        advice: token.advice.clone(),
    }
}
