//! Reports on conversations written by hand.
#![cfg(feature = "command")]

use std::collections::VecDeque;

use jiff::tz::TimeZone;
use serde_json::Value;

use super::human::html::{HtmlPage, HtmlReport};
use super::human::table::TableReport;
use super::human::timeline;
use super::machine::json::JsonReport;
use super::text::kinds;
use super::{Collection, Detail, End, Form, Occasion, Out, Provenance, Report, Sort, Style, open};
use crate::analysis::{self, Bounds, Settings, Sink, Summary};
use crate::capture::{About, FileAbout, ReadError, Record, Source, Target};
use crate::limits;
use crate::packet::{Content, DnsMessage, Host, Neighbour, Origin, Other, Packet};
use crate::story::script::talk::{self, Spoken, Talk};
use crate::tcp::Role::{Client, Server};
use crate::time::Timestamp;
use crate::tls::RETRY_RANDOM;
use crate::verdict::Severity;

/// Packets that were never in a file.
struct Spoke {
    /// A segment's content is what was spoken.
    packets: VecDeque<Packet<'static>>,
    spoken: VecDeque<Option<Spoken>>,
    current: Option<Spoken>,
    files: u16,
}

impl Spoke {
    fn of(talks: &[Talk]) -> Self {
        let spoken: Vec<Spoken> = talks.iter().flat_map(|talk| talk.packets.clone()).collect();
        let packet = |(index, spoken): (usize, &Spoken)| {
            Packet::new(index as u64 + 1, spoken.id.moment.at, Content::Other(Other::Fragment))
        };
        Self {
            packets: spoken.iter().enumerate().map(packet).collect(),
            spoken: spoken.into_iter().map(Some).collect(),
            current: None,
            files: 1,
        }
    }

    /// And then these.
    fn then(mut self, talks: &[Talk]) -> Self {
        let before = self.packets.len() as u64;
        let next = Self::of(talks);
        for mut packet in next.packets {
            packet.number += before;
            self.packets.push_back(packet);
        }
        self.spoken.extend(next.spoken);
        self
    }

    fn push(&mut self, content: Content<'static>, at: Timestamp) {
        let number = self.packets.len() as u64 + 1;
        self.packets.push_back(Packet::new(number, at, content));
        self.spoken.push_back(None);
    }
}

impl Source for Spoke {
    fn next_record(&mut self) -> Result<Option<Record<'_>>, ReadError> {
        let Some(mut packet) = self.packets.pop_front() else { return Ok(None) };
        self.current = self.spoken.pop_front().flatten();
        if let Some(spoken) = &self.current {
            packet.content = Content::Segment(spoken.segment());
        }
        Ok(Some(Record::Printed(packet)))
    }

    fn about(&self) -> About {
        let file = |index| FileAbout { name: format!("{index}.pcap"), ..FileAbout::default() };
        About { files: (0..self.files).map(file).collect(), digits: 6, ..About::default() }
    }

    fn progress(&self) -> (u64, Option<u64>) {
        (0, None)
    }
}

fn analysed(mut source: Spoke, sink: &mut dyn Sink) -> Summary {
    analysis::analyse(&mut source, Target::default(), &Settings::default(), sink).unwrap()
}

fn collected(source: Spoke, shows_all: bool) -> (Collection, Summary) {
    let mut collection = Collection::new(source.files > 1, detail(shows_all));
    let summary = analysed(source, &mut collection);
    collection.sort();
    (collection, summary)
}

/// What is written of a source that was read.
fn written(form: Form, source: Spoke, unopened: &[ReadError]) -> String {
    let (mut plain, mut styled) = (Vec::new(), Vec::new());
    let out = Out { plain: Box::new(&mut plain), styled: Box::new(&mut styled) };
    let occasion = Occasion::Read(&source.about(), &Bounds::default(), &Provenance::default());
    let mut report = open(form, out, style(false), occasion);
    let summary = analysed(source, report.as_mut());
    report.finish(&end(&summary, unopened)).unwrap();
    plain.extend(styled);
    String::from_utf8(plain).unwrap()
}

fn end<'a>(summary: &'a Summary, unopened: &'a [ReadError]) -> End<'a> {
    End { unopened, ..End::of(summary) }
}

pub(in crate::report) fn style(shows_all: bool) -> Style {
    Style {
        zone: TimeZone::UTC,
        verbosity: 0,
        detail: detail(shows_all),
        is_ascii: false,
        is_east_asian: false,
        language: None,
        sort: Sort::Worst,
        columns: 80,
    }
}

