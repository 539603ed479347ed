//! `ssmscope batch`.

use std::path::PathBuf;

use clap::Args;

use super::groups::{Bounds, Judgement, Redacting, Rendering, Selection};
use super::values::pattern;

/// `ssmscope batch`.
#[derive(Debug, Args)]
#[command(
    about = "Analyse many captures, each by itself; folders are walked",
    long_about = "Analyses many captures, each by itself, on all cores. Folders are walked, and every file in them is a capture: \
        pcap, pcapng or text, compressed or not, as `ssmscope read` takes it. Symbolic links in folders are not followed.\n\n\
        A file that can't be read is reported and does not end the run. Results come in the order of the files, whatever the \
        number of threads. The exit status is the worst of all.",
    after_help = EXAMPLES,
    after_long_help = EXAMPLES
)]
pub struct Batch {
    /// Captures, and folders of captures.
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,

    /// Read up to N captures at once; by default one for each core.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,

    /// Read the files of a folder whose names match as one capture: 'ring_*'. Repeatable.
    #[arg(long, value_name = "GLOB", value_parser = pattern)]
    pub join: Vec<glob::Pattern>,

    /// Read ring files as one capture, by the names that tcpdump and dumpcap give them: x.pcap0, x_00001_20260101120000.pcap.
    #[arg(long)]
    pub join_rings: bool,

    /// Write one output per capture to this folder, named by the SHA-256 of its content; print a row for each.
    ///
    /// What is there already is not analysed again, so a run that was stopped continues where it was.
    #[arg(long, value_name = "FOLDER", help_heading = "Output")]
    pub into: Option<PathBuf>,

    /// Whether it can be passed on.
    #[command(flatten)]
    pub redacting: Redacting,

    /// Which traffic.
    #[command(flatten)]
    pub selection: Selection,

    /// How it is printed.
    #[command(flatten)]
    pub rendering: Rendering,

    /// How it is judged.
    #[command(flatten)]
    pub judgement: Judgement,

    /// How much is kept.
    #[command(flatten)]
    pub bounds: Bounds,
}

const EXAMPLES: &str = "\
Examples:
  ssmscope batch /var/captures
  ssmscope batch -o flat /var/captures > rows.jsonl
  ssmscope batch -o html --into reports --only FAIL /var/captures
  ssmscope batch --join 'ring_*' --host ssm.example.net site1 site2";
