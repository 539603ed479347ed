//! Drives the chain: records of a capture in, judged connections and a summary out.
//!
//! It decodes each record, finds its connection, lets TCP and TLS read it, folds the result into the connection's
//! story, and judges the story when the connection leaves the table: once it is closed and quiet, when the table is full,
//! or at the end of the capture.

mod clock;
mod context;
mod course;
mod facts;
mod first_packets;
mod groups;
mod hop_limits;
mod interim;
mod isolation;
mod judge;
mod logs;
mod lookups;
mod losses;
mod redact;
mod roles;
mod run;
mod scan;
mod servers;
mod shares;
mod spans;
mod summary;
mod table;
#[cfg(test)]
mod tests;
mod traits;
mod watch;
mod window;

use std::io;
use std::ops::BitOr;
use std::sync::Arc;
use std::thread;

#[cfg(feature = "command")]
pub(crate) use clock::{DISORDER, LEAP};
pub use context::{Clients, GroupContext, Network, Others, Outage, RefusedCertificates, RelativeTime};
pub use course::Course;
pub use groups::{Group, GroupKey, Groups, title};
pub use hop_limits::{HopLimits, OtherDistance};
pub use interim::Interim;
pub use isolation::Isolation;
pub use logs::{LogInput, LogSource, LogSummary};
pub use lookups::{Found, LookupFault, LookupSubject, Lookups, Search, Unanswered};
pub use redact::{NamelessFrames, NewFrame, PassingFrames, Redaction};
pub use scan::Scan;
pub use servers::{Dealings, Presented, ServerSummary, Times};
pub use summary::Summary;
pub use table::Bounds;
pub use traits::{Difference, Trait};
pub use window::{Window, WindowEnd, WindowError};

use crate::capture::{About, Frame, ReadError, Source, Target, TargetError};
use crate::cert::{Trust, Wanted};
use crate::finding::Finding;
use crate::log::tie::Tie;
use crate::packet::{Packet, Viewpoint};
use crate::story::{EndpointKnowledge, Entry, LogTie, Silence, Story};
use crate::time::Timestamp;
use crate::verdict::{self, Verdict};
use judge::Examiner;
use redact::Screen;
use run::{Input, Run};

/// What the user may set about the analysis.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What judging needs.
    pub judging: verdict::JudgementSettings,
    /// Ports on which TLS is expected.
    pub tls_ports: Vec<u16>,
    /// Whether the packets of each connection are kept for a timeline.
    pub keeps_timeline: bool,
    /// Whether a timeline also keeps samples of the packets that it folds, for the picture of a transfer.
    pub keeps_samples: bool,
    /// Whether the sink gets what is known while packets come, not only at the end.
    pub watching: Watching,
    /// How certificates are checked.
    pub certificates: CertificateSettings,
    /// From where the packets were seen.
    pub viewpoint: Viewpoint,
    /// What the client's end knows of its connections; empty for captures.
    pub knowledge: Vec<EndpointKnowledge>,
    /// How much is kept at one time.
    pub bounds: Bounds,
    /// The logs to read with the capture. Connections are judged when all of it is read then.
    pub logs: Option<LogInput>,
    /// Connections without a packet in this stretch of time are left out.
    pub window: Option<Window>,
    /// After how many selected packets the capture counts as read.
    pub most_packets: Option<u64>,
    /// Stand-ins for addresses and names, where results may name nobody; in quoted lines of logs too, once those have been compared
    /// with the connections. [`Event::Packet`] and [`Event::Frame`] are what was captured in any case.
    pub redaction: Option<Redaction>,
    /// How many threads may work, the calling one among them. What comes out is the same for any number.
    pub threads: usize,
}

/// When the sink gets what is known while packets come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Watching {
    /// Never: the capture is read to its end.
    #[default]
    Never,
    /// As soon as packets have to be waited for.
    WhenIdle,
    /// From the start.
    Always,
}

/// How certificates are checked.
#[derive(Clone, Debug, Default)]
pub struct CertificateSettings {
    /// The name that they must contain; by default the one that the client asked for, or the server's address.
    pub wanted: Option<Wanted>,
    /// The authorities that a client trusts; by default none, and issuers are not checked.
    pub trust: Trust,
}

impl Default for Settings {
    fn default() -> Self {
        let certificates = CertificateSettings::default();
        Self {
            judging: verdict::JudgementSettings::default(),
            tls_ports: vec![443, 8443],
            keeps_timeline: true,
            keeps_samples: false,
            watching: Watching::default(),
            certificates,
            viewpoint: Viewpoint::default(),
            knowledge: Vec::new(),
            bounds: Bounds::default(),
            logs: None,
            window: None,
            most_packets: None,
            redaction: None,
            threads: 1,
        }
    }
}

