//! Drives the chain: records of a capture in, judged connections and a summary out.
//!
//! It decodes each record, finds its connection, lets TCP and TLS read it, folds the result into the connection's
//! story, and judges the story when the connection leaves: at the end of the capture, or when the table is full.

mod clock;
#[cfg(test)]
mod finding_tests;
mod judge;
mod roles;
mod summary;
mod table;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::VecDeque;
use std::io;

use judge::Judging;
use judge::chains::Chains;
use judge::worker::{self, Handover};
pub use summary::{ServerSummary, Summary};
pub use table::Bounds;
use table::{Budget, EvictionCandidate, HalfOpen, Leaving, RecentlyClosed, Table, TrackedConnection};

use crate::capture::{About, Frame, Prefilter, ReadError, Record, Source, Target, TargetError};
use crate::cert::{Trust, Wanted};
use crate::decode::Decoder;
use crate::finding::Finding;
use crate::packet::{Content, IcmpError, Neighbour, Packet, Segment, Viewpoint};
use crate::story::{CaptureFacts, Entry, Insight, Moment, Place, Silence, Story};
use crate::tcp::Key;
use crate::time::{Elapsed, Timestamp};
use crate::verdict::{self, Verdict};

/// What the user may set about the analysis.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What judging needs.
    pub judging: verdict::Settings,
    /// Ports on which TLS is expected.
    pub tls_ports: Vec<u16>,
    /// Whether the packets of each connection are kept for a timeline.
    pub keeps_timeline: bool,
    /// Whether the sink is told what is known while packets come, not only at the end.
    pub watching: Watching,
    /// How certificates are checked.
    pub certificates: CertificateSettings,
    /// From where the packets were seen.
    pub viewpoint: Viewpoint,
    /// What the client's end tells of its connections; nobody does of those in captures.
    pub insights: Vec<Insight>,
    /// How much is kept at one time.
    pub bounds: Bounds,
    /// Whether a second thread may judge while this one reads. What comes out is the same.
    pub judges_apart: bool,
}

/// When the sink is told what is known while packets come.
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
    /// The name that they must bear; by default the one that the client asked for, or the server's address.
    pub wanted: Option<Wanted>,
    /// Whom a client trusts; by default nobody, and issuers are not checked.
    pub trust: Trust,
}

