//! tcpdump's text as a file: the transcript's reader on top of the same bytes, with the file's own progress.

use crate::capture::transcript::Transcript;
use crate::capture::{About, ReadError, Record, Source};

use super::input::{Compression, Input, Progress};

/// A file of text being read.
pub(super) struct Text {
    transcript: Transcript<Input>,
    compression: Option<Compression>,
    progress: Progress,
}

impl Text {
    /// Creates the reader of the file with this name and index.
    pub(super) fn new(name: &str, index: u16, mut input: Input) -> Self {
        input.report_pauses();
        let (compression, progress) = (input.compression(), input.progress().clone());
        Self { transcript: Transcript::new(name.to_owned(), index, input), compression, progress }
    }
}

impl Source for Text {
    fn next_record(&mut self) -> Result<Option<Record<'_>>, ReadError> {
        self.transcript.next_record()
    }

    fn about(&self) -> About {
        let mut about = self.transcript.about();
        if let (Some(compression), Some(file)) = (self.compression, about.files.first_mut()) {
            file.format = format!("{} ({})", file.format, compression.name());
        }
        about
    }

    fn progress(&self) -> (u64, Option<u64>) {
        self.progress.figures()
    }
}
