//! The connections of an attempt, one after the other: TCP, a proxy's tunnel, TLS, and a request.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::before_tls::{Before, Failed, before_tls};
use super::closing::Closing;
use super::http::offer::{self, Offer};
use super::http::tls::{Established, Handshake};
use super::http::unasked;
use super::net::authority::authority;
use super::net::connect::{Connected, connect};
use super::net::socket::Channel;
use super::page::{self, Page, PageAnswer};
use super::perspective::GivenUp;
use super::secret::Secret;
use super::step::Phase;
use super::task::{Performed, Task};
use super::token::{self, Token};
use super::{Plan, Probe, spent, sum};
use crate::limits;
use crate::story::EndpointKnowledge;
use crate::tcp::Role;
use crate::time::Elapsed;
use crate::tls::AlertDescription;

/// A silence has lasted for the stall time once this has passed as well, whatever the scheduler does.
const MARGIN: Duration = Duration::from_millis(100);

/// An unanswered SYN has been retransmitted by this time (RFC 6298, 2.1): a capture shows a silence only with the retransmission.
const SYN_REPEATED: Duration = Duration::from_millis(1_200);

/// An address that answers at all does so within this time, wherever on Earth it is.
const SHORTEST: Duration = Duration::from_millis(400);

/// How long an address may take to open TCP, with `left` for it and the ones after it, where a silence lasts `least` at
/// least, and `most` is enough. Once one was silent for that long, the others share the time that is left: a good one among
/// them is to be reached.
fn patience_for(
    left: Duration,
    addresses: usize,
    (least, most): (Duration, Duration),
    has_silence: bool,
) -> Duration {
    let share = left / u32::try_from(addresses).unwrap_or(u32::MAX).max(1);
    let shortest = if has_silence && share < least { SHORTEST } else { least };
    share.min(most).max(shortest)
}

