//! The command: reads its arguments, has the library do the work, and turns the outcome into an exit status.

mod args;
mod check;
mod explain;
mod live;
mod manual;
mod observers;
mod plugin;
mod read;
mod system;

use std::env;
use std::io;
use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};
use ssmscope::report::text::escape;
use ssmscope::verdict::Status;

/// Each connection takes and gives back some dozens of small blocks, in any order: with this allocator that costs a third of
/// what it does with glibc's, a fifth of all time on a capture of short connections. It asks for no huge pages: each size of
/// block would begin one of its own, which took 20 MB and saved no time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    system::trace::begin();
    let is_plugin = plugin::is_asked_for(env::args_os());
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if is_plugin && error.use_stderr() => {
            let text = error.to_string();
            let what = text.split("\n\n").next().unwrap_or(&text);
            plugin::tell_unknown(what.strip_prefix("error: ").unwrap_or(what));
            return exit_code(Status::Unknown);
        }
        Err(error) => {
            // What was asked for goes to standard output; a reader that went away is no failure.
            let _ = error.print();
            // A plugin that only tells its version or its usage judged nothing.
            return exit_code(if error.use_stderr() || is_plugin { Status::Unknown } else { Status::Ok });
        }
    };
    match run(&cli) {
        Ok(status) => exit_code(status),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            if is_plugin {
                plugin::tell_unknown(&format!("{error:#}"));
            } else {
                complain(&format!("ssmscope: {error:#}"));
            }
            exit_code(Status::Unknown)
        }
    }
}

fn run(cli: &Cli) -> anyhow::Result<Status> {
    let color = match cli.color {
        clap::ColorChoice::Auto => anstream::ColorChoice::Auto,
        clap::ColorChoice::Always => anstream::ColorChoice::Always,
        clap::ColorChoice::Never => anstream::ColorChoice::Never,
    };
    color.write_global();
    match &cli.command {
        Command::Read(options) => read::run(options),
        Command::Live(options) => live::run(options),
        Command::Check(options) => check::run(options),
        Command::Interfaces { netns } => live::interfaces(netns.as_deref()),
        Command::Explain { code } => explain::run(code.as_deref()),
        Command::Completions { shell } => manual::completions(*shell),
        Command::Man { folder } => manual::pages(folder),
    }
}

/// Says something on standard error. A file's name may hold what its content must not bring to a terminal either.
fn complain(text: &str) {
    let lines: Vec<_> = text.lines().map(escape::escaped).collect();
    anstream::eprintln!("{}", lines.join("\n"));
}

fn exit_code(status: Status) -> ExitCode {
    ExitCode::from(status.code())
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
