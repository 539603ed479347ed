//! The connections of a capture that are shown, held until all of them are known.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use super::strip::Mark;
use crate::analysis::{Bounds, Event, Group, GroupKey, Judged, Needs, Sink, Summary};
use crate::capture::FileAbout;
use crate::limits;
use crate::report::text::words::PacketNames;
use crate::report::{Detail, End, Origins, Report, Style};
use crate::story::Timeline;
use crate::verdict::Severity;

/// Takes connections in for the reports that show them together.
#[derive(Clone, Debug)]
pub struct Collection {
    /// The connections that are kept; in the order of their first packets once sorted.
    pub connections: Vec<Judged>,
    /// Where packets came from; empty if one file was read.
    pub origins: Origins,
    /// Connections beyond those that are kept at most, or for which there is no room, which are only counted.
    pub uncollected: u64,
    /// Connections whose packets are not kept for lack of room.
    pub without_packets: u64,
    /// Every connection's outcome.
    pub(super) marks: Vec<Mark>,
    /// The index of each group's first connection among those that are kept.
    examples: BTreeMap<GroupKey, usize>,
    /// Bytes that the connections take, estimated.
    held: usize,
    /// Bytes that they may take.
    most: usize,
    /// How many there may be.
    most_connections: u32,
    has_files: bool,
    detail: Detail,
}

impl Collection {
    /// For a capture of one file or several, of which these connections are shown.
    pub fn new(has_files: bool, detail: Detail) -> Self {
        Self {
            connections: Vec::new(),
            origins: Origins::default(),
            uncollected: 0,
            without_packets: 0,
            marks: Vec::new(),
            examples: BTreeMap::new(),
            held: 0,
            most: Bounds::default().for_reports(),
            most_connections: limits::REPORTED_CONNECTIONS as u32,
            has_files,
            detail,
        }
    }

    /// The same, kept within what these bounds leave for it.
    #[must_use]
    pub fn within(mut self, bounds: &Bounds) -> Self {
        self.most = bounds.for_reports();
        self
    }

    /// The same, of this many connections.
    #[must_use]
    pub(super) fn at_most(mut self, connections: u32) -> Self {
        self.most_connections = connections;
        self
    }

    /// Puts the connections in the order of their first packets. Those that left early come first until then.
    pub fn sort(&mut self) {
        self.connections.sort_by_key(|judged| judged.story.first.number);
        self.marks.sort_unstable_by_key(|mark| (mark.at, mark.id));
        self.examples.clear();
        for (index, judged) in self.connections.iter().enumerate() {
            self.examples.entry(GroupKey::of(judged)).or_insert(index);
        }
    }

    /// Has sentences call packets as the report on these files does.
    pub(super) fn name_packets(&mut self, files: &[FileAbout]) {
        let names = PacketNames::new(files, &self.origins);
        if !names.has_files() {
            return;
        }
        for Judged { verdict, findings, .. } in &mut self.connections {
            verdict.explanation = names.in_sentence(&verdict.explanation).into_owned().into();
            for finding in findings {
                finding.text = names.in_sentence(&finding.text).into_owned();
            }
        }
    }

