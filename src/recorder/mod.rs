//! The flight recorder: the latest packets of a live capture, kept in memory and on disk within a bound, and a file of its
//! own for each connection that failed, from its SYN on.
//!
//! It knows frames and verdicts. It does not know where frames come from, and decides nothing about them.
//!
//! The capture copies frames into a batch, and hands batches to a thread of the recorder's own by a bounded queue. That thread
//! selects the packets of all failures that are due in one pass, and writes. The capture never waits for it: what finds the queue full is
//! not recorded, which is counted and reported.

mod batch;
mod counts;
mod failures;
mod files;
mod frames;
mod keeper;
mod memory;
mod quota;
mod recording;
mod ring;
mod selection;
#[cfg(test)]
mod tests;
mod writing;

use std::collections::{HashSet, VecDeque};
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, TrySendError, channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::analysis::Judged;
use crate::capture::Frame;
use crate::limits;
use crate::packet::Packet;
use crate::tcp::Role;
use crate::time::{Elapsed, Timestamp};
use crate::verdict::{Code, Severity};
use batch::Batch;
use counts::{Counts, add};
use keeper::Keeper;
use quota::Quota;
use recording::Recording;

/// What is recorded, and where.
#[derive(Clone, Debug)]
pub struct RecorderSettings {
    /// The folder for everything that is written.
    pub folder: PathBuf,
    /// Bytes of packets that are kept in memory, and of everything in the folder.
    pub size: u64,
    /// Failures of one server and verdict that get files in an hour.
    pub per_hour: u64,
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
    /// What else a file's reader should know.
    pub remark: Option<&'static str>,
}

impl RecorderSettings {
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

    /// Bytes of packets in a batch. Packets leave memory by batches, so one is a small part of it.
    fn batch(&self) -> u64 {
        (self.size / 32).min(limits::RECORDER_BATCH_BYTES)
    }
}

/// How long packets are gathered, by the capture's clock, before they are handed over.
const GATHERED: Elapsed = Elapsed::from_millis(100);

/// How long a full queue is left alone at the end.
const PAUSE: Duration = Duration::from_millis(2);

/// A recorder that has its folder and no thread yet. It can be made where files may still be created anywhere, and
/// [started](Prepared::start) where rights have ended.
pub struct Prepared {
    settings: RecorderSettings,
    keeper: Keeper,
    counts: Arc<Counts>,
    news: Receiver<String>,
    reports: Sender<String>,
}

impl Prepared {
    /// Makes the folder, and opens the ring in it. What an earlier run left in its ring is kept under another name.
    ///
    /// # Errors
    /// When the folder can't be written.
    pub fn new(settings: RecorderSettings) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(&settings.folder)?;
        let counts = Arc::<Counts>::default();
        let (reports, news) = channel();
        let keeper = Keeper::begin(&settings, Arc::clone(&counts), reports.clone())?;
        Ok(Self { settings, keeper, counts, news, reports })
    }

    /// Starts the thread, which first does what `begins` says.
    ///
    /// # Errors
    /// When there can't be another thread.
    pub fn start(self, begins: impl FnOnce() + Send + 'static) -> io::Result<Recorder> {
        let (queue, received) = sync_channel(limits::RECORDER_BATCHES);
        let (end, ended) = channel();
        let (recorder, keeper) = self.apart(queue, ended);
        thread::Builder::new().name("recorder".to_owned()).spawn(move || {
            begins();
            keeper.run(&received);
            drop(end);
        })?;
        Ok(recorder)
    }

    /// What the capture has of it, which fills the queue, and what the thread has.
    fn apart(self, queue: SyncSender<Batch>, ended: Receiver<()>) -> (Recorder, Keeper) {
        let Self { settings, keeper, counts, news, reports } = self;
        let recorder = Recorder {
            quota: Quota::of(settings.per_hour),
            settings,
            batch: Batch::default(),
            sent_at: None,
            queue: Some(queue),
            ended,
            recorded: HashSet::new(),
            in_order: VecDeque::new(),
            counts,
            news,
            reports,
        };
        (recorder, keeper)
    }
}

/// Takes in what is captured, and has its thread write the packets of failed connections.
pub struct Recorder {
    settings: RecorderSettings,
    /// What is handed over next.
    batch: Batch,
    /// When the last one was handed over.
    sent_at: Option<Timestamp>,
    queue: Option<SyncSender<Batch>>,
    /// Is disconnected when the thread has ended.
    ended: Receiver<()>,
    quota: Quota,
    /// Connections that have a file, or none by the quota, with their verdicts.
    recorded: HashSet<(u64, Code)>,
    /// The same, the oldest first.
    in_order: VecDeque<(u64, Code)>,
    counts: Arc<Counts>,
    news: Receiver<String>,
    reports: Sender<String>,
}

