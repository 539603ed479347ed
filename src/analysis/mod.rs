//! Drives the chain: records of a capture in, judged connections and a summary out.
//!
//! It decodes each record, finds its connection, lets TCP and TLS read it, folds the result into the connection's
//! story, and judges the story when the connection leaves: at the end of the capture, or when the table is full.

mod clock;
#[cfg(test)]
mod finding_tests;
mod opening;
mod summary;
mod table;
#[cfg(test)]
mod tests;

use std::io;

pub use summary::{ServerSummary, Summary};
use table::{Budget, Table, Track};

use crate::capture::{About, Prefilter, ReadError, Record, Source, Target, TargetError};
use crate::decode::Decoder;
use crate::finding::{self, Finding};
use crate::packet::{Content, IcmpError, Neighbour, Packet, Segment};
use crate::story::{CaptureFacts, Moment, Place, Story};
use crate::tcp::Key;
use crate::time::{Elapsed, Timestamp};
use crate::verdict::{self, Verdict};

/// What the user may set about the analysis.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// What judging needs.
    pub judging: verdict::Settings,
    /// Ports on which TLS is expected.
    pub tls_ports: Vec<u16>,
    /// Whether the packets of each connection are kept for a timeline.
    pub keeps_timeline: bool,
}

impl Default for Settings {
    fn default() -> Self {
        let judging = verdict::Settings {
            slow_after: Elapsed::from_millis(2_000),
            stall_after: Elapsed::from_millis(3_000),
        };
        Self { judging, tls_ports: vec![443, 8443], keeps_timeline: true }
    }
}

/// A connection with all that there is to say about it.
#[derive(Clone, Debug)]
pub struct Judged {
    /// What happened.
    pub story: Story,
    /// The verdict.
    pub verdict: Verdict,
    /// What else is worth knowing.
    pub findings: Vec<Finding>,
}

/// Takes results as they become known.
pub trait Sink {
    /// A packet that the selection admits, before anything is made of it.
    ///
    /// # Errors
    /// When output can't be written.
    fn packet(&mut self, _packet: &Packet<'_>) -> io::Result<()> {
        Ok(())
    }

    /// A connection that was judged: those that leave a full table first, the others at the end, in the order of
    /// their first packets.
    ///
    /// # Errors
    /// When output can't be written.
    fn connection(&mut self, judged: Judged) -> io::Result<()>;

    /// Input consumed so far, in bytes, and in all where that is known.
    fn progress(&mut self, _read: u64, _of: Option<u64>) {}
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
/// stands in the summary.
pub fn analyse(
    source: &mut dyn Source,
    target: Target,
    settings: &Settings,
    sink: &mut dyn Sink,
) -> io::Result<Summary> {
    let mut analysis = Analysis::new(settings);
    let mut prefilter = Prefilter::new(target);
    let mut decoder = Decoder::new().verifying_checksums(true);
    let mut since_progress = 0u32;
    loop {
        // Often enough for a bar that moves, seldom enough to cost nothing.
        const PROGRESS_EVERY: u32 = 4096;
        since_progress += 1;
        if since_progress >= PROGRESS_EVERY {
            since_progress = 0;
            let (read, of) = source.progress();
            sink.progress(read, of);
            analysis.facts = facts_of(&source.about());
        }
        let record = match source.next_record() {
            Ok(Some(record)) => record,
            Ok(None) => break,
            Err(error) => {
                analysis.summary.error = Some(error.into());
                break;
            }
        };
        let (number, at) = match &record {
            Record::Frame(frame) => (frame.number, frame.at),
            Record::Printed(packet) => (packet.number, packet.at),
        };
        analysis.note_time(number, at);
        match prefilter.passes(&record) {
            Ok(true) => {}
            Ok(false) => continue,
            Err(error) => {
                analysis.summary.error = Some(error.into());
                break;
            }
        }
        match record {
            Record::Frame(frame) => analysis.packet(&decoder.decode(&frame), prefilter.target(), sink)?,
            Record::Printed(packet) => analysis.packet(&packet, prefilter.target(), sink)?,
        }
    }
    analysis.summary.skipped += prefilter.skipped();
    let about = source.about();
    analysis.summary.fragments_given_up = decoder.bounds_reached().total();
    analysis.finish(about, sink)
}

struct Analysis<'s> {
    settings: &'s Settings,
    table: Table,
    summary: Summary,
    clock: clock::Eras,
    budget: Budget,
    /// What was known of the capture when progress was told last, for connections that leave early.
    facts: CaptureFacts,
}

