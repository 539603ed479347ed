//! Command lines as users of tcpdump, tshark and curl type them, put into the form that `args` declares: a file or an option
//! in place of a command, options in any order, and an expression after the files.
//!
//! A line that cannot be converted is bad usage, and one line of output shows what to type.

mod display;
mod instead;
mod options;
mod words;

use std::ffi::{OsStr, OsString};

use clap::Command;
use ssmscope::capture::select;
use ssmscope::probe::host_and_port;

use crate::nearness;
use crate::{args, exit};

/// A command line in its declared form.
#[derive(Debug, Default)]
pub struct Declared {
    /// The words, the program's own first.
    pub words: Vec<OsString>,
    /// What the user should know of how they were taken.
    pub remarks: Vec<String>,
}

/// Puts a command line into its declared form. `defaults` are options that precede those of `read` and `live`.
///
/// # Errors
/// When it has no equivalent; the text shows what to type instead.
pub fn declared(
    arguments: Vec<OsString>,
    defaults: Option<&str>,
    command: &Command,
) -> Result<Declared, String> {
    let is_plugin = exit::is_plugin(arguments.iter());
    let mut words = arguments;
    let own: Vec<_> = words.drain(..words.len().min(1)).collect();
    let as_it_is =
        |words: Vec<OsString>| Declared { words: [own.clone(), words].concat(), remarks: Vec::new() };
    let name = match named(&words, command)? {
        Named::Explicitly(at, name) => {
            if name == "help" {
                return Ok(as_it_is(words));
            }
            words.remove(at);
            name
        }
        Named::Implicitly(name) => name.to_owned(),
        Named::Nothing => return Ok(as_it_is(words)),
    };
    let Some(of) = command.find_subcommand(&name) else { return Ok(as_it_is(words)) };
    instead::refuse_values(&words)?;
    let mut line: Vec<OsString> = own;
    line.push(name.clone().into());
    let mut remarks = Vec::new();
    match name.as_str() {
        "read" | "live" => {
            let defaults = match defaults {
                Some(text) => words::split(text).ok_or("SSMSCOPE_OPTS: a quote is not closed")?,
                None => Vec::new(),
            };
            words.splice(0..0, defaults);
            let sorted = options::sorted(words, of, is_plugin)?;
            line.extend(sorted.options);
            let expressed = if name == "read" {
                words::of_read(&sorted.words, sorted.files, &mut remarks)?
            } else {
                words::of_live(&sorted.words)?
            };
            if let Some(expression) = expressed.expression {
                if sorted.has_filter {
                    return Err(format!(
                        "the filter is given twice, as --filter and as the words '{expression}': keep one of them"
                    ));
                }
                line.extend(["--filter".into(), expression.into()]);
            }
            if !expressed.files.is_empty() {
                line.push("--".into());
                line.extend(expressed.files);
            }
        }
        "batch" => {
            let sorted = options::sorted(words, of, is_plugin)?;
            line.extend(sorted.options);
            line.push("--".into());
            line.extend(sorted.files.into_iter().chain(sorted.words));
        }
        "check" => {
            options::of_check(&words, of)?;
            line.extend(options::host_after_files(words, of));
        }
        "explain" => line.extend(options::one_word(words)),
        _ => line.extend(words),
    }
    Ok(Declared { words: line, remarks })
}

/// What is wrong with the options of the environment: words that neither `read` nor `live` knows as options. Those of one of the two are its
/// own.
pub fn fault_of_defaults(defaults: &str, command: &Command) -> Option<String> {
    let words = words::split(defaults)?;
    let is_known = |word: &str| {
        let name = word.split_once('=').map_or(word, |(name, _)| name);
        ["read", "live"].iter().filter_map(|name| command.find_subcommand(name)).any(|of| {
            let mut known = of.get_arguments().chain(command.get_arguments());
            known.any(|arg| {
                name.strip_prefix("--").is_some_and(|long| {
                    arg.get_long() == Some(long)
                        || arg.get_visible_aliases().is_some_and(|all| all.contains(&long))
                })
            })
        })
    };
    let unknown = words
        .iter()
        .filter_map(|word| word.to_str())
        .find(|word| word.starts_with("--") && *word != "--" && !is_known(word))?;
    Some(format!("SSMSCOPE_OPTS: there is no option {unknown}"))
}

/// The short help that a declared line asks for, where it is not the parser's.
pub fn short_help(words: &[OsString], command: &Command) -> Option<&'static str> {
    let mut options = words.iter().skip(1).take_while(|word| *word != "--");
    let name = words.get(1)?.to_str().filter(|name| command.find_subcommand(name).is_some());
    if options.any(|word| word == "-h") { args::short_help(name) } else { None }
}

