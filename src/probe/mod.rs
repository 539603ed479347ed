//! One attempt at a server, made as a client makes it, and judged as a capture of it would be.
//!
//! [`check`] finds the host's addresses, opens TCP, asks a proxy for a tunnel if there is one, performs the TLS handshake
//! with rustls, and asks for a token or a page if the plan has one. What it does and what comes back is recorded on a tape of
//! numbered steps and of the packets that a bystander would have seen, by the probe's own clock. The analysis reads the tape as a capture, so an attempt
//! has the verdicts, the findings and the advice that its capture would have.
//!
//! This room does not know how anything is printed.

mod alerts;
mod before_tls;
mod body_pattern;
mod broken;
mod connection;
mod expiry;
mod http;
mod judged;
mod log_watch;
mod net;
mod open_connection;
mod outcome;
mod page;
mod page_request;
mod perspective;
mod plan;
mod proxy;
mod quote;
mod range;
mod reason;
mod record;
mod redacted;
mod reported;
mod secret;
mod starttls;
mod states;
mod step;
mod tape;
mod task;
pub mod token;

use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::debug;

pub use alerts::Alerts;
pub use body_pattern::{BadPattern, BodyPattern};
pub use expiry::Expiry;
pub use http::demands::Demands;
pub use http::exchange::is_path;
pub use http::tls::{Identity, TlsPlan};
pub use http::verifier::{Accepted, AcceptedIssuer};
pub use log_watch::LINE_DUE;
pub use net::authority::{authority, host_and_port, without_zone};
pub use net::capture::Captured;
pub use net::dns::{Family, LookupOutcome, Resolution, ResolverFault, answered, scope};
pub use outcome::{CheckOutcome, Conclusion, PhaseDurations, ProxyUse};
pub use page::{Page, PageAnswer};
pub use page_request::{BadField, Credentials, PageField, PageMethod, PageRequest};
pub use plan::Plan;
pub use proxy::{Proxy, ProxyError, ProxyKind, Tunnel, is_excepted};
pub use range::{BadRange, Range};
pub use reason::{REASONS, Reason, severity_of};
pub use secret::Secret;
pub use starttls::StartTls;
pub use states::{Contradiction, States};
pub use step::{Phase, Step};

use crate::analysis::{LogInput, LogSource};
use crate::capture::Source;
use crate::time::{Elapsed, Timestamp};
use crate::tls::ServerHello;
use http::tls::{Peer, Tls};
use log_watch::LogWatch;
use net::capture::SideCapture;
use net::dns;
use net::order::sorted;
use proxy::ProxyTls;
use record::ConnectionRecord;
use tape::Tape;
use token::Token;

/// A silence counts as a stall from this share of the whole time on, where `stall_after` is not shorter.
const STALL_SHARE: f64 = 0.3;

/// Makes the attempt and judges it by what the sockets show.
///
/// # Errors
/// When TLS can't be set up as the plan wants it.
pub fn check(plan: &Plan) -> Result<CheckOutcome, rustls::Error> {
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
    proxy_tls: Option<ProxyTls>,
    tape: Tape,
    until: Instant,
    stall_after: Elapsed,
    resolution: Option<Resolution>,
    order: Vec<IpAddr>,
    /// The addresses that were to be tried when time was over.
    untried: Vec<IpAddr>,
    /// The addresses to which nothing was sent, and why, by the system.
    not_sent: Vec<(IpAddr, io::Error)>,
    /// The address that the proxy is asked for, where it is not to look up the host's name.
    behind: Option<IpAddr>,
    connections: Vec<ConnectionRecord>,
    token: Option<Token>,
    page: Option<PageAnswer>,
    /// Paths that redirects led to.
    followed: Vec<String>,
    spent: PhaseDurations,
    /// How long the check listened before its requests.
    listened: Duration,
    /// When the last answer came; absent if one is missing.
    answered: Option<Timestamp>,
    /// Whether an address was silent for the stall time.
    has_silence: bool,
}

