//! The command: reads its arguments, has the library do the work, and turns the outcome into an exit status.

mod cli;
mod explain;
mod follow;
mod live;
mod privileges;
mod progress;
mod read;
mod signals;
mod trust;

use std::io;
use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};

/// Nothing to judge, bad usage, or unreadable input, as monitoring plugins say it.
const UNKNOWN: u8 = 3;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // What was asked for goes to standard output; a reader that went away is no failure.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { UNKNOWN } else { 0 });
        }
    };
    match run(&cli) {
        Ok(status) => ExitCode::from(status),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            anstream::eprintln!("ssmscope: {error:#}");
            ExitCode::from(UNKNOWN)
        }
    }
}

fn run(cli: &Cli) -> anyhow::Result<u8> {
    let color = match cli.color {
        clap::ColorChoice::Auto => anstream::ColorChoice::Auto,
        clap::ColorChoice::Always => anstream::ColorChoice::Always,
        clap::ColorChoice::Never => anstream::ColorChoice::Never,
    };
    color.write_global();
    match &cli.command {
        Command::Read(options) => read::run(options),
        Command::Live(options) => live::run(options),
        Command::Interfaces { netns } => live::interfaces(netns.as_deref()),
        Command::Explain { code } => explain::run(code.as_deref()),
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
