//! One failed connection's file: which packets belong into it, and how it is written.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::Settings;
use super::memory::{Kept, Memory};
use crate::analysis::Judged;
use crate::capture::{Frame, save};
use crate::limits;
use crate::packet::{Host, Origin};
use crate::report::machine::json as report;
use crate::report::text::clock;
use crate::report::text::escape::escaped;
use crate::tcp::{Key, Role};
use crate::time::{Clock, Timestamp};
use crate::verdict::Code;

/// A failed connection whose file is written once enough has followed.
pub(super) struct Recording {
    /// When it is written.
    pub(super) due: Timestamp,
    /// From when on others' packets belong into it.
    pub(super) from: Timestamp,
    /// The verdict's code.
    pub(super) code: Code,
    key: Key,
    ends: [Host; 2],
    /// The connection's first packet.
    first: u64,
    evidence: Vec<u64>,
    comment: String,
    name: String,
    connection: Value,
}

impl Recording {
    /// Of this connection.
    pub(super) fn of(judged: &Judged, settings: &Settings) -> Self {
        let (story, verdict) = (&judged.story, &judged.verdict);
        let party = |role: Role| &story.parties[role];
        let (client, server) = (party(Role::Client), party(Role::Server));
        let comment = format!(
            "ssmscope: {} (critical), {} port {} to {} port {}: {}. {}",
            verdict.code,
            story.host(Role::Client),
            story.port(Role::Client),
            story.host(Role::Server),
            story.port(Role::Server),
            verdict.headline,
            verdict.explanation
        );
        let started = clock::machine_readable(story.first.at, Clock::Utc, 0).unwrap_or_default();
        let started: String = started.chars().filter(char::is_ascii_alphanumeric).collect();
        Self {
            due: story.capture.end.max(story.last.at) + settings.after,
            from: Timestamp::from_nanos(story.first.at.nanos().saturating_sub(settings.before.nanos())),
            code: verdict.code,
            key: Key::between((client.host, client.port), (server.host, server.port)),
            ends: [client.host, server.host],
            first: story.first.number,
            evidence: verdict.evidence.clone(),
            comment,
            name: format!("{started}-{}-{}", client.port, verdict.code),
            connection: report::connection_value(judged),
        }
    }

    /// Whether a packet is the connection's, an error about one of its packets, evidence, or a lookup of one of its ends.
    pub(super) fn owns(&self, kept: &Kept) -> bool {
        let is_own = kept.key == Some(self.key) && kept.number >= self.first;
        let is_lookup = || self.is_near(kept) && kept.looked_up.iter().any(|host| self.ends.contains(host));
        is_own || self.evidence.contains(&kept.number) || is_lookup()
    }

    /// Whether a packet is another's, of the time that the file is to show.
    fn surrounds(&self, kept: &Kept) -> bool {
        !self.owns(kept) && self.is_near(kept)
    }

    fn is_near(&self, kept: &Kept) -> bool {
        kept.at >= self.from && kept.at <= self.due
    }

    /// The connection's own packets in the middle that are left out, counted from its first one, where all of them cost more than
    /// `most` bytes.
    pub(super) fn left_out(&self, memory: &Memory, most: u64) -> Range<usize> {
        let costs: Vec<u64> = memory.iter().filter(|kept| self.owns(kept)).map(Kept::cost).collect();
        let fitting = |costs: &mut dyn Iterator<Item = &u64>| {
            let mut left = most / 2;
            costs.take_while(|cost| left.checked_sub(**cost).map(|less| left = less).is_some()).count()
        };
        let head = fitting(&mut costs.iter());
        let tail = fitting(&mut costs.iter().rev());
        head..costs.len().saturating_sub(tail).max(head)
    }

    /// What its own packets cost, in bytes.
    pub(super) fn cost(&self, memory: &Memory) -> u64 {
        memory.iter().filter(|kept| self.owns(kept)).map(Kept::cost).sum()
    }

    /// What the other connections' packets of that time cost, in bytes.
    pub(super) fn cost_of_others(&self, memory: &Memory) -> u64 {
        memory.iter().filter(|kept| self.surrounds(kept)).map(Kept::cost).sum()
    }

    /// Writes the file, with others' packets or without, and the JSON next to it. What could not be written whole is removed.
    pub(super) fn write(
        &self,
        memory: &Memory,
        settings: &Settings,
        with_others: bool,
        dropped: u64,
    ) -> io::Result<PathBuf> {
        let (path, file) = create(&settings.folder, &self.name)?;
        let left_out = self.left_out(memory, settings.most_of_a_failure());
        let written = self.write_packets(file, memory, settings, with_others, &left_out, dropped);
        let written = written.and_then(|evidence| {
            let object = json!({
                "type": "recording",
                "schema": 1,
                "file": path.file_name().map(|name| name.to_string_lossy().into_owned()),
                "evidence": evidence,
                "is_whole": memory.holds_from(self.first) && left_out.is_empty(),
                "connection": self.connection,
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

    /// Writes the packets, and at those that are evidence what they prove. Returns the numbers that the evidence has in this
    /// file.
    fn write_packets(
        &self,
        file: File,
        memory: &Memory,
        settings: &Settings,
        with_others: bool,
        left_out: &Range<usize>,
        dropped: u64,
    ) -> io::Result<Vec<u64>> {
        // The server's name, for one, comes from the wire.
        let mut comment = escaped(&self.comment);
        if !memory.holds_from(self.first) {
            comment += " The connection's first packets are missing here: the recorder's bound was reached before the verdict.";
        }
        if !left_out.is_empty() {
            comment += " Packets in the middle of the connection are left out: all would take too much of the recorder's bound.";
        }
        if settings.with_others && !with_others {
            comment +=
                " Other connections' packets are left out: with them the recorder would write too much.";
        }
        let out = BufWriter::new(file);
        let mut writer = save::Writer::new(out, &settings.device, settings.snaplen, Some(&comment))?;
        let mut evidence = Vec::new();
        let mut count = 0;
        let mut own = 0;
        let is_wanted = |kept: &&Kept| {
            if !self.owns(kept) {
                return with_others && self.surrounds(kept);
            }
            own += 1;
            !left_out.contains(&(own - 1)) || self.evidence.contains(&kept.number)
        };
        let mut last = Timestamp::ZERO;
        for kept in memory.iter().filter(is_wanted) {
            count += 1;
            last = last.max(kept.at);
            let proves = self.evidence.contains(&kept.number);
            let comment = proves.then(|| {
                format!("ssmscope: shows {} (packet {} of the live capture)", self.code, kept.number)
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
        writer.statistics(last, dropped)?;
        writer.into_inner().flush()?;
        Ok(evidence)
    }
}

/// A new file with a name of this kind; one that exists is never written over.
fn create(folder: &Path, name: &str) -> io::Result<(PathBuf, File)> {
    for attempt in 1..=limits::RECORDINGS_OF_A_NAME {
        let suffix = if attempt == 1 { String::new() } else { format!("-{attempt}") };
        let path = folder.join(format!("{name}{suffix}.pcapng"));
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
