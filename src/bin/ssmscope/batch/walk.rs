//! Which files there are: those that are named, and those in the folders that are.

use std::fs::{self, DirEntry};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use ssmscope::limits;

/// A file to read, or why it can't be read.
#[derive(Clone, Debug)]
pub struct Found {
    pub path: PathBuf,
    /// Whether it was found in a folder, so that somebody else chose its name.
    pub is_walked: bool,
    pub error: Option<String>,
}

/// All of them, in order.
#[derive(Debug, Default)]
pub struct Walk {
    pub found: Vec<Found>,
    /// Symbolic links in folders.
    pub links: u64,
    /// The folder that is not walked, by its device and number: that of the outputs.
    except: Option<(u64, u64)>,
}

impl Walk {
    /// Finds the captures of these paths in order; a folder's are in the order of the names' bytes, folders among files. `except` is left
    /// out where it is in one of them.
    pub fn of(paths: &[PathBuf], except: Option<&Path>) -> Self {
        let except = except.and_then(|path| fs::metadata(path).ok()).map(|about| (about.dev(), about.ino()));
        let mut walk = Self { except, ..Self::default() };
        for path in paths {
            if path.is_dir() {
                walk.folder(path, 0);
            } else {
                walk.add(path.clone(), false, None);
            }
        }
        walk
    }

    fn folder(&mut self, path: &Path, depth: usize) {
        let is_excepted = |except| fs::metadata(path).is_ok_and(|about| (about.dev(), about.ino()) == except);
        if self.except.is_some_and(is_excepted) {
            return;
        }
        if depth == limits::BATCH_DEPTH {
            let error = format!("can't be walked: more than {} folders deep", limits::BATCH_DEPTH);
            return self.add(path.to_owned(), true, Some(error));
        }
        let mut entries: Vec<DirEntry> = match list(path) {
            Ok(entries) => entries,
            Err(error) => return self.add(path.to_owned(), true, Some(format!("can't be listed: {error}"))),
        };
        entries.sort_by_key(DirEntry::file_name);
        for entry in entries {
            if self.found.len() > limits::BATCH_FILES {
                return;
            }
            let path = entry.path();
            match entry.file_type() {
                // What a link leads to is somewhere else, and may lead back.
                Ok(kind) if kind.is_symlink() => self.links += 1,
                Ok(kind) if kind.is_dir() => self.folder(&path, depth + 1),
                Ok(kind) if kind.is_file() => self.add(path, true, None),
                Ok(_) => self.add(path, true, Some(NOT_REGULAR.to_owned())),
                Err(error) => self.add(path, true, Some(error.to_string())),
            }
        }
    }

    fn add(&mut self, path: PathBuf, is_walked: bool, error: Option<String>) {
        match self.found.len() {
            len if len < limits::BATCH_FILES => self.found.push(Found { path, is_walked, error }),
            limits::BATCH_FILES => {
                let error =
                    format!("is left out, with what follows it: more than {} files", limits::BATCH_FILES);
                self.found.push(Found { path, is_walked, error: Some(error) });
            }
            _ => {}
        }
    }
}

/// What a pipe, a socket or a device is.
pub const NOT_REGULAR: &str = "is no regular file";

/// What a folder holds, as far as that many files can be read.
fn list(path: &Path) -> io::Result<Vec<DirEntry>> {
    fs::read_dir(path)?.take(limits::BATCH_FILES).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn folders_are_walked_in_order_and_links_are_not_followed() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        for folder in ["b", "b/deep", "out"] {
            fs::create_dir(at(folder)).unwrap();
        }
        for file in ["c", "a", "b/2", "b/10", "b/deep/x\n=1", "out/done"] {
            fs::write(at(file), "").unwrap();
        }
        symlink(root.path(), at("b/loop")).unwrap();
        symlink(at("a"), at("b/link")).unwrap();
        nix::unistd::mkfifo(&at("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let paths = [root.path().to_owned(), at("a"), at("missing")];
        let walk = Walk::of(&paths, Some(&at("out")));
        let names: Vec<_> =
            walk.found.iter().map(|found| found.path.strip_prefix(root.path()).unwrap()).collect();
        let expected = ["a", "b/10", "b/2", "b/deep/x\n=1", "c", "pipe", "a", "missing"];
        assert_eq!(names, expected.map(Path::new));
        assert_eq!(walk.links, 2);
        assert_eq!(walk.found[5].error.as_deref(), Some(NOT_REGULAR));
        assert!(Walk::of(&[at("b/loop")], None).found.len() > 4, "a link that is named is followed");
    }

    #[test]
    fn folders_are_walked_down_to_a_bound() {
        let root = tempfile::tempdir().unwrap();
        let deep = (0..=limits::BATCH_DEPTH).fold(root.path().to_owned(), |path, _| path.join("d"));
        fs::create_dir_all(&deep).unwrap();
        let walk = Walk::of(&[root.path().to_owned()], None);
        assert_eq!(walk.found.len(), 1);
        assert!(walk.found[0].error.as_ref().unwrap().contains("deep"));
    }
}
