//! Files that are opened before the process gives up the right to open them, and read afterwards.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Seek};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::limits;

/// The result of opening a file: itself, or the system's number for the error.
type Attempt = Result<File, i32>;

/// Files that were opened in advance, each as often as it was named. A path that is not among them is opened on request.
#[derive(Clone, Debug, Default)]
pub struct Handles {
    opened: Arc<Mutex<BTreeMap<PathBuf, Vec<Attempt>>>>,
}

impl Handles {
    /// Opens these files. Standard input, `-`, is open anyway. [`Self::take`] and [`Self::look`] report an error of opening.
    pub fn open<P: AsRef<Path>>(paths: impl IntoIterator<Item = P>) -> Self {
        let mut opened: BTreeMap<PathBuf, Vec<Attempt>> = BTreeMap::new();
        // Captures and logs, of which no more are read.
        let named = paths.into_iter().take(2 * limits::FILES);
        for path in named.filter(|path| path.as_ref() != Path::new("-")) {
            let attempt = File::open(path.as_ref()).map_err(|error| error.raw_os_error().unwrap_or_default());
            opened.entry(path.as_ref().to_owned()).or_default().push(attempt);
        }
        Self { opened: Arc::new(Mutex::new(opened)) }
    }

    /// Files that are open already, by their paths.
    pub fn of(files: impl IntoIterator<Item = (PathBuf, File)>) -> Self {
        let mut opened: BTreeMap<PathBuf, Vec<Attempt>> = BTreeMap::new();
        for (path, file) in files {
            opened.entry(path).or_default().push(Ok(file));
        }
        Self { opened: Arc::new(Mutex::new(opened)) }
    }

    /// Hands over a file to its only reader.
    ///
    /// # Errors
    /// When it can't be opened, or could not be.
    pub fn take(&self, path: &Path) -> io::Result<File> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        match opened.get_mut(path).filter(|attempts| !attempts.is_empty()) {
            Some(attempts) => from_beginning(attempts.remove(0)),
            None => File::open(path),
        }
    }

    /// Hands over a file whose beginning is examined: [`Self::take`] returns it again, from its beginning.
    ///
    /// # Errors
    /// As [`Self::take`].
    pub fn look(&self, path: &Path) -> io::Result<File> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        match opened.get_mut(path).filter(|attempts| !attempts.is_empty()) {
            Some(attempts) => {
                // Two callers must not share a position in the file, so the next one gets another handle.
                attempts.rotate_left(1);
                match attempts.last() {
                    Some(Ok(file)) => from_beginning(Ok(file.try_clone()?)),
                    Some(Err(code)) => from_beginning(Err(*code)),
                    None => File::open(path),
                }
            }
            None => File::open(path),
        }
    }
}

fn from_beginning(attempt: Attempt) -> io::Result<File> {
    let mut file = attempt.map_err(io::Error::from_raw_os_error)?;
    // A pipe has no position, and nothing was read from it.
    let _ = file.rewind();
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read;

    use super::*;

    fn text(mut file: File) -> String {
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn a_file_is_read_from_its_beginning_after_it_was_examined() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("capture");
        fs::write(&path, "packets").unwrap();
        let handles = Handles::open([&path, &path]);
        assert_eq!(text(handles.look(&path).unwrap()), "packets");
        fs::remove_file(&path).unwrap();
        assert_eq!([text(handles.take(&path).unwrap()), text(handles.take(&path).unwrap())], ["packets"; 2]);
        assert_eq!(handles.take(&path).unwrap_err().kind(), io::ErrorKind::NotFound, "it was named twice");
    }

    #[test]
    fn why_a_file_could_not_be_opened_is_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("capture");
        let handles = Handles::open([&path]);
        fs::write(&path, "too late").unwrap();
        assert_eq!(handles.look(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(handles.take(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
