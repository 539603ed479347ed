//! Where a live capture's frames go besides the analysis: to the file of `-w`, and to the flight recorder. With `--redact` they are
//! rewritten first, which some wait for.

use ssmscope::analysis::{Judged, PassingFrames, Redaction};
use ssmscope::capture::Frame;
use ssmscope::decode::Decoder;
use ssmscope::packet::Packet;
use ssmscope::recorder::Recorder;
use ssmscope::time::Timestamp;

use super::saving::Saving;

/// Takes frames, and what is known of them.
pub struct PassedOn {
    targets: Targets,
    /// Writes frames without names.
    passing: Option<PassingFrames>,
}

struct Targets {
    saving: Option<Saving>,
    recorder: Option<Recorder>,
    /// For frames that were rewritten.
    decoder: Decoder,
}

impl PassedOn {
    /// To these two, with stand-ins where there is a redaction.
    pub fn new(redaction: Option<&Redaction>, saving: Option<Saving>, recorder: Option<Recorder>) -> Self {
        let is_written = saving.is_some() || recorder.is_some();
        Self {
            targets: Targets { saving, recorder, decoder: Decoder::new() },
            passing: redaction.filter(|_| is_written).map(PassingFrames::new),
        }
    }

    /// The recorder, for what it has to say.
    pub fn recorder(&mut self) -> Option<&mut Recorder> {
        self.targets.recorder.as_mut()
    }

    /// Takes a frame as it was captured.
    pub fn frame(&mut self, frame: &Frame<'_>) {
        let Self { targets, passing } = self;
        match passing {
            Some(passing) => passing.take(frame, &mut |anew| targets.anew(anew)),
            None => targets.frame(frame),
        }
    }

    /// Learns what the frame was that was taken last.
    pub fn packet(&mut self, packet: &Packet<'_>) {
        if let (None, Some(recorder)) = (&self.passing, &mut self.targets.recorder) {
            recorder.packet(packet);
        }
    }

    /// Takes a verdict.
    pub fn judged(&mut self, judged: &Judged) {
        if let Some(recorder) = &mut self.targets.recorder {
            recorder.judged(judged);
        }
    }

    /// No packet came until then. `dropped` were dropped since the beginning.
    pub fn idle(&mut self, at: Timestamp, dropped: u64) {
        let Self { targets, passing } = self;
        let mut until = at;
        if let Some(passing) = passing {
            passing.pass(at, &mut |anew| targets.anew(anew));
            until = passing.waits_since().unwrap_or(at);
        }
        if let Some(recorder) = &mut targets.recorder {
            recorder.dropped(dropped);
            recorder.pass(until);
        }
    }

    /// Continues in a new file of the same name.
    pub fn reopen(&mut self) {
        if let Some(saving) = &mut self.targets.saving {
            saving.reopen();
        }
    }

    /// The capture ended then. Returns of how many packets nothing is left of the payload because too much was to be remembered.
    pub fn finish(&mut self, at: Timestamp, dropped: u64) -> u64 {
        let Self { targets, passing } = self;
        if let Some(passing) = passing {
            passing.finish(&mut |anew| targets.anew(anew));
        }
        if let Some(saving) = &mut targets.saving {
            saving.statistics(at, dropped);
        }
        if let Some(recorder) = &mut targets.recorder {
            recorder.dropped(dropped);
            recorder.finish();
        }
        passing.as_ref().map_or(0, PassingFrames::unlearned)
    }
}

impl Targets {
    fn frame(&mut self, frame: &Frame<'_>) {
        if let Some(saving) = &mut self.saving {
            saving.frame(frame);
        }
        if let Some(recorder) = &mut self.recorder {
            recorder.frame(frame);
        }
    }

    /// A frame that was rewritten: its addresses are those of the verdicts.
    fn anew(&mut self, frame: &Frame<'_>) {
        self.frame(frame);
        if let Some(recorder) = &mut self.recorder {
            recorder.packet(&self.decoder.decode(frame));
        }
    }
}
