//! How far the reading got, on standard error, when it takes long enough to wonder.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use ssmscope::analysis::{Judged, Sink};
use ssmscope::capture::About;
use ssmscope::packet::Packet;
use ssmscope::report::Worst;
use ssmscope::story::{Entry, Silence, Story};
use ssmscope::time::Timestamp;

/// Nothing is shown before this.
const PATIENCE: Duration = Duration::from_secs(1);

/// Hands everything on to another sink, and shows progress on a terminal.
pub struct Watched<'s> {
    sink: &'s mut dyn Sink,
    began: Instant,
    is_shown: bool,
    bar: Option<ProgressBar>,
    ends: Option<Arc<AtomicBool>>,
    worst: &'s mut Worst,
}

impl<'s> Watched<'s> {
    /// Around the sink that takes the results. What monitoring asks for is kept in `worst`.
    pub fn new(sink: &'s mut dyn Sink, worst: &'s mut Worst) -> Self {
        Self {
            sink,
            began: Instant::now(),
            is_shown: io::stderr().is_terminal(),
            bar: None,
            ends: None,
            worst,
        }
    }

    /// Ends the reading when this is set.
    pub fn ending_with(mut self, ends: Option<Arc<AtomicBool>>) -> Self {
        self.ends = ends;
        self
    }
}

impl Sink for Watched<'_> {
    fn packet(&mut self, packet: &Packet<'_>) -> io::Result<()> {
        self.sink.packet(packet)
    }

    fn entry(&mut self, story: &Story, entry: &Entry) -> io::Result<()> {
        self.sink.entry(story, entry)
    }

    fn silence(&mut self, story: &Story, silence: &Silence) -> io::Result<()> {
        self.sink.silence(story, silence)
    }

    fn known(&mut self, judged: &Judged) -> io::Result<()> {
        self.sink.known(judged)
    }

    fn idle(&mut self, at: Timestamp, about: &About) -> io::Result<()> {
        // What is waited for has no measure of how much is left.
        self.is_shown = false;
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        self.sink.idle(at, about)
    }

    fn takes_connections_alone(&self) -> bool {
        self.ends.is_none() && self.sink.takes_connections_alone()
    }

    fn makes_much_of_each(&self) -> bool {
        self.sink.makes_much_of_each()
    }

    fn reads_findings(&self) -> bool {
        self.sink.reads_findings()
    }

    fn is_done(&mut self) -> bool {
        self.ends.as_ref().is_some_and(|ends| ends.load(Ordering::Relaxed)) || self.sink.is_done()
    }

    fn connection(&mut self, judged: Judged) -> io::Result<()> {
        self.worst.take(&judged);
        self.sink.connection(judged)
    }

    fn progress(&mut self, read: u64, of: Option<u64>) {
        self.sink.progress(read, of);
        if !self.is_shown || self.began.elapsed() < PATIENCE {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| bar(of));
        bar.set_position(read);
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(of: Option<u64>) -> ProgressBar {
    let (bar, template) = match of {
        Some(bytes) => (ProgressBar::new(bytes), "reading {wide_bar} {bytes} of {total_bytes}, {eta} left"),
        None => (ProgressBar::new_spinner(), "{spinner} read {bytes}"),
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
