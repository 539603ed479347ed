//! Requests of which Rails writes a line when they come and one when they are answered.

use super::answered::{line, outcome};
use super::{Attempt, AttemptOutcome, Gathered, NearbyLine, Seen, Side};
use crate::limits;
use crate::log::grammar::{Request, rails};
use crate::log::quote::Quote;
use crate::time::Elapsed;

/// Requests that have come and are not answered yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Open(Vec<Begun>);

#[derive(Clone, Debug)]
struct Begun {
    /// What the line of its answer has too: tags, the process, the container.
    key: Box<str>,
    /// The attempt, as far as its first line shows it.
    attempt: Attempt,
}

impl Open {
    /// A request has come.
    pub fn begin(&mut self, seen: &Seen, request: &Request, key: &str) {
        if self.0.len() >= limits::LOG_PENDING_ERRORS {
            self.0.remove(0);
        }
        let mut attempt = Attempt::ending_with(seen, Side::Server, AttemptOutcome::Unknown);
        attempt.begin = Some(seen.at);
        attempt.request = line(request.method, request.path);
        attempt.push_line(seen.line());
        self.0.push(Begun { key: key.into(), attempt });
    }

    /// What a request began with that is answered now: nothing if several with its key are open, for their answers may come in any
    /// order. Those are given up.
    pub fn end(&mut self, key: &str) -> Option<Attempt> {
        let is_own = |begun: &Begun| *begun.key == *key;
        let is_alone = self.0.iter().filter(|begun| is_own(begun)).count() == 1;
        let mut own = self.0.extract_if(.., |begun| is_own(begun)).map(|begun| begun.attempt);
        let first = own.next();
        own.for_each(drop);
        first.filter(|_| is_alone)
    }

    /// A line without a time that continues the one before: the answer's, whose time follows from the request's.
    pub fn end_without_time(&mut self, text: &str, number: u64, out: &mut Gathered) {
        let Some((request, key)) = rails::completion(text) else { return };
        let (Some(attempt), Some(took)) = (self.end(key), request.duration) else { return };
        let Some(last) = attempt.lines.last().cloned() else { return };
        let mut attempt = Attempt {
            end: attempt.end + Elapsed::from_nanos(took),
            outcome: outcome(&request),
            status: request.status,
            ..attempt
        };
        attempt.push_line(NearbyLine { number, text: Quote::held(text), ..last });
        out.push(attempt);
    }
}
