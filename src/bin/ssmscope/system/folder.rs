//! The folder of a file that is written, found without following another user's symbolic link: such a link leads wherever that user
//! likes, and root may write there too.

use std::collections::VecDeque;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata, Permissions};
use std::io::{self, Seek};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};
use std::process;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat, readlinkat, renameat};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::{UnlinkatFlags, geteuid, linkat, unlinkat};

/// Readable by its owner alone.
pub const PRIVATE: u32 = 0o600;

/// Most links on the way to a folder, as in the kernel (path_resolution(7)).
const LINKS: usize = 40;

/// Most names that are tried for a file which is there only until it gets its own.
const TRIES: usize = 16;

/// A folder that files are written to. It stays the same one, whatever becomes of its name.
pub struct Folder(OwnedFd);

impl Folder {
    /// The folder that a file is in, and the file's name in it.
    ///
    /// # Errors
    /// Those of [`open`](Self::open), and when the path has the form of a folder's.
    pub fn of(path: &Path) -> io::Result<(Self, OsString)> {
        let name = path.file_name().filter(|_| !path.as_os_str().as_bytes().ends_with(b"/"));
        let name = name.ok_or(io::ErrorKind::IsADirectory)?;
        let parent = path.parent().filter(|parent| *parent != Path::new(""));
        Ok((Self::open(parent.unwrap_or(Path::new(".")))?, name.to_owned()))
    }

