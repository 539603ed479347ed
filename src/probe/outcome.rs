//! What came of an attempt.

use std::net::IpAddr;

use super::http::exchange::Answer;
use super::http::proxy::Tunnel;
use super::net::capture::Captured;
use super::net::dns::{Lookup, Resolution};
use super::plan::Page;
use super::secret::Secret;
use super::tape::Step;
use super::token::{self, Grant, Token};
use crate::analysis::{Judged, Summary};
use crate::limits;
use crate::time::{Elapsed, Timestamp};
use crate::verdict::Severity;

/// What came of an attempt.
#[derive(Debug)]
pub struct Outcome {
    /// The host that was checked.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// When it began.
    pub began: Timestamp,
    /// How long its parts took.
    pub spent: Spent,
    /// What was done and what came back. Where no packets were captured, the numbers of packets in verdicts and findings are
    /// these steps'.
    pub steps: Vec<Step>,
    /// How the addresses were found, the proxy's where there is one.
    pub resolution: Option<Resolution>,
    /// The addresses in the order in which they are tried.
    pub order: Vec<IpAddr>,
    /// An address to which the system sent nothing, and why.
    pub not_sent: Option<(IpAddr, String)>,
    /// The proxy that was asked for a tunnel.
    pub proxy: Option<ProxyUse>,
    /// Each connection with its verdict.
    pub connections: Vec<Judged>,
    /// The packets that were captured meanwhile; absent where the sockets alone tell.
    pub captured: Option<Captured>,
    /// The connections in figures.
    pub summary: Summary,
    /// What came of the request for a token.
    pub token: Option<Token>,
    /// What came of the request for a page.
    pub page: Option<PageAnswer>,
}

/// How long the parts of an attempt took.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Spent {
    /// Finding addresses.
    pub dns: Option<Elapsed>,
    /// The first connection that came up.
    pub connect: Option<Elapsed>,
    /// The first TLS handshake that was completed.
    pub tls: Option<Elapsed>,
    /// The request for a token.
    pub token: Option<Elapsed>,
    /// The request for a page.
    pub page: Option<Elapsed>,
    /// All of it.
    pub total: Elapsed,
}

/// A proxy, and what it said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProxyUse {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The user that it was told.
    pub user: Option<String>,
    /// Where it was named.
    pub named_by: String,
    /// Its answer; absent where it was not asked.
    pub tunnel: Option<Tunnel>,
}

/// What came of the request for a page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PageAnswer {
    /// Its path.
    pub path: String,
    /// The status; absent where no answer came.
    pub status: Option<u16>,
    /// Whether status and body are what was expected.
    pub is_expected: bool,
    /// What it is, in one line.
    pub headline: String,
    /// Plain words: why.
    pub explanation: String,
    /// What to do next.
    pub advice: Vec<&'static str>,
}

/// What follows from all of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Conclusion {
    /// What it means for the exit status.
    pub severity: Severity,
    /// A verdict's code, or that of one of [`REASONS`].
    pub reason: &'static str,
    /// The connection whose verdict it is, by its place.
    pub connection: Option<usize>,
    /// One line: what happened.
    pub headline: String,
    /// Plain words: why.
    pub explanation: String,
    /// What to do next.
    pub advice: Vec<String>,
}

/// What can be the matter before a connection and above it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reason {
    /// The code, as the name of its doc page.
    pub code: &'static str,
    /// What it means for the exit status.
    pub severity: Severity,
    /// What it says, in one sentence.
    pub summary: &'static str,
    /// The doc page, in Markdown.
    pub page: &'static str,
}

/// Every reason, in the order of the path.
pub const REASONS: [Reason; 7] = [
    Reason {
        code: "name-unknown",
        severity: Severity::Critical,
        summary: "the resolver says that the name does not exist, or has no address",
        page: include_str!("../../docs/reasons/name-unknown.md"),
    },
    Reason {
        code: "resolver-failed",
        severity: Severity::Critical,
        summary: "the resolver failed, or refused to answer",
        page: include_str!("../../docs/reasons/resolver-failed.md"),
    },
    Reason {
        code: "resolver-silent",
        severity: Severity::Critical,
        summary: "no resolver answered",
        page: include_str!("../../docs/reasons/resolver-silent.md"),
    },
    Reason {
        code: "not-sent",
        severity: Severity::Critical,
        summary: "this host sent nothing: it has no route, or a filter of its own",
        page: include_str!("../../docs/reasons/not-sent.md"),
    },
    Reason {
        code: "token-refused",
        severity: Severity::Critical,
        summary: "SSM On-Prem granted no access token",
        page: include_str!("../../docs/reasons/token-refused.md"),
    },
    Reason {
        code: "page-unexpected",
        severity: Severity::Critical,
        summary: "the answer's status or body is not what is expected",
        page: include_str!("../../docs/reasons/page-unexpected.md"),
    },
    Reason {
        code: "nothing-done",
        severity: Severity::Unknown,
        summary: "time was over before anything could be tried",
        page: include_str!("../../docs/reasons/nothing-done.md"),
    },
];

