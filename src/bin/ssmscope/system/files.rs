//! Files that an option names: small ones, read within a bound, so that a device or a capture by mistake costs nothing; and
//! those for packets, which may hold what is nobody else's business.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use nix::fcntl::OFlag;
use nix::unistd::geteuid;
use zeroize::Zeroizing;

use super::folder::Folder;

/// Most bytes of a file of certificates: 50 times a system's store.
pub const CERTIFICATE_BYTES: u64 = 16 * 1024 * 1024;

/// Most bytes of a time zone's file: the largest has some 4,000.
const ZONE_BYTES: u64 = 256 * 1024;

/// Where the system's time zones are, where TZDIR names no other place (tzset(3)).
const ZONES: &str = "/usr/share/zoneinfo";

/// Reads a file or a pipe of at most `most` bytes.
///
/// # Errors
/// When it can't be read, or is larger.
pub fn read_bounded(path: &Path, most: u64) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {most} bytes")));
    }
    Ok(bytes)
}

/// Creates a file that only its owner can read. An existing file of that name is replaced and not written to, so that nobody who has
/// it open, or made a link to it, gets the packets; a pipe or a device is written to.
///
/// # Errors
/// When it can't be written, when a symbolic link or a folder has that name, and those of [`Folder::open`].
pub fn create_private(path: &Path) -> io::Result<File> {
    let (folder, name) = Folder::of(path)?;
    create_in(&folder, &name)
}

fn create_in(folder: &Folder, name: &OsStr) -> io::Result<File> {
    match folder.create(name) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        created => return created,
    }
    let there = folder.about(name)?.file_type();
    if there.is_file() {
        return folder.replace(name);
    }
    if there.is_symlink() || there.is_dir() {
        let what =
            if there.is_dir() { "it is a directory" } else { "it is a symbolic link, which is not followed" };
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, what));
    }
    folder.open_existing(name, OFlag::empty())
}

/// A file of packets that gets its name when it is whole, so that a run that fails leaves what was there.
pub struct NewFile {
    folder: Folder,
    name: OsString,
    file: File,
    /// Whether it has no name yet.
    is_nameless: bool,
    /// Whether it was created under its name, and is removed unless it is finished.
    is_removed: bool,
}

impl NewFile {
    /// Begins a file that only its owner can read. Where it can't be put into its place later (`is_put_later`), it has its name
    /// at once, as where a pipe or a device has that name.
    ///
    /// # Errors
    /// Those of [`create_private`].
    pub fn begin(path: &Path, is_put_later: bool) -> io::Result<Self> {
        let (folder, name) = Folder::of(path)?;
        let there = folder.about(&name).ok();
        let is_replaceable = there.as_ref().is_none_or(fs::Metadata::is_file);
        if is_put_later
            && is_replaceable
            && let Ok(file) = folder.nameless()
        {
            return Ok(Self { folder, name, file, is_nameless: true, is_removed: false });
        }
        let file = create_in(&folder, &name)?;
        Ok(Self { folder, name, file, is_nameless: false, is_removed: there.is_none() })
    }

    /// What is written to.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// When it can't have it.
    pub fn finish(mut self) -> io::Result<()> {
        self.is_removed = false;
        if self.is_nameless { self.folder.put(&self.file, &self.name) } else { Ok(()) }
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if self.is_removed {
            let _ = self.folder.remove(&self.name);
        }
    }
}

/// Makes a folder, if it is not there.
///
/// # Errors
/// When it can't be made, and those of [`Folder::open`], since it is written to.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    if let Some(name) = folder.file_name() {
        let parent = folder.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
        match Folder::open(parent)?.make_folder(name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return made,
        }
    }
    Folder::open(folder).map(drop)
}

/// Whether a folder's path, as far as it is there, has no link that another user made.
///
/// # Errors
/// When it has one.
pub fn refuse_foreign_links(folder: &Path) -> io::Result<()> {
    for folder in folder.ancestors().filter(|folder| *folder != Path::new("")) {
        match Folder::open(folder) {
            // It will be made.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            opened => return opened.map(drop),
        }
    }
    Ok(())
}

/// Removes a file, if it is there.
///
/// # Errors
/// When it can't be removed, and those of [`Folder::open`].
pub fn remove(path: &Path) -> io::Result<()> {
    let (folder, name) = Folder::of(path)?;
    folder
        .remove(&name)
        .or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

/// Continues a file that [`create_private`] created, or creates it again after it was moved away.
///
/// # Errors
/// When it can't be written, and when the file that has that name now is not the process's own.
pub fn append_private(path: &Path) -> io::Result<File> {
    let (folder, name) = Folder::of(path)?;
    match folder.create(&name) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        created => return created,
    }
    let file = folder.open_existing(&name, OFlag::O_APPEND)?;
    let about = file.metadata()?;
    if about.is_file() && (about.uid() != geteuid().as_raw() || about.nlink() > 1) {
        return Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "another user owns the file of that name, or it has further names",
        ));
    }
    Ok(file)
}