fn detail(shows_all: bool) -> Detail {
    if shows_all { Detail::All } else { Detail::Examples }
}

/// What a terminal without colour shows.
fn shown(collection: &Collection, summary: &Summary, shows_all: bool) -> String {
    let mut out = Vec::new();
    timeline::write(collection, summary, &style(shows_all), &mut out).unwrap();
    anstream::adapter::strip_str(std::str::from_utf8(&out).unwrap()).to_string()
}

fn no_server_hello() -> Talk {
    Talk::to_port(8443).open().say(Client, &talk::client_hello()).wait(20).ack(Server).wait(8_000).fin(Client)
}

fn healthy() -> Talk {
    Talk::to_port(8443)
        .open()
        .say(Client, &talk::client_hello())
        .say(Server, &talk::server_flight())
        .say(Client, &talk::client_flight())
        .say(Server, &talk::finished())
        .say(Client, &talk::data())
        .say(Server, &talk::data())
}

#[test]
fn the_answer_comes_first_the_packets_with_their_meaning_follow_and_the_count_comes_last() {
    let (collection, summary) = collected(Spoke::of(&[no_server_hello()]), false);
    let text = shown(&collection, &summary, false);
    let places: Vec<_> = [
        "FAIL no-server-hello: ",
        "   No     Delta  client            server\n",
        "[S] ───",
        "SYN-ACK, RTT ",
        "ClientHello: ",
        "waiting for the ServerHello",
        "[F.] ───",
        "Fault      server",
        "Why        ",
        "Evidence   packets 4, 5 ",
        "Client log java.net.SocketTimeoutException",
        "Next       1. ",
        "Wireshark  ip.addr==",
        "1 connection: 1 failed (no-server-hello)",
    ]
    .iter()
    .map(|part| text.find(part).unwrap_or_else(|| panic!("{part} is not in\n{text}")))
    .collect();
    assert!(places.is_sorted(), "{places:?} in\n{text}");
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    let fault = text.lines().find(|line| line.starts_with('✗')).unwrap();
    assert!(fault.contains("silence") && fault.contains("8.0"), "{text}");
}

#[test]
fn of_many_connections_each_kind_has_a_line_and_a_failure_is_shown() {
    let talks: Vec<_> = (0..20).map(|_| healthy()).chain([no_server_hello()]).collect();
    let talks: Vec<_> = talks.into_iter().enumerate().map(|(index, talk)| from_port(talk, index)).collect();
    let (collection, summary) = collected(Spoke::of(&talks), false);
    assert_eq!(collection.connections.len(), 2, "one of each kind is kept");
    let text = shown(&collection, &summary, false);
    assert!(text.starts_with("FAIL 1 of 21 connections failed: no-server-hello\n"), "{text}");
    assert!(text.contains("     22:13 ····················H 22:13\n"), "{text}");
    assert_eq!(text.matches(" → ").count(), 2, "{text}");
    assert!(text.contains("1 failed (no-server-hello), 20 ok") && text.contains("--all"), "{text}");
    assert!(text.lines().count() <= 45, "{text}");
    let (collection, summary) = collected(Spoke::of(&talks), true);
    let text = shown(&collection, &summary, true);
    assert_eq!(text.matches(" → ").count(), 22);
    assert!(!text.contains("--all"));
}

#[test]
fn kinds_are_counted_and_not_groups_of_which_there_are_too_many() {
    let ports = 1_000..1_000 + limits::GROUPS as u16 + 6;
    let all = ports.len() as u64;
    let talks: Vec<_> = ports.map(|port| Talk::to_port(port).syn().rst(Server)).collect();
    let (collection, summary) = collected(Spoke::of(&talks), false);
    assert!(summary.groups.ungrouped > 0 && summary.codes.len() == 1);
    let kinds = kinds::of(&summary, Severity::Critical);
    assert!(kinds.len() == 1 && kinds[0].count == all && kinds[0].title == "refused");
    let text = shown(&collection, &summary, false);
    assert!(text.starts_with("FAIL 70 of 70 connections failed: refused\n"), "{text}");
    assert!(text.contains("→ 198.51.100.20, 70 ports"), "{text}");
}

