//! A connection that TCP opened, in its phases: TLS with a proxy, its tunnel, the request for TLS, the handshake, and the task.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::before_tls::{Before, Failed, before_tls};
use super::http::offer::{self, Offer};
use super::http::tls::{Established, Handshake, Tls};
use super::http::unasked;
use super::net::authority::authority;
use super::net::socket::Channel;
use super::page::{self, PageAnswer};
use super::proxy::{ProxyTls, Refused, Tunnel};
use super::record::{ConnectionRecord, Failure, GivenUp};
use super::step::Phase;
use super::task::{Performed, Task};
use super::token;
use super::{Plan, spent};
use crate::tcp::Role;
use crate::time::Elapsed;
use crate::tls::AlertDescription;

/// A connection that TCP opened, and what it is for.
pub(super) struct OpenConnection<'c> {
    pub(super) plan: &'c Plan,
    pub(super) tls: &'c Tls,
    pub(super) proxy_tls: Option<&'c ProxyTls>,
    /// The address that a proxy is asked for, where it is not to look up the host's name.
    pub(super) behind: Option<IpAddr>,
    pub(super) server: SocketAddr,
    pub(super) task: &'c Task<'c>,
    /// How long the check listened over the connections before.
    pub(super) listened: Duration,
    pub(super) channel: Channel<'c>,
    pub(super) record: ConnectionRecord,
}

impl OpenConnection<'_> {
    /// Goes through the phases as far as they succeed, and closes the connection.
    pub(super) fn run(mut self) -> (ConnectionRecord, Performed) {
        let performed = match self.establish() {
            Some(mut established) => self.perform(&mut established),
            None => Performed::default(),
        };
        self.record.close(self.channel);
        (self.record, performed)
    }

    /// What precedes a task that asks something. None where a phase failed, or where none follows; the record says why.
    fn establish(&mut self) -> Option<Box<Established>> {
        let began = Instant::now();
        self.open_proxy_tls(began)?;
        self.precede_tls(began)?;
        if let Task::Offer(offer) = self.task {
            self.ask_choice(*offer);
            return None;
        }
        self.shake_hands()
    }

    /// TLS with the proxy, if it speaks that.
    fn open_proxy_tls(&mut self, began: Instant) -> Option<()> {
        let Some(tls) = self.proxy_tls else { return Some(()) };
        if let Err(refused) = tls.open(&mut self.channel) {
            let Refused { knowledge, violation } = *refused;
            self.record.knowledge = knowledge;
            return self.fail(Failure::ProxyTls { violation }, Phase::Tls, HANDSHAKE.to_owned(), began);
        }
        self.record.is_wrapped = true;
        Some(())
    }

    /// The proxy's tunnel, and the request for TLS.
    fn precede_tls(&mut self, began: Instant) -> Option<()> {
        let Before { tunnel, tunnelled, failed } = before_tls(self.plan, self.behind, &mut self.channel);
        let is_open = tunnel.as_ref().is_some_and(Tunnel::is_open);
        let opened = tunnelled.filter(|_| is_open).map(|at| at.saturating_duration_since(began));
        self.record.spent.proxy = opened.map(elapsed);
        self.record.tunnel = tunnel;
        match failed {
            Some(Failed { failure, phase, awaited }) => self.fail(failure, phase, awaited, began),
            None => Some(()),
        }
    }

    /// Asks what the server would choose of more than rustls offers.
    fn ask_choice(&mut self, offer: Offer) {
        let name = self.plan.tls.server_name.as_deref();
        let has_identity = self.plan.tls.identity.is_some();
        let choice = offer::ask(offer, name, &self.tls.random(), has_identity, &mut self.channel);
        if let (Some(choice), Some(offered)) = (choice, &mut self.record.offer) {
            offered.unmet = self.tls.unmet_by(&choice.chain).or_else(|| choice.unmet());
            offered.prime_bits = choice.prime_bits;
            offered.hello = Some(choice.hello);
        }
    }

    fn shake_hands(&mut self) -> Option<Box<Established>> {
        let began = Instant::now();
        let awaits_verdict = matches!(self.task, Task::Open);
        let (handshake, knowledge) = self.tls.shake_hands(&self.plan.tls, &mut self.channel, awaits_verdict);
        self.record.knowledge = knowledge;
        match handshake {
            Handshake::Complete(established, took) => {
                self.record.spent.tls = Some(elapsed(took));
                self.record.listened = began.elapsed().saturating_sub(took);
                Some(established)
            }
            Handshake::Failed(failed) => {
                self.fail(Failure::Handshake(failed), Phase::Tls, HANDSHAKE.to_owned(), began)
            }
        }
    }

    /// A phase failed that began at this time and awaited this.
    fn fail<T>(&mut self, failure: Failure, phase: Phase, awaited: String, began: Instant) -> Option<T> {
        self.record.failure = Some(failure);
        if self.channel.is_given_up() {
            self.record.given_up = Some(GivenUp::of(phase, awaited, spent(began)));
        }
        None
    }

    /// Does the task, and ends TLS.
    fn perform(&mut self, established: &mut Established) -> Performed {
        // How long an answer takes is the server's affair.
        self.channel.set_patience(None);
        let began = Instant::now();
        let listened = self.listened + self.record.listened;
        let mut performed =
            perform(self.task, self.plan, self.server, listened, established, &mut self.channel);
        let took = spent(began + performed.listened);
        let record = &mut self.record;
        record.listened += performed.listened;
        record.spent.token = performed.token.is_some().then_some(took);
        record.spent.page = performed.page.is_some().then_some(took);
        let through = self.plan.proxy.as_ref().map(|_| authority(&self.plan.host, self.plan.port));
        record.asked = Some(performed.request(self.task, through));
        record.given_up =
            performed.unanswered.take().map(|(phase, awaited)| GivenUp::of(phase, awaited, took));
        record.closed_instead = performed.closed_instead.take();
        if let Some(page) = performed.page.as_mut().filter(|_| self.tls.lacks_identity()) {
            page.may_want_identity();
        }
        // An error stays: it is reported again whenever it is asked for.
        let alert = match established.process_new_packets() {
            Err(rustls::Error::AlertReceived(alert)) => Some(AlertDescription(u8::from(alert))),
            _ => None,
        };
        let knowledge = &mut record.knowledge;
        knowledge.alert = knowledge.alert.or(alert.map(|alert| (Role::Server, alert)));
        knowledge.lacks_answer = performed.lacks_answer;
        self.channel.tape().enter(Phase::Tls);
        record.answered = Some(self.channel.tape().now());
        established.send_close_notify();
        while established.wants_write() && established.write_tls(&mut self.channel).is_ok() {}
        performed
    }
}

