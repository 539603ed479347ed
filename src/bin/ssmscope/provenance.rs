//! How a report came about: the command as it was typed, and the digests of what it read.

use std::env;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};
use ssmscope::analysis::Redaction;
use ssmscope::capture::Handles;
use ssmscope::report::Provenance;

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

/// The same with the names of options and without their values; files have numbers. The digests stay, for whoever has the files.
pub fn redacted(provenance: &Provenance, redaction: &Redaction) -> Provenance {
    let words = env::args_os()
        .skip(1)
        .map(|word| word.to_string_lossy().into_owned())
        .take_while(|word| word != "--");
    let options = words.filter_map(|word| {
        let name = word.strip_prefix("--")?.split('=').next().map(str::to_owned)?;
        Some(format!("--{name}"))
    });
    let words: Vec<_> = ["ssmscope read".to_owned()].into_iter().chain(options).collect();
    let inputs = provenance.inputs.iter().map(|(name, digest)| (redaction.file(name), digest.clone()));
    Provenance { command: words.join(" "), inputs: inputs.collect() }
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
