//! The flight recorder: the latest packets of a live capture, kept in memory and on disk within a bound, and a file of its
//! own for each connection that failed, from its SYN on.
//!
//! It knows frames and verdicts. It does not know where frames come from, and decides nothing about them.

mod ring;

use std::collections::{HashSet, VecDeque};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::analysis::Judged;
use crate::capture::{Frame, save};
use crate::limits;
use crate::packet::{Content, Origin, Packet};
use crate::report::{clock, json as report};
use crate::tcp::{Key, Role};
use crate::time::{Clock, Elapsed, Timestamp};
use crate::verdict::Severity;

use ring::DiskRing;

/// What is recorded, and where.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder for everything that is written.
    pub folder: PathBuf,
    /// Bytes of packets that are kept in memory, and as many on disk.
    pub size: u64,
    /// How much of what went on before a failed connection goes into its file.
    pub before: Elapsed,
    /// How much of what went on after its verdict.
    pub after: Elapsed,
    /// The device that is captured on.
    pub device: String,
    /// Bytes captured of each packet.
    pub snaplen: u32,
}

/// Keeps packets, and writes those of failed connections.
pub struct Recorder {
    settings: Settings,
    kept: VecDeque<Kept>,
    kept_bytes: u64,
    disk: DiskRing,
    awaited: Vec<Recording>,
    /// Connections that have a file, with their verdicts.
    recorded: HashSet<(u64, &'static str)>,
    dropped: u64,
    written: usize,
    troubles: Vec<String>,
}

/// A packet in memory.
struct Kept {
    number: u64,
    at: Timestamp,
    link_type: u32,
    wire_len: u32,
    bytes: Box<[u8]>,
    key: Option<Key>,
}

/// A failed connection whose file is written once enough has followed.
struct Recording {
    due: Timestamp,
    key: Key,
    first: u64,
    from: Timestamp,
    code: &'static str,
    evidence: Vec<u64>,
    comment: String,
    name: String,
    connection: Value,
}

/// What a packet in memory costs beside its bytes.
const OVERHEAD_BYTES: u64 = 96;

impl Recorder {
    /// Begins to record. What an earlier run left in its ring is kept under another name.
    ///
    /// # Errors
    /// When the folder can't be written.
    pub fn new(settings: Settings) -> io::Result<Self> {
        fs::create_dir_all(&settings.folder)?;
        let disk = DiskRing::begin(&settings)?;
        Ok(Self {
            settings,
            kept: VecDeque::new(),
            kept_bytes: 0,
            disk,
            awaited: Vec::new(),
            recorded: HashSet::new(),
            dropped: 0,
            written: 0,
            troubles: Vec::new(),
        })
    }

    /// Takes a frame as it was captured.
    pub fn frame(&mut self, frame: &Frame<'_>) {
        self.troubles.extend(self.disk.frame(frame));
        self.kept_bytes += frame.bytes.len() as u64 + OVERHEAD_BYTES;
        self.kept.push_back(Kept {
            number: frame.number,
            at: frame.at,
            link_type: frame.link_type,
            wire_len: frame.wire_len,
            bytes: frame.bytes.into(),
            key: None,
        });
        while self.kept_bytes > self.settings.size
            && let Some(oldest) = self.kept.pop_front()
        {
            self.kept_bytes -= oldest.bytes.len() as u64 + OVERHEAD_BYTES;
        }
        self.pass(frame.at);
    }

    /// Learns what the frame was that was taken last.
    pub fn packet(&mut self, packet: &Packet<'_>) {
        if let Content::Segment(segment) = &packet.content
            && let Some(kept) = self.kept.back_mut()
            && kept.number == packet.number
        {
            kept.key = Some(Key::of(&segment.header));
        }
    }

    /// Takes a verdict, as soon as it is known and when it is final. A failure gets a file.
    pub fn judged(&mut self, judged: &Judged) {
        let (story, verdict) = (&judged.story, &judged.verdict);
        if verdict.severity != Severity::Critical || !self.recorded.insert((story.first.number, verdict.code))
        {
            return;
        }
        if self.recorded.len() > limits::RECORDINGS {
            if self.recorded.len() == limits::RECORDINGS + 1 {
                let bound = limits::RECORDINGS;
                self.troubles.push(format!("{bound} failures have a file each; further ones get none"));
            }
            self.recorded.remove(&(story.first.number, verdict.code));
            return;
        }
        let party = |role: Role| &story.parties[role];
        let (client, server) = (party(Role::Client), party(Role::Server));
        let comment = format!(
            "ssmscope: {} (critical), {} port {} to {} port {}: {}. {}",
            verdict.code,
            client.address,
            client.port,
            server.address,
            server.port,
            verdict.headline,
            verdict.explanation
        );
        let started = clock::machine_readable(story.first.at, Clock::Utc, 0).unwrap_or_default();
        let started: String = started.chars().filter(char::is_ascii_alphanumeric).collect();
        self.awaited.push(Recording {
            due: story.capture.end.max(story.last.at) + self.settings.after,
            key: Key::between((client.address, client.port), (server.address, server.port)),
            first: story.first.number,
            from: Timestamp::from_nanos(story.first.at.nanos().saturating_sub(self.settings.before.nanos())),
            code: verdict.code,
            evidence: verdict.evidence.clone(),
            comment,
            name: format!("{started}-{}-{}", client.port, verdict.code),
            connection: report::connection_value(judged),
        });
    }

