//! What came of an attempt.

use std::net::IpAddr;

use super::dns::{Lookup, Resolution};
use super::http::Answer;
use super::oauth::Token;
use super::plan::Page;
use super::proxy::Tunnel;
use super::secret::Secret;
use super::tape::Step;
use crate::analysis::{Judged, Summary};
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
    /// What was done and what came back. The numbers of packets in verdicts and findings are these.
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
}

/// What follows from all of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Conclusion {
    /// What it means for the exit status.
    pub severity: Severity,
    /// A verdict's code, or one of [`REASONS`].
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

/// What can be the matter before a connection and above it, and what it says.
pub const REASONS: [(&str, &str); 7] = [
    ("name-unknown", "the resolver says that the name does not exist, or has no address"),
    ("resolver-failed", "the resolver failed or refused to answer"),
    ("resolver-silent", "no resolver answered"),
    ("not-sent", "this host sent nothing: it has no route, or a filter of its own"),
    ("token-refused", "SSM refused the access token"),
    ("page-unexpected", "the answer's status or body is not what is expected"),
    ("nothing-done", "time was over before anything could be tried"),
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
            headline: verdict.headline.clone(),
            explanation: verdict.explanation.clone(),
            advice: verdict.advice.clone(),
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
        explanation: "TCP and TLS are fine; what is wrong stands in the answer.".to_owned(),
        advice: vec!["Read the server's log at that time.".to_owned()],
    }
}

impl PageAnswer {
    pub(super) fn unanswered(page: &Page, why: &str) -> Self {
        let headline = format!("no answer to GET {}: {why}", page.path);
        Self { path: page.path.clone(), status: None, is_expected: false, headline }
    }

    pub(super) fn read(page: &Page, answer: &Answer, token: Option<&Secret>) -> Self {
        let status = answer.status;
        let is_status_expected = match page.statuses.as_slice() {
            [] => status < 400,
            ranges => ranges.iter().any(|(from, to)| (*from..=*to).contains(&status)),
        };
        let body = String::from_utf8_lossy(&answer.body);
        let lacks_text = page.text.as_ref().is_some_and(|text| !body.contains(text.as_str()));
        let path = &page.path;
        let challenge = answer.header("www-authenticate").map(|text| {
            let text = token.map_or_else(|| text.to_owned(), |token| token.cover(text));
            format!(": {text}")
        });
        let headline = match (is_status_expected, lacks_text) {
            (true, false) => format!("{path} answers {status}, as is expected"),
            (true, true) => format!("{path} answers {status}, without the text that is expected"),
            (false, _) => format!("{path} answers {status}{}", challenge.unwrap_or_default()),
        };
        Self {
            path: path.clone(),
            status: Some(status),
            is_expected: is_status_expected && !lacks_text,
            headline,
        }
    }
}
