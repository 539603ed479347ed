//! `read -w`: the packets of the connections that are shown, in a file, with their verdicts as comments.
//!
//! A verdict is known after the last packet, so the input is read a second time.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::{self, File, Metadata};
use std::io::{BufWriter, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use ssmscope::analysis::Judged;
use ssmscope::capture::{Frame, Record, Source, save};
use ssmscope::decode::Decoder;
use ssmscope::limits;
use ssmscope::packet::Content;
use ssmscope::report::text::escape::escaped;
use ssmscope::tcp::{Key, Role};
use ssmscope::verdict::{Code, Severity};

use crate::system::files;

/// A file that packets are to be written to.
pub struct Marked {
    path: PathBuf,
    file: File,
    /// The only connection that is shown, by its number.
    only: Option<u64>,
    /// By its sockets, each use of them.
    shown: HashMap<Key, Vec<Connection>>,
    count: usize,
    left_out: u64,
}

struct Connection {
    first: u64,
    last: u64,
    /// What is written on its first packet.
    comment: String,
    code: Code,
    evidence: Vec<u64>,
}

impl Marked {
    /// Opens the file, while the process has the right to.
    ///
    /// # Errors
    /// When it can't be written, when it is an input, and when an input can't be read twice.
    pub fn begin<'a>(
        path: &Path,
        inputs: impl Iterator<Item = &'a Path>,
        only: Option<u64>,
    ) -> anyhow::Result<Self> {
        ensure!(path != Path::new("-"), "-w takes the name of a file");
        let name = path.display();
        let mut known = Vec::new();
        for input in inputs {
            let is_pipe = input == Path::new("-");
            // A file that can't be opened is reported as for any input.
            let about = if is_pipe { None } else { fs::metadata(input).ok() };
            let is_file = about.as_ref().is_none_or(Metadata::is_file) && !is_pipe;
            ensure!(is_file, "-w reads the input twice, and {} is not a file", input.display());
            known.extend(about);
        }
        let is_input = |about: Metadata| {
            known.iter().any(|input| (input.dev(), input.ino()) == (about.dev(), about.ino()))
        };
        ensure!(!fs::metadata(path).is_ok_and(is_input), "-w {name} would overwrite an input");
        let file = files::create_private(path).with_context(|| format!("{name}: can't be written"))?;
        Ok(Self { path: path.to_owned(), file, only, shown: HashMap::new(), count: 0, left_out: 0 })
    }

    /// Takes a connection that is shown.
    pub fn record(&mut self, judged: &Judged) {
        if self.only.is_some_and(|id| id != judged.story.id) {
            return;
        }
        if self.count >= limits::WRITTEN_CONNECTIONS {
            self.left_out += 1;
            return;
        }
        self.count += 1;
        let (story, verdict) = (&judged.story, &judged.verdict);
        let end = |role: Role| (story.parties[role].host, story.parties[role].port);
        let word = match verdict.severity {
            Severity::Critical => "FAIL",
            Severity::Warning => "WARN",
            Severity::Ok => "OK",
            Severity::Unknown => "UNSURE",
        };
        let cause = verdict.cause.as_ref().map(|cause| format!(" {cause}")).unwrap_or_default();
        let mut comment = format!("{word} {}{cause}: {}", verdict.code, verdict.headline);
        if verdict.severity != Severity::Ok {
            comment.push('\n');
            comment.push_str(&verdict.explanation);
        }
        let connection = Connection {
            first: story.first.number,
            last: story.last.number,
            comment: comment.lines().map(escaped).collect::<Vec<_>>().join("\n"),
            code: verdict.code,
            evidence: verdict.evidence.clone(),
        };
        self.shown.entry(Key::between(end(Role::Client), end(Role::Server))).or_default().push(connection);
    }

    /// Reads the input again and writes the packets. Returns what to print about it.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn finish(self, source: &mut dyn Source) -> anyhow::Result<String> {
        let path = self.path.display().to_string();
        let unwritten = || format!("{path}: can't be written");
        let snaplen = u32::try_from(limits::FRAME_BYTES).unwrap_or(u32::MAX);
        let mut writer =
            save::Writer::new(BufWriter::new(&self.file), "", snaplen, None).with_context(unwritten)?;
        let mut decoder = Decoder::new();
        let (mut written, mut printed) = (0_u64, 0_u64);
        while let Ok(Some(record)) = source.next_record() {
            let frame = match record {
                Record::Frame(frame) => frame,
                Record::Printed(_) => {
                    printed += 1;
                    continue;
                }
                Record::Idle(_) | Record::NextCapture => continue,
            };
            if let Some(connection) = self.find(&mut decoder, &frame) {
                writer
                    .frame(&frame, connection.comment_on(frame.number).as_deref())
                    .with_context(unwritten)?;
                written += 1;
            }
        }
        writer.into_inner().flush().with_context(unwritten)?;
        let plural = if self.count == 1 { "" } else { "s" };
        let packets = if written == 1 { "packet" } else { "packets" };
        let mut words = format!("{written} {packets} of {} connection{plural} written to {path}", self.count);
        if printed > 0 {
            words += "; packets in text have no frames, and were not written";
        }
        if self.left_out > 0 {
            // Writing to a string can't fail.
            let _ = write!(words, "; {} further connections were left out", self.left_out);
        }
        Ok(words)
    }

    /// The connection that is shown and has this frame.
    fn find(&self, decoder: &mut Decoder, frame: &Frame<'_>) -> Option<&Connection> {
        let key = match &decoder.decode(frame).content {
            Content::Segment(segment) => Key::of(segment.header),
            Content::IcmpError(error) => {
                let quoted = &error.quoted;
                Key::between(
                    (quoted.source, quoted.source_port?),
                    (quoted.destination, quoted.destination_port?),
                )
            }
            _ => return None,
        };
        let uses = self.shown.get(&key)?;
        uses.iter().find(|connection| (connection.first..=connection.last).contains(&frame.number))
    }
}

impl Connection {
    /// What is written on a packet.
    fn comment_on(&self, number: u64) -> Option<String> {
        if number == self.first {
            return Some(self.comment.clone());
        }
        self.evidence.contains(&number).then(|| format!("{}: evidence", self.code))
    }
}
