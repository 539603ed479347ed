//! Log grammars: each recognises and reads one form of line.
//!
//! A grammar is a function from a line to an `Entry` that borrows from it. It knows the form of a line and nothing of the lines
//! around it. A line that no grammar claims continues the line above it: a stack trace, a body that an error quotes, the rest of a
//! line that a terminal wrapped. Which grammar to ask follows from the line's first characters, and each line decides for itself, since
//! one file of syslog carries the lines of many programs.

mod cisco;
mod console;
mod fielded;
mod fields;
mod flexnet;
mod generic;
mod haproxy;
mod klog;
mod margin;
mod mysql;
mod nginx_access;
pub(super) mod nginx_error;
pub(super) mod rails;
mod semantic;
mod service;
mod ssm;
mod syslog;
mod vmanage;

pub use nginx_access::{AccessFormat, AccessFormatError};

use std::net::IpAddr;

use super::stamp::{Date, Stamp};

/// Which grammar a line belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Grammar {
    /// vManage's `vmanage-server.log`.
    VmanageServer,
    /// vManage's `vmanage-appserver.log`.
    VmanageAppserver,
    /// nginx's access log, in the common, the combined, or a given format.
    NginxAccess,
    /// nginx's error log.
    NginxError,
    /// HAProxy's log of requests.
    Haproxy,
    /// Rails' requests as lograge writes them.
    Lograge,
    /// Redis.
    Redis,
    /// chronyd, which reports steps of the clock.
    Chronyd,
    /// Messages of Cisco's devices: `%FACILITY-SEVERITY-MNEMONIC`.
    Cisco,
    /// FlexNet's debug log: lmgrd and vendor daemons.
    FlexNet,
    /// Other lines of syslog.
    Syslog,
    /// Lines of which the time alone is understood.
    Generic,
}

impl Grammar {
    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::VmanageServer => "vmanage-server.log",
            Self::VmanageAppserver => "vmanage-appserver.log",
            Self::NginxAccess => "nginx access log",
            Self::NginxError => "nginx error log",
            Self::Haproxy => "HAProxy",
            Self::Lograge => "Rails requests (lograge)",
            Self::Redis => "Redis",
            Self::Chronyd => "chronyd",
            Self::Cisco => "Cisco device messages",
            Self::FlexNet => "FlexNet debug log",
            Self::Syslog => "syslog",
            Self::Generic => "text with timestamps",
        }
    }
}

/// How much a line matters to who wrote it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Level {
    /// Not stated, or cut off.
    #[default]
    Unknown,
    /// Debugging and tracing.
    Debug,
    /// Ordinary, and notices.
    Info,
    /// Warnings.
    Warning,
    /// Errors and worse.
    Error,
}

impl Level {
    /// By the words that programs use.
    fn of(word: &str) -> Self {
        const NAMES: [(&str, Level); 21] = [
            ("info", Level::Info),
            ("error", Level::Error),
            ("warn", Level::Warning),
            ("warning", Level::Warning),
            ("debug", Level::Debug),
            ("trace", Level::Debug),
            ("notice", Level::Info),
            ("fatal", Level::Error),
            ("crit", Level::Error),
            ("critical", Level::Error),
            ("alert", Level::Error),
            ("emerg", Level::Error),
            ("severe", Level::Error),
            ("err", Level::Error),
            ("fine", Level::Debug),
            ("finer", Level::Debug),
            ("finest", Level::Debug),
            ("config", Level::Info),
            ("information", Level::Info),
            ("unknown", Level::Unknown),
            ("panic", Level::Error),
        ];
        NAMES
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(word))
            .map_or(Self::Unknown, |(_, level)| *level)
    }

    /// By a severity of syslog (RFC 5424, 6.2.1), which Cisco's devices use too.
    fn of_severity(severity: u32) -> Self {
        match severity {
            0..=3 => Self::Error,
            4 => Self::Warning,
            5 | 6 => Self::Info,
            7 => Self::Debug,
            _ => Self::Unknown,
        }
    }
}

