//! The grammars of logs: one line, read by whichever of them it belongs to.
//!
//! A grammar is a function from a line to an `Entry` that borrows from it. It knows the form of a line and nothing of the lines
//! around it. A line that no grammar claims continues the line above it: a stack trace, a body that an error quotes, the rest of a
//! line that a terminal wrapped. Which grammar to ask follows from the line's first characters, and each line decides anew, since
//! one file of syslog carries the lines of many programs.

mod cisco;
mod fields;
mod flexnet;
mod generic;
mod haproxy;
mod nginx_access;
mod nginx_error;
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
    /// `/oauth/token`, with a query as it stands.
    pub path: Option<&'a str>,
    /// Whether TLS stood where a request was expected.
    pub is_tls: bool,
    /// The status that was answered.
    pub status: Option<u16>,
    /// How long it took, in nanoseconds.
    pub duration: Option<i64>,
    /// nginx's number of the connection.
    pub connection: Option<u64>,
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

/// Reads a line, or finds that it continues the one above. `formats` are access logs' formats beside the usual ones.
pub(super) fn read<'a>(line: &'a str, formats: &[AccessFormat]) -> Option<Entry<'a>> {
    let line = line.trim_start_matches(['\u{feff}', ' ']);
    bare(line, formats).or_else(|| {
        // `grep -n` on several files puts the file and the number there.
        let behind = without_margin(line)?;
        bare(behind, formats).or_else(|| bare(without_margin(behind)?, formats))
    })
}

/// A line from its first character.
fn bare<'a>(line: &'a str, formats: &[AccessFormat]) -> Option<Entry<'a>> {
    let given = || formats.iter().find_map(|format| format.read(line));
    match line.bytes().next()? {
        b'0'..=b'9' => given()
            .or_else(|| vmanage::read(line))
            .or_else(|| syslog::read(line, formats))
            .or_else(|| service::read(line, &[]))
            .or_else(|| flexnet::read(line))
            .or_else(|| cisco::read(line))
            .or_else(|| generic::read(line)),
        b'<' => syslog::read(line, formats).or_else(given),
        b'*' | b'.' | b'%' => cisco::read(line).or_else(given),
        b'A'..=b'Z' | b'a'..=b'z' => given()
            .or_else(|| cisco::read(line))
            .or_else(|| syslog::read(line, formats))
            .or_else(|| service::read(line, &[]))
            .or_else(|| generic::read(line)),
        b'[' | b':' | b'{' | b'"' => {
            given().or_else(|| service::read(line, &[])).or_else(|| generic::read(line))
        }
        _ => given(),
    }
}

/// A line without what mails (`> `), `grep -n` (`12:`), `grep` on several files (`server.log.1:`), pagers, terminals (a prompt, colours) and
/// `docker compose logs` (`web  | `) put in front of it.
fn without_margin(line: &str) -> Option<&str> {
    const WIDEST: usize = 80;
    let bytes = line.as_bytes();
    let mut at = 0;
    // ECMA-48, 5.4: a control sequence ends with the first letter.
    while let [0x1b, b'[', ..] = bytes.get(at..)? {
        let letter =
            bytes.get(at + 2..)?.iter().take(WIDEST).position(|byte| (b'@'..=b'~').contains(byte))?;
        at += 3 + letter;
    }
    let rest = line.get(at..)?;
    if at > 0 {
        return Some(rest).filter(|rest| !rest.is_empty());
    }
    let end =
        rest.char_indices().take_while(|(index, _)| *index < WIDEST).find_map(|(index, next)| match next {
            '>' | '|' | '#' | '\t' => Some(index + 1),
            ':' | '-' if is_name_or_number(&rest[..index]) => Some(index + 1),
            _ => None,
        });
    let behind = match end {
        Some(end) => rest.get(end..)?,
        // `less -N`, `cat -n`: a number and spaces.
        None => rest.trim_start_matches(|next: char| next.is_ascii_digit()),
    };
    let behind = behind.trim_start_matches([' ', '\t', '>', '|']);
    (behind.len() < line.len() && !behind.is_empty()).then_some(behind)
}

/// Whether this can be what `grep` puts before a line: its number, its file, or both.
fn is_name_or_number(text: &str) -> bool {
    !text.is_empty()
        && (text.bytes().all(|byte| byte.is_ascii_digit())
            || text.contains(".log") && !text.contains(' ')
            || text.ends_with("messages") && !text.contains(' '))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_is_found_behind_what_a_terminal_or_a_tool_put_before_it() {
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
        ] {
            assert!(read(line, &[]).is_none(), "{line:?}");
        }
    }

    proptest! {
        #[test]
        fn any_line_is_read_without_panic(
            text in any::<String>(),
            mixed in "([0-9]{1,4}[-/:. ,]?){0,8}[A-Za-z:,. +/\\[\\]()|%*\"<>{}=#-]{0,40}[ -~µ]{0,40}",
        ) {
            let format = AccessFormat::new("$remote_addr [$time_local] \"$request\" $status").expect("a format");
            for text in [text, mixed] {
                let _ = read(&text, std::slice::from_ref(&format));
                let _ = (flexnet::read(&text), cisco::read(&text), syslog::read(&text, &[]), generic::read(&text));
                let _ = haproxy::read(&text);
                let _ = (vmanage::read(&text), nginx_error::read(&text), nginx_access::read(&text), ssm::read(&text));
            }
        }
    }
}
