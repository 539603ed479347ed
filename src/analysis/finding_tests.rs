//! Whole conversations to their findings.

use std::net::IpAddr;

use super::tests::judge;
use crate::finding::{self, Finding, Weight};
use crate::packet::{SegmentHeader, TcpOptions};
use crate::story::script::talk::{self, Talk};
use crate::story::{ClockStep, IcmpFact, Moment, Stage};
use crate::tcp::Role::{Client, Server};
use crate::time::Elapsed;

fn ssm() -> Talk {
    Talk::to_port(8443)
}

/// The finding with this code about a conversation whose capture ends some seconds later.
fn finding_about(talk: &Talk, code: &str) -> Option<Finding> {
    judge(talk, 4_000).findings.into_iter().find(|finding| finding.code == code)
}

fn weight_of(talk: &Talk, code: &str) -> Option<Weight> {
    finding_about(talk, code).map(|finding| finding.severity)
}

/// A record that holds a whole ClientHello with these extensions, by number and data.
fn client_hello(extensions: &[(u16, &[u8])]) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0xc0, 0x30, 1, 0]);
    let mut list = Vec::new();
    for (kind, data) in extensions {
        list.extend(kind.to_be_bytes());
        list.extend((data.len() as u16).to_be_bytes());
        list.extend(*data);
    }
    body.extend((list.len() as u16).to_be_bytes());
    body.extend(list);
    record(1, &body)
}

/// A record that holds a ServerHello without extensions.
fn server_hello(version: u16, suite: u16) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    body.extend([9; 32]);
    body.push(0);
    body.extend(suite.to_be_bytes());
    body.push(0);
    record(2, &body)
}

fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    let message = [&(body.len() as u32 | u32::from(kind) << 24).to_be_bytes(), body].concat();
    [&[22, 3, 1], &(message.len() as u16).to_be_bytes()[..], &message].concat()
}

/// The extension that names a server.
const NAMED: (u16, &[u8]) = (0, b"\0\x06\0\0\x03ssm");

/// SYN and SYN-ACK with these options and flags.
fn opened(syn: (&str, &[u8]), syn_ack: (&str, &[u8])) -> Talk {
    let with = |options: &[u8]| {
        let options = TcpOptions::from_wire(options);
        move |header: &mut SegmentHeader| header.tcp.options = Some(options)
    };
    ssm()
        .segment_with(Client, syn.0, 0, 0, &[], with(syn.1))
        .segment_with(Server, syn_ack.0, 0, 1, &[], with(syn_ack.1))
        .ack(Client)
}

/// Maximum segment size 1460.
const MSS: [u8; 4] = [2, 4, 5, 0xb4];

/// The same, SACK permitted, timestamps, and a window scale of 7.
const ALL_OPTIONS: [u8; 20] = [2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7];

#[test]
fn an_obsolete_version_is_told_and_a_current_one_is_not() {
    let agreed = |version: u16| {
        ssm().open().say(Client, &client_hello(&[NAMED])).say(Server, &server_hello(version, 0xc030))
    };
    for version in [0x0300, 0x0301, 0x0302] {
        assert_eq!(weight_of(&agreed(version), "obsolete-version"), Some(Weight::Warning));
    }
    assert_eq!(weight_of(&agreed(0x0303), "obsolete-version"), None);
}

#[test]
fn weak_suites_are_warnings_and_static_rsa_is_worth_knowing() {
    let agreed = |suite: u16| {
        ssm().open().say(Client, &client_hello(&[NAMED])).say(Server, &server_hello(0x0303, suite))
    };
    // NULL, RC4 with MD5, EXPORT, DES, 3DES, anonymous, ECDHE with RC4.
    for suite in [0x0002, 0x0004, 0x0003, 0x0009, 0x000a, 0x0034, 0xc011] {
        assert_eq!(weight_of(&agreed(suite), "obsolete-suite"), Some(Weight::Warning), "{suite:04x}");
    }
    assert_eq!(weight_of(&agreed(0x002f), "obsolete-suite"), Some(Weight::Info));
    assert_eq!(weight_of(&agreed(0xc030), "obsolete-suite"), None);
    assert_eq!(weight_of(&agreed(0xabcd), "obsolete-suite"), None);
}

