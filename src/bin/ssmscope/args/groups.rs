//! Options that several commands share.

use std::path::PathBuf;

use clap::{ArgAction, Args};
use ssmscope::limits;
use ssmscope::log::AccessFormat;
use ssmscope::probe::Range;
use ssmscope::report::language::Language;
use ssmscope::report::machine::flat::Format;
use ssmscope::report::{Form, Sort, Subject};
use ssmscope::time::Elapsed;
use ssmscope::verdict::Verdict;

use super::values::{
    GivenTime, Shown, access_format, clock_offset, connections, formats, forms, given_time, language, memory,
    port, server_name, shown, sorts, span, zone,
};

/// Which traffic is analysed.
#[derive(Debug, Args)]
pub struct Selection {
    /// Only connections of this host: an address, a prefix (10.106.66.0/24) or a name, perhaps with :PORT.
    ///
    /// ICMP errors that quote its packets, and DNS, ARP and NDP for it, are kept. A name is looked for in the capture first, then asked
    /// of the resolver. Repeatable; or separate several by commas.
    #[arg(long, value_name = "HOST", value_delimiter = ',', help_heading = "Selection")]
    pub host: Vec<String>,

    /// Only connections from or to this port. Repeatable; or separate several by commas.
    #[arg(long, value_name = "PORT", value_parser = port, value_delimiter = ',', help_heading = "Selection")]
    pub port: Vec<u16>,

    /// Only packets that this libpcap expression admits (man pcap-filter), as the last words do; not for text.
    #[arg(long, value_name = "EXPRESSION", help_heading = "Selection")]
    pub filter: Option<String>,

    /// Only connections with a packet at this time or later: 2026-11-27T22:33:46Z, '2026-11-27 22:33', 22:33.
    ///
    /// Each is judged with all its packets. A time without a zone is in the zone of the output; a time without a date
    /// applies to every day.
    #[arg(long, value_name = "TIME", value_parser = given_time, help_heading = "Selection")]
    pub from: Option<GivenTime>,

    /// Only connections with a packet at this time or earlier; with --from, between the two.
    #[arg(long, value_name = "TIME", value_parser = given_time, help_heading = "Selection")]
    pub to: Option<GivenTime>,

    /// Stop after N packets of this selection.
    #[arg(short = 'c', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..),
        help_heading = "Selection")]
    pub packets: Option<u64>,

    /// Show only connections with this code, cause or result. Repeatable; separate several by commas.
    ///
    /// It changes neither the numbers of connections nor the counts nor the exit status.
    #[arg(long, value_name = "CODE|CAUSE|FAIL|WARN|OK|UNSURE", value_parser = shown, value_delimiter = ',', help_heading = "Output")]
    pub only: Vec<Shown>,
}

impl Selection {
    /// Whether a connection with this verdict is shown.
    pub fn shows(&self, verdict: &Verdict) -> bool {
        self.only.is_empty() || self.only.iter().any(|shown| shown.admits(verdict))
    }

    /// The options as they could be typed: `--host 192.0.2.1 --port 8443`; empty if nothing is selected.
    pub fn options(&self) -> String {
        let hosts = self.host.iter().map(|host| format!("--host {host}"));
        let ports = self.port.iter().map(|port| format!("--port {port}"));
        let filter = self.filter.iter().map(|filter| format!("'{filter}'"));
        let from = self.from.iter().map(|from| format!("--from '{}'", from.text));
        let to = self.to.iter().map(|to| format!("--to '{}'", to.text));
        hosts.chain(ports).chain(filter).chain(from).chain(to).collect::<Vec<_>>().join(" ")
    }

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
    /// Expect TLS on this port in addition to 443 and 8443. Repeatable; commas separate ports.
    #[arg(long, value_name = "PORT", value_parser = port, value_delimiter = ',', help_heading = "Judgement")]
    pub tls_port: Vec<u16>,

    /// Trust the CAs in this PEM file when checking certificates, instead of the system store.
    ///
    /// The system's store need not be the client's.
    #[arg(long, value_name = "PEM", help_heading = "Judgement")]
    pub ca_file: Option<PathBuf>,

    /// Check that certificates are for this host or address, whatever name the client asked for.
    #[arg(long, value_name = "NAME", value_parser = server_name, help_heading = "Judgement")]
    pub name: Option<String>,

    /// When something takes too long.
    #[command(flatten)]
    pub timing: Timing,
}

/// When something takes too long.
#[derive(Clone, Copy, Debug, Args)]
pub struct Timing {
    /// A silence of this time is a stall: 3, 2.5, 500ms.
    #[arg(long, value_name = "SECONDS", value_parser = span, default_value = "3", help_heading = "Judgement")]
    pub stall_after: Elapsed,

    /// TLS is slow if it is established later than this after the SYN: 2, 2.5, 500ms.
    #[arg(long, value_name = "SECONDS", value_parser = span, default_value = "2", help_heading = "Judgement")]
    pub slow_after: Elapsed,

    /// An answer inside TLS is slow if it begins later than this after its request; not judged unless given.
    #[arg(long, value_name = "SECONDS", value_parser = span, help_heading = "Judgement")]
    pub slow_response: Option<Elapsed>,
}