/// How a line names its command.
enum Named {
    /// By its name, in this place.
    Explicitly(usize, String),
    /// By a file or an option.
    Implicitly(&'static str),
    /// Not at all, or it asks for help.
    Nothing,
}

fn named(words: &[OsString], command: &Command) -> Result<Named, String> {
    let is_command = |word: &str| {
        word == "help" || command.get_subcommands().any(|known| known.get_name() == word && word != "help")
    };
    let mut implied = None;
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let text = word.to_str().unwrap_or_default();
        if text == "--" {
            let has_file = words.get(at + 1).is_some_and(|word| words::is_file(word));
            return Ok(implied.or(has_file.then_some("read")).map_or(Named::Nothing, Named::Implicitly));
        }
        if !text.starts_with('-') || text == "-" {
            return match implied {
                None if is_command(text) => Ok(Named::Explicitly(at, text.to_owned())),
                Some("read" | "live") if matches!(text, "read" | "live") => {
                    Ok(Named::Explicitly(at, text.to_owned()))
                }
                Some(name) => Ok(Named::Implicitly(name)),
                None if words::is_file(word) => Ok(Named::Implicitly("read")),
                None => {
                    if let Some(instead) = instead_of_program(text) {
                        return Err(instead.to_owned());
                    }
                    match words.iter().skip(at).find_map(|word| options::implied_command(word.to_str()?)) {
                        Some(name) => Ok(Named::Implicitly(name)),
                        None => Err(no_command(word, words.get(at..).unwrap_or_default(), command)),
                    }
                }
            };
        }
        // tshark's; alone it asks for the version.
        if text == "-V" && words.len() > 1 {
            return Err("-V: use -vv, which prints tcpdump's own lines".to_owned());
        }
        if matches!(text, "-h" | "--help" | "-V" | "--version") {
            return Ok(Named::Nothing);
        }
        if let Some(advice) = options::in_place_of_a_command(text) {
            return Err(advice);
        }
        match options::implied_command(text) {
            // A named file decides: tcpdump reads it and ignores -i.
            Some("read") => implied = Some("read"),
            Some(name) => implied = implied.or(Some(name)),
            None => {}
        }
        at += if options::has_value_after(text, command) { 2 } else { 1 };
    }
    Ok(implied.map_or(Named::Nothing, Named::Implicitly))
}

/// What to type in place of another program's name, or of a command that others have.
fn instead_of_program(word: &str) -> Option<&'static str> {
    Some(match word {
        "version" => "use: ssmscope --version",
        "connect" | "curl" | "nc" | "openssl" | "ping" | "probe" | "s_client" | "telnet" | "test"
        | "verify" | "wget" => "for a connection to a server: ssmscope check HOST:PORT",
        "nmap" => "nothing is scanned; for one server: ssmscope check HOST:PORT",
        "analyze" | "analyse" | "diagnose" | "inspect" | "load" | "open" | "parse" | "report" | "show"
        | "view" => "for a capture: ssmscope read FILE",
        "capture" | "dump" | "listen" | "monitor" | "record" | "sniff" | "tail" | "watch" => {
            "for live traffic: ssmscope live -i IFACE"
        }
        "compare" | "diff" => {
            "captures of two points are not compared; for the verdicts of each: ssmscope batch FILE FILE"
        }
        "devices" | "ifaces" | "list" => "for the interfaces: ssmscope interfaces",
        "tcpdump" | "tshark" => "leave the program's name out: ssmscope -r FILE, or ssmscope -i IFACE",
        _ => return None,
    })
}

