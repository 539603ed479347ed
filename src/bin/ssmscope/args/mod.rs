//! The command line: what can be asked for, and how it is explained.

use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{ArgAction, Args, ColorChoice, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use rustls::pki_types::ServerName;
use ssmscope::probe::{host_and_port, token};
use ssmscope::report::Range;
use ssmscope::time::Elapsed;
use ssmscope::{analysis, limits};

/// Says why a connection to a licence server failed, from a packet capture or from tcpdump's text.
#[derive(Debug, Parser)]
#[command(
    name = "ssmscope",
    version,
    about,
    long_about = "Says why a connection to a licence server failed, from a packet capture or from tcpdump's text.\n\n\
        Each TCP connection of the capture gets one verdict: how far it got (TCP handshake, ClientHello, ServerHello, \
        TLS established, application data), what ended it or let it stand still, who is to be looked at, and which \
        packets prove it. Cisco SSM On-Prem speaks HTTPS on port 8443, and so do many others: nothing here is \
        particular to it but the ports on which TLS is expected.",
    after_help = EXIT_STATUS,
    after_long_help = EXIT_STATUS,
    styles = STYLES,
    max_term_width = 100,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// When to use colour; NO_COLOR and CLICOLOR_FORCE are honoured too.
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true)]
    pub color: ColorChoice,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    Read(Box<Read>),
    Live(Box<Live>),
    Check(Box<Check>),
    /// List what can be captured on.
    #[command(
        long_about = "Lists the interfaces that libpcap can capture on, with their addresses and state."
    )]
    Interfaces {
        /// In this network namespace (as `ip netns` names it).
        #[arg(long, value_name = "NAME")]
        netns: Option<String>,
    },
    /// Explain a verdict, or list them all.
    #[command(
        long_about = "Explains a verdict: what it says, which packets show it, what causes it, and what to do. Without \
            a code it lists all verdicts with their severity.",
        after_help = "Examples:\n  ssmscope explain\n  ssmscope explain no-server-hello | less"
    )]
    Explain {
        /// The verdict's code, as reports show it: no-server-hello, refused, ...
        code: Option<String>,
    },
    /// Print a shell's script that completes ssmscope's commands and options.
    #[command(after_help = "Examples:\n  \
        ssmscope completions bash > /usr/share/bash-completion/completions/ssmscope\n  \
        ssmscope completions zsh > /usr/share/zsh/vendor-completions/_ssmscope")]
    Completions {
        /// For which shell.
        shell: Shell,
    },
    /// Write the manual pages, ssmscope.1 and one for each command, to a folder.
    #[command(after_help = "Examples:\n  ssmscope man . && man ./ssmscope-read.1")]
    Man {
        /// An existing folder.
        folder: PathBuf,
    },
}

/// `ssmscope read`.
#[derive(Debug, Args)]
#[command(
    about = "Analyse captures: pcap, pcapng, or tcpdump's text",
    long_about = "Analyses captures and prints a verdict for each TCP connection.\n\n\
        A file is recognised by its content, never by its name: pcap and pcapng as tcpdump, Wireshark and most devices \
        write them, either compressed with gzip or zstd, or the text that tcpdump prints, with or without -v, as it comes out \
        of a terminal or a web page. Several files are one capture in time order, as a ring buffer leaves them. '-' is \
        standard input.\n\n\
        Text holds no payload. What TLS did is then inferred from lengths and directions, and the report says so.",
    after_help = EXAMPLES,
    after_long_help = EXAMPLES_AND_STATUS
)]
pub struct Read {
    /// Captures or transcripts; '-' is standard input.
    ///
    /// From a pipe whose writer pauses, packets and verdicts are reported as they come.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<String>,

    /// Go on reading the file as it grows, until Ctrl-C.
    #[arg(short, long)]
    pub follow: bool,

    /// Which traffic.
    #[command(flatten)]
    pub selection: Selection,

