//! Files that an option names: small ones, read within a bound, so that a device or a capture by mistake costs nothing; and
//! those for packets, which may hold what is nobody else's business.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use zeroize::Zeroizing;

/// Most bytes of a file of certificates: 50 times a system's store.
pub const CERTIFICATE_BYTES: u64 = 16 * 1024 * 1024;

/// Most bytes of a time zone's file: the largest has some 4,000.
const ZONE_BYTES: u64 = 256 * 1024;

/// Where the system's time zones are, where TZDIR names no other place (tzset(3)).
const ZONES: &str = "/usr/share/zoneinfo";

/// Readable by its owner alone.
pub const PRIVATE: u32 = 0o600;

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

/// Creates a file, or empties the one that is there. A new one can be read by its owner alone.
///
/// # Errors
/// When it can't be written.
pub fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(PRIVATE).open(path)
}

/// The local time zone; UTC where TZ names something that is no file of that size, such as a pipe or a device.
pub fn zone() -> TimeZone {
    let named = std::env::var_os("TZ").unwrap_or_default();
    let name = named.to_string_lossy();
    let name = name.strip_prefix(':').unwrap_or(&name);
    let folder = std::env::var_os("TZDIR").map_or_else(|| PathBuf::from(ZONES), PathBuf::from);
    // An absolute path stays as it is.
    for place in [folder.join(name), Path::new(ZONES).join(name), PathBuf::from(name)] {
        if let Ok(about) = fs::metadata(place)
            && !name.is_empty()
            && !(about.is_dir() || about.is_file() && about.len() <= ZONE_BYTES)
        {
            return TimeZone::UTC;
        }
    }
    TimeZone::system()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_new_file_can_be_read_by_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = create_private(&folder.path().join("capture.pcapng")).unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, PRIVATE);
    }

    #[test]
    fn a_device_is_read_no_further_than_a_file_may_be_long() {
        let error = read_bounded(Path::new("/dev/zero"), 4_096).unwrap_err();
        assert_eq!(error.to_string(), "it is larger than 4096 bytes");
        assert_eq!(read_bounded(Path::new("/dev/null"), 0).unwrap().len(), 0);
    }
}
