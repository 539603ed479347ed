//! Which files are one capture.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use glob::Pattern;

use super::walk::Found;

/// The files of one capture, in order.
pub type Capture = Vec<Found>;

/// Joins the files of a folder whose names match a pattern, or are those of one ring; each other file is a capture. A capture takes
/// the place of its first file.
pub fn join(found: Vec<Found>, patterns: &[Pattern], joins_rings: bool) -> Vec<Capture> {
    let mut captures: Vec<Capture> = Vec::with_capacity(found.len());
    let mut known: BTreeMap<(PathBuf, Key), usize> = BTreeMap::new();
    for file in found {
        let name = file.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let pattern = patterns.iter().position(|pattern| pattern.matches(&name)).map(Key::Pattern);
        let key = pattern.or_else(|| joins_rings.then(|| ring(&name)).flatten().map(Key::Ring));
        let Some(key) = key.filter(|_| file.error.is_none()) else {
            captures.push(vec![file]);
            continue;
        };
        let folder = file.path.parent().unwrap_or(Path::new("")).to_owned();
        let index = *known.entry((folder, key)).or_insert(captures.len());
        match captures.get_mut(index) {
            Some(capture) => capture.push(file),
            None => captures.push(vec![file]),
        }
    }
    captures
}

/// What the files of one capture have in common, in their folder.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Key {
    Pattern(usize),
    Ring(String),
}

/// How captures are named, after a dot.
const EXTENSIONS: [&str; 5] = ["pcap", "pcapng", "cap", "dmp", "dump"];

/// What the names of a ring's files have in common: those of tcpdump end in a number (tcpdump(1), -C and -W), dumpcap puts a number and
/// the time before the extension (dumpcap(1), -b).
fn ring(name: &str) -> Option<String> {
    let plain = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(name);
    let (stem, extension) = plain.rsplit_once('.')?;
    let kind = extension.trim_end_matches(|letter: char| letter.is_ascii_digit());
    if !EXTENSIONS.contains(&kind.to_ascii_lowercase().as_str()) {
        return None;
    }
    let digits =
        |text: &str, least: usize| text.len() >= least && text.bytes().all(|byte| byte.is_ascii_digit());
    let dumpcap = stem.rsplit_once('_').filter(|(_, time)| digits(time, 14)).and_then(|(rest, _)| {
        let (stem, number) = rest.rsplit_once('_')?;
        digits(number, 5).then_some(stem)
    });
    match dumpcap {
        Some(stem) => Some(format!("{stem}_.{kind}")),
        None => Some(format!("{stem}.{kind}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(names: &[&str], patterns: &[&str], joins_rings: bool) -> Vec<Vec<String>> {
        let found = |name: &&str| Found { path: PathBuf::from(name), is_walked: true, error: None };
        let patterns: Vec<_> = patterns.iter().map(|pattern| Pattern::new(pattern).unwrap()).collect();
        let captures = join(names.iter().map(found).collect(), &patterns, joins_rings);
        let names = |capture: Capture| capture.iter().map(|file| file.path.display().to_string()).collect();
        captures.into_iter().map(names).collect()
    }

    #[test]
    fn files_of_a_folder_are_joined_by_a_pattern() {
        let names = ["a/ring_1", "a/ring_2", "a/x", "b/ring_1"];
        assert_eq!(
            joined(&names, &["ring_*"], false),
            [vec!["a/ring_1", "a/ring_2"], vec!["a/x"], vec!["b/ring_1"]]
        );
        assert_eq!(joined(&names, &[], true).len(), 4);
    }

    #[test]
    fn a_ring_is_known_by_the_names_that_its_writer_gives() {
        let tcpdump = ["x.pcap", "x.pcap1", "x.pcap10", "y.pcap1"];
        assert_eq!(joined(&tcpdump, &[], true), [vec!["x.pcap", "x.pcap1", "x.pcap10"], vec!["y.pcap1"]]);
        let dumpcap = ["x_00001_20260101120000.pcapng", "x_00002_20260101130000.pcapng.gz", "x.pcapng"];
        assert_eq!(joined(&dumpcap, &[], true), [vec![dumpcap[0], dumpcap[1]], vec![dumpcap[2]]]);
        for name in ["x1.pcap", "x_1_2.pcap", "README.md", "pcap1", "notes.txt1"] {
            assert!(ring(name).is_none_or(|stem| stem == name), "{name}: {:?}", ring(name));
        }
    }
}
