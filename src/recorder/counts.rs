//! How many failures got files, and why others got none.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counted by the capture and by the recorder's thread.
#[derive(Default)]
pub(super) struct Counts {
    /// Failures that have a file.
    pub(super) recorded: AtomicU64,
    /// More of the same server and verdict than an hour may have.
    pub(super) beyond_quota: AtomicU64,
    /// More than may wait for their files.
    pub(super) too_many: AtomicU64,
    /// Those whose files could not be written.
    pub(super) unwritten: AtomicU64,
    /// Those that were not written before the end.
    pub(super) late: AtomicU64,
    /// Packets that were captured, and that the recorder did not get.
    pub(super) packets: AtomicU64,
}

fn of(count: &AtomicU64) -> u64 {
    count.load(Ordering::Relaxed)
}

/// Adds to a count, and returns what it was.
pub(super) fn add(count: &AtomicU64, more: u64) -> u64 {
    count.fetch_add(more, Ordering::Relaxed)
}

impl Counts {
    /// Whether a failure has no file, or packets are missing.
    pub(super) fn lack_some(&self) -> bool {
        of(&self.packets) > 0 || self.without().iter().any(|(count, _)| *count > 0)
    }

    /// Failures without a file, by the reason.
    fn without(&self) -> [(u64, &'static str); 4] {
        [
            (of(&self.beyond_quota), "beyond --record-per-hour"),
            (of(&self.too_many), "more than can wait for their files"),
            (of(&self.unwritten), "could not be written"),
            (of(&self.late), "not written before the end"),
        ]
    }

    /// What was recorded and what was not, in a sentence.
    pub(super) fn sentence(&self) -> String {
        let mut text = format!("failures recorded: {}", of(&self.recorded));
        let without: Vec<_> = self.without().into_iter().filter(|(count, _)| *count > 0).collect();
        if !without.is_empty() {
            let sum: u64 = without.iter().map(|(count, _)| count).sum();
            let reasons: Vec<_> = without.iter().map(|(count, why)| format!("{count} {why}")).collect();
            // Writing to a string can't fail.
            let _ = write!(text, "; without a file: {sum} ({})", reasons.join(", "));
        }
        let packets = of(&self.packets);
        if packets > 0 {
            let _ =
                write!(text, "; packets missing from the recordings, since the disk was too slow: {packets}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_file_is_counted_by_its_reason() {
        let counts = Counts::default();
        add(&counts.recorded, 20);
        assert_eq!(counts.sentence(), "failures recorded: 20");
        add(&counts.beyond_quota, 980);
        add(&counts.unwritten, 1);
        add(&counts.packets, 7);
        assert_eq!(
            counts.sentence(),
            "failures recorded: 20; without a file: 981 (980 beyond --record-per-hour, 1 could not be written); \
             packets missing from the recordings, since the disk was too slow: 7"
        );
    }
}