#[test]
fn one_connection_is_folded_and_whole_where_that_is_asked_for() {
    let long = (0..20).fold(healthy(), |talk, _| talk.say(Server, &talk::data()).ack(Client));
    let talks = [from_port(long.clone(), 1), from_port(long, 2)];
    let acknowledgements = |detail: Detail| {
        let mut collection = Collection::new(false, detail.clone());
        let summary = analysed(Spoke::of(&talks), &mut collection);
        let mut out = Vec::new();
        timeline::write(&collection, &summary, &Style { detail, ..style(false) }, &mut out).unwrap();
        String::from_utf8_lossy(&out).matches("[.] ─").count()
    };
    assert!(acknowledgements(Detail::One(2)) < 5);
    assert!((20..30).contains(&acknowledgements(Detail::Whole(2))), "of one connection");
    assert!(acknowledgements(Detail::All) >= 40);
}

#[test]
fn a_silence_follows_the_probes_within_it() {
    let asked = talk::ssm().open().say(Client, &talk::client_hello()).wait(20).ack(Server);
    let probe = asked.next(Client) - 1;
    let probed = (0..4).fold(asked, |talk, _| talk.wait(1_000).segment(Client, ".", probe, &[]).ack(Server));
    let (collection, summary) = collected(Spoke::of(&[probed.wait(1_000).fin(Client)]), false);
    let text = shown(&collection, &summary, false);
    let (silence, probe) = (text.find(" silence ").unwrap(), text.rfind("keep-alive probe\n").unwrap());
    assert!(probe < silence, "{text}");
    assert_eq!(text.matches(" silence ").count(), 1, "{text}");
}

/// The same conversation from another port of the client.
fn from_port(mut talk: Talk, index: usize) -> Talk {
    for spoken in &mut talk.packets {
        let tcp = &mut spoken.header.tcp;
        let port =
            if tcp.destination_port == 8443 { &mut tcp.source_port } else { &mut tcp.destination_port };
        *port = 40_000 + index as u16;
    }
    talk
}

#[test]
fn the_table_has_a_line_per_connection_with_failures_first() {
    let talks = [from_port(no_server_hello(), 0), from_port(healthy(), 1)];
    let text = written(Form::Table, Spoke::of(&talks), &[]);
    let text = anstream::adapter::strip_str(&text).to_string();
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].starts_with("#  Start "), "{text}");
    assert!(lines[1].contains(":40000 ") && lines[1].contains(" FAIL no-server-hello"), "{text}");
    assert!(lines[2].contains(":40001 ") && lines[2].contains(" OK healthy"), "{text}");
    assert_eq!(lines[3], "", "{text}");
    let count = lines.last().unwrap_or(&"");
    assert!(count.starts_with("2 connections: 1 failed (no-server-hello), 1 ok"), "{text}");
}

#[test]
fn a_table_of_too_many_connections_lists_them_as_they_end_in_the_columns_of_the_first() {
    let (collection, summary) =
        collected(Spoke::of(&[from_port(no_server_hello(), 0), from_port(healthy(), 1)]), true);
    let [failed, fine] = collection.connections.as_slice() else { panic!("two connections") };
    let most = limits::TABLE_ROWS as u64;
    let (mut plain, mut styled) = (Vec::new(), Vec::new());
    let out = Out { plain: Box::new(&mut plain), styled: Box::new(&mut styled) };
    let mut report: Box<dyn Report + '_> = Box::new(TableReport::new(out, false, style(false)));
    for id in 1..=most + 2 {
        let mut judged = if id == most + 2 { failed.clone() } else { fine.clone() };
        judged.story.id = id;
        report.connection(judged).unwrap();
    }
    report.finish(&end(&summary, &[])).unwrap();
    let text = String::from_utf8(plain).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len() as u64, most + 4, "a header, the rows, and an empty line");
    assert!(lines[1].starts_with("    1  ") && lines[1].contains(" OK healthy"), "{}", lines[1]);
    let last = lines[lines.len() - 2];
    assert!(last.starts_with("10002  ") && last.contains("  FAIL no-server-hello"), "{last}");
    assert_eq!(last.find("FAIL"), lines[1].find("OK"), "one column");
    assert!(String::from_utf8(styled).unwrap().contains("in the order in which they ended"));
}

