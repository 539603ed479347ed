//! What is chosen becomes a tie, with its reasons and its grade.

use super::{Choice, Grade, Support, Tie, Work, host, is_front};
use crate::log::attempt::Side;
use crate::log::clock::{self, Offset};
use crate::log::pair::{self, Agreement, Translation};

impl Work<'_> {
    pub(super) fn accept(&mut self, clock: usize, offset: &Offset, choice: Choice) {
        let attempt = &self.logs.attempts[choice.attempt];
        let exchange = &self.wire.exchanges[choice.exchange];
        let layer = self.layer(choice.attempt);
        let mut reasons = Vec::new();
        reasons.push(match (attempt.side, attempt.begin) {
            (Side::Client, Some(begin)) => {
                Support::Within { attempt: attempt.end - begin, exchange: exchange.end - exchange.start }
            }
            (_, Some(begin)) if choice.is_outlived => Support::Outlived(attempt.end - begin),
            _ => Support::AtItsEnd,
        });
        if offset.votes > 0 {
            reasons.push(Support::Votes(offset.votes));
        }
        if clock::is_same_host(host(&self.logs.clocks[clock]), attempt.side, self.wire) {
            reasons.push(Support::SameHost);
        }
        for (is_so, reason) in [
            (choice.fit.anchors.server, Support::Server),
            (choice.fit.anchors.client, Support::Client),
            (choice.fit.anchors.port, Support::ClientPort),
            (choice.is_by_order, Support::Order),
        ] {
            if is_so {
                reasons.push(reason);
            }
        }
        let outcomes = choice.fit.agreement;
        if outcomes != Agreement::Silent {
            reasons.push(Support::Outcome(outcomes));
        }
        // A server's line that names no client fits any request of that time, also one that was not captured; unless the front end's line
        // about the exchange, which does name it, has the same request.
        let is_named = attempt.side == Side::Client
            || choice.fit.anchors.client
            || self.served[choice.exchange].is_some_and(|front| self.names_client(front, choice.attempt));
        let is_certain = offset.weight >= clock::CERTAIN
            && !choice.is_by_order
            && is_named
            && outcomes != Agreement::Disagrees
            && (attempt.side == Side::Client || outcomes != Agreement::Silent)
            && self.translation[clock] == Translation::Excluded;
        if is_front(attempt) {
            self.served[choice.exchange] = Some(choice.attempt);
        }
        for index in choice.earlier.iter().chain([&choice.exchange]) {
            self.taken[*index].push((layer, choice.attempt));
        }
        self.refusals[choice.attempt] = None;
        self.ties[choice.attempt] = Some(Tie {
            attempt: choice.attempt,
            exchange: choice.exchange,
            earlier: choice.earlier,
            grade: if is_certain { Grade::Certain } else { Grade::Likely },
            outcomes,
            offset: offset.value,
            reasons,
        });
    }

    /// Whether a front end's line that is tied to an exchange names the client of what another line is about.
    fn names_client(&self, front: usize, other: usize) -> bool {
        let (line, behind) = (&self.logs.attempts[front], &self.logs.attempts[other]);
        let is_certain = self.ties[front].as_ref().is_some_and(|tie| tie.grade == Grade::Certain);
        is_certain
            && line.request.is_some()
            && behind.request.is_some()
            && pair::is_behind_front_end(behind, line)
    }
}