    /// What to print.
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t, help_heading = "Output")]
    pub output: Output,

    /// Print packets as tcpdump -nn -vv does, in two lines, instead of tcpdump -nn.
    #[arg(short, long, action = ArgAction::Count, help_heading = "Output")]
    pub verbose: u8,

    /// Print every connection's timeline, however many there are.
    ///
    /// With more than 20 connections the timeline form prints a table, and the packets of those that failed.
    #[arg(long, help_heading = "Output")]
    pub all: bool,

    /// Write metrics to this file too, for node_exporter's textfile collector; it is replaced when all is known.
    #[arg(long, value_name = "PATH", help_heading = "Monitoring")]
    pub textfile: Option<PathBuf>,

    /// With -o nagios: warn by the days that a certificate has left; 30 is at least 30.
    #[arg(short, long, value_name = "RANGE", value_parser = Range::of_what_is_left, help_heading = "Monitoring")]
    pub warning: Option<Range>,

    /// With -o nagios: be critical by the days that a certificate has left.
    #[arg(short, long, value_name = "RANGE", value_parser = Range::of_what_is_left, help_heading = "Monitoring")]
    pub critical: Option<Range>,

    /// End with status 3 when it takes longer; 10 with -o nagios.
    #[arg(short, long, value_name = "SECONDS", value_parser = span, help_heading = "Monitoring")]
    pub timeout: Option<Elapsed>,

    /// How it is judged.
    #[command(flatten)]
    pub judgement: Judgement,

    /// How much is kept.
    #[command(flatten)]
    pub bounds: Bounds,
}

/// Which traffic is analysed.
#[derive(Debug, Args)]
pub struct Selection {
    /// Only connections of this host: an address, a prefix (10.106.66.0/24) or a name.
    ///
    /// Errors that quote its packets, and the search for its address, stay in. Repeatable.
    #[arg(short = 'H', long, value_name = "HOST", help_heading = "Selection")]
    pub host: Vec<String>,

    /// Only connections from or to this port. Repeatable.
    #[arg(short, long, value_name = "PORT", help_heading = "Selection")]
    pub port: Vec<u16>,

    /// Only packets that this libpcap expression admits (man pcap-filter); not for text.
    #[arg(long, value_name = "EXPRESSION", help_heading = "Selection")]
    pub filter: Option<String>,
}

impl Selection {
    /// What is selected, in the user's words: `ssm.example:8443`.
    pub fn words(&self) -> Option<String> {
        let ports: Vec<_> = self.port.iter().map(ToString::to_string).collect();
        let (hosts, ports) = (self.host.join(","), ports.join(","));
        match (hosts.is_empty(), ports.is_empty()) {
            (true, true) => None,
            (_, true) => Some(hosts),
            _ => Some(format!("{hosts}:{ports}")),
        }
    }
}

/// How connections are judged.
#[derive(Debug, Args)]
pub struct Judgement {
    /// Expect TLS on this port too, beside 443 and 8443. Repeatable.
    #[arg(long, value_name = "PORT", help_heading = "Judgement")]
    pub tls_port: Vec<u16>,

    /// Check certificates against the authorities of this PEM file, as a client does that has them in its trust store.
    ///
    /// Without it they are checked against the system's store, which need not be the client's.
    #[arg(long, value_name = "PEM", help_heading = "Judgement")]
    pub ca_file: Option<PathBuf>,

    /// Check that certificates are for this host or address, whatever name the client asked for.
    #[arg(long, value_name = "NAME", value_parser = server_name, help_heading = "Judgement")]
    pub name: Option<String>,

    /// How long a silence is a stall: 3, 2.5, 500ms.
    #[arg(long, value_name = "SECONDS", value_parser = span, default_value = "3", help_heading = "Judgement")]
    pub stall_after: Elapsed,

    /// How long after the SYN established TLS is slow: 2, 2.5, 500ms.
    #[arg(long, value_name = "SECONDS", value_parser = span, default_value = "2", help_heading = "Judgement")]
    pub slow_after: Elapsed,
}

