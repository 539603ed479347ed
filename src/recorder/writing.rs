//! How the file of a failed connection is written, and the JSON next to it.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use serde_json::json;

use super::RecorderSettings;
use super::files::Unfinished;
use super::frames::Snapshot;
use super::recording::Recording;
use super::selection::{Lacks, Selected};
use crate::capture::{Frame, save};
use crate::limits;
use crate::report::text::escape::escaped;

impl Selected {
    /// Writes the file, and the JSON next to it, under a name that begins with the number which `number` returns. Each has its name when
    /// it is whole, and neither is there where one can't be written.
    pub(super) fn write(
        &self,
        packets: &Snapshot,
        settings: &RecorderSettings,
        dropped: u64,
        mut number: impl FnMut() -> u64,
    ) -> io::Result<PathBuf> {
        let mut capture = Unfinished::begin(&settings.folder)?;
        let evidence = self.write_packets(&capture, packets, settings, dropped)?;
        let mut description = Unfinished::begin(&settings.folder)?;
        // Somebody may have put a file there.
        for _ in 0..limits::RECORDER_NAMES {
            let name = format!("{:06}-{}.pcapng", number(), self.recording.name);
            let path = settings.folder.join(&name);
            match capture.finish(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                finished => finished?,
            }
            let described = writeln!(description.file(), "{}", self.description(&name, &evidence))
                .and_then(|()| description.finish(&path.with_extension("json")));
            if described.is_err() {
                let _ = fs::remove_file(&path);
            }
            return described.map(|()| path);
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// The JSON object. The connection's is text already.
    fn description(&self, name: &str, evidence: &[u64]) -> String {
        let is_whole = !self.lacks.beginning && !self.lacks.middle;
        let (name, evidence, connection) = (json!(name), json!(evidence), &self.recording.connection);
        format!(
            r#"{{"type":"recording","schema":1,"file":{name},"evidence":{evidence},"is_whole":{is_whole},"connection":{connection}}}"#
        )
    }

    /// Writes the packets, and at those that are evidence what they prove. Returns the numbers that the evidence has in this
    /// file.
    fn write_packets(
        &self,
        file: &Unfinished,
        packets: &Snapshot,
        settings: &RecorderSettings,
        dropped: u64,
    ) -> io::Result<Vec<u64>> {
        let recording = &self.recording;
        let mut comment = comment(recording, self.lacks);
        if let Some(remark) = settings.remark {
            comment = format!("{comment}\n{remark}");
        }
        let out = BufWriter::new(file.file());
        let mut writer = save::Writer::new(out, &settings.device, settings.snaplen, Some(&comment))?;
        let mut evidence = Vec::new();
        let mut last = recording.until;
        let kept = self.places.iter().filter_map(|place| packets.at(*place));
        for (number, (frame, kept)) in (1..).zip(kept) {
            last = last.max(kept.at);
            let proves = recording.evidence.contains(&kept.number);
            let comment = proves.then(|| {
                format!("ssmscope: shows {} (packet {} of the live capture)", recording.code, kept.number)
            });
            if proves {
                evidence.push(number);
            }
            writer.frame(&Frame { number, ..frame }, comment.as_deref())?;
        }
        writer.statistics(last, Some(dropped))?;
        writer.into_inner().flush()?;
        Ok(evidence)
    }
}

/// The comment for the file's reader.
fn comment(recording: &Recording, lacks: Lacks) -> String {
    // The server's name, for one, comes from the wire.
    let mut comment = escaped(&recording.comment);
    if lacks.beginning {
        comment += " Packets of the connection are missing here: the recorder's bound was reached before the verdict, or the disk was too slow.";
    }
    if lacks.middle {
        comment += " Packets in the middle of the connection, or lookups, are left out: all would take too much of the recorder's bound.";
    }
    if lacks.others {
        comment += " Other connections' packets are left out: with them the recorder would write too much.";
    }
    comment
}