impl<'p> Probe<'p> {
    /// Begins by finding the addresses.
    ///
    /// # Errors
    /// When TLS can't be set up as the plan wants it.
    pub fn begin(plan: &'p Plan) -> Result<Self, rustls::Error> {
        let tls = Tls::new(&plan.tls, Peer::Server)?;
        let proxy_tls =
            plan.proxy.as_ref().map(|proxy| ProxyTls::of(proxy, &plan.tls.anchors)).transpose()?;
        let most = Elapsed::from_secs_f64(plan.timeout.as_secs_f64() * STALL_SHARE);
        let mut attempt = Self {
            plan,
            tls,
            proxy_tls: proxy_tls.flatten(),
            tape: Tape::begin(),
            until: Instant::now() + Duration::from(plan.timeout),
            stall_after: plan.settings.judging.stall_after.min(most),
            resolution: None,
            order: Vec::new(),
            untried: Vec::new(),
            not_sent: Vec::new(),
            behind: plan.host.parse().ok(),
            connections: Vec::new(),
            token: None,
            page: None,
            followed: Vec::new(),
            spent: PhaseDurations::default(),
            listened: Duration::ZERO,
            answered: None,
            has_silence: false,
        };
        for secret in plan.secrets() {
            attempt.tape.hide(secret);
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
    pub fn finish(mut self, capture: Option<Box<dyn Source + Send>>, logs: Option<LogInput>) -> CheckOutcome {
        let proxy = self.plan.proxy.as_ref();
        // Everything else that is secret goes out encrypted.
        let in_clear = proxy.filter(|proxy| proxy.kind != ProxyKind::Https);
        let secrets = in_clear.map(Proxy::in_clear).unwrap_or_default();
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
            watch.end(!self.connections.is_empty());
        }
        self.judged(captured, logs, ended)
    }

    /// The logs as far as they have grown, with what was asked.
    fn own_logs(&self, logs: LogInput) -> LogInput {
        let source = match logs.source {
            LogSource::Followed(follower) => {
                let asked = |record: &ConnectionRecord| Some((record.client(), record.asked.clone()?));
                LogSource::Own(follower, self.connections.iter().filter_map(asked).collect())
            }
            source => source,
        };
        LogInput { source, ..logs }
    }

    /// The first connection on which client and server had nothing in common.
    fn refused(&self) -> Option<&ConnectionRecord> {
        self.connections.iter().find(|record| record.is_refused())
    }

    /// What the server would choose of all that OpenSSL and Java offer, where it was asked.
    fn choice(&self) -> Option<&ServerHello> {
        self.connections.iter().find_map(|record| record.offer.as_ref()?.hello.as_ref())
    }

    fn find(&mut self) {
        let plan = self.plan;
        let host = match (&plan.proxy, plan.address) {
            (Some(proxy), _) => {
                let place = authority(&proxy.host, proxy.port);
                let kind = match proxy.kind {
                    ProxyKind::Http => "proxy",
                    ProxyKind::Https => "HTTPS proxy",
                    ProxyKind::Socks5 | ProxyKind::Socks5h => "SOCKS5 proxy",
                };
                self.tape.note(format!("through the {kind} {place}, named by {}", proxy.named_by));
                if proxy.kind == ProxyKind::Socks5 && !self.find_host_behind_proxy() {
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
    fn find_host_behind_proxy(&mut self) -> bool {
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
        let given = plan.known_addresses(host);
        if given.is_empty() {
            dns::resolve(&mut self.tape, host, plan.family, self.until)
        } else {
            let addresses: Vec<_> = given.iter().map(ToString::to_string).collect();
            self.tape.note(format!("{host} is given as {}", addresses.join(", ")));
            dns::given(host, plan.family, &given)
        }
    }

    fn count_lookup(&mut self, resolution: &Resolution) {
        let elapsed = Some(resolution.elapsed).filter(|_| resolution.outcome != LookupOutcome::Literal);
        self.spent.dns = sum(self.spent.dns, elapsed);
    }
}

/// Both times together, as far as there are any.
fn sum(before: Option<Elapsed>, elapsed: Option<Elapsed>) -> Option<Elapsed> {
    match (before, elapsed) {
        (Some(before), Some(elapsed)) => {
            Some(Elapsed::from_nanos(before.nanos().saturating_add(elapsed.nanos())))
        }
        (before, elapsed) => elapsed.or(before),
    }
}

fn spent(since: Instant) -> Elapsed {
    Elapsed::from_secs_f64(since.elapsed().as_secs_f64())
}
