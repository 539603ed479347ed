//! Ties of logs for the tests of rules.

use crate::log::tie::Grade;
use crate::log::{Agreement, AttemptOutcome, Level, Quote, Side};
use crate::story::{LogLine, LogTie};
use crate::time::{Elapsed, Timestamp};

/// An attempt in line 7 of `a.log`, tied for certain, whose line was written `millis` after the first packet of a story that is
/// written by hand. The log's clock is 5 h 30 min and 1.8 s ahead.
pub(crate) fn tied(side: Side, outcome: AttemptOutcome, agreement: Agreement, millis: i64) -> LogTie {
    let at = Timestamp::from_parts(1_700_000_000, millis * 1_000_000);
    let line = LogLine {
        file: "a.log".into(),
        number: 7,
        side: Some(side),
        at,
        precision: Elapsed::from_millis(1),
        place: at,
        level: Level::Error,
        source: None,
        text: Quote::default(),
    };
    LogTie {
        side,
        outcome,
        status: match outcome {
            AttemptOutcome::Status(status) => Some(status),
            _ => None,
        },
        agreement,
        is_answer_known: false,
        grade: Grade::Certain,
        zone: Elapsed::from_millis(19_800_000),
        skew: Elapsed::from_millis(1_800),
        lines: vec![line],
        decisive: 0,
    }
}
