//! The settings for reading logs.

use super::grammar::AccessFormat;
use crate::capture::Handles;
use crate::time::Timestamp;

/// The settings for reading logs.
#[derive(Clone, Debug, Default)]
pub struct LogSettings {
    /// Formats of access logs besides the common and the combined one.
    pub formats: Vec<AccessFormat>,
    /// What the user knows of zones: an abbreviation as the logs write it, or nothing for times without a zone, and the seconds that it
    /// is east of UTC. An abbreviation alone is never interpreted: IST has three meanings.
    pub zones: Vec<(String, i32)>,
    /// An instant near the logs: the capture's start. It supplies the years that syslog leaves out.
    pub near: Option<Timestamp>,
    /// The capture's first and last instant, where it has dates. Attempts more than 27 hours before or after, more than any two clocks
    /// are apart, are counted and not kept.
    pub window: Option<(Timestamp, Timestamp)>,
    /// Whether lines are read as they are written, so that all are near the capture.
    pub is_following: bool,
    /// Threads that read logs which are complete. What they hold is the same for any number.
    pub threads: usize,
    /// Whether secrets are kept as they are.
    pub shows_secrets: bool,
    /// Logs that are open already.
    pub handles: Handles,
}
