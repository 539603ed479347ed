//! The packets alone, as tcpdump prints them.

use std::fmt;
use std::io::{self, Write};

use super::{LineStyle, Printer};
use crate::analysis::{Event, Judged, Needs, Sink};
use crate::capture::About;
use crate::limits;
use crate::report::{self, End, Report};

/// tcpdump prints microseconds of every capture unless it is asked for more.
const DIGITS: u8 = 6;

/// Prints each packet as it comes.
pub struct Packets<W> {
    out: W,
    printer: Printer,
    text: String,
}

impl<W: Write> Packets<W> {
    /// Creates the report of a capture with times of this kind.
    pub fn new(out: W, about: &About, style: &report::Style) -> Self {
        let style = LineStyle {
            is_verbose: style.verbosity > 0,
            is_text: about.files.iter().any(|file| file.is_text),
            clock: about.clock,
            digits: DIGITS,
            zone: style.zone.clone(),
        };
        Self { out, printer: Printer::new(style), text: String::new() }
    }
}

impl<W: Write + Send> Report for Packets<W> {
    fn finish(mut self: Box<Self>, _: &End<'_>) -> io::Result<()> {
        self.out.flush()
    }

    fn remark(&self) -> Option<String> {
        let forgotten = self.printer.numberings().forgotten();
        (forgotten > 0).then(|| {
            format!(
                "more than {} conversations: the sequence numbers of the {forgotten} oldest start again if they continue",
                limits::PRINTED_CONVERSATIONS
            )
        })
    }
}

impl<W: Write + Send> Sink for Packets<W> {
    fn needs(&self) -> Needs {
        Needs { findings: false, examinations: false, ..Needs::ALL }
    }

    fn event(&mut self, event: &Event<'_>) -> io::Result<()> {
        match event {
            Event::Packet(packet) => {
                self.text.clear();
                self.printer.print(packet, &mut self.text).map_err(|fmt::Error| io::ErrorKind::Other)?;
                self.out.write_all(self.text.as_bytes())
            }
            Event::Idle(..) => self.out.flush(),
            _ => Ok(()),
        }
    }

    fn connection(&mut self, _: Judged) -> io::Result<()> {
        Ok(())
    }
}