impl Default for Settings {
    fn default() -> Self {
        let judging = verdict::Settings {
            slow_after: Elapsed::from_millis(2_000),
            stall_after: Elapsed::from_millis(3_000),
        };
        let certificates = CertificateSettings::default();
        Self {
            judging,
            tls_ports: vec![443, 8443],
            keeps_timeline: true,
            watching: Watching::default(),
            certificates,
            viewpoint: Viewpoint::default(),
            insights: Vec::new(),
            bounds: Bounds::default(),
            judges_apart: false,
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
    /// A packet that the selection admits, before anything is made of it.
    ///
    /// # Errors
    /// When output can't be written.
    fn packet(&mut self, _packet: &Packet<'_>) -> io::Result<()> {
        Ok(())
    }

    /// A frame as it was captured, before it is decoded. Only while watching.
    ///
    /// # Errors
    /// When output can't be written.
    fn frame(&mut self, _frame: &Frame<'_>) -> io::Result<()> {
        Ok(())
    }

    /// A packet that was taken into its connection's story. Only while watching, and where timelines are kept.
    ///
    /// # Errors
    /// When output can't be written.
    fn entry(&mut self, _story: &Story, _entry: &Entry) -> io::Result<()> {
        Ok(())
    }

    /// A silence that lasts: told when it counts as one, and each time it has doubled. Only while watching.
    ///
    /// # Errors
    /// When output can't be written.
    fn silence(&mut self, _story: &Story, _silence: &Silence) -> io::Result<()> {
        Ok(())
    }

    /// A verdict as far as it is known, when it is another than what was told of the connection before. Only while
    /// watching.
    ///
    /// # Errors
    /// When output can't be written.
    fn known(&mut self, _judged: &Judged) -> io::Result<()> {
        Ok(())
    }

    /// No packet came for a moment, and the capture's clock shows this. Only from sources that wait for packets.
    ///
    /// # Errors
    /// When output can't be written.
    fn idle(&mut self, _at: Timestamp, _about: &About) -> io::Result<()> {
        Ok(())
    }

    /// Whether it takes nothing but judged connections and progress. These may then come from another thread, and
    /// [`is_done`](Self::is_done) is not asked.
    fn takes_connections_alone(&self) -> bool {
        false
    }

    /// Whether it makes so much of each connection that another thread pays from the start. Else one is begun where so many
    /// connections are followed that some have to leave: judging and telling of connections that are not over is most of the
    /// work then, and what goes over is small.
    fn makes_much_of_each(&self) -> bool {
        false
    }

    /// Whether findings are read beside the verdicts. If not, they are not looked for.
    fn reads_findings(&self) -> bool {
        true
    }

    /// Whether enough is known: the analysis then ends as at the capture's end.
    fn is_done(&mut self) -> bool {
        false
    }

    /// A connection that was judged.
    ///
    /// They come in the order of their first packets, but for those that are judged before the capture's end: now and then
    /// all connections that are over, and a part of the others where too many are followed. Each such batch is in that order.
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
    let mut reading = Reading::of(source, target);
    let mut analysis = Analysis::new(settings, sink);
    if !(analysis.may_part && sink.makes_much_of_each()) {
        analysis.read_to_end(&mut reading, sink)?;
    }
    if !reading.is_over {
        analysis.may_part = false;
        worker::read_to_end(&mut analysis, &mut reading, sink)?;
    }
    Ok(analysis.into_summary())
}

/// A capture on its way through selection and decoding.
struct Reading<'a> {
    source: &'a mut dyn Source,
    prefilter: Prefilter,
    decoder: Decoder,
    since_progress: u32,
    is_stopped: bool,
    is_over: bool,
}

impl<'a> Reading<'a> {
    fn of(source: &'a mut dyn Source, target: Target) -> Self {
        Self {
            source,
            prefilter: Prefilter::new(target),
            decoder: Decoder::new().verifying_checksums(true),
            since_progress: 0,
            is_stopped: false,
            is_over: false,
        }
    }
}

/// Records between two reports of progress: often enough for a bar that moves, seldom enough to cost nothing.
const PROGRESS_EVERY: u32 = 4096;

/// How often a sink is told that no packet came.
const IDLE_TOLD_EVERY: Elapsed = Elapsed::from_millis(100);

/// Where connections are judged that leave.
enum Court<'s> {
    /// Here, one after the other.
    Here(Judging<'s>),
    /// On another thread.
    Apart(Handover),
}

struct Analysis<'s> {
    settings: &'s Settings,
    table: Table,
    summary: Summary,
    clock: clock::Eras,
    budget: Budget,
    chains: Chains,
    court: Court<'s>,
    /// Whether the sink takes more than connections.
    tells_packets: bool,
    /// Whether to stop reading where it pays to judge on another thread.
    may_part: bool,
    /// Connections that leave next where too many are followed.
    chosen: VecDeque<EvictionCandidate>,
    /// What was known of the capture when progress was told last, for connections that leave early.
    facts: CaptureFacts,
    /// When connections were looked at last, while watching.
    looked_at: Timestamp,
    is_watching: bool,
    recently_closed: RecentlyClosed,
    /// When the sink was told last that no packet came.
    told_idle: Timestamp,
}