impl<'s> Analysis<'s> {
    fn new(settings: &'s Settings) -> Self {
        Self {
            settings,
            table: Table::default(),
            summary: Summary::default(),
            clock: clock::Eras::default(),
            budget: Budget::default(),
            facts: CaptureFacts::default(),
        }
    }

    fn note_time(&mut self, number: u64, at: Timestamp) {
        if self.summary.packets == 0 {
            self.summary.begin = at;
        }
        self.summary.packets += 1;
        self.clock.note(number, at);
    }

    fn packet(&mut self, packet: &Packet<'_>, target: &Target, sink: &mut dyn Sink) -> io::Result<()> {
        if !target.admits(packet) {
            self.summary.skipped += 1;
            return Ok(());
        }
        sink.packet(packet)?;
        let place = Place { moment: Moment { number: packet.number, at: packet.at }, origin: packet.origin };
        match &packet.content {
            Content::Segment(segment) => self.segment(place, segment, sink)?,
            Content::IcmpError(error) => self.icmp(place, error),
            Content::Neighbour(neighbour) => self.neighbour(neighbour),
            Content::Other(other) => self.summary.count_other(other),
        }
        Ok(())
    }

    fn segment(&mut self, place: Place, segment: &Segment<'_>, sink: &mut dyn Sink) -> io::Result<()> {
        self.summary.segments += 1;
        let header = &segment.header;
        let key = Key::of(header);
        let index = match self.table.find(&key) {
            Some(index) if !self.table.track(index).is_some_and(|track| track.tcp.is_reopened_by(header)) => {
                index
            }
            _ => {
                if self.table.is_full() {
                    self.evict(sink)?;
                }
                let track = Track::new(place, segment, self.settings);
                self.table.add(key, track)
            }
        };
        if let Some(track) = self.table.track_mut(index) {
            track.segment(place, segment, &mut self.budget);
        }
        Ok(())
    }

    fn icmp(&mut self, place: Place, error: &IcmpError<'_>) {
        match self.table.find_quoted(&error.quoted) {
            Some((track, role)) => track.story.icmp(place, error, role),
            None => self.summary.icmp_without_connection += 1,
        }
    }

    fn neighbour(&mut self, neighbour: &Neighbour) {
        self.summary.count_neighbour(neighbour);
    }

    /// Makes room: the least informative connections are judged and leave.
    fn evict(&mut self, sink: &mut dyn Sink) -> io::Result<()> {
        for track in self.table.evict() {
            self.budget.release(&track);
            self.summary.evicted += 1;
            self.judge(track, sink)?;
        }
        Ok(())
    }

    fn finish(mut self, about: About, sink: &mut dyn Sink) -> io::Result<Summary> {
        self.facts = facts_of(&about);
        self.summary.end = self.clock.latest();
        self.summary.clock_steps = self.clock.steps();
        self.summary.holes_given_up = self.budget.holes_given_up;
        self.summary.timelines_given_up = self.budget.timelines_given_up;
        self.summary.about = about;
        for track in self.table.drain() {
            self.judge(track, sink)?;
        }
        Ok(self.summary)
    }

    fn judge(&mut self, track: Track, sink: &mut dyn Sink) -> io::Result<()> {
        let so_far = track.story.so_far();
        let (first, last) = (so_far.first.number, so_far.last.number);
        let end = self.clock.end_for(last);
        let clock_step = self.clock.step_between(first, last);
        let story = track.finish(CaptureFacts { end, clock_step, ..self.facts });
        let verdict = verdict::judge(&story, &self.settings.judging);
        let findings = finding::find(&story);
        let judged = Judged { story, verdict, findings };
        self.summary.count(&judged);
        sink.connection(judged)
    }
}

fn facts_of(about: &About) -> CaptureFacts {
    CaptureFacts {
        end: Timestamp::ZERO,
        clock_step: None,
        clock: about.clock,
        digits: about.digits,
        dropped: about.dropped,
        is_text: about.files.iter().any(|file| file.is_text),
    }
}
