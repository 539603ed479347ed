//! `ssmscope completions` and `ssmscope man`: what a package installs beside the program, made from its own arguments.

use std::io::{self, Write};
use std::path::Path;

use anyhow::Context;
use clap_complete::Shell;
use ssmscope::verdict::Status;

use crate::args;

const NAME: &str = "ssmscope";

/// Prints the script of a shell, and returns the exit status.
pub fn completions(shell: Shell) -> anyhow::Result<Status> {
    // Written at once: the generator panics where it can't write.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut args::command(), NAME, &mut script);
    io::stdout().write_all(&script)?;
    Ok(Status::Ok)
}

/// Writes the manual pages, and returns the exit status.
pub fn pages(folder: &Path) -> anyhow::Result<Status> {
    clap_mangen::generate_to(args::command(), folder)
        .with_context(|| format!("{}: manual pages can't be written", folder.display()))?;
    Ok(Status::Ok)
}
