//! `read -w`: the packets of the connections that are shown, in a file, with their verdicts as comments.
//!
//! A verdict is known after the last packet, so the input is read a second time. With `--redact` the packets are rewritten, and what
//! they contain is learned from a reading before that.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::fs::{self, Metadata};
use std::io::{self, BufWriter, Write};
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use ssmscope::analysis::{Judged, NamelessFrames, NewFrame, Redaction, Summary};
use ssmscope::capture::{Frame, Record, Source, save};
use ssmscope::decode::Decoder;
use ssmscope::limits;
use ssmscope::packet::{Content, Host, Other, Packet};
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
    /// The server's address; nothing if a text shows only a name.
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
            first: story.span().0.number,
            last: story.span().1.number,
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

    /// Reads the input to learn what the packets contain that are to be written without names.
    pub fn learned(&self, source: &mut dyn Source, redaction: &Redaction) -> NamelessFrames {
        let mut nameless = NamelessFrames::new(redaction);
        let mut decoder = Decoder::new();
        let no_lookups = HashSet::new();
        while let Ok(Some(record)) = source.next_record() {
            let Record::Frame(frame) = record else { continue };
            let packet = decoder.decode(&frame);
            if let Part::Of(connection) = self.find(&packet, &no_lookups, Some(&nameless))
                && let Content::Segment(segment) = &packet.content
            {
                nameless.learn(connection.first, segment);
            }
        }
        nameless.learned();
        nameless
    }

    /// Reads the input again and writes the packets; `nameless` rewrites them. Returns what to print about it.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn finish(
        self,
        source: &mut dyn Source,
        summary: &Summary,
        nameless: Option<NamelessFrames>,
    ) -> anyhow::Result<String> {
        let path = self.path.display().to_string();
        let unwritten = || format!("{path}: can't be written");
        let (count, nameless) = self.write(source, summary, nameless).with_context(unwritten)?;
        let words = self.words(&path, &count, nameless.as_ref());
        self.file.finish().with_context(unwritten)?;
        Ok(words)
    }

    fn write(
        &self,
        source: &mut dyn Source,
        summary: &Summary,
        nameless: Option<NamelessFrames>,
    ) -> io::Result<(Count, Option<NamelessFrames>)> {
        let snaplen = u32::try_from(limits::FRAME_BYTES).unwrap_or(u32::MAX);
        let sentence = nameless.as_ref().map(|_| Redaction::SENTENCE);
        let writer = save::Writer::new(BufWriter::new(self.file.file()), "", snaplen, sentence)?;
        let mut writing = Writing { held: Held::new(writer), nameless, count: Count::default() };
        let lookups = self.lookups(summary);
        let mut decoder = Decoder::new().verifying_checksums(writing.nameless.is_some());
        let mut end = None;
        while let Ok(Some(record)) = source.next_record() {
            let frame = match record {
                Record::Frame(frame) => frame,
                Record::Printed(_) => {
                    writing.count.printed += 1;
                    continue;
                }
                Record::Idle(at) => {
                    end = end.max(Some(at));
                    continue;
                }
                Record::NextCapture => continue,
            };
            end = end.max(Some(frame.at));
            let packet = decoder.decode(&frame);
            let part = self.find(&packet, &lookups, writing.nameless.as_ref());
            let anew = writing.anew(&part, &packet);
            let datagram = Datagram::of(decoder.ip());
            writing.frame(&part, &frame, anew.as_ref(), datagram)?;
        }
        // A silence lasts until then, though what shows it may be other traffic.
        if let Some(end) = end {
            writing.held.statistics(end, summary.about.dropped.filter(|dropped| *dropped > 0))?;
        }
        let Writing { held, nameless, count } = writing;
        held.finish().and_then(|mut out| out.flush())?;
        Ok((count, nameless))
    }

    /// What was written.
    fn words(&self, path: &str, count: &Count, nameless: Option<&NamelessFrames>) -> String {
        let plural = if self.count == 1 { "" } else { "s" };
        if self.count == 0 && count.explaining > 0 {
            let packets = if count.explaining == 1 { "packet" } else { "packets" };
            return format!(
                "{} {packets} of ARP, neighbor discovery and DNS written to {path}",
                count.explaining
            );
        }
        let packets = if count.written == 1 { "packet" } else { "packets" };
        let mut words =
            format!("{} {packets} of {} connection{plural} written to {path}", count.written, self.count);
        // Writing to a string can't fail.
        if count.explaining > 0 {
            let _ = write!(words, ", with {} of ARP, neighbor discovery and DNS", count.explaining);
        }
        if count.printed > 0 {
            words += "; packets in text have no frames, and were not written";
        }
        if self.left_out > 0 {
            let _ = write!(words, "; {} further connections were left out", self.left_out);
        }
        if let Some(nameless) = nameless {
            words += "; redacted: new headers, and of the payload what TLS shows";
            if nameless.unlearned() > 0 {
                let _ = write!(words, "; the payload of {} packets was omitted", nameless.unlearned());
            }
        }
        words
    }

    /// The packets of the lookups that the connections began with, and those that show what found nothing.
    fn lookups(&self, summary: &Summary) -> HashSet<u64> {
        let found = |connection: &Connection| {
            let found = summary.lookups.before(connection.client, connection.server?, connection.first)?;
            Some(found.asked.into_iter().chain([found.answered]).map(|moment| moment.number))
        };
        let without_result = summary.unanswered.iter().filter(|_| self.only.is_none());
        let without_result = without_result.flat_map(|search| search.evidence.iter().copied());
        self.shown.values().flatten().filter_map(found).flatten().chain(without_result).collect()
    }

    /// What a packet is to the connections that are shown. These have stand-ins where packets are written without names.
    fn find(
        &self,
        packet: &Packet<'_>,
        lookups: &HashSet<u64>,
        nameless: Option<&NamelessFrames>,
    ) -> Part<'_> {
        let shown_as = |host: Host| nameless.map_or(Some(host), |nameless| nameless.known(host));
        let between = |from: (Host, u16), to: (Host, u16)| {
            Some(Key::between((shown_as(from.0)?, from.1), (shown_as(to.0)?, to.1)))
        };
        let key = match &packet.content {
            Content::Lookup(_) | Content::Neighbour(_) if lookups.contains(&packet.number) => {
                return Part::Explains;
            }
            Content::Segment(segment) => {
                let (ip, tcp) = (&segment.header.ip, &segment.header.tcp);
                between((ip.source, tcp.source_port), (ip.destination, tcp.destination_port))
            }
            Content::IcmpError(error) => {
                let quoted = &error.quoted;
                let ports = quoted.source_port.zip(quoted.destination_port);
                ports.and_then(|(from, to)| between((quoted.source, from), (quoted.destination, to)))
            }
            Content::Neighbour(neighbour) => {
                let mut hosts = std::iter::once(neighbour.target).chain(neighbour.asker);
                let is_shown =
                    hosts.any(|host| shown_as(host).is_some_and(|host| self.hosts.contains(&host)));
                return if is_shown { Part::Explains } else { Part::Other };
            }
            Content::Other(Other::Fragment) => return Part::Fragment,
            Content::Lookup(_) | Content::Other(_) => None,
        };
        let uses = key.and_then(|key| self.shown.get(&key)).map(Vec::as_slice).unwrap_or_default();
        let mut uses = uses.iter();
        let found = uses.find(|connection| (connection.first..=connection.last).contains(&packet.number));
        match found {
            Some(connection) => Part::Of(connection),
            // Over TCP, a lookup is a part of another connection.
            None if lookups.contains(&packet.number) => Part::Explains,
            None => Part::Other,
        }
    }
}