/// A connection with all that there is to say about it.
#[derive(Clone, Debug)]
pub struct Judged {
    /// What happened.
    pub story: Box<Story>,
    /// The verdict.
    pub verdict: Verdict,
    /// What else is worth knowing.
    pub findings: Vec<Finding>,
}

/// Takes results as they become known.
pub trait Sink: Send {
    /// A connection that was judged.
    ///
    /// They come in the order of their first packets, but for those that are judged before the capture's end: now and then
    /// all connections that are over, and a part of the others where too many are followed. Each such batch is in that order.
    ///
    /// # Errors
    /// When output can't be written.
    fn connection(&mut self, judged: Judged) -> io::Result<()>;

    /// Something else that happened, in order with the connections.
    ///
    /// # Errors
    /// When output can't be written.
    fn event(&mut self, _event: &Event<'_>) -> io::Result<()> {
        Ok(())
    }

    /// What it needs besides verdicts. Asked before anything is read.
    fn needs(&self) -> Needs;
}

/// What happens while a capture is read, besides the connections that are judged.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A packet that passed the selection, before it is analysed. Only for sinks that need packets.
    Packet(&'a Packet<'a>),
    /// A frame as it was captured, before it is decoded. Only with [`Watching::Always`].
    Frame(&'a Frame<'a>),
    /// A packet that was taken into its connection's story. Only while watching, and where timelines are kept.
    Entry(&'a Story, &'a Entry),
    /// A silence that lasts: reported when it counts as one, and each time it has doubled. Only while watching.
    Silence(&'a Story, &'a Silence),
    /// A verdict as far as it is known, when it is another than what was reported of the connection before. Only while
    /// watching.
    Known(&'a Judged),
    /// An attempt of a log that is followed is tied to a connection: the logs so far, the tie, and what it says about the connection.
    Tied(&'a LogSummary, &'a Tie, &'a LogTie),
    /// A log can't be followed any further.
    LogUnread(&'a ReadError),
    /// No packet came for a moment, and the capture's clock shows this. Only from sources that wait for packets.
    Idle(Timestamp, &'a About),
    /// Input consumed so far, in bytes, and in all where that is known.
    Progress(u64, Option<u64>),
}

/// What a sink needs besides verdicts. What nobody needs is not made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Needs {
    /// Whether it reads [`Event::Packet`]. If not, connections may come from another thread, unless packets are watched.
    pub packets: bool,
    /// Whether it reads findings.
    pub findings: bool,
    /// Whether it reads the examination of certificates, or a verdict's explanation, which may depend on it.
    pub examinations: bool,
}

impl Needs {
    /// Nothing but verdicts.
    pub const VERDICTS: Self = Self { packets: false, findings: false, examinations: false };

    /// Everything that is known of a connection, and no packets.
    pub const CONNECTIONS: Self = Self { packets: false, findings: true, examinations: true };

    /// Everything.
    pub const ALL: Self = Self { packets: true, findings: true, examinations: true };
}

/// What two sinks need together.
impl BitOr for Needs {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        let Self { packets, findings, examinations } = other;
        Self {
            packets: self.packets | packets,
            findings: self.findings | findings,
            examinations: self.examinations | examinations,
        }
    }
}

/// What stopped an analysis before the capture's end.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The capture could not be read further.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The selection could not be applied to it.
    #[error(transparent)]
    Select(#[from] TargetError),
}

/// Analyses a capture to its end.
///
/// # Errors
/// When output can't be written. A capture that can't be read to its end is judged as far as it goes, and the error
/// is in the summary.
pub fn analyse(
    source: &mut dyn Source,
    target: Target,
    settings: &Settings,
    sink: &mut dyn Sink,
) -> io::Result<Summary> {
    analyse_until(source, target, settings, sink, &|| false)
}

/// Analyses a capture to its end, or until `stop`, which is asked before each record, says that enough is known: the analysis
/// then ends as at the capture's end.
///
/// # Errors
/// As [`analyse`].
pub fn analyse_until(
    source: &mut dyn Source,
    target: Target,
    settings: &Settings,
    sink: &mut dyn Sink,
    stop: &dyn Fn() -> bool,
) -> io::Result<Summary> {
    let examiner = Examiner::shared(&settings.certificates);
    let needs = sink.needs();
    let mut screen;
    let sink = match &settings.redaction {
        Some(redaction) => {
            screen = Screen::before(sink, redaction);
            &mut screen
        }
        None => sink,
    };
    thread::scope(|scope| {
        let judge = judge::open(settings, Arc::clone(&examiner), sink);
        let run = Run::new(scope, settings, &source.about(), (examiner, needs), judge);
        let mut summary = run.read_to_end(Input::of(source, target), stop)?;
        if let Some(redaction) = &settings.redaction {
            redaction.stand_ins().summary(&mut summary);
        }
        Ok(summary)
    })
}