/// One line, as its grammar reads it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    /// Which grammar it is.
    pub grammar: Grammar,
    /// Its own time.
    pub stamp: Option<Stamp<'a>>,
    /// The time that syslog put in front of it.
    pub outer: Option<Stamp<'a>>,
    /// The host that it names as its own.
    pub host: Option<&'a str>,
    /// Its level.
    pub level: Level,
    /// The class, program or container that wrote it.
    pub source: Option<&'a str>,
    /// The thread that wrote it.
    pub thread: Option<&'a str>,
    /// Whether the line is cut within the thread's name.
    pub is_thread_cut: bool,
    /// What it says, without what the fields above hold.
    pub text: &'a str,
    /// What the grammar makes of it.
    pub fact: Fact<'a>,
}

/// What a grammar makes of a line, beyond its words.
#[derive(Clone, Copy, Default, Debug)]
pub(super) enum Fact<'a> {
    /// Nothing.
    #[default]
    None,
    /// A request that an HTTP server has answered, or that its client gave up.
    Request(Request<'a>),
    /// A request that Rails has begun to work on. The line of its answer has the same key.
    Started {
        /// Its method and path.
        request: Request<'a>,
        /// Tags, or the process that wrote the line; empty if it names none.
        key: &'a str,
    },
    /// A request that Rails has answered.
    Completed {
        /// Its status and duration.
        request: Request<'a>,
        /// That of the line with which it came.
        key: &'a str,
    },
    /// What happened to a connection of nginx before, or instead of, its answer.
    Incident(Incident<'a>),
    /// A message of a device about its licences.
    Licence {
        /// `COMM_FAILED`.
        mnemonic: &'a str,
    },
    /// A daemon of FlexNet listens on a port.
    Port {
        /// `lmgrd`, or the vendor's daemon.
        daemon: &'a str,
        /// TCP.
        port: u16,
    },
    /// FlexNet granted or denied a feature.
    Checkout {
        /// Whether it was granted.
        is_granted: bool,
        /// The client's host.
        host: &'a str,
    },
    /// The lines that follow are of this day.
    Day(Date),
    /// The clock was stepped.
    ClockStep,
}

/// A request as a server logs it.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Request<'a> {
    /// Who asked, as the server saw it.
    pub client: Option<IpAddr>,
    /// The port, which only a custom format has.
    pub client_port: Option<u16>,
    /// The host that was asked for.
    pub host: Option<&'a str>,
    /// `POST`.
    pub method: Option<&'a str>,
    /// `/oauth/token`, with a query as it was written.
    pub path: Option<&'a str>,
    /// Whether TLS was there where a request was expected.
    pub is_tls: bool,
    /// The status that was answered.
    pub status: Option<u16>,
    /// How long it took, in nanoseconds.
    pub duration: Option<i64>,
    /// nginx's number of the connection.
    pub connection: Option<u64>,
    /// Bytes of the answer's body.
    pub body_bytes: Option<u64>,
    /// Bytes of the answer with its header.
    pub sent_bytes: Option<u64>,
}

/// A line of nginx's error log that is about a connection.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Incident<'a> {
    /// nginx's number of the connection.
    pub connection: Option<u64>,
    /// Who the connection came from.
    pub client: Option<IpAddr>,
    /// The method of the request under way.
    pub method: Option<&'a str>,
    /// Its path.
    pub path: Option<&'a str>,
    /// The host that was asked for, with its port.
    pub host: Option<&'a str>,
}

impl<'a> Entry<'a> {
    fn new(grammar: Grammar, text: &'a str) -> Self {
        Self {
            grammar,
            stamp: None,
            outer: None,
            host: None,
            level: Level::Unknown,
            source: None,
            thread: None,
            is_thread_cut: false,
            text,
            fact: Fact::None,
        }
    }
}

/// Reads a line, or finds that it continues the one above. `formats` are access logs' formats besides the usual ones.
pub(super) fn read<'a>(line: &'a str, formats: &[AccessFormat]) -> Option<Entry<'a>> {
    let line = line.trim_start_matches(['\u{feff}', ' ']);
    let after_margin = || {
        // `grep -n` on several files puts the file and the number there.
        let after = margin::without_margin(line)?;
        bare(after, formats).or_else(|| bare(margin::without_margin(after)?, formats))
    };
    let in_brackets = || {
        let may_be = |first: char| first.is_ascii_alphanumeric() || matches!(first, '[' | '"' | '$' | '-');
        let may_be = line.starts_with(may_be) && has_clock(line);
        may_be.then(|| generic::in_brackets(line)).flatten()
    };
    bare(line, formats).or_else(after_margin).or_else(in_brackets)
}

