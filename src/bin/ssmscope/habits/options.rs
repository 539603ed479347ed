//! Options as tcpdump, tshark, curl and openssl spell them: which are taken, which change nothing here, and what to type in
//! place of the others.

use std::ffi::OsString;

use clap::{Arg, Command};

use super::instead::{INSTEAD, INSTEAD_LONG, INSTEAD_ON_CHECK};

/// Options of tcpdump that change nothing: names are never looked up, packets are printed as they come, checksums are no
/// verdict, and times have their own column.
const IGNORED: &str = "nplUKt";

/// tcpdump's long names of those.
const IGNORED_LONG: [&str; 4] =
    ["--no-promiscuous-mode", "--packet-buffered", "--dont-verify-checksums", "--immediate-mode"];

/// Options of tcpdump with a value that a file has no use for.
const IGNORED_ON_FILES: &str = "isB";

/// The options of a line in order, apart from its words.
#[derive(Debug, Default)]
pub struct Sorted {
    /// Options with their values, as the command declares them.
    pub options: Vec<OsString>,
    /// Files that `-r` names.
    pub files: Vec<OsString>,
    /// What is no option.
    pub words: Vec<OsString>,
    /// Whether `--filter` is among the options.
    pub has_filter: bool,
    /// Whether files are read.
    reads: bool,
}

/// Sorts a line of `read`, `live` or `batch`. Options may appear anywhere, as in GNU getopt.
///
/// # Errors
/// When an option has a different spelling here.
pub fn sorted(words: Vec<OsString>, command: &Command, is_plugin: bool) -> Result<Sorted, String> {
    let mut sorted = Sorted { reads: matches!(command.get_name(), "read" | "batch"), ..Sorted::default() };
    let mut words = words.into_iter().peekable();
    while let Some(word) = words.next() {
        let text = word.to_str().map(str::to_owned).unwrap_or_default();
        if text == "--" {
            sorted.words.extend(words);
            break;
        }
        if let Some(long) = text.strip_prefix("--") {
            let name = long.split('=').next().unwrap_or(long);
            refuse_long(&text, command)?;
            if IGNORED_LONG.contains(&text.as_str()) {
                continue;
            }
            sorted.has_filter |= name == "filter";
            let arg = declared_long(name, command);
            sorted.options.push(word);
            let takes = arg.is_some_and(takes_value) || name == "color";
            if takes && !long.contains('=') {
                let takes_many = arg.is_some_and(takes_many);
                sorted.options.extend(words.next());
                while takes_many && words.peek().is_some_and(|next| !is_option(next)) {
                    sorted.options.extend(words.next());
                }
            }
        } else if is_option(&word) {
            let next = words.peek().and_then(|next| next.to_str()).unwrap_or_default().to_owned();
            if sorted.cluster(&text, &next, command, is_plugin)? {
                let value = words.next().ok_or_else(|| format!("{text} needs a value; see --help"))?;
                sorted.value(value);
            }
        } else {
            sorted.words.push(word);
        }
    }
    Ok(sorted)
}

