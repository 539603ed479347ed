//! What is known of the capture by now, as far as it concerns a connection: its clock, its kind, and what it lacks.

use super::Settings;
use super::clock::Eras;
use super::losses::Losses;
use crate::capture::{About, UnreadLine};
use crate::limits;
use crate::packet::{Content, Flags, Host, Other, Viewpoint};
use crate::story::{CaptureFacts, Holds, Story, UnreadLines};
use crate::time::Timestamp;

/// The capture's clock, and what its source reported last.
#[derive(Clone)]
pub(super) struct Facts<'s> {
    settings: &'s Settings,
    clock: Eras,
    reported: CaptureFacts,
    losses: Losses,
    /// Which of the captures of the input is being read, counted from 1.
    part: u32,
    /// Whether the capture that is being read has other packets than SYNs, and ICMP errors about them.
    has_others: bool,
    /// Whether it has segments of TCP that are neither SYN nor SYN-ACK.
    has_more_than_openings: bool,
    /// ICMP errors that do not show which packet they quote, up to [`limits::UNQUOTED_ERRORS`].
    unquoted_errors: Vec<u64>,
    /// Where the source has packet lines that could not be read.
    unread: Vec<UnreadLine>,
}

impl<'s> Facts<'s> {
    /// Creates the facts of a capture of which nothing was read yet.
    pub(super) fn new(settings: &'s Settings) -> Self {
        let reported = CaptureFacts { viewpoint: settings.viewpoint, ..CaptureFacts::default() };
        let (clock, losses) = (Eras::default(), Losses::default());
        Self {
            settings,
            clock,
            reported,
            losses,
            part: 1,
            has_others: false,
            has_more_than_openings: false,
            unquoted_errors: Vec::new(),
            unread: Vec::new(),
        }
    }

    /// The capture's clock.
    pub(super) fn clock(&self) -> &Eras {
        &self.clock
    }

    /// Another capture of the same input begins: its clock shows nothing of the one before, and its packets count from 1 again.
    pub(super) fn begin_part(&mut self) {
        self.clock = Eras::default();
        self.part = self.part.saturating_add(1);
        self.has_others = false;
        self.has_more_than_openings = false;
        self.unquoted_errors.clear();
    }

    /// What a capture lacks is not what the next one lacks.
    pub(super) fn forget_missing(&mut self) {
        self.record_missing(None, Losses::default());
    }

    /// The capture holds no more than this many packets of each connection, and lost these.
    pub(super) fn record_missing(&mut self, packets_each: Option<u32>, losses: Losses) {
        self.reported.packets_each = packets_each;
        self.losses = losses;
    }

    /// Takes in a packet that is neither TCP nor an ICMP error: a filter on flags would have left it out.
    pub(super) fn record_other(&mut self, content: &Content<'_>, number: u64) {
        self.has_others = true;
        if matches!(content, Content::Other(Other::UnquotedIcmpError))
            && self.unquoted_errors.len() < limits::UNQUOTED_ERRORS
        {
            self.unquoted_errors.push(number);
        }
    }

    /// Takes in a segment's flags.
    pub(super) fn record_flags(&mut self, flags: Option<Flags>) {
        self.has_others |= flags.is_none_or(|flags| !flags.syn() || flags.ack());
        self.has_more_than_openings |= flags.is_none_or(|flags| !flags.syn());
    }

    /// Takes in the next packet's time.
    pub(super) fn record_packet(&mut self, number: u64, at: Timestamp) {
        self.clock.note(number, at);
    }

    /// A packet of this time was captured, and the clock did not step since the others that are known.
    pub(super) fn reach(&mut self, at: Timestamp) {
        self.clock.reach(at);
    }

    /// The clock advances without a packet.
    pub(super) fn record_time(&mut self, at: Timestamp) {
        self.clock.pass(at);
    }

    /// Takes in what the source reports. While packets come (`is_live`), drops that were not reported before happened up to
    /// now.
    pub(super) fn record_source(&mut self, about: &About, is_live: bool) {
        let before = self.reported;
        self.unread.clone_from(&about.unread);
        let dropped_more = about.dropped.unwrap_or(0) > before.dropped.unwrap_or(0);
        let dropped_now = (is_live && dropped_more).then(|| self.clock.latest());
        self.reported = CaptureFacts {
            clock: about.clock,
            digits: about.digits,
            dropped: about.dropped,
            dropped_until: about.dropped_until.or(dropped_now).or(before.dropped_until),
            is_text: about.files.iter().any(|file| file.is_text),
            viewpoint: self.settings.viewpoint,
            ..CaptureFacts::default()
        };
    }

    /// The capture lost these packets so far.
    pub(super) fn record_losses(&mut self, losses: Losses) {
        self.losses = losses;
    }

    /// The facts for a connection with this story so far.
    pub(super) fn of(&self, so_far: &Story) -> CaptureFacts {
        let ends = [&so_far.parties.client, &so_far.parties.server].map(|party| party.host);
        let facts = self.between(so_far.first.number, so_far.last.number, ends);
        let facts = CaptureFacts {
            interrupted: self.clock.break_after(so_far.last),
            lost_others: self.losses.are_near(so_far),
            ..facts
        };
        let Some(knowledge) = self.settings.knowledge.iter().find(|knowledge| knowledge.is_about(so_far))
        else {
            return facts;
        };
        CaptureFacts {
            end: knowledge.closed.map_or(facts.end, |closed| closed.min(facts.end)),
            is_own: true,
            acks_unobservable: self.settings.viewpoint == Viewpoint::Socket && knowledge.acks_unobservable,
            ..facts
        }
    }

    /// The facts for a connection of these ends with its first and its last packet, of which no end reports anything.
    pub(super) fn between(&self, first: u64, last: u64, ends: [Host; 2]) -> CaptureFacts {
        // What was sent to others, an ICMP error as well, is not about it.
        let concerns = |line: &&UnreadLine| {
            line.part == self.part && line.receiver.is_none_or(|receiver| ends.contains(&receiver))
        };
        let unread = self.unread.iter().filter(concerns).map(|line| line.behind);
        CaptureFacts {
            unread: UnreadLines::between(unread, first, last),
            end: self.clock.end_for(last),
            unquoted_icmp_error: self.unquoted_errors.iter().find(|number| **number > first).copied(),
            clock_step: self.clock.step_between(first, last),
            part: self.reported.is_text.then_some(self.part),
            holds: if self.reported.is_text && !self.has_others {
                Holds::SynsOfText
            } else if self.has_more_than_openings {
                Holds::Others
            } else {
                Holds::Openings
            },
            ..self.reported
        }
    }
}