/// A line from its first character.
fn bare<'a>(line: &'a str, formats: &[AccessFormat]) -> Option<Entry<'a>> {
    let given = || formats.iter().find_map(|format| format.read(line));
    match line.bytes().next()? {
        b'0'..=b'9' => given()
            .or_else(|| vmanage::read(line))
            .or_else(|| semantic::read(line))
            .or_else(|| syslog::read(line, formats))
            .or_else(|| service::read(line, &[]))
            .or_else(|| flexnet::read(line))
            .or_else(|| cisco::read(line))
            .or_else(|| cisco::debugging(line))
            .or_else(|| generic::read(line))
            .or_else(|| console::read(line))
            .or_else(|| mysql::read(line)),
        b'<' => syslog::read(line, formats).or_else(|| generic::windows_event(line)).or_else(given),
        b'*' | b'.' | b'%' => cisco::read(line).or_else(|| cisco::debugging(line)).or_else(given),
        b'A'..=b'Z' | b'a'..=b'z' => given()
            .or_else(|| rails::started(line))
            .or_else(|| klog::read(line))
            .or_else(|| cisco::read(line))
            .or_else(|| if has_clock(line) { worded(line, formats) } else { ssm::read(line) })
            .or_else(|| fielded::read(line)),
        b'{' => given().or_else(|| fielded::read(line)),
        b'[' | b':' | b'"' => given()
            .or_else(|| rails::started(line))
            .or_else(|| service::read(line, &[]))
            .or_else(|| generic::read(line)),
        _ => given(),
    }
}

/// A line that begins with a letter and has a time of day.
fn worded<'a>(line: &'a str, formats: &[AccessFormat]) -> Option<Entry<'a>> {
    syslog::read(line, formats)
        .or_else(|| service::read(line, &[]))
        .or_else(|| cisco::debugging(line))
        .or_else(|| generic::read(line))
        .or_else(|| console::bitnami(line))
        .or_else(|| in_pod(line))
}

/// Whether a colon between digits is near the beginning. Few stack traces and sentences have one, and they are most of what is not a line.
fn has_clock(line: &str) -> bool {
    const NEAR: usize = 256;
    let bytes = line.as_bytes();
    let bytes = bytes.get(..NEAR).unwrap_or(bytes);
    let is_digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    memchr::memchr_iter(b':', bytes).any(|at| is_digit(at.checked_sub(1)) && is_digit(Some(at + 1)))
}

