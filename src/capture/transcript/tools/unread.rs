//! Forms of text that show packets and are not read, because they lack what following a connection takes, or because they are
//! rare: recognised, so that a user learns what to paste instead.

use super::times::ios_xe_time;
use crate::capture::transcript::OnceNote;
use crate::capture::transcript::family::{Common, Family};
use crate::capture::transcript::front;

/// Counts the lines of such forms.
#[derive(Debug, Default)]
pub struct Gatherer {
    found: Vec<(&'static Form, OnceNote)>,
}

impl Family for Gatherer {
    fn format(&self) -> &'static str {
        "text that is not read"
    }

    fn begins(text: &str) -> bool {
        form(text).is_some()
    }

    fn offer(&mut self, line: &front::CleanLine, text: &str, _common: &mut Common) -> bool {
        let Some(form) = form(text) else { return false };
        let index = self.found.iter().position(|(known, _)| known.name == form.name).unwrap_or_else(|| {
            self.found.push((form, OnceNote::default()));
            self.found.len() - 1
        });
        if let Some((_, note)) = self.found.get_mut(index) {
            note.add(line.number, text);
        }
        true
    }

    fn finish(&mut self, _common: &mut Common) {}

    fn notes(&self) -> Vec<String> {
        let note = |(form, OnceNote { count, line, .. }): &(&'static Form, OnceNote)| {
            let lines = if *count == 1 { "1 line".to_owned() } else { format!("{count} lines") };
            form.note(&lines, *line)
        };
        self.found.iter().map(note).collect()
    }
}

impl Form {
    /// What was left out, in a sentence.
    pub fn note(&self, lines: &str, first: u64) -> String {
        format!(
            "{lines} of {}, first at line {first}, not read: {}; try {}",
            self.name, self.lacks, self.instead
        )
    }
}

/// A form that is recognised.
#[derive(Debug)]
pub struct Form {
    /// The tool, with its command where it has several.
    name: &'static str,
    /// Why it is not read.
    lacks: &'static str,
    /// What gives what is read.
    instead: &'static str,
    is_line: fn(&str) -> bool,
}

/// A list that the reader of dumps recognises, since bytes may follow below its rows.
pub const IOS_XE: Form = Form {
    name: "IOS-XE's \"show monitor capture NAME buffer brief\"",
    lacks: "it shows neither ports nor flags",
    instead: "\"show monitor capture NAME buffer dump\", or the file that \"monitor capture NAME export\" writes",
    is_line: |text| ios_xe_time(text).is_some(),
};

