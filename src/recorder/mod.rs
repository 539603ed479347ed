//! The flight recorder: the latest packets of a live capture, kept in memory and on disk within a bound, and a file of its
//! own for each connection that failed, from its SYN on.
//!
//! It knows frames and verdicts. It does not know where frames come from, and decides nothing about them.

mod ring;

use std::collections::{HashSet, VecDeque};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::analysis::Judged;
use crate::capture::{Frame, save};
use crate::limits;
use crate::packet::{Content, Origin, Packet};
use crate::report::machine::json as report;
use crate::report::text::clock;
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
    /// Whether it was said that further failures get no file.
    told_bound: bool,
    dropped: u64,
    /// Bytes of other connections' packets that may be written.
    others_left: u64,
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

impl Kept {
    /// What it costs in memory, in bytes.
    fn cost(&self) -> u64 {
        self.bytes.len() as u64 + OVERHEAD_BYTES
    }
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

impl Recording {
    /// Whether a packet is the connection's, an error about one of its, or evidence.
    fn owns(&self, kept: &Kept) -> bool {
        let is_own = kept.key == Some(self.key) && kept.number >= self.first;
        is_own || self.evidence.contains(&kept.number)
    }

    /// Whether a packet is another's, of the time that the file is to show.
    fn surrounds(&self, kept: &Kept) -> bool {
        !self.owns(kept) && kept.at >= self.from && kept.at <= self.due
    }
}

/// How often a packet may be written into files of connections that are not its own, on average; as many rings of them may
/// be written at once. Many failures in heavy traffic would otherwise keep the recorder from capturing, and fill the disk.
const OTHERS_SHARE: u64 = 4;

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
        let others_most = settings.size.saturating_mul(OTHERS_SHARE);
        Ok(Self {
            settings,
            kept: VecDeque::new(),
            kept_bytes: 0,
            disk,
            awaited: Vec::new(),
            recorded: HashSet::new(),
            told_bound: false,
            dropped: 0,
            others_left: others_most,
            troubles: Vec::new(),
        })
    }

    /// Takes a frame as it was captured.
    pub fn frame(&mut self, frame: &Frame<'_>) {
        self.troubles.extend(self.disk.frame(frame));
        let others_most = self.settings.size.saturating_mul(OTHERS_SHARE);
        self.others_left = others_most.min(self.others_left + OTHERS_SHARE * frame.bytes.len() as u64);
        let kept = Kept {
            number: frame.number,
            at: frame.at,
            link_type: frame.link_type,
            wire_len: frame.wire_len,
            bytes: frame.bytes.into(),
            key: None,
        };
        self.kept_bytes += kept.cost();
        self.kept.push_back(kept);
        while self.kept_bytes > self.settings.size
            && let Some(oldest) = self.kept.pop_front()
        {
            self.kept_bytes -= oldest.cost();
        }
        self.pass(frame.at);
    }

    /// Learns what the frame was that was taken last.
    pub fn packet(&mut self, packet: &Packet<'_>) {
        let key = match &packet.content {
            Content::Segment(segment) => Key::of(segment.header),
            Content::IcmpError(error) => {
                let quoted = &error.quoted;
                let (Some(from), Some(to)) = (quoted.source_port, quoted.destination_port) else { return };
                Key::between((quoted.source, from), (quoted.destination, to))
            }
            _ => return,
        };
        if let Some(kept) = self.kept.back_mut()
            && kept.number == packet.number
        {
            kept.key = Some(key);
        }
    }

    /// Takes a verdict, as soon as it is known and when it is final. A failure gets a file.
    pub fn judged(&mut self, judged: &Judged) {
        let (story, verdict) = (&judged.story, &judged.verdict);
        self.dropped = self.dropped.max(story.capture.dropped.unwrap_or(0));
        let recording = (story.first.number, verdict.code);
        if verdict.severity != Severity::Critical || self.recorded.contains(&recording) {
            return;
        }
        if self.recorded.len() >= limits::RECORDINGS {
            if !std::mem::replace(&mut self.told_bound, true) {
                let bound = limits::RECORDINGS;
                self.troubles.push(format!("{bound} failures have a file each; further ones get none"));
            }
            return;
        }
        self.recorded.insert(recording);
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
                Ok(file) => self.troubles.push(format!("{}: {} recorded", file.display(), recording.code)),
                Err(error) => self.troubles.push(format!(
                    "{}: {} could not be recorded: {error}; the analysis goes on",
                    self.settings.folder.display(),
                    recording.code
                )),
            }
        }
    }

    /// Writes a failed connection's file, and the JSON beside it. What could not be written whole is removed.
    fn write(&mut self, recording: &Recording) -> io::Result<PathBuf> {
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
    fn write_packets(&mut self, recording: &Recording, file: File) -> io::Result<Vec<u64>> {
        let others: u64 = self.kept.iter().filter(|kept| recording.surrounds(kept)).map(Kept::cost).sum();
        let has_others = others <= self.others_left;
        if has_others {
            self.others_left -= others;
        }
        let mut comment = recording.comment.clone();
        if !self.holds_from(recording) {
            comment += " The connection's first packets are missing here: the recorder's bound was reached before the verdict.";
        }
        if !has_others {
            comment +=
                " Other connections' packets are left out: too much was written of them for other failures.";
        }
        let out = BufWriter::new(file);
        let mut writer =
            save::Writer::new(out, &self.settings.device, self.settings.snaplen, Some(&comment))?;
        let mut evidence = Vec::new();
        let mut count = 0;
        let is_wanted = |kept: &&Kept| recording.owns(kept) || (has_others && recording.surrounds(kept));
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
        writer.into_inner().flush()?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::{self, Event, Settings as Analysis, Sink, Watching};
    use crate::capture::{self, Record, Target};

    const MEBIBYTE: u64 = 1024 * 1024;

    fn settings(folder: &Path) -> Settings {
        Settings {
            folder: folder.to_owned(),
            size: MEBIBYTE,
            before: Elapsed::from_millis(10_000),
            after: Elapsed::from_millis(1_000),
            device: "eth0".to_owned(),
            snaplen: 262_144,
        }
    }

    /// Records what an analysis tells of a capture.
    struct Recording(Recorder);

    impl Sink for Recording {
        fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
            match event {
                Event::Frame(frame) => self.0.frame(frame),
                Event::Packet(packet) => self.0.packet(packet),
                _ => {}
            }
            Ok(())
        }

        fn connection(&mut self, judged: Judged) -> io::Result<()> {
            self.0.judged(&judged);
            Ok(())
        }
    }

    fn record(capture: &str, recorder: Recorder) -> Recorder {
        let file = format!("{}/testdata/{capture}", env!("CARGO_MANIFEST_DIR"));
        let mut source = capture::open(&[file]).unwrap();
        let mut sink = Recording(recorder);
        let everything = Target::new(&[], &[], None).unwrap();
        let settings = Analysis { watching: Watching::Always, ..Analysis::default() };
        analysis::analyse(source.as_mut(), everything, &settings, &mut sink).unwrap();
        sink.0
    }

    fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
        let mut files: Vec<_> =
            entries.filter(|path| path.extension().is_some_and(|found| found == extension)).collect();
        files.sort();
        files
    }

    #[test]
    fn a_failure_is_written_with_all_its_packets_and_never_over_another_file() {
        let folder = tempfile::tempdir().unwrap();
        for run in 1..=2 {
            let mut recorder =
                record("refused/plain/capture.pcapng", Recorder::new(settings(folder.path())).unwrap());
            recorder.finish();
            let objects = files(folder.path(), "json");
            assert_eq!(objects.len(), run);
            let object: Value = serde_json::from_slice(&fs::read(&objects[0]).unwrap()).unwrap();
            assert_eq!(object["connection"]["verdict"]["code"], "refused");
            assert_eq!((&object["is_whole"], &object["evidence"]), (&json!(true), &json!([1, 2])));
        }
        let mut written = capture::open(&files(folder.path(), "pcapng")[..1]).unwrap();
        let mut count = 0;
        while let Some(Record::Frame(_)) = written.next_record().unwrap() {
            count += 1;
        }
        assert!(count >= 2);
    }

    #[test]
    fn a_healthy_connection_gets_no_file() {
        let folder = tempfile::tempdir().unwrap();
        record("healthy/plain/capture.pcap", Recorder::new(settings(folder.path())).unwrap()).finish();
        assert!(files(folder.path(), "json").is_empty());
    }

    #[test]
    fn the_bound_on_files_is_told_once() {
        struct Last(Option<Judged>);
        impl Sink for Last {
            fn connection(&mut self, judged: Judged) -> io::Result<()> {
                self.0 = Some(judged);
                Ok(())
            }
        }
        let file = format!("{}/testdata/refused/plain/capture.pcapng", env!("CARGO_MANIFEST_DIR"));
        let mut last = Last(None);
        let everything = Target::new(&[], &[], None).unwrap();
        let mut source = capture::open(&[file]).unwrap();
        analysis::analyse(source.as_mut(), everything, &Analysis::default(), &mut last).unwrap();
        let mut judged = last.0.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut recorder = Recorder::new(settings(folder.path())).unwrap();
        for number in 1..=limits::RECORDINGS as u64 + 3 {
            judged.story.first.number = number;
            // Known, and then final.
            recorder.judged(&judged);
            recorder.judged(&judged);
        }
        assert_eq!(recorder.awaited.len(), limits::RECORDINGS);
        assert_eq!(recorder.news().len(), 1);
    }

    #[test]
    fn other_connections_packets_are_left_out_when_too_many_of_them_were_written() {
        let count = |others_left| {
            let folder = tempfile::tempdir().unwrap();
            let mut recorder = Recorder::new(settings(folder.path())).unwrap();
            // A neighbour's frame, then the connection's two.
            let at = Timestamp::from_parts(0, 0);
            recorder.frame(&Frame {
                number: 0,
                origin: Origin::default(),
                at,
                link_type: 1,
                wire_len: 60,
                bytes: &[0; 60],
            });
            let mut recorder = record("refused/plain/capture.pcapng", recorder);
            recorder.others_left = others_left;
            for recording in &mut recorder.awaited {
                recording.from = at;
            }
            recorder.finish();
            let written = files(folder.path(), "json").remove(0).with_extension("pcapng");
            let mut source = capture::open(&[written]).unwrap();
            let mut count = 0;
            while let Some(Record::Frame(_)) = source.next_record().unwrap() {
                count += 1;
            }
            count
        };
        let (with, without) = (count(MEBIBYTE), count(0));
        assert!(with > without && without == 2, "{with} and {without}");
    }

    #[test]
    fn memory_and_disk_hold_no_more_than_the_bound() {
        let folder = tempfile::tempdir().unwrap();
        let mut recorder = Recorder::new(settings(folder.path())).unwrap();
        let bytes = [5; 1_000];
        for number in 1..=5_000 {
            let at = Timestamp::from_parts(number, 0);
            let number = number as u64;
            let origin = Origin { file: 0, number };
            recorder.frame(&Frame { number, origin, at, link_type: 1, wire_len: 1_000, bytes: &bytes });
            assert!(recorder.kept_bytes <= MEBIBYTE);
        }
        let on_disk: u64 =
            files(folder.path(), "pcapng").iter().map(|file| fs::metadata(file).unwrap().len()).sum();
        assert!(on_disk > MEBIBYTE / 2 && on_disk <= MEBIBYTE + 4_096, "{on_disk}");
        assert!(recorder.kept.len() > 900);
        assert!(recorder.news().is_empty());
    }

    #[test]
    fn a_connection_whose_syn_is_gone_is_said_to_be_incomplete() {
        let folder = tempfile::tempdir().unwrap();
        let small = Settings { size: 300, ..settings(folder.path()) };
        let mut recorder = record("refused/plain/capture.pcapng", Recorder::new(small).unwrap());
        recorder.finish();
        let object = fs::read(&files(folder.path(), "json")[0]).unwrap();
        let object: Value = serde_json::from_slice(&object).unwrap();
        assert_eq!(object["is_whole"], false);
    }
}