/// How much is kept at one time.
#[derive(Clone, Copy, Debug, Args)]
pub struct Bounds {
    /// Follow at most so many connections at one time. Beyond it, those that tell least are judged early; the summary says
    /// how many.
    #[arg(long, value_name = "N", default_value_t = limits::CONNECTIONS, help_heading = "Bounds", value_parser = at_least_four)]
    pub max_connections: usize,

    /// Use at most so much memory: 256M, 1G. Beyond it, connections that tell least are judged early.
    #[arg(long, value_name = "SIZE", default_value = "1G", help_heading = "Bounds", value_parser = memory)]
    pub max_memory: usize,
}

/// `ssmscope live`.
#[derive(Debug, Args)]
#[command(
    about = "Analyse live traffic: packets as they come, a silence while it lasts, and each verdict at once",
    long_about = "Captures through libpcap and analyses what comes, until it is told to end.\n\n\
        Each packet is printed as tcpdump prints it. A side that owes the next step for longer than --stall-after is \
        named while it does, and a verdict is given as soon as it is known. Ctrl-C ends the capture: what is open is \
        judged then.\n\n\
        Capturing needs CAP_NET_RAW. Run as root, ssmscope becomes an unprivileged user once the device is open.",
    after_help = LIVE_EXAMPLES
)]
pub struct Live {
    /// The interface to capture on; `any` is all of them. `ssmscope interfaces` lists them.
    #[arg(short, long, value_name = "INTERFACE", help_heading = "Capture")]
    pub interface: String,

    /// Capture in this network namespace (as `ip netns` names it).
    #[arg(long, value_name = "NAME", help_heading = "Capture")]
    pub netns: Option<String>,

