//! `--textfile`: metrics for node_exporter's textfile collector, which must never see half a file.

use std::ffi::OsString;
use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use ssmscope::report::monitoring::prometheus::MetricsPage;

use super::folder::Folder;

/// For everybody to read: the collector runs as another user.
const MODE: u32 = 0o644;

/// A file of metrics that appears when it is whole.
pub struct Textfile {
    path: PathBuf,
    folder: Folder,
    name: OsString,
    /// In the same folder, where the kernel can without a name, so that no signal leaves it there.
    new: File,
}

impl Textfile {
    /// Begins to write where the file will be, so that a folder that can't be written is an error at once.
    ///
    /// # Errors
    /// When there is no such folder, or nothing can be written to it.
    pub fn begin(path: &Path) -> anyhow::Result<Self> {
        let begun = Folder::of(path).and_then(|(folder, name)| Ok((folder.nameless()?, folder, name)));
        let (new, folder, name) =
            begun.with_context(|| format!("--textfile {}: can't be written", path.display()))?;
        Ok(Self { path: path.to_owned(), folder, name, new })
    }

    /// Replaces what was there by the metrics.
    ///
    /// # Errors
    /// When they can't be written, and then what was there still is.
    pub fn finish(self, page: MetricsPage) -> anyhow::Result<()> {
        self.write(page).with_context(|| format!("--textfile {}: can't be written", self.path.display()))
    }

    fn write(&self, mut page: MetricsPage) -> io::Result<()> {
        let mut text = Vec::new();
        page.add_time(now());
        page.write(&mut text)?;
        write(&self.new, &text)?;
        self.folder.put(&self.new, &self.name)
    }
}

/// Seconds of Unix time.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn write(mut file: &File, text: &[u8]) -> io::Result<()> {
    file.write_all(text)?;
    file.set_permissions(Permissions::from_mode(MODE))?;
    // Else a crash may leave the name with nothing in it.
    file.sync_all()
}