/// All others.
const FORMS: [Form; 19] = [
    Form {
        name: "pwru",
        lacks: "it shows kernel functions, with neither sequence numbers nor lengths of segments",
        instead: "\"tcpdump -nn -i any\"",
        is_line: |text| text.contains("->") && ["(tcp:", "(tcp)"].iter().any(|end| text.contains(end)),
    },
    Form {
        name: "a dtrace script (tcpsnoop)",
        lacks: "it shows no sequence numbers",
        instead: "\"tcpdump -nn\" or \"snoop -r\"",
        is_line: is_tcpsnoop,
    },
    Form {
        name: "VPP's \"show trace\"",
        lacks: "its graph nodes are not read",
        instead: "\"pcap trace rx tx intfc any\", whose file is read",
        is_line: |text| text.starts_with("seq. 0x") && text.contains(" ack 0x"),
    },
    Form {
        name: "netfilter's log",
        lacks: "it shows packets that a rule logged, without lengths of segments",
        instead: "\"tcpdump -nn -i any\"",
        is_line: |text| {
            ["SRC=", "DST=", "PROTO=TCP", "SPT=", "DPT="].iter().all(|field| text.contains(field))
        },
    },
    Form {
        name: "\"debug ip packet\"",
        lacks: "it shows no lengths of segments, and only packets that the router's processor handles",
        instead: "\"monitor capture\", whose exported file is read",
        is_line: |text| text.contains("IP: s=") && text.contains(", d=") && text.contains("len "),
    },
    Form {
        name: "Hubble",
        lacks: "it shows no sequence numbers",
        instead: "\"tcpdump -nn -i any\" on the node",
        is_line: |text| text.contains(" -> ") && text.contains("(TCP Flags: "),
    },
    Form {
        name: "RouterOS's \"/tool sniffer\"",
        lacks: "it shows no flags",
        instead: "\"/tool sniffer set file-name=capture.pcap\", whose file is read",
        is_line: is_router_os,
    },
    Form {
        name: "ngrep",
        lacks: "it shows no sequence numbers",
        instead: "\"tcpdump -nn -A\", or ngrep's option -O, whose file is read",
        is_line: is_ngrep,
    },
    Form {
        name: "ssldump",
        lacks: "it shows no TCP segments",
        instead: "\"tcpdump -nn\" or \"tshark\"",
        is_line: |text| text.starts_with("New TCP connection #") && text.contains(" <-> "),
    },
    Form {
        name: "FortiGate's \"diagnose debug flow\"",
        lacks: "it shows no lengths of segments, and only what the policies were asked about",
        instead: "\"diagnose sniffer packet any 'host ADDRESS' 6 0 a\"",
        is_line: |text| text.contains("func=print_pkt_detail") && text.contains("received a packet(proto="),
    },
    Form {
        name: "conntrack's events",
        lacks: "it shows states that the kernel keeps, and no packets",
        instead: "\"tcpdump -nn -i any\"",
        is_line: is_conntrack,
    },
    Form {
        name: "pfSense's or OPNsense's filterlog",
        lacks: "it shows packets that a rule logged, usually only the first of each connection",
        instead: "\"tcpdump -nn -i INTERFACE\", or Diagnostics, Packet Capture",
        is_line: is_filterlog,
    },
    Form {
        name: "A10's \"debug monitor\"",
        lacks: "its lines are not read",
        instead: "\"axdebug\" with \"capture save NAME\", whose file is read",
        is_line: |text| {
            text.starts_with('@') && text.contains(")> ip ") && text.contains(" > ") && text.contains(" tcp ")
        },
    },
    Form {
        name: "Scapy's summary",
        lacks: "it shows no sequence numbers",
        instead: "\"wrpcap\", whose file is read",
        is_line: |text| text.contains("IP / TCP ") && text.contains(" > "),
    },
    Form {
        name: "\"tshark -T fields\"",
        lacks: "its columns are whichever were asked for",
        instead: "\"tshark -r FILE\" without -T, or FILE itself",
        is_line: |text| {
            let is_field = |name: &&str| name.starts_with("tcp.") || name.starts_with("frame.");
            text.contains("ip.src")
                && text.contains("ip.dst")
                && text.split([' ', ',', '\t']).any(|word| is_field(&word))
        },
    },
    Form {
        name: "Wireshark's \"Copy, as a Hex Stream\"",
        lacks: "it shows no times",
        instead: "\"Copy, as a Hex Dump\", or File, Export Specified Packets, whose file is read",
        is_line: is_hex_stream,
    },
    Form {
        name: "a packet as a C array",
        lacks: "it shows no times",
        instead: "a hex dump, or File, Export Specified Packets of Wireshark, whose file is read",
        is_line: |text| {
            let is_array =
                text.starts_with("static const unsigned char pkt") || text.starts_with("char peer");
            is_array && text.contains('[')
        },
    },
    Form {
        name: "a packet as an escaped string",
        lacks: "it shows no times",
        instead: "a hex dump, or File, Export Specified Packets of Wireshark, whose file is read",
        is_line: |text| text.starts_with("\"\\x") && text.matches("\\x").count() >= LEAST_FRAME_BYTES,
    },
    Form {
        name: "Wireshark's K12 text",
        lacks: "it is not read",
        instead: "File, Export, as pcapng, or a hex dump",
        is_line: |text| text.starts_with("|0   |") && text.ends_with('|'),
    },
];

/// The form that `text`, one line, is certainly of.
fn form(text: &str) -> Option<&'static Form> {
    FORMS.iter().chain([&IOS_XE]).find(|form| (form.is_line)(text))
}

/// `121432157771             ::1:60302  ->              ::1:8080   65364 (SYN|ECE|CWR)`
fn is_tcpsnoop(text: &str) -> bool {
    if !text.contains("->") && !text.contains("<-") {
        return false;
    }
    let is_number = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).take(6).collect();
    matches!(words.as_slice(), [time, _, "->" | "<-", _, bytes, flags]
        if is_number(time) && is_number(bytes) && flags.starts_with('(') && flags.ends_with(')'))
}

