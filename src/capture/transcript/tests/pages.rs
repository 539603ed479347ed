//! What web pages, chats, mails and logs make of a text: one refused connection in each of their spellings.

use super::spellings::summaries;
use super::*;

const SYN: &str = "10:00:00.000001 IP 192.0.2.10.50000 > 198.51.100.20.8443: Flags [S], seq 7, win 64240, options [mss 1460], length 0";
const RST: &str =
    "10:00:00.000087 IP 198.51.100.20.8443 > 192.0.2.10.50000: Flags [R.], seq 0, ack 8, win 0, length 0";
const REFUSED: [&str; 2] =
    ["192.0.2.10.50000 > 198.51.100.20.8443 S 0", "198.51.100.20.8443 > 192.0.2.10.50000 R. 0"];

const SYN_ROW: &str = "    1   0.000000   192.0.2.10 \u{2192} 198.51.100.20 TCP 74 50000 \u{2192} 8443 [SYN] Seq=0 Win=64240 Len=0 MSS=1460";
const RST_ROW: &str = "    2   0.000086 198.51.100.20 \u{2192} 192.0.2.10   TCP 54 8443 \u{2192} 50000 [RST, ACK] Seq=1 Ack=1 Win=0 Len=0";

/// The two lines of each packet that `-v` prints.
fn verbose() -> [[String; 2]; 2] {
    [(SYN, 60), (RST, 40)].map(|(line, length)| {
        let (time, segment) = line.split_once(" IP ").expect("a time");
        [
            format!(
                "{time} IP (tos 0x0, ttl 64, id 7, offset 0, flags [DF], proto TCP (6), length {length})"
            ),
            format!("    {segment}"),
        ]
    })
}

#[test]
fn addresses_that_a_page_made_into_links_are_addresses() {
    let with_ends = |change: fn(&str, &str) -> String| {
        [SYN, RST].map(|line| {
            let ends = [("192.0.2.10", "50000"), ("198.51.100.20", "8443")];
            let changed = ends.iter().fold(line.to_owned(), |line, (host, port)| {
                line.replace(&format!("{host}.{port}"), &change(host, port))
            });
            format!("{changed}\n")
        })
    };
    for change in [
        |host: &str, port: &str| format!("[{host}](http://{host}).{port}"),
        |host: &str, port: &str| format!("<a href=\"http://{host}.{port}\">{host}.{port}</a>"),
        |host: &str, port: &str| format!("{host}:{port}"),
    ] {
        let text = with_ends(change).concat();
        assert_eq!(summaries(&text), REFUSED, "{text}");
    }
}

#[test]
fn a_text_in_one_line_is_read_as_its_lines() {
    let [one, other] = verbose();
    let verbose = [one, other].concat().join("\\n");
    let rows = format!("{SYN_ROW}\\n{RST_ROW}\\n");
    let joined = format!("{SYN_ROW} {RST_ROW}");
    let list = format!("['{SYN_ROW}', '{RST_ROW}']");
    let escaped = |row: &str| row.replace('\u{2192}', "\\u2192");
    let array = format!(
        "{{\n  \"stdout_lines\": [\n    \"{}\",\n    \"{}\"\n  ]\n}}\n",
        escaped(SYN_ROW),
        escaped(RST_ROW)
    );
    for text in [&format!("{SYN}\\n{RST}\\n"), &verbose, &rows, &joined, &list, &array] {
        assert_eq!(summaries(text), REFUSED, "{text}");
        assert!(looks_readable(text.as_bytes()), "{text}");
    }
}

#[test]
fn rows_after_a_log_s_prefix_are_read() {
    let prefix = |second: u32| format!("<13>1 2026-11-30T10:15:0{second}.000000+00:00 ssm tcpdump 812 - - ");
    let text = format!("{}{SYN_ROW}\n{}{RST_ROW}\n", prefix(0), prefix(1));
    assert_eq!(summaries(&text), REFUSED, "{text}");
}

#[test]
fn rows_whose_arrow_a_character_set_broke_are_read() {
    for arrow in ["\u{e2}\u{2020}\u{2019}", "\u{201a}\u{dc}\u{ed}", "&rarr;", "&#8594;"] {
        let text = format!("{SYN_ROW}\n{RST_ROW}\n").replace('\u{2192}', arrow);
        assert_eq!(summaries(&text), REFUSED, "{text}");
    }
}

#[test]
fn rows_with_semicolons_between_their_cells_are_read() {
    let row = |row: &str| {
        let words: Vec<&str> = row.split_whitespace().filter(|word| *word != "\u{2192}").collect();
        let (cells, info) = words.split_at(6);
        format!("{};{}", cells.join(";"), info.join(" ").replacen(' ', " \u{2192} ", 1)).replacen('.', ",", 1)
    };
    let text =
        format!("No.;Time;Source;Destination;Protocol;Length;Info\n{}\n{}\n", row(SYN_ROW), row(RST_ROW));
    assert_eq!(summaries(&text), REFUSED, "{text}");
    let cells = text.trim_end().replace(';', "\";\"").replace('\n', "\"\n\"");
    let quoted = format!("\"{cells}\"\n");
    assert_eq!(summaries(&quoted), REFUSED, "{quoted}");
}

