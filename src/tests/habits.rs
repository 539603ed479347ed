//! Command lines typed from habit by users of tcpdump, tshark, curl and others: they work, or one line shows what to type.

use std::fs;

use crate::support::run::{Outcome, path, ssmscope};
use crate::support::situations::testdata;

/// What a line comes to.
enum Comes {
    /// To this verdict's code on standard output, or other words there.
    To(&'static str),
    /// To nothing but these words on standard error, in one line.
    Instead(&'static str),
}

use Comes::{Instead, To};

/// A command line and its result. `OK` is a healthy capture, `BAD` one with a refused connection, `TEXT` a transcript.
const LINES: [(&str, Comes); 128] = [
    // Wireshark
    ("BAD 'tcp.port' '==' 8443", Instead("'tcp port 8443'")),
    ("-r BAD ip.addr==192.0.2.1", Instead("'host 192.0.2.1'")),
    ("BAD --display-filter tcp", Instead("host 192.0.2.1 and tcp port 8443")),
    ("-r BAD -f tcp", Instead("without it: 'tcp'")),
    ("BAD --only connection-refused", Instead("neither a code, a cause nor")),
    ("OK --only unknown_ca -o json", To("summary")),
    ("BAD --width 80", Instead("COLUMNS=N")),
    ("BAD --json", Instead("-o json")),
    ("--read BAD", Instead("-r FILE")),
    ("BAD host no-such-name.invalid", Instead("--host NAME")),
    // openssl s_client, netcat and nmap
    ("check -tls1_2 192.0.2.1", Instead("--tls-max 1.2")),
    ("check -tls1_3 192.0.2.1", Instead("--tls-min 1.3")),
    ("check -CAfile OK 192.0.2.1", Instead("--ca-file PEM")),
    ("check -alpn h2 192.0.2.1", Instead("--alpn PROTOCOL")),
    ("check -brief 192.0.2.1", Instead("-o nagios")),
    ("check -Pn 192.0.2.1", Instead("leave it out")),
    ("check -starttls smtp 192.0.2.1", Instead("--starttls")),
    ("check localhost 8443", Instead("ssmscope check localhost:8443")),
    ("check localhost --port https", Instead("try 443")),
    ("version", Instead("ssmscope --version")),
    ("curl https://ssm.example", Instead("ssmscope check HOST:PORT")),
    ("s_client -connect ssm.example:443", Instead("ssmscope check HOST:PORT")),
    ("nmap -sS 192.0.2.1", Instead("ssmscope check HOST:PORT")),
    ("tcpdump -r OK", Instead("ssmscope -r FILE")),
    // tcpdump
    ("OK", To("healthy")),
    ("-r BAD", To("refused")),
    ("-n -r BAD", To("refused")),
    ("-nnr BAD", To("refused")),
    ("-nn -vv -r BAD", To("refused")),
    ("-nnvvttttr BAD tcp", To("refused")),
    ("-r BAD tcp port 8443", To("refused")),
    ("tcp port 8443 -r BAD", To("refused")),
    ("-r BAD tcp and port 8443 -nn", To("refused")),
    ("-K -l -U -p -t -r BAD", To("refused")),
    ("-i eth0 -s 0 -r BAD", To("refused")),
    ("-c 1000 -r BAD", To("refused")),
    ("read -c 1 BAD", To("packet")),
    ("BAD tcp", To("refused")),
    ("read BAD host 198.51.100.20", To("refused")),
    ("read BAD '(tcp' or 'icmp)'", To("refused")),
    ("TEXT", To("in-progress")),
    ("OK BAD", To("refused")),
    ("-r missing.pcap", Instead("missing.pcap")),
    ("missing.pcap", Instead("missing.pcap: no such file")),
    ("OK missing.pcap", Instead("missing.pcap")),
    ("OK -X", Instead("tcpdump -X -r FILE")),
    ("-A -r OK", Instead("tcpdump -A -r FILE")),
    ("-er OK", Instead("tcpdump -e -r FILE")),
    ("-q -r OK", Instead("-o table")),
    ("-r OK -S", Instead("tcpdump -S")),
    ("-D", Instead("ssmscope interfaces")),
    ("-i eth0 -G 60 -w x", Instead("--record")),
    ("host 192.0.2.1", Instead("ssmscope live -i any host 192.0.2.1")),
    ("read host 192.0.2.1", Instead("ssmscope read FILE host ...")),
    ("live OK", Instead("ssmscope read")),
    ("live", Instead("use -i NAME, or --host HOST")),
    ("-p -i no-such-device -s 128 host 10.106.66.55 -nn -vv", Instead("no-such-device")),
    ("live --count 5", Instead("--verdicts N")),
    ("read OK -p 8443", Instead("--port 8443")),
    ("read OK -H 192.0.2.1", Instead("--host")),
    ("live -i lo -t 5", Instead("--duration 5")),
    // tshark
    ("-r OK -Y tls", Instead("host 192.0.2.1 and tcp port 8443")),
    ("-r OK -T fields -e ip.src", Instead("-o json")),
    ("-i eth0 -f tcp", Instead("put the filter at the end")),
    ("-r OK -z conv,tcp", Instead("-o table")),
    ("-i eth0 -a duration:10", Instead("--duration SECONDS")),
    ("-r OK -V", Instead("-vv")),
    ("-V -r OK", Instead("-vv")),
    ("-r OK -R tls", Instead("host 192.0.2.1 and tcp port 8443")),
    ("-r OK -o tls.keylog_file:keys", Instead("nothing is decrypted")),
    ("-Z root -r OK", Instead("--user NAME")),
    ("-o csv OK", Instead("-o flat --format csv")),
    ("-o jsonl OK", Instead("-o json")),
    ("OK -o /tmp/report.txt", Instead("--html FILE")),
    ("OK --format json", Instead("-o json")),
    // other programs' commands
    ("analyze OK", Instead("ssmscope read FILE")),
    ("open OK", Instead("ssmscope read FILE")),
    ("watch -i lo", Instead("ssmscope live -i IFACE")),
    ("monitor", Instead("ssmscope live -i IFACE")),
    ("compare OK BAD", Instead("ssmscope batch FILE FILE")),
    ("ping 192.0.2.1", Instead("ssmscope check HOST:PORT")),
    ("devices", Instead("ssmscope interfaces")),
    ("live lo", Instead("ssmscope live -i lo")),
    ("check -4 127.0.0.1 8443", Instead("ssmscope check 127.0.0.1:8443")),
    ("check -o /dev/null 127.0.0.1:1", Instead("--html FILE")),
    ("check -H 'Host:_x' 127.0.0.1:1", Instead("--header")),
    ("check -w %{http_code} 127.0.0.1:1", Instead("-o json")),
    ("check --head 127.0.0.1:1", Instead("--method HEAD")),
    ("explain alert 48", To("unknown_ca")),
    ("explain alert number 48 --lang ja", To("unknown_ca")),
    ("BAD --host 198.51.100.20:99999", Instead("65535")),
    ("check --location https://127.0.0.1:1/", Instead("--follow")),
    ("check --request POST 127.0.0.1:1", Instead("--method METHOD")),
    ("check -u joe:pw 127.0.0.1:1", Instead("--basic-user NAME")),
    ("check -A probe 127.0.0.1:1", Instead("--header")),
    ("check --http2 127.0.0.1:1", Instead("--alpn h2")),
    ("check --pinnedpubkey x 127.0.0.1:1", Instead("--pin PIN")),
    ("check -C 30,7 127.0.0.1:1", Instead("-w DAYS -c DAYS")),
    ("check -e 200 127.0.0.1:1", Instead("--expect-status")),
    ("check -L https://127.0.0.1:1", Instead("--follow")),
    // what is the same, spelt otherwise
    ("read --host 198.51.100.20:8443 BAD", To("refused")),
    ("read --host 192.0.2.99,198.51.100.20 --port 443,8443 BAD", To("refused")),
    ("read -o JSON BAD", To("refused")),
    ("read -o nosuch BAD", Instead("timeline")),
    ("raed OK", Instead("ssmscope read")),
    ("-o markdown BAD", To("**refused** (critical, fault: ")),
    ("explain Refused", To("refused")),
    ("explain unknown_ca", To("alert 48")),
    ("explain reset --lang ja", To("RST で切断された")),
    ("explain --lang ja", To("SYN に応答がない")),
    ("-h", To("ssmscope capture.pcap")),
    ("read -h", To("--packets N")),
    ("live -nh", To("--verdicts N")),
    ("explain UNREACHABLE", To("unreachable")),
    ("explain 5", To("proxy-refused")),
    ("explain socks-5", To("proxy-refused")),
    ("explain no_server_hello", To("no-server-hello")),
    // curl, openssl, nagios
    ("https://127.0.0.1:1/", Instead("ssmscope check https://127.0.0.1:1/")),
    ("127.0.0.1:1", Instead("ssmscope check 127.0.0.1:1")),
    ("check https://127.0.0.1:1/login", To("refused")),
    ("check -I 127.0.0.1 ssm.example:1", To("refused")),
    ("check -H 127.0.0.1 -p 1 -w 30 -c 7 -t 2", To("refused")),
    ("check http://127.0.0.1:1/", Instead("no TLS")),
    ("check -k 127.0.0.1:1", Instead("--insecure")),
    ("check --cacert x.pem 127.0.0.1:1", Instead("--ca-file")),
    ("check -x proxy:3128 127.0.0.1:1", Instead("--proxy URL")),
    ("check -connect 127.0.0.1:1", Instead("ssmscope check HOST:PORT")),
    ("read -o nagios -w 30 OK", To("--warning RANGE")),
];

#[test]
fn lines_typed_from_habit_work_or_say_what_to_type() {
    let (ok, bad) = (testdata("healthy/plain/capture.pcap"), testdata("refused/plain/capture.pcapng"));
    let text = testdata("transcript/vmanage/transcript.txt");
    let mut wrong = Vec::new();
    for (line, comes) in LINES {
        let words: Vec<_> = line
            .split(' ')
            .map(|word| match word {
                "OK" => ok.as_str(),
                "BAD" => bad.as_str(),
                "TEXT" => text.as_str(),
                word => word.trim_matches('\''),
            })
            .map(|word| word.replace('_', if word.starts_with("Host:") { " " } else { "_" }))
            .collect();
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let mut command = ssmscope(&words);
        let outcome = Outcome::of(command.current_dir(testdata("")).env_remove("SSMSCOPE_OPTS"));
        let is_right = match comes {
            To(words) => outcome.out.contains(words),
            Instead(words) => {
                let line = outcome.error.lines().find(|line| line.contains(words));
                outcome.status == 3 && line.is_some() && outcome.error.lines().count() < 12
            }
        };
        if !is_right {
            wrong.push(format!("ssmscope {line}: {outcome:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn without_a_word_the_examples_are_printed() {
    let outcome = Outcome::fed(&mut ssmscope(&[]), b"");
    assert_eq!((outcome.status, outcome.out.as_str()), (3, ""));
    assert!(outcome.error.starts_with("ssmscope capture.pcap") && outcome.error.contains("ssmscope - <"));
}

#[test]
fn a_word_that_is_a_file_and_a_keyword_begins_the_filter() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(testdata("refused/plain/capture.pcapng"), folder.path().join("x.pcapng")).unwrap();
    fs::copy(testdata("healthy/plain/capture.pcap"), folder.path().join("tcp")).unwrap();
    let run = |words: &[&str]| Outcome::of(ssmscope(words).current_dir(path(folder.path())));
    let outcome = run(&["x.pcapng", "tcp", "-o", "json"]);
    assert_eq!(outcome.codes(), ["refused"]);
    assert!(outcome.error.contains("write ./tcp for the file"), "{outcome:?}");
    assert_eq!(run(&["x.pcapng", "./tcp", "-o", "json"]).codes().len(), 2);
}

#[test]
fn a_missing_file_among_others_is_no_filter() {
    let bad = testdata("refused/plain/capture.pcapng");
    let outcome = Outcome::of(&mut ssmscope(&[&bad, "missing.pcap", "tcp", "-o", "json"]));
    assert_eq!((outcome.status, outcome.codes()), (2, vec!["refused".to_owned()]));
    assert!(outcome.error.starts_with("ssmscope: missing.pcap: "), "{outcome:?}");
}

#[test]
fn a_selection_that_matches_nothing_says_what_was_seen() {
    let bad = testdata("refused/plain/capture.pcapng");
    let seen = |options: &[&str]| Outcome::of(&mut ssmscope(&[&["read", &bad][..], options].concat()));
    let outcome = seen(&["--host", "198.51.100.21"]);
    assert_eq!(outcome.status, 3);
    let first = format!("ssmscope: no connection matches --host 198.51.100.21 (1 connection in {bad})\n");
    assert!(outcome.error.starts_with(&first), "{outcome:?}");
    assert!(outcome.error.contains("servers seen: 198.51.100.20:8443 (1)"), "{outcome:?}");
    assert!(outcome.error.contains("did you mean --host 198.51.100.20?"), "{outcome:?}");
    assert!(outcome.error.contains("clients seen: 192.0.2.10 (1)"), "{outcome:?}");
    assert!(seen(&["udp"]).error.contains("no connection matches 'udp'"));
    assert_eq!(seen(&["--host", "198.51.100.20"]).error, "");
    assert_eq!(seen(&["--host", "203.0.113.1", "-o", "nagios"]).error, "");
}

#[test]
fn what_is_shown_changes_neither_numbers_nor_the_status() {
    let files = [testdata("healthy/plain/capture.pcap"), testdata("refused/plain/capture.pcapng")];
    let shown = |only: &str| {
        let words = ["-o", "json", "--only", only, &files[0], &files[1]];
        Outcome::of(&mut ssmscope(&words))
    };
    for (only, codes) in [
        ("FAIL", &["refused"][..]),
        ("ok", &["healthy"]),
        ("Refused,healthy", &["healthy", "refused"]),
        ("warning", &[]),
    ] {
        let outcome = shown(only);
        let mut found = outcome.codes();
        found.sort();
        assert_eq!(
            (outcome.status, found.as_slice()),
            (2, &codes.iter().map(|code| (*code).to_owned()).collect::<Vec<_>>()[..])
        );
        assert_eq!(outcome.summary()["connections"], 2, "{outcome:?}");
    }
    assert!(shown("warning").error.contains("--only WARN: none of 2 connections"));
    assert!(shown("refusd").error.contains("try refused"));
}

#[test]
fn one_connection_is_shown_in_every_form_that_lists_them() {
    let files = [testdata("healthy/plain/capture.pcap"), testdata("refused/plain/capture.pcapng")];
    let shown = |number: &str, form: &str| {
        Outcome::of(&mut ssmscope(&["-o", form, "--connection", number, &files[0], &files[1]]))
    };
    for form in ["json", "flat"] {
        let outcome = shown("2", form);
        let ids: Vec<_> = outcome.out.lines().filter(|line| line.contains("\"id\":")).collect();
        assert!(ids.len() == 1 && ids[0].contains("\"id\":2"), "{outcome:?}");
        assert_eq!(outcome.status, 2, "what is not shown counts");
    }
    let table = shown("1", "table");
    assert!(table.out.contains("OK healthy") && !table.out.contains("FAIL refused "), "{table:?}");
    assert!(table.out.contains("2 connections: 1 failed (refused), 1 ok"), "{table:?}");
    let packets = shown("1", "tcpdump");
    assert!(packets.status == 2 && packets.error.contains("prints every packet"), "{packets:?}");
    for form in ["table", "json"] {
        let unknown = shown("3", form);
        assert!(unknown.error.contains("no connection 3: they are numbered from 1 to 2"), "{unknown:?}");
    }
}

#[test]
fn times_choose_connections_that_are_judged_whole() {
    let healthy = testdata("healthy/plain/capture.pcap");
    let all = Outcome::of(&mut ssmscope(&["-o", "json", &healthy]));
    let connection = all.connections().remove(0);
    let start = connection["start"].as_str().unwrap().to_owned();
    let chosen = |options: &[&str]| {
        let outcome = Outcome::of(&mut ssmscope(&[&["-o", "json", &healthy][..], options].concat()));
        (outcome.status, outcome.connections())
    };
    // Its first packet alone is in the stretch.
    assert_eq!(chosen(&["--to", &start]), (0, vec![connection.clone()]));
    let time = start.split(['T', 'Z']).nth(1).unwrap();
    assert_eq!(chosen(&["--from", &time[..5], "--to", time]).1.len(), 1);
    assert_eq!(chosen(&["--from", "2099-01-01T00:00:00Z"]), (3, vec![]));
    assert_eq!(chosen(&["--to", "1999-01-01 00:00"]), (3, vec![]));
    let dateless =
        Outcome::of(&mut ssmscope(&["--from", "2026-01-01", &testdata("transcript/refused/transcript.txt")]));
    assert!(dateless.status == 3 && dateless.error.contains("take a time of day here"), "{dateless:?}");
}

#[test]
fn a_run_that_fails_writes_no_packets_and_leaves_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shown.pcapng");
    let capture = testdata("refused/plain/capture.pcapng");
    let fails = || Outcome::of(&mut ssmscope(&[&capture, "--filter", "tcp port (", "-w", path(&file)]));
    assert_eq!(fails().status, 3);
    assert!(!file.exists());
    fs::write(&file, "before").unwrap();
    assert_eq!(fails().status, 3);
    assert_eq!(fs::read(&file).unwrap(), b"before");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left next to it");
}

#[test]
fn what_is_shown_restricts_the_overview_and_no_count() {
    let files = [testdata("healthy/plain/capture.pcap"), testdata("refused/plain/capture.pcapng")];
    let shown = Outcome::of(&mut ssmscope(&["--only", "ok", &files[0], &files[1]]));
    assert!(shown.first_line().starts_with("FAIL 1 of 2 connections failed"), "{shown:?}");
    assert_eq!(shown.out.lines().filter(|line| line.starts_with("FAIL")).count(), 1, "{shown:?}");
    assert!(shown.out.lines().any(|line| line.starts_with("OK ")), "{shown:?}");
    assert!(shown.out.contains("2 connections: 1 failed (refused), 1 ok"), "{shown:?}");
}

#[test]
fn the_packets_of_what_is_shown_are_written_with_their_verdicts() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shown.pcapng");
    let files = [testdata("healthy/plain/capture.pcap"), testdata("refused/plain/capture.pcapng")];
    let write = |only: &str| {
        let words = ["-o", "json", "--only", only, "-w", path(&file), &files[0], &files[1]];
        Outcome::of(&mut ssmscope(&words))
    };
    let outcome = write("refused");
    assert_eq!(outcome.status, 2);
    assert!(outcome.error.contains("2 packets of 1 connection written to "), "{outcome:?}");
    let comments = fs::read(&file).unwrap();
    assert!(String::from_utf8_lossy(&comments).contains("FAIL refused: "));
    let again = Outcome::of(&mut ssmscope(&["-o", "json", path(&file)]));
    assert_eq!(again.codes(), ["refused"]);
    let (first, second) = (outcome.connections(), again.connections());
    for key in ["client", "server", "filter", "community_id"] {
        assert_eq!(first[0][key], second[0][key], "{key}");
    }
    write("ok,fail");
    let again = Outcome::of(&mut ssmscope(&["-o", "json", path(&file)]));
    assert_eq!(again.codes().len(), 2);
    let same = Outcome::of(&mut ssmscope(&[path(&file), "-w", path(&file)]));
    assert!(same.status == 3 && same.error.contains("would overwrite an input"), "{same:?}");
    let link = folder.path().join("link.pcapng");
    fs::hard_link(&file, &link).unwrap();
    let before = fs::read(&file).unwrap();
    let linked = Outcome::of(&mut ssmscope(&[path(&file), "-w", path(&link)]));
    assert!(linked.status == 3 && linked.error.contains("would overwrite an input"), "{linked:?}");
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[test]
fn markdown_begins_with_how_many_failed_and_ends_with_the_count() {
    let files = [testdata("healthy/plain/capture.pcap"), testdata("refused/plain/capture.pcapng")];
    let outcome = Outcome::of(&mut ssmscope(&["-o", "markdown", &files[0], &files[1]]));
    let lines: Vec<_> = outcome.out.lines().collect();
    assert_eq!(lines.first(), Some(&"**1 of 2 connections failed: refused** (critical)"), "{outcome:?}");
    assert!(lines.iter().any(|line| line.starts_with("**refused (#")), "{outcome:?}");
    assert_eq!(lines.iter().filter(|line| **line == "```").count(), 2, "{outcome:?}");
    assert!(lines.last().unwrap().starts_with("2 connections: 1 failed (refused), 1 ok; "), "{outcome:?}");
}

#[test]
fn the_name_of_a_file_is_no_markup() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("<img>|*a*`b.pcapng");
    fs::copy(testdata("refused/plain/capture.pcapng"), &file).unwrap();
    let outcome = Outcome::of(&mut ssmscope(&["-o", "markdown", path(&file)]));
    assert!(outcome.out.contains("| Evidence | &lt;img>\\|\\*a\\*\\`b.pcapng, packets "), "{outcome:?}");
}

#[test]
fn a_japanese_locale_adds_a_line_for_people_and_changes_nothing_for_scripts() {
    const JAPANESE: &str = "接続拒否（SYN に RST が返された）";
    let bad = testdata("refused/plain/capture.pcapng");
    let under = |locale: &str, words: &[&str]| {
        let mut command = ssmscope(&[&[bad.as_str()], words].concat());
        Outcome::of(command.env("LC_ALL", locale)).out
    };
    let text = under("ja_JP.UTF-8", &[]);
    assert_eq!(text.lines().nth(1).map(str::trim), Some(JAPANESE), "{text}");
    assert!(!text.contains(['→', '▶', '◀', '─', '✗', '…']), "{text}");
    assert!(under("C.UTF-8", &["--lang", "ja"]).contains(JAPANESE));
    assert!(under("ja_JP.UTF-8", &["-o", "markdown"]).contains(JAPANESE));
    assert!(under("ja_JP.eucJP", &[]).is_ascii());
    let korean = under("ko_KR.UTF-8", &[]);
    assert!(korean.contains("->") && !korean.contains(JAPANESE), "{korean}");
    for form in ["json", "prometheus", "nagios", "table", "tcpdump"] {
        assert_eq!(under("ja_JP.UTF-8", &["-o", form]), under("C.UTF-8", &["-o", form]), "{form}");
    }
}
