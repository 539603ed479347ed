//! Something that packets showed, once or repeatedly.

use smallvec::SmallVec;

use crate::limits;
pub use crate::packet::Moment;
use crate::tls::Basis;

/// Packets of one kind that repeat.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Repeats {
    /// The first of them, as many as are kept one by one. Usually there is only one, which needs no allocation.
    pub moments: SmallVec<[Moment; 1]>,
    /// How many in all.
    pub count: u64,
}

impl Repeats {
    /// The first.
    pub fn first(&self) -> Option<Moment> {
        self.moments.first().copied()
    }

    /// Adds one, keeping as many one by one as the limit allows.
    pub fn add(&mut self, moment: Moment) {
        self.count += 1;
        if self.moments.len() < limits::STORY_REPEATS {
            self.moments.push(moment);
        }
    }

    /// The packets kept one by one.
    pub fn numbers(&self) -> impl Iterator<Item = u64> + '_ {
        self.moments.iter().map(|moment| moment.number)
    }
}

/// Something that packets showed: a message, a step, a hole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Observed<T> {
    /// What was observed.
    pub what: T,
    /// In which packet it was complete.
    pub moment: Moment,
    /// How it is known.
    pub basis: Basis,
}
