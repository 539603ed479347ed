//! `live --write`: every captured frame in a file.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use ssmscope::capture::{Frame, save};
use ssmscope::report::Form;
use ssmscope::time::Timestamp;

use crate::args::Live;
use crate::exit;
use crate::system::{files, privileges};

/// A file that frames are saved to. What goes wrong with it is reported once, and the analysis continues.
pub struct Saving {
    path: PathBuf,
    output: Form,
    device: String,
    /// What a reader of the file should know.
    remark: Option<&'static str>,
    snaplen: u32,
    writer: Option<save::Writer<File>>,
    /// Bytes in the file before the writer's own.
    len_before: u64,
}

impl Saving {
    /// Begins to write.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn begin(
        path: &Path,
        device: &str,
        remark: Option<&'static str>,
        options: &Live,
    ) -> anyhow::Result<Self> {
        let (device, snaplen) = (device.to_owned(), options.snaplen);
        let file = files::create_private(path)
            .with_context(|| format!("{}: can't be written; {}", path.display(), privileges::USER))?;
        let writer = save::Writer::new(file, &device, snaplen, remark)
            .with_context(|| format!("{}: can't be written", path.display()))?;
        let (path, output) = (path.to_owned(), options.rendering.output);
        Ok(Self { path, output, device, remark, snaplen, writer: Some(writer), len_before: 0 })
    }

    /// Continues in a file of the same name, which is a new one if the old was moved away.
    pub fn reopen(&mut self) {
        let opened = files::append_private(&self.path);
        let begun = opened.and_then(|file| {
            let len = file.metadata()?.len();
            Ok((save::Writer::new(file, &self.device, self.snaplen, self.remark)?, len))
        });
        match begun {
            Ok((writer, len)) => (self.writer, self.len_before) = (Some(writer), len),
            Err(error) => self.give_up(&error),
        }
    }

    /// Saves a frame.
    pub fn frame(&mut self, frame: &Frame<'_>) {
        if let Some(writer) = &mut self.writer
            && let Err(error) = writer.frame(frame, None)
        {
            self.give_up(&error);
        }
    }

    /// Saves that the capture ended then, and how many packets were dropped.
    pub fn statistics(&mut self, at: Timestamp, dropped: u64) {
        if let Some(writer) = &mut self.writer
            && let Err(error) = writer.statistics(at, Some(dropped))
        {
            self.give_up(&error);
        }
    }

    fn give_up(&mut self, error: &io::Error) {
        // Half a block at the end of a full disk would spoil what is there.
        if let Some(writer) = self.writer.take() {
            let len = self.len_before + writer.written();
            let _ = writer.into_inner().set_len(len);
        }
        exit::aside(
            self.output,
            format_args!(
                "ssmscope: {}: saving stopped: {error}; the analysis continues, and SIGHUP opens the file again",
                self.path.display()
            ),
        );
    }
}
