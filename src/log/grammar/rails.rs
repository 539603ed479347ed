//! Rails' own lines about a request, where lograge does not replace them: one when it comes, one when it is answered.
//!
//! ```text
//! Started POST "/oauth/token" for 10.66.76.81 at 2026-11-28 17:03:47 +0000
//! Completed 401 Unauthorized in 10ms (Views: 0.2ms | ActiveRecord: 1.0ms)
//! ```
//!
//! The tags before a line, the process, or the container that wrote it show which two belong together. The address in the first is
//! that of a front end as often as the client's, so it is not read.

use super::fields::{milliseconds, tags};
use super::{Entry, Fact, Grammar, Level, Request};
use crate::log::stamp;

/// Reads one line, or what follows a prefix.
pub(super) fn read(text: &str) -> Option<Entry<'_>> {
    started(text).or_else(|| completed(text))
}

/// The line of a request that has come, which has a time of its own.
pub(super) fn started(text: &str) -> Option<Entry<'_>> {
    let (key, rest) = tags(text);
    let rest = rest.strip_prefix("Started ")?;
    let (method, rest) = rest.split_once(" \"")?;
    let is_method = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase());
    let (path, rest) = rest.split_once("\" for ").filter(|_| is_method)?;
    let mut entry = Entry::new(Grammar::Lograge, text);
    entry.level = Level::Info;
    entry.stamp = rest.split_once(" at ").and_then(|(_, at)| stamp::iso(at)).map(|(stamp, _)| stamp);
    let request = Request { method: Some(method), path: Some(path), ..Request::default() };
    entry.fact = Fact::Started { request, key };
    Some(entry)
}

/// The line of a request that is answered.
pub(super) fn completed(text: &str) -> Option<Entry<'_>> {
    let (key, rest) = tags(text);
    let rest = rest.strip_prefix("Completed ")?;
    let (status, rest) = rest.split_once(' ')?;
    let status: u16 = status.parse().ok().filter(|status| (100..600).contains(status))?;
    let (_, took) = rest.split_once("in ")?;
    let (took, _) = took.split_once("ms")?;
    let mut entry = Entry::new(Grammar::Lograge, text);
    entry.level = match status {
        500.. => Level::Error,
        400.. => Level::Warning,
        _ => Level::Info,
    };
    let request = Request { status: Some(status), duration: milliseconds(took), ..Request::default() };
    entry.fact = Fact::Completed { request, key };
    Some(entry)
}

/// What such a line says, and the key that it shares with the one before.
pub(in crate::log) fn completion(text: &str) -> Option<(Request<'_>, &str)> {
    match completed(text)?.fact {
        Fact::Completed { request, key } => Some((request, key)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_lines_of_a_request_have_a_tag_in_common() {
        for tag in ["", "[5f0c] ", "[5f0c] [10.0.0.1] "] {
            let text = format!(
                "{tag}Started POST \"/oauth/token?x=1\" for 10.66.76.81 at 2026-11-28 17:03:47 +0000"
            );
            let entry = read(&text).expect("a line");
            let Fact::Started { request, key } = entry.fact else { panic!("{entry:?}") };
            assert_eq!(
                (request.method, request.path, key),
                (Some("POST"), Some("/oauth/token?x=1"), tag.trim_end())
            );
            assert_eq!(entry.stamp.expect("a time").zone, stamp::Zone::Offset(0));
            let text =
                format!("{tag}Completed 401 Unauthorized in 10ms (Views: 0.2ms | ActiveRecord: 1.0ms)");
            let entry = read(&text).expect("a line");
            let Fact::Completed { request, key } = entry.fact else { panic!("{entry:?}") };
            assert_eq!(
                (request.status, request.duration, key),
                (Some(401), Some(10_000_000), tag.trim_end())
            );
            assert_eq!((entry.stamp, entry.level), (None, Level::Warning));
        }
    }

    #[test]
    fn sentences_are_no_requests() {
        for text in [
            "Started the server",
            "Started POST \"/x\"",
            "Started by \"root\" for no reason",
            "Completed 3 jobs in 10ms",
            "Completed 401 Unauthorized",
            "[x] Processing by T#create as JSON",
        ] {
            assert!(read(text).is_none(), "{text}");
        }
    }
}