    /// Bytes to capture of each packet.
    #[arg(short, long, value_name = "BYTES", default_value_t = 262_144, help_heading = "Capture",
        value_parser = clap::value_parser!(u32).range(64..=262_144))]
    pub snaplen: u32,

    /// The kernel's buffer for packets that are not read yet, in KiB.
    #[arg(short = 'B', long, value_name = "KIB", default_value_t = 16_384, help_heading = "Capture",
        value_parser = clap::value_parser!(u32).range(64..=1_048_576))]
    pub buffer_size: u32,

    /// Put the interface into promiscuous mode; never on `any`.
    #[arg(long, help_heading = "Capture")]
    pub promiscuous: bool,

    /// As root: the user to become once the device is open, before any file is written; `root` stays root.
    ///
    /// By default the user who called sudo, else tcpdump, else nobody.
    #[arg(short = 'Z', long, value_name = "USER", help_heading = "Capture")]
    pub user: Option<String>,

    /// Save what is captured to this file, as pcapng.
    #[arg(short, long, value_name = "FILE", help_heading = "Capture")]
    pub write: Option<PathBuf>,

    /// Keep the latest packets in this folder, and write a file for each connection that fails, from its SYN on.
    #[arg(long, value_name = "FOLDER", help_heading = "Flight recorder")]
    pub record: Option<PathBuf>,

    /// How much is kept in memory, and as much on disk, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 64, requires = "record", help_heading = "Flight recorder",
        value_parser = clap::value_parser!(u64).range(1..=65_536))]
    pub record_size: u64,

    /// How much of what went on before a failed connection goes into its file, in seconds.
    #[arg(long, value_name = "SECONDS", value_parser = span, default_value = "10", requires = "record",
        help_heading = "Flight recorder")]
    pub record_before: Elapsed,

    /// How much of what went on after its verdict, in seconds.
    #[arg(long, value_name = "SECONDS", value_parser = span, default_value = "2", requires = "record",
        help_heading = "Flight recorder")]
    pub record_after: Elapsed,

    /// Which traffic.
    #[command(flatten)]
    pub selection: Selection,

    /// What to print.
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t, help_heading = "Output")]
    pub output: Output,

    /// Print packets as tcpdump -nn -vv does, in two lines, instead of tcpdump -nn.
    #[arg(short, long, action = ArgAction::Count, help_heading = "Output")]
    pub verbose: u8,

    /// Print failures only, and a line per interval; in the timeline form.
    #[arg(long, help_heading = "Output")]
    pub quiet_healthy: bool,

    /// How long an interval is with --quiet-healthy, in seconds.
    #[arg(long, value_name = "SECONDS", value_parser = span, default_value = "3600", help_heading = "Output")]
    pub interval: Elapsed,

    /// End after so long; 10 with -o nagios.
    #[arg(short = 't', long, visible_alias = "timeout", value_name = "SECONDS", value_parser = span,
        help_heading = "End")]
    pub duration: Option<Elapsed>,

    /// End when so many connections have a verdict.
    #[arg(long, value_name = "N", help_heading = "End", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,

    /// End with the first verdict of this kind.
    #[arg(long, value_name = "KIND", value_enum, help_heading = "End")]
    pub until: Option<Until>,

    /// End when no packet came for so long.
    #[arg(long, value_name = "SECONDS", value_parser = span, help_heading = "End")]
    pub idle_exit: Option<Elapsed>,

    /// Say what to check when no packet came within this time from the start.
    #[arg(long, value_name = "SECONDS", value_parser = span, default_value = "30", help_heading = "Judgement")]
    pub expect_within: Elapsed,

    /// Write metrics to this file too, for node_exporter's textfile collector; it is replaced at the end.
    #[arg(long, value_name = "PATH", help_heading = "Monitoring")]
    pub textfile: Option<PathBuf>,

    /// With -o nagios: warn by the days that a certificate has left; 30 is at least 30.
    #[arg(long, value_name = "RANGE", value_parser = Range::of_what_is_left, help_heading = "Monitoring")]
    pub warning: Option<Range>,

    /// With -o nagios: be critical by the days that a certificate has left.
    #[arg(long, value_name = "RANGE", value_parser = Range::of_what_is_left, help_heading = "Monitoring")]
    pub critical: Option<Range>,

    /// How it is judged.
    #[command(flatten)]
    pub judgement: Judgement,

    /// How much is kept.
    #[command(flatten)]
    pub bounds: Bounds,
}

/// `ssmscope check`.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
#[derive(Debug, Args)]
#[command(
    about = "Check a server: connect, shake hands, ask for a token or a page, and say what happened",
    long_about = "Makes one attempt at a server as a client makes it, and says step by step what happened: finding the \
        address, TCP, a proxy's tunnel, TLS and the certificate, then, if asked for, an OAuth token of SSM On-Prem and a page.\n\n\
        What came back is judged as a capture of it would be, with the same verdicts and advice, as far as a socket shows it: \
        TTLs and lost packets it does not.\n\n\
        Secrets come from files or from the environment: SSMSCOPE_CLIENT_SECRET, SSMSCOPE_PASSWORD, \
        SSMSCOPE_PROXY_PASSWORD. They are never printed.",
    after_help = CHECK_EXAMPLES
)]
pub struct Check {
    /// The server: ssm.example.net, 192.0.2.1:443, [2001:db8::1]:8443. The port is 8443 by default.
    #[arg(value_name = "HOST[:PORT]", value_parser = place, required_unless_present = "hostname")]
    pub host: Option<Place>,