#[test]
fn packets_are_left_out_first_where_memory_runs_out_and_it_is_reported() {
    let (collection, summary) = collected(Spoke::of(&[no_server_hello()]), false);
    let judged = &collection.connections[0];
    let packets = judged.story.timeline.len() * limits::TIMELINE_ENTRY_BYTES;
    assert!(packets > 0);
    let most = 2 * (limits::REPORTED_CONNECTION_BYTES + packets) + limits::REPORTED_CONNECTION_BYTES;
    let bounds = Bounds { memory: limits::PROGRAM_BYTES + 4 * most, ..Bounds::default() };
    let mut small = Collection::new(false, Detail::All).within(&bounds);
    for _ in 0..4 {
        small.connection(judged.clone()).unwrap();
    }
    let have_packets: Vec<_> =
        small.connections.iter().map(|judged| !judged.story.timeline.is_empty()).collect();
    assert_eq!((have_packets.as_slice(), small.uncollected), (&[true, true, false][..], 1));
    let text = shown(&small, &summary, false);
    assert!(text.contains("1 connection without packets, for want of room"), "{text}");
    assert!(text.contains("1 connection only counted, not shown"), "{text}");
}

#[test]
fn nothing_from_the_wire_reaches_a_terminal_as_it_was() {
    const HOSTILE: &str = "a\u{1b}[2J\u{9b}31m\u{202e}b\n";
    let (mut collection, summary) = collected(Spoke::of(&[no_server_hello()]), false);
    let judged = &mut collection.connections[0];
    judged.verdict.headline = HOSTILE.into();
    judged.verdict.explanation = HOSTILE.into();
    judged.verdict.cause = Some(HOSTILE.into());
    judged.story.tls.client_hello.as_mut().unwrap().what.server_name = Some(HOSTILE.to_owned());
    let mut out = Vec::new();
    timeline::write(&collection, &summary, &style(false), &mut out).unwrap();
    let mut plain = Vec::new();
    let out_of_table = Out { plain: Box::new(&mut plain), styled: Box::new(std::io::sink()) };
    let mut report = Box::new(TableReport::new(out_of_table, false, style(false)));
    report.connection(collection.connections[0].clone()).unwrap();
    report.finish(&end(&summary, &[])).unwrap();
    out.extend(plain);
    let mut report = JsonReport::new(&mut out, &[]);
    report.connection(collection.connections.remove(0)).unwrap();
    let text = String::from_utf8(out).unwrap();
    for character in ["\u{1b}[2J", "\u{9b}", "\u{202e}"] {
        assert!(!text.contains(character), "{character:?} in\n{text}");
    }
    assert!(text.contains("a\\x1b[2J"), "{text}");
    let line: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(line["tls"]["server_name"], HOSTILE, "what a parser reads is what was sent");
}

#[test]
fn a_capture_without_connections_says_what_was_there_and_what_to_check() {
    let (collection, summary) = collected(Spoke::of(&[]), false);
    let text = shown(&collection, &summary, false);
    assert!(text.starts_with("UNSURE The capture holds no packets.\n"), "{text}");
    let text = shown_of_searches([[192, 0, 2, 1]; 3]);
    assert!(text.starts_with("FAIL neighbor-silent: no reply to ARP for 192.0.2.99\n"), "{text}");
    assert!(text.contains("192.0.2.1 asked 3 times for its link address (packets 1, 7)."), "{text}");
    // A reply goes to the asker, and may pass by this place.
    let text = shown_of_searches([[192, 0, 2, 1], [192, 0, 2, 2], [192, 0, 2, 1]]);
    assert!(text.starts_with("UNSURE No TCP connections found.\n"), "{text}");
    assert!(text.contains("ARP for 192.0.2.99: 3 requests, no reply"), "{text}");
    assert!(!text.contains("192.0.2.50"), "{text}");
    assert!(text.contains("Was the right interface captured?"), "{text}");
}

/// The report on a capture in which these hosts search for one, second by second, among announcements.
fn shown_of_searches(askers: [[u8; 4]; 3]) -> String {
    let mut source = Spoke::of(&[]);
    let target = [192, 0, 2, 99].into();
    for (second, asker) in (0..).zip(askers) {
        let asker = Some(asker.into());
        let question = Neighbour { target, asker, is_answer: false };
        source.push(Content::Neighbour(question), Timestamp::from_parts(second, 0));
        // Who takes an address asks whether anybody has it, then announces it, and hopes for no answer.
        let own = Host::from([192, 0, 2, 50]);
        for asker in [None, Some(own)] {
            let announcement = Neighbour { target: own, asker, is_answer: false };
            source.push(Content::Neighbour(announcement), Timestamp::from_parts(second, 0));
        }
    }
    let (collection, summary) = collected(source, false);
    shown(&collection, &summary, false)
}