    /// Finds a folder, one component of its path after another. What is a link is read through the same descriptor as its
    /// owner, so nobody can exchange it between the two.
    ///
    /// # Errors
    /// When there is no such folder, and where a component is a symbolic link that is not to be trusted.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut at = open_folder(".")?;
        let mut rest: VecDeque<PathBuf> = components(path);
        let mut links = 0;
        while let Some(component) = rest.pop_front() {
            if component.is_absolute() {
                at = open_folder("/")?;
                continue;
            }
            let next = open_at(&at, &component, OFlag::O_PATH | OFlag::O_NOFOLLOW)?;
            let about = next.metadata()?;
            if !about.is_symlink() {
                at = next;
                continue;
            }
            links += 1;
            if links > LINKS {
                return Err(nix::Error::ELOOP.into());
            }
            if !is_trusted(&about, &at.metadata()?) {
                let what = format!(
                    "{} is a symbolic link of another user, which is not followed",
                    component.display()
                );
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, what));
            }
            let target = readlinkat(&next, "")?;
            for component in components(Path::new(&target)).into_iter().rev() {
                rest.push_front(component);
            }
        }
        if !at.metadata()?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Self(at.into()))
    }

    /// Creates a file that only its owner can read, to be appended to.
    ///
    /// # Errors
    /// When it can't be created, and when something has that name, even a link.
    pub fn create(&self, name: &OsStr) -> io::Result<File> {
        let flags = OFlag::O_WRONLY | OFlag::O_APPEND | OFlag::O_CREAT | OFlag::O_EXCL;
        open_at(&self.0, Path::new(name), flags)
    }

    /// Opens what is there, unless it is a link.
    ///
    /// # Errors
    /// When it can't be opened.
    pub fn open_existing(&self, name: &OsStr, flags: OFlag) -> io::Result<File> {
        open_at(&self.0, Path::new(name), flags | OFlag::O_WRONLY | OFlag::O_NOFOLLOW)
    }

    /// What has this name: a link is not followed.
    ///
    /// # Errors
    /// When nothing has.
    pub fn about(&self, name: &OsStr) -> io::Result<Metadata> {
        open_at(&self.0, Path::new(name), OFlag::O_PATH | OFlag::O_NOFOLLOW)?.metadata()
    }

    /// Creates a file without a name that only its owner can read.
    ///
    /// # Errors
    /// When nothing can be written to this folder.
    pub fn nameless(&self) -> io::Result<File> {
        let nameless = open_at(&self.0, Path::new("."), OFlag::O_TMPFILE | OFlag::O_RDWR);
        nameless.or_else(|_| {
            // Not every file system has files without a name.
            let (file, name) = self.create_temporary()?;
            self.remove(&name)?;
            Ok(file)
        })
    }

    /// Replaces what has a name by an empty file, to be appended to, that only its owner can read.
    ///
    /// # Errors
    /// When it can't be replaced.
    pub fn replace(&self, name: &OsStr) -> io::Result<File> {
        let (file, temporary) = self.create_temporary()?;
        self.rename(&temporary, name)?;
        Ok(file)
    }

    /// Gives a name to a file that has none and was created in this folder, and has it take the place of what has that name.
    ///
    /// # Errors
    /// When it can't have it.
    pub fn put(&self, nameless: &File, name: &OsStr) -> io::Result<()> {
        // open(2), O_TMPFILE: the name of a file that has none.
        let from = format!("/proc/self/fd/{}", nameless.as_raw_fd());
        let link = |name: &OsStr| linkat(AT_FDCWD, from.as_str(), &self.0, name, AtFlags::AT_SYMLINK_FOLLOW);
        if link(name).is_ok() {
            return Ok(());
        }
        let temporary = temporary_name();
        if link(&temporary).is_ok() {
            return self.rename(&temporary, name);
        }
        // No /proc, or a file system that gives such files no name later.
        let (mut named, temporary) = self.create_temporary()?;
        let mut whole = nameless;
        let copied = whole.rewind().and_then(|()| io::copy(&mut whole, &mut named)).and_then(|_| {
            named.set_permissions(Permissions::from_mode(nameless.metadata()?.mode() & 0o777))?;
            named.sync_all()
        });
        copied.inspect_err(|_| drop(self.remove(&temporary)))?;
        self.rename(&temporary, name)
    }

    /// Makes a folder in this one.
    ///
    /// # Errors
    /// When it can't be made, and when something has that name.
    pub fn make_folder(&self, name: &OsStr) -> io::Result<()> {
        Ok(mkdirat(&self.0, name, Mode::from_bits_truncate(0o777))?)
    }

    /// Removes a file.
    ///
    /// # Errors
    /// When it can't be removed.
    pub fn remove(&self, name: &OsStr) -> io::Result<()> {
        Ok(unlinkat(&self.0, name, UnlinkatFlags::NoRemoveDir)?)
    }

    fn rename(&self, temporary: &OsStr, name: &OsStr) -> io::Result<()> {
        renameat(&self.0, temporary, &self.0, name).inspect_err(|_| drop(self.remove(temporary)))?;
        Ok(())
    }

    fn create_temporary(&self) -> io::Result<(File, OsString)> {
        let flags = OFlag::O_RDWR | OFlag::O_APPEND | OFlag::O_CREAT | OFlag::O_EXCL;
        let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
        for _ in 0..TRIES {
            let name = temporary_name();
            match open_at(&self.0, Path::new(&name), flags) {
                Ok(file) => return Ok((file, name)),
                Err(error) => last = error,
            }
            if last.kind() != io::ErrorKind::AlreadyExists {
                break;
            }
        }
        Err(last)
    }
}

fn temporary_name() -> OsString {
    static MADE: AtomicU64 = AtomicU64::new(0);
    format!(".ssmscope-{}-{}.tmp", process::id(), MADE.fetch_add(1, Ordering::Relaxed)).into()
}

fn open_folder(path: &str) -> io::Result<File> {
    open_at(AT_FDCWD, Path::new(path), OFlag::O_PATH | OFlag::O_DIRECTORY)
}

fn open_at(folder: impl std::os::fd::AsFd, name: &Path, flags: OFlag) -> io::Result<File> {
    Ok(File::from(openat(folder, name, flags | OFlag::O_CLOEXEC, Mode::from_bits_truncate(PRIVATE))?))
}

/// The components of a path; an absolute one begins with `/`.
fn components(path: &Path) -> VecDeque<PathBuf> {
    path.components()
        .filter(|part| *part != Component::CurDir)
        .map(|part| PathBuf::from(part.as_os_str()))
        .collect()
}

/// Whether the process began as root. What it becomes later is chosen by where it writes.
fn began_as_root() -> bool {
    static BEGAN: OnceLock<bool> = OnceLock::new();
    *BEGAN.get_or_init(|| geteuid().is_root())
}