    /// The server, as monitoring plugins are told it.
    #[arg(short = 'H', long, value_name = "HOST[:PORT]", value_parser = place, conflicts_with = "host",
        help_heading = "Connection")]
    pub hostname: Option<Place>,

    /// Its port.
    #[arg(short, long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..),
        help_heading = "Connection")]
    pub port: Option<u16>,

    /// Only IPv4.
    #[arg(short = '4', long, conflicts_with = "ipv6", help_heading = "Connection")]
    pub ipv4: bool,

    /// Only IPv6.
    #[arg(short = '6', long, help_heading = "Connection")]
    pub ipv6: bool,

    /// Try every address, not only until one can be connected to.
    #[arg(long, help_heading = "Connection")]
    pub all_addresses: bool,

    /// How long all of it may take, in seconds.
    #[arg(short, long, value_name = "SECONDS", value_parser = span, default_value = "10", help_heading = "Connection")]
    pub timeout: Elapsed,

    /// Ask this HTTP proxy for a tunnel: http://[user@]host:port. By default HTTPS_PROXY's, unless NO_PROXY excepts the host.
    #[arg(long, value_name = "URL", conflicts_with = "no_proxy", help_heading = "Connection")]
    pub proxy: Option<String>,

    /// Read the proxy user's password from this file; else from SSMSCOPE_PROXY_PASSWORD.
    #[arg(long, value_name = "FILE", help_heading = "Connection")]
    pub proxy_password_file: Option<PathBuf>,

    /// Use no proxy, whatever HTTPS_PROXY says.
    #[arg(long, help_heading = "Connection")]
    pub no_proxy: bool,

    /// The lowest TLS version that is offered.
    #[arg(long, value_name = "VERSION", value_enum, default_value = "1.2", help_heading = "TLS")]
    pub tls_min: TlsVersion,

    /// The highest TLS version that is offered.
    #[arg(long, value_name = "VERSION", value_enum, default_value = "1.3", help_heading = "TLS")]
    pub tls_max: TlsVersion,

    /// The server's name in the ClientHello; by default the host, unless it is an address.
    #[arg(long, value_name = "NAME", value_parser = server_name, conflicts_with = "no_sni", help_heading = "TLS")]
    pub sni: Option<String>,

    /// Name no server in the ClientHello.
    #[arg(long, help_heading = "TLS")]
    pub no_sni: bool,

    /// Offer this application protocol. Repeatable; http/1.1 by default, and none with an empty one.
    #[arg(long, value_name = "PROTOCOL", help_heading = "TLS")]
    pub alpn: Vec<String>,

    /// Show this certificate, with its chain, if the server asks for one.
    #[arg(long, value_name = "PEM", requires = "key", help_heading = "TLS")]
    pub cert: Option<PathBuf>,

    /// The certificate's key.
    #[arg(long, value_name = "PEM", requires = "cert", help_heading = "TLS")]
    pub key: Option<PathBuf>,

    /// Trust the authorities of this PEM file instead of the system's.
    #[arg(long, value_name = "PEM", help_heading = "TLS")]
    pub ca_file: Option<PathBuf>,

    /// The name that the certificate must bear; by default the host.
    #[arg(long, value_name = "NAME", value_parser = server_name, help_heading = "TLS")]
    pub name: Option<String>,

    /// Go on with a certificate that a client would refuse, and report on it all the same.
    #[arg(long, help_heading = "TLS")]
    pub insecure: bool,

    /// Connect once more, to see whether the session is resumed.
    #[arg(long, help_heading = "TLS")]
    pub resume: bool,

    /// Ask for an access token by this kind of grant.
    #[arg(long, value_name = "GRANT", value_enum, requires = "client_id", help_heading = "Token")]
    pub oauth: Option<Grant>,

    /// How the request for a token is written.
    #[arg(long, value_name = "FORM", value_enum, default_value = "json", help_heading = "Token")]
    pub oauth_body: OauthBody,

    /// Where the token is asked for: what SSM On-Prem shows to the outside. Behind its front end it is /oauth/token.
    #[arg(long, value_name = "PATH", value_parser = path, default_value = token::TOKEN_PATH, help_heading = "Token")]
    pub token_path: String,

    /// The client's id, as API Tool Kit shows it.
    #[arg(long, value_name = "ID", help_heading = "Token")]
    pub client_id: Option<String>,

    /// Read the client's secret from this file; else from SSMSCOPE_CLIENT_SECRET.
    #[arg(long, value_name = "FILE", help_heading = "Token")]
    pub client_secret_file: Option<PathBuf>,

    /// The user of a password grant.
    #[arg(long, value_name = "NAME", help_heading = "Token")]
    pub username: Option<String>,

    /// Read the user's password from this file; else from SSMSCOPE_PASSWORD.
    #[arg(long, value_name = "FILE", help_heading = "Token")]
    pub password_file: Option<PathBuf>,

    /// Ask for this page; with the token, if one was asked for.
    #[arg(long, value_name = "PATH", value_parser = path, help_heading = "Page")]
    pub http: Option<String>,

    /// Statuses that are expected of it: 200, 200-299. Repeatable; by default any below 400.
    #[arg(long, value_name = "STATUS", value_parser = statuses, requires = "http", help_heading = "Page")]
    pub expect_status: Vec<(u16, u16)>,

    /// A text that its body must hold.
    #[arg(long, value_name = "TEXT", requires = "http", help_heading = "Page")]
    pub expect_body: Option<String>,

    /// What to print.
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t, help_heading = "Output")]
    pub output: CheckOutput,

    /// Capture the check's packets too, and judge by them: they show TTLs, who sent an ICMP error, and what was lost.
    ///
    /// That needs CAP_NET_RAW; root becomes an unprivileged user once the device is open.
    #[arg(long, help_heading = "Capture")]
    pub capture: bool,

    /// Capture on this interface; by default the one that leads to the server.
    #[arg(short, long, value_name = "INTERFACE", requires = "capture", help_heading = "Capture")]
    pub interface: Option<String>,

    /// Save the captured packets to this file, as pcapng.
    #[arg(long, value_name = "FILE", requires = "capture", help_heading = "Capture")]
    pub save: Option<PathBuf>,

    /// As root: the user to become before anything is sent and any file is written; `root` stays root.
    #[arg(short = 'Z', long, value_name = "USER", requires = "capture", help_heading = "Capture")]
    pub user: Option<String>,

    /// With -o nagios: below the status line, tell why; with -vv what to do as well, with -vvv all steps.
    #[arg(short, long, action = ArgAction::Count, help_heading = "Output")]
    pub verbose: u8,

    /// Warn by the days that the first certificate to end has left; 30 is at least 30.
    #[arg(short, long, value_name = "RANGE", value_parser = Range::of_what_is_left, help_heading = "Monitoring")]
    pub warning: Option<Range>,

    /// Be critical by the days that the first certificate to end has left.
    #[arg(short, long, value_name = "RANGE", value_parser = Range::of_what_is_left, help_heading = "Monitoring")]
    pub critical: Option<Range>,

    /// Write metrics to this file too, for node_exporter's textfile collector; it is replaced when all is known.
    #[arg(long, value_name = "PATH", help_heading = "Monitoring")]
    pub textfile: Option<PathBuf>,

    /// How long a silence is a stall; at most three tenths of the timeout.
    #[arg(long, value_name = "SECONDS", value_parser = span, default_value = "3", help_heading = "Judgement")]
    pub stall_after: Elapsed,

    /// How long after the SYN established TLS is slow.
    #[arg(long, value_name = "SECONDS", value_parser = span, default_value = "2", help_heading = "Judgement")]
    pub slow_after: Elapsed,
}