impl<'s> Analysis<'s> {
    fn new(settings: &'s Settings, sink: &dyn Sink) -> Self {
        // What timelines hold in all is known where packets are read.
        let is_alone =
            settings.watching == Watching::Never && settings.insights.is_empty() && !settings.keeps_timeline;
        Self {
            settings,
            table: Table::default(),
            summary: Summary::default(),
            clock: clock::Eras::default(),
            budget: Budget::default(),
            chains: Chains::new(settings.bounds.certificate_bytes()),
            court: Court::Here(Judging::new(settings)),
            tells_packets: !sink.takes_connections_alone(),
            may_part: settings.judges_apart && is_alone && sink.takes_connections_alone(),
            chosen: VecDeque::new(),
            facts: CaptureFacts { viewpoint: settings.viewpoint, ..CaptureFacts::default() },
            looked_at: Timestamp::ZERO,
            is_watching: settings.watching == Watching::Always,
            told_idle: Timestamp::ZERO,
            recently_closed: RecentlyClosed::new(&settings.bounds),
        }
    }

    /// Reads to the capture's end, where all connections leave, or to where another thread is to judge them.
    fn read_to_end(&mut self, reading: &mut Reading<'_>, sink: &mut dyn Sink) -> io::Result<()> {
        loop {
            if self.may_part && !self.chosen.is_empty() {
                return Ok(());
            }
            if self.tells_packets && !reading.is_stopped && sink.is_done() {
                reading.is_stopped = true;
                if !reading.source.stop() {
                    break;
                }
            }
            reading.since_progress += 1;
            if reading.since_progress >= PROGRESS_EVERY {
                reading.since_progress = 0;
                let (read, of) = reading.source.progress();
                sink.progress(read, of);
                self.take_facts(&reading.source.about());
            }
            if self.is_look_due() {
                reading.source.refresh();
                self.take_facts(&reading.source.about());
                self.look(sink)?;
            }
            let record = match reading.source.next_record() {
                Ok(Some(record)) => record,
                Ok(None) => break,
                Err(error) => {
                    self.summary.error = Some(error.into());
                    break;
                }
            };
            let (number, at) = match &record {
                Record::Frame(frame) => (frame.number, frame.at),
                Record::Printed(packet) => (packet.number, packet.at),
                Record::Idle(at) => {
                    self.clock.pass(*at);
                    let at = *at;
                    if !self.is_watching {
                        sink.idle(at, &reading.source.about())?;
                        self.begin_watching(sink)?;
                    }
                    if at - self.told_idle >= IDLE_TOLD_EVERY {
                        self.told_idle = at;
                        let about = reading.source.about();
                        sink.idle(at, &about)?;
                    }
                    continue;
                }
            };
            if let (true, Record::Frame(frame)) = (self.settings.watching == Watching::Always, &record) {
                sink.frame(frame)?;
            }
            self.note_time(number, at);
            match reading.prefilter.passes(&record) {
                Ok(true) => {}
                Ok(false) => continue,
                Err(error) => {
                    self.summary.error = Some(error.into());
                    break;
                }
            }
            match record {
                Record::Frame(frame) => {
                    self.packet(&reading.decoder.decode(&frame), reading.prefilter.target(), sink)?;
                }
                Record::Printed(packet) => self.packet(&packet, reading.prefilter.target(), sink)?,
                Record::Idle(_) => {}
            }
        }
        reading.is_over = true;
        reading.source.refresh();
        self.summary.skipped += reading.prefilter.skipped();
        self.summary.fragments_given_up = reading.decoder.bounds_reached().total();
        self.end(reading.source.about(), sink)
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
        if self.tells_packets {
            sink.packet(packet)?;
        }
        let place = Place { moment: Moment { number: packet.number, at: packet.at }, origin: packet.origin };
        match &packet.content {
            Content::Segment(segment) => self.segment(place, segment, sink)?,
            Content::IcmpError(error) => self.icmp(place, error, sink)?,
            Content::Neighbour(neighbour) => self.neighbour(neighbour),
            Content::Other(other) => self.summary.count_other(other),
        }
        Ok(())
    }