impl Outcome {
    /// What follows from all of it: the first fault on the way from name to page.
    pub fn conclusion(&self) -> Conclusion {
        let critical = |connection: &Judged| connection.verdict.severity == Severity::Critical;
        let told = self.unresolved().or_else(|| {
            let failed = self.connections.iter().position(critical);
            failed.map(|index| self.of_connection(index))
        });
        told.or_else(|| self.unsent())
            .or_else(|| self.token.as_ref().filter(|token| !token.is_granted()).map(of_token))
            .or_else(|| self.page.as_ref().filter(|page| !page.is_expected).map(of_page))
            .or_else(|| {
                let severities = [Severity::Unknown, Severity::Warning, Severity::Ok];
                severities.iter().find_map(|severity| {
                    let index =
                        self.connections.iter().position(|judged| judged.verdict.severity == *severity)?;
                    Some(self.of_connection(index))
                })
            })
            .unwrap_or_else(|| Conclusion {
                severity: Severity::Unknown,
                reason: "nothing-done",
                connection: None,
                headline: "nothing was tried before time was over".to_owned(),
                explanation: "Finding the host's address took all of the time.".to_owned(),
                advice: vec!["Give it more time with --timeout.".to_owned()],
            })
    }

    /// The exit status: 0 healthy, 1 warning, 2 critical, 3 unknown.
    pub fn exit_status(&self) -> u8 {
        match self.conclusion().severity {
            Severity::Ok => 0,
            Severity::Warning => 1,
            Severity::Critical => 2,
            Severity::Unknown => 3,
        }
    }

    fn of_connection(&self, index: usize) -> Conclusion {
        let Some(Judged { verdict, .. }) = self.connections.get(index) else {
            return Conclusion {
                severity: Severity::Unknown,
                reason: "nothing-done",
                connection: None,
                headline: String::new(),
                explanation: String::new(),
                advice: Vec::new(),
            };
        };
        Conclusion {
            severity: verdict.severity,
            reason: verdict.code,
            connection: Some(index),
            headline: verdict.headline.clone().into_owned(),
            explanation: verdict.explanation.clone().into_owned(),
            advice: verdict.advice.iter().map(ToString::to_string).collect(),
        }
    }

    fn unresolved(&self) -> Option<Conclusion> {
        let found = self.resolution.as_ref()?;
        let name = &found.name;
        let server = found.server.map(|server| server.to_string()).unwrap_or_default();
        let asked: Vec<_> = found.servers.iter().map(ToString::to_string).collect();
        let asked = asked.join(", ");
        let code = found.rcode.as_deref().unwrap_or_default();
        let (reason, headline, explanation, advice): (_, String, String, &[&str]) = match found.outcome {
            Lookup::Found | Lookup::HostsFile => return None,
            Lookup::Literal if !found.addresses.is_empty() => return None,
            Lookup::NoSuchName => (
                "name-unknown",
                format!("there is no name {name}"),
                format!(
                    "The resolver {server} answered {code}: no such name, with or without the domains of resolv.conf."
                ),
                &[
                    "Check the spelling of the host's name, and of the domain behind it.",
                    "Check that this resolver knows the zone: a name of an internal one is not known outside.",
                ],
            ),
            Lookup::NoAddress | Lookup::Literal => (
                "name-unknown",
                format!("{name} has no address of the family that is asked for"),
                format!("The resolver {server} knows the name and answered {code} without an address."),
                &["Leave -4 and -6 away, or add the missing A or AAAA record."],
            ),
            Lookup::BadName => (
                "name-unknown",
                format!("{name} is no name that can be asked for"),
                "A label of a name has at most 63 bytes, a name 255 (RFC 1035, 2.3.4).".to_owned(),
                &["Check the spelling of the host's name."],
            ),
            Lookup::Failed => (
                "resolver-failed",
                format!("the resolver answered {code} to {name}"),
                format!(
                    "The resolver {server} is reachable and could not, or would not, find the name out: {code}. SERVFAIL is its own \
                     trouble with the servers of the zone (or with DNSSEC), REFUSED its policy."
                ),
                &["Look at the resolver: its forwarders, the zone's servers, its access list."],
            ),
            Lookup::Silent => (
                "resolver-silent",
                format!("no resolver answered for {name}"),
                format!(
                    "Asked: {asked}. The last question got this: {}. So no packet went to the host.",
                    found.failure.as_deref().unwrap_or("no answer")
                ),
                &[
                    "Check the resolvers of /etc/resolv.conf, the route to them, and port 53 by UDP on the way.",
                    "With the address instead of the name, DNS is left out.",
                ],
            ),
        };
        Some(Conclusion {
            severity: Severity::Critical,
            reason,
            connection: None,
            headline,
            explanation,
            advice: advice.iter().map(|line| (*line).to_owned()).collect(),
        })
    }

