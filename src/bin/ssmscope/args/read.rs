//! `ssmscope read`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use ssmscope::time::Elapsed;

use super::groups::{Bounds, Judgement, Logs, Monitoring, Page, Redacting, Rendering, Selection};
use super::values::span;

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
    #[arg(value_name = "FILE", required_unless_present = "log")]
    pub files: Vec<String>,

    /// Keep reading the file as it grows, until Ctrl-C.
    #[arg(short, long)]
    pub follow: bool,

    /// Which traffic.
    #[command(flatten)]
    pub selection: Selection,

    /// What programs wrote meanwhile.
    #[command(flatten)]
    pub logs: Logs,

    /// How it is printed.
    #[command(flatten)]
    pub rendering: Rendering,

    /// The page besides it.
    #[command(flatten)]
    pub page: Page,

    /// Show every connection in full, no packet folded.
    ///
    /// Without it the timeline form shows one failure of each kind.
    #[arg(long, help_heading = "Output")]
    pub all: bool,

    /// Show this connection, by its number in any output.
    ///
    /// With `--all` none of its packets is folded.
    #[arg(long, value_name = "N", help_heading = "Output")]
    pub connection: Option<u64>,

    /// Write the packets of the connections that are shown to this file, as pcapng, with the verdicts as comments.
    ///
    /// Captures are read twice for that, so they have to be files.
    #[arg(short, long, value_name = "FILE", conflicts_with = "follow", help_heading = "Output")]
    pub write: Option<PathBuf>,

    /// Whether it can be passed on.
    #[command(flatten)]
    pub redacting: Redacting,

    /// What monitoring gets.
    #[command(flatten)]
    pub monitoring: Monitoring,

    /// Stop with status 3 after this time (default 10 s with -o nagios).
    #[arg(long, value_name = "SECONDS", value_parser = span, help_heading = "Monitoring")]
    pub timeout: Option<Elapsed>,

    /// Threads that work at a time; by default one for each core. The output is the same for any number.
    #[arg(short = 'j', long = "jobs", value_name = "N", help_heading = "Bounds")]
    pub threads: Option<NonZeroUsize>,

    /// How it is judged.
    #[command(flatten)]
    pub judgement: Judgement,

    /// Show how each verdict was found, in place of any other output: the endings, and each rule's answer. For maintainers.
    #[arg(long, hide = true, conflicts_with_all = ["output", "redact"])]
    pub explain_decision: bool,

    /// How much is kept.
    #[command(flatten)]
    pub bounds: Bounds,
}

const EXAMPLES: &str = "\
Examples:
  ssmscope read capture.pcap
  ssmscope read --host ssm.example.net --port 8443 ring*.pcap.gz
  ssmscope read -v session.txt | less
  tcpdump -i eth0 -w - port 8443 -c 100 | ssmscope read -
  ssmscope read capture.pcap --log vmanage-server.log messages
  ssmscope read -o json capture.pcap | jq -r .verdict.headline";

const EXAMPLES_AND_STATUS: &str = concat!(
    "\
Examples:
  ssmscope read capture.pcap
      The timeline and verdict of each connection.
  ssmscope read --host ssm.example.net --port 8443 ring*.pcap.gz
      The connections to one server, from a ring buffer's compressed files.
  ssmscope read -v session.txt | less
      A pasted vManage session, each packet in two lines as tcpdump -vv prints it.
  tcpdump -i eth0 -w - port 8443 -c 100 | ssmscope read -
      Straight from tcpdump.
  ssmscope read capture.pcap --log vmanage-server.log messages
      Who refused, when nothing is wrong on the wire: the logs' attempts, tied to their connections.
  ssmscope read -o json capture.pcap | jq -r .verdict.headline
      For scripts; docs/json-schema.json describes the objects.

",
    exit_status!()
);