/// Is called before any right is given up, so that links are judged by the rights that the process began with.
pub fn note_rights() {
    began_as_root();
}

/// Whether a link may be followed that lies in `folder`: root made it, this user, or who called sudo. For a user who is not root, the folder's
/// owner may have made it as well, unless everybody can write there (cf. fs.protected_symlinks in proc_sys_fs(5)).
fn is_trusted(link: &Metadata, folder: &Metadata) -> bool {
    let sudo = || env::var("SUDO_UID").ok()?.parse::<u32>().ok();
    let is_owner_s = || link.uid() == folder.uid() && folder.mode() & 0o002 == 0;
    match link.uid() {
        0 => true,
        owner if owner == geteuid().as_raw() => true,
        owner if began_as_root() => sudo() == Some(owner),
        _ => is_owner_s(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;
    use std::os::unix::fs::{lchown, symlink};

    use super::*;

    #[test]
    fn a_folder_is_found_as_the_kernel_finds_it() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir_all(at("a/b")).unwrap();
        symlink("a/./b", at("relative")).unwrap();
        symlink(at("a"), at("absolute")).unwrap();
        symlink("loop", at("loop")).unwrap();
        fs::write(at("file"), "").unwrap();
        for (path, same) in [
            ("a/b", "a/b"),
            ("relative", "a/b"),
            ("relative/..", "a"),
            ("absolute/b/../b", "a/b"),
            ("./a//b/.", "a/b"),
        ] {
            let found = File::from(Folder::open(&at(path)).unwrap().0).metadata().unwrap();
            assert_eq!(found.ino(), fs::metadata(at(same)).unwrap().ino(), "{path}");
        }
        assert!(Folder::open(Path::new(".")).is_ok() && Folder::open(Path::new("/")).is_ok());
        for path in ["loop", "file", "file/..", "none", "a/none/b"] {
            assert!(Folder::open(&at(path)).is_err(), "{path}");
        }
        for path in ["a/", "a/..", "/"] {
            assert!(Folder::of(&at(path)).is_err(), "{path}");
        }
    }

    #[test]
    fn no_component_may_be_another_user_s_link() {
        if !geteuid().is_root() {
            eprintln!("skipped: only root can make a link another user's");
            return;
        }
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir_all(at("theirs/own/b")).unwrap();
        for (target, link) in [("theirs", "link"), ("link", "of-link")] {
            symlink(target, at(link)).unwrap();
        }
        symlink("../theirs", at("theirs/inner")).unwrap();
        assert!(Folder::open(&at("of-link/own/b")).is_ok(), "root made these");
        for link in ["link", "theirs/inner"] {
            lchown(at(link), Some(65_534), None).unwrap();
        }
        lchown(at("theirs"), Some(65_534), None).unwrap();
        for path in
            ["link", "link/own", "link/own/b", "of-link/own", "theirs/inner", "theirs/own/../inner/own"]
        {
            let error = Folder::open(&at(path)).err().unwrap().to_string();
            assert!(error.contains("is a symbolic link of another user"), "{path}: {error}");
        }
        assert!(Folder::open(&at("theirs/own/b")).is_ok());
    }

    #[test]
    fn a_file_takes_its_place_with_and_without_a_name() {
        let root = tempfile::tempdir().unwrap();
        let (folder, name) = Folder::of(&root.path().join("x")).unwrap();
        for text in ["one", "two"] {
            let file = folder.nameless().unwrap();
            (&file).write_all(text.as_bytes()).unwrap();
            folder.put(&file, &name).unwrap();
            assert_eq!(fs::read_to_string(root.path().join("x")).unwrap(), text);
        }
        let (mut file, temporary) = folder.create_temporary().unwrap();
        folder.remove(&temporary).unwrap();
        file.write_all(b"three").unwrap();
        // What had a name and lost it can't get another: it is copied.
        folder.put(&file, &name).unwrap();
        assert_eq!(fs::read_to_string(root.path().join("x")).unwrap(), "three");
        assert_eq!(fs::metadata(root.path().join("x")).unwrap().mode() & 0o777, PRIVATE);
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
        assert_eq!(folder.create(&name).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    }
}