    /// The groups that are shown, the worst first: all of them, or those of the connections that came here.
    pub(super) fn groups<'s>(&self, summary: &'s Summary) -> Vec<(&'s GroupKey, &'s Group)> {
        let groups = each_way_listed(summary.groups.worst_first());
        // Each connection that came here has a mark, as long as there is room.
        if self.marks.len() as u64 >= summary.connections.min(limits::STRIP_CONNECTIONS as u64) {
            return groups;
        }
        groups.into_iter().filter(|(key, _)| self.example(key).is_some()).collect()
    }

    /// The first connection of a group, once sorted.
    pub(super) fn example(&self, key: &GroupKey) -> Option<&Judged> {
        self.connections.get(*self.examples.get(key)?)
    }

    fn keep(&mut self, mut judged: Judged) {
        let is_too_much = self.held + held_by(&judged) > self.most && !judged.story.timeline.is_empty();
        if is_too_much {
            judged.story.timeline = Timeline::default();
        }
        let held = self.held + held_by(&judged);
        if self.connections.len() as u64 >= u64::from(self.most_connections) || held > self.most {
            self.uncollected += 1;
            return;
        }
        self.held = held;
        self.without_packets += u64::from(is_too_much);
        self.connections.push(judged);
    }

    /// Takes in a connection that is another report's.
    pub(super) fn see(&mut self, judged: &Judged) {
        self.mark(judged);
        if self.wants(judged) {
            self.take(judged.clone());
        }
    }

    /// Keeps a connection's outcome for the strip.
    fn mark(&mut self, judged: &Judged) {
        if self.marks.len() < limits::STRIP_CONNECTIONS {
            self.marks.push(Mark {
                at: judged.story.first.at,
                id: judged.story.id,
                code: judged.verdict.code,
                severity: judged.verdict.severity,
            });
        }
    }

    /// Whether a connection is one of those that are shown, as far as is known.
    fn wants(&self, judged: &Judged) -> bool {
        match self.detail {
            Detail::All => true,
            Detail::One(id) | Detail::Whole(id) => judged.story.id == id,
            Detail::Examples => match self.examples.get(&GroupKey::of(judged)) {
                Some(known) => judged.story.first.number < self.connections[*known].story.first.number,
                None => self.examples.len() < limits::GROUPS || self.least_worth(judged).is_some(),
            },
        }
    }

    fn take(&mut self, judged: Judged) {
        match self.detail {
            Detail::All | Detail::One(_) | Detail::Whole(_) => self.keep(judged),
            Detail::Examples => self.keep_example(judged),
        }
    }

    /// The example that gives way to a connection that is worth more of a look, as [`Groups`](crate::analysis::Groups) do.
    fn least_worth(&self, judged: &Judged) -> Option<(GroupKey, usize)> {
        let worth = |(key, index): &(&GroupKey, &usize)| {
            (key.severity.urgency(), Reverse(self.connections[**index].story.id))
        };
        let (key, index) = self.examples.iter().min_by_key(worth)?;
        (key.severity.urgency() < judged.verdict.severity.urgency()).then(|| (key.clone(), *index))
    }

    /// Keeps the first connection of its group so far.
    fn keep_example(&mut self, judged: Judged) {
        let key = GroupKey::of(&judged);
        if let Some(known) = self.examples.get(&key) {
            let known = &mut self.connections[*known];
            self.held = self.held.saturating_sub(held_by(known)) + held_by(&judged);
            *known = judged;
        } else if let Some((least, index)) =
            self.least_worth(&judged).filter(|_| self.examples.len() >= limits::GROUPS)
        {
            self.examples.remove(&least);
            let known = &mut self.connections[index];
            self.held = self.held.saturating_sub(held_by(known)) + held_by(&judged);
            *known = judged;
            self.examples.insert(key, index);
        } else {
            let before = self.connections.len();
            self.keep(judged);
            if self.connections.len() > before {
                self.examples.insert(key, before);
            }
        }
    }
}

impl Sink for Collection {
    fn needs(&self) -> Needs {
        Needs { packets: self.has_files, ..Needs::ALL }
    }

    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        if let (true, Event::Packet(packet)) = (self.has_files, event) {
            self.origins.add(packet.number, packet.origin);
        }
        Ok(())
    }

    fn connection(&mut self, judged: Judged) -> io::Result<()> {
        self.mark(&judged);
        if self.wants(&judged) {
            self.take(judged);
        }
        Ok(())
    }
}

/// Whether a connection failed, or needs a look.
pub fn has_failed(judged: &Judged) -> bool {
    matches!(judged.verdict.severity, Severity::Critical | Severity::Warning)
}

/// Bytes of memory that a judged connection takes, estimated.
fn held_by(judged: &Judged) -> usize {
    limits::REPORTED_CONNECTION_BYTES + judged.story.timeline.held_bytes()
}

/// Writes what was collected, and what the whole capture shows.
type Written = fn(&Collection, &Summary, &Style, &mut dyn Write) -> io::Result<()>;

/// A report on connections that is written once all of them are known.
pub struct Collected<W> {
    collection: Collection,
    style: Style,
    out: W,
    write: Written,
}

