//! Files of the recorder's folder: for their owner alone, never over another file, never through a link, and whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::libc::O_TMPFILE;
use nix::unistd::linkat;

/// Read and written by its owner alone.
const PRIVATE: u32 = 0o600;

/// How the names begin and end that unfinished files have where the file system knows no file without a name.
const PART: (&str, &str) = (".ssmscope-", ".part");

/// Creates a file of this name.
///
/// # Errors
/// When it can't be created, and when something has that name: O_EXCL follows no symbolic link (open(2)).
pub(super) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).mode(PRIVATE).open(path)
}

/// A file that gets its name when it is whole.
pub(super) struct Unfinished {
    folder: PathBuf,
    file: File,
    /// The name that it has meanwhile, where it can't be without one.
    part: Option<PathBuf>,
}

impl Unfinished {
    /// Begins a file.
    ///
    /// # Errors
    /// When it can't be created.
    pub(super) fn begin(folder: &Path) -> io::Result<Self> {
        let nameless =
            OpenOptions::new().read(true).write(true).mode(PRIVATE).custom_flags(O_TMPFILE).open(folder);
        match nameless {
            Ok(file) => Ok(Self { folder: folder.to_owned(), file, part: None }),
            // Not every file system has files without a name.
            Err(_) => Self::begin_part(folder),
        }
    }

    fn begin_part(folder: &Path) -> io::Result<Self> {
        static BEGUN: AtomicU64 = AtomicU64::new(0);
        let number = BEGUN.fetch_add(1, Ordering::Relaxed);
        let part = folder.join(format!("{}{}-{number}{}", PART.0, process::id(), PART.1));
        Ok(Self { folder: folder.to_owned(), file: create(&part)?, part: Some(part) })
    }

    /// What is written to.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// When it can't have it: [`io::ErrorKind::AlreadyExists`] where another file has it.
    pub(super) fn finish(&mut self, path: &Path) -> io::Result<()> {
        if self.part.is_none() {
            // open(2), O_TMPFILE: the name of a file that has none.
            let nameless = format!("/proc/self/fd/{}", self.file.as_raw_fd());
            match linkat(AT_FDCWD, nameless.as_str(), AT_FDCWD, path, AtFlags::AT_SYMLINK_FOLLOW) {
                Ok(()) => return Ok(()),
                Err(nix::Error::EEXIST) => return Err(io::ErrorKind::AlreadyExists.into()),
                // No /proc, or a file system that gives such files no name later.
                Err(_) => {}
            }
            let mut named = Self::begin_part(&self.folder)?;
            self.file.rewind()?;
            io::copy(&mut self.file, &mut named.file)?;
            std::mem::swap(self, &mut named);
        }
        let Some(part) = &self.part else { return Err(io::ErrorKind::NotFound.into()) };
        // Unlike a rename, a link takes no other file's place.
        fs::hard_link(part, path)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(part) = &self.part {
            let _ = fs::remove_file(part);
        }
    }
}

/// Whether it is what a killed process left of a file.
pub(super) fn is_part(name: &str) -> bool {
    name.starts_with(PART.0) && name.ends_with(PART.1)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn count(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn a_file_has_its_name_when_it_is_whole_and_takes_no_other_one_s_place() {
        for begin in [Unfinished::begin, Unfinished::begin_part] {
            let folder = tempfile::tempdir().unwrap();
            let [path, link] = ["failure.pcapng", "link"].map(|name| folder.path().join(name));
            let mut file = begin(folder.path()).unwrap();
            file.file().write_all(b"packets").unwrap();
            assert!(!path.exists());
            file.finish(&path).unwrap();
            drop(file);
            assert_eq!(fs::read(&path).unwrap(), b"packets");
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, PRIVATE);
            assert_eq!(count(folder.path()), 1);
            symlink("/nonexistent", &link).unwrap();
            for taken in [&path, &link] {
                let error = begin(folder.path()).unwrap().finish(taken).unwrap_err();
                assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
                assert_eq!(create(taken).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
            }
            drop(begin(folder.path()).unwrap());
            assert_eq!(fs::read(&path).unwrap(), b"packets");
            assert_eq!(count(folder.path()), 2, "nothing is left of what was not finished");
        }
    }

    #[test]
    fn the_rest_of_a_killed_process_is_recognised() {
        let folder = tempfile::tempdir().unwrap();
        let file = Unfinished::begin_part(folder.path()).unwrap();
        let name = file.part.as_ref().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
        assert!(is_part(&name) && !is_part("000001-a.pcapng") && !is_part(".ssmscope-x"));
    }
}