impl Check {
    /// The server that is to be checked: its name or address, and its port.
    pub fn server(&self) -> (&str, u16) {
        const PORT: u16 = 8443;
        let place = self.host.as_ref().or(self.hostname.as_ref());
        let (host, port) = place.map_or(("", None), |place| (place.host.as_str(), place.port));
        (host, self.port.or(port).unwrap_or(PORT))
    }
}

/// A server by name and perhaps port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: Option<u16>,
}

/// A TLS version that can be spoken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, ValueEnum)]
pub enum TlsVersion {
    /// TLS 1.2.
    #[value(name = "1.2")]
    V1_2,
    /// TLS 1.3.
    #[value(name = "1.3")]
    V1_3,
}

/// A kind of grant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Grant {
    /// A user's name and password, with a Resource Owner Grant's client, as vManage does it.
    Password,
    /// A Client Credentials Grant's client alone.
    ClientCredentials,
}

/// How a request for a token is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum OauthBody {
    /// JSON.
    Json,
    /// A form, as RFC 6749 has it.
    Form,
}

/// What is printed of a check.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum CheckOutput {
    /// The steps with their times, and the verdict.
    #[default]
    Timeline,
    /// A row for each part.
    Table,
    /// JSON Lines for scripts: connection objects, a check object, and a summary.
    Json,
    /// A monitoring plugin's status line with performance data.
    Nagios,
    /// Metrics in Prometheus' text format.
    Prometheus,
}