impl Sorted {
    /// Takes short options that are written together. Whether the last one's value is the next word.
    fn cluster(
        &mut self,
        text: &str,
        next: &str,
        command: &Command,
        is_plugin: bool,
    ) -> Result<bool, String> {
        let reads = self.reads;
        for (at, letter) in text.char_indices().skip(1) {
            let after = &text[at + letter.len_utf8()..];
            if is_plugin && matches!(letter, 'w' | 'c') {
                let long = if letter == 'w' { "--warning" } else { "--critical" };
                return Err(format!("-{letter} with -o nagios: use {long} RANGE for the certificate's days"));
            }
            if IGNORED.contains(letter) {
                let is_value =
                    !next.is_empty() && next.parse::<f64>().is_ok() && !super::words::is_file(next.as_ref());
                if after.is_empty() && is_value && matches!(letter, 'p' | 't') {
                    let long = match letter {
                        'p' => "--port",
                        _ if reads => "--timeout",
                        _ => "--duration",
                    };
                    return Err(format!("-{letter} takes no value: use {long} {next}"));
                }
                continue;
            }
            // tshark's -f has a filter as its value; here it would follow a file that does not grow, and print nothing.
            let begin = next.split_whitespace().next().unwrap_or_default();
            if reads && letter == 'f' && after.is_empty() && super::words::is_keyword(begin) {
                return Err(format!(
                    "-f follows a file that grows; put the filter at the end without it: '{next}'"
                ));
            }
            let ignored = reads && IGNORED_ON_FILES.contains(letter);
            let arg = command.get_arguments().find(|arg| arg.get_short() == Some(letter));
            if letter == 'r' && reads || ignored || arg.is_some_and(takes_value) {
                self.options.push(format!("-{letter}").into());
                if after.is_empty() {
                    return Ok(true);
                }
                self.value(after.into());
                return Ok(false);
            }
            if arg.is_some() || matches!(letter, 'h' | 'V') {
                self.options.push(format!("-{letter}").into());
            } else if let Some((_, instead)) = INSTEAD.iter().find(|(known, _)| *known == letter) {
                return Err(format!("-{letter}: {instead}"));
            } else {
                return Err(match letter {
                    'r' => "-r FILE reads a file: ssmscope read FILE".to_owned(),
                    _ => {
                        format!("there is no option -{letter}\n  try: ssmscope {} --help", command.get_name())
                    }
                });
            }
        }
        Ok(false)
    }

    /// Takes the value of the last option, or drops both where they change nothing.
    fn value(&mut self, value: OsString) {
        match self.options.last().and_then(|option| option.to_str()) {
            Some("-r") => {
                self.options.pop();
                self.files.push(value);
            }
            Some(option)
                if self.reads
                    && option.chars().nth(1).is_some_and(|letter| IGNORED_ON_FILES.contains(letter)) =>
            {
                self.options.pop();
            }
            // tcpdump's 0 is all of a packet.
            Some("-s") if value == "0" => {
                self.options.pop();
            }
            _ => self.options.push(value),
        }
    }
}

fn is_option(word: &OsString) -> bool {
    word.to_str().is_some_and(|text| text.len() > 1 && text.starts_with('-'))
}

fn takes_value(arg: &Arg) -> bool {
    arg.get_action().takes_values()
}

fn takes_many(arg: &Arg) -> bool {
    arg.get_num_args().is_some_and(|range| range.max_values() > 1)
}

fn declared_long<'c>(name: &str, command: &'c Command) -> Option<&'c Arg> {
    let mut arguments = command.get_arguments();
    arguments
        .find(|arg| arg.get_long() == Some(name) || arg.get_all_aliases().unwrap_or_default().contains(&name))
}

fn refuse_long(text: &str, command: &Command) -> Result<(), String> {
    let name = text.split('=').next().unwrap_or(text);
    let is_declared = declared_long(name.trim_start_matches('-'), command).is_some();
    match INSTEAD_LONG.iter().find(|(known, _)| *known == name) {
        Some((_, instead)) if !is_declared => Err(format!("{name}: {instead}")),
        _ => Ok(()),
    }
}

/// The words that `explain` explains, as one: `alert 48`, as logs have it, is `48`.
pub fn one_word(words: Vec<OsString>) -> Vec<OsString> {
    let (mut line, mut spoken) = (Vec::new(), Vec::new());
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        match word.to_str() {
            Some(text) if !text.starts_with('-') => spoken.push(text.to_owned()),
            Some("--lang" | "--color") => {
                line.push(word);
                line.extend(words.next());
            }
            _ => line.push(word),
        }
    }
    let text = spoken.join(" ");
    let number = text.strip_prefix("alert ").map(|rest| rest.trim_start_matches("number "));
    let number = number.filter(|number| number.parse::<u8>().is_ok());
    line.extend(Some(number.unwrap_or(&text)).filter(|text| !text.is_empty()).map(OsString::from));
    line
}

