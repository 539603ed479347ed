//! One attempt at a server, made as a client makes it, and judged as a capture of it would be.
//!
//! [`check`] finds the host's addresses, opens TCP, asks a proxy for a tunnel if there is one, performs the TLS handshake
//! with rustls, and asks for a token or a page if the plan has one. What it does and what comes back is recorded on a tape of
//! numbered steps and of the packets that a bystander would have seen, by the probe's own clock. The analysis reads the tape as a capture, so an attempt
//! has the verdicts, the findings and the advice that its capture would have.
//!
//! This room does not know how anything is printed.

mod alerts;
mod body_pattern;
mod connection;
mod expiry;
mod http;
mod log_watch;
mod net;
mod outcome;
mod page;
mod perspective;
mod plan;
mod proxy;
mod range;
mod reason;
mod redacted;
mod reported;
mod secret;
mod starttls;
mod states;
mod step;
mod tape;
pub mod token;

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::debug;

pub use alerts::Alerts;
pub use body_pattern::{BadPattern, BodyPattern};
pub use expiry::Expiry;
pub use http::exchange::is_path;
pub use http::tls::{Identity, TlsPlan};
pub use http::verifier::{Accepted, AcceptedIssuer};
pub use log_watch::LINE_DUE;
pub use net::authority::{authority, host_and_port, without_zone};
pub use net::capture::Captured;
pub use net::dns::{Family, Lookup, Resolution, ResolverFault, answered, scope};
pub use outcome::{Conclusion, Outcome, PhaseDurations, ProxyUse};
pub use page::{Page, PageAnswer};
pub use plan::Plan;
pub use proxy::{Proxy, ProxyError, ProxyKind, Tunnel, is_excepted};
pub use range::{BadRange, Range};
pub use reason::{REASONS, Reason, severity_of};
pub use secret::Secret;
pub use starttls::StartTls;
pub use states::{Contradiction, States};
pub use step::{Phase, Step};

use crate::analysis::{
    self, CertificateSettings, Judged, LogInput, LogSource, Needs, Redaction, Settings, Sink, Summary,
};
use crate::capture::{Source, Target};
use crate::cert::{NameSource, Trust, Wanted};
use crate::log::OwnRequest;
use crate::packet::Viewpoint;
use crate::story::EndpointKnowledge;
use crate::time::{Elapsed, Timestamp};
use crate::tls::ServerHello;
use http::tls::Tls;
use log_watch::LogWatch;
use net::capture::SideCapture;
use net::order::sorted;
use net::{dns, socket};
use perspective::{GivenUp, Perspective};
use redacted::Redacted;
use tape::Tape;
use token::Token;

/// A silence counts as a stall from this share of the whole time on, where `stall_after` is not shorter.
const STALL_SHARE: f64 = 0.3;

/// Makes the attempt and judges it by what the sockets show.
///
/// # Errors
/// When TLS can't be set up as the plan wants it.
pub fn check(plan: &Plan) -> Result<Outcome, rustls::Error> {
    Ok(Probe::begin(plan)?.finish(None, None))
}

/// Finds a host's addresses as an attempt does: by the hosts file, or by the resolvers of resolv.conf.
pub fn find(host: &str, timeout: Elapsed) -> Resolution {
    dns::resolve(&mut Tape::begin(), host, None, Instant::now() + Duration::from(timeout))
}

/// An attempt being made; the addresses are known.
pub struct Probe<'p> {
    plan: &'p Plan,
    tls: Tls,
    tape: Tape,
    until: Instant,
    stall_after: Elapsed,
    resolution: Option<Resolution>,
    order: Vec<IpAddr>,
    /// Why nothing was sent to an address, by the system.
    not_sent: Option<(IpAddr, io::Error)>,
    /// The address that the proxy is asked for, where it is not to look up the host's name.
    behind: Option<IpAddr>,
    tunnel: Option<Tunnel>,
    knowledge: Vec<EndpointKnowledge>,
    /// What was asked, by the client's ends.
    asked: BTreeMap<SocketAddr, OwnRequest>,
    token: Option<Token>,
    page: Option<PageAnswer>,
    spent: PhaseDurations,
    /// When the last answer came; absent where one is missing.
    answered: Option<Timestamp>,
    given_up: Vec<GivenUp>,
    /// The client's end of the connection on which a proxy answered with a web page.
    portal: Option<SocketAddr>,
    /// The client's end of the connection on which a proxy's answer could not be read, and why.
    unread: Option<(SocketAddr, String)>,
    /// The client's ends of the connections on which the server's bytes were no TLS, and what they were.
    violations: Vec<(SocketAddr, String)>,
    /// The client's ends of the connections on which the server's key was none of those that are pinned, and its pin.
    unpinned: Vec<(SocketAddr, String)>,
    /// The client's end of the first connection on which the server was asked for TLS and did not agree, and what it said.
    unencrypted: Option<(SocketAddr, Option<String>)>,
    /// The client's end of the first connection on which client and server had nothing in common.
    refused: Option<SocketAddr>,
    /// The client's ends of the connections on which the server was asked for its choice, and that.
    offered: Vec<SocketAddr>,
    choice: Option<ServerHello>,
}

