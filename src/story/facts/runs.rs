//! Who spoke when inside TLS, where a connection is kept open for more records than are kept one by one.

use crate::limits;
use crate::packet::Moment;
use crate::tcp::{PerRole, Role};

/// Records that one side sent without the other's in between.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Run {
    /// Who sent them.
    pub by: Role,
    /// The packet in which the first of them ends.
    pub first: Moment,
    /// The packet in which the last of them ends.
    pub last: Moment,
    /// Their bytes, without what protects the records.
    pub bytes: u32,
}

/// The runs of application data from the first record on that is one too many to be kept one by one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Runs {
    list: Vec<Run>,
    /// Records of each side before the first run.
    before: PerRole<u64>,
    /// Records of each side in runs.
    inside: PerRole<u64>,
    is_beyond: bool,
}

impl Runs {
    /// Takes in a record of application data. `before` is how many there were before it.
    pub(crate) fn record(&mut self, by: Role, moment: Moment, bytes: u32, before: PerRole<u64>) {
        if self.list.is_empty() {
            if before[by] < limits::STORY_REPEATS as u64 {
                return;
            }
            self.before = before;
        }
        self.inside[by] += 1;
        let is_room = self.list.len() < limits::STORY_RUNS;
        match self.list.last_mut() {
            Some(run) if run.by == by => {
                run.last = moment;
                run.bytes = run.bytes.saturating_add(bytes);
            }
            _ if is_room => {
                self.list.push(Run { by, first: moment, last: moment, bytes });
            }
            _ => self.is_beyond = true,
        }
    }

    /// The runs; nothing if there were more, or if a side sent another number of records than this.
    pub fn of(&self, count: PerRole<u64>) -> Option<&[Run]> {
        let is_all = |role: Role| self.before[role] + self.inside[role] == count[role];
        let is_whole =
            !self.is_beyond && (self.list.is_empty() || is_all(Role::Client) && is_all(Role::Server));
        is_whole.then_some(&self.list)
    }

    /// Records of a side before the first run; nothing if there is none.
    pub fn before(&self, by: Role) -> Option<u64> {
        (!self.list.is_empty()).then_some(self.before[by])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn moment(number: u64) -> Moment {
        Moment { number, at: Timestamp::from_nanos(number as i64) }
    }

    fn talk(rounds: u64) -> (Runs, PerRole<u64>) {
        let (mut runs, mut count) = (Runs::default(), PerRole { client: 0, server: 0 });
        for round in 0..rounds {
            for (by, at) in [(Role::Client, 0), (Role::Client, 1), (Role::Server, 2)] {
                runs.record(by, moment(3 * round + at), 10, count);
                count[by] += 1;
            }
        }
        (runs, count)
    }

    #[test]
    fn records_are_one_run_until_the_other_side_speaks() {
        let (runs, count) = talk(10);
        let list = runs.of(count).expect("all of them");
        assert_eq!(runs.before(Role::Client), Some(limits::STORY_REPEATS as u64));
        assert_eq!((list.len(), list[0].by, list[0].bytes, list[1].bytes), (4, Role::Client, 20, 10));
        assert_eq!((list[0].first.number, list[0].last.number, list[1].first.number), (24, 25, 26));
    }

    #[test]
    fn few_records_are_no_runs_and_too_many_are_not_known() {
        let (runs, count) = talk(5);
        assert_eq!((runs.of(count), runs.before(Role::Client)), (Some(&[][..]), None));
        let (runs, mut count) = talk(9);
        count[Role::Server] += 1;
        assert_eq!(runs.of(count), None);
        let (runs, count) = talk(limits::STORY_RUNS as u64);
        assert_eq!(runs.of(count), None);
    }
}