/// Refuses what curl and openssl call otherwise, unless the check has an option of that name.
///
/// # Errors
/// When there is such an option.
pub fn of_check(words: &[OsString], command: &Command) -> Result<(), String> {
    let is_declared =
        |name: &str| name.strip_prefix("--").is_some_and(|long| declared_long(long, command).is_some());
    for word in words.iter().take_while(|word| *word != "--") {
        let text = word.to_str().unwrap_or_default();
        let name = text.split('=').next().unwrap_or(text);
        let instead = INSTEAD_ON_CHECK.iter().find(|(known, _)| *known == name && !is_declared(name));
        if let Some((_, instead)) = instead {
            return Err(format!("{name}: {instead}"));
        }
    }
    // netcat's and telnet's form.
    let is_flag = |word: &&OsString| matches!(word.to_str(), Some("-4" | "-6" | "-v" | "-vv"));
    let words: Vec<_> = words.iter().filter(|word| !is_flag(word)).collect();
    match words.as_slice() {
        [host, port] => match (host.to_str(), port.to_str()) {
            (Some(host), Some(port)) if !host.starts_with('-') && port.parse::<u16>().is_ok() => {
                let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
                Err(format!("the port belongs to the server's word: ssmscope check {host}:{port}"))
            }
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

/// Moves the host of a check after `--` where it was typed as the last value of an option with several files: `--log FILE HOST`. A word
/// that names an existing file is not moved.
pub fn host_after_files(mut words: Vec<OsString>, command: &Command) -> Vec<OsString> {
    let mut last_of_many = None;
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let text = word.to_str().unwrap_or_default();
        let long = text.strip_prefix("--");
        let arg = match long {
            Some("") => return words,
            Some(long) => declared_long(long.split('=').next().unwrap_or(long), command),
            None if is_option(word) => {
                let letter = text.chars().nth(1);
                command.get_arguments().find(|arg| arg.get_short() == letter)
            }
            None => return words,
        };
        if arg.is_some_and(|arg| matches!(arg.get_id().as_str(), "hostname" | "targets")) {
            return words;
        }
        let has_value = long.map_or(text.len() > 2, |long| long.contains('='));
        let mut values = 0;
        if arg.is_some_and(takes_value) && !has_value {
            let most = if arg.is_some_and(takes_many) { usize::MAX } else { 1 };
            values = words.iter().skip(at + 1).take_while(|next| !is_option(next)).take(most).count().max(1);
            if most > 1 && values > 1 {
                last_of_many = Some(at + values);
            }
        }
        at += 1 + values;
    }
    if let Some(at) = last_of_many
        && words.get(at).is_some_and(|word| !super::words::is_file(word))
    {
        let host = words.remove(at);
        words.extend(["--".into(), host]);
    }
    words
}

/// The command that an option implies where none is named.
pub fn implied_command(option: &str) -> Option<&'static str> {
    /// Letters of tcpdump and tshark with a value, which would be what follows them.
    const WITH_VALUE: &str = "BCEFGMQTVWYZabcfjmoswyz";
    if let Some(long) = option.strip_prefix("--") {
        return (long.split('=').next() == Some("interface")).then_some("live");
    }
    let letters = option.strip_prefix('-')?.chars().take_while(|letter| !WITH_VALUE.contains(*letter));
    letters.into_iter().find_map(|letter| match letter {
        'r' => Some("read"),
        'i' => Some("live"),
        _ => None,
    })
}

/// What to type instead of an option in a command's place.
pub fn in_place_of_a_command(option: &str) -> Option<String> {
    let instead = match option {
        "-D" | "--list-interfaces" => "use: ssmscope interfaces",
        _ => return None,
    };
    Some(format!("{option}: {instead}"))
}

/// Whether the value of an option, of whichever command that reads packets, is the next word.
pub fn has_value_after(option: &str, command: &Command) -> bool {
    let commands = ["read", "live"].into_iter().filter_map(|name| command.find_subcommand(name));
    if let Some(long) = option.strip_prefix("--") {
        let takes = |command: &Command| declared_long(long, command).is_some_and(takes_value);
        return long == "color" || commands.into_iter().any(takes);
    }
    let commands: Vec<_> = commands.collect();
    for (at, letter) in option.char_indices().skip(1) {
        let is_declared = |command: &&Command| {
            command.get_arguments().any(|arg| arg.get_short() == Some(letter) && takes_value(arg))
        };
        if letter == 'r' || IGNORED_ON_FILES.contains(letter) || commands.iter().any(is_declared) {
            return at + letter.len_utf8() == option.len();
        }
    }
    false
}
