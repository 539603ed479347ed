//! `--textfile`: metrics for node_exporter's textfile collector, which must never see half a file.

use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use ssmscope::report::End;
use ssmscope::report::monitoring::prometheus;
use tempfile::NamedTempFile;

/// A file of metrics that appears when it is whole.
pub struct Textfile {
    path: PathBuf,
    /// In the same folder, so that renaming it is one step.
    new: NamedTempFile,
}

impl Textfile {
    /// Begins to write beside what is there, so that a folder that can't be written is told at once.
    ///
    /// # Errors
    /// When there is no such folder, or nothing can be written to it.
    pub fn begin(path: &Path) -> anyhow::Result<Self> {
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        let new = NamedTempFile::new_in(folder)
            .with_context(|| format!("--textfile {}: can't be written", path.display()))?;
        Ok(Self { path: path.to_owned(), new })
    }

    /// Puts the metrics in the place of what was there.
    ///
    /// # Errors
    /// When they can't be written, and then what was there still is.
    pub fn finish(self, of: &End<'_>) -> anyhow::Result<()> {
        let Self { path, new } = self;
        write(new, &path, of).with_context(|| format!("--textfile {}: can't be written", path.display()))
    }
}

fn write(mut new: NamedTempFile, path: &Path, of: &End<'_>) -> io::Result<()> {
    // For everybody to read: the collector runs as another user.
    const MODE: u32 = 0o644;
    let mut text = Vec::new();
    prometheus::write(of, &mut text)?;
    new.write_all(&text)?;
    let file = new.as_file();
    file.set_permissions(Permissions::from_mode(MODE))?;
    // Else a crash may leave the name with nothing in it.
    file.sync_all()?;
    new.persist(path)?;
    Ok(())
}