/// What a live capture waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Until {
    /// Any verdict other than in-progress and midstream.
    Verdict,
    /// A critical verdict, a stall that lasts among them.
    Failure,
    /// A connection that is healthy, or slow.
    Healthy,
}

/// What is printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum Output {
    /// Each connection's packets as tcpdump prints them, with notes, and its verdict.
    #[default]
    Timeline,
    /// One row per connection, and a summary by server.
    Table,
    /// JSON Lines for scripts: a connection object for each, then a summary.
    Json,
    /// A monitoring plugin's status line with performance data, and a line per failure.
    Nagios,
    /// Metrics in Prometheus' text format.
    Prometheus,
    /// The packets alone, as tcpdump -nn prints them.
    Tcpdump,
}

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const EXIT_STATUS: &str = "\
Exit status:
  0  every judged connection is healthy
  1  warning: a connection works, but look at it
  2  critical: a connection failed
  3  unknown: nothing to judge, bad usage, or unreadable input

When the reader of a pipe goes away the exit status is the verdict's if it is known by then, else 0.";

const LIVE_EXAMPLES: &str = "\
Examples:
  ssmscope live -i eth0 --host ssm.example.net --port 8443
  ssmscope live -i any --port 8443 --until failure -w failed.pcapng
  ssmscope live -i eth0 --host 10.106.66.55 --quiet-healthy --interval 3600";

const CHECK_EXAMPLES: &str = "\
Examples:
  ssmscope check ssm.example.net
  ssmscope check --ca-file ssm-ca.pem --http / --expect-status 200-399 ssm.example.net:8443
  ssmscope check -o nagios -H ssm.example.net -w 30 -c 7 --textfile ssm.prom
  ssmscope check --oauth password --client-id ID --client-secret-file id.secret \\
      --username admin --password-file admin.secret ssm.example.net";

const EXAMPLES: &str = "\
Examples:
  ssmscope read capture.pcap
  ssmscope read --host ssm.example.net --port 8443 ring*.pcap.gz
  ssmscope read -v session.txt | less
  tcpdump -i eth0 -w - port 8443 -c 100 | ssmscope read -
  ssmscope read -o json capture.pcap | jq -r .verdict.headline";

const EXAMPLES_AND_STATUS: &str = "\
Examples:
  ssmscope read capture.pcap
      The timeline and verdict of each connection.
  ssmscope read --host ssm.example.net --port 8443 ring*.pcap.gz
      The connections to one server, from a ring buffer's compressed files.
  ssmscope read -v session.txt | less
      A pasted vManage session, each packet in two lines as tcpdump -vv prints it.
  tcpdump -i eth0 -w - port 8443 -c 100 | ssmscope read -
      Straight from tcpdump.
  ssmscope read -o json capture.pcap | jq -r .verdict.headline
      For scripts; docs/json-schema.json describes the objects.

Exit status:
  0  every judged connection is healthy
  1  warning: a connection works, but look at it
  2  critical: a connection failed
  3  unknown: nothing to judge, bad usage, or unreadable input

When the reader of a pipe goes away the exit status is the verdict's if it is known by then, else 0.";