/// `[UPDATE] tcp      6 60 SYN_RECV src=192.0.2.1 dst=198.51.100.5 sport=5 dport=443 ...`
fn is_conntrack(text: &str) -> bool {
    const FIELDS: [&str; 4] = [" src=", " dst=", " sport=", " dport="];
    FIELDS.iter().all(|field| text.contains(field)) && text.split(' ').any(|word| word == "tcp")
}

/// `Jan 1 10:00:00 fw filterlog: 5,,,1000000103,em0,match,block,in,4,0x0,,64,1,0,none,6,tcp,60,192.0.2.1,198.51.100.5,50000,443,0,S,...`
fn is_filterlog(text: &str) -> bool {
    const FIELDS: usize = 18;
    let Some((_, fields)) = text.split_once("filterlog").filter(|(_, fields)| fields.contains(": ")) else {
        return false;
    };
    fields.contains(",match,") && fields.contains(",tcp,") && fields.matches(',').count() >= FIELDS
}

/// `ether1  1.5  1  ->  02:00:00:00:00:01  02:00:00:00:00:02  192.0.2.1:50000  198.51.100.5:443 (https)  ip:tcp  66  0`
fn is_router_os(text: &str) -> bool {
    let is_quick = text.contains("  ip:tcp  ") && (text.contains(" -> ") || text.contains(" <- "));
    is_quick || text.contains("  tcp  ") && is_printed_by_router_os(text)
}

/// ` 0  1.01   ether1     192.0.2.1:50000   198.51.100.5:443  tcp            66    0`
fn is_printed_by_router_os(text: &str) -> bool {
    let is_number = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    let is_time =
        |word: &str| word.split_once('.').is_some_and(|(one, two)| is_number(one) && is_number(two));
    let is_end = |word: &str| word.rsplit_once(':').is_some_and(|(_, port)| is_number(port));
    let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).take(7).collect();
    matches!(words.as_slice(), [number, time, _, source, destination, "tcp", size]
        if is_number(number) && is_time(time) && is_end(source) && is_end(destination) && is_number(size))
}

/// Ethernet's, IPv4's and TCP's headers.
const LEAST_FRAME_BYTES: usize = 14 + 20 + 20;

/// A frame's bytes in one line, with spaces or without: `020000000001020000000002080045000034...`.
fn is_hex_stream(text: &str) -> bool {
    // Most lines have another letter soon.
    let is_digit = |byte: u8| byte.is_ascii_hexdigit() || byte == b' ';
    if !text.bytes().all(is_digit) || text.len() < 2 * LEAST_FRAME_BYTES {
        return false;
    }
    let digits: Vec<u8> =
        text.bytes().filter(|byte| *byte != b' ').map(|byte| byte.to_ascii_lowercase()).collect();
    // The EtherType of IPv4 or IPv6 after both addresses, and the header's version.
    let is_ethernet = digits.get(24..29).is_some_and(|kind| kind == b"08004" || kind == b"86dd6");
    let is_raw = digits.starts_with(b"4500") || digits.starts_with(b"60");
    digits.len() >= 2 * LEAST_FRAME_BYTES && digits.len().is_multiple_of(2) && (is_ethernet || is_raw)
}

