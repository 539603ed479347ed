//! `read -w`: the packets of the connections that are shown, in a file, with their verdicts as comments.
//!
//! A verdict is known after the last packet, so the input is read a second time.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::fs::{self, Metadata};
use std::io::{BufWriter, Write};
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use ssmscope::analysis::{Judged, Summary};
use ssmscope::capture::{Frame, Record, Source, save};
use ssmscope::decode::Decoder;
use ssmscope::limits;
use ssmscope::packet::{Content, Host, Other};
use ssmscope::report::text::escape::escaped;
use ssmscope::tcp::{Key, Role};
use ssmscope::verdict::{Code, Severity};

use crate::held::{Datagram, Held};
use crate::system::files::NewFile;

/// A file that packets are to be written to.
pub struct Marked {
    path: PathBuf,
    file: NewFile,
    /// The only connection that is shown, by its number.
    only: Option<u64>,
    /// The ends of the connections that are shown.
    hosts: HashSet<Host>,
    /// By its sockets, each use of them.
    shown: HashMap<Key, Vec<Connection>>,
    count: usize,
    left_out: u64,
}

struct Connection {
    client: Host,
    /// The server's address; nothing where a text shows only a name.
    server: Option<IpAddr>,
    first: u64,
    last: u64,
    /// What is written on its first packet.
    comment: String,
    code: Code,
    evidence: Vec<u64>,
}

impl Marked {
    /// Opens the file, while the process has the right to. `is_alone` is whether no other file decides whose rights are left
    /// later, so that it can appear when it is whole.
    ///
    /// # Errors
    /// When it can't be written, when it is an input, and when an input can't be read twice.
    pub fn begin<'a>(
        path: &Path,
        inputs: impl Iterator<Item = &'a Path>,
        only: Option<u64>,
        is_alone: bool,
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
        let file = NewFile::begin(path, is_alone).with_context(|| format!("{name}: can't be written"))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            only,
            hosts: HashSet::new(),
            shown: HashMap::new(),
            count: 0,
            left_out: 0,
        })
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
        self.hosts.extend([end(Role::Client).0, end(Role::Server).0]);
        let connection = Connection {
            client: end(Role::Client).0,
            server: story.names.address(end(Role::Server).0),
            first: story.first.number,
            last: story.last.number,
            comment: comment.lines().map(escaped).collect::<Vec<_>>().join("\n"),
            code: verdict.code,
            evidence: verdict.evidence.clone(),
        };
        self.shown.entry(Key::between(end(Role::Client), end(Role::Server))).or_default().push(connection);
    }

    /// Whether no connection is shown.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Reads the input again and writes the packets. Returns what to print about it.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn finish(self, source: &mut dyn Source, summary: &Summary) -> anyhow::Result<String> {
        let path = self.path.display().to_string();
        let unwritten = || format!("{path}: can't be written");
        let snaplen = u32::try_from(limits::FRAME_BYTES).unwrap_or(u32::MAX);
        let writer =
            save::Writer::new(BufWriter::new(self.file.file()), "", snaplen, None).with_context(unwritten)?;
        let mut held = Held::new(writer);
        let lookups = self.lookups(summary);
        let mut decoder = Decoder::new();
        let (mut written, mut printed, mut explaining) = (0_u64, 0_u64, 0_u64);
        while let Ok(Some(record)) = source.next_record() {
            let frame = match record {
                Record::Frame(frame) => frame,
                Record::Printed(_) => {
                    printed += 1;
                    continue;
                }
                Record::Idle(_) | Record::NextCapture => continue,
            };
            let found = self.find(&mut decoder, &frame, &lookups);
            let datagram = Datagram::of(decoder.ip());
            match found {
                Part::Fragment => held.hold(datagram, &frame).with_context(unwritten)?,
                Part::Of(connection) => {
                    written += 1 + held.decide(datagram, true).with_context(unwritten)?;
                    held.write(&frame, connection.comment_on(frame.number)).with_context(unwritten)?;
                }
                Part::Explains => {
                    explaining += 1;
                    held.write(&frame, None).with_context(unwritten)?;
                }
                Part::Other => drop(held.decide(datagram, false).with_context(unwritten)?),
            }
        }
        held.finish().and_then(|mut out| out.flush()).with_context(unwritten)?;
        let plural = if self.count == 1 { "" } else { "s" };
        let packets = if written == 1 { "packet" } else { "packets" };
        let mut words = format!("{written} {packets} of {} connection{plural} written to {path}", self.count);
        // Writing to a string can't fail.
        if explaining > 0 {
            let _ = write!(words, ", with {explaining} of ARP, neighbor discovery and DNS");
        }
        if printed > 0 {
            words += "; packets in text have no frames, and were not written";
        }
        if self.left_out > 0 {
            let _ = write!(words, "; {} further connections were left out", self.left_out);
        }
        self.file.finish().with_context(unwritten)?;
        Ok(words)
    }

    /// The packets of the lookups that the connections began with.
    fn lookups(&self, summary: &Summary) -> HashSet<u64> {
        let found = |connection: &Connection| {
            let found = summary.lookups.before(connection.client, connection.server?, connection.first)?;
            Some(found.asked.into_iter().chain([found.answered]).map(|moment| moment.number))
        };
        self.shown.values().flatten().filter_map(found).flatten().collect()
    }

    /// What a frame is to the connections that are shown.
    fn find(&self, decoder: &mut Decoder, frame: &Frame<'_>, lookups: &HashSet<u64>) -> Part<'_> {
        let key = match &decoder.decode(frame).content {
            Content::Segment(segment) => Some(Key::of(segment.header)),
            Content::IcmpError(error) => {
                let quoted = &error.quoted;
                quoted
                    .source_port
                    .zip(quoted.destination_port)
                    .map(|(from, to)| Key::between((quoted.source, from), (quoted.destination, to)))
            }
            Content::Neighbour(neighbour) => {
                let hosts = std::iter::once(neighbour.target).chain(neighbour.asker);
                let is_shown = hosts.into_iter().any(|host| self.hosts.contains(&host));
                return if is_shown { Part::Explains } else { Part::Other };
            }
            Content::Lookup(_) if lookups.contains(&frame.number) => return Part::Explains,
            Content::Other(Other::Fragment) => return Part::Fragment,
            Content::Lookup(_) | Content::Other(_) => None,
        };
        let uses = key.and_then(|key| self.shown.get(&key)).map(Vec::as_slice).unwrap_or_default();
        let mut uses = uses.iter();
        let found = uses.find(|connection| (connection.first..=connection.last).contains(&frame.number));
        found.map_or(Part::Other, Part::Of)
    }
}

/// What a frame is to the connections that are shown.
enum Part<'a> {
    /// One of its packets, or an ICMP error about one.
    Of(&'a Connection),
    /// A lookup of its server, or a search for one of its ends.
    Explains,
    /// A fragment of a datagram that is not whole yet.
    Fragment,
    Other,
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