impl<W: Write> Collected<W> {
    /// For a capture of one file or several, in the form that `write` gives it.
    pub fn new(out: W, has_files: bool, style: Style, bounds: &Bounds, write: Written) -> Self {
        let collection = Collection::new(has_files, style.detail.clone()).within(bounds);
        Self { collection, style, out, write }
    }
}

impl<W: Write + Send> Sink for Collected<W> {
    fn connection(&mut self, judged: Judged) -> io::Result<()> {
        self.collection.connection(judged)
    }

    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        self.collection.event(event)
    }

    fn needs(&self) -> Needs {
        self.collection.needs()
    }
}

impl<W: Write + Send> Report for Collected<W> {
    fn finish(mut self: Box<Self>, end: &End<'_>) -> io::Result<()> {
        self.collection.sort();
        self.collection.name_packets(&end.summary.about.files);
        (self.write)(&self.collection, end.summary, &self.style, &mut self.out)?;
        self.out.flush()
    }
}
/// Groups of which the overview has a line.
pub(super) const LINES: usize = 12;

/// The groups with the first of each code and cause before the others: many servers that fail alike leave out no other way to fail.
pub(super) fn each_way_first<'s>(groups: Vec<(&'s GroupKey, &'s Group)>) -> Vec<(&'s GroupKey, &'s Group)> {
    let mut ways = BTreeSet::new();
    let (mut first, further): (Vec<_>, Vec<_>) =
        groups.into_iter().partition(|(key, _)| ways.insert((key.code, key.cause.as_deref())));
    first.extend(further);
    first
}

/// The groups, the worst first, so that each way to fail is among those that have a line.
fn each_way_listed<'s>(groups: Vec<(&'s GroupKey, &'s Group)>) -> Vec<(&'s GroupKey, &'s Group)> {
    if groups.len() <= LINES {
        return groups;
    }
    let is_failure = |key: &GroupKey| matches!(key.severity, Severity::Critical | Severity::Warning);
    let (failed, others): (Vec<_>, Vec<_>) = groups.iter().copied().partition(|(key, _)| is_failure(key));
    let by_way: Vec<_> = each_way_first(failed).into_iter().chain(others).collect();
    let (listed, further) = by_way.split_at(LINES);
    let is_listed = |key: &GroupKey| listed.iter().any(|(other, _)| *other == key);
    let is_further = |key: &GroupKey| further.iter().any(|(other, _)| *other == key);
    let in_order = |is_kept: &dyn Fn(&GroupKey) -> bool| {
        groups.iter().copied().filter(|(key, _)| is_kept(key)).collect::<Vec<_>>()
    };
    [in_order(&is_listed), in_order(&is_further)].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::script::talk::Talk;
    use crate::tcp::Role;

    #[test]
    fn each_way_to_fail_is_listed_among_many_servers_that_fail_alike() {
        let judged = |talk: Talk, port: u16| {
            let mut story = talk.story(60_000);
            story.parties.server.port = port;
            Judged { verdict: story.verdict(), story, findings: Vec::new() }
        };
        let mut summary = Summary::default();
        for port in 0..20 {
            for _ in 0..2 {
                summary.groups.add(&judged(Talk::to_port(443).syn().rst(Role::Server), port));
            }
        }
        summary.groups.add(&judged(Talk::to_port(443).syn(), 30));
        let worst_first = summary.groups.worst_first();
        let codes = |groups: &[(&GroupKey, &Group)]| {
            groups.iter().map(|(key, _)| key.code.name()).collect::<Vec<_>>()
        };
        assert!(codes(&worst_first)[..LINES].iter().all(|code| *code == "refused"));
        let groups = each_way_listed(worst_first.clone());
        assert_eq!(groups.len(), worst_first.len());
        assert_eq!(codes(&groups)[LINES - 1], "syn-no-reply");
        assert_eq!(codes(&each_way_first(groups))[..3], ["refused", "syn-no-reply", "refused"]);
        let few = worst_first[..LINES].to_vec();
        assert_eq!(each_way_listed(few.clone()), few);
    }
}