/// The file while it is written.
struct Writing<W: Write> {
    held: Held<W>,
    nameless: Option<NamelessFrames>,
    count: Count,
}

/// What was written, and what could not be.
#[derive(Default)]
struct Count {
    written: u64,
    explaining: u64,
    printed: u64,
}

impl<W: Write> Writing<W> {
    /// What takes the place of a packet, where packets are written without names.
    fn anew(&mut self, part: &Part<'_>, packet: &Packet<'_>) -> Option<NewFrame> {
        let connection = match part {
            Part::Of(connection) => Some(connection.first),
            Part::Explains => None,
            Part::Fragment | Part::Other => return None,
        };
        self.nameless.as_mut()?.frame(connection, packet)
    }

    /// Writes a frame that is a part of the file.
    fn frame(
        &mut self,
        part: &Part<'_>,
        frame: &Frame<'_>,
        anew: Option<&NewFrame>,
        datagram: Datagram,
    ) -> io::Result<()> {
        if self.nameless.is_some() && anew.is_none() && !matches!(part, Part::Other) {
            return Ok(());
        }
        let frame = match anew {
            Some(NewFrame { link_type, wire_len, bytes }) => {
                Frame { link_type: *link_type, wire_len: *wire_len, bytes, ..*frame }
            }
            None => *frame,
        };
        match part {
            Part::Fragment => {
                self.held.hold(datagram, &frame)?;
            }
            Part::Of(connection) => {
                self.count.written += 1 + self.held.decide(datagram, true)?;
                self.held.write(&frame, connection.comment_on(frame.number))?;
            }
            Part::Explains => {
                self.count.explaining += 1;
                self.held.write(&frame, None)?;
            }
            Part::Other => {
                self.held.decide(datagram, false)?;
            }
        }
        Ok(())
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