#[test]
fn a_hello_without_a_name_matters_more_when_it_was_refused() {
    let unnamed = ssm().open().say(Client, &client_hello(&[]));
    assert_eq!(weight_of(&unnamed, "no-sni"), Some(Weight::Info));
    for alert in [40, 112] {
        let refused = unnamed.clone().say(Server, &[21, 3, 3, 0, 2, 2, alert]).fin(Server);
        let found = finding_about(&refused, "no-sni").expect("a finding");
        assert_eq!((found.severity, found.evidence), (Weight::Warning, vec![4, 5]));
    }
    assert_eq!(weight_of(&unnamed.clone().rst(Server), "no-sni"), Some(Weight::Warning));
    assert_eq!(weight_of(&unnamed.say(Server, &[21, 3, 3, 0, 2, 2, 70]), "no-sni"), Some(Weight::Info));
    assert_eq!(weight_of(&ssm().open().say(Client, &client_hello(&[NAMED])), "no-sni"), None);
    // A hello that was not seen whole may have named the server.
    assert_eq!(weight_of(&ssm().open().say(Client, &talk::client_hello()), "no-sni"), None);
}

#[test]
fn a_hello_of_two_segments_is_told_and_suspected_when_nothing_answers() {
    let share = [&[0x04, 0xc4, 0x11, 0xec, 0x04, 0xc0][..], &[1; 0x4c0]].concat();
    let large = client_hello(&[NAMED, (51, &share), (21, &[0; 300])]);
    let (first, second) = large.split_at(1_460);
    let sent = opened(("S", &MSS), ("S.", &MSS)).say(Client, first).say(Client, second).ack(Server);
    let found = finding_about(&sent, "hello-size").expect("a finding");
    assert_eq!(found.severity, Weight::Warning);
    assert!(found.text.contains("X25519MLKEM768"), "{}", found.text);
    let answered = sent.say(Server, &server_hello(0x0303, 0xc030));
    assert_eq!(weight_of(&answered, "hello-size"), Some(Weight::Info));
    let small = opened(("S", &MSS), ("S.", &MSS)).say(Client, &client_hello(&[NAMED]));
    assert_eq!(weight_of(&small, "hello-size"), None);
}

#[test]
fn what_the_syn_offered_and_the_syn_ack_lacks_is_told() {
    let bare = opened(("SEW", &ALL_OPTIONS), ("S.", &MSS));
    assert_eq!(weight_of(&bare, "ecn-stripped"), Some(Weight::Info));
    let found = finding_about(&bare, "options-stripped").expect("a finding");
    for option in ["selective acknowledgement", "timestamps", "window scaling"] {
        assert!(found.text.contains(option), "{}", found.text);
    }
    assert_eq!((found.severity, found.evidence), (Weight::Info, vec![1, 2]));
    let whole = opened(("SEW", &ALL_OPTIONS), ("S.E", &ALL_OPTIONS));
    let unasked = opened(("S", &MSS), ("S.", &MSS));
    for code in ["ecn-stripped", "options-stripped"] {
        assert_eq!(weight_of(&whole, code), None);
        assert_eq!(weight_of(&unasked, code), None);
    }
    // RFC 3168, 6.1.1.1: the repeated SYN asks no more.
    let fallen_back = opened(("SEW", &ALL_OPTIONS), ("S.", &ALL_OPTIONS));
    assert_eq!(weight_of(&fallen_back, "ecn-stripped"), Some(Weight::Info));
    let options = TcpOptions::from_wire(&ALL_OPTIONS);
    let with = |header: &mut SegmentHeader| header.tcp.options = Some(options);
    let repeated = ssm()
        .segment_with(Client, "SEW", 0, 0, &[], with)
        .wait(1_000)
        .segment_with(Client, "S", 0, 0, &[], with)
        .segment_with(Server, "S.", 0, 1, &[], with);
    assert_eq!(weight_of(&repeated, "ecn-stripped"), None);
}

