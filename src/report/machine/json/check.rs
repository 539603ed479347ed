//! An active check in JSON: what is before, between and above its connections.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Serialize;

use super::SCHEMA;
use crate::probe::token::Token;
use crate::probe::{self, CheckOutcome, PageAnswer, Phase, ProxyKind, Resolution};
use crate::report::expiry::Expiry;
use crate::report::machine::values::seconds;
use crate::report::text::clock;
use crate::time::{Clock, Elapsed};
use crate::verdict::{Actor, Severity};

/// An active check: one attempt at a host. Its connections are objects of their own before it, and the numbers of packets
/// in them are those of its steps.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Check")]
pub struct CheckObject {
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
    /// The reason's own severity where `--state` replaced it; null elsewhere.
    pub unmapped_severity: Option<Severity>,
    /// A verdict's code, or what was the matter before or above the connections: `name-unknown`, `resolver-failed`,
    /// `resolver-silent`, `not-sent`, `page-unexpected`, `certificate-expiring`, `nothing-done`.
    pub reason: &'static str,
    /// What the evidence names as the cause, as in a connection's verdict; null where it names none.
    pub cause: Option<String>,
    /// The side to examine.
    pub actor: Actor,
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
    pub steps: Vec<CheckStep>,
    /// How the addresses were found.
    pub dns: Option<DnsObject>,
    /// The proxy; null without one.
    pub proxy: Option<ProxyObject>,
    /// The request for an access token; null where none was made.
    pub oauth: Option<Token>,
    /// The request for a page; null where none was made.
    pub http: Option<PageAnswer>,
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
    /// The first tunnel through a proxy, with the TLS that it is asked for in.
    pub proxy: Option<f64>,
    /// The first TLS handshake that was completed with the server.
    pub tls: Option<f64>,
    /// The request for a token.
    pub oauth: Option<f64>,
    /// The request for a page.
    pub http: Option<f64>,
}

/// A step of a check.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CheckStep {
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
#[schemars(rename = "Dns")]
pub struct DnsObject {
    /// The outcome of the lookup.
    #[serde(flatten)]
    pub resolution: Resolution,
    /// The addresses in the order in which they are tried.
    pub tried: Vec<IpAddr>,
}

/// A proxy that was asked for a tunnel.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Proxy")]
pub struct ProxyObject {
    /// How it was asked: by CONNECT, by CONNECT inside TLS, or by SOCKS5 with the host's address, or with its name.
    pub kind: ProxyKind,
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The user that it was given.
    pub user: Option<String>,
    /// Where it was named.
    pub named_by: String,
    /// The status of its answer to CONNECT; null where none came.
    pub status: Option<u16>,
    /// The number in its reply by SOCKS5, or 255 where it accepts no way to log in; null where none came.
    pub reply: Option<u8>,
    /// The schemes of authentication that it offers.
    pub schemes: Vec<String>,
}

impl CheckObject {
    pub(super) fn of(outcome: &CheckOutcome) -> Self {
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
            unmapped_severity: conclusion.replaced(),
            reason: conclusion.reason,
            cause: conclusion.cause,
            actor: conclusion.actor,
            headline: conclusion.headline,
            explanation: conclusion.explanation,
            advice: conclusion.advice,
            durations: Durations {
                dns: span(spent.dns),
                connect: span(spent.connect),
                proxy: span(spent.proxy),
                tls: span(spent.tls),
                oauth: span(spent.token),
                http: span(spent.page),
            },
            certificate_expiry: Expiry::first(&outcome.connections)
                .map(|expiry| CertificateExpiry { at: expiry.at.machine_readable(), days: expiry.days }),
            evidence: if outcome.captured.is_some() { Evidence::Packets } else { Evidence::Steps },
            steps: outcome
                .steps
                .iter()
                .map(|step| CheckStep {
                    number: step.number,
                    after: seconds(step.at - outcome.began),
                    phase: step.phase,
                    text: step.text.clone(),
                })
                .collect(),
            dns: outcome
                .resolution
                .as_ref()
                .map(|found| DnsObject { resolution: found.clone(), tried: outcome.order.clone() }),
            proxy: outcome.proxy.as_ref().map(proxy),
            oauth: outcome.token.clone(),
            http: outcome.page.clone(),
        }
    }
}

fn proxy(used: &probe::ProxyUse) -> ProxyObject {
    ProxyObject {
        kind: used.kind,
        host: used.host.clone(),
        port: used.port,
        user: used.user.clone(),
        named_by: used.named_by.clone(),
        status: used.tunnel.as_ref().and_then(|tunnel| tunnel.status),
        reply: used.tunnel.as_ref().and_then(|tunnel| tunnel.reply),
        schemes: used.tunnel.iter().flat_map(|tunnel| tunnel.schemes.clone()).collect(),
    }
}
