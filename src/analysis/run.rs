//! The loop: records of a capture, one after the other, to its end.

use std::io;
use std::thread::Scope;

use super::facts::Facts;
use super::judge::{Judge, SharedExaminer};
use super::lookups::{self, Questions};
use super::shares::{Pace, Shares};
use super::watch::Watch;
use super::{Event, Needs, Settings, Summary, Watching};
use crate::capture::{About, Prefilter, Record, Source, Target};
use crate::decode::{self, Decoder};
use crate::packet::{Content, Packet};
use crate::story::{Moment, PacketId};
use crate::time::{Elapsed, Timestamp};

/// Records between two reports of progress: often enough for a bar that moves, seldom enough to cost nothing.
const PROGRESS_EVERY: u32 = 4096;

/// How often it is reported that no packet came.
const IDLE_EVERY: Elapsed = Elapsed::from_millis(100);

/// A capture on its way through selection and decoding.
pub(super) struct Input<'a> {
    source: &'a mut dyn Source,
    prefilter: Prefilter,
    decoder: Decoder,
}

impl<'a> Input<'a> {
    /// The packets of `source` that `target` admits.
    pub(super) fn of(source: &'a mut dyn Source, target: Target) -> Self {
        Self { source, prefilter: Prefilter::new(target, decode::as_ethernet), decoder: Decoder::new() }
    }
}

/// One capture being analysed.
pub(super) struct Run<'env> {
    settings: &'env Settings,
    /// Whether packets are reported.
    reports_packets: bool,
    facts: Facts<'env>,
    shares: Shares<'env>,
    watch: Watch<'env>,
    summary: Summary,
    /// Packets that the selection admitted.
    admitted: u64,
    /// When it was last reported that no packet came.
    idle_at: Timestamp,
}