#[test]
fn a_step_of_the_clock_is_told_with_its_direction() {
    let mut story = judge(&ssm().open(), 0).story;
    let steps = |story: &_| finding::find(story).into_iter().find(|finding| finding.code == "clock-step");
    assert_eq!(steps(&story), None);
    story.capture.clock_step = Some(ClockStep { number: 2, by: Elapsed::from_millis(-5_000) });
    let found = steps(&story).expect("a finding");
    assert!(found.text.contains("went back by 5"), "{}", found.text);
    assert_eq!((found.severity, found.evidence), (Weight::Warning, vec![2]));
}

#[test]
fn retransmissions_are_told_with_the_rate_of_each_direction() {
    let talk = ssm()
        .open()
        .say(Client, &talk::client_hello())
        .wait(300)
        .repeat(Client)
        .wait(600)
        .repeat(Client)
        .ack(Server)
        .say(Server, &talk::server_flight());
    let found = finding_about(&talk, "retransmissions").expect("a finding");
    assert!(
        found.text.contains("2 of 5 (40.0 %) of the client, 0 of 3 (0.0 %) of the server"),
        "{}",
        found.text
    );
    assert_eq!(found.severity, Weight::Info);
    let more = finding_about(&talk.wait(900).repeat(Server), "retransmissions").expect("a finding");
    assert_eq!(more.severity, Weight::Warning);
}

#[test]
fn an_icmp_error_is_told_unless_it_answers_the_syn_or_tells_a_size() {
    let mut story = judge(&ssm().open().say(Client, &talk::client_hello()), 4_000).story;
    let at = story.last.at;
    let fact = |code, stage| IcmpFact {
        moment: Moment { number: 5, at },
        from: IpAddr::from([203, 0, 113, 9]),
        icmp_type: 3,
        code,
        mtu: None,
        quotes: Client,
        stage,
    };
    for (code, stage, is_told) in
        [(1, Stage::ClientHello, true), (1, Stage::Syn, false), (4, Stage::ClientHello, false)]
    {
        let fact = fact(code, stage);
        story.path.icmp_errors = vec![fact];
        let told = finding::find(&story).into_iter().find(|finding| finding.code == "icmp-error");
        assert_eq!(told.map(|finding| finding.evidence), is_told.then(|| vec![5]), "{code} {stage}");
    }
}

#[test]
fn what_only_counts_names_its_first_packets() {
    let exchanged = ssm().open().say(Client, &talk::client_hello()).ack(Server);
    let probe = exchanged.next(Client) - 1;
    let idle = exchanged.clone().wait(10_000).segment(Client, ".", probe, &[]);
    let full = exchanged.clone().segment_with(Server, ".", 1, 206, &[], |header| header.tcp.window = Some(0));
    let mut twice = exchanged.clone();
    twice.packets.push(talk::Spoken { place: full.packets[5].place, ..twice.packets[3].clone() });
    let unseen = exchanged.segment_with(Client, ".", 206, 500, &[], |_| {});
    for (talk, code) in
        [(idle, "keep-alives"), (full, "zero-window"), (twice, "duplicate-capture"), (unseen, "acked-unseen")]
    {
        let found = finding_about(&talk, code).expect(code);
        assert_eq!(found.evidence, [6], "{code}: {}", found.text);
    }
}

#[test]
fn another_distance_within_the_connection_is_a_hint() {
    let further = |header: &mut SegmentHeader| header.ip.hop_limit = Some(50);
    let talk = ssm().open().say(Client, &talk::client_hello()).say(Server, &talk::server_flight());
    assert_eq!(weight_of(&talk, "path-change"), None);
    let seq = talk.next(Server);
    let moved = talk.segment_with(Server, "P.", seq, 206, &talk::data(), further);
    let found = finding_about(&moved, "path-change").expect("a finding");
    assert_eq!((found.severity, found.evidence), (Weight::Info, vec![5, 6]));
}