#[test]
fn what_came_before_a_connection_and_belongs_to_it_comes_first() {
    let (client, server) = (Host::from([192, 0, 2, 10]), [198, 51, 100, 20]);
    let lookup = |is_answer| {
        let addresses = if is_answer { vec![server.into()] } else { Vec::new() };
        let (resolver, name) = ([192, 0, 2, 53].into(), "ssm.example\u{1b}".to_owned());
        Content::Lookup(Box::new(DnsMessage {
            client,
            resolver,
            id: 7,
            name,
            is_for_addresses: true,
            is_ipv6: false,
            is_answer,
            addresses,
            failure: None,
        }))
    };
    let at = |millis: i64| Timestamp::from_nanos(1_699_999_999_000_000_000 + millis * 1_000_000);
    let source = |talk: Talk| {
        let mut source = Spoke::of(&[]);
        source.push(lookup(false), at(0));
        source.push(lookup(true), at(20));
        let question = Neighbour { target: server.into(), asker: Some(client), is_answer: false };
        source.push(Content::Neighbour(question), at(30));
        source.then(&[talk])
    };
    let (collection, summary) =
        collected(source(talk::ssm().syn().wait(4_000).segment(Client, "S", 0, &[])), false);
    let text = shown(&collection, &summary, false);
    let rows: Vec<_> = text.lines().skip_while(|line| !line.contains("No ")).skip(1).take(3).collect();
    assert!(rows[0].contains("1-2") && rows[0].contains("DNS"), "{text}");
    assert!(text.contains("ssm.example\\x1b is 198.51.100.20"), "{text}");
    assert!(text.contains("who has 198.51.100.20?"), "{text}");
    let (collection, summary) = collected(source(talk::exchange()), false);
    let text = shown(&collection, &summary, false);
    assert!(text.contains(" DNS ") && !text.contains("who has"), "the server answered: {text}");
}

#[test]
fn a_silence_on_a_port_where_the_server_speaks_first_waits_for_its_greeting() {
    let silent = Talk::to_port(25).open().wait(20_000).fin(Client).fin(Server);
    let late = Talk::to_port(25).open().wait(20_000).say(Server, b"220 mx\r\n").ack(Client);
    for talk in [silent, late] {
        let (collection, summary) = collected(Spoke::of(&[talk]), true);
        let text = shown(&collection, &summary, true);
        assert!(text.contains("waiting for the server's greeting"), "{text}");
    }
}

#[test]
fn a_second_client_hello_and_a_change_of_cipher_alone_are_named() {
    let hello = talk::client_hello_with(&[(45, &[1, 1])]);
    let mut retry = talk::server_hello_13();
    // Its random value says that it is one (RFC 8446, 4.1.3).
    retry[11..43].copy_from_slice(&RETRY_RANDOM);
    let asked = talk::ssm().open().say(Client, &hello).say(Server, &retry);
    let change = &talk::finished()[..6];
    let talk = asked.say(Server, change).say(Client, change).say(Client, &hello).ack(Server);
    let (collection, summary) = collected(Spoke::of(&[talk.wait(9_000).fin(Client)]), true);
    let text = shown(&collection, &summary, true);
    assert!(text.contains("HelloRetryRequest") && text.contains("second ClientHello"), "{text}");
    assert_eq!(text.matches("ChangeCipherSpec").count(), 2, "{text}");
}

#[test]
fn a_reset_shows_the_text_that_it_carries() {
    let talk = talk::ssm().open().say(Client, &talk::client_hello());
    let reset = |payload: &[u8]| {
        let talk = talk.clone().segment(Server, "R.", 1, payload);
        let (collection, summary) = collected(Spoke::of(&[talk]), false);
        shown(&collection, &summary, false)
    };
    let text = reset(b"Blocked by \"policy 7\"\xe2\x80\xae");
    assert!(text.contains("Blocked by") && !text.contains('\u{202e}'), "{text}");
    assert!(!reset(&[1, 2, 3, 255]).contains("RST, \""));
}

#[test]
fn a_connection_s_packets_are_those_captured_first_and_last() {
    // The card captured the RST before the SYN that it answers.
    let mut refused = Talk::to_port(8443).syn().rst(Server);
    let ids: Vec<_> = refused.packets.iter().map(|packet| packet.id).collect();
    refused.packets.reverse();
    for (packet, id) in refused.packets.iter_mut().zip(ids) {
        packet.id = id;
    }
    let json = written(Form::Json, Spoke::of(&[refused]), &[]);
    assert!(json.contains("\"first_packet\":1,\"last_packet\":2,"), "{json}");
    assert!(json.contains("\"code\":\"refused\"") && !json.contains("\"duration\":-"), "{json}");
}