impl<'p> Probe<'p> {
    /// Begins by finding the addresses.
    ///
    /// # Errors
    /// When TLS can't be set up as the plan wants it.
    pub fn begin(plan: &'p Plan) -> Result<Self, rustls::Error> {
        let tls = Tls::new(&plan.tls)?;
        let most = Elapsed::from_secs_f64(plan.timeout.as_secs_f64() * STALL_SHARE);
        let mut attempt = Self {
            plan,
            tls,
            tape: Tape::begin(),
            until: Instant::now() + Duration::from(plan.timeout),
            stall_after: plan.settings.judging.stall_after.min(most),
            resolution: None,
            order: Vec::new(),
            not_sent: None,
            behind: plan.host.parse().ok(),
            tunnel: None,
            knowledge: Vec::new(),
            asked: BTreeMap::new(),
            token: None,
            page: None,
            spent: PhaseDurations::default(),
            answered: None,
            given_up: Vec::new(),
            portal: None,
            unread: None,
            violations: Vec::new(),
            unpinned: Vec::new(),
            unencrypted: None,
            refused: None,
            offered: Vec::new(),
            choice: None,
        };
        for secret in plan.secrets() {
            attempt.tape.hide(secret.clone());
        }
        attempt.find();
        Ok(attempt)
    }

    /// The addresses and ports that will be connected to, in order: the host's, or the proxy's.
    pub fn servers(&self) -> Vec<SocketAddr> {
        let port = self.plan.proxy.as_ref().map_or(self.plan.port, |proxy| proxy.port);
        let place = |address: &IpAddr| match (*address, self.plan.scope) {
            (IpAddr::V6(address), Some(scope)) => SocketAddrV6::new(address, port, 0, scope).into(),
            (address, _) => SocketAddr::new(address, port),
        };
        self.order.iter().map(place).collect()
    }

    /// Continues to the end, and judges it: by the packets, where a capture of the traffic with [`Self::servers`] is given that
    /// runs meanwhile, else by what the sockets show. Logs that are followed are read meanwhile, and for [`LINE_DUE`] afterwards.
    pub fn finish(mut self, capture: Option<Box<dyn Source + Send>>, logs: Option<LogInput>) -> Outcome {
        let proxy = self.plan.proxy.as_ref();
        // Everything else that is secret goes out encrypted.
        let secrets = proxy.map(Proxy::in_clear).unwrap_or_default();
        let side_capture = capture.map(|source| SideCapture::begin(source, secrets));
        let watch = logs.as_ref().and_then(|logs| match &logs.source {
            LogSource::Followed(follower) => Some(LogWatch::begin(Arc::clone(follower), self.tape.now())),
            LogSource::Files(_) | LogSource::Own(..) => None,
        });
        self.connect();
        let captured = side_capture.map(SideCapture::end);
        let ended = self.tape.now();
        if let Some(watch) = watch {
            // Nobody logs an attempt of which no packet was sent.
            watch.end(!self.knowledge.is_empty());
        }
        self.judged(captured, logs, ended)
    }

    /// The logs as far as they have grown, with what was asked.
    fn own_logs(&self, logs: LogInput) -> LogInput {
        let source = match logs.source {
            LogSource::Followed(follower) => LogSource::Own(follower, self.asked.clone()),
            source => source,
        };
        LogInput { source, ..logs }
    }

    fn find(&mut self) {
        let plan = self.plan;
        let host = match (&plan.proxy, plan.address) {
            (Some(proxy), _) => {
                let place = authority(&proxy.host, proxy.port);
                let kind = if proxy.kind.is_socks() { "SOCKS5 proxy" } else { "proxy" };
                self.tape.note(format!("through the {kind} {place}, named by {}", proxy.named_by));
                if proxy.kind == ProxyKind::Socks5 && !self.find_behind() {
                    return;
                }
                proxy.host.clone()
            }
            (None, Some(address)) => address.to_string(),
            (None, None) => plan.host.clone(),
        };
        let resolution = self.looked_up(&host);
        self.order = sorted(&resolution.addresses);
        debug!(found = ?resolution.addresses, order = ?self.order, outcome = ?resolution.outcome, "addresses");
        self.count_lookup(&resolution);
        self.resolution = Some(resolution);
        if self.order.len() > 1 {
            let order: Vec<_> = self.order.iter().map(ToString::to_string).collect();
            let order = order.join(", ");
            self.tape.note(format!("tried in the order of RFC 6724 and 8305, as clients do: {order}"));
        }
    }

