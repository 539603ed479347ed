//! What a server's line shows of a request: what was asked, and what the status of its answer means.

use super::AttemptOutcome;
use crate::log::grammar::Request;
use crate::log::quote::Quote;

/// Method and path in one.
pub(super) fn line(method: Option<&str>, path: Option<&str>) -> Option<Quote> {
    let path = path?;
    Some(method.map_or_else(|| Quote::held(path), |method| Quote::held(&[method, path].join(" "))))
}

/// What an answer's status means.
pub(super) fn outcome(request: &Request) -> AttemptOutcome {
    match request.status {
        _ if request.is_tls => AttemptOutcome::NotTls,
        Some(499) => AttemptOutcome::GaveUp,
        Some(status @ 400..) => AttemptOutcome::Status(status),
        Some(_) => AttemptOutcome::Succeeded,
        None => AttemptOutcome::Unknown,
    }
}
