//! A selection that matches no connection: what the input holds instead.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;

use ssmscope::analysis::{self, Judged, Needs, Settings, Sink, Summary};
use ssmscope::capture::{Source, Target};
use ssmscope::limits;
use ssmscope::tcp::Role;

use crate::args::Selection;
use crate::nearness;

/// Servers, or clients, that are named. Those with most connections come first.
const NAMED: usize = 5;

/// Reads the input again, without the selection, where this matched no connection. Returns what to print about the
/// input's connections; nothing if it has none.
pub fn seen(
    source: &mut dyn Source,
    selection: &Selection,
    settings: &Settings,
    selected: &Summary,
) -> Option<String> {
    if selected.connections > 0 || selected.error.is_some() || selection.options().is_empty() {
        return None;
    }
    let settings = Settings {
        keeps_timeline: false,
        window: None,
        most_packets: None,
        logs: None,
        threads: 1,
        ..settings.clone()
    };
    let mut ends = Ends::default();
    let summary = analysis::analyse(source, Target::default(), &settings, &mut ends).ok()?;
    (summary.connections > 0).then(|| text(&ends, &summary, selection))
}

/// The ends of connections, with how many each has.
#[derive(Default)]
struct Ends {
    servers: BTreeMap<String, (u64, String)>,
    clients: BTreeMap<String, u64>,
}

impl Sink for Ends {
    fn connection(&mut self, judged: Judged) -> io::Result<()> {
        let story = &judged.story;
        let host = |role: Role| story.host(role).to_string();
        let (server, client) = (host(Role::Server), host(Role::Client));
        let place = ssmscope::probe::authority(&server, story.parties.server.port);
        if self.servers.len() < limits::COUNTED_ENDS || self.servers.contains_key(&place) {
            self.servers.entry(place).or_insert((0, server)).0 += 1;
        }
        if self.clients.len() < limits::COUNTED_ENDS || self.clients.contains_key(&client) {
            *self.clients.entry(client).or_default() += 1;
        }
        Ok(())
    }

    fn needs(&self) -> Needs {
        Needs::VERDICTS
    }
}

fn text(ends: &Ends, summary: &Summary, selection: &Selection) -> String {
    let files: Vec<_> = summary.about.files.iter().map(|file| file.name.as_str()).collect();
    let files = match files.as_slice() {
        [one] => (*one).to_owned(),
        files => format!("{} files", files.len()),
    };
    let plural = if summary.connections == 1 { "" } else { "s" };
    let mut text = format!(
        "no connection matches {} ({} connection{plural} in {files})",
        selection.options(),
        summary.connections
    );
    let servers = most(ends.servers.iter().map(|(place, (count, _))| (place.as_str(), *count)));
    let clients = most(ends.clients.iter().map(|(client, count)| (client.as_str(), *count)));
    // Writing to a string can't fail.
    let _ = write!(text, "\n  servers seen: {servers}");
    let hosts =
        ends.servers.values().map(|(_, host)| host.as_str()).chain(ends.clients.keys().map(String::as_str));
    if let [host] = selection.host.as_slice()
        && let Some(near) = nearness::near(host, hosts)
    {
        let _ = write!(text, "        did you mean --host {near}?");
    }
    let _ = write!(text, "\n  clients seen: {clients}");
    text
}

/// Those with most connections, with their counts.
fn most<'a>(ends: impl Iterator<Item = (&'a str, u64)>) -> String {
    let mut ends: Vec<_> = ends.collect();
    ends.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(other.0)));
    let named: Vec<_> = ends.iter().take(NAMED).map(|(end, count)| format!("{end} ({count})")).collect();
    let further = ends.len().saturating_sub(NAMED);
    let further = if further > 0 { format!(" and {further} more") } else { String::new() };
    named.join(", ") + &further
}
