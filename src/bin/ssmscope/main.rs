//! The command: reads its arguments, has the library do the work, and turns the outcome into an exit status.

mod args;
mod batch;
mod check;
mod exit;
mod explain;
mod habits;
mod held;
mod input;
mod interfaces;
mod live;
mod logs;
mod manual;
mod marked;
mod names;
mod nearness;
mod no_match;
mod observers;
mod page;
mod provenance;
mod read;
mod run;
mod serve;
mod system;

use std::env;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use ssmscope::verdict::Status;

use args::{Cli, Command};

/// Each connection takes and gives back some dozens of small blocks, in any order: with this allocator that costs a third of
/// what it does with glibc's, a fifth of all time on a capture of short connections. It asks for no huge pages: each size of
/// block would begin one of its own, which took 20 MB and saved no time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    system::privileges::confine();
    system::signals::outlive_file_limits();
    system::trace::begin();
    let is_plugin = exit::is_plugin(env::args_os());
    let command = args::command();
    let defaults = defaults();
    if let Some(why) = defaults.as_deref().and_then(|defaults| habits::fault_of_defaults(defaults, &command))
    {
        return exit::fail(is_plugin, &why);
    }
    let declared = match habits::declared(env::args_os().collect(), defaults.as_deref(), &command) {
        Ok(declared) => declared,
        Err(why) => return exit::fail(is_plugin, &why),
    };
    if !is_plugin {
        declared.remarks.iter().for_each(|remark| exit::complain(format_args!("ssmscope: {remark}")));
    }
    if let Some(text) = habits::short_help(&declared.words, &command) {
        // A reader that went away is no failure.
        let _ = io::stdout().write_all(text.as_bytes());
        return exit::code(if is_plugin { Status::Unknown } else { Status::Ok });
    }
    if declared.words.len() < 2 && !is_plugin {
        // Somebody who pipes a capture in, or names nothing: the examples show how.
        if let Some(text) = args::short_help(None) {
            let text = format!("{text}\nA capture from a pipe: ssmscope - < capture.pcap\n");
            let _ = io::stderr().write_all(text.as_bytes());
            return exit::code(Status::Unknown);
        }
    }
    let cli = match Cli::of_words(command, declared.words) {
        Ok(cli) => cli,
        Err(error) if is_plugin && error.use_stderr() => {
            let text = error.to_string();
            let what = text.split("\n\n").next().unwrap_or(&text);
            return exit::fail(is_plugin, what.strip_prefix("error: ").unwrap_or(what));
        }
        Err(error) => {
            let (text, covered) = (error.to_string(), exit::without_users(&error.to_string()));
            // What was asked for goes to standard output as it is; a reader that went away is no failure.
            let is_shown_as_is = !error.use_stderr() || text == covered;
            let _ = if is_shown_as_is { error.print() } else { io::stderr().write_all(covered.as_bytes()) };
            // A plugin that only prints its version or its usage judged nothing.
            return exit::code(if error.use_stderr() || is_plugin { Status::Unknown } else { Status::Ok });
        }
    };
    match dispatch(&cli) {
        Ok(status) => exit::code(status),
        Err(error) if error.downcast_ref::<io::Error>().is_some_and(run::is_reader_gone) => ExitCode::SUCCESS,
        Err(error) => exit::fail(is_plugin, &format!("{error:#}")),
    }
}

/// The user's own options, for somebody who sits at a terminal.
fn defaults() -> Option<String> {
    io::stdout().is_terminal().then(|| env::var("SSMSCOPE_OPTS").ok()).flatten()
}

fn dispatch(cli: &Cli) -> anyhow::Result<Status> {
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
        Command::Serve(options) => serve::run(options),
        Command::Batch(options) => batch::run(options),
        Command::Interfaces { netns } => interfaces::run(netns.as_deref()),
        Command::Explain { word, lang } => explain::run(word.as_deref(), *lang),
        Command::Completions { shell } => manual::completions(*shell),
        Command::Man { to: Some(folder), .. } => manual::pages(folder),
        Command::Man { page, to: None } => manual::page(page.as_deref()),
    }
}
