//! `ssmscope live`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ssmscope::time::Elapsed;

use super::groups::{Bounds, Judgement, Logs, Monitoring, Page, Redacting, Rendering, Selection};
use super::values::span;

/// `ssmscope live`.
#[derive(Debug, Args)]
#[command(
    about = "Analyse live traffic: packets as they come, a silence while it lasts, and each verdict at once",
    long_about = "Captures through libpcap and analyses the traffic until it is stopped.\n\n\
        Each packet is a row. If a side does not take its next step within --stall-after, the output names it while the \
        connection waits, and a verdict is printed as soon as it is known. Ctrl-C ends the capture: what is open is \
        judged then.\n\n\
        Capturing needs CAP_NET_RAW. Run as root, ssmscope becomes an unprivileged user once the device is open.",
    after_help = LIVE_EXAMPLES
)]
pub struct Live {
    /// The interface to capture on; `any` is all of them. By default the one that leads to --host.
    #[arg(short, long, value_name = "INTERFACE", help_heading = "Capture")]
    pub interface: Option<String>,

    /// Capture in this network namespace (as `ip netns` names it).
    #[arg(long, value_name = "NAME", help_heading = "Capture")]
    pub netns: Option<String>,

    /// Bytes to capture of each packet; 0 is all.
    #[arg(short, long, alias = "snapshot-length", value_name = "BYTES", default_value_t = 262_144, help_heading = "Capture",
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

    /// Size of the folder, and of the packets kept in memory (up to twice this while files are written), in MiB. The oldest failures give way to
    /// newer ones.
    #[arg(long, value_name = "MIB", default_value_t = 64, requires = "record", help_heading = "Flight recorder",
        value_parser = clap::value_parser!(u64).range(1..=65_536))]
    pub record_size: u64,

    /// Maximum number of failures per hour, for each server and verdict, that get files; the rest are only counted.
    #[arg(long, value_name = "COUNT", default_value_t = 20, requires = "record", help_heading = "Flight recorder",
        value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub record_per_hour: u64,

    /// Add the packets of other connections to a failed connection's file.
    #[arg(long, requires = "record", help_heading = "Flight recorder")]
    pub record_others: bool,

    /// How much of what happened before a failed connection goes into its file, in seconds: name and neighbour lookups, and other
    /// connections with --record-others.
    #[arg(long, value_name = "SECONDS", value_parser = span, default_value = "10", requires = "record",
        help_heading = "Flight recorder")]
    pub record_before: Elapsed,

    /// How much of what happened after its verdict, in seconds.
    #[arg(long, value_name = "SECONDS", value_parser = span, default_value = "2", requires = "record",
        help_heading = "Flight recorder")]
    pub record_after: Elapsed,

    /// Which traffic.
    #[command(flatten)]
    pub selection: Selection,

    /// How it is printed.
    #[command(flatten)]
    pub rendering: Rendering,

    /// Whether it can be passed on.
    #[command(flatten)]
    pub redacting: Redacting,

    /// The page besides it.
    #[command(flatten)]
    pub page: Page,

    /// Print failures only, and a line per interval; in the timeline form.
    #[arg(long, help_heading = "Output")]
    pub quiet_healthy: bool,

    /// How long an interval is with --quiet-healthy, in seconds.
    #[arg(long, value_name = "SECONDS", value_parser = span, default_value = "3600", help_heading = "Output")]
    pub interval: Elapsed,

    /// Stop after this time (default 10 s with -o nagios).
    #[arg(long, visible_alias = "timeout", value_name = "SECONDS", value_parser = span,
        help_heading = "End")]
    pub duration: Option<Elapsed>,

    /// Stop after N verdicts.
    #[arg(long, value_name = "N", help_heading = "End", value_parser = clap::value_parser!(u64).range(1..))]
    pub verdicts: Option<u64>,

    /// Stop at the first verdict of this kind.
    #[arg(long, value_name = "KIND", value_enum, help_heading = "End")]
    pub until: Option<Until>,

    /// Stop after this long without a packet.
    #[arg(long, value_name = "SECONDS", value_parser = span, help_heading = "End")]
    pub idle_exit: Option<Elapsed>,

    /// Say what to check when no packet came within this time from the start.
    #[arg(long, value_name = "SECONDS", value_parser = span, default_value = "30", help_heading = "Judgement")]
    pub expect_within: Elapsed,

    /// What monitoring gets.
    #[command(flatten)]
    pub monitoring: Monitoring,

    /// What programs write meanwhile.
    #[command(flatten)]
    pub logs: Logs,

    /// How it is judged.
    #[command(flatten)]
    pub judgement: Judgement,

    /// How much is kept.
    #[command(flatten)]
    pub bounds: Bounds,
}

/// What a live capture waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Until {
    /// Any verdict other than in-progress, midstream and capture-gap.
    Verdict,
    /// A critical verdict, a stall that lasts among them.
    Failure,
    /// A connection that is healthy, or slow.
    Healthy,
}

const LIVE_EXAMPLES: &str = "\
Examples:
  ssmscope live -i eth0 --host ssm.example.net --port 8443
  ssmscope live -i any --port 8443 --until failure -w failed.pcapng
  ssmscope live -i eth0 --host 10.106.66.55 --quiet-healthy --interval 3600
  ssmscope live --host ssm.example.net --log /var/log/nms/vmanage-server.log";
