//! The size of an answer, against what a log says of it.

use crate::log::attempt::{Attempt, AttemptOutcome};
use crate::log::grammar::Grammar;
use crate::log::wire::Exchange;

/// A kind of lines whose answers have something in common.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(in crate::log) enum Kind<'a> {
    /// The log has the bytes of the whole answer.
    Whole,
    /// It has those of the body; answers of one status have one header.
    Body(Option<u16>),
    /// It has none: answers of one status, or after one error, are one page. The words are the error's, up to what changes; the request
    /// is there where pages differ by it.
    Page {
        grammar: Grammar,
        status: Option<u16>,
        outcome: AttemptOutcome,
        words: &'a str,
        request: Option<&'a str>,
    },
}

/// The kind of a line, and what its answer's size is above what the log says of it, in bytes; nothing if the wire does not show it.
pub(in crate::log) fn answer<'a>(attempt: &'a Attempt, exchange: &Exchange) -> Option<(Kind<'a>, i64)> {
    let size = i64::from(exchange.answer_bytes?);
    let named = |bytes: Option<u64>| bytes.and_then(|bytes| i64::try_from(bytes).ok());
    if let Some(sent) = named(attempt.sent_bytes) {
        return Some((Kind::Whole, size.saturating_sub(sent)));
    }
    if let Some(body) = named(attempt.body_bytes) {
        return Some((Kind::Body(attempt.status), size.saturating_sub(body)));
    }
    let words = attempt.lines.first().filter(|_| attempt.outcome == AttemptOutcome::Failed);
    let gateway = gateway_error(attempt);
    let words = if gateway.is_some() { "" } else { words.map_or("", |line| sentence(line.text.raw())) };
    let kind = Kind::Page {
        grammar: attempt.grammar,
        status: attempt.status,
        outcome: gateway.unwrap_or(attempt.outcome),
        words,
        request: None,
    };
    Some((kind, size))
}

/// What nginx answers after an error of a server behind it, if no other one answers instead: one page for all that are bad gateways, one
/// for those that took too long.
fn gateway_error(attempt: &Attempt) -> Option<AttemptOutcome> {
    let text = attempt.lines.first().filter(|_| attempt.grammar == Grammar::NginxError)?.text.raw();
    let sentence = text.split_once(", client: ").map_or(text, |(sentence, _)| sentence);
    let may_be = matches!(attempt.outcome, AttemptOutcome::Failed | AttemptOutcome::Status(502));
    (may_be && sentence.contains("upstream"))
        .then(|| AttemptOutcome::Status(if is_timeout(text) { 504 } else { 502 }))
}

/// Whether nginx gave up a server behind it that took too long.
pub(super) fn is_timeout(text: &str) -> bool {
    text.starts_with("upstream timed out")
}

/// The same kind for one request alone.
pub(in crate::log) fn of_request<'a>(kind: Kind<'a>, attempt: &'a Attempt) -> Option<Kind<'a>> {
    match kind {
        Kind::Page { grammar, status, outcome, words, request: None } => {
            let request = Some(attempt.request.as_ref()?.raw());
            Some(Kind::Page { grammar, status, outcome, words, request })
        }
        Kind::Whole | Kind::Body(_) | Kind::Page { .. } => None,
    }
}

/// What an error says before it names a file, a peer or a number.
fn sentence(text: &str) -> &str {
    text.split([',', '"', '(']).next().unwrap_or_default()
}
