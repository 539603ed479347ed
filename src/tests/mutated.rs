//! Every capture of the test data, damaged at random: it is analysed or refused, and nothing panics.

use std::io::Cursor;
use std::path::Path;

use proptest::prelude::*;
use ssmscope::analysis::{self, Judged, Settings, Sink};
use ssmscope::capture::{self, Target};

struct Count(u64);

impl Sink for Count {
    fn connection(&mut self, judged: Judged) -> std::io::Result<()> {
        assert!(!judged.verdict.headline.is_empty());
        let _ = judged.story.timeline.items(4);
        self.0 += 1;
        Ok(())
    }
}

/// The captures and transcripts of `testdata/`, in the order of their names.
fn captures() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut folders: Vec<_> =
        std::fs::read_dir(root).expect("testdata").flatten().map(|entry| entry.path()).collect();
    folders.sort();
    let is_input = |path: &Path| {
        path.file_name().is_some_and(|name| {
            let name = name.to_string_lossy();
            name.starts_with("capture.") || name == "transcript.txt"
        })
    };
    let mut captures = vec![];
    for folder in folders.iter().filter(|path| path.is_dir()) {
        let mut files: Vec<_> =
            std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path()).collect();
        files.sort();
        captures.extend(
            files.iter().filter(|path| is_input(path)).map(|path| std::fs::read(path).expect("a capture")),
        );
    }
    captures
}

/// What was judged, or `None` where the bytes are no capture any more.
fn analyse(bytes: Vec<u8>) -> Option<u64> {
    let mut source = capture::file::read("mutated", 0, Cursor::new(bytes), None).ok()?;
    let target = Target::new(&[], &[], None).expect("no selection");
    let mut count = Count(0);
    let summary = analysis::analyse(&mut *source, target, &Settings::default(), &mut count)
        .expect("nothing is written");
    assert_eq!(summary.connections, count.0);
    Some(count.0)
}

#[test]
fn every_capture_has_a_connection_to_judge() {
    let captures = captures();
    assert!(captures.len() > 50);
    assert!(captures.into_iter().all(|bytes| analyse(bytes).is_some_and(|connections| connections > 0)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn damage_is_survived(
        which: prop::sample::Index,
        other: prop::sample::Index,
        cut in prop::option::of(any::<prop::sample::Index>()),
        splice in prop::option::of(any::<prop::sample::Index>()),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..40),
    ) {
        thread_local!(static CAPTURES: Vec<Vec<u8>> = captures());
        CAPTURES.with(|captures| {
            let mut bytes = which.get(captures).clone();
            if let Some(cut) = cut {
                bytes.truncate(cut.index(bytes.len() + 1));
            }
            if let Some(splice) = splice {
                let tail = other.get(captures);
                bytes.extend_from_slice(&tail[splice.index(tail.len())..]);
            }
            for (place, value) in flips {
                if !bytes.is_empty() {
                    let place = place.index(bytes.len());
                    bytes[place] = value;
                }
            }
            let _ = analyse(bytes);
        });
    }
}
