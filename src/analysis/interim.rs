//! The summary of a running capture: what has been counted so far.

use super::summary::Tally;
use super::{Event, Judged, Redaction, Summary};
use crate::capture::About;
use crate::packet::{Content, Moment, Packet};

/// Counts what a sink sees, so that a report can be made before the capture's end. Which of its bounds the analysis reached, and how often
/// the clock was set, only the last summary says.
#[derive(Debug, Default)]
pub struct Interim {
    /// What packets show. No connection is in it.
    packets: Summary,
    /// Packets that the selection admitted.
    admitted: u64,
    connections: Tally,
    /// Stand-ins for what packets name, where that is asked for.
    redaction: Option<Redaction>,
}

impl Interim {
    /// Creates the state of a capture from this source, with these stand-ins for what it names.
    pub fn new(about: About, redaction: Option<Redaction>) -> Self {
        Self { packets: Summary { about, ..Summary::default() }, redaction, ..Self::default() }
    }

    /// Takes in a connection that ended.
    pub fn connection(&mut self, judged: &Judged) {
        self.connections.count(judged);
    }

    /// Takes in what else happened.
    pub fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Frame(frame) => {
                if self.packets.packets == 0 {
                    self.packets.begin = frame.at;
                }
                self.packets.end = self.packets.end.max(frame.at);
                self.packets.packets += 1;
            }
            Event::Packet(packet) => self.packet(packet),
            Event::Idle(_, about) => self.packets.about = (*about).clone(),
            Event::Entry(..)
            | Event::Silence(..)
            | Event::Known(_)
            | Event::Tied(..)
            | Event::LogUnread(_)
            | Event::Progress(..) => {}
        }
    }

    fn packet(&mut self, packet: &Packet<'_>) {
        self.admitted += 1;
        let moment = Moment { number: packet.number, at: packet.at };
        match &packet.content {
            Content::Segment(_) => self.packets.segments += 1,
            content => self.packets.count_unconnected(content, moment, packet.names),
        }
    }

    /// What is known by now, with these connections, which are still open.
    pub fn summary<'j>(&self, open: impl Iterator<Item = &'j Judged>) -> Summary {
        let so_far = &self.packets;
        let mut summary = Summary {
            about: so_far.about.clone(),
            begin: so_far.begin,
            end: so_far.end,
            packets: so_far.packets,
            skipped: so_far.packets.saturating_sub(self.admitted),
            segments: so_far.segments,
            others: so_far.others.clone(),
            further_others: so_far.further_others,
            neighbours: so_far.neighbours.clone(),
            further_neighbours: so_far.further_neighbours,
            lookups: so_far.lookups.clone(),
            names: so_far.names.clone(),
            ..Summary::default()
        };
        let mut connections = self.connections.copied();
        open.for_each(|judged| connections.count(judged));
        summary.take(connections);
        if let Some(redaction) = &self.redaction {
            redaction.stand_ins().summary(&mut summary);
        }
        summary
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Needs, Settings, Sink, Watching, analyse};
    use super::*;
    use crate::capture::{self, Target};
    use std::io;

    /// Counts along.
    struct Along(Interim);

    impl Sink for Along {
        fn needs(&self) -> Needs {
            Needs::ALL
        }

        fn connection(&mut self, judged: Judged) -> io::Result<()> {
            self.0.connection(&judged);
            Ok(())
        }

        fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
            self.0.event(event);
            Ok(())
        }
    }

    #[test]
    fn once_all_is_known_it_counts_what_the_summary_counts() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/unreachable/plain/capture.pcap");
        let mut source = capture::open(&[path]).unwrap();
        let mut along = Along(Interim::new(source.about(), None));
        let settings = Settings { watching: Watching::Always, ..Settings::default() };
        let all = analyse(source.as_mut(), Target::default(), &settings, &mut along).unwrap();
        let so_far = along.0.summary(std::iter::empty());
        assert!(all.connections > 0 && all.packets > 0);
        assert_eq!(
            (so_far.packets, so_far.segments, so_far.skipped, so_far.connections, so_far.begin, so_far.end),
            (all.packets, all.segments, all.skipped, all.connections, all.begin, all.end)
        );
        assert_eq!((so_far.codes, so_far.severities), (all.codes, all.severities));
        assert_eq!((so_far.servers, so_far.others), (all.servers, all.others));
        assert_eq!(so_far.neighbours.len(), all.neighbours.len());
    }
}