/// The local time zone; UTC where TZ names something that is no file of that size, such as a pipe, a device or a file of
/// the kernel's, which has no size.
pub fn zone() -> TimeZone {
    let named = std::env::var_os("TZ").unwrap_or_default();
    let name = named.to_string_lossy();
    let name = name.strip_prefix(':').unwrap_or(&name);
    let folder = std::env::var_os("TZDIR").map_or_else(|| PathBuf::from(ZONES), PathBuf::from);
    // An absolute path stays as it is.
    for place in [folder.join(name), Path::new(ZONES).join(name), PathBuf::from(name)] {
        if let Ok(about) = fs::metadata(place)
            && !name.is_empty()
            && !(about.is_dir() || about.is_file() && (1..=ZONE_BYTES).contains(&about.len()))
        {
            return TimeZone::UTC;
        }
    }
    TimeZone::system()
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::{PermissionsExt, lchown, symlink};

    use super::super::folder::PRIVATE;
    use super::*;

    #[test]
    fn a_folder_is_made_or_taken_but_not_through_another_user_s_link() {
        let folder = tempfile::tempdir().unwrap();
        let [made, link, file] = ["made", "link", "file"].map(|name| folder.path().join(name));
        make_folder(&made).unwrap();
        make_folder(&made).unwrap();
        fs::write(&file, "").unwrap();
        assert!(make_folder(&file).is_err());
        symlink(&made, &link).unwrap();
        make_folder(&link).unwrap();
        if !geteuid().is_root() {
            eprintln!("skipped: only root can make a link another user's");
            return;
        }
        lchown(&link, Some(65_534), None).unwrap();
        assert!(make_folder(&link).unwrap_err().to_string().contains("symbolic link of another user"));
        for path in ["x", "sub/x"] {
            let path = link.join(path);
            let errors = [
                make_folder(&path).err(),
                refuse_foreign_links(&path).err(),
                create_private(&path).err(),
                append_private(&path).err(),
                NewFile::begin(&path, true).err(),
                NewFile::begin(&path, false).err(),
                remove(&path).err(),
            ];
            for error in errors {
                assert!(error.unwrap().to_string().contains("symbolic link of another user"));
            }
        }
        refuse_foreign_links(&made.join("not/yet")).unwrap();
        assert_eq!(fs::read_dir(&made).unwrap().count(), 0);
    }

    #[test]
    fn a_new_file_can_be_read_by_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = create_private(&folder.path().join("capture.pcapng")).unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, PRIVATE);
    }

    #[test]
    fn what_has_the_name_of_a_new_file_is_replaced_and_never_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let [path, other, link] = ["capture.pcapng", "other", "link"].map(|name| folder.path().join(name));
        fs::write(&path, "before").unwrap();
        fs::hard_link(&path, &other).unwrap();
        symlink(&other, &link).unwrap();
        create_private(&path).unwrap().write_all(b"packets").unwrap();
        assert_eq!(
            (fs::read(&path).unwrap(), fs::read(&other).unwrap()),
            (b"packets".to_vec(), b"before".to_vec())
        );
        assert!(create_private(&link).unwrap_err().to_string().contains("symbolic link"));
        assert!(append_private(&link).is_err());
        fs::hard_link(&path, folder.path().join("third")).unwrap();
        assert!(append_private(&path).is_err(), "it has another name");
        fs::remove_file(&path).unwrap();
        append_private(&path).unwrap().write_all(b"one").unwrap();
        append_private(&path).unwrap().write_all(b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"onetwo");
        assert_eq!(fs::read(&other).unwrap(), b"before");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4, "nothing is left");
        create_private(Path::new("/dev/null")).unwrap();
    }

    #[test]
    fn a_new_file_has_its_name_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shown.pcapng");
        for is_put_later in [true, false] {
            drop(NewFile::begin(&path, is_put_later).unwrap());
            assert!(!path.exists(), "nothing is left of a run that fails");
        }
        fs::write(&path, "before").unwrap();
        let new = NewFile::begin(&path, true).unwrap();
        new.file().write_all(b"packets").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"before");
        new.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"packets");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, PRIVATE);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(NewFile::begin(folder.path(), true).is_err());
        NewFile::begin(Path::new("/dev/null"), true).unwrap().finish().unwrap();
    }

    #[test]
    fn a_device_is_read_no_further_than_a_file_may_be_long() {
        let error = read_bounded(Path::new("/dev/zero"), 4_096).unwrap_err();
        assert_eq!(error.to_string(), "it is larger than 4096 bytes");
        assert_eq!(read_bounded(Path::new("/dev/null"), 0).unwrap().len(), 0);
    }
}