    fn segment(&mut self, place: Place, segment: &Segment<'_>, sink: &mut dyn Sink) -> io::Result<()> {
        self.summary.segments += 1;
        let header = segment.header;
        let key = Key::of(header);
        let found = self.table.find(&key);
        if let Some(index) = found {
            self.inflate(index);
        }
        let index = match found {
            Some(index)
                if !self.table.tracked(index).is_some_and(|track| track.tcp.is_reopened_by(header)) =>
            {
                index
            }
            None if self.recently_closed.contains(&key, header) => return Ok(()),
            _ => {
                self.make_room(sink)?;
                match HalfOpen::of(place, segment) {
                    Some(half_open) if !self.is_watching => {
                        self.table.insert_half_open(key, half_open);
                        return Ok(());
                    }
                    _ => {}
                }
                let track = TrackedConnection::new(place, segment, self.settings);
                self.budget.begin(track.held());
                self.table.insert(key, track)
            }
        };
        if let Some(track) = self.table.tracked_mut(index) {
            if self.clock.stepped_since(track.story.so_far().last.number) {
                track.clock_stepped(place.moment);
            }
            track.segment(place, segment, &mut self.budget);
            track.share_certificates(|message| self.chains.share(message));
            if self.is_watching {
                tell_entry(track, place.moment, sink)?;
            }
        }
        Ok(())
    }

    /// Gives a connection of which only the SYN was seen its story.
    fn inflate(&mut self, index: usize) {
        if let Some(half_open) = self.table.half_open(index) {
            let track = TrackedConnection::from_half_open(half_open, self.settings, &mut self.budget);
            self.table.promote(index, track);
        }
    }

    fn icmp(&mut self, place: Place, error: &IcmpError<'_>, sink: &mut dyn Sink) -> io::Result<()> {
        let Some(index) = self.table.find_quoted(&error.quoted) else {
            self.summary.icmp_without_connection += 1;
            return Ok(());
        };
        self.inflate(index);
        let Some(track) = self.table.tracked_mut(index) else { return Ok(()) };
        if self.clock.stepped_since(track.story.so_far().last.number) {
            track.clock_stepped(place.moment);
        }
        track.icmp(place, error, &mut self.budget);
        if self.is_watching { tell_entry(track, place.moment, sink) } else { Ok(()) }
    }

    fn neighbour(&mut self, neighbour: &Neighbour) {
        self.summary.count_neighbour(neighbour);
    }

