//! `ssmscope completions` and `ssmscope man`: what a package installs beside the program, made from its own arguments.

use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;
use clap::CommandFactory;
use clap_complete::Shell;
use ssmscope::verdict::Status;

use crate::args::Cli;

const NAME: &str = "ssmscope";

/// Prints the script of a shell, and yields the exit status.
pub fn completions(shell: Shell) -> anyhow::Result<Status> {
    // Written at once: the generator panics where it can't write.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), NAME, &mut script);
    io::stdout().write_all(&script)?;
    Ok(Status::Ok)
}

/// Writes the manual pages, and yields the exit status.
pub fn pages(folder: &Path) -> anyhow::Result<Status> {
    clap_mangen::generate_to(Cli::command(), folder)
        .with_context(|| format!("{}: manual pages can't be written", folder.display()))?;
    Ok(Status::Ok)
}