/// What programs wrote while the capture ran.
#[derive(Debug, Args)]
pub struct Logs {
    /// Logs of either side, to be tied to connections: vmanage-server.log, SSM's messages, nginx's, or any lines with times.
    ///
    /// They are recognised by their content, and rotated files may come in any order. Without a capture the attempts in them are
    /// listed. `live` and `check` follow them as they grow.
    #[arg(long, value_name = "FILE", num_args = 1.., help_heading = "Logs")]
    pub log: Vec<PathBuf>,

    /// The zone that an abbreviation in the logs means, or that times without a zone are in: IST=+05:30, +01:00. Repeatable.
    #[arg(long, value_name = "[NAME=]OFFSET", value_parser = zone, allow_hyphen_values = true, help_heading = "Logs")]
    pub log_zone: Vec<(String, i32)>,

    /// How far the logs' clocks are ahead of the capture's, where that is known: +05:30:01.8, -90, 1.5.
    #[arg(long, value_name = "OFFSET", value_parser = clock_offset, allow_hyphen_values = true, help_heading = "Logs")]
    pub log_offset: Option<Elapsed>,

    /// The log_format of an nginx whose access log is in none of the usual formats. Repeatable.
    #[arg(long, value_name = "FORMAT", value_parser = access_format, help_heading = "Logs")]
    pub log_format: Vec<AccessFormat>,

    /// Print client ids, tokens and passwords from the logs instead of hiding them.
    #[arg(long, help_heading = "Logs")]
    pub log_secrets: bool,
}

/// How much is kept at one time.
#[derive(Clone, Copy, Debug, Args)]
pub struct Bounds {
    /// Maximum number of connections tracked at once; beyond it, the least informative are judged early.
    ///
    /// The summary reports how many.
    #[arg(long, value_name = "N", default_value_t = limits::CONNECTIONS, help_heading = "Bounds", value_parser = connections)]
    pub max_connections: usize,

    /// Memory limit, e.g. 256M or 1G. Beyond it, the least informative connections are judged early.
    #[arg(long, value_name = "SIZE", default_value = "1G", help_heading = "Bounds", value_parser = memory)]
    pub max_memory: usize,
}

/// How results are printed.
#[derive(Debug, Args)]
pub struct Rendering {
    /// What to print.
    #[arg(short, long, value_name = "FORM", value_parser = forms(Subject::Capture), ignore_case = true, default_value = "timeline",
        help_heading = "Output")]
    pub output: Form,

    /// With -o flat: how rows are written; jsonl by default.
    #[arg(long, value_name = "FORMAT", value_parser = formats(), help_heading = "Output")]
    pub format: Option<Format>,

    /// Add tcpdump's line below each packet; -vv as tcpdump -vv prints it.
    #[arg(short, long, action = ArgAction::Count, help_heading = "Output")]
    pub verbose: u8,

    /// Print ASCII only; automatic where the locale's character set is not UTF-8.
    #[arg(long, help_heading = "Output")]
    pub ascii: bool,

    /// With -o table: list the worst connections first, or in the order in which they began.
    #[arg(long, value_name = "ORDER", value_parser = sorts(), default_value = "worst", help_heading = "Output")]
    pub sort: Sort,

    /// Add what each verdict means in this language: ja. By default that of the locale, in reports for people.
    #[arg(long, value_name = "LANGUAGE", value_parser = language, help_heading = "Output")]
    pub lang: Option<Language>,
}

impl Rendering {
    /// The form that is asked for, in its format.
    ///
    /// # Errors
    /// When a format is named for a form that has only one.
    pub fn form(&self) -> anyhow::Result<Form> {
        match (self.output, self.format) {
            (Form::Flat(_), Some(format)) => Ok(Form::Flat(format)),
            (form, None) => Ok(form),
            (form, Some(format)) => {
                anyhow::bail!("--format {format} is for -o flat, and -o {} was given", form.name())
            }
        }
    }
}

/// A page besides what is printed.
#[derive(Debug, Args)]
pub struct Page {
    /// Write the page of -o html to this file too; it is replaced when the page is whole. `live`: on SIGUSR1 as well.
    #[arg(long, value_name = "PATH", help_heading = "Output")]
    pub html: Option<PathBuf>,
}

/// Whether what is printed can be passed on.
#[derive(Clone, Copy, Debug, Args)]
pub struct Redacting {
    /// Put stand-ins in place of addresses, names and files, so that what is printed can be passed on.
    ///
    /// Codes, causes and actors stay. Packets are written anew, without names and with what TLS shows: by `read -w`, and by `live -w`,
    /// --record and --save up to a second later. -o tcpdump is refused with it.
    #[arg(long, help_heading = "Output")]
    pub redact: bool,
}

/// What monitoring gets.
#[derive(Debug, Args)]
pub struct Monitoring {
    /// Write metrics to this file too, for node_exporter's textfile collector; it is replaced when all is known.
    #[arg(long, value_name = "PATH", help_heading = "Monitoring")]
    pub textfile: Option<PathBuf>,

    /// Warn if a certificate expires within this many days (plugin range; 30 means < 30). `read`, `live`: with -o nagios.
    #[arg(long, value_name = "RANGE", value_parser = Range::of_what_is_left, help_heading = "Monitoring")]
    pub warning: Option<Range>,

    /// Critical if a certificate expires within this many days. `read`, `live`: with -o nagios.
    #[arg(long, value_name = "RANGE", value_parser = Range::of_what_is_left, help_heading = "Monitoring")]
    pub critical: Option<Range>,
}