    /// Looks up the host behind a proxy that gets its address. Whether there is one.
    fn find_behind(&mut self) -> bool {
        if self.behind.is_some() {
            return true;
        }
        let resolution = self.looked_up(&self.plan.host);
        self.count_lookup(&resolution);
        self.behind = sorted(&resolution.addresses).first().copied();
        match self.behind {
            Some(address) => {
                let host = &self.plan.host;
                self.tape.note(format!(
                    "the proxy is asked for {address}, the first address of {host}; with socks5h:// it looks up the name"
                ));
            }
            None => self.resolution = Some(resolution),
        }
        self.behind.is_some()
    }

    /// The addresses of a name, as they are given, or by the resolvers.
    fn looked_up(&mut self, host: &str) -> Resolution {
        let plan = self.plan;
        let given = plan.known.iter().filter(|(name, _)| name.eq_ignore_ascii_case(host));
        let given: Vec<_> = given.map(|(_, address)| *address).collect();
        if given.is_empty() {
            dns::resolve(&mut self.tape, host, plan.family, self.until)
        } else {
            let addresses: Vec<_> = given.iter().map(ToString::to_string).collect();
            self.tape.note(format!("{host} is given as {}", addresses.join(", ")));
            dns::given(host, plan.family, &given)
        }
    }

    fn count_lookup(&mut self, resolution: &Resolution) {
        let elapsed = Some(resolution.elapsed).filter(|_| resolution.outcome != Lookup::Literal);
        self.spent.dns = match (self.spent.dns, elapsed) {
            (Some(before), Some(elapsed)) => {
                Some(Elapsed::from_nanos(before.nanos().saturating_add(elapsed.nanos())))
            }
            (before, elapsed) => elapsed.or(before),
        };
    }

    /// The outcome: what the analysis of the packets and the check itself know.
    fn judged(mut self, captured: Option<Captured>, logs: Option<LogInput>, ended: Timestamp) -> Outcome {
        let plan = self.plan;
        let (captured, mut connections, mut summary) = self.analyse(captured, logs);
        let redacted = plan.settings.redaction.as_ref().map(|redaction| {
            let token = plan.token.as_ref().map(|token| token.path.as_str());
            let page = plan.page.as_ref().map(|page| page.path.as_str());
            Redacted::of(redaction, token, page, self.unpinned.iter().map(|(_, own)| own.as_str()))
        });
        // Connections have stand-ins by now.
        if let Some(redacted) = &redacted {
            self.redact_ends(redacted);
        }
        let tunnel = self.tunnel.clone().map(|tunnel| match &redacted {
            Some(_) => Redacted::tunnel(tunnel),
            None => tunnel,
        });
        let offered = reported::taken(&mut connections, &self.offered);
        self.perspective(tunnel.as_ref(), &offered, captured.is_some()).apply(&mut connections);
        let unmapped = reported::mapped(&mut connections, &plan.states);
        summary.recount(&connections);
        let ended = self.answered.unwrap_or(ended);
        let outcome = Outcome {
            host: plan.host.clone(),
            port: plan.port,
            began: self.tape.began(),
            alerts: plan.alerts,
            states: plan.states.clone(),
            spent: PhaseDurations { total: ended - self.tape.began(), ..self.spent },
            steps: self.tape.steps().to_vec(),
            resolution: self.resolution,
            order: self.order,
            tries_all_addresses: plan.tries_all_addresses,
            not_sent: self.not_sent.map(|(address, error)| (address, socket::words(&error))),
            proxy: plan.proxy.as_ref().map(|proxy| ProxyUse {
                kind: proxy.kind,
                host: proxy.host.clone(),
                port: proxy.port,
                user: proxy.user.clone(),
                named_by: proxy.named_by.clone(),
                tunnel: self.tunnel,
            }),
            connections,
            unmapped,
            captured,
            summary,
            token: self.token,
            page: self.page,
        };
        match redacted {
            Some(redacted) => redacted.outcome(outcome),
            None => outcome,
        }
    }

