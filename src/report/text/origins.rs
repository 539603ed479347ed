//! Which file each packet came from, where several were read as one capture.

use crate::limits;
use crate::packet::Origin;

/// Finds a packet's file and its number there by its number in the whole capture.
///
/// Packets that follow one another in one file are one run, so a ring buffer's files cost one run each.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    runs: Vec<Run>,
    last: u64,
    unkept: u64,
}

/// Packets of one file between two of other files.
#[derive(Clone, Copy, Debug)]
struct Run {
    first: u64,
    origin: Origin,
}

impl Origins {
    /// Takes the capture's next packet in.
    pub fn add(&mut self, number: u64, origin: Origin) {
        if self.runs.last().is_some_and(|run| run.at(number) == origin) {
            self.last = number;
        } else if self.runs.len() < limits::ORIGIN_RUNS {
            self.runs.push(Run { first: number, origin });
            self.last = number;
        } else {
            self.unkept += 1;
        }
    }

    /// Where a packet came from; nothing for packets that were not taken in.
    pub fn of(&self, number: u64) -> Option<Origin> {
        if number > self.last {
            return None;
        }
        let after = self.runs.partition_point(|run| run.first <= number);
        Some(self.runs.get(after.checked_sub(1)?)?.at(number))
    }

    /// Packets whose file is not known because the files alternate too often.
    pub fn unkept(&self) -> u64 {
        self.unkept
    }
}

impl Run {
    fn at(self, number: u64) -> Origin {
        Origin { file: self.origin.file, number: self.origin.number + number.saturating_sub(self.first) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_is_found_in_its_file_by_its_number_in_the_capture() {
        let mut origins = Origins::default();
        let placed = [(1, 2, 1), (2, 2, 2), (3, 0, 1), (4, 0, 2), (5, 2, 3), (9, 2, 7), (10, 1, 1)];
        for (number, file, there) in placed {
            origins.add(number, Origin { file, number: there });
        }
        for (number, file, there) in placed {
            assert_eq!(origins.of(number), Some(Origin { file, number: there }));
        }
        assert_eq!(origins.of(11), None);
        assert_eq!(Origins::default().of(1), None);
        assert_eq!(origins.runs.len(), 4, "a run continues over packets of its file that were left out");
    }
}