/// What stern shows of a container: a line with a time of its own.
fn in_pod(line: &str) -> Option<Entry<'_>> {
    let after = margin::without_pod(line)?;
    after.starts_with(|first: char| first.is_ascii_digit()).then_some(())?;
    service::read(after, &[]).or_else(|| generic::read(after)).or_else(|| console::in_pod(after))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_is_found_after_what_a_terminal_or_a_tool_put_before_it() {
        let line = "13-Jan-2023 17:29:02,775 IST INFO [um8_vManage] [SmartLicensingUtil] (default task-24) |default| x";
        for margin in [
            "",
            "  ",
            "> ",
            "> > ",
            "12:",
            "1234-",
            "vmanage-server.log.1:",
            "/var/log/nms/vmanage-server.log:12:",
            "\u{1b}[32m",
            "vmanage  | ",
            "[root@host log]# ",
            "   12\t",
            "   12  ",
            "\u{feff}",
            "* ",
            "\u{2022} ",
            "[vmanage] ",
            "[vmanage]",
            "local0.info: ",
        ] {
            let entry = format!("{margin}{line}");
            let entry = read(&entry, &[]).unwrap_or_else(|| panic!("{margin:?}"));
            assert_eq!(
                (entry.grammar, entry.source),
                (Grammar::VmanageServer, Some("SmartLicensingUtil")),
                "{margin:?}"
            );
        }
    }

    #[test]
    fn lines_without_a_time_continue_the_one_above() {
        for line in [
            "\tat java.base/java.lang.Thread.run(Thread.java:840)",
            " at org.jboss.Foo.bar(Foo.java:1) [classes:]",
            "Caused by: javax.net.ssl.SSLHandshakeException: PKIX path building failed",
            "\t... 1 more",
            "<html>",
            "<head><title>502 Bad Gateway</title></head>",
            "",
            "   ",
            "{\"error\": \"invalid_client\"}",
            "* it was at 11:17 on Jan 13",
            "[web] started",
            "Error: the server did not answer",
            "The capture of 2023-01-13 11:17:01 shows it",
            "  <date>2023-01-13T11:17:01Z</date>",
            "    1 11:17:01.123456 192.0.2.7 -> 192.0.2.8 TCP 66 41000 > 443 [SYN]",
            "11:17:01.123456 IP 192.0.2.7.41000 > 192.0.2.8.443: Flags [S], seq 1, win 1, length 0",
            "INFO: Starting service",
            "org.example.Foo: x",
        ] {
            assert!(read(line, &[]).is_none(), "{line:?}");
        }
    }

    #[test]
    fn a_margin_costs_an_access_line_nothing() {
        let line = r#"192.0.2.7 - - [13/Jan/2023:11:17:01 +0000] "GET / HTTP/1.1" 502 5"#;
        for margin in ["web_1 | ", "reverse-proxy-1  | ", "access.log:", "access.log.1:12:", "# ", "> "] {
            let line = format!("{margin}{line}");
            let entry = read(&line, &[]).unwrap_or_else(|| panic!("{line}"));
            let Fact::Request(request) = entry.fact else { panic!("{entry:?}") };
            assert_eq!(request.client.map(|ip| ip.to_string()).as_deref(), Some("192.0.2.7"), "{line}");
        }
        let entry = read("7e1 bucket [13/Jan/2023:11:17:01 +0000] 192.0.2.7 7e1 x", &[]).expect("a line");
        assert_eq!(entry.grammar, Grammar::Generic);
    }

    #[test]
    fn a_pod_and_its_container_are_no_part_of_a_line() {
        let pod = "ssm-5d8f7-x2x9z nginx ";
        let access = format!(r#"{pod}192.0.2.7 - - [13/Jan/2023:11:17:01 +0000] "GET / HTTP/1.1" 502 5"#);
        assert_eq!(read(&access, &[]).expect("a line").grammar, Grammar::NginxAccess);
        for text in [" 14:32:47.13 Welcome", "2023-01-13T11:17:01Z x"] {
            assert!(read(&format!("{pod}{text}"), &[]).is_some(), "{text}");
        }
        assert!(read("a man-made mark 14:32:47.13 x", &[]).is_none());
    }

    proptest! {
        #[test]
        fn any_line_is_read_without_panic(
            text in any::<String>(),
            json in "(\\{|\\}|\"|\\\\|:|,|time|status|2023-01-13T11:17:01Z|level=| |ü){0,24}",
            mixed in "[IWEF\\[\\{]?([0-9]{1,4}[-/:. ,]?){0,8}[A-Za-z:,. +/\\[\\]()|%*\"<>{}=#-]{0,40}[ -~µ]{0,40}",
        ) {
            let format = AccessFormat::new("$remote_addr [$time_local] \"$request\" $status").expect("a format");
            for text in [text, json, mixed] {
                let _ = read(&text, std::slice::from_ref(&format));
                let _ = (flexnet::read(&text), cisco::read(&text), syslog::read(&text, &[]), generic::read(&text));
                let _ = (rails::read(&text), haproxy::read(&text), klog::read(&text), console::read(&text), mysql::read(&text));
                let _ = (fielded::read(&text), semantic::read(&text), in_pod(&text), cisco::debugging(&text), console::bitnami(&text));
                let _ = (vmanage::read(&text), nginx_error::read(&text), nginx_access::read(&text), ssm::read(&text));
            }
        }
    }
}
