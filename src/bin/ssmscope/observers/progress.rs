//! How far the reading got, on standard error, when it takes long enough to wonder.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use ssmscope::analysis::Event;

use super::Observer;

/// Nothing is shown before this.
const PATIENCE: Duration = Duration::from_secs(1);

/// Shows progress on a terminal.
pub struct Progress {
    began: Instant,
    is_shown: bool,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// From now on.
    pub fn begin() -> Self {
        Self { began: Instant::now(), is_shown: io::stderr().is_terminal(), bar: None }
    }

    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Observer for Progress {
    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Progress(read, of) if self.is_shown && self.began.elapsed() >= PATIENCE => {
                self.bar.get_or_insert_with(|| bar(*of)).set_position(*read);
            }
            // What is waited for has no measure of how much is left.
            Event::Idle(..) => {
                self.is_shown = false;
                self.clear();
            }
            _ => {}
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
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