/// What is awaited while TLS is being established.
const HANDSHAKE: &str = "the handshake";

fn elapsed(duration: Duration) -> Elapsed {
    Elapsed::from_secs_f64(duration.as_secs_f64())
}

/// Does a task over an established connection. Before it asks, it listens for what comes unasked.
fn perform(
    task: &Task<'_>,
    plan: &Plan,
    server: SocketAddr,
    listened: Duration,
    established: &mut Established,
    channel: &mut Channel<'_>,
) -> Performed {
    let origin = format!("https://{}", authority(&plan.host, plan.port));
    if plan.tls.accepted.is_any()
        && plan.tls.pins.is_empty()
        && let Some(secrets) = task.secrets()
    {
        channel
            .tape()
            .note(format!("sends {secrets} to {server}, which answers for {origin} and was not verified"));
    }
    let (phase, line) = match (task, task.shown_line()) {
        (Task::Token(_), Some(line)) => (Phase::Oauth, line),
        (_, Some(line)) => (Phase::Http, line),
        (_, None) => return Performed::default(),
    };
    channel.tape().enter(phase);
    let began = Instant::now();
    let heard = unasked::listen(established, channel, listened);
    let listened = began.elapsed();
    let mut performed = match task {
        Task::Open | Task::Offer(_) => Performed::default(),
        Task::Token(request) => {
            let (mut result, granted) = match heard {
                Ok(before) => token::ask(request, &origin, before, established, channel),
                Err(failure) => (token::early(request, &failure), None),
            };
            if let Some(token) = &granted {
                channel.tape().hide(token.clone());
            }
            result.texts(|text| *text = channel.tape().cover(text));
            channel.tape().note(result.answer().unwrap_or_else(|| "no answer".to_owned()));
            Performed {
                lacks_answer: result.unanswered.is_some(),
                token: Some(result),
                granted,
                ..Performed::default()
            }
        }
        Task::Page(page, token) => {
            let mut result = match heard {
                Ok(before) => page::ask(page, &origin, *token, before, established, channel),
                Err(failure) => PageAnswer::unasked(page, &failure, channel.tape()),
            };
            if channel.asks_for_renegotiation() {
                channel.tape().note("the server asked for renegotiation, which this check refuses");
                result.may_want_renegotiation();
            }
            result.cover(|text| channel.tape().cover(text));
            channel.tape().note(result.headline.clone());
            Performed {
                lacks_answer: result.unanswered.is_some(),
                page: Some(result),
                ..Performed::default()
            }
        }
    };
    let unanswered = performed.token.as_ref().and_then(|token| token.unanswered);
    let unanswered = unanswered.or(performed.page.as_ref().and_then(|page| page.unanswered));
    let line = channel.tape().cover(&line);
    match unanswered {
        Some(io::ErrorKind::TimedOut) => performed.unanswered = Some((phase, line)),
        Some(io::ErrorKind::UnexpectedEof) => performed.closed_instead = Some(line),
        _ => {}
    }
    performed.listened = listened;
    performed
}
