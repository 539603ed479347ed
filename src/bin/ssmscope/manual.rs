//! `ssmscope completions` and `ssmscope man`: what a package installs with the program, made from its own arguments.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, bail};
use clap::Command;
use clap::builder::PossibleValuesParser;
use clap_complete::Shell;
use clap_mangen::Man;
use ssmscope::report::language::Language;
use ssmscope::verdict::{RULES, Status};

use crate::nearness;
use crate::system::folder::Folder;
use crate::{args, explain};

const NAME: &str = "ssmscope";

/// For everybody to read.
const PAGE_MODE: u32 = 0o644;

/// The interfaces that a shell knows without running the program. They come and go.
const INTERFACES: &str = "any $(command ls /sys/class/net 2>/dev/null)";

/// Prints the script of a shell, and returns the exit status.
pub fn completions(shell: Shell) -> anyhow::Result<Status> {
    let words = PossibleValuesParser::new(explain::known());
    let codes = RULES.iter().map(|rule| rule.code.name());
    let shown = PossibleValuesParser::new(["FAIL", "WARN", "OK", "UNSURE"].into_iter().chain(codes));
    let languages = PossibleValuesParser::new(Language::codes());
    let with_values = |command: Command| {
        command
            .mut_arg("only", |arg| arg.value_parser(shown.clone()))
            .mut_arg("lang", |arg| arg.value_parser(languages.clone()))
    };
    let mut command = args::command()
        .mut_subcommand("read", with_values)
        .mut_subcommand("live", with_values)
        .mut_subcommand("batch", with_values)
        .mut_subcommand("explain", |command| command.mut_arg("word", |arg| arg.value_parser(words)));
    // Written at once: the generator panics where it can't write.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, NAME, &mut script);
    let script = String::from_utf8(script).context("the script is no text")?;
    io::stdout().write_all(with_interfaces(&script, shell).as_bytes())?;
    Ok(Status::Ok)
}

/// A script that completes interfaces where the generator's own completes files.
fn with_interfaces(script: &str, shell: Shell) -> String {
    let mut lines = Vec::new();
    let mut of_interface = false;
    for line in script.lines() {
        let trimmed = line.trim();
        let line = match shell {
            Shell::Bash if of_interface && trimmed.starts_with("COMPREPLY=") => {
                format!("                    COMPREPLY=($(compgen -W \"{INTERFACES}\" -- \"${{cur}}\"))")
            }
            Shell::Zsh => line.replace(":INTERFACE:_default", ":INTERFACE:_net_interfaces"),
            Shell::Fish if line.contains(" -l interface ") => {
                format!("{line} -f -a \"any (command ls /sys/class/net 2>/dev/null)\"")
            }
            _ => line.to_owned(),
        };
        of_interface = match trimmed {
            "--interface)" | "-i)" => true,
            ";;" => false,
            _ => of_interface,
        };
        lines.push(line);
    }
    if shell == Shell::Fish {
        // The generator leaves words that are no options out.
        let words: Vec<_> = explain::known().collect();
        lines.push(format!(
            "complete -c {NAME} -n \"__fish_{NAME}_using_subcommand explain\" -f -a \"{}\"",
            words.join(" ")
        ));
    }
    lines.join("\n") + "\n"
}

/// Prints the manual page of a command, or of the program, and returns the exit status.
pub fn page(name: Option<&str>) -> anyhow::Result<Status> {
    let mut command = args::command();
    command.build();
    let command = match name.filter(|name| *name != NAME) {
        None => command,
        Some(name) => match command.find_subcommand(name) {
            Some(found) => found.clone(),
            None if Path::new(name).is_dir() => bail!("{name} is a folder: ssmscope man --to {name}"),
            None => {
                let near = nearness::nearest(name, command.get_subcommands().map(clap::Command::get_name), 1);
                bail!("there is no command '{name}'\n  try: ssmscope man {}", near.join(""));
            }
        },
    };
    let mut page = Vec::new();
    Man::new(command).render(&mut page)?;
    io::stdout().write_all(&page)?;
    Ok(Status::Ok)
}

/// Writes the manual pages, and returns the exit status.
pub fn pages(folder: &Path) -> anyhow::Result<Status> {
    write_pages(folder).with_context(|| format!("{}: manual pages can't be written", folder.display()))?;
    Ok(Status::Ok)
}

/// A page takes the place of a link that others put under its name, and does not follow it.
fn write_pages(folder: &Path) -> io::Result<()> {
    let mut command = args::command().disable_help_subcommand(true);
    command.build();
    write_page(&command, &Folder::open(folder)?)
}

/// The page of a command, after those of its subcommands.
fn write_page(command: &Command, folder: &Folder) -> io::Result<()> {
    for subcommand in command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set()) {
        write_page(subcommand, folder)?;
    }
    let man = Man::new(command.clone());
    let mut file = folder.nameless()?;
    let mut page = Vec::new();
    man.render(&mut page)?;
    file.write_all(&page)?;
    file.set_permissions(fs::Permissions::from_mode(PAGE_MODE))?;
    folder.put(&file, OsStr::new(&man.get_filename()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_replaces_a_link_and_does_not_follow_it() {
        let folder = tempfile::tempdir().unwrap();
        let victim = folder.path().join("victim");
        fs::write(&victim, "kept").unwrap();
        let pages = folder.path().join("pages");
        fs::create_dir(&pages).unwrap();
        std::os::unix::fs::symlink(&victim, pages.join("ssmscope.1")).unwrap();
        write_pages(&pages).unwrap();
        assert_eq!(fs::read_to_string(&victim).unwrap(), "kept");
        assert!(fs::symlink_metadata(pages.join("ssmscope.1")).unwrap().is_file());
        let names =
            fs::read_dir(&pages).unwrap().map(|page| page.unwrap().file_name().into_string().unwrap());
        assert!(names.into_iter().all(|name| name.ends_with(".1")), "nothing else is left");
    }

    #[test]
    fn interfaces_and_words_are_completed() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let words = PossibleValuesParser::new(explain::known());
            let mut command = args::command()
                .mut_subcommand("explain", |command| command.mut_arg("word", |arg| arg.value_parser(words)));
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut command, NAME, &mut script);
            let script = with_interfaces(&String::from_utf8(script).unwrap(), shell);
            let has = |word: &str| script.contains(word);
            assert!(has("/sys/class/net") || has("_net_interfaces"), "{shell}: {script}");
            assert!(has("no-server-hello") && has("unknown_ca"), "{shell}");
        }
    }
}
