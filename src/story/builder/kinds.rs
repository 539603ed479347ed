//! What kind a segment is of.

use super::Builder;
use super::notes::Notes;
use crate::packet::{Segment, Viewpoint};
use crate::story::{Moment, Note};
use crate::tcp::{Observation, Role, SegmentKind, TcpConnection};

impl Builder {
    /// Notes what kind of segment it is. Returns whether it does anything to this connection: copies, and packets of an older
    /// one, do not.
    pub(super) fn is_of_this_connection(
        &mut self,
        moment: Moment,
        connection: &TcpConnection,
        segment: &Segment<'_>,
        observation: &Observation,
        notes: &mut Notes,
    ) -> bool {
        self.story.traffic.record_sign_of(observation.role);
        let is_bare_probe = self.bare_probes.is_probe(moment, segment, observation);
        if is_bare_probe && self.viewpoint == Viewpoint::Wire && connection.is_established() {
            self.on_probe(moment, connection, observation.role, notes);
        }
        match observation.kind {
            SegmentKind::DuplicateCapture { of } => {
                notes.push(Note::DuplicateCapture(of));
                self.story.traffic.duplicates.add(moment);
                return false;
            }
            SegmentKind::PreviousConnection => {
                notes.push(Note::PreviousConnection);
                self.story.opening.previous_connection[observation.role].add(moment);
                return false;
            }
            SegmentKind::Retransmission { of } => notes.push(Note::Retransmission(of)),
            SegmentKind::OutOfOrder => notes.push(Note::OutOfOrder),
            SegmentKind::KeepAlive => self.on_probe(moment, connection, observation.role, notes),
            SegmentKind::DuplicateAck => notes.push(Note::DuplicateAck),
            SegmentKind::Ordinary | SegmentKind::WindowUpdate => {}
        }
        true
    }

    /// A keep-alive probe, or one of a window that the other side closed.
    fn on_probe(&mut self, moment: Moment, connection: &TcpConnection, by: Role, notes: &mut Notes) {
        notes.push(Note::KeepAlive);
        let traffic = &mut self.story.traffic;
        traffic.keep_alives.add(moment);
        if connection.ends[by.other()].window == Some(0) {
            traffic.window_probes.add(moment);
        } else {
            traffic.record_probe(by, moment);
        }
    }
}
