//! What came before a connection and belongs to it: the lookup of the server's address, and searches for a neighbour that got no
//! reply.

use super::row::{Arrow, Kind, Row};
use crate::analysis::{Found, Search, Summary};
use crate::packet::Host;
use crate::report::text::escape::escaped;
use crate::report::text::words::{PacketNames, count};
use crate::story::Story;
use crate::tcp::Role;
use crate::time::{Elapsed, Timestamp};
use crate::verdict::{Severity, Verdict};

/// How long before a connection the answer came that it began with. A client that caches it longer began with the cache.
const RECENT: Elapsed = Elapsed::from_millis(10_000);

/// Puts these rows where they belong by their time.
pub(super) fn add(
    rows: &mut Vec<Row>,
    story: &Story,
    verdict: &Verdict,
    summary: Option<&Summary>,
    names: &PacketNames<'_>,
) {
    let Some(summary) = summary else { return };
    for row in lookup(story, summary, names).into_iter().chain(searches(story, verdict, summary, names)) {
        let is_later = |other: &Row| other.at.is_some_and(|at| Some(at) > row.at);
        // What has no time goes to the end, or below the row that it follows.
        let last = rows.iter().rposition(|other| other.at.is_some()).map_or(0, |last| last + 1);
        let place = rows.iter().position(is_later).unwrap_or(last);
        rows.insert(place, row);
    }
}

/// How many rows there will be.
pub(super) fn len(story: &Story, verdict: &Verdict, summary: Option<&Summary>) -> usize {
    let Some(summary) = summary else { return 0 };
    usize::from(found(story, summary).is_some()) + unanswered(story, verdict, summary).count()
}

/// The answer with the server's address that the client got last.
fn found<'s>(story: &Story, summary: &'s Summary) -> Option<&'s Found> {
    let [client, server] = [Role::Client, Role::Server].map(|role| story.parties[role].host);
    let found = summary.lookups.before(client, story.names.address(server)?, story.first.number)?;
    (story.first.at - found.answered.at <= RECENT).then_some(found)
}

fn lookup(story: &Story, summary: &Summary, names: &PacketNames<'_>) -> Option<Row> {
    let found = found(story, summary)?;
    let address = story.host(Role::Server).to_string();
    let resolver = summary.names.show(found.resolver);
    let text = match found.asked {
        Some(asked) => {
            format!("{} is {address} ({resolver}, {})", found.name, found.answered.at - asked.at)
        }
        None => format!("{} is {address} ({resolver})", found.name),
    };
    let label = match found.asked {
        Some(asked) if !names.has_files() => format!("{}-{}", asked.number, found.answered.number),
        _ => names.of(found.answered.number),
    };
    let at = found.asked.unwrap_or(found.answered).at;
    Some(Row { until: Some(found.answered.at), ..row(label, "DNS", escaped(&text), at) })
}

/// The ends that were looked for on the link and did not reply, where the server sent nothing.
fn unanswered<'s>(
    story: &'s Story,
    verdict: &Verdict,
    summary: &'s Summary,
) -> impl Iterator<Item = (Host, &'s Search)> {
    let is_silent = story.traffic.counters.server.segments == 0;
    let matters = verdict.severity == Severity::Critical && is_silent;
    let hosts = [Role::Server, Role::Client].map(|role| story.parties[role].host).into_iter();
    hosts
        .filter(move |_| matters)
        .filter_map(|host| Some((host, summary.neighbours.get(&host)?)))
        .filter(|(_, search)| search.asked > 0 && search.answered == 0)
}

fn searches(story: &Story, verdict: &Verdict, summary: &Summary, names: &PacketNames<'_>) -> Vec<Row> {
    unanswered(story, verdict, summary)
        .filter_map(|(host, search)| {
            let first = search.first?;
            let protocol = if host.is_ipv6() { "NDP" } else { "ARP" };
            let requests = count(search.asked, "request");
            let text = format!("who has {}? {requests}, no reply", summary.names.show(host));
            Some(row(names.of(first.number), protocol, escaped(&text), first.at))
        })
        .collect()
}

fn row(label: String, protocol: &str, text: String, at: Timestamp) -> Row {
    Row {
        items: Vec::new(),
        label,
        at: Some(at),
        until: Some(at),
        arrow: Arrow::Other(protocol.to_owned()),
        text: vec![text],
        is_fault: false,
        is_dim: false,
        kind: Kind::Key,
    }
}
