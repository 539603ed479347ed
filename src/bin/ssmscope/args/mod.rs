//! The command line: what can be asked for, and how it is explained.

/// The exit statuses of all commands, as a literal that a longer text can contain.
macro_rules! exit_status {
    () => {
        "\
Exit status:
  0  every judged connection is healthy
  1  warning: a connection works, but look at it
  2  critical: a connection failed
  3  unknown: nothing to judge, bad usage, or unreadable input

When the reader of a pipe goes away the exit status is the verdict's if it is known by then, else 3."
    };
}

mod batch;
mod check;
mod groups;
mod live;
mod read;
mod serve;
mod short;
mod values;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::error::{ContextKind, ContextValue};
use clap::{Arg, ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;
use ssmscope::report::Subject;
use ssmscope::report::language::Language;

pub use batch::Batch;
pub use check::{CertificateFault, Check, Grant, OauthBody, Server, TlsVersion};
pub use groups::{Bounds, Judgement, Logs, Monitoring, Redacting, Rendering, Selection};
pub use live::{Live, Until};
pub use read::Read;
pub use serve::Serve;
pub use short::help as short_help;
pub use values::{GivenTime, HostPort, host_port};

/// The command line as the options say, and what shared ones mean where they mean something else.
pub fn command() -> clap::Command {
    Cli::command().mut_subcommands(|command| match command.get_name() {
        // If an option is given twice, the last one counts: SSMSCOPE_OPTS comes first.
        "read" => command.args_override_self(true).override_usage(READ_USAGE),
        "live" => command.args_override_self(true).override_usage(LIVE_USAGE),
        "check" => command.mut_args(of_check),
        "batch" => command.mut_args(of_batch),
        _ => command,
    })
}

const READ_USAGE: &str = "ssmscope [read] [OPTIONS] FILE... [EXPRESSION]\n       \
    ssmscope [read] [OPTIONS] -r FILE [EXPRESSION]";

const LIVE_USAGE: &str = "ssmscope [live] [OPTIONS] -i INTERFACE [EXPRESSION]";

fn of_check(arg: Arg) -> Arg {
    match arg.get_id().as_str() {
        "output" => arg.value_parser(values::forms(Subject::Check)),
        "verbose" => arg.help(
            "With -o nagios: below the status line, say why; with -vv what to do as well, with -vvv all steps",
        ),
        "warning" => {
            arg.short('w').help("Warn if a certificate expires within this many days (30 means 30:, at least 30)")
        }
        "critical" => arg.short('c').help("Critical if a certificate expires within this many days"),
        "stall_after" => arg.help("How long a silence is a stall; before TLS is established, it ends the check"),
        "slow_after" => arg.help("How long after the SYN established TLS is slow"),
        _ => arg,
    }
}

fn of_batch(arg: Arg) -> Arg {
    match arg.get_id().as_str() {
        "output" => arg.value_parser(values::forms(Subject::Batch)).default_value("table"),
        "max_memory" => arg.help(
            "Memory limit for all captures together; each may use a quarter of it, and waits until that much is free",
        ),
        "sort" | "verbose" => arg.hide(true),
        _ => arg,
    }
}

impl Cli {
    /// What the words ask for, by their declaration.
    ///
    /// # Errors
    /// When they ask for nothing that there is, and when they ask for help.
    pub fn of_words(mut command: clap::Command, words: Vec<OsString>) -> Result<Self, clap::Error> {
        let mut matches = command.try_get_matches_from_mut(words).map_err(without_field)?;
        Self::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
    }
}

/// An error about a header field without the field's value: it may be a secret that belongs into a file, and errors end up in logs.
fn without_field(mut error: clap::Error) -> clap::Error {
    let is_field = matches!(error.get(ContextKind::InvalidArg), Some(ContextValue::String(name)) if name.starts_with("--header"));
    if is_field && let Some(ContextValue::String(field)) = error.get(ContextKind::InvalidValue) {
        let name =
            field.split([':', ' ', '=']).next().filter(|name| name.len() < field.len()).unwrap_or_default();
        let covered = format!("{name}: ...").trim_start_matches(": ").to_owned();
        error.insert(ContextKind::InvalidValue, ContextValue::String(covered));
    }
    error
}

/// Says why a connection to a licence server failed, from a packet capture or from tcpdump's text.
#[derive(Debug, Parser)]
#[command(
    name = "ssmscope",
    version,
    about,
    long_about = "Says why a connection to a licence server failed, from a packet capture or from tcpdump's text.\n\n\
        Each TCP connection of the capture gets one verdict: how far it got (TCP handshake, ClientHello, ServerHello, \
        TLS established, application data), what ended or stalled it, which side to examine, and which packets \
        prove it. Cisco SSM On-Prem speaks HTTPS on port 8443, and so do many others: nothing here is \
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
    Serve(Serve),
    Batch(Box<Batch>),
    /// List what can be captured on.
    #[command(
        long_about = "Lists the interfaces that libpcap can capture on, with their addresses and state.",
        before_help = "ssmscope interfaces"
    )]
    Interfaces {
        /// In this network namespace (as `ip netns` names it).
        #[arg(long, value_name = "NAME")]
        netns: Option<String>,
    },
    /// Explain what reports print: a code, a cause, an alert, a finding, a stage or a reason.
    #[command(
        long_about = "Explains what reports print: a verdict's code, a cause, a TLS alert by its name or number, a finding, a \
            stage, or a reason of check. Without a word it lists all of them.",
        before_help = "ssmscope explain\nssmscope explain no-server-hello | less\nssmscope explain unknown_ca"
    )]
    Explain {
        /// The word as reports show it, in any case: no-server-hello, rst-injected, unknown_ca, mss-clamp, ...
        word: Option<String>,
        /// Add what verdicts mean in this language: ja.
        #[arg(long, value_name = "LANGUAGE", value_parser = values::language)]
        lang: Option<Language>,
    },
    /// Print a shell's script that completes ssmscope's commands and options.
    #[command(before_help = "\
        ssmscope completions bash > /usr/share/bash-completion/completions/ssmscope\n\
        ssmscope completions zsh > /usr/share/zsh/vendor-completions/_ssmscope")]
    Completions {
        /// For which shell.
        shell: Shell,
    },
    /// Print a manual page, or write all of them to a folder.
    #[command(before_help = "ssmscope man read | man -l -\nssmscope man --to /usr/local/share/man/man1")]
    Man {
        /// The command whose page is printed; by default the program's own.
        #[arg(value_name = "COMMAND", conflicts_with = "to")]
        page: Option<String>,
        /// Write ssmscope.1 and a page for each command to this folder, which exists.
        #[arg(long, value_name = "FOLDER")]
        to: Option<PathBuf>,
    },
}

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const EXIT_STATUS: &str = exit_status!();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn an_error_about_a_header_field_does_not_repeat_its_value() {
        for (field, shown) in [
            ("Authorization: Bearer s3cret", "'Authorization: ...'"),
            ("Cookie:s3cret", "'Cookie: ...'"),
            ("X-Token s3cret", "'X-Token: ...'"),
            ("s3cret", "'...'"),
        ] {
            let words = ["ssmscope", "check", "host", "--http=/", "--header", field];
            let error = Cli::of_words(command(), words.map(OsString::from).to_vec()).unwrap_err();
            let text = error.to_string();
            assert!(text.contains(shown) && !text.contains("s3cret"), "{text}");
        }
    }

    #[test]
    fn what_sends_secrets_is_for_one_server() {
        for secret in ["--basic-user=joe", "--bearer-file=token", "--oauth=client-credentials"] {
            let words = ["ssmscope", "check", "--targets=list", "--http=/", "--client-id=id", secret];
            let error = Cli::of_words(command(), words.map(OsString::from).to_vec()).unwrap_err();
            assert_eq!(error.kind(), clap::error::ErrorKind::ArgumentConflict, "{secret}");
        }
    }
}
