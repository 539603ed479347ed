//! What monitoring wants to know of a capture: how many connections of each kind, and of the worst one what happened.

use std::io;

use super::escape::escaped;
use super::words;
use crate::analysis::{Judged, Sink};
use crate::limits;
use crate::story::Stage;
use crate::tcp::Role;
use crate::time::Elapsed;
use crate::verdict::Severity;

/// Takes connections in and keeps what monitoring asks for.
#[derive(Debug, Default)]
pub struct Worst {
    /// The worst connection; of equally bad ones the first.
    pub(super) connection: Option<Told>,
    /// Connections that failed or deserve a look, in the order in which they were judged.
    pub(super) failures: Vec<Told>,
    /// Failures that are not kept one by one.
    pub(super) further: u64,
    /// The longest time from a SYN to established TLS.
    pub(super) slowest: Option<Elapsed>,
}

/// What is kept of a connection.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) first: u64,
    pub(super) code: &'static str,
    pub(super) severity: Severity,
    pub(super) stage: Stage,
    pub(super) server: String,
    pub(super) headline: String,
}

/// How much a severity matters to monitoring. What can't be told matters least: it is the capture's, not the connection's.
fn rank(severity: Severity) -> u8 {
    match severity {
        Severity::Critical => 3,
        Severity::Warning => 2,
        Severity::Ok => 1,
        Severity::Unknown => 0,
    }
}

impl Sink for Worst {
    fn connection(&mut self, judged: Judged) -> io::Result<()> {
        let Judged { story, verdict, .. } = judged;
        let established = story.tls.established.as_ref().map(|said| said.moment.at - story.began().at);
        self.slowest = self.slowest.max(established);
        let told = Told {
            first: story.first.number,
            code: verdict.code,
            severity: verdict.severity,
            stage: story.stage,
            server: words::end(&story.parties[Role::Server]),
            headline: escaped(&verdict.headline),
        };
        let order = |told: &Told| (rank(told.severity), std::cmp::Reverse(told.first));
        if rank(told.severity) >= rank(Severity::Warning) {
            if self.failures.len() < limits::PLUGIN_FAILURES {
                self.failures.push(told.clone());
            } else {
                self.further += 1;
            }
        }
        if self.connection.as_ref().is_none_or(|worst| order(worst) < order(&told)) {
            self.connection = Some(told);
        }
        Ok(())
    }
}
