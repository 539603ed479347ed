//! A capture that is still being written, read by `ssmscope read`: a report as of a file while it comes without a pause,
//! and one that goes along with it from the first pause on.

use std::io::{self, Write};
use std::path::Path;

use ssmscope::analysis::{Bounds, Event, Judged, Sink, Summary};
use ssmscope::capture::ReadError;
use ssmscope::capture::pausing::Waiting;
use ssmscope::report::human::stream::{Stream, Times};
use ssmscope::report::human::timeline;
use ssmscope::report::{Collection, Style};

use crate::args::{Output, Read};

/// Digits after the second that tcpdump prints.
const MICROSECONDS: u8 = 6;

/// Whether the input is one that may pause: a pipe, or a file that is followed.
///
/// # Errors
/// When several files are to be followed at once.
pub fn is_waited_for(options: &Read) -> anyhow::Result<bool> {
    let [only] = options.files.as_slice() else {
        anyhow::ensure!(!options.follow, "--follow reads one file");
        return Ok(false);
    };
    let is_pipe = only == "-" && !is_regular_file();
    Ok(options.follow || is_pipe)
}

/// Opens it.
///
/// # Errors
/// When it can't be read, or is no capture.
pub fn open(options: &Read) -> Result<Waiting, ReadError> {
    let source = match options.files.first() {
        Some(name) if name != "-" => Waiting::follow(Path::new(name))?,
        _ => Waiting::standard_input()?,
    };
    // tcpdump's form needs to know the capture's clock before its first packet.
    Ok(if options.output == Output::Tcpdump { source.begun() } else { source })
}

/// Whether standard input is a file, which has an end.
fn is_regular_file() -> bool {
    use std::os::fd::AsFd;
    let about =
        io::stdin().as_fd().try_clone_to_owned().and_then(|input| std::fs::File::from(input).metadata());
    about.is_ok_and(|about| about.is_file())
}

/// The timeline's report of such a capture.
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
        let collection = Collection::new(false, style.shows_all).within(bounds);
        Self::Collecting(collection, style, Some(out))
    }

    /// Writes what is left to say once the capture has ended.
    ///
    /// # Errors
    /// When the output can't be written.
    pub fn finish(self, summary: &Summary) -> io::Result<()> {
        match self {
            Self::Streaming(stream) => stream.finish(summary),
            Self::Collecting(mut collection, style, out) => {
                collection.sort();
                let Some(mut out) = out else { return Ok(()) };
                timeline::write(&collection, summary, &style, &mut out)?;
                out.flush()
            }
        }
    }
}

impl<W: Write + Send> Sink for Following<W> {
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
            let times = Times { clock: about.clock, digits, is_text };
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