#[test]
fn json_has_times_in_seconds_and_packets_by_their_files() {
    let mut source = Spoke::of(&[no_server_hello()]);
    source.files = 2;
    for packet in source.packets.iter_mut().skip(2) {
        packet.origin = Origin { file: 1, number: packet.number - 2 };
    }
    let missing = ReadError { file: "x".to_owned(), what: "is empty".to_owned(), hint: None };
    let out = written(Form::Json, source, &[missing]);
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [connection, summary] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!(connection["type"], "connection");
    assert_eq!(connection["schema"], 1);
    assert_eq!(connection["start"], "2023-11-14T22:13:20.010000Z");
    assert_eq!(connection["duration"], 8.07);
    assert_eq!(connection["verdict"]["evidence"], serde_json::json!([4, 5]));
    assert_eq!(connection["evidence_in"][0], serde_json::json!({"file": "1.pcap", "packet": 2}));
    assert_eq!(connection["timing"]["silence"]["duration"], 8.04);
    assert_eq!(connection["tcp"]["syn_count"], 1);
    assert_eq!(connection["tls"]["steps"][0]["stage"], "client-hello");
    assert_eq!(connection["verdict"]["cause"], Value::Null);
    assert_eq!(summary["type"], "summary");
    assert_eq!(summary["verdicts"]["no-server-hello"], 1);
    assert_eq!(summary["errors"][0]["file"], "x");
}

fn page(source: Spoke, shows_all: bool) -> String {
    let mut out = Vec::new();
    let bounds = Bounds::default();
    let report = HtmlReport::new(HtmlPage::new(source.files > 1, style(shows_all), &bounds), &mut out);
    let mut report: Box<dyn Report + '_> = Box::new(report);
    let summary = analysed(source, report.as_mut());
    report.finish(&end(&summary, &[])).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_page_has_the_answer_what_did_not_come_and_what_proves_it() {
    let text = page(Spoke::of(&[no_server_hello()]), false);
    let places: Vec<_> = [
        "Content-Security-Policy",
        "<h1><span class=\"word\">FAIL</span> no-server-hello",
        "class=\"proof\">4<",
        "class=\"arrow missing\"",
        "waiting for the ServerHello, since ",
        "<a class=\"proof\" href=\"#c1-p4\">4</a>",
        "1 connection: 1 failed (no-server-hello)",
    ]
    .iter()
    .map(|part| text.find(part).unwrap_or_else(|| panic!("{part} is not in\n{text}")))
    .collect();
    assert!(places.is_sorted(), "{places:?} in\n{text}");
    assert!(text.contains("id=\"c1-p4\""), "{text}");
    assert!(!text.contains(" style=") && !text.contains("://"), "{text}");
}

#[test]
fn a_page_shows_one_connection_of_each_kind_and_lists_all() {
    let talks = [no_server_hello(), no_server_hello(), healthy(), healthy()];
    let talks: Vec<_> = talks.into_iter().enumerate().map(|(index, talk)| from_port(talk, index)).collect();
    let text = page(Spoke::of(&talks), false);
    assert_eq!(text.matches("<article ").count(), 1, "{text}");
    assert!(text.contains("no-server-hello ×2, #1: "), "{text}");
    let table = text.split("id=\"connections\"").nth(1).unwrap();
    assert_eq!(table.matches("<tr class=").count(), 4, "{text}");
    assert_eq!(page(Spoke::of(&talks), true).matches("<article ").count(), 4);
    assert_eq!(page(Spoke::of(&talks), false), text, "the same input has the same page");
}

#[test]
fn a_page_of_too_many_connections_counts_them_by_server_and_verdict() {
    let (collection, summary) = collected(Spoke::of(&[from_port(healthy(), 1)]), true);
    let mut out = Vec::new();
    let report = HtmlReport::new(HtmlPage::new(false, style(false), &Bounds::default()), &mut out);
    let mut report: Box<dyn Report + '_> = Box::new(report);
    for id in 1..=limits::TABLE_ROWS as u64 + 1 {
        let mut judged = collection.connections[0].clone();
        judged.story.id = id;
        report.connection(judged).unwrap();
    }
    report.finish(&end(&Summary { connections: 10_001, ..summary }, &[])).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains("Connections by server and verdict") && text.len() < 100_000, "{}", text.len());
}
