//! The flight recorder: the latest packets of a live capture, kept in memory and on disk within a bound, and a file of its
//! own for each connection that failed, from its SYN on.
//!
//! It knows frames and verdicts. It does not know where frames come from, and decides nothing about them.

mod failures;
mod memory;
mod recording;
mod ring;
#[cfg(test)]
mod tests;

use std::collections::{HashSet, VecDeque};
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use crate::analysis::Judged;
use crate::capture::Frame;
use crate::limits;
use crate::packet::Packet;
use crate::time::{Elapsed, Timestamp};
use crate::verdict::{Code, Severity};
use failures::Failures;
use memory::Memory;
use recording::Recording;
use ring::DiskRing;

/// What is recorded, and where.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder for everything that is written.
    pub folder: PathBuf,
    /// Bytes of packets that are kept in memory, and of everything in the folder.
    pub size: u64,
    /// Whether a failed connection's file has the packets of other connections too.
    pub with_others: bool,
    /// How much of what happened before a failed connection goes into its file.
    pub before: Elapsed,
    /// How much of what happened after its verdict.
    pub after: Elapsed,
    /// The device that is captured on.
    pub device: String,
    /// Bytes captured of each packet.
    pub snaplen: u32,
}

impl Settings {
    /// Bytes of one of the two files of the ring. What an earlier run left of it is kept too, so this is an eighth.
    fn ring_file(&self) -> u64 {
        self.size / 8
    }

    /// Bytes of all failures' files.
    fn failures(&self) -> u64 {
        self.size / 2
    }

    /// Bytes of a connection's own packets, so that the description of the connection has room as well.
    fn most_of_a_failure(&self) -> u64 {
        self.failures() * 3 / 4
    }
}

/// Keeps packets, and writes those of failed connections.
pub struct Recorder {
    settings: Settings,
    memory: Memory,
    disk: DiskRing,
    awaited: Vec<Recording>,
    failures: Failures,
    /// Connections that have a file, with their verdicts.
    recorded: HashSet<(u64, Code)>,
    /// The same, the oldest first.
    in_order: VecDeque<(u64, Code)>,
    /// Whether it was reported that more failures wait for their files than may.
    reported_bound: bool,
    dropped: u64,
    /// Bytes of other connections' packets that may be written.
    others_left: u64,
    news: Vec<String>,
}

/// How often a packet may be written into files of connections that are not its own, on average; as many rings of them may
/// be written at once. Many failures in heavy traffic would otherwise keep the recorder from capturing, and fill the disk.
const OTHERS_SHARE: u64 = 4;

impl Recorder {
    /// Begins to record. What an earlier run left in its ring is kept under another name.
    ///
    /// # Errors
    /// When the folder can't be written.
    pub fn new(settings: Settings) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(&settings.folder)?;
        let disk = DiskRing::begin(&settings)?;
        let failures = Failures::in_folder(&settings)?;
        let others_most = settings.size.saturating_mul(OTHERS_SHARE);
        Ok(Self {
            memory: Memory::of(settings.size),
            settings,
            disk,
            awaited: Vec::new(),
            failures,
            recorded: HashSet::new(),
            in_order: VecDeque::new(),
            reported_bound: false,
            dropped: 0,
            others_left: others_most,
            news: Vec::new(),
        })
    }

    /// Takes a frame as it was captured.
    pub fn frame(&mut self, frame: &Frame<'_>) {
        self.news.extend(self.disk.frame(frame));
        let others_most = self.settings.size.saturating_mul(OTHERS_SHARE);
        self.others_left = others_most.min(self.others_left + OTHERS_SHARE * frame.bytes.len() as u64);
        self.memory.push(frame);
        self.pass(frame.at);
    }

    /// Learns what the frame was that was taken last.
    pub fn packet(&mut self, packet: &Packet<'_>) {
        self.memory.on_packet(packet);
    }

    /// Takes a verdict, as soon as it is known and when it is final. A failure gets a file.
    pub fn judged(&mut self, judged: &Judged) {
        let (story, verdict) = (&judged.story, &judged.verdict);
        self.dropped = self.dropped.max(story.capture.dropped.unwrap_or(0));
        let recording = (story.first.number, verdict.code);
        if verdict.severity != Severity::Critical || self.recorded.contains(&recording) {
            return;
        }
        if self.awaited.len() >= limits::RECORDINGS {
            if !std::mem::replace(&mut self.reported_bound, true) {
                let bound = limits::RECORDINGS;
                self.news
                    .push(format!("{bound} failures wait for their files; further ones get none meanwhile"));
            }
            return;
        }
        self.recorded.insert(recording);
        self.in_order.push_back(recording);
        if self.in_order.len() > limits::RECORDED_VERDICTS
            && let Some(oldest) = self.in_order.pop_front()
        {
            self.recorded.remove(&oldest);
        }
        self.awaited.push(Recording::of(judged, &self.settings));
    }

    /// Takes in how many packets were dropped by now.
    pub fn dropped(&mut self, dropped: u64) {
        self.dropped = dropped;
    }

    /// The capture's time has come this far: files that have waited for what follows are written.
    pub fn pass(&mut self, now: Timestamp) {
        if self.awaited.iter().all(|recording| recording.due > now) {
            return;
        }
        let (due, awaited) =
            std::mem::take(&mut self.awaited).into_iter().partition(|recording| recording.due <= now);
        self.awaited = awaited;
        self.write_all(due);
    }

    /// Writes what still waits; nothing more comes.
    pub fn finish(&mut self) {
        let awaited = std::mem::take(&mut self.awaited);
        self.write_all(awaited);
        self.news.extend(self.disk.finish(self.dropped));
    }

    /// What the recorder has to report of itself since the last time: files written, and failures to write.
    pub fn news(&mut self) -> Vec<String> {
        std::mem::take(&mut self.news)
    }

    fn write_all(&mut self, recordings: Vec<Recording>) {
        for recording in recordings {
            let others = recording.cost_of_others(&self.memory);
            let has_room = others + recording.cost(&self.memory) <= self.settings.most_of_a_failure();
            let with_others = self.settings.with_others && has_room && others <= self.others_left;
            if with_others {
                self.others_left -= others;
            }
            let written = recording.write(&self.memory, &self.settings, with_others, self.dropped);
            match written {
                Ok(file) => {
                    self.news.push(format!("{}: {} recorded", file.display(), recording.code));
                    self.news.extend(self.failures.add(file));
                }
                Err(error) => self.news.push(format!(
                    "{}: {} could not be recorded: {error}; the analysis goes on",
                    self.settings.folder.display(),
                    recording.code
                )),
            }
        }
    }
}