    fn unsent(&self) -> Option<Conclusion> {
        let (address, why) = self.not_sent.as_ref().filter(|_| self.connections.is_empty())?;
        Some(Conclusion {
            severity: Severity::Critical,
            reason: "not-sent",
            connection: None,
            headline: format!("this host sends nothing to {address}: {why}"),
            explanation: "The system refused before a packet left: no route, a route that forbids, a filter of its own, or no \
                          address of that family."
                .to_owned(),
            advice: vec![format!("Look at `ip route get {address}`, and at this host's own firewall.")],
        })
    }
}

fn of_token(token: &Token) -> Conclusion {
    Conclusion {
        severity: Severity::Critical,
        reason: "token-refused",
        connection: None,
        headline: token.headline.clone(),
        explanation: token.explanation.clone(),
        advice: token.advice.iter().map(|line| (*line).to_owned()).collect(),
    }
}

fn of_page(page: &PageAnswer) -> Conclusion {
    Conclusion {
        severity: Severity::Critical,
        reason: "page-unexpected",
        connection: None,
        headline: page.headline.clone(),
        explanation: page.explanation.clone(),
        advice: page.advice.iter().map(|line| (*line).to_owned()).collect(),
    }
}

const LOG: &str = "Read the server's log at that time.";

impl PageAnswer {
    pub(super) fn unanswered(page: &Page, why: &str) -> Self {
        Self {
            path: page.path.clone(),
            status: None,
            is_expected: false,
            headline: format!("no answer to GET {}", page.path),
            explanation: format!("The request went out over TLS, and then: {why}."),
            advice: vec![LOG],
        }
    }

    /// What an answer is, to a request with this token, granted in this way.
    pub(super) fn read(page: &Page, answer: &Answer, token: Option<(&Secret, Grant)>) -> Self {
        let status = answer.status;
        let is_status_expected = match page.statuses.as_slice() {
            [] => status < 400,
            ranges => ranges.iter().any(|(from, to)| (*from..=*to).contains(&status)),
        };
        let body = String::from_utf8_lossy(&answer.body);
        let lacks_text = page.text.as_ref().is_some_and(|text| !body.contains(text.as_str()));
        let path = &page.path;
        let mut told = Self {
            path: path.clone(),
            status: Some(status),
            is_expected: is_status_expected && !lacks_text,
            headline: format!("{path} answers {status}"),
            explanation: "TCP and TLS are fine; what is wrong stands in the answer.".to_owned(),
            advice: vec![LOG],
        };
        let refusal = answer.header("www-authenticate").and_then(bearer_error);
        match (is_status_expected, lacks_text, refusal, token) {
            (true, false, ..) => told.headline.push_str(", as is expected"),
            (true, true, ..) => told.headline.push_str(", without the text that is expected"),
            // RFC 6750, 3.1: the server says what is wrong with the token.
            (false, _, Some(error), Some((token, grant))) => {
                let error: String = token.cover(error).chars().take(limits::PEER_WORDS).collect();
                let meaning = token::meaning(&error, grant);
                told.headline = format!("{path} answers {status}: {}", meaning.headline);
                told.explanation = meaning.explanation;
                told.advice = meaning.advice;
            }
            (false, ..) => {}
        }
        told
    }
}

/// The error that a challenge names: `Bearer realm="x", error="invalid_token"` (RFC 6750, 3).
fn bearer_error(challenge: &str) -> Option<&str> {
    let (_, rest) = challenge.split_once("error=\"")?;
    rest.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_names_its_error() {
        let challenge = "Bearer realm=\"Doorkeeper\", error=\"insufficient_scope\", error_description=\"x\"";
        assert_eq!(bearer_error(challenge), Some("insufficient_scope"));
        assert_eq!(bearer_error("Basic realm=\"x\""), None);
        assert_eq!(bearer_error("Bearer error=\""), Some(""));
    }
}