    /// Takes the packets in that were dropped by now.
    pub fn dropped(&mut self, dropped: u64) {
        self.dropped = dropped;
    }

    /// Time goes on: files that have waited for what follows are written.
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
        self.troubles.extend(self.disk.finish(self.dropped));
    }

    /// What there is to say of the recorder itself since the last time.
    pub fn news(&mut self) -> Vec<String> {
        std::mem::take(&mut self.troubles)
    }

    fn write_all(&mut self, recordings: Vec<Recording>) {
        for recording in recordings {
            match self.write(&recording) {
                Ok(file) => {
                    self.written += 1;
                    self.troubles.push(format!("{}: {} recorded", file.display(), recording.code));
                }
                Err(error) => self.troubles.push(format!(
                    "{}: {} could not be recorded: {error}; the analysis goes on",
                    self.settings.folder.display(),
                    recording.code
                )),
            }
        }
    }

    /// Writes a failed connection's file, and the JSON beside it. What could not be written whole is removed.
    fn write(&self, recording: &Recording) -> io::Result<PathBuf> {
        let (path, file) = create(&self.settings.folder, &recording.name, "pcapng")?;
        let written = self.write_packets(recording, file).and_then(|evidence| {
            let object = json!({
                "type": "recording",
                "schema": 1,
                "file": path.file_name().map(|name| name.to_string_lossy().into_owned()),
                "evidence": evidence,
                "is_whole": self.holds_from(recording),
                "connection": recording.connection,
            });
            let beside = path.with_extension("json");
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
            let written = writeln!(file, "{object}");
            if written.is_err() {
                let _ = fs::remove_file(&beside);
            }
            written
        });
        match written {
            Ok(()) => Ok(path),
            Err(error) => {
                let _ = fs::remove_file(&path);
                Err(error)
            }
        }
    }

    /// Writes the packets with what they prove. The numbers that the evidence has in this file.
    fn write_packets(&self, recording: &Recording, file: File) -> io::Result<Vec<u64>> {
        let missing = if self.holds_from(recording) {
            ""
        } else {
            " The connection's first packets are missing here: the recorder's bound was reached before the verdict."
        };
        let comment = format!("{}{missing}", recording.comment);
        let mut writer =
            save::Writer::new(file, &self.settings.device, self.settings.snaplen, Some(&comment))?;
        let mut evidence = Vec::new();
        let mut count = 0;
        let is_wanted = |kept: &&Kept| {
            let is_own = kept.key == Some(recording.key) && kept.number >= recording.first;
            is_own || (kept.at >= recording.from && kept.at <= recording.due)
        };
        let mut last = Timestamp::ZERO;
        for kept in self.kept.iter().filter(is_wanted) {
            count += 1;
            last = last.max(kept.at);
            let proves = recording.evidence.contains(&kept.number);
            let comment = proves.then(|| {
                format!("ssmscope: shows {} (packet {} of the live capture)", recording.code, kept.number)
            });
            if proves {
                evidence.push(count);
            }
            let frame = Frame {
                number: count,
                origin: Origin::default(),
                at: kept.at,
                link_type: kept.link_type,
                wire_len: kept.wire_len,
                bytes: &kept.bytes,
            };
            writer.frame(&frame, comment.as_deref())?;
        }
        writer.statistics(last, self.dropped)?;
        Ok(evidence)
    }

    /// Whether the connection's first packet is still kept.
    fn holds_from(&self, recording: &Recording) -> bool {
        self.kept.front().is_some_and(|oldest| oldest.number <= recording.first)
    }
}

/// A new file with a name of this kind; one that is there is never written over.
fn create(folder: &Path, name: &str, extension: &str) -> io::Result<(PathBuf, File)> {
    for attempt in 1..=limits::RECORDINGS {
        let suffix = if attempt == 1 { String::new() } else { format!("-{attempt}") };
        let path = folder.join(format!("{name}{suffix}.{extension}"));
        let beside = path.with_extension("json");
        if beside.exists() {
            continue;
        }
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => return other.map(|file| (path, file)),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}