/// The error for a first word that is neither a command nor a file.
fn no_command(word: &OsStr, rest: &[OsString], command: &Command) -> String {
    let text = word.to_string_lossy();
    let line: Vec<_> = rest.iter().map(|word| word.to_string_lossy()).collect();
    if text.contains("://") {
        return format!("'{text}' is a URL: ssmscope check {text}");
    }
    if words::looks_like_capture(&text) {
        return format!("{text}: no such file\n  try: ssmscope FILE, or ssmscope --help");
    }
    let has_several = rest.len() > 1 || text.trim().contains(char::is_whitespace);
    if words::keyword(word).is_some() && has_several && select::syntax_error(&line.join(" ")).is_none() {
        return format!(
            "an expression needs an interface or a file: ssmscope live -i any {}",
            line.join(" ")
        );
    }
    let has_place = text.contains(['.', ':']) && host_and_port(&text).is_some();
    if has_place {
        return format!("'{text}' is neither a command nor a file; for a server: ssmscope check {text}");
    }
    let commands = command.get_subcommands().map(clap::Command::get_name);
    let near = nearness::nearest(&text, commands, 1);
    let near = near.first().copied().unwrap_or("read");
    format!("'{text}' is neither a command nor a file\n  try: ssmscope {near}, or ssmscope --help")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declare(text: &str) -> Result<String, String> {
        let words = text.split(' ').map(OsString::from).collect();
        let declared = declared(words, None, &crate::args::command())?;
        Ok(declared.words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn lines_typed_from_habit_are_put_into_their_declared_form() {
        for (typed, declared) in [
            ("ssmscope Cargo.toml", "ssmscope read -- Cargo.toml"),
            ("ssmscope -", "ssmscope read -- -"),
            ("ssmscope --color never Cargo.toml", "ssmscope read --color never -- Cargo.toml"),
            (
                "ssmscope -nn -r Cargo.toml tcp port 8443",
                "ssmscope read --filter tcp port 8443 -- Cargo.toml",
            ),
            ("ssmscope -nnvr Cargo.toml", "ssmscope read -v -- Cargo.toml"),
            (
                "ssmscope -vvrCargo.toml host 192.0.2.1 -n",
                "ssmscope read -v -v --filter host 192.0.2.1 -- Cargo.toml",
            ),
            ("ssmscope tcp port 443 -r Cargo.toml", "ssmscope read --filter tcp port 443 -- Cargo.toml"),
            (
                "ssmscope read Cargo.toml host 192.0.2.1 -o json",
                "ssmscope read -o json --filter host 192.0.2.1 -- Cargo.toml",
            ),
            (
                "ssmscope -p -i eth0 -s 128 host 10.106.66.55 -nn -vv",
                "ssmscope live -i eth0 -s 128 -v -v --filter host 10.106.66.55",
            ),
            ("ssmscope -ieth0 -s0 -c100", "ssmscope live -i eth0 -c 100"),
            ("ssmscope read -i eth0 -s 0 -B 4096 Cargo.toml", "ssmscope read -- Cargo.toml"),
            (
                "ssmscope read Cargo.toml missing.pcap Cargo.lock",
                "ssmscope read -- Cargo.toml missing.pcap Cargo.lock",
            ),
            ("ssmscope read missing.pcap tcp", "ssmscope read --filter tcp -- missing.pcap"),
            (
                "ssmscope read Cargo.toml --log Cargo.lock build",
                "ssmscope read --log Cargo.lock build -- Cargo.toml",
            ),
            ("ssmscope check ssm.example", "ssmscope check ssm.example"),
            ("ssmscope check --log Cargo.toml ssm.example", "ssmscope check --log Cargo.toml -- ssm.example"),
            (
                "ssmscope check --timeout 2 --log Cargo.toml Cargo.lock ssm.example:443 -o json",
                "ssmscope check --timeout 2 --log Cargo.toml Cargo.lock -o json -- ssm.example:443",
            ),
            (
                "ssmscope check ssm.example --log Cargo.toml missing.log",
                "ssmscope check ssm.example --log Cargo.toml missing.log",
            ),
            (
                "ssmscope check -H ssm.example --log Cargo.toml missing.log",
                "ssmscope check -H ssm.example --log Cargo.toml missing.log",
            ),
            ("ssmscope --help", "ssmscope --help"),
            ("ssmscope help read", "ssmscope help read"),
        ] {
            assert_eq!(declare(typed).as_deref(), Ok(declared), "{typed}");
        }
    }

    #[test]
    fn an_unknown_option_of_the_environment_is_called_that() {
        let command = args::command();
        let fault = fault_of_defaults("--color never --bogus", &command);
        assert_eq!(fault.as_deref(), Some("SSMSCOPE_OPTS: there is no option --bogus"));
        for known in ["", "-o table --all", "--log-zone=IST=+05:30 --color never", "--duration 5"] {
            assert_eq!(fault_of_defaults(known, &command), None, "{known}");
        }
    }

    #[test]
    fn options_of_the_environment_come_first() {
        let words = ["ssmscope", "Cargo.toml"].map(OsString::from).to_vec();
        let declared = declared(words, Some("-o 'table' -n"), &crate::args::command()).unwrap();
        assert_eq!(declared.words, ["ssmscope", "read", "-o", "table", "--", "Cargo.toml"]);
    }
}