impl<'env> Run<'env> {
    /// Creates the run for this capture and a sink with these needs; connections that end go to `judge`.
    pub(super) fn new<'scope>(
        scope: &'scope Scope<'scope, 'env>,
        settings: &'env Settings,
        about: &About,
        (examiner, needs): (SharedExaminer, Needs),
        judge: Box<dyn Judge + 'env>,
    ) -> Self {
        let is_text = about.files.iter().any(|file| file.is_text);
        let pace = match settings.watching {
            Watching::Always => Pace::Watched,
            _ if is_text || needs.packets => Pace::AtOnce,
            _ => Pace::Rounds,
        };
        Self {
            settings,
            reports_packets: needs.packets,
            facts: Facts::new(settings),
            shares: Shares::new(scope, settings, about, pace, judge),
            watch: Watch::new(settings, examiner, needs),
            summary: Summary { has_window: settings.window.is_some(), ..Summary::default() },
            admitted: 0,
            idle_at: Timestamp::ZERO,
        }
    }

    /// Reads to the capture's end, or to where `stop` says so, where all connections leave.
    pub(super) fn read_to_end(
        mut self,
        mut input: Input<'_>,
        stop: &dyn Fn() -> bool,
    ) -> io::Result<Summary> {
        let mut is_stopped = false;
        let mut since_progress = 0;
        loop {
            if !is_stopped && stop() {
                is_stopped = true;
                if !input.source.stop() {
                    break;
                }
            }
            since_progress += 1;
            if since_progress >= PROGRESS_EVERY {
                since_progress = 0;
                let (read, of) = input.source.progress();
                self.shares.event(&Event::Progress(read, of))?;
                self.record_source(input.source);
            }
            if self.shares.pace().is_watched() && self.watch.is_due(&self.facts) {
                input.source.refresh();
                self.record_source(input.source);
                self.watch.look(&mut self.shares, &mut self.facts)?;
            }
            let record = match input.source.next_record() {
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
                    let at = *at;
                    self.idle(at, input.source)?;
                    continue;
                }
                Record::NextCapture => {
                    self.record_source(input.source);
                    self.shares.end(&mut self.facts)?;
                    self.facts.begin_part();
                    continue;
                }
            };
            if let (Watching::Always, Record::Frame(frame)) = (self.settings.watching, &record) {
                self.shares.event(&Event::Frame(frame))?;
            }
            self.record_time(number, at);
            match input.prefilter.passes(&record) {
                Ok(true) => {}
                Ok(false) => continue,
                Err(error) => {
                    self.summary.error = Some(error.into());
                    break;
                }
            }
            let target = input.prefilter.target();
            match record {
                Record::Frame(frame) => self.packet(&input.decoder.decode(&frame), target)?,
                Record::Printed(packet) => self.packet(&packet, target)?,
                Record::Idle(_) | Record::NextCapture => {}
            }
            if self.settings.most_packets.is_some_and(|most| self.admitted >= most) {
                break;
            }
        }
        self.end(&mut input)
    }

    /// No packet came for a moment.
    #[cold]
    fn idle(&mut self, at: Timestamp, source: &dyn Source) -> io::Result<()> {
        self.facts.record_time(at);
        let begins = self.settings.watching == Watching::WhenIdle && !self.shares.pace().is_watched();
        if begins {
            self.shares.stop_rounds()?;
        }
        if begins || at - self.idle_at >= IDLE_EVERY {
            self.idle_at = at;
            self.shares.event(&Event::Idle(at, &source.about()))?;
        }
        if begins { self.shares.begin_watching() } else { Ok(()) }
    }

    fn record_time(&mut self, number: u64, at: Timestamp) {
        if self.summary.packets == 0 {
            self.summary.begin = at;
        }
        self.summary.packets += 1;
        self.facts.record_packet(number, at);
    }

    #[cold]
    fn record_source(&mut self, source: &dyn Source) {
        self.facts.record_source(&source.about(), self.shares.pace().is_watched());
    }

    fn packet(&mut self, packet: &Packet<'_>, target: &Target) -> io::Result<()> {
        let moment = Moment { number: packet.number, at: packet.at };
        if let Content::Segment(segment) = &packet.content
            && let Some(lookup) = decode::lookup_over_tcp(segment)
        {
            let content = Content::Lookup(Box::new(lookup));
            if target.admits(&Packet { content: content.clone(), ..*packet }) {
                self.summary.record_lookup(&content, moment);
            }
        }
        if !target.admits(packet) {
            self.summary.skipped += 1;
            return Ok(());
        }
        self.admitted += 1;
        if self.reports_packets {
            self.shares.event(&Event::Packet(packet))?;
        }
        let (direction, filtered) = (packet.direction, packet.filtered);
        let id = PacketId { moment, origin: packet.origin, names: packet.names, direction, filtered };
        match &packet.content {
            Content::Segment(segment) => {
                self.summary.count_segment(segment.header.tcp.flags);
                self.facts.record_flags(segment.header.tcp.flags);
                self.shares.segment(id, segment, &self.facts)?;
            }
            Content::IcmpError(error) => {
                self.shares.icmp(id, error, &self.facts)?;
            }
            content => {
                self.facts.record_other(content, moment.number);
                self.summary.count_unconnected(content, moment, packet.names);
            }
        }
        Ok(())
    }

    /// The capture ends here, and with it all connections.
    #[cold]
    fn end(mut self, input: &mut Input<'_>) -> io::Result<Summary> {
        input.source.refresh();
        self.record_source(input.source);
        self.shares.end(&mut self.facts)?;
        self.shares.count_bounds_reached(&mut self.summary);
        self.summary.about = input.source.about();
        self.summary.skipped += input.prefilter.skipped();
        self.summary.fragments_given_up = input.decoder.bounds_reached().total();
        self.summary.end = self.facts.clock().latest();
        self.summary.clock_steps = self.facts.clock().steps();
        let tally = self.shares.finish()?;
        self.summary.take(tally);
        let stall_after = self.settings.judging.stall_after;
        let questions = Questions {
            lookups: &self.summary.lookups,
            neighbours: &self.summary.neighbours,
            names: &self.summary.names,
            has_connections: self.summary.connections > 0,
            end: self.summary.end,
        };
        self.summary.unanswered = lookups::unanswered(questions, input.prefilter.target(), stall_after);
        Ok(self.summary)
    }
}