#[test]
fn columns_of_fields_are_read_by_their_names() {
    let header =
        "frame.number\tframe.time_epoch\tip.src\ttcp.srcport\tip.dst\ttcp.dstport\ttcp.flags\ttcp.len\n";
    let rows = "1\t1700000000.000000000\t192.0.2.10\t50000\t198.51.100.20\t8443\t0x0002\t0\n\
                2\t1700000000.000086000\t198.51.100.20\t8443\t192.0.2.10\t50000\t0x0014\t0\n";
    let command = "$ tshark -r x.pcap -T fields -e frame.number -e frame.time_epoch -e ip.src -e tcp.srcport -e ip.dst -e tcp.dstport \
                   -e tcp.flags -e tcp.len\n";
    for text in [format!("{header}{rows}"), format!("{command}{rows}")] {
        assert_eq!(summaries(&text), REFUSED, "{text}");
    }
    assert!(looks_readable(header.as_bytes()));
}

#[test]
fn notes_and_marks_at_one_half_of_a_packet_don_t_part_it_from_the_other() {
    let changes: [fn([String; 2]) -> [String; 2]; 6] = [
        |[one, other]| [format!("{one}   <---- here"), other],
        |[one, other]| [one, format!("{other}   <---- here")],
        |[one, other]| [one, format!("**{other}**")],
        |[one, other]| [format!("**{one}**"), other],
        |[one, other]| {
            [
                format!("2026-11-30T10:15:00.1Z {one}"),
                format!("2026-11-30T10:15:01.1Z\u{a0}  \u{a0}{}", other.trim_start()),
            ]
        },
        |[one, other]| [one.replace("tos 0x0, ttl 64, id 7, offset 0, ", "").replace("10:00:00", "0"), other],
    ];
    for change in changes {
        let text = verbose().map(change).concat().join("\n");
        assert_eq!(summaries(&text), REFUSED, "{text}");
    }
}

#[test]
fn ends_in_parentheses_below_a_header_are_ends() {
    let text =
        verbose().concat().join("\n").replace("192.0.2.10", "(client)").replace("198.51.100.20", "(server)");
    assert_eq!(
        summaries(&text),
        ["(client).50000 > (server).8443 S 0", "(server).8443 > (client).50000 R. 0"]
    );
}

#[test]
fn an_arrow_that_a_mail_took_to_the_next_line_is_no_mark_of_a_quote() {
    let quoted = |line: &str| {
        let (before, after) = line.split_once(" > ").expect("an arrow");
        format!("> > {before}\n> > > {after}\n")
    };
    assert_eq!(summaries(&format!("> > see this:\n{}{}", quoted(SYN), quoted(RST))), REFUSED);
}

#[test]
fn a_process_after_the_interface_of_a_packet_filter_s_line_is_passed_over() {
    let line = SYN.replace("IP ", "rule 0/0(match): pass out on en0: [uid 501, pid 4242] ");
    assert_eq!(summaries(&format!("{line}\n")), [REFUSED[0]]);
}

#[test]
fn a_cooked_header_in_a_dump_is_known_without_the_banner() {
    let text = "10:00:00.000001 IP 198.51.100.1.45042 > 198.51.100.2.10001: Flags [P.], seq 1:14, ack 1, win 64240, length 13\n\
                \t0x0000:  0000 0001 0006 0242 c60a 0001 0000 0800  .......B........\n\
                \t0x0010:  4500 0035 68cc 4000 3f06 0000 c633 6401  E..5h.@.?.F.....\n\
                \t0x0020:  c633 6402 aff2 2711 0d72 c631 65e7 1a37  ......'..r.1e..7\n\
                \t0x0030:  5018 faf0 8c3f 0000 4d65 7361 6a4f 7269  P....?..MesajOri\n\
                \t0x0040:  6769 6e61 6c                             ginal\n";
    assert_eq!(summaries(text), ["frame"]);
}

#[test]
fn places_of_lines_that_could_not_be_read_are_known() {
    let unread = |text: &str| {
        let (_, about) = read(text.as_bytes());
        about.unread.into_iter().map(|line| (line.part, line.behind)).collect::<Vec<_>>()
    };
    let broken = "10:00:00.000050 IP 192.0.2.10.50000\n";
    assert_eq!(unread(&format!("{SYN}\n{broken}{RST}\n")), [(1, 1)]);
    assert_eq!(unread(&format!("{SYN}\n{RST}\n{broken}")), [(1, 2)]);
    let icmp = "10:00:00.000050 IP 192.0.2.1 > 192.0.2.10: ICMP host 198.51.100.20 unreachabl...\n";
    assert_eq!(unread(&format!("{SYN}\n{icmp}")), [(1, 1)]);
    assert_eq!(summaries(icmp), ["Other(Printed(\"ICMP, cut off\"))"]);
    assert_eq!(unread(&format!("{SYN}\n{RST}\n")), []);
    // What is known to be something else, and an author's words, hold no packet of TCP.
    for other in [
        "10:00:00.000050 IP 192.0.2.10 > 192.0.2.1: ICMP echo request, id 291,",
        "10:00:00.000050 IP6 fe80::1 > ff02::1: ICMP6, router advertisement,",
        "10:00:00.000050 IP address changed by DHCP",
        "10:00:00.000050",
    ] {
        assert_eq!(unread(&format!("{SYN}\n{other}\n{RST}\n")), [], "{other}");
    }
}