    /// Before another connection begins: those that are over leave where there are many, and the least informative ones where
    /// too much is kept.
    fn make_room(&mut self, sink: &mut dyn Sink) -> io::Result<()> {
        let bounds = &self.settings.bounds;
        let is_pressing = self.chosen.is_empty() && self.table.is_full(&self.budget, bounds);
        // While watching, those that are over leave by themselves.
        if !self.is_watching && (is_pressing || self.table.is_sweep_due(bounds)) {
            let now = self.clock.latest();
            let over = self.table.over(|track| track.is_settled(now));
            for index in over {
                self.let_go(index, sink)?;
            }
        }
        while self.table.is_full(&self.budget, bounds) {
            // One after the other as others begin, so that judging them goes on beside reading.
            match self.chosen.pop_front() {
                None => self.chosen = self.table.least_important(),
                Some(chosen) => {
                    if let Some(index) = self.table.if_unchanged(&chosen) {
                        self.summary.evicted += 1;
                        self.let_go(index, sink)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Judges a connection while others go on. What still comes of it is a leftover.
    fn let_go(&mut self, index: usize, sink: &mut dyn Sink) -> io::Result<()> {
        let Some(leaving) = self.table.remove(index) else { return Ok(()) };
        if let Leaving::Tracked(track) = &leaving {
            self.recently_closed.add(track.key, self.clock.latest());
        }
        self.leave(leaving, sink)
    }

    /// Judges a connection that left the table, or has it judged.
    fn leave(&mut self, leaving: Leaving, sink: &mut dyn Sink) -> io::Result<()> {
        let track = match leaving {
            Leaving::HalfOpen(half_open) => {
                let facts = self.facts_between(half_open.number(), half_open.number());
                if let Court::Apart(handover) = &mut self.court {
                    return handover.syn(half_open, facts);
                }
                TrackedConnection::from_half_open(&half_open, self.settings, &mut self.budget)
            }
            Leaving::Tracked(track) => *track,
        };
        self.budget.release(track.held());
        let facts = self.facts_for(track.story.so_far());
        let story = track.finish(facts);
        match &mut self.court {
            Court::Here(judging) => judging.end(story, sink),
            Court::Apart(handover) => handover.story(story),
        }
    }

    /// The capture ends here, and with it all connections.
    fn end(&mut self, about: About, sink: &mut dyn Sink) -> io::Result<()> {
        self.take_facts(&about);
        self.summary.end = self.clock.latest();
        self.summary.clock_steps = self.clock.steps();
        self.summary.holes_given_up = self.budget.holes_given_up;
        self.summary.timelines_given_up = self.budget.timelines_given_up;
        self.summary.messages_given_up = self.budget.messages_given_up;
        self.summary.chains_given_up = self.chains.given_up;
        self.summary.about = about;
        for index in self.table.all() {
            if let Some(leaving) = self.table.remove(index) {
                self.leave(leaving, sink)?;
            }
        }
        match &mut self.court {
            Court::Here(_) => Ok(()),
            Court::Apart(handover) => handover.flush(),
        }
    }

    fn into_summary(mut self) -> Summary {
        if let Court::Here(judging) = self.court {
            self.summary.take(judging.into_tally());
        }
        self.summary
    }

    /// What the capture lacks for a connection.
    fn facts_for(&self, so_far: &Story) -> CaptureFacts {
        let facts = self.facts_between(so_far.first.number, so_far.last.number);
        let Some(insight) = self.settings.insights.iter().find(|insight| insight.is_about(so_far)) else {
            return facts;
        };
        CaptureFacts {
            end: insight.closed.map_or(facts.end, |closed| closed.min(facts.end)),
            is_own: true,
            hides_acknowledgements: self.settings.viewpoint == Viewpoint::Socket
                && insight.hides_acknowledgements,
            ..facts
        }
    }

    /// What it lacks for a connection between two packets.
    fn facts_between(&self, first: u64, last: u64) -> CaptureFacts {
        CaptureFacts {
            end: self.clock.end_for(last),
            clock_step: self.clock.step_between(first, last),
            ..self.facts
        }
    }

    /// Takes in what is known of the capture by now.
    fn take_facts(&mut self, about: &About) {
        let before = self.facts;
        self.facts = CaptureFacts { viewpoint: self.settings.viewpoint, ..facts_of(about) };
        let drops_more = self.facts.dropped.unwrap_or(0) > before.dropped.unwrap_or(0);
        let drops_now = self.is_watching && drops_more;
        let seen_now = drops_now.then(|| self.clock.latest()).or(before.dropped_until);
        self.facts.dropped_until = about.dropped_until.or(seen_now);
    }
}

/// Hands on the packet that a story took in last, if it kept it.
fn tell_entry(track: &TrackedConnection, moment: Moment, sink: &mut dyn Sink) -> io::Result<()> {
    let story = track.story.so_far();
    match story.timeline.last() {
        Some(entry) if entry.moment == moment => sink.entry(story, entry),
        _ => Ok(()),
    }
}

fn facts_of(about: &About) -> CaptureFacts {
    CaptureFacts {
        end: Timestamp::ZERO,
        clock_step: None,
        clock: about.clock,
        digits: about.digits,
        dropped: about.dropped,
        dropped_until: None,
        is_text: about.files.iter().any(|file| file.is_text),
        viewpoint: Viewpoint::default(),
        is_own: false,
        hides_acknowledgements: false,
    }
}
