//! How a report came about: the command as it was typed, and the digests of what it read.

use std::collections::BTreeSet;
use std::env;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use clap::{Arg, Command};
use sha2::{Digest, Sha256};
use ssmscope::analysis::Redaction;
use ssmscope::capture::Handles;
use ssmscope::report::Provenance;

use crate::args;

/// What is read at once of a file.
const BLOCK_BYTES: usize = 64 * 1024;

/// The command, without inputs.
pub fn of_command() -> Provenance {
    let words = env::args_os().skip(1).map(|word| quoted(&without_password(&word.to_string_lossy())));
    let words: Vec<_> = std::iter::once("ssmscope".to_owned()).chain(words).collect();
    Provenance { command: words.join(" "), inputs: Vec::new() }
}

/// The command, and these files, which are read for their digests.
pub fn of_files<'a>(paths: impl Iterator<Item = &'a Path>, handles: &Handles) -> Provenance {
    let inputs = paths.map(|path| {
        let digest = match path.to_str() {
            Some("-") => Err("standard input".to_owned()),
            _ => digest(handles.take(path)).map_err(|error| error.to_string()),
        };
        (path.display().to_string(), digest)
    });
    Provenance { inputs: inputs.collect(), ..of_command() }
}

/// The same with the names of the command's options and without their values; files have numbers. The digests stay, for whoever has
/// the files.
pub fn redacted(provenance: &Provenance, redaction: &Redaction, command: &str) -> Provenance {
    let words = env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned());
    let inputs = provenance.inputs.iter().map(|(name, digest)| (redaction.file(name), digest.clone()));
    Provenance { command: option_names(words, command), inputs: inputs.collect() }
}

/// A command with the options among its words that it has.
fn option_names(words: impl Iterator<Item = String>, command: &str) -> String {
    let all = args::command();
    // A value can begin with two dashes as well.
    let known: BTreeSet<_> = all
        .find_subcommand(command)
        .into_iter()
        .flat_map(Command::get_arguments)
        .filter_map(Arg::get_long)
        .map(str::to_owned)
        .collect();
    let options = words.take_while(|word| word != "--").filter_map(|word| {
        let name = word.strip_prefix("--")?.split('=').next()?;
        known.contains(name).then(|| format!("--{name}"))
    });
    [format!("ssmscope {command}")].into_iter().chain(options).collect::<Vec<_>>().join(" ")
}

/// The SHA-256 of a file in hexadecimal, as `sha256sum` prints it.
pub fn digest(file: io::Result<File>) -> io::Result<String> {
    let mut file = file?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no file that can be read again"));
    }
    let mut digest = Sha256::new();
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        match file.read(&mut block)? {
            0 => break,
            len => digest.update(&block[..len]),
        }
    }
    Ok(hexadecimal(digest))
}

/// The SHA-256 of bytes, in the same form.
pub fn digest_of(bytes: &[u8]) -> String {
    hexadecimal(Sha256::new_with_prefix(bytes))
}

fn hexadecimal(digest: Sha256) -> String {
    let mut text = String::with_capacity(64);
    for byte in digest.finalize() {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// A word without the password of a URL: the report may be passed on.
fn without_password(word: &str) -> String {
    let Some((scheme, rest)) = word.split_once("://") else { return word.to_owned() };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let Some((user, host)) = authority.rsplit_once('@') else { return word.to_owned() };
    let Some((name, _)) = user.split_once(':') else { return word.to_owned() };
    format!("{scheme}://{name}:***@{host}{}", &rest[authority.len()..])
}

/// A word as a shell reads it (POSIX.1-2024, 2.2).
fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=@%+,".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_can_be_typed_again_and_has_no_password_in_it() {
        assert_eq!(quoted("a.pcap"), "a.pcap");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted(""), "''");
        assert_eq!(without_password("http://ann:secret@proxy:3128/x"), "http://ann:***@proxy:3128/x");
        assert_eq!(without_password("--proxy=http://a:p@ss@proxy"), "--proxy=http://a:***@proxy");
        assert_eq!(without_password("https://ssm.example/a@b:c"), "https://ssm.example/a@b:c");
    }

    #[test]
    fn of_a_redacted_command_the_names_of_its_own_options_are_left() {
        let words = [
            "check",
            "--redact",
            "--name=ssm.corp.test",
            "--expect-body",
            "--ann",
            "-H",
            "10.1.2.3",
            "--",
            "--port",
        ];
        let words = words.into_iter().map(str::to_owned);
        assert_eq!(option_names(words, "check"), "ssmscope check --redact --name --expect-body");
    }

    #[test]
    fn a_file_has_the_digest_that_sha256sum_prints() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        std::fs::write(&path, "abc").unwrap();
        let handles = Handles::open([&path]);
        let provenance = of_files([path.as_path(), Path::new("-")].into_iter(), &handles);
        // FIPS 180-4's example.
        let [(_, file), (_, pipe)] = provenance.inputs.as_slice() else { panic!("two inputs") };
        assert!(file.as_ref().unwrap().starts_with("ba7816bf8f01cfea414140de5dae2223"));
        assert_eq!(pipe.as_ref().unwrap_err(), "standard input");
        assert!(digest(File::open("/dev/null")).is_err());
    }
}
