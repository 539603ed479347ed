//! One row per connection, and a summary by server and verdict.

use std::io::{self, Write};

use comfy_table::presets::UTF8_FULL;
use comfy_table::{ContentArrangement, Table};

use super::collection::Collection;
use super::escape::escaped;
use super::words::{self, grouped};
use super::{Style, capture, clock};
use crate::analysis::{Judged, Summary};
use crate::tcp::Role;

/// Writes the table of connections, that of servers, and what there is to say about the capture.
///
/// # Errors
/// When `out` can't be written.
pub fn write(
    collection: &Collection,
    summary: &Summary,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    if !collection.connections.is_empty() {
        write_connections(collection, summary, style, out)?;
        writeln!(out)?;
    }
    capture::write(collection, summary, out)
}

/// The two tables alone.
pub(super) fn write_connections(
    collection: &Collection,
    summary: &Summary,
    style: &Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut table = table(style, ["Client\nServer\nStart", "Verdict\nStage\nActor, cause", "What happened"]);
    for judged in &collection.connections {
        table.add_row(row(judged, summary, style));
    }
    writeln!(out, "{table}\n")?;
    let mut servers = self::table(style, ["Server", "Connections", "Verdicts"]);
    for ((address, port), server) in &summary.servers {
        let codes: Vec<_> =
            server.codes.iter().map(|(code, count)| format!("{code} {}", grouped(*count))).collect();
        let all = grouped(server.codes.values().sum());
        servers.add_row([words::socket(*address, *port), all, codes.join(", ")]);
    }
    writeln!(out, "{servers}")
}

fn row(judged: &Judged, summary: &Summary, style: &Style) -> [String; 3] {
    let Judged { story, verdict, .. } = judged;
    let [client, server] = [Role::Client, Role::Server].map(|role| words::end(&story.parties[role]));
    let start = clock::time_of_day(story.first.at, story.capture.clock, summary.about.digits, &style.zone);
    let actor = words::actor_name(verdict.actor);
    let cause = verdict.cause.as_ref().map(|cause| format!(", {}", escaped(cause))).unwrap_or_default();
    [
        [client, server, start.unwrap_or_default()].join("\n").trim_end().to_owned(),
        format!("{}\n{}\n{actor}{cause}", verdict.code, story.stage),
        words::unbroken(&verdict.headline),
    ]
}

fn table(style: &Style, header: [&str; 3]) -> Table {
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(style.columns)
        .set_header(header);
    table
}