    /// The analysis of the packets: of the captured ones, where they show anything, else of those on the tape.
    fn analyse(
        &mut self,
        captured: Option<Captured>,
        logs: Option<LogInput>,
    ) -> (Option<Captured>, Vec<Judged>, Summary) {
        let plan = self.plan;
        let own = own_traffic(&self.knowledge);
        let mut settings = Settings {
            keeps_timeline: true,
            viewpoint: Viewpoint::Wire,
            knowledge: std::mem::take(&mut self.knowledge),
            certificates: CertificateSettings {
                wanted: Some(Wanted { name: plan.tls.wanted.clone(), source: NameSource::Target }),
                trust: Trust::Anchors(plan.tls.anchors.clone()),
            },
            logs: logs.map(|logs| self.own_logs(logs)),
            ..plan.settings.clone()
        };
        settings.judging.stall_after = self.stall_after;
        // A protocol that is asked for TLS begins in clear.
        if plan.starttls.is_none() {
            settings.tls_ports.push(plan.port);
        }
        let by_packets = captured.map(|captured| {
            let judged = analysed(&mut captured.source(), own, &settings);
            (captured, judged)
        });
        let is_seen = |(_, (connections, _)): &(Captured, (Vec<Judged>, Summary))| !connections.is_empty();
        let (captured, (connections, summary)) = match by_packets {
            Some(by_packets) if is_seen(&by_packets) || settings.knowledge.is_empty() => {
                (Some(by_packets.0), by_packets.1)
            }
            by_packets => {
                if by_packets.is_some() {
                    self.tape.note(
                        "the capture holds none of these packets; what follows is as the socket saw it",
                    );
                }
                settings.viewpoint = Viewpoint::Socket;
                (None, analysed(&mut self.tape.source(), Target::default(), &settings))
            }
        };
        debug!(viewpoint = ?settings.viewpoint, connections = connections.len(), "judged");
        (captured, connections, summary)
    }

    /// What the check knows of its own part.
    fn perspective<'s>(
        &'s self,
        tunnel: Option<&'s Tunnel>,
        offered: &'s [Judged],
        is_captured: bool,
    ) -> Perspective<'s> {
        let plan = self.plan;
        Perspective {
            given_up: &self.given_up,
            tunnel,
            portal: self.portal,
            violations: &self.violations,
            unpinned: &self.unpinned,
            unread: self.unread.as_ref().map(|(end, why)| (*end, why.as_str())),
            unencrypted: self.unencrypted.as_ref().map(|(end, words)| (*end, words.as_deref())),
            accepted: plan.tls.accepted,
            timeout: plan.timeout,
            refused: self.refused,
            choice: self.choice.as_ref(),
            offered,
            is_restricted: plan.tls.versions.len() < TlsPlan::VERSIONS,
            is_captured,
        }
    }

    /// Replaces what connections are recognised by, and what is quoted in their verdicts.
    fn redact_ends(&mut self, redacted: &Redacted<'_>) {
        let Some(redaction) = &self.plan.settings.redaction else { return };
        let end = |end: &mut SocketAddr| *end = redaction.socket(*end);
        self.portal.iter_mut().chain(&mut self.refused).chain(&mut self.offered).for_each(end);
        self.violations.iter_mut().map(|(end, _)| end).for_each(end);
        for (end, own) in &mut self.unpinned {
            *end = redaction.socket(*end);
            *own = Redaction::masked(own);
        }
        if let Some((end, why)) = &mut self.unread {
            *end = redaction.socket(*end);
            *why = Redaction::masked(why);
        }
        if let Some((end, words)) = &mut self.unencrypted {
            *end = redaction.socket(*end);
            *words = words.as_deref().map(Redaction::masked);
        }
        for given_up in &mut self.given_up {
            *given_up = redacted.given_up(given_up);
        }
    }
}

/// Connections with their verdicts, and their figures.
fn analysed(source: &mut dyn Source, target: Target, settings: &Settings) -> (Vec<Judged>, Summary) {
    let mut judged = Connections::default();
    // Only a sink that writes can fail, and this one holds.
    let summary = analysis::analyse(source, target, settings, &mut judged).unwrap_or_default();
    (judged.0, summary)
}

/// The packets of these connections, and the errors that quote them: others may go to the same server at the same time.
fn own_traffic(knowledge: &[EndpointKnowledge]) -> Target {
    let hosts: Vec<_> = knowledge.iter().map(|knowledge| knowledge.client.ip().to_string()).collect();
    let ports: Vec<_> = knowledge.iter().map(|knowledge| knowledge.client.port()).collect();
    // Addresses need no resolver, so this can't fail.
    Target::new(&hosts, &ports, None).unwrap_or_default()
}

fn spent(since: Instant) -> Elapsed {
    Elapsed::from_secs_f64(since.elapsed().as_secs_f64())
}

/// Holds what was judged.
#[derive(Default)]
struct Connections(Vec<Judged>);

impl Sink for Connections {
    fn needs(&self) -> Needs {
        Needs::ALL
    }

    fn connection(&mut self, judged: Judged) -> io::Result<()> {
        self.0.push(judged);
        Ok(())
    }
}