/// `T 192.0.2.1:50000 -> 198.51.100.5:80 [AP] #5`
fn is_ngrep(text: &str) -> bool {
    let Some((ends, flags)) = text.strip_prefix("T ").and_then(|rest| rest.split_once(" [")) else {
        return false;
    };
    ends.contains(" -> ")
        && flags.split(']').next().is_some_and(|flags| flags.bytes().all(|flag| b"AFPRSU".contains(&flag)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STREAM: &str = "02000000010102000000011008004500003ce9af4000400664bac000020ac6336414c5da20fbb2c4881500000000a002faf0ec80000002";

    /// The bytes of `stream`, each after `mark`.
    fn apart(stream: &str, mark: &str) -> String {
        let digits = stream.as_bytes().chunks(2).map(String::from_utf8_lossy);
        digits.flat_map(|digits| [mark.to_owned(), digits.into_owned()]).collect()
    }

    #[test]
    fn each_form_is_known_by_its_lines() {
        for (text, name) in [
            (" 0  1.01   ether1  192.0.2.1:50000   198.51.100.5:443  tcp     66    0", "RouterOS"),
            ("5  118   10.131997   192.0.2.1     ->  198.51.100.5      0  BE   TCP", "IOS-XE"),
            ("5  118   10.131997   192.0.2.1     ->  198.51.100.5      TCP", "IOS-XE"),
            ("118   10.131997   192.0.2.1     ->  198.51.100.5      0  BE   ICMP", "IOS-XE"),
            (
                "0xffff 6 <empty>:0 ens33:2 0x0800 1500 74 192.0.2.1:32956->198.51.100.5:8080(tcp:SYN) tcp_wfree",
                "pwru",
            ),
            ("121432157771             ::1:60302  ->              ::1:8080   65364 (SYN|ECE|CWR)", "dtrace"),
            ("seq. 0x00000001 ack 0x00000000", "VPP"),
            (
                "IN=eth0 SRC=192.0.2.1 DST=198.51.100.5 LEN=60 PROTO=TCP SPT=5 DPT=6 WINDOW=8192 SYN",
                "netfilter",
            ),
            ("IP: s=192.0.2.1 (local), d=198.51.100.5 (Gi0/1), len 54, sending", "debug ip packet"),
            (
                "May 4 13:23:40.501: default/a:42690 (ID:1) -> default/b:80 (ID:2) to-proxy FORWARDED (TCP Flags: SYN)",
                "Hubble",
            ),
            ("T 192.0.2.1:50000 -> 198.51.100.5:80 [AP] #5", "ngrep"),
            (
                "id=20085 trace_id=4 func=print_pkt_detail line=5810 msg=\"vd-root:0 received a packet(proto=6, \
                 192.0.2.1:50000->198.51.100.5:443) from lan. flag [S], seq 2726244257, ack 0, win 14600\"",
                "debug flow",
            ),
            ("[UPDATE] tcp 6 60 SYN_RECV src=192.0.2.1 dst=198.51.100.5 sport=5 dport=443", "conntrack"),
            (
                "Jan 1 10:00:00 fw filterlog: 5,,,103,em0,match,block,in,4,0x0,,64,1,0,none,6,tcp,60,192.0.2.1,198.51.100.5,5,443,0,S,7",
                "filterlog",
            ),
            (
                "Jan 1 10:00:00 fw filterlog[71]: 5,,,103,em0,match,block,in,4,0x0,,64,1,0,none,6,tcp,60,192.0.2.1,198.51.100.5,5,443,0,S,7",
                "filterlog",
            ),
            (
                "@4296982955 i( 1,   1)> ip 192.0.2.1 > 198.51.100.5 tcp  47278 > 80 S 4aacf19e:0(0) <w=7>",
                "A10",
            ),
            ("New TCP connection #1: 192.0.2.1(50000) <-> 198.51.100.5(443)", "ssldump"),
            ("frame.number ip.src tcp.srcport ip.dst tcp.dstport tcp.flags.str tcp.len", "-T fields"),
            ("Ether / IP / TCP 192.0.2.1:50000 > 198.51.100.5:https S", "Scapy"),
            (STREAM, "Hex Stream"),
            (apart(STREAM, " ").trim(), "Hex Stream"),
            ("static const unsigned char pkt1[74] = {", "C array"),
            ("char peer0_0[] = { /* Packet 4 */", "C array"),
            (&format!("\"{}\"", apart(STREAM, "\\x")), "escaped string"),
        ] {
            let form = form(text).unwrap_or_else(|| panic!("{text}"));
            assert!(form.name.contains(name), "{text}: {}", form.name);
        }
    }

    #[test]
    fn what_is_read_is_none_of_them() {
        for text in [
            "12:00:00.000000 IP 192.0.2.1.443 > 198.51.100.5.50000: Flags [S], seq 1, win 1, length 0",
            "5 10.131997   192.0.2.1     ->  198.51.100.5  TCP 66 1 > 2 [SYN] Seq=0",
            "12.009383 port5 in 192.0.2.1.46028 -> 198.51.100.5.22: syn 486804292",
            "1: 15:36:43.513340       192.0.2.1.42098 > 198.51.100.5.443: S 25:25(0) win 29200",
            "The client -> the server (TCP) is slow.",
            &STREAM[..80],
            &STREAM.replace("0800", "0801"),
            "",
        ] {
            assert_eq!(form(text).map(|form| form.name), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_line_is_looked_at(text: String) {
            let _ = form(&text);
        }
    }
}
