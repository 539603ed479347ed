//! The report on a capture that is still being written: as of a file while it comes without a pause, and packet by packet from
//! the first pause on.

use std::io::{self, Write};

use super::collection::Collection;
use super::stream::{MICROSECONDS, Stream, TimeForm};
use super::timeline;
use crate::analysis::{Bounds, Event, Judged, Needs, Sink};
use crate::report::{End, Report, Style};

/// The timeline of such a capture.
pub enum Following<W: Write> {
    /// Until the first pause.
    Collecting(Collection, Style, Option<W>),
    /// From then on.
    Streaming(Box<Stream<W>>),
}

impl<W: Write> Following<W> {
    /// Which shows every connection's packets from the first pause on, and of a capture without a pause those that `style`
    /// says.
    pub fn new(out: W, style: Style, bounds: &Bounds) -> Self {
        let collection = Collection::new(false, style.detail.clone()).within(bounds);
        Self::Collecting(collection, style, Some(out))
    }
}

impl<W: Write + Send> Sink for Following<W> {
    fn needs(&self) -> Needs {
        Needs::ALL
    }

    fn connection(&mut self, judged: Judged) -> io::Result<()> {
        match self {
            Self::Collecting(collection, ..) => collection.connection(judged),
            Self::Streaming(stream) => stream.connection(judged),
        }
    }

    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        if let (Event::Idle(_, about), Self::Collecting(collection, style, out)) = (event, &mut *self)
            && let Some(out) = out.take()
        {
            let is_text = about.files.iter().any(|file| file.is_text);
            let digits = about.digits.min(MICROSECONDS);
            let times = TimeForm { clock: about.clock, digits, is_text };
            let mut stream = Stream::new(out, style.clone(), times);
            // Those that left a full table early.
            for judged in std::mem::take(&mut collection.connections) {
                stream.connection(judged)?;
            }
            *self = Self::Streaming(Box::new(stream));
        }
        match self {
            Self::Collecting(collection, ..) => collection.event(event),
            Self::Streaming(stream) => stream.event(event),
        }
    }
}

impl<W: Write + Send> Report for Following<W> {
    fn finish(self: Box<Self>, end: &End<'_>) -> io::Result<()> {
        match *self {
            Self::Streaming(stream) => stream.end(end.summary),
            Self::Collecting(mut collection, style, out) => {
                collection.sort();
                let Some(mut out) = out else { return Ok(()) };
                timeline::write(&collection, end.summary, &style, &mut out)?;
                out.flush()
            }
        }
    }
}
