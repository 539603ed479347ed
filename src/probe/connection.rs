//! The connections of an attempt, one after the other: TCP, a proxy's tunnel, TLS, and a request.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::http::offer::Offer;
use super::net::connect::{Connected, connect};
use super::net::socket::Channel;
use super::open_connection::OpenConnection;
use super::page::{self, Page, PageAnswer};
use super::record::ConnectionRecord;
use super::secret::Secret;
use super::step::Phase;
use super::task::{Performed, Task};
use super::token::{self, Token};
use super::{PhaseDurations, Probe, spent, sum};
use crate::limits;

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
        let had_refusal = self.refused().is_some();
        let (is_up, token) = self.connection(server, left, &first);
        if !had_refusal && self.refused().is_some() {
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
            let version = self.choice().and_then(|hello| hello.version);
            let is_settled = version.is_some_and(|version| !version.is_tls13());
            if !is_settled && Instant::now() < self.until {
                self.connection(server, 1, &Task::Offer(offer));
            }
        }
    }

    /// One connection: whether TCP came up, and a token that was granted over it.
    fn connection(&mut self, server: SocketAddr, left: usize, task: &Task<'_>) -> (bool, Option<Secret>) {
        self.answered = None;
        self.tape.enter(Phase::Tcp);
        let began = Instant::now();
        let least = Duration::from(self.stall_after) + MARGIN;
        // By then it is known whether a silence is a stall.
        let stall_after = Duration::from(self.plan.settings.judging.stall_after);
        let patience = (!self.plan.is_patient).then(|| stall_after + MARGIN);
        let most = patience.map_or(Duration::MAX, |patience| patience.max(SYN_REPEATED));
        let remaining = self.until.saturating_duration_since(began);
        let most = patience_for(remaining, left, (least, most), self.has_silence);
        let (stream, taped) = match connect(&mut self.tape, server, (began + most).min(self.until)) {
            Connected::Up(stream, taped) => (stream, taped),
            Connected::Failed(taped) => {
                let mut record = ConnectionRecord::begin(taped.client, task);
                record.leave_unopened(self.tape.now());
                self.has_silence |= began.elapsed() >= least;
                self.connections.push(record);
                return (false, None);
            }
            Connected::NotSent(error) => {
                // An answer to ARP or neighbor discovery was waited for.
                self.has_silence |= began.elapsed() >= Duration::from(self.stall_after);
                if !self.not_sent.iter().any(|(address, _)| *address == server.ip()) {
                    self.not_sent.push((server.ip(), error));
                }
                return (false, None);
            }
        };
        let mut record = ConnectionRecord::begin(taped.client, task);
        record.spent.connect = Some(spent(began));
        let asks_after = Duration::from(self.stall_after) / 2;
        let mut channel = Channel::new(stream, taped, &mut self.tape, self.until, asks_after);
        channel.set_patience(patience);
        let connection = OpenConnection {
            plan: self.plan,
            tls: &self.tls,
            proxy_tls: self.proxy_tls.as_ref(),
            behind: self.behind,
            server,
            task,
            listened: self.listened,
            channel,
            record,
        };
        let (record, performed) = connection.run();
        (true, self.keep(record, performed))
    }

    /// Adds a connection, and what was done over it, to the attempt. Returns a token that was granted.
    fn keep(&mut self, record: ConnectionRecord, performed: Performed) -> Option<Secret> {
        let PhaseDurations { connect, proxy, tls, token, page, .. } = record.spent;
        let all = &mut self.spent;
        (all.connect, all.proxy, all.tls) = (all.connect.or(connect), all.proxy.or(proxy), all.tls.or(tls));
        (all.token, all.page) = (token.or(all.token), page.or(all.page));
        self.listened += record.listened;
        self.answered = record.answered;
        self.connections.push(record);
        self.token = performed.token.or(self.token.take());
        self.page = performed.page.or(self.page.take());
        performed.granted
    }
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