/// A span of seconds as a decimal number, or of milliseconds with `ms` behind it.
fn span(text: &str) -> Result<Elapsed, String> {
    // As long as the capture's clock can count: 292 years.
    const MOST_SECONDS: f64 = 9.0e9;
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 1e-3),
        None => (text.strip_suffix('s').unwrap_or(text), 1.0),
    };
    match number.parse::<f64>() {
        Ok(value) if value > 0.0 && value * unit < MOST_SECONDS => Ok(Elapsed::from_secs_f64(value * unit)),
        _ => Err("not a positive number of seconds; try 2, 2.5 or 500ms".to_owned()),
    }
}

/// A server by name or address, perhaps with its port.
fn place(text: &str) -> Result<Place, String> {
    match host_and_port(text) {
        Some((host, port)) => Ok(Place { host, port }),
        None => {
            Err("not HOST or HOST:PORT; try ssm.example.net, 192.0.2.1:443 or [2001:db8::1]:443".to_owned())
        }
    }
}

/// The path of a URL, from its slash on.
fn path(text: &str) -> Result<String, String> {
    let is_path = text.starts_with('/') && text.chars().all(|character| character.is_ascii_graphic());
    if is_path { Ok(text.to_owned()) } else { Err("not a path; try /".to_owned()) }
}

/// An HTTP status, or a range of them.
fn statuses(text: &str) -> Result<(u16, u16), String> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    match (from.parse(), to.parse()) {
        (Ok(from), Ok(to)) if (100..=to).contains(&from) && to < 1000 => Ok((from, to)),
        _ => Err("neither a status nor a range of them; try 200 or 200-299".to_owned()),
    }
}

/// A number of connections of which a quarter is one at least.
fn at_least_four(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| *number >= 4).ok_or_else(|| "not a number of at least 4".to_owned())
}

/// A size in bytes, or in KiB, MiB or GiB with K, M or G behind it.
fn memory(text: &str) -> Result<usize, String> {
    let number = text.trim_end_matches(['K', 'M', 'G']);
    let unit = match &text[number.len()..] {
        "" => 1,
        "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        _ => 0,
    };
    let bytes = number.parse::<usize>().ok().and_then(|number| number.checked_mul(unit));
    let least = analysis::Bounds::LEAST_MEMORY;
    bytes.filter(|bytes| *bytes >= least).ok_or_else(|| format!("not a size of at least {}M", least >> 20))
}

/// A host's name or an address, as a certificate can bear it.
fn server_name(text: &str) -> Result<String, String> {
    let name = ServerName::try_from(text.trim_end_matches('.'));
    name.map(|_| text.to_owned()).map_err(|_| "neither a host's name nor an address".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn names_are_those_that_a_certificate_can_bear() {
        for text in ["ssm.example", "ssm", "192.0.2.1", "2001:db8::1", "ssm.example."] {
            assert_eq!(server_name(text), Ok(text.to_owned()));
        }
        for text in ["", "https://ssm.example", "ssm.example:8443", "a b"] {
            assert!(server_name(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_have_a_unit_and_leave_room_to_work_in() {
        for (text, mebibytes) in [("64M", 64), ("1G", 1024), ("131072K", 128), ("134217728", 128)] {
            assert_eq!(memory(text), Ok(mebibytes << 20), "{text}");
        }
        for text in ["", "M", "63M", "-1G", "1GM", "1T", "99999999999999999999", "1.5G"] {
            assert!(memory(text).is_err(), "{text}");
        }
        assert!(at_least_four("4").is_ok() && at_least_four("3").is_err());
    }

    #[test]
    fn spans_are_seconds_or_milliseconds() {
        for (text, millis) in [("2", 2_000), ("2.5", 2_500), ("500ms", 500), ("3s", 3_000), (".5", 500)] {
            assert_eq!(span(text), Ok(Elapsed::from_millis(millis)), "{text}");
        }
        for text in ["", "0", "-1", "NaN", "inf", "2m", "ms", "1e300"] {
            assert!(span(text).is_err(), "{text}");
        }
    }
}