impl Recorder {
    /// Takes a frame as it was captured.
    pub fn frame(&mut self, frame: &Frame<'_>) {
        if self.batch.frames.cost() >= self.settings.batch() {
            self.hand_over();
        }
        if self.batch.frames.cost() >= self.settings.batch() {
            self.batch.lost = Some(frame.number);
            if add(&self.counts.packets, 1) == 0 {
                self.report(
                    "the disk is too slow: packets are missing from the recordings; the analysis continues",
                );
            }
        } else {
            self.batch.frames.push(frame);
        }
        self.pass_by(frame.at, GATHERED);
    }

    /// Learns what the frame was that was taken last.
    pub fn packet(&mut self, packet: &Packet<'_>) {
        self.batch.frames.on_packet(packet);
    }

    /// Takes a verdict, as soon as it is known and when it is final. A failure gets a file, unless its server had enough of them in
    /// this hour.
    pub fn judged(&mut self, judged: &Judged) {
        let (story, verdict) = (&judged.story, &judged.verdict);
        self.batch.dropped = self.batch.dropped.max(story.capture.dropped.unwrap_or(0));
        let recording = (story.first.number, verdict.code);
        if verdict.severity != Severity::Critical || !self.recorded.insert(recording) {
            return;
        }
        self.in_order.push_back(recording);
        if self.in_order.len() > limits::RECORDED_VERDICTS
            && let Some(oldest) = self.in_order.pop_front()
        {
            self.recorded.remove(&oldest);
        }
        let server = &story.parties[Role::Server];
        if !self.quota.admits(server.host, server.port, verdict.code, story.last.at) {
            if add(&self.counts.beyond_quota, 1) == 0 {
                let (host, port, most) = (story.host(Role::Server), server.port, self.settings.per_hour);
                self.report(&format!(
                    "{host} port {port}: --record-per-hour reached ({most}); further failures of this kind get no files \
                     this hour"
                ));
            }
            return;
        }
        if self.batch.failures.len() >= limits::RECORDINGS_IN_BATCH {
            self.hand_over();
        }
        if self.batch.failures.len() < limits::RECORDINGS_IN_BATCH {
            self.batch.failures.push(Recording::of(judged, &self.settings));
        } else if add(&self.counts.too_many, 1) == 0 {
            self.report("the disk is too slow: failures get no files meanwhile; the analysis continues");
        }
    }

    /// Takes in how many packets were dropped by now.
    pub fn dropped(&mut self, dropped: u64) {
        self.batch.dropped = self.batch.dropped.max(dropped);
    }

    /// No packet has come for a moment, and the capture's time has come this far.
    pub fn pass(&mut self, now: Timestamp) {
        self.pass_by(now, Elapsed::ZERO);
    }

    /// Has everything written that still waits, as far as [`limits::RECORDER_ENDS_WITHIN`] allows; nothing more comes.
    pub fn finish(&mut self) {
        self.finish_within(limits::RECORDER_ENDS_WITHIN);
    }

    fn finish_within(&mut self, most: Duration) {
        let until = Instant::now() + most;
        self.batch.ends = Some(until);
        while self.queue.is_some() && Instant::now() < until {
            if self.hand_over() {
                break;
            }
            thread::sleep(PAUSE);
        }
        self.queue = None;
        // A file that is being written then is finished.
        let left = until.saturating_duration_since(Instant::now()) + most / 10;
        if self.ended.recv_timeout(left) == Err(RecvTimeoutError::Timeout) {
            add(&self.counts.late, self.batch.failures.len() as u64);
            self.report("the disk is too slow: what was not recorded by now is lost");
        }
    }

    /// What the recorder has to report of itself since the last time: files written, and failures to write.
    pub fn news(&mut self) -> impl Iterator<Item = String> {
        self.news.try_iter()
    }

    /// How many failures were recorded, and how many were not and why, in a sentence.
    pub fn counted(&self) -> String {
        self.counts.sentence()
    }

    /// Whether a failure has no file, or packets are missing.
    pub fn lacks_some(&self) -> bool {
        self.counts.lack_some()
    }

    fn pass_by(&mut self, now: Timestamp, gathered: Elapsed) {
        let is_early = |sent: Timestamp| now >= sent && now - sent < gathered;
        let sent = *self.sent_at.get_or_insert(now);
        if is_early(sent) {
            return;
        }
        self.batch.now = Some(now);
        self.hand_over();
        self.sent_at = Some(now);
    }

    /// Hands the batch over, unless the queue is full. Returns whether it is gone.
    fn hand_over(&mut self) -> bool {
        let Some(queue) = &self.queue else { return false };
        let dropped = self.batch.dropped;
        match queue.try_send(std::mem::take(&mut self.batch)) {
            Ok(()) => {
                self.batch.dropped = dropped;
                true
            }
            Err(TrySendError::Full(batch)) => {
                self.batch = batch;
                false
            }
            Err(TrySendError::Disconnected(batch)) => {
                self.batch = batch;
                self.queue = None;
                self.report("the recorder has ended; the analysis continues");
                false
            }
        }
    }

    fn report(&self, news: &str) {
        // The receiver is here.
        let _ = self.reports.send(format!("--record: {news}"));
    }
}