impl Probe<'_> {
    /// Connects to the addresses, one after the other.
    pub(super) fn connect(&mut self) {
        let servers = self.servers();
        let mut fault = (None, None);
        for (index, server) in servers.iter().enumerate() {
            let left = servers.len() - index;
            if Instant::now() >= self.until {
                self.tape.note(format!("time is over; addresses not tried: {left}"));
                self.untried = servers.iter().skip(index).map(SocketAddr::ip).collect();
                break;
            }
            let is_up = self.tasks(*server, left);
            if is_up && !self.plan.tries_all_addresses {
                break;
            }
            if servers.len() > 1 {
                self.take_fault(server.ip(), &mut fault);
            }
        }
        let (token, page) = fault;
        self.token = token.or(self.token.take());
        self.page = page.or(self.page.take());
    }

    /// If all addresses must work, the first wrong answer decides, and its address is named.
    fn take_fault(&mut self, server: IpAddr, (token, page): &mut (Option<Token>, Option<PageAnswer>)) {
        if let Some(mut refused) = self.token.take_if(|token| !token.is_granted()) {
            refused.headline = format!("{server}: {}", refused.headline);
            token.get_or_insert(refused);
        }
        if let Some(mut other) = self.page.take_if(|page| !page.is_expected) {
            other.headline = format!("{server}: {}", other.headline);
            page.get_or_insert(other);
        }
    }

    /// Does all there is to do at one address. Whether it could be connected to.
    fn tasks(&mut self, server: SocketAddr, left: usize) -> bool {
        let plan = self.plan;
        let first = match (&plan.token, &plan.page) {
            (Some(token), _) => Task::Token(token),
            (None, Some(page)) => Task::Page(page, None),
            (None, None) => Task::Open,
        };
        let had_refusal = self.refused.is_some();
        let (is_up, token) = self.connection(server, left, &first);
        if !had_refusal && self.refused.is_some() {
            self.ask_choice(server);
        }
        if let (true, Some(token), Some(request), Some(page)) = (is_up, &token, &plan.token, &plan.page) {
            let token = Some((token, request.grant));
            self.connection(server, 1, &Task::Page(page, token));
            self.follow(server, page, token);
        } else if let (true, None, Some(page)) = (is_up, &plan.token, &plan.page) {
            self.follow(server, page, None);
        }
        let is_established = self.spent.tls.is_some();
        if plan.tls.resumes && is_established {
            self.connection(server, 1, &Task::Open);
        }
        is_up
    }

    /// Follows the redirects of a page, each over a connection of its own.
    fn follow(&mut self, server: SocketAddr, page: &Page, token: Option<(&Secret, token::Grant)>) {
        let first = &page.path;
        let mut request = page.request.clone();
        let mut is_followed = false;
        for _ in 0..limits::REDIRECTS {
            let Some(answer) = &mut self.page else { return };
            if answer.next.is_some() && Instant::now() >= self.until {
                return answer.is_not_followed_in_time();
            }
            let Some((path, method)) = answer.next.take() else {
                if is_followed {
                    answer.is_led_to_from(first);
                }
                return;
            };
            self.followed.push(self.tape.cover(&page::shown(&path)));
            is_followed = true;
            request.method = method;
            let page = Page { path, request: request.clone(), ..page.clone() };
            let before = self.spent.page.take();
            self.connection(server, 1, &Task::Page(&page, token));
            self.spent.page = sum(before, self.spent.page);
        }
        if let Some(answer) = self.page.as_mut().filter(|answer| answer.next.is_some()) {
            answer.leads_nowhere();
        }
    }

    /// Asks what the server would choose of all that OpenSSL and Java offer.
    fn ask_choice(&mut self, server: SocketAddr) {
        for offer in Offer::ALL {
            // TLS 1.3 hides the certificate; an older version, where there is one, shows its faults.
            let version = self.choice.as_ref().and_then(|hello| hello.version);
            let is_settled = version.is_some_and(|version| !version.is_tls13());
            if !is_settled && Instant::now() < self.until {
                self.connection(server, 1, &Task::Offer(offer));
            }
        }
    }

    /// One connection: whether TCP came up, and a token that was granted over it.
    #[expect(
        clippy::too_many_lines,
        reason = "the phases of one attempt in their order, while its channel holds the tape"
    )]
    fn connection(&mut self, server: SocketAddr, left: usize, task: &Task<'_>) -> (bool, Option<Secret>) {
        self.answered = None;
        let Self { plan, tls, proxy_tls, tape, behind, .. } = self;
        tape.enter(Phase::Tcp);
        let began = Instant::now();
        let least = Duration::from(self.stall_after) + MARGIN;
        // By then it is known whether a silence is a stall.
        let patience = (!plan.is_patient).then(|| Duration::from(plan.settings.judging.stall_after) + MARGIN);
        let most = patience.map_or(Duration::MAX, |patience| patience.max(SYN_REPEATED));
        let remaining = self.until.saturating_duration_since(began);
        let most = patience_for(remaining, left, (least, most), self.has_silence);
        let (stream, taped) = match connect(tape, server, (began + most).min(self.until)) {
            Connected::Up(stream, taped) => (stream, taped),
            Connected::Failed(taped) => {
                if matches!(task, Task::Offer(_)) {
                    self.offered.push(taped.client);
                }
                let closed = tape.now();
                self.has_silence |= began.elapsed() >= least;
                self.unopened.push((taped.client, closed));
                let closed = Some(closed);
                self.knowledge.push(EndpointKnowledge { closed, ..EndpointKnowledge::of(taped.client) });
                return (false, None);
            }
            Connected::NotSent(error) => {
                self.not_sent = Some((server.ip(), error));
                return (false, None);
            }
        };
        self.spent.connect.get_or_insert_with(|| spent(began));
        let asks_after = Duration::from(self.stall_after) / 2;
        let mut channel = Channel::new(stream, taped, tape, self.until, asks_after);
        channel.set_patience(patience);
        let client = channel.connection().client;
        let began = Instant::now();
        if let Some(Err(refused)) = proxy_tls.as_ref().map(|tls| tls.open(&mut channel)) {
            self.at_proxy.push(client);
            self.violations.extend(refused.violation.map(|what| (client, what)));
            self.knowledge.push(refused.knowledge);
            let waiting = GivenUp::of(client, Phase::Tls, "the handshake".to_owned(), spent(began));
            let left = Closing::by(channel);
            self.leave(left, waiting);
            return (true, None);
        }
        self.is_wrapped |= proxy_tls.is_some();
        let Before { tunnel, failed, tunnelled } = before_tls(plan, *behind, &mut channel);
        if let Some(tunnel) = tunnel {
            let took = tunnelled.filter(|_| tunnel.is_open()).map(|at| at.saturating_duration_since(began));
            let took = took.map(|took| Elapsed::from_secs_f64(took.as_secs_f64()));
            self.spent.proxy = self.spent.proxy.or(took);
            self.portal = self.portal.or((tunnel.is_success() && !tunnel.is_open()).then_some(client));
            self.unread = self.unread.take().or_else(|| Some((client, tunnel.unread.clone()?)));
            self.tunnel = Some(tunnel);
        }
        if let Some(Failed { phase, awaited, words, cut, injected }) = failed {
            if let Some(len) = injected {
                self.injected.get_or_insert((client, len, words));
            } else if phase == Phase::StartTls {
                self.unencrypted.get_or_insert((client, words, cut));
            }
            self.knowledge.push(EndpointKnowledge::of(client));
            let waiting = GivenUp::of(client, phase, awaited, spent(began));
            let left = Closing::by(channel);
            self.leave(left, waiting);
            return (true, None);
        }
        if let Task::Offer(offer) = task {
            let (name, has_identity) = (plan.tls.server_name.as_deref(), plan.tls.identity.is_some());
            if let Some(choice) = offer::ask(*offer, name, &tls.random(), has_identity, &mut channel) {
                self.unmet_by_choice = tls.unmet_by(&choice.chain).or_else(|| choice.unmet());
                self.choice.get_or_insert(choice.hello);
            }
            self.offered.push(client);
            self.knowledge.push(EndpointKnowledge::of(client));
            channel.close();
            return (true, None);
        }
        let began = Instant::now();
        let (handshake, knowledge) = tls.shake_hands(&plan.tls, &mut channel, matches!(task, Task::Open));
        self.knowledge.push(knowledge);
        let (mut established, took) = match handshake {
            Handshake::Complete(established, took) => (established, took),
            Handshake::Failed(failed) => {
                match failed.refusal {
                    Some(alert) => self.unidentified.push((client, alert)),
                    None => self.unestablished.push(client),
                }
                self.refused = self.refused.or(failed.is_no_choice.then_some(client));
                self.violations.extend(failed.violation.map(|what| (client, what)));
                self.unmet.extend(failed.unmet.map(|demand| (client, demand)));
                self.unpinned.extend(failed.unpinned.map(|own| (client, own)));
                let waiting = GivenUp::of(client, Phase::Tls, "the handshake".to_owned(), spent(began));
                let left = Closing::by(channel);
                self.leave(left, waiting);
                return (true, None);
            }
        };
        self.spent.tls.get_or_insert(Elapsed::from_secs_f64(took.as_secs_f64()));
        self.listened += began.elapsed().saturating_sub(took);
        // How long an answer takes is the server's affair.
        channel.set_patience(None);
        let began = Instant::now();
        let performed = perform(task, plan, server, self.listened, &mut established, &mut channel);
        let began = began + performed.listened;
        if task.line().is_some() {
            self.listened += performed.listened;
        }
        let through = plan.proxy.as_ref().map(|_| authority(&plan.host, plan.port));
        self.asked.insert(client, performed.request(task, through));
        let Performed { token, granted, page, lacks_answer, unanswered, closed_instead, .. } = performed;
        if let Some(token) = token {
            self.spent.token = Some(spent(began));
            self.token = Some(token);
        }
        if let Some(mut page) = page {
            if tls.lacks_identity() {
                page.may_want_identity();
            }
            self.spent.page = Some(spent(began));
            self.page = Some(page);
        }
        let waiting = |(phase, awaited)| GivenUp::of(client, phase, awaited, spent(began));
        self.given_up.extend(unanswered.map(waiting));
        self.closed_instead.extend(closed_instead.map(waiting));
        // An error stays: it is reported again whenever it is asked for.
        let alert = match established.process_new_packets() {
            Err(rustls::Error::AlertReceived(alert)) => Some(AlertDescription(u8::from(alert))),
            _ => None,
        };
        channel.tape().enter(Phase::Tls);
        self.answered = Some(channel.tape().now());
        established.send_close_notify();
        while established.wants_write() && established.write_tls(&mut channel).is_ok() {}
        let left = Closing::by(channel);
        self.unwrapped.extend(left.unwrapped.clone().map(|how| (client, how)));
        self.reset.extend(left.was_reset.then_some(client));
        for given_up in self.given_up.iter_mut().filter(|given_up| given_up.client == client) {
            given_up.lack = left.lack;
        }
        if let Some(knowledge) = left.keep(&mut self.knowledge, client) {
            knowledge.alert = knowledge.alert.or(alert.map(|alert| (Role::Server, alert)));
            knowledge.lacks_answer = lacks_answer;
        }
        (true, granted)
    }

    /// Keeps how a connection on which something was still awaited was left.
    fn leave(&mut self, left: Closing, waiting: GivenUp) {
        let (client, is_given_up) = (waiting.client, left.is_given_up);
        let waiting = GivenUp { lack: left.lack, ..waiting };
        self.unwrapped.extend(left.unwrapped.clone().map(|how| (client, how)));
        self.reset.extend(left.was_reset.then_some(client));
        left.keep(&mut self.knowledge, client);
        if is_given_up {
            self.given_up.push(waiting);
        }
    }
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
        Some(io::ErrorKind::UnexpectedEof) => performed.closed_instead = Some((phase, line)),
        _ => {}
    }
    performed.listened = listened;
    performed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_share_what_is_left_once_one_was_silent_for_the_stall_time() {
        let ms = Duration::from_millis;
        let of = |left, addresses, has_silence| {
            patience_for(ms(left), addresses, (ms(3_100), ms(3_100)), has_silence)
        };
        assert_eq!(of(10_000, 7, false), ms(3_100));
        assert_eq!(of(6_900, 6, true), ms(1_150));
        // There is time for the stall time of each.
        assert_eq!(of(6_900, 2, true), ms(3_100));
        assert_eq!(of(500, 6, true), SHORTEST);
    }

    #[test]
    fn who_waits_for_a_slow_server_shares_the_time_among_its_addresses() {
        let ms = Duration::from_millis;
        assert_eq!(patience_for(ms(60_000), 3, (ms(3_100), Duration::MAX), false), ms(20_000));
    }
}
